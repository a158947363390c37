/* Matching and accumulation as pycocotools' COCOeval does them (evaluateImg, accumulate): greedy by
 * score, every person once, crowds as often as wanted; precision made monotone and read off at 101
 * recalls. Ties keep the order of pictures' ids and of the result file. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "eval/evaluation.h"

enum state { STATE_WRONG, STATE_RIGHT, STATE_IGNORED };

/* One result that takes part. */
struct row {
    double score;
    uint32_t index; /* as met */
    int32_t rank;   /* in its picture */
    uint8_t state[EVAL_MAX_AREAS][EVAL_THRESHOLDS];
};

struct candidate {
    double score;
    uint32_t item;
};

struct run {
    const struct stance_eval *eval;
    const struct eval_part *part;
    int part_index;
    int limits[EVAL_MAX_LIMITS], limit_count, area_count;
    double areas[EVAL_MAX_AREAS][2];
    struct eval_curves *out;
    /* Of one category. */
    struct row *rows;
    size_t row_count, row_capacity;
    size_t people[EVAL_MAX_AREAS]; /* that are asked for */
    /* Of one group. */
    struct candidate *candidates;
    uint32_t *found;
    size_t found_capacity;
    double *similarity;
    size_t similarity_capacity;
    uint32_t *columns; /* annotations, ignored ones last */
    bool *taken;
    size_t column_capacity;
    /* For one curve. */
    double *recalls, *precisions;
    size_t curve_capacity;
};

double eval_threshold(int i)
{
    return i == EVAL_THRESHOLDS - 1 ? .95 : .5 + i * ((.95 - .5) / (EVAL_THRESHOLDS - 1));
}

static double recall_at(int i)
{
    return i == EVAL_RECALLS - 1 ? 1 : i * .01;
}

int eval_limits(const struct stance_eval *eval, int limits[EVAL_MAX_LIMITS])
{
    bool keypoints = eval->kind == STANCE_EVAL_KEYPOINTS;
    limits[0] = keypoints ? 20 : 1;
    limits[1] = 10;
    limits[2] = 100;
    return keypoints ? 1 : 3;
}

int eval_areas(const struct stance_eval *eval, double areas[EVAL_MAX_AREAS][2])
{
    static const double ranges[][2] = {{0, 1e10}, {0, 1024}, {1024, 9216}, {9216, 1e10}};
    bool keypoints = eval->kind == STANCE_EVAL_KEYPOINTS;
    int count = 0;
    for (int i = 0; i < 4; i++)
        if (i != 1 || !keypoints) {
            memcpy(areas[count], ranges[i], sizeof ranges[i]);
            count++;
        }
    return count;
}

/* At least `count` items; what they held is lost. */
static int reserve(void **items, size_t *capacity, size_t count, size_t size)
{
    if (count <= *capacity && *items)
        return 0;
    base_free(*items);
    *capacity = 0;
    size_t wish = count + count / 2 + 16;
    *items = wish > BASE_ALLOC_LIMIT / size ? NULL : base_alloc(wish * size);
    if (!*items)
        return base_error_memory(wish * size, "matching");
    *capacity = wish;
    return 0;
}

static int by_score(const void *a, const void *b)
{
    const struct candidate *left = a, *right = b;
    if (left->score != right->score)
        return left->score > right->score ? -1 : 1;
    return left->item < right->item ? -1 : left->item > right->item;
}

/* The results of the group that take part, best first, into run->found. */
static int choose(struct run *run, const struct eval_group *group, size_t *count)
{
    size_t most = (size_t)run->limits[run->limit_count - 1], kept = 0;
    size_t capacity = run->found_capacity;
    bool sorted = true;
    BASE_TRY(
        reserve((void **)&run->candidates, &capacity, group->found_count, sizeof *run->candidates));
    BASE_TRY(reserve((void **)&run->found, &run->found_capacity, group->found_count,
                     sizeof *run->found));
    for (size_t i = 0; i < group->found_count; i++) {
        const struct eval_instance *item = &run->eval->found.items[group->found[i]];
        if (!eval_takes_part(run->eval, run->part, item))
            continue;
        double score = eval_score(run->eval, run->part_index, item);
        run->candidates[kept] = (struct candidate){score, group->found[i]};
        sorted = sorted &&
                 (kept == 0 || by_score(&run->candidates[kept - 1], &run->candidates[kept]) < 0);
        kept++;
    }
    if (!sorted)
        qsort(run->candidates, kept, sizeof *run->candidates, by_score);
    *count = kept < most ? kept : most;
    for (size_t i = 0; i < *count; i++)
        run->found[i] = run->candidates[i].item;
    return 0;
}

static bool outside(double area, const double range[2])
{
    return area < range[0] || area > range[1];
}

/* Columns in the order of matching: those asked for first. Returns how many those are. */
static size_t sort_columns(struct run *run, const struct eval_group *group, int area)
{
    size_t asked = 0, ignored = 0;
    for (int pass = 0; pass < 2; pass++)
        for (size_t j = 0; j < group->truth_count; j++) {
            const struct eval_instance *truth = &run->eval->truth.items[group->truth[j]];
            bool ignore = eval_is_ignored(run->eval, run->part, truth) ||
                          outside(eval_truth_area(run->eval, truth), run->areas[area]);
            if (pass == 0 && !ignore)
                run->columns[asked++] = (uint32_t)j;
            else if (pass == 1 && ignore)
                run->columns[asked + ignored++] = (uint32_t)j;
        }
    return asked;
}

/* The best annotation left for one result; behind the last column when there is none. */
static size_t best_column(const struct run *run, const struct eval_group *group,
                          const double *similarity, size_t asked, double threshold)
{
    size_t count = group->truth_count, best = count;
    double least = fmin(threshold, 1 - 1e-10);
    for (size_t c = 0; c < count; c++) {
        uint32_t j = run->columns[c];
        if (run->taken[c] && !run->eval->truth.items[group->truth[j]].crowd)
            continue;
        if (c >= asked && best < asked)
            break; /* found among those asked for; the others are not looked at */
        if (similarity[j] < least)
            continue;
        least = similarity[j];
        best = c;
    }
    return best;
}

static void match(struct run *run, const struct eval_group *group, struct row *rows, size_t count,
                  int area)
{
    size_t asked = sort_columns(run, group, area), columns = group->truth_count;
    run->people[area] += asked;
    for (int t = 0; t < EVAL_THRESHOLDS; t++) {
        memset(run->taken, 0, columns * sizeof *run->taken);
        for (size_t i = 0; i < count; i++) {
            const struct eval_instance *found = &run->eval->found.items[run->found[i]];
            size_t best =
                best_column(run, group, run->similarity + i * columns, asked, eval_threshold(t));
            uint8_t *state = &rows[i].state[area][t];
            if (best == columns) {
                *state = outside(found->area, run->areas[area]) ? STATE_IGNORED : STATE_WRONG;
            } else {
                *state = best < asked ? STATE_RIGHT : STATE_IGNORED;
                run->taken[best] = true;
            }
        }
    }
}

static int match_group(struct run *run, const struct eval_group *group)
{
    size_t count, capacity = run->column_capacity;
    BASE_TRY(choose(run, group, &count));
    if (group->truth_count > BASE_ALLOC_LIMIT / sizeof(double) / (count + 1))
        return base_error(STANCE_ELIMIT, "image %lld has %zu annotations, which is too many",
                          (long long)run->eval->pictures[group->picture].id, group->truth_count);
    BASE_TRY(reserve((void **)&run->columns, &capacity, group->truth_count, sizeof *run->columns));
    BASE_TRY(reserve((void **)&run->taken, &run->column_capacity, group->truth_count,
                     sizeof *run->taken));
    BASE_TRY(reserve((void **)&run->similarity, &run->similarity_capacity,
                     count * group->truth_count, sizeof *run->similarity));
    while (run->row_count + count > run->row_capacity)
        BASE_TRY(eval_grow((void **)&run->rows, &run->row_capacity, run->row_capacity,
                           sizeof *run->rows, "matching"));
    struct eval_group chosen = *group;
    chosen.found = run->found;
    eval_similarity(run->eval, run->part, &chosen, count, run->similarity);
    struct row *rows = run->rows + run->row_count;
    for (size_t i = 0; i < count; i++) {
        rows[i].score = run->candidates[i].score;
        rows[i].index = (uint32_t)(run->row_count + i);
        rows[i].rank = (int32_t)i;
    }
    for (int area = 0; area < run->area_count; area++)
        match(run, &chosen, rows, count, area);
    run->row_count += count;
    return 0;
}

static int by_row(const void *a, const void *b)
{
    const struct row *left = a, *right = b;
    if (left->score != right->score)
        return left->score > right->score ? -1 : 1;
    return left->index < right->index ? -1 : left->index > right->index;
}

/* One precision-recall curve into the sums. */
static void add_curve(struct run *run, int area, int limit, int t)
{
    size_t right = 0, wrong = 0, count = 0;
    for (size_t i = 0; i < run->row_count; i++) {
        const struct row *row = &run->rows[i];
        uint8_t state = row->state[area][t];
        if (row->rank >= run->limits[limit] || state == STATE_IGNORED)
            continue;
        right += state == STATE_RIGHT;
        wrong += state == STATE_WRONG;
        run->recalls[count] = (double)right / (double)run->people[area];
        run->precisions[count++] =
            (double)right / ((double)(right + wrong) + 2.220446049250313e-16);
    }
    for (size_t i = count; i-- > 1;)
        if (run->precisions[i] > run->precisions[i - 1])
            run->precisions[i - 1] = run->precisions[i];
    double *sums = run->out->precision[area][limit][t];
    size_t at = 0;
    for (int r = 0; r < EVAL_RECALLS; r++) {
        while (at < count && run->recalls[at] < recall_at(r))
            at++;
        sums[r] += at < count ? run->precisions[at] : 0;
    }
    run->out->recall[area][limit][t] += count ? run->recalls[count - 1] : 0;
}

static int finish_category(struct run *run)
{
    size_t capacity = run->curve_capacity;
    BASE_TRY(reserve((void **)&run->recalls, &capacity, run->row_count, sizeof *run->recalls));
    BASE_TRY(reserve((void **)&run->precisions, &run->curve_capacity, run->row_count,
                     sizeof *run->precisions));
    if (run->row_count)
        qsort(run->rows, run->row_count, sizeof *run->rows, by_row);
    for (int area = 0; area < run->area_count; area++) {
        if (run->people[area] == 0)
            continue;
        run->out->categories[area]++;
        for (int limit = 0; limit < run->limit_count; limit++)
            for (int t = 0; t < EVAL_THRESHOLDS; t++)
                add_curve(run, area, limit, t);
    }
    run->row_count = 0;
    memset(run->people, 0, sizeof run->people);
    return 0;
}

static int walk(struct run *run, double least, double most)
{
    struct eval_walk position = {.eval = run->eval};
    struct eval_group group;
    int32_t category = -1;
    while (eval_next_group(&position, &group)) {
        double crowd = run->eval->pictures[group.picture].crowd_index;
        if (!isinf(least) && !(crowd >= least && crowd < most))
            continue;
        if (group.category != category)
            BASE_TRY(finish_category(run));
        category = group.category;
        BASE_TRY(match_group(run, &group));
    }
    return finish_category(run);
}

int eval_curves_compute(const struct stance_eval *eval, int part, double least, double most,
                        struct eval_curves *out)
{
    int parts;
    struct run run = {
        .eval = eval, .part = &eval_parts(eval, &parts)[part], .part_index = part, .out = out};
    memset(out, 0, sizeof *out);
    run.limit_count = eval_limits(eval, run.limits);
    run.area_count = eval_areas(eval, run.areas);
    int code = walk(&run, least, most);
    base_free(run.rows);
    base_free(run.candidates);
    base_free(run.found);
    base_free(run.similarity);
    base_free(run.columns);
    base_free(run.taken);
    base_free(run.recalls);
    base_free(run.precisions);
    return code;
}

double eval_curves_precision(const struct eval_curves *curves, int from, int to, int area,
                             int limit)
{
    double sum = 0;
    if (curves->categories[area] == 0)
        return -1;
    for (int t = from; t <= to; t++)
        for (int r = 0; r < EVAL_RECALLS; r++)
            sum += curves->precision[area][limit][t][r];
    return sum / ((to - from + 1) * EVAL_RECALLS * curves->categories[area]);
}

double eval_curves_recall(const struct eval_curves *curves, int from, int to, int area, int limit)
{
    double sum = 0;
    if (curves->categories[area] == 0)
        return -1;
    for (int t = from; t <= to; t++)
        sum += curves->recall[area][limit][t];
    return sum / ((to - from + 1) * curves->categories[area]);
}
