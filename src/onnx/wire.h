/* Protobuf's wire format, field by field, within given bounds. Knows nothing about ONNX.
 *
 * Encoding: https://protobuf.dev/programming-guides/encoding/. Groups (long deprecated) are
 * refused. Nothing is copied; nothing recurses. */
#ifndef ONNX_WIRE_H
#define ONNX_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "base/errors.h"
#include "onnx/onnx_model.h"

enum onnx_wire_type {
    ONNX_WIRE_VARINT = 0,
    ONNX_WIRE_FIXED64 = 1,
    ONNX_WIRE_BYTES = 2,
    ONNX_WIRE_FIXED32 = 5,
};

/* The unread rest of one message. */
struct onnx_wire {
    const unsigned char *at, *end, *file; /* file: where offsets in sentences count from */
    int depth;                            /* of messages around this one */
};

struct onnx_field {
    uint32_t number;
    enum onnx_wire_type type;
    uint64_t value;            /* VARINT, FIXED32, FIXED64 */
    const unsigned char *data; /* BYTES */
    size_t size;
};

/* The outermost message. */
struct onnx_wire onnx_wire_make(const void *data, size_t size);

/* Takes the next field: 1, 0 at the message's end, or EFORMAT with the byte offset. */
int onnx_wire_next(struct onnx_wire *wire, struct onnx_field *field);

/* What a field holds, or EFORMAT when it is of another wire type. `outer` is the message that the
 * field was taken from; entering fails with ELIMIT beyond ONNX_MAX_DEPTH. */
int onnx_field_message(const struct onnx_field *field, const struct onnx_wire *outer,
                       struct onnx_wire *inner);
int onnx_field_string(const struct onnx_field *field, struct onnx_string *out);
int onnx_field_int(const struct onnx_field *field, int64_t *out);
int onnx_field_float(const struct onnx_field *field, float *out);

/* How many numbers of wire type `type` a repeated field holds, packed (BYTES) or single. */
int onnx_field_count(const struct onnx_field *field, enum onnx_wire_type type, size_t *count);

/* Walks the numbers of a repeated field whose count was found to be right: */
struct onnx_numbers {
    const unsigned char *at, *end;
    uint64_t single; /* the value of an unpacked field, where `at` is NULL */
};
struct onnx_numbers onnx_field_numbers(const struct onnx_field *field);
/* EFORMAT for a varint of more than ten bytes. */
int onnx_numbers_next(struct onnx_numbers *numbers, enum onnx_wire_type type, uint64_t *value);

#endif
