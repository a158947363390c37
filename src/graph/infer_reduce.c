/* Shapes and types of reductions along axes, ArgMax and ArgMin, and TopK. */
#include "graph/infer.h"

/* Axes that are given but not known yet. */
static struct tensor_shape reduce_unknown(const struct tensor_shape *x, int axes, bool keep)
{
    if (keep || x->rank < 0)
        return graph_shape_unknown(x->rank);
    return graph_shape_unknown(axes >= 0 && axes <= x->rank ? x->rank - axes : -1);
}

static int reduce_shape(struct tensor_shape *out, const struct tensor_shape *x,
                        struct graph_ints *axes, bool keep)
{
    bool reduced[STANCE_MAX_RANK] = {false};
    *out = graph_shape_unknown(-1);
    if (axes->count == 0 && !keep)
        out->rank = 0;
    if (x->rank < 0)
        return 0;
    BASE_TRY(graph_infer_axes(axes, x->rank));
    for (int i = 0; i < axes->count; i++)
        reduced[axes->at[i]] = true;
    out->rank = 0;
    for (int i = 0; i < x->rank; i++) {
        if (!reduced[i] && axes->count > 0)
            BASE_TRY(graph_shape_push(out, x->dims[i]));
        else if (keep)
            BASE_TRY(graph_shape_push(out, 1));
    }
    return 0;
}

static int infer_reduce(struct graph_infer *infer)
{
    const struct tensor_shape *x = graph_infer_shape(infer, 0);
    bool keep = graph_attr_int(infer->node, "keepdims", 1) != 0;
    bool noop = graph_attr_int(infer->node, "noop_with_empty_axes", 0) != 0;
    struct tensor_shape out;
    struct graph_ints axes;
    BASE_TRY(graph_infer_ints(&axes, infer, "axes", 1));
    if (!axes.known)
        out = reduce_unknown(x, axes.count, keep);
    else if (axes.count == 0 && noop)
        out = *x;
    else
        BASE_TRY(reduce_shape(&out, x, &axes, keep));
    return graph_infer_output(infer, 0, graph_infer_dtype(infer, 0), &out);
}

static int infer_arg(struct graph_infer *infer)
{
    const struct tensor_shape *x = graph_infer_shape(infer, 0);
    bool keep = graph_attr_int(infer->node, "keepdims", 1) != 0;
    struct graph_ints axes = {.given = true, .known = true, .count = 1};
    axes.at[0] = graph_attr_int(infer->node, "axis", 0);
    struct tensor_shape out;
    BASE_TRY(reduce_shape(&out, x, &axes, keep));
    if (x->rank > 0 && x->dims[axes.at[0]] == 0)
        return base_error(STANCE_ESHAPE, "axis %lld is empty: it has no largest or smallest",
                          (long long)axes.at[0]);
    return graph_infer_output(infer, 0, STANCE_INT64, &out);
}

/* K is an attribute before opset 10 and an input since. */
static int top_k_count(const struct graph_infer *infer, int64_t *k)
{
    struct graph_ints list;
    *k = -1;
    const struct graph_attr *attr = graph_attr_find(infer->node, "k");
    if (attr) {
        *k = attr->i;
    } else {
        BASE_TRY(graph_infer_ints(&list, infer, NULL, 1));
        if (!list.given)
            return base_error(STANCE_EARGUMENT, "K is missing");
        if (!list.known)
            return 0;
        if (list.count != 1)
            return base_error(STANCE_ESHAPE, "K must be a single number");
        *k = list.at[0];
    }
    if (*k < 0)
        return base_error(STANCE_EARGUMENT, "K is %lld", (long long)*k);
    return 0;
}

static int infer_top_k(struct graph_infer *infer)
{
    struct tensor_shape out = *graph_infer_shape(infer, 0);
    int64_t k;
    int axis;
    BASE_TRY(top_k_count(infer, &k));
    BASE_TRY(graph_infer_rank(infer, 0, 1, STANCE_MAX_RANK));
    if (out.rank >= 0) {
        BASE_TRY(graph_infer_axis(&axis, graph_attr_int(infer->node, "axis", -1), out.rank));
        if (k >= 0 && out.dims[axis] >= 0 && k > out.dims[axis])
            return base_error(STANCE_ESHAPE, "K is %lld, but axis %d has %lld elements",
                              (long long)k, axis, (long long)out.dims[axis]);
        out.dims[axis] = k;
    }
    BASE_TRY(graph_infer_output(infer, 1, STANCE_INT64, &out));
    return graph_infer_output(infer, 0, graph_infer_dtype(infer, 0), &out);
}

#define REDUCE(type)                                                                               \
    {                                                                                              \
        type, 1, 2, 1, infer_reduce, false                                                         \
    }

const struct graph_op graph_ops_reduce[] = {
    REDUCE("ReduceL1"),
    REDUCE("ReduceL2"),
    REDUCE("ReduceLogSum"),
    REDUCE("ReduceLogSumExp"),
    REDUCE("ReduceMax"),
    REDUCE("ReduceMean"),
    REDUCE("ReduceMin"),
    REDUCE("ReduceProd"),
    REDUCE("ReduceSum"),
    REDUCE("ReduceSumSquare"),
    {"ArgMax", 1, 1, 1, infer_arg, false},
    {"ArgMin", 1, 1, 1, infer_arg, false},
    {"TopK", 1, 2, 2, infer_top_k, false},
    {NULL, 0, 0, 0, NULL, false},
};
