/* What the files of 'stance quantize' share: the pictures to calibrate on, the trial that tells what a
 * choice of layers costs, the search for a choice, and the report. */
#ifndef CLI_QUANTIZE_COMMAND_H
#define CLI_QUANTIZE_COMMAND_H

#include <stdatomic.h>

#include "command.h"
#include "stance/stance.h"

enum { QUANTIZE_MOST_BOXES = 16 };

struct quantize_values {
    struct cli_list calibrate;
    const char *output, *method, *report, *detector;
    float max_drop;
    int pictures, threads;
    bool roles_only, keep_biases, quiet;
};

/* A picture with the people that the detector found. */
struct quantize_picture {
    struct stance_image *image;
    float boxes[QUANTIZE_MOST_BOXES][4];
    int box_count;
};

struct quantize_job {
    struct quantize_values values;
    const char *name; /* of the model, as given */
    int role;         /* enum stance_role */
    struct stance_model *model, *detector;
    struct stance_quantizer *quantizer;
    struct stance_agreement *agreement;
    struct stance_agreement *candidates; /* detectors: of boxes before suppression; else NULL */
    struct quantize_picture *pictures;
    int picture_count, people;
    double started;
    atomic_bool stopped; /* by a signal */
    int layer_count;
    double *drops; /* [layer_count], of each layer alone in int8; NaN: not measured */
    double drop;   /* of the choice made, on all pictures */
    struct stance_agreement_numbers numbers; /* of that, as people get to see it */
};

/* Finds people, feeds the quantizer, and keeps the float network's answers. */
int quantize_prepare(struct quantize_job *job);
/* What the layers chosen now lose on every `step`-th picture: 1 - OKS of keypoints, 1 - closeness of
 * a detector's candidates (a box that survives in its neighbour's place says little about rounding). */
int quantize_try(struct quantize_job *job, int step, double *drop);
/* Fills numbers. */
int quantize_measure(struct quantize_job *job);

/* Chooses layers; fills drops, drop and numbers. */
int quantize_search(struct quantize_job *job);

/* CLI_FAILED after a message when a signal came, else CLI_OK. */
int quantize_check_stop(const struct quantize_job *job);

const char *quantize_role_name(int role);
/* Multiply-adds in int8 over all. */
double quantize_share(const struct quantize_job *job);
/* "OKS" or "AP". */
const char *quantize_metric(const struct quantize_job *job);
void quantize_print_table(const struct quantize_job *job);
/* An exit code after messages. */
int quantize_write_report(const struct quantize_job *job);

#endif
