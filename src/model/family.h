/* Model families: how a network wants its pictures and what its outputs mean. One descriptor per
 * family in a NULL-terminated table; a bare ONNX file is recognised by its inputs and outputs. */
#ifndef MODEL_FAMILY_H
#define MODEL_FAMILY_H

#include <stdbool.h>

#include "base/buffer.h"
#include "stance/pose.h"
#include "tensor/storage.h"
#include "vision/box.h"
#include "vision/input.h"

enum model_role { MODEL_DETECTOR, MODEL_POSE, MODEL_ONE_STAGE };

enum { MODEL_MAX_OUTPUTS = 16, MODEL_STEM_TOLD = -1 };

/* What a network looks like from outside, for a batch of one. */
struct model_signature {
    int input_count, output_count;
    struct tensor_shape input;
    bool open_size; /* the file leaves width or height open */
    const char *output_names[MODEL_MAX_OUTPUTS];
    struct tensor_shape outputs[MODEL_MAX_OUTPUTS]; /* rank -1 or dims -1: known only when run */
    /* What the first convolution reads: 3, or 12 behind YOLOX' Focus, which tells its exports with
     * suppression inside from RTMDet's; MODEL_STEM_TOLD: a card says which they are. */
    int64_t stem_channels;
};

/* What recognition finds out about one network. */
struct model_traits {
    const struct model_family *family;
    struct vision_input input;
    int variant;         /* private to the family */
    int keypoint_count;  /* pose and one-stage */
    int refine;          /* pose: enum stance_refine, never STANCE_REFINE_AUTO */
    size_t scratch;      /* pose: floats that decoding needs */
    float nms_threshold; /* detectors: the family's own; 0: suppression is inside the network */
    int class_count;     /* detectors; 0: the outputs do not tell */
    int classes[2];      /* detectors: the first and the last that count; 0 is person */
    const struct stance_keypoint_set *keypoint_set; /* what the card says; NULL: nothing */
};

struct model_family {
    const char *name;
    const char *title; /* for people */
    enum model_role role;
    /* Fills variant, input size and colours, keypoint_count; false: not of this family. */
    bool (*recognise)(const struct model_signature *signature, struct model_traits *traits);
    /* Detectors and one-stage networks: person boxes of image `image` of the batch with score ≥
     * `threshold` in network coordinates, at most `capacity`; returns how many (before
     * suppression). `index` of a box is the candidate's place in the output of a one-stage
     * network. */
    size_t (*decode_boxes)(const struct model_traits *traits, const struct stance_tensor *outputs,
                           int64_t image, float threshold, struct vision_box *boxes,
                           size_t capacity);
    /* Pose: keypoints of image `index` of the batch in network coordinates. One-stage: `index` is
     * image · candidates + candidate. `scratch`: traits->scratch floats. */
    void (*decode_pose)(const struct model_traits *traits, const struct stance_tensor *outputs,
                        int64_t index, float *scratch, struct stance_keypoint *keypoints);
    /* Pose: the ways to refine a coordinate that the family has, as a mask of 1 << enum
     * stance_refine; 0: none but its own. */
    unsigned refinements;
};

/* Cells by which answers to a mirrored image are moved after mirroring them back, so that they lie
 * where the answers to the image lie (MMPose: shift_heatmap). */
int model_flip_shift(const struct model_traits *traits);

/* Of enum stance_refine. */
extern const char *const model_refine_names[STANCE_REFINE_UDP + 1];

/* Chooses how coordinates are refined (enum stance_refine; STANCE_REFINE_AUTO changes nothing).
 * Errors: EARGUMENT when the family has no such way. */
int model_refine(struct model_traits *traits, int refine);

extern const struct model_family model_rtmdet, model_yolox, model_simcc, model_heatmap, model_rtmo;

/* `family`: the name that a card gives, or NULL. Errors: EMODEL, with what the network has and what
 * stance knows. */
int model_recognise(const struct model_signature *signature, const char *family,
                    struct model_traits *traits);

/* The signature of a model with its declared input size (batch 1). Where the file leaves height and
 * width open, `width` × `height` are used. Errors: ESHAPE, and those of inference. */
int model_signature_read(struct model_signature *out, const struct stance_model *model, int width,
                         int height);

/* Detectors and one-stage networks look at cells of up to so many pixels: sizes of their inputs are
 * multiples of it. */
enum { MODEL_PART = 32 };

/* Whether the network also takes a smaller input than its own, in steps of MODEL_PART, and answers in
 * the same way. Asked with a size that no constant in it is made for. 1 or 0; negative: ENOMEMORY. */
int model_takes_parts(const struct model_traits *traits, const struct stance_model *model);

struct stance_card;

/* The card of a model by its stance_model_path(); *out is NULL when it has none. */
int model_card_find(struct stance_card **out, const char *path);

/* The card NAME.json in a folder of models, else the one that comes with stance; NULL when there is
 * none. */
int model_card_absent(struct stance_card **out, const char *name);

/* A card from its text, which lives as long; NULL when the text is other JSON. */
int model_card_parse(struct stance_card **out, const char *text);

/* What was recognised, as a card's text; the rest from the card of a model that it was made `like`,
 * and what is known about the file. Both may be NULL. */
struct model_card_note {
    const char *storage, *sha256;
};
int model_card_describe(struct base_buffer *out, const char *name,
                        const struct model_traits *traits, const struct stance_card *like,
                        const struct model_card_note *note);

/* Takes over what the card says. Errors: EMODEL when card and network contradict each other. */
int model_card_apply(struct model_traits *traits, const struct stance_card *card);

/* What the caller says about a network; it goes before the card. All 0: nothing. */
struct model_choice {
    int32_t width, height; /* of an input that the file leaves open */
    const char *keypoint_set;
    int refine; /* enum stance_refine */
    int32_t classes[2];
    bool full_input; /* as in stance_pose_options */
};

/* model_identify() with this card, NULL for none, instead of the model's own. */
int model_identify_as(struct model_traits *traits, const struct stance_model *model,
                      const struct stance_card *card, const struct model_choice *choice);

/* What a model is by its signature, by its card, where it has one, and by the caller's choice
 * (NULL: none). An open input whose size nobody names is 192×256 for pose networks and 640×640 for
 * those that see whole pictures. Errors: EMODEL, EARGUMENT (a choice that does not fit), and those
 * of stance_card_open() but ENOTFOUND. */
int model_identify(struct model_traits *traits, const struct stance_model *model,
                   const struct model_choice *choice);

/* The set with this many keypoints; for a count without one, `fallback` is filled with numbered
 * points that have no skeleton and no mirror image (its tables live in the caller's struct). */
struct model_plain_set {
    struct stance_keypoint_set set;
    const char *names[512];
    char texts[512][24]; /* "point_0" */
    uint8_t colors[512][3];
    int32_t flip[512];
};
const struct stance_keypoint_set *model_keypoint_set(int count, struct model_plain_set *fallback);

/* ImageNet's mean and deviation in 0 … 255, in RGB order, as RTMPose and RTMDet use them. */
extern const float model_mean_rgb[3], model_std_rgb[3];

/* Whether outputs 0 and 1 are those of a detector with suppression inside: dets [n, k, 5] and
 * `second`. Dims may be open. */
bool model_has_dets(const struct model_signature *signature, const char *second);

/* Boxes of dets [n, k, 5] (x1, y1, x2, y2, score); `labels` may be NULL, else only those of
 * traits->classes count. */
size_t model_decode_dets(const struct model_traits *traits, const struct stance_tensor *dets,
                         const struct stance_tensor *labels, int64_t image, float threshold,
                         struct vision_box *boxes, size_t capacity);

/* The highest score of traits->classes, and whose it is; from one class to the next are `step`
 * values. */
float model_class_score(const struct model_traits *traits, const float *scores, int64_t step,
                        int32_t *label);

#endif
