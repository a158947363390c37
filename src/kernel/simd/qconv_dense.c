/* Dense convolution of bytes with register tiles: 1×1 in place, everything else from a band whose
 * padding is the byte `zero` (see conv_band.c; the band here holds bytes, laid out alike). Transposed
 * ones are one such convolution per residue of the output position. With groups, output channels of
 * a tile read those blocks of input channels in which their groups lie, with zeros as weights of the
 * others. */
#include <string.h>

#include "kernel/simd/qconv.h"
#include "kernel/simd/vec_bytes.h"

/* plan->tile[] of this method */
enum { BLOCKS, MODE, ROWS, BANDS, WEIGHTS_FIRST };

enum {
    IN_PLACE, /* 1×1, stride 1, no padding: the whole map is one line */
    LINES,    /* a band, each output row a line */
    FLAT,     /* a band with one copy per column tap: all its rows are one line */
};

struct dense {
    const struct kernel_conv_shape *shape;
    int blocks, mode, rows, bands;
    int classes, taps; /* taps: of all classes */
    bool weights_first;
    int in_blocks, out_blocks, tile_groups;
    int64_t in_plane, out_plane; /* pixels */
};

static struct dense dense_of(const struct kernel_qconv_plan *plan)
{
    const struct kernel_conv_shape *s = &plan->shape;
    struct dense d = {
        .shape = s,
        .blocks = plan->tile[BLOCKS],
        .mode = plan->tile[MODE],
        .rows = plan->tile[ROWS],
        .bands = plan->tile[BANDS],
        .classes = s->transposed ? s->stride_height * s->stride_width : 1,
        .taps = s->kernel_height * s->kernel_width,
        .weights_first = plan->tile[WEIGHTS_FIRST],
        .in_blocks = kernel_blocks(s->in_channels, VEC_LANES),
        .out_blocks = kernel_blocks(s->out_channels, VEC_LANES),
        .in_plane = (int64_t)s->in_height * s->in_width,
        .out_plane = (int64_t)s->out_height * s->out_width,
    };
    if (d.blocks)
        d.tile_groups = (d.out_blocks + d.blocks - 1) / d.blocks;
    return d;
}

static struct conv_class_axis axis_of(const struct dense *d, bool vertical, int class)
{
    return KERNEL_NAME(conv_class_axis_of)(d->shape, vertical, class);
}

static int taps_of(const struct dense *d, int class)
{
    return axis_of(d, true, class).taps * axis_of(d, false, class).taps;
}

static struct conv_band band_of(const struct dense *d, int class)
{
    const struct kernel_conv_shape *s = d->shape;
    struct conv_class_axis y = axis_of(d, true, class), x = axis_of(d, false, class);
    struct conv_band band = {.in_height = s->in_height, .in_width = s->in_width, .rows = d->rows};
    bool flat = d->mode == FLAT;
    KERNEL_NAME(conv_axis_plan)(&band.y, y.in_first, y.in_tap_step, y.taps, y.in_step, false);
    KERNEL_NAME(conv_axis_plan)(&band.x, x.in_first, x.in_tap_step, x.taps, x.in_step, flat);
    band.pitch = x.outs + band.x.extra;
    return band;
}

static int dots_of_block(const struct dense *d, int block)
{
    int left = d->shape->in_channels - block * VEC_LANES;
    return (left < VEC_LANES ? left + 3 : VEC_LANES) / 4;
}

/* Blocks of output channels and the blocks of input channels that they read. */
struct span {
    int out_first, out_count, in_first, in_end;
};

static struct span span_at(const struct dense *d, int first, int blocks)
{
    const struct kernel_conv_shape *s = d->shape;
    int left = d->out_blocks - first, ins = s->in_channels / s->groups;
    struct span span = {first, left < blocks ? left : blocks, 0, d->in_blocks};
    if (s->groups > 1) {
        int outs = s->out_channels / s->groups, last = (first + span.out_count) * VEC_LANES;
        last = (last < s->out_channels ? last : s->out_channels) - 1;
        span.in_first = first * VEC_LANES / outs * ins / VEC_LANES;
        span.in_end = kernel_blocks((last / outs + 1) * ins, VEC_LANES);
    }
    return span;
}

/* Fours of channels of a span. */
static int64_t dots_of_span(const struct dense *d, const struct span *span)
{
    return (int64_t)(span->in_end - 1 - span->in_first) * (VEC_LANES / 4) +
           dots_of_block(d, span->in_end - 1);
}

/* Those of the tiles of so many blocks on average. */
static double mean_dots(const struct dense *d, int blocks)
{
    int64_t sum = 0, count = 0;
    for (int first = 0; first < d->out_blocks; first += blocks, count++) {
        struct span span = span_at(d, first, blocks);
        sum += dots_of_span(d, &span);
    }
    return (double)sum / (double)count;
}

/* Estimated half-cycles of a line and all output channels, with `blocks` of them per tile. */
static double line_cost(const struct dense *d, const struct qconv_dots *dots, int blocks,
                        int64_t pixels)
{
    enum { FINISH = 32 /* of four vectors */ };
    return KERNEL_NAME(qconv_line_cost)(dots, mean_dots(d, blocks) * d->taps / d->classes,
                                        d->out_blocks, blocks, pixels, FINISH);
}

static int choose_blocks(const struct dense *d, const struct qconv_dots *dots, int64_t pixels)
{
    int best = 1;
    double least = line_cost(d, dots, 1, pixels);
    for (int blocks = 2; blocks <= QCONV_MAX_BLOCKS; blocks++) {
        double cost = line_cost(d, dots, blocks, pixels);
        if (cost < least) {
            best = blocks;
            least = cost;
        }
    }
    return best;
}

/* ---- Plan ------------------------------------------------------------------------------------ */

/* Bytes of the largest class's band. */
static int64_t band_bytes(const struct dense *d)
{
    int64_t most = 0;
    for (int class = 0; class < d->classes; ++class) {
        struct conv_band band = band_of(d, class);
        int64_t bytes = KERNEL_NAME(conv_band_stride)(&band) * d->in_blocks;
        most = bytes > most ? bytes : most;
    }
    return most;
}

/* Packed: what the sums of a span begin with, and its weights. */
static int64_t span_bytes(const struct dense *d, const struct qconv_dots *dots, int class,
                          const struct span *span)
{
    int64_t depth = dots_of_span(d, span) * taps_of(d, class);
    return span->out_count * VEC_LANES * (4 + depth * dots->dot_size);
}

/* Of a class, up to tile group `end`. */
static int64_t class_bytes(const struct dense *d, const struct qconv_dots *dots, int class, int end)
{
    int64_t bytes = 0;
    for (int i = 0; i < end; i++) {
        struct span span = span_at(d, i * d->blocks, d->blocks);
        bytes += span_bytes(d, dots, class, &span);
    }
    return bytes;
}

static int64_t weight_bytes(const struct dense *d, const struct qconv_dots *dots)
{
    int64_t bytes = 0;
    for (int class = 0; class < d->classes; ++class)
        bytes += class_bytes(d, dots, class, d->tile_groups);
    return bytes;
}

/* Output rows and columns of the largest class. */
static int most_rows(const struct kernel_conv_shape *s)
{
    return s->transposed ? (s->out_height + s->stride_height - 1) / s->stride_height
                         : s->out_height;
}

static int most_columns(const struct kernel_conv_shape *s)
{
    return s->transposed ? (s->out_width + s->stride_width - 1) / s->stride_width : s->out_width;
}

/* Rows per band. Shares of whole bands copy no input twice; but each reads all the weights, which
 * must stay in the second-level cache then. Otherwise shares are some output channels of one band. */
static void choose_rows(struct dense *d, int64_t weights)
{
    enum { CACHE = 256 << 10, WEIGHTS = 768 << 10, SHARES = 8 };
    int rows = most_rows(d->shape);
    d->rows = rows;
    while (d->rows > 1 && band_bytes(d) > CACHE)
        d->rows = (d->rows + 1) / 2;
    while (d->rows > 2 && weights <= WEIGHTS && (rows + d->rows - 1) / d->rows < SHARES)
        d->rows = (d->rows + 1) / 2;
    if (d->rows == rows && rows > 1 && d->tile_groups * d->classes == 1)
        d->rows = (rows + 1) / 2; /* nothing else to share */
}

/* The same for a map that is one line: pixels per band. */
static void choose_pixels(struct dense *d)
{
    enum { CACHE = 192 << 10, SHARES = 8 };
    int tile = KERNEL_NAME(conv_tile_pixels)(d->blocks);
    int64_t most = CACHE / ((int64_t)d->in_blocks * VEC_LANES);
    if (most > d->out_plane * d->tile_groups / SHARES)
        most = d->out_plane * d->tile_groups / SHARES;
    most = most < 4 * tile ? 4 * tile : most;
    int64_t bands = (d->out_plane + most - 1) / most;
    bands += bands > 1 && bands % 2; /* for two threads */
    most = (d->out_plane + bands - 1) / bands;
    most = (most + tile - 1) / tile * tile;
    d->rows = (int)(most < d->out_plane ? most : d->out_plane);
}

static int choose_mode(const struct dense *d, const struct qconv_dots *dots)
{
    const struct kernel_conv_shape *s = d->shape;
    if (!s->transposed && d->taps == 1 && s->stride_height == 1 && s->stride_width == 1 &&
        s->pad_top == 0 && s->pad_left == 0 && s->in_height == s->out_height &&
        s->in_width == s->out_width)
        return IN_PLACE;
    if (s->transposed)
        return LINES;
    double lines = line_cost(d, dots, choose_blocks(d, dots, s->out_width), s->out_width);
    double flat = line_cost(d, dots, choose_blocks(d, dots, d->out_plane), d->out_plane);
    return flat * 1.05 < lines * s->out_height ? FLAT : LINES;
}

/* Shares of 400,000 multiply-adds, or of reading 20 KB of weights: 2 µs or more. Bands are not cut
 * where there are enough of them; where they are, so many shares that copying them for each one
 * costs a twentieth of the sums at most. */
static int choose_parts(const struct dense *d, int64_t weights)
{
    enum { COPY_CYCLES = 2 /* a pixel */, SUM_CYCLES = 64 /* multiply-adds in one */, FEW = 4 };
    int64_t maps = (int64_t)d->shape->batch * d->bands, sets = d->classes * d->tile_groups;
    int64_t units = maps * sets;
    int64_t sums = d->out_plane * d->shape->batch * weights / d->classes;
    int64_t work = sums / 400000 > weights / 20000 ? sums / 400000 : weights / 20000;
    if (d->mode != IN_PLACE && maps >= FEW) {
        units = maps;
    } else if (d->mode != IN_PLACE) {
        int64_t copies = maps * d->classes * band_bytes(d) / VEC_LANES * COPY_CYCLES;
        int64_t most = maps * (sums / SUM_CYCLES / 20 / copies);
        work = work < most ? work : most > FEW ? most : FEW;
    }
    int parts = work < units ? (int)work : units < 64 ? (int)units : 64;
    parts = parts < 1 ? 1 : parts > 64 ? 64 : parts;
    /* equal shares, if that does not take many fewer */
    for (int fewer = parts; fewer > parts / 2; fewer--)
        if (units % fewer == 0)
            return fewer;
    return parts;
}

int KERNEL_NAME(qconv_dense_plan)(struct kernel_qconv_plan *plan, const struct qconv_dots *dots)
{
    enum { COPY = 4 /* half-cycles a pixel */ };
    const struct kernel_conv_shape *s = &plan->shape;
    bool apart = s->transposed && ((s->dilation_height > 1 && s->stride_height > 1) ||
                                   (s->dilation_width > 1 && s->stride_width > 1) ||
                                   plan->epilogue.residual != KERNEL_NO_RESIDUAL || s->groups > 1);
    if (apart)
        return STANCE_EUNSUPPORTED;
    struct dense d = dense_of(plan);
    plan->tile[MODE] = choose_mode(&d, dots);
    plan->tile[BLOCKS] =
        choose_blocks(&d, dots, plan->tile[MODE] == LINES ? most_columns(s) : d.out_plane);
    d = dense_of(plan);
    int64_t lines = d.mode == IN_PLACE ? d.out_plane : most_rows(s), bytes = 0;
    int64_t weights = weight_bytes(&d, dots);
    if (d.mode == IN_PLACE) {
        choose_pixels(&d);
    } else {
        choose_rows(&d, weights);
        bytes = band_bytes(&d) + ((int64_t)d.taps * 4 + 63) / 64 * 64;
    }
    if (bytes > CONV_SCRATCH_LIMIT)
        return STANCE_EUNSUPPORTED;
    plan->tile[ROWS] = d.rows;
    plan->tile[BANDS] = d.bands = (int)((lines + d.rows - 1) / d.rows);
    plan->tile[WEIGHTS_FIRST] = d.bands == 1;
    double line = line_cost(&d, dots, d.blocks, d.mode == LINES ? most_columns(s) : d.out_plane);
    plan->tile[QCONV_COST] = qconv_cost(
        line * d.classes * (d.mode == LINES ? most_rows(s) : 1) +
        (d.mode == IN_PLACE ? 0
                            : (double)(band_bytes(&d) / VEC_LANES * d.bands * d.classes * COPY)));
    plan->name = d.mode == IN_PLACE ? "bytes 1x1" : "bytes";
    plan->parts = choose_parts(&d, weights);
    plan->packing = d.blocks << 4 | dots->dot_size;
    plan->packed_bytes = (size_t)(KERNEL_NAME(qconv_head_bytes)(d.out_blocks) + weights);
    plan->scratch_bytes = (size_t)bytes;
    return 0;
}

/* ---- Pack ------------------------------------------------------------------------------------ */

/* Weights of output channel k (zero beyond the last one) for the channels c … c + 3 of a tap. */
static void four_weights(const struct dense *d, const int8_t *weights, int k, int c, int tap,
                         int8_t four[4])
{
    const struct kernel_conv_shape *s = d->shape;
    int ins = s->in_channels / s->groups, first = k / (s->out_channels / s->groups) * ins;
    for (int i = 0; i < 4; i++) {
        int in = c + i - first;
        int64_t filter = s->transposed ? (int64_t)in * s->out_channels + k : (int64_t)k * ins + in;
        four[i] = 0;
        if (k < s->out_channels && in >= 0 && in < ins)
            four[i] = weights[filter * d->taps + tap];
    }
}

/* One tile group of one class: what its sums begin with, then [input block][tap][dot][block][lane]. */
static void pack_tile(const struct dense *d, const struct qconv_dots *dots, const int8_t *weights,
                      int zero, int class, const struct span *span, char *to)
{
    int blocks = span->out_count;
    struct conv_class_axis y = axis_of(d, true, class), x = axis_of(d, false, class);
    int32_t *start = (int32_t *)(void *)to;
    memset(start, 0, (size_t)blocks * VEC_LANES * sizeof *start);
    to += blocks * VEC_LANES * 4;
    for (int in = span->in_first; in < span->in_end; in++)
        for (int i = 0; i < y.taps * x.taps * dots_of_block(d, in); i++) {
            int dot = i % dots_of_block(d, in), tap = i / dots_of_block(d, in);
            tap = (y.tap_first + tap / x.taps * y.tap_step) * d->shape->kernel_width + x.tap_first +
                  tap % x.taps * x.tap_step;
            for (int k = 0; k < blocks * VEC_LANES; k++) {
                int8_t four[4];
                four_weights(d, weights, span->out_first * VEC_LANES + k, in * VEC_LANES + 4 * dot,
                             tap, four);
                start[k] -= zero * (four[0] + four[1] + four[2] + four[3]);
                dots->dot_pack(four, to, k % VEC_LANES);
                if (k % VEC_LANES == VEC_LANES - 1)
                    to += VEC_LANES * dots->dot_size;
            }
        }
}

void KERNEL_NAME(qconv_dense_pack)(const struct kernel_qconv_plan *plan,
                                   const struct qconv_dots *dots, const int8_t *weights, char *to)
{
    struct dense d = dense_of(plan);
    for (int class = 0; class < d.classes; ++class)
        for (int first = 0; first < d.out_blocks; first += d.blocks) {
            struct span span = span_at(&d, first, d.blocks);
            pack_tile(&d, dots, weights, plan->input.zero, class, &span, to);
            to += span_bytes(&d, dots, class, &span);
        }
}

/* ---- Run ------------------------------------------------------------------------------------- */

/* The elements 0 … count - 1 whose positions start + i * step lie in [0, limit). */
static void inside(int count, int start, int step, int limit, int *first, int *end)
{
    *first = start >= 0 ? 0 : (-start + step - 1) / step;
    *end = start >= limit ? 0 : (limit - 1 - start) / step + 1;
    *first = *first < count ? *first : count;
    *end = *end < count ? *end : count;
    *end = *end > *first ? *end : *first;
}

static void fill_zero(uint8_t *to, int pixels, vec_bytes zero)
{
    for (int i = 0; i < pixels; i++)
        vec_block_store(to + i * VEC_LANES, zero);
}

static void fill_row(const struct conv_band *band, const uint8_t *from, int start, vec_bytes zero,
                     uint8_t *to)
{
    int first, end, step = band->x.step;
    inside(band->pitch, start, step, band->in_width, &first, &end);
    fill_zero(to, first, zero);
    from += (int64_t)(start + first * step) * VEC_LANES;
    for (int i = first; i < end; i++, from += step * VEC_LANES)
        vec_block_store(to + i * VEC_LANES, vec_block_load(from));
    fill_zero(to + end * VEC_LANES, band->pitch - end, zero);
}

static void fill_band(const struct conv_band *band, const uint8_t *input, int blocks, int row,
                      vec_bytes zero, uint8_t *to)
{
    int rows = band->rows + band->y.extra;
    int64_t line = (int64_t)band->in_width * VEC_LANES;
    for (int i = 0; i < blocks * band->x.copies; i++) {
        const uint8_t *plane = input + i / band->x.copies * band->in_height * line;
        for (int j = 0; j < band->y.copies * rows; j++, to += band->pitch * VEC_LANES) {
            int y = band->y.start[j / rows] + (row + j % rows) * band->y.step;
            if (y < 0 || y >= band->in_height)
                fill_zero(to, band->pitch, zero);
            else
                fill_row(band, plane + y * line, band->x.start[i % band->x.copies], zero, to);
        }
    }
}

/* One unit of work: a band of one image and class × a tile group. */
struct unit {
    int image, band, class, tile_group;
};

static struct unit unit_at(const struct dense *d, int64_t index)
{
    int maps = d->shape->batch * d->bands, sets = d->classes * d->tile_groups;
    int map = (int)(d->weights_first ? index % maps : index / sets);
    int set = (int)(d->weights_first ? index / maps : index % sets);
    return (struct unit){map / d->bands, map % d->bands, set / d->tile_groups,
                         set % d->tile_groups};
}

/* Finishes a tile whose pixels lie `step` apart: side by side first, then each to its place. */
static void finish_apart(const struct qconv_finish *finish, const struct qconv_target *target,
                         const int32_t *sums, int blocks, int pixels, int step)
{
    _Alignas(64) float together[QCONV_MAX_SUMS * VEC_LANES]; /* floats or bytes */
    struct qconv_target near = *target;
    size_t size = finish->plan->output.scale == 0 ? VEC_LANES * sizeof(float) : VEC_LANES;
    near.output = together;
    near.block_stride = pixels * VEC_LANES;
    KERNEL_NAME(qconv_finish)(finish, &near, sums, blocks, pixels);
    for (int i = 0; i < blocks * pixels; i++) {
        int64_t place = i / pixels * target->block_stride / VEC_LANES + i % pixels * step;
        memcpy((char *)target->output + place * (int64_t)size, (char *)together + (size_t)i * size,
               size);
    }
}

/* A line of `count` pixels, which lie `step` apart in the output, tile after tile. */
static void run_line(const struct qconv_dots *dots, const struct qconv_finish *finish,
                     struct qconv_tile tile, struct qconv_target target, int blocks, int64_t count,
                     int step)
{
    _Alignas(64) int32_t sums[(QCONV_MAX_SUMS + 4) * VEC_LANES];
    tile.sums = sums;
    for (int width; count > 0; count -= width) {
        width = KERNEL_NAME(qconv_tile_width)(dots, blocks, count);
        dots->tiles[blocks - 1][width](&tile);
        if (step == 1)
            KERNEL_NAME(qconv_finish)(finish, &target, sums, blocks, width);
        else
            finish_apart(finish, &target, sums, blocks, width, step);
        tile.input += (int64_t)width * VEC_LANES;
        qconv_target_move(finish, &target, width * step);
    }
}

/* Input blocks, weights and scales of a tile group; returns its number of blocks. */
static int aim_tile(const struct dense *d, const struct qconv_dots *dots,
                    const struct qconv_head *head, const struct unit *u, struct qconv_tile *tile,
                    struct qconv_target *target)
{
    struct span span = span_at(d, u->tile_group * d->blocks, d->blocks);
    const char *packed = head->weights + class_bytes(d, dots, u->class, u->tile_group);
    for (int class = 0; class < u->class; ++class)
        packed += class_bytes(d, dots, class, d->tile_groups);
    tile->input += span.in_first * tile->in_block_stride;
    tile->in_blocks = span.in_end - span.in_first;
    tile->last_dots = dots_of_block(d, span.in_end - 1);
    tile->start = (const int32_t *)(const void *)packed;
    tile->weights = packed + span.out_count * VEC_LANES * 4;
    tile->tap_count = taps_of(d, u->class);
    *target = (struct qconv_target){
        .scales = head->scales + span.out_first * VEC_LANES,
        .biases = head->biases + span.out_first * VEC_LANES,
        .block_stride = d->out_plane * VEC_LANES,
    };
    return span.out_count;
}

/* A unit whose band is at tile.input. */
static void run_unit(const struct dense *d, const struct qconv_dots *dots,
                     const struct qconv_finish *finish, const struct qconv_head *head,
                     const struct unit *u, const struct kernel_qconv_buffers *buffers,
                     struct qconv_tile tile, int pitch)
{
    struct qconv_target target;
    struct conv_class_axis y = axis_of(d, true, u->class), x = axis_of(d, false, u->class);
    int blocks = aim_tile(d, dots, head, u, &tile, &target), line = d->shape->out_width;
    int64_t first = u->band * d->rows, lines = y.outs;
    int64_t at = (y.out_first + first * y.out_step) * line + x.out_first;
    if (d->mode == IN_PLACE) {
        at = first;
        lines = d->out_plane;
    }
    int64_t rows = lines - first < d->rows ? lines - first : d->rows;
    KERNEL_NAME(qconv_target_aim)
    (finish, &target, buffers, u->image, u->tile_group * d->blocks * d->out_plane + at);
    if (d->mode != LINES && rows > 0)
        run_line(dots, finish, tile, target, blocks, d->mode == IN_PLACE ? rows : rows * line, 1);
    for (int row = 0; d->mode == LINES && row < rows; row++) {
        run_line(dots, finish, tile, target, blocks, x.outs, x.out_step);
        tile.input += pitch * VEC_LANES;
        qconv_target_move(finish, &target, (int64_t)y.out_step * line);
    }
}

void KERNEL_NAME(qconv_dense_run)(const struct kernel_qconv_plan *plan,
                                  const struct qconv_dots *dots,
                                  const struct kernel_qconv_buffers *buffers, int part, int parts)
{
    static const int32_t no_offset;
    struct dense d = dense_of(plan);
    struct qconv_head head = KERNEL_NAME(qconv_head_at)(buffers->packed, d.out_blocks);
    struct qconv_finish finish = KERNEL_NAME(qconv_finish_of)(plan, head.curve);
    struct conv_band band = {0};
    struct unit last = {-1, -1, -1, -1};
    struct qconv_tile tile = {
        .taps = &no_offset,
        .in_block_stride = d.in_plane * VEC_LANES,
    };
    uint8_t *copy = (uint8_t *)buffers->scratch + (d.taps * 4 + 63) / 64 * 64;
    int64_t i, end;
    kernel_share((int64_t)d.shape->batch * d.bands * d.classes * d.tile_groups, part, parts, &i,
                 &end);
    for (; i < end; i++) {
        struct unit u = unit_at(&d, i);
        const uint8_t *input = buffers->input + u.image * buffers->input_batch_stride;
        if (d.mode == IN_PLACE) {
            tile.input = input + (int64_t)u.band * d.rows * VEC_LANES;
        } else if (u.image != last.image || u.band != last.band || u.class != last.class) {
            band = band_of(&d, u.class);
            KERNEL_NAME(conv_band_taps)(&band, buffers->scratch);
            tile.taps = buffers->scratch;
            tile.in_block_stride = KERNEL_NAME(conv_band_stride)(&band);
            fill_band(&band, input, d.in_blocks, u.band * d.rows,
                      vec_block_set1((uint8_t)plan->input.zero), copy);
            last = u;
        }
        if (d.mode != IN_PLACE)
            tile.input = copy;
        run_unit(&d, dots, &finish, &head, &u, buffers, tile, band.pitch);
    }
}
