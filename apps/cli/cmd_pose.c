/* stance pose: people and their skeletons in pictures and videos. */
#include <string.h>

#include "interrupt.h"
#include "picture_input.h"
#include "pose_command.h"

#define VALUE(name) offsetof(struct pose_values, name)
#define TRACKER_VALUE(name) VALUE(tracker.name)

static const struct cli_option options[] = {
    CLI_POSE_CHOICE(struct pose_values, choice, "0.3", "0.7"),
    {"--keypoint-set", NULL, "NAME", "the network's keypoints (by its card or their number)",
     CLI_TEXT, VALUE(keypoint_set), 0, 0},
    {"--box", NULL, "x,y,w,h", "pictures: a person is here; no detector runs (repeatable)",
     CLI_LIST, VALUE(boxes), 0, 0},
    {"--output", "-o", "OUT", "picture, video or folder to draw into (./NAME_pose.*)", CLI_TEXT,
     VALUE(output), 0, 0},
    {"--json", NULL, "FILE", "write results as JSON lines; '-' is standard output", CLI_TEXT,
     VALUE(json), 0, 0},
    {"--data", NULL, "PATH", "write results in another format, see --format", CLI_TEXT, VALUE(data),
     0, 0},
    {"--format", NULL, "NAME", "of --data: json, coco, mmpose, openpose or csv (by its ending)",
     CLI_TEXT, VALUE(format), 0, 0},
    {"--kpt-thr", NULL, "T", "draw keypoints with at least this score (0.3)", CLI_NUMBER,
     VALUE(keypoint_threshold), 0, 100},
    {"--style", NULL, "NAME", "of drawings: stance, mmpose, openpose or simple (stance)", CLI_TEXT,
     VALUE(style), 0, 0},
    {"--draw", NULL, "LIST", "beside skeletons: boxes, ids, scores, fps; or none (by the style)",
     CLI_TEXT, VALUE(draw), 0, 0},
    {"--radius", NULL, "R", "of joints in pixels; 0: by the style (0)", CLI_NUMBER, VALUE(radius),
     0, 100},
    {"--thickness", NULL, "T", "of limbs in pixels; 0: by the style (0)", CLI_NUMBER,
     VALUE(thickness), 0, 100},
    {"--overlay-every", NULL, "N", "full style on every N-th frame, simple between (1)", CLI_COUNT,
     VALUE(overlay_every), 1, 1000},
    {"--detect-every", NULL, "N", "detector on every N-th frame; 0: when it is needed (0)",
     CLI_COUNT, VALUE(stream.detect_every), 0, 1000},
    {"--detect-seconds", NULL, "S", "… then after so long at the latest (0.5)", CLI_NUMBER,
     VALUE(stream.detect_seconds), 0, 3600},
    {"--support", NULL, "S", "give up people whom the detector has not seen for S seconds (1)",
     CLI_NUMBER, VALUE(stream.support_seconds), 0, 3600},
    {"--merge-iou", NULL, "T", "a detected box takes a followed one's place above this (0.3)",
     CLI_NUMBER, VALUE(stream.merge_iou), 0, 1},
    {"--box-scale", NULL, "S", "followed boxes around keypoints are widened by S (1.25)",
     CLI_NUMBER, VALUE(stream.box_scale), 1, 4},
    {"--follow-thr", NULL, "T", "keypoints with less score make no boxes (0.3)", CLI_NUMBER,
     VALUE(stream.keypoint_threshold), 0, 1},
    {"--infer-every", NULL, "N", "networks on every N-th frame, the others are filled (1)",
     CLI_COUNT, VALUE(infer_every), 1, 30},
    {"--fill", NULL, "WAY", "between, extrapolate, interpolate or hold (by the source)", CLI_TEXT,
     VALUE(fill), 0, 0},
    {"--smooth", NULL, "NAME", "keypoints over time: off, low or high (low)", CLI_TEXT,
     VALUE(stream.smoothing), 0, 0},
    {"--min-cutoff", NULL, "HZ", "One-Euro's (by --smooth)", CLI_NUMBER, VALUE(stream.min_cutoff),
     0, 1000},
    {"--beta", NULL, "B", "One-Euro's (by --smooth)", CLI_NUMBER, VALUE(stream.beta), 0, 1000},
    {"--d-cutoff", NULL, "HZ", "One-Euro's (by --smooth)", CLI_NUMBER,
     VALUE(stream.derivative_cutoff), 0.001, 1000},
    {"--max-frames", NULL, "N", "stop after N frames of each input; 0: never (0)", CLI_COUNT,
     VALUE(max_frames), 0, 1e9},
    {"--codec", NULL, "NAME", "of the video: h264, hevc, vp9, av1 or an encoder's name", CLI_TEXT,
     VALUE(codec), 0, 0},
    {"--crf", NULL, "Q", "quality of the video, 0 … 63 (the encoder's own)", CLI_COUNT, VALUE(crf),
     0, 63},
    {"--preset", NULL, "NAME", "the encoder's word for speed (a fast one)", CLI_TEXT, VALUE(preset),
     0, 0},
    {"--no-audio", NULL, NULL, "leave the sound of the video out", CLI_FLAG, VALUE(no_audio), 0, 0},
    TRACKER_OPTIONS(TRACKER_VALUE),
    {"--show", NULL, NULL, "videos: a window; keys: space, s, 1 4 8, q", CLI_FLAG, VALUE(show), 0,
     0},
    {"--quiet", "-q", NULL, "print errors only", CLI_FLAG, VALUE(quiet), 0, 0},
    {0},
};

/* "x,y,w,h" into corners. */
static bool parse_box(const char *text, float box[4])
{
    float values[4];
    int count = 0;
    const char *at = text;
    while (count < 4) {
        bool negative = *at == '-';
        double value = 0, unit = 1;
        const char *start = at += negative;
        for (; *at >= '0' && *at <= '9' && at - start < 9; at++)
            value = value * 10 + (*at - '0');
        if (*at == '.')
            for (at++; *at >= '0' && *at <= '9'; at++)
                value += (*at - '0') * (unit /= 10);
        if (at == start)
            break;
        values[count++] = (float)(negative ? -value : value);
        if (*at != ',' || count == 4)
            break;
        at++;
    }
    if (count != 4 || *at || values[2] <= 0 || values[3] <= 0) {
        cli_fail(0, "'%s' is no box: write x,y,w,h with positive width and height", text);
        return false;
    }
    box[0] = values[0];
    box[1] = values[1];
    box[2] = values[0] + values[2];
    box[3] = values[1] + values[3];
    return true;
}

/* "boxes,ids": what is named is drawn, and nothing else. */
static bool parse_draw(struct pose_job *job, const char *list)
{
    job->style.boxes = job->style.scores = 0;
    job->draws_ids = false;
    for (const char *at = list; *at;) {
        size_t length = strcspn(at, ",");
        if (length == 5 && strncmp(at, "boxes", 5) == 0)
            job->style.boxes = 1;
        else if (length == 6 && strncmp(at, "scores", 6) == 0)
            job->style.scores = 1;
        else if (length == 3 && strncmp(at, "ids", 3) == 0)
            job->draws_ids = true;
        else if (length == 3 && strncmp(at, "fps", 3) == 0)
            job->draws_fps = true;
        else if (!(length == 4 && strncmp(at, "none", 4) == 0)) {
            cli_fail(0, "--draw takes boxes, ids, scores, fps or none, not '%.*s'", (int)length,
                     at);
            return false;
        }
        at += length + (at[length] == ',');
    }
    return true;
}

static bool set_style(struct pose_job *job)
{
    static const char *const styles[] = {"stance", "mmpose", "openpose", "simple"};
    const struct pose_values *v = &job->values;
    stance_draw_options_default(&job->style);
    job->style.keypoint_threshold = v->keypoint_threshold;
    job->style.radius = v->radius;
    job->style.thickness = v->thickness;
    job->draws_ids = true;
    int style = 0;
    while (v->style && style < 4 && strcmp(styles[style], v->style) != 0)
        style++;
    if (style == 4) {
        cli_fail(0, "--style takes stance, mmpose, openpose or simple, not '%s'", v->style);
        return false;
    }
    job->style.style = style;
    return !v->draw || parse_draw(job, v->draw);
}

static int check_data(const struct pose_values *v)
{
    if (v->json && v->data)
        return cli_fail(CLI_USAGE, "--json and --data are two ways to say the same; give one");
    if (v->format && !v->data)
        return cli_fail(CLI_USAGE, "--format needs --data PATH");
    return CLI_OK;
}

/* Data would be written over an input as soon as it is opened. */
static int check_input(const struct pose_values *v, const char *input)
{
    const char *path = v->json ? v->json : v->data;
    return path && cli_is_same_file(path, input)
               ? cli_fail(CLI_USAGE,
                          "the data would replace the input %s itself; name another file", input)
               : CLI_OK;
}

int pose_open_data(struct pose_job *job)
{
    const struct pose_values *v = &job->values;
    const char *path = v->json ? v->json : v->data, *format = v->json ? "json" : v->format;
    return path && stance_result_writer_open(&job->writer, path, format) < 0
               ? cli_fail_library(CLI_FAILED)
               : CLI_OK;
}

static int open_job(struct pose_job *job)
{
    const struct pose_values *v = &job->values;
    for (int i = 0; i < v->boxes.count; i++)
        if (!parse_box(v->boxes.items[i], job->boxes[i]))
            return CLI_USAGE;
    if (!set_style(job))
        return CLI_USAGE;
    return cli_pose_open(&job->pose, &job->models, &v->choice, v->keypoint_set,
                         v->boxes.count == 0);
}

static int do_job(struct pose_job *job, char **inputs, int count)
{
    int videos = 0;
    bool as_video = job->values.output && pose_is_video_output(job->values.output);
    for (int i = 0; i < count; i++)
        videos += as_video || pose_is_video(inputs[i]);
    if (videos && videos < count)
        return cli_fail(CLI_USAGE, "pictures and videos do not go together; call pose for each");
    if (!videos && job->values.show)
        return cli_fail(CLI_USAGE, "--show is for videos and cameras");
    if (videos && job->values.boxes.count)
        return cli_fail(CLI_USAGE, "--box is for pictures; people in videos move");
    int code = check_data(&job->values);
    for (int i = 0; i < count && code == CLI_OK; i++)
        code = check_input(&job->values, inputs[i]);
    if (code == CLI_OK && videos)
        code = interrupt_open();
    if (code == CLI_OK)
        code = open_job(job);
    if (code != CLI_OK)
        return code;
    if (!job->values.quiet)
        cli_note("%s", stance_pose_describe(job->pose));
    code = videos ? pose_videos(job, inputs, count) : pose_pictures(job, inputs, count);
    if (stance_result_writer_close(&job->writer) < 0)
        return cli_fail_library(CLI_FAILED);
    return code;
}

static int run_pose(int argument_count, char **arguments)
{
    struct pose_job job = {.values = {.choice = CLI_POSE_DEFAULTS(0.3f, 0.7f),
                                      .keypoint_threshold = 0.3f,
                                      .infer_every = 1,
                                      .overlay_every = 1,
                                      .crf = -1,
                                      .tracker = TRACKER_VALUES_UNSET}};
    stance_stream_options_default(&job.values.stream);
    int rest = cli_parse(&cli_pose, argument_count, arguments, &job.values);
    if (rest < 0)
        return rest == -2 ? CLI_OK : CLI_USAGE;
    if (rest == 0)
        return cli_fail(CLI_USAGE, "pose needs at least one input; see 'stance help pose'");
    int code = do_job(&job, arguments, rest);
    interrupt_close();
    stance_result_writer_close(&job.writer);
    stance_pose_close(&job.pose);
    cli_pose_models_close(&job.models);
    return code;
}

const struct cli_command cli_pose = {
    .name = "pose",
    .arguments = "INPUT…",
    .summary = "find people and their skeletons in pictures and videos",
    .details =
        "Pictures: JPEG, PNG, WebP, BMP, TIFF and GIF files, from disk or from http:// and "
        "https://\n"
        "addresses. Videos: files that FFmpeg reads, picture sequences (img_%04d.png), '-' for "
        "standard\ninput, camera:0, rtsp:// and other streams. Several videos are several streams "
        "whose people share\nbatches.\n"
        "Without -o, --json and --data each input is drawn into NAME_pose.png, .jpg or .mp4 in the "
        "present\nfolder; with a folder as -o, into it. A path for -o that ends in .mp4, .mkv, "
        ".webm or "
        ".mov makes a\nvideo of pictures, too. Without --detector and --pose the built-in models "
        "are "
        "used; MODEL is a path\nor a name, see 'stance models'. People in videos have ids and "
        "smooth "
        "keypoints; docs/streams.md\ntells how. Of live sources only the newest frame is taken. An "
        "input that cannot be read, or only\nin part, is told about; all else is done, and the "
        "exit "
        "code is 1. Ctrl-C ends a video where it is;\nwhat was written can be played.",
    .options = options,
    .run = run_pose};
