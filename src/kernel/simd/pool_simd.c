/* Pooling and the global mean on blocked data. A window that slides by single pixels is taken apart
 * into a row and a column: the maxima of rows wait in a ring until all rows of a window are there.
 * Every other window is read in full. */
#include "kernel/simd/simd.h"
#include "kernel/simd/vec_more.h"

enum {
    STRIP = 4,            /* columns that go down the picture together */
    RING = 32,            /* tallest separable window */
    SEPARABLE_WINDOW = 6, /* a window this small is read in full */
    AVERAGE_RUN = 64,     /* pixels that are summed one after another */
};

struct plane {
    const float *input;
    float *output;
};

static struct plane pool_plane(const struct kernel_pool *pool, int64_t index)
{
    int64_t blocks = kernel_blocks(pool->channels, VEC_LANES);
    int64_t n = index / blocks, block = index % blocks;
    int64_t in_pixels = (int64_t)pool->in_height * pool->in_width;
    int64_t out_pixels = (int64_t)pool->out_height * pool->out_width;
    return (struct plane){
        pool->input + n * pool->input_batch_stride + block * in_pixels * VEC_LANES,
        pool->output + n * pool->output_batch_stride + block * out_pixels * VEC_LANES,
    };
}

/* The steps of a window from `start` that lie inside [0, size). */
static void window_inside(int start, int steps, int dilation, int size, int *first, int *end)
{
    *first = start < 0 ? (-start + dilation - 1) / dilation : 0;
    *end = size > start ? (size - start + dilation - 1) / dilation : 0;
    if (*end > steps)
        *end = steps;
}

VEC_INLINE vec pool_join(bool average, vec a, vec b)
{
    return average ? vec_add(a, b) : vec_max_nan(a, b);
}

VEC_INLINE vec window_row(bool average, const float *pixel, int64_t step, int count)
{
    vec result = average ? vec_zero() : vec_set1(-__builtin_inff());
    for (int i = 0; i < count; i++, pixel += step)
        result = pool_join(average, result, vec_load(pixel));
    return result;
}

VEC_INLINE vec window_full(const struct kernel_pool *pool, bool average, const float *input, int oy,
                           int ox)
{
    int y = oy * pool->stride_height - pool->pad_top;
    int x = ox * pool->stride_width - pool->pad_left;
    int y_first, y_end, x_first, x_end;
    window_inside(y, pool->kernel_height, pool->dilation_height, pool->in_height, &y_first, &y_end);
    window_inside(x, pool->kernel_width, pool->dilation_width, pool->in_width, &x_first, &x_end);
    int high = y_end > y_first ? y_end - y_first : 0, wide = x_end > x_first ? x_end - x_first : 0;
    vec result = average ? vec_zero() : vec_set1(-__builtin_inff());
    for (int ky = y_first; wide > 0 && ky < y_end; ky++) {
        int64_t row = (int64_t)(y + ky * pool->dilation_height) * pool->in_width;
        const float *pixel = input + (row + x + x_first * pool->dilation_width) * VEC_LANES;
        vec part = window_row(average, pixel, (int64_t)pool->dilation_width * VEC_LANES, wide);
        result = pool_join(average, result, part);
    }
    int count = pool->count_include_pad ? pool->kernel_height * pool->kernel_width : high * wide;
    return average && count > 0 ? vec_div(result, vec_set1((float)count)) : result;
}

static void pool_row(const struct kernel_pool *pool, const struct plane *plane, int y)
{
    float *out = plane->output + (int64_t)y * pool->out_width * VEC_LANES;
    if (pool->average) {
        for (int x = 0; x < pool->out_width; x++)
            vec_store(out + (int64_t)x * VEC_LANES, window_full(pool, true, plane->input, y, x));
    } else {
        for (int x = 0; x < pool->out_width; x++)
            vec_store(out + (int64_t)x * VEC_LANES, window_full(pool, false, plane->input, y, x));
    }
}

static bool separable(const struct kernel_pool *pool)
{
    return !pool->average && pool->stride_height == 1 && pool->stride_width == 1 &&
           pool->dilation_height == 1 && pool->dilation_width == 1 && pool->kernel_height > 1 &&
           pool->kernel_height <= RING &&
           pool->kernel_height * pool->kernel_width >= SEPARABLE_WINDOW;
}

/* Maxima of the windows [x - pad_left, …) of input row y for `count` columns from x. */
static void strip_row(const struct kernel_pool *pool, const float *input, int y, int x, int count,
                      vec out[STRIP])
{
    const float *row = input + (int64_t)y * pool->in_width * VEC_LANES;
    for (int i = 0; i < count; i++) {
        int first = x + i - pool->pad_left, end = first + pool->kernel_width;
        first = first < 0 ? 0 : first;
        end = end > pool->in_width ? pool->in_width : end;
        out[i] = window_row(false, row + (int64_t)first * VEC_LANES, VEC_LANES, end - first);
    }
}

/* `count` columns from x, all the way down. */
static void pool_strip(const struct kernel_pool *pool, const struct plane *plane, int x, int count)
{
    vec ring[RING][STRIP];
    int ready = 0; /* rows of the input that have been through the ring */
    for (int y = 0; y < pool->out_height; y++) {
        int first = y - pool->pad_top, end = first + pool->kernel_height;
        first = first < 0 ? 0 : first;
        end = end > pool->in_height ? pool->in_height : end;
        for (ready = ready < first ? first : ready; ready < end; ready++)
            strip_row(pool, plane->input, ready, x, count, ring[ready % RING]);
        float *out = plane->output + ((int64_t)y * pool->out_width + x) * VEC_LANES;
        for (int i = 0; i < count; i++) {
            vec result = vec_set1(-__builtin_inff());
            for (int row = first; row < end; row++)
                result = vec_max_nan(result, ring[row % RING][i]);
            vec_store(out + i * VEC_LANES, result);
        }
    }
}

void KERNEL_NAME(kernel_pool_run)(const struct kernel_pool *pool, int part, int parts)
{
    bool strips = separable(pool);
    int64_t per_plane = strips ? (pool->out_width + STRIP - 1) / STRIP : pool->out_height;
    int64_t i, end, planes = (int64_t)pool->batch * kernel_blocks(pool->channels, VEC_LANES);
    kernel_share(planes * per_plane, part, parts, &i, &end);
    for (; i < end; i++) {
        struct plane plane = pool_plane(pool, i / per_plane);
        int at = (int)(i % per_plane);
        if (strips) {
            int left = pool->out_width - at * STRIP;
            pool_strip(pool, &plane, at * STRIP, left < STRIP ? left : STRIP);
        } else {
            pool_row(pool, &plane, at);
        }
    }
}

/* Halves long runs, so that the error grows with the logarithm of the length. */
static vec plane_sum(const float *pixel, int64_t pixels)
{
    if (pixels > AVERAGE_RUN) {
        int64_t half = (pixels / 2 + AVERAGE_RUN - 1) / AVERAGE_RUN * AVERAGE_RUN;
        return vec_add(plane_sum(pixel, half), plane_sum(pixel + half * VEC_LANES, pixels - half));
    }
    vec a = vec_zero(), b = vec_zero(), c = vec_zero(), d = vec_zero();
    int64_t i = 0;
    for (; i + 4 <= pixels; i += 4, pixel += 4 * VEC_LANES) {
        a = vec_add(a, vec_load(pixel));
        b = vec_add(b, vec_load(pixel + VEC_LANES));
        c = vec_add(c, vec_load(pixel + 2 * VEC_LANES));
        d = vec_add(d, vec_load(pixel + 3 * VEC_LANES));
    }
    for (; i < pixels; i++, pixel += VEC_LANES)
        a = vec_add(a, vec_load(pixel));
    return vec_add(vec_add(a, b), vec_add(c, d));
}

void KERNEL_NAME(kernel_global_average)(const float *input, int64_t batch_stride, int batch,
                                        int channels, int64_t pixels, float *output, int part,
                                        int parts)
{
    int64_t blocks = kernel_blocks(channels, VEC_LANES), i, end;
    vec count = vec_set1((float)pixels);
    kernel_share(batch * blocks, part, parts, &i, &end);
    for (; i < end; i++) {
        const float *plane = input + i / blocks * batch_stride + i % blocks * pixels * VEC_LANES;
        vec_store(output + i * VEC_LANES, vec_div(plane_sum(plane, pixels), count));
    }
}
