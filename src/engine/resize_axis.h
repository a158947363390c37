/* Where the values of a resized axis come from: the rules of ONNX Resize and Upsample for one axis,
 * apart from the data. ONNX operators Resize-10 … 19, Upsample-7 and 9. */
#ifndef ENGINE_RESIZE_AXIS_H
#define ENGINE_RESIZE_AXIS_H

#include "graph/graph.h"

enum engine_resize_mode { ENGINE_RESIZE_NEAREST, ENGINE_RESIZE_LINEAR, ENGINE_RESIZE_CUBIC };

enum engine_resize_transform {
    ENGINE_HALF_PIXEL,
    ENGINE_HALF_PIXEL_SYMMETRIC,
    ENGINE_PYTORCH_HALF_PIXEL,
    ENGINE_ALIGN_CORNERS,
    ENGINE_ASYMMETRIC,
    ENGINE_TF_HALF_PIXEL_FOR_NN,
    ENGINE_TF_CROP_AND_RESIZE,
};

enum engine_resize_rounding {
    ENGINE_ROUND_PREFER_FLOOR,
    ENGINE_ROUND_PREFER_CEIL,
    ENGINE_ROUND_FLOOR,
    ENGINE_ROUND_CEIL,
    ENGINE_ROUND_SIMPLE, /* before opset 11: down when enlarging, up when reducing */
};

struct engine_resize_rule {
    enum engine_resize_mode mode;
    enum engine_resize_transform transform;
    enum engine_resize_rounding rounding;
    bool exclude_outside, antialias;
    float cubic_a, extrapolation;
};

/* From the attributes. Errors: EARGUMENT. */
int engine_resize_rule_read(struct engine_resize_rule *rule, const struct graph_node *node,
                            int opset);

struct engine_resize_axis {
    int64_t in, out;
    float scale;              /* as given, or out / in */
    float roi_begin, roi_end; /* of tf_crop_and_resize, in parts of the input */
};

/* Whether every output is the input at the same place. */
bool engine_resize_is_identity(const struct engine_resize_rule *rule,
                               const struct engine_resize_axis *axis);
/* Whether tf_crop_and_resize gives the extrapolation value there. */
bool engine_resize_is_outside(const struct engine_resize_rule *rule,
                              const struct engine_resize_axis *axis, int64_t at);
/* Input index for mode nearest. */
int64_t engine_resize_nearest(const struct engine_resize_rule *rule,
                              const struct engine_resize_axis *axis, int64_t at);

/* How many inputs make an output, for the other modes. Errors: ELIMIT. */
int engine_resize_tap_count(const struct engine_resize_rule *rule,
                            const struct engine_resize_axis *axis, int64_t *count);
/* Their indices and weights, `count` each. */
void engine_resize_taps(const struct engine_resize_rule *rule,
                        const struct engine_resize_axis *axis, int64_t at, int64_t count,
                        int64_t *index, double *weight);

#endif
