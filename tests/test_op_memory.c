/* Operator memory: alignment, limits, winding back, and runs that allocate nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/memory.h"
#include "engine/op_memory.h"

static void test_blocks_are_aligned_and_separate(void **state)
{
    struct engine_memory *memory;
    (void)state;
    assert_int_equal(engine_memory_open(&memory, 1 << 20), 0);
    unsigned char *a = engine_memory_alloc(memory, 100), *b = engine_memory_alloc(memory, 0);
    unsigned char *c = engine_memory_scratch(memory, 100000);
    assert_int_equal((uintptr_t)a % BASE_ALIGN, 0);
    assert_int_equal((uintptr_t)b % BASE_ALIGN, 0);
    assert_int_equal((uintptr_t)c % BASE_ALIGN, 0);
    memset(a, 1, 100);
    memset(c, 2, 100000);
    assert_int_equal(a[99], 1);
    assert_ptr_not_equal(a, b);
    engine_memory_close(&memory);
    assert_null(memory);
    engine_memory_close(&memory);
}

static void test_the_limit_covers_results_and_scratch(void **state)
{
    struct engine_memory *memory;
    (void)state;
    assert_int_equal(engine_memory_open(&memory, 200000), 0);
    assert_non_null(engine_memory_alloc(memory, 120000));
    assert_null(engine_memory_scratch(memory, 120000));
    assert_int_equal(engine_memory_code(memory), STANCE_ELIMIT);
    assert_null(engine_memory_alloc(memory, SIZE_MAX));
    assert_int_equal(engine_memory_code(memory), STANCE_ELIMIT);
    assert_non_null(engine_memory_scratch(memory, 1000));
    assert_true(engine_memory_held(memory) <= 200000);
    engine_memory_close(&memory);
}

/* What one run of a session asks for. */
static void ask(struct engine_memory *memory)
{
    for (size_t i = 1; i < 8; i++) {
        assert_non_null(engine_memory_alloc(memory, 30000 * i));
        assert_non_null(engine_memory_scratch(memory, 50000 * (8 - i)));
        assert_non_null(engine_memory_scratch(memory, 100));
        engine_memory_end_call(memory);
    }
    engine_memory_reset(memory);
}

static void test_the_second_run_allocates_nothing(void **state)
{
    struct engine_memory *memory;
    (void)state;
    assert_int_equal(engine_memory_open(&memory, 4 << 20), 0);
    ask(memory);
    long before = base_alloc_count();
    ask(memory);
    assert_int_equal(base_alloc_count(), before);
    engine_memory_close(&memory);
}

static void test_out_of_memory_is_reported(void **state)
{
    struct engine_memory *memory;
    (void)state;
    assert_int_equal(engine_memory_open(&memory, 1 << 20), 0);
    for (int i = 1; i < 3; i++) {
        base_alloc_fail_at(i, 0);
        assert_null(engine_memory_alloc(memory, 1000));
        assert_int_equal(engine_memory_code(memory), STANCE_ENOMEMORY);
    }
    base_alloc_fail_at(0, 0);
    assert_non_null(engine_memory_alloc(memory, 1000));
    engine_memory_close(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_are_aligned_and_separate),
        cmocka_unit_test(test_the_limit_covers_results_and_scratch),
        cmocka_unit_test(test_the_second_run_allocates_nothing),
        cmocka_unit_test(test_out_of_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
