/* NonMaxSuppression: per image and class the best boxes that do not overlap a better one. */
#include <string.h>

#include "engine/op_memory.h"
#include "engine/op_rank.h"
#include "engine/op_view.h"

struct box {
    float left, top, right, bottom;
};

struct suppression {
    int64_t images, classes, boxes, most; /* most: boxes a class may give */
    bool center;                          /* boxes are x, y, width, height */
    bool has_threshold;
    float overlap, threshold;
    const struct stance_tensor *corners, *scores;
};

static struct box read_box(const struct suppression *nms, int64_t image, int64_t i)
{
    float b[4];
    engine_load(b, ENGINE_FLOAT, nms->corners, (image * nms->boxes + i) * 4, 1, 4);
    if (nms->center)
        return (struct box){b[0] - b[2] / 2, b[1] - b[3] / 2, b[0] + b[2] / 2, b[1] + b[3] / 2};
    return (struct box){b[1] < b[3] ? b[1] : b[3], b[0] < b[2] ? b[0] : b[2],
                        b[1] < b[3] ? b[3] : b[1], b[0] < b[2] ? b[2] : b[0]};
}

static float area(const struct box *box)
{
    return (box->right - box->left) * (box->bottom - box->top);
}

static bool overlaps(const struct suppression *nms, const struct box *a, const struct box *b)
{
    float left = a->left > b->left ? a->left : b->left;
    float right = a->right < b->right ? a->right : b->right;
    float top = a->top > b->top ? a->top : b->top;
    float bottom = a->bottom < b->bottom ? a->bottom : b->bottom;
    if (right <= left || bottom <= top)
        return false;
    float common = (right - left) * (bottom - top), first = area(a), second = area(b);
    float whole = first + second - common;
    return first > 0 && second > 0 && whole > 0 && common / whole > nms->overlap;
}

struct workspace {
    struct engine_ranked *candidates;
    struct box *boxes; /* chosen ones */
    int64_t compared;  /* pairs of boxes so far */
};

/* Writes the chosen boxes of one class, best first, and how many they are. */
static int choose(const struct suppression *nms, struct workspace *space, int64_t image,
                  int64_t class, int64_t *chosen, int64_t *chosen_count)
{
    int64_t candidates = 0, count = 0, at = (image * nms->classes + class) * nms->boxes;
    for (int64_t i = 0; i < nms->boxes; i++) {
        float score;
        engine_load(&score, ENGINE_FLOAT, nms->scores, at + i, 1, 1);
        if (!nms->has_threshold || score > nms->threshold)
            space->candidates[candidates++] =
                (struct engine_ranked){engine_rank_key(nms->scores, at + i), i};
    }
    engine_rank(space->candidates, candidates, candidates);
    for (int64_t i = 0; i < candidates && count < nms->most; i++) {
        struct box box = read_box(nms, image, space->candidates[i].index);
        bool free = true;
        space->compared += count;
        BASE_TRY(engine_check_work(1, space->compared));
        for (int64_t k = 0; k < count && free; k++)
            free = !overlaps(nms, &box, &space->boxes[k]);
        if (free) {
            space->boxes[count] = box;
            chosen[count++] = space->candidates[i].index;
        }
    }
    *chosen_count = count;
    return 0;
}

static int read_scalar(const struct engine_call *call, int i, double *out)
{
    if (!engine_has_input(call, i))
        return 0;
    if (stance_tensor_count(&call->in[i]) != 1)
        return base_error(STANCE_ESHAPE, "input %d is not one value", i);
    *out = call->in[i].dtype == STANCE_INT64 ? (double)*(const int64_t *)call->in[i].data
                                             : tensor_float(&call->in[i], 0);
    return 0;
}

static int read_suppression(struct suppression *nms, const struct engine_call *call)
{
    BASE_TRY(engine_need_inputs(call, 2));
    const struct stance_tensor *boxes = &call->in[0], *scores = &call->in[1];
    double most = 0, overlap = 0, threshold = 0;
    if (boxes->rank != 3 || scores->rank != 3 || boxes->dims[2] != 4 ||
        boxes->dims[0] != scores->dims[0] || boxes->dims[1] != scores->dims[2])
        return base_error(STANCE_ESHAPE, "boxes and scores do not fit together");
    if (!engine_is_float(boxes->dtype) || !engine_is_float(scores->dtype))
        return base_error(STANCE_ETYPE, "boxes and scores must be of a float type");
    BASE_TRY(read_scalar(call, 2, &most));
    BASE_TRY(read_scalar(call, 3, &overlap));
    BASE_TRY(read_scalar(call, 4, &threshold));
    *nms = (struct suppression){
        .images = boxes->dims[0],
        .classes = scores->dims[1],
        .boxes = boxes->dims[1],
        .most = !(most > 0)                     ? 0
                : most < (double)boxes->dims[1] ? (int64_t)most
                                                : boxes->dims[1],
        .center = graph_attr_int(call->node, "center_point_box", 0) != 0,
        .has_threshold = engine_has_input(call, 4),
        .overlap = (float)overlap,
        .threshold = (float)threshold,
        .corners = boxes,
        .scores = scores,
    };
    if (!(nms->overlap >= 0 && nms->overlap <= 1))
        return base_error(STANCE_EARGUMENT, "iou_threshold is %g", overlap);
    return 0;
}

static int run_nms(struct engine_call *call)
{
    struct suppression nms = {0};
    BASE_TRY(read_suppression(&nms, call));
    if (!engine_wants_output(call, 0))
        return 0;
    int64_t groups, rows = 0, most;
    struct tensor_shape shape = {.rank = 2, .dims = {nms.images, nms.classes}};
    BASE_TRY(tensor_shape_count(&shape, &groups));
    shape = (struct tensor_shape){.rank = 2, .dims = {groups, nms.most}};
    BASE_TRY(tensor_shape_count(&shape, &most));
    int64_t *chosen = engine_call_scratch(call, (size_t)most * sizeof *chosen);
    int64_t *counts = engine_call_scratch(call, (size_t)groups * sizeof *counts);
    struct workspace space = {
        .candidates = engine_call_scratch(call, (size_t)nms.boxes * sizeof *space.candidates),
        .boxes = engine_call_scratch(call, (size_t)nms.most * sizeof *space.boxes),
    };
    if (!chosen || !counts || !space.candidates || !space.boxes)
        return engine_memory_code(call->memory);
    for (int64_t g = 0; g < groups; rows += counts[g++]) {
        counts[g] = nms.most;
        for (int64_t i = 0; i < nms.most && call->worst_case; i++)
            chosen[rows + i] = i;
        if (!call->worst_case)
            BASE_TRY(
                choose(&nms, &space, g / nms.classes, g % nms.classes, chosen + rows, &counts[g]));
    }
    shape = (struct tensor_shape){.rank = 2, .dims = {rows, 3}};
    BASE_TRY(engine_call_output(call, 0, STANCE_INT64, &shape));
    int64_t *out = call->out[0].data;
    for (int64_t g = 0, row = 0; g < groups; g++)
        for (int64_t i = 0; i < counts[g]; i++, row++, out += 3) {
            out[0] = g / nms.classes;
            out[1] = g % nms.classes;
            out[2] = chosen[row];
        }
    return 0;
}

const struct engine_op engine_ops_nms[] = {
    {"NonMaxSuppression", run_nms},
    {NULL, NULL},
};
