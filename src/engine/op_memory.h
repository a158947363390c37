/* Memory for operators at run time: results whose size only the operator knows, and scratch.
 *
 * Two stacks of blocks under one limit. Blocks stay when a stack is wound back, so a run that asks
 * for the same sizes as the one before it allocates nothing. One thread at a time. */
#ifndef ENGINE_OP_MEMORY_H
#define ENGINE_OP_MEMORY_H

#include "engine/op.h"

/* `limit`: most bytes it may ever hold; required. */
int engine_memory_open(struct engine_memory **out, size_t limit);
/* NULL allowed; sets NULL. */
void engine_memory_close(struct engine_memory **memory);

/* 64-byte aligned, uninitialised, never NULL for 0 bytes. NULL with the error sentence set (ELIMIT,
 * ENOMEMORY); engine_memory_code() is then that code. */
void *engine_memory_alloc(struct engine_memory *memory, size_t bytes);

/* Gives up all results and scratch; keeps the blocks. */
void engine_memory_reset(struct engine_memory *memory);

/* Scratch of the present call, and its end: the engine ends each call it has made. */
void *engine_memory_scratch(struct engine_memory *memory, size_t bytes);
void engine_memory_end_call(struct engine_memory *memory);

/* Bytes held now, results and scratch, used or not. */
size_t engine_memory_held(const struct engine_memory *memory);
/* Code of the last allocation that failed. */
int engine_memory_code(const struct engine_memory *memory);

#endif
