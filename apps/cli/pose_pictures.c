/* Poses in pictures, one by one. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "picture_input.h"
#include "pose_command.h"

struct pictures {
    struct pose_job *job;
    bool to_folder;
    int done;
};

bool pose_output_path(const struct pose_job *job, const char *input, bool to_folder,
                      const char *suffix, char *path, size_t size)
{
    const char *out = job->values.output;
    char name[256];
    cli_input_name(input, name, sizeof name);
    const char *dot = strrchr(name, '.');
    int stem = dot && dot != name ? (int)(dot - name) : (int)strlen(name);
    int folder = out ? (int)strlen(out) : 0;
    while (folder > 1 && out[folder - 1] == '/')
        folder--;
    int wrote = !out         ? snprintf(path, size, "%.*s_pose%s", stem, name, suffix)
                : !to_folder ? snprintf(path, size, "%s", out)
                             : snprintf(path, size, "%.*s/%.*s%s", folder, out, stem, name, suffix);
    if (wrote < 0 || (size_t)wrote >= size) {
        cli_fail(0, "%s: the output's path is too long", input);
        return false;
    }
    if (cli_is_same_file(input, path)) {
        cli_fail(0, "%s: its drawing would replace the input itself; name another output", input);
        return false;
    }
    return true;
}

int pose_output_folder(const struct pose_job *job, char **inputs, int count)
{
    const char *out = job->values.output;
    if (!out)
        return 0;
    size_t length = strlen(out);
    bool folder = count > 1 || cli_is_pattern(inputs[0]) || (length && out[length - 1] == '/') ||
                  cli_is_folder(out);
    return folder && cli_make_folder(out) < 0 ? -1 : folder;
}

static const char *suffix_of(const char *input)
{
    char name[256];
    cli_input_name(input, name, sizeof name);
    const char *dot = strrchr(name, '.');
    return dot && (strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0) ? ".jpg" : ".png";
}

static int draw(const struct pictures *p, const char *input, struct stance_image *image,
                const struct stance_pose_result *result, char *path, size_t size)
{
    if (!pose_output_path(p->job, input, p->to_folder, suffix_of(input), path, size))
        return -1;
    if (stance_draw_pose(image, result, &p->job->style) < 0 || stance_image_write(image, path) < 0)
        return cli_fail_library(-1);
    return 0;
}

static void report(const struct pose_job *job, const char *input,
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

static int write_result(const struct pose_job *job, const char *input,
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
    struct pictures *p = context;
    struct pose_job *job = p->job;
    struct stance_image *image = NULL;
    const struct stance_pose_result *result;
    char path[4096] = "";
    if (cli_read_picture(&image, input, NULL) < 0)
        return -1;
    int given = job->values.boxes.count;
    int code = stance_pose_image(job->pose, image, given ? (const float(*)[4])job->boxes : NULL,
                                 given, &result);
    if (code < 0)
        cli_fail(0, "%s: %s", input, stance_error_text());
    if (code == 0)
        code = write_result(job, input, result);
    if (code == 0 && (job->values.output || !job->writer))
        code = draw(p, input, image, result, path, sizeof path);
    if (code == 0) {
        report(job, input, result, path);
        p->done++;
    }
    stance_image_close(&image);
    return code;
}

int pose_pictures(struct pose_job *job, char **inputs, int count)
{
    struct pictures pictures = {.job = job};
    int folder = pose_output_folder(job, inputs, count);
    if (folder < 0)
        return CLI_FAILED;
    pictures.to_folder = folder;
    int code = pose_open_data(job);
    if (code != CLI_OK)
        return code;
    int failed = cli_each_picture("pose", inputs, count, do_picture, &pictures);
    if (failed && pictures.done + failed > 1)
        cli_note("%d of %d pictures could not be done", failed, pictures.done + failed);
    return failed ? CLI_SOME_FAILED : CLI_OK;
}
