/* Spatial graph convolution of ST-GCN on blocked data: the sums of up to TILE_JOINTS joints of two
 * frames stay in registers while all subsets and input joints pass. The last tile of a frame
 * reaches back over the one before it rather than being narrower. */
#include "kernel/simd/simd.h"
#include "kernel/simd/vec_math.h"

#if VEC_REGISTERS == 32
enum { LEAST_JOINTS = 8, TILE_JOINTS = 10 };
#else
enum { LEAST_JOINTS = 5, TILE_JOINTS = 6 };
#endif

enum { TILE_FRAMES = 2 };

/* How one side lies in memory; floats. */
struct strides {
    int64_t image, block, frame, joint;
};

/* One channel block of one image from some frame on. */
struct joints {
    const float *input, *adjacency;
    const float *residual; /* NULL without one */
    float *output;
    struct strides in, out;
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
        int64_t to = f * at->out.frame + first * at->out.joint;
        for (int w = 0; w < joints; w++, to += at->out.joint, sums += VEC_LANES) {
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

static bool is_plain(const struct kernel_graph_conv *conv)
{
    return !conv->scale && !conv->shift && conv->epilogue.activation == KERNEL_LINEAR &&
           conv->epilogue.residual == KERNEL_NO_RESIDUAL;
}

VEC_INLINE void graph_tile(const struct kernel_graph_conv *conv, const struct joints *at, int first,
                           const int frames, const int joints)
{
    vec sums[TILE_FRAMES][TILE_JOINTS];
    _Alignas(64) float out[TILE_FRAMES * TILE_JOINTS * VEC_LANES];
    const float *edges = at->adjacency + first;
    VEC_UNROLL
    for (int f = 0; f < frames; f++) {
        VEC_UNROLL
        for (int w = 0; w < joints; w++)
            sums[f][w] = vec_zero();
    }
    for (int k = 0; k < conv->subsets; k++) {
        const float *in = at->input + k * at->subset_stride;
        for (int v = 0; v < conv->joints_in; v++, in += at->in.joint, edges += conv->joints_out) {
            vec x[TILE_FRAMES];
            VEC_UNROLL
            for (int f = 0; f < frames; f++)
                x[f] = vec_load(in + f * at->in.frame);
            VEC_UNROLL
            for (int w = 0; w < joints; w++) {
                vec edge = vec_set1(edges[w]);
                VEC_UNROLL
                for (int f = 0; f < frames; f++)
                    sums[f][w] = vec_fma(x[f], edge, sums[f][w]);
            }
        }
    }
    if (is_plain(conv)) {
        float *to = at->output + first * at->out.joint;
        VEC_UNROLL
        for (int w = 0; w < joints; w++) {
            VEC_UNROLL
            for (int f = 0; f < frames; f++)
                vec_store(to + w * at->out.joint + f * at->out.frame, sums[f][w]);
        }
        return;
    }
    VEC_UNROLL
    for (int f = 0; f < frames; f++) {
        VEC_UNROLL
        for (int w = 0; w < joints; w++)
            vec_store(out + (f * joints + w) * VEC_LANES, sums[f][w]);
    }
    graph_store(conv, at, first, frames, joints, out);
}

#define TILE(pictures, nodes)                                                                      \
    static void tile_##pictures##x##nodes(const struct kernel_graph_conv *conv,                    \
                                          const struct joints *at, int first)                      \
    {                                                                                              \
        graph_tile(conv, at, first, pictures, nodes);                                              \
    }
/* clang-format off */
TILE(1, 1) TILE(2, 1)
#if VEC_REGISTERS == 32
TILE(1, 8) TILE(2, 8) TILE(1, 9) TILE(2, 9) TILE(1, 10) TILE(2, 10)
#else
TILE(1, 5) TILE(2, 5) TILE(1, 6) TILE(2, 6)
#endif
/* clang-format on */
#undef TILE

        typedef void tile_fn(const struct kernel_graph_conv *conv, const struct joints *at,
                             int first);

/* tiles[frames - 1][joints - LEAST_JOINTS] */
static tile_fn *const tiles[TILE_FRAMES][TILE_JOINTS - LEAST_JOINTS + 1] = {
#if VEC_REGISTERS == 32
    {tile_1x8, tile_1x9, tile_1x10},
    {tile_2x8, tile_2x9, tile_2x10},
#else
    {tile_1x5, tile_1x6},
    {tile_2x5, tile_2x6},
#endif
};

/* The tile by which the fewest joints are computed twice. */
static int tile_width(int joints)
{
    int best = TILE_JOINTS;
    for (int width = TILE_JOINTS; width >= LEAST_JOINTS; width--)
        if ((joints + width - 1) / width * width < (joints + best - 1) / best * best)
            best = width;
    return best;
}

static void graph_frames(const struct kernel_graph_conv *conv, const struct joints *at, int frames)
{
    int count = conv->joints_out, width = tile_width(count);
    tile_fn *one = frames == 2 ? tile_2x1 : tile_1x1,
            *tile = tiles[frames - 1][width - LEAST_JOINTS];
    for (int w = 0; w < count && count < width; w++)
        one(conv, at, w);
    for (int w = 0; w < count && count >= width; w += width)
        tile(conv, at, w + width > count ? count - width : w);
}

static struct strides strides_of(const struct kernel_graph_conv *conv, bool turned, int joints,
                                 int64_t batch_stride)
{
    int64_t frames = conv->frames, images = conv->batch;
    if (turned)
        return (struct strides){.image = frames * VEC_LANES,
                                .block = joints * images * frames * VEC_LANES,
                                .frame = VEC_LANES,
                                .joint = images * frames * VEC_LANES};
    return (struct strides){.image = batch_stride,
                            .block = frames * joints * VEC_LANES,
                            .frame = (int64_t)joints * VEC_LANES,
                            .joint = VEC_LANES};
}

void KERNEL_NAME(kernel_graph_conv)(const struct kernel_graph_conv *conv, int part, int parts)
{
    int64_t blocks = kernel_blocks(conv->channels, VEC_LANES);
    int64_t pairs = (conv->frames + TILE_FRAMES - 1) / TILE_FRAMES;
    struct strides in =
        strides_of(conv, conv->turned_input, conv->joints_in, conv->input_batch_stride);
    struct strides to =
        strides_of(conv, conv->turned_output, conv->joints_out, conv->output_batch_stride);
    int64_t i, end;
    kernel_share(conv->batch * blocks * pairs, part, parts, &i, &end);
    for (; i < end; i++) {
        int64_t frame = i % pairs * TILE_FRAMES, block = i / pairs % blocks;
        int64_t n = i / pairs / blocks, out = block * to.block + frame * to.frame;
        struct joints at = {
            .input = conv->input + n * in.image + block * in.block + frame * in.frame,
            .adjacency = conv->adjacency,
            .residual =
                conv->residual ? conv->residual + n * conv->residual_batch_stride + out : NULL,
            .output = conv->output + n * to.image + out,
            .in = in,
            .out = to,
            .subset_stride = blocks * in.block,
            .block = (int)block,
        };
        graph_frames(conv, &at, conv->frames - frame >= TILE_FRAMES ? TILE_FRAMES : 1);
    }
}
