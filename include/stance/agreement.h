/* Agreement: how much one network's answers on pictures are like another's, whose answers count as
 * the truth. For the same network made smaller or faster; how good either is, stance_eval tells.
 *
 * Threads: an agreement belongs to one thread at a time. */
#ifndef STANCE_AGREEMENT_H
#define STANCE_AGREEMENT_H

#include "stance/pose.h"

#ifdef __cplusplus
extern "C" {
#endif

struct stance_agreement;

struct stance_agreement_numbers {
    int32_t pictures, people; /* expected */
    /* 1: the same. Keypoints: mean OKS of the expected people, over their keypoints with a score of
     * at least 0.2 and the area of their boxes; who is not found, with 0.1 at least, has 0. Boxes:
     * COCO's AP. */
    double likeness;
    /* The same without steps, for comparing small losses. Keypoints: the same number. Boxes: mean
     * overlap (IoU) of the expected boxes with the answers, each once, as likely as its score says. */
    double closeness;
    double pixels; /* mean distance of the same keypoints; 0 for boxes */
};

STANCE_API int stance_agreement_open(struct stance_agreement **out);
/* NULL allowed; sets NULL. */
STANCE_API void stance_agreement_close(struct stance_agreement **agreement);

/* Appends a picture with what is expected on it; returns its number, from 0. All results are of one
 * kind, keypoints of one set or boxes. Errors: EARGUMENT, ELIMIT, ENOMEMORY. */
STANCE_API int stance_agreement_expect(struct stance_agreement *agreement,
                                       const struct stance_pose_result *result);

/* Forgets all answers. */
STANCE_API void stance_agreement_reset(struct stance_agreement *agreement);

/* What was answered on a picture. People are told apart by whom their keypoints are most like.
 * Errors: EARGUMENT (no such picture, answered already, or of another kind), ENOMEMORY. */
STANCE_API int stance_agreement_answer(struct stance_agreement *agreement, int picture,
                                       const struct stance_pose_result *result);

/* Whom each expected person of a picture was taken for: `answered` gets an index into the people of
 * the answer, -1 for nobody, `likeness` the OKS (boxes: overlap times likeness of scores), 0 for
 * nobody; each [capacity] or NULL. Returns how many people are expected, which may be more.
 * Errors: EARGUMENT (no such picture, or without an answer). */
STANCE_API int stance_agreement_pairs(const struct stance_agreement *agreement, int picture,
                                      int32_t *answered, double *likeness, int capacity);

/* Of all pictures that have an answer. Errors: ENOMEMORY. */
STANCE_API int stance_agreement_measure(struct stance_agreement *agreement,
                                        struct stance_agreement_numbers *out);

#ifdef __cplusplus
}
#endif
#endif
