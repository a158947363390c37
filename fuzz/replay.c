/* Runs a fuzz target over every file of the given folders, so that corpora are plain tests with any
 * compiler. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

enum { MAX_BYTES = 16 << 20 };

/* Each input gets its own block, so that the sanitiser sees reads beyond its end. */
static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *all = malloc(MAX_BYTES);
    if (!file || !all) {
        fprintf(stderr, "cannot read '%s'\n", path);
        return -1;
    }
    size_t size = fread(all, 1, MAX_BYTES, file);
    fclose(file);
    uint8_t *data = malloc(size ? size : 1);
    if (!data)
        return -1;
    memcpy(data, all, size);
    free(all);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    return 0;
}

/* The number of files replayed, or -1. */
static int replay_folder(const char *folder)
{
    struct dirent **entries;
    char path[4096];
    int replayed = 0, count = scandir(folder, &entries, NULL, alphasort);
    if (count < 0)
        fprintf(stderr, "cannot list '%s'\n", folder);
    for (int i = 0; i < count; i++) {
        if (entries[i]->d_name[0] != '.' && replayed >= 0) {
            int length = snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
            int fits = length > 0 && (size_t)length < sizeof path;
            replayed = fits && replay_file(path) == 0 ? replayed + 1 : -1;
        }
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return count < 0 ? -1 : replayed;
}

int main(int count, char **arguments)
{
    int total = 0;
    for (int i = 1; i < count; i++) {
        int replayed = replay_folder(arguments[i]);
        if (replayed < 0)
            return 1;
        total += replayed;
    }
    printf("%d inputs\n", total);
    return total > 0 ? 0 : 1;
}
