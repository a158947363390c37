/* Questions that the passes ask about nodes and constants. */
#include <math.h>
#include <string.h>

#include "graph/rewrite.h"

bool graph_is(const struct graph_node *node, const char *type)
{
    return node && node->type && strcmp(node->type, type) == 0;
}

struct graph_node *graph_producer(const struct graph *graph, int value)
{
    int producer = value < 0 ? -1 : graph->values[value].producer;
    if (producer < 0 || !graph->nodes[producer].type)
        return NULL;
    return &graph->nodes[producer];
}

struct graph_node *graph_producer_of(const struct graph *graph, int value, const char *type)
{
    struct graph_node *node = graph_producer(graph, value);
    return graph_is(node, type) ? node : NULL;
}

int graph_node_index(const struct graph *graph, const struct graph_node *node)
{
    return (int)(node - graph->nodes);
}

int graph_input(const struct graph_node *node, int i)
{
    return i < node->input_count ? node->inputs[i] : -1;
}

const struct stance_tensor *graph_constant(const struct graph *graph, int value)
{
    return value >= 0 && graph->values[value].constant ? &graph->values[value].constant->view
                                                       : NULL;
}

bool graph_scalar(const struct graph *graph, int value, int partner, double *out)
{
    const struct stance_tensor *constant = graph_constant(graph, value);
    if (!constant || stance_tensor_count(constant) != 1)
        return false;
    if (constant->rank > 0 && (partner < 0 || graph->values[partner].shape.rank < constant->rank))
        return false;
    *out = tensor_float(constant, 0);
    return true;
}

int graph_const_ints(const struct graph *graph, int value, int64_t *out, int most)
{
    const struct stance_tensor *constant = graph_constant(graph, value);
    if (!constant || constant->rank > 1 ||
        (constant->dtype != STANCE_INT64 && constant->dtype != STANCE_INT32))
        return -1;
    int64_t count = stance_tensor_count(constant);
    if (count > most)
        return -1;
    for (int64_t i = 0; i < count; i++)
        out[i] = tensor_int(constant, i);
    return (int)count;
}

int graph_axes(const struct graph *graph, const struct graph_node *node, int slot, int rank,
               int64_t out[STANCE_MAX_RANK], bool *given)
{
    int count;
    const int64_t *attribute = graph_attr_ints(node, "axes", &count);
    *given = attribute || graph_input(node, slot) >= 0;
    if (!*given)
        return 0;
    if (!attribute)
        count = graph_const_ints(graph, graph_input(node, slot), out, STANCE_MAX_RANK);
    if (count < 0 || count > STANCE_MAX_RANK)
        return -1;
    for (int i = 0; i < count; i++) {
        int64_t axis = attribute ? attribute[i] : out[i];
        out[i] = axis < 0 && rank >= 0 ? axis + rank : axis;
    }
    return count;
}

static bool clip_bound(const struct graph *graph, const struct graph_node *node, int slot,
                       const char *name, double absent, double *bound)
{
    int value = graph_input(node, slot);
    *bound = graph_attr_float(node, name, (float)absent);
    if (value < 0)
        return true;
    const struct stance_tensor *constant = graph_constant(graph, value);
    if (!constant || stance_tensor_count(constant) != 1)
        return false;
    *bound = tensor_float(constant, 0);
    return true;
}

bool graph_clip_range(const struct graph *graph, const struct graph_node *node, double *low,
                      double *high)
{
    if (graph_is(node, "Relu")) {
        *low = 0;
        *high = INFINITY;
        return true;
    }
    return graph_is(node, "Clip") && clip_bound(graph, node, 1, "min", -INFINITY, low) &&
           clip_bound(graph, node, 2, "max", INFINITY, high);
}

bool graph_is_output(const struct graph *graph, int value)
{
    for (int i = 0; i < graph->output_count; i++)
        if (graph->outputs[i] == value)
            return true;
    return false;
}

const struct tensor_shape *graph_fixed_shape(const struct graph_edit *edit, int value)
{
    if (!edit->fixed || value < 0 || !tensor_shape_known(&edit->graph->values[value].shape))
        return NULL;
    return &edit->graph->values[value].shape;
}

bool graph_same_shape(const struct graph_edit *edit, int a, int b)
{
    const struct tensor_shape *left = graph_fixed_shape(edit, a);
    const struct tensor_shape *right = graph_fixed_shape(edit, b);
    return left && right && tensor_shape_equal(left, right);
}
