/* stance label: first labels for training from pictures, and the page on which a person corrects them. */
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "command.h"
#include "label_lines.h"
#include "label_page.h"
#include "picture_input.h"
#include "pose_models.h"
#include "stance/stance.h"

struct values {
    struct cli_pose_choice choice;
    const char *keypoint_set, *output;
    float visible;
    bool force, quiet;
};

static const struct cli_option options[] = {
    CLI_POSE_CHOICE(struct values, choice, "0.3", "0.7"),
    {"--keypoint-set", NULL, "NAME", "the network's keypoints (by its card or their number)",
     CLI_TEXT, offsetof(struct values, keypoint_set), 0, 0},
    {"--output", "-o", "DIR", "folder of the labels and their page (labels)", CLI_TEXT,
     offsetof(struct values, output), 0, 0},
    {"--force", NULL, NULL, "replace the labels in DIR", CLI_FLAG, offsetof(struct values, force),
     0, 0},
    {"--kpt-thr", NULL, "T", "joints with at least this score are visible (0.5)", CLI_NUMBER,
     offsetof(struct values, visible), 0.3, 100},
    {"--quiet", "-q", NULL, "print errors only", CLI_FLAG, offsetof(struct values, quiet), 0, 0},
    {0},
};

enum { PATH_SIZE = 4096 };

struct job {
    struct values values;
    struct cli_pose_models models;
    struct stance_pose *pose;
    char annotations[PATH_SIZE], part[PATH_SIZE], page[PATH_SIZE];
    FILE *lines;
    void *seen; /* tree of the paths written */
    int done, people;
    bool broken; /* going on makes no sense: a full disk, a network without names */
};

static bool name_files(struct job *job, const char *folder)
{
    size_t length = strlen(folder);
    while (length > 1 && folder[length - 1] == '/')
        length--;
    int wrote =
        snprintf(job->annotations, PATH_SIZE, "%.*s/annotations.jsonl", (int)length, folder);
    if (wrote < 0 || wrote >= PATH_SIZE - 16)
        return false;
    snprintf(job->part, PATH_SIZE, "%.*s/annotations.jsonl.part", (int)length, folder);
    snprintf(job->page, PATH_SIZE, "%.*s/label.html", (int)length, folder);
    return true;
}

static int open_job(struct job *job)
{
    const char *folder = job->values.output;
    if (!name_files(job, folder))
        return cli_fail(CLI_FAILED, "the path '%s' is too long", folder);
    if (!job->values.force && access(job->annotations, F_OK) == 0)
        return cli_fail(CLI_FAILED,
                        "'%s' exists; go on with these labels by 'stance label %s', name another "
                        "folder with -o, or replace them with --force",
                        job->annotations, job->annotations);
    const struct values *v = &job->values;
    int code = cli_pose_open(&job->pose, &job->models, &v->choice, v->keypoint_set, true);
    if (code != CLI_OK)
        return code;
    if (cli_make_folder(folder) < 0)
        return CLI_FAILED;
    job->lines = fopen(job->part, "wb");
    return job->lines ? CLI_OK
                      : cli_fail(CLI_FAILED, "cannot write '%s': %s", job->part, strerror(errno));
}

static bool file_holds(const char *path, const struct stance_bytes *bytes)
{
    FILE *file = fopen(path, "rb");
    char block[4096];
    size_t at = 0, count = 0;
    bool same = file != NULL;
    while (same && (count = fread(block, 1, sizeof block, file)) > 0) {
        same = count <= bytes->size - at && memcmp(block, (char *)bytes->data + at, count) == 0;
        at += count;
    }
    if (file)
        fclose(file);
    return same && at == bytes->size;
}

/* Puts a picture from the web beside the labels, under a name that no other picture has. */
static int keep_picture(const struct job *job, const char *address,
                        const struct stance_bytes *bytes, char *path)
{
    char name[256], folder[PATH_SIZE];
    cli_input_name(address, name, sizeof name);
    size_t length = strlen(job->page) - strlen("label.html");
    if (snprintf(folder, sizeof folder, "%.*spictures", (int)length, job->page) >= PATH_SIZE)
        return cli_fail(-1, "%s: the path of its copy is too long", address);
    if (cli_make_folder(folder) < 0)
        return -1;
    for (int i = 1; i < 1000; i++) {
        char prefix[16] = "";
        if (i > 1)
            snprintf(prefix, sizeof prefix, "%d-", i);
        if (snprintf(path, PATH_SIZE, "%s/%s%s", folder, prefix, name) >= PATH_SIZE)
            break;
        FILE *file = fopen(path, "wbx");
        if (!file && errno == EEXIST && !file_holds(path, bytes))
            continue;
        if (!file && errno == EEXIST)
            return 0;
        bool good = file && fwrite(bytes->data, 1, bytes->size, file) == bytes->size;
        good = (!file || fclose(file) == 0) && good;
        if (!good && file)
            unlink(path);
        return good ? 0 : cli_fail(-1, "cannot write '%s': %s", path, strerror(errno));
    }
    return cli_fail(-1, "%s: no name is free for it in '%s'", address, folder);
}

/* A file or an address, and the file's path; negative after a message. */
static int read_picture(const struct job *job, const char *input, struct stance_image **image,
                        char *path)
{
    struct stance_bytes bytes = {0};
    if (!cli_is_address(input) && snprintf(path, PATH_SIZE, "%s", input) >= PATH_SIZE)
        return cli_fail(-1, "%s: the path is too long", input);
    int code = cli_read_picture(image, input, &bytes);
    if (code == 0 && bytes.data && (code = keep_picture(job, input, &bytes, path)) < 0)
        stance_image_close(image);
    stance_bytes_free(&bytes);
    return code;
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* 1: a new path; 0: it has its line already; negative after a message. */
static int remember(struct job *job, const char *path)
{
    if (tfind(path, &job->seen, compare))
        return 0;
    char *copy = strdup(path);
    if (copy && tsearch(copy, &job->seen, compare))
        return 1;
    free(copy);
    return cli_fail(-1, "%s: no memory left for its name", path);
}

static int write_picture(struct job *job, const char *input, const char *path,
                         struct stance_image *image)
{
    const struct stance_pose_result *result;
    if (stance_pose_image(job->pose, image, NULL, 0, &result) < 0)
        return cli_fail(-1, "%s: %s", input, stance_error_text());
    const char *set = result->keypoint_set->name;
    if (!stance_keypoint_set_find(set)) {
        job->broken = true;
        return cli_fail(-1,
                        "the pose network's %d keypoints have no names (set '%s'); label "
                        "with a network of coco17 or halpe26",
                        result->keypoint_set->count, set);
    }
    label_write_line(job->lines, path, result, job->values.visible);
    if (fflush(job->lines) != 0 || ferror(job->lines)) {
        job->broken = true;
        return cli_fail(-1, "cannot write '%s': %s", job->part, strerror(errno));
    }
    job->done++;
    job->people += result->person_count;
    return 0;
}

/* One picture; negative after a message. */
static int do_picture(void *context, const char *input)
{
    struct job *job = context;
    struct stance_image *image = NULL;
    char path[PATH_SIZE], relative[PATH_SIZE];
    if (job->broken || read_picture(job, input, &image, path) < 0)
        return -1;
    int code = 0;
    if (!label_relative_path(job->values.output, path, relative, sizeof relative))
        code = cli_fail(-1, "%s: the path is too long", input);
    else if (!cli_is_utf8(relative))
        code = cli_fail(-1, "%s: the name is not UTF-8 and cannot stand in JSON; rename it", input);
    else
        code = remember(job, relative);
    if (code > 0)
        code = write_picture(job, input, relative, image);
    stance_image_close(&image);
    return code;
}

static int finish(struct job *job)
{
    bool lost = fclose(job->lines) != 0;
    job->lines = NULL;
    if (lost && !job->broken) {
        job->broken = true;
        cli_fail(0, "cannot write '%s': %s", job->part, strerror(errno));
    }
    if (job->broken && job->done > 0) {
        cli_note("the labels of %d pictures are left in %s", job->done, job->part);
        return CLI_FAILED;
    }
    if (job->done == 0) {
        unlink(job->part);
        return job->broken ? CLI_FAILED : CLI_OK;
    }
    if (rename(job->part, job->annotations) != 0)
        return cli_fail(CLI_FAILED, "cannot write '%s': %s", job->annotations, strerror(errno));
    return label_write_page(job->annotations, job->page);
}

static int do_job(struct job *job, char **arguments, int count)
{
    int code = open_job(job);
    if (code != CLI_OK)
        return code;
    if (!job->values.quiet)
        cli_note("%s", stance_pose_describe(job->pose));
    int failed = cli_each_picture("label", arguments, count, do_picture, job);
    code = finish(job);
    if (code != CLI_OK)
        return code;
    if (failed && job->done + failed > 1)
        cli_note("%d of %d pictures could not be done", failed, job->done + failed);
    if (!job->values.quiet && job->done)
        printf("%s: %d %s, %d %s; correct them in %s\n", job->annotations, job->done,
               job->done == 1 ? "picture" : "pictures", job->people,
               job->people == 1 ? "person" : "people", job->page);
    return failed ? CLI_SOME_FAILED : CLI_OK;
}

/* The page for labels that exist. */
static int reopen(const struct values *values, const char *annotations)
{
    char page[PATH_SIZE];
    const char *slash = strrchr(annotations, '/');
    if (values->output || values->force)
        return cli_fail(CLI_USAGE,
                        "'%s' holds labels: their page goes beside it and nothing is "
                        "replaced; leave -o and --force out",
                        annotations);
    if (snprintf(page, sizeof page, "%.*slabel.html", slash ? (int)(slash - annotations) + 1 : 0,
                 annotations) >= PATH_SIZE)
        return cli_fail(CLI_FAILED, "the path '%s' is too long", annotations);
    int code = label_write_page(annotations, page);
    if (code == CLI_OK && !values->quiet)
        printf("%s: go on in %s\n", annotations, page);
    return code;
}

static bool is_labels(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot && strcasecmp(dot, ".jsonl") == 0;
}

static int run_label(int argument_count, char **arguments)
{
    struct job job = {.values = {.choice = CLI_POSE_DEFAULTS(0.3f, 0.7f), .visible = 0.5f}};
    int rest = cli_parse(&cli_label, argument_count, arguments, &job.values);
    if (rest < 0)
        return rest == -2 ? CLI_OK : CLI_USAGE;
    if (rest == 0)
        return cli_fail(CLI_USAGE, "label needs at least one picture; see 'stance help label'");
    if (rest == 1 && is_labels(arguments[0]))
        return reopen(&job.values, arguments[0]);
    if (!job.values.output)
        job.values.output = "labels";
    int code = do_job(&job, arguments, rest);
    if (job.lines)
        fclose(job.lines);
    tdestroy(job.seen, free);
    stance_pose_close(&job.pose);
    cli_pose_models_close(&job.models);
    return code;
}

const struct cli_command cli_label = {
    .name = "label",
    .arguments = "IMAGE… | annotations.jsonl",
    .summary = "label pictures for training, and correct the labels",
    .details =
        "Finds people and their skeletons as 'stance pose' does and writes DIR/annotations.jsonl, "
        "which\nthe trainer reads, and DIR/label.html: open it in a browser, correct the labels "
        "and save them over\nannotations.jsonl. Labels that exist are never replaced without "
        "--force; given annotations.jsonl\nalone, the page is written anew for what it holds. "
        "A picture that cannot be read is told about and\nleft out; the exit code is then 1.",
    .options = options,
    .run = run_label};
