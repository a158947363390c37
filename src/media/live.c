/* One slot, one thread that fills it, one reader that empties it. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/memory.h"
#include "media/live.h"

/* A stream whose times leave the clock by more than this is set to the clock again. */
enum { MOST_DRIFT_US = 2000000 };

/* `lock` guards slot, slot_cause, full, stats, code and text; the rest belongs to the thread. */
struct media_live {
    struct media_live_input input;
    struct media_live_options options;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct stance_video_frame slot;
    char slot_cause[MEDIA_CAUSE_BYTES];
    bool full, over;
    int code; /* how it ended: STANCE_VIDEO_END or negative */
    char text[MEDIA_CAUSE_BYTES];
    struct stance_video_stats stats;
    /* of the thread */
    int64_t start_us, offset, last_us, index;
    bool anchored, any;
};

static bool is_cancelled(const struct media_live *live)
{
    return atomic_load(live->input.cancel) != 0;
}

/* Stream times, laid on the clock when a connection begins and when they leave it. */
static int64_t time_of(struct media_live *live, int64_t stream_us)
{
    int64_t now = live->input.now_us(live->input.context) - live->start_us;
    int64_t time = stream_us + live->offset, drift = time - now;
    if (!live->anchored || drift > MOST_DRIFT_US || drift < -MOST_DRIFT_US) {
        live->offset = now - stream_us;
        live->anchored = true;
        time = now;
    }
    if (live->any && time <= live->last_us)
        time = live->last_us + 1;
    live->any = true;
    live->last_us = time;
    return time;
}

/* A new frame takes the place of one that nobody wanted; a damaged one only an empty place. */
static void put(struct media_live *live, struct stance_video_frame *frame)
{
    frame->index = live->index++;
    pthread_mutex_lock(&live->lock);
    struct stance_image *old = NULL;
    live->stats.state = STANCE_VIDEO_ONLINE;
    if (frame->code < 0)
        live->stats.damaged++;
    else
        live->stats.frames++;
    if (live->full && frame->code < 0) {
        old = frame->image;
    } else {
        if (live->full && live->slot.code == 0)
            live->stats.dropped++;
        if (live->full)
            old = live->slot.image;
        frame->epoch = live->stats.epoch;
        live->slot = *frame;
        live->slot_cause[0] = 0;
        if (frame->cause)
            snprintf(live->slot_cause, sizeof live->slot_cause, "%s", frame->cause);
        live->full = true;
    }
    pthread_cond_broadcast(&live->changed);
    pthread_mutex_unlock(&live->lock);
    stance_image_close(&old);
}

/* A file that plays live: each frame when its time has come. */
static void keep_pace(struct media_live *live, const struct stance_video_frame *frame)
{
    int64_t now = live->input.now_us(live->input.context) - live->start_us;
    if (!live->input.endless && frame->time_us > now)
        live->input.pause(live->input.context, frame->time_us - now);
}

/* Frames until the source ends, is gone or is cancelled. */
static int play(struct media_live *live, bool *any)
{
    while (!is_cancelled(live)) {
        struct stance_video_frame frame = {0};
        int status = live->input.next(live->input.context, &frame);
        if (status != STANCE_VIDEO_FRAME)
            return status;
        keep_pace(live, &frame);
        frame.time_us = time_of(live, frame.time_us);
        put(live, &frame);
        *any = true;
    }
    return base_error(STANCE_ECANCELLED, "cancelled");
}

static void set_state(struct media_live *live, int state)
{
    pthread_mutex_lock(&live->lock);
    live->stats.state = state;
    pthread_cond_broadcast(&live->changed);
    pthread_mutex_unlock(&live->lock);
}

/* Looks for the source until it is back: each wait twice as long as the one before. */
static int find_again(struct media_live *live, int64_t *tries)
{
    int64_t wait = live->options.backoff_us;
    int code = STANCE_EIO;
    for (int64_t i = 0; i < *tries; i++)
        wait = wait < live->options.backoff_most_us / 2 ? 2 * wait : live->options.backoff_most_us;
    while (live->options.reconnects < 0 || *tries < live->options.reconnects) {
        live->input.pause(live->input.context, wait);
        if (is_cancelled(live))
            return base_error(STANCE_ECANCELLED, "cancelled");
        (*tries)++;
        code = live->input.open(live->input.context);
        if (code == 0) {
            live->anchored = false;
            pthread_mutex_lock(&live->lock);
            live->stats.epoch++;
            pthread_mutex_unlock(&live->lock);
            return 0;
        }
        wait = wait < live->options.backoff_most_us / 2 ? 2 * wait : live->options.backoff_most_us;
    }
    return code;
}

static int run(struct media_live *live)
{
    for (int64_t tries = 0;;) {
        bool any = false;
        int status = play(live, &any);
        live->input.close(live->input.context);
        if (is_cancelled(live) || !live->input.endless || status == STANCE_ENOMEMORY ||
            status == STANCE_ELIMIT)
            return status; /* nothing that looking for the source would mend */
        tries = any ? 0 : tries;
        if (status == STANCE_VIDEO_END)
            status = base_error(STANCE_EIO, "the source has ended");
        base_log(BASE_LOG_WARN, "offline: %s", stance_error_text());
        set_state(live, STANCE_VIDEO_OFFLINE);
        int code = live->options.reconnects == 0 ? status : find_again(live, &tries);
        if (code < 0)
            return code;
    }
}

static void *thread_main(void *context)
{
    struct media_live *live = context;
    int code = run(live);
    pthread_mutex_lock(&live->lock);
    live->over = true;
    live->code = code;
    live->stats.state = STANCE_VIDEO_ENDED;
    snprintf(live->text, sizeof live->text, "%s", stance_error_text());
    pthread_cond_broadcast(&live->changed);
    pthread_mutex_unlock(&live->lock);
    return NULL;
}

int media_live_open(struct media_live **out, const struct media_live_input *input,
                    const struct media_live_options *options)
{
    *out = NULL;
    struct media_live *live = base_alloc_zero(1, sizeof *live);
    if (!live)
        return base_error_memory(sizeof *live, "a live source");
    live->input = *input;
    live->options = *options;
    live->start_us = input->now_us(input->context);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&live->lock, NULL);
    pthread_cond_init(&live->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    int failed = pthread_create(&live->thread, NULL, thread_main, live);
    if (failed) {
        pthread_cond_destroy(&live->changed);
        pthread_mutex_destroy(&live->lock);
        base_free(live);
        return base_error(STANCE_EIO, "cannot start a thread: %s", strerror(failed));
    }
    *out = live;
    return 0;
}

void media_live_close(struct media_live **handle)
{
    struct media_live *live = *handle;
    *handle = NULL;
    if (!live)
        return;
    pthread_join(live->thread, NULL);
    if (live->full)
        stance_image_close(&live->slot.image);
    pthread_cond_destroy(&live->changed);
    pthread_mutex_destroy(&live->lock);
    base_free(live);
}

static struct timespec deadline_of(int64_t wait_us)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    int64_t longest = (int64_t)365 * 86400 * 1000000;
    int64_t wait = wait_us < longest ? wait_us : longest;
    int64_t nanoseconds = at.tv_nsec + wait % 1000000 * 1000;
    at.tv_sec += (time_t)(wait / 1000000 + nanoseconds / 1000000000);
    at.tv_nsec = (long)(nanoseconds % 1000000000);
    return at;
}

int media_live_read(struct media_live *live, struct stance_video_frame *frame, int64_t wait_us,
                    char cause[MEDIA_CAUSE_BYTES])
{
    struct timespec deadline = deadline_of(wait_us > 0 ? wait_us : 0);
    int status = STANCE_VIDEO_WAIT;
    bool in_time = true;
    pthread_mutex_lock(&live->lock);
    while (!live->full && !live->over && !is_cancelled(live) && in_time && wait_us != 0)
        if (wait_us < 0)
            pthread_cond_wait(&live->changed, &live->lock);
        else
            in_time = pthread_cond_timedwait(&live->changed, &live->lock, &deadline) == 0;
    if (is_cancelled(live)) {
        status = base_error(STANCE_ECANCELLED, "cancelled");
    } else if (live->full) {
        *frame = live->slot;
        memcpy(cause, live->slot_cause, MEDIA_CAUSE_BYTES);
        frame->cause = cause[0] ? cause : NULL;
        live->full = false;
        status = STANCE_VIDEO_FRAME;
    } else if (live->over) {
        status = live->code;
        if (status < 0)
            base_error(status, "%s", live->text);
    }
    pthread_mutex_unlock(&live->lock);
    return status;
}

void media_live_wake(struct media_live *live)
{
    pthread_mutex_lock(&live->lock);
    pthread_cond_broadcast(&live->changed);
    pthread_mutex_unlock(&live->lock);
}

void media_live_stats(struct media_live *live, struct stance_video_stats *stats)
{
    int64_t corrected = stats->corrected;
    pthread_mutex_lock(&live->lock);
    *stats = live->stats;
    pthread_mutex_unlock(&live->lock);
    stats->corrected = corrected;
}
