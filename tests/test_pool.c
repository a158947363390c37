/* The thread pool: every part runs exactly once, in any number of threads. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "base/pool.h"

enum { MAX_PARTS = 1000 };

struct loop {
    atomic_int runs[MAX_PARTS];
    int parts, threads;
    atomic_int wrong;
};

static void count_part(void *context, int part, int parts, int worker)
{
    struct loop *loop = context;
    if (parts != loop->parts || worker < 0 || worker >= loop->threads)
        atomic_fetch_add(&loop->wrong, 1);
    atomic_fetch_add(&loop->runs[part], 1);
}

/* How many parts did not run exactly once, or with wrong arguments. */
static int run_loop(struct base_pool *pool, int parts)
{
    static _Thread_local struct loop loop;
    memset(&loop, 0, sizeof loop);
    loop.parts = parts;
    loop.threads = base_pool_threads(pool);
    base_pool_run(pool, count_part, &loop, parts);
    int bad = atomic_load(&loop.wrong);
    for (int i = 0; i < parts; i++)
        bad += atomic_load(&loop.runs[i]) != 1;
    return bad;
}

static void test_every_part_runs_once(void **state)
{
    static const int parts[] = {0, 1, 2, 3, 4, 5, 7, 16, 100, MAX_PARTS};
    for (int threads = 1; threads <= 4; threads++) {
        struct base_pool *pool;
        assert_int_equal(base_pool_open(&pool, threads), 0);
        assert_int_equal(base_pool_threads(pool), threads);
        for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
            assert_int_equal(run_loop(pool, parts[i]), 0);
        base_pool_close(&pool);
        assert_null(pool);
    }
}

enum { WHOLE = 5040 };

struct cut {
    atomic_int runs[WHOLE];
    int most, threads;
    atomic_int wrong;
};

static void count_share(void *context, int part, int parts, int worker)
{
    struct cut *cut = context;
    if (parts < 1 || parts > cut->most || part < 0 || part >= parts || worker < 0 ||
        worker >= cut->threads)
        atomic_fetch_add(&cut->wrong, 1);
    for (int64_t i = (int64_t)WHOLE * part / parts; i < (int64_t)WHOLE * (part + 1) / parts; i++)
        atomic_fetch_add(&cut->runs[i], 1);
}

/* Whatever can be cut anywhere is done once everywhere, in shares that are not smaller than asked. */
static void test_shares_fill_the_whole(void **state)
{
    static const int most[] = {0, 1, 2, 3, 4, 5, 7, 12, 16, 31, 64, 100};
    static struct cut cut;
    for (int threads = 1; threads <= 5; threads++) {
        struct base_pool *pool;
        assert_int_equal(base_pool_open(&pool, threads), 0);
        for (int i = 0; i < 200; i++) {
            memset(&cut, 0, sizeof cut);
            int asked = most[(size_t)i % (sizeof most / sizeof most[0])];
            cut.most = asked > 1 ? asked : 1;
            cut.threads = threads;
            base_pool_share(pool, count_share, &cut, asked);
            int bad = atomic_load(&cut.wrong);
            for (int k = 0; k < WHOLE; k++)
                bad += atomic_load(&cut.runs[k]) != 1;
            assert_int_equal(bad, 0);
        }
        base_pool_close(&pool);
    }
}

static void test_many_short_loops(void **state)
{
    for (int threads = 1; threads <= 4; threads++) {
        struct base_pool *pool;
        assert_int_equal(base_pool_open(&pool, threads), 0);
        int bad = 0;
        for (int i = 0; i < 3000; i++)
            bad += run_loop(pool, 1 + i % 9);
        assert_int_equal(bad, 0);
        base_pool_close(&pool);
    }
}

static void test_sleeping_workers_wake(void **state)
{
    struct base_pool *pool;
    const struct timespec pause = {0, 2000000};
    assert_int_equal(base_pool_open(&pool, 3), 0);
    for (int i = 0; i < 30; i++) {
        nanosleep(&pause, NULL);
        assert_int_equal(run_loop(pool, 50), 0);
    }
    base_pool_close(&pool);
}

static void *run_own_pool(void *context)
{
    struct base_pool *pool;
    int *bad = context;
    if (base_pool_open(&pool, 2) < 0) {
        *bad = -1;
        return NULL;
    }
    for (int i = 0; i < 1000; i++)
        *bad += run_loop(pool, 1 + i % 20);
    base_pool_close(&pool);
    return NULL;
}

static void test_two_pools_in_two_threads(void **state)
{
    pthread_t threads[2];
    int bad[2] = {0};
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_own_pool, &bad[i]), 0);
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(bad[i], 0);
    }
}

static void test_opening_and_closing_leaves_nothing(void **state)
{
    long live = base_alloc_live();
    struct base_pool *pool = NULL;
    base_pool_close(&pool);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(base_pool_open(&pool, 1 + i % 4), 0);
        if (i % 2)
            assert_int_equal(run_loop(pool, 3), 0);
        base_pool_close(&pool);
    }
    assert_int_equal(base_alloc_live(), live);
}

/* A worker that wakes for a loop while the pool closes must still see that it closes: with more
 * threads than processors some are put aside between the two. Hangs when one is lost. */
static void test_closing_right_after_a_loop_ends(void **state)
{
    for (int i = 0; i < 2000; i++) {
        struct base_pool *pool;
        assert_int_equal(base_pool_open(&pool, 2 + i % 7), 0);
        assert_int_equal(run_loop(pool, 2 + i % 5), 0);
        base_pool_close(&pool);
    }
}

static void test_bad_requests_are_refused(void **state)
{
    struct base_pool *pool;
    assert_int_equal(base_pool_open(&pool, 0), STANCE_EARGUMENT);
    assert_null(pool);
    assert_int_equal(base_pool_open(&pool, 100000), STANCE_EARGUMENT);
    base_alloc_fail_at(1, 0);
    assert_int_equal(base_pool_open(&pool, 2), STANCE_ENOMEMORY);
    assert_null(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_part_runs_once),
        cmocka_unit_test(test_shares_fill_the_whole),
        cmocka_unit_test(test_many_short_loops),
        cmocka_unit_test(test_sleeping_workers_wake),
        cmocka_unit_test(test_two_pools_in_two_threads),
        cmocka_unit_test(test_opening_and_closing_leaves_nothing),
        cmocka_unit_test(test_closing_right_after_a_loop_ends),
        cmocka_unit_test(test_bad_requests_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
