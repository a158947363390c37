/* Tensors inside the library: shapes with unknown dims, and reference-counted contents.
 * The public view is stance/tensor.h. */
#ifndef TENSOR_STORAGE_H
#define TENSOR_STORAGE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/errors.h"
#include "stance/tensor.h"

/* More elements than this in one tensor is refused. */
#define TENSOR_MAX_COUNT ((int64_t)1 << 30)

struct tensor_shape {
    int32_t rank;                  /* -1: not known */
    int64_t dims[STANCE_MAX_RANK]; /* -1: not known */
};

/* Contents with an owner. Immutable once shared between threads. */
struct tensor {
    struct stance_tensor view;
    atomic_int references;
    void *owned;                    /* freed with the tensor, or NULL */
    void (*release)(void *context); /* called with the tensor's end for foreign memory, or NULL */
    void *context;
};

/* Whether rank and all dims are known. */
bool tensor_shape_known(const struct tensor_shape *shape);
bool tensor_shape_equal(const struct tensor_shape *a, const struct tensor_shape *b);
struct tensor_shape tensor_shape_of(const struct stance_tensor *view);
struct tensor_shape tensor_shape_make(int rank, const int64_t *dims);
/* Elements of a known shape. Errors: ESHAPE for a negative dim, ELIMIT where the dims other than 0
 * have a product above TENSOR_MAX_COUNT, so that products of some of the dims never overflow. */
int tensor_shape_count(const struct tensor_shape *shape, int64_t *count);
/* "1x3x256x192", "scalar", "?x3" into `text`; returns text. */
enum { TENSOR_SHAPE_TEXT = 8 * 21 };
char *tensor_shape_text(const struct tensor_shape *shape, char text[TENSOR_SHAPE_TEXT]);
/* Parses "1x3x256x192" (and "scalar"). Errors: EARGUMENT. */
int tensor_shape_parse(struct tensor_shape *shape, const char *text);
/* Numpy's rule for two shapes. Unknown dims stay unknown unless the other side decides.
 * Errors: ESHAPE. */
int tensor_shape_broadcast(struct tensor_shape *out, const struct tensor_shape *a,
                           const struct tensor_shape *b);

/* A tensor with uninitialised contents. Errors: ELIMIT, ESHAPE, ENOMEMORY, ETYPE. */
int tensor_open(struct tensor **out, int dtype, const struct tensor_shape *shape);
/* A tensor over memory that stays valid until `release(context)` is called (release may be NULL). */
int tensor_wrap(struct tensor **out, const struct stance_tensor *view, void (*release)(void *),
                void *context);
struct tensor *tensor_keep(struct tensor *tensor);
/* Drops one reference; NULL allowed; sets NULL. */
void tensor_close(struct tensor **tensor);

/* Bytes of a tensor's contents. */
size_t tensor_bytes(const struct stance_tensor *view);
/* Element i of an integer or bool tensor as int64; of a float tensor truncated and saturated, NaN
 * as 0. */
int64_t tensor_int(const struct stance_tensor *view, int64_t i);
/* Element i of any tensor as double. */
double tensor_float(const struct stance_tensor *view, int64_t i);
/* Stores a double as element i, rounded as the type asks (floats to nearest even). */
void tensor_set(const struct stance_tensor *view, int64_t i, double value);

/* IEEE half and bfloat16 to and from float, round to nearest even. */
float tensor_half_to_float(uint16_t half);
void tensor_halves_to_floats(float *out, const uint16_t *halves, int64_t count);
uint16_t tensor_float_to_half(float value);
float tensor_bfloat_to_float(uint16_t bits);
uint16_t tensor_float_to_bfloat(float value);

#endif
