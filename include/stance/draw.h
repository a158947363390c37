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

/* How people look. Sizes follow the person's box unless `radius` and `thickness` say otherwise. */
enum stance_draw_style {
    STANCE_DRAW_STANCE = 0, /* limbs and joints with dark rims, boxes, scores */
    STANCE_DRAW_MMPOSE = 1, /* as MMPose: thin limbs (1 pixel and more), joints (3), green boxes */
    STANCE_DRAW_OPENPOSE = 2, /* as OpenPose: tapering limbs in rainbow colours, no boxes */
    STANCE_DRAW_SIMPLE = 3,   /* radius 2, thickness 1 at any size, no boxes: cheap */
};

struct stance_draw_options {
    uint32_t struct_size;     /* filled by stance_draw_options_default() */
    float keypoint_threshold; /* keypoints below are not drawn; 0.3 */
    float radius;             /* of joints in pixels; 0: as the style has it */
    float thickness;          /* of limbs in pixels; 0: as the style has it */
    int32_t boxes;            /* 1: draw boxes, 0: do not, -1: as the style has it; -1 */
    int32_t scores;           /* the same for the box score as text; -1 */
    int32_t style;            /* enum stance_draw_style; STANCE_DRAW_STANCE */
    int32_t reserved;
    const int64_t *ids; /* [person_count], written as "#12" and giving the box its colour; 0: this
                                  person has none. NULL: nobody has */
    const char *const
        *labels;         /* [person_count], for instance actions; entries may be NULL. Or NULL */
    const char *caption; /* a line in the top left corner, for instance "24.9 fps"; or NULL */
};

STANCE_API void stance_draw_options_default(struct stance_draw_options *options);

/* Draws limbs, joints, boxes and text, anti-aliased, on a picture of any format; on YUV420P and
 * NV12 straight on their planes. Letters other than ASCII are drawn as boxes. `options` NULL: the
 * defaults. Errors: EARGUMENT, ELIMIT. */
STANCE_API int stance_draw_pose(struct stance_image *image, const struct stance_pose_result *result,
                                const struct stance_draw_options *options);

#ifdef __cplusplus
}
#endif
#endif
