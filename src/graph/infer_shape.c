/* Shapes of operators that only rearrange or repeat: Reshape, Transpose, Expand, Tile, … */
#include "graph/infer.h"

/* Computes the dim that Reshape's -1 stands for, and checks that both sides hold the same number of
 * elements. Dims copied with 0 stand on both sides and are left out, so that they may be unknown.
 */
static int reshape_solve(struct tensor_shape *out, const struct tensor_shape *x,
                         const bool copied[STANCE_MAX_RANK], int wild)
{
    char a[TENSOR_SHAPE_TEXT], b[TENSOR_SHAPE_TEXT];
    int64_t have = 1, want = 1;
    bool may_be_empty = false;
    for (int i = 0; i < x->rank; i++) {
        if (!copied[i])
            have = graph_dim_multiply(have, x->dims[i]);
        may_be_empty = may_be_empty || (copied[i] && x->dims[i] <= 0);
    }
    for (int i = 0; i < out->rank; i++)
        if (i != wild && !copied[i])
            want = graph_dim_multiply(want, out->dims[i]);
    if (have < 0 || want < 0)
        return 0;
    bool fits = wild >= 0 ? want > 0 && have % want == 0 : have == want || may_be_empty;
    if (!fits)
        return base_error(STANCE_ESHAPE, "%s does not fit into %s", tensor_shape_text(x, a),
                          tensor_shape_text(out, b));
    if (wild >= 0)
        out->dims[wild] = have / want;
    return 0;
}

static int reshape(struct tensor_shape *out, const struct tensor_shape *x,
                   const struct graph_ints *target, bool allow_zero)
{
    bool copied[STANCE_MAX_RANK] = {false};
    int wild = -1;
    *out = (struct tensor_shape){.rank = 0};
    for (int i = 0; i < target->count; i++) {
        int64_t dim = target->at[i];
        if (dim == 0 && !allow_zero) {
            if (x->rank >= 0 && i >= x->rank)
                return base_error(STANCE_ESHAPE,
                                  "position %d of the target copies a dim that data "
                                  "of rank %d does not have",
                                  i, x->rank);
            dim = x->rank < 0 ? -1 : x->dims[i];
            if (i < STANCE_MAX_RANK)
                copied[i] = true;
        } else if (dim == -1 && wild < 0) {
            wild = i;
        } else if (dim < 0) {
            return base_error(STANCE_EARGUMENT, "the target has %s",
                              dim == -1 ? "-1 twice" : "a negative dim");
        }
        BASE_TRY(graph_shape_push(out, dim));
    }
    return x->rank < 0 ? 0 : reshape_solve(out, x, copied, wild);
}

static int infer_reshape(struct graph_infer *infer)
{
    struct graph_ints target;
    struct tensor_shape out;
    bool allow_zero = graph_attr_int(infer->node, "allowzero", 0) != 0;
    BASE_TRY(graph_infer_ints(&target, infer, NULL, 1));
    if (target.count > STANCE_MAX_RANK)
        return base_error(STANCE_EUNSUPPORTED, "a rank of %d is above %d", target.count,
                          STANCE_MAX_RANK);
    if (target.known)
        BASE_TRY(reshape(&out, graph_infer_shape(infer, 0), &target, allow_zero));
    else
        out = graph_shape_unknown(target.count);
    return graph_infer_output(infer, 0, graph_infer_dtype(infer, 0), &out);
}

static int infer_flatten(struct graph_infer *infer)
{
    const struct tensor_shape *x = graph_infer_shape(infer, 0);
    int64_t axis = graph_attr_int(infer->node, "axis", 1);
    struct tensor_shape out = {2, {-1, -1}};
    if (x->rank >= 0) {
        if (axis < -x->rank || axis > x->rank)
            return base_error(STANCE_EARGUMENT, "axis %lld is outside rank %d", (long long)axis,
                              x->rank);
        int cut = (int)(axis < 0 ? axis + x->rank : axis);
        out.dims[0] = graph_shape_product(x, 0, cut);
        out.dims[1] = graph_shape_product(x, cut, x->rank);
    }
    return graph_infer_output(infer, 0, graph_infer_dtype(infer, 0), &out);
}

static int squeeze(struct tensor_shape *out, const struct tensor_shape *x, struct graph_ints *axes)
{
    bool gone[STANCE_MAX_RANK] = {false};
    *out = graph_shape_unknown(-1);
    if (x->rank < 0 || (!axes->given && !tensor_shape_known(x)))
        return 0;
    BASE_TRY(graph_infer_axes(axes, x->rank));
    for (int i = 0; i < axes->count; i++) {
        int64_t dim = x->dims[axes->at[i]];
        if (dim >= 0 && dim != 1)
            return base_error(STANCE_ESHAPE, "dim %lld is %lld, not 1", (long long)axes->at[i],
                              (long long)dim);
        gone[axes->at[i]] = true;
    }
    out->rank = 0;
    for (int i = 0; i < x->rank; i++)
        if (!gone[i] && (axes->given || x->dims[i] != 1))
            BASE_TRY(graph_shape_push(out, x->dims[i]));
    return 0;
}

static int infer_squeeze(struct graph_infer *infer)
{
    const struct tensor_shape *x = graph_infer_shape(infer, 0);
    struct graph_ints axes;
    struct tensor_shape out;
    BASE_TRY(graph_infer_ints(&axes, infer, "axes", 1));
    if (axes.known)
        BASE_TRY(squeeze(&out, x, &axes));
    else
        out = graph_shape_unknown(x->rank >= axes.count && axes.count >= 0 ? x->rank - axes.count
                                                                           : -1);
    return graph_infer_output(infer, 0, graph_infer_dtype(infer, 0), &out);
}

static int infer_unsqueeze(struct graph_infer *infer)
{
    const struct tensor_shape *x = graph_infer_shape(infer, 0);
    struct graph_ints axes;
    BASE_TRY(graph_infer_ints(&axes, infer, "axes", 1));
    if (!axes.given)
        return base_error(STANCE_EARGUMENT, "axes are missing");
    if (x->rank < 0 || axes.count < 0)
        return graph_infer_output(infer, 0, graph_infer_dtype(infer, 0),
                                  &(struct tensor_shape){.rank = -1});
    int rank = x->rank + axes.count;
    if (rank > STANCE_MAX_RANK)
        return base_error(STANCE_EUNSUPPORTED, "a rank of %d is above %d", rank, STANCE_MAX_RANK);
    struct tensor_shape out = graph_shape_unknown(rank);
    if (axes.known) {
        bool fresh[STANCE_MAX_RANK] = {false};
        BASE_TRY(graph_infer_axes(&axes, rank));
        for (int i = 0; i < axes.count; i++)
            fresh[axes.at[i]] = true;
        for (int i = 0, from = 0; i < rank; i++)
            out.dims[i] = fresh[i] ? 1 : x->dims[from++];
    }
    return graph_infer_output(infer, 0, graph_infer_dtype(infer, 0), &out);
}

static int infer_transpose(struct graph_infer *infer)
{
    const struct tensor_shape *x = graph_infer_shape(infer, 0);
    struct graph_ints perm;
    BASE_TRY(graph_infer_ints(&perm, infer, "perm", -1));
    int rank = x->rank >= 0 ? x->rank : perm.given ? perm.count : -1;
    if (perm.given && (perm.count != rank || rank > STANCE_MAX_RANK))
        return base_error(STANCE_ESHAPE, "perm has %d values for rank %d", perm.count, rank);
    if (perm.given)
        BASE_TRY(graph_infer_axes(&perm, rank));
    struct tensor_shape out = graph_shape_unknown(rank);
    for (int i = 0; i < x->rank; i++)
        out.dims[i] = x->dims[perm.given ? perm.at[i] : x->rank - 1 - i];
    return graph_infer_output(infer, 0, graph_infer_dtype(infer, 0), &out);
}

static int64_t clamp_axis(int64_t axis, int rank)
{
    axis = axis < 0 ? axis + rank : axis;
    return axis < 0 ? 0 : axis > rank ? rank : axis;
}

static int infer_shape_of(struct graph_infer *infer)
{
    const struct tensor_shape *x = graph_infer_shape(infer, 0);
    struct tensor_shape out = {1, {-1}};
    if (x->rank >= 0) {
        int64_t first = clamp_axis(graph_attr_int(infer->node, "start", 0), x->rank);
        int64_t last = clamp_axis(graph_attr_int(infer->node, "end", x->rank), x->rank);
        out.dims[0] = last > first ? last - first : 0;
    }
    return graph_infer_output(infer, 0, STANCE_INT64, &out);
}

static int infer_size(struct graph_infer *infer)
{
    return graph_infer_output(infer, 0, STANCE_INT64, &(struct tensor_shape){.rank = 0});
}

static int infer_expand(struct graph_infer *infer)
{
    const struct tensor_shape *x = graph_infer_shape(infer, 0);
    struct graph_ints target;
    BASE_TRY(graph_infer_ints(&target, infer, NULL, 1));
    if (target.count > STANCE_MAX_RANK)
        return base_error(STANCE_EUNSUPPORTED, "a rank of %d is above %d", target.count,
                          STANCE_MAX_RANK);
    struct tensor_shape out = graph_shape_unknown(target.count);
    for (int i = 0; i < target.count && target.known; i++) {
        out.dims[i] = target.at[i];
        if (out.dims[i] < 0)
            return base_error(STANCE_EARGUMENT, "the target has a negative dim");
    }
    BASE_TRY(tensor_shape_broadcast(&out, x, &out));
    return graph_infer_output(infer, 0, graph_infer_dtype(infer, 0), &out);
}

static int infer_tile(struct graph_infer *infer)
{
    struct tensor_shape out = *graph_infer_shape(infer, 0);
    struct graph_ints repeats;
    BASE_TRY(graph_infer_ints(&repeats, infer, NULL, 1));
    if (out.rank >= 0 && repeats.count >= 0 && repeats.count != out.rank)
        return base_error(STANCE_ESHAPE, "%d repeats for data of rank %d", repeats.count, out.rank);
    for (int i = 0; i < out.rank; i++) {
        if (repeats.known && repeats.at[i] < 0)
            return base_error(STANCE_EARGUMENT, "a repeat is negative");
        out.dims[i] = graph_dim_multiply(out.dims[i], repeats.known ? repeats.at[i] : -1);
    }
    return graph_infer_output(infer, 0, graph_infer_dtype(infer, 0), &out);
}

/* Channels and pixels change places in blocks of side `block`. */
static int read_block(const struct graph_infer *infer, int64_t *block)
{
    *block = graph_attr_int(infer->node, "blocksize", 0);
    BASE_TRY(graph_infer_rank(infer, 0, 4, 4));
    if (*block < 1 || *block > 1 << 14)
        return base_error(STANCE_EARGUMENT, "blocksize is %lld", (long long)*block);
    return 0;
}

static int infer_depth_to_space(struct graph_infer *infer)
{
    struct tensor_shape out = *graph_infer_shape(infer, 0);
    int64_t block;
    BASE_TRY(read_block(infer, &block));
    if (out.rank == 4) {
        if (out.dims[1] >= 0 && out.dims[1] % (block * block) != 0)
            return base_error(STANCE_ESHAPE, "%lld channels do not divide into %lld×%lld blocks",
                              (long long)out.dims[1], (long long)block, (long long)block);
        out.dims[1] = out.dims[1] < 0 ? -1 : out.dims[1] / (block * block);
        for (int i = 2; i < 4; i++)
            out.dims[i] = graph_dim_multiply(out.dims[i], block);
    }
    return graph_infer_output(infer, 0, graph_infer_dtype(infer, 0), &out);
}

static int infer_space_to_depth(struct graph_infer *infer)
{
    struct tensor_shape out = *graph_infer_shape(infer, 0);
    int64_t block;
    BASE_TRY(read_block(infer, &block));
    if (out.rank == 4) {
        out.dims[1] = graph_dim_multiply(out.dims[1], block * block);
        for (int i = 2; i < 4; i++) {
            if (out.dims[i] >= 0 && out.dims[i] % block != 0)
                return base_error(STANCE_ESHAPE,
                                  "dim %d (%lld) does not divide into blocks of "
                                  "%lld",
                                  i, (long long)out.dims[i], (long long)block);
            out.dims[i] = out.dims[i] < 0 ? -1 : out.dims[i] / block;
        }
    }
    return graph_infer_output(infer, 0, graph_infer_dtype(infer, 0), &out);
}

const struct graph_op graph_ops_shape[] = {
    {"Reshape", 2, 2, 1, infer_reshape, false},
    {"Transpose", 1, 1, 1, infer_transpose, false},
    {"Flatten", 1, 1, 1, infer_flatten, false},
    {"Squeeze", 1, 2, 1, infer_squeeze, false},
    {"Unsqueeze", 1, 2, 1, infer_unsqueeze, false},
    {"Shape", 1, 1, 1, infer_shape_of, false},
    {"Size", 1, 1, 1, infer_size, false},
    {"Expand", 2, 2, 1, infer_expand, false},
    {"Tile", 2, 2, 1, infer_tile, false},
    {"DepthToSpace", 1, 1, 1, infer_depth_to_space, false},
    {"SpaceToDepth", 1, 1, 1, infer_space_to_depth, false},
    {NULL, 0, 0, 0, NULL, false},
};
