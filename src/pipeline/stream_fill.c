/* People between measured frames, or a little after the last. */
#include <string.h>

#include "pipeline/stream_state.h"
#include "track/interpolate.h"

static const enum track_fill ways[] = {TRACK_FILL_BETWEEN, TRACK_FILL_EXTRAPOLATE, TRACK_FILL_LATE,
                                       TRACK_FILL_HOLD};

/* The same id in the other record; ids rise. */
static const struct stance_person *find(const struct stream_record *record, int64_t id)
{
    for (int i = 0; id && i < record->out.pose.person_count; i++)
        if (record->ids[i] == id)
            return &record->people[i];
    return NULL;
}

static void add(struct stance_stream *stream, int64_t id, const struct stance_person *older,
                const struct stance_person *newer, double alpha)
{
    struct stream_record *record = stream->filled;
    if (record->out.pose.person_count == stream->capacity)
        return;
    int i = record->out.pose.person_count++;
    struct stance_person *person = &record->people[i];
    const struct stance_person *from = alpha < 0.5 ? older : newer;
    record->ids[i] = id;
    person->score = from->score;
    person->box_score = from->box_score;
    person->detector_class = from->detector_class;
    track_fill_points(older->keypoints, newer->keypoints, stream->keypoint_count, alpha,
                      person->keypoints);
    track_fill_box(older->box, newer->box, alpha, person->box);
}

/* Both records are in order of ids, and so is what comes of them. */
static void merge(struct stance_stream *stream, double alpha)
{
    const struct stream_record *older = stream->older, *newer = stream->newer;
    int i = 0, j = 0, most_i = older->out.pose.person_count, most_j = newer->out.pose.person_count;
    while (i < most_i || j < most_j) {
        bool first = j == most_j || (i < most_i && older->ids[i] < newer->ids[j]);
        int64_t id = first ? older->ids[i] : newer->ids[j];
        const struct stance_person *a = first ? &older->people[i] : find(older, id);
        const struct stance_person *b = first ? NULL : &newer->people[j];
        if (a && b)
            add(stream, id, a, b, alpha);
        else if (a && alpha < 0.5)
            add(stream, id, a, a, 0);
        else if (b && alpha >= 0.5)
            add(stream, id, b, b, 1);
        i += first || (a && b);
        j += !first;
    }
}

const struct stance_stream_result *stance_stream_fill(struct stance_stream *stream,
                                                      enum stance_fill fill, int64_t time_us)
{
    struct stream_record *out = stream->filled;
    const struct stance_stream_result *newer = &stream->newer->out, *older = &stream->older->out;
    enum track_fill way =
        (size_t)fill < sizeof ways / sizeof ways[0] ? ways[fill] : TRACK_FILL_HOLD;
    double alpha =
        older->measured ? track_fill_alpha(way, older->time_us, newer->time_us, time_us) : 1;
    out->out.pose.person_count = 0;
    out->out.pose.width = newer->pose.width;
    out->out.pose.height = newer->pose.height;
    out->out.time_us = time_us;
    merge(stream, alpha);
    stream->counts.filled++;
    return &out->out;
}
