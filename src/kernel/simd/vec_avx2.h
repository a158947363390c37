/* The vectors of vec.h, which includes this, with AVX2 and FMA: 8 lanes, 16 registers. */
#ifndef KERNEL_SIMD_VEC_AVX2_H
#define KERNEL_SIMD_VEC_AVX2_H

#include <immintrin.h>

/* One line an operation. */
/* clang-format off */
enum { VEC_LANES = 8 };
#define VEC_REGISTERS 16
#define KERNEL_NAME(name) name##_avx2
#define KERNEL_TIER BASE_CPU_AVX2
typedef __m256 vec;
typedef __m256i vec_int;
typedef __m256 vec_mask;

VEC_INLINE vec vec_zero(void) { return _mm256_setzero_ps(); }
VEC_INLINE vec vec_set1(float x) { return _mm256_set1_ps(x); }
VEC_INLINE vec vec_load(const float *p) { return _mm256_loadu_ps(p); }
VEC_INLINE void vec_store(float *p, vec x) { _mm256_storeu_ps(p, x); }
VEC_INLINE __m256i vec_first_lanes(int count)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
/* The first `count` lanes (0 … VEC_LANES); the others are zero and are not read. */
VEC_INLINE vec vec_load_part(const float *p, int count)
{
    return _mm256_maskload_ps(p, vec_first_lanes(count));
}
VEC_INLINE void vec_store_part(float *p, vec x, int count)
{
    _mm256_maskstore_ps(p, vec_first_lanes(count), x);
}
VEC_INLINE vec vec_add(vec a, vec b) { return _mm256_add_ps(a, b); }
VEC_INLINE vec vec_sub(vec a, vec b) { return _mm256_sub_ps(a, b); }
VEC_INLINE vec vec_mul(vec a, vec b) { return _mm256_mul_ps(a, b); }
VEC_INLINE vec vec_div(vec a, vec b) { return _mm256_div_ps(a, b); }
/* a b + c; c - a b; a b - c: rounded once */
VEC_INLINE vec vec_fma(vec a, vec b, vec c) { return _mm256_fmadd_ps(a, b, c); }
VEC_INLINE vec vec_fnma(vec a, vec b, vec c) { return _mm256_fnmadd_ps(a, b, c); }
VEC_INLINE vec vec_fms(vec a, vec b, vec c) { return _mm256_fmsub_ps(a, b, c); }
VEC_INLINE vec vec_max(vec a, vec b) { return _mm256_max_ps(a, b); }
VEC_INLINE vec vec_min(vec a, vec b) { return _mm256_min_ps(a, b); }
VEC_INLINE vec vec_sqrt(vec x) { return _mm256_sqrt_ps(x); }
VEC_INLINE vec vec_abs(vec x) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x); }
VEC_INLINE vec vec_neg(vec x) { return _mm256_xor_ps(x, _mm256_set1_ps(-0.0f)); }
/* |magnitude| with the sign of `sign` */
VEC_INLINE vec vec_copysign(vec magnitude, vec sign)
{
    return _mm256_or_ps(vec_abs(magnitude), _mm256_and_ps(sign, _mm256_set1_ps(-0.0f)));
}
/* To the nearest integer, halves to even. */
VEC_INLINE vec vec_round(vec x)
{
    return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
VEC_INLINE vec vec_floor(vec x)
{
    return _mm256_round_ps(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
}
/* x - floor(x) */
VEC_INLINE vec vec_fraction(vec x) { return _mm256_sub_ps(x, vec_floor(x)); }
VEC_INLINE vec vec_truncate(vec x)
{
    return _mm256_round_ps(x, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
}
VEC_INLINE vec vec_power_of_2(__m256i n)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23));
}
/* x 2^n for integral n; saturates to 0 and infinity. In two steps, as 2^n itself may not be a
 * normal number. */
VEC_INLINE vec vec_scale(vec x, vec n)
{
    n = _mm256_min_ps(_mm256_set1_ps(252.0f), _mm256_max_ps(_mm256_set1_ps(-252.0f), n));
    __m256i all = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(all, 1);
    x = _mm256_mul_ps(x, vec_power_of_2(half));
    return _mm256_mul_ps(x, vec_power_of_2(_mm256_sub_epi32(all, half)));
}
/* Exponents that vec_scale_floor can take: the nearest one to n. */
VEC_INLINE vec vec_scale_bounds(vec n)
{
    return _mm256_min_ps(_mm256_set1_ps(127.0f), _mm256_max_ps(_mm256_set1_ps(-126.0f), n));
}
/* x 2^floor(n) for n from vec_scale_bounds. */
VEC_INLINE vec vec_scale_floor(vec x, vec n)
{
    n = vec_floor(n);
    return _mm256_mul_ps(x, vec_power_of_2(_mm256_cvtps_epi32(n)));
}
/* Exponent and mantissa of a positive normal number: x = m 2^e, m in [1, 2). */
VEC_INLINE vec vec_exponent(vec x)
{
    __m256i e = _mm256_srli_epi32(_mm256_castps_si256(x), 23);
    return _mm256_cvtepi32_ps(_mm256_sub_epi32(e, _mm256_set1_epi32(127)));
}
VEC_INLINE vec vec_mantissa(vec x)
{
    __m256i m = _mm256_and_si256(_mm256_castps_si256(x), _mm256_set1_epi32(0x7fffff));
    return _mm256_castsi256_ps(_mm256_or_si256(m, _mm256_set1_epi32(0x3f800000)));
}
VEC_INLINE vec_mask vec_less(vec a, vec b) { return _mm256_cmp_ps(a, b, _CMP_LT_OQ); }
VEC_INLINE vec_mask vec_equal(vec a, vec b) { return _mm256_cmp_ps(a, b, _CMP_EQ_OQ); }
VEC_INLINE vec_mask vec_is_nan(vec a) { return _mm256_cmp_ps(a, a, _CMP_UNORD_Q); }
VEC_INLINE int vec_any(vec_mask m) { return _mm256_movemask_ps(m) != 0; }
/* m ? a : b */
VEC_INLINE vec vec_select(vec_mask m, vec a, vec b) { return _mm256_blendv_ps(b, a, m); }
VEC_INLINE vec_int vec_to_int(vec x) { return _mm256_cvtps_epi32(x); }
/* Lanes where bit `bit` of the integer is set. */
VEC_INLINE vec_mask vec_int_bit(vec_int x, int bit)
{
    __m256i b = _mm256_set1_epi32(1 << bit);
    return _mm256_castsi256_ps(_mm256_cmpeq_epi32(_mm256_and_si256(x, b), b));
}
/* Sum and maximum over the lanes, always in the same order. */
VEC_INLINE float vec_sum(vec x)
{
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
VEC_INLINE float vec_largest(vec x)
{
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}
/* clang-format on */

#endif
