/* Times of frames that rise strictly, whatever the stream says. */
#ifndef MEDIA_TIMELINE_H
#define MEDIA_TIMELINE_H

#include <stdbool.h>
#include <stdint.h>

/* The stream says nothing about this frame's time. */
#define MEDIA_NO_TIME INT64_MIN

struct media_timeline {
    int64_t nominal;   /* duration of a frame where nothing better is known; at least 1 */
    int64_t last;      /* handed out */
    int64_t offset;    /* added to what the stream says */
    int64_t corrected; /* frames whose time is not the stream's */
    bool started, went_back;
};

void media_timeline_open(struct media_timeline *timeline, int64_t nominal_us);

/* The time of the next frame. One that does not rise is put right behind the last; where the
 * stream jumps far back or stays behind (another recording was appended, a clock was set), its
 * times continue from there. Gaps of more than a day are closed. */
int64_t media_timeline_next(struct media_timeline *timeline, int64_t stream_us);

/* A time for a frame that was lost: after the last one, and early enough not to push the next. */
int64_t media_timeline_squeeze(struct media_timeline *timeline);

#endif
