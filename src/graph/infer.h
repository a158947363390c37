/* What the inference files (infer_*.c) share: access to inputs, checked outputs, axes and integer
 * parameters that come as attribute or as input.
 *
 * Dims are -1 (not known) or 0 … TENSOR_MAX_COUNT everywhere, so sums of a few and the product of
 * two dims stay far inside int64. */
#ifndef GRAPH_INFER_H
#define GRAPH_INFER_H

#include "graph/graph.h"

/* Tables of operators, each ending with a NULL type. */
extern const struct graph_op graph_ops_elementwise[];
extern const struct graph_op graph_ops_reduce[];
extern const struct graph_op graph_ops_matmul[];
extern const struct graph_op graph_ops_conv[];
extern const struct graph_op graph_ops_norm[];
extern const struct graph_op graph_ops_recurrent[];
extern const struct graph_op graph_ops_quantize[];
extern const struct graph_op graph_ops_shape[];
extern const struct graph_op graph_ops_slice[];
extern const struct graph_op graph_ops_index[];
extern const struct graph_op graph_ops_resize[];
extern const struct graph_op graph_ops_generate[];

/* Whether input i is connected. */
bool graph_infer_given(const struct graph_infer *infer, int i);
/* Shape and type of input i; rank -1 and NONE when it is left out. */
const struct tensor_shape *graph_infer_shape(const struct graph_infer *infer, int i);
int graph_infer_dtype(const struct graph_infer *infer, int i);
/* Contents of input i, or NULL. */
const struct stance_tensor *graph_infer_value(const struct graph_infer *infer, int i);

/* Sets output i unless nobody has a place for it. Errors: ELIMIT. */
int graph_infer_output(struct graph_infer *infer, int i, int dtype,
                       const struct tensor_shape *shape);
/* Output 0 with type and shape of input 0. */
int graph_infer_same(struct graph_infer *infer);
/* GraphConv, see skeleton.c. */
int graph_infer_graph_conv(struct graph_infer *infer);

/* Branches, see branches.c. */
int graph_infer_branches(struct graph_infer *infer);

/* ETYPE unless the types of inputs i and j agree or one is unknown / input i is `dtype`. */
int graph_infer_same_type(const struct graph_infer *infer, int i, int j);
int graph_infer_expect(const struct graph_infer *infer, int i, int dtype);
/* ESHAPE unless input i has rank `low` … `high` or an unknown one. */
int graph_infer_rank(const struct graph_infer *infer, int i, int low, int high);

/* Makes `axis` (negative counts from the end) an index below `rank`. Errors: EARGUMENT. */
int graph_infer_axis(int *out, int64_t axis, int rank);

/* A list of integers from an attribute or an input. */
struct graph_ints {
    bool given, known; /* `known` also when not given: then there are none */
    int count;         /* -1: not known */
    int64_t at[2 * STANCE_MAX_RANK];
};
/* The attribute `name` (NULL: there is none) goes before input `input` (-1: there is none).
 * Errors: ETYPE, ESHAPE, EUNSUPPORTED (more values than `at` holds). */
int graph_infer_ints(struct graph_ints *out, const struct graph_infer *infer, const char *name,
                     int input);
/* Normalises known axes in place; each may come once. Errors: EARGUMENT. */
int graph_infer_axes(struct graph_ints *axes, int rank);

/* A shape of `rank` unknown dims (-1: unknown rank). */
struct tensor_shape graph_shape_unknown(int rank);
/* Appends a dim. Errors: EUNSUPPORTED above STANCE_MAX_RANK. */
int graph_shape_push(struct tensor_shape *shape, int64_t dim);
/* Takes over what the other side knows of a dim that must be equal; false when they differ. */
bool graph_dim_merge(int64_t *dim, int64_t other);
/* a × b; -1 if one is not known; saturates far above every limit. */
int64_t graph_dim_multiply(int64_t a, int64_t b);
/* Product of dims first … last-1; -1 if one is not known. */
int64_t graph_shape_product(const struct tensor_shape *shape, int first, int last);

#endif
