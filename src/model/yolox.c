/* YOLOX detectors: one raw output [n][cells][5 + classes], cells of strides 8, 16, 32 in a row, or
 * suppression inside (dets, labels).
 * Source: YOLOX (arXiv 2107.08430): centre = (offset + cell) · stride, size = exp(o) · stride,
 * score = objectness · class probability, both already through the sigmoid. Class 0 is person. */
#include <math.h>

#include "model/family.h"

static int64_t cell_count(const struct vision_input *input)
{
    int64_t cells = 0;
    for (int level = 3; level < 6; level++)
        cells += (int64_t)(input->width >> level) * (input->height >> level);
    return cells;
}

enum variant { RAW, DETS };

static bool recognise(const struct model_signature *s, struct model_traits *traits)
{
    const struct tensor_shape *out = &s->outputs[0];
    if (s->output_count == 1 && out->rank == 3 && out->dims[1] == cell_count(&traits->input) &&
        out->dims[2] >= 6)
        traits->variant = RAW;
    else if (model_has_dets(s, "labels") &&
             (s->stem_channels == 12 || s->stem_channels == MODEL_STEM_TOLD))
        traits->variant = DETS;
    else
        return false;
    traits->nms_threshold = traits->variant == DETS ? 0 : 0.65f;
    traits->class_count = traits->variant == DETS ? 0 : (int)out->dims[2] - 5;
    traits->input.bgr = true;
    return true;
}

static size_t decode_raw(const struct model_traits *traits, const struct stance_tensor *outputs,
                         int64_t image, float threshold, struct vision_box *boxes, size_t capacity)
{
    int64_t step = outputs[0].dims[2];
    const float *values = (const float *)outputs[0].data + image * outputs[0].dims[1] * step;
    size_t count = 0;
    for (int level = 3; level < 6; level++) {
        int64_t width = traits->input.width >> level, height = traits->input.height >> level;
        float stride = (float)(1 << level);
        for (int64_t i = 0; i < width * height; i++, values += step) {
            int32_t label;
            float score = values[4] * model_class_score(traits, values + 5, 1, &label);
            if (!(score >= threshold) || count == capacity)
                continue;
            float x = (values[0] + (float)(i % width)) * stride;
            float y = (values[1] + (float)(i / width)) * stride;
            float w = expf(values[2]) * stride, h = expf(values[3]) * stride;
            boxes[count] = (struct vision_box){.x1 = x - w / 2,
                                               .y1 = y - h / 2,
                                               .x2 = x + w / 2,
                                               .y2 = y + h / 2,
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
    return traits->variant == DETS ? model_decode_dets(traits, &outputs[0], &outputs[1], image,
                                                       threshold, boxes, capacity)
                                   : decode_raw(traits, outputs, image, threshold, boxes, capacity);
}

const struct model_family model_yolox = {.name = "yolox",
                                         .title = "YOLOX detector",
                                         .role = MODEL_DETECTOR,
                                         .recognise = recognise,
                                         .decode_boxes = decode_boxes};
