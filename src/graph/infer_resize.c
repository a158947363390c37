/* Shapes of operators that sample images anew: Resize, Upsample, GridSample, RoiAlign. */
#include <math.h>
#include <string.h>

#include "graph/infer.h"

/* A list of floats from an attribute or an input; an empty one counts as left out. */
struct float_list {
    bool given, known;
    int count; /* -1: not known */
    float at[2 * STANCE_MAX_RANK];
};

static int read_floats(struct float_list *out, const struct graph_infer *infer, const char *name,
                       int input)
{
    *out = (struct float_list){.known = true};
    int most = (int)(sizeof out->at / sizeof out->at[0]);
    const float *attr = name ? graph_attr_floats(infer->node, name, &out->count) : NULL;
    if (!attr && !graph_infer_given(infer, input))
        return 0;
    const struct tensor_shape *shape = graph_infer_shape(infer, input);
    const struct stance_tensor *value = attr ? NULL : graph_infer_value(infer, input);
    BASE_TRY(graph_infer_rank(infer, input, 0, 1));
    int64_t count = out->count;
    if (value)
        count = stance_tensor_count(value);
    else if (!attr)
        count = shape->rank == 1 ? shape->dims[0] : shape->rank == 0 ? 1 : -1;
    if (count > most)
        return base_error(STANCE_ESHAPE, "a list of %lld scales", (long long)count);
    out->count = (int)count;
    out->given = count != 0;
    out->known = attr || value || count == 0;
    for (int i = 0; i < out->count && out->known; i++)
        out->at[i] = attr ? attr[i] : (float)tensor_float(value, i);
    return 0;
}

/* Everything that decides about the output's shape; entry i speaks of axes.at[i]. */
struct resize {
    struct float_list scales, roi;
    struct graph_ints sizes, axes;
};

static int read_resize(struct resize *r, const struct graph_infer *infer, int rank)
{
    bool old = infer->opset < 11;
    BASE_TRY(read_floats(&r->scales, infer, NULL, old ? 1 : 2));
    BASE_TRY(read_floats(&r->roi, infer, NULL, old ? -1 : 1));
    BASE_TRY(graph_infer_ints(&r->sizes, infer, NULL, old ? -1 : 3));
    BASE_TRY(graph_infer_ints(&r->axes, infer, "axes", -1));
    r->sizes.given = r->sizes.count != 0;
    if (!r->axes.given) {
        r->axes.count = rank;
        for (int i = 0; i < rank; i++)
            r->axes.at[i] = i;
    }
    BASE_TRY(graph_infer_axes(&r->axes, rank));
    int scales = r->scales.count, sizes = r->sizes.count;
    if ((scales > 0 && sizes > 0) || (scales == 0 && sizes == 0))
        return base_error(STANCE_EARGUMENT, "exactly one of scales and sizes must be given");
    int count = scales > 0 ? scales : sizes;
    if (count > 0 && count != r->axes.count)
        return base_error(STANCE_ESHAPE, "%d scales or sizes for %d axes", count, r->axes.count);
    return 0;
}

static int scale_dim(int64_t *dim, float scale, float part)
{
    if (!(scale > 0) || !(part > 0) || isinf(scale) || isinf(part))
        return base_error(STANCE_EARGUMENT, "the scale %g is not a positive number",
                          (double)(scale * part));
    if (*dim < 0)
        return 0;
    float size = floorf((float)*dim * part * scale);
    if (!(size <= (float)TENSOR_MAX_COUNT))
        return base_error(STANCE_ELIMIT, "a scale of %g makes %lld too large", (double)scale,
                          (long long)*dim);
    *dim = (int64_t)size;
    return 0;
}

/* keep_aspect_ratio_policy (opset 18): one scale for all axes, the smallest or the largest. */
static void keep_aspect(struct tensor_shape *out, const struct resize *r, bool smaller)
{
    float chosen = 0;
    for (int i = 0; i < r->axes.count; i++) {
        int64_t dim = out->dims[r->axes.at[i]];
        if (dim <= 0) {
            *out = graph_shape_unknown(out->rank);
            return;
        }
        float scale = (float)r->sizes.at[i] / (float)dim;
        if (i == 0 || (smaller ? scale < chosen : scale > chosen))
            chosen = scale;
    }
    for (int i = 0; i < r->axes.count; i++) {
        int64_t *dim = &out->dims[r->axes.at[i]];
        float size = floorf(chosen * (float)*dim + 0.5F);
        *dim = size <= (float)TENSOR_MAX_COUNT ? (int64_t)size : TENSOR_MAX_COUNT + 1;
    }
}

static int resize_by_sizes(struct tensor_shape *out, const struct resize *r,
                           const struct graph_node *node)
{
    const char *policy = graph_attr_string(node, "keep_aspect_ratio_policy", "stretch");
    for (int i = 0; i < r->axes.count; i++)
        if (r->sizes.at[i] < 1 || r->sizes.at[i] > TENSOR_MAX_COUNT)
            return base_error(STANCE_EARGUMENT, "a size is %lld", (long long)r->sizes.at[i]);
    if (strcmp(policy, "not_larger") == 0 || strcmp(policy, "not_smaller") == 0) {
        keep_aspect(out, r, strcmp(policy, "not_larger") == 0);
        return 0;
    }
    if (strcmp(policy, "stretch") != 0)
        return base_error(STANCE_EARGUMENT, "keep_aspect_ratio_policy '%.40s' is not known",
                          policy);
    for (int i = 0; i < r->axes.count; i++)
        out->dims[r->axes.at[i]] = r->sizes.at[i];
    return 0;
}

static int resize_by_scales(struct tensor_shape *out, const struct resize *r,
                            const struct graph_node *node)
{
    const char *mode = graph_attr_string(node, "coordinate_transformation_mode", "half_pixel");
    bool crop = strcmp(mode, "tf_crop_and_resize") == 0;
    int n = r->axes.count;
    if (crop && (!r->roi.known || !r->roi.given || r->roi.count != 2 * n)) {
        if (r->roi.known)
            return base_error(STANCE_ESHAPE, "tf_crop_and_resize wants %d roi values", 2 * n);
        for (int i = 0; i < n; i++)
            out->dims[r->axes.at[i]] = -1;
        return 0;
    }
    for (int i = 0; i < n; i++) {
        float part = crop ? r->roi.at[n + i] - r->roi.at[i] : 1.0F;
        BASE_TRY(scale_dim(&out->dims[r->axes.at[i]], r->scales.at[i], part));
    }
    return 0;
}

static int infer_resize(struct graph_infer *infer)
{
    struct tensor_shape out = *graph_infer_shape(infer, 0);
    struct resize r;
    if (out.rank >= 0) {
        BASE_TRY(read_resize(&r, infer, out.rank));
        if (r.sizes.given && r.sizes.known)
            BASE_TRY(resize_by_sizes(&out, &r, infer->node));
        else if (r.scales.given && r.scales.known)
            BASE_TRY(resize_by_scales(&out, &r, infer->node));
        else
            for (int i = 0; i < r.axes.count; i++)
                out.dims[r.axes.at[i]] = -1;
    }
    return graph_infer_output(infer, 0, graph_infer_dtype(infer, 0), &out);
}

/* Scales are an attribute in opset 7 and an input in opset 9. */
static int infer_upsample(struct graph_infer *infer)
{
    struct tensor_shape out = *graph_infer_shape(infer, 0);
    struct float_list scales;
    BASE_TRY(read_floats(&scales, infer, "scales", 1));
    if (!scales.given)
        return base_error(STANCE_EARGUMENT, "scales are missing");
    if (out.rank >= 0 && scales.count >= 0 && scales.count != out.rank)
        return base_error(STANCE_ESHAPE, "%d scales for data of rank %d", scales.count, out.rank);
    for (int i = 0; i < out.rank; i++) {
        if (scales.known)
            BASE_TRY(scale_dim(&out.dims[i], scales.at[i], 1.0F));
        else
            out.dims[i] = -1;
    }
    return graph_infer_output(infer, 0, graph_infer_dtype(infer, 0), &out);
}

static int infer_grid_sample(struct graph_infer *infer)
{
    struct tensor_shape out = *graph_infer_shape(infer, 0);
    const struct tensor_shape *grid = graph_infer_shape(infer, 1);
    BASE_TRY(graph_infer_rank(infer, 0, 4, 5));
    BASE_TRY(graph_infer_rank(infer, 1, 4, 5));
    if (out.rank >= 4 && grid->rank >= 4) {
        int64_t coordinates = grid->dims[grid->rank - 1];
        if (grid->rank != out.rank || !graph_dim_merge(&out.dims[0], grid->dims[0]) ||
            !graph_dim_merge(&coordinates, out.rank - 2)) {
            char a[TENSOR_SHAPE_TEXT], b[TENSOR_SHAPE_TEXT];
            return base_error(STANCE_ESHAPE, "grid %s does not belong to data %s",
                              tensor_shape_text(grid, b), tensor_shape_text(&out, a));
        }
    }
    for (int i = 2; i < out.rank; i++)
        out.dims[i] = grid->rank < 0 ? -1 : grid->dims[i - 1];
    return graph_infer_output(infer, 0, graph_infer_dtype(infer, 0), &out);
}

static int infer_roi_align(struct graph_infer *infer)
{
    const struct tensor_shape *x = graph_infer_shape(infer, 0);
    struct tensor_shape out = {4, {-1, -1, 0, 0}};
    static const int ranks[] = {4, 2, 1};
    for (int i = 0; i < 3; i++)
        BASE_TRY(graph_infer_rank(infer, i, ranks[i], ranks[i]));
    if (x->rank >= 0)
        out.dims[1] = x->dims[1];
    for (int i = 1; i < 3; i++) {
        const struct tensor_shape *shape = graph_infer_shape(infer, i);
        if (shape->rank >= 0 && !graph_dim_merge(&out.dims[0], shape->dims[0]))
            return base_error(STANCE_ESHAPE, "the numbers of rois and of batch indices differ");
    }
    const struct tensor_shape *rois = graph_infer_shape(infer, 1);
    if (rois->rank >= 0 && rois->dims[1] >= 0 && rois->dims[1] != 4)
        return base_error(STANCE_ESHAPE, "a roi has %lld values instead of 4",
                          (long long)rois->dims[1]);
    out.dims[2] = graph_attr_int(infer->node, "output_height", 1);
    out.dims[3] = graph_attr_int(infer->node, "output_width", 1);
    if (out.dims[2] < 1 || out.dims[3] < 1)
        return base_error(STANCE_EARGUMENT, "an output of %lldx%lld", (long long)out.dims[2],
                          (long long)out.dims[3]);
    return graph_infer_output(infer, 0, graph_infer_dtype(infer, 0), &out);
}

const struct graph_op graph_ops_resize[] = {
    {"Resize", 1, 4, 1, infer_resize, false},
    {"Upsample", 1, 2, 1, infer_upsample, false},
    {"GridSample", 2, 2, 1, infer_grid_sample, false},
    {"RoiAlign", 3, 3, 1, infer_roi_align, false},
    {NULL, 0, 0, 0, NULL, false},
};
