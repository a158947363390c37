/* Element types: names, sizes, and every half and bfloat16. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "tensor/storage.h"

static void test_names_and_sizes(void **state)
{
    assert_string_equal(stance_dtype_name(STANCE_FLOAT32), "float32");
    assert_string_equal(stance_dtype_name(STANCE_BFLOAT16), "bfloat16");
    assert_string_equal(stance_dtype_name(8), "unknown");
    assert_string_equal(stance_dtype_name(-1), "unknown");
    assert_string_equal(stance_dtype_name(17), "unknown");
    assert_int_equal(stance_dtype_size(STANCE_FLOAT16), 2);
    assert_int_equal(stance_dtype_size(STANCE_BOOL), 1);
    assert_int_equal(stance_dtype_size(8), 0);
    assert_int_equal(stance_dtype_size(INT32_MIN), 0);
    assert_int_equal(stance_dtype_size(INT32_MAX), 0);
}

/* IEEE 754 binary16 by its definition. */
static double half_value(unsigned half)
{
    int exponent = half >> 10 & 31, mantissa = half & 1023;
    double value = exponent == 0    ? ldexp(mantissa, -24)
                   : exponent == 31 ? (mantissa ? NAN : INFINITY)
                                    : ldexp(1024 + mantissa, exponent - 25);
    return half & 0x8000 ? -value : value;
}

static void test_every_half_is_converted_and_comes_back(void **state)
{
    for (unsigned half = 0; half < 65536; half++) {
        float value = tensor_half_to_float((uint16_t)half);
        double wanted = half_value(half);
        float many[2];
        tensor_halves_to_floats(many, (const uint16_t[]){0, (uint16_t)half}, 2);
        assert_memory_equal(&many[1], &value, sizeof value);
        if (isnan(wanted)) {
            assert_true(isnan(value));
            uint16_t back = tensor_float_to_half(value);
            assert_true((back & 0x7c00) == 0x7c00 && (back & 1023));
            continue;
        }
        assert_true(value == wanted && !signbit(value) == !signbit(wanted));
        assert_int_equal(tensor_float_to_half(value), half);
    }
}

static void test_halves_are_rounded_to_nearest_even(void **state)
{
    for (unsigned half = 0; half < 0x7bff; half++) {
        float low = tensor_half_to_float((uint16_t)half);
        float high = tensor_half_to_float((uint16_t)(half + 1)), middle = (low + high) / 2;
        assert_int_equal(tensor_float_to_half(middle), half + (half & 1));
        assert_int_equal(tensor_float_to_half(nextafterf(middle, 0)), half);
        assert_int_equal(tensor_float_to_half(-nextafterf(middle, INFINITY)), 0x8000 | (half + 1));
    }
    assert_int_equal(tensor_float_to_half(65504), 0x7bff);
    assert_int_equal(tensor_float_to_half(65519.996f), 0x7bff);
    assert_int_equal(tensor_float_to_half(65520), 0x7c00);
    assert_int_equal(tensor_float_to_half(-1e30f), 0xfc00);
    assert_int_equal(tensor_float_to_half(1e-30f), 0);
}

static void test_every_bfloat_comes_back(void **state)
{
    for (unsigned bits = 0; bits < 65536; bits++) {
        float value = tensor_bfloat_to_float((uint16_t)bits);
        if (isnan(value))
            assert_true(isnan(tensor_bfloat_to_float(tensor_float_to_bfloat(value))));
        else
            assert_int_equal(tensor_float_to_bfloat(value), bits);
    }
    assert_int_equal(tensor_float_to_bfloat(1.00390625f), 0x3f80); /* halfway, down to even */
    assert_int_equal(tensor_float_to_bfloat(1.01171875f), 0x3f82); /* halfway, up to even */
    assert_int_equal(tensor_float_to_bfloat(3.4e38f), 0x7f80);     /* rounds to infinity */
    assert_true(isnan(tensor_bfloat_to_float(tensor_float_to_bfloat(NAN))));
}

static void test_elements_are_stored_and_read_by_type(void **state)
{
    static const int types[] = {STANCE_FLOAT32, STANCE_INT8,    STANCE_INT16,   STANCE_INT32,
                                STANCE_INT64,   STANCE_FLOAT16, STANCE_FLOAT64, STANCE_BFLOAT16};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        uint64_t room[4] = {0};
        struct stance_tensor view = {types[i], 1, {4}, room};
        tensor_set(&view, 0, 3);
        tensor_set(&view, 1, -7);
        assert_true(tensor_float(&view, 0) == 3 && tensor_float(&view, 1) == -7);
        assert_true(tensor_int(&view, 1) == -7);
        assert_true(tensor_float(&view, 2) == 0);
    }
}

static void test_the_largest_integers_stay_exact(void **state)
{
    int64_t values[] = {INT64_MAX, INT64_MIN};
    const struct stance_tensor view = {STANCE_INT64, 1, {2}, values};
    assert_true(tensor_int(&view, 0) == INT64_MAX && tensor_int(&view, 1) == INT64_MIN);
}

static void release(void *context)
{
    ++*(int *)context;
}

static void test_contents_end_with_the_last_reference(void **state)
{
    long live = base_alloc_live();
    int released = 0;
    float value = 1;
    struct stance_tensor view = {STANCE_FLOAT32, 0, {0}, &value};
    struct tensor *tensor, *other;
    assert_int_equal(tensor_wrap(&tensor, &view, release, &released), 0);
    other = tensor_keep(tensor);
    tensor_close(&tensor);
    assert_null(tensor);
    assert_int_equal(released, 0);
    tensor_close(&other);
    assert_int_equal(released, 1);
    tensor_close(&other);
    const struct tensor_shape shape = {2, {3, 5}};
    assert_int_equal(tensor_open(&tensor, STANCE_INT16, &shape), 0);
    assert_int_equal(tensor_bytes(&tensor->view), 30);
    tensor_close(&tensor);
    assert_int_equal(tensor_open(&tensor, 99, &shape), STANCE_ETYPE);
    for (int n = 1; n <= 2; n++) {
        base_alloc_fail_at(n, 0);
        assert_int_equal(tensor_open(&tensor, STANCE_INT16, &shape), STANCE_ENOMEMORY);
        assert_null(tensor);
    }
    assert_int_equal(base_alloc_live(), live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_and_sizes),
        cmocka_unit_test(test_every_half_is_converted_and_comes_back),
        cmocka_unit_test(test_halves_are_rounded_to_nearest_even),
        cmocka_unit_test(test_every_bfloat_comes_back),
        cmocka_unit_test(test_elements_are_stored_and_read_by_type),
        cmocka_unit_test(test_the_largest_integers_stay_exact),
        cmocka_unit_test(test_contents_end_with_the_last_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
