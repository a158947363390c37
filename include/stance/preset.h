/* Presets: which networks go together for a task, by the names under which the store has them. They are
 * the pairs of OpenMMLab's and rtmlib's own examples.
 *
 * Threads: no state. */
#ifndef STANCE_PRESET_H
#define STANCE_PRESET_H

#include <stdint.h>

#include "stance/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Static; never freed. */
struct stance_preset {
    const char *task; /* "body", "feet", "wholebody", "hand", "face", "animal", "one-stage" */
    /* "lightweight", "balanced", "performance"; body also by the size of its pose network, "t", "s",
     * "m", "l", "x" */
    const char *mode;
    /* A model; "center": none, one person in the middle; NULL: `pose` finds people itself. */
    const char *detector;
    const char *pose;
    int32_t detector_classes[2]; /* for stance_pose_options */
};

/* "TASK-MODE", or "MODE" for the task body; NULL when there is none. */
STANCE_API const struct stance_preset *stance_preset_find(const char *name);

/* Preset i; NULL behind the last. */
STANCE_API const struct stance_preset *stance_preset_at(int i);

#ifdef __cplusplus
}
#endif
#endif
