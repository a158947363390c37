/* Resizing, reference tier: the caller's row and column tables applied pixel by pixel. */
#include "kernel/ref/ref.h"

static float mix(float a, float b, float weight)
{
    return a * (1 - weight) + b * weight;
}

static void resize_row(const struct kernel_resize *resize, const float *plane, int y, float *out)
{
    const float *top = plane + (int64_t)resize->rows[2 * y] * resize->in_width;
    const float *bottom = plane + (int64_t)resize->rows[2 * y + 1] * resize->in_width;
    for (int x = 0; x < resize->out_width; x++) {
        int left = resize->columns[2 * x], right = resize->columns[2 * x + 1];
        if (!resize->linear) {
            out[x] = top[left];
            continue;
        }
        float weight = resize->column_weight[x];
        out[x] = mix(mix(top[left], top[right], weight), mix(bottom[left], bottom[right], weight),
                     resize->row_weight[y]);
    }
}

void kernel_ref_resize_run(const struct kernel_resize *resize, int part, int parts)
{
    int64_t first, end;
    kernel_share((int64_t)resize->planes * resize->out_height, part, parts, &first, &end);
    for (int64_t i = first; i < end; i++) {
        int y = (int)(i % resize->out_height);
        int64_t plane = i / resize->out_height;
        resize_row(resize, resize->input + plane * resize->input_plane_stride, y,
                   resize->output + plane * resize->output_plane_stride +
                       (int64_t)y * resize->out_width);
    }
}
