/* Which weights of convolutions are stored as bytes: the passes before graph_use_bytes() leave them
 * so, for a quarter of the memory. */
#include <string.h>

#include "base/memory.h"
#include "graph/rewrite.h"

static bool is_convolution(const struct graph_node *node)
{
    return graph_is(node, "Conv") || graph_is(node, "ConvTranspose");
}

static bool constant_of_rank_4(const struct graph *graph, int value)
{
    const struct stance_tensor *constant = graph_constant(graph, value);
    return constant && constant->rank == 4;
}

/* DequantizeLinear of a constant int8, or of one that is still to be computed from floats. */
static bool widens_weights(const struct graph *graph, const struct graph_node *node)
{
    int stored = graph_is(node, "DequantizeLinear") ? graph_input(node, 0) : -1;
    if (stored < 0 || node->outputs[0] < 0)
        return false;
    const struct graph_node *quantise = graph_producer_of(graph, stored, "QuantizeLinear");
    return quantise
               ? constant_of_rank_4(graph, graph_input(quantise, 0))
               : constant_of_rank_4(graph, stored) && graph->values[stored].dtype == STANCE_INT8;
}

int graph_find_byte_weights(const struct graph *graph, bool **out)
{
    bool *found = *out = base_alloc_zero((size_t)graph->value_count + 1, sizeof *found);
    if (!found)
        return base_error_memory((size_t)graph->value_count, "a graph");
    for (int i = 0; i < graph->node_count; i++)
        if (widens_weights(graph, &graph->nodes[i]))
            found[graph->nodes[i].outputs[0]] = true;
    for (int i = 0; i < graph->node_count; i++)
        for (int k = 0; k < graph->nodes[i].input_count; k++) {
            int value = graph->nodes[i].inputs[k];
            if (value >= 0 && (k != 1 || !is_convolution(&graph->nodes[i])))
                found[value] = false;
        }
    for (int i = 0; i < graph->output_count; i++)
        found[graph->outputs[i]] = false;
    return 0;
}

bool graph_makes_byte_weights(const struct graph_node *node, const bool *found)
{
    return graph_is(node, "DequantizeLinear") && node->outputs[0] >= 0 && found[node->outputs[0]];
}

bool graph_has_byte_weights(const struct graph *graph)
{
    for (int i = 0; i < graph->node_count; i++) {
        const struct graph_node *node = &graph->nodes[i];
        if (is_convolution(node) &&
            widens_weights(graph, graph_producer_of(graph, node->inputs[1], "DequantizeLinear")))
            return true;
    }
    return false;
}
