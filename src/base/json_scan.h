/* JSON read once from front to back, without building anything: for files with millions of numbers,
 * where a document (base/json_read.h) would take many times the file's size and most of the time.
 *
 *   base_scan_enter(scan, '{', "a result");
 *   while ((more = base_scan_next(scan, &key)) > 0)
 *       if (base_scan_is(key, "score"))
 *           BASE_TRY(base_scan_number(scan, "'score'", &score));
 *       else
 *           BASE_TRY(base_scan_skip(scan));
 *
 * Every value must be taken or skipped before the next one. Sentences name line and column.
 * Threads: one scan, one thread. */
#ifndef BASE_JSON_SCAN_H
#define BASE_JSON_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/errors.h"

enum { BASE_SCAN_DEPTH = 64 };

struct base_scan {
    const char *name; /* of the file, for sentences; the caller's */
    const char *start, *at, *end;
    int depth;
    bool fresh;                  /* the innermost object or array has shown no entry yet */
    char kinds[BASE_SCAN_DEPTH]; /* '{' or '[' */
};

/* Text between quotes as it stands in the file, escapes and all. */
struct base_scan_key {
    const char *data;
    size_t size;
};

STANCE_PRIVATE void base_scan_begin(struct base_scan *scan, const void *data, size_t size,
                                    const char *name);
/* Nothing but blanks may follow. Errors: EFORMAT. */
STANCE_PRIVATE int base_scan_end(struct base_scan *scan);

/* What the next value begins with: '{', '[', '"', '0' for a number, 't' for true or false, 'n' for
 * null, 0 for anything else. */
STANCE_PRIVATE char base_scan_peek(struct base_scan *scan);

/* Enters an object ('{') or array ('['). Errors: EFORMAT, ELIMIT (deeper than BASE_SCAN_DEPTH). */
STANCE_PRIVATE int base_scan_enter(struct base_scan *scan, char kind, const char *what);
/* 1 before the next entry, 0 behind the end, or an error. `key`: filled in objects; NULL in arrays. */
STANCE_PRIVATE int base_scan_next(struct base_scan *scan, struct base_scan_key *key);
STANCE_PRIVATE bool base_scan_is(struct base_scan_key key, const char *text);

/* The next value, which must be of that type. Integers may be written as 7.0. `text` receives at
 * most `size` - 1 bytes, escapes resolved, and a NUL. Errors: EFORMAT, ELIMIT (a longer text). */
STANCE_PRIVATE int base_scan_number(struct base_scan *scan, const char *what, double *out);
STANCE_PRIVATE int base_scan_int(struct base_scan *scan, const char *what, int64_t *out);
STANCE_PRIVATE int base_scan_bool(struct base_scan *scan, const char *what, bool *out);
STANCE_PRIVATE int base_scan_text(struct base_scan *scan, const char *what, char *text,
                                  size_t size);
STANCE_PRIVATE int base_scan_skip(struct base_scan *scan);

/* Sets the sentence "NAME: line L, column C: …" and returns `code`. */
STANCE_PRIVATE int base_scan_refuse(const struct base_scan *scan, int code, const char *format, ...)
    BASE_PRINTF(3, 4);

#endif
