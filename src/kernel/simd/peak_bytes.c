/* The arithmetic peak of the tier on bytes: independent sums of products of unsigned and signed ones. */
#include "base/cpu.h"
#include "kernel/ref/ref.h"
#include "kernel/simd/simd.h"

enum { CHAINS = 12 };

#if defined(KERNEL_AVX512)
__attribute__((target("avx512vnni"))) static int64_t dot_products(int64_t rounds)
{
    __m512i sums[CHAINS], left = _mm512_set1_epi8(3), right = _mm512_set1_epi8(2);
    VEC_UNROLL
    for (int i = 0; i < CHAINS; i++)
        sums[i] = _mm512_set1_epi32(i);
    for (int64_t r = 0; r < rounds; r++) {
        VEC_UNROLL
        for (int i = 0; i < CHAINS; i++)
            sums[i] = _mm512_dpbusd_epi32(sums[i], left, right);
    }
    VEC_UNROLL
    for (int i = 1; i < CHAINS; i++)
        sums[0] = _mm512_add_epi32(sums[0], sums[i]);
    volatile int sink = _mm_cvtsi128_si32(_mm512_castsi512_si128(sums[0]));
    (void)sink;
    return rounds * CHAINS * 64;
}
#endif

#if defined(KERNEL_AVX512) || defined(KERNEL_AVX2)
/* Without VNNI: pairs of products in 16 bits, pairs of those in 32, then the sum. */
static int64_t pair_products(int64_t rounds)
{
    __m256i sums[CHAINS], left = _mm256_set1_epi8(3), right = _mm256_set1_epi8(2);
    const __m256i ones = _mm256_set1_epi16(1);
    VEC_UNROLL
    for (int i = 0; i < CHAINS; i++)
        sums[i] = _mm256_set1_epi32(i);
    for (int64_t r = 0; r < rounds; r++) {
        VEC_UNROLL
        for (int i = 0; i < CHAINS; i++) {
            __asm__("" : "+x"(left)); /* else the product is computed once */
            __m256i pairs = _mm256_madd_epi16(_mm256_maddubs_epi16(left, right), ones);
            sums[i] = _mm256_add_epi32(sums[i], pairs);
        }
    }
    VEC_UNROLL
    for (int i = 1; i < CHAINS; i++)
        sums[0] = _mm256_add_epi32(sums[0], sums[i]);
    volatile int sink = _mm256_extract_epi32(sums[0], 0);
    (void)sink;
    return rounds * CHAINS * 32;
}
#endif

int64_t KERNEL_NAME(kernel_peak_bytes)(int64_t rounds)
{
#if defined(KERNEL_AVX512)
    if (base_cpu_has_vnni())
        return dot_products(rounds);
#endif
#if defined(KERNEL_AVX512) || defined(KERNEL_AVX2)
    return pair_products(rounds);
#else
    return kernel_ref_peak_bytes(rounds);
#endif
}
