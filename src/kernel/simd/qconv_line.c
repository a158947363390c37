/* Lines of depthwise convolutions of bytes, for one kind of dot: a row of input becomes windows
 * once, and every row of taps that reads it uses them. */
#include "kernel/simd/qconv.h"
#include "kernel/simd/vec_bytes.h"

void QCONV_NAME(qconv_window_pack)(const int8_t *taps, char *to, int lane)
{
    vec_window_pack(taps, to, lane);
}

void QCONV_NAME(qconv_windows)(const uint8_t *pixels, int64_t step, int count, char *to)
{
    if (step == VEC_LANES)
        for (int i = 0; i < count; i++, pixels += VEC_LANES, to += 4 * VEC_LANES)
            vec_int_store(to, vec_window(pixels, VEC_LANES));
    else
        for (int i = 0; i < count; i++, pixels += VEC_LANES, to += 4 * VEC_LANES)
            vec_int_store(to, vec_window(pixels, step));
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
LINE(1) LINE(2) LINE(3) LINE(4) LINE(6) LINE(8) LINE(12)
#undef LINE
    /* clang-format on */

    qconv_line_fn *const QCONV_NAME(qconv_lines)[QCONV_LINE + 1] = {
        [1] = line_1, [2] = line_2, [3] = line_3,   [4] = line_4,
        [6] = line_6, [8] = line_8, [12] = line_12,
};
