/* Constants that scale or shift the channels behind a Conv, ConvTranspose or Gemm go into its
 * weights and bias: BatchNormalization, and Mul, Div, Add or Sub of a constant per channel. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "graph/rewrite.h"

/* How the weights of a linear node lie: channel c owns, in each of `outer` parts, `inner`
 * neighbouring elements. */
struct weights {
    int node;
    int value, bias; /* graph values; bias may be -1 */
    int64_t channels;
    int rank;       /* of the node's output */
    int64_t groups; /* ConvTranspose */
    bool transposed;
    int64_t outer, inner; /* Gemm and Conv */
};

/* y = scale · x + shift for each channel. */
struct affine {
    double *scale, *shift; /* one block of memory, owned by scale */
};

static bool float_constant(const struct stance_tensor *tensor)
{
    return tensor && tensor->dtype == STANCE_FLOAT32;
}

static bool read_conv(struct weights *out, const struct graph_node *node,
                      const struct stance_tensor *weight)
{
    if (weight->rank < 3)
        return false;
    out->rank = weight->rank;
    out->transposed = strcmp(node->type, "ConvTranspose") == 0;
    out->groups = graph_attr_int(node, "group", 1);
    int64_t count = stance_tensor_count(weight);
    if (count < 1 || out->groups < 1)
        return false;
    if (!out->transposed) {
        out->channels = weight->dims[0];
        out->outer = 1;
        out->inner = count / out->channels;
        return true;
    }
    if (weight->dims[0] % out->groups != 0)
        return false;
    out->channels = weight->dims[1] * out->groups;
    out->inner = count / weight->dims[0] / weight->dims[1];
    return true;
}

static bool read_gemm(struct weights *out, const struct graph_node *node,
                      const struct stance_tensor *weight)
{
    if (weight->rank != 2 || graph_attr_float(node, "beta", 1) != 1.0f ||
        stance_tensor_count(weight) < 1)
        return false;
    bool by_rows = graph_attr_int(node, "transB", 0) != 0;
    out->rank = 2;
    out->channels = weight->dims[by_rows ? 0 : 1];
    out->outer = by_rows ? 1 : weight->dims[0];
    out->inner = by_rows ? weight->dims[1] : 1;
    return true;
}

/* The linear node behind `value`, if constants may go into it. */
static bool find_weights(struct weights *out, const struct graph_edit *edit, int value)
{
    const struct graph *graph = edit->graph;
    const struct graph_node *node = graph_producer(graph, value);
    if (!node || edit->uses[value] != 1 || node->epilogue.activation != GRAPH_LINEAR ||
        node->epilogue.residual >= 0)
        return false;
    *out = (struct weights){.node = graph_node_index(graph, node),
                            .value = graph_input(node, 1),
                            .bias = graph_input(node, 2)};
    const struct stance_tensor *weight = graph_constant(graph, out->value);
    const struct stance_tensor *bias = graph_constant(graph, out->bias);
    if (!float_constant(weight) || (out->bias >= 0 && !float_constant(bias)))
        return false;
    bool fits = graph_is(node, "Conv") || graph_is(node, "ConvTranspose")
                    ? read_conv(out, node, weight)
                    : graph_is(node, "Gemm") && read_gemm(out, node, weight);
    return fits && (!bias || (bias->rank > 0 && stance_tensor_count(bias) == out->channels &&
                              bias->dims[bias->rank - 1] == out->channels));
}

static int open_affine(struct affine *affine, int64_t channels)
{
    affine->scale = base_alloc_zero(2 * (size_t)channels, sizeof *affine->scale);
    if (!affine->scale)
        return base_error_memory((size_t)channels * 16, "folding constants");
    affine->shift = affine->scale + channels;
    for (int64_t i = 0; i < channels; i++)
        affine->scale[i] = 1;
    return 0;
}

static void scale_weights(const struct weights *weights, const double *scale,
                          const struct stance_tensor *from, float *to)
{
    const float *source = from->data;
    if (weights->transposed) {
        int64_t each = weights->channels / weights->groups;
        for (int64_t in = 0; in < from->dims[0]; in++) {
            int64_t first = in / (from->dims[0] / weights->groups) * each;
            for (int64_t out = 0; out < each; out++)
                for (int64_t i = 0; i < weights->inner; i++, source++)
                    *to++ = (float)(*source * scale[first + out]);
        }
        return;
    }
    for (int64_t part = 0; part < weights->outer; part++)
        for (int64_t c = 0; c < weights->channels; c++)
            for (int64_t i = 0; i < weights->inner; i++, source++)
                *to++ = (float)(*source * scale[c]);
}

static int new_weights(struct graph_edit *edit, const struct weights *weights,
                       const struct affine *affine)
{
    bool scaled = false;
    for (int64_t i = 0; i < weights->channels; i++)
        scaled = scaled || affine->scale[i] != 1;
    if (!scaled)
        return 0;
    const struct stance_tensor *from = graph_constant(edit->graph, weights->value);
    struct tensor_shape shape = tensor_shape_of(from);
    struct tensor *tensor;
    BASE_TRY(tensor_open(&tensor, STANCE_FLOAT32, &shape));
    scale_weights(weights, affine->scale, from, tensor->view.data);
    int value = graph_edit_constant(edit, weights->value, tensor);
    return value < 0 ? value : graph_edit_set_input(edit, weights->node, 1, value);
}

static int new_bias(struct graph_edit *edit, const struct weights *weights,
                    const struct affine *affine)
{
    const struct stance_tensor *from = graph_constant(edit->graph, weights->bias);
    struct tensor_shape shape = {.rank = 1, .dims = {weights->channels}};
    struct tensor *tensor;
    BASE_TRY(tensor_open(&tensor, STANCE_FLOAT32, &shape));
    float *to = tensor->view.data;
    for (int64_t i = 0; i < weights->channels; i++)
        to[i] = (float)((from ? ((const float *)from->data)[i] : 0.0) * affine->scale[i] +
                        affine->shift[i]);
    int like = weights->bias >= 0 ? weights->bias : weights->value;
    int value = graph_edit_constant(edit, like, tensor);
    return value < 0 ? value : graph_edit_set_input(edit, weights->node, 2, value);
}

static int apply(struct graph_edit *edit, int at, const struct weights *weights,
                 const struct affine *affine)
{
    for (int64_t i = 0; i < weights->channels; i++)
        if (!isfinite(affine->scale[i]) || !isfinite(affine->shift[i]))
            return 0;
    BASE_TRY(new_weights(edit, weights, affine));
    BASE_TRY(new_bias(edit, weights, affine));
    return graph_edit_absorb(edit, weights->node, at);
}

/* ---- BatchNormalization ---------------------------------------------------------------------- */

bool graph_read_normalization(const struct graph *graph, const struct graph_node *node,
                              int64_t channels, double *scale, double *shift)
{
    const struct stance_tensor *part[4];
    for (int i = 0; i < 4; i++) {
        part[i] = graph_constant(graph, graph_input(node, i + 1));
        if (!float_constant(part[i]) || stance_tensor_count(part[i]) != channels)
            return false;
    }
    for (int i = 1; i < node->output_count; i++)
        if (node->outputs[i] >= 0)
            return false;
    if (graph_attr_int(node, "training_mode", 0) || !graph_attr_int(node, "spatial", 1))
        return false;
    double epsilon = (double)graph_attr_float(node, "epsilon", 1e-5f);
    for (int64_t i = 0; i < channels; i++) {
        double variance = tensor_float(part[3], i) + epsilon;
        if (!(variance > 0))
            return false;
        scale[i] = tensor_float(part[0], i) / sqrt(variance);
        shift[i] = tensor_float(part[1], i) - tensor_float(part[2], i) * scale[i];
    }
    return true;
}

static int fold_normalization(struct graph_edit *edit, int at)
{
    const struct graph_node *node = &edit->graph->nodes[at];
    struct weights weights;
    struct affine affine = {0};
    if (!find_weights(&weights, edit, graph_input(node, 0)))
        return 0;
    BASE_TRY(open_affine(&affine, weights.channels));
    int code =
        graph_read_normalization(edit->graph, node, weights.channels, affine.scale, affine.shift)
            ? apply(edit, at, &weights, &affine)
            : 0;
    base_free(affine.scale);
    return code;
}

/* ---- Element-wise with a constant per channel ------------------------------------------------ */

/* Whether the constant broadcasts along axis 1 of the output only. */
static bool per_channel(const struct stance_tensor *constant, const struct weights *weights)
{
    if (!float_constant(constant) || constant->rank > weights->rank)
        return false;
    for (int i = 0; i < constant->rank; i++) {
        bool channel_axis = i + weights->rank - constant->rank == 1;
        if (constant->dims[i] != 1 && !(channel_axis && constant->dims[i] == weights->channels))
            return false;
    }
    return true;
}

static void read_constant(const struct graph_node *node, const struct stance_tensor *constant,
                          int64_t channels, struct affine *affine)
{
    bool single = stance_tensor_count(constant) == 1;
    for (int64_t i = 0; i < channels; i++) {
        double value = tensor_float(constant, single ? 0 : i);
        if (graph_is(node, "Mul"))
            affine->scale[i] = value;
        else if (graph_is(node, "Div"))
            affine->scale[i] = 1 / value;
        else
            affine->shift[i] = graph_is(node, "Sub") ? -value : value;
    }
}

static int fold_elementwise(struct graph_edit *edit, int at)
{
    const struct graph_node *node = &edit->graph->nodes[at];
    if (node->input_count != 2)
        return 0;
    bool ordered = graph_is(node, "Div") || graph_is(node, "Sub");
    int slot = !ordered && graph_constant(edit->graph, node->inputs[0]) ? 0 : 1;
    const struct stance_tensor *constant = graph_constant(edit->graph, node->inputs[slot]);
    struct weights weights;
    struct affine affine = {0};
    if (!constant || !find_weights(&weights, edit, node->inputs[!slot]) ||
        !per_channel(constant, &weights))
        return 0;
    BASE_TRY(open_affine(&affine, weights.channels));
    read_constant(node, constant, weights.channels, &affine);
    int code = apply(edit, at, &weights, &affine);
    base_free(affine.scale);
    return code;
}

/* ---- BatchNormalization that has no weights to go into --------------------------------------- */

static int channel_constant(struct graph_edit *edit, int like, const double *values,
                            const struct tensor_shape *shape)
{
    struct tensor *tensor;
    BASE_TRY(tensor_open(&tensor, STANCE_FLOAT32, shape));
    for (int64_t i = 0; i < shape->dims[0]; i++)
        ((float *)tensor->view.data)[i] = (float)values[i];
    return graph_edit_constant(edit, like, tensor);
}

static int write_depthwise(struct graph_edit *edit, int at, int64_t channels,
                           const struct affine *affine)
{
    const struct tensor_shape weight_shape = {.rank = 4, .dims = {channels, 1, 1, 1}};
    const struct tensor_shape bias_shape = {.rank = 1, .dims = {channels}};
    const int *from = edit->graph->nodes[at].inputs;
    int input = from[0], scale = from[1], shift = from[2];
    int weights = channel_constant(edit, scale, affine->scale, &weight_shape);
    if (weights < 0)
        return weights;
    int bias = channel_constant(edit, shift, affine->shift, &bias_shape);
    if (bias < 0)
        return bias;
    const int inputs[] = {input, weights, bias};
    const struct graph_attr group = {.name = "group", .kind = GRAPH_ATTR_INT, .i = channels};
    BASE_TRY(graph_edit_become(edit, at, "", "Conv", inputs, 3));
    BASE_TRY(graph_edit_set_attrs(edit, at, &group, 1));
    return 1;
}

/* On images it becomes a depthwise 1×1 convolution, which takes in what follows it. */
static int become_depthwise(struct graph_edit *edit, int at)
{
    const struct graph_node *node = &edit->graph->nodes[at];
    const struct tensor_shape *shape = graph_fixed_shape(edit, node->inputs[0]);
    struct affine affine = {0};
    if (!shape || shape->rank != 4 || shape->dims[1] < 1 || shape->dims[2] < 1 ||
        shape->dims[3] < 1 || edit->graph->values[node->inputs[0]].dtype != STANCE_FLOAT32)
        return 0;
    int64_t channels = shape->dims[1];
    BASE_TRY(open_affine(&affine, channels));
    int code = graph_read_normalization(edit->graph, node, channels, affine.scale, affine.shift)
                   ? write_depthwise(edit, at, channels, &affine)
                   : 0;
    base_free(affine.scale);
    return code;
}

const struct graph_rule graph_depthwise_rules[] = {
    {"BatchNormalization", become_depthwise},
    {NULL, NULL},
};

const struct graph_rule graph_scale_rules[] = {
    {"BatchNormalization", fold_normalization},
    {"Mul", fold_elementwise},
    {"Div", fold_elementwise},
    {"Add", fold_elementwise},
    {"Sub", fold_elementwise},
    {NULL, NULL},
};
