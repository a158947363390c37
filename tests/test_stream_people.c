/* Who is found and followed in scenes whose truth is known, at several frame rates, with the detector
 * on every frame, on some, and when it is needed. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "support/blobs.h"
#include "support/tiny_model.h"
#include "support/trial.h"

/* Pixels; a cell of the heatmaps is 1.8. */
static const double near = 1;

/* ---- A stream and its picture ------------------------------------------------------------------ */

struct show {
    struct stance_pose *pose;
    struct stance_stream *stream;
    struct stance_image *image;
};

/* Options without smoothing, so that what is told is what was seen. */
static struct stance_stream_options plain(int detect_every)
{
    struct stance_stream_options options;
    stance_stream_options_default(&options);
    options.detect_every = detect_every;
    options.smoothing = "off";
    return options;
}

static void begin(struct show *show, struct stance_pose *pose,
                  const struct stance_stream_options *options)
{
    show->pose = pose;
    show->image = blobs_picture();
    trial_check(stance_stream_open(&show->stream, pose, options));
}

static void end(struct show *show)
{
    stance_stream_close(&show->stream);
    stance_pose_close(&show->pose);
    stance_image_close(&show->image);
}

static int64_t microseconds(double seconds)
{
    return llround(seconds * 1e6);
}

/* The scene at `seconds`, told to be of `time_us`. */
static const struct stance_stream_result *apply_at(struct show *show, const struct blob *blobs,
                                                   int count, double seconds, int64_t time_us)
{
    struct stance_stream_frame frame = {
        .stream = show->stream, .image = show->image, .time_us = time_us};
    blobs_draw(show->image, blobs, count, seconds);
    trial_check(stance_stream_apply(&frame, 1));
    assert_true(frame.result->measured != 0);
    assert_int_equal(frame.result->time_us, time_us);
    return frame.result;
}

static const struct stance_stream_result *apply(struct show *show, const struct blob *blobs,
                                                int count, double seconds)
{
    return apply_at(show, blobs, count, seconds, microseconds(seconds));
}

static struct stance_stream_counts counts_of(const struct show *show)
{
    struct stance_stream_counts counts;
    stance_stream_counts(show->stream, &counts);
    return counts;
}

/* ---- Following --------------------------------------------------------------------------------- */

static const struct blob walkers[3] = {
    {.x = 60, .y = 46, .vx = 40}, {.x = 270, .y = 146, .vx = -35}, {.x = 60, .y = 144}};

/* Everybody in every frame; returns how often the detector ran. */
static int64_t follow(int detect_every, double fps, int frames)
{
    struct show show;
    struct stance_stream_options options = plain(detect_every);
    int64_t ids[3] = {0};
    begin(&show, blobs_open(1, true, true), &options);
    for (int i = 0; i < frames; i++) {
        const struct stance_stream_result *result = apply(&show, walkers, 3, i / fps);
        blobs_expect(result, walkers, 3, i / fps, near, ids);
        if (detect_every)
            assert_int_equal(result->detected != 0, i % detect_every == 0);
    }
    struct stance_stream_counts counts = counts_of(&show);
    assert_int_equal(counts.measured, frames);
    assert_int_equal(counts.people, 3);
    end(&show);
    return counts.detections;
}

static void test_people_are_followed_at_every_frame_rate(void **state)
{
    static const struct {
        double fps;
        int frames;
    } rates[] = {{8, 24}, {25, 60}, {60, 90}};
    (void)state;
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        double fps = rates[i].fps;
        int frames = rates[i].frames;
        assert_int_equal(follow(1, fps, frames), frames);
        assert_int_equal(follow(5, fps, frames), (frames + 4) / 5);
        int64_t runs = follow(0, fps, frames);
        print_message("%g fps: the detector ran on %d of %d frames\n", fps, (int)runs, frames);
        assert_true((double)runs >= frames / fps / 0.5);
        assert_true(runs < (fps < 10 ? frames : frames / 5));
    }
}

/* The detector may stay away for longer than support_seconds. */
static void test_people_stay_while_the_detector_does_not_run(void **state)
{
    (void)state;
    assert_int_equal(follow(50, 25, 75), 2);
}

/* Plays `frames` and returns when somebody was first told beside the first `known` people, who are in
 * every frame; -1: never. */
static double first_sight(struct show *show, const struct blob *blobs, int known, double fps,
                          int frames)
{
    int64_t ids[BLOBS_MOST] = {0};
    double found = -1;
    for (int i = 0; i < frames; i++) {
        const struct stance_stream_result *result = apply(show, blobs, known + 1, i / fps);
        bool all = result->pose.person_count > known;
        if (all && found < 0)
            found = i / fps;
        blobs_expect(result, blobs, known + all, i / fps, near, ids);
        assert_true(all == (found >= 0));
    }
    return found;
}

static void test_a_newcomer_is_found_in_time(void **state)
{
    (void)state;
    for (int known = 0; known < 2; known++)
        for (double fps = 8; fps < 70; fps *= 2.6) {
            struct show show;
            struct stance_stream_options options = plain(0);
            const struct blob blobs[] = {walkers[2], {.x = 200, .y = 60, .from = 0.63}};
            begin(&show, blobs_open(1, true, true), &options);
            double found = first_sight(&show, blobs + 1 - known, known, fps, (int)(1.5 * fps));
            /* Two detections make a track: the one that is due, and the frame after it. */
            double most = (known ? (double)options.detect_seconds : 0) + 3 / fps;
            if (!(found >= 0.63 && found <= 0.63 + most))
                fail_msg("%g fps: a newcomer of 0.63 s found at %g s", fps, found);
            end(&show);
        }
}

static void test_who_vanishes_is_gone_at_once_and_for_good(void **state)
{
    const int ways[] = {1, 5, 50, 0};
    (void)state;
    for (size_t k = 0; k < sizeof ways / sizeof ways[0]; k++) {
        struct show show;
        struct stance_stream_options options = plain(ways[k]);
        const struct blob blobs[] = {
            walkers[2], {.x = 130, .y = 144, .until = 0.5}, {.x = 240, .y = 60, .until = 0.9}};
        int64_t ids[3] = {0};
        begin(&show, blobs_open(1, true, true), &options);
        for (int i = 0; i < 40; i++)
            blobs_expect(apply(&show, blobs, 3, i / 25.0), blobs, 3, i / 25.0, near, ids);
        assert_int_equal(counts_of(&show).people, 3);
        end(&show);
    }
}

/* Half outside, a body is no longer one; only who is wholly in or wholly out is certain. */
static void test_who_walks_out_of_the_picture_is_gone(void **state)
{
    struct show show;
    struct stance_stream_options options = plain(0);
    const struct blob blobs[] = {{.x = 60, .y = 60, .vx = -60}, {.x = 200, .y = 100}};
    int64_t ids[2] = {0};
    (void)state;
    begin(&show, blobs_open(1, true, true), &options);
    for (int i = 0; i < 75; i++) {
        double seconds = i / 25.0, x = blobs[0].x + blobs[0].vx * seconds;
        const struct stance_stream_result *result = apply(&show, blobs, 2, seconds);
        if (x > 26)
            blobs_expect(result, blobs, 2, seconds, near, ids);
        else if (x < -26)
            blobs_expect(result, blobs + 1, 1, seconds, near, ids + 1);
        else
            assert_in_range(result->pose.person_count, 1, 2);
    }
    assert_int_equal(counts_of(&show).people, 2);
    end(&show);
}

static void test_an_empty_picture_has_nobody(void **state)
{
    struct show show;
    struct stance_stream_options options = plain(0);
    const struct blob later = {.x = 100, .y = 80, .from = 0.4, .until = 0.8};
    (void)state;
    begin(&show, blobs_open(1, true, true), &options);
    for (int i = 0; i < 30; i++) {
        const struct stance_stream_result *result = apply(&show, &later, 1, i / 25.0);
        bool certain = !blob_is_there(&later, i / 25.0);
        assert_in_range(result->pose.person_count, 0, !certain);
        assert_int_equal(result->pose.width, BLOBS_WIDTH);
        assert_int_equal(result->pose.height, BLOBS_HEIGHT);
    }
    assert_int_equal(counts_of(&show).people, 1);
    end(&show);
}

/* The dots stay, the body does not: the detector takes its word back. */
static void test_who_only_the_pose_network_sees_is_given_up(void **state)
{
    const int ways[] = {0, 5};
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        struct show show;
        struct stance_stream_options options = plain(ways[k]);
        struct blob blobs[] = {{.x = 100, .y = 60}, {.x = 240, .y = 120}};
        int64_t ids[2] = {0};
        begin(&show, blobs_open(1, true, true), &options);
        for (int i = 0; i < 100; i++) {
            double seconds = i / 25.0, hollow = seconds - 1;
            blobs[0].hollow = hollow >= 0;
            const struct stance_stream_result *result = apply(&show, blobs, 2, seconds);
            if (hollow < 0.4)
                blobs_expect(result, blobs, 2, seconds, near, ids);
            else if (hollow > 1.6)
                blobs_expect(result, blobs + 1, 1, seconds, near, ids + 1);
        }
        end(&show);
    }
}

/* ---- Time -------------------------------------------------------------------------------------- */

static void test_times_that_go_back_a_little_do_no_harm(void **state)
{
    struct show show;
    struct stance_stream_options options = plain(0);
    int64_t ids[3] = {0};
    (void)state;
    begin(&show, blobs_open(1, true, true), &options);
    for (int i = 0; i < 50; i++) {
        int64_t time_us = microseconds(i / 25.0) - (i % 5 == 3 ? 60000 : 0);
        blobs_expect(apply_at(&show, walkers, 3, i / 25.0, time_us), walkers, 3, i / 25.0, near,
                     ids);
    }
    assert_int_equal(counts_of(&show).clamped, 10);
    end(&show);
}

/* A clock that is set back, and runs on from there. */
static void test_an_hour_back_is_one_frame(void **state)
{
    struct show show;
    struct stance_stream_options options = plain(0);
    const struct blob blobs[] = {
        {.x = 60, .y = 46, .vx = 40}, {.x = 250, .y = 146}, {.x = 60, .y = 144, .from = 1.6}};
    int64_t ids[3] = {0};
    double found = -1;
    (void)state;
    begin(&show, blobs_open(1, true, true), &options);
    for (int i = 0; i < 75; i++) {
        double seconds = i / 25.0;
        int64_t time_us = microseconds(seconds) - (i >= 25 ? 3600000000LL : 0);
        const struct stance_stream_result *result = apply_at(&show, blobs, 3, seconds, time_us);
        bool all = result->pose.person_count == 3;
        blobs_expect(result, blobs, 2 + all, seconds, near, ids);
        if (all && found < 0)
            found = seconds;
    }
    if (!(found >= 1.6 && found <= 1.6 + 0.5 + 0.12))
        fail_msg("the newcomer of 1.6 s was found at %g s", found);
    assert_int_equal(counts_of(&show).clamped, 1);
    end(&show);
}

/* An hour without a frame: whoever is there now is found anew. */
static void test_an_hour_ahead_starts_over(void **state)
{
    struct show show;
    struct stance_stream_options options = plain(0);
    int64_t before[3] = {0}, after[3] = {0};
    (void)state;
    begin(&show, blobs_open(1, true, true), &options);
    for (int i = 0; i < 50; i++) {
        double seconds = i / 25.0;
        int64_t time_us = microseconds(seconds) + (i >= 25 ? 3600000000LL : 0);
        const struct stance_stream_result *result = apply_at(&show, walkers, 3, seconds, time_us);
        if (i < 25)
            blobs_expect(result, walkers, 3, seconds, near, before);
        else if (i >= 27)
            blobs_expect(result, walkers, 3, seconds, near, after);
    }
    end(&show);
}

/* ---- Smoothing --------------------------------------------------------------------------------- */

/* Mean path of the first dot of somebody who stands, drawn a little elsewhere in every frame. */
static double jitter(const char *smoothing)
{
    enum { FRAMES = 50 };
    static const double off[] = {0, 1.7, -0.9, 0.6, -1.6, 1.1, -0.3};
    struct show show;
    struct stance_stream_options options = plain(0);
    float x = 0, y = 0;
    double sum = 0;
    options.smoothing = smoothing;
    begin(&show, blobs_open(1, true, true), &options);
    for (int i = 0; i < FRAMES; i++) {
        const struct blob blob = {.x = 100 + off[i % 7], .y = 90 + off[i * 3 % 7]};
        const struct stance_stream_result *result =
            apply_at(&show, &blob, 1, 0, microseconds(i / 25.0));
        assert_int_equal(result->pose.person_count, 1);
        const struct stance_keypoint *point = &result->pose.people[0].keypoints[0];
        if (i > 0)
            sum += hypot((double)(point->x - x), (double)(point->y - y));
        x = point->x;
        y = point->y;
    }
    end(&show);
    return sum / (FRAMES - 1);
}

static void test_smoothing_takes_jitter_away(void **state)
{
    (void)state;
    double off = jitter("off"), low = jitter("low"), high = jitter("high");
    print_message("a dot moves %.2f pixels a frame, smoothed low %.2f, high %.2f\n", off, low,
                  high);
    assert_true(low < 0.8 * off);
    assert_true(high < 0.7 * low);
    assert_true(jitter(NULL) == low);
}

/* Who appears, and who comes back, is told where they are, whoever used the place before. */
static void test_smoothing_begins_anew_with_every_person(void **state)
{
    struct show shows[2];
    const struct blob blobs[] = {{.x = 60, .y = 60, .until = 0.6},
                                 {.x = 230, .y = 130, .from = 1.2, .until = 2},
                                 {.x = 160, .y = 60, .from = 2.3, .until = 2.8},
                                 {.x = 172, .y = 66, .from = 3}};
    struct stance_tracker_options tracker;
    bool was_there = false;
    int begun = 0;
    (void)state;
    stance_tracker_options_default(&tracker);
    trial_check(stance_tracker_options_preset(&tracker, "pose"));
    tracker.buffer_seconds = 0.25f;
    tracker.max_tracks = 1;
    for (int k = 0; k < 2; k++) {
        struct stance_stream_options options = plain(0);
        options.smoothing = k ? "high" : "off";
        options.tracker = &tracker;
        begin(&shows[k], blobs_open(1, true, true), &options);
    }
    for (int i = 0; i < 85; i++) {
        const struct stance_stream_result *off = apply(&shows[0], blobs, 4, i / 25.0);
        const struct stance_stream_result *high = apply(&shows[1], blobs, 4, i / 25.0);
        assert_int_equal(off->pose.person_count, high->pose.person_count);
        bool is_there = off->pose.person_count == 1;
        if (is_there && !was_there) {
            begun++;
            assert_memory_equal(off->pose.people[0].keypoints, high->pose.people[0].keypoints,
                                BLOB_POINTS * sizeof(struct stance_keypoint));
        }
        was_there = is_there;
    }
    assert_int_equal(begun, 4);
    end(&shows[0]);
    end(&shows[1]);
}

/* Also while the detector does not run, and between frames. */
static void test_who_is_followed_keeps_the_class_of_the_box(void **state)
{
    struct show show;
    struct stance_stream_options options = plain(50);
    struct stance_pose_options pose;
    (void)state;
    stance_pose_options_default(&pose);
    pose.detector_classes[0] = BLOB_CLASS - 3;
    pose.detector_classes[1] = BLOB_CLASS + 3;
    begin(&show, blobs_open_with(&pose, true, true), &options);
    for (int i = 0; i < 20; i++) {
        const struct stance_stream_result *result = apply(&show, walkers, 3, i / 25.0);
        assert_int_equal(result->pose.person_count, 3);
        for (int j = 0; j < 3; j++)
            assert_int_equal(result->pose.people[j].detector_class, BLOB_CLASS);
        result = stance_stream_fill(show.stream, STANCE_FILL_HOLD, microseconds((i + 0.5) / 25));
        assert_int_equal(result->pose.people[2].detector_class, BLOB_CLASS);
    }
    assert_int_equal(counts_of(&show).detections, 1);
    end(&show);
}

/* ---- Other pipelines --------------------------------------------------------------------------- */

static void test_without_a_tracker_there_are_no_ids(void **state)
{
    const int ways[] = {1, 5, 0};
    struct stance_tracker_options tracker;
    (void)state;
    stance_tracker_options_default(&tracker);
    tracker.mode = STANCE_TRACKER_OFF;
    for (size_t k = 0; k < 3; k++) {
        struct show show;
        struct stance_stream_options options = plain(ways[k]);
        options.tracker = &tracker;
        begin(&show, blobs_open(1, true, true), &options);
        for (int i = 0; i < 12; i++) {
            const struct stance_stream_result *result = apply(&show, walkers, 3, i / 25.0);
            assert_int_equal(result->pose.person_count, 3);
            for (int j = 0; j < 3; j++)
                assert_int_equal(result->ids[j], 0);
        }
        const struct stance_stream_result *filled =
            stance_stream_fill(show.stream, STANCE_FILL_BETWEEN, microseconds(10.2 / 25));
        assert_int_equal(filled->pose.person_count, 3);
        end(&show);
    }
}

static double box_error(const float box[4], const struct blob *blob, double seconds)
{
    double x = blob->x + blob->vx * seconds, y = blob->y + blob->vy * seconds;
    const double truth[] = {x - BLOB_WIDTH / 2.0, y - BLOB_HEIGHT / 2.0, x + BLOB_WIDTH / 2.0,
                            y + BLOB_HEIGHT / 2.0};
    double most = 0;
    for (int i = 0; i < 4; i++)
        most = fmax(most, fabs((double)box[i] - truth[i]));
    return most;
}

static void test_boxes_alone_are_followed(void **state)
{
    struct show show;
    struct stance_stream_options options = plain(5);
    int64_t ids[3] = {0};
    (void)state;
    begin(&show, blobs_open(1, true, false), &options);
    for (int i = 0; i < 50; i++) {
        const struct stance_stream_result *result = apply(&show, walkers, 3, i / 25.0);
        assert_int_equal(result->pose.person_count, 3);
        assert_int_equal(result->pose.keypoint_set->count, 0);
        for (int j = 0; j < 3; j++) {
            int at = -1;
            for (int k = 0; k < 3; k++) /* within half a cell, and what the filter lags behind */
                if (box_error(result->pose.people[k].box, &walkers[j], i / 25.0) < 8)
                    at = k;
            assert_true(at >= 0);
            if (i == 0)
                ids[j] = result->ids[at];
            assert_int_equal(result->ids[at], ids[j]);
        }
    }
    stance_stream_fill(show.stream, STANCE_FILL_EXTRAPOLATE, microseconds(50 / 25.0));
    end(&show);
}

/* No detector: one place, looked at in every frame. */
static void test_the_person_in_the_middle_is_followed(void **state)
{
    struct show show;
    struct stance_stream_options options = plain(5);
    struct stance_pose_options pose;
    const struct blob blob = {.x = 145, .y = 96, .vx = 20};
    int64_t id = 0;
    (void)state;
    stance_pose_options_default(&pose);
    pose.center = 1;
    begin(&show, blobs_open_with(&pose, false, true), &options);
    for (int i = 0; i < 25; i++) {
        const struct stance_stream_result *result = apply(&show, &blob, 1, i / 25.0);
        blobs_expect(result, &blob, 1, i / 25.0, 2, &id); /* the crop is larger: so are cells */
        assert_int_equal(result->detected, 0);
    }
    assert_int_equal(counts_of(&show).detections, 0);
    end(&show);
}

static void test_people_of_a_one_stage_network_get_ids(void **state)
{
    static const float dets[2][5] = {{4, 4, 24, 40, 0.9f}, {36, 10, 60, 60, 0.8f}};
    static const float points[2][BLOB_POINTS][3] = {
        {{8, 8, 0.9f}, {20, 8, 0.9f}, {8, 20, 0.9f}, {20, 20, 0.9f}, {8, 36, 0.9f}, {20, 36, 0.9f}},
        {{40, 15, 1}, {55, 15, 1}, {40, 35, 1}, {55, 35, 1}, {40, 55, 1}, {55, 55, 1}}};
    struct base_buffer model = tiny_one_stage(64, 2, dets[0], BLOB_POINTS, points[0][0]);
    struct stance_stream_options options = plain(5);
    struct show show;
    (void)state;
    begin(&show, blobs_open_one_stage(&model), &options);
    for (int i = 0; i < 8; i++) {
        const struct stance_stream_result *result = apply(&show, NULL, 0, i / 25.0);
        assert_int_equal(result->pose.person_count, 2);
        for (int j = 0; j < 2; j++) {
            assert_int_equal(result->ids[j], j + 1);
            for (int k = 0; k < BLOB_POINTS; k++) { /* the picture is 5 times as wide */
                assert_true(fabsf(result->pose.people[j].keypoints[k].x - 5 * points[j][k][0]) < 1);
                assert_true(fabsf(result->pose.people[j].keypoints[k].y - 5 * points[j][k][1]) < 1);
            }
        }
    }
    end(&show);
    base_buffer_free(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_people_are_followed_at_every_frame_rate),
        cmocka_unit_test(test_people_stay_while_the_detector_does_not_run),
        cmocka_unit_test(test_a_newcomer_is_found_in_time),
        cmocka_unit_test(test_who_vanishes_is_gone_at_once_and_for_good),
        cmocka_unit_test(test_who_walks_out_of_the_picture_is_gone),
        cmocka_unit_test(test_an_empty_picture_has_nobody),
        cmocka_unit_test(test_who_only_the_pose_network_sees_is_given_up),
        cmocka_unit_test(test_times_that_go_back_a_little_do_no_harm),
        cmocka_unit_test(test_an_hour_back_is_one_frame),
        cmocka_unit_test(test_an_hour_ahead_starts_over),
        cmocka_unit_test(test_smoothing_takes_jitter_away),
        cmocka_unit_test(test_smoothing_begins_anew_with_every_person),
        cmocka_unit_test(test_who_is_followed_keeps_the_class_of_the_box),
        cmocka_unit_test(test_without_a_tracker_there_are_no_ids),
        cmocka_unit_test(test_boxes_alone_are_followed),
        cmocka_unit_test(test_the_person_in_the_middle_is_followed),
        cmocka_unit_test(test_people_of_a_one_stage_network_get_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
