/* The error sentence of each thread and the table of codes. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/errors.h"

enum { TEXT_BYTES = 1024 };

static _Thread_local char text[TEXT_BYTES];

#define ERROR_ROW(name, value, description) {value, "STANCE_" #name, description},

/* clang-format off */
static const struct {
    int code;
    const char *name;
    const char *description;
} errors[] = {
    {STANCE_OK, "STANCE_OK", "success"},
    STANCE_ERROR_LIST(ERROR_ROW)
};
/* clang-format on */

int(base_error)(int code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    stance_hide_passwords(text);
    return code;
}

int(base_error_context)(int code, const char *format, ...)
{
    char before[TEXT_BYTES];
    memcpy(before, text, sizeof before);
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length >= 0 && (size_t)length + 3 < sizeof text)
        snprintf(text + length, sizeof text - (size_t)length, ": %.*s",
                 (int)(sizeof text - (size_t)length - 3), before);
    stance_hide_passwords(text);
    return code;
}

int(base_error_memory)(size_t bytes, const char *what)
{
    return base_error(STANCE_ENOMEMORY, "out of memory: %zu bytes for %s", bytes, what);
}

const char *stance_error_text(void)
{
    return text;
}

const char *stance_error_name(int code)
{
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
        if (errors[i].code == code)
            return errors[i].name;
    return "unknown error";
}

const char *stance_error_describe(int code)
{
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
        if (errors[i].code == code)
            return errors[i].description;
    return "unknown error";
}
