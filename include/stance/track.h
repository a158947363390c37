/* Tracking: who is who from frame to frame.
 *
 * A tracker takes what was found in each frame of one stream, boxes with or without keypoints, and
 * gives every person an id. Ids begin at 1, are unique, and are never used twice.
 * Method: ByteTrack (Zhang et al., ECCV 2022, arXiv 2110.06864) with its Kalman filter on box
 * centre, aspect and height, but in real time: seconds from the caller's timestamps take the place
 * of frames. The likeness of a track and a detection is a blend of the boxes' intersection over
 * union and the poses' object keypoint similarity (cocodataset.org, keypoints-eval).
 * docs/tracking.md tells how a frame goes, and where every default comes from.
 * Boxes are x1, y1, x2, y2 in pixels. Everything is allocated in stance_tracker_open(), nothing
 * while frames flow, and no list grows with time.
 * Threads: a tracker belongs to one thread at a time, and to one stream. */
#ifndef STANCE_TRACK_H
#define STANCE_TRACK_H

#include "stance/pose.h"

#ifdef __cplusplus
extern "C" {
#endif

struct stance_tracker;

enum stance_tracker_mode {
    STANCE_TRACKER_BYTETRACK = 0, /* boxes and poses */
    STANCE_TRACKER_OKS = 1,       /* poses alone; boxes of detections without keypoints */
    STANCE_TRACKER_IOU = 2,       /* boxes alone */
    STANCE_TRACKER_OFF = 3,       /* every detection passes with id 0 */
};

/* The names in brackets are those of ByteTrack or MMDeploy's pose tracker for the same thing. */
struct stance_tracker_options {
    uint32_t struct_size;   /* filled by stance_tracker_options_default() */
    int32_t mode;           /* enum stance_tracker_mode */
    int32_t keypoint_count; /* keypoints a person; 0: boxes only */
    const float *sigmas;    /* [keypoint_count], OKS constants, copied; NULL: 0.079 each */

    float high_threshold;   /* scores above are of the first round (track_thresh) */
    float low_threshold;    /* scores below are not looked at */
    float birth_threshold;  /* a new track needs such a score (track_thresh + 0.1) */
    float match_cost;       /* most cost of a match in the first round (match_thresh) */
    float second_cost;      /* … in the second round, of low scores */
    float unconfirmed_cost; /* … of tracks that are not confirmed yet */
    float fresh_cost;       /* added for those in the first round; from match_cost on, they
                               have only a round of their own */
    float duplicate_iou;    /* of two tracks that overlap more, the younger goes */
    float min_box_area;     /* smaller detections are not looked at, pixels² (min_box_area) */
    int32_t fuse_score;     /* not 0: likeness × score of the detection (fuse_score) */

    float oks_weight;         /* share of the poses in the likeness, 0 … 1 */
    float keypoint_threshold; /* keypoints with less score do not count (pose_kpt_thr) */
    int32_t min_keypoints;    /* fewer in common: boxes decide; -1: half of them, rounded up
                                 (pose_min_keypoints) */

    float buffer_seconds; /* a track not seen for longer is gone (track_buffer, in frames) */
    int32_t max_missing;  /* … or in more frames than this; 0: no limit (track_max_missing) */
    int32_t min_hits;  /* a track is confirmed by so many detections; those of the first frame, also
                         after a reset, at once */
    float recover_iou; /* a lost track needs such an IoU to come back (track_iou_thr); 0: none */
    float lost_cost; /* added to the cost of lost tracks, per second that they have been missing */
    float hidden_cost;    /* added to that of tracks whose last score was below high_threshold */
    float recover_reach;  /* last round: lost tracks take detections within so many of their heights
                             of where they are expected; 0: no such round */
    float recover_growth; /* … and so many more for each second since they were seen */

    float position_weight;    /* what moves a box by chance in 1/30 s, in heights
                                 (std_weight_position) */
    float velocity_weight;    /* … its velocity, in heights per 1/30 s (std_weight_velocity) */
    float measurement_weight; /* error of detections, in heights (std_weight_position too) */

    int32_t max_tracks;     /* tracks at one time, lost ones too */
    int32_t max_detections; /* a frame; the best scores are taken */
};

/* One person found in a frame. */
struct stance_detection {
    float box[4];
    float score;
    int32_t no_birth; /* not 0: cannot begin a track (its box came from a track, not a detector) */
    const struct stance_keypoint *keypoints; /* [keypoint_count] or NULL */
};

enum stance_track_state {
    STANCE_TRACK_SEEN = 0, /* in the last frame */
    STANCE_TRACK_LOST = 1, /* not in the last frame; its box is predicted */
    STANCE_TRACK_NEW = 2,  /* not confirmed yet */
};

struct stance_track {
    int64_t id;        /* 0 with STANCE_TRACKER_OFF */
    int32_t detection; /* index of the detection of this frame, -1: none */
    int32_t state;     /* enum stance_track_state */
    float box[4];      /* filtered, or predicted */
    float velocity[2]; /* of the box's centre, pixels per second */
    float score;       /* of its last detection */
    int32_t hits;      /* detections so far */
    int32_t recovered; /* not 0: seen again in this frame after it was lost */
    int32_t slot;      /* 0 … max_tracks − 1, its own while it lives: for tables beside
                          the tracker; -1 with STANCE_TRACKER_OFF */
    int64_t born_us, seen_us;
};

struct stance_tracker_counts {
    int64_t frames;   /* updates */
    int64_t clamped;  /* timestamps that went back */
    int64_t births;   /* tracks begun */
    int64_t refused;  /* births for which there was no room */
    int64_t dropped;  /* detections beyond max_detections */
    int64_t unusable; /* detections whose box or score is no number, or box is empty */
    int32_t alive;    /* tracks now, lost and new ones too */
};

/* The defaults of docs/tracking.md. */
STANCE_API void stance_tracker_options_default(struct stance_tracker_options *options);

/* Sets the values a preset is about and leaves the others: "default", "pose" (default, with high and
 * birth 0.4), "tuned" (high 0.7, low 0.2, 20/30 s, 2 hits), "bytetrack" (the published code's).
 * Errors: EARGUMENT (no such preset; the sentence lists them). */
STANCE_API int stance_tracker_options_preset(struct stance_tracker_options *options,
                                             const char *name);

/* `options` NULL: the defaults, boxes only. Errors: EARGUMENT (a value out of its range),
 * ENOMEMORY. */
STANCE_API int stance_tracker_open(struct stance_tracker **out,
                                   const struct stance_tracker_options *options);

/* NULL allowed; sets NULL. */
STANCE_API void stance_tracker_close(struct stance_tracker **tracker);

/* Takes the detections of one frame; frames without any must be given too. Gives the confirmed
 * tracks seen in it, by id; they belong to the tracker and are valid until the next call on it.
 * `time_us`: when the frame was taken, on any clock. A time before that of the last frame is taken
 * as the last frame's, and counted; when two in a row are more than a second behind, the clock was
 * set, and times go on from there. Detections that are no numbers are left out, and counted.
 * Errors: EARGUMENT (negative count, NULL with a count above 0). */
STANCE_API int stance_tracker_update(struct stance_tracker *tracker, int64_t time_us,
                                     const struct stance_detection *detections, int count,
                                     const struct stance_track **tracks, int *track_count);

/* Where all tracks, lost and new ones too, are expected at `time_us` (not before the last frame);
 * by id. Changes nothing. Valid until the next call on the tracker. */
STANCE_API void stance_tracker_predict(struct stance_tracker *tracker, int64_t time_us,
                                       const struct stance_track **tracks, int *track_count);

/* Drops all tracks, as at a cut; ids go on. */
STANCE_API void stance_tracker_reset(struct stance_tracker *tracker);

STANCE_API void stance_tracker_counts(const struct stance_tracker *tracker,
                                      struct stance_tracker_counts *out);

#ifdef __cplusplus
}
#endif
#endif
