/* One picture of an evaluation as callers see it: who is in it, and who was found. */
#include <string.h>

#include "base/memory.h"
#include "eval/evaluation.h"

static int make_room(struct stance_eval *eval, size_t count)
{
    if (count <= eval->lent)
        return 0;
    base_free(eval->boxes);
    base_free(eval->scores);
    base_free(eval->ids);
    eval->lent = 0;
    eval->boxes = base_alloc(count * sizeof *eval->boxes);
    eval->scores = base_alloc(count * sizeof *eval->scores);
    eval->ids = base_alloc(count * sizeof *eval->ids);
    if (!eval->boxes || !eval->scores || !eval->ids)
        return base_error_memory(count * sizeof *eval->boxes, "boxes");
    eval->lent = count;
    return 0;
}

static bool is_person(const struct stance_eval *eval, int32_t category)
{
    return eval->category_count == 1 || eval->categories[category].person;
}

static void corners(float out[4], const double box[4])
{
    out[0] = (float)box[0];
    out[1] = (float)box[1];
    out[2] = (float)(box[0] + box[2]);
    out[3] = (float)(box[1] + box[3]);
}

/* The first instance of `list` in this category and picture, in its order. */
static size_t first_of(const struct eval_list *list, int32_t category, int32_t picture)
{
    size_t low = 0, high = list->ordered;
    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct eval_instance *item = &list->items[list->order[middle]];
        if (item->category < category || (item->category == category && item->picture < picture))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_here(const struct eval_list *list, size_t at, int32_t category, int32_t picture)
{
    return at < list->ordered && list->items[list->order[at]].category == category &&
           list->items[list->order[at]].picture == picture;
}

static bool is_person_box(const struct eval_instance *item)
{
    return !item->crowd && item->box[2] > 0 && item->box[3] > 0;
}

/* Boxes of the list's people from `at` on; how many. */
static size_t lend(struct stance_eval *eval, const struct eval_list *list, int32_t picture,
                   size_t at)
{
    size_t count = 0;
    for (int32_t c = 0; c < (int32_t)eval->category_count; c++) {
        if (!is_person(eval, c))
            continue;
        for (size_t i = first_of(list, c, picture); is_here(list, i, c, picture); i++) {
            const struct eval_instance *item = &list->items[list->order[i]];
            if (!is_person_box(item))
                continue;
            if (at + count < eval->lent) {
                corners(eval->boxes[at + count], item->box);
                eval->scores[at + count] = (float)item->score;
                eval->ids[at + count] = item->id;
            }
            count++;
        }
    }
    return count;
}

int stance_eval_picture(struct stance_eval *eval, int i, struct stance_eval_picture *out)
{
    if (i < 0 || (size_t)i >= eval->picture_count)
        return base_error(STANCE_EARGUMENT, "there is no picture %d; there are %zu", i,
                          eval->picture_count);
    BASE_TRY(eval_prepare(eval));
    size_t truth = lend(eval, &eval->truth, i, eval->lent);
    size_t found = lend(eval, &eval->found, i, eval->lent);
    BASE_TRY(make_room(eval, truth + found));
    lend(eval, &eval->truth, i, 0);
    lend(eval, &eval->found, i, truth);
    *out = (struct stance_eval_picture){.id = eval->pictures[i].id,
                                        .file = eval->pictures[i].file,
                                        .width = eval->pictures[i].width,
                                        .height = eval->pictures[i].height,
                                        .truth_count = (int32_t)truth,
                                        .found_count = (int32_t)found,
                                        .truth_boxes = (const float(*)[4])eval->boxes,
                                        .truth_ids = eval->ids};
    if (eval->boxes) {
        out->found_boxes = (const float(*)[4])(eval->boxes + truth);
        out->found_scores = eval->scores + truth;
    }
    return 0;
}
