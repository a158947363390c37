/* Streams: opening and closing, and one frame of each through the networks. */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "pipeline/stream_state.h"

enum { MAX_STREAMS = 256 };

void stance_stream_options_default(struct stance_stream_options *options)
{
    *options = (struct stance_stream_options){.struct_size = sizeof *options,
                                              .detect_seconds = 0.5f,
                                              .support_seconds = 1,
                                              .merge_iou = 0.3f,
                                              .box_scale = 1.25f,
                                              .keypoint_threshold = 0.3f,
                                              .min_cutoff = -1,
                                              .beta = -1,
                                              .derivative_cutoff = -1};
}

static int check_options(const struct stance_stream_options *options)
{
    const struct {
        const char *name;
        float value, least, most;
    } ranges[] = {
        {"detect_every", (float)options->detect_every, 0, 100000},
        {"detect_seconds", options->detect_seconds, 0, 3600},
        {"support_seconds", options->support_seconds, 0, 3600},
        {"merge_iou", options->merge_iou, 0, 1},
        {"box_scale", options->box_scale, 1, 4},
        {"keypoint_threshold", options->keypoint_threshold, 0, 1},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (!(ranges[i].value >= ranges[i].least && ranges[i].value <= ranges[i].most))
            return base_error(STANCE_EARGUMENT, "a stream's %s is %g: give %g to %g",
                              ranges[i].name, (double)ranges[i].value, (double)ranges[i].least,
                              (double)ranges[i].most);
    return 0;
}

static int set_smoothing(struct stance_stream *stream)
{
    const struct stance_stream_options *o = &stream->options;
    BASE_TRY(track_smoothing_preset(&stream->smoothing, o->smoothing ? o->smoothing : "low"));
    if (!(o->min_cutoff < 0))
        stream->smoothing.min_cutoff = (double)o->min_cutoff;
    if (!(o->beta < 0))
        stream->smoothing.beta = (double)o->beta;
    if (!(o->derivative_cutoff < 0))
        stream->smoothing.derivative_cutoff = (double)o->derivative_cutoff;
    return track_smoothing_check(&stream->smoothing);
}

static int open_tracker(struct stance_stream *stream)
{
    struct stance_tracker_options options;
    stance_tracker_options_default(&options);
    BASE_TRY(stance_tracker_options_preset(&options, "pose"));
    const struct stance_tracker_options *wanted = stream->options.tracker;
    if (wanted)
        memcpy(&options, wanted,
               wanted->struct_size < sizeof options ? wanted->struct_size : sizeof options);
    options.struct_size = sizeof options;
    options.keypoint_count = stream->keypoint_count;
    options.sigmas = stream->pose->result.keypoint_set->sigmas;
    if (options.max_detections < stream->capacity)
        options.max_detections = stream->capacity;
    stream->memory_count = options.max_tracks;
    stream->follows =
        stream->pose->has_detector && stream->keypoint_count && options.mode != STANCE_TRACKER_OFF;
    return stance_tracker_open(&stream->tracker, &options);
}

/* Hands out the stream's one block of keypoints. */
static void divide_keypoints(struct stance_stream *stream)
{
    struct stance_keypoint *next = stream->keypoints;
    for (int i = 0; i < stream->memory_count; i++, next += stream->keypoint_count)
        stream->memories[i].keypoints = next;
    for (int i = 0; i < stream->capacity; i++, next += stream->keypoint_count)
        stream->people[i].keypoints = next;
    for (int r = 0; r < 3; r++)
        for (int i = 0; i < stream->capacity; i++, next += stream->keypoint_count)
            stream->records[r].people[i].keypoints = next;
}

static int open_records(struct stance_stream *stream)
{
    for (int r = 0; r < 3; r++) {
        struct stream_record *record = &stream->records[r];
        record->people = base_alloc_zero((size_t)stream->capacity, sizeof record->people[0]);
        record->ids = base_alloc_zero((size_t)stream->capacity, sizeof record->ids[0]);
        if (!record->people || !record->ids)
            return base_error_memory((size_t)stream->capacity * sizeof record->people[0],
                                     "a stream's results");
        record->out.ids = record->ids;
        record->out.pose.people = record->people;
        record->out.pose.keypoint_set = stream->pose->result.keypoint_set;
    }
    stream->older = &stream->records[0];
    stream->newer = &stream->records[1];
    stream->filled = &stream->records[2];
    return 0;
}

static int open_memory(struct stance_stream *stream)
{
    size_t capacity = (size_t)stream->capacity, slots = (size_t)stream->memory_count;
    size_t points = (slots + 4 * capacity) * (size_t)stream->keypoint_count;
    stream->memories = base_alloc_zero(slots, sizeof stream->memories[0]);
    stream->candidates = base_alloc_zero(capacity, sizeof stream->candidates[0]);
    stream->people = base_alloc_zero(capacity, sizeof stream->people[0]);
    stream->detections = base_alloc_zero(capacity, sizeof stream->detections[0]);
    stream->poses = base_alloc_zero(capacity, sizeof stream->poses[0]);
    stream->keep = base_alloc_zero(capacity, 1);
    stream->order = base_alloc_zero(capacity, sizeof stream->order[0]);
    stream->keypoints = base_alloc_zero(points ? points : 1, sizeof stream->keypoints[0]);
    if (!stream->memories || !stream->candidates || !stream->people || !stream->detections ||
        !stream->poses || !stream->keep || !stream->order || !stream->keypoints)
        return base_error_memory(points * sizeof stream->keypoints[0], "a stream");
    BASE_TRY(open_records(stream));
    divide_keypoints(stream);
    for (int i = 0; i < stream->memory_count && stream->keypoint_count; i++)
        BASE_TRY(track_smoother_open(&stream->memories[i].smoother, stream->keypoint_count));
    return 0;
}

static int open_parts(struct stance_stream *stream)
{
    BASE_TRY(check_options(&stream->options));
    BASE_TRY(set_smoothing(stream));
    BASE_TRY(open_tracker(stream));
    return open_memory(stream);
}

int stance_stream_open(struct stance_stream **out, struct stance_pose *pose,
                       const struct stance_stream_options *options)
{
    *out = NULL;
    struct stance_stream *stream = base_alloc_zero(1, sizeof *stream);
    if (!stream)
        return base_error_memory(sizeof *stream, "a stream");
    stance_stream_options_default(&stream->options);
    if (options)
        memcpy(&stream->options, options,
               options->struct_size < sizeof *options ? options->struct_size : sizeof *options);
    stream->pose = pose;
    stream->keypoint_count = pose->result.keypoint_set->count;
    stream->capacity = 2 * pose->options.max_people; /* detected ones, and those followed */
    int code = open_parts(stream);
    if (code < 0) {
        stance_stream_close(&stream);
        return code;
    }
    stream->options.tracker = NULL; /* the caller's; not needed any more */
    *out = stream;
    return 0;
}

void stance_stream_close(struct stance_stream **handle)
{
    struct stance_stream *stream = *handle;
    *handle = NULL;
    if (!stream)
        return;
    for (int i = 0; stream->memories && i < stream->memory_count; i++)
        track_smoother_close(&stream->memories[i].smoother);
    for (int r = 0; r < 3; r++) {
        base_free(stream->records[r].people);
        base_free(stream->records[r].ids);
    }
    stance_tracker_close(&stream->tracker);
    base_free(stream->memories);
    base_free(stream->candidates);
    base_free(stream->people);
    base_free(stream->detections);
    base_free(stream->poses);
    base_free(stream->keep);
    base_free(stream->order);
    base_free(stream->keypoints);
    base_free(stream);
}

static int check_frames(const struct stance_stream_frame *frames, int count)
{
    if (count < 1 || count > MAX_STREAMS)
        return base_error(STANCE_EARGUMENT, "%d frames at once: give 1 to %d", count, MAX_STREAMS);
    for (int i = 0; i < count; i++) {
        if (!frames[i].image)
            return base_error(STANCE_EARGUMENT, "frame %d of %d has no picture", i, count);
        if (frames[i].stream->pose != frames[0].stream->pose)
            return base_error(STANCE_EARGUMENT,
                              "streams of two pipelines cannot share a batch: frame %d", i);
        for (int j = 0; j < i; j++)
            if (frames[j].stream == frames[i].stream)
                return base_error(STANCE_EARGUMENT, "frames %d and %d are of one stream", j, i);
    }
    return 0;
}

int64_t stream_now(const struct stance_stream *stream, int64_t time_us)
{
    if (!stream->clock_runs || time_us <= stream->last_us)
        return stream->now_us;
    const uint64_t day = 24 * 3600 * (uint64_t)1000000; /* longer says no more */
    uint64_t passed = (uint64_t)time_us - (uint64_t)stream->last_us;
    return stream->now_us + (int64_t)(passed < day ? passed : day);
}

static int find_candidates(struct stance_stream_frame *frames, int count)
{
    for (int i = 0; i < count; i++) {
        int64_t start = base_clock_ns();
        BASE_TRY(stream_find_candidates(frames[i].stream, frames[i].image, frames[i].time_us));
        frames[i].stream->detect_ns = base_clock_ns() - start;
    }
    return 0;
}

/* Keypoints of everybody in one go. Its time is shared out by heads. */
static int find_keypoints(struct stance_stream_frame *frames, int count)
{
    struct stance_pose *pose = frames[0].stream->pose;
    int64_t start = base_clock_ns();
    int total = 0;
    for (int i = 0; i < count && !pose->one_stage; i++) {
        struct stance_stream *stream = frames[i].stream;
        for (int j = 0; j < stream->candidate_count; j++, total++)
            BASE_TRY(pipeline_add_crop(pose, frames[i].image, &stream->candidates[j].crop,
                                       stream->candidates[j].person));
    }
    BASE_TRY(pipeline_estimate(pose));
    int64_t spent = base_clock_ns() - start;
    for (int i = 0; i < count; i++)
        frames[i].stream->pose_ns =
            total ? spent * frames[i].stream->candidate_count / total : spent / count;
    return 0;
}

int stance_stream_apply(struct stance_stream_frame *frames, int count)
{
    for (int i = 0; i < count; i++)
        frames[i].result = NULL;
    BASE_TRY(check_frames(frames, count));
    BASE_TRY(find_candidates(frames, count));
    BASE_TRY(find_keypoints(frames, count));
    for (int i = 0; i < count; i++) {
        struct stance_stream *stream = frames[i].stream;
        int64_t start = base_clock_ns();
        stream_follow(stream, frames[i].image, frames[i].time_us);
        struct stance_stream_result *out = &stream->newer->out;
        out->pose.detect_ns = stream->detect_ns;
        out->pose.pose_ns = stream->pose_ns;
        out->track_ns = base_clock_ns() - start;
        frames[i].result = out;
    }
    return 0;
}

void stance_stream_reset(struct stance_stream *stream)
{
    stance_tracker_reset(stream->tracker);
    for (int i = 0; i < stream->memory_count; i++)
        stream->memories[i].id = 0;
    for (int r = 0; r < 3; r++) {
        stream->records[r].out.pose.person_count = 0;
        stream->records[r].out.measured = 0;
    }
    stream->begun = false;
}

void stance_stream_counts(const struct stance_stream *stream, struct stance_stream_counts *out)
{
    *out = stream->counts;
}
