/* Keypoint sets of hands, faces and whole bodies. Fingers and face have MMPose's colours.
 * Sources: COCO-WholeBody and its hands, LaPa's 106 points, as MMPose lists them
 * (configs/_base_/datasets; LaPa has no skeleton there: here its points are joined along contour,
 * brows, eyes, nose and lips). Left and right of LaPa's faces are those of the picture. */
#include "model/keypoint_tables.h"

/* clang-format off */
#define LEFT {0, 200, 83}
#define RIGHT {255, 128, 0}
#define MIDDLE {51, 153, 255}
#define ROOT {255, 255, 255}
#define THUMB {255, 128, 0}
#define FOREFINGER {255, 153, 255}
#define MIDDLE_FINGER {102, 178, 255}
#define RING_FINGER {255, 51, 51}
#define PINKY {0, 255, 0}
#define FACE {255, 255, 255}

static const char *const wholebody133_names[] = {
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder",
    "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee",
    "right_knee", "left_ankle", "right_ankle", "left_big_toe", "left_small_toe", "left_heel",
    "right_big_toe", "right_small_toe", "right_heel", "face_0", "face_1", "face_2", "face_3",
    "face_4", "face_5", "face_6", "face_7", "face_8", "face_9", "face_10", "face_11", "face_12",
    "face_13", "face_14", "face_15", "face_16", "face_17", "face_18", "face_19", "face_20",
    "face_21", "face_22", "face_23", "face_24", "face_25", "face_26", "face_27", "face_28",
    "face_29", "face_30", "face_31", "face_32", "face_33", "face_34", "face_35", "face_36",
    "face_37", "face_38", "face_39", "face_40", "face_41", "face_42", "face_43", "face_44",
    "face_45", "face_46", "face_47", "face_48", "face_49", "face_50", "face_51", "face_52",
    "face_53", "face_54", "face_55", "face_56", "face_57", "face_58", "face_59", "face_60",
    "face_61", "face_62", "face_63", "face_64", "face_65", "face_66", "face_67", "left_hand_root",
    "left_thumb1", "left_thumb2", "left_thumb3", "left_thumb4", "left_forefinger1",
    "left_forefinger2", "left_forefinger3", "left_forefinger4", "left_middle_finger1",
    "left_middle_finger2", "left_middle_finger3", "left_middle_finger4", "left_ring_finger1",
    "left_ring_finger2", "left_ring_finger3", "left_ring_finger4", "left_pinky_finger1",
    "left_pinky_finger2", "left_pinky_finger3", "left_pinky_finger4", "right_hand_root",
    "right_thumb1", "right_thumb2", "right_thumb3", "right_thumb4", "right_forefinger1",
    "right_forefinger2", "right_forefinger3", "right_forefinger4", "right_middle_finger1",
    "right_middle_finger2", "right_middle_finger3", "right_middle_finger4", "right_ring_finger1",
    "right_ring_finger2", "right_ring_finger3", "right_ring_finger4", "right_pinky_finger1",
    "right_pinky_finger2", "right_pinky_finger3", "right_pinky_finger4",
};

static const uint8_t wholebody133_colors[][3] = {
    MIDDLE, MIDDLE, MIDDLE, MIDDLE, MIDDLE, LEFT, RIGHT, LEFT, RIGHT, LEFT, RIGHT, LEFT, RIGHT,
    LEFT, RIGHT, LEFT, RIGHT, LEFT, LEFT, LEFT, RIGHT, RIGHT, RIGHT, FACE, FACE, FACE, FACE,
    FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE,
    FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE,
    FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE,
    FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE,
    ROOT, THUMB, THUMB, THUMB, THUMB, FOREFINGER, FOREFINGER, FOREFINGER, FOREFINGER, MIDDLE_FINGER,
    MIDDLE_FINGER, MIDDLE_FINGER, MIDDLE_FINGER, RING_FINGER, RING_FINGER, RING_FINGER, RING_FINGER,
    PINKY, PINKY, PINKY, PINKY, ROOT, THUMB, THUMB, THUMB, THUMB, FOREFINGER, FOREFINGER,
    FOREFINGER, FOREFINGER, MIDDLE_FINGER, MIDDLE_FINGER, MIDDLE_FINGER, MIDDLE_FINGER, RING_FINGER,
    RING_FINGER, RING_FINGER, RING_FINGER, PINKY, PINKY, PINKY, PINKY,
};

static const float wholebody133_sigmas[] = {
    0.026f, 0.025f, 0.025f, 0.035f, 0.035f, 0.079f, 0.079f, 0.072f, 0.072f, 0.062f, 0.062f, 0.107f,
    0.107f, 0.087f, 0.087f, 0.089f, 0.089f, 0.068f, 0.066f, 0.066f, 0.092f, 0.094f, 0.094f, 0.042f,
    0.043f, 0.044f, 0.043f, 0.04f, 0.035f, 0.031f, 0.025f, 0.02f, 0.023f, 0.029f, 0.032f, 0.037f,
    0.038f, 0.043f, 0.041f, 0.045f, 0.013f, 0.012f, 0.011f, 0.011f, 0.012f, 0.012f, 0.011f, 0.011f,
    0.013f, 0.015f, 0.009f, 0.007f, 0.007f, 0.007f, 0.012f, 0.009f, 0.008f, 0.016f, 0.01f, 0.017f,
    0.011f, 0.009f, 0.011f, 0.009f, 0.007f, 0.013f, 0.008f, 0.011f, 0.012f, 0.01f, 0.034f, 0.008f,
    0.008f, 0.009f, 0.008f, 0.008f, 0.007f, 0.01f, 0.008f, 0.009f, 0.009f, 0.009f, 0.007f, 0.007f,
    0.008f, 0.011f, 0.008f, 0.008f, 0.008f, 0.01f, 0.008f, 0.029f, 0.022f, 0.035f, 0.037f, 0.047f,
    0.026f, 0.025f, 0.024f, 0.035f, 0.018f, 0.024f, 0.022f, 0.026f, 0.017f, 0.021f, 0.021f, 0.032f,
    0.02f, 0.019f, 0.022f, 0.031f, 0.029f, 0.022f, 0.035f, 0.037f, 0.047f, 0.026f, 0.025f, 0.024f,
    0.035f, 0.018f, 0.024f, 0.022f, 0.026f, 0.017f, 0.021f, 0.021f, 0.032f, 0.02f, 0.019f, 0.022f,
    0.031f,
};

static const int32_t wholebody133_flip[] = {
    0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15, 20, 21, 22, 17, 18, 19, 39, 38, 37,
    36, 35, 34, 33, 32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 49, 48, 47, 46, 45, 44, 43, 42, 41, 40,
    50, 51, 52, 53, 58, 57, 56, 55, 54, 68, 67, 66, 65, 70, 69, 62, 61, 60, 59, 64, 63, 77, 76, 75,
    74, 73, 72, 71, 82, 81, 80, 79, 78, 87, 86, 85, 84, 83, 90, 89, 88, 112, 113, 114, 115, 116,
    117, 118, 119, 120, 121, 122, 123, 124, 125, 126, 127, 128, 129, 130, 131, 132, 91, 92, 93, 94,
    95, 96, 97, 98, 99, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111,
};

static const int32_t wholebody133_edges[][2] = {
    {15, 13}, {13, 11}, {16, 14}, {14, 12}, {11, 12}, {5, 11}, {6, 12}, {5, 6}, {5, 7}, {6, 8},
    {7, 9}, {8, 10}, {1, 2}, {0, 1}, {0, 2}, {1, 3}, {2, 4}, {3, 5}, {4, 6}, {15, 17}, {15, 18},
    {15, 19}, {16, 20}, {16, 21}, {16, 22}, {91, 92}, {92, 93}, {93, 94}, {94, 95}, {91, 96},
    {96, 97}, {97, 98}, {98, 99}, {91, 100}, {100, 101}, {101, 102}, {102, 103}, {91, 104},
    {104, 105}, {105, 106}, {106, 107}, {91, 108}, {108, 109}, {109, 110}, {110, 111}, {112, 113},
    {113, 114}, {114, 115}, {115, 116}, {112, 117}, {117, 118}, {118, 119}, {119, 120}, {112, 121},
    {121, 122}, {122, 123}, {123, 124}, {112, 125}, {125, 126}, {126, 127}, {127, 128}, {112, 129},
    {129, 130}, {130, 131}, {131, 132},
};

static const uint8_t wholebody133_edge_colors[][3] = {
    LEFT, LEFT, RIGHT, RIGHT, MIDDLE, MIDDLE, MIDDLE, MIDDLE, LEFT, RIGHT, LEFT, RIGHT, MIDDLE,
    MIDDLE, MIDDLE, MIDDLE, MIDDLE, MIDDLE, MIDDLE, LEFT, LEFT, LEFT, RIGHT, RIGHT, RIGHT, THUMB,
    THUMB, THUMB, THUMB, FOREFINGER, FOREFINGER, FOREFINGER, FOREFINGER, MIDDLE_FINGER,
    MIDDLE_FINGER, MIDDLE_FINGER, MIDDLE_FINGER, RING_FINGER, RING_FINGER, RING_FINGER, RING_FINGER,
    PINKY, PINKY, PINKY, PINKY, THUMB, THUMB, THUMB, THUMB, FOREFINGER, FOREFINGER, FOREFINGER,
    FOREFINGER, MIDDLE_FINGER, MIDDLE_FINGER, MIDDLE_FINGER, MIDDLE_FINGER, RING_FINGER,
    RING_FINGER, RING_FINGER, RING_FINGER, PINKY, PINKY, PINKY, PINKY,
};

static const char *const hand21_names[] = {
    "wrist", "thumb1", "thumb2", "thumb3", "thumb4", "forefinger1", "forefinger2", "forefinger3",
    "forefinger4", "middle_finger1", "middle_finger2", "middle_finger3", "middle_finger4",
    "ring_finger1", "ring_finger2", "ring_finger3", "ring_finger4", "pinky_finger1",
    "pinky_finger2", "pinky_finger3", "pinky_finger4",
};

static const uint8_t hand21_colors[][3] = {
    ROOT, THUMB, THUMB, THUMB, THUMB, FOREFINGER, FOREFINGER, FOREFINGER, FOREFINGER, MIDDLE_FINGER,
    MIDDLE_FINGER, MIDDLE_FINGER, MIDDLE_FINGER, RING_FINGER, RING_FINGER, RING_FINGER, RING_FINGER,
    PINKY, PINKY, PINKY, PINKY,
};

static const float hand21_sigmas[] = {
    0.029f, 0.022f, 0.035f, 0.037f, 0.047f, 0.026f, 0.025f, 0.024f, 0.035f, 0.018f, 0.024f, 0.022f,
    0.026f, 0.017f, 0.021f, 0.021f, 0.032f, 0.02f, 0.019f, 0.022f, 0.031f,
};

static const int32_t hand21_flip[] = {
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
};

static const int32_t hand21_edges[][2] = {
    {0, 1}, {1, 2}, {2, 3}, {3, 4}, {0, 5}, {5, 6}, {6, 7}, {7, 8}, {0, 9}, {9, 10}, {10, 11},
    {11, 12}, {0, 13}, {13, 14}, {14, 15}, {15, 16}, {0, 17}, {17, 18}, {18, 19}, {19, 20},
};

static const uint8_t hand21_edge_colors[][3] = {
    THUMB, THUMB, THUMB, THUMB, FOREFINGER, FOREFINGER, FOREFINGER, FOREFINGER, MIDDLE_FINGER,
    MIDDLE_FINGER, MIDDLE_FINGER, MIDDLE_FINGER, RING_FINGER, RING_FINGER, RING_FINGER, RING_FINGER,
    PINKY, PINKY, PINKY, PINKY,
};

static const char *const face106_names[] = {
    "lapa_0", "lapa_1", "lapa_2", "lapa_3", "lapa_4", "lapa_5", "lapa_6", "lapa_7", "lapa_8",
    "lapa_9", "lapa_10", "lapa_11", "lapa_12", "lapa_13", "lapa_14", "lapa_15", "lapa_16",
    "lapa_17", "lapa_18", "lapa_19", "lapa_20", "lapa_21", "lapa_22", "lapa_23", "lapa_24",
    "lapa_25", "lapa_26", "lapa_27", "lapa_28", "lapa_29", "lapa_30", "lapa_31", "lapa_32",
    "lapa_33", "lapa_34", "lapa_35", "lapa_36", "lapa_37", "lapa_38", "lapa_39", "lapa_40",
    "lapa_41", "lapa_42", "lapa_43", "lapa_44", "lapa_45", "lapa_46", "lapa_47", "lapa_48",
    "lapa_49", "lapa_50", "lapa_51", "lapa_52", "lapa_53", "lapa_54", "lapa_55", "lapa_56",
    "lapa_57", "lapa_58", "lapa_59", "lapa_60", "lapa_61", "lapa_62", "lapa_63", "lapa_64",
    "lapa_65", "lapa_66", "lapa_67", "lapa_68", "lapa_69", "lapa_70", "lapa_71", "lapa_72",
    "lapa_73", "lapa_74", "lapa_75", "lapa_76", "lapa_77", "lapa_78", "lapa_79", "lapa_80",
    "lapa_81", "lapa_82", "lapa_83", "lapa_84", "lapa_85", "lapa_86", "lapa_87", "lapa_88",
    "lapa_89", "lapa_90", "lapa_91", "lapa_92", "lapa_93", "lapa_94", "lapa_95", "lapa_96",
    "lapa_97", "lapa_98", "lapa_99", "lapa_100", "lapa_101", "lapa_102", "lapa_103", "lapa_104",
    "lapa_105",
};

static const uint8_t face106_colors[][3] = {
    FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE,
    FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE,
    FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE,
    FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE,
    FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE,
    FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE,
    FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE,
};

static const int32_t face106_flip[] = {
    32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9,
    8, 7, 6, 5, 4, 3, 2, 1, 0, 46, 45, 44, 43, 42, 50, 49, 48, 47, 37, 36, 35, 34, 33, 41, 40, 39,
    38, 51, 52, 53, 54, 65, 64, 63, 62, 61, 60, 59, 58, 57, 56, 55, 79, 78, 77, 76, 75, 82, 81, 80,
    83, 70, 69, 68, 67, 66, 73, 72, 71, 74, 90, 89, 88, 87, 86, 85, 84, 95, 94, 93, 92, 91, 100, 99,
    98, 97, 96, 103, 102, 101, 105, 104,
};

static const int32_t face106_edges[][2] = {
    {0, 1}, {1, 2}, {2, 3}, {3, 4}, {4, 5}, {5, 6}, {6, 7}, {7, 8}, {8, 9}, {9, 10}, {10, 11},
    {11, 12}, {12, 13}, {13, 14}, {14, 15}, {15, 16}, {16, 17}, {17, 18}, {18, 19}, {19, 20},
    {20, 21}, {21, 22}, {22, 23}, {23, 24}, {24, 25}, {25, 26}, {26, 27}, {27, 28}, {28, 29},
    {29, 30}, {30, 31}, {31, 32}, {33, 34}, {34, 35}, {35, 36}, {36, 37}, {37, 38}, {38, 39},
    {39, 40}, {40, 41}, {41, 33}, {42, 43}, {43, 44}, {44, 45}, {45, 46}, {46, 47}, {47, 48},
    {48, 49}, {49, 50}, {50, 42}, {51, 52}, {52, 53}, {53, 54}, {55, 56}, {56, 57}, {57, 58},
    {58, 59}, {59, 60}, {60, 61}, {61, 62}, {62, 63}, {63, 64}, {64, 65}, {66, 67}, {67, 68},
    {68, 69}, {69, 70}, {70, 71}, {71, 72}, {72, 73}, {73, 66}, {75, 76}, {76, 77}, {77, 78},
    {78, 79}, {79, 80}, {80, 81}, {81, 82}, {82, 75}, {84, 85}, {85, 86}, {86, 87}, {87, 88},
    {88, 89}, {89, 90}, {90, 91}, {91, 92}, {92, 93}, {93, 94}, {94, 95}, {95, 84}, {96, 97},
    {97, 98}, {98, 99}, {99, 100}, {100, 101}, {101, 102}, {102, 103}, {103, 96},
};

static const uint8_t face106_edge_colors[][3] = {
    FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE,
    FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE,
    FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE,
    FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE,
    FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE,
    FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE, FACE,
    FACE, FACE, FACE,
};

#define EDGES(set) .edge_count = sizeof set##_edges / sizeof set##_edges[0], \
    .edges = set##_edges, .edge_colors = set##_edge_colors

const struct stance_keypoint_set model_wholebody133 = {
    .name = "wholebody133", .count = 133, .names = wholebody133_names,
    .colors = wholebody133_colors, .sigmas = wholebody133_sigmas,
    .flip = wholebody133_flip, EDGES(wholebody133),
};

const struct stance_keypoint_set model_hand21 = {
    .name = "hand21", .count = 21, .names = hand21_names, .colors = hand21_colors,
    .sigmas = hand21_sigmas,
    .flip = hand21_flip, EDGES(hand21),
};

const struct stance_keypoint_set model_face106 = {
    .name = "face106", .count = 106, .names = face106_names, .colors = face106_colors,
    .flip = face106_flip, EDGES(face106),
};
/* clang-format on */
