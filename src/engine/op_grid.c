/* GridSample: an image read at given places, in 2 or 3 spatial dims. */
#include <math.h>
#include <string.h>

#include "engine/op_memory.h"
#include "engine/op_view.h"

enum grid_mode { GRID_NEAREST, GRID_LINEAR, GRID_CUBIC };
enum grid_padding { GRID_ZEROS, GRID_BORDER, GRID_REFLECTION };

enum { GRID_AXES = 3, GRID_TAPS = 4 };

struct grid {
    enum grid_mode mode;
    enum grid_padding padding;
    bool align_corners;
    int axes, taps;        /* spatial dims, taps per axis */
    int64_t in[GRID_AXES]; /* spatial dims of the data, the last one is x */
};

/* Where one output reads along one axis; index -1 reads zero. */
struct grid_taps {
    int64_t index[GRID_TAPS];
    double weight[GRID_TAPS];
};

static float clamp(float x, float low, float high)
{
    return x > low ? (x < high ? x : high) : low;
}

/* Mirrors x at the ends of [low, high] until it lies inside. */
static float reflect(float x, float low, float high)
{
    float range = high - low;
    if (range <= 0)
        return low;
    float distance = fmodf(fabsf(x < low ? low - x : x - high), 2 * range);
    if (x >= low && x <= high)
        return x;
    bool from_low = (x < low) == (distance < range);
    float rest = distance < range ? distance : distance - range;
    return from_low ? low + rest : high - rest;
}

static int64_t pad_index(const struct grid *grid, float x, int64_t extent, float low, float high)
{
    if (x >= 0 && (int64_t)x < extent) /* as whole numbers: the last index may not fit a float */
        return (int64_t)x;
    if (grid->padding == GRID_ZEROS)
        return -1;
    x = grid->padding == GRID_REFLECTION ? reflect(x, low, high) : x;
    int64_t index = (int64_t)clamp(x, 0, (float)(extent - 1));
    return index < extent ? index : extent - 1;
}

static double cubic(double distance)
{
    const double a = -0.75;
    double x = fabs(distance);
    if (x <= 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

/* `at`: -1 … 1 over the axis. */
static struct grid_taps find_taps(const struct grid *grid, float at, int64_t extent)
{
    struct grid_taps taps;
    float size = (float)extent, low = grid->align_corners ? 0 : -0.5f,
          high = grid->align_corners ? size - 1 : size - 0.5f;
    float x = grid->align_corners ? (at + 1) / 2 * (size - 1) : ((at + 1) * size - 1) / 2;
    x = isnan(x) ? -1e9f : clamp(x, -1e9f, 1e9f);
    if (grid->mode == GRID_NEAREST)
        x = nearbyintf(x);
    if (grid->mode != GRID_CUBIC && (x < low || x > high)) { /* cubic pads its taps alone */
        if (grid->padding == GRID_BORDER)
            x = clamp(x, 0, size - 1);
        else if (grid->padding == GRID_REFLECTION)
            x = reflect(x, low, high);
    }
    float base = grid->mode == GRID_NEAREST ? x : floorf(x);
    int first = grid->mode == GRID_CUBIC ? -1 : 0;
    for (int i = 0; i < grid->taps; i++) {
        float place = base + (float)(first + i);
        double distance = (double)x - (double)place;
        taps.index[i] = pad_index(grid, place, extent, low, high);
        taps.weight[i] = grid->mode == GRID_NEAREST  ? 1
                         : grid->mode == GRID_LINEAR ? 1 - fabs(distance)
                                                     : cubic(distance);
    }
    return taps;
}

/* One value from a plane; `taps` has one entry per axis, missing axes in front are single. */
static double sample(const struct grid *grid, const struct grid_taps taps[GRID_AXES],
                     const double *plane)
{
    double sum = 0;
    int depth = grid->axes == 3 ? grid->taps : 1;
    for (int d = 0; d < depth; d++)
        for (int h = 0; h < grid->taps; h++) {
            int64_t z = taps[0].index[d], y = taps[1].index[h];
            for (int w = 0; w < grid->taps && z >= 0 && y >= 0; w++)
                if (taps[2].index[w] >= 0)
                    sum += taps[0].weight[d] * taps[1].weight[h] * taps[2].weight[w] *
                           plane[(z * grid->in[1] + y) * grid->in[2] + taps[2].index[w]];
        }
    return sum;
}

/* Reads all channels of one image at all its places. */
static void run_image(const struct grid *grid, struct engine_call *call, int64_t image,
                      const double *planes)
{
    const struct stance_tensor *places = &call->in[1], *out = &call->out[0];
    int64_t count = engine_dims_product(places, 1, places->rank - 1), channels = out->dims[1];
    int64_t plane = grid->in[0] * grid->in[1] * grid->in[2];
    for (int64_t i = 0; i < count; i++) {
        float at[GRID_AXES];
        struct grid_taps taps[GRID_AXES] = {{.index = {0}, .weight = {1}}};
        engine_load(at, ENGINE_FLOAT, places, (image * count + i) * grid->axes, 1, grid->axes);
        for (int a = 0; a < grid->axes; a++) /* x comes first in the grid, last in the data */
            taps[GRID_AXES - 1 - a] = find_taps(grid, at[a], grid->in[GRID_AXES - 1 - a]);
        for (int64_t c = 0; c < channels; c++) {
            double value = plane > 0 ? sample(grid, taps, planes + c * plane) : 0;
            engine_store(&value, ENGINE_DOUBLE, out, (image * channels + c) * count + i, 1);
        }
    }
}

/* Index of an attribute's value among names that come in pairs of old and new. */
static int read_name(const struct engine_call *call, const char *attr, const char *absent,
                     const char *const *names, int *out)
{
    const char *value = graph_attr_string(call->node, attr, absent);
    for (int i = 0; names[i]; i++)
        if (strcmp(value, names[i]) == 0) {
            *out = i / 2;
            return 0;
        }
    return base_error(STANCE_EARGUMENT, "%s '%.40s' is not known", attr, value);
}

static int read_grid(struct grid *grid, struct engine_call *call)
{
    static const char *const modes[] = {"nearest", "nearest", "bilinear", "linear",
                                        "bicubic", "cubic",   NULL};
    static const char *const paddings[] = {"zeros",      "zeros",      "border", "border",
                                           "reflection", "reflection", NULL};
    int mode = 0, padding = 0;
    const struct stance_tensor *in = &call->in[0], *places = &call->in[1];
    BASE_TRY(read_name(call, "mode", "bilinear", modes, &mode));
    BASE_TRY(read_name(call, "padding_mode", "zeros", paddings, &padding));
    *grid = (struct grid){.mode = (enum grid_mode)mode,
                          .padding = (enum grid_padding)padding,
                          .align_corners = graph_attr_int(call->node, "align_corners", 0) != 0,
                          .axes = in->rank - 2,
                          .taps = mode == GRID_NEAREST  ? 1
                                  : mode == GRID_LINEAR ? 2
                                                        : 4};
    if (grid->axes < 2 || grid->axes > GRID_AXES || places->rank != in->rank ||
        places->dims[0] != in->dims[0] || places->dims[places->rank - 1] != grid->axes)
        return base_error(STANCE_ESHAPE, "data of rank %d and grid of rank %d do not fit", in->rank,
                          places->rank);
    if (!engine_is_float(in->dtype) || !engine_is_float(places->dtype))
        return base_error(STANCE_ETYPE, "data and grid must be of a float type");
    grid->in[0] = 1;
    for (int i = 0; i < grid->axes; i++)
        grid->in[GRID_AXES - grid->axes + i] = in->dims[2 + i];
    struct tensor_shape shape = {.rank = in->rank, .dims = {in->dims[0], in->dims[1]}};
    for (int i = 2; i < in->rank; i++)
        shape.dims[i] = places->dims[i - 1];
    return engine_call_output(call, 0, in->dtype, &shape);
}

static int run_grid_sample(struct engine_call *call)
{
    struct grid grid;
    BASE_TRY(engine_need_inputs(call, 2));
    BASE_TRY(read_grid(&grid, call));
    if (!engine_wants_output(call, 0) || stance_tensor_count(&call->out[0]) == 0)
        return 0;
    const struct stance_tensor *in = &call->in[0];
    int64_t count = engine_dims_product(in, 1, in->rank);
    double *planes = engine_call_scratch(call, (size_t)count * sizeof *planes);
    if (!planes)
        return engine_memory_code(call->memory);
    for (int64_t image = 0; image < in->dims[0]; image++) {
        engine_load(planes, ENGINE_DOUBLE, in, image * count, 1, count);
        run_image(&grid, call, image, planes);
    }
    return 0;
}

const struct engine_op engine_ops_grid[] = {
    {"GridSample", run_grid_sample},
    {NULL, NULL},
};
