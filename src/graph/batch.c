/* Whether a network computes each image of a batch alone.
 *
 * Follows the batch from the inputs: a value is either the same for every image or has the batch as
 * axis 0, in order. The operators below keep it so under conditions that are checked; any other
 * operator that touches the batch is in the way. Cautious: false may be wrong, true is not. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "graph/einsum.h"
#include "graph/rewrite.h"

struct batch {
    const struct graph *graph;
    int64_t n;
    bool *carries; /* per value: axis 0 is the batch */
    const char *cause;
};

static const struct graph_value *value_at(const struct batch *batch, int value)
{
    return &batch->graph->values[value];
}

static bool carries(const struct batch *batch, const struct graph_node *node, int slot)
{
    int value = graph_input(node, slot);
    return value >= 0 && batch->carries[value];
}

static bool refuse(struct batch *batch, const char *cause)
{
    batch->cause = cause;
    return false;
}

/* A value without batch that is broadcast against one with `rank` axes: does not reach axis 0, has
 * 1 there, or holds the same for each image. */
static bool same_for_all(const struct batch *batch, int value, int rank)
{
    const struct graph_value *from = value_at(batch, value);
    if (!tensor_shape_known(&from->shape))
        return false;
    if (from->shape.rank < rank || from->shape.rank == 0 || from->shape.dims[0] == 1)
        return from->shape.rank <= rank;
    if (from->shape.rank > rank || !from->constant || from->shape.dims[0] != batch->n)
        return false;
    size_t row = tensor_bytes(&from->constant->view) / (size_t)batch->n;
    const unsigned char *data = from->constant->view.data;
    for (int64_t i = 1; i < batch->n; i++)
        if (memcmp(data, data + (size_t)i * row, row) != 0)
            return false;
    return true;
}

/* ---- Rules: whether output axis 0 is the batch again, image by image ------------------------- */

typedef bool keeps_fn(struct batch *batch, const struct graph_node *node);

static bool keeps_elementwise(struct batch *batch, const struct graph_node *node)
{
    int rank = value_at(batch, node->outputs[0])->shape.rank;
    for (int i = 0; i < node->input_count; i++) {
        if (node->inputs[i] < 0)
            continue;
        if (carries(batch, node, i)) {
            if (value_at(batch, node->inputs[i])->shape.rank != rank)
                return refuse(batch, "the batch is not its first axis any more");
        } else if (!same_for_all(batch, node->inputs[i], rank)) {
            return refuse(batch, "an operand differs between the images");
        }
    }
    return true;
}

/* Only input 0 may have the batch. */
static bool keeps_first(struct batch *batch, const struct graph_node *node)
{
    for (int i = 1; i < node->input_count; i++)
        if (carries(batch, node, i) && node->inputs[i] != node->epilogue.residual)
            return refuse(batch, "its parameters depend on the input");
    return carries(batch, node, 0) ? true : refuse(batch, "its parameters depend on the input");
}

static bool other_axis(struct batch *batch, const struct graph_node *node, int64_t axis)
{
    int rank = value_at(batch, graph_input(node, 0))->shape.rank;
    return axis + (axis < 0 ? rank : 0) != 0 ? true : refuse(batch, "it works along the batch");
}

/* Softmax and its like worked on everything from the axis on before opset 13, which is the same. */
static bool keeps_softmax(struct batch *batch, const struct graph_node *node)
{
    return keeps_first(batch, node) &&
           other_axis(batch, node, graph_attr_int(node, "axis", batch->graph->opset < 13 ? 1 : -1));
}

static bool keeps_axis0_default(struct batch *batch, const struct graph_node *node)
{
    return keeps_first(batch, node) && other_axis(batch, node, graph_attr_int(node, "axis", 0));
}

static bool keeps_axis_last_default(struct batch *batch, const struct graph_node *node)
{
    return keeps_first(batch, node) && other_axis(batch, node, graph_attr_int(node, "axis", -1));
}

static bool keeps_flatten(struct batch *batch, const struct graph_node *node)
{
    return keeps_first(batch, node) && other_axis(batch, node, graph_attr_int(node, "axis", 1));
}

static bool keeps_concat(struct batch *batch, const struct graph_node *node)
{
    int rank = value_at(batch, node->outputs[0])->shape.rank;
    int64_t axis = graph_attr_int(node, "axis", 0);
    if (axis + (axis < 0 ? rank : 0) == 0)
        return refuse(batch, "it works along the batch");
    for (int i = 0; i < node->input_count; i++)
        if (!carries(batch, node, i) && !same_for_all(batch, node->inputs[i], rank))
            return refuse(batch, "an operand differs between the images");
    return true;
}

static bool keeps_reduce(struct batch *batch, const struct graph_node *node)
{
    int64_t axes[STANCE_MAX_RANK];
    bool given;
    int rank = value_at(batch, node->inputs[0])->shape.rank;
    int count = graph_axes(batch->graph, node, 1, rank, axes, &given);
    if (count < 1)
        return refuse(batch, "it reduces over all axes");
    for (int i = 0; i < count; i++)
        if (axes[i] == 0)
            return refuse(batch, "it works along the batch");
    return keeps_first(batch, node);
}

static bool keeps_transpose(struct batch *batch, const struct graph_node *node)
{
    int count;
    const int64_t *permutation = graph_attr_ints(node, "perm", &count);
    return permutation && count > 0 && permutation[0] == 0 ? true
                                                           : refuse(batch, "it moves the batch");
}

static bool keeps_slice(struct batch *batch, const struct graph_node *node)
{
    const struct graph *graph = batch->graph;
    int64_t starts[STANCE_MAX_RANK], axes[STANCE_MAX_RANK], steps[STANCE_MAX_RANK];
    int rank = value_at(batch, node->inputs[0])->shape.rank;
    bool given;
    if (graph_input(node, 1) < 0)
        return refuse(batch, "its bounds are attributes");
    int count = graph_const_ints(graph, graph_input(node, 1), starts, STANCE_MAX_RANK);
    int axis_count = graph_axes(graph, node, 3, rank, axes, &given);
    int step_count = graph_const_ints(graph, graph_input(node, 4), steps, STANCE_MAX_RANK);
    if (count < 1 || (given && axis_count != count) ||
        (graph_input(node, 4) >= 0 && step_count != count))
        return refuse(batch, "its bounds are not constant");
    for (int i = 0; i < count; i++)
        if ((given ? axes[i] : i) == 0 && (starts[i] != 0 || (step_count > 0 && steps[i] != 1)))
            return refuse(batch, "it works along the batch");
    return keeps_first(batch, node);
}

static bool keeps_pad(struct batch *batch, const struct graph_node *node)
{
    int64_t pads[2 * STANCE_MAX_RANK];
    int rank = value_at(batch, node->inputs[0])->shape.rank, count;
    const int64_t *attribute = graph_attr_ints(node, "pads", &count);
    if (!attribute)
        count = graph_const_ints(batch->graph, graph_input(node, 1), pads, 2 * STANCE_MAX_RANK);
    if (count != 2 * rank || graph_input(node, 3) >= 0)
        return refuse(batch, "its padding is not constant");
    const int64_t *used = attribute ? attribute : pads;
    return used[0] == 0 && used[rank] == 0 ? keeps_first(batch, node)
                                           : refuse(batch, "it works along the batch");
}

/* Along another axis with the same indices for all, or a lookup by indices that have the batch. */
static bool keeps_gather(struct batch *batch, const struct graph_node *node)
{
    bool data = carries(batch, node, 0), indices = carries(batch, node, 1);
    int64_t axis = graph_attr_int(node, "axis", 0);
    if (data && !indices)
        return other_axis(batch, node, axis);
    int rank = value_at(batch, node->inputs[0])->shape.rank;
    if (indices && !data && axis + (axis < 0 ? rank : 0) == 0)
        return true;
    return refuse(batch, "it gathers across images");
}

static bool keeps_gather_elements(struct batch *batch, const struct graph_node *node)
{
    return carries(batch, node, 0) && carries(batch, node, 1)
               ? other_axis(batch, node, graph_attr_int(node, "axis", 0))
               : refuse(batch, "it gathers across images");
}

static bool keeps_matmul(struct batch *batch, const struct graph_node *node)
{
    int a = value_at(batch, node->inputs[0])->shape.rank;
    int b = value_at(batch, node->inputs[1])->shape.rank;
    bool left = carries(batch, node, 0), right = carries(batch, node, 1);
    if (left && right)
        return a == b && a >= 3 ? true : refuse(batch, "it multiplies different images");
    if (left && a == 2)
        return b == 2 ? true : refuse(batch, "the batch is not its first axis any more");
    if (left)
        return same_for_all(batch, node->inputs[1], a) ? true : refuse(batch, "a matrix per image");
    return b >= 3 && same_for_all(batch, node->inputs[0], b)
               ? true
               : refuse(batch, "it sums over the batch");
}

static bool keeps_gemm(struct batch *batch, const struct graph_node *node)
{
    if (!carries(batch, node, 0) || carries(batch, node, 1) || graph_attr_int(node, "transA", 0))
        return refuse(batch, "it sums over the batch");
    int c = graph_input(node, 2);
    return c < 0 || batch->carries[c] || same_for_all(batch, c, 2)
               ? true
               : refuse(batch, "an operand differs between the images");
}

/* The batch's letter comes first in each operand that has it and in the output, and nowhere else.
 */
static bool keeps_einsum(struct batch *batch, const struct graph_node *node)
{
    struct tensor_shape shapes[GRAPH_EINSUM_INPUTS];
    struct graph_einsum einsum;
    if (node->input_count > GRAPH_EINSUM_INPUTS)
        return refuse(batch, "it has many operands");
    for (int i = 0; i < node->input_count; i++)
        shapes[i] = value_at(batch, node->inputs[i])->shape;
    if (graph_einsum_read(&einsum, graph_attr_string(node, "equation", ""), shapes,
                          node->input_count) < 0 ||
        einsum.out_rank < 1)
        return refuse(batch, "its equation cannot be followed");
    for (int i = 0; i < node->input_count; i++)
        for (int k = 0; k < einsum.rank[i]; k++)
            if ((einsum.labels[i][k] == einsum.out[0]) != (k == 0 && carries(batch, node, i)))
                return refuse(batch, "it mixes the batch with another axis");
    for (int k = 1; k < einsum.out_rank; k++)
        if (einsum.out[k] == einsum.out[0])
            return refuse(batch, "it mixes the batch with another axis");
    return true;
}

/* In training mode the statistics are those of the whole batch. */
static bool keeps_statistics(struct batch *batch, const struct graph_node *node)
{
    if (graph_attr_int(node, "training_mode", 0) != 0)
        return refuse(batch, "it normalises over the batch");
    return keeps_first(batch, node);
}

/* Scales for all elements, or along another axis than the batch. */
static bool keeps_quantise(struct batch *batch, const struct graph_node *node)
{
    const struct graph_value *scale = value_at(batch, node->inputs[1]);
    int rank = value_at(batch, node->outputs[0])->shape.rank;
    int64_t axis = graph_attr_int(node, "axis", 1), count;
    if (!carries(batch, node, 0) || carries(batch, node, 1) || carries(batch, node, 2) ||
        tensor_shape_count(&scale->shape, &count) < 0)
        return refuse(batch, "its scale is computed from the images");
    return count == 1 || (axis != 0 && axis != -rank && scale->shape.rank <= 1)
               ? true
               : refuse(batch, "its scales are those of the batch's axis");
}

static const struct {
    const char *type;
    keeps_fn *keeps;
} rules[] = {
    {"Conv", keeps_first},
    {"ConvTranspose", keeps_first},
    {"GraphConv", keeps_first},
    {"Branches", keeps_first},
    {"MaxPool", keeps_first},
    {"AveragePool", keeps_first},
    {"LpPool", keeps_first},
    {"GlobalAveragePool", keeps_first},
    {"GlobalMaxPool", keeps_first},
    {"BatchNormalization", keeps_statistics},
    {"InstanceNormalization", keeps_first},
    {"GroupNormalization", keeps_first},
    {"LRN", keeps_first},
    {"Resize", keeps_first},
    {"Upsample", keeps_first},
    {"DepthToSpace", keeps_first},
    {"SpaceToDepth", keeps_first},
    {"Reshape", keeps_first}, /* row-major: with the same first dim, rows stay rows */
    {"Squeeze", keeps_first},
    {"Unsqueeze", keeps_first},
    {"Reorder", keeps_first},
    {"Dropout", keeps_first},
    {"Flatten", keeps_flatten},
    {"Softmax", keeps_softmax},
    {"LogSoftmax", keeps_softmax},
    {"Hardmax", keeps_softmax},
    {"LayerNormalization", keeps_axis_last_default},
    {"TopK", keeps_axis_last_default},
    {"LpNormalization", keeps_axis_last_default},
    {"ArgMax", keeps_axis0_default},
    {"ArgMin", keeps_axis0_default},
    {"Split", keeps_axis0_default},
    {"Concat", keeps_concat},
    {"ReduceMean", keeps_reduce},
    {"ReduceSum", keeps_reduce},
    {"ReduceMax", keeps_reduce},
    {"ReduceMin", keeps_reduce},
    {"ReduceProd", keeps_reduce},
    {"ReduceL1", keeps_reduce},
    {"ReduceL2", keeps_reduce},
    {"ReduceSumSquare", keeps_reduce},
    {"ReduceLogSum", keeps_reduce},
    {"ReduceLogSumExp", keeps_reduce},
    {"Transpose", keeps_transpose},
    {"Slice", keeps_slice},
    {"Pad", keeps_pad},
    {"Gather", keeps_gather},
    {"GatherElements", keeps_gather_elements},
    {"MatMul", keeps_matmul},
    {"Gemm", keeps_gemm},
    {"Einsum", keeps_einsum},
    {"QuantizeLinear", keeps_quantise},
    {"DequantizeLinear", keeps_quantise},
};

static const char *const elementwise[] = {
    "Abs",         "Acos",      "Add",      "And",
    "Asin",        "Atan",      "Cast",     "Ceil",
    "Celu",        "Clip",      "Cos",      "Div",
    "Elu",         "Equal",     "Erf",      "Exp",
    "Floor",       "Gelu",      "Greater",  "GreaterOrEqual",
    "HardSigmoid", "HardSwish", "Identity", "IsInf",
    "IsNaN",       "LeakyRelu", "Less",     "LessOrEqual",
    "Log",         "Max",       "Mean",     "Min",
    "Mish",        "Mod",       "Mul",      "Neg",
    "Not",         "Or",        "PRelu",    "Pow",
    "Reciprocal",  "Relu",      "Round",    "Selu",
    "Sigmoid",     "Sign",      "Sin",      "Softplus",
    "Softsign",    "Sqrt",      "Sub",      "Sum",
    "Swish",       "Tan",       "Tanh",     "ThresholdedRelu",
    "Where",       "Xor",
};

static keeps_fn *find_rule(const char *type)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (strcmp(rules[i].type, type) == 0)
            return rules[i].keeps;
    for (size_t i = 0; i < sizeof elementwise / sizeof elementwise[0]; i++)
        if (strcmp(elementwise[i], type) == 0)
            return keeps_elementwise;
    return NULL;
}

/* ---- The walk -------------------------------------------------------------------------------- */

static bool has_batch(const struct batch *batch, int value)
{
    const struct tensor_shape *shape = &value_at(batch, value)->shape;
    return tensor_shape_known(shape) && shape->rank > 0 && shape->dims[0] == batch->n;
}

static bool residual_kept(struct batch *batch, const struct graph_node *node)
{
    int residual = node->epilogue.residual;
    return residual < 0 || batch->carries[residual]
               ? true
               : refuse(batch, "it adds something that has no batch");
}

static bool follow_node(struct batch *batch, const struct graph_node *node)
{
    bool touched = false;
    for (int i = 0; i < node->input_count; i++)
        touched = touched || carries(batch, node, i);
    if (!touched)
        return true;
    keeps_fn *keeps = find_rule(node->type);
    if (!keeps)
        return refuse(batch, "it may mix the images of a batch");
    for (int i = 0; i < node->output_count; i++)
        if (node->outputs[i] >= 0 && !has_batch(batch, node->outputs[i]))
            return refuse(batch, "its output does not keep the batch");
    if (!keeps(batch, node) || !residual_kept(batch, node))
        return false;
    for (int i = 0; i < node->output_count; i++)
        if (node->outputs[i] >= 0)
            batch->carries[node->outputs[i]] = true;
    return true;
}

static void tell(char *reason, size_t size, const char *what, const char *name, const char *cause)
{
    if (reason && size)
        snprintf(reason, size, "%s '%s': %s", what, name, cause ? cause : "");
}

/* The node's name, or that of its first output. */
static const char *name_of(const struct graph *graph, const struct graph_node *node)
{
    int output = 0;
    while (output + 1 < node->output_count && node->outputs[output] < 0)
        output++;
    bool named = node->name && node->name[0];
    return named ? node->name : graph->values[node->outputs[output]].name;
}

int graph_batch_independent(const struct graph *graph, int64_t n, char *reason, size_t reason_size)
{
    struct batch batch = {.graph = graph, .n = n};
    batch.carries = base_alloc_zero((size_t)graph->value_count + 1, sizeof *batch.carries);
    if (!batch.carries)
        return base_error_memory((size_t)graph->value_count, "following a batch");
    for (int i = 0; i < graph->input_count; i++)
        batch.carries[graph->inputs[i]] = has_batch(&batch, graph->inputs[i]);
    bool kept = true;
    for (int i = 0; i < graph->node_count && kept; i++) {
        const struct graph_node *node = &graph->nodes[i];
        kept = follow_node(&batch, node);
        if (!kept)
            tell(reason, reason_size, node->type, name_of(graph, node), batch.cause);
    }
    for (int i = 0; i < graph->output_count && kept; i++) {
        kept = batch.carries[graph->outputs[i]];
        if (!kept)
            tell(reason, reason_size, "output", value_at(&batch, graph->outputs[i])->name,
                 "it does not depend on the batch");
    }
    base_free(batch.carries);
    return kept;
}
