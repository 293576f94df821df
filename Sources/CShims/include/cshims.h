#ifndef ARCUATE_CSHIMS_H
#define ARCUATE_CSHIMS_H

#include <stdbool.h>
#include <stdint.h>

#include <sched.h>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

/// Whether this processor has every instruction the library was compiled for.
bool cshims_cpu_is_supported(void);

// Eight lanes; Swift sees them as SIMD8<Float> and SIMD8<Int32>. Its own comparisons and selections
// of vectors are taken apart into lanes by the compiler, so that these stand in for them.
typedef float cshims_f32x8 __attribute__((vector_size(32)));
typedef int32_t cshims_i32x8 __attribute__((vector_size(32)));

#define CSHIMS_INLINE static inline __attribute__((always_inline))

/// -1 in lanes where a > b, else 0.
CSHIMS_INLINE cshims_i32x8 cshims_greater(cshims_f32x8 a, cshims_f32x8 b) { return a > b; }
/// -1 in lanes where a >= b, else 0.
CSHIMS_INLINE cshims_i32x8 cshims_greater_equal(cshims_f32x8 a, cshims_f32x8 b) { return a >= b; }
/// -1 in lanes where a == b, else 0.
CSHIMS_INLINE cshims_i32x8 cshims_equal(cshims_f32x8 a, cshims_f32x8 b) { return a == b; }
/// -1 in lanes where a differs from b or one of them is not a number, else 0.
CSHIMS_INLINE cshims_i32x8 cshims_not_equal(cshims_f32x8 a, cshims_f32x8 b) { return a != b; }

/// a where the mask is -1, b where it is 0.
CSHIMS_INLINE cshims_f32x8 cshims_select(cshims_i32x8 mask, cshims_f32x8 a, cshims_f32x8 b) {
#if defined(__AVX2__)
  return (cshims_f32x8)_mm256_blendv_ps((__m256)b, (__m256)a, (__m256)mask);
#else
  return (cshims_f32x8)(((cshims_i32x8)a & mask) | ((cshims_i32x8)b & ~mask));
#endif
}

/// The largest integers that are not larger.
CSHIMS_INLINE cshims_f32x8 cshims_floor(cshims_f32x8 a) { return __builtin_elementwise_floor(a); }

/// Bit i is set where lane i of the mask is -1.
CSHIMS_INLINE uint32_t cshims_bits(cshims_i32x8 mask) {
#if defined(__AVX2__)
  return (uint32_t)_mm256_movemask_ps((__m256)mask);
#else
  uint32_t bits = 0;
  for (int i = 0; i < 8; i++) bits |= (uint32_t)(mask[i] & 1) << i;
  return bits;
#endif
}

/// Whether a lane of either mask is -1; cheaper than their bits.
CSHIMS_INLINE bool cshims_any(cshims_i32x8 a, cshims_i32x8 b) {
#if defined(__AVX2__)
  __m256 either = _mm256_or_ps((__m256)a, (__m256)b);
  return !_mm256_testz_ps(either, either);
#else
  return (cshims_bits(a) | cshims_bits(b)) != 0;
#endif
}

/// Appends first + i to the list for every bit i of `bits`, in ascending order; returns how many.
/// The list must have room for eight.
CSHIMS_INLINE int64_t cshims_append(uint32_t bits, uint32_t first, uint32_t *list) {
#if defined(__AVX2__)
  // Each bit becomes a byte of ones, which picks the byte that holds its index.
  uint64_t bytes = _pdep_u64(bits, 0x0101010101010101u) * 0xFF;
  uint64_t packed = _pext_u64(0x0706050403020100u, bytes);
  __m256i indices = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)packed));
  indices = _mm256_add_epi32(indices, _mm256_set1_epi32((int)first));
  _mm256_storeu_si256((__m256i *)list, indices);
#else
  uint32_t *end = list;
  for (uint32_t rest = bits; rest != 0; rest &= rest - 1) {
    *end++ = first + (uint32_t)__builtin_ctz(rest);
  }
#endif
  return __builtin_popcount(bits);
}

/// Asks for a cache line that will be read soon.
CSHIMS_INLINE void cshims_prefetch(const void *line) { __builtin_prefetch(line); }

/// Tells the processor that this is a loop that waits.
CSHIMS_INLINE void cshims_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// All threads see these in one order.
CSHIMS_INLINE uint32_t cshims_load(const uint32_t *word) {
  return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}
CSHIMS_INLINE void cshims_store(uint32_t *word, uint32_t value) {
  __atomic_store_n(word, value, __ATOMIC_SEQ_CST);
}
/// Subtracts 1; returns what is left.
CSHIMS_INLINE uint32_t cshims_decrement(uint32_t *word) {
  return __atomic_sub_fetch(word, 1, __ATOMIC_SEQ_CST);
}

/// Waits a little, some tens of microseconds, until the word is no longer `value`; whether it is.
CSHIMS_INLINE bool cshims_changes(const uint32_t *word, uint32_t value) {
  for (int spins = 0; spins < 2000; spins++) {
    if (__atomic_load_n(word, __ATOMIC_ACQUIRE) != value) return true;
    cshims_pause();
  }
  return false;
}

/// Returns when `count` threads have called it; both words begin at 0. Gives the processor away
/// when it takes long, since the others may be waiting for it.
CSHIMS_INLINE void cshims_meet(uint32_t *come, uint32_t *round, uint32_t count) {
  uint32_t now = __atomic_load_n(round, __ATOMIC_ACQUIRE);
  if (__atomic_add_fetch(come, 1, __ATOMIC_ACQ_REL) == count) {
    __atomic_store_n(come, 0, __ATOMIC_RELAXED);
    __atomic_store_n(round, now + 1, __ATOMIC_RELEASE);
    return;
  }
  for (uint32_t spins = 0; __atomic_load_n(round, __ATOMIC_ACQUIRE) == now; spins++) {
    if (spins < 1 << 12) {
      cshims_pause();
    } else {
      sched_yield();
    }
  }
}

#endif
