/* Damaged and hostile ONNX files: an error sentence, never a crash, never memory left behind. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/memory.h"
#include "onnx/onnx_model.h"
#include "support/proto.h"

/* Reads a model and loads all its tensors, those of nested graphs too; errors are fine. */
static void load_graph(struct onnx_model *model, const struct onnx_graph *graph)
{
    struct tensor *tensor;
    for (size_t i = 0; i < graph->initializer_count; i++)
        if (onnx_tensor_load(model, &graph->initializers[i], &tensor) == 0)
            tensor_close(&tensor);
    for (size_t i = 0; i < graph->node_count; i++)
        for (size_t k = 0; k < graph->nodes[i].attribute_count; k++) {
            const struct onnx_attribute *attribute = &graph->nodes[i].attributes[k];
            if (attribute->t && onnx_tensor_load(model, attribute->t, &tensor) == 0)
                tensor_close(&tensor);
            if (attribute->g)
                load_graph(model, attribute->g);
        }
}

static int try_bytes(const void *data, size_t size)
{
    struct onnx_model *model;
    void *copy = base_alloc(size); /* its own block: the sanitiser sees reads beyond the end */
    assert_non_null(copy);
    memcpy(copy, data, size);
    int code = onnx_model_parse(&model, copy, size, NULL);
    if (code == 0)
        load_graph(model, model->graph);
    else
        assert_true(stance_error_text()[0] && !model);
    onnx_model_close(&model);
    base_free(copy);
    return code;
}

/* Parses and frees a model that was built by hand. */
static int try_model(struct base_buffer *model)
{
    int code = try_bytes(model->data, model->size);
    base_buffer_free(model);
    return code;
}

static void test_truncation_at_every_byte_is_an_error_or_a_smaller_model(void **state)
{
    long before = base_alloc_live();
    struct base_buffer model = proto_sample_model();
    for (size_t size = 0; size < model.size; size++)
        assert_int_not_equal(try_bytes(model.data, size), STANCE_ENOMEMORY);
    assert_int_equal(try_bytes(model.data, model.size), 0);
    assert_int_equal(try_bytes(model.data, model.size / 2), STANCE_EFORMAT);
    base_buffer_free(&model);
    assert_int_equal(base_alloc_live(), before);
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223; /* Numerical Recipes, section 7.1 */
    return *state >> 8;
}

static void test_flipped_bits_never_crash(void **state)
{
    struct base_buffer model = proto_sample_model();
    uint32_t random = 7;
    for (int i = 0; i < 1000; i++) {
        char saved[1 << 12];
        assert_true(model.size <= sizeof saved);
        memcpy(saved, model.data, model.size);
        for (uint32_t flips = 1 + next_random(&random) % 4; flips; flips--)
            model.data[next_random(&random) % model.size] ^= (char)(1 << next_random(&random) % 8);
        try_bytes(model.data, model.size);
        memcpy(model.data, saved, model.size);
    }
    base_buffer_free(&model);
}

/* A graph within an attribute within a node within a graph … */
static struct base_buffer nested_graph(int levels)
{
    struct base_buffer graph = proto_make();
    for (int i = 0; i < levels; i++) {
        struct base_buffer attribute = proto_make(), node = proto_make(), outer = proto_make();
        proto_message(&attribute, 6, &graph);
        proto_int(&attribute, 20, 5);
        proto_message(&node, 5, &attribute);
        proto_message(&outer, 1, &node);
        graph = outer;
    }
    return graph;
}

static void test_nesting_is_limited(void **state)
{
    struct base_buffer graph = nested_graph(10), model = proto_model(&graph);
    assert_int_equal(try_model(&model), 0);
    graph = nested_graph(5000 / 3);
    model = proto_model(&graph);
    assert_int_equal(try_model(&model), STANCE_ELIMIT);
    assert_non_null(strstr(stance_error_text(), "nested deeper"));
}

static void test_lists_are_limited(void **state)
{
    struct base_buffer graph = proto_make(), model;
    for (int i = 0; i <= ONNX_MAX_ENTRIES; i++)
        assert_int_equal(base_buffer_append(&graph, "\x0a\0", 2), 0); /* an empty node */
    model = proto_model(&graph);
    assert_int_equal(try_model(&model), STANCE_ELIMIT);
}

static int try_text(const char *bytes, size_t size)
{
    struct base_buffer graph = proto_make();
    assert_int_equal(base_buffer_append(&graph, bytes, size), 0);
    struct base_buffer model = proto_model(&graph);
    return try_model(&model);
}
#define TRY_TEXT(text) try_text(text, sizeof text - 1)

static void test_broken_wire_format_is_refused(void **state)
{
    assert_int_equal(TRY_TEXT("\x12\x01g"), 0);                /* name: "g" */
    assert_int_equal(TRY_TEXT("\x12\x02g"), STANCE_EFORMAT);   /* longer than the message */
    assert_int_equal(TRY_TEXT("\x10\x01"), STANCE_EFORMAT);    /* name as a number */
    assert_int_equal(TRY_TEXT("\x13"), STANCE_EFORMAT);        /* begin of a group */
    assert_int_equal(TRY_TEXT("\x14"), STANCE_EFORMAT);        /* end of a group */
    assert_int_equal(TRY_TEXT("\x16"), STANCE_EFORMAT);        /* wire type 6 */
    assert_int_equal(TRY_TEXT("\x02\x00"), STANCE_EFORMAT);    /* field number 0 */
    assert_int_equal(TRY_TEXT("\x12\x02g\0"), STANCE_EFORMAT); /* NUL in a name */
    assert_int_equal(TRY_TEXT("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"), STANCE_EFORMAT);
    assert_int_equal(TRY_TEXT("\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), STANCE_EFORMAT);
    assert_int_equal(TRY_TEXT("\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), STANCE_EFORMAT);
    assert_int_equal(TRY_TEXT("\x7a\x00"), STANCE_EUNSUPPORTED); /* a sparse initialiser */
}

static void test_a_file_without_one_graph_is_no_model(void **state)
{
    struct onnx_model *model;
    assert_int_equal(onnx_model_parse(&model, "", 0, NULL), STANCE_EFORMAT);
    assert_int_equal(try_bytes("\x08\x08", 2), STANCE_EFORMAT);
    assert_int_equal(try_bytes("\x3a\x00\x3a\x00", 4), STANCE_EFORMAT);
    assert_int_equal(try_bytes("GIF89a, not a model", 19), STANCE_EFORMAT);
}

/* A tensor of two floats whose parts the caller adds. */
static struct base_buffer begin_tensor(int dtype, int64_t dim)
{
    struct base_buffer tensor = proto_make();
    proto_string(&tensor, 8, "weight");
    proto_int(&tensor, 1, dim);
    proto_int(&tensor, 2, dtype);
    return tensor;
}

/* The code of reading, or of loading the first initialiser. */
static int try_tensor(struct base_buffer *tensor)
{
    struct base_buffer bytes = proto_model_of_tensor(tensor);
    struct onnx_model *model;
    struct tensor *loaded = NULL;
    int code = onnx_model_parse(&model, bytes.data, bytes.size, NULL);
    if (code == 0)
        code = onnx_tensor_load(model, &model->graph->initializers[0], &loaded);
    if (code < 0)
        assert_non_null(strstr(stance_error_text(), "'weight'"));
    tensor_close(&loaded);
    onnx_model_close(&model);
    base_buffer_free(&bytes);
    return code;
}

static int try_raw(int dtype, int64_t dim, size_t size)
{
    static const char zeros[64];
    struct base_buffer tensor = begin_tensor(dtype, dim);
    proto_bytes(&tensor, 9, zeros, size);
    return try_tensor(&tensor);
}

static void test_bytes_must_fit_the_shape(void **state)
{
    assert_int_equal(try_raw(STANCE_FLOAT32, 2, 8), 0);
    assert_int_equal(try_raw(STANCE_FLOAT32, 2, 7), STANCE_EFORMAT);
    assert_int_equal(try_raw(STANCE_FLOAT32, 2, 12), STANCE_EFORMAT);
    assert_int_equal(try_raw(STANCE_FLOAT32, 2, 0), STANCE_EFORMAT);
    assert_int_equal(try_raw(STANCE_FLOAT32, 0, 0), 0);
    assert_int_equal(try_raw(STANCE_FLOAT32, 0, 4), STANCE_EFORMAT);
    assert_int_equal(try_raw(STANCE_FLOAT32, -1, 4), STANCE_EFORMAT);
    assert_int_equal(try_raw(STANCE_FLOAT32, (int64_t)1 << 40, 4), STANCE_ELIMIT);
    assert_int_equal(try_raw(STANCE_FLOAT32, INT64_MAX, 4), STANCE_ELIMIT);
    assert_int_equal(try_raw(8 /* string */, 2, 8), STANCE_EUNSUPPORTED);
    assert_int_equal(try_raw(14 /* complex64 */, 1, 8), STANCE_EUNSUPPORTED);
    assert_int_equal(try_raw(17 /* float8 */, 8, 8), STANCE_EUNSUPPORTED);
    assert_int_equal(try_raw(0, 8, 8), STANCE_EUNSUPPORTED);
    assert_int_equal(try_raw(-3, 8, 8), STANCE_EFORMAT);
}

static void test_typed_values_must_fit_shape_and_type(void **state)
{
    struct base_buffer tensor = begin_tensor(STANCE_INT8, 2);
    proto_int(&tensor, 5, 127);
    assert_int_equal(try_tensor(&tensor), STANCE_EFORMAT); /* one value for two */
    tensor = begin_tensor(STANCE_INT8, 2);
    proto_int(&tensor, 5, 127);
    proto_int(&tensor, 5, 128);
    assert_int_equal(try_tensor(&tensor), STANCE_EFORMAT); /* out of range */
    tensor = begin_tensor(STANCE_BOOL, 1);
    proto_int(&tensor, 5, 2);
    assert_int_equal(try_tensor(&tensor), STANCE_EFORMAT);
    tensor = begin_tensor(STANCE_BOOL, 1);
    proto_bytes(&tensor, 9, "\2", 1);
    assert_int_equal(try_tensor(&tensor), STANCE_EFORMAT);
    tensor = begin_tensor(STANCE_INT8, 1);
    proto_int(&tensor, 7, 1);
    assert_int_equal(try_tensor(&tensor), STANCE_EFORMAT); /* int64_data for int8 */
    tensor = begin_tensor(STANCE_INT32, 1);
    proto_int(&tensor, 5, 1);
    proto_bytes(&tensor, 9, "1234", 4);
    assert_int_equal(try_tensor(&tensor), STANCE_EFORMAT); /* two places */
    tensor = begin_tensor(STANCE_FLOAT32, 1);
    proto_bytes(&tensor, 4, "123", 3);
    assert_int_equal(try_tensor(&tensor), STANCE_EFORMAT);
    tensor = begin_tensor(STANCE_INT32, 1);
    proto_bytes(&tensor, 5, "\x81", 1);
    assert_int_equal(try_tensor(&tensor), STANCE_EFORMAT);
    tensor = begin_tensor(STANCE_INT32, 1);
    proto_bytes(&tensor, 5, "\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x01", 11);
    assert_int_equal(try_tensor(&tensor), STANCE_EFORMAT);
}

static void test_rank_is_limited(void **state)
{
    struct base_buffer tensor = begin_tensor(STANCE_FLOAT32, 1);
    for (int i = 1; i < STANCE_MAX_RANK; i++)
        proto_int(&tensor, 1, 1);
    struct base_buffer larger = proto_make();
    assert_int_equal(base_buffer_append(&larger, tensor.data, tensor.size), 0);
    proto_bytes(&tensor, 9, "1234", 4);
    assert_int_equal(try_tensor(&tensor), 0);
    proto_int(&larger, 1, 1);
    assert_int_equal(try_tensor(&larger), STANCE_EUNSUPPORTED);
}

static void test_attributes_need_a_value(void **state)
{
    for (int type = -1; type <= 15; type++) {
        struct base_buffer attribute = proto_make(), node = proto_make(), graph = proto_make();
        proto_string(&attribute, 1, "a");
        proto_int(&attribute, 20, type);
        proto_message(&node, 5, &attribute);
        proto_message(&graph, 1, &node);
        struct base_buffer model = proto_model(&graph);
        bool bad = type <= 0 || type == ONNX_ATTRIBUTE_TENSOR || type == ONNX_ATTRIBUTE_GRAPH;
        assert_int_equal(try_model(&model), bad ? STANCE_EFORMAT : 0);
    }
}

static void test_out_of_memory_is_reported_and_leaves_nothing(void **state)
{
    struct base_buffer bytes = proto_sample_model();
    long before = base_alloc_live();
    int failures = 0, code = STANCE_ENOMEMORY;
    for (long n = 1; code == STANCE_ENOMEMORY; n++) {
        struct onnx_model *model;
        struct tensor *first = NULL, *typed = NULL;
        base_alloc_fail_at(n, 0);
        code = onnx_model_parse(&model, bytes.data, bytes.size, NULL);
        if (code == 0)
            code = onnx_tensor_load(model, &model->graph->initializers[0], &first);
        if (code == 0)
            code = onnx_tensor_load(model, &model->graph->initializers[2], &typed);
        base_alloc_fail_at(0, 0);
        failures += code < 0;
        tensor_close(&first);
        tensor_close(&typed);
        onnx_model_close(&model);
        assert_int_equal(base_alloc_live(), before);
    }
    assert_int_equal(code, 0);
    assert_true(failures >= 4);
    base_buffer_free(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truncation_at_every_byte_is_an_error_or_a_smaller_model),
        cmocka_unit_test(test_flipped_bits_never_crash),
        cmocka_unit_test(test_nesting_is_limited),
        cmocka_unit_test(test_lists_are_limited),
        cmocka_unit_test(test_broken_wire_format_is_refused),
        cmocka_unit_test(test_a_file_without_one_graph_is_no_model),
        cmocka_unit_test(test_bytes_must_fit_the_shape),
        cmocka_unit_test(test_typed_values_must_fit_shape_and_type),
        cmocka_unit_test(test_rank_is_limited),
        cmocka_unit_test(test_attributes_need_a_value),
        cmocka_unit_test(test_out_of_memory_is_reported_and_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
