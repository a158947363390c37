/* Memory plan: blocks with lifetimes get offsets in one workspace. */
#ifndef GRAPH_MEMORY_PLAN_H
#define GRAPH_MEMORY_PLAN_H

#include <stddef.h>

#include "base/errors.h"

struct graph_block {
    size_t bytes;
    int first, last; /* steps during which the contents matter, both included */
    size_t offset;   /* result, a multiple of BASE_ALIGN */
};

/* Greedy by size: the largest blocks first, each at the lowest offset where nothing that lives at
 * the same time lies (Pisarchyk and Lee, arXiv 2001.03288, "greedy by size"). `total` receives the
 * workspace's bytes. Errors: ELIMIT above `limit`, ENOMEMORY. */
int graph_plan_memory(struct graph_block *blocks, int count, size_t limit, size_t *total);

#endif
