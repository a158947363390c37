/* A convolution 1×1 and the GraphConv that alone reads it become one node SkeletonConv where the
 * engine wants it:
 *
 *   y[n][c][t][w] = activation(scale[c] · Σ_k Σ_v a[k][v][w] · z[n][k·C + c][t][v] + shift[c]),
 *   z = weights · x + bias,
 *
 * because the sum over k and v can have fewer products than it is written with. Inputs x, weights
 * [K·C, I, 1, 1], bias or -1, a [K, V, W], scale or -1, shift or -1, all but x constant, and maybe a
 * residual. */
#include "graph/rewrite.h"

struct join {
    graph_joins_fn *joins;
    void *context;
};

/* The convolution behind a GraphConv, if it does nothing else. */
static struct graph_node *pointwise_behind(const struct graph_edit *edit, int value)
{
    const struct graph *graph = edit->graph;
    struct graph_node *conv =
        edit->uses[value] == 1 ? graph_producer_of(graph, value, "Conv") : NULL;
    const struct stance_tensor *weights = conv ? graph_constant(graph, graph_input(conv, 1)) : NULL;
    struct graph_window window;
    if (!weights || weights->dtype != STANCE_FLOAT32 || weights->rank != 4 ||
        conv->epilogue.activation != GRAPH_LINEAR || conv->epilogue.residual >= 0 ||
        (graph_input(conv, 2) >= 0 && !graph_constant(graph, graph_input(conv, 2))) ||
        !graph_fixed_shape(edit, conv->inputs[0]) ||
        graph_window_read(&window, conv, &graph->values[conv->inputs[0]].shape, weights->dims + 2,
                          false) < 0)
        return NULL;
    for (int i = 0; i < 2; i++)
        if (window.kernel[i] != 1 || window.stride[i] != 1 || window.pad_begin[i] != 0 ||
            window.pad_end[i] != 0)
            return NULL;
    return window.groups == 1 ? conv : NULL;
}

static int join_skeleton(struct graph_edit *edit, int at, const void *context)
{
    const struct join *join = context;
    const struct graph *graph = edit->graph;
    const struct graph_node *node = &graph->nodes[at];
    if (!graph_is(node, "GraphConv"))
        return 0;
    const struct graph_node *conv = pointwise_behind(edit, node->inputs[0]);
    if (!conv || !graph_constant(graph, node->inputs[1]) ||
        !join->joins(join->context, graph, conv, node))
        return 0;
    const int inputs[] = {conv->inputs[0],        conv->inputs[1],      graph_input(conv, 2),
                          node->inputs[1],        graph_input(node, 2), graph_input(node, 3),
                          node->epilogue.residual};
    return graph_edit_become(edit, at, "stance", "SkeletonConv", inputs,
                             node->epilogue.residual < 0 ? 6 : 7);
}

int graph_join_skeletons(struct graph *graph, graph_joins_fn *joins, void *context)
{
    const struct join join = {joins, context};
    return graph_edit_all(graph, join_skeleton, &join);
}
