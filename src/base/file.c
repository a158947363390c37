/* Files read and written whole, and questions about paths. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

static int error_of_open(const char *path)
{
    int reason = errno;
    return base_error(reason == ENOENT || reason == ENOTDIR ? STANCE_ENOTFOUND : STANCE_EIO,
                      "cannot open '%s': %s", path, strerror(reason));
}

static int read_all(struct base_buffer *out, int descriptor, const char *path)
{
    enum { CHUNK = 64 << 10, LEAST = 512 };
    for (;;) {
        size_t left = out->limit - out->size;
        size_t wish = left > CHUNK ? CHUNK : left;
        char beyond[LEAST]; /* tells "just full" from "too long" */
        if (wish)
            BASE_TRY(base_buffer_reserve(out, wish));
        ssize_t got = wish ? read(descriptor, out->data + out->size, wish)
                           : read(descriptor, beyond, sizeof beyond);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return base_error(STANCE_EIO, "cannot read '%s': %s", path, strerror(errno));
        if (got == 0)
            return 0;
        if (!wish)
            return base_error(STANCE_ELIMIT, "'%s' is longer than %zu bytes", path, out->limit);
        out->size += (size_t)got;
        out->data[out->size] = 0;
    }
}

int base_file_read(struct base_buffer *out, const char *path)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return error_of_open(path);
    int code = read_all(out, descriptor, path);
    close(descriptor);
    return code;
}

static int write_all(int descriptor, const void *data, size_t size)
{
    const char *at = data;
    while (size) {
        ssize_t wrote = write(descriptor, at, size > INT_MAX ? INT_MAX : size);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return -1;
        at += wrote;
        size -= (size_t)wrote;
    }
    return fsync(descriptor) == 0 || errno == EINVAL || errno == EROFS ? 0 : -1;
}

int base_file_write(const char *path, const void *data, size_t size)
{
    char part[BASE_PATH_BYTES];
    int length = snprintf(part, sizeof part, "%s.part-%ld", path, (long)getpid());
    if (length < 0 || (size_t)length >= sizeof part)
        return base_error(STANCE_ELIMIT, "the path '%.200s…' is too long", path);
    int descriptor = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (descriptor < 0)
        return base_error(STANCE_EIO, "cannot write '%s': %s", part, strerror(errno));
    int failed = write_all(descriptor, data, size), reason = errno;
    if (close(descriptor) != 0 && !failed) {
        failed = -1;
        reason = errno;
    }
    if (!failed && rename(part, path) != 0) {
        failed = -1;
        reason = errno;
    }
    if (!failed)
        return 0;
    unlink(part);
    return base_error(STANCE_EIO, "cannot write '%s': %s", path, strerror(reason));
}

bool base_file_exists(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

bool base_file_is_folder(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static int make_one(const char *path)
{
    if (mkdir(path, 0777) == 0)
        return 0;
    int reason = errno;
    if (base_file_is_folder(path))
        return 0;
    return base_error(STANCE_EIO, "cannot make the folder '%s': %s", path, strerror(reason));
}

int base_file_make_folder(const char *path)
{
    char part[BASE_PATH_BYTES];
    size_t length = strlen(path);
    if (length == 0)
        return base_error(STANCE_EARGUMENT, "a folder without a name cannot be made");
    if (length >= sizeof part)
        return base_error(STANCE_ELIMIT, "the path '%.200s…' is too long", path);
    for (size_t i = 1; i < length; i++) {
        if (path[i] != '/' || path[i - 1] == '/')
            continue;
        memcpy(part, path, i);
        part[i] = 0;
        BASE_TRY(make_one(part));
    }
    return make_one(path);
}

/* Whether a path has a ".." between its slashes. */
static bool climbs(const char *path)
{
    for (const char *at = path; *at; at += strcspn(at, "/"), at += strspn(at, "/"))
        if (strncmp(at, "..", 2) == 0 && (at[2] == '/' || !at[2]))
            return true;
    return false;
}

int base_file_resolve(char path[BASE_PATH_BYTES], const char *folder, const char *relative)
{
    char joined[BASE_PATH_BYTES], top[PATH_MAX], found[PATH_MAX];
    if (!relative[0] || relative[0] == '/' || climbs(relative))
        return base_error(STANCE_EARGUMENT, "'%.200s' is not a path inside the folder '%s'",
                          relative, folder);
    int length = snprintf(joined, sizeof joined, "%s/%s", folder, relative);
    if (length < 0 || (size_t)length >= sizeof joined)
        return base_error(STANCE_ELIMIT, "the path '%.200s…' is too long", relative);
    if (!realpath(folder, top))
        return error_of_open(folder);
    if (!realpath(joined, found))
        return error_of_open(joined);
    size_t size = strlen(top), bytes = strlen(found) + 1;
    bool root = size == 1;
    if (strncmp(found, top, size) != 0 || (!root && found[size] != '/'))
        return base_error(STANCE_EARGUMENT, "'%s' leads out of the folder '%s'", relative, folder);
    if (bytes > BASE_PATH_BYTES)
        return base_error(STANCE_ELIMIT, "the path '%.200s…' is too long", found);
    memcpy(path, found, bytes);
    return 0;
}
