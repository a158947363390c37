/* QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear: one scale, one per slice of an axis, or
 * one per block along it. */
#include <math.h>

#include "engine/op_quantize.h"

struct scales {
    struct engine_call *call;
    const struct stance_tensor *scale, *zero; /* zero NULL without */
    int64_t total, inner, length;             /* elements; behind the axis; of the axis */
    int64_t block;                            /* elements of the axis that share a scale, or 0 */
};

int64_t engine_quantize(float x, int64_t zero, double low, double high)
{
    double value = (double)rintf(x) + (double)zero;
    return !(value > low) ? (int64_t)low : value >= high ? (int64_t)high : (int64_t)value;
}

int64_t engine_zero_point(const struct engine_call *call, int input, int64_t index)
{
    if (input >= call->input_count || call->in[input].dtype == STANCE_DTYPE_NONE)
        return 0;
    return tensor_int(&call->in[input], stance_tensor_count(&call->in[input]) == 1 ? 0 : index);
}

/* How many scales a data tensor needs; also checks a blocked scale's shape. */
static int scales_needed(struct scales *scales, int axis, int64_t *needed)
{
    const struct stance_tensor *in = &scales->call->in[0], *scale = scales->scale;
    *needed = scales->length;
    if (scales->block == 0)
        return 0;
    bool fits = scale->rank == in->rank && scales->block > 0;
    for (int i = 0; i < in->rank && fits; i++) {
        int64_t blocks = (scales->length + scales->block - 1) / scales->block;
        fits = scale->dims[i] == (i == axis ? blocks : in->dims[i]);
    }
    *needed = stance_tensor_count(scale);
    return fits ? 0
                : base_error(STANCE_ESHAPE, "the scales do not fit blocks of %lld",
                             (long long)scales->block);
}

static int read_scales(struct scales *scales, struct engine_call *call)
{
    const struct stance_tensor *in = &call->in[0];
    int axis = 0;
    int64_t needed = 1;
    *scales = (struct scales){.call = call, .scale = &call->in[1], .length = 1};
    if (call->input_count > 2 && call->in[2].dtype != STANCE_DTYPE_NONE)
        scales->zero = &call->in[2];
    scales->total = scales->inner = stance_tensor_count(in);
    int64_t count = stance_tensor_count(scales->scale);
    if (count != 1 && in->rank > 0) {
        BASE_TRY(engine_axis(graph_attr_int(call->node, "axis", 1), in->rank, &axis));
        scales->block = graph_attr_int(call->node, "block_size", 0);
        scales->length = in->dims[axis];
        scales->inner = 1;
        for (int i = axis + 1; i < in->rank; i++)
            scales->inner *= in->dims[i];
        if (scales->block < 0 || scales->block > TENSOR_MAX_COUNT)
            return base_error(STANCE_EARGUMENT, "block_size is %lld", (long long)scales->block);
        BASE_TRY(scales_needed(scales, axis, &needed));
    }
    if (count != needed || (scales->zero && stance_tensor_count(scales->zero) != count))
        return base_error(STANCE_ESHAPE, "%lld scales and %lld zero points instead of %lld",
                          (long long)count,
                          (long long)(scales->zero ? stance_tensor_count(scales->zero) : count),
                          (long long)needed);
    return 0;
}

/* Scales and zero points of the elements from `at` on; returns how many elements these cover. */
static int64_t load_scales(const struct scales *scales, int64_t at, int64_t end,
                           union engine_chunk *scale, union engine_chunk *zero)
{
    int64_t count = scales->inner - at % scales->inner;
    count = count < end - at ? count : end - at;
    count = count < ENGINE_CHUNK ? count : ENGINE_CHUNK;
    int64_t slice = at / scales->inner, index = slice % scales->length;
    if (scales->block > 0) {
        int64_t blocks = (scales->length + scales->block - 1) / scales->block;
        int64_t row = slice / scales->length * blocks + index / scales->block;
        index = row * scales->inner + at % scales->inner;
    }
    engine_load(scale, ENGINE_FLOAT, scales->scale, index, scales->block > 0, count);
    for (int64_t i = 0; i < count && !scales->zero; i++)
        zero->i[i] = 0;
    if (scales->zero)
        engine_load(zero, ENGINE_INT, scales->zero, index, scales->block > 0, count);
    return count;
}

static void quantize_share(void *context, int part, int parts, int worker)
{
    const struct scales *scales = context;
    const struct stance_tensor *in = &scales->call->in[0], *out = &scales->call->out[0];
    union engine_chunk x, scale, zero, result;
    double low, high;
    int64_t at, end;
    engine_int_range(out->dtype, &low, &high);
    kernel_share(scales->total, part, parts, &at, &end);
    for (int64_t count; at < end; at += count) {
        count = load_scales(scales, at, end, &scale, &zero);
        engine_load(&x, ENGINE_FLOAT, in, at, 1, count);
        for (int64_t i = 0; i < count; i++)
            result.i[i] = engine_quantize(x.f[i] / scale.f[i], zero.i[i], low, high);
        engine_store(&result, ENGINE_INT, out, at, count);
    }
}

static void dequantize_share(void *context, int part, int parts, int worker)
{
    const struct scales *scales = context;
    union engine_chunk x, scale, zero, result;
    int64_t at, end;
    kernel_share(scales->total, part, parts, &at, &end);
    for (int64_t count; at < end; at += count) {
        count = load_scales(scales, at, end, &scale, &zero);
        engine_load(&x, ENGINE_INT, &scales->call->in[0], at, 1, count);
        for (int64_t i = 0; i < count; i++)
            result.f[i] = (float)(x.i[i] - zero.i[i]) * scale.f[i];
        engine_store(&result, ENGINE_FLOAT, &scales->call->out[0], at, count);
    }
}

static int run_quantize(struct engine_call *call)
{
    struct scales scales;
    if (engine_is_float(call->out[0].dtype))
        return base_error(STANCE_EUNSUPPORTED, "cannot quantise to %s",
                          stance_dtype_name(call->out[0].dtype));
    BASE_TRY(read_scales(&scales, call));
    base_pool_run(call->pool, quantize_share, &scales, engine_call_parts(scales.total));
    return 0;
}

static int run_dequantize(struct engine_call *call)
{
    struct scales scales;
    if (engine_is_float(call->in[0].dtype))
        return base_error(STANCE_EUNSUPPORTED, "cannot dequantise %s",
                          stance_dtype_name(call->in[0].dtype));
    if (engine_domain_of(call->out[0].dtype) != ENGINE_FLOAT)
        return base_error(STANCE_ETYPE, "scales of type %s", stance_dtype_name(call->out[0].dtype));
    BASE_TRY(read_scales(&scales, call));
    base_pool_run(call->pool, dequantize_share, &scales, engine_call_parts(scales.total));
    return 0;
}

/* The range is that of the data and 0, so that 0 is exact. */
static int run_dynamic(struct engine_call *call)
{
    const float *x = call->in[0].data;
    uint8_t *y = call->out[0].data;
    int64_t count = stance_tensor_count(&call->in[0]);
    float low = 0, high = 0;
    for (int64_t i = 0; i < count; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    float scale = (high - low) / 255;
    scale = scale > 0 ? scale : 1;
    int64_t zero = engine_quantize(-low / scale, 0, 0, 255);
    for (int64_t i = 0; i < count; i++)
        y[i] = (uint8_t)engine_quantize(x[i] / scale, zero, 0, 255);
    if (call->output_count > 1 && call->out[1].dtype != STANCE_DTYPE_NONE)
        *(float *)call->out[1].data = scale;
    if (call->output_count > 2 && call->out[2].dtype != STANCE_DTYPE_NONE)
        *(uint8_t *)call->out[2].data = (uint8_t)zero;
    return 0;
}

const struct engine_op engine_ops_quantize[] = {
    {"DequantizeLinear", run_dequantize},
    {"DynamicQuantizeLinear", run_dynamic},
    {"QuantizeLinear", run_quantize},
    {NULL, NULL},
};
