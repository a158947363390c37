/* What the page of an evaluation shows beyond its numbers. */
#ifndef EVAL_SURVEY_H
#define EVAL_SURVEY_H

#include "base/buffer.h"
#include "eval/evaluation.h"

enum { SURVEY_BINS = 20, SURVEY_WORST = 12, SURVEY_MOST_RESULTS = 100 };

struct eval_worst {
    int32_t picture;
    double similarity; /* mean over its people; 0 for those not found */
    int people, paired;
};

struct eval_survey {
    struct eval_curves curves;     /* of the whole */
    size_t histogram[SURVEY_BINS]; /* similarities of pairs */
    size_t people, paired, spare;  /* annotations, those with a result, results without one */
    size_t errors[EVAL_MAX_KEYPOINTS][EVAL_ERRORS];
    struct eval_worst worst[SURVEY_WORST]; /* worst first */
    int worst_count;
};

int eval_survey_make(const struct stance_eval *eval, struct eval_survey *out);

/* Pairs of one group: for each of its best results the annotation, or -1. */
int eval_survey_pairs(const struct stance_eval *eval, struct eval_group *group,
                      int32_t pairs[SURVEY_MOST_RESULTS], double similarities[SURVEY_MOST_RESULTS]);

/* Appends the figures of the worst pictures. */
int eval_page_pictures(const struct stance_eval *eval, const struct eval_survey *survey,
                       const char *folder, struct base_buffer *page);
/* Appends text with what HTML would take for its own escaped. */
int eval_page_text(struct base_buffer *page, const char *text);

#endif
