/* Temporal branches of ST-GCN++ on blocked data. Their channels need not begin at a block: each
 * block of the output has the weights of all branches that lie in it, with zeros in the lanes of
 * the others, and reads its input one channel at a time, wherever that lies. The sums of some
 * joints of one frame stay in registers meanwhile.
 *
 * Packed, for one output block after another: shift, the scales of each pooled branch in the block,
 * then for each other branch in it [tap][channel][lanes], times scale. */
#include "kernel/simd/simd.h"

enum { TILE_JOINTS = VEC_REGISTERS == 32 ? 24 : 12 };

/* One block of the output of one image. */
struct block {
    const struct kernel_branches *b;
    int first; /* its first channel */
    const float *packed;
    const float *input; /* the image */
    float *output;
};

/* Some joints of one frame. */
struct joints {
    const struct block *block;
    int frame, first;
};

/* Whether a branch whose channels begin at `first` has some in the block. */
static bool lies_in(const struct kernel_branch *branch, int first, int block_first)
{
    return first < block_first + VEC_LANES && first + branch->channels > block_first;
}

static int64_t block_floats(const struct kernel_branches *b, int block_first)
{
    int64_t vectors = 1;
    for (int i = 0, first = 0; i < b->count; first += b->branch[i++].channels) {
        const struct kernel_branch *branch = &b->branch[i];
        if (lies_in(branch, first, block_first))
            vectors += branch->pooled ? 1 : (int64_t)branch->taps * branch->channels;
    }
    return vectors * VEC_LANES;
}

size_t KERNEL_NAME(kernel_branches_packed_bytes)(const struct kernel_branches *b)
{
    int64_t floats = 0;
    for (int first = 0; first < b->channels; first += VEC_LANES)
        floats += block_floats(b, first);
    return (size_t)floats * sizeof(float);
}

/* ---- Pack ------------------------------------------------------------------------------------ */

/* One vector for each lane's channel that is one of the branch: value[channel * step] * scale. */
static float *pack_vector(const float *values, int64_t step, const float *scale, int first,
                          int channels, int block_first, float *to)
{
    for (int lane = 0; lane < VEC_LANES; lane++) {
        int c = block_first + lane;
        bool in = c >= first && c < first + channels;
        to[lane] =
            in ? (values ? values[(c - first) * step] : 1.0f) * (scale ? scale[c] : 1.0f) : 0.0f;
    }
    return to + VEC_LANES;
}

static float *pack_block(const struct kernel_branches *b, const float *weights, const float *scale,
                         const float *shift, int block_first, float *to)
{
    to = pack_vector(shift, 1, NULL, 0, b->channels, block_first, to);
    for (int i = 0, first = 0; i < b->count; first += b->branch[i++].channels)
        if (b->branch[i].pooled && lies_in(&b->branch[i], first, block_first))
            to = pack_vector(NULL, 0, scale, first, b->branch[i].channels, block_first, to);
    for (int i = 0, first = 0; i < b->count; first += b->branch[i++].channels) {
        int channels = b->branch[i].channels, taps = b->branch[i].taps;
        if (b->branch[i].pooled)
            continue;
        int columns = lies_in(&b->branch[i], first, block_first) ? taps * channels : 0;
        for (int k = 0; k < columns; k++)
            to = pack_vector(weights + k % channels * taps + k / channels, (int64_t)channels * taps,
                             scale, first, channels, block_first, to);
        weights += (int64_t)channels * channels * taps;
    }
    return to;
}

void KERNEL_NAME(kernel_branches_pack)(const struct kernel_branches *b, const float *weights,
                                       const float *scale, const float *shift, void *packed)
{
    float *to = packed;
    for (int first = 0; first < b->channels; first += VEC_LANES)
        to = pack_block(b, weights, scale, shift, first, to);
}

/* ---- Run ------------------------------------------------------------------------------------- */

/* Where tap k of a branch reads channel block 0, or NULL outside of the input. */
static const float *tap_input(const struct joints *at, const struct kernel_branch *branch, int k)
{
    const struct kernel_branches *b = at->block->b;
    int from = at->frame * b->stride + (k - (branch->taps - 1) / 2) * branch->dilation;
    if (from < 0 || from >= b->in_frames)
        return NULL;
    return at->block->input + ((int64_t)from * b->joints + at->first) * VEC_LANES;
}

VEC_INLINE void add_pooled(const struct joints *at, const struct kernel_branch *branch,
                           const float *scale, vec *sums, const int joints)
{
    const struct block *block = at->block;
    int64_t plane = (int64_t)block->b->in_frames * block->b->joints * VEC_LANES;
    const float *centre = tap_input(at, branch, (branch->taps - 1) / 2);
    int64_t lanes = block->first / VEC_LANES * plane;
    vec factor = vec_load(scale), most[TILE_JOINTS];
    VEC_UNROLL
    for (int v = 0; v < joints; v++)
        most[v] = vec_load(centre + lanes + v * VEC_LANES);
    for (int k = 0; k < branch->taps; k++) {
        const float *x = tap_input(at, branch, k);
        if (!x)
            continue;
        VEC_UNROLL
        for (int v = 0; v < joints; v++)
            most[v] = vec_max(most[v], vec_load(x + lanes + v * VEC_LANES));
    }
    VEC_UNROLL
    for (int v = 0; v < joints; v++)
        sums[v] = vec_fma(most[v], factor, sums[v]);
}

/* One tap of all channels of a branch, which begin at channel `first`. */
VEC_INLINE const float *add_tap(const struct joints *at, const float *x, int first, int channels,
                                const float *w, vec *sums, const int joints)
{
    int64_t plane = (int64_t)at->block->b->in_frames * at->block->b->joints * VEC_LANES;
    for (int c = first, end; c < first + channels; c = end) {
        const float *lane = x + c / VEC_LANES * plane + c % VEC_LANES;
        end = (c / VEC_LANES + 1) * VEC_LANES;
        end = end < first + channels ? end : first + channels;
        VEC_UNROLL_NOT
        for (int i = c; i < end; i++, lane++, w += VEC_LANES) {
            vec weight = vec_load(w);
            VEC_UNROLL
            for (int v = 0; v < joints; v++)
                sums[v] = vec_fma(weight, vec_set1(lane[v * VEC_LANES]), sums[v]);
        }
    }
    return w;
}

VEC_INLINE void run_tile(const struct joints *at, const int joints)
{
    const struct block *block = at->block;
    const struct kernel_branches *b = block->b;
    const float *w = block->packed + VEC_LANES;
    vec sums[TILE_JOINTS];
    VEC_UNROLL
    for (int v = 0; v < joints; v++)
        sums[v] = vec_load(block->packed);
    for (int i = 0, first = 0; i < b->count; first += b->branch[i++].channels)
        if (b->branch[i].pooled && lies_in(&b->branch[i], first, block->first)) {
            add_pooled(at, &b->branch[i], w, sums, joints);
            w += VEC_LANES;
        }
    for (int i = 0, first = 0; i < b->count; first += b->branch[i++].channels) {
        const struct kernel_branch *branch = &b->branch[i];
        int taps = !branch->pooled && lies_in(branch, first, block->first) ? branch->taps : 0;
        for (int k = 0; k < taps; k++) {
            const float *x = tap_input(at, branch, k);
            if (x)
                w = add_tap(at, x, first, branch->channels, w, sums, joints);
            else
                w += (int64_t)branch->channels * VEC_LANES;
        }
    }
    float *to = block->output + ((int64_t)at->frame * b->joints + at->first) * VEC_LANES;
    VEC_UNROLL
    for (int v = 0; v < joints; v++)
        vec_store(to + v * VEC_LANES, vec_max(vec_zero(), sums[v]));
}

#define TILE(count)                                                                                \
    static void tile_##count(const struct joints *at)                                              \
    {                                                                                              \
        run_tile(at, count);                                                                       \
    }
/* clang-format off */
TILE(1) TILE(2) TILE(3) TILE(4) TILE(5) TILE(6) TILE(7) TILE(8) TILE(9) TILE(10) TILE(11) TILE(12)
#if VEC_REGISTERS == 32
TILE(13) TILE(14) TILE(15) TILE(16) TILE(17) TILE(18) TILE(19) TILE(20) TILE(21) TILE(22) TILE(23)
TILE(24)
#endif
/* clang-format on */
#undef TILE

            static void (*const tiles[TILE_JOINTS])(const struct joints *at) = {
                tile_1,  tile_2,  tile_3,  tile_4,  tile_5,  tile_6,
                tile_7,  tile_8,  tile_9,  tile_10, tile_11, tile_12,
#if VEC_REGISTERS == 32
                tile_13, tile_14, tile_15, tile_16, tile_17, tile_18,
                tile_19, tile_20, tile_21, tile_22, tile_23, tile_24,
#endif
};

/* The joints of a frame in tiles of nearly one size. */
static void run_frame(const struct block *block, int frame)
{
    int joints = block->b->joints, left = (joints + TILE_JOINTS - 1) / TILE_JOINTS;
    struct joints at = {.block = block, .frame = frame};
    for (int end; at.first < joints; at.first = end, left--) {
        end = at.first + (joints - at.first + left - 1) / left;
        tiles[end - at.first - 1](&at);
    }
}

void KERNEL_NAME(kernel_branches_run)(const struct kernel_branches *b, int part, int parts)
{
    int64_t i, end, plane = (int64_t)b->out_frames * b->joints * VEC_LANES;
    int blocks = kernel_blocks(b->channels, VEC_LANES);
    kernel_share((int64_t)b->batch * blocks * b->out_frames, part, parts, &i, &end);
    while (i < end) {
        int64_t n = i / b->out_frames / blocks;
        int index = (int)(i / b->out_frames % blocks), frame = (int)(i % b->out_frames);
        struct block block = {
            .b = b,
            .first = index * VEC_LANES,
            .packed = b->packed,
            .input = b->input + n * b->input_batch_stride,
            .output = b->output + n * b->output_batch_stride + index * plane,
        };
        for (int first = 0; first < block.first; first += VEC_LANES)
            block.packed += block_floats(b, first);
        for (; frame < b->out_frames && i < end; frame++, i++)
            run_frame(&block, frame);
    }
}
