/* ValueInfoProto into a struct: name, element type and shape of an input, output or value. Field
 * numbers are those of onnx.proto. */
#include "onnx/onnx_source.h"

static const struct onnx_string empty = {"", 0};

static int read_dim(struct onnx_wire wire, struct onnx_dim *dim)
{
    struct onnx_field field;
    int more;
    *dim = (struct onnx_dim){-1, empty};
    while ((more = onnx_wire_next(&wire, &field)) > 0)
        if (field.number == 1)
            BASE_TRY(onnx_field_int(&field, &dim->value));
        else if (field.number == 2)
            BASE_TRY(onnx_field_name(&field, &dim->symbol));
    if (dim->value < 0 || dim->symbol.size)
        dim->value = -1;
    return more;
}

static int read_shape(struct onnx_wire wire, struct onnx_value_info *info)
{
    struct onnx_wire inner;
    struct onnx_field field;
    int more;
    info->has_shape = true;
    info->rank = 0;
    while ((more = onnx_wire_next(&wire, &field)) > 0) {
        if (field.number != 1)
            continue;
        if (info->rank == STANCE_MAX_RANK)
            return base_error(STANCE_EUNSUPPORTED, "more than %d dims", STANCE_MAX_RANK);
        BASE_TRY(onnx_field_message(&field, &wire, &inner));
        BASE_TRY(read_dim(inner, &info->dims[info->rank++]));
    }
    return more;
}

static int read_tensor_type(struct onnx_wire wire, struct onnx_value_info *info)
{
    struct onnx_wire inner;
    struct onnx_field field;
    int64_t dtype = 0;
    int more;
    info->is_tensor = true;
    while ((more = onnx_wire_next(&wire, &field)) > 0)
        if (field.number == 1) {
            BASE_TRY(onnx_field_int(&field, &dtype));
        } else if (field.number == 2) {
            BASE_TRY(onnx_field_message(&field, &wire, &inner));
            BASE_TRY(read_shape(inner, info));
        }
    if (dtype < 0 || dtype > INT32_MAX)
        return base_error(STANCE_EFORMAT, "element type %lld is not possible", (long long)dtype);
    info->dtype = (int)dtype;
    return more;
}

static int read_type(struct onnx_wire wire, struct onnx_value_info *info)
{
    struct onnx_wire inner;
    struct onnx_field field;
    int more;
    while ((more = onnx_wire_next(&wire, &field)) > 0) {
        if (field.number != 1)
            continue;
        BASE_TRY(onnx_field_message(&field, &wire, &inner));
        BASE_TRY(read_tensor_type(inner, info));
    }
    return more;
}

static int read_value_info(struct onnx_wire wire, struct onnx_value_info *info)
{
    struct onnx_wire inner;
    struct onnx_field field;
    int more;
    while ((more = onnx_wire_next(&wire, &field)) > 0)
        if (field.number == 1) {
            BASE_TRY(onnx_field_name(&field, &info->name));
        } else if (field.number == 2) {
            BASE_TRY(onnx_field_message(&field, &wire, &inner));
            BASE_TRY(read_type(inner, info));
        }
    return more;
}

int onnx_read_value_info(struct onnx_wire wire, struct onnx_value_info *info)
{
    *info = (struct onnx_value_info){.name = empty};
    for (int i = 0; i < STANCE_MAX_RANK; i++)
        info->dims[i] = (struct onnx_dim){-1, empty};
    int code = read_value_info(wire, info);
    if (code < 0)
        return base_error_context(code, "value '%.*s'", ONNX_TEXT(info->name));
    return 0;
}
