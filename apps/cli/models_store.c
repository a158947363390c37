/* stance models pull, import, verify and path. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "models_command.h"
#include "pose_models.h"
#include "stance/stance.h"

struct report {
    const char *name;
    double start;
    int64_t first; /* bytes that were there when it began */
};

static int show_progress(void *context, const char *url, int64_t done, int64_t total)
{
    struct report *report = context;
    if (report->first < 0) {
        report->first = done;
        report->start = cli_clock();
    }
    double here = (double)(done - report->first), all = (double)(total - report->first);
    cli_progress_bytes(report->name, here, total > 0 ? all : 0, cli_clock() - report->start);
    return 0;
}

static void show_failure(void *context, const char *sentence)
{
    struct report *report = context;
    report->first = -1;
    cli_note("%s; trying the next address", sentence);
}

static void show_stored(void *context, const char *name, const char *path)
{
    cli_progress_end();
    printf("%s: %s\n", name, path);
}

static struct stance_store_options options_of(const struct models_values *values,
                                              struct report *report)
{
    struct stance_store_options options;
    stance_store_options_default(&options);
    options.folder = values->folder;
    options.mirror = values->mirror;
    options.replace = values->force;
    options.stall_seconds = values->timeout;
    options.progress = show_progress;
    options.failed = show_failure;
    options.stored = show_stored;
    options.context = report;
    return options;
}

/* The terms, before anything is fetched. */
static void show_terms(const char *name)
{
    struct stance_card *card;
    if (stance_card_open(&card, name) < 0)
        return;
    if (card->title)
        cli_note("%s: %s", name, card->title);
    cli_note("licence: %s", card->licence ? card->licence : "not stated");
    cli_note("trained on: %s", card->training_data ? card->training_data : "not stated");
    if (card->notice)
        cli_note("%s", card->notice);
    stance_card_close(&card);
}

static int pull_one(const struct models_values *values, const char *name)
{
    char path[4096];
    struct report report = {.name = name, .first = -1};
    struct stance_store_options options = options_of(values, &report);
    if (values->force || stance_store_path(name, path, sizeof path) < 0)
        show_terms(name);
    int code = stance_store_pull(name, &options);
    cli_progress_end();
    if (code < 0)
        return cli_fail_model(code);
    if (code > 0 && stance_store_path(name, path, sizeof path) == 0)
        printf("%s: is there already, %s\n", name, path);
    return CLI_OK;
}

int models_pull(const struct models_values *values, char **names, int count)
{
    const struct stance_preset *preset;
    if (!cli_find_preset(values->size, values->preset, &preset))
        return CLI_USAGE;
    if (count == 0 && !preset)
        return cli_fail(CLI_USAGE,
                        "say which model to pull, or a --preset; 'stance models list --all' "
                        "lists the names");
    int code = CLI_OK;
    if (preset && preset->detector && strcmp(preset->detector, "center") != 0)
        code = pull_one(values, preset->detector);
    if (preset && code == CLI_OK)
        code = pull_one(values, preset->pose);
    for (int i = 0; i < count && code == CLI_OK; i++)
        code = pull_one(values, names[i]);
    return code;
}

int models_import(const struct models_values *values, char **sources, int count)
{
    if (count == 0 || (count > 1 && values->name))
        return cli_fail(CLI_USAGE,
                        "say which files, folders or archives to import; --name goes with "
                        "one");
    for (int i = 0; i < count; i++) {
        struct report report = {.name = sources[i], .first = -1};
        struct stance_store_options options = options_of(values, &report);
        int code = stance_store_import(sources[i], values->name, &options);
        if (code < 0)
            return cli_fail_model(code);
    }
    return CLI_OK;
}

/* The model at `path`. 0: the same, 1: nothing to compare with, 2: damaged or gone. */
static int verify_one(const char *name, const char *path)
{
    int code = stance_store_verify(path);
    if (code == 0)
        printf("%s: ok\n", name);
    else if (code == STANCE_EUNSUPPORTED)
        printf("%s: no digest to compare with\n", name);
    else
        cli_fail_library(0);
    return code == 0 ? 0 : code == STANCE_EUNSUPPORTED ? 1 : 2;
}

int models_verify(const struct models_values *values, char **names, int count)
{
    struct stance_model_list *models = NULL;
    bool damaged = false;
    for (int i = 0; i < count; i++)
        damaged |= verify_one(names[i], names[i]) > 0; /* asked for by name: it has to have one */
    if (count == 0 && stance_model_list_open(&models) < 0)
        return cli_fail_library(CLI_FAILED);
    for (int i = 0; models && i < models->count; i++) {
        const struct stance_model_entry *entry = &models->entries[i];
        damaged |= verify_one(entry->name, entry->path ? entry->path : entry->name) > 1;
    }
    stance_model_list_close(&models);
    return damaged ? CLI_SOME_FAILED : CLI_OK;
}

int models_path(const struct models_values *values, char **names, int count)
{
    char path[4096];
    if (count != 1)
        return cli_fail(CLI_USAGE, "say whose path: 'stance models path MODEL'");
    int code = stance_store_path(names[0], path, sizeof path);
    if (code < 0)
        return cli_fail_model(code);
    printf("%s\n", path);
    return CLI_OK;
}
