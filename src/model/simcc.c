/* SimCC pose networks (RTMPose): one-dimensional classification of x and y, two bins a pixel.
 * Source: SimCC (arXiv 2107.03332) as RTMPose uses it (arXiv 2303.07399, 3.1.2): the coordinate is
 * the arg-max divided by the split ratio 2, the score the smaller of the two maxima; a keypoint
 * whose score is not positive lies at (-1, -1). */
#include "model/family.h"

enum { SPLIT = 2 };

static bool recognise(const struct model_signature *s, struct model_traits *traits)
{
    const struct tensor_shape *x = &s->outputs[0], *y = &s->outputs[1];
    if (s->output_count != 2 || x->rank != 3 || y->rank != 3 || x->dims[1] < 1 ||
        x->dims[1] > 512 || x->dims[1] != y->dims[1] ||
        x->dims[2] != (int64_t)SPLIT * traits->input.width ||
        y->dims[2] != (int64_t)SPLIT * traits->input.height)
        return false;
    traits->keypoint_count = (int)x->dims[1];
    for (int i = 0; i < 3; i++) {
        traits->input.mean[i] = model_mean_rgb[i];
        traits->input.std[i] = model_std_rgb[i];
    }
    return true;
}

static int64_t arg_max(const float *values, int64_t count)
{
    int64_t best = 0;
    for (int64_t i = 1; i < count; i++)
        if (values[i] > values[best])
            best = i;
    return best;
}

static void decode_pose(const struct model_traits *traits, const struct stance_tensor *outputs,
                        int64_t index, struct stance_keypoint *keypoints)
{
    int64_t bins_x = outputs[0].dims[2], bins_y = outputs[1].dims[2];
    const float *x = (const float *)outputs[0].data + index * traits->keypoint_count * bins_x;
    const float *y = (const float *)outputs[1].data + index * traits->keypoint_count * bins_y;
    for (int k = 0; k < traits->keypoint_count; k++, x += bins_x, y += bins_y) {
        int64_t at_x = arg_max(x, bins_x), at_y = arg_max(y, bins_y);
        float score = x[at_x] < y[at_y] ? x[at_x] : y[at_y];
        keypoints[k] =
            score > 0 ? (struct stance_keypoint){(float)at_x / SPLIT, (float)at_y / SPLIT, score}
                      : (struct stance_keypoint){-1, -1, score};
    }
}

const struct model_family model_simcc = {.name = "simcc",
                                         .title = "SimCC pose (RTMPose)",
                                         .role = MODEL_POSE,
                                         .recognise = recognise,
                                         .decode_pose = decode_pose};
