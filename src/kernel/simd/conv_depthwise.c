/* Depthwise convolution: each channel by itself, so lanes are independent. Input vectors of a row
 * stay in registers while all taps of that row use them; borders are left out instead of padded. */
#include "kernel/simd/conv.h"

/* plan->tile[] of this method */
enum { BANDS, SPECIAL };

enum { MAX_WIDTH = VEC_REGISTERS == 32 ? 12 : 8 };

struct line {
    const float *input;   /* element (0, 0) of the channel block */
    const float *weights; /* [ky][kx][lanes] */
    int64_t row_stride;   /* floats between input rows of neighbouring taps */
    int first_row, end_row; /* taps that lie inside vertically */
    int left, width;      /* input column of the first pixel's first tap; columns there are */
    vec bias;
};

/* `pixels` neighbouring outputs of one row. The first pixel's last tap and the last pixel's first
 * tap lie inside the row, so only the outer taps have to be tested. */
VEC_INLINE void sum_line(const struct line *l, float *sums, const int pixels, const int taps,
                         const int stride)
{
    vec acc[MAX_WIDTH], w[7];
    VEC_UNROLL
    for (int p = 0; p < pixels; p++)
        acc[p] = vec_zero();
    const int across = (pixels - 1) * stride + taps, first = -l->left, end = l->width - l->left;
    for (int y = l->first_row; y < l->end_row; y++) {
        const float *x = l->input + y * l->row_stride + (int64_t)l->left * VEC_LANES;
        const float *weights = l->weights + (int64_t)y * taps * VEC_LANES;
        VEC_UNROLL
        for (int t = 0; t < taps; t++)
            w[t] = vec_load(weights + t * VEC_LANES);
        VEC_UNROLL
        for (int q = 0; q < across; q++) {
            if (q < taps - 1 && q < first)
                continue;
            if (q > (pixels - 1) * stride && q >= end)
                continue;
            vec value = vec_load(x + q * VEC_LANES);
            VEC_UNROLL
            for (int t = 0; t < taps; t++)
                if (q >= t && (q - t) % stride == 0 && (q - t) / stride < pixels)
                    acc[(q - t) / stride] = vec_fma(w[t], value, acc[(q - t) / stride]);
        }
    }
    VEC_UNROLL
    for (int p = 0; p < pixels; p++)
        vec_store(sums + p * VEC_LANES, vec_add(acc[p], l->bias));
}

typedef void line_fn(const struct line *line, float *sums);

#define LINE(pixels, taps, stride)                                                                 \
    static void line_##pixels##_##taps##_##stride(const struct line *l, float *sums)               \
    {                                                                                              \
        sum_line(l, sums, pixels, taps, stride);                                                   \
    }
#define LINES(pixels)                                                                              \
    LINE(pixels, 3, 1) LINE(pixels, 5, 1) LINE(pixels, 7, 1)                                       \
    LINE(pixels, 3, 2) LINE(pixels, 5, 2) LINE(pixels, 7, 2)
LINES(1) LINES(2) LINES(4) LINES(6) LINES(8)
#if defined(KERNEL_AVX512)
LINES(10) LINES(12)
#endif
#undef LINES
#undef LINE

#define LINES(pixels)                                                                              \
    [pixels] = {{line_##pixels##_3_1, line_##pixels##_5_1, line_##pixels##_7_1},                   \
                {line_##pixels##_3_2, line_##pixels##_5_2, line_##pixels##_7_2}}
/* [pixels][stride - 1][(taps - 3) / 2] */
static line_fn *const lines[MAX_WIDTH + 1][2][3] = {
    LINES(1), LINES(2), LINES(4), LINES(6), LINES(8),
#if defined(KERNEL_AVX512)
    LINES(10), LINES(12),
#endif
};
#undef LINES

/* One output pixel of any depthwise convolution, also transposed. */
static vec sum_pixel(const struct kernel_conv_shape *s, const float *input, const float *weights,
                     vec bias, int y, int x)
{
    vec sum = vec_zero();
    for (int ky = 0; ky < s->kernel_height; ky++) {
        int iy = s->transposed ? y + s->pad_top - ky * s->dilation_height
                               : y * s->stride_height + ky * s->dilation_height - s->pad_top;
        if (s->transposed && iy % s->stride_height != 0)
            continue;
        iy = s->transposed ? iy / s->stride_height : iy;
        if (iy < 0 || iy >= s->in_height)
            continue;
        const float *row = input + (int64_t)iy * s->in_width * VEC_LANES;
        const float *w = weights + (int64_t)ky * s->kernel_width * VEC_LANES;
        for (int kx = 0; kx < s->kernel_width; kx++) {
            int ix = s->transposed ? x + s->pad_left - kx * s->dilation_width
                                   : x * s->stride_width + kx * s->dilation_width - s->pad_left;
            if (s->transposed && ix % s->stride_width != 0)
                continue;
            ix = s->transposed ? ix / s->stride_width : ix;
            if (ix >= 0 && ix < s->in_width)
                sum = vec_fma(vec_load(w + kx * VEC_LANES), vec_load(row + ix * VEC_LANES), sum);
        }
    }
    return vec_add(sum, bias);
}

/* Whether the kernels of `lines` can do it. */
static bool special(const struct kernel_conv_shape *s)
{
    int taps = s->kernel_width;
    int right = (s->out_width - 1) * s->stride_width - s->pad_left; /* last pixel's first tap */
    return !s->transposed && (taps == 3 || taps == 5 || taps == 7) && s->dilation_width == 1 &&
           (s->stride_width == 1 || s->stride_width == 2) && s->pad_left < taps &&
           right < s->in_width && s->in_width >= taps;
}

int KERNEL_NAME(conv_depthwise_plan)(struct kernel_conv_plan *plan)
{
    const struct kernel_conv_shape *s = &plan->shape;
    if (s->groups != s->in_channels || s->groups != s->out_channels || s->groups == 1 ||
        s->plain_input || s->plain_output)
        return STANCE_EUNSUPPORTED;
    int blocks = kernel_blocks(s->out_channels, VEC_LANES);
    int taps = s->kernel_height * s->kernel_width;
    /* vectors and half a dozen cycles for each one's epilogue: shares of 20 µs or more */
    int64_t work = (int64_t)s->batch * blocks * s->out_height * s->out_width * (taps + 6) / 50000;
    plan->tile[SPECIAL] = special(s);
    plan->tile[BANDS] = 1;
    while (plan->tile[BANDS] * blocks < 8 && plan->tile[BANDS] * 4 < s->out_height)
        plan->tile[BANDS] *= 2;
    int64_t units = (int64_t)s->batch * blocks * plan->tile[BANDS];
    work = work < units ? work : units;
    plan->name = plan->tile[SPECIAL] ? "depthwise rows" : "depthwise";
    plan->parts = work < 1 ? 1 : work > 64 ? 64 : (int)work;
    plan->packed_bytes = (size_t)blocks * VEC_LANES * (size_t)(taps + 1) * sizeof(float);
    return 0;
}

void KERNEL_NAME(conv_depthwise_pack)(const struct kernel_conv_plan *plan, const float *weights,
                                      const float *bias, float *packed)
{
    int channels = plan->shape.out_channels;
    int taps = plan->shape.kernel_height * plan->shape.kernel_width;
    for (int c = 0; c < kernel_blocks(channels, VEC_LANES) * VEC_LANES; c++) {
        float *to = packed + (int64_t)(c / VEC_LANES) * (taps + 1) * VEC_LANES + c % VEC_LANES;
        to[0] = bias && c < channels ? bias[c] : 0.0f;
        for (int t = 0; t < taps; t++)
            to[(t + 1) * VEC_LANES] = c < channels ? weights[(int64_t)c * taps + t] : 0.0f;
    }
}

/* The next width of `lines` where `left` pixels remain. */
static int next_width(int left)
{
    int tiles = (left + MAX_WIDTH - 1) / MAX_WIDTH, width = (left + tiles - 1) / tiles;
    while (!lines[width][0][0])
        width--;
    return width;
}

/* Output row y of one channel block. */
static void run_row(const struct kernel_conv_plan *plan, const float *input, const float *packed,
                    int y, struct conv_tile tile)
{
    const struct kernel_conv_shape *s = &plan->shape;
    float sums[MAX_WIDTH * VEC_LANES];
    int top = y * s->stride_height - s->pad_top, step = s->dilation_height;
    struct line line = {
        .weights = packed + VEC_LANES,
        .row_stride = (int64_t)step * s->in_width * VEC_LANES,
        .first_row = top < 0 ? (-top + step - 1) / step : 0,
        .end_row = top < s->in_height ? (s->in_height - 1 - top) / step + 1 : 0,
        .width = s->in_width,
        .bias = vec_load(packed),
    };
    line.input = input + (int64_t)top * s->in_width * VEC_LANES;
    if (line.end_row > s->kernel_height)
        line.end_row = s->kernel_height;
    for (int x = 0, width; x < s->out_width; x += width) {
        width = next_width(s->out_width - x);
        line.left = x * s->stride_width - s->pad_left;
        if (plan->tile[SPECIAL])
            lines[width][s->stride_width - 1][(s->kernel_width - 3) / 2](&line, sums);
        else
            for (int p = 0; p < width; p++)
                vec_store(sums + p * VEC_LANES,
                          sum_pixel(s, input, packed + VEC_LANES, line.bias, y, x + p));
        KERNEL_NAME(conv_tile_finish)(&tile, sums, 1, width);
        tile.output += width * VEC_LANES;
        if (tile.residual)
            tile.residual += width * VEC_LANES;
    }
}

void KERNEL_NAME(conv_depthwise_run)(const struct kernel_conv_plan *plan,
                                     const struct kernel_conv_buffers *buffers, int part,
                                     int parts)
{
    const struct kernel_conv_shape *s = &plan->shape;
    struct conv_finish finish = KERNEL_NAME(conv_finish_of)(&plan->epilogue);
    int blocks = kernel_blocks(s->out_channels, VEC_LANES), bands = plan->tile[BANDS];
    int64_t in_plane = (int64_t)s->in_height * s->in_width * VEC_LANES;
    int64_t out_row = (int64_t)s->out_width * VEC_LANES, first, end;
    int64_t packed_block = (int64_t)(s->kernel_height * s->kernel_width + 1) * VEC_LANES;
    kernel_share((int64_t)s->batch * blocks * bands, part, parts, &first, &end);
    for (int64_t i = first; i < end; i++) {
        int64_t image = i / (blocks * bands), block = i / bands % blocks, row, end_row;
        kernel_share(s->out_height, (int)(i % bands), bands, &row, &end_row);
        const float *input = buffers->input + image * buffers->input_batch_stride;
        const float *packed = (const float *)buffers->packed + block * packed_block;
        for (; row < end_row; row++) {
            int64_t at = (block * s->out_height + row) * out_row;
            struct conv_tile tile = {
                .output = buffers->output + image * buffers->output_batch_stride + at,
                .out_pixel_stride = VEC_LANES,
                .finish = &finish,
            };
            if (buffers->residual)
                tile.residual = buffers->residual + image * buffers->residual_batch_stride + at;
            run_row(plan, input + block * in_plane, packed, (int)row, tile);
        }
    }
}
