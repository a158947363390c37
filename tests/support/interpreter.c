/* The plainest execution of a graph there is. */
#include <string.h>

#include "base/memory.h"
#include "support/interpreter.h"

static int run_node(const struct graph *graph, const struct graph_node *node,
                    const struct engine_context *context, struct stance_tensor *values)
{
    struct stance_tensor in[64], out[64];
    if (node->input_count > 64 || node->output_count > 64)
        return base_error(STANCE_ELIMIT, "more than 64 inputs or outputs");
    for (int i = 0; i < node->input_count; i++)
        in[i] = node->inputs[i] < 0 ? (struct stance_tensor){0} : values[node->inputs[i]];
    memset(out, 0, sizeof out);
    int code = engine_evaluate(context, node, in, out);
    if (code < 0)
        return graph_node_error(code, graph, node);
    for (int i = 0; i < node->output_count; i++)
        if (node->outputs[i] >= 0)
            values[node->outputs[i]] = out[i];
    return 0;
}

static int copy_out(struct tensor **out, const struct stance_tensor *value)
{
    struct tensor_shape shape = tensor_shape_of(value);
    BASE_TRY(tensor_open(out, value->dtype, &shape));
    size_t bytes = tensor_bytes(value);
    if (bytes > 0)
        memcpy((*out)->view.data, value->data, bytes);
    return 0;
}

int interpreter_run(const struct graph *graph, const struct engine_context *context,
                    struct tensor *const *inputs, struct tensor **outputs)
{
    int code = 0;
    size_t count = (size_t)graph->value_count + 1;
    struct stance_tensor *values = base_alloc_zero(count, sizeof *values);
    if (!values)
        return base_error_memory(count * sizeof *values, "values");
    for (int i = 0; i < graph->value_count; i++)
        if (graph->values[i].constant)
            values[i] = graph->values[i].constant->view;
    for (int i = 0; i < graph->input_count; i++)
        values[graph->inputs[i]] = inputs[i]->view;
    for (int i = 0; i < graph->node_count && code == 0; i++)
        code = run_node(graph, &graph->nodes[i], context, values);
    memset(outputs, 0, (size_t)graph->output_count * sizeof outputs[0]);
    for (int i = 0; i < graph->output_count && code == 0; i++)
        code = copy_out(&outputs[i], &values[graph->outputs[i]]);
    for (int i = 0; i < graph->output_count && code < 0; i++)
        tensor_close(&outputs[i]);
    base_free(values);
    return code;
}
