/* Taking models into the store that were fetched otherwise: files, folders, archives. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "model/family.h"
#include "model/find.h"
#include "model/package.h"
#include "model/model_store.h"
#include "model/zoo.h"

struct import {
    const char *source, *name; /* name NULL: by the file */
    const char *folder;
    const struct stance_store_options *options;
};

/* The bytes of a file or of an entry of an archive. */
struct content {
    struct base_mapping mapping;
    struct base_buffer buffer;
    const void *data;
    size_t size;
};

static int content_open(struct content *content, const char *path)
{
    char archive[BASE_PATH_BYTES];
    const char *entry;
    *content = (struct content){0};
    base_buffer_init(&content->buffer, MODEL_PACKED_LIMIT);
    if (model_package_split(path, archive, sizeof archive, &entry)) {
        BASE_TRY(model_package_read(&content->buffer, path));
        content->data = content->buffer.data;
        content->size = content->buffer.size;
        return 0;
    }
    BASE_TRY(base_file_map(&content->mapping, path, ONNX_MAX_BYTES));
    content->data = content->mapping.data;
    content->size = content->mapping.size;
    return 0;
}

static void content_close(struct content *content)
{
    base_file_unmap(&content->mapping);
    base_buffer_free(&content->buffer);
}

/* What a model is called by itself: its file, or the folder or archive of an end2end.onnx. */
static void own_name(const char *path, char *name, size_t size)
{
    const char *slash = strrchr(path, '/'), *start = slash ? slash + 1 : path;
    const char *end = start + strlen(start);
    if (slash && strcmp(start, "end2end.onnx") == 0) {
        end = slash;
        for (start = end; start > path && start[-1] != '/';)
            start--;
    }
    size_t length = (size_t)(end - start);
    if (length > 5 && memcmp(end - 5, ".onnx", 5) == 0)
        length -= 5;
    else if (length > 4 && memcmp(end - 4, ".zip", 4) == 0)
        length -= 4;
    snprintf(name, size, "%.*s", (int)length, start);
}

/* The card that comes with stance for a file of this name, where it is the only model in it. */
static const struct model_zoo_card *zoo_card(const struct import *import, const char *path)
{
    const struct model_zoo_card *zoo = model_zoo_find_file(import->source);
    return zoo ? zoo : model_zoo_find_file(path);
}

static int choose_card(struct stance_card **card, const struct model_zoo_card *zoo,
                       const char *path)
{
    if (zoo)
        return model_card_parse(card, zoo->text);
    return model_card_find(card, path);
}

static int import_one(void *context, const char *path)
{
    const struct import *import = context;
    const struct model_zoo_card *zoo = zoo_card(import, path);
    struct stance_card *card = NULL;
    struct content content;
    char name[256];
    own_name(path, name, sizeof name);
    int code = content_open(&content, path);
    if (code == 0)
        code = choose_card(&card, zoo, path);
    const struct model_store_item item = {.name = import->name ? import->name
                                                  : zoo        ? zoo->name
                                                               : name,
                                          .data = content.data,
                                          .size = content.size,
                                          .card = card};
    if (code == 0)
        code = model_store_put(&item, import->folder, import->options);
    stance_card_close(&card);
    content_close(&content);
    return code;
}

static int count_one(void *context, const char *path)
{
    ++*(int *)context;
    return 0;
}

int stance_store_import(const char *source, const char *name,
                        const struct stance_store_options *options)
{
    char folder[BASE_PATH_BYTES], path[BASE_PATH_BYTES], archive[BASE_PATH_BYTES];
    const char *entry;
    struct stance_store_options filled;
    if (name)
        BASE_TRY(model_store_check_name(name));
    BASE_TRY(model_store_prepare(&filled, options, folder));
    struct import import = {source, name, folder, &filled};
    if (model_package_split(source, archive, sizeof archive, &entry) && !entry[0]) {
        int count = 0;
        BASE_TRY(model_package_each(archive, count_one, &count));
        if (count > 1 && name)
            return base_error(STANCE_EARGUMENT,
                              "'%s' holds %d models, which cannot all be called '%s'", source,
                              count, name);
        if (count > 1)
            import.source = ""; /* no card is about all of them */
        if (count > 0)
            return model_package_each(archive, import_one, &import);
    }
    int package = model_package_find(source, path, sizeof path);
    BASE_TRY(package);
    if (package)
        return import_one(&import, path);
    return base_file_exists(source)
               ? import_one(&import, source)
               : base_error(STANCE_ENOTFOUND,
                            "there is no model '%.400s': give an ONNX file, or "
                            "a folder or zip archive of MMDeploy's SDK",
                            source);
}
