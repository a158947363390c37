/* Arrays of floats for kernel tests: the array ends where a page that cannot be touched begins, and
 * a pattern lies before it, so that a read behind or a write on either side shows. */
#ifndef TESTS_SUPPORT_GUARDED_H
#define TESTS_SUPPORT_GUARDED_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "kernel/kernel.h"

struct guarded {
    float *data;
    size_t count, bytes; /* bytes: of the readable mapping */
    unsigned char *base;
};

enum { GUARD_PATTERN = 0xa5, GUARD_FRONT = 256 };

static inline struct guarded guarded_open(size_t count)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    struct guarded out = {.count = count};
    out.bytes = (count * sizeof(float) + GUARD_FRONT + page - 1) / page * page;
    out.base =
        mmap(NULL, out.bytes + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(out.base != MAP_FAILED);
    assert_int_equal(mprotect(out.base + out.bytes, page, PROT_NONE), 0);
    memset(out.base, GUARD_PATTERN, out.bytes);
    out.data = (float *)(void *)(out.base + out.bytes) - count;
    return out;
}

/* Fails the test when the pattern before the array is gone. */
static inline void guarded_close(struct guarded *array)
{
    for (unsigned char *p = array->base; p < (unsigned char *)array->data; p++)
        assert_int_equal(*p, GUARD_PATTERN);
    munmap(array->base, array->bytes + (size_t)sysconf(_SC_PAGESIZE));
    memset(array, 0, sizeof(*array));
}

/* Numbers in [-1, 1) from a linear congruential generator. */
static inline void guarded_fill(struct guarded *array, uint32_t seed)
{
    for (size_t i = 0; i < array->count; i++) {
        seed = seed * 1664525u + 1013904223u;
        array->data[i] = (float)(int32_t)seed / 2147483648.0f;
    }
}

static inline struct guarded guarded_random(size_t count, uint32_t seed)
{
    struct guarded out = guarded_open(count);
    guarded_fill(&out, seed);
    return out;
}

static inline void assert_same_bits(const struct guarded *a, const struct guarded *b)
{
    assert_int_equal(a->count, b->count);
    assert_memory_equal(a->data, b->data, a->count * sizeof(float));
}

static inline void assert_near(double value, double expected, double tolerance)
{
    if (isnan(expected) ? isnan(value) : value == expected)
        return;
    if (!(fabs(value - expected) <= tolerance))
        fail_msg("%.9g instead of %.9g, tolerance %.3g", value, expected, tolerance);
}

/* Floats of one image of a blocked tensor, and where one element of it lies. */
static inline int64_t blocked_size(int block, int channels, int64_t pixels)
{
    return (int64_t)kernel_blocks(channels, block) * block * pixels;
}

static inline int64_t blocked_at(int block, int channel, int64_t pixels, int64_t pixel)
{
    return (channel / block * pixels + pixel) * block + channel % block;
}

/* Seconds of one call, the best of many runs of a few calls over a fifth of a second. */
static inline double bench_seconds(void (*call)(void *context), void *context)
{
    int64_t begin = base_clock_ns(), calls = 1, start, taken;
    double best = INFINITY;
    do {
        start = base_clock_ns();
        for (int64_t i = 0; i < calls; i++)
            call(context);
        taken = base_clock_ns() - start;
        best = fmin(best, (double)taken * 1e-9 / (double)calls);
        if (taken < 20000)
            calls *= 2;
    } while (start - begin < 200000000);
    return best;
}

#endif
