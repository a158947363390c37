/* stance run: any ONNX model on .npy files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "command.h"
#include "pose_models.h"
#include "stance/stance.h"

enum { MAX_TENSORS = 64 };

struct values {
    struct cli_list inputs, shapes;
    const char *output_dir, *device;
    int threads, runs;
    bool profile;
};

static const struct cli_option options[] = {
    {"--input", "-i", "NAME=FILE", "a .npy file for an input; NAME= may be left out for one input",
     CLI_LIST, offsetof(struct values, inputs), 0, 0},
    {"--shape", NULL, "NAME=DIMS", "zeros of this shape for an input: 1x3x256x192", CLI_LIST,
     offsetof(struct values, shapes), 0, 0},
    {"--output-dir", "-o", "DIR", "write every output as DIR/NAME.npy", CLI_TEXT,
     offsetof(struct values, output_dir), 0, 0},
    {"--threads", NULL, "N", "computing threads (1)", CLI_COUNT, offsetof(struct values, threads),
     1, 256},
    {"--device", NULL, "NAME", "device to run on (cpu)", CLI_TEXT, offsetof(struct values, device),
     0, 0},
    {"--runs", NULL, "N", "run N times (1); with --profile times are means", CLI_COUNT,
     offsetof(struct values, runs), 1, 1000000},
    {"--profile", NULL, NULL, "print the time of every operator", CLI_FLAG,
     offsetof(struct values, profile), 0, 0},
    {0},
};

struct job {
    struct values values;
    struct stance_model *model;
    struct stance_session *session;
    struct stance_tensor inputs[MAX_TENSORS], outputs[MAX_TENSORS];
    bool given[MAX_TENSORS];
    int input_count, output_count;
};

/* Which input "NAME=…" means; -1 after a message. */
static int input_index(const struct job *job, const char *text, size_t name_length)
{
    if (name_length == 0 && job->input_count == 1)
        return 0;
    for (int i = 0; i < job->input_count; i++) {
        const char *name = stance_model_input_name(job->model, i);
        if (strlen(name) == name_length && strncmp(name, text, name_length) == 0)
            return i;
    }
    cli_fail(0, "'%s' names no input of %s; 'stance info' lists them", text,
             stance_model_path(job->model));
    return -1;
}

static int read_inputs(struct job *job)
{
    for (int k = 0; k < job->values.inputs.count; k++) {
        const char *text = job->values.inputs.items[k];
        const char *equals = strchr(text, '=');
        int i = input_index(job, text, equals ? (size_t)(equals - text) : 0);
        if (i < 0)
            return CLI_USAGE;
        stance_tensor_free(&job->inputs[i]);
        job->given[i] = true;
        if (stance_tensor_read_npy(&job->inputs[i], equals ? equals + 1 : text) < 0)
            return cli_fail_library(CLI_FAILED);
    }
    return CLI_OK;
}

/* Zeros for the inputs that no file was given for. */
static int zero_inputs(struct job *job)
{
    for (int k = 0; k < job->values.shapes.count; k++) {
        size_t length;
        struct stance_tensor shape;
        const char *text = job->values.shapes.items[k];
        if (!cli_parse_shape(text, &length, &shape))
            return CLI_USAGE;
        int i = input_index(job, text, length);
        if (i < 0)
            return CLI_USAGE;
        struct stance_tensor declared;
        stance_model_input(job->model, i, &declared);
        shape.dtype = declared.dtype;
        if (job->given[i])
            continue;
        int64_t count = stance_tensor_count(&shape);
        if (count > (int64_t)1 << 28)
            return cli_fail(CLI_USAGE, "--shape %s is too large", text);
        shape.data = calloc((size_t)count + 1, stance_dtype_size(shape.dtype));
        if (!shape.data)
            return cli_fail(CLI_FAILED, "out of memory");
        free(job->inputs[i].data);
        job->inputs[i] = shape;
    }
    for (int i = 0; i < job->input_count; i++)
        if (!job->inputs[i].data)
            return cli_fail(CLI_USAGE,
                            "input '%s' is missing: give --input %s=FILE.npy or "
                            "--shape %s=DIMS",
                            stance_model_input_name(job->model, i),
                            stance_model_input_name(job->model, i),
                            stance_model_input_name(job->model, i));
    return CLI_OK;
}

static int write_outputs(const struct job *job)
{
    struct stat status;
    if (mkdir(job->values.output_dir, 0777) != 0 &&
        (stat(job->values.output_dir, &status) != 0 || !S_ISDIR(status.st_mode)))
        return cli_fail(CLI_FAILED, "cannot make the folder '%s'", job->values.output_dir);
    for (int i = 0; i < job->output_count; i++) {
        char path[4096], name[256];
        snprintf(name, sizeof name, "%s", stance_model_output_name(job->model, i));
        for (char *c = name; *c; c++)
            if (*c == '/' || *c == ':')
                *c = '_';
        snprintf(path, sizeof path, "%s/%s.npy", job->values.output_dir, name);
        if (stance_tensor_write_npy(&job->outputs[i], path) < 0)
            return cli_fail_library(CLI_FAILED);
    }
    return CLI_OK;
}

static void print_outputs(const struct job *job)
{
    for (int i = 0; i < job->output_count; i++) {
        const struct stance_tensor *t = &job->outputs[i];
        printf("%s %s", stance_model_output_name(job->model, i), stance_dtype_name(t->dtype));
        for (int k = 0; k < t->rank; k++)
            printf("%s%lld", k ? "x" : " ", (long long)t->dims[k]);
        printf("\n");
    }
}

static void print_profile(const struct job *job)
{
    int64_t runs, total = 0;
    int count = stance_session_profile_count(job->session, &runs);
    struct stance_profile_step step;
    for (int i = 0; i < count; i++)
        if (stance_session_profile(job->session, i, &step) == 0)
            total += step.nanoseconds;
    printf("%-22s %-16s %-18s %9s %6s %9s %8s\n", "operator", "kernel", "output", "us", "%",
           "GFLOP/s", "GB/s");
    for (int i = 0; i < count; i++) {
        if (stance_session_profile(job->session, i, &step) < 0)
            continue;
        double ns = (double)step.nanoseconds;
        double per_ns = ns > 0 ? (double)runs / ns : 0;
        printf("%-22.22s %-16.16s %-18.18s %9.1f %6.1f %9.1f %8.1f\n", step.type, step.method,
               step.shape, ns / 1e3 / (double)(runs ? runs : 1),
               total ? 100 * ns / (double)total : 0, 2 * (double)step.multiply_adds * per_ns,
               (double)step.bytes * per_ns);
    }
    printf("total %.3f ms a run\n", (double)total / 1e6 / (double)(runs ? runs : 1));
}

static int open_job(struct job *job, const char *model)
{
    int code = cli_open_model(&job->model, model);
    if (code != CLI_OK)
        return code;
    job->input_count = stance_model_input_count(job->model);
    job->output_count = stance_model_output_count(job->model);
    if (job->input_count > MAX_TENSORS || job->output_count > MAX_TENSORS)
        return cli_fail(CLI_FAILED, "more than %d inputs or outputs", MAX_TENSORS);
    struct stance_session_options session;
    stance_session_options_default(&session);
    session.device = job->values.device;
    session.threads = job->values.threads;
    session.profile = job->values.profile;
    if (stance_session_open(&job->session, job->model, &session) < 0)
        return cli_fail_library(CLI_FAILED);
    return CLI_OK;
}

static int do_job(struct job *job, const char *model)
{
    int code = open_job(job, model);
    if (code == CLI_OK)
        code = read_inputs(job);
    if (code == CLI_OK)
        code = zero_inputs(job);
    for (int i = 0; code == CLI_OK && i < job->values.runs; i++)
        if (stance_session_run(job->session, job->inputs, job->input_count, job->outputs,
                               job->output_count) < 0)
            code = cli_fail_library(CLI_FAILED);
    if (code != CLI_OK)
        return code;
    fprintf(stderr, "%s; workspace %.1f MiB%s\n", stance_session_describe(job->session),
            (double)stance_session_memory(job->session) / (1 << 20),
            stance_session_loops(job->session) ? "; image by image" : "");
    print_outputs(job);
    if (job->values.profile)
        print_profile(job);
    return job->values.output_dir ? write_outputs(job) : CLI_OK;
}

static int run_run(int argument_count, char **arguments)
{
    struct job job = {.values = {.device = "cpu", .threads = 1, .runs = 1}};
    int rest = cli_parse(&cli_run, argument_count, arguments, &job.values);
    if (rest < 0)
        return rest == -2 ? CLI_OK : CLI_USAGE;
    if (rest != 1)
        return cli_fail(CLI_USAGE, "run takes one model; see 'stance help run'");
    int code = do_job(&job, arguments[0]);
    for (int i = 0; i < MAX_TENSORS; i++) {
        if (job.given[i])
            stance_tensor_free(&job.inputs[i]);
        else
            free(job.inputs[i].data);
    }
    stance_session_close(&job.session);
    stance_model_close(&job.model);
    return code;
}

const struct cli_command cli_run = {
    .name = "run",
    .arguments = "MODEL",
    .summary = "run any ONNX model on .npy files",
    .details = "Prints the outputs' types and shapes; --output-dir keeps their values. MODEL is a "
               "path or a name\n(see 'stance help info').",
    .options = options,
    .run = run_run};
