/* Opening the models of a pose pipeline: those that were named, else those of a preset, else the
 * built-in ones. */
#include <stdio.h>
#include <string.h>

#include "pose_models.h"
#include "stance/error.h"

bool cli_find_preset(const char *size, const char *name, const struct stance_preset **out)
{
    *out = NULL;
    if (size && name) {
        cli_fail(0, "give a size or a preset, not both");
        return false;
    }
    if (size && strlen(size) == 1)
        *out = stance_preset_find(size);
    if (name)
        *out = stance_preset_find(name);
    if (size && !*out)
        cli_fail(0, "--size takes t, s, m, l or x, not '%s'", size);
    if (name && !*out)
        cli_fail(
            0,
            "there is no preset '%s': they are lightweight, balanced and performance, for other "
            "tasks than the body with feet-, wholebody-, hand-, face-, animal- or one-stage- in "
            "front",
            name);
    return *out || (!size && !name);
}

/* The detector that a choice names, itself or through its preset; NULL: none. */
static const char *detector_of(const struct cli_pose_choice *choice)
{
    const struct stance_preset *preset;
    if (choice->detector || !cli_find_preset(choice->size, choice->preset, &preset) || !preset)
        return choice->detector;
    return preset->detector;
}

static bool is_center(const struct cli_pose_choice *choice)
{
    const char *detector = detector_of(choice);
    return detector && strcmp(detector, "center") == 0;
}

int cli_open_model(struct stance_model **model, const char *name)
{
    int code = stance_model_open(model, name);
    return code < 0 ? cli_fail_model(code) : CLI_OK;
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
    const struct stance_preset *preset;
    *models = (struct cli_pose_models){0};
    if (!cli_find_preset(choice->size, choice->preset, &preset))
        return CLI_USAGE;
    const char *detector = detector_of(choice);
    const char *pose = choice->pose ? choice->pose : preset ? preset->pose : "stance-pose";
    int code = CLI_OK;
    if (poses)
        code = cli_open_model(&models->pose, pose);
    if (code == CLI_OK && detects && wants_detector(models, choice))
        code = cli_open_model(&models->detector, detector ? detector : "stance-det");
    return code;
}

/* "14-23" with its separator, or one number: how many there are, 0 for anything else. */
static int parse_numbers(const char *text, char separator, int32_t values[2])
{
    for (int count = 0; count < 2; count++) {
        const char *start = text;
        for (values[count] = 0; *text >= '0' && *text <= '9' && text - start < 5; text++)
            values[count] = values[count] * 10 + (*text - '0');
        if (text == start)
            return 0;
        if (!*text)
            return count + 1;
        if (*text++ != separator)
            return 0;
    }
    return 0;
}

static bool parse_size(const char *option, const char *text, int32_t size[2])
{
    int32_t values[2];
    if (!text)
        return true;
    if (parse_numbers(text, 'x', values) == 2 && values[0] > 0 && values[1] > 0) {
        memcpy(size, values, sizeof values);
        return true;
    }
    cli_fail(0, "%s takes a width and a height such as 192x256, not '%s'", option, text);
    return false;
}

static bool parse_classes(const char *text, int32_t classes[2])
{
    int32_t values[2];
    if (!text)
        return true;
    int count = parse_numbers(text, '-', values);
    if (count > 0 && values[0] <= values[count - 1]) {
        classes[0] = values[0];
        classes[1] = values[count - 1];
        return true;
    }
    cli_fail(0,
             "--classes takes the number of one of the detector's classes, or two such as 14-23, "
             "not '%s'",
             text);
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
    options->full_input = choice->full_input;
    options->device = choice->device;
    options->threads = choice->threads;
    options->detector_threshold = choice->detector_threshold;
    options->pose_oks = choice->pose_oks;
    options->max_people = choice->max_people;
    const struct stance_preset *preset;
    if (!cli_find_preset(choice->size, choice->preset, &preset))
        return CLI_USAGE;
    if (preset && !choice->detector)
        memcpy(options->detector_classes, preset->detector_classes,
               sizeof options->detector_classes);
    return parse_classes(choice->classes, options->detector_classes) &&
                   parse_refine(choice->refine, &options->refine) &&
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
