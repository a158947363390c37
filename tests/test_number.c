/* Numbers from text: base/number.h. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"

static void test_integers_are_read_to_their_limits(void **state)
{
    static const struct {
        const char *text;
        int64_t value;
    } rows[] = {
        {"0", 0},
        {"-0", 0},
        {"+7", 7},
        {"007", 7},
        {"-42", -42},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t value = 1;
        assert_int_equal(base_number_parse_int64(rows[i].text, &value), 0);
        assert_true(value == rows[i].value);
    }
}

static void test_what_is_no_integer_is_refused(void **state)
{
    static const char *const texts[] = {"", "-", "+", " 1", "1 ", "1.0", "0x10", "1e3", "--1", "a"};
    int64_t value;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_int_equal(base_number_parse_int64(texts[i], &value), STANCE_EARGUMENT);
    assert_int_equal(base_number_parse_int64("9223372036854775808", &value), STANCE_ELIMIT);
    assert_int_equal(base_number_parse_int64("-9223372036854775809", &value), STANCE_ELIMIT);
    assert_int_equal(base_number_parse_int64("99999999999999999999999", &value), STANCE_ELIMIT);
}

static void test_only_the_given_bytes_are_read(void **state)
{
    int64_t value;
    assert_int_equal(base_number_int64("123456", 3, &value), 0);
    assert_int_equal(value, 123);
    assert_int_equal(base_number_int64("12\0003", 4, &value), STANCE_EARGUMENT);
}

static void test_ordinary_decimals_are_correctly_rounded(void **state)
{
    char text[40];
    srand(1);
    for (int i = 0; i < 20000; i++) {
        int digits = 1 + rand() % 15, exponent = rand() % 44 - 22 - rand() % 2;
        long long mantissa = (long long)rand() * rand() % (long long)pow(10, digits);
        if (exponent < -22)
            snprintf(text, sizeof text, "%lld.%06d", mantissa % 1000000000, rand() % 1000000);
        else
            snprintf(text, sizeof text, "%llde%d", mantissa, exponent);
        double value = 1;
        assert_int_equal(base_number_parse_double(text, &value), 0);
        assert_true(value == strtod(text, NULL)); /* the test runs in the C locale */
    }
}

static void test_long_decimals_are_within_one_unit(void **state)
{
    static const char *const texts[] = {
        "3.14159265358979323846264338327950288",
        "2.2250738585072014e-308",
        "4.9e-324",
        "1e-400",
        "1.7976931348623157e308",
        "123456789012345678901234567890",
        "0.1e-5",
        "00000.00000125",
        "9007199254740993",
        "1e23",
        ".5",
        "5.",
        "-0.0",
        "1E+2",
        "6.02214076e23",
        "1e-27",
        "0.00000000000000000000000000000000000000000000000001",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        double value = 1, wanted = strtod(texts[i], NULL);
        assert_int_equal(base_number_parse_double(texts[i], &value), 0);
        assert_true(value >= nextafter(wanted, -INFINITY) && value <= nextafter(wanted, INFINITY));
        assert_int_equal(signbit(value), signbit(wanted));
    }
}

static void test_what_is_no_decimal_is_refused(void **state)
{
    static const char *const texts[] = {"",    ".",   "-",    "e5", "1e", "1e+", "1,5", "nan",
                                        "inf", "0x1", "1.5f", "1 ", " 1", "1..", "+-1"};
    double value;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_int_equal(base_number_parse_double(texts[i], &value), STANCE_EARGUMENT);
    assert_int_equal(base_number_parse_double("1e309", &value), STANCE_ELIMIT);
    assert_int_equal(base_number_parse_double("1e999999999999", &value), STANCE_ELIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers_are_read_to_their_limits),
        cmocka_unit_test(test_what_is_no_integer_is_refused),
        cmocka_unit_test(test_only_the_given_bytes_are_read),
        cmocka_unit_test(test_ordinary_decimals_are_correctly_rounded),
        cmocka_unit_test(test_long_decimals_are_within_one_unit),
        cmocka_unit_test(test_what_is_no_decimal_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
