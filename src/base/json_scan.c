/* JSON from front to back: a pull scanner over bytes in memory. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json_scan.h"
#include "base/number.h"

void base_scan_begin(struct base_scan *scan, const void *data, size_t size, const char *name)
{
    const char *text = size ? data : "";
    *scan = (struct base_scan){.name = name, .start = text, .at = text, .end = text + size};
}

int base_scan_refuse(const struct base_scan *scan, int code, const char *format, ...)
{
    char sentence[512];
    size_t line = 1;
    const char *line_start = scan->start;
    for (const char *c = scan->start; c < scan->at; c++)
        if (*c == '\n') {
            line++;
            line_start = c + 1;
        }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    return base_error(code, "%s: line %zu, column %zu: %s", scan->name, line,
                      (size_t)(scan->at - line_start) + 1, sentence);
}

static void skip_blanks(struct base_scan *scan)
{
    while (scan->at < scan->end &&
           (*scan->at == ' ' || *scan->at == '\n' || *scan->at == '\r' || *scan->at == '\t'))
        scan->at++;
}

char base_scan_peek(struct base_scan *scan)
{
    skip_blanks(scan);
    if (scan->at == scan->end)
        return 0;
    char c = *scan->at;
    if (c == '-' || (c >= '0' && c <= '9'))
        return '0';
    if (c == 't' || c == 'f')
        return 't';
    return c == '{' || c == '[' || c == '"' || c == 'n' ? c : 0;
}

/* "'bbox' is a text where a number should be", or what is no JSON at all. */
static int wrong(struct base_scan *scan, const char *what, const char *wanted)
{
    const char *found = NULL;
    switch (base_scan_peek(scan)) {
    case '{': found = "an object"; break;
    case '[': found = "an array"; break;
    case '"': found = "a text"; break;
    case '0': found = "a number"; break;
    case 't': found = "true or false"; break;
    case 'n': found = "null"; break;
    default: break;
    }
    if (found)
        return base_scan_refuse(scan, STANCE_EFORMAT, "%s is %s where %s should be", what, found,
                                wanted);
    if (scan->at == scan->end)
        return base_scan_refuse(scan, STANCE_EFORMAT, "the file ends where %s should be", wanted);
    char c = *scan->at;
    return base_scan_refuse(scan, STANCE_EFORMAT, "'%c' is no JSON; %s should be here",
                            c > 0x20 && c < 0x7f ? c : '?', wanted);
}

int base_scan_enter(struct base_scan *scan, char kind, const char *what)
{
    if (base_scan_peek(scan) != kind)
        return wrong(scan, what, kind == '{' ? "an object" : "an array");
    if (scan->depth == BASE_SCAN_DEPTH)
        return base_scan_refuse(scan, STANCE_ELIMIT, "JSON nested deeper than %d", BASE_SCAN_DEPTH);
    scan->kinds[scan->depth++] = kind;
    scan->fresh = true;
    scan->at++;
    return 0;
}

/* The bytes between quotes; `at` moves behind them. */
static int take_quoted(struct base_scan *scan, struct base_scan_key *out)
{
    const char *c = scan->at + 1;
    while (c < scan->end && *c != '"' && (unsigned char)*c >= 0x20)
        c += *c == '\\' && c + 1 < scan->end ? 2 : 1;
    if (c >= scan->end || *c != '"')
        return base_scan_refuse(scan, STANCE_EFORMAT, "this text has no end");
    *out = (struct base_scan_key){scan->at + 1, (size_t)(c - scan->at) - 1};
    scan->at = c + 1;
    return 0;
}

static int take_key(struct base_scan *scan, struct base_scan_key *key)
{
    struct base_scan_key unused;
    if (base_scan_peek(scan) != '"')
        return wrong(scan, "a key", "a key in quotes");
    BASE_TRY(take_quoted(scan, key ? key : &unused));
    skip_blanks(scan);
    if (scan->at == scan->end || *scan->at != ':')
        return base_scan_refuse(scan, STANCE_EFORMAT, "a ':' is missing behind the key");
    scan->at++;
    return 1;
}

int base_scan_next(struct base_scan *scan, struct base_scan_key *key)
{
    char kind = scan->kinds[scan->depth - 1], close = kind == '{' ? '}' : ']';
    skip_blanks(scan);
    if (scan->at < scan->end && *scan->at == close) {
        scan->at++;
        scan->depth--;
        scan->fresh = false;
        return 0;
    }
    if (!scan->fresh) {
        if (scan->at == scan->end)
            return base_scan_refuse(scan, STANCE_EFORMAT, "the file ends inside an %s",
                                    kind == '{' ? "object" : "array");
        if (*scan->at != ',')
            return base_scan_refuse(scan, STANCE_EFORMAT, "',' or '%c' should be here", close);
        scan->at++;
    }
    scan->fresh = false;
    return kind == '{' ? take_key(scan, key) : 1;
}

bool base_scan_is(struct base_scan_key key, const char *text)
{
    return strlen(text) == key.size && memcmp(key.data, text, key.size) == 0;
}

/* The characters of one number; their grammar is JSON's: no leading '+', no leading zeros. */
static size_t number_length(const struct base_scan *scan)
{
    const char *c = scan->at;
    while (c < scan->end && ((*c >= '0' && *c <= '9') || *c == '-' || *c == '+' || *c == '.' ||
                             *c == 'e' || *c == 'E'))
        c++;
    return (size_t)(c - scan->at);
}

static bool is_number(const char *text, size_t size)
{
    size_t i = text[0] == '-';
    if (i >= size || text[i] < '0' || text[i] > '9')
        return false;
    if (text[i] == '0' && i + 1 < size && text[i + 1] >= '0' && text[i + 1] <= '9')
        return false;
    for (; i < size; i++)
        if (text[i] == '.' && (i + 1 == size || text[i + 1] < '0' || text[i + 1] > '9'))
            return false;
    return true;
}

int base_scan_number(struct base_scan *scan, const char *what, double *out)
{
    if (base_scan_peek(scan) != '0')
        return wrong(scan, what, "a number");
    size_t size = number_length(scan);
    int code =
        is_number(scan->at, size) ? base_number_double(scan->at, size, out) : STANCE_EARGUMENT;
    if (code == STANCE_ELIMIT)
        return base_scan_refuse(scan, STANCE_EFORMAT, "%s is too large for a number", what);
    if (code < 0)
        return base_scan_refuse(scan, STANCE_EFORMAT, "%s is '%.*s', which is no number", what,
                                (int)(size < 40 ? size : 40), scan->at);
    scan->at += size;
    return 0;
}

int base_scan_int(struct base_scan *scan, const char *what, int64_t *out)
{
    const double exact = 9007199254740992.0; /* 2^53: above, doubles skip integers */
    if (base_scan_peek(scan) != '0')
        return wrong(scan, what, "an integer");
    size_t size = number_length(scan);
    if (is_number(scan->at, size) && base_number_int64(scan->at, size, out) == 0) {
        scan->at += size;
        return 0;
    }
    double value = 0;
    struct base_scan before = *scan;
    BASE_TRY(base_scan_number(scan, what, &value));
    if (!(value >= -exact && value <= exact) || (double)(int64_t)value != value)
        return base_scan_refuse(&before, STANCE_EFORMAT,
                                "%s is '%.*s' where an integer of 64 bits should be", what,
                                (int)(size < 40 ? size : 40), before.at);
    *out = (int64_t)value;
    return 0;
}

static bool take_word(struct base_scan *scan, const char *word)
{
    size_t size = strlen(word);
    if ((size_t)(scan->end - scan->at) < size || memcmp(scan->at, word, size) != 0)
        return false;
    scan->at += size;
    return true;
}

int base_scan_bool(struct base_scan *scan, const char *what, bool *out)
{
    if (base_scan_peek(scan) != 't')
        return wrong(scan, what, "true or false");
    *out = *scan->at == 't';
    if (!take_word(scan, "true") && !take_word(scan, "false"))
        return base_scan_refuse(scan, STANCE_EFORMAT, "%s is a word that is no JSON", what);
    return 0;
}

/* Four hexadecimal digits, or -1. */
static long hex4(const char *c, const char *end)
{
    long value = 0;
    if (end - c < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = c[i] >= '0' && c[i] <= '9'   ? c[i] - '0'
                    : c[i] >= 'a' && c[i] <= 'f' ? c[i] - 'a' + 10
                    : c[i] >= 'A' && c[i] <= 'F' ? c[i] - 'A' + 10
                                                 : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

static size_t put_utf8(char out[4], long point)
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    size_t size = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    static const unsigned char first[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = size; i-- > 1; point >>= 6)
        out[i] = (char)(0x80 | (point & 0x3f));
    out[0] = (char)(first[size] | point);
    return size;
}

/* One character behind a backslash into `out`; its bytes, or 0. `*c` moves behind the escape. */
static size_t take_escape(const char **c, const char *end, char out[4])
{
    static const char names[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    char kind = *(*c)++;
    const char *known = kind ? strchr(names, kind) : NULL;
    if (known) {
        out[0] = meanings[known - names];
        return 1;
    }
    long point = kind == 'u' ? hex4(*c, end) : -1;
    if (point <= 0)
        return 0;
    *c += 4;
    if (point >= 0xd800 && point < 0xdc00 && end - *c >= 6 && (*c)[0] == '\\' && (*c)[1] == 'u') {
        long low = hex4(*c + 2, end);
        if (low >= 0xdc00 && low < 0xe000) {
            *c += 6;
            point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
        }
    }
    return put_utf8(out, point >= 0xd800 && point < 0xe000 ? 0xfffd : point);
}

int base_scan_text(struct base_scan *scan, const char *what, char *text, size_t size)
{
    struct base_scan_key raw = {NULL, 0};
    size_t used = 0;
    if (base_scan_peek(scan) != '"')
        return wrong(scan, what, "a text");
    BASE_TRY(take_quoted(scan, &raw));
    const char *c = raw.data, *end = raw.data + raw.size;
    while (c < end) {
        char bytes[4] = {*c};
        size_t count = 1;
        if (*c++ == '\\')
            count = take_escape(&c, end, bytes);
        if (count == 0)
            return base_scan_refuse(scan, STANCE_EFORMAT, "%s has an escape that is no JSON", what);
        if (used + count >= size)
            return base_scan_refuse(scan, STANCE_ELIMIT, "%s is longer than %zu bytes", what,
                                    size - 1);
        memcpy(text + used, bytes, count);
        used += count;
    }
    text[used] = 0;
    return 0;
}

static int skip_plain(struct base_scan *scan)
{
    struct base_scan_key text;
    double number;
    bool truth;
    switch (base_scan_peek(scan)) {
    case '"': return take_quoted(scan, &text);
    case '0': return base_scan_number(scan, "a value", &number);
    case 't': return base_scan_bool(scan, "a value", &truth);
    case 'n':
        if (take_word(scan, "null"))
            return 0;
        break;
    default: break;
    }
    return wrong(scan, "a value", "a value");
}

int base_scan_skip(struct base_scan *scan)
{
    int depth = scan->depth;
    char kind = base_scan_peek(scan);
    if (kind != '{' && kind != '[')
        return skip_plain(scan);
    BASE_TRY(base_scan_enter(scan, kind, "a value"));
    while (scan->depth > depth) {
        int more = base_scan_next(scan, NULL);
        BASE_TRY(more);
        if (more == 0)
            continue;
        kind = base_scan_peek(scan);
        BASE_TRY(kind == '{' || kind == '[' ? base_scan_enter(scan, kind, "a value")
                                            : skip_plain(scan));
    }
    return 0;
}

int base_scan_end(struct base_scan *scan)
{
    skip_blanks(scan);
    if (scan->at != scan->end)
        return base_scan_refuse(scan, STANCE_EFORMAT, "something follows the end of the JSON");
    return 0;
}
