#include "cshims.h"

bool cshims_cpu_is_supported(void) {
#if defined(__AVX2__)
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
#else
  return true;
#endif
}

bool cshims_cpu_has_avx512(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
#else
  return false;
#endif
}

bool cshims_avx512_is_used = false;

void cshims_use_avx512(bool use) {
  __atomic_store_n(&cshims_avx512_is_used, use, __ATOMIC_RELAXED);
}

bool cshims_tiles_are_used = false;

void cshims_use_tiles(bool use) { __atomic_store_n(&cshims_tiles_are_used, use, __ATOMIC_RELAXED); }
