/* The arithmetic peak of the tier: independent multiply-adds on registers. */
#include "kernel/simd/simd.h"
#include "kernel/simd/vec.h"

int64_t KERNEL_NAME(kernel_peak)(int64_t rounds)
{
    enum { CHAINS = 12 };
    vec sums[CHAINS], factor = vec_set1(0.5f), term = vec_set1(1.0f);
    VEC_UNROLL
    for (int i = 0; i < CHAINS; i++)
        sums[i] = vec_set1((float)i);
    for (int64_t r = 0; r < rounds; r++) {
        VEC_UNROLL
        for (int i = 0; i < CHAINS; i++)
            sums[i] = vec_fma(sums[i], factor, term);
    }
    vec total = vec_zero();
    VEC_UNROLL
    for (int i = 0; i < CHAINS; i++)
        total = vec_add(total, sums[i]);
    float lanes[VEC_LANES];
    vec_store(lanes, total);
    volatile float sink = lanes[0];
    (void)sink;
    return rounds * CHAINS * VEC_LANES;
}
