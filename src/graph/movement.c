/* Nodes that only move or rename data: chains of Reshape, Squeeze, Unsqueeze and Flatten become
 * one Reshape, Transposes are merged, and those that move nothing become a Reshape or go. */
#include "graph/rewrite.h"

static bool only_reshapes(const struct graph_node *node)
{
    return graph_is(node, "Reshape") || graph_is(node, "Flatten") || graph_is(node, "Squeeze") ||
           graph_is(node, "Unsqueeze");
}

/* Node `at` becomes a Reshape of `input` to its known output shape. */
static int become_reshape(struct graph_edit *edit, int at, int input)
{
    int output = edit->graph->nodes[at].outputs[0];
    struct tensor_shape shape = edit->graph->values[output].shape;
    int64_t count;
    if (tensor_shape_count(&shape, &count) < 0 || count == 0)
        return 0;
    int target = graph_edit_int_constant(edit, output, shape.dims, shape.rank);
    if (target < 0)
        return target;
    int inputs[] = {input, target};
    return graph_edit_become(edit, at, "", "Reshape", inputs, 2);
}

static int join_reshapes(struct graph_edit *edit, int at)
{
    const struct graph *graph = edit->graph;
    const struct graph_node *node = &graph->nodes[at];
    int input = graph_input(node, 0), output = node->outputs[0];
    if (!graph_fixed_shape(edit, input) || !graph_fixed_shape(edit, output))
        return 0;
    if (graph_same_shape(edit, input, output))
        return graph_edit_bypass(edit, at, input);
    const struct graph_node *before = graph_producer(graph, input);
    if (!only_reshapes(before) || !graph_fixed_shape(edit, before->inputs[0]))
        return 0;
    if (graph_same_shape(edit, before->inputs[0], output))
        return graph_edit_bypass(edit, at, before->inputs[0]);
    return become_reshape(edit, at, before->inputs[0]);
}

static int drop_same_shape(struct graph_edit *edit, int at)
{
    const struct graph_node *node = &edit->graph->nodes[at];
    return graph_same_shape(edit, graph_input(node, 0), node->outputs[0])
               ? graph_edit_bypass(edit, at, node->inputs[0])
               : 0;
}

/* The permutation of a Transpose; 0 when its rank is not known. */
static int read_permutation(const struct graph *graph, const struct graph_node *node,
                            int64_t out[STANCE_MAX_RANK])
{
    int count;
    const int64_t *permutation = graph_attr_ints(node, "perm", &count);
    if (!permutation)
        count = graph->values[node->inputs[0]].shape.rank;
    if (count < 1 || count > STANCE_MAX_RANK)
        return 0;
    for (int i = 0; i < count; i++) {
        out[i] = permutation ? permutation[i] : count - 1 - i;
        if (out[i] < 0 || out[i] >= count)
            return 0;
    }
    return count;
}

/* Whether the dims that are not 1 stay in their order. */
static bool keeps_order(const struct tensor_shape *shape, const int64_t *permutation, int rank)
{
    int64_t last = -1;
    for (int i = 0; i < rank; i++) {
        if (shape && shape->dims[permutation[i]] == 1)
            continue;
        if (permutation[i] < last)
            return false;
        last = permutation[i];
    }
    return true;
}

static int merge_transposes(struct graph_edit *edit, int at)
{
    struct graph *graph = edit->graph;
    const struct graph_node *node = &graph->nodes[at];
    int64_t outer[STANCE_MAX_RANK], inner[STANCE_MAX_RANK], merged[STANCE_MAX_RANK];
    int rank = read_permutation(graph, node, outer);
    if (rank == 0)
        return 0;
    if (keeps_order(NULL, outer, rank))
        return graph_edit_bypass(edit, at, node->inputs[0]);
    const struct tensor_shape *shape = graph_fixed_shape(edit, node->inputs[0]);
    if (shape && shape->rank == rank && keeps_order(shape, outer, rank))
        return become_reshape(edit, at, node->inputs[0]);
    const struct graph_node *before = graph_producer_of(graph, node->inputs[0], "Transpose");
    if (!before || read_permutation(graph, before, inner) != rank)
        return 0;
    for (int i = 0; i < rank; i++)
        merged[i] = inner[outer[i]];
    int64_t *kept = base_arena_alloc(graph->arena, STANCE_MAX_RANK, sizeof *kept);
    if (!kept)
        return STANCE_ENOMEMORY;
    for (int i = 0; i < rank; i++)
        kept[i] = merged[i];
    const struct graph_attr attr = {
        .name = "perm", .kind = GRAPH_ATTR_INTS, .count = rank, .ints = kept};
    int input = before->inputs[0];
    BASE_TRY(graph_edit_become(edit, at, "", "Transpose", &input, 1));
    BASE_TRY(graph_edit_set_attrs(edit, at, &attr, 1));
    return 1;
}

const struct graph_rule graph_movement_rules[] = {
    {"Reshape", join_reshapes},      {"Flatten", join_reshapes},
    {"Squeeze", join_reshapes},      {"Unsqueeze", join_reshapes},
    {"Expand", drop_same_shape},     {"Tile", drop_same_shape},
    {"Transpose", merge_transposes}, {NULL, NULL},
};
