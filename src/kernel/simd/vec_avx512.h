/* The vectors of vec.h, which includes this, with AVX-512: 16 lanes, 32 registers. */
#ifndef KERNEL_SIMD_VEC_AVX512_H
#define KERNEL_SIMD_VEC_AVX512_H

#include <immintrin.h>

/* One line an operation. */
/* clang-format off */
enum { VEC_LANES = 16 };
#define VEC_REGISTERS 32
#define KERNEL_NAME(name) name##_avx512
#define KERNEL_TIER BASE_CPU_AVX512
typedef __m512 vec;
typedef __m512i vec_int;
typedef __mmask16 vec_mask;

VEC_INLINE vec vec_zero(void) { return _mm512_setzero_ps(); }
VEC_INLINE vec vec_set1(float x) { return _mm512_set1_ps(x); }
VEC_INLINE vec vec_load(const float *p) { return _mm512_loadu_ps(p); }
VEC_INLINE void vec_store(float *p, vec x) { _mm512_storeu_ps(p, x); }
/* The first `count` lanes (0 … VEC_LANES); the others are zero and are not read. */
VEC_INLINE vec vec_load_part(const float *p, int count)
{
    return _mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), p);
}
VEC_INLINE void vec_store_part(float *p, vec x, int count)
{
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << count) - 1), x);
}
VEC_INLINE vec vec_add(vec a, vec b) { return _mm512_add_ps(a, b); }
VEC_INLINE vec vec_sub(vec a, vec b) { return _mm512_sub_ps(a, b); }
VEC_INLINE vec vec_mul(vec a, vec b) { return _mm512_mul_ps(a, b); }
VEC_INLINE vec vec_div(vec a, vec b) { return _mm512_div_ps(a, b); }
/* a b + c; c - a b; a b - c: rounded once */
VEC_INLINE vec vec_fma(vec a, vec b, vec c) { return _mm512_fmadd_ps(a, b, c); }
VEC_INLINE vec vec_fnma(vec a, vec b, vec c) { return _mm512_fnmadd_ps(a, b, c); }
VEC_INLINE vec vec_fms(vec a, vec b, vec c) { return _mm512_fmsub_ps(a, b, c); }
VEC_INLINE vec vec_max(vec a, vec b) { return _mm512_max_ps(a, b); }
VEC_INLINE vec vec_min(vec a, vec b) { return _mm512_min_ps(a, b); }
VEC_INLINE vec vec_sqrt(vec x) { return _mm512_sqrt_ps(x); }
VEC_INLINE vec vec_abs(vec x) { return _mm512_abs_ps(x); }
VEC_INLINE vec vec_neg(vec x) { return _mm512_xor_ps(x, _mm512_set1_ps(-0.0f)); }
/* |magnitude| with the sign of `sign` */
VEC_INLINE vec vec_copysign(vec magnitude, vec sign)
{
    return _mm512_or_ps(_mm512_abs_ps(magnitude), _mm512_and_ps(sign, _mm512_set1_ps(-0.0f)));
}
/* To the nearest integer, halves to even. */
VEC_INLINE vec vec_round(vec x)
{
    return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
VEC_INLINE vec vec_floor(vec x)
{
    return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
}
/* x - floor(x) */
VEC_INLINE vec vec_fraction(vec x)
{
    return _mm512_reduce_ps(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
}
VEC_INLINE vec vec_truncate(vec x)
{
    return _mm512_roundscale_ps(x, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
}
/* x 2^n for integral n; saturates to 0 and infinity. */
VEC_INLINE vec vec_scale(vec x, vec n) { return _mm512_scalef_ps(x, n); }
/* Exponents that vec_scale_floor can take: the nearest one to n. */
VEC_INLINE vec vec_scale_bounds(vec n) { return n; }
/* x 2^floor(n) for n from vec_scale_bounds. */
VEC_INLINE vec vec_scale_floor(vec x, vec n) { return _mm512_scalef_ps(x, n); }
/* Exponent and mantissa of a positive number: x = m 2^e, m in [1, 2). */
VEC_INLINE vec vec_exponent(vec x) { return _mm512_getexp_ps(x); }
VEC_INLINE vec vec_mantissa(vec x)
{
    return _mm512_getmant_ps(x, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_zero);
}
VEC_INLINE vec_mask vec_less(vec a, vec b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
VEC_INLINE vec_mask vec_equal(vec a, vec b) { return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ); }
VEC_INLINE vec_mask vec_is_nan(vec a) { return _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q); }
VEC_INLINE int vec_any(vec_mask m) { return m != 0; }
/* m ? a : b */
VEC_INLINE vec vec_select(vec_mask m, vec a, vec b) { return _mm512_mask_blend_ps(m, b, a); }
VEC_INLINE vec_int vec_to_int(vec x) { return _mm512_cvtps_epi32(x); }
/* Lanes where bit `bit` of the integer is set. */
VEC_INLINE vec_mask vec_int_bit(vec_int x, int bit)
{
    return _mm512_test_epi32_mask(x, _mm512_set1_epi32(1 << bit));
}
/* Sum and maximum over the lanes, always in the same order. */
VEC_INLINE float vec_sum(vec x) { return _mm512_reduce_add_ps(x); }
VEC_INLINE float vec_largest(vec x) { return _mm512_reduce_max_ps(x); }
/* clang-format on */

#endif
