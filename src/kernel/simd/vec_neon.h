/* The vectors of vec.h, which includes this, with NEON of aarch64: 4 lanes, 32 registers. */
#ifndef KERNEL_SIMD_VEC_NEON_H
#define KERNEL_SIMD_VEC_NEON_H

#include <arm_neon.h>

/* One line an operation. */
/* clang-format off */
enum { VEC_LANES = 4 };
#define VEC_REGISTERS 32
#define KERNEL_NAME(name) name##_neon
#define KERNEL_TIER BASE_CPU_NEON
typedef float32x4_t vec;
typedef int32x4_t vec_int;
typedef uint32x4_t vec_mask;

VEC_INLINE vec vec_zero(void) { return vdupq_n_f32(0.0f); }
VEC_INLINE vec vec_set1(float x) { return vdupq_n_f32(x); }
VEC_INLINE vec vec_load(const float *p) { return vld1q_f32(p); }
VEC_INLINE void vec_store(float *p, vec x) { vst1q_f32(p, x); }
/* The first `count` lanes (0 … VEC_LANES); the others are zero and are not read. */
VEC_INLINE vec vec_load_part(const float *p, int count)
{
    float32x2_t none = vdup_n_f32(0.0f);
    switch (count) {
    case 0: return vec_zero();
    case 1: return vcombine_f32(vld1_lane_f32(p, none, 0), none);
    case 2: return vcombine_f32(vld1_f32(p), none);
    case 3: return vcombine_f32(vld1_f32(p), vld1_lane_f32(p + 2, none, 0));
    default: return vec_load(p);
    }
}
VEC_INLINE void vec_store_part(float *p, vec x, int count)
{
    if (count == 4)
        vec_store(p, x);
    if (count == 2 || count == 3)
        vst1_f32(p, vget_low_f32(x));
    if (count == 1)
        vst1q_lane_f32(p, x, 0);
    if (count == 3)
        vst1q_lane_f32(p + 2, x, 2);
}
VEC_INLINE vec vec_add(vec a, vec b) { return vaddq_f32(a, b); }
VEC_INLINE vec vec_sub(vec a, vec b) { return vsubq_f32(a, b); }
VEC_INLINE vec vec_mul(vec a, vec b) { return vmulq_f32(a, b); }
VEC_INLINE vec vec_div(vec a, vec b) { return vdivq_f32(a, b); }
/* a b + c; c - a b; a b - c: rounded once */
VEC_INLINE vec vec_fma(vec a, vec b, vec c) { return vfmaq_f32(c, a, b); }
VEC_INLINE vec vec_fnma(vec a, vec b, vec c) { return vfmsq_f32(c, a, b); }
VEC_INLINE vec vec_fms(vec a, vec b, vec c) { return vfmaq_f32(vnegq_f32(c), a, b); }
/* Not vmaxq and vminq, which give NaN where either operand is. */
VEC_INLINE vec vec_max(vec a, vec b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
VEC_INLINE vec vec_min(vec a, vec b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
VEC_INLINE vec vec_sqrt(vec x) { return vsqrtq_f32(x); }
VEC_INLINE vec vec_abs(vec x) { return vabsq_f32(x); }
VEC_INLINE vec vec_neg(vec x) { return vnegq_f32(x); }
/* |magnitude| with the sign of `sign` */
VEC_INLINE vec vec_copysign(vec magnitude, vec sign)
{
    return vbslq_f32(vdupq_n_u32(0x80000000u), sign, magnitude);
}
/* To the nearest integer, halves to even. */
VEC_INLINE vec vec_round(vec x) { return vrndnq_f32(x); }
VEC_INLINE vec vec_floor(vec x) { return vrndmq_f32(x); }
/* x - floor(x) */
VEC_INLINE vec vec_fraction(vec x) { return vsubq_f32(x, vec_floor(x)); }
VEC_INLINE vec vec_truncate(vec x) { return vrndq_f32(x); }
VEC_INLINE vec vec_power_of_2(int32x4_t n)
{
    return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(n, vdupq_n_s32(127)), 23));
}
/* x 2^n for integral n; saturates to 0 and infinity. In two steps, as 2^n itself may not be a
 * normal number. */
VEC_INLINE vec vec_scale(vec x, vec n)
{
    n = vminq_f32(vdupq_n_f32(252.0f), vmaxq_f32(vdupq_n_f32(-252.0f), n));
    int32x4_t all = vcvtq_s32_f32(n), half = vshrq_n_s32(all, 1);
    x = vmulq_f32(x, vec_power_of_2(half));
    return vmulq_f32(x, vec_power_of_2(vsubq_s32(all, half)));
}
/* Exponents that vec_scale_floor can take: the nearest one to n. */
VEC_INLINE vec vec_scale_bounds(vec n)
{
    return vminq_f32(vdupq_n_f32(127.0f), vmaxq_f32(vdupq_n_f32(-126.0f), n));
}
/* x 2^floor(n) for n from vec_scale_bounds. */
VEC_INLINE vec vec_scale_floor(vec x, vec n)
{
    return vmulq_f32(x, vec_power_of_2(vcvtmq_s32_f32(n)));
}
/* Exponent and mantissa of a positive normal number: x = m 2^e, m in [1, 2). */
VEC_INLINE vec vec_exponent(vec x)
{
    int32x4_t e = vshrq_n_s32(vreinterpretq_s32_f32(x), 23);
    return vcvtq_f32_s32(vsubq_s32(e, vdupq_n_s32(127)));
}
VEC_INLINE vec vec_mantissa(vec x)
{
    return vbslq_f32(vdupq_n_u32(0x7fffff), x, vdupq_n_f32(1.0f));
}
VEC_INLINE vec_mask vec_less(vec a, vec b) { return vcltq_f32(a, b); }
VEC_INLINE vec_mask vec_equal(vec a, vec b) { return vceqq_f32(a, b); }
VEC_INLINE vec_mask vec_is_nan(vec a) { return vmvnq_u32(vceqq_f32(a, a)); }
VEC_INLINE int vec_any(vec_mask m) { return vmaxvq_u32(m) != 0; }
/* m ? a : b */
VEC_INLINE vec vec_select(vec_mask m, vec a, vec b) { return vbslq_f32(m, a, b); }
VEC_INLINE vec_int vec_to_int(vec x) { return vcvtnq_s32_f32(x); }
/* Lanes where bit `bit` of the integer is set. */
VEC_INLINE vec_mask vec_int_bit(vec_int x, int bit) { return vtstq_s32(x, vdupq_n_s32(1 << bit)); }
/* Sum and maximum over the lanes, always in the same order. */
VEC_INLINE float vec_sum(vec x) { return vaddvq_f32(x); }
VEC_INLINE float vec_largest(vec x) { return vmaxvq_f32(x); }
/* clang-format on */

#endif
