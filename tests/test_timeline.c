/* Times of frames rise strictly, whatever comes in. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "media/timeline.h"

static void test_timeline_leaves_rising_times_alone(void **state)
{
    (void)state;
    static const int64_t times[] = {0, 40000, 41000, 41001, 5000000, 3600000000};
    struct media_timeline timeline;
    media_timeline_open(&timeline, 40000);
    for (int i = 0; i < 6; i++)
        assert_int_equal(media_timeline_next(&timeline, times[i]), times[i]);
    assert_int_equal(timeline.corrected, 0);
}

static void test_timeline_keeps_a_late_start_and_shifts_a_negative_one(void **state)
{
    (void)state;
    struct media_timeline timeline;
    media_timeline_open(&timeline, 40000);
    assert_int_equal(media_timeline_next(&timeline, 80000), 80000);
    media_timeline_open(&timeline, 40000);
    assert_int_equal(media_timeline_next(&timeline, -80000), 0);
    assert_int_equal(media_timeline_next(&timeline, -40000), 40000);
    assert_int_equal(timeline.corrected, 0);
}

static void test_timeline_clamps_one_step_back(void **state)
{
    (void)state;
    struct media_timeline timeline;
    media_timeline_open(&timeline, 40000);
    media_timeline_next(&timeline, 0);
    media_timeline_next(&timeline, 40000);
    assert_int_equal(media_timeline_next(&timeline, 20000), 41000);
    assert_int_equal(media_timeline_next(&timeline, 80000), 80000);
    assert_int_equal(media_timeline_next(&timeline, 80000), 81000);
    assert_int_equal(media_timeline_next(&timeline, 120000), 120000);
    assert_int_equal(timeline.corrected, 2);
}

static void test_timeline_goes_on_with_a_stream_that_stays_behind(void **state)
{
    (void)state;
    struct media_timeline timeline;
    media_timeline_open(&timeline, 40000);
    for (int i = 0; i < 100; i++)
        media_timeline_next(&timeline, i * 40000);
    for (int i = 0; i < 100; i++) /* another recording begins */
        assert_int_equal(media_timeline_next(&timeline, i * 40000), (100 + i) * 40000);
    assert_int_equal(timeline.corrected, 1);
    int64_t last = timeline.last;
    for (int i = 0; i < 3; i++) { /* a clock that was set back a little */
        int64_t time = media_timeline_next(&timeline, 99 * 40000 - 100000 + i * 40000);
        assert_true(time > last && time <= last + 40000);
        last = time;
    }
    assert_int_equal(timeline.corrected, 3);
}

static void test_timeline_makes_up_times_that_are_missing(void **state)
{
    (void)state;
    struct media_timeline timeline;
    media_timeline_open(&timeline, 40000);
    for (int i = 0; i < 5; i++)
        assert_int_equal(media_timeline_next(&timeline, MEDIA_NO_TIME), i * 40000);
    assert_int_equal(timeline.corrected, 5);
}

static void test_timeline_survives_any_timestamp(void **state)
{
    (void)state;
    static const int64_t odd[] = {INT64_MIN, INT64_MAX,        INT64_MIN + 1,
                                  0,         (int64_t)1 << 59, -((int64_t)1 << 59),
                                  1,         (int64_t)1 << 61};
    struct media_timeline timeline;
    media_timeline_open(&timeline, 33333);
    int64_t last = -1;
    uint64_t noise = 1;
    for (int i = 0; i < 10000; i++) {
        noise = noise * 6364136223846793005u + 1442695040888963407u;
        int64_t value = noise >> 62 ? odd[noise >> 40 & 7] : (int64_t)(noise >> 40);
        int64_t time =
            i % 7 == 3 ? media_timeline_squeeze(&timeline) : media_timeline_next(&timeline, value);
        assert_true(time > last);
        assert_true(time < INT64_MAX / 2);
        last = time;
    }
}

static void test_timeline_squeezes_lost_frames_in(void **state)
{
    (void)state;
    struct media_timeline timeline;
    media_timeline_open(&timeline, 40000);
    media_timeline_next(&timeline, 0);
    for (int i = 0; i < 4; i++)
        media_timeline_squeeze(&timeline);
    assert_int_equal(media_timeline_next(&timeline, 40000), 40000);
    assert_int_equal(timeline.corrected, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timeline_leaves_rising_times_alone),
        cmocka_unit_test(test_timeline_keeps_a_late_start_and_shifts_a_negative_one),
        cmocka_unit_test(test_timeline_clamps_one_step_back),
        cmocka_unit_test(test_timeline_goes_on_with_a_stream_that_stays_behind),
        cmocka_unit_test(test_timeline_makes_up_times_that_are_missing),
        cmocka_unit_test(test_timeline_survives_any_timestamp),
        cmocka_unit_test(test_timeline_squeezes_lost_frames_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
