/* Poses in videos and from cameras. Each file is read by a thread of its own (video_input.c); this one
 * runs the networks on a frame of every input together; one more draws and writes (video_output.c). The
 * queues between them are short, and results leave in the order of the frames. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "interrupt.h"
#include "pose_window.h"

static bool make_room(struct video_item *item, int people, int keypoints)
{
    if (people <= item->capacity)
        return true;
    size_t count = (size_t)people;
    void *grown[3] = {realloc(item->people, count * sizeof item->people[0]), NULL, NULL};
    if (grown[0])
        item->people = grown[0];
    grown[1] = realloc(item->ids, count * sizeof item->ids[0]);
    if (grown[1])
        item->ids = grown[1];
    grown[2] =
        realloc(item->keypoints, (count * (size_t)keypoints + 1) * sizeof item->keypoints[0]);
    if (grown[2])
        item->keypoints = grown[2];
    if (!grown[0] || !grown[1] || !grown[2])
        return false;
    item->capacity = people;
    return true;
}

/* Results belong to the stream; items travel on. */
static void copy_result(struct video_item *item, const struct stance_stream_result *from)
{
    int people = from->pose.person_count, keypoints = from->pose.keypoint_set->count;
    if (!make_room(item, people, keypoints)) {
        snprintf(item->cause, sizeof item->cause, "%s: frame %lld: out of memory for its results",
                 item->input->path, (long long)item->frame.index);
        return;
    }
    item->result = from->pose;
    item->result.people = item->people;
    for (int i = 0; i < people; i++) {
        item->people[i] = from->pose.people[i];
        item->people[i].keypoints = item->keypoints + (size_t)i * (size_t)keypoints;
        memcpy(item->people[i].keypoints, from->pose.people[i].keypoints,
               (size_t)keypoints * sizeof item->keypoints[0]);
        item->ids[i] = from->ids[i];
    }
    item->has_result = true;
}

static void emit(struct video_item *item)
{
    struct video_input *input = item->input;
    if (item->cause[0]) {
        input->damaged++;
        cli_fail(0, "%s", item->cause);
    }
    queue_push(&input->job->out, item);
}

/* Frames between the last two that were measured. */
static void emit_pending(struct video_input *input)
{
    for (int i = 0; i < input->pending_count; i++) {
        struct video_item *item = input->pending[i];
        if (item->frame.image)
            copy_result(item,
                        stance_stream_fill(input->stream, input->job->fill, item->frame.time_us));
        emit(item);
    }
    input->pending_count = 0;
}

static void add_times(struct video_job *job, const struct stance_stream_result *result)
{
    if (result->detected)
        stage_times_add(&job->times, STAGE_DETECT, result->pose.detect_ns);
    stage_times_add(&job->times, STAGE_POSE, result->pose.pose_ns);
    stage_times_add(&job->times, STAGE_TRACK, result->track_ns);
}

/* Runs the networks; a frame that cannot be done does not take the others along. */
static void measure(struct video_job *job, struct video_item **items,
                    struct stance_stream_frame *frames, int count)
{
    int code = count ? stance_stream_apply(frames, count) : 0;
    for (int i = 0; i < count; i++) {
        struct video_item *item = items[i];
        if (code < 0 && count > 1)
            stance_stream_apply(&frames[i], 1);
        if (frames[i].result) {
            add_times(job, frames[i].result);
            copy_result(item, frames[i].result);
        } else {
            snprintf(item->cause, sizeof item->cause, "%s: frame %lld: %s", item->input->path,
                     (long long)item->frame.index, stance_error_text());
        }
        if (job->fill == STANCE_FILL_BETWEEN)
            emit_pending(item->input);
        emit(item);
    }
}

static struct stance_stream_frame stream_frame(const struct video_item *item)
{
    return (struct stance_stream_frame){
        .stream = item->input->stream, .image = item->frame.image, .time_us = item->frame.time_us};
}

/* The last frames of a video lie between nothing: the very last is measured, too. */
static void end_input(struct video_input *input)
{
    int last = input->pending_count - 1;
    while (last >= 0 && !input->pending[last]->frame.image)
        last--;
    if (last < 0 || input->job->fill != STANCE_FILL_BETWEEN) {
        emit_pending(input);
        return;
    }
    struct stance_stream_frame frame = stream_frame(input->pending[last]);
    if (stance_stream_apply(&frame, 1) == 0)
        add_times(input->job, frame.result);
    emit_pending(input);
}

/* True: to be measured now. Other frames are filled now, or wait for the next one measured. */
static bool is_due(struct video_input *input, struct video_item *item)
{
    struct video_job *job = input->job;
    bool due = item->frame.image && (input->since_measured == 0 ||
                                     input->since_measured >= job->pose->values.infer_every);
    if (due) {
        input->since_measured = 1;
        return true;
    }
    if (item->frame.image)
        input->since_measured++;
    input->pending[input->pending_count++] = item;
    if (job->fill != STANCE_FILL_BETWEEN || input->pending_count == input->item_count / 2)
        emit_pending(input);
    return false;
}

static void show_progress(const struct video_job *job)
{
    double total = 0, done = 0;
    for (int i = 0; i < job->count; i++) {
        const struct video_input *input = &job->inputs[i];
        const struct stance_video_info *info = input->info;
        if (!info)
            continue;
        double frames = (double)info->frame_count;
        if (info->frame_count < 0)
            frames = info->duration_us > 0 ? (double)info->duration_us * info->frame_rate / 1e6 : 0;
        if (job->pose->values.max_frames && frames > job->pose->values.max_frames)
            frames = job->pose->values.max_frames;
        total += frames;
        done += (double)input->taken;
    }
    if (!job->pose->values.quiet && total < 1e9)
        cli_progress("pose", (int)done, (int)total, cli_clock() - job->started);
}

static void run_inputs(struct video_job *job, struct video_item **items,
                       struct stance_stream_frame *frames)
{
    for (int active = 1; active;) {
        int count = 0;
        active = 0;
        for (int i = 0; i < job->count; i++) {
            struct video_input *input = &job->inputs[i];
            if (input->ended)
                continue;
            struct video_item *item = video_next_frame(input);
            if (input->ended)
                end_input(input);
            active += !input->ended;
            if (item && is_due(input, item)) {
                frames[count] = stream_frame(item);
                items[count++] = item;
            }
        }
        measure(job, items, frames, count);
        show_progress(job);
        if (job->window)
            pose_window_update(job);
    }
    cli_progress_end();
}

/* What is on its way still comes out; then the videos are finished. */
static void end_output(struct video_job *job)
{
    if (job->has_output) {
        queue_close(&job->out);
        pthread_join(job->output, NULL);
    }
    for (int i = 0; i < job->count; i++)
        video_finish(&job->inputs[i]);
}

static void report_input(const struct video_input *input)
{
    struct stance_stream_counts counts;
    struct stance_video_stats stats;
    char name[4096];
    stance_stream_counts(input->stream, &counts);
    printf("%s: %lld frames", cli_shown(input->path, name, sizeof name), (long long)input->done);
    if (input->damaged)
        printf(", %lld damaged", (long long)input->damaged);
    if (input->info->live) {
        stance_video_reader_stats(input->reader, &stats);
        printf(", %lld dropped", (long long)stats.dropped);
    }
    printf(", %lld %s%s%s\n", (long long)counts.people, counts.people == 1 ? "person" : "people",
           input->output[0] ? " → " : "", input->output);
}

static void report(const struct video_job *job, double seconds)
{
    const struct pose_values *v = &job->pose->values;
    int64_t frames = 0;
    if (v->quiet || (v->json && strcmp(v->json, "-") == 0) ||
        (v->data && strcmp(v->data, "-") == 0))
        return;
    for (int i = 0; i < job->count; i++)
        if (job->inputs[i].reader) {
            report_input(&job->inputs[i]);
            frames += job->inputs[i].done;
        }
    double rate = seconds > 0 ? (double)frames / seconds : 0;
    printf("%.*f frames a second\n", rate < 10 ? 2 : 1, rate);
    stage_times_print(&job->times);
}

/* A live source ends when one ends it; of a file that is told. */
static bool is_whole(const struct video_input *input)
{
    bool cut = input->reader && !input->info->live && input->interrupted && !input->job->quit;
    if (cut)
        cli_fail(0, "%s: ended by a signal after %lld frames", input->path, (long long)input->done);
    return !cut && !input->failed && !input->damaged;
}

void video_stop(struct video_job *job)
{
    for (int i = 0; i < job->count; i++)
        video_input_stop(&job->inputs[i]);
}

/* Called by a signal. */
static void stop(void *job)
{
    video_stop(job);
}

static bool start(struct video_job *job)
{
    bool started = true;
    interrupt_set(stop, job);
    job->has_output = pthread_create(&job->output, NULL, video_output, job) == 0;
    for (int i = 0; i < job->count && started; i++)
        started = video_input_start(&job->inputs[i]);
    return job->has_output && started;
}

static int run_job(struct video_job *job, char **paths)
{
    size_t count = (size_t)job->count;
    pthread_mutex_init(&job->shown_mutex, NULL);
    struct video_item **items = calloc(count, sizeof(struct video_item *));
    struct stance_stream_frame *frames = calloc(count, sizeof *frames);
    int code = CLI_FAILED;
    if (items && frames)
        code = video_open_all(job, paths);
    else
        cli_fail(0, "out of memory for %d inputs", job->count);
    job->started = cli_clock();
    if (code == CLI_OK && !start(job))
        code = cli_fail(CLI_FAILED, "cannot start the threads that read and write");
    if (code == CLI_OK)
        run_inputs(job, items, frames);
    end_output(job);
    interrupt_close();
    if (code == CLI_OK)
        report(job, cli_clock() - job->started);
    for (int i = 0, all = code == CLI_OK; i < job->count && all; i++)
        if (!is_whole(&job->inputs[i]))
            code = CLI_SOME_FAILED;
    for (int i = 0; i < job->count; i++)
        video_input_close(&job->inputs[i]);
    pose_window_close(job);
    pthread_mutex_destroy(&job->shown_mutex);
    queue_destroy(&job->out);
    free(items);
    free(frames);
    return code;
}

int pose_videos(struct pose_job *pose, char **inputs, int count)
{
    struct video_job job = {.pose = pose, .count = count};
    job.inputs = calloc((size_t)count, sizeof job.inputs[0]);
    if (!job.inputs)
        return cli_fail(CLI_FAILED, "out of memory for %d inputs", count);
    int code = run_job(&job, inputs);
    free(job.inputs);
    return code;
}
