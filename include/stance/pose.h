/* Pose: from a picture to people with keypoints.
 *
 * Top-down: a detector finds person boxes, a pose network finds the keypoints in each. One-stage:
 * one network finds both.
 * Coordinates are pixels of the picture given, x right and y down, (0, 0) the centre of the first
 * pixel; keypoints may lie outside the picture.
 * Threads: a stance_pose belongs to one thread at a time; its models may be shared. */
#ifndef STANCE_POSE_H
#define STANCE_POSE_H

#include "stance/image.h"
#include "stance/keypoints.h"
#include "stance/model.h"

#ifdef __cplusplus
extern "C" {
#endif

struct stance_person {
    float box[4];    /* x1, y1, x2, y2 */
    float box_score; /* 0 … 1; 1 for boxes given by the caller */
    float score;     /* box_score × mean score of the keypoints above 0.2 (COCO's person score);
                        one-stage: box_score */
    struct stance_keypoint *keypoints; /* [keypoint_set->count] */
    int32_t detector_class;            /* of the box, among those the detector knows; 0 where it
                                          comes from elsewhere */
};

struct stance_pose_result {
    int32_t width, height;        /* of the picture */
    int32_t person_count;         /* 0 is a normal result */
    struct stance_person *people; /* best box first */
    const struct stance_keypoint_set *keypoint_set;
    int64_t detect_ns, pose_ns; /* time spent in each stage */
};

/* How a pose network's answer becomes a coordinate finer than its bins. */
enum stance_refine {
    STANCE_REFINE_AUTO = 0,  /* what the model's card says, else the family's usual way */
    STANCE_REFINE_NONE = 1,  /* the largest value's place */
    STANCE_REFINE_SHIFT = 2, /* heatmaps: a quarter of a cell towards the larger neighbour */
    STANCE_REFINE_DARK = 3,  /* SimCC and heatmaps: DARK (arXiv 1910.06278) */
    STANCE_REFINE_UDP = 4,   /* heatmaps of networks trained with UDP (arXiv 1911.07524), ViTPose
                                among them: DARK, and crops whose corners are pixel centres */
};

struct stance_pose;

struct stance_pose_options {
    uint32_t struct_size;          /* filled by stance_pose_options_default() */
    struct stance_model *detector; /* RTMDet or YOLOX export; NULL with `center` or given boxes, and
                                      with a one-stage network */
    struct stance_model *pose;     /* SimCC or heatmap export, or a one-stage network (RTMO), which
                                      finds people and keypoints alone; NULL with a detector: boxes
                                      only, and an empty set of keypoints */
    const char *device;            /* NULL: "cpu" */
    int32_t threads;               /* 0: 1 */
    int32_t center;                /* not 0: no detector, one person in the middle of the picture */
    float detector_threshold;      /* boxes below are dropped; 0.3 */
    float nms_threshold;           /* IoU above which the weaker box goes; 0: the family's own */
    float pose_oks;                /* of two people whose poses are more alike than this (OKS with
                                      doubled constants) the weaker goes, but of boxes that were given
                                      none; 1: none; 0.7 */
    int32_t max_people;            /* the best are kept; 100 */
    int32_t flip_test;             /* not 0: the mean of each crop's and its mirror image's answers,
                                      as papers report accuracy; twice the time */
    int32_t refine;                /* enum stance_refine */
    const char *keypoint_set;      /* the network's keypoints by name; NULL: as the card says, else
                                      by their number */
    int32_t detector_size[2];      /* width and height of the input where the file leaves them */
    int32_t pose_size[2];          /* open; 0: as the card says, else 640×640 and 192×256 */
    int32_t detector_classes[2];   /* the first and the last class of the detector that count; 0, 0:
                                      persons; 14, 23: COCO's animals; a last of 0: the first alone,
                                      of -1: all behind it, too */
    int32_t full_input;            /* not 0: networks that see the whole picture get all of their
                                      input, padded with grey, as their authors' programs do; 0: the
                                      part that the picture fills, in steps of 32 pixels, where the
                                      network allows it: as accurate, and 16:9 takes three fifths of
                                      the time */
};

STANCE_API void stance_pose_options_default(struct stance_pose_options *options);

/* Keeps its own references on the models. Errors: EMODEL (not a detector or pose network that
 * stance recognises), EARGUMENT (also for what the pose network cannot do: a detector, `center` or
 * `flip_test` beside a one-stage network, a `flip_test` of keypoints whose set nobody names, a class
 * that the detector lacks, a
 * refinement that its family lacks, another size than the file fixes), EDEVICE, ENOMEMORY. */
STANCE_API int stance_pose_open(struct stance_pose **out,
                                const struct stance_pose_options *options);

/* NULL allowed; sets NULL. */
STANCE_API void stance_pose_close(struct stance_pose **pose);

/* Finds the people in a picture. `boxes`: x1, y1, x2, y2 of `box_count` people to use instead of
 * detecting, or NULL. The result belongs to `pose` and is valid until the next call on it.
 * Errors: EARGUMENT (also for a picture that cannot be used), ELIMIT, ENOMEMORY, and those of
 * stance_session_run(). */
STANCE_API int stance_pose_image(struct stance_pose *pose, const struct stance_image *image,
                                 const float (*boxes)[4], int box_count,
                                 const struct stance_pose_result **result);

/* What the network would be shown of a picture: `each` gets one float32 tensor [1, 3, height, width]
 * for every person of a pose network (of `boxes`, or found), or one for the whole picture with a
 * one-stage network or a detector alone: all of its input, as with full_input. The tensor is valid
 * during the call; a negative answer ends the walk and is returned. Errors: as stance_pose_image(). */
STANCE_API int stance_pose_inputs(struct stance_pose *pose, const struct stance_image *image,
                                  const float (*boxes)[4], int box_count,
                                  int (*each)(void *context, const struct stance_tensor *input),
                                  void *context);

/* Where time went since the pipeline was opened, in nanoseconds, streams' frames included. */
struct stance_pose_times {
    int64_t letterbox; /* whole pictures into a network's input */
    int64_t crop;      /* people into the pose network's input */
    int64_t network;   /* the networks themselves */
    int64_t decode;    /* their outputs into boxes, suppression of boxes, keypoints */
};

STANCE_API void stance_pose_times(const struct stance_pose *pose, struct stance_pose_times *out);

/* The keypoints that this pipeline gives; an empty set without a pose network. Valid while it lives. */
STANCE_API const struct stance_keypoint_set *
stance_pose_keypoint_set(const struct stance_pose *pose);

/* One line for logs: models, families, device. Valid while it lives. */
STANCE_API const char *stance_pose_describe(const struct stance_pose *pose);

#ifdef __cplusplus
}
#endif
#endif
