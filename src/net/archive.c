/* Zip archives through libzip; the only file that knows it. The library is opened when the first
 * archive is read. */
#include <zip.h>

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "net/archive.h"

struct library {
    __typeof__(zip_open) *open;
    __typeof__(zip_discard) *discard;
    __typeof__(zip_get_num_entries) *count;
    __typeof__(zip_get_name) *name;
    __typeof__(zip_stat_index) *stat;
    __typeof__(zip_fopen_index) *open_entry;
    __typeof__(zip_fread) *read;
    __typeof__(zip_fclose) *close_entry;
    bool ready;
};

static struct library zip;
static pthread_once_t zip_once = PTHREAD_ONCE_INIT;

struct net_archive {
    zip_t *handle;
    char *path;
    int count;
};

static bool find_symbol(void *handle, const char *name, void *function)
{
    void *symbol = dlsym(handle, name);
    memcpy(function, &symbol, sizeof symbol);
    return symbol != NULL;
}

static void open_library(void)
{
    static const char *const names[] = {"libzip.so.4", "libzip.so.5"};
    void *handle = NULL;
    for (size_t i = 0; i < sizeof names / sizeof names[0] && !handle; i++)
        handle = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    zip.ready = handle && find_symbol(handle, "zip_open", &zip.open) &&
                find_symbol(handle, "zip_discard", &zip.discard) &&
                find_symbol(handle, "zip_get_num_entries", &zip.count) &&
                find_symbol(handle, "zip_get_name", &zip.name) &&
                find_symbol(handle, "zip_stat_index", &zip.stat) &&
                find_symbol(handle, "zip_fopen_index", &zip.open_entry) &&
                find_symbol(handle, "zip_fread", &zip.read) &&
                find_symbol(handle, "zip_fclose", &zip.close_entry);
}

static int check_entries(struct net_archive *archive)
{
    int64_t count = zip.count(archive->handle, 0);
    if (count < 0 || count > NET_ARCHIVE_ENTRIES)
        return base_error(STANCE_ELIMIT, "'%s' holds more than %d files", archive->path,
                          NET_ARCHIVE_ENTRIES);
    archive->count = (int)count;
    for (int i = 0; i < archive->count; i++) {
        const char *name = zip.name(archive->handle, (zip_uint64_t)i, ZIP_FL_ENC_GUESS);
        if (!name || !net_archive_is_inside(name))
            return base_error(STANCE_EFORMAT,
                              "'%s' is refused: its entry '%.200s' leads out of its folder",
                              archive->path, name ? name : "?");
    }
    return 0;
}

int net_archive_open(struct net_archive **out, const char *path)
{
    *out = NULL;
    int reason = 0;
    if (!base_file_exists(path))
        return base_error(STANCE_ENOTFOUND, "there is no file '%s'", path);
    pthread_once(&zip_once, open_library);
    if (!zip.ready)
        return base_error(STANCE_EUNSUPPORTED, "cannot read '%s': libzip is not here", path);
    struct net_archive *archive = base_alloc_zero(1, sizeof *archive);
    if (!archive)
        return base_error_memory(sizeof *archive, "an archive");
    int code = 0;
    archive->path = base_strdup(path);
    if (!archive->path)
        code = base_error_memory(strlen(path) + 1, "a path");
    if (code == 0) {
        archive->handle = zip.open(path, ZIP_RDONLY | ZIP_CHECKCONS, &reason);
        code = archive->handle
                   ? check_entries(archive)
                   : base_error(reason == ZIP_ER_MEMORY ? STANCE_ENOMEMORY : STANCE_EFORMAT,
                                "'%s' is no zip archive, or a damaged one", path);
    }
    *out = archive;
    if (code < 0)
        net_archive_close(out);
    return code;
}

void net_archive_close(struct net_archive **handle)
{
    struct net_archive *archive = *handle;
    *handle = NULL;
    if (!archive)
        return;
    if (archive->handle)
        zip.discard(archive->handle);
    base_free(archive->path);
    base_free(archive);
}

int net_archive_count(const struct net_archive *archive)
{
    return archive->count;
}

const char *net_archive_name(const struct net_archive *archive, int i)
{
    return i >= 0 && i < archive->count
               ? zip.name(archive->handle, (zip_uint64_t)i, ZIP_FL_ENC_GUESS)
               : NULL;
}

int net_archive_find(const struct net_archive *archive, const char *name)
{
    for (int i = 0; i < archive->count; i++)
        if (strcmp(net_archive_name(archive, i), name) == 0)
            return i;
    return -1;
}

/* What an entry says may be a lie: what comes out counts. */
static int read_all(struct net_archive *archive, zip_file_t *entry, const char *name,
                    struct base_buffer *out)
{
    enum { CHUNK = 1 << 20 };
    char beyond;
    for (;;) {
        size_t left = out->limit - out->size, wish = left < CHUNK ? left : CHUNK;
        if (wish)
            BASE_TRY(base_buffer_reserve(out, wish));
        zip_int64_t got =
            wish ? zip.read(entry, out->data + out->size, wish) : zip.read(entry, &beyond, 1);
        if (got < 0)
            return base_error(STANCE_EFORMAT, "'%s': the entry '%.200s' is damaged", archive->path,
                              name);
        if (got == 0)
            return 0;
        if (!wish)
            return base_error(STANCE_ELIMIT, "'%s': the entry '%.200s' has more than %zu bytes",
                              archive->path, name, out->limit);
        out->size += (size_t)got;
        out->data[out->size] = 0;
    }
}

int net_archive_read(struct net_archive *archive, int i, struct base_buffer *out)
{
    zip_stat_t status = {0};
    const char *name = net_archive_name(archive, i);
    if (!name || zip.stat(archive->handle, (zip_uint64_t)i, 0, &status) != 0)
        return base_error(STANCE_EARGUMENT, "'%s' has no entry %d", archive->path, i);
    if ((status.valid & ZIP_STAT_SIZE) && status.size > out->limit - out->size)
        return base_error(STANCE_ELIMIT, "'%s': the entry '%.200s' has more than %zu bytes",
                          archive->path, name, out->limit);
    zip_file_t *entry = zip.open_entry(archive->handle, (zip_uint64_t)i, 0);
    if (!entry)
        return base_error(STANCE_EUNSUPPORTED,
                          "'%s': the entry '%.200s' is encrypted, damaged, or packed in a way that "
                          "libzip here does not know",
                          archive->path, name);
    int code = read_all(archive, entry, name, out);
    zip.close_entry(entry);
    return code;
}
