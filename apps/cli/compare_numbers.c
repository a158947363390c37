/* The numbers of 'stance compare': distances of keypoints, one line each, as table or JSON. */
#include <stdlib.h>

#include "command.h"
#include "compare_command.h"

struct summary {
    size_t count;
    double mean, median, high, most; /* high: 95 of 100 are nearer */
};

int compare_add_distance(struct compare_numbers *numbers, int keypoint, float pixels)
{
    if (numbers->distance_count == numbers->capacity) {
        size_t capacity = numbers->capacity ? 2 * numbers->capacity : 4096;
        void *more = realloc(numbers->distances, capacity * sizeof *numbers->distances);
        if (!more)
            return cli_fail(-1, "out of memory");
        numbers->distances = more;
        numbers->capacity = capacity;
    }
    numbers->distances[numbers->distance_count++] = (struct compare_distance){keypoint, pixels};
    return 0;
}

static int by_keypoint(const void *left, const void *right)
{
    const struct compare_distance *a = left, *b = right;
    if (a->keypoint != b->keypoint)
        return a->keypoint < b->keypoint ? -1 : 1;
    return (a->pixels > b->pixels) - (a->pixels < b->pixels);
}

static int by_distance(const void *left, const void *right)
{
    const struct compare_distance *a = left, *b = right;
    return (a->pixels > b->pixels) - (a->pixels < b->pixels);
}

/* Of distances in rising order. */
static struct summary summarise(const struct compare_distance *distances, size_t count)
{
    struct summary out = {.count = count};
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)distances[i].pixels;
    if (count) {
        out.mean = sum / (double)count;
        out.median = (double)(distances[(count - 1) / 2].pixels + distances[count / 2].pixels) / 2;
        out.high = (double)distances[(count * 95 + 99) / 100 - 1].pixels;
        out.most = (double)distances[count - 1].pixels;
    }
    return out;
}

/* Those of the first keypoint at or behind `*at`, which goes behind them. */
static struct summary next_keypoint(const struct compare_numbers *numbers, size_t *at,
                                    int *keypoint)
{
    size_t first = *at;
    *keypoint = numbers->distances[first].keypoint;
    while (*at < numbers->distance_count && numbers->distances[*at].keypoint == *keypoint)
        (*at)++;
    return summarise(numbers->distances + first, *at - first);
}

static void sort(struct compare_numbers *numbers, int (*by)(const void *, const void *))
{
    if (numbers->distance_count)
        qsort(numbers->distances, numbers->distance_count, sizeof *numbers->distances, by);
}

static double mean_likeness(const struct compare_numbers *numbers)
{
    return numbers->people ? numbers->likeness / numbers->people : 1;
}

static void print_line(const char *name, const struct summary *s)
{
    printf("%-20s %7zu %9.2f %8.2f %8.2f %8.2f\n", name, s->count, s->mean, s->median, s->high,
           s->most);
}

static void print_people(const struct compare_numbers *numbers)
{
    printf("%d pictures, %d people found by A; B misses %d of them and finds %d more\n",
           numbers->pictures, numbers->people, numbers->missed, numbers->extra);
}

void compare_print_table(struct compare_numbers *numbers)
{
    print_people(numbers);
    if (numbers->set->count == 0) {
        printf("AP %.4f with A's boxes as the truth, mean overlap %.4f\n", numbers->precision,
               numbers->overlap);
        return;
    }
    sort(numbers, by_keypoint);
    printf("%-20s %7s %9s %8s %8s %8s\n", "pixels", "count", "mean", "median", "95 %", "most");
    for (size_t at = 0; at < numbers->distance_count;) {
        int keypoint;
        struct summary summary = next_keypoint(numbers, &at, &keypoint);
        print_line(numbers->set->names[keypoint], &summary);
    }
    sort(numbers, by_distance);
    struct summary all = summarise(numbers->distances, numbers->distance_count);
    print_line("all", &all);
    printf("OKS %.4f on average, %.4f of the person that is least alike\n", mean_likeness(numbers),
           numbers->people ? numbers->worst_likeness : 1);
}

static void json_summary(const struct summary *s)
{
    printf("\"count\": %zu, \"mean\": %.4f, \"median\": %.4f, \"p95\": %.4f, \"max\": %.4f",
           s->count, s->mean, s->median, s->high, s->most);
}

static void json_keypoints(struct compare_numbers *numbers)
{
    sort(numbers, by_keypoint);
    printf(", \"oks\": %.6f, \"least_oks\": %.6f, \"keypoints\": [", mean_likeness(numbers),
           numbers->people ? numbers->worst_likeness : 1);
    for (size_t at = 0; at < numbers->distance_count;) {
        int keypoint;
        printf("%s{\"name\": ", at ? ", " : "");
        struct summary summary = next_keypoint(numbers, &at, &keypoint);
        cli_json_string(numbers->set->names[keypoint]);
        printf(", ");
        json_summary(&summary);
        printf("}");
    }
    sort(numbers, by_distance);
    struct summary all = summarise(numbers->distances, numbers->distance_count);
    printf("], \"pixels\": {");
    json_summary(&all);
    printf("}");
}

void compare_print_json(struct compare_numbers *numbers, const char *const names[2])
{
    printf("{\"a\": ");
    cli_json_string(names[0]);
    printf(", \"b\": ");
    cli_json_string(names[1]);
    printf(", \"pictures\": %d, \"people\": %d, \"missed\": %d, \"extra\": %d", numbers->pictures,
           numbers->people, numbers->missed, numbers->extra);
    if (numbers->set->count)
        json_keypoints(numbers);
    else
        printf(", \"ap\": %.6f, \"overlap\": %.6f", numbers->precision, numbers->overlap);
    printf("}\n");
}

void compare_close_numbers(struct compare_numbers *numbers)
{
    free(numbers->distances);
    *numbers = (struct compare_numbers){0};
}
