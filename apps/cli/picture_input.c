/* Pictures as people name them to a command: what kind of name it is, and the walk over all of them. */
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "command.h"
#include "picture_input.h"

#define ADDRESS_LIMIT ((size_t)64 << 20) /* bytes of one picture from the web */

bool cli_is_folder(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

bool cli_is_same_file(const char *one, const char *other)
{
    struct stat left, right;
    return stat(one, &left) == 0 && stat(other, &right) == 0 && S_ISREG(left.st_mode) &&
           left.st_dev == right.st_dev && left.st_ino == right.st_ino;
}

int cli_make_folder(const char *path)
{
    if (cli_is_folder(path) || mkdir(path, 0777) == 0)
        return 0;
    return cli_fail(-1, "cannot make the folder '%s': %s", path, strerror(errno));
}

bool cli_is_address(const char *input)
{
    return strncasecmp(input, "http://", 7) == 0 || strncasecmp(input, "https://", 8) == 0;
}

bool cli_is_pattern(const char *argument)
{
    return !cli_is_address(argument) && strpbrk(argument, "*?[");
}

void cli_input_name(const char *input, char *name, size_t size)
{
    size_t length = cli_is_address(input) ? strcspn(input, "?#") : strlen(input);
    const char *start = input + length;
    while (start > input && start[-1] != '/')
        start--;
    if (start - input >= 3 && strncmp(start - 3, "://", 3) == 0) /* a host, maybe after its user */
        for (const char *end = input + length, *at = start; at < end; at++)
            if (*at == '@')
                start = at + 1;
    length -= (size_t)(start - input);
    snprintf(name, size, "%.*s", length ? (int)length : 7, length ? start : "picture");
}

int cli_read_picture(struct stance_image **image, const char *input, struct stance_bytes *fetched)
{
    struct stance_bytes bytes = {0};
    if (!cli_is_address(input))
        return stance_image_read(image, input) < 0 ? cli_fail_library(-1) : 0;
    if (stance_bytes_fetch(&bytes, input, ADDRESS_LIMIT) < 0)
        return cli_fail_library(-1);
    int code = stance_image_parse(image, bytes.data, bytes.size);
    if (code < 0)
        cli_fail(0, "%s: %s", input, stance_error_text());
    if (code == 0 && fetched)
        *fetched = bytes;
    else
        stance_bytes_free(&bytes);
    return code;
}

struct walk {
    const char *what;
    int (*each)(void *context, const char *input);
    void *context;
    double start;
};

/* Patterns that the shell left alone ('*.jpg' in quotes) are expanded here; the name of an existing
 * file is taken as it is, brackets and all. */
static int do_argument(const struct walk *walk, char *argument, int index, int count)
{
    glob_t found = {0};
    struct stat status;
    char **inputs = &argument;
    size_t inputs_count = 1;
    if (cli_is_pattern(argument) && stat(argument, &status) != 0 &&
        glob(argument, 0, NULL, &found) == 0) {
        inputs = found.gl_pathv;
        inputs_count = found.gl_pathc;
    }
    int failed = 0;
    for (size_t i = 0; i < inputs_count; i++) {
        failed += walk->each(walk->context, inputs[i]) < 0;
        int total = count > 1 ? count : (int)inputs_count;
        if (walk->what)
            cli_progress(walk->what, count > 1 ? index + 1 : (int)i + 1, total,
                         cli_clock() - walk->start);
    }
    globfree(&found);
    return failed;
}

int cli_each_picture(const char *what, char **arguments, int count,
                     int (*each)(void *context, const char *input), void *context)
{
    struct walk walk = {what, each, context, cli_clock()};
    int failed = 0;
    for (int i = 0; i < count; i++)
        failed += do_argument(&walk, arguments[i], i, count);
    cli_progress_end();
    return failed;
}
