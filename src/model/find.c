/* Models by path or by name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "engine/network.h"
#include "model/family.h"

/* `folder`/`name` and `folder`/`name`.onnx; true when one is a file. */
static bool try_folder(const char *folder, size_t length, const char *name, char *path, size_t size)
{
    static const char *const endings[] = {"", ".onnx"};
    for (int i = 0; i < 2; i++) {
        int wrote = length
                        ? snprintf(path, size, "%.*s/%s%s", (int)length, folder, name, endings[i])
                        : snprintf(path, size, "%s%s", name, endings[i]);
        if (wrote > 0 && (size_t)wrote < size && base_file_exists(path))
            return true;
    }
    return false;
}

/* Each folder of a ':'-separated list. */
static bool try_list(const char *list, const char *name, char *path, size_t size)
{
    while (list && *list) {
        size_t length = strcspn(list, ":");
        if (length && try_folder(list, length, name, path, size))
            return true;
        list += length + (list[length] == ':');
    }
    return false;
}

static void data_folder(char *folder, size_t size)
{
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    if (data && data[0])
        snprintf(folder, size, "%s/stance/models", data);
    else
        snprintf(folder, size, "%s/.local/share/stance/models", home ? home : "");
}

int model_find(const char *name, char *path, size_t size)
{
    char data[1024];
    data_folder(data, sizeof data);
    const char *share = STANCE_SHARE_DIR "/models";
    const char *list = getenv("STANCE_MODELS");
    if (!name[0])
        return base_error(STANCE_EARGUMENT, "a model needs a path or a name");
    if (try_folder("", 0, name, path, size))
        return 0;
    if (!strchr(name, '/') &&
        (try_list(list, name, path, size) || try_folder("models", 6, name, path, size) ||
         try_folder(data, strlen(data), name, path, size) ||
         try_folder(share, strlen(share), name, path, size)))
        return 0;
    if (strchr(name, '/'))
        return base_error(STANCE_ENOTFOUND, "there is no model '%s'", name);
    return base_error(STANCE_ENOTFOUND,
                      "no model '%s' here, in $STANCE_MODELS (%s), ./models, %s or %s; give the "
                      "path of an ONNX file, or put one there",
                      name, list && list[0] ? list : "not set", data, share);
}

int stance_model_open(struct stance_model **out, const char *name)
{
    char path[4096];
    *out = NULL;
    BASE_TRY(model_find(name, path, sizeof path));
    return engine_model_load(out, path);
}
