/* Heap blocks: alignment, limits, counting, failure on demand. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/memory.h"

static void test_blocks_are_aligned(void **state)
{
    for (size_t bytes = 0; bytes < 300; bytes += 7) {
        char *block = base_alloc(bytes);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % BASE_ALIGN, 0);
        memset(block, 1, bytes);
        base_free(block);
    }
}

static void test_too_large_requests_fail(void **state)
{
    assert_null(base_alloc(BASE_ALLOC_LIMIT + 1));
    assert_null(base_alloc(SIZE_MAX));
    assert_null(base_alloc_zero(SIZE_MAX / 2, 4));
    assert_null(base_alloc_zero((size_t)1 << 33, (size_t)1 << 33));
}

static void test_zeroed_blocks_are_zero(void **state)
{
    static const char zeros[100];
    char *block = base_alloc_zero(10, 10);
    assert_memory_equal(block, zeros, sizeof zeros);
    base_free(block);
}

static void test_realloc_keeps_the_old_bytes(void **state)
{
    char *block = base_realloc(NULL, 0, 4), *larger, *smaller;
    memcpy(block, "abcd", 4);
    larger = base_realloc(block, 4, 1000);
    assert_memory_equal(larger, "abcd", 4);
    smaller = base_realloc(larger, 1000, 2);
    assert_memory_equal(smaller, "ab", 2);
    base_alloc_fail_at(1, 0);
    assert_null(base_realloc(smaller, 2, 100));
    assert_memory_equal(smaller, "ab", 2);
    base_free(smaller);
}

static void test_strings_are_copied(void **state)
{
    char *copy = base_strdup("text");
    assert_string_equal(copy, "text");
    base_free(copy);
    base_free(NULL);
}

static void test_live_blocks_are_counted(void **state)
{
    long live = base_alloc_live(), count = base_alloc_count();
    void *a = base_alloc(1), *b = base_alloc(1);
    assert_int_equal(base_alloc_live(), live + 2);
    assert_int_equal(base_alloc_count(), count + 2);
    base_free(a);
    base_free(b);
    assert_int_equal(base_alloc_live(), live);
}

static void test_the_nth_allocation_fails(void **state)
{
    base_alloc_fail_at(3, 0);
    void *blocks[5];
    for (int i = 0; i < 5; i++) {
        blocks[i] = base_alloc(1);
        assert_int_equal(blocks[i] == NULL, i == 2);
    }
    for (int i = 0; i < 5; i++)
        base_free(blocks[i]);
}

static void test_all_later_allocations_fail(void **state)
{
    base_alloc_fail_at(2, 1);
    void *block = base_alloc(1);
    assert_non_null(block);
    for (int i = 0; i < 10; i++)
        assert_null(base_alloc(1));
    base_alloc_fail_at(0, 0);
    base_free(block);
    block = base_alloc(1);
    assert_non_null(block);
    base_free(block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_are_aligned),
        cmocka_unit_test(test_too_large_requests_fail),
        cmocka_unit_test(test_zeroed_blocks_are_zero),
        cmocka_unit_test(test_realloc_keeps_the_old_bytes),
        cmocka_unit_test(test_strings_are_copied),
        cmocka_unit_test(test_live_blocks_are_counted),
        cmocka_unit_test(test_the_nth_allocation_fails),
        cmocka_unit_test(test_all_later_allocations_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
