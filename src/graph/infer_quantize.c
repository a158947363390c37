/* Shapes and types of quantisation. */
#include <math.h>

#include "graph/infer.h"

/* A scale is one number, or a vector along the axis, or (block_size) has the data's rank. */
static int check_scale(const struct graph_infer *infer)
{
    const struct tensor_shape *x = graph_infer_shape(infer, 0);
    const struct tensor_shape *scale = graph_infer_shape(infer, 1);
    int axis;
    if (scale->rank != 1 || x->rank < 1 || scale->dims[0] < 2)
        return 0;
    BASE_TRY(graph_infer_axis(&axis, graph_attr_int(infer->node, "axis", 1), x->rank));
    int64_t dim = x->dims[axis];
    if (graph_attr_int(infer->node, "block_size", 0) == 0 && !graph_dim_merge(&dim, scale->dims[0]))
        return base_error(STANCE_ESHAPE, "%lld scales for %lld slices of axis %d",
                          (long long)scale->dims[0], (long long)dim, axis);
    return 0;
}

/* Known scales are numbers above 0; one that is only multiplied with may be 0. */
static int check_numbers(const struct graph_infer *infer, bool zero_allowed)
{
    const struct stance_tensor *scale = graph_infer_value(infer, 1);
    int64_t count = scale ? stance_tensor_count(scale) : 0;
    for (int64_t i = 0; i < count; i++) {
        double value = tensor_float(scale, i);
        if (!isfinite(value) || value < 0 || (value == 0 && !zero_allowed))
            return base_error(STANCE_EARGUMENT, "scale %lld is %g; scales are above 0",
                              (long long)i, value);
    }
    return 0;
}

static int infer_quantize(struct graph_infer *infer)
{
    int64_t asked = graph_attr_int(infer->node, "output_dtype", STANCE_DTYPE_NONE);
    int dtype = graph_infer_given(infer, 2)  ? graph_infer_dtype(infer, 2)
                : asked != STANCE_DTYPE_NONE ? (int)asked
                                             : STANCE_UINT8;
    if (dtype != STANCE_DTYPE_NONE && stance_dtype_size(dtype) == 0)
        return base_error(STANCE_EUNSUPPORTED, "cannot quantise to element type %d", dtype);
    BASE_TRY(check_scale(infer));
    BASE_TRY(check_numbers(infer, false));
    return graph_infer_output(infer, 0, dtype, graph_infer_shape(infer, 0));
}

static int infer_dequantize(struct graph_infer *infer)
{
    BASE_TRY(check_scale(infer));
    BASE_TRY(check_numbers(infer, true));
    BASE_TRY(graph_infer_same_type(infer, 2, 0));
    return graph_infer_output(infer, 0, graph_infer_dtype(infer, 1), graph_infer_shape(infer, 0));
}

static int infer_dynamic_quantize(struct graph_infer *infer)
{
    struct tensor_shape scalar = {.rank = 0};
    BASE_TRY(graph_infer_expect(infer, 0, STANCE_FLOAT32));
    BASE_TRY(graph_infer_output(infer, 1, STANCE_FLOAT32, &scalar));
    BASE_TRY(graph_infer_output(infer, 2, STANCE_UINT8, &scalar));
    return graph_infer_output(infer, 0, STANCE_UINT8, graph_infer_shape(infer, 0));
}

const struct graph_op graph_ops_quantize[] = {
    {"QuantizeLinear", 2, 3, 1, infer_quantize, false},
    {"DequantizeLinear", 2, 3, 1, infer_dequantize, false},
    {"DynamicQuantizeLinear", 1, 1, 3, infer_dynamic_quantize, false},
    {NULL, 0, 0, 0, NULL, false},
};
