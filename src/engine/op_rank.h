/* Ordering: keys that compare as the values do, and choosing the best in order. */
#ifndef ENGINE_OP_RANK_H
#define ENGINE_OP_RANK_H

#include "tensor/storage.h"

struct engine_ranked {
    int64_t key, index;
};

/* Key of element i: of two values of one type the greater has the greater key, equal values (0 and
 * -0, too) have equal keys; NaN is above all. ~key orders the other way round. */
int64_t engine_rank_key(const struct stance_tensor *view, int64_t i);

/* Brings the `best` items with the greatest keys to the front, greatest first; of equal keys the
 * lower index goes first. O(count log best). */
void engine_rank(struct engine_ranked *items, int64_t count, int64_t best);

#endif
