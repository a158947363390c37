/* The temporal branches of ST-GCN++ (arXiv:2205.09443, section 3.2): several 1×1 convolutions of
 * one value, each followed by a dilated convolution or a maximum along time or by nothing, joined,
 * normalised and rectified. The 1×1 convolutions become one, the rest becomes one node Branches:
 *
 *   y[n][c][t][v] = max(scale[c] · m + shift[c], 0), where m is for the channels of a branch
 *   Σ_i Σ_k x[n][first + i][t·stride + (k - (taps - 1) / 2)·dilation][v] · w[c][i][k], or
 *   max_k of x[n][c][the same][v] if it is pooled; what lies outside counts for nothing.
 *
 * Inputs x [N, C, T, V], w of one branch after another, flat, scale [C] and shift [C], all but x
 * constant. Attributes: `stride`, and a list each of `channels`, `taps` (odd), `dilations` and
 * `pooled` of the branches. A branch that is only a 1×1 convolution is a maximum of one tap. */
#include <string.h>

#include "base/memory.h"
#include "graph/infer.h"
#include "graph/rewrite.h"

/* ---- What a node means ----------------------------------------------------------------------- */

static const struct graph_attr *list(const struct graph_node *node, const char *name)
{
    const struct graph_attr *attr = graph_attr_find(node, name);
    return attr && attr->kind == GRAPH_ATTR_INTS ? attr : NULL;
}

static int64_t weights_of(const struct graph_branch *branch)
{
    return branch->pooled ? 0 : branch->channels * branch->channels * branch->taps;
}

int graph_branches_read(struct graph_branches *out, const struct graph_node *node)
{
    const struct graph_attr *lists[] = {list(node, "channels"), list(node, "taps"),
                                        list(node, "dilations"), list(node, "pooled")};
    *out = (struct graph_branches){.stride = graph_attr_int(node, "stride", 1)};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        if (!lists[i] || lists[i]->count != lists[0]->count || lists[i]->count > GRAPH_MAX_BRANCHES)
            return base_error(STANCE_EARGUMENT, "the branches are not described");
    out->count = lists[0]->count;
    for (int i = 0; i < out->count; i++) {
        struct graph_branch *branch = &out->branch[i];
        *branch = (struct graph_branch){.channels = lists[0]->ints[i],
                                        .taps = lists[1]->ints[i],
                                        .dilation = lists[2]->ints[i],
                                        .pooled = lists[3]->ints[i] != 0};
        out->channels += branch->channels;
        out->weights += weights_of(branch);
    }
    return 0;
}

int graph_infer_branches(struct graph_infer *infer)
{
    const struct tensor_shape *x = graph_infer_shape(infer, 0);
    struct graph_branches branches;
    BASE_TRY(graph_branches_read(&branches, infer->node));
    if (!tensor_shape_known(x))
        return 0;
    if (x->rank != 4 || x->dims[1] != branches.channels || x->dims[2] < 1 || branches.stride < 1)
        return base_error(STANCE_ESHAPE, "the branches do not fit the input");
    struct tensor_shape out = *x;
    out.dims[2] = (x->dims[2] - 1) / branches.stride + 1;
    return graph_infer_output(infer, 0, graph_infer_dtype(infer, 0), &out);
}

/* ---- Finding them ---------------------------------------------------------------------------- */

/* One branch as it stands in the graph. */
struct found {
    const struct graph_node *reduce; /* the 1×1 convolution */
    const struct graph_node *filter; /* what follows it, or NULL */
};

struct pattern {
    struct graph_branches branches;
    struct found found[GRAPH_MAX_BRANCHES];
    int x;
    int64_t in_channels;
    const struct stance_tensor *scale, *shift; /* of the normalization; shift may be NULL */
};

/* The node behind a value that nobody else reads, without a residual. */
static const struct graph_node *sole(const struct graph_edit *edit, int value, const char *type)
{
    const struct graph_node *node =
        edit->uses[value] == 1 ? graph_producer_of(edit->graph, value, type) : NULL;
    return node && node->epilogue.residual < 0 ? node : NULL;
}

/* Constant float weights, and a bias that is none or constant. */
static const struct stance_tensor *conv_weights(const struct graph *graph,
                                                const struct graph_node *conv)
{
    const struct stance_tensor *weights = graph_constant(graph, graph_input(conv, 1));
    int bias = graph_input(conv, 2);
    bool fits = weights && weights->dtype == STANCE_FLOAT32 && weights->rank == 4 &&
                (bias < 0 || graph_constant(graph, bias));
    return fits ? weights : NULL;
}

/* Along time alone, as long as its input; `window->stride` is free. */
static bool read_window(const struct graph *graph, const struct graph_node *node,
                        const int64_t *kernel, struct graph_window *window)
{
    if (graph_window_read(window, node, &graph->values[node->inputs[0]].shape, kernel, false) < 0)
        return false;
    int64_t pad = (window->kernel[0] - 1) / 2 * window->dilation[0];
    return window->kernel[1] == 1 && window->kernel[0] % 2 == 1 && window->stride[1] == 1 &&
           window->pad_begin[0] == pad && window->pad_end[0] == pad && window->pad_begin[1] == 0 &&
           window->pad_end[1] == 0 && window->groups == 1 && !window->ceil_mode;
}

static bool is_pointwise(const struct graph *graph, const struct graph_node *conv,
                         struct graph_window *window)
{
    const struct stance_tensor *weights = conv_weights(graph, conv);
    return weights && read_window(graph, conv, weights->dims + 2, window) && window->kernel[0] == 1;
}

/* Convolution or maximum along time, behind a rectified 1×1 convolution. */
static bool read_filter(const struct graph_edit *edit, const struct graph_node *filter,
                        struct found *found, struct graph_branch *branch, int64_t *stride)
{
    const struct graph *graph = edit->graph;
    struct graph_window window, inner;
    bool pooled = graph_is(filter, "MaxPool");
    const struct stance_tensor *weights = pooled ? NULL : conv_weights(graph, filter);
    *found = (struct found){sole(edit, filter->inputs[0], "Conv"), filter};
    if ((!pooled && !weights) || filter->output_count > 1 ||
        !read_window(graph, filter, weights ? weights->dims + 2 : NULL, &window) ||
        !found->reduce || found->reduce->epilogue.activation != GRAPH_RELU ||
        !is_pointwise(graph, found->reduce, &inner) || inner.stride[0] != 1)
        return false;
    *branch = (struct graph_branch){.channels = conv_weights(graph, found->reduce)->dims[0],
                                    .taps = window.kernel[0],
                                    .dilation = window.dilation[0],
                                    .pooled = pooled};
    *stride = window.stride[0];
    return pooled || weights->dims[0] == branch->channels;
}

static bool read_branch(const struct graph_edit *edit, int value, struct found *found,
                        struct graph_branch *branch, int64_t *stride)
{
    struct graph_window window;
    const struct graph_node *node = sole(edit, value, "Conv");
    if (node && node->epilogue.activation != GRAPH_LINEAR)
        return false;
    if (!node || !is_pointwise(edit->graph, node, &window)) {
        node = node ? node : sole(edit, value, "MaxPool");
        return node && read_filter(edit, node, found, branch, stride);
    }
    *found = (struct found){.reduce = node};
    *branch = (struct graph_branch){.channels = conv_weights(edit->graph, node)->dims[0],
                                    .taps = 1,
                                    .dilation = 1,
                                    .pooled = true};
    *stride = window.stride[0];
    return true;
}

/* The normalization of all channels: a 1×1 convolution of one group per channel. */
static const struct graph_node *read_normalization(const struct graph_edit *edit, int value,
                                                   struct pattern *pattern)
{
    const struct graph_node *node = sole(edit, value, "Conv");
    struct graph_window window;
    const struct stance_tensor *weights = node ? conv_weights(edit->graph, node) : NULL;
    if (!weights || node->epilogue.activation != GRAPH_LINEAR || weights->dims[1] != 1 ||
        weights->dims[2] != 1 || weights->dims[3] != 1 ||
        graph_window_read(&window, node, &edit->graph->values[node->inputs[0]].shape,
                          weights->dims + 2, false) < 0 ||
        window.groups != weights->dims[0] || window.stride[0] != 1 || window.stride[1] != 1 ||
        window.pad_begin[0] || window.pad_begin[1] || window.pad_end[0] || window.pad_end[1])
        return NULL;
    pattern->scale = weights;
    pattern->shift = graph_constant(edit->graph, graph_input(node, 2));
    return node;
}

static bool find(const struct graph_edit *edit, int value, struct pattern *pattern)
{
    *pattern = (struct pattern){.x = -1};
    const struct graph_node *norm = read_normalization(edit, value, pattern);
    const struct graph_node *concat = norm ? sole(edit, norm->inputs[0], "Concat") : NULL;
    if (!concat || graph_attr_int(concat, "axis", 0) != 1 || concat->input_count < 2 ||
        concat->input_count > GRAPH_MAX_BRANCHES || !graph_fixed_shape(edit, norm->inputs[0]))
        return false;
    struct graph_branches *branches = &pattern->branches;
    bool rectified = false;
    for (int i = 0; i < concat->input_count; i++) {
        struct graph_branch *branch = &branches->branch[i];
        int64_t stride;
        if (!read_branch(edit, concat->inputs[i], &pattern->found[i], branch, &stride) ||
            (i > 0 &&
             (stride != branches->stride || pattern->found[i].reduce->inputs[0] != pattern->x)))
            return false;
        branches->stride = stride;
        pattern->x = pattern->found[i].reduce->inputs[0];
        branches->channels += branch->channels;
        branches->weights += weights_of(branch);
        rectified = rectified || pattern->found[i].filter;
    }
    branches->count = concat->input_count;
    const struct tensor_shape *x = graph_fixed_shape(edit, pattern->x);
    pattern->in_channels = x ? x->dims[1] : 0;
    return rectified && x && branches->channels == pattern->scale->dims[0];
}

/* ---- Putting them together ------------------------------------------------------------------- */

/* The constants of both nodes. */
enum { REDUCE_WEIGHTS, REDUCE_BIAS, WEIGHTS, SCALE, SHIFT, CONSTANTS };

static float at_or(const struct stance_tensor *tensor, int64_t i, float absent)
{
    return tensor ? ((const float *)tensor->data)[i] : absent;
}

/* A branch without a filter is normalised by its 1×1 convolution, whose result is rectified. */
static void fill_branch(const struct graph *graph, const struct pattern *pattern, int i,
                        int64_t first, float *const to[CONSTANTS], int64_t weight)
{
    const struct graph_branch *branch = &pattern->branches.branch[i];
    const struct found *found = &pattern->found[i];
    const struct stance_tensor *reduce = conv_weights(graph, found->reduce);
    const struct stance_tensor *bias = graph_constant(graph, graph_input(found->reduce, 2));
    const struct graph_node *filter = branch->pooled ? NULL : found->filter;
    const struct stance_tensor *added =
        filter ? graph_constant(graph, graph_input(filter, 2)) : NULL;
    for (int64_t c = 0; c < branch->channels; c++) {
        float scale = at_or(pattern->scale, first + c, 1);
        float shift = at_or(pattern->shift, first + c, 0);
        float early = found->filter ? 1 : scale;
        for (int64_t k = 0; k < pattern->in_channels; k++)
            to[REDUCE_WEIGHTS][(first + c) * pattern->in_channels + k] =
                early * at_or(reduce, c * pattern->in_channels + k, 0);
        to[REDUCE_BIAS][first + c] = early * at_or(bias, c, 0) + (found->filter ? 0 : shift);
        to[SCALE][first + c] = found->filter ? scale : 1;
        to[SHIFT][first + c] = found->filter ? shift + scale * at_or(added, c, 0) : 0;
    }
    if (filter)
        memcpy(to[WEIGHTS] + weight, conv_weights(graph, filter)->data,
               (size_t)weights_of(branch) * sizeof(float));
}

static int open_constants(const struct pattern *pattern, struct tensor *out[CONSTANTS])
{
    int64_t channels = pattern->branches.channels;
    const struct tensor_shape shapes[CONSTANTS] = {
        [REDUCE_WEIGHTS] = {.rank = 4, .dims = {channels, pattern->in_channels, 1, 1}},
        [REDUCE_BIAS] = {.rank = 1, .dims = {channels}},
        [WEIGHTS] = {.rank = 1, .dims = {pattern->branches.weights}},
        [SCALE] = {.rank = 1, .dims = {channels}},
        [SHIFT] = {.rank = 1, .dims = {channels}},
    };
    for (int i = 0; i < CONSTANTS; i++)
        BASE_TRY(tensor_open(&out[i], STANCE_FLOAT32, &shapes[i]));
    return 0;
}

static int add_constants(struct graph_edit *edit, const struct pattern *pattern,
                         int values[CONSTANTS])
{
    struct tensor *tensors[CONSTANTS] = {NULL};
    float *data[CONSTANTS];
    int like = pattern->found[0].reduce->inputs[1];
    int code = open_constants(pattern, tensors);
    for (int i = 0; i < CONSTANTS && code >= 0; i++)
        data[i] = tensors[i]->view.data;
    int64_t first = 0, weight = 0;
    for (int i = 0; i < pattern->branches.count && code >= 0; i++) {
        const struct graph_branch *branch = &pattern->branches.branch[i];
        fill_branch(edit->graph, pattern, i, first, data, weight);
        first += branch->channels;
        weight += weights_of(branch);
    }
    for (int i = 0; i < CONSTANTS; i++) {
        if (code < 0)
            tensor_close(&tensors[i]);
        else
            code = values[i] = graph_edit_constant(edit, like, tensors[i]);
    }
    return code < 0 ? code : 0;
}

static int set_attrs(struct graph_edit *edit, int at, const struct graph_branches *branches)
{
    static const char *const names[] = {"channels", "taps", "dilations", "pooled"};
    enum { LISTS = sizeof names / sizeof names[0] };
    struct graph_attr attrs[LISTS + 1] = {
        [LISTS] = {.name = "stride", .kind = GRAPH_ATTR_INT, .i = branches->stride}};
    for (int k = 0; k < LISTS; k++) {
        int64_t *ints = base_arena_alloc(edit->graph->arena, (size_t)branches->count, sizeof *ints);
        if (!ints)
            return STANCE_ENOMEMORY;
        for (int i = 0; i < branches->count; i++) {
            const struct graph_branch *branch = &branches->branch[i];
            const int64_t lists[LISTS] = {branch->channels, branch->taps, branch->dilation,
                                          branch->pooled};
            ints[i] = lists[k];
        }
        attrs[k] = (struct graph_attr){
            .name = names[k], .kind = GRAPH_ATTR_INTS, .count = branches->count, .ints = ints};
    }
    return graph_edit_set_attrs(edit, at, attrs, LISTS + 1);
}

/* The first 1×1 convolution that is rectified becomes that of all, the Relu the rest. */
static int match_branches(struct graph_edit *edit, int at)
{
    struct graph *graph = edit->graph;
    struct pattern pattern;
    int values[CONSTANTS], reduce = graph->node_count;
    if (!find(edit, graph->nodes[at].inputs[0], &pattern))
        return 0;
    BASE_TRY(add_constants(edit, &pattern, values));
    for (int i = 0; i < pattern.branches.count; i++) {
        int index = graph_node_index(graph, pattern.found[i].reduce);
        if (pattern.found[i].filter && index < reduce)
            reduce = index;
    }
    const int reduce_inputs[] = {pattern.x, values[REDUCE_WEIGHTS], values[REDUCE_BIAS]};
    BASE_TRY(graph_edit_become(edit, reduce, "", "Conv", reduce_inputs, 3));
    int hidden = graph->nodes[reduce].outputs[0];
    graph->values[hidden].shape.dims[1] = pattern.branches.channels;
    const int inputs[] = {hidden, values[WEIGHTS], values[SCALE], values[SHIFT]};
    BASE_TRY(graph_edit_become(edit, at, "stance", "Branches", inputs, 4));
    BASE_TRY(set_attrs(edit, at, &pattern.branches));
    return 1;
}

const struct graph_rule graph_branch_rules[] = {
    {"Relu", match_branches},
    {NULL, NULL},
};
