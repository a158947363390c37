/* The models inside the library: the very files of models/builtin, opened without any file, and
 * their cards tell the truth about them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cpu.h"
#include "base/file.h"
#include "base/memory.h"
#include "engine/network.h"
#include "model/builtin.h"
#include "model/family.h"
#include "stance/card.h"
#include "stance/inspect.h"
#include "support/support.h"
#include "support/trial.h"

enum { MOST_BYTES = 6000000 }; /* of both models together, in the repository and in the library */

static void assert_file(const void *data, size_t size, const char *name, const char *ending)
{
    struct base_buffer file;
    char path[4096];
    snprintf(path, sizeof path, "%s/%s%s", BUILTIN_FOLDER, name, ending);
    base_buffer_init(&file, MOST_BYTES);
    assert_int_equal(base_file_read(&file, path), 0);
    assert_int_equal(file.size, size);
    assert_memory_equal(file.data, data, size);
    base_buffer_free(&file);
}

static void test_the_library_holds_the_files(void **state)
{
    size_t bytes = 0;
    int count = 0;
    for (const struct model_builtin *model = model_builtins; model->name; model++, count++) {
        assert_file(model->onnx, model->onnx_size, model->name, ".onnx");
        assert_file(model->card, model->card_size, model->name, ".json");
        assert_int_equal((uintptr_t)model->onnx % 64, 0);
        assert_int_equal(strlen(model->card), model->card_size);
        assert_ptr_equal(model_builtin_find(model->name), model);
        bytes += model->onnx_size + model->card_size;
    }
    assert_int_equal(count, 2);
    assert_in_range(bytes, 1, MOST_BYTES);
    assert_null(model_builtin_find("stance"));
    assert_null(model_builtin_find(""));
}

/* Also where a file of that name lies. */
static void test_a_name_opens_the_model_and_a_path_the_file(void **state)
{
    struct stance_model *model;
    char before[2048];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(support_temp_folder()), 0);
    assert_int_equal(base_file_write("stance-pose", "no model", 8), 0);
    assert_int_equal(base_file_write("stance-det.onnx", "no model", 8), 0);
    for (const struct model_builtin *at = model_builtins; at->name; at++) {
        assert_int_equal(stance_model_open(&model, at->name), 0);
        assert_string_equal(stance_model_path(model), at->name);
        stance_model_close(&model);
    }
    assert_int_equal(stance_model_open(&model, "./stance-pose"), STANCE_EFORMAT);
    assert_int_equal(stance_model_open(&model, "stance-det.onnx"), STANCE_EFORMAT);
    unlink("stance-pose");
    unlink("stance-det.onnx");
    assert_int_equal(chdir(before), 0);
}

static void check_card(const struct model_builtin *model, const struct stance_card *card)
{
    assert_null(card->path);
    assert_string_equal(card->name, model->name);
    assert_ptr_equal(card->json, model->card);
    assert_non_null(card->title);
    assert_true(card->licence && card->licence[0]);
    assert_true(card->training_data && card->training_data[0]);
    assert_true(card->notice && card->notice[0]);
    assert_int_equal(strlen(card->sha256), 64);
    assert_int_equal(strspn(card->sha256, "0123456789abcdef"), 64);
    assert_true(card->metric_count > 0);
    for (int i = 0; i < card->metric_count; i++) {
        const struct stance_card_metric *metric = &card->metrics[i];
        assert_true(metric->name[0] && isfinite(metric->value));
        assert_false(metric->low > metric->value || metric->high < metric->value);
    }
}

static void test_card_and_network_agree(void **state)
{
    for (const struct model_builtin *at = model_builtins; at->name; at++) {
        struct stance_card *card;
        struct stance_inspection *in;
        struct stance_model *model;
        struct model_traits traits;
        assert_int_equal(stance_card_open(&card, at->name), 0);
        check_card(at, card);
        assert_int_equal(stance_inspection_open(&in, at->name, NULL, 0, STANCE_TIER_AUTO), 0);
        assert_string_equal(in->path, at->name);
        assert_int_equal(in->parameters, card->parameters);
        assert_true(card->multiply_adds < 0 || !in->graph_after ||
                    in->multiply_adds == card->multiply_adds);
        assert_int_equal(in->inputs[0].dims[2], card->height);
        assert_int_equal(in->inputs[0].dims[3], card->width);
        stance_inspection_close(&in);
        assert_int_equal(stance_model_open(&model, at->name), 0);
        assert_int_equal(model_identify(&traits, model, NULL), 0);
        assert_string_equal(traits.family->name, card->family);
        bool pose = strcmp(at->name, "stance-pose") == 0;
        assert_int_equal(traits.family->role, pose ? MODEL_POSE : MODEL_DETECTOR);
        assert_int_equal(traits.keypoint_count, pose ? 17 : 0);
        assert_ptr_equal(traits.keypoint_set, pose ? stance_keypoint_set_find("coco17") : NULL);
        stance_model_close(&model);
        stance_card_close(&card);
    }
}

static void assert_finite(const struct trial *trial, const char *name)
{
    for (int i = 0; i < trial->output_count; i++) {
        const struct stance_tensor *out = &trial->outputs[i];
        int64_t count = stance_tensor_count(out);
        assert_int_equal(out->dtype, STANCE_FLOAT32);
        assert_true(count > 0);
        for (int64_t k = 0; k < count; k++)
            if (!isfinite(((const float *)out->data)[k]))
                fail_msg("%s: output %d, value %lld", name, i, (long long)k);
    }
}

/* On every tier, and from memory as from the file. */
static void test_outputs_are_finite_and_the_same_from_memory_and_file(void **state)
{
    for (const struct model_builtin *at = model_builtins; at->name; at++) {
        struct base_buffer bytes = {
            .data = (char *)(uintptr_t)at->onnx, .size = at->onnx_size, .limit = at->onnx_size};
        struct trial memory, file;
        struct trial_copy copy;
        char path[4096];
        snprintf(path, sizeof path, "%s/%s.onnx", BUILTIN_FOLDER, at->name);
        trial_parse(&memory, &bytes, 1);
        trial_parse(&file, &bytes, 1);
        stance_model_close(&file.model);
        assert_int_equal(stance_model_open(&file.model, path), 0);
        for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier)) {
            trial_session(&memory, tier, 1);
            trial_run(&memory);
            assert_finite(&memory, at->name);
            trial_copy(&memory, &copy);
            trial_session(&file, tier, 2);
            trial_run(&file);
            assert_true(trial_same(&file, &copy));
            trial_copy_close(&copy);
        }
        trial_close(&memory);
        trial_close(&file);
    }
}

static void test_every_41st_allocation_may_fail(void **state)
{
    for (const struct model_builtin *at = model_builtins; at->name; at++) {
        struct stance_model *model;
        assert_int_equal(stance_model_open(&model, at->name), 0);
        stance_model_close(&model);
        long count = base_alloc_count(), live = base_alloc_live();
        assert_int_equal(stance_model_open(&model, at->name), 0);
        stance_model_close(&model);
        count = base_alloc_count() - count;
        for (long n = 1; n <= count; n += 41) {
            base_alloc_fail_at(n, 0);
            int code = stance_model_open(&model, at->name);
            base_alloc_fail_at(0, 0);
            assert_int_equal(code, STANCE_ENOMEMORY);
            assert_null(model);
            assert_int_equal(base_alloc_live(), live);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_library_holds_the_files),
        cmocka_unit_test(test_a_name_opens_the_model_and_a_path_the_file),
        cmocka_unit_test(test_card_and_network_agree),
        cmocka_unit_test(test_outputs_are_finite_and_the_same_from_memory_and_file),
        cmocka_unit_test(test_every_41st_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
