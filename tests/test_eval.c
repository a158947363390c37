/* Evaluation: equality with pycocotools where its numbers are known, and what must hold for any input. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_read.h"
#include "support/measure.h"
#include "support/support.h"

static void check_fixture(const char *key, const char *gt, const char *dt,
                          const base_json_value *stats)
{
    char path[4096], relative[512];
    struct stance_eval *eval;
    const char *name;
    const base_json_value *value;
    snprintf(relative, sizeof relative, "data/fixtures/cocoeval/%s", gt);
    assert_true(support_shared_path(path, sizeof path, relative));
    assert_int_equal(stance_eval_open(&eval, path, NULL), 0);
    snprintf(relative, sizeof relative, "data/fixtures/cocoeval/%s", dt);
    assert_true(support_shared_path(path, sizeof path, relative));
    if (stance_eval_load(eval, path) < 0)
        fail_msg("%s: %s", key, stance_error_text());
    int compared = 0;
    for (void *at = base_json_next(stats, NULL, &name, &value); at;
         at = base_json_next(stats, at, &name, &value)) {
        double expected = 0;
        assert_int_equal(base_json_as_float(value, name, &expected), 0);
        measure_expect(eval, "coco", name, expected, 1e-6);
        compared++;
    }
    assert_true(compared >= 10);
    assert_int_equal(eval->number_count, compared);
    stance_eval_close(&eval);
}

static void test_numbers_are_those_of_pycocotools(void **state)
{
    char path[4096];
    struct base_json_doc *doc;
    const char *key, *gt, *dt;
    const base_json_value *set;
    if (!support_shared_path(path, sizeof path, "data/fixtures/cocoeval/expected.json"))
        skip();
    assert_int_equal(base_json_open(&doc, path, 1 << 20), 0);
    const base_json_value *root = base_json_root(doc);
    assert_int_equal(base_json_count(root), 3);
    for (void *at = base_json_next(root, NULL, &key, &set); at;
         at = base_json_next(root, at, &key, &set)) {
        assert_int_equal(base_json_get_string(set, "gt", &gt), 0);
        assert_int_equal(base_json_get_string(set, "dt", &dt), 0);
        check_fixture(key, gt, dt, base_json_get(set, "stats"));
    }
    base_json_doc_close(&doc);
}

/* Published with the set (EvalDeT): MANIFEST.md of the shared folder, section 7. */
static void test_numbers_of_a_dictionary_of_results(void **state)
{
    char gt[4096], dt[4096];
    struct stance_eval *eval;
    if (!support_shared_path(gt, sizeof gt, "data/fixtures/cocoeval/evaldet_gts_coco.json") ||
        !support_shared_path(dt, sizeof dt, "data/fixtures/cocoeval/evaldet_dets_coco.json"))
        skip();
    assert_int_equal(stance_eval_open(&eval, gt, NULL), 0);
    assert_int_equal(stance_eval_load(eval, dt), 0);
    measure_expect(eval, "coco", "AP", .503637486, 1e-6);
    measure_expect(eval, "coco", "AP50", .697863184, 1e-6);
    measure_expect(eval, "coco", "AP75", .571587401, 1e-6);
    stance_eval_close(&eval);
}

static void test_perfect_results_score_one(void **state)
{
    static const int keypoints[] = {0, 14, 16, 17, 26, 133};
    for (size_t i = 0; i < sizeof keypoints / sizeof keypoints[0]; i++) {
        const struct stance_eval_number *numbers;
        int count;
        struct stance_eval *eval =
            measure_people(measure_crew, MEASURE_CREW, measure_crew, MEASURE_CREW,
                           keypoints[i] ? keypoints[i] : 17, keypoints[i]);
        assert_int_equal(stance_eval_compute(eval, "coco", &numbers, &count), 0);
        for (int k = 0; k < count; k++)
            if (strcmp(numbers[k].name, "AR1") != 0 && fabs(numbers[k].value - 1) > 1e-12)
                fail_msg("%d keypoints: %s is %g", keypoints[i], numbers[k].name, numbers[k].value);
        assert_int_equal(count, keypoints[i] == 0     ? 12
                                : keypoints[i] == 14  ? 9
                                : keypoints[i] == 133 ? 60
                                                      : 10);
        stance_eval_close(&eval);
    }
}

/* A crowd of people with errors of all sizes and scores that all differ. */
static void make_random(struct coco_person *truth, struct coco_person *found, int count)
{
    for (int i = 0; i < count; i++) {
        truth[i] = (struct coco_person){.id = i + 1,
                                        .picture = 1 + rand() % 4,
                                        .x = rand() % 500,
                                        .y = rand() % 300,
                                        .width = 8 + rand() % 200,
                                        .height = 8 + rand() % 200,
                                        .visible = rand() % 8 ? 2 : 0,
                                        .crowd = rand() % 10 == 0};
        found[i] = truth[i];
        found[i].visible = 1;
        found[i].shift = rand() % 4 * (rand() % 12);
        found[i].score = (i * 7 % count + .5) / count;
    }
}

static void shuffle(struct coco_person *people, int count)
{
    for (int i = count - 1; i > 0; i--) {
        int k = rand() % (i + 1);
        struct coco_person other = people[i];
        people[i] = people[k];
        people[k] = other;
    }
}

/* Where nothing is equally good: scores differ, and so do similarities without crowds and people
 * without keypoints, which may be 1 for several at once. */
static void test_the_order_of_inputs_is_irrelevant(void **state)
{
    enum { COUNT = 60 };
    struct coco_person truth[COUNT], found[COUNT];
    srand(3);
    make_random(truth, found, COUNT);
    for (int i = 0; i < COUNT; i++) {
        truth[i].visible = 2;
        truth[i].crowd = false;
    }
    for (int keypoints = 0; keypoints <= 17; keypoints += 17) {
        double first[12] = {0};
        for (int round = 0; round < 4; round++) {
            struct stance_eval *eval = measure_people(truth, COUNT, found, COUNT, 17, keypoints);
            const struct stance_eval_number *numbers;
            int count;
            assert_int_equal(stance_eval_compute(eval, "coco", &numbers, &count), 0);
            for (int i = 0; i < count; i++) {
                if (round == 0)
                    first[i] = numbers[i].value;
                assert_true(fabs(first[i] - numbers[i].value) < 1e-12);
            }
            assert_true(first[0] > .05 && first[0] < .95);
            stance_eval_close(&eval);
            shuffle(truth, COUNT);
            shuffle(found, COUNT);
        }
    }
}

static void test_nothing_found_is_zero_and_nothing_to_find_is_minus_one(void **state)
{
    static const char *const metrics[] = {"coco", "pck", "auc"};
    struct stance_eval *eval = measure_people(measure_crew, MEASURE_CREW, measure_crew, 0, 17, 17);
    for (int i = 0; i < 3; i++)
        measure_expect(eval, metrics[i], i == 0 ? "AP" : i == 1 ? "PCK@0.2" : "AUC", 0, 0);
    measure_expect(eval, "coco", "ARl", 0, 0);
    measure_expect(eval, "epe", "EPE", -1, 0);
    stance_eval_close(&eval);
    eval = measure_people(measure_crew, 0, measure_crew, MEASURE_CREW, 17, 0);
    measure_expect(eval, "coco", "AP", -1, 0);
    measure_expect(eval, "coco", "AR100", -1, 0);
    stance_eval_close(&eval);
}

static void test_duplicates_cost_precision_only(void **state)
{
    struct coco_person found[2 * MEASURE_CREW];
    for (int i = 0; i < MEASURE_CREW; i++) {
        found[i] = found[MEASURE_CREW + i] = measure_crew[i];
        found[MEASURE_CREW + i].score = measure_crew[i].score - .01;
    }
    struct stance_eval *eval =
        measure_people(measure_crew, MEASURE_CREW, found, 2 * MEASURE_CREW, 17, 17);
    measure_expect(eval, "coco", "AR", 1, 1e-12);
    assert_true(measure_number(eval, "coco", "AP") < .9);
    stance_eval_close(&eval);
}

static void test_results_on_a_crowd_do_not_count(void **state)
{
    struct coco_person truth[2] = {measure_crew[0], measure_crew[4]};
    struct coco_person found[4] = {measure_crew[0], measure_crew[4], measure_crew[4],
                                   measure_crew[4]};
    truth[1].picture = 1;
    truth[1].crowd = true;
    for (int i = 1; i < 4; i++) {
        found[i].picture = 1;
        found[i].score = .99;
    }
    for (int keypoints = 0; keypoints <= 17; keypoints += 17) {
        struct stance_eval *eval = measure_people(truth, 2, found, 4, 17, keypoints);
        measure_expect(eval, "coco", "AP", 1, 1e-12);
        stance_eval_close(&eval);
    }
}

/* Near the doubled box of someone without keypoints nothing is held against a result; far off it is. */
static void test_people_without_keypoints_are_ignored_around_their_box(void **state)
{
    struct coco_person truth[2] = {measure_crew[0], measure_crew[2]},
                       found[2] = {measure_crew[0], measure_crew[2]};
    truth[1].picture = found[1].picture = 1;
    truth[1].visible = 0;
    found[1].score = .99;
    for (int far = 0; far < 2; far++) {
        found[1].shift = far ? 1000 : 50;
        struct stance_eval *eval = measure_people(truth, 2, found, 2, 17, 17);
        measure_expect(eval, "coco", "AP", far ? .5 : 1, 1e-9);
        stance_eval_close(&eval);
    }
}

static void test_only_the_best_results_of_a_picture_count(void **state)
{
    struct coco_person found[21];
    for (int i = 0; i < 21; i++) {
        found[i] = measure_crew[i == 20 ? 0 : 4];
        found[i].picture = 1;
        found[i].score = i == 20 ? .1 : .5;
    }
    struct stance_eval *eval = measure_people(measure_crew, 1, found, 21, 17, 17);
    measure_expect(eval, "coco", "AR", 0, 0);
    stance_eval_close(&eval);
    eval = measure_people(measure_crew, 1, found + 1, 20, 17, 17);
    measure_expect(eval, "coco", "AR", 1, 1e-12);
    eval->options.single_person = 1;
    eval->ordered = false;
    measure_expect(eval, "coco", "AR", 0, 0);
    stance_eval_close(&eval);
}

static void test_crowdpose_is_split_by_crowd_index(void **state)
{
    struct coco_person found[MEASURE_CREW];
    memcpy(found, measure_crew, sizeof found);
    for (int i = 0; i < MEASURE_CREW; i++)
        found[i].shift = measure_crew[i].picture == 2 ? 300 : 0; /* crowdIndex 0.5 */
    struct stance_eval *eval =
        measure_people(measure_crew, MEASURE_CREW, found, MEASURE_CREW, 14, 14);
    assert_string_equal(eval->set->name, "crowdpose");
    measure_expect(eval, "coco", "APeasy", 1, 1e-12);
    measure_expect(eval, "coco", "APmedium", 0, 0);
    measure_expect(eval, "coco", "APhard", 1, 1e-12);
    stance_eval_close(&eval);
}

static void test_distances_are_what_was_moved(void **state)
{
    struct coco_person truth = measure_crew[0], found = measure_crew[0]; /* box 100 × 200 */
    found.shift = 12.5;
    struct stance_eval *eval = measure_people(&truth, 1, &found, 1, 17, 17);
    double torso = measure_number(eval, "pck", "tPCK@0.1");
    measure_expect(eval, "epe", "EPE", 12.5, 1e-9);
    measure_expect(eval, "nme", "NME", 12.5 / sqrt(100 * 200), 1e-9);
    measure_expect(eval, "pck", "PCK@0.05", 0, 0); /* 12.5 / 200 = 0.0625 */
    measure_expect(eval, "pck", "PCK@0.2", 1, 0);
    measure_expect(eval, "auc", "AUC", 11 / 20.0, 1e-9); /* thresholds above 12.5 / 30 */
    measure_expect(eval, "pck", "people", 1, 0);
    assert_true(torso == 0); /* shoulders are near the hips on this diagonal */
    stance_eval_close(&eval);
    eval = measure_people(&truth, 1, &found, 1, 16, 16);
    /* MPII: upper neck and top of the head are keypoints 9 and 10 of the diagonal of 16. */
    double head = hypot(100, 200) / 16;
    measure_expect(eval, "pckh", "PCKh@0.5", 12.5 / head < .5, 0);
    stance_eval_close(&eval);
}

static void test_kinds_of_errors(void **state)
{
    struct coco_person truth[2] = {measure_crew[0], measure_crew[4]};
    truth[1].picture = 1;
    struct stance_eval *eval = measure_people(truth, 2, measure_crew, 1, 17, 17);
    assert_int_equal(eval_prepare(eval), 0);
    struct eval_walk walk = {.eval = eval};
    struct eval_group group;
    assert_true(eval_next_group(&walk, &group));
    struct eval_instance *found = &eval->found.items[group.found[0]];
    double *point = eval->found.points + found->points + 3 * 13; /* left knee */
    const double *own = eval_points(&eval->truth, &eval->truth.items[group.truth[0]]) + 3 * 13;
    const double *other = eval_points(&eval->truth, &eval->truth.items[group.truth[1]]) + 3 * 13;
    assert_int_equal(eval_keypoint_error(eval, &group, 0, found, 13), EVAL_GOOD);
    double scale = .087 * 2 * sqrt(100 * 200 * .7);
    point[0] = own[0] - scale;
    assert_int_equal(eval_keypoint_error(eval, &group, 0, found, 13), EVAL_JITTER);
    point[0] = own[0] - 4 * scale;
    assert_int_equal(eval_keypoint_error(eval, &group, 0, found, 13), EVAL_MISS);
    memcpy(point, other, 2 * sizeof *point);
    assert_int_equal(eval_keypoint_error(eval, &group, 0, found, 13), EVAL_SWAP);
    double *mirror = eval->truth.points + eval->truth.items[group.truth[0]].points + 3 * 14;
    mirror[0] = 600;
    mirror[1] = 20;
    point[0] = 601;
    point[1] = 20;
    assert_int_equal(eval_keypoint_error(eval, &group, 0, found, 13), EVAL_INVERSION);
    stance_eval_close(&eval);
}

static void test_saved_results_measure_the_same(void **state)
{
    enum { COUNT = 30 };
    struct coco_person truth[COUNT], found[COUNT];
    char path[4096];
    struct base_buffer gt;
    srand(8);
    make_random(truth, found, COUNT);
    struct stance_eval *eval = measure_people(truth, COUNT, found, COUNT, 17, 17);
    double before = measure_number(eval, "coco", "AP");
    snprintf(path, sizeof path, "%s/saved.json", support_temp_folder());
    assert_int_equal(stance_eval_save(eval, path), 0);
    stance_eval_close(&eval);
    coco_text_truth(&gt, truth, COUNT, 4, 17);
    eval = measure_texts(&gt, NULL);
    assert_int_equal(stance_eval_load(eval, path), 0);
    measure_expect(eval, "coco", "AP", before, 1e-9);
    stance_eval_close(&eval);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_are_those_of_pycocotools),
        cmocka_unit_test(test_numbers_of_a_dictionary_of_results),
        cmocka_unit_test(test_perfect_results_score_one),
        cmocka_unit_test(test_the_order_of_inputs_is_irrelevant),
        cmocka_unit_test(test_nothing_found_is_zero_and_nothing_to_find_is_minus_one),
        cmocka_unit_test(test_duplicates_cost_precision_only),
        cmocka_unit_test(test_results_on_a_crowd_do_not_count),
        cmocka_unit_test(test_people_without_keypoints_are_ignored_around_their_box),
        cmocka_unit_test(test_only_the_best_results_of_a_picture_count),
        cmocka_unit_test(test_crowdpose_is_split_by_crowd_index),
        cmocka_unit_test(test_distances_are_what_was_moved),
        cmocka_unit_test(test_kinds_of_errors),
        cmocka_unit_test(test_saved_results_measure_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
