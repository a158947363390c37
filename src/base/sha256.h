/* SHA-256 (FIPS 180-4): of memory, in pieces, of a file. */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#include "base/errors.h"

enum { BASE_SHA256_TEXT = 65 }; /* 64 lower-case hexadecimal digits and NUL */

struct base_sha256 {
    uint32_t state[8];
    uint64_t bytes;
    unsigned char block[64];
};

void base_sha256_begin(struct base_sha256 *sum);
void base_sha256_add(struct base_sha256 *sum, const void *data, size_t size);
void base_sha256_end(struct base_sha256 *sum, char text[BASE_SHA256_TEXT]);

/* Of memory at once. */
void base_sha256(const void *data, size_t size, char text[BASE_SHA256_TEXT]);

/* Of a regular file of at most `limit` bytes. Errors: ENOTFOUND, EIO, EFORMAT (empty), ELIMIT. */
int base_sha256_file(const char *path, size_t limit, char text[BASE_SHA256_TEXT]);

#endif
