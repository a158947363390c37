/* Which nodes have an implementation on bytes; graph_use_bytes() asks. */
#include <string.h>

#include "engine/plan.h"

static bool one_of(const char *type, const char *const *types)
{
    for (; *types; types++)
        if (strcmp(type, *types) == 0)
            return true;
    return false;
}

/* An image of at least one byte. */
static bool is_map(const struct graph *graph, int value)
{
    const struct tensor_shape *shape = &graph->values[value].shape;
    int64_t count;
    return shape->rank == 4 && tensor_shape_known(shape) &&
           tensor_shape_count(shape, &count) == 0 && count > 0;
}

/* Parts that begin and, but for the last, end with a block of channels. */
static bool can_join(const struct kernel_table *kernels, const struct graph *graph,
                     const struct graph_node *node)
{
    int64_t axis = graph_attr_int(node, "axis", 1);
    for (int i = 0; i < node->input_count; i++)
        if (!is_map(graph, node->inputs[i]) ||
            (i + 1 < node->input_count &&
             graph->values[node->inputs[i]].shape.dims[1] % kernels->block != 0))
            return false;
    return axis == 1 || axis == -3;
}

bool engine_converts(const struct graph *graph, const struct graph_node *node)
{
    struct graph_bytes bytes;
    if (!graph_read_bytes(graph, node, &bytes))
        return false;
    bool to_bytes = strcmp(node->type, "QuantizeLinear") == 0;
    struct kernel_bytes known = engine_bytes(graph, to_bytes ? node->outputs[0] : node->inputs[0]);
    return known.scale == bytes.scale && known.zero == bytes.zero;
}

bool engine_has_bytes(void *context, const struct graph *graph, const struct graph_node *node)
{
    static const char *const anywhere[] = {"Concat",    "Flatten",   "Lookup", "QAdd",
                                           "Reshape",   "Slice",     "Split",  "Squeeze",
                                           "Transpose", "Unsqueeze", NULL};
    static const char *const on_maps[] = {"QAverage", "QScale", NULL};
    const struct kernel_table *kernels = context;
    struct kernel_qconv_plan plan;
    struct kernel_pool pool;
    if (one_of(node->type, anywhere))
        return true;
    if (!is_map(graph, node->inputs[0]))
        return false;
    if (strcmp(node->type, "QConv") == 0 || strcmp(node->type, "QConvTranspose") == 0)
        return engine_qconv_plan(&plan, kernels, graph, node);
    if (strcmp(node->type, "QConcat") == 0)
        return can_join(kernels, graph, node);
    if (strcmp(node->type, "MaxPool") == 0)
        return engine_pool_shape(&pool, graph, node);
    if (strcmp(node->type, "Resize") == 0 || strcmp(node->type, "Upsample") == 0)
        return engine_can_resize(graph, node);
    return one_of(node->type, on_maps);
}
