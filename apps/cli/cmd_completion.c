/* stance completion: shell scripts made from the tables of commands and options. */
#include <stdio.h>
#include <string.h>

#include "command.h"

static void print_options(const struct cli_command *command)
{
    for (const struct cli_option *o = command->options; o->name; o++)
        printf("%s%s", o == command->options ? "" : " ", o->name);
}

static void print_commands(void)
{
    for (int i = 0; cli_commands[i]; i++)
        printf("%s%s", i ? " " : "", cli_commands[i]->name);
}

/* What may stand first, between `before` and `behind`; nothing where that is anything. */
static void print_words(const struct cli_command *command, const char *before, const char *behind)
{
    if (!command->words && command != &cli_help)
        return;
    printf("%s", before);
    if (command->words)
        printf("%s", command->words);
    else
        print_commands();
    printf("%s", behind);
}

static void print_bash(void)
{
    printf("_stance() {\n"
           "    local word=\"${COMP_WORDS[COMP_CWORD]}\" options=\"\" words=\"\"\n"
           "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
           "        COMPREPLY=($(compgen -W \"");
    print_commands();
    printf("\" -- \"$word\"))\n        return\n    fi\n    case \"${COMP_WORDS[1]}\" in\n");
    for (int i = 0; cli_commands[i]; i++) {
        printf("    %s) options=\"", cli_commands[i]->name);
        print_options(cli_commands[i]);
        printf("\"");
        print_words(cli_commands[i], " words=\"", "\"");
        printf(" ;;\n");
    }
    printf("    esac\n"
           "    case \"$word\" in\n"
           "    -*) COMPREPLY=($(compgen -W \"$options\" -- \"$word\")) ;;\n"
           "    *) COMPREPLY=($(compgen -W \"$words\" -f -- \"$word\")) ;;\n"
           "    esac\n"
           "}\n"
           "complete -o filenames -F _stance stance\n");
}

/* Inside a zsh spec colons, brackets and quotes have a meaning of their own. */
static void print_escaped(const char *text)
{
    for (; *text; text++) {
        if (*text == '\'')
            printf("'\\''");
        else if (strchr(":[]", *text))
            printf("\\%c", *text);
        else
            putchar(*text);
    }
}

static void print_zsh(void)
{
    printf("#compdef stance\n_stance() {\n    local -a commands\n    commands=(\n");
    for (int i = 0; cli_commands[i]; i++) {
        printf("        '%s:", cli_commands[i]->name);
        print_escaped(cli_commands[i]->summary);
        printf("'\n");
    }
    printf("    )\n    if (( CURRENT == 2 )); then\n        _describe command commands\n"
           "        return\n    fi\n    case \"$words[2]\" in\n");
    for (int i = 0; cli_commands[i]; i++) {
        printf("    %s) _arguments", cli_commands[i]->name);
        for (const struct cli_option *o = cli_commands[i]->options; o->name; o++) {
            printf(" \\\n        '%s[", o->name);
            print_escaped(o->help);
            if (o->argument)
                printf("]:%s:_files'", o->argument);
            else
                printf("]'");
        }
        print_words(cli_commands[i], " \\\n        '1:what:(", ")'");
        printf(" '*:file:_files' ;;\n");
    }
    printf("    esac\n}\n_stance \"$@\"\n");
}

static int run_completion(int argument_count, char **arguments)
{
    int rest = cli_parse(&cli_completion, argument_count, arguments, NULL);
    if (rest < 0)
        return rest == -2 ? CLI_OK : CLI_USAGE;
    if (rest == 1 && strcmp(arguments[0], "bash") == 0)
        print_bash();
    else if (rest == 1 && strcmp(arguments[0], "zsh") == 0)
        print_zsh();
    else
        return cli_fail(CLI_USAGE, "say which shell: 'stance completion bash' or "
                                   "'stance completion zsh'");
    return CLI_OK;
}

static const struct cli_option options[] = {{0}};

const struct cli_command cli_completion = {
    .name = "completion",
    .arguments = "bash|zsh",
    .words = "bash zsh",
    .summary = "print a completion script for a shell",
    .details = "For this bash session: source <(stance completion bash). 'make install' puts the "
               "scripts where\nthe shells look for them.",
    .options = options,
    .run = run_completion};
