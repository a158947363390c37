/* Drawing results on pictures. In libstance-media.
 *
 * Threads: no state; a picture belongs to the caller while it is drawn on. */
#ifndef STANCE_DRAW_H
#define STANCE_DRAW_H

#include "stance/image.h"
#include "stance/pose.h"

#ifdef __cplusplus
extern "C" {
#endif

struct stance_draw_options {
    uint32_t struct_size;     /* filled by stance_draw_options_default() */
    float keypoint_threshold; /* keypoints below are not drawn; 0.3 */
    float radius;             /* of joints in pixels; 0: by the size of the person */
    float thickness;          /* of limbs in pixels; 0: by the size of the person */
    int32_t boxes;            /* not 0: draw boxes; 1 */
    int32_t scores;           /* not 0: write the box score; 1 */
};

STANCE_API void stance_draw_options_default(struct stance_draw_options *options);

/* Draws limbs, joints, boxes and scores, anti-aliased, on an RGB24 or BGR24 picture.
 * `options` NULL: the defaults. Errors: EUNSUPPORTED (pixel format), EARGUMENT, ELIMIT. */
STANCE_API int stance_draw_pose(struct stance_image *image, const struct stance_pose_result *result,
                                const struct stance_draw_options *options);

#ifdef __cplusplus
}
#endif
#endif
