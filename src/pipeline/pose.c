/* Pose of one picture: boxes from the detector (or given, or the middle of the picture), crops of
 * all people through the pose network, keypoints back in the picture's coordinates; or all of it
 * from one run of a one-stage network. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "pipeline/top_down.h"

enum { MAX_PEOPLE = 1000 };

static const float padding = 1.25f; /* algorithms of RTMPose and SimpleBaseline alike */

struct stance_pose {
    struct stance_pose_options options;
    struct pipeline_stage detector, network;
    bool has_detector, one_stage;
    struct vision_box *boxes; /* PIPELINE_MAX_CANDIDATES */
    struct vision_mapping mappings[PIPELINE_MAX_BATCH];
    struct stance_person *people;
    struct stance_keypoint *keypoints;
    struct pipeline_means means;
    struct model_plain_set plain_set;
    struct stance_pose_result result;
    char description[512];
};

void stance_pose_options_default(struct stance_pose_options *options)
{
    *options = (struct stance_pose_options){.struct_size = sizeof *options,
                                            .device = "cpu",
                                            .threads = 1,
                                            .detector_threshold = 0.3f,
                                            .max_people = 100};
}

static int check_options(const struct stance_pose_options *options)
{
    if (!options->pose && (!options->detector || options->center))
        return base_error(STANCE_EARGUMENT,
                          "a pose model is required, or a detector for boxes only");
    if (options->max_people < 1 || options->max_people > MAX_PEOPLE)
        return base_error(STANCE_EARGUMENT, "max_people is %d: give 1 to %d", options->max_people,
                          MAX_PEOPLE);
    if (!(options->detector_threshold >= 0 && options->detector_threshold <= 1) ||
        !(options->nms_threshold >= 0 && options->nms_threshold <= 1))
        return base_error(STANCE_EARGUMENT, "thresholds lie between 0 and 1");
    return 0;
}

static int open_memory(struct stance_pose *pose)
{
    size_t people = (size_t)pose->options.max_people;
    size_t points = people * (size_t)pose->network.traits.keypoint_count;
    pose->boxes = base_alloc(PIPELINE_MAX_CANDIDATES * sizeof pose->boxes[0]);
    pose->people = base_alloc_zero(people, sizeof pose->people[0]);
    pose->keypoints = base_alloc_zero(points, sizeof pose->keypoints[0]);
    if (!pose->boxes || !pose->people || !pose->keypoints)
        return base_error_memory(points * sizeof pose->keypoints[0], "results");
    for (size_t i = 0; i < people; i++)
        pose->people[i].keypoints =
            pose->keypoints + i * (size_t)pose->network.traits.keypoint_count;
    pose->result.people = pose->people;
    const struct model_traits *traits = &pose->network.traits;
    pose->result.keypoint_set = traits->keypoint_set
                                    ? traits->keypoint_set
                                    : model_keypoint_set(traits->keypoint_count, &pose->plain_set);
    if (pose->options.flip_test && traits->keypoint_count > 0 &&
        pose->result.keypoint_set == &pose->plain_set.set)
        return base_error(STANCE_EARGUMENT,
                          "%s: a flip test needs to know which of its %d keypoints mirror each "
                          "other: name their set",
                          stance_model_path(pose->options.pose), traits->keypoint_count);
    return 0;
}

/* What a one-stage network does itself, and what it cannot do. */
static int check_one_stage(struct stance_pose *pose)
{
    pose->one_stage = pose->network.session && pose->network.traits.family->role == MODEL_ONE_STAGE;
    if (!pose->one_stage)
        return 0;
    const char *too_much = pose->options.detector    ? "a detector"
                           : pose->options.center    ? "the person in the centre"
                           : pose->options.flip_test ? "a flip test"
                                                     : NULL;
    return too_much ? base_error(STANCE_EARGUMENT,
                                 "%s: a one-stage network finds people itself; %s does not go with "
                                 "it",
                                 stance_model_path(pose->options.pose), too_much)
                    : 0;
}

static int open_stages(struct stance_pose *pose)
{
    struct stance_session_options session;
    stance_session_options_default(&session);
    session.device = pose->options.device;
    session.threads = pose->options.threads;
    pose->has_detector = pose->options.detector && !pose->options.center;
    const struct stance_pose_options *o = &pose->options;
    const struct model_choice detector = {.width = o->detector_size[0],
                                          .height = o->detector_size[1]};
    const struct model_choice network = {.width = o->pose_size[0],
                                         .height = o->pose_size[1],
                                         .keypoint_set = o->keypoint_set,
                                         .refine = o->refine};
    if (pose->has_detector)
        BASE_TRY(pipeline_stage_open(&pose->detector, o->detector, true, &detector, &session, 1));
    if (o->pose)
        BASE_TRY(pipeline_stage_open(&pose->network, o->pose, false, &network, &session,
                                     PIPELINE_MAX_BATCH));
    return check_one_stage(pose);
}

/* "stance-det: RTMDet detector 320x320" */
static void describe_stage(const struct pipeline_stage *stage, const struct stance_model *model,
                           char *text, size_t size)
{
    const struct vision_input *input = &stage->traits.input;
    const char *path = stance_model_path(model), *slash = strrchr(path, '/');
    snprintf(text, size, "%.60s: %s %dx%d", slash ? slash + 1 : path, stage->traits.family->title,
             input->width, input->height);
}

static void describe(struct stance_pose *pose)
{
    char detector[160] = "no detector", network[160];
    if (pose->has_detector)
        describe_stage(&pose->detector, pose->options.detector, detector, sizeof detector);
    if (!pose->network.session) {
        snprintf(pose->description, sizeof pose->description, "%s, boxes only; %s", detector,
                 stance_session_describe(pose->detector.session));
        return;
    }
    describe_stage(&pose->network, pose->options.pose, network, sizeof network);
    if (pose->one_stage) {
        snprintf(pose->description, sizeof pose->description, "%s, %s; %s", network,
                 pose->result.keypoint_set->name, stance_session_describe(pose->network.session));
        return;
    }
    snprintf(pose->description, sizeof pose->description, "%s + %s, %s; %s", detector, network,
             pose->result.keypoint_set->name, stance_session_describe(pose->network.session));
}

int stance_pose_open(struct stance_pose **out, const struct stance_pose_options *options)
{
    *out = NULL;
    struct stance_pose *pose = base_alloc_zero(1, sizeof *pose);
    if (!pose)
        return base_error_memory(sizeof *pose, "a pose pipeline");
    stance_pose_options_default(&pose->options);
    size_t size = options->struct_size < sizeof *options ? options->struct_size : sizeof *options;
    memcpy(&pose->options, options, size);
    int code = check_options(&pose->options);
    if (code == 0)
        code = open_stages(pose);
    if (code == 0)
        code = open_memory(pose);
    if (code < 0) {
        stance_pose_close(&pose);
        return code;
    }
    describe(pose);
    *out = pose;
    return 0;
}

void stance_pose_close(struct stance_pose **handle)
{
    struct stance_pose *pose = *handle;
    *handle = NULL;
    if (!pose)
        return;
    pipeline_stage_close(&pose->detector);
    pipeline_stage_close(&pose->network);
    base_free(pose->means.values);
    base_free(pose->boxes);
    base_free(pose->people);
    base_free(pose->keypoints);
    base_free(pose);
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
static int detect(struct stance_pose *pose, struct pipeline_stage *stage,
                  const struct stance_image *image, struct stance_tensor *outputs,
                  struct vision_mapping *mapping, size_t *count)
{
    BASE_TRY(vision_letterbox(stage->input, &stage->traits.input, image, mapping, 0, 1));
    BASE_TRY(pipeline_stage_run(stage, 1, outputs));
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
    return 0;
}

static int take_boxes(struct stance_pose *pose, const float (*boxes)[4], int box_count,
                      size_t *count)
{
    if (box_count < 0 || box_count > pose->options.max_people)
        return base_error(STANCE_EARGUMENT, "%d boxes given; max_people is %d", box_count,
                          pose->options.max_people);
    for (int i = 0; i < box_count; i++) {
        const float *b = boxes[i];
        if (!isfinite(b[0]) || !isfinite(b[1]) || !isfinite(b[2]) || !isfinite(b[3]) ||
            b[2] <= b[0] || b[3] <= b[1])
            return base_error(STANCE_EARGUMENT,
                              "box %d is %g,%g,%g,%g: it needs x1 < x2 and "
                              "y1 < y2",
                              i, (double)b[0], (double)b[1], (double)b[2], (double)b[3]);
        pose->boxes[i] = (struct vision_box){b[0], b[1], b[2], b[3], 1, 0, i};
    }
    *count = (size_t)box_count;
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
    width /= padding;
    height /= padding;
    float x = (float)image->width / 2, y = (float)image->height / 2;
    pose->boxes[0] =
        (struct vision_box){x - width / 2, y - height / 2, x + width / 2, y + height / 2, 1, 0, 0};
    return 1;
}

static void set_box(struct stance_person *person, const struct vision_box *box)
{
    person->box[0] = box->x1;
    person->box[1] = box->y1;
    person->box[2] = box->x2;
    person->box[3] = box->y2;
    person->box_score = person->score = box->score;
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
        if (point->score > 0.2f) {
            sum += point->score;
            confident++;
        }
    }
    set_box(person, box);
    person->score = confident ? box->score * sum / (float)confident : 0;
}

static int estimate(struct stance_pose *pose, const struct stance_image *image, int first,
                    int batch)
{
    struct pipeline_stage *stage = &pose->network;
    size_t floats =
        (size_t)3 * (size_t)stage->traits.input.width * (size_t)stage->traits.input.height;
    for (int i = 0; i < batch; i++) {
        const struct vision_box *b = &pose->boxes[first + i];
        const float box[4] = {b->x1, b->y1, b->x2, b->y2};
        BASE_TRY(vision_crop(stage->input + (size_t)i * floats, &stage->traits.input, image, box,
                             padding, &pose->mappings[i], 0, 1));
    }
    struct stance_tensor outputs[MODEL_MAX_OUTPUTS];
    BASE_TRY(pose->options.flip_test
                 ? pipeline_stage_run_flipped(stage, batch, pose->result.keypoint_set->flip,
                                              &pose->means, outputs)
                 : pipeline_stage_run(stage, batch, outputs));
    for (int i = 0; i < batch; i++)
        fill_person(pose, &pose->people[first + i], &pose->boxes[first + i], &pose->mappings[i],
                    outputs, i);
    return 0;
}

static int estimate_all(struct stance_pose *pose, const struct stance_image *image, int count)
{
    int first = 0;
    for (int i = 0; i < count && !pose->network.session; i++)
        set_box(&pose->people[i], &pose->boxes[i]);
    if (!pose->network.session)
        return 0;
    for (int batch = PIPELINE_MAX_BATCH; batch > 0; batch /= 2)
        for (; count - first >= batch; first += batch)
            BASE_TRY(estimate(pose, image, first, batch));
    return 0;
}

static int find_boxes(struct stance_pose *pose, const struct stance_image *image,
                      const float (*boxes)[4], int box_count, size_t *count)
{
    if (boxes)
        return take_boxes(pose, boxes, box_count, count);
    struct stance_tensor outputs[MODEL_MAX_OUTPUTS];
    struct vision_mapping mapping;
    if (pose->has_detector)
        return detect(pose, &pose->detector, image, outputs, &mapping, count);
    if (!pose->options.center)
        return base_error(STANCE_EARGUMENT,
                          "without a detector give boxes, or ask for the person in the centre");
    *count = take_center(pose, image);
    return 0;
}

/* Boxes and keypoints from one run; candidates keep their number through the suppression. */
static int find_people(struct stance_pose *pose, const struct stance_image *image, size_t *count)
{
    struct stance_tensor outputs[MODEL_MAX_OUTPUTS];
    struct vision_mapping mapping;
    BASE_TRY(detect(pose, &pose->network, image, outputs, &mapping, count));
    for (size_t i = 0; i < *count; i++) {
        fill_person(pose, &pose->people[i], &pose->boxes[i], &mapping, outputs,
                    pose->boxes[i].index);
        pose->people[i].score = pose->boxes[i].score; /* mmpose#3075 */
    }
    return 0;
}

int stance_pose_image(struct stance_pose *pose, const struct stance_image *image,
                      const float (*boxes)[4], int box_count,
                      const struct stance_pose_result **result)
{
    *result = NULL;
    pose->result.width = image->width;
    pose->result.height = image->height;
    pose->result.person_count = 0;
    size_t count = 0;
    if (boxes && pose->one_stage)
        return base_error(STANCE_EARGUMENT, "a one-stage network takes no boxes: it finds people "
                                            "itself");
    int64_t start = base_clock_ns(), middle = start;
    if (pose->one_stage) {
        BASE_TRY(find_people(pose, image, &count));
    } else {
        BASE_TRY(find_boxes(pose, image, boxes, box_count, &count));
        middle = base_clock_ns();
        BASE_TRY(estimate_all(pose, image, (int)count));
    }
    pose->result.person_count = (int32_t)count;
    pose->result.detect_ns = middle - start;
    pose->result.pose_ns = base_clock_ns() - middle;
    *result = &pose->result;
    return 0;
}

const char *stance_pose_describe(const struct stance_pose *pose)
{
    return pose->description;
}
