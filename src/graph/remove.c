/* Nodes that change nothing: they go, and their users read what they read. */
#include <string.h>

#include "graph/rewrite.h"

static int bypass_first(struct graph_edit *edit, int at)
{
    const struct graph_node *node = &edit->graph->nodes[at];
    if (graph_input(node, 0) < 0 || node->output_count < 1 || node->outputs[0] < 0)
        return 0;
    for (int i = 1; i < node->output_count; i++)
        if (node->outputs[i] >= 0 && edit->uses[node->outputs[i]] > 0)
            return 0;
    return graph_edit_bypass(edit, at, node->inputs[0]);
}

static int remove_identity(struct graph_edit *edit, int at)
{
    return bypass_first(edit, at);
}

/* Inference mode, unless the training flag of opset 12 is set or computed. */
static int remove_dropout(struct graph_edit *edit, int at)
{
    const struct graph_node *node = &edit->graph->nodes[at];
    int flag = graph_input(node, 2);
    const struct stance_tensor *training = graph_constant(edit->graph, flag);
    if (flag >= 0 && (!training || stance_tensor_count(training) != 1 || tensor_int(training, 0)))
        return 0;
    return bypass_first(edit, at);
}

static int remove_cast(struct graph_edit *edit, int at)
{
    const struct graph_node *node = &edit->graph->nodes[at];
    int input = graph_input(node, 0);
    if (input < 0 || edit->graph->values[input].dtype == STANCE_DTYPE_NONE ||
        edit->graph->values[input].dtype != graph_attr_int(node, "to", STANCE_DTYPE_NONE))
        return 0;
    return bypass_first(edit, at);
}

static int remove_single(struct graph_edit *edit, int at)
{
    const struct graph_node *node = &edit->graph->nodes[at];
    return node->input_count == 1 && node->output_count == 1 ? bypass_first(edit, at) : 0;
}

static int remove_split(struct graph_edit *edit, int at)
{
    return edit->graph->nodes[at].output_count == 1 ? bypass_first(edit, at) : 0;
}

static int remove_pad(struct graph_edit *edit, int at)
{
    const struct graph_node *node = &edit->graph->nodes[at];
    int64_t buffer[2 * STANCE_MAX_RANK];
    int count;
    const int64_t *pads = graph_attr_ints(node, "pads", &count);
    if (!pads) {
        count = graph_const_ints(edit->graph, graph_input(node, 1), buffer, 2 * STANCE_MAX_RANK);
        pads = buffer;
    }
    if (count <= 0)
        return 0;
    for (int i = 0; i < count; i++)
        if (pads[i] != 0)
            return 0;
    return bypass_first(edit, at);
}

/* A Slice with steps of 1 that takes everything: from 0 to the far end of each axis, or with an
 * output as large as its input. */
static int remove_slice(struct graph_edit *edit, int at)
{
    const struct graph_node *node = &edit->graph->nodes[at];
    int64_t starts[STANCE_MAX_RANK], ends[STANCE_MAX_RANK], steps[STANCE_MAX_RANK];
    int count = graph_const_ints(edit->graph, graph_input(node, 1), starts, STANCE_MAX_RANK);
    int end_count = graph_const_ints(edit->graph, graph_input(node, 2), ends, STANCE_MAX_RANK);
    int step_count = graph_const_ints(edit->graph, graph_input(node, 4), steps, STANCE_MAX_RANK);
    if (count <= 0 || end_count != count || (graph_input(node, 4) >= 0 && step_count != count))
        return 0;
    bool same = graph_same_shape(edit, node->inputs[0], node->outputs[0]);
    for (int i = 0; i < count; i++) {
        if (step_count > 0 && steps[i] != 1)
            return 0;
        if (!same && (starts[i] != 0 || ends[i] < INT32_MAX))
            return 0;
    }
    return bypass_first(edit, at);
}

/* Operators with an operand that leaves the other one as it is. */
static const struct neutral {
    const char *type;
    double value;
    bool either_side;
} neutrals[] = {
    {"Add", 0, true}, {"Sub", 0, false}, {"Mul", 1, true}, {"Div", 1, false}, {"Pow", 1, false},
};

static bool all_equal(const struct stance_tensor *constant, double value)
{
    int64_t count = stance_tensor_count(constant);
    for (int64_t i = 0; i < count; i++)
        if (tensor_float(constant, i) != value)
            return false;
    return count > 0;
}

static int remove_neutral(struct graph_edit *edit, int at)
{
    const struct graph_node *node = &edit->graph->nodes[at];
    const struct neutral *neutral = neutrals;
    while (strcmp(neutral->type, node->type) != 0)
        neutral++;
    for (int slot = 1; slot >= !neutral->either_side && node->input_count == 2; slot--) {
        int operand = node->inputs[slot], other = node->inputs[!slot];
        const struct stance_tensor *constant = graph_constant(edit->graph, operand);
        double scalar;
        if (!constant || other < 0 ||
            !(graph_scalar(edit->graph, operand, other, &scalar) ||
              graph_same_shape(edit, other, node->outputs[0])) ||
            !all_equal(constant, neutral->value))
            continue;
        return graph_edit_bypass(edit, at, other);
    }
    return 0;
}

const struct graph_rule graph_remove_rules[] = {
    {"Identity", remove_identity},
    {"Dropout", remove_dropout},
    {"Cast", remove_cast},
    {"Concat", remove_single},
    {"Sum", remove_single},
    {"Mean", remove_single},
    {"Max", remove_single},
    {"Min", remove_single},
    {"Split", remove_split},
    {"Pad", remove_pad},
    {"Slice", remove_slice},
    {"Add", remove_neutral},
    {"Sub", remove_neutral},
    {"Mul", remove_neutral},
    {"Div", remove_neutral},
    {"Pow", remove_neutral},
    {NULL, NULL},
};
