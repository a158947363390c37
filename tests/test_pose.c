/* From pictures to people: the reference's boxes and keypoints on real photos, on every tier, and
 * the ways to say where people are. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/file.h"
#include "base/json_read.h"
#include "base/memory.h"
#include "model/family.h"
#include "stance/pose.h"
#include "support/support.h"
#include "support/trial.h"

#define DETECTOR "rtmdet_nano_person_320_rawhead.onnx"
#define NETWORK "simplepose_opset9.onnx"
#define PARITY "data/fixtures/parity/"

enum { POINTS = 17, MOST_PEOPLE = 16 };

/* ---- Opening --------------------------------------------------------------------------------- */

/* A pipeline of two models by name; detector NULL: none. */
static struct stance_pose *open_pose(const char *detector, const char *network,
                                     struct stance_pose_options *options)
{
    struct stance_pose_options chosen;
    struct stance_pose *pose;
    if (!options) {
        stance_pose_options_default(&chosen);
        options = &chosen;
    }
    options->detector = detector ? trial_model(detector) : NULL;
    options->pose = trial_model(network);
    options->full_input = 1; /* as the reference shows its pictures */
    trial_check(stance_pose_open(&pose, options));
    stance_model_close(&options->detector); /* the pipeline keeps its own references */
    stance_model_close(&options->pose);
    return pose;
}

static struct stance_image *open_photo(const char *file)
{
    char path[4096], relative[256];
    struct stance_image *image;
    snprintf(relative, sizeof relative, "data/images/coco_mmpose4/%s", file);
    if (!support_shared_path(path, sizeof path, relative))
        skip();
    trial_check(stance_image_read(&image, path));
    return image;
}

static struct stance_image *open_blank(int width, int height)
{
    struct stance_image *image;
    trial_check(stance_image_open(&image, STANCE_RGB24, width, height));
    for (int y = 0; y < height; y++)
        memset(image->plane[0] + y * image->stride[0], 120, (size_t)width * 3);
    return image;
}

/* ---- The reference's people ------------------------------------------------------------------ */

struct person {
    float box[4], score;
    struct stance_keypoint points[POINTS];
};

static double number(const base_json_value *list, size_t i)
{
    double value;
    assert_int_equal(base_json_as_float(base_json_at(list, i), "number", &value), 0);
    return value;
}

static void read_person(const base_json_value *entry, struct person *person)
{
    double score;
    const base_json_value *points = base_json_get(entry, "keypoints");
    trial_check(base_json_get_floats(entry, "bbox_xyxy", 4, person->box));
    trial_check(base_json_get_float(entry, "score", &score));
    person->score = (float)score;
    assert_int_equal(base_json_count(points), POINTS);
    for (size_t k = 0; k < POINTS; k++) {
        const base_json_value *point = base_json_at(points, k);
        person->points[k] = (struct stance_keypoint){
            (float)number(point, 0), (float)number(point, 1), (float)number(point, 2)};
    }
}

struct tally {
    int points, near;
};

/* A heatmap has 48 cells across the crop: the box × 1.25, widened to 3:4. */
static double cell_size(const float box[4])
{
    double width = box[2] - box[0], height = box[3] - box[1];
    return 1.25 * fmax(width, height * 0.75) / 48;
}

static void compare_person(const struct stance_person *found, const struct person *wanted,
                           struct tally *tally)
{
    for (int i = 0; i < 4; i++)
        if (fabsf(found->box[i] - wanted->box[i]) > 1)
            fail_msg("box side %d at %g, should be at %g", i, (double)found->box[i],
                     (double)wanted->box[i]);
    assert_true(fabsf(found->box_score - wanted->score) < 0.02f);
    for (int k = 0; k < POINTS; k++) {
        const struct stance_keypoint *a = &found->keypoints[k], *b = &wanted->points[k];
        double distance = hypot(a->x - b->x, a->y - b->y);
        tally->points += b->score >= 0.3f;
        tally->near += b->score >= 0.3f && distance <= 1.5;
        if (distance > cell_size(wanted->box))
            fail_msg("keypoint %d is %g pixels off", k, distance);
    }
}

static void compare_photo(struct stance_pose *pose, const char *file, const base_json_value *people,
                          struct tally *tally)
{
    struct stance_image *image = open_photo(file);
    const struct stance_pose_result *result;
    trial_check(stance_pose_image(pose, image, NULL, 0, &result));
    assert_int_equal(result->width, image->width);
    assert_int_equal(result->height, image->height);
    if (result->person_count != (int)base_json_count(people))
        fail_msg("%s: %d people, should be %zu", file, result->person_count,
                 base_json_count(people));
    for (int i = 0; i < result->person_count; i++) {
        struct person wanted;
        read_person(base_json_at(people, (size_t)i), &wanted);
        compare_person(&result->people[i], &wanted, tally);
    }
    stance_image_close(&image);
}

static void test_people_are_those_of_the_reference_on_every_tier(void **state)
{
    char path[4096];
    struct base_json_doc *doc;
    if (!support_shared_path(path, sizeof path, PARITY "e2e_rtmdet320_simplepose_coco4.json"))
        skip();
    trial_check(base_json_open(&doc, path, 1 << 20));
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier)) {
        struct tally tally = {0};
        const char *file;
        const base_json_value *people;
        setenv("STANCE_CPU", base_cpu_name((enum base_cpu_tier)tier), 1);
        struct stance_pose *pose = open_pose(DETECTOR, NETWORK, NULL);
        unsetenv("STANCE_CPU");
        for (void *at = base_json_next(base_json_root(doc), NULL, &file, &people); at;
             at = base_json_next(base_json_root(doc), at, &file, &people))
            compare_photo(pose, file, people, &tally);
        stance_pose_close(&pose);
        assert_in_range(tally.points, 100, 300);
        print_message("%s: %d of %d keypoints within 1.5 pixels\n",
                      base_cpu_name((enum base_cpu_tier)tier), tally.near, tally.points);
        assert_true(tally.near * 100 >= tally.points * 97);
    }
    base_json_doc_close(&doc);
}

/* ---- The reference's tensors ----------------------------------------------------------------- */

static struct stance_tensor read_tensor(const char *file, int rank, const int64_t *dims)
{
    char path[4096], relative[256];
    struct stance_tensor tensor = {.dtype = STANCE_FLOAT32, .rank = rank};
    struct base_buffer bytes;
    snprintf(relative, sizeof relative, PARITY "%s", file);
    if (!support_shared_path(path, sizeof path, relative))
        skip();
    memcpy(tensor.dims, dims, (size_t)rank * sizeof dims[0]);
    base_buffer_init(&bytes, 1 << 24);
    trial_check(base_file_read(&bytes, path));
    assert_int_equal(bytes.size, (size_t)stance_tensor_count(&tensor) * sizeof(float));
    tensor.data = malloc(bytes.size);
    assert_non_null(tensor.data);
    memcpy(tensor.data, bytes.data, bytes.size);
    base_buffer_free(&bytes);
    return tensor;
}

static const base_json_value *open_fixture(struct base_json_doc **doc)
{
    char path[4096];
    if (!support_shared_path(path, sizeof path, PARITY "index.json"))
        skip();
    trial_check(base_json_open(doc, path, 1 << 20));
    return base_json_get(base_json_root(*doc), "e2e_785");
}

static void test_heatmaps_of_the_reference_give_its_keypoints(void **state)
{
    struct base_json_doc *doc;
    const base_json_value *fixture = open_fixture(&doc);
    const base_json_value *affine = base_json_get(fixture, "affine");
    const base_json_value *points = base_json_get(fixture, "keypoints");
    struct stance_tensor maps =
        read_tensor("simplepose_785.out.hybridsequential0_conv7_fwd.f32.bin", 4,
                    (const int64_t[]){1, POINTS, 64, 48});
    struct model_traits traits = {.family = &model_heatmap,
                                  .input = {.width = 192, .height = 256},
                                  .keypoint_count = POINTS,
                                  .refine = STANCE_REFINE_SHIFT};
    struct stance_keypoint found[POINTS];
    model_heatmap.decode_pose(&traits, &maps, 0, NULL, found);
    double scale = number(base_json_at(affine, 0), 0);
    double left = number(base_json_at(affine, 0), 2), top = number(base_json_at(affine, 1), 2);
    for (size_t k = 0; k < POINTS; k++) {
        const base_json_value *point = base_json_at(points, k);
        assert_true(fabs((found[k].x - left) / scale - number(point, 0)) < 1e-3);
        assert_true(fabs((found[k].y - top) / scale - number(point, 1)) < 1e-3);
        assert_true(fabs(found[k].score - number(point, 2)) < 1e-6);
    }
    free(maps.data);
    base_json_doc_close(&doc);
}

static void test_maps_of_the_reference_give_its_box(void **state)
{
    struct base_json_doc *doc;
    const base_json_value *fixture = open_fixture(&doc);
    const base_json_value *box = base_json_at(base_json_get(fixture, "boxes"), 0);
    struct stance_tensor maps[3] = {
        read_tensor("rtmdet320_785.out.1211.f32.bin", 4, (const int64_t[]){1, 40, 40, 5}),
        read_tensor("rtmdet320_785.out.1213.f32.bin", 4, (const int64_t[]){1, 20, 20, 5}),
        read_tensor("rtmdet320_785.out.1215.f32.bin", 4, (const int64_t[]){1, 10, 10, 5})};
    struct model_signature signature = {
        .input_count = 1, .input = {.rank = 4, .dims = {1, 3, 320, 320}}, .output_count = 3};
    struct model_traits traits;
    struct vision_box boxes[256];
    for (int i = 0; i < 3; i++) {
        signature.output_names[i] = "map";
        signature.outputs[i] = tensor_shape_of(&maps[i]);
    }
    trial_check(model_recognise(&signature, NULL, &traits));
    size_t count = traits.family->decode_boxes(&traits, maps, 0, 0.3f, boxes, 256);
    count = vision_box_nms(boxes, count, traits.nms_threshold, 0, 0, 100);
    assert_int_equal(count, 1);
    const float found[] = {boxes[0].x1, boxes[0].y1, boxes[0].x2, boxes[0].y2};
    for (size_t i = 0; i < 4; i++) /* the photo is 640×425: the scale is 1/2 */
        assert_true(fabs(2 * (double)found[i] - number(box, i)) < 1e-3);
    assert_true(fabs(boxes[0].score - number(base_json_get(fixture, "scores"), 0)) < 1e-6);
    for (int i = 0; i < 3; i++)
        free(maps[i].data);
    base_json_doc_close(&doc);
}

/* ---- Ways to say where people are ------------------------------------------------------------ */

struct copy {
    int count;
    struct stance_person people[MOST_PEOPLE];
    struct stance_keypoint points[MOST_PEOPLE][POINTS];
};

static void copy_result(const struct stance_pose_result *result, struct copy *copy)
{
    assert_in_range(result->person_count, 0, MOST_PEOPLE);
    copy->count = result->person_count;
    for (int i = 0; i < copy->count; i++) {
        copy->people[i] = result->people[i];
        memcpy(copy->points[i], result->people[i].keypoints, sizeof copy->points[i]);
    }
}

static void test_given_boxes_are_taken_as_they_are(void **state)
{
    struct stance_pose *pose = open_pose(DETECTOR, NETWORK, NULL);
    struct stance_image *image = open_photo("000000197388.jpg");
    const struct stance_pose_result *result;
    static struct copy found;
    float boxes[MOST_PEOPLE][4];
    trial_check(stance_pose_image(pose, image, NULL, 0, &result));
    copy_result(result, &found);
    assert_int_equal(found.count, 5);
    for (int i = 0; i < found.count; i++)
        memcpy(boxes[i], found.people[i].box, sizeof boxes[i]);
    trial_check(stance_pose_image(pose, image, (const float(*)[4])boxes, found.count, &result));
    assert_int_equal(result->person_count, found.count);
    for (int i = 0; i < found.count; i++) {
        assert_true(result->people[i].box_score == 1);
        assert_memory_equal(result->people[i].box, boxes[i], sizeof boxes[i]);
        assert_memory_equal(result->people[i].keypoints, found.points[i], sizeof found.points[i]);
    }
    memcpy(boxes[1], boxes[0], sizeof boxes[1]); /* the same one twice, if the caller says so */
    trial_check(stance_pose_image(pose, image, (const float(*)[4])boxes, found.count, &result));
    assert_int_equal(result->person_count, found.count);
    stance_image_close(&image);
    stance_pose_close(&pose);
}

static void test_results_do_not_depend_on_the_cut_into_batches(void **state)
{
    enum { PEOPLE = 11 };
    struct stance_pose_options options;
    static struct copy one[PEOPLE];
    float boxes[PEOPLE][4];
    stance_pose_options_default(&options);
    options.threads = 2;
    struct stance_pose *pose = open_pose(NULL, NETWORK, &options);
    struct stance_image *image = open_photo("000000197388.jpg");
    const struct stance_pose_result *result;
    for (int i = 0; i < PEOPLE; i++) {
        const float box[] = {(float)(30 * i), (float)(10 * i), (float)(30 * i + 90),
                             (float)(10 * i + 200)};
        memcpy(boxes[i], box, sizeof box);
        trial_check(stance_pose_image(pose, image, (const float(*)[4]) & boxes[i], 1, &result));
        copy_result(result, &one[i]);
    }
    for (int count = 1; count <= PEOPLE; count++) {
        trial_check(stance_pose_image(pose, image, (const float(*)[4])boxes, count, &result));
        assert_int_equal(result->person_count, count);
        for (int i = 0; i < count; i++)
            assert_memory_equal(result->people[i].keypoints, one[i].points[0],
                                sizeof one[i].points[0]);
    }
    stance_image_close(&image);
    stance_pose_close(&pose);
}

static void test_center_takes_the_middle_of_the_picture(void **state)
{
    struct stance_pose_options options;
    stance_pose_options_default(&options);
    options.center = 1;
    struct stance_pose *pose = open_pose(NULL, NETWORK, &options);
    struct stance_image *image = open_photo("000000000785.jpg");
    const struct stance_pose_result *result;
    trial_check(stance_pose_image(pose, image, NULL, 0, &result));
    assert_int_equal(result->person_count, 1);
    const float *box = result->people[0].box;
    assert_true(fabsf((box[0] + box[2]) / 2 - (float)image->width / 2) < 1e-3f);
    assert_true(fabsf((box[1] + box[3]) / 2 - (float)image->height / 2) < 1e-3f);
    /* With the crop's padding it is the whole height, 3:4. */
    assert_true(fabsf(1.25f * (box[3] - box[1]) - (float)image->height) < 1e-2f);
    assert_true(fabsf(1.25f * (box[2] - box[0]) - 0.75f * (float)image->height) < 1e-2f);
    stance_image_close(&image);
    stance_pose_close(&pose);
}

static void test_nobody_is_a_normal_result(void **state)
{
    struct stance_pose *pose = open_pose(DETECTOR, NETWORK, NULL);
    struct stance_image *image = open_blank(320, 200);
    const struct stance_pose_result *result = NULL;
    trial_check(stance_pose_image(pose, image, NULL, 0, &result));
    assert_int_equal(result->person_count, 0);
    assert_int_equal(result->width, 320);
    assert_int_equal(result->keypoint_set->count, POINTS);
    const float none[1][4] = {{0}};
    trial_check(stance_pose_image(pose, image, none, 0, &result));
    assert_int_equal(result->person_count, 0);
    stance_image_close(&image);
    stance_pose_close(&pose);
}

static void test_the_best_people_are_kept(void **state)
{
    struct stance_pose_options options;
    static struct copy all;
    const struct stance_pose_result *result;
    struct stance_pose *pose = open_pose(DETECTOR, NETWORK, NULL);
    struct stance_image *image = open_photo("000000197388.jpg");
    trial_check(stance_pose_image(pose, image, NULL, 0, &result));
    copy_result(result, &all);
    stance_pose_close(&pose);
    stance_pose_options_default(&options);
    options.max_people = 2;
    pose = open_pose(DETECTOR, NETWORK, &options);
    trial_check(stance_pose_image(pose, image, NULL, 0, &result));
    assert_int_equal(result->person_count, 2);
    for (int i = 0; i < 2; i++)
        assert_memory_equal(result->people[i].keypoints, all.points[i], sizeof all.points[i]);
    assert_true(result->people[0].box_score >= result->people[1].box_score);
    const float boxes[3][4] = {{0, 0, 9, 9}, {0, 0, 9, 9}, {0, 0, 9, 9}};
    assert_int_equal(stance_pose_image(pose, image, boxes, 3, &result), STANCE_EARGUMENT);
    assert_non_null(strstr(stance_error_text(), "max_people"));
    stance_image_close(&image);
    stance_pose_close(&pose);
}

static void test_the_threshold_decides_who_is_seen(void **state)
{
    struct stance_pose_options options;
    const struct stance_pose_result *result;
    struct stance_image *image = open_photo("000000197388.jpg");
    stance_pose_options_default(&options);
    options.detector_threshold = 0.7f;
    struct stance_pose *pose = open_pose(DETECTOR, NETWORK, &options);
    trial_check(stance_pose_image(pose, image, NULL, 0, &result));
    assert_int_equal(result->person_count, 4);
    for (int i = 0; i < 4; i++)
        assert_true(result->people[i].box_score >= 0.7f);
    stance_pose_close(&pose);
    stance_image_close(&image);
}

/* ---- Other models ---------------------------------------------------------------------------- */

static void check_pair(const char *detector, const char *network, int points, int people)
{
    const struct stance_pose_result *result;
    struct stance_pose *pose = open_pose(detector, network, NULL);
    struct stance_image *image = open_photo("000000000785.jpg");
    trial_check(stance_pose_image(pose, image, NULL, 0, &result));
    assert_int_equal(result->person_count, people);
    assert_int_equal(result->keypoint_set->count, points);
    assert_ptr_equal(stance_pose_keypoint_set(pose), result->keypoint_set);
    for (int i = 0; i < people; i++) {
        const float *box = result->people[i].box;
        assert_true(fabsf(box[0] - 279) < 15 && fabsf(box[1] - 43) < 15);
        assert_true(fabsf(box[2] - 495) < 15 && fabsf(box[3] - 378) < 15);
        for (int k = 0; k < points; k++)
            assert_true(isfinite(result->people[i].keypoints[k].x));
    }
    assert_non_null(strstr(stance_pose_describe(pose), " + "));
    stance_image_close(&image);
    stance_pose_close(&pose);
}

static void test_other_detectors_and_networks(void **state)
{
    check_pair("yolox_nano_coco80_416.onnx", NETWORK, 17, 1);
    check_pair("rtmdet_nano_person_640_rawhead.onnx", NETWORK, 17, 1);
    check_pair(DETECTOR, "rtmpose-t", 17, 1);
    check_pair(DETECTOR, "mobilenetv2-heatmap", 17, 1);
    check_pair(DETECTOR, "rtmpose-m-wb133", 133, 1);
}

/* The true structure with random weights finds nobody that is there, but it runs. */
static void test_a_detector_with_suppression_inside_runs(void **state)
{
    const struct stance_pose_result *result;
    struct stance_pose *pose = open_pose("rtmdet-nano-320", NETWORK, NULL);
    struct stance_image *image = open_photo("000000000785.jpg");
    for (int i = 0; i < 2; i++) {
        trial_check(stance_pose_image(pose, image, NULL, 0, &result));
        assert_in_range(result->person_count, 0, 100);
    }
    stance_image_close(&image);
    stance_pose_close(&pose);
}

/* ---- Wrong use ------------------------------------------------------------------------------- */

static void expect(int code, int wanted, const char *words)
{
    if (code != wanted || !strstr(stance_error_text(), words))
        fail_msg("%s (%s) where %s with '%s' should be", stance_error_name(code),
                 stance_error_text(), stance_error_name(wanted), words);
}

static void test_models_in_the_wrong_place_are_told_about(void **state)
{
    struct stance_pose_options options;
    struct stance_pose *pose;
    stance_pose_options_default(&options);
    expect(stance_pose_open(&pose, &options), STANCE_EARGUMENT, "pose model");
    options.pose = trial_model(DETECTOR);
    expect(stance_pose_open(&pose, &options), STANCE_EMODEL, "not a pose network");
    options.detector = options.pose;
    options.pose = trial_model(NETWORK);
    struct stance_model *swap = options.detector;
    options.detector = options.pose;
    expect(stance_pose_open(&pose, &options), STANCE_EMODEL, "not a person detector");
    stance_model_close(&swap);
    swap = trial_model("stgcnpp_hagrid_gesture40.onnx");
    options.detector = swap;
    expect(stance_pose_open(&pose, &options), STANCE_EMODEL, "recognises");
    options.detector = NULL;
    options.device = "gpu";
    expect(stance_pose_open(&pose, &options), STANCE_EDEVICE, "gpu");
    options.device = NULL;
    options.max_people = 0;
    expect(stance_pose_open(&pose, &options), STANCE_EARGUMENT, "max_people");
    options.max_people = 100;
    options.detector_threshold = NAN;
    expect(stance_pose_open(&pose, &options), STANCE_EARGUMENT, "threshold");
    options.detector_threshold = 0.3f;
    options.pose_oks = 1.1f;
    expect(stance_pose_open(&pose, &options), STANCE_EARGUMENT, "threshold");
    assert_null(pose);
    stance_pose_close(&pose);
    stance_model_close(&swap);
    stance_model_close(&options.pose);
}

static void test_bad_boxes_and_pictures_are_told_about(void **state)
{
    struct stance_pose *pose = open_pose(NULL, NETWORK, NULL);
    struct stance_image *image = open_blank(64, 64), broken;
    const struct stance_pose_result *result;
    const float bad[][1][4] = {
        {{5, 5, 5, 9}}, {{5, 9, 9, 5}}, {{NAN, 0, 1, 1}}, {{0, 0, INFINITY, 1}}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        expect(stance_pose_image(pose, image, bad[i], 1, &result), STANCE_EARGUMENT, "box 0");
    assert_null(result);
    expect(stance_pose_image(pose, image, NULL, 0, &result), STANCE_EARGUMENT, "detector");
    /* Far outside and very large boxes are allowed: black crops. */
    const float far[2][4] = {{-5000, -5000, -4000, -4000}, {-1e6f, -1e6f, 1e6f, 1e6f}};
    trial_check(stance_pose_image(pose, image, far, 2, &result));
    assert_int_equal(result->person_count, 2);
    broken = *image;
    broken.format = 77;
    const float good[1][4] = {{5, 5, 50, 50}};
    assert_true(stance_pose_image(pose, &broken, good, 1, &result) < 0);
    broken = *image;
    broken.width = 0;
    assert_true(stance_pose_image(pose, &broken, good, 1, &result) < 0);
    trial_check(stance_pose_image(pose, image, good, 1, &result));
    stance_image_close(&image);
    stance_pose_close(&pose);
}

static void test_closing_gives_all_memory_back(void **state)
{
    struct stance_image *image = open_photo("000000000785.jpg");
    const struct stance_pose_result *result;
    long before = base_alloc_live();
    struct stance_pose *pose = open_pose(DETECTOR, NETWORK, NULL);
    trial_check(stance_pose_image(pose, image, NULL, 0, &result));
    long count = base_alloc_count();
    for (int i = 0; i < 3; i++)
        trial_check(stance_pose_image(pose, image, NULL, 0, &result));
    assert_int_equal(base_alloc_count(), count); /* frames flow: nothing is allocated */
    stance_pose_close(&pose);
    assert_int_equal(base_alloc_live(), before);
    stance_image_close(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_people_are_those_of_the_reference_on_every_tier),
        cmocka_unit_test(test_heatmaps_of_the_reference_give_its_keypoints),
        cmocka_unit_test(test_maps_of_the_reference_give_its_box),
        cmocka_unit_test(test_given_boxes_are_taken_as_they_are),
        cmocka_unit_test(test_results_do_not_depend_on_the_cut_into_batches),
        cmocka_unit_test(test_center_takes_the_middle_of_the_picture),
        cmocka_unit_test(test_nobody_is_a_normal_result),
        cmocka_unit_test(test_the_best_people_are_kept),
        cmocka_unit_test(test_the_threshold_decides_who_is_seen),
        cmocka_unit_test(test_other_detectors_and_networks),
        cmocka_unit_test(test_a_detector_with_suppression_inside_runs),
        cmocka_unit_test(test_models_in_the_wrong_place_are_told_about),
        cmocka_unit_test(test_bad_boxes_and_pictures_are_told_about),
        cmocka_unit_test(test_closing_gives_all_memory_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
