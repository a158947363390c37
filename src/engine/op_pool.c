/* Pooling on plain data: MaxPool, AveragePool, LpPool and their global forms.
 *
 * Plane by plane in double, which holds every element type these operators take exactly. */
#include <math.h>
#include <string.h>

#include "engine/op_memory.h"
#include "engine/op_view.h"

enum pool_kind { POOL_MAX, POOL_AVERAGE, POOL_LP };

struct pool {
    enum pool_kind kind;
    struct graph_window window; /* three spatial dims */
    int64_t in[3], planes;
    bool count_include_pad, column_major;
    double p;
    const struct stance_tensor *x, *y, *indices; /* indices NULL: not wanted */
    double *scratch;                             /* per worker: a plane in, a plane out */
};

static int64_t pixels(const int64_t dims[3])
{
    return dims[0] * dims[1] * dims[2];
}

/* The taps of a window along one axis that lie inside the data: position start + k * dilation for
 * k = 0 … count-1; `padded` counts those inside data and padding. */
struct span {
    int64_t start, count, padded;
};

/* How many k from 0 to kernel-1 have start + k * dilation < limit. */
static int64_t taps_below(int64_t start, int64_t dilation, int64_t kernel, int64_t limit)
{
    int64_t count = start < limit ? (limit - start - 1) / dilation + 1 : 0;
    return count < kernel ? count : kernel;
}

static struct span span_of(const struct pool *pool, int axis, int64_t out)
{
    const struct graph_window *w = &pool->window;
    int64_t start = out * w->stride[axis] - w->pad_begin[axis], dilation = w->dilation[axis];
    int64_t before = taps_below(start, dilation, w->kernel[axis], 0);
    int64_t below = taps_below(start, dilation, w->kernel[axis], pool->in[axis]);
    return (struct span){
        .start = start + before * dilation,
        .count = below - before,
        .padded = taps_below(start, dilation, w->kernel[axis], pool->in[axis] + w->pad_end[axis])};
}

/* A sum, or the maximum and where it is. */
struct window_sum {
    double value;
    int64_t at; /* of the maximum in the plane; -1: the window is all padding */
};

static void take(const struct pool *pool, struct window_sum *sum, double value, int64_t at)
{
    if (pool->kind == POOL_MAX) {
        if (sum->at < 0 || value > sum->value) {
            sum->value = value;
            sum->at = at;
        }
    } else if (pool->kind == POOL_AVERAGE) {
        sum->value += value;
    } else {
        sum->value += pool->p == 2   ? value * value
                      : pool->p == 1 ? fabs(value)
                                     : pow(fabs(value), pool->p);
    }
}

static struct window_sum sum_window(const struct pool *pool, const double *plane,
                                    const struct span spans[3])
{
    const int64_t *dilation = pool->window.dilation;
    struct window_sum sum = {.at = -1, .value = pool->kind == POOL_MAX ? -INFINITY : 0};
    for (int64_t d = 0; d < spans[0].count; d++)
        for (int64_t h = 0; h < spans[1].count; h++) {
            int64_t z = spans[0].start + d * dilation[0], y = spans[1].start + h * dilation[1];
            int64_t at = (z * pool->in[1] + y) * pool->in[2] + spans[2].start;
            for (int64_t w = 0; w < spans[2].count; w++, at += dilation[2])
                take(pool, &sum, plane[at], at);
        }
    return sum;
}

static double finish(const struct pool *pool, double value, const struct span spans[3])
{
    int64_t count = pool->count_include_pad ? spans[0].padded * spans[1].padded * spans[2].padded
                                            : spans[0].count * spans[1].count * spans[2].count;
    switch (pool->kind) {
    case POOL_AVERAGE: return value / (double)(count > 0 ? count : 1);
    case POOL_LP:
        return pool->p == 2 ? sqrt(value) : pool->p == 1 ? value : pow(value, 1 / pool->p);
    default: return value;
    }
}

static int64_t index_of(const struct pool *pool, int64_t plane, int64_t at)
{
    const int64_t *in = pool->in;
    int64_t x = at % in[2], y = at / in[2] % in[1], z = at / in[2] / in[1];
    if (at < 0)
        return plane * pixels(in);
    return plane * pixels(in) + (pool->column_major ? z + in[0] * (y + in[1] * x) : at);
}

static void run_plane(const struct pool *pool, int64_t plane, double *x, double *y)
{
    const int64_t *out = pool->window.out;
    int64_t in_count = pixels(pool->in), out_count = pixels(out), i = 0;
    engine_load(x, ENGINE_DOUBLE, pool->x, plane * in_count, 1, in_count);
    struct span spans[3];
    for (int64_t d = 0; d < out[0]; d++) {
        spans[0] = span_of(pool, 0, d);
        for (int64_t h = 0; h < out[1]; h++) {
            spans[1] = span_of(pool, 1, h);
            for (int64_t w = 0; w < out[2]; w++, i++) {
                spans[2] = span_of(pool, 2, w);
                struct window_sum sum = sum_window(pool, x, spans);
                y[i] = finish(pool, sum.value, spans);
                if (pool->indices)
                    ((int64_t *)pool->indices->data)[plane * out_count + i] =
                        index_of(pool, plane, sum.at);
            }
        }
    }
    if (engine_is_float(pool->y->dtype))
        engine_store(y, ENGINE_DOUBLE, pool->y, plane * out_count, out_count);
    else
        for (i = 0; i < out_count; i++)
            engine_put(pool->y, plane * out_count + i, y[i]);
}

static void run_part(void *context, int part, int parts, int worker)
{
    const struct pool *pool = context;
    int64_t first, end, in_count = pixels(pool->in), each = in_count + pixels(pool->window.out);
    double *scratch = pool->scratch + (int64_t)worker * each;
    kernel_share(pool->planes, part, parts, &first, &end);
    for (int64_t plane = first; plane < end; plane++)
        run_plane(pool, plane, scratch, scratch + in_count);
}

static int run_planes(struct engine_call *call, struct pool *pool)
{
    bool indices = engine_wants_output(call, 1);
    if (!engine_wants_output(call, 0) && !indices)
        return 0;
    if (!engine_wants_output(call, 0))
        return base_error(STANCE_EUNSUPPORTED, "indices without values");
    pool->y = &call->out[0];
    pool->indices = indices ? &call->out[1] : NULL;
    pool->planes = pool->x->dims[0] * pool->x->dims[1];
    int64_t count = stance_tensor_count(pool->y), steps = 1;
    if (count == 0)
        return 0;
    for (int i = 0; i < 3; i++) {
        int64_t taps = pool->in[i] / pool->window.dilation[i] + 1;
        steps *= taps < pool->window.kernel[i] ? taps : pool->window.kernel[i];
    }
    BASE_TRY(engine_check_work(count, steps));
    size_t each = (size_t)(pixels(pool->in) + pixels(pool->window.out));
    pool->scratch =
        engine_call_scratch(call, (size_t)base_pool_threads(call->pool) * each * sizeof(double));
    if (!pool->scratch)
        return engine_memory_code(call->memory);
    int parts = engine_call_parts(count * 8);
    base_pool_run(call->pool, run_part, pool, parts > pool->planes ? (int)pool->planes : parts);
    return 0;
}

static int run(struct engine_call *call, struct pool *pool)
{
    BASE_TRY(engine_need_inputs(call, 1));
    pool->x = &call->in[0];
    struct tensor_shape shape = tensor_shape_of(pool->x);
    BASE_TRY(graph_window_read(&pool->window, call->node, &shape, NULL, false));
    for (int i = 0; i < pool->window.spatial; i++) {
        pool->in[i] = shape.dims[2 + i];
        shape.dims[2 + i] = pool->window.out[i];
    }
    engine_window_widen(&pool->window, pool->in);
    BASE_TRY(engine_call_output(call, 0, pool->x->dtype, &shape));
    BASE_TRY(engine_call_output(call, 1, STANCE_INT64, &shape));
    return run_planes(call, pool);
}

/* One window over all spatial dims of any number. */
static int run_global(struct engine_call *call, struct pool *pool)
{
    BASE_TRY(engine_need_inputs(call, 1));
    pool->x = &call->in[0];
    struct tensor_shape shape = tensor_shape_of(pool->x);
    if (shape.rank < 2)
        return base_error(STANCE_ESHAPE, "batch and channels are needed, not rank %d", shape.rank);
    int64_t count = engine_dims_product(pool->x, 2, shape.rank);
    pool->window = (struct graph_window){.spatial = 3,
                                         .kernel = {1, 1, count},
                                         .stride = {1, 1, 1},
                                         .dilation = {1, 1, 1},
                                         .out = {1, 1, 1}};
    pool->in[0] = pool->in[1] = 1;
    pool->in[2] = count;
    for (int i = 2; i < shape.rank; i++)
        shape.dims[i] = 1;
    BASE_TRY(engine_call_output(call, 0, pool->x->dtype, &shape));
    return run_planes(call, pool);
}

static int read_p(const struct engine_call *call, struct pool *pool)
{
    const struct graph_attr *p = graph_attr_find(call->node, "p");
    pool->p = !p ? 2 : p->kind == GRAPH_ATTR_FLOAT ? p->f : (double)p->i;
    if (!(pool->p > 0))
        return base_error(STANCE_EARGUMENT, "p is %g", pool->p);
    return 0;
}

static int run_max_pool(struct engine_call *call)
{
    struct pool pool = {.kind = POOL_MAX,
                        .column_major = graph_attr_int(call->node, "storage_order", 0) != 0};
    return run(call, &pool);
}

static int run_average_pool(struct engine_call *call)
{
    struct pool pool = {.kind = POOL_AVERAGE,
                        .count_include_pad =
                            graph_attr_int(call->node, "count_include_pad", 0) != 0};
    return run(call, &pool);
}

static int run_lp_pool(struct engine_call *call)
{
    struct pool pool = {.kind = POOL_LP};
    BASE_TRY(read_p(call, &pool));
    return run(call, &pool);
}

static int run_global_max_pool(struct engine_call *call)
{
    struct pool pool = {.kind = POOL_MAX};
    return run_global(call, &pool);
}

static int run_global_average_pool(struct engine_call *call)
{
    struct pool pool = {.kind = POOL_AVERAGE};
    return run_global(call, &pool);
}

static int run_global_lp_pool(struct engine_call *call)
{
    struct pool pool = {.kind = POOL_LP};
    BASE_TRY(read_p(call, &pool));
    return run_global(call, &pool);
}

const struct engine_op engine_ops_pool[] = {
    {"MaxPool", run_max_pool},
    {"AveragePool", run_average_pool},
    {"LpPool", run_lp_pool},
    {"GlobalMaxPool", run_global_max_pool},
    {"GlobalAveragePool", run_global_average_pool},
    {"GlobalLpPool", run_global_lp_pool},
    {NULL, NULL},
};
