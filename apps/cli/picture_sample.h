/* Pictures and frames to try networks on, evenly spread over everything that was named. */
#ifndef CLI_PICTURE_SAMPLE_H
#define CLI_PICTURE_SAMPLE_H

#include <stdatomic.h>

#include "stance/image.h"

/* What to take pictures from: files, folders, patterns, addresses and videos. */
struct cli_sample {
    const char *const *inputs;
    int count;
    int most;                   /* pictures and frames at most */
    const atomic_bool *stopped; /* by a signal: no further frame is read */
    int failed;                 /* filled: pictures that could not be read, after a message each */
};

/* Calls `each` with every picture that is taken, in the order in which they were named, and `name`, for a
 * frame with "#12" behind it; `index` of `total`, which is a guess where a video does not tell its
 * length. Another answer than CLI_OK ends the walk. An exit code, after messages. */
int cli_sample_pictures(struct cli_sample *sample,
                        int (*each)(void *context, const char *name, struct stance_image *image,
                                    int index, int total),
                        void *context);

#endif
