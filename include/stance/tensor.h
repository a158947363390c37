/* Tensors: typed n-dimensional arrays in row-major order, and .npy files.
 *
 * A stance_tensor is a plain view: it says where values lie, it never owns them unless a function
 * says so. Threads: views are values; the memory behind them belongs to whoever provided it. */
#ifndef STANCE_TENSOR_H
#define STANCE_TENSOR_H

#include <stddef.h>
#include <stdint.h>

#include "stance/error.h"

#ifdef __cplusplus
extern "C" {
#endif

#define STANCE_MAX_RANK 8

/* Numbers are those of ONNX TensorProto.DataType. Bool is one byte (0 or 1). */
enum stance_dtype {
    STANCE_DTYPE_NONE = 0,
    STANCE_FLOAT32 = 1,
    STANCE_UINT8 = 2,
    STANCE_INT8 = 3,
    STANCE_UINT16 = 4,
    STANCE_INT16 = 5,
    STANCE_INT32 = 6,
    STANCE_INT64 = 7,
    STANCE_BOOL = 9,
    STANCE_FLOAT16 = 10,
    STANCE_FLOAT64 = 11,
    STANCE_UINT32 = 12,
    STANCE_UINT64 = 13,
    STANCE_BFLOAT16 = 16,
};

struct stance_tensor {
    int32_t dtype; /* enum stance_dtype */
    int32_t rank;  /* 0 … STANCE_MAX_RANK; 0 is a scalar */
    int64_t dims[STANCE_MAX_RANK];
    void *data; /* dims[0] * … * dims[rank-1] values, row-major, without gaps */
};

/* Bytes of one element; 0 for an unknown type. */
STANCE_API size_t stance_dtype_size(int dtype);

/* "float32", "int64", …; "unknown" for an unknown type. Static. */
STANCE_API const char *stance_dtype_name(int dtype);

/* Number of elements (product of dims, 1 for a scalar). 0 when a dim is 0 or negative. */
STANCE_API int64_t stance_tensor_count(const struct stance_tensor *tensor);

/* Reads a .npy file (format 1.0–3.0, C or Fortran order, little endian, any dtype above but
 * bfloat16) into memory that the caller frees with stance_tensor_free(). At most 1 GiB.
 * Errors: EIO, ENOTFOUND, EFORMAT, EUNSUPPORTED, ELIMIT, ENOMEMORY. */
STANCE_API int stance_tensor_read_npy(struct stance_tensor *out, const char *path);

/* Writes a .npy file (format 1.0) under a temporary name and renames it. Errors: ETYPE (bfloat16),
 * ESHAPE, EIO, ELIMIT, ENOMEMORY. */
STANCE_API int stance_tensor_write_npy(const struct stance_tensor *tensor, const char *path);

/* Frees the data of a tensor from stance_tensor_read_npy() and clears the view. NULL is allowed. */
STANCE_API void stance_tensor_free(struct stance_tensor *tensor);

#ifdef __cplusplus
}
#endif
#endif
