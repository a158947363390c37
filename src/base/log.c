/* Messages to stderr or to the program's own handler. */
#include <stdarg.h>
#include <stdio.h>

#include "base/log.h"
#include "stance/error.h"

enum { TEXT_BYTES = 1024 };

static void to_stderr(void *context, enum base_log_level level, const char *text)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    fprintf(stderr, "stance: %s: %s\n", names[level], text);
}

static base_log_fn *current = to_stderr;
static void *current_context;
static enum base_log_level most = BASE_LOG_WARN;

void base_log_handler(base_log_fn *handler, void *context)
{
    current = handler ? handler : to_stderr;
    current_context = context;
}

void base_log_limit(enum base_log_level level)
{
    most = level;
}

void base_log(enum base_log_level level, const char *format, ...)
{
    char text[TEXT_BYTES];
    if (level > most)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    stance_hide_passwords(text);
    current(current_context, level, text);
}
