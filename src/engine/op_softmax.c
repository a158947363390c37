/* Softmax, LogSoftmax, Hardmax and LpNormalization: operators that look along one axis and keep the
 * shape. Before opset 13 the first three saw their data as a matrix cut at the axis. */
#include <math.h>
#include <string.h>

#include "engine/op_chunk.h"
#include "engine/op_memory.h"

struct rows;

/* Turns one row into its result, in place. */
typedef void row_fn(const struct rows *rows, double *x);

struct rows {
    const struct stance_tensor *in, *out;
    row_fn *fn;
    int64_t length, inner, count; /* elements of a row, their distance, number of rows */
    int64_t p;                    /* LpNormalization */
    double *scratch;              /* one row per worker */
    const struct kernel_table *kernels;
};

static double largest(const double *x, int64_t count)
{
    double best = x[0];
    for (int64_t i = 1; i < count; i++)
        best = isnan(best) || best > x[i] ? best : x[i];
    return best;
}

static void softmax_row(const struct rows *rows, double *x)
{
    double shift = largest(x, rows->length), sum = 0;
    bool is_float = rows->in->dtype != STANCE_FLOAT64;
    for (int64_t i = 0; i < rows->length; i++) {
        x[i] = is_float ? (double)expf((float)(x[i] - shift)) : exp(x[i] - shift);
        sum += x[i];
    }
    for (int64_t i = 0; i < rows->length; i++)
        x[i] /= sum;
}

static void log_softmax_row(const struct rows *rows, double *x)
{
    double shift = largest(x, rows->length), sum = 0;
    for (int64_t i = 0; i < rows->length; i++)
        sum += exp(x[i] - shift);
    shift += log(sum);
    for (int64_t i = 0; i < rows->length; i++)
        x[i] -= shift;
}

static void hardmax_row(const struct rows *rows, double *x)
{
    int64_t winner = 0;
    for (int64_t i = 1; i < rows->length; i++)
        if (x[i] > x[winner])
            winner = i;
    for (int64_t i = 0; i < rows->length; i++)
        x[i] = i == winner;
}

static void lp_row(const struct rows *rows, double *x)
{
    double norm = 0;
    for (int64_t i = 0; i < rows->length; i++)
        norm += rows->p == 1 ? fabs(x[i]) : x[i] * x[i];
    norm = rows->p == 1 ? norm : sqrt(norm);
    for (int64_t i = 0; i < rows->length && norm != 0; i++)
        x[i] /= norm;
}

static void store_row(const struct rows *rows, const double *x, int64_t start)
{
    if (rows->inner == 1) {
        engine_store(x, ENGINE_DOUBLE, rows->out, start, rows->length);
        return;
    }
    float *plain = rows->out->dtype == STANCE_FLOAT32 ? rows->out->data : NULL;
    for (int64_t i = 0; i < rows->length; i++) {
        if (plain)
            plain[start + i * rows->inner] = (float)x[i];
        else
            engine_store(x + i, ENGINE_DOUBLE, rows->out, start + i * rows->inner, 1);
    }
}

static void run_share(void *context, int part, int parts, int worker)
{
    const struct rows *rows = context;
    double *x = rows->scratch + (int64_t)worker * rows->length;
    int64_t row, end;
    kernel_share(rows->count, part, parts, &row, &end);
    for (; row < end; row++) {
        int64_t outer = row / rows->inner;
        int64_t start = outer * rows->inner * rows->length + row % rows->inner;
        engine_load(x, ENGINE_DOUBLE, rows->in, start, rows->inner, rows->length);
        rows->fn(rows, x);
        store_row(rows, x, start);
    }
}

static void run_kernel_share(void *context, int part, int parts, int worker)
{
    const struct rows *rows = context;
    rows->kernels->softmax(rows->in->data, rows->out->data, rows->count, rows->length, part, parts);
}

static int run_rows(struct engine_call *call, struct rows *rows)
{
    int64_t total = rows->count * rows->length;
    if (total == 0)
        return 0;
    if (rows->fn == softmax_row && rows->in->dtype == STANCE_FLOAT32 && rows->inner == 1) {
        base_pool_run(call->pool, run_kernel_share, rows, engine_call_parts(total));
        return 0;
    }
    size_t workers = (size_t)base_pool_threads(call->pool);
    rows->scratch = engine_call_scratch(call, workers * (size_t)rows->length * sizeof(double));
    if (!rows->scratch)
        return engine_memory_code(call->memory);
    base_pool_run(call->pool, run_share, rows, engine_call_parts(total));
    return 0;
}

/* Cuts the shape at the axis; `flatten`: all that follows belongs to the row. */
static int rows_make(struct rows *rows, struct engine_call *call, int64_t axis, bool flatten)
{
    const struct stance_tensor *in = &call->in[0];
    int index = in->rank;
    *rows = (struct rows){.in = in, .out = &call->out[0], .kernels = call->kernels};
    rows->length = rows->inner = rows->count = 1;
    BASE_TRY(engine_need_float(call));
    if (in->rank > 0 && !(flatten && axis == in->rank))
        BASE_TRY(engine_axis(axis, in->rank, &index));
    for (int i = 0; i < in->rank; i++) {
        if (i == index || (flatten && i > index))
            rows->length *= in->dims[i];
        else
            rows->count *= in->dims[i];
        if (i > index && !flatten)
            rows->inner *= in->dims[i];
    }
    return 0;
}

static int run_softmax(struct engine_call *call)
{
    bool flatten = call->opset < 13;
    struct rows rows;
    BASE_TRY(rows_make(&rows, call, graph_attr_int(call->node, "axis", flatten ? 1 : -1), flatten));
    rows.fn = strcmp(call->node->type, "Softmax") == 0      ? softmax_row
              : strcmp(call->node->type, "LogSoftmax") == 0 ? log_softmax_row
                                                            : hardmax_row;
    return run_rows(call, &rows);
}

static int run_lp_normalization(struct engine_call *call)
{
    struct rows rows;
    BASE_TRY(rows_make(&rows, call, graph_attr_int(call->node, "axis", -1), false));
    rows.fn = lp_row;
    rows.p = graph_attr_int(call->node, "p", 2);
    if (rows.p != 1 && rows.p != 2)
        return base_error(STANCE_EARGUMENT, "p is %lld: 1 and 2 have a meaning", (long long)rows.p);
    return run_rows(call, &rows);
}

const struct engine_op engine_ops_softmax[] = {
    {"Hardmax", run_softmax},
    {"LogSoftmax", run_softmax},
    {"LpNormalization", run_lp_normalization},
    {"Softmax", run_softmax},
    {NULL, NULL},
};
