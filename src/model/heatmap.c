/* Heatmap pose networks (SimpleBaseline, SimplePose, MobileNetV2 heads): one map per keypoint at a
 * quarter of the input's size.
 * Source: Simple Baselines (arXiv 1804.06208, 3.1): the arg-max, moved a quarter of a cell towards
 * the larger neighbour; the score is the map's maximum, not bounded by 1. */
#include "model/family.h"

static bool recognise(const struct model_signature *s, struct model_traits *traits)
{
    const struct tensor_shape *maps = &s->outputs[0];
    if (s->output_count != 1 || maps->rank != 4 || maps->dims[1] < 1 || maps->dims[1] > 512 ||
        maps->dims[2] * 4 != traits->input.height || maps->dims[3] * 4 != traits->input.width)
        return false;
    traits->keypoint_count = (int)maps->dims[1];
    for (int i = 0; i < 3; i++) {
        traits->input.mean[i] = model_mean_rgb[i];
        traits->input.std[i] = model_std_rgb[i];
    }
    return true;
}

static float quarter(float before, float after)
{
    return after > before ? 0.25f : after < before ? -0.25f : 0;
}

static struct stance_keypoint decode_map(const float *map, int64_t width, int64_t height)
{
    int64_t best = 0;
    for (int64_t i = 1; i < width * height; i++)
        if (map[i] > map[best])
            best = i;
    int64_t x = best % width, y = best / width;
    struct stance_keypoint keypoint = {(float)x, (float)y, map[best]};
    if (x > 0 && x < width - 1 && y > 0 && y < height - 1) {
        keypoint.x += quarter(map[best - 1], map[best + 1]);
        keypoint.y += quarter(map[best - width], map[best + width]);
    }
    return keypoint;
}

static void decode_pose(const struct model_traits *traits, const struct stance_tensor *outputs,
                        int64_t index, struct stance_keypoint *keypoints)
{
    int64_t height = outputs[0].dims[2], width = outputs[0].dims[3];
    const float *map =
        (const float *)outputs[0].data + index * traits->keypoint_count * height * width;
    for (int k = 0; k < traits->keypoint_count; k++, map += height * width) {
        keypoints[k] = decode_map(map, width, height);
        keypoints[k].x *= (float)traits->input.width / (float)width;
        keypoints[k].y *= (float)traits->input.height / (float)height;
    }
}

const struct model_family model_heatmap = {.name = "heatmap",
                                           .title = "heatmap pose",
                                           .role = MODEL_POSE,
                                           .recognise = recognise,
                                           .flip_shift = 1,
                                           .decode_pose = decode_pose};
