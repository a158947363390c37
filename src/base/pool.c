/* Thread pool: each worker has a range of the parts and takes them from its front, then those that
 * others have left, from the back; idle workers spin for some microseconds, then sleep on a condition
 * variable.
 *
 * The caller never waits for a worker that has not entered the loop: when no part is left it closes
 * the loop, and a worker that the system schedules too late finds the door shut and goes back to
 * waiting. `door` is CLOSED plus the number of workers inside; `mutex` guards sleeping only. */
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"
#include "base/pool.h"

enum { MAX_THREADS = 256, CLOSED = 1 << 30 };

/* So many looks before sleeping take about 0.1 ms: with x86-64's pause one is 45 ns (EPYC). aarch64's
 * yield takes no time where a core has one thread; isb stalls for 13 ns (Neoverse N1). */
#if defined(__aarch64__)
enum { SPINS = 7000 };
#else
enum { SPINS = 2000 };
#endif

struct base_pool {
    int threads, started;
    pthread_mutex_t mutex;
    pthread_cond_t wake, finished;
    base_pool_fn *fn;
    void *context;
    int parts;
    bool joined; /* neighbouring parts may be one call */
    atomic_uint generation;
    atomic_int door, sleeping;
    atomic_bool stop;
    struct worker {
        _Alignas(BASE_ALIGN)
            atomic_ullong left; /* its parts: the first, and in the low half the end */
        struct base_pool *pool;
        pthread_t thread;
        int index;
    } workers[];
};

static void pause_briefly(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb");
#endif
}

static unsigned long long range(int first, int end)
{
    return (unsigned long long)first << 32 | (unsigned)end;
}

/* How many of `left` parts are taken at once at the edge `from`: up to half of them, so that little is
 * left to share out in the end, or both where a worker has two only; and such that they are one part of
 * a loop of fewer. */
static int piece(const struct base_pool *pool, int from, int left)
{
    int count = 1, times = pool->parts == pool->threads * 2 ? 2 : 4;
    while (pool->joined && count * times <= left && from % (count * 2) == 0)
        count *= 2;
    return count;
}

/* Takes from a worker's parts; false when none is left. */
static bool take(const struct base_pool *pool, struct worker *from, bool front, int *first,
                 int *count)
{
    unsigned long long now = atomic_load_explicit(&from->left, memory_order_relaxed), then;
    do {
        int begin = (int)(now >> 32), end = (int)(now & UINT_MAX);
        if (begin >= end)
            return false;
        *count = piece(pool, front ? begin : end, end - begin);
        *first = front ? begin : end - *count;
        then = front ? range(begin + *count, end) : range(begin, end - *count);
    } while (!atomic_compare_exchange_weak_explicit(&from->left, &now, then, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

static void take_parts(struct base_pool *pool, int worker)
{
    int first, count;
    for (int i = 0; i < pool->threads; i++) {
        struct worker *from = &pool->workers[(worker + i) % pool->threads];
        while (take(pool, from, i == 0, &first, &count))
            pool->fn(pool->context, first / count, pool->parts / count, worker);
    }
}

static unsigned generation(struct base_pool *pool)
{
    return atomic_load_explicit(&pool->generation, memory_order_acquire);
}

/* Waits until the generation differs from `seen` and returns the new one. */
static unsigned next_generation(struct base_pool *pool, unsigned seen)
{
    unsigned now;
    for (int i = 0; i < SPINS; i++) {
        if ((now = generation(pool)) != seen)
            return now;
        pause_briefly();
    }
    /* Whoever counts a generation looks for sleepers behind it: one of both sees the other. */
    pthread_mutex_lock(&pool->mutex);
    atomic_fetch_add(&pool->sleeping, 1);
    while ((now = atomic_load(&pool->generation)) == seen)
        pthread_cond_wait(&pool->wake, &pool->mutex);
    atomic_fetch_sub(&pool->sleeping, 1);
    pthread_mutex_unlock(&pool->mutex);
    return now;
}

static int enter(struct base_pool *pool)
{
    int door = atomic_load_explicit(&pool->door, memory_order_relaxed);
    do {
        if (door & CLOSED)
            return 0;
    } while (!atomic_compare_exchange_weak_explicit(&pool->door, &door, door + 1,
                                                    memory_order_acquire, memory_order_relaxed));
    return 1;
}

static void leave(struct base_pool *pool)
{
    if (atomic_fetch_sub_explicit(&pool->door, 1, memory_order_acq_rel) != CLOSED + 1)
        return;
    pthread_mutex_lock(&pool->mutex);
    pthread_cond_signal(&pool->finished);
    pthread_mutex_unlock(&pool->mutex);
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    struct base_pool *pool = worker->pool;
    /* `stop` is set before the last generation, and each generation is read once: a worker never
     * waits for the one after the last. */
    unsigned seen = 0;
    while (seen = next_generation(pool, seen), !atomic_load(&pool->stop)) {
        if (enter(pool)) {
            take_parts(pool, worker->index);
            leave(pool);
        }
    }
    return NULL;
}

static void count_generation(struct base_pool *pool)
{
    atomic_fetch_add(&pool->generation, 1);
    if (atomic_load(&pool->sleeping) == 0)
        return;
    pthread_mutex_lock(&pool->mutex);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->mutex);
}

int base_pool_open(struct base_pool **out, int threads)
{
    *out = NULL;
    if (threads < 1 || threads > MAX_THREADS)
        return base_error(STANCE_EARGUMENT, "%d threads: give 1 to %d", threads, MAX_THREADS);
    size_t bytes = sizeof(struct base_pool) + (size_t)threads * sizeof(struct worker);
    struct base_pool *pool = base_alloc_zero(1, bytes);
    if (!pool)
        return base_error_memory(bytes, "a thread pool");
    pool->threads = threads;
    atomic_store(&pool->door, CLOSED);
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pthread_cond_init(&pool->finished, NULL);
    for (int i = 1; i < threads; i++) {
        struct worker *worker = &pool->workers[i];
        worker->pool = pool;
        worker->index = i;
        if (pthread_create(&worker->thread, NULL, work, worker) != 0) {
            base_pool_close(&pool);
            return base_error(STANCE_ENOMEMORY, "cannot start thread %d of %d", i + 1, threads);
        }
        pool->started = i;
    }
    *out = pool;
    return 0;
}

void base_pool_close(struct base_pool **handle)
{
    struct base_pool *pool = *handle;
    if (!pool)
        return;
    atomic_store(&pool->stop, true);
    count_generation(pool);
    for (int i = 1; i <= pool->started; i++)
        pthread_join(pool->workers[i].thread, NULL);
    pthread_cond_destroy(&pool->wake);
    pthread_cond_destroy(&pool->finished);
    pthread_mutex_destroy(&pool->mutex);
    base_free(pool);
    *handle = NULL;
}

int base_pool_threads(const struct base_pool *pool)
{
    return pool->threads;
}

/* Shuts the door and waits for those inside: first spinning, then asleep. */
static void close_loop(struct base_pool *pool)
{
    atomic_fetch_or_explicit(&pool->door, CLOSED, memory_order_acq_rel);
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(&pool->door, memory_order_acquire) == CLOSED)
            return;
        pause_briefly();
    }
    pthread_mutex_lock(&pool->mutex);
    while (atomic_load_explicit(&pool->door, memory_order_acquire) != CLOSED)
        pthread_cond_wait(&pool->finished, &pool->mutex);
    pthread_mutex_unlock(&pool->mutex);
}

static void run(struct base_pool *pool, base_pool_fn *fn, void *context, int parts, bool joined)
{
    int threads = pool->threads;
    pool->fn = fn;
    pool->context = context;
    pool->parts = parts;
    pool->joined = joined;
    for (int i = 0; i < threads; i++) {
        int64_t first = ((int64_t)parts * i + threads - 1) / threads;
        int64_t end = ((int64_t)parts * (i + 1) + threads - 1) / threads;
        atomic_store_explicit(&pool->workers[i].left, range((int)first, (int)end),
                              memory_order_relaxed);
    }
    atomic_store_explicit(&pool->door, 0, memory_order_release);
    count_generation(pool);
    take_parts(pool, 0);
    close_loop(pool);
}

void base_pool_run(struct base_pool *pool, base_pool_fn *fn, void *context, int parts)
{
    if (pool->threads > 1 && parts > 1) {
        run(pool, fn, context, parts, false);
        return;
    }
    for (int part = 0; part < parts; part++)
        fn(context, part, parts, 0);
}

void base_pool_share(struct base_pool *pool, base_pool_fn *fn, void *context, int most)
{
    int parts = pool->threads;
    if (pool->threads == 1 || most <= 1) {
        fn(context, 0, 1, 0);
        return;
    }
    while (parts * 2 <= most)
        parts *= 2;
    run(pool, fn, context, parts < most ? parts : most, true);
}
