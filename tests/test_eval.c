/* Evaluation: equality with pycocotools where its numbers are known, what must hold for any input, and
 * input that is wrong. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json_read.h"
#include "base/memory.h"
#include "eval/evaluation.h"
#include "support/coco_text.h"
#include "support/support.h"

static const struct coco_person crew[] = {
    {11, 1, 10, 20, 100, 200, 2, false, .9, 0},   {12, 1, 200, 30, 80, 160, 1, false, .8, 0},
    {13, 2, 300, 200, 60, 90, 2, false, .7, 0},   {14, 2, 20, 300, 50, 50, 2, false, .65, 0},
    {15, 3, 100, 100, 300, 300, 2, false, .6, 0}, {16, 3, 400, 10, 30, 40, 1, false, .5, 0},
};
enum { CREW = sizeof crew / sizeof crew[0] };

/* An evaluation of texts; fails the test when they cannot be read. */
static struct stance_eval *open_texts(struct base_buffer *truth, struct base_buffer *results)
{
    struct stance_eval *eval;
    int code = eval_open_bytes(&eval, truth->data, truth->size, "truth.json", NULL);
    if (code == 0 && results)
        code = eval_parse_results(eval, results->data, results->size, "results.json");
    if (code < 0)
        fail_msg("%s", stance_error_text());
    base_buffer_free(truth);
    if (results)
        base_buffer_free(results);
    return eval;
}

static struct stance_eval *open_people(const struct coco_person *truth, int truth_count,
                                       const struct coco_person *found, int found_count,
                                       int truth_keypoints, int keypoints)
{
    struct base_buffer gt, dt;
    coco_text_truth(&gt, truth, truth_count, 4, truth_keypoints);
    coco_text_results(&dt, found, found_count, keypoints);
    return open_texts(&gt, &dt);
}

static double number(struct stance_eval *eval, const char *metric, const char *name)
{
    const struct stance_eval_number *numbers;
    int count;
    if (stance_eval_compute(eval, metric, &numbers, &count) < 0)
        fail_msg("%s", stance_error_text());
    for (int i = 0; i < count; i++)
        if (strcmp(numbers[i].name, name) == 0)
            return numbers[i].value;
    fail_msg("%s has no number %s", metric, name);
    return 0;
}

static void assert_number(struct stance_eval *eval, const char *metric, const char *name,
                          double expected, double tolerance)
{
    double value = number(eval, metric, name);
    if (!(fabs(value - expected) <= tolerance))
        fail_msg("%s is %.12g where %.12g should be", name, value, expected);
}

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
        assert_number(eval, "coco", name, expected, 1e-6);
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
    assert_number(eval, "coco", "AP", .503637486, 1e-6);
    assert_number(eval, "coco", "AP50", .697863184, 1e-6);
    assert_number(eval, "coco", "AP75", .571587401, 1e-6);
    stance_eval_close(&eval);
}

static void test_perfect_results_score_one(void **state)
{
    static const int keypoints[] = {0, 14, 16, 17, 26, 133};
    for (size_t i = 0; i < sizeof keypoints / sizeof keypoints[0]; i++) {
        const struct stance_eval_number *numbers;
        int count;
        struct stance_eval *eval =
            open_people(crew, CREW, crew, CREW, keypoints[i] ? keypoints[i] : 17, keypoints[i]);
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
            struct stance_eval *eval = open_people(truth, COUNT, found, COUNT, 17, keypoints);
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
    struct stance_eval *eval = open_people(crew, CREW, crew, 0, 17, 17);
    for (int i = 0; i < 3; i++)
        assert_number(eval, metrics[i], i == 0 ? "AP" : i == 1 ? "PCK@0.2" : "AUC", 0, 0);
    assert_number(eval, "coco", "ARl", 0, 0);
    assert_number(eval, "epe", "EPE", -1, 0);
    stance_eval_close(&eval);
    eval = open_people(crew, 0, crew, CREW, 17, 0);
    assert_number(eval, "coco", "AP", -1, 0);
    assert_number(eval, "coco", "AR100", -1, 0);
    stance_eval_close(&eval);
}

static void test_duplicates_cost_precision_only(void **state)
{
    struct coco_person found[2 * CREW];
    for (int i = 0; i < CREW; i++) {
        found[i] = found[CREW + i] = crew[i];
        found[CREW + i].score = crew[i].score - .01;
    }
    struct stance_eval *eval = open_people(crew, CREW, found, 2 * CREW, 17, 17);
    assert_number(eval, "coco", "AR", 1, 1e-12);
    assert_true(number(eval, "coco", "AP") < .9);
    stance_eval_close(&eval);
}

static void test_results_on_a_crowd_do_not_count(void **state)
{
    struct coco_person truth[2] = {crew[0], crew[4]};
    struct coco_person found[4] = {crew[0], crew[4], crew[4], crew[4]};
    truth[1].picture = 1;
    truth[1].crowd = true;
    for (int i = 1; i < 4; i++) {
        found[i].picture = 1;
        found[i].score = .99;
    }
    for (int keypoints = 0; keypoints <= 17; keypoints += 17) {
        struct stance_eval *eval = open_people(truth, 2, found, 4, 17, keypoints);
        assert_number(eval, "coco", "AP", 1, 1e-12);
        stance_eval_close(&eval);
    }
}

/* Near the doubled box of someone without keypoints nothing is held against a result; far off it is. */
static void test_people_without_keypoints_are_ignored_around_their_box(void **state)
{
    struct coco_person truth[2] = {crew[0], crew[2]}, found[2] = {crew[0], crew[2]};
    truth[1].picture = found[1].picture = 1;
    truth[1].visible = 0;
    found[1].score = .99;
    for (int far = 0; far < 2; far++) {
        found[1].shift = far ? 1000 : 50;
        struct stance_eval *eval = open_people(truth, 2, found, 2, 17, 17);
        assert_number(eval, "coco", "AP", far ? .5 : 1, 1e-9);
        stance_eval_close(&eval);
    }
}

static void test_only_the_best_results_of_a_picture_count(void **state)
{
    struct coco_person found[21];
    for (int i = 0; i < 21; i++) {
        found[i] = crew[i == 20 ? 0 : 4];
        found[i].picture = 1;
        found[i].score = i == 20 ? .1 : .5;
    }
    struct stance_eval *eval = open_people(crew, 1, found, 21, 17, 17);
    assert_number(eval, "coco", "AR", 0, 0);
    stance_eval_close(&eval);
    eval = open_people(crew, 1, found + 1, 20, 17, 17);
    assert_number(eval, "coco", "AR", 1, 1e-12);
    eval->options.single_person = 1;
    eval->ordered = false;
    assert_number(eval, "coco", "AR", 0, 0);
    stance_eval_close(&eval);
}

static void test_crowdpose_is_split_by_crowd_index(void **state)
{
    struct coco_person found[CREW];
    memcpy(found, crew, sizeof found);
    for (int i = 0; i < CREW; i++)
        found[i].shift = crew[i].picture == 2 ? 300 : 0; /* crowdIndex 0.5 */
    struct stance_eval *eval = open_people(crew, CREW, found, CREW, 14, 14);
    assert_string_equal(eval->set->name, "crowdpose");
    assert_number(eval, "coco", "APeasy", 1, 1e-12);
    assert_number(eval, "coco", "APmedium", 0, 0);
    assert_number(eval, "coco", "APhard", 1, 1e-12);
    stance_eval_close(&eval);
}

static void test_distances_are_what_was_moved(void **state)
{
    struct coco_person truth = crew[0], found = crew[0]; /* box 100 × 200 */
    found.shift = 12.5;
    struct stance_eval *eval = open_people(&truth, 1, &found, 1, 17, 17);
    double torso = number(eval, "pck", "tPCK@0.1");
    assert_number(eval, "epe", "EPE", 12.5, 1e-9);
    assert_number(eval, "nme", "NME", 12.5 / sqrt(100 * 200), 1e-9);
    assert_number(eval, "pck", "PCK@0.05", 0, 0); /* 12.5 / 200 = 0.0625 */
    assert_number(eval, "pck", "PCK@0.2", 1, 0);
    assert_number(eval, "auc", "AUC", 11 / 20.0, 1e-9); /* thresholds above 12.5 / 30 */
    assert_number(eval, "pck", "people", 1, 0);
    assert_true(torso == 0); /* shoulders are near the hips on this diagonal */
    stance_eval_close(&eval);
    eval = open_people(&truth, 1, &found, 1, 16, 16);
    /* MPII: upper neck and top of the head are keypoints 9 and 10 of the diagonal of 16. */
    double head = hypot(100, 200) / 16;
    assert_number(eval, "pckh", "PCKh@0.5", 12.5 / head < .5, 0);
    stance_eval_close(&eval);
}

static void test_kinds_of_errors(void **state)
{
    struct coco_person truth[2] = {crew[0], crew[4]};
    truth[1].picture = 1;
    struct stance_eval *eval = open_people(truth, 2, crew, 1, 17, 17);
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
    struct stance_eval *eval = open_people(truth, COUNT, found, COUNT, 17, 17);
    double before = number(eval, "coco", "AP");
    snprintf(path, sizeof path, "%s/saved.json", support_temp_folder());
    assert_int_equal(stance_eval_save(eval, path), 0);
    stance_eval_close(&eval);
    coco_text_truth(&gt, truth, COUNT, 4, 17);
    eval = open_texts(&gt, NULL);
    assert_int_equal(stance_eval_load(eval, path), 0);
    assert_number(eval, "coco", "AP", before, 1e-9);
    stance_eval_close(&eval);
}

static void test_people_of_the_pipeline_are_taken(void **state)
{
    struct base_buffer gt;
    struct stance_keypoint points[17];
    struct stance_person person = {{10, 20, 110, 220}, .9f, .8f, points};
    static const struct stance_keypoint_set set = {.name = "coco17", .count = 17};
    struct stance_pose_result result = {640, 480, 1, &person, &set, 0, 0};
    for (int k = 0; k < 17; k++)
        points[k] = (struct stance_keypoint){(float)(10 + 100 * (k + .5) / 17),
                                             (float)(20 + 200 * (k + .5) / 17), .5f};
    coco_text_truth(&gt, crew, 1, 4, 17);
    struct stance_eval *eval = open_texts(&gt, NULL);
    assert_int_equal(stance_eval_add(eval, 99, &result, NULL), STANCE_EARGUMENT);
    assert_int_equal(stance_eval_add(eval, 1, &result, &(int64_t){11}), 0);
    assert_number(eval, "coco", "AP", 1, 1e-12);
    assert_number(eval, "pck", "paired", 1, 0);
    struct stance_eval_picture picture;
    assert_int_equal(stance_eval_picture(eval, 0, &picture), 0);
    assert_int_equal(picture.truth_count, 1);
    assert_int_equal(picture.found_count, 1);
    assert_int_equal(picture.truth_ids[0], 11);
    assert_true(picture.truth_boxes[0][2] == 110);
    assert_int_equal(stance_eval_picture(eval, 4, &picture), STANCE_EARGUMENT);
    points[3].x = (float)NAN;
    assert_int_equal(stance_eval_add(eval, 1, &result, NULL), STANCE_EARGUMENT);
    points[3].x = 0;
    result.keypoint_set = &(struct stance_keypoint_set){.name = "points", .count = 5};
    assert_int_equal(stance_eval_add(eval, 1, &result, NULL), STANCE_EARGUMENT);
    stance_eval_close(&eval);
}

static void test_the_page_holds_everything_itself(void **state)
{
    char path[4096];
    struct base_buffer page;
    for (int keypoints = 0; keypoints <= 17; keypoints += 17) {
        struct stance_eval *eval = open_people(crew, CREW, crew, CREW - 1, 17, keypoints);
        snprintf(path, sizeof path, "%s/page.html", support_temp_folder());
        assert_true(number(eval, "coco", "AP") > .5);
        assert_int_equal(stance_eval_plot(eval, path, NULL), 0);
        stance_eval_close(&eval);
        base_buffer_init(&page, 1 << 24);
        assert_int_equal(base_file_read(&page, path), 0);
        assert_non_null(strstr(page.data, "</html>"));
        assert_non_null(strstr(page.data, "&lt;3&gt;.jpg"));
        assert_null(strstr(page.data, "http"));
        assert_null(strstr(page.data, "<3>"));
        assert_true((strstr(page.data, "left_knee") != NULL) == (keypoints == 17));
        base_buffer_free(&page);
    }
}

/* Reads both texts; what comes of it, after a look at the sentence. */
static int read_both(const char *truth, size_t truth_size, const char *results, size_t size)
{
    struct stance_eval *eval;
    const struct stance_eval_number *numbers;
    int count, code = eval_open_bytes(&eval, truth, truth_size, "truth.json", NULL);
    if (code == 0)
        code = eval_parse_results(eval, results, size, "results.json");
    if (code == 0)
        code = stance_eval_compute(eval, "coco", &numbers, &count);
    stance_eval_close(&eval);
    if (code < 0)
        assert_true(strlen(stance_error_text()) > 10);
    return code;
}

static void test_cut_files_are_refused(void **state)
{
    struct base_buffer gt, dt;
    coco_text_truth(&gt, crew, 2, 2, 17);
    coco_text_results(&dt, crew, 2, 17);
    for (size_t i = 0; i < gt.size - 1; i++)
        assert_int_equal(read_both(gt.data, i, dt.data, dt.size), STANCE_EFORMAT);
    for (size_t i = 0; i < dt.size; i++)
        assert_int_equal(read_both(gt.data, gt.size, dt.data, i), STANCE_EFORMAT);
    srand(4);
    for (int i = 0; i < 20000; i++) {
        size_t at = (size_t)rand() % dt.size, there = (size_t)rand() % gt.size;
        char old = dt.data[at], older = gt.data[there];
        dt.data[at] = "0]}[,:\"9-e"[rand() % 10];
        gt.data[there] = "0]}[,:\"9-e"[rand() % 10];
        (void)read_both(gt.data, gt.size, dt.data, dt.size);
        dt.data[at] = old;
        gt.data[there] = older;
    }
    assert_int_equal(read_both(gt.data, gt.size, dt.data, dt.size), 0);
    base_buffer_free(&gt);
    base_buffer_free(&dt);
}

#define TOP(images, annotations)                                                                   \
    "{\"images\":[" images "],\"categories\":[{\"id\":1000000000,\"name\":\"person\"}],"           \
    "\"annotations\":[" annotations "]}"
#define ONE "{\"id\":7}"
#define BOX "{\"id\":1,\"image_id\":7,\"category_id\":1000000000,\"bbox\":[1,1,9,9]}"
#define GOOD TOP(ONE, BOX)
#define RESULT(more) "[{\"image_id\":7,\"category_id\":1000000000,\"score\":1," more "}]"

static void test_wrong_files_get_one_sentence(void **state)
{
    static const struct {
        const char *truth, *results, *says;
        int code;
    } rows[] = {
        {GOOD, RESULT("\"bbox\":[1,1,9,9]"), "", 0},
        {GOOD, "[]", "", 0},
        {"[]", "[]", "an array where an object", STANCE_EFORMAT},
        {"{\"images\":[]}", "[]", "no list 'categories'", STANCE_EFORMAT},
        {"{\"images\":[],\"images\":[]}", "[]", "twice", STANCE_EFORMAT},
        {TOP(ONE "," ONE, BOX), "[]", "two images have the id 7", STANCE_EFORMAT},
        {TOP(ONE, BOX "," BOX), "[]", "two annotations have the id 1", STANCE_EFORMAT},
        {TOP("{}", ""), "[]", "'id' of entry 1 of 'images' is missing", STANCE_EFORMAT},
        {TOP("{\"id\":\"7\"}", ""), "[]", "a text where an integer", STANCE_EFORMAT},
        {TOP("{\"id\":7.5}", ""), "[]", "integer", STANCE_EFORMAT},
        {TOP("", BOX), "[]", "image 7, which is not among 'images'", STANCE_EFORMAT},
        {TOP(ONE, "{\"id\":1,\"image_id\":7,\"category_id\":1}"), "[]", "'bbox'", STANCE_EFORMAT},
        {TOP(ONE, "{\"bbox\":[1,2,3]}"), "[]", "3 numbers where 4", STANCE_EFORMAT},
        {TOP(ONE, "{\"bbox\":[1,2,3,4,5]}"), "[]", "more than 4", STANCE_ELIMIT},
        {TOP(ONE, "{\"bbox\":[1,2,3,1e30]}"), "[]", "no pixel", STANCE_EFORMAT},
        {TOP(ONE, "{\"bbox\":[1,2,3,NaN]}"), "[]", "no JSON", STANCE_EFORMAT},
        {TOP(ONE, "{\"area\":1e300}"), "[]", "out of range", STANCE_EFORMAT},
        {TOP(ONE, "{\"keypoints\":[1,2]}"), "[]", "three for each", STANCE_EFORMAT},
        {TOP(ONE, "{\"id\":1,\"id\":2}"), "[]", "twice", STANCE_EFORMAT},
        {GOOD, "{}", "no list of results", STANCE_EFORMAT},
        {GOOD, "7", "where an array", STANCE_EFORMAT},
        {GOOD, "[7]", "where an object", STANCE_EFORMAT},
        {GOOD, "[{}]", "result 1 is missing", STANCE_EFORMAT},
        {GOOD, "[{\"image_id\":8,\"category_id\":1,\"score\":1,\"bbox\":[1,1,9,9]}]",
         "result 1 is about image 8", STANCE_EFORMAT},
        {GOOD, "[{\"image_id\":7,\"category_id\":1000000000,\"bbox\":[1,1,9,9]}]", "'score'",
         STANCE_EFORMAT},
        {GOOD, RESULT("\"keypoints\":[1,1,1]"), "'bbox' of result 1 is missing", STANCE_EFORMAT},
        {GOOD, RESULT("\"bbox\":[null,1,9,9]"), "null where a number", STANCE_EFORMAT},
        {GOOD, RESULT("\"bbox\":[1,1,9,9]") " []", "follows the end", STANCE_EFORMAT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int code = read_both(rows[i].truth, strlen(rows[i].truth), rows[i].results,
                             strlen(rows[i].results));
        if (code != rows[i].code || (code < 0 && !strstr(stance_error_text(), rows[i].says)))
            fail_msg("row %zu: %s: %s", i, stance_error_name(code), stance_error_text());
    }
}

static void test_wrong_numbers_of_keypoints_are_refused(void **state)
{
    struct base_buffer gt, dt;
    coco_text_truth(&gt, crew, CREW, 4, 17);
    coco_text_results(&dt, crew, CREW, 16);
    assert_int_equal(read_both(gt.data, gt.size, dt.data, dt.size), STANCE_EFORMAT);
    assert_non_null(strstr(stance_error_text(), "16 keypoints where the ground truth has 17"));
    base_buffer_free(&gt);
    coco_text_truth(&gt, crew, CREW, 4, 16);
    struct stance_eval_options options;
    struct stance_eval *eval;
    stance_eval_options_default(&options);
    options.keypoint_set = "coco17";
    assert_int_equal(eval_open_bytes(&eval, gt.data, gt.size, "t", &options), STANCE_EFORMAT);
    options.keypoint_set = "octopus";
    assert_int_equal(eval_open_bytes(&eval, gt.data, gt.size, "t", &options), STANCE_EARGUMENT);
    base_buffer_free(&gt);
    base_buffer_free(&dt);
    eval = open_people(crew, CREW, crew, CREW, 5, 5);
    const struct stance_eval_number *numbers;
    int count;
    assert_int_equal(stance_eval_compute(eval, "coco", &numbers, &count), STANCE_EUNSUPPORTED);
    assert_int_equal(stance_eval_compute(eval, "pckh", &numbers, &count), STANCE_EUNSUPPORTED);
    assert_int_equal(stance_eval_compute(eval, "bleu", &numbers, &count), STANCE_EARGUMENT);
    assert_number(eval, "epe", "EPE", 0, 1e-9);
    stance_eval_close(&eval);
}

/* From texts to a page; STANCE_ENOMEMORY wherever an allocation fails. */
static int whole_way(const struct base_buffer *gt, const struct base_buffer *dt, const char *path)
{
    struct stance_eval *eval;
    const struct stance_eval_number *numbers;
    struct stance_eval_picture picture;
    int count, code = eval_open_bytes(&eval, gt->data, gt->size, "truth.json", NULL);
    if (code == 0)
        code = eval_parse_results(eval, dt->data, dt->size, "results.json");
    if (code == 0)
        code = stance_eval_picture(eval, 0, &picture);
    if (code == 0)
        code = stance_eval_compute(eval, "coco", &numbers, &count);
    if (code == 0)
        code = stance_eval_compute(eval, "pck", &numbers, &count);
    if (code == 0)
        code = stance_eval_save(eval, path);
    if (code == 0)
        code = stance_eval_plot(eval, path, NULL);
    stance_eval_close(&eval);
    return code;
}

static void test_every_allocation_may_fail(void **state)
{
    struct base_buffer gt, dt;
    char path[4096];
    snprintf(path, sizeof path, "%s/oom", support_temp_folder());
    coco_text_truth(&gt, crew, CREW, 4, 17);
    coco_text_results(&dt, crew, CREW, 17);
    long count = base_alloc_count(), live = base_alloc_live();
    assert_int_equal(whole_way(&gt, &dt, path), 0);
    count = base_alloc_count() - count;
    assert_true(count > 20);
    for (long n = 1; n <= count; n++)
        for (int forever = 0; forever < 2; forever++) {
            base_alloc_fail_at(n, forever);
            int code = whole_way(&gt, &dt, path);
            base_alloc_fail_at(0, 0);
            if (code != STANCE_ENOMEMORY && code != STANCE_ELIMIT)
                fail_msg("allocation %ld of %ld: %s", n, count, stance_error_name(code));
            assert_true(base_alloc_live() == live);
        }
    base_buffer_free(&gt);
    base_buffer_free(&dt);
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
        cmocka_unit_test(test_people_of_the_pipeline_are_taken),
        cmocka_unit_test(test_the_page_holds_everything_itself),
        cmocka_unit_test(test_cut_files_are_refused),
        cmocka_unit_test(test_wrong_files_get_one_sentence),
        cmocka_unit_test(test_wrong_numbers_of_keypoints_are_refused),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
