/* The tables of keypoint sets; by name through stance_keypoint_set_find(). */
#ifndef MODEL_KEYPOINT_TABLES_H
#define MODEL_KEYPOINT_TABLES_H

#include "stance/keypoints.h"

extern const struct stance_keypoint_set model_coco17, model_halpe26, model_wholebody133,
    model_hand21, model_face106, model_ap10k17, model_mpii16, model_crowdpose14, model_openpose18,
    model_openpose25, model_mediapipe33;

#endif
