/* Putting models into the store, and looking after them. */
#include "model/model_store.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json_read.h"
#include "base/json_write.h"
#include "base/sha256.h"
#include "engine/network.h"
#include "model/builtin.h"
#include "model/family.h"
#include "model/find.h"
#include "model/package.h"

enum { CARD_LIMIT = 256 << 10, DEFAULT_STALL = 20 };

void stance_store_options_default(struct stance_store_options *options)
{
    *options = (struct stance_store_options){.struct_size = sizeof *options,
                                             .stall_seconds = DEFAULT_STALL};
}

int model_store_join(char path[BASE_PATH_BYTES], const char *folder, const char *name,
                     const char *ending)
{
    int wrote = snprintf(path, BASE_PATH_BYTES, "%s/%s%s", folder, name, ending);
    return wrote > 0 && wrote < BASE_PATH_BYTES
               ? 0
               : base_error(STANCE_ELIMIT, "the path '%.200s…' is too long", folder);
}

int model_store_prepare(struct stance_store_options *out,
                        const struct stance_store_options *options, char folder[BASE_PATH_BYTES])
{
    stance_store_options_default(out);
    if (options)
        memcpy(out, options,
               options->struct_size < sizeof *out ? options->struct_size : sizeof *out);
    if (out->folder && strlen(out->folder) >= BASE_PATH_BYTES)
        return base_error(STANCE_ELIMIT, "the path '%.200s…' is too long", out->folder);
    if (out->folder)
        snprintf(folder, BASE_PATH_BYTES, "%s", out->folder);
    else
        model_data_folder(folder, BASE_PATH_BYTES);
    return base_file_make_folder(folder);
}

int model_store_check_name(const char *name)
{
    bool good = name[0] && name[0] != '.' && name[0] != '-' && strlen(name) < 200;
    for (const char *c = name; *c; c++)
        good = good && (isalnum((unsigned char)*c) || *c == '.' || *c == '-' || *c == '_');
    if (!good || model_builtin_find(name))
        return base_error(STANCE_EARGUMENT,
                          "'%.200s' cannot be the name of a model: letters, digits, '-', '_' and "
                          "'.', not one that is built in",
                          name);
    return 0;
}

/* ---- Cards of stored models --------------------------------------------------------------------
 */

/* The card's text with its model's digest, which is put in front where it has none. */
static int write_card(const char *path, const struct stance_card *card, const char *digest)
{
    struct base_buffer text;
    base_buffer_init(&text, CARD_LIMIT);
    const char *start = strchr(card->json, '{');
    int code = card->sha256
                   ? base_buffer_format(&text, "%s", card->json)
                   : base_buffer_format(&text, "{\n  \"sha256\": \"%s\",%s", digest, start + 1);
    if (code == 0)
        code = base_file_write(path, text.data, text.size);
    base_buffer_free(&text);
    return code;
}

static int check_digest(const struct stance_card *card, const char *name, const char *digest)
{
    if (!card || !card->sha256 || strcasecmp(card->sha256, digest) == 0)
        return 0;
    return base_error(STANCE_EFORMAT,
                      "%s: its SHA-256 is %s where its card says %.64s; it is damaged, or not the "
                      "file that the card is about",
                      name, digest, card->sha256);
}

/* Whether stance can use it the way the card says. */
static int recognise(struct model_traits *traits, const struct model_store_item *item)
{
    struct stance_model *model;
    BASE_TRY(engine_model_parse(&model, item->data, item->size, item->name));
    int code = model_identify_as(traits, model, item->card, NULL);
    stance_model_close(&model);
    return code < 0 ? base_error_context(code, "%s", item->name) : 0;
}

static int put_card(const char *path, const struct model_store_item *item,
                    const struct model_traits *traits, const char *digest)
{
    struct base_buffer text;
    struct stance_card *made = NULL;
    if (item->card)
        return write_card(path, item->card, digest);
    base_buffer_init(&text, CARD_LIMIT);
    int code = model_card_describe(&text, item->name, traits, NULL, NULL);
    if (code == 0)
        code = model_card_parse(&made, text.data);
    if (code == 0)
        code = write_card(path, made, digest);
    stance_card_close(&made);
    base_buffer_free(&text);
    return code;
}

static int put_model(const char *path, const struct model_store_item *item)
{
    if (!item->rename)
        return base_file_write(path, item->data, item->size);
    return rename(item->rename, path) == 0
               ? 0
               : base_error(STANCE_EIO, "cannot move '%s' to '%s'", item->rename, path);
}

int model_store_put(const struct model_store_item *item, const char *folder,
                    const struct stance_store_options *options)
{
    char onnx[BASE_PATH_BYTES], json[BASE_PATH_BYTES], digest[BASE_SHA256_TEXT];
    struct model_traits traits;
    BASE_TRY(model_store_check_name(item->name));
    BASE_TRY(model_store_join(onnx, folder, item->name, ".onnx"));
    BASE_TRY(model_store_join(json, folder, item->name, ".json"));
    if (!options->replace && base_file_exists(onnx))
        return base_error(STANCE_EARGUMENT,
                          "'%s' is there already; --force replaces it, --name gives the new one "
                          "another name",
                          onnx);
    base_sha256(item->data, item->size, digest);
    BASE_TRY(check_digest(item->card, item->name, digest));
    BASE_TRY(recognise(&traits, item));
    bool had_card = base_file_exists(json);
    BASE_TRY(put_card(json, item, &traits, digest));
    int code = put_model(onnx, item);
    if (code < 0 && !had_card)
        unlink(json);
    BASE_TRY(code);
    if (options->stored)
        options->stored(options->context, item->name, onnx);
    return 0;
}

/* ---- Looking after them ------------------------------------------------------------------------
 */

int stance_store_path(const char *name, char *path, size_t size)
{
    if (model_builtin_find(name))
        return base_error(STANCE_EARGUMENT, "'%s' is built into libstance and has no file", name);
    return model_find(name, path, size);
}

static int digest_of(const char *path, char digest[BASE_SHA256_TEXT])
{
    char archive[BASE_PATH_BYTES];
    const char *entry;
    const struct model_builtin *builtin = model_builtin_find(path);
    if (builtin) {
        base_sha256(builtin->onnx, builtin->onnx_size, digest);
        return 0;
    }
    if (!model_package_split(path, archive, sizeof archive, &entry))
        return base_sha256_file(path, ONNX_MAX_BYTES, digest);
    struct base_buffer bytes;
    base_buffer_init(&bytes, MODEL_PACKED_LIMIT);
    int code = model_package_read(&bytes, path);
    if (code == 0)
        base_sha256(bytes.data, bytes.size, digest);
    base_buffer_free(&bytes);
    return code;
}

int stance_store_verify(const char *name)
{
    char path[BASE_PATH_BYTES], digest[BASE_SHA256_TEXT];
    struct stance_card *card;
    const struct model_builtin *builtin = model_builtin_find(name);
    if (builtin)
        snprintf(path, sizeof path, "%s", builtin->name);
    else
        BASE_TRY(model_find(name, path, sizeof path));
    BASE_TRY(model_card_find(&card, path));
    int code = card && card->sha256
                   ? digest_of(path, digest)
                   : base_error(STANCE_EUNSUPPORTED, "%.200s: there is no digest to compare with%s",
                                path, card ? " in its card" : ", and no card");
    if (code == 0)
        code = check_digest(card, path, digest);
    stance_card_close(&card);
    return code;
}
