/* Register tiles for one block of which only the first half of the lanes has channels, as in the
 * first layers of small networks and in heads with a few outputs. Sums have half the length, and the
 * activation takes two pixels at once. */
#include "kernel/simd/conv.h"
#include "kernel/simd/vec_half.h"
#include "kernel/simd/vec_math.h"

#if defined(KERNEL_AVX512)

enum { MAX_PIXELS = 24 };

VEC_INLINE void add_channel(half *sums, const float *x, const float *w, const int pixels)
{
    half weights = half_load(w);
    VEC_UNROLL
    for (int p = 0; p < pixels; p++)
        sums[p] = half_fma(weights, half_set1(x[p * VEC_LANES]), sums[p]);
}

VEC_INLINE void sum_tile(const struct conv_tile *t, half *sums, const int pixels)
{
    const float *w = t->weights, *input = t->input;
    for (int block = 0; block < t->in_blocks; block++, input += t->in_block_stride) {
        int channels = block + 1 < t->in_blocks ? VEC_LANES : t->last_channels;
        for (int tap = 0; tap < t->tap_count; tap++) {
            const float *x = input + t->taps[tap];
            VEC_UNROLL_NOT
            for (int c = 0; c < channels; c++, x++, w += VEC_LANES) {
                VEC_FORGET(x);
                VEC_FORGET(w);
                add_channel(sums, x, w, pixels);
            }
        }
    }
}

VEC_INLINE void finish_swish(const struct conv_tile *t, const half *sums, const int pixels)
{
    VEC_UNROLL
    for (int p = 0; p < pixels; p += 2) {
        bool two = p + 1 < pixels;
        vec y = vec_swish(half_join(sums[p], two ? sums[p + 1] : half_zero()));
        vec_store(t->output + p * t->out_pixel_stride, half_widen(half_first(y)));
        if (two)
            vec_store(t->output + (p + 1) * t->out_pixel_stride, half_widen(half_second(y)));
    }
}

VEC_INLINE void run_tile(const struct conv_tile *t, const int pixels)
{
    half sums[MAX_PIXELS];
    VEC_UNROLL
    for (int p = 0; p < pixels; p++)
        sums[p] = half_zero();
    sum_tile(t, sums, pixels);
    if (t->bias) {
        half bias = half_load(t->bias);
        VEC_UNROLL
        for (int p = 0; p < pixels; p++)
            sums[p] = half_add(sums[p], bias);
    }
    if (t->finish && t->finish->kind == CONV_FINISH_SWISH && !t->plain_channels) {
        finish_swish(t, sums, pixels);
        return;
    }
    if (t->finish && (t->finish->kind != CONV_FINISH_CLAMP || t->plain_channels)) {
        float memory[MAX_PIXELS * VEC_LANES];
        VEC_UNROLL
        for (int p = 0; p < pixels; p++)
            vec_store(memory + p * VEC_LANES, half_widen(sums[p]));
        KERNEL_NAME(conv_tile_finish)(t, memory, 1, pixels);
        return;
    }
    VEC_UNROLL
    for (int p = 0; p < pixels; p++) {
        vec sum = half_widen(sums[p]);
        if (t->finish)
            sum = vec_clamp(sum, vec_set1(t->finish->low), vec_set1(t->finish->high));
        vec_store(t->output + p * t->out_pixel_stride, sum);
    }
}

#define TILE(pixels)                                                                               \
    static void tile_##pixels(const struct conv_tile *t)                                           \
    {                                                                                              \
        run_tile(t, pixels);                                                                       \
    }
/* clang-format off */
TILE(1) TILE(2) TILE(3) TILE(4) TILE(6) TILE(8) TILE(12) TILE(16) TILE(20) TILE(24)
/* clang-format on */
#undef TILE

    static conv_tile_fn *const kernels[MAX_PIXELS + 1] = {
        [1] = tile_1, [2] = tile_2,   [3] = tile_3,   [4] = tile_4,   [6] = tile_6,
        [8] = tile_8, [12] = tile_12, [16] = tile_16, [20] = tile_20, [24] = tile_24,
};

conv_tile_fn *KERNEL_NAME(conv_tile_half_kernel)(int pixels)
{
    return kernels[pixels];
}

#else

conv_tile_fn *KERNEL_NAME(conv_tile_half_kernel)(int pixels)
{
    (void)pixels;
    return NULL;
}

#endif
