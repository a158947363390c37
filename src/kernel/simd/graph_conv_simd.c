/* Spatial graph convolution of ST-GCN on blocked data: the sums of up to TILE_JOINTS joints of two
 * frames stay in registers while all subsets and input joints pass. The last tile of a frame
 * reaches back over the one before it rather than being narrower. */
#include "kernel/simd/simd.h"
#include "kernel/simd/vec_math.h"

#if VEC_REGISTERS == 32
enum { TILE_JOINTS = 9 };
#else
enum { TILE_JOINTS = 6 };
#endif

enum { TILE_FRAMES = 2 };

/* One channel block of one image from some frame on. */
struct joints {
    const float *input, *adjacency;
    const float *residual; /* NULL without one */
    float *output;
    int64_t subset_stride; /* floats between the subsets of the input */
    int block;
};

/* Scale, shift, residual and activation of a finished tile, and the store. */
static __attribute__((noinline)) void graph_store(const struct kernel_graph_conv *conv,
                                                  const struct joints *at, int first, int frames,
                                                  int joints, const float *sums)
{
    const struct kernel_epilogue e = conv->epilogue;
    int64_t lanes = (int64_t)at->block * VEC_LANES;
    vec scale = conv->scale ? vec_load(conv->scale + lanes) : vec_set1(1.0f);
    vec shift = conv->shift ? vec_load(conv->shift + lanes) : vec_zero();
    for (int f = 0; f < frames; f++) {
        int64_t to = ((int64_t)f * conv->joints_out + first) * VEC_LANES;
        for (int w = 0; w < joints; w++, to += VEC_LANES, sums += VEC_LANES) {
            vec sum = vec_add(vec_mul(vec_load(sums), scale), shift);
            if (e.residual == KERNEL_RESIDUAL_BEFORE)
                sum = vec_add(sum, vec_load(at->residual + to));
            sum = vec_activate(e.activation, e.alpha, e.beta, sum);
            if (e.residual == KERNEL_RESIDUAL_AFTER)
                sum = vec_add(sum, vec_load(at->residual + to));
            vec_store(at->output + to, sum);
        }
    }
}

VEC_INLINE void graph_tile(const struct kernel_graph_conv *conv, const struct joints *at, int first,
                           int frames, int joints)
{
    vec sums[TILE_FRAMES][TILE_JOINTS];
    _Alignas(64) float out[TILE_FRAMES * TILE_JOINTS * VEC_LANES];
    int64_t frame = (int64_t)conv->joints_in * VEC_LANES;
    const float *edges = at->adjacency + first;
    VEC_UNROLL
    for (int f = 0; f < frames; f++) {
        VEC_UNROLL
        for (int w = 0; w < joints; w++)
            sums[f][w] = vec_zero();
    }
    for (int k = 0; k < conv->subsets; k++) {
        const float *in = at->input + k * at->subset_stride;
        for (int v = 0; v < conv->joints_in; v++, in += VEC_LANES, edges += conv->joints_out) {
            vec x[TILE_FRAMES];
            VEC_UNROLL
            for (int f = 0; f < frames; f++)
                x[f] = vec_load(in + f * frame);
            VEC_UNROLL
            for (int w = 0; w < joints; w++) {
                vec edge = vec_set1(edges[w]);
                VEC_UNROLL
                for (int f = 0; f < frames; f++)
                    sums[f][w] = vec_fma(x[f], edge, sums[f][w]);
            }
        }
    }
    VEC_UNROLL
    for (int f = 0; f < frames; f++) {
        VEC_UNROLL
        for (int w = 0; w < joints; w++)
            vec_store(out + (f * joints + w) * VEC_LANES, sums[f][w]);
    }
    graph_store(conv, at, first, frames, joints, out);
}

VEC_INLINE void graph_frames(const struct kernel_graph_conv *conv, const struct joints *at,
                             int frames)
{
    int count = conv->joints_out;
    for (int w = 0; w < count && count < TILE_JOINTS; w++)
        graph_tile(conv, at, w, frames, 1);
    for (int w = 0; w < count && count >= TILE_JOINTS; w += TILE_JOINTS)
        graph_tile(conv, at, w + TILE_JOINTS > count ? count - TILE_JOINTS : w, frames,
                   TILE_JOINTS);
}

void KERNEL_NAME(kernel_graph_conv)(const struct kernel_graph_conv *conv, int part, int parts)
{
    int64_t blocks = kernel_blocks(conv->channels, VEC_LANES);
    int64_t pairs = (conv->frames + TILE_FRAMES - 1) / TILE_FRAMES;
    int64_t plane_in = (int64_t)conv->frames * conv->joints_in * VEC_LANES;
    int64_t plane_out = (int64_t)conv->frames * conv->joints_out * VEC_LANES;
    int64_t i, end;
    kernel_share(conv->batch * blocks * pairs, part, parts, &i, &end);
    for (; i < end; i++) {
        int64_t frame = i % pairs * TILE_FRAMES, block = i / pairs % blocks;
        int64_t n = i / pairs / blocks;
        int64_t out = block * plane_out + frame * conv->joints_out * VEC_LANES;
        struct joints at = {
            .input = conv->input + n * conv->input_batch_stride + block * plane_in +
                     frame * conv->joints_in * VEC_LANES,
            .adjacency = conv->adjacency,
            .residual =
                conv->residual ? conv->residual + n * conv->residual_batch_stride + out : NULL,
            .output = conv->output + n * conv->output_batch_stride + out,
            .subset_stride = blocks * plane_in,
            .block = (int)block,
        };
        if (conv->frames - frame >= TILE_FRAMES)
            graph_frames(conv, &at, TILE_FRAMES);
        else
            graph_frames(conv, &at, 1);
    }
}
