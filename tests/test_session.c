/* Sessions: batches, threads, plans for changing shapes, what may not be allocated, and what is
 * told about wrong use.
 *
 * `test_session threads` runs what starts threads, `long` the large structure models, anything else
 * the rest with the small ones. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/cpu.h"
#include "base/memory.h"
#include "support/support.h"
#include "support/tiny_model.h"
#include "support/trial.h"
#include "tensor/storage.h"

static bool large_models;

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
    static const int64_t batches[] = {3, 2, 5};
    for (int tier = first_tier(trial); tier < BASE_CPU_TIERS; tier = base_cpu_next(tier))
        for (size_t k = 0; k < (is_small(trial) ? 3 : 1); k++) {
            struct trial_copy copy;
            trial_session(trial, tier, 2);
            trial_batch(trial, batches[k]);
            trial_run(trial);
            assert_int_equal(stance_session_loops(trial->session), loops);
            trial_copy(trial, &copy);
            compare_images(trial, &copy);
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
    for (int64_t batch = 1; batch <= 4; batch++) {
        trial_batch(&trial, batch);
        trial_run(&trial);
    }
    long allocated = base_alloc_count(), live = base_alloc_live();
    for (int64_t batch = 4; batch >= 1; batch--) {
        trial_batch(&trial, batch);
        trial_run(&trial);
    }
    assert_int_equal(base_alloc_count(), allocated);
    for (int64_t batch = 5; batch <= 20; batch++) {
        trial_batch(&trial, batch);
        trial_run(&trial);
    }
    assert_true(base_alloc_live() <= live + 4);
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

/* ---- Wrong use -------------------------------------------------------------------------------- */

static void expect(int code, int wanted, const char *words)
{
    if (code != wanted || !strstr(stance_error_text(), words))
        fail_msg("%s (%s) where %s with '%s' should be", stance_error_name(code),
                 stance_error_text(), stance_error_name(wanted), words);
}

static void test_wrong_inputs_are_told_about(void **state)
{
    struct base_buffer model = tiny_network(-1, 24, 20);
    struct trial trial;
    trial_parse(&trial, &model, 1);
    trial_session(&trial, STANCE_TIER_AUTO, 1);
    struct stance_tensor *x = &trial.inputs[0], *y = trial.outputs, saved = *x;
    expect(stance_session_run(trial.session, x, 0, y, 1), STANCE_EARGUMENT, "1");
    expect(stance_session_run(trial.session, x, 2, y, 1), STANCE_EARGUMENT, "2 inputs");
    expect(stance_session_run(trial.session, x, 1, y, 2), STANCE_EARGUMENT, "outputs");
    x->dtype = STANCE_INT64;
    expect(stance_session_run(trial.session, x, 1, y, 1), STANCE_ETYPE, "'x' is int64");
    *x = saved;
    x->rank = 3;
    expect(stance_session_run(trial.session, x, 1, y, 1), STANCE_ESHAPE, "'x'");
    x->rank = 9;
    expect(stance_session_run(trial.session, x, 1, y, 1), STANCE_ESHAPE, "'x'");
    x->rank = -1;
    expect(stance_session_run(trial.session, x, 1, y, 1), STANCE_ESHAPE, "'x'");
    *x = saved;
    x->dims[2] = 25;
    expect(stance_session_run(trial.session, x, 1, y, 1), STANCE_ESHAPE, "'x'");
    x->dims[2] = -24;
    expect(stance_session_run(trial.session, x, 1, y, 1), STANCE_ESHAPE, "'x'");
    *x = saved;
    x->dims[0] = 1000000000;
    expect(stance_session_run(trial.session, x, 1, y, 1), STANCE_ELIMIT, "'x'");
    *x = saved;
    x->data = NULL;
    expect(stance_session_run(trial.session, x, 1, y, 1), STANCE_EARGUMENT, "'x'");
    *x = saved;
    trial_run(&trial);
    trial_close(&trial);
    base_buffer_free(&model);
}

static void test_what_cannot_be_had_is_an_error(void **state)
{
    struct base_buffer model = tiny_network(-1, 24, 20);
    struct trial trial;
    struct stance_session_options options;
    struct stance_session *session;
    trial_parse(&trial, &model, 1);
    stance_session_options_default(&options);
    options.device = "cuda";
    expect(stance_session_open(&session, trial.model, &options), STANCE_EDEVICE, "cuda");
    assert_null(session);
    stance_session_options_default(&options);
    options.tier = 7;
    expect(stance_session_open(&session, trial.model, &options), STANCE_EARGUMENT, "tier 7");
    options.tier = -2;
    expect(stance_session_open(&session, trial.model, &options), STANCE_EARGUMENT, "tier -2");
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier++) {
        options.tier = tier;
        if (!base_cpu_has((enum base_cpu_tier)tier))
            expect(stance_session_open(&session, trial.model, &options), STANCE_EDEVICE,
                   base_cpu_name((enum base_cpu_tier)tier));
    }
    stance_session_options_default(&options);
    options.threads = -1;
    expect(stance_session_open(&session, trial.model, &options), STANCE_EARGUMENT, "threads");
    options.threads = 100000;
    expect(stance_session_open(&session, trial.model, &options), STANCE_EARGUMENT, "threads");
    stance_session_close(&session);
    trial_close(&trial);
    base_buffer_free(&model);
}

static void test_environment_lowers_the_tier(void **state)
{
    struct base_buffer model = tiny_network(-1, 24, 20);
    struct trial trial;
    struct stance_session *session = NULL;
    trial_parse(&trial, &model, 1);
    setenv("STANCE_CPU", "ref", 1);
    assert_int_equal(stance_session_open(&session, trial.model, NULL), 0);
    assert_non_null(strstr(stance_session_describe(session), " ref, 1 thread, float32"));
    stance_session_close(&session);
    setenv("STANCE_CPU", "sse9", 1);
    expect(stance_session_open(&session, trial.model, NULL), STANCE_EARGUMENT, "sse9");
    unsetenv("STANCE_CPU");
    trial_close(&trial);
    base_buffer_free(&model);
}

static void test_options_of_another_size_are_understood(void **state)
{
    struct base_buffer model = tiny_network(-1, 24, 20);
    struct trial trial;
    struct {
        struct stance_session_options options;
        char later[64];
    } newer;
    struct stance_session *session = NULL;
    trial_parse(&trial, &model, 1);
    memset(&newer, 0xff, sizeof newer);
    stance_session_options_default(&newer.options);
    newer.options.struct_size = sizeof newer;
    newer.options.threads = 2;
    assert_int_equal(stance_session_open(&session, trial.model, &newer.options), 0);
    assert_non_null(strstr(stance_session_describe(session), "2 threads"));
    stance_session_close(&session);
    /* An older program knows the fields up to `device` only: all others are the defaults. */
    newer.options.struct_size = offsetof(struct stance_session_options, threads);
    newer.options.tier = 99;
    assert_int_equal(stance_session_open(&session, trial.model, &newer.options), 0);
    assert_non_null(strstr(stance_session_describe(session), "1 thread,"));
    stance_session_close(&session);
    trial_close(&trial);
    base_buffer_free(&model);
}

/* ---- Results and profile ---------------------------------------------------------------------- */

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

static void test_profile_adds_up(void **state)
{
    struct trial trial;
    struct stance_session_options options;
    struct stance_profile_step step;
    trial_open(&trial, "rtmdet_nano_person_320_rawhead.onnx", 1);
    stance_session_options_default(&options);
    options.profile = 1;
    assert_int_equal(stance_session_open(&trial.session, trial.model, &options), 0);
    int64_t runs, total = 0, multiply_adds = 0;
    assert_int_equal(stance_session_profile_count(trial.session, &runs), 0);
    trial_run(&trial);
    int64_t start = base_clock_ns();
    for (int i = 0; i < 4; i++)
        trial_run(&trial);
    int64_t wall = base_clock_ns() - start;
    int count = stance_session_profile_count(trial.session, &runs);
    assert_int_equal(runs, 5);
    assert_in_range(count, 50, 500);
    for (int i = 0; i < count; i++) {
        assert_int_equal(stance_session_profile(trial.session, i, &step), 0);
        assert_true(step.type[0] && step.shape[0] && step.method && step.name);
        assert_true(step.nanoseconds >= 0 && step.bytes > 0);
        total += step.nanoseconds;
        multiply_adds += step.multiply_adds;
    }
    assert_true(total > wall / 4); /* the first run is in it, too */
    assert_int_equal(multiply_adds, stance_session_multiply_adds(trial.session));
    assert_in_range(multiply_adds, 300000000, 320000000);
    expect(stance_session_profile(trial.session, count, &step), STANCE_EARGUMENT, "no step");
    expect(stance_session_profile(trial.session, -1, &step), STANCE_EARGUMENT, "no step");
    trial_close(&trial);
}

static void test_peak_is_a_plausible_number(void **state)
{
    struct base_buffer model = tiny_network(-1, 24, 20);
    struct trial trial;
    trial_parse(&trial, &model, 1);
    trial_session(&trial, STANCE_TIER_AUTO, 2);
    double peak = stance_session_peak(trial.session);
    assert_true(peak > 0.01 && peak < 100000);
    trial_close(&trial);
    base_buffer_free(&model);
}

/* Every loop does what it counts: neighbours and emulators may slow each as they
 * like, but not to another unit. */
static void test_limits_are_plausible(void **state)
{
    struct base_buffer model = tiny_network(-1, 24, 20);
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier)) {
        struct trial trial;
        struct stance_limits limits = {.struct_size = sizeof limits};
        trial_parse(&trial, &model, 1);
        trial_session(&trial, tier, 1);
        assert_int_equal(stance_session_limits(trial.session, &limits), 0);
        double peak = stance_session_peak(trial.session);
        assert_true(limits.float_gflops > peak / 50 && limits.float_gflops < peak * 50);
        assert_true(limits.byte_gops > 0.1 && limits.byte_gops < 100000);
        assert_true(tier == STANCE_TIER_REF || limits.byte_gops > limits.float_gflops / 50);
        assert_true(limits.memory_gb_s > 0.01 && limits.memory_gb_s < 10000);
        assert_true(limits.cache_gb_s > limits.memory_gb_s / 50);
        trial_close(&trial);
    }
    base_buffer_free(&model);
}

/* A caller that knows the first number only gets that one. */
static void test_limits_of_another_size_are_understood(void **state)
{
    struct base_buffer model = tiny_network(-1, 24, 20);
    struct trial trial;
    struct stance_limits limits = {.struct_size = offsetof(struct stance_limits, byte_gops),
                                   .byte_gops = -1};
    trial_parse(&trial, &model, 1);
    trial_session(&trial, STANCE_TIER_AUTO, 2);
    assert_int_equal(stance_session_limits(trial.session, &limits), 0);
    assert_true(limits.float_gflops > 0);
    assert_true(limits.byte_gops < 0);
    trial_close(&trial);
    base_buffer_free(&model);
}

static void test_devices_are_listed(void **state)
{
    assert_string_equal(stance_device_name(0), "cpu");
    assert_null(stance_device_name(1));
    assert_null(stance_device_name(-1));
    assert_non_null(strstr(stance_device_describe(0), "up to"));
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
        cmocka_unit_test(test_running_allocates_nothing),
        cmocka_unit_test(test_closing_gives_all_memory_back),
        cmocka_unit_test(test_changing_shapes_give_the_results_of_fresh_sessions),
        cmocka_unit_test(test_plans_share_the_memory_of_the_largest),
        cmocka_unit_test(test_the_last_plans_are_kept_and_older_ones_go),
        cmocka_unit_test(test_a_shape_that_fails_leaves_the_session_usable),
        cmocka_unit_test(test_frames_of_any_number_run_through_an_action_network),
        cmocka_unit_test(test_wrong_inputs_are_told_about),
        cmocka_unit_test(test_what_cannot_be_had_is_an_error),
        cmocka_unit_test(test_environment_lowers_the_tier),
        cmocka_unit_test(test_options_of_another_size_are_understood),
        cmocka_unit_test(test_outputs_stay_until_the_next_call_on_their_session),
        cmocka_unit_test(test_sessions_keep_their_model),
        cmocka_unit_test(test_profile_adds_up),
        cmocka_unit_test(test_peak_is_a_plausible_number),
        cmocka_unit_test(test_limits_are_plausible),
        cmocka_unit_test(test_limits_of_another_size_are_understood),
        cmocka_unit_test(test_devices_are_listed),
    };
    const struct CMUnitTest large[] = {cmocka_unit_test(test_running_allocates_nothing)};
    const struct CMUnitTest threaded[] = {
        cmocka_unit_test(test_results_do_not_depend_on_the_number_of_threads),
        cmocka_unit_test(test_one_thread_creates_none),
        cmocka_unit_test(test_sessions_in_two_threads_do_not_disturb_each_other),
        cmocka_unit_test(test_the_last_plans_are_kept_and_older_ones_go),
        cmocka_unit_test(test_profile_adds_up),
    };
    const struct CMUnitTest crossed[] = {
        cmocka_unit_test(test_batch_of_an_open_model_gives_the_bits_of_single_runs),
        cmocka_unit_test(test_results_do_not_depend_on_the_number_of_threads),
        cmocka_unit_test(test_what_cannot_be_had_is_an_error),
        cmocka_unit_test(test_environment_lowers_the_tier),
    };
    const char *share = argc > 1 ? argv[1] : "quick";
    large_models = strcmp(share, "long") == 0;
    if (large_models)
        return cmocka_run_group_tests(large, NULL, NULL);
    if (strcmp(share, "threads") == 0)
        return cmocka_run_group_tests(threaded, NULL, NULL);
    if (strcmp(share, "cross") == 0)
        return cmocka_run_group_tests(crossed, NULL, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
