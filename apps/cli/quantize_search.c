/* The search of 'stance quantize': each layer alone in int8 tells what it loses; those that win most for
 * what they lose go into int8, as many as the limit allows. */
#include <math.h>
#include <stdlib.h>

#include "quantize_command.h"

/* People that tell which layers are fragile; the limit is measured on all. */
enum { SCOUTS = 48, BUDGETS = 100 };
#define NEXT_BUDGET 0.9

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
        if (!is_body(job, i))
            continue;
        for (int k = 0; k < job->layer_count; k++)
            choose(job, k, k == i);
        code = quantize_try(job, step, &job->drops[i]);
        if (!job->values.quiet)
            cli_progress("trying layers", ++done, all, cli_clock() - start);
    }
    cli_progress_end();
    return code;
}

struct candidate {
    int layer;
    double loss, price; /* what adds up, and that for each multiply-add won */
};

static int compare_candidates(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    return x->price != y->price ? (x->price > y->price) - (x->price < y->price)
                                : (x->layer > y->layer) - (x->layer < y->layer);
}

/* Chooses the cheapest layers, as many as together lose no more than `budget` as far as they do so
 * alone; those that lose more by themselves are passed over. Returns whether that is another choice
 * than before. */
static bool spend(struct quantize_job *job, const struct candidate *list, int count, double budget)
{
    bool changed = false;
    double left = budget;
    for (int i = 0; i < count; i++) {
        struct stance_quantize_layer layer;
        bool possible = list[i].loss <= budget;
        left -= possible ? list[i].loss : 0;
        bool chosen = possible && left >= 0;
        stance_quantizer_layer(job->quantizer, list[i].layer, &layer);
        changed = changed || chosen != (layer.quantized != 0);
        choose(job, list[i].layer, chosen);
    }
    return changed;
}

/* The largest of a row of budgets that is good, from all that can be lost down. Losses do not quite
 * add up, and one layer may be half of the work, so that nothing shorter finds it. */
static int find_budget(struct quantize_job *job, const struct candidate *list, int count,
                       double budget)
{
    double start = cli_clock();
    spend(job, list, count, budget);
    int code = quantize_try(job, 1, &job->drop);
    for (int i = 0; i < BUDGETS && code == CLI_OK && job->drop > (double)job->values.max_drop;
         i++) {
        budget = i < BUDGETS - 1 ? budget * NEXT_BUDGET : -1; /* less than nothing: all float */
        if (spend(job, list, count, budget))
            code = quantize_try(job, 1, &job->drop);
        if (!job->values.quiet)
            cli_progress("choosing layers, at most", i + 1, BUDGETS, cli_clock() - start);
    }
    cli_progress_end();
    return code;
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
        /* OKS falls with the square of distances, which adds up; overlap with distances. */
        double loss = job->candidates ? drop * drop : drop;
        list[count++] = (struct candidate){i, loss, loss / (double)body_work(job, i)};
        all += loss;
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
    if (code == CLI_OK && !job->values.roles_only)
        code = quantize_measure(job);
    free(list);
    return code;
}
