/* Where an answer is largest: ties, NaN, every length around the lanes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/refine.h"

static void test_the_first_of_the_largest_values_is_found(void **state)
{
    (void)state;
    enum { MOST = 100 };
    float values[MOST];
    uint32_t seed = 3;
    for (int round = 0; round < 2000; round++) {
        int count = 1 + round % MOST, expected = 0;
        for (int i = 0; i < count; i++) {
            seed = seed * 1664525u + 1013904223u;
            values[i] = (seed >> 24) % 16 == 0 ? NAN : (float)(seed >> 28) - 8;
        }
        for (int i = 1; i < count; i++)
            if (values[i] > values[expected])
                expected = i;
        assert_int_equal(model_arg_max(values, count), expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_of_the_largest_values_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
