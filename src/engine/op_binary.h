/* Binary operators over broadcast operands: the loop that op_binary.c and op_elementwise.c share.
 */
#ifndef ENGINE_OP_BINARY_H
#define ENGINE_OP_BINARY_H

#include "engine/op_broadcast.h"
#include "engine/op_chunk.h"

/* out[i] = a[i] op b[i] on arrays of the domains' types; bool results as uint8_t. */
typedef void engine_binary_fn(const void *a, const void *b, void *out, int64_t count);

struct engine_binary {
    engine_binary_fn *fn;
    enum engine_domain left, right, out;
    bool to_bool;
};

/* Runs fn over out = a op b; `out` may be `a` where their shapes are equal. Errors: ESHAPE. */
int engine_binary_run(struct engine_call *call, const struct engine_binary *binary,
                      const struct stance_tensor *a, const struct stance_tensor *b,
                      const struct stance_tensor *out);

/* Defines an engine_binary_fn: `expression` of the elements a and b. */
#define ENGINE_BINARY(name, left, right, result, expression)                                       \
    static void name(const void *left_values, const void *right_values, void *results,             \
                     int64_t count)                                                                \
    {                                                                                              \
        const left *x = left_values;                                                               \
        const right *y = right_values;                                                             \
        result *z = results;                                                                       \
        for (int64_t i = 0; i < count; i++) {                                                      \
            const left a = x[i];                                                                   \
            const right b = y[i];                                                                  \
            z[i] = (result)(expression);                                                           \
        }                                                                                          \
    }

#endif
