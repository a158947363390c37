/* What kind of error a keypoint is: Ronchi and Perona, Benchmarking and Error Diagnosis in
 * Multi-Instance Pose Estimation, ICCV 2017, section 3.1. */
#include "eval/evaluation.h"

static const double near_enough = .5, good_enough = .85; /* keypoint similarities, section 3.1 */

const char *const eval_error_names[EVAL_ERRORS] = {"good", "jitter", "inversion", "swap", "miss"};

static double similarity_to(const struct stance_eval *eval, const struct eval_instance *truth,
                            int truth_keypoint, const struct eval_instance *found, int k)
{
    const double *points = eval_points(&eval->truth, truth);
    return points[3 * truth_keypoint + 2] > 0
               ? eval_keypoint_similarity(eval, truth, truth_keypoint, found, k)
               : 0;
}

enum eval_error eval_keypoint_error(const struct stance_eval *eval, const struct eval_group *group,
                                    size_t own, const struct eval_instance *found, int k)
{
    const struct eval_instance *truth = &eval->truth.items[group->truth[own]];
    double similarity = eval_keypoint_similarity(eval, truth, k, found, k);
    if (similarity >= near_enough)
        return similarity >= good_enough ? EVAL_GOOD : EVAL_JITTER;
    int mirror = eval->flip[k];
    double best = mirror == k ? 0 : similarity_to(eval, truth, mirror, found, k);
    enum eval_error error = best >= near_enough ? EVAL_INVERSION : EVAL_MISS;
    for (size_t j = 0; j < group->truth_count; j++) {
        const struct eval_instance *other = &eval->truth.items[group->truth[j]];
        if (j == own || other->crowd)
            continue;
        double same = similarity_to(eval, other, k, found, k);
        double turned = similarity_to(eval, other, mirror, found, k);
        double value = same > turned ? same : turned;
        if (value >= near_enough && value > best) {
            best = value;
            error = EVAL_SWAP;
        }
    }
    return error;
}
