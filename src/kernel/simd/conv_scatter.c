/* Large kernels with few output channels, such as the 7×7 layer of 17 heatmaps that ends RTMPose's
 * backbone: instead of giving each output channel its own lane and wasting most of a block, lanes
 * are (column tap, output channel). One matrix product per row tap gives what every input pixel
 * contributes to its neighbours; the contributions are then added where they belong. Rows that a
 * tap would read outside of the map cost nothing. */
#include <string.h>

#include "kernel/simd/conv.h"

/* plan->tile[] of this method */
enum { SETS, ROWS };

struct scatter {
    const struct kernel_conv_shape *s;
    int sets, rows, bands; /* sets: output channels are cut into so many */
    int in_blocks, blocks; /* blocks of the widest set's lanes */
    int sum_blocks;        /* blocks of the widest set's channels */
    int tile_blocks;
};

static int set_first(const struct scatter *c, int set)
{
    return c->s->out_channels * set / c->sets;
}

static struct scatter scatter_of(const struct kernel_conv_plan *plan)
{
    const struct kernel_conv_shape *s = &plan->shape;
    struct scatter c = {.s = s, .sets = plan->tile[SETS], .rows = plan->tile[ROWS]};
    int most = (s->out_channels + c.sets - 1) / c.sets;
    c.bands = (s->out_height + c.rows - 1) / c.rows;
    c.in_blocks = kernel_blocks(s->in_channels, VEC_LANES);
    c.blocks = kernel_blocks(most * s->kernel_width, VEC_LANES);
    c.sum_blocks = kernel_blocks(most, VEC_LANES);
    c.tile_blocks = KERNEL_NAME(conv_tile_choose)(c.blocks * VEC_LANES, c.rows * s->in_width);
    return c;
}

/* Floats of one set's weights. */
static int64_t set_floats(const struct scatter *c)
{
    return (int64_t)c->s->kernel_height * c->s->in_channels * c->blocks * VEC_LANES;
}

/* The rows of [first, end) that row tap ky reads from inside of the map. */
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

int KERNEL_NAME(conv_scatter_plan)(struct kernel_conv_plan *plan)
{
    enum { PIXELS = 256 };
    const struct kernel_conv_shape *s = &plan->shape;
    if (s->transposed || s->groups != 1 || s->stride_height != 1 || s->stride_width != 1 ||
        s->kernel_height < 3 || s->kernel_width < 3 || s->plain_input || s->out_channels > 48 ||
        s->in_channels < 16 || (!s->plain_output && s->out_channels > VEC_LANES) ||
        s->in_width > PIXELS)
        return STANCE_EUNSUPPORTED;
    plan->tile[SETS] = s->plain_output && s->out_channels >= 8 ? 2 : 1;
    int rows = PIXELS / s->in_width;
    plan->tile[ROWS] = rows < s->out_height ? rows : s->out_height;
    struct scatter c = scatter_of(plan);
    float cycles = 0;
    for (int ky = 0; ky < s->kernel_height; ky++) {
        int first = 0, end = s->out_height;
        rows_inside(s, ky, &first, &end);
        cycles += (float)(s->in_channels * c.sets) *
                  KERNEL_NAME(conv_tile_cost)(c.tile_blocks, c.blocks * VEC_LANES,
                                              (end - first) * s->in_width);
    }
    cycles += (float)s->out_height * (float)s->out_width *
              (float)(s->kernel_height * s->kernel_width * c.sum_blocks * c.sets * 2);
    int64_t packed = (c.sum_blocks * VEC_LANES + set_floats(&c)) * c.sets * 4;
    plan->tile[CONV_COST] = conv_cost(cycles, packed);
    plan->name = "scatter";
    int64_t units = (int64_t)s->batch * c.bands * c.sets;
    plan->parts = units < 64 ? (int)units : 64;
    plan->packing = c.tile_blocks << 2 | c.sets;
    plan->packed_bytes = (size_t)packed;
    plan->scratch_bytes =
        sizeof(float) * VEC_LANES *
        ((size_t)c.rows * s->in_width * c.blocks + (size_t)c.rows * s->out_width * c.sum_blocks);
    return 0;
}

/* Per set: bias, then [row tap][tile group][channel][block][lane]. */
void KERNEL_NAME(conv_scatter_pack)(const struct kernel_conv_plan *plan, const float *weights,
                                    const float *bias, float *packed)
{
    struct scatter c = scatter_of(plan);
    const struct kernel_conv_shape *s = c.s;
    memset(packed, 0, plan->packed_bytes);
    for (int set = 0; set < c.sets; set++) {
        int first = set_first(&c, set), count = set_first(&c, set + 1) - first;
        for (int k = 0; bias && k < count; k++)
            packed[k] = bias[first + k];
        packed += c.sum_blocks * VEC_LANES;
        for (int ky = 0; ky < s->kernel_height; ky++)
            for (int block = 0; block < c.blocks; block += c.tile_blocks) {
                int left = c.blocks - block, now = left < c.tile_blocks ? left : c.tile_blocks;
                for (int in = 0; in < s->in_channels; in++)
                    for (int lane = 0; lane < now * VEC_LANES; lane++, packed++) {
                        int at = block * VEC_LANES + lane, kx = at / count, k = at % count;
                        int64_t filter = (int64_t)(first + k) * s->in_channels + in;
                        if (kx < s->kernel_width)
                            *packed =
                                weights[(filter * s->kernel_height + ky) * s->kernel_width + kx];
                    }
            }
    }
}

/* Contributions of `pixels` input pixels for one row tap: to[pixel][lane]. */
static void multiply(const struct scatter *c, const float *input, const float *weights, int pixels,
                     float *to)
{
    static const int32_t no_offset;
    const struct kernel_conv_shape *s = c->s;
    struct conv_tile tile = {
        .input = input,
        .weights = weights,
        .taps = &no_offset,
        .tap_count = 1,
        .in_blocks = c->in_blocks,
        .last_channels = s->in_channels - (c->in_blocks - 1) * VEC_LANES,
        .in_block_stride = (int64_t)s->in_height * s->in_width * VEC_LANES,
        .out_block_stride = VEC_LANES,
        .out_pixel_stride = (int64_t)c->blocks * VEC_LANES,
    };
    for (int block = 0; block < c->blocks; block += c->tile_blocks) {
        int left = c->blocks - block, now = left < c->tile_blocks ? left : c->tile_blocks;
        tile.output = to + block * VEC_LANES;
        KERNEL_NAME(conv_tile_line)(tile, now, pixels);
        tile.weights += (int64_t)s->in_channels * now * VEC_LANES;
    }
}

/* Adds the contributions of one input row to sums[block][pixel][lane] of one output row. */
static void add_row(const struct scatter *c, const float *from, int count, float *sums,
                    int64_t sum_stride)
{
    const struct kernel_conv_shape *s = c->s;
    int64_t pixel = (int64_t)c->blocks * VEC_LANES;
    for (int x = 0; x < s->out_width; x++, sums += VEC_LANES)
        for (int kx = 0; kx < s->kernel_width; kx++) {
            int ix = x + kx * s->dilation_width - s->pad_left;
            if (ix < 0 || ix >= s->in_width)
                continue;
            const float *add = from + ix * pixel + kx * count;
            for (int k = 0; k < count; k += VEC_LANES) {
                float *sum = sums + k / VEC_LANES * sum_stride;
                int lanes = count - k < VEC_LANES ? count - k : VEC_LANES;
                vec_store(sum, vec_add(vec_load(sum), vec_load_part(add + k, lanes)));
            }
        }
}

/* Stores the sums of `rows` output rows from `row` on. */
static void finish_rows(const struct scatter *c, const struct kernel_conv_buffers *buffers,
                        const struct conv_finish *finish, int image, int set, int row, int rows,
                        const float *sums)
{
    enum { STEP = 12 };
    const struct kernel_conv_shape *s = c->s;
    int64_t pixels = (int64_t)rows * s->out_width, plane = (int64_t)s->out_height * s->out_width;
    int64_t step = s->plain_output ? 1 : VEC_LANES;
    int first = set_first(c, set), count = set_first(c, set + 1) - first;
    for (int block = 0; block * VEC_LANES < count; block++, sums += pixels * VEC_LANES)
        for (int64_t p = 0; p < pixels; p += STEP) {
            int64_t at =
                (first + block * VEC_LANES) * plane + ((int64_t)row * s->out_width + p) * step;
            struct conv_tile tile = {
                .output = buffers->output + image * buffers->output_batch_stride + at,
                .out_block_stride = plane,
                .out_pixel_stride = step,
                .finish = finish,
                .plain_channels = s->plain_output ? count - block * VEC_LANES : 0,
            };
            if (buffers->residual)
                tile.residual = buffers->residual + image * buffers->residual_batch_stride + at;
            KERNEL_NAME(conv_tile_finish)
            (&tile, sums + p * VEC_LANES, 1, (int)(pixels - p < STEP ? pixels - p : STEP));
        }
}

void KERNEL_NAME(conv_scatter_run)(const struct kernel_conv_plan *plan,
                                   const struct kernel_conv_buffers *buffers, int part, int parts)
{
    struct scatter c = scatter_of(plan);
    const struct kernel_conv_shape *s = c.s;
    struct conv_finish finish = KERNEL_NAME(conv_finish_of)(&plan->epilogue);
    int64_t set_size = c.sum_blocks * VEC_LANES + set_floats(&c), first_unit, end_unit;
    int64_t tap_floats = (int64_t)s->in_channels * c.blocks * VEC_LANES;
    float *sums = buffers->scratch,
          *products = sums + (int64_t)c.rows * s->out_width * c.sum_blocks * VEC_LANES;
    kernel_share((int64_t)c.sets * s->batch * c.bands, part, parts, &first_unit, &end_unit);
    for (int64_t unit = first_unit; unit < end_unit; unit++) {
        int set = (int)(unit / ((int64_t)s->batch * c.bands)), image = (int)(unit / c.bands);
        int row = (int)(unit % c.bands) * c.rows;
        int rows = s->out_height - row < c.rows ? s->out_height - row : c.rows;
        int count = set_first(&c, set + 1) - set_first(&c, set);
        int64_t sum_stride = (int64_t)rows * s->out_width * VEC_LANES;
        const float *packed = (const float *)buffers->packed + set * set_size;
        image %= s->batch;
        const float *bias = packed;
        memset(sums, 0, (size_t)(c.sum_blocks * sum_stride) * sizeof(float));
        packed += c.sum_blocks * VEC_LANES;
        for (int ky = 0; ky < s->kernel_height; ky++, packed += tap_floats) {
            int first = row, end = row + rows;
            rows_inside(s, ky, &first, &end);
            int in_row = first + ky * s->dilation_height - s->pad_top;
            if (first == end)
                continue;
            multiply(&c,
                     buffers->input + image * buffers->input_batch_stride +
                         (int64_t)in_row * s->in_width * VEC_LANES,
                     packed, (end - first) * s->in_width, products);
            for (int y = first; y < end; y++)
                add_row(&c, products + (int64_t)(y - first) * s->in_width * c.blocks * VEC_LANES,
                        count, sums + (int64_t)(y - row) * s->out_width * VEC_LANES, sum_stride);
        }
        /* last, so that a large bias does not coarsen the sums before it */
        for (int64_t i = 0; i < c.sum_blocks * sum_stride; i += VEC_LANES)
            vec_store(sums + i,
                      vec_add(vec_load(sums + i), vec_load(bias + i / sum_stride * VEC_LANES)));
        finish_rows(&c, buffers, &finish, image, set, row, rows, sums);
    }
}
