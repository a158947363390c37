/* What happens to the sums of bytes on their way to memory: scale and bias, residual, activation,
 * and the rounding to bytes. */
#include "kernel/simd/qconv.h"
#include "kernel/simd/vec_bytes.h"
#include "kernel/simd/vec_math.h"

/* SiLU is never more than 0.2785 below max(x, 0): with this step and coarser ones 0.077 of a step,
 * which is how near the curve comes with the coarsest steps that it is used for. */
#define RAMP_STEP 3.62f

/* Linear, ReLU and Clip are all a clamp. */
static bool clamp_of(const struct kernel_epilogue *e, struct qconv_finish *f)
{
    bool clip = e->activation == KERNEL_CLIP;
    if (e->activation == KERNEL_LINEAR)
        return true;
    if ((e->activation != KERNEL_RELU && !clip) || e->residual == KERNEL_RESIDUAL_AFTER)
        return false;
    float low = (clip ? e->alpha * f->scale : 0) + f->zero;
    float high = clip ? e->beta * f->scale + f->zero : 255.0f;
    f->low = low > 0 ? low : 0;
    f->high = high < 255 ? high : 255;
    return true;
}

struct qconv_finish KERNEL_NAME(qconv_finish_of)(const struct kernel_qconv_plan *plan,
                                                 const int16_t *curve)
{
    const struct kernel_epilogue *e = &plan->epilogue;
    struct qconv_finish other = {.kind = QCONV_FINISH_OTHER,
                                 .residual = e->residual != KERNEL_NO_RESIDUAL,
                                 .scale = 1,
                                 .output_pixel = VEC_LANES * (plan->output.scale == 0 ? 4 : 1),
                                 .residual_pixel = VEC_LANES * (plan->residual.scale == 0 ? 4 : 1),
                                 .plan = plan};
    bool swish = e->activation == KERNEL_SWISH && e->residual != KERNEL_RESIDUAL_BEFORE;
    if (other.residual && plan->residual.scale == 0)
        return other;
    struct qconv_finish f = other;
    if (plan->output.scale == 0) {
        f.kind = swish ? QCONV_FINISH_FLOAT : QCONV_FINISH_OTHER;
        f.residual_scale = plan->residual.scale;
        f.zero = (float)-plan->residual.zero * plan->residual.scale;
        return f;
    }
    f.scale = 1.0f / plan->output.scale;
    f.zero = (float)plan->output.zero;
    f.high = 255;
    f.curve = curve;
    bool clamp = clamp_of(e, &f);
    if (f.residual) {
        f.residual_scale = plan->residual.scale * f.scale;
        f.zero -= (float)plan->residual.zero * f.residual_scale;
    }
    if (clamp) {
        f.kind = QCONV_FINISH_CLAMP;
        f.bias = f.zero;
        return f;
    }
    if (!swish)
        return other;
    f.exponent = -1.44269504f * plan->output.scale;
    bool ramp = plan->output.scale >= RAMP_STEP;
    f.kind = ramp ? QCONV_FINISH_RAMP : QCONV_FINISH_SWISH;
    if (KERNEL_NAME(qconv_curve_fits)(&f))
        f.kind = QCONV_FINISH_CURVE;
    return f;
}

void KERNEL_NAME(qconv_target_aim)(const struct qconv_finish *finish, struct qconv_target *target,
                                   const struct kernel_qconv_buffers *buffers, int64_t image,
                                   int64_t pixel)
{
    target->output =
        (char *)buffers->output +
        (image * buffers->output_batch_stride / VEC_LANES + pixel) * finish->output_pixel;
    target->residual = NULL;
    if (finish->residual)
        target->residual =
            (const char *)buffers->residual +
            (image * buffers->residual_batch_stride / VEC_LANES + pixel) * finish->residual_pixel;
}

/* x sigmoid(x) + rest, with x in steps of the output. */
VEC_INLINE vec finish_swish(vec x, vec exponent, vec rest)
{
    /* 2^t = exp(-x): 2^fraction(t) by a polynomial that is minimax on [0, 1], relative error 7.5e-5:
     * less than a hundredth of a step */
    vec t = vec_scale_bounds(vec_mul(x, exponent)), f = vec_fraction(t);
    vec p = vec_fma(vec_set1(7.8024521e-2f), f, vec_set1(2.2606716e-1f));
    p = vec_fma(p, f, vec_set1(6.9583356e-1f));
    p = vec_fma(p, f, vec_set1(9.9992520e-1f));
    vec below = vec_add(vec_scale_floor(p, t), vec_set1(1.0f));
    return vec_fma(x, vec_reciprocal_near(below), rest);
}

VEC_INLINE void finish_bytes(const struct qconv_finish *f, const struct qconv_target *target,
                             const int32_t *sums, int block, int pixels, const int kind,
                             const bool residual)
{
    const vec scale = vec_load(target->scales + block * VEC_LANES);
    const vec bias = vec_load(target->biases + block * VEC_LANES);
    const vec low = vec_set1(f->low), high = vec_set1(f->high), exponent = vec_set1(f->exponent);
    const vec zero = vec_set1(kind == QCONV_FINISH_CLAMP ? 0 : f->zero),
              of_residual = vec_set1(f->residual_scale);
    const uint8_t *from = (const uint8_t *)target->residual + block * target->block_stride;
    uint8_t *to = (uint8_t *)target->output + block * target->block_stride;
    for (int p = 0; p < pixels; p += 4) {
        vec_int steps[4];
        VEC_UNROLL
        for (int i = 0; i < 4; i++) {
            vec sum = vec_int_to_float(vec_int_load(sums + (p + i) * VEC_LANES)), rest = zero;
            int at = p + i < pixels ? p + i : pixels - 1;
            if (residual)
                rest = vec_fma(vec_int_to_float(vec_int_from_bytes(from + at * VEC_LANES)),
                               of_residual, zero);
            vec x = vec_fma(sum, scale, bias);
            vec y = x;
            if (kind == QCONV_FINISH_SWISH)
                y = finish_swish(x, exponent, rest);
            else if (kind == QCONV_FINISH_RAMP)
                y = vec_add(vec_max(x, vec_zero()), rest);
            else if (residual)
                y = vec_add(x, rest);
            steps[i] = vec_to_int(vec_clamp(y, low, high));
        }
        vec_int bytes = vec_bytes_pack(steps[0], steps[1], steps[2], steps[3]);
        if (pixels - p >= 4)
            vec_bytes_store(to + p * VEC_LANES, bytes, 4);
        else
            vec_bytes_store(to + p * VEC_LANES, bytes, pixels - p);
    }
}

VEC_INLINE void finish_floats(const struct qconv_finish *f, const struct qconv_target *target,
                              const int32_t *sums, int block, int pixels, const bool residual)
{
    const vec scale = vec_load(target->scales + block * VEC_LANES);
    const vec bias = vec_load(target->biases + block * VEC_LANES);
    const vec zero = vec_set1(f->zero), of_residual = vec_set1(f->residual_scale);
    const uint8_t *from = (const uint8_t *)target->residual + block * target->block_stride;
    float *to = (float *)target->output + block * target->block_stride;
    for (int i = 0; i < pixels * VEC_LANES; i += VEC_LANES) {
        vec y = vec_swish(vec_fma(vec_int_to_float(vec_int_load(sums + i)), scale, bias));
        if (residual)
            y = vec_add(y,
                        vec_fma(vec_int_to_float(vec_int_from_bytes(from + i)), of_residual, zero));
        vec_store(to + i, y);
    }
}

/* Any activation and residual, to bytes or floats. */
static void finish_other(const struct qconv_finish *f, const struct qconv_target *target,
                         const int32_t *sums, int block, int pixels)
{
    const struct kernel_qconv_plan *plan = f->plan;
    const struct kernel_epilogue *e = &plan->epilogue;
    const vec scale = vec_load(target->scales + block * VEC_LANES);
    const vec bias = vec_load(target->biases + block * VEC_LANES);
    const vec of_residual = vec_set1(plan->residual.scale);
    const vec residual_zero = vec_set1((float)-plan->residual.zero * plan->residual.scale);
    for (int p = 0; p < pixels; p++) {
        int64_t at = block * target->block_stride + p * VEC_LANES;
        vec y = vec_fma(vec_int_to_float(vec_int_load(sums + p * VEC_LANES)), scale, bias);
        vec residual = vec_zero();
        if (f->residual && plan->residual.scale == 0)
            residual = vec_load((const float *)target->residual + at);
        else if (f->residual)
            residual = vec_fma(
                vec_int_to_float(vec_int_from_bytes((const uint8_t *)target->residual + at)),
                of_residual, residual_zero);
        if (e->residual == KERNEL_RESIDUAL_BEFORE)
            y = vec_add(y, residual);
        y = vec_activate(e->activation, e->alpha, e->beta, y);
        if (e->residual == KERNEL_RESIDUAL_AFTER)
            y = vec_add(y, residual);
        if (plan->output.scale == 0) {
            vec_store((float *)target->output + at, y);
            continue;
        }
        y = vec_fma(y, vec_set1(1.0f / plan->output.scale), vec_set1((float)plan->output.zero));
        vec_int step = vec_to_int(vec_clamp(y, vec_set1(0), vec_set1(255)));
        vec_bytes_store((uint8_t *)target->output + at, vec_bytes_pack(step, step, step, step), 1);
    }
}

void KERNEL_NAME(qconv_finish)(const struct qconv_finish *finish, const struct qconv_target *target,
                               const int32_t *sums, int blocks, int pixels)
{
    if (finish->kind == QCONV_FINISH_CURVE) {
        KERNEL_NAME(qconv_curve_finish)(finish, target, sums, blocks, pixels);
        return;
    }
    for (int block = 0; block < blocks; block++, sums += pixels * VEC_LANES) {
        if (finish->kind == QCONV_FINISH_OTHER)
            finish_other(finish, target, sums, block, pixels);
        else if (finish->kind == QCONV_FINISH_FLOAT && finish->residual)
            finish_floats(finish, target, sums, block, pixels, true);
        else if (finish->kind == QCONV_FINISH_FLOAT)
            finish_floats(finish, target, sums, block, pixels, false);
        else if (finish->kind == QCONV_FINISH_RAMP && finish->residual)
            finish_bytes(finish, target, sums, block, pixels, QCONV_FINISH_RAMP, true);
        else if (finish->kind == QCONV_FINISH_RAMP)
            finish_bytes(finish, target, sums, block, pixels, QCONV_FINISH_RAMP, false);
        else if (finish->kind == QCONV_FINISH_SWISH && finish->residual)
            finish_bytes(finish, target, sums, block, pixels, QCONV_FINISH_SWISH, true);
        else if (finish->kind == QCONV_FINISH_SWISH)
            finish_bytes(finish, target, sums, block, pixels, QCONV_FINISH_SWISH, false);
        else if (finish->residual)
            finish_bytes(finish, target, sums, block, pixels, QCONV_FINISH_CLAMP, true);
        else
            finish_bytes(finish, target, sums, block, pixels, QCONV_FINISH_CLAMP, false);
    }
}
