/* External data of ONNX models: read from files next to the model, never from elsewhere. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "onnx/onnx_model.h"
#include "support/proto.h"
#include "support/support.h"

static const float values[] = {1, 2, 3, 4};

static char folder[1024], outside[1024];

static void join(char *path, size_t size, const char *top, const char *name)
{
    assert_in_range(snprintf(path, size, "%s/%s", top, name), 1, size - 1);
}

static int make_files(void **state)
{
    char path[2048], link[2048];
    join(folder, sizeof folder, support_temp_folder(), "model");
    join(outside, sizeof outside, support_temp_folder(), "secret.bin");
    join(path, sizeof path, folder, "sub");
    assert_int_equal(base_file_make_folder(path), 0);
    assert_int_equal(base_file_write(outside, values, sizeof values), 0);
    join(path, sizeof path, folder, "weights.bin");
    assert_int_equal(base_file_write(path, values, sizeof values), 0);
    join(path, sizeof path, folder, "sub/weights.bin");
    assert_int_equal(base_file_write(path, values, sizeof values), 0);
    join(link, sizeof link, folder, "inside-link.bin");
    assert_int_equal(symlink("weights.bin", link), 0);
    join(link, sizeof link, folder, "outside-link.bin");
    assert_int_equal(symlink("../secret.bin", link), 0);
    join(link, sizeof link, folder, "folder-link");
    assert_int_equal(symlink("..", link), 0);
    return 0;
}

static void add_entry(struct base_buffer *tensor, const char *key, const char *value)
{
    struct base_buffer entry = proto_make();
    if (!value)
        return;
    proto_string(&entry, 1, key);
    proto_string(&entry, 2, value);
    proto_message(tensor, 13, &entry);
}

/* A model with one external tensor of `count` floats. */
static struct base_buffer make_model(int64_t count, const char *location, const char *offset,
                                     const char *length)
{
    struct base_buffer tensor = proto_make();
    proto_int(&tensor, 1, count);
    proto_int(&tensor, 2, STANCE_FLOAT32);
    proto_string(&tensor, 8, "weight");
    add_entry(&tensor, "location", location);
    add_entry(&tensor, "offset", offset);
    add_entry(&tensor, "length", length);
    add_entry(&tensor, "checksum", "ignored");
    proto_int(&tensor, 14, 1);
    return proto_model_of_tensor(&tensor);
}

/* Loads the tensor; returns its first value, or the error code. */
static int try_external(int64_t count, const char *location, const char *offset, const char *length)
{
    struct base_buffer bytes = make_model(count, location, offset, length);
    struct onnx_model *model;
    struct tensor *tensor = NULL;
    int code = onnx_model_parse(&model, bytes.data, bytes.size, folder);
    if (code == 0)
        code = onnx_tensor_load(model, &model->graph->initializers[0], &tensor);
    onnx_model_close(&model);
    if (code == 0)
        code = (int)((const float *)tensor->view.data)[0];
    else
        assert_non_null(strstr(stance_error_text(), "weight"));
    tensor_close(&tensor);
    base_buffer_free(&bytes);
    return code;
}

static void test_values_are_read_at_their_offset(void **state)
{
    long before = base_alloc_live();
    assert_int_equal(try_external(4, "weights.bin", NULL, NULL), 1);
    assert_int_equal(try_external(2, "weights.bin", "4", "8"), 2);
    assert_int_equal(try_external(1, "weights.bin", "12", NULL), 4);
    assert_int_equal(try_external(4, "sub/weights.bin", "0", "16"), 1);
    assert_int_equal(try_external(4, "./sub//weights.bin", "0", "16"), 1);
    assert_int_equal(try_external(4, "inside-link.bin", NULL, NULL), 1);
    assert_int_equal(base_alloc_live(), before);
}

static void test_nothing_outside_the_folder_is_read(void **state)
{
    assert_int_equal(try_external(4, outside, NULL, NULL), STANCE_EFORMAT);
    assert_int_equal(try_external(4, "../secret.bin", NULL, NULL), STANCE_EFORMAT);
    assert_int_equal(try_external(4, "sub/../../secret.bin", NULL, NULL), STANCE_EFORMAT);
    assert_int_equal(try_external(4, "sub/../weights.bin", NULL, NULL), STANCE_EFORMAT);
    assert_int_equal(try_external(4, "..", NULL, NULL), STANCE_EFORMAT);
    assert_int_equal(try_external(4, "outside-link.bin", NULL, NULL), STANCE_EFORMAT);
    assert_int_equal(try_external(4, "folder-link/secret.bin", NULL, NULL), STANCE_EFORMAT);
    assert_int_equal(try_external(4, "folder-link/model/weights.bin", NULL, NULL), 1);
}

static void test_wrong_places_are_refused(void **state)
{
    assert_int_equal(try_external(4, "missing.bin", NULL, NULL), STANCE_ENOTFOUND);
    assert_int_equal(try_external(4, "sub", NULL, NULL), STANCE_EIO);
    assert_int_equal(try_external(4, NULL, NULL, NULL), STANCE_EFORMAT);
    assert_int_equal(try_external(4, "", NULL, NULL), STANCE_EFORMAT);
    assert_int_equal(try_external(4, "weights.bin", "4", NULL), STANCE_EFORMAT);
    assert_int_equal(try_external(4, "weights.bin", "0", "12"), STANCE_EFORMAT);
    assert_int_equal(try_external(4, "weights.bin", "4", "16"), STANCE_EFORMAT);
    assert_int_equal(try_external(4, "weights.bin", "100", "16"), STANCE_EFORMAT);
    assert_int_equal(try_external(4, "weights.bin", "9223372036854775807", "16"), STANCE_EFORMAT);
    assert_int_equal(try_external(4, "weights.bin", "0", "9223372036854775807"), STANCE_EFORMAT);
    assert_int_equal(try_external(4, "weights.bin", "-4", "16"), STANCE_EFORMAT);
    assert_int_equal(try_external(4, "weights.bin", "zero", "16"), STANCE_EFORMAT);
    assert_int_equal(try_external(4, "weights.bin", "", "16"), STANCE_EFORMAT);
}

static void test_a_model_from_memory_has_no_folder(void **state)
{
    struct base_buffer bytes = make_model(4, "weights.bin", NULL, NULL);
    struct onnx_model *model;
    struct tensor *tensor;
    assert_int_equal(onnx_model_parse(&model, bytes.data, bytes.size, NULL), 0);
    assert_int_equal(onnx_tensor_load(model, &model->graph->initializers[0], &tensor),
                     STANCE_EUNSUPPORTED);
    onnx_model_close(&model);
    base_buffer_free(&bytes);
}

static void test_a_model_file_finds_its_data_and_shares_it(void **state)
{
    struct base_buffer bytes = make_model(4, "weights.bin", NULL, NULL);
    struct onnx_model *model;
    struct tensor *first, *second;
    char path[2048];
    join(path, sizeof path, folder, "model.onnx");
    assert_int_equal(base_file_write(path, bytes.data, bytes.size), 0);
    base_buffer_free(&bytes);
    assert_int_equal(onnx_model_open(&model, path), 0);
    assert_int_equal(onnx_tensor_load(model, &model->graph->initializers[0], &first), 0);
    assert_int_equal(onnx_tensor_load(model, &model->graph->initializers[0], &second), 0);
    onnx_model_close(&model);
    assert_ptr_equal(first->view.data, second->view.data);
    tensor_close(&first);
    assert_memory_equal(second->view.data, values, sizeof values);
    tensor_close(&second);
}

static void *load_often(void *context)
{
    struct onnx_model *model = context;
    struct tensor *tensor;
    intptr_t bad = 0;
    for (int i = 0; i < 200; i++) {
        if (onnx_tensor_load(model, &model->graph->initializers[0], &tensor) < 0) {
            bad++;
            continue;
        }
        bad += memcmp(tensor->view.data, values, sizeof values) != 0;
        tensor_close(&tensor);
    }
    onnx_model_close(&model);
    return (void *)bad;
}

static void test_threads_share_one_model(void **state)
{
    long before = base_alloc_live();
    struct base_buffer bytes = make_model(4, "weights.bin", NULL, NULL);
    struct onnx_model *model;
    pthread_t threads[3];
    void *bad;
    assert_int_equal(onnx_model_parse(&model, bytes.data, bytes.size, folder), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, load_often, onnx_model_keep(model)), 0);
    onnx_model_close(&model);
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], &bad);
        assert_null(bad);
    }
    base_buffer_free(&bytes);
    assert_int_equal(base_alloc_live(), before);
}

static void test_a_missing_model_is_not_found(void **state)
{
    struct onnx_model *model;
    assert_int_equal(onnx_model_open(&model, "no/such/model.onnx"), STANCE_ENOTFOUND);
    assert_null(model);
    assert_non_null(strstr(stance_error_text(), "no/such/model.onnx"));
    assert_int_equal(onnx_model_open(&model, folder), STANCE_EIO);
    assert_int_equal(onnx_model_open(&model, outside), STANCE_EFORMAT);
    assert_non_null(strstr(stance_error_text(), outside));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_are_read_at_their_offset),
        cmocka_unit_test(test_nothing_outside_the_folder_is_read),
        cmocka_unit_test(test_wrong_places_are_refused),
        cmocka_unit_test(test_a_model_from_memory_has_no_folder),
        cmocka_unit_test(test_a_model_file_finds_its_data_and_shares_it),
        cmocka_unit_test(test_threads_share_one_model),
        cmocka_unit_test(test_a_missing_model_is_not_found),
    };
    return cmocka_run_group_tests(tests, make_files, NULL);
}
