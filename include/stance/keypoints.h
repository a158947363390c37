/* Keypoint sets: which keypoints a network gives, how they belong together, and what they are
 * called elsewhere.
 *
 * Networks give "coco17", "halpe26", "wholebody133" (COCO-WholeBody), "hand21", "face106" (LaPa),
 * "ap10k17" (animals), "mpii16", "crowdpose14". Conversions lead to "openpose18", "openpose25" and
 * "mediapipe33" too. Left and right are the person's, but of face106 the picture's.
 *
 * Threads: no state; sets are static tables and never freed. */
#ifndef STANCE_KEYPOINTS_H
#define STANCE_KEYPOINTS_H

#include <stdint.h>

#include "stance/error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct stance_keypoint_set {
    const char *name; /* "coco17" */
    int32_t count;
    const char *const *names;   /* [count], each once */
    const uint8_t (*colors)[3]; /* [count], RGB */
    const float *sigmas;        /* [count], OKS constants; NULL: the set has none */
    const int32_t *flip;        /* [count], index of the mirrored keypoint */
    int32_t edge_count;
    const int32_t (*edges)[2];       /* [edge_count], pairs of keypoints */
    const uint8_t (*edge_colors)[3]; /* [edge_count], RGB */
};

/* By name, or NULL. */
STANCE_API const struct stance_keypoint_set *stance_keypoint_set_find(const char *name);

/* Set i, or NULL behind the last. */
STANCE_API const struct stance_keypoint_set *stance_keypoint_set_at(int i);

struct stance_keypoint {
    float x, y;
    float score; /* as the network gives it: mostly 0 … 1, peaks can be a little above 1 */
};

/* For every keypoint of `to` the index of the one in `from` that is the same place of the body, or
 * -1; `map` has to->count entries. Returns how many there are. Errors: EARGUMENT when there is none
 * (hands and bodies, people and animals). */
STANCE_API int stance_keypoint_set_map(const struct stance_keypoint_set *from,
                                       const struct stance_keypoint_set *to, int32_t *map);

/* Keypoints of one person by such a map, whose length is `count`: common ones are copied exactly,
 * missing ones are absent: 0, 0 with score 0, never guessed from others. `from` and `to` do not
 * overlap. */
STANCE_API void stance_keypoints_convert(const int32_t *map, int count,
                                         const struct stance_keypoint *from,
                                         struct stance_keypoint *to);

#ifdef __cplusplus
}
#endif
#endif
