/* The ground truth: pictures, categories and annotations of a COCO file. The three lists may come in
 * any order; annotations that come before the others are read in a second go. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json_scan.h"
#include "base/memory.h"
#include "eval/evaluation.h"

enum { TEXT_BYTES = 4096, MOST = 1 << 30 };

struct reader {
    struct stance_eval *eval;
    struct base_scan scan;
    struct eval_entry entry;
    double points[EVAL_MAX_KEYPOINTS * 3];
    char text[TEXT_BYTES];
    bool pictures, categories, annotations;
};

static int read_picture(struct reader *reader, const char *what)
{
    struct base_scan *scan = &reader->scan;
    struct stance_eval *eval = reader->eval;
    struct base_scan_key key;
    struct eval_picture picture = {.file = "", .crowd_index = (double)NAN};
    int more;
    bool has_id = false;
    double side[2] = {0, 0};
    BASE_TRY(base_scan_enter(scan, '{', what));
    while ((more = base_scan_next(scan, &key)) > 0) {
        if (base_scan_is(key, "id")) {
            BASE_TRY(base_scan_int(scan, "'id' of an image", &picture.id));
            has_id = true;
        } else if (base_scan_is(key, "file_name")) {
            BASE_TRY(base_scan_text(scan, "'file_name'", reader->text, sizeof reader->text));
            picture.file = eval_text(eval, reader->text);
            if (!picture.file)
                return STANCE_ENOMEMORY;
        } else if (base_scan_is(key, "crowdIndex")) {
            BASE_TRY(base_scan_number(scan, "'crowdIndex'", &picture.crowd_index));
            eval->has_crowd_index = true;
        } else if ((base_scan_is(key, "width") || base_scan_is(key, "height")) &&
                   base_scan_peek(scan) == '0') {
            BASE_TRY(base_scan_number(scan, "the size of an image", &side[key.size == 6]));
        } else {
            BASE_TRY(base_scan_skip(scan));
        }
    }
    BASE_TRY(more);
    if (!has_id)
        return base_scan_refuse(scan, STANCE_EFORMAT, "'id' of %s is missing", what);
    picture.width = side[0] >= 1 && side[0] <= MOST ? (int32_t)side[0] : 0;
    picture.height = side[1] >= 1 && side[1] <= MOST ? (int32_t)side[1] : 0;
    BASE_TRY(eval_grow((void **)&eval->pictures, &eval->picture_capacity, eval->picture_count,
                       sizeof picture, "pictures"));
    eval->pictures[eval->picture_count++] = picture;
    return 0;
}

/* Names of keypoints: those of the first category that has any. */
static int read_names(struct reader *reader)
{
    struct stance_eval *eval = reader->eval;
    int count = 0, more;
    bool first = !eval->names[0];
    BASE_TRY(base_scan_enter(&reader->scan, '[', "'keypoints' of a category"));
    while ((more = base_scan_next(&reader->scan, NULL)) > 0) {
        BASE_TRY(base_scan_text(&reader->scan, "the name of a keypoint", reader->text,
                                sizeof reader->text));
        if (!first || count == EVAL_MAX_KEYPOINTS)
            continue;
        eval->names[count] = eval_text(eval, reader->text);
        if (!eval->names[count++])
            return STANCE_ENOMEMORY;
    }
    return more;
}

/* Pairs of keypoints, counted from 1. */
static int read_skeleton(struct reader *reader)
{
    struct stance_eval *eval = reader->eval;
    struct base_scan *scan = &reader->scan;
    bool first = eval->edge_count == 0;
    int more;
    BASE_TRY(base_scan_enter(scan, '[', "'skeleton'"));
    while ((more = base_scan_next(scan, NULL)) > 0) {
        int64_t pair[2] = {0, 0};
        int count = 0, inner;
        BASE_TRY(base_scan_enter(scan, '[', "a pair of 'skeleton'"));
        while ((inner = base_scan_next(scan, NULL)) > 0) {
            if (count == 2)
                return base_scan_refuse(scan, STANCE_EFORMAT,
                                        "a pair of 'skeleton' has more than "
                                        "two numbers");
            BASE_TRY(base_scan_int(scan, "a number of 'skeleton'", &pair[count++]));
        }
        BASE_TRY(inner);
        if (first && eval->edge_count < EVAL_MAX_EDGES && pair[0] >= 1 && pair[1] >= 1 &&
            pair[0] <= EVAL_MAX_KEYPOINTS && pair[1] <= EVAL_MAX_KEYPOINTS) {
            eval->edges[eval->edge_count][0] = (int16_t)(pair[0] - 1);
            eval->edges[eval->edge_count++][1] = (int16_t)(pair[1] - 1);
        }
    }
    return more;
}

static int read_category(struct reader *reader, const char *what)
{
    struct base_scan *scan = &reader->scan;
    struct stance_eval *eval = reader->eval;
    struct eval_category category = {0};
    struct base_scan_key key;
    bool has_id = false;
    int more;
    BASE_TRY(base_scan_enter(scan, '{', what));
    while ((more = base_scan_next(scan, &key)) > 0) {
        if (base_scan_is(key, "id")) {
            BASE_TRY(base_scan_int(scan, "'id' of a category", &category.id));
            has_id = true;
        } else if (base_scan_is(key, "name")) {
            BASE_TRY(base_scan_text(scan, "'name'", reader->text, sizeof reader->text));
            category.person = strcasecmp(reader->text, "person") == 0;
        } else if (base_scan_is(key, "keypoints")) {
            BASE_TRY(read_names(reader));
        } else if (base_scan_is(key, "skeleton")) {
            BASE_TRY(read_skeleton(reader));
        } else {
            BASE_TRY(base_scan_skip(scan));
        }
    }
    BASE_TRY(more);
    if (!has_id)
        return base_scan_refuse(scan, STANCE_EFORMAT, "'id' of %s is missing", what);
    BASE_TRY(eval_grow((void **)&eval->categories, &eval->category_capacity, eval->category_count,
                       sizeof category, "categories"));
    eval->categories[eval->category_count++] = category;
    return 0;
}

static int take_points(struct reader *reader, const char *what, int *count)
{
    struct stance_eval *eval = reader->eval;
    int wanted = eval->keypoint_count, has = 0;
    *count = 0;
    if (eval->options.kind == STANCE_EVAL_BOXES || reader->entry.sizes[0] == 0)
        return 0;
    if (!wanted && eval->set)
        wanted = eval->set->count;
    *count = eval_entry_points(&reader->entry, wanted, reader->points, &has);
    if (*count < 0)
        return base_scan_refuse(&reader->scan, STANCE_EFORMAT,
                                "%s has %d keypoints where %d should be", what, has, wanted);
    eval->keypoint_count = *count;
    return 0;
}

static int read_annotation(struct reader *reader, const char *what)
{
    static const struct {
        unsigned bit;
        const char *name;
    } needed[] = {{EVAL_HAS_ID, "id"},
                  {EVAL_HAS_PICTURE, "image_id"},
                  {EVAL_HAS_CATEGORY, "category_id"},
                  {EVAL_HAS_BOX, "bbox"}};
    struct stance_eval *eval = reader->eval;
    struct eval_entry *entry = &reader->entry;
    BASE_TRY(eval_entry_read(entry, &reader->scan, what));
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
        if (!(entry->seen & needed[i].bit))
            return base_scan_refuse(&reader->scan, STANCE_EFORMAT, "'%s' of %s is missing",
                                    needed[i].name, what);
    struct eval_instance item = {.id = entry->id,
                                 .picture = eval_picture_index(eval, entry->picture),
                                 .category = eval_category_index(eval, entry->category),
                                 .area = entry->seen & EVAL_HAS_AREA ? entry->area : (double)NAN,
                                 .head = entry->head,
                                 .crowd = entry->crowd,
                                 .has_box = true};
    memcpy(item.box, entry->box, sizeof item.box);
    if (item.picture < 0)
        return base_scan_refuse(&reader->scan, STANCE_EFORMAT,
                                "%s is about image %lld, which is not among 'images'", what,
                                (long long)entry->picture);
    if (item.category < 0)
        return 0;
    int count;
    BASE_TRY(take_points(reader, what, &count));
    for (int k = 0; k < count; k++)
        item.labelled += reader->points[3 * k + 2] > 0;
    if (entry->seen & EVAL_HAS_LABELLED)
        item.labelled = entry->labelled > 0 ? (int32_t)fmin(entry->labelled, 1e6) : 0;
    return eval_append(&eval->truth, &item, count ? reader->points : NULL, count);
}

static int read_list(struct reader *reader, const char *name,
                     int (*read)(struct reader *reader, const char *what))
{
    char what[64];
    long number = 0;
    int more;
    BASE_TRY(base_scan_enter(&reader->scan, '[', name));
    while ((more = base_scan_next(&reader->scan, NULL)) > 0) {
        if (++number == MOST)
            return base_scan_refuse(&reader->scan, STANCE_ELIMIT, "%s has too many entries", name);
        snprintf(what, sizeof what, "entry %ld of %s", number, name);
        BASE_TRY(read(reader, what));
    }
    return more;
}

static int by_picture(const void *a, const void *b)
{
    const struct eval_picture *left = a, *right = b;
    return left->id < right->id ? -1 : left->id > right->id;
}

static int by_category(const void *a, const void *b)
{
    const struct eval_category *left = a, *right = b;
    return left->id < right->id ? -1 : left->id > right->id;
}

/* Sorts what annotations refer to. */
static int make_index(struct reader *reader)
{
    struct stance_eval *eval = reader->eval;
    if (eval->picture_count)
        qsort(eval->pictures, eval->picture_count, sizeof eval->pictures[0], by_picture);
    if (eval->category_count)
        qsort(eval->categories, eval->category_count, sizeof eval->categories[0], by_category);
    for (size_t i = 1; i < eval->picture_count; i++)
        if (eval->pictures[i].id == eval->pictures[i - 1].id)
            return base_error(STANCE_EFORMAT, "%s: two images have the id %lld", reader->scan.name,
                              (long long)eval->pictures[i].id);
    for (size_t i = 1; i < eval->category_count; i++)
        if (eval->categories[i].id == eval->categories[i - 1].id)
            return base_error(STANCE_EFORMAT, "%s: two categories have the id %lld",
                              reader->scan.name, (long long)eval->categories[i].id);
    return 0;
}

static int by_id(const void *a, const void *b)
{
    const int64_t *left = a, *right = b;
    return *left < *right ? -1 : *left > *right;
}

static int check_ids(const struct reader *reader)
{
    const struct eval_list *truth = &reader->eval->truth;
    int64_t *ids = base_alloc(truth->count * sizeof *ids);
    if (!ids)
        return base_error_memory(truth->count * sizeof *ids, "annotation ids");
    for (size_t i = 0; i < truth->count; i++)
        ids[i] = truth->items[i].id;
    if (truth->count)
        qsort(ids, truth->count, sizeof *ids, by_id);
    int code = 0;
    for (size_t i = 1; i < truth->count && code == 0; i++)
        if (ids[i] == ids[i - 1])
            code = base_error(STANCE_EFORMAT, "%s: two annotations have the id %lld",
                              reader->scan.name, (long long)ids[i]);
    base_free(ids);
    return code;
}

static int read_top(struct reader *reader)
{
    struct base_scan *scan = &reader->scan, later = {0};
    struct base_scan_key key;
    int more;
    BASE_TRY(base_scan_enter(scan, '{', "the file"));
    while ((more = base_scan_next(scan, &key)) > 0) {
        bool pictures = base_scan_is(key, "images"), categories = base_scan_is(key, "categories");
        bool annotations = base_scan_is(key, "annotations");
        if ((pictures && reader->pictures) || (categories && reader->categories) ||
            (annotations && reader->annotations))
            return base_scan_refuse(scan, STANCE_EFORMAT, "'%.*s' is there twice", (int)key.size,
                                    key.data);
        reader->pictures |= pictures;
        reader->categories |= categories;
        reader->annotations |= annotations;
        if (annotations)
            later = *scan;
        BASE_TRY(pictures     ? read_list(reader, "'images'", read_picture)
                 : categories ? read_list(reader, "'categories'", read_category)
                              : base_scan_skip(scan));
    }
    BASE_TRY(more);
    BASE_TRY(base_scan_end(scan));
    if (!reader->pictures || !reader->categories || !reader->annotations)
        return base_error(STANCE_EFORMAT,
                          "%s: no list '%s'; annotations in COCO's format have 'images', "
                          "'categories' and 'annotations'",
                          scan->name,
                          !reader->pictures     ? "images"
                          : !reader->categories ? "categories"
                                                : "annotations");
    BASE_TRY(make_index(reader));
    *scan = later;
    BASE_TRY(read_list(reader, "'annotations'", read_annotation));
    return check_ids(reader);
}

int eval_parse_annotations(struct stance_eval *eval, const void *data, size_t size,
                           const char *name)
{
    struct reader *reader = base_alloc_zero(1, sizeof *reader);
    if (!reader)
        return base_error_memory(sizeof *reader, "reading annotations");
    reader->eval = eval;
    base_scan_begin(&reader->scan, data, size, name);
    int code = read_top(reader);
    base_free(reader);
    return code;
}
