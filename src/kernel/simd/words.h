/* Vectors of 16-bit words for pixels, where the tier is one of x86: both instruction sets name their
 * operations alike, and work within lanes of 128 bits. Elsewhere WORDS_DO is not defined. */
#ifndef KERNEL_SIMD_WORDS_H
#define KERNEL_SIMD_WORDS_H

#include "kernel/simd/vec.h"

#if defined(KERNEL_AVX512)
typedef __m512i words;
enum { WORDS = 32 };
#define WORDS_DO(operation) _mm512_##operation
/* Bytes as words, and as pairs of words whose second is 0. */
VEC_INLINE words words_load(const uint8_t *p)
{
    return _mm512_cvtepu8_epi16(_mm256_loadu_si256((const __m256i *)(const void *)p));
}
VEC_INLINE words words_load_apart(const uint8_t *p)
{
    return _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)p));
}
#elif defined(KERNEL_AVX2)
typedef __m256i words;
enum { WORDS = 16 };
#define WORDS_DO(operation) _mm256_##operation
VEC_INLINE words words_load(const uint8_t *p)
{
    return _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(const void *)p));
}
VEC_INLINE words words_load_apart(const uint8_t *p)
{
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p));
}
#endif

#if defined(WORDS_DO)
/* Four vectors whose lanes follow each other, lane by lane. */
VEC_INLINE void words_store_lanes(void *out, __m256i a, __m256i b, __m256i c, __m256i d)
{
    __m256i *to = out;
    _mm256_storeu_si256(to, _mm256_permute2x128_si256(a, b, 0x20));
    _mm256_storeu_si256(to + 1, _mm256_permute2x128_si256(c, d, 0x20));
    _mm256_storeu_si256(to + 2, _mm256_permute2x128_si256(a, b, 0x31));
    _mm256_storeu_si256(to + 3, _mm256_permute2x128_si256(c, d, 0x31));
}
VEC_INLINE void words_store(uint64_t *out, words a, words b, words c, words d)
{
#if defined(KERNEL_AVX512)
    words_store_lanes(out, _mm512_castsi512_si256(a), _mm512_castsi512_si256(b),
                      _mm512_castsi512_si256(c), _mm512_castsi512_si256(d));
    words_store_lanes(out + 16, _mm512_extracti64x4_epi64(a, 1), _mm512_extracti64x4_epi64(b, 1),
                      _mm512_extracti64x4_epi64(c, 1), _mm512_extracti64x4_epi64(d, 1));
#else
    words_store_lanes(out, a, b, c, d);
#endif
}
#endif

#endif
