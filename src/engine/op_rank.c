/* A heap whose root is the worst of the best so far. */
#include <math.h>
#include <string.h>

#include "engine/op_rank.h"

int64_t engine_rank_key(const struct stance_tensor *view, int64_t i)
{
    if (view->dtype == STANCE_INT64)
        return ((const int64_t *)view->data)[i];
    if (view->dtype == STANCE_UINT64)
        return (int64_t)(((const uint64_t *)view->data)[i] ^ (uint64_t)1 << 63);
    double value = tensor_float(view, i);
    int64_t bits;
    if (isnan(value))
        return INT64_MAX;
    value = value == 0 ? 0 : value;
    memcpy(&bits, &value, sizeof bits);
    return bits < 0 ? bits ^ INT64_MAX : bits; /* magnitude grows downward below zero */
}

static bool is_better(const struct engine_ranked *a, const struct engine_ranked *b)
{
    return a->key > b->key || (a->key == b->key && a->index < b->index);
}

static void sink(struct engine_ranked *heap, int64_t count, int64_t at)
{
    struct engine_ranked item = heap[at];
    for (;;) {
        int64_t child = 2 * at + 1;
        if (child >= count)
            break;
        if (child + 1 < count && is_better(&heap[child], &heap[child + 1]))
            child++;
        if (!is_better(&item, &heap[child]))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = item;
}

void engine_rank(struct engine_ranked *items, int64_t count, int64_t best)
{
    if (best <= 0)
        return;
    for (int64_t i = best / 2 - 1; i >= 0; i--)
        sink(items, best, i);
    for (int64_t i = best; i < count; i++)
        if (is_better(&items[i], &items[0])) {
            struct engine_ranked worst = items[0];
            items[0] = items[i];
            items[i] = worst;
            sink(items, best, 0);
        }
    for (int64_t left = best - 1; left > 0; left--) {
        struct engine_ranked worst = items[0];
        items[0] = items[left];
        items[left] = worst;
        sink(items, left, 0);
    }
}
