/* Shapes and types of operators that make values: Constant, ConstantOfShape, Range, EyeLike. */
#include <math.h>

#include "graph/infer.h"

/* Constants of a file become values at import; this is for nodes that were made otherwise. */
static int infer_constant(struct graph_infer *infer)
{
    const struct graph_attr *attr = graph_attr_find(infer->node, "value");
    if (!attr || !attr->tensor)
        return base_error(STANCE_EUNSUPPORTED, "a Constant without a tensor value");
    struct tensor_shape shape = tensor_shape_of(&attr->tensor->view);
    return graph_infer_output(infer, 0, attr->tensor->view.dtype, &shape);
}

static int infer_constant_of_shape(struct graph_infer *infer)
{
    const struct graph_attr *attr = graph_attr_find(infer->node, "value");
    struct graph_ints dims;
    int dtype = STANCE_FLOAT32;
    BASE_TRY(graph_infer_ints(&dims, infer, NULL, 0));
    if (attr && attr->tensor) {
        dtype = attr->tensor->view.dtype;
        if (stance_tensor_count(&attr->tensor->view) != 1)
            return base_error(STANCE_ESHAPE, "the value must be a single number");
    }
    if (dims.count > STANCE_MAX_RANK)
        return base_error(STANCE_EUNSUPPORTED, "a rank of %d is above %d", dims.count,
                          STANCE_MAX_RANK);
    struct tensor_shape out = graph_shape_unknown(dims.count);
    for (int i = 0; i < dims.count && dims.known; i++) {
        out.dims[i] = dims.at[i];
        if (out.dims[i] < 0)
            return base_error(STANCE_EARGUMENT, "dim %d is negative", i);
    }
    return graph_infer_output(infer, 0, dtype, &out);
}

static int64_t count_ints(int64_t start, int64_t limit, int64_t delta)
{
    if (delta > 0 ? limit <= start : limit >= start)
        return 0;
    uint64_t low = (uint64_t)(delta > 0 ? start : limit);
    uint64_t span = (uint64_t)(delta > 0 ? limit : start) - low;
    uint64_t step = delta > 0 ? (uint64_t)delta : 0 - (uint64_t)delta;
    uint64_t count = (span - 1) / step + 1;
    return count > (uint64_t)TENSOR_MAX_COUNT ? TENSOR_MAX_COUNT + 1 : (int64_t)count;
}

static int64_t count_floats(double span, double delta)
{
    double count = ceil(span / delta);
    if (!(count > 0))
        return 0;
    return count > (double)TENSOR_MAX_COUNT ? TENSOR_MAX_COUNT + 1 : (int64_t)count;
}

/* Float32 spans are rounded as the numbers themselves are. */
static int64_t count_steps(const struct stance_tensor *start, const struct stance_tensor *limit,
                           const struct stance_tensor *delta)
{
    double span = tensor_float(limit, 0) - tensor_float(start, 0);
    int64_t step = tensor_int(delta, 0);
    switch (start->dtype) {
    case STANCE_FLOAT32: return count_floats((double)(float)span, tensor_float(delta, 0));
    case STANCE_FLOAT64:
    case STANCE_FLOAT16:
    case STANCE_BFLOAT16: return count_floats(span, tensor_float(delta, 0));
    default: return step ? count_ints(tensor_int(start, 0), tensor_int(limit, 0), step) : 0;
    }
}

static int infer_range(struct graph_infer *infer)
{
    const struct stance_tensor *value[3];
    struct tensor_shape out = {1, {-1}};
    bool known = true;
    for (int i = 0; i < 3; i++) {
        BASE_TRY(graph_infer_same_type(infer, i, 0));
        value[i] = graph_infer_value(infer, i);
        if (value[i] && stance_tensor_count(value[i]) != 1)
            return base_error(STANCE_ESHAPE, "input %d must be a single number", i);
        known = known && value[i];
    }
    int dtype = graph_infer_dtype(infer, 0);
    if (value[2] && tensor_float(value[2], 0) == 0.0)
        return base_error(STANCE_EARGUMENT, "delta is 0");
    if (known)
        out.dims[0] = count_steps(value[0], value[1], value[2]);
    return graph_infer_output(infer, 0, dtype, &out);
}

static int infer_eye_like(struct graph_infer *infer)
{
    int64_t dtype = graph_attr_int(infer->node, "dtype", graph_infer_dtype(infer, 0));
    BASE_TRY(graph_infer_rank(infer, 0, 2, 2));
    if (dtype < 0 || dtype > 1000 || (dtype && stance_dtype_size((int)dtype) == 0))
        return base_error(STANCE_EUNSUPPORTED, "element type %lld is not known", (long long)dtype);
    return graph_infer_output(infer, 0, (int)dtype, graph_infer_shape(infer, 0));
}

const struct graph_op graph_ops_generate[] = {
    {"Constant", 0, 0, 1, infer_constant, false},
    {"ConstantOfShape", 1, 1, 1, infer_constant_of_shape, false},
    {"Range", 3, 3, 1, infer_range, false},
    {"EyeLike", 1, 1, 1, infer_eye_like, false},
    {NULL, 0, 0, 0, NULL, false},
};
