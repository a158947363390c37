/* Thread pool for the parallel loops of one session: work is cut into parts, each worker begins with
 * its own and takes over what others have left, so that a slow neighbour on one core costs its share
 * and no more. */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include "base/errors.h"

struct base_pool;

/* One part of a loop. `worker` is 0 … threads-1 and names the caller's scratch memory. */
typedef void base_pool_fn(void *context, int part, int parts, int worker);

/* `threads` counts the calling thread: 1 creates none. Workers spin briefly, then sleep.
 * A pool serves one caller at a time. */
int base_pool_open(struct base_pool **out, int threads);
void base_pool_close(struct base_pool **pool);
int base_pool_threads(const struct base_pool *pool);

/* Runs fn for part = 0 … parts-1 and returns when all are done. */
void base_pool_run(struct base_pool *pool, base_pool_fn *fn, void *context, int parts);

/* The same for work that may be cut anywhere: fn gets shares part/parts … (part+1)/parts of different
 * sizes that fill the whole, none smaller than 1/most (one thread gets all at once). Worker w of n
 * begins at w/n, so that loops that are cut alike find their data in the caches they left it in. */
void base_pool_share(struct base_pool *pool, base_pool_fn *fn, void *context, int most);

#endif
