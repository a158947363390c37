/* Evaluations of a few people, and what their numbers have to be. Any trouble fails the test. */
#ifndef SUPPORT_MEASURE_H
#define SUPPORT_MEASURE_H

#include "eval/evaluation.h"
#include "support/coco_text.h"

/* Six people in three of four pictures, of all three sizes, with falling scores. */
enum { MEASURE_CREW = 6 };
extern const struct coco_person measure_crew[MEASURE_CREW];

/* An evaluation of texts, which are freed; `results` NULL: none yet. */
struct stance_eval *measure_texts(struct base_buffer *truth, struct base_buffer *results);

struct stance_eval *measure_people(const struct coco_person *truth, int truth_count,
                                   const struct coco_person *found, int found_count,
                                   int truth_keypoints, int keypoints);

/* The number of that name, such as "AP". */
double measure_number(struct stance_eval *eval, const char *metric, const char *name);
void measure_expect(struct stance_eval *eval, const char *metric, const char *name, double expected,
                    double tolerance);

#endif
