/* People and keypoints from one network. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "engine/network.h"
#include "model/family.h"
#include "support/tiny_model.h"
#include "support/trial.h"

enum { PEOPLE = 4, POINTS = 17 };

struct crowd {
    float dets[PEOPLE][5], keypoints[PEOPLE][POINTS][3];
};

/* The second overlaps the first, the last is too weak; the third has the best keypoints. */
static void make_crowd(struct crowd *crowd)
{
    static const float dets[PEOPLE][5] = {
        {8, 8, 24, 40, 0.8f}, {9, 8, 24, 40, 0.7f}, {40, 4, 60, 30, 0.6f}, {2, 2, 9, 9, 0.1f}};
    memcpy(crowd->dets, dets, sizeof dets);
    for (int i = 0; i < PEOPLE; i++)
        for (int k = 0; k < POINTS; k++) {
            crowd->keypoints[i][k][0] = (float)(10 * i + k);
            crowd->keypoints[i][k][1] = (float)k;
            crowd->keypoints[i][k][2] = i == 2 ? 0.99f : 0.3f;
        }
}

struct scene {
    struct base_buffer bytes;
    struct stance_model *model;
    struct stance_pose *pose;
    struct stance_image *image;
};

static void open_scene(struct scene *scene, const struct crowd *crowd, float threshold,
                       float pose_oks)
{
    struct stance_pose_options options;
    stance_pose_options_default(&options);
    scene->bytes = tiny_one_stage(64, PEOPLE, crowd->dets[0], POINTS, crowd->keypoints[0][0]);
    trial_check(engine_model_parse(&scene->model, scene->bytes.data, scene->bytes.size, "o.onnx"));
    trial_check(stance_image_open(&scene->image, STANCE_RGB24, 128, 96));
    memset(scene->image->plane[0], 90, (size_t)scene->image->stride[0] * 96);
    options.pose = scene->model;
    options.detector_threshold = threshold;
    options.pose_oks = pose_oks;
    trial_check(stance_pose_open(&scene->pose, &options));
}

static void close_scene(struct scene *scene)
{
    stance_pose_close(&scene->pose);
    stance_image_close(&scene->image);
    stance_model_close(&scene->model);
    base_buffer_free(&scene->bytes);
}

static void test_one_network_finds_people_and_keypoints(void **state)
{
    struct crowd crowd;
    struct scene scene;
    const struct stance_pose_result *result;
    make_crowd(&crowd);
    open_scene(&scene, &crowd, 0.3f, 0.7f);
    assert_int_equal(stance_model_role(scene.model), STANCE_ROLE_ONE_STAGE);
    trial_check(stance_pose_image(scene.pose, scene.image, NULL, 0, &result));
    assert_int_equal(result->person_count, 2);
    assert_string_equal(result->keypoint_set->name, "coco17");
    /* ranked by the box, although the other's keypoints are better; 128 pixels over 64 */
    const struct stance_person *first = &result->people[0], *second = &result->people[1];
    assert_true(first->box_score == 0.8f && first->score == 0.8f && first->box[0] == 16);
    assert_true(second->box_score == 0.6f && second->box[2] == 120);
    assert_true(first->keypoints[5].x == 10 && first->keypoints[5].y == 10);
    assert_true(second->keypoints[16].x == 2 * (20 + 16) && second->keypoints[16].score == 0.99f);
    assert_non_null(strstr(stance_pose_describe(scene.pose), "RTMO"));
    close_scene(&scene);
}

static void test_keypoints_that_are_no_numbers_are_absent(void **state)
{
    struct crowd crowd;
    struct scene scene;
    const struct stance_pose_result *result;
    make_crowd(&crowd);
    crowd.keypoints[0][3][0] = NAN;
    crowd.keypoints[0][4][1] = INFINITY;
    crowd.dets[2][0] = NAN; /* and a box that is none is nobody */
    open_scene(&scene, &crowd, 0.3f, 0.7f);
    trial_check(stance_pose_image(scene.pose, scene.image, NULL, 0, &result));
    assert_int_equal(result->person_count, 1);
    for (int k = 3; k < 5; k++)
        assert_true(result->people[0].keypoints[k].x == 0 &&
                    result->people[0].keypoints[k].score == 0);
    assert_true(result->people[0].keypoints[5].score == 0.3f);
    close_scene(&scene);
}

/* Two boxes that hardly overlap, with the pose of one person. */
static void test_of_two_alike_poses_the_better_stays(void **state)
{
    static const float dets[PEOPLE][5] = {
        {8, 8, 24, 44, 0.9f}, {8, 26, 24, 62, 0.8f}, {36, 10, 60, 60, 0.7f}};
    struct crowd crowd;
    struct scene scene;
    const struct stance_pose_result *result;
    make_crowd(&crowd);
    memcpy(crowd.dets, dets, sizeof dets);
    for (int k = 0; k < POINTS; k++) {
        memcpy(crowd.keypoints[1][k], crowd.keypoints[0][k], sizeof crowd.keypoints[1][k]);
        crowd.keypoints[1][k][0] += 0.25f;
    }
    open_scene(&scene, &crowd, 0.3f, 0.7f);
    for (int turn = 0; turn < 2; turn++) {
        trial_check(stance_pose_image(scene.pose, scene.image, NULL, 0, &result));
        assert_int_equal(result->person_count, 2);
        assert_true(result->people[0].box_score == 0.9f && result->people[1].box_score == 0.7f);
        assert_true(result->people[0].keypoints[5].x == 10);
        assert_true(result->people[1].keypoints[16].x == 2 * (20 + 16));
    }
    close_scene(&scene);
    open_scene(&scene, &crowd, 0.3f, 1);
    trial_check(stance_pose_image(scene.pose, scene.image, NULL, 0, &result));
    assert_int_equal(result->person_count, 3);
    close_scene(&scene);
}

/* rtmlib gives one person of zeros here. */
static void test_one_network_may_find_nobody(void **state)
{
    struct crowd crowd;
    struct scene scene;
    const struct stance_pose_result *result;
    make_crowd(&crowd);
    open_scene(&scene, &crowd, 0.9f, 0.7f);
    trial_check(stance_pose_image(scene.pose, scene.image, NULL, 0, &result));
    assert_int_equal(result->person_count, 0);
    close_scene(&scene);
}

static void test_what_a_one_stage_network_cannot_do_is_told(void **state)
{
    struct crowd crowd;
    struct scene scene;
    struct stance_pose *pose;
    struct stance_pose_options options;
    const struct stance_pose_result *result;
    const float box[1][4] = {{1, 1, 5, 5}};
    make_crowd(&crowd);
    open_scene(&scene, &crowd, 0.3f, 0.7f);
    assert_int_equal(stance_pose_image(scene.pose, scene.image, box, 1, &result), STANCE_EARGUMENT);
    stance_pose_options_default(&options);
    options.pose = scene.model;
    options.center = 1;
    assert_int_equal(stance_pose_open(&pose, &options), STANCE_EARGUMENT);
    options.center = 0;
    options.flip_test = 1;
    assert_int_equal(stance_pose_open(&pose, &options), STANCE_EARGUMENT);
    assert_non_null(strstr(stance_error_text(), "flip test"));
    options.flip_test = 0;
    struct base_buffer bytes = tiny_detector(1, crowd.dets[0], 3);
    trial_check(engine_model_parse(&options.detector, bytes.data, bytes.size, "d.onnx"));
    assert_int_equal(stance_pose_open(&pose, &options), STANCE_EARGUMENT);
    options.pose = options.detector;
    assert_int_equal(stance_pose_open(&pose, &options), STANCE_EMODEL); /* no pose network */
    stance_model_close(&options.detector);
    base_buffer_free(&bytes);
    close_scene(&scene);
}

/* Pose networks see a crop, all others the whole picture. */
static void test_open_inputs_have_the_size_of_their_role(void **state)
{
    struct crowd crowd;
    struct stance_model *model;
    struct model_traits traits;
    const struct model_choice choice = {.width = 416, .height = 416};
    make_crowd(&crowd);
    struct base_buffer bytes =
        tiny_one_stage(-1, PEOPLE, crowd.dets[0], POINTS, crowd.keypoints[0][0]);
    trial_check(engine_model_parse(&model, bytes.data, bytes.size, "open.onnx"));
    trial_check(model_identify(&traits, model, NULL));
    assert_ptr_equal(traits.family, &model_rtmo);
    assert_true(traits.input.width == 640 && traits.input.height == 640);
    trial_check(model_identify(&traits, model, &choice));
    assert_int_equal(traits.input.width, 416);
    stance_model_close(&model);
    base_buffer_free(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_network_finds_people_and_keypoints),
        cmocka_unit_test(test_keypoints_that_are_no_numbers_are_absent),
        cmocka_unit_test(test_of_two_alike_poses_the_better_stays),
        cmocka_unit_test(test_one_network_may_find_nobody),
        cmocka_unit_test(test_what_a_one_stage_network_cannot_do_is_told),
        cmocka_unit_test(test_open_inputs_have_the_size_of_their_role),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
