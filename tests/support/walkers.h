/* Golden scenes for trackers: people who walk, cross, are hidden, leave and return, with exact
 * truth and with what a detector and a pose network would make of them. No picture, no network. */
#ifndef SUPPORT_WALKERS_H
#define SUPPORT_WALKERS_H

#include <stdint.h>

#include "stance/track.h"

enum { WALKERS_MOST = 10, WALKERS_KEYPOINTS = 17 };

enum walkers_kind { WALKERS_CROSS, WALKERS_HIDE, WALKERS_LEAVE };

struct walkers_scene {
    enum walkers_kind kind;
    double angle;  /* WALKERS_CROSS: degrees between the ways; 0: one overtakes the other */
    double hidden; /* WALKERS_HIDE, WALKERS_LEAVE: seconds without being seen */
    double fps;
    int people, seed;
};

struct walker {
    double height, x, y;  /* of the feet's middle, at time 0 */
    double vx, vy;        /* pixels per second */
    double stride, phase; /* of the legs: cycles per second, start */
    double away, back;    /* when it is not seen; away >= back: always seen */
    double turn;          /* when it turns round; 0: never */
    int depth;            /* the smaller one hides the larger one */
};

struct walkers {
    struct walkers_scene scene;
    struct walker people[WALKERS_MOST];
    uint64_t random;
    int frame, frames;
    /* Of the present frame: what is seen, in random order, and whose it is. */
    int64_t time_us;
    int count;
    struct stance_detection seen[WALKERS_MOST];
    struct stance_keypoint points[WALKERS_MOST][WALKERS_KEYPOINTS];
    int owner[WALKERS_MOST];
    float truth[WALKERS_MOST][4]; /* true boxes of all people */
};

/* COCO's constants. */
extern const float walkers_sigmas[WALKERS_KEYPOINTS];

void walkers_start(struct walkers *walkers, const struct walkers_scene *scene);
/* Goes to the next frame; 0 at the end. */
int walkers_next(struct walkers *walkers);

/* Runs a scene through a tracker and counts id switches: a person's detection gets another id than
 * that person's last one. `frame_time`: time goes by 1/30 s a frame, as trackers without a clock
 * see it. */
int walkers_switches(const struct walkers_scene *scene, struct stance_tracker *tracker,
                     int frame_time);

/* All scenes: three angles, three times hidden, three times away; 8, 25, 60 fps; people from
 * `least` to ten by `step`; seeds 1 … `seeds`. Scene i, or 0 beyond the last. */
int walkers_scene_of(int i, int least, int step, int seeds, struct walkers_scene *scene);

#endif
