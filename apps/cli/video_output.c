/* The last stage of `stance pose` for videos: drawing, encoding and data, in the order of the frames. */
#include <stdio.h>
#include <string.h>

#include "pose_window.h"

static int64_t now_ns(void)
{
    return (int64_t)(cli_clock() * 1e9);
}

static void fail(struct video_input *input)
{
    cli_fail_library(0);
    input->failed = true;
}

/* Inputs whose results go nowhere need not be read on. */
static void end_in_vain(struct video_job *job)
{
    bool data = job->pose->writer && !job->data_failed;
    for (int i = 0; i < job->count; i++) {
        struct video_input *input = &job->inputs[i];
        if (input->reader && !input->writer && !data)
            stance_video_reader_cancel(input->reader);
    }
}

static void draw(struct video_job *job, struct video_item *item)
{
    struct stance_draw_options style = job->pose->style;
    char caption[64];
    int every = job->pose->values.overlay_every;
    if (every > 1 && item->frame.index % every)
        style.style = STANCE_DRAW_SIMPLE;
    style.ids = job->pose->draws_ids ? item->ids : NULL;
    if (job->pose->draws_fps) {
        double seconds = cli_clock() - job->started;
        snprintf(caption, sizeof caption, "%.1f fps",
                 seconds > 0 ? (double)item->input->done / seconds : 0);
        style.caption = caption;
    }
    int64_t start = now_ns();
    if (stance_draw_pose(item->frame.image, &item->result, &style) < 0)
        fail(item->input);
    stage_times_add(&job->times, STAGE_DRAW, now_ns() - start);
}

/* A frame of which nothing is left shows the one before it. */
static void write_video(struct video_job *job, struct video_item *item)
{
    struct video_input *input = item->input;
    struct stance_image *image = item->frame.image ? item->frame.image : input->last;
    if (!image)
        return;
    int64_t start = now_ns();
    if (stance_video_writer_add(input->writer, image, item->frame.time_us,
                                item->frame.duration_us) < 0) {
        fail(input);
        stance_video_writer_close(&input->writer); /* a second sentence would say the same */
        end_in_vain(job);
    }
    stage_times_add(&job->times, STAGE_WRITE, now_ns() - start);
    if (item->frame.image) {
        stance_image_close(&input->last);
        input->last = stance_image_keep(item->frame.image);
    }
}

static void write_data(struct video_job *job, const struct video_item *item)
{
    struct stance_result_item data;
    stance_result_item_default(&data);
    data.file = item->input->path;
    data.frame = item->frame.index;
    data.time_us = item->frame.time_us;
    data.result = item->has_result ? &item->result : NULL;
    data.ids = item->ids;
    data.error = item->has_result ? NULL : item->cause;
    if (stance_result_writer_add(job->pose->writer, &data) < 0) {
        fail(item->input);
        job->data_failed = true;
        end_in_vain(job);
    }
}

void video_finish(struct video_input *input)
{
    stance_image_close(&input->last);
    if (stance_video_writer_close(&input->writer) < 0)
        fail(input);
}

void *video_output(void *context)
{
    struct video_job *job = context;
    struct video_item *item;
    while ((item = queue_pop(&job->out))) {
        struct video_input *input = item->input;
        bool shown = item->frame.image && pose_window_wants(input);
        if ((input->writer || shown) && item->has_result && item->frame.image)
            draw(job, item);
        if (shown)
            pose_window_take(input, item->frame.image, cli_clock() - item->read_at);
        if (input->writer)
            write_video(job, item);
        if (job->pose->writer && !job->data_failed)
            write_data(job, item);
        input->done++;
        stance_image_close(&item->frame.image);
        queue_push(&input->idle, item);
    }
    return NULL;
}
