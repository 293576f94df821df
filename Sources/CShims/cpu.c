#include "cshims.h"

bool cshims_cpu_has_avx2(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
#else
  return false;
#endif
}

bool cshims_baseline_is_used = false;

// Before anything else runs.
__attribute__((constructor)) static void begin(void) {
  cshims_baseline_is_used = !cshims_cpu_has_avx2();
}

void cshims_use_baseline(bool use) {
  __atomic_store_n(&cshims_baseline_is_used, use, __ATOMIC_RELAXED);
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
