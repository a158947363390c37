/* Inputs, outputs and integer lists of an operator's call, checked. */
#include <math.h>
#include <string.h>

#include "engine/op_view.h"

int engine_need_inputs(const struct engine_call *call, int count)
{
    for (int i = 0; i < count; i++)
        if (!engine_has_input(call, i))
            return base_error(STANCE_EARGUMENT, "input %d is missing", i);
    return 0;
}

int engine_call_output(struct engine_call *call, int i, int dtype, const struct tensor_shape *shape)
{
    if (!engine_wants_output(call, i))
        return 0;
    struct stance_tensor *out = &call->out[i];
    if (out->rank < 0)
        return engine_call_allocate(call, i, dtype, shape);
    if (out->dtype != dtype)
        return base_error(STANCE_ETYPE, "output %d is %s and was expected to be %s", i,
                          stance_dtype_name(dtype), stance_dtype_name(out->dtype));
    struct tensor_shape expected = tensor_shape_of(out);
    char have[TENSOR_SHAPE_TEXT], want[TENSOR_SHAPE_TEXT];
    if (!tensor_shape_equal(shape, &expected))
        return base_error(STANCE_ESHAPE, "output %d is %s and was expected to be %s", i,
                          tensor_shape_text(shape, have), tensor_shape_text(&expected, want));
    return 0;
}

int engine_ints_read(struct engine_ints *ints, const struct engine_call *call, int input,
                     const char *name)
{
    enum { CAPACITY = sizeof ints->values / sizeof ints->values[0] };
    int attr_count = 0;
    const int64_t *attr = name ? graph_attr_ints(call->node, name, &attr_count) : NULL;
    bool given = input >= 0 && engine_has_input(call, input);
    const struct stance_tensor *view = given ? &call->in[input] : NULL;
    int64_t count = given ? stance_tensor_count(view) : attr ? attr_count : -1;
    if (given && (view->rank > 1 || engine_is_float(view->dtype)))
        return base_error(STANCE_ETYPE, "input %d is not a list of integers", input);
    if (count > CAPACITY)
        return base_error(STANCE_ESHAPE, "a list of %lld integers where %d are the most",
                          (long long)count, CAPACITY);
    ints->count = (int)count;
    for (int i = 0; i < ints->count; i++)
        ints->values[i] = given ? tensor_int(view, i) : attr[i];
    return 0;
}

int engine_ints_as_axes(struct engine_ints *ints, int rank)
{
    bool seen[STANCE_MAX_RANK] = {false};
    for (int i = 0; i < ints->count; i++) {
        int axis;
        BASE_TRY(engine_axis(ints->values[i], rank, &axis));
        if (seen[axis])
            return base_error(STANCE_EARGUMENT, "axis %d is named twice", axis);
        seen[axis] = true;
        ints->values[i] = axis;
    }
    return 0;
}

int engine_check_work(int64_t outputs, int64_t steps)
{
    if (outputs <= 0 || steps <= ENGINE_WORK_LIMIT / outputs)
        return 0;
    return base_error(STANCE_ELIMIT,
                      "%lld steps for each of %lld results: %lld in all are the most",
                      (long long)steps, (long long)outputs, (long long)ENGINE_WORK_LIMIT);
}

int64_t engine_dims_product(const struct stance_tensor *view, int first, int end)
{
    int64_t product = 1;
    for (int i = first; i < end; i++)
        product *= view->dims[i];
    return product;
}

void engine_strides(const struct stance_tensor *view, int64_t strides[STANCE_MAX_RANK])
{
    int64_t stride = 1;
    for (int i = view->rank - 1; i >= 0; i--) {
        strides[i] = stride;
        stride *= view->dims[i];
    }
}

int engine_index_read(const struct stance_tensor *indices, int64_t i, int64_t extent, int64_t *out)
{
    int64_t index = tensor_int(indices, i);
    if (index < -extent || index >= extent)
        return base_error(STANCE_EARGUMENT, "index %lld is outside of %lld elements",
                          (long long)index, (long long)extent);
    *out = index < 0 ? index + extent : index;
    return 0;
}

void engine_put(const struct stance_tensor *view, int64_t i, double value)
{
    if (!engine_is_float(view->dtype) && view->dtype != STANCE_BOOL) {
        double low, high;
        engine_int_range(view->dtype, &low, &high);
        if (view->dtype == STANCE_INT64) { /* 2^63 itself does not fit */
            int64_t whole = isnan(value)       ? 0
                            : value >= 0x1p63  ? INT64_MAX
                            : value <= -0x1p63 ? INT64_MIN
                                               : (int64_t)value;
            ((int64_t *)view->data)[i] = whole;
            return;
        }
        if (view->dtype == STANCE_UINT64 && value >= 0x1p64) {
            ((uint64_t *)view->data)[i] = UINT64_MAX;
            return;
        }
        value = isnan(value) ? 0 : value < low ? low : value > high ? high : value;
    }
    tensor_set(view, i, value);
}

void engine_window_widen(struct graph_window *window, int64_t in[3])
{
    int missing = 3 - window->spatial;
    for (int i = 2; i >= 0; i--) {
        int from = i - missing;
        window->kernel[i] = from < 0 ? 1 : window->kernel[from];
        window->stride[i] = from < 0 ? 1 : window->stride[from];
        window->dilation[i] = from < 0 ? 1 : window->dilation[from];
        window->pad_begin[i] = from < 0 ? 0 : window->pad_begin[from];
        window->pad_end[i] = from < 0 ? 0 : window->pad_end[from];
        window->out[i] = from < 0 ? 1 : window->out[from];
        in[i] = from < 0 ? 1 : in[from];
    }
    window->spatial = 3;
}
