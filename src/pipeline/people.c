/* Boxes from the detector, keypoints from the pose network, both from a one-stage network. */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/errors.h"
#include "pipeline/people.h"

/* The time since `start`, which becomes now. */
static int64_t lap(int64_t *start)
{
    int64_t before = *start;
    *start = base_clock_ns();
    return *start - before;
}

static void to_picture(struct vision_box *box, const struct vision_mapping *mapping,
                       const struct stance_image *image)
{
    vision_map(mapping, &box->x1, &box->y1);
    vision_map(mapping, &box->x2, &box->y2);
    vision_box_clamp(box, (float)image->width, (float)image->height);
}

/* The people whose boxes a network finds in the whole picture; `outputs` and `mapping` are those of
 * its run. */
static int run_on_picture(struct stance_pose *pose, struct pipeline_stage *stage,
                          const struct stance_image *image, struct stance_tensor *outputs,
                          struct vision_mapping *mapping, size_t *count)
{
    int64_t clock = base_clock_ns();
    BASE_TRY(pipeline_feed_picture(stage, image, mapping));
    pose->times.letterbox += lap(&clock);
    BASE_TRY(pipeline_stage_run(stage, 1, outputs));
    pose->times.network += lap(&clock);
    *count = stage->traits.family->decode_boxes(&stage->traits, outputs, 0,
                                                pose->options.detector_threshold, pose->boxes,
                                                PIPELINE_MAX_CANDIDATES);
    float threshold = stage->traits.nms_threshold;
    if (threshold > 0 && pose->options.nms_threshold > 0)
        threshold = pose->options.nms_threshold;
    /* 1 suppresses nothing: boxes from networks with suppression inside are only sorted. */
    *count = vision_box_nms(pose->boxes, *count, threshold > 0 ? threshold : 1, 0, 0,
                            (size_t)pose->options.max_people);
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        to_picture(&pose->boxes[i], mapping, image);
        if (vision_box_area(&pose->boxes[i], 0) > 0)
            pose->boxes[kept++] = pose->boxes[i];
    }
    *count = kept;
    pose->times.decode += lap(&clock);
    return 0;
}

/* One person in the middle: the largest centred box of the network's aspect. */
static size_t take_center(struct stance_pose *pose, const struct stance_image *image)
{
    float aspect =
        (float)pose->network.traits.input.width / (float)pose->network.traits.input.height;
    float height = (float)image->height, width = height * aspect;
    if (width > (float)image->width) {
        width = (float)image->width;
        height = width / aspect;
    }
    /* The crop pads every box; shrunk first, the crop is exactly this region. */
    width /= PIPELINE_PADDING;
    height /= PIPELINE_PADDING;
    float x = (float)image->width / 2, y = (float)image->height / 2;
    pose->boxes[0] =
        (struct vision_box){x - width / 2, y - height / 2, x + width / 2, y + height / 2, 1, 0, 0};
    return 1;
}

int pipeline_detect(struct stance_pose *pose, const struct stance_image *image, size_t *count)
{
    struct stance_tensor outputs[MODEL_MAX_OUTPUTS];
    struct vision_mapping mapping;
    if (pose->has_detector)
        return run_on_picture(pose, &pose->detector, image, outputs, &mapping, count);
    if (!pose->options.center)
        return base_error(STANCE_EARGUMENT,
                          "without a detector give boxes, or ask for the person in the centre");
    *count = take_center(pose, image);
    return 0;
}

void pipeline_set_box(struct stance_person *person, const struct vision_box *box)
{
    person->box[0] = box->x1;
    person->box[1] = box->y1;
    person->box[2] = box->x2;
    person->box[3] = box->y2;
    person->box_score = person->score = box->score;
    person->detector_class = box->label;
}

static bool is_finite(const struct stance_keypoint *point)
{
    return isfinite(point->x) && isfinite(point->y) && isfinite(point->score);
}

/* A keypoint that is no number is absent. */
static void fill_person(struct stance_pose *pose, struct stance_person *person,
                        const struct vision_box *box, const struct vision_mapping *mapping,
                        const struct stance_tensor *outputs, int64_t index)
{
    const struct model_traits *traits = &pose->network.traits;
    traits->family->decode_pose(traits, outputs, index, pose->network.scratch, person->keypoints);
    float sum = 0;
    int confident = 0;
    for (int k = 0; k < traits->keypoint_count; k++) {
        struct stance_keypoint *point = &person->keypoints[k];
        if (!is_finite(point)) {
            *point = (struct stance_keypoint){0, 0, 0};
            continue;
        }
        vision_map(mapping, &point->x, &point->y);
        if (point->score > PIPELINE_LEAST_SCORE) {
            sum += point->score;
            confident++;
        }
    }
    pipeline_set_box(person, box);
    person->score = confident ? box->score * sum / (float)confident : 0;
}

/* Candidates keep their number through the suppression. */
int pipeline_find_people(struct stance_pose *pose, const struct stance_image *image,
                         struct stance_person *people, size_t *count)
{
    struct stance_tensor outputs[MODEL_MAX_OUTPUTS];
    struct vision_mapping mapping;
    BASE_TRY(run_on_picture(pose, &pose->network, image, outputs, &mapping, count));
    int64_t clock = base_clock_ns();
    for (size_t i = 0; i < *count; i++) {
        fill_person(pose, &people[i], &pose->boxes[i], &mapping, outputs, pose->boxes[i].index);
        people[i].score = pose->boxes[i].score; /* mmpose#3075 */
    }
    pose->times.decode += lap(&clock);
    return 0;
}

static int run_crops(struct stance_pose *pose, const struct pipeline_crop *crops, int batch)
{
    struct pipeline_stage *stage = &pose->network;
    int64_t clock = base_clock_ns();
    BASE_TRY(pipeline_feed_crops(pose, crops, batch));
    pose->times.crop += lap(&clock);
    struct stance_tensor outputs[MODEL_MAX_OUTPUTS];
    BASE_TRY(pose->options.flip_test
                 ? pipeline_stage_run_flipped(stage, batch, pose->result.keypoint_set->flip,
                                              &pose->means, outputs)
                 : pipeline_stage_run(stage, batch, outputs));
    pose->times.network += lap(&clock);
    for (int i = 0; i < batch; i++)
        fill_person(pose, crops[i].person, &crops[i].box, &pose->mappings[i], outputs, i);
    pose->times.decode += lap(&clock);
    return 0;
}

int pipeline_estimate(struct stance_pose *pose)
{
    int count = pose->crop_count, first = 0;
    pose->crop_count = 0;
    for (int batch = PIPELINE_MAX_BATCH; batch > 0; batch /= 2)
        for (; count - first >= batch; first += batch)
            BASE_TRY(run_crops(pose, pose->crops + first, batch));
    return 0;
}

int pipeline_add_crop(struct stance_pose *pose, const struct stance_image *image,
                      const struct vision_box *box, struct stance_person *person)
{
    if (!pose->network.session) {
        pipeline_set_box(person, box);
        return 0;
    }
    pose->crops[pose->crop_count++] = (struct pipeline_crop){image, *box, person};
    return pose->crop_count == PIPELINE_MAX_BATCH ? pipeline_estimate(pose) : 0;
}

void pipeline_suppress(const struct stance_pose *pose, const struct track_pose *poses, int count,
                       uint8_t *keep, int32_t *order)
{
    if (pose->oks.count && pose->options.pose_oks < 1)
        track_oks_nms(&pose->oks, poses, count, PIPELINE_LEAST_SCORE, pose->options.pose_oks, keep,
                      order);
    else
        memset(keep, 1, (size_t)count);
}
