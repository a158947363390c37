/* Dense convolution of bytes with register tiles: 1×1 in place, everything else from a band whose
 * padding is the byte `zero` (see conv_band.c; the band here holds bytes, laid out alike). */
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
    int blocks, mode, rows, bands, taps;
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

static struct conv_band band_of(const struct dense *d)
{
    const struct kernel_conv_shape *s = d->shape;
    struct conv_band band = {.in_height = s->in_height, .in_width = s->in_width, .rows = d->rows};
    KERNEL_NAME(conv_axis_plan)
    (&band.y, -s->pad_top, s->dilation_height, s->kernel_height, s->stride_height, false);
    KERNEL_NAME(conv_axis_plan)
    (&band.x, -s->pad_left, s->dilation_width, s->kernel_width, s->stride_width, d->mode == FLAT);
    band.pitch = s->out_width + band.x.extra;
    return band;
}

static int dots_of_block(const struct dense *d, int block)
{
    int left = d->shape->in_channels - block * VEC_LANES;
    return (left < VEC_LANES ? left + 3 : VEC_LANES) / 4;
}

/* Fours of channels in all. */
static int64_t dots_in_all(const struct dense *d)
{
    return (int64_t)(d->in_blocks - 1) * (VEC_LANES / 4) + dots_of_block(d, d->in_blocks - 1);
}

/* The next tile's width where `left` pixels remain: nearly equal tiles, of whole fours if possible,
 * which is what the finish takes at once. */
static int next_width(const struct qconv_dots *dots, int blocks, int64_t left)
{
    int most = KERNEL_NAME(conv_tile_pixels)(blocks);
    int64_t tiles = (left + most - 1) / most;
    int width = (int)((left + tiles - 1) / tiles), fours = (width + 3) / 4 * 4;
    width = fours <= most && fours <= left ? fours : width;
    while (!dots->tiles[blocks - 1][width])
        width--;
    return width;
}

/* Estimated half-cycles of a line and all output channels, with `blocks` of them per tile. */
static double line_cost(const struct dense *d, const struct qconv_dots *dots, int blocks,
                        int64_t pixels)
{
    enum { FINISH = 32 /* of four vectors */, TILE = 32 };
    double cost = 0, depth = (double)dots_in_all(d) * d->taps;
    for (int group = 0; group < d->out_blocks; group += blocks) {
        int now = d->out_blocks - group < blocks ? d->out_blocks - group : blocks;
        for (int64_t left = pixels, width; left > 0; left -= width) {
            width = next_width(dots, now, left);
            /* two dots in a cycle with a latency of four, two loads in a cycle */
            int sums = now * (int)width, loads = now + (int)width;
            int slow = sums > loads ? sums : loads;
            cost += depth * (slow > 8 ? slow : 8) + now * (int)((width + 3) / 4) * FINISH + TILE;
        }
    }
    return cost;
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

static int64_t band_bytes(const struct dense *d)
{
    struct conv_band band = band_of(d);
    return KERNEL_NAME(conv_band_stride)(&band) * d->in_blocks;
}

static int64_t weight_bytes(const struct dense *d, const struct qconv_dots *dots)
{
    return (int64_t)d->out_blocks * VEC_LANES * dots_in_all(d) * d->taps * dots->dot_size;
}

/* Rows per band. Shares of whole bands copy no input twice; but each reads all the weights, which
 * must stay in the second-level cache then. Otherwise shares are some output channels of one band. */
static void choose_rows(struct dense *d, int64_t weights)
{
    enum { CACHE = 256 << 10, WEIGHTS = 768 << 10, SHARES = 8 };
    int rows = d->shape->out_height;
    d->rows = rows;
    while (d->rows > 1 && band_bytes(d) > CACHE)
        d->rows = (d->rows + 1) / 2;
    while (d->rows > 2 && weights <= WEIGHTS && (rows + d->rows - 1) / d->rows < SHARES)
        d->rows = (d->rows + 1) / 2;
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
    most = (d->out_plane + bands - 1) / bands;
    most = (most + tile - 1) / tile * tile;
    d->rows = (int)(most < d->out_plane ? most : d->out_plane);
}

static int choose_mode(const struct dense *d, const struct qconv_dots *dots)
{
    const struct kernel_conv_shape *s = d->shape;
    if (d->taps == 1 && s->stride_height == 1 && s->stride_width == 1 && s->pad_top == 0 &&
        s->pad_left == 0 && s->in_height == s->out_height && s->in_width == s->out_width)
        return IN_PLACE;
    double lines = line_cost(d, dots, choose_blocks(d, dots, s->out_width), s->out_width);
    double flat = line_cost(d, dots, choose_blocks(d, dots, d->out_plane), d->out_plane);
    return flat * 1.05 < lines * s->out_height ? FLAT : LINES;
}

/* Shares of a million multiply-adds, or of reading 50 KB of weights: 5 µs or more. Bands are not cut
 * where there are enough of them; where they are, so many shares that copying them for each one
 * costs a twentieth of the sums at most. */
static int choose_parts(const struct dense *d, int64_t weights)
{
    enum { COPY_CYCLES = 2 /* a pixel */, SUM_CYCLES = 64 /* multiply-adds in one */, FEW = 4 };
    int64_t maps = (int64_t)d->shape->batch * d->bands, units = maps * d->tile_groups;
    int64_t sums = d->out_plane * d->shape->batch * weights;
    int64_t work = sums / 1000000 > weights / 50000 ? sums / 1000000 : weights / 50000;
    if (d->mode != IN_PLACE && maps >= FEW) {
        units = maps;
    } else if (d->mode != IN_PLACE) {
        int64_t copies = maps * band_bytes(d) / VEC_LANES * COPY_CYCLES;
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
    const struct kernel_conv_shape *s = &plan->shape;
    if (s->groups != 1)
        return STANCE_EUNSUPPORTED;
    struct dense d = dense_of(plan);
    plan->tile[MODE] = choose_mode(&d, dots);
    plan->tile[BLOCKS] =
        choose_blocks(&d, dots, plan->tile[MODE] == LINES ? s->out_width : d.out_plane);
    d = dense_of(plan);
    int64_t lines = d.mode == IN_PLACE ? d.out_plane : s->out_height, bytes = 0;
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
    for (int i = 0; i < 4; i++) {
        bool there = k < s->out_channels && c + i < s->in_channels;
        four[i] = 0;
        if (there)
            four[i] = weights[((int64_t)k * s->in_channels + c + i) * d->taps + tap];
    }
}

void KERNEL_NAME(qconv_dense_pack)(const struct kernel_qconv_plan *plan,
                                   const struct qconv_dots *dots, const int8_t *weights, char *to)
{
    struct dense d = dense_of(plan);
    for (int first = 0; first < d.out_blocks; first += d.blocks) {
        int left = d.out_blocks - first, blocks = left < d.blocks ? left : d.blocks;
        for (int in = 0; in < d.in_blocks; in++)
            for (int i = 0; i < d.taps * dots_of_block(&d, in) * blocks * VEC_LANES; i++) {
                int lane = i % VEC_LANES, block = i / VEC_LANES % blocks;
                int dot = i / VEC_LANES / blocks % dots_of_block(&d, in);
                int tap = i / VEC_LANES / blocks / dots_of_block(&d, in);
                int8_t four[4];
                four_weights(&d, weights, (first + block) * VEC_LANES + lane,
                             in * VEC_LANES + 4 * dot, tap, four);
                dots->dot_pack(four, to, lane);
                if (lane == VEC_LANES - 1)
                    to += VEC_LANES * dots->dot_size;
            }
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

/* One unit of work: a band of one image × a tile group. */
struct unit {
    int image, band, tile_group;
};

static struct unit unit_at(const struct dense *d, int64_t index)
{
    int maps = d->shape->batch * d->bands;
    int map = (int)(d->weights_first ? index % maps : index / d->tile_groups);
    int group = (int)(d->weights_first ? index / maps : index % d->tile_groups);
    return (struct unit){map / d->bands, map % d->bands, group};
}

/* A line of `count` pixels, tile after tile. */
static void run_line(const struct qconv_dots *dots, const struct qconv_finish *finish,
                     struct qconv_tile tile, struct qconv_target target, int blocks, int64_t count)
{
    _Alignas(64) int32_t sums[(QCONV_MAX_SUMS + 4) * VEC_LANES];
    tile.sums = sums;
    for (int width; count > 0; count -= width) {
        width = next_width(dots, blocks, count);
        dots->tiles[blocks - 1][width](&tile);
        KERNEL_NAME(qconv_finish)(finish, &target, sums, blocks, width);
        tile.input += (int64_t)width * VEC_LANES;
        target = KERNEL_NAME(qconv_target_move)(finish, target, width);
    }
}

/* Weights and target of a tile group, whose band is at tile->input. */
static void run_unit(const struct dense *d, const struct qconv_dots *dots,
                     const struct qconv_finish *finish, const struct qconv_head *head,
                     const struct unit *u, const struct kernel_qconv_buffers *buffers,
                     struct qconv_tile tile, int pitch)
{
    int first = u->tile_group * d->blocks, left = d->out_blocks - first;
    int blocks = left < d->blocks ? left : d->blocks;
    int64_t group = (int64_t)d->blocks * VEC_LANES * dots_in_all(d) * d->taps * dots->dot_size;
    tile.weights = head->weights + u->tile_group * group;
    tile.start = head->start + first * VEC_LANES;
    struct qconv_target target = {
        .scales = head->scales + first * VEC_LANES,
        .biases = head->biases + first * VEC_LANES,
        .block_stride = d->out_plane * VEC_LANES,
    };
    int line = d->mode == IN_PLACE ? 1 : d->shape->out_width;
    int lines = d->mode == IN_PLACE ? (int)d->out_plane : d->shape->out_height;
    int64_t from = u->band * d->rows, rows = lines - from < d->rows ? lines - from : d->rows;
    KERNEL_NAME(qconv_target_aim)
    (finish, &target, buffers, u->image, first * d->out_plane + from * line);
    if (d->mode != LINES) {
        run_line(dots, finish, tile, target, blocks, rows * line);
        return;
    }
    for (int row = 0; row < rows; row++) {
        run_line(dots, finish, tile, target, blocks, line);
        tile.input += pitch * VEC_LANES;
        target = KERNEL_NAME(qconv_target_move)(finish, target, line);
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
    struct unit last = {-1, -1, -1};
    struct qconv_tile tile = {
        .taps = &no_offset,
        .tap_count = d.taps,
        .in_blocks = d.in_blocks,
        .last_dots = dots_of_block(&d, d.in_blocks - 1),
        .in_block_stride = d.in_plane * VEC_LANES,
    };
    uint8_t *copy = buffers->scratch;
    if (d.mode != IN_PLACE) {
        band = band_of(&d);
        KERNEL_NAME(conv_band_taps)(&band, buffers->scratch);
        copy += (d.taps * 4 + 63) / 64 * 64;
        tile.taps = buffers->scratch;
        tile.in_block_stride = KERNEL_NAME(conv_band_stride)(&band);
    }
    int64_t i, end;
    kernel_share((int64_t)d.shape->batch * d.bands * d.tile_groups, part, parts, &i, &end);
    for (; i < end; i++) {
        struct unit u = unit_at(&d, i);
        const uint8_t *input = buffers->input + u.image * buffers->input_batch_stride;
        tile.input = copy;
        if (d.mode == IN_PLACE)
            tile.input = input + (int64_t)u.band * d.rows * VEC_LANES;
        else if (u.image != last.image || u.band != last.band)
            fill_band(&band, input, d.in_blocks, u.band * d.rows,
                      vec_block_set1((uint8_t)plan->input.zero), copy);
        last = u;
        run_unit(&d, dots, &finish, &head, &u, buffers, tile, band.pitch);
    }
}
