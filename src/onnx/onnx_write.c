/* Builds a ModelProto from its parts: three buffers (model, graph, open node) that are put into
 * each other at the end. Field numbers are those of onnx.proto. */
#include <stdio.h>
#include <string.h>

#include "onnx/onnx_model.h"
#include "onnx/onnx_write.h"
#include "onnx/wire.h"
#include "tensor/storage.h"

enum { IR_VERSION = 8 };

static int put_varint(struct base_buffer *out, uint64_t value)
{
    unsigned char bytes[10];
    size_t size = 0;
    for (; value >= 0x80; value >>= 7)
        bytes[size++] = (unsigned char)(value | 0x80);
    bytes[size++] = (unsigned char)value;
    return base_buffer_append(out, bytes, size);
}

static int put_tag(struct base_buffer *out, int number, enum onnx_wire_type type)
{
    return put_varint(out, (uint64_t)number << 3 | (unsigned)type);
}

static int put_int(struct base_buffer *out, int number, int64_t value)
{
    BASE_TRY(put_tag(out, number, ONNX_WIRE_VARINT));
    return put_varint(out, (uint64_t)value);
}

static int put_float(struct base_buffer *out, int number, float value)
{
    BASE_TRY(put_tag(out, number, ONNX_WIRE_FIXED32));
    return base_buffer_append(out, &value, 4);
}

static int put_bytes(struct base_buffer *out, int number, const void *data, size_t size)
{
    BASE_TRY(put_tag(out, number, ONNX_WIRE_BYTES));
    BASE_TRY(put_varint(out, size));
    return base_buffer_append(out, data, size);
}

static int put_string(struct base_buffer *out, int number, const char *text)
{
    return put_bytes(out, number, text, strlen(text));
}

/* Ends a message that was built apart: appends it as a field when all went well, and frees it. */
static int put_message(struct base_buffer *out, int number, struct base_buffer *message, int code)
{
    if (code == 0)
        code = put_bytes(out, number, message->data, message->size);
    base_buffer_free(message);
    return code;
}

static struct base_buffer make_message(const struct onnx_writer *writer)
{
    struct base_buffer message;
    base_buffer_init(&message, writer->model.limit);
    return message;
}

static void keep_error(struct onnx_writer *writer, int code)
{
    if (writer->code == 0 && code < 0)
        writer->code = code;
}

/* ---- The model ------------------------------------------------------------------------------- */

void onnx_writer_init(struct onnx_writer *writer, size_t limit)
{
    *writer = (struct onnx_writer){0};
    base_buffer_init(&writer->model, limit);
    base_buffer_init(&writer->graph, limit);
    base_buffer_init(&writer->node, limit);
    keep_error(writer, put_int(&writer->model, 1, IR_VERSION));
    keep_error(writer, put_string(&writer->model, 2, "stance"));
    keep_error(writer, put_string(&writer->graph, 2, "graph"));
}

void onnx_writer_free(struct onnx_writer *writer)
{
    base_buffer_free(&writer->model);
    base_buffer_free(&writer->graph);
    base_buffer_free(&writer->node);
}

void onnx_writer_opset(struct onnx_writer *writer, const char *domain, int64_t version)
{
    struct base_buffer message = make_message(writer);
    int code = domain[0] ? put_string(&message, 1, domain) : 0;
    if (code == 0)
        code = put_int(&message, 2, version);
    keep_error(writer, put_message(&writer->model, 8, &message, code));
}

void onnx_writer_property(struct onnx_writer *writer, const char *key, const char *value)
{
    struct base_buffer message = make_message(writer);
    int code = put_string(&message, 1, key);
    if (code == 0)
        code = put_string(&message, 2, value);
    keep_error(writer, put_message(&writer->model, 14, &message, code));
}

/* ---- Inputs, outputs, values ----------------------------------------------------------------- */

static int put_dim(struct base_buffer *shape, const char *name, int axis, int64_t dim)
{
    struct base_buffer message;
    char symbol[64];
    base_buffer_init(&message, shape->limit);
    snprintf(symbol, sizeof symbol, "%.50s_%d", name, axis);
    int code = dim < 0 ? put_string(&message, 2, symbol) : put_int(&message, 1, dim);
    return put_message(shape, 1, &message, code);
}

static int put_type(struct base_buffer *info, const char *name, int dtype, int rank,
                    const int64_t *dims)
{
    struct base_buffer shape, tensor, type;
    base_buffer_init(&shape, info->limit);
    base_buffer_init(&tensor, info->limit);
    base_buffer_init(&type, info->limit);
    int code = 0;
    for (int i = 0; i < rank && code == 0; i++)
        code = put_dim(&shape, name, i, dims[i]);
    if (code == 0)
        code = put_int(&tensor, 1, dtype);
    if (rank >= 0)
        code = put_message(&tensor, 2, &shape, code);
    code = put_message(&type, 1, &tensor, code);
    return put_message(info, 2, &type, code);
}

static void add_value(struct onnx_writer *writer, int number, const char *name, int dtype, int rank,
                      const int64_t *dims)
{
    struct base_buffer message = make_message(writer);
    int code = put_string(&message, 1, name);
    if (code == 0)
        code = put_type(&message, name, dtype, rank, dims);
    keep_error(writer, put_message(&writer->graph, number, &message, code));
}

void onnx_writer_input(struct onnx_writer *writer, const char *name, int dtype, int rank,
                       const int64_t *dims)
{
    add_value(writer, 11, name, dtype, rank, dims);
}

void onnx_writer_output(struct onnx_writer *writer, const char *name, int dtype, int rank,
                        const int64_t *dims)
{
    add_value(writer, 12, name, dtype, rank, dims);
}

void onnx_writer_value(struct onnx_writer *writer, const char *name, int dtype, int rank,
                       const int64_t *dims)
{
    add_value(writer, 13, name, dtype, rank, dims);
}

/* ---- Tensors --------------------------------------------------------------------------------- */

static int fill_tensor(struct base_buffer *message, const char *name,
                       const struct stance_tensor *tensor)
{
    for (int i = 0; i < tensor->rank; i++)
        BASE_TRY(put_int(message, 1, tensor->dims[i]));
    BASE_TRY(put_int(message, 2, tensor->dtype));
    BASE_TRY(put_string(message, 8, name));
    return put_bytes(message, 9, tensor->data, tensor_bytes(tensor));
}

static int put_tensor(struct base_buffer *out, int number, const char *name,
                      const struct stance_tensor *tensor)
{
    struct base_buffer message;
    base_buffer_init(&message, out->limit);
    return put_message(out, number, &message, fill_tensor(&message, name, tensor));
}

void onnx_writer_initializer(struct onnx_writer *writer, const char *name,
                             const struct stance_tensor *tensor)
{
    keep_error(writer, put_tensor(&writer->graph, 5, name, tensor));
}

/* ---- Nodes ----------------------------------------------------------------------------------- */

static void close_node(struct onnx_writer *writer)
{
    if (!writer->in_node)
        return;
    writer->in_node = false;
    keep_error(writer, put_message(&writer->graph, 1, &writer->node, writer->code));
}

static int put_names(struct base_buffer *out, int number, const char *names)
{
    if (!names)
        return 0;
    for (;;) {
        size_t size = strcspn(names, ",");
        BASE_TRY(put_bytes(out, number, names, size));
        if (!names[size])
            return 0;
        names += size + 1;
    }
}

static void name_node(struct onnx_writer *writer, const char *type, const char *name)
{
    keep_error(writer, put_string(&writer->node, 3, name));
    keep_error(writer, put_string(&writer->node, 4, type));
}

void onnx_writer_node(struct onnx_writer *writer, const char *type, const char *name,
                      const char *inputs, const char *outputs)
{
    close_node(writer);
    writer->in_node = true;
    keep_error(writer, put_names(&writer->node, 1, inputs));
    keep_error(writer, put_names(&writer->node, 2, outputs));
    name_node(writer, type, name);
}

void onnx_writer_node_listed(struct onnx_writer *writer, const char *type, const char *name,
                             const char *const *inputs, size_t input_count,
                             const char *const *outputs, size_t output_count)
{
    close_node(writer);
    writer->in_node = true;
    for (size_t i = 0; i < input_count; i++)
        keep_error(writer, put_string(&writer->node, 1, inputs[i]));
    for (size_t i = 0; i < output_count; i++)
        keep_error(writer, put_string(&writer->node, 2, outputs[i]));
    name_node(writer, type, name);
}

void onnx_writer_domain(struct onnx_writer *writer, const char *domain)
{
    keep_error(writer, put_string(&writer->node, 7, domain));
}

/* Begins an attribute; `code` carries on to end_attribute(). */
static int begin_attribute(struct onnx_writer *writer, struct base_buffer *message,
                           const char *name, enum onnx_attribute_type type)
{
    *message = make_message(writer);
    if (!writer->in_node)
        return base_error(STANCE_EARGUMENT, "the attribute '%s' has no node", name);
    BASE_TRY(put_string(message, 1, name));
    return put_int(message, 20, type);
}

static void end_attribute(struct onnx_writer *writer, struct base_buffer *message, int code)
{
    keep_error(writer, put_message(&writer->node, 5, message, code));
}

void onnx_writer_int(struct onnx_writer *writer, const char *name, int64_t value)
{
    struct base_buffer message;
    int code = begin_attribute(writer, &message, name, ONNX_ATTRIBUTE_INT);
    end_attribute(writer, &message, code < 0 ? code : put_int(&message, 3, value));
}

void onnx_writer_float(struct onnx_writer *writer, const char *name, float value)
{
    struct base_buffer message;
    int code = begin_attribute(writer, &message, name, ONNX_ATTRIBUTE_FLOAT);
    end_attribute(writer, &message, code < 0 ? code : put_float(&message, 2, value));
}

void onnx_writer_string(struct onnx_writer *writer, const char *name, const char *value)
{
    struct base_buffer message;
    int code = begin_attribute(writer, &message, name, ONNX_ATTRIBUTE_STRING);
    end_attribute(writer, &message, code < 0 ? code : put_string(&message, 4, value));
}

void onnx_writer_ints(struct onnx_writer *writer, const char *name, const int64_t *values,
                      size_t count)
{
    struct base_buffer message;
    int code = begin_attribute(writer, &message, name, ONNX_ATTRIBUTE_INTS);
    for (size_t i = 0; i < count && code == 0; i++)
        code = put_int(&message, 8, values[i]);
    end_attribute(writer, &message, code);
}

void onnx_writer_floats(struct onnx_writer *writer, const char *name, const float *values,
                        size_t count)
{
    struct base_buffer message;
    int code = begin_attribute(writer, &message, name, ONNX_ATTRIBUTE_FLOATS);
    for (size_t i = 0; i < count && code == 0; i++)
        code = put_float(&message, 7, values[i]);
    end_attribute(writer, &message, code);
}

void onnx_writer_strings(struct onnx_writer *writer, const char *name, const char *const *values,
                         size_t count)
{
    struct base_buffer message;
    int code = begin_attribute(writer, &message, name, ONNX_ATTRIBUTE_STRINGS);
    for (size_t i = 0; i < count && code == 0; i++)
        code = put_string(&message, 9, values[i]);
    end_attribute(writer, &message, code);
}

void onnx_writer_tensor(struct onnx_writer *writer, const char *name,
                        const struct stance_tensor *value)
{
    struct base_buffer message;
    int code = begin_attribute(writer, &message, name, ONNX_ATTRIBUTE_TENSOR);
    end_attribute(writer, &message, code < 0 ? code : put_tensor(&message, 5, "", value));
}

int onnx_writer_finish(struct onnx_writer *writer, struct base_buffer *out)
{
    close_node(writer);
    keep_error(writer, put_message(&writer->model, 7, &writer->graph, writer->code));
    if (writer->code < 0)
        return writer->code;
    return base_buffer_append(out, writer->model.data, writer->model.size);
}
