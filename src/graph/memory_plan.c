/* Greedy-by-size offsets for blocks with lifetimes; for networks with very many blocks, where that
 * would take quadratic time, blocks in order of use over slots that became free. */
#include <stdbool.h>
#include <stdlib.h>

#include "base/memory.h"
#include "graph/memory_plan.h"

/* From this many blocks on the result may be larger and must come fast. */
enum { MANY = 8192, LOOKED_AT = 32 };

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

static int plan_by_size(struct graph_block **order, int count, struct placed *placed, size_t limit,
                        size_t *total)
{
    qsort(order, (size_t)count, sizeof order[0], larger_first);
    for (int i = 0; i < count; i++) {
        order[i]->offset = lowest_offset(placed, order[i]);
        insert(placed, order[i]);
        size_t end = order[i]->offset + round_up(order[i]->bytes);
        if (end > limit)
            return STANCE_ELIMIT;
        *total = end > *total ? end : *total;
    }
    return 0;
}

static int earlier_first(const void *left, const void *right)
{
    const struct graph_block *a = *(struct graph_block *const *)left,
                             *b = *(struct graph_block *const *)right;
    return a->first != b->first ? (a->first > b->first) - (a->first < b->first) : (a > b) - (a < b);
}

static int ended_first(const void *left, const void *right)
{
    const struct graph_block *a = *(struct graph_block *const *)left,
                             *b = *(struct graph_block *const *)right;
    return a->last != b->last ? (a->last > b->last) - (a->last < b->last) : (a > b) - (a < b);
}

struct slot {
    size_t offset, bytes;
};

/* The smallest slot that is large enough among those that became free last, or NULL. */
static struct slot *find_slot(struct slot *slots, int count, size_t bytes)
{
    struct slot *best = NULL;
    for (int i = count - 1; i >= 0 && i >= count - LOOKED_AT; i--)
        if (slots[i].bytes >= bytes && (!best || slots[i].bytes < best->bytes))
            best = &slots[i];
    return best;
}

/* `slots`: room for two a block. */
static int plan_by_time(struct graph_block *blocks, struct graph_block **order, int count,
                        struct graph_block **ending, struct slot *slots, size_t limit,
                        size_t *total)
{
    struct slot *taken = slots + count; /* per block */
    int ended = 0, free_slots = 0;
    qsort(order, (size_t)count, sizeof order[0], earlier_first);
    qsort(ending, (size_t)count, sizeof ending[0], ended_first);
    for (int i = 0; i < count; i++) {
        for (; ending[ended]->last < order[i]->first; ended++)
            slots[free_slots++] = taken[ending[ended] - blocks];
        size_t bytes = round_up(order[i]->bytes);
        struct slot *slot = find_slot(slots, free_slots, bytes);
        taken[order[i] - blocks] = slot ? *slot : (struct slot){*total, bytes};
        order[i]->offset = slot ? slot->offset : *total;
        if (slot)
            *slot = slots[--free_slots];
        else if (bytes > limit || *total > limit - bytes)
            return STANCE_ELIMIT;
        else
            *total += bytes;
    }
    return 0;
}

int graph_plan_memory(struct graph_block *blocks, int count, size_t limit, size_t *total)
{
    *total = 0;
    size_t entries = (size_t)count + 1;
    struct graph_block **order = base_alloc_zero(entries, sizeof(void *));
    struct graph_block **second = base_alloc_zero(entries, sizeof(void *));
    struct slot *slots = count >= MANY ? base_alloc_zero(2 * entries, sizeof *slots) : NULL;
    int code = order && second && (slots || count < MANY)
                   ? 0
                   : base_error_memory(entries * sizeof(void *), "a memory plan");
    for (int i = 0; code == 0 && i < count; i++)
        order[i] = second[i] = &blocks[i];
    if (code == 0 && count < MANY) {
        struct placed placed = {(const struct graph_block **)(void *)second, 0};
        code = plan_by_size(order, count, &placed, limit, total);
    } else if (code == 0) {
        code = plan_by_time(blocks, order, count, second, slots, limit, total);
    }
    if (code == STANCE_ELIMIT)
        base_error(code, "the network needs a workspace of more than %zu MiB", limit >> 20);
    base_free(order);
    base_free(second);
    base_free(slots);
    return code;
}
