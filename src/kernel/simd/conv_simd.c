/* Which method computes a convolution. */
#include "kernel/simd/conv.h"

struct method {
    int (*plan)(struct kernel_conv_plan *plan);
    void (*pack)(const struct kernel_conv_plan *plan, const float *weights, const float *bias,
                 float *packed);
    void (*run)(const struct kernel_conv_plan *plan, const struct kernel_conv_buffers *buffers,
                int part, int parts);
};

static const struct method methods[CONV_METHODS] = {
    [CONV_DIRECT] = {KERNEL_NAME(conv_direct_plan), KERNEL_NAME(conv_direct_pack),
                     KERNEL_NAME(conv_direct_run)},
    [CONV_DEPTHWISE] = {KERNEL_NAME(conv_depthwise_plan), KERNEL_NAME(conv_depthwise_pack),
                        KERNEL_NAME(conv_depthwise_run)},
    [CONV_SCATTER] = {KERNEL_NAME(conv_scatter_plan), KERNEL_NAME(conv_scatter_pack),
                      KERNEL_NAME(conv_scatter_run)},
    [CONV_STEM] = {KERNEL_NAME(conv_stem_plan), KERNEL_NAME(conv_stem_pack),
                   KERNEL_NAME(conv_stem_run)},
    [CONV_WINOGRAD_4] = {KERNEL_NAME(conv_winograd_plan), KERNEL_NAME(conv_winograd_pack),
                         KERNEL_NAME(conv_winograd_run)},
    [CONV_WINOGRAD_LINE] = {KERNEL_NAME(conv_winograd_plan), KERNEL_NAME(conv_winograd_pack),
                            KERNEL_NAME(conv_winograd_run)},
    [CONV_WINOGRAD_2] = {KERNEL_NAME(conv_winograd_plan), KERNEL_NAME(conv_winograd_pack),
                         KERNEL_NAME(conv_winograd_run)},
};

int KERNEL_NAME(kernel_conv_plan_with)(struct kernel_conv_plan *plan,
                                       const struct kernel_conv_shape *shape,
                                       const struct kernel_epilogue *epilogue, int method)
{
    *plan = (struct kernel_conv_plan){.shape = *shape, .epilogue = *epilogue, .method = method};
    if (method < 0 || method >= CONV_METHODS || !methods[method].plan)
        return STANCE_EUNSUPPORTED;
    return methods[method].plan(plan);
}

int KERNEL_NAME(kernel_conv_plan)(struct kernel_conv_plan *plan,
                                  const struct kernel_conv_shape *shape,
                                  const struct kernel_epilogue *epilogue)
{
    struct kernel_conv_plan other;
    bool found = false;
    for (int method = 0; method < CONV_METHODS; method++)
        if (KERNEL_NAME(kernel_conv_plan_with)(&other, shape, epilogue, method) == 0 &&
            (!found || other.tile[CONV_COST] < plan->tile[CONV_COST])) {
            *plan = other;
            found = true;
        }
    if (found)
        return 0;
    return base_error(STANCE_EUNSUPPORTED, "the %s tier has no kernel for this convolution",
                      base_cpu_name(KERNEL_TIER));
}

void KERNEL_NAME(kernel_conv_pack)(const struct kernel_conv_plan *plan, const float *weights,
                                   const float *bias, void *packed)
{
    methods[plan->method].pack(plan, weights, bias, packed);
}

void KERNEL_NAME(kernel_conv_run)(const struct kernel_conv_plan *plan,
                                  const struct kernel_conv_buffers *buffers, int part, int parts)
{
    methods[plan->method].run(plan, buffers, part, parts);
}
