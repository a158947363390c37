/* What a video's frame costs beside the networks: pixels into their inputs, their outputs into people,
 * and following those; with the networks, reading and drawing apart. One thread does it all, so that
 * nothing hides behind something else. */
#include <stdio.h>
#include <stdlib.h>

#include "bench_command.h"
#include "pose_models.h"
#include "stance/stance.h"

enum { WARM_UP = 5, MOST_FRAMES = 100000 };

/* In the order of the table. */
enum part { READ, LETTERBOX, CROP, NETWORKS, DECODE, TRACK, OTHER, BESIDE, DRAW, PARTS };

static const char *const names[PARTS] = {"read",  "letterbox", "crop",   "networks", "decode",
                                         "track", "other",     "beside", "draw"};
static const char *const meanings[PARTS] = {
    "video decoding, and a copy to draw on",
    "the picture into the detector's input",
    "people into the pose network's input",
    "detector and pose network",
    "outputs into boxes and keypoints, suppression of boxes",
    "suppression of poses, tracks, smoothing",
    "the rest of the pipeline",
    "all of it but networks, reading and drawing",
    "people onto the frame",
};

struct end_to_end {
    struct cli_pose_models models;
    struct stance_pose *pose;
    struct stance_stream *stream;
    struct stance_video_reader *reader;
    double *ms[PARTS]; /* of each frame */
    int frames, width, height;
    int64_t people;
};

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static int open_all(struct end_to_end *bench, const struct bench_video *wanted)
{
    struct cli_pose_choice choice = CLI_POSE_DEFAULTS(0.3f, 0.7f);
    choice.detector = wanted->detector;
    choice.pose = wanted->pose;
    choice.device = wanted->device;
    choice.threads = wanted->threads;
    int code = cli_pose_open(&bench->pose, &bench->models, &choice, NULL, true);
    if (code != CLI_OK)
        return code;
    struct stance_stream_options stream;
    stance_stream_options_default(&stream);
    stream.detect_every = wanted->detect_every;
    struct stance_video_options video;
    stance_video_options_default(&video);
    video.writable = 1;
    video.live = 0;
    if (stance_stream_open(&bench->stream, bench->pose, &stream) < 0 ||
        stance_video_reader_open(&bench->reader, wanted->path, &video) < 0)
        return cli_fail_library(CLI_FAILED);
    for (int i = 0; i < PARTS; i++) {
        bench->ms[i] = calloc(MOST_FRAMES, sizeof bench->ms[i][0]);
        if (!bench->ms[i])
            return cli_fail(CLI_FAILED, "out of memory for the times of %d frames", MOST_FRAMES);
    }
    return CLI_OK;
}

static void close_all(struct end_to_end *bench)
{
    for (int i = 0; i < PARTS; i++)
        free(bench->ms[i]);
    stance_video_reader_close(&bench->reader);
    stance_stream_close(&bench->stream);
    stance_pose_close(&bench->pose);
    cli_pose_models_close(&bench->models);
}

/* The frame through the pipeline and onto itself. `ms`: one for each part, of which READ is known. */
static int time_frame(struct end_to_end *bench, const struct stance_video_frame *video, double *ms)
{
    struct stance_pose_times before, after;
    struct stance_stream_frame frame = {
        .stream = bench->stream, .image = video->image, .time_us = video->time_us};
    stance_pose_times(bench->pose, &before);
    double start = cli_clock();
    if (stance_stream_apply(&frame, 1) < 0)
        return cli_fail_library(CLI_FAILED);
    double middle = cli_clock();
    stance_pose_times(bench->pose, &after);
    ms[LETTERBOX] = (double)(after.letterbox - before.letterbox) / 1e6;
    ms[CROP] = (double)(after.crop - before.crop) / 1e6;
    ms[NETWORKS] = (double)(after.network - before.network) / 1e6;
    ms[DECODE] = (double)(after.decode - before.decode) / 1e6;
    ms[TRACK] = (double)frame.result->track_ns / 1e6;
    ms[BESIDE] = (middle - start) * 1e3 - ms[NETWORKS];
    ms[OTHER] = ms[BESIDE] - ms[LETTERBOX] - ms[CROP] - ms[DECODE] - ms[TRACK];
    if (stance_draw_pose(video->image, &frame.result->pose, NULL) < 0)
        return cli_fail_library(CLI_FAILED);
    ms[DRAW] = (cli_clock() - middle) * 1e3;
    bench->people += frame.result->pose.person_count;
    return CLI_OK;
}

static int run_frames(struct end_to_end *bench, double seconds)
{
    double end = 0, clock = cli_clock();
    for (int i = -WARM_UP; bench->frames < MOST_FRAMES; i++) {
        struct stance_video_frame video;
        double ms[PARTS] = {0};
        int status = stance_video_reader_read(bench->reader, &video, -1);
        if (status < 0)
            return cli_fail_library(CLI_FAILED);
        if (status == STANCE_VIDEO_END || (i > 0 && clock > end))
            break;
        if (!video.image)
            continue;
        ms[READ] = (cli_clock() - clock) * 1e3;
        bench->width = video.image->width;
        bench->height = video.image->height;
        int code = time_frame(bench, &video, ms);
        stance_image_close(&video.image);
        if (code != CLI_OK)
            return code;
        clock = cli_clock();
        if (i < 0) {
            end = clock + seconds;
            bench->people = 0;
            continue;
        }
        for (int part = 0; part < PARTS; part++)
            bench->ms[part][bench->frames] = ms[part];
        bench->frames++;
    }
    if (bench->frames == 0)
        return cli_fail(CLI_FAILED, "a video of more than %d frames is needed", WARM_UP);
    return CLI_OK;
}

/* Sorts the part's times. */
static double quantile(struct end_to_end *bench, int part, double share)
{
    qsort(bench->ms[part], (size_t)bench->frames, sizeof bench->ms[part][0], compare);
    return bench->ms[part][(int)(share * (bench->frames - 1))];
}

static double mean(const struct end_to_end *bench, int part)
{
    double sum = 0;
    for (int i = 0; i < bench->frames; i++)
        sum += bench->ms[part][i];
    return sum / bench->frames;
}

static void print_text(struct end_to_end *bench, const struct bench_video *wanted)
{
    printf("%s\n%s\n%dx%d, %d frames, %.2f people a frame, detector ", wanted->path,
           stance_pose_describe(bench->pose), bench->width, bench->height, bench->frames,
           (double)bench->people / bench->frames);
    if (wanted->detect_every == 1)
        printf("on every frame\n");
    else
        printf("on every frame of %d\n", wanted->detect_every);
    printf("%-10s %9s %9s %9s %9s ms\n", "part", "mean", "p10", "median", "p95");
    for (int part = 0; part < PARTS; part++)
        printf("%-10s %9.3f %9.3f %9.3f %9.3f  %s\n", names[part], mean(bench, part),
               quantile(bench, part, 0.1), quantile(bench, part, 0.5), quantile(bench, part, 0.95),
               meanings[part]);
}

static void print_json(struct end_to_end *bench, const struct bench_video *wanted)
{
    printf("{\"video\": ");
    cli_json_string(wanted->path);
    printf(", \"pipeline\": ");
    cli_json_string(stance_pose_describe(bench->pose));
    printf(", \"width\": %d, \"height\": %d, \"frames\": %d, \"people\": %.4f, "
           "\"detect_every\": %d, \"parts\": {",
           bench->width, bench->height, bench->frames, (double)bench->people / bench->frames,
           wanted->detect_every);
    for (int part = 0; part < PARTS; part++)
        printf("%s\"%s\": {\"mean_ms\": %.4f, \"p10_ms\": %.4f, \"median_ms\": %.4f, "
               "\"p95_ms\": %.4f}",
               part ? ", " : "", names[part], mean(bench, part), quantile(bench, part, 0.1),
               quantile(bench, part, 0.5), quantile(bench, part, 0.95));
    printf("}}\n");
}

int bench_video(const struct bench_video *wanted)
{
    struct end_to_end bench = {0};
    int code = open_all(&bench, wanted);
    if (code == CLI_OK)
        code = run_frames(&bench, wanted->seconds);
    if (code == CLI_OK)
        (wanted->json ? print_json : print_text)(&bench, wanted);
    close_all(&bench);
    return code;
}
