/* Elementwise operators that are neither a formula of one element nor one type's arithmetic:
 * casts, Clip, PRelu, Pow with its mixed types, Where. */
#include <math.h>
#include <string.h>

#include "engine/op_binary.h"

/* ---- Casts ----------------------------------------------------------------------------------- */

static int copy_input(struct engine_call *call)
{
    size_t bytes = tensor_bytes(&call->out[0]);
    if (bytes > 0)
        memcpy(call->out[0].data, call->in[0].data, bytes);
    return 0;
}

struct cast {
    const struct stance_tensor *in, *out;
    int64_t count;
    double low, high; /* of an integer output type */
};

static void to_float(union engine_chunk *chunk, enum engine_domain from, enum engine_domain to,
                     int64_t count)
{
    union engine_chunk source = *chunk;
    for (int64_t i = 0; i < count; i++) {
        if (to == ENGINE_FLOAT)
            chunk->f[i] = from == ENGINE_DOUBLE ? (float)source.d[i]
                          : from == ENGINE_INT  ? (float)source.i[i]
                          : from == ENGINE_UINT ? (float)source.u[i]
                                                : source.f[i];
        else
            chunk->d[i] = from == ENGINE_FLOAT  ? (double)source.f[i]
                          : from == ENGINE_INT  ? (double)source.i[i]
                          : from == ENGINE_UINT ? (double)source.u[i]
                                                : source.d[i];
    }
}

/* Truncates towards zero; what lies outside the type becomes its nearest value, NaN becomes 0. */
static void to_int(const struct cast *cast, union engine_chunk *chunk, enum engine_domain from,
                   int64_t count)
{
    union engine_chunk source = *chunk;
    for (int64_t i = 0; i < count; i++) {
        double x = from == ENGINE_FLOAT ? (double)source.f[i] : source.d[i];
        if (cast->out->dtype == STANCE_BOOL)
            chunk->i[i] = x != 0;
        else if (isnan(x))
            chunk->i[i] = 0;
        else if (x <= cast->low)
            chunk->i[i] = (int64_t)cast->low;
        else if (cast->out->dtype == STANCE_UINT64)
            chunk->u[i] = x >= 0x1p64 ? UINT64_MAX : (uint64_t)x;
        else if (cast->out->dtype == STANCE_INT64)
            chunk->i[i] = x >= 0x1p63 ? INT64_MAX : (int64_t)x;
        else
            chunk->i[i] = (int64_t)(x < cast->high ? x : cast->high);
    }
}

static void run_cast_share(void *context, int part, int parts, int worker)
{
    const struct cast *cast = context;
    enum engine_domain from = engine_domain_of(cast->in->dtype);
    enum engine_domain to = engine_domain_of(cast->out->dtype);
    int64_t at, end;
    kernel_share(cast->count, part, parts, &at, &end);
    if (cast->in->dtype == STANCE_FLOAT16 && cast->out->dtype == STANCE_FLOAT32) {
        /* Stored weights: millions of them are cast when a model is opened. */
        tensor_halves_to_floats((float *)cast->out->data + at,
                                (const uint16_t *)cast->in->data + at, end - at);
        return;
    }
    for (; at < end; at += ENGINE_CHUNK) {
        int64_t count = end - at < ENGINE_CHUNK ? end - at : ENGINE_CHUNK;
        union engine_chunk chunk;
        engine_load(&chunk, from, cast->in, at, 1, count);
        if (to <= ENGINE_DOUBLE)
            to_float(&chunk, from, to, count);
        else if (from <= ENGINE_DOUBLE)
            to_int(cast, &chunk, from, count);
        engine_store(&chunk, to, cast->out, at, count);
    }
}

static int run_cast(struct engine_call *call)
{
    struct cast cast = {.in = &call->in[0], .out = &call->out[0]};
    if (cast.in->dtype == cast.out->dtype)
        return copy_input(call);
    cast.count = stance_tensor_count(cast.out);
    engine_int_range(cast.out->dtype, &cast.low, &cast.high);
    base_pool_run(call->pool, run_cast_share, &cast, engine_call_parts(cast.count));
    return 0;
}

/* ---- Clip ------------------------------------------------------------------------------------ */

struct clip {
    struct engine_call *call;
    int64_t count;
    bool has_low, has_high;
    union {
        float f;
        double d;
        int64_t i;
        uint64_t u;
    } low, high;
};

#define CLIP(values, member)                                                                       \
    for (int64_t i = 0; i < count; i++) {                                                          \
        if (clip->has_low && values[i] < clip->low.member)                                         \
            values[i] = clip->low.member;                                                          \
        if (clip->has_high && values[i] > clip->high.member)                                       \
            values[i] = clip->high.member;                                                         \
    }

static void run_clip_share(void *context, int part, int parts, int worker)
{
    const struct clip *clip = context;
    const struct stance_tensor *in = &clip->call->in[0];
    enum engine_domain domain = engine_domain_of(in->dtype);
    int64_t at, end;
    kernel_share(clip->count, part, parts, &at, &end);
    for (; at < end; at += ENGINE_CHUNK) {
        int64_t count = end - at < ENGINE_CHUNK ? end - at : ENGINE_CHUNK;
        union engine_chunk chunk;
        engine_load(&chunk, domain, in, at, 1, count);
        if (domain == ENGINE_FLOAT)
            CLIP(chunk.f, f)
        else if (domain == ENGINE_DOUBLE)
            CLIP(chunk.d, d)
        else if (domain == ENGINE_INT)
            CLIP(chunk.i, i)
        else
            CLIP(chunk.u, u)
        engine_store(&chunk, domain, &clip->call->out[0], at, count);
    }
}

/* A bound comes as input, or before opset 11 as attribute. */
static bool read_bound(void *bound, struct engine_call *call, int input, const char *name)
{
    enum engine_domain domain = engine_domain_of(call->in[0].dtype);
    const struct graph_attr *attr = graph_attr_find(call->node, name);
    float value = attr ? attr->f : 0;
    struct stance_tensor given = {.dtype = STANCE_FLOAT32, .data = &value};
    if (input < call->input_count && call->in[input].dtype != STANCE_DTYPE_NONE)
        given = call->in[input];
    else if (!attr)
        return false;
    engine_load(bound, domain, &given, 0, 1, 1);
    return true;
}

static int run_clip(struct engine_call *call)
{
    struct clip clip = {.call = call, .count = stance_tensor_count(&call->in[0])};
    clip.has_low = read_bound(&clip.low, call, 1, "min");
    clip.has_high = read_bound(&clip.high, call, 2, "max");
    base_pool_run(call->pool, run_clip_share, &clip, engine_call_parts(clip.count));
    return 0;
}

/* ---- PRelu and Pow --------------------------------------------------------------------------- */

ENGINE_BINARY(prelu_f, float, float, float, a < 0 ? a * b : a)
ENGINE_BINARY(prelu_d, double, double, double, a < 0 ? a * b : a)
ENGINE_BINARY(prelu_i, int64_t, int64_t, int64_t, a < 0 ? (int64_t)((uint64_t)a * (uint64_t)b) : a)

static int run_prelu(struct engine_call *call)
{
    static engine_binary_fn *const fns[ENGINE_DOMAINS] = {prelu_f, prelu_d, prelu_i, NULL};
    enum engine_domain domain = engine_domain_of(call->in[0].dtype);
    if (domain == ENGINE_UINT)
        return copy_input(call);
    struct engine_binary loop = {fns[domain], domain, domain, domain, false};
    return engine_binary_run(call, &loop, &call->in[0], &call->in[1], &call->out[0]);
}

/* By squaring, wrapping like products do; a negative exponent leaves only ±1 different from 0. */
static uint64_t power(uint64_t base, int64_t exponent)
{
    uint64_t result = 1, minus_one = UINT64_MAX;
    if (exponent < 0)
        return base == 1 ? 1 : base != minus_one ? 0 : exponent % 2 ? minus_one : 1;
    for (; exponent > 0; exponent >>= 1, base *= base)
        if (exponent & 1)
            result *= base;
    return result;
}

static int64_t power_float(double base, double exponent)
{
    double x = pow(base, exponent);
    return isnan(x) ? 0 : x >= 0x1p63 ? INT64_MAX : x <= -0x1p63 ? INT64_MIN : (int64_t)x;
}

ENGINE_BINARY(pow_ff, float, float, float, b == 2 ? a * a : b == 0.5f ? sqrtf(a) : powf(a, b))
ENGINE_BINARY(pow_fd, float, double, float, b == 2 ? (double)(a * a) : pow(a, b))
ENGINE_BINARY(pow_dd, double, double, double, b == 2 ? a * a : pow(a, b))
ENGINE_BINARY(pow_ii, int64_t, int64_t, int64_t, (int64_t)power((uint64_t)a, b))
ENGINE_BINARY(pow_id, int64_t, double, int64_t, power_float((double)a, b))
ENGINE_BINARY(pow_ud, uint64_t, double, int64_t, power_float((double)a, b))

static int run_pow(struct engine_call *call)
{
    const struct stance_tensor *base = &call->in[0], *exponent = &call->in[1];
    enum engine_domain left = engine_domain_of(base->dtype);
    enum engine_domain right = engine_domain_of(exponent->dtype);
    struct engine_binary loop = {pow_dd, left, ENGINE_DOUBLE, left, false};
    if (left == ENGINE_FLOAT) {
        loop.fn = right == ENGINE_FLOAT ? pow_ff : pow_fd;
        loop.right = right == ENGINE_FLOAT ? ENGINE_FLOAT : ENGINE_DOUBLE;
    } else if (left >= ENGINE_INT && right >= ENGINE_INT) {
        loop.fn = pow_ii;
        loop.right = ENGINE_INT;
    } else if (left >= ENGINE_INT) {
        loop.fn = left == ENGINE_INT ? pow_id : pow_ud;
        loop.out = ENGINE_INT;
    }
    return engine_binary_run(call, &loop, base, exponent, &call->out[0]);
}

/* ---- Where ----------------------------------------------------------------------------------- */

struct where {
    struct engine_broadcast plan;
    const struct stance_tensor *in;
    char *out;
    size_t size;
};

static void run_where_share(void *context, int part, int parts, int worker)
{
    const struct where *where = context;
    const uint8_t *condition = where->in[0].data;
    const char *yes = where->in[1].data, *no = where->in[2].data;
    int64_t at, end, offsets[ENGINE_OPERANDS], steps[ENGINE_OPERANDS];
    size_t size = where->size;
    for (int k = 0; k < ENGINE_OPERANDS; k++)
        steps[k] = where->plan.strides[k][where->plan.rank - 1];
    kernel_share(where->plan.count, part, parts, &at, &end);
    while (at < end) {
        int64_t count = engine_broadcast_at(&where->plan, at, offsets);
        count = count < end - at ? count : end - at;
        for (int64_t i = 0; i < count; i++) {
            bool chosen = condition[offsets[0] + i * steps[0]] != 0;
            const char *from = chosen ? yes : no;
            int64_t offset = offsets[chosen ? 1 : 2] + i * steps[chosen ? 1 : 2];
            memcpy(where->out + (size_t)(at + i) * size, from + (size_t)offset * size, size);
        }
        at += count;
    }
}

static int run_where(struct engine_call *call)
{
    const struct stance_tensor *in[3] = {&call->in[0], &call->in[1], &call->in[2]};
    struct where where = {.in = call->in, .out = call->out[0].data};
    where.size = stance_dtype_size(call->out[0].dtype);
    BASE_TRY(engine_broadcast_plan(&where.plan, &call->out[0], in, 3));
    base_pool_run(call->pool, run_where_share, &where, engine_call_parts(where.plan.count));
    return 0;
}

const struct engine_op engine_ops_elementwise[] = {
    {"Cast", run_cast}, {"CastLike", run_cast}, {"Clip", run_clip}, {"PRelu", run_prelu},
    {"Pow", run_pow},   {"Where", run_where},   {NULL, NULL},
};
