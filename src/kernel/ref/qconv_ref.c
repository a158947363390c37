/* Convolution of bytes on plain data, reference tier: any groups, stride, dilation and padding,
 * and the transposed one. */
#include <string.h>

#include "kernel/ref/ref.h"

/* packed: scales and biases of the output channels, then the weights as they came. */

static int depth_of(const struct kernel_conv_shape *s)
{
    return s->in_channels / s->groups * s->kernel_height * s->kernel_width;
}

int kernel_ref_qconv_plan(struct kernel_qconv_plan *plan, const struct kernel_conv_shape *shape,
                          const struct kernel_epilogue *epilogue, const struct kernel_bytes *input,
                          const struct kernel_bytes *residual, const struct kernel_bytes *output)
{
    if (depth_of(shape) > KERNEL_QCONV_DEPTH)
        return base_error(STANCE_EUNSUPPORTED,
                          "no tier has a kernel of bytes for this convolution");
    int64_t planes = (int64_t)shape->batch * shape->out_channels;
    *plan = (struct kernel_qconv_plan){
        .shape = *shape,
        .epilogue = *epilogue,
        .input = *input,
        .residual = *residual,
        .output = *output,
        .name = "reference",
        .parts = planes < 64 ? (int)planes : 64,
        .packed_bytes = (size_t)shape->out_channels * (2 * sizeof(float) + (size_t)depth_of(shape)),
    };
    return 0;
}

void kernel_ref_qconv_pack(const struct kernel_qconv_plan *plan, const int8_t *weights,
                           const float *weight_scales, const float *bias, void *packed)
{
    size_t outputs = (size_t)plan->shape.out_channels;
    float *to = packed;
    for (size_t k = 0; k < outputs; k++) {
        to[k] = plan->input.scale * weight_scales[k];
        to[outputs + k] = bias ? bias[k] : 0;
    }
    memcpy(to + 2 * outputs, weights, outputs * (size_t)depth_of(&plan->shape));
}

/* The input position that tap k of output position o reads, or -1. */
static int position(int o, int k, int stride, int dilation, int pad, bool transposed)
{
    if (!transposed)
        return o * stride + k * dilation - pad;
    int at = o + pad - k * dilation;
    return at % stride == 0 ? at / stride : -1;
}

/* Σ weight · (byte - zero) of output channel `out`; outside of the input the byte is zero. */
static int32_t sum_at(const struct kernel_qconv_plan *plan, const uint8_t *input,
                      const int8_t *weights, int out, int oy, int ox)
{
    const struct kernel_conv_shape *s = &plan->shape;
    int ins = s->in_channels / s->groups, outs = s->out_channels / s->groups, group = out / outs;
    int32_t sum = 0;
    for (int c = 0; c < ins; c++) {
        int64_t filter =
            s->transposed ? (int64_t)(group * ins + c) * outs + out % outs : (int64_t)out * ins + c;
        const int8_t *weight = weights + filter * s->kernel_height * s->kernel_width;
        const uint8_t *plane = input + (int64_t)(group * ins + c) * s->in_height * s->in_width;
        for (int ky = 0; ky < s->kernel_height; ky++)
            for (int kx = 0; kx < s->kernel_width; kx++, weight++) {
                int y = position(oy, ky, s->stride_height, s->dilation_height, s->pad_top,
                                 s->transposed);
                int x = position(ox, kx, s->stride_width, s->dilation_width, s->pad_left,
                                 s->transposed);
                if (y >= 0 && x >= 0 && y < s->in_height && x < s->in_width)
                    sum += *weight * (plane[(int64_t)y * s->in_width + x] - plan->input.zero);
            }
    }
    return sum;
}

static float residual_at(const struct kernel_qconv_plan *plan, const void *residual, int64_t at)
{
    if (plan->epilogue.residual == KERNEL_NO_RESIDUAL)
        return 0;
    if (plan->residual.scale == 0)
        return ((const float *)residual)[at];
    return kernel_ref_number(&plan->residual, ((const uint8_t *)residual)[at]);
}

static void run_plane(const struct kernel_qconv_plan *plan,
                      const struct kernel_qconv_buffers *buffers, int64_t image, int out)
{
    const struct kernel_conv_shape *s = &plan->shape;
    const float *scales = buffers->packed, *biases = scales + s->out_channels;
    const int8_t *weights = (const int8_t *)(biases + s->out_channels);
    const uint8_t *input = buffers->input + image * buffers->input_batch_stride;
    int64_t pixels = (int64_t)s->out_height * s->out_width;
    int64_t to = image * buffers->output_batch_stride + out * pixels;
    int64_t from = image * buffers->residual_batch_stride + out * pixels;
    for (int64_t i = 0; i < pixels; i++) {
        int32_t sum =
            sum_at(plan, input, weights, out, (int)(i / s->out_width), (int)(i % s->out_width));
        float y = kernel_ref_epilogue(&plan->epilogue, (float)sum * scales[out] + biases[out],
                                      residual_at(plan, buffers->residual, from + i));
        if (plan->output.scale == 0)
            ((float *)buffers->output)[to + i] = y;
        else
            ((uint8_t *)buffers->output)[to + i] = kernel_ref_byte(&plan->output, y);
    }
}

void kernel_ref_qconv_run(const struct kernel_qconv_plan *plan,
                          const struct kernel_qconv_buffers *buffers, int part, int parts)
{
    int64_t i, end;
    kernel_share((int64_t)plan->shape.batch * plan->shape.out_channels, part, parts, &i, &end);
    for (; i < end; i++)
        run_plane(plan, buffers, i / plan->shape.out_channels, (int)(i % plan->shape.out_channels));
}
