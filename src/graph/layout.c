/* Layout: which nodes work on channel blocks, and where data is turned around.
 *
 * Convolutions are always blocked where the engine can. Pooling, resizing, joining and cutting of
 * channels, and element-wise nodes can be either: they begin as what feeds them and then change one
 * by one while that makes the Reorder nodes smaller. Everything else is plain. */
#include <string.h>

#include "base/memory.h"
#include "graph/rewrite.h"

enum kind { KIND_PLAIN, KIND_FLEXIBLE, KIND_HEAVY };

struct layout {
    struct graph *graph;
    int block;
    graph_can_block_fn *can_block;
    void *context;
    unsigned char *kinds;    /* per node */
    bool *blocked;           /* per node: the present choice */
    bool *writes_plain;      /* per node: blocked, but its output is not */
    int *first_user, *users; /* users of value v: users[first_user[v]] … users[first_user[v+1]-1] */
    int *twins;              /* per value: the same in the other layout, or -1 */
    int *before;             /* per new Reorder: the node it stands before */
    int reorder_count;
};

/* ---- What a node could be -------------------------------------------------------------------- */

static bool image(const struct graph *graph, int value)
{
    const struct graph_value *at = value < 0 ? NULL : &graph->values[value];
    return at && at->shape.rank == 4 && (at->dtype == STANCE_FLOAT32 || at->bytes.scale > 0) &&
           tensor_shape_known(&at->shape);
}

static bool one_of(const struct graph_node *node, const char *const *types)
{
    for (; *types; types++)
        if (strcmp(node->type, *types) == 0)
            return true;
    return false;
}

static const char *const heavy_types[] = {
    "Conv",     "ConvTranspose", "GraphConv", "QConv", "QConvTranspose",
    "Branches", "SkeletonConv",  "Focus",     NULL,
};

/* Element-wise operators that keep finite what is finite: the lanes behind the last channel hold
 * anything, and must never trap or slow down what follows. */
static const char *const elementwise_types[] = {
    "Add",       "Sub",  "Mul",     "Div",   "Max",         "Min",       "Relu",
    "LeakyRelu", "Clip", "Sigmoid", "Swish", "HardSigmoid", "HardSwish", "Tanh",
    "Gelu",      "Erf",  "Abs",     "Neg",   NULL,
};
static const char *const spatial_types[] = {
    "MaxPool",
    "AveragePool",
    "GlobalAveragePool",
    "Resize",
    "Upsample",
    "BatchNormalization",
    "QuantizeLinear",
    "DequantizeLinear",
    "Lookup",
    "QAdd",
    "QAverage",
    "QScale",
    NULL,
};
static const char *const joining_types[] = {"Concat", "QAdd", "QConcat", "QScale", NULL};

static bool along_channels(const struct graph_node *node)
{
    int64_t axis = graph_attr_int(node, "axis", 0);
    return axis == 1 || axis == -3;
}

static bool slices_channels(const struct graph *graph, const struct graph_node *node)
{
    int64_t axes[STANCE_MAX_RANK], steps[STANCE_MAX_RANK];
    bool given;
    if (graph_axes(graph, node, 3, 4, axes, &given) != 1 || axes[0] != 1)
        return false;
    int step_count = graph_const_ints(graph, graph_input(node, 4), steps, STANCE_MAX_RANK);
    return graph_input(node, 4) < 0 || (step_count == 1 && steps[0] == 1);
}

/* A constant that is one number, or one per channel. */
static bool constant_fits(const struct stance_tensor *constant, int64_t channels, bool single)
{
    if (constant->dtype != STANCE_FLOAT32 || constant->rank > 4)
        return false;
    if (stance_tensor_count(constant) == 1)
        return true;
    int axis = constant->rank - 3;
    return !single && axis >= 0 && constant->dims[axis] == channels &&
           stance_tensor_count(constant) == channels;
}

/* All of an image, or one number for each of its channels. */
static bool operand_fits(const struct tensor_shape *operand, const struct tensor_shape *out)
{
    return tensor_shape_equal(operand, out) ||
           (operand->dims[0] == out->dims[0] && operand->dims[1] == out->dims[1] &&
            operand->dims[2] == 1 && operand->dims[3] == 1);
}

static bool elementwise_fits(const struct graph *graph, const struct graph_node *node)
{
    const struct tensor_shape *out = &graph->values[node->outputs[0]].shape;
    bool whole = false, division = graph_is(node, "Div");
    for (int i = 0; i < node->input_count; i++) {
        int value = node->inputs[i];
        if (value < 0)
            continue;
        const struct stance_tensor *constant = graph_constant(graph, value);
        if (division && (i == 1) != (constant != NULL))
            return false;
        if (constant && !constant_fits(constant, out->dims[1], division))
            return false;
        if (!constant && (!image(graph, value) || !operand_fits(&graph->values[value].shape, out)))
            return false;
        whole = whole || (!constant && tensor_shape_equal(&graph->values[value].shape, out));
    }
    return whole;
}

static bool flexible(const struct graph *graph, const struct graph_node *node)
{
    if (one_of(node, elementwise_types))
        return elementwise_fits(graph, node);
    if (!image(graph, graph_input(node, 0)))
        return false;
    if (graph_is(node, "Slice"))
        return slices_channels(graph, node);
    if (graph_is(node, "Concat") || graph_is(node, "QConcat") || graph_is(node, "Split"))
        return along_channels(node);
    return one_of(node, spatial_types);
}

static enum kind kind_of(const struct graph *graph, const struct graph_node *node)
{
    for (int i = 0; i < node->output_count; i++)
        if (node->outputs[i] >= 0 && !image(graph, node->outputs[i]))
            return KIND_PLAIN;
    if (node->output_count < 1 || node->outputs[0] < 0)
        return KIND_PLAIN;
    if (one_of(node, heavy_types))
        return image(graph, graph_input(node, 0)) ? KIND_HEAVY : KIND_PLAIN;
    return flexible(graph, node) ? KIND_FLEXIBLE : KIND_PLAIN;
}

static void find_kinds(struct layout *layout)
{
    for (int i = 0; i < layout->graph->node_count; i++) {
        const struct graph_node *node = &layout->graph->nodes[i];
        enum kind kind = kind_of(layout->graph, node);
        if (kind != KIND_PLAIN && !layout->can_block(layout->context, layout->graph, node))
            kind = KIND_PLAIN;
        layout->kinds[i] = (unsigned char)kind;
    }
}

/* ---- What a choice costs --------------------------------------------------------------------- */

enum want { WANT_PLAIN, WANT_BLOCKED, WANT_ANY };

/* A first convolution over at most this many channels reads plain images. */
enum { FIRST_CHANNELS = 4 };

static enum want wants(const struct layout *layout, int at, int slot)
{
    const struct graph *graph = layout->graph;
    const struct graph_node *node = &graph->nodes[at];
    if (graph->values[node->inputs[slot]].constant)
        return WANT_ANY;
    if (!layout->blocked[at] || strcmp(node->type, "Focus") == 0)
        return WANT_PLAIN;
    if (strcmp(node->type, "Conv") == 0 && slot == 0)
        return graph->values[node->inputs[0]].shape.dims[1] <= FIRST_CHANNELS &&
                       graph_attr_int(node, "group", 1) == 1
                   ? WANT_ANY
                   : WANT_BLOCKED;
    bool image_operand = slot == 0 || node->inputs[slot] == node->epilogue.residual ||
                         one_of(node, joining_types) || one_of(node, elementwise_types);
    return image_operand ? WANT_BLOCKED : WANT_PLAIN;
}

static bool lies_blocked(const struct layout *layout, int value)
{
    int producer = layout->graph->values[value].producer;
    return producer >= 0 && layout->blocked[producer] && !layout->writes_plain[producer];
}

static bool wanted(const struct layout *layout, int value, enum want want)
{
    for (int u = layout->first_user[value]; u < layout->first_user[value + 1]; u++) {
        const struct graph_node *user = &layout->graph->nodes[layout->users[u]];
        for (int slot = 0; slot < user->input_count; slot++)
            if (user->inputs[slot] == value && wants(layout, layout->users[u], slot) == want)
                return true;
    }
    return want == WANT_PLAIN && graph_is_output(layout->graph, value);
}

static bool needs_other(const struct layout *layout, int value)
{
    return wanted(layout, value, lies_blocked(layout, value) ? WANT_PLAIN : WANT_BLOCKED);
}

static int64_t value_cost(const struct layout *layout, int value)
{
    int64_t count;
    if (value < 0 || layout->graph->values[value].constant || !image(layout->graph, value) ||
        !needs_other(layout, value) ||
        tensor_shape_count(&layout->graph->values[value].shape, &count) < 0)
        return 0;
    return count;
}

/* Elements turned around at the node's inputs and outputs. */
static int64_t node_cost(const struct layout *layout, int at)
{
    const struct graph_node *node = &layout->graph->nodes[at];
    int64_t cost = 0;
    for (int i = 0; i < node->input_count; i++)
        cost += value_cost(layout, node->inputs[i]);
    for (int i = 0; i < node->output_count; i++)
        cost += value_cost(layout, node->outputs[i]);
    return cost;
}

/* ---- Choosing -------------------------------------------------------------------------------- */

static bool fed_blocked(const struct layout *layout, const struct graph_node *node)
{
    for (int i = 0; i < node->input_count; i++)
        if (node->inputs[i] >= 0 && lies_blocked(layout, node->inputs[i]))
            return true;
    return false;
}

static bool improve_node(struct layout *layout, int at)
{
    if (layout->kinds[at] != KIND_FLEXIBLE)
        return false;
    int64_t before = node_cost(layout, at);
    if (before == 0)
        return false;
    layout->blocked[at] = !layout->blocked[at];
    if (node_cost(layout, at) < before)
        return true;
    layout->blocked[at] = !layout->blocked[at];
    return false;
}

static void choose(struct layout *layout)
{
    int count = layout->graph->node_count;
    for (int i = 0; i < count; i++)
        layout->blocked[i] =
            layout->kinds[i] == KIND_HEAVY ||
            (layout->kinds[i] == KIND_FLEXIBLE && fed_blocked(layout, &layout->graph->nodes[i]));
    bool changed = true;
    for (int round = 0; round < 8 && changed; round++) {
        changed = false;
        for (int i = 0; i < count; i++)
            changed |= improve_node(layout, round % 2 ? count - 1 - i : i);
    }
}

/* A convolution whose output nobody wants in blocks turns it around itself. */
static void choose_writers(struct layout *layout)
{
    for (int i = 0; i < layout->graph->node_count; i++) {
        const struct graph_node *node = &layout->graph->nodes[i];
        layout->writes_plain[i] = layout->blocked[i] && strcmp(node->type, "Conv") == 0 &&
                                  graph_attr_int(node, "group", 1) == 1 &&
                                  node->epilogue.residual < 0 &&
                                  wanted(layout, node->outputs[0], WANT_PLAIN) &&
                                  !wanted(layout, node->outputs[0], WANT_BLOCKED);
    }
}

/* ---- Reorder nodes --------------------------------------------------------------------------- */

/* A value that holds `value` in the other layout; of a graph output the plain one has the name. */
static int add_twin(struct layout *layout, int value)
{
    struct graph *graph = layout->graph;
    const struct graph_value from = graph->values[value];
    const char *name =
        base_arena_format(graph->arena, "%.400s:%s", from.name, from.block ? "plain" : "blocked");
    if (!name)
        return STANCE_ENOMEMORY;
    int twin = graph_add_value(graph, name, from.dtype, &from.shape);
    if (twin < 0)
        return twin;
    graph->values[twin].block = from.block ? 0 : layout->block;
    graph->values[twin].bytes = from.bytes;
    if (!graph_is_output(graph, value))
        return twin;
    const char *swap = graph->values[twin].name;
    graph->values[twin].name = from.name;
    graph->values[value].name = swap;
    return twin;
}

/* The twin of `value`, made by a Reorder that is to stand before node `before`. New nodes are
 * collected at the end of the graph until all are known. */
static int twin_of(struct layout *layout, int value, int before)
{
    if (layout->twins[value] >= 0)
        return layout->twins[value];
    struct graph *graph = layout->graph;
    int twin = add_twin(layout, value);
    if (twin < 0)
        return twin;
    int at = graph_insert_node(graph, graph->node_count, "Reorder", &value, 1, &twin, 1);
    if (at < 0)
        return at;
    layout->before[layout->reorder_count++] = before;
    layout->twins[value] = twin;
    return twin;
}

static int connect_node(struct layout *layout, int at)
{
    struct graph *graph = layout->graph;
    for (int slot = 0; slot < graph->nodes[at].input_count; slot++) {
        int value = graph->nodes[at].inputs[slot];
        if (value < 0)
            continue;
        bool blocked = graph->values[value].block != 0;
        if (wants(layout, at, slot) != (blocked ? WANT_PLAIN : WANT_BLOCKED))
            continue;
        bool residual = value == graph->nodes[at].epilogue.residual;
        int twin = twin_of(layout, value, at);
        if (twin < 0)
            return twin;
        graph->nodes[at].inputs[slot] = twin;
        if (residual)
            graph->nodes[at].epilogue.residual = twin;
    }
    return 0;
}

static int connect_all(struct layout *layout, int node_count)
{
    struct graph *graph = layout->graph;
    for (int i = 0; i < node_count; i++)
        BASE_TRY(connect_node(layout, i));
    for (int i = 0; i < graph->output_count; i++) {
        if (!graph->values[graph->outputs[i]].block)
            continue;
        int twin = twin_of(layout, graph->outputs[i], node_count);
        if (twin < 0)
            return twin;
        graph->outputs[i] = twin;
    }
    return 0;
}

/* Moves the collected Reorder nodes to their places. */
static int place_reorders(struct layout *layout, int node_count)
{
    struct graph *graph = layout->graph;
    size_t bytes = ((size_t)graph->node_count + 1) * sizeof graph->nodes[0];
    struct graph_node *merged = base_alloc(bytes);
    if (!merged)
        return base_error_memory(bytes, "a layout");
    int count = 0, next = 0;
    for (int i = 0; i <= node_count; i++) {
        for (; next < layout->reorder_count && layout->before[next] == i; next++)
            merged[count++] = graph->nodes[node_count + next];
        if (i < node_count)
            merged[count++] = graph->nodes[i];
    }
    if (count > 0)
        memcpy(graph->nodes, merged, (size_t)count * sizeof merged[0]);
    base_free(merged);
    graph_sweep(graph);
    return 0;
}

static int reorder(struct layout *layout)
{
    struct graph *graph = layout->graph;
    int node_count = graph->node_count;
    for (int i = 0; i < graph->value_count; i++)
        graph->values[i].block =
            !graph->values[i].constant && lies_blocked(layout, i) ? layout->block : 0;
    BASE_TRY(connect_all(layout, node_count));
    return place_reorders(layout, node_count);
}

/* ---- Memory of the pass ---------------------------------------------------------------------- */

static int list_users(struct layout *layout)
{
    const struct graph *graph = layout->graph;
    int *first = layout->first_user, total = 0;
    for (int i = 0; i < graph->node_count; i++)
        for (int k = 0; k < graph->nodes[i].input_count; k++)
            if (graph->nodes[i].inputs[k] >= 0) {
                first[graph->nodes[i].inputs[k] + 1]++;
                total++;
            }
    for (int i = 0; i < graph->value_count; i++)
        first[i + 1] += first[i];
    layout->users = base_alloc(((size_t)total + 1) * sizeof(int));
    int *next = base_alloc(((size_t)graph->value_count + 1) * sizeof(int));
    if (!layout->users || !next) {
        base_free(next);
        return base_error_memory((size_t)total * sizeof(int), "a layout");
    }
    memcpy(next, first, (size_t)graph->value_count * sizeof(int));
    for (int i = 0; i < graph->node_count; i++)
        for (int k = 0; k < graph->nodes[i].input_count; k++)
            if (graph->nodes[i].inputs[k] >= 0)
                layout->users[next[graph->nodes[i].inputs[k]]++] = i;
    base_free(next);
    return 0;
}

static int open_layout(struct layout *layout)
{
    size_t nodes = (size_t)layout->graph->node_count + 1;
    size_t values = (size_t)layout->graph->value_count + 2;
    layout->kinds = base_alloc_zero(nodes, 1);
    layout->blocked = base_alloc_zero(nodes, sizeof(bool));
    layout->writes_plain = base_alloc_zero(nodes, sizeof(bool));
    layout->first_user = base_alloc_zero(values, sizeof(int));
    layout->twins = base_alloc_zero(values, sizeof(int));
    layout->before = base_alloc_zero(values, sizeof(int));
    if (!layout->kinds || !layout->blocked || !layout->writes_plain || !layout->first_user ||
        !layout->twins || !layout->before)
        return base_error_memory(values * sizeof(int), "a layout");
    for (size_t i = 0; i < values; i++)
        layout->twins[i] = -1;
    return list_users(layout);
}

static void free_layout(struct layout *layout)
{
    base_free(layout->kinds);
    base_free(layout->blocked);
    base_free(layout->writes_plain);
    base_free(layout->first_user);
    base_free(layout->users);
    base_free(layout->twins);
    base_free(layout->before);
}

int graph_layout(struct graph *graph, int block, graph_can_block_fn *can_block, void *context)
{
    if (block <= 1)
        return 0;
    struct layout layout = {
        .graph = graph, .block = block, .can_block = can_block, .context = context};
    int code = open_layout(&layout);
    if (code == 0) {
        find_kinds(&layout);
        choose(&layout);
        choose_writers(&layout);
        code = reorder(&layout);
    }
    free_layout(&layout);
    return code;
}
