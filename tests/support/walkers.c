/* Walking people as stick figures: legs and arms swing, boxes are the hull of the body. Detections
 * miss one time in ten, and everything measured is off by a normal error of 2 % of the height. */
#include <math.h>
#include <string.h>

#include "support/walkers.h"

#define PI 3.14159265358979323846

const float walkers_sigmas[WALKERS_KEYPOINTS] = {
    0.026f, 0.025f, 0.025f, 0.035f, 0.035f, 0.079f, 0.079f, 0.072f, 0.072f,
    0.062f, 0.062f, 0.107f, 0.107f, 0.087f, 0.087f, 0.089f, 0.089f,
};

static const double seconds = 7, missed = 0.1, jitter = 0.02;

/* splitmix64 (Steele, Lea, Flood, 2014). */
static double uniform(struct walkers *w)
{
    uint64_t z = w->random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
}

static double between(struct walkers *w, double least, double most)
{
    return least + (most - least) * uniform(w);
}

static double normal(struct walkers *w)
{
    double radius = sqrt(-2 * log(1 - uniform(w)));
    return radius * cos(2 * PI * uniform(w));
}

static void set_way(struct walker *p, double meet_x, double meet_y, double meet_time,
                    double heading, double speed)
{
    p->vx = speed * p->height * cos(heading);
    p->vy = speed * p->height * sin(heading);
    p->x = meet_x - p->vx * meet_time;
    p->y = meet_y - p->vy * meet_time;
}

/* Pairs meet, each at its own place; the second one of an odd number has nobody to meet. */
static void plan_crossing(struct walkers *w)
{
    double angle = w->scene.angle * PI / 180;
    for (int i = 0; i < w->scene.people; i += 2) {
        double x = 300 + 330 * (i / 2) + between(w, -60, 60), y = between(w, 400, 800);
        double at = between(w, 2.5, 4.5), heading = between(w, 0, 2 * PI);
        double speed = between(w, 0.5, 0.8), ratio = angle > 0 ? 1 : between(w, 1.6, 2);
        struct walker *a = &w->people[i], *b = a + 1;
        set_way(a, x, y, at, heading - angle / 2, speed);
        if (i + 1 < w->scene.people) {
            double aside = between(w, 0.02, 0.15) * b->height;
            set_way(b, x - aside * sin(heading), y + aside * cos(heading), at, heading + angle / 2,
                    speed * ratio);
        }
    }
}

/* Lanes one behind the other; everyone is hidden once, for instance by a pillar. */
static void plan_hiding(struct walkers *w)
{
    for (int i = 0; i < w->scene.people; i++) {
        struct walker *p = &w->people[i];
        double heading = (uniform(w) < 0.5 ? 0 : PI) + between(w, -0.15, 0.15);
        set_way(p, between(w, 500, 1400), 350 + 75 * i + between(w, -15, 15), 3.5, heading,
                between(w, 0.4, 0.8));
        p->away = between(w, 1.5, 4.5 - w->scene.hidden / 2);
        p->back = p->away + w->scene.hidden;
    }
}

/* Everyone walks out of the picture to the left or right, turns and comes back. */
static void plan_leaving(struct walkers *w)
{
    for (int i = 0; i < w->scene.people; i++) {
        struct walker *p = &w->people[i];
        int left = i % 2;
        p->turn = between(w, 2, 4);
        set_way(p, left ? 0 : 1920, 350 + 75 * i + between(w, -15, 15),
                p->turn - w->scene.hidden / 2, left ? PI : 0, between(w, 0.4, 0.8));
        p->away = p->turn - w->scene.hidden / 2;
        p->back = p->turn + w->scene.hidden / 2;
    }
}

void walkers_start(struct walkers *w, const struct walkers_scene *scene)
{
    memset(w, 0, sizeof *w);
    w->scene = *scene;
    w->random = (uint64_t)scene->seed * 1000003 + (uint64_t)scene->people * 7919 +
                (uint64_t)scene->kind * 104729 + (uint64_t)(scene->angle + 10 * scene->hidden);
    w->frames = (int)(seconds * scene->fps);
    w->frame = -1;
    for (int i = 0; i < scene->people; i++)
        w->people[i] = (struct walker){.height = between(w, 190, 230),
                                       .stride = between(w, 0.8, 1.1),
                                       .phase = uniform(w),
                                       .depth = i};
    if (scene->kind == WALKERS_CROSS)
        plan_crossing(w);
    else if (scene->kind == WALKERS_HIDE)
        plan_hiding(w);
    else
        plan_leaving(w);
}

/* The true pose at a time, in pixels. Distances are shares of the height. */
static void pose(const struct walker *p, double time, double points[WALKERS_KEYPOINTS][2])
{
    double done = p->turn > 0 && time > p->turn ? 2 * p->turn - time : time;
    double vx = done < time ? -p->vx : p->vx, facing = vx >= 0 ? 1 : -1;
    double swing = sin(2 * PI * (p->stride * time + p->phase));
    double x = p->x + p->vx * done, y = p->y + p->vy * done + 0.01 * p->height * fabs(swing);
    double lift = 0.04 * fmax(0, cos(2 * PI * (p->stride * time + p->phase)));
    const double body[WALKERS_KEYPOINTS][2] = {
        {0.05 * facing, -0.92},
        {0.06 * facing, -0.94},
        {0.04 * facing, -0.94},
        {0.01 * facing, -0.93},
        {-0.01 * facing, -0.93},
        {0.05, -0.81},
        {-0.05, -0.81},
        {0.06 - 0.07 * swing, -0.64},
        {-0.06 + 0.07 * swing, -0.64},
        {0.06 - 0.14 * swing, -0.50},
        {-0.06 + 0.14 * swing, -0.50},
        {0.04, -0.52},
        {-0.04, -0.52},
        {0.04 + 0.09 * swing, -0.28},
        {-0.04 - 0.09 * swing, -0.28},
        {0.04 + 0.17 * swing, -0.05 - lift},
        {-0.04 - 0.17 * swing, -0.05 - lift},
    };
    for (int k = 0; k < WALKERS_KEYPOINTS; k++) {
        points[k][0] = x + body[k][0] * p->height;
        points[k][1] = y + body[k][1] * p->height;
    }
}

static void hull(const struct walker *p, double points[WALKERS_KEYPOINTS][2], float box[4])
{
    double side = 0.04 * p->height;
    double x1 = INFINITY, y1 = INFINITY, x2 = -INFINITY, y2 = -INFINITY;
    for (int k = 0; k < WALKERS_KEYPOINTS; k++) {
        x1 = fmin(x1, points[k][0]);
        y1 = fmin(y1, points[k][1]);
        x2 = fmax(x2, points[k][0]);
        y2 = fmax(y2, points[k][1]);
    }
    box[0] = (float)(x1 - side);
    box[1] = (float)(y1 - 1.5 * side);
    box[2] = (float)(x2 + side);
    box[3] = (float)(y2 + side);
}

/* The largest share of a person that someone in front covers. */
static double covered(const struct walkers *w, int i, const int *present)
{
    double most = 0;
    const float *b = w->truth[i];
    for (int j = 0; j < w->scene.people; j++) {
        const float *f = w->truth[j];
        if (!present[j] || w->people[j].depth >= w->people[i].depth)
            continue;
        double width = fmin(b[2], f[2]) - fmax(b[0], f[0]);
        double height = fmin(b[3], f[3]) - fmax(b[1], f[1]);
        if (width > 0 && height > 0)
            most = fmax(most, width * height / ((b[2] - b[0]) * (b[3] - b[1])));
    }
    return most;
}

static void detect(struct walkers *w, int i, double points[WALKERS_KEYPOINTS][2], double cover)
{
    int n = w->count++;
    double error = jitter * w->people[i].height;
    struct stance_detection *d = &w->seen[n];
    w->owner[n] = i;
    *d = (struct stance_detection){.keypoints = w->points[n]};
    d->score = (float)(cover > 0.35 ? between(w, 0.2, 0.5) : between(w, 0.65, 0.95));
    for (int e = 0; e < 4; e++)
        d->box[e] = w->truth[i][e] + (float)(error * normal(w));
    for (int k = 0; k < WALKERS_KEYPOINTS; k++)
        w->points[n][k] = (struct stance_keypoint){(float)(points[k][0] + error * normal(w)),
                                                   (float)(points[k][1] + error * normal(w)),
                                                   (float)between(w, 0.5, 1)};
}

static void shuffle(struct walkers *w)
{
    for (int n = w->count - 1; n > 0; n--) {
        int other = (int)(uniform(w) * (n + 1));
        struct stance_detection seen = w->seen[n];
        int owner = w->owner[n];
        w->seen[n] = w->seen[other];
        w->owner[n] = w->owner[other];
        w->seen[other] = seen;
        w->owner[other] = owner;
    }
}

int walkers_next(struct walkers *w)
{
    double points[WALKERS_MOST][WALKERS_KEYPOINTS][2];
    int present[WALKERS_MOST];
    if (++w->frame >= w->frames)
        return 0;
    double time = w->frame / w->scene.fps;
    w->time_us = llround(time * 1e6);
    w->count = 0;
    for (int i = 0; i < w->scene.people; i++) {
        const struct walker *p = &w->people[i];
        present[i] = !(time >= p->away && time < p->back);
        pose(p, time, points[i]);
        hull(p, points[i], w->truth[i]);
    }
    for (int i = 0; i < w->scene.people; i++) {
        double cover = covered(w, i, present);
        if (present[i] && cover < 0.7 && uniform(w) >= missed)
            detect(w, i, points[i], cover);
    }
    shuffle(w);
    return 1;
}

int walkers_switches(const struct walkers_scene *scene, struct stance_tracker *tracker,
                     int frame_time)
{
    struct walkers w;
    int64_t last[WALKERS_MOST] = {0};
    int switches = 0;
    walkers_start(&w, scene);
    while (walkers_next(&w)) {
        const struct stance_track *tracks;
        int count;
        int64_t time = frame_time ? llround(w.frame * 1e6 / 30) : w.time_us;
        if (stance_tracker_update(tracker, time, w.seen, w.count, &tracks, &count) < 0)
            return -1;
        for (int i = 0; i < count; i++) {
            int64_t *id = &last[w.owner[tracks[i].detection]];
            switches += *id && *id != tracks[i].id;
            *id = tracks[i].id;
        }
    }
    return switches;
}

int walkers_scene_of(int i, int least, int step, int seeds, struct walkers_scene *scene)
{
    static const double angles[] = {0, 30, 90}, hidden[] = {0.3, 1, 2}, fps[] = {8, 25, 60};
    int sizes = (WALKERS_MOST - least) / step + 1;
    int kind = i % 9, rate = i / 9 % 3, size = i / 27 % sizes, seed = i / 27 / sizes;
    *scene = (struct walkers_scene){.kind = (enum walkers_kind)(kind / 3),
                                    .angle = kind < 3 ? angles[kind] : 0,
                                    .hidden = kind < 3 ? 0 : hidden[kind % 3],
                                    .fps = fps[rate],
                                    .people = least + size * step,
                                    .seed = seed + 1};
    return seed < seeds;
}
