/* The values of a tensor: shared with the mapped file where they can be, else copied or decoded. */
#include <string.h>

#include "onnx/onnx_source.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "raw_data is little-endian and shared as it is: this host needs a swapping copy"
#endif

/* Which field of the TensorProto carries which element types, and as what. */
struct encoding {
    int field;
    enum onnx_wire_type wire;
    int64_t low, high; /* range of a varint; low > high: any */
};

static struct encoding encoding_of(int dtype)
{
    switch (dtype) {
    case STANCE_FLOAT32: return (struct encoding){4, ONNX_WIRE_FIXED32, 1, 0};
    case STANCE_FLOAT64: return (struct encoding){10, ONNX_WIRE_FIXED64, 1, 0};
    case STANCE_INT64: return (struct encoding){7, ONNX_WIRE_VARINT, 1, 0};
    case STANCE_UINT64: return (struct encoding){11, ONNX_WIRE_VARINT, 1, 0};
    case STANCE_UINT32: return (struct encoding){11, ONNX_WIRE_VARINT, 0, UINT32_MAX};
    case STANCE_INT32: return (struct encoding){5, ONNX_WIRE_VARINT, INT32_MIN, INT32_MAX};
    case STANCE_INT16: return (struct encoding){5, ONNX_WIRE_VARINT, INT16_MIN, INT16_MAX};
    case STANCE_INT8: return (struct encoding){5, ONNX_WIRE_VARINT, INT8_MIN, INT8_MAX};
    case STANCE_UINT8: return (struct encoding){5, ONNX_WIRE_VARINT, 0, UINT8_MAX};
    case STANCE_BOOL: return (struct encoding){5, ONNX_WIRE_VARINT, 0, 1};
    default: /* uint16, float16, bfloat16 */
        return (struct encoding){5, ONNX_WIRE_VARINT, 0, UINT16_MAX};
    }
}

static int count_values(const struct onnx_tensor *tensor, const struct encoding *encoding,
                        size_t *total)
{
    struct onnx_wire wire = onnx_wire_make(tensor->data, tensor->size);
    struct onnx_field field;
    size_t count;
    int more;
    *total = 0;
    while ((more = onnx_wire_next(&wire, &field)) > 0)
        if ((int)field.number == tensor->field) {
            BASE_TRY(onnx_field_count(&field, encoding->wire, &count));
            *total += count;
        }
    return more;
}

/* Decodes one field to `out`; returns how many bytes it wrote. Integers keep their low bytes. */
static int decode_field(const struct onnx_field *field, const struct encoding *encoding,
                        size_t element, unsigned char **out)
{
    struct onnx_numbers numbers = onnx_field_numbers(field);
    size_t count;
    BASE_TRY(onnx_field_count(field, encoding->wire, &count));
    for (size_t i = 0; i < count; i++, *out += element) {
        uint64_t value;
        BASE_TRY(onnx_numbers_next(&numbers, encoding->wire, &value));
        if (encoding->field == 5) /* protobuf's int32 keeps the low half of the varint */
            value = (uint64_t)(int64_t)(int32_t)(uint32_t)value;
        if (encoding->low <= encoding->high &&
            ((int64_t)value < encoding->low || (int64_t)value > encoding->high))
            return base_error(STANCE_EFORMAT, "the value %lld does not fit its element type",
                              (long long)value);
        memcpy(*out, &value, element);
    }
    return 0;
}

static int decode_values(const struct onnx_tensor *tensor, const struct encoding *encoding,
                         struct tensor *out)
{
    struct onnx_wire wire = onnx_wire_make(tensor->data, tensor->size);
    struct onnx_field field;
    unsigned char *at = out->view.data;
    int more;
    while ((more = onnx_wire_next(&wire, &field)) > 0)
        if ((int)field.number == tensor->field)
            BASE_TRY(decode_field(&field, encoding, stance_dtype_size(tensor->dtype), &at));
    return more;
}

static int load_typed(const struct onnx_tensor *tensor, const struct tensor_shape *shape,
                      size_t count, struct tensor **out)
{
    struct encoding encoding = encoding_of(tensor->dtype);
    size_t found = 0;
    if (tensor->field && tensor->field != encoding.field)
        return base_error(STANCE_EFORMAT, "%s values do not belong into field %d",
                          stance_dtype_name(tensor->dtype), tensor->field);
    if (tensor->field)
        BASE_TRY(count_values(tensor, &encoding, &found));
    if (found != count)
        return base_error(STANCE_EFORMAT, "%zu values where its shape asks for %zu", found, count);
    BASE_TRY(tensor_open(out, tensor->dtype, shape));
    int code = decode_values(tensor, &encoding, *out);
    if (code < 0)
        tensor_close(out);
    return code;
}

static void release_model(void *context)
{
    struct onnx_model *model = context;
    onnx_model_close(&model);
}

static int share(struct onnx_model *model, int dtype, const struct tensor_shape *shape,
                 const unsigned char *data, struct tensor **out)
{
    struct stance_tensor view = {
        .dtype = dtype, .rank = shape->rank, .data = (void *)(uintptr_t)data};
    memcpy(view.dims, shape->dims, sizeof view.dims);
    BASE_TRY(tensor_wrap(out, &view, release_model, model));
    onnx_model_keep(model);
    return 0;
}

static int load_bytes(struct onnx_model *model, const struct onnx_tensor *tensor,
                      const struct tensor_shape *shape, size_t count, struct tensor **out)
{
    const unsigned char *data = tensor->data;
    size_t size = tensor->size, element = stance_dtype_size(tensor->dtype);
    if (tensor->storage == ONNX_EXTERNAL)
        BASE_TRY(onnx_external_data(model->source, tensor, &data, &size));
    if (size != count * element)
        return base_error(STANCE_EFORMAT, "%zu bytes where its shape asks for %zu", size,
                          count * element);
    if (tensor->dtype == STANCE_BOOL)
        for (size_t i = 0; i < count; i++)
            if (data[i] > 1)
                return base_error(STANCE_EFORMAT, "a bool is %d", data[i]);
    if ((uintptr_t)data % element == 0)
        return share(model, tensor->dtype, shape, data, out);
    BASE_TRY(tensor_open(out, tensor->dtype, shape));
    memcpy((*out)->view.data, data, size);
    return 0;
}

static int load(struct onnx_model *model, const struct onnx_tensor *tensor, struct tensor **out)
{
    int64_t count;
    if (stance_dtype_size(tensor->dtype) == 0)
        return base_error(STANCE_EUNSUPPORTED, "ONNX element type %d is not read", tensor->dtype);
    struct tensor_shape shape = tensor_shape_make(tensor->rank, tensor->dims);
    BASE_TRY(tensor_shape_count(&shape, &count));
    if (tensor->storage == ONNX_TYPED)
        return load_typed(tensor, &shape, (size_t)count, out);
    return load_bytes(model, tensor, &shape, (size_t)count, out);
}

int onnx_tensor_load(struct onnx_model *model, const struct onnx_tensor *tensor,
                     struct tensor **out)
{
    *out = NULL;
    int code = load(model, tensor, out);
    if (code < 0)
        return base_error_context(code, "tensor '%.*s'", ONNX_TEXT(tensor->name));
    return 0;
}
