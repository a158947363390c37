/* The parts of tracking: the box filter, the assignment, OKS, and options. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <math.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "track/tracker.h"

static uint64_t random_state = 1;

static double uniform(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (double)(random_state >> 11) * 0x1p-53;
}

static const struct track_noise bytetrack_noise = {1.0 / 20, 1.0 / 160, 1.0 / 20};

/* One tick is what ByteTrack's 8 × 8 matrices give: numbers from its formulas worked out by hand. */
static void test_kalman_step_is_bytetracks(void **state)
{
    (void)state;
    struct track_kalman k;
    const float first[4] = {100, 200, 140, 300}, second[4] = {110, 200, 150, 300};
    float box[4];
    track_kalman_start(&k, first, &bytetrack_noise);
    assert_float_equal(k.axis[TRACK_X].p_value, 100, 1e-9);        /* (2 × 100 / 20)² */
    assert_float_equal(k.axis[TRACK_X].p_velocity, 39.0625, 1e-9); /* (10 × 100 / 160)² */
    track_kalman_predict(&k, 1, false, &bytetrack_noise);
    assert_float_equal(k.axis[TRACK_X].p_value, 100 + 39.0625 + 25, 1e-9);
    assert_float_equal(k.axis[TRACK_X].p_both, 39.0625, 1e-9);
    track_kalman_update(&k, second, &bytetrack_noise);
    assert_float_equal(k.axis[TRACK_X].value, 120 + 10 * 164.0625 / 189.0625, 1e-9);
    assert_float_equal(k.axis[TRACK_X].velocity, 10 * 39.0625 / 189.0625, 1e-9);
    assert_float_equal(k.axis[TRACK_X].p_value, 164.0625 * 25 / 189.0625, 1e-9);
    track_kalman_box(&k, box);
    assert_float_equal(box[3] - box[1], 100, 1e-4);
}

static void test_kalman_steps_add_up(void **state)
{
    (void)state;
    const float box[4] = {0, 0, 40, 100};
    for (int i = 0; i < 200; i++) {
        struct track_kalman once, twice;
        double a = 3 * uniform(), b = 3 * uniform();
        track_kalman_start(&once, box, &bytetrack_noise);
        once.axis[TRACK_X].velocity = 2;
        once.axis[TRACK_HEIGHT].velocity = 0.01;
        twice = once;
        track_kalman_predict(&once, a + b, true, &bytetrack_noise);
        track_kalman_predict(&twice, a, true, &bytetrack_noise);
        track_kalman_predict(&twice, b, true, &bytetrack_noise);
        for (int e = 0; e < TRACK_AXES; e++) {
            assert_float_equal(once.axis[e].value, twice.axis[e].value, 1e-9);
            assert_float_equal(once.axis[e].p_value, twice.axis[e].p_value, 1e-9);
            assert_float_equal(once.axis[e].p_both, twice.axis[e].p_both, 1e-9);
            assert_float_equal(once.axis[e].p_velocity, twice.axis[e].p_velocity, 1e-9);
        }
    }
}

/* Covariances stay positive whatever the steps. */
static void test_kalman_stays_sound(void **state)
{
    (void)state;
    struct track_kalman k;
    const float first[4] = {0, 0, 40, 100};
    const struct track_noise noise = {1e-4, 10, 1e-4};
    track_kalman_start(&k, first, &noise);
    for (int i = 0; i < 2000; i++) {
        float x = (float)(1000 * uniform()), y = (float)(1000 * uniform());
        float box[4] = {x, y, x + 1 + (float)(200 * uniform()), y + 1 + (float)(200 * uniform())};
        track_kalman_predict(&k, uniform() < 0.1 ? 100000 * uniform() : 2 * uniform(), i % 3 == 0,
                             &noise);
        for (int e = 0; e < TRACK_AXES; e++) {
            const struct track_axis *a = &k.axis[e];
            assert_true(a->p_value > 0 && a->p_velocity > 0 && isfinite(a->value));
            assert_true(a->p_value * a->p_velocity >= a->p_both * a->p_both * (1 - 1e-9));
        }
        track_kalman_box(&k, box);
        assert_true(box[2] > box[0] && box[3] > box[1]);
        track_kalman_update(&k, (float[4]){x, y, x + 50, y + 100}, &noise);
    }
}

/* The least sum of (cost − limit) over all ways to pair rows up, by trying every one. */
static double best_sum(const double *cost, int rows, int columns, int row, unsigned used,
                       double limit)
{
    if (row == rows)
        return 0;
    double best = best_sum(cost, rows, columns, row + 1, used, limit);
    for (int j = 0; j < columns; j++)
        if (!(used >> j & 1))
            best = fmin(best, cost[row * columns + j] - limit +
                                  best_sum(cost, rows, columns, row + 1, used | 1u << j, limit));
    return best;
}

static void test_assignment_is_the_best_one(void **state)
{
    (void)state;
    struct track_assignment space;
    assert_int_equal(track_assignment_open(&space, 6, 6), 0);
    for (int round = 0; round < 3000; round++) {
        int rows = round % 6 + 1, columns = round / 6 % 6 + 1, seen = 0;
        double cost[36], limit = 0.2 + uniform(), sum = 0;
        int32_t partner[6];
        for (int i = 0; i < rows * columns; i++)
            cost[i] = round % 2 ? uniform() : floor(4 * uniform()) / 4;
        track_assignment_solve(&space, cost, rows, columns, columns, limit, partner);
        for (int i = 0; i < rows; i++)
            if (partner[i] >= 0) {
                assert_in_range(partner[i], 0, columns - 1);
                assert_false(seen >> partner[i] & 1);
                seen |= 1 << partner[i];
                assert_true(cost[i * columns + partner[i]] < limit);
                sum += cost[i * columns + partner[i]] - limit;
            }
        assert_float_equal(sum, best_sum(cost, rows, columns, 0, 0, limit), 1e-9);
    }
    track_assignment_close(&space);
}

static void test_assignment_of_nothing(void **state)
{
    (void)state;
    struct track_assignment space;
    int32_t partner[2] = {7, 7};
    double cost[2] = {1, 2};
    assert_int_equal(track_assignment_open(&space, 2, 2), 0);
    track_assignment_solve(&space, cost, 0, 2, 2, 1, partner);
    assert_int_equal(partner[0], 7);
    track_assignment_solve(&space, cost, 2, 0, 0, 1, partner);
    assert_int_equal(partner[0], -1);
    track_assignment_solve(&space, cost, 1, 2, 2, 1, partner); /* at the limit: not made */
    assert_int_equal(partner[0], -1);
    track_assignment_close(&space);
}

static const float sigmas[3] = {0.026f, 0.079f, 0.107f};

static void test_oks_is_cocos_formula(void **state)
{
    (void)state;
    struct track_oks oks;
    struct stance_keypoint a[3] = {{10, 10, 1}, {20, 30, 1}, {25, 60, 1}};
    struct stance_keypoint b[3] = {{12, 10, 1}, {20, 33, 1}, {25, 60, 1}};
    struct track_pose p = {a, 2000, 1}, q = {b, 3000, 1};
    int common;
    assert_int_equal(track_oks_open(&oks, sigmas, 3), 0);
    double expected =
        (exp(-4 / (2 * 2500 * 0.052 * 0.052)) + exp(-9 / (2 * 2500 * 0.158 * 0.158)) + 1) / 3;
    assert_float_equal(track_oks_likeness(&oks, &p, &q, 0.3f, &common), expected, 1e-6);
    assert_int_equal(common, 3);
    assert_float_equal(track_oks_likeness(&oks, &p, &p, 0.3f, &common), 1, 1e-12);
    track_oks_close(&oks);
}

static void test_oks_leaves_out_what_cannot_be_seen(void **state)
{
    (void)state;
    struct track_oks oks;
    struct stance_keypoint a[3] = {{10, 10, 1}, {20, 30, 0.1f}, {25, 60, 1}};
    struct stance_keypoint b[3] = {{10, 10, NAN}, {99, 99, 1}, {NAN, 60, 1}};
    struct track_pose p = {a, 2000, 1}, q = {b, 2000, 1};
    int common = 9;
    assert_int_equal(track_oks_open(&oks, NULL, 3), 0);
    assert_float_equal(track_oks_likeness(&oks, &p, &q, 0.3f, &common), 0, 0);
    assert_int_equal(common, 0);
    b[2].x = 25;
    assert_float_equal(track_oks_likeness(&oks, &p, &q, 0.3f, &common), 1, 1e-12);
    assert_int_equal(common, 1);
    p.area = q.area = 0; /* a person without extent is like nobody */
    double like = track_oks_likeness(&oks, &p, &q, 0.3f, &common);
    assert_true(like >= 0 && like <= 1);
    track_oks_close(&oks);
    assert_int_equal(track_oks_open(&oks, (const float[]){0.1f, 0}, 2), STANCE_EARGUMENT);
    assert_int_equal(track_oks_open(&oks, (const float[]){NAN}, 1), STANCE_EARGUMENT);
}

static void test_oks_nms_keeps_the_best_of_each_person(void **state)
{
    (void)state;
    struct track_oks oks;
    struct stance_keypoint points[5][3];
    struct track_pose poses[5];
    const float score[5] = {0.5f, 0.9f, 0.9f, 0.2f, 0.7f}, at[5] = {0, 2, 500, 501, 1};
    uint8_t keep[5];
    int32_t order[5];
    for (int i = 0; i < 5; i++) {
        for (int k = 0; k < 3; k++)
            points[i][k] = (struct stance_keypoint){at[i] + (float)(10 * k), (float)(20 * k), 1};
        poses[i] = (struct track_pose){points[i], 4000, score[i]};
    }
    assert_int_equal(track_oks_open(&oks, sigmas, 3), 0);
    assert_int_equal(track_oks_nms(&oks, poses, 5, 0.3f, 0.5f, keep, order), 2);
    assert_memory_equal(keep, ((uint8_t[]){0, 1, 1, 0, 0}), 5);
    assert_int_equal(track_oks_nms(&oks, poses, 5, 0.3f, 1, keep, order), 5);
    assert_int_equal(track_oks_nms(&oks, poses, 0, 0.3f, 0.5f, keep, order), 0);
    track_oks_close(&oks);
}

static void test_options_are_checked(void **state)
{
    (void)state;
    struct stance_tracker_options o;
    struct stance_tracker *t;
    const float wrong[] = {-0.1f, NAN, INFINITY};
    for (size_t i = 0; i < 3; i++) {
        stance_tracker_options_default(&o);
        o.match_cost = wrong[i];
        assert_int_equal(stance_tracker_open(&t, &o), STANCE_EARGUMENT);
        assert_null(t);
        assert_non_null(strstr(stance_error_text(), "match_cost"));
    }
    stance_tracker_options_default(&o);
    o.mode = STANCE_TRACKER_OKS;
    assert_int_equal(stance_tracker_open(&t, &o), STANCE_EARGUMENT);
    o.keypoint_count = 3;
    o.sigmas = (const float[]){0.1f, -1, 0.1f};
    assert_int_equal(stance_tracker_open(&t, &o), STANCE_EARGUMENT);
    stance_tracker_options_default(&o);
    o.max_tracks = 0;
    assert_int_equal(stance_tracker_open(&t, &o), STANCE_EARGUMENT);
    stance_tracker_close(&t);
}

static void test_presets(void **state)
{
    (void)state;
    struct stance_tracker_options o, fresh;
    stance_tracker_options_default(&fresh);
    stance_tracker_options_default(&o);
    o.keypoint_count = 17;
    assert_int_equal(stance_tracker_options_preset(&o, "tuned"), 0);
    assert_float_equal(o.high_threshold, 0.7, 1e-6);
    assert_float_equal(o.low_threshold, 0.2, 1e-6);
    assert_float_equal(o.buffer_seconds, 20.0 / 30, 1e-6);
    assert_int_equal(o.min_hits, 2);
    assert_int_equal(o.keypoint_count, 17);
    assert_int_equal(stance_tracker_options_preset(&o, "bytetrack"), 0);
    assert_float_equal(o.velocity_weight, 1.0 / 160, 1e-6);
    assert_int_equal(stance_tracker_options_preset(&o, "default"), 0);
    o.keypoint_count = 0;
    assert_memory_equal(&o, &fresh, sizeof o);
    assert_int_equal(stance_tracker_options_preset(&o, "best"), STANCE_EARGUMENT);
    assert_non_null(strstr(stance_error_text(), "tuned"));
}

/* Structs of older programs are shorter. */
static void test_options_of_an_older_size(void **state)
{
    (void)state;
    struct stance_tracker_options old, checked;
    memset(&old, 0xff, sizeof old);
    old.struct_size = (uint32_t)offsetof(struct stance_tracker_options, high_threshold);
    old.mode = STANCE_TRACKER_IOU;
    old.keypoint_count = 5;
    old.sigmas = NULL;
    assert_int_equal(track_options_check(&checked, &old), 0);
    assert_int_equal(checked.mode, STANCE_TRACKER_IOU);
    assert_int_equal(checked.keypoint_count, 5);
    assert_float_equal(checked.high_threshold, 0.5, 1e-6);
    assert_int_equal(checked.min_keypoints, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kalman_step_is_bytetracks),
        cmocka_unit_test(test_kalman_steps_add_up),
        cmocka_unit_test(test_kalman_stays_sound),
        cmocka_unit_test(test_assignment_is_the_best_one),
        cmocka_unit_test(test_assignment_of_nothing),
        cmocka_unit_test(test_oks_is_cocos_formula),
        cmocka_unit_test(test_oks_leaves_out_what_cannot_be_seen),
        cmocka_unit_test(test_oks_nms_keeps_the_best_of_each_person),
        cmocka_unit_test(test_options_are_checked),
        cmocka_unit_test(test_presets),
        cmocka_unit_test(test_options_of_an_older_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
