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
/// Of the number of places the lower five bits count; to the right the sign is kept.
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

/// As many uniform numbers as there are lanes, from a counter on, as `cshims_uniform` gives them.
CSHIMS_INLINE cshims_lanes cshims_uniform_lanes(uint32_t first, uint64_t step, uint32_t stream,
                                                uint32_t key0, uint32_t key1) {
  cshims_u32x8 index = {0, 1, 2, 3, 4, 5, 6, 7};
  index += first;
#if defined(__AVX512F__)
  cshims_f32x8 low = cshims_uniform(index, step, stream, key0, key1);
  cshims_f32x8 high = cshims_uniform(index + 8, step, stream, key0, key1);
  return __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
#else
  return cshims_uniform(index, step, stream, key0, key1);
#endif
}

#endif
