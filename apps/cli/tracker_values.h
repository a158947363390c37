/* The tracker's options on the command line: one list for every command that tracks. */
#ifndef CLI_TRACKER_VALUES_H
#define CLI_TRACKER_VALUES_H

#include <stdbool.h>

#include "stance/track.h"

/* What was given; NULL and negative numbers: not given, the preset's value counts. */
struct tracker_values {
    const char *tracker, *preset;
    float high, low, birth, match_cost, second_cost, unconfirmed_cost, duplicate_iou, min_area;
    float buffer, recover_iou, lost_cost, hidden_cost, fresh_cost, recover_reach, recover_growth;
    float position_weight, velocity_weight, measurement_weight;
    int max_missing, min_hits;
    int fuse_score;
};

#define TRACKER_VALUES_UNSET                                                                       \
    {                                                                                              \
        .high = -1, .low = -1, .birth = -1, .match_cost = -1, .second_cost = -1,                   \
        .unconfirmed_cost = -1, .duplicate_iou = -1, .min_area = -1, .buffer = -1,                 \
        .recover_iou = -1, .lost_cost = -1, .hidden_cost = -1, .fresh_cost = -1,                   \
        .recover_reach = -1, .recover_growth = -1, .position_weight = -1, .velocity_weight = -1,   \
        .measurement_weight = -1, .max_missing = -1, .fuse_score = -1, .min_hits = -1              \
    }

/* Rows for a command's table of options; AT(field) is the offset of that field of its
 * struct tracker_values. */
#define TRACKER_OPTIONS(AT)                                                                          \
    {"--tracker", NULL,        "MODE", "bytetrack, oks, iou or off (bytetrack)",                     \
     CLI_TEXT,    AT(tracker), 0,      0},                                                           \
        {"--tracker-preset", NULL,       "NAME", "default, pose, tuned or bytetrack",                \
         CLI_TEXT,           AT(preset), 0,      0},                                                 \
        {"--high-thr", NULL, "T", "scores of the first round (0.5)", CLI_NUMBER, AT(high), 0, 1},    \
        {"--low-thr", NULL, "T", "scores below are not looked at (0.1)", CLI_NUMBER, AT(low), 0, 1}, \
        {"--birth-thr", NULL,      "T", "a new track needs such a score (0.6)",                      \
         CLI_NUMBER,    AT(birth), 0,   1},                                                          \
        {"--match-cost", NULL,           "C", "most cost of a match, first round (0.8)",             \
         CLI_NUMBER,     AT(match_cost), 0,   100},                                                  \
        {"--second-cost", NULL, "C", "… second round, low scores (0.4)", CLI_NUMBER,                 \
         AT(second_cost), 0,    100},                                                                \
        {"--unconfirmed-cost", NULL, "C", "… of tracks not confirmed yet (0.7)", CLI_NUMBER,         \
         AT(unconfirmed_cost), 0,    100},                                                           \
        {"--fuse-score", NULL,           "0|1", "1: likeness × score of the detection (1)",          \
         CLI_COUNT,      AT(fuse_score), 0,     1},                                                  \
        {"--min-box-area", NULL,         "A", "smaller boxes are not looked at (10)",                \
         CLI_NUMBER,       AT(min_area), 0,   1e9},                                                  \
        {"--min-hits", NULL,         "N", "a track is confirmed by N detections (2)",                \
         CLI_COUNT,    AT(min_hits), 1,   1e6},                                                      \
        {"--buffer", NULL,       "S", "lost tracks wait so many seconds (3)",                        \
         CLI_NUMBER, AT(buffer), 0,   3600},                                                         \
        {"--max-missing", NULL, "N", "… and so many frames; 0: no limit (0)", CLI_COUNT,             \
         AT(max_missing), 0,    1e9},                                                                \
        {"--recover-iou", NULL, "T", "lost tracks need such an IoU; 0: none (0)", CLI_NUMBER,        \
         AT(recover_iou), 0,    1},                                                                  \
        {"--lost-cost", NULL,          "C", "cost of being lost, per second (0.25)",                 \
         CLI_NUMBER,    AT(lost_cost), 0,   100},                                                    \
        {"--hidden-cost", NULL, "C", "cost of a low score in the last frame (0.1)", CLI_NUMBER,      \
         AT(hidden_cost), 0,    100},                                                                \
        {"--recover-reach",                                                                          \
         NULL,                                                                                       \
         "H",                                                                                        \
         "lost tracks take back within H heights; 0: off (0.3)",                                     \
         CLI_NUMBER,                                                                                 \
         AT(recover_reach),                                                                          \
         0,                                                                                          \
         100},                                                                                       \
        {"--recover-growth", NULL, "H", "… and H more per second (0.4)", CLI_NUMBER,                 \
         AT(recover_growth), 0,    100},                                                             \
        {"--fresh-cost",                                                                             \
         NULL,                                                                                       \
         "C",                                                                                        \
         "cost of tracks not confirmed yet, first round (0.05)",                                     \
         CLI_NUMBER,                                                                                 \
         AT(fresh_cost),                                                                             \
         0,                                                                                          \
         100},                                                                                       \
        {"--duplicate-iou", NULL, "T", "of two tracks above, the younger goes (1: off)", CLI_NUMBER, \
         AT(duplicate_iou), 0,    1},                                                                \
        {"--std-position",    NULL, "W", "Kalman: chance in position (1/80)", CLI_NUMBER,            \
         AT(position_weight), 1e-4, 10},                                                             \
        {"--std-velocity",    NULL, "W", "Kalman: chance in velocity (1/500)", CLI_NUMBER,           \
         AT(velocity_weight), 1e-5, 10},                                                             \
    {                                                                                                \
        "--std-measurement", NULL, "W", "Kalman: error of detections (1/20)", CLI_NUMBER,            \
            AT(measurement_weight), 1e-4, 10                                                         \
    }

/* Sets the mode, the preset and what was given beside it. CLI_OK, or an exit code after a message. */
int cli_tracker_options(struct stance_tracker_options *options,
                        const struct tracker_values *values);

#endif
