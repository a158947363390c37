/* What comes out of a video, for tests of the reader. */
#ifndef HARVEST_H
#define HARVEST_H

#include "stance/video.h"

enum { HARVEST_MOST = 400 };

/* What came out of a file. */
struct harvest {
    int frames, good, damaged, status;
    int widths[HARVEST_MOST], heights[HARVEST_MOST], formats[HARVEST_MOST], luma[HARVEST_MOST],
        codes[HARVEST_MOST];
    int64_t times[HARVEST_MOST];
    struct stance_video_info info;
    struct stance_video_stats stats;
    char cause[512], error[512];
};

/* A path in the test's folder; the next call takes its place. */
const char *harvest_path(const char *name);

/* Reads to the end; times must rise, numbers must agree. */
void harvest_reap(struct stance_video_reader *reader, struct harvest *out);

/* Opens, reads to the end and closes; nothing may be left behind. */
struct harvest harvest_read(const char *input, const struct stance_video_options *options);

/* Mean luma or green of the top left quarter's inner part. */
int harvest_corner(const struct stance_image *image);

/* `count` frames that show the numbers from `first` on (see clip_luma()). */
void harvest_assert_counts_up(const struct harvest *out, int first, int count);

#endif
