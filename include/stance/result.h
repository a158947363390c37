/* Results as data: what was found in each picture, written as JSON lines. In libstance-media.
 *
 * Threads: a writer belongs to one thread at a time. */
#ifndef STANCE_RESULT_H
#define STANCE_RESULT_H

#include "stance/pose.h"

#ifdef __cplusplus
extern "C" {
#endif

struct stance_result_writer;

/* Opens `path` for writing ("-": standard output). Errors: EIO, ENOMEMORY. */
STANCE_API int stance_result_writer_open(struct stance_result_writer **out, const char *path);

/* Appends one line for one picture and hands it to the system: what was added is not lost when the
 * program dies. The fields are documented in docs/formats.md. Errors: EIO, ELIMIT, ENOMEMORY. */
STANCE_API int stance_result_writer_add(struct stance_result_writer *writer, const char *file,
                                        const struct stance_pose_result *result);

/* Closes the file. NULL allowed; sets NULL. Errors: EIO when the last bytes could not be written. */
STANCE_API int stance_result_writer_close(struct stance_result_writer **writer);

#ifdef __cplusplus
}
#endif
#endif
