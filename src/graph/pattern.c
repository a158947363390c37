/* Several nodes that are one operator: Swish, HardSigmoid, HardSwish, Gelu, LayerNormalization; and
 * a mean that is a GlobalAveragePool.
 *
 * The activations are products of a few factors and a number; exports differ in the order and the
 * grouping of the multiplications only, so a tree of Mul and Div is first read as one product. */
#include <math.h>
#include <string.h>

#include "graph/rewrite.h"

enum { FACTORS = 3, DEPTH = 3 };

struct product {
    int factors[FACTORS]; /* values */
    int count;            /* -1: not a product this file knows */
    double number;
};

static bool near(double a, double b)
{
    return fabs(a - b) <= 1e-4 * fabs(b);
}

static void add_factor(struct product *product, int value)
{
    if (product->count < 0 || product->count == FACTORS)
        product->count = -1;
    else
        product->factors[product->count++] = value;
}

static void read_node(struct product *product, const struct graph_edit *edit,
                      const struct graph_node *node, int depth);

static void read_value(struct product *product, const struct graph_edit *edit, int value, int depth)
{
    const struct graph_node *node = graph_producer(edit->graph, value);
    double number;
    bool inside = node && depth < DEPTH && edit->uses[value] == 1 && node->input_count == 2 &&
                  (graph_is(node, "Mul") ||
                   (graph_is(node, "Div") &&
                    graph_scalar(edit->graph, node->inputs[1], node->inputs[0], &number)));
    if (inside)
        read_node(product, edit, node, depth);
    else
        add_factor(product, value);
}

static void read_node(struct product *product, const struct graph_edit *edit,
                      const struct graph_node *node, int depth)
{
    double number;
    int a = node->inputs[0], b = node->inputs[1];
    bool divide = graph_is(node, "Div");
    if (graph_scalar(edit->graph, b, a, &number)) {
        product->number *= divide ? 1 / number : number;
        read_value(product, edit, a, depth + 1);
    } else if (divide) {
        product->count = -1;
    } else if (graph_scalar(edit->graph, a, b, &number)) {
        product->number *= number;
        read_value(product, edit, b, depth + 1);
    } else {
        read_value(product, edit, a, depth + 1);
        read_value(product, edit, b, depth + 1);
    }
}

/* x when `value` is x + number in either order, else -1. */
static int plus_number(const struct graph *graph, int value, double number)
{
    const struct graph_node *node = graph_producer_of(graph, value, "Add");
    double found;
    for (int slot = 0; node && slot < 2; slot++)
        if (graph_scalar(graph, node->inputs[slot], node->inputs[!slot], &found) &&
            near(found, number))
            return node->inputs[!slot];
    return -1;
}

/* x when `value` is min(max(x + 3, 0), 6). */
static int relu6_of_plus3(const struct graph *graph, int value)
{
    const struct graph_node *node = graph_producer_of(graph, value, "Clip");
    double low, high;
    if (!node || !graph_clip_range(graph, node, &low, &high) || low != 0 || high != 6)
        return -1;
    return plus_number(graph, node->inputs[0], 3);
}

static bool standard_hard_sigmoid(const struct graph_node *node)
{
    return near((double)graph_attr_float(node, "alpha", 0.2f), 1.0 / 6) &&
           near((double)graph_attr_float(node, "beta", 0.5f), 0.5);
}

static int sigmoid_of(const struct graph *graph, int value)
{
    const struct graph_node *node = graph_producer_of(graph, value, "Sigmoid");
    return node ? node->inputs[0] : -1;
}

static int hard_sigmoid_of(const struct graph *graph, int value)
{
    const struct graph_node *node = graph_producer_of(graph, value, "HardSigmoid");
    return node && standard_hard_sigmoid(node) ? node->inputs[0] : -1;
}

/* x when `value` is 1 + erf(x / √2). */
static int erf_of(const struct graph *graph, int value)
{
    const struct graph_node *erf = graph_producer_of(graph, plus_number(graph, value, 1), "Erf");
    const struct graph_node *scale = erf ? graph_producer(graph, erf->inputs[0]) : NULL;
    double number;
    if (!scale || scale->input_count != 2 || !(graph_is(scale, "Div") || graph_is(scale, "Mul")))
        return -1;
    bool divide = graph_is(scale, "Div");
    for (int slot = 1; slot >= divide; slot--)
        if (graph_scalar(graph, scale->inputs[slot], scale->inputs[!slot], &number) &&
            near(number, divide ? sqrt(2) : sqrt(0.5)))
            return scale->inputs[!slot];
    return -1;
}

/* x · gate(x) · number. */
static const struct gated {
    int (*gate_of)(const struct graph *graph, int value);
    double number;
    const char *domain, *type;
} gated[] = {
    {sigmoid_of, 1, "stance", "Swish"},
    {hard_sigmoid_of, 1, "", "HardSwish"},
    {relu6_of_plus3, 1.0 / 6, "", "HardSwish"},
    {erf_of, 0.5, "", "Gelu"},
};

static int become_hard_sigmoid(struct graph_edit *edit, int at, int input)
{
    const struct graph_attr attrs[] = {
        {.name = "alpha", .kind = GRAPH_ATTR_FLOAT, .f = 1.0f / 6},
        {.name = "beta", .kind = GRAPH_ATTR_FLOAT, .f = 0.5f},
    };
    BASE_TRY(graph_edit_become(edit, at, "", "HardSigmoid", &input, 1));
    BASE_TRY(graph_edit_set_attrs(edit, at, attrs, 2));
    return 1;
}

static int match_product(struct graph_edit *edit, int at)
{
    const struct graph *graph = edit->graph;
    const struct graph_node *node = &graph->nodes[at];
    struct product product = {.number = 1};
    if (node->input_count != 2)
        return 0;
    read_node(&product, edit, node, 0);
    if (product.count == 1 && near(product.number, 1.0 / 6)) {
        int x = relu6_of_plus3(graph, product.factors[0]);
        return x < 0 ? 0 : become_hard_sigmoid(edit, at, x);
    }
    for (size_t i = 0; i < sizeof gated / sizeof gated[0] && product.count == 2; i++) {
        if (!near(product.number, gated[i].number))
            continue;
        for (int k = 0; k < 2; k++) {
            int x = product.factors[k];
            if (x >= 0 && gated[i].gate_of(graph, product.factors[!k]) == x)
                return graph_edit_become(edit, at, gated[i].domain, gated[i].type, &x, 1);
        }
    }
    return 0;
}

/* ---- LayerNormalization ---------------------------------------------------------------------- */

/* The node behind `value` if it is this operator and nobody else reads it. */
static const struct graph_node *sole(const struct graph_edit *edit, int value, const char *type)
{
    return value >= 0 && edit->uses[value] == 1 ? graph_producer_of(edit->graph, value, type)
                                                : NULL;
}

/* x when `value` is the mean of x over its last axis, which stays as 1. */
static int mean_of(const struct graph *graph, int value)
{
    const struct graph_node *node = graph_producer_of(graph, value, "ReduceMean");
    int64_t axes[STANCE_MAX_RANK];
    bool given;
    if (!node)
        return -1;
    int rank = graph->values[node->inputs[0]].shape.rank;
    if (graph_axes(graph, node, 1, rank, axes, &given) != 1 || axes[0] != rank - 1 ||
        !graph_attr_int(node, "keepdims", 1))
        return -1;
    return node->inputs[0];
}

/* d when `value` is d². */
static int square_of(const struct graph *graph, int value)
{
    const struct graph_node *node = graph_producer(graph, value);
    double power;
    if (graph_is(node, "Pow") &&
        graph_scalar(graph, graph_input(node, 1), node->inputs[0], &power) && power == 2)
        return node->inputs[0];
    return graph_is(node, "Mul") && node->inputs[0] == node->inputs[1] ? node->inputs[0] : -1;
}

/* x when `value` is (x - mean(x)) / √(mean((x - mean(x))²) + epsilon). */
static int normalised(const struct graph_edit *edit, int value, double *epsilon)
{
    const struct graph *graph = edit->graph;
    const struct graph_node *divide = sole(edit, value, "Div");
    const struct graph_node *root =
        divide ? graph_producer_of(graph, divide->inputs[1], "Sqrt") : NULL;
    const struct graph_node *add = root ? graph_producer_of(graph, root->inputs[0], "Add") : NULL;
    if (!add)
        return -1;
    int slot = graph_constant(graph, add->inputs[0]) ? 0 : 1;
    if (!graph_scalar(graph, add->inputs[slot], add->inputs[!slot], epsilon))
        return -1;
    const struct graph_node *deviation = graph_producer_of(graph, divide->inputs[0], "Sub");
    const struct graph_node *squared =
        graph_producer_of(graph, square_of(graph, mean_of(graph, add->inputs[!slot])), "Sub");
    if (!deviation || !squared || squared->inputs[0] != deviation->inputs[0] ||
        mean_of(graph, deviation->inputs[1]) != deviation->inputs[0] ||
        mean_of(graph, squared->inputs[1]) != squared->inputs[0])
        return -1;
    return deviation->inputs[0];
}

static bool vector_of(const struct graph *graph, int value, int64_t size)
{
    const struct stance_tensor *constant = graph_constant(graph, value);
    return constant && constant->dtype == STANCE_FLOAT32 && constant->rank == 1 &&
           constant->dims[0] == size;
}

static int match_layer_norm(struct graph_edit *edit, int at)
{
    const struct graph *graph = edit->graph;
    const struct graph_node *node = &graph->nodes[at];
    int shift_slot = graph_constant(graph, node->inputs[0]) ? 0 : 1;
    const struct graph_node *scale = sole(edit, node->inputs[!shift_slot], "Mul");
    if (!scale)
        return 0;
    int scale_slot = graph_constant(graph, scale->inputs[0]) ? 0 : 1;
    double epsilon;
    int x = normalised(edit, scale->inputs[!scale_slot], &epsilon);
    const struct tensor_shape *shape = graph_fixed_shape(edit, x);
    int inputs[] = {x, scale->inputs[scale_slot], node->inputs[shift_slot]};
    if (!shape || shape->rank < 1 || !vector_of(graph, inputs[1], shape->dims[shape->rank - 1]) ||
        !vector_of(graph, inputs[2], shape->dims[shape->rank - 1]))
        return 0;
    const struct graph_attr attrs[] = {
        {.name = "axis", .kind = GRAPH_ATTR_INT, .i = -1},
        {.name = "epsilon", .kind = GRAPH_ATTR_FLOAT, .f = (float)epsilon},
    };
    BASE_TRY(graph_edit_become(edit, at, "", "LayerNormalization", inputs, 3));
    BASE_TRY(graph_edit_set_attrs(edit, at, attrs, 2));
    return 1;
}

/* ---- GlobalAveragePool ----------------------------------------------------------------------- */

/* A mean over the height and width of maps, which stay as 1. */
static int match_global_average(struct graph_edit *edit, int at)
{
    const struct graph_node *node = &edit->graph->nodes[at];
    const struct graph_value *input = &edit->graph->values[node->inputs[0]];
    int64_t axes[STANCE_MAX_RANK];
    bool given;
    if (input->shape.rank != 4 || input->dtype != STANCE_FLOAT32 ||
        !graph_attr_int(node, "keepdims", 1) ||
        graph_axes(edit->graph, node, 1, 4, axes, &given) != 2 || axes[0] + axes[1] != 5 ||
        axes[0] * axes[1] != 6)
        return 0;
    BASE_TRY(graph_edit_become(edit, at, "", "GlobalAveragePool", (int[]){node->inputs[0]}, 1));
    return 1;
}

const struct graph_rule graph_pattern_rules[] = {
    {"Mul", match_product},
    {"Div", match_product},
    {"Add", match_layer_norm},
    {"ReduceMean", match_global_average},
    {NULL, NULL},
};
