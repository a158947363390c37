/* Keypoint sets that other programs speak: conversions lead there, no network of stance does.
 * Sources: OpenPose (doc/02_output.md), MediaPipe Pose (python/solutions/pose.py). */
#include "model/keypoint_tables.h"

/* clang-format off */
#define LEFT {0, 200, 83}
#define RIGHT {255, 128, 0}
#define MIDDLE {51, 153, 255}

static const char *const openpose18_names[] = {
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow",
    "left_wrist", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
    "right_eye", "left_eye", "right_ear", "left_ear",
};

static const uint8_t openpose18_colors[][3] = {
    MIDDLE, MIDDLE, RIGHT, RIGHT, RIGHT, LEFT, LEFT, LEFT, RIGHT, RIGHT, RIGHT, LEFT, LEFT, LEFT,
    RIGHT, LEFT, RIGHT, LEFT,
};

static const int32_t openpose18_flip[] = {
    0, 1, 5, 6, 7, 2, 3, 4, 11, 12, 13, 8, 9, 10, 15, 14, 17, 16,
};

static const int32_t openpose18_edges[][2] = {
    {1, 2}, {1, 5}, {2, 3}, {3, 4}, {5, 6}, {6, 7}, {1, 8}, {8, 9}, {9, 10}, {1, 11}, {11, 12},
    {12, 13}, {1, 0}, {0, 14}, {14, 16}, {0, 15}, {15, 17},
};

static const uint8_t openpose18_edge_colors[][3] = {
    RIGHT, LEFT, RIGHT, RIGHT, LEFT, LEFT, RIGHT, RIGHT, RIGHT, LEFT, LEFT, LEFT, MIDDLE, RIGHT,
    RIGHT, LEFT, LEFT,
};

static const char *const openpose25_names[] = {
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow",
    "left_wrist", "mid_hip", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee",
    "left_ankle", "right_eye", "left_eye", "right_ear", "left_ear", "left_big_toe",
    "left_small_toe", "left_heel", "right_big_toe", "right_small_toe", "right_heel",
};

static const uint8_t openpose25_colors[][3] = {
    MIDDLE, MIDDLE, RIGHT, RIGHT, RIGHT, LEFT, LEFT, LEFT, MIDDLE, RIGHT, RIGHT, RIGHT, LEFT, LEFT,
    LEFT, RIGHT, LEFT, RIGHT, LEFT, LEFT, LEFT, LEFT, RIGHT, RIGHT, RIGHT,
};

static const int32_t openpose25_flip[] = {
    0, 1, 5, 6, 7, 2, 3, 4, 8, 12, 13, 14, 9, 10, 11, 16, 15, 18, 17, 22, 23, 24, 19, 20, 21,
};

static const int32_t openpose25_edges[][2] = {
    {1, 8}, {1, 2}, {1, 5}, {2, 3}, {3, 4}, {5, 6}, {6, 7}, {8, 9}, {9, 10}, {10, 11}, {8, 12},
    {12, 13}, {13, 14}, {1, 0}, {0, 15}, {15, 17}, {0, 16}, {16, 18}, {14, 19}, {19, 20}, {14, 21},
    {11, 22}, {22, 23}, {11, 24},
};

static const uint8_t openpose25_edge_colors[][3] = {
    MIDDLE, RIGHT, LEFT, RIGHT, RIGHT, LEFT, LEFT, RIGHT, RIGHT, RIGHT, LEFT, LEFT, LEFT, MIDDLE,
    RIGHT, RIGHT, LEFT, LEFT, LEFT, LEFT, LEFT, RIGHT, RIGHT, RIGHT,
};

static const char *const mediapipe33_names[] = {
    "nose", "left_eye_inner", "left_eye", "left_eye_outer", "right_eye_inner", "right_eye",
    "right_eye_outer", "left_ear", "right_ear", "mouth_left", "mouth_right", "left_shoulder",
    "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_pinky",
    "right_pinky", "left_index", "right_index", "left_thumb", "right_thumb", "left_hip",
    "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle", "left_heel", "right_heel",
    "left_foot_index", "right_foot_index",
};

static const uint8_t mediapipe33_colors[][3] = {
    MIDDLE, LEFT, LEFT, LEFT, RIGHT, RIGHT, RIGHT, LEFT, RIGHT, LEFT, RIGHT, LEFT, RIGHT, LEFT,
    RIGHT, LEFT, RIGHT, LEFT, RIGHT, LEFT, RIGHT, LEFT, RIGHT, LEFT, RIGHT, LEFT, RIGHT, LEFT,
    RIGHT, LEFT, RIGHT, LEFT, RIGHT,
};

static const int32_t mediapipe33_flip[] = {
    0, 4, 5, 6, 1, 2, 3, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15, 18, 17, 20, 19, 22, 21, 24, 23, 26,
    25, 28, 27, 30, 29, 32, 31,
};

static const int32_t mediapipe33_edges[][2] = {
    {0, 1}, {1, 2}, {2, 3}, {3, 7}, {0, 4}, {4, 5}, {5, 6}, {6, 8}, {9, 10}, {11, 12}, {11, 13},
    {13, 15}, {15, 17}, {15, 19}, {15, 21}, {17, 19}, {12, 14}, {14, 16}, {16, 18}, {16, 20},
    {16, 22}, {18, 20}, {11, 23}, {12, 24}, {23, 24}, {23, 25}, {24, 26}, {25, 27}, {26, 28},
    {27, 29}, {28, 30}, {29, 31}, {30, 32}, {27, 31}, {28, 32},
};

static const uint8_t mediapipe33_edge_colors[][3] = {
    LEFT, LEFT, LEFT, LEFT, RIGHT, RIGHT, RIGHT, RIGHT, MIDDLE, MIDDLE, LEFT, LEFT, LEFT, LEFT,
    LEFT, LEFT, RIGHT, RIGHT, RIGHT, RIGHT, RIGHT, RIGHT, LEFT, RIGHT, MIDDLE, LEFT, RIGHT, LEFT,
    RIGHT, LEFT, RIGHT, LEFT, RIGHT, LEFT, RIGHT,
};

#define EDGES(set) .edge_count = sizeof set##_edges / sizeof set##_edges[0], \
    .edges = set##_edges, .edge_colors = set##_edge_colors

const struct stance_keypoint_set model_openpose18 = {
    .name = "openpose18", .count = 18, .names = openpose18_names, .colors = openpose18_colors,
    .flip = openpose18_flip, EDGES(openpose18),
};

const struct stance_keypoint_set model_openpose25 = {
    .name = "openpose25", .count = 25, .names = openpose25_names, .colors = openpose25_colors,
    .flip = openpose25_flip, EDGES(openpose25),
};

const struct stance_keypoint_set model_mediapipe33 = {
    .name = "mediapipe33", .count = 33, .names = mediapipe33_names, .colors = mediapipe33_colors,
    .flip = mediapipe33_flip, EDGES(mediapipe33),
};
/* clang-format on */
