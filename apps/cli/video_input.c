/* One input of `stance pose` for videos: read ahead by a thread where it is a file, at once where it is
 * live. */
#include <stdio.h>
#include <stdlib.h>

#include "pose_video.h"

/* Takes over the frame; true when there is one. Messages are the caller's. */
static int read_frame(struct video_input *input, struct video_item *item, int64_t wait_us)
{
    double start = cli_clock();
    int status = stance_video_reader_read(input->reader, &item->frame, wait_us);
    if (status != STANCE_VIDEO_FRAME)
        return status;
    item->read_at = cli_clock();
    item->read_ns = (int64_t)((item->read_at - start) * 1e9);
    item->has_result = false;
    const char *cause = item->frame.cause;
    snprintf(item->cause, sizeof item->cause, "%s", cause ? cause : "");
    item->frame.cause = item->cause[0] ? item->cause : NULL;
    return status;
}

/* In the thread that read; told later, behind the frames that are on their way. */
static void note_end(struct video_input *input, int status)
{
    input->interrupted = status == STANCE_ECANCELLED && input->stopping;
    if (status < 0 && status != STANCE_ECANCELLED)
        snprintf(input->cause, sizeof input->cause, "%s", stance_error_text());
}

static void *read_ahead(void *context)
{
    struct video_input *input = context;
    struct video_item *item;
    int most = input->job->pose->values.max_frames, status = STANCE_VIDEO_END;
    for (int i = 0; (!most || i < most) && (item = queue_pop(&input->idle)); i++) {
        status = read_frame(input, item, -1);
        if (status != STANCE_VIDEO_FRAME || !queue_push(&input->frames, item))
            break;
    }
    note_end(input, status);
    queue_close(&input->frames);
    return NULL;
}

bool video_input_start(struct video_input *input)
{
    if (!input->reader || input->info->live)
        return true;
    input->has_thread = pthread_create(&input->thread, NULL, read_ahead, input) == 0;
    return input->has_thread;
}

/* The newest one of a live source, if there is any. */
static struct video_item *live_frame(struct video_input *input)
{
    int most = input->job->pose->values.max_frames;
    input->ended = most && input->taken >= most;
    struct video_item *item = input->ended ? NULL : queue_pop(&input->idle);
    if (!item)
        return NULL;
    int status = read_frame(input, item, 20000);
    if (status == STANCE_VIDEO_FRAME)
        return item;
    queue_push(&input->idle, item);
    input->ended = status != STANCE_VIDEO_WAIT;
    if (input->ended)
        note_end(input, status);
    return NULL;
}

struct video_item *video_next_frame(struct video_input *input)
{
    struct video_item *item;
    if (input->info->live) {
        item = live_frame(input);
    } else {
        item = queue_pop(&input->frames);
        input->ended = !item;
    }
    if (input->ended && input->cause[0]) {
        cli_fail(0, "%s", input->cause);
        input->failed = true;
    }
    if (item) {
        stage_times_add(&input->job->times, STAGE_READ, item->read_ns);
        input->taken++;
    }
    return item;
}

void video_input_stop(struct video_input *input)
{
    input->stopping = true;
    if (input->reader)
        stance_video_reader_cancel(input->reader);
}

void video_input_close(struct video_input *input)
{
    if (input->reader)
        stance_video_reader_cancel(input->reader);
    if (input->has_thread) {
        queue_close(&input->frames);
        queue_close(&input->idle);
        pthread_join(input->thread, NULL);
    }
    for (int i = 0; input->items && i < input->item_count; i++) {
        stance_image_close(&input->items[i].frame.image);
        free(input->items[i].people);
        free(input->items[i].ids);
        free(input->items[i].keypoints);
    }
    stance_stream_close(&input->stream);
    stance_video_reader_close(&input->reader);
    free(input->items);
    free(input->pending);
    queue_destroy(&input->frames);
    queue_destroy(&input->idle);
}
