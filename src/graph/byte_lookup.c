/* Element-wise operators between a DequantizeLinear and a QuantizeLinear that compute a function of
 * one byte: all of them become one Lookup in a table of its 256 results. */
#include "graph/byte_operators.h"

enum { DEPTH = 8 };

static const char *const functions[] = {
    "Abs",         "Add",       "Clip",      "Div",  "Elu", "Erf",   "Exp",  "Gelu",
    "HardSigmoid", "HardSwish", "LeakyRelu", "Max",  "Min", "Mul",   "Neg",  "Pow",
    "Relu",        "Sigmoid",   "Softplus",  "Sqrt", "Sub", "Swish", "Tanh",
};

static bool is_function(const struct graph_node *node)
{
    bool found = false;
    for (size_t i = 0; node && i < sizeof functions / sizeof functions[0] && !found; i++)
        found = graph_is(node, functions[i]);
    return found && node->epilogue.activation == GRAPH_LINEAR && node->epilogue.residual < 0;
}

/* The bytes that a value depends on element by element, or -1. */
static int root_of(const struct graph_bytes_pass *pass, int value, int depth)
{
    const struct graph *graph = pass->edit.graph;
    struct graph_bytes bytes;
    const struct graph_node *node = graph_producer(graph, value);
    int root = -1;
    if (graph_is(node, "DequantizeLinear")) {
        root = graph_bytes_behind(pass, value, &bytes);
        const struct graph_node *table = graph_producer_of(graph, root, "Lookup");
        return table ? table->inputs[0] : root;
    }
    if (!is_function(node) || depth == DEPTH || !graph_fixed_shape(&pass->edit, value))
        return -1;
    for (int i = 0; i < node->input_count; i++) {
        const struct stance_tensor *constant = graph_constant(graph, node->inputs[i]);
        if (node->inputs[i] < 0 || (constant && stance_tensor_count(constant) == 1))
            continue;
        int found = constant ? -1 : root_of(pass, node->inputs[i], depth + 1);
        if (found < 0 || (root >= 0 && found != root) ||
            !graph_same_shape(&pass->edit, found, value))
            return -1;
        root = found;
    }
    return root;
}

/* A constant of the node's results where input 0, or every input that is not constant, is one of
 * `inputs`. */
static int fold(struct graph_bytes_pass *pass, const struct graph_node *node, int *inputs)
{
    struct graph_node call = *node;
    struct tensor *result = NULL;
    call.inputs = inputs;
    call.output_count = 1;
    BASE_TRY(pass->folder->fold(pass->folder->context, pass->edit.graph, &call, &result));
    return graph_edit_constant(&pass->edit, node->outputs[0], result);
}

/* A constant of all bytes in order. */
static int all_bytes(struct graph_bytes_pass *pass, int like)
{
    struct tensor *tensor;
    struct tensor_shape shape = {.rank = 1, .dims = {256}};
    BASE_TRY(tensor_open(&tensor, STANCE_UINT8, &shape));
    for (int i = 0; i < 256; i++)
        ((uint8_t *)tensor->view.data)[i] = (uint8_t)i;
    return graph_edit_constant(&pass->edit, like, tensor);
}

/* A constant of what `value` is for each of the 256 bytes that `root` can be. Such values have few
 * inputs: their number was checked by root_of() walking the same way. */
static int tabulate(struct graph_bytes_pass *pass, int value, int root)
{
    enum { INPUTS = 8 };
    const struct graph *graph = pass->edit.graph;
    const struct graph_node node = *graph_producer(graph, value);
    const struct graph_node *table;
    int inputs[INPUTS];
    if (node.input_count > INPUTS)
        return STANCE_ELIMIT;
    for (int i = 0; i < node.input_count; i++) {
        inputs[i] = node.inputs[i];
        if (inputs[i] < 0 || graph_constant(graph, inputs[i]))
            continue;
        if (inputs[i] == root)
            inputs[i] = all_bytes(pass, root);
        else if ((table = graph_producer_of(graph, inputs[i], "Lookup")))
            inputs[i] = table->inputs[1];
        else
            inputs[i] = tabulate(pass, inputs[i], root);
        if (inputs[i] < 0)
            return inputs[i];
    }
    return fold(pass, &node, inputs);
}

int graph_bytes_look_up(struct graph_bytes_pass *pass, int at)
{
    const struct graph_node *node = &pass->edit.graph->nodes[at];
    int output = node->outputs[0], root = root_of(pass, node->inputs[0], 0);
    if (root < 0 || !pass->folder || !pass->folder->fold)
        return 0;
    int table = tabulate(pass, output, root);
    if (table < 0)
        return table == STANCE_ENOMEMORY ? table : 0;
    return graph_bytes_replace(pass, at, "Lookup", (const int[]){root, table}, 2);
}
