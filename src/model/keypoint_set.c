/* Keypoint sets: names, skeletons, colours, OKS constants. Left is green, right orange, the middle
 * blue. Sources: COCO (cocodataset.org, keypoints-eval), Halpe-26 (Halpe-FullBody). */
#include <string.h>

#include "model/family.h"

/* clang-format off */
#define LEFT {0, 200, 83}
#define RIGHT {255, 128, 0}
#define MIDDLE {51, 153, 255}

static const char *const names[] = {
    "nose",           "left_eye",    "right_eye",  "left_ear",       "right_ear",
    "left_shoulder",  "right_shoulder", "left_elbow", "right_elbow", "left_wrist",
    "right_wrist",    "left_hip",    "right_hip",  "left_knee",      "right_knee",
    "left_ankle",     "right_ankle", "head",       "neck",           "hip",
    "left_big_toe",   "right_big_toe", "left_small_toe", "right_small_toe", "left_heel",
    "right_heel",
};

static const uint8_t colors[][3] = {
    MIDDLE, MIDDLE, MIDDLE, MIDDLE, MIDDLE, LEFT,   RIGHT,  LEFT,  RIGHT,
    LEFT,   RIGHT,  LEFT,   RIGHT,  LEFT,   RIGHT,  LEFT,   RIGHT, MIDDLE,
    MIDDLE, MIDDLE, LEFT,   RIGHT,  LEFT,   RIGHT,  LEFT,   RIGHT,
};

static const float sigmas[] = {
    0.026f, 0.025f, 0.025f, 0.035f, 0.035f, 0.079f, 0.079f, 0.072f, 0.072f,
    0.062f, 0.062f, 0.107f, 0.107f, 0.087f, 0.087f, 0.089f, 0.089f, 0.026f,
    0.026f, 0.066f, 0.079f, 0.079f, 0.079f, 0.079f, 0.079f, 0.079f,
};

static const int32_t flip[] = {0,  2,  1,  4,  3,  6,  5,  8,  7,  10, 9,  12, 11,
                               14, 13, 16, 15, 17, 18, 19, 21, 20, 23, 22, 25, 24};

static const int32_t coco_edges[][2] = {
    {15, 13}, {13, 11}, {16, 14}, {14, 12}, {11, 12}, {5, 11}, {6, 12}, {5, 6}, {5, 7}, {6, 8},
    {7, 9},   {8, 10},  {1, 2},   {0, 1},   {0, 2},   {1, 3},  {2, 4},  {3, 5}, {4, 6},
};

static const uint8_t coco_edge_colors[][3] = {
    LEFT, LEFT,  RIGHT,  RIGHT,  MIDDLE, MIDDLE, MIDDLE, MIDDLE, LEFT,   RIGHT,
    LEFT, RIGHT, MIDDLE, MIDDLE, MIDDLE, MIDDLE, MIDDLE, MIDDLE, MIDDLE,
};

static const int32_t halpe_edges[][2] = {
    {15, 13}, {13, 11}, {11, 19}, {16, 14}, {14, 12}, {12, 19}, {17, 18}, {18, 19}, {18, 5},
    {5, 7},   {7, 9},   {18, 6},  {6, 8},   {8, 10},  {1, 2},   {0, 1},   {0, 2},   {1, 3},
    {2, 4},   {3, 5},   {4, 6},   {15, 20}, {15, 22}, {15, 24}, {16, 21}, {16, 23}, {16, 25},
};

static const uint8_t halpe_edge_colors[][3] = {
    LEFT, LEFT,  LEFT,  RIGHT,  RIGHT,  RIGHT,  MIDDLE, MIDDLE, LEFT,
    LEFT, LEFT,  RIGHT, RIGHT,  RIGHT,  MIDDLE, MIDDLE, MIDDLE, MIDDLE,
    MIDDLE, MIDDLE, MIDDLE, LEFT, LEFT, LEFT,   RIGHT,  RIGHT,  RIGHT,
};

static const struct stance_keypoint_set sets[] = {
    {.name = "coco17", .count = 17, .names = names, .colors = colors, .sigmas = sigmas,
     .flip = flip, .edge_count = sizeof coco_edges / sizeof coco_edges[0], .edges = coco_edges,
     .edge_colors = coco_edge_colors},
    {.name = "halpe26", .count = 26, .names = names, .colors = colors, .sigmas = sigmas,
     .flip = flip, .edge_count = sizeof halpe_edges / sizeof halpe_edges[0],
     .edges = halpe_edges, .edge_colors = halpe_edge_colors},
};
/* clang-format on */

const struct stance_keypoint_set *stance_keypoint_set_find(const char *name)
{
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++)
        if (strcmp(sets[i].name, name) == 0)
            return &sets[i];
    return NULL;
}

const struct stance_keypoint_set *model_keypoint_set(int count, struct model_plain_set *fallback)
{
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++)
        if (sets[i].count == count)
            return &sets[i];
    static const uint8_t plain[3] = MIDDLE;
    for (int i = 0; i < count; i++) {
        fallback->names[i] = "point";
        memcpy(fallback->colors[i], plain, 3);
        fallback->flip[i] = i;
    }
    fallback->set = (struct stance_keypoint_set){.name = "points",
                                                 .count = count,
                                                 .names = fallback->names,
                                                 .colors = (const uint8_t(*)[3])fallback->colors,
                                                 .flip = fallback->flip};
    return &fallback->set;
}
