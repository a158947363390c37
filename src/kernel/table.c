/* Which table of kernels a processor tier has. */
#include "kernel/kernel.h"

extern const struct kernel_table kernel_table_ref;
#if defined(__x86_64__)
extern const struct kernel_table kernel_table_simd_avx2, kernel_table_simd_avx512;
#elif defined(__aarch64__)
extern const struct kernel_table kernel_table_simd_neon;
#endif

const struct kernel_table *kernel_table(enum base_cpu_tier tier)
{
#if defined(__x86_64__)
    if (tier == BASE_CPU_AVX512)
        return &kernel_table_simd_avx512;
    if (tier == BASE_CPU_AVX2)
        return &kernel_table_simd_avx2;
#elif defined(__aarch64__)
    if (tier == BASE_CPU_NEON)
        return &kernel_table_simd_neon;
#endif
    return &kernel_table_ref;
}
