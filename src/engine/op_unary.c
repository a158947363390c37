/* Operators of one input, element by element.
 *
 * Each formula is written once and compiled for float and double (tgmath): float results are those
 * of float arithmetic. Plain float32 goes through the kernel table where it has the function. */
#include <string.h>
#include <tgmath.h>

#include "engine/op_chunk.h"

/* `x` is the element, `a` and `b` the operator's attributes. */
#define FORMULA(name, expression)                                                                  \
    static float name##_f(float x, float a, float b)                                               \
    {                                                                                              \
        (void)a, (void)b;                                                                          \
        return (float)(expression);                                                                \
    }                                                                                              \
    static double name##_d(double x, double a, double b)                                           \
    {                                                                                              \
        (void)a, (void)b;                                                                          \
        return expression;                                                                         \
    }
#define PAIR(name) name##_f, name##_d

FORMULA(abs, fabs(x))
FORMULA(acos, acos(x))
FORMULA(acosh, acosh(x))
FORMULA(asin, asin(x))
FORMULA(asinh, asinh(x))
FORMULA(atan, atan(x))
FORMULA(atanh, atanh(x))
FORMULA(ceil, ceil(x))
FORMULA(celu, (x > 0 ? x : 0) + (x < 0 ? a * expm1(x / a) : 0))
FORMULA(cos, cos(x))
FORMULA(cosh, cosh(x))
FORMULA(elu, x < 0 ? a * expm1(x) : x)
FORMULA(erf, erf(x))
FORMULA(exp, exp(x))
FORMULA(floor, floor(x))
FORMULA(gelu, x / 2 * (1 + erf(x * a)))
FORMULA(gelu_tanh, x / 2 * (1 + tanh(a * (x + b * x * x * x))))
FORMULA(hard_sigmoid, fmax(0, fmin(1, a *x + b)))
FORMULA(hard_swish, x *fmax(0, fmin(1, a *x + b)))
FORMULA(leaky_relu, x < 0 ? a * x : x)
FORMULA(log, log(x))
FORMULA(neg, -x)
FORMULA(reciprocal, 1 / x)
FORMULA(relu, x < 0 ? 0 : x)
FORMULA(round, rint(x))
FORMULA(selu, b *(x > 0 ? x : a * expm1(x)))
FORMULA(shrink, x<-a ? x + b : x> a ? x - b : 0)
FORMULA(sign, (x > 0) - (x < 0))
FORMULA(sin, sin(x))
FORMULA(sinh, sinh(x))
FORMULA(softplus, (x > 0 ? x : 0) + log1p(exp(-fabs(x))))
FORMULA(mish, x *tanh((x > 0 ? x : 0) + log1p(exp(-fabs(x)))))
FORMULA(softsign, x / (1 + fabs(x)))
FORMULA(sqrt, sqrt(x))
FORMULA(sigmoid, x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x)))
FORMULA(swish, a *x < 0 ? x * exp(a * x) / (1 + exp(a * x)) : x / (1 + exp(-a * x)))
FORMULA(tan, tan(x))
FORMULA(tanh, tanh(x))
FORMULA(thresholded_relu, x > a ? x : 0)

/* The same on integers; unsigned types keep their low bits. */
static int64_t abs_i(int64_t x, bool is_signed)
{
    return is_signed && x < 0 ? (int64_t)(0 - (uint64_t)x) : x;
}

static int64_t neg_i(int64_t x, bool is_signed)
{
    return (int64_t)(0 - (uint64_t)x);
}

static int64_t relu_i(int64_t x, bool is_signed)
{
    return is_signed && x < 0 ? 0 : x;
}

static int64_t sign_i(int64_t x, bool is_signed)
{
    return is_signed && x < 0 ? -1 : x != 0;
}

static int64_t not_i(int64_t x, bool is_signed)
{
    return x == 0;
}

static int64_t bitwise_not_i(int64_t x, bool is_signed)
{
    return ~x;
}

enum { NO_KERNEL = -1 };

struct unary {
    const char *type;
    float (*f)(float x, float a, float b);
    double (*d)(double x, double a, double b);
    int64_t (*i)(int64_t x, bool is_signed);
    int kernel; /* enum kernel_activation with the same attributes, or NO_KERNEL */
    const char *a_name, *b_name;
    float a, b; /* where the attribute is not given or there is none */
};

#define SQRT_HALF 0.707106781186547524f

static const struct unary unaries[] = {
    {"Abs", PAIR(abs), abs_i, KERNEL_ABS, NULL, NULL, 0, 0},
    {"Acos", PAIR(acos), NULL, NO_KERNEL, NULL, NULL, 0, 0},
    {"Acosh", PAIR(acosh), NULL, NO_KERNEL, NULL, NULL, 0, 0},
    {"Asin", PAIR(asin), NULL, NO_KERNEL, NULL, NULL, 0, 0},
    {"Asinh", PAIR(asinh), NULL, NO_KERNEL, NULL, NULL, 0, 0},
    {"Atan", PAIR(atan), NULL, NO_KERNEL, NULL, NULL, 0, 0},
    {"Atanh", PAIR(atanh), NULL, NO_KERNEL, NULL, NULL, 0, 0},
    {"BitwiseNot", NULL, NULL, bitwise_not_i, NO_KERNEL, NULL, NULL, 0, 0},
    {"Ceil", PAIR(ceil), NULL, NO_KERNEL, NULL, NULL, 0, 0},
    {"Celu", PAIR(celu), NULL, NO_KERNEL, "alpha", NULL, 1, 0},
    {"Cos", PAIR(cos), NULL, KERNEL_COS, NULL, NULL, 0, 0},
    {"Cosh", PAIR(cosh), NULL, NO_KERNEL, NULL, NULL, 0, 0},
    {"Elu", PAIR(elu), NULL, NO_KERNEL, "alpha", NULL, 1, 0},
    {"Erf", PAIR(erf), NULL, KERNEL_ERF, NULL, NULL, 0, 0},
    {"Exp", PAIR(exp), NULL, KERNEL_EXP, NULL, NULL, 0, 0},
    {"Floor", PAIR(floor), NULL, NO_KERNEL, NULL, NULL, 0, 0},
    {"Gelu", PAIR(gelu), NULL, KERNEL_GELU, NULL, NULL, SQRT_HALF, 0},
    {"HardSigmoid", PAIR(hard_sigmoid), NULL, KERNEL_HARD_SIGMOID, "alpha", "beta", 0.2f, 0.5f},
    {"HardSwish", PAIR(hard_swish), NULL, KERNEL_HARD_SWISH, NULL, NULL, 1.0f / 6, 0.5f},
    {"LeakyRelu", PAIR(leaky_relu), NULL, KERNEL_LEAKY_RELU, "alpha", NULL, 0.01f, 0},
    {"Log", PAIR(log), NULL, KERNEL_LOG, NULL, NULL, 0, 0},
    {"Mish", PAIR(mish), NULL, NO_KERNEL, NULL, NULL, 0, 0},
    {"Neg", PAIR(neg), neg_i, KERNEL_NEG, NULL, NULL, 0, 0},
    {"Not", NULL, NULL, not_i, NO_KERNEL, NULL, NULL, 0, 0},
    {"Reciprocal", PAIR(reciprocal), NULL, KERNEL_RECIPROCAL, NULL, NULL, 0, 0},
    {"Relu", PAIR(relu), relu_i, KERNEL_RELU, NULL, NULL, 0, 0},
    {"Round", PAIR(round), NULL, NO_KERNEL, NULL, NULL, 0, 0},
    {"Selu", PAIR(selu), NULL, NO_KERNEL, "alpha", "gamma", 1.67326319217681884765625f,
     1.05070102214813232421875f},
    {"Shrink", PAIR(shrink), NULL, NO_KERNEL, "lambd", "bias", 0.5f, 0},
    {"Sigmoid", PAIR(sigmoid), NULL, KERNEL_SIGMOID, NULL, NULL, 0, 0},
    {"Sign", PAIR(sign), sign_i, NO_KERNEL, NULL, NULL, 0, 0},
    {"Sin", PAIR(sin), NULL, KERNEL_SIN, NULL, NULL, 0, 0},
    {"Sinh", PAIR(sinh), NULL, NO_KERNEL, NULL, NULL, 0, 0},
    {"Softplus", PAIR(softplus), NULL, KERNEL_SOFTPLUS, NULL, NULL, 0, 0},
    {"Softsign", PAIR(softsign), NULL, NO_KERNEL, NULL, NULL, 0, 0},
    {"Sqrt", PAIR(sqrt), NULL, KERNEL_SQRT, NULL, NULL, 0, 0},
    {"Swish", PAIR(swish), NULL, NO_KERNEL, "alpha", NULL, 1, 0},
    {"Tan", PAIR(tan), NULL, NO_KERNEL, NULL, NULL, 0, 0},
    {"Tanh", PAIR(tanh), NULL, KERNEL_TANH, NULL, NULL, 0, 0},
    {"ThresholdedRelu", PAIR(thresholded_relu), NULL, NO_KERNEL, "alpha", NULL, 1, 0},
};

/* sqrt(2 / π) and the cubic term of Gelu's tanh form. */
static const struct unary gelu_by_tanh = {"Gelu", PAIR(gelu_tanh),       NULL,     NO_KERNEL, NULL,
                                          NULL,   0.797884560802865356f, 0.044715f};
static const struct unary swish_by_kernel = {"Swish", PAIR(swish), NULL, KERNEL_SWISH,
                                             NULL,    NULL,        1,    0};

struct work {
    struct engine_call *call;
    const struct unary *unary;
    float a, b;
    int64_t count;
};

static void run_chunk(const struct work *work, int64_t at, int64_t count)
{
    const struct stance_tensor *in = &work->call->in[0];
    enum engine_domain domain = engine_domain_of(in->dtype);
    union engine_chunk chunk;
    engine_load(&chunk, domain, in, at, 1, count);
    if (domain == ENGINE_FLOAT)
        for (int64_t i = 0; i < count; i++)
            chunk.f[i] = work->unary->f(chunk.f[i], work->a, work->b);
    else if (domain == ENGINE_DOUBLE)
        for (int64_t i = 0; i < count; i++)
            chunk.d[i] = work->unary->d(chunk.d[i], work->a, work->b);
    else
        for (int64_t i = 0; i < count; i++)
            chunk.i[i] = work->unary->i(chunk.i[i], domain == ENGINE_INT);
    engine_store(&chunk, domain, &work->call->out[0], at, count);
}

static void run_share(void *context, int part, int parts, int worker)
{
    const struct work *work = context;
    int64_t at, end;
    kernel_share(work->count, part, parts, &at, &end);
    for (; at < end; at += ENGINE_CHUNK)
        run_chunk(work, at, end - at < ENGINE_CHUNK ? end - at : ENGINE_CHUNK);
}

static void run_kernel_share(void *context, int part, int parts, int worker)
{
    const struct work *work = context;
    work->call->kernels->unary((enum kernel_activation)work->unary->kernel, work->a, work->b,
                               work->call->in[0].data, work->call->out[0].data, work->count, part,
                               parts);
}

static const struct unary *find(const struct graph_node *node)
{
    if (strcmp(node->type, "Gelu") == 0 &&
        strcmp(graph_attr_string(node, "approximate", "none"), "tanh") == 0)
        return &gelu_by_tanh;
    if (strcmp(node->type, "Swish") == 0 && !(graph_attr_float(node, "alpha", 1) != 1))
        return &swish_by_kernel;
    for (size_t i = 0; i < sizeof unaries / sizeof unaries[0]; i++)
        if (strcmp(unaries[i].type, node->type) == 0)
            return &unaries[i];
    return NULL;
}

static int run(struct engine_call *call)
{
    const struct unary *unary = find(call->node);
    const struct stance_tensor *in = &call->in[0];
    if (!unary || (engine_is_float(in->dtype) ? !unary->f : !unary->i))
        return base_error(STANCE_ETYPE, "%s has no meaning for %s", call->node->type,
                          stance_dtype_name(in->dtype));
    struct work work = {call, unary, unary->a, unary->b, stance_tensor_count(in)};
    if (unary->a_name)
        work.a = graph_attr_float(call->node, unary->a_name, unary->a);
    if (unary->b_name)
        work.b = graph_attr_float(call->node, unary->b_name, unary->b);
    bool kernel = in->dtype == STANCE_FLOAT32 && unary->kernel != NO_KERNEL;
    base_pool_run(call->pool, kernel ? run_kernel_share : run_share, &work,
                  engine_call_parts(work.count));
    return 0;
}

static int run_is_nan(struct engine_call *call)
{
    const struct stance_tensor *in = &call->in[0];
    uint8_t *out = call->out[0].data;
    int64_t count = stance_tensor_count(in);
    for (int64_t i = 0; i < count; i++)
        out[i] = isnan(tensor_float(in, i)) != 0;
    return 0;
}

static int run_is_inf(struct engine_call *call)
{
    const struct stance_tensor *in = &call->in[0];
    uint8_t *out = call->out[0].data;
    bool positive = graph_attr_int(call->node, "detect_positive", 1) != 0;
    bool negative = graph_attr_int(call->node, "detect_negative", 1) != 0;
    int64_t count = stance_tensor_count(in);
    for (int64_t i = 0; i < count; i++) {
        double x = tensor_float(in, i);
        out[i] = isinf(x) && (x > 0 ? positive : negative);
    }
    return 0;
}

const struct engine_op engine_ops_unary[] = {
    {"Abs", run},       {"Acos", run},         {"Acosh", run},
    {"Asin", run},      {"Asinh", run},        {"Atan", run},
    {"Atanh", run},     {"BitwiseNot", run},   {"Ceil", run},
    {"Celu", run},      {"Cos", run},          {"Cosh", run},
    {"Elu", run},       {"Erf", run},          {"Exp", run},
    {"Floor", run},     {"Gelu", run},         {"HardSigmoid", run},
    {"HardSwish", run}, {"IsInf", run_is_inf}, {"IsNaN", run_is_nan},
    {"LeakyRelu", run}, {"Log", run},          {"Mish", run},
    {"Neg", run},       {"Not", run},          {"Reciprocal", run},
    {"Relu", run},      {"Round", run},        {"Selu", run},
    {"Shrink", run},    {"Sigmoid", run},      {"Sign", run},
    {"Sin", run},       {"Sinh", run},         {"Softplus", run},
    {"Softsign", run},  {"Sqrt", run},         {"Swish", run},
    {"Tan", run},       {"Tanh", run},         {"ThresholdedRelu", run},
    {NULL, NULL},
};
