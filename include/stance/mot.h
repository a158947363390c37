/* MOT: people's boxes over time in the text format of MOTChallenge (motchallenge.net), and the
 * numbers by which tracks are measured.
 *
 * A line is "frame, id, left, top, width, height, score, …" with commas; what follows the score is
 * not looked at. Detections have id -1. Pixels, any origin.
 * Threads: a table belongs to one thread at a time. */
#ifndef STANCE_MOT_H
#define STANCE_MOT_H

#include "stance/eval.h"

#ifdef __cplusplus
extern "C" {
#endif

struct stance_mot_row {
    int64_t frame; /* 0 or more; MOTChallenge begins with 1 */
    int64_t id;    /* -1: none */
    double left, top, width, height;
    double score; /* 1 where a line has none; 0 in a ground truth: the row does not count */
};

struct stance_mot;

/* Reads a file ("-": standard input): rows by frame, those of one frame in the file's order. Empty
 * lines are passed over. Errors: ENOTFOUND, EIO, EFORMAT (with the line's number: not a number,
 * fewer than six fields, a box without extent), ELIMIT (1 GiB, 10 million rows), ENOMEMORY. */
STANCE_API int stance_mot_open(struct stance_mot **out, const char *path);

/* NULL allowed; sets NULL. */
STANCE_API void stance_mot_close(struct stance_mot **mot);

/* All rows; they belong to the table. NULL: an empty table. */
STANCE_API const struct stance_mot_row *stance_mot_rows(const struct stance_mot *mot, int *count);

/* Appends a row to a table (`*mot` NULL: to a new one) whose frames do not go back. Errors:
 * EARGUMENT, ELIMIT, ENOMEMORY. */
STANCE_API int stance_mot_add(struct stance_mot **mot, const struct stance_mot_row *row);

/* Writes a table (NULL: an empty one) to a file ("-": standard output): all of it under its name,
 * or nothing. Two decimals for boxes, four for scores. Errors: EIO, ELIMIT, ENOMEMORY. */
STANCE_API int stance_mot_save(const struct stance_mot *mot, const char *path);

enum { STANCE_MOT_NUMBERS = 24 };

/* Measures tracks against a ground truth; NULL is an empty table. docs/tracking.md lists the
 * numbers: "HOTA", "DetA", "AssA", "LocA" as TrackEval has them (Luiten et al., IJCV 2021);
 * "MOTA", "IDF1" and the counts as py-motmetrics has them (Bernardin and Stiefelhagen 2008;
 * Ristani et al. 2016). Boxes that overlap by half may match. Errors: EFORMAT (an id twice in a
 * frame, or a row without id), ELIMIT, ENOMEMORY. */
STANCE_API int stance_mot_measure(const struct stance_mot *truth, const struct stance_mot *tracks,
                                  struct stance_eval_number numbers[STANCE_MOT_NUMBERS],
                                  int *count);

#ifdef __cplusplus
}
#endif
#endif
