/* Operators that put elements by index: Scatter, ScatterElements, ScatterND, with reductions. */
#include <string.h>

#include "engine/op_view.h"

enum reduction { REDUCE_NONE, REDUCE_ADD, REDUCE_MUL, REDUCE_MAX, REDUCE_MIN, REDUCTIONS };

static int read_reduction(const struct engine_call *call, enum reduction *out)
{
    static const char *const names[] = {"none", "add", "mul", "max", "min"};
    const char *name = graph_attr_string(call->node, "reduction", "none");
    for (int i = 0; i < REDUCTIONS; i++)
        if (strcmp(name, names[i]) == 0) {
            *out = (enum reduction)i;
            return 0;
        }
    return base_error(STANCE_EARGUMENT, "reduction '%.40s' is not known", name);
}

/* Integers add and multiply modulo 2^64 without overflowing a signed type. */
#define REDUCE(x, y, wide)                                                                         \
    switch (op) {                                                                                  \
    case REDUCE_ADD: x = (wide)x + (wide)y; break;                                                 \
    case REDUCE_MUL: x = (wide)x * (wide)y; break;                                                 \
    case REDUCE_MAX: x = y > x ? y : x; break;                                                     \
    case REDUCE_MIN: x = y < x ? y : x; break;                                                     \
    default: x = y; break;                                                                         \
    }

static void reduce_chunk(enum reduction op, enum engine_domain domain, union engine_chunk *x,
                         const union engine_chunk *y, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        switch (domain) {
        case ENGINE_FLOAT: REDUCE(x->f[i], y->f[i], float) break;
        case ENGINE_DOUBLE: REDUCE(x->d[i], y->d[i], double) break;
        case ENGINE_INT: REDUCE(x->i[i], y->i[i], uint64_t) break;
        default: REDUCE(x->u[i], y->u[i], uint64_t) break;
        }
}

/* `count` elements of `from` into those of `to`. */
static void put_run(enum reduction op, const struct stance_tensor *to, int64_t to_offset,
                    const struct stance_tensor *from, int64_t from_offset, int64_t count)
{
    size_t element = stance_dtype_size(to->dtype);
    enum engine_domain domain = engine_domain_of(to->dtype);
    union engine_chunk x, y;
    if (op == REDUCE_NONE)
        memcpy((char *)to->data + (size_t)to_offset * element,
               (const char *)from->data + (size_t)from_offset * element, (size_t)count * element);
    for (int64_t at = 0; at < count && op != REDUCE_NONE; at += ENGINE_CHUNK) {
        int64_t length = count - at < ENGINE_CHUNK ? count - at : ENGINE_CHUNK;
        engine_load(&x, domain, to, to_offset + at, 1, length);
        engine_load(&y, domain, from, from_offset + at, 1, length);
        reduce_chunk(op, domain, &x, &y, length);
        engine_store(&x, domain, to, to_offset + at, length);
    }
}

/* The output as a copy of the data, ready to be written into. */
static int start_with_data(struct engine_call *call)
{
    BASE_TRY(engine_need_inputs(call, 3));
    const struct stance_tensor *data = &call->in[0];
    struct tensor_shape shape = tensor_shape_of(data);
    if (engine_is_float(call->in[1].dtype))
        return base_error(STANCE_ETYPE, "indices of type %s", stance_dtype_name(call->in[1].dtype));
    if (call->in[2].dtype != data->dtype)
        return base_error(STANCE_ETYPE, "updates of type %s for data of type %s",
                          stance_dtype_name(call->in[2].dtype), stance_dtype_name(data->dtype));
    BASE_TRY(engine_call_output(call, 0, data->dtype, &shape));
    if (engine_wants_output(call, 0) && call->out[0].data != data->data && tensor_bytes(data) > 0)
        memcpy(call->out[0].data, data->data, tensor_bytes(data));
    return 0;
}

static int run_scatter_elements(struct engine_call *call)
{
    int axis;
    enum reduction op = REDUCE_NONE;
    int64_t strides[STANCE_MAX_RANK], index;
    BASE_TRY(start_with_data(call));
    BASE_TRY(read_reduction(call, &op));
    const struct stance_tensor *data = &call->in[0], *indices = &call->in[1],
                               *updates = &call->in[2];
    BASE_TRY(engine_axis(graph_attr_int(call->node, "axis", 0), data->rank, &axis));
    bool fits = indices->rank == data->rank && updates->rank == data->rank;
    for (int i = 0; i < data->rank && fits; i++)
        fits = indices->dims[i] == updates->dims[i] &&
               (i == axis || indices->dims[i] <= data->dims[i]);
    if (!fits)
        return base_error(STANCE_ESHAPE, "indices and updates do not fit the data");
    if (!engine_wants_output(call, 0))
        return 0;
    engine_strides(data, strides);
    int64_t count = stance_tensor_count(indices);
    for (int64_t n = 0; n < count; n++) {
        BASE_TRY(engine_index_read(indices, n, data->dims[axis], &index));
        int64_t offset = index * strides[axis];
        for (int64_t i = data->rank - 1, left = n; i >= 0; left /= indices->dims[i], i--)
            offset += i == axis ? 0 : left % indices->dims[i] * strides[i];
        put_run(op, &call->out[0], offset, updates, n, 1);
    }
    return 0;
}

static int check_updates(const struct engine_call *call, int64_t depth)
{
    const struct stance_tensor *data = &call->in[0], *indices = &call->in[1],
                               *updates = &call->in[2];
    int lead = indices->rank - 1;
    if (depth < 0 || depth > data->rank || updates->rank != lead + data->rank - (int)depth)
        return base_error(STANCE_ESHAPE,
                          "indices of rank %d and updates of rank %d do not fit "
                          "data of rank %d",
                          indices->rank, updates->rank, data->rank);
    for (int i = 0; i < updates->rank; i++)
        if (updates->dims[i] != (i < lead ? indices->dims[i] : data->dims[depth + i - lead]))
            return base_error(STANCE_ESHAPE, "dim %d of the updates is %lld", i,
                              (long long)updates->dims[i]);
    return 0;
}

static int run_scatter_nd(struct engine_call *call)
{
    enum reduction op = REDUCE_NONE;
    int64_t strides[STANCE_MAX_RANK], index;
    BASE_TRY(start_with_data(call));
    BASE_TRY(read_reduction(call, &op));
    const struct stance_tensor *data = &call->in[0], *indices = &call->in[1];
    int64_t depth = indices->rank > 0 ? indices->dims[indices->rank - 1] : -1;
    BASE_TRY(check_updates(call, depth));
    if (!engine_wants_output(call, 0))
        return 0;
    engine_strides(data, strides);
    int64_t run = engine_dims_product(data, (int)depth, data->rank);
    int64_t tuples = engine_dims_product(indices, 0, indices->rank - 1);
    for (int64_t n = 0; n < tuples; n++) {
        int64_t offset = 0;
        for (int d = 0; d < depth; d++) {
            BASE_TRY(engine_index_read(indices, n * depth + d, data->dims[d], &index));
            offset += index * strides[d];
        }
        put_run(op, &call->out[0], offset, &call->in[2], n * run, run);
    }
    return 0;
}

const struct engine_op engine_ops_scatter[] = {
    {"Scatter", run_scatter_elements},
    {"ScatterElements", run_scatter_elements},
    {"ScatterND", run_scatter_nd},
    {NULL, NULL},
};
