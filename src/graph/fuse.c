/* The passes on a specialised graph: what the engine does in one step becomes one node.
 *
 * An activation or the addition of a second value goes into the epilogue of the node that makes the
 * value, if nobody else reads it. The fused node then stands where the activation or the addition
 * stood, so that the added value is there before it runs. */
#include <math.h>
#include <string.h>

#include "graph/rewrite.h"

static const char *const linear_types[] = {"Conv", "ConvTranspose", "Gemm", "MatMul", NULL};

static bool is_linear(const struct graph_node *node)
{
    for (const char *const *type = linear_types; *type; type++)
        if (graph_is(node, *type))
            return true;
    return false;
}

static bool has_epilogue(const struct graph_node *node)
{
    return is_linear(node) || graph_is(node, "GraphConv");
}

static bool is_float(const struct graph *graph, int value)
{
    return value >= 0 && graph->values[value].dtype == STANCE_FLOAT32 &&
           tensor_shape_known(&graph->values[value].shape);
}

/* ---- Activations ----------------------------------------------------------------------------- */

static bool read_clip(const struct graph *graph, const struct graph_node *node,
                      struct graph_epilogue *out)
{
    double low, high;
    if (!graph_clip_range(graph, node, &low, &high))
        return false;
    out->activation = low == 0 && high >= HUGE_VAL ? GRAPH_RELU : GRAPH_CLIP;
    out->alpha = (float)low;
    out->beta = (float)high;
    return true;
}

static bool read_activation(const struct graph *graph, const struct graph_node *node,
                            struct graph_epilogue *out)
{
    static const struct {
        const char *type;
        enum graph_activation activation;
        float alpha, beta; /* when the attributes are absent */
    } table[] = {
        {"LeakyRelu", GRAPH_LEAKY_RELU, 0.01f, 0},
        {"Sigmoid", GRAPH_SIGMOID, 0, 0},
        {"Swish", GRAPH_SWISH, 0, 0},
        {"HardSigmoid", GRAPH_HARD_SIGMOID, 0.2f, 0.5f},
        {"HardSwish", GRAPH_HARD_SWISH, 0, 0},
        {"Tanh", GRAPH_TANH, 0, 0},
        {"Gelu", GRAPH_GELU, 0, 0},
    };
    if (graph_is(node, "Relu") || graph_is(node, "Clip"))
        return read_clip(graph, node, out);
    if (graph_is(node, "Gelu") && strcmp(graph_attr_string(node, "approximate", "none"), "none"))
        return false;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (!graph_is(node, table[i].type))
            continue;
        out->activation = table[i].activation;
        out->alpha = graph_attr_float(node, "alpha", table[i].alpha);
        out->beta = graph_attr_float(node, "beta", table[i].beta);
        return true;
    }
    return false;
}

static int fuse_activation(struct graph_edit *edit, int at)
{
    const struct graph *graph = edit->graph;
    const struct graph_node *node = &graph->nodes[at];
    int input = node->inputs[0];
    struct graph_node *maker = graph_producer(graph, input);
    if (!has_epilogue(maker) || edit->uses[input] != 1 || !is_float(graph, input) ||
        maker->epilogue.activation != GRAPH_LINEAR ||
        !read_activation(graph, node, &maker->epilogue))
        return 0;
    maker->epilogue.residual_before_activation = maker->epilogue.residual >= 0;
    return graph_edit_absorb(edit, graph_node_index(graph, maker), at);
}

/* ---- Additions ------------------------------------------------------------------------------- */

/* The input that a node reads its residual from, whatever else it has. */
static int residual_slot(const struct graph_node *node)
{
    return graph_is(node, "GraphConv") ? 4 : 3;
}

/* The node behind an operand that can take in the addition of `other`. */
static struct graph_node *adder(const struct graph_edit *edit, int operand, int other, int sum)
{
    const struct graph *graph = edit->graph;
    struct graph_node *maker = graph_producer(graph, operand);
    bool fits = has_epilogue(maker) && edit->uses[operand] == 1 && maker->epilogue.residual < 0 &&
                maker->input_count <= residual_slot(maker) && is_float(graph, operand) &&
                !graph->values[other].constant && graph->values[other].dtype == STANCE_FLOAT32 &&
                graph_same_shape(edit, operand, other) && graph_same_shape(edit, operand, sum);
    return fits ? maker : NULL;
}

static int fuse_residual(struct graph_edit *edit, int at)
{
    const struct graph *graph = edit->graph;
    const struct graph_node *node = &graph->nodes[at];
    int left = node->inputs[0], right = node->inputs[1], sum = node->outputs[0];
    struct graph_node *maker = adder(edit, left, right, sum);
    struct graph_node *other = adder(edit, right, left, sum);
    int residual = right;
    if (other && (!maker || other > maker)) { /* the later one: its own inputs die there anyway */
        maker = other;
        residual = left;
    }
    if (!maker)
        return 0;
    int producer = graph_node_index(graph, maker);
    BASE_TRY(graph_edit_set_input(edit, producer, residual_slot(maker), residual));
    maker->epilogue.residual = residual;
    maker->epilogue.residual_before_activation = maker->epilogue.activation == GRAPH_LINEAR;
    return graph_edit_absorb(edit, producer, at);
}

/* A constant that is the same for all rows of a matrix product: [columns] or [1, …, columns]. */
static bool is_row(const struct stance_tensor *constant, const struct tensor_shape *product)
{
    if (!constant || constant->dtype != STANCE_FLOAT32 || constant->rank < 1 ||
        constant->rank > product->rank)
        return false;
    int64_t columns = product->dims[product->rank - 1];
    return constant->dims[constant->rank - 1] == columns &&
           stance_tensor_count(constant) == columns;
}

/* MatMul with a constant matrix, then Add: the constant becomes the bias, input 2. */
static int fuse_matmul_bias(struct graph_edit *edit, int at)
{
    const struct graph *graph = edit->graph;
    const struct graph_node *node = &graph->nodes[at];
    for (int slot = 0; slot < 2; slot++) {
        int product = node->inputs[slot], bias = node->inputs[!slot];
        struct graph_node *maker = graph_producer_of(graph, product, "MatMul");
        if (!maker || edit->uses[product] != 1 || maker->input_count != 2)
            continue;
        const struct stance_tensor *matrix = graph_constant(graph, maker->inputs[1]);
        int rank = graph->values[maker->inputs[0]].shape.rank;
        if (!matrix || matrix->rank != 2 || matrix->dtype != STANCE_FLOAT32 ||
            maker->epilogue.activation != GRAPH_LINEAR || maker->attr_count > 0)
            continue;
        /* of unknown rank: one row for all that there will be */
        struct tensor_shape row = {.rank = 1, .dims = {matrix->dims[1]}};
        if (rank == 0 || rank == 1 ||
            !is_row(graph_constant(graph, bias), rank < 0 ? &row : &graph->values[product].shape))
            continue;
        int producer = graph_node_index(graph, maker);
        BASE_TRY(graph_edit_set_input(edit, producer, 2, bias));
        return graph_edit_absorb(edit, producer, at);
    }
    return 0;
}

/* MatMul of a Transpose of the last two axes: packing reads columns as well as rows. */
static int fuse_matmul_transpose(struct graph_edit *edit, int at)
{
    static const struct graph_attr transposed = {.name = "transB", .kind = GRAPH_ATTR_INT, .i = 1};
    const struct graph *graph = edit->graph;
    const struct graph_node *node = &graph->nodes[at];
    int right = graph_input(node, 1), count;
    const struct graph_node *turn = graph_producer_of(graph, right, "Transpose");
    const int64_t *axes = turn ? graph_attr_ints(turn, "perm", &count) : NULL;
    if (!axes || count < 2 || edit->uses[right] != 1 || node->attr_count > 0 ||
        axes[count - 2] != count - 1 || axes[count - 1] != count - 2)
        return 0;
    for (int i = 0; i < count - 2; i++)
        if (axes[i] != i)
            return 0;
    BASE_TRY(graph_edit_set_attrs(edit, at, &transposed, 1));
    BASE_TRY(graph_edit_set_input(edit, at, 1, turn->inputs[0]));
    return 1;
}

static const struct graph_rule fuse_rules[] = {
    {"Add", fuse_matmul_bias},
    {"Add", fuse_residual},
    {"MatMul", fuse_matmul_transpose},
    {"Relu", fuse_activation},
    {"LeakyRelu", fuse_activation},
    {"Clip", fuse_activation},
    {"Sigmoid", fuse_activation},
    {"Swish", fuse_activation},
    {"HardSigmoid", fuse_activation},
    {"HardSwish", fuse_activation},
    {"Tanh", fuse_activation},
    {"Gelu", fuse_activation},
    {NULL, NULL},
};

static int fuse_node(struct graph_edit *edit, int at, const void *nothing)
{
    static const struct graph_rule *const passes[] = {
        graph_remove_rules,   graph_movement_rules,  graph_scale_rules,  graph_pattern_rules,
        graph_skeleton_rules, graph_depthwise_rules, graph_branch_rules, fuse_rules,
    };
    for (size_t i = 0; i < sizeof passes / sizeof passes[0]; i++)
        BASE_TRY(graph_edit_apply(edit, at, passes[i]));
    return 0;
}

int graph_fuse(struct graph *graph)
{
    return graph_edit_all(graph, fuse_node, NULL);
}
