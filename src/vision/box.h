/* Boxes x1, y1, x2, y2: overlap, suppression, clamping. */
#ifndef VISION_BOX_H
#define VISION_BOX_H

#include <stddef.h>
#include <stdint.h>

struct vision_box {
    float x1, y1, x2, y2;
    float score;
    int32_t label;
    int32_t index; /* which candidate it is; the smaller one goes first among equal scores */
};

/* Intersection over union, 0 … 1. `extra`: 0 for boxes as areas, 1 where the corners are pixels
 * that belong to the box (the "+1" convention of YOLOX post-processing and ByteTrack). */
float vision_box_iou(const struct vision_box *a, const struct vision_box *b, float extra);

/* Area; 0 for an empty or reversed box. */
float vision_box_area(const struct vision_box *box, float extra);

/* Best score first, equal scores by index, NaN last. In place, O(n log n). */
void vision_box_sort(struct vision_box *boxes, size_t count);

/* Greedy non-maximum suppression: sorts, then drops each box whose IoU with a better one that was
 * kept is above `threshold`. `by_label`: only boxes of one label suppress each other. Keeps at most
 * `most`. Returns how many are left, at the front. */
size_t vision_box_nms(struct vision_box *boxes, size_t count, float threshold, float extra,
                      int by_label, size_t most);

/* Into the picture: 0 … width and 0 … height. */
void vision_box_clamp(struct vision_box *box, float width, float height);

#endif
