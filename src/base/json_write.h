/* Streaming JSON writer into a buffer: fixed decimals, independent of the locale.
 *
 * Errors stick: after the first one nothing more is written and base_json_end() returns it, so
 * that the calls in between need no checks. Threads: one writer, one thread. */
#ifndef BASE_JSON_WRITE_H
#define BASE_JSON_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

enum { BASE_JSON_MAX_DEPTH = 32 };

struct base_json {
    struct base_buffer *out;
    bool pretty;
    int code, depth;
    bool after_key, has_root;
    char kinds[BASE_JSON_MAX_DEPTH]; /* '{' or '[' */
    bool filled[BASE_JSON_MAX_DEPTH];
};

/* Writes behind what `out` holds. `pretty`: one entry per line, two spaces of indent. */
STANCE_PRIVATE void base_json_begin(struct base_json *json, struct base_buffer *out, bool pretty);
/* Checks that everything opened was closed; the first error of all calls: ELIMIT (buffer, depth),
 * ENOMEMORY, EARGUMENT (a key outside an object, a value without key, …). */
STANCE_PRIVATE int base_json_end(struct base_json *json);

STANCE_PRIVATE void base_json_object(struct base_json *json);
STANCE_PRIVATE void base_json_array(struct base_json *json);
/* Ends the innermost object or array. */
STANCE_PRIVATE void base_json_close(struct base_json *json);

STANCE_PRIVATE void base_json_key(struct base_json *json, const char *key);
/* NULL writes null. Bytes that are not UTF-8 become U+FFFD. */
STANCE_PRIVATE void base_json_string(struct base_json *json, const char *text);
STANCE_PRIVATE void base_json_string_bytes(struct base_json *json, const char *text, size_t size);
STANCE_PRIVATE void base_json_int(struct base_json *json, int64_t value);
/* `decimals` 0 … 17 digits behind the point, rounded to nearest; NaN and infinities become null. */
STANCE_PRIVATE void base_json_float(struct base_json *json, double value, int decimals);
STANCE_PRIVATE void base_json_bool(struct base_json *json, bool value);
STANCE_PRIVATE void base_json_null(struct base_json *json);

#endif
