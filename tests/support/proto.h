/* Protobuf fields by hand, for ONNX files that the writer would never write. */
#ifndef SUPPORT_PROTO_H
#define SUPPORT_PROTO_H

#include <stdint.h>

#include "base/buffer.h"

/* A buffer for messages of tests: at most 64 MiB. */
struct base_buffer proto_make(void);
void proto_varint(struct base_buffer *out, uint64_t value);
void proto_int(struct base_buffer *out, int field, int64_t value);
void proto_float(struct base_buffer *out, int field, float value);
void proto_bytes(struct base_buffer *out, int field, const void *data, size_t size);
void proto_string(struct base_buffer *out, int field, const char *text);
/* Appends `message` as a field and frees it. */
void proto_message(struct base_buffer *out, int field, struct base_buffer *message);

/* A ModelProto (opset 17) around a GraphProto, which is freed. */
struct base_buffer proto_model(struct base_buffer *graph);
/* A ModelProto with one initialiser, which is freed. */
struct base_buffer proto_model_of_tensor(struct base_buffer *tensor);

/* A small model that uses everything the reader knows: initialisers raw and typed, a value of each
 * attribute type, a nested graph, symbolic dims, two opsets, a property. About 900 bytes. */
struct base_buffer proto_sample_model(void);

#endif
