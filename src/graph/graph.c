/* Building and changing a graph: values, constants, nodes, attributes. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "graph/graph.h"

/* Bounds of a graph, far above every network of the family (rtmo-m: 1 019 nodes). */
enum { MAX_VALUES = 1 << 20, MAX_NODES = 1 << 19 };
#define MAX_ARENA ((size_t)512 << 20)

int graph_open(struct graph **out)
{
    *out = NULL;
    struct graph *graph = base_alloc_zero(1, sizeof *graph);
    if (!graph)
        return base_error_memory(sizeof *graph, "a graph");
    int code = base_arena_open(&graph->arena, MAX_ARENA);
    if (code < 0) {
        base_free(graph);
        return code;
    }
    *out = graph;
    return 0;
}

void graph_close(struct graph **handle)
{
    struct graph *graph = *handle;
    *handle = NULL;
    if (!graph)
        return;
    for (int i = 0; i < graph->value_count; i++)
        tensor_close(&graph->values[i].constant);
    base_free(graph->values);
    base_free(graph->nodes);
    base_arena_close(&graph->arena);
    base_free(graph);
}

/* Makes room for one more element of `size` bytes. */
static int grow(void **array, int count, int *capacity, size_t size, int limit, const char *what)
{
    if (count < *capacity)
        return 0;
    if (count >= limit)
        return base_error(STANCE_ELIMIT, "the graph has more than %d %s", limit, what);
    int wanted = *capacity ? *capacity * 2 : 64;
    void *bigger = base_realloc(*array, (size_t)count * size, (size_t)wanted * size);
    if (!bigger)
        return base_error_memory((size_t)wanted * size, "a graph");
    *array = bigger;
    *capacity = wanted;
    return 0;
}

int graph_add_value(struct graph *graph, const char *name, int dtype,
                    const struct tensor_shape *shape)
{
    struct tensor_shape kept = *shape; /* may lie in the array that moves now */
    void *values = graph->values;
    BASE_TRY(grow(&values, graph->value_count, &graph->value_capacity, sizeof graph->values[0],
                  MAX_VALUES, "values"));
    graph->values = values;
    const char *copy = base_arena_string(graph->arena, name, strlen(name));
    if (!copy)
        return base_error_context(STANCE_ENOMEMORY, "graph");
    graph->values[graph->value_count] =
        (struct graph_value){.name = copy, .dtype = dtype, .shape = kept, .producer = -1};
    return graph->value_count++;
}

int graph_add_constant(struct graph *graph, const char *name, struct tensor *constant)
{
    struct tensor_shape shape = tensor_shape_of(&constant->view);
    int value = graph_add_value(graph, name, constant->view.dtype, &shape);
    if (value >= 0)
        graph->values[value].constant = tensor_keep(constant);
    return value;
}

static int *copy_indexes(struct graph *graph, const int *indexes, int count)
{
    int *copy = base_arena_alloc(graph->arena, (size_t)count + 1, sizeof *copy);
    if (copy && count)
        memcpy(copy, indexes, (size_t)count * sizeof *copy);
    return copy;
}

int graph_insert_node(struct graph *graph, int at, const char *type, const int *inputs,
                      int input_count, const int *outputs, int output_count)
{
    void *nodes = graph->nodes;
    BASE_TRY(grow(&nodes, graph->node_count, &graph->node_capacity, sizeof graph->nodes[0],
                  MAX_NODES, "nodes"));
    graph->nodes = nodes;
    struct graph_node node = {.type = base_arena_string(graph->arena, type, strlen(type)),
                              .domain = "",
                              .name = "",
                              .op = graph_op_find("", type),
                              .input_count = input_count,
                              .output_count = output_count,
                              .inputs = copy_indexes(graph, inputs, input_count),
                              .outputs = copy_indexes(graph, outputs, output_count),
                              .epilogue = {.residual = -1}};
    if (!node.type || !node.inputs || !node.outputs)
        return base_error_context(STANCE_ENOMEMORY, "graph");
    if (!node.op) {
        node.op = graph_op_find("stance", type);
        node.domain = "stance";
    }
    memmove(graph->nodes + at + 1, graph->nodes + at,
            (size_t)(graph->node_count - at) * sizeof graph->nodes[0]);
    graph->nodes[at] = node;
    graph->node_count++;
    if (at + 1 < graph->node_count)
        for (int i = 0; i < graph->value_count; i++)
            graph->values[i].producer += graph->values[i].producer >= at;
    for (int i = 0; i < output_count; i++)
        if (outputs[i] >= 0)
            graph->values[outputs[i]].producer = at;
    return at;
}

/* While sweeping, producer -2 marks a value that a later node or the graph's outputs need. */
enum { NEEDED = -2 };

static bool keep_node(struct graph *graph, const struct graph_node *node)
{
    bool needed = false;
    for (int i = 0; i < node->output_count && node->type; i++)
        needed =
            needed || (node->outputs[i] >= 0 && graph->values[node->outputs[i]].producer == NEEDED);
    for (int i = 0; i < node->input_count && needed; i++)
        if (node->inputs[i] >= 0)
            graph->values[node->inputs[i]].producer = NEEDED;
    return needed;
}

void graph_sweep(struct graph *graph)
{
    for (int i = 0; i < graph->value_count; i++)
        graph->values[i].producer = -1;
    for (int i = 0; i < graph->output_count; i++)
        graph->values[graph->outputs[i]].producer = NEEDED;
    for (int n = graph->node_count - 1; n >= 0; n--)
        if (!keep_node(graph, &graph->nodes[n]))
            graph->nodes[n].type = NULL;
    int kept = 0;
    for (int n = 0; n < graph->node_count; n++)
        if (graph->nodes[n].type)
            graph->nodes[kept++] = graph->nodes[n];
    graph->node_count = kept;
    for (int i = 0; i < graph->value_count; i++)
        graph->values[i].producer = -1;
    for (int n = 0; n < kept; n++)
        for (int i = 0; i < graph->nodes[n].output_count; i++)
            if (graph->nodes[n].outputs[i] >= 0)
                graph->values[graph->nodes[n].outputs[i]].producer = n;
}

int graph_node_error(int code, const struct graph *graph, const struct graph_node *node)
{
    char index[24] = "";
    const char *type = node->type ? node->type : "removed";
    if (node >= graph->nodes && node < graph->nodes + graph->node_count)
        snprintf(index, sizeof index, " %d", (int)(node - graph->nodes));
    if (node->name && node->name[0])
        return base_error_context(code, "node%s '%.200s' (%.80s)", index, node->name, type);
    return base_error_context(code, "node%s (%.80s)", index, type);
}

/* ---- Attributes -------------------------------------------------------------------------------
 */

const struct graph_attr *graph_attr_find(const struct graph_node *node, const char *name)
{
    for (int i = 0; i < node->attr_count; i++)
        if (strcmp(node->attrs[i].name, name) == 0)
            return &node->attrs[i];
    return NULL;
}

static const struct graph_attr *find_kind(const struct graph_node *node, const char *name,
                                          enum graph_attr_kind kind)
{
    const struct graph_attr *attr = graph_attr_find(node, name);
    return attr && attr->kind == kind ? attr : NULL;
}

int64_t graph_attr_int(const struct graph_node *node, const char *name, int64_t absent)
{
    const struct graph_attr *attr = find_kind(node, name, GRAPH_ATTR_INT);
    return attr ? attr->i : absent;
}

float graph_attr_float(const struct graph_node *node, const char *name, float absent)
{
    const struct graph_attr *attr = find_kind(node, name, GRAPH_ATTR_FLOAT);
    return attr ? attr->f : absent;
}

const char *graph_attr_string(const struct graph_node *node, const char *name, const char *absent)
{
    const struct graph_attr *attr = find_kind(node, name, GRAPH_ATTR_STRING);
    return attr ? attr->s : absent;
}

const int64_t *graph_attr_ints(const struct graph_node *node, const char *name, int *count)
{
    const struct graph_attr *attr = find_kind(node, name, GRAPH_ATTR_INTS);
    *count = attr ? attr->count : 0;
    return attr ? attr->ints : NULL;
}

const float *graph_attr_floats(const struct graph_node *node, const char *name, int *count)
{
    const struct graph_attr *attr = find_kind(node, name, GRAPH_ATTR_FLOATS);
    *count = attr ? attr->count : 0;
    return attr ? attr->floats : NULL;
}
