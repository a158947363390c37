/* Smoothing of keypoints. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "track/one_euro.h"
#include "track/tracker.h"

/* For a person of 200 pixels with an error of 2 %, at 15, 30 and 60 frames a second: standing
 * still, low leaves 73, 61 and 51 % of the error, high 46, 39 and 32 %; behind a wrist that moves
 * at two heights a second, low is 2 pixels, high 7 to 5. */
static const struct preset {
    const char *name;
    struct track_smoothing smoothing;
} presets[] = {
    {"off", {0, 0, 1, true}},
    {"low", {3, 8, 1, true}},
    {"high", {0.8, 2, 1, true}},
};

int track_smoothing_preset(struct track_smoothing *out, const char *name)
{
    for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++)
        if (strcmp(presets[i].name, name) == 0) {
            *out = presets[i].smoothing;
            return 0;
        }
    return base_error(STANCE_EARGUMENT,
                      "there is no smoothing '%.60s'; there are off, low and high", name);
}

int track_smoothing_check(const struct track_smoothing *s)
{
    const double most = 1e6;
    if (s->min_cutoff >= 0 && s->min_cutoff <= most && s->beta >= 0 && s->beta <= most &&
        s->derivative_cutoff > 0 && s->derivative_cutoff <= most)
        return 0;
    return base_error(STANCE_EARGUMENT,
                      "smoothing with cutoffs %g and %g Hz and beta %g is not possible: they are "
                      "from 0 to %g, and the second cutoff is above 0",
                      s->min_cutoff, s->derivative_cutoff, s->beta, most);
}

/* The share of the new value in a low pass. */
static double share(double cutoff, double seconds)
{
    double r = 2 * 3.14159265358979323846 * cutoff * seconds;
    return r / (r + 1);
}

double track_euro_step(struct track_euro *euro, const struct track_smoothing *smoothing,
                       double seconds, double scale, double value)
{
    if (!euro->begun || smoothing->min_cutoff <= 0) {
        *euro = (struct track_euro){.value = value, .begun = true};
        return value;
    }
    double speed = (value - euro->value) / seconds;
    euro->derivative += share(smoothing->derivative_cutoff, seconds) * (speed - euro->derivative);
    double cutoff = smoothing->min_cutoff + smoothing->beta * fabs(euro->derivative) * scale;
    euro->value += share(cutoff, seconds) * (value - euro->value);
    return euro->value;
}

int track_smoother_open(struct track_smoother *smoother, int count)
{
    *smoother = (struct track_smoother){.count = count};
    smoother->axes = base_alloc_zero((size_t)count * 2, sizeof *smoother->axes);
    if (!smoother->axes)
        return base_error_memory((size_t)count * 2 * sizeof *smoother->axes, "smoothing");
    return 0;
}

void track_smoother_close(struct track_smoother *smoother)
{
    base_free(smoother->axes);
    *smoother = (struct track_smoother){0};
}

void track_smoother_reset(struct track_smoother *smoother)
{
    memset(smoother->axes, 0, (size_t)smoother->count * 2 * sizeof *smoother->axes);
    smoother->begun = false;
}

void track_smoother_step(struct track_smoother *smoother, const struct track_smoothing *smoothing,
                         int64_t time_us, double size, struct stance_keypoint *points)
{
    const double usual = 1.0 / 30;
    double seconds = smoother->begun ? track_seconds(smoother->last_us, time_us) : 0;
    double scale = !smoothing->by_size ? 1 : size > 0 ? 1 / size : 0;
    if (seconds > 0)
        smoother->seconds = seconds;
    else if (!(smoother->seconds > 0))
        smoother->seconds = usual;
    if (!smoother->begun || time_us > smoother->last_us ||
        track_seconds(time_us, smoother->last_us) > TRACK_MOST_JITTER)
        smoother->last_us = time_us;
    smoother->begun = true;
    for (int k = 0; k < smoother->count; k++) {
        struct track_euro *x = &smoother->axes[2 * k], *y = x + 1;
        struct stance_keypoint *p = &points[k];
        if (!(p->score > 0) || !isfinite(p->x) || !isfinite(p->y)) {
            x->begun = y->begun = false;
            continue;
        }
        p->x = (float)track_euro_step(x, smoothing, smoother->seconds, scale, (double)p->x);
        p->y = (float)track_euro_step(y, smoothing, smoother->seconds, scale, (double)p->y);
    }
}
