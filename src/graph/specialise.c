/* A copy of the general graph for fixed input shapes: every shape inferred, everything that does
 * not depend on the inputs' contents folded. */
#include <string.h>

#include "base/memory.h"
#include "graph/rewrite.h"

/* A given shape may differ from the declared one where that leaves dims open, in the batch, and with
 * `any_size` in a picture's height and width. */
static int check_input(const struct graph *source, int input, const struct tensor_shape *shape,
                       bool any_size)
{
    const struct graph_value *value = &source->values[source->inputs[input]];
    const struct tensor_shape *declared = &value->shape;
    char given_text[TENSOR_SHAPE_TEXT], declared_text[TENSOR_SHAPE_TEXT];
    int64_t count;
    int code = tensor_shape_count(shape, &count);
    if (code < 0)
        return base_error_context(code, "input '%.200s'", value->name);
    bool fits = declared->rank < 0 || declared->rank == shape->rank;
    for (int i = 1; fits && i < declared->rank; i++)
        fits = declared->dims[i] < 0 || declared->dims[i] == shape->dims[i] ||
               (any_size && i > 1 && shape->rank == 4);
    if (!fits)
        return base_error(STANCE_ESHAPE, "input '%.200s' of shape %s cannot be %s", value->name,
                          tensor_shape_text(declared, declared_text),
                          tensor_shape_text(shape, given_text));
    return 0;
}

/* Shapes of the general graph are not trusted: they may hold the batch of the export. */
static void forget_shapes(struct graph *graph)
{
    for (int i = 0; i < graph->value_count; i++)
        if (!graph->values[i].constant) {
            graph->values[i].dtype = STANCE_DTYPE_NONE;
            graph->values[i].shape = (struct tensor_shape){.rank = -1};
        }
}

static int infer_all(struct graph *graph, const struct graph_folder *folder)
{
    bool *byte_weights;
    BASE_TRY(graph_find_byte_weights(graph, &byte_weights));
    int code = 0;
    for (int i = 0; i < graph->node_count && code >= 0; i++) {
        code = graph_infer_node(graph, &graph->nodes[i]);
        if (code == 0 && !graph_makes_byte_weights(&graph->nodes[i], byte_weights))
            code = graph_fold_node(graph, i, folder, true);
    }
    base_free(byte_weights);
    return code < 0 ? code : 0;
}

/* Drops what only folded nodes needed. Tensors of attributes live on in the general graph. */
static int drop_unused(struct graph *graph)
{
    graph_sweep(graph);
    bool *used = base_alloc_zero((size_t)graph->value_count + 1, sizeof *used);
    if (!used)
        return base_error_memory((size_t)graph->value_count, "a graph");
    for (int i = 0; i < graph->node_count; i++)
        for (int k = 0; k < graph->nodes[i].input_count; k++)
            if (graph->nodes[i].inputs[k] >= 0)
                used[graph->nodes[i].inputs[k]] = true;
    for (int i = 0; i < graph->output_count; i++)
        used[graph->outputs[i]] = true;
    for (int i = 0; i < graph->value_count; i++)
        if (!used[i])
            tensor_close(&graph->values[i].constant);
    base_free(used);
    return 0;
}

int graph_specialise_size(struct graph **out, const struct graph *source,
                          const struct tensor_shape *shapes, const struct graph_folder *folder,
                          bool any_size)
{
    *out = NULL;
    for (int i = 0; i < source->input_count; i++)
        BASE_TRY(check_input(source, i, &shapes[i], any_size));
    struct graph *graph;
    BASE_TRY(graph_copy(&graph, source));
    forget_shapes(graph);
    for (int i = 0; i < source->input_count; i++) {
        graph->values[source->inputs[i]].shape = shapes[i];
        graph->values[source->inputs[i]].dtype = source->values[source->inputs[i]].dtype;
    }
    int code = infer_all(graph, folder);
    if (code == 0)
        code = drop_unused(graph);
    if (code < 0)
        graph_close(&graph);
    *out = graph;
    return code;
}

int graph_specialise(struct graph **out, const struct graph *source,
                     const struct tensor_shape *shapes, const struct graph_folder *folder)
{
    return graph_specialise_size(out, source, shapes, folder, false);
}
