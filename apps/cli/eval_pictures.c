/* The pictures of 'stance eval --images': networks run on each of them, results go to the evaluation. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "eval_command.h"
#include "stance/stance.h"

enum { MOST_PEOPLE = 1000 };

struct job {
    const struct eval_values *values;
    struct stance_eval *eval, *boxes;
    struct cli_pose_models models;
    struct stance_pose *pose;
    bool truth, given; /* boxes from the ground truth, from there or a file */
    float people_boxes[MOST_PEOPLE][4], scores[MOST_PEOPLE];
    int64_t ids[MOST_PEOPLE];
    struct stance_person people[MOST_PEOPLE];
};

static int open_job(struct job *job)
{
    const struct eval_values *v = job->values;
    bool boxes_only = v->type && strcmp(v->type, "bbox") == 0;
    int code = cli_pose_models_open(&job->models, &v->choice, !job->given, !boxes_only);
    if (code != CLI_OK)
        return code;
    struct stance_pose_options options;
    code = cli_pose_options(&options, &v->choice, &job->models);
    if (code != CLI_OK)
        return code;
    if (job->given) {
        options.center = 0;
        options.max_people = MOST_PEOPLE;
    }
    options.flip_test = v->flip_test;
    if (stance_pose_open(&job->pose, &options) < 0)
        return cli_fail_library(CLI_FAILED);
    if (!v->quiet)
        cli_note("%s", stance_pose_describe(job->pose));
    return CLI_OK;
}

/* The boxes given for a picture; how many. */
static int take_boxes(struct job *job, const struct stance_eval_picture *picture)
{
    int count = 0, all = job->truth ? picture->truth_count : picture->found_count;
    for (int i = 0; i < all && count < job->values->choice.max_people; i++) {
        if (!job->truth && picture->found_scores[i] < job->values->choice.detector_threshold)
            break; /* best first */
        memcpy(job->people_boxes[count],
               job->truth ? picture->truth_boxes[i] : picture->found_boxes[i],
               sizeof job->people_boxes[0]);
        job->scores[count] = job->truth ? 1 : picture->found_scores[i];
        job->ids[count++] = job->truth ? picture->truth_ids[i] : -1;
    }
    return count;
}

/* People in given boxes count as much as their boxes did. */
static int add(struct job *job, int64_t id, const struct stance_pose_result *result)
{
    struct stance_pose_result weighed = *result;
    if (!job->given)
        return stance_eval_add(job->eval, id, result, NULL);
    weighed.people = job->people;
    for (int i = 0; i < result->person_count; i++) {
        job->people[i] = result->people[i];
        job->people[i].box_score = job->scores[i];
        job->people[i].score *= job->scores[i];
    }
    return stance_eval_add(job->eval, id, &weighed, job->truth ? job->ids : NULL);
}

/* FOLDER/FILE, with FILE inside of the folder. */
static bool picture_path(const struct job *job, const struct stance_eval_picture *picture,
                         char *path, size_t size)
{
    const char *file = picture->file;
    bool inside = file[0] && file[0] != '/' && strcmp(file, "..") != 0 &&
                  strncmp(file, "../", 3) != 0 && !strstr(file, "/../");
    int length = snprintf(path, size, "%s/%s", job->values->images, file);
    if (inside && length > 0 && (size_t)length < size)
        return true;
    cli_fail(0, "image %lld: '%s' is no name of a picture in the folder", (long long)picture->id,
             file);
    return false;
}

/* Negative after a message. */
static int do_picture(struct job *job, int index)
{
    struct stance_eval_picture picture;
    struct stance_image *image = NULL;
    const struct stance_pose_result *result;
    char path[4096];
    if (stance_eval_picture(job->boxes, index, &picture) < 0)
        return cli_fail_library(-1);
    int count = job->given ? take_boxes(job, &picture) : 0;
    if (!picture_path(job, &picture, path, sizeof path))
        return -1;
    if (stance_image_read(&image, path) < 0)
        return cli_fail_library(-1);
    int code = stance_pose_image(
        job->pose, image, job->given ? (const float(*)[4])job->people_boxes : NULL, count, &result);
    if (code == 0)
        code = add(job, picture.id, result);
    if (code < 0)
        cli_fail(0, "%s: %s", path, stance_error_text());
    stance_image_close(&image);
    return code;
}

static int do_job(struct job *job, int *failed)
{
    int code = open_job(job);
    if (code != CLI_OK)
        return code;
    int count = stance_eval_picture_count(job->eval);
    double start = cli_clock();
    for (int i = 0; i < count; i++) {
        *failed += do_picture(job, i) < 0;
        if (!job->values->quiet)
            cli_progress("eval", i + 1, count, cli_clock() - start);
    }
    cli_progress_end();
    if (*failed == count && count)
        return cli_fail(CLI_FAILED, "none of the %d pictures could be done", count);
    return CLI_OK;
}

int cli_eval_pictures(const struct eval_values *values, struct stance_eval *eval,
                      struct stance_eval *boxes, int *failed)
{
    struct job *job = calloc(1, sizeof *job);
    if (!job)
        return cli_fail(CLI_FAILED, "out of memory");
    job->values = values;
    job->eval = eval;
    job->boxes = boxes;
    job->given = values->detections != NULL;
    job->truth = job->given && strcmp(values->detections, "gt") == 0;
    int code = do_job(job, failed);
    stance_pose_close(&job->pose);
    cli_pose_models_close(&job->models);
    free(job);
    return code;
}
