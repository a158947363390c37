/* Models in folders and archives: which file it is, and the files beside it. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json_read.h"
#include "model/package.h"
#include "net/archive.h"

enum { DEPLOY_LIMIT = 1 << 20 };

bool model_package_split(const char *path, char *archive, size_t size, const char **entry)
{
    for (const char *at = strstr(path, ".zip"); at; at = strstr(at + 1, ".zip")) {
        size_t length = (size_t)(at - path) + 4;
        if ((at[4] && at[4] != '/') || length >= size)
            continue;
        memcpy(archive, path, length);
        archive[length] = 0;
        *entry = at + 4 + (at[4] == '/');
        if (base_file_exists(archive))
            return true;
    }
    return false;
}

static bool is_onnx(const char *name)
{
    size_t length = strlen(name);
    return length > 5 && strcmp(name + length - 5, ".onnx") == 0;
}

/* Whether an entry is the model of a folder "…/FOLDER", or called so itself. */
static bool is_wanted(const char *entry, const char *folder)
{
    size_t wanted = strlen(folder), length = strlen(entry);
    while (wanted && folder[wanted - 1] == '/')
        wanted--;
    if (wanted == 0 || (length == wanted && memcmp(entry, folder, length) == 0))
        return true;
    const char *slash = strrchr(entry, '/');
    size_t parent = slash ? (size_t)(slash - entry) : 0;
    return parent >= wanted && memcmp(entry + parent - wanted, folder, wanted) == 0 &&
           (parent == wanted || entry[parent - wanted - 1] == '/');
}

struct choice {
    const char *archive, *folder;
    char *path;
    size_t size;
    int count;
    char names[400]; /* of the folders that were found */
};

static int choose(void *context, const char *path)
{
    struct choice *choice = context;
    const char *entry = path + strlen(choice->archive) + 1;
    if (!is_wanted(entry, choice->folder))
        return 0;
    size_t used = strlen(choice->names);
    const char *slash = strrchr(entry, '/');
    snprintf(choice->names + used, sizeof choice->names - used, "%s'%.*s'",
             choice->count ? ", " : "", slash ? (int)(slash - entry) : (int)strlen(entry), entry);
    int wrote = snprintf(choice->path, choice->size, "%s", path);
    choice->count++;
    return wrote < 0 || (size_t)wrote >= choice->size
               ? base_error(STANCE_ELIMIT, "the path '%.200s…' is too long", path)
               : 0;
}

int model_package_each(const char *path, int (*visit)(void *context, const char *path),
                       void *context)
{
    struct net_archive *archive;
    char whole[BASE_PATH_BYTES];
    BASE_TRY(net_archive_open(&archive, path));
    int code = 0;
    for (int i = 0; i < net_archive_count(archive) && code == 0; i++) {
        if (!is_onnx(net_archive_name(archive, i)))
            continue;
        int wrote = snprintf(whole, sizeof whole, "%s/%s", path, net_archive_name(archive, i));
        code = wrote > 0 && (size_t)wrote < sizeof whole
                   ? visit(context, whole)
                   : base_error(STANCE_ELIMIT, "'%.200s' has a path that is too long", path);
    }
    net_archive_close(&archive);
    return code;
}

static int find_in_archive(const char *archive, const char *folder, char *path, size_t size)
{
    struct choice choice = {.archive = archive, .folder = folder, .path = path, .size = size};
    BASE_TRY(model_package_each(archive, choose, &choice));
    if (choice.count == 0)
        return base_error(STANCE_EMODEL, "'%s' holds no ONNX file%s%s", archive,
                          folder[0] ? " in a folder " : "", folder);
    if (choice.count > 1)
        return base_error(STANCE_EMODEL, "'%s' holds several models: %s; write '%s/FOLDER'",
                          archive, choice.names, archive);
    return 1;
}

/* The file that deploy.json names, or end2end.onnx. */
static int find_in_folder(const char *folder, char path[BASE_PATH_BYTES])
{
    struct base_json_doc *doc;
    char deploy[BASE_PATH_BYTES];
    const char *net = "end2end.onnx";
    int wrote = snprintf(deploy, sizeof deploy, "%s/deploy.json", folder);
    if (wrote < 0 || (size_t)wrote >= sizeof deploy)
        return base_error(STANCE_ELIMIT, "the path '%.200s…' is too long", folder);
    int code = base_json_open(&doc, deploy, DEPLOY_LIMIT);
    if (code == STANCE_ENOTFOUND)
        return base_file_resolve(path, folder, net);
    BASE_TRY(code);
    const base_json_value *models = base_json_get(base_json_root(doc), "models");
    code = base_json_count(models) ? base_json_get_string(base_json_at(models, 0), "net", &net) : 0;
    if (code == 0)
        code = base_file_resolve(path, folder, net);
    else
        base_error_context(code, "%s", deploy);
    base_json_doc_close(&doc);
    return code;
}

int model_package_find(const char *name, char *path, size_t size)
{
    char archive[BASE_PATH_BYTES], found[BASE_PATH_BYTES];
    const char *entry;
    if (model_package_split(name, archive, sizeof archive, &entry))
        return find_in_archive(archive, entry, path, size);
    if (!base_file_is_folder(name))
        return 0;
    int code = find_in_folder(name, found);
    if (code == STANCE_ENOTFOUND)
        return 0;
    BASE_TRY(code);
    int wrote = snprintf(path, size, "%s", found);
    return wrote > 0 && (size_t)wrote < size
               ? 1
               : base_error(STANCE_ELIMIT, "the path '%.200s…' is too long", found);
}

static int read_entry(struct base_buffer *out, const char *path, const char *name)
{
    struct net_archive *archive;
    BASE_TRY(net_archive_open(&archive, path));
    int at = net_archive_find(archive, name);
    int code = at < 0 ? 0 : net_archive_read(archive, at, out);
    net_archive_close(&archive);
    return at < 0 || code < 0 ? code : 1;
}

int model_package_read(struct base_buffer *out, const char *path)
{
    char archive[BASE_PATH_BYTES];
    const char *entry;
    if (!model_package_split(path, archive, sizeof archive, &entry))
        return base_error(STANCE_EARGUMENT, "'%.400s' is no path into an archive", path);
    int code = read_entry(out, archive, entry);
    return code > 0    ? 0
           : code == 0 ? base_error(STANCE_ENOTFOUND, "'%s' holds no '%s'", archive, entry)
                       : code;
}

int model_package_sibling(struct base_buffer *out, const char *path, const char *file)
{
    char archive[BASE_PATH_BYTES], beside[BASE_PATH_BYTES];
    const char *entry, *slash = strrchr(path, '/');
    int folder = slash ? (int)(slash - path) + 1 : 0;
    int wrote = snprintf(beside, sizeof beside, "%.*s%s", folder, path, file);
    if (wrote < 0 || (size_t)wrote >= sizeof beside)
        return base_error(STANCE_ELIMIT, "the path '%.200s…' is too long", path);
    if (model_package_split(beside, archive, sizeof archive, &entry))
        return read_entry(out, archive, entry);
    if (!base_file_exists(beside))
        return 0;
    BASE_TRY(base_file_read(out, beside));
    return 1;
}
