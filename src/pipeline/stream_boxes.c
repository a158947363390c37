/* Where to look in a frame: what the detector finds when it is due, and where the people of the last
 * frame are, who are followed by their keypoints. */
#include <math.h>
#include <string.h>

#include "pipeline/stream_state.h"

enum { FEWEST_POINTS = 3 }; /* that make a box */

bool stream_counts(const struct stance_stream *stream, const struct stance_keypoint *point)
{
    return point->score >= stream->options.keypoint_threshold && isfinite(point->x) &&
           isfinite(point->y);
}

int stream_confident(const struct stance_stream *stream, const struct stance_keypoint *points)
{
    int count = 0;
    for (int k = 0; k < stream->keypoint_count; k++)
        count += stream_counts(stream, &points[k]);
    return count;
}

static bool detector_is_due(const struct stance_stream *stream, int64_t now_us)
{
    const struct stance_stream_options *o = &stream->options;
    if (!stream->begun || !stream->follows)
        return true;
    if (o->detect_every)
        return stream->since_detection >= o->detect_every;
    return stream->wants_detector ||
           track_seconds(stream->detected_us, now_us) >= (double)o->detect_seconds;
}

static struct stream_candidate *add_candidate(struct stance_stream *stream,
                                              const struct vision_box *box, int slot)
{
    struct stream_candidate *candidate = &stream->candidates[stream->candidate_count];
    *candidate = (struct stream_candidate){.box = *box,
                                           .crop = *box,
                                           .slot = slot,
                                           .stands_for = -1,
                                           .person = &stream->people[stream->candidate_count]};
    stream->candidate_count++;
    return candidate;
}

/* Around the confident keypoints, widened, inside the picture; false: too few of them. */
static bool box_of_keypoints(const struct stance_stream *stream, const struct stance_image *image,
                             const struct stance_keypoint *points, struct vision_box *box)
{
    struct vision_box b = {INFINITY, INFINITY, -INFINITY, -INFINITY, box->score, 0, box->index};
    int count = 0;
    for (int k = 0; k < stream->keypoint_count; k++) {
        if (!stream_counts(stream, &points[k]))
            continue;
        count++;
        b.x1 = fminf(b.x1, points[k].x);
        b.y1 = fminf(b.y1, points[k].y);
        b.x2 = fmaxf(b.x2, points[k].x);
        b.y2 = fmaxf(b.y2, points[k].y);
    }
    if (count < FEWEST_POINTS)
        return false;
    float scale = stream->options.box_scale / 2;
    float x = (b.x1 + b.x2) / 2, y = (b.y1 + b.y2) / 2;
    float half_width = (b.x2 - b.x1) * scale, half_height = (b.y2 - b.y1) * scale;
    b = (struct vision_box){x - half_width, y - half_height, x + half_width, y + half_height,
                            box->score,     box->label,      box->index};
    vision_box_clamp(&b, (float)image->width, (float)image->height);
    if (vision_box_area(&b, 0) <= 0)
        return false;
    *box = b;
    return true;
}

/* Where someone of the frames before is looked for, who is lost where they are expected; false:
 * nowhere. `looked_us`: when the detector last had the chance to see them. */
static bool place_of(const struct stance_stream *stream, const struct stance_image *image,
                     const struct stance_track *track, int64_t looked_us, struct vision_box *box)
{
    const struct stream_memory *memory = &stream->memories[track->slot];
    const float *at = track->state == STANCE_TRACK_LOST ? track->box : memory->box;
    if (memory->id != track->id ||
        track_seconds(memory->supported_us, looked_us) > (double)stream->options.support_seconds)
        return false;
    *box = (struct vision_box){at[0], at[1], at[2], at[3], memory->score, memory->label, 0};
    vision_box_clamp(box, (float)image->width, (float)image->height);
    return vision_box_area(box, 0) > 0;
}

/* A detected box stands for the one track that it overlaps most, a seen one first; the tracker matches
 * them. Others are looked for beside it. */
static void stand_for_tracks(struct stance_stream *stream, const struct stance_image *image,
                             const struct stance_track *tracks, int count, int64_t looked_us)
{
    for (int i = 0; i < stream->candidate_count; i++) {
        struct stream_candidate *c = &stream->candidates[i];
        for (int lost = 0; lost < 2 && c->stands_for < 0; lost++) {
            float most = stream->options.merge_iou;
            for (int j = 0; j < count; j++) {
                struct vision_box box;
                if ((tracks[j].state == STANCE_TRACK_LOST) != lost ||
                    !place_of(stream, image, &tracks[j], looked_us, &box))
                    continue;
                float iou = vision_box_iou(&c->box, &box, 0);
                if (iou > most) {
                    most = iou;
                    c->stands_for = tracks[j].slot;
                }
            }
        }
    }
}

/* By a detected box, or by a track at the same place. */
static bool is_covered(const struct stance_stream *stream, const struct vision_box *box, int slot)
{
    const float same = 0.7f;
    for (int i = 0; i < stream->candidate_count; i++) {
        const struct stream_candidate *c = &stream->candidates[i];
        if (c->slot < 0 ? c->stands_for == slot : vision_box_iou(&c->box, box, 0) > same)
            return true;
    }
    return false;
}

static void add_track(struct stance_stream *stream, const struct stance_image *image,
                      const struct stance_track *track, int64_t looked_us)
{
    struct vision_box box;
    if (stream->candidate_count == stream->capacity ||
        !place_of(stream, image, track, looked_us, &box) || is_covered(stream, &box, track->slot))
        return;
    box.index = stream->candidate_count;
    struct stream_candidate *candidate = add_candidate(stream, &box, track->slot);
    if (track->state != STANCE_TRACK_LOST)
        box_of_keypoints(stream, image, stream->memories[track->slot].keypoints, &candidate->crop);
}

static void add_tracks(struct stance_stream *stream, const struct stance_image *image,
                       int64_t now_us)
{
    const struct stance_track *tracks;
    int count;
    int64_t looked_us = stream->detects ? now_us : stream->detected_us;
    stance_tracker_predict(stream->tracker, now_us, &tracks, &count);
    stand_for_tracks(stream, image, tracks, count, looked_us);
    for (int lost = 0; lost < 2; lost++)
        for (int i = 0; i < count; i++)
            if ((tracks[i].state == STANCE_TRACK_LOST) == lost)
                add_track(stream, image, &tracks[i], looked_us);
}

static int find_with_keypoints(struct stance_stream *stream, const struct stance_image *image)
{
    size_t count;
    BASE_TRY(pipeline_find_people(stream->pose, image, stream->people, &count));
    for (size_t i = 0; i < count; i++)
        add_candidate(stream, &stream->pose->boxes[i], -1);
    return 0;
}

int stream_find_candidates(struct stance_stream *stream, const struct stance_image *image,
                           int64_t time_us)
{
    const struct stance_pose *pose = stream->pose;
    const struct stance_pose_result *last = &stream->newer->out.pose;
    if (stream->begun && (last->width != image->width || last->height != image->height))
        stance_stream_reset(stream);
    int64_t now_us = stream_now(stream, time_us);
    stream->candidate_count = 0;
    stream->detects = detector_is_due(stream, now_us);
    if (pose->one_stage)
        return find_with_keypoints(stream, image);
    if (stream->detects) {
        size_t count;
        BASE_TRY(pipeline_detect(stream->pose, image, &count));
        for (size_t i = 0; i < count; i++)
            add_candidate(stream, &pose->boxes[i], -1);
    }
    if (stream->follows)
        add_tracks(stream, image, now_us);
    return 0;
}
