/* Streaming JSON writer. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json_write.h"

static void keep(struct base_json *json, int code)
{
    if (json->code == 0 && code < 0)
        json->code = code;
}

static void put(struct base_json *json, const char *text, size_t size)
{
    if (json->code == 0)
        keep(json, base_buffer_append(json->out, text, size));
}

static void refuse(struct base_json *json, const char *why)
{
    if (json->code == 0)
        keep(json, base_error(STANCE_EARGUMENT, "JSON: %s", why));
}

void base_json_begin(struct base_json *json, struct base_buffer *out, bool pretty)
{
    *json = (struct base_json){.out = out, .pretty = pretty};
}

int base_json_end(struct base_json *json)
{
    if (json->depth > 0)
        refuse(json, "an object or array is still open");
    if (!json->has_root)
        refuse(json, "nothing was written");
    if (json->pretty)
        put(json, "\n", 1);
    return json->code;
}

static void line(struct base_json *json)
{
    if (!json->pretty)
        return;
    put(json, "\n", 1);
    for (int i = 0; i < json->depth; i++)
        put(json, "  ", 2);
}

/* The comma and line before an entry of the innermost object or array. */
static void next_entry(struct base_json *json)
{
    bool *filled = &json->filled[json->depth - 1];
    if (*filled)
        put(json, ",", 1);
    *filled = true;
    line(json);
}

static void before_value(struct base_json *json)
{
    if (json->depth == 0) {
        if (json->has_root)
            refuse(json, "a second value at the top");
        json->has_root = true;
    } else if (json->kinds[json->depth - 1] == '[') {
        next_entry(json);
    } else if (!json->after_key) {
        refuse(json, "a value in an object needs a key");
    }
    json->after_key = false;
}

static void open_kind(struct base_json *json, char kind)
{
    before_value(json);
    if (json->depth == BASE_JSON_MAX_DEPTH) {
        if (json->code == 0)
            keep(json,
                 base_error(STANCE_ELIMIT, "JSON: nested deeper than %d", BASE_JSON_MAX_DEPTH));
        return;
    }
    put(json, &kind, 1);
    json->kinds[json->depth] = kind;
    json->filled[json->depth++] = false;
}

void base_json_object(struct base_json *json)
{
    open_kind(json, '{');
}

void base_json_array(struct base_json *json)
{
    open_kind(json, '[');
}

void base_json_close(struct base_json *json)
{
    if (json->depth == 0 || json->after_key) {
        refuse(json, json->after_key ? "a key without value" : "nothing is open to be closed");
        return;
    }
    bool filled = json->filled[--json->depth];
    if (filled)
        line(json);
    put(json, json->kinds[json->depth] == '{' ? "}" : "]", 1);
}

/* Bytes of the valid UTF-8 sequence at `text`, or 0 (Unicode, table 3-7). */
static size_t utf8_length(const unsigned char *text, size_t size)
{
    unsigned char first = text[0];
    size_t length = first < 0x80   ? 1
                    : first < 0xc2 ? 0
                    : first < 0xe0 ? 2
                    : first < 0xf0 ? 3
                    : first < 0xf5 ? 4
                                   : 0;
    if (length == 0 || length > size)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    if ((first == 0xe0 && text[1] < 0xa0) || (first == 0xed && text[1] > 0x9f) ||
        (first == 0xf0 && text[1] < 0x90) || (first == 0xf4 && text[1] > 0x8f))
        return 0;
    return length;
}

static size_t put_character(struct base_json *json, const unsigned char *text, size_t size)
{
    static const char plain[] = "\"\\\b\f\n\r\t", escapes[] = "\"\\bfnrt";
    size_t length = utf8_length(text, size);
    const char *known = text[0] ? strchr(plain, text[0]) : NULL;
    char escape[8];
    if (known) {
        escape[0] = '\\';
        escape[1] = escapes[known - plain];
        put(json, escape, 2);
    } else if (length == 0) {
        put(json, "\xef\xbf\xbd", 3);
    } else if (text[0] < 0x20 || text[0] == 0x7f) {
        put(json, escape, (size_t)snprintf(escape, sizeof escape, "\\u%04x", text[0]));
    } else {
        put(json, (const char *)text, length);
    }
    return length ? length : 1;
}

static void put_quoted(struct base_json *json, const char *text, size_t size)
{
    const unsigned char *at = (const unsigned char *)text;
    put(json, "\"", 1);
    for (size_t i = 0; i < size && json->code == 0;) {
        size_t run = i;
        while (run < size && at[run] >= 0x20 && at[run] < 0x7f && at[run] != '"' && at[run] != '\\')
            run++;
        if (run > i) {
            put(json, text + i, run - i);
            i = run;
        } else {
            i += put_character(json, at + i, size - i);
        }
    }
    put(json, "\"", 1);
}

void base_json_key(struct base_json *json, const char *key)
{
    if (json->depth == 0 || json->kinds[json->depth - 1] != '{' || json->after_key) {
        refuse(json, "a key outside an object, or after another key");
        return;
    }
    next_entry(json);
    put_quoted(json, key, strlen(key));
    put(json, json->pretty ? ": " : ":", json->pretty ? 2 : 1);
    json->after_key = true;
}

void base_json_string_bytes(struct base_json *json, const char *text, size_t size)
{
    before_value(json);
    put_quoted(json, text, size);
}

void base_json_string(struct base_json *json, const char *text)
{
    if (text)
        base_json_string_bytes(json, text, strlen(text));
    else
        base_json_null(json);
}

void base_json_int(struct base_json *json, int64_t value)
{
    char digits[24];
    before_value(json);
    put(json, digits, (size_t)snprintf(digits, sizeof digits, "%lld", (long long)value));
}

void base_json_float(struct base_json *json, double value, int decimals)
{
    char digits[340]; /* 309 digits before the point, 17 behind */
    if (!isfinite(value)) {
        base_json_null(json);
        return;
    }
    before_value(json);
    decimals = decimals < 0 ? 0 : decimals > 17 ? 17 : decimals;
    int length = snprintf(digits, sizeof digits, "%.*f", decimals, value);
    size_t kept = 0; /* a locale's point may be several bytes */
    bool point = false;
    for (int i = 0; i < length; i++) {
        bool part = (digits[i] >= '0' && digits[i] <= '9') || digits[i] == '-';
        if (part)
            digits[kept++] = digits[i];
        else if (!point)
            digits[kept++] = '.';
        point = point || !part;
    }
    if (strspn(digits, "-0.") >= kept && digits[0] == '-')
        put(json, digits + 1, kept - 1); /* no negative zero */
    else
        put(json, digits, kept);
}

void base_json_bool(struct base_json *json, bool value)
{
    before_value(json);
    put(json, value ? "true" : "false", value ? 4 : 5);
}

void base_json_null(struct base_json *json)
{
    before_value(json);
    put(json, "null", 4);
}
