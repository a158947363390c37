/* A stream from inside, and the steps of one frame: candidates, keypoints, people. */
#ifndef PIPELINE_STREAM_STATE_H
#define PIPELINE_STREAM_STATE_H

#include "pipeline/people.h"
#include "stance/stream.h"
#include "track/oks.h"
#include "track/one_euro.h"
#include "track/tracker.h"

/* A place where someone may be. */
struct stream_candidate {
    struct vision_box box;  /* for the tracker */
    struct vision_box crop; /* for the pose network, before its padding */
    int slot;               /* of the track that it comes from; -1: found by a network */
    int stands_for;         /* slot of the track that it is looked for instead of; -1: none */
    struct stance_person *person;
};

/* What is kept of a track beside the tracker, by its slot. */
struct stream_memory {
    int64_t id, told_id; /* 0: nobody's yet; who was in a result last */
    bool present;        /* in the last frame */
    float box[4], score;
    int32_t label;                     /* of the box: the detector's class */
    int64_t supported_us;              /* when a network last found them by itself */
    struct stance_keypoint *keypoints; /* [keypoint_count], not smoothed */
    struct track_smoother smoother;
};

/* People of one time. */
struct stream_record {
    struct stance_stream_result out;
    struct stance_person *people; /* [capacity] */
    int64_t *ids;                 /* [capacity] */
};

struct stance_stream {
    struct stance_pose *pose;
    struct stance_stream_options options;
    struct track_smoothing smoothing;
    struct stance_tracker *tracker;
    int capacity; /* of candidates */
    int keypoint_count;
    bool follows; /* people are found by their keypoints while the detector does not run */

    struct stream_memory *memories; /* [memory_count], one for each of the tracker's slots */
    int memory_count;
    struct stream_candidate *candidates;
    int candidate_count;
    struct stance_person *people; /* of the candidates */
    struct stance_detection *detections;
    struct track_pose *poses;
    uint8_t *keep;
    int32_t *order;
    struct stance_keypoint *keypoints; /* all of them */
    struct stream_record records[3];   /* older, newer, filled; by the three below */
    struct stream_record *older, *newer, *filled;

    int64_t last_us, now_us; /* the last frame's time, as given and as counted */
    int64_t detected_us;     /* as counted, like all times of memories */
    int since_detection;     /* frames, this one too */
    bool begun, clock_runs, detects, wants_detector;
    int64_t detect_ns, pose_ns;
    struct stance_stream_counts counts;
};

/* The time of a next frame as the stream counts it, from 0 on: a clock that is set back takes no time,
 * and runs on from there. */
int64_t stream_now(const struct stance_stream *stream, int64_t time_us);

/* The places to look at in a frame, as stream->candidates; those of a one-stage network come with their
 * keypoints. */
int stream_find_candidates(struct stance_stream *stream, const struct stance_image *image,
                           int64_t time_us);

/* Candidates that have their keypoints become tracks, and a new stream->newer. */
void stream_follow(struct stance_stream *stream, const struct stance_image *image, int64_t time_us);

/* Whether a keypoint is confident, and how many of all are. */
bool stream_counts(const struct stance_stream *stream, const struct stance_keypoint *point);
int stream_confident(const struct stance_stream *stream, const struct stance_keypoint *points);

#endif
