/* From a picture to its four phases side by side as channels: every second pixel is picked as rows
 * are read, and squares are transposed in registers. */
#include "kernel/simd/simd.h"
#include "kernel/simd/transpose.h"
#include "kernel/simd/vec_bytes.h"
#include "kernel/simd/vec_more.h"

/* Where a channel of an output row comes from. */
struct lane {
    const float *row;
    int first; /* 0: the even pixels, 1: the odd ones */
};

static int find_lanes(const struct kernel_focus *f, const float *image, int block, int y,
                      struct lane *lanes)
{
    int left = 4 * f->channels - block * VEC_LANES, count = left < VEC_LANES ? left : VEC_LANES;
    for (int i = 0; i < count; i++) {
        int channel = block * VEC_LANES + i, phase = channel / f->channels;
        int64_t row = (int64_t)(channel % f->channels) * 2 * f->out_height + 2 * y + phase % 2;
        lanes[i] = (struct lane){image + row * 2 * f->out_width, phase / 2};
    }
    return count;
}

/* The pixels from `x` of the output's row on; so many of the input's row are left. */
VEC_INLINE vec pick(const struct lane *lane, int x, int left)
{
    const float *from = lane->row + 2 * x;
    if (left >= 2 * VEC_LANES)
        return vec_every_second(vec_load(from), vec_load(from + VEC_LANES), lane->first);
    vec high = left > VEC_LANES ? vec_load_up_to(from + VEC_LANES, left - VEC_LANES) : vec_zero();
    return vec_every_second(vec_load_up_to(from, left), high, lane->first);
}

VEC_INLINE void store_floats(const vec *square, int count, float *to)
{
    for (int i = 0; i < count; i++)
        vec_store(to + i * VEC_LANES, square[i]);
}

VEC_INLINE void store_bytes(const vec *square, const struct kernel_bytes *bytes, int count,
                            uint8_t *to)
{
    for (int i = 0; i < count; i += 4)
        vec_numbers_store(to + i * VEC_LANES, square + i, bytes, count - i < 4 ? count - i : 4);
}

static void focus_row(const struct kernel_focus *f, int64_t image, int block, int y)
{
    struct lane lanes[VEC_LANES];
    int64_t at = image * f->output_batch_stride +
                 ((int64_t)block * f->out_height + y) * f->out_width * VEC_LANES;
    int there = find_lanes(f, f->input + image * f->input_batch_stride, block, y, lanes);
    vec square[VEC_LANES];
    for (int x = 0; x < f->out_width; x += VEC_LANES, at += VEC_LANES * VEC_LANES) {
        int count = f->out_width - x < VEC_LANES ? f->out_width - x : VEC_LANES;
        for (int i = 0; i < VEC_LANES; i++)
            square[i] = i < there ? pick(&lanes[i], x, 2 * (f->out_width - x)) : vec_zero();
        vec_transpose(square);
        if (f->bytes.scale > 0)
            store_bytes(square, &f->bytes, count, (uint8_t *)f->output + at);
        else
            store_floats(square, count, (float *)f->output + at);
    }
}

void KERNEL_NAME(kernel_focus)(const struct kernel_focus *focus, int part, int parts)
{
    int blocks = kernel_blocks(4 * focus->channels, VEC_LANES);
    int64_t i, end;
    kernel_share((int64_t)focus->batch * focus->out_height, part, parts, &i, &end);
    for (; i < end; i++)
        for (int block = 0; block < blocks; block++)
            focus_row(focus, i / focus->out_height, block, (int)(i % focus->out_height));
}
