/* Pose of one picture: boxes from the detector (or given, or the middle of the picture), crops of
 * all people through the pose network, keypoints back in the picture's coordinates; or all of it from
 * one run of a one-stage network. The steps are in people.c. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "pipeline/people.h"

enum { MAX_PEOPLE = 1000 };

void stance_pose_options_default(struct stance_pose_options *options)
{
    *options = (struct stance_pose_options){.struct_size = sizeof *options,
                                            .device = "cpu",
                                            .threads = 1,
                                            .detector_threshold = 0.3f,
                                            .pose_oks = 0.7f,
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
        !(options->nms_threshold >= 0 && options->nms_threshold <= 1) ||
        !(options->pose_oks >= 0 && options->pose_oks <= 1))
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
    pose->poses = base_alloc_zero(people, sizeof pose->poses[0]);
    pose->keep = base_alloc_zero(people, sizeof pose->keep[0]);
    pose->order = base_alloc_zero(people, sizeof pose->order[0]);
    if (!pose->boxes || !pose->people || !pose->keypoints || !pose->poses || !pose->keep ||
        !pose->order)
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
    return traits->keypoint_count > 0
               ? track_oks_open(&pose->oks, pose->result.keypoint_set->sigmas,
                                traits->keypoint_count)
               : 0;
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
    const struct model_choice detector = {
        .width = o->detector_size[0],
        .height = o->detector_size[1],
        .classes = {o->detector_classes[0], o->detector_classes[1]},
        .full_input = o->full_input != 0};
    const struct model_choice network = {.width = o->pose_size[0],
                                         .height = o->pose_size[1],
                                         .keypoint_set = o->keypoint_set,
                                         .refine = o->refine,
                                         .full_input = o->full_input != 0};
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
    base_free(pose->poses);
    base_free(pose->keep);
    base_free(pose->order);
    track_oks_close(&pose->oks);
    base_free(pose);
}

int pipeline_take_boxes(struct stance_pose *pose, const float (*boxes)[4], int box_count,
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

/* People whom two boxes show stay once. Those who go swap places with those who stay, since each
 * has keypoints of their own in memory. Returns how many stay. */
static size_t keep_once(struct stance_pose *pose, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct stance_person *person = &pose->people[i];
        double width = (double)person->box[2] - (double)person->box[0];
        double height = (double)person->box[3] - (double)person->box[1];
        pose->poses[i] = (struct track_pose){person->keypoints, width * height, person->score};
    }
    pipeline_suppress(pose, pose->poses, (int)count, pose->keep, pose->order);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (pose->keep[i]) {
            struct stance_person person = pose->people[i];
            pose->people[i] = pose->people[kept];
            pose->people[kept++] = person;
        }
    return kept;
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
        BASE_TRY(pipeline_find_people(pose, image, pose->people, &count));
    } else {
        BASE_TRY(boxes ? pipeline_take_boxes(pose, boxes, box_count, &count)
                       : pipeline_detect(pose, image, &count));
        middle = base_clock_ns();
        for (size_t i = 0; i < count; i++)
            BASE_TRY(pipeline_add_crop(pose, image, &pose->boxes[i], &pose->people[i]));
        BASE_TRY(pipeline_estimate(pose));
    }
    if (!boxes)
        count = keep_once(pose, count);
    pose->result.person_count = (int32_t)count;
    pose->result.detect_ns = middle - start;
    pose->result.pose_ns = base_clock_ns() - middle;
    *result = &pose->result;
    return 0;
}

void stance_pose_times(const struct stance_pose *pose, struct stance_pose_times *out)
{
    *out = pose->times;
}

const struct stance_keypoint_set *stance_pose_keypoint_set(const struct stance_pose *pose)
{
    return pose->result.keypoint_set;
}

const char *stance_pose_describe(const struct stance_pose *pose)
{
    return pose->description;
}
