/* A pose pipeline as the commands' options describe it: one place for every command that runs
 * networks on pictures. */
#ifndef CLI_POSE_MODELS_H
#define CLI_POSE_MODELS_H

#include "command.h"
#include "stance/pose.h"

/* Put this struct into a command's options struct and these rows into its table. */
struct cli_pose_choice {
    const char *detector, *pose; /* NULL: built in */
    const char *device;
    float detector_threshold;
    int threads, max_people;
};

#define CLI_POSE_DEFAULTS(threshold)                                                               \
    {.device = "cpu", .detector_threshold = (threshold), .threads = 1, .max_people = 100}

/* clang-format off */
/* `threshold`: the default of --det-thr, as text. */
#define CLI_POSE_CHOICE(values, field, threshold)                                                  \
    {"--detector", NULL, "MODEL",                                                                  \
     "person detector (stance-det), or 'center': one person in the middle", CLI_TEXT,              \
     offsetof(values, field.detector), 0, 0},                                                      \
    {"--pose", NULL, "MODEL", "pose network (stance-pose)", CLI_TEXT,                              \
     offsetof(values, field.pose), 0, 0},                                                          \
    {"--det-thr", NULL, "T", "take boxes with at least this score (" threshold ")", CLI_NUMBER,    \
     offsetof(values, field.detector_threshold), 0, 1},                                            \
    {"--max-people", NULL, "N", "at most so many people a picture (100)", CLI_COUNT,               \
     offsetof(values, field.max_people), 1, 1000},                                                 \
    {"--threads", NULL, "N", "computing threads (1)", CLI_COUNT, offsetof(values, field.threads),  \
     1, 256},                                                                                      \
    {"--device", NULL, "NAME", "device to run on (cpu)", CLI_TEXT, offsetof(values, field.device), \
     0, 0}
/* clang-format on */

struct cli_pose_models {
    struct stance_model *detector, *pose;
};

/* Opens the models of a choice: the detector with `detects`, unless the choice is 'center'; the pose
 * network with `poses`. Returns CLI_OK, or another exit code after a message; models that are open
 * then are closed by cli_pose_models_close(). */
int cli_pose_models_open(struct cli_pose_models *models, const struct cli_pose_choice *choice,
                         bool detects, bool poses);

/* The defaults of a pipeline, with the models and what the choice says. */
void cli_pose_options(struct stance_pose_options *options, const struct cli_pose_choice *choice,
                      const struct cli_pose_models *models);

void cli_pose_models_close(struct cli_pose_models *models);

#endif
