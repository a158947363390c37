/* Moving channels between tensors, reference tier: with block 1 both layouts are plain. */
#include <string.h>

#include "kernel/ref/ref.h"

void kernel_ref_copy_channels(const float *from, int64_t from_stride, int from_first, float *to,
                              int64_t to_stride, int to_first, int channels, bool last, int batch,
                              int64_t pixels, int part, int parts)
{
    (void)last;
    int64_t first, end;
    kernel_share((int64_t)batch * channels, part, parts, &first, &end);
    for (int64_t i = first; i < end; i++) {
        int64_t n = i / channels, channel = i % channels;
        memcpy(to + n * to_stride + (to_first + channel) * pixels,
               from + n * from_stride + (from_first + channel) * pixels,
               (size_t)pixels * sizeof(float));
    }
}

void kernel_ref_to_blocked(const float *plain, int64_t plain_stride, float *blocked,
                           int64_t blocked_stride, int batch, int first, int channels, bool last,
                           int64_t pixels, int part, int parts)
{
    kernel_ref_copy_channels(plain, plain_stride, 0, blocked, blocked_stride, first, channels, last,
                             batch, pixels, part, parts);
}

void kernel_ref_to_plain(const float *blocked, int64_t blocked_stride, float *plain,
                         int64_t plain_stride, int batch, int first, int channels, int64_t pixels,
                         int part, int parts)
{
    kernel_ref_copy_channels(blocked, blocked_stride, first, plain, plain_stride, 0, channels,
                             false, batch, pixels, part, parts);
}

void kernel_ref_focus(const struct kernel_focus *f, int part, int parts)
{
    int64_t i, end, width = f->out_width, plane = f->out_height * width;
    kernel_share((int64_t)f->batch * 4 * f->channels * f->out_height, part, parts, &i, &end);
    for (; i < end; i++) {
        int64_t y = i % f->out_height, channel = i / f->out_height % (4 * f->channels);
        int64_t image = i / f->out_height / (4 * f->channels), phase = channel / f->channels;
        const float *from = f->input + image * f->input_batch_stride +
                            channel % f->channels * 4 * plane + (2 * y + phase % 2) * 2 * width +
                            phase / 2;
        int64_t to = image * f->output_batch_stride + channel * plane + y * width;
        for (int64_t x = 0; x < width; x++)
            if (f->bytes.scale > 0)
                ((uint8_t *)f->output)[to + x] = kernel_ref_byte(&f->bytes, from[2 * x]);
            else
                ((float *)f->output)[to + x] = from[2 * x];
    }
}

void kernel_ref_scale_channels(const float *input, int64_t input_stride, const float *factor,
                               float *output, int64_t output_stride, int batch, int channels,
                               int64_t pixels, int part, int parts)
{
    int64_t first, end;
    kernel_share((int64_t)batch * channels, part, parts, &first, &end);
    for (int64_t i = first; i < end; i++) {
        int64_t n = i / channels, channel = i % channels;
        const float *from = input + n * input_stride + channel * pixels;
        float *to = output + n * output_stride + channel * pixels;
        for (int64_t p = 0; p < pixels; p++)
            to[p] = from[p] * factor[i];
    }
}

void kernel_ref_transpose(const float *from, int64_t from_stride, float *to, int64_t to_stride,
                          int64_t rows, int64_t columns, int part, int parts)
{
    int64_t first, end;
    kernel_share(columns, part, parts, &first, &end);
    for (int64_t column = first; column < end; column++)
        for (int64_t row = 0; row < rows; row++)
            memcpy(to + column * to_stride + row, from + row * from_stride + column, sizeof *to);
}
