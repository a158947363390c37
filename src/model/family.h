/* Model families: how a network wants its pictures and what its outputs mean. One descriptor per
 * family in a NULL-terminated table; a bare ONNX file is recognised by its inputs and outputs. */
#ifndef MODEL_FAMILY_H
#define MODEL_FAMILY_H

#include <stdbool.h>

#include "stance/pose.h"
#include "tensor/storage.h"
#include "vision/box.h"
#include "vision/input.h"

enum model_role { MODEL_DETECTOR, MODEL_POSE };

enum { MODEL_MAX_OUTPUTS = 16 };

/* What a network looks like from outside, for a batch of one. */
struct model_signature {
    int input_count, output_count;
    struct tensor_shape input;
    const char *output_names[MODEL_MAX_OUTPUTS];
    struct tensor_shape outputs[MODEL_MAX_OUTPUTS]; /* rank -1 or dims -1: known only when run */
};

/* What recognition finds out about one network. */
struct model_traits {
    const struct model_family *family;
    struct vision_input input;
    int variant;         /* private to the family */
    int keypoint_count;  /* pose */
    float nms_threshold; /* detectors: the family's own; 0: suppression is inside the network */
    const struct stance_keypoint_set *keypoint_set; /* what the card says; NULL: nothing */
};

struct model_family {
    const char *name;
    const char *title; /* for people */
    enum model_role role;
    /* Fills variant, input size and colours, keypoint_count; false: not of this family. */
    bool (*recognise)(const struct model_signature *signature, struct model_traits *traits);
    /* Detectors: person boxes with score ≥ `threshold` in network coordinates, at most `capacity`;
     * returns how many (before suppression). */
    size_t (*decode_boxes)(const struct model_traits *traits, const struct stance_tensor *outputs,
                           float threshold, struct vision_box *boxes, size_t capacity);
    /* Pose: cells by which answers to a mirrored image are moved after mirroring them back, so that
     * they lie where the answers to the image lie (MMPose: shift_heatmap). */
    int flip_shift;
    /* Pose: keypoints of image `index` of the batch in network coordinates. */
    void (*decode_pose)(const struct model_traits *traits, const struct stance_tensor *outputs,
                        int64_t index, struct stance_keypoint *keypoints);
};

extern const struct model_family model_rtmdet, model_yolox, model_simcc, model_heatmap;

/* Errors: EMODEL, with what the network has and what stance knows. */
int model_recognise(const struct model_signature *signature, struct model_traits *traits);

/* The signature of a model with its declared input size (batch 1). Where the file leaves height and
 * width open, `width` × `height` are used. Errors: ESHAPE, and those of inference. */
int model_signature_read(struct model_signature *out, const struct stance_model *model, int width,
                         int height);

/* Takes over what the card of the model at `path` (its stance_model_path()) says, if it has one.
 * Errors: EMODEL when card and network contradict each other, and those of stance_card_open(). */
int model_card_apply(struct model_traits *traits, const char *path);

/* What a model is by its signature (see above) and by its card, where it has one: the card says how
 * pictures are normalised and which keypoints come out. Errors: those of the three functions
 * above. */
int model_identify(struct model_traits *traits, const struct stance_model *model, int width,
                   int height);

/* The set with this many keypoints; for a count without one, `fallback` is filled with points
 * without names or skeleton (its tables live in the caller's struct). */
struct model_plain_set {
    struct stance_keypoint_set set;
    const char *names[512];
    uint8_t colors[512][3];
    int32_t flip[512];
};
const struct stance_keypoint_set *model_keypoint_set(int count, struct model_plain_set *fallback);

/* ImageNet's mean and deviation in 0 … 255, in RGB order, as RTMPose and RTMDet use them. */
extern const float model_mean_rgb[3], model_std_rgb[3];

#endif
