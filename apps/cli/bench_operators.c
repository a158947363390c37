/* The operators of a network: where the time goes, and what the processor could do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_command.h"
#include "stance/stance.h"

/* All operators of one type that one kernel does. */
struct type_sum {
    const char *type, *method;
    int count;
    double us, operations, bytes; /* operations: thousands of millions */
    double least_us;              /* at the limit of arithmetic */
};

static int by_time(const void *left, const void *right)
{
    double a = ((const struct bench_operator *)left)->us;
    double b = ((const struct bench_operator *)right)->us;
    return (a < b) - (a > b);
}

static int sums_by_time(const void *left, const void *right)
{
    double a = ((const struct type_sum *)left)->us, b = ((const struct type_sum *)right)->us;
    return (a < b) - (a > b);
}

/* A quotient of times or amounts that may be nothing. */
static double over(double amount, double whole)
{
    return whole > 0 ? amount / whole : 0;
}

static void compare(struct bench_operator *o, const struct stance_limits *limits)
{
    o->bytes = strncmp(o->step.method, "bytes", strlen("bytes")) == 0;
    double peak = o->bytes ? limits->byte_gops : limits->float_gflops;
    double operations = 2 * (double)o->step.multiply_adds, bytes = (double)o->step.bytes;
    o->gflops = over(operations, o->us * 1e3);
    o->gb_s = over(bytes, o->us * 1e3);
    o->of_peak = over(o->gflops, peak);
    o->of_memory = over(o->gb_s, limits->memory_gb_s);
    o->intensity = over(operations, bytes);
    o->memory_bound = over(bytes, limits->memory_gb_s) > over(operations, peak);
}

int bench_operators_open(struct bench_operators *operators, struct stance_session *session)
{
    int64_t runs;
    *operators = (struct bench_operators){.limits.struct_size = sizeof operators->limits};
    operators->count = stance_session_profile_count(session, &runs);
    operators->list = calloc((size_t)operators->count + 1, sizeof operators->list[0]);
    if (!operators->list)
        return cli_fail(CLI_FAILED, "out of memory for %d operators", operators->count);
    if (stance_session_limits(session, &operators->limits) < 0)
        return cli_fail_library(CLI_FAILED);
    for (int i = 0; i < operators->count; i++) {
        struct bench_operator *o = &operators->list[i];
        if (stance_session_profile(session, i, &o->step) < 0)
            return cli_fail_library(CLI_FAILED);
        o->us = over((double)o->step.nanoseconds / 1e3, (double)runs);
        operators->us += o->us;
        compare(o, &operators->limits);
    }
    for (int i = 0; i < operators->count; i++)
        operators->list[i].share = over(operators->list[i].us, operators->us);
    qsort(operators->list, (size_t)operators->count, sizeof operators->list[0], by_time);
    return CLI_OK;
}

void bench_operators_close(struct bench_operators *operators)
{
    free(operators->list);
    *operators = (struct bench_operators){0};
}

/* `sums` has room for one of each operator; returns how many types there are. */
static int sum_types(const struct bench_operators *operators, struct type_sum *sums)
{
    int count = 0;
    for (int i = 0; i < operators->count; i++) {
        const struct bench_operator *o = &operators->list[i];
        int at = 0;
        while (at < count && (strcmp(sums[at].type, o->step.type) != 0 ||
                              strcmp(sums[at].method, o->step.method) != 0))
            at++;
        if (at == count)
            sums[count++] = (struct type_sum){.type = o->step.type, .method = o->step.method};
        sums[at].count++;
        sums[at].us += o->us;
        sums[at].operations += 2e-9 * (double)o->step.multiply_adds;
        sums[at].least_us += o->of_peak * o->us;
        sums[at].bytes += (double)o->step.bytes;
    }
    qsort(sums, (size_t)count, sizeof sums[0], sums_by_time);
    return count;
}

static void print_text(const struct bench_operators *operators, const struct type_sum *sums,
                       int types)
{
    const struct stance_limits *limits = &operators->limits;
    printf(
        "limits now: %.1f GFLOP/s, %.1f GOP/s of bytes; copying %.1f GB/s of memory, %.1f GB/s in "
        "the cache\n",
        limits->float_gflops, limits->byte_gops, limits->memory_gb_s, limits->cache_gb_s);
    printf("%-18s %-16s %-18s %9s %6s %8s %6s %8s %7s %6s  %s\n", "operator", "kernel", "output",
           "us", "%", "GFLOP/s", "% peak", "KB", "GB/s", "% copy", "bound by");
    for (int i = 0; i < operators->count; i++) {
        const struct bench_operator *o = &operators->list[i];
        printf("%-18.18s %-16.16s %-18.18s %9.1f %6.1f %8.1f %6.0f %8.0f %7.1f %6.0f  %s\n",
               o->step.type, o->step.method, o->step.shape, o->us, 100 * o->share, o->gflops,
               100 * o->of_peak, (double)o->step.bytes / 1e3, o->gb_s, 100 * o->of_memory,
               o->memory_bound ? "memory" : "arithmetic");
    }
    printf("\n%-18s %-16s %5s %9s %6s %8s %6s %7s %6s\n", "type", "kernel", "count", "us", "%",
           "GFLOP/s", "% peak", "GB/s", "% copy");
    for (int i = 0; i < types; i++) {
        double gflops = over(sums[i].operations * 1e6, sums[i].us);
        double gb_s = over(sums[i].bytes, sums[i].us * 1e3);
        printf("%-18.18s %-16.16s %5d %9.1f %6.1f %8.1f %6.0f %7.1f %6.0f\n", sums[i].type,
               sums[i].method, sums[i].count, sums[i].us, 100 * over(sums[i].us, operators->us),
               gflops, 100 * over(sums[i].least_us, sums[i].us), gb_s,
               100 * over(gb_s, limits->memory_gb_s));
    }
    printf("%-35s %5d %9.1f\n", "all", operators->count, operators->us);
}

static void print_json_operator(const struct bench_operator *o)
{
    printf("{\"type\": ");
    cli_json_string(o->step.type);
    printf(", \"name\": ");
    cli_json_string(o->step.name);
    printf(", \"kernel\": ");
    cli_json_string(o->step.method);
    printf(", \"output\": ");
    cli_json_string(o->step.shape);
    printf(", \"us\": %.3f, \"share\": %.5f, \"multiply_adds\": %lld, \"operator_gflops\": %.3f, "
           "\"of_peak\": %.5f, \"bytes\": %lld, \"gb_s\": %.3f, \"of_memory\": %.5f, "
           "\"bound\": \"%s\"}",
           o->us, o->share, (long long)o->step.multiply_adds, o->gflops, o->of_peak,
           (long long)o->step.bytes, o->gb_s, o->of_memory,
           o->memory_bound ? "memory" : "arithmetic");
}

static void print_json(const struct bench_operators *operators, const struct type_sum *sums,
                       int types)
{
    const struct stance_limits *limits = &operators->limits;
    printf(", \"limits\": {\"float_gflops\": %.2f, \"byte_gops\": %.2f, \"memory_gb_s\": %.2f, "
           "\"cache_gb_s\": %.2f}, \"operators\": [",
           limits->float_gflops, limits->byte_gops, limits->memory_gb_s, limits->cache_gb_s);
    for (int i = 0; i < operators->count; i++) {
        if (i > 0)
            printf(", ");
        print_json_operator(&operators->list[i]);
    }
    printf("], \"types\": [");
    for (int i = 0; i < types; i++) {
        printf("%s{\"type\": ", i > 0 ? ", " : "");
        cli_json_string(sums[i].type);
        printf(", \"kernel\": ");
        cli_json_string(sums[i].method);
        printf(", \"count\": %d, \"us\": %.3f, \"share\": %.5f}", sums[i].count, sums[i].us,
               over(sums[i].us, operators->us));
    }
    printf("]");
}

int bench_operators_print(const struct bench_operators *operators, bool json)
{
    struct type_sum *sums = calloc((size_t)operators->count + 1, sizeof *sums);
    if (!sums)
        return cli_fail(CLI_FAILED, "out of memory for %d operators", operators->count);
    int types = sum_types(operators, sums);
    (json ? print_json : print_text)(operators, sums, types);
    free(sums);
    return CLI_OK;
}
