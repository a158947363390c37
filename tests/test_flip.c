/* The flip test and the pipeline without a pose network. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "pipeline/top_down.h"
#include "support/support.h"
#include "support/trial.h"

enum { MOST = 1 << 20 };

/* Noise, the same for the same seed, or its mirror image. */
static void fill(const struct pipeline_stage *stage, int batch, bool mirrored)
{
    int64_t width = stage->traits.input.width;
    int64_t rows = (int64_t)batch * 3 * stage->traits.input.height;
    srand(9);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t x = 0; x < width; x++)
            stage->input[i * width + (mirrored ? width - 1 - x : x)] =
                (float)rand() / (float)RAND_MAX * 4 - 2;
}

static size_t copy_outputs(const struct pipeline_stage *stage, const struct stance_tensor *outputs,
                           float *out)
{
    size_t count = 0;
    for (int i = 0; i < stage->output_count; i++) {
        size_t size = (size_t)stance_tensor_count(&outputs[i]);
        assert_true(count + size <= MOST);
        memcpy(out + count, outputs[i].data, size * sizeof(float));
        count += size;
    }
    return count;
}

/* Compares one output with what the definition says about both runs. */
static size_t check_output(const struct pipeline_stage *stage, const struct stance_tensor *output,
                           bool along_x, const int32_t *flip, const float *plain,
                           const float *mirrored)
{
    int64_t points = stage->traits.keypoint_count, width = output->dims[output->rank - 1];
    int64_t size = stance_tensor_count(output) / output->dims[0] / points;
    int shift = model_flip_shift(&stage->traits);
    const float *means = output->data;
    for (int64_t i = 0; i < stance_tensor_count(output); i++) {
        int64_t map = i / size, at = i % size, x = at % width;
        int64_t other = map / points * points + flip[map % points];
        int64_t from = !along_x ? at : at - x + width - 1 - (x < shift ? x : x - shift);
        float expected = 0.5f * (plain[i] + mirrored[other * size + from]);
        assert_true(means[i] == expected);
    }
    return (size_t)stance_tensor_count(output);
}

static void check_network(const char *name, int shift)
{
    enum { BATCH = 2 };
    struct stance_model *model = trial_model(name);
    struct stance_session_options options;
    struct pipeline_stage stage;
    struct pipeline_means means = {0};
    struct stance_tensor outputs[MODEL_MAX_OUTPUTS];
    const struct stance_keypoint_set *set = stance_keypoint_set_find("coco17");
    float *plain = malloc(MOST * sizeof *plain), *mirrored = malloc(MOST * sizeof *mirrored);
    assert_true(plain && mirrored);
    stance_session_options_default(&options);
    trial_check(pipeline_stage_open(&stage, model, false, NULL, &options, BATCH));
    assert_int_equal(model_flip_shift(&stage.traits), shift);
    fill(&stage, BATCH, false);
    trial_check(pipeline_stage_run(&stage, BATCH, outputs));
    copy_outputs(&stage, outputs, plain);
    fill(&stage, BATCH, true);
    trial_check(pipeline_stage_run(&stage, BATCH, outputs));
    copy_outputs(&stage, outputs, mirrored);
    fill(&stage, BATCH, false);
    trial_check(pipeline_stage_run_flipped(&stage, BATCH, set->flip, &means, outputs));
    size_t at = 0;
    for (int i = 0; i < stage.output_count; i++)
        at += check_output(&stage, &outputs[i], i == 0, set->flip, plain + at, mirrored + at);
    base_free(means.values);
    pipeline_stage_close(&stage);
    stance_model_close(&model);
    free(plain);
    free(mirrored);
}

static void test_answers_are_the_mean_of_both_sides(void **state)
{
    check_network("simplepose_opset9.onnx", 1);
    check_network("rtmpose-t", 0);
}

/* The same boxes as with a pose network, and no keypoints. */
static void test_without_a_pose_network_there_are_boxes(void **state)
{
    struct stance_pose_options options;
    struct stance_pose *pose = NULL;
    struct stance_image *image;
    const struct stance_pose_result *result;
    stance_pose_options_default(&options);
    assert_int_equal(stance_pose_open(&pose, &options), STANCE_EARGUMENT);
    options.detector = trial_model("rtmdet_nano_person_320_rawhead.onnx");
    options.center = 1;
    assert_int_equal(stance_pose_open(&pose, &options), STANCE_EARGUMENT);
    options.center = 0;
    trial_check(stance_pose_open(&pose, &options));
    stance_model_close(&options.detector);
    trial_check(stance_image_open(&image, STANCE_RGB24, 320, 240));
    memset(image->plane[0], 90, (size_t)image->stride[0] * 240);
    const float box[1][4] = {{10, 20, 110, 220}};
    trial_check(stance_pose_image(pose, image, box, 1, &result));
    assert_int_equal(result->person_count, 1);
    assert_int_equal(result->keypoint_set->count, 0);
    assert_memory_equal(result->people[0].box, box[0], sizeof box[0]);
    assert_true(result->people[0].score == 1);
    assert_non_null(strstr(stance_pose_describe(pose), "boxes only"));
    trial_check(stance_pose_image(pose, image, NULL, 0, &result));
    stance_image_close(&image);
    stance_pose_close(&pose);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_are_the_mean_of_both_sides),
        cmocka_unit_test(test_without_a_pose_network_there_are_boxes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
