/* What happens to the sums of a tile on their way to memory: residual, activation, NCHW. */
#include "kernel/simd/conv.h"
#include "kernel/simd/transpose.h"
#include "kernel/simd/vec_math.h"

struct conv_finish KERNEL_NAME(conv_finish_of)(const struct kernel_epilogue *epilogue)
{
    struct conv_finish f = {CONV_FINISH_CLAMP, -__builtin_inff(), __builtin_inff(), *epilogue};
    if (epilogue->residual != KERNEL_NO_RESIDUAL)
        f.kind = CONV_FINISH_OTHER;
    else if (epilogue->activation == KERNEL_SWISH)
        f.kind = CONV_FINISH_SWISH;
    else if (epilogue->activation == KERNEL_RELU)
        f.low = 0;
    else if (epilogue->activation == KERNEL_CLIP)
        f.low = epilogue->alpha, f.high = epilogue->beta;
    else if (epilogue->activation != KERNEL_LINEAR)
        f.kind = CONV_FINISH_OTHER;
    return f;
}

static void finish_swish(const struct conv_tile *t, const float *sums, int blocks, int pixels)
{
    for (int b = 0; b < blocks; b++, sums += pixels * VEC_LANES) {
        float *to = t->output + b * t->out_block_stride;
        for (int p = 0; p < pixels; p++)
            vec_store(to + p * t->out_pixel_stride, vec_swish(vec_load(sums + p * VEC_LANES)));
    }
}

static void finish_other(const struct conv_tile *t, const float *sums, int blocks, int pixels)
{
    const struct kernel_epilogue *e = &t->finish->epilogue;
    for (int i = 0; i < blocks * pixels; i++) {
        int64_t at = i / pixels * t->out_block_stride + i % pixels * t->out_pixel_stride;
        vec sum = vec_load(sums + i * VEC_LANES);
        if (e->residual == KERNEL_RESIDUAL_BEFORE)
            sum = vec_add(sum, vec_load(t->residual + at));
        sum = vec_activate(e->activation, e->alpha, e->beta, sum);
        if (e->residual == KERNEL_RESIDUAL_AFTER)
            sum = vec_add(sum, vec_load(t->residual + at));
        vec_store(t->output + at, sum);
    }
}

/* Pixels of one channel to NCHW: `line` holds `count` sums. */
static void finish_line(const struct conv_tile *t, vec line, int64_t at, int count)
{
    const struct kernel_epilogue *e = &t->finish->epilogue;
    int64_t step = t->out_pixel_stride;
    float values[VEC_LANES] = {0};
    vec residual = vec_zero();
    if (e->residual != KERNEL_NO_RESIDUAL) {
        for (int p = 0; p < count; p++)
            values[p] = t->residual[at + p * step];
        residual = vec_load(values);
    }
    if (e->residual == KERNEL_RESIDUAL_BEFORE)
        line = vec_add(line, residual);
    line = vec_activate(e->activation, e->alpha, e->beta, line);
    if (e->residual == KERNEL_RESIDUAL_AFTER)
        line = vec_add(line, residual);
    if (step == 1) {
        vec_store_part(t->output + at, line, count);
        return;
    }
    vec_store(values, line);
    for (int p = 0; p < count; p++)
        t->output[at + p * step] = values[p];
}

static void finish_plain(const struct conv_tile *t, const float *sums, int blocks, int pixels)
{
    for (int i = 0; i < blocks * pixels;) {
        int first = i / pixels * VEC_LANES, pixel = i % pixels;
        int count = pixels - pixel < VEC_LANES ? pixels - pixel : VEC_LANES;
        vec lines[VEC_LANES];
        for (int p = 0; p < VEC_LANES; p++)
            lines[p] = p < count ? vec_load(sums + (i + p) * VEC_LANES) : vec_zero();
        vec_transpose(lines);
        for (int c = 0; c < VEC_LANES && first + c < t->plain_channels; c++)
            finish_line(t, lines[c],
                        (first + c) * t->out_block_stride + pixel * t->out_pixel_stride, count);
        i += count;
    }
}

void KERNEL_NAME(conv_tile_finish)(const struct conv_tile *t, const float *sums, int blocks,
                                   int pixels)
{
    if (t->plain_channels)
        finish_plain(t, sums, blocks, pixels);
    else if (t->finish->kind == CONV_FINISH_SWISH)
        finish_swish(t, sums, blocks, pixels);
    else
        finish_other(t, sums, blocks, pixels);
}
