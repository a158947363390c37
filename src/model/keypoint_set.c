/* Keypoint sets by name and by number, and the way from one to another. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "model/family.h"
#include "model/keypoint_tables.h"

/* Native sets first; the first one of a count is what a network with that many keypoints gives. */
static const struct stance_keypoint_set *const sets[] = {
    &model_coco17,     &model_halpe26,    &model_wholebody133, &model_hand21,
    &model_face106,    &model_ap10k17,    &model_mpii16,       &model_crowdpose14,
    &model_openpose18, &model_openpose25, &model_mediapipe33,
};
enum { SET_COUNT = sizeof sets / sizeof sets[0], NATIVE_COUNT = 8 };

const struct stance_keypoint_set *stance_keypoint_set_find(const char *name)
{
    for (size_t i = 0; i < SET_COUNT; i++)
        if (strcmp(sets[i]->name, name) == 0)
            return sets[i];
    return NULL;
}

const struct stance_keypoint_set *stance_keypoint_set_at(int i)
{
    return i >= 0 && i < SET_COUNT ? sets[i] : NULL;
}

const struct stance_keypoint_set *model_keypoint_set(int count, struct model_plain_set *fallback)
{
    for (size_t i = 0; i < NATIVE_COUNT; i++)
        if (sets[i]->count == count)
            return sets[i];
    static const uint8_t plain[3] = {51, 153, 255};
    for (int i = 0; i < count; i++) {
        snprintf(fallback->texts[i], sizeof fallback->texts[i], "point_%d", i);
        fallback->names[i] = fallback->texts[i];
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

/* Two names of one place. Heads and necks as MMPose's converters pair them (RTMPose's body8
 * configs); the others by the definitions of COCO-WholeBody, whose faces are the 68 points of
 * 300-W, and of MediaPipe. Left and right are the person's. */
static const char *const synonyms[][2] = {
    {"top_head", "head"},
    {"head_top", "head"},
    {"upper_neck", "neck"},
    {"mid_hip", "hip"},
    {"left_foot_index", "left_big_toe"},
    {"right_foot_index", "right_big_toe"},
    {"left_thumb", "left_thumb2"},
    {"right_thumb", "right_thumb2"},
    {"left_index", "left_forefinger1"},
    {"right_index", "right_forefinger1"},
    {"left_pinky", "left_pinky_finger1"},
    {"right_pinky", "right_pinky_finger1"},
    {"right_eye_outer", "face_36"},
    {"right_eye_inner", "face_39"},
    {"left_eye_inner", "face_42"},
    {"left_eye_outer", "face_45"},
    {"mouth_right", "face_48"},
    {"mouth_left", "face_54"},
};

static const char *meaning(const char *name)
{
    for (size_t i = 0; i < sizeof synonyms / sizeof synonyms[0]; i++)
        if (strcmp(synonyms[i][0], name) == 0)
            return synonyms[i][1];
    return name;
}

static int32_t find_meaning(const struct stance_keypoint_set *set, const char *name)
{
    for (int32_t i = 0; i < set->count; i++)
        if (strcmp(meaning(set->names[i]), name) == 0)
            return i;
    return -1;
}

int stance_keypoint_set_map(const struct stance_keypoint_set *from,
                            const struct stance_keypoint_set *to, int32_t *map)
{
    /* An animal's shoulder is no person's. */
    bool comparable = from == to || (from != &model_ap10k17 && to != &model_ap10k17);
    int common = 0;
    for (int32_t i = 0; i < to->count; i++) {
        map[i] = from == to ? i : comparable ? find_meaning(from, meaning(to->names[i])) : -1;
        common += map[i] >= 0;
    }
    return common ? common
                  : base_error(STANCE_EARGUMENT, "%s and %s have no keypoint in common", from->name,
                               to->name);
}

void stance_keypoints_convert(const int32_t *map, int count, const struct stance_keypoint *from,
                              struct stance_keypoint *to)
{
    for (int i = 0; i < count; i++)
        to[i] = map[i] >= 0 ? from[map[i]] : (struct stance_keypoint){0, 0, 0};
}
