/* Pixels on their way into a network's input, reference tier. */
#include "kernel/pixels_plain.h"
#include "kernel/ref/ref.h"

void kernel_ref_pixels_weigh(const uint8_t *row, const struct kernel_taps *taps, int16_t *sums)
{
    pixels_plain_weigh(row, taps, sums);
}

void kernel_ref_pixels_blend(const struct kernel_blend *blend, uint8_t *out, int stride)
{
    pixels_plain_blend(blend, out, stride);
}

void kernel_ref_pixels_normalise(const uint8_t *pixels, float shift, float factor, float *out,
                                 int count)
{
    for (int i = 0; i < count; i++)
        out[i] = ((float)pixels[i] + shift) * factor;
}
