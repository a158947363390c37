/* Agreement of two networks: similarity of keypoints where there are some, else average precision of
 * boxes. */
#include <math.h>
#include <string.h>

#include "base/json_write.h"
#include "base/memory.h"
#include "eval/evaluation.h"
#include "stance/agreement.h"
#include "track/oks.h"

/* Keypoints below it say nothing. */
#define LEAST_SCORE 0.2f
/* Who is less alike is somebody else. */
#define LEAST_LIKENESS 0.1
enum { MOST_PICTURES = 1 << 20, MOST_PEOPLE = 1000 };
#define TEXT_LIMIT ((size_t)256 << 20)

/* What one network said about one picture. */
struct answer {
    struct stance_pose_result result; /* people NULL: none yet */
    struct stance_person *people;
    struct stance_keypoint *keypoints;
    bool given;
};

struct picture {
    struct answer expected, answered;
};

struct stance_agreement {
    struct picture *pictures;
    size_t count, capacity;
    bool settled;                   /* by the first result: */
    struct stance_keypoint_set set; /* how many keypoints; the rest goes with its pipeline */
    struct track_oks oks;
};

int stance_agreement_open(struct stance_agreement **out)
{
    *out = base_alloc_zero(1, sizeof **out);
    return *out ? 0 : base_error_memory(sizeof **out, "an agreement");
}

static void forget(struct answer *answer)
{
    base_free(answer->people);
    base_free(answer->keypoints);
    *answer = (struct answer){0};
}

void stance_agreement_reset(struct stance_agreement *agreement)
{
    for (size_t i = 0; i < agreement->count; i++)
        forget(&agreement->pictures[i].answered);
}

void stance_agreement_close(struct stance_agreement **handle)
{
    struct stance_agreement *agreement = *handle;
    *handle = NULL;
    if (!agreement)
        return;
    stance_agreement_reset(agreement);
    for (size_t i = 0; i < agreement->count; i++)
        forget(&agreement->pictures[i].expected);
    track_oks_close(&agreement->oks);
    base_free(agreement->pictures);
    base_free(agreement);
}

static int keep(const struct stance_agreement *agreement, struct answer *answer,
                const struct stance_pose_result *result)
{
    size_t people = (size_t)result->person_count, points = (size_t)result->keypoint_set->count;
    forget(answer);
    answer->people = base_alloc((people + 1) * sizeof *answer->people);
    answer->keypoints = base_alloc((people * points + 1) * sizeof *answer->keypoints);
    if (!answer->people || !answer->keypoints)
        return base_error_memory(people * points * sizeof *answer->keypoints, "an answer");
    for (size_t i = 0; i < people; i++) {
        answer->people[i] = result->people[i];
        answer->people[i].keypoints = answer->keypoints + i * points;
        if (points)
            memcpy(answer->people[i].keypoints, result->people[i].keypoints,
                   points * sizeof *answer->keypoints);
    }
    answer->result = *result;
    answer->result.people = answer->people;
    answer->result.keypoint_set = &agreement->set;
    answer->given = true;
    return 0;
}

static int check(const struct stance_agreement *agreement, const struct stance_pose_result *result)
{
    if (result->person_count > MOST_PEOPLE)
        return base_error(STANCE_ELIMIT, "%d people in a picture; at most %d are compared",
                          result->person_count, MOST_PEOPLE);
    if (agreement->settled && agreement->set.count != result->keypoint_set->count)
        return base_error(STANCE_EARGUMENT,
                          "people with %d keypoints and people with %d cannot be "
                          "compared",
                          agreement->set.count, result->keypoint_set->count);
    return 0;
}

int stance_agreement_expect(struct stance_agreement *agreement,
                            const struct stance_pose_result *result)
{
    BASE_TRY(check(agreement, result));
    if (agreement->count == MOST_PICTURES)
        return base_error(STANCE_ELIMIT, "more than %d pictures", MOST_PICTURES);
    void *pictures = agreement->pictures;
    BASE_TRY(eval_grow(&pictures, &agreement->capacity, agreement->count,
                       sizeof *agreement->pictures, "pictures"));
    agreement->pictures = pictures;
    if (!agreement->settled && result->keypoint_set->count > 0)
        BASE_TRY(track_oks_open(&agreement->oks, result->keypoint_set->sigmas,
                                result->keypoint_set->count));
    agreement->settled = true;
    agreement->set.count = result->keypoint_set->count;
    struct picture *picture = &agreement->pictures[agreement->count];
    *picture = (struct picture){0};
    int code = keep(agreement, &picture->expected, result);
    if (code < 0) {
        forget(&picture->expected);
        return code;
    }
    return (int)agreement->count++;
}

int stance_agreement_answer(struct stance_agreement *agreement, int picture,
                            const struct stance_pose_result *result)
{
    if (picture < 0 || (size_t)picture >= agreement->count)
        return base_error(STANCE_EARGUMENT, "there is no picture %d", picture);
    if (agreement->pictures[picture].answered.given)
        return base_error(STANCE_EARGUMENT, "picture %d has an answer", picture);
    BASE_TRY(check(agreement, result));
    return keep(agreement, &agreement->pictures[picture].answered, result);
}

/* ---- People ---- */

struct sums {
    double likeness, distance;
    int64_t keypoints;
};

static double area_of(const struct stance_person *person)
{
    return fmax(0, (double)person->box[2] - (double)person->box[0]) *
           fmax(0, (double)person->box[3] - (double)person->box[1]);
}

/* With the scores of `expected`, so that a keypoint does not stop counting by being lost. */
static double likeness(const struct stance_agreement *agreement,
                       const struct stance_person *expected, const struct stance_person *answered)
{
    struct stance_keypoint points[EVAL_MAX_KEYPOINTS];
    int common;
    for (int k = 0; k < agreement->set.count; k++) {
        points[k] = answered->keypoints[k];
        points[k].score = expected->keypoints[k].score;
    }
    double area = area_of(expected);
    struct track_pose a = {expected->keypoints, area, expected->score};
    struct track_pose b = {points, area, answered->score};
    double value = track_oks_likeness(&agreement->oks, &a, &b, LEAST_SCORE, &common);
    return common ? value : 1;
}

static void add_distances(const struct stance_agreement *agreement, struct sums *sums,
                          const struct stance_person *expected,
                          const struct stance_person *answered)
{
    for (int k = 0; k < agreement->set.count; k++) {
        const struct stance_keypoint *a = &expected->keypoints[k], *b = &answered->keypoints[k];
        if (!(a->score >= LEAST_SCORE))
            continue;
        sums->distance += hypot((double)a->x - (double)b->x, (double)a->y - (double)b->y);
        sums->keypoints++;
    }
}

/* Overlap, less where the score is another. */
static double overlap(const struct stance_person *expected, const struct stance_person *answered)
{
    double width = fmin((double)expected->box[2], (double)answered->box[2]) -
                   fmax((double)expected->box[0], (double)answered->box[0]);
    double height = fmin((double)expected->box[3], (double)answered->box[3]) -
                    fmax((double)expected->box[1], (double)answered->box[1]);
    double both = fmax(width, 0) * fmax(height, 0);
    double either = area_of(expected) + area_of(answered) - both;
    double score = 1 - fabs((double)expected->box_score - (double)answered->box_score);
    return either > 0 ? both / either * score : 0;
}

/* Whom of those who are left an expected person is most like; -1: nobody. */
static int find_best(const struct stance_agreement *agreement, const struct picture *picture,
                     const struct stance_person *expected, const bool *taken, double *best)
{
    int found = -1;
    *best = LEAST_LIKENESS;
    for (int i = 0; i < picture->answered.result.person_count; i++) {
        const struct stance_person *answered = &picture->answered.people[i];
        double value = taken[i]                   ? 0
                       : agreement->set.count > 0 ? likeness(agreement, expected, answered)
                                                  : overlap(expected, answered);
        if (value > *best) {
            *best = value;
            found = i;
        }
    }
    *best = found < 0 ? 0 : *best;
    return found;
}

struct pair {
    int answered; /* -1: nobody */
    double likeness;
};

/* One for each expected person; they choose in their order. */
static void find_pairs(const struct stance_agreement *agreement, const struct picture *picture,
                       struct pair pairs[MOST_PEOPLE])
{
    bool taken[MOST_PEOPLE] = {false};
    for (int i = 0; i < picture->expected.result.person_count; i++) {
        pairs[i].answered =
            find_best(agreement, picture, &picture->expected.people[i], taken, &pairs[i].likeness);
        if (pairs[i].answered >= 0)
            taken[pairs[i].answered] = true;
    }
}

int stance_agreement_pairs(const struct stance_agreement *agreement, int picture, int32_t *answered,
                           double *likeness, int capacity)
{
    if (picture < 0 || (size_t)picture >= agreement->count ||
        !agreement->pictures[picture].answered.given)
        return base_error(STANCE_EARGUMENT, "there is no picture %d with an answer", picture);
    struct pair pairs[MOST_PEOPLE];
    int count = agreement->pictures[picture].expected.result.person_count;
    find_pairs(agreement, &agreement->pictures[picture], pairs);
    for (int i = 0; i < count && i < capacity; i++) {
        if (answered)
            answered[i] = pairs[i].answered;
        if (likeness)
            likeness[i] = pairs[i].likeness;
    }
    return count;
}

static void add_picture(const struct stance_agreement *agreement, const struct picture *picture,
                        struct sums *sums)
{
    struct pair pairs[MOST_PEOPLE];
    find_pairs(agreement, picture, pairs);
    for (int i = 0; i < picture->expected.result.person_count; i++) {
        if (pairs[i].answered < 0)
            continue;
        sums->likeness += pairs[i].likeness;
        add_distances(agreement, sums, &picture->expected.people[i],
                      &picture->answered.people[pairs[i].answered]);
    }
}

static void measure_people(const struct stance_agreement *agreement,
                           struct stance_agreement_numbers *out)
{
    struct sums sums = {0};
    for (size_t i = 0; i < agreement->count; i++)
        if (agreement->pictures[i].answered.given)
            add_picture(agreement, &agreement->pictures[i], &sums);
    out->likeness = out->closeness = out->people ? sums.likeness / out->people : 1;
    out->pixels = sums.keypoints ? sums.distance / (double)sums.keypoints : 0;
}

/* ---- Boxes ---- */

static void write_box(struct base_json *json, int64_t id, size_t picture,
                      const struct stance_person *person)
{
    base_json_object(json);
    base_json_key(json, "id");
    base_json_int(json, id);
    base_json_key(json, "image_id");
    base_json_int(json, (int64_t)picture);
    base_json_key(json, "category_id");
    base_json_int(json, 1);
    base_json_key(json, "iscrowd");
    base_json_int(json, 0);
    base_json_key(json, "area");
    base_json_float(json, area_of(person), 4);
    base_json_key(json, "bbox");
    base_json_array(json);
    for (int i = 0; i < 4; i++)
        base_json_float(json, (double)person->box[i] - (i < 2 ? 0 : (double)person->box[i - 2]), 4);
    base_json_close(json);
    base_json_close(json);
}

static void write_pictures(const struct stance_agreement *agreement, struct base_json *json)
{
    base_json_key(json, "images");
    base_json_array(json);
    for (size_t i = 0; i < agreement->count; i++) {
        if (!agreement->pictures[i].answered.given)
            continue;
        base_json_object(json);
        base_json_key(json, "id");
        base_json_int(json, (int64_t)i);
        base_json_key(json, "width");
        base_json_int(json, agreement->pictures[i].expected.result.width);
        base_json_key(json, "height");
        base_json_int(json, agreement->pictures[i].expected.result.height);
        base_json_close(json);
    }
    base_json_close(json);
}

/* What is expected, as the annotations of an evaluation. */
static int write_truth(const struct stance_agreement *agreement, struct base_buffer *text)
{
    struct base_json json;
    int64_t id = 1;
    base_json_begin(&json, text, false);
    base_json_object(&json);
    write_pictures(agreement, &json);
    base_json_key(&json, "annotations");
    base_json_array(&json);
    for (size_t i = 0; i < agreement->count; i++)
        for (int k = 0; k < agreement->pictures[i].expected.result.person_count; k++)
            if (agreement->pictures[i].answered.given)
                write_box(&json, id++, i, &agreement->pictures[i].expected.people[k]);
    base_json_close(&json);
    base_json_key(&json, "categories");
    base_json_array(&json);
    base_json_object(&json);
    base_json_key(&json, "id");
    base_json_int(&json, 1);
    base_json_key(&json, "name");
    base_json_string(&json, "person");
    base_json_close(&json);
    base_json_close(&json);
    base_json_close(&json);
    return base_json_end(&json);
}

static int evaluate(const struct stance_agreement *agreement, struct stance_eval *eval,
                    double *precision)
{
    const struct stance_eval_number *numbers;
    int count;
    for (size_t i = 0; i < agreement->count; i++)
        if (agreement->pictures[i].answered.given)
            BASE_TRY(
                stance_eval_add(eval, (int64_t)i, &agreement->pictures[i].answered.result, NULL));
    BASE_TRY(stance_eval_compute(eval, "coco", &numbers, &count));
    for (int i = 0; i < count; i++)
        if (strcmp(numbers[i].name, "AP") == 0)
            *precision = numbers[i].value;
    return 0;
}

static int measure_boxes(const struct stance_agreement *agreement,
                         struct stance_agreement_numbers *out)
{
    struct stance_eval_options options;
    struct stance_eval *eval = NULL;
    struct base_buffer text;
    if (out->people == 0)
        return 0;
    stance_eval_options_default(&options);
    options.kind = STANCE_EVAL_BOXES;
    base_buffer_init(&text, TEXT_LIMIT);
    int code = write_truth(agreement, &text);
    if (code == 0)
        code = eval_open_bytes(&eval, text.data, text.size, "what is expected", &options);
    if (code == 0)
        code = evaluate(agreement, eval, &out->likeness);
    stance_eval_close(&eval);
    base_buffer_free(&text);
    return code;
}

int stance_agreement_measure(struct stance_agreement *agreement,
                             struct stance_agreement_numbers *out)
{
    *out = (struct stance_agreement_numbers){0};
    for (size_t i = 0; i < agreement->count; i++) {
        const struct picture *picture = &agreement->pictures[i];
        out->pictures += picture->answered.given;
        out->people += picture->answered.given ? picture->expected.result.person_count : 0;
    }
    measure_people(agreement, out);
    return agreement->set.count > 0 ? 0 : measure_boxes(agreement, out);
}
