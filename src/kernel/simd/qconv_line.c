/* Lines of depthwise convolutions of bytes, for one kind of dot: a row of input becomes windows
 * once, and every row of taps that reads it uses them. */
#include "kernel/simd/qconv.h"
#include "kernel/simd/vec_bytes.h"

void QCONV_NAME(qconv_window_pack)(const int8_t *taps, char *to, int lane)
{
    vec_window_pack(taps, to, lane);
}

/* Window i, of which pixels may lie outside. */
static vec_int edge_window(const struct qconv_windows *row, const uint8_t *zero, int i)
{
    int x = row->first + i * row->stride, width = row->pixels ? row->width : 0;
    if (row->step == 1) {
        int end = width - x < VEC_WINDOW_TAPS ? width - x : VEC_WINDOW_TAPS;
        int first = x < 0 ? -x : 0;
        if (first >= end)
            return vec_window_part(zero, 0, 0, zero);
        return vec_window_part(row->pixels + (int64_t)x * VEC_LANES, first, end, zero);
    }
    const uint8_t *pixels[VEC_WINDOW_TAPS];
    for (int t = 0; t < VEC_WINDOW_TAPS; t++, x += row->step)
        pixels[t] = x >= 0 && x < width ? row->pixels + (int64_t)x * VEC_LANES : zero;
    return vec_window_of(pixels);
}

void QCONV_NAME(qconv_windows)(const struct qconv_windows *row)
{
    uint8_t zero[VEC_LANES];
    vec_block_store(zero, vec_block_set1(row->zero));
    int begin = 0, end = 0, i = 0; /* [begin, end): wholly inside */
    if (row->pixels && row->step == 1) {
        int last = row->width - VEC_WINDOW_TAPS - row->first;
        begin = row->first < 0 ? (-row->first + row->stride - 1) / row->stride : 0;
        end = last < 0 ? 0 : last / row->stride + 1;
        end = end < row->count ? end : row->count;
        begin = begin < end ? begin : end;
    }
    char *to = row->to;
    for (; i < begin; i++, to += 4 * VEC_LANES)
        vec_int_store(to, edge_window(row, zero, i));
    for (; i < end; i++, to += 4 * VEC_LANES)
        vec_int_store(to, vec_window(row->pixels + (row->first + i * row->stride) * VEC_LANES));
    for (; i < row->count; i++, to += 4 * VEC_LANES)
        vec_int_store(to, edge_window(row, zero, i));
}

/* Two dots of a row: a window is the second one of the pixel four or two before. */
VEC_INLINE void sum_pairs(const struct qconv_line *l, vec_int *sums, const int pixels)
{
    const char *w = l->weights;
    for (int row = 0; row < l->row_count; row++, w += 8 * VEC_LANES) {
        const char *x = l->rows[row] + l->at;
        vec_int first = vec_int_load(w), second = vec_int_load(w + 4 * VEC_LANES);
        VEC_FORGET(x);
        VEC_UNROLL
        for (int i = 0; i < pixels + VEC_WINDOW_TAPS; i++) {
            if (i >= pixels && i < VEC_WINDOW_TAPS)
                continue;
            vec_int window = vec_int_load(x + i * 4 * VEC_LANES);
            if (i < pixels)
                sums[i] = vec_window_dot(sums[i], window, first);
            if (i >= VEC_WINDOW_TAPS)
                sums[i - VEC_WINDOW_TAPS] =
                    vec_window_dot(sums[i - VEC_WINDOW_TAPS], window, second);
        }
    }
}

VEC_INLINE void sum_line(const struct qconv_line *l, vec_int *sums, const int pixels,
                         const int64_t step)
{
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
}

VEC_INLINE void run_line(const struct qconv_line *l, const int pixels)
{
    vec_int sums[QCONV_LINE];
    VEC_UNROLL
    for (int p = 0; p < pixels; p++)
        sums[p] = vec_int_load(l->start);
    bool near = l->pixel_step == 4 * VEC_LANES;
    if (near && l->dots == 2 && l->dot_step == VEC_WINDOW_TAPS * l->pixel_step)
        sum_pairs(l, sums, pixels);
    else if (near)
        sum_line(l, sums, pixels, 4 * VEC_LANES);
    else
        sum_line(l, sums, pixels, l->pixel_step);
    VEC_UNROLL
    for (int p = 0; p < pixels; p++)
        vec_int_store(l->sums + p * VEC_LANES, sums[p]);
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
