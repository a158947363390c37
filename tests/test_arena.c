/* Arenas: many small blocks with one end of life. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/arena.h"
#include "base/memory.h"

static void test_blocks_are_zeroed_aligned_and_apart(void **state)
{
    struct base_arena *arena;
    unsigned char *blocks[200];
    static const unsigned char zeros[200];
    assert_int_equal(base_arena_open(&arena, 1 << 20), 0);
    for (size_t i = 0; i < 200; i++) {
        blocks[i] = base_arena_alloc(arena, i, 1);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % (i >= BASE_ALIGN ? BASE_ALIGN : 16), 0);
        assert_memory_equal(blocks[i], zeros, i);
        memset(blocks[i], (int)i, i);
    }
    for (size_t i = 0; i < 200; i++)
        for (size_t k = 0; k < i; k++)
            assert_int_equal(blocks[i][k], i);
    assert_int_equal(base_arena_used(arena), 199 * 200 / 2);
    base_arena_close(&arena);
    assert_null(arena);
    base_arena_close(&arena);
}

static void test_a_large_block_gets_its_own_chunk(void **state)
{
    struct base_arena *arena;
    assert_int_equal(base_arena_open(&arena, 10 << 20), 0);
    char *small = base_arena_string(arena, "small", 5);
    char *large = base_arena_alloc(arena, 5 << 20, 1);
    assert_non_null(large);
    memset(large, 1, 5 << 20);
    assert_string_equal(small, "small");
    base_arena_close(&arena);
}

static void test_the_limit_holds(void **state)
{
    struct base_arena *arena;
    assert_int_equal(base_arena_open(&arena, 1000), 0);
    assert_non_null(base_arena_alloc(arena, 600, 1));
    assert_null(base_arena_alloc(arena, 401, 1));
    assert_non_null(strstr(stance_error_text(), "limit of 1000 bytes"));
    assert_non_null(base_arena_alloc(arena, 400, 1));
    assert_null(base_arena_alloc(arena, 1, 1));
    assert_null(base_arena_alloc(arena, SIZE_MAX, SIZE_MAX));
    base_arena_close(&arena);
}

static void test_strings_are_copied_and_formatted(void **state)
{
    struct base_arena *arena;
    char longer[600];
    assert_int_equal(base_arena_open(&arena, 4096), 0);
    assert_string_equal(base_arena_string(arena, "abcdef", 3), "abc");
    assert_string_equal(base_arena_string(arena, NULL, 0), "");
    assert_string_equal(base_arena_format(arena, "%s_%d", "x", 7), "x_7");
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    assert_int_equal(strlen(base_arena_format(arena, "%s", longer)), 511);
    base_arena_close(&arena);
}

static void test_out_of_memory_is_reported(void **state)
{
    struct base_arena *arena;
    long live = base_alloc_live();
    base_alloc_fail_at(1, 0);
    assert_int_equal(base_arena_open(&arena, 100), STANCE_ENOMEMORY);
    assert_null(arena);
    assert_int_equal(base_arena_open(&arena, 100), 0);
    base_alloc_fail_at(1, 0);
    assert_null(base_arena_alloc(arena, 10, 1));
    assert_non_null(base_arena_alloc(arena, 10, 1));
    base_arena_close(&arena);
    assert_int_equal(base_alloc_live(), live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_are_zeroed_aligned_and_apart),
        cmocka_unit_test(test_a_large_block_gets_its_own_chunk),
        cmocka_unit_test(test_the_limit_holds),
        cmocka_unit_test(test_strings_are_copied_and_formatted),
        cmocka_unit_test(test_out_of_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
