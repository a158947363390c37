/* A pose pipeline as the commands' options describe it: one place for every command that runs
 * networks on pictures. */
#ifndef CLI_POSE_MODELS_H
#define CLI_POSE_MODELS_H

#include "command.h"
#include "stance/pose.h"
#include "stance/preset.h"

/* Put this struct into a command's options struct and these rows into its table. */
struct cli_pose_choice {
    const char *detector, *pose; /* NULL: by preset, or built in */
    const char *size, *preset;   /* see stance/preset.h */
    const char *classes;         /* of the detector, "14-23" */
    const char *refine, *detector_input, *pose_input, *device;
    float detector_threshold, pose_oks;
    int threads, max_people;
    bool full_input;
};

#define CLI_POSE_DEFAULTS(threshold, oks)                                                          \
    {                                                                                              \
        .device = "cpu", .detector_threshold = (threshold), .pose_oks = (oks), .threads = 1,       \
        .max_people = 100                                                                          \
    }

/* clang-format off */
/* `threshold`, `oks`: the defaults of --det-thr and --pose-nms, as text. */
#define CLI_POSE_CHOICE(values, field, threshold, oks)                                             \
    {"--detector", NULL, "MODEL",                                                                  \
     "person detector (stance-det), or 'center': one person in the middle", CLI_TEXT,              \
     offsetof(values, field.detector), 0, 0},                                                      \
    {"--pose", NULL, "MODEL", "pose network (stance-pose), or a one-stage network alone", CLI_TEXT, \
     offsetof(values, field.pose), 0, 0},                                                          \
    {"--size", NULL, "t|s|m|l|x",                                                                  \
     "detector and pose network of this size by name, see 'stance models pull'", CLI_TEXT,         \
     offsetof(values, field.size), 0, 0},                                                          \
    {"--models", NULL, "[TASK-]MODE",                                                              \
     "models of a task by name, such as balanced or feet-balanced, see 'stance help models'",      \
     CLI_TEXT, offsetof(values, field.preset), 0, 0},                                              \
    {"--classes", NULL, "N[-M]", "of the detector that count (0: person)", CLI_TEXT,               \
     offsetof(values, field.classes), 0, 0},                                                       \
    {"--refine", NULL, "WAY", "refine coordinates: none, shift, dark or udp (as the card says)",   \
     CLI_TEXT, offsetof(values, field.refine), 0, 0},                                              \
    {"--detector-input", NULL, "WxH", "input size where the detector's file leaves it open",       \
     CLI_TEXT, offsetof(values, field.detector_input), 0, 0},                                      \
    {"--pose-input", NULL, "WxH", "input size where the pose network's file leaves it open",       \
     CLI_TEXT, offsetof(values, field.pose_input), 0, 0},                                          \
    {"--full-input", NULL, NULL,                                                                   \
     "networks that see whole pictures get all of their input, padded, as in their papers",        \
     CLI_FLAG, offsetof(values, field.full_input), 0, 0},                                          \
    {"--det-thr", NULL, "T", "take boxes with at least this score (" threshold ")", CLI_NUMBER,    \
     offsetof(values, field.detector_threshold), 0, 1},                                            \
    {"--pose-nms", NULL, "T", "of two poses with a higher OKS one goes; 1: none (" oks ")",        \
     CLI_NUMBER, offsetof(values, field.pose_oks), 0, 1},                                          \
    {"--max-people", NULL, "N", "at most so many people a picture (100)", CLI_COUNT,               \
     offsetof(values, field.max_people), 1, 1000},                                                 \
    {"--threads", NULL, "N", "computing threads (1)", CLI_COUNT, offsetof(values, field.threads),  \
     1, 256},                                                                                      \
    {"--device", NULL, "NAME", "device to run on (cpu)", CLI_TEXT, offsetof(values, field.device), \
     0, 0}
/* clang-format on */

/* Opens a model by path or name. CLI_OK, or another exit code after a message. */
int cli_open_model(struct stance_model **model, const char *name);

/* The preset of a size or of that name, which may be NULL; NULL without either. False after a message. */
bool cli_find_preset(const char *size, const char *name, const struct stance_preset **out);

struct cli_pose_models {
    struct stance_model *detector, *pose;
};

/* Opens the models of a choice: the pose network with `poses`; the detector with `detects`, unless
 * the choice is 'center', or the pose network is a one-stage network and no detector was named.
 * Returns CLI_OK, or another exit code after a message; models that are open then are closed by
 * cli_pose_models_close(). */
int cli_pose_models_open(struct cli_pose_models *models, const struct cli_pose_choice *choice,
                         bool detects, bool poses);

/* Fills `options`: the defaults, the models, and what the choice says. CLI_OK, or CLI_USAGE after a
 * message. */
int cli_pose_options(struct stance_pose_options *options, const struct cli_pose_choice *choice,
                     const struct cli_pose_models *models);

/* Opens the models and a pipeline of them with the defaults and what the choice says. Returns and
 * leaves behind as cli_pose_models_open(). */
int cli_pose_open(struct stance_pose **pose, struct cli_pose_models *models,
                  const struct cli_pose_choice *choice, const char *keypoint_set, bool detects);

void cli_pose_models_close(struct cli_pose_models *models);

#endif
