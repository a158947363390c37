/* People at times at which no network ran, against the two results around or before. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "support/blobs.h"
#include "support/trial.h"

enum { MS = 1000 };

static const enum stance_fill all_ways[] = {STANCE_FILL_BETWEEN, STANCE_FILL_EXTRAPOLATE,
                                            STANCE_FILL_LATE, STANCE_FILL_HOLD};

/* Two results of a stream, 100 ms apart, and what they said. */
struct pair {
    struct stance_pose *pose;
    struct stance_stream *stream;
    struct stance_image *image;
    struct blobs_copy older, newer;
};

static void open_pair(struct pair *pair, int detect_every)
{
    struct stance_stream_options options;
    stance_stream_options_default(&options);
    options.smoothing = "off";
    options.detect_every = detect_every;
    pair->pose = blobs_open(1, true, true);
    pair->image = blobs_picture();
    trial_check(stance_stream_open(&pair->stream, pair->pose, &options));
}

static void close_pair(struct pair *pair)
{
    stance_stream_close(&pair->stream);
    stance_pose_close(&pair->pose);
    stance_image_close(&pair->image);
}

static void apply(struct pair *pair, const struct blob *blobs, int count, int64_t time_us)
{
    struct stance_stream_frame frame = {
        .stream = pair->stream, .image = pair->image, .time_us = time_us};
    blobs_draw(pair->image, blobs, count, (double)time_us * 1e-6);
    trial_check(stance_stream_apply(&frame, 1));
    pair->older = pair->newer;
    blobs_copy(frame.result, &pair->newer);
}

static void fill(struct pair *pair, enum stance_fill way, int64_t time_us, struct blobs_copy *out)
{
    const struct stance_stream_result *result = stance_stream_fill(pair->stream, way, time_us);
    assert_int_equal(result->measured, 0);
    assert_int_equal(result->detected, 0);
    assert_int_equal(result->time_us, time_us);
    assert_non_null(result->pose.keypoint_set);
    blobs_copy(result, out);
}

static int place_of(const struct blobs_copy *copy, int64_t id)
{
    for (int i = 0; i < copy->count; i++)
        if (copy->ids[i] == id)
            return i;
    return -1;
}

/* Everybody of both results is `alpha` of the way from the older to the newer one. */
static void expect_between(const struct pair *pair, const struct blobs_copy *found, double alpha)
{
    assert_int_equal(found->count, pair->newer.count);
    assert_int_equal(found->width, BLOBS_WIDTH);
    assert_int_equal(found->height, BLOBS_HEIGHT);
    for (int i = 0; i < found->count; i++) {
        int a = place_of(&pair->older, found->ids[i]), b = place_of(&pair->newer, found->ids[i]);
        assert_true(a >= 0 && b >= 0);
        for (int k = 0; k < BLOB_POINTS; k++) {
            const struct stance_keypoint *from = &pair->older.points[a][k];
            const struct stance_keypoint *to = &pair->newer.points[b][k];
            const struct stance_keypoint *at = &found->points[i][k];
            assert_true(fabs((double)at->x - from->x - alpha * ((double)to->x - from->x)) < 1e-3);
            assert_true(fabs((double)at->y - from->y - alpha * ((double)to->y - from->y)) < 1e-3);
        }
        for (int k = 0; k < 4; k++)
            assert_true(fabs((double)found->boxes[i][k] - pair->older.boxes[a][k] -
                             alpha * ((double)pair->newer.boxes[b][k] - pair->older.boxes[a][k])) <
                        1e-3);
    }
}

static const struct blob walkers[2] = {{.x = 60, .y = 46, .vx = 60},
                                       {.x = 260, .y = 140, .vx = -50, .vy = -10}};

static void test_every_way_to_fill_is_on_its_line(void **state)
{
    static const struct {
        enum stance_fill way;
        int64_t time_ms;
        double alpha;
    } cases[] = {
        {STANCE_FILL_BETWEEN, 500, 0},     {STANCE_FILL_BETWEEN, 525, 0.25},
        {STANCE_FILL_BETWEEN, 550, 0.5},   {STANCE_FILL_BETWEEN, 600, 1},
        {STANCE_FILL_BETWEEN, 480, 0},     {STANCE_FILL_BETWEEN, 640, 1},
        {STANCE_FILL_EXTRAPOLATE, 600, 1}, {STANCE_FILL_EXTRAPOLATE, 640, 1.4},
        {STANCE_FILL_EXTRAPOLATE, 700, 2}, {STANCE_FILL_EXTRAPOLATE, 5000, 2},
        {STANCE_FILL_LATE, 600, 0},        {STANCE_FILL_LATE, 630, 0.3},
        {STANCE_FILL_LATE, 700, 1},        {STANCE_FILL_LATE, 900, 1},
        {STANCE_FILL_HOLD, 601, 1},        {STANCE_FILL_HOLD, 9000, 1},
        {(enum stance_fill)77, 650, 1},
    };
    struct pair pair;
    (void)state;
    open_pair(&pair, 0);
    for (int i = 0; i <= 6; i++)
        apply(&pair, walkers, 2, i * 100 * MS);
    assert_int_equal(pair.newer.count, 2);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct blobs_copy found;
        fill(&pair, cases[i].way, cases[i].time_ms * MS, &found);
        expect_between(&pair, &found, cases[i].alpha);
    }
    struct stance_stream_counts counts;
    stance_stream_counts(pair.stream, &counts);
    assert_int_equal(counts.filled, sizeof cases / sizeof cases[0]);
    assert_int_equal(counts.measured, 7);
    close_pair(&pair);
}

/* People who walk straight are where they really are, between and a little after. */
static void test_filled_people_are_where_they_really_are(void **state)
{
    struct pair pair;
    int64_t ids[2] = {0};
    (void)state;
    open_pair(&pair, 0);
    for (int i = 0; i <= 10; i++) {
        apply(&pair, walkers, 2, i * 40 * MS);
        for (int ms = -30; i > 0 && ms <= 0; ms += 10)
            blobs_expect(stance_stream_fill(pair.stream, STANCE_FILL_BETWEEN, (i * 40 + ms) * MS),
                         walkers, 2, i * 0.04 + ms * 1e-3, 1, ids);
        for (int ms = 0; i > 0 && ms <= 40; ms += 10) /* twice the error of a cell */
            blobs_expect(
                stance_stream_fill(pair.stream, STANCE_FILL_EXTRAPOLATE, (i * 40 + ms) * MS),
                walkers, 2, i * 0.04 + ms * 1e-3, 3, ids);
    }
    close_pair(&pair);
}

/* A fill changes nothing of what comes after. */
static void test_filling_leaves_the_stream_as_it_is(void **state)
{
    struct pair filled, plain;
    (void)state;
    open_pair(&filled, 0);
    open_pair(&plain, 0);
    for (int i = 0; i < 8; i++) {
        apply(&filled, walkers, 2, i * 40 * MS);
        apply(&plain, walkers, 2, i * 40 * MS);
        assert_memory_equal(&filled.newer, &plain.newer, sizeof plain.newer);
        for (size_t k = 0; k < 4; k++) {
            struct blobs_copy once, again;
            fill(&filled, all_ways[k], (i * 40 + 13) * MS, &once);
            fill(&filled, all_ways[k], (i * 40 + 13) * MS, &again);
            assert_memory_equal(&once, &again, sizeof once);
        }
    }
    close_pair(&filled);
    close_pair(&plain);
}

/* Who goes is there for the first half, who comes for the second. */
static void test_who_is_in_one_result_only_is_there_for_half(void **state)
{
    struct pair pair;
    const struct blob blobs[] = {
        {.x = 60, .y = 46}, {.x = 160, .y = 46, .until = 0.95}, {.x = 260, .y = 46, .from = 0.85}};
    int64_t ids[3] = {0};
    (void)state;
    open_pair(&pair, 1);
    for (int i = 0; i <= 10; i++) { /* the newcomer is told in the frame after its first */
        apply(&pair, blobs, 3, i * 100 * MS);
        if (i != 9)
            blobs_expect(stance_stream_fill(pair.stream, STANCE_FILL_HOLD, 0), blobs, 3, i * 0.1, 1,
                         ids);
    }
    assert_int_equal(pair.older.count, 2);
    assert_int_equal(pair.newer.count, 2);
    for (int ms = 900; ms <= 1000; ms += 10) {
        struct blobs_copy found;
        fill(&pair, STANCE_FILL_BETWEEN, ms * MS, &found);
        assert_int_equal(found.count, 2);
        bool late = ms >= 950;
        assert_true(place_of(&found, ids[0]) >= 0);
        assert_int_equal(place_of(&found, ids[1]) >= 0, !late);
        assert_int_equal(place_of(&found, ids[2]) >= 0, late);
        const struct blobs_copy *of = late ? &pair.newer : &pair.older;
        int64_t id = ids[1 + late];
        int at = place_of(&found, id), from = place_of(of, id);
        assert_memory_equal(found.points[at], of->points[from], sizeof found.points[at]);
        assert_memory_equal(found.boxes[at], of->boxes[from], sizeof found.boxes[at]);
        assert_true(found.ids[0] < found.ids[1]);
    }
    close_pair(&pair);
}

static void test_before_the_first_result_there_is_nobody(void **state)
{
    struct pair pair;
    struct blobs_copy found;
    (void)state;
    open_pair(&pair, 0);
    for (size_t k = 0; k < 4; k++) {
        fill(&pair, all_ways[k], (int64_t)k * MS, &found);
        assert_int_equal(found.count, 0);
    }
    apply(&pair, walkers, 2, 100 * MS);
    for (size_t k = 0; k < 4; k++) { /* one result alone is held */
        fill(&pair, all_ways[k], 130 * MS, &found);
        assert_int_equal(found.count, 2);
        assert_memory_equal(found.points, pair.newer.points, sizeof found.points);
    }
    close_pair(&pair);
}

/* At a cut nobody walks from one scene to the next. */
static void test_after_a_reset_the_scene_before_is_forgotten(void **state)
{
    struct pair pair;
    struct blobs_copy found;
    const struct blob other[] = {{.x = 100, .y = 100}};
    (void)state;
    open_pair(&pair, 0);
    for (int i = 0; i < 4; i++)
        apply(&pair, walkers, 2, i * 40 * MS);
    stance_stream_reset(pair.stream);
    for (size_t k = 0; k < 4; k++) {
        fill(&pair, all_ways[k], 130 * MS, &found);
        assert_int_equal(found.count, 0);
    }
    apply(&pair, other, 1, 160 * MS);
    assert_true(pair.newer.detected != 0);
    for (size_t k = 0; k < 4; k++) {
        fill(&pair, all_ways[k], 150 * MS, &found);
        assert_int_equal(found.count, pair.newer.count);
        assert_memory_equal(found.points, pair.newer.points, sizeof found.points);
    }
    apply(&pair, other, 1, 200 * MS);
    assert_int_equal(pair.newer.count, 1);
    assert_int_equal(pair.newer.ids[0], 3); /* ids go on */
    close_pair(&pair);
}

/* Between two results of which the newer has the earlier time there is no way. */
static void test_after_a_time_that_went_back_the_last_result_is_held(void **state)
{
    struct pair pair;
    struct blobs_copy found;
    (void)state;
    open_pair(&pair, 0);
    apply(&pair, walkers, 2, 400 * MS);
    apply(&pair, walkers, 2, 440 * MS);
    apply(&pair, walkers, 2, 420 * MS);
    for (size_t k = 0; k < 4; k++) {
        fill(&pair, all_ways[k], 430 * MS, &found);
        assert_int_equal(found.count, 2);
        assert_memory_equal(found.points, pair.newer.points, sizeof found.points);
    }
    close_pair(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_way_to_fill_is_on_its_line),
        cmocka_unit_test(test_filled_people_are_where_they_really_are),
        cmocka_unit_test(test_filling_leaves_the_stream_as_it_is),
        cmocka_unit_test(test_who_is_in_one_result_only_is_there_for_half),
        cmocka_unit_test(test_before_the_first_result_there_is_nobody),
        cmocka_unit_test(test_after_a_reset_the_scene_before_is_forgotten),
        cmocka_unit_test(test_after_a_time_that_went_back_the_last_result_is_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
