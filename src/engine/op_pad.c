/* Pad: every mode is a map from an output index to an input index, or to the constant. */
#include <string.h>

#include "engine/op_memory.h"
#include "engine/op_view.h"

enum pad_mode { PAD_CONSTANT, PAD_REFLECT, PAD_EDGE, PAD_WRAP, PAD_MODES };

static int read_mode(const struct engine_call *call, enum pad_mode *mode)
{
    static const char *const names[] = {"constant", "reflect", "edge", "wrap"};
    const char *name = graph_attr_string(call->node, "mode", "constant");
    for (int i = 0; i < PAD_MODES; i++)
        if (strcmp(name, names[i]) == 0) {
            *mode = (enum pad_mode)i;
            return 0;
        }
    return base_error(STANCE_EARGUMENT, "mode '%.40s' is not known", name);
}

/* Pad-1 calls them paddings, Pad-11 has them as input, Pad-18 names axes. */
static int read_pads(const struct engine_call *call, int64_t begin[STANCE_MAX_RANK],
                     int64_t end[STANCE_MAX_RANK])
{
    struct engine_ints pads, axes;
    int rank = call->in[0].rank;
    bool old = !graph_attr_find(call->node, "pads") && graph_attr_find(call->node, "paddings");
    BASE_TRY(engine_ints_read(&pads, call, 1, old ? "paddings" : "pads"));
    BASE_TRY(engine_ints_read(&axes, call, 3, NULL));
    for (int i = 0; axes.count < 0 && i < rank; i++)
        axes.values[i] = i;
    axes.count = axes.count < 0 ? rank : axes.count;
    BASE_TRY(engine_ints_as_axes(&axes, rank));
    if (pads.count != 2 * axes.count)
        return base_error(STANCE_ESHAPE, "%d pads for %d axes", pads.count, axes.count);
    for (int i = 0; i < rank; i++)
        begin[i] = end[i] = 0;
    for (int i = 0; i < axes.count; i++) {
        begin[axes.values[i]] = pads.values[i];
        end[axes.values[i]] = pads.values[axes.count + i];
    }
    return 0;
}

/* Input index for position `at` relative to the `extent` elements that stay; -1: the constant. */
static int64_t pad_source(enum pad_mode mode, int64_t at, int64_t extent)
{
    if (at >= 0 && at < extent)
        return at;
    int64_t period = mode == PAD_REFLECT ? 2 * (extent - 1) : extent, folded;
    switch (mode) {
    case PAD_EDGE: return at < 0 ? 0 : extent - 1;
    case PAD_REFLECT:
    case PAD_WRAP:
        if (period == 0)
            return 0;
        folded = at % period;
        folded = folded < 0 ? folded + period : folded;
        return folded < extent ? folded : period - folded;
    default: return -1;
    }
}

/* Negative pads cut first, so that the other modes repeat only what stays. */
static int make_map(struct engine_call *call, enum pad_mode mode, int axis, int64_t begin,
                    int64_t end, int64_t **out)
{
    int64_t first = begin < 0 ? -begin : 0, extent = call->in[0].dims[axis];
    int64_t stays = extent - first - (end < 0 ? -end : 0), size = extent + begin + end;
    if (stays < 0)
        return base_error(STANCE_ESHAPE, "pads of %lld and %lld cut more than axis %d has (%lld)",
                          (long long)begin, (long long)end, axis, (long long)extent);
    if (stays == 0 && size > 0 && mode != PAD_CONSTANT)
        return base_error(STANCE_ESHAPE, "axis %d has nothing to repeat", axis);
    *out = engine_call_scratch(call, (size_t)size * sizeof **out);
    if (!*out)
        return engine_memory_code(call->memory);
    for (int64_t i = 0; i < size; i++) {
        int64_t source = pad_source(mode, begin > 0 ? i - begin : i, stays);
        (*out)[i] = source < 0 ? -1 : source + first;
    }
    return 0;
}

static int run_pad(struct engine_call *call)
{
    enum pad_mode mode = PAD_CONSTANT;
    int64_t begin[STANCE_MAX_RANK], end[STANCE_MAX_RANK], *maps[STANCE_MAX_RANK];
    BASE_TRY(engine_need_inputs(call, 1));
    const struct stance_tensor *in = &call->in[0];
    BASE_TRY(read_mode(call, &mode));
    BASE_TRY(read_pads(call, begin, end));
    struct tensor_shape shape = {.rank = in->rank};
    for (int i = 0; i < in->rank; i++) {
        if (begin[i] < -TENSOR_MAX_COUNT || begin[i] > TENSOR_MAX_COUNT ||
            end[i] < -TENSOR_MAX_COUNT || end[i] > TENSOR_MAX_COUNT)
            return base_error(STANCE_ELIMIT, "pads of %lld and %lld", (long long)begin[i],
                              (long long)end[i]);
        shape.dims[i] = in->dims[i] + begin[i] + end[i];
    }
    BASE_TRY(engine_call_output(call, 0, in->dtype, &shape));
    if (!engine_wants_output(call, 0))
        return 0;
    for (int i = 0; i < in->rank; i++)
        BASE_TRY(make_map(call, mode, i, begin[i], end[i], &maps[i]));
    uint64_t constant = 0;
    struct stance_tensor fill = {.dtype = in->dtype, .data = &constant};
    if (engine_has_input(call, 2)) {
        if (stance_tensor_count(&call->in[2]) != 1 || call->in[2].dtype != in->dtype)
            return base_error(STANCE_ETYPE, "the constant is not one value of the data's type");
        memcpy(&constant, call->in[2].data, stance_dtype_size(in->dtype));
    } else {
        engine_put(&fill, 0, graph_attr_float(call->node, "value", 0));
    }
    engine_copy_mapped(in, &call->out[0], maps, &constant, call->pool);
    return 0;
}

const struct engine_op engine_ops_pad[] = {
    {"Pad", run_pad},
    {NULL, NULL},
};
