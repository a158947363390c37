/* Preparing two MOT tables for measuring: rows that count, ids as numbers, overlaps of a frame. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "eval/mot_frames.h"

enum { MOST_CELLS = 1 << 24 };

static int by_value(const void *a, const void *b)
{
    int64_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

static int32_t number_of(const struct eval_mot_side *side, int64_t id)
{
    int32_t low = 0, high = side->id_count - 1;
    while (low < high) {
        int32_t middle = (low + high) / 2;
        if (side->ids[middle] < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void *reserve(size_t count, size_t size, int *code)
{
    void *block = *code < 0 ? NULL : base_alloc_zero(count, size);
    if (!block && *code == 0)
        *code = base_error_memory(count * size, "measuring tracks");
    return block;
}

static int choose_rows(struct eval_mot_side *side, const struct stance_mot *table, bool truth)
{
    int count, code = 0;
    const struct stance_mot_row *rows = stance_mot_rows(table, &count);
    side->rows = reserve((size_t)count, sizeof *side->rows, &code);
    side->who = reserve((size_t)count, sizeof *side->who, &code);
    side->ids = reserve((size_t)count, sizeof *side->ids, &code);
    side->life = reserve((size_t)count, sizeof *side->life, &code);
    BASE_TRY(code);
    for (int i = 0; i < count; i++) {
        if (truth && rows[i].score == 0)
            continue;
        if (rows[i].id < 0)
            return base_error(STANCE_EFORMAT, "a row of frame %lld of the %s has no id",
                              (long long)rows[i].frame, truth ? "ground truth" : "tracks");
        side->ids[side->count] = rows[i].id;
        side->rows[side->count++] = &rows[i];
    }
    return 0;
}

static int number_ids(struct eval_mot_side *side, const char *name)
{
    qsort(side->ids, (size_t)side->count, sizeof *side->ids, by_value);
    for (int i = 0; i < side->count; i++)
        if (i == 0 || side->ids[i] != side->ids[side->id_count - 1])
            side->ids[side->id_count++] = side->ids[i];
    int64_t *last = base_alloc((size_t)side->id_count * sizeof *last);
    if (!last)
        return base_error_memory((size_t)side->id_count * sizeof *last, "measuring tracks");
    memset(last, 0xff, (size_t)side->id_count * sizeof *last); /* frame -1: none */
    int code = 0;
    for (int i = 0; i < side->count && code == 0; i++) {
        int32_t who = side->who[i] = number_of(side, side->rows[i]->id);
        if (last[who] == side->rows[i]->frame)
            code = base_error(STANCE_EFORMAT, "the %s have the id %lld twice in frame %lld", name,
                              (long long)side->rows[i]->id, (long long)side->rows[i]->frame);
        last[who] = side->rows[i]->frame;
        side->life[who]++;
    }
    base_free(last);
    return code;
}

static int longest_frame(const struct eval_mot_side *side)
{
    int longest = 0, start = 0;
    for (int i = 0; i < side->count; i++) {
        if (side->rows[i]->frame != side->rows[start]->frame)
            start = i;
        if (i - start + 1 > longest)
            longest = i - start + 1;
    }
    return longest;
}

static int larger(int a, int b)
{
    return a > b ? a : b;
}

static int make_room(struct eval_mot *mot)
{
    int rows = longest_frame(&mot->truth), columns = longest_frame(&mot->tracks), code = 0;
    int64_t cells = (int64_t)mot->truth.id_count * mot->tracks.id_count;
    if (cells > MOST_CELLS || (int64_t)rows * columns > MOST_CELLS)
        return base_error(STANCE_ELIMIT, "%d true ids and %d tracks are too many to be measured",
                          mot->truth.id_count, mot->tracks.id_count);
    int most_rows = larger(rows, mot->truth.id_count);
    mot->stride = columns;
    mot->likeness = reserve((size_t)rows * (size_t)columns, sizeof *mot->likeness, &code);
    mot->cost = reserve((size_t)rows * (size_t)columns, sizeof *mot->cost, &code);
    mot->common = reserve((size_t)cells, sizeof *mot->common, &code);
    mot->partner = reserve((size_t)most_rows, sizeof *mot->partner, &code);
    mot->pairs = reserve((size_t)mot->truth.count, sizeof *mot->pairs, &code);
    BASE_TRY(code);
    return track_assignment_open(&mot->assignment, most_rows,
                                 larger(columns, mot->tracks.id_count));
}

int eval_mot_open(struct eval_mot *mot, const struct stance_mot *truth,
                  const struct stance_mot *tracks)
{
    memset(mot, 0, sizeof *mot);
    BASE_TRY(choose_rows(&mot->truth, truth, true));
    BASE_TRY(choose_rows(&mot->tracks, tracks, false));
    BASE_TRY(number_ids(&mot->truth, "true rows"));
    BASE_TRY(number_ids(&mot->tracks, "tracks"));
    return make_room(mot);
}

static void close_side(struct eval_mot_side *side)
{
    base_free(side->rows);
    base_free(side->who);
    base_free(side->ids);
    base_free(side->life);
}

void eval_mot_close(struct eval_mot *mot)
{
    close_side(&mot->truth);
    close_side(&mot->tracks);
    track_assignment_close(&mot->assignment);
    base_free(mot->likeness);
    base_free(mot->cost);
    base_free(mot->common);
    base_free(mot->partner);
    base_free(mot->pairs);
    memset(mot, 0, sizeof *mot);
}

static double overlap(const struct stance_mot_row *a, const struct stance_mot_row *b)
{
    double width = fmin(a->left + a->width, b->left + b->width) - fmax(a->left, b->left);
    double height = fmin(a->top + a->height, b->top + b->height) - fmax(a->top, b->top);
    if (width <= 0 || height <= 0)
        return 0;
    double whole = a->width * a->height + b->width * b->height - width * height;
    return whole > 0 ? width * height / whole : 0;
}

static int end_of_frame(const struct eval_mot_side *side, int start, int64_t frame)
{
    while (start < side->count && side->rows[start]->frame == frame)
        start++;
    return start;
}

int eval_mot_next(struct eval_mot *mot, struct eval_mot_frame *frame)
{
    int64_t number = INT64_MAX;
    frame->truth = frame->truth_end;
    frame->track = frame->track_end;
    if (frame->truth < mot->truth.count)
        number = mot->truth.rows[frame->truth]->frame;
    if (frame->track < mot->tracks.count && mot->tracks.rows[frame->track]->frame < number)
        number = mot->tracks.rows[frame->track]->frame;
    frame->truth_end = end_of_frame(&mot->truth, frame->truth, number);
    frame->track_end = end_of_frame(&mot->tracks, frame->track, number);
    for (int i = frame->truth; i < frame->truth_end; i++)
        for (int j = frame->track; j < frame->track_end; j++)
            mot->likeness[(i - frame->truth) * mot->stride + j - frame->track] =
                overlap(mot->truth.rows[i], mot->tracks.rows[j]);
    return frame->truth_end > frame->truth || frame->track_end > frame->track;
}
