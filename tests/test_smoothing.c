/* One-Euro smoothing and filling of skipped frames. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/number.h"
#include "support/support.h"
#include "track/interpolate.h"
#include "track/one_euro.h"

static uint64_t random_state = 3;

static double normal(void)
{
    double sum = -6;
    for (int i = 0; i < 12; i++) {
        random_state = random_state * 6364136223846793005u + 1442695040888963407u;
        sum += (double)(random_state >> 11) * 0x1p-53;
    }
    return sum;
}

static double field(const char **at, const char *end)
{
    const char *from = *at;
    double value;
    while (*at < end && **at != ',' && **at != '\n' && **at != '\r')
        ++*at;
    assert_int_equal(base_number_double(from, (size_t)(*at - from), &value), 0);
    while (*at < end && (**at == ',' || **at == '\n' || **at == '\r'))
        ++*at;
    return value;
}

/* The authors' own reference data. */
static void test_one_euro_is_the_published_filter(void **state)
{
    (void)state;
    char path[4096];
    struct base_mapping file;
    const struct track_smoothing smoothing = {1, 0.1, 1, false};
    struct track_euro euro = {0};
    double before = 0, worst = 0;
    int rows = 0;
    if (!support_shared_path(path, sizeof path, "data/fixtures/oneeuro/groundTruth.csv"))
        skip();
    assert_int_equal(base_file_map(&file, path, 1 << 20), 0);
    const char *at = (const char *)file.data, *end = at + file.size;
    while (at < end && *at++ != '\n') {
    }
    for (; at < end; rows++) {
        double time = field(&at, end);
        field(&at, end);
        double noisy = field(&at, end), filtered = field(&at, end);
        double found =
            track_euro_step(&euro, &smoothing, rows ? time - before : 1.0 / 120, 1, noisy);
        worst = fmax(worst, fabs(found - filtered));
        before = time;
    }
    base_file_unmap(&file);
    assert_int_equal(rows, 1200);
    if (worst > 1e-4)
        fail_msg("off by %g", worst);
}

static void test_presets_of_smoothing(void **state)
{
    (void)state;
    struct track_smoothing s;
    const char *names[] = {"off", "low", "high"};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(track_smoothing_preset(&s, names[i]), 0);
        assert_int_equal(track_smoothing_check(&s), 0);
    }
    assert_int_equal(track_smoothing_preset(&s, "medium"), STANCE_EARGUMENT);
    s.beta = NAN;
    assert_int_equal(track_smoothing_check(&s), STANCE_EARGUMENT);
    s = (struct track_smoothing){1, 1, 0, false};
    assert_int_equal(track_smoothing_check(&s), STANCE_EARGUMENT);
}

struct quality {
    double still, lag; /* pixels */
};

/* A person of 200 pixels with an error of 2 %: how much is left of it standing still, and how far
 * behind the filter is of a wrist that moves at two heights a second. */
static struct quality measure(const char *name, double fps)
{
    struct track_smoothing s;
    struct track_euro still = {0}, moving = {0};
    struct quality q = {0, 0};
    int count = (int)(fps * 20), settled = count / 2;
    assert_int_equal(track_smoothing_preset(&s, name), 0);
    for (int i = 0; i < count; i++) {
        double error = 4 * normal(), way = 400 * i / fps;
        double value = track_euro_step(&still, &s, 1 / fps, 1 / 120.0, error);
        double there = track_euro_step(&moving, &s, 1 / fps, 1 / 120.0, way);
        if (i >= settled) {
            q.still += value * value / (count - settled);
            q.lag = way - there;
        }
    }
    q.still = sqrt(q.still);
    return q;
}

/* The presets do at 15, 30 and 60 frames per second what they promise. */
static void test_presets_calm_and_do_not_lag(void **state)
{
    (void)state;
    const double rates[] = {15, 30, 60};
    for (int r = 0; r < 3; r++) {
        struct quality off = measure("off", rates[r]), low = measure("low", rates[r]),
                       high = measure("high", rates[r]);
        assert_float_equal(off.lag, 0, 1e-9);
        assert_true(off.still > 3.5);
        assert_true(low.still < 0.8 * off.still && high.still < 0.75 * low.still);
        assert_true(low.lag < 3 && high.lag < 8);
    }
}

static void test_smoother_begins_afresh(void **state)
{
    (void)state;
    struct track_smoother smoother;
    struct track_smoothing s;
    assert_int_equal(track_smoothing_preset(&s, "high"), 0);
    assert_int_equal(track_smoother_open(&smoother, 2), 0);
    struct stance_keypoint p[2] = {{10, 10, 1}, {20, 20, 1}};
    track_smoother_step(&smoother, &s, 0, 100, p);
    assert_float_equal(p[0].x, 10, 0);
    struct stance_keypoint q[2] = {{20, 10, 1}, {999, NAN, 0.5f}};
    track_smoother_step(&smoother, &s, 40000, 100, q);
    assert_true(q[0].x > 10 && q[0].x < 20);
    assert_float_equal(q[1].x, 999, 0); /* no number: left alone */
    struct stance_keypoint r[2] = {{20, 10, 1}, {50, 60, 1}};
    track_smoother_step(&smoother, &s, 80000, 100, r);
    assert_float_equal(r[1].x, 50, 0); /* back: afresh */
    track_smoother_reset(&smoother);
    struct stance_keypoint t[2] = {{500, 10, 1}, {50, 60, 0}};
    track_smoother_step(&smoother, &s, 120000, 100, t);
    assert_float_equal(t[0].x, 500, 0);
    track_smoother_close(&smoother);
}

static void test_smoother_takes_any_clock(void **state)
{
    (void)state;
    struct track_smoother smoother;
    struct track_smoothing s;
    const int64_t times[] = {0, 0, -5, 40000, 30000, INT64_MAX, INT64_MIN};
    assert_int_equal(track_smoothing_preset(&s, "low"), 0);
    assert_int_equal(track_smoother_open(&smoother, 1), 0);
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        struct stance_keypoint p = {(float)(10 + i % 2), 5, 1};
        track_smoother_step(&smoother, &s, times[i], i % 3 ? 50 : 0, &p);
        assert_true(p.x >= 10 && p.x <= 11);
    }
    track_smoother_close(&smoother);
    base_alloc_fail_at(1, 0);
    assert_int_equal(track_smoother_open(&smoother, 1), STANCE_ENOMEMORY);
    base_alloc_fail_at(0, 0);
    track_smoother_close(&smoother);
}

/* After a clock was set back by hours steps have their real lengths again. */
static void test_smoother_goes_on_when_the_clock_is_set(void **state)
{
    (void)state;
    struct track_smoother smoother;
    struct track_smoothing s;
    assert_int_equal(track_smoothing_preset(&s, "high"), 0);
    assert_int_equal(track_smoother_open(&smoother, 1), 0);
    const int64_t hour = 3600 * (int64_t)1000000, times[] = {hour, hour + 500000, 0, 40000, 80000};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        struct stance_keypoint p = {10, 5, 1};
        track_smoother_step(&smoother, &s, times[i], 50, &p);
    }
    assert_float_equal(smoother.seconds, 0.04, 1e-9);
    track_smoother_close(&smoother);
}

/* "off" is the identity. */
static void test_off_changes_nothing(void **state)
{
    (void)state;
    struct track_smoothing s;
    struct track_euro euro = {0};
    assert_int_equal(track_smoothing_preset(&s, "off"), 0);
    for (int i = 0; i < 100; i++) {
        double value = normal();
        assert_float_equal(track_euro_step(&euro, &s, 0.01, 1, value), value, 0);
    }
}

static void test_fill_knows_where_it_is(void **state)
{
    (void)state;
    /* Measured at 1.0 and 1.2 s. */
    assert_float_equal(track_fill_alpha(TRACK_FILL_BETWEEN, 1000000, 1200000, 1050000), 0.25, 1e-9);
    assert_float_equal(track_fill_alpha(TRACK_FILL_BETWEEN, 1000000, 1200000, 1500000), 1, 0);
    assert_float_equal(track_fill_alpha(TRACK_FILL_EXTRAPOLATE, 1000000, 1200000, 1250000), 1.25,
                       1e-9);
    assert_float_equal(track_fill_alpha(TRACK_FILL_EXTRAPOLATE, 1000000, 1200000, 9000000), 2, 0);
    assert_float_equal(track_fill_alpha(TRACK_FILL_LATE, 1000000, 1200000, 1200000), 0, 0);
    assert_float_equal(track_fill_alpha(TRACK_FILL_LATE, 1000000, 1200000, 1250000), 0.25, 1e-9);
    assert_float_equal(track_fill_alpha(TRACK_FILL_LATE, 1000000, 1200000, 1500000), 1, 0);
    assert_float_equal(track_fill_alpha(TRACK_FILL_HOLD, 1000000, 1200000, 1250000), 1, 0);
    for (int fill = TRACK_FILL_BETWEEN; fill <= TRACK_FILL_HOLD; fill++) {
        assert_float_equal(track_fill_alpha((enum track_fill)fill, 5, 5, 9), 1, 0);
        double before = -1;
        for (int64_t time = 900000; time < 1500000; time += 1000) { /* never goes back */
            double alpha = track_fill_alpha((enum track_fill)fill, 1000000, 1200000, time);
            assert_true(alpha >= before && alpha <= 2);
            before = alpha;
        }
    }
}

static void test_fill_goes_straight_and_invents_nothing(void **state)
{
    (void)state;
    const struct stance_keypoint a[3] = {{0, 0, 0.4f}, {10, 10, 0}, {5, 5, 0.9f}};
    const struct stance_keypoint b[3] = {{10, 20, 0.8f}, {30, 30, 0.7f}, {0, 0, 0}};
    struct stance_keypoint out[3];
    track_fill_points(a, b, 3, 0.25, out);
    assert_float_equal(out[0].x, 2.5, 1e-6);
    assert_float_equal(out[0].score, 0.5, 1e-6);
    assert_float_equal(out[1].score, 0, 0);
    assert_float_equal(out[2].x, 5, 0);
    track_fill_points(a, b, 3, 2, out);
    assert_float_equal(out[0].y, 40, 1e-5);
    assert_float_equal(out[0].score, 0.8, 1e-6);
    assert_float_equal(out[1].x, 30, 0);
    assert_float_equal(out[2].score, 0, 0);
    float box[4];
    track_fill_box((const float[]){0, 0, 10, 10}, (const float[]){2, 0, 12, 20}, 0.5, box);
    assert_memory_equal(box, ((float[]){1, 0, 11, 15}), sizeof box);
    track_fill_box((const float[]){0, 0, 100, 10}, (const float[]){40, 0, 60, 10}, 2, box);
    assert_memory_equal(box, ((float[]){40, 0, 60, 10}), sizeof box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_euro_is_the_published_filter),
        cmocka_unit_test(test_presets_of_smoothing),
        cmocka_unit_test(test_presets_calm_and_do_not_lag),
        cmocka_unit_test(test_smoother_begins_afresh),
        cmocka_unit_test(test_smoother_takes_any_clock),
        cmocka_unit_test(test_smoother_goes_on_when_the_clock_is_set),
        cmocka_unit_test(test_off_changes_nothing),
        cmocka_unit_test(test_fill_knows_where_it_is),
        cmocka_unit_test(test_fill_goes_straight_and_invents_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
