/* What sessions say: about wrong use, their options, their profile, limits and devices.
 *
 * `test_session_use threads` runs what starts threads, `cross` what another processor may answer differently. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/cpu.h"
#include "support/tiny_model.h"
#include "support/trial.h"

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
        cmocka_unit_test(test_wrong_inputs_are_told_about),
        cmocka_unit_test(test_what_cannot_be_had_is_an_error),
        cmocka_unit_test(test_environment_lowers_the_tier),
        cmocka_unit_test(test_options_of_another_size_are_understood),
        cmocka_unit_test(test_profile_adds_up),
        cmocka_unit_test(test_peak_is_a_plausible_number),
        cmocka_unit_test(test_limits_are_plausible),
        cmocka_unit_test(test_limits_of_another_size_are_understood),
        cmocka_unit_test(test_devices_are_listed),
    };
    const struct CMUnitTest threaded[] = {
        cmocka_unit_test(test_profile_adds_up),
    };
    const struct CMUnitTest crossed[] = {
        cmocka_unit_test(test_what_cannot_be_had_is_an_error),
        cmocka_unit_test(test_environment_lowers_the_tier),
    };
    const char *share = argc > 1 ? argv[1] : "quick";
    if (strcmp(share, "threads") == 0)
        return cmocka_run_group_tests(threaded, NULL, NULL);
    if (strcmp(share, "cross") == 0)
        return cmocka_run_group_tests(crossed, NULL, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
