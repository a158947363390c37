/* Convolution by Winograd's minimal filtering, for kernels with at most three taps per input phase:
 * 3×3, also with stride 2, where each parity of rows and columns is a small dense convolution of
 * its own and their sums are added; transposed ones likewise, one convolution per residue of the
 * output position. Groups need not fill blocks: every few blocks of output channels read the
 * blocks of input channels in which their groups lie, with zeros as weights of the others.
 *
 * A column of up to nine taps (per phase) is filtered as if it were a square: tap 3i + j of the
 * column is tap (i, j), row 3i + j of the map is position (i, j), so that F(3,3) in both directions
 * makes nine rows of output from 25 products.
 *
 * Work goes by bands of tiles. For each, all input channels are transformed into scratch memory;
 * then, for each few blocks of output channels, one small matrix product per element and the
 * inverse transform with the epilogue. Tiles are numbered through all images of a batch, so that
 * small maps share their weights. */
#include <string.h>

#include "kernel/simd/conv.h"

/* plan->tile[] of this method */
enum { OUTPUTS, BLOCKS, TILES, SETS };

enum { MAX_PIECES = 9, MAX_SIDE = 6, MAX_ELEMENTS = 36 };

/* One axis of a piece: tap t reads input position in_first + (j + t) * in_step for output j. */
struct piece_axis {
    int tap_first, tap_step, taps;
    int in_first, in_step;
    int side; /* elements */
};

enum { LINE_SIDE = 3, LINE_OUTPUTS = LINE_SIDE * LINE_SIDE };

/* A dense convolution with stride 1 that the whole one is a sum of. */
struct piece {
    struct piece_axis y, x;
    int row_down, column_down, column_across; /* input positions between elements */
    int first_element, first_filter; /* transformed filters: axes with one tap share theirs */
};

struct winograd {
    const struct kernel_conv_shape *s;
    bool line; /* a column as a square */
    int outputs, blocks, tiles, sets;
    int tile_height, tile_width;       /* of the output */
    int in_blocks, out_blocks, groups; /* groups of `blocks` output channel blocks */
    int classes, class;
    struct conv_class_axis y, x; /* of the present class */
    int pieces, elements, filters;
    struct piece piece[MAX_PIECES];
    conv_transform_input_fn *transform_input[MAX_PIECES];
    conv_transform_output_fn *transform_output[MAX_PIECES];
    int across, per_image;
    int64_t total;
    int64_t v_stride, m_stride; /* floats between elements */
};

static int min_int(int a, int b)
{
    return a < b ? a : b;
}

/* Piece `index` of `step` along an axis: the taps that read one phase of the input. */
static struct piece_axis piece_axis_of(const struct conv_class_axis *a, int index, int outputs)
{
    struct piece_axis p = {.in_step = a->in_step};
    if (a->in_tap_step < 0) { /* transposed: taps run backwards through the input */
        p.taps = a->taps;
        p.tap_first = a->tap_first + (a->taps - 1) * a->tap_step;
        p.tap_step = -a->tap_step;
        p.in_first = a->in_first - (a->taps - 1);
    } else {
        p.taps = index < a->taps ? (a->taps - index + a->in_step - 1) / a->in_step : 0;
        p.tap_first = index;
        p.tap_step = a->in_step;
        p.in_first = a->in_first + index;
    }
    p.side = outputs + p.taps - 1;
    return p;
}

/* The taps of one phase of a column, LINE_SIDE to a row; the last row is filled with zeros. */
static struct piece line_piece(const struct conv_class_axis *a, int phase)
{
    int taps = (a->taps - phase + a->in_step - 1) / a->in_step;
    struct piece p = {.y = piece_axis_of(a, phase, LINE_SIDE),
                      .row_down = LINE_SIDE * a->in_step,
                      .column_down = a->in_step};
    p.x.taps = min_int(taps, LINE_SIDE);
    p.y.taps = (taps + LINE_SIDE - 1) / LINE_SIDE;
    p.x.side = LINE_SIDE + p.x.taps - 1;
    p.y.side = LINE_SIDE + p.y.taps - 1;
    return p;
}

static struct piece square_piece(const struct winograd *w, int y, int x)
{
    return (struct piece){.y = piece_axis_of(&w->y, y, w->outputs),
                          .x = piece_axis_of(&w->x, x, w->outputs),
                          .row_down = w->y.in_step,
                          .column_across = w->x.in_step};
}

static void choose_class(struct winograd *w, int class)
{
    const struct kernel_conv_shape *s = w->s;
    w->class = class;
    w->y = KERNEL_NAME(conv_class_axis_of)(s, true, class);
    w->x = KERNEL_NAME(conv_class_axis_of)(s, false, class);
    w->pieces = w->elements = w->filters = 0;
    for (int y = 0; y < w->y.in_step; y++)
        for (int x = 0; x < w->x.in_step; x++) {
            struct piece p = w->line ? line_piece(&w->y, y) : square_piece(w, y, x);
            if (p.y.taps == 0 || p.x.taps == 0)
                continue;
            p.first_element = w->elements;
            p.first_filter = w->filters;
            w->elements += p.y.side * p.x.side;
            w->filters += (p.y.taps == 1 ? 1 : p.y.side) * (p.x.taps == 1 ? 1 : p.x.side);
            w->transform_input[w->pieces] =
                KERNEL_NAME(conv_transform_input)(w->outputs, p.y.taps, p.x.taps);
            w->transform_output[w->pieces] =
                KERNEL_NAME(conv_transform_output)(w->outputs, p.y.taps, p.x.taps);
            w->piece[w->pieces++] = p;
        }
    w->across = (w->x.outs + w->tile_width - 1) / w->tile_width;
    w->per_image = w->across * ((w->y.outs + w->tile_height - 1) / w->tile_height);
    w->total = (int64_t)w->per_image * s->batch;
}

static struct winograd winograd_of(const struct kernel_conv_plan *plan)
{
    const struct kernel_conv_shape *s = &plan->shape;
    struct winograd w = {
        .s = s,
        .line = plan->method == CONV_WINOGRAD_LINE,
        .outputs = plan->tile[OUTPUTS],
        .blocks = plan->tile[BLOCKS],
        .tiles = plan->tile[TILES],
        .sets = plan->tile[SETS],
        .in_blocks = kernel_blocks(s->in_channels, VEC_LANES),
        .out_blocks = kernel_blocks(s->out_channels, VEC_LANES),
        .classes = s->transposed ? s->stride_height * s->stride_width : 1,
    };
    w.tile_height = w.line ? LINE_OUTPUTS : w.outputs;
    w.tile_width = w.line ? 1 : w.outputs;
    w.groups = w.blocks ? (w.out_blocks + w.blocks - 1) / w.blocks : 0;
    /* odd multiples of a cache line: elements must not fall into the same cache sets */
    w.v_stride = (int64_t)(w.in_blocks * w.tiles | 1) * VEC_LANES;
    w.m_stride = (int64_t)(w.blocks * w.tiles | 1) * VEC_LANES;
    choose_class(&w, 0);
    return w;
}

/* The input channel blocks that `blocks` output channel blocks from `block` on read. */
struct reach {
    int first_block, in_blocks;
    int first, channels;
};

static struct reach reach_of(const struct winograd *w, int block, int blocks)
{
    const struct kernel_conv_shape *s = w->s;
    int ins = s->in_channels / s->groups, outs = s->out_channels / s->groups;
    int last = min_int((block + blocks) * VEC_LANES, s->out_channels) - 1;
    int first = block * VEC_LANES / outs * ins / VEC_LANES;
    int end =
        min_int(kernel_blocks((last / outs + 1) * ins, VEC_LANES) * VEC_LANES, s->in_channels);
    return (struct reach){.first_block = first,
                          .in_blocks = kernel_blocks(end, VEC_LANES) - first,
                          .first = first * VEC_LANES,
                          .channels = end - first * VEC_LANES};
}

/* Floats of one class's weights up to group `group`. */
static int64_t weight_floats(const struct winograd *w, int group)
{
    int64_t floats = 0;
    for (int i = 0, block = 0; i < group; i++, block += w->blocks) {
        int blocks = min_int(w->out_blocks - block, w->blocks);
        floats += (int64_t)blocks * VEC_LANES * reach_of(w, block, blocks).channels * w->filters;
    }
    return floats;
}

/* ---- Plan and pack --------------------------------------------------------------------------- */

static bool line_supported(const struct kernel_conv_shape *s)
{
    return s->kernel_width == 1 && s->stride_width == 1 && s->in_width == s->out_width &&
           s->pad_left == 0 && s->dilation_height == 1 && s->groups == 1 && !s->plain_input &&
           !s->transposed && s->stride_height <= 3 && s->kernel_height >= s->stride_height &&
           s->kernel_height > 1 && s->kernel_height <= LINE_OUTPUTS * s->stride_height;
}

static bool supported(const struct kernel_conv_shape *s)
{
    int most = s->kernel_height > s->kernel_width ? s->kernel_height : s->kernel_width;
    int most_stride = s->stride_height > s->stride_width ? s->stride_height : s->stride_width;
    if (s->dilation_height != 1 || s->dilation_width != 1 || s->plain_input || most_stride > 3 ||
        most < 2 || s->groups == s->out_channels || (s->groups > 1 && s->transposed))
        return false;
    return s->kernel_height >= s->stride_height && s->kernel_width >= s->stride_width &&
           s->kernel_height <= 3 * s->stride_height && s->kernel_width <= 3 * s->stride_width;
}

/* Tiles per band: enough that the weights are read rarely, while the transformed input stays in
 * the cache. */
static int choose_tiles(const struct winograd *w)
{
    enum { CACHE = 200 << 10, LINE_CACHE = 600 << 10 }; /* measured on stgcn */
    int64_t total = w->per_image;
    int64_t most = (w->line ? LINE_CACHE : CACHE) /
                   ((int64_t)w->elements * w->in_blocks * VEC_LANES * 4) / 12 * 12;
    most = most < 12 ? 12 : most > 96 ? 96 : most;
    if (total >= 48 && total / 4 < most)
        most = total / 4 < 24 ? 24 : total / 4;
    int64_t bands = (total + most - 1) / most;
    int64_t tiles = (total + bands - 1) / bands;
    if (total < 12)
        return min_int((int)(total * w->s->batch), 12);
    return (int)(tiles > 12 ? (tiles + 11) / 12 * 12 : tiles);
}

/* Bands of the class with the most tiles. */
static int64_t bands_of(struct winograd *w)
{
    int64_t most = 1;
    for (int class = 0; class < w->classes; ++class) {
        choose_class(w, class);
        int64_t bands = (w->total + w->tiles - 1) / w->tiles;
        most = bands > most ? bands : most;
    }
    return most;
}

/* Units per band, by output channels. Each transforms its input anew, so only few bands are cut,
 * and so that units are even in number. */
static int choose_sets(int64_t bands, int out_blocks)
{
    if (bands == 1)
        return out_blocks >= 24 ? 4 : out_blocks >= 4 ? 2 : 1;
    if (bands == 2)
        return out_blocks >= 8 ? 2 : 1;
    return bands % 2 == 1 && bands < 8 && out_blocks >= 4 ? 2 : 1;
}

/* Estimated cycles of the products of one element for a line of tiles, per tile. */
static float product_cost(const struct winograd *w, int blocks, int line)
{
    float cycles = 0;
    for (int first = 0; first < w->out_blocks; first += blocks) {
        int now = min_int(w->out_blocks - first, blocks);
        int channels = min_int(w->s->out_channels - first * VEC_LANES, now * VEC_LANES);
        cycles += (float)reach_of(w, first, now).channels *
                  KERNEL_NAME(conv_tile_cost)(now, channels, line);
    }
    return cycles / (float)line;
}

/* Output channel blocks per group: wide ones of a convolution with groups reach far. A map that is one
 * band is shared by groups: an even number of them for two threads, where that costs little. */
static int choose_blocks(const struct winograd *w, int tiles)
{
    int best = KERNEL_NAME(conv_tile_choose)(w->s->out_channels, tiles);
    for (int blocks = best - 1; w->s->groups > 1 && blocks > 0; blocks--)
        if (product_cost(w, blocks, tiles) < product_cost(w, best, tiles))
            best = blocks;
    float most = product_cost(w, best, tiles) * 1.05f;
    bool odd = tiles >= w->per_image && w->out_blocks > best && w->out_blocks % (2 * best) != 0;
    for (int blocks = 4; odd && blocks > 0; blocks--)
        if (w->out_blocks % (2 * blocks) == 0 && KERNEL_NAME(conv_tile_pixels)(blocks) &&
            product_cost(w, blocks, tiles) < most)
            return blocks;
    return best;
}

/* Estimated cycles for one image. */
static float cost_of(struct winograd *w)
{
    float cycles = 0;
    for (int class = 0; class < w->classes; ++class) {
        choose_class(w, class);
        int line = min_int(w->tiles, w->per_image);
        if (line == 0)
            continue;
        float tiles = (float)w->per_image, elements = (float)w->elements;
        cycles += tiles * elements *
                  (product_cost(w, w->blocks, line) + 4.0f * (float)w->in_blocks +
                   6.0f * (float)w->out_blocks);
    }
    return cycles;
}

int KERNEL_NAME(conv_winograd_plan)(struct kernel_conv_plan *plan)
{
    const struct kernel_conv_shape *s = &plan->shape;
    static const struct {
        const char *name;
        int outputs;
    } methods[CONV_METHODS] = {[CONV_WINOGRAD_4] = {"winograd f4", 4},
                               [CONV_WINOGRAD_2] = {"winograd f2", 2},
                               [CONV_WINOGRAD_LINE] = {"winograd line", LINE_SIDE}};
    if (plan->method == CONV_WINOGRAD_LINE ? !line_supported(s) : !supported(s))
        return STANCE_EUNSUPPORTED;
    plan->tile[OUTPUTS] = methods[plan->method].outputs;
    struct winograd w = winograd_of(plan);
    /* class 0 need not have the most tiles */
    int64_t most_tiles = 0, floats = (int64_t)w.out_blocks * VEC_LANES;
    int elements = 0;
    for (int class = 0; class < w.classes; ++class) {
        choose_class(&w, class);
        elements = w.elements > elements ? w.elements : elements;
        if (w.per_image > most_tiles) {
            most_tiles = w.per_image;
            plan->tile[TILES] = choose_tiles(&w);
        }
    }
    /* small maps: as for one image, so that all batches share their packed weights */
    int line = most_tiles < 12 ? (int)most_tiles : plan->tile[TILES];
    plan->tile[BLOCKS] = choose_blocks(&w, line);
    plan->tile[SETS] = 1;
    w = winograd_of(plan);
    for (int class = 0; class < w.classes; ++class) {
        choose_class(&w, class);
        floats += weight_floats(&w, w.groups);
    }
    int64_t bands = bands_of(&w) * w.classes;
    plan->tile[SETS] = min_int(choose_sets(bands, w.out_blocks), w.groups);
    int64_t units = bands * plan->tile[SETS];
    plan->name = methods[plan->method].name;
    plan->parts = units < 64 ? (int)units : 64;
    int64_t scratch = (int64_t)elements * (w.v_stride + w.m_stride) * 4;
    if (scratch > CONV_SCRATCH_LIMIT)
        return STANCE_EUNSUPPORTED;
    plan->tile[CONV_COST] = conv_cost(cost_of(&w), floats * 4);
    plan->packing = w.blocks;
    plan->packed_bytes = (size_t)floats * sizeof(float);
    plan->scratch_bytes = (size_t)scratch;
    return 0;
}

static void pack_piece(const struct winograd *w, const struct piece *p, const float *filter,
                       float *to, int64_t filter_stride)
{
    double taps[9], u[MAX_ELEMENTS];
    for (int y = 0; y < p->y.taps; y++)
        for (int x = 0; x < p->x.taps; x++) {
            int down = w->line ? y * LINE_SIDE + x : y, across = w->line ? 0 : x;
            int tap = p->y.tap_first + down * p->y.tap_step;
            taps[y * p->x.taps + x] =
                tap < w->s->kernel_height
                    ? filter[tap * w->s->kernel_width + p->x.tap_first + across * p->x.tap_step]
                    : 0;
        }
    KERNEL_NAME(conv_transform_filter)(taps, w->outputs, p->y.taps, p->x.taps, u);
    int filters = (p->y.taps == 1 ? 1 : p->y.side) * (p->x.taps == 1 ? 1 : p->x.side);
    for (int i = 0; i < filters; i++)
        to[(p->first_filter + i) * filter_stride] = (float)u[i];
}

/* [class][group][filter][channel][block][lane] after the bias. */
void KERNEL_NAME(conv_winograd_pack)(const struct kernel_conv_plan *plan, const float *weights,
                                     const float *bias, float *packed)
{
    struct winograd w = winograd_of(plan);
    const struct kernel_conv_shape *s = w.s;
    int lanes = w.out_blocks * VEC_LANES, taps = s->kernel_height * s->kernel_width;
    int ins = s->in_channels / s->groups, outs = s->out_channels / s->groups;
    memset(packed, 0, plan->packed_bytes);
    if (bias)
        memcpy(packed, bias, (size_t)s->out_channels * sizeof(float));
    packed += lanes;
    for (int class = 0; class < w.classes; ++class) {
        choose_class(&w, class);
        for (int first = 0; first < w.out_blocks; first += w.blocks) {
            int blocks = min_int(w.out_blocks - first, w.blocks), count = blocks * VEC_LANES;
            int k = first * VEC_LANES, end = min_int(s->out_channels, k + count);
            struct reach reach = reach_of(&w, first, blocks);
            for (int c = 0; c < reach.channels; c++)
                for (int i = k; i < end; i++) {
                    int in = reach.first + c - i / outs * ins; /* of the group */
                    int64_t filter = s->transposed ? (int64_t)in * outs + i : (int64_t)i * ins + in;
                    for (int p = 0; p < w.pieces && in >= 0 && in < ins; p++)
                        pack_piece(&w, &w.piece[p], weights + filter * taps,
                                   packed + c * count + i - k, (int64_t)reach.channels * count);
                }
            packed += (int64_t)count * reach.channels * w.filters;
        }
    }
}

/* ---- Run ------------------------------------------------------------------------------------- */

/* Where the elements of a patch lie in a plane; -1: over the border, where zeros are. */
static void place_patch(const struct winograd *w, const struct piece *p, int top, int left,
                        int64_t *places)
{
    for (int y = 0; y < p->y.side; y++)
        for (int x = 0; x < p->x.side; x++) {
            int iy = top + y * p->row_down + x * p->column_down;
            int ix = left + x * p->column_across;
            bool in = iy >= 0 && iy < w->s->in_height && ix >= 0 && ix < w->s->in_width;
            *places++ = in ? ((int64_t)iy * w->s->in_width + ix) * VEC_LANES : -1;
        }
}

/* One piece of one tile, all input channels; `input` is the image. */
static void transform_patch(const struct winograd *w, int piece, const float *input, int tile_row,
                            int tile_column, float *to)
{
    const struct kernel_conv_shape *s = w->s;
    const struct piece *p = &w->piece[piece];
    conv_transform_input_fn *transform = w->transform_input[piece];
    int64_t plane = (int64_t)s->in_height * s->in_width * VEC_LANES;
    int64_t row = (int64_t)s->in_width * VEC_LANES;
    int top = p->y.in_first + tile_row * w->tile_height * w->y.in_step;
    int left = p->x.in_first + tile_column * w->tile_width * w->x.in_step;
    int bottom = top + (p->y.side - 1) * p->row_down + (p->x.side - 1) * p->column_down;
    int right = left + (p->x.side - 1) * p->column_across;
    if (top >= 0 && left >= 0 && bottom < s->in_height && right < s->in_width) {
        const float *from = input + top * row + left * VEC_LANES;
        int64_t step = row * p->column_down + VEC_LANES * p->column_across;
        for (int c = 0; c < w->in_blocks; c++, from += plane, to += w->tiles * VEC_LANES)
            transform(from, row * p->row_down, step, to, w->v_stride);
        return;
    }
    static const float zeros[VEC_LANES];
    int64_t places[MAX_ELEMENTS];
    float padded[MAX_ELEMENTS * VEC_LANES];
    place_patch(w, p, top, left, places);
    for (int c = 0; c < w->in_blocks; c++, input += plane, to += w->tiles * VEC_LANES) {
        for (int i = 0; i < p->y.side * p->x.side; i++)
            vec_store(padded + i * VEC_LANES, vec_load(places[i] < 0 ? zeros : input + places[i]));
        transform(padded, p->x.side * VEC_LANES, VEC_LANES, to, w->v_stride);
    }
}

/* A tile of a batch. */
struct place {
    int64_t image;
    int row, column;
};

static struct place place_of(const struct winograd *w, int64_t tile)
{
    int number = (int)(tile % w->per_image);
    return (struct place){tile / w->per_image, number / w->across, number % w->across};
}

static void next_place(const struct winograd *w, struct place *at)
{
    if (++at->column < w->across)
        return;
    at->column = 0;
    if (++at->row < w->per_image / w->across)
        return;
    at->row = 0;
    at->image++;
}

static void transform_band(const struct winograd *w, const struct kernel_conv_buffers *buffers,
                           int64_t first, int count, float *v)
{
    struct place at = place_of(w, first);
    for (int t = 0; t < count; t++, next_place(w, &at)) {
        const float *image = buffers->input + at.image * buffers->input_batch_stride;
        for (int i = 0; i < w->pieces; i++)
            transform_patch(w, i, image, at.row, at.column,
                            v + w->piece[i].first_element * w->v_stride + t * VEC_LANES);
    }
}

/* The products of all elements for the output channel blocks from `block` on. */
static void multiply(const struct winograd *w, const float *v, const float *weights, int block,
                     int blocks, int count, float *m)
{
    static const int32_t no_offset;
    struct reach reach = reach_of(w, block, blocks);
    struct conv_tile tile = {
        .taps = &no_offset,
        .tap_count = 1,
        .in_blocks = reach.in_blocks,
        .last_channels = reach.channels - (reach.in_blocks - 1) * VEC_LANES,
        .in_block_stride = (int64_t)w->tiles * VEC_LANES,
        .out_block_stride = (int64_t)w->tiles * VEC_LANES,
        .out_pixel_stride = VEC_LANES,
        .half = conv_tile_is_half(blocks, w->s->out_channels - block * VEC_LANES),
    };
    int64_t filter_stride = (int64_t)reach.channels * blocks * VEC_LANES;
    v += (int64_t)reach.first_block * w->tiles * VEC_LANES;
    for (int i = 0; i < w->pieces; i++) {
        const struct piece *p = &w->piece[i];
        int filters_across = p->x.taps == 1 ? 1 : p->x.side;
        for (int e = 0; e < p->y.side * p->x.side; e++) {
            int y = p->y.taps == 1 ? 0 : e / p->x.side, x = p->x.taps == 1 ? 0 : e % p->x.side;
            tile.input = v + (p->first_element + e) * w->v_stride;
            tile.output = m + (p->first_element + e) * w->m_stride;
            tile.weights = weights + (p->first_filter + y * filters_across + x) * filter_stride;
            KERNEL_NAME(conv_tile_line)(tile, blocks, count);
        }
    }
}

/* Sums of one tile of one output channel block to pixels; `m` is the tile's first element, and `tile`
 * is as finish_band makes it. */
static void finish_tile(const struct winograd *w, const float *m, const float *bias, int tile_row,
                        int tile_column, struct conv_tile *tile)
{
    float sums[16 * VEC_LANES];
    int side = w->outputs, rows = min_int(w->y.outs - tile_row * w->tile_height, w->tile_height);
    int columns = min_int(w->x.outs - tile_column * w->tile_width, w->tile_width);
    for (int i = 0; i < w->pieces; i++) {
        const struct piece *p = &w->piece[i];
        w->transform_output[i](m + p->first_element * w->m_stride, w->m_stride, i ? sums : bias,
                               i ? VEC_LANES : 0, sums);
    }
    if (w->line || (columns == side && !w->s->plain_output)) {
        KERNEL_NAME(conv_tile_finish)(tile, sums, w->line ? 1 : rows, w->line ? rows : columns);
        return;
    }
    int64_t row_stride =
        (int64_t)w->s->out_width * w->y.out_step * (w->s->plain_output ? 1 : VEC_LANES);
    for (int y = 0; y < rows; y++) {
        KERNEL_NAME(conv_tile_finish)(tile, sums + y * side * VEC_LANES, 1, columns);
        tile->output += row_stride;
        if (tile->residual)
            tile->residual += row_stride;
    }
}

/* One output channel block of a band. */
static void finish_band(const struct winograd *w, const struct kernel_conv_buffers *buffers,
                        const struct conv_finish *finish, int64_t first, int count, int block,
                        const float *m)
{
    const struct kernel_conv_shape *s = w->s;
    int64_t pixels = (int64_t)s->out_height * s->out_width;
    int64_t step = s->plain_output ? 1 : VEC_LANES;
    int64_t row_stride = s->out_width * w->y.out_step * step;
    const float *bias = (const float *)buffers->packed + block * VEC_LANES;
    struct conv_tile tile = {
        /* rows of pixels count as blocks where there are whole ones */
        .out_block_stride = s->plain_output ? pixels : row_stride,
        .out_pixel_stride = w->line ? row_stride : step * w->x.out_step,
        .finish = finish,
        .plain_channels = s->plain_output ? s->out_channels - block * VEC_LANES : 0,
    };
    struct place place = place_of(w, first);
    for (int t = 0; t < count; t++, m += VEC_LANES, next_place(w, &place)) {
        int64_t y = w->y.out_first + (int64_t)place.row * w->tile_height * w->y.out_step;
        int64_t x = w->x.out_first + (int64_t)place.column * w->tile_width * w->x.out_step;
        int64_t at = (int64_t)block * VEC_LANES * pixels + (y * s->out_width + x) * step;
        tile.output = buffers->output + place.image * buffers->output_batch_stride + at;
        if (buffers->residual)
            tile.residual = buffers->residual + place.image * buffers->residual_batch_stride + at;
        finish_tile(w, m, bias, place.row, place.column, &tile);
    }
}

void KERNEL_NAME(conv_winograd_run)(const struct kernel_conv_plan *plan,
                                    const struct kernel_conv_buffers *buffers, int part, int parts)
{
    struct winograd w = winograd_of(plan);
    struct conv_finish finish = KERNEL_NAME(conv_finish_of)(&plan->epilogue);
    int64_t lanes = (int64_t)w.out_blocks * VEC_LANES, unit, end_unit, transformed = -1;
    int64_t bands = bands_of(&w);
    const float *weights = NULL;
    w.class = -1;
    kernel_share(w.classes * bands * w.sets, part, parts, &unit, &end_unit);
    for (; unit < end_unit; unit++) {
        int class = (int)(unit / (bands * w.sets));
        if (class != w.class) {
            weights = (const float *)buffers->packed + lanes;
            for (int i = 0; i < class; i++) {
                choose_class(&w, i);
                weights += weight_floats(&w, w.groups);
            }
            choose_class(&w, class);
        }
        int64_t band = unit / w.sets, first = band % bands * w.tiles, group, end_group;
        int count = (int)(w.total - first < w.tiles ? w.total - first : w.tiles);
        if (count <= 0)
            continue;
        float *v = buffers->scratch, *m = v + w.elements * w.v_stride;
        if (band != transformed)
            transform_band(&w, buffers, first, count, v);
        transformed = band;
        kernel_share(w.groups, (int)(unit % w.sets), w.sets, &group, &end_group);
        for (; group < end_group; group++) {
            int block = (int)group * w.blocks, blocks = min_int(w.out_blocks - block, w.blocks);
            multiply(&w, v, weights + weight_floats(&w, (int)group), block, blocks, count, m);
            for (int b = 0; b < blocks; b++)
                finish_band(&w, buffers, &finish, first, count, block + b,
                            m + (int64_t)b * w.tiles * VEC_LANES);
        }
    }
}
