/* From an ONNX file's structs to a graph: names, initialisers, inputs, outputs, opset. Nodes are in
 * import_node.c, their order in import_order.c. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "graph/import.h"

/* Older opsets broadcast by attributes; newer ones were not out when this was written. */
enum { OLDEST_OPSET = 7, NEWEST_OPSET = 21 };

static int compare_text(struct onnx_string a, struct onnx_string b)
{
    int order = memcmp(a.data, b.data, a.size < b.size ? a.size : b.size);
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare_names(const void *a, const void *b)
{
    const struct import_name *x = a, *y = b;
    int order = compare_text(x->text, y->text);
    if (order == 0)
        order = (x->kind > y->kind) - (x->kind < y->kind);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

struct import_name *graph_import_name(const struct import *import, struct onnx_string text)
{
    size_t low = 0, high = import->name_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_text(import->names[middle].text, text);
        if (order == 0)
            return &import->names[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* ---- Names ------------------------------------------------------------------------------------
 */

static size_t most_names(const struct onnx_graph *source)
{
    size_t count = source->initializer_count + source->input_count;
    for (size_t n = 0; n < source->node_count; n++)
        count += source->nodes[n].output_count;
    return count;
}

static int add_name(struct import *import, struct onnx_string text, enum import_kind kind,
                    size_t index)
{
    if (text.size == 0 && kind == IMPORT_NODE)
        return 0;
    if (text.size == 0)
        return base_error(STANCE_EFORMAT, "%s %zu has no name",
                          kind == IMPORT_INPUT ? "graph input" : "initialiser", index);
    import->names[import->name_count++] = (struct import_name){text, kind, index, -1};
    return 0;
}

static int duplicate(const struct import *import, const struct import_name *name)
{
    if (name->kind != IMPORT_NODE)
        return base_error(STANCE_EFORMAT, "the name '%.*s' is given to two values",
                          ONNX_TEXT(name->text));
    return base_error(STANCE_EFORMAT, "node %zu '%.*s' (%.*s): its output '%.*s' is defined twice",
                      name->index, ONNX_TEXT(import->source->nodes[name->index].name),
                      ONNX_TEXT(import->source->nodes[name->index].type), ONNX_TEXT(name->text));
}

/* One entry per name: an input that repeats an initialiser disappears. */
static int unify_names(struct import *import)
{
    size_t kept = 0;
    qsort(import->names, import->name_count, sizeof import->names[0], compare_names);
    for (size_t i = 0; i < import->name_count; i++) {
        const struct import_name *name = &import->names[i];
        const struct import_name *before = kept ? &import->names[kept - 1] : NULL;
        const struct import_name *previous = i ? name - 1 : NULL;
        if (!before || compare_text(before->text, name->text) != 0) {
            import->names[kept++] = *name;
        } else if (before->kind != IMPORT_INITIALIZER || name->kind != IMPORT_INPUT ||
                   (previous->kind == IMPORT_INPUT)) {
            return duplicate(import, name);
        }
    }
    import->name_count = kept;
    return 0;
}

static int collect_names(struct import *import)
{
    const struct onnx_graph *source = import->source;
    import->names = base_alloc_zero(most_names(source) + 1, sizeof import->names[0]);
    if (!import->names)
        return base_error_memory(most_names(source) * sizeof import->names[0], "names of a graph");
    for (size_t i = 0; i < source->initializer_count; i++)
        BASE_TRY(add_name(import, source->initializers[i].name, IMPORT_INITIALIZER, i));
    for (size_t i = 0; i < source->input_count; i++)
        BASE_TRY(add_name(import, source->inputs[i].name, IMPORT_INPUT, i));
    for (size_t n = 0; n < source->node_count; n++)
        for (size_t i = 0; i < source->nodes[n].output_count; i++)
            BASE_TRY(add_name(import, source->nodes[n].outputs[i], IMPORT_NODE, n));
    return unify_names(import);
}

/* ---- Values -----------------------------------------------------------------------------------
 */

static int add_initializer(struct import *import, const struct onnx_tensor *initializer)
{
    struct tensor *contents;
    const char *name =
        base_arena_string(import->graph->arena, initializer->name.data, initializer->name.size);
    if (!name)
        return STANCE_ENOMEMORY;
    BASE_TRY(onnx_tensor_load(import->model, initializer, &contents));
    int value = graph_add_constant(import->graph, name, contents);
    tensor_close(&contents);
    if (value >= 0)
        graph_import_name(import, initializer->name)->value = value;
    return value < 0 ? value : 0;
}

/* The declared shape; dims that are not given are unknown. */
static int declared_shape(struct tensor_shape *out, const struct onnx_value_info *info)
{
    int64_t count;
    *out = (struct tensor_shape){.rank = info->has_shape ? info->rank : -1};
    for (int i = 0; i < out->rank; i++) {
        out->dims[i] = info->dims[i].value < 0 ? -1 : info->dims[i].value;
        if (out->dims[i] > TENSOR_MAX_COUNT)
            return base_error(STANCE_ELIMIT, "dim %d is larger than %lld", i,
                              (long long)TENSOR_MAX_COUNT);
    }
    return tensor_shape_known(out) ? tensor_shape_count(out, &count) : 0;
}

static int check_type(const struct onnx_value_info *info)
{
    if (!info->is_tensor)
        return base_error(STANCE_EUNSUPPORTED, "it is not a tensor");
    if (info->dtype != STANCE_DTYPE_NONE && stance_dtype_size(info->dtype) == 0)
        return base_error(STANCE_EUNSUPPORTED, "element type %d is not supported", info->dtype);
    return 0;
}

static int add_input(struct import *import, const struct onnx_value_info *info)
{
    struct graph *graph = import->graph;
    struct import_name *name = graph_import_name(import, info->name);
    struct tensor_shape shape;
    if (name->kind == IMPORT_INITIALIZER)
        return 0;
    BASE_TRY(check_type(info));
    BASE_TRY(declared_shape(&shape, info));
    const char *text = base_arena_string(graph->arena, info->name.data, info->name.size);
    int value = text ? graph_add_value(graph, text, info->dtype, &shape) : STANCE_ENOMEMORY;
    if (value < 0)
        return value;
    name->value = value;
    graph->inputs[graph->input_count++] = value;
    return 0;
}

static int add_output(struct import *import, const struct onnx_value_info *info)
{
    struct graph *graph = import->graph;
    const struct import_name *name = graph_import_name(import, info->name);
    if (!name)
        return base_error(STANCE_EFORMAT, "no node makes it");
    struct graph_value *value = &graph->values[name->value];
    if (name->kind == IMPORT_NODE && !value->constant) {
        BASE_TRY(check_type(info));
        BASE_TRY(declared_shape(&value->shape, info));
        value->dtype = info->dtype;
    }
    graph->outputs[graph->output_count++] = name->value;
    return 0;
}

static int add_values(struct import *import)
{
    const struct onnx_graph *source = import->source;
    for (size_t i = 0; i < source->initializer_count; i++) {
        int code = add_initializer(import, &source->initializers[i]);
        if (code < 0)
            return base_error_context(code, "initialiser '%.*s'",
                                      ONNX_TEXT(source->initializers[i].name));
    }
    for (size_t i = 0; i < source->input_count; i++) {
        int code = add_input(import, &source->inputs[i]);
        if (code < 0)
            return base_error_context(code, "graph input '%.*s'",
                                      ONNX_TEXT(source->inputs[i].name));
    }
    for (size_t n = 0; n < source->node_count; n++)
        BASE_TRY(graph_import_values(import, n));
    return 0;
}

static int add_outputs(struct import *import)
{
    const struct onnx_graph *source = import->source;
    for (size_t i = 0; i < source->output_count; i++) {
        int code = add_output(import, &source->outputs[i]);
        if (code < 0)
            return base_error_context(code, "graph output '%.*s'",
                                      ONNX_TEXT(source->outputs[i].name));
    }
    return 0;
}

/* ---- The whole --------------------------------------------------------------------------------
 */

static int check_opset(struct import *import)
{
    int64_t opset = onnx_model_opset(import->model, "");
    if (opset == 0)
        return base_error(STANCE_EFORMAT, "the model names no version of the ONNX operators");
    if (opset < OLDEST_OPSET || opset > NEWEST_OPSET)
        return base_error(STANCE_EUNSUPPORTED,
                          "opset %lld: stance reads %d to %d; export with opset 17, say",
                          (long long)opset, OLDEST_OPSET, NEWEST_OPSET);
    import->graph->opset = (int)opset;
    return 0;
}

static int allocate_ends(struct import *import)
{
    struct graph *graph = import->graph;
    const struct onnx_graph *source = import->source;
    if (source->output_count == 0)
        return base_error(STANCE_EFORMAT, "the graph has no outputs");
    graph->inputs = base_arena_alloc(graph->arena, source->input_count + 1, sizeof(int));
    graph->outputs = base_arena_alloc(graph->arena, source->output_count, sizeof(int));
    return graph->inputs && graph->outputs ? 0 : STANCE_ENOMEMORY;
}

static int build(struct import *import)
{
    BASE_TRY(check_opset(import));
    BASE_TRY(allocate_ends(import));
    for (size_t n = 0; n < import->source->node_count; n++)
        BASE_TRY(graph_import_check(import, n));
    BASE_TRY(collect_names(import));
    BASE_TRY(add_values(import));
    for (size_t n = 0; n < import->source->node_count; n++)
        BASE_TRY(graph_import_node(import, n));
    BASE_TRY(graph_import_order(import->graph));
    return add_outputs(import);
}

int graph_import(struct graph **out, struct onnx_model *model)
{
    struct import import = {.model = model, .source = model->graph};
    *out = NULL;
    if (!import.source)
        return base_error(STANCE_EFORMAT, "the model has no graph");
    BASE_TRY(graph_open(&import.graph));
    int code = build(&import);
    base_free(import.names);
    if (code < 0) {
        graph_close(&import.graph);
        return code;
    }
    *out = import.graph;
    return 0;
}
