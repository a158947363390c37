/* stance pose: people and their skeletons in pictures. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "command.h"
#include "picture_input.h"
#include "pose_models.h"
#include "stance/stance.h"

struct values {
    struct cli_list boxes;
    struct cli_pose_choice choice;
    const char *output, *json, *keypoint_set;
    float keypoint_threshold;
    bool quiet;
};

static const struct cli_option options[] = {
    CLI_POSE_CHOICE(struct values, choice, "0.3"),
    {"--keypoint-set", NULL, "NAME", "the network's keypoints (by its card or their number)",
     CLI_TEXT, offsetof(struct values, keypoint_set), 0, 0},
    {"--output", "-o", "OUT", "picture or folder to draw into (./NAME_pose.png)", CLI_TEXT,
     offsetof(struct values, output), 0, 0},
    {"--json", NULL, "FILE", "write results as JSON lines; '-' is standard output", CLI_TEXT,
     offsetof(struct values, json), 0, 0},
    {"--kpt-thr", NULL, "T", "draw keypoints with at least this score (0.3)", CLI_NUMBER,
     offsetof(struct values, keypoint_threshold), 0, 100},
    {"--box", NULL, "x,y,w,h", "a person is here; no detector runs (repeatable)", CLI_LIST,
     offsetof(struct values, boxes), 0, 0},
    {"--quiet", "-q", NULL, "print errors only", CLI_FLAG, offsetof(struct values, quiet), 0, 0},
    {0},
};

struct job {
    struct values values;
    struct cli_pose_models models;
    struct stance_pose *pose;
    struct stance_result_writer *writer;
    float boxes[CLI_MAX_LIST][4];
    bool to_folder;
    int done, people;
};

/* "x,y,w,h" into corners. */
static bool parse_box(const char *text, float box[4])
{
    float values[4];
    int count = 0;
    const char *at = text;
    while (count < 4) {
        bool negative = *at == '-';
        double value = 0, unit = 1;
        const char *start = at += negative;
        for (; *at >= '0' && *at <= '9' && at - start < 9; at++)
            value = value * 10 + (*at - '0');
        if (*at == '.')
            for (at++; *at >= '0' && *at <= '9'; at++)
                value += (*at - '0') * (unit /= 10);
        if (at == start)
            break;
        values[count++] = (float)(negative ? -value : value);
        if (*at != ',' || count == 4)
            break;
        at++;
    }
    if (count != 4 || *at || values[2] <= 0 || values[3] <= 0) {
        cli_fail(0, "'%s' is no box: write x,y,w,h with positive width and height", text);
        return false;
    }
    box[0] = values[0];
    box[1] = values[1];
    box[2] = values[0] + values[2];
    box[3] = values[1] + values[3];
    return true;
}

static int open_job(struct job *job)
{
    const struct values *v = &job->values;
    for (int i = 0; i < v->boxes.count; i++)
        if (!parse_box(v->boxes.items[i], job->boxes[i]))
            return CLI_USAGE;
    int code = cli_pose_models_open(&job->models, &v->choice, v->boxes.count == 0, true);
    if (code != CLI_OK)
        return code;
    struct stance_pose_options pose;
    code = cli_pose_options(&pose, &v->choice, &job->models);
    if (code != CLI_OK)
        return code;
    pose.keypoint_set = v->keypoint_set;
    if (stance_pose_open(&job->pose, &pose) < 0)
        return cli_fail_library(CLI_FAILED);
    if (v->json && stance_result_writer_open(&job->writer, v->json, "json") < 0)
        return cli_fail_library(CLI_FAILED);
    return CLI_OK;
}

/* Where the drawn picture goes: OUT itself, OUT/NAME.png, or NAME_pose.png in this folder. */
static bool output_path(const struct job *job, const char *input, char *path, size_t size)
{
    const char *out = job->values.output;
    if (out && !job->to_folder)
        return (size_t)snprintf(path, size, "%s", out) < size;
    char name[256];
    cli_input_name(input, name, sizeof name);
    const char *dot = strrchr(name, '.');
    int stem = dot && dot != name ? (int)(dot - name) : (int)strlen(name);
    bool jpeg = dot && (strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0);
    int folder = out ? (int)strlen(out) : 0;
    while (folder > 1 && out[folder - 1] == '/')
        folder--;
    int wrote =
        out ? snprintf(path, size, "%.*s/%.*s%s", folder, out, stem, name, jpeg ? ".jpg" : ".png")
            : snprintf(path, size, "%.*s_pose%s", stem, name, jpeg ? ".jpg" : ".png");
    return wrote > 0 && (size_t)wrote < size;
}

static bool same_file(const char *a, const char *b)
{
    struct stat left, right;
    return stat(a, &left) == 0 && stat(b, &right) == 0 && left.st_dev == right.st_dev &&
           left.st_ino == right.st_ino;
}

static int draw(const struct job *job, const char *input, struct stance_image *image,
                const struct stance_pose_result *result, char *path, size_t size)
{
    struct stance_draw_options style;
    stance_draw_options_default(&style);
    style.keypoint_threshold = job->values.keypoint_threshold;
    if (!output_path(job, input, path, size))
        return cli_fail(-1, "%s: the output's path is too long", input);
    if (same_file(input, path))
        return cli_fail(-1, "%s: its drawing would replace the picture itself; name another output",
                        input);
    if (stance_draw_pose(image, result, &style) < 0 || stance_image_write(image, path) < 0)
        return cli_fail_library(-1);
    return 0;
}

static void report(const struct job *job, const char *input,
                   const struct stance_pose_result *result, const char *path)
{
    bool json_on_stdout = job->values.json && strcmp(job->values.json, "-") == 0;
    if (job->values.quiet || json_on_stdout)
        return;
    cli_progress_end();
    printf("%s: %d %s, detect %.1f ms, pose %.1f ms%s%s\n", input, result->person_count,
           result->person_count == 1 ? "person" : "people", (double)result->detect_ns / 1e6,
           (double)result->pose_ns / 1e6, path[0] ? " → " : "", path);
}

static int write_result(const struct job *job, const char *input,
                        const struct stance_pose_result *result)
{
    struct stance_result_item item;
    stance_result_item_default(&item);
    item.file = input;
    item.result = result;
    return job->writer && stance_result_writer_add(job->writer, &item) < 0 ? cli_fail_library(-1)
                                                                           : 0;
}

/* One picture; negative after a message. */
static int do_picture(void *context, const char *input)
{
    struct job *job = context;
    struct stance_image *image = NULL;
    const struct stance_pose_result *result;
    char path[4096] = "";
    if (cli_read_picture(&image, input, NULL) < 0)
        return -1;
    int code = stance_pose_image(job->pose, image,
                                 job->values.boxes.count ? (const float(*)[4])job->boxes : NULL,
                                 job->values.boxes.count, &result);
    if (code < 0)
        cli_fail(0, "%s: %s", input, stance_error_text());
    if (code == 0)
        code = write_result(job, input, result);
    if (code == 0 && (job->values.output || !job->values.json))
        code = draw(job, input, image, result, path, sizeof path);
    if (code == 0) {
        report(job, input, result, path);
        job->done++;
        job->people += result->person_count;
    }
    stance_image_close(&image);
    return code;
}

static bool wants_folder(const struct values *values, char **arguments, int count)
{
    const char *out = values->output;
    if (!out)
        return false;
    size_t length = strlen(out);
    return count > 1 || cli_is_pattern(arguments[0]) || (length && out[length - 1] == '/') ||
           cli_is_folder(out);
}

static int do_job(struct job *job, char **arguments, int count)
{
    int code = open_job(job);
    if (code != CLI_OK)
        return code;
    job->to_folder = wants_folder(&job->values, arguments, count);
    if (job->to_folder && cli_make_folder(job->values.output) < 0)
        return CLI_FAILED;
    if (!job->values.quiet)
        cli_note("%s", stance_pose_describe(job->pose));
    int failed = cli_each_picture("pose", arguments, count, do_picture, job);
    if (stance_result_writer_close(&job->writer) < 0)
        return cli_fail_library(CLI_FAILED);
    if (failed && job->done + failed > 1)
        cli_note("%d of %d pictures could not be done", failed, job->done + failed);
    return failed ? CLI_SOME_FAILED : CLI_OK;
}

static int run_pose(int argument_count, char **arguments)
{
    struct job job = {.values = {.choice = CLI_POSE_DEFAULTS(0.3f), .keypoint_threshold = 0.3f}};
    int rest = cli_parse(&cli_pose, argument_count, arguments, &job.values);
    if (rest < 0)
        return rest == -2 ? CLI_OK : CLI_USAGE;
    if (rest == 0)
        return cli_fail(CLI_USAGE, "pose needs at least one picture; see 'stance help pose'");
    int code = do_job(&job, arguments, rest);
    stance_result_writer_close(&job.writer);
    stance_pose_close(&job.pose);
    cli_pose_models_close(&job.models);
    return code;
}

const struct cli_command cli_pose = {
    .name = "pose",
    .arguments = "IMAGE…",
    .summary = "find people and their skeletons in pictures",
    .details =
        "Reads JPEG, PNG, WebP, BMP, TIFF and GIF files, from disk or from http:// and https://\n"
        "addresses. Without -o and --json each picture is drawn into NAME_pose.png (or "
        ".jpg) in the\npresent folder. Without --detector and --pose the built-in models are used; "
        "MODEL is a path or\na name, see 'stance models'. A picture that cannot be read is told "
        "about and left out; the exit\ncode is then 1.",
    .options = options,
    .run = run_pose};
