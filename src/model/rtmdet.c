/* RTMDet detectors: raw heads as three maps of [height][width][1 + 4] or as three score and three
 * distance maps in NCHW, and exports with suppression inside (dets, labels).
 * Source: RTMDet (arXiv 2212.07784), decoding as in mmdeploy's rewriter: points at multiples of the
 * stride, distances left, top, right, bottom in pixels, scores as logits unless all lie in 0 … 1. */
#include <math.h>
#include <string.h>

#include "model/family.h"

enum variant { NHWC, NCHW, DETS };

static bool is_map(const struct tensor_shape *shape, int64_t height, int64_t width,
                   int channel_axis, int64_t channels)
{
    int first = channel_axis == 1 ? 2 : 1;
    return shape->rank == 4 && shape->dims[channel_axis] == channels &&
           shape->dims[first] == height && shape->dims[first + 1] == width;
}

/* Three maps at strides 8, 16, 32 from output `first` on. */
static bool are_maps(const struct model_signature *s, int first, int channel_axis, int64_t channels)
{
    for (int i = 0; i < 3; i++)
        if (!is_map(&s->outputs[first + i], s->input.dims[2] >> (3 + i),
                    s->input.dims[3] >> (3 + i), channel_axis, channels))
            return false;
    return true;
}

static bool recognise(const struct model_signature *s, struct model_traits *traits)
{
    if (s->output_count == 3 && are_maps(s, 0, 3, 5))
        traits->variant = NHWC;
    else if (s->output_count == 6 && are_maps(s, 0, 1, 1) && are_maps(s, 3, 1, 4))
        traits->variant = NCHW;
    else if (s->output_count == 2 && strcmp(s->output_names[0], "dets") == 0 &&
             strcmp(s->output_names[1], "labels") == 0)
        traits->variant = DETS;
    else
        return false;
    traits->nms_threshold = traits->variant == DETS ? 0 : 0.6f;
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

/* One cell of a map; `step` floats lie between its values. */
struct cell {
    const float *score, *distances;
    int64_t step;
};

static struct cell cell_at(const struct model_traits *traits, const struct stance_tensor *outputs,
                           int level, int64_t at, int64_t cells)
{
    if (traits->variant == NHWC) {
        const float *values = (const float *)outputs[level].data + at * 5;
        return (struct cell){values, values + 1, 1};
    }
    return (struct cell){(const float *)outputs[level].data + at,
                         (const float *)outputs[3 + level].data + at, cells};
}

/* Exports differ in whether the sigmoid is inside: values outside of 0 … 1 can only be logits. */
static bool are_logits(const struct model_traits *traits, const struct stance_tensor *outputs)
{
    for (int level = 0; level < 3; level++) {
        int64_t width = traits->input.width >> (3 + level);
        int64_t cells = width * (traits->input.height >> (3 + level));
        for (int64_t i = 0; i < cells; i++) {
            float score = *cell_at(traits, outputs, level, i, cells).score;
            if (score < 0 || score > 1)
                return true;
        }
    }
    return false;
}

static size_t decode_maps(const struct model_traits *traits, const struct stance_tensor *outputs,
                          float threshold, struct vision_box *boxes, size_t capacity)
{
    size_t count = 0;
    bool logits = are_logits(traits, outputs);
    for (int level = 0; level < 3; level++) {
        int64_t width = traits->input.width >> (3 + level);
        int64_t cells = width * (traits->input.height >> (3 + level));
        float stride = (float)(8 << level);
        for (int64_t i = 0; i < cells && count < capacity; i++) {
            struct cell cell = cell_at(traits, outputs, level, i, cells);
            float score = logits ? sigmoid(*cell.score) : *cell.score;
            if (!(score >= threshold))
                continue;
            float x = (float)(i % width) * stride, y = (float)(i / width) * stride;
            const float *d = cell.distances;
            boxes[count] = (struct vision_box){.x1 = x - d[0],
                                               .y1 = y - d[cell.step],
                                               .x2 = x + d[2 * cell.step],
                                               .y2 = y + d[3 * cell.step],
                                               .score = score,
                                               .index = (int32_t)count};
            count++;
        }
    }
    return count;
}

static size_t decode_dets(const struct stance_tensor *outputs, float threshold,
                          struct vision_box *boxes, size_t capacity)
{
    const struct stance_tensor *dets = &outputs[0], *labels = &outputs[1];
    if (dets->dtype != STANCE_FLOAT32 || dets->rank != 3 || dets->dims[2] != 5)
        return 0;
    size_t count = 0;
    for (int64_t i = 0; i < dets->dims[1] && count < capacity; i++) {
        const float *box = (const float *)dets->data + i * 5;
        bool person = i >= stance_tensor_count(labels) || tensor_int(labels, i) == 0;
        if (!person || !(box[4] >= threshold))
            continue;
        boxes[count] = (struct vision_box){.x1 = box[0],
                                           .y1 = box[1],
                                           .x2 = box[2],
                                           .y2 = box[3],
                                           .score = box[4],
                                           .index = (int32_t)count};
        count++;
    }
    return count;
}

static size_t decode_boxes(const struct model_traits *traits, const struct stance_tensor *outputs,
                           float threshold, struct vision_box *boxes, size_t capacity)
{
    return traits->variant == DETS ? decode_dets(outputs, threshold, boxes, capacity)
                                   : decode_maps(traits, outputs, threshold, boxes, capacity);
}

const struct model_family model_rtmdet = {.name = "rtmdet",
                                          .title = "RTMDet detector",
                                          .role = MODEL_DETECTOR,
                                          .recognise = recognise,
                                          .decode_boxes = decode_boxes};
