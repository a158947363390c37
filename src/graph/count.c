/* The size of a network: multiply-adds and parameters. */
#include <string.h>

#include "base/memory.h"
#include "graph/einsum.h"
#include "graph/rewrite.h"

static const struct tensor_shape *shape_at(const struct graph *graph, int value)
{
    const struct tensor_shape *shape = value < 0 ? NULL : &graph->values[value].shape;
    return shape && tensor_shape_known(shape) ? shape : NULL;
}

static int64_t product(const struct tensor_shape *shape, int first)
{
    int64_t count = 1;
    for (int i = first; i < shape->rank; i++)
        count *= shape->dims[i];
    return count;
}

/* Each output element sums over the input channels of its group and the kernel. */
static int64_t count_conv(const struct graph *graph, const struct graph_node *node)
{
    const struct tensor_shape *weights = shape_at(graph, node->inputs[1]);
    const struct tensor_shape *out = shape_at(graph, node->outputs[0]);
    return weights && out && weights->rank > 2 ? product(out, 0) * product(weights, 1) : 0;
}

/* Each input element is spread over the output channels of its group and the kernel. */
static int64_t count_transposed(const struct graph *graph, const struct graph_node *node)
{
    const struct tensor_shape *weights = shape_at(graph, node->inputs[1]);
    const struct tensor_shape *in = shape_at(graph, node->inputs[0]);
    return weights && in && weights->rank > 2 ? product(in, 0) * product(weights, 1) : 0;
}

static int64_t count_gemm(const struct graph *graph, const struct graph_node *node)
{
    const struct tensor_shape *a = shape_at(graph, node->inputs[0]);
    const struct tensor_shape *out = shape_at(graph, node->outputs[0]);
    if (!a || !out || a->rank != 2)
        return 0;
    return product(out, 0) * a->dims[graph_attr_int(node, "transA", 0) ? 0 : 1];
}

static int64_t count_matmul(const struct graph *graph, const struct graph_node *node)
{
    const struct tensor_shape *a = shape_at(graph, node->inputs[0]);
    const struct tensor_shape *out = shape_at(graph, node->outputs[0]);
    return a && out && a->rank > 0 ? product(out, 0) * a->dims[a->rank - 1] : 0;
}

/* One per combination of labels; an operand more multiplies once more. */
static int64_t count_einsum(const struct graph *graph, const struct graph_node *node)
{
    struct tensor_shape shapes[GRAPH_EINSUM_INPUTS];
    struct graph_einsum einsum;
    if (node->input_count < 2 || node->input_count > GRAPH_EINSUM_INPUTS)
        return 0;
    for (int i = 0; i < node->input_count; i++) {
        const struct tensor_shape *shape = shape_at(graph, node->inputs[i]);
        if (!shape)
            return 0;
        shapes[i] = *shape;
    }
    if (graph_einsum_read(&einsum, graph_attr_string(node, "equation", ""), shapes,
                          node->input_count) < 0)
        return 0;
    int64_t count = node->input_count - 1;
    for (int i = 0; i < GRAPH_EINSUM_LABELS; i++)
        if (einsum.used[i] && (einsum.dims[i] < 0 || count > INT64_MAX / TENSOR_MAX_COUNT))
            return 0;
        else if (einsum.used[i])
            count *= einsum.dims[i];
    return count;
}

static int64_t count_graph_conv(const struct graph *graph, const struct graph_node *node)
{
    const struct tensor_shape *in = shape_at(graph, node->inputs[0]);
    const struct tensor_shape *out = shape_at(graph, node->outputs[0]);
    return in && out && out->rank == 4 ? product(in, 0) * out->dims[3] : 0;
}

/* As its two parts would be. */
static int64_t count_skeleton_conv(const struct graph *graph, const struct graph_node *node)
{
    const struct tensor_shape *in = shape_at(graph, node->inputs[0]);
    const struct tensor_shape *weights = shape_at(graph, node->inputs[1]);
    const struct tensor_shape *out = shape_at(graph, node->outputs[0]);
    return in && weights && out && in->rank == 4 && out->rank == 4
               ? product(in, 0) * weights->dims[0] +
                     weights->dims[0] * in->dims[0] * in->dims[2] * in->dims[3] * out->dims[3]
               : 0;
}

static int64_t count_branches(const struct graph *graph, const struct graph_node *node)
{
    const struct tensor_shape *out = shape_at(graph, node->outputs[0]);
    struct graph_branches branches;
    if (!out || graph_branches_read(&branches, node) < 0)
        return 0;
    return out->dims[0] * out->dims[2] * out->dims[3] * branches.weights;
}

static const struct {
    const char *type;
    int64_t (*count)(const struct graph *graph, const struct graph_node *node);
} counters[] = {
    {"Conv", count_conv},         {"ConvTranspose", count_transposed},
    {"Gemm", count_gemm},         {"MatMul", count_matmul},
    {"QConv", count_conv},        {"QConvTranspose", count_transposed},
    {"Einsum", count_einsum},     {"GraphConv", count_graph_conv},
    {"Branches", count_branches}, {"SkeletonConv", count_skeleton_conv},
};

int64_t graph_node_multiply_adds(const struct graph *graph, const struct graph_node *node)
{
    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++)
        if (graph_is(node, counters[i].type))
            return counters[i].count(graph, node);
    return 0;
}

int64_t graph_multiply_adds(const struct graph *graph)
{
    int64_t total = 0;
    for (int i = 0; i < graph->node_count; i++)
        total += graph_node_multiply_adds(graph, &graph->nodes[i]);
    return total;
}

int64_t graph_byte_multiply_adds(const struct graph *graph)
{
    int64_t total = 0;
    for (int i = 0; i < graph->node_count; i++)
        if (graph_is(&graph->nodes[i], "QConv") || graph_is(&graph->nodes[i], "QConvTranspose"))
            total += graph_node_multiply_adds(graph, &graph->nodes[i]);
    return total;
}

/* Inputs that tell an operator what to do instead of being part of the sum. */
static bool is_setting(const struct graph_node *node, int slot)
{
    static const char *const types[] = {"Resize",
                                        "Upsample",
                                        "Clip",
                                        "Pad",
                                        "Range",
                                        "TopK",
                                        "ConstantOfShape",
                                        "Pow",
                                        "Dropout",
                                        "QuantizeLinear",
                                        "DequantizeLinear",
                                        "Where",
                                        "NonMaxSuppression"};
    for (size_t i = 0; i < sizeof types / sizeof types[0] && slot > 0; i++)
        if (strcmp(node->type, types[i]) == 0)
            return true;
    return false;
}

static bool is_parameter(const struct graph *graph, const struct graph_node *node, int slot)
{
    const struct stance_tensor *constant = graph_constant(graph, node->inputs[slot]);
    if (!constant || constant->rank == 0 || is_setting(node, slot))
        return false;
    return constant->dtype == STANCE_FLOAT32 || constant->dtype == STANCE_FLOAT16 ||
           constant->dtype == STANCE_FLOAT64 || constant->dtype == STANCE_BFLOAT16 ||
           constant->dtype == STANCE_INT8 || constant->dtype == STANCE_UINT8;
}

int64_t graph_parameters(const struct graph *graph)
{
    unsigned char *seen = base_alloc_zero((size_t)graph->value_count + 1, 1);
    if (!seen)
        return base_error_memory((size_t)graph->value_count, "counting parameters");
    int64_t total = 0;
    for (int i = 0; i < graph->node_count; i++) {
        const struct graph_node *node = &graph->nodes[i];
        for (int slot = 0; slot < node->input_count; slot++) {
            int value = node->inputs[slot];
            if (value < 0 || seen[value] || !is_parameter(graph, node, slot))
                continue;
            seen[value] = 1;
            total += stance_tensor_count(&graph->values[value].constant->view);
        }
    }
    base_free(seen);
    return total;
}
