/* SimCC pose networks (RTMPose): one-dimensional classification of x and y, the same number of bins
 * a pixel in both (RTMPose: two). A third output, the depth of RTMW3D, is not used.
 * Source: SimCC (arXiv 2107.03332) as RTMPose uses it (arXiv 2303.07399, 3.1.2): the coordinate is
 * the arg-max divided by the bins a pixel, the score the smaller of the two maxima; a keypoint
 * whose score is not positive lies at (-1, -1). DARK refines it on request. */
#include <math.h>

#include "model/family.h"
#include "model/refine.h"

enum { MOST_BINS = 8 };

/* Bins a pixel, or 0. */
static int split_of(int64_t bins, int side)
{
    return bins > 0 && bins % side == 0 && bins / side <= MOST_BINS ? (int)(bins / side) : 0;
}

static bool recognise(const struct model_signature *s, struct model_traits *traits)
{
    const struct tensor_shape *x = &s->outputs[0], *y = &s->outputs[1];
    if ((s->output_count != 2 && s->output_count != 3) || x->rank != 3 || y->rank != 3 ||
        x->dims[1] < 1 || x->dims[1] > 512 || x->dims[1] != y->dims[1])
        return false;
    if (s->output_count == 3 && (s->outputs[2].rank != 3 || s->outputs[2].dims[1] != x->dims[1] ||
                                 s->outputs[2].dims[2] < 1))
        return false;
    traits->variant = split_of(x->dims[2], traits->input.width);
    if (traits->variant < 1 || split_of(y->dims[2], traits->input.height) != traits->variant)
        return false;
    traits->keypoint_count = (int)x->dims[1];
    traits->refine = STANCE_REFINE_NONE;
    for (int i = 0; i < 3; i++) {
        traits->input.mean[i] = model_mean_rgb[i];
        traits->input.std[i] = model_std_rgb[i];
    }
    return true;
}

static float coordinate(const struct model_traits *traits, const float *values, int64_t bins,
                        int64_t at)
{
    if (traits->refine != STANCE_REFINE_DARK)
        return (float)at / (float)traits->variant;
    double sigma = sqrt((double)bins / 16); /* of the targets: 4.9 and 5.66 for 192x256 */
    return model_dark_row(values, bins, at, model_dark_kernel(sigma)) / (float)traits->variant;
}

static void decode_pose(const struct model_traits *traits, const struct stance_tensor *outputs,
                        int64_t index, float *scratch, struct stance_keypoint *keypoints)
{
    int64_t bins_x = outputs[0].dims[2], bins_y = outputs[1].dims[2];
    const float *x = (const float *)outputs[0].data + index * traits->keypoint_count * bins_x;
    const float *y = (const float *)outputs[1].data + index * traits->keypoint_count * bins_y;
    for (int k = 0; k < traits->keypoint_count; k++, x += bins_x, y += bins_y) {
        int64_t at_x = model_arg_max(x, bins_x), at_y = model_arg_max(y, bins_y);
        float score = x[at_x] < y[at_y] ? x[at_x] : y[at_y];
        keypoints[k] = score > 0
                           ? (struct stance_keypoint){coordinate(traits, x, bins_x, at_x),
                                                      coordinate(traits, y, bins_y, at_y), score}
                           : (struct stance_keypoint){-1, -1, score};
    }
}

const struct model_family model_simcc = {.name = "simcc",
                                         .title = "SimCC pose (RTMPose)",
                                         .role = MODEL_POSE,
                                         .recognise = recognise,
                                         .decode_pose = decode_pose,
                                         .refinements =
                                             1u << STANCE_REFINE_NONE | 1u << STANCE_REFINE_DARK};
