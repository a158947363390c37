/* Files: mapped for reading, written whole under a temporary name and then renamed. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include <stdint.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/errors.h"

struct base_mapping {
    const unsigned char *data;
    size_t size;
};

/* Maps a regular file read-only. Errors: ENOTFOUND, EIO, EFORMAT (empty), ELIMIT. */
STANCE_PRIVATE int base_file_map(struct base_mapping *out, const char *path, size_t limit);
STANCE_PRIVATE void base_file_unmap(struct base_mapping *mapping);
/* Gives the memory of what was read back; it is read again when it is looked at. */
STANCE_PRIVATE void base_file_forget(const struct base_mapping *mapping);

/* Reads a whole file (pipes too) behind what the buffer holds, within the buffer's limit. */
STANCE_PRIVATE int base_file_read(struct base_buffer *out, const char *path);

/* Writes "PATH.part-PID", flushes and renames: either the whole new file is there or the old one.
 * Errors: EIO with the system's reason; nothing is left behind. */
STANCE_PRIVATE int base_file_write(const char *path, const void *data, size_t size);

/* Whether `path` is an existing regular file / folder. */
STANCE_PRIVATE bool base_file_exists(const char *path);
STANCE_PRIVATE bool base_file_is_folder(const char *path);
/* Makes a folder and its parents; an existing one is fine. */
STANCE_PRIVATE int base_file_make_folder(const char *path);

struct base_file_entry {
    const char *name; /* without the folder */
    int64_t bytes;
};

/* The regular files of `folder` whose names end with `ending`, sorted by name, in memory of the
 * arena. A folder that is not there or cannot be read has none. Errors: ELIMIT (more than `most`),
 * ENOMEMORY. */
STANCE_PRIVATE int base_file_list(struct base_file_entry **out, size_t *count,
                                  struct base_arena *arena, const char *folder, const char *ending,
                                  size_t most);

/* Resolves FOLDER/RELATIVE, links included, into `path`. Errors: EARGUMENT when it would lie
 * outside `folder` (absolute, "..", a link that leads out), ENOTFOUND, ELIMIT, EIO. */
enum { BASE_PATH_BYTES = 4096 };
STANCE_PRIVATE int base_file_resolve(char path[BASE_PATH_BYTES], const char *folder,
                                     const char *relative);

#endif
