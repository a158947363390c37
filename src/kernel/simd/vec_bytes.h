/* Vectors of 32-bit integers and of bytes, beside vec.h: a block of bytes is as many bytes as a
 * vector has lanes. Dots are the sums of products that convolutions of bytes consist of; they are
 * exact, and there are two kinds, chosen by KERNEL_VNNI. */
#ifndef KERNEL_SIMD_VEC_BYTES_H
#define KERNEL_SIMD_VEC_BYTES_H

#include <string.h>

#include "kernel/kernel.h"
#include "kernel/simd/vec.h"

/* The numbers 0 … 3 of 4 bytes each, wherever they lie. */
VEC_INLINE int32_t vec_four_bytes(const uint8_t *p)
{
    int32_t four;
    memcpy(&four, p, sizeof four);
    return four;
}

/* One line an operation. */
/* clang-format off */
#if defined(KERNEL_AVX512)

VEC_INLINE vec_int vec_int_load(const void *p) { return _mm512_loadu_si512(p); }
VEC_INLINE void vec_int_store(void *p, vec_int x) { _mm512_storeu_si512(p, x); }
VEC_INLINE vec_int vec_int_set1(int32_t x) { return _mm512_set1_epi32(x); }
VEC_INLINE vec_int vec_int_zero(void) { return _mm512_setzero_si512(); }
VEC_INLINE vec_int vec_int_add(vec_int a, vec_int b) { return _mm512_add_epi32(a, b); }
VEC_INLINE vec vec_int_to_float(vec_int x) { return _mm512_cvtepi32_ps(x); }
/* One block of bytes, a lane each. */
VEC_INLINE vec_int vec_int_from_bytes(const uint8_t *p)
{
    return _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)p));
}
/* Four vectors to four blocks of bytes, one after another; saturates to 0 … 255. */
VEC_INLINE vec_int vec_bytes_pack(vec_int a, vec_int b, vec_int c, vec_int d)
{
    __m512i x = _mm512_packus_epi16(_mm512_packs_epi32(a, b), _mm512_packs_epi32(c, d));
    __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return _mm512_permutexvar_epi32(order, x);
}
/* The first `blocks` (0 … 4) blocks of bytes. */
VEC_INLINE void vec_bytes_store(uint8_t *p, vec_int x, int blocks)
{
    _mm512_mask_storeu_epi32(p, (__mmask16)((1u << 4 * blocks) - 1), x);
}
/* A block of bytes as it is. */
typedef __m128i vec_bytes;
VEC_INLINE vec_bytes vec_block_set1(uint8_t x) { return _mm_set1_epi8((char)x); }
VEC_INLINE vec_bytes vec_block_load(const uint8_t *p) { return _mm_loadu_si128((const __m128i *)p); }
VEC_INLINE void vec_block_store(uint8_t *p, vec_bytes x) { _mm_storeu_si128((__m128i *)p, x); }
/* To 14 bits. */
VEC_INLINE vec vec_reciprocal_near(vec x) { return _mm512_rcp14_ps(x); }

/* 16-bit words, of which a vector has two a lane; AVX-512 alone. */

/* Two vectors to words, saturated to 0 … 65535, in the order of vec_words_to_bytes. */
VEC_INLINE vec_int vec_words_pack(vec_int a, vec_int b) { return _mm512_packus_epi32(a, b); }
/* The words of vec_words_pack(a, b) and (c, d), saturated, to four blocks of bytes. */
VEC_INLINE vec_int vec_words_to_bytes(vec_int ab, vec_int cd)
{
    __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return _mm512_permutexvar_epi32(order, _mm512_packus_epi16(ab, cd));
}
/* The other way, the first `blocks` (0 … 4) blocks of bytes times 128. */
VEC_INLINE void vec_words_from_bytes(const uint8_t *p, int blocks, vec_int *ab, vec_int *cd)
{
    __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    __m512i x = _mm512_maskz_loadu_epi32((__mmask16)((1u << 4 * blocks) - 1), p);
    x = _mm512_permutexvar_epi32(order, x);
    *ab = _mm512_srli_epi16(_mm512_unpacklo_epi8(_mm512_setzero_si512(), x), 1);
    *cd = _mm512_srli_epi16(_mm512_unpackhi_epi8(_mm512_setzero_si512(), x), 1);
}
VEC_INLINE vec_int vec_words_set1(int16_t x) { return _mm512_set1_epi16(x); }
/* Saturates. */
VEC_INLINE vec_int vec_words_add(vec_int a, vec_int b) { return _mm512_adds_epi16(a, b); }
/* a b / 32768, rounded */
VEC_INLINE vec_int vec_words_mul(vec_int a, vec_int b) { return _mm512_mulhrs_epi16(a, b); }
/* x / 128, rounded down */
VEC_INLINE vec_int vec_words_over_128(vec_int x) { return _mm512_srai_epi16(x, 7); }
/* The upper five bits of each word choose one of a table's 32 words; the others become a signed
 * number, their middle 0 and their ends -32768 and 32736. */
VEC_INLINE vec_int vec_words_upper(vec_int x) { return _mm512_srli_epi16(x, 11); }
VEC_INLINE vec_int vec_words_look_up(vec_int table, vec_int upper)
{
    return _mm512_permutexvar_epi16(upper, table);
}
VEC_INLINE vec_int vec_words_lower(vec_int x)
{
    return _mm512_xor_si512(_mm512_slli_epi16(x, 5), _mm512_set1_epi16(INT16_MIN));
}

#elif defined(KERNEL_AVX2)

VEC_INLINE vec_int vec_int_load(const void *p) { return _mm256_loadu_si256(p); }
VEC_INLINE void vec_int_store(void *p, vec_int x) { _mm256_storeu_si256(p, x); }
VEC_INLINE vec_int vec_int_set1(int32_t x) { return _mm256_set1_epi32(x); }
VEC_INLINE vec_int vec_int_zero(void) { return _mm256_setzero_si256(); }
VEC_INLINE vec_int vec_int_add(vec_int a, vec_int b) { return _mm256_add_epi32(a, b); }
VEC_INLINE vec vec_int_to_float(vec_int x) { return _mm256_cvtepi32_ps(x); }
VEC_INLINE vec_int vec_int_from_bytes(const uint8_t *p)
{
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)p));
}
VEC_INLINE vec_int vec_bytes_pack(vec_int a, vec_int b, vec_int c, vec_int d)
{
    __m256i x = _mm256_packus_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
    return _mm256_permutevar8x32_epi32(x, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}
VEC_INLINE void vec_bytes_store(uint8_t *p, vec_int x, int blocks)
{
    _mm256_maskstore_epi32((int *)(void *)p, vec_first_lanes(2 * blocks), x);
}
typedef __m128i vec_bytes; /* its lower half */
VEC_INLINE vec_bytes vec_block_set1(uint8_t x) { return _mm_set1_epi8((char)x); }
VEC_INLINE vec_bytes vec_block_load(const uint8_t *p) { return _mm_loadl_epi64((const __m128i *)p); }
VEC_INLINE void vec_block_store(uint8_t *p, vec_bytes x) { _mm_storel_epi64((__m128i *)p, x); }
VEC_INLINE vec vec_reciprocal_near(vec x) { return vec_div(vec_set1(1.0f), x); }

#elif defined(KERNEL_NEON)

VEC_INLINE vec_int vec_int_load(const void *p) { return vld1q_s32(p); }
VEC_INLINE void vec_int_store(void *p, vec_int x) { vst1q_s32(p, x); }
VEC_INLINE vec_int vec_int_set1(int32_t x) { return vdupq_n_s32(x); }
VEC_INLINE vec_int vec_int_zero(void) { return vdupq_n_s32(0); }
VEC_INLINE vec_int vec_int_add(vec_int a, vec_int b) { return vaddq_s32(a, b); }
VEC_INLINE vec vec_int_to_float(vec_int x) { return vcvtq_f32_s32(x); }
typedef uint8x8_t vec_bytes; /* its lower half */
VEC_INLINE vec_bytes vec_block_set1(uint8_t x) { return vdup_n_u8(x); }
VEC_INLINE vec_bytes vec_block_load(const uint8_t *p)
{
    return vreinterpret_u8_s32(vdup_n_s32(vec_four_bytes(p)));
}
VEC_INLINE void vec_block_store(uint8_t *p, vec_bytes x) { memcpy(p, &x, VEC_LANES); }
VEC_INLINE vec_int vec_int_from_bytes(const uint8_t *p)
{
    return vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(vmovl_u8(vec_block_load(p)))));
}
VEC_INLINE vec_int vec_bytes_pack(vec_int a, vec_int b, vec_int c, vec_int d)
{
    uint8x8_t ab = vqmovun_s16(vcombine_s16(vqmovn_s32(a), vqmovn_s32(b)));
    uint8x8_t cd = vqmovun_s16(vcombine_s16(vqmovn_s32(c), vqmovn_s32(d)));
    return vreinterpretq_s32_u8(vcombine_u8(ab, cd));
}
VEC_INLINE void vec_bytes_store(uint8_t *p, vec_int x, int blocks)
{
    vec_store_part((float *)(void *)p, vreinterpretq_f32_s32(x), blocks);
}
VEC_INLINE vec vec_reciprocal_near(vec x) { return vec_div(vec_set1(1.0f), x); }

#endif
/* clang-format on */

/* ---- Dots ------------------------------------------------------------------------------------
 * A dot adds the products of four input bytes with four weights to a sum, in each lane. A window
 * holds a few neighbouring input bytes of each lane's own channel. */

/* One line an operation. */
/* clang-format off */
#if defined(KERNEL_VNNI)

/* What four input bytes and the lanes' weights for them are in registers. */
typedef __m512i vec_dot_bytes, vec_dot_weights;
enum { VEC_DOT_SIZE = 4 /* bytes of a lane's weights */, VEC_WINDOW_TAPS = 4 };

VEC_INLINE vec_dot_bytes vec_dot_set1(const uint8_t *p) { return vec_int_set1(vec_four_bytes(p)); }
VEC_INLINE vec_dot_weights vec_dot_load(const char *p) { return vec_int_load(p); }
VEC_INLINE vec_int vec_dot(vec_int sum, vec_dot_bytes x, vec_dot_weights w)
{
    return _mm512_dpbusd_epi32(sum, x, w);
}
VEC_INLINE void vec_dot_pack(const int8_t four[4], char *to, int lane)
{
    memcpy(to + 4 * lane, four, 4);
}
VEC_INLINE vec_int vec_window_dot(vec_int sum, vec_int window, vec_int w)
{
    return _mm512_dpbusd_epi32(sum, window, w);
}
VEC_INLINE void vec_window_pack(const int8_t taps[VEC_WINDOW_TAPS], char *to, int lane)
{
    memcpy(to + 4 * lane, taps, 4);
}
/* The window of these pixels. */
VEC_INLINE vec_int vec_window_mix(__m512i pixels)
{
    __m128i order = _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    pixels = _mm512_permutexvar_epi32(
        _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), pixels);
    return _mm512_shuffle_epi8(pixels, _mm512_broadcast_i32x4(order));
}
VEC_INLINE vec_int vec_window_of(const uint8_t *const pixels[VEC_WINDOW_TAPS])
{
    __m512i x = _mm512_castsi128_si512(vec_block_load(pixels[0]));
    x = _mm512_inserti32x4(x, vec_block_load(pixels[1]), 1);
    x = _mm512_inserti32x4(x, vec_block_load(pixels[2]), 2);
    return vec_window_mix(_mm512_inserti32x4(x, vec_block_load(pixels[3]), 3));
}
/* The same of neighbouring pixels, and with `zero` for those before `first` and from `end` on. */
VEC_INLINE vec_int vec_window(const uint8_t *p) { return vec_window_mix(_mm512_loadu_si512(p)); }
VEC_INLINE vec_int vec_window_part(const uint8_t *p, int first, int end, const uint8_t *zero)
{
    __mmask16 there = (__mmask16)((1u << 4 * end) - (1u << 4 * first));
    __m512i around = _mm512_broadcast_i32x4(vec_block_load(zero));
    return vec_window_mix(_mm512_mask_loadu_epi32(around, there, p));
}

#else

/* Products of 16-bit pairs are exact: the bytes 0 and 2, and 1 and 3, each as a pair. */
typedef struct { vec_int even, odd; } vec_dot_bytes, vec_dot_weights;
enum { VEC_DOT_SIZE = 8, VEC_WINDOW_TAPS = 2 };

#if defined(KERNEL_AVX512)
VEC_INLINE vec_int vec_window_dot(vec_int sum, vec_int window, vec_int w)
{
    return _mm512_add_epi32(sum, _mm512_madd_epi16(window, w));
}
VEC_INLINE vec_dot_bytes vec_dot_set1(const uint8_t *p)
{
    vec_int x = vec_int_set1(vec_four_bytes(p));
    return (vec_dot_bytes){_mm512_and_si512(x, vec_int_set1(0xff00ff)), _mm512_srli_epi16(x, 8)};
}
VEC_INLINE vec_int vec_window_of(const uint8_t *const pixels[VEC_WINDOW_TAPS])
{
    __m128i a = vec_block_load(pixels[0]), b = vec_block_load(pixels[1]);
    return _mm512_cvtepu8_epi16(_mm256_set_m128i(_mm_unpackhi_epi8(a, b), _mm_unpacklo_epi8(a, b)));
}
#elif defined(KERNEL_AVX2)
VEC_INLINE vec_int vec_window_dot(vec_int sum, vec_int window, vec_int w)
{
    return _mm256_add_epi32(sum, _mm256_madd_epi16(window, w));
}
VEC_INLINE vec_dot_bytes vec_dot_set1(const uint8_t *p)
{
    vec_int x = vec_int_set1(vec_four_bytes(p));
    return (vec_dot_bytes){_mm256_and_si256(x, vec_int_set1(0xff00ff)), _mm256_srli_epi16(x, 8)};
}
VEC_INLINE vec_int vec_window_of(const uint8_t *const pixels[VEC_WINDOW_TAPS])
{
    __m128i both = _mm_unpacklo_epi8(vec_block_load(pixels[0]), vec_block_load(pixels[1]));
    return _mm256_cvtepu8_epi16(both);
}
#else
VEC_INLINE vec_int vec_window_dot(vec_int sum, vec_int window, vec_int w)
{
    int16x8_t x = vreinterpretq_s16_s32(window), y = vreinterpretq_s16_s32(w);
    int32x4_t low = vmull_s16(vget_low_s16(x), vget_low_s16(y)), high = vmull_high_s16(x, y);
    return vaddq_s32(sum, vpaddq_s32(low, high));
}
VEC_INLINE vec_dot_bytes vec_dot_set1(const uint8_t *p)
{
    uint16x8_t x = vreinterpretq_u16_s32(vec_int_set1(vec_four_bytes(p)));
    return (vec_dot_bytes){vreinterpretq_s32_u16(vandq_u16(x, vdupq_n_u16(0xff))),
                           vreinterpretq_s32_u16(vshrq_n_u16(x, 8))};
}
VEC_INLINE vec_int vec_window_of(const uint8_t *const pixels[VEC_WINDOW_TAPS])
{
    uint8x8_t both = vzip1_u8(vec_block_load(pixels[0]), vec_block_load(pixels[1]));
    return vreinterpretq_s32_u16(vmovl_u8(both));
}
#endif
VEC_INLINE vec_dot_weights vec_dot_load(const char *p)
{
    return (vec_dot_weights){vec_int_load(p), vec_int_load(p + 4 * VEC_LANES)};
}
VEC_INLINE vec_int vec_dot(vec_int sum, vec_dot_bytes x, vec_dot_weights w)
{
    return vec_window_dot(vec_window_dot(sum, x.even, w.even), x.odd, w.odd);
}
VEC_INLINE void vec_dot_pack(const int8_t four[4], char *to, int lane)
{
    int16_t even[2] = {four[0], four[2]}, odd[2] = {four[1], four[3]};
    memcpy(to + 4 * lane, even, 4);
    memcpy(to + 4 * (VEC_LANES + lane), odd, 4);
}
VEC_INLINE vec_int vec_window(const uint8_t *p)
{
    const uint8_t *const pixels[VEC_WINDOW_TAPS] = {p, p + VEC_LANES};
    return vec_window_of(pixels);
}
VEC_INLINE vec_int vec_window_part(const uint8_t *p, int first, int end, const uint8_t *zero)
{
    const uint8_t *const pixels[VEC_WINDOW_TAPS] = {first == 0 && end > 0 ? p : zero,
                                                    first < 2 && end == 2 ? p + VEC_LANES : zero};
    return vec_window_of(pixels);
}
VEC_INLINE void vec_window_pack(const int8_t taps[VEC_WINDOW_TAPS], char *to, int lane)
{
    int16_t pair[2] = {taps[0], taps[1]};
    memcpy(to + 4 * lane, pair, 4);
}

#endif
/* clang-format on */

/* A number to its step; far ones saturate later, and NaN becomes byte 0. */
VEC_INLINE vec_int vec_step_of(vec number, vec inverse, vec_int zero)
{
    vec x = vec_max(vec_mul(number, inverse), vec_set1(-512.0f));
    return vec_int_add(vec_to_int(vec_min(x, vec_set1(512.0f))), zero);
}

/* Four vectors to bytes, of which the first `count` are stored. */
VEC_INLINE void vec_numbers_store(uint8_t *p, const vec numbers[4],
                                  const struct kernel_bytes *bytes, int count)
{
    vec inverse = vec_set1(1.0f / bytes->scale);
    vec_int zero = vec_int_set1(bytes->zero), steps[4];
    for (int i = 0; i < 4; i++)
        steps[i] = vec_step_of(numbers[i], inverse, zero);
    vec_bytes_store(p, vec_bytes_pack(steps[0], steps[1], steps[2], steps[3]), count);
}

#endif
