/* Processor tiers: which there are here, and what STANCE_CPU makes of them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"

static int choose(const char *wish, enum base_cpu_tier *tier)
{
    assert_int_equal(wish ? setenv("STANCE_CPU", wish, 1) : unsetenv("STANCE_CPU"), 0);
    return base_cpu_choose(tier);
}

static void test_tiers_rise_from_the_reference_to_the_best(void **state)
{
    (void)state;
    int last = -1;
    assert_true(base_cpu_has(BASE_CPU_REF));
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier)) {
        assert_true(tier > last);
        assert_true(base_cpu_has((enum base_cpu_tier)tier));
        last = tier;
    }
    assert_int_equal(last, base_cpu_best());
}

static void test_tiers_are_of_one_architecture(void **state)
{
    (void)state;
#if defined(__aarch64__)
    assert_int_equal(base_cpu_best(), BASE_CPU_NEON);
    assert_int_equal(base_cpu_next(BASE_CPU_REF), BASE_CPU_NEON);
#else
    assert_false(base_cpu_has(BASE_CPU_NEON));
#endif
    assert_false(base_cpu_has(BASE_CPU_AVX2) && base_cpu_has(BASE_CPU_NEON));
    assert_true(!base_cpu_has(BASE_CPU_AVX512) || base_cpu_has(BASE_CPU_AVX2));
}

static void test_the_environment_lowers_the_tier(void **state)
{
    (void)state;
    enum base_cpu_tier tier = BASE_CPU_TIERS;
    assert_int_equal(choose(NULL, &tier), 0);
    assert_int_equal(tier, base_cpu_best());
    assert_int_equal(choose("", &tier), 0);
    assert_int_equal(tier, base_cpu_best());
    for (int i = 0; i < BASE_CPU_TIERS; i++) {
        const char *name = base_cpu_name((enum base_cpu_tier)i);
        if (base_cpu_has((enum base_cpu_tier)i)) {
            assert_int_equal(choose(name, &tier), 0);
            assert_int_equal(tier, i);
        } else {
            assert_int_equal(choose(name, &tier), STANCE_EDEVICE);
            assert_non_null(strstr(stance_error_text(), name));
        }
    }
    assert_int_equal(choose("mmx", &tier), STANCE_EARGUMENT);
    assert_non_null(strstr(stance_error_text(), "mmx"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tiers_rise_from_the_reference_to_the_best),
        cmocka_unit_test(test_tiers_are_of_one_architecture),
        cmocka_unit_test(test_the_environment_lowers_the_tier),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
