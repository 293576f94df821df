#ifndef ARCUATE_CSHIMS_H
#define ARCUATE_CSHIMS_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

/// Whether this processor has AVX2, FMA and what else the narrow kernels were compiled for.
bool cshims_cpu_has_avx2(void);

/// Uses the kernels for any processor from now on, or no longer. They are used until then where the
/// processor has no AVX2.
void cshims_use_baseline(bool use);

/// Whether it has all of AVX-512 that the wide kernels were compiled for, and the system allows it.
bool cshims_cpu_has_avx512(void);

/// Uses the wide kernels from now on, or no longer.
void cshims_use_avx512(bool use);

/// Whether this processor has tiles of bytes and bfloat16 (AMX), and the system lets this process
/// use them, for which it is asked.
bool cshims_cpu_has_tiles(void);

/// Uses tiles from now on, or no longer. Needs the wide kernels.
void cshims_use_tiles(bool use);

/// Forks between the first call in an ancestor of this process and now: differs in a child from
/// what its parent got.
uint32_t cshims_forks(void);

/// A request to end calls early. `poll`, if any, is asked from time to time by the thread of a
/// call.
typedef struct {
  uint32_t requested;
  int32_t (*poll)(void *context);
  void *context;
  uint64_t next_ns;
} cshims_cancel;

/// The request that calls of this thread go by, or NULL.
void cshims_cancel_watch(cshims_cancel *cancel);
cshims_cancel *cshims_cancel_watched(void);
/// A call begins: `poll` is first asked a while from now.
void cshims_cancel_begin(void);
/// Whether the call of this thread is to end.
bool cshims_cancel_poll(cshims_cancel *cancel);

/// Gives memory that is free back to the system, where the C library can.
void cshims_trim_memory(void);

#define CSHIMS_INLINE static inline __attribute__((always_inline))

extern bool cshims_baseline_is_used;
/// Whether the kernels for any processor are used.
CSHIMS_INLINE bool cshims_uses_baseline(void) {
  return __builtin_expect(__atomic_load_n(&cshims_baseline_is_used, __ATOMIC_RELAXED), 0);
}

extern bool cshims_avx512_is_used;
/// Whether the wide kernels are used; false until `cshims_use_avx512` was called.
CSHIMS_INLINE bool cshims_uses_avx512(void) {
  return __atomic_load_n(&cshims_avx512_is_used, __ATOMIC_RELAXED);
}

extern bool cshims_tiles_are_used;
/// Whether tiles are used.
CSHIMS_INLINE bool cshims_uses_tiles(void) {
  return __atomic_load_n(&cshims_tiles_are_used, __ATOMIC_RELAXED);
}

/// Makes a request or takes it back; safe in signal handlers.
CSHIMS_INLINE void cshims_cancel_request(cshims_cancel *cancel, bool request) {
  __atomic_store_n(&cancel->requested, request, __ATOMIC_RELAXED);
}
CSHIMS_INLINE bool cshims_cancel_is_requested(const cshims_cancel *cancel) {
  return __atomic_load_n(&cancel->requested, __ATOMIC_RELAXED) != 0;
}

// Vectors wider than registers are only passed to functions that are always inlined.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpsabi"

typedef float cshims_f32x8 __attribute__((vector_size(32)));
typedef int32_t cshims_i32x8 __attribute__((vector_size(32)));
typedef uint32_t cshims_u32x8 __attribute__((vector_size(32)));
// Sixteen lanes: one register with AVX-512, two without.
typedef float cshims_f32x16 __attribute__((vector_size(64)));
typedef int32_t cshims_i32x16 __attribute__((vector_size(64)));
typedef uint32_t cshims_u32x16 __attribute__((vector_size(64)));

// As many lanes as a register has; Swift sees SIMD8 or SIMD16 of Float and Int32. Its own
// comparisons and selections of vectors are taken apart into lanes by the compiler, so that these
// stand in for them.
#if defined(__AVX512F__)
typedef cshims_f32x16 cshims_lanes;
typedef cshims_i32x16 cshims_mask;
#else
typedef cshims_f32x8 cshims_lanes;
typedef cshims_i32x8 cshims_mask;
#endif

/// -1 in lanes where a > b, else 0.
CSHIMS_INLINE cshims_mask cshims_greater(cshims_lanes a, cshims_lanes b) { return a > b; }
/// -1 in lanes where a >= b, else 0.
CSHIMS_INLINE cshims_mask cshims_greater_equal(cshims_lanes a, cshims_lanes b) { return a >= b; }
/// -1 in lanes where a == b, else 0.
CSHIMS_INLINE cshims_mask cshims_equal(cshims_lanes a, cshims_lanes b) { return a == b; }
/// -1 in lanes where a differs from b or one of them is not a number, else 0.
CSHIMS_INLINE cshims_mask cshims_not_equal(cshims_lanes a, cshims_lanes b) { return a != b; }

/// a where the mask is -1, b where it is 0.
CSHIMS_INLINE cshims_lanes cshims_select(cshims_mask mask, cshims_lanes a, cshims_lanes b) {
#if defined(__AVX512F__)
  return (cshims_lanes)_mm512_mask_blend_ps(_mm512_movepi32_mask((__m512i)mask), (__m512)b,
                                            (__m512)a);
#elif defined(__AVX2__)
  return (cshims_lanes)_mm256_blendv_ps((__m256)b, (__m256)a, (__m256)mask);
#else
  return (cshims_lanes)(((cshims_mask)a & mask) | ((cshims_mask)b & ~mask));
#endif
}

/// The largest integers that are not larger.
CSHIMS_INLINE cshims_lanes cshims_floor(cshims_lanes a) { return __builtin_elementwise_floor(a); }

/// Bit i is set where lane i of the mask is -1.
CSHIMS_INLINE uint32_t cshims_bits(cshims_mask mask) {
#if defined(__AVX512F__)
  return _mm512_movepi32_mask((__m512i)mask);
#elif defined(__AVX2__)
  return (uint32_t)_mm256_movemask_ps((__m256)mask);
#else
  uint32_t bits = 0;
  for (int i = 0; i < 8; i++) bits |= (uint32_t)(mask[i] & 1) << i;
  return bits;
#endif
}

/// Whether a lane of the mask is -1; may be cheaper than their bits.
CSHIMS_INLINE bool cshims_any(cshims_mask mask) {
#if defined(__AVX2__) && !defined(__AVX512F__)
  return !_mm256_testz_ps((__m256)mask, (__m256)mask);
#else
  return cshims_bits(mask) != 0;
#endif
}

#if defined(__AVX512F__)
/// The lanes whose bits are set, from an address of any alignment; the others are 0 and not read.
CSHIMS_INLINE cshims_lanes cshims_load_lanes(const float *p, uint32_t bits) {
  return (cshims_lanes)_mm512_maskz_loadu_ps((__mmask16)bits, p);
}
/// Writes the lanes whose bits are set, and nothing else.
CSHIMS_INLINE void cshims_store_lanes(cshims_lanes v, float *p, uint32_t bits) {
  _mm512_mask_storeu_ps(p, (__mmask16)bits, (__m512)v);
}
#endif

/// For each mask of eight bits, the positions of its set bits in ascending order, one byte each.
extern const uint64_t cshims_bit_positions[256];

/// Appends first + i to the list for every bit i of `bits`, one for each lane, in ascending order;
/// returns how many. The list must have space for as many as there are lanes.
CSHIMS_INLINE int64_t cshims_append(uint32_t bits, uint32_t first, uint32_t *list) {
  int count = __builtin_popcount(bits);
#if defined(__AVX512F__)
  // To a register and then to memory: storing compressed lanes takes a hundred cycles on some.
  cshims_u32x16 positions = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  __m512i indices = _mm512_maskz_compress_epi32((__mmask16)bits, (__m512i)(positions + first));
  // Half a register where it holds all: a whole one takes two cycles, and two lines of a cache.
  _mm256_storeu_si256((void *)list, _mm512_castsi512_si256(indices));
  if (__builtin_expect(count > 8, 0)) _mm512_storeu_si512(list, indices);
#else
  typedef uint8_t bytes __attribute__((vector_size(8)));
  cshims_u32x8 indices =
      __builtin_convertvector((bytes)cshims_bit_positions[bits & 0xFF], cshims_u32x8) + first;
  __builtin_memcpy(list, &indices, sizeof indices);
#endif
  return count;
}

/// Asks for the cache line at an address that will soon be read; any address is allowed.
CSHIMS_INLINE void cshims_prefetch(const void *address) { __builtin_prefetch(address, 0, 3); }

/// The same for the second-level cache, which can ask the memory for more lines at once than the
/// first.
CSHIMS_INLINE void cshims_prefetch_far(const void *address) { __builtin_prefetch(address, 0, 2); }

// Weights of eight or more outputs as they lie in memory. Swift sees SIMD16<UInt16>.
typedef uint8_t cshims_u8x8 __attribute__((vector_size(8)));
typedef uint16_t cshims_u16x8 __attribute__((vector_size(16)));
typedef uint16_t cshims_u16x16 __attribute__((vector_size(32)));

/// The upper byte of each lane.
CSHIMS_INLINE cshims_u16x16 cshims_upper(cshims_u16x16 a) { return a >> 8; }

typedef uint8_t cshims_u8x16 __attribute__((vector_size(16)));
typedef uint16_t cshims_u16x32 __attribute__((vector_size(64)));

/// Sixteen bfloat16 as floats. Needs. 32 bytes at p, aligned to 32.
CSHIMS_INLINE cshims_f32x16 cshims_load_bf16x16(const void *p) {
  cshims_u16x16 halves = *(const cshims_u16x16 *)p;
  return (cshims_f32x16)(__builtin_convertvector(halves, cshims_u32x16) << 16);
}

/// Sixteen bytes less 128 as floats. Needs. 16 bytes at p, aligned to 16.
CSHIMS_INLINE cshims_f32x16 cshims_load_centred_x16(const void *p) {
  cshims_u8x16 bytes = *(const cshims_u8x16 *)p;
  return __builtin_convertvector(__builtin_convertvector(bytes, cshims_i32x16), cshims_f32x16) -
         128.0f;
}

/// The upper byte of each of 32 lanes.
CSHIMS_INLINE cshims_u16x32 cshims_upper_x32(cshims_u16x32 a) { return a >> 8; }

/// Sums of 32 columns of bytes, each byte a weight plus 128, added to those of weights in `sums`.
///
/// `whole` has the sums of bytes 2i + 256 times those of bytes 2i + 1, modulo 65536, `upper` those
/// of bytes 2i + 1; `excess` is 128 times the number of bytes of a column. At most 257 of these.
CSHIMS_INLINE void cshims_widen_bytes(cshims_u16x16 whole, cshims_u16x16 upper, int32_t excess,
                                      cshims_i32x8 sums[4]) {
  cshims_u16x16 lower = whole - (upper << 8);
  sums[0] += __builtin_convertvector(
                 __builtin_shufflevector(lower, upper, 0, 16, 1, 17, 2, 18, 3, 19), cshims_i32x8) -
             excess;
  sums[1] += __builtin_convertvector(
                 __builtin_shufflevector(lower, upper, 4, 20, 5, 21, 6, 22, 7, 23), cshims_i32x8) -
             excess;
  sums[2] +=
      __builtin_convertvector(__builtin_shufflevector(lower, upper, 8, 24, 9, 25, 10, 26, 11, 27),
                              cshims_i32x8) -
      excess;
  sums[3] +=
      __builtin_convertvector(__builtin_shufflevector(lower, upper, 12, 28, 13, 29, 14, 30, 15, 31),
                              cshims_i32x8) -
      excess;
}

/// The same, added to the 32 sums at `sums`, aligned to 32 bytes.
CSHIMS_INLINE void cshims_add_bytes(cshims_u16x16 whole, cshims_u16x16 upper, int32_t excess,
                                    int32_t *sums) {
  cshims_widen_bytes(whole, upper, excess, (cshims_i32x8 *)sums);
}

/// y = bias + scale * sum, where sum is that of the bytes and, unless it is NULL, of `before`; of
/// the 32 columns the first `count`, a multiple of 8, are written.
CSHIMS_INLINE void cshims_finish_bytes(cshims_u16x16 whole, cshims_u16x16 upper, int32_t excess,
                                       const int32_t *before, const float *bias, const float *scale,
                                       float *y, int count) {
  cshims_i32x8 sums[4] = {{0}};
  if (before) __builtin_memcpy(sums, before, sizeof sums);
  cshims_widen_bytes(whole, upper, excess, sums);
  for (int i = 0; 8 * i < count; i++) {
    cshims_f32x8 b = *(const cshims_f32x8 *)(bias + 8 * i);
    cshims_f32x8 s = *(const cshims_f32x8 *)(scale + 8 * i);
    cshims_f32x8 product = s * __builtin_convertvector(sums[i], cshims_f32x8);
    *(cshims_f32x8 *)(y + 8 * i) = b + product;
  }
}

/// Makes the tiles of this thread ready, and gives them up. In between, a function of the two below
/// may be called.
void cshims_tiles_begin(void);
void cshims_tiles_end(void);

/// sums += rows * weights, or = where it does not add: 32 rows of bytes, 32 columns, 64 * depth
/// deep.
///
/// A tile is sixteen lines of 64 bytes, and so many follow one another. `upper` and `lower` have
/// `depth` tiles each, a line for each row of bytes. `weights` has `depth` pairs of tiles, one for
/// each sixteen columns, whose lines have four bytes for each column, which meet four of a row.
/// `sums` are four tiles: those of the upper rows, then those of the lower ones.
void cshims_tiles_bytes(const void *upper, const void *lower, const void *weights, intptr_t depth,
                        bool adds, int32_t *sums);

/// The same for rows of bfloat16, 32 * depth deep: `weights` has `parts` pairs of tiles for each
/// tile of a row, and lines of two numbers for each column. Sums are made in an order of the
/// processor's.
void cshims_tiles_halves(const void *upper, const void *lower, const void *weights, intptr_t parts,
                         intptr_t depth, bool adds, float *sums);

/// Packs the weights of as many columns as a line of 64 bytes has, in rows `row_bytes` apart, for
/// the two above: `depth` tiles deep, with zeros from row `inputs` on. Bytes fill two pairs, `pair`
/// bytes apart, bfloat16 one; floats are half of one, as the three numbers of 8 bits that they are
/// the sum of.
void cshims_tiles_pack_bytes(const void *weights, intptr_t row_bytes, intptr_t inputs,
                             intptr_t depth, void *tiles, intptr_t pair);
void cshims_tiles_pack_halves(const void *weights, intptr_t row_bytes, intptr_t inputs,
                              intptr_t depth, void *tiles);
void cshims_tiles_pack_floats(const void *weights, intptr_t row_bytes, intptr_t inputs,
                              intptr_t depth, void *tiles);

/// y = bias + scale * (sum - excess), of sixteen columns.
CSHIMS_INLINE void cshims_finish_sums(const int32_t *sums, int32_t excess, const float *bias,
                                      const float *scale, float *y) {
  cshims_i32x16 sum = *(const cshims_i32x16 *)sums - excess;
  cshims_f32x16 product =
      *(const cshims_f32x16 *)scale * __builtin_convertvector(sum, cshims_f32x16);
  *(cshims_f32x16 *)y = *(const cshims_f32x16 *)bias + product;
}

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

/// Time that only grows.
uint64_t cshims_nanoseconds(void);

/// How many processors the calling thread may run on; UINT32_MAX where that is not known.
uint32_t cshims_processors(void);

/// The processor that the calling thread runs on; UINT32_MAX where that is not known.
uint32_t cshims_processor(void);

/// Moves the calling thread to another of the processors that it may run on, if it stands on this
/// one; it may run on as many as before.
void cshims_leave_processor(uint32_t taken);

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

/// Returns when the word, which grows, is at least `least`. Gives the processor away early: others
/// that are waited for may have none.
CSHIMS_INLINE void cshims_reach(const uint32_t *word, uint32_t least) {
  for (uint32_t spins = 0; __atomic_load_n(word, __ATOMIC_ACQUIRE) < least; spins++) {
    if (spins < 1 << 8) {
      cshims_pause();
    } else {
      sched_yield();
    }
  }
}

// Both halves of eight products of 32 bits.
CSHIMS_INLINE void cshims_multiply_wide(cshims_u32x8 a, uint32_t b, cshims_u32x8 *high,
                                        cshims_u32x8 *low) {
#if defined(__AVX2__)
  __m256i k = _mm256_set1_epi32((int32_t)b);
  __m256i even = _mm256_mul_epu32((__m256i)a, k);
  __m256i odd = _mm256_mul_epu32(_mm256_srli_epi64((__m256i)a, 32), k);
  *low = (cshims_u32x8)_mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xAA);
  *high = (cshims_u32x8)_mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xAA);
#else
  for (int i = 0; i < 8; i++) {
    uint64_t product = (uint64_t)a[i] * b;
    (*low)[i] = (uint32_t)product;
    (*high)[i] = (uint32_t)(product >> 32);
  }
#endif
}

/// Replaces vectors of counters by the four words of Philox4x32 with ten rounds.
#define CSHIMS_PHILOX(name, words, multiply)                          \
  CSHIMS_INLINE void name(words c[4], uint32_t key0, uint32_t key1) { \
    for (int round = 0; round < 10; round++) {                        \
      words h0, l0, h1, l1;                                           \
      multiply(c[0], 0xD2511F53u, &h0, &l0);                          \
      multiply(c[2], 0xCD9E8D57u, &h1, &l1);                          \
      c[0] = h1 ^ c[1] ^ key0;                                        \
      c[1] = l1;                                                      \
      c[2] = h0 ^ c[3] ^ key1;                                        \
      c[3] = l0;                                                      \
      key0 += 0x9E3779B9u;                                            \
      key1 += 0xBB67AE85u;                                            \
    }                                                                 \
  }
CSHIMS_PHILOX(cshims_philox, cshims_u32x8, cshims_multiply_wide)

/// Eight uniform numbers in [0, 1) with 24 random bits: the first words of Philox4x32 with ten
/// rounds for the counters (index, step, stream), as ArcuateCore's CounterRandom gives one by one.
CSHIMS_INLINE cshims_f32x8 cshims_uniform(cshims_u32x8 index, uint64_t step, uint32_t stream,
                                          uint32_t key0, uint32_t key1) {
  cshims_u32x8 zero = {0};
  cshims_u32x8 c[4] = {index, zero + (uint32_t)step, zero + (uint32_t)(step >> 32), zero + stream};
  cshims_philox(c, key0, key1);
  return __builtin_convertvector((cshims_i32x8)(c[0] >> 8), cshims_f32x8) * 0x1p-24f;
}

/// Copies 64 bytes, aligned, to memory that will not be read soon, past the caches; `cshims_fence`
/// comes before anyone else reads it.
CSHIMS_INLINE void cshims_stream_line(const void *from, void *to) {
#if defined(__AVX2__)
  _mm256_stream_si256((__m256i *)to, _mm256_load_si256((const __m256i *)from));
  _mm256_stream_si256((__m256i *)to + 1, _mm256_load_si256((const __m256i *)from + 1));
#else
  __builtin_memcpy(to, from, 64);
#endif
}
CSHIMS_INLINE void cshims_fence(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

/// Turns squares of as many elements as sixteen bytes hold, sixteen bytes from each of as many
/// rows, `from_stride` and `to_stride` bytes apart: each round brings those together whose
/// positions differ in one bit.
#define CSHIMS_TURN(name, element, count, rounds, lower, upper)                                   \
  typedef element name##_row __attribute__((vector_size(16)));                                    \
  CSHIMS_INLINE void name(const void *from, intptr_t from_stride, void *to, intptr_t to_stride) { \
    name##_row rows[2][count];                                                                    \
    for (int i = 0; i < count; i++)                                                               \
      __builtin_memcpy(&rows[0][i], (const char *)from + i * from_stride, 16);                    \
    for (int r = 0; r < rounds; r++)                                                              \
      for (int i = 0; i < count / 2; i++) {                                                       \
        name##_row a = rows[r & 1][i], b = rows[r & 1][i + count / 2];                            \
        rows[~r & 1][2 * i] = __builtin_shufflevector(a, b, lower);                               \
        rows[~r & 1][2 * i + 1] = __builtin_shufflevector(a, b, upper);                           \
      }                                                                                           \
    for (int i = 0; i < count; i++)                                                               \
      __builtin_memcpy((char *)to + i * to_stride, &rows[rounds & 1][i], 16);                     \
  }
#define CSHIMS_LIST(...) __VA_ARGS__
CSHIMS_TURN(cshims_turn4, uint32_t, 4, 2, CSHIMS_LIST(0, 4, 1, 5), CSHIMS_LIST(2, 6, 3, 7))
CSHIMS_TURN(cshims_turn2, uint16_t, 8, 3, CSHIMS_LIST(0, 8, 1, 9, 2, 10, 3, 11),
            CSHIMS_LIST(4, 12, 5, 13, 6, 14, 7, 15))
CSHIMS_TURN(cshims_turn1, uint8_t, 16, 4,
            CSHIMS_LIST(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23),
            CSHIMS_LIST(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31))

#include "cshims_programs.h"

#pragma GCC diagnostic pop

#endif
