/* The commands of the program: one descriptor and one file each, and their shared option parser.
 * Help pages and shell completion are made from the same tables. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Exit codes; documented in the manual page. */
enum cli_exit {
    CLI_OK = 0,
    CLI_SOME_FAILED = 1, /* some inputs could not be done; all others are */
    CLI_USAGE = 2,
    CLI_NO_MODEL = 3,
    CLI_FAILED = 4,
};

enum cli_kind { CLI_FLAG, CLI_TEXT, CLI_NUMBER, CLI_COUNT, CLI_LIST };

/* One option. `value` points to bool, const char *, float, int, or struct cli_list. */
struct cli_option {
    const char *name;     /* "--threads" */
    const char *shorter;  /* "-o", or NULL */
    const char *argument; /* "N" in the help, NULL for flags */
    const char *help;
    enum cli_kind kind;
    size_t offset;      /* of the value in the command's options struct */
    double least, most; /* CLI_NUMBER, CLI_COUNT */
};

enum { CLI_MAX_LIST = 64 };

struct cli_list {
    const char *items[CLI_MAX_LIST];
    int count;
};

struct cli_command {
    const char *name;
    const char *arguments;            /* "IMAGE… " in the usage line */
    const char *words;                /* "list show", what may stand first; NULL: anything */
    const char *summary;              /* one line */
    const char *details;              /* paragraphs for the help page */
    const struct cli_option *options; /* ends with a NULL name */
    int (*run)(int argument_count, char **arguments);
};

extern const struct cli_command cli_pose, cli_label, cli_track, cli_eval, cli_models, cli_info,
    cli_quantize, cli_compare, cli_run, cli_bench, cli_devices, cli_completion, cli_help;
extern const struct cli_command *const cli_commands[]; /* ends with NULL */

/* Fills `values` and moves the remaining arguments to the front of `arguments`; their number is
 * returned, or -1 after a message. "--" ends the options. "--help" prints the page and returns -2. */
int cli_parse(const struct cli_command *command, int argument_count, char **arguments,
              void *values);

void cli_print_help(const struct cli_command *command);
void cli_print_overview(void);
/* The command of that name, or NULL. */
const struct cli_command *cli_find(const char *name);
/* Says that there is no such command, and which one may be meant; returns CLI_USAGE. */
int cli_unknown_command(const char *text);

/* An input as people may read it: without the password of an address. Returns `text`. */
const char *cli_shown(const char *input, char *text, size_t size);
/* Prints "stance: sentence" to standard error, in red on a terminal; returns `code`. Passwords in
 * addresses are hidden. */
int cli_fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same with the library's last sentence. */
int cli_fail_library(int code);
/* The same where `code` is the library's: CLI_NO_MODEL where a model was not found, else CLI_FAILED. */
int cli_fail_model(int code);
/* A hint in the same place, dimmed. */
void cli_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Whether a stream is a terminal and colours are wanted (NO_COLOR, TERM=dumb). */
bool cli_is_terminal(int descriptor);

/* One line that is written over and over while work goes on, with an estimate of the time left;
 * nothing when standard error is no terminal. */
void cli_progress(const char *what, int done, int total, double seconds);
/* The same for bytes; `total` 0: not known. */
void cli_progress_bytes(const char *what, double done, double total, double seconds);
void cli_progress_end(void);

/* Writes `text` as a JSON string; NULL writes null, and bytes that are no UTF-8 become U+FFFD. */
void cli_json_text(FILE *file, const char *text);
/* The same to standard output. */
void cli_json_string(const char *text);
bool cli_is_utf8(const char *text);

/* Writes text from a file to standard output, at most 100 columns wide behind `indent` spaces;
 * control characters become spaces, line ends stay. Begins at column `indent`. */
void cli_print_wrapped(const char *text, int indent);

struct stance_tensor;
/* Parses "NAME=1x3x256x192" or "1x3x256x192" into dims; *name_length is 0 without a name. False
 * after a message. */
bool cli_parse_shape(const char *text, size_t *name_length, struct stance_tensor *shape);

/* Seconds since an arbitrary start. */
double cli_clock(void);

#endif
