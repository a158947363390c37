/* Two MOT tables side by side, frame by frame, with dense numbers in place of ids. */
#ifndef EVAL_MOT_FRAMES_H
#define EVAL_MOT_FRAMES_H

#include <stdbool.h>

#include "stance/mot.h"
#include "track/assignment.h"

struct eval_mot_side {
    const struct stance_mot_row **rows; /* those that count, by frame */
    int32_t *who;                       /* [count], 0 … ids − 1 */
    int64_t *ids;                       /* [id_count], ascending */
    int32_t *life;                      /* [id_count], rows of each */
    int count, id_count;
};

struct eval_mot_pair {
    int32_t truth, track; /* ids */
    double likeness;
};

struct eval_mot {
    struct eval_mot_side truth, tracks;
    struct track_assignment assignment; /* large enough for a frame and for all ids */
    double *likeness, *cost;            /* of a frame: [truth rows][track rows], `stride` apart */
    double *common;                     /* [truth ids][track ids] */
    int32_t *partner;                   /* of a frame's truth rows, or of all truth ids */
    struct eval_mot_pair *pairs;        /* [truth.count] */
    int stride, pair_count;
};

/* One frame: rows truth … truth_end and track … track_end of the sides; begin with zeros. */
struct eval_mot_frame {
    int truth, truth_end, track, track_end;
};

/* Errors: EFORMAT, ELIMIT, ENOMEMORY. */
int eval_mot_open(struct eval_mot *mot, const struct stance_mot *truth,
                  const struct stance_mot *tracks);
void eval_mot_close(struct eval_mot *mot);
/* The next frame that either side has, with mot->likeness filled; 0 at the end. */
int eval_mot_next(struct eval_mot *mot, struct eval_mot_frame *frame);

struct eval_mot_hota {
    double hota, det, ass, loc;
};
void eval_mot_hota(struct eval_mot *mot, struct eval_mot_hota *out);

struct eval_mot_clear {
    double mota, motp;
    int64_t matches, false_positives, misses, switches, fragments;
    int64_t mostly_tracked, partly_tracked, mostly_lost;
};
/* Errors: ENOMEMORY. */
int eval_mot_clear(struct eval_mot *mot, struct eval_mot_clear *out);

/* Boxes of the best one-to-one map between ids. */
int64_t eval_mot_identity(struct eval_mot *mot);

#define EVAL_MOT_LEAST 0.5 /* overlap that may match */

#endif
