/* The pictures of 'stance quantize': from files, folders, patterns, addresses and videos, evenly spread
 * over all of them. */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "picture_input.h"
#include "pose_command.h"
#include "quantize_command.h"

/* A walk over everything that was named; the first only counts. */
struct walk {
    struct quantize_job *job;
    int most, total, met, failed;
    bool counting;
};

/* Whether the next one met is among the `most` that are wanted of `total`. */
static bool is_next(struct walk *walk)
{
    int64_t at = walk->met++;
    if (walk->counting)
        return false;
    return walk->total <= walk->most ||
           at * walk->most / walk->total != (at + 1) * walk->most / walk->total;
}

static void add(struct walk *walk, struct stance_image *image)
{
    struct quantize_job *job = walk->job;
    if (job->picture_count < job->values.pictures)
        job->pictures[job->picture_count++].image = stance_image_keep(image);
}

static int each_picture(void *context, const char *input)
{
    struct walk *walk = context;
    struct stance_image *image = NULL;
    if (!is_next(walk))
        return 0;
    if (cli_read_picture(&image, input, NULL) < 0) {
        walk->failed++;
        return -1;
    }
    add(walk, image);
    stance_image_close(&image);
    return 0;
}

static int each_in_folder(struct walk *walk, const char *folder)
{
    static const char *const endings[] = {"[jJ][pP][gG]",     "[jJ][pP][eE][gG]", "[pP][nN][gG]",
                                          "[wW][eE][bB][pP]", "[bB][mM][pP]",     "[tT][iI][fF]",
                                          "[tT][iI][fF][fF]"};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        char pattern[4096];
        glob_t found;
        int length = snprintf(pattern, sizeof pattern, "%s/*.%s", folder, endings[i]);
        if (length < 0 || (size_t)length >= sizeof pattern)
            return cli_fail(CLI_FAILED, "the path '%.80s…' is too long", folder);
        if (glob(pattern, 0, NULL, &found) == 0)
            for (size_t k = 0; k < found.gl_pathc; k++)
                each_picture(walk, found.gl_pathv[k]);
        globfree(&found);
    }
    return CLI_OK;
}

static int count_frames(const struct stance_video_reader *reader)
{
    int64_t count = stance_video_reader_info(reader)->frame_count;
    return count > 0 && count < 1 << 24 ? (int)count : 0;
}

/* A video whose length nobody knows counts as many frames as there are, of which the first are
 * taken. */
static int each_frame(struct walk *walk, const char *input)
{
    struct stance_video_options options;
    struct stance_video_reader *reader;
    struct stance_video_frame frame;
    stance_video_options_default(&options);
    options.live = 0;
    if (stance_video_reader_open(&reader, input, &options) < 0)
        return cli_fail_library(CLI_FAILED);
    int count = count_frames(reader), code = STANCE_VIDEO_FRAME;
    if (walk->counting) {
        walk->met += count ? count : walk->most;
    } else {
        int last = walk->met + (count ? count : walk->most);
        while (walk->met < last && !atomic_load(&walk->job->stopped) &&
               (code = stance_video_reader_read(reader, &frame, -1)) == STANCE_VIDEO_FRAME) {
            if (is_next(walk) && frame.image && frame.code == 0)
                add(walk, frame.image);
            stance_image_close(&frame.image);
        }
        walk->met = last;
    }
    stance_video_reader_close(&reader);
    return code < 0 ? cli_fail_library(CLI_FAILED) : CLI_OK;
}

static int do_input(struct walk *walk, char *input)
{
    if (cli_is_folder(input))
        return each_in_folder(walk, input);
    if (pose_is_video(input))
        return each_frame(walk, input);
    return cli_each_picture(NULL, &input, 1, each_picture, walk) > 0 && walk->counting ? CLI_FAILED
                                                                                       : CLI_OK;
}

static int do_walk(struct walk *walk, char **more, int more_count)
{
    const struct cli_list *list = &walk->job->values.calibrate;
    int code = CLI_OK;
    walk->met = 0;
    for (int i = 0; i < list->count && code == CLI_OK; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s", list->items[i]);
        code = do_input(walk, path);
    }
    for (int i = 0; i < more_count && code == CLI_OK; i++)
        code = do_input(walk, more[i]);
    return code;
}

int quantize_read_pictures(struct quantize_job *job, char **more, int more_count)
{
    struct walk walk = {.job = job, .most = job->values.pictures, .counting = true};
    job->pictures = calloc((size_t)job->values.pictures, sizeof *job->pictures);
    if (!job->pictures)
        return cli_fail(CLI_FAILED, "out of memory");
    int code = do_walk(&walk, more, more_count);
    if (code != CLI_OK)
        return code;
    walk.total = walk.met;
    walk.counting = false;
    code = do_walk(&walk, more, more_count);
    if (code != CLI_OK)
        return code;
    if (walk.failed)
        cli_note("%d pictures could not be read; calibrating on the others", walk.failed);
    return job->picture_count
               ? CLI_OK
               : cli_fail(CLI_FAILED, "there is no picture to calibrate on in what was named");
}

void quantize_close_pictures(struct quantize_job *job)
{
    for (int i = 0; i < job->picture_count; i++)
        stance_image_close(&job->pictures[i].image);
    free(job->pictures);
    job->pictures = NULL;
}
