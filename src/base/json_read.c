/* JSON reading over jansson, the only file that knows it. */
#include <stdio.h>

#include <jansson.h>

#include "base/file.h"
#include "base/json_read.h"
#include "base/memory.h"

enum { MAX_DEPTH = 64 };

struct base_json_doc {
    json_t *root;
};

/* jansson's own limit is 2048 levels; ours is checked beforehand so that nothing deep is built. */
static bool too_deep(const char *text, size_t size)
{
    int depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '{' || c == '['))
            depth++;
        else if (!quoted && (c == '}' || c == ']'))
            depth--;
        if (depth > MAX_DEPTH)
            return true;
    }
    return false;
}

int base_json_parse(struct base_json_doc **out, const void *data, size_t size, size_t limit,
                    const char *name)
{
    json_error_t trouble;
    *out = NULL;
    if (size > limit)
        return base_error(STANCE_ELIMIT, "%s: %zu bytes of JSON; at most %zu are read", name, size,
                          limit);
    if (too_deep(data, size))
        return base_error(STANCE_ELIMIT, "%s: JSON nested deeper than %d", name, MAX_DEPTH);
    struct base_json_doc *doc = base_alloc_zero(1, sizeof *doc);
    if (!doc)
        return base_error_memory(sizeof *doc, "a JSON document");
    doc->root =
        json_loadb(size ? data : "", size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &trouble);
    if (!doc->root) {
        base_free(doc);
        if (json_error_code(&trouble) == json_error_out_of_memory)
            return base_error_memory(size, name);
        return base_error(STANCE_EFORMAT, "%s: line %d, column %d: %s", name, trouble.line,
                          trouble.column, trouble.text);
    }
    *out = doc;
    return 0;
}

int base_json_open(struct base_json_doc **out, const char *path, size_t limit)
{
    struct base_buffer text;
    *out = NULL;
    base_buffer_init(&text, limit);
    int code = base_file_read(&text, path);
    if (code == 0)
        code = base_json_parse(out, text.data, text.size, limit, path);
    base_buffer_free(&text);
    return code;
}

void base_json_doc_close(struct base_json_doc **doc)
{
    if (*doc) {
        json_decref((*doc)->root);
        base_free(*doc);
    }
    *doc = NULL;
}

const base_json_value *base_json_root(const struct base_json_doc *doc)
{
    return doc->root;
}

enum base_json_kind base_json_kind(const base_json_value *value)
{
    static const enum base_json_kind kinds[] = {
        [JSON_OBJECT] = BASE_JSON_OBJECT, [JSON_ARRAY] = BASE_JSON_ARRAY,
        [JSON_STRING] = BASE_JSON_STRING, [JSON_INTEGER] = BASE_JSON_INT,
        [JSON_REAL] = BASE_JSON_FLOAT,    [JSON_TRUE] = BASE_JSON_BOOL,
        [JSON_FALSE] = BASE_JSON_BOOL,    [JSON_NULL] = BASE_JSON_NULL,
    };
    return value ? kinds[json_typeof(value)] : BASE_JSON_NULL;
}

const base_json_value *base_json_get(const base_json_value *object, const char *key)
{
    return json_object_get(object, key);
}

size_t base_json_count(const base_json_value *value)
{
    return json_is_array(value) ? json_array_size(value) : json_object_size(value);
}

const base_json_value *base_json_at(const base_json_value *array, size_t index)
{
    return json_array_get(array, index);
}

void *base_json_next(const base_json_value *object, void *iterator, const char **key,
                     const base_json_value **value)
{
    /* jansson's iterators ask for a mutable object, but only read it. */
    json_t *mutable_object = (json_t *)(uintptr_t)object;
    iterator = iterator ? json_object_iter_next(mutable_object, iterator)
                        : json_object_iter(mutable_object);
    if (iterator) {
        *key = json_object_iter_key(iterator);
        *value = json_object_iter_value(iterator);
    }
    return iterator;
}

static int wrong(const base_json_value *value, const char *what, const char *wanted)
{
    static const char *const names[] = {"null",   "true or false", "an integer", "a number",
                                        "a text", "an array",      "an object"};
    if (!value)
        return base_error(STANCE_EFORMAT, "%s is missing", what);
    return base_error(STANCE_EFORMAT, "%s is %s where %s should be", what,
                      names[base_json_kind(value)], wanted);
}

int base_json_as_int(const base_json_value *value, const char *what, int64_t min, int64_t max,
                     int64_t *out)
{
    if (!json_is_integer(value))
        return wrong(value, what, "an integer");
    int64_t number = json_integer_value(value);
    if (number < min || number > max)
        return base_error(STANCE_EFORMAT, "%s is %lld, not within %lld … %lld", what,
                          (long long)number, (long long)min, (long long)max);
    *out = number;
    return 0;
}

int base_json_as_float(const base_json_value *value, const char *what, double *out)
{
    if (!json_is_number(value))
        return wrong(value, what, "a number");
    *out = json_number_value(value);
    return 0;
}

int base_json_as_bool(const base_json_value *value, const char *what, bool *out)
{
    if (!json_is_boolean(value))
        return wrong(value, what, "true or false");
    *out = json_is_true(value);
    return 0;
}

int base_json_as_string(const base_json_value *value, const char *what, const char **out)
{
    if (!json_is_string(value))
        return wrong(value, what, "a text");
    *out = json_string_value(value);
    return 0;
}

/* "'width'" for error sentences. */
#define QUOTED(quoted, key)                                                                        \
    char quoted[80];                                                                               \
    snprintf(quoted, sizeof quoted, "'%.70s'", key)

int base_json_get_int(const base_json_value *object, const char *key, int64_t min, int64_t max,
                      int64_t *out)
{
    QUOTED(what, key);
    return base_json_as_int(base_json_get(object, key), what, min, max, out);
}

int base_json_get_float(const base_json_value *object, const char *key, double *out)
{
    QUOTED(what, key);
    return base_json_as_float(base_json_get(object, key), what, out);
}

int base_json_get_bool(const base_json_value *object, const char *key, bool *out)
{
    QUOTED(what, key);
    return base_json_as_bool(base_json_get(object, key), what, out);
}

int base_json_get_string(const base_json_value *object, const char *key, const char **out)
{
    QUOTED(what, key);
    return base_json_as_string(base_json_get(object, key), what, out);
}

int base_json_get_floats(const base_json_value *object, const char *key, size_t count, float *out)
{
    QUOTED(what, key);
    const base_json_value *array = base_json_get(object, key);
    if (!json_is_array(array))
        return wrong(array, what, "an array");
    if (json_array_size(array) != count)
        return base_error(STANCE_EFORMAT, "%s has %zu entries where %zu should be", what,
                          json_array_size(array), count);
    for (size_t i = 0; i < count; i++) {
        double value = 0;
        BASE_TRY(base_json_as_float(json_array_get(array, i), what, &value));
        out[i] = (float)value;
    }
    return 0;
}
