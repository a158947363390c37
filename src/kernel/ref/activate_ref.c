/* Activations one float at a time, with the C library's functions. */
#include <math.h>

#include "kernel/ref/ref.h"

static float clamp(float x, float low, float high)
{
    return kernel_ref_min(kernel_ref_max(x, low), high);
}

static float sigmoid(float x)
{
    return 1.0f / (1.0f + expf(-x));
}

float kernel_ref_activate(enum kernel_activation activation, float alpha, float beta, float x)
{
    switch (activation) {
    case KERNEL_RELU: return kernel_ref_max(x, 0);
    case KERNEL_LEAKY_RELU: return x < 0 ? alpha * x : x;
    case KERNEL_CLIP: return clamp(x, alpha, beta);
    case KERNEL_SIGMOID: return sigmoid(x);
    case KERNEL_SWISH: return x * sigmoid(x);
    case KERNEL_HARD_SIGMOID: return clamp(alpha * x + beta, 0, 1);
    case KERNEL_HARD_SWISH: return x * clamp(x / 6 + 0.5f, 0, 1);
    case KERNEL_TANH: return tanhf(x);
    case KERNEL_GELU: return x * 0.5f * (1 + erff(x * 0.707106781f));
    case KERNEL_EXP: return expf(x);
    case KERNEL_ERF: return erff(x);
    case KERNEL_SQRT: return sqrtf(x);
    case KERNEL_ABS: return fabsf(x);
    case KERNEL_NEG: return -x;
    case KERNEL_RECIPROCAL: return 1 / x;
    case KERNEL_LOG: return logf(x);
    case KERNEL_SOFTPLUS: return kernel_ref_max(x, 0) + log1pf(expf(-fabsf(x)));
    case KERNEL_SIN: return sinf(x);
    case KERNEL_COS: return cosf(x);
    case KERNEL_SQUARE: return x * x;
    case KERNEL_LINEAR:
    case KERNEL_ACTIVATIONS: break;
    }
    return x;
}

float kernel_ref_epilogue(const struct kernel_epilogue *epilogue, float sum, float residual)
{
    if (epilogue->residual == KERNEL_RESIDUAL_BEFORE)
        sum += residual;
    sum = kernel_ref_activate(epilogue->activation, epilogue->alpha, epilogue->beta, sum);
    return epilogue->residual == KERNEL_RESIDUAL_AFTER ? sum + residual : sum;
}
