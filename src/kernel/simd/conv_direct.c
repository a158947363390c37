/* Direct convolution with register tiles: any kernel, stride, dilation and padding; transposed
 * convolutions as one dense convolution per residue of the output position (sub-pixel
 * convolutions); groups whose channels fill whole blocks. */
#include "kernel/simd/conv.h"

/* plan->tile[] of this method */
enum { BLOCKS, MODE, ROWS, BANDS, WEIGHTS_FIRST };

enum {
    IN_PLACE, /* 1×1, stride 1, no padding: the whole map is one line */
    LINES,    /* a band, each output row a line */
    FLAT,     /* a band with one copy per column tap: all its rows are one line */
    UNFOLDED, /* the same from NCHW with few channels: lanes are channel × column tap */
};

struct direct {
    const struct kernel_conv_shape *shape;
    int blocks, mode, rows, bands;
    bool weights_first;
    int classes, groups;
    int out_blocks, tile_groups; /* per group */
    int channels, in_blocks;     /* per group, as the tile sees them */
    int line_rows, line_width;   /* the map as lines: IN_PLACE has one */
    int64_t in_plane, out_plane; /* pixels */
};

static struct conv_class_axis axis_of(const struct direct *d, bool vertical, int class)
{
    return KERNEL_NAME(conv_class_axis_of)(d->shape, vertical, class);
}

static struct direct direct_of(const struct kernel_conv_plan *plan)
{
    const struct kernel_conv_shape *s = &plan->shape;
    struct direct d = {
        .shape = s,
        .blocks = plan->tile[BLOCKS],
        .mode = plan->tile[MODE],
        .rows = plan->tile[ROWS],
        .bands = plan->tile[BANDS],
        .weights_first = plan->tile[WEIGHTS_FIRST],
        .classes = s->transposed ? s->stride_height * s->stride_width : 1,
        .groups = s->groups,
        .out_blocks = kernel_blocks(s->out_channels / s->groups, VEC_LANES),
        .channels = s->in_channels / s->groups,
        .in_plane = (int64_t)s->in_height * s->in_width,
        .out_plane = (int64_t)s->out_height * s->out_width,
    };
    if (d.mode == UNFOLDED)
        d.channels *= s->kernel_width;
    d.in_blocks = kernel_blocks(d.channels, VEC_LANES);
    if (d.blocks)
        d.tile_groups = (d.out_blocks + d.blocks - 1) / d.blocks;
    return d;
}

static int taps_of(const struct direct *d, int class)
{
    int across = d->mode == UNFOLDED ? 1 : axis_of(d, false, class).taps;
    return axis_of(d, true, class).taps * across;
}

/* Floats of one class's weights, all groups. */
static int64_t class_floats(const struct direct *d, int class)
{
    return (int64_t)d->groups * d->out_blocks * VEC_LANES * d->channels * taps_of(d, class);
}

static struct conv_band band_of(const struct direct *d, int class)
{
    const struct kernel_conv_shape *s = d->shape;
    struct conv_class_axis y = axis_of(d, true, class), x = axis_of(d, false, class);
    struct conv_band band = {
        .in_height = s->in_height,
        .in_width = s->in_width,
        .rows = d->rows,
        .plain = s->plain_input,
        .channels = s->in_channels,
        .unfolded = d->mode == UNFOLDED,
    };
    bool flat = d->mode != LINES;
    KERNEL_NAME(conv_axis_plan)(&band.y, y.in_first, y.in_tap_step, y.taps, y.in_step, false);
    KERNEL_NAME(conv_axis_plan)(&band.x, x.in_first, x.in_tap_step, x.taps, x.in_step, flat);
    band.pitch = x.outs + band.x.extra;
    return band;
}

/* ---- Plan ------------------------------------------------------------------------------------ */

/* Bytes of the largest class's band. */
static int64_t band_bytes(const struct direct *d)
{
    int64_t most = 0;
    for (int class = 0; class < d->classes; ++class) {
        struct conv_band band = band_of(d, class);
        int64_t bytes = KERNEL_NAME(conv_band_stride)(&band) * d->in_blocks * 4;
        if (bytes > most)
            most = bytes;
    }
    return most;
}

/* Rows per band: as many as the cache holds beside the weights, but enough shares for a pool. */
static void choose_rows(struct direct *d, int rows)
{
    enum { CACHE = 256 << 10, WHOLE = 512 << 10, SHARES = 8 };
    d->rows = rows;
    if (d->mode == IN_PLACE)
        return;
    while (d->rows > 1 && band_bytes(d) > (d->rows == rows ? WHOLE : CACHE))
        d->rows = (d->rows + 1) / 2;
    while (d->rows > 2 && (rows + d->rows - 1) / d->rows * d->tile_groups < SHARES)
        d->rows = (d->rows + 1) / 2;
}

/* The same for a map that is one line: pixels per band. */
static void choose_pixels(struct direct *d, int64_t pixels)
{
    enum { CACHE = 192 << 10, SHARES = 8 };
    int tile = KERNEL_NAME(conv_tile_pixels)(d->blocks);
    int64_t most = CACHE / ((int64_t)d->in_blocks * VEC_LANES * 4);
    if (pixels * d->tile_groups > (int64_t)SHARES * tile * d->tile_groups &&
        most > pixels * d->tile_groups / SHARES)
        most = pixels * d->tile_groups / SHARES;
    most = most < 4 * tile ? 4 * tile : most / tile * tile;
    int64_t bands = (pixels + most - 1) / most;
    bands += bands > 1 && bands % 2; /* for two threads */
    most = (pixels + bands - 1) / bands;
    most = (most + tile - 1) / tile * tile;
    d->rows = (int)(most < pixels ? most : pixels);
}

static int choose_mode(struct direct *d)
{
    const struct kernel_conv_shape *s = d->shape;
    bool one = s->kernel_height == 1 && s->kernel_width == 1 && s->stride_height == 1 &&
               s->stride_width == 1 && s->pad_top == 0 && s->pad_left == 0 &&
               s->in_height == s->out_height && s->in_width == s->out_width;
    if (one && !s->plain_input)
        return IN_PLACE;
    if (s->plain_input && !s->transposed && s->in_channels * s->kernel_width <= CONV_MAX_UNFOLD &&
        s->in_channels <= 8)
        return UNFOLDED;
    if (s->transposed)
        return LINES;
    int outs = s->out_channels / s->groups;
    int lines = KERNEL_NAME(conv_tile_choose)(outs, s->out_width);
    int flat = KERNEL_NAME(conv_tile_choose)(outs, d->out_plane);
    float line_cost = KERNEL_NAME(conv_tile_cost)(lines, outs, s->out_width);
    float flat_cost = KERNEL_NAME(conv_tile_cost)(flat, outs, d->out_plane);
    return flat_cost * 1.05f < line_cost * (float)s->out_height ? FLAT : LINES;
}

static bool supported(const struct kernel_conv_shape *s)
{
    if (s->groups > 1 && (s->in_channels / s->groups % VEC_LANES != 0 ||
                          s->out_channels / s->groups % VEC_LANES != 0 || s->plain_input))
        return false;
    if (s->kernel_height > CONV_MAX_KERNEL || s->kernel_width > CONV_MAX_KERNEL)
        return false;
    return !s->transposed || ((s->dilation_height == 1 || s->stride_height == 1) &&
                              (s->dilation_width == 1 || s->stride_width == 1));
}

int KERNEL_NAME(conv_direct_plan)(struct kernel_conv_plan *plan)
{
    const struct kernel_conv_shape *s = &plan->shape;
    if (!supported(s))
        return STANCE_EUNSUPPORTED;
    struct direct d = direct_of(plan);
    d.mode = plan->tile[MODE] = choose_mode(&d);
    struct conv_class_axis y = axis_of(&d, true, 0), x = axis_of(&d, false, 0);
    bool flat = d.mode == FLAT || d.mode == UNFOLDED;
    int64_t line = d.mode == IN_PLACE || flat ? d.out_plane : x.outs;
    if (line < 1)
        line = 1; /* the first class of a tiny transposed one may be empty */
    int outs = s->out_channels / s->groups;
    plan->tile[BLOCKS] = KERNEL_NAME(conv_tile_choose)(outs, line);
    d = direct_of(plan);
    int rows = s->transposed ? (s->out_height + s->stride_height - 1) / s->stride_height : y.outs;
    if (d.mode == IN_PLACE)
        choose_pixels(&d, d.out_plane);
    else
        choose_rows(&d, rows);
    int64_t lines = d.mode == IN_PLACE ? d.out_plane : rows;
    plan->tile[ROWS] = d.rows;
    plan->tile[BANDS] = d.bands = (int)((lines + d.rows - 1) / d.rows);
    plan->tile[WEIGHTS_FIRST] = d.bands == 1;

    int64_t bytes = 0, floats = (int64_t)d.groups * d.out_blocks * VEC_LANES, depth = 0;
    int most_taps = 0;
    for (int class = 0; class < d.classes; ++class) {
        floats += class_floats(&d, class);
        depth += taps_of(&d, class);
        most_taps = taps_of(&d, class) > most_taps ? taps_of(&d, class) : most_taps;
    }
    if (d.mode != IN_PLACE)
        bytes = band_bytes(&d);
    bytes += ((int64_t)most_taps * 4 + 63) / 64 * 64;
    if (bytes > CONV_SCRATCH_LIMIT)
        return STANCE_EUNSUPPORTED;
    int64_t units = (int64_t)s->batch * d.bands * d.classes * d.groups * d.tile_groups;
    /* shares of a hundred thousand multiply-adds or more: 2 µs */
    int64_t work = d.out_plane * s->batch * d.out_blocks * d.groups * VEC_LANES * d.channels *
                   depth / d.classes / 100000;
    if (work < floats / 5000)
        work = floats / 5000; /* or of reading 20 KB of weights */
    int64_t parts = work < units ? work : units;
    plan->name = d.mode == IN_PLACE ? "direct 1x1" : d.mode == UNFOLDED ? "direct stem" : "direct";
    plan->parts = parts < 1 ? 1 : parts > 64 ? 64 : (int)parts;
    float line_cost = KERNEL_NAME(conv_tile_cost)(d.blocks, outs, line);
    int64_t line_count = d.out_plane / line;
    plan->tile[CONV_COST] = conv_cost((float)(d.groups * line_count * d.channels * depth) *
                                          line_cost / (float)(s->transposed ? d.classes : 1),
                                      floats * 4);
    plan->packing = d.blocks << 1 | (d.mode == UNFOLDED);
    plan->packed_bytes = (size_t)floats * sizeof(float);
    plan->scratch_bytes = (size_t)bytes;
    return 0;
}

/* ---- Pack ------------------------------------------------------------------------------------ */

/* Weight of output channel k of a group (0 beyond the last one), channel c as the tile sees it. */
static float weight_at(const struct direct *d, const float *weights, int group, int k, int c, int y,
                       int x)
{
    const struct kernel_conv_shape *s = d->shape;
    int outs = s->out_channels / s->groups, ins = s->in_channels / s->groups;
    if (k >= outs)
        return 0.0f;
    if (d->mode == UNFOLDED) {
        x = c % s->kernel_width;
        c = c / s->kernel_width;
    }
    int64_t filter = s->transposed ? (int64_t)(group * ins + c) * outs + k
                                   : (int64_t)(group * outs + k) * ins + c;
    return weights[(filter * s->kernel_height + y) * s->kernel_width + x];
}

/* One tile group of one class: [input block][tap][channel][block][lane]. */
static float *pack_tile(const struct direct *d, const float *weights, int class, int group,
                        int first_block, int blocks, float *to)
{
    struct conv_class_axis y = axis_of(d, true, class), x = axis_of(d, false, class);
    int across = d->mode == UNFOLDED ? 1 : x.taps;
    for (int in = 0; in < d->channels; in += VEC_LANES)
        for (int tap = 0; tap < y.taps * across; tap++)
            for (int c = in; c < d->channels && c < in + VEC_LANES; c++)
                for (int lane = 0; lane < blocks * VEC_LANES; lane++)
                    *to++ = weight_at(d, weights, group, first_block * VEC_LANES + lane, c,
                                      y.tap_first + tap / across * y.tap_step,
                                      x.tap_first + tap % across * x.tap_step);
    return to;
}

void KERNEL_NAME(conv_direct_pack)(const struct kernel_conv_plan *plan, const float *weights,
                                   const float *bias, float *packed)
{
    struct direct d = direct_of(plan);
    int outs = plan->shape.out_channels / d.groups;
    float *to = packed;
    for (int group = 0; group < d.groups; group++)
        for (int k = 0; k < d.out_blocks * VEC_LANES; k++)
            *to++ = bias && k < outs ? bias[group * outs + k] : 0.0f;
    for (int class = 0; class < d.classes; ++class)
        for (int group = 0; group < d.groups; group++)
            for (int first = 0; first < d.out_blocks; first += d.blocks) {
                int left = d.out_blocks - first;
                to = pack_tile(&d, weights, class, group, first, left < d.blocks ? left : d.blocks,
                               to);
            }
}

/* ---- Run ------------------------------------------------------------------------------------- */

/* One unit of work: a band of one image × a tile group. */
struct unit {
    int image, band, class, group, tile_group;
};

static struct unit unit_at(const struct direct *d, int64_t index)
{
    int maps = d->shape->batch * d->bands, sets = d->classes * d->groups * d->tile_groups;
    int map = (int)(d->weights_first ? index % maps : index / sets);
    int set = (int)(d->weights_first ? index / maps : index % sets);
    return (struct unit){
        .image = map / d->bands,
        .band = map % d->bands,
        .class = set / (d->groups * d->tile_groups),
        .group = set / d->tile_groups % d->groups,
        .tile_group = set % d->tile_groups,
    };
}

static bool same_band(const struct unit *a, const struct unit *b)
{
    return a->image == b->image && a->band == b->band && a->class == b->class &&
           a->group == b->group;
}

/* Weights, bias and output of a tile group; returns its number of blocks. */
static int aim_tile(const struct direct *d, const struct unit *u, const float *packed,
                    const struct kernel_conv_buffers *buffers, struct conv_tile *tile)
{
    const struct kernel_conv_shape *s = d->shape;
    int first = u->tile_group * d->blocks, block = u->group * d->out_blocks + first;
    int64_t lanes = (int64_t)d->groups * d->out_blocks * VEC_LANES;
    int taps = taps_of(d, u->class);
    const float *weights = packed + lanes;
    for (int class = 0; class < u->class; ++class)
        weights += class_floats(d, class);
    tile->weights = weights + (int64_t)block * VEC_LANES * d->channels * taps;
    tile->bias = packed + (int64_t)block * VEC_LANES;
    tile->tap_count = taps;
    int64_t at = (int64_t)block * VEC_LANES * d->out_plane;
    tile->output = buffers->output + u->image * buffers->output_batch_stride + at;
    tile->residual = buffers->residual
                         ? buffers->residual + u->image * buffers->residual_batch_stride + at
                         : NULL;
    tile->plain_channels = s->plain_output ? s->out_channels - block * VEC_LANES : 0;
    tile->out_block_stride = d->out_plane * (s->plain_output ? 1 : VEC_LANES);
    int left = d->out_blocks - first, blocks = left < d->blocks ? left : d->blocks;
    tile->half = conv_tile_is_half(blocks, s->out_channels / s->groups - first * VEC_LANES);
    return blocks;
}

static void move_output(struct conv_tile *tile, int64_t floats)
{
    tile->output += floats;
    if (tile->residual)
        tile->residual += floats;
}

static void run_in_place(const struct direct *d, const struct unit *u, struct conv_tile tile,
                         int blocks)
{
    int64_t first = (int64_t)u->band * d->rows, left = d->out_plane - first;
    tile.input += first * VEC_LANES;
    move_output(&tile, first * tile.out_pixel_stride);
    KERNEL_NAME(conv_tile_line)(tile, blocks, left < d->rows ? left : d->rows);
}

static void run_band(const struct direct *d, const struct unit *u, const struct conv_band *band,
                     struct conv_tile tile, int blocks)
{
    struct conv_class_axis y = axis_of(d, true, u->class), x = axis_of(d, false, u->class);
    int first = u->band * d->rows, rows = y.outs - first < d->rows ? y.outs - first : d->rows;
    int64_t pixel = tile.out_pixel_stride, line = (int64_t)d->shape->out_width * pixel;
    tile.out_pixel_stride = x.out_step * pixel;
    move_output(&tile, (y.out_first + (int64_t)first * y.out_step) * line + x.out_first * pixel);
    if (d->mode != LINES) {
        if (rows > 0)
            KERNEL_NAME(conv_tile_line)(tile, blocks, (int64_t)rows * x.outs);
        return;
    }
    for (int row = 0; row < rows; row++) {
        KERNEL_NAME(conv_tile_line)(tile, blocks, x.outs);
        tile.input += band->pitch * VEC_LANES;
        move_output(&tile, y.out_step * line);
    }
}

void KERNEL_NAME(conv_direct_run)(const struct kernel_conv_plan *plan,
                                  const struct kernel_conv_buffers *buffers, int part, int parts)
{
    static const int32_t no_offset;
    struct direct d = direct_of(plan);
    const struct kernel_conv_shape *s = d.shape;
    struct conv_finish finish = KERNEL_NAME(conv_finish_of)(&plan->epilogue);
    struct conv_band band = {0};
    struct unit last = {-1, -1, -1, -1, -1};
    int64_t in_group = d.in_blocks * VEC_LANES * d.in_plane, first, end;
    int32_t *taps = buffers->scratch;
    float *copy = NULL;
    kernel_share((int64_t)s->batch * d.bands * d.classes * d.groups * d.tile_groups, part, parts,
                 &first, &end);
    for (int64_t i = first; i < end; i++) {
        struct unit u = unit_at(&d, i);
        const float *input = buffers->input + u.image * buffers->input_batch_stride +
                             (d.mode == UNFOLDED ? 0 : u.group * in_group);
        struct conv_tile tile = {
            .input = input,
            .taps = &no_offset,
            .in_blocks = d.in_blocks,
            .last_channels = d.channels - (d.in_blocks - 1) * VEC_LANES,
            .in_block_stride = d.in_plane * VEC_LANES,
            .out_pixel_stride = s->plain_output ? 1 : VEC_LANES,
            .finish = &finish,
        };
        int blocks = aim_tile(&d, &u, buffers->packed, buffers, &tile);
        if (d.mode == IN_PLACE) {
            run_in_place(&d, &u, tile, blocks);
            continue;
        }
        if (!same_band(&u, &last)) {
            if (u.class != last.class) {
                band = band_of(&d, u.class);
                KERNEL_NAME(conv_band_taps)(&band, taps);
                copy = (float *)buffers->scratch + (tile.tap_count + 15) / 16 * 16;
            }
            KERNEL_NAME(conv_band_fill)(&band, input, d.in_blocks, u.band * d.rows, copy);
            last = u;
        }
        tile.input = copy;
        tile.taps = taps;
        tile.in_block_stride = KERNEL_NAME(conv_band_stride)(&band);
        run_band(&d, &u, &band, tile, blocks);
    }
}
