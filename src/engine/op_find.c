/* Finding an operator by type through the tables of the operator files. */
#include <string.h>

#include "engine/op.h"

static const struct engine_op *const tables[] = {
    engine_ops_elementwise, engine_ops_unary,    engine_ops_binary,  engine_ops_reduce,
    engine_ops_softmax,     engine_ops_matmul,   engine_ops_einsum,  engine_ops_conv,
    engine_ops_pool,        engine_ops_roi,      engine_ops_norm,    engine_ops_layer_norm,
    engine_ops_recurrent,   engine_ops_quantize, engine_ops_integer, engine_ops_shape,
    engine_ops_fill,        engine_ops_move,     engine_ops_pad,     engine_ops_index,
    engine_ops_scatter,     engine_ops_resize,   engine_ops_grid,    engine_ops_select,
    engine_ops_nms,
};

const struct engine_op *engine_op_find(const char *type)
{
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        for (const struct engine_op *op = tables[i]; op->type; op++)
            if (strcmp(op->type, type) == 0)
                return op;
    return NULL;
}
