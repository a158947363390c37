/* How a line of pixels is cut into register tiles of bytes, and what that costs. */
#include "kernel/simd/qconv.h"

/* Nearly equal tiles, of whole fours if possible, which is what the finish takes at once. */
int KERNEL_NAME(qconv_tile_width)(const struct qconv_dots *dots, int blocks, int64_t left)
{
    int most = KERNEL_NAME(conv_tile_pixels)(blocks);
    int64_t tiles = (left + most - 1) / most;
    int width = (int)((left + tiles - 1) / tiles), fours = (width + 3) / 4 * 4;
    width = fours <= most && fours <= left ? fours : width;
    while (!dots->tiles[blocks - 1][width])
        width--;
    return width;
}

double KERNEL_NAME(qconv_line_cost)(const struct qconv_dots *dots, double depth, int out_blocks,
                                    int blocks, int64_t pixels, int finish)
{
    enum { TILE = 32 };
    double cost = 0;
    for (int group = 0; group < out_blocks; group += blocks) {
        int now = out_blocks - group < blocks ? out_blocks - group : blocks;
        for (int64_t left = pixels, width; left > 0; left -= width) {
            width = KERNEL_NAME(qconv_tile_width)(dots, now, left);
            /* two dots in a cycle with a latency of four, two loads in a cycle */
            int sums = now * (int)width, loads = now + (int)width;
            int slow = sums > loads ? sums : loads;
            cost += depth * (slow > 8 ? slow : 8) + now * (int)((width + 3) / 4) * finish + TILE;
        }
    }
    return cost;
}
