/* Pixels on their way into a network's input, reference tier. */
#include "kernel/ref/ref.h"

static uint64_t clamp_byte(int value)
{
    return (uint64_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

void kernel_ref_colours_from_yuv(const struct kernel_yuv *yuv, const uint8_t *luma,
                                 const uint8_t *u, const uint8_t *v, int step, int count,
                                 uint64_t *colours)
{
    for (int i = 0; i < count; i++) {
        int y = yuv->luma * (luma[i] - yuv->black) + 32768;
        int cb = u[i / 2 * step] - 128, cr = v[i / 2 * step] - 128;
        uint64_t red = clamp_byte((y + yuv->red_v * cr) >> 16);
        uint64_t green = clamp_byte((y - yuv->green_u * cb - yuv->green_v * cr) >> 16);
        uint64_t blue = clamp_byte((y + yuv->blue_u * cb) >> 16);
        colours[i] = red | green << KERNEL_COLOUR_BITS | blue << 2 * KERNEL_COLOUR_BITS;
    }
}

void kernel_ref_colours_weigh(const uint64_t *colours, const struct kernel_taps *taps,
                              int32_t *sums, int stride)
{
    const uint64_t field = (1u << KERNEL_COLOUR_BITS) - 1;
    for (int i = 0; i < taps->count; i++)
        for (int c = 0; c < 3; c++) {
            int32_t near = (int32_t)(colours[taps->near[i]] >> c * KERNEL_COLOUR_BITS & field);
            int32_t far = (int32_t)(colours[taps->far[i]] >> c * KERNEL_COLOUR_BITS & field);
            sums[c * stride + i] = near * taps->near_weight[i] + far * taps->far_weight[i];
        }
}

void kernel_ref_colours_blend(const struct kernel_blend *b, uint8_t *out)
{
    for (int i = 0; i < b->count; i++)
        out[i] =
            b->resize
                ? (uint8_t)(((b->near_weight * (b->near[i] >> 4) >> 16) +
                             (b->far_weight * (b->far[i] >> 4) >> 16) + 2) >>
                            2)
                : (uint8_t)((b->near[i] * b->near_weight + b->far[i] * b->far_weight + 512) >> 10);
}
