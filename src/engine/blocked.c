/* Which nodes have an implementation on channel-blocked data; graph_layout() asks. */
#include <math.h>
#include <string.h>

#include "engine/epilogue.h"
#include "engine/plan.h"
#include "engine/resize_axis.h"

/* Empty values stay plain, and so do constants. */
static bool is_feature_map(const struct graph_value *value)
{
    const struct tensor_shape *shape = &value->shape;
    return (value->dtype == STANCE_FLOAT32 || value->bytes.scale > 0) && shape->rank == 4 &&
           !value->constant && shape->dims[0] > 0 && shape->dims[1] > 0 && shape->dims[2] > 0 &&
           shape->dims[3] > 0;
}

bool engine_window_fits(const struct graph_window *window)
{
    enum { EXTENT = 1 << 16, TAPS = 1 << 12, STRIDES = 1 << 10 };
    for (int i = 0; i < 2; i++)
        if ((window->kernel[i] - 1) * window->dilation[i] > EXTENT || window->stride[i] > EXTENT ||
            window->pad_begin[i] > EXTENT || window->pad_end[i] > EXTENT)
            return false;
    return window->kernel[0] * window->kernel[1] <= TAPS &&
           window->stride[0] * window->stride[1] <= STRIDES;
}

static bool can_conv(const struct kernel_table *kernels, const struct graph *graph,
                     const struct graph_node *node)
{
    struct kernel_conv_shape shape;
    if (!engine_conv_shape(&shape, graph, node))
        return false;
    struct kernel_epilogue epilogue = engine_epilogue(node);
    struct kernel_conv_plan plan;
    if (kernels->conv_plan(&plan, &shape, &epilogue) == 0)
        return true;
    shape.plain_input = true;
    return kernels->conv_plan(&plan, &shape, &epilogue) == 0;
}

static bool one_of(const char *mode, const char *const *modes)
{
    for (; *modes; modes++)
        if (strcmp(mode, *modes) == 0)
            return true;
    return false;
}

/* Whether the scales are given as sizes, or as whole numbers. */
static bool whole_scales(const struct graph *graph, const struct graph_node *node)
{
    int count;
    const float *scales = graph_attr_floats(node, "scales", &count);
    int input = graph->opset < 11 ? 1 : 2;
    if (!scales && input < node->input_count && node->inputs[input] >= 0) {
        const struct tensor *given = graph->values[node->inputs[input]].constant;
        if (!given || given->view.dtype != STANCE_FLOAT32)
            return false;
        scales = given->view.data;
        count = (int)stance_tensor_count(&given->view);
    }
    for (int i = 0; scales && i < count; i++)
        if (scales[i] != floorf(scales[i]))
            return false;
    return true;
}

/* Whole-number enlargement of height and width, nearest or, for floats, linear. */
bool engine_can_resize(const struct graph *graph, const struct graph_node *node)
{
    const struct tensor_shape *in = &graph->values[node->inputs[0]].shape;
    const struct tensor_shape *out = &graph->values[node->outputs[0]].shape;
    bool is_float = graph->values[node->inputs[0]].dtype == STANCE_FLOAT32;
    struct engine_resize_rule rule;
    return engine_resize_rule_read(&rule, node, graph->opset) == 0 &&
           rule.mode != ENGINE_RESIZE_CUBIC && (is_float || rule.mode == ENGINE_RESIZE_NEAREST) &&
           rule.transform != ENGINE_TF_CROP_AND_RESIZE && !rule.antialias &&
           !rule.exclude_outside && in->dims[0] == out->dims[0] && in->dims[1] == out->dims[1] &&
           in->dims[2] > 0 && in->dims[3] > 0 && out->dims[2] % in->dims[2] == 0 &&
           out->dims[3] % in->dims[3] == 0 && whole_scales(graph, node);
}

static bool axis_is_channels(const struct graph_node *node, int64_t absent)
{
    int64_t axis = graph_attr_int(node, "axis", absent);
    return axis == 1 || axis == -3;
}

static bool can_concat(const struct graph *graph, const struct graph_node *node)
{
    for (int i = 0; i < node->input_count; i++)
        if (node->inputs[i] < 0 || !is_feature_map(&graph->values[node->inputs[i]]))
            return false;
    return axis_is_channels(node, 1);
}

static bool can_graph_conv(const struct kernel_table *kernels, const struct graph *graph,
                           const struct graph_node *node)
{
    int64_t in = graph->values[node->inputs[0]].shape.dims[1];
    int64_t out = graph->values[node->outputs[0]].shape.dims[1];
    return out > 0 && (in == out || out % kernels->block == 0);
}

static bool can_unary(const struct graph_node *node)
{
    static const char *const types[] = {"Relu",      "LeakyRelu", "Sigmoid", "Swish", "HardSigmoid",
                                        "HardSwish", "Tanh",      "Gelu",    "Erf",   "Abs",
                                        "Neg",       "Clip",      NULL};
    return one_of(node->type, types);
}

static bool is_float_map(const struct graph_value *value)
{
    return is_feature_map(value) && value->dtype == STANCE_FLOAT32;
}

/* Equal shapes, or a feature map times one factor per channel. */
static bool can_binary(const struct graph *graph, const struct graph_node *node)
{
    static const char *const types[] = {"Add", "Sub", "Mul", "Max", "Min", NULL};
    if (!one_of(node->type, types) || node->input_count != 2)
        return false;
    const struct graph_value *a = &graph->values[node->inputs[0]];
    const struct graph_value *b = &graph->values[node->inputs[1]];
    if (!is_float_map(a) || !is_float_map(b))
        return false;
    if (tensor_shape_equal(&a->shape, &b->shape))
        return true;
    if (strcmp(node->type, "Mul") != 0 || a->shape.dims[0] != b->shape.dims[0] ||
        a->shape.dims[1] != b->shape.dims[1])
        return false;
    const struct tensor_shape *small =
        a->shape.dims[2] * a->shape.dims[3] == 1 ? &a->shape : &b->shape;
    return small->dims[2] * small->dims[3] == 1;
}

static bool on_bytes(const char *type)
{
    static const char *const types[] = {"QuantizeLinear", "DequantizeLinear", "Lookup",
                                        "QAdd",           "QAverage",         "QConv",
                                        "QConvTranspose", "QScale",           NULL};
    return one_of(type, types);
}

static bool can_bytes(const struct kernel_table *kernels, const struct graph *graph,
                      const struct graph_node *node)
{
    struct kernel_qconv_plan plan;
    if (strcmp(node->type, "QConv") == 0 || strcmp(node->type, "QConvTranspose") == 0)
        return engine_qconv_plan(&plan, kernels, graph, node);
    if (strcmp(node->type, "QAdd") == 0 || strcmp(node->type, "QScale") == 0)
        return is_feature_map(&graph->values[node->inputs[1]]);
    bool made = strcmp(node->type, "Lookup") == 0 || strcmp(node->type, "QAverage") == 0;
    return made || engine_converts(graph, node);
}

bool engine_can_block(void *context, const struct graph *graph, const struct graph_node *node)
{
    const struct kernel_table *kernels = context;
    for (int i = 0; i < node->output_count; i++)
        if (node->outputs[i] < 0 || !is_feature_map(&graph->values[node->outputs[i]]))
            return false;
    if (node->output_count < 1 || node->input_count < 1 || node->inputs[0] < 0 ||
        !is_feature_map(&graph->values[node->inputs[0]]))
        return false;
    const char *type = node->type;
    struct kernel_pool pool;
    if (strcmp(type, "Conv") == 0 || strcmp(type, "ConvTranspose") == 0)
        return can_conv(kernels, graph, node);
    if (strcmp(type, "MaxPool") == 0 || strcmp(type, "AveragePool") == 0)
        return engine_pool_shape(&pool, graph, node);
    if (strcmp(type, "GlobalAveragePool") == 0)
        return is_float_map(&graph->values[node->inputs[0]]);
    if (strcmp(type, "Resize") == 0 || strcmp(type, "Upsample") == 0)
        return engine_can_resize(graph, node);
    if (strcmp(type, "Concat") == 0 || strcmp(type, "QConcat") == 0)
        return can_concat(graph, node);
    if (strcmp(type, "Split") == 0)
        return axis_is_channels(node, 0);
    if (strcmp(type, "GraphConv") == 0)
        return can_graph_conv(kernels, graph, node);
    if (on_bytes(type))
        return can_bytes(kernels, graph, node);
    if (strcmp(type, "Branches") == 0 || strcmp(type, "SkeletonConv") == 0 ||
        strcmp(type, "Focus") == 0)
        return true;
    return (can_unary(node) && is_float_map(&graph->values[node->inputs[0]])) ||
           can_binary(graph, node);
}
