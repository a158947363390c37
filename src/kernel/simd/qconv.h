/* What the convolutions of bytes of a SIMD tier share. */
#ifndef KERNEL_SIMD_QCONV_H
#define KERNEL_SIMD_QCONV_H

#include "kernel/simd/simd.h"

enum qconv_method { QCONV_METHODS };

/* Plans with one method; EUNSUPPORTED, without a sentence, where it does not apply. For tests. */
int KERNEL_NAME(kernel_qconv_plan_with)(struct kernel_qconv_plan *plan,
                                        const struct kernel_conv_shape *shape,
                                        const struct kernel_epilogue *epilogue,
                                        const struct kernel_bytes *input,
                                        const struct kernel_bytes *residual,
                                        const struct kernel_bytes *output, int method);

#endif
