/* CLEAR MOT, identity and HOTA: step by step as py-motmetrics (mot.py, metrics.py) and TrackEval
 * (hota.py) compute them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "eval/mot_frames.h"

/* What must not match. */
static const double never = 1e6;

struct life {
    int32_t last;    /* the track it was matched with, -1: never */
    int32_t matched; /* frames */
    bool missing;    /* since it was last matched */
};

/* A truth stays with the track it was last matched with, where that is near enough. Each track is
 * used once. */
static void carry_over(struct eval_mot *mot, const struct eval_mot_frame *f,
                       const struct life *lives)
{
    int rows = f->truth_end - f->truth, columns = f->track_end - f->track;
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++) {
            double like = mot->likeness[i * mot->stride + j];
            mot->cost[i * mot->stride + j] = like >= EVAL_MOT_LEAST ? 1 - like : never;
        }
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++)
            if (lives[mot->truth.who[f->truth + i]].last == mot->tracks.who[f->track + j] &&
                mot->cost[i * mot->stride + j] < never) {
                for (int k = 0; k < columns; k++)
                    mot->cost[i * mot->stride + k] = never;
                for (int k = 0; k < rows; k++)
                    mot->cost[k * mot->stride + j] = never;
                mot->cost[i * mot->stride + j] = 0;
                break;
            }
}

static void count_match(struct eval_mot_clear *out, struct life *life, int32_t track, double like)
{
    out->matches++;
    out->motp += like;
    out->switches += life->last >= 0 && life->last != track;
    out->fragments += life->missing && life->last >= 0;
    *life = (struct life){.last = track, .matched = life->matched + 1};
}

static void count_lives(const struct eval_mot *mot, const struct life *lives,
                        struct eval_mot_clear *out)
{
    for (int g = 0; g < mot->truth.id_count; g++) {
        double share = (double)lives[g].matched / mot->truth.life[g];
        out->mostly_tracked += share >= 0.8;
        out->partly_tracked += share >= 0.2 && share < 0.8;
        out->mostly_lost += share < 0.2;
    }
}

int eval_mot_clear(struct eval_mot *mot, struct eval_mot_clear *out)
{
    struct eval_mot_frame f = {0};
    struct life *lives = base_alloc_zero((size_t)mot->truth.id_count, sizeof *lives);
    *out = (struct eval_mot_clear){0};
    if (!lives)
        return base_error_memory((size_t)mot->truth.id_count * sizeof *lives, "measuring tracks");
    for (int g = 0; g < mot->truth.id_count; g++)
        lives[g].last = -1;
    while (eval_mot_next(mot, &f)) {
        int rows = f.truth_end - f.truth, columns = f.track_end - f.track;
        int64_t before = out->matches;
        carry_over(mot, &f, lives);
        track_assignment_solve(&mot->assignment, mot->cost, rows, columns, mot->stride,
                               never / 1000, mot->partner);
        for (int i = 0; i < rows; i++) {
            struct life *life = &lives[mot->truth.who[f.truth + i]];
            int j = mot->partner[i];
            if (j < 0)
                life->missing = true;
            else
                count_match(out, life, mot->tracks.who[f.track + j],
                            mot->likeness[i * mot->stride + j]);
        }
        out->misses += rows - (out->matches - before);
        out->false_positives += columns - (out->matches - before);
    }
    count_lives(mot, lives, out);
    base_free(lives);
    double objects = mot->truth.count;
    out->mota = 1 - (double)(out->misses + out->false_positives + out->switches) / objects;
    out->motp /= (double)out->matches;
    return 0;
}

static double *common(struct eval_mot *mot, int32_t truth, int32_t track)
{
    return &mot->common[(size_t)truth * (size_t)mot->tracks.id_count + (size_t)track];
}

static void clear_common(struct eval_mot *mot)
{
    memset(mot->common, 0,
           (size_t)mot->truth.id_count * (size_t)mot->tracks.id_count * sizeof *mot->common);
}

int64_t eval_mot_identity(struct eval_mot *mot)
{
    struct eval_mot_frame f = {0};
    double total = 0;
    clear_common(mot);
    while (eval_mot_next(mot, &f))
        for (int i = f.truth; i < f.truth_end; i++)
            for (int j = f.track; j < f.track_end; j++)
                if (mot->likeness[(i - f.truth) * mot->stride + j - f.track] >= EVAL_MOT_LEAST)
                    *common(mot, mot->truth.who[i], mot->tracks.who[j]) -= 1;
    track_assignment_solve(&mot->assignment, mot->common, mot->truth.id_count, mot->tracks.id_count,
                           mot->tracks.id_count, 0, mot->partner);
    for (int g = 0; g < mot->truth.id_count; g++)
        if (mot->partner[g] >= 0)
            total -= *common(mot, g, mot->partner[g]);
    return (int64_t)total;
}

/* How much two ids have in common over all frames: each pair's share of the likeness in its row and
 * column, then intersection over union of both lives. */
static void align(struct eval_mot *mot)
{
    struct eval_mot_frame f = {0};
    clear_common(mot);
    while (eval_mot_next(mot, &f))
        for (int i = f.truth; i < f.truth_end; i++)
            for (int j = f.track; j < f.track_end; j++) {
                const double *cell = &mot->likeness[(i - f.truth) * mot->stride + j - f.track];
                double sum = -*cell;
                for (int k = 0; k < f.track_end - f.track; k++)
                    sum += mot->likeness[(i - f.truth) * mot->stride + k];
                for (int k = 0; k < f.truth_end - f.truth; k++)
                    sum += mot->likeness[k * mot->stride + j - f.track];
                if (sum > 1e-15)
                    *common(mot, mot->truth.who[i], mot->tracks.who[j]) += *cell / sum;
            }
    for (int g = 0; g < mot->truth.id_count; g++)
        for (int t = 0; t < mot->tracks.id_count; t++) {
            double *cell = common(mot, g, t);
            *cell /= mot->truth.life[g] + mot->tracks.life[t] - *cell;
        }
}

/* One matching a frame, which serves all thresholds. */
static void pair_up(struct eval_mot *mot)
{
    struct eval_mot_frame f = {0};
    mot->pair_count = 0;
    while (eval_mot_next(mot, &f)) {
        int rows = f.truth_end - f.truth, columns = f.track_end - f.track;
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < columns; j++)
                mot->cost[i * mot->stride + j] =
                    -mot->likeness[i * mot->stride + j] *
                    *common(mot, mot->truth.who[f.truth + i], mot->tracks.who[f.track + j]);
        track_assignment_solve(&mot->assignment, mot->cost, rows, columns, mot->stride, 0,
                               mot->partner);
        for (int i = 0; i < rows; i++)
            if (mot->partner[i] >= 0)
                mot->pairs[mot->pair_count++] = (struct eval_mot_pair){
                    mot->truth.who[f.truth + i], mot->tracks.who[f.track + mot->partner[i]],
                    mot->likeness[i * mot->stride + mot->partner[i]]};
    }
}

static int by_ids(const void *a, const void *b)
{
    const struct eval_mot_pair *p = a, *q = b;
    if (p->truth != q->truth)
        return p->truth < q->truth ? -1 : 1;
    if (p->track != q->track)
        return p->track < q->track ? -1 : 1;
    return (p->likeness < q->likeness) - (p->likeness > q->likeness);
}

/* One threshold: pairs stand by ids. */
static void add_threshold(const struct eval_mot *mot, double least, struct eval_mot_hota *out)
{
    double found = 0, loc = 0, ass = 0;
    for (int i = 0, end; i < mot->pair_count; i = end) {
        const struct eval_mot_pair *first = &mot->pairs[i];
        double both = 0;
        for (end = i; end < mot->pair_count && mot->pairs[end].truth == first->truth &&
                      mot->pairs[end].track == first->track;
             end++)
            if (mot->pairs[end].likeness >= least) {
                both++;
                loc += mot->pairs[end].likeness;
            }
        found += both;
        ass +=
            both * both / (mot->truth.life[first->truth] + mot->tracks.life[first->track] - both);
    }
    double all = mot->truth.count + mot->tracks.count - found;
    double det = found / fmax(1, all);
    ass /= fmax(1, found);
    out->det += det;
    out->ass += ass;
    out->loc += fmax(1e-10, loc) / fmax(1e-10, found);
    out->hota += sqrt(det * ass);
}

void eval_mot_hota(struct eval_mot *mot, struct eval_mot_hota *out)
{
    enum { THRESHOLDS = 19 }; /* .05, .1, … .95 */
    *out = (struct eval_mot_hota){0};
    align(mot);
    pair_up(mot);
    qsort(mot->pairs, (size_t)mot->pair_count, sizeof *mot->pairs, by_ids);
    for (int i = 1; i <= THRESHOLDS; i++)
        add_threshold(mot, 0.05 * i - 2.220446049250313e-16, out);
    double *values[] = {&out->hota, &out->det, &out->ass, &out->loc};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        *values[i] /= THRESHOLDS;
}

struct list {
    struct stance_eval_number *numbers;
    int count;
};

static void add(struct list *list, const char *name, double value)
{
    struct stance_eval_number *number = &list->numbers[list->count++];
    snprintf(number->name, sizeof number->name, "%s", name);
    number->value = isfinite(value) ? value : -1;
}

static int measure(struct eval_mot *mot, struct list *list)
{
    struct eval_mot_hota hota;
    struct eval_mot_clear clear;
    double truth = mot->truth.count, tracks = mot->tracks.count;
    eval_mot_hota(mot, &hota);
    BASE_TRY(eval_mot_clear(mot, &clear));
    double same = (double)eval_mot_identity(mot);
    if (truth == 0)
        hota = (struct eval_mot_hota){-1, -1, -1, -1};
    add(list, "HOTA", hota.hota);
    add(list, "DetA", hota.det);
    add(list, "AssA", hota.ass);
    add(list, "LocA", hota.loc);
    add(list, "MOTA", clear.mota);
    add(list, "MOTP", clear.motp);
    add(list, "IDF1", 2 * same / (truth + tracks));
    add(list, "IDP", same / tracks);
    add(list, "IDR", same / truth);
    add(list, "recall", (double)clear.matches / truth);
    add(list, "precision", (double)clear.matches / tracks);
    add(list, "IDSW", (double)clear.switches);
    add(list, "FP", (double)clear.false_positives);
    add(list, "FN", (double)clear.misses);
    add(list, "Frag", (double)clear.fragments);
    add(list, "MT", (double)clear.mostly_tracked);
    add(list, "PT", (double)clear.partly_tracked);
    add(list, "ML", (double)clear.mostly_lost);
    add(list, "true_ids", mot->truth.id_count);
    add(list, "track_ids", mot->tracks.id_count);
    add(list, "true_boxes", truth);
    add(list, "track_boxes", tracks);
    return 0;
}

int stance_mot_measure(const struct stance_mot *truth, const struct stance_mot *tracks,
                       struct stance_eval_number numbers[STANCE_MOT_NUMBERS], int *count)
{
    struct eval_mot mot;
    struct list list = {.numbers = numbers};
    *count = 0;
    int code = eval_mot_open(&mot, truth, tracks);
    if (code == 0)
        code = measure(&mot, &list);
    if (code == 0)
        *count = list.count;
    eval_mot_close(&mot);
    return code;
}
