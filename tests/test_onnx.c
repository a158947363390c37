/* Reading ONNX files: what the writer writes, what other exporters write, real networks. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/memory.h"
#include "onnx/onnx_model.h"
#include "onnx/onnx_write.h"
#include "support/proto.h"
#include "support/support.h"

static struct onnx_model *parse(const struct base_buffer *bytes)
{
    struct onnx_model *model;
    int code = onnx_model_parse(&model, bytes->data, bytes->size, NULL);
    if (code < 0)
        fail_msg("%s", stance_error_text());
    return model;
}

static void assert_string(struct onnx_string string, const char *text)
{
    if (!onnx_string_equal(string, text))
        fail_msg("'%.*s' where '%s' should be", ONNX_TEXT(string), text);
}

static const struct onnx_attribute *find(const struct onnx_node *node, const char *name)
{
    for (size_t i = 0; i < node->attribute_count; i++)
        if (onnx_string_equal(node->attributes[i].name, name))
            return &node->attributes[i];
    fail_msg("no attribute '%s'", name);
    return NULL;
}

static void check_attributes(const struct onnx_node *node)
{
    static const int64_t ints[] = {-1, 3, 8, 8};
    static const float floats[] = {0.5f, -1, 2, 4};
    assert_int_equal(node->attribute_count, 7);
    assert_int_equal(find(node, "int")->type, ONNX_ATTRIBUTE_INT);
    assert_int_equal(find(node, "int")->i, -5);
    assert_true(find(node, "float")->f == 0.25f);
    assert_string(find(node, "string")->s, "constant");
    const struct onnx_attribute *list = find(node, "ints");
    assert_int_equal(list->type, ONNX_ATTRIBUTE_INTS);
    assert_int_equal(list->count, 4);
    assert_memory_equal(list->ints, ints, sizeof ints);
    list = find(node, "floats");
    assert_int_equal(list->count, 4);
    assert_memory_equal(list->floats, floats, sizeof floats);
    list = find(node, "strings");
    assert_int_equal(list->count, 2);
    assert_string(list->strings[1], "two");
    assert_int_equal(find(node, "tensor")->type, ONNX_ATTRIBUTE_TENSOR);
    assert_int_equal(find(node, "tensor")->t->rank, 2);
}

static void test_every_part_of_a_model_is_read(void **state)
{
    struct base_buffer bytes = proto_sample_model();
    struct onnx_model *model = parse(&bytes);
    const struct onnx_graph *graph = model->graph;
    assert_int_equal(model->ir_version, 8);
    assert_string(model->producer, "stance");
    assert_int_equal(onnx_model_opset(model, ""), 17);
    assert_int_equal(onnx_model_opset(model, "com.example"), 1);
    assert_int_equal(onnx_model_opset(model, "other"), 0);
    assert_string(*onnx_model_property(model, "key"), "value");
    assert_null(onnx_model_property(model, "no"));
    assert_int_equal(graph->node_count, 3);
    assert_int_equal(graph->initializer_count, 3);
    assert_int_equal(graph->input_count, 1);
    assert_int_equal(graph->output_count, 1);
    assert_int_equal(graph->value_info_count, 1);
    const struct onnx_value_info *input = &graph->inputs[0];
    assert_string(input->name, "x");
    assert_int_equal(input->dtype, STANCE_FLOAT32);
    assert_true(input->is_tensor && input->has_shape);
    assert_int_equal(input->rank, 4);
    assert_int_equal(input->dims[0].value, -1);
    assert_string(input->dims[0].symbol, "x_0");
    assert_int_equal(input->dims[1].value, 3);
    const struct onnx_node *node = &graph->nodes[0];
    assert_string(node->type, "Everything");
    assert_string(node->domain, "com.example");
    assert_string(node->name, "first");
    assert_int_equal(node->input_count, 3);
    assert_string(node->inputs[1], "");
    assert_string(node->inputs[2], "weight");
    check_attributes(node);
    const struct onnx_attribute *body = find(&graph->nodes[1], "body");
    assert_int_equal(body->type, ONNX_ATTRIBUTE_GRAPH);
    assert_string(body->g->nodes[0].type, "Constant");
    onnx_model_close(&model);
    assert_null(model);
    base_buffer_free(&bytes);
}

static const int dtypes[] = {STANCE_FLOAT32, STANCE_UINT8,   STANCE_INT8,   STANCE_UINT16,
                             STANCE_INT16,   STANCE_INT32,   STANCE_INT64,  STANCE_BOOL,
                             STANCE_FLOAT16, STANCE_FLOAT64, STANCE_UINT32, STANCE_UINT64,
                             STANCE_BFLOAT16};
enum { DTYPES = sizeof dtypes / sizeof dtypes[0] };

/* Six values that each type can hold. */
static struct tensor *make_values(int dtype)
{
    const struct tensor_shape shape = {2, {2, 3}};
    struct tensor *tensor;
    assert_int_equal(tensor_open(&tensor, dtype, &shape), 0);
    bool sign = dtype != STANCE_BOOL && dtype != STANCE_UINT8 && dtype != STANCE_UINT16 &&
                dtype != STANCE_UINT32 && dtype != STANCE_UINT64;
    for (int i = 0; i < 6; i++)
        tensor_set(&tensor->view, i, dtype == STANCE_BOOL ? i % 2 : sign ? 3 - 20 * i : 20 * i);
    return tensor;
}

static void assert_same_tensor(const struct stance_tensor *a, const struct stance_tensor *b)
{
    assert_int_equal(a->dtype, b->dtype);
    assert_int_equal(a->rank, b->rank);
    assert_memory_equal(a->dims, b->dims, (size_t)a->rank * sizeof a->dims[0]);
    assert_memory_equal(a->data, b->data, tensor_bytes(a));
}

static void test_raw_values_of_every_type_come_back(void **state)
{
    for (int i = 0; i < DTYPES; i++) {
        struct tensor *values = make_values(dtypes[i]), *loaded;
        struct onnx_writer writer;
        struct base_buffer bytes = proto_make();
        onnx_writer_init(&writer, 1 << 16);
        onnx_writer_initializer(&writer, "w", &values->view);
        assert_int_equal(onnx_writer_finish(&writer, &bytes), 0);
        onnx_writer_free(&writer);
        struct onnx_model *model = parse(&bytes);
        assert_int_equal(onnx_tensor_load(model, &model->graph->initializers[0], &loaded), 0);
        onnx_model_close(&model);
        assert_same_tensor(&loaded->view, &values->view);
        tensor_close(&loaded);
        tensor_close(&values);
        base_buffer_free(&bytes);
    }
}

/* The field of the TensorProto that holds a type, as onnx.proto says. */
static int field_of(int dtype)
{
    switch (dtype) {
    case STANCE_FLOAT32: return 4;
    case STANCE_INT64: return 7;
    case STANCE_FLOAT64: return 10;
    case STANCE_UINT32:
    case STANCE_UINT64: return 11;
    default: return 5;
    }
}

static uint64_t bits_of(const struct stance_tensor *values, int64_t i)
{
    if (values->dtype == STANCE_FLOAT16 || values->dtype == STANCE_BFLOAT16)
        return ((const uint16_t *)values->data)[i];
    return (uint64_t)tensor_int(values, i);
}

static void put_typed(struct base_buffer *tensor, const struct stance_tensor *values, bool packed)
{
    struct base_buffer list = proto_make();
    int field = field_of(values->dtype);
    size_t element = stance_dtype_size(values->dtype);
    bool fixed = field == 4 || field == 10;
    for (int i = 0; i < 6; i++) {
        const char *value = (const char *)values->data + (size_t)i * element;
        if (!packed)
            proto_varint(tensor, (uint64_t)field << 3 | (field == 4 ? 5 : field == 10 ? 1 : 0));
        if (fixed)
            assert_int_equal(base_buffer_append(packed ? &list : tensor, value, element), 0);
        else
            proto_varint(packed ? &list : tensor, bits_of(values, i));
    }
    if (packed)
        proto_message(tensor, field, &list);
}

static void test_typed_values_of_every_type_are_decoded(void **state)
{
    for (int i = 0; i < 2 * DTYPES; i++) {
        struct tensor *values = make_values(dtypes[i / 2]), *loaded;
        struct base_buffer tensor = proto_make(), dims = proto_make();
        proto_varint(&dims, 2);
        proto_varint(&dims, 3);
        proto_message(&tensor, 1, &dims); /* packed dims */
        proto_int(&tensor, 2, dtypes[i / 2]);
        put_typed(&tensor, &values->view, i % 2);
        struct base_buffer bytes = proto_model_of_tensor(&tensor);
        struct onnx_model *model = parse(&bytes);
        assert_int_equal(model->graph->initializers[0].storage, ONNX_TYPED);
        if (onnx_tensor_load(model, &model->graph->initializers[0], &loaded) < 0)
            fail_msg("%s", stance_error_text());
        assert_same_tensor(&loaded->view, &values->view);
        tensor_close(&loaded);
        tensor_close(&values);
        onnx_model_close(&model);
        base_buffer_free(&bytes);
    }
}

static void test_packed_attribute_lists_are_read(void **state)
{
    static const float floats[] = {1, 2};
    struct base_buffer attribute = proto_make(), list = proto_make();
    proto_varint(&list, 7);
    proto_varint(&list, UINT64_MAX);
    proto_string(&attribute, 1, "ints");
    proto_message(&attribute, 8, &list);
    proto_int(&attribute, 8, 300); /* both forms in one list */
    proto_bytes(&attribute, 7, floats, sizeof floats);
    proto_int(&attribute, 20, 7);
    struct base_buffer node = proto_make(), graph = proto_make();
    proto_message(&node, 5, &attribute);
    proto_message(&graph, 1, &node);
    struct base_buffer bytes = proto_model(&graph);
    struct onnx_model *model = parse(&bytes);
    const struct onnx_attribute *read = &model->graph->nodes[0].attributes[0];
    assert_int_equal(read->type, ONNX_ATTRIBUTE_INTS);
    assert_int_equal(read->count, 3);
    assert_int_equal(read->ints[0], 7);
    assert_int_equal(read->ints[1], -1);
    assert_int_equal(read->ints[2], 300);
    onnx_model_close(&model);
    base_buffer_free(&bytes);
}

static void test_type_of_an_old_attribute_is_inferred(void **state)
{
    struct base_buffer node = proto_make(), graph = proto_make(), attribute = proto_make();
    proto_string(&attribute, 1, "axis");
    proto_int(&attribute, 3, 2);
    proto_message(&node, 5, &attribute);
    proto_string(&attribute, 1, "pads");
    proto_int(&attribute, 8, 0);
    proto_int(&attribute, 8, 1);
    proto_message(&node, 5, &attribute);
    proto_message(&graph, 1, &node);
    struct base_buffer bytes = proto_model(&graph);
    struct onnx_model *model = parse(&bytes);
    assert_int_equal(model->graph->nodes[0].attributes[0].type, ONNX_ATTRIBUTE_INT);
    assert_int_equal(model->graph->nodes[0].attributes[1].type, ONNX_ATTRIBUTE_INTS);
    assert_int_equal(model->graph->nodes[0].attributes[1].count, 2);
    onnx_model_close(&model);
    base_buffer_free(&bytes);
}

static void test_unknown_fields_are_skipped(void **state)
{
    struct base_buffer graph = proto_make(), bytes;
    proto_int(&graph, 1000, 5);
    proto_float(&graph, 1001, 5);
    proto_string(&graph, 536870911, "largest field number");
    proto_varint(&graph, 1002 << 3 | 1);
    assert_int_equal(base_buffer_append(&graph, "12345678", 8), 0);
    proto_string(&graph, 2, "name");
    bytes = proto_model(&graph);
    proto_string(&bytes, 99, "later version");
    struct onnx_model *model = parse(&bytes);
    assert_string(model->graph->name, "name");
    onnx_model_close(&model);
    base_buffer_free(&bytes);
}

static void test_ai_onnx_is_the_empty_domain(void **state)
{
    struct base_buffer graph = proto_make(), node = proto_make(), opset = proto_make();
    proto_string(&node, 7, "ai.onnx");
    proto_message(&graph, 1, &node);
    struct base_buffer bytes = proto_make();
    proto_string(&opset, 1, "ai.onnx");
    proto_int(&opset, 2, 11);
    proto_message(&bytes, 8, &opset);
    proto_message(&bytes, 7, &graph);
    struct onnx_model *model = parse(&bytes);
    assert_int_equal(onnx_model_opset(model, ""), 11);
    assert_string(model->graph->nodes[0].domain, "");
    onnx_model_close(&model);
    base_buffer_free(&bytes);
}

static void test_aligned_values_are_shared_and_keep_the_model(void **state)
{
    long before = base_alloc_live();
    struct base_buffer bytes = proto_sample_model();
    struct onnx_model *model = parse(&bytes);
    for (int shift = 0; shift < 4; shift++) {
        /* moving the file by one byte moves the values through all alignments */
        char *moved = base_alloc(bytes.size + 4);
        memcpy(moved + shift, bytes.data, bytes.size);
        struct onnx_model *copy;
        struct tensor *tensor;
        assert_int_equal(onnx_model_parse(&copy, moved + shift, bytes.size, NULL), 0);
        const struct onnx_tensor *weight = &copy->graph->initializers[0];
        const unsigned char *data = weight->data;
        assert_int_equal(onnx_tensor_load(copy, weight, &tensor), 0);
        onnx_model_close(&copy);
        assert_int_equal((uintptr_t)data % 4 == 0, tensor->view.data == (const void *)data);
        assert_true(((float *)tensor->view.data)[3] == 4);
        tensor_close(&tensor);
        base_free(moved);
    }
    onnx_model_close(&model);
    base_buffer_free(&bytes);
    assert_int_equal(base_alloc_live(), before);
}

static void test_real_networks_are_read(void **state)
{
    static const struct {
        const char *path;
        size_t nodes;
    } models[] = {
        {"data/models/hand_keypoint_classifier.onnx", 1},
        {"data/models/rtmdet_nano_person_320_rawhead.onnx", 100},
        {"data/models/rtmdet_nano_person_640_rawhead.onnx", 100},
        {"data/models/simplepose_opset9.onnx", 10},
        {"data/models/stgcnpp_hagrid_gesture40.onnx", 10},
        {"data/models/yolox_nano_coco80_416.onnx", 100},
    };
    char path[1024];
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        struct onnx_model *model;
        if (!support_shared_path(path, sizeof path, models[i].path))
            skip();
        if (onnx_model_open(&model, path) < 0)
            fail_msg("%s", stance_error_text());
        assert_true(model->graph->node_count >= models[i].nodes);
        assert_true(onnx_model_opset(model, "") >= 7);
        for (size_t k = 0; k < model->graph->initializer_count; k++) {
            struct tensor *tensor;
            if (onnx_tensor_load(model, &model->graph->initializers[k], &tensor) < 0)
                fail_msg("%s", stance_error_text());
            tensor_close(&tensor);
        }
        onnx_model_close(&model);
    }
}

static void test_seeded_weights_are_those_of_the_formula(void **state)
{
    /* numpy's result for data_bn.weight of stgcn */
    static const float wanted[] = {0x1.054ef0p+0f, 0x1.d55994p-1f, 0x1.3cefdep+0f};
    char path[1024];
    struct onnx_model *model;
    struct tensor *tensor;
    bool found = false;
    if (!support_synth_model("stgcn", path, sizeof path))
        skip();
    assert_int_equal(onnx_model_open(&model, path), 0);
    for (size_t i = 0; i < model->graph->initializer_count && !found; i++) {
        const struct onnx_tensor *weight = &model->graph->initializers[i];
        if (!onnx_string_equal(weight->name, "data_bn.weight"))
            continue;
        found = true;
        assert_int_equal(onnx_tensor_load(model, weight, &tensor), 0);
        assert_memory_equal(tensor->view.data, wanted, sizeof wanted);
        tensor_close(&tensor);
    }
    assert_true(found);
    onnx_model_close(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_part_of_a_model_is_read),
        cmocka_unit_test(test_raw_values_of_every_type_come_back),
        cmocka_unit_test(test_typed_values_of_every_type_are_decoded),
        cmocka_unit_test(test_packed_attribute_lists_are_read),
        cmocka_unit_test(test_type_of_an_old_attribute_is_inferred),
        cmocka_unit_test(test_unknown_fields_are_skipped),
        cmocka_unit_test(test_ai_onnx_is_the_empty_domain),
        cmocka_unit_test(test_aligned_values_are_shared_and_keep_the_model),
        cmocka_unit_test(test_real_networks_are_read),
        cmocka_unit_test(test_seeded_weights_are_those_of_the_formula),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
