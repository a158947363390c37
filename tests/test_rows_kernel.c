/* Kernels along the last axis (softmax, layer normalisation, reductions), every tier against sums
 * in double. `--bench` prints speed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/guarded.h"

static const int64_t lengths[] = {1, 2, 7, 8, 9, 16, 17, 31, 63, 64, 65, 133, 500, 1024, 5003};
enum { LENGTHS = sizeof(lengths) / sizeof(lengths[0]), ROWS = 5 };

typedef void check_fn(const struct kernel_table *k, int64_t rows, int64_t columns);

static void each_tier_and_length(check_fn *check)
{
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier)) {
        const struct kernel_table *k = kernel_table((enum base_cpu_tier)tier);
        for (int l = 0; l < LENGTHS; l++) {
            check(k, ROWS, lengths[l]);
            check(k, 1, lengths[l]);
        }
        check(k, 0, 17);
    }
}

static void check_softmax(const struct kernel_table *k, int64_t rows, int64_t columns)
{
    struct guarded x = guarded_random((size_t)(rows * columns), 1), y = guarded_open(x.count);
    for (size_t i = 0; i < x.count; i++)
        x.data[i] = x.data[i] * 20 + 300;
    k->softmax(x.data, y.data, rows, columns, 0, 1);
    for (int64_t row = 0; row < rows; row++) {
        double sum = 0;
        for (int64_t i = 0; i < columns; i++)
            sum += exp((double)x.data[row * columns + i] - 300);
        for (int64_t i = 0; i < columns; i++) {
            double right = exp((double)x.data[row * columns + i] - 300) / sum;
            assert_near(y.data[row * columns + i], right, 1e-6 * right);
        }
    }
    for (int part = 2; part >= 0; part--)
        k->softmax(x.data, x.data, rows, columns, part, 3);
    assert_same_bits(&x, &y);
    guarded_close(&x);
    guarded_close(&y);
}

static void test_softmax(void **state)
{
    (void)state;
    each_tier_and_length(check_softmax);
}

static void test_softmax_of_odd_values(void **state)
{
    (void)state;
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier)) {
        const struct kernel_table *k = kernel_table((enum base_cpu_tier)tier);
        float x[20], y[20];
        for (int i = 0; i < 20; i++)
            x[i] = i % 2 ? -INFINITY : 1;
        k->softmax(x, y, 1, 20, 0, 1);
        for (int i = 0; i < 20; i++)
            assert_near(y[i], i % 2 ? 0 : 0.1, 1e-8);
        for (int i = 0; i < 20; i++)
            x[i] = -INFINITY;
        k->softmax(x, y, 1, 20, 0, 1);
        assert_true(isnan(y[0]) && isnan(y[19]));
        x[3] = NAN;
        x[4] = 1;
        k->softmax(x, y, 1, 20, 0, 1);
        assert_true(isnan(y[0]) && isnan(y[3]) && isnan(y[19]));
    }
}

static void check_layer_norm(const struct kernel_table *k, int64_t rows, int64_t columns)
{
    struct guarded x = guarded_random((size_t)(rows * columns), 1), y = guarded_open(x.count);
    struct guarded scale = guarded_random((size_t)columns, 2),
                   bias = guarded_random(scale.count, 3);
    for (int way = 0; way < 4; way++) {
        const float *factor = way & 1 ? scale.data : NULL, *shift = way & 2 ? bias.data : NULL;
        for (size_t i = 0; i < x.count; i++)
            x.data[i] += 3;
        k->layer_norm(x.data, factor, shift, 1e-5f, y.data, rows, columns, 0, 1);
        for (int64_t row = 0; row < rows; row++) {
            const float *in = x.data + row * columns;
            double sum = 0, squares = 0;
            for (int64_t i = 0; i < columns; i++)
                sum += in[i];
            for (int64_t i = 0; i < columns; i++)
                squares += pow(in[i] - sum / (double)columns, 2);
            for (int64_t i = 0; i < columns; i++) {
                double right =
                    (in[i] - sum / (double)columns) / sqrt(squares / (double)columns + 1e-5);
                right = right * (factor ? factor[i] : 1) + (shift ? shift[i] : 0);
                /* a mean that is off by a rounding error moves every result, and a row of one
                 * element divides that error by √ε */
                assert_near(y.data[row * columns + i], right, columns == 1 ? 1e-3 : 5e-5);
            }
        }
    }
    k->layer_norm(x.data, scale.data, bias.data, 1e-5f, y.data, rows, columns, 0, 1);
    for (int part = 2; part >= 0; part--)
        k->layer_norm(x.data, scale.data, bias.data, 1e-5f, x.data, rows, columns, part, 3);
    assert_same_bits(&x, &y);
    guarded_close(&x);
    guarded_close(&y);
    guarded_close(&scale);
    guarded_close(&bias);
}

static void test_layer_norm(void **state)
{
    (void)state;
    each_tier_and_length(check_layer_norm);
}

static double reduced(enum kernel_reduce op, const float *x, int64_t columns, double *size)
{
    double sum = 0, largest = -INFINITY;
    *size = 0;
    for (int64_t i = 0; i < columns; i++) {
        double term = op == KERNEL_SUM_SQUARE ? (double)x[i] * x[i] : x[i];
        sum += term;
        *size += fabs(term);
        largest = fmax(largest, x[i]);
    }
    if (op == KERNEL_MEAN)
        *size /= (double)columns;
    if (op == KERNEL_REDUCE_MAX)
        *size = 0;
    return op == KERNEL_REDUCE_MAX ? largest : op == KERNEL_MEAN ? sum / (double)columns : sum;
}

static void check_reduce(const struct kernel_table *k, int64_t rows, int64_t columns)
{
    struct guarded x = guarded_random((size_t)(rows * columns), 1);
    struct guarded y = guarded_open((size_t)rows), split = guarded_open((size_t)rows);
    for (int op = KERNEL_SUM; op <= KERNEL_SUM_SQUARE; op++) {
        k->reduce_rows((enum kernel_reduce)op, x.data, y.data, rows, columns, 0, 1);
        for (int64_t row = 0; row < rows; row++) {
            double size;
            double right = reduced((enum kernel_reduce)op, x.data + row * columns, columns, &size);
            assert_near(y.data[row], right, 3e-7 * size);
        }
        for (int part = 0; part < 4; part++)
            k->reduce_rows((enum kernel_reduce)op, x.data, split.data, rows, columns, part, 4);
        assert_same_bits(&y, &split);
    }
    guarded_close(&x);
    guarded_close(&y);
    guarded_close(&split);
}

static void test_reduce_rows(void **state)
{
    (void)state;
    each_tier_and_length(check_reduce);
}

static void test_reduce_of_odd_values(void **state)
{
    (void)state;
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier)) {
        const struct kernel_table *k = kernel_table((enum base_cpu_tier)tier);
        float x[40] = {0}, y;
        k->reduce_rows(KERNEL_SUM, x, &y, 1, 0, 0, 1);
        assert_near(y, 0, 0);
        k->reduce_rows(KERNEL_REDUCE_MAX, x, &y, 1, 0, 0, 1);
        assert_near(y, -INFINITY, 0);
        for (int at = 0; at < 40; at++) {
            memset(x, 0, sizeof(x));
            x[at] = -NAN;
            for (int op = KERNEL_SUM; op <= KERNEL_SUM_SQUARE; op++) {
                k->reduce_rows((enum kernel_reduce)op, x, &y, 1, 40, 0, 1);
                assert_true(isnan(y));
            }
            x[at] = INFINITY;
            k->reduce_rows(KERNEL_REDUCE_MAX, x, &y, 1, 40, 0, 1);
            assert_near(y, INFINITY, 0);
        }
    }
}

/* A long sum of equal numbers keeps its digits. */
static void test_long_mean_is_accurate(void **state)
{
    (void)state;
    enum { COUNT = 1000000 };
    struct guarded x = guarded_open(COUNT);
    for (int i = 0; i < COUNT; i++)
        x.data[i] = 0.1f;
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier)) {
        float y;
        kernel_table((enum base_cpu_tier)tier)
            ->reduce_rows(KERNEL_MEAN, x.data, &y, 1, COUNT, 0, 1);
        assert_near(y, 0.1, 3e-8);
    }
    guarded_close(&x);
}

/* ---- Speed ----------------------------------------------------------------------------------- */

struct bench {
    const struct kernel_table *k;
    float *x, *y;
    int64_t rows, columns;
};

static void bench_softmax(void *context)
{
    struct bench *b = context;
    b->k->softmax(b->x, b->y, b->rows, b->columns, 0, 1);
}

static void bench_layer_norm(void *context)
{
    struct bench *b = context;
    b->k->layer_norm(b->x, b->x, b->x, 1e-5f, b->y, b->rows, b->columns, 0, 1);
}

static void bench_reduce(void *context)
{
    struct bench *b = context;
    b->k->reduce_rows(KERNEL_SUM_SQUARE, b->x, b->y, b->rows, b->columns, 0, 1);
}

static void bench_all(const struct kernel_table *k, int64_t rows, int64_t columns)
{
    struct guarded x = guarded_random((size_t)(rows * columns), 1), y = guarded_open(x.count);
    struct bench b = {k, x.data, y.data, rows, columns};
    double mb = (double)(rows * columns) * 4e-9;
    double softmax = bench_seconds(bench_softmax, &b), norm = bench_seconds(bench_layer_norm, &b);
    double reduce = bench_seconds(bench_reduce, &b);
    printf("%-6s %5lld x %-5lld softmax %7.1f us %5.1f GB/s, layer_norm %7.1f us %5.1f GB/s, "
           "sum of squares %6.1f us %5.1f GB/s\n",
           base_cpu_name(k->tier), (long long)rows, (long long)columns, softmax * 1e6,
           2 * mb / softmax, norm * 1e6, 2 * mb / norm, reduce * 1e6, mb / reduce);
    guarded_close(&x);
    guarded_close(&y);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_softmax),
        cmocka_unit_test(test_softmax_of_odd_values),
        cmocka_unit_test(test_layer_norm),
        cmocka_unit_test(test_reduce_rows),
        cmocka_unit_test(test_reduce_of_odd_values),
        cmocka_unit_test(test_long_mean_is_accurate),
    };
    if (argc < 2 || strcmp(argv[1], "--bench") != 0)
        return cmocka_run_group_tests(tests, NULL, NULL);
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier)) {
        const struct kernel_table *k = kernel_table((enum base_cpu_tier)tier);
        bench_all(k, 17, 17);
        bench_all(k, 17, 256);
        bench_all(k, 400, 256);
    }
    return 0;
}
