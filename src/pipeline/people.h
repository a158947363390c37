/* A pair of models at work: person boxes in a picture, and keypoints for boxes of any number of
 * pictures, so that the people of all streams go through the network together. */
#ifndef PIPELINE_PEOPLE_H
#define PIPELINE_PEOPLE_H

#include "pipeline/top_down.h"
#include "stance/pose.h"
#include "track/oks.h"
#include "vision/box.h"

/* A crop is as wide and high as its box times this. Algorithms of RTMPose and SimpleBaseline alike. */
#define PIPELINE_PADDING 1.25f

/* Keypoints above it make a person's score, and are compared between people. COCO's top-down
 * evaluation (MMPose's CocoMetric, keypoint_score_thr). */
#define PIPELINE_LEAST_SCORE 0.2f

struct stance_pose {
    struct stance_pose_options options;
    struct pipeline_stage detector, network;
    bool has_detector, one_stage;
    struct vision_box *boxes; /* PIPELINE_MAX_CANDIDATES */
    struct pipeline_crop {
        const struct stance_image *image;
        struct vision_box box;
        struct stance_person *person;
    } crops[PIPELINE_MAX_BATCH];
    int crop_count; /* waiting for the network */
    struct vision_mapping mappings[PIPELINE_MAX_BATCH];
    struct stance_person *people;
    struct stance_keypoint *keypoints;
    struct pipeline_means means;
    struct track_oks oks;
    struct track_pose *poses; /* this and the next two [max_people]: for pipeline_suppress() */
    uint8_t *keep;
    int32_t *order;
    struct model_plain_set plain_set;
    struct stance_pose_result result;
    struct stance_pose_times times;
    char description[512];
};

/* Boxes that the caller gives, as pose->boxes. Errors: EARGUMENT. */
int pipeline_take_boxes(struct stance_pose *pose, const float (*boxes)[4], int box_count,
                        size_t *count);

/* The people in a picture as pose->boxes, from the detector or the middle of the picture. */
int pipeline_detect(struct stance_pose *pose, const struct stance_image *image, size_t *count);

/* A one-stage network's people, with keypoints, into `people` [max_people]. */
int pipeline_find_people(struct stance_pose *pose, const struct stance_image *image,
                         struct stance_person *people, size_t *count);

/* The whole picture into a network's input (feed.c). */
int pipeline_feed_picture(struct pipeline_stage *stage, const struct stance_image *image,
                          struct vision_mapping *mapping);

/* `batch` people into the pose network's input, and pose->mappings. */
int pipeline_feed_crops(struct stance_pose *pose, const struct pipeline_crop *crops, int batch);

/* Fills `person` from the box: at once or, with others, when a batch is full or asked for. Image and
 * person must live until pipeline_estimate(). On error no crop is left waiting. */
int pipeline_add_crop(struct stance_pose *pose, const struct stance_image *image,
                      const struct vision_box *box, struct stance_person *person);
int pipeline_estimate(struct stance_pose *pose);

/* keep[i]: whether pose i stays beside better ones that are like it, as options.pose_oks says. `order` is
 * scratch of `count`. */
void pipeline_suppress(const struct stance_pose *pose, const struct track_pose *poses, int count,
                       uint8_t *keep, int32_t *order);

/* Box and score; without keypoints. */
void pipeline_set_box(struct stance_person *person, const struct vision_box *box);

#endif
