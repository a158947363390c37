/* Shapes and types of normalisations: the data's own, and checks of scale and bias. */
#include "graph/infer.h"

/* ESHAPE unless input i, where known, is a vector of as many values as the data has channels. */
static int check_channel_vector(const struct graph_infer *infer, int i)
{
    const struct tensor_shape *x = graph_infer_shape(infer, 0);
    const struct tensor_shape *vector = graph_infer_shape(infer, i);
    int64_t channels = x->rank < 0 ? -1 : x->rank < 2 ? 1 : x->dims[1];
    BASE_TRY(graph_infer_rank(infer, i, 1, 1));
    if (vector->rank == 1 && !graph_dim_merge(&channels, vector->dims[0]))
        return base_error(STANCE_ESHAPE, "input %d has %lld values for %lld channels", i,
                          (long long)vector->dims[0], (long long)channels);
    return 0;
}

static int infer_batch_norm(struct graph_infer *infer)
{
    bool per_pixel = infer->opset < 9 && graph_attr_int(infer->node, "spatial", 1) == 0;
    for (int i = 1; i < 5 && !per_pixel; i++)
        BASE_TRY(check_channel_vector(infer, i));
    for (int i = 1; i < infer->output_count; i++)
        BASE_TRY(
            graph_infer_output(infer, i, graph_infer_dtype(infer, 3), graph_infer_shape(infer, 3)));
    return graph_infer_same(infer);
}

static int infer_instance_norm(struct graph_infer *infer)
{
    BASE_TRY(graph_infer_rank(infer, 0, 3, STANCE_MAX_RANK));
    BASE_TRY(check_channel_vector(infer, 1));
    BASE_TRY(check_channel_vector(infer, 2));
    return graph_infer_same(infer);
}

static int infer_layer_norm(struct graph_infer *infer)
{
    const struct tensor_shape *x = graph_infer_shape(infer, 0);
    struct tensor_shape both, means = *x;
    int axis = 0;
    if (x->rank >= 0)
        BASE_TRY(graph_infer_axis(&axis, graph_attr_int(infer->node, "axis", -1), x->rank));
    for (int i = 1; i < 3; i++) {
        const struct tensor_shape *scale = graph_infer_shape(infer, i);
        BASE_TRY(tensor_shape_broadcast(&both, x, scale));
        if (tensor_shape_known(x) && tensor_shape_known(scale) && !tensor_shape_equal(&both, x))
            return base_error(STANCE_ESHAPE, "input %d does not broadcast to the data", i);
    }
    for (int i = axis; i < means.rank; i++)
        means.dims[i] = 1;
    int64_t stash = graph_attr_int(infer->node, "stash_type", STANCE_FLOAT32);
    if (stash != STANCE_FLOAT32 && stash != STANCE_FLOAT64 && stash != STANCE_FLOAT16 &&
        stash != STANCE_BFLOAT16)
        return base_error(STANCE_EUNSUPPORTED, "stash_type is %lld", (long long)stash);
    BASE_TRY(graph_infer_output(infer, 1, (int)stash, &means));
    BASE_TRY(graph_infer_output(infer, 2, (int)stash, &means));
    return graph_infer_same(infer);
}

static int infer_group_norm(struct graph_infer *infer)
{
    const struct tensor_shape *x = graph_infer_shape(infer, 0);
    int64_t groups = graph_attr_int(infer->node, "num_groups", 0);
    BASE_TRY(graph_infer_rank(infer, 0, 2, STANCE_MAX_RANK));
    if (groups < 1)
        return base_error(STANCE_EARGUMENT, "num_groups is %lld", (long long)groups);
    if (x->rank >= 0 && x->dims[1] >= 0 && x->dims[1] % groups != 0)
        return base_error(STANCE_ESHAPE, "%lld channels do not divide into %lld groups",
                          (long long)x->dims[1], (long long)groups);
    for (int i = 1; i < 3; i++) {
        /* One value per group before opset 21, one per channel since. */
        const struct tensor_shape *scale = graph_infer_shape(infer, i);
        BASE_TRY(graph_infer_rank(infer, i, 1, 1));
        if (infer->opset >= 21)
            BASE_TRY(check_channel_vector(infer, i));
        else if (scale->rank == 1 && scale->dims[0] >= 0 && scale->dims[0] != groups)
            return base_error(STANCE_ESHAPE, "input %d has %lld values for %lld groups", i,
                              (long long)scale->dims[0], (long long)groups);
    }
    return graph_infer_same(infer);
}

static int infer_lp_norm(struct graph_infer *infer)
{
    const struct tensor_shape *x = graph_infer_shape(infer, 0);
    int64_t p = graph_attr_int(infer->node, "p", 2);
    int axis;
    if (p != 1 && p != 2)
        return base_error(STANCE_EARGUMENT, "p is %lld instead of 1 or 2", (long long)p);
    if (x->rank >= 0)
        BASE_TRY(graph_infer_axis(&axis, graph_attr_int(infer->node, "axis", -1), x->rank));
    return graph_infer_same(infer);
}

static int infer_lrn(struct graph_infer *infer)
{
    int64_t size = graph_attr_int(infer->node, "size", 0);
    BASE_TRY(graph_infer_rank(infer, 0, 2, STANCE_MAX_RANK));
    if (size < 1 || size > TENSOR_MAX_COUNT)
        return base_error(STANCE_EARGUMENT, "size is %lld", (long long)size);
    return graph_infer_same(infer);
}

static int infer_mean_variance(struct graph_infer *infer)
{
    const struct tensor_shape *x = graph_infer_shape(infer, 0);
    struct graph_ints axes;
    BASE_TRY(graph_infer_ints(&axes, infer, "axes", -1));
    if (x->rank >= 0 && axes.given)
        BASE_TRY(graph_infer_axes(&axes, x->rank));
    else
        BASE_TRY(graph_infer_rank(infer, 0, axes.given ? 0 : 4, STANCE_MAX_RANK));
    return graph_infer_same(infer);
}

const struct graph_op graph_ops_norm[] = {
    {"BatchNormalization", 5, 5, 5, infer_batch_norm, false},
    {"InstanceNormalization", 3, 3, 1, infer_instance_norm, false},
    {"LayerNormalization", 2, 3, 3, infer_layer_norm, false},
    {"GroupNormalization", 3, 3, 1, infer_group_norm, false},
    {"LpNormalization", 1, 1, 1, infer_lp_norm, false},
    {"LRN", 1, 1, 1, infer_lrn, false},
    {"MeanVarianceNormalization", 1, 1, 1, infer_mean_variance, false},
    {NULL, 0, 0, 0, NULL, false},
};
