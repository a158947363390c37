/* Running single nodes through the generic operators: for constant folding, and behind operators
 * whose result sizes are known only at run time. */
#ifndef ENGINE_FOLD_H
#define ENGINE_FOLD_H

#include "engine/op.h"

/* Largest result of constant folding. */
#define ENGINE_FOLD_LIMIT ((size_t)256 << 20)

/* Evaluates nodes with constant inputs for the graph's passes; stateless. */
struct graph_folder engine_folder(void);

/* What a call needs beside its node. */
struct engine_context {
    int opset;
    struct engine_memory *memory;
    const struct kernel_table *kernels;
    struct base_pool *pool;
    bool worst_case;
};

/* Infers the outputs of a node from its inputs' contents, takes memory for them and runs it.
 * `in` and `out` have one entry per input and output of the node; outputs the node does not want
 * stay STANCE_DTYPE_NONE. Errors: without the node's name. */
int engine_evaluate(const struct engine_context *context, const struct graph_node *node,
                    const struct stance_tensor *in, struct stance_tensor *out);

/* Applies what fusion put behind a node to its first output, for operators that do not do it
 * themselves. `residual` NULL without one. */
void engine_epilogue_apply(const struct engine_context *context, const struct graph_node *node,
                           const struct stance_tensor *residual, struct stance_tensor *out);

#endif
