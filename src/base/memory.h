/* The only door to the heap: aligned, limited, and able to fail on demand in tests. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>

#include "base/errors.h"

enum { BASE_ALIGN = 64 };

/* One allocation larger than this is refused: nothing stance does on one frame needs more. */
#define BASE_ALLOC_LIMIT ((size_t)4 << 30)

/* 64-byte aligned and uninitialised; never NULL for 0 bytes; NULL when memory is out, `bytes` is
 * above BASE_ALLOC_LIMIT, or a test asked for it. */
STANCE_PRIVATE void *base_alloc(size_t bytes);

/* The same on huge pages where the system has them: for large blocks that are in use for long. The
 * last page is taken whole; blocks that would leave more than half of the only one are as from
 * base_alloc(). */
void *base_alloc_huge(size_t bytes);

/* Asks for huge pages; in os_linux.c. */
void base_memory_huge(void *block, size_t bytes);

/* The same as base_alloc(), zeroed; `count * size` is checked for overflow. */
STANCE_PRIVATE void *base_alloc_zero(size_t count, size_t size);

/* Grows a block from base_alloc(); keeps `old_bytes` of it. On NULL the old block is untouched. */
STANCE_PRIVATE void *base_realloc(void *block, size_t old_bytes, size_t bytes);

STANCE_PRIVATE char *base_strdup(const char *string);

/* NULL is allowed. */
STANCE_PRIVATE void base_free(void *block);

/* For tests: the n-th allocation from now on fails (1 is the next one), and all after it if
 * `forever`; 0 switches off. */
void base_alloc_fail_at(long n, int forever);
/* Allocations made since the program began, and blocks alive now. */
long base_alloc_count(void);
long base_alloc_live(void);

#endif
