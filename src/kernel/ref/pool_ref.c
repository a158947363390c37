/* Pooling and the global mean, reference tier: every window read in full. */
#include <math.h>

#include "kernel/ref/ref.h"

/* The window's steps that lie inside [0, size). */
static void window_inside(int start, int steps, int dilation, int size, int *first, int *end)
{
    *first = start < 0 ? (-start + dilation - 1) / dilation : 0;
    *end = size > start ? (size - start + dilation - 1) / dilation : 0;
    if (*end > steps)
        *end = steps;
}

static float pool_window(const struct kernel_pool *pool, const float *plane, int oy, int ox)
{
    int y = oy * pool->stride_height - pool->pad_top;
    int x = ox * pool->stride_width - pool->pad_left;
    int y_first, y_end, x_first, x_end, count = 0;
    window_inside(y, pool->kernel_height, pool->dilation_height, pool->in_height, &y_first, &y_end);
    window_inside(x, pool->kernel_width, pool->dilation_width, pool->in_width, &x_first, &x_end);
    float result = pool->average ? 0 : -INFINITY;
    for (int ky = y_first; ky < y_end; ky++) {
        const float *row = plane + (int64_t)(y + ky * pool->dilation_height) * pool->in_width;
        for (int kx = x_first; kx < x_end; kx++, count++) {
            float value = row[x + kx * pool->dilation_width];
            result = pool->average ? result + value : kernel_ref_max(result, value);
        }
    }
    if (!pool->average)
        return result;
    if (pool->count_include_pad)
        count = pool->kernel_height * pool->kernel_width;
    return count ? result / (float)count : 0;
}

void kernel_ref_pool_run(const struct kernel_pool *pool, int part, int parts)
{
    int64_t first, end;
    kernel_share((int64_t)pool->batch * pool->channels * pool->out_height, part, parts, &first,
                 &end);
    for (int64_t i = first; i < end; i++) {
        int y = (int)(i % pool->out_height);
        int64_t channel = i / pool->out_height % pool->channels;
        int64_t n = i / pool->out_height / pool->channels;
        const float *plane =
            pool->input + n * pool->input_batch_stride + channel * pool->in_height * pool->in_width;
        float *row = pool->output + n * pool->output_batch_stride +
                     (channel * pool->out_height + y) * pool->out_width;
        for (int x = 0; x < pool->out_width; x++)
            row[x] = pool_window(pool, plane, y, x);
    }
}

void kernel_ref_global_average(const float *input, int64_t batch_stride, int batch, int channels,
                               int64_t pixels, float *output, int part, int parts)
{
    int64_t first, end;
    kernel_share((int64_t)batch * channels, part, parts, &first, &end);
    for (int64_t i = first; i < end; i++) {
        const float *plane = input + i / channels * batch_stride + i % channels * pixels;
        double sum = 0;
        for (int64_t p = 0; p < pixels; p++)
            sum += plane[p];
        output[i] = (float)(sum / (double)pixels);
    }
}
