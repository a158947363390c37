/* The tracker's options: defaults, presets, ranges. docs/tracking.md has the same table. */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "track/tracker.h"

void stance_tracker_options_default(struct stance_tracker_options *options)
{
    *options = (struct stance_tracker_options){
        .struct_size = sizeof *options,
        .mode = STANCE_TRACKER_BYTETRACK,
        .high_threshold = 0.5f,
        .low_threshold = 0.1f,
        .birth_threshold = 0.6f,
        .match_cost = 0.8f,
        .second_cost = 0.4f,
        .unconfirmed_cost = 0.7f,
        .fresh_cost = 0.05f,
        .duplicate_iou = 1,
        .min_box_area = 10,
        .fuse_score = 1,
        .oks_weight = 0.7f,
        .keypoint_threshold = 0.3f,
        .min_keypoints = -1,
        .buffer_seconds = 3,
        .min_hits = 2,
        .lost_cost = 0.25f,
        .hidden_cost = 0.1f,
        .recover_reach = 0.3f,
        .recover_growth = 0.4f,
        .position_weight = 1.0f / 80,
        .velocity_weight = 1.0f / 500,
        .measurement_weight = 1.0f / 20,
        .max_tracks = 256,
        .max_detections = 256,
    };
}

/* System C's settings: high 0.7, low 0.2, at most 20 frames of a 30 fps video unseen, 2 hits. */
static void set_tuned(struct stance_tracker_options *options)
{
    options->high_threshold = options->birth_threshold = 0.7f;
    options->low_threshold = 0.2f;
    options->buffer_seconds = 20.0f / 30;
    options->min_hits = 2;
}

/* byte_tracker.py of the published code, with boxes alone. */
static void set_bytetrack(struct stance_tracker_options *options)
{
    options->mode = STANCE_TRACKER_IOU;
    options->high_threshold = 0.5f;
    options->low_threshold = 0.1f;
    options->birth_threshold = 0.6f;
    options->match_cost = 0.8f;
    options->second_cost = 0.5f;
    options->unconfirmed_cost = 0.7f;
    options->fresh_cost = 1;
    options->duplicate_iou = 0.85f;
    options->min_box_area = 10;
    options->fuse_score = 1;
    options->buffer_seconds = 1;
    options->max_missing = 0;
    options->min_hits = 2;
    options->recover_iou = 0;
    options->lost_cost = options->hidden_cost = options->recover_reach = options->recover_growth =
        0;
    options->position_weight = options->measurement_weight = 1.0f / 20;
    options->velocity_weight = 1.0f / 160;
}

static void set_default(struct stance_tracker_options *options)
{
    struct stance_tracker_options fresh;
    stance_tracker_options_default(&fresh);
    fresh.keypoint_count = options->keypoint_count;
    fresh.sigmas = options->sigmas;
    fresh.max_tracks = options->max_tracks;
    fresh.max_detections = options->max_detections;
    *options = fresh;
}

/* For people whose keypoints were found as well: what is no person does not pass for one so easily, and
 * small or half hidden ones count from the detector's 0.4 on. */
static void set_pose(struct stance_tracker_options *options)
{
    set_default(options);
    options->high_threshold = options->birth_threshold = 0.4f;
}

static const struct preset {
    const char *name;
    void (*set)(struct stance_tracker_options *options);
} presets[] = {{"default", set_default},
               {"pose", set_pose},
               {"tuned", set_tuned},
               {"bytetrack", set_bytetrack}};

int stance_tracker_options_preset(struct stance_tracker_options *options, const char *name)
{
    for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++)
        if (strcmp(presets[i].name, name) == 0) {
            presets[i].set(options);
            return 0;
        }
    return base_error(
        STANCE_EARGUMENT,
        "there is no tracker preset '%.60s'; there are default, pose, tuned and bytetrack", name);
}

struct range {
    const char *name;
    size_t offset;
    double least, most;
};

#define RANGE(field, least, most)                                                                  \
    {                                                                                              \
#field, offsetof(struct stance_tracker_options, field), least, most                        \
    }

static const struct range reals[] = {
    RANGE(high_threshold, 0, 1),      RANGE(low_threshold, 0, 1),
    RANGE(birth_threshold, 0, 1),     RANGE(match_cost, 0, 100),
    RANGE(second_cost, 0, 100),       RANGE(unconfirmed_cost, 0, 100),
    RANGE(duplicate_iou, 0, 1),       RANGE(min_box_area, 0, 1e12),
    RANGE(oks_weight, 0, 1),          RANGE(keypoint_threshold, 0, 1),
    RANGE(buffer_seconds, 0, 3600),   RANGE(recover_iou, 0, 1),
    RANGE(lost_cost, 0, 100),         RANGE(hidden_cost, 0, 100),
    RANGE(fresh_cost, 0, 100),        RANGE(recover_reach, 0, 100),
    RANGE(recover_growth, 0, 100),    RANGE(position_weight, 1e-4, 10),
    RANGE(velocity_weight, 1e-5, 10), RANGE(measurement_weight, 1e-4, 10),
};

static const struct range integers[] = {
    RANGE(mode, STANCE_TRACKER_BYTETRACK, STANCE_TRACKER_OFF),
    RANGE(keypoint_count, 0, 1024),
    RANGE(min_keypoints, -1, 1024),
    RANGE(max_missing, 0, 1e9),
    RANGE(min_hits, 1, 1e6),
    RANGE(max_tracks, 1, 4096),
    RANGE(max_detections, 1, 4096),
};

static int check_range(const struct range *range, double value)
{
    if (value >= range->least && value <= range->most)
        return 0;
    return base_error(STANCE_EARGUMENT, "the tracker's %s is from %g to %g, not %g", range->name,
                      range->least, range->most, value);
}

int track_options_check(struct stance_tracker_options *out,
                        const struct stance_tracker_options *options)
{
    stance_tracker_options_default(out);
    if (options && options->struct_size < sizeof *out)
        memcpy(out, options, options->struct_size);
    else if (options)
        *out = *options;
    for (size_t i = 0; i < sizeof reals / sizeof reals[0]; i++) {
        float value;
        memcpy(&value, (const char *)out + reals[i].offset, sizeof value);
        BASE_TRY(check_range(&reals[i], (double)value));
    }
    for (size_t i = 0; i < sizeof integers / sizeof integers[0]; i++) {
        int32_t value;
        memcpy(&value, (const char *)out + integers[i].offset, sizeof value);
        BASE_TRY(check_range(&integers[i], value));
    }
    if (out->mode == STANCE_TRACKER_OKS && out->keypoint_count == 0)
        return base_error(STANCE_EARGUMENT, "tracking by poses alone needs keypoints; "
                                            "keypoint_count is 0");
    if (out->min_keypoints < 0)
        out->min_keypoints = (out->keypoint_count + 1) / 2;
    return 0;
}
