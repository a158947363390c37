/* The coordinates and weights of a resized axis. */
#include <math.h>
#include <string.h>

#include "engine/resize_axis.h"

/* Index of an attribute's value in a NULL-terminated list. Errors: EARGUMENT. */
static int read_name(const struct graph_node *node, const char *attr, const char *absent,
                     const char *const *names, int *out)
{
    const char *value = graph_attr_string(node, attr, absent);
    for (int i = 0; names[i]; i++)
        if (strcmp(value, names[i]) == 0) {
            *out = i;
            return 0;
        }
    return base_error(STANCE_EARGUMENT, "%s '%.40s' is not known", attr, value);
}

int engine_resize_rule_read(struct engine_resize_rule *rule, const struct graph_node *node,
                            int opset)
{
    static const char *const modes[] = {"nearest", "linear", "cubic", "bilinear", NULL};
    static const char *const transforms[] = {
        "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners",
        "asymmetric", "tf_half_pixel_for_nn", "tf_crop_and_resize", NULL};
    static const char *const roundings[] = {"round_prefer_floor", "round_prefer_ceil", "floor",
                                            "ceil", NULL};
    int mode = 0, transform = ENGINE_ASYMMETRIC, rounding = ENGINE_ROUND_SIMPLE;
    BASE_TRY(read_name(node, "mode", "nearest", modes, &mode));
    if (opset >= 11 && strcmp(node->type, "Upsample") != 0) {
        BASE_TRY(read_name(node, "coordinate_transformation_mode", "half_pixel", transforms,
                           &transform));
        BASE_TRY(read_name(node, "nearest_mode", "round_prefer_floor", roundings, &rounding));
    }
    *rule = (struct engine_resize_rule){
        .mode = mode == 3 ? ENGINE_RESIZE_LINEAR : (enum engine_resize_mode)mode,
        .transform = (enum engine_resize_transform)transform,
        .rounding = (enum engine_resize_rounding)rounding,
        .exclude_outside = graph_attr_int(node, "exclude_outside", 0) != 0,
        .antialias = graph_attr_int(node, "antialias", 0) != 0,
        .cubic_a = graph_attr_float(node, "cubic_coeff_a", -0.75f),
        .extrapolation = graph_attr_float(node, "extrapolation_value", 0),
    };
    return 0;
}

bool engine_resize_is_identity(const struct engine_resize_rule *rule,
                               const struct engine_resize_axis *axis)
{
    return axis->in == axis->out && axis->scale == 1 &&
           rule->transform != ENGINE_TF_CROP_AND_RESIZE &&
           rule->transform != ENGINE_TF_HALF_PIXEL_FOR_NN;
}

/* Position in the input of output `at`, in float as other runtimes compute it. */
static float source_of(const struct engine_resize_rule *rule, const struct engine_resize_axis *axis,
                       int64_t at)
{
    float x = (float)at, in = (float)axis->in, out = (float)axis->out, scale = axis->scale;
    float whole = scale * in; /* the output's extent before it was cut to an integer */
    switch (rule->transform) {
    case ENGINE_HALF_PIXEL_SYMMETRIC: return in / 2 * (1 - out / whole) + (x + 0.5f) / scale - 0.5f;
    case ENGINE_PYTORCH_HALF_PIXEL: return axis->out > 1 ? (x + 0.5f) / scale - 0.5f : 0;
    case ENGINE_ALIGN_CORNERS: return axis->out > 1 ? x * (in - 1) / (whole - 1) : 0;
    case ENGINE_ASYMMETRIC: return x / scale;
    case ENGINE_TF_HALF_PIXEL_FOR_NN: return (x + 0.5f) / scale;
    case ENGINE_TF_CROP_AND_RESIZE:
        if (axis->out <= 1)
            return 0.5f * (axis->roi_begin + axis->roi_end) * (in - 1);
        return axis->roi_begin * (in - 1) +
               x * (axis->roi_end - axis->roi_begin) * (in - 1) / (out - 1);
    default: return (x + 0.5f) / scale - 0.5f;
    }
}

bool engine_resize_is_outside(const struct engine_resize_rule *rule,
                              const struct engine_resize_axis *axis, int64_t at)
{
    if (rule->transform != ENGINE_TF_CROP_AND_RESIZE)
        return false;
    float source = source_of(rule, axis, at);
    return !(source >= 0 && source <= (float)(axis->in - 1));
}

static int64_t clamp(double x, int64_t extent)
{
    return !(x > 0) ? 0 : x > (double)(extent - 1) ? extent - 1 : (int64_t)x;
}

int64_t engine_resize_nearest(const struct engine_resize_rule *rule,
                              const struct engine_resize_axis *axis, int64_t at)
{
    float x = source_of(rule, axis, at);
    switch (rule->rounding) {
    case ENGINE_ROUND_PREFER_FLOOR: return clamp(ceilf(x - 0.5f), axis->in);
    case ENGINE_ROUND_PREFER_CEIL: return clamp(floorf(x + 0.5f), axis->in);
    case ENGINE_ROUND_CEIL: return clamp(ceilf(x), axis->in);
    case ENGINE_ROUND_SIMPLE: return clamp(axis->scale < 1 ? ceilf(x) : floorf(x), axis->in);
    default: return clamp(floorf(x), axis->in);
    }
}

/* The filter is stretched by this when reducing with antialias. */
static float filter_scale(const struct engine_resize_rule *rule,
                          const struct engine_resize_axis *axis)
{
    return rule->antialias && axis->scale < 1 ? axis->scale : 1;
}

int engine_resize_tap_count(const struct engine_resize_rule *rule,
                            const struct engine_resize_axis *axis, int64_t *count)
{
    double support = rule->mode == ENGINE_RESIZE_CUBIC ? 2 : 1;
    double taps = -2 * floor(-support / filter_scale(rule, axis));
    if (!(taps <= (double)(8 * axis->in + 8)))
        return base_error(STANCE_ELIMIT, "a scale of %g", (double)axis->scale);
    *count = (int64_t)taps;
    return 0;
}

static double filter(const struct engine_resize_rule *rule, double distance)
{
    double x = fabs(distance), a = rule->cubic_a;
    if (rule->mode != ENGINE_RESIZE_CUBIC)
        return x < 1 ? 1 - x : 0;
    if (x <= 1) /* Keys, Cubic convolution interpolation, 1981 */
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

void engine_resize_taps(const struct engine_resize_rule *rule,
                        const struct engine_resize_axis *axis, int64_t at, int64_t count,
                        int64_t *index, double *weight)
{
    double x = source_of(rule, axis, at), sum = 0;
    double stretch = filter_scale(rule, axis);
    /* Half of the taps lie left of x, a tap at x itself counts as left. */
    double first = ceil(x) - (double)(count / 2);
    for (int64_t i = 0; i < count; i++) {
        double place = first + (double)i;
        bool outside = place < 0 || place > (double)(axis->in - 1);
        index[i] = clamp(place, axis->in);
        weight[i] = rule->exclude_outside && outside ? 0 : filter(rule, (place - x) * stretch);
        sum += weight[i];
    }
    for (int64_t i = 0; i < count && (rule->antialias || rule->exclude_outside) && sum != 0; i++)
        weight[i] /= sum;
}
