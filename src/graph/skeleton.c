/* Graph convolutions of ST-GCN (arXiv:1801.07455) and ST-GCN++ (arXiv:2205.09443): the exported
 * Reshape and Einsum, and the BatchNormalization behind them, become one node GraphConv:
 *
 *   y[n][c][t][w] = activation(scale[c] · Σ_k Σ_v x[n][k·C + c][t][v] · a[k][v][w] + shift[c])
 *
 * Inputs x [N, K·C, T, V], a [K, V, W], and maybe scale [C] and shift [C], all but x constant, and
 * maybe a residual. */
#include <string.h>

#include "base/memory.h"
#include "graph/infer.h"
#include "graph/rewrite.h"

int graph_infer_graph_conv(struct graph_infer *infer)
{
    const struct tensor_shape *x = graph_infer_shape(infer, 0), *a = graph_infer_shape(infer, 1);
    if (!tensor_shape_known(x) || !tensor_shape_known(a))
        return 0;
    if (x->rank != 4 || a->rank != 3 || a->dims[0] < 1 || x->dims[1] % a->dims[0] != 0 ||
        x->dims[3] != a->dims[1])
        return base_error(STANCE_ESHAPE, "the adjacency does not fit the input");
    struct tensor_shape out = *x;
    out.dims[1] = x->dims[1] / a->dims[0];
    out.dims[3] = a->dims[2];
    return graph_infer_output(infer, 0, graph_infer_dtype(infer, 0), &out);
}

/* Whether equations mean the same, whatever their letters; both without spaces. */
static bool same_equation(const char *a, const char *b)
{
    char from[256] = {0}, back[256] = {0};
    for (; *a && *b; a++, b++) {
        unsigned char x = (unsigned char)*a, y = (unsigned char)*b;
        bool letter = (x >= 'a' && x <= 'z') || (x >= 'A' && x <= 'Z');
        if (!letter && x != y)
            return false;
        if ((from[x] && from[x] != (char)y) || (back[y] && back[y] != (char)x))
            return false;
        from[x] = (char)y;
        back[y] = (char)x;
    }
    return *a == *b;
}

static void strip_spaces(const char *text, char *out, size_t size)
{
    size_t used = 0;
    for (; *text && used + 1 < size; text++)
        if (*text != ' ')
            out[used++] = *text;
    out[used] = 0;
}

/* x when the subsets of the Einsum's first operand are a Reshape of [N, K·C, T, V]. */
static int subsets_of(const struct graph_edit *edit, int operand)
{
    const struct graph_node *reshape = graph_producer_of(edit->graph, operand, "Reshape");
    const struct tensor_shape *split = graph_fixed_shape(edit, operand);
    const struct tensor_shape *joined =
        reshape ? graph_fixed_shape(edit, reshape->inputs[0]) : NULL;
    if (!split || !joined || split->rank != 5 || joined->rank != 4 ||
        split->dims[0] != joined->dims[0] || split->dims[3] != joined->dims[2] ||
        split->dims[4] != joined->dims[3] || split->dims[1] * split->dims[2] != joined->dims[1])
        return -1;
    return reshape->inputs[0];
}

/* The adjacency [V, W] as [1, V, W]. */
static int single_subset(struct graph_edit *edit, int value)
{
    const struct stance_tensor *from = graph_constant(edit->graph, value);
    struct tensor_shape shape = {.rank = 3, .dims = {1, from->dims[0], from->dims[1]}};
    struct tensor *tensor;
    BASE_TRY(tensor_open(&tensor, from->dtype, &shape));
    memcpy(tensor->view.data, from->data, tensor_bytes(from));
    return graph_edit_constant(edit, value, tensor);
}

static bool float_of_rank(const struct stance_tensor *tensor, int rank)
{
    return tensor && tensor->dtype == STANCE_FLOAT32 && tensor->rank == rank;
}

static int match_einsum(struct graph_edit *edit, int at)
{
    const struct graph *graph = edit->graph;
    const struct graph_node *node = &graph->nodes[at];
    char equation[64];
    if (node->input_count != 2 || graph->values[node->outputs[0]].dtype != STANCE_FLOAT32)
        return 0;
    strip_spaces(graph_attr_string(node, "equation", ""), equation, sizeof equation);
    const struct stance_tensor *adjacency = graph_constant(graph, node->inputs[1]);
    int inputs[2] = {-1, node->inputs[1]};
    if (same_equation(equation, "nkctv,kvw->nctw") && float_of_rank(adjacency, 3)) {
        inputs[0] = subsets_of(edit, node->inputs[0]);
    } else if (same_equation(equation, "nctv,vw->nctw") && float_of_rank(adjacency, 2) &&
               graph_fixed_shape(edit, node->inputs[0])) {
        inputs[0] = node->inputs[0];
        inputs[1] = single_subset(edit, node->inputs[1]);
        if (inputs[1] < 0)
            return inputs[1];
    }
    return inputs[0] < 0 ? 0 : graph_edit_become(edit, at, "stance", "GraphConv", inputs, 2);
}

static int vector(struct graph_edit *edit, int like, const double *values, int64_t count)
{
    struct tensor_shape shape = {.rank = 1, .dims = {count}};
    struct tensor *tensor;
    BASE_TRY(tensor_open(&tensor, STANCE_FLOAT32, &shape));
    for (int64_t i = 0; i < count; i++)
        ((float *)tensor->view.data)[i] = (float)values[i];
    return graph_edit_constant(edit, like, tensor);
}

static int add_scale_and_shift(struct graph_edit *edit, int conv, int like, const double *scale,
                               const double *shift, int64_t channels)
{
    const double *parts[] = {scale, shift};
    for (int i = 0; i < 2; i++) {
        int value = vector(edit, like, parts[i], channels);
        if (value < 0)
            return value;
        BASE_TRY(graph_edit_set_input(edit, conv, 2 + i, value));
    }
    return 0;
}

static int absorb_normalization(struct graph_edit *edit, int at)
{
    const struct graph *graph = edit->graph;
    const struct graph_node *node = &graph->nodes[at];
    int input = node->inputs[0];
    const struct graph_node *conv = graph_producer_of(graph, input, "GraphConv");
    if (!conv || edit->uses[input] != 1 || conv->input_count != 2 ||
        conv->epilogue.activation != GRAPH_LINEAR)
        return 0;
    int64_t channels = graph->values[input].shape.dims[1];
    double *scale = base_alloc_zero(2 * (size_t)channels, sizeof *scale);
    if (!scale)
        return base_error_memory((size_t)channels * 16, "folding constants");
    int producer = graph_node_index(graph, conv), code = 0;
    if (graph_read_normalization(graph, node, channels, scale, scale + channels)) {
        code =
            add_scale_and_shift(edit, producer, node->inputs[1], scale, scale + channels, channels);
        code = code < 0 ? code : graph_edit_absorb(edit, producer, at);
    }
    base_free(scale);
    return code;
}

const struct graph_rule graph_skeleton_rules[] = {
    {"Einsum", match_einsum},
    {"BatchNormalization", absorb_normalization},
    {NULL, NULL},
};
