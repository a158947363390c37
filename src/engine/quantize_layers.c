/* The layers of a network and what they do in it: which convolutions could be int8, and which of
 * them are the first, attention, or a head. One whose maps are multiplied by weights further on, as
 * the last one of SimCC networks, is no head: those sums average what rounding does to them. */
#include <string.h>

#include "base/memory.h"
#include "engine/quantization.h"
#include "graph/rewrite.h"
#include "onnx/onnx_model.h"

bool engine_quantize_is_quantized(const struct stance_model *model)
{
    static const char *const types[] = {
        "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "QLinearConv",
        "ConvInteger",    "QLinearMatMul",    "MatMulInteger"};
    const struct onnx_graph *graph = model->onnx->graph;
    for (size_t n = 0; n < graph->node_count; n++)
        for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
            if (onnx_string_equal(graph->nodes[n].type, types[i]))
                return true;
    return false;
}

static bool is_conv(const struct graph_node *node)
{
    return graph_is(node, "Conv") || graph_is(node, "ConvTranspose");
}

/* A convolution over maps with constant float weights, and a bias that is constant too. */
static bool can_quantize(const struct stance_quantizer *quantizer, const struct graph_node *node)
{
    const struct graph *graph = quantizer->graph;
    if (!is_conv(node) ||
        (graph_is(node, "ConvTranspose") && graph_attr_int(node, "group", 1) != 1))
        return false;
    const struct stance_tensor *weights = graph_constant(graph, graph_input(node, 1));
    const struct stance_tensor *bias = graph_constant(graph, graph_input(node, 2));
    const struct graph_value *input = &quantizer->shapes->values[node->inputs[0]];
    return weights && weights->dtype == STANCE_FLOAT32 && weights->rank == 4 &&
           stance_tensor_count(weights) > 0 && (graph_input(node, 2) < 0 || bias) &&
           !graph->values[node->inputs[0]].constant && input->dtype == STANCE_FLOAT32 &&
           input->shape.rank == 4;
}

/* The specialised graph has values of the same numbers, but maybe fewer nodes. */
static int64_t multiply_adds(const struct stance_quantizer *quantizer,
                             const struct graph_node *node)
{
    const struct graph *shapes = quantizer->shapes;
    int value = node->output_count > 0 ? node->outputs[0] : -1;
    int producer = value < 0 ? -1 : shapes->values[value].producer;
    return producer < 0 ? 0 : graph_node_multiply_adds(shapes, &shapes->nodes[producer]);
}

/* A matrix product with weights; one of two values has none. */
static bool is_product(const struct graph *graph, const struct graph_node *node)
{
    return (graph_is(node, "MatMul") || graph_is(node, "Gemm")) &&
           graph_constant(graph, graph_input(node, 1));
}

/* Whether the operator picks some of its input's numbers: what it is shown are answers already. */
static bool picks(const struct graph_node *node)
{
    static const char *const types[] = {"Gather", "GatherElements", "GatherND", "NonMaxSuppression",
                                        "TopK"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (graph_is(node, types[i]))
            return true;
    return false;
}

/* Marks values behind a convolution (`forward`), or in front of any layer with weights. */
static void mark(const struct graph *graph, bool *marked, bool forward)
{
    for (int i = 0; i < graph->node_count; i++) {
        const struct graph_node *node = &graph->nodes[forward ? i : graph->node_count - 1 - i];
        if (!forward && picks(node))
            continue;
        const int *from = forward ? node->inputs : node->outputs;
        const int *to = forward ? node->outputs : node->inputs;
        int from_count = forward ? node->input_count : node->output_count;
        int to_count = forward ? node->output_count : node->input_count;
        bool reached = is_conv(node) || (!forward && is_product(graph, node));
        for (int k = 0; k < from_count; k++)
            reached = reached || (from[k] >= 0 && marked[from[k]]);
        for (int k = 0; k < to_count && reached; k++)
            if (to[k] >= 0)
                marked[to[k]] = true;
    }
}

static int role_of(const struct stance_quantizer *quantizer, const struct graph_node *node,
                   const bool *behind, const bool *before)
{
    const struct tensor_shape *out = &quantizer->shapes->values[node->outputs[0]].shape;
    if (!can_quantize(quantizer, node))
        return STANCE_LAYER_OTHER;
    if (out->rank == 4 && out->dims[2] == 1 && out->dims[3] == 1)
        return STANCE_LAYER_ATTENTION;
    if (!behind[node->inputs[0]])
        return STANCE_LAYER_FIRST;
    return before[node->outputs[0]] ? STANCE_LAYER_BODY : STANCE_LAYER_HEAD;
}

static int add_layers(struct stance_quantizer *quantizer, const bool *behind, const bool *before)
{
    const struct graph *graph = quantizer->graph;
    bool any = false;
    quantizer->layers = base_alloc_zero((size_t)graph->node_count + 1, sizeof *quantizer->layers);
    if (!quantizer->layers)
        return base_error_memory((size_t)graph->node_count, "a list of layers");
    for (int i = 0; i < graph->node_count; i++) {
        const struct graph_node *node = &graph->nodes[i];
        int64_t work = multiply_adds(quantizer, node);
        if (work == 0 || node->outputs[0] < 0)
            continue;
        int role = role_of(quantizer, node, behind, before);
        quantizer->layers[quantizer->layer_count++] =
            (struct quantize_layer){.node = i,
                                    .input = node->inputs[0],
                                    .output = node->outputs[0],
                                    .role = role,
                                    .quantized = role == STANCE_LAYER_BODY,
                                    .multiply_adds = work};
        any = any || role != STANCE_LAYER_OTHER;
    }
    return any ? 0
               : base_error(STANCE_EMODEL,
                            "there is nothing to quantise in it: no convolution over "
                            "maps with float weights");
}

int engine_quantize_find_layers(struct stance_quantizer *quantizer)
{
    size_t values = (size_t)quantizer->graph->value_count + 1;
    bool *behind = base_alloc_zero(values, 2 * sizeof *behind);
    if (!behind)
        return base_error_memory(2 * values, "a list of layers");
    bool *before = behind + values;
    mark(quantizer->graph, behind, true);
    mark(quantizer->graph, before, false);
    int code = add_layers(quantizer, behind, before);
    base_free(behind);
    return code;
}
