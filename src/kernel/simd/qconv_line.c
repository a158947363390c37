/* Lines of depthwise convolutions of bytes, for one kind of dot: a row of input becomes windows
 * once, and every row of taps that reads it uses them. */
#include "kernel/simd/qconv.h"
#include "kernel/simd/vec_bytes.h"

void QCONV_NAME(qconv_window_pack)(const int8_t *taps, char *to, int lane)
{
    vec_window_pack(taps, to, lane);
}

/* Windows [i, end), of which pixels may lie outside. */
static void edge_windows(const struct qconv_windows *row, const uint8_t *zero, int i, int end)
{
    for (; i < end; i++) {
        const uint8_t *pixels[VEC_WINDOW_TAPS];
        for (int t = 0; t < VEC_WINDOW_TAPS; t++) {
            int x = row->first + i * row->stride + t * row->step;
            bool inside = row->pixels && x >= 0 && x < row->width;
            pixels[t] = inside ? row->pixels + (int64_t)x * VEC_LANES : zero;
        }
        vec_int_store(row->to + i * 4 * VEC_LANES, vec_window_of(pixels));
    }
}

void QCONV_NAME(qconv_windows)(const struct qconv_windows *row)
{
    uint8_t zero[VEC_LANES];
    vec_block_store(zero, vec_block_set1(row->zero));
    int begin = 0, end = 0;
    if (row->pixels && row->step == 1) {
        int last = row->width - VEC_WINDOW_TAPS - row->first; /* of the last whole window */
        begin = row->first < 0 ? (-row->first + row->stride - 1) / row->stride : 0;
        end = last < 0 ? 0 : last / row->stride + 1;
        begin = begin < row->count ? begin : row->count;
        end = end < row->count ? end : row->count;
        end = end > begin ? end : begin;
    }
    edge_windows(row, zero, 0, begin);
    for (int i = begin; i < end; i++)
        vec_int_store(row->to + i * 4 * VEC_LANES,
                      vec_window(row->pixels + (row->first + i * row->stride) * VEC_LANES));
    edge_windows(row, zero, end, row->count);
}

VEC_INLINE void sum_line(const struct qconv_line *l, const int pixels, const int64_t step)
{
    vec_int sums[QCONV_LINE], start = vec_int_load(l->start);
    VEC_UNROLL
    for (int p = 0; p < pixels; p++)
        sums[p] = start;
    const char *w = l->weights;
    for (int row = 0; row < l->row_count; row++) {
        const char *x = l->rows[row] + l->at;
        for (int dot = 0; dot < l->dots; dot++, x += l->dot_step, w += 4 * VEC_LANES) {
            vec_int weights = vec_int_load(w);
            VEC_FORGET(x);
            VEC_UNROLL
            for (int p = 0; p < pixels; p++)
                sums[p] = vec_window_dot(sums[p], vec_int_load(x + p * step), weights);
        }
    }
    VEC_UNROLL
    for (int p = 0; p < pixels; p++)
        vec_int_store(l->sums + p * VEC_LANES, sums[p]);
}

/* The usual strides are constants. */
VEC_INLINE void run_line(const struct qconv_line *l, const int pixels)
{
    if (l->pixel_step == 4 * VEC_LANES)
        sum_line(l, pixels, 4 * VEC_LANES);
    else if (l->pixel_step == 8 * VEC_LANES)
        sum_line(l, pixels, 8 * VEC_LANES);
    else
        sum_line(l, pixels, l->pixel_step);
}

#define LINE(pixels)                                                                               \
    static void line_##pixels(const struct qconv_line *l)                                          \
    {                                                                                              \
        run_line(l, pixels);                                                                       \
    }
/* clang-format off */
LINE(1) LINE(2) LINE(3) LINE(4) LINE(5) LINE(6)
LINE(7) LINE(8) LINE(9) LINE(10) LINE(11) LINE(12)
#undef LINE
    /* clang-format on */

    qconv_line_fn *const QCONV_NAME(qconv_lines)[QCONV_LINE + 1] = {
        NULL,   line_1, line_2, line_3,  line_4,  line_5,  line_6,
        line_7, line_8, line_9, line_10, line_11, line_12,
};
