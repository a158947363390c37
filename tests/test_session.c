/* Sessions: what may not be allocated, plans for changing shapes, how long results stay.
 *
 * `test_session long` runs the large structure models, `threads` what starts threads, anything else all with
 * small ones. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/cpu.h"
#include "base/memory.h"
#include "support/tiny_model.h"
#include "support/trial.h"
#include "tensor/storage.h"

static bool large_models;

/* ---- Memory ----------------------------------------------------------------------------------- */

static void check_no_allocation(const char *name)
{
    struct trial trial;
    trial_open(&trial, name, 1);
    trial_session(&trial, STANCE_TIER_AUTO, 2);
    assert_int_equal(stance_session_prepare(trial.session, trial.inputs, trial.input_count), 0);
    long before = base_alloc_count();
    trial_run(&trial);
    for (int i = 0; i < 2; i++) {
        /* Other contents, so that other numbers of boxes come out. */
        float *values = trial.inputs[0].data;
        int64_t count = stance_tensor_count(&trial.inputs[0]);
        for (int64_t k = 0; k < count; k++)
            values[k] = values[k] * 0.5f + (float)i;
        trial_run(&trial);
    }
    if (base_alloc_count() != before)
        fail_msg("%s: %ld allocations while running", name, base_alloc_count() - before);
    trial_close(&trial);
}

static void test_running_allocates_nothing(void **state)
{
    static const char *const names[] = {"rtmpose-t",
                                        "rtmdet-nano-320",
                                        "rtmdet-nano-320-raw",
                                        "stgcnpp",
                                        "simplepose_opset9.onnx",
                                        "yolox_nano_coco80_416.onnx",
                                        "hand_keypoint_classifier.onnx"};
    static const char *const large[] = {"rtmpose-s",
                                        "rtmpose-m",
                                        "rtmpose-l",
                                        "rtmpose-m-wb133",
                                        "mobilenetv2-heatmap",
                                        "rtmdet-m-640",
                                        "rtmo-s-nonms",
                                        "rtmo-s",
                                        "rtmo-m",
                                        "stgcn",
                                        "rtmdet_nano_person_640_rawhead.onnx",
                                        "stgcnpp_hagrid_gesture40.onnx"};
    if (!large_models)
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
            check_no_allocation(names[i]);
    else
        for (size_t i = 0; i < sizeof large / sizeof large[0]; i++)
            check_no_allocation(large[i]);
}

static void test_closing_gives_all_memory_back(void **state)
{
    struct base_buffer model = tiny_network(-1, -1, -1);
    long before = base_alloc_live();
    struct trial trial;
    trial_parse(&trial, &model, 2);
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier)) {
        trial_session(&trial, tier, 2);
        trial_run(&trial);
        assert_true(stance_session_memory(trial.session) > 0);
    }
    trial_close(&trial);
    assert_int_equal(base_alloc_live(), before);
    base_buffer_free(&model);
}

/* ---- Plans for changing shapes ---------------------------------------------------------------- */

static void test_changing_shapes_give_the_results_of_fresh_sessions(void **state)
{
    static const int64_t shapes[][4] = {{1, 3, 24, 20}, {2, 3, 24, 20}, {1, 3, 33, 17},
                                        {1, 3, 8, 8},   {4, 3, 64, 48}, {1, 3, 33, 17},
                                        {1, 3, 5, 5},   {1, 3, 24, 20}, {4, 3, 64, 48}};
    struct base_buffer model = tiny_network(-1, -1, -1);
    struct trial changing, fresh;
    trial_parse(&changing, &model, 1);
    trial_share(&fresh, &changing, 1);
    trial_session(&changing, STANCE_TIER_AUTO, 2);
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        struct trial_copy copy;
        trial_shape(&changing, 0, 4, shapes[i]);
        trial_run(&changing);
        trial_copy(&changing, &copy);
        trial_shape(&fresh, 0, 4, shapes[i]);
        trial_session(&fresh, STANCE_TIER_AUTO, 1);
        trial_run(&fresh);
        assert_true(trial_same(&fresh, &copy));
        trial_copy_close(&copy);
    }
    trial_close(&changing);
    trial_close(&fresh);
    base_buffer_free(&model);
}

static void test_plans_share_the_memory_of_the_largest(void **state)
{
    struct base_buffer model = tiny_network(-1, -1, -1);
    struct trial trial;
    trial_parse(&trial, &model, 1);
    trial_session(&trial, STANCE_TIER_AUTO, 1);
    trial_shape(&trial, 0, 4, (const int64_t[]){1, 3, 64, 48});
    trial_run(&trial);
    const unsigned char *large = trial.outputs[0].data;
    size_t bytes = stance_session_memory(trial.session);
    trial_shape(&trial, 0, 4, (const int64_t[]){1, 3, 8, 8});
    trial_run(&trial);
    const unsigned char *small = trial.outputs[0].data;
    assert_true(stance_session_memory(trial.session) < bytes);
    assert_true(small < large + bytes && large < small + bytes);
    trial_close(&trial);
    base_buffer_free(&model);
}

static void test_the_last_plans_are_kept_and_older_ones_go(void **state)
{
    struct base_buffer model = tiny_network(-1, 24, 20);
    struct trial trial;
    trial_parse(&trial, &model, 1);
    trial_session(&trial, STANCE_TIER_AUTO, 1);
    for (int64_t batch = 1; batch <= 8; batch++) {
        trial_batch(&trial, batch);
        trial_run(&trial);
    }
    long allocated = base_alloc_count(), live = base_alloc_live();
    for (int64_t batch = 8; batch >= 1; batch--) {
        trial_batch(&trial, batch);
        trial_run(&trial);
    }
    assert_int_equal(base_alloc_count(), allocated);
    for (int64_t batch = 9; batch <= 40; batch++) {
        trial_batch(&trial, batch);
        trial_run(&trial);
    }
    assert_true(base_alloc_live() <= live + 16); /* results of batches that are cut in parts */
    trial_close(&trial);
    base_buffer_free(&model);
}

static void test_a_shape_that_fails_leaves_the_session_usable(void **state)
{
    static const int64_t good[] = {1, 3, 24, 20}, bad[] = {1, 4, 24, 20};
    struct base_buffer model = tiny_network(-1, -1, -1);
    struct trial trial;
    struct trial_copy copy;
    trial_parse(&trial, &model, 1);
    trial_session(&trial, STANCE_TIER_AUTO, 1);
    trial_shape(&trial, 0, 4, good);
    trial_run(&trial);
    trial_copy(&trial, &copy);
    trial_shape(&trial, 0, 4, bad);
    for (int i = 0; i < 6; i++)
        assert_int_equal(stance_session_run(trial.session, trial.inputs, 1, trial.outputs, 1),
                         STANCE_ESHAPE);
    trial_shape(&trial, 0, 4, good);
    trial_run(&trial);
    assert_true(trial_same(&trial, &copy));
    trial_copy_close(&copy);
    trial_close(&trial);
    base_buffer_free(&model);
}

static void test_frames_of_any_number_run_through_an_action_network(void **state)
{
    struct trial trial;
    trial_open(&trial, "stgcnpp", 1);
    trial_session(&trial, STANCE_TIER_AUTO, 2);
    for (int64_t frames = 20; frames <= 60; frames += 20) {
        trial_shape(&trial, 0, 5, (const int64_t[]){1, 2, frames, 17, 3});
        trial_run(&trial);
        assert_int_equal(trial.outputs[0].dims[1], 60);
    }
    trial_close(&trial);
}

static void test_outputs_stay_until_the_next_call_on_their_session(void **state)
{
    struct base_buffer model = tiny_network(-1, 24, 20);
    struct trial first, second;
    struct trial_copy copy;
    trial_parse(&first, &model, 2);
    trial_share(&second, &first, 2);
    trial_session(&first, STANCE_TIER_AUTO, 1);
    trial_session(&second, STANCE_TIER_AUTO, 1);
    trial_run(&first);
    trial_copy(&first, &copy);
    ((float *)second.inputs[0].data)[0] = 5;
    memset(first.inputs[0].data, 0, tensor_bytes(&first.inputs[0]));
    trial_run(&second);
    assert_false(trial_same(&second, &copy));
    assert_true(trial_same(&first, &copy));
    trial_close(&second);
    assert_true(trial_same(&first, &copy));
    trial_copy_close(&copy);
    trial_close(&first);
    base_buffer_free(&model);
}

static void test_sessions_keep_their_model(void **state)
{
    struct base_buffer model = tiny_network(-1, 24, 20);
    struct trial trial;
    trial_parse(&trial, &model, 1);
    trial_session(&trial, STANCE_TIER_AUTO, 1);
    stance_model_close(&trial.model);
    trial_run(&trial);
    trial_close(&trial);
    base_buffer_free(&model);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_running_allocates_nothing),
        cmocka_unit_test(test_closing_gives_all_memory_back),
        cmocka_unit_test(test_changing_shapes_give_the_results_of_fresh_sessions),
        cmocka_unit_test(test_plans_share_the_memory_of_the_largest),
        cmocka_unit_test(test_the_last_plans_are_kept_and_older_ones_go),
        cmocka_unit_test(test_a_shape_that_fails_leaves_the_session_usable),
        cmocka_unit_test(test_frames_of_any_number_run_through_an_action_network),
        cmocka_unit_test(test_outputs_stay_until_the_next_call_on_their_session),
        cmocka_unit_test(test_sessions_keep_their_model),
    };
    const struct CMUnitTest large[] = {
        cmocka_unit_test(test_running_allocates_nothing),
    };
    const struct CMUnitTest threaded[] = {
        cmocka_unit_test(test_the_last_plans_are_kept_and_older_ones_go),
    };
    const char *share = argc > 1 ? argv[1] : "quick";
    large_models = strcmp(share, "long") == 0;
    if (strcmp(share, "long") == 0)
        return cmocka_run_group_tests(large, NULL, NULL);
    if (strcmp(share, "threads") == 0)
        return cmocka_run_group_tests(threaded, NULL, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
