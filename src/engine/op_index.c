/* Operators that pick elements by index: Gather and its kin, OneHot, Compress. */
#include <string.h>

#include "engine/op_memory.h"
#include "engine/op_view.h"

/* All indices, checked and made non-negative, in scratch. */
static int read_indices(struct engine_call *call, const struct stance_tensor *indices,
                        int64_t extent, int64_t **out)
{
    int64_t count = stance_tensor_count(indices);
    if (engine_is_float(indices->dtype))
        return base_error(STANCE_ETYPE, "indices of type %s", stance_dtype_name(indices->dtype));
    *out = engine_call_scratch(call, (size_t)count * sizeof **out);
    if (!*out)
        return engine_memory_code(call->memory);
    for (int64_t i = 0; i < count; i++)
        BASE_TRY(engine_index_read(indices, i, extent, &(*out)[i]));
    return 0;
}

/* Picks rows of `bytes` along the middle of an [outer][extent][bytes] array. */
static void pick_rows(const struct stance_tensor *in, int axis, const int64_t *indices,
                      int64_t count, struct stance_tensor *out)
{
    int64_t outer = engine_dims_product(in, 0, axis), extent = in->dims[axis];
    size_t bytes =
        (size_t)engine_dims_product(in, axis + 1, in->rank) * stance_dtype_size(in->dtype);
    const char *from = in->data;
    char *to = out->data;
    for (int64_t o = 0; o < outer; o++, from += (size_t)extent * bytes)
        for (int64_t i = 0; i < count; i++, to += bytes)
            memcpy(to, from + (size_t)indices[i] * bytes, bytes);
}

static int append_dims(struct tensor_shape *shape, const struct stance_tensor *view, int first,
                       int end)
{
    if (shape->rank + (end - first) > STANCE_MAX_RANK)
        return base_error(STANCE_EUNSUPPORTED, "the result has more than %d dims", STANCE_MAX_RANK);
    for (int i = first; i < end; i++)
        shape->dims[shape->rank++] = view->dims[i];
    return 0;
}

static int run_gather(struct engine_call *call)
{
    int axis;
    int64_t *picked;
    BASE_TRY(engine_need_inputs(call, 2));
    const struct stance_tensor *in = &call->in[0], *indices = &call->in[1];
    BASE_TRY(engine_axis(graph_attr_int(call->node, "axis", 0), in->rank, &axis));
    struct tensor_shape shape = tensor_shape_make(axis, in->dims);
    BASE_TRY(append_dims(&shape, indices, 0, indices->rank));
    BASE_TRY(append_dims(&shape, in, axis + 1, in->rank));
    BASE_TRY(engine_call_output(call, 0, in->dtype, &shape));
    BASE_TRY(read_indices(call, indices, in->dims[axis], &picked));
    if (engine_wants_output(call, 0) && stance_tensor_count(&call->out[0]) > 0)
        pick_rows(in, axis, picked, stance_tensor_count(indices), &call->out[0]);
    return 0;
}

static int run_gather_elements(struct engine_call *call)
{
    int axis;
    int64_t *picked, strides[STANCE_MAX_RANK];
    BASE_TRY(engine_need_inputs(call, 2));
    const struct stance_tensor *in = &call->in[0], *indices = &call->in[1];
    BASE_TRY(engine_axis(graph_attr_int(call->node, "axis", 0), in->rank, &axis));
    bool fits = indices->rank == in->rank;
    for (int i = 0; i < in->rank && fits; i++)
        fits = i == axis || indices->dims[i] <= in->dims[i];
    if (!fits)
        return base_error(STANCE_ESHAPE, "the indices reach beyond the data");
    struct tensor_shape shape = tensor_shape_of(indices);
    BASE_TRY(engine_call_output(call, 0, in->dtype, &shape));
    BASE_TRY(read_indices(call, indices, in->dims[axis], &picked));
    if (!engine_wants_output(call, 0))
        return 0;
    engine_strides(in, strides);
    size_t element = stance_dtype_size(in->dtype);
    int64_t count = stance_tensor_count(indices);
    for (int64_t n = 0; n < count; n++) {
        int64_t offset = picked[n] * strides[axis];
        for (int64_t i = in->rank - 1, left = n; i >= 0; left /= indices->dims[i], i--)
            offset += i == axis ? 0 : left % indices->dims[i] * strides[i];
        memcpy((char *)call->out[0].data + (size_t)n * element,
               (const char *)in->data + (size_t)offset * element, element);
    }
    return 0;
}

static int run_gather_nd(struct engine_call *call)
{
    BASE_TRY(engine_need_inputs(call, 2));
    const struct stance_tensor *in = &call->in[0], *indices = &call->in[1];
    int64_t batch = graph_attr_int(call->node, "batch_dims", 0), strides[STANCE_MAX_RANK];
    int64_t depth = indices->rank > 0 ? indices->dims[indices->rank - 1] : -1;
    if (batch < 0 || batch >= indices->rank || depth < 0 || depth > in->rank - batch)
        return base_error(STANCE_ESHAPE, "%lld indices behind %lld batch dims for rank %d",
                          (long long)depth, (long long)batch, in->rank);
    for (int i = 0; i < batch; i++)
        if (in->dims[i] != indices->dims[i])
            return base_error(STANCE_ESHAPE, "batch dim %d is %lld and %lld", i,
                              (long long)in->dims[i], (long long)indices->dims[i]);
    int kept = (int)(batch + depth);
    struct tensor_shape shape = tensor_shape_make(indices->rank - 1, indices->dims);
    BASE_TRY(append_dims(&shape, in, kept, in->rank));
    BASE_TRY(engine_call_output(call, 0, in->dtype, &shape));
    if (!engine_wants_output(call, 0))
        return 0;
    engine_strides(in, strides);
    size_t element = stance_dtype_size(in->dtype),
           bytes = (size_t)engine_dims_product(in, kept, in->rank) * element;
    int64_t tuples = engine_dims_product(indices, 0, indices->rank - 1);
    int64_t images = engine_dims_product(in, 0, (int)batch);
    int64_t image = engine_dims_product(in, (int)batch, in->rank);
    for (int64_t n = 0; n < tuples; n++) {
        int64_t offset = n / (tuples / images) * image, index;
        for (int d = 0; d < depth; d++) {
            BASE_TRY(engine_index_read(indices, n * depth + d, in->dims[batch + d], &index));
            offset += index * strides[batch + d];
        }
        memcpy((char *)call->out[0].data + (size_t)n * bytes,
               (const char *)in->data + (size_t)offset * element, bytes);
    }
    return 0;
}

static int run_one_hot(struct engine_call *call)
{
    int axis;
    BASE_TRY(engine_need_inputs(call, 3));
    const struct stance_tensor *indices = &call->in[0], *values = &call->in[2];
    if (stance_tensor_count(&call->in[1]) != 1 || stance_tensor_count(values) != 2)
        return base_error(STANCE_ESHAPE, "depth is not one value, or values are not two");
    int64_t depth, hot;
    engine_load(&depth, ENGINE_INT, &call->in[1], 0, 1, 1);
    if (depth < 1 || depth > TENSOR_MAX_COUNT)
        return base_error(STANCE_EARGUMENT, "depth is %lld", (long long)depth);
    BASE_TRY(engine_axis(graph_attr_int(call->node, "axis", -1), indices->rank + 1, &axis));
    struct tensor_shape shape = tensor_shape_make(axis, indices->dims);
    struct stance_tensor one = {.rank = 1, .dims = {depth}};
    BASE_TRY(append_dims(&shape, &one, 0, 1));
    BASE_TRY(append_dims(&shape, indices, axis, indices->rank));
    BASE_TRY(engine_call_output(call, 0, values->dtype, &shape));
    if (!engine_wants_output(call, 0))
        return 0;
    size_t element = stance_dtype_size(values->dtype);
    const char *off = values->data, *on = off + element;
    char *to = call->out[0].data;
    int64_t count = stance_tensor_count(indices);
    int64_t inner = engine_dims_product(indices, axis, indices->rank);
    for (int64_t i = 0; i < count * depth; i++)
        memcpy(to + (size_t)i * element, off, element);
    for (int64_t i = 0; i < count; i++) {
        engine_load(&hot, ENGINE_INT, indices, i, 1, 1);
        hot = hot < 0 ? hot + depth : hot;
        if (hot >= 0 && hot < depth)
            memcpy(to + (size_t)((i / inner * depth + hot) * inner + i % inner) * element, on,
                   element);
    }
    return 0;
}

static int run_compress(struct engine_call *call)
{
    BASE_TRY(engine_need_inputs(call, 2));
    struct stance_tensor in = call->in[0];
    const struct stance_tensor *condition = &call->in[1];
    int64_t length = stance_tensor_count(condition), count = 0;
    int axis = 0;
    if (graph_attr_find(call->node, "axis")) {
        BASE_TRY(engine_axis(graph_attr_int(call->node, "axis", 0), in.rank, &axis));
    } else {
        in.dims[0] = stance_tensor_count(&in);
        in.rank = 1;
    }
    if (condition->dtype != STANCE_BOOL || condition->rank != 1)
        return base_error(STANCE_ETYPE, "the condition is not a list of bool");
    length = length > in.dims[axis] ? in.dims[axis] : length;
    int64_t *picked = engine_call_scratch(call, (size_t)length * sizeof *picked);
    if (!picked)
        return engine_memory_code(call->memory);
    for (int64_t i = 0; i < length; i++)
        if (call->worst_case || ((const uint8_t *)condition->data)[i])
            picked[count++] = i;
    struct tensor_shape shape = tensor_shape_of(&in);
    shape.dims[axis] = count;
    if (call->worst_case) /* inference has counted a condition that only stands in */
        BASE_TRY(engine_call_allocate(call, 0, in.dtype, &shape));
    BASE_TRY(engine_call_output(call, 0, in.dtype, &shape));
    if (engine_wants_output(call, 0) && stance_tensor_count(&call->out[0]) > 0)
        pick_rows(&in, axis, picked, count, &call->out[0]);
    return 0;
}

const struct engine_op engine_ops_index[] = {
    {"Gather", run_gather},      {"GatherElements", run_gather_elements},
    {"GatherND", run_gather_nd}, {"OneHot", run_one_hot},
    {"Compress", run_compress},  {NULL, NULL},
};
