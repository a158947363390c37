/* Walking several tensors in step under numpy's broadcasting rule. */
#ifndef ENGINE_OP_BROADCAST_H
#define ENGINE_OP_BROADCAST_H

#include "engine/op.h"

enum { ENGINE_OPERANDS = 3 };

/* Dims of the output with neighbours joined where every operand allows it; rank is at least 1. */
struct engine_broadcast {
    int rank, operands;
    int64_t count; /* elements of the output */
    int64_t dims[STANCE_MAX_RANK];
    int64_t strides[ENGINE_OPERANDS][STANCE_MAX_RANK]; /* elements; 0: repeated */
};

/* Errors: ESHAPE when an operand cannot be broadcast to the output's shape. */
int engine_broadcast_plan(struct engine_broadcast *plan, const struct stance_tensor *out,
                          const struct stance_tensor *const *in, int operands);

/* Each operand's offset for output element `at`; returns the elements from there to the end of the
 * innermost dim, along which operand k advances by strides[k][rank - 1]. */
int64_t engine_broadcast_at(const struct engine_broadcast *plan, int64_t at,
                            int64_t offsets[ENGINE_OPERANDS]);

#endif
