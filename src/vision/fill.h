/* Sampled pixels, normalised, into the planes of a network input. */
#ifndef VISION_FILL_H
#define VISION_FILL_H

#include "vision/input.h"
#include "vision/sample.h"

/* Errors: EARGUMENT, ELIMIT for an input or picture that cannot be used. */
int vision_fill_check(const struct vision_input *input, const struct stance_image *image);

/* Fills rows [first, end): the grid's pixels in the top left width × height, `pad` elsewhere. */
void vision_fill(float *out, const struct vision_input *input, const struct stance_image *image,
                 const struct vision_grid *grid, int width, int height, int first, int end);

#endif
