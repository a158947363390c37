/* What a pipeline shows its network, for those who want to look at it: calibration does. */
#include "pipeline/people.h"

typedef int each_fn(void *context, const struct stance_tensor *input);

static int show(const struct pipeline_stage *stage, each_fn *each, void *context)
{
    const struct stance_tensor input = {
        .dtype = STANCE_FLOAT32,
        .rank = 4,
        .dims = {1, 3, stage->traits.input.height, stage->traits.input.width},
        .data = stage->input};
    return each(context, &input);
}

static int show_picture(struct pipeline_stage *stage, const struct stance_image *image,
                        each_fn *each, void *context)
{
    struct vision_mapping mapping;
    stage->traits.input = stage->whole;
    BASE_TRY(vision_letterbox(stage->input, &stage->traits.input, image, &mapping, 0, 1));
    return show(stage, each, context);
}

static int show_people(struct stance_pose *pose, const struct stance_image *image, size_t count,
                       each_fn *each, void *context)
{
    struct pipeline_stage *stage = &pose->network;
    struct vision_mapping mapping;
    for (size_t i = 0; i < count; i++) {
        const struct vision_box *b = &pose->boxes[i];
        const float box[4] = {b->x1, b->y1, b->x2, b->y2};
        BASE_TRY(vision_crop(stage->input, &stage->traits.input, image, box, PIPELINE_PADDING,
                             &mapping, 0, 1));
        BASE_TRY(show(stage, each, context));
    }
    return 0;
}

int stance_pose_inputs(struct stance_pose *pose, const struct stance_image *image,
                       const float (*boxes)[4], int box_count, each_fn *each, void *context)
{
    size_t count = 0;
    if (pose->one_stage || !pose->network.session) {
        if (boxes)
            return base_error(STANCE_EARGUMENT,
                              "a network that sees whole pictures takes no boxes");
        return show_picture(pose->one_stage ? &pose->network : &pose->detector, image, each,
                            context);
    }
    BASE_TRY(boxes ? pipeline_take_boxes(pose, boxes, box_count, &count)
                   : pipeline_detect(pose, image, &count));
    return show_people(pose, image, count, each, context);
}
