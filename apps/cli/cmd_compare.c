/* stance compare: how far apart the answers of two networks are on the same pictures. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "compare_command.h"
#include "interrupt.h"
#include "picture_sample.h"
#include "pose_models.h"

#define VALUE(name) offsetof(struct values, name)

enum { A, B, SIDES, MOST_PEOPLE = 1000 };

/* B's boxes may score lower and still count, as in 'stance quantize'. */
#define OTHER_SCORE 0.1f

struct values {
    struct cli_list images;
    const char *detector, *other_detector, *output, *device;
    float detector_threshold;
    int pictures, worst, threads;
    bool json, quiet;
};

static const struct cli_option options[] = {
    {"--images", NULL, "INPUT", "pictures, folders or videos (repeatable)", CLI_LIST, VALUE(images),
     0, 0},
    {"--detector", NULL, "MODEL",
     "finds the people for pose networks (stance-det), or 'center': one in the middle", CLI_TEXT,
     VALUE(detector), 0, 0},
    {"--other-detector", NULL, "MODEL", "B finds its people with this one (B gets A's boxes)",
     CLI_TEXT, VALUE(other_detector), 0, 0},
    {"--det-thr", NULL, "T", "take boxes with at least this score (0.3)", CLI_NUMBER,
     VALUE(detector_threshold), 0, 1},
    {"--output", "-o", "DIR", "write the worst pictures there, A beside B", CLI_TEXT, VALUE(output),
     0, 0},
    {"--worst", NULL, "N", "how many of them (8)", CLI_COUNT, VALUE(worst), 0, COMPARE_MOST_WORST},
    {"--pictures", NULL, "N", "at most so many pictures and frames, evenly spread (200)", CLI_COUNT,
     VALUE(pictures), 1, 1 << 20},
    {"--json", NULL, NULL, "print the numbers as one JSON object", CLI_FLAG, VALUE(json), 0, 0},
    {"--threads", NULL, "N", "computing threads (1)", CLI_COUNT, VALUE(threads), 1, 256},
    {"--device", NULL, "NAME", "device to run on (cpu)", CLI_TEXT, VALUE(device), 0, 0},
    {"--quiet", "-q", NULL, "print numbers and errors only", CLI_FLAG, VALUE(quiet), 0, 0},
    {0},
};

/* One of both: a network, and the pipeline in which it answers. */
struct side {
    const char *name;
    struct stance_model *model, *detector;
    int role;
    struct stance_pose *pose;
};

/* People in the keypoints of A's set, those that only one set has left out. */
struct converted {
    struct stance_pose_result result;
    struct stance_person *people;
    struct stance_keypoint *keypoints;
};

struct job {
    struct values values;
    struct side sides[SIDES];
    bool given;   /* B gets A's boxes */
    int32_t *map; /* from B's keypoints to A's, or NULL: one set */
    struct converted converted[SIDES];
    struct stance_agreement *agreement;
    struct compare_numbers numbers;
    struct compare_worst worst;
    float boxes[MOST_PEOPLE][4];
    double started;
    atomic_bool stopped;
};

/* ---- Opening ---- */

static int open_networks(struct job *job)
{
    for (int i = 0; i < SIDES; i++) {
        struct side *side = &job->sides[i];
        int code = cli_open_model(&side->model, side->name);
        if (code != CLI_OK)
            return code;
        side->role = stance_model_role(side->model);
        if (side->role < 0)
            return cli_fail_library(CLI_FAILED);
    }
    if ((job->sides[A].role == STANCE_ROLE_DETECTOR) !=
        (job->sides[B].role == STANCE_ROLE_DETECTOR))
        return cli_fail(CLI_USAGE, "one of both finds boxes, the other keypoints; there is nothing "
                                   "to compare");
    job->given = job->sides[A].role == STANCE_ROLE_POSE && job->sides[B].role == STANCE_ROLE_POSE &&
                 !job->values.other_detector;
    return CLI_OK;
}

static int open_pipeline(struct job *job, struct side *side, const char *detector, float threshold)
{
    struct stance_pose_options o;
    bool center = detector && strcmp(detector, "center") == 0;
    stance_pose_options_default(&o);
    o.threads = job->values.threads;
    o.device = job->values.device;
    o.detector_threshold = threshold;
    if (side->role == STANCE_ROLE_POSE && !center && !(side == &job->sides[B] && job->given)) {
        int code = cli_open_model(&side->detector, detector ? detector : "stance-det");
        if (code != CLI_OK)
            return code;
    }
    o.detector = side->role == STANCE_ROLE_DETECTOR ? side->model : side->detector;
    o.pose = side->role == STANCE_ROLE_DETECTOR ? NULL : side->model;
    o.center = side->role == STANCE_ROLE_POSE && center;
    if (stance_pose_open(&side->pose, &o) < 0)
        return cli_fail_library(CLI_FAILED);
    if (!job->values.quiet)
        cli_note("%c: %s", side == &job->sides[A] ? 'A' : 'B', stance_pose_describe(side->pose));
    return CLI_OK;
}

static int open_job(struct job *job)
{
    const struct values *v = &job->values;
    float threshold = v->detector_threshold;
    bool boxes;
    int code = open_networks(job);
    if (code != CLI_OK)
        return code;
    boxes = job->sides[A].role == STANCE_ROLE_DETECTOR;
    code = open_pipeline(job, &job->sides[A], v->detector, threshold);
    if (code == CLI_OK)
        code =
            open_pipeline(job, &job->sides[B], v->other_detector ? v->other_detector : v->detector,
                          boxes && threshold > OTHER_SCORE ? OTHER_SCORE : threshold);
    if (code == CLI_OK && stance_agreement_open(&job->agreement) < 0)
        code = cli_fail_library(CLI_FAILED);
    return code;
}

/* ---- Sets of keypoints ---- */

static int open_map(struct job *job, const struct stance_keypoint_set *a,
                    const struct stance_keypoint_set *b)
{
    job->map = calloc((size_t)a->count + 1, sizeof *job->map);
    for (int i = 0; i < SIDES && job->map; i++) {
        struct converted *to = &job->converted[i];
        to->people = calloc(MOST_PEOPLE, sizeof *to->people);
        to->keypoints = calloc((size_t)MOST_PEOPLE * (size_t)a->count, sizeof *to->keypoints);
        if (!to->people || !to->keypoints)
            return cli_fail(CLI_FAILED, "out of memory");
    }
    if (!job->map)
        return cli_fail(CLI_FAILED, "out of memory");
    int common = stance_keypoint_set_map(b, a, job->map);
    if (common > 0 && !job->values.quiet)
        cli_note("%d keypoints are in both sets, %s and %s; the others are left out", common,
                 a->name, b->name);
    return common > 0 ? CLI_OK
                      : cli_fail(CLI_FAILED, "the keypoints of %s and %s have nothing in common",
                                 a->name, b->name);
}

static const struct stance_pose_result *convert(struct job *job, int side,
                                                const struct stance_pose_result *result,
                                                const struct stance_keypoint_set *set)
{
    struct converted *to = &job->converted[side];
    to->result = *result;
    to->result.people = to->people;
    to->result.keypoint_set = set;
    for (int i = 0; i < result->person_count; i++) {
        struct stance_keypoint *points = to->keypoints + (ptrdiff_t)i * set->count;
        to->people[i] = result->people[i];
        to->people[i].keypoints = points;
        if (side == B)
            stance_keypoints_convert(job->map, set->count, result->people[i].keypoints, points);
        for (int k = 0; k < set->count && side == A; k++) {
            points[k] = result->people[i].keypoints[k];
            points[k].score = job->map[k] < 0 ? 0 : points[k].score;
        }
    }
    return &to->result;
}

static int use_one_set(struct job *job, const struct stance_pose_result *results[SIDES])
{
    const struct stance_keypoint_set *a = results[A]->keypoint_set, *b = results[B]->keypoint_set;
    if (a == b || (a->count == b->count && strcmp(a->name, b->name) == 0))
        return CLI_OK;
    int code = job->map ? CLI_OK : open_map(job, a, b);
    for (int i = 0; i < SIDES && code == CLI_OK; i++)
        results[i] = convert(job, i, results[i], a);
    return code;
}

/* ---- Pictures ---- */

static int ask(struct job *job, struct stance_image *image,
               const struct stance_pose_result *results[SIDES])
{
    int count = 0;
    if (stance_pose_image(job->sides[A].pose, image, NULL, 0, &results[A]) < 0)
        return cli_fail_library(CLI_FAILED);
    for (; job->given && count < results[A]->person_count; count++)
        memcpy(job->boxes[count], results[A]->people[count].box, sizeof job->boxes[0]);
    if (stance_pose_image(job->sides[B].pose, image,
                          job->given ? (const float(*)[4])job->boxes : NULL, count,
                          &results[B]) < 0)
        return cli_fail_library(CLI_FAILED);
    return use_one_set(job, results);
}

/* Adds the distances of one pair of people to the numbers and to `sum`; negative after a message. */
static int add_pair(struct job *job, const struct stance_person *a, const struct stance_person *b,
                    double *sum, int *count)
{
    for (int k = 0; k < job->numbers.set->count; k++) {
        const struct stance_keypoint *p = &a->keypoints[k], *q = &b->keypoints[k];
        if (!(p->score >= COMPARE_LEAST_SCORE))
            continue;
        float pixels = hypotf(p->x - q->x, p->y - q->y);
        if (compare_add_distance(&job->numbers, k, pixels) < 0)
            return -1;
        *sum += (double)pixels;
        (*count)++;
    }
    return 0;
}

static int add_people(struct job *job, int picture, const char *name, struct stance_image *image,
                      const struct stance_pose_result *const results[SIDES])
{
    int32_t answered[MOST_PEOPLE];
    double likeness[MOST_PEOPLE], least = 1, sum = 0;
    int points = 0, found = 0, people = results[A]->person_count;
    struct compare_numbers *numbers = &job->numbers;
    if (stance_agreement_pairs(job->agreement, picture, answered, likeness, MOST_PEOPLE) < 0)
        return cli_fail_library(CLI_FAILED);
    for (int i = 0; i < people; i++) {
        numbers->likeness += likeness[i];
        least = likeness[i] < least ? likeness[i] : least;
        found += answered[i] >= 0;
        if (answered[i] >= 0 && add_pair(job, &results[A]->people[i],
                                         &results[B]->people[answered[i]], &sum, &points) < 0)
            return CLI_FAILED;
    }
    numbers->people += people;
    numbers->missed += people - found;
    numbers->extra += numbers->set->count ? results[B]->person_count - found : 0;
    numbers->worst_likeness = least < numbers->worst_likeness ? least : numbers->worst_likeness;
    if (people == 0)
        return CLI_OK;
    return compare_keep_worst(&job->worst, name, image, results, least, points ? sum / points : 0) <
                   0
               ? CLI_FAILED
               : CLI_OK;
}

static int each_picture(void *context, const char *name, struct stance_image *image, int index,
                        int total)
{
    struct job *job = context;
    const struct stance_pose_result *results[SIDES];
    int code = ask(job, image, results);
    if (code != CLI_OK)
        return code;
    job->numbers.set = results[A]->keypoint_set;
    int picture = stance_agreement_expect(job->agreement, results[A]);
    if (picture < 0 || stance_agreement_answer(job->agreement, picture, results[B]) < 0)
        return cli_fail_library(CLI_FAILED);
    job->numbers.pictures++;
    code = add_people(job, picture, name, image, results);
    if (!job->values.quiet)
        cli_progress("comparing", index + 1, total, cli_clock() - job->started);
    if (code == CLI_OK && atomic_load(&job->stopped))
        code = cli_fail(CLI_FAILED, "interrupted after %d pictures", job->numbers.pictures);
    return code;
}

/* ---- The command ---- */

static int report(struct job *job)
{
    struct stance_agreement_numbers numbers;
    const char *const names[] = {job->sides[A].name, job->sides[B].name};
    if (job->numbers.pictures == 0)
        return cli_fail(CLI_FAILED, "there is no picture in what was named");
    if (stance_agreement_measure(job->agreement, &numbers) < 0)
        return cli_fail_library(CLI_FAILED);
    job->numbers.precision = numbers.likeness;
    job->numbers.overlap = numbers.closeness;
    int code = job->values.output ? compare_write_worst(&job->worst, job->values.output) : CLI_OK;
    if (job->values.json) {
        compare_print_json(&job->numbers, names);
    } else {
        compare_print_table(&job->numbers);
        compare_print_worst(&job->worst, stdout);
    }
    return code;
}

static int do_job(struct job *job, char **more, int more_count)
{
    const struct values *v = &job->values;
    struct cli_sample sample = {.inputs = v->images.items,
                                .count = v->images.count,
                                .most = v->pictures,
                                .stopped = &job->stopped};
    if (more_count > 0)
        return cli_fail(CLI_USAGE,
                        "compare takes two models, and pictures with --images; what is "
                        "'%s'?",
                        more[0]);
    if (!v->images.count)
        return cli_fail(CLI_USAGE, "give pictures or a video with --images");
    int code = open_job(job);
    if (code == CLI_OK)
        code = interrupt_open();
    if (code != CLI_OK)
        return code;
    interrupt_set_flag(&job->stopped);
    job->started = cli_clock();
    code = cli_sample_pictures(&sample, each_picture, job);
    cli_progress_end();
    if (code == CLI_OK)
        code = report(job);
    return code == CLI_OK && sample.failed ? CLI_SOME_FAILED : code;
}

static void close_job(struct job *job)
{
    interrupt_close();
    compare_close_worst(&job->worst);
    compare_close_numbers(&job->numbers);
    stance_agreement_close(&job->agreement);
    for (int i = 0; i < SIDES; i++) {
        stance_pose_close(&job->sides[i].pose);
        stance_model_close(&job->sides[i].detector);
        stance_model_close(&job->sides[i].model);
        free(job->converted[i].people);
        free(job->converted[i].keypoints);
    }
    free(job->map);
    free(job);
}

static int run_compare(int argument_count, char **arguments)
{
    struct job *job = calloc(1, sizeof *job);
    if (!job)
        return cli_fail(CLI_FAILED, "out of memory");
    job->values = (struct values){
        .device = "cpu", .detector_threshold = 0.3f, .pictures = 200, .worst = 8, .threads = 1};
    int rest = cli_parse(&cli_compare, argument_count, arguments, &job->values), code;
    if (rest < 0) {
        code = rest == -2 ? CLI_OK : CLI_USAGE;
    } else if (rest < 2) {
        code = cli_fail(CLI_USAGE, "compare needs two models; see 'stance help compare'");
    } else {
        job->sides[A].name = arguments[0];
        job->sides[B].name = arguments[1];
        job->numbers.worst_likeness = 1;
        job->worst.most = job->values.worst;
        job->worst.drawn = job->values.output;
        code = do_job(job, arguments + 2, rest - 2);
    }
    close_job(job);
    return code;
}

const struct cli_command cli_compare = {
    .name = "compare",
    .arguments = "MODEL_A MODEL_B",
    .summary = "tell how far apart two networks' answers are",
    .details =
        "Two pose networks, one-stage networks or detectors, by path or name: other sizes, "
        "precisions or\nexports. Both see the same pictures, pose networks the same people; "
        "printed "
        "are the distances of\nkeypoints in pixels, of those that A scores 0.2 or more, and the "
        "OKS "
        "of B's people with A's as the\ntruth. Of two sets of keypoints the common ones are "
        "compared. For detectors it is the AP of B's\nboxes with A's as the truth. A is no truth: "
        "how good a network is, 'stance eval' tells.",
    .options = options,
    .run = run_compare};
