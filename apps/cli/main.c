/* The program: finds the command and hands over. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "stance/stance.h"

const struct cli_command *const cli_commands[] = {
#ifdef STANCE_HAVE_MEDIA
    &cli_pose,  &cli_label,   &cli_quantize,   &cli_compare,
#endif
    &cli_track, &cli_eval,    &cli_models,     &cli_info,    &cli_run,
    &cli_bench, &cli_devices, &cli_completion, &cli_help,    NULL,
};

static const struct cli_option no_options[] = {{0}};

static int run_help(int argument_count, char **arguments)
{
    int rest = cli_parse(&cli_help, argument_count, arguments, NULL);
    if (rest < 0)
        return rest == -2 ? CLI_OK : CLI_USAGE;
    if (rest > 1)
        return cli_fail(CLI_USAGE, "help takes one command");
    if (rest == 0) {
        cli_print_overview();
        return CLI_OK;
    }
    const struct cli_command *command = cli_find(arguments[0]);
    if (!command)
        return cli_unknown_command(arguments[0]);
    cli_print_help(command);
    return CLI_OK;
}

const struct cli_command cli_help = {.name = "help",
                                     .arguments = "[COMMAND]",
                                     .summary = "tell about a command",
                                     .details = "",
                                     .options = no_options,
                                     .run = run_help};

static int run_devices(int argument_count, char **arguments)
{
    int rest = cli_parse(&cli_devices, argument_count, arguments, NULL);
    if (rest != 0)
        return rest == -2 ? CLI_OK
               : rest < 0 ? CLI_USAGE
                          : cli_fail(CLI_USAGE, "devices takes no arguments");
    for (int i = 0; stance_device_name(i); i++)
        printf("%s\t%s\n", stance_device_name(i), stance_device_describe(i));
    return CLI_OK;
}

const struct cli_command cli_devices = {
    .name = "devices",
    .arguments = "",
    .summary = "list the devices that networks can run on here",
    .details = "STANCE_CPU=ref|avx2|avx512|neon makes every command use that processor tier.",
    .options = no_options,
    .run = run_devices};

static int run_command(int argc, char **argv)
{
    if (argc < 2) {
        cli_print_overview();
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        printf("stance %s\n", stance_version());
        return CLI_OK;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        cli_print_overview();
        return CLI_OK;
    }
    const struct cli_command *command = cli_find(argv[1]);
    return command ? command->run(argc - 2, argv + 2) : cli_unknown_command(argv[1]);
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of that write, with its sentence */
    int code = run_command(argc, argv);
    cli_progress_end();
    bool lost = fflush(stdout) != 0 || ferror(stdout);
    if (lost && code == CLI_OK)
        code = cli_fail(CLI_FAILED, "cannot write to standard output");
    return code;
}
