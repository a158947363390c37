/* Poses for frames on which no network ran, from the measured ones around or before them. */
#ifndef TRACK_INTERPOLATE_H
#define TRACK_INTERPOLATE_H

#include <stdint.h>

#include "stance/pose.h"

enum track_fill {
    TRACK_FILL_BETWEEN,     /* files: between the measured one before and the one after */
    TRACK_FILL_EXTRAPOLATE, /* live: goes on as between the last two, for their interval at most */
    TRACK_FILL_LATE,        /* live: between the last two, one interval late (the seeds' alpha) */
    TRACK_FILL_HOLD,        /* the last measured one */
};

/* How far on the way from the older to the newer measurement the pose at `time_us` is: 0 at the
 * older, 1 at the newer, at most 2 (extrapolated). `older_us` and `newer_us` are when they were
 * really measured; where they are no interval, 1. For TRACK_FILL_BETWEEN time_us lies between
 * them. */
double track_fill_alpha(enum track_fill fill, int64_t older_us, int64_t newer_us, int64_t time_us);

/* `count` points at `alpha`. Between a point that is there and one that is not (score 0) there is
 * no way: up to the middle the older one is taken as it is, behind it the newer one. Scores are
 * not extrapolated. `out` may be `older` or `newer`. */
void track_fill_points(const struct stance_keypoint *older, const struct stance_keypoint *newer,
                       int count, double alpha, struct stance_keypoint *out);

/* The same for boxes; an extrapolated box does not turn inside out. */
void track_fill_box(const float older[4], const float newer[4], double alpha, float out[4]);

#endif
