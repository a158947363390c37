/* Out of memory at the n-th allocation of load, prepare and run: an error, nothing left behind, and
 * the next try works.
 *
 * `test_oom long` takes every 17th allocation of real networks, anything else every one of small
 * ones. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "engine/network.h"
#include "stance/inspect.h"
#include "support/quant_net.h"
#include "support/support.h"
#include "support/tiny_model.h"
#include "support/trial.h"

/* One way from a file or its bytes to results. */
struct way {
    const struct base_buffer *bytes; /* or */
    const char *path;
    const struct stance_tensor *input;
    int threads, runs;
};

static int load(struct stance_model **model, const struct way *way)
{
    return way->bytes ? engine_model_parse(model, way->bytes->data, way->bytes->size, "tiny.onnx")
                      : stance_model_open(model, way->path);
}

static int walk(const struct way *way)
{
    struct stance_model *model = NULL;
    struct stance_session *session = NULL;
    struct stance_session_options options;
    struct stance_tensor outputs[TRIAL_OUTPUTS];
    stance_session_options_default(&options);
    options.threads = way->threads;
    options.profile = 1;
    int code = load(&model, way);
    if (code == 0)
        code = stance_session_open(&session, model, &options);
    for (int i = 0; i < way->runs && code == 0; i++)
        code =
            stance_session_run(session, way->input, 1, outputs, stance_model_output_count(model));
    stance_session_close(&session);
    stance_model_close(&model);
    return code;
}

static int look(const struct way *way)
{
    struct stance_inspection *inspection = NULL;
    int code = stance_inspection_open(&inspection, way->path, way->input, way->input ? 1 : 0,
                                      STANCE_TIER_AUTO);
    stance_inspection_close(&inspection);
    return code;
}

/* Every `step`-th allocation fails once, and in a second round all that follow, too. */
static void check(int (*try)(const struct way *), const struct way *way, long step)
{
    assert_int_equal(try(way), 0); /* whatever is made once for the process */
    long count = base_alloc_count(), live = base_alloc_live();
    assert_int_equal(try(way), 0);
    count = base_alloc_count() - count;
    for (long n = 1; n <= count; n += step)
        for (int forever = 0; forever < 2; forever++) {
            base_alloc_fail_at(n, forever);
            int code = try(way);
            base_alloc_fail_at(0, 0);
            if (code != STANCE_ENOMEMORY && code != STANCE_ELIMIT)
                fail_msg("allocation %ld of %ld: %s (%s)", n, count, stance_error_name(code),
                         stance_error_text());
            if (!stance_error_text()[0])
                fail_msg("allocation %ld of %ld: no sentence", n, count);
            if (base_alloc_live() != live)
                fail_msg("allocation %ld of %ld: %ld blocks left", n, count,
                         base_alloc_live() - live);
        }
    assert_int_equal(try(way), 0);
}

static void check_tiny(struct base_buffer model, int64_t batch)
{
    struct trial trial;
    trial_parse(&trial, &model, 1);
    trial_batch(&trial, batch);
    struct way way = {.bytes = &model, .input = &trial.inputs[0], .threads = 2, .runs = 2};
    check(walk, &way, 1);
    trial_close(&trial);
    base_buffer_free(&model);
}

static void test_every_allocation_of_a_small_network(void **state)
{
    check_tiny(tiny_network(-1, 24, 20), 1);
    check_tiny(tiny_network(1, 24, 20), 3); /* re-batched */
}

static void test_every_allocation_of_a_batch_run_image_by_image(void **state)
{
    check_tiny(tiny_fixed_batch(), 3);
}

static void test_every_allocation_before_results_of_unknown_size(void **state)
{
    check_tiny(tiny_suppression(), 1);
}

static void test_every_allocation_of_a_quantised_network(void **state)
{
    check_tiny(quant_network((struct quant_style){.integer_bias = true}, 16, 16), 1);
    check_tiny(
        quant_network((struct quant_style){.everywhere = true, .signed_bytes = true}, 16, 16), 2);
}

static void write_tiny(char *path, size_t size)
{
    struct base_buffer model = tiny_network(-1, 24, 20);
    snprintf(path, size, "%s/tiny.onnx", support_temp_folder());
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(model.data, 1, model.size, file), model.size);
    fclose(file);
    base_buffer_free(&model);
}

static void test_every_allocation_of_a_file(void **state)
{
    char path[4096];
    struct base_buffer model = tiny_network(-1, 24, 20);
    struct trial trial;
    write_tiny(path, sizeof path);
    trial_parse(&trial, &model, 1);
    struct way way = {.path = path, .input = &trial.inputs[0], .threads = 1, .runs = 1};
    check(walk, &way, 1);
    trial_close(&trial);
    base_buffer_free(&model);
}

static void test_every_allocation_of_an_inspection(void **state)
{
    char path[4096];
    write_tiny(path, sizeof path);
    struct way way = {.path = path};
    check(look, &way, 1);
}

/* A failing plan must not cost the plans that are there. */
static void test_running_goes_on_after_a_failed_shape(void **state)
{
    struct base_buffer model = tiny_network(-1, -1, -1);
    struct trial trial;
    struct trial_copy copy;
    trial_parse(&trial, &model, 1);
    trial_session(&trial, STANCE_TIER_AUTO, 1);
    trial_run(&trial);
    trial_copy(&trial, &copy);
    for (long n = 1; n < 40; n++) {
        trial_shape(&trial, 0, 4, (const int64_t[]){1, 3, 32 + n, 32});
        base_alloc_fail_at(n, 0);
        int code = stance_session_run(trial.session, trial.inputs, 1, trial.outputs, 1);
        base_alloc_fail_at(0, 0);
        assert_true(code == 0 || code == STANCE_ENOMEMORY);
        trial_shape(&trial, 0, 4, (const int64_t[]){1, 3, 64, 64});
        trial_run(&trial);
        assert_true(trial_same(&trial, &copy));
    }
    trial_copy_close(&copy);
    trial_close(&trial);
    base_buffer_free(&model);
}

static void check_real(const char *name)
{
    char path[4096];
    struct trial trial;
    if (!trial_path(name, path, sizeof path))
        skip();
    trial_open(&trial, name, 1);
    struct way way = {.path = path, .input = &trial.inputs[0], .threads = 1, .runs = 1};
    check(walk, &way, 17);
    trial_close(&trial);
}

static void test_every_17th_allocation_of_a_detector(void **state)
{
    check_real("rtmdet_nano_person_320_rawhead.onnx");
}

static void test_every_17th_allocation_of_a_detector_with_suppression(void **state)
{
    check_real("rtmdet-nano-320");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest small[] = {
        cmocka_unit_test(test_every_allocation_of_a_small_network),
        cmocka_unit_test(test_every_allocation_of_a_batch_run_image_by_image),
        cmocka_unit_test(test_every_allocation_before_results_of_unknown_size),
        cmocka_unit_test(test_every_allocation_of_a_quantised_network),
        cmocka_unit_test(test_every_allocation_of_a_file),
        cmocka_unit_test(test_every_allocation_of_an_inspection),
        cmocka_unit_test(test_running_goes_on_after_a_failed_shape),
    };
    const struct CMUnitTest real[] = {
        cmocka_unit_test(test_every_17th_allocation_of_a_detector),
        cmocka_unit_test(test_every_17th_allocation_of_a_detector_with_suppression),
    };
    return argc > 1 && strcmp(argv[1], "long") == 0 ? cmocka_run_group_tests(real, NULL, NULL)
                                                    : cmocka_run_group_tests(small, NULL, NULL);
}
