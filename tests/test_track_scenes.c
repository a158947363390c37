/* Whole runs: the golden scenes against ByteTrack's settings, ByteTrack's own reference run, and
 * our defaults on real detections.
 *
 * usage: test_track_scenes quick|long */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/json_read.h"
#include "base/number.h"
#include "stance/mot.h"
#include "support/support.h"
#include "support/walkers.h"
#include "track/tracker.h"

static int least_people, people_step, seeds; /* the share that is run */

static struct stance_tracker *our_tracker(int keypoints)
{
    struct stance_tracker_options o;
    struct stance_tracker *t;
    stance_tracker_options_default(&o);
    o.keypoint_count = keypoints;
    o.sigmas = keypoints ? walkers_sigmas : NULL;
    assert_int_equal(stance_tracker_open(&t, &o), 0);
    return t;
}

/* byte_tracker.py: boxes predicted, except of new tracks; a buffer of fps / 30 × 30 frames.
 * `high`: 0.5 is the code's default, 0.6 the paper's. */
static struct stance_tracker *their_tracker(float high, double fps)
{
    struct stance_tracker_options o;
    struct stance_tracker *t;
    stance_tracker_options_default(&o);
    assert_int_equal(stance_tracker_options_preset(&o, "bytetrack"), 0);
    o.high_threshold = high;
    o.birth_threshold = high + 0.1f;
    o.buffer_seconds = (float)((floor(fps / 30 * 30) + 0.5) / 30);
    assert_int_equal(track_open(&t, &o, &(struct track_rules){.fresh_still = true}), 0);
    return t;
}

static int switches(struct stance_tracker *t, const struct walkers_scene *scene, int frame_time)
{
    int count = walkers_switches(scene, t, frame_time);
    stance_tracker_close(&t);
    assert_true(count >= 0);
    return count;
}

static void test_golden_scenes(void **state)
{
    (void)state;
    struct walkers_scene s;
    int ours = 0, paper = 0, code = 0, solved = 0, solved_by_paper = 0, worse = 0, scenes = 0;
    for (; walkers_scene_of(scenes, least_people, people_step, seeds, &s); scenes++) {
        int mine = switches(our_tracker(WALKERS_KEYPOINTS), &s, 0);
        int theirs = switches(their_tracker(0.6f, s.fps), &s, 1);
        ours += mine;
        paper += theirs;
        code += switches(their_tracker(0.5f, s.fps), &s, 1);
        solved += mine == 0;
        solved_by_paper += theirs == 0;
        if (theirs == 0 && mine > 0) {
            worse++;
            print_message("kind %d, %g°, hidden %g s, %g fps, %d people, seed %d: %d switches\n",
                          (int)s.kind, s.angle, s.hidden, s.fps, s.people, s.seed, mine);
        }
    }
    print_message("%d scenes: %d id switches in ours (%d scenes without), %d with ByteTrack's "
                  "published settings (%d), %d with its code's defaults\n",
                  scenes, ours, solved, paper, solved_by_paper, code);
    assert_int_equal(worse, 0);
    assert_true(ours * 10 < code);
}

/* Scenes are the same on every machine and run. */
static void test_golden_scenes_are_golden(void **state)
{
    (void)state;
    struct walkers_scene s;
    struct walkers a, b;
    for (int i = 0; i < 27; i++) {
        assert_true(walkers_scene_of(i, 2, 4, 1, &s));
        walkers_start(&a, &s);
        walkers_start(&b, &s);
        while (walkers_next(&a)) {
            assert_true(walkers_next(&b));
            assert_int_equal(a.count, b.count);
            assert_memory_equal(a.owner, b.owner, sizeof a.owner);
            assert_memory_equal(a.points, b.points, sizeof a.points);
        }
    }
}

/* Palace: the run of ByteTrack's C++ port. */
enum { MOST = 64 };

struct palace_box {
    int frame, id;
    double box[4]; /* left, top, width, height */
    double score;
};

static double palace_number(const base_json_value *object, const char *key)
{
    const char *text;
    double value;
    assert_int_equal(base_json_get_string(object, key, &text), 0);
    assert_int_equal(base_number_parse_double(text, &value), 0);
    return value;
}

static struct palace_box *palace(const char *name, int tracks, size_t *count)
{
    char path[4096];
    struct base_json_doc *doc;
    if (!support_shared_path(path, sizeof path, name))
        skip();
    assert_int_equal(base_json_open(&doc, path, 16 << 20), 0);
    const base_json_value *list = base_json_get(base_json_root(doc), "results");
    *count = base_json_count(list);
    struct palace_box *boxes = calloc(*count + 1, sizeof *boxes);
    assert_non_null(boxes);
    for (size_t i = 0; i < *count; i++) {
        const base_json_value *item = base_json_at(list, i);
        boxes[i] = (struct palace_box){.frame = (int)palace_number(item, "frame_id"),
                                       .id = tracks ? (int)palace_number(item, "track_id") : 0,
                                       .score = tracks ? 0 : palace_number(item, "prob"),
                                       .box = {palace_number(item, "x"), palace_number(item, "y"),
                                               palace_number(item, "width"),
                                               palace_number(item, "height")}};
    }
    boxes[*count].frame = -1;
    base_json_doc_close(&doc);
    return boxes;
}

static struct stance_tracker *palace_tracker(void)
{
    struct stance_tracker_options o;
    struct stance_tracker *t;
    stance_tracker_options_default(&o);
    assert_int_equal(stance_tracker_options_preset(&o, "bytetrack"), 0);
    o.low_threshold = o.min_box_area = 0;
    o.fuse_score = 0;
    o.buffer_seconds = 30.5f / 30;
    const struct track_rules rules = {.last_box = true, .fresh_still = true, .pixel = 1};
    assert_int_equal(track_open(&t, &o, &rules), 0);
    return t;
}

static void test_palace_is_bytetracks_run_id_for_id(void **state)
{
    (void)state;
    size_t found_count, track_count, at = 0, compared = 0;
    double worst = 0;
    struct palace_box *found =
        palace("data/mot/palace/palace_detection_results.json", 0, &found_count);
    struct palace_box *expected =
        palace("data/mot/palace/palace_tracking_results.json", 1, &track_count);
    struct stance_tracker *t = palace_tracker();
    for (int frame = 0; at < found_count; frame++) {
        struct stance_detection d[MOST];
        const struct stance_track *tracks;
        int count = 0, seen;
        for (; found[at].frame == frame; at++) {
            const double *b = found[at].box;
            assert_true(count < MOST);
            d[count++] = (struct stance_detection){
                .box = {(float)b[0], (float)b[1], (float)(b[0] + b[2]), (float)(b[1] + b[3])},
                .score = (float)found[at].score};
        }
        assert_int_equal(
            stance_tracker_update(t, llround(frame * 1e6 / 30), d, count, &tracks, &seen), 0);
        int left = seen;
        for (size_t e = 0; e < track_count; e++) {
            if (expected[e].frame != frame)
                continue;
            int k = 0;
            while (k < seen && tracks[k].id != expected[e].id)
                k++;
            if (k == seen)
                fail_msg("frame %d has no track %d", frame, expected[e].id);
            const float *b = tracks[k].box;
            const double mine[4] = {(double)b[0], (double)b[1], (double)b[2] - (double)b[0],
                                    (double)b[3] - (double)b[1]};
            for (int i = 0; i < 4; i++)
                worst = fmax(worst, fabs(mine[i] - expected[e].box[i]));
            compared++;
            left--;
        }
        assert_int_equal(left, 0); /* ids are unique in a frame of either side */
    }
    print_message("palace: %zu boxes, off by %.4f at most\n", compared, worst);
    assert_int_equal(compared, 6008);
    assert_true(worst < 0.01);
    stance_tracker_close(&t);
    free(found);
    free(expected);
}

/* A MOT table through a tracker; ids must be unique in each frame. */
static struct stance_mot *run_table(struct stance_tracker *t, const char *name, double fps)
{
    struct stance_mot *in, *out = NULL;
    char path[4096];
    int count, at = 0;
    if (!support_shared_path(path, sizeof path, name))
        skip();
    assert_int_equal(stance_mot_open(&in, path), 0);
    const struct stance_mot_row *rows = stance_mot_rows(in, &count);
    for (int64_t frame = rows[0].frame; at < count; frame++) {
        struct stance_detection d[MOST];
        const struct stance_track *tracks;
        int people = 0, seen;
        for (; at < count && rows[at].frame == frame; at++) {
            assert_true(people < MOST);
            d[people++] =
                (struct stance_detection){.box = {(float)rows[at].left, (float)rows[at].top,
                                                  (float)(rows[at].left + rows[at].width),
                                                  (float)(rows[at].top + rows[at].height)},
                                          .score = (float)rows[at].score};
        }
        assert_int_equal(
            stance_tracker_update(t, llround((double)frame / fps * 1e6), d, people, &tracks, &seen),
            0);
        for (int k = 0; k < seen; k++) {
            const float *b = tracks[k].box;
            struct stance_mot_row row = {frame,
                                         tracks[k].id,
                                         (double)b[0],
                                         (double)b[1],
                                         (double)b[2] - (double)b[0],
                                         (double)b[3] - (double)b[1],
                                         1};
            assert_true(k == 0 || tracks[k].id > tracks[k - 1].id);
            assert_int_equal(stance_mot_add(&out, &row), 0);
        }
    }
    stance_mot_close(&in);
    stance_tracker_close(&t);
    return out;
}

static double number(const struct stance_eval_number *numbers, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (strcmp(numbers[i].name, name) == 0)
            return numbers[i].value;
    fail_msg("there is no number %s", name);
    return 0;
}

static void score(struct stance_mot *tracks, const char *truth_name, double *idf1, double *hota)
{
    struct stance_eval_number numbers[STANCE_MOT_NUMBERS];
    struct stance_mot *truth;
    char path[4096];
    int count;
    assert_true(support_shared_path(path, sizeof path, truth_name));
    assert_int_equal(stance_mot_open(&truth, path), 0);
    assert_int_equal(stance_mot_measure(truth, tracks, numbers, &count), 0);
    *idf1 = number(numbers, count, "IDF1");
    *hota = number(numbers, count, "HOTA");
    print_message("  IDF1 %.4f HOTA %.4f MOTA %.4f, %g switches\n", *idf1, *hota,
                  number(numbers, count, "MOTA"), number(numbers, count, "IDSW"));
    stance_mot_close(&truth);
    stance_mot_close(&tracks);
}

static void test_defaults_on_real_detections(void **state)
{
    (void)state;
    const char *const names[][2] = {
        {"data/mot/sort_mot15_det/TUD-Campus.det.txt", "data/mot/evaldet/tud_campus_gt.csv"},
        {"data/mot/sort_mot15_det/TUD-Stadtmitte.det.txt",
         "data/mot/evaldet/tud_stadtmitte_gt.csv"}};
    for (int i = 0; i < 2; i++) {
        double idf1[3], hota[3];
        print_message("%s: ours, ByteTrack's code, ByteTrack's paper\n", names[i][0]);
        score(run_table(our_tracker(0), names[i][0], 25), names[i][1], &idf1[0], &hota[0]);
        for (int k = 1; k < 3; k++)
            score(run_table(their_tracker(k == 1 ? 0.5f : 0.6f, 25), names[i][0], 30), names[i][1],
                  &idf1[k], &hota[k]);
        assert_true(idf1[0] >= idf1[1] && hota[0] >= hota[1]);
    }
}

static void test_pets_runs_with_unique_ids(void **state)
{
    (void)state;
    int count;
    struct stance_mot *tracks =
        run_table(our_tracker(0), "data/mot/sort_mot15_det/PETS09-S2L1.det.txt", 7);
    stance_mot_rows(tracks, &count);
    assert_true(count > 3500);
    stance_mot_close(&tracks);
}

int main(int argc, char **argv)
{
    int whole = argc > 1 && strcmp(argv[1], "long") == 0;
    least_people = 2;
    people_step = whole ? 1 : 4;
    seeds = whole ? 20 : 4;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_scenes),
        cmocka_unit_test(test_golden_scenes_are_golden),
        cmocka_unit_test(test_palace_is_bytetracks_run_id_for_id),
        cmocka_unit_test(test_defaults_on_real_detections),
        cmocka_unit_test(test_pets_runs_with_unique_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
