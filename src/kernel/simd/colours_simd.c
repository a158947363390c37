/* Pixels on their way into a network's input: plain loops over arrays, in a form that compilers turn into
 * the tier's vectors. Integers all the way, so every tier gives the same bytes. */
#include <string.h>

#include "kernel/simd/simd.h"

/* What the chroma adds to the luma of each pixel. */
struct tints {
    int32_t red[KERNEL_COLOUR_ROW], green[KERNEL_COLOUR_ROW], blue[KERNEL_COLOUR_ROW];
};

/* The same for two neighbours: one store. */
VEC_INLINE void put_pair(int32_t *at, int32_t value)
{
    const uint64_t twice = (uint64_t)(uint32_t)value * 0x100000001u;
    memcpy(at, &twice, sizeof twice);
}

VEC_INLINE void tint(struct tints *restrict tints, const struct kernel_yuv *yuv,
                     const uint8_t *restrict u, const uint8_t *restrict v, int step, int pairs)
{
    int32_t red_v = yuv->red_v, green_u = yuv->green_u, green_v = yuv->green_v;
    int32_t blue_u = yuv->blue_u;
    for (int i = 0; i < pairs; i++) {
        int cb = u[i * step] - 128, cr = v[i * step] - 128;
        put_pair(&tints->red[2 * i], red_v * cr);
        put_pair(&tints->green[2 * i], -green_u * cb - green_v * cr);
        put_pair(&tints->blue[2 * i], blue_u * cb);
    }
}

VEC_INLINE uint32_t clamp_byte(int32_t value)
{
    value >>= 16;
    value = value < 0 ? 0 : value;
    return (uint32_t)(value > 255 ? 255 : value);
}

void KERNEL_NAME(kernel_colours_from_yuv)(const struct kernel_yuv *yuv,
                                          const uint8_t *restrict luma, const uint8_t *restrict u,
                                          const uint8_t *restrict v, int step, int count,
                                          uint64_t *restrict colours)
{
    struct tints tints;
    int32_t gain = yuv->luma, shift = 32768 - yuv->luma * yuv->black;
    if (step == 1)
        tint(&tints, yuv, u, v, 1, (count + 1) / 2);
    else
        tint(&tints, yuv, u, v, 2, (count + 1) / 2);
    for (int i = 0; i < count; i++) {
        int32_t y = gain * luma[i] + shift;
        uint32_t low = clamp_byte(y + tints.red[i]) | clamp_byte(y + tints.green[i])
                                                          << KERNEL_COLOUR_BITS;
        uint32_t high = clamp_byte(y + tints.blue[i]) << (2 * KERNEL_COLOUR_BITS - 32);
        colours[i] = (uint64_t)high << 32 | low;
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
