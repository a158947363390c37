/* Where the ranges of bytes are cut. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "base/memory.h"
#include "engine/quantization.h"

static void test_ranges_cut_what_is_rare(void **state)
{
    (void)state;
    struct quantize_histogram histogram;
    struct quantize_range ranges[QUANTIZE_METHODS + 1];
    enum { COUNT = 40000 };
    static float values[COUNT];
    assert_int_equal(engine_quantize_histogram_open(&histogram), 0);
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < COUNT; i++)
            values[i] = (float)i / COUNT * 2 - 0.5f;
        values[0] = round == 3 ? 300 : values[0];
        assert_int_equal(engine_quantize_histogram_add(&histogram, values, COUNT), 0);
    }
    assert_int_equal(histogram.count, 4 * COUNT);
    for (int m = 1; m <= QUANTIZE_METHODS; m++)
        ranges[m] = engine_quantize_histogram_range(&histogram, m);
    assert_true(ranges[STANCE_QUANTIZE_MINMAX].high == 300);
    assert_true(fabsf(ranges[STANCE_QUANTIZE_PERCENTILE].high - 1.5f) < 0.1f);
    assert_true(ranges[STANCE_QUANTIZE_MSE].high > 100);
    assert_true(ranges[STANCE_QUANTIZE_ENTROPY].high > 100);
    values[5] = NAN;
    assert_int_equal(engine_quantize_histogram_add(&histogram, values, COUNT), STANCE_EFORMAT);
    base_free(histogram.bins);
}

static double rounding_error(const float *values, int count, struct quantize_range range)
{
    struct quantize_bytes bytes = engine_quantize_bytes_of(range);
    double sum = 0;
    for (int i = 0; i < count; i++) {
        double byte = fmin(fmax(rint((double)(values[i] / bytes.scale)) + bytes.zero, 0), 255);
        double error = (double)values[i] - (byte - bytes.zero) * (double)bytes.scale;
        sum += error * error;
    }
    return sum;
}

/* Of a tail that thins out. */
static void test_the_least_squares_are_the_least(void **state)
{
    (void)state;
    struct quantize_histogram histogram;
    enum { COUNT = 60000 };
    static float values[COUNT];
    for (int i = 0; i < COUNT; i++) {
        float uniform = ((float)i + 0.5f) / COUNT;
        values[i] = powf(-logf(1 - uniform), 1.5f);
    }
    assert_int_equal(engine_quantize_histogram_open(&histogram), 0);
    assert_int_equal(engine_quantize_histogram_add(&histogram, values, COUNT), 0);
    struct quantize_range ranges[QUANTIZE_METHODS + 1];
    for (int m = 1; m <= QUANTIZE_METHODS; m++)
        ranges[m] = engine_quantize_histogram_range(&histogram, m);
    assert_true(ranges[STANCE_QUANTIZE_MINMAX].high == values[COUNT - 1]);
    assert_true(ranges[STANCE_QUANTIZE_PERCENTILE].high < 0.95f * values[COUNT - 1]);
    double least = rounding_error(values, COUNT, ranges[STANCE_QUANTIZE_MSE]);
    for (int m = 1; m <= QUANTIZE_METHODS; m++) {
        assert_true(ranges[m].low == 0);
        assert_true(least <= 1.01 * rounding_error(values, COUNT, ranges[m]));
    }
    base_free(histogram.bins);
}

static void test_zero_is_always_exact(void **state)
{
    (void)state;
    static const struct quantize_range ranges[] = {{-0.3f, 7}, {0, 1}, {-4, 0}, {0, 0}, {2, 5}};
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        struct quantize_bytes bytes = engine_quantize_bytes_of(ranges[i]);
        assert_true(bytes.scale > 0);
        assert_true((float)(0 - bytes.zero) * bytes.scale <= fmaxf(0, ranges[i].low) + 1e-6f);
        assert_true((float)(255 - bytes.zero) * bytes.scale >= ranges[i].high * 0.99f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges_cut_what_is_rare),
        cmocka_unit_test(test_the_least_squares_are_the_least),
        cmocka_unit_test(test_zero_is_always_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
