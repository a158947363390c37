/* What evaluations take in and give out: people of the pipeline, the page, files that are wrong, memory
 * that runs out. */
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
#include "base/memory.h"
#include "support/measure.h"
#include "support/support.h"

static void test_people_of_the_pipeline_are_taken(void **state)
{
    struct base_buffer gt;
    struct stance_keypoint points[17];
    struct stance_person person = {{10, 20, 110, 220}, .9f, .8f, points, 0};
    static const struct stance_keypoint_set set = {.name = "coco17", .count = 17};
    struct stance_pose_result result = {640, 480, 1, &person, &set, 0, 0};
    for (int k = 0; k < 17; k++)
        points[k] = (struct stance_keypoint){(float)(10 + 100 * (k + .5) / 17),
                                             (float)(20 + 200 * (k + .5) / 17), .5f};
    coco_text_truth(&gt, measure_crew, 1, 4, 17);
    struct stance_eval *eval = measure_texts(&gt, NULL);
    assert_int_equal(stance_eval_add(eval, 99, &result, NULL), STANCE_EARGUMENT);
    assert_int_equal(stance_eval_add(eval, 1, &result, &(int64_t){11}), 0);
    measure_expect(eval, "coco", "AP", 1, 1e-12);
    measure_expect(eval, "pck", "paired", 1, 0);
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
        struct stance_eval *eval = measure_people(measure_crew, MEASURE_CREW, measure_crew,
                                                  MEASURE_CREW - 1, 17, keypoints);
        snprintf(path, sizeof path, "%s/page.html", support_temp_folder());
        assert_true(measure_number(eval, "coco", "AP") > .5);
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
    coco_text_truth(&gt, measure_crew, 2, 2, 17);
    coco_text_results(&dt, measure_crew, 2, 17);
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
    coco_text_truth(&gt, measure_crew, MEASURE_CREW, 4, 17);
    coco_text_results(&dt, measure_crew, MEASURE_CREW, 16);
    assert_int_equal(read_both(gt.data, gt.size, dt.data, dt.size), STANCE_EFORMAT);
    assert_non_null(strstr(stance_error_text(), "16 keypoints where the ground truth has 17"));
    base_buffer_free(&gt);
    coco_text_truth(&gt, measure_crew, MEASURE_CREW, 4, 16);
    struct stance_eval_options options;
    struct stance_eval *eval;
    stance_eval_options_default(&options);
    options.keypoint_set = "coco17";
    assert_int_equal(eval_open_bytes(&eval, gt.data, gt.size, "t", &options), STANCE_EFORMAT);
    options.keypoint_set = "octopus";
    assert_int_equal(eval_open_bytes(&eval, gt.data, gt.size, "t", &options), STANCE_EARGUMENT);
    base_buffer_free(&gt);
    base_buffer_free(&dt);
    eval = measure_people(measure_crew, MEASURE_CREW, measure_crew, MEASURE_CREW, 5, 5);
    const struct stance_eval_number *numbers;
    int count;
    assert_int_equal(stance_eval_compute(eval, "coco", &numbers, &count), STANCE_EUNSUPPORTED);
    assert_int_equal(stance_eval_compute(eval, "pckh", &numbers, &count), STANCE_EUNSUPPORTED);
    assert_int_equal(stance_eval_compute(eval, "bleu", &numbers, &count), STANCE_EARGUMENT);
    measure_expect(eval, "epe", "EPE", 0, 1e-9);
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
    coco_text_truth(&gt, measure_crew, MEASURE_CREW, 4, 17);
    coco_text_results(&dt, measure_crew, MEASURE_CREW, 17);
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
        cmocka_unit_test(test_people_of_the_pipeline_are_taken),
        cmocka_unit_test(test_the_page_holds_everything_itself),
        cmocka_unit_test(test_cut_files_are_refused),
        cmocka_unit_test(test_wrong_files_get_one_sentence),
        cmocka_unit_test(test_wrong_numbers_of_keypoints_are_refused),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
