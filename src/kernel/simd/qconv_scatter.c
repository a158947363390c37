/* Large kernels with few output channels on bytes, as conv_scatter.c on floats: lanes are (column
 * tap, output channel), one matrix product per row tap gives what every input pixel contributes to
 * its neighbours, and the contributions are added where they belong. */
#include <string.h>

#include "kernel/simd/qconv.h"
#include "kernel/simd/vec_bytes.h"

/* plan->tile[] of this method */
enum { BLOCKS, ROWS };

struct scatter {
    const struct kernel_conv_shape *s;
    int blocks, sum_blocks; /* of lanes, and of output channels */
    int tile_blocks;
    int rows, bands; /* of output */
    int in_blocks, last_dots;
};

static struct scatter scatter_of(const struct kernel_qconv_plan *plan)
{
    const struct kernel_conv_shape *s = &plan->shape;
    struct scatter c = {.s = s,
                        .blocks = kernel_blocks(s->kernel_width * s->out_channels, VEC_LANES),
                        .sum_blocks = kernel_blocks(s->out_channels, VEC_LANES),
                        .tile_blocks = plan->tile[BLOCKS],
                        .rows = plan->tile[ROWS],
                        .in_blocks = kernel_blocks(s->in_channels, VEC_LANES)};
    if (c.rows)
        c.bands = (s->out_height + c.rows - 1) / c.rows;
    c.last_dots = (s->in_channels - (c.in_blocks - 1) * VEC_LANES + 3) / 4;
    return c;
}

/* Fours of channels in all. */
static int64_t dots_in_all(const struct scatter *c)
{
    return (int64_t)(c->in_blocks - 1) * (VEC_LANES / 4) + c->last_dots;
}

/* Packed: of one block of lanes of a row tap, what the sums begin with and the weights. */
static int64_t block_bytes(const struct scatter *c, const struct qconv_dots *dots)
{
    return VEC_LANES * (4 + dots_in_all(c) * dots->dot_size);
}

/* The output rows of [*first, *end) that row tap ky reads from inside of the map. */
static void rows_inside(const struct kernel_conv_shape *s, int ky, int *first, int *end)
{
    int shift = ky * s->dilation_height - s->pad_top;
    if (*first + shift < 0)
        *first = -shift;
    if (*end + shift > s->in_height)
        *end = s->in_height - shift;
    if (*end < *first)
        *end = *first;
}

/* ---- Plan ------------------------------------------------------------------------------------ */

static double cost_of(const struct scatter *c, const struct qconv_dots *dots, int blocks)
{
    enum { ADD = 2, COPY = 6 /* of a vector */, FINISH = 8 };
    const struct kernel_conv_shape *s = c->s;
    double pixels = (double)s->out_height * s->out_width;
    double cost = pixels * c->sum_blocks * (s->kernel_height * s->kernel_width * ADD + FINISH);
    for (int band = 0; band < c->bands; band++)
        for (int ky = 0; ky < s->kernel_height; ky++) {
            int first = band * c->rows, end = first + c->rows;
            rows_inside(s, ky, &first, &end);
            int64_t line = (int64_t)(end - first) * s->in_width;
            cost += KERNEL_NAME(qconv_line_cost)(dots, (double)dots_in_all(c), c->blocks, blocks,
                                                 line, 0) +
                    (double)(line * c->blocks * COPY);
        }
    return cost;
}

/* Bytes of the products of a band with one row tap, and of its sums. */
static int64_t product_bytes(const struct scatter *c)
{
    return ((int64_t)c->rows * c->s->in_width * c->blocks + 1) * VEC_LANES * 4;
}

static int64_t sum_bytes(const struct scatter *c)
{
    return ((int64_t)c->rows * c->s->out_width * c->sum_blocks + 4) * VEC_LANES * 4;
}

int KERNEL_NAME(qconv_scatter_plan)(struct kernel_qconv_plan *plan, const struct qconv_dots *dots)
{
    enum { PIXELS = 256, CHANNELS = 48, LEAST_BANDS = 2 };
    const struct kernel_conv_shape *s = &plan->shape;
    if (s->transposed || s->groups != 1 || s->stride_height != 1 || s->stride_width != 1 ||
        s->kernel_width < 3 || s->out_channels > CHANNELS || s->in_width > PIXELS)
        return STANCE_EUNSUPPORTED;
    int most = (s->out_height + LEAST_BANDS - 1) / LEAST_BANDS, rows = PIXELS / s->in_width;
    plan->tile[ROWS] = rows < most ? rows : most;
    struct scatter c = scatter_of(plan);
    double least = 0;
    for (int blocks = 1; blocks <= QCONV_MAX_BLOCKS; blocks++) {
        double cost = cost_of(&c, dots, blocks);
        if (blocks > 1 && cost >= least)
            continue;
        least = cost;
        plan->tile[BLOCKS] = blocks;
    }
    plan->tile[QCONV_COST] = qconv_cost(least);
    plan->name = "bytes scatter";
    int64_t units = (int64_t)s->batch * c.bands;
    plan->parts = units < 64 ? (int)units : 64;
    plan->packing = plan->tile[BLOCKS] << 4 | dots->dot_size;
    plan->packed_bytes = (size_t)(KERNEL_NAME(qconv_head_bytes)(c.sum_blocks) +
                                  s->kernel_height * c.blocks * block_bytes(&c, dots));
    plan->scratch_bytes = (size_t)(product_bytes(&c) + sum_bytes(&c));
    return 0;
}

/* ---- Pack ------------------------------------------------------------------------------------ */

/* Weights of lane `at` for the channels c … c + 3 of row tap ky. */
static void four_weights(const struct kernel_conv_shape *s, const int8_t *weights, int at, int c,
                         int ky, int8_t four[4])
{
    int kx = at / s->out_channels, k = at % s->out_channels;
    for (int i = 0; i < 4; i++) {
        int64_t filter = (int64_t)k * s->in_channels + c + i;
        four[i] = 0;
        if (kx < s->kernel_width && c + i < s->in_channels)
            four[i] = weights[(filter * s->kernel_height + ky) * s->kernel_width + kx];
    }
}

/* Per row tap and tile group: what the sums begin with, then [four channels][block][lane]. */
void KERNEL_NAME(qconv_scatter_pack)(const struct kernel_qconv_plan *plan,
                                     const struct qconv_dots *dots, const int8_t *weights, char *to)
{
    struct scatter c = scatter_of(plan);
    for (int i = 0; i < c.s->kernel_height * c.blocks; i += c.tile_blocks) {
        int ky = i / c.blocks, first = i % c.blocks, left = c.blocks - first;
        int blocks = left < c.tile_blocks ? left : c.tile_blocks;
        i -= c.tile_blocks - blocks;
        int32_t *start = (int32_t *)(void *)to;
        memset(start, 0, (size_t)blocks * VEC_LANES * sizeof *start);
        to += blocks * VEC_LANES * 4;
        for (int dot = 0; dot < dots_in_all(&c); dot++)
            for (int lane = 0; lane < blocks * VEC_LANES; lane++) {
                int8_t four[4];
                four_weights(c.s, weights, first * VEC_LANES + lane, 4 * dot, ky, four);
                start[lane] -= plan->input.zero * (four[0] + four[1] + four[2] + four[3]);
                dots->dot_pack(four, to, lane % VEC_LANES);
                if (lane % VEC_LANES == VEC_LANES - 1)
                    to += VEC_LANES * dots->dot_size;
            }
    }
}

/* ---- Run ------------------------------------------------------------------------------------- */

/* What `pixels` input pixels contribute through one row tap: to[pixel][block][lane]. */
static void multiply(const struct scatter *c, const struct qconv_dots *dots, const uint8_t *input,
                     const char *packed, int pixels, int32_t *to)
{
    static const int32_t no_offset;
    _Alignas(64) int32_t sums[QCONV_MAX_SUMS * VEC_LANES];
    struct qconv_tile tile = {
        .taps = &no_offset,
        .tap_count = 1,
        .in_blocks = c->in_blocks,
        .last_dots = c->last_dots,
        .in_block_stride = (int64_t)c->s->in_height * c->s->in_width * VEC_LANES,
        .sums = sums,
    };
    for (int block = 0, now; block < c->blocks; block += now) {
        now = c->blocks - block < c->tile_blocks ? c->blocks - block : c->tile_blocks;
        tile.start = (const int32_t *)(const void *)packed;
        tile.weights = packed + now * VEC_LANES * 4;
        packed += now * block_bytes(c, dots);
        for (int at = 0, width; at < pixels; at += width) {
            width = KERNEL_NAME(qconv_tile_width)(dots, now, pixels - at);
            tile.input = input + (int64_t)at * VEC_LANES;
            dots->tiles[now - 1][width](&tile);
            for (int i = 0; i < now * width; i++)
                vec_int_store(to + ((int64_t)(at + i % width) * c->blocks + block + i / width) *
                                       VEC_LANES,
                              vec_int_load(sums + i * VEC_LANES));
        }
    }
}

/* Adds the contributions of one input row to sums[block][pixel][lane] of one output row. Lanes
 * beyond the last channel add what comes next, and nobody reads them. */
static void add_row(const struct scatter *c, const int32_t *from, int32_t *sums, int64_t sum_stride)
{
    const struct kernel_conv_shape *s = c->s;
    int64_t pixel = (int64_t)c->blocks * VEC_LANES;
    for (int i = 0; i < s->out_width * c->sum_blocks; i++) {
        int x = i % s->out_width - s->pad_left, block = i / s->out_width;
        int32_t *to = sums + block * sum_stride + i % s->out_width * VEC_LANES;
        vec_int sum = vec_int_load(to);
        for (int kx = 0; kx < s->kernel_width; kx++) {
            int ix = x + kx * s->dilation_width;
            if (ix >= 0 && ix < s->in_width)
                sum = vec_int_add(sum, vec_int_load(from + ix * pixel + kx * s->out_channels +
                                                    block * VEC_LANES));
        }
        vec_int_store(to, sum);
    }
}

/* The sums of the output rows [row, end) of an image. */
static void sum_rows(const struct scatter *c, const struct qconv_dots *dots, const uint8_t *input,
                     const char *packed, int row, int end, int32_t *products, int32_t *sums)
{
    const struct kernel_conv_shape *s = c->s;
    int64_t sum_stride = (int64_t)(end - row) * s->out_width * VEC_LANES;
    memset(sums, 0, (size_t)(c->sum_blocks * sum_stride) * sizeof *sums);
    for (int ky = 0; ky < s->kernel_height; ky++, packed += c->blocks * block_bytes(c, dots)) {
        int first = row, last = end;
        rows_inside(s, ky, &first, &last);
        if (first == last)
            continue;
        int64_t in_row = first + ky * s->dilation_height - s->pad_top;
        multiply(c, dots, input + in_row * s->in_width * VEC_LANES, packed,
                 (last - first) * s->in_width, products);
        for (int y = first; y < last; y++)
            add_row(c, products + (int64_t)(y - first) * s->in_width * c->blocks * VEC_LANES,
                    sums + (int64_t)(y - row) * s->out_width * VEC_LANES, sum_stride);
    }
}

void KERNEL_NAME(qconv_scatter_run)(const struct kernel_qconv_plan *plan,
                                    const struct qconv_dots *dots,
                                    const struct kernel_qconv_buffers *buffers, int part, int parts)
{
    struct scatter c = scatter_of(plan);
    const struct kernel_conv_shape *s = c.s;
    struct qconv_head head = KERNEL_NAME(qconv_head_at)(buffers->packed, c.sum_blocks);
    struct qconv_finish finish = KERNEL_NAME(qconv_finish_of)(plan, head.curve);
    struct qconv_target target = {.scales = head.scales,
                                  .biases = head.biases,
                                  .block_stride =
                                      (int64_t)s->out_height * s->out_width * VEC_LANES};
    int32_t *products = buffers->scratch, *sums = products + product_bytes(&c) / 4;
    int64_t unit, units;
    kernel_share((int64_t)s->batch * c.bands, part, parts, &unit, &units);
    for (; unit < units; unit++) {
        int64_t image = unit / c.bands;
        int row = (int)(unit % c.bands) * c.rows;
        int end = s->out_height - row < c.rows ? s->out_height : row + c.rows;
        sum_rows(&c, dots, buffers->input + image * buffers->input_batch_stride, head.weights, row,
                 end, products, sums);
        KERNEL_NAME(qconv_target_aim)
        (&finish, &target, buffers, image, (int64_t)row * s->out_width);
        KERNEL_NAME(qconv_finish)
        (&finish, &target, sums, c.sum_blocks, (end - row) * s->out_width);
    }
}
