/* Temporal branches of ST-GCN++, reference tier. */
#include <string.h>

#include "kernel/ref/ref.h"

/* The branch of a channel, where its channels begin and where its weights do. */
struct place {
    const struct kernel_branch *branch;
    int first;
    int64_t weights;
};

static struct place place_of(const struct kernel_branches *b, int channel)
{
    struct place place = {.branch = b->branch};
    while (channel >= place.first + place.branch->channels) {
        place.first += place.branch->channels;
        if (!place.branch->pooled)
            place.weights +=
                (int64_t)place.branch->channels * place.branch->channels * place.branch->taps;
        place.branch++;
    }
    return place;
}

static int64_t weight_count(const struct kernel_branches *b)
{
    int64_t count = 0;
    for (int i = 0; i < b->count; i++)
        if (!b->branch[i].pooled)
            count += (int64_t)b->branch[i].channels * b->branch[i].channels * b->branch[i].taps;
    return count;
}

size_t kernel_ref_branches_packed_bytes(const struct kernel_branches *branches)
{
    return (size_t)(2 * branches->channels + weight_count(branches)) * sizeof(float);
}

void kernel_ref_branches_pack(const struct kernel_branches *branches, const float *weights,
                              const float *scale, const float *shift, void *packed)
{
    float *to = packed;
    size_t channels = (size_t)branches->channels;
    memcpy(to, scale, channels * sizeof *to);
    memcpy(to + channels, shift, channels * sizeof *to);
    memcpy(to + 2 * channels, weights, (size_t)weight_count(branches) * sizeof *to);
}

/* Σ or max over the taps of one output. */
static float taps_of(const struct kernel_branches *b, const struct place *place, const float *image,
                     int channel, int frame, int joint)
{
    const struct kernel_branch *branch = place->branch;
    const float *weights = (const float *)b->packed + 2 * (int64_t)b->channels + place->weights;
    int64_t plane = (int64_t)b->in_frames * b->joints;
    float most = -__builtin_inff(), sum = 0;
    for (int k = 0; k < branch->taps; k++) {
        int from = frame * b->stride + (k - (branch->taps - 1) / 2) * branch->dilation;
        if (from < 0 || from >= b->in_frames)
            continue;
        const float *x = image + (int64_t)from * b->joints + joint;
        if (branch->pooled) {
            most = kernel_ref_max(most, x[channel * plane]);
            continue;
        }
        const float *w =
            weights + (int64_t)(channel - place->first) * branch->channels * branch->taps;
        for (int i = 0; i < branch->channels; i++)
            sum += x[(place->first + i) * plane] * w[i * branch->taps + k];
    }
    return branch->pooled ? most : sum;
}

void kernel_ref_branches_run(const struct kernel_branches *b, int part, int parts)
{
    int64_t first, end;
    const float *scale = b->packed, *shift = scale + b->channels;
    kernel_share((int64_t)b->batch * b->channels * b->out_frames, part, parts, &first, &end);
    for (int64_t i = first; i < end; i++) {
        int frame = (int)(i % b->out_frames), channel = (int)(i / b->out_frames % b->channels);
        int64_t n = i / b->out_frames / b->channels;
        struct place place = place_of(b, channel);
        float *out = b->output + n * b->output_batch_stride +
                     ((int64_t)channel * b->out_frames + frame) * b->joints;
        for (int v = 0; v < b->joints; v++) {
            float m = taps_of(b, &place, b->input + n * b->input_batch_stride, channel, frame, v);
            out[v] = kernel_ref_max(scale[channel] * m + shift[channel], 0);
        }
    }
}
