/* Evaluation: how good are boxes or keypoints, by the field's own numbers.
 *
 * Ground truth and results are JSON files in COCO's format (docs/evaluation.md). The numbers are
 * those of pycocotools' COCOeval (cocodataset/cocoapi), for CrowdPose and COCO-WholeBody those of
 * xtcocotools (jin-s13/xtcocoapi), and for PCK, PCKh, AUC, EPE and NME the definitions of MMPose
 * (mmpose/evaluation/functional/keypoint_eval.py).
 * Coordinates are pixels of the picture as COCO writes them.
 * Threads: an evaluation belongs to one thread at a time. */
#ifndef STANCE_EVAL_H
#define STANCE_EVAL_H

#include "stance/pose.h"

#ifdef __cplusplus
extern "C" {
#endif

struct stance_eval;

enum stance_eval_kind {
    STANCE_EVAL_AUTO = 0, /* keypoints where the results have them, else boxes */
    STANCE_EVAL_KEYPOINTS = 1,
    STANCE_EVAL_BOXES = 2,
};

struct stance_eval_options {
    uint32_t struct_size;     /* filled by stance_eval_options_default() */
    int32_t kind;             /* enum stance_eval_kind */
    const char *keypoint_set; /* "coco17", "halpe26", "crowdpose", "aic", "mpii", "wholebody"; NULL:
                                 by the ground truth's keypoints */
    int32_t single_person;    /* not 0: only the best result of each picture counts */
};

/* One picture of the ground truth. Everything belongs to the evaluation. */
struct stance_eval_picture {
    int64_t id;
    const char *file; /* as the annotations name it; "" when they do not */
    int32_t width, height;
    int32_t truth_count;           /* people, crowds and empty boxes left out */
    const float (*truth_boxes)[4]; /* x1, y1, x2, y2 */
    const int64_t *truth_ids;      /* their annotations */
    int32_t found_count;           /* people among the results so far, best first */
    const float (*found_boxes)[4];
    const float *found_scores;
};

struct stance_eval_number {
    char name[32]; /* "AP", "AP50", "ARl", … */
    double value;  /* -1 where there is no ground truth to measure it on */
};

STANCE_API void stance_eval_options_default(struct stance_eval_options *options);

/* Reads the ground truth. `options` NULL: the defaults. Errors: ENOTFOUND, EIO, EFORMAT (with line and
 * column), EARGUMENT, ELIMIT, ENOMEMORY. */
STANCE_API int stance_eval_open(struct stance_eval **out, const char *annotations,
                                const struct stance_eval_options *options);

/* NULL allowed; sets NULL. */
STANCE_API void stance_eval_close(struct stance_eval **eval);

/* Pictures in the order of their ids. */
STANCE_API int stance_eval_picture_count(const struct stance_eval *eval);
/* Picture i; its lists are valid until the next call on `eval`. The first call after new results sorts
 * all of them. Errors: EARGUMENT, ENOMEMORY. */
STANCE_API int stance_eval_picture(struct stance_eval *eval, int i,
                                   struct stance_eval_picture *out);

/* Adds the results of a COCO result file. Errors: as stance_eval_open(), and EFORMAT for pictures
 * that the ground truth does not have and for wrong numbers of keypoints. */
STANCE_API int stance_eval_load(struct stance_eval *eval, const char *results);

/* Adds the people of one picture (its id, not its index); only the category "person" is evaluated
 * from then on. `annotation_ids`: the ground truth each person was given the box of, or NULL.
 * Errors: EARGUMENT (unknown picture, another number of keypoints, values that are not finite),
 * ELIMIT, ENOMEMORY. */
STANCE_API int stance_eval_add(struct stance_eval *eval, int64_t picture_id,
                               const struct stance_pose_result *result,
                               const int64_t *annotation_ids);

/* Computes a metric: "coco", "pck", "pckh", "auc", "epe" or "nme" (docs/evaluation.md lists their
 * numbers). `numbers` belong to `eval` and are valid until the next call. More results may be added
 * afterwards. Errors: EARGUMENT, EUNSUPPORTED (a metric the ground truth is not made for), ENOMEMORY. */
STANCE_API int stance_eval_compute(struct stance_eval *eval, const char *metric,
                                   const struct stance_eval_number **numbers, int *count);

/* Writes all results as a COCO result file. Errors: EIO, ELIMIT, ENOMEMORY. */
STANCE_API int stance_eval_save(struct stance_eval *eval, const char *path);

/* Writes one HTML page without outside parts: precision and recall, similarities, kinds of errors by
 * joint, and the worst pictures. `pictures`: their folder, to show them; NULL: on blank ground.
 * Errors: EIO, ELIMIT, ENOMEMORY. */
STANCE_API int stance_eval_plot(struct stance_eval *eval, const char *path, const char *pictures);

#ifdef __cplusplus
}
#endif
#endif
