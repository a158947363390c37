/* Pixels on their way into a network's input. YUV becomes colours in words of 16 bits where the tier has
 * such vectors; the rest are plain loops over arrays, in a form that compilers turn into vectors. Integers
 * all the way, so every tier gives the same bytes. */
#include <string.h>

#include "kernel/simd/simd.h"
#include "kernel/simd/words.h"

/* Pixels that are converted together: a row is made of such blocks, so that no loop has a rest. */
enum { BLOCK = 32 };

#if defined(WORDS_DO)
/* A coefficient is 65536 whole + rest, both of 16 bits: rests go through sums of 32 bits. */
VEC_INLINE int32_t whole_of(int32_t coefficient)
{
    return (coefficient + 32768) >> 16;
}

/* Rests for pairs of words. */
VEC_INLINE words rests(int32_t first, int32_t second)
{
    uint32_t low = (uint16_t)(first - whole_of(first) * 65536);
    uint32_t high = (uint16_t)(second - whole_of(second) * 65536);
    return WORDS_DO(set1_epi32)((int32_t)(low | high << 16));
}

VEC_INLINE words times_whole(words x, int32_t coefficient)
{
    return WORDS_DO(mullo_epi16)(x, WORDS_DO(set1_epi16)((int16_t)whole_of(coefficient)));
}

/* Sums of rests, low and high halves, and wholes: bytes in words. */
VEC_INLINE words finish(words low, words high, words wholes)
{
    const words half = WORDS_DO(set1_epi32)(32768);
    low = WORDS_DO(srai_epi32)(WORDS_DO(add_epi32)(low, half), 16);
    high = WORDS_DO(srai_epi32)(WORDS_DO(add_epi32)(high, half), 16);
    words sum = WORDS_DO(add_epi16)(WORDS_DO(packs_epi32)(low, high), wholes);
    sum = WORDS_DO(max_epi16)(sum, WORDS_DO(set1_epi16)(0));
    return WORDS_DO(min_epi16)(sum, WORDS_DO(set1_epi16)(255));
}

/* A colour in words from below: red, green << 5, blue << 10, blue >> 6. */
VEC_INLINE void store_colours(uint64_t *out, words red, words green, words blue)
{
    words top = WORDS_DO(srli_epi16)(blue, 6);
    green = WORDS_DO(slli_epi16)(green, 5);
    blue = WORDS_DO(slli_epi16)(blue, 10);
    words low = WORDS_DO(unpacklo_epi16)(red, green), high = WORDS_DO(unpacklo_epi16)(blue, top);
    words a = WORDS_DO(unpacklo_epi32)(low, high), b = WORDS_DO(unpackhi_epi32)(low, high);
    low = WORDS_DO(unpackhi_epi16)(red, green);
    high = WORDS_DO(unpackhi_epi16)(blue, top);
    words_store(out, a, b, WORDS_DO(unpacklo_epi32)(low, high),
                WORDS_DO(unpackhi_epi32)(low, high));
}

/* Chroma less its middle, each for two neighbours. */
VEC_INLINE words load_chroma(const uint8_t *p)
{
    words apart = words_load_apart(p);
    apart = WORDS_DO(add_epi32)(apart, WORDS_DO(slli_epi32)(apart, 16));
    return WORDS_DO(sub_epi16)(apart, WORDS_DO(set1_epi16)(128));
}

/* Sums of a colour's rests on luma and one chroma, for the low or the high half of the words. */
#define REST_SUMS(half, y, chroma, factors)                                                        \
    WORDS_DO(madd_epi16)(WORDS_DO(unpack##half##_epi16)(y, chroma), factors)

VEC_INLINE void convert(const struct kernel_yuv *k, const uint8_t *luma, const uint8_t *u,
                        const uint8_t *v, uint64_t *colours)
{
    const words on_red = rests(k->luma, k->red_v), on_blue = rests(k->luma, k->blue_u);
    const words on_green = rests(k->luma, -k->green_u), on_green_too = rests(0, -k->green_v);
    for (int i = 0; i < BLOCK; i += WORDS) {
        words y = words_load(luma + i), cb = load_chroma(u + i / 2), cr = load_chroma(v + i / 2);
        y = WORDS_DO(sub_epi16)(y, WORDS_DO(set1_epi16)((int16_t)k->black));
        words grey = times_whole(y, k->luma);
        words red = finish(REST_SUMS(lo, y, cr, on_red), REST_SUMS(hi, y, cr, on_red),
                           WORDS_DO(add_epi16)(grey, times_whole(cr, k->red_v)));
        words blue = finish(REST_SUMS(lo, y, cb, on_blue), REST_SUMS(hi, y, cb, on_blue),
                            WORDS_DO(add_epi16)(grey, times_whole(cb, k->blue_u)));
        words wholes =
            WORDS_DO(add_epi16)(times_whole(cb, -k->green_u), times_whole(cr, -k->green_v));
        words green = finish(
            WORDS_DO(add_epi32)(REST_SUMS(lo, y, cb, on_green), REST_SUMS(lo, y, cr, on_green_too)),
            WORDS_DO(add_epi32)(REST_SUMS(hi, y, cb, on_green), REST_SUMS(hi, y, cr, on_green_too)),
            WORDS_DO(add_epi16)(grey, wholes));
        store_colours(colours + i, red, green, blue);
    }
}
#else
VEC_INLINE uint64_t clamp_byte(int32_t value)
{
    value >>= 16;
    return (uint64_t)(uint32_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

VEC_INLINE void convert(const struct kernel_yuv *k, const uint8_t *luma, const uint8_t *u,
                        const uint8_t *v, uint64_t *colours)
{
    for (int i = 0; i < BLOCK; i++) {
        int32_t y = k->luma * (luma[i] - k->black) + 32768, cb = u[i / 2] - 128,
                cr = v[i / 2] - 128;
        colours[i] = clamp_byte(y + k->red_v * cr) |
                     clamp_byte(y - k->green_u * cb - k->green_v * cr) << KERNEL_COLOUR_BITS |
                     clamp_byte(y + k->blue_u * cb) << 2 * KERNEL_COLOUR_BITS;
    }
}
#endif

void KERNEL_NAME(kernel_colours_from_yuv)(const struct kernel_yuv *yuv, const uint8_t *luma,
                                          const uint8_t *u, const uint8_t *v, int step, int count,
                                          uint64_t *colours)
{
    uint8_t last[BLOCK] = {0}, u_block[BLOCK / 2] = {0}, v_block[BLOCK / 2] = {0};
    uint64_t rest[BLOCK] = {0};
    const struct kernel_yuv kept = *yuv; /* what comes of it stays in registers */
    for (int x = 0; x < count; x += BLOCK) {
        int here = count - x < BLOCK ? count - x : BLOCK, pairs = (here + 1) / 2;
        bool whole = here == BLOCK, direct = whole && step == 1;
        for (int i = 0; i < pairs && !direct; i++) {
            u_block[i] = u[(x / 2 + i) * step];
            v_block[i] = v[(x / 2 + i) * step];
        }
        if (!whole)
            memcpy(last, luma + x, (size_t)here);
        convert(&kept, whole ? luma + x : last, direct ? u + x / 2 : u_block,
                direct ? v + x / 2 : v_block, whole ? colours + x : rest);
        if (!whole)
            memcpy(colours + x, rest, (size_t)here * sizeof rest[0]);
    }
}

void KERNEL_NAME(kernel_colours_weigh)(const uint64_t *restrict colours,
                                       const struct kernel_taps *taps, int32_t *restrict sums,
                                       int stride)
{
    const uint32_t field = (1u << KERNEL_COLOUR_BITS) - 1;
    const int32_t *near = taps->near, *far = taps->far;
    const int16_t *near_weight = taps->near_weight, *far_weight = taps->far_weight;
    for (int i = 0; i < taps->count; i++) {
        uint64_t sum =
            colours[near[i]] * (uint64_t)near_weight[i] + colours[far[i]] * (uint64_t)far_weight[i];
        sums[i] = (int32_t)(sum & field);
        sums[stride + i] = (int32_t)(sum >> KERNEL_COLOUR_BITS & field);
        sums[2 * stride + i] = (int32_t)(sum >> 2 * KERNEL_COLOUR_BITS);
    }
}

void KERNEL_NAME(kernel_colours_blend)(const struct kernel_blend *blend, uint8_t *restrict out)
{
    const int32_t *near = blend->near, *far = blend->far;
    int near_weight = blend->near_weight, far_weight = blend->far_weight;
    for (int i = 0; i < blend->count && blend->resize; i++)
        out[i] = (uint8_t)(((near_weight * (near[i] >> 4) >> 16) +
                            (far_weight * (far[i] >> 4) >> 16) + 2) >>
                           2);
    for (int i = 0; i < blend->count && !blend->resize; i++)
        out[i] = (uint8_t)((near[i] * near_weight + far[i] * far_weight + 512) >> 10);
}
