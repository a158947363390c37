/* What a processor can do at most, measured by loops that do nothing else: arithmetic on registers, and
 * copying of memory that lies near or far. */
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "engine/limits.h"

enum {
    MAX_PARTS = 256,
    ROUNDS = 3, /* the best counts */
    PEAK_TURNS = 1 << 20,
    FAR_BYTES =
        64 << 20, /* for each side of the copy: more than caches hold, of all threads together */
    NEAR_BYTES = 192 << 10, /* of one thread: both sides fit a second-level cache of half a MiB */
    NEAR_COPIES = 200,
};

struct loop {
    int64_t (*arithmetic)(int64_t rounds); /* NULL: copies */
    unsigned char *from, *to;
    size_t bytes; /* of one copy, all threads together */
    int copies;
};

struct work {
    const struct loop *loop;
    int64_t done[MAX_PARTS];
};

static void share(void *context, int part, int parts, int worker)
{
    struct work *work = context;
    const struct loop *loop = work->loop;
    (void)worker;
    if (loop->arithmetic) {
        work->done[part] = loop->arithmetic(PEAK_TURNS);
        return;
    }
    size_t bytes = loop->bytes / (size_t)parts, first = bytes * (size_t)part;
    for (int i = 0; i < loop->copies; i++) {
        memcpy(loop->to + first, loop->from + first, bytes);
        __asm__ volatile("" ::: "memory"); /* each copy is wanted */
    }
    work->done[part] = (int64_t)bytes * loop->copies;
}

/* Units a nanosecond; two of them for each that is done. */
static double rate(const struct loop *loop, struct base_pool *pool)
{
    struct work work = {.loop = loop};
    int threads = base_pool_threads(pool);
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
        int64_t start = base_clock_ns(), done = 0;
        base_pool_run(pool, share, &work, threads);
        int64_t time = base_clock_ns() - start;
        for (int i = 0; i < threads; i++)
            done += work.done[i];
        double now = time > 0 ? 2 * (double)done / (double)time : 0;
        best = now > best ? now : best;
    }
    return best;
}

double engine_limit_float(const struct kernel_table *kernels, struct base_pool *pool)
{
    return rate(&(struct loop){.arithmetic = kernels->peak}, pool);
}

double engine_limit_bytes(const struct kernel_table *kernels, struct base_pool *pool)
{
    return rate(&(struct loop){.arithmetic = kernels->peak_bytes}, pool);
}

int engine_limit_copy(struct base_pool *pool, double *near, double *far)
{
    unsigned char *memory = base_alloc(2 * (size_t)FAR_BYTES);
    if (!memory)
        return base_error_memory(2 * (size_t)FAR_BYTES, "measuring how fast memory is copied");
    memset(memory, 1, 2 * (size_t)FAR_BYTES); /* the system gives pages when they are written */
    struct loop loop = {.from = memory, .to = memory + FAR_BYTES, .bytes = FAR_BYTES, .copies = 1};
    *far = rate(&loop, pool);
    loop.bytes = (size_t)NEAR_BYTES * (size_t)base_pool_threads(pool);
    loop.bytes = loop.bytes < FAR_BYTES ? loop.bytes : FAR_BYTES;
    loop.copies = NEAR_COPIES;
    *near = rate(&loop, pool);
    base_free(memory);
    return 0;
}
