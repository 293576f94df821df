#include "cshims.h"

// The tile registers of AMX: eight, of sixteen rows of 64 bytes each.

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TILES __attribute__((target("amx-tile,amx-int8,amx-bf16")))
#define WIDE __attribute__((target("avx512f,avx512bw")))

bool cshims_cpu_has_tiles(void) {
  unsigned a, b, c, d;
  if (!cshims_cpu_has_avx512() || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
  bool has_bf16 = d >> 22 & 1, has_tile = d >> 24 & 1, has_int8 = d >> 25 & 1;
  if (!has_bf16 || !has_tile || !has_int8) return false;
  // The system keeps tiles, of which there are 8 kB, only for programs that have asked it to.
  const long request_permission = 0x1023, tile_data = 18;
  return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
}

struct layout {
  uint8_t palette, start_row, reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
};

TILES void cshims_tiles_begin(void) {
  struct layout layout = {.palette = 1};
  for (int i = 0; i < 8; i++) {
    layout.row_bytes[i] = 64;
    layout.rows[i] = 16;
  }
  _tile_loadconfig(&layout);
}

TILES void cshims_tiles_end(void) { _tile_release(); }

TILES static void load_sums(const void *sums) {
  const char *from = sums;
  _tile_loadd(0, from, 64);
  _tile_loadd(1, from + 1024, 64);
  _tile_loadd(2, from + 2048, 64);
  _tile_loadd(3, from + 3072, 64);
}

TILES static void clear_sums(void) {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
}

TILES static void store_sums(void *sums) {
  char *to = sums;
  _tile_stored(0, to, 64);
  _tile_stored(1, to + 1024, 64);
  _tile_stored(2, to + 2048, 64);
  _tile_stored(3, to + 3072, 64);
}

// Rows are read past the nearest cache, where the weights stay.
TILES void cshims_tiles_bytes(const void *upper, const void *lower, const void *weights,
                              intptr_t depth, bool adds, int32_t *sums) {
  const char *a0 = upper, *a1 = lower, *b = weights;
  if (adds)
    load_sums(sums);
  else
    clear_sums();
  for (intptr_t k = 0; k < depth; k++, a0 += 1024, a1 += 1024, b += 2048) {
    _tile_stream_loadd(4, a0, 64);
    _tile_loadd(6, b, 64);
    _tile_dpbuud(0, 4, 6);
    _tile_loadd(7, b + 1024, 64);
    _tile_dpbuud(1, 4, 7);
    _tile_stream_loadd(5, a1, 64);
    _tile_dpbuud(2, 5, 6);
    _tile_dpbuud(3, 5, 7);
  }
  store_sums(sums);
}

TILES void cshims_tiles_halves(const void *upper, const void *lower, const void *weights,
                               intptr_t parts, intptr_t depth, bool adds, float *sums) {
  const char *a0 = upper, *a1 = lower, *b = weights;
  if (adds)
    load_sums(sums);
  else
    clear_sums();
  for (intptr_t k = 0; k < depth; k++, a0 += 1024, a1 += 1024) {
    _tile_stream_loadd(4, a0, 64);
    _tile_stream_loadd(5, a1, 64);
    for (intptr_t p = 0; p < parts; p++, b += 2048) {
      _tile_loadd(6, b, 64);
      _tile_dpbf16ps(0, 4, 6);
      _tile_dpbf16ps(2, 5, 6);
      _tile_loadd(7, b + 1024, 64);
      _tile_dpbf16ps(1, 4, 7);
      _tile_dpbf16ps(3, 5, 7);
    }
  }
  store_sums(sums);
}

/// The line of row i, or zeros where there is no such row.
WIDE static inline __m512i line(const char *from, intptr_t row_bytes, intptr_t i, intptr_t inputs) {
  return i < inputs ? _mm512_load_si512(from + i * row_bytes) : _mm512_setzero_si512();
}

/// Where line i of the first tile stands, and sets of `set` bytes for each sixteen lines.
static inline char *position(char *to, intptr_t i, intptr_t set) {
  return to + (i >> 4) * set + (i & 15) * 64;
}

WIDE void cshims_tiles_pack_bytes(const void *weights, intptr_t row_bytes, intptr_t inputs,
                                  intptr_t depth, void *tiles, intptr_t pair) {
  for (intptr_t i = 0; i < 16 * depth; i++) {
    __m512i a = line(weights, row_bytes, 4 * i, inputs);
    __m512i b = line(weights, row_bytes, 4 * i + 1, inputs);
    __m512i c = line(weights, row_bytes, 4 * i + 2, inputs);
    __m512i d = line(weights, row_bytes, 4 * i + 3, inputs);
    // In each quarter, four times four bytes of its sixteen columns.
    __m512i ab = _mm512_unpacklo_epi8(a, b), ab_high = _mm512_unpackhi_epi8(a, b);
    __m512i cd = _mm512_unpacklo_epi8(c, d), cd_high = _mm512_unpackhi_epi8(c, d);
    __m512i p = _mm512_unpacklo_epi16(ab, cd), q = _mm512_unpackhi_epi16(ab, cd);
    __m512i r = _mm512_unpacklo_epi16(ab_high, cd_high);
    __m512i s = _mm512_unpackhi_epi16(ab_high, cd_high);
    // The quarters of four lines become lines.
    __m512i pq = _mm512_shuffle_i32x4(p, q, 0x44), pq_high = _mm512_shuffle_i32x4(p, q, 0xEE);
    __m512i rs = _mm512_shuffle_i32x4(r, s, 0x44), rs_high = _mm512_shuffle_i32x4(r, s, 0xEE);
    char *to = position(tiles, i, 2048);
    _mm512_store_si512(to, _mm512_shuffle_i32x4(pq, rs, 0x88));
    _mm512_store_si512(to + 1024, _mm512_shuffle_i32x4(pq, rs, 0xDD));
    _mm512_store_si512(to + pair, _mm512_shuffle_i32x4(pq_high, rs_high, 0x88));
    _mm512_store_si512(to + pair + 1024, _mm512_shuffle_i32x4(pq_high, rs_high, 0xDD));
  }
}

WIDE void cshims_tiles_pack_halves(const void *weights, intptr_t row_bytes, intptr_t inputs,
                                   intptr_t depth, void *tiles) {
  for (intptr_t i = 0; i < 16 * depth; i++) {
    __m512i a = line(weights, row_bytes, 2 * i, inputs);
    __m512i b = line(weights, row_bytes, 2 * i + 1, inputs);
    __m512i p = _mm512_unpacklo_epi16(a, b), q = _mm512_unpackhi_epi16(a, b);
    __m512i pq = _mm512_shuffle_i32x4(p, q, 0x44), pq_high = _mm512_shuffle_i32x4(p, q, 0xEE);
    char *to = position(tiles, i, 2048);
    _mm512_store_si512(to, _mm512_shuffle_i32x4(pq, pq, 0xD8));
    _mm512_store_si512(to + 1024, _mm512_shuffle_i32x4(pq_high, pq_high, 0xD8));
  }
}

WIDE void cshims_tiles_pack_floats(const void *weights, intptr_t row_bytes, intptr_t inputs,
                                   intptr_t depth, void *tiles) {
  const __m512i upper = _mm512_set1_epi32((int)0xFFFF0000);
  for (intptr_t i = 0; i < 16 * depth; i++) {
    __m512i a = line(weights, row_bytes, 2 * i, inputs);
    __m512i b = line(weights, row_bytes, 2 * i + 1, inputs);
    char *to = position(tiles, i, 3 * 2048);
    for (int part = 0; part < 3; part++, to += 2048) {
      __m512i even = _mm512_and_si512(a, upper), odd = _mm512_and_si512(b, upper);
      _mm512_store_si512(to, _mm512_or_si512(_mm512_srli_epi32(even, 16), odd));
      // What is left without the upper halves, to the bit.
      a = (__m512i)_mm512_sub_ps((__m512)a, (__m512)even);
      b = (__m512i)_mm512_sub_ps((__m512)b, (__m512)odd);
    }
  }
}

#else

bool cshims_cpu_has_tiles(void) { return false; }
void cshims_tiles_begin(void) {}
void cshims_tiles_end(void) {}
void cshims_tiles_bytes(const void *upper, const void *lower, const void *weights, intptr_t depth,
                        bool adds, int32_t *sums) {
  (void)upper, (void)lower, (void)weights, (void)depth, (void)adds, (void)sums;
}
void cshims_tiles_halves(const void *upper, const void *lower, const void *weights, intptr_t parts,
                         intptr_t depth, bool adds, float *sums) {
  (void)upper, (void)lower, (void)weights, (void)parts, (void)depth, (void)adds, (void)sums;
}
void cshims_tiles_pack_bytes(const void *weights, intptr_t row_bytes, intptr_t inputs,
                             intptr_t depth, void *tiles, intptr_t pair) {
  (void)weights, (void)row_bytes, (void)inputs, (void)depth, (void)tiles, (void)pair;
}
void cshims_tiles_pack_halves(const void *weights, intptr_t row_bytes, intptr_t inputs,
                              intptr_t depth, void *tiles) {
  (void)weights, (void)row_bytes, (void)inputs, (void)depth, (void)tiles;
}
void cshims_tiles_pack_floats(const void *weights, intptr_t row_bytes, intptr_t inputs,
                              intptr_t depth, void *tiles) {
  (void)weights, (void)row_bytes, (void)inputs, (void)depth, (void)tiles;
}

#endif
