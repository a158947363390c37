/* Box arithmetic and greedy suppression. */
#include <math.h>
#include <stdbool.h>

#include "vision/box.h"

float vision_box_area(const struct vision_box *box, float extra)
{
    float width = box->x2 - box->x1 + extra, height = box->y2 - box->y1 + extra;
    return width > 0 && height > 0 ? width * height : 0.0f;
}

float vision_box_iou(const struct vision_box *a, const struct vision_box *b, float extra)
{
    struct vision_box shared = {
        .x1 = fmaxf(a->x1, b->x1),
        .y1 = fmaxf(a->y1, b->y1),
        .x2 = fminf(a->x2, b->x2),
        .y2 = fminf(a->y2, b->y2),
    };
    float both = vision_box_area(&shared, extra);
    float either = vision_box_area(a, extra) + vision_box_area(b, extra) - both;
    return either > 0 ? both / either : 0.0f;
}

/* A strict order, so that a heap, which is not stable by itself, gives one answer. */
static bool before(const struct vision_box *a, const struct vision_box *b)
{
    if (isnan(a->score) || isnan(b->score))
        return isnan(a->score) == isnan(b->score) ? a->index < b->index : isnan(b->score);
    return a->score != b->score ? a->score > b->score : a->index < b->index;
}

/* Moves boxes[root] down to its place in a heap whose top comes last in the order. */
static void sift(struct vision_box *boxes, size_t root, size_t count)
{
    struct vision_box moved = boxes[root];
    for (size_t child = 2 * root + 1; child < count; child = 2 * root + 1) {
        if (child + 1 < count && before(&boxes[child], &boxes[child + 1]))
            child++;
        if (!before(&moved, &boxes[child]))
            break;
        boxes[root] = boxes[child];
        root = child;
    }
    boxes[root] = moved;
}

void vision_box_sort(struct vision_box *boxes, size_t count)
{
    for (size_t root = count / 2; root-- > 0;)
        sift(boxes, root, count);
    for (size_t end = count; end-- > 1;) {
        struct vision_box last = boxes[0];
        boxes[0] = boxes[end];
        boxes[end] = last;
        sift(boxes, 0, end);
    }
}

size_t vision_box_nms(struct vision_box *boxes, size_t count, float threshold, float extra,
                      int by_label, size_t most)
{
    vision_box_sort(boxes, count);
    size_t kept = 0;
    for (size_t i = 0; i < count && kept < most; i++) {
        bool keep = true;
        for (size_t j = 0; j < kept && keep; j++)
            keep = (by_label && boxes[j].label != boxes[i].label) ||
                   !(vision_box_iou(&boxes[j], &boxes[i], extra) > threshold);
        if (keep)
            boxes[kept++] = boxes[i];
    }
    return kept;
}

static float clamp(float value, float limit)
{
    return fminf(fmaxf(value, 0), limit);
}

void vision_box_clamp(struct vision_box *box, float width, float height)
{
    box->x1 = clamp(box->x1, width);
    box->x2 = clamp(box->x2, width);
    box->y1 = clamp(box->y1, height);
    box->y2 = clamp(box->y2, height);
}
