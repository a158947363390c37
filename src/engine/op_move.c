/* Operators that move elements without looking at them: transpose, join, cut, repeat. */
#include <string.h>

#include "engine/op_view.h"

static int run_transpose(struct engine_call *call)
{
    BASE_TRY(engine_need_inputs(call, 1));
    const struct stance_tensor *in = &call->in[0];
    struct engine_ints perm;
    BASE_TRY(engine_ints_read(&perm, call, -1, "perm"));
    for (int i = 0; perm.count < 0 && i < in->rank; i++)
        perm.values[i] = in->rank - 1 - i;
    perm.count = perm.count < 0 ? in->rank : perm.count;
    if (perm.count != in->rank)
        return base_error(STANCE_ESHAPE, "perm has %d axes for rank %d", perm.count, in->rank);
    BASE_TRY(engine_ints_as_axes(&perm, in->rank));
    struct tensor_shape shape = {.rank = in->rank};
    struct engine_copy copy = {.element = stance_dtype_size(in->dtype), .kernels = call->kernels};
    int64_t strides[STANCE_MAX_RANK];
    engine_strides(in, strides);
    for (int i = 0; i < in->rank; i++) {
        shape.dims[i] = in->dims[perm.values[i]];
        engine_copy_dim(&copy, shape.dims[i], strides[perm.values[i]], 0);
    }
    engine_copy_to_dense(&copy);
    BASE_TRY(engine_call_output(call, 0, in->dtype, &shape));
    if (engine_wants_output(call, 0))
        engine_copy_run(&copy, in->data, call->out[0].data, call->pool);
    return 0;
}

/* Copies `rows` rows of `bytes`; pieces that already lie in place stay. */
static void copy_rows(struct engine_call *call, int64_t rows, int64_t bytes, const char *from,
                      int64_t from_stride, char *to, int64_t to_stride)
{
    if (from == to && (rows <= 1 || from_stride == to_stride))
        return;
    struct engine_copy copy = {.element = 1};
    engine_copy_dim(&copy, rows, from_stride, to_stride);
    engine_copy_dim(&copy, bytes, 1, 1);
    engine_copy_run(&copy, from, to, call->pool);
}

static int run_concat(struct engine_call *call)
{
    int axis;
    BASE_TRY(engine_need_inputs(call, 1));
    struct tensor_shape shape = tensor_shape_of(&call->in[0]);
    BASE_TRY(engine_axis(graph_attr_int(call->node, "axis", 1), shape.rank, &axis));
    shape.dims[axis] = 0;
    for (int i = 0; i < call->input_count; i++) {
        const struct stance_tensor *in = &call->in[i];
        bool fits = in->dtype == call->in[0].dtype && in->rank == shape.rank;
        for (int d = 0; d < shape.rank && fits; d++)
            fits = d == axis || in->dims[d] == shape.dims[d];
        if (!fits)
            return base_error(STANCE_ESHAPE, "input %d does not fit to input 0 but for axis %d", i,
                              axis);
        shape.dims[axis] += in->dims[axis];
    }
    BASE_TRY(engine_call_output(call, 0, call->in[0].dtype, &shape));
    if (!engine_wants_output(call, 0))
        return 0;
    const struct stance_tensor *out = &call->out[0];
    int64_t rows = engine_dims_product(out, 0, axis);
    int64_t inner =
        engine_dims_product(out, axis + 1, out->rank) * (int64_t)stance_dtype_size(out->dtype);
    char *to = out->data;
    for (int i = 0; i < call->input_count; i++) {
        int64_t bytes = call->in[i].dims[axis] * inner;
        copy_rows(call, rows, bytes, call->in[i].data, bytes, to, shape.dims[axis] * inner);
        to += bytes;
    }
    return 0;
}

/* Extent of piece i; -1 to share equally. */
static int split_extent(const struct engine_call *call, int i, int64_t extent, int64_t *out)
{
    const struct stance_tensor *list = engine_has_input(call, 1) ? &call->in[1] : NULL;
    int attr_count = 0;
    const int64_t *attr = graph_attr_ints(call->node, "split", &attr_count);
    int64_t count = list ? stance_tensor_count(list) : attr_count;
    if (list || attr) {
        if (count != call->output_count)
            return base_error(STANCE_ESHAPE, "%lld pieces for %d outputs", (long long)count,
                              call->output_count);
        *out = list ? tensor_int(list, i) : attr[i];
    } else { /* the last piece may be smaller */
        int64_t each = (extent + call->output_count - 1) / call->output_count;
        int64_t left = extent - each * i;
        *out = left < 0 ? 0 : left < each ? left : each;
    }
    return 0;
}

static int run_split(struct engine_call *call)
{
    int axis;
    BASE_TRY(engine_need_inputs(call, 1));
    const struct stance_tensor *in = &call->in[0];
    struct tensor_shape shape = tensor_shape_of(in);
    BASE_TRY(engine_axis(graph_attr_int(call->node, "axis", 0), shape.rank, &axis));
    int64_t extent = in->dims[axis], at = 0, rows = engine_dims_product(in, 0, axis);
    int64_t inner =
        engine_dims_product(in, axis + 1, in->rank) * (int64_t)stance_dtype_size(in->dtype);
    for (int i = 0; i < call->output_count; i++) {
        int64_t piece = 0;
        BASE_TRY(split_extent(call, i, extent, &piece));
        if (piece < 0 || piece > extent - at)
            return base_error(STANCE_ESHAPE, "piece %d of %lld does not fit into axis %d of %lld",
                              i, (long long)piece, axis, (long long)extent);
        shape.dims[axis] = piece;
        BASE_TRY(engine_call_output(call, i, in->dtype, &shape));
        if (engine_wants_output(call, i))
            copy_rows(call, rows, piece * inner, (const char *)in->data + at * inner,
                      extent * inner, call->out[i].data, piece * inner);
        at += piece;
    }
    if (at != extent)
        return base_error(STANCE_ESHAPE, "the pieces cover %lld of %lld elements", (long long)at,
                          (long long)extent);
    return 0;
}

static int run_expand(struct engine_call *call)
{
    struct engine_ints dims;
    BASE_TRY(engine_need_inputs(call, 2));
    BASE_TRY(engine_ints_read(&dims, call, 1, NULL));
    const struct stance_tensor *in = &call->in[0];
    if (dims.count > STANCE_MAX_RANK)
        return base_error(STANCE_EUNSUPPORTED, "rank %d: %d is the most", dims.count,
                          STANCE_MAX_RANK);
    struct tensor_shape have = tensor_shape_of(in), wanted, shape;
    wanted = tensor_shape_make(dims.count, dims.values);
    BASE_TRY(tensor_shape_broadcast(&shape, &have, &wanted));
    BASE_TRY(engine_call_output(call, 0, in->dtype, &shape));
    if (!engine_wants_output(call, 0))
        return 0;
    int64_t strides[STANCE_MAX_RANK];
    engine_strides(in, strides);
    struct engine_copy copy = {.element = stance_dtype_size(in->dtype)};
    for (int i = 0; i < shape.rank; i++) {
        int from = i - (shape.rank - in->rank);
        bool repeated = from < 0 || in->dims[from] == 1;
        engine_copy_dim(&copy, shape.dims[i], repeated ? 0 : strides[from], 0);
    }
    engine_copy_to_dense(&copy);
    engine_copy_run(&copy, in->data, call->out[0].data, call->pool);
    return 0;
}

/* Tile-1 has one count and one axis as scalars, Tile-6 a count per axis. */
static int read_repeats(const struct engine_call *call, struct engine_ints *repeats)
{
    const struct stance_tensor *in = &call->in[0];
    BASE_TRY(engine_ints_read(repeats, call, 1, NULL));
    if (engine_has_input(call, 2)) {
        int axis;
        int64_t count = stance_tensor_count(&call->in[1]) == 1 ? tensor_int(&call->in[1], 0) : -1;
        if (stance_tensor_count(&call->in[2]) != 1)
            return base_error(STANCE_ESHAPE, "the axis is not a scalar");
        BASE_TRY(engine_axis(tensor_int(&call->in[2], 0), in->rank, &axis));
        repeats->count = in->rank;
        for (int i = 0; i < in->rank; i++)
            repeats->values[i] = i == axis ? count : 1;
    }
    if (repeats->count != in->rank)
        return base_error(STANCE_ESHAPE, "%d repeats for rank %d", repeats->count, in->rank);
    for (int i = 0; i < in->rank; i++)
        if (repeats->values[i] < 0 || repeats->values[i] > TENSOR_MAX_COUNT)
            return base_error(STANCE_EARGUMENT, "%lld repeats", (long long)repeats->values[i]);
    return 0;
}

static int run_tile(struct engine_call *call)
{
    struct engine_ints repeats;
    BASE_TRY(engine_need_inputs(call, 2));
    BASE_TRY(read_repeats(call, &repeats));
    const struct stance_tensor *in = &call->in[0];
    struct tensor_shape shape = {.rank = in->rank};
    struct engine_copy copy = {.element = stance_dtype_size(in->dtype)};
    int64_t strides[STANCE_MAX_RANK];
    engine_strides(in, strides);
    for (int i = 0; i < in->rank; i++) {
        shape.dims[i] = repeats.values[i] * in->dims[i];
        engine_copy_dim(&copy, repeats.values[i], 0, 0);
        engine_copy_dim(&copy, in->dims[i], strides[i], 0);
    }
    BASE_TRY(engine_call_output(call, 0, in->dtype, &shape));
    engine_copy_to_dense(&copy);
    if (engine_wants_output(call, 0))
        engine_copy_run(&copy, in->data, call->out[0].data, call->pool);
    return 0;
}

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* One axis of a slice: first element and count. Going backward, a start before the first element
 * is the first element (unlike in Python), and an end of -1 or less is behind it. */
static void slice_axis(int64_t extent, int64_t start, int64_t end, int64_t step, int64_t *first,
                       int64_t *count)
{
    start = start < 0 ? start + extent : start;
    end = end < 0 ? end + extent : end;
    start = clamp(start, 0, step > 0 ? extent : extent - 1);
    end = step > 0 ? clamp(end, 0, extent) : clamp(end, -1, extent - 1);
    uint64_t distance =
        step > 0 ? (uint64_t)end - (uint64_t)start : (uint64_t)start - (uint64_t)end;
    uint64_t stride = step > 0 ? (uint64_t)step : 0 - (uint64_t)step;
    bool empty = extent == 0 || (step > 0 ? end <= start : start <= end);
    *first = start;
    *count = empty ? 0 : (int64_t)((distance - 1) / stride + 1);
}

static int run_slice(struct engine_call *call)
{
    struct engine_ints starts, ends, axes, steps;
    BASE_TRY(engine_need_inputs(call, 1));
    BASE_TRY(engine_ints_read(&starts, call, 1, "starts"));
    BASE_TRY(engine_ints_read(&ends, call, 2, "ends"));
    BASE_TRY(engine_ints_read(&axes, call, 3, "axes"));
    BASE_TRY(engine_ints_read(&steps, call, 4, NULL));
    const struct stance_tensor *in = &call->in[0];
    for (int i = 0; axes.count < 0 && i < starts.count; i++)
        axes.values[i] = i;
    axes.count = axes.count < 0 ? starts.count : axes.count;
    if (starts.count < 0 || ends.count != starts.count || axes.count != starts.count ||
        (steps.count >= 0 && steps.count != starts.count))
        return base_error(STANCE_ESHAPE, "starts, ends, axes and steps differ in length");
    BASE_TRY(engine_ints_as_axes(&axes, in->rank));
    struct tensor_shape shape = tensor_shape_of(in);
    struct engine_copy copy = {.element = stance_dtype_size(in->dtype)};
    int64_t strides[STANCE_MAX_RANK], offset = 0;
    engine_strides(in, strides);
    for (int i = 0; i < starts.count; i++) {
        int axis = (int)axes.values[i];
        int64_t step = steps.count < 0 ? 1 : steps.values[i], first;
        if (step == 0)
            return base_error(STANCE_EARGUMENT, "a step of 0 on axis %d", axis);
        slice_axis(in->dims[axis], starts.values[i], ends.values[i], step, &first,
                   &shape.dims[axis]);
        if (shape.dims[axis] == 0)
            continue;
        offset += first * strides[axis];
        strides[axis] *= shape.dims[axis] > 1 ? step : 1;
    }
    for (int i = 0; i < in->rank; i++)
        engine_copy_dim(&copy, shape.dims[i], strides[i], 0);
    engine_copy_to_dense(&copy);
    BASE_TRY(engine_call_output(call, 0, in->dtype, &shape));
    int64_t count;
    BASE_TRY(tensor_shape_count(&shape, &count));
    if (count > 0 && engine_wants_output(call, 0))
        engine_copy_run(&copy, (const char *)in->data + offset * (int64_t)copy.element,
                        call->out[0].data, call->pool);
    return 0;
}

/* The block size, checked against what it must divide. */
static int read_block(const struct engine_call *call, int64_t *out)
{
    BASE_TRY(engine_need_inputs(call, 1));
    *out = graph_attr_int(call->node, "blocksize", 0);
    if (call->in[0].rank != 4)
        return base_error(STANCE_ESHAPE, "rank 4 is needed, not %d", call->in[0].rank);
    if (*out < 1 || *out > 1 << 15)
        return base_error(STANCE_EARGUMENT, "blocksize is %lld", (long long)*out);
    return 0;
}

static int run_depth_to_space(struct engine_call *call)
{
    int64_t b, s[STANCE_MAX_RANK];
    BASE_TRY(read_block(call, &b));
    const struct stance_tensor *in = &call->in[0];
    const int64_t *d = in->dims;
    bool columns_first = strcmp(graph_attr_string(call->node, "mode", "DCR"), "CRD") == 0;
    if (d[1] % (b * b))
        return base_error(STANCE_ESHAPE, "%lld channels are no multiple of %lld", (long long)d[1],
                          (long long)(b * b));
    int64_t depth = d[1] / (b * b);
    struct tensor_shape shape = {.rank = 4, .dims = {d[0], depth, d[2] * b, d[3] * b}};
    BASE_TRY(engine_call_output(call, 0, in->dtype, &shape));
    engine_strides(in, s);
    struct engine_copy copy = {.element = stance_dtype_size(in->dtype)};
    engine_copy_dim(&copy, d[0], s[0], 0);
    engine_copy_dim(&copy, depth, columns_first ? s[1] * b * b : s[1], 0);
    engine_copy_dim(&copy, d[2], s[2], 0);
    engine_copy_dim(&copy, b, columns_first ? s[1] * b : s[1] * b * depth, 0);
    engine_copy_dim(&copy, d[3], s[3], 0);
    engine_copy_dim(&copy, b, columns_first ? s[1] : s[1] * depth, 0);
    engine_copy_to_dense(&copy);
    if (engine_wants_output(call, 0))
        engine_copy_run(&copy, in->data, call->out[0].data, call->pool);
    return 0;
}

static int run_space_to_depth(struct engine_call *call)
{
    int64_t b, s[STANCE_MAX_RANK];
    BASE_TRY(read_block(call, &b));
    const struct stance_tensor *in = &call->in[0];
    const int64_t *d = in->dims;
    if (d[2] % b || d[3] % b)
        return base_error(STANCE_ESHAPE, "%lld × %lld is no multiple of %lld", (long long)d[2],
                          (long long)d[3], (long long)b);
    struct tensor_shape shape = {.rank = 4, .dims = {d[0], d[1] * b * b, d[2] / b, d[3] / b}};
    BASE_TRY(engine_call_output(call, 0, in->dtype, &shape));
    engine_strides(in, s);
    struct engine_copy copy = {.element = stance_dtype_size(in->dtype)};
    engine_copy_dim(&copy, d[0], s[0], 0);
    engine_copy_dim(&copy, b, s[2], 0);
    engine_copy_dim(&copy, b, s[3], 0);
    engine_copy_dim(&copy, d[1], s[1], 0);
    engine_copy_dim(&copy, d[2] / b, s[2] * b, 0);
    engine_copy_dim(&copy, d[3] / b, s[3] * b, 0);
    engine_copy_to_dense(&copy);
    if (engine_wants_output(call, 0))
        engine_copy_run(&copy, in->data, call->out[0].data, call->pool);
    return 0;
}

static int run_reverse_sequence(struct engine_call *call)
{
    BASE_TRY(engine_need_inputs(call, 2));
    const struct stance_tensor *in = &call->in[0], *lengths = &call->in[1];
    struct tensor_shape shape = tensor_shape_of(in);
    int64_t time = graph_attr_int(call->node, "time_axis", 0),
            batch = graph_attr_int(call->node, "batch_axis", 1);
    if (in->rank < 2 || time + batch != 1 || (time != 0 && time != 1))
        return base_error(STANCE_EARGUMENT, "time and batch axis are %lld and %lld, not 0 and 1",
                          (long long)time, (long long)batch);
    if (stance_tensor_count(lengths) != in->dims[batch])
        return base_error(STANCE_ESHAPE, "%lld lengths for a batch of %lld",
                          (long long)stance_tensor_count(lengths), (long long)in->dims[batch]);
    BASE_TRY(engine_call_output(call, 0, in->dtype, &shape));
    if (!engine_wants_output(call, 0))
        return 0;
    int64_t strides[STANCE_MAX_RANK], steps = in->dims[time];
    engine_strides(in, strides);
    int64_t element = (int64_t)stance_dtype_size(in->dtype),
            bytes = engine_dims_product(in, 2, in->rank) * element;
    for (int64_t b = 0; b < in->dims[batch]; b++) {
        int64_t length = tensor_int(lengths, b);
        if (length < 0 || length > steps)
            return base_error(STANCE_EARGUMENT, "length %lld of %lld steps", (long long)length,
                              (long long)steps);
        for (int64_t t = 0; t < steps; t++) {
            int64_t from = t < length ? length - 1 - t : t;
            memcpy((char *)call->out[0].data + (b * strides[batch] + t * strides[time]) * element,
                   (const char *)in->data + (b * strides[batch] + from * strides[time]) * element,
                   (size_t)bytes);
        }
    }
    return 0;
}

const struct engine_op engine_ops_move[] = {
    {"Transpose", run_transpose},
    {"Concat", run_concat},
    {"Split", run_split},
    {"Expand", run_expand},
    {"Tile", run_tile},
    {"Slice", run_slice},
    {"DepthToSpace", run_depth_to_space},
    {"SpaceToDepth", run_space_to_depth},
    {"ReverseSequence", run_reverse_sequence},
    {NULL, NULL},
};
