/* Memory plans: what lives at the same time never overlaps, and little is wasted. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "graph/memory_plan.h"

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223; /* Numerical Recipes, section 7.1 */
    return *state >> 8;
}

static struct graph_block *random_blocks(int count, int steps, int longest, uint32_t seed)
{
    struct graph_block *blocks = calloc((size_t)count, sizeof *blocks);
    assert_non_null(blocks);
    for (int i = 0; i < count; i++) {
        blocks[i].bytes = next_random(&seed) % 10000;
        blocks[i].first = (int)(next_random(&seed) % (uint32_t)steps);
        blocks[i].last = blocks[i].first + (int)(next_random(&seed) % (uint32_t)longest);
    }
    return blocks;
}

static int by_offset(const void *left, const void *right)
{
    const struct graph_block *a = left, *b = right;
    return (a->offset > b->offset) - (a->offset < b->offset);
}

/* No two blocks that live at the same time share a byte, and all lie inside. */
static void check_blocks(struct graph_block *blocks, int count, size_t total)
{
    qsort(blocks, (size_t)count, sizeof *blocks, by_offset);
    for (int i = 0; i < count; i++) {
        const struct graph_block *a = &blocks[i];
        assert_int_equal(a->offset % BASE_ALIGN, 0);
        assert_true(a->offset + a->bytes <= total);
        for (int k = i + 1; k < count && blocks[k].offset < a->offset + a->bytes; k++)
            if (blocks[k].bytes && a->first <= blocks[k].last && blocks[k].first <= a->last)
                fail_msg("blocks %d and %d overlap", i, k);
    }
}

/* The most bytes that live at one step: no plan can be smaller. */
static size_t least(const struct graph_block *blocks, int count, int steps)
{
    size_t most = 0;
    for (int step = 0; step < steps; step++) {
        size_t sum = 0;
        for (int i = 0; i < count; i++)
            if (blocks[i].first <= step && step <= blocks[i].last)
                sum += blocks[i].bytes;
        most = sum > most ? sum : most;
    }
    return most;
}

static void test_blocks_of_one_time_do_not_overlap(void **state)
{
    for (uint32_t seed = 1; seed <= 50; seed++) {
        int count = 1 + (int)seed * 7;
        struct graph_block *blocks = random_blocks(count, 100, 20, seed);
        size_t total, bound = least(blocks, count, 120);
        assert_int_equal(graph_plan_memory(blocks, count, SIZE_MAX / 2, &total), 0);
        check_blocks(blocks, count, total);
        assert_true(total >= bound && total <= bound + bound / 2 + 10000);
        free(blocks);
    }
}

static void test_very_many_blocks_are_planned_fast(void **state)
{
    for (int longest = 2; longest <= 2000; longest *= 10) {
        struct graph_block *blocks = random_blocks(100000, 100000, longest, (uint32_t)longest);
        size_t total;
        assert_int_equal(graph_plan_memory(blocks, 100000, SIZE_MAX / 2, &total), 0);
        check_blocks(blocks, 100000, total);
        assert_true(total < (size_t)longest * 30000 + 200000);
        free(blocks);
    }
}

static void test_workspace_is_limited(void **state)
{
    for (int count = 3; count <= 30000; count *= 10000) {
        struct graph_block *blocks = calloc((size_t)count, sizeof *blocks);
        size_t total;
        assert_non_null(blocks);
        for (int i = 0; i < count; i++)
            blocks[i] = (struct graph_block){.bytes = 64, .first = 0, .last = 1};
        size_t bytes = (size_t)count * 64;
        assert_int_equal(graph_plan_memory(blocks, count, bytes, &total), 0);
        assert_int_equal(total, bytes);
        assert_int_equal(graph_plan_memory(blocks, count, bytes - 1, &total), STANCE_ELIMIT);
        assert_non_null(strstr(stance_error_text(), "workspace"));
        blocks[0].bytes = SIZE_MAX / 2;
        assert_int_equal(graph_plan_memory(blocks, count, bytes, &total), STANCE_ELIMIT);
        free(blocks);
    }
}

static void test_no_blocks_need_no_memory(void **state)
{
    size_t total = 5;
    assert_int_equal(graph_plan_memory(NULL, 0, 100, &total), 0);
    assert_int_equal(total, 0);
}

static void test_out_of_memory(void **state)
{
    struct graph_block *blocks = random_blocks(10000, 100, 20, 1);
    long live = base_alloc_live();
    size_t total;
    for (long n = 1; n <= 3; n++) {
        base_alloc_fail_at(n, 0);
        assert_int_equal(graph_plan_memory(blocks, 10000, SIZE_MAX / 2, &total), STANCE_ENOMEMORY);
        base_alloc_fail_at(0, 0);
        assert_int_equal(base_alloc_live(), live);
    }
    free(blocks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_of_one_time_do_not_overlap),
        cmocka_unit_test(test_very_many_blocks_are_planned_fast),
        cmocka_unit_test(test_workspace_is_limited),
        cmocka_unit_test(test_no_blocks_need_no_memory),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
