/* Builds small ONNX models: for tests, quantised copies and exports. No checks beyond memory: what
 * is asked for is written.
 *
 * Errors stick: after the first one nothing more is added and onnx_writer_finish() returns it.
 * Nodes, initialisers, inputs and outputs may be added in any order. Strings and tensors are copied
 * at once. Threads: one writer, one thread. */
#ifndef ONNX_ONNX_WRITE_H
#define ONNX_ONNX_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "stance/tensor.h"

struct onnx_writer {
    struct base_buffer model, graph,
        node; /* fields of the ModelProto, GraphProto, open NodeProto */
    int code;
    bool in_node;
};

/* `limit`: most bytes of the finished model. */
void onnx_writer_init(struct onnx_writer *writer, size_t limit);
void onnx_writer_free(struct onnx_writer *writer);

/* ONNX itself is "". A model needs at least one. */
void onnx_writer_opset(struct onnx_writer *writer, const char *domain, int64_t version);
void onnx_writer_property(struct onnx_writer *writer, const char *key, const char *value);

/* A graph input or output. A dim of -1 becomes symbolic ("NAME_0"); rank -1: no shape. */
void onnx_writer_input(struct onnx_writer *writer, const char *name, int dtype, int rank,
                       const int64_t *dims);
void onnx_writer_output(struct onnx_writer *writer, const char *name, int dtype, int rank,
                        const int64_t *dims);
/* An entry of the graph's value_info list. */
void onnx_writer_value(struct onnx_writer *writer, const char *name, int dtype, int rank,
                       const int64_t *dims);

/* Values as raw_data. */
void onnx_writer_initializer(struct onnx_writer *writer, const char *name,
                             const struct stance_tensor *tensor);

/* A node: attributes follow until the next call of another kind. `inputs` and `outputs`: names
 * separated by commas, "" for one left out ("x,,b"); NULL for none. */
void onnx_writer_node(struct onnx_writer *writer, const char *type, const char *name,
                      const char *inputs, const char *outputs);
/* The same with lists of names, which may hold commas. */
void onnx_writer_node_listed(struct onnx_writer *writer, const char *type, const char *name,
                             const char *const *inputs, size_t input_count,
                             const char *const *outputs, size_t output_count);
/* Sets the open node's domain. */
void onnx_writer_domain(struct onnx_writer *writer, const char *domain);
void onnx_writer_int(struct onnx_writer *writer, const char *name, int64_t value);
void onnx_writer_float(struct onnx_writer *writer, const char *name, float value);
void onnx_writer_string(struct onnx_writer *writer, const char *name, const char *value);
void onnx_writer_ints(struct onnx_writer *writer, const char *name, const int64_t *values,
                      size_t count);
void onnx_writer_floats(struct onnx_writer *writer, const char *name, const float *values,
                        size_t count);
void onnx_writer_strings(struct onnx_writer *writer, const char *name, const char *const *values,
                         size_t count);
void onnx_writer_tensor(struct onnx_writer *writer, const char *name,
                        const struct stance_tensor *value);

/* Appends the model to `out`. The writer can only be freed afterwards. Errors: ELIMIT, ENOMEMORY,
 * EARGUMENT (an attribute without a node). */
int onnx_writer_finish(struct onnx_writer *writer, struct base_buffer *out);

#endif
