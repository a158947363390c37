/* The register tiles of dense convolutions. */
#include "kernel/simd/conv.h"
#include "kernel/simd/vec_math.h"

enum { MAX_BLOCKS = VEC_REGISTERS == 32 ? 4 : 3, MAX_SUMS = VEC_REGISTERS == 32 ? 24 : 12 };

/* Floats of weights that are asked for ahead: some hundred nanoseconds of work. Asking costs nothing
 * where they are near, and the processor does not ask by itself beyond the end of a page. */
enum { AHEAD = 2048, LINE_FLOATS = 16 };

/* One channel of one tap. */
VEC_INLINE void add_channel(vec *sums, const float *x, const float *w, const int blocks,
                            const int pixels)
{
    vec weights[MAX_BLOCKS];
    VEC_UNROLL
    for (int b = 0; b < blocks; b++) {
        if (b * VEC_LANES % LINE_FLOATS == 0)
            __builtin_prefetch(w + b * VEC_LANES + AHEAD, 0, 2);
        weights[b] = vec_load(w + b * VEC_LANES);
    }
    VEC_UNROLL
    for (int i = 0; i < blocks * pixels; i++) {
        int at = i % blocks * pixels + i / blocks;
        sums[at] = vec_fma(weights[i % blocks], vec_set1(x[i / blocks * VEC_LANES]), sums[at]);
    }
}

VEC_INLINE void sum_tile(const struct conv_tile *t, vec *sums, const int blocks, const int pixels)
{
    const float *w = t->weights, *input = t->input;
    for (int block = 0; block < t->in_blocks; block++, input += t->in_block_stride) {
        int channels = block + 1 < t->in_blocks ? VEC_LANES : t->last_channels;
        for (int tap = 0; tap < t->tap_count; tap++) {
            const float *x = input + t->taps[tap];
            int c = 0;
            VEC_UNROLL_NOT
            for (; c + 4 <= channels; c += 4, x += 4, w += 4 * blocks * VEC_LANES) {
                VEC_FORGET(x);
                VEC_FORGET(w);
                add_channel(sums, x, w, blocks, pixels);
                add_channel(sums, x + 1, w + blocks * VEC_LANES, blocks, pixels);
                add_channel(sums, x + 2, w + 2 * blocks * VEC_LANES, blocks, pixels);
                add_channel(sums, x + 3, w + 3 * blocks * VEC_LANES, blocks, pixels);
            }
            VEC_UNROLL_NOT
            for (; c < channels; c++, x++, w += blocks * VEC_LANES) {
                VEC_FORGET(x);
                add_channel(sums, x, w, blocks, pixels);
            }
        }
    }
}

VEC_INLINE void run_tile(const struct conv_tile *t, const int blocks, const int pixels)
{
    vec sums[MAX_SUMS];
    VEC_UNROLL
    for (int i = 0; i < blocks * pixels; i++)
        sums[i] = vec_zero();
    sum_tile(t, sums, blocks, pixels);
    /* The bias comes last, so that a large one does not coarsen the sums before it. */
    if (t->bias) {
        VEC_UNROLL
        for (int i = 0; i < blocks * pixels; i++)
            sums[i] = vec_add(sums[i], vec_load(t->bias + i / pixels * VEC_LANES));
    }
    if (t->finish && t->finish->kind == CONV_FINISH_SWISH && !t->plain_channels) {
        VEC_UNROLL
        for (int i = 0; i < blocks * pixels; i++)
            vec_store(t->output + i / pixels * t->out_block_stride +
                          i % pixels * t->out_pixel_stride,
                      vec_swish(sums[i]));
        return;
    }
    if (t->finish && (t->finish->kind != CONV_FINISH_CLAMP || t->plain_channels)) {
        float memory[MAX_SUMS * VEC_LANES];
        VEC_UNROLL
        for (int i = 0; i < blocks * pixels; i++)
            vec_store(memory + i * VEC_LANES, sums[i]);
        KERNEL_NAME(conv_tile_finish)(t, memory, blocks, pixels);
        return;
    }
    if (t->finish) {
        vec low = vec_set1(t->finish->low), high = vec_set1(t->finish->high);
        VEC_UNROLL
        for (int i = 0; i < blocks * pixels; i++)
            sums[i] = vec_clamp(sums[i], low, high);
    }
    VEC_UNROLL
    for (int i = 0; i < blocks * pixels; i++)
        vec_store(t->output + i / pixels * t->out_block_stride + i % pixels * t->out_pixel_stride,
                  sums[i]);
}

#define TILE(blocks, pixels)                                                                       \
    static void tile_##blocks##x##pixels(const struct conv_tile *t)                                \
    {                                                                                              \
        run_tile(t, blocks, pixels);                                                               \
    }
/* clang-format off */
TILE(1, 1) TILE(1, 2) TILE(1, 3) TILE(1, 4) TILE(1, 6) TILE(1, 8) TILE(1, 12)
TILE(2, 1) TILE(2, 2) TILE(2, 3) TILE(2, 4) TILE(2, 5) TILE(2, 6)
TILE(3, 1) TILE(3, 2) TILE(3, 3) TILE(3, 4)
#if VEC_REGISTERS == 32
TILE(1, 16) TILE(1, 20) TILE(1, 24)
TILE(2, 7) TILE(2, 8) TILE(2, 9) TILE(2, 10) TILE(2, 11) TILE(2, 12)
TILE(3, 5) TILE(3, 6) TILE(3, 7) TILE(3, 8)
TILE(4, 1) TILE(4, 2) TILE(4, 3) TILE(4, 4) TILE(4, 5) TILE(4, 6)
#endif
#undef TILE
    /* clang-format on */

    /* kernels[blocks - 1][pixels] */
    /* clang-format off */
static conv_tile_fn *const kernels[MAX_BLOCKS][MAX_SUMS + 1] = {
#if VEC_REGISTERS == 32
    {[1] = tile_1x1, [2] = tile_1x2, [3] = tile_1x3, [4] = tile_1x4, [6] = tile_1x6,
     [8] = tile_1x8, [12] = tile_1x12, [16] = tile_1x16, [20] = tile_1x20, [24] = tile_1x24},
    {[1] = tile_2x1, [2] = tile_2x2, [3] = tile_2x3, [4] = tile_2x4, [5] = tile_2x5,
     [6] = tile_2x6, [7] = tile_2x7, [8] = tile_2x8, [9] = tile_2x9, [10] = tile_2x10,
     [11] = tile_2x11, [12] = tile_2x12},
    {[1] = tile_3x1, [2] = tile_3x2, [3] = tile_3x3, [4] = tile_3x4, [5] = tile_3x5,
     [6] = tile_3x6, [7] = tile_3x7, [8] = tile_3x8},
    {[1] = tile_4x1, [2] = tile_4x2, [3] = tile_4x3, [4] = tile_4x4, [5] = tile_4x5,
     [6] = tile_4x6},
#else
    {[1] = tile_1x1, [2] = tile_1x2, [3] = tile_1x3, [4] = tile_1x4, [6] = tile_1x6,
     [8] = tile_1x8, [12] = tile_1x12},
    {[1] = tile_2x1, [2] = tile_2x2, [3] = tile_2x3, [4] = tile_2x4, [5] = tile_2x5,
     [6] = tile_2x6},
    {[1] = tile_3x1, [2] = tile_3x2, [3] = tile_3x3, [4] = tile_3x4},
#endif
};
/* clang-format on */

conv_tile_fn *KERNEL_NAME(conv_tile_kernel)(int blocks, int pixels)
{
    return kernels[blocks - 1][pixels];
}

int KERNEL_NAME(conv_tile_pixels)(int blocks)
{
    return blocks > MAX_BLOCKS ? 0 : MAX_SUMS / blocks;
}

int KERNEL_NAME(conv_tile_next)(int blocks, int64_t left)
{
    int most = MAX_SUMS / blocks;
    int64_t tiles = (left + most - 1) / most;
    int width = (int)((left + tiles - 1) / tiles);
    while (!kernels[blocks - 1][width])
        width--;
    return width;
}

float KERNEL_NAME(conv_tile_cost)(int blocks, int channels, int64_t pixels)
{
    float cycles = 0;
    int out_blocks = kernel_blocks(channels, VEC_LANES);
    for (int group = 0; group < out_blocks; group += blocks) {
        int now = out_blocks - group < blocks ? out_blocks - group : blocks;
        float share = conv_tile_is_half(now, channels - group * VEC_LANES) ? 0.55f : 1.0f;
        for (int64_t left = pixels; left > 0;) {
            int width = KERNEL_NAME(conv_tile_next)(now, left);
            /* two multiply-adds a cycle with a latency of four, two loads a cycle */
            float sums = (float)(now * width), loads = (float)(now + width);
            float slow = sums > loads ? sums : loads;
            cycles += share * ((slow > 8.0f ? slow : 8.0f) * 0.5f + 0.25f);
            left -= width;
        }
    }
    return cycles;
}

int KERNEL_NAME(conv_tile_choose)(int channels, int64_t pixels)
{
    int best = 1;
    float least = 0;
    for (int blocks = 1; blocks <= MAX_BLOCKS; blocks++) {
        float cost = KERNEL_NAME(conv_tile_cost)(blocks, channels, pixels);
        if (blocks == 1 || cost < least) {
            best = blocks;
            least = cost;
        }
    }
    return best;
}

void KERNEL_NAME(conv_tile_line)(struct conv_tile tile, int blocks, int64_t count)
{
    while (count > 0) {
        int width = KERNEL_NAME(conv_tile_next)(blocks, count);
        conv_tile_fn *kernel =
            tile.half ? KERNEL_NAME(conv_tile_half_kernel)(width) : kernels[blocks - 1][width];
        /* those of one width without another division */
        for (; count >= width; count -= width) {
            kernel(&tile);
            tile.input += (int64_t)width * VEC_LANES;
            tile.output += width * tile.out_pixel_stride;
            if (tile.residual)
                tile.residual += width * tile.out_pixel_stride;
        }
    }
}
