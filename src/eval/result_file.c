/* Results in COCO's format: read from a file, taken from the pose pipeline, written back. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json_scan.h"
#include "base/json_write.h"
#include "base/memory.h"
#include "eval/evaluation.h"

#define OUTPUT_LIMIT ((size_t)2 << 30)

struct reader {
    struct stance_eval *eval;
    struct base_scan scan;
    struct eval_entry entry;
    double points[EVAL_MAX_KEYPOINTS * 3];
    long number;
    bool box_areas; /* the first result has a box: as in pycocotools, areas are those of boxes */
};

void eval_area_of_points(struct eval_instance *item, const double *points, int count)
{
    double least[2] = {points[0], points[1]}, most[2] = {points[0], points[1]};
    for (int k = 1; k < count; k++)
        for (int i = 0; i < 2; i++) {
            least[i] = fmin(least[i], points[3 * k + i]);
            most[i] = fmax(most[i], points[3 * k + i]);
        }
    double width = most[0] - least[0], height = most[1] - least[1];
    item->area = width * height;
    if (item->has_box)
        return;
    item->has_box = true;
    item->box[0] = least[0];
    item->box[1] = least[1];
    item->box[2] = width;
    item->box[3] = height;
}

/* The first result decides what is compared, unless the caller has. */
static int decide(struct reader *reader)
{
    struct stance_eval *eval = reader->eval;
    bool keypoints = reader->entry.sizes[0] > 0;
    if (eval->kind == STANCE_EVAL_AUTO)
        eval->kind = keypoints && eval->keypoint_count ? STANCE_EVAL_KEYPOINTS : STANCE_EVAL_BOXES;
    reader->box_areas = (reader->entry.seen & EVAL_HAS_BOX) != 0;
    return eval_settle(eval);
}

static int missing(const struct reader *reader, const char *name)
{
    return base_scan_refuse(&reader->scan, STANCE_EFORMAT, "'%s' of result %ld is missing", name,
                            reader->number);
}

/* Fills `item` and returns the number of its keypoints. */
static int fill(struct reader *reader, struct eval_instance *item)
{
    const struct eval_entry *entry = &reader->entry;
    struct stance_eval *eval = reader->eval;
    int count = 0, has = 0;
    memcpy(item->box, entry->box, sizeof item->box);
    item->has_box = (entry->seen & EVAL_HAS_BOX) != 0;
    item->area = item->has_box ? entry->box[2] * entry->box[3] : 0;
    for (int i = 0; i < EVAL_MAX_PARTS; i++)
        item->part_scores[i] = entry->part_scores[i];
    if (eval->kind == STANCE_EVAL_BOXES)
        return item->has_box ? 0 : missing(reader, "bbox");
    if (entry->sizes[0] == 0)
        return missing(reader, "keypoints");
    count = eval_entry_points(entry, eval->keypoint_count, reader->points, &has);
    if (count < 0)
        return base_scan_refuse(&reader->scan, STANCE_EFORMAT,
                                "result %ld has %d keypoints where the ground truth has %d",
                                reader->number, has, eval->keypoint_count);
    if (!item->has_box || !reader->box_areas)
        eval_area_of_points(item, reader->points, eval_body_count(eval));
    return count;
}

static int read_result(struct reader *reader)
{
    struct stance_eval *eval = reader->eval;
    struct eval_entry *entry = &reader->entry;
    char what[48];
    snprintf(what, sizeof what, "result %ld", ++reader->number);
    BASE_TRY(eval_entry_read(entry, &reader->scan, what));
    if (reader->number == 1)
        BASE_TRY(decide(reader));
    if (!(entry->seen & EVAL_HAS_PICTURE))
        return missing(reader, "image_id");
    if (!(entry->seen & EVAL_HAS_CATEGORY))
        return missing(reader, "category_id");
    if (!(entry->seen & EVAL_HAS_SCORE))
        return missing(reader, "score");
    struct eval_instance item = {.id = entry->annotation,
                                 .score = entry->score,
                                 .picture = eval_picture_index(eval, entry->picture),
                                 .category = eval_category_index(eval, entry->category)};
    if (item.picture < 0)
        return base_scan_refuse(&reader->scan, STANCE_EFORMAT,
                                "result %ld is about image %lld, which '%s' does not have",
                                reader->number, (long long)entry->picture, eval->path);
    int count = fill(reader, &item);
    BASE_TRY(count);
    if (item.category < 0) {
        eval->unknown_categories++;
        return 0;
    }
    return eval_append(&eval->found, &item, count ? reader->points : NULL, count);
}

static int read_array(struct reader *reader)
{
    int more;
    BASE_TRY(base_scan_enter(&reader->scan, '[', "the list of results"));
    while ((more = base_scan_next(&reader->scan, NULL)) > 0)
        BASE_TRY(read_result(reader));
    return more;
}

/* A list, or an object with the list as 'annotations'. */
static int read_top(struct reader *reader)
{
    struct base_scan *scan = &reader->scan;
    struct base_scan_key key;
    int more, lists = 0;
    if (base_scan_peek(scan) != '{') {
        BASE_TRY(read_array(reader));
        return base_scan_end(scan);
    }
    BASE_TRY(base_scan_enter(scan, '{', "the file"));
    while ((more = base_scan_next(scan, &key)) > 0) {
        bool list = base_scan_is(key, "annotations");
        lists += list;
        BASE_TRY(list ? read_array(reader) : base_scan_skip(scan));
    }
    BASE_TRY(more);
    if (lists != 1)
        return base_error(STANCE_EFORMAT, "%s: %s list of results", scan->name,
                          lists ? "more than one" : "no");
    return base_scan_end(scan);
}

int eval_parse_results(struct stance_eval *eval, const void *data, size_t size, const char *name)
{
    struct reader *reader = base_alloc_zero(1, sizeof *reader);
    if (!reader)
        return base_error_memory(sizeof *reader, "reading results");
    reader->eval = eval;
    base_scan_begin(&reader->scan, data, size, name);
    int code = read_top(reader);
    base_free(reader);
    return code;
}

static int take_person(struct stance_eval *eval, int32_t picture,
                       const struct stance_person *person, int count, int64_t annotation)
{
    double points[EVAL_MAX_KEYPOINTS * 3];
    bool boxes = eval->kind == STANCE_EVAL_BOXES;
    const float *b = person->box;
    struct eval_instance item = {.id = annotation,
                                 .picture = picture,
                                 .category = (int32_t)eval->person,
                                 .has_box = true,
                                 .score = boxes ? (double)person->box_score : (double)person->score,
                                 .box = {(double)b[0], (double)b[1], (double)b[2] - (double)b[0],
                                         (double)b[3] - (double)b[1]}};
    bool finite = isfinite(item.score) && isfinite(item.box[2]) && isfinite(item.box[3]);
    item.area = item.box[2] * item.box[3];
    for (int i = 0; i < EVAL_MAX_PARTS; i++)
        item.part_scores[i] = (double)NAN;
    for (int k = 0; k < count && !boxes; k++) {
        const struct stance_keypoint *point = &person->keypoints[k];
        points[3 * k] = (double)point->x;
        points[3 * k + 1] = (double)point->y;
        points[3 * k + 2] = (double)point->score;
        finite = finite && isfinite(point->x) && isfinite(point->y) && isfinite(point->score);
    }
    if (!finite)
        return base_error(STANCE_EARGUMENT, "a person of image %lld has values that are not finite",
                          (long long)eval->pictures[picture].id);
    if (!boxes)
        eval_area_of_points(&item, points, eval_body_count(eval));
    return eval_append(&eval->found, &item, boxes ? NULL : points, boxes ? 0 : count);
}

/* The category called person, or the only one. */
static int find_person(struct stance_eval *eval)
{
    if (eval->person >= 0)
        return 0;
    for (size_t i = 0; i < eval->category_count && eval->person < 0; i++)
        if (eval->categories[i].person || eval->category_count == 1)
            eval->person = (int)i;
    if (eval->person < 0)
        return base_error(STANCE_EARGUMENT, "'%s' has no category called person", eval->path);
    eval->ordered = false;
    return 0;
}

int stance_eval_add(struct stance_eval *eval, int64_t picture_id,
                    const struct stance_pose_result *result, const int64_t *annotation_ids)
{
    int count = result->keypoint_set ? result->keypoint_set->count : 0;
    int32_t picture = eval_picture_index(eval, picture_id);
    if (picture < 0)
        return base_error(STANCE_EARGUMENT, "'%s' has no image %lld", eval->path,
                          (long long)picture_id);
    BASE_TRY(find_person(eval));
    if (eval->kind == STANCE_EVAL_AUTO)
        eval->kind = eval->keypoint_count && count ? STANCE_EVAL_KEYPOINTS : STANCE_EVAL_BOXES;
    BASE_TRY(eval_settle(eval));
    if (eval->kind == STANCE_EVAL_KEYPOINTS && count != eval->keypoint_count)
        return base_error(STANCE_EARGUMENT,
                          "the network finds %d keypoints; the ground truth '%s' has %d", count,
                          eval->path, eval->keypoint_count);
    eval->ordered = false;
    for (int i = 0; i < result->person_count; i++)
        BASE_TRY(take_person(eval, picture, &result->people[i], count,
                             annotation_ids ? annotation_ids[i] : -1));
    return 0;
}

static void write_result(struct base_json *json, const struct stance_eval *eval,
                         const struct eval_instance *item)
{
    base_json_object(json);
    base_json_key(json, "image_id");
    base_json_int(json, eval->pictures[item->picture].id);
    base_json_key(json, "category_id");
    base_json_int(json, eval->categories[item->category].id);
    if (item->points != EVAL_NO_POINTS) {
        const double *points = eval_points(&eval->found, item);
        base_json_key(json, "keypoints");
        base_json_array(json);
        for (int i = 0; i < eval->keypoint_count * 3; i++)
            base_json_float(json, points[i], 4);
        base_json_close(json);
    } else {
        base_json_key(json, "bbox");
        base_json_array(json);
        for (int i = 0; i < 4; i++)
            base_json_float(json, item->box[i], 4);
        base_json_close(json);
    }
    base_json_key(json, "score");
    base_json_float(json, item->score, 9);
    if (item->id >= 0) {
        base_json_key(json, "annotation_id");
        base_json_int(json, item->id);
    }
    base_json_close(json);
}

int stance_eval_save(struct stance_eval *eval, const char *path)
{
    struct base_buffer bytes;
    struct base_json json;
    base_buffer_init(&bytes, OUTPUT_LIMIT);
    base_json_begin(&json, &bytes, false);
    base_json_array(&json);
    for (size_t i = 0; i < eval->found.count && json.code == 0; i++)
        write_result(&json, eval, &eval->found.items[i]);
    base_json_close(&json);
    int code = base_json_end(&json);
    if (code == 0)
        code = base_buffer_append(&bytes, "\n", 1);
    if (code == 0)
        code = base_file_write(path, bytes.data, bytes.size);
    base_buffer_free(&bytes);
    return code;
}
