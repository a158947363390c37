/* A tracker from inside: its tracks, the rules of the implementations it is held against, and the
 * steps that its files share. */
#ifndef TRACK_TRACKER_H
#define TRACK_TRACKER_H

#include <stdbool.h>

#include "stance/track.h"
#include "track/assignment.h"
#include "track/kalman.h"
#include "track/oks.h"

/* What published implementations do and users have no need of; for tests that compare with them. */
struct track_rules {
    bool last_box;    /* overlap with the box of the last update, not the predicted one */
    bool fresh_still; /* new tracks are not predicted before their second detection */
    float pixel;      /* 1: corners are pixels that belong to the box ("+1") */
};

/* stance_tracker_open() with rules; NULL: none. */
int track_open(struct stance_tracker **out, const struct stance_tracker_options *options,
               const struct track_rules *rules);

/* Options within their ranges, whatever their struct_size. Errors: EARGUMENT. */
int track_options_check(struct stance_tracker_options *out,
                        const struct stance_tracker_options *options);

struct track_person {
    struct stance_track out; /* as told to the caller; out.box: filtered or predicted */
    struct track_kalman kalman;
    float last_box[4]; /* filtered, when it was last seen */
    int32_t missing;   /* frames since it was seen */
    bool confirmed, has_pose, matched;
};

/* A usable detection. */
struct track_sight {
    const struct stance_detection *detection;
    int32_t index; /* among the caller's */
};

struct track_list {
    int32_t *items;
    int count;
};

struct stance_tracker {
    struct stance_tracker_options options;
    struct track_rules rules;
    struct track_noise noise;
    struct track_oks oks;
    struct track_assignment assignment;
    int64_t now_us, before_us; /* times of this frame and the one before */
    int64_t back_us;           /* what the caller said last */
    bool went_back;            /* … and it was far before now_us */
    bool fresh;                /* no frame yet, or none since the last reset */
    int64_t next_id;
    struct stance_tracker_counts counts;

    struct track_person *people; /* [max_tracks], by id */
    struct stance_keypoint *poses,
        *expected; /* [max_tracks][keypoint_count], by slot: seen, predicted */
    uint8_t *slot_taken;
    struct track_sight *sights; /* [max_detections] */
    int sight_count;
    struct stance_track *told;         /* [max_tracks] or more with STANCE_TRACKER_OFF */
    struct track_list rows, high, low; /* indices of people and sights that are left */
    double *cost;                      /* [max_tracks][max_detections] */
    int32_t *columns;                  /* [max_tracks] */
};

/* Seconds by which a time may be before the last one without the clock having been set back. */
#define TRACK_MOST_JITTER 1.0

/* Seconds from one time to a later one; at most two hours, which is longer than any buffer. */
double track_seconds(int64_t from_us, int64_t to_us);

/* The rounds of one frame: matches confirmed and new tracks with t->high and t->low, and leaves in
 * t->high what may begin a track. */
void track_match(struct stance_tracker *t);

/* Hands a detection to a track. */
void track_see(struct stance_tracker *t, struct track_person *person, int32_t sight);

double track_iou(const struct stance_tracker *t, const float a[4], const float b[4]);

#endif
