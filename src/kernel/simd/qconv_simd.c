/* Which method computes a convolution of bytes. */
#include "kernel/simd/qconv.h"

int KERNEL_NAME(kernel_qconv_plan_with)(struct kernel_qconv_plan *plan,
                                        const struct kernel_conv_shape *shape,
                                        const struct kernel_epilogue *epilogue,
                                        const struct kernel_bytes *input,
                                        const struct kernel_bytes *residual,
                                        const struct kernel_bytes *output, int method)
{
    *plan = (struct kernel_qconv_plan){.shape = *shape,
                                       .epilogue = *epilogue,
                                       .input = *input,
                                       .residual = *residual,
                                       .output = *output,
                                       .method = method};
    return STANCE_EUNSUPPORTED;
}

int KERNEL_NAME(kernel_qconv_plan)(struct kernel_qconv_plan *plan,
                                   const struct kernel_conv_shape *shape,
                                   const struct kernel_epilogue *epilogue,
                                   const struct kernel_bytes *input,
                                   const struct kernel_bytes *residual,
                                   const struct kernel_bytes *output)
{
    for (int method = 0; method < QCONV_METHODS; method++)
        if (KERNEL_NAME(kernel_qconv_plan_with)(plan, shape, epilogue, input, residual, output,
                                                method) == 0)
            return 0;
    return base_error(STANCE_EUNSUPPORTED,
                      "the %s tier has no kernel of bytes for this convolution",
                      base_cpu_name(KERNEL_TIER));
}

void KERNEL_NAME(kernel_qconv_pack)(const struct kernel_qconv_plan *plan, const int8_t *weights,
                                    const float *weight_scales, const float *bias, void *packed)
{
    (void)plan, (void)weights, (void)weight_scales, (void)bias, (void)packed;
}

void KERNEL_NAME(kernel_qconv_run)(const struct kernel_qconv_plan *plan,
                                   const struct kernel_qconv_buffers *buffers, int part, int parts)
{
    (void)plan, (void)buffers, (void)part, (void)parts;
}
