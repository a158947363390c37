/* Coordinates between the bins and cells of a network's outputs. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "model/family.h"
#include "model/refine.h"

/* Values computed with NumPy in double precision by MMPose's formulas. */
static void test_dark_on_simcc_gives_the_published_values(void **state)
{
    float row[384];
    for (int i = 0; i < 384; i++) {
        double a = i - 100.37, b = i - 140;
        row[i] = (float)(0.9 * exp(-a * a / (2 * 4.9 * 4.9)) + 0.2 * exp(-b * b / 162));
    }
    assert_int_equal(model_dark_kernel(4.9), 29);
    assert_int_equal(model_dark_kernel(5.66), 35);
    assert_true(fabsf(model_dark_row(row, 384, 100, 29) - 100.372295f) < 1e-3f);
}

/* At the border MMPose's stencil sees an edge, not a peak, and jumps by hundreds of bins. */
static void test_dark_stays_near_the_maximum(void **state)
{
    float row[96];
    for (int i = 0; i < 96; i++)
        row[i] = expf(-(float)i * (float)i / 48);
    for (int at = 0; at < 96; at++)
        assert_true(fabsf(model_dark_row(row, 96, at, 29) - (float)at) <= 2);
    memset(row, 0, sizeof row);
    assert_true(model_dark_row(row, 96, 3, 29) == 3);
    row[3] = NAN;
    assert_true(model_dark_row(row, 96, 3, 29) == 3);
}

enum { MAP_W = 48, MAP_H = 64 };

static void make_heat(float map[MAP_H][MAP_W], double cx, double cy)
{
    for (int y = 0; y < MAP_H; y++)
        for (int x = 0; x < MAP_W; x++)
            map[y][x] = (float)(0.8 * exp(-((x - cx) * (x - cx) + (y - cy) * (y - cy)) / 8) +
                                0.3 * exp(-((x - 25.) * (x - 25.) + (y - 30.) * (y - 30.)) / 18));
}

static void check_heat(double cx, double cy, int refine, double x, double y)
{
    static float map[MAP_H][MAP_W], scratch[2 * MAP_H * MAP_W];
    struct model_traits traits = {.family = &model_heatmap,
                                  .input = {.width = 192, .height = 256},
                                  .keypoint_count = 1,
                                  .refine = refine};
    struct stance_tensor output = {STANCE_FLOAT32, 4, {1, 1, MAP_H, MAP_W}, map};
    struct stance_keypoint point;
    make_heat(map, cx, cy);
    model_heatmap.decode_pose(&traits, &output, 0, scratch, &point);
    if (fabs(point.x - x) > 5e-3 || fabs(point.y - y) > 5e-3)
        fail_msg("%g %g with refinement %d: %g %g where %g %g should be", cx, cy, refine,
                 (double)point.x, (double)point.y, x, y);
}

static void test_heatmaps_are_refined_as_published(void **state)
{
    const double across = 191. / 47, down = 255. / 63; /* UDP: corner to corner */
    check_heat(20.3, 33.6, STANCE_REFINE_NONE, 80, 136);
    check_heat(20.3, 33.6, STANCE_REFINE_SHIFT, 81, 135);
    check_heat(20.3, 33.6, STANCE_REFINE_DARK, 4 * 20.72701321, 4 * 33.27868371);
    check_heat(20.3, 33.6, STANCE_REFINE_UDP, across * 20.71891832, down * 33.28412591);
    check_heat(0.4, 62.7, STANCE_REFINE_DARK, 0, 4 * 63); /* not at the border */
    check_heat(46.8, 30.2, STANCE_REFINE_UDP, across * 47.49999953, down * 30.20003132);
}

static void test_only_what_a_family_has_can_be_asked_for(void **state)
{
    struct model_traits simcc = {.family = &model_simcc, .refine = STANCE_REFINE_NONE};
    struct model_traits heat = {.family = &model_heatmap, .refine = STANCE_REFINE_SHIFT};
    assert_int_equal(model_refine(&simcc, STANCE_REFINE_UDP), STANCE_EARGUMENT);
    assert_non_null(strstr(stance_error_text(), "'udp'"));
    assert_int_equal(model_refine(&simcc, STANCE_REFINE_DARK), 0);
    assert_int_equal(model_refine(&simcc, STANCE_REFINE_AUTO), 0);
    assert_int_equal(simcc.refine, STANCE_REFINE_DARK);
    assert_int_equal(model_refine(&simcc, 99), STANCE_EARGUMENT);
    assert_int_equal(model_refine(&heat, STANCE_REFINE_UDP), 0);
    assert_true(heat.input.udp);
    assert_int_equal(model_flip_shift(&heat), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dark_on_simcc_gives_the_published_values),
        cmocka_unit_test(test_dark_stays_near_the_maximum),
        cmocka_unit_test(test_heatmaps_are_refined_as_published),
        cmocka_unit_test(test_only_what_a_family_has_can_be_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
