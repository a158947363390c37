/* stance models: which models there are, and what their cards say; the rest is in
 * models_store.c. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "models_command.h"
#include "stance/stance.h"

#define VALUE(field) offsetof(struct models_values, field)

static const struct cli_option options[] = {
    {"--json", NULL, NULL, "print JSON (list, info)", CLI_FLAG, VALUE(json), 0, 0},
    {"--all", NULL, NULL, "list models that can be pulled, too", CLI_FLAG, VALUE(all), 0, 0},
    {"--size", NULL, "t|s|m|l|x", "pull detector and pose network of this size", CLI_TEXT,
     VALUE(size), 0, 0},
    {"--preset", NULL, "[TASK-]MODE", "pull what goes together for a task, see below", CLI_TEXT,
     VALUE(preset), 0, 0},
    {"--mirror", NULL, "URL", "pull from this folder first", CLI_TEXT, VALUE(mirror), 0, 0},
    {"--timeout", NULL, "S", "give up on a server that is silent for S seconds (20)", CLI_COUNT,
     VALUE(timeout), 1, 3600},
    {"--name", NULL, "NAME", "import under this name", CLI_TEXT, VALUE(name), 0, 0},
    {"--folder", NULL, "DIR", "pull or import into this folder (~/.local/share/stance/models)",
     CLI_TEXT, VALUE(folder), 0, 0},
    {"--force", NULL, NULL, "pull or import what is there already", CLI_FLAG, VALUE(force), 0, 0},
    {0},
};

/* The card of a listed model; NULL without one, or after a note about one that cannot be read. */
static struct stance_card *listed_card(const struct stance_model_entry *entry)
{
    struct stance_card *card;
    int code = stance_card_open(&card, entry->path ? entry->path : entry->name);
    if (code < 0 && code != STANCE_ENOTFOUND)
        cli_note("%s", stance_error_text());
    return card;
}

/* ---- Text --------------------------------------------------------------------------------------
 */

enum { FIELD = 15 };

static void print_field(const char *name, const char *text)
{
    if (!text)
        return;
    printf("%-*s", FIELD, name);
    cli_print_wrapped(text, FIELD);
    printf("\n");
}

static void print_count(const char *name, int64_t count, double unit, const char *suffix)
{
    if (count >= 0)
        printf("%-*s%.3f %s\n", FIELD, name, (double)count / unit, suffix);
}

static void print_metric(const struct stance_card_metric *metric, int indent)
{
    char number[96] = "not measured";
    if (!isnan(metric->value) && !isnan(metric->low) && !isnan(metric->high))
        snprintf(number, sizeof number, "%.3f (95 %%: %.3f to %.3f)", metric->value, metric->low,
                 metric->high);
    else if (!isnan(metric->value))
        snprintf(number, sizeof number, "%.3f", metric->value);
    cli_print_wrapped(metric->name, indent);
    printf(": %s%s", number, metric->note ? "; " : "");
    if (metric->note)
        cli_print_wrapped(metric->note, indent);
    printf("\n");
}

static void print_card(const struct stance_card *card)
{
    print_field("name", card->name);
    print_field("title", card->title);
    printf("%-*s%s\n", FIELD, "where",
           card->builtin ? "built into libstance"
           : card->path  ? card->path
                         : "not on this machine");
    print_field("family", card->family);
    if (card->width > 0)
        printf("%-*s%dx%d, %s\n", FIELD, "input", card->width, card->height,
               card->bgr ? "BGR" : "RGB");
    print_field("keypoints", card->keypoint_set);
    print_field("refine", card->refine);
    print_count("parameters", card->parameters, 1e6, "M");
    print_count("multiply-adds", card->multiply_adds, 1e9, "G");
    print_field("storage", card->storage);
    print_field("sha256", card->sha256);
    for (int i = 0; i < card->metric_count; i++) {
        printf("%-*s", FIELD, i == 0 ? "metrics" : "");
        print_metric(&card->metrics[i], FIELD);
    }
    print_field("training data", card->training_data);
    print_field("licence", card->licence);
    for (int i = 0; i < card->url_count; i++)
        print_field(i == 0 ? "addresses" : "", card->urls[i]);
    print_field("checkpoint", card->checkpoint);
    print_field("notice", card->notice);
}

static void print_entry(const struct stance_model_entry *entry)
{
    struct stance_card *card = listed_card(entry);
    printf("%s  %.1f MB", entry->name, (double)entry->bytes / 1e6);
    if (card) {
        if (card->parameters >= 0)
            printf(", %.2f M parameters", (double)card->parameters / 1e6);
        if (card->width > 0)
            printf(", %dx%d", card->width, card->height);
        if (card->title) {
            printf(": ");
            cli_print_wrapped(card->title, 4);
        }
    }
    printf("\n    %s\n", entry->path ? entry->path : "built in");
    for (int i = 0; card && i < card->metric_count; i++) {
        printf("    ");
        print_metric(&card->metrics[i], 4);
    }
    if (card && card->licence) {
        printf("    licence: ");
        cli_print_wrapped(card->licence, 4);
        printf("\n");
    }
    stance_card_close(&card);
}

/* ---- JSON --------------------------------------------------------------------------------------
 */

static void print_entry_json(const struct stance_model_entry *entry, bool first)
{
    struct stance_card *card = listed_card(entry);
    printf("%s\n  {\"name\": ", first ? "" : ",");
    cli_json_string(entry->name);
    printf(", \"path\": ");
    cli_json_string(entry->path);
    printf(", \"bytes\": %lld, \"card\": %s}", (long long)entry->bytes,
           card ? card->json : "null"); /* a card is valid JSON, or it does not open */
    stance_card_close(&card);
}

/* ---- Models that can be pulled -----------------------------------------------------------------
 */

static bool is_here(const struct stance_model_list *models, const char *name)
{
    for (int i = 0; i < models->count; i++)
        if (strcmp(models->entries[i].name, name) == 0)
            return true;
    return false;
}

static void print_absent(const char *name, const struct stance_card *card, bool json, bool first)
{
    if (json) {
        printf("%s\n  {\"name\": ", first ? "" : ",");
        cli_json_string(name);
        printf(", \"path\": null, \"bytes\": null, \"card\": %s}", card->json);
        return;
    }
    printf("%s  %s: ", name, card->url_count ? "can be pulled" : "checkpoint only");
    cli_print_wrapped(card->title ? card->title : card->family, 4);
    printf("\n");
    if (card->metric_count > 0) {
        printf("    ");
        print_metric(&card->metrics[0], 4);
    }
}

static void list_absent(const struct stance_model_list *models, bool json)
{
    bool first = models->count == 0;
    for (int i = 0; stance_card_name_at(i); i++) {
        struct stance_card *card;
        const char *name = stance_card_name_at(i);
        if (is_here(models, name))
            continue;
        if (stance_card_open(&card, name) < 0) {
            cli_note("%s", stance_error_text());
            continue;
        }
        print_absent(name, card, json, first);
        first = false;
        stance_card_close(&card);
    }
}

/* ---- The command -------------------------------------------------------------------------------
 */

static int list(const struct models_values *values, char **names, int count)
{
    struct stance_model_list *models;
    if (count)
        return cli_fail(CLI_USAGE, "list takes no names; 'stance models info %s' tells about one",
                        names[0]);
    if (stance_model_list_open(&models) < 0)
        return cli_fail_library(CLI_FAILED);
    printf("%s", values->json ? "[" : "");
    for (int i = 0; i < models->count; i++)
        if (values->json)
            print_entry_json(&models->entries[i], i == 0);
        else
            print_entry(&models->entries[i]);
    if (values->all)
        list_absent(models, values->json);
    printf("%s", values->json ? "\n]\n" : "");
    stance_model_list_close(&models);
    return CLI_OK;
}

static int info(const struct models_values *values, char **names, int count)
{
    struct stance_card *card;
    if (count != 1)
        return cli_fail(CLI_USAGE, "say whose card: 'stance models info MODEL'");
    int code = stance_card_open(&card, names[0]);
    if (code < 0)
        return cli_fail_model(code);
    if (values->json)
        printf("%s%s", card->json, card->json[strlen(card->json) - 1] == '\n' ? "" : "\n");
    else
        print_card(card);
    stance_card_close(&card);
    return CLI_OK;
}

static const struct {
    const char *word;
    int (*run)(const struct models_values *values, char **names, int count);
} words[] = {{"list", list},
             {"info", info},
             {"pull", models_pull},
             {"import", models_import},
             {"verify", models_verify},
             {"path", models_path}};

static int run_models(int argument_count, char **arguments)
{
    struct models_values values = {.timeout = 20};
    int rest = cli_parse(&cli_models, argument_count, arguments, &values);
    if (rest < 0)
        return rest == -2 ? CLI_OK : CLI_USAGE;
    for (size_t i = 0; rest > 0 && i < sizeof words / sizeof words[0]; i++)
        if (strcmp(arguments[0], words[i].word) == 0)
            return words[i].run(&values, arguments + 1, rest - 1);
    return cli_fail(CLI_USAGE,
                    "say 'stance models' and list, info, pull, import, verify or path; see "
                    "'stance help models'");
}

const struct cli_command cli_models = {
    .name = "models",
    .arguments = "list | info MODEL | pull MODEL… | import FILE… | verify [MODEL…] | path MODEL",
    .words = "list info pull import verify path",
    .summary = "list, fetch and check models, and show their cards",
    .details =
        "list: the built-in models, and the .onnx files in $STANCE_MODELS, ./models,\n"
        "~/.local/share/stance/models and the installed share folder, with what their cards say; "
        "--all adds\nthose that can be pulled. info: the whole card of one model. pull: fetches "
        "models by name,\nafter showing their terms; nothing else uses the network. import: takes "
        "in ONNX files, and folders\nor zip archives of MMDeploy's SDK. verify: compares models "
        "with the digests in their cards; all\nof them without a name. path: where a model lies. "
        "The card of MODEL.onnx is the file MODEL.json\nbeside it.\n"
        "A preset is lightweight, balanced or performance for bodies, and with feet-, wholebody-, "
        "hand-,\nface-, animal- or one-stage- in front, as in feet-balanced, for others.",
    .options = options,
    .run = run_models};
