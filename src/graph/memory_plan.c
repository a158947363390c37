/* Greedy-by-size offsets for blocks with lifetimes. */
#include <stdbool.h>
#include <stdlib.h>

#include "base/memory.h"
#include "graph/memory_plan.h"

struct placed {
    const struct graph_block **blocks; /* by offset */
    int count;
};

static int larger_first(const void *left, const void *right)
{
    const struct graph_block *a = *(struct graph_block *const *)left,
                             *b = *(struct graph_block *const *)right;
    if (a->bytes != b->bytes)
        return a->bytes > b->bytes ? -1 : 1;
    return a < b ? -1 : a > b;
}

static size_t round_up(size_t bytes)
{
    return (bytes + BASE_ALIGN - 1) / BASE_ALIGN * BASE_ALIGN;
}

static size_t lowest_offset(const struct placed *placed, const struct graph_block *block)
{
    size_t offset = 0;
    for (int i = 0; i < placed->count; i++) {
        const struct graph_block *other = placed->blocks[i];
        if (other->last < block->first || other->first > block->last)
            continue;
        if (other->offset >= offset && other->offset - offset >= round_up(block->bytes))
            break;
        size_t end = other->offset + round_up(other->bytes);
        if (end > offset)
            offset = end;
    }
    return offset;
}

static void insert(struct placed *placed, const struct graph_block *block)
{
    int at = placed->count++;
    for (; at > 0 && placed->blocks[at - 1]->offset > block->offset; at--)
        placed->blocks[at] = placed->blocks[at - 1];
    placed->blocks[at] = block;
}

int graph_plan_memory(struct graph_block *blocks, int count, size_t limit, size_t *total)
{
    *total = 0;
    size_t bytes = ((size_t)count + 1) * sizeof(void *);
    struct graph_block **order = base_alloc(bytes);
    struct placed placed = {base_alloc(bytes), 0};
    int code = order && placed.blocks ? 0 : base_error_memory(bytes, "a memory plan");
    for (int i = 0; code == 0 && i < count; i++)
        order[i] = &blocks[i];
    if (code == 0)
        qsort(order, (size_t)count, sizeof order[0], larger_first);
    for (int i = 0; code == 0 && i < count; i++) {
        order[i]->offset = lowest_offset(&placed, order[i]);
        insert(&placed, order[i]);
        size_t end = order[i]->offset + round_up(order[i]->bytes);
        if (end > limit)
            code = base_error(STANCE_ELIMIT,
                              "the network needs a workspace of more than %zu MiB", limit >> 20);
        else if (end > *total)
            *total = end;
    }
    base_free(order);
    base_free(placed.blocks);
    return code;
}
