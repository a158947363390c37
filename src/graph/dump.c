/* A graph as text: one line per node. */
#include <stdio.h>
#include <string.h>

#include "graph/rewrite.h"

static const char *const activation_names[] = {
    [GRAPH_LINEAR] = "",
    [GRAPH_RELU] = "Relu",
    [GRAPH_LEAKY_RELU] = "LeakyRelu",
    [GRAPH_CLIP] = "Clip",
    [GRAPH_SIGMOID] = "Sigmoid",
    [GRAPH_SWISH] = "Swish",
    [GRAPH_HARD_SIGMOID] = "HardSigmoid",
    [GRAPH_HARD_SWISH] = "HardSwish",
    [GRAPH_TANH] = "Tanh",
    [GRAPH_GELU] = "Gelu",
};

static int dump_shape(struct base_buffer *out, const struct graph_value *value)
{
    char text[TENSOR_SHAPE_TEXT];
    tensor_shape_text(&value->shape, text);
    BASE_TRY(base_buffer_format(out, "%s%s", text, value->bytes.scale > 0 ? " uint8" : ""));
    return value->block > 1 ? base_buffer_format(out, " (blocks of %d)", value->block) : 0;
}

/* " 3x3 stride 2 groups 8" of a convolution, " 2x2" of a pooling. */
static int dump_window(struct base_buffer *out, const struct graph *graph,
                       const struct graph_node *node)
{
    const char *type = node->type;
    bool conv = strcmp(type, "Conv") == 0 || strcmp(type, "ConvTranspose") == 0 ||
                strcmp(type, "QConv") == 0 || strcmp(type, "QConvTranspose") == 0;
    if (!conv && strcmp(type, "MaxPool") != 0 && strcmp(type, "AveragePool") != 0)
        return 0;
    int count, strides, dilations;
    const int64_t *kernel = graph_attr_ints(node, "kernel_shape", &count);
    const int64_t *stride = graph_attr_ints(node, "strides", &strides);
    const int64_t *dilation = graph_attr_ints(node, "dilations", &dilations);
    const struct stance_tensor *weights = conv ? graph_constant(graph, graph_input(node, 1)) : NULL;
    if (!kernel && weights && weights->rank > 2) {
        kernel = weights->dims + 2;
        count = weights->rank - 2;
    }
    for (int i = 0; kernel && i < count; i++)
        BASE_TRY(base_buffer_format(out, "%s%lld", i ? "x" : " ", (long long)kernel[i]));
    if (strides > 0 && (stride[0] != 1 || stride[strides - 1] != 1))
        BASE_TRY(base_buffer_format(
            out, stride[0] == stride[strides - 1] ? " stride %lld" : " stride %lldx%lld",
            (long long)stride[0], (long long)stride[strides - 1]));
    if (dilations > 0 && (dilation[0] != 1 || dilation[dilations - 1] != 1))
        BASE_TRY(base_buffer_format(out, " dilation %lldx%lld", (long long)dilation[0],
                                    (long long)dilation[dilations - 1]));
    int64_t groups = graph_attr_int(node, "group", 1);
    return groups > 1 ? base_buffer_format(out, " groups %lld", (long long)groups) : 0;
}

static int dump_epilogue(struct base_buffer *out, const struct graph *graph,
                         const struct graph_node *node)
{
    const struct graph_epilogue *epilogue = &node->epilogue;
    const char *added = epilogue->residual < 0 ? NULL : graph->values[epilogue->residual].name;
    if (added && epilogue->residual_before_activation)
        BASE_TRY(base_buffer_format(out, " + '%.200s'", added));
    if (epilogue->activation == GRAPH_CLIP)
        BASE_TRY(base_buffer_format(out, " → Clip %g … %g", (double)epilogue->alpha,
                                    (double)epilogue->beta));
    else if (epilogue->activation != GRAPH_LINEAR)
        BASE_TRY(base_buffer_format(out, " → %s", activation_names[epilogue->activation]));
    if (added && !epilogue->residual_before_activation)
        BASE_TRY(base_buffer_format(out, " + '%.200s'", added));
    return 0;
}

static int dump_node(struct base_buffer *out, const struct graph *graph, int at)
{
    const struct graph_node *node = &graph->nodes[at];
    BASE_TRY(base_buffer_format(out, "%4d %s", at, node->type));
    BASE_TRY(dump_window(out, graph, node));
    BASE_TRY(dump_epilogue(out, graph, node));
    if (node->name && node->name[0])
        BASE_TRY(base_buffer_format(out, " '%.200s'", node->name));
    bool first = true;
    for (int i = 0; i < node->output_count; i++) {
        if (node->outputs[i] < 0)
            continue;
        BASE_TRY(base_buffer_format(out, "%s", first ? " : " : ", "));
        BASE_TRY(dump_shape(out, &graph->values[node->outputs[i]]));
        first = false;
    }
    return base_buffer_append(out, "\n", 1);
}

int graph_dump(const struct graph *graph, struct base_buffer *out)
{
    for (int i = 0; i < graph->input_count; i++) {
        const struct graph_value *value = &graph->values[graph->inputs[i]];
        BASE_TRY(base_buffer_format(out, "input '%.200s' : ", value->name));
        BASE_TRY(dump_shape(out, value));
        BASE_TRY(base_buffer_append(out, "\n", 1));
    }
    for (int i = 0; i < graph->node_count; i++)
        BASE_TRY(dump_node(out, graph, i));
    for (int i = 0; i < graph->output_count; i++) {
        const struct graph_value *value = &graph->values[graph->outputs[i]];
        BASE_TRY(base_buffer_format(out, "output '%.200s' : ", value->name));
        BASE_TRY(dump_shape(out, value));
        BASE_TRY(base_buffer_append(out, "\n", 1));
    }
    return 0;
}
