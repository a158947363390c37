/* Finding an operator by domain and type. The descriptors stand beside their inference functions,
 * in the infer_*.c files. */
#include <string.h>

#include "graph/infer.h"

static const struct graph_op *const tables[] = {
    graph_ops_elementwise, graph_ops_conv,     graph_ops_shape,    graph_ops_slice,
    graph_ops_matmul,      graph_ops_norm,     graph_ops_reduce,   graph_ops_index,
    graph_ops_resize,      graph_ops_generate, graph_ops_quantize, graph_ops_recurrent,
};

/* For operators that passes make where types and shapes are known. */
static int infer_nothing(struct graph_infer *infer)
{
    (void)infer;
    return 0;
}

/* Made by graph passes, never read from a file. */
static const struct graph_op internal[] = {
    {"Reorder", 1, 1, 1, graph_infer_same, false},
    {"Swish", 1, 1, 1, graph_infer_same, false},
    {"GraphConv", 2, 4, 1, graph_infer_graph_conv, false},
    {"Focus", 1, 1, 1, infer_nothing, false},
    {"Lookup", 2, 2, 1, infer_nothing, false},
    {"QAdd", 2, 2, 1, infer_nothing, false},
    {"QAverage", 1, 1, 1, infer_nothing, false},
    {"QConcat", 1, -1, 1, infer_nothing, false},
    {"QConv", 4, 5, 1, infer_nothing, false},
    {"QConvTranspose", 4, 5, 1, infer_nothing, false},
    {"QScale", 2, 2, 1, infer_nothing, false},
    {"SkeletonConv", 6, 7, 1, infer_nothing, false},
    {"Branches", 4, 4, 1, graph_infer_branches, false},
    {NULL, 0, 0, 0, NULL, false},
};

static const struct graph_op *find(const struct graph_op *table, const char *type)
{
    for (; table->type; table++)
        if (strcmp(table->type, type) == 0)
            return table;
    return NULL;
}

const struct graph_op *graph_op_find(const char *domain, const char *type)
{
    if (strcmp(domain, "stance") == 0)
        return find(internal, type);
    if (domain[0] && strcmp(domain, "ai.onnx") != 0)
        return NULL;
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        const struct graph_op *op = find(tables[i], type);
        if (op)
            return op;
    }
    return NULL;
}

const struct graph_op *graph_op_at(int i)
{
    for (size_t table = 0; table < sizeof tables / sizeof tables[0]; table++)
        for (const struct graph_op *op = tables[table]; op->type; op++)
            if (i-- == 0)
                return op;
    return NULL;
}
