/* Transposing a square of VEC_LANES × VEC_LANES floats in registers: the step between plain rows
 * of one channel and blocked pixels of one channel block. */
#ifndef KERNEL_SIMD_TRANSPOSE_H
#define KERNEL_SIMD_TRANSPOSE_H

#include "kernel/simd/vec.h"

#if defined(KERNEL_AVX512)

/* Transposes the four 4×4 squares that lie side by side in four rows. */
static inline void vec_transpose_quads(vec *a, vec *b, vec *c, vec *d)
{
    __m512d ab_low = _mm512_castps_pd(_mm512_unpacklo_ps(*a, *b));
    __m512d ab_high = _mm512_castps_pd(_mm512_unpackhi_ps(*a, *b));
    __m512d cd_low = _mm512_castps_pd(_mm512_unpacklo_ps(*c, *d));
    __m512d cd_high = _mm512_castps_pd(_mm512_unpackhi_ps(*c, *d));
    *a = _mm512_castpd_ps(_mm512_unpacklo_pd(ab_low, cd_low));
    *b = _mm512_castpd_ps(_mm512_unpackhi_pd(ab_low, cd_low));
    *c = _mm512_castpd_ps(_mm512_unpacklo_pd(ab_high, cd_high));
    *d = _mm512_castpd_ps(_mm512_unpackhi_pd(ab_high, cd_high));
}

/* The 4×4 transpose of whole 128-bit quarters. */
static inline void vec_transpose_quarters(vec *a, vec *b, vec *c, vec *d)
{
    vec ab_low = _mm512_shuffle_f32x4(*a, *b, 0x44), ab_high = _mm512_shuffle_f32x4(*a, *b, 0xee);
    vec cd_low = _mm512_shuffle_f32x4(*c, *d, 0x44), cd_high = _mm512_shuffle_f32x4(*c, *d, 0xee);
    *a = _mm512_shuffle_f32x4(ab_low, cd_low, 0x88);
    *b = _mm512_shuffle_f32x4(ab_low, cd_low, 0xdd);
    *c = _mm512_shuffle_f32x4(ab_high, cd_high, 0x88);
    *d = _mm512_shuffle_f32x4(ab_high, cd_high, 0xdd);
}

static inline void vec_transpose(vec r[VEC_LANES])
{
    vec_transpose_quads(&r[0], &r[1], &r[2], &r[3]);
    vec_transpose_quads(&r[4], &r[5], &r[6], &r[7]);
    vec_transpose_quads(&r[8], &r[9], &r[10], &r[11]);
    vec_transpose_quads(&r[12], &r[13], &r[14], &r[15]);
    vec_transpose_quarters(&r[0], &r[4], &r[8], &r[12]);
    vec_transpose_quarters(&r[1], &r[5], &r[9], &r[13]);
    vec_transpose_quarters(&r[2], &r[6], &r[10], &r[14]);
    vec_transpose_quarters(&r[3], &r[7], &r[11], &r[15]);
}

#elif defined(KERNEL_NEON)

static inline void vec_transpose(vec r[VEC_LANES])
{
    /* pairs of rows: lanes 0 and 2 of both, lanes 1 and 3 of both */
    float32x4x2_t ab = vtrnq_f32(r[0], r[1]), cd = vtrnq_f32(r[2], r[3]);
    r[0] = vcombine_f32(vget_low_f32(ab.val[0]), vget_low_f32(cd.val[0]));
    r[1] = vcombine_f32(vget_low_f32(ab.val[1]), vget_low_f32(cd.val[1]));
    r[2] = vcombine_f32(vget_high_f32(ab.val[0]), vget_high_f32(cd.val[0]));
    r[3] = vcombine_f32(vget_high_f32(ab.val[1]), vget_high_f32(cd.val[1]));
}

#else

/* Transposes the two 4×4 squares that lie side by side in four rows. */
static inline void vec_transpose_quads(vec *a, vec *b, vec *c, vec *d)
{
    vec ab_low = _mm256_unpacklo_ps(*a, *b), ab_high = _mm256_unpackhi_ps(*a, *b);
    vec cd_low = _mm256_unpacklo_ps(*c, *d), cd_high = _mm256_unpackhi_ps(*c, *d);
    *a = _mm256_shuffle_ps(ab_low, cd_low, 0x44);
    *b = _mm256_shuffle_ps(ab_low, cd_low, 0xee);
    *c = _mm256_shuffle_ps(ab_high, cd_high, 0x44);
    *d = _mm256_shuffle_ps(ab_high, cd_high, 0xee);
}

/* Swaps the upper half of `a` with the lower half of `b`. */
static inline void vec_swap_halves(vec *a, vec *b)
{
    vec low = _mm256_permute2f128_ps(*a, *b, 0x20);
    *b = _mm256_permute2f128_ps(*a, *b, 0x31);
    *a = low;
}

static inline void vec_transpose(vec r[VEC_LANES])
{
    vec_transpose_quads(&r[0], &r[1], &r[2], &r[3]);
    vec_transpose_quads(&r[4], &r[5], &r[6], &r[7]);
    vec_swap_halves(&r[0], &r[4]);
    vec_swap_halves(&r[1], &r[5]);
    vec_swap_halves(&r[2], &r[6]);
    vec_swap_halves(&r[3], &r[7]);
}

#endif

#endif
