/* The statistics behind the page: pairs as in Ronchi and Perona (2017) with a similarity of at least
 * 0.1, kinds of errors by keypoint, and the pictures that went worst. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "eval/survey.h"

static const double least_similarity = .1; /* Ronchi and Perona, section 3.1 */

int eval_survey_pairs(const struct stance_eval *eval, struct eval_group *group,
                      int32_t pairs[SURVEY_MOST_RESULTS], double similarities[SURVEY_MOST_RESULTS])
{
    int count;
    const struct eval_part *parts = eval_parts(eval, &count);
    if (group->found_count > SURVEY_MOST_RESULTS)
        group->found_count = SURVEY_MOST_RESULTS;
    if (group->truth_count > BASE_ALLOC_LIMIT / sizeof(double) / (group->found_count + 1))
        return base_error(STANCE_ELIMIT, "image %lld has too many annotations",
                          (long long)eval->pictures[group->picture].id);
    size_t bytes = group->found_count * group->truth_count * sizeof(double);
    double *matrix = base_alloc(bytes);
    if (!matrix)
        return base_error_memory(bytes, "similarities");
    eval_similarity(eval, &parts[0], group, group->found_count, matrix);
    eval_pair(group, matrix, least_similarity, pairs);
    for (size_t i = 0; i < group->found_count; i++)
        similarities[i] = pairs[i] < 0 ? 0 : matrix[i * group->truth_count + (size_t)pairs[i]];
    base_free(matrix);
    return 0;
}

static void keep_worst(struct eval_survey *out, const struct eval_worst *entry)
{
    int at = out->worst_count < SURVEY_WORST ? out->worst_count++ : SURVEY_WORST;
    while (at > 0 && out->worst[at - 1].similarity > entry->similarity) {
        if (at < SURVEY_WORST)
            out->worst[at] = out->worst[at - 1];
        at--;
    }
    if (at < SURVEY_WORST)
        out->worst[at] = *entry;
}

static void count_errors(const struct stance_eval *eval, const struct eval_group *group, size_t own,
                         const struct eval_instance *found, struct eval_survey *out)
{
    const double *points = eval_points(&eval->truth, &eval->truth.items[group->truth[own]]);
    for (int k = 0; k < eval->keypoint_count; k++)
        if (points[3 * k + 2] > 0)
            out->errors[k][eval_keypoint_error(eval, group, own, found, k)]++;
}

/* Adds a group; `of_picture` gathers what is known of its picture. */
static int add_group(const struct stance_eval *eval, struct eval_group *group,
                     struct eval_survey *out, struct eval_worst *of_picture)
{
    int count;
    const struct eval_part *whole = eval_parts(eval, &count);
    int32_t pairs[SURVEY_MOST_RESULTS];
    double similarities[SURVEY_MOST_RESULTS];
    BASE_TRY(eval_survey_pairs(eval, group, pairs, similarities));
    for (size_t j = 0; j < group->truth_count; j++)
        of_picture->people += !eval_is_ignored(eval, whole, &eval->truth.items[group->truth[j]]);
    for (size_t i = 0; i < group->found_count; i++) {
        out->spare += pairs[i] < 0;
        if (pairs[i] < 0 ||
            eval_is_ignored(eval, whole, &eval->truth.items[group->truth[pairs[i]]]))
            continue;
        int bin = (int)(similarities[i] * SURVEY_BINS);
        out->histogram[bin < SURVEY_BINS ? bin : SURVEY_BINS - 1]++;
        of_picture->paired++;
        of_picture->similarity += similarities[i];
        if (eval->kind == STANCE_EVAL_KEYPOINTS)
            count_errors(eval, group, (size_t)pairs[i], &eval->found.items[group->found[i]], out);
    }
    return 0;
}

static int walk(const struct stance_eval *eval, struct eval_survey *out,
                struct eval_worst *pictures)
{
    struct eval_walk position = {.eval = eval};
    struct eval_group group;
    while (eval_next_group(&position, &group))
        BASE_TRY(add_group(eval, &group, out, &pictures[group.picture]));
    for (size_t i = 0; i < eval->picture_count; i++) {
        struct eval_worst *entry = &pictures[i];
        out->people += (size_t)entry->people;
        out->paired += (size_t)entry->paired;
        if (entry->people == 0)
            continue;
        entry->picture = (int32_t)i;
        entry->similarity /= entry->people;
        keep_worst(out, entry);
    }
    return 0;
}

int eval_survey_make(const struct stance_eval *eval, struct eval_survey *out)
{
    memset(out, 0, sizeof *out);
    struct eval_worst *pictures = base_alloc_zero(eval->picture_count + 1, sizeof *pictures);
    if (!pictures)
        return base_error_memory(eval->picture_count * sizeof *pictures, "pictures");
    int code = walk(eval, out, pictures);
    base_free(pictures);
    if (code == 0)
        code = eval_curves_compute(eval, 0, -(double)INFINITY, (double)INFINITY, &out->curves);
    return code;
}
