/* Blocked maps of bytes: maximum pooling, the mean, and channels that move between maps. */
#include "kernel/simd/simd.h"
#include "kernel/simd/vec_bytes.h"

enum { STRIP = 256 /* input columns that are pooled together */ };

/* ---- Pooling --------------------------------------------------------------------------------- */

/* to = max(to, from) */
static void join(uint8_t *restrict to, const uint8_t *restrict from, int64_t bytes)
{
    for (int64_t i = 0; i < bytes; i++)
        to[i] = to[i] > from[i] ? to[i] : from[i];
}

/* Output columns [first, end) of row y: the maxima of columns first, then those of rows. */
static void pool_strip(const struct kernel_pool *pool, const uint8_t *plane, int y, int first,
                       int end, uint8_t *to)
{
    uint8_t columns[STRIP * VEC_LANES] = {0};
    int left = first * pool->stride_width - pool->pad_left;
    int right = (end - 1) * pool->stride_width - pool->pad_left +
                (pool->kernel_width - 1) * pool->dilation_width + 1;
    left = left < 0 ? 0 : left;
    right = right > pool->in_width ? pool->in_width : right;
    for (int ky = 0; ky < pool->kernel_height; ky++) {
        int row = y * pool->stride_height + ky * pool->dilation_height - pool->pad_top;
        if (row >= 0 && row < pool->in_height && right > left)
            join(columns, plane + ((int64_t)row * pool->in_width + left) * VEC_LANES,
                 (int64_t)(right - left) * VEC_LANES);
    }
    memset(to, 0, (size_t)(end - first) * VEC_LANES);
    for (int kx = 0; kx < pool->kernel_width; kx++) {
        int shift = kx * pool->dilation_width - pool->pad_left;
        int x = first, last = end;
        while (x < last && x * pool->stride_width + shift < left)
            x++;
        while (last > x && (last - 1) * pool->stride_width + shift >= right)
            last--;
        const uint8_t *from = columns + (x * pool->stride_width + shift - left) * VEC_LANES;
        if (pool->stride_width == 1)
            join(to + (x - first) * VEC_LANES, from, (int64_t)(last - x) * VEC_LANES);
        else
            for (; x < last; x++, from += pool->stride_width * VEC_LANES)
                join(to + (x - first) * VEC_LANES, from, VEC_LANES);
    }
}

/* The same for one output pixel of a window of any size. */
static void pool_pixel(const struct kernel_pool *pool, const uint8_t *plane, int oy, int ox,
                       uint8_t *to)
{
    memset(to, 0, VEC_LANES);
    for (int ky = 0; ky < pool->kernel_height; ky++)
        for (int kx = 0; kx < pool->kernel_width; kx++) {
            int y = oy * pool->stride_height + ky * pool->dilation_height - pool->pad_top;
            int x = ox * pool->stride_width + kx * pool->dilation_width - pool->pad_left;
            if (y >= 0 && x >= 0 && y < pool->in_height && x < pool->in_width)
                join(to, plane + ((int64_t)y * pool->in_width + x) * VEC_LANES, VEC_LANES);
        }
}

void KERNEL_NAME(kernel_pool_bytes)(const struct kernel_pool *pool, const uint8_t *input,
                                    uint8_t *output, int part, int parts)
{
    int64_t blocks = kernel_blocks(pool->channels, VEC_LANES), i, end;
    int64_t in_plane = (int64_t)pool->in_height * pool->in_width * VEC_LANES;
    int64_t row_bytes = (int64_t)pool->out_width * VEC_LANES;
    int reach = (pool->kernel_width - 1) * pool->dilation_width;
    int columns = reach < STRIP ? (STRIP - 1 - reach) / pool->stride_width + 1 : 0;
    kernel_share(pool->batch * blocks * pool->out_height, part, parts, &i, &end);
    for (; i < end; i++) {
        int64_t image = i / pool->out_height / blocks, block = i / pool->out_height % blocks;
        int y = (int)(i % pool->out_height);
        const uint8_t *plane = input + image * pool->input_batch_stride + block * in_plane;
        uint8_t *to =
            output + image * pool->output_batch_stride + (block * pool->out_height + y) * row_bytes;
        for (int x = 0; !columns && x < pool->out_width; x++)
            pool_pixel(pool, plane, y, x, to + (int64_t)x * VEC_LANES);
        for (int x = 0; columns && x < pool->out_width; x += columns)
            pool_strip(pool, plane, y, x,
                       x + columns < pool->out_width ? x + columns : pool->out_width,
                       to + (int64_t)x * VEC_LANES);
    }
}

/* ---- Mean ------------------------------------------------------------------------------------ */

void KERNEL_NAME(kernel_global_average_bytes)(const uint8_t *input,
                                              const struct kernel_bytes *bytes,
                                              int64_t batch_stride, int batch, int channels,
                                              int64_t pixels, float *output, int part, int parts)
{
    int64_t blocks = kernel_blocks(channels, VEC_LANES), i, end;
    vec scale = vec_set1(bytes->scale), count = vec_set1((float)pixels);
    vec_int zero = vec_int_set1((int32_t)(-bytes->zero * pixels));
    kernel_share(batch * blocks, part, parts, &i, &end);
    for (; i < end; i++) {
        const uint8_t *plane = input + i / blocks * batch_stride + i % blocks * pixels * VEC_LANES;
        vec_int sums[2] = {zero, vec_int_zero()};
        for (int64_t p = 0; p < pixels; p++)
            sums[p % 2] = vec_int_add(sums[p % 2], vec_int_from_bytes(plane + p * VEC_LANES));
        vec sum = vec_int_to_float(vec_int_add(sums[0], sums[1]));
        vec_store(output + i * VEC_LANES, vec_mul(vec_div(sum, count), scale));
    }
}

/* ---- Channels -------------------------------------------------------------------------------- */

/* `lanes` bytes of every pixel. */
static void copy_lanes(const uint8_t *from, uint8_t *to, int lanes, int64_t pixels)
{
    if (lanes == VEC_LANES)
        memcpy(to, from, (size_t)pixels * VEC_LANES);
    else if (lanes == VEC_LANES / 2)
        for (int64_t i = 0; i < pixels * VEC_LANES; i += VEC_LANES)
            memcpy(to + i, from + i, VEC_LANES / 2);
    else
        for (int64_t i = 0; i < pixels * VEC_LANES; i += VEC_LANES)
            for (int lane = 0; lane < lanes; lane++)
                to[i + lane] = from[i + lane];
}

/* Channels go in runs that lie in one block on both sides. */
void KERNEL_NAME(kernel_copy_channels_bytes)(const uint8_t *from, int64_t from_stride,
                                             int from_first, uint8_t *to, int64_t to_stride,
                                             int to_first, int channels, int batch, int64_t pixels,
                                             int part, int parts)
{
    int64_t first_pixel, end_pixel;
    kernel_share(pixels, part, parts, &first_pixel, &end_pixel);
    for (int n = 0; n < batch; n++)
        for (int c = 0, run; c < channels; c += run) {
            int source = from_first + c, target = to_first + c;
            int left = VEC_LANES - source % VEC_LANES, right = VEC_LANES - target % VEC_LANES;
            run = left < right ? left : right;
            run = run < channels - c ? run : channels - c;
            copy_lanes(
                from + n * from_stride + (source / VEC_LANES * pixels + first_pixel) * VEC_LANES +
                    source % VEC_LANES,
                to + n * to_stride + (target / VEC_LANES * pixels + first_pixel) * VEC_LANES +
                    target % VEC_LANES,
                run, end_pixel - first_pixel);
        }
}
