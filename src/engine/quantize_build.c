/* Graphs made from a float one: with Q and DQ nodes where values are bytes, with other outputs, or
 * with every layer beside its int8 self. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "engine/quantization.h"
#include "graph/rewrite.h"

struct build {
    const struct stance_quantizer *quantizer;
    struct graph *graph;
    int *seen; /* per value: what its readers read */
    int method;
};

/* ---- Parts ---- */

/* A value called NAME/what. */
static int named_value(struct build *build, int like, const char *what)
{
    static const struct tensor_shape unknown = {.rank = -1};
    const char *name =
        base_arena_format(build->graph->arena, "%.400s/%s", build->graph->values[like].name, what);
    return name ? graph_add_value(build->graph, name, STANCE_DTYPE_NONE, &unknown)
                : STANCE_ENOMEMORY;
}

static int add_constant(struct build *build, int like, const char *what, struct tensor *tensor)
{
    const char *name =
        base_arena_format(build->graph->arena, "%.400s/%s", build->graph->values[like].name, what);
    return name ? graph_add_constant(build->graph, name, tensor) : STANCE_ENOMEMORY;
}

/* A scalar, or a vector of `count` values. */
static int add_filled(struct build *build, int like, const char *what, int dtype, int64_t count,
                      double value)
{
    struct tensor_shape shape = {.rank = count > 0, .dims = {count}};
    struct tensor *tensor;
    BASE_TRY(tensor_open(&tensor, dtype, &shape));
    for (int64_t i = 0; i < (count ? count : 1); i++)
        tensor_set(&tensor->view, i, value);
    int constant = add_constant(build, like, what, tensor);
    tensor_close(&tensor);
    return constant;
}

static int set_attrs(struct build *build, int at, const struct graph_attr *attrs, int count)
{
    struct graph_node *node = &build->graph->nodes[at];
    node->attrs = base_arena_alloc(build->graph->arena, (size_t)count, sizeof *attrs);
    if (!node->attrs)
        return STANCE_ENOMEMORY;
    memcpy(node->attrs, attrs, (size_t)count * sizeof *attrs);
    node->attr_count = count;
    return 0;
}

/* A node at the end; returns its output. */
static int add_node(struct build *build, const char *type, const int *inputs, int input_count,
                    int like, const char *what)
{
    int output = named_value(build, like, what);
    if (output < 0)
        return output;
    int at = graph_insert_node(build->graph, build->graph->node_count, type, inputs, input_count,
                               &output, 1);
    if (at < 0)
        return at;
    build->graph->nodes[at].name = build->graph->values[output].name;
    return output;
}

/* Q and DQ behind a value; returns what DQ gives. */
static int add_bytes(struct build *build, int value)
{
    struct quantize_bytes bytes = engine_quantize_bytes_of(
        engine_quantize_group_range(build->quantizer, value, build->method));
    int scale = add_filled(build, value, "scale", STANCE_FLOAT32, 0, (double)bytes.scale);
    int zero = scale < 0 ? scale : add_filled(build, value, "zero", STANCE_UINT8, 0, bytes.zero);
    if (zero < 0)
        return zero;
    int q = add_node(build, "QuantizeLinear", (int[]){value, scale, zero}, 3, value, "bytes");
    return q < 0 ? q
                 : add_node(build, "DequantizeLinear", (int[]){q, scale, zero}, 3, value, "real");
}

/* A DQ over a constant, whose scales go along an axis. */
static int add_real(struct build *build, int like, const char *what, struct tensor *values,
                    struct tensor *scales, int along)
{
    char name[64];
    snprintf(name, sizeof name, "%s_int", what);
    int constant = add_constant(build, like, name, values);
    snprintf(name, sizeof name, "%s_scale", what);
    int scale = constant < 0 ? constant : add_constant(build, like, name, scales);
    snprintf(name, sizeof name, "%s_zero", what);
    int zero = scale < 0
                   ? scale
                   : add_filled(build, like, name, values->view.dtype, scales->view.dims[0], 0);
    if (zero < 0)
        return zero;
    int output = add_node(build, "DequantizeLinear", (int[]){constant, scale, zero}, 3, like, what);
    const struct graph_attr axis = {.name = "axis", .kind = GRAPH_ATTR_INT, .i = along};
    if (output >= 0)
        BASE_TRY(set_attrs(build, build->graph->node_count - 1, &axis, 1));
    return output;
}

/* ---- Biases ---- */

static int fill_bias(const struct quantize_layer *layer, float scale, struct tensor *bias,
                     struct tensor *scales, bool *fits)
{
    int64_t channels = layer->scales->view.dims[0];
    *fits = true;
    for (int64_t c = 0; c < channels; c++) {
        tensor_set(&scales->view, c, (double)scale * tensor_float(&layer->scales->view, c));
        double steps = rint(tensor_float(&layer->bias->view, c) / tensor_float(&scales->view, c));
        *fits = *fits && fabs(steps) < INT32_MAX;
        tensor_set(&bias->view, c, fmin(fmax(steps, INT32_MIN), INT32_MAX));
    }
    return 0;
}

/* In steps of both scales; in float where that leaves int32. */
static int add_bias(struct build *build, const struct quantize_layer *layer, float scale)
{
    struct tensor_shape shape = tensor_shape_of(&layer->scales->view);
    struct tensor *bias = NULL, *scales = NULL;
    bool fits;
    BASE_TRY(tensor_open(&bias, STANCE_INT32, &shape));
    int code = tensor_open(&scales, STANCE_FLOAT32, &shape);
    if (code == 0)
        code = fill_bias(layer, scale, bias, scales, &fits);
    if (code == 0)
        code = fits ? add_real(build, layer->output, "bias", bias, scales, 0)
                    : add_constant(build, layer->output, "bias", layer->bias);
    tensor_close(&bias);
    tensor_close(&scales);
    return code;
}

/* ---- Nodes ---- */

/* A copy of the layer's convolution that reads `input`, with weights in int8; its output is
 * `output`. */
static int add_layer(struct build *build, const struct quantize_layer *layer, int input, int output)
{
    struct quantize_bytes bytes = engine_quantize_bytes_of(
        engine_quantize_group_range(build->quantizer, layer->input, build->method));
    struct graph_node node = build->quantizer->graph->nodes[layer->node];
    int weights = add_real(build, layer->output, "weights", layer->weights, layer->scales,
                           engine_quantize_filters(&node, &layer->weights->view).axis);
    int bias = weights < 0 ? weights : layer->bias ? add_bias(build, layer, bytes.scale) : -1;
    if (weights < 0 || (layer->bias && bias < 0))
        return weights < 0 ? weights : bias;
    node.inputs = (int[]){input, weights, bias};
    node.input_count = layer->bias ? 3 : 2;
    node.outputs = &output;
    node.output_count = 1;
    int at = graph_copy_node(build->graph, &node);
    return at < 0 ? at : 0;
}

static int copy_plain(struct build *build, const struct graph_node *from)
{
    int at = graph_copy_node(build->graph, from);
    if (at < 0)
        return at;
    struct graph_node *node = &build->graph->nodes[at];
    for (int i = 0; i < node->input_count; i++)
        if (node->inputs[i] >= 0)
            node->inputs[i] = build->seen[node->inputs[i]];
    return 0;
}

static int see_bytes(struct build *build, int value)
{
    if (value < 0 || !build->quantizer->values[value].wanted)
        return 0;
    int real = add_bytes(build, value);
    if (real < 0)
        return real;
    build->seen[value] = real;
    return 0;
}

static int fill_quantized(struct build *build)
{
    const struct stance_quantizer *quantizer = build->quantizer;
    const struct graph *source = quantizer->graph;
    const struct quantize_layer *layer = quantizer->layers, *end = layer + quantizer->layer_count;
    for (int i = 0; i < source->input_count; i++)
        BASE_TRY(see_bytes(build, source->inputs[i]));
    for (int n = 0; n < source->node_count; n++) {
        const struct graph_node *node = &source->nodes[n];
        while (layer < end && layer->node < n)
            layer++;
        if (layer < end && layer->node == n && layer->quantized)
            BASE_TRY(add_layer(build, layer, build->seen[layer->input], layer->output));
        else
            BASE_TRY(copy_plain(build, node));
        for (int i = 0; i < node->output_count; i++)
            BASE_TRY(see_bytes(build, node->outputs[i]));
    }
    return 0;
}

/* ---- Graphs ---- */

static int start(struct build *build, const struct stance_quantizer *quantizer, int method)
{
    size_t count = (size_t)quantizer->graph->value_count + 1;
    *build = (struct build){.quantizer = quantizer, .method = method};
    build->seen = base_alloc(count * sizeof *build->seen);
    if (!build->seen)
        return base_error_memory(count * sizeof *build->seen, "a graph");
    for (int i = 0; i < quantizer->graph->value_count; i++)
        build->seen[i] = i;
    BASE_TRY(graph_open(&build->graph));
    return graph_copy_values(build->graph, quantizer->graph);
}

static int end(struct build *build, struct graph **out, int code)
{
    base_free(build->seen);
    if (code < 0)
        graph_close(&build->graph);
    *out = build->graph;
    return code < 0 ? code : 0;
}

int engine_quantize_build(struct graph **out, const struct stance_quantizer *quantizer)
{
    struct build build;
    int code = start(&build, quantizer, 0);
    if (code == 0)
        code = fill_quantized(&build);
    if (code == 0)
        code = graph_copy_ends(build.graph, quantizer->graph);
    return end(&build, out, code);
}

static int copy_all(struct build *build)
{
    for (int n = 0; n < build->quantizer->graph->node_count; n++)
        BASE_TRY(copy_plain(build, &build->quantizer->graph->nodes[n]));
    return graph_copy_ends(build->graph, build->quantizer->graph);
}

/* Other outputs, which are float32. */
static int set_outputs(struct build *build, const int *values, int count)
{
    struct graph *graph = build->graph;
    graph->outputs = base_arena_alloc(graph->arena, (size_t)count, sizeof *graph->outputs);
    if (!graph->outputs)
        return STANCE_ENOMEMORY;
    for (int i = 0; i < count; i++) {
        graph->outputs[i] = values[i];
        graph->values[values[i]].dtype = STANCE_FLOAT32;
        graph->values[values[i]].shape.rank = -1;
    }
    graph->output_count = count;
    graph_sweep(graph);
    return 0;
}

int engine_quantize_build_observed(struct graph **out, const struct stance_quantizer *quantizer,
                                   const int *values, int count)
{
    struct build build;
    int code = start(&build, quantizer, 0);
    if (code == 0)
        code = copy_all(&build);
    if (code == 0)
        code = set_outputs(&build, values, count);
    return end(&build, out, code);
}

/* The mean of every channel over batch and pixels. */
static int add_mean(struct build *build, int value, int like, const char *what)
{
    static const int64_t axes[] = {0, 2, 3};
    const struct graph_attr attrs[] = {
        {.name = "axes", .kind = GRAPH_ATTR_INTS, .ints = axes, .count = 3},
        {.name = "keepdims", .kind = GRAPH_ATTR_INT, .i = 0},
    };
    int output = add_node(build, "ReduceMean", &value, 1, like, what);
    if (output >= 0)
        BASE_TRY(set_attrs(build, build->graph->node_count - 1, attrs, 2));
    return output;
}

/* The mean of a product of two values. */
static int add_product(struct build *build, int left, int right, int like, const char *what)
{
    int product = add_node(build, "Mul", (int[]){left, right}, 2, like, "product");
    return product < 0 ? product : add_mean(build, product, like, what);
}

/* Three rows of channels in one value, see engine_quantize_build_mirror(). */
static int add_mirror(struct build *build, const struct quantize_layer *layer)
{
    static const struct graph_attr axis = {.name = "axis", .kind = GRAPH_ATTR_INT, .i = 0};
    int like = layer->output, rows[3];
    int input = add_bytes(build, layer->input);
    int twin = input < 0 ? input : named_value(build, like, "twin");
    if (twin < 0)
        return twin;
    BASE_TRY(add_layer(build, layer, input, twin));
    int difference = add_node(build, "Sub", (int[]){twin, like}, 2, like, "difference");
    if (difference < 0)
        return difference;
    rows[0] = add_mean(build, difference, like, "mean");
    rows[1] = rows[0] < 0 ? rows[0] : add_product(build, difference, difference, like, "error");
    rows[2] = rows[1] < 0 ? rows[1] : add_product(build, like, like, like, "strength");
    int row = rows[2] < 0 ? rows[2] : add_node(build, "Concat", rows, 3, like, "rows");
    if (row >= 0)
        BASE_TRY(set_attrs(build, build->graph->node_count - 1, &axis, 1));
    return row;
}

int engine_quantize_build_mirror(struct graph **out, const struct stance_quantizer *quantizer,
                                 const int *layers, int count, int method)
{
    struct build build;
    int outputs[QUANTIZE_OBSERVED];
    int code = start(&build, quantizer, method);
    if (code == 0)
        code = copy_all(&build);
    for (int i = 0; i < count && code >= 0; i++)
        code = outputs[i] = add_mirror(&build, &quantizer->layers[layers[i]]);
    if (code >= 0)
        code = set_outputs(&build, outputs, count);
    return end(&build, out, code);
}
