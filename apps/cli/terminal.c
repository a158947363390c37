/* What people see: messages, colours and progress on a terminal, plain text in a pipe. */
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "stance/error.h"

static atomic_bool progress_shown;

bool cli_is_terminal(int descriptor)
{
    const char *term = getenv("TERM");
    return isatty(descriptor) && !getenv("NO_COLOR") && term && strcmp(term, "dumb") != 0;
}

static void say(const char *format, va_list arguments)
{
    char text[8192];
    vsnprintf(text, sizeof text, format, arguments);
    stance_hide_passwords(text);
    fputs(text, stderr);
}

const char *cli_shown(const char *input, char *text, size_t size)
{
    snprintf(text, size, "%s", input);
    stance_hide_passwords(text);
    return text;
}

int cli_fail(int code, const char *format, ...)
{
    flockfile(stderr); /* threads talk one after another */
    cli_progress_end();
    bool color = cli_is_terminal(STDERR_FILENO);
    fprintf(stderr, "%sstance:%s ", color ? "\033[1;31m" : "", color ? "\033[0m" : "");
    va_list arguments;
    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    funlockfile(stderr);
    return code;
}

int cli_fail_library(int code)
{
    return cli_fail(code, "%s", stance_error_text());
}

int cli_fail_model(int code)
{
    return cli_fail_library(code == STANCE_ENOTFOUND ? CLI_NO_MODEL : CLI_FAILED);
}

void cli_note(const char *format, ...)
{
    cli_progress_end();
    bool color = cli_is_terminal(STDERR_FILENO);
    fputs(color ? "\033[2m" : "", stderr);
    va_list arguments;
    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
    fputs(color ? "\033[0m\n" : "\n", stderr);
}

double cli_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

enum { BAR = 24 };

/* A bar filled by a share of 0 … 1. */
static void fill_bar(char bar[BAR + 1], double share)
{
    int filled = share > 1 ? BAR : (int)(share * BAR);
    for (int i = 0; i < BAR; i++)
        bar[i] = i < filled ? '#' : '.';
    bar[BAR] = 0;
}

void cli_progress(const char *what, int done, int total, double seconds)
{
    if (total < 2 || !cli_is_terminal(STDERR_FILENO))
        return;
    char bar[BAR + 1];
    fill_bar(bar, (double)done / total);
    double left = done > 0 ? seconds / done * (total - done) : 0;
    fprintf(stderr, "\r\033[K%s [%s] %d/%d  %.1f/s  %d:%02d left", what, bar, done, total,
            seconds > 0 ? done / seconds : 0, (int)left / 60, (int)left % 60);
    progress_shown = true;
}

void cli_progress_bytes(const char *what, double done, double total, double seconds)
{
    if (!cli_is_terminal(STDERR_FILENO))
        return;
    char bar[BAR + 1];
    double rate = seconds > 0 ? done / seconds : 0;
    double left = rate > 0 && total > done ? (total - done) / rate : 0;
    fill_bar(bar, total > 0 ? done / total : 0);
    fprintf(stderr, "\r\033[K%s [%s] %.1f", what, bar, done / 1e6);
    if (total > 0)
        fprintf(stderr, "/%.1f", total / 1e6);
    fprintf(stderr, " MB  %.1f MB/s", rate / 1e6);
    if (left > 0 && left < 100 * 3600) /* beyond that nobody waits */
        fprintf(stderr, "  %d:%02d left", (int)left / 60, (int)left % 60);
    progress_shown = true;
}

void cli_progress_end(void)
{
    if (atomic_exchange(&progress_shown, false))
        fputs("\r\033[K", stderr);
}

/* Bytes of the valid UTF-8 sequence at `text`, 0 when it is none. */
static int utf8_length(const unsigned char *text)
{
    static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
    int length = *text < 0x80 ? 1 : *text < 0xc0 ? 0 : *text < 0xe0 ? 2 : *text < 0xf0 ? 3 : 4;
    if (length < 2)
        return length;
    unsigned point = *text & (0x7fu >> length);
    for (int i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | (text[i] & 0x3f);
    }
    bool surrogate = point >= 0xd800 && point < 0xe000;
    return *text >= 0xf8 || point < least[length] || point > 0x10ffff || surrogate ? 0 : length;
}

void cli_json_text(FILE *file, const char *text)
{
    if (!text) {
        fputs("null", file);
        return;
    }
    fputc('"', file);
    for (const unsigned char *c = (const unsigned char *)text; *c;) {
        int length = utf8_length(c);
        if (length == 0)
            fputs("\xef\xbf\xbd", file); /* U+FFFD, as in the results of pose */
        else if (*c == '"' || *c == '\\')
            fprintf(file, "\\%c", *c);
        else if (*c < 0x20)
            fprintf(file, "\\u%04x", *c);
        else
            fprintf(file, "%.*s", length, (const char *)c);
        c += length ? length : 1;
    }
    fputc('"', file);
}

void cli_json_string(const char *text)
{
    cli_json_text(stdout, text);
}

bool cli_is_utf8(const char *text)
{
    while (*text) {
        int length = utf8_length((const unsigned char *)text);
        if (length == 0)
            return false;
        text += length;
    }
    return true;
}

/* Bytes of the space or control character at `text` (C1 controls are two bytes), 0 when it is none. */
static int blank_length(const char *text)
{
    unsigned char first = (unsigned char)text[0], second = first ? (unsigned char)text[1] : 0;
    if (first == 0xc2 && second >= 0x80 && second < 0xa0)
        return 2;
    return first && (first <= ' ' || first == 127);
}

/* Length and columns of the word at `text`. */
static int word_length(const char *text, int *columns)
{
    int length = 0;
    *columns = 0;
    for (; text[length] && !blank_length(text + length); length++)
        *columns += (text[length] & 0xc0) != 0x80; /* not inside of a UTF-8 sequence */
    return length;
}

void cli_print_wrapped(const char *text, int indent)
{
    enum { WIDTH = 100 };
    int column = indent, columns;
    while (*text) {
        while (*text != '\n' && blank_length(text))
            text += blank_length(text);
        int length = word_length(text, &columns);
        if (*text == '\n' || (column > indent && column + 1 + columns > WIDTH)) {
            printf("\n%*s", indent, "");
            column = indent;
        } else if (column > indent && length) {
            putchar(' ');
            column++;
        }
        text += *text == '\n';
        printf("%.*s", length, text);
        text += length;
        column += columns;
    }
}
