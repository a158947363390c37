/* RTMDet detectors: raw heads at strides 8, 16, 32, channels first or last, scores and distances
 * together or apart, and exports with suppression inside (dets, labels).
 * Source: RTMDet (arXiv 2212.07784), decoding as in mmdeploy's rewriter: points at multiples of the
 * stride, distances left, top, right, bottom in pixels, scores as logits unless all lie about in 0
 * … 1. Class 0 is person. */
#include <math.h>
#include <string.h>

#include "model/family.h"

enum { LEVELS = 3, DETS = -1, SPLIT = 1, CHANNELS_FIRST = 2 };

/* The variant of raw heads: a mask of SPLIT and CHANNELS_FIRST, and above it for each level the
 * outputs of scores and distances, four bits each. */
static int score_output(int variant, int level)
{
    return variant >> (4 + 8 * level) & 15;
}

static int distance_output(int variant, int level)
{
    return variant >> (8 + 8 * level) & 15;
}

/* Channels of a map of this level's size, or 0. */
static int64_t channels_of(const struct model_signature *s, int output, int level, bool first)
{
    const struct tensor_shape *shape = &s->outputs[output];
    int at = first ? 2 : 1;
    return shape->rank == 4 && shape->dims[0] <= 1 &&
                   shape->dims[at] == s->input.dims[2] >> (3 + level) &&
                   shape->dims[at + 1] == s->input.dims[3] >> (3 + level)
               ? shape->dims[first ? 1 : 3]
               : 0;
}

/* One map of classes + 4 channels a level, in any order. Persons only or COCO's 80 classes: maps of
 * any number of channels may be anything. */
static int joined_maps(const struct model_signature *s, bool first)
{
    int variant = first ? CHANNELS_FIRST : 0;
    for (int level = 0; level < LEVELS; level++) {
        int found = -1;
        for (int i = 0; i < LEVELS; i++) {
            int64_t channels = channels_of(s, i, level, first);
            if (channels == 1 + 4 || channels == 80 + 4)
                found = i;
        }
        if (found < 0)
            return 0;
        variant |= (found | found << 4) << (4 + 8 * level);
    }
    return variant;
}

/* A map of scores and one of 4 distances a level, in any order; where there are 4 classes the
 * scores come first. */
static int split_maps(const struct model_signature *s, bool first)
{
    int variant = SPLIT | (first ? CHANNELS_FIRST : 0);
    for (int level = 0; level < LEVELS; level++) {
        int maps[2], count = 0;
        for (int i = 0; i < 2 * LEVELS; i++)
            if (channels_of(s, i, level, first) > 0) {
                if (count == 2)
                    return 0;
                maps[count++] = i;
            }
        if (count != 2)
            return 0;
        bool scores_last = channels_of(s, maps[1], level, first) != 4;
        if (channels_of(s, maps[!scores_last], level, first) != 4)
            return 0;
        variant |= (maps[scores_last] | maps[!scores_last] << 4) << (4 + 8 * level);
    }
    return variant;
}

static int class_count(const struct model_signature *s, int variant)
{
    const struct tensor_shape *scores = &s->outputs[score_output(variant, 0)];
    int64_t channels = scores->dims[variant & CHANNELS_FIRST ? 1 : 3];
    return (int)(variant & SPLIT ? channels : channels - 4);
}

static bool recognise(const struct model_signature *s, struct model_traits *traits)
{
    for (int first = 0; first < 2 && !traits->variant; first++)
        traits->variant = s->output_count == LEVELS       ? joined_maps(s, first)
                          : s->output_count == 2 * LEVELS ? split_maps(s, first)
                                                          : 0;
    if (!traits->variant && model_has_dets(s, "labels"))
        traits->variant = DETS;
    if (!traits->variant)
        return false;
    traits->nms_threshold = traits->variant == DETS ? 0 : 0.6f;
    traits->class_count = traits->variant == DETS ? 0 : class_count(s, traits->variant);
    traits->input.bgr = true;
    for (int i = 0; i < 3; i++) {
        traits->input.mean[i] = model_mean_rgb[2 - i];
        traits->input.std[i] = model_std_rgb[2 - i];
    }
    return true;
}

static float sigmoid(float x)
{
    return 1 / (1 + expf(-x));
}

/* The maps of one level: `cell` floats from one cell to the next, `step` between the distances. */
struct level {
    const float *scores, *distances;
    int64_t score_cell, distance_cell, step;
    int64_t width, cells;
};

static const float *map_of(const struct stance_tensor *output, int64_t image)
{
    return (const float *)output->data + image * (stance_tensor_count(output) / output->dims[0]);
}

static struct level level_at(const struct model_traits *traits, const struct stance_tensor *outputs,
                             int64_t image, int level)
{
    int variant = traits->variant, channel = variant & CHANNELS_FIRST ? 1 : 3;
    const struct stance_tensor *scores = &outputs[score_output(variant, level)];
    const struct stance_tensor *distances = &outputs[distance_output(variant, level)];
    struct level found = {.scores = map_of(scores, image), .distances = map_of(distances, image)};
    found.width = traits->input.width >> (3 + level);
    found.cells = found.width * (traits->input.height >> (3 + level));
    bool first = channel == 1;
    found.score_cell = first ? 1 : scores->dims[channel];
    found.distance_cell = first ? 1 : distances->dims[channel];
    found.step = first ? found.cells : 1;
    if (!(variant & SPLIT)) /* the classes lie before the distances */
        found.distances += (distances->dims[channel] - 4) * found.step;
    return found;
}

/* Exports differ in whether the sigmoid is inside: values well outside of 0 … 1 can only be logits,
 * and empty cells have logits far below 0. Rounding in the network's own sigmoid is none. */
static bool are_logits(const struct model_traits *traits, const struct stance_tensor *outputs,
                       int64_t image)
{
    for (int i = 0; i < LEVELS; i++) {
        struct level level = level_at(traits, outputs, image, i);
        for (int64_t cell = 0; cell < level.cells; cell++) {
            float score = level.scores[cell * level.score_cell];
            if (score < -0.01f || score > 1.01f)
                return true;
        }
    }
    return false;
}

static size_t decode_maps(const struct model_traits *traits, const struct stance_tensor *outputs,
                          int64_t image, float threshold, struct vision_box *boxes, size_t capacity)
{
    size_t count = 0;
    bool logits = are_logits(traits, outputs, image);
    for (int k = 0; k < LEVELS; k++) {
        struct level level = level_at(traits, outputs, image, k);
        float stride = (float)(8 << k);
        for (int64_t i = 0; i < level.cells && count < capacity; i++) {
            int32_t label;
            float value =
                model_class_score(traits, level.scores + i * level.score_cell, level.step, &label);
            float score = logits ? sigmoid(value) : value;
            if (!(score >= threshold))
                continue;
            float x = (float)(i % level.width) * stride, y = (float)(i / level.width) * stride;
            const float *d = level.distances + i * level.distance_cell;
            boxes[count] = (struct vision_box){.x1 = x - d[0],
                                               .y1 = y - d[level.step],
                                               .x2 = x + d[2 * level.step],
                                               .y2 = y + d[3 * level.step],
                                               .score = score,
                                               .label = label,
                                               .index = (int32_t)count};
            count++;
        }
    }
    return count;
}

static size_t decode_boxes(const struct model_traits *traits, const struct stance_tensor *outputs,
                           int64_t image, float threshold, struct vision_box *boxes,
                           size_t capacity)
{
    return traits->variant == DETS
               ? model_decode_dets(traits, &outputs[0], &outputs[1], image, threshold, boxes,
                                   capacity)
               : decode_maps(traits, outputs, image, threshold, boxes, capacity);
}

const struct model_family model_rtmdet = {.name = "rtmdet",
                                          .title = "RTMDet detector",
                                          .role = MODEL_DETECTOR,
                                          .recognise = recognise,
                                          .decode_boxes = decode_boxes};
