/* Building and reading small graphs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "support/sketch.h"

static struct tensor_shape parse(const char *text)
{
    struct tensor_shape shape = {0};
    if (text[0] == '?') {
        char known[64];
        snprintf(known, sizeof known, "0%s", text + 1);
        assert_int_equal(tensor_shape_parse(&shape, known), 0);
        shape.dims[0] = -1;
    } else {
        assert_int_equal(tensor_shape_parse(&shape, text), 0);
    }
    return shape;
}

struct graph *sketch_open(int opset)
{
    struct graph *graph;
    assert_int_equal(graph_open(&graph), 0);
    graph->opset = opset;
    return graph;
}

static int *grown(struct graph *graph, const int *list, int count, int value)
{
    int *longer = base_arena_alloc(graph->arena, (size_t)count + 1, sizeof *longer);
    assert_non_null(longer);
    if (count)
        memcpy(longer, list, (size_t)count * sizeof *list);
    longer[count] = value;
    return longer;
}

int sketch_input(struct graph *graph, const char *name, const char *shape)
{
    struct tensor_shape parsed = parse(shape);
    int value = graph_add_value(graph, name, STANCE_FLOAT32, &parsed);
    assert_true(value >= 0);
    graph->inputs = grown(graph, graph->inputs, graph->input_count++, value);
    return value;
}

void sketch_output(struct graph *graph, int value)
{
    graph->outputs = grown(graph, graph->outputs, graph->output_count++, value);
}

static int add_constant(struct graph *graph, struct tensor *tensor)
{
    char name[32];
    snprintf(name, sizeof name, "constant %d", graph->value_count);
    int value = graph_add_constant(graph, name, tensor);
    assert_true(value >= 0);
    tensor_close(&tensor);
    return value;
}

static int add_floats(struct graph *graph, const char *text, double low, double range)
{
    struct tensor_shape shape = parse(text);
    struct tensor *tensor;
    assert_int_equal(tensor_open(&tensor, STANCE_FLOAT32, &shape), 0);
    uint32_t state = 12345u + (uint32_t)graph->value_count;
    for (int64_t i = 0; i < stance_tensor_count(&tensor->view); i++) {
        state = state * 1664525u + 1013904223u;
        tensor_set(&tensor->view, i, low + range * (state >> 8) / (1 << 24));
    }
    return add_constant(graph, tensor);
}

int sketch_fill(struct graph *graph, const char *shape, double value)
{
    return add_floats(graph, shape, value, 0);
}

int sketch_noise(struct graph *graph, const char *shape)
{
    return add_floats(graph, shape, -1, 2);
}

int sketch_positive(struct graph *graph, const char *shape)
{
    return add_floats(graph, shape, 0.5, 1);
}

int sketch_ints(struct graph *graph, int count, const int64_t *values)
{
    struct tensor_shape shape = {.rank = 1, .dims = {count}};
    struct tensor *tensor;
    assert_int_equal(tensor_open(&tensor, STANCE_INT64, &shape), 0);
    memcpy(tensor->view.data, values, (size_t)count * sizeof *values);
    return add_constant(graph, tensor);
}

int sketch_node(struct graph *graph, const char *type, const char *name, int input_count,
                const int *inputs)
{
    static const struct tensor_shape unknown = {.rank = -1};
    int output = graph_add_value(graph, name, STANCE_DTYPE_NONE, &unknown);
    assert_true(output >= 0);
    int at = graph_insert_node(graph, graph->node_count, type, inputs, input_count, &output, 1);
    assert_true(at >= 0);
    assert_non_null(graph->nodes[at].op);
    graph->nodes[at].name = graph->values[output].name;
    return output;
}

static struct graph_node *last(struct graph *graph)
{
    return &graph->nodes[graph->node_count - 1];
}

int sketch_more(struct graph *graph, const char *name)
{
    static const struct tensor_shape unknown = {.rank = -1};
    int output = graph_add_value(graph, name, STANCE_DTYPE_NONE, &unknown);
    struct graph_node *node = last(graph);
    node->outputs = grown(graph, node->outputs, node->output_count++, output);
    graph->values[output].producer = graph->node_count - 1;
    return output;
}

static void add_attr(struct graph *graph, const struct graph_attr *attr)
{
    struct graph_node *node = last(graph);
    struct graph_attr *attrs =
        base_arena_alloc(graph->arena, (size_t)node->attr_count + 1, sizeof *attrs);
    assert_non_null(attrs);
    if (node->attr_count)
        memcpy(attrs, node->attrs, (size_t)node->attr_count * sizeof *attrs);
    attrs[node->attr_count++] = *attr;
    node->attrs = attrs;
}

void sketch_int(struct graph *graph, const char *name, int64_t value)
{
    add_attr(graph, &(struct graph_attr){.name = name, .kind = GRAPH_ATTR_INT, .i = value});
}

void sketch_float(struct graph *graph, const char *name, float value)
{
    add_attr(graph, &(struct graph_attr){.name = name, .kind = GRAPH_ATTR_FLOAT, .f = value});
}

void sketch_string(struct graph *graph, const char *name, const char *value)
{
    add_attr(graph, &(struct graph_attr){.name = name, .kind = GRAPH_ATTR_STRING, .s = value});
}

void sketch_list(struct graph *graph, const char *name, int count, const int64_t *values)
{
    int64_t *kept = base_arena_alloc(graph->arena, (size_t)count, sizeof *kept);
    assert_non_null(kept);
    memcpy(kept, values, (size_t)count * sizeof *kept);
    add_attr(graph, &(struct graph_attr){
                        .name = name, .kind = GRAPH_ATTR_INTS, .count = count, .ints = kept});
}

int sketch_conv(struct graph *graph, const char *name, int input, int in_channels, int out_channels,
                int groups, int kernel)
{
    char shape[64];
    snprintf(shape, sizeof shape, "%dx%dx%dx%d", out_channels, in_channels / groups, kernel,
             kernel);
    int weights = sketch_noise(graph, shape);
    snprintf(shape, sizeof shape, "%d", out_channels);
    int bias = sketch_noise(graph, shape), pad = kernel / 2;
    int output = sketch_apply(graph, "Conv", name, input, weights, bias);
    sketch_int(graph, "group", groups);
    sketch_list(graph, "pads", 4, (const int64_t[]){pad, pad, pad, pad});
    return output;
}

const char *sketch_types(const struct graph *graph)
{
    static char text[4096];
    size_t used = 0;
    text[0] = 0;
    for (int i = 0; i < graph->node_count && used < sizeof text; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i ? " " : "",
                                 graph->nodes[i].type);
    return text;
}

int sketch_count(const struct graph *graph, const char *type)
{
    int count = 0;
    for (int i = 0; i < graph->node_count; i++)
        count += strcmp(graph->nodes[i].type, type) == 0;
    return count;
}

const struct graph_node *sketch_only(const struct graph *graph, const char *type)
{
    assert_int_equal(sketch_count(graph, type), 1);
    int i = 0;
    while (strcmp(graph->nodes[i].type, type) != 0)
        i++;
    return &graph->nodes[i];
}

const struct graph_node *sketch_maker(const struct graph *graph, const char *name)
{
    for (int i = 0; i < graph->value_count; i++)
        if (strcmp(graph->values[i].name, name) == 0 && graph->values[i].producer >= 0)
            return &graph->nodes[graph->values[i].producer];
    fail_msg("no node makes '%s'", name);
    return NULL;
}
