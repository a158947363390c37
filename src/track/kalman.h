/* ByteTrack's Kalman filter of one box: centre x and y, width over height, and height, each with a
 * constant velocity. Time is real; the noise is told per tick of 1/30 s, where ByteTrack has
 * frames. */
#ifndef TRACK_KALMAN_H
#define TRACK_KALMAN_H

#include <stdbool.h>

enum { TRACK_X, TRACK_Y, TRACK_ASPECT, TRACK_HEIGHT, TRACK_AXES };

#define TRACK_TICKS_PER_SECOND 30.0

/* Noise and dynamics do not mix the four, so that the 8 × 8 covariance of the papers is four blocks
 * of 2 × 2. */
struct track_axis {
    double value, velocity; /* per tick */
    double p_value, p_both, p_velocity;
};

struct track_kalman {
    struct track_axis axis[TRACK_AXES];
};

/* Standard deviations, in heights of the box: of position and velocity by chance within one tick,
 * and of what is measured. */
struct track_noise {
    double position, velocity, measurement;
};

/* Boxes are x1, y1, x2, y2 with x1 < x2 and y1 < y2. */
void track_kalman_start(struct track_kalman *kalman, const float box[4],
                        const struct track_noise *noise);
/* `keep_height`: the height stops changing, as ByteTrack has it for lost tracks. */
void track_kalman_predict(struct track_kalman *kalman, double ticks, bool keep_height,
                          const struct track_noise *noise);
void track_kalman_update(struct track_kalman *kalman, const float box[4],
                         const struct track_noise *noise);
void track_kalman_box(const struct track_kalman *kalman, float box[4]);

#endif
