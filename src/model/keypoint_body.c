/* Keypoint sets of the body: names, mirror images, skeletons, OKS constants. Left is green, right
 * orange, the middle blue.
 * Sources: COCO (cocodataset.org, keypoints-eval), Halpe-26 (Halpe-FullBody), CrowdPose, MPII and
 * AP-10K as MMPose lists them (configs/_base_/datasets). */
#include "model/keypoint_tables.h"

/* clang-format off */
#define LEFT {0, 200, 83}
#define RIGHT {255, 128, 0}
#define MIDDLE {51, 153, 255}

static const char *const halpe26_names[] = {
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder",
    "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee",
    "right_knee", "left_ankle", "right_ankle", "head", "neck", "hip", "left_big_toe",
    "right_big_toe", "left_small_toe", "right_small_toe", "left_heel", "right_heel",
};

static const uint8_t halpe26_colors[][3] = {
    MIDDLE, MIDDLE, MIDDLE, MIDDLE, MIDDLE, LEFT, RIGHT, LEFT, RIGHT, LEFT, RIGHT, LEFT, RIGHT,
    LEFT, RIGHT, LEFT, RIGHT, MIDDLE, MIDDLE, MIDDLE, LEFT, RIGHT, LEFT, RIGHT, LEFT, RIGHT,
};

static const float halpe26_sigmas[] = {
    0.026f, 0.025f, 0.025f, 0.035f, 0.035f, 0.079f, 0.079f, 0.072f, 0.072f, 0.062f, 0.062f, 0.107f,
    0.107f, 0.087f, 0.087f, 0.089f, 0.089f, 0.026f, 0.026f, 0.066f, 0.079f, 0.079f, 0.079f, 0.079f,
    0.079f, 0.079f,
};

static const int32_t halpe26_flip[] = {
    0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15, 17, 18, 19, 21, 20, 23, 22, 25, 24,
};

static const int32_t halpe26_edges[][2] = {
    {15, 13}, {13, 11}, {11, 19}, {16, 14}, {14, 12}, {12, 19}, {17, 18}, {18, 19}, {18, 5}, {5, 7},
    {7, 9}, {18, 6}, {6, 8}, {8, 10}, {1, 2}, {0, 1}, {0, 2}, {1, 3}, {2, 4}, {3, 5}, {4, 6},
    {15, 20}, {15, 22}, {15, 24}, {16, 21}, {16, 23}, {16, 25},
};

static const uint8_t halpe26_edge_colors[][3] = {
    LEFT, LEFT, LEFT, RIGHT, RIGHT, RIGHT, MIDDLE, MIDDLE, LEFT, LEFT, LEFT, RIGHT, RIGHT, RIGHT,
    MIDDLE, MIDDLE, MIDDLE, MIDDLE, MIDDLE, MIDDLE, MIDDLE, LEFT, LEFT, LEFT, RIGHT, RIGHT, RIGHT,
};

static const char *const crowdpose14_names[] = {
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
    "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle", "top_head",
    "neck",
};

static const uint8_t crowdpose14_colors[][3] = {
    LEFT, RIGHT, LEFT, RIGHT, LEFT, RIGHT, LEFT, RIGHT, LEFT, RIGHT, LEFT, RIGHT, MIDDLE, MIDDLE,
};

static const float crowdpose14_sigmas[] = {
    0.079f, 0.079f, 0.072f, 0.072f, 0.062f, 0.062f, 0.107f, 0.107f, 0.087f, 0.087f, 0.089f, 0.089f,
    0.079f, 0.079f,
};

static const int32_t crowdpose14_flip[] = {
    1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 12, 13,
};

static const int32_t crowdpose14_edges[][2] = {
    {10, 8}, {8, 6}, {11, 9}, {9, 7}, {6, 7}, {0, 6}, {1, 7}, {0, 1}, {0, 2}, {1, 3}, {2, 4},
    {3, 5}, {12, 13}, {1, 13}, {0, 13},
};

static const uint8_t crowdpose14_edge_colors[][3] = {
    LEFT, LEFT, RIGHT, RIGHT, MIDDLE, MIDDLE, MIDDLE, MIDDLE, LEFT, RIGHT, LEFT, RIGHT, MIDDLE,
    MIDDLE, MIDDLE,
};

static const char *const mpii16_names[] = {
    "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "pelvis",
    "thorax", "upper_neck", "head_top", "right_wrist", "right_elbow", "right_shoulder",
    "left_shoulder", "left_elbow", "left_wrist",
};

static const uint8_t mpii16_colors[][3] = {
    RIGHT, RIGHT, RIGHT, LEFT, LEFT, LEFT, MIDDLE, MIDDLE, MIDDLE, MIDDLE, RIGHT, RIGHT, RIGHT,
    LEFT, LEFT, LEFT,
};

static const float mpii16_sigmas[] = {
    0.089f, 0.083f, 0.107f, 0.107f, 0.083f, 0.089f, 0.026f, 0.026f, 0.026f, 0.026f, 0.062f, 0.072f,
    0.179f, 0.179f, 0.072f, 0.062f,
};

static const int32_t mpii16_flip[] = {
    5, 4, 3, 2, 1, 0, 6, 7, 8, 9, 15, 14, 13, 12, 11, 10,
};

static const int32_t mpii16_edges[][2] = {
    {0, 1}, {1, 2}, {2, 6}, {6, 3}, {3, 4}, {4, 5}, {6, 7}, {7, 8}, {8, 9}, {8, 12}, {12, 11},
    {11, 10}, {8, 13}, {13, 14}, {14, 15},
};

static const uint8_t mpii16_edge_colors[][3] = {
    RIGHT, RIGHT, RIGHT, LEFT, LEFT, LEFT, MIDDLE, MIDDLE, MIDDLE, RIGHT, RIGHT, RIGHT, LEFT, LEFT,
    LEFT,
};

static const char *const ap10k17_names[] = {
    "left_eye", "right_eye", "nose", "neck", "root_of_tail", "left_shoulder", "left_elbow",
    "left_front_paw", "right_shoulder", "right_elbow", "right_front_paw", "left_hip", "left_knee",
    "left_back_paw", "right_hip", "right_knee", "right_back_paw",
};

static const uint8_t ap10k17_colors[][3] = {
    LEFT, RIGHT, MIDDLE, MIDDLE, MIDDLE, LEFT, LEFT, LEFT, RIGHT, RIGHT, RIGHT, LEFT, LEFT, LEFT,
    RIGHT, RIGHT, RIGHT,
};

static const float ap10k17_sigmas[] = {
    0.025f, 0.025f, 0.026f, 0.035f, 0.035f, 0.079f, 0.072f, 0.062f, 0.079f, 0.072f, 0.062f, 0.107f,
    0.087f, 0.089f, 0.107f, 0.087f, 0.089f,
};

static const int32_t ap10k17_flip[] = {
    1, 0, 2, 3, 4, 8, 9, 10, 5, 6, 7, 14, 15, 16, 11, 12, 13,
};

static const int32_t ap10k17_edges[][2] = {
    {0, 1}, {0, 2}, {1, 2}, {2, 3}, {3, 4}, {3, 5}, {5, 6}, {6, 7}, {3, 8}, {8, 9}, {9, 10},
    {4, 11}, {11, 12}, {12, 13}, {4, 14}, {14, 15}, {15, 16},
};

static const uint8_t ap10k17_edge_colors[][3] = {
    MIDDLE, LEFT, RIGHT, MIDDLE, MIDDLE, LEFT, LEFT, LEFT, RIGHT, RIGHT, RIGHT, LEFT, LEFT, LEFT,
    RIGHT, RIGHT, RIGHT,
};

/* COCO's keypoints are the first 17 of Halpe's. */
static const int32_t coco17_edges[][2] = {
    {15, 13}, {13, 11}, {16, 14}, {14, 12}, {11, 12}, {5, 11}, {6, 12}, {5, 6}, {5, 7}, {6, 8},
    {7, 9}, {8, 10}, {1, 2}, {0, 1}, {0, 2}, {1, 3}, {2, 4}, {3, 5}, {4, 6},
};

static const uint8_t coco17_edge_colors[][3] = {
    LEFT, LEFT, RIGHT, RIGHT, MIDDLE, MIDDLE, MIDDLE, MIDDLE, LEFT, RIGHT, LEFT, RIGHT, MIDDLE,
    MIDDLE, MIDDLE, MIDDLE, MIDDLE, MIDDLE, MIDDLE,
};

#define EDGES(set) .edge_count = sizeof set##_edges / sizeof set##_edges[0], \
    .edges = set##_edges, .edge_colors = set##_edge_colors

const struct stance_keypoint_set model_coco17 = {
    .name = "coco17", .count = 17, .names = halpe26_names, .colors = halpe26_colors,
    .sigmas = halpe26_sigmas,
    .flip = halpe26_flip, EDGES(coco17),
};

const struct stance_keypoint_set model_halpe26 = {
    .name = "halpe26", .count = 26, .names = halpe26_names, .colors = halpe26_colors,
    .sigmas = halpe26_sigmas,
    .flip = halpe26_flip, EDGES(halpe26),
};

const struct stance_keypoint_set model_crowdpose14 = {
    .name = "crowdpose14", .count = 14, .names = crowdpose14_names, .colors = crowdpose14_colors,
    .sigmas = crowdpose14_sigmas,
    .flip = crowdpose14_flip, EDGES(crowdpose14),
};

const struct stance_keypoint_set model_mpii16 = {
    .name = "mpii16", .count = 16, .names = mpii16_names, .colors = mpii16_colors,
    .sigmas = mpii16_sigmas,
    .flip = mpii16_flip, EDGES(mpii16),
};

const struct stance_keypoint_set model_ap10k17 = {
    .name = "ap10k17", .count = 17, .names = ap10k17_names, .colors = ap10k17_colors,
    .sigmas = ap10k17_sigmas,
    .flip = ap10k17_flip, EDGES(ap10k17),
};
/* clang-format on */
