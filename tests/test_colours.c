/* Kernels that bring pixels into a network's input: every tier against sums in plain words, odd lengths,
 * nothing written beyond the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/kernel.h"

enum { ROW = KERNEL_COLOUR_ROW, GUARD = 0xa5, GUARDS = 64 };

static const struct kernel_yuv bt601 = {16, 76309, 104597, 25675, 53279, 132201};
static const int counts[] = {0, 1, 2, 3, 7, 16, 31, 64, 65, 130, 255, 1000, ROW - 1, ROW};

static uint32_t seed = 1;

static uint32_t draw(void)
{
    return seed = seed * 1664525u + 1013904223u;
}

static void fill(void *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ((uint8_t *)bytes)[i] = (uint8_t)(draw() >> 24);
}

static void check_guards(const void *end)
{
    for (int i = 0; i < GUARDS; i++)
        assert_int_equal(((const uint8_t *)end)[i], GUARD);
}

static unsigned field(uint64_t colour, int channel)
{
    return (unsigned)(colour >> channel * KERNEL_COLOUR_BITS) & ((1u << KERNEL_COLOUR_BITS) - 1);
}

/* The formula of BT.601 in numbers with a point; the kernels round it once. */
static void assert_colour(uint64_t colour, int y, int u, int v)
{
    double luma = 1.16438 * (y - 16), cb = u - 128, cr = v - 128;
    const double wanted[] = {luma + 1.59603 * cr, luma - 0.39176 * cb - 0.81297 * cr,
                             luma + 2.01723 * cb};
    for (int c = 0; c < 3; c++) {
        double clamped = wanted[c] < 0 ? 0 : wanted[c] > 255 ? 255 : wanted[c];
        double apart = field(colour, c) - clamped;
        assert_true(apart > -0.51 && apart < 0.51);
    }
    assert_true(colour >> (2 * KERNEL_COLOUR_BITS + 8) == 0);
}

static void check_yuv(const struct kernel_table *k, int count, int step)
{
    static uint8_t luma[ROW], chroma[2 * ROW];
    static uint64_t colours[ROW + GUARDS];
    fill(luma, sizeof luma);
    fill(chroma, sizeof chroma);
    memset(colours, GUARD, sizeof colours);
    const uint8_t *v = step == 2 ? chroma + 1 : chroma + ROW;
    k->colours_from_yuv(&bt601, luma, chroma, v, step, count, colours);
    for (int i = 0; i < count; i++)
        assert_colour(colours[i], luma[i], chroma[i / 2 * step], v[i / 2 * step]);
    check_guards(colours + count);
}

static void test_yuv_becomes_red_green_and_blue(void **state)
{
    (void)state;
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier))
        for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
            for (int step = 1; step <= 2; step++)
                check_yuv(kernel_table((enum base_cpu_tier)tier), counts[i], step);
}

/* `whole`: what both weights sum up to. */
static void check_weigh(const struct kernel_table *k, int count, int whole)
{
    enum { WIDTH = 256, STRIDE = WIDTH };
    static uint64_t colours[ROW];
    static int32_t near[WIDTH], far[WIDTH];
    static int16_t near_weight[WIDTH], far_weight[WIDTH];
    static int32_t sums[3 * STRIDE + GUARDS];
    for (int i = 0; i < ROW; i++) /* the largest ones too */
        for (int c = 0, shift = 0; c < 3; c++, shift += KERNEL_COLOUR_BITS)
            colours[i] = (c ? colours[i] : 0) | (uint64_t)(i % 3 ? draw() >> 24 : 255) << shift;
    for (int i = 0; i < WIDTH; i++) {
        near[i] = (int32_t)(draw() >> 8) % ROW;
        far[i] = (int32_t)(draw() >> 8) % ROW;
        near_weight[i] = (int16_t)((int)(draw() >> 8) % (whole + 1));
        far_weight[i] = (int16_t)(i % 5 ? whole - near_weight[i] : 0);
    }
    memset(sums, GUARD, sizeof sums);
    const struct kernel_taps taps = {near, far, near_weight, far_weight, count};
    k->colours_weigh(colours, &taps, sums, STRIDE);
    for (int c = 0; c < 3; c++) {
        for (int i = 0; i < count; i++)
            assert_int_equal(sums[c * STRIDE + i],
                             (int)field(colours[near[i]], c) * near_weight[i] +
                                 (int)field(colours[far[i]], c) * far_weight[i]);
        check_guards(sums + c * STRIDE + count);
    }
}

static void test_colours_are_weighed(void **state)
{
    (void)state;
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier))
        for (int i = 0; i < 8; i++) {
            check_weigh(kernel_table((enum base_cpu_tier)tier), counts[i], 2048);
            check_weigh(kernel_table((enum base_cpu_tier)tier), counts[i], 32);
        }
}

static void check_blend(const struct kernel_table *k, int count, bool resize)
{
    static int32_t near[256], far[256];
    static uint8_t out[256 + GUARDS];
    int whole = resize ? 2048 : 32;
    for (int i = 0; i < 256; i++) {
        near[i] = i % 7 ? (int32_t)(draw() >> 8) % (255 * whole + 1) : 255 * whole;
        far[i] = i % 3 ? (int32_t)(draw() >> 8) % (255 * whole + 1) : 255 * whole;
    }
    for (int weight = 0; weight <= whole; weight += whole / 4) {
        const struct kernel_blend blend = {near, far, weight, whole - weight, resize, count};
        memset(out, GUARD, sizeof out);
        k->colours_blend(&blend, out);
        for (int i = 0; i < count; i++) {
            double exact = ((double)near[i] * weight + (double)far[i] * (whole - weight)) /
                           ((double)whole * whole);
            double apart = out[i] - exact;
            assert_true(resize ? apart > -1.01 && apart < 0.51 : apart > -0.51 && apart < 0.51);
        }
        check_guards(out + count);
    }
}

static void test_rows_of_sums_are_blended(void **state)
{
    (void)state;
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier))
        for (int i = 0; i < 8; i++) {
            check_blend(kernel_table((enum base_cpu_tier)tier), counts[i], true);
            check_blend(kernel_table((enum base_cpu_tier)tier), counts[i], false);
        }
}

/* The bytes of one tier are those of every other, with any of the matrices. */
static void test_tiers_agree_to_the_last_bit(void **state)
{
    (void)state;
    static const struct kernel_yuv matrices[] = {{16, 76309, 104597, 25675, 53279, 132201},
                                                 {16, 76309, 117489, 13975, 34925, 138438},
                                                 {0, 65536, 91881, 22553, 46802, 116130},
                                                 {0, 65536, 103206, 12276, 30679, 121609}};
    static uint8_t luma[ROW], u[ROW], v[ROW], first[256], other[256];
    static uint64_t from_first[ROW], from_other[ROW];
    static int32_t near[256], far[256];
    fill(luma, sizeof luma);
    fill(u, sizeof u);
    fill(v, sizeof v);
    memset(u, 255, 16); /* the ends of the range together */
    memset(v + 8, 255, 16);
    for (int i = 0; i < 256; i++) {
        near[i] = (int32_t)(draw() >> 13);
        far[i] = (int32_t)(draw() >> 13);
    }
    const struct kernel_blend blend = {near, far, 777, 1271, true, 256};
    const struct kernel_table *ref = kernel_table(BASE_CPU_REF);
    ref->colours_blend(&blend, first);
    for (int tier = base_cpu_next(BASE_CPU_REF); tier < BASE_CPU_TIERS;
         tier = base_cpu_next(tier)) {
        const struct kernel_table *k = kernel_table((enum base_cpu_tier)tier);
        k->colours_blend(&blend, other);
        assert_memory_equal(first, other, sizeof first);
        for (size_t i = 0; i < sizeof matrices / sizeof matrices[0]; i++) {
            ref->colours_from_yuv(&matrices[i], luma, u, v, 1, ROW, from_first);
            k->colours_from_yuv(&matrices[i], luma, u, v, 1, ROW, from_other);
            assert_memory_equal(from_first, from_other, sizeof from_first);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_yuv_becomes_red_green_and_blue),
        cmocka_unit_test(test_colours_are_weighed),
        cmocka_unit_test(test_rows_of_sums_are_blended),
        cmocka_unit_test(test_tiers_agree_to_the_last_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
