/* stance quantize: a network for 8-bit integers from a float one and pictures. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "interrupt.h"
#include "picture_input.h"
#include "picture_sample.h"
#include "pose_models.h"
#include "quantize_command.h"

#define VALUE(name) offsetof(struct quantize_values, name)

static const struct cli_option options[] = {
    {"--output", "-o", "OUT", "the file to write, OUT.onnx; its card goes beside it", CLI_TEXT,
     VALUE(output), 0, 0},
    {"--calibrate", NULL, "INPUT", "pictures, folders or videos to calibrate on (repeatable)",
     CLI_LIST, VALUE(calibrate), 0, 0},
    {"--max-drop", NULL, "D", "fragile layers stay float until no more is lost (0.005)", CLI_NUMBER,
     VALUE(max_drop), 0, 1},
    {"--roles-only", NULL, NULL,
     "no search: first, attention and head stay float, all else is int8", CLI_FLAG,
     VALUE(roles_only), 0, 0},
    {"--method", NULL, "NAME", "of ranges: auto, minmax, percentile, mse or entropy (auto)",
     CLI_TEXT, VALUE(method), 0, 0},
    {"--pictures", NULL, "N", "at most so many pictures and frames, evenly spread (64)", CLI_COUNT,
     VALUE(pictures), 1, 4096},
    {"--detector", NULL, "MODEL", "finds the people for a pose network (stance-det), or 'center'",
     CLI_TEXT, VALUE(detector), 0, 0},
    {"--report", NULL, "FILE", "write an HTML page about layers and ranges", CLI_TEXT,
     VALUE(report), 0, 0},
    {"--keep-biases", NULL, NULL, "do not take off what rounding adds to the means of channels",
     CLI_FLAG, VALUE(keep_biases), 0, 0},
    {"--threads", NULL, "N", "computing threads (1)", CLI_COUNT, VALUE(threads), 1, 256},
    {"--quiet", "-q", NULL, "print errors only", CLI_FLAG, VALUE(quiet), 0, 0},
    {0},
};

static int progress(void *context, int done, int total)
{
    const struct quantize_job *job = context;
    if (!job->values.quiet)
        cli_progress("calibrating", done, total, cli_clock() - job->started);
    return atomic_load(&job->stopped);
}

static int parse_method(const char *text, int32_t *method)
{
    static const char *const names[] = {"auto", "minmax", "percentile", "mse", "entropy"};
    for (int i = 0; i < (int)(sizeof names / sizeof names[0]); i++)
        if (!text || strcmp(names[i], text) == 0) {
            *method = i;
            return CLI_OK;
        }
    return cli_fail(CLI_USAGE, "--method takes auto, minmax, percentile, mse or entropy, not '%s'",
                    text);
}

static int check_values(const struct quantize_job *job)
{
    const struct quantize_values *v = &job->values;
    size_t length = v->output ? strlen(v->output) : 0;
    if (length < 6 || strcmp(v->output + length - 5, ".onnx") != 0)
        return cli_fail(CLI_USAGE, "name the file to write with -o OUT.onnx");
    if (!v->calibrate.count)
        return cli_fail(CLI_USAGE, "give pictures or a video with --calibrate: ranges come from "
                                   "what the network really sees");
    if (cli_is_folder(v->output))
        return cli_fail(CLI_USAGE, "'%s' is a folder", v->output);
    return CLI_OK;
}

static int open_model(struct quantize_job *job)
{
    struct stance_quantize_options o;
    stance_quantize_options_default(&o);
    int code = parse_method(job->values.method, &o.method);
    if (code != CLI_OK)
        return code;
    o.threads = job->values.threads;
    o.correct_biases = !job->values.keep_biases;
    o.progress = progress;
    o.context = job;
    code = cli_open_model(&job->model, job->name);
    if (code != CLI_OK)
        return code;
    if (cli_is_same_file(stance_model_path(job->model), job->values.output))
        return cli_fail(CLI_USAGE, "%s would replace the float network itself; name another file",
                        job->values.output);
    job->role = stance_model_role(job->model);
    if (job->role < 0 || stance_quantizer_open(&job->quantizer, job->model, &o) < 0)
        return cli_fail_library(CLI_FAILED);
    return CLI_OK;
}

static int keep_picture(void *context, const char *name, struct stance_image *image, int index,
                        int total)
{
    struct quantize_job *job = context;
    job->pictures[job->picture_count++].image = stance_image_keep(image);
    return CLI_OK;
}

static int read_pictures(struct quantize_job *job, char **more, int more_count)
{
    const struct quantize_values *v = &job->values;
    int count = v->calibrate.count + more_count;
    const char **inputs = calloc((size_t)count, sizeof *inputs);
    struct cli_sample sample = {
        .inputs = inputs, .count = count, .most = v->pictures, .stopped = &job->stopped};
    job->pictures = calloc((size_t)v->pictures, sizeof *job->pictures);
    for (int i = 0; i < count && inputs; i++)
        inputs[i] = i < v->calibrate.count ? v->calibrate.items[i] : more[i - v->calibrate.count];
    int code = job->pictures && inputs ? cli_sample_pictures(&sample, keep_picture, job)
                                       : cli_fail(CLI_FAILED, "out of memory");
    free(inputs);
    if (code != CLI_OK)
        return code;
    if (sample.failed)
        cli_note("%d pictures could not be read; calibrating on the others", sample.failed);
    return job->picture_count
               ? CLI_OK
               : cli_fail(CLI_FAILED, "there is no picture to calibrate on in what was named");
}

static void close_pictures(struct quantize_job *job)
{
    for (int i = 0; i < job->picture_count; i++)
        stance_image_close(&job->pictures[i].image);
    free(job->pictures);
}

static int calibrate(struct quantize_job *job)
{
    job->started = cli_clock();
    int code = stance_quantizer_calibrate(job->quantizer);
    cli_progress_end();
    if (code == STANCE_ECANCELLED)
        return quantize_check_stop(job);
    if (code < 0)
        return cli_fail_library(CLI_FAILED);
    job->layer_count = stance_quantizer_layer_count(job->quantizer);
    job->drops = calloc((size_t)job->layer_count + 1, sizeof *job->drops);
    if (!job->drops)
        return cli_fail(CLI_FAILED, "out of memory");
    for (int i = 0; i < job->layer_count; i++)
        job->drops[i] = NAN;
    return CLI_OK;
}

/* From here on nothing is interrupted. */
static int save(struct quantize_job *job)
{
    const struct quantize_values *v = &job->values;
    if (stance_quantizer_save(job->quantizer, v->output) < 0 ||
        stance_card_write(v->output, job->model, "int8") < 0)
        return cli_fail_library(CLI_FAILED);
    return v->report ? quantize_write_report(job) : CLI_OK;
}

static void print_end(const struct quantize_job *job)
{
    const struct stance_agreement_numbers *n = &job->numbers;
    printf("%s: %.1f %% of the multiply-adds in int8", job->values.output,
           100 * quantize_share(job));
    if (!job->values.roles_only) {
        printf(", %.4f lost; %s of float's answers %.4f on %d people in %d pictures", job->drop,
               quantize_metric(job), n->likeness, n->people, n->pictures);
        if (job->role != STANCE_ROLE_DETECTOR)
            printf(", keypoints %.2f pixels away", n->pixels);
    }
    printf("\n");
    if (!job->values.roles_only && job->drop > (double)job->values.max_drop)
        cli_note("more than --max-drop %g is lost even so", (double)job->values.max_drop);
}

static int do_job(struct quantize_job *job, char **more, int more_count)
{
    int code = check_values(job);
    if (code == CLI_OK)
        code = open_model(job);
    if (code == CLI_OK)
        code = interrupt_open();
    if (code != CLI_OK)
        return code;
    interrupt_set_flag(&job->stopped);
    job->started = cli_clock();
    code = read_pictures(job, more, more_count);
    if (code == CLI_OK)
        code = quantize_prepare(job);
    if (code == CLI_OK)
        code = calibrate(job);
    if (code == CLI_OK)
        code = quantize_search(job);
    if (code == CLI_OK)
        code = save(job);
    if (code == CLI_OK && !job->values.quiet) {
        quantize_print_table(job);
        print_end(job);
    }
    return code;
}

static int run_quantize(int argument_count, char **arguments)
{
    struct quantize_job job = {
        .values = {.max_drop = 0.005f, .pictures = 64, .threads = 1},
    };
    int rest = cli_parse(&cli_quantize, argument_count, arguments, &job.values);
    if (rest < 0)
        return rest == -2 ? CLI_OK : CLI_USAGE;
    if (rest == 0)
        return cli_fail(CLI_USAGE, "quantize needs a model; see 'stance help quantize'");
    job.name = arguments[0];
    int code = do_job(&job, arguments + 1, rest - 1);
    interrupt_close();
    close_pictures(&job);
    stance_agreement_close(&job.candidates);
    stance_agreement_close(&job.agreement);
    stance_quantizer_close(&job.quantizer);
    stance_model_close(&job.detector);
    stance_model_close(&job.model);
    free(job.drops);
    return code;
}

const struct cli_command cli_quantize = {
    .name = "quantize",
    .arguments = "MODEL",
    .summary = "make a network that computes in int8",
    .details =
        "MODEL is a float detector, pose network or one-stage network, by path or name. What is "
        "written is\nan ONNX file with QuantizeLinear and DequantizeLinear nodes, which other "
        "runtimes read too, and\nits card. Ranges come from the pictures of --calibrate: files, "
        "patterns, folders, addresses, or\nframes of videos; take some that look like those the "
        "network will see. Further pictures may follow\nMODEL.\n"
        "Each layer is tried alone in int8, and of those that are fragile as few stay float as "
        "--max-drop\nasks for: 1 - OKS between both networks' keypoints; of a detector, 1 - what "
        "its boxes overlap the\nfloat ones, times how alike scores are. With 0.03 detectors are "
        "faster and keep their AP, but\nboxes are less steady. docs/quantization.md tells how. "
        "Ctrl-C ends it, and nothing is written.",
    .options = options,
    .run = run_quantize};
