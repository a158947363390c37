/* Slabs: room is given out from front to back, and comes back when all of a slab is free. */
#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"
#include "base/slab.h"

enum { SMALL = 32 << 10, SLAB = 32 << 20 };

struct base_slab {
    struct base_slab *next;
    char *data;
    size_t size, used;
    int users;
};

static struct base_slab *slab_new(size_t bytes)
{
    struct base_slab *slab = base_alloc_zero(1, sizeof *slab);
    if (!slab)
        return NULL;
    slab->size = bytes > SLAB ? bytes : SLAB;
    slab->data = base_alloc_huge(slab->size);
    if (slab->data)
        return slab;
    base_free(slab);
    return NULL;
}

void *base_slabs_take(struct base_slabs *slabs, size_t bytes)
{
    if (bytes < SMALL || bytes > BASE_ALLOC_LIMIT)
        return base_alloc(bytes);
    size_t rounded = (bytes + BASE_ALIGN - 1) / BASE_ALIGN * BASE_ALIGN;
    struct base_slab *slab = slabs->first;
    while (slab && slab->size - slab->used < rounded)
        slab = slab->next;
    if (!slab) {
        slab = slab_new(rounded);
        if (!slab)
            return NULL;
        slab->next = slabs->first;
        slabs->first = slab;
    }
    void *block = slab->data + slab->used;
    slab->used += rounded;
    slab->users++;
    return block;
}

static bool holds(const struct base_slab *slab, const void *block)
{
    return (uintptr_t)block - (uintptr_t)slab->data < slab->size;
}

void base_slabs_give(struct base_slabs *slabs, void *block)
{
    struct base_slab **link = &slabs->first;
    while (*link && !holds(*link, block))
        link = &(*link)->next;
    struct base_slab *slab = *link;
    if (!slab) {
        base_free(block);
    } else if (--slab->users == 0) {
        *link = slab->next;
        base_free(slab->data);
        base_free(slab);
    }
}
