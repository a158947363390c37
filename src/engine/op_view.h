/* What operators ask of their call: which inputs are there, small integer lists, checked outputs;
 * and copies between strided layouts, which most data movement comes down to. */
#ifndef ENGINE_OP_VIEW_H
#define ENGINE_OP_VIEW_H

#include "engine/op.h"
#include "engine/op_chunk.h"

static inline bool engine_has_input(const struct engine_call *call, int i)
{
    return i < call->input_count && call->in[i].dtype != STANCE_DTYPE_NONE;
}

static inline bool engine_wants_output(const struct engine_call *call, int i)
{
    return i < call->output_count && call->out[i].dtype != STANCE_DTYPE_NONE;
}

/* Errors: EARGUMENT when one of the first `count` inputs is missing. */
int engine_need_inputs(const struct engine_call *call, int count);

/* Checks that output i was inferred as this type and shape, or allocates it when its shape was left
 * to the operator; fine for an output nobody wants. Errors: ETYPE, ESHAPE, ELIMIT, ENOMEMORY. */
int engine_call_output(struct engine_call *call, int i, int dtype,
                       const struct tensor_shape *shape);

struct engine_ints {
    int count; /* -1: not given */
    int64_t values[2 * STANCE_MAX_RANK];
};

/* A list that comes as input `input` (-1: never) or as attribute `name` (NULL: never). Errors:
 * ETYPE, ESHAPE (more values than `values` holds). */
int engine_ints_read(struct engine_ints *ints, const struct engine_call *call, int input,
                     const char *name);
/* Makes the values axes of a tensor of that rank, each at most once. Errors: EARGUMENT, ESHAPE. */
int engine_ints_as_axes(struct engine_ints *ints, int rank);

/* ELIMIT when outputs × steps, the steps that each output takes, are above ENGINE_WORK_LIMIT. */
int engine_check_work(int64_t outputs, int64_t steps);

/* Product of dims first … end-1. */
int64_t engine_dims_product(const struct stance_tensor *view, int first, int end);
/* Row-major strides in elements. */
void engine_strides(const struct stance_tensor *view, int64_t strides[STANCE_MAX_RANK]);

/* Index of a tensor of indices, negative counted from the end of `extent`. Errors: EARGUMENT. */
int engine_index_read(const struct stance_tensor *indices, int64_t i, int64_t extent, int64_t *out);

/* Stores a value of the double domain in any type, cut toward zero and clamped for integers. */
void engine_put(const struct stance_tensor *view, int64_t i, double value);

/* Right-aligns a window of 1 or 2 spatial dims, and the input's spatial dims, to three. */
void engine_window_widen(struct graph_window *window, int64_t in[3]);

enum { ENGINE_COPY_RANK = 2 * STANCE_MAX_RANK };

/* Moves dims[0] × … elements of `element` (1, 2, 4, 8) bytes; strides in bytes, any sign, 0 in
 * `from_stride` repeats. */
struct engine_copy {
    int rank;
    size_t element;
    const struct kernel_table *kernels; /* may be NULL; used for elements of four bytes */
    int64_t dims[ENGINE_COPY_RANK], from_stride[ENGINE_COPY_RANK], to_stride[ENGINE_COPY_RANK];
};
/* Appends a dim; strides in elements. */
void engine_copy_dim(struct engine_copy *copy, int64_t dim, int64_t from_stride, int64_t to_stride);
/* Sets the strides of `to` as if it were dense. */
void engine_copy_to_dense(struct engine_copy *copy);
/* Changes `copy` on the way. `from` and `to` must not overlap. */
void engine_copy_run(struct engine_copy *copy, const void *from, void *to, struct base_pool *pool);

/* out[i0][i1]… = in[index[0][i0]][index[1][i1]]…, or the element at `fill` where an index is
 * negative. The indices must lie inside `in`, whose rank is that of `out`. */
void engine_copy_mapped(const struct stance_tensor *in, const struct stance_tensor *out,
                        int64_t *const index[STANCE_MAX_RANK], const void *fill,
                        struct base_pool *pool);

#endif
