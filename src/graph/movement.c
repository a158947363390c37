/* Nodes that only move or rename data: chains of Reshape, Squeeze, Unsqueeze and Flatten become
 * one Reshape, Transposes are merged, and those that move nothing become a Reshape or go; a Slice of
 * a Slice along other axes becomes one. */
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

enum slice_list { SLICE_STARTS, SLICE_ENDS, SLICE_AXES, SLICE_STEPS, SLICE_LISTS };

/* Appends the constant lists of a Slice with `rank` axes to `lists`; the new count, or -1. */
static int append_slice(const struct graph *graph, const struct graph_node *node, int count,
                        int64_t lists[SLICE_LISTS][STANCE_MAX_RANK])
{
    int rank = graph->values[node->inputs[0]].shape.rank, added = -1;
    for (int list = 0; list < SLICE_LISTS; list++) {
        int value = graph_input(node, list + 1), most = STANCE_MAX_RANK - count;
        int found = value < 0 ? -1 : graph_const_ints(graph, value, lists[list] + count, most);
        if (value < 0 && list == SLICE_STEPS)
            for (found = 0; found < added; found++)
                lists[list][count + found] = 1;
        if (found < 1 || (list > 0 && found != added))
            return -1;
        added = found;
    }
    for (int i = count; i < count + added; i++) {
        int64_t *axis = &lists[SLICE_AXES][i];
        *axis += *axis < 0 ? rank : 0;
        for (int k = 0; k < i; k++)
            if (lists[SLICE_AXES][k] == *axis)
                return -1;
    }
    return count + added;
}

static int merge_slices(struct graph_edit *edit, int at)
{
    const struct graph *graph = edit->graph;
    const struct graph_node *node = &graph->nodes[at];
    const struct graph_node *before = graph_producer_of(graph, graph_input(node, 0), "Slice");
    int64_t lists[SLICE_LISTS][STANCE_MAX_RANK];
    if (!before || !graph_fixed_shape(edit, before->inputs[0]))
        return 0;
    int count = append_slice(graph, before, 0, lists);
    count = count < 0 ? count : append_slice(graph, node, count, lists);
    if (count < 0)
        return 0;
    int inputs[1 + SLICE_LISTS] = {before->inputs[0]}, output = node->outputs[0];
    for (int list = 0; list < SLICE_LISTS; list++) {
        inputs[1 + list] = graph_edit_int_constant(edit, output, lists[list], count);
        if (inputs[1 + list] < 0)
            return inputs[1 + list];
    }
    return graph_edit_become(edit, at, "", "Slice", inputs, 1 + SLICE_LISTS);
}

const struct graph_rule graph_movement_rules[] = {
    {"Reshape", join_reshapes},      {"Flatten", join_reshapes},  {"Squeeze", join_reshapes},
    {"Unsqueeze", join_reshapes},    {"Expand", drop_same_shape}, {"Tile", drop_same_shape},
    {"Transpose", merge_transposes}, {"Slice", merge_slices},     {NULL, NULL},
};
