/* Bounded reader of the protobuf wire format. */
#include <string.h>

#include "onnx/wire.h"

#define MAX_FIELD_NUMBER ((1u << 29) - 1)

struct onnx_wire onnx_wire_make(const void *data, size_t size)
{
    const unsigned char *at = data;
    return (struct onnx_wire){.at = at, .end = at + size, .file = at};
}

static size_t offset_of(const struct onnx_wire *wire)
{
    return (size_t)(wire->at - wire->file);
}

/* 0 on success, -1 when the varint is cut off, or longer than ten bytes or 64 bits. */
static int read_varint(const unsigned char **at, const unsigned char *end, uint64_t *value)
{
    const unsigned char *p = *at;
    uint64_t result = 0;
    for (int shift = 0; shift < 70; shift += 7) {
        if (p == end)
            return -1;
        unsigned char byte = *p++;
        if (shift == 63 && byte > 1)
            return -1;
        result |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *at = p;
            *value = result;
            return 0;
        }
    }
    return -1;
}

static uint64_t read_fixed(const unsigned char *at, int bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

static size_t left_of(const struct onnx_wire *wire)
{
    return (size_t)(wire->end - wire->at);
}

static int take_fixed(struct onnx_wire *wire, struct onnx_field *field, int bytes)
{
    if (left_of(wire) < (size_t)bytes)
        return base_error(STANCE_EFORMAT, "byte %zu: a number is cut off", offset_of(wire));
    field->value = read_fixed(wire->at, bytes);
    wire->at += bytes;
    return 1;
}

static int take_bytes(struct onnx_wire *wire, struct onnx_field *field)
{
    uint64_t size;
    if (read_varint(&wire->at, wire->end, &size) < 0)
        return base_error(STANCE_EFORMAT, "byte %zu: a length is cut off or too long",
                          offset_of(wire));
    if (size > left_of(wire))
        return base_error(STANCE_EFORMAT, "byte %zu: a field of %llu bytes where %zu are left",
                          offset_of(wire), (unsigned long long)size, left_of(wire));
    field->data = wire->at;
    field->size = (size_t)size;
    wire->at += size;
    return 1;
}

int onnx_wire_next(struct onnx_wire *wire, struct onnx_field *field)
{
    if (wire->at == wire->end)
        return 0;
    uint64_t tag;
    if (read_varint(&wire->at, wire->end, &tag) < 0)
        return base_error(STANCE_EFORMAT, "byte %zu: a field's tag is cut off or too long",
                          offset_of(wire));
    if (tag >> 3 == 0 || tag >> 3 > MAX_FIELD_NUMBER)
        return base_error(STANCE_EFORMAT, "byte %zu: field number %llu is not possible",
                          offset_of(wire), (unsigned long long)(tag >> 3));
    *field = (struct onnx_field){.number = (uint32_t)(tag >> 3), .type = tag & 7};
    switch (field->type) {
    case ONNX_WIRE_VARINT:
        if (read_varint(&wire->at, wire->end, &field->value) < 0)
            return base_error(STANCE_EFORMAT, "byte %zu: a number is cut off or too long",
                              offset_of(wire));
        return 1;
    case ONNX_WIRE_FIXED64: return take_fixed(wire, field, 8);
    case ONNX_WIRE_FIXED32: return take_fixed(wire, field, 4);
    case ONNX_WIRE_BYTES: return take_bytes(wire, field);
    default:
        return base_error(STANCE_EFORMAT, "byte %zu: wire type %d is not read", offset_of(wire),
                          (int)(tag & 7));
    }
}

static int wrong_type(const struct onnx_field *field, const char *wanted)
{
    return base_error(STANCE_EFORMAT, "field %u has wire type %d where %s should be", field->number,
                      (int)field->type, wanted);
}

int onnx_field_message(const struct onnx_field *field, const struct onnx_wire *outer,
                       struct onnx_wire *inner)
{
    if (field->type != ONNX_WIRE_BYTES)
        return wrong_type(field, "a message");
    if (outer->depth + 1 > ONNX_MAX_DEPTH)
        return base_error(STANCE_ELIMIT, "messages are nested deeper than %d", ONNX_MAX_DEPTH);
    *inner = (struct onnx_wire){.at = field->data,
                                .end = field->data + field->size,
                                .file = outer->file,
                                .depth = outer->depth + 1};
    return 0;
}

int onnx_field_string(const struct onnx_field *field, struct onnx_string *out)
{
    if (field->type != ONNX_WIRE_BYTES)
        return wrong_type(field, "a string");
    *out = (struct onnx_string){(const char *)field->data, field->size};
    return 0;
}

int onnx_field_int(const struct onnx_field *field, int64_t *out)
{
    if (field->type != ONNX_WIRE_VARINT)
        return wrong_type(field, "an integer");
    *out = (int64_t)field->value;
    return 0;
}

int onnx_field_float(const struct onnx_field *field, float *out)
{
    if (field->type != ONNX_WIRE_FIXED32)
        return wrong_type(field, "a float");
    uint32_t bits = (uint32_t)field->value;
    memcpy(out, &bits, 4);
    return 0;
}

static int count_packed(const struct onnx_field *field, enum onnx_wire_type type, size_t *count)
{
    size_t found = 0;
    if (type == ONNX_WIRE_VARINT) {
        for (size_t i = 0; i < field->size; i++)
            found += field->data[i] < 0x80;
        if (field->size && field->data[field->size - 1] >= 0x80)
            return base_error(STANCE_EFORMAT, "the last number of field %u is cut off",
                              field->number);
    } else {
        size_t bytes = type == ONNX_WIRE_FIXED64 ? 8 : 4;
        found = field->size / bytes;
        if (field->size % bytes)
            return base_error(STANCE_EFORMAT, "field %u has %zu bytes, no multiple of %zu",
                              field->number, field->size, bytes);
    }
    *count = found;
    return 0;
}

int onnx_field_count(const struct onnx_field *field, enum onnx_wire_type type, size_t *count)
{
    *count = 1;
    if (field->type == type)
        return 0;
    if (field->type != ONNX_WIRE_BYTES)
        return wrong_type(field, "a list of numbers");
    return count_packed(field, type, count);
}

struct onnx_numbers onnx_field_numbers(const struct onnx_field *field)
{
    if (field->type != ONNX_WIRE_BYTES)
        return (struct onnx_numbers){.single = field->value};
    return (struct onnx_numbers){.at = field->data, .end = field->data + field->size};
}

int onnx_numbers_next(struct onnx_numbers *numbers, enum onnx_wire_type type, uint64_t *value)
{
    if (!numbers->at) {
        *value = numbers->single;
    } else if (type == ONNX_WIRE_VARINT) {
        if (read_varint(&numbers->at, numbers->end, value) < 0)
            return base_error(STANCE_EFORMAT, "a number in a list is longer than ten bytes");
    } else {
        int bytes = type == ONNX_WIRE_FIXED64 ? 8 : 4;
        *value = read_fixed(numbers->at, bytes);
        numbers->at += bytes;
    }
    return 0;
}
