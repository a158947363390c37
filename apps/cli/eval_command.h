/* What 'stance eval' shares with the part of it that runs networks on pictures. */
#ifndef CLI_EVAL_COMMAND_H
#define CLI_EVAL_COMMAND_H

#include <stdbool.h>

#include "pose_models.h"
#include "stance/eval.h"

struct eval_values {
    const char *truth, *tracks; /* of mot */
    const char *annotations, *images, *results, *detections, *keypoint_set, *type, *metric;
    struct cli_pose_choice choice;
    const char *save, *plot;
    bool flip_test, single_person, json, quiet;
};

/* Runs the networks on every picture and adds what they find. `boxes`: the pictures, their true
 * boxes, and those of the detections file. `failed`: pictures that could not be done. CLI_OK, or an exit code after a message. */
int cli_eval_pictures(const struct eval_values *values, struct stance_eval *eval,
                      struct stance_eval *boxes, int *failed);

/* stance eval mot: tracks against true tracks. */
int cli_eval_mot(const struct eval_values *values);

/* The numbers as lines, or with --json as one object. */
void cli_print_numbers(const struct eval_values *values, const struct stance_eval_number *numbers,
                       int count);

#endif
