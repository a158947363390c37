/* The beginning of YOLOX and RTMO: four Slices of a picture, every second pixel of every second row
 * each, joined along the channels. They become one node Focus (domain "stance"):
 *
 *   y[n][phase · C + c][i][j] = x[n][c][2 i + phase % 2][2 j + phase / 2], phase 0 … 3,
 *
 * with the QuantizeLinear behind it, if there is one: then y is bytes. */
#include <string.h>

#include "graph/rewrite.h"

enum { PHASES = 4 };

/* Whether the Slice takes every second pixel of every second row, beginning with those of `phase`. */
static bool takes_phase(const struct graph_edit *edit, const struct graph_node *slice, int phase)
{
    const struct graph *graph = edit->graph;
    const struct tensor_shape *from = graph_fixed_shape(edit, slice->inputs[0]);
    const struct tensor_shape *to = graph_fixed_shape(edit, slice->outputs[0]);
    int64_t starts[2], axes[2], steps[2], first[4] = {0, 0, 0, 0};
    if (!from || !to || from->rank != 4 || from->dims[2] != 2 * to->dims[2] ||
        from->dims[3] != 2 * to->dims[3] || from->dims[0] != to->dims[0] ||
        from->dims[1] != to->dims[1] ||
        graph_const_ints(graph, graph_input(slice, 1), starts, 2) != 2 ||
        graph_const_ints(graph, graph_input(slice, 3), axes, 2) != 2 ||
        graph_const_ints(graph, graph_input(slice, 4), steps, 2) != 2)
        return false;
    for (int i = 0; i < 2; i++) {
        int64_t axis = axes[i] < 0 ? axes[i] + 4 : axes[i];
        if (axis < 2 || axis > 3 || steps[i] != 2 || starts[i] < 0)
            return false;
        first[axis] = starts[i];
    }
    return first[2] == phase % 2 && first[3] == phase / 2;
}

static int join_slices(struct graph_edit *edit, int at)
{
    const struct graph *graph = edit->graph;
    const struct graph_node *node = &graph->nodes[at];
    int64_t axis = graph_attr_int(node, "axis", 0);
    int picture = -1;
    if (node->input_count != PHASES || (axis != 1 && axis != -3) ||
        graph->values[node->outputs[0]].dtype != STANCE_FLOAT32)
        return 0;
    for (int i = 0; i < PHASES; i++) {
        const struct graph_node *slice = graph_producer_of(graph, node->inputs[i], "Slice");
        if (!slice || (i > 0 && slice->inputs[0] != picture) || !takes_phase(edit, slice, i) ||
            graph->values[slice->inputs[0]].constant)
            return 0;
        picture = slice->inputs[0];
    }
    return graph_edit_become(edit, at, "stance", "Focus", &picture, 1);
}

static int write_bytes(struct graph_edit *edit, int at)
{
    const struct graph *graph = edit->graph;
    const struct graph_node *node = &graph->nodes[at];
    const struct graph_node *focus = graph_producer(graph, node->inputs[0]);
    const struct graph_bytes *known = &graph->values[node->outputs[0]].bytes;
    struct graph_bytes bytes;
    if (!focus || strcmp(focus->type, "Focus") != 0 || edit->uses[node->inputs[0]] != 1 ||
        !graph_read_bytes(graph, node, &bytes) || known->scale != bytes.scale ||
        known->zero != bytes.zero)
        return 0;
    return graph_edit_absorb(edit, graph_node_index(graph, focus), at);
}

static int join_focus(struct graph_edit *edit, int at, const void *nothing)
{
    static const struct graph_rule rules[] = {
        {"Concat", join_slices}, {"QuantizeLinear", write_bytes}, {NULL, NULL}};
    return graph_edit_apply(edit, at, rules);
}

int graph_join_focus(struct graph *graph)
{
    return graph_edit_all(graph, join_focus, NULL);
}
