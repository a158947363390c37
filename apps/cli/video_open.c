/* What `stance pose` for videos opens, in an order that lets it refuse before it writes: readers, streams,
 * the names of all outputs, then data and videos. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "picture_input.h"
#include "pose_window.h"

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

/* ---- Inputs ---- */

static int open_reader(struct video_input *input)
{
    struct stance_video_options options;
    stance_video_options_default(&options);
    options.writable = input->job->draws || input->job->pose->values.show;
    options.audio = input->job->draws;
    if (stance_video_reader_open(&input->reader, input->path, &options) < 0) {
        cli_fail_library(0);
        input->ended = true;
        input->failed = true;
        return CLI_OK;
    }
    input->info = stance_video_reader_info(input->reader);
    if (input->info->live && input->job->draws && !input->job->pose->values.output)
        return cli_fail(CLI_USAGE, "%s has no end: give -o, --json, --data or --show", input->path);
    return CLI_OK;
}

static int choose_fill(struct video_job *job)
{
    static const char *const names[] = {"between", "extrapolate", "interpolate", "hold"};
    const char *name = job->pose->values.fill;
    bool live = false;
    for (int i = 0; i < job->count; i++)
        live |= job->inputs[i].reader && job->inputs[i].info->live;
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

static int open_items(struct video_input *input)
{
    const struct pose_values *v = &input->job->pose->values;
    int waiting = v->show && v->infer_every < 8 ? 8 : v->infer_every; /* keys change it */
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

static int open_stream(struct video_input *input)
{
    const struct pose_values *v = &input->job->pose->values;
    struct stance_stream_options options = v->stream;
    struct stance_tracker_options tracker;
    stance_tracker_options_default(&tracker);
    stance_tracker_options_preset(&tracker, "pose");
    options.tracker = &tracker;
    int code = cli_tracker_options(&tracker, &v->tracker);
    if (code != CLI_OK)
        return code;
    return stance_stream_open(&input->stream, input->job->pose->pose, &options) < 0
               ? cli_fail_library(CLI_USAGE)
               : open_items(input);
}

/* ---- Outputs ---- */

/* NAME of an input without its ending, as the names of its outputs begin. */
static void stem_of(const struct video_input *input, char *stem, size_t size)
{
    cli_input_name(strcmp(input->path, "-") == 0 ? "stdin" : input->path, stem, size);
    char *dot = strrchr(stem, '.');
    if (dot && dot != stem)
        *dot = 0;
}

static int check_output(const struct video_job *job, const struct video_input *input)
{
    for (int i = 0; i < job->count; i++) {
        const struct video_input *other = &job->inputs[i];
        if (cli_is_same_file(input->output, other->path))
            return cli_fail(CLI_FAILED,
                            "the drawing of %s would replace the input %s; name another "
                            "output",
                            input->path, other->path);
        if (other < input && strcmp(input->output, other->output) == 0)
            return cli_fail(CLI_FAILED, "%s and %s would both be drawn into %s; call pose for each",
                            other->path, input->path, input->output);
    }
    return CLI_OK;
}

static int name_output(struct video_input *input, bool folder)
{
    const char *name = strcmp(input->path, "-") == 0 ? "stdin" : input->path;
    return pose_output_name(input->job->pose, name, folder, ".mp4", input->output,
                            sizeof input->output)
               ? check_output(input->job, input)
               : cli_fail(CLI_FAILED, "%s: the output's path is too long", input->path);
}

/* Inputs of one name would share the files of a folder of data. */
static int check_data(const struct video_job *job)
{
    const struct pose_values *v = &job->pose->values;
    char stem[256], other[256];
    const char *path = v->json ? v->json : v->data;
    for (int i = 0; path && i < job->count; i++) {
        if (job->inputs[i].output[0] && strcmp(job->inputs[i].output, path) == 0)
            return cli_fail(CLI_USAGE, "%s cannot be both drawing and data", path);
        stem_of(&job->inputs[i], stem, sizeof stem);
        for (int k = 0; v->format && strcmp(v->format, "openpose") == 0 && k < i; k++) {
            stem_of(&job->inputs[k], other, sizeof other);
            if (strcmp(stem, other) == 0)
                return cli_fail(CLI_FAILED,
                                "the data of %s and %s would go into the same files; call pose for "
                                "each",
                                job->inputs[k].path, job->inputs[i].path);
        }
    }
    return CLI_OK;
}

static int name_outputs(struct video_job *job)
{
    const char *out = job->pose->values.output;
    size_t length = out ? strlen(out) : 0;
    bool video = out && pose_is_video_output(out);
    if (job->count > 1 && video)
        return cli_fail(CLI_USAGE,
                        "%d inputs do not go into one video %s: give a folder, or the pictures of "
                        "one video as a pattern in quotes, such as '*.png'",
                        job->count, out);
    bool folder = out && !video &&
                  (job->count > 1 || (length && out[length - 1] == '/') || cli_is_folder(out));
    int code = CLI_OK;
    for (int i = 0; job->draws && i < job->count && code == CLI_OK; i++)
        if (job->inputs[i].reader)
            code = name_output(&job->inputs[i], folder);
    if (code == CLI_OK)
        code = check_data(job);
    return code == CLI_OK && folder && cli_make_folder(out) < 0 ? CLI_FAILED : code;
}

static int open_writer(struct video_input *input)
{
    const struct pose_values *v = &input->job->pose->values;
    struct stance_video_writer_options options;
    stance_video_writer_options_default(&options);
    options.codec = v->codec;
    options.crf = v->crf;
    options.preset = v->preset;
    options.audio = !v->no_audio;
    options.source = input->reader;
    return stance_video_writer_open(&input->writer, input->output, &options) < 0
               ? cli_fail_library(CLI_FAILED)
               : CLI_OK;
}

int video_open_all(struct video_job *job, char **paths)
{
    const struct pose_values *v = &job->pose->values;
    job->draws = v->output || !(v->json || v->data || v->show);
    int code = CLI_OK, opened = 0;
    for (int i = 0; i < job->count && code == CLI_OK; i++) {
        job->inputs[i].path = paths[i];
        job->inputs[i].job = job;
        code = open_reader(&job->inputs[i]);
        opened += job->inputs[i].reader != NULL;
    }
    if (code == CLI_OK && opened == 0)
        return CLI_SOME_FAILED;
    if (code == CLI_OK)
        code = choose_fill(job);
    for (int i = 0; i < job->count && code == CLI_OK; i++)
        if (job->inputs[i].reader)
            code = open_stream(&job->inputs[i]);
    if (code == CLI_OK)
        code = name_outputs(job);
    if (code == CLI_OK && v->show)
        code = pose_window_open(job);
    if (code == CLI_OK)
        code = pose_open_data(job->pose);
    for (int i = 0; job->draws && i < job->count && code == CLI_OK; i++)
        if (job->inputs[i].reader)
            code = open_writer(&job->inputs[i]);
    if (code == CLI_OK && !queue_open(&job->out, ON_THEIR_WAY))
        code = cli_fail(CLI_FAILED, "out of memory for the frames on their way");
    return code;
}
