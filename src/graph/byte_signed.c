/* Activations of int8 between a QuantizeLinear and the DequantizeLinear nodes that read them become
 * uint8, bytes and zero points 128 above: the same numbers, for which there are kernels. */
#include "base/memory.h"
#include "graph/byte_operators.h"

static bool signed_zero(const struct graph *graph, const struct graph_node *node)
{
    const struct stance_tensor *zero = graph_constant(graph, graph_input(node, 2));
    return zero && zero->dtype == STANCE_INT8 && stance_tensor_count(zero) == 1;
}

static bool reads_signed(const struct graph *graph, const struct graph_node *node)
{
    return graph_is(node, "DequantizeLinear") && signed_zero(graph, node) &&
           !graph->values[node->inputs[0]].constant;
}

static int shift_zero(struct graph_edit *edit, int at)
{
    int old = edit->graph->nodes[at].inputs[2];
    struct tensor_shape shape = edit->graph->values[old].shape;
    struct tensor *zero;
    BASE_TRY(tensor_open(&zero, STANCE_UINT8, &shape));
    *(uint8_t *)zero->view.data = (uint8_t)(tensor_int(graph_constant(edit->graph, old), 0) + 128);
    int value = graph_edit_constant(edit, old, zero);
    return value < 0 ? value : graph_edit_set_input(edit, at, 2, value);
}

/* `readers`: per value, how many of its uses are such DequantizeLinear nodes. */
static int shift_node(struct graph_edit *edit, int at, int value_count, const int *readers)
{
    struct graph *graph = edit->graph;
    const struct graph_node *node = &graph->nodes[at];
    if (graph_is(node, "QuantizeLinear") && signed_zero(graph, node)) {
        int value = node->outputs[0];
        if (value >= value_count || readers[value] == 0 || readers[value] != edit->uses[value])
            return 0;
        graph->values[value].dtype = STANCE_UINT8;
        return shift_zero(edit, at);
    }
    bool shifted =
        reads_signed(graph, node) && graph->values[node->inputs[0]].dtype == STANCE_UINT8;
    return shifted ? shift_zero(edit, at) : 0;
}

int graph_shift_signed(struct graph *graph)
{
    struct graph_edit edit;
    int value_count = graph->value_count, code = 0;
    int *readers = base_alloc_zero((size_t)value_count + 1, sizeof *readers);
    if (!readers)
        return base_error_memory((size_t)value_count * sizeof *readers, "quantisation");
    for (int i = 0; i < graph->node_count; i++)
        if (reads_signed(graph, &graph->nodes[i]))
            readers[graph->nodes[i].inputs[0]]++;
    code = graph_edit_open(&edit, graph, true);
    for (int i = 0; i < graph->node_count && code >= 0; i++)
        code = shift_node(&edit, i, value_count, readers);
    graph_edit_finish(&edit);
    base_free(readers);
    return code < 0 ? code : 0;
}
