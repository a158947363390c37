/* Cards that are written: of what was recognised, and of networks made from others. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json_write.h"
#include "base/sha256.h"
#include "model/family.h"
#include "onnx/onnx_model.h"
#include "stance/card.h"

enum { CARD_LIMIT = 256 << 10 };

static void write_text(struct base_json *json, const char *key, const char *text)
{
    if (!text)
        return;
    base_json_key(json, key);
    base_json_string(json, text);
}

static void write_count(struct base_json *json, const char *key, int64_t count)
{
    if (count <= 0)
        return;
    base_json_key(json, key);
    base_json_int(json, count);
}

static void write_input(struct base_json *json, const struct vision_input *input,
                        const struct stance_card *like)
{
    base_json_key(json, "input");
    base_json_object(json);
    write_count(json, "width", like ? like->width : 0);
    write_count(json, "height", like ? like->height : 0);
    write_text(json, "colours", input->bgr ? "bgr" : "rgb");
    for (int k = 0; k < 2; k++) {
        base_json_key(json, k ? "std" : "mean");
        base_json_array(json);
        for (int i = 0; i < 3; i++)
            base_json_float(json, (double)(k ? input->std : input->mean)[i], 4);
        base_json_close(json);
    }
    base_json_close(json);
}

int model_card_describe(struct base_buffer *out, const char *name,
                        const struct model_traits *traits, const struct stance_card *like,
                        const struct model_card_note *note)
{
    struct base_json json;
    base_json_begin(&json, out, true);
    base_json_object(&json);
    base_json_key(&json, "stance_card");
    base_json_int(&json, 1);
    write_text(&json, "name", name);
    write_text(&json, "family", traits->family->name);
    write_input(&json, &traits->input, like);
    write_text(&json, "storage", note ? note->storage : NULL);
    write_text(&json, "sha256", note ? note->sha256 : NULL);
    if (like) {
        write_count(&json, "parameters", like->parameters);
        write_count(&json, "multiply_adds", like->multiply_adds);
        write_text(&json, "keypoint_set", like->keypoint_set);
        write_text(&json, "refine", like->refine);
        write_text(&json, "title", like->title);
        write_text(&json, "licence", like->licence);
        write_text(&json, "training_data", like->training_data);
        write_text(&json, "notice", like->notice);
    }
    base_json_close(&json);
    return base_json_end(&json);
}

/* MODEL of FOLDER/MODEL.onnx. */
static void model_name(const char *path, char *name, size_t size)
{
    const char *slash = strrchr(path, '/'), *start = slash ? slash + 1 : path;
    size_t length = strlen(start);
    if (length > 5 && strcmp(start + length - 5, ".onnx") == 0)
        length -= 5;
    snprintf(name, size, "%.*s", (int)length, start);
}

static int write_like(const char *path, struct stance_model *like, const struct stance_card *card,
                      const char *storage)
{
    char name[256], digest[BASE_SHA256_TEXT], json[BASE_PATH_BYTES];
    struct model_traits traits;
    struct base_buffer text;
    size_t length = strlen(path);
    if (length < 5 || strcmp(path + length - 5, ".onnx") != 0 || length >= sizeof json)
        return base_error(STANCE_EARGUMENT,
                          "'%.400s' does not end with .onnx, so that no card "
                          "can lie beside it",
                          path);
    BASE_TRY(model_identify(&traits, like, NULL));
    BASE_TRY(base_sha256_file(path, ONNX_MAX_BYTES, digest));
    model_name(path, name, sizeof name);
    snprintf(json, sizeof json, "%.*s.json", (int)(length - 5), path);
    base_buffer_init(&text, CARD_LIMIT);
    int code =
        model_card_describe(&text, name, &traits, card, &(struct model_card_note){storage, digest});
    if (code == 0)
        code = base_file_write(json, text.data, text.size);
    base_buffer_free(&text);
    return code;
}

int stance_card_write(const char *path, struct stance_model *like, const char *storage)
{
    struct stance_card *card;
    BASE_TRY(model_card_find(&card, stance_model_path(like)));
    int code = write_like(path, like, card, storage);
    stance_card_close(&card);
    return code;
}
