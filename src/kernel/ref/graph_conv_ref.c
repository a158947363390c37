/* Spatial graph convolution of ST-GCN, reference tier. */
#include "kernel/ref/ref.h"

static float graph_sum(const struct kernel_graph_conv *conv, const float *image, int64_t channel,
                       int64_t frame, int w)
{
    float sum = 0;
    for (int k = 0; k < conv->subsets; k++) {
        const float *joints =
            image +
            (((int64_t)k * conv->channels + channel) * conv->frames + frame) * conv->joints_in;
        const float *column = conv->adjacency + (int64_t)k * conv->joints_in * conv->joints_out + w;
        for (int v = 0; v < conv->joints_in; v++)
            sum += joints[v] * column[(int64_t)v * conv->joints_out];
    }
    return sum;
}

void kernel_ref_graph_conv(const struct kernel_graph_conv *conv, int part, int parts)
{
    int64_t first, end;
    kernel_share((int64_t)conv->batch * conv->channels * conv->frames, part, parts, &first, &end);
    for (int64_t i = first; i < end; i++) {
        int64_t frame = i % conv->frames;
        int64_t channel = i / conv->frames % conv->channels;
        int64_t n = i / conv->frames / conv->channels;
        const float *image = conv->input + n * conv->input_batch_stride;
        int64_t at = (channel * conv->frames + frame) * conv->joints_out;
        float *out = conv->output + n * conv->output_batch_stride + at;
        const float *residual =
            conv->residual ? conv->residual + n * conv->residual_batch_stride + at : NULL;
        for (int w = 0; w < conv->joints_out; w++) {
            float sum = graph_sum(conv, image, channel, frame, w);
            if (conv->scale)
                sum *= conv->scale[channel];
            if (conv->shift)
                sum += conv->shift[channel];
            out[w] = kernel_ref_epilogue(&conv->epilogue, sum, residual ? residual[w] : 0);
        }
    }
}
