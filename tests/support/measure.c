/* Evaluations for tests. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "support/measure.h"

const struct coco_person measure_crew[MEASURE_CREW] = {
    {11, 1, 10, 20, 100, 200, 2, false, .9, 0},   {12, 1, 200, 30, 80, 160, 1, false, .8, 0},
    {13, 2, 300, 200, 60, 90, 2, false, .7, 0},   {14, 2, 20, 300, 50, 50, 2, false, .65, 0},
    {15, 3, 100, 100, 300, 300, 2, false, .6, 0}, {16, 3, 400, 10, 30, 40, 1, false, .5, 0},
};

struct stance_eval *measure_texts(struct base_buffer *truth, struct base_buffer *results)
{
    struct stance_eval *eval;
    int code = eval_open_bytes(&eval, truth->data, truth->size, "truth.json", NULL);
    if (code == 0 && results)
        code = eval_parse_results(eval, results->data, results->size, "results.json");
    if (code < 0)
        fail_msg("%s", stance_error_text());
    base_buffer_free(truth);
    if (results)
        base_buffer_free(results);
    return eval;
}

struct stance_eval *measure_people(const struct coco_person *truth, int truth_count,
                                   const struct coco_person *found, int found_count,
                                   int truth_keypoints, int keypoints)
{
    struct base_buffer gt, dt;
    coco_text_truth(&gt, truth, truth_count, 4, truth_keypoints);
    coco_text_results(&dt, found, found_count, keypoints);
    return measure_texts(&gt, &dt);
}

double measure_number(struct stance_eval *eval, const char *metric, const char *name)
{
    const struct stance_eval_number *numbers;
    int count;
    if (stance_eval_compute(eval, metric, &numbers, &count) < 0)
        fail_msg("%s", stance_error_text());
    for (int i = 0; i < count; i++)
        if (strcmp(numbers[i].name, name) == 0)
            return numbers[i].value;
    fail_msg("%s has no number %s", metric, name);
    return 0;
}

void measure_expect(struct stance_eval *eval, const char *metric, const char *name, double expected,
                    double tolerance)
{
    double value = measure_number(eval, metric, name);
    if (!(fabs(value - expected) <= tolerance))
        fail_msg("%s is %.12g where %.12g should be", name, value, expected);
}
