/* LayerNormalization and MeanVarianceNormalization: statistics over chosen axes. */
#include <math.h>
#include <string.h>

#include "engine/op_broadcast.h"
#include "engine/op_chunk.h"
#include "engine/op_memory.h"

struct layer {
    struct engine_call *call;
    int64_t rows, columns;
    double epsilon;
    struct engine_broadcast plan; /* of scale and bias over the output */
    int affine;                   /* how many of them there are */
    double *scratch;              /* one row per worker */
};

static bool given(const struct engine_call *call, int i)
{
    return i < call->input_count && call->in[i].dtype != STANCE_DTYPE_NONE;
}

static void moments(const double *x, int64_t count, double *mean, double *variance)
{
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < count; i++)
        sum += x[i];
    *mean = sum / (double)count;
    for (int64_t i = 0; i < count; i++)
        squares += (x[i] - *mean) * (x[i] - *mean);
    *variance = squares / (double)count;
}

/* x = x · scale + bias for one row. */
static void apply_affine(const struct layer *layer, int64_t row, double *x)
{
    const struct engine_broadcast *plan = &layer->plan;
    const struct stance_tensor *in = layer->call->in;
    union engine_chunk scale, bias;
    for (int64_t at = 0, count; at < layer->columns; at += count) {
        int64_t offsets[ENGINE_OPERANDS], left = layer->columns - at;
        count = engine_broadcast_at(plan, row * layer->columns + at, offsets);
        count = count < left ? count : left;
        count = count < ENGINE_CHUNK ? count : ENGINE_CHUNK;
        memset(&bias, 0, sizeof bias);
        engine_load(&scale, ENGINE_DOUBLE, &in[1], offsets[0], plan->strides[0][plan->rank - 1],
                    count);
        if (layer->affine > 1)
            engine_load(&bias, ENGINE_DOUBLE, &in[2], offsets[1], plan->strides[1][plan->rank - 1],
                        count);
        for (int64_t i = 0; i < count; i++)
            x[at + i] = x[at + i] * scale.d[i] + bias.d[i];
    }
}

static void layer_share(void *context, int part, int parts, int worker)
{
    const struct layer *layer = context;
    const struct engine_call *call = layer->call;
    double *x = layer->scratch + (int64_t)worker * layer->columns;
    int64_t row, end;
    kernel_share(layer->rows, part, parts, &row, &end);
    for (; row < end; row++) {
        double mean, variance;
        engine_load(x, ENGINE_DOUBLE, &call->in[0], row * layer->columns, 1, layer->columns);
        moments(x, layer->columns, &mean, &variance);
        double inverse = 1 / sqrt(variance + layer->epsilon);
        for (int64_t i = 0; i < layer->columns; i++)
            x[i] = (x[i] - mean) * inverse;
        apply_affine(layer, row, x);
        engine_store(x, ENGINE_DOUBLE, &call->out[0], row * layer->columns, layer->columns);
        if (call->output_count > 1 && call->out[1].dtype != STANCE_DTYPE_NONE)
            tensor_set(&call->out[1], row, mean);
        if (call->output_count > 2 && call->out[2].dtype != STANCE_DTYPE_NONE)
            tensor_set(&call->out[2], row, inverse);
    }
}

static int run_layer(struct engine_call *call)
{
    const struct stance_tensor *in = &call->in[0], *affine[2] = {&call->in[1], &call->in[2]};
    struct layer layer = {.call = call, .rows = 1, .columns = 1};
    int axis = 0;
    BASE_TRY(engine_need_float(call));
    layer.epsilon = (double)graph_attr_float(call->node, "epsilon", 1e-5f);
    layer.affine = given(call, 2) ? 2 : 1;
    if (in->rank > 0)
        BASE_TRY(engine_axis(graph_attr_int(call->node, "axis", -1), in->rank, &axis));
    for (int i = 0; i < in->rank; i++)
        *(i < axis ? &layer.rows : &layer.columns) *= in->dims[i];
    BASE_TRY(engine_broadcast_plan(&layer.plan, &call->out[0], affine, layer.affine));
    if (layer.rows * layer.columns == 0)
        return 0;
    size_t workers = (size_t)base_pool_threads(call->pool);
    layer.scratch = engine_call_scratch(call, workers * (size_t)layer.columns * sizeof(double));
    if (!layer.scratch)
        return engine_memory_code(call->memory);
    base_pool_run(call->pool, layer_share, &layer, engine_call_parts(layer.rows * layer.columns));
    return 0;
}

/* Index of the statistics that element `at` belongs to: its coordinates on the other axes. */
static int64_t statistics_of(const struct stance_tensor *in, unsigned mask, int64_t at)
{
    int64_t index = 0, scale = 1;
    for (int i = in->rank - 1; i >= 0; i--) {
        if (!(mask >> i & 1)) {
            index += at % in->dims[i] * scale;
            scale *= in->dims[i];
        }
        at /= in->dims[i];
    }
    return index;
}

static int run_mean_variance(struct engine_call *call)
{
    static const int64_t usual[] = {0, 2, 3};
    const struct stance_tensor *in = &call->in[0];
    int count, axis;
    const int64_t *axes = graph_attr_ints(call->node, "axes", &count);
    unsigned mask = 0;
    int64_t statistics = 1, members = 1, total = stance_tensor_count(in);
    BASE_TRY(engine_need_float(call));
    for (int i = 0; i < (axes ? count : 3); i++) {
        BASE_TRY(engine_axis(axes ? axes[i] : usual[i], in->rank, &axis));
        mask |= 1u << axis;
    }
    for (int i = 0; i < in->rank; i++)
        *(mask >> i & 1 ? &members : &statistics) *= in->dims[i];
    if (total == 0)
        return 0;
    size_t bytes = 2 * (size_t)statistics * sizeof(double);
    double *mean = engine_call_scratch(call, bytes);
    if (!mean)
        return engine_memory_code(call->memory);
    double *variance = mean + statistics;
    memset(mean, 0, bytes);
    for (int64_t i = 0; i < total; i++)
        mean[statistics_of(in, mask, i)] += tensor_float(in, i) / (double)members;
    for (int64_t i = 0; i < total; i++) {
        int64_t s = statistics_of(in, mask, i);
        double distance = tensor_float(in, i) - mean[s];
        variance[s] += distance * distance / (double)members;
    }
    /* 1e-9: as in the operator's own function body (ONNX, MeanVarianceNormalization). */
    for (int64_t i = 0; i < total; i++) {
        int64_t s = statistics_of(in, mask, i);
        tensor_set(&call->out[0], i, (tensor_float(in, i) - mean[s]) / (sqrt(variance[s]) + 1e-9));
    }
    return 0;
}

const struct engine_op engine_ops_layer_norm[] = {
    {"LayerNormalization", run_layer},
    {"MeanVarianceNormalization", run_mean_variance},
    {NULL, NULL},
};
