/* Element types: names, sizes, and values read and stored through double. */
#include <math.h>
#include <string.h>

#include "tensor/storage.h"

static const struct {
    const char *name;
    size_t size;
} types[] = {
    [STANCE_FLOAT32] = {"float32", 4},   [STANCE_UINT8] = {"uint8", 1},
    [STANCE_INT8] = {"int8", 1},         [STANCE_UINT16] = {"uint16", 2},
    [STANCE_INT16] = {"int16", 2},       [STANCE_INT32] = {"int32", 4},
    [STANCE_INT64] = {"int64", 8},       [STANCE_BOOL] = {"bool", 1},
    [STANCE_FLOAT16] = {"float16", 2},   [STANCE_FLOAT64] = {"float64", 8},
    [STANCE_UINT32] = {"uint32", 4},     [STANCE_UINT64] = {"uint64", 8},
    [STANCE_BFLOAT16] = {"bfloat16", 2},
};

size_t stance_dtype_size(int dtype)
{
    return dtype > 0 && dtype <= STANCE_BFLOAT16 ? types[dtype].size : 0;
}

const char *stance_dtype_name(int dtype)
{
    const char *name = dtype > 0 && dtype <= STANCE_BFLOAT16 ? types[dtype].name : NULL;
    return name ? name : "unknown";
}

/* Without branches, so that the loop below becomes vector code. */
static inline float widen(uint16_t half)
{
    uint32_t magnitude = half & 0x7fff, offset = magnitude < 0x7c00 ? 112u << 23 : 224u << 23;
    uint32_t normal = (magnitude << 13) + offset, bits;
    float value = (float)(int32_t)magnitude * 0x1p-24f; /* of a subnormal number */
    memcpy(&bits, &value, 4);
    bits = (magnitude < 0x400 ? bits : normal) | (uint32_t)(half & 0x8000) << 16;
    memcpy(&value, &bits, 4);
    return value;
}

float tensor_half_to_float(uint16_t half)
{
    return widen(half);
}

void tensor_halves_to_floats(float *out, const uint16_t *halves, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        out[i] = widen(halves[i]);
}

uint16_t tensor_float_to_half(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, 4);
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    uint32_t magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000)
        return sign | 0x7e00;
    if (magnitude >= 0x477ff000) /* 65520 and above round to infinity */
        return sign | 0x7c00;
    if (magnitude < 0x38800000) /* subnormal: the float adder rounds for us */
        return sign | (uint16_t)lrintf(ldexpf(fabsf(value), 24));
    uint32_t rounded = magnitude + 0xfff + (magnitude >> 13 & 1);
    return sign | (uint16_t)((rounded - 0x38000000) >> 13);
}

float tensor_bfloat_to_float(uint16_t bits)
{
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, 4);
    return value;
}

uint16_t tensor_float_to_bfloat(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, 4);
    if ((bits & 0x7fffffff) > 0x7f800000)
        return (uint16_t)(bits >> 16 | 64);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

int64_t tensor_int(const struct stance_tensor *view, int64_t i)
{
    if (view->dtype == STANCE_INT64)
        return ((const int64_t *)view->data)[i];
    if (view->dtype == STANCE_UINT64)
        return (int64_t)((const uint64_t *)view->data)[i];
    double value = tensor_float(view, i);
    if (isnan(value))
        return 0;
    return value >= 0x1p63 ? INT64_MAX : value <= -0x1p63 ? INT64_MIN : (int64_t)value;
}

double tensor_float(const struct stance_tensor *view, int64_t i)
{
    const void *data = view->data;
    switch (view->dtype) {
    case STANCE_FLOAT32: return ((const float *)data)[i];
    case STANCE_UINT8:
    case STANCE_BOOL: return ((const uint8_t *)data)[i];
    case STANCE_INT8: return ((const int8_t *)data)[i];
    case STANCE_UINT16: return ((const uint16_t *)data)[i];
    case STANCE_INT16: return ((const int16_t *)data)[i];
    case STANCE_INT32: return ((const int32_t *)data)[i];
    case STANCE_INT64: return (double)((const int64_t *)data)[i];
    case STANCE_FLOAT16: return tensor_half_to_float(((const uint16_t *)data)[i]);
    case STANCE_FLOAT64: return ((const double *)data)[i];
    case STANCE_UINT32: return ((const uint32_t *)data)[i];
    case STANCE_UINT64: return (double)((const uint64_t *)data)[i];
    case STANCE_BFLOAT16: return tensor_bfloat_to_float(((const uint16_t *)data)[i]);
    default: return 0;
    }
}

void tensor_set(const struct stance_tensor *view, int64_t i, double value)
{
    void *data = view->data;
    switch (view->dtype) {
    case STANCE_FLOAT32: ((float *)data)[i] = (float)value; break;
    case STANCE_BOOL: ((uint8_t *)data)[i] = value != 0; break;
    case STANCE_UINT8: ((uint8_t *)data)[i] = (uint8_t)(int64_t)value; break;
    case STANCE_INT8: ((int8_t *)data)[i] = (int8_t)(int64_t)value; break;
    case STANCE_UINT16: ((uint16_t *)data)[i] = (uint16_t)(int64_t)value; break;
    case STANCE_INT16: ((int16_t *)data)[i] = (int16_t)(int64_t)value; break;
    case STANCE_INT32: ((int32_t *)data)[i] = (int32_t)(int64_t)value; break;
    case STANCE_INT64: ((int64_t *)data)[i] = (int64_t)value; break;
    case STANCE_FLOAT16: ((uint16_t *)data)[i] = tensor_float_to_half((float)value); break;
    case STANCE_FLOAT64: ((double *)data)[i] = value; break;
    case STANCE_UINT32: ((uint32_t *)data)[i] = (uint32_t)(int64_t)value; break;
    case STANCE_UINT64: ((uint64_t *)data)[i] = (uint64_t)value; break;
    case STANCE_BFLOAT16: ((uint16_t *)data)[i] = tensor_float_to_bfloat((float)value); break;
    default: break;
    }
}
