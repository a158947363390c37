/* DequantizeLinear → operator → QuantizeLinear becomes the operator on bytes.
 *
 * A float value that is DequantizeLinear of bytes is as good as these bytes. A convolution reads
 * them where it stands; everything else is changed when the walk comes to the QuantizeLinear behind
 * it, whose place it takes. Float nodes that nobody reads any more go, others stay. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "graph/byte_operators.h"

/* ---- Reading the two nodes ------------------------------------------------------------------- */

/* A float32 scale within these bounds has a reciprocal, and products of two are numbers. */
static bool sensible(double scale)
{
    return scale >= 1e-18 && scale <= 1e18;
}

bool graph_read_bytes(const struct graph *graph, const struct graph_node *node,
                      struct graph_bytes *out)
{
    bool to_bytes = graph_is(node, "QuantizeLinear");
    if (!to_bytes && !graph_is(node, "DequantizeLinear"))
        return false;
    const struct graph_value *from = &graph->values[node->inputs[0]];
    const struct graph_value *to = &graph->values[node->outputs[0]];
    const struct stance_tensor *scale = graph_constant(graph, graph_input(node, 1));
    const struct stance_tensor *zero = graph_constant(graph, graph_input(node, 2));
    if ((to_bytes ? to : from)->dtype != STANCE_UINT8 ||
        (to_bytes ? from : to)->dtype != STANCE_FLOAT32 || !tensor_shape_known(&from->shape) ||
        !scale || scale->dtype != STANCE_FLOAT32 || stance_tensor_count(scale) != 1 ||
        !sensible(tensor_float(scale, 0)))
        return false;
    if (graph_input(node, 2) >= 0 &&
        (!zero || zero->dtype != STANCE_UINT8 || stance_tensor_count(zero) != 1))
        return false;
    out->scale = (float)tensor_float(scale, 0);
    out->zero = zero ? (int)tensor_int(zero, 0) : 0;
    return true;
}

bool graph_same_bytes(const struct graph_bytes *a, const struct graph_bytes *b)
{
    return a->scale == b->scale && a->zero == b->zero;
}

int graph_bytes_behind(const struct graph_bytes_pass *pass, int value, struct graph_bytes *out)
{
    const struct graph *graph = pass->edit.graph;
    const struct graph_node *node = graph_producer_of(graph, value, "DequantizeLinear");
    struct graph_bytes own;
    int bytes = node ? node->inputs[0] : value < pass->twin_count ? pass->twins[value] : -1;
    if (value < 0 || bytes < 0 || graph->values[bytes].constant ||
        graph->values[bytes].bytes.scale == 0)
        return -1;
    *out = graph->values[bytes].bytes;
    return !node || (graph_read_bytes(graph, node, &own) && graph_same_bytes(&own, out)) ? bytes
                                                                                         : -1;
}

/* Bytes get their meaning from the first node that tells. */
static bool tell(struct graph *graph, int value, const struct graph_bytes *bytes)
{
    struct graph_bytes *known = &graph->values[value].bytes;
    if (known->scale == 0 && !graph->values[value].constant)
        *known = *bytes;
    return graph_same_bytes(known, bytes);
}

/* ---- Taking a place -------------------------------------------------------------------------- */

static bool takes(const struct graph_bytes_pass *pass, const struct graph_node *node)
{
    return !pass->has_bytes || pass->has_bytes(pass->context, pass->edit.graph, node);
}

/* Node `at` becomes `wanted` and keeps its outputs. */
static int become(struct graph_bytes_pass *pass, int at, const struct graph_node *wanted)
{
    const struct graph_node take = *wanted;
    BASE_TRY(
        graph_edit_become(&pass->edit, at, take.domain, take.type, take.inputs, take.input_count));
    struct graph_node *node = &pass->edit.graph->nodes[at];
    node->name = take.name;
    node->attrs = take.attrs;
    node->attr_count = take.attr_count;
    node->epilogue = take.epilogue;
    return 1;
}

int graph_bytes_replace(struct graph_bytes_pass *pass, int at, const char *type, const int *inputs,
                        int input_count)
{
    const struct graph_node *node = &pass->edit.graph->nodes[at];
    struct graph_node wanted = {.type = type,
                                .domain = "stance",
                                .name = node->name,
                                .inputs = (int *)(uintptr_t)inputs,
                                .input_count = input_count,
                                .outputs = node->outputs,
                                .output_count = node->output_count,
                                .epilogue = {.residual = -1}};
    return takes(pass, &wanted) ? become(pass, at, &wanted) : 0;
}

/* ---- Convolution ----------------------------------------------------------------------------- */

/* Whether the DequantizeLinear is of int8 weights, symmetric, with one scale or one per output
 * channel, which are along axis 0 or, of transposed convolutions, 1. */
static bool symmetric_weights(const struct graph *graph, const struct graph_node *node,
                              int channel_axis)
{
    const struct stance_tensor *weights = graph_constant(graph, graph_input(node, 0));
    const struct stance_tensor *scale = graph_constant(graph, graph_input(node, 1));
    const struct stance_tensor *zero = graph_constant(graph, graph_input(node, 2));
    if (!weights || weights->dtype != STANCE_INT8 || weights->rank != 4 || !scale ||
        scale->dtype != STANCE_FLOAT32 || (graph_input(node, 2) >= 0 && !zero))
        return false;
    int64_t scales = stance_tensor_count(scale), axis = graph_attr_int(node, "axis", 1);
    if (scales != 1 && (scales != weights->dims[channel_axis] || scale->rank != 1 ||
                        (axis != channel_axis && axis != channel_axis - 4)))
        return false;
    for (int64_t i = 0; i < scales; i++)
        if (!sensible(tensor_float(scale, i)))
            return false;
    if (zero && stance_tensor_count(zero) != scales)
        return false;
    for (int64_t i = 0; zero && i < scales; i++)
        if (tensor_int(zero, i) != 0)
            return false;
    return true;
}

static int convolve_bytes(struct graph_bytes_pass *pass, int at)
{
    struct graph *graph = pass->edit.graph;
    const struct graph_node *node = &graph->nodes[at];
    const struct graph_node *weights =
        graph_producer_of(graph, node->inputs[1], "DequantizeLinear");
    struct graph_bytes bytes;
    int residual = node->epilogue.residual;
    int bias = node->input_count > 2 && node->inputs[2] != residual ? node->inputs[2] : -1;
    int x = graph_bytes_behind(pass, node->inputs[0], &bytes);
    bool transposed = graph_is(node, "ConvTranspose");
    if (x < 0 || !weights || !symmetric_weights(graph, weights, transposed))
        return 0;
    int inputs[] = {x, weights->inputs[0], weights->inputs[1], bias, residual};
    struct graph_node wanted = *node;
    wanted.type = transposed ? "QConvTranspose" : "QConv";
    wanted.domain = "stance";
    wanted.inputs = inputs;
    wanted.input_count = residual < 0 ? 4 : 5;
    int residual_bytes = residual < 0 ? -1 : graph_bytes_behind(pass, residual, &bytes);
    if (residual_bytes >= 0)
        wanted.epilogue.residual = inputs[4] = residual_bytes;
    return takes(pass, &wanted) ? become(pass, at, &wanted) : 0;
}

/* Weights of convolutions that stay float. */
static int widen_weights(struct graph_bytes_pass *pass, int at)
{
    struct graph *graph = pass->edit.graph;
    int weights = graph->nodes[at].inputs[1];
    const struct graph_node *node = graph_producer_of(graph, weights, "DequantizeLinear");
    if (!node || !graph_all_constant(graph, node))
        return 0;
    const struct graph_node before = *node;
    int folded = graph_fold_node(graph, graph_node_index(graph, node), pass->folder, true);
    for (int i = 0; i < before.input_count && folded > 0; i++)
        if (before.inputs[i] >= 0)
            pass->edit.uses[before.inputs[i]]--;
    return folded < 0 ? folded : 0;
}

static int visit_conv(struct graph_bytes_pass *pass, int at)
{
    int code = convolve_bytes(pass, at);
    return code != 0 ? code : widen_weights(pass, at);
}

/* A convolution of bytes → QuantizeLinear: it writes the bytes itself. */
static int write_bytes(struct graph_bytes_pass *pass, int at)
{
    struct graph *graph = pass->edit.graph;
    const struct graph_node *node = &graph->nodes[at];
    const struct graph_node *conv = graph_producer(graph, node->inputs[0]);
    if (!(graph_is(conv, "QConv") || graph_is(conv, "QConvTranspose")) ||
        pass->edit.uses[node->inputs[0]] != 1)
        return 0;
    struct graph_node wanted = *conv;
    wanted.outputs = node->outputs;
    return takes(pass, &wanted) ? graph_edit_absorb(&pass->edit, graph_node_index(graph, conv), at)
                                : 0;
}

/* ---- Operators that move data ---------------------------------------------------------------- */

static const char *const movers[] = {"MaxPool", "Resize",  "Upsample",  "Concat",
                                     "Split",   "Slice",   "Transpose", "Reshape",
                                     "Flatten", "Squeeze", "Unsqueeze"};

static const struct graph_node *mover(const struct graph *graph, int value)
{
    for (size_t i = 0; i < sizeof movers / sizeof movers[0]; i++) {
        const struct graph_node *node = graph_producer_of(graph, value, movers[i]);
        if (node)
            return node;
    }
    return NULL;
}

/* Where a Split has several outputs, bytes of the others are made beside those of `at`. */
static int take_outputs(struct graph_bytes_pass *pass, int at, const struct graph_node *from,
                        int quantised, const struct graph_bytes *bytes)
{
    struct graph *graph = pass->edit.graph;
    int *outputs = base_arena_alloc(graph->arena, (size_t)from->output_count, sizeof *outputs);
    if (!outputs)
        return STANCE_ENOMEMORY;
    for (int i = 0; i < from->output_count; i++) {
        int value = from->outputs[i];
        outputs[i] = value == quantised ? graph->nodes[at].outputs[0] : -1;
        if (value < 0 || value == quantised)
            continue;
        const struct graph_value like = graph->values[value];
        const char *name = base_arena_format(graph->arena, "%.400s:bytes", like.name);
        outputs[i] = !name ? STANCE_ENOMEMORY
                           : graph_edit_value(&pass->edit, at, name, STANCE_UINT8, &like.shape);
        if (outputs[i] < 0)
            return outputs[i];
        pass->edit.graph->values[outputs[i]].bytes = *bytes;
        if (value < pass->twin_count)
            pass->twins[value] = outputs[i];
    }
    graph->nodes[at].outputs = outputs;
    graph->nodes[at].output_count = from->output_count;
    return 1;
}

static int move_bytes(struct graph_bytes_pass *pass, int at)
{
    struct graph *graph = pass->edit.graph;
    const struct graph_node *node = &graph->nodes[at];
    const struct graph_node *from = mover(graph, node->inputs[0]);
    if (!from || (from->output_count > 1 && !graph_is(from, "Split")))
        return 0;
    const struct graph_bytes target = graph->values[node->outputs[0]].bytes;
    struct graph_bytes bytes;
    int quantised = node->inputs[0], data = graph_is(from, "Concat") ? from->input_count : 1;
    struct graph_node wanted = *from;
    wanted.inputs = base_arena_alloc(graph->arena, (size_t)from->input_count, sizeof(int));
    if (!wanted.inputs)
        return STANCE_ENOMEMORY;
    memcpy(wanted.inputs, from->inputs, (size_t)from->input_count * sizeof(int));
    bool same = true;
    for (int i = 0; i < data; i++) {
        wanted.inputs[i] = graph_bytes_behind(pass, from->inputs[i], &bytes);
        if (wanted.inputs[i] < 0)
            return 0;
        same = same && graph_same_bytes(&bytes, &target);
    }
    if (!same && !graph_is(from, "Concat"))
        return 0;
    if (!same) {
        wanted.type = "QConcat";
        wanted.domain = "stance";
    }
    wanted.outputs = node->outputs;
    wanted.output_count = 1;
    if (!takes(pass, &wanted))
        return 0;
    const struct graph_node source = *from; /* may die */
    BASE_TRY(become(pass, at, &wanted));
    return source.output_count > 1 ? take_outputs(pass, at, &source, quantised, &target) : 1;
}

/* ---- Arithmetic ------------------------------------------------------------------------------ */

/* The sum of two byte values; a Relu in between is what the smallest byte does anyway. */
static int add_bytes(struct graph_bytes_pass *pass, int at)
{
    const struct graph *graph = pass->edit.graph;
    const struct graph_node *node = &graph->nodes[at];
    int sum = node->inputs[0];
    const struct graph_node *relu = graph_producer_of(graph, sum, "Relu");
    if (relu && graph->values[node->outputs[0]].bytes.zero == 0 && pass->edit.uses[sum] == 1)
        sum = relu->inputs[0];
    const struct graph_node *add = graph_producer_of(graph, sum, "Add");
    struct graph_bytes bytes;
    if (!add || pass->edit.uses[sum] != 1)
        return 0;
    int inputs[] = {graph_bytes_behind(pass, add->inputs[0], &bytes),
                    graph_bytes_behind(pass, add->inputs[1], &bytes)};
    if (inputs[0] < 0 || inputs[1] < 0 || !graph_same_shape(&pass->edit, inputs[0], inputs[1]))
        return 0;
    return graph_bytes_replace(pass, at, "QAdd", inputs, 2);
}

/* A feature map times one factor per channel. */
static int scale_bytes(struct graph_bytes_pass *pass, int at)
{
    const struct graph *graph = pass->edit.graph;
    int product = graph->nodes[at].inputs[0];
    const struct graph_node *mul = graph_producer_of(graph, product, "Mul");
    if (!mul || pass->edit.uses[product] != 1)
        return 0;
    for (int slot = 0; slot < 2; slot++) {
        struct graph_bytes bytes;
        int factor = mul->inputs[!slot], x = graph_bytes_behind(pass, mul->inputs[slot], &bytes);
        const struct tensor_shape *shape = &graph->values[factor].shape;
        if (x < 0 || graph->values[factor].dtype != STANCE_FLOAT32 || shape->rank != 4 ||
            shape->dims[2] != 1 || shape->dims[3] != 1 ||
            !graph_same_shape(&pass->edit, x, product) ||
            shape->dims[0] != graph->values[x].shape.dims[0] ||
            shape->dims[1] != graph->values[x].shape.dims[1])
            continue;
        return graph_bytes_replace(pass, at, "QScale", (const int[]){x, factor}, 2);
    }
    return 0;
}

static int visit_average(struct graph_bytes_pass *pass, int at)
{
    struct graph_bytes bytes;
    int x = graph_bytes_behind(pass, pass->edit.graph->nodes[at].inputs[0], &bytes);
    return x < 0 ? 0 : graph_bytes_replace(pass, at, "QAverage", &x, 1);
}

/* ---- The walk -------------------------------------------------------------------------------- */

static int visit_quantise(struct graph_bytes_pass *pass, int at)
{
    struct graph *graph = pass->edit.graph;
    const struct graph_node *node = &graph->nodes[at];
    struct graph_bytes bytes, before;
    if (!graph_read_bytes(graph, node, &bytes) || !tell(graph, node->outputs[0], &bytes))
        return 0;
    int same = graph_bytes_behind(pass, node->inputs[0], &before);
    if (same >= 0 && graph_same_bytes(&before, &bytes) &&
        graph_edit_bypass(&pass->edit, at, same) == 1)
        return 1;
    static int (*const attempts[])(struct graph_bytes_pass * pass, int at) = {
        write_bytes, move_bytes, graph_bytes_look_up, add_bytes, scale_bytes};
    int code = 0;
    for (size_t i = 0; i < sizeof attempts / sizeof attempts[0] && code == 0; i++)
        code = attempts[i](pass, at);
    return code;
}

static int visit_dequantise(struct graph_bytes_pass *pass, int at)
{
    struct graph *graph = pass->edit.graph;
    const struct graph_node *node = &graph->nodes[at];
    struct graph_bytes bytes;
    if (graph_read_bytes(graph, node, &bytes))
        tell(graph, node->inputs[0], &bytes);
    return 0;
}

static int visit(struct graph_bytes_pass *pass, int at)
{
    static const struct {
        const char *type;
        int (*visit)(struct graph_bytes_pass *pass, int at);
    } visits[] = {{"QuantizeLinear", visit_quantise},
                  {"DequantizeLinear", visit_dequantise},
                  {"Conv", visit_conv},
                  {"ConvTranspose", visit_conv},
                  {"GlobalAveragePool", visit_average}};
    graph_edit_visit(&pass->edit, at);
    for (size_t i = 0; i < sizeof visits / sizeof visits[0]; i++)
        if (graph_is(&pass->edit.graph->nodes[at], visits[i].type))
            return visits[i].visit(pass, at);
    return 0;
}

int graph_use_bytes(struct graph *graph, const struct graph_folder *folder,
                    graph_has_bytes_fn *has_bytes, void *context)
{
    struct graph_bytes_pass pass = {.folder = folder, .has_bytes = has_bytes, .context = context};
    BASE_TRY(graph_shift_signed(graph));
    BASE_TRY(graph_edit_open(&pass.edit, graph, true));
    pass.twin_count = graph->value_count;
    pass.twins = base_alloc(((size_t)graph->value_count + 1) * sizeof *pass.twins);
    int code = pass.twins ? 0 : base_error_memory((size_t)graph->value_count, "quantisation");
    for (int i = 0; i < pass.twin_count && pass.twins; i++)
        pass.twins[i] = -1;
    for (int i = 0; i < graph->node_count && code >= 0; i++)
        if (graph->nodes[i].type)
            code = visit(&pass, i);
    graph_edit_finish(&pass.edit);
    base_free(pass.twins);
    return code < 0 ? code : 0;
}
