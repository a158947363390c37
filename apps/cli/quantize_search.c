/* The search of 'stance quantize': each layer alone in int8 tells what it loses; those that win most for
 * what they lose go into int8, as many as the limit allows. */
#include <math.h>
#include <stdlib.h>

#include "quantize_command.h"

/* People that tell which layers are fragile; the limit is measured on all. */
enum { SCOUTS = 48, BUDGETS = 20 };
#define NEXT_BUDGET 0.75

/* Its multiply-adds, or 0 for layers that the search leaves alone. */
static int64_t body_work(const struct quantize_job *job, int i)
{
    struct stance_quantize_layer layer;
    return stance_quantizer_layer(job->quantizer, i, &layer) == 0 && layer.role == STANCE_LAYER_BODY
               ? layer.multiply_adds
               : 0;
}

static bool is_body(const struct quantize_job *job, int i)
{
    return body_work(job, i) > 0;
}

static void choose(struct quantize_job *job, int i, bool quantized)
{
    if (is_body(job, i))
        stance_quantizer_choose(job->quantizer, i, quantized);
}

static int count_body(const struct quantize_job *job)
{
    int count = 0;
    for (int i = 0; i < job->layer_count; i++)
        count += is_body(job, i);
    return count;
}

static int measure_alone(struct quantize_job *job, int step)
{
    int all = count_body(job), done = 0, code = CLI_OK;
    double start = cli_clock();
    for (int i = 0; i < job->layer_count && code == CLI_OK; i++) {
        struct stance_agreement_numbers numbers;
        if (!is_body(job, i))
            continue;
        for (int k = 0; k < job->layer_count; k++)
            choose(job, k, k == i);
        code = quantize_try(job, step, &numbers);
        job->drops[i] = 1 - numbers.closeness;
        if (!job->values.quiet)
            cli_progress("trying layers", ++done, all, cli_clock() - start);
    }
    cli_progress_end();
    return code;
}

struct candidate {
    int layer;
    double drop, price; /* what is lost, and that for each multiply-add won */
};

static int compare_candidates(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    return x->price != y->price ? (x->price > y->price) - (x->price < y->price)
                                : (x->layer > y->layer) - (x->layer < y->layer);
}

/* Puts the cheapest layers into int8 that together lose no more than `budget` as far as they do so
 * alone, and measures on all pictures. */
static int spend(struct quantize_job *job, const struct candidate *list, int count, double budget)
{
    for (int i = 0; i < count; i++) {
        bool fits = list[i].drop <= budget;
        choose(job, list[i].layer, fits);
        budget -= fits ? list[i].drop : 0;
    }
    return quantize_try(job, 1, &job->numbers);
}

static bool is_good(const struct quantize_job *job)
{
    return 1 - job->numbers.likeness <= (double)job->values.max_drop;
}

/* The largest of a row of budgets that is good, from all that can be lost down. Losses do not quite
 * add up, and one layer may be half of the work, so that nothing shorter finds it. */
static int find_budget(struct quantize_job *job, const struct candidate *list, int count,
                       double budget)
{
    double start = cli_clock();
    int code = spend(job, list, count, budget);
    for (int i = 0; i < BUDGETS && code == CLI_OK && !is_good(job); i++) {
        budget *= NEXT_BUDGET;
        code = spend(job, list, count, budget);
        if (!job->values.quiet)
            cli_progress("choosing layers, at most", i + 1, BUDGETS, cli_clock() - start);
    }
    cli_progress_end();
    /* With less than nothing to spend all layers stay float. */
    return code == CLI_OK && !is_good(job) ? spend(job, list, count, -1) : code;
}

static int search(struct quantize_job *job, struct candidate *list)
{
    int count = 0, step = (job->people + SCOUTS - 1) / SCOUTS;
    double all = 0;
    int code = measure_alone(job, step < 1 ? 1 : step);
    for (int i = 0; i < job->layer_count && code == CLI_OK; i++) {
        if (!is_body(job, i))
            continue;
        double drop = fmax(job->drops[i], 0);
        list[count++] = (struct candidate){i, drop, drop / (double)body_work(job, i)};
        all += drop;
    }
    qsort(list, (size_t)count, sizeof *list, compare_candidates);
    return code == CLI_OK ? find_budget(job, list, count, all * (1 + 1e-9)) : code;
}

int quantize_search(struct quantize_job *job)
{
    struct candidate *list = calloc((size_t)job->layer_count + 1, sizeof *list);
    if (!list)
        return cli_fail(CLI_FAILED, "out of memory");
    int code = job->values.roles_only ? CLI_OK : search(job, list);
    free(list);
    return code;
}
