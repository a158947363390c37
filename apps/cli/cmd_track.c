/* stance track: the tracker alone, from detections to tracks in MOTChallenge's format. */
#include <math.h>
#include <string.h>

#include "command.h"
#include "stance/stance.h"
#include "tracker_values.h"

struct track_values {
    const char *output;
    float fps;
    struct tracker_values tracker;
};

#define VALUE(name) offsetof(struct track_values, name)
#define TRACKER_VALUE(name) VALUE(tracker.name)

static const struct cli_option options[] = {
    {"--output", "-o", "TRACKS.txt", "where the tracks go (standard output)", CLI_TEXT,
     VALUE(output), 0, 0},
    {"--fps", NULL, "R", "frames per second of the video (30)", CLI_NUMBER, VALUE(fps), 0.001,
     100000},
    TRACKER_OPTIONS(TRACKER_VALUE),
    {0},
};

enum { MOST_PEOPLE = 1024 };

/* Rows on their way through the tracker. */
struct run {
    const struct stance_mot_row *rows;
    int count, at;
    double fps;
    struct stance_tracker *tracker;
    struct stance_mot *tracks;
    struct stance_detection detections[MOST_PEOPLE];
};

/* -1 stands for "no score". */
static float score_of(const struct stance_mot_row *row)
{
    return row->score == -1 ? 1 : (float)row->score;
}

static int collect(struct run *run, int64_t frame)
{
    int count = 0;
    for (; run->at < run->count && run->rows[run->at].frame == frame; run->at++) {
        const struct stance_mot_row *row = &run->rows[run->at];
        if (count == MOST_PEOPLE)
            return cli_fail(-1, "frame %lld has more than %d boxes", (long long)frame, MOST_PEOPLE);
        run->detections[count++] = (struct stance_detection){
            .box = {(float)row->left, (float)row->top, (float)(row->left + row->width),
                    (float)(row->top + row->height)},
            .score = score_of(row)};
    }
    return count;
}

static int track_frame(struct run *run, int64_t frame, int count)
{
    const struct stance_track *tracks;
    int track_count;
    double time = (double)frame / run->fps * 1e6;
    if (time > 1e18) /* no video; and the microseconds stay within 64 bits */
        return cli_fail(CLI_FAILED, "frame %lld is more than 30000 years from the start",
                        (long long)frame);
    if (stance_tracker_update(run->tracker, llround(time), run->detections, count, &tracks,
                              &track_count) < 0)
        return cli_fail_library(CLI_FAILED);
    for (int i = 0; i < track_count; i++) {
        const float *box = tracks[i].box;
        struct stance_mot_row row = {.frame = frame,
                                     .id = tracks[i].id,
                                     .left = (double)box[0],
                                     .top = (double)box[1],
                                     .width = (double)box[2] - (double)box[0],
                                     .height = (double)box[3] - (double)box[1],
                                     .score = (double)tracks[i].score};
        if (stance_mot_add(&run->tracks, &row) < 0)
            return cli_fail_library(CLI_FAILED);
    }
    return CLI_OK;
}

/* Frames without a row are frames without people; when no track waits any more they are passed
 * over. */
static int track_all(struct run *run)
{
    struct stance_tracker_counts counts = {0};
    int64_t frame = run->count ? run->rows[0].frame : 0;
    while (run->at < run->count) {
        if (counts.alive == 0)
            frame = run->rows[run->at].frame;
        int count = collect(run, frame);
        if (count < 0 || track_frame(run, frame, count) != CLI_OK)
            return CLI_FAILED;
        stance_tracker_counts(run->tracker, &counts);
        frame++;
    }
    return CLI_OK;
}

static int track_file(struct run *run, const char *path, const char *output)
{
    struct stance_mot *detections;
    if (stance_mot_open(&detections, path) < 0)
        return cli_fail_library(CLI_FAILED);
    run->rows = stance_mot_rows(detections, &run->count);
    int code = track_all(run);
    if (code == CLI_OK && stance_mot_save(run->tracks, output) < 0)
        code = cli_fail_library(CLI_FAILED);
    stance_mot_close(&detections);
    return code;
}

static int run_track(int argument_count, char **arguments)
{
    struct track_values values = {.output = "-", .fps = 30, .tracker = TRACKER_VALUES_UNSET};
    struct stance_tracker_options tracker_options;
    static struct run run;
    int rest = cli_parse(&cli_track, argument_count, arguments, &values);
    if (rest < 0)
        return rest == -2 ? CLI_OK : CLI_USAGE;
    if (rest != 1)
        return cli_fail(CLI_USAGE, "track takes one file of detections, or - for standard input");
    stance_tracker_options_default(&tracker_options);
    tracker_options.max_detections = MOST_PEOPLE;
    tracker_options.max_tracks = MOST_PEOPLE;
    int code = cli_tracker_options(&tracker_options, &values.tracker);
    if (code != CLI_OK)
        return code;
    if (stance_tracker_open(&run.tracker, &tracker_options) < 0)
        return cli_fail_library(CLI_USAGE);
    run.fps = (double)values.fps;
    code = track_file(&run, arguments[0], values.output);
    stance_mot_close(&run.tracks);
    stance_tracker_close(&run.tracker);
    return code;
}

const struct cli_command cli_track = {
    .name = "track",
    .arguments = "DETECTIONS.txt",
    .summary = "follow people through detections in MOT format",
    .details =
        "Reads lines 'frame,id,left,top,width,height,score' (ids are not looked at) and writes the "
        "same\nwith a lasting id for every person. Boxes alone: poses are tracked where poses are "
        "found.\ndocs/tracking.md tells how it works and what the options mean.",
    .options = options,
    .run = run_track};
