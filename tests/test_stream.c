/* Streams as such: several in one call, wrong use, memory. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "support/blobs.h"
#include "support/trial.h"

enum { STREAMS = 2, FRAMES = 20, FRAME_US = 40000 };

/* Ten people who sway in a crowd, and three who walk. */
static const struct blob crowd[] = {
    {.x = 32, .y = 46},  {.x = 95, .y = 47},   {.x = 160, .y = 46},
    {.x = 224, .y = 46}, {.x = 289, .y = 45},  {.x = 31, .y = 144, .until = 0.5},
    {.x = 96, .y = 145}, {.x = 159, .y = 144}, {.x = 225, .y = 144, .from = 0.3},
    {.x = 288, .y = 144}};
static const struct blob walkers[] = {{.x = 60, .y = 46, .vx = 40},
                                      {.x = 270, .y = 146, .vx = -35},
                                      {.x = 60, .y = 144, .until = 0.6}};
static const struct scene {
    const struct blob *blobs;
    int count;
} scenes[STREAMS] = {{crowd, 10}, {walkers, 3}};

/* ---- Several streams --------------------------------------------------------------------------- */

struct hall {
    struct stance_pose *pose;
    struct stance_stream *streams[STREAMS];
    struct stance_image *images[STREAMS];
};

static void open_hall(struct hall *hall, int threads)
{
    hall->pose = blobs_open(threads, true, true);
    for (int i = 0; i < STREAMS; i++) {
        hall->images[i] = blobs_picture();
        trial_check(stance_stream_open(&hall->streams[i], hall->pose, NULL));
    }
}

static void close_hall(struct hall *hall)
{
    for (int i = 0; i < STREAMS; i++) {
        stance_stream_close(&hall->streams[i]);
        stance_image_close(&hall->images[i]);
    }
    stance_pose_close(&hall->pose);
}

static void prepare(struct hall *hall, int frame, struct stance_stream_frame *frames)
{
    for (int i = 0; i < STREAMS; i++) {
        int64_t time_us = (int64_t)frame * FRAME_US;
        blobs_draw(hall->images[i], scenes[i].blobs, scenes[i].count, (double)time_us * 1e-6);
        frames[i] = (struct stance_stream_frame){
            .stream = hall->streams[i], .image = hall->images[i], .time_us = time_us};
    }
}

/* All frames; together in one call, or each stream with a call of its own, the last one first. */
static void play(int threads, bool together, struct blobs_copy copies[FRAMES][STREAMS])
{
    struct hall hall;
    open_hall(&hall, threads);
    for (int f = 0; f < FRAMES; f++) {
        struct stance_stream_frame frames[STREAMS];
        prepare(&hall, f, frames);
        if (together)
            trial_check(stance_stream_apply(frames, STREAMS));
        for (int i = STREAMS - 1; i >= 0 && !together; i--)
            trial_check(stance_stream_apply(&frames[i], 1));
        for (int i = 0; i < STREAMS; i++)
            blobs_copy(frames[i].result, &copies[f][i]);
    }
    close_hall(&hall);
}

static void test_streams_together_are_what_they_are_apart(void **state)
{
    static struct blobs_copy apart[FRAMES][STREAMS], found[FRAMES][STREAMS];
    static const int threads[] = {1, 3};
    (void)state;
    play(1, false, apart);
    assert_int_equal(apart[0][0].count, 9);
    assert_int_equal(apart[0][1].count, 3);
    assert_int_equal(apart[FRAMES - 1][0].count, 9);
    assert_int_equal(apart[FRAMES - 1][1].count, 2);
    for (int k = 0; k < 4; k++) {
        play(threads[k / 2], k % 2, found);
        assert_memory_equal(found, apart, sizeof apart);
    }
}

static void test_every_one_of_a_crowd_is_followed(void **state)
{
    struct hall hall;
    struct stance_stream_frame frames[STREAMS];
    int64_t ids[BLOBS_MOST] = {0};
    (void)state;
    open_hall(&hall, 1);
    for (int f = 0; f * FRAME_US < 300000; f++) {
        prepare(&hall, f, frames);
        trial_check(stance_stream_apply(frames, STREAMS));
        /* "low" smoothing lags a little behind the sway. */
        blobs_expect(frames[0].result, crowd, 10, f * FRAME_US * 1e-6, 2.5, ids);
    }
    close_hall(&hall);
}

/* ---- Wrong use --------------------------------------------------------------------------------- */

static void expect(int code, int wanted, const char *words)
{
    if (code != wanted || !strstr(stance_error_text(), words))
        fail_msg("%s (%s) where %s with '%s' should be", stance_error_name(code),
                 stance_error_text(), stance_error_name(wanted), words);
}

/* Makes two good frames unusable in the k-th way; returns what is said about it, NULL at the end. */
static const char *spoil(struct stance_stream_frame *frames, int k, const struct hall *other,
                         const struct stance_image *broken)
{
    switch (k) {
    case 0: frames[1].image = NULL; return "frame 1 of 2 has no picture";
    case 1: frames[1].stream = frames[0].stream; return "frames 0 and 1 are of one stream";
    case 2: frames[1].stream = other->streams[1]; return "two pipelines";
    case 3: frames[1].image = broken; return "77";
    default: return NULL;
    }
}

/* None of the frames gets a result, nor keeps an old one. */
static void offer_bad_frames(struct hall *hall, const struct hall *other,
                             const struct stance_stream_frame *good)
{
    struct stance_image broken = *hall->images[1];
    struct stance_stream_frame frames[STREAMS];
    const struct stance_stream_result *stale =
        stance_stream_fill(hall->streams[0], STANCE_FILL_HOLD, 0);
    broken.format = 77;
    for (int k = 0;; k++) {
        memcpy(frames, good, sizeof frames);
        frames[0].result = frames[1].result = stale;
        const char *words = spoil(frames, k, other, &broken);
        if (!words)
            break;
        expect(stance_stream_apply(frames, STREAMS), STANCE_EARGUMENT, words);
        for (int i = 0; i < STREAMS; i++)
            assert_null(frames[i].result);
    }
}

static void test_no_frames_and_too_many_are_refused(void **state)
{
    static struct stance_stream_frame frames[257];
    struct hall hall;
    (void)state;
    open_hall(&hall, 1);
    prepare(&hall, 0, frames);
    expect(stance_stream_apply(frames, 0), STANCE_EARGUMENT, "0 frames at once: give 1 to 256");
    for (int i = STREAMS; i < 257; i++)
        frames[i] = frames[0];
    expect(stance_stream_apply(frames, 257), STANCE_EARGUMENT, "257 frames at once");
    close_hall(&hall);
}

static void test_frames_that_cannot_be_used_change_nothing(void **state)
{
    static struct blobs_copy wanted[FRAMES][STREAMS];
    struct hall hall, other;
    (void)state;
    play(1, true, wanted);
    open_hall(&hall, 1);
    open_hall(&other, 1);
    for (int f = 0; f < FRAMES; f++) {
        struct stance_stream_frame frames[STREAMS];
        prepare(&hall, f, frames);
        offer_bad_frames(&hall, &other, frames);
        trial_check(stance_stream_apply(frames, STREAMS));
        for (int i = 0; i < STREAMS; i++) {
            struct blobs_copy found;
            blobs_copy(frames[i].result, &found);
            assert_memory_equal(&found, &wanted[f][i], sizeof found);
        }
    }
    struct stance_stream_counts counts;
    stance_stream_counts(hall.streams[0], &counts);
    assert_int_equal(counts.measured, FRAMES);
    assert_int_equal(counts.clamped, 0);
    stance_stream_counts(other.streams[1], &counts);
    assert_int_equal(counts.measured, 0);
    close_hall(&hall);
    close_hall(&other);
}

/* Opening with these options fails, says so, and leaves nothing. */
static void refuse(struct stance_pose *pose, const struct stance_stream_options *options,
                   const char *words)
{
    struct stance_stream *stream = NULL;
    long live = base_alloc_live();
    expect(stance_stream_open(&stream, pose, options), STANCE_EARGUMENT, words);
    assert_null(stream);
    assert_int_equal(base_alloc_live(), live);
}

static void test_options_out_of_range_are_refused(void **state)
{
    struct stance_pose *pose = blobs_open(1, true, true);
    struct stance_stream_options options, good;
    (void)state;
    stance_stream_options_default(&good);
    const struct {
        const char *name;
        float *value;
        float bad[3];
    } cases[] = {
        {"detect_seconds", &options.detect_seconds, {-0.1f, 4000, NAN}},
        {"support_seconds", &options.support_seconds, {-1, INFINITY, NAN}},
        {"merge_iou", &options.merge_iou, {-0.1f, 1.1f, NAN}},
        {"box_scale", &options.box_scale, {0.9f, 5, NAN}},
        {"keypoint_threshold", &options.keypoint_threshold, {-0.1f, 2, NAN}},
        {"smoothing", &options.min_cutoff, {1e7f, INFINITY, NAN}},
        {"smoothing", &options.beta, {1e7f, INFINITY, NAN}},
        {"smoothing", &options.derivative_cutoff, {0, INFINITY, NAN}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int k = 0; k < 3; k++) {
            options = good;
            *cases[i].value = cases[i].bad[k];
            refuse(pose, &options, cases[i].name);
        }
    options = good;
    options.detect_every = -1;
    refuse(pose, &options, "detect_every");
    options = good;
    options.smoothing = "medium";
    refuse(pose, &options, "no smoothing 'medium'; there are off, low and high");
    struct stance_tracker_options tracker;
    stance_tracker_options_default(&tracker);
    tracker.oks_weight = 3;
    options = good;
    options.tracker = &tracker;
    refuse(pose, &options, "oks_weight");
    stance_pose_close(&pose);
}

/* Without a detector, a centre or given boxes there is nobody to look at. */
static void test_a_pose_network_alone_has_nowhere_to_look(void **state)
{
    struct stance_pose *pose = blobs_open(1, false, true);
    struct stance_image *image = blobs_picture();
    struct stance_stream *stream;
    (void)state;
    trial_check(stance_stream_open(&stream, pose, NULL));
    struct stance_stream_frame frame = {.stream = stream, .image = image};
    expect(stance_stream_apply(&frame, 1), STANCE_EARGUMENT, "without a detector");
    assert_null(frame.result);
    stance_stream_close(&stream);
    stance_stream_close(&stream); /* NULL is allowed */
    stance_pose_close(&pose);
    stance_image_close(&image);
}

/* ---- Memory ------------------------------------------------------------------------------------ */

/* One round of people who come and go, with fills and a reset. */
static void use(struct hall *hall, int first)
{
    for (int f = 0; f < FRAMES; f++) {
        struct stance_stream_frame frames[STREAMS];
        prepare(hall, f, frames);
        for (int i = 0; i < STREAMS; i++)
            frames[i].time_us += (int64_t)first * FRAME_US;
        trial_check(stance_stream_apply(frames, STREAMS));
        for (int i = 0; i < STREAMS; i++)
            stance_stream_fill(hall->streams[i], STANCE_FILL_LATE, frames[i].time_us + 9000);
    }
    stance_stream_reset(hall->streams[0]);
}

static void test_nothing_is_allocated_while_frames_flow(void **state)
{
    struct hall hall;
    (void)state;
    open_hall(&hall, 1); /* the networks' files are made once */
    close_hall(&hall);
    long live = base_alloc_live();
    open_hall(&hall, 3);
    use(&hall, 0);
    use(&hall, FRAMES); /* plans for all sizes of batches */
    long count = base_alloc_count();
    use(&hall, 2 * FRAMES);
    use(&hall, 3 * FRAMES);
    assert_int_equal(base_alloc_count(), count);
    close_hall(&hall);
    assert_int_equal(base_alloc_live(), live);
}

static void test_a_stream_opens_whole_or_not_at_all(void **state)
{
    struct stance_pose_options options;
    stance_pose_options_default(&options);
    options.max_people = 4;
    struct stance_pose *pose = blobs_open_with(&options, true, true);
    struct stance_tracker_options tracker;
    struct stance_stream_options stream_options;
    struct stance_stream *stream;
    long live = base_alloc_live();
    int n = 1;
    (void)state;
    stance_tracker_options_default(&tracker);
    tracker.max_tracks = 6;
    stance_stream_options_default(&stream_options);
    stream_options.tracker = &tracker;
    for (;; n++) {
        base_alloc_fail_at(n, 0);
        int code = stance_stream_open(&stream, pose, &stream_options);
        base_alloc_fail_at(0, 0);
        if (code == 0)
            break;
        assert_int_equal(code, STANCE_ENOMEMORY);
        assert_true(stance_error_text()[0] != 0);
        assert_null(stream);
        assert_int_equal(base_alloc_live(), live);
    }
    assert_in_range(n, 30, 100);
    stance_stream_close(&stream);
    assert_int_equal(base_alloc_live(), live);
    stance_pose_close(&pose);
}

/* A network that gets no memory for a new size of batch; the streams do not notice. */
static void test_a_frame_without_memory_can_be_tried_again(void **state)
{
    static struct blobs_copy wanted[FRAMES][STREAMS];
    struct hall hall;
    struct stance_stream_frame frames[STREAMS];
    int failures = 0;
    (void)state;
    play(1, true, wanted);
    open_hall(&hall, 1);
    for (int f = 0; f < FRAMES; f++) {
        prepare(&hall, f, frames);
        for (int n = 1; f % 7 == 0 && n < 12; n += 2) {
            base_alloc_fail_at(n, 1);
            int code = stance_stream_apply(frames, STREAMS);
            base_alloc_fail_at(0, 0);
            if (code == 0)
                break;
            assert_int_equal(code, STANCE_ENOMEMORY);
            assert_null(frames[0].result);
            failures++;
        }
        if (!frames[0].result)
            trial_check(stance_stream_apply(frames, STREAMS));
        for (int i = 0; i < STREAMS; i++) {
            struct blobs_copy found;
            blobs_copy(frames[i].result, &found);
            assert_memory_equal(&found, &wanted[f][i], sizeof found);
        }
    }
    assert_true(failures > 3);
    close_hall(&hall);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams_together_are_what_they_are_apart),
        cmocka_unit_test(test_every_one_of_a_crowd_is_followed),
        cmocka_unit_test(test_frames_that_cannot_be_used_change_nothing),
        cmocka_unit_test(test_no_frames_and_too_many_are_refused),
        cmocka_unit_test(test_options_out_of_range_are_refused),
        cmocka_unit_test(test_a_pose_network_alone_has_nowhere_to_look),
        cmocka_unit_test(test_nothing_is_allocated_while_frames_flow),
        cmocka_unit_test(test_a_stream_opens_whole_or_not_at_all),
        cmocka_unit_test(test_a_frame_without_memory_can_be_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
