/* The register tiles of dense convolutions of bytes, for one kind of dot. */
#include "kernel/simd/qconv.h"
#include "kernel/simd/vec_bytes.h"

enum { DOTS = VEC_LANES / 4 }; /* of a whole input block */

/* Four channels of one tap. */
VEC_INLINE void add_dot(vec_int *sums, const uint8_t *x, const char *w, const int blocks,
                        const int pixels)
{
    vec_dot_weights weights[QCONV_MAX_BLOCKS];
    VEC_UNROLL
    for (int b = 0; b < blocks; b++)
        weights[b] = vec_dot_load(w + b * VEC_LANES * VEC_DOT_SIZE);
    VEC_UNROLL
    for (int p = 0; p < pixels; p++) {
        vec_dot_bytes bytes = vec_dot_set1(x + p * VEC_LANES);
        VEC_UNROLL
        for (int b = 0; b < blocks; b++)
            sums[b * pixels + p] = vec_dot(sums[b * pixels + p], bytes, weights[b]);
    }
}

VEC_INLINE void run_tile(const struct qconv_tile *t, const int blocks, const int pixels)
{
    vec_int sums[QCONV_MAX_SUMS];
    VEC_UNROLL
    for (int i = 0; i < blocks * pixels; i++)
        sums[i] = vec_int_load(t->start + i / pixels * VEC_LANES);
    const char *w = t->weights;
    const uint8_t *input = t->input;
    const int step = blocks * VEC_LANES * VEC_DOT_SIZE;
    for (int block = 0; block < t->in_blocks; block++, input += t->in_block_stride) {
        int dots = block + 1 < t->in_blocks ? DOTS : t->last_dots;
        for (int tap = 0; tap < t->tap_count; tap++) {
            const uint8_t *x = input + t->taps[tap];
            if (dots == DOTS) {
                VEC_FORGET(x);
                VEC_FORGET(w);
                VEC_UNROLL
                for (int d = 0; d < DOTS; d++)
                    add_dot(sums, x + 4 * d, w + d * step, blocks, pixels);
                w += DOTS * step;
                continue;
            }
            VEC_UNROLL_NOT
            for (int d = 0; d < dots; d++, x += 4, w += step) {
                VEC_FORGET(x);
                add_dot(sums, x, w, blocks, pixels);
            }
        }
    }
    VEC_UNROLL
    for (int i = 0; i < blocks * pixels; i++)
        vec_int_store(t->sums + i * VEC_LANES, sums[i]);
}

#define TILE(blocks, pixels)                                                                       \
    static void tile_##blocks##x##pixels(const struct qconv_tile *t)                               \
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

    static void dot_pack(const int8_t four[4], char *to, int lane)
{
    vec_dot_pack(four, to, lane);
}

const struct qconv_dots QCONV_NAME(qconv_dots) = {
    .dot_size = VEC_DOT_SIZE,
    .window_taps = VEC_WINDOW_TAPS,
    .dot_pack = dot_pack,
    .window_pack = QCONV_NAME(qconv_window_pack),
    .windows = QCONV_NAME(qconv_windows),
    .lines = QCONV_NAME(qconv_lines),
    /* clang-format off */
    .tiles = {
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
    },
    /* clang-format on */
};
