/* An evaluation: ground truth and results as tables, what is compared, and the order in which. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/memory.h"
#include "eval/evaluation.h"

#define FILE_LIMIT ((size_t)4 << 30)

int eval_grow(void **items, size_t *capacity, size_t count, size_t size, const char *what)
{
    if (count < *capacity)
        return 0;
    size_t wish = *capacity ? *capacity * 2 : 64;
    void *grown =
        wish > BASE_ALLOC_LIMIT / size ? NULL : base_realloc(*items, count * size, wish * size);
    if (!grown)
        return base_error_memory(wish * size, what);
    *items = grown;
    *capacity = wish;
    return 0;
}

const char *eval_text(struct stance_eval *eval, const char *text)
{
    if (eval_grow((void **)&eval->texts, &eval->text_capacity, eval->text_count,
                  sizeof *eval->texts, "names") < 0)
        return NULL;
    char *copy = base_strdup(text);
    if (!copy) {
        base_error_memory(strlen(text) + 1, "a name");
        return NULL;
    }
    eval->texts[eval->text_count++] = copy;
    return copy;
}

int eval_append(struct eval_list *list, const struct eval_instance *item, const double *points,
                int count)
{
    BASE_TRY(
        eval_grow((void **)&list->items, &list->capacity, list->count, sizeof *item, "instances"));
    size_t numbers = points ? (size_t)count * 3 : 0;
    while (list->point_count + numbers > list->point_capacity)
        BASE_TRY(eval_grow((void **)&list->points, &list->point_capacity, list->point_capacity,
                           sizeof *points, "keypoints"));
    struct eval_instance *copy = &list->items[list->count++];
    *copy = *item;
    copy->points = points ? (int64_t)list->point_count : EVAL_NO_POINTS;
    if (points)
        memcpy(list->points + list->point_count, points, numbers * sizeof *points);
    list->point_count += numbers;
    return 0;
}

const double *eval_points(const struct eval_list *list, const struct eval_instance *item)
{
    static const double blanks[EVAL_MAX_KEYPOINTS * 3];
    return item->points == EVAL_NO_POINTS ? blanks : list->points + item->points;
}

/* Items of `size` bytes that begin with their id, ascending. */
static int32_t find_id(const void *items, size_t count, size_t size, int64_t id)
{
    size_t low = 0, high = count;
    int64_t found = 0;
    while (low < high) {
        size_t middle = (low + high) / 2;
        memcpy(&found, (const char *)items + middle * size, sizeof found);
        if (found < id)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < count)
        memcpy(&found, (const char *)items + low * size, sizeof found);
    return low < count && found == id ? (int32_t)low : -1;
}

int32_t eval_picture_index(const struct stance_eval *eval, int64_t id)
{
    _Static_assert(offsetof(struct eval_picture, id) == 0, "find_id() reads the first member");
    return find_id(eval->pictures, eval->picture_count, sizeof *eval->pictures, id);
}

int32_t eval_category_index(const struct stance_eval *eval, int64_t id)
{
    _Static_assert(offsetof(struct eval_category, id) == 0, "find_id() reads the first member");
    return find_id(eval->categories, eval->category_count, sizeof *eval->categories, id);
}

void stance_eval_options_default(struct stance_eval_options *options)
{
    *options = (struct stance_eval_options){.struct_size = sizeof *options};
}

static int check_options(struct stance_eval *eval, const struct stance_eval_options *options)
{
    stance_eval_options_default(&eval->options);
    if (options && options->struct_size < sizeof eval->options)
        memcpy(&eval->options, options, options->struct_size);
    else if (options)
        eval->options = *options;
    const char *name = eval->options.keypoint_set;
    if (eval->options.kind < STANCE_EVAL_AUTO || eval->options.kind > STANCE_EVAL_BOXES)
        return base_error(STANCE_EARGUMENT, "%d is no kind of evaluation", eval->options.kind);
    if (name && !(eval->set = eval_set_find(name, 0, false, NULL)))
        return base_error(STANCE_EARGUMENT, "there is no keypoint set '%s'; known are %s", name,
                          eval_set_list());
    eval->options.keypoint_set = NULL; /* the caller's text may not live as long */
    eval->kind = eval->options.kind;
    eval->person = -1;
    return 0;
}

int eval_open_bytes(struct stance_eval **out, const void *data, size_t size, const char *name,
                    const struct stance_eval_options *options)
{
    *out = NULL;
    struct stance_eval *eval = base_alloc_zero(1, sizeof *eval);
    if (!eval)
        return base_error_memory(sizeof *eval, "an evaluation");
    int code = check_options(eval, options);
    if (code == 0 && !(eval->path = base_strdup(name)))
        code = base_error_memory(strlen(name) + 1, "a path");
    if (code == 0)
        code = eval_parse_annotations(eval, data, size, name);
    if (code == 0 && eval->kind == STANCE_EVAL_KEYPOINTS)
        code = eval_settle(eval);
    if (code < 0)
        stance_eval_close(&eval);
    *out = eval;
    return code;
}

int stance_eval_open(struct stance_eval **out, const char *annotations,
                     const struct stance_eval_options *options)
{
    struct base_mapping file;
    *out = NULL;
    BASE_TRY(base_file_map(&file, annotations, FILE_LIMIT));
    int code = eval_open_bytes(out, file.data, file.size, annotations, options);
    base_file_unmap(&file);
    return code;
}

static void free_list(struct eval_list *list)
{
    base_free(list->items);
    base_free(list->points);
    base_free(list->order);
}

void stance_eval_close(struct stance_eval **handle)
{
    struct stance_eval *eval = *handle;
    *handle = NULL;
    if (!eval)
        return;
    for (size_t i = 0; i < eval->text_count; i++)
        base_free(eval->texts[i]);
    base_free(eval->texts);
    free_list(&eval->truth);
    free_list(&eval->found);
    base_free(eval->pictures);
    base_free(eval->categories);
    base_free(eval->boxes);
    base_free(eval->scores);
    base_free(eval->ids);
    base_free(eval->path);
    base_free(eval);
}

/* Names that mean the same: case, blanks and '_' aside. */
static bool same_name(const char *a, const char *b)
{
    for (;; a++, b++) {
        char left = *a == ' ' ? '_' : *a, right = *b == ' ' ? '_' : *b;
        if (strncasecmp(&left, &right, 1) != 0)
            return false;
        if (!left)
            return true;
    }
}

int eval_keypoint_named(const struct stance_eval *eval, const char *name)
{
    for (int k = 0; k < eval->keypoint_count; k++)
        if (eval->names[k] && same_name(eval->names[k], name))
            return k;
    return -1;
}

/* The keypoint on the other side: left and right exchanged in the name. */
static int mirrored(const struct stance_eval *eval, int k)
{
    const char *name = eval->names[k];
    char other[128];
    bool left = name && strncasecmp(name, "left", 4) == 0;
    bool right = name && strncasecmp(name, "right", 5) == 0;
    if (!left && !right)
        return k;
    snprintf(other, sizeof other, "%s%s", left ? "right" : "left", name + (left ? 4 : 5));
    int found = eval_keypoint_named(eval, other);
    return found < 0 ? k : found;
}

static void name_keypoints(struct stance_eval *eval)
{
    int named = 0;
    while (named < EVAL_MAX_KEYPOINTS && eval->names[named])
        named++;
    if (named != eval->keypoint_count && eval->set && eval->set->names)
        memcpy(eval->names, eval->set->names, (size_t)eval->set->count * sizeof *eval->names);
    for (int k = 0; k < eval->keypoint_count; k++)
        eval->flip[k] = (int16_t)mirrored(eval, k);
}

int eval_settle(struct stance_eval *eval)
{
    if (eval->kind != STANCE_EVAL_KEYPOINTS)
        return 0;
    if (eval->keypoint_count == 0)
        return base_error(STANCE_EFORMAT, "'%s' has no keypoints to compare with", eval->path);
    if (eval->whole.count == eval->keypoint_count)
        return 0;
    if (!eval->set)
        eval->set =
            eval_set_find(NULL, eval->keypoint_count, eval->has_crowd_index, eval->names[0]);
    eval->whole = (struct eval_part){"", 0, eval->keypoint_count};
    name_keypoints(eval);
    return 0;
}

const struct eval_part *eval_parts(const struct stance_eval *eval, int *count)
{
    bool set = eval->kind == STANCE_EVAL_KEYPOINTS && eval->set;
    *count = set ? eval->set->part_count : 1;
    return set ? eval->set->parts : &eval->whole;
}

int eval_body_count(const struct stance_eval *eval)
{
    return eval->set && eval->set->part_count > 1 ? eval->set->parts[1].count
                                                  : eval->keypoint_count;
}

struct key {
    int32_t category, picture;
    double score;
    uint32_t index;
};

static int by_key(const void *a, const void *b)
{
    const struct key *left = a, *right = b;
    if (left->category != right->category)
        return left->category < right->category ? -1 : 1;
    if (left->picture != right->picture)
        return left->picture < right->picture ? -1 : 1;
    if (left->score != right->score)
        return left->score > right->score ? -1 : 1;
    return left->index < right->index ? -1 : left->index > right->index;
}

static int order_list(const struct stance_eval *eval, struct eval_list *list, bool best_only)
{
    struct key *keys = base_alloc(list->count * sizeof *keys);
    base_free(list->order);
    list->order = base_alloc(list->count * sizeof *list->order);
    list->ordered = 0;
    if (!keys || !list->order) {
        base_free(keys);
        return base_error_memory(list->count * sizeof *keys, "the order of instances");
    }
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct eval_instance *item = &list->items[i];
        if (eval->person < 0 || item->category == eval->person)
            keys[count++] = (struct key){item->category, item->picture, item->score, (uint32_t)i};
    }
    if (count)
        qsort(keys, count, sizeof *keys, by_key);
    for (size_t i = 0; i < count; i++) {
        bool again = best_only && i > 0 && keys[i].picture == keys[i - 1].picture &&
                     keys[i].category == keys[i - 1].category;
        if (!again)
            list->order[list->ordered++] = keys[i].index;
    }
    base_free(keys);
    return 0;
}

int eval_prepare(struct stance_eval *eval)
{
    if (eval->kind == STANCE_EVAL_AUTO)
        eval->kind = eval->keypoint_count ? STANCE_EVAL_KEYPOINTS : STANCE_EVAL_BOXES;
    BASE_TRY(eval_settle(eval));
    if (eval->ordered)
        return 0;
    BASE_TRY(order_list(eval, &eval->truth, false));
    BASE_TRY(order_list(eval, &eval->found, eval->options.single_person != 0));
    eval->ordered = true;
    return 0;
}

static size_t run(const struct eval_list *list, size_t from, int32_t category, int32_t picture)
{
    size_t at = from;
    while (at < list->ordered && list->items[list->order[at]].category == category &&
           list->items[list->order[at]].picture == picture)
        at++;
    return at - from;
}

bool eval_next_group(struct eval_walk *walk, struct eval_group *group)
{
    const struct eval_list *truth = &walk->eval->truth, *found = &walk->eval->found;
    const struct eval_instance *a = NULL, *b = NULL;
    if (walk->truth_at < truth->ordered)
        a = &truth->items[truth->order[walk->truth_at]];
    if (walk->found_at < found->ordered)
        b = &found->items[found->order[walk->found_at]];
    if (!a && !b)
        return false;
    bool first = !b || (a && (a->category < b->category ||
                              (a->category == b->category && a->picture <= b->picture)));
    const struct eval_instance *next = first ? a : b;
    *group = (struct eval_group){.category = next->category, .picture = next->picture};
    group->truth = truth->order + walk->truth_at;
    group->found = found->order + walk->found_at;
    group->truth_count = run(truth, walk->truth_at, next->category, next->picture);
    group->found_count = run(found, walk->found_at, next->category, next->picture);
    walk->truth_at += group->truth_count;
    walk->found_at += group->found_count;
    return true;
}

int stance_eval_load(struct stance_eval *eval, const char *results)
{
    struct base_mapping file;
    BASE_TRY(base_file_map(&file, results, FILE_LIMIT));
    eval->ordered = false;
    int code = eval_parse_results(eval, file.data, file.size, results);
    base_file_unmap(&file);
    return code;
}

int stance_eval_compute(struct stance_eval *eval, const char *metric,
                        const struct stance_eval_number **numbers, int *count)
{
    *numbers = eval->numbers;
    *count = eval->number_count = 0;
    BASE_TRY(eval_prepare(eval));
    BASE_TRY(strcmp(metric, "coco") == 0 ? eval_coco(eval) : eval_distances(eval, metric));
    *count = eval->number_count;
    return 0;
}

void eval_number(struct stance_eval *eval, const char *part, const char *name, double value)
{
    if (eval->number_count == EVAL_MAX_NUMBERS)
        return;
    struct stance_eval_number *number = &eval->numbers[eval->number_count++];
    snprintf(number->name, sizeof number->name, "%s%s", part, name);
    number->value = value;
}

int stance_eval_picture_count(const struct stance_eval *eval)
{
    return (int)eval->picture_count;
}
