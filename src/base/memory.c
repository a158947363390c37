/* Heap blocks: alignment, the size limit, counting, and failure on demand. */
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static atomic_long allocations;
static atomic_long live;
static atomic_long fail_at;
static atomic_int fail_forever;

static int must_fail(void)
{
    long at = atomic_load_explicit(&fail_at, memory_order_relaxed);
    if (at == 0)
        return 0;
    long left = atomic_fetch_sub(&fail_at, 1);
    if (left > 1)
        return 0;
    atomic_store(&fail_at, left == 1 && atomic_load(&fail_forever) ? 1 : 0);
    return left == 1;
}

/* `bytes` in whole units of `align`, one at least. */
static size_t round_up(size_t bytes, size_t align)
{
    return bytes ? (bytes + align - 1) / align * align : align;
}

static void *take(size_t bytes, size_t align)
{
    atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
    if (bytes > BASE_ALLOC_LIMIT || must_fail())
        return NULL;
    void *block = aligned_alloc(align, round_up(bytes, align));
    if (block)
        atomic_fetch_add_explicit(&live, 1, memory_order_relaxed);
    return block;
}

void *base_alloc(size_t bytes)
{
    return take(bytes, BASE_ALIGN);
}

void *base_alloc_huge(size_t bytes)
{
    enum { PAGE = 2 << 20 };
    if (bytes < PAGE / 2)
        return base_alloc(bytes);
    void *block = take(bytes, PAGE);
    if (block)
        base_memory_huge(block, round_up(bytes, PAGE));
    return block;
}

void *base_alloc_zero(size_t count, size_t size)
{
    if (size && count > BASE_ALLOC_LIMIT / size)
        return NULL;
    void *block = base_alloc(count * size);
    return block ? memset(block, 0, count * size) : NULL;
}

void *base_realloc(void *block, size_t old_bytes, size_t bytes)
{
    void *grown = base_alloc(bytes);
    if (!grown)
        return NULL;
    if (block)
        memcpy(grown, block, old_bytes < bytes ? old_bytes : bytes);
    base_free(block);
    return grown;
}

char *base_strdup(const char *string)
{
    size_t bytes = strlen(string) + 1;
    char *copy = base_alloc(bytes);
    return copy ? memcpy(copy, string, bytes) : NULL;
}

void base_free(void *block)
{
    if (!block)
        return;
    atomic_fetch_sub_explicit(&live, 1, memory_order_relaxed);
    free(block);
}

void base_alloc_fail_at(long n, int forever)
{
    atomic_store(&fail_forever, forever);
    atomic_store(&fail_at, n);
}

long base_alloc_count(void)
{
    return atomic_load(&allocations);
}

long base_alloc_live(void)
{
    return atomic_load(&live);
}
