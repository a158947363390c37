/* The recipe of a random network: values, nodes, constants, and writing them down. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "onnx/onnx_write.h"
#include "support/random_graph.h"

/* splitmix64 (Steele, Lea and Flood 2014). */
static uint64_t noise(struct random_graph *graph)
{
    uint64_t z = graph->state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

int64_t random_int(struct random_graph *graph, int64_t low, int64_t high)
{
    return low + (int64_t)(noise(graph) % (uint64_t)(high - low + 1));
}

bool random_chance(struct random_graph *graph, int percent)
{
    return random_int(graph, 0, 99) < percent;
}

float random_float(struct random_graph *graph)
{
    return (float)random_int(graph, -(1 << 20), 1 << 20) / (float)(1 << 20);
}

/* In a hostile graph now and then an absurd number instead of a sensible one. */
static int64_t maybe_absurd(struct random_graph *graph, int64_t value)
{
    static const int64_t absurd[] = {
        INT64_MIN, INT64_MIN + 1, INT64_MAX, INT64_MAX - 1, -1, 0, INT32_MAX,  INT32_MIN,
        1 << 20,   -(1 << 20),    1LL << 32, 1LL << 62,     -2, 7, UINT32_MAX, (1 << 24) - 1};
    if (!graph->hostile || !random_chance(graph, 12))
        return value;
    return absurd[random_int(graph, 0, sizeof absurd / sizeof absurd[0] - 1)];
}

static void add_input(struct random_graph *graph, int rank)
{
    static const int64_t channels[] = {1, 3, 5, 8, 9, 16, 17, 24, 32, 33};
    struct random_value *value = &graph->values[graph->value_count];
    *value =
        (struct random_value){.dtype = STANCE_FLOAT32, .rank = rank, .exact = true, .tame = true};
    snprintf(value->name, sizeof value->name, "x%d", graph->value_count++);
    for (int i = 0; i < rank; i++)
        value->dims[i] = random_int(graph, 1, 13);
    value->dims[0] = random_int(graph, 1, 3);
    if (rank > 2)
        value->dims[1] = channels[random_int(graph, 0, 9)];
    if (graph->hostile && random_chance(graph, 20))
        value->dims[random_int(graph, 0, rank - 1)] = 0;
    graph->input_count++;
}

void random_graph_init(struct random_graph *graph, uint64_t seed, bool hostile)
{
    static const int opsets[] = {9, 11, 13, 17, 18};
    memset(graph, 0, sizeof *graph);
    graph->state = seed * 0x2545f4914f6cdd1d + hostile;
    graph->hostile = hostile;
    graph->opset = opsets[random_int(graph, 0, 4)];
    graph->open_dims = random_chance(graph, 30);
    add_input(graph, 4);
    if (random_chance(graph, 40))
        add_input(graph, (int)random_int(graph, 2, 4));
}

void random_graph_free(struct random_graph *graph)
{
    for (int i = 0; i < graph->constant_count; i++)
        free(graph->constants[i].tensor.data);
    graph->constant_count = 0;
}

/* ---- Building a node ------------------------------------------------------------------------- */

static struct random_node *open_node(struct random_graph *graph)
{
    return &graph->nodes[graph->node_count - 1];
}

void random_node(struct random_graph *graph, const char *type)
{
    assert_in_range(graph->node_count, 0, RANDOM_NODES - 1);
    graph->nodes[graph->node_count++] = (struct random_node){.type = type, .output_count = 1};
}

void random_input(struct random_graph *graph, const char *name)
{
    char *inputs = open_node(graph)->inputs;
    size_t used = strlen(inputs), length = strlen(name);
    assert_in_range(used + length, 0, sizeof open_node(graph)->inputs - 2);
    if (used)
        inputs[used++] = ',';
    memcpy(inputs + used, name, length + 1);
}

void random_outputs(struct random_graph *graph, int count)
{
    open_node(graph)->output_count = count;
}

static struct stance_tensor *add_constant(struct random_graph *graph, int dtype, int rank,
                                          const int64_t *dims)
{
    assert_in_range(graph->constant_count, 0, RANDOM_CONSTANTS - 1);
    struct random_constant *constant = &graph->constants[graph->constant_count];
    snprintf(constant->name, sizeof constant->name, "c%d", graph->constant_count++);
    constant->tensor = (struct stance_tensor){.dtype = dtype, .rank = rank};
    for (int i = 0; i < rank; i++)
        constant->tensor.dims[i] = dims[i];
    size_t bytes = (size_t)stance_tensor_count(&constant->tensor) * stance_dtype_size(dtype);
    constant->tensor.data = calloc(1, bytes + 1);
    assert_non_null(constant->tensor.data);
    random_input(graph, constant->name);
    return &constant->tensor;
}

void random_weights(struct random_graph *graph, int rank, const int64_t *dims, float scale)
{
    struct stance_tensor *tensor = add_constant(graph, STANCE_FLOAT32, rank, dims);
    for (int64_t i = 0, count = stance_tensor_count(tensor); i < count; i++)
        ((float *)tensor->data)[i] = random_float(graph) * scale;
}

void random_positive(struct random_graph *graph, int rank, const int64_t *dims)
{
    struct stance_tensor *tensor = add_constant(graph, STANCE_FLOAT32, rank, dims);
    for (int64_t i = 0, count = stance_tensor_count(tensor); i < count; i++)
        ((float *)tensor->data)[i] = 1 + random_float(graph) / 2;
}

void random_list(struct random_graph *graph, int dtype, int count, const int64_t *values)
{
    struct stance_tensor *tensor = add_constant(graph, dtype, 1, (const int64_t[]){count});
    for (int i = 0; i < count; i++) {
        int64_t value = maybe_absurd(graph, values[i]);
        if (dtype == STANCE_INT64)
            ((int64_t *)tensor->data)[i] = value;
        else
            ((int32_t *)tensor->data)[i] = (int32_t)value;
    }
}

void random_number(struct random_graph *graph, float value)
{
    *(float *)add_constant(graph, STANCE_FLOAT32, 0, NULL)->data =
        graph->hostile && random_chance(graph, 20) ? (float)maybe_absurd(graph, 3) / 0.7f : value;
}

static struct random_attr *add_attr(struct random_graph *graph, const char *name)
{
    struct random_node *node = open_node(graph);
    assert_in_range(node->attr_count, 0, RANDOM_ATTRS - 1);
    struct random_attr *attr = &node->attrs[node->attr_count++];
    attr->name = name;
    return attr;
}

void random_attr_int(struct random_graph *graph, const char *name, int64_t value)
{
    struct random_attr *attr = add_attr(graph, name);
    attr->kind = RANDOM_INT;
    attr->ints[0] = maybe_absurd(graph, value);
}

void random_attr_float(struct random_graph *graph, const char *name, float value)
{
    struct random_attr *attr = add_attr(graph, name);
    attr->kind = RANDOM_FLOAT;
    attr->f = value;
}

void random_attr_string(struct random_graph *graph, const char *name, const char *value)
{
    struct random_attr *attr = add_attr(graph, name);
    attr->kind = RANDOM_STRING;
    attr->s = value;
}

void random_attr_ints(struct random_graph *graph, const char *name, int count,
                      const int64_t *values)
{
    struct random_attr *attr = add_attr(graph, name);
    attr->kind = RANDOM_INTS;
    attr->count = count;
    for (int i = 0; i < count; i++)
        attr->ints[i] = maybe_absurd(graph, values[i]);
}

/* ---- Growing --------------------------------------------------------------------------------- */

void random_graph_grow(struct random_graph *graph)
{
    graph->kept_constants = graph->constant_count;
    random_node_draw(graph);
    struct random_node *node = open_node(graph);
    for (int i = 0; i < node->output_count; i++) {
        size_t used = strlen(node->outputs);
        snprintf(node->outputs + used, sizeof node->outputs - used, "%sv%d", i ? "," : "",
                 graph->value_count + i);
    }
}

/* Whether a comma-separated list has this name. */
static bool has_name(const char *list, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = list; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, name, length) == 0 && (at[length] == ',' || !at[length]))
            return true;
    }
    return false;
}

void random_graph_accept(struct random_graph *graph, const struct random_value *outputs, int count)
{
    struct random_node *node = open_node(graph);
    bool exact = node->exact;
    for (int i = 0; i < graph->value_count; i++)
        if (has_name(node->inputs, graph->values[i].name)) {
            graph->values[i].used = true;
            exact = exact && graph->values[i].exact;
        }
    for (int i = 0; i < count; i++) {
        assert_in_range(graph->value_count, 0, RANDOM_VALUES - 1);
        struct random_value *value = &graph->values[graph->value_count];
        *value = outputs[i];
        value->exact = exact;
        value->used = false;
        snprintf(value->name, sizeof value->name, "v%d", graph->value_count++);
    }
}

void random_graph_reject(struct random_graph *graph)
{
    graph->node_count--;
    while (graph->constant_count > graph->kept_constants)
        free(graph->constants[--graph->constant_count].tensor.data);
}

size_t random_graph_weights(const struct random_graph *graph)
{
    size_t bytes = 0;
    for (int i = 0; i < graph->constant_count; i++)
        bytes += (size_t)stance_tensor_count(&graph->constants[i].tensor) *
                 stance_dtype_size(graph->constants[i].tensor.dtype);
    return bytes;
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void write_node(struct onnx_writer *writer, const struct random_node *node, int index)
{
    char name[16];
    snprintf(name, sizeof name, "n%d", index);
    onnx_writer_node(writer, node->type, name, node->inputs, node->outputs);
    for (int i = 0; i < node->attr_count; i++) {
        const struct random_attr *attr = &node->attrs[i];
        if (attr->kind == RANDOM_INT)
            onnx_writer_int(writer, attr->name, attr->ints[0]);
        else if (attr->kind == RANDOM_FLOAT)
            onnx_writer_float(writer, attr->name, attr->f);
        else if (attr->kind == RANDOM_STRING)
            onnx_writer_string(writer, attr->name, attr->s);
        else
            onnx_writer_ints(writer, attr->name, attr->ints, (size_t)attr->count);
    }
}

void random_graph_write(const struct random_graph *graph, const char *const *outputs, int count,
                        struct base_buffer *model)
{
    struct onnx_writer writer;
    onnx_writer_init(&writer, RANDOM_MODEL_BYTES);
    onnx_writer_opset(&writer, "", graph->opset);
    for (int i = 0; i < graph->input_count; i++) {
        struct random_value value = graph->values[i];
        for (int d = 0; d < value.rank && graph->open_dims; d++)
            value.dims[d] = d == 1 ? value.dims[d] : -1;
        onnx_writer_input(&writer, value.name, value.dtype, value.rank, value.dims);
    }
    for (int i = 0; i < graph->constant_count; i++)
        onnx_writer_initializer(&writer, graph->constants[i].name, &graph->constants[i].tensor);
    for (int i = 0; i < graph->node_count; i++)
        write_node(&writer, &graph->nodes[i], i);
    for (int i = 0; i < count; i++)
        onnx_writer_output(&writer, outputs[i], STANCE_DTYPE_NONE, -1, NULL);
    assert_int_equal(onnx_writer_finish(&writer, model), 0);
    onnx_writer_free(&writer);
}
