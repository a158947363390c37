/* Who is who in one frame: ByteTrack's rounds (byte_tracker.py, update), the likeness of a track
 * and a detection, and one more round that hands lost tracks what would otherwise begin new
 * ones. */
#include <math.h>

#include "track/tracker.h"
#include "vision/box.h"

double track_iou(const struct stance_tracker *t, const float a[4], const float b[4])
{
    struct vision_box p = {.x1 = a[0], .y1 = a[1], .x2 = a[2], .y2 = a[3]};
    struct vision_box q = {.x1 = b[0], .y1 = b[1], .x2 = b[2], .y2 = b[3]};
    return (double)vision_box_iou(&p, &q, t->rules.pixel);
}

static double area(const float box[4])
{
    return ((double)box[2] - box[0]) * ((double)box[3] - box[1]);
}

/* 0 … 1. */
static double likeness(const struct stance_tracker *t, const struct track_person *person,
                       const struct stance_detection *detection)
{
    const struct stance_tracker_options *o = &t->options;
    const float *box = t->rules.last_box ? person->last_box : person->out.box;
    double overlap = track_iou(t, box, detection->box);
    if (o->mode == STANCE_TRACKER_IOU || !person->has_pose || !detection->keypoints)
        return overlap;
    int common;
    struct track_pose expected = {.keypoints = t->expected +
                                               (size_t)person->out.slot * (size_t)o->keypoint_count,
                                  .area = area(box)};
    struct track_pose found = {.keypoints = detection->keypoints, .area = area(detection->box)};
    double oks = track_oks_likeness(&t->oks, &expected, &found, o->keypoint_threshold, &common);
    if (common == 0 || common < o->min_keypoints)
        return overlap;
    double weight = o->mode == STANCE_TRACKER_OKS ? 1 : (double)o->oks_weight;
    return weight * oks + (1 - weight) * overlap;
}

/* More than any limit. */
static const double never = 1e6;

/* What a track pays beside unlikeness: for the time it has been missing, and for having been seen
 * with a low score in the last frame, for who was half hidden a moment ago is seldom who is wholly
 * seen now. */
static double state_cost(const struct stance_tracker *t, const struct track_person *person,
                         const struct stance_detection *detection)
{
    const struct stance_tracker_options *o = &t->options;
    const float *box = t->rules.last_box ? person->last_box : person->out.box;
    if (person->missing == 0)
        return person->out.score < o->high_threshold ? (double)o->hidden_cost : 0;
    if (track_iou(t, box, detection->box) < (double)o->recover_iou)
        return never;
    return (double)o->lost_cost * track_seconds(person->out.seen_us, t->before_us);
}

static double unconfirmed_cost(const struct stance_tracker *t, const struct track_person *person,
                               const struct stance_detection *detection)
{
    double like = likeness(t, person, detection);
    return 1 - like * (t->options.fuse_score ? (double)detection->score : 1);
}

static double first_cost(const struct stance_tracker *t, const struct track_person *person,
                         const struct stance_detection *detection)
{
    double extra =
        person->confirmed ? state_cost(t, person, detection) : (double)t->options.fresh_cost;
    return unconfirmed_cost(t, person, detection) + extra;
}

static double second_cost(const struct stance_tracker *t, const struct track_person *person,
                          const struct stance_detection *detection)
{
    return 1 - likeness(t, person, detection);
}

/* How far a point is from the way between two others. */
static double distance_to_way(const double point[2], const double from[2], const double to[2])
{
    double wx = to[0] - from[0], wy = to[1] - from[1];
    double px = point[0] - from[0], py = point[1] - from[1];
    double length = wx * wx + wy * wy;
    double along = length > 0 ? fmin(1, fmax(0, (px * wx + py * wy) / length)) : 0;
    return hypot(px - along * wx, py - along * wy);
}

static void centre(const float box[4], double out[2])
{
    out[0] = ((double)box[0] + box[2]) / 2;
    out[1] = ((double)box[1] + box[3]) / 2;
}

/* How far off a detection is, in what may be: half from where the track is expected if it went on,
 * and half, as people stop and turn round, from the way there. To the reach comes half of the
 * filter's own doubt, which is large for tracks of few frames. Nobody's height changes by a third
 * meanwhile. The shares are from the golden scenes (docs/tracking.md). */
static double recover_cost(const struct stance_tracker *t, const struct track_person *person,
                           const struct stance_detection *detection)
{
    const double most_change = 0.3; /* of the logarithm */
    const double end_share = 0.5, filter_share = 0.5;
    const float *a = person->out.box, *b = detection->box;
    double found[2], expected[2], last[2], height = (double)a[3] - a[1];
    double change = log(((double)b[3] - b[1]) / height);
    double seconds = track_seconds(person->out.seen_us, t->now_us);
    double reach =
        height * ((double)t->options.recover_reach + (double)t->options.recover_growth * seconds) +
        filter_share * sqrt(person->kalman.axis[TRACK_X].p_value);
    if (track_iou(t, a, b) < (double)t->options.recover_iou)
        return never;
    centre(b, found);
    centre(a, expected);
    centre(person->last_box, last);
    double off = end_share * hypot(found[0] - expected[0], found[1] - expected[1]) +
                 (1 - end_share) * distance_to_way(found, last, expected);
    return hypot(off / reach, change / most_change);
}

typedef double (*pair_cost)(const struct stance_tracker *t, const struct track_person *person,
                            const struct stance_detection *detection);

/* Matches t->rows with a list of detections; what finds a partner leaves both lists. */
static void match(struct stance_tracker *t, struct track_list *sights, pair_cost cost, double limit)
{
    struct track_list *rows = &t->rows;
    int stride = t->options.max_detections, left = 0;
    if (rows->count == 0 || sights->count == 0)
        return;
    for (int i = 0; i < rows->count; i++)
        for (int j = 0; j < sights->count; j++)
            t->cost[i * stride + j] =
                cost(t, &t->people[rows->items[i]], t->sights[sights->items[j]].detection);
    track_assignment_solve(&t->assignment, t->cost, rows->count, sights->count, stride, limit,
                           t->columns);
    for (int i = 0; i < rows->count; i++) {
        int32_t column = t->columns[i];
        if (column < 0) {
            rows->items[left++] = rows->items[i];
            continue;
        }
        track_see(t, &t->people[rows->items[i]], sights->items[column]);
        sights->items[column] = -1;
    }
    rows->count = left;
    left = 0;
    for (int j = 0; j < sights->count; j++)
        if (sights->items[j] >= 0)
            sights->items[left++] = sights->items[j];
    sights->count = left;
}

enum group { ALL, CONFIRMED, SEEN, UNCONFIRMED };

static bool belongs(const struct track_person *person, enum group group)
{
    return group == ALL                                  ? true
           : person->confirmed != (group != UNCONFIRMED) ? false
                                                         : group != SEEN || person->missing == 0;
}

static void choose_rows(struct stance_tracker *t, enum group group)
{
    t->rows.count = 0;
    for (int i = 0; i < t->counts.alive; i++)
        if (!t->people[i].matched && belongs(&t->people[i], group))
            t->rows.items[t->rows.count++] = i;
}

/* Only what would begin a track. */
static void choose_births(struct stance_tracker *t)
{
    int left = 0;
    for (int j = 0; j < t->high.count; j++) {
        const struct stance_detection *d = t->sights[t->high.items[j]].detection;
        if (d->score >= t->options.birth_threshold && !d->no_birth)
            t->high.items[left++] = t->high.items[j];
    }
    t->high.count = left;
}

void track_match(struct stance_tracker *t)
{
    const struct stance_tracker_options *o = &t->options;
    choose_rows(t, ALL);
    match(t, &t->high, first_cost, (double)o->match_cost);
    choose_rows(t, SEEN);
    match(t, &t->low, second_cost, (double)o->second_cost);
    choose_rows(t, UNCONFIRMED);
    match(t, &t->high, unconfirmed_cost, (double)o->unconfirmed_cost);
    choose_births(t);
    if (o->recover_reach > 0) {
        choose_rows(t, CONFIRMED);
        match(t, &t->high, recover_cost, 1);
    }
}
