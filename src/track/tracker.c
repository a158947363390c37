/* A tracker's life: opening, one frame after the other, what is told about tracks. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "track/tracker.h"

double track_seconds(int64_t from_us, int64_t to_us)
{
    const uint64_t most = 7200 * (uint64_t)1000000;
    uint64_t passed = to_us > from_us ? (uint64_t)to_us - (uint64_t)from_us : 0;
    return (double)(passed < most ? passed : most) * 1e-6;
}

static void *reserve(size_t count, size_t size, int *code)
{
    void *block = *code < 0 ? NULL : base_alloc_zero(count, size);
    if (!block && *code == 0)
        *code = base_error_memory(count * size, "a tracker");
    return block;
}

static int allocate(struct stance_tracker *t)
{
    const struct stance_tracker_options *o = &t->options;
    size_t tracks = (size_t)o->max_tracks, sights = (size_t)o->max_detections;
    size_t points = tracks * (size_t)o->keypoint_count;
    int code = 0;
    t->people = reserve(tracks, sizeof *t->people, &code);
    t->poses = reserve(points, sizeof *t->poses, &code);
    t->expected = reserve(points, sizeof *t->expected, &code);
    t->slot_taken = reserve(tracks, sizeof *t->slot_taken, &code);
    t->sights = reserve(sights, sizeof *t->sights, &code);
    t->told = reserve(tracks > sights ? tracks : sights, sizeof *t->told, &code);
    t->rows.items = reserve(tracks, sizeof *t->rows.items, &code);
    t->high.items = reserve(sights, sizeof *t->high.items, &code);
    t->low.items = reserve(sights, sizeof *t->low.items, &code);
    t->cost = reserve(tracks * sights, sizeof *t->cost, &code);
    t->columns = reserve(tracks, sizeof *t->columns, &code);
    BASE_TRY(code);
    BASE_TRY(track_assignment_open(&t->assignment, o->max_tracks, o->max_detections));
    return track_oks_open(&t->oks, o->sigmas, o->keypoint_count);
}

int track_open(struct stance_tracker **out, const struct stance_tracker_options *options,
               const struct track_rules *rules)
{
    struct stance_tracker_options checked;
    *out = NULL;
    BASE_TRY(track_options_check(&checked, options));
    struct stance_tracker *t = base_alloc_zero(1, sizeof *t);
    if (!t)
        return base_error_memory(sizeof *t, "a tracker");
    t->options = checked;
    t->next_id = 1;
    t->fresh = true;
    if (rules)
        t->rules = *rules;
    t->noise =
        (struct track_noise){(double)checked.position_weight, (double)checked.velocity_weight,
                             (double)checked.measurement_weight};
    int code = allocate(t);
    t->options.sigmas = NULL; /* the caller's may not live as long */
    if (code < 0)
        stance_tracker_close(&t);
    *out = t;
    return code;
}

int stance_tracker_open(struct stance_tracker **out, const struct stance_tracker_options *options)
{
    return track_open(out, options, NULL);
}

void stance_tracker_close(struct stance_tracker **tracker)
{
    struct stance_tracker *t = *tracker;
    *tracker = NULL;
    if (!t)
        return;
    void *blocks[] = {t->people,     t->poses,      t->expected,  t->slot_taken, t->sights, t->told,
                      t->rows.items, t->high.items, t->low.items, t->cost,       t->columns};
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
        base_free(blocks[i]);
    track_assignment_close(&t->assignment);
    track_oks_close(&t->oks);
    base_free(t);
}

/* Coordinates beyond are no picture's. */
static bool is_usable(const struct stance_detection *d)
{
    const float most = 1e7f;
    for (int i = 0; i < 4; i++)
        if (!(fabsf(d->box[i]) <= most))
            return false;
    return d->box[0] < d->box[2] && d->box[1] < d->box[3] && isfinite(d->score);
}

/* Best score first, equal ones in the caller's order; beyond max_detections the worst go. */
static void choose_sights(struct stance_tracker *t, const struct stance_detection *detections,
                          int count)
{
    t->sight_count = 0;
    for (int i = 0; i < count; i++) {
        const struct stance_detection *d = &detections[i];
        if (!is_usable(d)) {
            t->counts.unusable++;
            continue;
        }
        int at = t->sight_count;
        if (at == t->options.max_detections) {
            t->counts.dropped++;
            if (t->sights[at - 1].detection->score >= d->score)
                continue;
            at--;
        } else {
            t->sight_count++;
        }
        for (; at > 0 && t->sights[at - 1].detection->score < d->score; at--)
            t->sights[at] = t->sights[at - 1];
        t->sights[at] = (struct track_sight){d, i};
    }
}

static void split_sights(struct stance_tracker *t)
{
    const struct stance_tracker_options *o = &t->options;
    t->high.count = t->low.count = 0;
    for (int j = 0; j < t->sight_count; j++) {
        const struct stance_detection *d = t->sights[j].detection;
        float width = d->box[2] - d->box[0], height = d->box[3] - d->box[1];
        if (width * height < o->min_box_area)
            continue;
        if (d->score >= o->high_threshold)
            t->high.items[t->high.count++] = j;
        else if (d->score >= o->low_threshold)
            t->low.items[t->low.count++] = j;
    }
}

/* The pose moves with its box. */
static void expect_pose(struct stance_tracker *t, const struct track_person *person)
{
    size_t count = (size_t)t->options.keypoint_count, first = (size_t)person->out.slot * count;
    const float *a = person->last_box, *b = person->out.box;
    float dx = (b[0] + b[2] - a[0] - a[2]) / 2, dy = (b[1] + b[3] - a[1] - a[3]) / 2;
    for (size_t k = first; k < first + count; k++) {
        const struct stance_keypoint *seen = &t->poses[k];
        t->expected[k] = (struct stance_keypoint){seen->x + dx, seen->y + dy, seen->score};
    }
}

static void tell_velocity(struct track_person *person)
{
    for (int i = 0; i < 2; i++)
        person->out.velocity[i] =
            (float)(person->kalman.axis[TRACK_X + i].velocity * TRACK_TICKS_PER_SECOND);
}

static void predict(struct stance_tracker *t, double seconds)
{
    for (int i = 0; i < t->counts.alive; i++) {
        struct track_person *person = &t->people[i];
        if (person->confirmed || !t->rules.fresh_still)
            track_kalman_predict(&person->kalman, seconds * TRACK_TICKS_PER_SECOND,
                                 person->missing > 0, &t->noise);
        track_kalman_box(&person->kalman, person->out.box);
        person->matched = false;
        person->out.detection = -1;
        person->out.recovered = 0;
        if (person->has_pose)
            expect_pose(t, person);
    }
}

static void keep_pose(struct stance_tracker *t, struct track_person *person,
                      const struct stance_detection *d)
{
    size_t count = (size_t)t->options.keypoint_count;
    person->has_pose = count > 0 && d->keypoints;
    if (person->has_pose)
        memcpy(t->poses + (size_t)person->out.slot * count, d->keypoints, count * sizeof *t->poses);
}

void track_see(struct stance_tracker *t, struct track_person *person, int32_t sight)
{
    const struct stance_detection *d = t->sights[sight].detection;
    track_kalman_update(&person->kalman, d->box, &t->noise);
    track_kalman_box(&person->kalman, person->out.box);
    tell_velocity(person);
    memcpy(person->last_box, person->out.box, sizeof person->last_box);
    keep_pose(t, person, d);
    person->out.recovered = person->confirmed && person->missing > 0;
    person->out.detection = t->sights[sight].index;
    person->out.score = d->score;
    person->out.seen_us = t->now_us;
    person->out.hits += person->out.hits < INT32_MAX;
    person->confirmed = person->confirmed || person->out.hits >= t->options.min_hits;
    person->matched = true;
    person->missing = 0;
}

/* Takes person i out; the others stay in their order. */
static void remove_person(struct stance_tracker *t, int i)
{
    t->slot_taken[t->people[i].out.slot] = 0;
    t->counts.alive--;
    memmove(&t->people[i], &t->people[i + 1], (size_t)(t->counts.alive - i) * sizeof *t->people);
}

static bool is_gone(const struct stance_tracker *t, const struct track_person *person)
{
    const struct stance_tracker_options *o = &t->options;
    return track_seconds(person->out.seen_us, t->now_us) > (double)o->buffer_seconds ||
           (o->max_missing && person->missing > o->max_missing);
}

static void remove_gone(struct stance_tracker *t)
{
    for (int i = t->counts.alive - 1; i >= 0; i--)
        if (is_gone(t, &t->people[i]))
            remove_person(t, i);
}

/* The track that is missing for the longest makes room; false when all are seen. */
static bool make_room(struct stance_tracker *t)
{
    int worst = -1;
    for (int i = 0; i < t->counts.alive; i++)
        if (!t->people[i].matched &&
            (worst < 0 || t->people[i].out.seen_us < t->people[worst].out.seen_us))
            worst = i;
    if (worst >= 0)
        remove_person(t, worst);
    return worst >= 0;
}

static void give_birth(struct stance_tracker *t, int32_t sight)
{
    if (t->counts.alive == t->options.max_tracks && !make_room(t)) {
        t->counts.refused++;
        return;
    }
    const struct stance_detection *d = t->sights[sight].detection;
    struct track_person *person = &t->people[t->counts.alive++];
    int slot = 0;
    while (t->slot_taken[slot])
        slot++;
    t->slot_taken[slot] = 1;
    *person = (struct track_person){
        .matched = true,
        .confirmed = t->options.min_hits == 1 || t->fresh,
        .out = {.id = t->next_id++,
                .detection = t->sights[sight].index,
                .slot = slot,
                .score = d->score,
                .hits = 1,
                .born_us = t->now_us,
                .seen_us = t->now_us},
    };
    track_kalman_start(&person->kalman, d->box, &t->noise);
    track_kalman_box(&person->kalman, person->out.box);
    memcpy(person->last_box, person->out.box, sizeof person->last_box);
    keep_pose(t, person, d);
    t->counts.births++;
}

/* Confirmed tracks that were not found are lost; new ones were nobody. */
static void miss(struct stance_tracker *t)
{
    for (int i = t->counts.alive - 1; i >= 0; i--) {
        struct track_person *person = &t->people[i];
        if (person->matched)
            continue;
        person->missing += person->missing < INT32_MAX;
        if (!person->confirmed)
            remove_person(t, i);
    }
}

/* Of a seen and a lost track on one place the one with the shorter life goes (byte_tracker.py,
 * remove_duplicate_stracks). */
static void remove_duplicates(struct stance_tracker *t)
{
    if (t->options.duplicate_iou >= 1)
        return;
    for (int i = t->counts.alive - 1; i >= 0; i--) {
        const struct track_person *p = &t->people[i];
        double life = track_seconds(p->out.born_us, p->out.seen_us);
        bool goes = false;
        for (int j = 0; j < t->counts.alive && !goes && p->confirmed; j++) {
            const struct track_person *q = &t->people[j];
            double other = track_seconds(q->out.born_us, q->out.seen_us);
            goes = q->confirmed && p->matched != q->matched &&
                   (life < other || (life <= other && p->matched)) &&
                   track_iou(t, t->rules.last_box ? p->last_box : p->out.box,
                             t->rules.last_box ? q->last_box : q->out.box) >
                       (double)t->options.duplicate_iou;
        }
        if (goes)
            remove_person(t, i);
    }
}

static int state_of(const struct track_person *person)
{
    return !person->confirmed    ? STANCE_TRACK_NEW
           : person->missing > 0 ? STANCE_TRACK_LOST
                                 : STANCE_TRACK_SEEN;
}

static int tell_seen(struct stance_tracker *t)
{
    int count = 0;
    for (int i = 0; i < t->counts.alive; i++) {
        struct track_person *person = &t->people[i];
        person->out.state = state_of(person);
        if (person->matched && person->confirmed)
            t->told[count++] = person->out;
    }
    return count;
}

static int pass_all(struct stance_tracker *t)
{
    for (int j = 0; j < t->sight_count; j++) {
        const struct stance_detection *d = t->sights[j].detection;
        t->told[j] = (struct stance_track){.detection = t->sights[j].index,
                                           .slot = -1,
                                           .score = d->score,
                                           .hits = 1,
                                           .born_us = t->now_us,
                                           .seen_us = t->now_us};
        memcpy(t->told[j].box, d->box, sizeof d->box);
    }
    return t->sight_count;
}

/* A time as long before `to_us` as it was before `from_us`. */
static int64_t moved(int64_t time_us, int64_t from_us, int64_t to_us)
{
    uint64_t age = (uint64_t)from_us - (uint64_t)time_us;
    uint64_t room = (uint64_t)to_us - (uint64_t)INT64_MIN;
    return age < room ? (int64_t)((uint64_t)to_us - age) : INT64_MIN;
}

/* One time far back is a mistake; when the next is there too, the clock was set. What tracks
 * remember keeps its distance to now. */
static void notice_set_clock(struct stance_tracker *t, int64_t time_us)
{
    bool far = time_us < t->now_us && track_seconds(time_us, t->now_us) > TRACK_MOST_JITTER;
    if (far && t->went_back && time_us >= t->back_us) {
        for (int i = 0; i < t->counts.alive; i++) {
            struct stance_track *track = &t->people[i].out;
            track->born_us = moved(track->born_us, t->now_us, t->back_us);
            track->seen_us = moved(track->seen_us, t->now_us, t->back_us);
        }
        t->now_us = t->back_us;
        far = false;
    }
    t->went_back = far;
    t->back_us = time_us;
}

/* Returns the seconds since the last frame. */
static double move_clock(struct stance_tracker *t, int64_t time_us)
{
    if (t->counts.frames++ == 0)
        t->now_us = time_us;
    notice_set_clock(t, time_us);
    t->before_us = t->now_us;
    if (time_us < t->now_us) {
        t->counts.clamped++;
        return 0;
    }
    double seconds = track_seconds(t->now_us, time_us);
    t->now_us = time_us;
    return seconds;
}

int stance_tracker_update(struct stance_tracker *tracker, int64_t time_us,
                          const struct stance_detection *detections, int count,
                          const struct stance_track **tracks, int *track_count)
{
    *tracks = tracker->told;
    *track_count = 0;
    if (count < 0 || (count > 0 && !detections))
        return base_error(STANCE_EARGUMENT, "%d detections at %p cannot be tracked", count,
                          (const void *)detections);
    double seconds = move_clock(tracker, time_us);
    choose_sights(tracker, detections, count);
    if (tracker->options.mode == STANCE_TRACKER_OFF) {
        *track_count = pass_all(tracker);
        return 0;
    }
    remove_gone(tracker);
    predict(tracker, seconds);
    split_sights(tracker);
    track_match(tracker);
    for (int j = 0; j < tracker->high.count; j++)
        give_birth(tracker, tracker->high.items[j]);
    miss(tracker);
    remove_duplicates(tracker);
    *track_count = tell_seen(tracker);
    tracker->fresh = false;
    return 0;
}

void stance_tracker_predict(struct stance_tracker *tracker, int64_t time_us,
                            const struct stance_track **tracks, int *track_count)
{
    double ticks = track_seconds(tracker->now_us, time_us) * TRACK_TICKS_PER_SECOND;
    for (int i = 0; i < tracker->counts.alive; i++) {
        const struct track_person *person = &tracker->people[i];
        struct track_kalman ahead = person->kalman;
        track_kalman_predict(&ahead, ticks, person->missing > 0, &tracker->noise);
        tracker->told[i] = person->out;
        tracker->told[i].state = state_of(person);
        track_kalman_box(&ahead, tracker->told[i].box);
    }
    *tracks = tracker->told;
    *track_count = tracker->counts.alive;
}

void stance_tracker_reset(struct stance_tracker *tracker)
{
    while (tracker->counts.alive)
        remove_person(tracker, tracker->counts.alive - 1);
    tracker->fresh = true;
}

void stance_tracker_counts(const struct stance_tracker *tracker, struct stance_tracker_counts *out)
{
    *out = tracker->counts;
}
