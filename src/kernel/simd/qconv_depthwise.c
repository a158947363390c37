/* Depthwise convolution of bytes: each channel by itself, so lanes are independent. Rows of input
 * become windows of a few pixels (see vec_bytes.h) in a ring of as many rows as a kernel reaches
 * over; one dot then does several taps of a row. */
#include <string.h>

#include "kernel/simd/qconv.h"
#include "kernel/simd/vec_bytes.h"

enum { MAX_ROWS = CONV_MAX_KERNEL, MAX_TAPS = 4 /* of a window */ };

/* plan->tile[] of this method */
enum { BANDS };

struct depthwise {
    const struct kernel_conv_shape *shape;
    int blocks, dots;  /* dots of a row of taps */
    int windows, span; /* windows of a row; padded pixels that they are made from */
    int ring;          /* rows of windows */
};

static struct depthwise depthwise_of(const struct kernel_qconv_plan *plan,
                                     const struct qconv_dots *dots)
{
    const struct kernel_conv_shape *s = &plan->shape;
    struct depthwise d = {
        .shape = s,
        .blocks = kernel_blocks(s->out_channels, VEC_LANES),
        .dots = (s->kernel_width + dots->window_taps - 1) / dots->window_taps,
        .ring = (s->kernel_height - 1) * s->dilation_height + 1,
    };
    d.windows = (s->out_width - 1) * s->stride_width +
                (d.dots - 1) * dots->window_taps * s->dilation_width + 1;
    d.span = d.windows + (dots->window_taps - 1) * s->dilation_width;
    return d;
}

int KERNEL_NAME(qconv_depthwise_plan)(struct kernel_qconv_plan *plan, const struct qconv_dots *dots)
{
    const struct kernel_conv_shape *s = &plan->shape;
    if (s->groups != s->in_channels || s->groups != s->out_channels || s->groups == 1)
        return STANCE_EUNSUPPORTED;
    struct depthwise d = depthwise_of(plan, dots);
    int64_t bytes = ((int64_t)d.ring * d.windows * 4 + d.span) * VEC_LANES;
    if (d.ring > MAX_ROWS || bytes > CONV_SCRATCH_LIMIT)
        return STANCE_EUNSUPPORTED;
    plan->tile[BANDS] = 1;
    while (plan->tile[BANDS] * d.blocks < 8 && plan->tile[BANDS] * 8 < s->out_height)
        plan->tile[BANDS] *= 2;
    int64_t units = (int64_t)s->batch * d.blocks * plan->tile[BANDS];
    /* dots and a dozen cycles for the rest of each output vector: shares of 5 µs or more */
    int64_t vectors = (int64_t)s->batch * d.blocks * s->out_height * s->out_width;
    int64_t work = vectors * (d.dots * s->kernel_height + 12) / 12500;
    work = work < units ? work : units;
    plan->name = "bytes depthwise";
    plan->parts = work < 1 ? 1 : work > 64 ? 64 : (int)work;
    plan->packing = dots->window_taps;
    plan->packed_bytes = (size_t)(KERNEL_NAME(qconv_head_bytes)(d.blocks) +
                                  (int64_t)d.blocks * s->kernel_height * d.dots * 4 * VEC_LANES);
    plan->scratch_bytes = (size_t)bytes;
    return 0;
}

void KERNEL_NAME(qconv_depthwise_pack)(const struct kernel_qconv_plan *plan,
                                       const struct qconv_dots *dots, const int8_t *weights,
                                       char *to)
{
    const struct kernel_conv_shape *s = &plan->shape;
    struct depthwise d = depthwise_of(plan, dots);
    for (int block = 0; block < d.blocks; block++)
        for (int i = 0; i < s->kernel_height * d.dots; i++, to += 4 * VEC_LANES)
            for (int lane = 0; lane < VEC_LANES; lane++) {
                int channel = block * VEC_LANES + lane, y = i / d.dots;
                int8_t taps[MAX_TAPS] = {0};
                for (int t = 0; t < MAX_TAPS; t++) {
                    int x = i % d.dots * dots->window_taps + t;
                    if (t < dots->window_taps && channel < s->out_channels && x < s->kernel_width)
                        taps[t] =
                            weights[((int64_t)channel * s->kernel_height + y) * s->kernel_width +
                                    x];
                }
                dots->window_pack(taps, to, lane);
            }
}

/* ---- Run ------------------------------------------------------------------------------------- */

/* Windows of input row y of a block, which may lie outside; `padded` is for d->span pixels. */
static void fill_windows(const struct depthwise *d, const struct qconv_dots *dots,
                         const uint8_t *plane, int y, uint8_t zero, uint8_t *padded, char *to)
{
    const struct kernel_conv_shape *s = d->shape;
    int first = s->pad_left < d->span ? s->pad_left : d->span;
    int end = first + s->in_width < d->span ? first + s->in_width : d->span;
    if (y < 0 || y >= s->in_height)
        first = end = 0;
    memset(padded, zero, (size_t)first * VEC_LANES);
    if (end > first)
        memcpy(padded + first * VEC_LANES, plane + (int64_t)y * s->in_width * VEC_LANES,
               (size_t)(end - first) * VEC_LANES);
    memset(padded + end * VEC_LANES, zero, (size_t)(d->span - end) * VEC_LANES);
    dots->windows(padded, (int64_t)s->dilation_width * VEC_LANES, d->windows, to);
}

/* The next width of a line where `left` pixels remain. */
static int next_width(const struct qconv_dots *dots, int left)
{
    int lines = (left + QCONV_LINE - 1) / QCONV_LINE, width = (left + lines - 1) / lines;
    while (!dots->lines[width])
        width--;
    return width;
}

/* One row of output, whose rows of windows are there. */
static void run_row(const struct depthwise *d, const struct qconv_dots *dots,
                    const struct qconv_finish *finish, struct qconv_line line,
                    const char *const *rows, struct qconv_target target)
{
    _Alignas(64) int32_t sums[(QCONV_LINE + 4) * VEC_LANES];
    line.rows = rows;
    line.sums = sums;
    for (int left = d->shape->out_width, width; left > 0; left -= width) {
        width = next_width(dots, left);
        dots->lines[width](&line);
        KERNEL_NAME(qconv_finish)(finish, &target, sums, 1, width);
        target = KERNEL_NAME(qconv_target_move)(finish, target, width);
        line.at += width * line.pixel_step;
    }
}

/* Output rows first … end - 1 of a channel block. */
static void run_band(const struct depthwise *d, const struct qconv_dots *dots,
                     const struct qconv_finish *finish, const struct qconv_line *line,
                     const uint8_t *plane, int first, int end, struct qconv_target target,
                     char *scratch)
{
    const struct kernel_conv_shape *s = d->shape;
    uint8_t zero = (uint8_t)finish->plan->input.zero;
    int64_t row_bytes = (int64_t)d->windows * 4 * VEC_LANES;
    uint8_t *padded = (uint8_t *)scratch + d->ring * row_bytes;
    const char *rows[MAX_ROWS];
    int there[MAX_ROWS]; /* which input row a slot holds; slot i serves the rows i modulo ring */
    for (int i = 0; i < d->ring; i++)
        there[i] = -MAX_ROWS * s->dilation_height - s->pad_top - 1;
    for (int row = first; row < end; row++) {
        for (int ky = 0; ky < s->kernel_height; ky++) {
            int y = row * s->stride_height + ky * s->dilation_height - s->pad_top;
            int slot = ((y % d->ring) + d->ring) % d->ring;
            rows[ky] = scratch + slot * row_bytes;
            if (there[slot] == y)
                continue;
            fill_windows(d, dots, plane, y, zero, padded, scratch + slot * row_bytes);
            there[slot] = y;
        }
        run_row(d, dots, finish, *line, rows, target);
        target = KERNEL_NAME(qconv_target_move)(finish, target, s->out_width);
    }
}

void KERNEL_NAME(qconv_depthwise_run)(const struct kernel_qconv_plan *plan,
                                      const struct qconv_dots *dots,
                                      const struct kernel_qconv_buffers *buffers, int part,
                                      int parts)
{
    const struct kernel_conv_shape *s = &plan->shape;
    struct depthwise d = depthwise_of(plan, dots);
    struct qconv_head head = KERNEL_NAME(qconv_head_at)(buffers->packed, d.blocks);
    struct qconv_finish finish = KERNEL_NAME(qconv_finish_of)(plan, head.curve);
    int bands = plan->tile[BANDS];
    int64_t in_plane = (int64_t)s->in_height * s->in_width, i, end;
    kernel_share((int64_t)s->batch * d.blocks * bands, part, parts, &i, &end);
    for (; i < end; i++) {
        int64_t first_row, end_row, image = i / bands / d.blocks;
        int block = (int)(i / bands % d.blocks);
        kernel_share(s->out_height, (int)(i % bands), bands, &first_row, &end_row);
        struct qconv_line line = {
            .row_count = s->kernel_height,
            .dots = d.dots,
            .pixel_step = (int64_t)s->stride_width * 4 * VEC_LANES,
            .dot_step = (int64_t)s->dilation_width * dots->window_taps * 4 * VEC_LANES,
            .weights = head.weights + (int64_t)block * s->kernel_height * d.dots * 4 * VEC_LANES,
            .start = head.start + block * VEC_LANES,
        };
        struct qconv_target target = {
            .scales = head.scales + block * VEC_LANES,
            .biases = head.biases + block * VEC_LANES,
        };
        KERNEL_NAME(qconv_target_aim)
        (&finish, &target, buffers, image,
         ((int64_t)block * s->out_height + first_row) * s->out_width);
        const uint8_t *plane =
            buffers->input + image * buffers->input_batch_stride + block * in_plane * VEC_LANES;
        run_band(&d, dots, &finish, &line, plane, (int)first_row, (int)end_row, target,
                 buffers->scratch);
    }
}
