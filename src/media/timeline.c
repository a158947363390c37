/* Strictly rising times out of any timestamps. */
#include "media/timeline.h"

/* Beyond this a timestamp is damage, and the arithmetic below cannot overflow. */
#define FARTHEST ((int64_t)1 << 60)
#define LONGEST_GAP ((int64_t)24 * 3600 * 1000000)
/* So many frames back may be one wrong timestamp; more is another recording. */
enum { STEP = 1000, NEAR = 8 };

void media_timeline_open(struct media_timeline *timeline, int64_t nominal_us)
{
    *timeline = (struct media_timeline){.nominal = nominal_us > 0 ? nominal_us : 40000};
}

static int64_t hand_out(struct media_timeline *timeline, int64_t time)
{
    timeline->last = time;
    timeline->started = true;
    return time;
}

static int64_t least_step(const struct media_timeline *timeline)
{
    return timeline->nominal > 2 * STEP ? STEP : 1;
}

int64_t media_timeline_next(struct media_timeline *timeline, int64_t stream_us)
{
    bool known = stream_us > -FARTHEST && stream_us < FARTHEST;
    int64_t time = known ? stream_us + timeline->offset : 0;
    if (!timeline->started) {
        if (!known)
            timeline->corrected++;
        else if (time < 0)
            timeline->offset = -stream_us;
        return hand_out(timeline, time < 0 ? 0 : time);
    }
    bool rises = known && time > timeline->last && time - timeline->last < LONGEST_GAP;
    if (rises) {
        timeline->went_back = false;
        return hand_out(timeline, time);
    }
    timeline->corrected++;
    if (!known)
        return hand_out(timeline, timeline->last + timeline->nominal);
    bool near = time <= timeline->last && timeline->last - time <= NEAR * timeline->nominal;
    if (near && !timeline->went_back) {
        timeline->went_back = true;
        return hand_out(timeline, timeline->last + least_step(timeline));
    }
    timeline->went_back = false;
    time = timeline->last + timeline->nominal;
    timeline->offset = time - stream_us;
    return hand_out(timeline, time);
}

int64_t media_timeline_squeeze(struct media_timeline *timeline)
{
    int64_t step = timeline->nominal / 8;
    return hand_out(timeline, timeline->started ? timeline->last + (step > 0 ? step : 1) : 0);
}
