/* Heatmap pose networks (SimpleBaseline, HRNet, SimplePose, MobileNetV2 heads, ViTPose): one map
 * per keypoint at a half, a quarter or an eighth of the input's size.
 * Source: Simple Baselines (arXiv 1804.06208, 3.1): the arg-max, moved a quarter of a cell towards
 * the larger neighbour; the score is the map's maximum, not bounded by 1. DARK and UDP on request
 * or by the card. */
#include "model/family.h"
#include "model/refine.h"

/* Input pixels a cell, or 0. */
static int shrink_of(const struct tensor_shape *maps, const struct vision_input *input)
{
    for (int shrink = 2; shrink <= 8; shrink *= 2)
        if (maps->dims[2] * shrink == input->height && maps->dims[3] * shrink == input->width)
            return shrink;
    return 0;
}

static bool recognise(const struct model_signature *s, struct model_traits *traits)
{
    const struct tensor_shape *maps = &s->outputs[0];
    if (s->output_count != 1 || maps->rank != 4 || maps->dims[1] < 1 || maps->dims[1] > 512 ||
        !shrink_of(maps, &traits->input))
        return false;
    traits->keypoint_count = (int)maps->dims[1];
    traits->refine = STANCE_REFINE_SHIFT;
    traits->scratch = 2 * (size_t)maps->dims[2] * (size_t)maps->dims[3];
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

static struct stance_keypoint decode_map(const float *map, int64_t width, int64_t height,
                                         int refine, float *scratch)
{
    int64_t best = model_arg_max(map, width * height);
    int64_t x = best % width, y = best / width;
    struct stance_keypoint keypoint = {(float)x, (float)y, map[best]};
    /* Targets have a deviation of 2 cells on maps of 64 rows, 3 on 96: kernels of 11 and 17. */
    int kernel = model_dark_kernel((double)height / 32);
    if (refine == STANCE_REFINE_DARK) {
        model_dark_map(map, width, height, kernel, scratch, &keypoint.x, &keypoint.y);
    } else if (refine == STANCE_REFINE_UDP) {
        model_dark_udp_map(map, width, height, kernel, scratch, &keypoint.x, &keypoint.y);
    } else if (refine == STANCE_REFINE_SHIFT && x > 0 && x < width - 1 && y > 0 && y < height - 1) {
        keypoint.x += quarter(map[best - 1], map[best + 1]);
        keypoint.y += quarter(map[best - width], map[best + width]);
    }
    return keypoint;
}

/* Input pixels a cell: UDP lays the centres of the outer cells on those of the outer pixels. */
static float pixels(int32_t input, int64_t cells, bool udp)
{
    return udp ? (float)(input - 1) / (float)(cells - 1) : (float)input / (float)cells;
}

static void decode_pose(const struct model_traits *traits, const struct stance_tensor *outputs,
                        int64_t index, float *scratch, struct stance_keypoint *keypoints)
{
    int64_t height = outputs[0].dims[2], width = outputs[0].dims[3];
    bool udp = traits->refine == STANCE_REFINE_UDP && width > 1 && height > 1;
    float across = pixels(traits->input.width, width, udp);
    float down = pixels(traits->input.height, height, udp);
    const float *map =
        (const float *)outputs[0].data + index * traits->keypoint_count * height * width;
    for (int k = 0; k < traits->keypoint_count; k++, map += height * width) {
        keypoints[k] = decode_map(map, width, height, traits->refine, scratch);
        keypoints[k].x *= across;
        keypoints[k].y *= down;
    }
}

const struct model_family model_heatmap = {
    .name = "heatmap",
    .title = "heatmap pose",
    .role = MODEL_POSE,
    .recognise = recognise,
    .decode_pose = decode_pose,
    .refinements = 1u << STANCE_REFINE_NONE | 1u << STANCE_REFINE_SHIFT | 1u << STANCE_REFINE_DARK |
                   1u << STANCE_REFINE_UDP};
