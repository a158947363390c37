/* Results as data: what was found in pictures and frames, in the formats that other programs read;
 * docs/formats.md describes each. In libstance-media.
 *
 * Threads: a writer belongs to one thread at a time. */
#ifndef STANCE_RESULT_H
#define STANCE_RESULT_H

#include "stance/pose.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A format. Static; never freed. */
struct stance_result_format {
    const char *name;    /* "json" */
    const char *summary; /* for a list of formats */
    int32_t folder;      /* not 0: its path is a folder, with one file for each picture */
    int32_t reserved;
};

/* Format `i`: json, coco, mmpose, openpose, csv; NULL when there are no more. */
STANCE_API const struct stance_result_format *stance_result_format(int i);

/* One picture or frame and what was found in it. */
struct stance_result_item {
    uint32_t struct_size; /* filled by stance_result_item_default() */
    int32_t reserved;
    const char *file; /* the input as it was given; written without the password of an address */
    int64_t frame;    /* its index in a video, from 0; -1: a single picture; -1 */
    int64_t time_us;  /* of a frame */
    int64_t image_id; /* for coco; -1: the frame, for pictures the number their names end with, or
                             how many came before; -1 */
    const struct stance_pose_result *result; /* NULL with `error` */
    const int64_t *ids;                      /* [person_count] of tracks; 0: none. Or NULL */
    const char *const
        *labels;       /* [person_count], for instance actions; entries may be NULL. Or NULL */
    const char *error; /* why there is no result for this frame; or NULL */
};

STANCE_API void stance_result_item_default(struct stance_result_item *item);

struct stance_result_writer;

/* Opens `path` for writing ("-": standard output, except for folders). `format` NULL: csv for paths
 * that end so, else json. Errors: EARGUMENT (no such format), EIO, ENOMEMORY. */
STANCE_API int stance_result_writer_open(struct stance_result_writer **out, const char *path,
                                         const char *format);

/* Appends one picture or frame and hands it to the system: what was added is not lost when the
 * program dies. Formats that are one JSON array are written to "PATH.part-PID", an entry a line,
 * and get their name when they are closed. Errors: EIO, EARGUMENT (csv: another set of keypoints
 * than before), ELIMIT, ENOMEMORY. */
STANCE_API int stance_result_writer_add(struct stance_result_writer *writer,
                                        const struct stance_result_item *item);

/* Ends and names the file. NULL allowed; sets NULL. Errors: EIO when the last bytes could not be
 * written; then the sentence says where the rest is. */
STANCE_API int stance_result_writer_close(struct stance_result_writer **writer);

#ifdef __cplusplus
}
#endif
#endif
