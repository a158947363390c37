/* The edit: use counts, replaced values, and nodes rewritten in place. */
#include <string.h>

#include "base/memory.h"
#include "graph/rewrite.h"

static int grow(struct graph_edit *edit)
{
    int count = edit->graph->value_count;
    if (count <= edit->capacity)
        return 0;
    int capacity = count + count / 2 + 64;
    size_t old = (size_t)edit->capacity * sizeof(int), bytes = (size_t)capacity * sizeof(int);
    int *uses = base_realloc(edit->uses, old, bytes);
    if (uses)
        edit->uses = uses;
    int *forward = uses ? base_realloc(edit->forward, old, bytes) : NULL;
    if (!forward)
        return base_error_memory(bytes, "rewriting a graph");
    edit->forward = forward;
    for (int i = edit->capacity; i < capacity; i++) {
        uses[i] = 0;
        forward[i] = i;
    }
    edit->capacity = capacity;
    return 0;
}

static void free_edit(struct graph_edit *edit)
{
    base_free(edit->dying);
    base_free(edit->uses);
    base_free(edit->forward);
    *edit = (struct graph_edit){0};
}

int graph_edit_open(struct graph_edit *edit, struct graph *graph, bool fixed)
{
    *edit = (struct graph_edit){.graph = graph, .fixed = fixed};
    int code = grow(edit);
    size_t bytes = ((size_t)graph->node_count + 1) * sizeof(int);
    edit->dying = base_alloc(bytes);
    if (code == 0 && !edit->dying)
        code = base_error_memory(bytes, "rewriting a graph");
    if (code < 0) {
        free_edit(edit);
        return code;
    }
    for (int i = 0; i < graph->node_count; i++)
        for (int k = 0; k < graph->nodes[i].input_count; k++)
            if (graph->nodes[i].type && graph->nodes[i].inputs[k] >= 0)
                edit->uses[graph->nodes[i].inputs[k]]++;
    for (int i = 0; i < graph->output_count; i++)
        edit->uses[graph->outputs[i]]++;
    /* A constant that no node reads belongs to an attribute. */
    for (int i = 0; i < graph->value_count; i++)
        if (edit->uses[i] == 0 && graph->values[i].constant)
            edit->uses[i] = 1;
    return 0;
}

void graph_edit_finish(struct graph_edit *edit)
{
    struct graph *graph = edit->graph;
    if (!graph)
        return;
    graph_sweep(graph);
    for (int i = 0; i < graph->value_count; i++)
        if (edit->uses[i] == 0 && graph->values[i].constant)
            tensor_close(&graph->values[i].constant);
    free_edit(edit);
}

static int current(const struct graph_edit *edit, int value)
{
    while (value >= 0 && edit->forward[value] != value)
        value = edit->forward[value];
    return value;
}

void graph_edit_visit(struct graph_edit *edit, int at)
{
    struct graph_node *node = &edit->graph->nodes[at];
    for (int i = 0; i < node->input_count; i++)
        node->inputs[i] = current(edit, node->inputs[i]);
    node->epilogue.residual = current(edit, node->epilogue.residual);
}

int graph_edit_apply(struct graph_edit *edit, int at, const struct graph_rule *rules)
{
    /* Every rule removes something; the bound is against rules that disagree. */
    for (int rounds = 0; rounds < 16; rounds++) {
        int changed = 0;
        for (const struct graph_rule *rule = rules; rule->type && !changed; rule++) {
            const struct graph_node *node = &edit->graph->nodes[at];
            if (!node->type)
                return 0;
            if (strcmp(node->type, rule->type) == 0)
                changed = rule->apply(edit, at);
        }
        if (changed <= 0)
            return changed;
    }
    return 0;
}

int graph_edit_all(struct graph *graph, graph_node_fn *fn, const void *context)
{
    struct graph_edit edit;
    BASE_TRY(graph_edit_open(&edit, graph, true));
    int code = 0;
    for (int i = 0; i < graph->node_count && code >= 0; i++) {
        if (!graph->nodes[i].type)
            continue;
        graph_edit_visit(&edit, i);
        code = fn(&edit, i, context);
    }
    graph_edit_finish(&edit);
    return code < 0 ? code : 0;
}

static bool idle(const struct graph_edit *edit, const struct graph_node *node)
{
    for (int i = 0; i < node->output_count; i++)
        if (node->outputs[i] >= 0 && edit->uses[node->outputs[i]] > 0)
            return false;
    return true;
}

/* Marks a node dead and remembers it until its inputs have been released. */
static void kill(struct graph_edit *edit, struct graph_node *node)
{
    struct graph *graph = edit->graph;
    int at = graph_node_index(graph, node);
    node->type = NULL;
    for (int i = 0; i < node->output_count; i++)
        if (node->outputs[i] >= 0 && graph->values[node->outputs[i]].producer == at)
            graph->values[node->outputs[i]].producer = -1;
    edit->dying[edit->dying_count++] = at;
}

static void unuse(struct graph_edit *edit, int value)
{
    if (value < 0 || --edit->uses[value] > 0)
        return;
    struct graph_node *node = graph_producer(edit->graph, value);
    if (node && idle(edit, node))
        kill(edit, node);
}

static void bury(struct graph_edit *edit)
{
    while (edit->dying_count > 0) {
        const struct graph_node *node = &edit->graph->nodes[edit->dying[--edit->dying_count]];
        for (int i = 0; i < node->input_count; i++)
            unuse(edit, node->inputs[i]);
    }
}

void graph_edit_drop(struct graph_edit *edit, int at)
{
    kill(edit, &edit->graph->nodes[at]);
    bury(edit);
}

/* Gives `to` the name and declared type of the graph output `from`; false when it has a name of
 * its own to keep. */
static bool take_name(struct graph *graph, int from, int to)
{
    struct graph_value *old = &graph->values[from], *new = &graph->values[to];
    if (new->producer < 0 || graph_is_output(graph, to))
        return false;
    const char *name = old->name;
    old->name = new->name;
    new->name = name;
    if (new->shape.rank < 0)
        new->shape = old->shape;
    if (new->dtype == STANCE_DTYPE_NONE)
        new->dtype = old->dtype;
    return true;
}

int graph_edit_bypass(struct graph_edit *edit, int at, int value)
{
    struct graph *graph = edit->graph;
    int from = graph->nodes[at].outputs[0];
    if (graph_is_output(graph, from) && !take_name(graph, from, value))
        return 0;
    for (int i = 0; i < graph->output_count; i++)
        if (graph->outputs[i] == from)
            graph->outputs[i] = value;
    edit->forward[from] = value;
    edit->uses[value] += edit->uses[from];
    edit->uses[from] = 0;
    graph_edit_drop(edit, at);
    return 1;
}

int graph_edit_absorb(struct graph_edit *edit, int producer, int at)
{
    struct graph *graph = edit->graph;
    struct graph_node *from = &graph->nodes[producer], *to = &graph->nodes[at];
    int *outputs = base_arena_alloc(graph->arena, (size_t)from->output_count, sizeof(int));
    if (!outputs)
        return STANCE_ENOMEMORY;
    memcpy(outputs, from->outputs, (size_t)from->output_count * sizeof(int));
    outputs[0] = to->outputs[0];
    /* Node `at` was the only user of the old output and must not take the producer with it. */
    graph->values[from->outputs[0]].producer = -1;
    graph_edit_drop(edit, at);
    *to = *from;
    to->outputs = outputs;
    from->type = NULL;
    for (int i = 0; i < to->output_count; i++)
        if (outputs[i] >= 0)
            graph->values[outputs[i]].producer = at;
    return 1;
}

int graph_edit_become(struct graph_edit *edit, int at, const char *domain, const char *type,
                      const int *inputs, int input_count)
{
    struct graph *graph = edit->graph;
    const struct graph_op *op = graph_op_find(domain, type);
    if (!op)
        return base_error(STANCE_EUNSUPPORTED, "there is no operator %s", type);
    int *list = base_arena_alloc(graph->arena, (size_t)input_count, sizeof(int));
    if (!list)
        return STANCE_ENOMEMORY;
    for (int i = 0; i < input_count; i++) {
        list[i] = inputs[i];
        if (inputs[i] >= 0)
            edit->uses[inputs[i]]++;
    }
    struct graph_node *node = &graph->nodes[at];
    for (int i = 0; i < node->input_count; i++)
        unuse(edit, node->inputs[i]);
    bury(edit);
    node->type = op->type;
    node->domain = domain;
    node->op = op;
    node->inputs = list;
    node->input_count = input_count;
    node->attrs = NULL;
    node->attr_count = 0;
    return 1;
}

int graph_edit_set_attrs(struct graph_edit *edit, int at, const struct graph_attr *attrs, int count)
{
    struct graph_node *node = &edit->graph->nodes[at];
    node->attrs = base_arena_alloc(edit->graph->arena, (size_t)count, sizeof *attrs);
    node->attr_count = 0;
    if (!node->attrs)
        return STANCE_ENOMEMORY;
    memcpy(node->attrs, attrs, (size_t)count * sizeof *attrs);
    node->attr_count = count;
    return 0;
}

int graph_edit_set_input(struct graph_edit *edit, int at, int slot, int value)
{
    struct graph_node *node = &edit->graph->nodes[at];
    if (slot >= node->input_count) {
        int *list = base_arena_alloc(edit->graph->arena, (size_t)slot + 1, sizeof(int));
        if (!list)
            return STANCE_ENOMEMORY;
        for (int i = 0; i <= slot; i++)
            list[i] = graph_input(node, i);
        node->inputs = list;
        node->input_count = slot + 1;
    }
    int old = node->inputs[slot];
    node->inputs[slot] = value;
    if (value >= 0)
        edit->uses[value]++;
    unuse(edit, old);
    bury(edit);
    return 0;
}

int graph_edit_constant(struct graph_edit *edit, int like, struct tensor *constant)
{
    struct graph *graph = edit->graph;
    const char *name =
        base_arena_format(graph->arena, "%.400s:%d", graph->values[like].name, graph->value_count);
    int value = name ? graph_add_constant(graph, name, constant) : STANCE_ENOMEMORY;
    tensor_close(&constant);
    int code = value < 0 ? value : grow(edit);
    return code < 0 ? code : value;
}

int graph_edit_value(struct graph_edit *edit, int at, const char *name, int dtype,
                     const struct tensor_shape *shape)
{
    int value = graph_add_value(edit->graph, name, dtype, shape);
    if (value < 0)
        return value;
    edit->graph->values[value].producer = at;
    int code = grow(edit);
    return code < 0 ? code : value;
}

int graph_edit_int_constant(struct graph_edit *edit, int like, const int64_t *values, int count)
{
    struct tensor *tensor;
    struct tensor_shape shape = {.rank = 1, .dims = {count}};
    BASE_TRY(tensor_open(&tensor, STANCE_INT64, &shape));
    memcpy(tensor->view.data, values, (size_t)count * sizeof values[0]);
    return graph_edit_constant(edit, like, tensor);
}
