/* One annotation or result of a COCO file: its members by a table, its keypoints in one row. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json_scan.h"
#include "eval/evaluation.h"

/* Coordinates beyond are no pixels; squares of what is within stay finite. */
static const double farthest = 1e9;

enum member_kind { MEMBER_INT, MEMBER_NUMBER, MEMBER_FLAG, MEMBER_BOX, MEMBER_POINTS };

static const struct member {
    const char *name;
    enum member_kind kind;
    size_t offset;
    unsigned bit;
} members[] = {
    {"id", MEMBER_INT, offsetof(struct eval_entry, id), EVAL_HAS_ID},
    {"image_id", MEMBER_INT, offsetof(struct eval_entry, picture), EVAL_HAS_PICTURE},
    {"category_id", MEMBER_INT, offsetof(struct eval_entry, category), EVAL_HAS_CATEGORY},
    {"bbox", MEMBER_BOX, 0, EVAL_HAS_BOX},
    {"area", MEMBER_NUMBER, offsetof(struct eval_entry, area), EVAL_HAS_AREA},
    {"score", MEMBER_NUMBER, offsetof(struct eval_entry, score), EVAL_HAS_SCORE},
    {"num_keypoints", MEMBER_NUMBER, offsetof(struct eval_entry, labelled), EVAL_HAS_LABELLED},
    {"keypoints", MEMBER_POINTS, 0, EVAL_HAS_KEYPOINTS},
    {"foot_kpts", MEMBER_POINTS, 1, 1 << 8},
    {"face_kpts", MEMBER_POINTS, 2, 1 << 9},
    {"lefthand_kpts", MEMBER_POINTS, 3, 1 << 10},
    {"righthand_kpts", MEMBER_POINTS, 4, 1 << 11},
    {"iscrowd", MEMBER_FLAG, 0, 1 << 12},
    {"annotation_id", MEMBER_INT, offsetof(struct eval_entry, annotation), 1 << 13},
    {"head_size", MEMBER_NUMBER, offsetof(struct eval_entry, head), 1 << 14},
    {"wholebody_score", MEMBER_NUMBER, offsetof(struct eval_entry, part_scores[0]), 1 << 15},
    {"foot_score", MEMBER_NUMBER, offsetof(struct eval_entry, part_scores[2]), 1 << 16},
    {"face_score", MEMBER_NUMBER, offsetof(struct eval_entry, part_scores[3]), 1 << 17},
    {"lefthand_score", MEMBER_NUMBER, offsetof(struct eval_entry, part_scores[4]), 1 << 18},
    {"righthand_score", MEMBER_NUMBER, offsetof(struct eval_entry, part_scores[5]), 1 << 19},
};

/* Up to `most` coordinates; their number, or an error. */
static int read_numbers(struct base_scan *scan, const char *what, double *out, int most)
{
    int count = 0, more;
    BASE_TRY(base_scan_enter(scan, '[', what));
    while ((more = base_scan_next(scan, NULL)) > 0) {
        if (count == most)
            return base_scan_refuse(scan, STANCE_ELIMIT, "%s has more than %d numbers", what, most);
        double value = 0;
        BASE_TRY(base_scan_number(scan, what, &value));
        if (!(value >= -farthest && value <= farthest))
            return base_scan_refuse(scan, STANCE_EFORMAT, "%s holds %g, which is no pixel", what,
                                    value);
        out[count++] = value;
    }
    return more < 0 ? more : count;
}

/* An empty box is none. */
static int read_box(struct eval_entry *entry, struct base_scan *scan, const char *what)
{
    int count = read_numbers(scan, what, entry->box, 4);
    BASE_TRY(count);
    if (count == 0)
        entry->seen &= ~(unsigned)EVAL_HAS_BOX;
    else if (count != 4)
        return base_scan_refuse(scan, STANCE_EFORMAT, "%s has %d numbers where 4 should be", what,
                                count);
    return 0;
}

static int read_points(struct eval_entry *entry, int part, struct base_scan *scan, const char *what)
{
    int count = read_numbers(scan, what, entry->points[part], EVAL_MAX_KEYPOINTS * 3);
    BASE_TRY(count);
    if (count % 3)
        return base_scan_refuse(scan, STANCE_EFORMAT,
                                "%s has %d numbers; three for each keypoint are needed", what,
                                count);
    entry->sizes[part] = count;
    return 0;
}

/* 0 and 1 as well as false and true. */
static int read_flag(bool *out, struct base_scan *scan, const char *what)
{
    int64_t value = 0;
    if (base_scan_peek(scan) == 't')
        return base_scan_bool(scan, what, out);
    BASE_TRY(base_scan_int(scan, what, &value));
    *out = value != 0;
    return 0;
}

static int read_number(double *out, struct base_scan *scan, const char *what)
{
    BASE_TRY(base_scan_number(scan, what, out));
    if (!(fabs(*out) <= farthest * farthest))
        return base_scan_refuse(scan, STANCE_EFORMAT, "%s is %g, which is out of range", what,
                                *out);
    return 0;
}

static int read_member(struct eval_entry *entry, const struct member *member,
                       struct base_scan *scan, const char *owner)
{
    char what[96];
    snprintf(what, sizeof what, "'%s' of %s", member->name, owner);
    if (entry->seen & member->bit)
        return base_scan_refuse(scan, STANCE_EFORMAT, "%s is there twice", what);
    entry->seen |= member->bit;
    void *target = (char *)entry + member->offset;
    switch (member->kind) {
    case MEMBER_INT: return base_scan_int(scan, what, target);
    case MEMBER_NUMBER: return read_number(target, scan, what);
    case MEMBER_FLAG: return read_flag(&entry->crowd, scan, what);
    case MEMBER_BOX: return read_box(entry, scan, what);
    default: return read_points(entry, (int)member->offset, scan, what);
    }
}

static const struct member *find_member(struct base_scan_key key)
{
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        if (base_scan_is(key, members[i].name))
            return &members[i];
    return NULL;
}

int eval_entry_read(struct eval_entry *entry, struct base_scan *scan, const char *what)
{
    struct base_scan_key key;
    int more;
    entry->seen = 0;
    entry->annotation = -1;
    entry->crowd = false;
    entry->score = entry->area = entry->head = entry->labelled = 0;
    for (int i = 0; i < EVAL_MAX_PARTS; i++)
        entry->part_scores[i] = (double)NAN;
    memset(entry->sizes, 0, sizeof entry->sizes);
    BASE_TRY(base_scan_enter(scan, '{', what));
    while ((more = base_scan_next(scan, &key)) > 0) {
        const struct member *member = find_member(key);
        BASE_TRY(member ? read_member(entry, member, scan, what) : base_scan_skip(scan));
    }
    return more;
}

int eval_entry_points(const struct eval_entry *entry, int wanted,
                      double out[EVAL_MAX_KEYPOINTS * 3], int *has)
{
    int body = entry->sizes[0], all = body;
    bool whole = true;
    for (int i = 1; i < 5; i++) {
        whole = whole && entry->sizes[i] > 0;
        all += entry->sizes[i];
    }
    *has = body / 3;
    if (whole && wanted * 3 != body && all <= EVAL_MAX_KEYPOINTS * 3)
        *has = all / 3;
    if (wanted && *has != wanted)
        return -1;
    size_t at = 0;
    for (int i = 0; i < 5 && at < (size_t)*has * 3; i++) {
        memcpy(out + at, entry->points[i], (size_t)entry->sizes[i] * sizeof *out);
        at += (size_t)entry->sizes[i];
    }
    return *has;
}
