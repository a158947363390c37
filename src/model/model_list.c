/* The list of models that can be opened by name, and what may be meant by a name that is none. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "model/builtin.h"
#include "model/find.h"
#include "model/zoo.h"
#include "stance/model.h"

enum { MOST_MODELS = 4096, MOST_IN_FOLDER = 2048, ARENA_LIMIT = 16 << 20 };

/* The public part comes first, so that one pointer serves both. */
struct model_list {
    struct stance_model_list public;
    struct base_arena *arena;
    struct stance_model_entry *entries;
};

static bool is_listed(const struct stance_model_list *list, const char *name)
{
    for (int32_t i = 0; i < list->count; i++)
        if (strcmp(list->entries[i].name, name) == 0)
            return true;
    return false;
}

/* A file whose name without ending means a built-in model goes by its whole name. */
static int add_file(struct model_list *list, const char *folder, const struct base_file_entry *file)
{
    size_t stem = strlen(file->name) - strlen(".onnx");
    const char *name = base_arena_string(list->arena, file->name, stem);
    if (!name)
        return STANCE_ENOMEMORY;
    if (model_builtin_find(name))
        name = file->name;
    if (is_listed(&list->public, name))
        return 0;
    if (list->public.count == MOST_MODELS)
        return base_error(STANCE_ELIMIT, "more than %d models in the folders", MOST_MODELS);
    size_t bytes = strlen(folder) + strlen(file->name) + 2;
    char *path = base_arena_alloc(list->arena, bytes, 1);
    if (!path)
        return STANCE_ENOMEMORY;
    snprintf(path, bytes, "%s/%s", folder, file->name);
    list->entries[list->public.count++] = (struct stance_model_entry){name, path, file->bytes};
    return 0;
}

static int add_folder(void *context, const char *folder)
{
    struct model_list *list = context;
    struct base_file_entry *files;
    size_t count;
    BASE_TRY(base_file_list(&files, &count, list->arena, folder, ".onnx", MOST_IN_FOLDER));
    for (size_t i = 0; i < count; i++)
        BASE_TRY(add_file(list, folder, &files[i]));
    return 0;
}

static int fill(struct model_list *list)
{
    BASE_TRY(base_arena_open(&list->arena, ARENA_LIMIT));
    list->entries = base_arena_alloc(list->arena, MOST_MODELS, sizeof list->entries[0]);
    if (!list->entries)
        return STANCE_ENOMEMORY;
    list->public.entries = list->entries;
    for (const struct model_builtin *model = model_builtins; model->name; model++)
        list->entries[list->public.count++] =
            (struct stance_model_entry){model->name, NULL, (int64_t)model->onnx_size};
    return model_each_folder(add_folder, list);
}

int stance_model_list_open(struct stance_model_list **out)
{
    *out = NULL;
    struct model_list *list = base_alloc_zero(1, sizeof *list);
    if (!list)
        return base_error_memory(sizeof *list, "a list of models");
    *out = &list->public;
    int code = fill(list);
    if (code < 0)
        stance_model_list_close(out);
    return code;
}

void stance_model_list_close(struct stance_model_list **handle)
{
    struct model_list *list = (struct model_list *)(void *)*handle;
    *handle = NULL;
    if (!list)
        return;
    base_arena_close(&list->arena);
    base_free(list);
}

/* ---- Near names --------------------------------------------------------------------------------
 */

enum { LONGEST_NAME = 62 };

/* Insertions, deletions and replacements that make `a` of `b` (Levenshtein). */
static int distance(const char *a, const char *b)
{
    int row[LONGEST_NAME + 1], size = (int)strlen(b);
    if (size > LONGEST_NAME || strlen(a) > LONGEST_NAME)
        return INT_MAX;
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

/* A quarter of the letters may differ, or the end may be missing. */
static bool is_near(const char *name, const char *known)
{
    int letters = (int)strlen(name);
    return distance(name, known) <= (letters < 8 ? 2 : letters / 4) ||
           (letters > 2 && strncmp(name, known, (size_t)letters) == 0);
}

/* Appends a name while there is room. */
static void append(char *text, size_t size, const char *before, const char *name)
{
    size_t used = strlen(text);
    if (used + strlen(before) + strlen(name) + 3 <= size)
        snprintf(text + used, size - used, "%s'%s'", before, name);
}

static void write_names(const struct stance_model_list *list, const char *name, char *text,
                        size_t size)
{
    int found = 0;
    text[0] = 0;
    for (int32_t i = 0; i < list->count && found < 5; i++)
        if (is_near(name, list->entries[i].name))
            append(text, size, found++ ? " or " : "did you mean ", list->entries[i].name);
    for (const struct model_zoo_card *card = model_zoo; card->name && found < 5; card++)
        if (is_near(name, card->name) && !is_listed(list, card->name))
            append(text, size, found++ ? " or " : "did you mean ", card->name);
    if (found)
        return;
    for (int32_t i = 0; i < list->count && !list->entries[i].path; i++)
        append(text, size, found++ ? " and " : "built in are ", list->entries[i].name);
    if (!found)
        snprintf(text, size, "none is built in");
}

int model_near_names(const char *name, char *text, size_t size)
{
    struct stance_model_list *list;
    int code = stance_model_list_open(&list);
    if (code == STANCE_ELIMIT)
        snprintf(text, size, "'stance models list' lists what there is");
    if (code < 0)
        return code == STANCE_ELIMIT ? 0 : code;
    write_names(list, name, text, size);
    stance_model_list_close(&list);
    return 0;
}
