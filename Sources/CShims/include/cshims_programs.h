#ifndef ARCUATE_CSHIMS_PROGRAMS_H
#define ARCUATE_CSHIMS_PROGRAMS_H

// Included at the end of cshims.h.

// What neuron programs compute besides sums and products, on as many lanes as a register has.

/// The square roots.
CSHIMS_INLINE cshims_lanes cshims_sqrt(cshims_lanes a) {
#if defined(__AVX512F__)
  return (cshims_lanes)_mm512_sqrt_ps((__m512)a);
#elif defined(__AVX2__)
  return (cshims_lanes)_mm256_sqrt_ps((__m256)a);
#else
  for (int i = 0; i < (int)(sizeof a / sizeof a[0]); i++) a[i] = __builtin_sqrtf(a[i]);
  return a;
#endif
}

/// The numbers without and with the other sign.
CSHIMS_INLINE cshims_lanes cshims_abs(cshims_lanes a) {
  return (cshims_lanes)((cshims_mask)a & 0x7FFFFFFF);
}
CSHIMS_INLINE cshims_lanes cshims_negative(cshims_lanes a) {
  return (cshims_lanes)((cshims_mask)a ^ (int32_t)0x80000000);
}

/// The lanes as they are in memory, as the other type.
CSHIMS_INLINE cshims_mask cshims_as_integers(cshims_lanes a) { return (cshims_mask)a; }
CSHIMS_INLINE cshims_lanes cshims_as_lanes(cshims_mask a) { return (cshims_lanes)a; }

/// Integers as numbers.
CSHIMS_INLINE cshims_lanes cshims_to_numbers(cshims_mask a) {
  return __builtin_convertvector(a, cshims_lanes);
}

/// Numbers as integers, towards zero. Numbers beyond the range of int32 become its ends, NaN 0.
CSHIMS_INLINE cshims_mask cshims_to_integers(cshims_lanes a) {
  cshims_lanes zero = {0};
  cshims_mask large = a >= 2147483648.0f, small = a < -2147483648.0f;
  cshims_lanes safe = cshims_select(large | small | (cshims_mask)(a != a), zero, a);
  cshims_mask whole = __builtin_convertvector(safe, cshims_mask);
  return (whole & ~(large | small)) | (large & INT32_MAX) | (small & INT32_MIN);
}

// Integers wrap around.
CSHIMS_INLINE cshims_mask cshims_add_integers(cshims_mask a, cshims_mask b) {
  typedef uint32_t lanes __attribute__((vector_size(sizeof(cshims_mask))));
  return (cshims_mask)((lanes)a + (lanes)b);
}
CSHIMS_INLINE cshims_mask cshims_subtract_integers(cshims_mask a, cshims_mask b) {
  typedef uint32_t lanes __attribute__((vector_size(sizeof(cshims_mask))));
  return (cshims_mask)((lanes)a - (lanes)b);
}
CSHIMS_INLINE cshims_mask cshims_multiply_integers(cshims_mask a, cshims_mask b) {
  typedef uint32_t lanes __attribute__((vector_size(sizeof(cshims_mask))));
  return (cshims_mask)((lanes)a * (lanes)b);
}
/// The shift count is taken modulo 32; shifts to the right are arithmetic.
CSHIMS_INLINE cshims_mask cshims_shift_left(cshims_mask a, cshims_mask places) {
  typedef uint32_t lanes __attribute__((vector_size(sizeof(cshims_mask))));
  return (cshims_mask)((lanes)a << (lanes)(places & 31));
}
CSHIMS_INLINE cshims_mask cshims_shift_right(cshims_mask a, cshims_mask places) {
  return a >> (places & 31);
}
CSHIMS_INLINE cshims_mask cshims_greater_integers(cshims_mask a, cshims_mask b) { return a > b; }
CSHIMS_INLINE cshims_mask cshims_equal_integers(cshims_mask a, cshims_mask b) { return a == b; }

/// a * 2^n for n in -252 ... 254, rounded once where the result is subnormal.
CSHIMS_INLINE cshims_lanes cshims_scale(cshims_lanes a, cshims_mask n) {
  cshims_mask half = n >> 1, rest = n - half;
  cshims_lanes first = (cshims_lanes)((half + 127) << 23);
  cshims_lanes second = (cshims_lanes)((rest + 127) << 23);
  return a * first * second;
}

/// Writes zeros, a multiple of 16 of them, to an address aligned to 64 bytes, for which the C
/// library would take as long as for many more.
CSHIMS_INLINE void cshims_clear(float *p, intptr_t count) {
  typedef float line __attribute__((vector_size(64)));
  line zero = {0};
  for (intptr_t i = 0; i < count; i += 16) {
    *(line *)(p + i) = zero;
    // Keeps this from becoming a call of memset.
    __asm__ volatile("" ::: "memory");
  }
}

#if defined(__AVX512F__)
typedef cshims_u32x16 cshims_words;
#else
typedef cshims_u32x8 cshims_words;
#endif

/// Both halves of products of 32 bits.
CSHIMS_INLINE void cshims_multiply_words(cshims_words a, uint32_t b, cshims_words *high,
                                         cshims_words *low) {
#if defined(__AVX512F__)
  __m512i k = _mm512_set1_epi32((int32_t)b);
  __m512i even = _mm512_mul_epu32((__m512i)a, k);
  __m512i odd = _mm512_mul_epu32(_mm512_srli_epi64((__m512i)a, 32), k);
  *low = (cshims_words)_mm512_mask_blend_epi32(0xAAAA, even, _mm512_slli_epi64(odd, 32));
  *high = (cshims_words)_mm512_mask_blend_epi32(0xAAAA, _mm512_srli_epi64(even, 32), odd);
#else
  cshims_multiply_wide(a, b, high, low);
#endif
}
CSHIMS_PHILOX(cshims_philox_words, cshims_words, cshims_multiply_words)

/// `count` uniform numbers in [0, 1) with 24 random bits, for the elements from `first` on, of
/// which both are multiples of 16.
///
/// Element 32 b + 8 w + c has word w of Philox4x32 with ten rounds for the counter 8 b + c: all
/// four words are used.
CSHIMS_INLINE void cshims_uniform_row(float *y, uint32_t first, int32_t count, uint64_t step,
                                      uint32_t stream, uint32_t key0, uint32_t key1) {
  enum { counters = sizeof(cshims_words) / 4, elements = 4 * counters };
  uint32_t last = first + (uint32_t)count;
  for (uint32_t block = first & ~(uint32_t)(elements - 1); block < last; block += elements) {
    cshims_words zero = {0};
    cshims_words words[4] = {zero, zero + (uint32_t)step, zero + (uint32_t)(step >> 32),
                             zero + stream};
    for (int i = 0; i < counters; i++) words[0][i] = block / 4 + (uint32_t)i;
    cshims_philox_words(words, key0, key1);
    for (int w = 0; w < 4; w++) {
      typedef int32_t integers __attribute__((vector_size(sizeof(cshims_words))));
      typedef float numbers __attribute__((vector_size(sizeof(cshims_words))));
      numbers u = __builtin_convertvector((integers)(words[w] >> 8), numbers) * 0x1p-24f;
      for (int half = 0; half < counters / 8; half++) {
        uint32_t at = block + (uint32_t)(32 * half + 8 * w);
        if (at < first || at >= last) continue;
        __builtin_memcpy(y + (at - first), (const float *)&u + 8 * half, 32);
      }
    }
  }
}

#endif
