/* Operators that sort and search: TopK, NonZero, Unique; and Det. */
#include <math.h>
#include <string.h>

#include "engine/op_memory.h"
#include "engine/op_rank.h"
#include "engine/op_view.h"

static int read_k(const struct engine_call *call, int64_t *k)
{
    *k = graph_attr_int(call->node, "k", -1);
    if (!engine_has_input(call, 1))
        return 0;
    if (stance_tensor_count(&call->in[1]) != 1)
        return base_error(STANCE_ESHAPE, "K is not one value");
    *k = tensor_int(&call->in[1], 0);
    return 0;
}

static void put_top(struct engine_call *call, const struct engine_ranked *items, int64_t count,
                    int64_t in_offset, int64_t out_offset, int64_t stride)
{
    const struct stance_tensor *in = &call->in[0];
    size_t element = stance_dtype_size(in->dtype);
    for (int64_t i = 0; i < count; i++) {
        int64_t from = in_offset + items[i].index * stride, to = out_offset + i * stride;
        if (engine_wants_output(call, 0))
            memcpy((char *)call->out[0].data + (size_t)to * element,
                   (const char *)in->data + (size_t)from * element, element);
        if (engine_wants_output(call, 1))
            ((int64_t *)call->out[1].data)[to] = items[i].index;
    }
}

static int run_top_k(struct engine_call *call)
{
    int axis;
    int64_t k;
    BASE_TRY(engine_need_inputs(call, 1));
    const struct stance_tensor *in = &call->in[0];
    BASE_TRY(engine_axis(graph_attr_int(call->node, "axis", -1), in->rank, &axis));
    BASE_TRY(read_k(call, &k));
    bool largest = graph_attr_int(call->node, "largest", 1) != 0;
    int64_t extent = in->dims[axis], inner = engine_dims_product(in, axis + 1, in->rank);
    if (k < 0 || k > extent)
        return base_error(STANCE_EARGUMENT, "the top %lld of %lld elements", (long long)k,
                          (long long)extent);
    struct tensor_shape shape = tensor_shape_of(in);
    shape.dims[axis] = k;
    BASE_TRY(engine_call_output(call, 0, in->dtype, &shape));
    BASE_TRY(engine_call_output(call, 1, STANCE_INT64, &shape));
    struct engine_ranked *items = engine_call_scratch(call, (size_t)extent * sizeof *items);
    if (!items)
        return engine_memory_code(call->memory);
    int64_t rows = k > 0 ? engine_dims_product(in, 0, axis) * inner : 0;
    for (int64_t row = 0; row < rows; row++) {
        int64_t offset = row / inner * extent * inner + row % inner;
        for (int64_t i = 0; i < extent; i++) {
            int64_t key = engine_rank_key(in, offset + i * inner);
            items[i] = (struct engine_ranked){largest ? key : ~key, i};
        }
        engine_rank(items, extent, k);
        put_top(call, items, k, offset, row / inner * k * inner + row % inner, inner);
    }
    return 0;
}

static int run_non_zero(struct engine_call *call)
{
    BASE_TRY(engine_need_inputs(call, 1));
    const struct stance_tensor *in = &call->in[0];
    int64_t count = stance_tensor_count(in), found = 0;
    int rank = in->rank > 0 ? in->rank : 1;
    if (!engine_wants_output(call, 0))
        return 0;
    int64_t *places = engine_call_scratch(call, (size_t)count * sizeof *places);
    if (!places)
        return engine_memory_code(call->memory);
    for (int64_t i = 0; i < count; i++)
        if (call->worst_case || tensor_float(in, i) != 0)
            places[found++] = i;
    struct tensor_shape shape = {.rank = 2, .dims = {rank, found}};
    BASE_TRY(engine_call_output(call, 0, STANCE_INT64, &shape));
    int64_t *out = call->out[0].data;
    for (int64_t i = 0; i < found; i++) {
        int64_t left = places[i];
        for (int d = rank - 1; d >= 0; d--) {
            int64_t dim = in->rank > 0 ? in->dims[d] : 1;
            out[d * found + i] = left % dim;
            left /= dim;
        }
    }
    return 0;
}

/* Slices of a tensor along an axis as [outer][slices][inner]. */
struct unique {
    const struct stance_tensor *in;
    int64_t outer, slices, inner;
    int64_t *order;                     /* slices in ascending order, equal ones by index */
    int64_t groups, *first, *size, *of; /* per group; `of` per slice */
};

static int64_t element_of(const struct unique *unique, int64_t slice, int64_t i)
{
    return (i / unique->inner * unique->slices + slice) * unique->inner + i % unique->inner;
}

/* Sorts by the last element of the slices, then stably by the one before it, and so on. */
static int sort_slices(struct engine_call *call, struct unique *unique)
{
    int64_t n = unique->slices, elements = unique->outer * unique->inner;
    struct engine_ranked *items = engine_call_scratch(call, (size_t)n * sizeof *items);
    int64_t *next = engine_call_scratch(call, (size_t)n * sizeof *next);
    if (!items || !next)
        return engine_memory_code(call->memory);
    for (int64_t s = 0; s < n; s++)
        unique->order[s] = s;
    for (int64_t e = elements - 1; e >= 0; e--) {
        for (int64_t s = 0; s < n; s++) {
            int64_t key = engine_rank_key(unique->in, element_of(unique, unique->order[s], e));
            items[s] = (struct engine_ranked){~key, s};
        }
        engine_rank(items, n, n);
        for (int64_t s = 0; s < n; s++)
            next[s] = unique->order[items[s].index];
        memcpy(unique->order, next, (size_t)n * sizeof *next);
    }
    return 0;
}

static bool same_slices(const struct unique *unique, int64_t a, int64_t b)
{
    for (int64_t e = 0; e < unique->outer * unique->inner; e++)
        if (engine_rank_key(unique->in, element_of(unique, a, e)) !=
            engine_rank_key(unique->in, element_of(unique, b, e)))
            return false;
    return true;
}

/* Numbers the groups in ascending order, or by their first slices. */
static int group_slices(struct engine_call *call, struct unique *unique, bool sorted)
{
    int64_t n = unique->slices, *rank = NULL;
    for (int64_t s = 0; s < n; s++) {
        int64_t slice = unique->order[s];
        if (s == 0 || call->worst_case || !same_slices(unique, unique->order[s - 1], slice)) {
            unique->first[unique->groups] = slice;
            unique->size[unique->groups++] = 0;
        }
        unique->size[unique->groups - 1]++;
        unique->of[slice] = unique->groups - 1;
    }
    if (sorted || unique->groups == 0)
        return 0;
    struct engine_ranked *items = engine_call_scratch(call, (size_t)n * sizeof *items);
    rank = engine_call_scratch(call, (size_t)n * sizeof *rank);
    int64_t *size = engine_call_scratch(call, (size_t)n * sizeof *size);
    if (!items || !rank || !size)
        return engine_memory_code(call->memory);
    for (int64_t g = 0; g < unique->groups; g++)
        items[g] = (struct engine_ranked){~unique->first[g], g};
    engine_rank(items, unique->groups, unique->groups);
    for (int64_t g = 0; g < unique->groups; g++) {
        rank[items[g].index] = g;
        size[g] = unique->size[items[g].index];
        unique->first[g] = ~items[g].key;
    }
    memcpy(unique->size, size, (size_t)unique->groups * sizeof *size);
    for (int64_t s = 0; s < n; s++)
        unique->of[s] = rank[unique->of[s]];
    return 0;
}

static int put_list(struct engine_call *call, int output, const int64_t *values, int64_t count)
{
    struct tensor_shape shape = {.rank = 1, .dims = {count}};
    BASE_TRY(engine_call_output(call, output, STANCE_INT64, &shape));
    if (engine_wants_output(call, output) && count > 0)
        memcpy(call->out[output].data, values, (size_t)count * sizeof *values);
    return 0;
}

static int put_unique(struct engine_call *call, const struct unique *unique, int axis)
{
    struct tensor_shape shape = tensor_shape_of(unique->in);
    shape.dims[axis] = unique->groups;
    BASE_TRY(engine_call_output(call, 0, unique->in->dtype, &shape));
    BASE_TRY(put_list(call, 1, unique->first, unique->groups));
    BASE_TRY(put_list(call, 2, unique->of, unique->slices));
    BASE_TRY(put_list(call, 3, unique->size, unique->groups));
    if (!engine_wants_output(call, 0))
        return 0;
    size_t bytes = (size_t)unique->inner * stance_dtype_size(unique->in->dtype);
    char *to = call->out[0].data;
    for (int64_t o = 0; o < unique->outer; o++)
        for (int64_t g = 0; g < unique->groups; g++, to += bytes)
            memcpy(to,
                   (const char *)unique->in->data +
                       (size_t)(o * unique->slices + unique->first[g]) * bytes,
                   bytes);
    return 0;
}

static int run_unique(struct engine_call *call)
{
    BASE_TRY(engine_need_inputs(call, 1));
    struct stance_tensor in = call->in[0];
    int axis = 0;
    if (graph_attr_find(call->node, "axis")) {
        BASE_TRY(engine_axis(graph_attr_int(call->node, "axis", 0), in.rank, &axis));
    } else {
        in.dims[0] = stance_tensor_count(&in);
        in.rank = 1;
    }
    int64_t n = in.dims[axis];
    struct unique unique = {
        .in = &in,
        .outer = engine_dims_product(&in, 0, axis),
        .slices = n,
        .inner = engine_dims_product(&in, axis + 1, in.rank),
        .order = engine_call_scratch(call, (size_t)n * sizeof(int64_t)),
        .first = engine_call_scratch(call, (size_t)n * sizeof(int64_t)),
        .size = engine_call_scratch(call, (size_t)n * sizeof(int64_t)),
        .of = engine_call_scratch(call, (size_t)n * sizeof(int64_t)),
    };
    if (!unique.order || !unique.first || !unique.size || !unique.of)
        return engine_memory_code(call->memory);
    BASE_TRY(sort_slices(call, &unique));
    BASE_TRY(group_slices(call, &unique, graph_attr_int(call->node, "sorted", 1) != 0));
    return put_unique(call, &unique, axis);
}

/* Gaussian elimination with the greatest pivot of each column; destroys `m`. */
static double determinant(double *m, int64_t n)
{
    double product = 1;
    for (int64_t c = 0; c < n; c++) {
        int64_t pivot = c;
        for (int64_t r = c + 1; r < n; r++)
            pivot = fabs(m[r * n + c]) > fabs(m[pivot * n + c]) ? r : pivot;
        for (int64_t i = 0; i < n && pivot != c; i++) {
            double kept = m[c * n + i];
            m[c * n + i] = m[pivot * n + i];
            m[pivot * n + i] = kept;
        }
        product *= pivot != c ? -m[c * n + c] : m[c * n + c];
        if (m[c * n + c] == 0)
            return 0;
        for (int64_t r = c + 1; r < n; r++) {
            double factor = m[r * n + c] / m[c * n + c];
            for (int64_t i = c; i < n; i++)
                m[r * n + i] -= factor * m[c * n + i];
        }
    }
    return product;
}

static int run_det(struct engine_call *call)
{
    BASE_TRY(engine_need_inputs(call, 1));
    const struct stance_tensor *in = &call->in[0];
    if (in->rank < 2 || in->dims[in->rank - 1] != in->dims[in->rank - 2])
        return base_error(STANCE_ESHAPE, "square matrices are needed");
    if (!engine_is_float(in->dtype))
        return base_error(STANCE_ETYPE, "a determinant of %s", stance_dtype_name(in->dtype));
    struct tensor_shape shape = tensor_shape_make(in->rank - 2, in->dims);
    BASE_TRY(engine_call_output(call, 0, in->dtype, &shape));
    if (!engine_wants_output(call, 0))
        return 0;
    int64_t n = in->dims[in->rank - 1], matrices = engine_dims_product(in, 0, in->rank - 2);
    BASE_TRY(engine_check_work(matrices * n, n * n));
    double *m = engine_call_scratch(call, (size_t)(n * n) * sizeof *m);
    if (!m)
        return engine_memory_code(call->memory);
    for (int64_t i = 0; i < matrices; i++) {
        engine_load(m, ENGINE_DOUBLE, in, i * n * n, 1, n * n);
        double value = determinant(m, n);
        engine_store(&value, ENGINE_DOUBLE, &call->out[0], i, 1);
    }
    return 0;
}

const struct engine_op engine_ops_select[] = {
    {"TopK", run_top_k}, {"NonZero", run_non_zero}, {"Unique", run_unique}, {"Det", run_det},
    {NULL, NULL},
};
