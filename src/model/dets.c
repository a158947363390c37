/* Outputs of networks with suppression inside: dets [n, k, 5], as MMDeploy exports RTMDet, YOLOX
 * and RTMO. */
#include <string.h>

#include "model/family.h"

static bool may_be(int64_t dim, int64_t wanted)
{
    return dim < 0 || dim == wanted;
}

bool model_has_dets(const struct model_signature *s, const char *second)
{
    const struct tensor_shape *dets = &s->outputs[0];
    return s->output_count == 2 && strcmp(s->output_names[0], "dets") == 0 &&
           strcmp(s->output_names[1], second) == 0 &&
           (dets->rank < 0 || (dets->rank == 3 && may_be(dets->dims[2], 5)));
}

float model_class_score(const struct model_traits *traits, const float *scores, int64_t step,
                        int32_t *label)
{
    *label = traits->classes[0];
    for (int i = traits->classes[0] + 1; i <= traits->classes[1]; i++)
        if (scores[i * step] > scores[*label * step])
            *label = i;
    return scores[*label * step];
}

size_t model_decode_dets(const struct model_traits *traits, const struct stance_tensor *dets,
                         const struct stance_tensor *labels, int64_t image, float threshold,
                         struct vision_box *boxes, size_t capacity)
{
    if (dets->dtype != STANCE_FLOAT32 || dets->rank != 3 || dets->dims[2] != 5 ||
        image >= dets->dims[0])
        return 0;
    size_t count = 0;
    int64_t candidates = dets->dims[1];
    int64_t labelled = labels ? stance_tensor_count(labels) : 0;
    for (int64_t i = 0; i < candidates && count < capacity; i++) {
        int64_t at = image * candidates + i;
        const float *box = (const float *)dets->data + at * 5;
        /* Where no label is given there is one class. */
        int64_t label = at < labelled ? tensor_int(labels, at) : traits->classes[0];
        if (label < traits->classes[0] || label > traits->classes[1] || !(box[4] >= threshold))
            continue;
        boxes[count++] = (struct vision_box){.x1 = box[0],
                                             .y1 = box[1],
                                             .x2 = box[2],
                                             .y2 = box[3],
                                             .score = box[4],
                                             .label = (int32_t)label,
                                             .index = (int32_t)i};
    }
    return count;
}
