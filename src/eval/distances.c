/* Metrics of plain distances: PCK, PCKh, AUC, EPE, NME, as in MMPose's keypoint_eval.py, over the
 * people of the ground truth, each with the result that belongs to it. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "eval/evaluation.h"

/* What a person's distances are divided by. */
enum scale { SCALE_BOX, SCALE_TORSO, SCALE_HEAD, SCALE_FIXED, SCALE_NONE, SCALE_AREA, SCALES };

enum { AUC_STEPS = 20, MOST_RESULTS = 100 };
static const double auc_pixels = 30; /* MMPose's norm_factor */

struct share {
    enum scale scale;
    double threshold;
    size_t right[EVAL_MAX_KEYPOINTS], all[EVAL_MAX_KEYPOINTS];
};

struct tally {
    struct share *shares;
    int share_count;
    enum scale mean; /* of the distances that are averaged */
    double sum;
    size_t count, people, paired;
};

static double distance(const double *a, const double *b)
{
    return hypot(a[0] - b[0], a[1] - b[1]);
}

static double between(const struct stance_eval *eval, const double *points, const char *a,
                      const char *b)
{
    int i = eval_keypoint_named(eval, a), j = eval_keypoint_named(eval, b);
    if (i < 0 || j < 0 || !(points[3 * i + 2] > 0) || !(points[3 * j + 2] > 0))
        return 0;
    return distance(points + 3 * i, points + 3 * j);
}

/* From shoulder to opposite hip: the mean of both, or the one that can be seen. */
static double torso(const struct stance_eval *eval, const double *points)
{
    double a = between(eval, points, "left_shoulder", "right_hip");
    double b = between(eval, points, "right_shoulder", "left_hip");
    return a > 0 && b > 0 ? (a + b) / 2 : a + b;
}

static double head(const struct stance_eval *eval, const struct eval_instance *truth,
                   const double *points)
{
    static const char *const tops[] = {"head_top", "top_head", "head"};
    static const char *const necks[] = {"upper_neck", "neck"};
    double size = truth->head;
    for (int i = 0; i < 3 && !(size > 0); i++)
        for (int j = 0; j < 2 && !(size > 0); j++)
            size = between(eval, points, tops[i], necks[j]);
    return size;
}

/* 0: this person cannot be measured. */
static double scale_of(const struct stance_eval *eval, const struct eval_instance *truth,
                       enum scale scale)
{
    const double *points = eval_points(&eval->truth, truth);
    double width = truth->box[2], height = truth->box[3];
    switch (scale) {
    case SCALE_BOX: return fmax(width, height);
    case SCALE_TORSO: return torso(eval, points);
    case SCALE_HEAD: return head(eval, truth, points);
    case SCALE_FIXED: return auc_pixels;
    case SCALE_AREA: return width > 0 && height > 0 ? sqrt(width * height) : 0;
    default: return 1;
    }
}

/* `found` NULL: nothing belongs to this person, every joint is missed. */
static void count_person(const struct stance_eval *eval, struct tally *tally,
                         const struct eval_instance *truth, const struct eval_instance *found)
{
    const double *g = eval_points(&eval->truth, truth);
    const double *d = found ? eval_points(&eval->found, found) : NULL;
    double scales[SCALES];
    for (int s = 0; s < SCALES; s++)
        scales[s] = scale_of(eval, truth, (enum scale)s);
    tally->people++;
    tally->paired += found != NULL;
    for (int k = 0; k < eval->keypoint_count; k++) {
        if (!(g[3 * k + 2] > 0))
            continue;
        double pixels = d ? distance(g + 3 * k, d + 3 * k) : (double)INFINITY;
        for (int i = 0; i < tally->share_count; i++) {
            struct share *share = &tally->shares[i];
            double scale = scales[share->scale];
            share->all[k] += scale > 0;
            share->right[k] += scale > 0 && pixels / scale < share->threshold;
        }
        if (d && scales[tally->mean] > 0) {
            tally->sum += pixels / scales[tally->mean];
            tally->count++;
        }
    }
}

/* The result that says it belongs to this annotation. */
static const struct eval_instance *named(const struct stance_eval *eval,
                                         const struct eval_group *group, int64_t id)
{
    for (size_t i = 0; i < group->found_count; i++)
        if (eval->found.items[group->found[i]].id == id)
            return &eval->found.items[group->found[i]];
    return NULL;
}

static void count_group(const struct stance_eval *eval, struct tally *tally,
                        const struct eval_group *group, const int32_t *pairs, size_t pair_count)
{
    for (size_t j = 0; j < group->truth_count; j++) {
        const struct eval_instance *truth = &eval->truth.items[group->truth[j]];
        if (eval_is_ignored(eval, &eval->whole, truth))
            continue;
        const struct eval_instance *found = named(eval, group, truth->id);
        for (size_t i = 0; i < pair_count && !found; i++)
            if (pairs[i] == (int32_t)j && eval->found.items[group->found[i]].id < 0)
                found = &eval->found.items[group->found[i]];
        count_person(eval, tally, truth, found);
    }
}

static int count_all(const struct stance_eval *eval, struct tally *tally)
{
    struct eval_walk walk = {.eval = eval};
    struct eval_group group;
    int32_t pairs[MOST_RESULTS];
    while (eval_next_group(&walk, &group)) {
        struct eval_group best = group;
        if (best.found_count > MOST_RESULTS)
            best.found_count = MOST_RESULTS;
        if (group.truth_count > BASE_ALLOC_LIMIT / sizeof(double) / (best.found_count + 1))
            return base_error(STANCE_ELIMIT, "image %lld has too many annotations",
                              (long long)eval->pictures[group.picture].id);
        size_t bytes = best.found_count * group.truth_count * sizeof(double);
        double *similarity = base_alloc(bytes);
        if (!similarity)
            return base_error_memory(bytes, "similarities");
        eval_similarity(eval, &eval->whole, &best, best.found_count, similarity);
        eval_pair(&best, similarity, 1e-3, pairs);
        base_free(similarity);
        count_group(eval, tally, &best, pairs, best.found_count);
    }
    return 0;
}

/* The mean over keypoints of the share that is near enough. */
static double share_value(const struct stance_eval *eval, const struct share *share)
{
    double sum = 0;
    int joints = 0;
    for (int k = 0; k < eval->keypoint_count; k++)
        if (share->all[k]) {
            sum += (double)share->right[k] / (double)share->all[k];
            joints++;
        }
    return joints ? sum / joints : -1;
}

struct metric {
    const char *name;
    int share_count; /* 0: a mean */
    struct {
        const char *name;
        enum scale scale;
        double threshold;
    } shares[4];
    enum scale mean;
};

static const struct metric metrics[] = {
    {"pck",
     4,
     {{"PCK@0.05", SCALE_BOX, .05},
      {"PCK@0.2", SCALE_BOX, .2},
      {"tPCK@0.1", SCALE_TORSO, .1},
      {"tPCK@0.2", SCALE_TORSO, .2}},
     SCALE_NONE},
    {"pckh", 2, {{"PCKh@0.5", SCALE_HEAD, .5}, {"PCKh@0.1", SCALE_HEAD, .1}}, SCALE_NONE},
    {"auc", AUC_STEPS, {{NULL, SCALE_NONE, 0}}, SCALE_NONE},
    {"epe", 0, {{NULL, SCALE_NONE, 0}}, SCALE_NONE},
    {"nme", 0, {{NULL, SCALE_NONE, 0}}, SCALE_AREA},
};

static void report(struct stance_eval *eval, const struct metric *metric, const struct tally *tally)
{
    double sum = 0;
    bool none = false;
    if (metric->share_count == AUC_STEPS) {
        for (int i = 0; i < AUC_STEPS; i++) {
            double value = share_value(eval, &tally->shares[i]);
            none = none || value < 0;
            sum += value / AUC_STEPS;
        }
        eval_number(eval, "", "AUC", none ? -1 : sum);
    } else if (metric->share_count == 0) {
        eval_number(eval, "", metric->mean == SCALE_AREA ? "NME" : "EPE",
                    tally->count ? tally->sum / (double)tally->count : -1);
    }
    for (int i = 0; i < metric->share_count && metric->share_count < AUC_STEPS; i++)
        eval_number(eval, "", metric->shares[i].name, share_value(eval, &tally->shares[i]));
    eval_number(eval, "", "people", (double)tally->people);
    eval_number(eval, "", "paired", (double)tally->paired);
}

static int check_head(const struct stance_eval *eval, const struct tally *tally)
{
    for (int k = 0; k < eval->keypoint_count; k++)
        if (tally->shares[0].all[k])
            return 0;
    return tally->people == 0
               ? 0
               : base_error(STANCE_EUNSUPPORTED,
                            "PCKh needs the size of heads: '%s' has neither 'head_size' nor "
                            "keypoints called head_top and neck",
                            eval->path);
}

static int run(struct stance_eval *eval, const struct metric *metric)
{
    struct tally tally = {.share_count = metric->share_count, .mean = metric->mean};
    size_t count = (size_t)metric->share_count + 1;
    tally.shares = base_alloc_zero(count, sizeof *tally.shares);
    if (!tally.shares)
        return base_error_memory(count * sizeof *tally.shares, "shares of keypoints");
    for (int i = 0; i < metric->share_count; i++) {
        bool steps = metric->share_count == AUC_STEPS;
        tally.shares[i].scale = steps ? SCALE_FIXED : metric->shares[i].scale;
        tally.shares[i].threshold = steps ? (double)i / AUC_STEPS : metric->shares[i].threshold;
    }
    int code = count_all(eval, &tally);
    if (code == 0 && strcmp(metric->name, "pckh") == 0)
        code = check_head(eval, &tally);
    if (code == 0)
        report(eval, metric, &tally);
    base_free(tally.shares);
    return code;
}

int eval_distances(struct stance_eval *eval, const char *metric)
{
    for (size_t i = 0; i < sizeof metrics / sizeof metrics[0]; i++) {
        if (strcmp(metrics[i].name, metric) != 0)
            continue;
        if (eval->kind != STANCE_EVAL_KEYPOINTS)
            return base_error(STANCE_EUNSUPPORTED, "the metric %s is for keypoints, not for boxes",
                              metric);
        return run(eval, &metrics[i]);
    }
    return base_error(STANCE_EARGUMENT,
                      "there is no metric '%s'; known are coco, pck, pckh, auc, epe, nme", metric);
}
