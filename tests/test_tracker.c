/* What a tracker does: ids, rounds, time, limits, and that nothing given to it can hurt. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "stance/track.h"

static struct stance_tracker *open_tracker(const struct stance_tracker_options *options)
{
    struct stance_tracker *t;
    assert_int_equal(stance_tracker_open(&t, options), 0);
    return t;
}

static struct stance_detection at(float x, float score)
{
    return (struct stance_detection){.box = {x, 100, x + 40, 200}, .score = score};
}

/* One frame with what is found in it; returns how many tracks are seen. */
static int step(struct stance_tracker *t, double seconds, const struct stance_detection *found,
                int count, const struct stance_track **tracks)
{
    int seen = -1;
    assert_int_equal(stance_tracker_update(t, llround(seconds * 1e6), found, count, tracks, &seen),
                     0);
    return seen;
}

static void test_tracker_counts_from_one_and_confirms_by_the_second_hit(void **state)
{
    (void)state;
    struct stance_tracker *t = open_tracker(NULL);
    const struct stance_track *tracks;
    struct stance_detection found[2] = {at(0, 0.9f), at(300, 0.9f)};
    assert_int_equal(step(t, 0, found, 1, &tracks), 1); /* the first frame's at once */
    assert_int_equal(tracks[0].id, 1);
    assert_int_equal(tracks[0].detection, 0);
    assert_int_equal(step(t, 0.04, found, 2, &tracks), 1);
    assert_int_equal(step(t, 0.08, found, 2, &tracks), 2);
    assert_int_equal(tracks[1].id, 2);
    assert_int_equal(tracks[1].hits, 2);
    assert_int_equal(tracks[1].born_us, 40000);
    stance_tracker_close(&t);
    assert_null(t);
    stance_tracker_close(&t);
}

static void test_tracker_min_hits(void **state)
{
    (void)state;
    for (int hits = 1; hits < 6; hits++) {
        struct stance_tracker_options o;
        const struct stance_track *tracks;
        struct stance_detection found = at(0, 0.9f);
        stance_tracker_options_default(&o);
        o.min_hits = hits;
        struct stance_tracker *t = open_tracker(&o);
        step(t, 0, NULL, 0, &tracks);
        for (int i = 1; i < 8; i++)
            assert_int_equal(step(t, i * 0.04, &found, 1, &tracks), i >= hits);
        stance_tracker_close(&t);
    }
}

static void test_tracker_uses_low_scores_to_go_on_but_not_to_begin(void **state)
{
    (void)state;
    struct stance_tracker *t = open_tracker(NULL);
    const struct stance_track *tracks;
    struct stance_detection low = at(0, 0.3f), high = at(0, 0.9f), poor = at(0, 0.05f);
    assert_int_equal(step(t, 0, &low, 1, &tracks), 0);
    assert_int_equal(step(t, 0.04, &high, 1, &tracks), 0);
    assert_int_equal(step(t, 0.08, &high, 1, &tracks), 1);
    assert_int_equal(step(t, 0.12, &low, 1, &tracks), 1);
    assert_int_equal(step(t, 0.16, &poor, 1, &tracks), 0);
    assert_int_equal(step(t, 0.20, &high, 1, &tracks), 1);
    assert_int_equal(tracks[0].recovered, 1);
    assert_int_equal(tracks[0].id, 1);
    stance_tracker_close(&t);
}

static void test_tracker_begins_no_track_where_it_may_not(void **state)
{
    (void)state;
    struct stance_tracker *t = open_tracker(NULL);
    const struct stance_track *tracks;
    struct stance_detection found = at(0, 0.9f);
    found.no_birth = 1;
    for (int i = 0; i < 5; i++)
        assert_int_equal(step(t, i * 0.04, &found, 1, &tracks), 0);
    found.no_birth = 0;
    step(t, 0.2, &found, 1, &tracks);
    found.no_birth = 1;
    assert_int_equal(step(t, 0.24, &found, 1, &tracks), 1);
    stance_tracker_close(&t);
}

/* The same walk, seen at any rate, gives the same id; buffers are seconds, not frames. */
static void test_tracker_time_is_seconds(void **state)
{
    (void)state;
    const double rates[] = {5, 8, 15, 30, 60, 120};
    for (size_t r = 0; r < sizeof rates / sizeof rates[0]; r++) {
        struct stance_tracker *t = open_tracker(NULL);
        const struct stance_track *tracks;
        int frames = (int)(rates[r] * 6);
        int64_t last = 0;
        for (int i = 0; i < frames; i++) {
            double time = i / rates[r];
            struct stance_detection found = at((float)(60 * time), 0.9f);
            int hidden = time > 2 && time < 4; /* less than the buffer */
            int count = step(t, time, &found, !hidden, &tracks);
            if (count)
                last = tracks[0].id;
        }
        assert_int_equal(last, 1);
        struct stance_detection found = at(400, 0.9f);
        step(t, 20, &found, 1, &tracks); /* long gone */
        assert_int_equal(step(t, 20.04, &found, 1, &tracks), 1);
        assert_int_equal(tracks[0].id, 2);
        stance_tracker_close(&t);
    }
}

static void test_tracker_max_missing_counts_frames(void **state)
{
    (void)state;
    struct stance_tracker_options o;
    const struct stance_track *tracks;
    struct stance_detection found = at(0, 0.9f);
    stance_tracker_options_default(&o);
    o.max_missing = 3;
    for (int missing = 1; missing < 6; missing++) {
        struct stance_tracker *t = open_tracker(&o);
        double time = 0;
        step(t, time, &found, 1, &tracks);
        for (int i = 0; i < missing; i++)
            step(t, time += 0.01, NULL, 0, &tracks);
        assert_int_equal(step(t, time + 0.01, &found, 1, &tracks), missing <= 3);
        stance_tracker_close(&t);
    }
}

static void test_tracker_predicts_lost_tracks(void **state)
{
    (void)state;
    struct stance_tracker *t = open_tracker(NULL);
    const struct stance_track *tracks;
    int count;
    for (int i = 0; i <= 50; i++) {
        struct stance_detection found = at((float)(4 * i), 0.9f); /* 100 px a second */
        step(t, i * 0.04, &found, 1, &tracks);
    }
    assert_float_equal(tracks[0].velocity[0], 100, 3);
    for (int i = 51; i <= 75; i++)
        assert_int_equal(step(t, i * 0.04, NULL, 0, &tracks), 0);
    stance_tracker_predict(t, 3000000, &tracks, &count);
    assert_int_equal(count, 1);
    assert_int_equal(tracks[0].state, STANCE_TRACK_LOST);
    assert_int_equal(tracks[0].detection, -1);
    assert_float_equal(tracks[0].box[0], 300, 6);
    float now = tracks[0].box[0];
    stance_tracker_predict(t, 3500000, &tracks, &count);
    assert_float_equal(tracks[0].box[0], 350, 8);
    stance_tracker_predict(t, 3000000, &tracks, &count); /* changes nothing */
    assert_float_equal(tracks[0].box[0], now, 0);
    stance_tracker_predict(t, INT64_MIN, &tracks, &count);
    assert_float_equal(tracks[0].box[0], now, 0);
    stance_tracker_predict(t, INT64_MAX, &tracks, &count);
    assert_true(isfinite(tracks[0].box[0]));
    stance_tracker_close(&t);
}

static void test_tracker_survives_clocks_that_go_back(void **state)
{
    (void)state;
    struct stance_tracker *t = open_tracker(NULL);
    struct stance_tracker_counts counts;
    const struct stance_track *tracks;
    const int64_t times[] = {0, 40000, -5, 30000, 40000, INT64_MIN, 80000, INT64_MAX, 0, INT64_MAX};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        struct stance_detection found = at(0, 0.9f);
        int count;
        assert_int_equal(stance_tracker_update(t, times[i], &found, 1, &tracks, &count), 0);
        if (i < 7)
            assert_int_equal(count, 1);
        if (i < 7)
            assert_int_equal(tracks[0].id, 1);
        for (int k = 0; k < count; k++)
            assert_true(isfinite(tracks[k].box[0]));
    }
    stance_tracker_counts(t, &counts);
    assert_int_equal(counts.clamped, 4);
    assert_int_equal(counts.frames, 10);
    stance_tracker_close(&t);
}

/* Someone walks on while the clock is set back by a day: the id stays, the box does not lag
 * behind, and who is lost is forgotten in time. */
static void test_tracker_goes_on_when_the_clock_is_set(void **state)
{
    (void)state;
    const double day = 86400;
    struct stance_tracker *t = open_tracker(NULL);
    struct stance_tracker_counts counts;
    const struct stance_track *tracks;
    for (int i = 0; i < 200; i++) {
        struct stance_detection found[2] = {at((float)(3 * i), 0.9f), at(2000, 0.9f)};
        double seconds = (i < 60 ? day : 0) + i * 0.04;
        assert_int_equal(step(t, seconds, found, i < 60 ? 2 : 1, &tracks), i < 60 ? 2 : 1);
        assert_int_equal(tracks[0].id, 1);
        assert_float_equal(tracks[0].box[0], (float)(3 * i), i < 20 ? 20 : 3);
        assert_true(i < 100 || fabsf(tracks[0].velocity[0] - 75) < 5);
        if (i >= 61) {
            assert_int_equal(tracks[0].seen_us, llround(seconds * 1e6));
            assert_int_equal(tracks[0].born_us, 40000);
        }
    }
    stance_tracker_counts(t, &counts);
    assert_int_equal(counts.clamped, 1);
    assert_int_equal(counts.births, 2);
    assert_int_equal(counts.alive, 1);
    stance_tracker_close(&t);
}

static void test_tracker_by_poses_tells_people_on_one_place_apart(void **state)
{
    (void)state;
    /* Two people share a box; arms up and arms down. Boxes cannot tell them, poses can. */
    enum { COUNT = 6 };
    for (int mode = STANCE_TRACKER_BYTETRACK; mode <= STANCE_TRACKER_OKS; mode++) {
        struct stance_tracker_options o;
        struct stance_keypoint up[COUNT], down[COUNT];
        const struct stance_track *tracks;
        stance_tracker_options_default(&o);
        o.mode = mode;
        o.keypoint_count = COUNT;
        for (int k = 0; k < COUNT; k++) {
            up[k] = (struct stance_keypoint){(float)(5 * k), 110, 1};
            down[k] = (struct stance_keypoint){(float)(5 * k), 190, 1};
        }
        struct stance_tracker *t = open_tracker(&o);
        for (int i = 0; i < 20; i++) {
            struct stance_detection found[2] = {at(0, 0.9f), at(0, 0.9f)};
            int first = i * 7 % 3 == 0;
            found[first].keypoints = up;
            found[!first].keypoints = down;
            assert_int_equal(step(t, i * 0.04, found, 2, &tracks), 2);
            if (i == 0)
                assert_int_equal(tracks[first].detection, first);
            for (int k = 0; k < 2; k++)
                assert_ptr_equal(found[tracks[k].detection].keypoints,
                                 tracks[k].id == 1 ? down : up);
        }
        stance_tracker_close(&t);
    }
}

static void test_tracker_off_passes_everything(void **state)
{
    (void)state;
    struct stance_tracker_options o;
    const struct stance_track *tracks;
    struct stance_detection found[3] = {at(0, 0.1f), at(0, 0.9f), at(50, 0.5f)};
    stance_tracker_options_default(&o);
    o.mode = STANCE_TRACKER_OFF;
    struct stance_tracker *t = open_tracker(&o);
    assert_int_equal(step(t, 0, found, 3, &tracks), 3);
    assert_int_equal(tracks[0].id, 0);
    assert_int_equal(tracks[0].detection, 1); /* best first */
    assert_float_equal(tracks[0].box[2], 40, 0);
    stance_tracker_close(&t);
}

static void test_tracker_recover_iou_holds_lost_tracks_to_their_place(void **state)
{
    (void)state;
    for (int strict = 0; strict < 2; strict++) {
        struct stance_tracker_options o;
        const struct stance_track *tracks;
        struct stance_detection here = at(0, 0.9f), near = at(24, 0.9f);
        stance_tracker_options_default(&o);
        o.recover_iou = strict ? 0.4f : 0;
        struct stance_tracker *t = open_tracker(&o);
        step(t, 0, &here, 1, &tracks);
        step(t, 0.04, &here, 1, &tracks);
        step(t, 0.08, NULL, 0, &tracks);
        assert_int_equal(step(t, 0.12, &near, 1, &tracks), !strict); /* IoU 0.25 */
        stance_tracker_close(&t);
    }
}

static void test_tracker_makes_room_by_forgetting_the_longest_lost(void **state)
{
    (void)state;
    struct stance_tracker_options o;
    struct stance_tracker_counts counts;
    const struct stance_track *tracks;
    stance_tracker_options_default(&o);
    o.max_tracks = 3;
    o.recover_reach = 0;
    o.buffer_seconds = 100;
    struct stance_tracker *t = open_tracker(&o);
    for (int i = 0; i < 50; i++) { /* everyone is somewhere else */
        struct stance_detection found = at((float)(1000 * (i / 2)), 0.9f);
        step(t, i, &found, 1, &tracks);
    }
    stance_tracker_counts(t, &counts);
    assert_int_equal(counts.alive, 3);
    assert_int_equal(counts.births, 25);
    assert_int_equal(counts.refused, 0);
    struct stance_detection crowd[5];
    for (int i = 0; i < 5; i++)
        crowd[i] = at((float)(-100 * i - 100), 0.9f);
    step(t, 51, crowd, 5, &tracks);
    stance_tracker_counts(t, &counts);
    assert_int_equal(counts.refused, 2);
    stance_tracker_close(&t);
}

static void test_tracker_takes_the_best_of_too_many_detections(void **state)
{
    (void)state;
    struct stance_tracker_options o;
    struct stance_tracker_counts counts;
    const struct stance_track *tracks;
    struct stance_detection found[10];
    stance_tracker_options_default(&o);
    o.max_detections = 4;
    struct stance_tracker *t = open_tracker(&o);
    for (int i = 0; i < 10; i++)
        found[i] = at((float)(100 * i), 0.6f + 0.03f * (float)(i * 3 % 10));
    assert_int_equal(step(t, 0, found, 10, &tracks), 4);
    for (int i = 0; i < 4; i++)
        assert_true(tracks[i].score > 0.77f);
    stance_tracker_counts(t, &counts);
    assert_int_equal(counts.dropped, 6);
    stance_tracker_close(&t);
}

static void test_tracker_leaves_out_what_is_no_box(void **state)
{
    (void)state;
    struct stance_tracker *t = open_tracker(NULL);
    struct stance_tracker_counts counts;
    const struct stance_track *tracks;
    struct stance_detection found[8];
    int count;
    for (int i = 0; i < 8; i++)
        found[i] = at((float)(100 * i), 0.9f);
    found[0].box[0] = NAN;
    found[1].box[3] = INFINITY;
    found[2].box[2] = found[2].box[0];
    found[3].box[3] = 0;
    found[4].score = NAN;
    found[5].box[0] = -1e30f;
    assert_int_equal(step(t, 0, found, 8, &tracks), 2);
    assert_int_equal(tracks[0].detection, 6);
    stance_tracker_counts(t, &counts);
    assert_int_equal(counts.unusable, 6);
    assert_int_equal(stance_tracker_update(t, 0, NULL, 1, &tracks, &count), STANCE_EARGUMENT);
    assert_int_equal(stance_tracker_update(t, 0, found, -1, &tracks, &count), STANCE_EARGUMENT);
    stance_tracker_close(&t);
}

static uint64_t random_state = 7;

static double uniform(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (double)(random_state >> 11) * 0x1p-53;
}

/* Noise in any mode: ids unique in a frame, never reused after they were gone, boxes finite, order
 * by id, each detection at most once, and the same again for the same input. */
static void check_noise(int mode, const int64_t *expected, int64_t *ids, int frames)
{
    enum { MOST = 12, POINTS = 5 };
    struct stance_tracker_options o;
    int64_t highest = 0;
    stance_tracker_options_default(&o);
    o.mode = mode;
    o.keypoint_count = POINTS;
    o.max_tracks = 16;
    o.max_detections = 8;
    struct stance_tracker *t = open_tracker(&o);
    long allocations = base_alloc_count();
    int64_t time = 0;
    random_state = (uint64_t)mode + 1;
    for (int i = 0; i < frames; i++) {
        struct stance_detection found[MOST];
        struct stance_keypoint points[MOST][POINTS];
        const struct stance_track *tracks;
        int count = (int)(uniform() * (MOST + 1)), seen, used = 0, slots = 0;
        for (int n = 0; n < count; n++) {
            found[n] = at((float)(300 * uniform()), (float)uniform());
            found[n].box[3] += (float)(50 * uniform());
            for (int k = 0; k < POINTS; k++)
                points[n][k] =
                    (struct stance_keypoint){(float)(300 * uniform()), 150, (float)uniform()};
            found[n].keypoints = uniform() < 0.7 ? points[n] : NULL;
            found[n].no_birth = uniform() < 0.2;
        }
        time += (int64_t)(uniform() * 80000) - 10000;
        assert_int_equal(stance_tracker_update(t, time, found, count, &tracks, &seen), 0);
        ids[i] = 0;
        for (int k = 0; k < seen; k++) {
            assert_true(mode == STANCE_TRACKER_OFF || k == 0 || tracks[k].id > tracks[k - 1].id);
            assert_in_range(tracks[k].detection, 0, count - 1);
            assert_false(used >> tracks[k].detection & 1);
            used |= 1 << tracks[k].detection;
            if (mode != STANCE_TRACKER_OFF) {
                assert_in_range(tracks[k].slot, 0, 15);
                assert_false(slots >> tracks[k].slot & 1);
                slots |= 1 << tracks[k].slot;
            }
            assert_true(isfinite(tracks[k].box[0]) && tracks[k].box[2] > tracks[k].box[0]);
            ids[i] = ids[i] * 31 + tracks[k].id;
            if (tracks[k].id > highest)
                highest = tracks[k].id;
        }
        if (expected)
            assert_int_equal(ids[i], expected[i]);
    }
    struct stance_tracker_counts counts;
    stance_tracker_counts(t, &counts);
    assert_true(highest <= counts.births);
    assert_true(mode == STANCE_TRACKER_OFF ||
                highest > 16);                         /* more than there is room for at once */
    assert_int_equal(base_alloc_count(), allocations); /* nothing while frames flow */
    stance_tracker_close(&t);
}

static void test_tracker_keeps_its_promises_on_noise(void **state)
{
    (void)state;
    static int64_t first[3000], second[3000];
    for (int mode = STANCE_TRACKER_BYTETRACK; mode <= STANCE_TRACKER_OFF; mode++) {
        check_noise(mode, NULL, first, 3000);
        check_noise(mode, first, second, 3000);
    }
}

static void test_tracker_ids_go_on_after_a_reset(void **state)
{
    (void)state;
    struct stance_tracker *t = open_tracker(NULL);
    const struct stance_track *tracks;
    struct stance_detection found = at(0, 0.9f);
    step(t, 0, &found, 1, &tracks);
    stance_tracker_reset(t);
    step(t, 0.04, &found, 1, &tracks);
    assert_int_equal(step(t, 0.08, &found, 1, &tracks), 1);
    assert_int_equal(tracks[0].id, 2);
    stance_tracker_close(&t);
}

/* The scene after a cut begins as the first one did. */
static void test_tracker_confirms_at_once_after_a_reset(void **state)
{
    (void)state;
    struct stance_tracker *t = open_tracker(NULL);
    const struct stance_track *tracks;
    struct stance_detection found[2] = {at(0, 0.9f), at(500, 0.9f)};
    assert_int_equal(step(t, 0, found, 1, &tracks), 1);
    stance_tracker_reset(t);
    assert_int_equal(step(t, 0.04, found, 1, &tracks), 1);
    assert_int_equal(step(t, 0.08, found, 2, &tracks), 1);
    stance_tracker_close(&t);
}

static void test_tracker_opens_whole_or_not_at_all(void **state)
{
    (void)state;
    struct stance_tracker_options o;
    struct stance_tracker *t;
    stance_tracker_options_default(&o);
    o.keypoint_count = 17;
    long live = base_alloc_live();
    int n = 1;
    for (;; n++) {
        base_alloc_fail_at(n, 0);
        int code = stance_tracker_open(&t, &o);
        base_alloc_fail_at(0, 0);
        if (code == 0)
            break;
        assert_int_equal(code, STANCE_ENOMEMORY);
        assert_null(t);
        assert_int_equal(base_alloc_live(), live);
    }
    assert_true(n > 10);
    stance_tracker_close(&t);
    assert_int_equal(base_alloc_live(), live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tracker_counts_from_one_and_confirms_by_the_second_hit),
        cmocka_unit_test(test_tracker_min_hits),
        cmocka_unit_test(test_tracker_uses_low_scores_to_go_on_but_not_to_begin),
        cmocka_unit_test(test_tracker_begins_no_track_where_it_may_not),
        cmocka_unit_test(test_tracker_time_is_seconds),
        cmocka_unit_test(test_tracker_max_missing_counts_frames),
        cmocka_unit_test(test_tracker_predicts_lost_tracks),
        cmocka_unit_test(test_tracker_survives_clocks_that_go_back),
        cmocka_unit_test(test_tracker_goes_on_when_the_clock_is_set),
        cmocka_unit_test(test_tracker_by_poses_tells_people_on_one_place_apart),
        cmocka_unit_test(test_tracker_off_passes_everything),
        cmocka_unit_test(test_tracker_recover_iou_holds_lost_tracks_to_their_place),
        cmocka_unit_test(test_tracker_makes_room_by_forgetting_the_longest_lost),
        cmocka_unit_test(test_tracker_takes_the_best_of_too_many_detections),
        cmocka_unit_test(test_tracker_leaves_out_what_is_no_box),
        cmocka_unit_test(test_tracker_keeps_its_promises_on_noise),
        cmocka_unit_test(test_tracker_ids_go_on_after_a_reset),
        cmocka_unit_test(test_tracker_confirms_at_once_after_a_reset),
        cmocka_unit_test(test_tracker_opens_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
