/* Convolution on plain data, reference tier: any groups, stride, dilation and padding, and the
 * transposed one. Also what the engine falls back to where a SIMD tier has no method. */
#include <string.h>

#include "kernel/ref/ref.h"

static size_t weight_count(const struct kernel_conv_shape *s)
{
    return (size_t)s->out_channels * (size_t)(s->in_channels / s->groups) *
           (size_t)(s->kernel_height * s->kernel_width);
}

int kernel_ref_conv_plan(struct kernel_conv_plan *plan, const struct kernel_conv_shape *shape,
                         const struct kernel_epilogue *epilogue)
{
    int64_t planes = (int64_t)shape->batch * shape->out_channels;
    *plan = (struct kernel_conv_plan){
        .shape = *shape,
        .epilogue = *epilogue,
        .name = "reference",
        .parts = planes < 64 ? (int)planes : 64,
        .packed_bytes = (weight_count(shape) + (size_t)shape->out_channels) * sizeof(float),
        .scratch_bytes = (size_t)shape->out_height * (size_t)shape->out_width * sizeof(float),
    };
    return 0;
}

void kernel_ref_conv_pack(const struct kernel_conv_plan *plan, const float *weights,
                          const float *bias, void *packed)
{
    size_t count = weight_count(&plan->shape), outputs = (size_t)plan->shape.out_channels;
    float *to = packed;
    memcpy(to, weights, count * sizeof(float));
    if (bias)
        memcpy(to + count, bias, outputs * sizeof(float));
    else
        memset(to + count, 0, outputs * sizeof(float));
}

/* The j with 0 ≤ j < count and 0 ≤ j * step + offset < limit: [*first, *end). */
static void inside(int count, int step, int offset, int limit, int *first, int *end)
{
    *first = offset >= 0 ? 0 : (-offset + step - 1) / step;
    *end = offset >= limit ? 0 : (limit - 1 - offset) / step + 1;
    if (*end > count)
        *end = count;
}

/* Adds one tap of one input plane to the sums of one output plane. */
static void add_tap(const struct kernel_conv_shape *s, int ky, int kx, float weight,
                    const float *input, float *sums)
{
    int dy = ky * s->dilation_height - s->pad_top, dx = kx * s->dilation_width - s->pad_left;
    int y0, y1, x0, x1;
    if (s->transposed) {
        inside(s->in_height, s->stride_height, dy, s->out_height, &y0, &y1);
        inside(s->in_width, s->stride_width, dx, s->out_width, &x0, &x1);
    } else {
        inside(s->out_height, s->stride_height, dy, s->in_height, &y0, &y1);
        inside(s->out_width, s->stride_width, dx, s->in_width, &x0, &x1);
    }
    for (int y = y0; y < y1; y++) {
        int far = y * s->stride_height + dy;
        const float *from = input + (int64_t)(s->transposed ? y : far) * s->in_width;
        float *to = sums + (int64_t)(s->transposed ? far : y) * s->out_width;
        if (s->transposed)
            for (int x = x0; x < x1; x++)
                to[x * s->stride_width + dx] += weight * from[x];
        else if (s->stride_width == 1)
            for (int x = x0; x < x1; x++)
                to[x] += weight * from[x + dx];
        else
            for (int x = x0; x < x1; x++)
                to[x] += weight * from[x * s->stride_width + dx];
    }
}

static void finish_plane(const struct kernel_epilogue *e, const float *sums, const float *residual,
                         float *output, int64_t pixels)
{
    for (int64_t i = 0; i < pixels; i++) {
        float x = sums[i];
        if (e->residual == KERNEL_RESIDUAL_BEFORE)
            x += residual[i];
        x = kernel_ref_activate(e->activation, e->alpha, e->beta, x);
        if (e->residual == KERNEL_RESIDUAL_AFTER)
            x += residual[i];
        output[i] = x;
    }
}

static void sum_plane(const struct kernel_conv_shape *s, const float *weights, float bias,
                      const float *input, int out, float *sums)
{
    int ins = s->in_channels / s->groups, outs = s->out_channels / s->groups;
    int taps = s->kernel_height * s->kernel_width, group = out / outs;
    int64_t pixels = (int64_t)s->out_height * s->out_width;
    int64_t plane = (int64_t)s->in_height * s->in_width;
    for (int64_t i = 0; i < pixels; i++)
        sums[i] = 0;
    for (int c = 0; c < ins; c++) {
        int64_t filter =
            s->transposed ? (int64_t)(group * ins + c) * outs + out % outs : (int64_t)out * ins + c;
        for (int t = 0; t < taps; t++)
            add_tap(s, t / s->kernel_width, t % s->kernel_width, weights[filter * taps + t],
                    input + (group * ins + c) * plane, sums);
    }
    /* Last, so that a large bias does not coarsen the sums before it. */
    for (int64_t i = 0; i < pixels; i++)
        sums[i] += bias;
}

void kernel_ref_conv_run(const struct kernel_conv_plan *plan,
                         const struct kernel_conv_buffers *buffers, int part, int parts)
{
    const struct kernel_conv_shape *s = &plan->shape;
    const float *weights = buffers->packed, *bias = weights + weight_count(s);
    int64_t pixels = (int64_t)s->out_height * s->out_width, first, end;
    kernel_share((int64_t)s->batch * s->out_channels, part, parts, &first, &end);
    for (int64_t i = first; i < end; i++) {
        int64_t image = i / s->out_channels;
        int out = (int)(i % s->out_channels);
        const float *residual = NULL;
        if (plan->epilogue.residual != KERNEL_NO_RESIDUAL)
            residual = buffers->residual + image * buffers->residual_batch_stride + out * pixels;
        sum_plane(s, weights, bias[out], buffers->input + image * buffers->input_batch_stride, out,
                  buffers->scratch);
        finish_plane(&plan->epilogue, buffers->scratch, residual,
                     buffers->output + image * buffers->output_batch_stride + out * pixels, pixels);
    }
}
