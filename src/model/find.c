/* Models by path or by name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "engine/network.h"
#include "model/builtin.h"
#include "model/family.h"
#include "model/find.h"
#include "model/package.h"
#include "model/zoo.h"

struct search {
    const char *name;
    char *path;
    size_t size;
};

/* `folder`/`name` and `folder`/`name`.onnx, a file or a package; 1 when there is one. */
static int try_folder(void *context, const char *folder)
{
    static const char *const endings[] = {"", ".onnx", ".zip"};
    const struct search *search = context;
    char found[BASE_PATH_BYTES];
    for (int i = 0; i < 3; i++) {
        int wrote = snprintf(search->path, search->size, "%s%s%s%s", folder, folder[0] ? "/" : "",
                             search->name, endings[i]);
        if (wrote <= 0 || (size_t)wrote >= search->size)
            continue;
        int package = model_package_find(search->path, found, sizeof found);
        if (package > 0)
            wrote = snprintf(search->path, search->size, "%s", found);
        if (package > 0 && (size_t)wrote >= search->size)
            return base_error(STANCE_ELIMIT, "the path '%.200s…' is too long", found);
        if (package)
            return package;
        if (base_file_exists(search->path))
            return 1;
    }
    return 0;
}

/* Each folder of a ':'-separated list. */
static int each_of_list(const char *list, int (*visit)(void *, const char *), void *context)
{
    char folder[BASE_PATH_BYTES];
    int code = 0;
    while (code == 0 && list && *list) {
        size_t length = strcspn(list, ":");
        if (length && length < sizeof folder) {
            memcpy(folder, list, length);
            folder[length] = 0;
            code = visit(context, folder);
        }
        list += length + (list[length] == ':');
    }
    return code;
}

void model_data_folder(char *folder, size_t size)
{
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    if (data && data[0])
        snprintf(folder, size, "%s/stance/models", data);
    else
        snprintf(folder, size, "%s/.local/share/stance/models", home ? home : "");
}

int model_each_folder(int (*visit)(void *context, const char *folder), void *context)
{
    char data[1024];
    model_data_folder(data, sizeof data);
    int code = each_of_list(getenv("STANCE_MODELS"), visit, context);
    if (code == 0)
        code = visit(context, "models");
    if (code == 0)
        code = visit(context, data);
    return code ? code : visit(context, STANCE_SHARE_DIR "/models");
}

static int not_found(const char *name)
{
    char data[1024], near[512];
    const char *list = getenv("STANCE_MODELS");
    if (strchr(name, '/'))
        return base_error(STANCE_ENOTFOUND, "there is no model '%.400s'", name);
    model_data_folder(data, sizeof data);
    if (model_zoo_find(name))
        return base_error(
            STANCE_ENOTFOUND,
            "the model '%s' is not on this machine yet: 'stance models pull %s' fetches "
            "it",
            name, name);
    BASE_TRY(model_near_names(name, near, sizeof near));
    return base_error(STANCE_ENOTFOUND,
                      "no model '%.200s' here, in $STANCE_MODELS (%.200s), ./models, %.200s or %s; "
                      "%s, or give the path of an ONNX file",
                      name, list && list[0] ? list : "not set", data, STANCE_SHARE_DIR "/models",
                      near);
}

int model_find(const char *name, char *path, size_t size)
{
    struct search search = {name, path, size};
    if (!name[0])
        return base_error(STANCE_EARGUMENT, "a model needs a path or a name");
    int found = try_folder(&search, "");
    if (found == 0 && !strchr(name, '/'))
        found = model_each_folder(try_folder, &search);
    return found > 0 ? 0 : found < 0 ? found : not_found(name);
}

static bool is_packed(const char *path)
{
    char archive[BASE_PATH_BYTES];
    const char *entry;
    return model_package_split(path, archive, sizeof archive, &entry);
}

int stance_model_open(struct stance_model **out, const char *name)
{
    char path[BASE_PATH_BYTES];
    const struct model_builtin *builtin = model_builtin_find(name);
    *out = NULL;
    if (builtin)
        return engine_model_parse(out, builtin->onnx, builtin->onnx_size, builtin->name);
    BASE_TRY(model_find(name, path, sizeof path));
    if (!is_packed(path))
        return engine_model_load(out, path);
    struct base_buffer bytes;
    base_buffer_init(&bytes, MODEL_PACKED_LIMIT);
    int code = model_package_read(&bytes, path);
    if (code == 0)
        code = engine_model_take(out, &bytes, path);
    base_buffer_free(&bytes);
    return code;
}

int model_onnx_open(struct onnx_model **out, const char *path)
{
    const struct model_builtin *builtin = model_builtin_find(path);
    if (builtin)
        return onnx_model_parse(out, builtin->onnx, builtin->onnx_size, NULL);
    if (!is_packed(path))
        return onnx_model_open(out, path);
    struct base_buffer bytes;
    base_buffer_init(&bytes, MODEL_PACKED_LIMIT);
    int code = model_package_read(&bytes, path);
    if (code == 0)
        code = onnx_model_take(out, &bytes);
    base_buffer_free(&bytes);
    return code;
}
