/* Arena: many small blocks with one end of life. For graphs and plans, not for frames. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

#include "base/errors.h"

struct base_arena;

/* `limit`: most bytes the arena may hold; required. */
STANCE_PRIVATE int base_arena_open(struct base_arena **out, size_t limit);
STANCE_PRIVATE void base_arena_close(struct base_arena **arena);

/* Zeroed, 64-byte aligned for 64 bytes and more, else 16. NULL with the error sentence set
 * (ENOMEMORY, or ELIMIT when the arena is full); `count * size` is checked. */
STANCE_PRIVATE void *base_arena_alloc(struct base_arena *arena, size_t count, size_t size);
/* Copies `length` bytes and ends them with NUL. */
STANCE_PRIVATE char *base_arena_string(struct base_arena *arena, const char *bytes, size_t length);
/* Formats into the arena (at most 511 bytes). */
STANCE_PRIVATE char *base_arena_format(struct base_arena *arena, const char *format, ...)
    BASE_PRINTF(2, 3);
/* Bytes handed out so far. */
STANCE_PRIVATE size_t base_arena_used(const struct base_arena *arena);

#endif
