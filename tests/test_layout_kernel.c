/* Kernels that move channels between plain and blocked tensors, every tier, channel by channel.
 * `--bench` prints speed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/guarded.h"

enum { BATCH = 2, PARTS = 3 };

static const int64_t pixel_counts[] = {0, 1, 3, 8, 15, 16, 17, 48, 513, 1030};
enum { PIXEL_COUNTS = sizeof(pixel_counts) / sizeof(pixel_counts[0]) };

/* first, channels, and channels after them in the blocked tensor */
static const int ranges[][3] = {{0, 1, 0},  {0, 3, 0},  {0, 8, 0},   {0, 16, 8}, {0, 17, 0},
                                {0, 32, 0}, {0, 33, 2}, {5, 3, 0},   {5, 3, 20}, {7, 30, 0},
                                {8, 8, 1},  {16, 5, 0}, {20, 40, 9}, {3, 0, 4},  {17, 16, 0}};
enum { RANGES = sizeof(ranges) / sizeof(ranges[0]) };

static const struct kernel_table *tier_table(int tier)
{
    return kernel_table((enum base_cpu_tier)tier);
}

/* A blocked image's element must be `value`, or what it was if the channel was not touched, or zero
 * behind the last channel if that was asked for. */
static void assert_lane(float found, float before, bool touched, float value, bool zeroed)
{
    float right = touched ? value : zeroed ? 0 : before;
    assert_memory_equal(&found, &right, sizeof(float));
}

static void check_to_blocked(const struct kernel_table *k, const int range[3], int64_t pixels)
{
    int first = range[0], channels = range[1], total = first + channels + range[2];
    bool last = range[2] == 0 && channels > 0;
    int64_t blocked_stride = blocked_size(k->block, total, pixels) + 32;
    int64_t plain_stride = channels * pixels + 5;
    struct guarded plain = guarded_random((size_t)(BATCH * plain_stride), 1);
    struct guarded blocked = guarded_random((size_t)(BATCH * blocked_stride), 2);
    struct guarded before = guarded_random(blocked.count, 2);
    for (int part = PARTS - 1; part >= 0; part--)
        k->to_blocked(plain.data, plain_stride, blocked.data, blocked_stride, BATCH, first,
                      channels, last, pixels, part, PARTS);
    int lanes = kernel_blocks(total, k->block) * k->block;
    for (int64_t i = 0; i < BATCH * lanes * pixels; i++) {
        int64_t n = i / pixels / lanes, pixel = i % pixels;
        int lane = (int)(i / pixels % lanes);
        int64_t at = n * blocked_stride + blocked_at(k->block, lane, pixels, pixel);
        bool touched = lane >= first && lane < first + channels;
        float value = touched ? plain.data[n * plain_stride + (lane - first) * pixels + pixel] : 0;
        assert_lane(blocked.data[at], before.data[at], touched, value, last && lane >= total);
    }
    for (int64_t i = blocked_stride - 32; i < blocked_stride; i++)
        assert_true(blocked.data[i] == before.data[i]);
    guarded_close(&plain);
    guarded_close(&blocked);
    guarded_close(&before);
}

static void check_to_plain(const struct kernel_table *k, const int range[3], int64_t pixels)
{
    int first = range[0], channels = range[1], total = first + channels + range[2];
    int64_t blocked_stride = blocked_size(k->block, total, pixels);
    int64_t plain_stride = channels * pixels + 5;
    struct guarded plain = guarded_random((size_t)(BATCH * plain_stride), 1);
    struct guarded before = guarded_random(plain.count, 1);
    struct guarded blocked = guarded_random((size_t)(BATCH * blocked_stride), 2);
    for (int part = PARTS - 1; part >= 0; part--)
        k->to_plain(blocked.data, blocked_stride, plain.data, plain_stride, BATCH, first, channels,
                    pixels, part, PARTS);
    for (int64_t i = 0; i < BATCH * plain_stride; i++) {
        int64_t n = i / plain_stride, at = i % plain_stride;
        bool touched = at < channels * pixels;
        float value = 0;
        if (touched)
            value =
                blocked.data[n * blocked_stride +
                             blocked_at(k->block, first + (int)(at / pixels), pixels, at % pixels)];
        assert_lane(plain.data[i], before.data[i], touched, value, false);
    }
    guarded_close(&plain);
    guarded_close(&blocked);
    guarded_close(&before);
}

static void test_between_plain_and_blocked(void **state)
{
    (void)state;
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier)) {
        for (int i = 0; i < RANGES * PIXEL_COUNTS; i++) {
            check_to_blocked(tier_table(tier), ranges[i % RANGES], pixel_counts[i / RANGES]);
            check_to_plain(tier_table(tier), ranges[i % RANGES], pixel_counts[i / RANGES]);
        }
    }
}

static void check_transpose(const struct kernel_table *k, int64_t rows, int64_t columns)
{
    int64_t from_stride = columns + 3, to_stride = rows + 2;
    struct guarded from = guarded_random((size_t)(rows * from_stride), 1);
    struct guarded to = guarded_random((size_t)(columns * to_stride), 2);
    struct guarded before = guarded_random(to.count, 2);
    for (int part = PARTS - 1; part >= 0; part--)
        k->transpose(from.data, from_stride, to.data, to_stride, rows, columns, part, PARTS);
    for (int64_t i = 0; i < columns * to_stride; i++) {
        int64_t column = i / to_stride, row = i % to_stride;
        float value = row < rows ? from.data[row * from_stride + column] : before.data[i];
        assert_memory_equal(&to.data[i], &value, sizeof value);
    }
    guarded_close(&from);
    guarded_close(&to);
    guarded_close(&before);
}

static void test_matrices_turn_around(void **state)
{
    (void)state;
    static const int64_t sizes[] = {1, 5, 8, 16, 17, 85};
    enum { SIZES = sizeof sizes / sizeof sizes[0] };
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier))
        for (int i = 0; i < SIZES * SIZES; i++)
            check_transpose(tier_table(tier), sizes[i % SIZES], sizes[i / SIZES]);
}

/* Channels [from_first, …) of a tensor that ends after them become range's channels of another. */
static void check_copy(const struct kernel_table *k, int from_first, const int range[3],
                       int64_t pixels)
{
    int first = range[0], channels = range[1], total = first + channels + range[2];
    bool last = range[2] == 0 && channels > 0;
    int64_t from_stride = blocked_size(k->block, from_first + channels, pixels);
    int64_t to_stride = blocked_size(k->block, total, pixels);
    struct guarded from = guarded_random((size_t)(BATCH * from_stride), 1);
    struct guarded to = guarded_random((size_t)(BATCH * to_stride), 2);
    struct guarded before = guarded_random(to.count, 2);
    for (int part = PARTS - 1; part >= 0; part--)
        k->copy_channels(from.data, from_stride, from_first, to.data, to_stride, first, channels,
                         last, BATCH, pixels, part, PARTS);
    int lanes = kernel_blocks(total, k->block) * k->block;
    for (int64_t i = 0; i < BATCH * lanes * pixels; i++) {
        int64_t n = i / pixels / lanes, pixel = i % pixels;
        int lane = (int)(i / pixels % lanes);
        int64_t at = n * to_stride + blocked_at(k->block, lane, pixels, pixel);
        bool touched = lane >= first && lane < first + channels;
        float value = 0;
        if (touched)
            value = from.data[n * from_stride +
                              blocked_at(k->block, from_first + lane - first, pixels, pixel)];
        assert_lane(to.data[at], before.data[at], touched, value, last && lane >= total);
    }
    guarded_close(&from);
    guarded_close(&to);
    guarded_close(&before);
}

static void test_copy_channels(void **state)
{
    (void)state;
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier)) {
        for (int from_first = 0; from_first < 36; from_first++) {
            for (int r = 0; r < RANGES; r++) {
                check_copy(tier_table(tier), from_first, ranges[r], 6);
                check_copy(tier_table(tier), from_first, ranges[r], from_first % 4 ? 1 : 520);
            }
        }
    }
}

static void test_scale_channels(void **state)
{
    (void)state;
    enum { CHANNELS = 37 };
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier)) {
        const struct kernel_table *k = tier_table(tier);
        int64_t lanes = blocked_size(k->block, CHANNELS, 1);
        for (int i = 0; i < PIXEL_COUNTS; i++) {
            int64_t stride = lanes * pixel_counts[i];
            struct guarded x = guarded_random((size_t)(BATCH * stride), 1);
            struct guarded factor = guarded_random((size_t)(BATCH * lanes), 2);
            struct guarded y = guarded_open(x.count);
            for (int part = 0; part < PARTS; part++)
                k->scale_channels(x.data, stride, factor.data, y.data, stride, BATCH, CHANNELS,
                                  pixel_counts[i], part, PARTS);
            for (int64_t c = 0; c < BATCH * CHANNELS; c++) {
                for (int64_t p = 0; p < pixel_counts[i]; p++) {
                    int64_t n = c / CHANNELS, channel = c % CHANNELS;
                    int64_t at =
                        n * stride + blocked_at(k->block, (int)channel, pixel_counts[i], p);
                    assert_near(y.data[at], x.data[at] * factor.data[n * lanes + channel], 0);
                }
            }
            guarded_close(&x);
            guarded_close(&factor);
            guarded_close(&y);
        }
    }
}

/* ---- Speed ----------------------------------------------------------------------------------- */

struct bench {
    const struct kernel_table *k;
    float *x, *y;
    int channels, shift;
    int64_t pixels;
};

static void bench_to_blocked(void *context)
{
    struct bench *b = context;
    b->k->to_blocked(b->x, 0, b->y, 0, 1, 0, b->channels, true, b->pixels, 0, 1);
}

static void bench_to_plain(void *context)
{
    struct bench *b = context;
    b->k->to_plain(b->y, 0, b->x, 0, 1, 0, b->channels, b->pixels, 0, 1);
}

static void bench_copy(void *context)
{
    struct bench *b = context;
    b->k->copy_channels(b->x, 0, 0, b->y, 0, b->shift, b->channels - b->shift, true, 1, b->pixels,
                        0, 1);
}

static void bench_scale(void *context)
{
    struct bench *b = context;
    b->k->scale_channels(b->x, 0, b->x, b->y, 0, 1, b->channels, b->pixels, 0, 1);
}

static void bench_one(const struct bench *b, const char *name, void (*call)(void *))
{
    struct bench copy = *b;
    double seconds = bench_seconds(call, &copy);
    printf("%-6s %-18s %3d channels, %5lld pixels %8.1f us %6.1f GB/s\n", base_cpu_name(b->k->tier),
           name, b->channels, (long long)b->pixels, seconds * 1e6,
           8e-9 * b->channels * (double)b->pixels / seconds);
}

static void bench_all(const struct kernel_table *k, int channels, int64_t pixels)
{
    int64_t size = blocked_size(k->block, channels, pixels);
    struct guarded x = guarded_random((size_t)size, 1), y = guarded_open((size_t)size);
    struct bench b = {k, x.data, y.data, channels, 0, pixels};
    bench_one(&b, "to_blocked", bench_to_blocked);
    bench_one(&b, "to_plain", bench_to_plain);
    bench_one(&b, "copy_channels", bench_copy);
    b.shift = 3;
    if (channels > b.shift)
        bench_one(&b, "copy_channels by 3", bench_copy);
    bench_one(&b, "scale_channels", bench_scale);
    guarded_close(&x);
    guarded_close(&y);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_between_plain_and_blocked),
        cmocka_unit_test(test_matrices_turn_around),
        cmocka_unit_test(test_copy_channels),
        cmocka_unit_test(test_scale_channels),
    };
    if (argc < 2 || strcmp(argv[1], "--bench") != 0)
        return cmocka_run_group_tests(tests, NULL, NULL);
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier)) {
        bench_all(tier_table(tier), 3, 256 * 192);
        bench_all(tier_table(tier), 17, 64 * 48);
        bench_all(tier_table(tier), 256, 400);
        bench_all(tier_table(tier), 512, 48);
    }
    return 0;
}
