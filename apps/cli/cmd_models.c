/* stance models: which models there are, and what their cards say. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "stance/stance.h"

struct values {
    bool json;
};

static const struct cli_option options[] = {
    {"--json", NULL, NULL, "print JSON", CLI_FLAG, offsetof(struct values, json), 0, 0},
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
    printf("%-*s%s\n", FIELD, "where", card->path ? card->path : "built into libstance");
    print_field("family", card->family);
    printf("%-*s%dx%d, %s\n", FIELD, "input", card->width, card->height, card->bgr ? "BGR" : "RGB");
    print_field("keypoints", card->keypoint_set);
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
    print_field("notice", card->notice);
}

static void print_entry(const struct stance_model_entry *entry)
{
    struct stance_card *card = listed_card(entry);
    printf("%s  %.1f MB", entry->name, (double)entry->bytes / 1e6);
    if (card) {
        if (card->parameters >= 0)
            printf(", %.2f M parameters", (double)card->parameters / 1e6);
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

/* ---- The command -------------------------------------------------------------------------------
 */

static int list(const struct values *values)
{
    struct stance_model_list *models;
    if (stance_model_list_open(&models) < 0)
        return cli_fail_library(CLI_FAILED);
    printf("%s", values->json ? "[" : "");
    for (int i = 0; i < models->count; i++)
        if (values->json)
            print_entry_json(&models->entries[i], i == 0);
        else
            print_entry(&models->entries[i]);
    printf("%s", values->json ? "\n]\n" : "");
    stance_model_list_close(&models);
    return CLI_OK;
}

static int show(const struct values *values, const char *name)
{
    struct stance_card *card;
    int code = stance_card_open(&card, name);
    if (code < 0)
        return cli_fail_library(code == STANCE_ENOTFOUND ? CLI_NO_MODEL : CLI_FAILED);
    if (values->json)
        printf("%s%s", card->json, card->json[strlen(card->json) - 1] == '\n' ? "" : "\n");
    else
        print_card(card);
    stance_card_close(&card);
    return CLI_OK;
}

static int run_models(int argument_count, char **arguments)
{
    struct values values = {0};
    int rest = cli_parse(&cli_models, argument_count, arguments, &values);
    if (rest < 0)
        return rest == -2 ? CLI_OK : CLI_USAGE;
    if (rest == 1 && strcmp(arguments[0], "list") == 0)
        return list(&values);
    if (rest == 2 && strcmp(arguments[0], "show") == 0)
        return show(&values, arguments[1]);
    return cli_fail(CLI_USAGE, "say 'stance models list' or 'stance models show MODEL'");
}

const struct cli_command cli_models = {
    .name = "models",
    .arguments = "list | show MODEL",
    .words = "list show",
    .summary = "list the models there are, or show a model's card",
    .details = "list: the built-in models, and the .onnx files in $STANCE_MODELS, ./models,\n"
               "~/.local/share/stance/models and the installed share folder, with what their cards "
               "say about\naccuracy and licence. show: the whole card of one model. The card of "
               "MODEL.onnx is the file\nMODEL.json beside it.",
    .options = options,
    .run = run_models};
