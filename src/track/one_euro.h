/* The One-Euro filter (Casiez, Roussel, Vogel, CHI 2012): a low pass whose cutoff rises with
 * speed, so that what stands still does not shake and what moves does not lag. Steps are real
 * times. */
#ifndef TRACK_ONE_EURO_H
#define TRACK_ONE_EURO_H

#include <stdbool.h>
#include <stdint.h>

#include "base/errors.h"
#include "stance/pose.h"

struct track_smoothing {
    double min_cutoff;        /* Hz; 0: no smoothing at all */
    double beta;              /* Hz for each unit of speed */
    double derivative_cutoff; /* Hz */
    bool by_size;             /* speed is in sizes of the person per second, otherwise in pixels */
};

/* "off", "low" or "high". Errors: EARGUMENT (the sentence lists them). */
int track_smoothing_preset(struct track_smoothing *out, const char *name);
/* Errors: EARGUMENT (negative, not finite, a derivative without cutoff). */
int track_smoothing_check(const struct track_smoothing *smoothing);

/* One number over time. */
struct track_euro {
    double value, derivative; /* filtered; the derivative per second */
    bool begun;
};

/* `seconds` since the last value; `scale` multiplies the speed before beta. The first value
 * passes; the derivative is that from the last *filtered* value, as in the authors' code. */
double track_euro_step(struct track_euro *euro, const struct track_smoothing *smoothing,
                       double seconds, double scale, double value);

/* One person's keypoints. */
struct track_smoother {
    struct track_euro *axes; /* [2 × count] */
    int count;
    int64_t last_us;
    double seconds; /* of the last step */
    bool begun;
};

/* Errors: ENOMEMORY. */
int track_smoother_open(struct track_smoother *smoother, int count);
void track_smoother_close(struct track_smoother *smoother);
/* At birth, and when a track comes back. */
void track_smoother_reset(struct track_smoother *smoother);

/* Smooths `points` in place. `size`: of the person, pixels (the root of its box's area). Points
 * without score, or that are no numbers, stay as they are, and begin afresh when they are back. A
 * time that is not after the last one is taken as one step of the last length; from one that is
 * more than a second before it the clock goes on. */
void track_smoother_step(struct track_smoother *smoother, const struct track_smoothing *smoothing,
                         int64_t time_us, double size, struct stance_keypoint *points);

#endif
