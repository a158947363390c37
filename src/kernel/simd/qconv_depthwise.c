/* Depthwise convolution of bytes: each channel by itself, so lanes are independent. Rows of input
 * become windows of a few pixels (see vec_bytes.h) in a ring of as many rows as a kernel reaches
 * over; one dot then does several taps of a row. */
#include <string.h>

#include "kernel/simd/qconv.h"
#include "kernel/simd/vec_bytes.h"

enum { MAX_ROWS = CONV_MAX_KERNEL, MAX_TAPS = 4 /* of a window */, QUEUE = 48 };

/* plan->tile[] of this method */
enum { BANDS };

struct depthwise {
    const struct kernel_conv_shape *shape;
    int blocks, dots; /* dots of a row of taps */
    int stride;       /* pixels between windows: those that no output needs are left out */
    int windows;      /* of a row */
    int ring;         /* rows of windows */
};

static struct depthwise depthwise_of(const struct kernel_qconv_plan *plan,
                                     const struct qconv_dots *dots)
{
    const struct kernel_conv_shape *s = &plan->shape;
    int reach = dots->window_taps * s->dilation_width;
    struct depthwise d = {
        .shape = s,
        .blocks = kernel_blocks(s->out_channels, VEC_LANES),
        .dots = (s->kernel_width + dots->window_taps - 1) / dots->window_taps,
        .ring = (s->kernel_height - 1) * s->dilation_height + 1,
    };
    d.stride = d.dots == 1 || reach % s->stride_width == 0 ? s->stride_width : 1;
    d.windows = ((s->out_width - 1) * s->stride_width + (d.dots - 1) * reach) / d.stride + 1;
    return d;
}

/* Packed: what the sums begin with, then the weights of each window. */
static int64_t block_bytes(const struct depthwise *d)
{
    return ((int64_t)d->shape->kernel_height * d->dots + 1) * 4 * VEC_LANES;
}

int KERNEL_NAME(qconv_depthwise_plan)(struct kernel_qconv_plan *plan, const struct qconv_dots *dots)
{
    enum { LARGE = 128 }; /* pixels: such maps are shared by rows, as 1×1 convolutions share them */
    const struct kernel_conv_shape *s = &plan->shape;
    if (s->groups != s->in_channels || s->groups != s->out_channels || s->groups == 1 ||
        s->transposed)
        return STANCE_EUNSUPPORTED;
    struct depthwise d = depthwise_of(plan, dots);
    int64_t bytes = (int64_t)d.ring * d.windows * 4 * VEC_LANES;
    if (d.ring > MAX_ROWS || bytes > CONV_SCRATCH_LIMIT)
        return STANCE_EUNSUPPORTED;
    plan->tile[BANDS] = 1;
    bool large = s->out_height * s->out_width > LARGE;
    while ((plan->tile[BANDS] * d.blocks < 8 || (large && plan->tile[BANDS] < 2)) &&
           plan->tile[BANDS] * 8 < s->out_height)
        plan->tile[BANDS] *= 2;
    int64_t units = (int64_t)s->batch * d.blocks * plan->tile[BANDS];
    /* dots and a dozen cycles for the rest of each output vector: shares of 2 µs or more */
    int64_t vectors = (int64_t)s->batch * d.blocks * s->out_height * s->out_width;
    int64_t work = vectors * (d.dots * s->kernel_height + 12) / 5000;
    work = work < units ? work : units;
    plan->name = "bytes depthwise";
    plan->parts = work < 1 ? 1 : work > 64 ? 64 : (int)work;
    plan->packing = dots->window_taps;
    plan->packed_bytes =
        (size_t)(KERNEL_NAME(qconv_head_bytes)(d.blocks) + d.blocks * block_bytes(&d));
    plan->scratch_bytes = (size_t)bytes;
    return 0;
}

/* The taps x … x + count - 1 of row y of a channel; those that do not exist stay zero. */
static void window_weights(const struct kernel_conv_shape *s, const int8_t *weights, int channel,
                           int y, int x, int count, int8_t taps[MAX_TAPS])
{
    for (int t = 0; t < MAX_TAPS; t++)
        if (t < count && channel < s->out_channels && x + t < s->kernel_width)
            taps[t] = weights[((int64_t)channel * s->kernel_height + y) * s->kernel_width + x + t];
}

void KERNEL_NAME(qconv_depthwise_pack)(const struct kernel_qconv_plan *plan,
                                       const struct qconv_dots *dots, const int8_t *weights,
                                       char *to)
{
    const struct kernel_conv_shape *s = &plan->shape;
    struct depthwise d = depthwise_of(plan, dots);
    for (int block = 0; block < d.blocks; block++) {
        int32_t *start = (int32_t *)(void *)to;
        memset(start, 0, 4 * VEC_LANES);
        to += 4 * VEC_LANES;
        for (int i = 0; i < s->kernel_height * d.dots; i++, to += 4 * VEC_LANES)
            for (int lane = 0; lane < VEC_LANES; lane++) {
                int8_t taps[MAX_TAPS] = {0};
                window_weights(s, weights, block * VEC_LANES + lane, i / d.dots,
                               i % d.dots * dots->window_taps, dots->window_taps, taps);
                for (int t = 0; t < MAX_TAPS; t++)
                    start[lane] -= taps[t] * plan->input.zero;
                dots->window_pack(taps, to, lane);
            }
    }
}

/* ---- Run ------------------------------------------------------------------------------------- */

/* Sums that wait for their finish. Rows of output follow each other in a channel block, so that
 * several small ones are finished at once. */
struct queue {
    _Alignas(64) int32_t sums[(QUEUE + 4) * VEC_LANES];
    int count; /* pixels */
    const struct qconv_finish *finish;
    struct qconv_target target; /* of the first */
};

static void queue_flush(struct queue *queue)
{
    KERNEL_NAME(qconv_finish)(queue->finish, &queue->target, queue->sums, 1, queue->count);
    qconv_target_move(queue->finish, &queue->target, queue->count);
    queue->count = 0;
}

/* One row of output, whose rows of windows are there. */
static void run_row(const struct qconv_dots *dots, struct qconv_line line, int left,
                    struct queue *queue)
{
    while (left > 0) {
        int lines = (left + QCONV_LINE - 1) / QCONV_LINE, width = (left + lines - 1) / lines;
        if (queue->count + width > QUEUE)
            queue_flush(queue);
        line.sums = queue->sums + queue->count * VEC_LANES;
        dots->lines[width](&line);
        queue->count += width;
        line.at += width * line.pixel_step;
        left -= width;
    }
}

/* Output rows first … end - 1 of a channel block. */
static void run_band(const struct depthwise *d, const struct qconv_dots *dots,
                     struct qconv_line line, const uint8_t *plane, int first, int end,
                     struct queue *queue, char *scratch)
{
    const struct kernel_conv_shape *s = d->shape;
    const char *rows[MAX_ROWS];
    int there[MAX_ROWS]; /* the input row in a slot, which serves rows modulo the ring */
    for (int i = 0; i < d->ring; i++)
        there[i] = INT32_MIN;
    line.rows = rows;
    struct qconv_windows windows = {
        .width = s->in_width,
        .first = -s->pad_left,
        .stride = d->stride,
        .step = s->dilation_width,
        .count = d->windows,
        .zero = (uint8_t)queue->finish->plan->input.zero,
    };
    for (int row = first; row < end; row++) {
        for (int ky = 0; ky < s->kernel_height; ky++) {
            int y = row * s->stride_height + ky * s->dilation_height - s->pad_top;
            int slot = ((y % d->ring) + d->ring) % d->ring;
            windows.to = scratch + (int64_t)slot * d->windows * 4 * VEC_LANES;
            rows[ky] = windows.to;
            if (there[slot] == y)
                continue;
            bool inside = y >= 0 && y < s->in_height;
            windows.pixels = inside ? plane + (int64_t)y * s->in_width * VEC_LANES : NULL;
            dots->windows(&windows);
            there[slot] = y;
        }
        run_row(dots, line, s->out_width, queue);
    }
    queue_flush(queue);
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
    struct queue queue;
    int bands = plan->tile[BANDS];
    int64_t in_plane = (int64_t)s->in_height * s->in_width, i, end;
    queue.finish = &finish;
    queue.count = 0;
    kernel_share((int64_t)s->batch * d.blocks * bands, part, parts, &i, &end);
    for (; i < end; i++) {
        int64_t first_row, end_row, image = i / bands / d.blocks;
        int block = (int)(i % d.blocks);
        kernel_share(s->out_height, (int)(i / d.blocks % bands), bands, &first_row, &end_row);
        const char *packed = head.weights + block * block_bytes(&d);
        struct qconv_line line = {
            .row_count = s->kernel_height,
            .dots = d.dots,
            .pixel_step = (int64_t)s->stride_width / d.stride * 4 * VEC_LANES,
            .dot_step = (int64_t)s->dilation_width * dots->window_taps / d.stride * 4 * VEC_LANES,
            .start = (const int32_t *)(const void *)packed,
            .weights = packed + 4 * VEC_LANES,
        };
        queue.target = (struct qconv_target){
            .scales = head.scales + block * VEC_LANES,
            .biases = head.biases + block * VEC_LANES,
        };
        KERNEL_NAME(qconv_target_aim)
        (&finish, &queue.target, buffers, image,
         ((int64_t)block * s->out_height + first_row) * s->out_width);
        run_band(&d, dots, line,
                 buffers->input + image * buffers->input_batch_stride +
                     block * in_plane * VEC_LANES,
                 (int)first_row, (int)end_row, &queue, buffers->scratch);
    }
}
