/* Operators whose contents come from a rule: Range, ConstantOfShape, EyeLike, Trilu, Constant. */
#include <math.h>
#include <string.h>

#include "engine/op_view.h"

/* Repeats the element at `value` over a tensor. */
static void fill(const struct stance_tensor *out, const void *value)
{
    size_t element = stance_dtype_size(out->dtype);
    int64_t count = stance_tensor_count(out);
    for (int64_t i = 0; i < count; i++)
        memcpy((char *)out->data + (size_t)i * element, value, element);
}

static int check_output(const struct engine_call *call)
{
    if (call->out[0].rank < 0)
        return base_error(STANCE_ESHAPE, "the output's shape is not known");
    return 0;
}

static int run_constant_of_shape(struct engine_call *call)
{
    struct engine_ints dims;
    BASE_TRY(engine_need_inputs(call, 1));
    BASE_TRY(engine_ints_read(&dims, call, 0, NULL));
    if (dims.count > STANCE_MAX_RANK)
        return base_error(STANCE_EUNSUPPORTED, "rank %d: %d is the most", dims.count,
                          STANCE_MAX_RANK);
    const struct graph_attr *value = graph_attr_find(call->node, "value");
    static const float zero;
    struct stance_tensor one = {.dtype = STANCE_FLOAT32, .data = (void *)&zero};
    if (value && value->tensor)
        one = value->tensor->view;
    if (stance_tensor_count(&one) != 1)
        return base_error(STANCE_EARGUMENT, "value has %lld elements instead of one",
                          (long long)stance_tensor_count(&one));
    struct tensor_shape shape = tensor_shape_make(dims.count, dims.values);
    BASE_TRY(engine_call_output(call, 0, one.dtype, &shape));
    if (engine_wants_output(call, 0))
        fill(&call->out[0], one.data);
    return 0;
}

static int range_count(const struct engine_call *call, int64_t *count)
{
    const struct stance_tensor *start = &call->in[0], *limit = &call->in[1], *delta = &call->in[2];
    double steps;
    if (engine_is_float(start->dtype)) {
        steps = ceil((tensor_float(limit, 0) - tensor_float(start, 0)) / tensor_float(delta, 0));
    } else {
        int64_t a = tensor_int(start, 0), b = tensor_int(limit, 0), d = tensor_int(delta, 0);
        uint64_t distance = d > 0 ? (uint64_t)b - (uint64_t)a : (uint64_t)a - (uint64_t)b;
        uint64_t step = d > 0 ? (uint64_t)d : 0 - (uint64_t)d;
        bool empty = d > 0 ? b <= a : a <= b;
        steps = d == 0 ? NAN : empty ? 0 : (double)(distance / step + (distance % step != 0));
    }
    if (isnan(steps))
        return base_error(STANCE_EARGUMENT, "the range has no end: its step is zero or not a "
                                            "number");
    if (steps > (double)TENSOR_MAX_COUNT)
        return base_error(STANCE_ELIMIT, "a range of %.0f elements", steps);
    *count = steps > 0 ? (int64_t)steps : 0;
    return 0;
}

static int run_range(struct engine_call *call)
{
    int64_t count = 0;
    BASE_TRY(engine_need_inputs(call, 3));
    for (int i = 0; i < 3; i++)
        if (stance_tensor_count(&call->in[i]) != 1 || call->in[i].dtype != call->in[0].dtype)
            return base_error(STANCE_EARGUMENT, "start, limit and delta are not scalars of one "
                                                "type");
    BASE_TRY(range_count(call, &count));
    struct tensor_shape shape = {.rank = 1, .dims = {count}};
    BASE_TRY(engine_call_output(call, 0, call->in[0].dtype, &shape));
    if (!engine_wants_output(call, 0))
        return 0;
    const struct stance_tensor *out = &call->out[0];
    if (engine_is_float(out->dtype)) {
        double start = tensor_float(&call->in[0], 0), delta = tensor_float(&call->in[2], 0);
        for (int64_t i = 0; i < count; i++)
            tensor_set(out, i, start + (double)i * delta);
        return 0;
    }
    int64_t at = tensor_int(&call->in[0], 0), step = tensor_int(&call->in[2], 0);
    for (int64_t i = 0; i < count; i++, at = (int64_t)((uint64_t)at + (uint64_t)step))
        engine_store(&at, ENGINE_INT, out, i, 1);
    return 0;
}

static int run_eye_like(struct engine_call *call)
{
    BASE_TRY(engine_need_inputs(call, 1));
    struct tensor_shape shape = tensor_shape_of(&call->in[0]);
    if (shape.rank != 2)
        return base_error(STANCE_ESHAPE, "a matrix is needed, not rank %d", shape.rank);
    int64_t offset = graph_attr_int(call->node, "k", 0);
    int dtype = (int)graph_attr_int(call->node, "dtype", call->in[0].dtype);
    BASE_TRY(engine_call_output(call, 0, dtype, &shape));
    if (!engine_wants_output(call, 0))
        return 0;
    memset(call->out[0].data, 0, tensor_bytes(&call->out[0]));
    for (int64_t y = 0; y < shape.dims[0]; y++)
        if (offset >= -y && offset < shape.dims[1] - y)
            tensor_set(&call->out[0], y * shape.dims[1] + y + offset, 1);
    return 0;
}

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

static int run_trilu(struct engine_call *call)
{
    BASE_TRY(engine_need_inputs(call, 1));
    const struct stance_tensor *in = &call->in[0];
    struct tensor_shape shape = tensor_shape_of(in);
    bool upper = graph_attr_int(call->node, "upper", 1) != 0;
    int64_t offset = engine_has_input(call, 1) && stance_tensor_count(&call->in[1]) == 1
                         ? tensor_int(&call->in[1], 0)
                         : 0;
    if (shape.rank < 2)
        return base_error(STANCE_ESHAPE, "matrices are needed, not rank %d", shape.rank);
    BASE_TRY(engine_call_output(call, 0, in->dtype, &shape));
    if (!engine_wants_output(call, 0))
        return 0;
    int64_t columns = shape.dims[shape.rank - 1], height = shape.dims[shape.rank - 2],
            rows = engine_dims_product(in, 0, in->rank - 1);
    offset = clamp(offset, -height - 1, columns + 1);
    size_t element = stance_dtype_size(in->dtype);
    char *to = call->out[0].data;
    if (tensor_bytes(in) > 0 && to != in->data)
        memmove(to, in->data, tensor_bytes(in));
    for (int64_t row = 0; row < rows; row++, to += (size_t)columns * element) {
        int64_t y = row % height;
        int64_t first = upper ? 0 : clamp(y + offset + 1, 0, columns);
        int64_t end = upper ? clamp(y + offset, 0, columns) : columns;
        memset(to + (size_t)first * element, 0, (size_t)(end - first) * element);
    }
    return 0;
}

static int run_constant(struct engine_call *call)
{
    const struct graph_node *node = call->node;
    if (!engine_wants_output(call, 0))
        return 0;
    BASE_TRY(check_output(call));
    const struct stance_tensor *out = &call->out[0];
    const struct graph_attr *value = graph_attr_find(node, "value");
    int64_t count = stance_tensor_count(out);
    int length = 0;
    if (value && value->tensor) {
        const struct stance_tensor *view = &value->tensor->view;
        if (view->dtype != out->dtype || stance_tensor_count(view) != count)
            return base_error(STANCE_ESHAPE, "value is not what the output was expected to be");
        memcpy(out->data, view->data, tensor_bytes(view));
        return 0;
    }
    const int64_t *ints = graph_attr_ints(node, "value_ints", &length);
    if (ints && length == count && out->dtype == STANCE_INT64) {
        memcpy(out->data, ints, (size_t)count * sizeof ints[0]);
        return 0;
    }
    const float *floats = graph_attr_floats(node, "value_floats", &length);
    if (floats && length == count && out->dtype == STANCE_FLOAT32) {
        memcpy(out->data, floats, (size_t)count * sizeof floats[0]);
        return 0;
    }
    if (count == 1 && graph_attr_find(node, "value_int") && out->dtype == STANCE_INT64)
        *(int64_t *)out->data = graph_attr_int(node, "value_int", 0);
    else if (count == 1 && graph_attr_find(node, "value_float") && out->dtype == STANCE_FLOAT32)
        *(float *)out->data = graph_attr_float(node, "value_float", 0);
    else
        return base_error(STANCE_EUNSUPPORTED, "a constant without a numeric value");
    return 0;
}

const struct engine_op engine_ops_fill[] = {
    {"Range", run_range},       {"ConstantOfShape", run_constant_of_shape},
    {"EyeLike", run_eye_like},  {"Trilu", run_trilu},
    {"Constant", run_constant}, {NULL, NULL},
};
