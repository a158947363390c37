/* The ONNX operator conformance cases: model, inputs and expected outputs from one tar.gz. */
#ifndef ONNX_CASE_H
#define ONNX_CASE_H

#include <stdbool.h>

#include "onnx/onnx_model.h"
#include "tensor/storage.h"

enum { ONNX_CASE_TENSORS = 16, ONNX_CASE_NAME = 100 };

struct onnx_case_bytes {
    const unsigned char *data; /* NULL: there is none */
    size_t size;
};

struct onnx_case {
    char name[ONNX_CASE_NAME]; /* "add_bcast": without "test_" */
    struct onnx_case_bytes model, inputs[ONNX_CASE_TENSORS], outputs[ONNX_CASE_TENSORS];
};

struct onnx_cases {
    unsigned char *archive; /* unpacked tar, which the cases point into */
    struct onnx_case *cases;
    int count;
};

/* Reads the archive and sorts its cases by name. Errors: EIO, EFORMAT, ENOMEMORY. */
int onnx_cases_open(struct onnx_cases *out, const char *path);
void onnx_cases_close(struct onnx_cases *cases);

/* Decodes a TensorProto. Errors: EFORMAT, EUNSUPPORTED (not a tensor of a known element type). */
int onnx_case_tensor(struct tensor **out, const struct onnx_case_bytes *bytes);

/* Whether two tensors agree: type and shape equal, integers equal, floats within
 * 1e-5 + 1e-3 |expected| (halves: 1e-3 + 1e-2 |expected|). False with the error sentence set. */
bool onnx_case_agrees(const struct stance_tensor *tensor, const struct stance_tensor *expected);

#endif
