/* Pixels on their way into a network's input: bytes are brought together by shuffles of 16, weighed in
 * words and converted in pairs of words. Integers all the way, so every tier gives the same bytes. Both
 * tiers of x86 use vectors of 256 bits, whose halves hold a group of pixels each. */
#include "kernel/pixels_plain.h"
#include "kernel/simd/simd.h"

#if defined(KERNEL_AVX512) || defined(KERNEL_AVX2)
#include <immintrin.h>

enum { GROUP = KERNEL_TAP_GROUP, STEP = 2 * GROUP };

VEC_INLINE __m256i load(const void *p)
{
    return _mm256_loadu_si256(p);
}

VEC_INLINE __m256i load_halves(const void *low, const void *high)
{
    return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128(low)),
                                   _mm_loadu_si128(high), 1);
}

/* ---- Along a row ----------------------------------------------------------------------------- */

/* Near and far bytes of the pixels from i on. */
VEC_INLINE __m256i bring_together(const uint8_t *row, const struct kernel_taps *taps, int pieces,
                                  int i)
{
    const uint8_t *low = row + taps->first[i / GROUP], *high = row + taps->first[i / GROUP + 1];
    __m256i pairs = _mm256_setzero_si256();
    for (int p = 0; p < pieces; p++) {
        __m256i bytes = load_halves(low + p * KERNEL_TAP_PIECE, high + p * KERNEL_TAP_PIECE);
        pairs = _mm256_or_si256(
            pairs, _mm256_shuffle_epi8(bytes, load(taps->places[p] + (ptrdiff_t)2 * i)));
    }
    return pairs;
}

/* In 1/2048, and back by four bits. */
VEC_INLINE __m256i weigh_finely(__m256i pairs, const int16_t *weights)
{
    const __m256i zero = _mm256_setzero_si256();
    __m256i low = _mm256_unpacklo_epi8(pairs, zero), high = _mm256_unpackhi_epi8(pairs, zero);
    low = _mm256_madd_epi16(low, load_halves(weights, weights + STEP));
    high = _mm256_madd_epi16(high, load_halves(weights + GROUP, weights + STEP + GROUP));
    return _mm256_packs_epi32(_mm256_srai_epi32(low, 4), _mm256_srai_epi32(high, 4));
}

VEC_INLINE void weigh(const uint8_t *row, const struct kernel_taps *taps, int16_t *restrict sums,
                      int pieces, bool resize)
{
    const int count = taps->count;
    for (int i = 0; i < count; i += STEP) {
        __m256i pairs = bring_together(row, taps, pieces, i);
        __m256i sum =
            resize ? weigh_finely(pairs, taps->weights + (ptrdiff_t)2 * i)
                   : _mm256_maddubs_epi16(pairs, load(taps->small_weights + (ptrdiff_t)2 * i));
        _mm256_storeu_si256((void *)(sums + i), _mm256_sub_epi16(sum, load(taps->less + i)));
    }
}

VEC_INLINE void weigh_pieces(const uint8_t *row, const struct kernel_taps *taps, int16_t *sums,
                             bool resize)
{
    switch (taps->pieces) {
    case 0: pixels_plain_weigh(row, taps, sums); break;
    case 1: weigh(row, taps, sums, 1, resize); break;
    case 2: weigh(row, taps, sums, 2, resize); break;
    default: weigh(row, taps, sums, taps->pieces, resize);
    }
}

void KERNEL_NAME(kernel_pixels_weigh)(const uint8_t *row, const struct kernel_taps *taps,
                                      int16_t *sums)
{
    if (taps->resize)
        weigh_pieces(row, taps, sums, true);
    else
        weigh_pieces(row, taps, sums, false);
}

/* ---- Two rows -------------------------------------------------------------------------------- */

/* Words for the low and the high half of pairs. */
struct halves {
    __m256i low, high;
};

VEC_INLINE struct halves interleave(__m256i a, __m256i b)
{
    return (struct halves){_mm256_unpacklo_epi16(a, b), _mm256_unpackhi_epi16(a, b)};
}

/* Pairs times two factors. */
VEC_INLINE struct halves times(struct halves pairs, __m256i factors)
{
    return (struct halves){_mm256_madd_epi16(pairs.low, factors),
                           _mm256_madd_epi16(pairs.high, factors)};
}

VEC_INLINE struct halves add(struct halves a, struct halves b)
{
    return (struct halves){_mm256_add_epi32(a.low, b.low), _mm256_add_epi32(a.high, b.high)};
}

VEC_INLINE __m256i shift_and_pack(struct halves sums, int shift)
{
    const __m128i by = _mm_cvtsi32_si128(shift);
    return _mm256_packs_epi32(_mm256_sra_epi32(sums.low, by), _mm256_sra_epi32(sums.high, by));
}

VEC_INLINE __m256i both(int32_t first, int32_t second)
{
    return _mm256_set1_epi32((int32_t)((uint32_t)(uint16_t)first | (uint32_t)second << 16));
}

VEC_INLINE struct halves all(int32_t value)
{
    return (struct halves){_mm256_set1_epi32(value), _mm256_set1_epi32(value)};
}

VEC_INLINE void store_bytes(uint8_t *out, __m256i words)
{
    __m256i bytes = _mm256_packus_epi16(words, words);
    bytes = _mm256_permute4x64_epi64(bytes, 0x08);
    _mm_storeu_si128((void *)out, _mm256_castsi256_si128(bytes));
}

/* Words of a plane, by `shift` bits less. */
VEC_INLINE __m256i blend_plane(const struct kernel_blend *blend, int plane, int i, int shift)
{
    struct halves sums =
        times(interleave(load(blend->near[plane] + i), load(blend->far[plane] + i)),
              both(blend->near_weight, blend->far_weight));
    return shift_and_pack(add(sums, all(1 << (shift - 1))), shift);
}

VEC_INLINE __m256i resize_plane(const struct kernel_blend *blend, int plane, int i)
{
    const __m256i near_weight = _mm256_set1_epi16((int16_t)blend->near_weight);
    const __m256i far_weight = _mm256_set1_epi16((int16_t)blend->far_weight);
    __m256i sum = _mm256_add_epi16(_mm256_mulhi_epi16(load(blend->near[plane] + i), near_weight),
                                   _mm256_mulhi_epi16(load(blend->far[plane] + i), far_weight));
    return _mm256_srai_epi16(_mm256_add_epi16(sum, _mm256_set1_epi16(2)), 2);
}

static void blend_colours(const struct kernel_blend *blend, uint8_t *out, int stride)
{
    for (int c = 0; c < 3; c++, out += stride)
        for (int i = 0; i < blend->count; i += STEP)
            store_bytes(out + i,
                        blend->resize ? resize_plane(blend, c, i) : blend_plane(blend, c, i, 10));
}

VEC_INLINE void blend_yuv(const struct kernel_blend *blend, uint8_t *out, int stride)
{
    enum { BITS = PIXELS_FINE_BITS + PIXELS_FACTOR_BITS, ONE = 16 };
    const struct kernel_yuv k = *blend->yuv;
    const int shift = pixels_fine_shift(blend), luma = pixels_factor(k.luma);
    const __m256i on_red = both(luma, pixels_factor(k.red_v));
    const __m256i on_blue = both(luma, pixels_factor(k.blue_u));
    const __m256i on_green = both(luma, -pixels_factor(k.green_u));
    const __m256i on_green_too = both(-pixels_factor(k.green_v), (1 << (BITS - 1)) / ONE);
    for (int i = 0; i < blend->count; i += STEP) {
        __m256i y = blend_plane(blend, 0, i, shift), u = blend_plane(blend, 1, i, shift);
        __m256i v = blend_plane(blend, 2, i, shift);
        struct halves yu = interleave(y, u), yv = interleave(y, v);
        struct halves v_one = interleave(v, _mm256_set1_epi16(ONE)), half = all(1 << (BITS - 1));
        store_bytes(out + i, shift_and_pack(add(times(yv, on_red), half), BITS));
        store_bytes(out + stride + i,
                    shift_and_pack(add(times(yu, on_green), times(v_one, on_green_too)), BITS));
        store_bytes(out + (ptrdiff_t)2 * stride + i,
                    shift_and_pack(add(times(yu, on_blue), half), BITS));
    }
}

void KERNEL_NAME(kernel_pixels_blend)(const struct kernel_blend *blend, uint8_t *out, int stride)
{
    if (blend->yuv)
        blend_yuv(blend, out, stride);
    else
        blend_colours(blend, out, stride);
}
#else
void KERNEL_NAME(kernel_pixels_weigh)(const uint8_t *row, const struct kernel_taps *taps,
                                      int16_t *sums)
{
    pixels_plain_weigh(row, taps, sums);
}

void KERNEL_NAME(kernel_pixels_blend)(const struct kernel_blend *blend, uint8_t *out, int stride)
{
    pixels_plain_blend(blend, out, stride);
}
#endif

/* No product is added to, so that no tier fuses what another one rounds twice. */
void KERNEL_NAME(kernel_pixels_normalise)(const uint8_t *restrict pixels, float shift, float factor,
                                          float *restrict out, int count)
{
    for (int i = 0; i < count; i++)
        out[i] = ((float)pixels[i] + shift) * factor;
}
