/* Operators about shapes: asking for one, and giving the same contents another. */
#include <string.h>

#include "engine/op_view.h"

/* Same elements, other dims: inference has found them. */
static int run_same_contents(struct engine_call *call)
{
    BASE_TRY(engine_need_inputs(call, 1));
    const struct stance_tensor *in = &call->in[0], *out = &call->out[0];
    if (!engine_wants_output(call, 0))
        return 0;
    if (out->rank < 0 || out->dtype != in->dtype ||
        stance_tensor_count(in) != stance_tensor_count(out))
        return base_error(STANCE_ESHAPE, "%lld elements do not fill %lld",
                          (long long)stance_tensor_count(in), (long long)stance_tensor_count(out));
    if (out->data != in->data && tensor_bytes(in) > 0)
        memmove(out->data, in->data, tensor_bytes(in));
    return 0;
}

/* Outside of training nothing is dropped. */
static int run_dropout(struct engine_call *call)
{
    if (engine_has_input(call, 2) && stance_tensor_count(&call->in[2]) == 1 &&
        tensor_int(&call->in[2], 0) != 0)
        return base_error(STANCE_EUNSUPPORTED, "dropout in training mode");
    BASE_TRY(run_same_contents(call));
    struct tensor_shape shape = tensor_shape_of(&call->in[0]);
    if (!engine_wants_output(call, 1))
        return 0;
    int dtype = call->out[1].dtype; /* bool, before opset 10 the type of the data */
    BASE_TRY(engine_call_output(call, 1, dtype, &shape));
    for (int64_t i = 0, count = stance_tensor_count(&call->out[1]); i < count; i++)
        tensor_set(&call->out[1], i, 1);
    return 0;
}

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

static int run_shape(struct engine_call *call)
{
    BASE_TRY(engine_need_inputs(call, 1));
    const struct stance_tensor *in = &call->in[0];
    int64_t rank = in->rank, start = graph_attr_int(call->node, "start", 0),
            end = graph_attr_int(call->node, "end", rank);
    start = clamp(start < 0 ? start + rank : start, 0, rank);
    end = clamp(end < 0 ? end + rank : end, start, rank);
    struct tensor_shape shape = {.rank = 1, .dims = {end - start}};
    BASE_TRY(engine_call_output(call, 0, STANCE_INT64, &shape));
    for (int64_t i = start; i < end && engine_wants_output(call, 0); i++)
        ((int64_t *)call->out[0].data)[i - start] = in->dims[i];
    return 0;
}

static int run_size(struct engine_call *call)
{
    BASE_TRY(engine_need_inputs(call, 1));
    struct tensor_shape scalar = {.rank = 0};
    BASE_TRY(engine_call_output(call, 0, STANCE_INT64, &scalar));
    if (engine_wants_output(call, 0))
        *(int64_t *)call->out[0].data = stance_tensor_count(&call->in[0]);
    return 0;
}

const struct engine_op engine_ops_shape[] = {
    {"Shape", run_shape},
    {"Size", run_size},
    {"Reshape", run_same_contents},
    {"Flatten", run_same_contents},
    {"Squeeze", run_same_contents},
    {"Unsqueeze", run_same_contents},
    {"Identity", run_same_contents},
    {"Dropout", run_dropout},
    {NULL, NULL},
};
