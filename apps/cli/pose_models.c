/* Opening the models of a pose pipeline: those that were named, else the built-in ones. */
#include <string.h>

#include "pose_models.h"
#include "stance/error.h"

static bool is_center(const struct cli_pose_choice *choice)
{
    return choice->detector && strcmp(choice->detector, "center") == 0;
}

static int open_model(struct stance_model **model, const char *name, const char *builtin)
{
    int code = stance_model_open(model, name ? name : builtin);
    return code == 0 ? CLI_OK
                     : cli_fail_library(code == STANCE_ENOTFOUND ? CLI_NO_MODEL : CLI_FAILED);
}

int cli_pose_models_open(struct cli_pose_models *models, const struct cli_pose_choice *choice,
                         bool detects, bool poses)
{
    *models = (struct cli_pose_models){0};
    int code = CLI_OK;
    if (detects && !is_center(choice))
        code = open_model(&models->detector, choice->detector, "stance-det");
    if (code == CLI_OK && poses)
        code = open_model(&models->pose, choice->pose, "stance-pose");
    return code;
}

void cli_pose_options(struct stance_pose_options *options, const struct cli_pose_choice *choice,
                      const struct cli_pose_models *models)
{
    stance_pose_options_default(options);
    options->detector = models->detector;
    options->pose = models->pose;
    options->center = is_center(choice);
    options->device = choice->device;
    options->threads = choice->threads;
    options->detector_threshold = choice->detector_threshold;
    options->max_people = choice->max_people;
}

void cli_pose_models_close(struct cli_pose_models *models)
{
    stance_model_close(&models->detector);
    stance_model_close(&models->pose);
}
