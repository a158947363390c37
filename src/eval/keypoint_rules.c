/* Keypoint sets as evaluators measure them: constants of the object keypoint similarity and the parts
 * that have numbers of their own.
 * Sources: COCO (cocoapi), COCO-WholeBody (jin-s13/COCO-WholeBody, evaluation/myeval_wholebody.py),
 * CrowdPose, AI Challenger and MPII (MMPose, configs/_base_/datasets), Halpe-26 (Halpe-FullBody). */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "eval/evaluation.h"

/* clang-format off */
#define COCO_SIGMAS .026, .025, .025, .035, .035, .079, .079, .072, .072, .062, .062, .107, .107, \
    .087, .087, .089, .089
#define COCO_NAMES "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", \
    "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip", \
    "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle"
#define HAND_SIGMAS .029, .022, .035, .037, .047, .026, .025, .024, .035, .018, .024, .022, .026, \
    .017, .021, .021, .032, .02, .019, .022, .031

static const double wholebody_sigmas[] = {
    COCO_SIGMAS, .068, .066, .066, .092, .094, .094,
    .042, .043, .044, .043, .040, .035, .031, .025, .020, .023, .029, .032, .037, .038, .043, .041,
    .045, .013, .012, .011, .011, .012, .012, .011, .011, .013, .015, .009, .007, .007, .007, .012,
    .009, .008, .016, .010, .017, .011, .009, .011, .009, .007, .013, .008, .011, .012, .010, .034,
    .008, .008, .009, .008, .008, .007, .010, .008, .009, .009, .009, .007, .007, .008, .011, .008,
    .008, .008, .010, .008,
    HAND_SIGMAS, HAND_SIGMAS,
};
static const double halpe_sigmas[] = {
    COCO_SIGMAS, .026, .026, .066, .079, .079, .079, .079, .079, .079,
};
static const double crowdpose_sigmas[] = {
    .079, .079, .072, .072, .062, .062, .107, .107, .087, .087, .089, .089, .079, .079,
};
static const double aic_sigmas[] = {
    .01388152, .01515228, .01057665, .01417709, .01497891, .01402144, .03909642, .03686941,
    .01981803, .03843971, .03412318, .02415081, .01291456, .01236173,
};
static const double mpii_sigmas[] = {
    .089, .083, .107, .107, .083, .089, .026, .026, .026, .026, .062, .072, .179, .179, .072, .062,
};
static const char *const halpe_names[] = {
    COCO_NAMES, "head", "neck", "hip", "left_big_toe", "right_big_toe", "left_small_toe",
    "right_small_toe", "left_heel", "right_heel",
};
static const char *const crowdpose_names[] = {
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
    "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle", "top_head",
    "neck",
};
static const char *const aic_names[] = {
    "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "head_top",
    "neck",
};
static const char *const mpii_names[] = {
    "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "pelvis",
    "thorax", "upper_neck", "head_top", "right_wrist", "right_elbow", "right_shoulder",
    "left_shoulder", "left_elbow", "left_wrist",
};

static const struct eval_part whole17[] = {{"", 0, 17}}, whole26[] = {{"", 0, 26}};
static const struct eval_part whole14[] = {{"", 0, 14}}, whole16[] = {{"", 0, 16}};
static const struct eval_part wholebody_parts[] = {
    {"", 0, 133}, {"body_", 0, 17}, {"foot_", 17, 6}, {"face_", 23, 68}, {"lefthand_", 91, 21},
    {"righthand_", 112, 21},
};

static const struct eval_set sets[] = {
    {.name = "coco17", .count = 17, .sigmas = wholebody_sigmas, .names = halpe_names,
     .parts = whole17, .part_count = 1},
    {.name = "halpe26", .count = 26, .sigmas = halpe_sigmas, .names = halpe_names,
     .parts = whole26, .part_count = 1},
    {.name = "crowdpose", .count = 14, .sigmas = crowdpose_sigmas, .names = crowdpose_names,
     .parts = whole14, .part_count = 1, .box_area = true, .crowd = true, .drop_blank = true},
    {.name = "aic", .count = 14, .sigmas = aic_sigmas, .names = aic_names,
     .parts = whole14, .part_count = 1, .box_area = true, .drop_blank = true},
    {.name = "mpii", .count = 16, .sigmas = mpii_sigmas, .names = mpii_names,
     .parts = whole16, .part_count = 1},
    {.name = "wholebody", .count = 133, .sigmas = wholebody_sigmas,
     .parts = wholebody_parts, .part_count = 6, .drop_blank = true},
};
/* clang-format on */

enum { SET_COUNT = sizeof sets / sizeof sets[0] };

/* "mpii", and "mpii16" as the set is called elsewhere in stance. */
static bool is_called(const struct eval_set *set, const char *name)
{
    char whole[32];
    snprintf(whole, sizeof whole, "%s%d", set->name, set->count);
    return strcmp(set->name, name) == 0 || strcmp(whole, name) == 0;
}

const struct eval_set *eval_set_find(const char *name, int count, bool crowd_index,
                                     const char *first_name)
{
    if (!name && count == 14) {
        bool left = first_name && strncasecmp(first_name, "left", 4) == 0;
        return eval_set_find(crowd_index || left ? "crowdpose" : "aic", 14, false, NULL);
    }
    for (size_t i = 0; i < SET_COUNT; i++)
        if (name ? is_called(&sets[i], name) : sets[i].count == count)
            return &sets[i];
    return NULL;
}

const char *eval_set_list(void)
{
    return "coco17, halpe26, crowdpose, aic, mpii, wholebody";
}
