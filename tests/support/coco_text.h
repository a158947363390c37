/* Small COCO files as text: annotations and results of people whose keypoints lie on a line, each from
 * one row of a table. */
#ifndef SUPPORT_COCO_TEXT_H
#define SUPPORT_COCO_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"

struct coco_person {
    int id, picture;
    double x, y, width, height; /* of the box; keypoint k of n is at k / n of its diagonal */
    int visible;                /* visibility of all keypoints */
    bool crowd;
    double score, shift; /* results: moved by `shift` pixels to the right */
};

/* {"images": …} with pictures 1 … `pictures`, which have crowdIndex 0, 0.5, 1, 0, …. */
void coco_text_truth(struct base_buffer *out, const struct coco_person *people, int count,
                     int pictures, int keypoints);
/* [{"image_id": …}]; boxes when `keypoints` is 0. */
void coco_text_results(struct base_buffer *out, const struct coco_person *people, int count,
                       int keypoints);

#endif
