/* Reading ahead: a thread decodes the next frames of a file while Python works on this one. It knows no
 * Python; it takes the video's lock for each read, so that whoever wants the reader waits for one frame
 * at most. */
#include <errno.h>
#include <time.h>

#include "binding.h"

int python_read_shot(struct python_video *video, struct python_shot *shot, int64_t wait_us)
{
    *shot = (struct python_shot){.status = PYTHON_CLOSED};
    PyThread_acquire_lock(video->handle.lock, WAIT_LOCK);
    if (video->reader) {
        shot->status = stance_video_reader_read(video->reader, &shot->frame, wait_us);
        const char *sentence = shot->status < 0 ? stance_error_text() : shot->frame.cause;
        if (sentence)
            snprintf(shot->sentence, sizeof shot->sentence, "%s", sentence);
        shot->frame.cause = NULL;
    }
    PyThread_release_lock(video->handle.lock);
    return shot->status;
}

static void *read_ahead(void *context)
{
    struct python_video *video = context;
    struct python_ahead *ahead = &video->ahead;
    for (bool more = true; more;) {
        struct python_shot shot;
        more = python_read_shot(video, &shot, -1) > 0;
        pthread_mutex_lock(&ahead->mutex);
        while (ahead->count == PYTHON_AHEAD && !ahead->stopped)
            pthread_cond_wait(&ahead->changed, &ahead->mutex);
        more = more && !ahead->stopped;
        if (ahead->stopped)
            stance_image_close(&shot.frame.image);
        else
            ahead->shots[(ahead->first + ahead->count++) % PYTHON_AHEAD] = shot;
        pthread_cond_broadcast(&ahead->changed);
        pthread_mutex_unlock(&ahead->mutex);
    }
    return NULL;
}

bool python_ahead_start(struct python_video *video)
{
    struct python_ahead *ahead = &video->ahead;
    pthread_mutex_init(&ahead->mutex, NULL);
    pthread_cond_init(&ahead->changed, NULL);
    ahead->running = pthread_create(&ahead->thread, NULL, read_ahead, video) == 0;
    return ahead->running;
}

void python_ahead_take(struct python_video *video, struct python_shot *shot)
{
    struct python_ahead *ahead = &video->ahead;
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 100000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    *shot = (struct python_shot){.status = STANCE_VIDEO_WAIT};
    pthread_mutex_lock(&ahead->mutex);
    int late = 0;
    while (ahead->count == 0 && !ahead->stopped && late != ETIMEDOUT)
        late = pthread_cond_timedwait(&ahead->changed, &ahead->mutex, &until);
    if (ahead->stopped)
        shot->status = PYTHON_CLOSED;
    else if (ahead->count > 0) {
        *shot = ahead->shots[ahead->first];
        if (shot->status == STANCE_VIDEO_FRAME) { /* an end stays, and is told again */
            ahead->first = (ahead->first + 1) % PYTHON_AHEAD;
            ahead->count--;
        }
    }
    pthread_cond_broadcast(&ahead->changed);
    pthread_mutex_unlock(&ahead->mutex);
}

void python_ahead_stop(struct python_video *video)
{
    struct python_ahead *ahead = &video->ahead;
    if (!ahead->running)
        return;
    pthread_mutex_lock(&ahead->mutex);
    bool first = !ahead->stopped;
    ahead->stopped = true;
    pthread_cond_broadcast(&ahead->changed);
    pthread_mutex_unlock(&ahead->mutex);
    if (!first)
        return;
    pthread_join(ahead->thread, NULL);
    for (int i = 0; i < ahead->count; i++)
        stance_image_close(&ahead->shots[(ahead->first + i) % PYTHON_AHEAD].frame.image);
    ahead->count = 0;
}
