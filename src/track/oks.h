/* Object keypoint similarity between two poses, and suppression by it. */
#ifndef TRACK_OKS_H
#define TRACK_OKS_H

#include <stddef.h>
#include <stdint.h>

#include "base/errors.h"
#include "stance/pose.h"

struct track_oks {
    int count;
    double *weight; /* [count], 1 / (2 (2σ)²) */
};

/* `sigmas` [count], or NULL: 0.079 each, which COCO has for shoulders. Errors: EARGUMENT (a sigma
 * that is not above 0), ENOMEMORY. */
int track_oks_open(struct track_oks *oks, const float *sigmas, int count);
void track_oks_close(struct track_oks *oks);

struct track_pose {
    const struct stance_keypoint *keypoints; /* [count] */
    double area;                             /* of its box */
    float score;
};

/* Mean over the keypoints that have at least `threshold` in both of exp(−d² / (2 s² (2σ)²)), s²
 * the mean of both areas: COCO's formula (cocoeval.py, computeOks) between equals, as MMPose has
 * it (oks_nms). `*common`: how many there were; 0 of them gives 0. */
double track_oks_likeness(const struct track_oks *oks, const struct track_pose *a,
                          const struct track_pose *b, float threshold, int *common);

/* Greedy suppression: best score first, equal ones in their order; a pose whose likeness with a
 * better one that stays is above `most` goes. keep[i]: 1 or 0; `order` is scratch of `count`.
 * Returns how many stay. */
int track_oks_nms(const struct track_oks *oks, const struct track_pose *poses, int count,
                  float threshold, float most, uint8_t *keep, int32_t *order);

#endif
