/* One node at a time: shape inference into the graph, and constant folding through the engine. */
#include <string.h>

#include "base/memory.h"
#include "graph/rewrite.h"

static void read_types(const struct graph *graph, const struct graph_node *node,
                       struct graph_type *in)
{
    for (int i = 0; i < node->input_count; i++) {
        in[i] = (struct graph_type){.shape.rank = -1};
        if (node->inputs[i] < 0)
            continue;
        const struct graph_value *value = &graph->values[node->inputs[i]];
        in[i] = (struct graph_type){.dtype = value->dtype, .shape = value->shape};
        in[i].value = value->constant ? &value->constant->view : NULL;
    }
}

static int check_known(const struct graph_type *type)
{
    int64_t count;
    return tensor_shape_count(&type->shape, &count);
}

/* What depends on a shape of unknown size has an unknown size itself, even where inference could
 * tell more: a value is either fully static or left to the run. */
static int store_types(struct graph *graph, const struct graph_node *node,
                       const struct graph_type *out, bool fixed)
{
    for (int i = 0; i < node->output_count; i++) {
        if (node->outputs[i] < 0)
            continue;
        struct graph_value *value = &graph->values[node->outputs[i]];
        value->dtype = out[i].dtype;
        value->shape = (struct tensor_shape){.rank = -1};
        if (!fixed || !tensor_shape_known(&out[i].shape))
            continue;
        BASE_TRY(check_known(&out[i]));
        value->shape = out[i].shape;
    }
    return 0;
}

static bool inputs_known(const struct graph_node *node, const struct graph_type *in)
{
    for (int i = 0; i < node->input_count; i++)
        if (node->inputs[i] >= 0 && !tensor_shape_known(&in[i].shape))
            return false;
    return true;
}

int graph_infer_node(struct graph *graph, const struct graph_node *node)
{
    if (!node->op)
        return graph_node_error(base_error(STANCE_EUNSUPPORTED, "the operator is not known"), graph,
                                node);
    size_t count = (size_t)(node->input_count + node->output_count) + 1;
    struct graph_type *types = base_alloc_zero(count, sizeof *types);
    if (!types)
        return base_error_memory(count * sizeof *types, "shape inference");
    struct graph_infer infer = {.node = node,
                                .opset = graph->opset,
                                .input_count = node->input_count,
                                .output_count = node->output_count,
                                .in = types,
                                .out = types + node->input_count};
    for (int i = 0; i < node->output_count; i++)
        infer.out[i].shape.rank = -1;
    read_types(graph, node, types);
    int code = node->op->infer(&infer);
    if (code == 0)
        code = store_types(graph, node, infer.out, inputs_known(node, types));
    base_free(types);
    return code < 0 ? graph_node_error(code, graph, node) : 0;
}

bool graph_all_constant(const struct graph *graph, const struct graph_node *node)
{
    bool any = false;
    for (int i = 0; i < node->input_count; i++) {
        if (node->inputs[i] >= 0 && !graph->values[node->inputs[i]].constant)
            return false;
        any = any || node->inputs[i] >= 0;
    }
    return any;
}

static void become_constant(struct graph *graph, int value, struct tensor *constant)
{
    struct graph_value *to = &graph->values[value];
    tensor_close(&to->constant);
    to->constant = constant;
    to->producer = -1;
    to->dtype = constant->view.dtype;
    to->shape = tensor_shape_of(&constant->view);
}

/* Shape, with the start and end of opset 15, and Size. */
static int fold_shape(struct graph *graph, struct graph_node *node)
{
    struct tensor_shape shape = graph->values[node->inputs[0]].shape, result = {.rank = 1};
    int64_t first = 0, end = shape.rank, size = 1;
    bool count_only = graph_is(node, "Size");
    if (count_only) {
        BASE_TRY(tensor_shape_count(&shape, &size));
        result.rank = 0;
    } else {
        first = graph_attr_int(node, "start", 0);
        end = graph_attr_int(node, "end", shape.rank);
        first = first < 0 ? first + shape.rank : first;
        end = end < 0 ? end + shape.rank : end;
        first = first < 0 ? 0 : first > shape.rank ? shape.rank : first;
        end = end > shape.rank ? shape.rank : end < first ? first : end;
        result.dims[0] = end - first;
    }
    struct tensor *constant;
    BASE_TRY(tensor_open(&constant, STANCE_INT64, &result));
    if (count_only)
        memcpy(constant->view.data, &size, sizeof size);
    else if (end > first)
        memcpy(constant->view.data, shape.dims + first, (size_t)(end - first) * sizeof size);
    become_constant(graph, node->outputs[0], constant);
    node->type = NULL;
    return 1;
}

/* Most multiply-adds and result elements that one graph spends on folding; what is beyond is
 * computed when the network runs. Opening a file of any kind stays a matter of seconds. */
#define FOLD_WORK ((int64_t)1 << 31)

/* Whether the inferred results stay within the limit, those of unknown size are judged later; and
 * whether the work does. */
static bool small_enough(struct graph *graph, const struct graph_node *node, size_t limit)
{
    size_t total = 0;
    int64_t work = graph_node_multiply_adds(graph, node);
    for (int i = 0; i < node->output_count; i++) {
        if (node->outputs[i] < 0)
            continue;
        const struct graph_value *value = &graph->values[node->outputs[i]];
        int64_t count = 0;
        if (tensor_shape_known(&value->shape) && tensor_shape_count(&value->shape, &count) < 0)
            return false;
        total += (size_t)count * stance_dtype_size(value->dtype);
        work += count;
    }
    if (total > limit || work > FOLD_WORK - graph->folded)
        return false;
    graph->folded += work;
    return true;
}

static int take_results(struct graph *graph, struct graph_node *node, struct tensor **results,
                        size_t limit)
{
    size_t total = 0;
    bool complete = true;
    for (int i = 0; i < node->output_count; i++) {
        complete = complete && (node->outputs[i] < 0 || results[i]);
        total += results[i] ? tensor_bytes(&results[i]->view) : 0;
    }
    bool keep = complete && total <= limit;
    for (int i = 0; i < node->output_count; i++)
        if (keep && node->outputs[i] >= 0)
            become_constant(graph, node->outputs[i], results[i]);
        else
            tensor_close(&results[i]);
    if (keep)
        node->type = NULL;
    return keep;
}

int graph_fold_node(struct graph *graph, int at, const struct graph_folder *folder, bool shapes)
{
    struct graph_node *node = &graph->nodes[at];
    bool constant = graph_all_constant(graph, node);
    if ((graph_is(node, "Shape") || graph_is(node, "Size")) && node->input_count == 1 &&
        node->inputs[0] >= 0 && node->output_count == 1 && node->outputs[0] >= 0 &&
        (shapes || constant) && tensor_shape_known(&graph->values[node->inputs[0]].shape))
        return fold_shape(graph, node);
    if (!constant || !folder || !folder->fold || !small_enough(graph, node, folder->limit))
        return 0;
    size_t count = (size_t)node->output_count + 1;
    struct tensor **results = base_alloc_zero(count, sizeof *results);
    if (!results)
        return base_error_memory(count * sizeof *results, "constant folding");
    int code = folder->fold(folder->context, graph, node, results);
    if (code == 0)
        code = take_results(graph, node, results, folder->limit);
    else if (code == STANCE_EUNSUPPORTED || code == STANCE_ELIMIT)
        code = 0; /* left to the run */
    else
        code = graph_node_error(code, graph, node);
    base_free(results);
    return code;
}
