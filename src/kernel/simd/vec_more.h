/* Vectors with some lanes left out, lanes moved between blocks, and maxima that keep NaN. */
#ifndef KERNEL_SIMD_VEC_MORE_H
#define KERNEL_SIMD_VEC_MORE_H

#include "kernel/simd/vec.h"

/* Maximum and minimum that are NaN where either operand is. */
#if defined(KERNEL_NEON)

VEC_INLINE vec vec_max_nan(vec a, vec b)
{
    return vmaxq_f32(a, b);
}

VEC_INLINE vec vec_min_nan(vec a, vec b)
{
    return vminq_f32(a, b);
}

#else

VEC_INLINE vec vec_max_nan(vec a, vec b)
{
    return vec_select(vec_is_nan(a), a, vec_max(a, b));
}

VEC_INLINE vec vec_min_nan(vec a, vec b)
{
    return vec_select(vec_is_nan(a), a, vec_min(a, b));
}

#endif

/* `count` lanes, of which all may be there. */
VEC_INLINE vec vec_load_up_to(const float *p, int64_t count)
{
    return count >= VEC_LANES ? vec_load(p) : vec_load_part(p, (int)count);
}

VEC_INLINE void vec_store_up_to(float *p, vec x, int64_t count)
{
    if (count >= VEC_LANES)
        vec_store(p, x);
    else
        vec_store_part(p, x, (int)count);
}

#if defined(KERNEL_AVX512)

/* Lanes first … end - 1. */
VEC_INLINE vec_mask vec_lanes(int first, int end)
{
    return (__mmask16)((1u << end) - (1u << first));
}

/* Changes the lanes of `m` alone, but all lanes must be there to be read and written. */
VEC_INLINE void vec_store_masked(float *p, vec x, vec_mask m)
{
    _mm512_mask_storeu_ps(p, m, x);
}

/* Lane i is lane lanes[i] of x. */
VEC_INLINE vec vec_permute(vec x, vec_int lanes)
{
    return _mm512_permutexvar_ps(lanes, x);
}

/* Lanes 4 i … 4 i + 3 from p + i * stride for i < count, 1 … VEC_LANES / 4; then zeros. */
VEC_INLINE vec vec_load_quads(const float *p, int64_t stride, int count)
{
    vec x = _mm512_zextps128_ps512(_mm_loadu_ps(p));
    if (count > 1)
        x = _mm512_insertf32x4(x, _mm_loadu_ps(p + stride), 1);
    if (count > 2)
        x = _mm512_insertf32x4(x, _mm_loadu_ps(p + 2 * stride), 2);
    if (count > 3)
        x = _mm512_insertf32x4(x, _mm_loadu_ps(p + 3 * stride), 3);
    return x;
}

/* Every second lane of `low` followed by `high`, from lane `first`, 0 or 1, on. */
VEC_INLINE vec vec_every_second(vec low, vec high, int first)
{
    __m512i lane = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    return _mm512_permutex2var_ps(low, _mm512_add_epi32(lane, _mm512_set1_epi32(first)), high);
}

/* Lane i is lane i + shift of `low` followed by `high`; shift is 0 … VEC_LANES. */
VEC_INLINE vec vec_align(vec low, vec high, int shift)
{
    __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    return _mm512_permutex2var_ps(low, _mm512_add_epi32(lane, _mm512_set1_epi32(shift)), high);
}

#elif defined(KERNEL_NEON)

VEC_INLINE vec_mask vec_lanes(int first, int end)
{
    static const int32_t lanes[VEC_LANES] = {0, 1, 2, 3};
    int32x4_t lane = vld1q_s32(lanes);
    return vbicq_u32(vcltq_s32(lane, vdupq_n_s32(end)), vcltq_s32(lane, vdupq_n_s32(first)));
}

VEC_INLINE void vec_store_masked(float *p, vec x, vec_mask m)
{
    vec_store(p, vec_select(m, x, vec_load(p)));
}

VEC_INLINE vec vec_permute(vec x, vec_int lanes)
{
    /* the four bytes of a lane follow each other */
    int32x4_t from = vmlaq_s32(vdupq_n_s32(0x03020100), lanes, vdupq_n_s32(0x04040404));
    return vreinterpretq_f32_u8(vqtbl1q_u8(vreinterpretq_u8_f32(x), vreinterpretq_u8_s32(from)));
}

VEC_INLINE vec vec_load_quads(const float *p, int64_t stride, int count)
{
    (void)stride, (void)count; /* there is one */
    return vec_load(p);
}

VEC_INLINE vec vec_every_second(vec low, vec high, int first)
{
    return first ? vuzp2q_f32(low, high) : vuzp1q_f32(low, high);
}

VEC_INLINE vec vec_align(vec low, vec high, int shift)
{
    static const uint8_t bytes[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    uint8x16x2_t both = {{vreinterpretq_u8_f32(low), vreinterpretq_u8_f32(high)}};
    uint8x16_t from = vaddq_u8(vld1q_u8(bytes), vdupq_n_u8((uint8_t)(4 * shift)));
    return vreinterpretq_f32_u8(vqtbl2q_u8(both, from));
}

#else

VEC_INLINE vec_mask vec_lanes(int first, int end)
{
    __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    __m256i before_end = _mm256_cmpgt_epi32(_mm256_set1_epi32(end), lane);
    __m256i before_first = _mm256_cmpgt_epi32(_mm256_set1_epi32(first), lane);
    return _mm256_castsi256_ps(_mm256_andnot_si256(before_first, before_end));
}

VEC_INLINE void vec_store_masked(float *p, vec x, vec_mask m)
{
    vec_store(p, vec_select(m, x, vec_load(p)));
}

VEC_INLINE vec vec_permute(vec x, vec_int lanes)
{
    return _mm256_permutevar8x32_ps(x, lanes);
}

VEC_INLINE vec vec_load_quads(const float *p, int64_t stride, int count)
{
    vec x = _mm256_zextps128_ps256(_mm_loadu_ps(p));
    return count > 1 ? _mm256_insertf128_ps(x, _mm_loadu_ps(p + stride), 1) : x;
}

VEC_INLINE vec vec_every_second(vec low, vec high, int first)
{
    vec x = first ? _mm256_shuffle_ps(low, high, 0xdd) : _mm256_shuffle_ps(low, high, 0x88);
    return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(x), 0xd8));
}

VEC_INLINE vec vec_align(vec low, vec high, int shift)
{
    __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    __m256i from = _mm256_add_epi32(lane, _mm256_set1_epi32(shift));
    return vec_select(vec_lanes(0, VEC_LANES - shift), _mm256_permutevar8x32_ps(low, from),
                      _mm256_permutevar8x32_ps(high, from));
}

#endif

#endif
