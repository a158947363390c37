/* Folders: which files lie in one. */
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"

struct listing {
    struct base_arena *arena;
    const char *folder, *ending;
    struct base_file_entry *entries;
    size_t count, most;
};

static int compare_entries(const void *a, const void *b)
{
    const struct base_file_entry *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static bool ends_with(const char *name, const char *ending)
{
    size_t length = strlen(name), end = strlen(ending);
    return length > end && strcmp(name + length - end, ending) == 0;
}

static int add_entry(struct listing *listing, DIR *folder, const char *name)
{
    struct stat status;
    if (!ends_with(name, listing->ending) || fstatat(dirfd(folder), name, &status, 0) != 0 ||
        !S_ISREG(status.st_mode))
        return 0;
    if (listing->count == listing->most)
        return base_error(STANCE_ELIMIT, "the folder '%s' has more than %zu %s files",
                          listing->folder, listing->most, listing->ending);
    const char *copy = base_arena_string(listing->arena, name, strlen(name));
    if (!copy)
        return STANCE_ENOMEMORY;
    listing->entries[listing->count++] = (struct base_file_entry){copy, status.st_size};
    return 0;
}

int base_file_list(struct base_file_entry **out, size_t *count, struct base_arena *arena,
                   const char *folder, const char *ending, size_t most)
{
    struct listing listing = {.arena = arena, .folder = folder, .ending = ending, .most = most};
    *out = NULL;
    *count = 0;
    DIR *handle = opendir(folder);
    if (!handle)
        return 0;
    int code = 0;
    listing.entries = base_arena_alloc(arena, most + 1, sizeof listing.entries[0]);
    if (!listing.entries)
        code = STANCE_ENOMEMORY;
    for (const struct dirent *entry; code == 0 && (entry = readdir(handle));)
        code = add_entry(&listing, handle, entry->d_name);
    closedir(handle);
    if (code < 0)
        return code;
    qsort(listing.entries, listing.count, sizeof listing.entries[0], compare_entries);
    *out = listing.entries;
    *count = listing.count;
    return 0;
}
