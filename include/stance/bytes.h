/* Bytes: whole files from the web in memory, for stance_image_parse() and the like.
 *
 * Threads: no state; bytes belong to the caller. */
#ifndef STANCE_BYTES_H
#define STANCE_BYTES_H

#include <stddef.h>

#include "stance/error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct stance_bytes {
    void *data; /* NULL when size is 0 */
    size_t size;
};

/* Reads what `url` (http:// or https://) answers into memory that the caller frees with
 * stance_bytes_free(); at most `limit` bytes. Follows up to five redirects, never from https back
 * to http; gives up after 10 s without a connection, 20 s without a byte, 5 minutes in all.
 * Errors: EARGUMENT, ENOTFOUND (404, 410), EIO, ELIMIT, EUNSUPPORTED (built without network),
 * ENOMEMORY. */
STANCE_API int stance_bytes_fetch(struct stance_bytes *out, const char *url, size_t limit);

/* Frees the data and clears the struct. NULL is allowed. */
STANCE_API void stance_bytes_free(struct stance_bytes *bytes);

#ifdef __cplusplus
}
#endif
#endif
