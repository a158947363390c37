/* Networks stored in half precision become float32 networks: weights are widened once, casts to
 * half disappear, and inputs and outputs are float32. Half precision saves space in the file; the
 * kernels compute in float32. */
#include "graph/rewrite.h"

static bool is_half(int64_t dtype)
{
    return dtype == STANCE_FLOAT16 || dtype == STANCE_BFLOAT16;
}

/* Whether a convolution or matrix product has half-precision weights. */
static bool has_half_weights(const struct graph *graph)
{
    static const char *const types[] = {"Conv", "ConvTranspose", "Gemm", "MatMul"};
    for (int i = 0; i < graph->node_count; i++)
        for (size_t k = 0; k < sizeof types / sizeof types[0]; k++) {
            const struct graph_node *node = &graph->nodes[i];
            const struct stance_tensor *weights =
                graph_is(node, types[k]) ? graph_constant(graph, graph_input(node, 1)) : NULL;
            if (weights && is_half(weights->dtype))
                return true;
        }
    return false;
}

static int widen_tensor(struct tensor **tensor)
{
    struct tensor *wide;
    struct tensor_shape shape = tensor_shape_of(&(*tensor)->view);
    BASE_TRY(tensor_open(&wide, STANCE_FLOAT32, &shape));
    int64_t count = stance_tensor_count(&wide->view);
    for (int64_t i = 0; i < count; i++)
        ((float *)wide->view.data)[i] = (float)tensor_float(&(*tensor)->view, i);
    tensor_close(tensor);
    *tensor = wide;
    return 0;
}

/* Cast's target, and the value of ConstantOfShape: the two ways a node names a type. Attribute
 * tensors belong to an unused value of the graph, which is widened with all others. */
static void widen_attrs(struct graph_node *node)
{
    for (int i = 0; i < node->attr_count; i++) {
        struct graph_attr *attr = &node->attrs[i];
        if (attr->kind == GRAPH_ATTR_INT && graph_is(node, "Cast") && is_half(attr->i))
            attr->i = STANCE_FLOAT32;
    }
}

/* Nodes whose attribute tensor is the old one of a widened value get the new one. */
static void replace_attr_tensor(struct graph *graph, const struct tensor *old, struct tensor *wide)
{
    for (int i = 0; i < graph->node_count; i++)
        for (int k = 0; k < graph->nodes[i].attr_count; k++)
            if (graph->nodes[i].attrs[k].tensor == old)
                graph->nodes[i].attrs[k].tensor = wide;
}

int graph_widen(struct graph *graph)
{
    if (!has_half_weights(graph))
        return 0;
    for (int i = 0; i < graph->value_count; i++) {
        struct graph_value *value = &graph->values[i];
        if (value->constant && is_half(value->constant->view.dtype)) {
            const struct tensor *old = value->constant;
            BASE_TRY(widen_tensor(&value->constant));
            replace_attr_tensor(graph, old, value->constant);
        }
        if (is_half(value->dtype))
            value->dtype = STANCE_FLOAT32;
    }
    for (int i = 0; i < graph->node_count; i++)
        widen_attrs(&graph->nodes[i]);
    return 0;
}
