/* Elementwise kernels of every tier against double arithmetic.
 * `--bench` prints the accuracy of each function and speed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/guarded.h"

#define EACH_TIER(k)                                                                               \
    for (const struct kernel_table *k = kernel_table(BASE_CPU_REF); k; k = next_tier(k))

static const struct kernel_table *next_tier(const struct kernel_table *k)
{
    int tier = base_cpu_next((int)k->tier);
    return tier < BASE_CPU_TIERS ? kernel_table((enum base_cpu_tier)tier) : NULL;
}

/* ---- Functions of one variable --------------------------------------------------------------- */

static double exact(enum kernel_activation op, double alpha, double beta, double x)
{
    switch (op) {
    case KERNEL_RELU: return x > 0 ? x : 0;
    case KERNEL_LEAKY_RELU: return x < 0 ? alpha * x : x;
    case KERNEL_CLIP: return fmin(fmax(x, alpha), beta);
    case KERNEL_SIGMOID: return 1 / (1 + exp(-x));
    case KERNEL_SWISH: return x / (1 + exp(-x));
    case KERNEL_HARD_SIGMOID: return fmin(fmax(alpha * x + beta, 0), 1);
    case KERNEL_HARD_SWISH: return x * fmin(fmax(x / 6 + 0.5, 0), 1);
    case KERNEL_TANH: return tanh(x);
    case KERNEL_GELU: return x / 2 * erfc(-x * 0.70710678118654752440);
    case KERNEL_EXP: return exp(x);
    case KERNEL_ERF: return erf(x);
    case KERNEL_SQRT: return sqrt(x);
    case KERNEL_ABS: return fabs(x);
    case KERNEL_NEG: return -x;
    case KERNEL_RECIPROCAL: return 1 / x;
    case KERNEL_LOG: return log(x);
    case KERNEL_SOFTPLUS: return fmax(x, 0) + log1p(exp(-fabs(x)));
    case KERNEL_SIN: return sin(x);
    case KERNEL_COS: return cos(x);
    case KERNEL_SQUARE: return x * x;
    case KERNEL_LINEAR:
    case KERNEL_ACTIVATIONS: break;
    }
    return x;
}

/* Where each function is measured, and how far a result may be off: relative to the result, or
 * absolutely, whichever allows more. `absolute` counts per unit of max(1, |x|) where the function
 * is x times a bounded one. */
static const struct measured {
    enum kernel_activation op;
    const char *name;
    float low, high, alpha, beta;
    double relative, absolute;
    bool scaled;
} measured[] = {
    {KERNEL_LINEAR, "linear", -9, 9, 0, 0, 0, 0, false},
    {KERNEL_RELU, "relu", -9, 9, 0, 0, 0, 0, false},
    {KERNEL_LEAKY_RELU, "leaky relu", -9, 9, 0.1f, 0, 6e-8, 0, false},
    {KERNEL_CLIP, "clip", -9, 9, -1.5f, 6, 0, 0, false},
    {KERNEL_SIGMOID, "sigmoid", -110, 110, 0, 0, 4e-7, 1e-7, false},
    {KERNEL_SWISH, "swish", -110, 110, 0, 0, 4e-7, 1e-7, true},
    {KERNEL_HARD_SIGMOID, "hard sigmoid", -9, 9, 0.2f, 0.5f, 4e-7, 1e-7, false},
    {KERNEL_HARD_SWISH, "hard swish", -9, 9, 0, 0, 4e-7, 1e-7, true},
    {KERNEL_TANH, "tanh", -30, 30, 0, 0, 4e-7, 0, false},
    {KERNEL_GELU, "gelu", -12, 12, 0, 0, 4e-7, 1e-7, true},
    {KERNEL_EXP, "exp", -87, 88.7f, 0, 0, 4e-7, 0, false},
    {KERNEL_ERF, "erf", -7, 7, 0, 0, 4e-7, 0, false},
    {KERNEL_SQRT, "sqrt", 0, 1e6f, 0, 0, 6e-8, 0, false},
    {KERNEL_ABS, "abs", -9, 9, 0, 0, 0, 0, false},
    {KERNEL_NEG, "neg", -9, 9, 0, 0, 0, 0, false},
    {KERNEL_RECIPROCAL, "reciprocal", 1e-3f, 1e3f, 0, 0, 6e-8, 0, false},
    {KERNEL_LOG, "log", 1e-4f, 20, 0, 0, 4e-7, 0, false},
    {KERNEL_LOG, "log far", 20, 1e30f, 0, 0, 4e-7, 0, false},
    {KERNEL_SOFTPLUS, "softplus", -80, 110, 0, 0, 4e-7, 0, false},
    {KERNEL_SIN, "sin", -100, 100, 0, 0, 4e-7, 1e-7, false},
    {KERNEL_COS, "cos", -100, 100, 0, 0, 4e-7, 1e-7, false},
    {KERNEL_SIN, "sin far", 1e3f, 1e6f, 0, 0, 4e-7, 1e-7, false},
    {KERNEL_COS, "cos further", 1e6f, 1e12f, 0, 0, 4e-7, 1e-7, false},
    {KERNEL_SIN, "sin furthest", -3.4e38f, 3.4e38f, 0, 0, 4e-7, 1e-7, false},
    {KERNEL_SQUARE, "square", -9, 9, 0, 0, 6e-8, 0, false},
};
enum { MEASURED = sizeof(measured) / sizeof(measured[0]), POINTS = 200001 };

struct deviation {
    double relative, absolute, excess; /* excess: worst error over allowed error */
    float at;
};

static struct deviation measure(const struct kernel_table *k, const struct measured *m)
{
    struct guarded x = guarded_open(POINTS), y = guarded_open(POINTS);
    struct deviation worst = {0};
    for (int i = 0; i < POINTS; i++)
        x.data[i] = (float)(m->low + ((double)m->high - m->low) * i / (POINTS - 1));
    k->unary(m->op, m->alpha, m->beta, x.data, y.data, POINTS, 0, 1);
    for (int i = 0; i < POINTS; i++) {
        double right = exact(m->op, m->alpha, m->beta, x.data[i]);
        double error = fabs(y.data[i] - right);
        double scale = m->scaled && fabsf(x.data[i]) > 1 ? fabs(x.data[i]) : 1;
        double allowed = fmax(m->relative * fabs(right), m->absolute * scale);
        double excess = error > 0 ? error / allowed : 0;
        if (!(excess <= worst.excess)) {
            worst.excess = excess;
            worst.at = x.data[i];
        }
        worst.absolute = fmax(worst.absolute, error);
        if (right != 0)
            worst.relative = fmax(worst.relative, error / fabs(right));
    }
    guarded_close(&x);
    guarded_close(&y);
    return worst;
}

static void test_unary_accuracy(void **state)
{
    (void)state;
    EACH_TIER(k)
    {
        for (int i = 0; i < MEASURED; i++) {
            struct deviation d = measure(k, &measured[i]);
            if (!(d.excess <= 1))
                fail_msg("%s %s: error is %.2f of what is allowed at %.9g", base_cpu_name(k->tier),
                         measured[i].name, d.excess, (double)d.at);
        }
    }
}

static float unary_of(const struct kernel_table *k, enum kernel_activation op, float x)
{
    float y;
    k->unary(op, 0, 1, &x, &y, 1, 0, 1);
    return y;
}

static void test_unary_keeps_nan(void **state)
{
    (void)state;
    EACH_TIER(k)
    {
        for (int op = 0; op < KERNEL_ACTIVATIONS; op++)
            assert_true(isnan(unary_of(k, (enum kernel_activation)op, NAN)));
        assert_true(isnan(unary_of(k, KERNEL_SIN, INFINITY)));
        assert_true(isnan(unary_of(k, KERNEL_COS, -INFINITY)));
    }
}

static void test_unary_saturates(void **state)
{
    (void)state;
    static const struct {
        enum kernel_activation op;
        float x, y;
    } cases[] = {
        {KERNEL_EXP, 89, INFINITY},
        {KERNEL_EXP, 1000, INFINITY},
        {KERNEL_EXP, INFINITY, INFINITY},
        {KERNEL_EXP, -1000, 0},
        {KERNEL_EXP, -INFINITY, 0},
        {KERNEL_EXP, 0, 1},
        {KERNEL_SIGMOID, 1000, 1},
        {KERNEL_SIGMOID, INFINITY, 1},
        {KERNEL_TANH, 50, 1},
        {KERNEL_TANH, -50, -1},
        {KERNEL_TANH, INFINITY, 1},
        {KERNEL_TANH, -INFINITY, -1},
        {KERNEL_TANH, 0, 0},
        {KERNEL_ERF, 6, 1},
        {KERNEL_ERF, -6, -1},
        {KERNEL_ERF, INFINITY, 1},
        {KERNEL_ERF, -INFINITY, -1},
        {KERNEL_GELU, 20, 20},
        {KERNEL_SWISH, 200, 200},
        {KERNEL_SWISH, INFINITY, INFINITY},
        {KERNEL_LOG, 1, 0},
        {KERNEL_LOG, 0, -INFINITY},
        {KERNEL_LOG, INFINITY, INFINITY},
        {KERNEL_LOG, -1, NAN},
        {KERNEL_LOG, 0x1p-140f, -97.0406052f},
        {KERNEL_SQRT, -1, NAN},
        {KERNEL_SQRT, INFINITY, INFINITY},
        {KERNEL_RECIPROCAL, 0, INFINITY},
        {KERNEL_RECIPROCAL, INFINITY, 0},
        {KERNEL_SOFTPLUS, INFINITY, INFINITY},
        {KERNEL_SOFTPLUS, -INFINITY, 0},
        {KERNEL_SIN, INFINITY, NAN},
        {KERNEL_COS, -INFINITY, NAN},
        {KERNEL_COS, 0, 1},
        {KERNEL_RELU, -INFINITY, 0},
        {KERNEL_RELU, INFINITY, INFINITY},
        {KERNEL_CLIP, INFINITY, 1},
        {KERNEL_CLIP, -INFINITY, 0},
        {KERNEL_HARD_SWISH, INFINITY, INFINITY},
    };
    EACH_TIER(k)
    {
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
            assert_near(unary_of(k, cases[i].op, cases[i].x), cases[i].y, 0);
        assert_near(unary_of(k, KERNEL_SIGMOID, -100), 0, 1e-35);
        assert_near(unary_of(k, KERNEL_SIGMOID, -INFINITY), 0, 1e-35);
        assert_near(unary_of(k, KERNEL_SWISH, -200), 0, 1e-33);
        assert_near(unary_of(k, KERNEL_GELU, -20), 0, 1e-35);
    }
}

static const int64_t lengths[] = {0, 1, 3, 7, 8, 9, 15, 16, 17, 31, 33, 100, 257};
enum { LENGTHS = sizeof(lengths) / sizeof(lengths[0]) };

/* In place, in parts, with the element alone: always the same bits. */
static void test_unary_parts_and_lengths(void **state)
{
    (void)state;
    EACH_TIER(k)
    {
        for (int op = 0; op < KERNEL_ACTIVATIONS; op++) {
            for (int l = 0; l < LENGTHS; l++) {
                struct guarded x = guarded_random((size_t)lengths[l], 1 + (uint32_t)l);
                struct guarded y = guarded_open(x.count);
                k->unary((enum kernel_activation)op, 0, 1, x.data, y.data, lengths[l], 0, 1);
                for (size_t i = 0; i < x.count; i++) {
                    float alone = unary_of(k, (enum kernel_activation)op, x.data[i]);
                    assert_near(y.data[i], alone, 0);
                }
                for (int part = 4; part >= 0; part--)
                    k->unary((enum kernel_activation)op, 0, 1, x.data, x.data, lengths[l], part, 5);
                assert_near(memcmp(x.data, y.data, x.count * sizeof(float)), 0, 0);
                guarded_close(&x);
                guarded_close(&y);
            }
        }
    }
}

/* ---- Two operands ---------------------------------------------------------------------------- */

static float combined(enum kernel_binary op, float a, float b)
{
    switch (op) {
    case KERNEL_ADD: return a + b;
    case KERNEL_SUB: return a - b;
    case KERNEL_MUL: return a * b;
    case KERNEL_DIV: return a / b;
    default:
        if (isnan(a) || isnan(b))
            return NAN;
        return (op == KERNEL_MAX) == (a > b) ? a : b;
    }
}

static void sprinkle(struct guarded *array, size_t step)
{
    static const float odd[] = {NAN, INFINITY, -INFINITY, 0};
    for (size_t i = step, j = 0; i < array->count; i += step, j++)
        array->data[i] = odd[j % 4];
}

static void test_binary(void **state)
{
    (void)state;
    EACH_TIER(k)
    {
        for (int op = 0; op < KERNEL_BINARIES; op++) {
            for (int l = 0; l < LENGTHS; l++) {
                struct guarded a = guarded_random((size_t)lengths[l], 1);
                struct guarded b = guarded_random(a.count, 2), y = guarded_open(a.count);
                sprinkle(&a, 3);
                sprinkle(&b, 5);
                for (int part = 0; part < 3; part++)
                    k->binary((enum kernel_binary)op, a.data, b.data, y.data, lengths[l], part, 3);
                for (size_t i = 0; i < a.count; i++)
                    assert_near(y.data[i], combined((enum kernel_binary)op, a.data[i], b.data[i]),
                                0);
                guarded_close(&a);
                guarded_close(&b);
                guarded_close(&y);
            }
        }
    }
}

static void check_rows(const struct kernel_table *k, enum kernel_binary op, int64_t rows,
                       int64_t columns, bool b_first, bool by_row)
{
    struct guarded a = guarded_random((size_t)(rows * columns), 3), y = guarded_open(a.count);
    struct guarded b = guarded_random((size_t)(by_row ? columns : rows), 4);
    sprinkle(&a, 7);
    for (int part = 3; part >= 0; part--) {
        if (by_row)
            k->binary_row(op, a.data, b.data, y.data, rows, columns, b_first, part, 4);
        else
            k->binary_column(op, a.data, b.data, y.data, rows, columns, b_first, part, 4);
    }
    for (int64_t i = 0; i < rows * columns; i++) {
        float other = b.data[by_row ? i % columns : i / columns];
        assert_near(y.data[i],
                    b_first ? combined(op, other, a.data[i]) : combined(op, a.data[i], other), 0);
    }
    guarded_close(&a);
    guarded_close(&b);
    guarded_close(&y);
}

static void test_binary_rows_and_columns(void **state)
{
    (void)state;
    EACH_TIER(k)
    {
        for (int op = 0; op < KERNEL_BINARIES; op++) {
            for (int l = 0; l < LENGTHS * LENGTHS; l++) {
                int64_t rows = lengths[l / LENGTHS] % 40, columns = lengths[l % LENGTHS];
                for (int way = 0; way < 4; way++)
                    check_rows(k, (enum kernel_binary)op, rows, columns, way & 1, way & 2);
            }
        }
    }
}

/* ---- Speed ----------------------------------------------------------------------------------- */

struct bench {
    const struct kernel_table *k;
    int op;
    float *x, *y;
    int64_t count;
};

static void bench_unary(void *context)
{
    struct bench *b = context;
    b->k->unary((enum kernel_activation)b->op, 0, 6, b->x, b->y, b->count, 0, 1);
}

static void bench_binary(void *context)
{
    struct bench *b = context;
    b->k->binary((enum kernel_binary)b->op, b->x, b->x, b->y, b->count, 0, 1);
}

static void bench_all(const struct kernel_table *k)
{
    static const char *const binaries[] = {"add", "sub", "mul", "div", "max", "min"};
    struct guarded x = guarded_random(100000, 1), y = guarded_open(100000);
    struct bench b = {k, 0, x.data, y.data, 100000};
    for (int i = 0; i < MEASURED; i++) {
        struct deviation d = measure(k, &measured[i]);
        b.op = (int)measured[i].op;
        double seconds = bench_seconds(bench_unary, &b);
        printf("%-6s %-12s worst error: relative %.2g absolute %.2g, %.2f of what is allowed; "
               "100k in %6.1f us %5.1f GB/s\n",
               base_cpu_name(k->tier), measured[i].name, d.relative, d.absolute, d.excess,
               seconds * 1e6, 8e-4 / seconds);
    }
    for (b.op = 0; b.op < KERNEL_BINARIES; b.op++) {
        double seconds = bench_seconds(bench_binary, &b);
        printf("%-6s %-12s 100k in %6.1f us %5.1f GB/s\n", base_cpu_name(k->tier), binaries[b.op],
               seconds * 1e6, 12e-4 / seconds);
    }
    guarded_close(&x);
    guarded_close(&y);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unary_accuracy),  cmocka_unit_test(test_unary_keeps_nan),
        cmocka_unit_test(test_unary_saturates), cmocka_unit_test(test_unary_parts_and_lengths),
        cmocka_unit_test(test_binary),          cmocka_unit_test(test_binary_rows_and_columns),
    };
    if (argc < 2 || strcmp(argv[1], "--bench") != 0)
        return cmocka_run_group_tests(tests, NULL, NULL);
    EACH_TIER(k)
    bench_all(k);
    return 0;
}
