/* Resizing blocked planes: nearest copies pixels, bilinear mixes along the row and then between
 * the rows. */
#include "kernel/simd/simd.h"

VEC_INLINE vec mix(vec a, vec b, vec weight, vec rest)
{
    return vec_fma(b, weight, vec_mul(a, rest));
}

static void nearest_row(const struct kernel_resize *resize, const float *row, float *out)
{
    for (int x = 0; x < resize->out_width; x++, out += VEC_LANES)
        vec_store(out, vec_load(row + (int64_t)resize->columns[2 * x] * VEC_LANES));
}

static void linear_row(const struct kernel_resize *resize, const float *top, const float *bottom,
                       float row_weight, float *out)
{
    vec down = vec_set1(row_weight), up = vec_set1(1 - row_weight);
    for (int x = 0; x < resize->out_width; x++, out += VEC_LANES) {
        int64_t left = (int64_t)resize->columns[2 * x] * VEC_LANES;
        int64_t right = (int64_t)resize->columns[2 * x + 1] * VEC_LANES;
        vec weight = vec_set1(resize->column_weight[x]);
        vec rest = vec_set1(1 - resize->column_weight[x]);
        vec a = mix(vec_load(top + left), vec_load(top + right), weight, rest);
        vec b = mix(vec_load(bottom + left), vec_load(bottom + right), weight, rest);
        vec_store(out, mix(a, b, down, up));
    }
}

void KERNEL_NAME(kernel_resize_run)(const struct kernel_resize *resize, int part, int parts)
{
    int64_t i, end;
    kernel_share((int64_t)resize->planes * resize->out_height, part, parts, &i, &end);
    for (; i < end; i++) {
        int y = (int)(i % resize->out_height);
        int64_t plane = i / resize->out_height, width = (int64_t)resize->in_width * VEC_LANES;
        const float *in = resize->input + plane * resize->input_plane_stride;
        float *out = resize->output + plane * resize->output_plane_stride +
                     (int64_t)y * resize->out_width * VEC_LANES;
        if (resize->linear)
            linear_row(resize, in + resize->rows[2 * y] * width,
                       in + resize->rows[2 * y + 1] * width, resize->row_weight[y], out);
        else
            nearest_row(resize, in + resize->rows[2 * y] * width, out);
    }
}
