/* Candidates with keypoints become people: those without support go, the rest is suppressed by OKS,
 * tracked, remembered and smoothed. */
#include <math.h>
#include <string.h>

#include "pipeline/stream_state.h"

/* How the common keypoints moved: their centre, and their spread around it. */
struct movement {
    double from_x, from_y, to_x, to_y, scale;
};

static bool both_count(const struct stance_stream *stream, const struct stance_keypoint *a,
                       const struct stance_keypoint *b)
{
    return stream_counts(stream, a) && stream_counts(stream, b);
}

/* False: too few of them. */
static bool find_movement(const struct stance_stream *stream, const struct stance_keypoint *from,
                          const struct stance_keypoint *to, struct movement *m)
{
    const double most = 1.1; /* a person does not grow by more within a frame */
    double before = 0, after = 0;
    int count = 0;
    *m = (struct movement){.scale = 1};
    for (int k = 0; k < stream->keypoint_count; k++)
        if (both_count(stream, &from[k], &to[k])) {
            m->from_x += (double)from[k].x;
            m->from_y += (double)from[k].y;
            m->to_x += (double)to[k].x;
            m->to_y += (double)to[k].y;
            count++;
        }
    if (count < 3)
        return false;
    m->from_x /= count;
    m->from_y /= count;
    m->to_x /= count;
    m->to_y /= count;
    for (int k = 0; k < stream->keypoint_count; k++)
        if (both_count(stream, &from[k], &to[k])) {
            before += hypot((double)from[k].x - m->from_x, (double)from[k].y - m->from_y);
            after += hypot((double)to[k].x - m->to_x, (double)to[k].y - m->to_y);
        }
    if (before > 0 && after > 0)
        m->scale = fmin(fmax(after / before, 1 / most), most);
    return true;
}

/* A box moves and grows with the keypoints in it. */
static void move_box(const float from[4], const struct movement *m, struct vision_box *to)
{
    to->x1 = (float)(m->to_x + ((double)from[0] - m->from_x) * m->scale);
    to->y1 = (float)(m->to_y + ((double)from[1] - m->from_y) * m->scale);
    to->x2 = (float)(m->to_x + ((double)from[2] - m->from_x) * m->scale);
    to->y2 = (float)(m->to_y + ((double)from[3] - m->from_y) * m->scale);
}

static bool leaves_crop(const struct stance_stream *stream, const struct stream_candidate *c)
{
    int outside = 0;
    for (int k = 0; k < stream->keypoint_count; k++) {
        const struct stance_keypoint *p = &c->person->keypoints[k];
        outside += stream_counts(stream, p) && !(p->x >= c->crop.x1 && p->x <= c->crop.x2 &&
                                                 p->y >= c->crop.y1 && p->y <= c->crop.y2);
    }
    return outside * 5 > stream_confident(stream, c->person->keypoints);
}

/* Whether someone who is followed is still there: half the keypoints that were seen are. Moves their
 * box along. */
static bool is_supported(struct stance_stream *stream, struct stream_candidate *c)
{
    const struct stream_memory *memory = &stream->memories[c->slot];
    struct movement movement;
    int seen = stream_confident(stream, c->person->keypoints);
    int before = stream_confident(stream, memory->keypoints);
    if (seen < 3 || 2 * seen < before)
        return false;
    if (find_movement(stream, memory->keypoints, c->person->keypoints, &movement)) {
        double shift = hypot(movement.to_x - movement.from_x, movement.to_y - movement.from_y);
        stream->wants_detector |= shift > 0.25 * (double)(c->box.y2 - c->box.y1);
        move_box(memory->box, &movement, &c->box);
    }
    stream->wants_detector |= leaves_crop(stream, c);
    return true;
}

static void drop_unsupported(struct stance_stream *stream)
{
    int kept = 0;
    for (int i = 0; i < stream->candidate_count; i++) {
        struct stream_candidate *c = &stream->candidates[i];
        if (c->slot < 0 || is_supported(stream, c))
            stream->candidates[kept++] = *c;
        else
            stream->wants_detector = true;
    }
    stream->candidate_count = kept;
}

/* What a network found by itself goes before what was followed. */
static void suppress(struct stance_stream *stream)
{
    for (int i = 0; i < stream->candidate_count; i++) {
        const struct stream_candidate *c = &stream->candidates[i];
        stream->poses[i] =
            (struct track_pose){.keypoints = c->person->keypoints,
                                .area = (double)vision_box_area(&c->box, 0),
                                .score = c->person->score + (c->slot < 0 ? 10.0f : 0.0f)};
    }
    pipeline_suppress(stream->pose, stream->poses, stream->candidate_count, stream->keep,
                      stream->order);
    int kept = 0;
    for (int i = 0; i < stream->candidate_count; i++)
        if (stream->keep[i])
            stream->candidates[kept++] = stream->candidates[i];
    stream->candidate_count = kept;
}

static void list_detections(struct stance_stream *stream)
{
    for (int i = 0; i < stream->candidate_count; i++) {
        const struct stream_candidate *c = &stream->candidates[i];
        stream->detections[i] = (struct stance_detection){
            .box = {c->box.x1, c->box.y1, c->box.x2, c->box.y2},
            .score = c->box.score,
            .no_birth = c->slot >= 0,
            .keypoints = stream->keypoint_count ? c->person->keypoints : NULL};
    }
}

static void copy_person(const struct stance_stream *stream, struct stance_person *to,
                        const struct stance_person *from)
{
    struct stance_keypoint *keypoints = to->keypoints;
    *to = *from;
    to->keypoints = keypoints;
    memcpy(keypoints, from->keypoints, (size_t)stream->keypoint_count * sizeof keypoints[0]);
}

/* Not for the person in the middle; a one-stage network is a detector too. */
static bool detector_ran(const struct stance_stream *stream)
{
    return stream->detects && (stream->pose->has_detector || stream->pose->one_stage);
}

static void begin_record(struct stance_stream *stream, const struct stance_image *image,
                         int64_t time_us)
{
    struct stream_record *record = stream->older;
    stream->older = stream->newer;
    stream->newer = record;
    record->out.pose.width = image->width;
    record->out.pose.height = image->height;
    record->out.pose.person_count = 0;
    record->out.time_us = time_us;
    record->out.measured = 1;
    record->out.detected = detector_ran(stream);
}

static void tell(struct stance_stream *stream, const struct stance_track *track)
{
    struct stream_record *record = stream->newer;
    int i = record->out.pose.person_count++;
    struct stance_person *person = &record->people[i];
    copy_person(stream, person, stream->candidates[track->detection].person);
    memcpy(person->box, track->box, sizeof person->box);
    record->ids[i] = track->id;
    struct stream_memory *memory = track->slot >= 0 ? &stream->memories[track->slot] : NULL;
    if (memory && memory->told_id != track->id) {
        memory->told_id = track->id;
        stream->counts.people++;
    }
}

/* All tracks, those not confirmed yet too. */
static void remember(struct stance_stream *stream)
{
    const struct stance_track *tracks;
    int count, seen = 0;
    stance_tracker_predict(stream->tracker, stream->now_us, &tracks, &count);
    for (int i = 0; i < count; i++) {
        struct stream_memory *memory = &stream->memories[tracks[i].slot];
        bool fresh = memory->id != tracks[i].id;
        if ((fresh || tracks[i].recovered) && stream->keypoint_count)
            track_smoother_reset(&memory->smoother);
        memory->id = tracks[i].id;
        bool was_present = memory->present && !fresh;
        memory->present = tracks[i].detection >= 0;
        if (!memory->present) {
            stream->wants_detector |= was_present;
            continue;
        }
        const struct stream_candidate *c = &stream->candidates[tracks[i].detection];
        const float box[4] = {c->box.x1, c->box.y1, c->box.x2, c->box.y2};
        memcpy(memory->box, box, sizeof box);
        memory->score = c->box.score;
        memory->label = c->box.label;
        if (c->slot < 0 || fresh)
            memory->supported_us = stream->now_us;
        memcpy(memory->keypoints, c->person->keypoints,
               (size_t)stream->keypoint_count * sizeof memory->keypoints[0]);
        seen++;
    }
    stream->wants_detector |= seen == 0;
}

static void smooth(struct stance_stream *stream, const int32_t *slots)
{
    struct stream_record *record = stream->newer;
    for (int i = 0; i < record->out.pose.person_count && stream->keypoint_count; i++) {
        struct stance_person *person = &record->people[i];
        const float *b = person->box;
        double area = (double)(b[2] - b[0]) * (double)(b[3] - b[1]);
        if (slots[i] >= 0)
            track_smoother_step(&stream->memories[slots[i]].smoother, &stream->smoothing,
                                stream->now_us, sqrt(fmax(area, 0)), person->keypoints);
    }
}

static void move_clock(struct stance_stream *stream, int64_t time_us)
{
    stream->counts.clamped += stream->clock_runs && time_us < stream->last_us;
    stream->now_us = stream_now(stream, time_us);
    stream->last_us = time_us;
    stream->clock_runs = true;
}

void stream_follow(struct stance_stream *stream, const struct stance_image *image, int64_t time_us)
{
    const struct stance_track *tracks;
    int count;
    move_clock(stream, time_us);
    stream->wants_detector = false;
    drop_unsupported(stream);
    suppress(stream);
    list_detections(stream);
    stance_tracker_update(stream->tracker, stream->now_us, stream->detections,
                          stream->candidate_count, &tracks, &count);
    begin_record(stream, image, time_us);
    int32_t *slots = stream->order;
    for (int i = 0; i < count; i++) {
        slots[i] = tracks[i].slot;
        tell(stream, &tracks[i]);
    }
    remember(stream);
    smooth(stream, slots);
    stream->begun = true;
    stream->counts.measured++;
    if (stream->detects) {
        stream->detected_us = stream->now_us;
        stream->since_detection = 0;
        stream->counts.detections += detector_ran(stream);
    }
    stream->since_detection++;
}
