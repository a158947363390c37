/* From a graph back to an ONNX file: names, weights, inputs and outputs. Nodes are in
 * export_node.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "graph/export.h"
#include "onnx/onnx_model.h"

/* Weights per channel in DequantizeLinear need 13, LayerNormalization 17. */
enum { LEAST_OPSET = 17 };
/* Protocol buffers end there. */
#define MOST_BYTES (((size_t)2 << 30) - 1)

struct named {
    const char *name;
    int value;
    bool end; /* input or output: keeps its name */
};

static int compare_named(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    if (order == 0)
        order = y->end - x->end;
    return order ? order : (x->value > y->value) - (x->value < y->value);
}

/* Constants that passes have made are called like what they come from. */
static int name_values(struct graph_export *export, struct named *sorted, struct base_arena *arena)
{
    const struct graph *graph = export->graph;
    for (int i = 0; i < graph->value_count; i++)
        sorted[i] = (struct named){graph->values[i].name, i, false};
    for (int i = 0; i < graph->input_count; i++)
        sorted[graph->inputs[i]].end = true;
    for (int i = 0; i < graph->output_count; i++)
        sorted[graph->outputs[i]].end = true;
    qsort(sorted, (size_t)graph->value_count, sizeof *sorted, compare_named);
    for (int i = 0; i < graph->value_count; i++) {
        const char *name = sorted[i].name;
        if (i && strcmp(name, sorted[i - 1].name) == 0) {
            size_t size = strlen(name) + 16;
            char *fresh = base_arena_alloc(arena, size, 1);
            if (!fresh)
                return STANCE_ENOMEMORY;
            snprintf(fresh, size, "%s/v%d", name, sorted[i].value);
            name = fresh;
        }
        export->names[sorted[i].value] = name;
    }
    return 0;
}

static void write_ends(const struct graph_export *export)
{
    const struct graph *graph = export->graph;
    for (int i = 0; i < graph->input_count; i++) {
        const struct graph_value *value = &graph->values[graph->inputs[i]];
        onnx_writer_input(export->writer, export->names[graph->inputs[i]], value->dtype,
                          value->shape.rank, value->shape.dims);
    }
    for (int i = 0; i < graph->output_count; i++) {
        const struct graph_value *value = &graph->values[graph->outputs[i]];
        onnx_writer_output(export->writer, export->names[graph->outputs[i]], value->dtype,
                           value->shape.rank, value->shape.dims);
    }
}

static int write_weights(const struct graph_export *export)
{
    const struct graph *graph = export->graph;
    bool *used = base_alloc_zero((size_t)graph->value_count + 1, sizeof *used);
    if (!used)
        return base_error_memory((size_t)graph->value_count, "an export");
    for (int n = 0; n < graph->node_count; n++)
        for (int i = 0; graph->nodes[n].type && i < graph->nodes[n].input_count; i++)
            if (graph->nodes[n].inputs[i] >= 0)
                used[graph->nodes[n].inputs[i]] = true;
    for (int i = 0; i < graph->output_count; i++)
        used[graph->outputs[i]] = true;
    for (int i = 0; i < graph->value_count; i++)
        if (used[i] && graph->values[i].constant)
            onnx_writer_initializer(export->writer, export->names[i],
                                    &graph->values[i].constant->view);
    base_free(used);
    return 0;
}

static void write_property(struct onnx_writer *writer, const struct onnx_property *property,
                           struct base_arena *arena)
{
    const char *key = base_arena_string(arena, property->key.data, property->key.size);
    const char *value = base_arena_string(arena, property->value.data, property->value.size);
    if (key && value)
        onnx_writer_property(writer, key, value);
    else
        writer->code = STANCE_ENOMEMORY;
}

static int write_all(struct graph_export *export, const struct onnx_model *like,
                     struct base_arena *arena)
{
    const struct graph *graph = export->graph;
    onnx_writer_opset(export->writer, "", export->opset);
    for (size_t i = 0; like && i < like->property_count; i++)
        write_property(export->writer, &like->properties[i], arena);
    write_ends(export);
    BASE_TRY(write_weights(export));
    for (int i = 0; i < graph->node_count; i++) {
        int code = graph->nodes[i].type ? graph_export_node(export, &graph->nodes[i]) : 0;
        if (code < 0)
            return graph_node_error(code, graph, &graph->nodes[i]);
    }
    return 0;
}

int graph_export(const struct graph *graph, const struct onnx_model *like, struct base_buffer *out)
{
    struct onnx_writer writer;
    struct base_arena *arena;
    size_t values = (size_t)graph->value_count + 1;
    struct graph_export export = {
        .graph = graph,
        .writer = &writer,
        .opset = graph->opset < LEAST_OPSET ? LEAST_OPSET : graph->opset,
    };
    BASE_TRY(base_arena_open(&arena, (size_t)256 << 20));
    export.names = base_arena_alloc(arena, values, sizeof *export.names);
    struct named *sorted = base_arena_alloc(arena, values, sizeof *sorted);
    onnx_writer_init(&writer, MOST_BYTES);
    int code = export.names && sorted ? name_values(&export, sorted, arena) : STANCE_ENOMEMORY;
    if (code == 0)
        code = write_all(&export, like, arena);
    if (code == 0)
        code = onnx_writer_finish(&writer, out);
    onnx_writer_free(&writer);
    base_arena_close(&arena);
    return code;
}
