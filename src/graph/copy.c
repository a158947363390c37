/* Copies of a graph that share its weights: whole, or its values first and its nodes one by one for a
 * pass that puts others between them. Strings and attributes are borrowed. */
#include <string.h>

#include "graph/graph.h"

int graph_copy_values(struct graph *graph, const struct graph *source)
{
    for (int i = 0; i < source->value_count; i++) {
        const struct graph_value *value = &source->values[i];
        int copy = value->constant
                       ? graph_add_constant(graph, value->name, value->constant)
                       : graph_add_value(graph, value->name, value->dtype, &value->shape);
        if (copy < 0)
            return copy;
    }
    return 0;
}

int graph_copy_node(struct graph *graph, const struct graph_node *from)
{
    int at = graph_insert_node(graph, graph->node_count, from->type, from->inputs,
                               from->input_count, from->outputs, from->output_count);
    if (at < 0)
        return at;
    struct graph_node *to = &graph->nodes[at];
    int *inputs = to->inputs, *outputs = to->outputs;
    *to = *from;
    to->inputs = inputs;
    to->outputs = outputs;
    return at;
}

static int *copy_indexes(struct graph *graph, const int *values, int count)
{
    int *copy = base_arena_alloc(graph->arena, (size_t)count + 1, sizeof *copy);
    if (copy && count)
        memcpy(copy, values, (size_t)count * sizeof *copy);
    return copy;
}

int graph_copy_ends(struct graph *graph, const struct graph *source)
{
    graph->opset = source->opset;
    graph->inputs = copy_indexes(graph, source->inputs, source->input_count);
    graph->outputs = copy_indexes(graph, source->outputs, source->output_count);
    if (!graph->inputs || !graph->outputs)
        return STANCE_ENOMEMORY;
    graph->input_count = source->input_count;
    graph->output_count = source->output_count;
    return 0;
}

int graph_copy(struct graph **out, const struct graph *source)
{
    struct graph *graph;
    *out = NULL;
    BASE_TRY(graph_open(&graph));
    int code = graph_copy_values(graph, source);
    for (int i = 0; i < source->node_count && code >= 0; i++)
        if (source->nodes[i].type)
            code = graph_copy_node(graph, &source->nodes[i]);
    if (code >= 0)
        code = graph_copy_ends(graph, source);
    if (code < 0)
        graph_close(&graph);
    *out = graph;
    return code < 0 ? code : 0;
}
