/* Loading and storing runs of any element type. */
#include <math.h>
#include <string.h>

#include "engine/op_chunk.h"

enum engine_domain engine_domain_of(int dtype)
{
    switch (dtype) {
    case STANCE_FLOAT32:
    case STANCE_FLOAT16:
    case STANCE_BFLOAT16: return ENGINE_FLOAT;
    case STANCE_FLOAT64: return ENGINE_DOUBLE;
    case STANCE_UINT64: return ENGINE_UINT;
    default: return ENGINE_INT;
    }
}

bool engine_is_float(int dtype)
{
    return engine_domain_of(dtype) <= ENGINE_DOUBLE;
}

int engine_need_float(const struct engine_call *call)
{
    if (engine_is_float(call->in[0].dtype))
        return 0;
    return base_error(STANCE_ETYPE, "%s has no meaning for %s", call->node->type,
                      stance_dtype_name(call->in[0].dtype));
}

void engine_int_range(int dtype, double *low, double *high)
{
    int bits = (int)stance_dtype_size(dtype) * 8;
    bool is_signed = dtype == STANCE_INT8 || dtype == STANCE_INT16 || dtype == STANCE_INT32 ||
                     dtype == STANCE_INT64;
    *low = is_signed ? -ldexp(1, bits - 1) : 0;
    *high = dtype == STANCE_BOOL ? 1 : ldexp(1, is_signed ? bits - 1 : bits) - 1;
}

static int64_t saturate_int(double x)
{
    if (isnan(x))
        return 0;
    return x >= 0x1p63 ? INT64_MAX : x <= -0x1p63 ? INT64_MIN : (int64_t)x;
}

static uint64_t saturate_uint(double x)
{
    return !(x > 0) ? 0 : x >= 0x1p64 ? UINT64_MAX : (uint64_t)x;
}

#define IDENTITY(x) (x)

/* One loop per working type; `value` decodes an element, `to_int` and `to_uint` convert it. */
#define LOADER(name, type, value, to_int, to_uint)                                                 \
    static void load_##name(void *out, enum engine_domain domain, const void *data,                \
                            int64_t stride, int64_t count)                                         \
    {                                                                                              \
        const type *x = data;                                                                      \
        float *f = out;                                                                            \
        double *d = out;                                                                           \
        int64_t *n = out;                                                                          \
        uint64_t *u = out;                                                                         \
        if (domain == ENGINE_FLOAT)                                                                \
            for (int64_t i = 0; i < count; i++)                                                    \
                f[i] = (float)value(x[i * stride]);                                                \
        else if (domain == ENGINE_DOUBLE)                                                          \
            for (int64_t i = 0; i < count; i++)                                                    \
                d[i] = (double)value(x[i * stride]);                                               \
        else if (domain == ENGINE_INT)                                                             \
            for (int64_t i = 0; i < count; i++)                                                    \
                n[i] = to_int(value(x[i * stride]));                                               \
        else                                                                                       \
            for (int64_t i = 0; i < count; i++)                                                    \
                u[i] = to_uint(value(x[i * stride]));                                              \
    }

LOADER(float, float, IDENTITY, saturate_int, saturate_uint)
LOADER(double, double, IDENTITY, saturate_int, saturate_uint)
LOADER(half, uint16_t, tensor_half_to_float, saturate_int, saturate_uint)
LOADER(bfloat, uint16_t, tensor_bfloat_to_float, saturate_int, saturate_uint)
LOADER(u8, uint8_t, IDENTITY, (int64_t), (uint64_t))
LOADER(s8, int8_t, IDENTITY, (int64_t), (uint64_t))
LOADER(u16, uint16_t, IDENTITY, (int64_t), (uint64_t))
LOADER(s16, int16_t, IDENTITY, (int64_t), (uint64_t))
LOADER(u32, uint32_t, IDENTITY, (int64_t), (uint64_t))
LOADER(s32, int32_t, IDENTITY, (int64_t), (uint64_t))
LOADER(u64, uint64_t, IDENTITY, (int64_t), (uint64_t))
LOADER(s64, int64_t, IDENTITY, (int64_t), (uint64_t))

typedef void loader(void *out, enum engine_domain domain, const void *data, int64_t stride,
                    int64_t count);

void engine_load(void *out, enum engine_domain domain, const struct stance_tensor *from,
                 int64_t offset, int64_t stride, int64_t count)
{
    static loader *const loaders[] = {
        [STANCE_FLOAT32] = load_float,   [STANCE_UINT8] = load_u8,   [STANCE_INT8] = load_s8,
        [STANCE_UINT16] = load_u16,      [STANCE_INT16] = load_s16,  [STANCE_INT32] = load_s32,
        [STANCE_INT64] = load_s64,       [STANCE_BOOL] = load_u8,    [STANCE_FLOAT16] = load_half,
        [STANCE_FLOAT64] = load_double,  [STANCE_UINT32] = load_u32, [STANCE_UINT64] = load_u64,
        [STANCE_BFLOAT16] = load_bfloat,
    };
    size_t size = stance_dtype_size(from->dtype);
    const char *data = (const char *)from->data + offset * (int64_t)size;
    loaders[from->dtype](out, domain, data, stride, count);
}

static void store_float(const void *values, enum engine_domain domain, void *data, int dtype,
                        int64_t count)
{
    const float *f = values;
    const double *d = values;
    for (int64_t i = 0; i < count; i++) {
        double wide = domain == ENGINE_FLOAT ? (double)f[i] : d[i];
        float x = domain == ENGINE_FLOAT ? f[i] : (float)d[i];
        if (dtype == STANCE_FLOAT32)
            ((float *)data)[i] = x;
        else if (dtype == STANCE_FLOAT64)
            ((double *)data)[i] = wide;
        else if (dtype == STANCE_FLOAT16)
            ((uint16_t *)data)[i] = tensor_float_to_half(x);
        else
            ((uint16_t *)data)[i] = tensor_float_to_bfloat(x);
    }
}

/* The low bits of int64 and uint64 are the same bits. */
static void store_int(const uint64_t *values, void *data, int dtype, int64_t count)
{
    switch (stance_dtype_size(dtype)) {
    case 1:
        for (int64_t i = 0; i < count; i++)
            ((uint8_t *)data)[i] =
                dtype == STANCE_BOOL ? (uint8_t)(values[i] != 0) : (uint8_t)values[i];
        break;
    case 2:
        for (int64_t i = 0; i < count; i++)
            ((uint16_t *)data)[i] = (uint16_t)values[i];
        break;
    case 4:
        for (int64_t i = 0; i < count; i++)
            ((uint32_t *)data)[i] = (uint32_t)values[i];
        break;
    default: memcpy(data, values, (size_t)count * sizeof *values);
    }
}

void engine_store(const void *values, enum engine_domain domain, const struct stance_tensor *to,
                  int64_t offset, int64_t count)
{
    size_t size = stance_dtype_size(to->dtype);
    char *data = (char *)to->data + offset * (int64_t)size;
    if (domain == ENGINE_FLOAT && to->dtype == STANCE_FLOAT32)
        memcpy(data, values, (size_t)count * size);
    else if (domain <= ENGINE_DOUBLE)
        store_float(values, domain, data, to->dtype, count);
    else
        store_int(values, data, to->dtype, count);
}

int engine_axis(int64_t axis, int rank, int *out)
{
    if (axis < -rank || axis >= rank)
        return base_error(STANCE_ESHAPE, "axis %lld is outside a tensor of rank %d",
                          (long long)axis, rank);
    *out = (int)(axis < 0 ? axis + rank : axis);
    return 0;
}
