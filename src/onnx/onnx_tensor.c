/* TensorProto into a struct: where the values lie, not yet the values. Field numbers are those of
 * onnx.proto. */
#include "base/number.h"
#include "onnx/onnx_source.h"

static const struct onnx_string empty = {"", 0};

/* What is wrong with dims is told by check_dims(), when the name behind them is known. */
static int add_dims(const struct onnx_field *field, struct onnx_tensor *tensor)
{
    struct onnx_numbers numbers = onnx_field_numbers(field);
    size_t count;
    BASE_TRY(onnx_field_count(field, ONNX_WIRE_VARINT, &count));
    if (tensor->rank > STANCE_MAX_RANK || count > (size_t)(STANCE_MAX_RANK - tensor->rank)) {
        tensor->rank = STANCE_MAX_RANK + 1;
        return 0;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t value;
        BASE_TRY(onnx_numbers_next(&numbers, ONNX_WIRE_VARINT, &value));
        tensor->dims[tensor->rank++] = (int64_t)value;
    }
    return 0;
}

static int check_dims(const struct onnx_tensor *tensor)
{
    if (tensor->rank > STANCE_MAX_RANK)
        return base_error(STANCE_EUNSUPPORTED, "more than %d dims", STANCE_MAX_RANK);
    for (int i = 0; i < tensor->rank; i++)
        if (tensor->dims[i] < 0)
            return base_error(STANCE_EFORMAT, "a dim is negative");
    return 0;
}

static int read_external_number(const struct onnx_property *entry, uint64_t *out)
{
    int64_t value;
    if (base_number_int64(entry->value.data, entry->value.size, &value) < 0)
        return base_error_context(STANCE_EFORMAT, "external data: %.*s", ONNX_TEXT(entry->key));
    if (value < 0)
        return base_error(STANCE_EFORMAT, "external data: %.*s is negative", ONNX_TEXT(entry->key));
    *out = (uint64_t)value;
    return 0;
}

static int read_external(const struct onnx_field *field, const struct onnx_wire *wire,
                         struct onnx_tensor *tensor)
{
    struct onnx_wire inner;
    struct onnx_property entry;
    BASE_TRY(onnx_field_message(field, wire, &inner));
    BASE_TRY(onnx_read_property(inner, &entry));
    if (onnx_string_equal(entry.key, "location"))
        tensor->location = entry.value;
    else if (onnx_string_equal(entry.key, "offset"))
        return read_external_number(&entry, &tensor->external_offset);
    else if (onnx_string_equal(entry.key, "length"))
        return read_external_number(&entry, &tensor->external_size);
    return 0;
}

/* Notes which field holds the values; they are decoded when asked for. */
static int note_values(const struct onnx_field *field, struct onnx_tensor *tensor)
{
    if (field->type == ONNX_WIRE_BYTES && field->size == 0 && field->number != 6)
        return 0;
    if (tensor->field && (tensor->field != (int)field->number || field->number == 9))
        return base_error(STANCE_EFORMAT, "has values in more than one place");
    tensor->field = (int)field->number;
    if (field->number != 9)
        return 0;
    if (field->type != ONNX_WIRE_BYTES)
        return base_error(STANCE_EFORMAT, "raw_data has wire type %d", (int)field->type);
    tensor->data = field->data;
    tensor->size = field->size;
    return 0;
}

static int read_tensor_field(const struct onnx_wire *wire, const struct onnx_field *field,
                             struct onnx_tensor *tensor, int64_t *dtype, int64_t *place)
{
    switch (field->number) {
    case 1: return add_dims(field, tensor);
    case 2: return onnx_field_int(field, dtype);
    case 3: return base_error(STANCE_EUNSUPPORTED, "tensors in segments are not read");
    case 4:
    case 5:
    case 6:
    case 7:
    case 9:
    case 10:
    case 11: return note_values(field, tensor);
    case 8: return onnx_field_name(field, &tensor->name);
    case 13: return read_external(field, wire, tensor);
    case 14: return onnx_field_int(field, place);
    default: return 0;
    }
}

static int settle_storage(struct onnx_tensor *tensor, struct onnx_wire whole, int64_t place)
{
    if (place == 1) {
        tensor->storage = ONNX_EXTERNAL;
        if (tensor->location.size == 0)
            return base_error(STANCE_EFORMAT, "its values are in a file that is not named");
        return 0;
    }
    if (tensor->field == 9) {
        tensor->storage = ONNX_RAW;
        tensor->field = 0;
        return 0;
    }
    tensor->storage = ONNX_TYPED;
    tensor->data = whole.at;
    tensor->size = (size_t)(whole.end - whole.at);
    return 0;
}

static int read_tensor(struct onnx_wire wire, struct onnx_tensor *tensor)
{
    struct onnx_wire whole = wire;
    struct onnx_field field;
    int64_t dtype = 0, place = 0;
    int more;
    while ((more = onnx_wire_next(&wire, &field)) > 0)
        BASE_TRY(read_tensor_field(&wire, &field, tensor, &dtype, &place));
    BASE_TRY(more);
    BASE_TRY(check_dims(tensor));
    if (dtype < 0 || dtype > INT32_MAX)
        return base_error(STANCE_EFORMAT, "element type %lld is not possible", (long long)dtype);
    tensor->dtype = (int)dtype;
    return settle_storage(tensor, whole, place);
}

int onnx_read_tensor(struct onnx_wire wire, struct onnx_tensor *tensor)
{
    *tensor = (struct onnx_tensor){.name = empty, .location = empty, .external_size = UINT64_MAX};
    int code = read_tensor(wire, tensor);
    if (code < 0)
        return base_error_context(code, "tensor '%.*s'", ONNX_TEXT(tensor->name));
    return 0;
}
