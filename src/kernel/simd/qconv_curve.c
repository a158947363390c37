/* SiLU from sums to bytes, two values in each lane: the range of x where the output is not yet
 * saturated is cut into 32 pieces, and a parabola stands for SiLU in each. With the output's steps in
 * view it is off by a few hundredths of a step. AVX-512 alone; without it SiLU goes another way. */
#include <math.h>

#include "kernel/simd/qconv.h"
#include "kernel/simd/vec_bytes.h"

#if defined(KERNEL_AVX512)

/* From LEAST on down SiLU is 0 for every output whose step is at least FINEST, for which 65536 places
 * of x still are fine enough; up to COARSEST the parabolas are. */
#define LEAST (-12.0)
#define FINEST 0.004f
#define COARSEST 0.25f

enum { PIECES = 32, STEP = 128 /* of the output, in words */, PLACES = 65536 };

/* The x at which the output is full, which is where the curve ends: Newton's method from the right,
 * where SiLU is convex or nearly straight. */
static double end_of(const struct qconv_finish *f)
{
    double full = (255.0 - (double)f->zero) * (double)f->plan->output.scale, x = full + 0.28;
    for (int i = 0; i < 8; i++) {
        double sigmoid = 1 / (1 + exp(-x));
        x -= (x * sigmoid - full) / (sigmoid + x * sigmoid * (1 - sigmoid));
    }
    return x;
}

bool KERNEL_NAME(qconv_curve_fits)(const struct qconv_finish *f)
{
    float step = f->plan->output.scale;
    return step >= FINEST && step <= COARSEST && f->residual_scale <= 1 && f->zero >= -255;
}

void KERNEL_NAME(qconv_curve_pack)(struct qconv_finish *f, int16_t *curve)
{
    double range = end_of(f) - LEAST, width = range / PIECES;
    double step = (double)f->plan->output.scale / STEP;
    f->scale = (float)(PLACES / range);
    f->bias = (float)(-LEAST * PLACES / range);
    for (int i = 0; i < PIECES; i++) {
        double y[3];
        for (int at = 0; at < 3; at++) {
            /* the nodes of Chebyshev's polynomial of degree 3 */
            double x = LEAST + width * (i + 0.5 + (at - 1) * 0.25 * sqrt(3.0));
            y[at] = x / (1 + exp(-x)) / step;
        }
        /* half a step more, for the rounding */
        double zero = (double)f->zero * STEP + STEP / 2;
        curve[i] = (int16_t)lrint(y[1] + zero);
        curve[PIECES + i] = (int16_t)lrint((y[2] - y[0]) / sqrt(3.0));
        curve[2 * PIECES + i] = (int16_t)lrint((y[0] + y[2] - 2 * y[1]) / 1.5);
    }
}

/* Two vectors of sums to words in steps of the output · STEP. */
VEC_INLINE vec_int curve_words(const int32_t *sums, vec scale, vec bias, const vec_int curve[3])
{
    const vec most = vec_set1(PLACES - 1);
    vec a = vec_fma(vec_int_to_float(vec_int_load(sums)), scale, bias);
    vec b = vec_fma(vec_int_to_float(vec_int_load(sums + VEC_LANES)), scale, bias);
    vec_int x = vec_words_pack(vec_to_int(vec_min(most, a)), vec_to_int(vec_min(most, b)));
    vec_int upper = vec_words_upper(x), lower = vec_words_lower(x);
    vec_int y = vec_words_mul(vec_words_look_up(curve[2], upper), lower);
    y = vec_words_mul(vec_words_add(y, vec_words_look_up(curve[1], upper)), lower);
    return vec_words_add(y, vec_words_look_up(curve[0], upper));
}

struct curve {
    vec scale, bias;
    vec_int pieces[3], of_residual;
};

/* `count` pixels, at most four. */
VEC_INLINE void finish_four(const struct curve *c, const int32_t *sums, const uint8_t *from,
                            const bool residual, int count, uint8_t *to)
{
    vec_int ab = curve_words(sums, c->scale, c->bias, c->pieces);
    vec_int cd = curve_words(sums + 2 * VEC_LANES, c->scale, c->bias, c->pieces);
    if (residual) {
        vec_int residual_ab, residual_cd;
        vec_words_from_bytes(from, count, &residual_ab, &residual_cd);
        ab = vec_words_add(ab, vec_words_mul(residual_ab, c->of_residual));
        cd = vec_words_add(cd, vec_words_mul(residual_cd, c->of_residual));
    }
    vec_int bytes = vec_words_to_bytes(vec_words_over_128(ab), vec_words_over_128(cd));
    if (count == 4)
        vec_int_store(to, bytes);
    else
        vec_bytes_store(to, bytes, count);
}

VEC_INLINE void finish(const struct qconv_finish *f, const struct qconv_target *target,
                       const int32_t *sums, int blocks, int pixels, const bool residual)
{
    const long factor = lrintf(f->residual_scale * 32768.0f);
    struct curve c = {.pieces = {vec_int_load(f->curve), vec_int_load(f->curve + PIECES),
                                 vec_int_load(f->curve + 2 * PIECES)},
                      .of_residual = vec_words_set1((int16_t)(factor < 32767 ? factor : 32767))};
    for (int block = 0; block < blocks; block++, sums += pixels * VEC_LANES) {
        const uint8_t *from = (const uint8_t *)target->residual + block * target->block_stride;
        uint8_t *to = (uint8_t *)target->output + block * target->block_stride;
        int p = 0;
        c.scale = vec_load(target->scales + block * VEC_LANES);
        c.bias = vec_load(target->biases + block * VEC_LANES);
        for (; p + 4 <= pixels; p += 4)
            finish_four(&c, sums + p * VEC_LANES, from + p * VEC_LANES, residual, 4,
                        to + p * VEC_LANES);
        if (p < pixels)
            finish_four(&c, sums + p * VEC_LANES, from + p * VEC_LANES, residual, pixels - p,
                        to + p * VEC_LANES);
    }
}

void KERNEL_NAME(qconv_curve_finish)(const struct qconv_finish *f,
                                     const struct qconv_target *target, const int32_t *sums,
                                     int blocks, int pixels)
{
    if (f->residual)
        finish(f, target, sums, blocks, pixels, true);
    else
        finish(f, target, sums, blocks, pixels, false);
}

#else

bool KERNEL_NAME(qconv_curve_fits)(const struct qconv_finish *f)
{
    (void)f;
    return false;
}

void KERNEL_NAME(qconv_curve_pack)(struct qconv_finish *f, int16_t *curve)
{
    (void)f, (void)curve;
}

void KERNEL_NAME(qconv_curve_finish)(const struct qconv_finish *f,
                                     const struct qconv_target *target, const int32_t *sums,
                                     int blocks, int pixels)
{
    (void)f, (void)target, (void)sums, (void)blocks, (void)pixels;
}

#endif
