/* COCO's numbers from the curves: ten for keypoints, twelve for boxes, nine for CrowdPose, ten for
 * every part of a whole body. */
#include <math.h>

#include "base/memory.h"
#include "eval/evaluation.h"

enum { FIRST = 0, HALF = 0, THREE_QUARTERS = 5, LAST = EVAL_THRESHOLDS - 1 };

static void box_numbers(struct stance_eval *eval, const struct eval_curves *curves)
{
    static const char *const precisions[] = {"AP", "APs", "APm", "APl"};
    static const char *const recalls[] = {"AR", "ARs", "ARm", "ARl"};
    static const char *const limited[] = {"AR1", "AR10", "AR100"};
    enum { MOST = 2 };
    eval_number(eval, "", "AP", eval_curves_precision(curves, FIRST, LAST, 0, MOST));
    eval_number(eval, "", "AP50", eval_curves_precision(curves, HALF, HALF, 0, MOST));
    eval_number(eval, "", "AP75",
                eval_curves_precision(curves, THREE_QUARTERS, THREE_QUARTERS, 0, MOST));
    for (int area = 1; area < 4; area++)
        eval_number(eval, "", precisions[area],
                    eval_curves_precision(curves, FIRST, LAST, area, MOST));
    for (int limit = 0; limit < 3; limit++)
        eval_number(eval, "", limited[limit], eval_curves_recall(curves, FIRST, LAST, 0, limit));
    for (int area = 1; area < 4; area++)
        eval_number(eval, "", recalls[area], eval_curves_recall(curves, FIRST, LAST, area, MOST));
}

static void keypoint_numbers(struct stance_eval *eval, const char *part,
                             const struct eval_curves *curves)
{
    bool areas = !eval->set->crowd;
    eval_number(eval, part, "AP", eval_curves_precision(curves, FIRST, LAST, 0, 0));
    eval_number(eval, part, "AP50", eval_curves_precision(curves, HALF, HALF, 0, 0));
    eval_number(eval, part, "AP75",
                eval_curves_precision(curves, THREE_QUARTERS, THREE_QUARTERS, 0, 0));
    if (areas) {
        eval_number(eval, part, "APm", eval_curves_precision(curves, FIRST, LAST, 1, 0));
        eval_number(eval, part, "APl", eval_curves_precision(curves, FIRST, LAST, 2, 0));
    }
    eval_number(eval, part, "AR", eval_curves_recall(curves, FIRST, LAST, 0, 0));
    eval_number(eval, part, "AR50", eval_curves_recall(curves, HALF, HALF, 0, 0));
    eval_number(eval, part, "AR75",
                eval_curves_recall(curves, THREE_QUARTERS, THREE_QUARTERS, 0, 0));
    if (areas) {
        eval_number(eval, part, "ARm", eval_curves_recall(curves, FIRST, LAST, 1, 0));
        eval_number(eval, part, "ARl", eval_curves_recall(curves, FIRST, LAST, 2, 0));
    }
}

/* Pictures by crowdIndex, with xtcocotools' borders. */
static int crowd_numbers(struct stance_eval *eval, struct eval_curves *curves)
{
    static const struct {
        const char *name;
        double least, most;
    } rows[] = {{"APeasy", -1e300, .2}, {"APmedium", .2, .8}, {"APhard", .8, 1e300}};
    for (int i = 0; i < 3; i++) {
        BASE_TRY(eval_curves_compute(eval, 0, rows[i].least, rows[i].most, curves));
        eval_number(eval, "", rows[i].name, eval_curves_precision(curves, FIRST, LAST, 0, 0));
    }
    return 0;
}

static int compute(struct stance_eval *eval, struct eval_curves *curves)
{
    int count;
    const struct eval_part *parts = eval_parts(eval, &count);
    for (int i = 0; i < count; i++) {
        BASE_TRY(eval_curves_compute(eval, i, -(double)INFINITY, (double)INFINITY, curves));
        if (eval->kind == STANCE_EVAL_BOXES)
            box_numbers(eval, curves);
        else
            keypoint_numbers(eval, parts[i].name, curves);
    }
    bool crowd = eval->kind == STANCE_EVAL_KEYPOINTS && eval->set->crowd;
    return crowd ? crowd_numbers(eval, curves) : 0;
}

int eval_coco(struct stance_eval *eval)
{
    if (eval->kind == STANCE_EVAL_KEYPOINTS && !eval->set)
        return base_error(STANCE_EUNSUPPORTED,
                          "'%s' has %d keypoints, for which stance knows no OKS constants; use "
                          "another metric, or name one of the sets %s",
                          eval->path, eval->keypoint_count, eval_set_list());
    struct eval_curves *curves = base_alloc(sizeof *curves);
    if (!curves)
        return base_error_memory(sizeof *curves, "curves");
    int code = compute(eval, curves);
    base_free(curves);
    return code;
}
