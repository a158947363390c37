/* Depthwise convolution: each channel by itself, so lanes are independent. Input vectors of a row
 * stay in registers while all taps of that row use them; borders are left out instead of padded.
 * A transposed one is an ordinary one of stride 1 for each residue of the output column. */
#include <string.h>

#include "kernel/simd/conv.h"
#include "kernel/simd/vec_math.h"

/* plan->tile[] of this method */
enum { BANDS, SPECIAL, FLAT };

enum { MAX_WIDTH = VEC_REGISTERS == 32 ? 12 : 8, MAX_TAPS = 7, MAX_CLASSES = 4 };

struct line {
    const float *input;     /* element (0, 0) of the channel block */
    const float *weights;   /* [ky][kx][lanes] */
    int64_t row_stride;     /* floats between input rows of neighbouring taps */
    int first_row, end_row; /* taps that lie inside vertically */
    int left, width;        /* input column of the first pixel's first tap; columns there are */
    vec bias;
    float *output;
    int tiles;                        /* that follow each other */
    const struct conv_finish *finish; /* CLAMP or SWISH; NULL: sums are stored side by side */
    int64_t pixel_stride;             /* of the output, with `finish` */
};

/* Stores the sums of neighbouring pixels. */
VEC_INLINE void store_line(const struct line *l, vec *acc, float *output, const int pixels)
{
    const vec bias = l->bias;
    const int64_t step = l->finish ? l->pixel_stride : VEC_LANES;
    VEC_UNROLL
    for (int p = 0; p < pixels; p++)
        acc[p] = vec_add(acc[p], bias);
    if (l->finish && l->finish->kind == CONV_FINISH_SWISH) {
        VEC_UNROLL
        for (int p = 0; p < pixels; p++)
            acc[p] = vec_swish(acc[p]);
    } else if (l->finish) {
        const vec low = vec_set1(l->finish->low), high = vec_set1(l->finish->high);
        VEC_UNROLL
        for (int p = 0; p < pixels; p++)
            acc[p] = vec_clamp(acc[p], low, high);
    }
    VEC_UNROLL
    for (int p = 0; p < pixels; p++, output += step)
        vec_store(output, acc[p]);
}

/* `pixels` neighbouring outputs of one row, whose first tap reads column `left`. The first pixel's
 * last tap and the last pixel's first tap lie inside the row, so only the outer taps have to be
 * tested. */
VEC_INLINE void sum_tile(const struct line *l, int left, float *output, const int pixels,
                         const int taps, const int stride)
{
    vec acc[MAX_WIDTH], w[MAX_TAPS];
    VEC_UNROLL
    for (int p = 0; p < pixels; p++)
        acc[p] = vec_zero();
    const int across = (pixels - 1) * stride + taps, first = -left, end = l->width - left;
    for (int y = l->first_row; y < l->end_row; y++) {
        const float *x = l->input + y * l->row_stride + (int64_t)left * VEC_LANES;
        const float *weights = l->weights + (int64_t)y * taps * VEC_LANES;
        VEC_UNROLL
        for (int t = 0; t < taps; t++)
            w[t] = vec_load(weights + t * VEC_LANES);
        VEC_UNROLL
        for (int q = 0; q < across; q++) {
            if (q < taps - 1 && q < first)
                continue;
            if (q > (pixels - 1) * stride && q >= end)
                continue;
            vec value = vec_load(x + q * VEC_LANES);
            VEC_UNROLL
            for (int t = 0; t < taps; t++)
                if (q >= t && (q - t) % stride == 0 && (q - t) / stride < pixels)
                    acc[(q - t) / stride] = vec_fma(w[t], value, acc[(q - t) / stride]);
        }
    }
    store_line(l, acc, output, pixels);
}

VEC_INLINE void sum_line(const struct line *l, const int pixels, const int taps, const int stride)
{
    float *output = l->output;
    for (int tile = 0; tile < l->tiles; tile++, output += pixels * l->pixel_stride)
        sum_tile(l, l->left + tile * pixels * stride, output, pixels, taps, stride);
}

typedef void line_fn(const struct line *line);

#define LINE(pixels, taps, stride)                                                                 \
    static void line_##pixels##_##taps##_##stride(const struct line *l)                            \
    {                                                                                              \
        sum_line(l, pixels, taps, stride);                                                         \
    }
/* clang-format off */
#define LINES(pixels)                                                                              \
    LINE(pixels, 1, 1) LINE(pixels, 2, 1)                                                          \
    LINE(pixels, 3, 1) LINE(pixels, 5, 1) LINE(pixels, 7, 1)                                       \
    LINE(pixels, 3, 2) LINE(pixels, 5, 2) LINE(pixels, 7, 2)
LINES(1) LINES(2) LINES(4) LINES(6) LINES(8)
#if VEC_REGISTERS == 32
LINES(10) LINES(12)
#endif
#undef LINES
#undef LINE

#define LINE(pixels, taps, stride) [taps] = line_##pixels##_##taps##_##stride
#define LINES(pixels)                                                                              \
    [pixels] = {{LINE(pixels, 1, 1), LINE(pixels, 2, 1), LINE(pixels, 3, 1), LINE(pixels, 5, 1),   \
                 LINE(pixels, 7, 1)},                                                              \
                {LINE(pixels, 3, 2), LINE(pixels, 5, 2), LINE(pixels, 7, 2)}}
/* [pixels][stride - 1][taps] */
static line_fn *const lines[MAX_WIDTH + 1][2][MAX_TAPS + 1] = {
    LINES(1), LINES(2), LINES(4), LINES(6), LINES(8),
#if VEC_REGISTERS == 32
    LINES(10), LINES(12),
#endif
};
#undef LINES
#undef LINE
/* clang-format on */

/* One output pixel of any depthwise convolution, also transposed. */
static vec sum_pixel(const struct kernel_conv_shape *s, const float *input, const float *weights,
                     vec bias, int y, int x)
{
    vec sum = vec_zero();
    for (int ky = 0; ky < s->kernel_height; ky++) {
        int iy = s->transposed ? y + s->pad_top - ky * s->dilation_height
                               : y * s->stride_height + ky * s->dilation_height - s->pad_top;
        if (s->transposed && iy % s->stride_height != 0)
            continue;
        iy = s->transposed ? iy / s->stride_height : iy;
        if (iy < 0 || iy >= s->in_height)
            continue;
        const float *row = input + (int64_t)iy * s->in_width * VEC_LANES;
        const float *w = weights + (int64_t)ky * s->kernel_width * VEC_LANES;
        for (int kx = 0; kx < s->kernel_width; kx++) {
            int ix = s->transposed ? x + s->pad_left - kx * s->dilation_width
                                   : x * s->stride_width + kx * s->dilation_width - s->pad_left;
            if (s->transposed && ix % s->stride_width != 0)
                continue;
            ix = s->transposed ? ix / s->stride_width : ix;
            if (ix >= 0 && ix < s->in_width)
                sum = vec_fma(vec_load(w + kx * VEC_LANES), vec_load(row + ix * VEC_LANES), sum);
        }
    }
    return vec_add(sum, bias);
}

/* Input column of the leftmost tap of a class's first pixel. */
static int leftmost(const struct conv_class_axis *x)
{
    return x->in_first + (x->in_tap_step < 0 && x->taps ? (x->taps - 1) * x->in_tap_step : 0);
}

/* Whether the kernels of `lines` can do it. */
static bool special(const struct kernel_conv_shape *s)
{
    int classes = s->transposed ? s->stride_width : 1;
    if (classes > MAX_CLASSES || (s->transposed && s->stride_height > MAX_CLASSES) ||
        s->dilation_width != 1 || (s->transposed && s->dilation_height != 1))
        return false;
    for (int class = 0; class < classes; ++class) {
        struct conv_class_axis x = KERNEL_NAME(conv_class_axis_of)(s, false, class);
        if (x.outs == 0 || x.taps == 0)
            continue;
        int first = leftmost(&x), last = first + (x.outs - 1) * x.in_step;
        if (x.in_step > 2 || x.taps > MAX_TAPS || !lines[1][x.in_step - 1][x.taps] ||
            first + x.taps - 1 < 0 || last >= s->in_width)
            return false;
    }
    return true;
}

/* 1×1 in place: all rows are one line. */
static bool flat(const struct kernel_conv_shape *s)
{
    return s->kernel_height == 1 && s->kernel_width == 1 && s->stride_height == 1 &&
           s->stride_width == 1 && s->pad_top == 0 && s->pad_left == 0 &&
           s->in_height == s->out_height && s->in_width == s->out_width;
}

int KERNEL_NAME(conv_depthwise_plan)(struct kernel_conv_plan *plan)
{
    enum { LARGE = 128 }; /* pixels: such maps are shared by rows, as 1×1 convolutions share them */
    const struct kernel_conv_shape *s = &plan->shape;
    if (s->groups != s->in_channels || s->groups != s->out_channels || s->groups == 1 ||
        s->plain_input || s->plain_output)
        return STANCE_EUNSUPPORTED;
    int blocks = kernel_blocks(s->out_channels, VEC_LANES);
    int taps = s->kernel_height * s->kernel_width;
    /* vectors and half a dozen cycles for each one's epilogue: shares of 2 µs or more */
    int64_t work = (int64_t)s->batch * blocks * s->out_height * s->out_width * (taps + 6) / 5000;
    plan->tile[SPECIAL] = special(s);
    plan->tile[FLAT] = plan->tile[SPECIAL] && flat(s);
    plan->tile[BANDS] = 1;
    bool large = s->out_height * s->out_width > LARGE;
    while ((plan->tile[BANDS] * blocks < 8 || (large && plan->tile[BANDS] < 4)) &&
           plan->tile[BANDS] * 4 < s->out_height)
        plan->tile[BANDS] *= 2;
    int64_t units = (int64_t)s->batch * blocks * plan->tile[BANDS];
    work = work < units ? work : units;
    plan->name = plan->tile[SPECIAL] ? "depthwise rows" : "depthwise";
    plan->parts = work < 1 ? 1 : work > 64 ? 64 : (int)work;
    plan->packing = plan->tile[SPECIAL];
    plan->packed_bytes = (size_t)blocks * VEC_LANES * (size_t)(taps + 1) * sizeof(float);
    return 0;
}

/* One channel's taps: for each class of a transposed convolution that `lines` do, row by row, each
 * row in the order of the input columns. */
static void pack_channel(struct kernel_conv_shape s, bool special, const float *filter, float *to)
{
    s.transposed = s.transposed && special;
    int classes = s.transposed ? s.stride_height * s.stride_width : 1;
    for (int class = 0; class < classes; ++class) {
        struct conv_class_axis y = KERNEL_NAME(conv_class_axis_of)(&s, true, class);
        struct conv_class_axis x = KERNEL_NAME(conv_class_axis_of)(&s, false, class);
        for (int ty = 0; ty < y.taps; ty++)
            for (int i = 0; i < x.taps; i++, to += VEC_LANES) {
                int tx = s.transposed ? x.taps - 1 - i : i;
                *to = filter[(y.tap_first + ty * y.tap_step) * s.kernel_width + x.tap_first +
                             tx * x.tap_step];
            }
    }
}

void KERNEL_NAME(conv_depthwise_pack)(const struct kernel_conv_plan *plan, const float *weights,
                                      const float *bias, float *packed)
{
    int channels = plan->shape.out_channels;
    int taps = plan->shape.kernel_height * plan->shape.kernel_width;
    memset(packed, 0, plan->packed_bytes);
    for (int c = 0; c < channels; c++) {
        float *to = packed + (int64_t)(c / VEC_LANES) * (taps + 1) * VEC_LANES + c % VEC_LANES;
        to[0] = bias ? bias[c] : 0.0f;
        pack_channel(plan->shape, plan->tile[SPECIAL], weights + (int64_t)c * taps, to + VEC_LANES);
    }
}

/* ---- Run ------------------------------------------------------------------------------------- */

enum { MAX_RUNS = 4 };

struct run {
    int width, tiles;
};

struct depthwise {
    const struct kernel_conv_shape *shape;
    const struct conv_finish *finish;
    bool special, flat;
    int columns, rows; /* classes of output columns and rows */
    struct conv_class_axis x[MAX_CLASSES], y[MAX_CLASSES];
    struct run runs[MAX_CLASSES][MAX_RUNS]; /* how the rows of a class are cut */
};

/* Cuts `left` pixels into tiles of one width and a rest; the last run has no tiles. `lines` has
 * the width 1 and all even ones. */
static void cut(int left, struct run runs[MAX_RUNS])
{
    int tiles = (left + MAX_WIDTH - 1) / MAX_WIDTH, count = 0;
    int width = tiles > 1 ? ((left + tiles - 1) / tiles + 1) / 2 * 2 : left;
    while (left > 0 && count < MAX_RUNS - 1) {
        width = width > 1 ? width / 2 * 2 : 1;
        runs[count++] = (struct run){width, left / width};
        left %= width;
        width = left;
    }
    runs[count] = (struct run){0, 0};
}

static struct depthwise depthwise_of(const struct kernel_conv_plan *plan,
                                     const struct conv_finish *finish)
{
    struct kernel_conv_shape s = plan->shape;
    s.transposed = s.transposed && plan->tile[SPECIAL];
    struct depthwise d = {
        .shape = &plan->shape,
        .finish = finish,
        .special = plan->tile[SPECIAL],
        .flat = plan->tile[FLAT],
        .columns = s.transposed ? s.stride_width : 1,
        .rows = s.transposed ? s.stride_height : 1,
    };
    for (int i = 0; i < d.columns; i++) {
        d.x[i] = KERNEL_NAME(conv_class_axis_of)(&s, false, i);
        if (d.special)
            cut(d.x[i].outs, d.runs[i]);
    }
    for (int i = 0; i < d.rows; i++)
        d.y[i] = KERNEL_NAME(conv_class_axis_of)(&s, true, i * d.columns);
    return d;
}

static void move_tile(struct conv_tile *tile, int64_t floats)
{
    tile->output += floats;
    if (tile->residual)
        tile->residual += floats;
}

/* The pixels of one row that belong to a class, cut into `runs`. */
static void run_class(const struct conv_class_axis *x, const struct run *runs, struct line *line,
                      struct conv_tile *tile)
{
    _Alignas(64) float sums[MAX_WIDTH * VEC_LANES];
    int taps = x->taps ? x->taps : 1;
    line->left = leftmost(x);
    line->pixel_stride = tile->out_pixel_stride = x->out_step * VEC_LANES;
    move_tile(tile, x->out_first * VEC_LANES);
    for (; runs->tiles; runs++) {
        line_fn *sum = lines[runs->width][x->in_step - 1][taps];
        int64_t step = runs->width * tile->out_pixel_stride;
        line->tiles = line->finish ? runs->tiles : 1;
        for (int done = 0; done < runs->tiles; done += line->tiles) {
            line->output = line->finish ? tile->output : sums;
            sum(line);
            if (!line->finish)
                KERNEL_NAME(conv_tile_finish)(tile, sums, 1, runs->width);
            line->left += line->tiles * runs->width * x->in_step;
            move_tile(tile, line->tiles * step);
        }
    }
}

/* Which rows of taps lie inside, where the first one reads input row `top` and the others follow at
 * `step`. */
static void rows_inside(struct line *line, int top, int step, int taps, int height)
{
    int first = 0, end = 0;
    if (step > 0) {
        first = top < 0 ? (-top + step - 1) / step : 0;
        end = top < height ? (height - 1 - top) / step + 1 : 0;
    } else {
        first = top >= height ? (top - height - step) / -step : 0;
        end = top >= 0 ? top / -step + 1 : 0;
    }
    line->first_row = first;
    line->end_row = end < taps ? end : taps;
}

/* Output rows row … row + count - 1 of one channel block; count is 1 unless the plan is flat. */
static void run_rows(const struct depthwise *d, const float *input, const float *packed, int row,
                     int count, struct line *line, struct conv_tile *tile)
{
    const struct kernel_conv_shape *s = d->shape;
    int class = d->rows > 1 ? (row + s->pad_top) % d->rows : 0;
    const struct conv_class_axis *y = &d->y[class];
    int top = y->in_first + (d->rows > 1 ? row / d->rows : row * y->in_step);
    line->input = input + (int64_t)top * s->in_width * VEC_LANES;
    line->weights = packed + VEC_LANES;
    line->row_stride = (int64_t)y->in_tap_step * s->in_width * VEC_LANES;
    line->width = s->in_width * count;
    rows_inside(line, top, y->in_tap_step, y->taps, s->in_height);
    for (int i = 0; i < class; i++)
        line->weights += d->y[i].taps * s->kernel_width * VEC_LANES;
    int end_row = line->end_row;
    float *output = tile->output;
    const float *residual = tile->residual;
    for (int i = 0; i < d->columns; i++) {
        const struct conv_class_axis *x = &d->x[i];
        const struct run *runs = d->runs[i];
        struct run all[MAX_RUNS];
        if (count > 1) {
            cut(x->outs * count, all);
            runs = all;
        }
        tile->output = output;
        tile->residual = residual;
        line->end_row = x->taps ? end_row : line->first_row;
        run_class(x, runs, line, tile);
        line->weights += y->taps * x->taps * VEC_LANES;
    }
}

/* The same for one row of any depthwise convolution. */
static void run_pixels(const struct depthwise *d, const float *input, const float *packed, int row,
                       struct conv_tile *tile)
{
    float sums[VEC_LANES];
    for (int x = 0; x < d->shape->out_width; x++) {
        vec_store(sums, sum_pixel(d->shape, input, packed + VEC_LANES, vec_load(packed), row, x));
        KERNEL_NAME(conv_tile_finish)(tile, sums, 1, 1);
        move_tile(tile, VEC_LANES);
    }
}

/* Rows `row` … end_row - 1 of a channel block, which begins at `output`. */
static void run_band(const struct depthwise *d, const float *input, const float *packed, int row,
                     int end_row, float *output, const float *residual)
{
    struct conv_tile tile = {.out_pixel_stride = VEC_LANES, .finish = d->finish};
    struct line line = {
        .bias = vec_load(packed),
        .finish = d->finish->kind == CONV_FINISH_OTHER ? NULL : d->finish,
    };
    int64_t out_row = (int64_t)d->shape->out_width * VEC_LANES;
    int count = d->flat ? end_row - row : 1;
    for (; row < end_row; row += count) {
        tile.output = output + row * out_row;
        tile.residual = residual ? residual + row * out_row : NULL;
        if (d->special)
            run_rows(d, input, packed, row, count, &line, &tile);
        else
            run_pixels(d, input, packed, row, &tile);
    }
}

void KERNEL_NAME(conv_depthwise_run)(const struct kernel_conv_plan *plan,
                                     const struct kernel_conv_buffers *buffers, int part, int parts)
{
    const struct kernel_conv_shape *s = &plan->shape;
    struct conv_finish finish = KERNEL_NAME(conv_finish_of)(&plan->epilogue);
    struct depthwise d = depthwise_of(plan, &finish);
    int blocks = kernel_blocks(s->out_channels, VEC_LANES), bands = plan->tile[BANDS];
    int64_t in_plane = (int64_t)s->in_height * s->in_width * VEC_LANES;
    int64_t out_plane = (int64_t)s->out_height * s->out_width * VEC_LANES, first, end;
    int64_t packed_block = (int64_t)(s->kernel_height * s->kernel_width + 1) * VEC_LANES;
    kernel_share((int64_t)s->batch * blocks * bands, part, parts, &first, &end);
    for (int64_t i = first; i < end; i++) {
        int64_t image = i / (blocks * bands), block = i % blocks, row, end_row;
        kernel_share(s->out_height, (int)(i / blocks % bands), bands, &row, &end_row);
        const float *residual = buffers->residual;
        if (residual)
            residual += image * buffers->residual_batch_stride + block * out_plane;
        run_band(&d, buffers->input + image * buffers->input_batch_stride + block * in_plane,
                 (const float *)buffers->packed + block * packed_block, (int)row, (int)end_row,
                 buffers->output + image * buffers->output_batch_stride + block * out_plane,
                 residual);
    }
}
