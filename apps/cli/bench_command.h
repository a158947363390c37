/* What 'stance bench' measures beyond whole runs: the operators of a network against what the processor
 * can do at most, and everything around the networks on the way of a video's frame. */
#ifndef CLI_BENCH_COMMAND_H
#define CLI_BENCH_COMMAND_H

#include "command.h"
#include "stance/session.h"

/* One operator of a network; times are means of a run. */
struct bench_operator {
    struct stance_profile_step step;
    double us, share;       /* of the sum of all operators, 0 … 1 */
    bool bytes;             /* computed on 8-bit integers: beside the limit of those */
    double gflops, of_peak; /* of the limit's multiply-adds: above 1 with Winograd */
    double gb_s, of_memory; /* of the limit's copying: above 1 where data lie in the cache */
    double intensity;       /* operations a byte */
    bool memory_bound;      /* at the limits reading and writing would take longer than computing */
};

struct bench_operators {
    struct bench_operator *list; /* the longest time first */
    int count;
    double us; /* of all */
    struct stance_limits limits;
};

/* From a session that has run with options.profile. Exit codes of the program. */
int bench_operators_open(struct bench_operators *operators, struct stance_session *session);
void bench_operators_close(struct bench_operators *operators);

/* Tables of operators, and of their types and kernels; as JSON the members "limits", "operators" and
 * "types", each with a comma before. */
int bench_operators_print(const struct bench_operators *operators, bool json);

/* Writes the roofline as an SVG picture: a dot an operator. */
int bench_operators_plot(const struct bench_operators *operators, const char *title,
                         const char *path);

/* The way of a video's frames. */
struct bench_video {
    const char *path, *detector, *pose, *device; /* the models NULL: built in */
    int threads, detect_every;
    double seconds;
    bool json;
};

/* Measures and prints. Exit codes of the program. */
int bench_video(const struct bench_video *wanted);

#endif
