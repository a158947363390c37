/* The two models of a pose pipeline as the commands' options name them: one place for every command
 * that takes --detector and --pose. */
#ifndef CLI_POSE_MODELS_H
#define CLI_POSE_MODELS_H

#include "command.h"
#include "stance/model.h"

/* Put this struct into a command's options struct and these rows into its table. */
struct cli_pose_choice {
    const char *detector, *pose; /* NULL: built in */
};

/* clang-format off */
#define CLI_POSE_CHOICE(values, field)                                                             \
    {"--detector", NULL, "MODEL",                                                                  \
     "person detector (stance-det), or 'center': one person in the middle", CLI_TEXT,              \
     offsetof(values, field.detector), 0, 0},                                                      \
    {"--pose", NULL, "MODEL", "pose network (stance-pose)", CLI_TEXT,                              \
     offsetof(values, field.pose), 0, 0}
/* clang-format on */

/* Whether "--detector center" was asked for. */
bool cli_pose_center(const struct cli_pose_choice *choice);

struct cli_pose_models {
    struct stance_model *detector, *pose;
};

/* Opens the models of a choice: the detector with `detects`, unless the choice is 'center'; the pose
 * network with `poses`. Returns CLI_OK, or another exit code after a message; models that are open
 * then are closed by cli_pose_models_close(). */
int cli_pose_models_open(struct cli_pose_models *models, const struct cli_pose_choice *choice,
                         bool detects, bool poses);
void cli_pose_models_close(struct cli_pose_models *models);

#endif
