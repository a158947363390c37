/* The walk over pictures and videos of which a sample is taken: once to count, once to read. */
#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "picture_input.h"
#include "picture_sample.h"
#include "pose_command.h"
#include "stance/video.h"

struct walk {
    struct cli_sample *sample;
    int (*each)(void *context, const char *name, struct stance_image *image, int index, int total);
    void *context;
    int total, met, taken;
    int code; /* of the last `each` */
    bool counting;
};

/* Whether the next one met is among the `most` that are wanted of `total`. */
static bool is_next(struct walk *walk)
{
    int64_t at = walk->met++, most = walk->sample->most;
    if (walk->counting)
        return false;
    return walk->total <= most || at * most / walk->total != (at + 1) * most / walk->total;
}

static void take(struct walk *walk, const char *name, struct stance_image *image)
{
    int wanted = walk->total < walk->sample->most ? walk->total : walk->sample->most;
    if (walk->taken < walk->sample->most)
        walk->code = walk->each(walk->context, name, image, walk->taken++, wanted);
}

/* Negative when it could not be read. */
static int each_picture(void *context, const char *input)
{
    struct walk *walk = context;
    struct stance_image *image = NULL;
    if (walk->code != CLI_OK || !is_next(walk))
        return 0;
    if (cli_read_picture(&image, input, NULL) < 0) {
        walk->sample->failed++;
        return -1;
    }
    take(walk, input, image);
    stance_image_close(&image);
    return 0;
}

static int each_in_folder(struct walk *walk, const char *folder)
{
    static const char *const endings[] = {"[jJ][pP][gG]",     "[jJ][pP][eE][gG]", "[pP][nN][gG]",
                                          "[wW][eE][bB][pP]", "[bB][mM][pP]",     "[tT][iI][fF]",
                                          "[tT][iI][fF][fF]"};
    size_t name = strlen(folder);
    while (name > 1 && folder[name - 1] == '/')
        name--;
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        char pattern[4096];
        glob_t found;
        int length = snprintf(pattern, sizeof pattern, "%.*s/*.%s", (int)name, folder, endings[i]);
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

static int read_frames(struct walk *walk, const char *input, struct stance_video_reader *reader,
                       int count)
{
    struct stance_video_frame frame;
    int first = walk->met, code = STANCE_VIDEO_FRAME;
    while (walk->met < first + count && walk->code == CLI_OK &&
           !atomic_load(walk->sample->stopped) &&
           (code = stance_video_reader_read(reader, &frame, -1)) == STANCE_VIDEO_FRAME) {
        char name[4096];
        snprintf(name, sizeof name, "%s#%d", input, walk->met - first);
        if (is_next(walk) && frame.image && frame.code == 0)
            take(walk, name, frame.image);
        stance_image_close(&frame.image);
    }
    walk->met = first + count;
    return code < 0 ? cli_fail_library(CLI_FAILED) : CLI_OK;
}

/* A video whose length nobody knows counts as many frames as are wanted, of which the first are
 * taken. */
static int each_frame(struct walk *walk, const char *input)
{
    struct stance_video_options options;
    struct stance_video_reader *reader;
    stance_video_options_default(&options);
    options.live = 0;
    if (stance_video_reader_open(&reader, input, &options) < 0)
        return cli_fail_library(CLI_FAILED);
    int known = count_frames(reader), count = known ? known : walk->sample->most, code = CLI_OK;
    if (walk->counting)
        walk->met += count;
    else
        code = read_frames(walk, input, reader, count);
    stance_video_reader_close(&reader);
    return code;
}

static int do_input(struct walk *walk, const char *input)
{
    char path[4096], *argument = path;
    snprintf(path, sizeof path, "%s", input);
    if (cli_is_folder(input))
        return each_in_folder(walk, input);
    if (pose_is_video(input))
        return each_frame(walk, input);
    cli_each_picture(NULL, &argument, 1, each_picture, walk);
    return CLI_OK;
}

static int do_walk(struct walk *walk)
{
    int code = CLI_OK;
    walk->met = 0;
    for (int i = 0; i < walk->sample->count && code == CLI_OK && walk->code == CLI_OK; i++)
        code = do_input(walk, walk->sample->inputs[i]);
    return code != CLI_OK ? code : walk->code;
}

int cli_sample_pictures(struct cli_sample *sample,
                        int (*each)(void *context, const char *name, struct stance_image *image,
                                    int index, int total),
                        void *context)
{
    struct walk walk = {
        .sample = sample, .each = each, .context = context, .code = CLI_OK, .counting = true};
    sample->failed = 0;
    int code = do_walk(&walk);
    walk.total = walk.met;
    walk.counting = false;
    return code == CLI_OK ? do_walk(&walk) : code;
}
