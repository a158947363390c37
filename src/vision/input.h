/* Pictures into network inputs: the letterbox of detectors and the person crop of pose networks,
 * straight from the source pixels into a float tensor.
 *
 * The tensor is one image of [3][height][width]. Both functions cut their work into `parts` shares
 * of rows for a pool; each call does share `part`, allocates nothing, and all of them return the
 * same code and the same mapping. Any pixel format is accepted; grey gives three equal channels and
 * alpha is ignored. */
#ifndef VISION_INPUT_H
#define VISION_INPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "stance/image.h"

/* What a network wants to see. */
struct vision_input {
    int32_t width, height;
    bool bgr;              /* channel order of the tensor; false: RGB */
    bool udp;              /* crop: the region's edges are centres of the outer pixels (UDP) */
    bool round_size;       /* letterbox: its size is rounded (mmdet); false: truncated (rtmlib) */
    float scale;           /* value = (pixel · scale - mean) / std: 1, or 1/255 */
    float mean[3], std[3]; /* in the tensor's channel order */
};

/* From network coordinates to the picture's: x = u · scale[0] + offset[0], y likewise. */
struct vision_mapping {
    float scale[2], offset[2];
};

/* Grey level around a letterboxed picture, before normalisation. */
enum { VISION_PAD = 114 };

/* The whole picture, its aspect kept, bilinear, in the top left corner.
 * Errors: EARGUMENT (also for an input description that makes no sense), ELIMIT. */
int vision_letterbox(float *out, const struct vision_input *input, const struct stance_image *image,
                     struct vision_mapping *mapping, int part, int parts);

/* The part of an input that a picture fills, in whole steps. Errors: as above. */
int vision_letterbox_part(const struct vision_input *input, const struct stance_image *image,
                          int step, int32_t *width, int32_t *height);

/* The surroundings of a box x1, y1, x2, y2: its size times `padding` (1.25 for RTMPose), widened to
 * the aspect of the input, centred, bilinear, black outside of the picture. Boxes thinner than a
 * pixel count as one pixel. Errors: as above, and EARGUMENT for a box that is not finite. */
int vision_crop(float *out, const struct vision_input *input, const struct stance_image *image,
                const float box[4], float padding, struct vision_mapping *mapping, int part,
                int parts);

static inline void vision_map(const struct vision_mapping *mapping, float *x, float *y)
{
    *x = *x * mapping->scale[0] + mapping->offset[0];
    *y = *y * mapping->scale[1] + mapping->offset[1];
}

/* A copy resized as cv2.resize does with INTER_LINEAR; RGB24 and BGR24 stay as they are, other
 * formats become RGB24. Errors: EARGUMENT, ELIMIT, ENOMEMORY. */
int vision_resize(struct stance_image **out, const struct stance_image *image, int width,
                  int height);

#endif
