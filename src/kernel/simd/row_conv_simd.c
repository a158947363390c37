/* Convolutions 1×1 whose rows have weights of their own: each row is a line of pixels of which the
 * register tiles of conv_tile.c make all output channels. A row's weights are read once. */
#include <string.h>

#include "kernel/simd/conv.h"

/* Blocks of output channels in a tile; the packing must not depend on the number of columns. */
enum { TILE_BLOCKS = 2 };

static int64_t row_floats(const struct kernel_row_conv *conv)
{
    return (int64_t)kernel_blocks(conv->out_channels, VEC_LANES) * VEC_LANES *
           (conv->in_channels + 1);
}

size_t KERNEL_NAME(kernel_row_conv_packed_bytes)(const struct kernel_row_conv *conv)
{
    return (size_t)(row_floats(conv) * conv->rows) * sizeof(float);
}

/* For one group of blocks after another: bias, then [in channel][block][lane]. */
void KERNEL_NAME(kernel_row_conv_pack)(const struct kernel_row_conv *conv, int row,
                                       const float *weights, const float *bias, void *packed)
{
    float *to = (float *)packed + row * row_floats(conv);
    int blocks = kernel_blocks(conv->out_channels, VEC_LANES);
    for (int first = 0; first < blocks; first += TILE_BLOCKS) {
        int lanes = (blocks - first < TILE_BLOCKS ? blocks - first : TILE_BLOCKS) * VEC_LANES;
        for (int lane = 0; lane < lanes; lane++) {
            int c = first * VEC_LANES + lane;
            bool real = c < conv->out_channels;
            to[lane] = real ? bias[c] : 0.0f;
            for (int i = 0; i < conv->in_channels; i++)
                to[(i + 1) * lanes + lane] =
                    real ? weights[(int64_t)c * conv->in_channels + i] : 0.0f;
        }
        to += (int64_t)lanes * (conv->in_channels + 1);
    }
}

/* Asks for the next line's weights, which come from far away, while this one is computed. */
static void run_line(struct conv_tile tile, int blocks, int64_t columns, const float *next)
{
    enum { LINE = 64 / sizeof(float) };
    int64_t floats = (int64_t)(tile.in_blocks * VEC_LANES + 1) * blocks * VEC_LANES, asked = 0;
    for (int64_t left = columns, width; left > 0; left -= width) {
        width = KERNEL_NAME(conv_tile_next)(blocks, left);
        for (int64_t until = floats * (columns - left + width) / columns; asked < until;
             asked += LINE)
            __builtin_prefetch(next + asked, 0, 2);
        KERNEL_NAME(conv_tile_kernel)(blocks, (int)width)(&tile);
        tile.input += width * VEC_LANES;
        tile.output += width * VEC_LANES;
    }
}

void KERNEL_NAME(kernel_row_conv_run)(const struct kernel_row_conv *conv, int part, int parts)
{
    static const int32_t no_offset;
    int in_blocks = kernel_blocks(conv->in_channels, VEC_LANES);
    int out_blocks = kernel_blocks(conv->out_channels, VEC_LANES);
    int groups = (out_blocks + TILE_BLOCKS - 1) / TILE_BLOCKS;
    int64_t line = (int64_t)conv->columns * VEC_LANES, plane = line * conv->rows, i, end;
    kernel_share((int64_t)conv->rows * groups, part, parts, &i, &end);
    for (; i < end; i++) {
        int64_t row = i / groups, first = i % groups * TILE_BLOCKS;
        int blocks = out_blocks - first < TILE_BLOCKS ? (int)(out_blocks - first) : TILE_BLOCKS;
        const float *packed = (const float *)conv->packed + row * row_floats(conv) +
                              first * VEC_LANES * (conv->in_channels + 1);
        struct conv_tile tile = {
            .input = conv->input + row * line,
            .weights = packed + (int64_t)blocks * VEC_LANES,
            .taps = &no_offset,
            .tap_count = 1,
            .in_blocks = in_blocks,
            .last_channels = conv->in_channels - (in_blocks - 1) * VEC_LANES,
            .in_block_stride = plane,
            .bias = packed,
            .output = conv->output + first * plane + row * line,
            .out_block_stride = plane,
            .out_pixel_stride = VEC_LANES,
        };
        run_line(tile, blocks, conv->columns,
                 tile.weights + (int64_t)blocks * VEC_LANES * conv->in_channels);
    }
}
