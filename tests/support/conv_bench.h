/* Times the convolutions of a network, layer after layer in its order as an engine would run them,
 * on one thread. */
#ifndef CONV_BENCH_H
#define CONV_BENCH_H

#include "kernel/kernel.h"

/* Plans with one method of a tier; -1 is the tier's own choice. Negative where it does
 * not apply. */
int conv_plan_with(enum base_cpu_tier tier, struct kernel_conv_plan *plan,
                   const struct kernel_conv_shape *shape, const struct kernel_epilogue *epilogue,
                   int method);

/* Prints the median time, GFLOP/s and share of the tier's peak of every layer and their sum.
 * Lines of the file: N C H W K kh kw sh sw ph pw dh dw groups OH OW activation [transposed], where
 * activation is silu or something else for none. Layers with 3 channels read and layers with 17
 * write NCHW. `tier` NULL is the best one. Layers that `method` cannot do use the tier's choice.
 * Returns the exit status. */
int conv_bench(const char *path, const char *tier, int method);

/* The same for convolutions of bytes. */
int qconv_plan_with(enum base_cpu_tier tier, struct kernel_qconv_plan *plan,
                    const struct kernel_conv_shape *shape, const struct kernel_epilogue *epilogue,
                    const struct kernel_bytes *input, const struct kernel_bytes *residual,
                    const struct kernel_bytes *output, int method);

/* Prints the least time of every layer in floats, as the tier chooses, and in bytes, pass by pass in
 * turns; and both sums over the layers that have bytes. The peak is of multiply-adds of bytes. */
int qconv_bench(const char *path, const char *tier, int method);

#endif
