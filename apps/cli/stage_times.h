/* How long each stage takes on each frame: mean and quantiles of any number of frames in constant
 * memory. */
#ifndef CLI_STAGE_TIMES_H
#define CLI_STAGE_TIMES_H

#include <stdint.h>

enum stage { STAGE_READ, STAGE_DETECT, STAGE_POSE, STAGE_TRACK, STAGE_DRAW, STAGE_WRITE, STAGES };

enum { STAGE_BINS = 400 }; /* each 4 % wider than the one before, from 1 µs on */

struct stage_times {
    struct stage_histogram {
        int64_t frames, total_ns;
        int64_t bins[STAGE_BINS];
    } stages[STAGES];
};

/* Not from two threads for one stage. */
void stage_times_add(struct stage_times *times, enum stage stage, int64_t ns);

/* Milliseconds that a share 0 … 1 of the frames do not exceed, within 4 %. */
double stage_times_quantile(const struct stage_times *times, enum stage stage, double share);

/* The table on standard output; stages without frames are left out. */
void stage_times_print(const struct stage_times *times);

#endif
