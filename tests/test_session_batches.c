/* Batches and threads of sessions: the bits of single runs, in any number of threads.
 *
 * `test_session_batches threads` runs what starts threads, `cross` what an emulated processor has time for. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <pthread.h>
#include <string.h>

#include "base/cpu.h"
#include "support/tiny_model.h"
#include "support/trial.h"
#include "tensor/storage.h"

/* ---- Batches ---------------------------------------------------------------------------------- */

/* Runs each image of the inputs alone and compares with what the whole batch gave. */
static void compare_images(struct trial *trial, const struct trial_copy *batch)
{
    struct trial one = *trial;
    int64_t images = trial->inputs[0].dims[0];
    for (int64_t image = 0; image < images; image++) {
        for (int i = 0; i < trial->input_count; i++) {
            size_t bytes = tensor_bytes(&trial->inputs[i]) / (size_t)images;
            one.inputs[i].dims[0] = 1;
            one.inputs[i].data = (unsigned char *)trial->inputs[i].data + (size_t)image * bytes;
        }
        trial_run(&one);
        for (int i = 0; i < trial->output_count; i++) {
            size_t bytes = tensor_bytes(&one.outputs[i]);
            assert_int_equal(bytes * (size_t)images, tensor_bytes(&batch->outputs[i]));
            const unsigned char *part = batch->outputs[i].data;
            if (memcmp(part + (size_t)image * bytes, one.outputs[i].data, bytes) != 0)
                fail_msg("image %lld of %lld differs when run alone (output %d)", (long long)image,
                         (long long)images, i);
        }
    }
}

static bool is_small(const struct trial *trial)
{
    return stance_tensor_count(&trial->inputs[0]) < 5000;
}

/* The plain tier takes its time with real networks: small ones stand for it. */
static int first_tier(const struct trial *trial)
{
    int next = base_cpu_next(BASE_CPU_REF);
    return is_small(trial) || next == BASE_CPU_TIERS ? BASE_CPU_REF : next;
}

static void check_batches(struct trial *trial, bool loops)
{
    static const int64_t batches[] = {3, 2, 5, 6, 8}; /* the last two are cut */
    for (int tier = first_tier(trial); tier < BASE_CPU_TIERS; tier = base_cpu_next(tier))
        for (size_t k = 0; k < (is_small(trial) ? 5 : 1); k++) {
            struct trial_copy copy;
            trial_session(trial, tier, 2);
            trial_batch(trial, batches[k]);
            trial_run(trial);
            assert_int_equal(stance_session_loops(trial->session), loops);
            trial_copy(trial, &copy);
            compare_images(trial, &copy);
            if (is_small(trial)) { /* one thread takes one image after another */
                trial_session(trial, tier, 1);
                trial_batch(trial, batches[k]);
                trial_run(trial);
                assert_true(trial_same(trial, &copy));
            }
            trial_copy_close(&copy);
        }
    trial_close(trial);
}

static void check_batches_of(const char *name, bool loops)
{
    struct trial trial;
    trial_open(&trial, name, 1);
    check_batches(&trial, loops);
}

static void test_batch_of_an_open_model_gives_the_bits_of_single_runs(void **state)
{
    struct base_buffer model = tiny_network(-1, 24, 20);
    struct trial trial;
    trial_parse(&trial, &model, 1);
    check_batches(&trial, false);
    base_buffer_free(&model);
    check_batches_of("rtmpose-t", false);
}

static void test_model_exported_for_one_image_takes_a_batch(void **state)
{
    struct base_buffer model = tiny_network(1, 24, 20);
    struct trial trial;
    trial_parse(&trial, &model, 1);
    check_batches(&trial, false);
    base_buffer_free(&model);
    check_batches_of("simplepose_opset9.onnx", false);
    check_batches_of("rtmdet_nano_person_320_rawhead.onnx", false);
}

static void test_model_that_bakes_its_batch_in_runs_image_by_image(void **state)
{
    struct base_buffer model = tiny_fixed_batch();
    struct trial trial;
    trial_parse(&trial, &model, 1);
    check_batches(&trial, true);
    base_buffer_free(&model);
    check_batches_of("stgcnpp_hagrid_gesture40.onnx", true);
    check_batches_of("yolox_nano_coco80_416.onnx", true);
}

static void test_results_of_unknown_size_allow_one_image_only(void **state)
{
    struct base_buffer model = tiny_suppression();
    struct trial trial;
    trial_parse(&trial, &model, 1);
    trial_session(&trial, STANCE_TIER_AUTO, 1);
    trial_run(&trial);
    assert_int_equal(trial.outputs[0].rank, 2);
    assert_in_range(trial.outputs[0].dims[0], 1, 5);
    trial_batch(&trial, 2);
    assert_true(stance_session_run(trial.session, trial.inputs, 1, trial.outputs, 1) < 0);
    assert_non_null(strstr(stance_error_text(), "one picture at a time"));
    trial_close(&trial);
    base_buffer_free(&model);
}

static void test_empty_batch_is_refused_or_gives_nothing(void **state)
{
    struct base_buffer model = tiny_network(-1, 24, 20);
    struct trial trial;
    trial_parse(&trial, &model, 1);
    trial_session(&trial, STANCE_TIER_AUTO, 1);
    trial_batch(&trial, 0);
    if (stance_session_run(trial.session, trial.inputs, 1, trial.outputs, 1) == 0)
        assert_int_equal(stance_tensor_count(&trial.outputs[0]), 0);
    trial_batch(&trial, 1);
    trial_run(&trial);
    trial_close(&trial);
    base_buffer_free(&model);
}

/* ---- Threads ---------------------------------------------------------------------------------- */

static void check_threads(struct trial *trial, int tier)
{
    struct trial_copy one;
    trial_session(trial, tier, 1);
    trial_run(trial);
    trial_copy(trial, &one);
    for (int threads = 2; threads <= 4; threads++) {
        trial_session(trial, tier, threads);
        for (int run = 0; run < (is_small(trial) ? 5 : 1); run++) {
            trial_run(trial);
            assert_true(trial_same(trial, &one));
        }
    }
    trial_copy_close(&one);
}

static void test_results_do_not_depend_on_the_number_of_threads(void **state)
{
    static const char *const names[] = {"rtmpose-t", "simplepose_opset9.onnx", "rtmdet-nano-320",
                                        "stgcnpp_hagrid_gesture40.onnx"};
    struct base_buffer model = tiny_network(-1, 24, 20);
    struct trial trial;
    trial_parse(&trial, &model, 3);
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier))
        check_threads(&trial, tier);
    trial_close(&trial);
    base_buffer_free(&model);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        trial_open(&trial, names[i], 1);
        for (int tier = first_tier(&trial); tier < BASE_CPU_TIERS; tier = base_cpu_next(tier))
            check_threads(&trial, tier);
        trial_close(&trial);
    }
}

static int count_threads(void)
{
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    if (!tasks)
        skip();
    for (struct dirent *entry; (entry = readdir(tasks));)
        count += entry->d_name[0] != '.';
    closedir(tasks);
    return count;
}

static void test_one_thread_creates_none(void **state)
{
    struct base_buffer model = tiny_network(-1, 24, 20);
    struct trial trial;
    trial_parse(&trial, &model, 2);
    int before = count_threads();
    trial_session(&trial, STANCE_TIER_AUTO, 1);
    trial_run(&trial);
    assert_int_equal(count_threads(), before);
    trial_session(&trial, STANCE_TIER_AUTO, 3);
    trial_run(&trial);
    assert_int_equal(count_threads(), before + 2);
    trial_close(&trial);
    assert_int_equal(count_threads(), before);
    base_buffer_free(&model);
}

struct runner {
    struct trial trial;
    struct trial_copy expected;
    int failed;
};

static void *run_often(void *context)
{
    struct runner *runner = context;
    struct trial *t = &runner->trial;
    for (int i = 0; i < 10; i++) {
        int code =
            stance_session_run(t->session, t->inputs, t->input_count, t->outputs, t->output_count);
        runner->failed += code < 0 || !trial_same(t, &runner->expected);
    }
    return NULL;
}

/* Two sessions of one model, each with its own inputs, in two threads at once. */
static void check_neighbours(struct trial *first, struct trial *second)
{
    struct runner runners[2] = {{.trial = *first}, {.trial = *second}};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) {
        trial_session(&runners[i].trial, STANCE_TIER_AUTO, 1 + i);
        trial_run(&runners[i].trial);
        trial_copy(&runners[i].trial, &runners[i].expected);
        trial_session(&runners[i].trial, STANCE_TIER_AUTO, 2);
    }
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_often, &runners[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(runners[i].failed, 0);
        trial_copy_close(&runners[i].expected);
        trial_close(&runners[i].trial);
    }
}

static void test_sessions_in_two_threads_do_not_disturb_each_other(void **state)
{
    struct base_buffer model = tiny_network(-1, 24, 20);
    struct trial first, second;
    trial_parse(&first, &model, 3);
    trial_share(&second, &first, 2);
    check_neighbours(&first, &second);
    base_buffer_free(&model);
    trial_open(&first, "simplepose_opset9.onnx", 1);
    trial_open(&second, "rtmdet_nano_person_320_rawhead.onnx", 1);
    check_neighbours(&first, &second);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batch_of_an_open_model_gives_the_bits_of_single_runs),
        cmocka_unit_test(test_model_exported_for_one_image_takes_a_batch),
        cmocka_unit_test(test_model_that_bakes_its_batch_in_runs_image_by_image),
        cmocka_unit_test(test_results_of_unknown_size_allow_one_image_only),
        cmocka_unit_test(test_empty_batch_is_refused_or_gives_nothing),
        cmocka_unit_test(test_results_do_not_depend_on_the_number_of_threads),
        cmocka_unit_test(test_one_thread_creates_none),
        cmocka_unit_test(test_sessions_in_two_threads_do_not_disturb_each_other),
    };
    const struct CMUnitTest threaded[] = {
        cmocka_unit_test(test_results_do_not_depend_on_the_number_of_threads),
        cmocka_unit_test(test_one_thread_creates_none),
        cmocka_unit_test(test_sessions_in_two_threads_do_not_disturb_each_other),
    };
    const struct CMUnitTest crossed[] = {
        cmocka_unit_test(test_batch_of_an_open_model_gives_the_bits_of_single_runs),
        cmocka_unit_test(test_results_do_not_depend_on_the_number_of_threads),
    };
    const char *share = argc > 1 ? argv[1] : "quick";
    if (strcmp(share, "threads") == 0)
        return cmocka_run_group_tests(threaded, NULL, NULL);
    if (strcmp(share, "cross") == 0)
        return cmocka_run_group_tests(crossed, NULL, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
