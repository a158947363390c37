/* RTMO: one network for boxes and keypoints of all people, outputs dets [n, k, 5] and keypoints
 * [n, k, points, 3] in pixels of the network's input.
 * Source: RTMO (arXiv 2312.07526) as MMDeploy exports it. People are ranked by the box's score,
 * never by their keypoints' (mmpose#3075); boxes overlapping more than 0.65, the test
 * configuration's value, are one person: exports with stricter suppression inside are not changed
 * by that. */
#include "model/family.h"

static bool recognise(const struct model_signature *s, struct model_traits *traits)
{
    const struct tensor_shape *points = &s->outputs[1];
    if (!model_has_dets(s, "keypoints") || points->rank != 4 || points->dims[2] < 1 ||
        points->dims[2] > 512 || (points->dims[3] >= 0 && points->dims[3] != 3))
        return false;
    traits->keypoint_count = (int)points->dims[2];
    traits->nms_threshold = 0.65f;
    traits->input.bgr = true;
    return true;
}

static size_t decode_boxes(const struct model_traits *traits, const struct stance_tensor *outputs,
                           int64_t image, float threshold, struct vision_box *boxes,
                           size_t capacity)
{
    const struct stance_tensor *points = &outputs[1];
    if (points->dtype != STANCE_FLOAT32 || points->rank != 4 ||
        points->dims[2] != traits->keypoint_count || points->dims[3] != 3 ||
        points->dims[1] != outputs[0].dims[1])
        return 0;
    return model_decode_dets(traits, &outputs[0], NULL, image, threshold, boxes, capacity);
}

static void decode_pose(const struct model_traits *traits, const struct stance_tensor *outputs,
                        int64_t index, float *scratch, struct stance_keypoint *keypoints)
{
    const float *values = (const float *)outputs[1].data + index * traits->keypoint_count * 3;
    for (int k = 0; k < traits->keypoint_count; k++, values += 3)
        keypoints[k] = (struct stance_keypoint){values[0], values[1], values[2]};
}

const struct model_family model_rtmo = {.name = "rtmo",
                                        .title = "RTMO one-stage pose",
                                        .role = MODEL_ONE_STAGE,
                                        .recognise = recognise,
                                        .decode_boxes = decode_boxes,
                                        .decode_pose = decode_pose};
