/* Filling the frames between measurements. */
#include "track/interpolate.h"
#include "track/tracker.h"

static double clamp(double value, double most)
{
    return value < 0 ? 0 : value > most ? most : value;
}

double track_fill_alpha(enum track_fill fill, int64_t older_us, int64_t newer_us, int64_t time_us)
{
    double interval = track_seconds(older_us, newer_us);
    if (interval <= 0 || fill == TRACK_FILL_HOLD)
        return 1;
    if (fill == TRACK_FILL_LATE)
        return clamp(track_seconds(newer_us, time_us) / interval, 1);
    return clamp(track_seconds(older_us, time_us) / interval, fill == TRACK_FILL_BETWEEN ? 1 : 2);
}

static float blend(float older, float newer, double alpha)
{
    return (float)((double)older + alpha * ((double)newer - (double)older));
}

void track_fill_points(const struct stance_keypoint *older, const struct stance_keypoint *newer,
                       int count, double alpha, struct stance_keypoint *out)
{
    for (int k = 0; k < count; k++) {
        struct stance_keypoint a = older[k], b = newer[k];
        if (a.score > 0 && b.score > 0) {
            out[k] = (struct stance_keypoint){blend(a.x, b.x, alpha), blend(a.y, b.y, alpha),
                                              blend(a.score, b.score, clamp(alpha, 1))};
        } else {
            out[k] = alpha > 0.5 ? b : a;
        }
    }
}

void track_fill_box(const float older[4], const float newer[4], double alpha, float out[4])
{
    float box[4];
    for (int i = 0; i < 4; i++)
        box[i] = blend(older[i], newer[i], alpha);
    for (int i = 0; i < 2; i++)
        if (box[i] > box[i + 2]) {
            box[i] = newer[i];
            box[i + 2] = newer[i + 2];
        }
    for (int i = 0; i < 4; i++)
        out[i] = box[i];
}
