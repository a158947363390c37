/* Resize and Upsample of any rank: nearest through index maps, linear and cubic as one weighted
 * pass per axis. float32 is computed as it is, every other type in double. */
#include <math.h>
#include <string.h>

#include "engine/op_memory.h"
#include "engine/op_view.h"
#include "engine/resize_axis.h"

struct resize {
    struct engine_resize_rule rule;
    struct engine_resize_axis axes[STANCE_MAX_RANK];
};

/* Entry i of a list of floats speaks of axis axes->values[i]. */
static int check_list(const struct stance_tensor *list, int64_t count, const char *what)
{
    if (stance_tensor_count(list) != count)
        return base_error(STANCE_ESHAPE, "%lld %s where %lld are needed",
                          (long long)stance_tensor_count(list), what, (long long)count);
    return 0;
}

static const struct stance_tensor *nonempty(const struct engine_call *call, int i)
{
    return engine_has_input(call, i) && stance_tensor_count(&call->in[i]) > 0 ? &call->in[i] : NULL;
}

/* keep_aspect_ratio_policy: all named axes share the smallest or the largest scale. */
static void share_scale(struct resize *resize, const struct engine_call *call,
                        const struct engine_ints *axes, const struct stance_tensor *sizes)
{
    const char *policy = graph_attr_string(call->node, "keep_aspect_ratio_policy", "stretch");
    bool smallest = strcmp(policy, "not_larger") == 0;
    if (!smallest && strcmp(policy, "not_smaller") != 0)
        return;
    float shared = 0;
    for (int i = 0; i < axes->count; i++) {
        float scale = (float)tensor_int(sizes, i) / (float)resize->axes[axes->values[i]].in;
        if (i == 0 || (smallest ? scale < shared : scale > shared))
            shared = scale;
    }
    for (int i = 0; i < axes->count; i++)
        resize->axes[axes->values[i]].scale = shared;
}

static int read_lists(struct resize *resize, const struct engine_call *call)
{
    struct engine_ints axes;
    bool old = call->opset < 11;
    const struct stance_tensor *scales = nonempty(call, old ? 1 : 2);
    const struct stance_tensor *roi = old ? NULL : nonempty(call, 1);
    const struct stance_tensor *sizes = old ? NULL : nonempty(call, 3);
    int rank = call->in[0].rank;
    BASE_TRY(engine_ints_read(&axes, call, -1, "axes"));
    for (int i = 0; axes.count < 0 && i < rank; i++)
        axes.values[i] = i;
    axes.count = axes.count < 0 ? rank : axes.count;
    BASE_TRY(engine_ints_as_axes(&axes, rank));
    if (scales)
        BASE_TRY(check_list(scales, axes.count, "scales"));
    for (int i = 0; i < axes.count && scales; i++)
        resize->axes[axes.values[i]].scale = (float)tensor_float(scales, i);
    if (sizes && !scales) {
        BASE_TRY(check_list(sizes, axes.count, "sizes"));
        share_scale(resize, call, &axes, sizes);
    }
    if (resize->rule.transform == ENGINE_TF_CROP_AND_RESIZE) {
        if (!roi)
            return base_error(STANCE_EARGUMENT, "tf_crop_and_resize without roi");
        BASE_TRY(check_list(roi, 2 * axes.count, "roi values"));
        for (int i = 0; i < axes.count; i++) {
            resize->axes[axes.values[i]].roi_begin = (float)tensor_float(roi, i);
            resize->axes[axes.values[i]].roi_end = (float)tensor_float(roi, axes.count + i);
        }
    }
    return 0;
}

static int read_resize(struct resize *resize, struct engine_call *call)
{
    BASE_TRY(engine_need_inputs(call, 1));
    const struct stance_tensor *in = &call->in[0], *out = &call->out[0];
    if (out->rank != in->rank || out->dtype != in->dtype)
        return base_error(STANCE_ESHAPE, "the output's rank or type is not that of the data");
    for (int i = 0; i < in->rank; i++) {
        if (in->dims[i] == 0 && stance_tensor_count(out) > 0)
            return base_error(STANCE_ESHAPE, "axis %d has nothing to enlarge", i);
        resize->axes[i] = (struct engine_resize_axis){
            .in = in->dims[i],
            .out = out->dims[i],
            .scale = in->dims[i] > 0 ? (float)out->dims[i] / (float)in->dims[i] : 1,
            .roi_end = 1,
        };
    }
    BASE_TRY(engine_resize_rule_read(&resize->rule, call->node, call->opset));
    int scales = 0;
    const float *attr = graph_attr_floats(call->node, "scales", &scales);
    if (!attr)
        BASE_TRY(read_lists(resize, call));
    if (attr && scales != in->rank)
        return base_error(STANCE_ESHAPE, "%d scales for rank %d", scales, in->rank);
    for (int i = 0; i < in->rank; i++) {
        resize->axes[i].scale = attr ? attr[i] : resize->axes[i].scale;
        if (!(resize->axes[i].scale > 0 && resize->axes[i].scale < INFINITY) &&
            stance_tensor_count(out) > 0)
            return base_error(STANCE_EARGUMENT, "the scale %g is not a positive number",
                              (double)resize->axes[i].scale);
    }
    return 0;
}

static int run_nearest(struct engine_call *call, const struct resize *resize)
{
    int64_t *maps[STANCE_MAX_RANK];
    for (int i = 0; i < call->in[0].rank; i++) {
        const struct engine_resize_axis *axis = &resize->axes[i];
        maps[i] = engine_call_scratch(call, (size_t)axis->out * sizeof *maps[i]);
        if (!maps[i])
            return engine_memory_code(call->memory);
        for (int64_t at = 0; at < axis->out; at++)
            maps[i][at] = engine_resize_is_identity(&resize->rule, axis) ? at
                          : engine_resize_is_outside(&resize->rule, axis, at)
                              ? -1
                              : engine_resize_nearest(&resize->rule, axis, at);
    }
    uint64_t value;
    struct stance_tensor fill = {.dtype = call->out[0].dtype, .data = &value};
    engine_put(&fill, 0, resize->rule.extrapolation);
    engine_copy_mapped(&call->in[0], &call->out[0], maps, &value, call->pool);
    return 0;
}

/* One axis: from [outer][in][inner] to [outer][out][inner]. */
struct pass {
    bool single;
    int64_t outer, in, out, inner, taps;
    const int64_t *index;
    const double *weight;
    const void *from;
    void *to;
};

#define WEIGH_ROW(type)                                                                            \
    static void weigh_row_##type(const struct pass *pass, int64_t outer, int64_t at)               \
    {                                                                                              \
        const type *from = (const type *)pass->from + outer * pass->in * pass->inner;              \
        type *to = (type *)pass->to + (outer * pass->out + at) * pass->inner;                      \
        const int64_t *index = pass->index + at * pass->taps;                                      \
        const double *weight = pass->weight + at * pass->taps;                                     \
        for (int64_t i = 0; i < pass->inner; i++)                                                  \
            to[i] = (type)weight[0] * from[index[0] * pass->inner + i];                            \
        for (int64_t t = 1; t < pass->taps; t++)                                                   \
            for (int64_t i = 0; i < pass->inner; i++)                                              \
                to[i] += (type)weight[t] * from[index[t] * pass->inner + i];                       \
    }

WEIGH_ROW(float)
WEIGH_ROW(double)

static void run_pass(void *context, int part, int parts, int worker)
{
    const struct pass *pass = context;
    int64_t first, end;
    kernel_share(pass->outer * pass->out, part, parts, &first, &end);
    for (int64_t row = first; row < end; row++)
        if (pass->single)
            weigh_row_float(pass, row / pass->out, row % pass->out);
        else
            weigh_row_double(pass, row / pass->out, row % pass->out);
}

static int make_taps(struct engine_call *call, const struct engine_resize_rule *rule,
                     const struct engine_resize_axis *axis, struct pass *pass)
{
    BASE_TRY(engine_resize_tap_count(rule, axis, &pass->taps));
    BASE_TRY(engine_check_work(pass->outer * pass->out * pass->inner, pass->taps));
    size_t count = (size_t)(axis->out * pass->taps);
    int64_t *index = engine_call_scratch(call, count * sizeof *index);
    double *weight = engine_call_scratch(call, count * sizeof *weight);
    if (!index || !weight)
        return engine_memory_code(call->memory);
    for (int64_t at = 0; at < axis->out; at++)
        engine_resize_taps(rule, axis, at, pass->taps, index + at * pass->taps,
                           weight + at * pass->taps);
    pass->index = index;
    pass->weight = weight;
    return 0;
}

static void extrapolate(const struct resize *resize, const struct stance_tensor *out, bool single,
                        void *values)
{
    for (int d = 0; d < out->rank; d++) {
        int64_t outer = engine_dims_product(out, 0, d), extent = out->dims[d],
                inner = engine_dims_product(out, d + 1, out->rank);
        for (int64_t row = 0; row < outer * extent; row++)
            for (int64_t i = 0; i < inner && engine_resize_is_outside(
                                                 &resize->rule, &resize->axes[d], row % extent);
                 i++)
                if (single)
                    ((float *)values)[row * inner + i] = resize->rule.extrapolation;
                else
                    ((double *)values)[row * inner + i] = (double)resize->rule.extrapolation;
    }
}

/* Runs the passes, each into new scratch: *values is first what they begin with, then what they
 * make. */
static int run_passes(struct engine_call *call, const struct resize *resize, bool single,
                      const void **values)
{
    const struct stance_tensor *in = &call->in[0], *out = &call->out[0];
    for (int d = 0; d < in->rank; d++) {
        const struct engine_resize_axis *axis = &resize->axes[d];
        if (engine_resize_is_identity(&resize->rule, axis))
            continue;
        struct pass pass = {.single = single,
                            .outer = engine_dims_product(out, 0, d),
                            .in = axis->in,
                            .out = axis->out,
                            .inner = engine_dims_product(in, d + 1, in->rank),
                            .from = *values};
        int64_t count = pass.outer * pass.out * pass.inner;
        BASE_TRY(make_taps(call, &resize->rule, axis, &pass));
        pass.to =
            engine_call_scratch(call, (size_t)count * (single ? sizeof(float) : sizeof(double)));
        if (!pass.to)
            return engine_memory_code(call->memory);
        base_pool_run(call->pool, run_pass, &pass, engine_call_parts(count * pass.taps));
        *values = pass.to;
    }
    return 0;
}

static int run_weighted(struct engine_call *call, const struct resize *resize)
{
    const struct stance_tensor *in = &call->in[0], *out = &call->out[0];
    bool single = in->dtype == STANCE_FLOAT32;
    int64_t in_count = stance_tensor_count(in), count = stance_tensor_count(out);
    const void *values = in->data;
    if (!single) {
        void *doubles = engine_call_scratch(call, (size_t)in_count * sizeof(double));
        if (!doubles)
            return engine_memory_code(call->memory);
        engine_load(doubles, ENGINE_DOUBLE, in, 0, 1, in_count);
        values = doubles;
    }
    BASE_TRY(run_passes(call, resize, single, &values));
    if (single) {
        memcpy(out->data, values, (size_t)count * sizeof(float));
        extrapolate(resize, out, true, out->data);
        return 0;
    }
    extrapolate(resize, out, false, (void *)values);
    for (int64_t i = 0; i < count; i++)
        engine_put(out, i, ((const double *)values)[i]);
    return 0;
}

static int run_resize(struct engine_call *call)
{
    struct resize resize;
    if (!engine_wants_output(call, 0))
        return 0;
    BASE_TRY(read_resize(&resize, call));
    if (stance_tensor_count(&call->out[0]) == 0)
        return 0;
    if (resize.rule.mode == ENGINE_RESIZE_NEAREST)
        return run_nearest(call, &resize);
    return run_weighted(call, &resize);
}

const struct engine_op engine_ops_resize[] = {
    {"Resize", run_resize},
    {"Upsample", run_resize},
    {NULL, NULL},
};
