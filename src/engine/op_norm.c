/* Normalisations: with given statistics (BatchNormalization) and with those of the data itself.
 * Means and variances are taken in double; variances are those of the data minus its mean. */
#include <math.h>
#include <string.h>

#include "engine/op_memory.h"
#include "engine/op_view.h"

/* Sum over a run of elements, and over their squared distances from a centre. */
struct moments {
    double sum, squares;
};

static void add_run(struct moments *moments, const struct stance_tensor *in, int64_t offset,
                    int64_t stride, int64_t count, double centre)
{
    union engine_chunk chunk;
    for (int64_t at = 0, n; at < count; at += n) {
        n = count - at < ENGINE_CHUNK ? count - at : ENGINE_CHUNK;
        engine_load(&chunk, ENGINE_DOUBLE, in, offset + at * stride, stride, n);
        for (int64_t i = 0; i < n; i++) {
            double distance = chunk.d[i] - centre;
            moments->sum += chunk.d[i];
            moments->squares += distance * distance;
        }
    }
}

static void mean_and_variance(const struct stance_tensor *in, int64_t offset, int64_t count,
                              double *mean, double *variance)
{
    struct moments first = {0}, second = {0};
    add_run(&first, in, offset, 1, count, 0);
    *mean = first.sum / (double)count;
    add_run(&second, in, offset, 1, count, *mean);
    *variance = second.squares / (double)count;
}

/* out = in · scale + shift over a run. */
static void scale_run(const struct stance_tensor *in, const struct stance_tensor *out,
                      int64_t offset, int64_t count, double scale, double shift)
{
    union engine_chunk chunk;
    for (int64_t at = 0, n; at < count; at += n) {
        n = count - at < ENGINE_CHUNK ? count - at : ENGINE_CHUNK;
        engine_load(&chunk, ENGINE_DOUBLE, in, offset + at, 1, n);
        for (int64_t i = 0; i < n; i++)
            chunk.d[i] = chunk.d[i] * scale + shift;
        engine_store(&chunk, ENGINE_DOUBLE, out, offset + at, n);
    }
}

/* ---- Per channel ----------------------------------------------------------------------------- */

struct channels {
    struct engine_call *call;
    int64_t batch, count, pixels; /* dims 0, 1 and the product of the rest */
    double epsilon;
    int64_t groups;          /* GroupNormalization; InstanceNormalization has one per channel */
    bool per_pixel;          /* BatchNormalization with spatial = 0: statistics of each element */
    double *mean, *variance; /* BatchNormalization in training */
};

static struct channels channels_of(struct engine_call *call)
{
    const struct stance_tensor *in = &call->in[0];
    struct channels channels = {.call = call, .batch = 1, .count = 1, .pixels = 1};
    channels.epsilon = (double)graph_attr_float(call->node, "epsilon", 1e-5f);
    for (int i = 0; i < in->rank; i++)
        *(i == 0 ? &channels.batch : i == 1 ? &channels.count : &channels.pixels) *= in->dims[i];
    return channels;
}

static int64_t channels_total(const struct channels *channels)
{
    return channels->batch * channels->count * channels->pixels;
}

static void batch_share(void *context, int part, int parts, int worker)
{
    const struct channels *channels = context;
    const struct engine_call *call = channels->call;
    int64_t at, end, run = channels->per_pixel ? 1 : channels->pixels;
    int64_t statistics = channels->per_pixel ? channels->count * channels->pixels : channels->count;
    kernel_share(channels->batch * statistics, part, parts, &at, &end);
    for (; at < end; at++) {
        int64_t c = at % statistics;
        double mean = channels->mean ? channels->mean[c] : tensor_float(&call->in[3], c);
        double variance = channels->mean ? channels->variance[c] : tensor_float(&call->in[4], c);
        double scale = tensor_float(&call->in[1], c) / sqrt(variance + channels->epsilon);
        double shift = tensor_float(&call->in[2], c) - mean * scale;
        scale_run(&call->in[0], &call->out[0], at * run, run, scale, shift);
    }
}

static void channel_statistics(struct channels *channels, int64_t c)
{
    const struct stance_tensor *in = &channels->call->in[0];
    struct moments first = {0}, second = {0};
    double number = (double)(channels->batch * channels->pixels);
    for (int64_t n = 0; n < channels->batch; n++)
        add_run(&first, in, (n * channels->count + c) * channels->pixels, 1, channels->pixels, 0);
    channels->mean[c] = first.sum / number;
    for (int64_t n = 0; n < channels->batch; n++)
        add_run(&second, in, (n * channels->count + c) * channels->pixels, 1, channels->pixels,
                channels->mean[c]);
    channels->variance[c] = second.squares / number;
}

/* Statistics of this batch, and the running ones as outputs 1 and 2. */
static int train(struct channels *channels)
{
    struct engine_call *call = channels->call;
    double momentum = (double)graph_attr_float(call->node, "momentum", 0.9f);
    channels->mean = engine_call_scratch(call, 2 * (size_t)channels->count * sizeof(double));
    if (!channels->mean)
        return engine_memory_code(call->memory);
    channels->variance = channels->mean + channels->count;
    for (int64_t c = 0; c < channels->count; c++) {
        channel_statistics(channels, c);
        const double now[2] = {channels->mean[c], channels->variance[c]};
        for (int i = 1; i <= 2 && i < call->output_count; i++)
            if (call->out[i].dtype != STANCE_DTYPE_NONE)
                tensor_set(&call->out[i], c,
                           tensor_float(&call->in[2 + i], c) * momentum +
                               now[i - 1] * (1 - momentum));
    }
    return 0;
}

/* Extra outputs, as of an old export that is not in training: the statistics as they came in. */
static void copy_statistics(struct engine_call *call)
{
    for (int i = 1; i < call->output_count; i++) {
        const struct stance_tensor *out = &call->out[i], *in = &call->in[i % 2 ? 3 : 4];
        size_t bytes = out->dtype == STANCE_DTYPE_NONE ? 0 : tensor_bytes(out);
        if (bytes > 0 && bytes == tensor_bytes(in))
            memcpy(out->data, in->data, bytes);
    }
}

static int run_batch(struct engine_call *call)
{
    struct channels channels = channels_of(call);
    BASE_TRY(engine_need_float(call));
    channels.per_pixel = call->opset < 9 && graph_attr_int(call->node, "spatial", 1) == 0;
    int64_t statistics = channels.per_pixel ? channels.count * channels.pixels : channels.count;
    for (int i = 1; i < 5; i++)
        if (stance_tensor_count(&call->in[i]) != statistics)
            return base_error(STANCE_ESHAPE, "input %d has %lld values instead of %lld", i,
                              (long long)stance_tensor_count(&call->in[i]), (long long)statistics);
    copy_statistics(call);
    if (call->opset >= 14 && graph_attr_int(call->node, "training_mode", 0) != 0)
        BASE_TRY(train(&channels));
    base_pool_run(call->pool, batch_share, &channels, engine_call_parts(channels_total(&channels)));
    return 0;
}

/* One share: groups of one image. Scale and bias belong to channels, or before opset 21 to the
 * groups of a GroupNormalization. */
static void group_share(void *context, int part, int parts, int worker)
{
    const struct channels *channels = context;
    const struct engine_call *call = channels->call;
    int64_t at, end, members = channels->count / channels->groups;
    bool per_channel = stance_tensor_count(&call->in[1]) == channels->count;
    kernel_share(channels->batch * channels->groups, part, parts, &at, &end);
    for (; at < end; at++) {
        double mean, variance;
        int64_t start = at * members * channels->pixels, group = at % channels->groups;
        mean_and_variance(&call->in[0], start, members * channels->pixels, &mean, &variance);
        for (int64_t m = 0; m < members; m++) {
            int64_t c = per_channel ? group * members + m : group;
            double scale = tensor_float(&call->in[1], c) / sqrt(variance + channels->epsilon);
            double shift = tensor_float(&call->in[2], c) - mean * scale;
            scale_run(&call->in[0], &call->out[0], start + m * channels->pixels, channels->pixels,
                      scale, shift);
        }
    }
}

static int run_group(struct engine_call *call)
{
    struct channels channels = channels_of(call);
    BASE_TRY(engine_need_float(call));
    bool instance = strcmp(call->node->type, "InstanceNormalization") == 0;
    channels.groups = instance ? channels.count : graph_attr_int(call->node, "num_groups", 0);
    if (channels_total(&channels) == 0)
        return 0;
    if (channels.groups < 1 || channels.count % channels.groups != 0)
        return base_error(STANCE_ESHAPE, "%lld channels do not divide into %lld groups",
                          (long long)channels.count, (long long)channels.groups);
    for (int i = 1; i < 3; i++) {
        int64_t count = stance_tensor_count(&call->in[i]);
        if (count != channels.count && count != channels.groups)
            return base_error(STANCE_ESHAPE, "input %d has %lld values for %lld channels", i,
                              (long long)count, (long long)channels.count);
    }
    if (stance_tensor_count(&call->in[1]) != stance_tensor_count(&call->in[2]))
        return base_error(STANCE_ESHAPE, "scale and bias differ in size");
    base_pool_run(call->pool, group_share, &channels, engine_call_parts(channels_total(&channels)));
    return 0;
}

/* Over channels i - floor((size - 1) / 2) … i + ceil((size - 1) / 2). */
static void lrn_share(void *context, int part, int parts, int worker)
{
    const struct channels *channels = context;
    const struct engine_call *call = channels->call;
    int64_t size = graph_attr_int(call->node, "size", 1), at, end;
    double alpha = (double)graph_attr_float(call->node, "alpha", 0.0001f) / (double)size;
    double beta = (double)graph_attr_float(call->node, "beta", 0.75f);
    double bias = (double)graph_attr_float(call->node, "bias", 1);
    kernel_share(channels_total(channels), part, parts, &at, &end);
    for (; at < end; at++) {
        int64_t c = at / channels->pixels % channels->count, sum_end = c + size / 2 + 1;
        int64_t first = c - (size - 1) / 2 > 0 ? c - (size - 1) / 2 : 0;
        double squares = 0;
        for (int64_t i = first; i < sum_end && i < channels->count; i++) {
            double x = tensor_float(&call->in[0], at + (i - c) * channels->pixels);
            squares += x * x;
        }
        double x = tensor_float(&call->in[0], at) / pow(bias + alpha * squares, beta);
        tensor_set(&call->out[0], at, x);
    }
}

static int run_lrn(struct engine_call *call)
{
    struct channels channels = channels_of(call);
    int64_t size = graph_attr_int(call->node, "size", 1);
    BASE_TRY(engine_need_float(call));
    BASE_TRY(engine_check_work(channels_total(&channels),
                               size < channels.count ? size : channels.count));
    base_pool_run(call->pool, lrn_share, &channels, engine_call_parts(channels_total(&channels)));
    return 0;
}

const struct engine_op engine_ops_norm[] = {
    {"BatchNormalization", run_batch},
    {"GroupNormalization", run_group},
    {"InstanceNormalization", run_group},
    {"LRN", run_lrn},
    {NULL, NULL},
};
