/* The arithmetic peak of plain C: independent multiply-adds that the compiler may vectorise. */
#include "kernel/ref/ref.h"

int64_t kernel_ref_peak(int64_t rounds)
{
    enum { CHAINS = 32 };
    float sums[CHAINS];
    for (int i = 0; i < CHAINS; i++)
        sums[i] = (float)i;
    for (int64_t r = 0; r < rounds; r++)
        for (int i = 0; i < CHAINS; i++)
            sums[i] = sums[i] * 0.5f + 1.0f;
    volatile float sink = 0;
    for (int i = 0; i < CHAINS; i++)
        sink = sums[i];
    (void)sink;
    return rounds * CHAINS;
}

int64_t kernel_ref_peak_bytes(int64_t rounds)
{
    enum { CHAINS = 32 };
    int32_t sums[CHAINS];
    uint8_t left[CHAINS];
    volatile int8_t seed = 2;
    int8_t right = seed; /* not known before it runs */
    for (int i = 0; i < CHAINS; i++) {
        sums[i] = i;
        left[i] = (uint8_t)(right + i);
    }
    for (int64_t r = 0; r < rounds; r++) {
        for (int i = 0; i < CHAINS; i++)
            sums[i] += left[i] * right;
        right ^= 1;
    }
    volatile int32_t sink = 0;
    for (int i = 0; i < CHAINS; i++)
        sink = sums[i];
    (void)sink;
    return rounds * CHAINS;
}
