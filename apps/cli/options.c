/* Option parsing and help pages, both from the commands' tables. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "stance/stance.h"

static const struct cli_option *find_option(const struct cli_command *command, const char *text,
                                            const char **inline_value)
{
    size_t length = strcspn(text, "=");
    *inline_value = NULL;
    for (const struct cli_option *o = command->options; o->name; o++) {
        if (strlen(o->name) == length && strncmp(o->name, text, length) == 0) {
            *inline_value = text[length] == '=' ? text + length + 1 : NULL;
            return o;
        }
        if (o->shorter && strcmp(o->shorter, text) == 0)
            return o;
    }
    return NULL;
}

/* How many letters differ at most for a suggestion; enough for one slip of the keys. */
static int distance(const char *a, const char *b)
{
    int row[64], size = (int)strlen(b);
    if (size > 62 || strlen(a) > 62)
        return 99;
    for (int j = 0; j <= size; j++)
        row[j] = j;
    for (int i = 1; a[i - 1]; i++) {
        int corner = row[0]++;
        for (int j = 1; j <= size; j++) {
            int cost = corner + (a[i - 1] != b[j - 1]);
            corner = row[j];
            if (row[j] + 1 < cost)
                cost = row[j] + 1;
            if (row[j - 1] + 1 < cost)
                cost = row[j - 1] + 1;
            row[j] = cost;
        }
    }
    return row[size];
}

int cli_unknown_command(const char *text)
{
    const char *best = NULL;
    int least = 3;
    for (int i = 0; cli_commands[i]; i++)
        if (distance(text, cli_commands[i]->name) < least) {
            least = distance(text, cli_commands[i]->name);
            best = cli_commands[i]->name;
        }
    if (best)
        return cli_fail(CLI_USAGE, "there is no command '%s'; did you mean '%s'?", text, best);
    return cli_fail(CLI_USAGE, "there is no command '%s'; 'stance help' lists them", text);
}

static int unknown_option(const struct cli_command *command, const char *text)
{
    const char *best = NULL;
    int least = 3;
    for (const struct cli_option *o = command->options; o->name; o++)
        if (distance(text, o->name) < least) {
            least = distance(text, o->name);
            best = o->name;
        }
    cli_fail(0, "%s has no option '%s'%s%s%s", command->name, text, best ? "; did you mean " : "",
             best ? best : "", best ? "?" : "");
    cli_note("'stance help %s' lists its options", command->name);
    return -1;
}

/* Plain decimals such as 0.35 or -2; the same in every locale. */
static bool parse_number(const char *text, double *out)
{
    bool negative = *text == '-';
    const char *at = text + negative;
    double value = 0, unit = 1;
    int digits = 0;
    for (; *at >= '0' && *at <= '9'; at++, digits++)
        value = value * 10 + (*at - '0');
    if (*at == '.')
        for (at++; *at >= '0' && *at <= '9'; at++, digits++) {
            value = value * 10 + (*at - '0');
            unit *= 10;
        }
    *out = (negative ? -value : value) / unit;
    return digits > 0 && digits < 16 && !*at;
}

static bool set_number(const struct cli_option *o, const char *value, void *target)
{
    double number;
    if (!parse_number(value, &number) || number < o->least || number > o->most ||
        (o->kind == CLI_COUNT && number != floor(number))) {
        cli_fail(0, "%s takes a%s number from %g to %g, not '%s'", o->name,
                 o->kind == CLI_COUNT ? " whole" : "", o->least, o->most, value);
        return false;
    }
    if (o->kind == CLI_COUNT)
        *(int *)target = (int)number;
    else
        *(float *)target = (float)number;
    return true;
}

static bool set_value(const struct cli_option *o, const char *value, void *values)
{
    void *target = (char *)values + o->offset;
    struct cli_list *list = target;
    switch (o->kind) {
    case CLI_FLAG: *(bool *)target = true; return true;
    case CLI_TEXT: *(const char **)target = value; return true;
    case CLI_LIST:
        if (list->count == CLI_MAX_LIST) {
            cli_fail(0, "%s is given more than %d times", o->name, CLI_MAX_LIST);
            return false;
        }
        list->items[list->count++] = value;
        return true;
    default: return set_number(o, value, target);
    }
}

int cli_parse(const struct cli_command *command, int argument_count, char **arguments, void *values)
{
    int rest = 0;
    bool options = true;
    for (int i = 0; i < argument_count; i++) {
        char *text = arguments[i];
        if (!options || text[0] != '-' || !text[1]) {
            arguments[rest++] = text;
            continue;
        }
        if (strcmp(text, "--") == 0) {
            options = false;
            continue;
        }
        if (strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0) {
            cli_print_help(command);
            return -2;
        }
        const char *value;
        const struct cli_option *o = find_option(command, text, &value);
        if (!o)
            return unknown_option(command, text);
        if (o->kind == CLI_FLAG ? value != NULL : !value && i + 1 == argument_count) {
            cli_fail(0, "%s %s", o->name, value ? "takes no value" : "needs a value");
            return -1;
        }
        if (!value && o->kind != CLI_FLAG)
            value = arguments[++i];
        if (!set_value(o, value, values))
            return -1;
    }
    return rest;
}

void cli_print_help(const struct cli_command *command)
{
    printf("stance %s - %s\n\nusage: stance %s%s%s%s\n", command->name, command->summary,
           command->name, command->options->name ? " [options]" : "",
           command->arguments[0] ? " " : "", command->arguments);
    if (command->details[0])
        printf("\n%s\n", command->details);
    if (command->options->name)
        printf("\noptions:\n");
    for (const struct cli_option *o = command->options; o->name; o++) {
        char left[64];
        snprintf(left, sizeof left, "%s%s%s%s%s", o->shorter ? o->shorter : "",
                 o->shorter ? ", " : "", o->name, o->argument ? " " : "",
                 o->argument ? o->argument : "");
        printf("  %-26s %s\n", left, o->help);
    }
}

void cli_print_overview(void)
{
    printf("stance %s - people, boxes and skeletons from pictures\n\n"
           "usage: stance COMMAND [options] …\n\ncommands:\n",
           stance_version());
    for (int i = 0; cli_commands[i]; i++)
        printf("  %-12s %s\n", cli_commands[i]->name, cli_commands[i]->summary);
    printf("\n'stance help COMMAND' tells more. 'stance --version' prints the version.\n");
}

const struct cli_command *cli_find(const char *name)
{
    for (int i = 0; cli_commands[i]; i++)
        if (strcmp(cli_commands[i]->name, name) == 0)
            return cli_commands[i];
    return NULL;
}

bool cli_parse_shape(const char *text, size_t *name_length, struct stance_tensor *shape)
{
    const char *equals = strrchr(text, '=');
    const char *at = equals ? equals + 1 : text;
    *name_length = equals ? (size_t)(equals - text) : 0;
    *shape = (struct stance_tensor){.dtype = STANCE_FLOAT32};
    while (shape->rank < STANCE_MAX_RANK) {
        char *end;
        long long dim = strtoll(at, &end, 10);
        if (end == at || dim < 0)
            break;
        shape->dims[shape->rank++] = dim;
        if (!*end)
            return true;
        if (*end != 'x' && *end != ',')
            break;
        at = end + 1;
    }
    cli_fail(0, "'%s' is not a shape: write it like 1x3x256x192 or NAME=1x3x256x192", text);
    return false;
}
