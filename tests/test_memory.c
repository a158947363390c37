/* Heap blocks: alignment, limits, counting, failure on demand. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/memory.h"
#include "base/slab.h"

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

static void test_huge_blocks_are_blocks(void **state)
{
    static const size_t sizes[] = {0, 100, 1 << 20, (2 << 20) + 1, 5 << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *block = base_alloc_huge(sizes[i]);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % BASE_ALIGN, 0);
        memset(block, 1, sizes[i]);
        base_free(block);
    }
    assert_null(base_alloc_huge(BASE_ALLOC_LIMIT + 1));
    assert_null(base_alloc_huge(SIZE_MAX));
}

static void test_slabs_hold_blocks_side_by_side(void **state)
{
    enum { COUNT = 40, BYTES = 700001 };
    struct base_slabs slabs = {0};
    char *blocks[COUNT];
    long before = base_alloc_live();
    for (int i = 0; i < COUNT; i++) {
        blocks[i] = base_slabs_take(&slabs, BYTES);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % BASE_ALIGN, 0);
        memset(blocks[i], i, BYTES);
    }
    assert_in_range(base_alloc_live() - before, 2, COUNT / 2);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(blocks[i][0], i);
        assert_int_equal(blocks[i][BYTES - 1], i);
        base_slabs_give(&slabs, blocks[i]);
    }
    assert_int_equal(base_alloc_live(), before);
}

static void test_slabs_take_any_size(void **state)
{
    struct base_slabs slabs = {0};
    long before = base_alloc_live();
    char *small = base_slabs_take(&slabs, 10), *large = base_slabs_take(&slabs, 20 << 20);
    char *none = base_slabs_take(&slabs, 0), *medium = base_slabs_take(&slabs, 100000);
    assert_true(small && large && none && medium);
    assert_null(base_slabs_take(&slabs, BASE_ALLOC_LIMIT + 1));
    assert_null(base_slabs_take(&slabs, SIZE_MAX));
    memset(large, 1, 20 << 20);
    memset(medium, 2, 100000);
    assert_int_equal(large[(20 << 20) - 1], 1);
    base_slabs_give(&slabs, large);
    assert_int_equal(medium[0], 2);
    base_slabs_give(&slabs, NULL);
    base_slabs_give(&slabs, small);
    base_slabs_give(&slabs, none);
    base_slabs_give(&slabs, medium);
    assert_int_equal(base_alloc_live(), before);
}

static void test_slabs_fail_without_a_trace(void **state)
{
    struct base_slabs slabs = {0};
    long before = base_alloc_live();
    for (int i = 1; i <= 2; i++) {
        base_alloc_fail_at(i, 0);
        assert_null(base_slabs_take(&slabs, 1 << 20));
        base_alloc_fail_at(0, 0);
        assert_int_equal(base_alloc_live(), before);
    }
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
        cmocka_unit_test(test_huge_blocks_are_blocks),
        cmocka_unit_test(test_slabs_hold_blocks_side_by_side),
        cmocka_unit_test(test_slabs_take_any_size),
        cmocka_unit_test(test_slabs_fail_without_a_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
