/* Bands: zero-padded copies of input rows, arranged so that neighbouring output pixels read
 * neighbouring vectors for every tap. */
#include <string.h>

#include "kernel/simd/conv.h"
#include "kernel/simd/vec_more.h"

/* Rounded towards minus infinity. */
static int floor_div(int a, int b)
{
    return a >= 0 ? a / b : -((-a + b - 1) / b);
}

struct conv_class_axis KERNEL_NAME(conv_class_axis_of)(const struct kernel_conv_shape *s,
                                                       bool vertical, int class)
{
    int kernel = vertical ? s->kernel_height : s->kernel_width;
    int stride = vertical ? s->stride_height : s->stride_width;
    int dilation = vertical ? s->dilation_height : s->dilation_width;
    int pad = vertical ? s->pad_top : s->pad_left;
    int outs = vertical ? s->out_height : s->out_width;
    if (!s->transposed)
        return (struct conv_class_axis){0, 1, kernel, 0, 1, outs, -pad, dilation, stride};
    int residue = vertical ? class / s->stride_width : class % s->stride_width;
    int first = ((residue - pad) % stride + stride) % stride;
    return (struct conv_class_axis){
        .tap_first = residue,
        .tap_step = stride,
        .taps = residue < kernel ? (kernel - residue + stride - 1) / stride : 0,
        .out_first = first,
        .out_step = stride,
        .outs = first < outs ? (outs - first + stride - 1) / stride : 0,
        .in_first = (first + pad - residue) / stride,
        .in_tap_step = -dilation,
        .in_step = 1,
    };
}

void KERNEL_NAME(conv_axis_plan)(struct conv_axis *axis, int first, int tap_step, int taps,
                                 int step, bool flat)
{
    *axis = (struct conv_axis){.step = step, .taps = taps};
    if (flat) {
        for (int t = 0; t < taps; t++) {
            axis->start[t] = first + t * tap_step;
            axis->which[t] = t;
        }
        axis->copies = taps;
        return;
    }
    int last = first + (taps - 1) * tap_step;
    int least = floor_div(first < last ? first : last, step);
    for (int t = 0; t < taps; t++) {
        int at = first + t * tap_step, whole = floor_div(at, step), rest = at - whole * step;
        int copy = 0;
        while (copy < axis->copies && axis->start[copy] != least * step + rest)
            copy++;
        axis->start[copy] = least * step + rest;
        if (copy == axis->copies)
            axis->copies++;
        axis->which[t] = copy;
        axis->shift[t] = whole - least;
        if (axis->shift[t] > axis->extra)
            axis->extra = axis->shift[t];
    }
}

int64_t KERNEL_NAME(conv_band_stride)(const struct conv_band *band)
{
    return (int64_t)(band->unfolded ? 1 : band->x.copies) * band->y.copies *
           (band->rows + band->y.extra) * band->pitch * VEC_LANES;
}

void KERNEL_NAME(conv_band_taps)(const struct conv_band *band, int32_t *taps)
{
    int rows = band->rows + band->y.extra, across = band->unfolded ? 1 : band->x.taps;
    for (int y = 0; y < band->y.taps; y++)
        for (int x = 0; x < across; x++) {
            int row = (band->unfolded ? 0 : band->x.which[x]) * band->y.copies + band->y.which[y];
            row = row * rows + band->y.shift[y];
            int column = band->unfolded ? 0 : band->x.shift[x];
            taps[y * across + x] = (row * band->pitch + column) * VEC_LANES;
        }
}

/* The elements 0 … count - 1 of a copy whose input positions start + i * step lie in [0, limit):
 * [*first, *end), with *first ≤ *end. */
static void inside(int count, int start, int step, int limit, int *first, int *end)
{
    *first = start >= 0 ? 0 : (-start + step - 1) / step;
    *end = start >= limit ? 0 : (limit - 1 - start) / step + 1;
    if (*first > count)
        *first = count;
    if (*end > count)
        *end = count;
    if (*end < *first)
        *end = *first;
}

static void fill_zero(float *to, int pixels)
{
    memset(to, 0, (size_t)pixels * VEC_LANES * sizeof(float));
}

/* One row of one copy from blocked input. */
static void fill_row(const struct conv_band *band, const float *from, int start, float *to)
{
    int first, end, step = band->x.step;
    inside(band->pitch, start, step, band->in_width, &first, &end);
    fill_zero(to, first);
    if (step == 1 && end > first)
        memcpy(to + first * VEC_LANES, from + (int64_t)(start + first) * VEC_LANES,
               (size_t)(end - first) * VEC_LANES * sizeof(float));
    else
        for (int i = first; i < end; i++)
            vec_store(to + i * VEC_LANES, vec_load(from + (int64_t)(start + i * step) * VEC_LANES));
    fill_zero(to + end * VEC_LANES, band->pitch - end);
}

/* The same from NCHW: `channels` planes (at most VEC_LANES) become lanes. */
static void fill_row_plain(const struct conv_band *band, const float *from, int64_t plane,
                           int channels, int start, float *to)
{
    int first, end, step = band->x.step;
    inside(band->pitch, start, step, band->in_width, &first, &end);
    fill_zero(to, band->pitch);
    for (int c = 0; c < channels; c++)
        for (int i = first; i < end; i++)
            to[i * VEC_LANES + c] = from[c * plane + start + i * step];
}

/* The same with lanes channel × x tap, over all blocks of the band: one pixel with tests. */
static void unfold_pixel(const struct conv_band *band, const float *from, int64_t plane,
                         int64_t block_stride, int i, float *to)
{
    int taps = band->x.taps;
    for (int lane = 0; lane < band->channels * taps; lane++) {
        int x = band->x.start[lane % taps] + i * band->x.step;
        to[lane / VEC_LANES * block_stride + lane % VEC_LANES] =
            x >= 0 && x < band->in_width ? from[lane / taps * plane + x] : 0.0f;
    }
}

/* Copies for all pixels of a row whose taps lie inside: single floats, or four at once where they
 * stay inside of a block; what those write too much is overwritten by the next ones or lies in
 * unused lanes. */
struct unfold {
    int count;
    int64_t from[CONV_MAX_UNFOLD], to[CONV_MAX_UNFOLD];
    bool four[CONV_MAX_UNFOLD];
    int first, end; /* pixels that this serves */
    bool quads;     /* all lanes of a pixel at once: four columns of each channel, permuted */
    float lanes[VEC_LANES];
};

static struct unfold unfold_of(const struct conv_band *band, int64_t plane, int64_t block_stride)
{
    const struct conv_axis *x = &band->x;
    struct unfold u = {0};
    bool dense = x->taps == 1 || x->start[1] == x->start[0] + 1;
    for (int c = 0, lane = 0; c < band->channels; c++)
        for (int t = 0, done; t < x->taps; t += done, lane += done) {
            bool four = dense && lane % VEC_LANES + 4 <= VEC_LANES && x->taps - t > 1;
            done = four && x->taps - t < 4 ? x->taps - t : four ? 4 : 1;
            u.four[u.count] = four;
            u.from[u.count] = c * plane + x->start[t];
            u.to[u.count++] = lane / VEC_LANES * block_stride + lane % VEC_LANES;
        }
    /* four floats from the last tap on must exist */
    inside(band->pitch, x->start[0], x->step, band->in_width, &u.first, &u.end);
    int last = band->in_width - x->start[x->taps - 1] - 4;
    int end = last < 0 ? 0 : last / x->step + 1;
    u.end = end < u.end ? end : u.end;
    if (u.first > u.end)
        u.first = u.end;
    u.quads = dense && x->taps <= 4 && band->channels <= VEC_LANES / 4;
    for (int lane = 0; lane < VEC_LANES && u.quads; lane++)
        u.lanes[lane] =
            lane < band->channels * x->taps ? (float)(lane / x->taps * 4 + lane % x->taps) : 0.0f;
    return u;
}

/* Pixels `first` to `end` of a row that unfold->quads serves; `from` is at column 0. */
static void fill_quads(const struct conv_band *band, const struct unfold *u, const float *from,
                       int64_t plane, float *to)
{
    vec_int lanes = vec_to_int(vec_load(u->lanes));
    from += band->x.start[0] + (int64_t)u->first * band->x.step;
    for (int i = u->first; i < u->end; i++, from += band->x.step)
        vec_store(to + i * VEC_LANES,
                  vec_permute(vec_load_quads(from, plane, band->channels), lanes));
}

static void fill_row_unfolded(const struct conv_band *band, const struct unfold *u,
                              const float *from, int64_t plane, int64_t block_stride, float *to)
{
    for (int i = 0; i < u->first; i++)
        unfold_pixel(band, from, plane, block_stride, i, to + i * VEC_LANES);
    if (u->quads)
        fill_quads(band, u, from, plane, to);
    for (int m = 0; m < u->count && !u->quads; m++) {
        const float *source = from + u->from[m] + (int64_t)u->first * band->x.step;
        float *at = to + u->to[m] + u->first * VEC_LANES;
        int step = band->x.step;
        if (u->four[m])
            for (int i = u->first; i < u->end; i++, source += step, at += VEC_LANES)
                memcpy(at, source, 4 * sizeof(float));
        else
            for (int i = u->first; i < u->end; i++, source += step, at += VEC_LANES)
                *at = *source;
    }
    for (int i = u->end; i < band->pitch; i++)
        unfold_pixel(band, from, plane, block_stride, i, to + i * VEC_LANES);
}

void KERNEL_NAME(conv_band_fill)(const struct conv_band *band, const float *input, int blocks,
                                 int row, float *to)
{
    int rows = band->rows + band->y.extra;
    int64_t plane = (int64_t)band->in_height * band->in_width;
    int64_t block_stride = KERNEL_NAME(conv_band_stride)(band);
    int outer = band->unfolded ? 1 : blocks * band->x.copies;
    struct unfold unfold = {0};
    if (band->unfolded)
        unfold = unfold_of(band, plane, block_stride);
    for (int i = 0; i < outer; i++) {
        int block = i / band->x.copies, copy = i % band->x.copies;
        const float *from = input + block * plane * VEC_LANES;
        for (int j = 0; j < band->y.copies * rows; j++, to += band->pitch * VEC_LANES) {
            int y = band->y.start[j / rows] + (row + j % rows) * band->y.step;
            if (y < 0 || y >= band->in_height) {
                for (int b = 0; b < (band->unfolded ? blocks : 1); b++)
                    fill_zero(to + b * block_stride, band->pitch);
                continue;
            }
            int64_t line = (int64_t)y * band->in_width;
            if (band->unfolded) {
                fill_row_unfolded(band, &unfold, from + line, plane, block_stride, to);
            } else if (band->plain) {
                int left = band->channels - block * VEC_LANES;
                fill_row_plain(band, from + line, plane, left < VEC_LANES ? left : VEC_LANES,
                               band->x.start[copy], to);
            } else {
                fill_row(band, from + line * VEC_LANES, band->x.start[copy], to);
            }
        }
    }
}
