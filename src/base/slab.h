/* Slabs: blocks that live long, next to each other on huge pages. What is read once a run, such as
 * weights, costs fewer walks through the page tables there. Not for several threads at once. */
#ifndef BASE_SLAB_H
#define BASE_SLAB_H

#include <stddef.h>

struct base_slab;
struct base_slabs { /* zeros: none yet */
    struct base_slab *first;
};

/* As base_alloc(). Small blocks do not lie in slabs. */
void *base_slabs_take(struct base_slabs *slabs, size_t bytes);

/* Gives a block back; its slab is freed with the last of them. NULL is allowed. */
void base_slabs_give(struct base_slabs *slabs, void *block);

#endif
