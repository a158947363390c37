/* Elementary functions on vectors, and the activations made of them.
 *
 * Errors are a few units in the last place unless said otherwise; test_elementwise measures them.
 * NaN gives NaN. vec_activate switches on its operator: call it with a constant, or outside of the
 * hot loop. */
#ifndef KERNEL_SIMD_VEC_MATH_H
#define KERNEL_SIMD_VEC_MATH_H

#include "kernel/kernel.h"
#include "kernel/simd/vec.h"

/* 2^f for |f| ≤ 1/2: minimax polynomial of degree 6, relative error 1e-8 before rounding. */
VEC_INLINE vec vec_exp2_fraction(vec f)
{
    vec p = vec_set1(1.5403530e-4f);
    p = vec_fma(p, f, vec_set1(1.3333558e-3f));
    p = vec_fma(p, f, vec_set1(9.6181291e-3f));
    p = vec_fma(p, f, vec_set1(5.5504109e-2f));
    p = vec_fma(p, f, vec_set1(2.4022651e-1f));
    p = vec_fma(p, f, vec_set1(6.9314718e-1f));
    return vec_fma(p, f, vec_set1(1.0f));
}

VEC_INLINE vec vec_exp(vec x)
{
    /* beyond these the result is infinite or zero all the same */
    x = vec_max(vec_set1(-110.0f), vec_min(vec_set1(110.0f), x));
    vec n = vec_round(vec_mul(x, vec_set1(1.44269504f)));
    /* x/ln 2 - n, with ln 2 in two parts */
    vec r = vec_fnma(n, vec_set1(0.693145752f), x);
    r = vec_fnma(n, vec_set1(1.42860677e-6f), r);
    return vec_scale(vec_exp2_fraction(vec_mul(r, vec_set1(1.44269504f))), n);
}

/* 1 + exp(-x): exp(-x) = 2^t, t = floor(t) + f, and 2^f by a polynomial of degree 5 that is minimax
 * on [0, 1) with relative error 1e-7. One half is added to t and taken out of the polynomial, which
 * keeps its values around 1. */
VEC_INLINE vec vec_one_plus_exp_minus(vec x)
{
    vec t = vec_scale_bounds(vec_fma(x, vec_set1(-1.44269504f), vec_set1(0.5f)));
    vec f = vec_fraction(t);
    vec p = vec_set1(1.32764725e-03f);
    p = vec_fma(p, f, vec_set1(6.35642326e-03f));
    p = vec_fma(p, f, vec_set1(3.94751690e-02f));
    p = vec_fma(p, f, vec_set1(1.69814244e-01f));
    p = vec_fma(p, f, vec_set1(4.90133226e-01f));
    p = vec_fma(p, f, vec_set1(7.07106709e-01f));
    return vec_add(vec_scale_floor(p, t), vec_set1(1.0f));
}

VEC_INLINE vec vec_sigmoid(vec x)
{
    return vec_div(vec_set1(1.0f), vec_one_plus_exp_minus(x));
}

VEC_INLINE vec vec_swish(vec x)
{
    return vec_div(x, vec_one_plus_exp_minus(x));
}

/* Near zero the odd polynomial of Cephes tanhf, elsewhere 1 - 2 / (exp(2|x|) + 1). */
VEC_INLINE vec vec_tanh(vec x)
{
    vec a = vec_min(vec_set1(20.0f), vec_abs(x)), s = vec_mul(x, x);
    vec e = vec_exp(vec_add(a, a));
    vec far = vec_sub(vec_set1(1.0f), vec_div(vec_set1(2.0f), vec_add(e, vec_set1(1.0f))));
    vec p = vec_set1(-5.70498872745e-3f);
    p = vec_fma(p, s, vec_set1(2.06390887954e-2f));
    p = vec_fma(p, s, vec_set1(-5.37397155531e-2f));
    p = vec_fma(p, s, vec_set1(1.33314422036e-1f));
    p = vec_fma(p, s, vec_set1(-3.33332819422e-1f));
    vec near = vec_fma(vec_mul(p, s), x, x);
    return vec_select(vec_less(a, vec_set1(0.625f)), near, vec_copysign(far, x));
}

/* exp(x) for x ≤ 0 to an absolute error of 1e-7, cheaper. */
VEC_INLINE vec vec_exp_below_1(vec x)
{
    x = vec_max(vec_set1(-83.0f), x);
    vec log2e = vec_set1(1.44269504f), n = vec_round(vec_mul(x, log2e));
    return vec_scale_floor(vec_exp2_fraction(vec_fms(x, log2e, n)), n);
}

/* Up to 1 erf(x) = x + x P(x²); beyond it 1 - exp(Q(|x| - 5/2)), with Q the logarithm of the
 * complement, up to 4 where the result is 1. Both polynomials are minimax fits to the relative
 * error of erf (Lawson's iteration), 1.3e-9 before rounding. */
VEC_INLINE vec vec_erf(vec x)
{
    vec a = vec_abs(x), s = vec_mul(x, x);
    vec t = vec_sub(vec_min(vec_set1(4.0f), a), vec_set1(2.5f));
    vec q = vec_set1(1.86379257e-4f);
    q = vec_fma(q, t, vec_set1(-1.51970031e-4f));
    q = vec_fma(q, t, vec_set1(2.46538525e-3f));
    q = vec_fma(q, t, vec_set1(-1.07112601e-2f));
    q = vec_fma(q, t, vec_set1(-9.43883121e-1f));
    q = vec_fma(q, t, vec_set1(-5.35269403f));
    q = vec_fma(q, t, vec_set1(-7.80681801f));
    vec p = vec_set1(7.85387529e-5f);
    p = vec_fma(p, s, vec_set1(-8.01019836e-4f));
    p = vec_fma(p, s, vec_set1(5.18832821e-3f));
    p = vec_fma(p, s, vec_set1(-2.68538129e-2f));
    p = vec_fma(p, s, vec_set1(1.12835854e-1f));
    p = vec_fma(p, s, vec_set1(-3.7612626e-1f));
    p = vec_fma(p, s, vec_set1(1.28379166e-1f));
    vec far = vec_sub(vec_set1(1.0f), vec_exp_below_1(q));
    return vec_select(vec_less(a, vec_set1(1.0f)), vec_fma(p, x, x), vec_copysign(far, x));
}

VEC_INLINE vec vec_gelu(vec x)
{
    vec e = vec_erf(vec_mul(x, vec_set1(0.707106781f)));
    return vec_mul(vec_mul(x, vec_set1(0.5f)), vec_add(e, vec_set1(1.0f)));
}

/* Cephes logf: x = m 2^e with m around 1. log(0) = -inf, log of a negative number is NaN. */
VEC_INLINE vec vec_log(vec x)
{
    vec tiny = vec_set1(1.17549435e-38f);
    vec_mask small = vec_less(x, tiny);
    vec y = vec_select(small, vec_mul(x, vec_set1(8388608.0f)), x);
    vec e = vec_sub(vec_exponent(y), vec_select(small, vec_set1(23.0f), vec_zero()));
    vec m = vec_mantissa(y);
    vec_mask high = vec_less(vec_set1(1.41421356f), m);
    m = vec_sub(vec_select(high, vec_mul(m, vec_set1(0.5f)), m), vec_set1(1.0f));
    e = vec_select(high, vec_add(e, vec_set1(1.0f)), e);
    vec p = vec_set1(7.0376836292e-2f);
    p = vec_fma(p, m, vec_set1(-1.1514610310e-1f));
    p = vec_fma(p, m, vec_set1(1.1676998740e-1f));
    p = vec_fma(p, m, vec_set1(-1.2420140846e-1f));
    p = vec_fma(p, m, vec_set1(1.4249322787e-1f));
    p = vec_fma(p, m, vec_set1(-1.6668057665e-1f));
    p = vec_fma(p, m, vec_set1(2.0000714765e-1f));
    p = vec_fma(p, m, vec_set1(-2.4999993993e-1f));
    p = vec_fma(p, m, vec_set1(3.3333331174e-1f));
    vec s = vec_mul(m, m);
    vec r = vec_mul(vec_mul(p, m), s);
    r = vec_fma(e, vec_set1(-2.12194440e-4f), r);
    r = vec_fma(s, vec_set1(-0.5f), r);
    r = vec_fma(e, vec_set1(0.693359375f), vec_add(r, m));
    r = vec_select(vec_less(vec_set1(3.40282347e38f), x), x, r);
    r = vec_select(vec_equal(x, vec_zero()), vec_set1(-__builtin_inff()), r);
    r = vec_select(vec_less(x, vec_zero()), vec_set1(__builtin_nanf("")), r);
    return vec_select(vec_is_nan(x), x, r);
}

/* max(x, 0) + log1p(exp(-|x|)) */
VEC_INLINE vec vec_softplus(vec x)
{
    vec u = vec_exp(vec_neg(vec_abs(x))), w = vec_add(vec_set1(1.0f), u);
    /* what 1 + u lost to rounding comes back through the derivative of the logarithm */
    vec lost = vec_div(vec_sub(vec_sub(w, vec_set1(1.0f)), u), w);
    return vec_add(vec_max(vec_zero(), x), vec_sub(vec_log(w), lost));
}

/* sin(r + quarters · π/2), for |r| up to π/4 and a whole number of quarters. */
VEC_INLINE vec vec_sin_turned(vec r, vec quarters)
{
    vec_int quadrant = vec_to_int(quarters);
    vec s = vec_mul(r, r);
    vec p = vec_set1(-1.9515295891e-4f);
    p = vec_fma(p, s, vec_set1(8.3321608736e-3f));
    p = vec_fma(p, s, vec_set1(-1.6666654611e-1f));
    vec sine = vec_fma(vec_mul(p, s), r, r);
    vec q = vec_set1(2.443315711809948e-5f);
    q = vec_fma(q, s, vec_set1(-1.388731625493765e-3f));
    q = vec_fma(q, s, vec_set1(4.166664568298827e-2f));
    vec cosine = vec_fma(vec_mul(q, s), s, vec_fnma(vec_set1(0.5f), s, vec_set1(1.0f)));
    vec y = vec_select(vec_int_bit(quadrant, 0), cosine, sine);
    return vec_select(vec_int_bit(quadrant, 1), vec_neg(y), y);
}

/* sin(x + quarters · π/2), for |x| up to about 10000. */
VEC_INLINE vec vec_sin_quarter(vec x, float quarters)
{
    vec n = vec_round(vec_mul(x, vec_set1(0.636619772f)));
    vec r = vec_fnma(n, vec_set1(1.57079637f), x);
    r = vec_fnma(n, vec_set1(-4.37113883e-8f), r);
    return vec_sin_turned(r, vec_add(n, vec_set1(quarters)));
}

VEC_INLINE vec vec_sin(vec x)
{
    return vec_sin_quarter(x, 0.0f);
}
VEC_INLINE vec vec_cos(vec x)
{
    return vec_sin_quarter(x, 1.0f);
}

VEC_INLINE vec vec_clamp(vec x, vec low, vec high)
{
    return vec_min(high, vec_max(low, x));
}

VEC_INLINE vec vec_activate(enum kernel_activation activation, float alpha, float beta, vec x)
{
    switch (activation) {
    case KERNEL_RELU: return vec_max(vec_zero(), x);
    case KERNEL_LEAKY_RELU:
        return vec_select(vec_less(x, vec_zero()), vec_mul(x, vec_set1(alpha)), x);
    case KERNEL_CLIP: return vec_clamp(x, vec_set1(alpha), vec_set1(beta));
    case KERNEL_SIGMOID: return vec_sigmoid(x);
    case KERNEL_SWISH: return vec_swish(x);
    case KERNEL_HARD_SIGMOID:
        return vec_clamp(vec_fma(x, vec_set1(alpha), vec_set1(beta)), vec_zero(), vec_set1(1.0f));
    case KERNEL_HARD_SWISH:
        return vec_mul(x, vec_clamp(vec_fma(x, vec_set1(1.0f / 6), vec_set1(0.5f)), vec_zero(),
                                    vec_set1(1.0f)));
    case KERNEL_TANH: return vec_tanh(x);
    case KERNEL_GELU: return vec_gelu(x);
    case KERNEL_EXP: return vec_exp(x);
    case KERNEL_ERF: return vec_erf(x);
    case KERNEL_SQRT: return vec_sqrt(x);
    case KERNEL_ABS: return vec_abs(x);
    case KERNEL_NEG: return vec_neg(x);
    case KERNEL_RECIPROCAL: return vec_div(vec_set1(1.0f), x);
    case KERNEL_LOG: return vec_log(x);
    case KERNEL_SOFTPLUS: return vec_softplus(x);
    case KERNEL_SIN: return vec_sin(x);
    case KERNEL_COS: return vec_cos(x);
    case KERNEL_SQUARE: return vec_mul(x, x);
    case KERNEL_LINEAR:
    case KERNEL_ACTIVATIONS: break;
    }
    return x;
}

#endif
