/* Poses compared as COCO compares them. */
#include <math.h>

#include "base/memory.h"
#include "track/oks.h"

static const float common_sigma = 0.079f;

int track_oks_open(struct track_oks *oks, const float *sigmas, int count)
{
    *oks = (struct track_oks){.count = count};
    for (int k = 0; sigmas && k < count; k++)
        if (!(sigmas[k] > 0) || !isfinite(sigmas[k]))
            return base_error(STANCE_EARGUMENT,
                              "the OKS constant of keypoint %d is %g, not above 0", k,
                              (double)sigmas[k]);
    oks->weight = base_alloc_zero((size_t)count, sizeof *oks->weight);
    if (!oks->weight)
        return base_error_memory((size_t)count * sizeof *oks->weight, "OKS constants");
    for (int k = 0; k < count; k++) {
        double twice = 2.0 * (double)(sigmas ? sigmas[k] : common_sigma);
        oks->weight[k] = 1 / (2 * twice * twice);
    }
    return 0;
}

void track_oks_close(struct track_oks *oks)
{
    base_free(oks->weight);
    *oks = (struct track_oks){0};
}

/* A NaN score is below every threshold. */
static int counts(const struct stance_keypoint *k, float threshold)
{
    return k->score > 0 && k->score >= threshold && isfinite(k->x) && isfinite(k->y);
}

double track_oks_likeness(const struct track_oks *oks, const struct track_pose *a,
                          const struct track_pose *b, float threshold, int *common)
{
    double area = (a->area + b->area) / 2, sum = 0;
    *common = 0;
    for (int k = 0; k < oks->count; k++) {
        const struct stance_keypoint *p = &a->keypoints[k], *q = &b->keypoints[k];
        if (!counts(p, threshold) || !counts(q, threshold))
            continue;
        double dx = (double)p->x - q->x, dy = (double)p->y - q->y;
        double distance = (dx * dx + dy * dy) * oks->weight[k];
        ++*common;
        if (distance < 30 * area) /* beyond, exp() is below 1e-13 */
            sum += exp(-distance / area);
    }
    return *common ? sum / *common : 0;
}

int track_oks_nms(const struct track_oks *oks, const struct track_pose *poses, int count,
                  float threshold, float most, uint8_t *keep, int32_t *order)
{
    int kept = 0;
    for (int i = 0; i < count; i++) {
        int at = i;
        for (; at > 0 && poses[order[at - 1]].score < poses[i].score; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    for (int i = 0; i < count; i++) {
        int common;
        keep[order[i]] = 1;
        for (int j = 0; j < i && keep[order[i]]; j++)
            if (keep[order[j]] && track_oks_likeness(oks, &poses[order[i]], &poses[order[j]],
                                                     threshold, &common) > (double)most)
                keep[order[i]] = 0;
        kept += keep[order[i]];
    }
    return kept;
}
