/* Trials of 'stance quantize': what the float network is shown and says, and how much a quantised one
 * agrees with it. */
#include <stdlib.h>
#include <string.h>

#include "pose_models.h"
#include "quantize_command.h"

/* Boxes with less are no truth; what the quantised network scores a little lower still counts. */
#define EXPECTED_SCORE 0.3f
#define ANSWERED_SCORE 0.1f
enum { MOST_CANDIDATES = 1000 };

int quantize_check_stop(const struct quantize_job *job)
{
    return atomic_load(&job->stopped) ? cli_fail(CLI_FAILED, "interrupted; nothing was written")
                                      : CLI_OK;
}

const char *quantize_metric(const struct quantize_job *job)
{
    return job->role == STANCE_ROLE_DETECTOR ? "AP" : "OKS";
}

/* The pipeline in which a network answers: alone, people's boxes given where it needs some. Every
 * candidate of a detector: nothing is suppressed. */
static int open_pipeline(struct quantize_job *job, struct stance_pose **pose,
                         struct stance_model *model, float threshold, bool every)
{
    struct stance_pose_options options;
    stance_pose_options_default(&options);
    options.full_input = 1; /* as the file declares it, which is what calibration sees */
    options.threads = job->values.threads;
    options.detector_threshold = threshold;
    if (every) {
        options.nms_threshold = 1;
        options.max_people = MOST_CANDIDATES;
    }
    if (job->role == STANCE_ROLE_DETECTOR)
        options.detector = model;
    else
        options.pose = model;
    return stance_pose_open(pose, &options) < 0 ? cli_fail_library(CLI_FAILED) : CLI_OK;
}

static int answer(const struct quantize_job *job, struct stance_pose *pose,
                  const struct quantize_picture *picture, const struct stance_pose_result **result)
{
    bool boxes = job->role == STANCE_ROLE_POSE;
    return stance_pose_image(pose, picture->image, boxes ? (const float(*)[4])picture->boxes : NULL,
                             boxes ? picture->box_count : 0, result) < 0
               ? cli_fail_library(CLI_FAILED)
               : CLI_OK;
}

/* ---- People ---- */

/* The people of all pictures, best first; pictures without any go. */
static int find_people(struct quantize_job *job, struct stance_pose *finder)
{
    int kept = 0, code = CLI_OK;
    for (int i = 0; i < job->picture_count && code == CLI_OK; i++) {
        struct quantize_picture *picture = &job->pictures[i];
        const struct stance_pose_result *result;
        if (stance_pose_image(finder, picture->image, NULL, 0, &result) < 0)
            return cli_fail_library(CLI_FAILED);
        for (int k = 0; k < result->person_count && k < QUANTIZE_MOST_BOXES; k++)
            memcpy(picture->boxes[picture->box_count++], result->people[k].box,
                   sizeof picture->boxes[0]);
        if (picture->box_count) {
            struct quantize_picture held = *picture;
            *picture = job->pictures[kept];
            job->pictures[kept++] = held;
        }
        if (!job->values.quiet)
            cli_progress("finding people", i + 1, job->picture_count, cli_clock() - job->started);
        code = quantize_check_stop(job);
    }
    cli_progress_end();
    for (int i = kept; i < job->picture_count; i++)
        stance_image_close(&job->pictures[i].image);
    job->picture_count = kept;
    return code;
}

static int open_finder(struct quantize_job *job, struct stance_pose **finder)
{
    struct stance_pose_options options;
    const char *name = job->values.detector ? job->values.detector : "stance-det";
    int code = cli_open_model(&job->detector, name);
    if (code != CLI_OK)
        return code;
    stance_pose_options_default(&options);
    options.detector = job->detector;
    options.threads = job->values.threads;
    return stance_pose_open(finder, &options) < 0 ? cli_fail_library(CLI_FAILED) : CLI_OK;
}

/* One person fills each picture: its box, which crops widen by a quarter. */
static int add_middles(struct quantize_job *job)
{
    for (int i = 0; i < job->picture_count; i++) {
        struct quantize_picture *picture = &job->pictures[i];
        float width = (float)picture->image->width, height = (float)picture->image->height;
        const float box[4] = {0.1f * width, 0.1f * height, 0.9f * width, 0.9f * height};
        memcpy(picture->boxes[0], box, sizeof box);
        picture->box_count = 1;
    }
    return CLI_OK;
}

static int add_boxes(struct quantize_job *job)
{
    struct stance_pose *finder = NULL;
    if (job->values.detector && strcmp(job->values.detector, "center") == 0)
        return add_middles(job);
    int code = open_finder(job, &finder);
    if (code == CLI_OK)
        code = find_people(job, finder);
    stance_pose_close(&finder);
    if (code == CLI_OK && job->picture_count == 0)
        code = cli_fail(CLI_FAILED, "no people were found in the pictures; a pose network is "
                                    "calibrated on people");
    return code;
}

/* ---- The float network ---- */

static int feed(void *context, const struct stance_tensor *input)
{
    struct quantize_job *job = context;
    return stance_quantizer_feed(job->quantizer, input);
}

static int expect(const struct quantize_job *job, struct stance_pose *pose,
                  const struct quantize_picture *picture, struct stance_agreement *agreement,
                  int *people)
{
    const struct stance_pose_result *result;
    int code = answer(job, pose, picture, &result);
    if (code != CLI_OK)
        return code;
    *people += result->person_count;
    return stance_agreement_expect(agreement, result) < 0 ? cli_fail_library(CLI_FAILED) : CLI_OK;
}

static int prepare_picture(struct quantize_job *job, struct stance_pose *pose,
                           const struct quantize_picture *picture)
{
    bool boxes = job->role == STANCE_ROLE_POSE;
    if (stance_pose_inputs(pose, picture->image, boxes ? (const float(*)[4])picture->boxes : NULL,
                           boxes ? picture->box_count : 0, feed, job) < 0)
        return cli_fail_library(CLI_FAILED);
    return expect(job, pose, picture, job->agreement, &job->people);
}

static int prepare_candidates(struct quantize_job *job)
{
    struct stance_pose *pose = NULL;
    int boxes = 0, code = CLI_OK;
    if (stance_agreement_open(&job->candidates) < 0)
        return cli_fail_library(CLI_FAILED);
    code = open_pipeline(job, &pose, job->model, EXPECTED_SCORE, true);
    for (int i = 0; i < job->picture_count && code == CLI_OK; i++)
        code = expect(job, pose, &job->pictures[i], job->candidates, &boxes);
    stance_pose_close(&pose);
    return code;
}

int quantize_prepare(struct quantize_job *job)
{
    struct stance_pose *pose = NULL;
    int code = job->role == STANCE_ROLE_POSE ? add_boxes(job) : CLI_OK;
    if (code == CLI_OK && stance_agreement_open(&job->agreement) < 0)
        code = cli_fail_library(CLI_FAILED);
    if (code == CLI_OK)
        code = open_pipeline(job, &pose, job->model, EXPECTED_SCORE, false);
    for (int i = 0; i < job->picture_count && code == CLI_OK; i++)
        code = prepare_picture(job, pose, &job->pictures[i]);
    stance_pose_close(&pose);
    if (code == CLI_OK && job->role == STANCE_ROLE_DETECTOR && !job->values.roles_only)
        code = prepare_candidates(job);
    if (code == CLI_OK && job->people == 0 && !job->values.roles_only)
        code = cli_fail(CLI_FAILED,
                        "%s finds nobody in the pictures, so that nothing can be "
                        "compared; give others, or --roles-only",
                        job->name);
    return code;
}

/* ---- A quantised network ---- */

static int answer_pictures(struct quantize_job *job, struct stance_pose *pose,
                           struct stance_agreement *agreement, int step)
{
    stance_agreement_reset(agreement);
    for (int i = 0; i < job->picture_count; i += step) {
        const struct stance_pose_result *result;
        int code = answer(job, pose, &job->pictures[i], &result);
        if (code != CLI_OK)
            return code;
        if (stance_agreement_answer(agreement, i, result) < 0)
            return cli_fail_library(CLI_FAILED);
    }
    return CLI_OK;
}

static int try_layers(struct quantize_job *job, struct stance_agreement *agreement, int step,
                      struct stance_agreement_numbers *numbers)
{
    struct stance_model *model;
    struct stance_pose *pose = NULL;
    if (stance_quantizer_model(job->quantizer, &model) < 0)
        return cli_fail_library(CLI_FAILED);
    int code = open_pipeline(job, &pose, model, ANSWERED_SCORE, agreement == job->candidates);
    if (code == CLI_OK)
        code = answer_pictures(job, pose, agreement, step);
    stance_pose_close(&pose);
    stance_model_close(&model);
    if (code == CLI_OK && stance_agreement_measure(agreement, numbers) < 0)
        code = cli_fail_library(CLI_FAILED);
    return code == CLI_OK ? quantize_check_stop(job) : code;
}

int quantize_try(struct quantize_job *job, int step, double *drop)
{
    struct stance_agreement_numbers numbers;
    int code = try_layers(job, job->candidates ? job->candidates : job->agreement, step, &numbers);
    *drop = code == CLI_OK ? 1 - numbers.closeness : 1;
    return code;
}

int quantize_measure(struct quantize_job *job)
{
    return try_layers(job, job->agreement, 1, &job->numbers);
}
