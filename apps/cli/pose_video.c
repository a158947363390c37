/* Poses in videos and from cameras. Each file is read by a thread of its own; this one runs the networks
 * on a frame of every input together; one more draws and writes (video_output.c). The queues between
 * them are short, and results leave in the order of the frames. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "picture_input.h"
#include "pose_video.h"

enum { READ_AHEAD = 4, ON_THEIR_WAY = 8 };

static bool ends_with(const char *path, const char *const *endings)
{
    char name[256];
    cli_input_name(path, name, sizeof name);
    const char *dot = strrchr(name, '.');
    for (; dot && *endings; endings++)
        if (strcasecmp(dot, *endings) == 0)
            return true;
    return false;
}

bool pose_is_video(const char *input)
{
    static const char *const endings[] = {
        ".mp4",  ".m4v", ".mov",  ".mkv", ".webm", ".avi", ".mpg", ".mpeg",  ".ts",   ".m2ts",
        ".mts",  ".wmv", ".asf",  ".flv", ".3gp",  ".ogv", ".ogg", ".mjpeg", ".mjpg", ".y4m",
        ".h264", ".264", ".h265", ".265", ".vob",  ".mxf", ".ivf", ".m3u8",  ".sdp",  NULL};
    static const char *const schemes[] = {"camera:", "rtsp://", "rtsps://", "rtmp://", "udp://",
                                          "rtp://",  "srt://",  "tcp://",   NULL};
    for (int i = 0; schemes[i]; i++)
        if (strncmp(input, schemes[i], strlen(schemes[i])) == 0)
            return true;
    const char *percent = strchr(input, '%');
    bool numbered =
        percent && !cli_is_address(input) && percent[1 + strspn(percent + 1, "0123456789")] == 'd';
    return strcmp(input, "-") == 0 || numbered || ends_with(input, endings);
}

bool pose_is_video_output(const char *path)
{
    static const char *const endings[] = {".mp4", ".m4v", ".mov", ".mkv", ".webm", NULL};
    return ends_with(path, endings) && !cli_is_folder(path);
}

static void set_cause(struct video_item *item, const char *text)
{
    snprintf(item->cause, sizeof item->cause, "%s", text);
}

/* Takes over the frame; true when there is one. Messages are the caller's. */
static int read_frame(struct video_input *input, struct video_item *item, int64_t wait_us)
{
    double start = cli_clock();
    int status = stance_video_reader_read(input->reader, &item->frame, wait_us);
    if (status != STANCE_VIDEO_FRAME)
        return status;
    item->read_ns = (int64_t)((cli_clock() - start) * 1e9);
    item->has_result = false;
    item->cause[0] = 0;
    if (item->frame.cause)
        set_cause(item, item->frame.cause);
    item->frame.cause = item->cause[0] ? item->cause : NULL;
    return status;
}

static void tell_end(struct video_input *input, int status)
{
    if (status >= 0 || status == STANCE_ECANCELLED)
        return;
    cli_fail_library(0);
    input->failed = true;
}

static void *read_ahead(void *context)
{
    struct video_input *input = context;
    struct video_item *item;
    int status = STANCE_VIDEO_END;
    while ((item = queue_pop(&input->idle))) {
        status = read_frame(input, item, -1);
        if (status != STANCE_VIDEO_FRAME || !queue_push(&input->frames, item))
            break;
    }
    tell_end(input, status);
    queue_close(&input->frames);
    return NULL;
}

/* The next frame; NULL: none now (live), or no more (input->ended). */
static struct video_item *next_frame(struct video_input *input)
{
    int most = input->job->pose->values.max_frames;
    struct video_item *item = NULL;
    if (most && input->taken >= most) {
        stance_video_reader_cancel(input->reader);
        input->ended = true;
        return NULL;
    }
    if (!input->info->live) {
        item = queue_pop(&input->frames);
        input->ended = !item;
    } else if ((item = queue_pop(&input->idle))) {
        int status = read_frame(input, item, 20000);
        if (status != STANCE_VIDEO_FRAME) {
            queue_push(&input->idle, item);
            item = NULL;
        }
        input->ended = status != STANCE_VIDEO_FRAME && status != STANCE_VIDEO_WAIT;
        if (input->ended)
            tell_end(input, status);
    }
    if (item) {
        stage_times_add(&input->job->times, STAGE_READ, item->read_ns);
        input->taken++;
    }
    return item;
}

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
        set_cause(item, "out of memory for the results of a frame");
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
    int active = job->count;
    while (active) {
        int count = 0;
        for (int i = 0; i < job->count; i++) {
            struct video_input *input = &job->inputs[i];
            if (input->ended)
                continue;
            struct video_item *item = next_frame(input);
            if (input->ended) {
                end_input(input);
                active--;
            }
            if (item && is_due(input, item)) {
                frames[count] = stream_frame(item);
                items[count++] = item;
            }
        }
        measure(job, items, frames, count);
        show_progress(job);
    }
    cli_progress_end();
}

/* Ctrl-C ends the reading, and with it all else in order; a second one ends the program. */
static void *wait_for_signals(void *context)
{
    struct video_job *job = context;
    sigset_t set;
    int signal;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    for (int times = 0; sigwait(&set, &signal) == 0; times++) {
        if (times)
            _exit(128 + signal);
        for (int i = 0; i < job->count; i++)
            stance_video_reader_cancel(job->inputs[i].reader);
    }
    return NULL;
}

static bool block_signals(struct video_job *job)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    job->has_signals = pthread_create(&job->signals, NULL, wait_for_signals, job) == 0;
    return job->has_signals;
}

static int stream_options(const struct pose_values *v, struct stance_stream_options *options,
                          struct stance_tracker_options *tracker)
{
    stance_stream_options_default(options);
    stance_tracker_options_default(tracker);
    stance_tracker_options_preset(tracker, "pose");
    options->detect_every = v->detect_every;
    options->smoothing = v->smoothing;
    options->min_cutoff = v->min_cutoff;
    options->beta = v->beta;
    options->derivative_cutoff = v->derivative_cutoff;
    options->tracker = tracker;
    return cli_tracker_options(tracker, &v->tracker);
}

static int open_writer(struct video_input *input)
{
    const struct pose_values *v = &input->job->pose->values;
    struct stance_video_writer_options options;
    stance_video_writer_options_default(&options);
    options.codec = v->codec;
    options.crf = v->crf;
    options.preset = v->preset;
    options.source = input->reader;
    return stance_video_writer_open(&input->writer, input->output, &options) < 0
               ? cli_fail_library(CLI_FAILED)
               : CLI_OK;
}

static int open_items(struct video_input *input)
{
    int waiting = input->job->pose->values.infer_every;
    input->item_count = 2 * (waiting + READ_AHEAD + ON_THEIR_WAY);
    input->items = calloc((size_t)input->item_count, sizeof input->items[0]);
    input->pending = calloc((size_t)input->item_count, sizeof input->pending[0]);
    if (!input->items || !input->pending || !queue_open(&input->frames, READ_AHEAD) ||
        !queue_open(&input->idle, input->item_count))
        return cli_fail(CLI_FAILED, "out of memory for the frames of %s", input->path);
    for (int i = 0; i < input->item_count; i++) {
        input->items[i].input = input;
        queue_push(&input->idle, &input->items[i]);
    }
    return CLI_OK;
}

/* The reader, and whatever of the output must be known before the first frame. */
static int open_input(struct video_input *input, bool draws, int folder)
{
    struct pose_job *job = input->job->pose;
    struct stance_video_options options;
    stance_video_options_default(&options);
    options.writable = draws;
    options.audio = draws;
    if (stance_video_reader_open(&input->reader, input->path, &options) < 0)
        return cli_fail_library(CLI_FAILED);
    input->info = stance_video_reader_info(input->reader);
    if (!draws)
        return CLI_OK;
    if (input->info->live && !job->values.output)
        return cli_fail(CLI_USAGE, "%s has no end: give -o, --json or --data", input->path);
    const char *name = strcmp(input->path, "-") == 0 ? "stdin" : input->path;
    return pose_output_path(job, name, folder, ".mp4", input->output, sizeof input->output)
               ? open_writer(input)
               : CLI_FAILED;
}

static int start_input(struct video_input *input)
{
    const struct video_job *job = input->job;
    struct stance_stream_options options;
    struct stance_tracker_options tracker;
    int code = stream_options(&job->pose->values, &options, &tracker);
    if (code != CLI_OK)
        return code;
    if (stance_stream_open(&input->stream, job->pose->pose, &options) < 0)
        return cli_fail_library(CLI_USAGE);
    code = open_items(input);
    if (code != CLI_OK || input->info->live)
        return code;
    input->has_thread = pthread_create(&input->thread, NULL, read_ahead, input) == 0;
    return input->has_thread
               ? CLI_OK
               : cli_fail(CLI_FAILED, "cannot start a thread to read %s", input->path);
}

static int choose_fill(struct video_job *job)
{
    static const char *const names[] = {"between", "extrapolate", "interpolate", "hold"};
    const char *name = job->pose->values.fill;
    bool live = false;
    for (int i = 0; i < job->count; i++)
        live |= job->inputs[i].info->live != 0;
    job->fill = live ? STANCE_FILL_EXTRAPOLATE : STANCE_FILL_BETWEEN;
    if (!name)
        return CLI_OK;
    int fill = 0;
    while (fill < 4 && strcmp(names[fill], name) != 0)
        fill++;
    if (fill == 4)
        return cli_fail(CLI_USAGE,
                        "--fill takes between, extrapolate, interpolate or hold, not '%s'", name);
    if (live && fill == STANCE_FILL_BETWEEN)
        return cli_fail(CLI_USAGE, "--fill between needs the next frame, which a live source does "
                                   "not have yet");
    job->fill = (enum stance_fill)fill;
    return CLI_OK;
}

static int open_all(struct video_job *job, char **paths, int folder)
{
    bool draws = job->pose->values.output || !job->pose->writer;
    for (int i = 0; i < job->count; i++) {
        job->inputs[i].path = paths[i];
        job->inputs[i].job = job;
        int code = open_input(&job->inputs[i], draws, folder);
        if (code != CLI_OK)
            return code;
    }
    int code = choose_fill(job);
    if (code != CLI_OK)
        return code;
    if (!queue_open(&job->out, ON_THEIR_WAY) || !block_signals(job))
        return cli_fail(CLI_FAILED, "cannot start the threads that write");
    job->has_output = pthread_create(&job->output, NULL, video_output, job) == 0;
    if (!job->has_output)
        return cli_fail(CLI_FAILED, "cannot start the thread that writes");
    for (int i = 0; i < job->count; i++)
        if ((code = start_input(&job->inputs[i])) != CLI_OK)
            return code;
    return CLI_OK;
}

static void close_input(struct video_input *input)
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

/* What is on its way still comes out; then the videos are finished. */
static void end_output(struct video_job *job)
{
    if (job->has_output) {
        queue_close(&job->out);
        pthread_join(job->output, NULL);
    }
    for (int i = 0; i < job->count; i++)
        video_finish(&job->inputs[i]);
    if (job->has_signals) {
        pthread_cancel(job->signals);
        pthread_join(job->signals, NULL);
    }
}

static void report(const struct video_job *job, double seconds)
{
    const struct pose_values *v = &job->pose->values;
    int64_t frames = 0;
    if (v->quiet || (v->json && strcmp(v->json, "-") == 0) ||
        (v->data && strcmp(v->data, "-") == 0))
        return;
    for (int i = 0; i < job->count; i++) {
        const struct video_input *input = &job->inputs[i];
        struct stance_stream_counts counts;
        struct stance_video_stats stats;
        stance_stream_counts(input->stream, &counts);
        stance_video_reader_stats(input->reader, &stats);
        printf("%s: %lld frames", input->path, (long long)input->done);
        if (input->damaged)
            printf(", %lld damaged", (long long)input->damaged);
        if (input->info->live)
            printf(", %lld dropped", (long long)stats.dropped);
        printf(", %lld %s%s%s\n", (long long)counts.people,
               counts.people == 1 ? "person" : "people", input->output[0] ? " → " : "",
               input->output);
        frames += input->done;
    }
    double rate = seconds > 0 ? (double)frames / seconds : 0;
    printf("%.*f frames a second\n", rate < 10 ? 2 : 1, rate);
    stage_times_print(&job->times);
}

static int run_job(struct video_job *job, char **paths, int folder)
{
    size_t count = (size_t)job->count;
    struct video_item **items = calloc(count, sizeof(struct video_item *));
    struct stance_stream_frame *frames = calloc(count, sizeof *frames);
    int code = items && frames ? open_all(job, paths, folder)
                               : cli_fail(CLI_FAILED, "out of memory for %d inputs", job->count);
    job->started = cli_clock();
    if (code == CLI_OK)
        run_inputs(job, items, frames);
    end_output(job);
    if (code == CLI_OK)
        report(job, cli_clock() - job->started);
    for (int i = 0; i < job->count && code == CLI_OK; i++)
        if (job->inputs[i].failed || job->inputs[i].damaged)
            code = CLI_SOME_FAILED;
    for (int i = 0; i < job->count; i++)
        close_input(&job->inputs[i]);
    queue_destroy(&job->out);
    free(items);
    free(frames);
    return code;
}

int pose_videos(struct pose_job *pose, char **inputs, int count)
{
    int folder = pose_output_folder(pose, inputs, count);
    if (folder < 0)
        return CLI_FAILED;
    struct video_job job = {.pose = pose, .count = count};
    job.inputs = calloc((size_t)count, sizeof job.inputs[0]);
    if (!job.inputs)
        return cli_fail(CLI_FAILED, "out of memory for %d inputs", count);
    int code = run_job(&job, inputs, folder);
    free(job.inputs);
    return code;
}
