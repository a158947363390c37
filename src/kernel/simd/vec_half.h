/* Half vectors of the AVX-512 tier, for blocks of which only the first half of the lanes has
 * channels. */
#ifndef KERNEL_SIMD_VEC_HALF_H
#define KERNEL_SIMD_VEC_HALF_H

#include "kernel/simd/vec.h"

/* clang-format off */
#if defined(KERNEL_AVX512)

typedef __m256 half;

VEC_INLINE half half_zero(void) { return _mm256_setzero_ps(); }
VEC_INLINE half half_set1(float x) { return _mm256_set1_ps(x); }
VEC_INLINE half half_load(const float *p) { return _mm256_loadu_ps(p); }
VEC_INLINE void half_store(float *p, half x) { _mm256_storeu_ps(p, x); }
VEC_INLINE half half_add(half a, half b) { return _mm256_add_ps(a, b); }
VEC_INLINE half half_fma(half a, half b, half c) { return _mm256_fmadd_ps(a, b, c); }
/* `first`, followed by zeros or by `second`. */
VEC_INLINE vec half_widen(half first) { return _mm512_zextps256_ps512(first); }
VEC_INLINE vec half_join(half first, half second)
{
    return _mm512_insertf32x8(_mm512_castps256_ps512(first), second, 1);
}
VEC_INLINE half half_first(vec x) { return _mm512_castps512_ps256(x); }
VEC_INLINE half half_second(vec x) { return _mm512_extractf32x8_ps(x, 1); }

#endif
/* clang-format on */

#endif
