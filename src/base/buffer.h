/* Growing byte buffer with a limit that cannot be left out. */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <stddef.h>

#include "base/errors.h"

struct base_buffer {
    char *data; /* always followed by a NUL that `size` does not count, once non-NULL */
    size_t size, capacity, limit;
};

/* `limit`: most bytes it may ever hold. Allocates nothing yet. */
STANCE_PRIVATE void base_buffer_init(struct base_buffer *buffer, size_t limit);
/* Frees the bytes; the buffer can be used again. */
STANCE_PRIVATE void base_buffer_free(struct base_buffer *buffer);
/* Makes room for `bytes` more. Errors: ELIMIT, ENOMEMORY. */
STANCE_PRIVATE int base_buffer_reserve(struct base_buffer *buffer, size_t bytes);
STANCE_PRIVATE int base_buffer_append(struct base_buffer *buffer, const void *data, size_t bytes);
STANCE_PRIVATE int base_buffer_format(struct base_buffer *buffer, const char *format, ...)
    BASE_PRINTF(2, 3);

#endif
