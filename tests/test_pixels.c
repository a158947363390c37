/* Kernels that bring pixels into a network's input: every tier against sums in plain words, odd lengths,
 * nothing written beyond the end, nothing read beyond the row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/kernel.h"

enum { MOST = KERNEL_TAPS, PAIR = 2 * KERNEL_TAP_GROUP, GUARD = 0xa5, GUARDS = 64 };

static const int counts[] = {1, 2, 7, 8, 9, 16, 31, 192, 255, MOST};
enum { COUNTS = sizeof counts / sizeof counts[0] };

static uint32_t seed = 1;

static int draw(int limit)
{
    seed = seed * 1664525u + 1013904223u;
    return (int)((seed >> 8) % (uint32_t)limit);
}

static int rounded_up(int count)
{
    return (count + PAIR - 1) / PAIR * PAIR;
}

static void check_guards(const void *end)
{
    for (int i = 0; i < GUARDS; i++)
        assert_int_equal(((const uint8_t *)end)[i], GUARD);
}

/* ---- Along a row ---- */

/* Neighbours of a row of `width` pixels, `scale` apart, some of them outside, of no weight. */
static void make_taps(struct kernel_taps *taps, int count, int width, double scale, int step,
                      bool resize)
{
    int whole = resize ? 2048 : 32;
    memset(taps, GUARD, sizeof *taps);
    taps->count = count;
    taps->resize = resize;
    for (int i = 0; i < count; i++) {
        int near = (int)(i * scale) - 2, weight = draw(whole + 1);
        bool first = near >= 0 && near < width, second = near + 1 >= 0 && near + 1 < width;
        taps->near[i] = first ? near * step : 0;
        taps->far[i] = second ? (near + 1) * step : 0;
        taps->weights[2 * i] = (int16_t)(first ? weight : 0);
        taps->weights[2 * i + 1] = (int16_t)(second ? whole - weight : 0);
        taps->less[i] = (int16_t)draw(resize ? 16384 : 4097);
    }
}

static void check_weigh(const struct kernel_table *k, const struct kernel_taps *taps,
                        const uint8_t *row)
{
    int16_t sums[MOST + GUARDS];
    memset(sums, GUARD, sizeof sums);
    k->pixels_weigh(row, taps, sums);
    for (int i = 0; i < taps->count; i++) {
        int sum = row[taps->near[i]] * taps->weights[2 * i] +
                  row[taps->far[i]] * taps->weights[2 * i + 1];
        assert_int_equal(sums[i], (taps->resize ? sum / 16 : sum) - taps->less[i]);
    }
    check_guards(sums + rounded_up(taps->count));
}

static void check_row(int count, int width, double scale, int step, bool resize)
{
    static struct kernel_taps taps;
    int bytes = (width - 1) * step + 1;
    uint8_t *row = malloc((size_t)bytes); /* its end is where sanitisers look */
    assert_non_null(row);
    for (int i = 0; i < bytes; i++)
        row[i] = (uint8_t)(i % 5 ? draw(256) : 255);
    make_taps(&taps, count, width, scale, step, resize);
    kernel_taps_group(&taps, bytes);
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier))
        check_weigh(kernel_table((enum base_cpu_tier)tier), &taps, row);
    free(row);
}

static void test_rows_are_weighed(void **state)
{
    (void)state;
    static const double scales[] = {0.1, 0.7, 1, 2, 2.4, 4.2, 7, 13.3, 40};
    static const int widths[] = {1, 2, 15, 16, 17, 40, 333, 2000};
    for (int i = 0; i < COUNTS; i++)
        for (size_t s = 0; s < sizeof scales / sizeof scales[0]; s++)
            for (size_t w = 0; w < sizeof widths / sizeof widths[0]; w++)
                for (int step = 1; step <= 4; step++) {
                    check_row(counts[i], widths[w], scales[s], step, false);
                    check_row(counts[i], widths[w], scales[s], step, true);
                }
}

static void test_taps_are_cut_into_pieces_while_they_are_near(void **state)
{
    (void)state;
    static const struct {
        double scale;
        int step, pieces;
    } cases[] = {{1, 1, 1}, {2, 1, 1}, {3, 1, 2}, {3, 3, 5}, {12, 1, 6}, {40, 1, 0}, {12, 4, 0}};
    static struct kernel_taps taps;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        make_taps(&taps, 64, 4000, cases[i].scale, cases[i].step, true);
        kernel_taps_group(&taps, 4000L * cases[i].step - cases[i].step + 1);
        assert_int_equal(taps.pieces, cases[i].pieces);
    }
}

/* ---- Two rows ---- */

struct rows {
    int16_t near[3][MOST], far[3][MOST];
};

/* Sums as they come of bytes less `black`. */
static void make_rows(struct rows *rows, bool resize, const int black[3])
{
    int unit = resize ? 128 : 32;
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < MOST; i++) {
            int far = i % 3 ? draw(255 * unit + 1) : 255 * unit;
            rows->near[c][i] = (int16_t)(draw(255 * unit + 1) - black[c] * unit);
            rows->far[c][i] = (int16_t)(far - black[c] * unit);
        }
}

static struct kernel_blend blend_of(const struct rows *rows, int count, int weight, bool resize)
{
    struct kernel_blend blend = {.near_weight = weight,
                                 .far_weight = (resize ? 2048 : 32) - weight,
                                 .resize = resize,
                                 .count = count};
    for (int c = 0; c < 3; c++) {
        blend.near[c] = rows->near[c];
        blend.far[c] = rows->far[c];
    }
    return blend;
}

static void blend_guarded(const struct kernel_table *k, const struct kernel_blend *blend,
                          uint8_t out[3][MOST + GUARDS])
{
    memset(out, GUARD, 3 * (MOST + GUARDS));
    k->pixels_blend(blend, out[0], MOST + GUARDS);
    for (int c = 0; c < 3; c++)
        check_guards(out[c] + rounded_up(blend->count));
}

/* cv2.resize and cv2.warpAffine. */
static int blended(const struct kernel_blend *b, int c, int i)
{
    int near = b->near[c][i] * b->near_weight, far = b->far[c][i] * b->far_weight;
    return b->resize ? (near / 65536 + far / 65536 + 2) / 4 : (near + far + 512) / 1024;
}

static void test_rows_of_colours_are_blended(void **state)
{
    (void)state;
    static struct rows rows;
    static uint8_t out[3][MOST + GUARDS];
    const int black[3] = {0, 0, 0};
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier))
        for (int n = 0; n < 2 * COUNTS; n++) {
            bool resize = n % 2;
            make_rows(&rows, resize, black);
            for (int quarter = 0; quarter <= 4; quarter++) {
                int weight = (resize ? 2048 : 32) * quarter / 4;
                struct kernel_blend blend = blend_of(&rows, counts[n / 2], weight, resize);
                blend_guarded(kernel_table((enum base_cpu_tier)tier), &blend, out);
                for (int c = 0; c < 3; c++)
                    for (int i = 0; i < blend.count; i++)
                        assert_int_equal(out[c][i], blended(&blend, c, i));
            }
        }
}

/* BT.601 in numbers with a point, of rows that count from black. */
static void assert_colour(const struct kernel_blend *b, int i, uint8_t out[3][MOST + GUARDS])
{
    double yuv[3], whole = b->resize ? 2048.0 * 128 : 32.0 * 32;
    for (int c = 0; c < 3; c++)
        yuv[c] = (b->near[c][i] * b->near_weight + b->far[c][i] * b->far_weight) / whole;
    const double wanted[] = {1.16438 * yuv[0] + 1.59603 * yuv[2],
                             1.16438 * yuv[0] - 0.39176 * yuv[1] - 0.81297 * yuv[2],
                             1.16438 * yuv[0] + 2.01723 * yuv[1]};
    for (int c = 0; c < 3; c++) {
        double clamped = wanted[c] < 0 ? 0 : wanted[c] > 255 ? 255 : wanted[c];
        double apart = out[c][i] - clamped;
        assert_true(apart > -0.65 && apart < 0.65); /* a half, and YUV in sixteenths */
    }
}

static void test_rows_of_yuv_become_red_green_and_blue(void **state)
{
    (void)state;
    static const struct kernel_yuv bt601 = {16, 76309, 104597, 25675, 53279, 132201};
    static struct rows rows;
    static uint8_t out[3][MOST + GUARDS];
    const int black[3] = {16, 128, 128};
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier))
        for (int n = 0; n < 2 * COUNTS; n++) {
            make_rows(&rows, n % 2, black);
            struct kernel_blend blend =
                blend_of(&rows, counts[n / 2], draw(n % 2 ? 2049 : 33), n % 2);
            blend.yuv = &bt601;
            blend_guarded(kernel_table((enum base_cpu_tier)tier), &blend, out);
            for (int i = 0; i < blend.count; i++)
                assert_colour(&blend, i, out);
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
    static struct rows rows;
    static uint8_t first[3][MOST + GUARDS], other[3][MOST + GUARDS];
    for (int tier = base_cpu_next(BASE_CPU_REF); tier < BASE_CPU_TIERS; tier = base_cpu_next(tier))
        for (int i = 0; i < 8; i++) {
            const int black[3] = {matrices[i / 2].black, 128, 128};
            make_rows(&rows, i % 2, black);
            struct kernel_blend blend = blend_of(&rows, MOST, draw(i % 2 ? 2049 : 33), i % 2);
            blend.yuv = &matrices[i / 2];
            blend_guarded(kernel_table(BASE_CPU_REF), &blend, first);
            blend_guarded(kernel_table((enum base_cpu_tier)tier), &blend, other);
            assert_memory_equal(first, other, sizeof first);
        }
}

static void test_pixels_are_normalised_alike_in_every_tier(void **state)
{
    (void)state;
    uint8_t pixels[MOST];
    for (int i = 0; i < MOST; i++)
        pixels[i] = (uint8_t)i;
    const float shift = -123.675f, factor = 1 / 58.395f;
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier))
        for (int n = 0; n < COUNTS; n++) {
            float out[MOST + GUARDS];
            memset(out, GUARD, sizeof out);
            kernel_table((enum base_cpu_tier)tier)
                ->pixels_normalise(pixels, shift, factor, out, counts[n]);
            for (int i = 0; i < counts[n]; i++) {
                volatile float sum = (float)pixels[i] + shift;
                assert_float_equal(out[i], sum * factor, 0);
            }
            check_guards(out + counts[n]);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_are_weighed),
        cmocka_unit_test(test_taps_are_cut_into_pieces_while_they_are_near),
        cmocka_unit_test(test_rows_of_colours_are_blended),
        cmocka_unit_test(test_rows_of_yuv_become_red_green_and_blue),
        cmocka_unit_test(test_tiers_agree_to_the_last_bit),
        cmocka_unit_test(test_pixels_are_normalised_alike_in_every_tier),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
