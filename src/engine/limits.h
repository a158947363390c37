/* What a processor can do at most with the threads of a pool: each takes some tens of milliseconds. */
#ifndef ENGINE_LIMITS_H
#define ENGINE_LIMITS_H

#include "base/pool.h"
#include "kernel/kernel.h"

/* Arithmetic of floats and of bytes, in operations a nanosecond; a multiply-add is two. */
double engine_limit_float(const struct kernel_table *kernels, struct base_pool *pool);
double engine_limit_bytes(const struct kernel_table *kernels, struct base_pool *pool);

/* Bytes a nanosecond that a copy reads and writes: within the second-level cache, and of memory that no
 * cache holds. Errors: ENOMEMORY. */
int engine_limit_copy(struct base_pool *pool, double *near, double *far);

#endif
