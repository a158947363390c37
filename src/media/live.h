/* The newest frame of a source that does not wait: a thread reads, counts what nobody took, and
 * looks for the source again when it goes away. It knows nothing of FFmpeg. */
#ifndef MEDIA_LIVE_H
#define MEDIA_LIVE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "media/source.h"

struct media_live;

/* Where frames come from and how time passes; all but `cancel` may be played by a test. */
struct media_live_input {
    void *context;
    /* Opens the source anew; negative where it is still away. */
    int (*open)(void *context);
    /* As media_source_kind.next. */
    int (*next)(void *context, struct stance_video_frame *frame);
    /* The source is gone, or everything ends. Called once after each successful open. */
    void (*close)(void *context);
    int64_t (*now_us)(void *context);
    /* Waits; early when `cancel` becomes not 0. */
    void (*pause)(void *context, int64_t us);
    atomic_int *cancel;
    bool
        endless; /* its end is an interruption; otherwise the stream is over then, and its frames are
                     given at the pace of their times */
};

struct media_live_options {
    int64_t backoff_us, backoff_most_us;
    int32_t reconnects; /* -1: for ever */
};

/* The source is open already. Errors: ENOMEMORY, EIO (no thread). */
int media_live_open(struct media_live **out, const struct media_live_input *input,
                    const struct media_live_options *options);
/* `cancel` must be set. Closes the input. */
void media_live_close(struct media_live **live);

/* See stance_video_reader_read(). The cause of a damaged frame is copied to `cause`. */
int media_live_read(struct media_live *live, struct stance_video_frame *frame, int64_t wait_us,
                    char cause[MEDIA_CAUSE_BYTES]);
/* Wakes a waiting reader after `cancel` was set. */
void media_live_wake(struct media_live *live);
/* All but `corrected`. */
void media_live_stats(struct media_live *live, struct stance_video_stats *stats);

#endif
