/* Operators as the engine runs them on plain tensors: any type, any shape, one call.
 *
 * These are the obvious implementations: constant folding, everything behind a NonMaxSuppression,
 * and whatever has no faster step use them. They read `in`, write `out`, and take scratch memory
 * from the call. Fast paths for blocked data live in engine/step_*.c. */
#ifndef ENGINE_OP_H
#define ENGINE_OP_H

#include "base/pool.h"
#include "graph/graph.h"
#include "kernel/kernel.h"

struct engine_memory;

struct engine_call {
    const struct graph_node *node;
    int opset, input_count, output_count;
    const struct stance_tensor *in; /* dtype STANCE_DTYPE_NONE: left out */
    struct stance_tensor *out;      /* typed and allocated as inference says; rank -1 where the
                                       operator is data_dependent: see engine_call_allocate() */
    struct engine_memory *memory;
    const struct kernel_table *kernels;
    struct base_pool *pool; /* never NULL */
    bool worst_case; /* planning: data-dependent operators produce as much as they ever can */
};

/* Errors: one sentence with the cause; the caller adds which node. */
typedef int engine_op_fn(struct engine_call *call);

struct engine_op {
    const char *type;
    engine_op_fn *run;
};

/* NULL: no such operator. */
const struct engine_op *engine_op_find(const char *type);

/* Memory of an output whose shape only the operator knows. Errors: ELIMIT, ENOMEMORY. */
int engine_call_allocate(struct engine_call *call, int output, int dtype,
                         const struct tensor_shape *shape);
/* Most steps of the innermost loop in one call of an operator whose work its attributes can blow up
 * out of proportion to its tensors (a pooling window, an Einsum): about ten seconds on one core. */
#define ENGINE_WORK_LIMIT ((int64_t)1 << 33)

/* Scratch until the call returns; NULL with the error set (see engine_memory_code()). 64-byte
 * aligned. */
void *engine_call_scratch(struct engine_call *call, size_t bytes);

/* The tables of the operator files, NULL-terminated; engine_op_find() looks through them. */
extern const struct engine_op engine_ops_elementwise[];
extern const struct engine_op engine_ops_unary[];
extern const struct engine_op engine_ops_binary[];
extern const struct engine_op engine_ops_reduce[];
extern const struct engine_op engine_ops_softmax[];
extern const struct engine_op engine_ops_matmul[];
extern const struct engine_op engine_ops_einsum[];
extern const struct engine_op engine_ops_conv[];
extern const struct engine_op engine_ops_pool[];
extern const struct engine_op engine_ops_roi[];
extern const struct engine_op engine_ops_norm[];
extern const struct engine_op engine_ops_layer_norm[];
extern const struct engine_op engine_ops_recurrent[];
extern const struct engine_op engine_ops_quantize[];
extern const struct engine_op engine_ops_integer[];
extern const struct engine_op engine_ops_shape[];
extern const struct engine_op engine_ops_fill[];
extern const struct engine_op engine_ops_move[];
extern const struct engine_op engine_ops_pad[];
extern const struct engine_op engine_ops_index[];
extern const struct engine_op engine_ops_scatter[];
extern const struct engine_op engine_ops_resize[];
extern const struct engine_op engine_ops_grid[];
extern const struct engine_op engine_ops_select[];
extern const struct engine_op engine_ops_nms[];

#endif
