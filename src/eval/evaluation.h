/* What the files of this room share: ground truth and results as plain tables, ordered for matching,
 * and the steps between them and numbers. */
#ifndef EVAL_EVALUATION_H
#define EVAL_EVALUATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/errors.h"
#include "stance/eval.h"

enum {
    EVAL_MAX_KEYPOINTS = 512,
    EVAL_THRESHOLDS = 10, /* .5, .55, … .95 */
    EVAL_RECALLS = 101,   /* 0, .01, … 1 */
    EVAL_MAX_AREAS = 4,
    EVAL_MAX_LIMITS = 3,
    EVAL_MAX_PARTS = 6,
    EVAL_MAX_NUMBERS = 64,
    EVAL_MAX_EDGES = 1024,
};

/* A run of keypoints that is evaluated by itself. */
struct eval_part {
    const char *name; /* before the names of its numbers; "" for the whole */
    int first, count;
};

/* How a data set's keypoints are measured. */
struct eval_set {
    const char *name;
    int count;
    const double *sigmas;     /* [count] */
    const char *const *names; /* [count]; NULL: the annotations' own, or numbers */
    const struct eval_part *parts;
    int part_count;
    bool box_area;   /* 0.53 × width × height of the box is the person's area */
    bool crowd;      /* numbers by crowdIndex, none by area */
    bool drop_blank; /* results without any scored keypoint do not count */
};

/* By name; or, for NULL, by number of keypoints (14: CrowdPose with `crowd_index` or when the first
 * one is a left one, else AIC). NULL: there is none. */
const struct eval_set *eval_set_find(const char *name, int count, bool crowd_index,
                                     const char *first_name);
/* The names of all sets, for sentences. */
const char *eval_set_list(void);

struct eval_picture {
    int64_t id;
    const char *file;
    int32_t width, height;
    double crowd_index;
};

struct eval_category {
    int64_t id;
    bool person;
};

/* One annotation or one result. */
struct eval_instance {
    int64_t id;       /* of the annotation; for results the one they belong to, or -1 */
    int32_t picture;  /* index */
    int32_t category; /* index */
    int64_t points;   /* index of the first keypoint's numbers, or EVAL_NO_POINTS */
    double box[4];    /* x, y, width, height */
    double area, score, head;
    int32_t labelled; /* annotations: num_keypoints */
    bool crowd, has_box;
    double part_scores[EVAL_MAX_PARTS]; /* results: NAN where the file gives none */
};

struct eval_list {
    struct eval_instance *items;
    size_t count, capacity;
    double *points; /* 3 a keypoint */
    size_t point_count, point_capacity;
    /* Indices of items, by category, then picture, then best score (ties and annotations: as they
     * came). */
    uint32_t *order;
    size_t ordered; /* how many of them take part */
};

/* Precision at every recall and the highest recall, summed over the categories that have ground truth:
 * for every threshold, area range and limit of results a picture. */
struct eval_curves {
    int categories[EVAL_MAX_AREAS];
    double precision[EVAL_MAX_AREAS][EVAL_MAX_LIMITS][EVAL_THRESHOLDS][EVAL_RECALLS];
    double recall[EVAL_MAX_AREAS][EVAL_MAX_LIMITS][EVAL_THRESHOLDS];
};

struct stance_eval {
    struct stance_eval_options options;
    char *path;
    struct eval_picture *pictures;
    size_t picture_count, picture_capacity;
    struct eval_category *categories;
    size_t category_count, category_capacity;
    char **texts; /* file and keypoint names, to be freed */
    size_t text_count, text_capacity;
    int kind;           /* STANCE_EVAL_AUTO until something decides */
    int person;         /* index of the category that alone is evaluated, or -1 */
    int keypoint_count; /* of every instance; 0: none */
    const struct eval_set *set;
    struct eval_part whole; /* of keypoints that belong to no set */
    const char *names[EVAL_MAX_KEYPOINTS];
    int16_t flip[EVAL_MAX_KEYPOINTS];
    int16_t edges[EVAL_MAX_EDGES][2];
    int edge_count;
    bool has_crowd_index;
    struct eval_list truth, found;
    bool ordered;
    size_t unknown_categories; /* results of categories that the ground truth does not have */
    struct stance_eval_number numbers[EVAL_MAX_NUMBERS];
    int number_count;
    float (*boxes)[4]; /* what stance_eval_picture() lends */
    float *scores;
    int64_t *ids;
    size_t lent;
};

/* Makes room for one more entry of `size` bytes. */
int eval_grow(void **items, size_t *capacity, size_t count, size_t size, const char *what);
/* A copy that lives as long as the evaluation; NULL when memory is out (the sentence is set). */
const char *eval_text(struct stance_eval *eval, const char *text);

enum { EVAL_NO_POINTS = -1 };

/* One annotation or result as its file has it. */
struct eval_entry {
    unsigned seen; /* bits of entry.c's table of members */
    int64_t id, picture, category, annotation;
    double box[4], area, score, labelled, head;
    double part_scores[EVAL_MAX_PARTS];
    bool crowd;
    int sizes[5];                             /* numbers in each of the arrays below */
    double points[5][EVAL_MAX_KEYPOINTS * 3]; /* body, feet, face, left and right hand */
};
/* Members, as bits of `seen`. */
enum {
    EVAL_HAS_ID = 1 << 0,
    EVAL_HAS_PICTURE = 1 << 1,
    EVAL_HAS_CATEGORY = 1 << 2,
    EVAL_HAS_BOX = 1 << 3,
    EVAL_HAS_AREA = 1 << 4,
    EVAL_HAS_SCORE = 1 << 5,
    EVAL_HAS_LABELLED = 1 << 6,
    EVAL_HAS_KEYPOINTS = 1 << 7,
};
struct base_scan;
/* `what` stands in sentences ("annotation 7"). */
int eval_entry_read(struct eval_entry *entry, struct base_scan *scan, const char *what);
/* The entry's keypoints in one row into `out`, 3 × the number returned: `wanted` of them, or, with
 * 0, all that it has. -1: it has another number (`has` says which). */
int eval_entry_points(const struct eval_entry *entry, int wanted,
                      double out[EVAL_MAX_KEYPOINTS * 3], int *has);

/* Reading. */
int eval_parse_annotations(struct stance_eval *eval, const void *data, size_t size,
                           const char *name);
int eval_parse_results(struct stance_eval *eval, const void *data, size_t size, const char *name);
/* stance_eval_open() with the file's bytes. */
int eval_open_bytes(struct stance_eval **out, const void *data, size_t size, const char *name,
                    const struct stance_eval_options *options);
/* Appends an instance, with a copy of its keypoints unless `points` is NULL. */
int eval_append(struct eval_list *list, const struct eval_instance *item, const double *points,
                int count);
/* x, y, and visibility or score of every keypoint; blanks where the instance has none. */
const double *eval_points(const struct eval_list *list, const struct eval_instance *item);
/* Index of a picture or category by id, or -1. */
int32_t eval_picture_index(const struct stance_eval *eval, int64_t id);
int32_t eval_category_index(const struct stance_eval *eval, int64_t id);
/* Area and box of a result from its first `count` keypoints. */
/* Keypoints whose extent is the area of a result: the body's. */
int eval_body_count(const struct stance_eval *eval);
void eval_area_of_points(struct eval_instance *item, const double *points, int count);

/* Fills kind, names and `order` of both lists. */
int eval_prepare(struct stance_eval *eval);
/* Decides about kind and set; needed before results with keypoints are taken. */
int eval_settle(struct stance_eval *eval);

/* One category in one picture: a run of both orders. */
struct eval_group {
    int32_t picture, category;
    const uint32_t *truth, *found;
    size_t truth_count, found_count;
};
struct eval_walk {
    const struct stance_eval *eval;
    size_t truth_at, found_at;
};
/* The next group in the order of categories, then pictures; false at the end. */
bool eval_next_group(struct eval_walk *walk, struct eval_group *group);

/* Similarities of results (rows) and annotations (columns), into `out`. */
void eval_similarity(const struct stance_eval *eval, const struct eval_part *part,
                     const struct eval_group *group, size_t found_count, double *out);
/* What is evaluated by itself: the set's parts, or the whole. */
const struct eval_part *eval_parts(const struct stance_eval *eval, int *count);
/* The squared scale of a person: its area by the set's rule. */
double eval_truth_area(const struct stance_eval *eval, const struct eval_instance *truth);
/* Whether an annotation is not asked for, whatever its size. */
bool eval_is_ignored(const struct stance_eval *eval, const struct eval_part *part,
                     const struct eval_instance *truth);
/* Whether a result takes part. */
bool eval_takes_part(const struct stance_eval *eval, const struct eval_part *part,
                     const struct eval_instance *found);
double eval_score(const struct stance_eval *eval, int part, const struct eval_instance *found);
/* One keypoint's similarity, exp(-d²/2s²k²). */
double eval_keypoint_similarity(const struct stance_eval *eval, const struct eval_instance *truth,
                                int truth_keypoint, const struct eval_instance *found,
                                int found_keypoint);

/* COCO's matching and accumulation over the pictures with `least` <= crowdIndex < `most`; all pictures
 * with -INFINITY. */
int eval_curves_compute(const struct stance_eval *eval, int part, double least, double most,
                        struct eval_curves *out);
/* Mean precision over the thresholds from … to and all recalls, or mean recall; -1: no ground truth.
 * `area` and `limit` are positions in the lists below. */
double eval_curves_precision(const struct eval_curves *curves, int from, int to, int area,
                             int limit);
double eval_curves_recall(const struct eval_curves *curves, int from, int to, int area, int limit);
double eval_threshold(int i);
/* Most results a picture that count, and ranges of areas: 20 and all, medium, large for keypoints; 1,
 * 10, 100 and all, small, medium, large for boxes. Both return how many. */
int eval_limits(const struct stance_eval *eval, int limits[EVAL_MAX_LIMITS]);
int eval_areas(const struct stance_eval *eval, double areas[EVAL_MAX_AREAS][2]);

/* Metrics: they fill `numbers`. */
int eval_coco(struct stance_eval *eval);
int eval_distances(struct stance_eval *eval, const char *metric);
void eval_number(struct stance_eval *eval, const char *part, const char *name, double value);
/* The index of a keypoint called so ("left_shoulder", case and blanks aside), or -1. */
int eval_keypoint_named(const struct stance_eval *eval, const char *name);

/* Who is whom: for every result of a group the annotation it was matched to, or -1; similarity at
 * least `least`, best scores first, each person once. */
void eval_pair(const struct eval_group *group, const double *similarity, double least,
               int32_t *found_to_truth);

/* Ronchi and Perona, Benchmarking and Error Diagnosis in Multi-Instance Pose Estimation, 2017. */
enum eval_error { EVAL_GOOD, EVAL_JITTER, EVAL_INVERSION, EVAL_SWAP, EVAL_MISS, EVAL_ERRORS };
extern const char *const eval_error_names[EVAL_ERRORS];
/* What is wrong with keypoint k of `found`, which is matched to truth `own` of the group. */
enum eval_error eval_keypoint_error(const struct stance_eval *eval, const struct eval_group *group,
                                    size_t own, const struct eval_instance *found, int k);

#endif
