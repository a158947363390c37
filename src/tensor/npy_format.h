/* .npy bytes to and from tensors, without files. The public side is stance/tensor.h. */
#ifndef TENSOR_NPY_FORMAT_H
#define TENSOR_NPY_FORMAT_H

#include "base/buffer.h"
#include "stance/tensor.h"

/* Reads a whole .npy file; the caller frees `out` with stance_tensor_free(). Errors: EFORMAT,
 * EUNSUPPORTED (another element type, big endian), ELIMIT, ENOMEMORY. */
int tensor_npy_parse(const unsigned char *data, size_t size, struct stance_tensor *out);

/* Appends a .npy file (format 1.0). Errors: ETYPE (bfloat16), ESHAPE, ELIMIT, ENOMEMORY. */
int tensor_npy_format(const struct stance_tensor *tensor, struct base_buffer *out);

#endif
