/* How much a result looks like an annotation: object keypoint similarity and intersection over union,
 * as pycocotools and xtcocotools define them (cocoeval.py, computeOks; maskApi.c, bbIou). */
#include <float.h>
#include <math.h>
#include <string.h>

#include "eval/evaluation.h"

/* For keypoints of no known set: only to tell who is whom. */
static const double common_sigma = .079;

static double variance(const struct stance_eval *eval, int k)
{
    double sigma = eval->set ? eval->set->sigmas[k] : common_sigma;
    return 2 * sigma * (2 * sigma);
}

double eval_truth_area(const struct stance_eval *eval, const struct eval_instance *truth)
{
    bool keypoints = eval->kind == STANCE_EVAL_KEYPOINTS;
    double box = truth->box[2] * truth->box[3];
    if (isnan(truth->area))
        return keypoints ? 0.53 * box : box;
    return keypoints && eval->set && eval->set->box_area ? box * 0.53 : truth->area;
}

static int labelled(const double *points, const struct eval_part *part)
{
    int count = 0;
    for (int k = part->first; k < part->first + part->count; k++)
        count += points[3 * k + 2] > 0;
    return count;
}

bool eval_is_ignored(const struct stance_eval *eval, const struct eval_part *part,
                     const struct eval_instance *truth)
{
    if (truth->crowd)
        return true;
    if (eval->kind != STANCE_EVAL_KEYPOINTS)
        return false;
    bool count = part->count != eval->keypoint_count || (eval->set && eval->set->drop_blank);
    return (count ? labelled(eval_points(&eval->truth, truth), part) : truth->labelled) == 0;
}

bool eval_takes_part(const struct stance_eval *eval, const struct eval_part *part,
                     const struct eval_instance *found)
{
    return eval->kind != STANCE_EVAL_KEYPOINTS || !eval->set || !eval->set->drop_blank ||
           labelled(eval_points(&eval->found, found), part) > 0;
}

double eval_score(const struct stance_eval *eval, int part, const struct eval_instance *found)
{
    double own = found->part_scores[part];
    return eval->kind == STANCE_EVAL_KEYPOINTS && !isnan(own) ? own : found->score;
}

/* To the visible keypoints, or, where none is, to the box twice as large. */
static double keypoint_similarity(const struct stance_eval *eval, const struct eval_part *part,
                                  const struct eval_instance *truth,
                                  const struct eval_instance *found)
{
    const double *g = eval_points(&eval->truth, truth), *d = eval_points(&eval->found, found);
    const double *box = truth->box;
    double area = eval_truth_area(eval, truth) + DBL_EPSILON, sum = 0;
    double x0 = box[0] - box[2], x1 = box[0] + box[2] * 2;
    double y0 = box[1] - box[3], y1 = box[1] + box[3] * 2;
    int visible = labelled(g, part);
    for (int k = part->first; k < part->first + part->count; k++) {
        double x = d[3 * k], y = d[3 * k + 1], dx, dy;
        if (visible && !(g[3 * k + 2] > 0))
            continue;
        if (visible) {
            dx = x - g[3 * k];
            dy = y - g[3 * k + 1];
        } else {
            dx = fmax(0, x0 - x) + fmax(0, x - x1);
            dy = fmax(0, y0 - y) + fmax(0, y - y1);
        }
        sum += exp(-((dx * dx + dy * dy) / variance(eval, k) / area / 2));
    }
    return sum / (visible ? visible : part->count);
}

double eval_keypoint_similarity(const struct stance_eval *eval, const struct eval_instance *truth,
                                int truth_keypoint, const struct eval_instance *found,
                                int found_keypoint)
{
    const double *g = eval_points(&eval->truth, truth) + 3 * truth_keypoint;
    const double *d = eval_points(&eval->found, found) + 3 * found_keypoint;
    double dx = d[0] - g[0], dy = d[1] - g[1];
    double area = eval_truth_area(eval, truth) + DBL_EPSILON;
    return exp(-((dx * dx + dy * dy) / variance(eval, truth_keypoint) / area / 2));
}

/* With a crowd, only the result's own area counts. */
static double box_similarity(const double *d, const double *g, bool crowd)
{
    double width = fmin(d[2] + d[0], g[2] + g[0]) - fmax(d[0], g[0]);
    double height = fmin(d[3] + d[1], g[3] + g[1]) - fmax(d[1], g[1]);
    if (width <= 0 || height <= 0)
        return 0;
    double common = width * height, own = d[2] * d[3];
    return common / (crowd ? own : own + g[2] * g[3] - common);
}

void eval_similarity(const struct stance_eval *eval, const struct eval_part *part,
                     const struct eval_group *group, size_t found_count, double *out)
{
    for (size_t i = 0; i < found_count; i++)
        for (size_t j = 0; j < group->truth_count; j++) {
            const struct eval_instance *found = &eval->found.items[group->found[i]];
            const struct eval_instance *truth = &eval->truth.items[group->truth[j]];
            out[i * group->truth_count + j] =
                eval->kind == STANCE_EVAL_KEYPOINTS
                    ? keypoint_similarity(eval, part, truth, found)
                    : box_similarity(found->box, truth->box, truth->crowd);
        }
}

void eval_pair(const struct eval_group *group, const double *similarity, double least,
               int32_t *found_to_truth)
{
    size_t columns = group->truth_count;
    for (size_t i = 0; i < group->found_count; i++) {
        int32_t best = -1;
        for (size_t j = 0; j < columns; j++) {
            double value = similarity[i * columns + j];
            if (value < least || (best >= 0 && value <= similarity[i * columns + (size_t)best]))
                continue;
            bool taken = false;
            for (size_t e = 0; e < i && !taken; e++)
                taken = found_to_truth[e] == (int32_t)j;
            if (!taken)
                best = (int32_t)j;
        }
        found_to_truth[i] = best;
    }
}
