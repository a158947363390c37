/* Opening the models of a pose pipeline: those that were named, else those of a size, else the
 * built-in ones. */
#include <stdio.h>
#include <string.h>

#include "pose_models.h"
#include "stance/error.h"

/* The pairs of --size: RTMPose trained on seven data sets, and a detector that keeps it company in
 * OpenMMLab's and rtmlib's own examples. */
static const struct {
    const char *size, *detector, *pose;
} sizes[] = {
    {"t", "rtmdet-nano", "rtmpose-t"},      {"s", "rtmdet-nano", "rtmpose-s"},
    {"m", "rtmdet-nano", "rtmpose-m"},      {"l", "yolox-m-humanart", "rtmpose-l"},
    {"x", "yolox-x-humanart", "rtmpose-x"},
};

bool cli_size_models(const char *size, const char **detector, const char **pose)
{
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        if (strcmp(sizes[i].size, size) == 0) {
            *detector = sizes[i].detector;
            *pose = sizes[i].pose;
            return true;
        }
    cli_fail(0, "--size takes t, s, m, l or x, not '%s'", size);
    return false;
}

static bool is_center(const struct cli_pose_choice *choice)
{
    return choice->detector && strcmp(choice->detector, "center") == 0;
}

static int open_model(struct stance_model **model, const char *name)
{
    int code = stance_model_open(model, name);
    return code == 0 ? CLI_OK
                     : cli_fail_library(code == STANCE_ENOTFOUND ? CLI_NO_MODEL : CLI_FAILED);
}

/* Whether a detector has to be opened beside the pose network. */
static bool wants_detector(const struct cli_pose_models *models,
                           const struct cli_pose_choice *choice)
{
    if (is_center(choice))
        return false;
    return choice->detector || !models->pose ||
           stance_model_role(models->pose) != STANCE_ROLE_ONE_STAGE;
}

int cli_pose_models_open(struct cli_pose_models *models, const struct cli_pose_choice *choice,
                         bool detects, bool poses)
{
    const char *detector = "stance-det", *pose = "stance-pose";
    *models = (struct cli_pose_models){0};
    if (choice->size && !cli_size_models(choice->size, &detector, &pose))
        return CLI_USAGE;
    int code = CLI_OK;
    if (poses)
        code = open_model(&models->pose, choice->pose ? choice->pose : pose);
    if (code == CLI_OK && detects && wants_detector(models, choice))
        code = open_model(&models->detector, choice->detector ? choice->detector : detector);
    return code;
}

/* "WxH" into `size`; nothing for NULL. */
static bool parse_size(const char *option, const char *text, int32_t size[2])
{
    int count = 0;
    for (const char *at = text; at && count < 2; at++) {
        const char *start = at;
        for (; *at >= '0' && *at <= '9' && at - start < 5; at++)
            size[count] = size[count] * 10 + (*at - '0');
        if (at == start || size[count] < 1 || *at != (count == 0 ? 'x' : '\0'))
            break;
        count++;
    }
    if (!text || count == 2)
        return true;
    cli_fail(0, "%s takes a width and a height such as 192x256, not '%s'", option, text);
    return false;
}

static bool parse_refine(const char *text, int32_t *refine)
{
    static const char *const names[] = {"auto", "none", "shift", "dark", "udp"};
    for (int i = 0; text && i < (int)(sizeof names / sizeof names[0]); i++)
        if (strcmp(names[i], text) == 0) {
            *refine = i;
            return true;
        }
    if (text)
        cli_fail(0, "--refine takes none, shift, dark, udp or auto, not '%s'", text);
    return !text;
}

int cli_pose_options(struct stance_pose_options *options, const struct cli_pose_choice *choice,
                     const struct cli_pose_models *models)
{
    stance_pose_options_default(options);
    options->detector = models->detector;
    options->pose = models->pose;
    options->center = is_center(choice);
    options->device = choice->device;
    options->threads = choice->threads;
    options->detector_threshold = choice->detector_threshold;
    options->pose_oks = choice->pose_oks;
    options->max_people = choice->max_people;
    return parse_refine(choice->refine, &options->refine) &&
                   parse_size("--detector-input", choice->detector_input, options->detector_size) &&
                   parse_size("--pose-input", choice->pose_input, options->pose_size)
               ? CLI_OK
               : CLI_USAGE;
}

int cli_pose_open(struct stance_pose **pose, struct cli_pose_models *models,
                  const struct cli_pose_choice *choice, const char *keypoint_set, bool detects)
{
    struct stance_pose_options options;
    int code = cli_pose_models_open(models, choice, detects, true);
    if (code == CLI_OK)
        code = cli_pose_options(&options, choice, models);
    if (code != CLI_OK)
        return code;
    options.keypoint_set = keypoint_set;
    return stance_pose_open(pose, &options) < 0 ? cli_fail_library(CLI_FAILED) : CLI_OK;
}

void cli_pose_models_close(struct cli_pose_models *models)
{
    stance_model_close(&models->detector);
    stance_model_close(&models->pose);
}
