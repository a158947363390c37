/* Broadcasting: strides of every operand over the output's dims, fewest dims first. */
#include "engine/op_broadcast.h"

static int operand_strides(int64_t *strides, const struct stance_tensor *out,
                           const struct stance_tensor *in)
{
    int missing = out->rank - in->rank;
    bool fits = missing >= 0;
    int64_t step = 1;
    for (int i = out->rank - 1; i >= 0 && fits; i--) {
        int64_t dim = i < missing ? 1 : in->dims[i - missing];
        fits = dim == out->dims[i] || dim == 1;
        strides[i] = dim == 1 ? 0 : step;
        step *= dim;
    }
    if (fits)
        return 0;
    struct tensor_shape from = tensor_shape_of(in), to = tensor_shape_of(out);
    char left[TENSOR_SHAPE_TEXT], right[TENSOR_SHAPE_TEXT];
    return base_error(STANCE_ESHAPE, "shape %s cannot be broadcast to %s",
                      tensor_shape_text(&from, left), tensor_shape_text(&to, right));
}

/* Whether dim `inner` continues the plan's last dim for every operand. */
static bool joins(const struct engine_broadcast *plan, int64_t strides[][STANCE_MAX_RANK],
                  int inner, int64_t inner_dim)
{
    for (int k = 0; k < plan->operands; k++)
        if (plan->strides[k][plan->rank - 1] != strides[k][inner] * inner_dim)
            return false;
    return true;
}

int engine_broadcast_plan(struct engine_broadcast *plan, const struct stance_tensor *out,
                          const struct stance_tensor *const *in, int operands)
{
    int64_t strides[ENGINE_OPERANDS][STANCE_MAX_RANK] = {{0}};
    *plan = (struct engine_broadcast){.operands = operands, .count = stance_tensor_count(out)};
    for (int k = 0; k < operands; k++)
        BASE_TRY(operand_strides(strides[k], out, in[k]));
    for (int i = 0; i < out->rank; i++) {
        int64_t dim = out->dims[i];
        if (dim == 1)
            continue;
        bool join = plan->rank > 0 && joins(plan, strides, i, dim);
        if (!join)
            plan->rank++;
        plan->dims[plan->rank - 1] = join ? plan->dims[plan->rank - 1] * dim : dim;
        for (int k = 0; k < operands; k++)
            plan->strides[k][plan->rank - 1] = strides[k][i];
    }
    if (plan->rank == 0)
        plan->dims[plan->rank++] = 1;
    return 0;
}

int64_t engine_broadcast_at(const struct engine_broadcast *plan, int64_t at,
                            int64_t offsets[ENGINE_OPERANDS])
{
    int64_t last = plan->dims[plan->rank - 1], inner = at % last, rest = at / last;
    for (int k = 0; k < plan->operands; k++)
        offsets[k] = inner * plan->strides[k][plan->rank - 1];
    for (int i = plan->rank - 2; i >= 0 && rest > 0; i--) {
        int64_t index = rest % plan->dims[i];
        rest /= plan->dims[i];
        for (int k = 0; k < plan->operands; k++)
            offsets[k] += index * plan->strides[k][i];
    }
    return last - inner;
}
