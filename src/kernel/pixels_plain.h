/* The arithmetic of pixels on their way into a network's input, one pixel at a time: of the reference
 * tier, and of what the others have no vectors for. */
#ifndef KERNEL_PIXELS_PLAIN_H
#define KERNEL_PIXELS_PLAIN_H

#include "kernel/kernel.h"

/* Interpolated luma and chroma count 1/16, the coefficients that meet them 1/8192. */
enum { PIXELS_FINE_BITS = 4, PIXELS_FACTOR_BITS = 13 };

static inline int32_t pixels_factor(int32_t coefficient)
{
    return (coefficient + 4) >> (16 - PIXELS_FACTOR_BITS);
}

static inline void pixels_plain_weigh(const uint8_t *row, const struct kernel_taps *taps,
                                      int16_t *sums)
{
    for (int i = 0; i < taps->count; i++) {
        int32_t sum = row[taps->near[i]] * taps->weights[2 * i] +
                      row[taps->far[i]] * taps->weights[2 * i + 1];
        sums[i] = (int16_t)((taps->resize ? sum >> 4 : sum) - taps->less[i]);
    }
}

static inline uint8_t pixels_byte(int32_t value)
{
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

static inline uint8_t pixels_blend_colour(const struct kernel_blend *blend, int plane, int i)
{
    int32_t near = blend->near[plane][i] * blend->near_weight;
    int32_t far = blend->far[plane][i] * blend->far_weight;
    return pixels_byte(blend->resize ? ((near >> 16) + (far >> 16) + 2) >> 2
                                     : (near + far + 512) >> 10);
}

/* The bits by which both weights of a value of YUV are too large: 11 and 7 of them, or 5 and 5. */
static inline int pixels_fine_shift(const struct kernel_blend *blend)
{
    return (blend->resize ? 18 : 10) - PIXELS_FINE_BITS;
}

static inline int32_t pixels_blend_fine(const struct kernel_blend *blend, int plane, int i)
{
    int shift = pixels_fine_shift(blend);
    return (blend->near[plane][i] * blend->near_weight + blend->far[plane][i] * blend->far_weight +
            (1 << (shift - 1))) >>
           shift;
}

static inline void pixels_plain_blend(const struct kernel_blend *blend, uint8_t *out, int stride)
{
    const int bits = PIXELS_FINE_BITS + PIXELS_FACTOR_BITS, half = 1 << (bits - 1);
    const struct kernel_yuv *k = blend->yuv;
    for (int i = 0; i < blend->count; i++, out++) {
        if (!k) {
            for (int c = 0; c < 3; c++)
                out[c * stride] = pixels_blend_colour(blend, c, i);
            continue;
        }
        int32_t y = pixels_blend_fine(blend, 0, i) * pixels_factor(k->luma) + half;
        int32_t u = pixels_blend_fine(blend, 1, i), v = pixels_blend_fine(blend, 2, i);
        out[0] = pixels_byte((y + pixels_factor(k->red_v) * v) >> bits);
        out[stride] = pixels_byte(
            (y - pixels_factor(k->green_u) * u - pixels_factor(k->green_v) * v) >> bits);
        out[2 * stride] = pixels_byte((y + pixels_factor(k->blue_u) * u) >> bits);
    }
}

#endif
