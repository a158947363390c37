/* stance bench: how fast a model runs here, and how far that is from what the processor can do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_command.h"
#include "pose_models.h"
#include "stance/stance.h"

enum { MAX_TENSORS = 64, MAX_RUNS = 100000 };

struct values {
    struct cli_list shapes;
    const char *device, *plot, *video, *detector, *pose;
    int threads, batch, detect_every;
    float seconds;
    bool json, operators;
};

static const struct cli_option options[] = {
    {"--shape", NULL, "NAME=DIMS", "input shape where the file leaves it open", CLI_LIST,
     offsetof(struct values, shapes), 0, 0},
    {"--threads", NULL, "N", "computing threads (1)", CLI_COUNT, offsetof(struct values, threads),
     1, 256},
    {"--batch", NULL, "B", "pictures in one run (1)", CLI_COUNT, offsetof(struct values, batch), 1,
     1024},
    {"--seconds", NULL, "S", "measure for this long (3)", CLI_NUMBER,
     offsetof(struct values, seconds), 0.05, 3600},
    {"--device", NULL, "NAME", "device to run on (cpu)", CLI_TEXT, offsetof(struct values, device),
     0, 0},
    {"--operators", NULL, NULL, "also each operator: time, arithmetic, memory, and their limits",
     CLI_FLAG, offsetof(struct values, operators), 0, 0},
    {"--plot", NULL, "FILE", "with --operators: their roofline as an SVG picture", CLI_TEXT,
     offsetof(struct values, plot), 0, 0},
    {"--end-to-end", NULL, "VIDEO", "instead of MODEL: what each frame costs beside the networks",
     CLI_TEXT, offsetof(struct values, video), 0, 0},
    {"--detector", NULL, "MODEL", "for --end-to-end (stance-det)", CLI_TEXT,
     offsetof(struct values, detector), 0, 0},
    {"--pose", NULL, "MODEL", "for --end-to-end (stance-pose)", CLI_TEXT,
     offsetof(struct values, pose), 0, 0},
    {"--detect-every", NULL, "K", "for --end-to-end: the detector on every K-th frame (1)",
     CLI_COUNT, offsetof(struct values, detect_every), 1, 100000},
    {"--json", NULL, NULL, "print JSON", CLI_FLAG, offsetof(struct values, json), 0, 0},
    {0},
};

struct bench {
    struct values values;
    struct stance_model *model;
    struct stance_session *session;
    struct stance_tensor inputs[MAX_TENSORS], outputs[MAX_TENSORS];
    struct bench_operators operators;
    int input_count, output_count;
    double load_ms, prepare_ms, peak;
    double *times;
    int runs;
};

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* The declared shape, --shape's dims over it, --batch first. */
static int choose_shape(struct bench *bench, int i)
{
    struct stance_tensor *t = &bench->inputs[i];
    const char *name = stance_model_input_name(bench->model, i);
    stance_model_input(bench->model, i, t);
    for (int k = 0; k < bench->values.shapes.count; k++) {
        size_t length;
        struct stance_tensor shape;
        const char *text = bench->values.shapes.items[k];
        if (!cli_parse_shape(text, &length, &shape))
            return CLI_USAGE;
        if (length && (strlen(name) != length || strncmp(name, text, length) != 0))
            continue;
        shape.dtype = t->dtype;
        *t = shape;
    }
    if (t->rank > 0 && (t->dims[0] < 0 || bench->values.batch > 1))
        t->dims[0] = bench->values.batch;
    for (int k = 0; k < t->rank; k++)
        if (t->dims[k] < 0)
            return cli_fail(CLI_USAGE,
                            "the model leaves the shape of input '%s' open: give "
                            "--shape %s=DIMS",
                            name, name);
    return CLI_OK;
}

/* The same noise at every run of the program: values in -1 … 1. */
static int fill_input(struct stance_tensor *t)
{
    int64_t count = stance_tensor_count(t);
    if (count <= 0 || count > (int64_t)1 << 28)
        return cli_fail(CLI_USAGE, "an input is empty or too large");
    t->data = calloc((size_t)count, stance_dtype_size(t->dtype));
    if (!t->data)
        return cli_fail(CLI_FAILED, "out of memory");
    uint32_t state = 1;
    for (int64_t i = 0; t->dtype == STANCE_FLOAT32 && i < count; i++) {
        state = state * 1664525u + 1013904223u;
        ((float *)t->data)[i] = (float)(int32_t)state / 2147483648.0f;
    }
    return CLI_OK;
}

/* Every --shape is well written and means an input. */
static int check_shapes(const struct bench *bench)
{
    for (int k = 0; k < bench->values.shapes.count; k++) {
        size_t length;
        struct stance_tensor shape;
        const char *text = bench->values.shapes.items[k];
        if (!cli_parse_shape(text, &length, &shape))
            return CLI_USAGE;
        bool found = length == 0;
        for (int i = 0; i < bench->input_count && !found; i++) {
            const char *name = stance_model_input_name(bench->model, i);
            found = strlen(name) == length && strncmp(name, text, length) == 0;
        }
        if (!found)
            return cli_fail(CLI_USAGE, "'%s' names no input of %s; 'stance info' lists them", text,
                            stance_model_path(bench->model));
    }
    return CLI_OK;
}

static int open_bench(struct bench *bench, const char *model)
{
    double start = cli_clock();
    int code = cli_open_model(&bench->model, model);
    if (code != CLI_OK)
        return code;
    bench->load_ms = (cli_clock() - start) * 1e3;
    bench->input_count = stance_model_input_count(bench->model);
    bench->output_count = stance_model_output_count(bench->model);
    struct stance_session_options session;
    stance_session_options_default(&session);
    session.device = bench->values.device;
    session.threads = bench->values.threads;
    session.profile = bench->values.operators;
    if (bench->input_count > MAX_TENSORS || bench->output_count > MAX_TENSORS)
        return cli_fail(CLI_FAILED, "more than %d inputs or outputs", MAX_TENSORS);
    if (stance_session_open(&bench->session, bench->model, &session) < 0)
        return cli_fail_library(CLI_FAILED);
    code = check_shapes(bench);
    if (code != CLI_OK)
        return code;
    for (int i = 0; i < bench->input_count; i++) {
        code = choose_shape(bench, i);
        if (code == CLI_OK)
            code = fill_input(&bench->inputs[i]);
        if (code != CLI_OK)
            return code;
    }
    start = cli_clock();
    if (stance_session_prepare(bench->session, bench->inputs, bench->input_count) < 0)
        return cli_fail_library(CLI_FAILED);
    bench->prepare_ms = (cli_clock() - start) * 1e3;
    return CLI_OK;
}

static int run_once(struct bench *bench)
{
    return stance_session_run(bench->session, bench->inputs, bench->input_count, bench->outputs,
                              bench->output_count);
}

static int measure(struct bench *bench)
{
    bench->times = malloc(MAX_RUNS * sizeof bench->times[0]);
    if (!bench->times)
        return cli_fail(CLI_FAILED, "out of memory");
    for (int i = 0; i < 3; i++)
        if (run_once(bench) < 0)
            return cli_fail_library(CLI_FAILED);
    double start = cli_clock(), now = start;
    while (bench->runs < 3 ||
           (now - start < (double)bench->values.seconds && bench->runs < MAX_RUNS)) {
        double before = now;
        if (run_once(bench) < 0)
            return cli_fail_library(CLI_FAILED);
        now = cli_clock();
        bench->times[bench->runs++] = (now - before) * 1e3;
    }
    bench->peak = stance_session_peak(bench->session);
    qsort(bench->times, (size_t)bench->runs, sizeof bench->times[0], compare);
    return CLI_OK;
}

static double int8_share(const struct bench *bench)
{
    double all = (double)stance_session_multiply_adds(bench->session);
    return all > 0 ? (double)stance_session_int8_multiply_adds(bench->session) / all : 0;
}

static void print_results(const struct bench *bench)
{
    double median = bench->times[bench->runs / 2], p10 = bench->times[bench->runs / 10];
    double gflops =
        2e-6 * (double)stance_session_multiply_adds(bench->session) / (median > 0 ? median : 1);
    double memory = (double)stance_session_memory(bench->session) / (1 << 20);
    double share = bench->peak > 0 ? 100 * gflops / bench->peak : 0;
    if (bench->values.json) {
        printf("{\"model\": ");
        cli_json_string(stance_model_path(bench->model));
        printf(", \"device\": ");
        cli_json_string(stance_session_describe(bench->session));
        printf(", \"batch\": %d, \"runs\": %d, \"median_ms\": %.4f, \"p10_ms\": %.4f, "
               "\"min_ms\": %.4f, \"gflops\": %.2f, \"peak_gflops\": %.2f, \"load_ms\": %.2f, "
               "\"prepare_ms\": %.2f, \"workspace_mib\": %.2f, \"int8_share\": %.4f",
               bench->values.batch, bench->runs, median, p10, bench->times[0], gflops, bench->peak,
               bench->load_ms, bench->prepare_ms, memory, int8_share(bench));
        return;
    }
    printf("%s\n%s, batch %d%s\n", stance_model_path(bench->model),
           stance_session_describe(bench->session), bench->values.batch,
           stance_session_loops(bench->session) ? " (image by image)" : "");
    printf("median %.3f ms   p10 %.3f ms   min %.3f ms   (%d runs)\n", median, p10, bench->times[0],
           bench->runs);
    printf("%.1f GFLOP/s, %.0f %% of the %.1f GFLOP/s that the processor's multiply-add loop "
           "reaches now\n",
           gflops, share, bench->peak);
    if (int8_share(bench) > 0)
        printf("%.1f %% of the multiply-adds in int8\n", 100 * int8_share(bench));
    printf("load %.1f ms, prepare %.1f ms, workspace %.1f MiB\n", bench->load_ms, bench->prepare_ms,
           memory);
}

/* Behind the numbers of the whole: those of each operator. */
static int print_operators(struct bench *bench)
{
    const struct values *values = &bench->values;
    if (!values->json)
        printf("\n");
    int code = bench_operators_open(&bench->operators, bench->session);
    if (code == CLI_OK)
        code = bench_operators_print(&bench->operators, values->json);
    if (code == CLI_OK && values->plot)
        code =
            bench_operators_plot(&bench->operators, stance_model_path(bench->model), values->plot);
    return code;
}

#ifndef STANCE_HAVE_MEDIA
int bench_video(const struct bench_video *wanted)
{
    return cli_fail(CLI_FAILED, "this stance is built without video: it cannot read '%s'",
                    wanted->path);
}
#endif

static int run_video(const struct values *values, int rest)
{
    if (rest != 0 || values->operators || values->plot || values->batch != 1 ||
        values->shapes.count > 0)
        return cli_fail(CLI_USAGE, "--end-to-end measures a video: without a model, --operators, "
                                   "--plot, --batch and --shape");
    return bench_video(&(struct bench_video){.path = values->video,
                                             .detector = values->detector,
                                             .pose = values->pose,
                                             .device = values->device,
                                             .threads = values->threads,
                                             .detect_every = values->detect_every,
                                             .seconds = (double)values->seconds,
                                             .json = values->json});
}

static int run_bench(int argument_count, char **arguments)
{
    struct bench bench = {
        .values = {.device = "cpu", .threads = 1, .batch = 1, .seconds = 3, .detect_every = 1}};
    int rest = cli_parse(&cli_bench, argument_count, arguments, &bench.values);
    if (rest < 0)
        return rest == -2 ? CLI_OK : CLI_USAGE;
    if (bench.values.video)
        return run_video(&bench.values, rest);
    if (rest != 1)
        return cli_fail(CLI_USAGE, "bench takes one model; see 'stance help bench'");
    if (bench.values.plot && !bench.values.operators)
        return cli_fail(CLI_USAGE, "--plot draws what --operators measures: give both");
    int code = open_bench(&bench, arguments[0]);
    if (code == CLI_OK)
        code = measure(&bench);
    if (code == CLI_OK)
        print_results(&bench);
    if (code == CLI_OK && bench.values.operators)
        code = print_operators(&bench);
    if (code == CLI_OK && bench.values.json)
        printf("}\n");
    for (int i = 0; i < MAX_TENSORS; i++)
        free(bench.inputs[i].data);
    free(bench.times);
    bench_operators_close(&bench.operators);
    stance_session_close(&bench.session);
    stance_model_close(&bench.model);
    return code;
}

const struct cli_command cli_bench = {
    .name = "bench",
    .arguments = "MODEL",
    .summary = "measure how fast a model runs here",
    .details =
        "Times are wall time of whole runs on noise. The peak is measured right after, with the "
        "same\nthreads.\n"
        "--operators lists the operators, the slowest first: share of the time, GFLOP/s and GB/s, "
        "each also\nas a share of what the processor reaches in loops that do nothing else "
        "(copying "
        "of memory that no\ncache holds: above 100 % where data lie in the cache), and which of "
        "both would bound it.",
    .options = options,
    .run = run_bench};
