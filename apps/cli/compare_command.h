/* What the files of 'stance compare' share: the numbers, and the pictures on which both sides are
 * furthest apart. */
#ifndef CLI_COMPARE_COMMAND_H
#define CLI_COMPARE_COMMAND_H

#include <stdbool.h>
#include <stdio.h>

#include "stance/stance.h"

/* Keypoints that A scores lower are not counted, as in stance/agreement.h. */
#define COMPARE_LEAST_SCORE 0.2f

/* ---- Numbers (compare_numbers.c) ---- */

struct compare_distance {
    int keypoint;
    float pixels;
};

struct compare_numbers {
    const struct stance_keypoint_set *set; /* A's; static or of its pipeline */
    struct compare_distance *distances;
    size_t distance_count, capacity;
    int pictures, people, missed, extra; /* A's people, those whom B lacks, B's whom A lacks */
    double likeness, worst_likeness;     /* sum over the people of A; the least */
    double precision, overlap;           /* of detectors */
};

/* Negative after a message. */
int compare_add_distance(struct compare_numbers *numbers, int keypoint, float pixels);
void compare_print_table(struct compare_numbers *numbers);
/* The names are those of the two sides. */
void compare_print_json(struct compare_numbers *numbers, const char *const names[2]);
void compare_close_numbers(struct compare_numbers *numbers);

/* ---- Worst pictures (compare_pictures.c) ---- */

enum { COMPARE_MOST_WORST = 100 };

struct compare_worst {
    int most, count;
    bool drawn; /* whether they will be written */
    struct compare_place {
        struct stance_image *image; /* both sides beside each other; NULL: not drawn */
        char name[256];
        double likeness; /* of the person that is least alike */
        double pixels;   /* mean over the picture */
    } places[COMPARE_MOST_WORST];
};

/* Keeps a picture if it is among the worst so far; negative after a message. */
int compare_keep_worst(struct compare_worst *worst, const char *name,
                       const struct stance_image *image,
                       const struct stance_pose_result *const results[2], double likeness,
                       double pixels);
/* Writes 01-NAME.png and so on, the worst first; an exit code after messages. */
int compare_write_worst(const struct compare_worst *worst, const char *folder);
void compare_print_worst(const struct compare_worst *worst, FILE *file);
void compare_close_worst(struct compare_worst *worst);

#endif
