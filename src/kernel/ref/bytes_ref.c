/* Bytes that stand for numbers: everything but the convolution, reference tier. */
#include <math.h>
#include <string.h>

#include "kernel/ref/ref.h"

uint8_t kernel_ref_byte(const struct kernel_bytes *bytes, float number)
{
    float at = rintf(number * (1.0f / bytes->scale)) + (float)bytes->zero;
    return at > 255.0f ? 255 : at > 0.0f ? (uint8_t)at : 0;
}

void kernel_ref_quantize(const float *x, const struct kernel_bytes *bytes, uint8_t *y,
                         int64_t count, int part, int parts)
{
    int64_t i, end;
    kernel_share(count, part, parts, &i, &end);
    for (; i < end; i++)
        y[i] = kernel_ref_byte(bytes, x[i]);
}

void kernel_ref_dequantize(const uint8_t *x, const struct kernel_bytes *bytes, float *y,
                           int64_t count, int part, int parts)
{
    int64_t i, end;
    kernel_share(count, part, parts, &i, &end);
    for (; i < end; i++)
        y[i] = kernel_ref_number(bytes, x[i]);
}

void kernel_ref_requantize(const uint8_t *x, const struct kernel_bytes *from, uint8_t *y,
                           const struct kernel_bytes *to, int64_t count, int part, int parts)
{
    int64_t i, end;
    kernel_share(count, part, parts, &i, &end);
    for (; i < end; i++)
        y[i] = kernel_ref_byte(to, kernel_ref_number(from, x[i]));
}

void kernel_ref_add_bytes(const uint8_t *a, const struct kernel_bytes *a_bytes, const uint8_t *b,
                          const struct kernel_bytes *b_bytes, uint8_t *y,
                          const struct kernel_bytes *y_bytes, int64_t count, int part, int parts)
{
    int64_t i, end;
    kernel_share(count, part, parts, &i, &end);
    for (; i < end; i++)
        y[i] = kernel_ref_byte(y_bytes,
                               kernel_ref_number(a_bytes, a[i]) + kernel_ref_number(b_bytes, b[i]));
}

static uint8_t window_maximum(const struct kernel_pool *p, const uint8_t *plane, int oy, int ox)
{
    uint8_t most = 0;
    for (int ky = 0; ky < p->kernel_height; ky++)
        for (int kx = 0; kx < p->kernel_width; kx++) {
            int y = oy * p->stride_height + ky * p->dilation_height - p->pad_top;
            int x = ox * p->stride_width + kx * p->dilation_width - p->pad_left;
            if (y < 0 || x < 0 || y >= p->in_height || x >= p->in_width)
                continue;
            uint8_t byte = plane[(int64_t)y * p->in_width + x];
            most = byte > most ? byte : most;
        }
    return most;
}

void kernel_ref_pool_bytes(const struct kernel_pool *pool, const uint8_t *input, uint8_t *output,
                           int part, int parts)
{
    int64_t i, end, in_pixels = (int64_t)pool->in_height * pool->in_width;
    int64_t out_pixels = (int64_t)pool->out_height * pool->out_width;
    kernel_share((int64_t)pool->batch * pool->channels, part, parts, &i, &end);
    for (; i < end; i++) {
        int64_t image = i / pool->channels, channel = i % pool->channels;
        const uint8_t *plane = input + image * pool->input_batch_stride + channel * in_pixels;
        uint8_t *to = output + image * pool->output_batch_stride + channel * out_pixels;
        for (int64_t at = 0; at < out_pixels; at++)
            to[at] = window_maximum(pool, plane, (int)(at / pool->out_width),
                                    (int)(at % pool->out_width));
    }
}

void kernel_ref_global_average_bytes(const uint8_t *input, const struct kernel_bytes *bytes,
                                     int64_t batch_stride, int batch, int channels, int64_t pixels,
                                     float *output, int part, int parts)
{
    int64_t i, end;
    kernel_share((int64_t)batch * channels, part, parts, &i, &end);
    for (; i < end; i++) {
        const uint8_t *plane = input + i / channels * batch_stride + i % channels * pixels;
        int64_t sum = -(int64_t)bytes->zero * pixels;
        for (int64_t at = 0; at < pixels; at++)
            sum += plane[at];
        output[i] = (float)((double)sum / (double)pixels) * bytes->scale;
    }
}

void kernel_ref_copy_channels_bytes(const uint8_t *from, int64_t from_stride, int from_first,
                                    uint8_t *to, int64_t to_stride, int to_first, int channels,
                                    int batch, int64_t pixels, int part, int parts)
{
    int64_t i, end;
    kernel_share((int64_t)batch * channels, part, parts, &i, &end);
    for (; i < end; i++) {
        int64_t image = i / channels, channel = i % channels;
        memcpy(to + image * to_stride + (to_first + channel) * pixels,
               from + image * from_stride + (from_first + channel) * pixels, (size_t)pixels);
    }
}

void kernel_ref_scale_channels_bytes(const uint8_t *input, const struct kernel_bytes *from,
                                     int64_t input_stride, const float *factor, uint8_t *output,
                                     const struct kernel_bytes *to, int64_t output_stride,
                                     int batch, int channels, int64_t pixels, int part, int parts)
{
    int64_t i, end;
    kernel_share((int64_t)batch * channels, part, parts, &i, &end);
    for (; i < end; i++) {
        int64_t image = i / channels, channel = i % channels;
        const uint8_t *x = input + image * input_stride + channel * pixels;
        uint8_t *y = output + image * output_stride + channel * pixels;
        for (int64_t at = 0; at < pixels; at++)
            y[at] = kernel_ref_byte(to, kernel_ref_number(from, x[at]) * factor[i]);
    }
}
