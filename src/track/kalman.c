/* The box filter: SORT's and ByteTrack's constant velocity model (kalman_filter.py of ByteTrack),
 * with steps of any length. */
#include "track/kalman.h"

/* Standard deviations of the aspect, which has no unit (ByteTrack). */
static const double aspect_start = 1e-2, aspect_start_velocity = 1e-5, aspect_position = 1e-2,
                    aspect_velocity = 1e-5, aspect_measurement = 1e-1;

static void measure(const float box[4], double out[TRACK_AXES])
{
    double width = (double)box[2] - box[0], height = (double)box[3] - box[1];
    out[TRACK_X] = box[0] + width / 2;
    out[TRACK_Y] = box[1] + height / 2;
    out[TRACK_ASPECT] = width / height;
    out[TRACK_HEIGHT] = height;
}

void track_kalman_start(struct track_kalman *kalman, const float box[4],
                        const struct track_noise *noise)
{
    double values[TRACK_AXES];
    measure(box, values);
    for (int i = 0; i < TRACK_AXES; i++) {
        double position =
            i == TRACK_ASPECT ? aspect_start : 2 * noise->measurement * values[TRACK_HEIGHT];
        double velocity =
            i == TRACK_ASPECT ? aspect_start_velocity : 10 * noise->velocity * values[TRACK_HEIGHT];
        kalman->axis[i] = (struct track_axis){
            .value = values[i], .p_value = position * position, .p_velocity = velocity * velocity};
    }
}

/* One step of n ticks. The noise is what n steps of one tick add up to, 1² + 2² + … in closed
 * form, so that two steps are the same as one of their sum, also where n is a fraction. */
static void predict_axis(struct track_axis *a, double n, double q_position, double q_velocity)
{
    a->value += n * a->velocity;
    a->p_value += 2 * n * a->p_both + n * n * a->p_velocity + n * q_position +
                  q_velocity * (n - 1) * n * (2 * n - 1) / 6;
    a->p_both += n * a->p_velocity + q_velocity * (n - 1) * n / 2;
    a->p_velocity += n * q_velocity;
}

void track_kalman_predict(struct track_kalman *kalman, double ticks, bool keep_height,
                          const struct track_noise *noise)
{
    double aspect = kalman->axis[TRACK_ASPECT].value, height = kalman->axis[TRACK_HEIGHT].value;
    if (ticks <= 0)
        return;
    if (keep_height)
        kalman->axis[TRACK_HEIGHT].velocity = 0;
    for (int i = 0; i < TRACK_AXES; i++) {
        double position = i == TRACK_ASPECT ? aspect_position : noise->position * height;
        double velocity = i == TRACK_ASPECT ? aspect_velocity : noise->velocity * height;
        predict_axis(&kalman->axis[i], ticks, position * position, velocity * velocity);
    }
    /* A box that shrinks does not turn inside out on a long step. */
    if (kalman->axis[TRACK_HEIGHT].value < height / 2)
        kalman->axis[TRACK_HEIGHT].value = height / 2;
    if (kalman->axis[TRACK_ASPECT].value < aspect / 2)
        kalman->axis[TRACK_ASPECT].value = aspect / 2;
}

void track_kalman_update(struct track_kalman *kalman, const float box[4],
                         const struct track_noise *noise)
{
    double values[TRACK_AXES], height = kalman->axis[TRACK_HEIGHT].value;
    measure(box, values);
    for (int i = 0; i < TRACK_AXES; i++) {
        struct track_axis *a = &kalman->axis[i];
        double error = i == TRACK_ASPECT ? aspect_measurement : noise->measurement * height;
        double total = a->p_value + error * error;
        double gain = a->p_value / total, velocity_gain = a->p_both / total;
        double surprise = values[i] - a->value;
        a->value += gain * surprise;
        a->velocity += velocity_gain * surprise;
        a->p_velocity -= velocity_gain * a->p_both;
        a->p_both -= gain * a->p_both;
        a->p_value -= gain * a->p_value;
    }
}

void track_kalman_box(const struct track_kalman *kalman, float box[4])
{
    double height = kalman->axis[TRACK_HEIGHT].value;
    double width = kalman->axis[TRACK_ASPECT].value * height;
    double x = kalman->axis[TRACK_X].value - width / 2;
    double y = kalman->axis[TRACK_Y].value - height / 2;
    box[0] = (float)x;
    box[1] = (float)y;
    box[2] = (float)(x + width);
    box[3] = (float)(y + height);
}
