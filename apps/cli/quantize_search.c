/* The search of 'stance quantize': each layer alone in int8 tells how fragile it is; of the fragile ones
 * as few stay in float as the limit asks for. */
#include <math.h>
#include <stdlib.h>

#include "quantize_command.h"

/* People that tell which layers are fragile; the limit is measured on all. */
enum { SCOUTS = 48 };

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
        job->drops[i] = 1 - numbers.likeness;
        if (!job->values.quiet)
            cli_progress("trying layers", ++done, all, cli_clock() - start);
    }
    cli_progress_end();
    return code;
}

/* What is lost for what is won: the drop over the layer's share of the work. */
struct fragile {
    int layer;
    double cost;
};

static int compare_fragile(const void *a, const void *b)
{
    const struct fragile *x = a, *y = b;
    return x->cost != y->cost ? (x->cost < y->cost) - (x->cost > y->cost)
                              : (x->layer > y->layer) - (x->layer < y->layer);
}

/* All but the first `floats` of the list in int8, on all pictures. */
static int try_floats(struct quantize_job *job, const struct fragile *list, int count, int floats)
{
    for (int i = 0; i < count; i++)
        choose(job, list[i].layer, i >= floats);
    return quantize_try(job, 1, &job->numbers);
}

static bool is_good(const struct quantize_job *job)
{
    return 1 - job->numbers.likeness <= (double)job->values.max_drop;
}

/* The least number of floats that is good, by bisection; `bad` is not. */
static int bisect(struct quantize_job *job, const struct fragile *list, int count)
{
    int bad = 0, good = count, code = CLI_OK;
    while (good - bad > 1 && code == CLI_OK) {
        int middle = (good + bad) / 2;
        code = try_floats(job, list, count, middle);
        if (is_good(job))
            good = middle;
        else
            bad = middle;
        if (!job->values.quiet)
            cli_progress("choosing layers", count - (good - bad), count, 0);
    }
    cli_progress_end();
    return code == CLI_OK ? try_floats(job, list, count, good) : code;
}

static int search(struct quantize_job *job, struct fragile *list)
{
    int count = 0, step = (job->people + SCOUTS - 1) / SCOUTS;
    int code = measure_alone(job, step < 1 ? 1 : step);
    for (int i = 0; i < job->layer_count && code == CLI_OK; i++)
        if (is_body(job, i))
            list[count++] = (struct fragile){i, fmax(job->drops[i], 0) / (double)body_work(job, i)};
    qsort(list, (size_t)count, sizeof *list, compare_fragile);
    if (code == CLI_OK)
        code = try_floats(job, list, count, 0);
    return code == CLI_OK && !is_good(job) ? bisect(job, list, count) : code;
}

int quantize_search(struct quantize_job *job)
{
    struct fragile *list = calloc((size_t)job->layer_count + 1, sizeof *list);
    if (!list)
        return cli_fail(CLI_FAILED, "out of memory");
    int code = job->values.roles_only ? CLI_OK : search(job, list);
    free(list);
    return code;
}
