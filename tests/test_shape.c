/* Shapes: counting, comparing, broadcasting, text. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "tensor/storage.h"

static struct tensor_shape shape_of(const char *text)
{
    struct tensor_shape shape;
    if (strcmp(text, "unknown") == 0)
        return (struct tensor_shape){.rank = -1};
    assert_int_equal(tensor_shape_parse(&shape, text), 0);
    for (int i = 0; i < shape.rank; i++)
        if (shape.dims[i] == 9999) /* stands for an unknown dim in this test */
            shape.dims[i] = -1;
    return shape;
}

static void test_text_is_parsed_and_written(void **state)
{
    static const char *const texts[] = {"1x3x256x192", "scalar", "0", "7", "1x2x3x4x5x6x7x8"};
    char text[TENSOR_SHAPE_TEXT];
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct tensor_shape shape = shape_of(texts[i]);
        assert_string_equal(tensor_shape_text(&shape, text), texts[i]);
    }
    struct tensor_shape shape = shape_of("1,3,9999");
    assert_string_equal(tensor_shape_text(&shape, text), "1x3x?");
    shape.rank = -1;
    assert_string_equal(tensor_shape_text(&shape, text), "unknown");
}

static void test_the_longest_text_fits(void **state)
{
    char text[TENSOR_SHAPE_TEXT];
    struct tensor_shape shape = {.rank = STANCE_MAX_RANK};
    for (int i = 0; i < STANCE_MAX_RANK; i++)
        shape.dims[i] = INT64_MAX;
    assert_int_equal(strlen(tensor_shape_text(&shape, text)), 8 * 19 + 7);
}

static void test_bad_text_is_refused(void **state)
{
    static const char *const texts[] = {"",
                                        "x",
                                        "1x",
                                        "x1",
                                        "1xx2",
                                        "-1",
                                        "1x-2",
                                        "1 x 2",
                                        "a",
                                        "1x2x3x4x5x6x7x8x9",
                                        "123456789012"};
    struct tensor_shape shape;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_int_equal(tensor_shape_parse(&shape, texts[i]), STANCE_EARGUMENT);
}

static void test_elements_are_counted_with_limits(void **state)
{
    int64_t count;
    struct tensor_shape shape = shape_of("2x3x4");
    assert_int_equal(tensor_shape_count(&shape, &count), 0);
    assert_int_equal(count, 24);
    shape = shape_of("scalar");
    assert_int_equal(tensor_shape_count(&shape, &count), 0);
    assert_int_equal(count, 1);
    shape = (struct tensor_shape){3, {1 << 20, 0, 1 << 10}};
    assert_int_equal(tensor_shape_count(&shape, &count), 0);
    assert_int_equal(count, 0);
    shape = (struct tensor_shape){3, {1 << 20, 0, 1 << 11}};
    assert_int_equal(tensor_shape_count(&shape, &count), STANCE_ELIMIT);
    shape = (struct tensor_shape){3, {INT64_MAX, 0, INT64_MAX}};
    assert_int_equal(tensor_shape_count(&shape, &count), STANCE_ELIMIT);
    shape = (struct tensor_shape){1, {TENSOR_MAX_COUNT}};
    assert_int_equal(tensor_shape_count(&shape, &count), 0);
    shape.dims[0]++;
    assert_int_equal(tensor_shape_count(&shape, &count), STANCE_ELIMIT);
    shape = (struct tensor_shape){3, {INT64_MAX, INT64_MAX, 2}};
    assert_int_equal(tensor_shape_count(&shape, &count), STANCE_ELIMIT);
    shape = (struct tensor_shape){2, {0, -1}};
    assert_int_equal(tensor_shape_count(&shape, &count), STANCE_ESHAPE);
    shape.rank = STANCE_MAX_RANK + 1;
    assert_int_equal(tensor_shape_count(&shape, &count), STANCE_ESHAPE);
    shape.rank = -1;
    assert_int_equal(tensor_shape_count(&shape, &count), STANCE_ESHAPE);
}

static void test_equal_and_known(void **state)
{
    struct tensor_shape a = shape_of("2x3"), b = shape_of("2x3x1"), c = shape_of("2x9999");
    assert_true(tensor_shape_equal(&a, &a));
    assert_false(tensor_shape_equal(&a, &b));
    assert_false(tensor_shape_equal(&a, &c));
    assert_true(tensor_shape_known(&a));
    assert_false(tensor_shape_known(&c));
    a.rank = -1;
    assert_false(tensor_shape_known(&a));
    assert_true(tensor_shape_equal(&a, &a));
}

static void test_broadcasting_follows_numpy(void **state)
{
    static const char *const rows[][3] = {
        {"2x3", "2x3", "2x3"},           {"2x3", "3", "2x3"},         {"2x1", "1x3", "2x3"},
        {"scalar", "4x5", "4x5"},        {"0x3", "1x3", "0x3"},       {"1", "0", "0"},
        {"9999x3", "2x3", "2x3"},        {"9999x3", "1x3", "?x3"},    {"9999", "9999", "?"},
        {"8x1x6x1", "7x1x5", "8x7x6x5"}, {"unknown", "3", "unknown"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (int swap = 0; swap < 2; swap++) {
            char text[TENSOR_SHAPE_TEXT];
            struct tensor_shape a = shape_of(rows[i][swap]), b = shape_of(rows[i][!swap]), out;
            assert_int_equal(tensor_shape_broadcast(&out, &a, &b), 0);
            assert_string_equal(tensor_shape_text(&out, text), rows[i][2]);
        }
    struct tensor_shape a = shape_of("2x3"), b = shape_of("2x4"), out;
    assert_int_equal(tensor_shape_broadcast(&out, &a, &b), STANCE_ESHAPE);
    assert_non_null(strstr(stance_error_text(), "2x3 and 2x4"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_is_parsed_and_written),
        cmocka_unit_test(test_the_longest_text_fits),
        cmocka_unit_test(test_bad_text_is_refused),
        cmocka_unit_test(test_elements_are_counted_with_limits),
        cmocka_unit_test(test_equal_and_known),
        cmocka_unit_test(test_broadcasting_follows_numpy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
