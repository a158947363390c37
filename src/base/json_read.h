/* JSON from memory or a file: a size limit is required, duplicate keys are refused. Getters fetch a
 * member and say in one sentence what is wrong with it.
 *
 * Values are borrowed from the document. Threads: a document is immutable; any thread may read. */
#ifndef BASE_JSON_READ_H
#define BASE_JSON_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "base/errors.h"

struct base_json_doc;
typedef struct json_t base_json_value;

/* `name` stands in error sentences ("cards/rtmpose.json", "request body"). Nesting deeper than 64
 * is refused. Errors: EFORMAT (with line and column), ELIMIT, ENOMEMORY. */
STANCE_PRIVATE int base_json_parse(struct base_json_doc **out, const void *data, size_t size,
                                   size_t limit, const char *name);
/* The same plus ENOTFOUND and EIO. */
STANCE_PRIVATE int base_json_open(struct base_json_doc **out, const char *path, size_t limit);
STANCE_PRIVATE void base_json_doc_close(struct base_json_doc **doc);
STANCE_PRIVATE const base_json_value *base_json_root(const struct base_json_doc *doc);

enum base_json_kind {
    BASE_JSON_NULL,
    BASE_JSON_BOOL,
    BASE_JSON_INT,
    BASE_JSON_FLOAT,
    BASE_JSON_STRING,
    BASE_JSON_ARRAY,
    BASE_JSON_OBJECT,
};
/* NULL counts as BASE_JSON_NULL. */
STANCE_PRIVATE enum base_json_kind base_json_kind(const base_json_value *value);

/* Member of an object; NULL when absent or when `object` is no object. */
STANCE_PRIVATE const base_json_value *base_json_get(const base_json_value *object, const char *key);
/* Entries of an array or object, else 0. */
STANCE_PRIVATE size_t base_json_count(const base_json_value *value);
/* Element of an array; NULL outside. */
STANCE_PRIVATE const base_json_value *base_json_at(const base_json_value *array, size_t index);
/* Walks an object: sets key and value of the entry after `iterator` (NULL: the first one) and
 * returns its iterator, or NULL at the end. */
STANCE_PRIVATE void *base_json_next(const base_json_value *object, void *iterator, const char **key,
                                    const base_json_value **value);

/* A value as C type. `what` stands in the sentence ("'width'"). Errors: EFORMAT (missing, of
 * another type, not within min … max). Float accepts integers. */
STANCE_PRIVATE int base_json_as_int(const base_json_value *value, const char *what, int64_t min,
                                    int64_t max, int64_t *out);
STANCE_PRIVATE int base_json_as_float(const base_json_value *value, const char *what, double *out);
STANCE_PRIVATE int base_json_as_bool(const base_json_value *value, const char *what, bool *out);
STANCE_PRIVATE int base_json_as_string(const base_json_value *value, const char *what,
                                       const char **out);

/* The same for a member that must be there. */
STANCE_PRIVATE int base_json_get_int(const base_json_value *object, const char *key, int64_t min,
                                     int64_t max, int64_t *out);
STANCE_PRIVATE int base_json_get_float(const base_json_value *object, const char *key, double *out);
STANCE_PRIVATE int base_json_get_bool(const base_json_value *object, const char *key, bool *out);
STANCE_PRIVATE int base_json_get_string(const base_json_value *object, const char *key,
                                        const char **out);
/* A member array of exactly `count` numbers. */
STANCE_PRIVATE int base_json_get_floats(const base_json_value *object, const char *key,
                                        size_t count, float *out);

#endif
