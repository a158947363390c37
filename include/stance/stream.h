/* Streams: people over time, each with an id and smooth keypoints.
 *
 * One stance_pose (the networks) serves any number of streams; a stream is the small state of one video
 * or camera: tracks, smoothing, the last results. The people of all streams of a call go through the
 * pose network in one batch.
 * The detector need not run on every frame: between its runs people's boxes come from their last
 * keypoints (as in the inference pipeline of the RTMPose paper, arXiv 2303.07399, and MMDeploy), lost
 * ones' from the tracker's prediction. docs/streams.md tells how a frame goes.
 * Of two people with one pose the better stays, by the stance_pose's pose_oks as in pictures.
 * Coordinates as in stance/pose.h. Times are microseconds on any clock that runs on; where it is set
 * back, no time passes in that frame, and it runs on from there.
 * Threads: a stream and the stance_pose that it was opened with belong to one thread at a time. */
#ifndef STANCE_STREAM_H
#define STANCE_STREAM_H

#include "stance/pose.h"
#include "stance/track.h"

#ifdef __cplusplus
extern "C" {
#endif

/* People on frames that the networks did not see, from the last two results that were measured. */
enum stance_fill {
    STANCE_FILL_BETWEEN = 0,     /* files: the frame lies between both */
    STANCE_FILL_EXTRAPOLATE = 1, /* live: moves on as between both, for one interval at most */
    STANCE_FILL_LATE = 2,        /* live: between both, one interval late */
    STANCE_FILL_HOLD = 3,        /* the last one */
};

struct stance_stream_options {
    uint32_t struct_size;  /* filled by stance_stream_options_default() */
    int32_t detect_every;  /* the detector runs on every so-manyth frame; 0: when it is needed; 0.
                              Without a pose network or a tracker it runs on all */
    float detect_seconds;  /* when it is needed: … and after so long at the latest; 0.5 */
    float support_seconds; /* people that the detector does not see for longer are given up; 1 */
    float merge_iou; /* a detected box that overlaps tracks' by more takes the place of one; 0.3 */
    float box_scale; /* a track's box around its keypoints is widened by this; 1.25 */
    float keypoint_threshold;                  /* keypoints with less do not make boxes; 0.3 */
    const char *smoothing;                     /* One-Euro: "off", "low" or "high"; NULL: "low" */
    float min_cutoff, beta, derivative_cutoff; /* its values where not negative; -1 */
    const struct stance_tracker_options *tracker; /* copied; NULL: preset "pose". Keypoints and
                                                     sigmas are those of the network */
};

struct stance_stream_result {
    struct stance_pose_result pose; /* people by id, with the tracks' boxes */
    const int64_t *ids;             /* [pose.person_count]; 0 with STANCE_TRACKER_OFF */
    int64_t time_us;
    int32_t measured; /* not 0: networks ran; 0: filled */
    int32_t detected; /* not 0: the detector ran */
    int64_t track_ns; /* time spent beside the networks */
};

struct stance_stream_counts {
    int64_t measured, filled; /* frames */
    int64_t detections;       /* frames on which the detector ran */
    int64_t people;           /* different ids in results */
    int64_t clamped;          /* timestamps that went back */
};

struct stance_stream;

/* One frame of one stream. */
struct stance_stream_frame {
    struct stance_stream *stream;
    const struct stance_image *image;
    int64_t time_us;
    /* Set by stance_stream_apply(); belongs to the stream, valid until the next apply on it. */
    const struct stance_stream_result *result;
};

STANCE_API void stance_stream_options_default(struct stance_stream_options *options);

/* `options` NULL: the defaults. `pose` must outlive the stream. Nothing is allocated after this.
 * Errors: EARGUMENT (a value out of its range, no such preset), ENOMEMORY. */
STANCE_API int stance_stream_open(struct stance_stream **out, struct stance_pose *pose,
                                  const struct stance_stream_options *options);

/* NULL allowed; sets NULL. */
STANCE_API void stance_stream_close(struct stance_stream **stream);

/* Finds, follows and smooths the people in the next frames of `count` streams, each named once and all
 * of one stance_pose. A frame of another size than the one before begins anew, as after
 * stance_stream_reset(). On error none of the frames has a result, and the streams are as before it.
 * Errors: EARGUMENT, ELIMIT, ENOMEMORY, and those of stance_session_run(). */
STANCE_API int stance_stream_apply(struct stance_stream_frame *frames, int count);

/* The people at a time at which the networks did not run; no one before the first apply. With
 * STANCE_FILL_BETWEEN `time_us` lies between the last two applies, with the others after the last.
 * The result belongs to the stream and is valid until the next call on it. */
STANCE_API const struct stance_stream_result *
stance_stream_fill(struct stance_stream *stream, enum stance_fill fill, int64_t time_us);

/* Forgets people and results, as at a cut; ids go on. */
STANCE_API void stance_stream_reset(struct stance_stream *stream);

STANCE_API void stance_stream_counts(const struct stance_stream *stream,
                                     struct stance_stream_counts *out);

#ifdef __cplusplus
}
#endif
#endif
