/* Model cards: read from the library or from beside a model's file, and applied to what was
 * recognised from the network's shapes. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json_read.h"
#include "base/memory.h"
#include "model/builtin.h"
#include "model/family.h"
#include "model/find.h"
#include "model/package.h"
#include "model/zoo.h"
#include "stance/card.h"

enum { CARD_LIMIT = 256 << 10, CARD_VERSION = 1, MOST_METRICS = 64, MOST_URLS = 16 };

/* The public part comes first, so that one pointer serves both. */
struct card {
    struct stance_card public;
    struct base_json_doc *doc; /* owns the strings */
    struct base_buffer text;   /* of a file */
    char *path;                /* of the model's file */
    struct stance_card_metric *metrics;
    const char *urls[MOST_URLS];
};

/* A member that may be absent or null. */
static int optional_string(const base_json_value *object, const char *key, const char **out)
{
    const base_json_value *value = base_json_get(object, key);
    *out = NULL;
    return base_json_kind(value) == BASE_JSON_NULL ? 0 : base_json_as_string(value, key, out);
}

static int optional_count(const base_json_value *object, const char *key, int64_t *out)
{
    const base_json_value *value = base_json_get(object, key);
    *out = -1;
    return base_json_kind(value) == BASE_JSON_NULL
               ? 0
               : base_json_as_int(value, key, 0, INT64_MAX, out);
}

static int optional_float(const base_json_value *object, const char *key, double *out)
{
    const base_json_value *value = base_json_get(object, key);
    *out = NAN;
    return base_json_kind(value) == BASE_JSON_NULL ? 0 : base_json_as_float(value, key, out);
}

/* Left out: as the network says. */
static int optional_side(const base_json_value *object, const char *key, int64_t *out)
{
    const base_json_value *value = base_json_get(object, key);
    *out = 0;
    return base_json_kind(value) == BASE_JSON_NULL
               ? 0
               : base_json_as_int(value, key, 1, STANCE_IMAGE_MAX_SIDE, out);
}

static int read_input(struct stance_card *card, const base_json_value *input)
{
    int64_t width, height;
    const char *colours;
    BASE_TRY(base_json_get_string(input, "colours", &colours));
    BASE_TRY(optional_side(input, "width", &width));
    BASE_TRY(optional_side(input, "height", &height));
    BASE_TRY(base_json_get_floats(input, "mean", 3, card->mean));
    BASE_TRY(base_json_get_floats(input, "std", 3, card->std));
    card->width = (int32_t)width;
    card->height = (int32_t)height;
    card->bgr = strcmp(colours, "bgr") == 0;
    if (!card->bgr && strcmp(colours, "rgb") != 0)
        return base_error(STANCE_EFORMAT, "'colours' is '%.40s': write rgb or bgr", colours);
    for (int i = 0; i < 3; i++)
        if (!isfinite(card->mean[i]) || !isfinite(card->std[i]) || card->std[i] <= 0)
            return base_error(STANCE_EFORMAT,
                              "'mean' and 'std' need finite numbers, those of 'std' above 0");
    return 0;
}

static int read_metrics(struct card *card, const base_json_value *list)
{
    size_t count = base_json_count(list);
    if (base_json_kind(list) == BASE_JSON_NULL)
        return 0;
    if (base_json_kind(list) != BASE_JSON_ARRAY || count > MOST_METRICS)
        return base_error(STANCE_EFORMAT, "'metrics' is no array of at most %d objects",
                          MOST_METRICS);
    card->metrics = base_alloc_zero(count + 1, sizeof card->metrics[0]);
    if (!card->metrics)
        return base_error_memory(count * sizeof card->metrics[0], "the metrics of a card");
    for (size_t i = 0; i < count; i++) {
        const base_json_value *item = base_json_at(list, i);
        struct stance_card_metric *metric = &card->metrics[i];
        BASE_TRY(base_json_get_string(item, "name", &metric->name));
        BASE_TRY(optional_float(item, "value", &metric->value));
        BASE_TRY(optional_float(item, "low", &metric->low));
        BASE_TRY(optional_float(item, "high", &metric->high));
        BASE_TRY(optional_string(item, "note", &metric->note));
    }
    card->public.metric_count = (int32_t)count;
    card->public.metrics = card->metrics;
    return 0;
}

static int read_urls(struct card *card, const base_json_value *list)
{
    size_t count = base_json_count(list);
    if (base_json_kind(list) == BASE_JSON_NULL)
        return 0;
    if (base_json_kind(list) != BASE_JSON_ARRAY || count > MOST_URLS)
        return base_error(STANCE_EFORMAT, "'urls' is no array of at most %d addresses", MOST_URLS);
    for (size_t i = 0; i < count; i++)
        BASE_TRY(base_json_as_string(base_json_at(list, i), "urls", &card->urls[i]));
    card->public.url_count = (int32_t)count;
    card->public.urls = card->urls;
    return 0;
}

static int read_fields(struct card *card, const base_json_value *root)
{
    struct stance_card *public = &card->public;
    int64_t version;
    BASE_TRY(base_json_get_int(root, "stance_card", 1, INT32_MAX, &version));
    if (version != CARD_VERSION)
        return base_error(STANCE_EUNSUPPORTED, "'stance_card' is %d; this stance reads %d",
                          (int)version, CARD_VERSION);
    BASE_TRY(base_json_get_string(root, "name", &public->name));
    BASE_TRY(base_json_get_string(root, "family", &public->family));
    BASE_TRY(optional_string(root, "title", &public->title));
    BASE_TRY(optional_string(root, "keypoint_set", &public->keypoint_set));
    BASE_TRY(optional_string(root, "refine", &public->refine));
    BASE_TRY(optional_string(root, "storage", &public->storage));
    BASE_TRY(optional_string(root, "sha256", &public->sha256));
    BASE_TRY(optional_string(root, "file", &public->file));
    BASE_TRY(optional_string(root, "member", &public->member));
    BASE_TRY(optional_string(root, "checkpoint", &public->checkpoint));
    BASE_TRY(read_urls(card, base_json_get(root, "urls")));
    BASE_TRY(optional_string(root, "licence", &public->licence));
    BASE_TRY(optional_string(root, "training_data", &public->training_data));
    BASE_TRY(optional_string(root, "notice", &public->notice));
    BASE_TRY(optional_count(root, "parameters", &public->parameters));
    BASE_TRY(optional_count(root, "multiply_adds", &public->multiply_adds));
    BASE_TRY(read_input(public, base_json_get(root, "input")));
    return read_metrics(card, base_json_get(root, "metrics"));
}

/* 1 when the text is a card; 0 when it is other JSON. */
static int read_text(struct card *card, const char *text, size_t size, const char *where)
{
    BASE_TRY(base_json_parse(&card->doc, text, size, CARD_LIMIT, where));
    const base_json_value *root = base_json_root(card->doc);
    if (!base_json_get(root, "stance_card"))
        return 0;
    card->public.json = text;
    int code = read_fields(card, root);
    return code < 0 ? base_error_context(code, "the card %s", where) : 1;
}

/* The card beside MODEL.onnx is MODEL.json. */
static int card_path(const char *model, char *path, size_t size)
{
    size_t length = strlen(model);
    if (length > 5 && strcmp(model + length - 5, ".onnx") == 0)
        length -= 5;
    int wrote = snprintf(path, size, "%.*s.json", (int)length, model);
    return wrote > 0 && (size_t)wrote < size
               ? 0
               : base_error(STANCE_ELIMIT, "the path '%.200s…' is too long", model);
}

static int read_file(struct card *card, const char *path)
{
    BASE_TRY(base_file_read(&card->text, path));
    return read_text(card, card->text.data ? card->text.data : "", card->text.size, path);
}

/* The card that the SDK files beside a model amount to. */
static int read_sdk(struct card *card, const char *model)
{
    int found = model_package_card(&card->text, model);
    return found > 0 ? read_text(card, card->text.data, card->text.size, model) : found;
}

/* 1 when the model has a card. */
static int read_card(struct card *card, const char *model)
{
    char path[BASE_PATH_BYTES];
    const struct model_builtin *builtin = model_builtin_find(model);
    if (builtin) {
        card->public.builtin = 1;
        return read_text(card, builtin->card, builtin->card_size, builtin->name);
    }
    card->public.path = card->path = base_strdup(model);
    if (!card->path)
        return base_error_memory(strlen(model) + 1, "a path");
    BASE_TRY(card_path(model, path, sizeof path));
    int found = base_file_exists(path) ? read_file(card, path) : 0;
    if (found)
        return found;
    base_json_doc_close(&card->doc);
    base_buffer_free(&card->text);
    return read_sdk(card, model);
}

/* A card for which `read` finds something, or NULL. */
static int open_card(struct stance_card **out, int (*read)(struct card *card, const char *name),
                     const char *name)
{
    *out = NULL;
    struct card *card = base_alloc_zero(1, sizeof *card);
    if (!card)
        return base_error_memory(sizeof *card, "a card");
    base_buffer_init(&card->text, CARD_LIMIT);
    int found = read(card, name);
    struct stance_card *public = &card->public;
    if (found > 0)
        *out = public;
    else
        stance_card_close(&public);
    return found < 0 ? found : 0;
}

int model_card_find(struct stance_card **out, const char *model)
{
    return open_card(out, read_card, model);
}

/* ---- Cards without their models ----------------------------------------------------------------
 */

struct search {
    struct card *card;
    const char *name;
};

/* FOLDER/NAME.json */
static int try_folder(void *context, const char *folder)
{
    const struct search *search = context;
    char path[BASE_PATH_BYTES];
    int wrote = snprintf(path, sizeof path, "%s/%s.json", folder, search->name);
    if (wrote < 0 || (size_t)wrote >= sizeof path || !base_file_exists(path))
        return 0;
    int found = read_file(search->card, path);
    if (found == 0) {
        base_json_doc_close(&search->card->doc);
        base_buffer_free(&search->card->text);
    }
    return found;
}

static int read_absent(struct card *card, const char *name)
{
    struct search search = {card, name};
    int found = strchr(name, '/') ? 0 : model_each_folder(try_folder, &search);
    if (found)
        return found;
    const struct model_zoo_card *zoo = model_zoo_find(name);
    return zoo ? read_text(card, zoo->text, zoo->size, zoo->name) : 0;
}

int model_card_absent(struct stance_card **out, const char *name)
{
    return open_card(out, read_absent, name);
}

static int parse_text(struct card *card, const char *text)
{
    return read_text(card, text, strlen(text), "of this model");
}

int model_card_parse(struct stance_card **out, const char *text)
{
    return open_card(out, parse_text, text);
}

const char *stance_card_name_at(int i)
{
    for (const struct model_zoo_card *zoo = model_zoo; zoo->name && i >= 0; zoo++, i--)
        if (i == 0)
            return zoo->name;
    return NULL;
}

int stance_card_open(struct stance_card **out, const char *name)
{
    char path[BASE_PATH_BYTES];
    const struct model_builtin *builtin = model_builtin_find(name);
    *out = NULL;
    if (!builtin) {
        int code = model_find(name, path, sizeof path);
        if (code == STANCE_ENOTFOUND) {
            BASE_TRY(model_card_absent(out, name));
            return *out ? 0 : model_find(name, path, sizeof path);
        }
        BASE_TRY(code);
    }
    BASE_TRY(model_card_find(out, builtin ? builtin->name : path));
    return *out ? 0
                : base_error(STANCE_ENOTFOUND,
                             "the model '%.400s' has no card: beside MODEL.onnx it would be "
                             "MODEL.json",
                             path);
}

void stance_card_close(struct stance_card **handle)
{
    struct card *card = (struct card *)(void *)*handle;
    *handle = NULL;
    if (!card)
        return;
    base_json_doc_close(&card->doc);
    base_buffer_free(&card->text);
    base_free(card->path);
    base_free(card->metrics);
    base_free(card);
}

/* ---- Card and network --------------------------------------------------------------------------
 */

static int refine_named(const char *name, int *refine)
{
    for (int i = 0; i <= STANCE_REFINE_UDP; i++)
        if (strcmp(model_refine_names[i], name) == 0) {
            *refine = i;
            return 0;
        }
    return base_error(STANCE_EMODEL,
                      "its card says refine '%.40s': write auto, none, shift, dark or udp", name);
}

static int apply_pose(struct model_traits *traits, const struct stance_card *card)
{
    int refine = STANCE_REFINE_AUTO;
    if (card->refine)
        BASE_TRY(refine_named(card->refine, &refine));
    if (traits->family->role == MODEL_POSE)
        BASE_TRY(model_refine(traits, refine));
    if (!card->keypoint_set)
        return 0;
    traits->keypoint_set = stance_keypoint_set_find(card->keypoint_set);
    if (!traits->keypoint_set)
        return base_error(STANCE_EMODEL,
                          "its card names the keypoint set '%.40s', which stance "
                          "does not know",
                          card->keypoint_set);
    if (traits->keypoint_set->count != traits->keypoint_count)
        return base_error(STANCE_EMODEL, "its card says %s with %d keypoints, the network has %d",
                          traits->keypoint_set->name, traits->keypoint_set->count,
                          traits->keypoint_count);
    return 0;
}

int model_card_apply(struct model_traits *traits, const struct stance_card *card)
{
    struct vision_input *input = &traits->input;
    if (strcmp(card->family, "auto") != 0 && strcmp(card->family, traits->family->name) != 0)
        return base_error(STANCE_EMODEL,
                          "its card says family '%.40s', its outputs are those of "
                          "'%s'",
                          card->family, traits->family->name);
    input->bgr = card->bgr != 0;
    memcpy(input->mean, card->mean, sizeof input->mean);
    memcpy(input->std, card->std, sizeof input->std);
    input->scale = 1;
    return traits->family->role == MODEL_DETECTOR ? 0 : apply_pose(traits, card);
}
