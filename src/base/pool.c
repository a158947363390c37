/* Thread pool: parts are handed out by one atomic counter; idle workers spin for a few
 * microseconds, then sleep on a condition variable.
 *
 * The caller never waits for a worker that has not entered the loop: when no part is left it closes
 * the loop, and a worker that the system schedules too late finds the door shut and goes back to
 * waiting. `door` is CLOSED plus the number of workers inside; `mutex` guards sleeping only. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/memory.h"
#include "base/pool.h"

enum { SPINS = 2000, MAX_THREADS = 256, CLOSED = 1 << 30 };

struct base_pool {
    int threads, started;
    pthread_mutex_t mutex;
    pthread_cond_t wake, finished;
    base_pool_fn *fn;
    void *context;
    int parts;
    atomic_uint generation;
    atomic_int next, door;
    atomic_bool stop;
    struct worker {
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
    __asm__ volatile("yield");
#endif
}

static void take_parts(struct base_pool *pool, int worker)
{
    int parts = pool->parts;
    for (;;) {
        int part = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
        if (part >= parts)
            return;
        pool->fn(pool->context, part, parts, worker);
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
    pthread_mutex_lock(&pool->mutex);
    while ((now = generation(pool)) == seen)
        pthread_cond_wait(&pool->wake, &pool->mutex);
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
    pthread_mutex_lock(&pool->mutex);
    atomic_store(&pool->stop, true);
    atomic_fetch_add(&pool->generation, 1);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->mutex);
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

void base_pool_run(struct base_pool *pool, base_pool_fn *fn, void *context, int parts)
{
    if (pool->threads == 1 || parts <= 1) {
        for (int part = 0; part < parts; part++)
            fn(context, part, parts, 0);
        return;
    }
    pool->fn = fn;
    pool->context = context;
    pool->parts = parts;
    atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
    atomic_store_explicit(&pool->door, 0, memory_order_release);
    pthread_mutex_lock(&pool->mutex);
    atomic_fetch_add_explicit(&pool->generation, 1, memory_order_release);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->mutex);
    take_parts(pool, 0);
    close_loop(pool);
}
