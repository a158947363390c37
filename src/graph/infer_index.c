/* Shapes of operators that pick and place by index or condition: Gather, Scatter, OneHot,
 * Compress, NonZero, Unique, NonMaxSuppression. */
#include "graph/infer.h"

static int expect_indices(const struct graph_infer *infer, int i)
{
    int dtype = graph_infer_dtype(infer, i);
    if (dtype == STANCE_DTYPE_NONE || dtype == STANCE_INT64 || dtype == STANCE_INT32)
        return 0;
    return base_error(STANCE_ETYPE, "the indices are %s instead of int64",
                      stance_dtype_name(dtype));
}

static int infer_gather(struct graph_infer *infer)
{
    const struct tensor_shape *x = graph_infer_shape(infer, 0);
    const struct tensor_shape *indices = graph_infer_shape(infer, 1);
    struct tensor_shape out = {.rank = 0};
    int axis;
    BASE_TRY(expect_indices(infer, 1));
    if (x->rank >= 0)
        BASE_TRY(graph_infer_axis(&axis, graph_attr_int(infer->node, "axis", 0), x->rank));
    if (x->rank < 0 || indices->rank < 0) {
        out = graph_shape_unknown(-1);
    } else {
        for (int i = 0; i < axis; i++)
            BASE_TRY(graph_shape_push(&out, x->dims[i]));
        for (int i = 0; i < indices->rank; i++)
            BASE_TRY(graph_shape_push(&out, indices->dims[i]));
        for (int i = axis + 1; i < x->rank; i++)
            BASE_TRY(graph_shape_push(&out, x->dims[i]));
    }
    return graph_infer_output(infer, 0, graph_infer_dtype(infer, 0), &out);
}

/* Indices of the data's rank and, but for the axis, no larger than it. */
static int check_elements(const struct graph_infer *infer)
{
    const struct tensor_shape *x = graph_infer_shape(infer, 0);
    const struct tensor_shape *indices = graph_infer_shape(infer, 1);
    int axis;
    BASE_TRY(expect_indices(infer, 1));
    if (x->rank < 0)
        return 0;
    BASE_TRY(graph_infer_axis(&axis, graph_attr_int(infer->node, "axis", 0), x->rank));
    if (indices->rank >= 0 && indices->rank != x->rank)
        return base_error(STANCE_ESHAPE, "indices of rank %d for data of rank %d", indices->rank,
                          x->rank);
    for (int i = 0; i < indices->rank; i++)
        if (i != axis && x->dims[i] >= 0 && indices->dims[i] > x->dims[i])
            return base_error(STANCE_ESHAPE, "dim %d of the indices is larger than the data's", i);
    return 0;
}

static int infer_gather_elements(struct graph_infer *infer)
{
    BASE_TRY(check_elements(infer));
    return graph_infer_output(infer, 0, graph_infer_dtype(infer, 0), graph_infer_shape(infer, 1));
}

static int infer_scatter_elements(struct graph_infer *infer)
{
    const struct tensor_shape *indices = graph_infer_shape(infer, 1);
    const struct tensor_shape *updates = graph_infer_shape(infer, 2);
    BASE_TRY(check_elements(infer));
    BASE_TRY(graph_infer_same_type(infer, 2, 0));
    if (tensor_shape_known(indices) && tensor_shape_known(updates) &&
        !tensor_shape_equal(indices, updates))
        return base_error(STANCE_ESHAPE, "indices and updates differ in shape");
    return graph_infer_same(infer);
}

/* indices[…, k] address the first k dims of data behind `batch` common ones: the shape of what they
 * pick is indices[:-1] + data[batch + k:]; rank -1 while k is not known. */
static int picked_shape(struct tensor_shape *out, const struct tensor_shape *x,
                        const struct tensor_shape *indices, int64_t batch)
{
    *out = graph_shape_unknown(-1);
    if (indices->rank == 0 || x->rank == 0)
        return base_error(STANCE_ESHAPE, "data and indices must have rank 1 or more");
    if (x->rank < 0 || indices->rank < 0)
        return 0;
    if (batch < 0 || batch >= x->rank || batch >= indices->rank)
        return base_error(STANCE_EARGUMENT, "batch_dims is %lld", (long long)batch);
    int64_t depth = indices->dims[indices->rank - 1];
    if (depth < 0)
        return 0;
    if (depth < 1 || depth > x->rank - batch)
        return base_error(STANCE_ESHAPE, "the indices' last dim is %lld for data of rank %d",
                          (long long)depth, x->rank);
    out->rank = 0;
    for (int i = 0; i < indices->rank - 1; i++)
        BASE_TRY(graph_shape_push(out, indices->dims[i]));
    for (int i = 0; i < batch; i++)
        if (!graph_dim_merge(&out->dims[i], x->dims[i]))
            return base_error(STANCE_ESHAPE, "batch dim %d of data and indices differ", i);
    for (int64_t i = batch + depth; i < x->rank; i++)
        BASE_TRY(graph_shape_push(out, x->dims[i]));
    return 0;
}

static int infer_gather_nd(struct graph_infer *infer)
{
    struct tensor_shape out;
    BASE_TRY(expect_indices(infer, 1));
    BASE_TRY(picked_shape(&out, graph_infer_shape(infer, 0), graph_infer_shape(infer, 1),
                          graph_attr_int(infer->node, "batch_dims", 0)));
    return graph_infer_output(infer, 0, graph_infer_dtype(infer, 0), &out);
}

static int infer_scatter_nd(struct graph_infer *infer)
{
    const struct tensor_shape *updates = graph_infer_shape(infer, 2);
    struct tensor_shape picked;
    BASE_TRY(expect_indices(infer, 1));
    BASE_TRY(graph_infer_same_type(infer, 2, 0));
    BASE_TRY(picked_shape(&picked, graph_infer_shape(infer, 0), graph_infer_shape(infer, 1), 0));
    if (tensor_shape_known(&picked) && tensor_shape_known(updates) &&
        !tensor_shape_equal(&picked, updates)) {
        char a[TENSOR_SHAPE_TEXT], b[TENSOR_SHAPE_TEXT];
        return base_error(STANCE_ESHAPE, "updates are %s instead of %s",
                          tensor_shape_text(updates, a), tensor_shape_text(&picked, b));
    }
    return graph_infer_same(infer);
}

static int infer_one_hot(struct graph_infer *infer)
{
    const struct tensor_shape *indices = graph_infer_shape(infer, 0);
    const struct stance_tensor *depth = graph_infer_value(infer, 1);
    int64_t classes = -1;
    BASE_TRY(graph_infer_rank(infer, 1, 0, 1));
    BASE_TRY(graph_infer_rank(infer, 2, 1, 1));
    if (depth) {
        if (stance_tensor_count(depth) != 1)
            return base_error(STANCE_ESHAPE, "the depth must be a single number");
        classes = tensor_int(depth, 0);
        if (classes < 0)
            return base_error(STANCE_EARGUMENT, "the depth is %lld", (long long)classes);
    }
    struct tensor_shape out = graph_shape_unknown(-1);
    if (indices->rank >= 0) {
        int axis;
        BASE_TRY(
            graph_infer_axis(&axis, graph_attr_int(infer->node, "axis", -1), indices->rank + 1));
        out.rank = 0;
        for (int i = 0; i <= indices->rank; i++)
            BASE_TRY(graph_shape_push(&out, i == axis  ? classes
                                            : i < axis ? indices->dims[i]
                                                       : indices->dims[i - 1]));
    }
    return graph_infer_output(infer, 0, graph_infer_dtype(infer, 2), &out);
}

static int infer_compress(struct graph_infer *infer)
{
    const struct tensor_shape *x = graph_infer_shape(infer, 0);
    const struct stance_tensor *condition = graph_infer_value(infer, 1);
    const struct graph_attr *attr = graph_attr_find(infer->node, "axis");
    struct tensor_shape out = {1, {-1}};
    int axis = 0;
    BASE_TRY(graph_infer_expect(infer, 1, STANCE_BOOL));
    BASE_TRY(graph_infer_rank(infer, 1, 1, 1));
    if (attr) {
        out = *x;
        if (x->rank >= 0)
            BASE_TRY(graph_infer_axis(&axis, attr->i, x->rank));
    }
    int64_t dim = x->rank < 0 ? -1 : attr ? x->dims[axis] : graph_shape_product(x, 0, x->rank);
    int64_t kept = condition && dim >= 0 ? 0 : -1;
    for (int64_t i = 0; kept >= 0 && i < dim && i < condition->dims[0]; i++)
        kept += tensor_int(condition, i) != 0;
    if (out.rank >= 0)
        out.dims[axis] = kept;
    return graph_infer_output(infer, 0, graph_infer_dtype(infer, 0), &out);
}

static int infer_non_zero(struct graph_infer *infer)
{
    struct tensor_shape out = {2, {graph_infer_shape(infer, 0)->rank, -1}};
    return graph_infer_output(infer, 0, STANCE_INT64, &out);
}

static int infer_unique(struct graph_infer *infer)
{
    const struct tensor_shape *x = graph_infer_shape(infer, 0);
    const struct graph_attr *attr = graph_attr_find(infer->node, "axis");
    struct tensor_shape out = {1, {-1}}, some = {1, {-1}}, all = {1, {-1}};
    if (x->rank >= 0)
        all.dims[0] = graph_shape_product(x, 0, x->rank);
    if (attr) {
        int axis;
        out = *x;
        if (x->rank >= 0) {
            BASE_TRY(graph_infer_axis(&axis, attr->i, x->rank));
            all.dims[0] = x->dims[axis];
            out.dims[axis] = -1;
        }
    }
    BASE_TRY(graph_infer_output(infer, 1, STANCE_INT64, &some));
    BASE_TRY(graph_infer_output(infer, 2, STANCE_INT64, &all));
    BASE_TRY(graph_infer_output(infer, 3, STANCE_INT64, &some));
    return graph_infer_output(infer, 0, graph_infer_dtype(infer, 0), &out);
}

static int infer_nms(struct graph_infer *infer)
{
    const struct tensor_shape *boxes = graph_infer_shape(infer, 0);
    const struct tensor_shape *scores = graph_infer_shape(infer, 1);
    struct tensor_shape out = {2, {-1, 3}};
    BASE_TRY(graph_infer_expect(infer, 0, STANCE_FLOAT32));
    BASE_TRY(graph_infer_expect(infer, 1, STANCE_FLOAT32));
    BASE_TRY(graph_infer_rank(infer, 0, 3, 3));
    BASE_TRY(graph_infer_rank(infer, 1, 3, 3));
    if (boxes->rank == 3 && scores->rank == 3) {
        int64_t batch = boxes->dims[0], count = boxes->dims[1], sides = boxes->dims[2];
        if (!graph_dim_merge(&batch, scores->dims[0]) ||
            !graph_dim_merge(&count, scores->dims[2]) || !graph_dim_merge(&sides, 4)) {
            char a[TENSOR_SHAPE_TEXT], b[TENSOR_SHAPE_TEXT];
            return base_error(STANCE_ESHAPE, "boxes %s and scores %s do not belong together",
                              tensor_shape_text(boxes, a), tensor_shape_text(scores, b));
        }
    }
    return graph_infer_output(infer, 0, STANCE_INT64, &out);
}

const struct graph_op graph_ops_index[] = {
    {"Gather", 2, 2, 1, infer_gather, false},
    {"GatherElements", 2, 2, 1, infer_gather_elements, false},
    {"GatherND", 2, 2, 1, infer_gather_nd, false},
    {"Scatter", 3, 3, 1, infer_scatter_elements, false},
    {"ScatterElements", 3, 3, 1, infer_scatter_elements, false},
    {"ScatterND", 3, 3, 1, infer_scatter_nd, false},
    {"OneHot", 3, 3, 1, infer_one_hot, false},
    {"Compress", 2, 2, 1, infer_compress, false},
    {"NonZero", 1, 1, 1, infer_non_zero, true},
    {"Unique", 1, 1, 4, infer_unique, true},
    {"NonMaxSuppression", 2, 5, 1, infer_nms, true},
    {NULL, 0, 0, 0, NULL, false},
};
