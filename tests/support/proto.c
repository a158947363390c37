/* Protobuf fields by hand. Field numbers are those of onnx.proto. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "onnx/onnx_write.h"
#include "support/proto.h"

struct base_buffer proto_make(void)
{
    struct base_buffer buffer;
    base_buffer_init(&buffer, (size_t)64 << 20);
    return buffer;
}

static void append(struct base_buffer *out, const void *data, size_t size)
{
    assert_int_equal(base_buffer_append(out, data, size), 0);
}

void proto_varint(struct base_buffer *out, uint64_t value)
{
    do {
        unsigned char byte = (unsigned char)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
        append(out, &byte, 1);
        value >>= 7;
    } while (value);
}

void proto_int(struct base_buffer *out, int field, int64_t value)
{
    proto_varint(out, (uint64_t)field << 3);
    proto_varint(out, (uint64_t)value);
}

void proto_float(struct base_buffer *out, int field, float value)
{
    proto_varint(out, (uint64_t)field << 3 | 5);
    append(out, &value, 4);
}

void proto_bytes(struct base_buffer *out, int field, const void *data, size_t size)
{
    proto_varint(out, (uint64_t)field << 3 | 2);
    proto_varint(out, size);
    append(out, data, size);
}

void proto_string(struct base_buffer *out, int field, const char *text)
{
    proto_bytes(out, field, text, strlen(text));
}

void proto_message(struct base_buffer *out, int field, struct base_buffer *message)
{
    proto_bytes(out, field, message->data, message->size);
    base_buffer_free(message);
}

struct base_buffer proto_model(struct base_buffer *graph)
{
    struct base_buffer model = proto_make(), opset = proto_make();
    proto_int(&model, 1, 8);
    proto_int(&opset, 2, 17);
    proto_message(&model, 8, &opset);
    proto_message(&model, 7, graph);
    return model;
}

struct base_buffer proto_model_of_tensor(struct base_buffer *tensor)
{
    struct base_buffer graph = proto_make();
    proto_message(&graph, 5, tensor);
    return proto_model(&graph);
}

/* An attribute that holds a graph with one node. */
static struct base_buffer graph_attribute(void)
{
    struct base_buffer attribute = proto_make(), graph = proto_make(), node = proto_make();
    proto_string(&node, 2, "inner");
    proto_string(&node, 4, "Constant");
    proto_message(&graph, 1, &node);
    proto_string(&attribute, 1, "body");
    proto_message(&attribute, 6, &graph);
    proto_int(&attribute, 20, 5);
    return attribute;
}

static void add_hand_made(struct base_buffer *graph)
{
    struct base_buffer tensor = proto_make(), node = proto_make(), body = graph_attribute();
    static const float values[] = {1, 2, 3};
    proto_int(&tensor, 1, 3);
    proto_int(&tensor, 2, 1);
    proto_string(&tensor, 8, "typed");
    proto_bytes(&tensor, 4, values, sizeof values);
    proto_message(graph, 5, &tensor);
    proto_string(&node, 4, "Loop");
    proto_message(&node, 5, &body);
    proto_message(graph, 1, &node);
}

struct base_buffer proto_sample_model(void)
{
    static const int64_t dims[] = {-1, 3, 8, 8}, shape[] = {4};
    static const float floats[] = {0.5f, -1, 2, 4};
    static const char *const strings[] = {"one", "two"};
    const struct stance_tensor weight = {STANCE_FLOAT32, 2, {2, 2}, (void *)(uintptr_t)floats};
    const struct stance_tensor index = {STANCE_INT64, 1, {4}, (void *)(uintptr_t)dims};
    struct onnx_writer writer;
    struct base_buffer model = proto_make();
    onnx_writer_init(&writer, 1 << 16);
    onnx_writer_opset(&writer, "", 17);
    onnx_writer_opset(&writer, "com.example", 1);
    onnx_writer_property(&writer, "key", "value");
    onnx_writer_input(&writer, "x", STANCE_FLOAT32, 4, dims);
    onnx_writer_output(&writer, "y", STANCE_FLOAT32, 4, dims);
    onnx_writer_value(&writer, "z", STANCE_FLOAT32, 1, shape);
    onnx_writer_initializer(&writer, "weight", &weight);
    onnx_writer_initializer(&writer, "index", &index);
    onnx_writer_node(&writer, "Everything", "first", "x,,weight", "y");
    onnx_writer_domain(&writer, "com.example");
    onnx_writer_int(&writer, "int", -5);
    onnx_writer_float(&writer, "float", 0.25f);
    onnx_writer_string(&writer, "string", "constant");
    onnx_writer_ints(&writer, "ints", dims, 4);
    onnx_writer_floats(&writer, "floats", floats, 4);
    onnx_writer_strings(&writer, "strings", strings, 2);
    onnx_writer_tensor(&writer, "tensor", &weight);
    onnx_writer_node(&writer, "Relu", "", "y", "z");
    add_hand_made(&writer.graph);
    assert_int_equal(onnx_writer_finish(&writer, &model), 0);
    onnx_writer_free(&writer);
    return model;
}
