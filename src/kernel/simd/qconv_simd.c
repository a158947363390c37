/* Which method computes a convolution of bytes, and what comes before every method's weights. */
#include "kernel/simd/qconv.h"

extern const struct qconv_dots qconv_dots_vnni;

struct method {
    bool vnni;
    int (*plan)(struct kernel_qconv_plan *plan, const struct qconv_dots *dots);
    void (*pack)(const struct kernel_qconv_plan *plan, const struct qconv_dots *dots,
                 const int8_t *weights, char *to);
    void (*run)(const struct kernel_qconv_plan *plan, const struct qconv_dots *dots,
                const struct kernel_qconv_buffers *buffers, int part, int parts);
};

#define DENSE                                                                                      \
    KERNEL_NAME(qconv_dense_plan), KERNEL_NAME(qconv_dense_pack), KERNEL_NAME(qconv_dense_run)
#define DEPTHWISE                                                                                  \
    KERNEL_NAME(qconv_depthwise_plan), KERNEL_NAME(qconv_depthwise_pack),                          \
        KERNEL_NAME(qconv_depthwise_run)

#define SCATTER                                                                                    \
    KERNEL_NAME(qconv_scatter_plan), KERNEL_NAME(qconv_scatter_pack), KERNEL_NAME(qconv_scatter_run)

static const struct method methods[QCONV_METHODS] = {
    [QCONV_DENSE_VNNI] = {true, DENSE},     [QCONV_DEPTHWISE_VNNI] = {true, DEPTHWISE},
    [QCONV_SCATTER_VNNI] = {true, SCATTER}, [QCONV_DENSE] = {false, DENSE},
    [QCONV_DEPTHWISE] = {false, DEPTHWISE}, [QCONV_SCATTER] = {false, SCATTER},
};

/* NULL where tier or processor lack them. */
static const struct qconv_dots *dots_of(int method)
{
    if (!methods[method].vnni)
        return &KERNEL_NAME(qconv_dots);
#if defined(KERNEL_AVX512)
    return base_cpu_has_vnni() ? &qconv_dots_vnni : NULL;
#else
    return NULL;
#endif
}

static bool supported(const struct kernel_conv_shape *s)
{
    int64_t taps = (int64_t)s->kernel_height * s->kernel_width;
    return !s->plain_input && !s->plain_output &&
           s->in_channels / s->groups * taps <= KERNEL_QCONV_DEPTH &&
           s->kernel_height <= CONV_MAX_KERNEL && s->kernel_width <= CONV_MAX_KERNEL;
}

int KERNEL_NAME(kernel_qconv_plan_with)(struct kernel_qconv_plan *plan,
                                        const struct kernel_conv_shape *shape,
                                        const struct kernel_epilogue *epilogue,
                                        const struct kernel_bytes *input,
                                        const struct kernel_bytes *residual,
                                        const struct kernel_bytes *output, int method)
{
    *plan = (struct kernel_qconv_plan){.shape = *shape,
                                       .epilogue = *epilogue,
                                       .input = *input,
                                       .residual = *residual,
                                       .output = *output,
                                       .method = method};
    if (method < 0 || method >= QCONV_METHODS || !dots_of(method) || !supported(shape))
        return STANCE_EUNSUPPORTED;
    return methods[method].plan(plan, dots_of(method));
}

int KERNEL_NAME(kernel_qconv_plan)(struct kernel_qconv_plan *plan,
                                   const struct kernel_conv_shape *shape,
                                   const struct kernel_epilogue *epilogue,
                                   const struct kernel_bytes *input,
                                   const struct kernel_bytes *residual,
                                   const struct kernel_bytes *output)
{
    struct kernel_qconv_plan other;
    const struct method *found = NULL;
    for (int i = 0; i < QCONV_METHODS; i++)
        if ((!found || found->vnni == methods[i].vnni) &&
            KERNEL_NAME(kernel_qconv_plan_with)(&other, shape, epilogue, input, residual, output,
                                                i) == 0 &&
            (!found || other.tile[QCONV_COST] < plan->tile[QCONV_COST])) {
            *plan = other;
            found = &methods[i];
        }
    if (found)
        return 0;
    return base_error(STANCE_EUNSUPPORTED,
                      "the %s tier has no kernel of bytes for this convolution",
                      base_cpu_name(KERNEL_TIER));
}

/* ---- Pack and run ---------------------------------------------------------------------------- */

int64_t KERNEL_NAME(qconv_head_bytes)(int blocks)
{
    int64_t lanes = (int64_t)blocks * VEC_LANES;
    return lanes * 2 * (int64_t)sizeof(float) + QCONV_CURVE * (int64_t)sizeof(int16_t);
}

struct qconv_head KERNEL_NAME(qconv_head_at)(const void *packed, int blocks)
{
    int64_t lanes = (int64_t)blocks * VEC_LANES;
    const float *scales = packed;
    const int16_t *curve = (const int16_t *)(scales + 2 * lanes);
    return (struct qconv_head){scales, scales + lanes, curve, (const char *)(curve + QCONV_CURVE)};
}

void KERNEL_NAME(kernel_qconv_pack)(const struct kernel_qconv_plan *plan, const int8_t *weights,
                                    const float *weight_scales, const float *bias, void *packed)
{
    const struct kernel_conv_shape *s = &plan->shape;
    int lanes = kernel_blocks(s->out_channels, VEC_LANES) * VEC_LANES;
    float *scales = packed, *biases = scales + lanes;
    int16_t *curve = (int16_t *)(biases + lanes);
    struct qconv_finish finish = KERNEL_NAME(qconv_finish_of)(plan, curve);
    if (finish.kind == QCONV_FINISH_CURVE)
        KERNEL_NAME(qconv_curve_pack)(&finish, curve);
    for (int k = 0; k < lanes; k++) {
        bool there = k < s->out_channels;
        scales[k] = there ? plan->input.scale * weight_scales[k] * finish.scale : 0;
        biases[k] = there && bias ? bias[k] * finish.scale + finish.bias : finish.bias;
    }
    methods[plan->method].pack(plan, dots_of(plan->method), weights, (char *)(curve + QCONV_CURVE));
}

void KERNEL_NAME(kernel_qconv_run)(const struct kernel_qconv_plan *plan,
                                   const struct kernel_qconv_buffers *buffers, int part, int parts)
{
    methods[plan->method].run(plan, dots_of(plan->method), buffers, part, parts);
}
