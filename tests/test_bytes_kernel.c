/* Kernels on bytes that stand for numbers, but the convolution (test_qconv): the reference tier
 * against plain sums, and the others against the reference tier, with guard pages and any cut into
 * parts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "support/guarded.h"

static const struct kernel_bytes first = {0.0173f, 31}, second = {0.0091f, 200},
                                 third = {0.0237f, 117};

static const struct kernel_table *tier_table(int tier)
{
    return kernel_table((enum base_cpu_tier)tier);
}

static uint8_t *bytes_of(const struct guarded *array)
{
    return (uint8_t *)array->data;
}

/* Bytes that end where the page ends; `count` is a multiple of 4 or some bytes are left behind. */
static struct guarded random_bytes(size_t count, uint32_t seed)
{
    struct guarded out = guarded_open((count + 3) / 4);
    for (size_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        bytes_of(&out)[i] = (uint8_t)(seed >> 24);
    }
    return out;
}

/* Bytes may be neighbours where a number lies half way between them; few do. */
static void assert_near_bytes(const uint8_t *is, const uint8_t *should, size_t count)
{
    size_t apart = 0;
    for (size_t i = 0; i < count; i++) {
        if (abs(is[i] - should[i]) > 1)
            fail_msg("byte %zu is %d, not %d", i, is[i], should[i]);
        apart += is[i] != should[i];
    }
    if (apart > 1 + count / 100)
        fail_msg("%zu of %zu bytes are off by one", apart, count);
}

/* ---- Flat arrays ----------------------------------------------------------------------------- */

static void check_flat(int tier, size_t count, int parts)
{
    const struct kernel_table *k = tier_table(tier), *ref = kernel_table(BASE_CPU_REF);
    struct guarded a = random_bytes(count, 1), b = random_bytes(count, 2);
    struct guarded x = guarded_random(count, 3), y = random_bytes(count, 4);
    struct guarded expected = random_bytes(count, 5), numbers = guarded_open(count);
    for (size_t i = 0; i < count; i++)
        x.data[i] = i % 11 == 5 ? NAN : i % 13 == 7 ? 1e30f : x.data[i] * 4;
    int64_t n = (int64_t)count;
    for (int part = parts - 1; part >= 0; part--)
        k->quantize(x.data, &first, bytes_of(&y), n, part, parts);
    ref->quantize(x.data, &first, bytes_of(&expected), n, 0, 1);
    assert_memory_equal(y.data, expected.data, count);
    for (int part = parts - 1; part >= 0; part--)
        k->requantize(bytes_of(&a), &first, bytes_of(&y), &second, n, part, parts);
    ref->requantize(bytes_of(&a), &first, bytes_of(&expected), &second, n, 0, 1);
    assert_memory_equal(y.data, expected.data, count);
    for (int part = parts - 1; part >= 0; part--)
        k->add_bytes(bytes_of(&a), &first, bytes_of(&b), &second, bytes_of(&y), &third, n, part,
                     parts);
    ref->add_bytes(bytes_of(&a), &first, bytes_of(&b), &second, bytes_of(&expected), &third, n, 0,
                   1);
    assert_near_bytes(bytes_of(&y), bytes_of(&expected), count);
    for (int part = parts - 1; part >= 0; part--)
        k->dequantize(bytes_of(&a), &first, numbers.data, n, part, parts);
    for (size_t i = 0; i < count; i++)
        assert_true(numbers.data[i] == first.scale * (float)(bytes_of(&a)[i] - first.zero));
    struct guarded *all[] = {&a, &b, &x, &y, &expected, &numbers};
    for (int i = 0; i < 6; i++)
        guarded_close(all[i]);
}

static void test_flat_arrays(void **state)
{
    (void)state;
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier))
        for (size_t count = 1; count < 300; count += count < 140 ? 1 : 37)
            check_flat(tier, count, 1 + (int)(count % 4));
}

static void test_numbers_become_the_nearest_bytes(void **state)
{
    (void)state;
    const float x[] = {0, 0.0173f, 0.0087f, 0.0086f, -0.0173f, 100, -100, NAN, INFINITY, -INFINITY};
    const uint8_t expected[] = {31, 32, 32, 31, 30, 255, 0, 0, 255, 0};
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier)) {
        uint8_t y[10];
        tier_table(tier)->quantize(x, &first, y, 10, 0, 1);
        assert_memory_equal(y, expected, 10);
    }
}

/* ---- Maps ------------------------------------------------------------------------------------ */

struct map {
    int batch, channels, block;
    int64_t pixels, stride;
    struct guarded bytes;
};

static struct map map_open(const struct kernel_table *k, int batch, int channels, int64_t pixels,
                           uint32_t seed)
{
    struct map map = {.batch = batch, .channels = channels, .block = k->block, .pixels = pixels};
    map.stride = blocked_size(k->block, channels, pixels);
    map.bytes = random_bytes((size_t)(batch * map.stride), seed);
    return map;
}

static uint8_t *map_at(const struct map *map, int n, int channel, int64_t pixel)
{
    return bytes_of(&map->bytes) + n * map->stride +
           blocked_at(map->block, channel, map->pixels, pixel);
}

static int pool_expected(const struct kernel_pool *p, const struct map *in, int n, int c, int at)
{
    int most = 0;
    for (int ky = 0; ky < p->kernel_height; ky++)
        for (int kx = 0; kx < p->kernel_width; kx++) {
            int y = at / p->out_width * p->stride_height - p->pad_top + ky * p->dilation_height;
            int x = at % p->out_width * p->stride_width - p->pad_left + kx * p->dilation_width;
            if (y < 0 || x < 0 || y >= p->in_height || x >= p->in_width)
                continue;
            int byte = *map_at(in, n, c, (int64_t)y * p->in_width + x);
            most = byte > most ? byte : most;
        }
    return most;
}

static void check_pool(const struct kernel_table *k, struct kernel_pool p)
{
    p.out_height = (p.in_height + 2 * p.pad_top - (p.kernel_height - 1) * p.dilation_height - 1) /
                       p.stride_height +
                   1;
    p.out_width = (p.in_width + 2 * p.pad_left - (p.kernel_width - 1) * p.dilation_width - 1) /
                      p.stride_width +
                  1;
    struct map in = map_open(k, p.batch, p.channels, (int64_t)p.in_height * p.in_width, 1);
    struct map out = map_open(k, p.batch, p.channels, (int64_t)p.out_height * p.out_width, 2);
    p.input_batch_stride = in.stride;
    p.output_batch_stride = out.stride;
    for (int part = 2; part >= 0; part--)
        k->pool_bytes(&p, bytes_of(&in.bytes), bytes_of(&out.bytes), part, 3);
    for (int n = 0; n < p.batch; n++)
        for (int c = 0; c < p.channels; c++)
            for (int i = 0; i < out.pixels; i++)
                assert_int_equal(*map_at(&out, n, c, i), pool_expected(&p, &in, n, c, i));
    guarded_close(&in.bytes);
    guarded_close(&out.bytes);
}

static void test_pool_takes_the_largest(void **state)
{
    (void)state;
    static const int windows[][8] = {
        /* in height, width, kernel height, width, stride, dilation, pad top, left */
        {8, 6, 5, 5, 1, 1, 2, 2},   {8, 6, 13, 13, 1, 1, 6, 6},   {9, 11, 3, 3, 2, 1, 1, 1},
        {10, 7, 2, 2, 2, 1, 0, 0},  {12, 15, 3, 2, 3, 2, 1, 1},   {3, 600, 5, 9, 1, 1, 2, 4},
        {4, 700, 3, 3, 2, 1, 1, 1}, {2, 300, 2, 300, 1, 1, 0, 0}, {1, 1, 3, 3, 1, 1, 1, 1},
    };
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier))
        for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
            const int *w = windows[i];
            check_pool(tier_table(tier), (struct kernel_pool){.batch = 1 + (int)(i % 2),
                                                              .channels = 3 + 17 * (int)(i % 3),
                                                              .in_height = w[0],
                                                              .in_width = w[1],
                                                              .kernel_height = w[2],
                                                              .kernel_width = w[3],
                                                              .stride_height = w[4],
                                                              .stride_width = w[4],
                                                              .dilation_height = w[5],
                                                              .dilation_width = w[5],
                                                              .pad_top = w[6],
                                                              .pad_left = w[7]});
        }
}

static void test_global_average(void **state)
{
    (void)state;
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier))
        for (int pixels = 1; pixels < 3000; pixels = pixels * 3 + 1) {
            const struct kernel_table *k = tier_table(tier);
            struct map in = map_open(k, 2, 21, pixels, 1);
            int blocks = kernel_blocks(21, k->block);
            struct guarded out = guarded_open((size_t)(2 * blocks * k->block));
            for (int part = 2; part >= 0; part--)
                k->global_average_bytes(bytes_of(&in.bytes), &first, in.stride, 2, 21, pixels,
                                        out.data, part, 3);
            for (int n = 0; n < 2; n++)
                for (int c = 0; c < 21; c++) {
                    double sum = 0;
                    for (int i = 0; i < pixels; i++)
                        sum += *map_at(&in, n, c, i) - first.zero;
                    assert_near((double)out.data[n * blocks * k->block + c],
                                sum / pixels * (double)first.scale, 1e-6);
                }
            guarded_close(&in.bytes);
            guarded_close(&out);
        }
}

static void test_copied_channels_leave_others_alone(void **state)
{
    (void)state;
    static const int moves[][4] = {/* channels of both maps, first ones */
                                   {24, 48, 0, 24},
                                   {24, 48, 0, 0},
                                   {48, 96, 0, 48},
                                   {7, 40, 2, 13},
                                   {40, 9, 31, 0}};
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier))
        for (size_t i = 0; i < sizeof moves / sizeof *moves; i++) {
            const struct kernel_table *k = tier_table(tier);
            const int *m = moves[i];
            int from = m[2], to = m[3], count = m[0] - from < m[1] - to ? m[0] - from : m[1] - to;
            struct map in = map_open(k, 2, m[0], 35, 1), out = map_open(k, 2, m[1], 35, 2);
            struct map before = map_open(k, 2, m[1], 35, 2);
            for (int part = 2; part >= 0; part--)
                k->copy_channels_bytes(bytes_of(&in.bytes), in.stride, from, bytes_of(&out.bytes),
                                       out.stride, to, count, 2, 35, part, 3);
            for (int n = 0; n < 2; n++)
                for (int c = 0; c < m[1]; c++)
                    for (int p = 0; p < 35; p++)
                        assert_int_equal(*map_at(&out, n, c, p),
                                         c >= to && c < to + count
                                             ? *map_at(&in, n, c - to + from, p)
                                             : *map_at(&before, n, c, p));
            guarded_close(&in.bytes);
            guarded_close(&out.bytes);
            guarded_close(&before.bytes);
        }
}

static void test_scaled_channels(void **state)
{
    (void)state;
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier))
        for (int pixels = 1; pixels < 40; pixels++) {
            const struct kernel_table *k = tier_table(tier);
            struct map in = map_open(k, 2, 21, pixels, 1), out = map_open(k, 2, 21, pixels, 2);
            int lanes = kernel_blocks(21, k->block) * k->block;
            struct guarded factor = guarded_random((size_t)(2 * lanes), 3);
            for (int part = 2; part >= 0; part--)
                k->scale_channels_bytes(bytes_of(&in.bytes), &first, in.stride, factor.data,
                                        bytes_of(&out.bytes), &third, out.stride, 2, 21, pixels,
                                        part, 3);
            for (int n = 0; n < 2; n++)
                for (int c = 0; c < 21; c++)
                    for (int p = 0; p < pixels; p++) {
                        double y = (double)first.scale * (*map_at(&in, n, c, p) - first.zero) *
                                   (double)factor.data[n * lanes + c] / (double)third.scale;
                        assert_near(*map_at(&out, n, c, p), fmin(fmax(y + third.zero, 0), 255),
                                    0.501);
                    }
            guarded_close(&in.bytes);
            guarded_close(&out.bytes);
            guarded_close(&factor);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flat_arrays),
        cmocka_unit_test(test_numbers_become_the_nearest_bytes),
        cmocka_unit_test(test_pool_takes_the_largest),
        cmocka_unit_test(test_global_average),
        cmocka_unit_test(test_copied_channels_leave_others_alone),
        cmocka_unit_test(test_scaled_channels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
