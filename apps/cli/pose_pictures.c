/* Poses in pictures, one by one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "picture_input.h"
#include "pose_command.h"

struct pictures {
    struct pose_job *job;
    bool to_folder;
    int done;
};

bool pose_output_name(const struct pose_job *job, const char *input, bool to_folder,
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
    return wrote >= 0 && (size_t)wrote < size;
}

static const char *suffix_of(const char *input)
{
    char name[256];
    cli_input_name(input, name, sizeof name);
    const char *dot = strrchr(name, '.');
    return dot && (strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0) ? ".jpg" : ".png";
}

static bool output_path(const struct pose_job *job, const char *input, bool to_folder, char *path,
                        size_t size)
{
    if (!pose_output_name(job, input, to_folder, suffix_of(input), path, size)) {
        cli_fail(0, "%s: the output's path is too long", input);
        return false;
    }
    if (cli_is_same_file(input, path)) {
        cli_fail(0, "%s: its drawing would replace the input itself; name another output", input);
        return false;
    }
    return true;
}

static bool wants_folder(const struct pose_job *job, char **inputs, int count)
{
    const char *out = job->values.output;
    size_t length = out ? strlen(out) : 0;
    return out && (count > 1 || cli_is_pattern(inputs[0]) || (length && out[length - 1] == '/') ||
                   cli_is_folder(out));
}

static int draw(const struct pictures *p, const char *input, struct stance_image *image,
                const struct stance_pose_result *result, char *path, size_t size)
{
    if (!output_path(p->job, input, p->to_folder, path, size))
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
    char name[4096];
    cli_progress_end();
    printf("%s: %d %s, detect %.1f ms, pose %.1f ms%s%s\n", cli_shown(input, name, sizeof name),
           result->person_count, result->person_count == 1 ? "person" : "people",
           (double)result->detect_ns / 1e6, (double)result->pose_ns / 1e6, path[0] ? " → " : "",
           path);
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

/* ---- Two pictures for one file ---- */

struct drawing {
    char *path, *input;
};

struct drawings {
    const struct pictures *pictures;
    struct drawing *items;
    size_t count, capacity;
};

static int add_drawing(void *context, const char *input)
{
    struct drawings *all = context;
    char path[4096];
    if (!pose_output_name(all->pictures->job, input, all->pictures->to_folder, suffix_of(input),
                          path, sizeof path))
        return -1; /* told when its turn comes */
    if (all->count == all->capacity) {
        size_t capacity = all->capacity ? 2 * all->capacity : 64;
        struct drawing *grown = realloc(all->items, capacity * sizeof grown[0]);
        if (!grown)
            return -1;
        all->items = grown;
        all->capacity = capacity;
    }
    struct drawing *drawing = &all->items[all->count];
    *drawing = (struct drawing){strdup(path), strdup(input)};
    all->count++;
    return drawing->path && drawing->input ? 0 : -1;
}

static int by_path(const void *left, const void *right)
{
    const struct drawing *one = left, *other = right;
    const char *a = one->path ? one->path : "", *b = other->path ? other->path : "";
    return strcmp(a, b);
}

/* False after a message. The same picture twice is no harm. */
static bool are_apart(const struct pictures *pictures, char **inputs, int count)
{
    struct drawings all = {.pictures = pictures};
    bool apart = true;
    cli_each_picture(NULL, inputs, count, add_drawing, &all);
    if (all.count)
        qsort(all.items, all.count, sizeof all.items[0], by_path);
    for (size_t i = 1; i < all.count && apart; i++) {
        const struct drawing *one = &all.items[i - 1], *other = one + 1;
        apart = !one->path || !one->input || !other->input || by_path(one, other) != 0 ||
                strcmp(one->input, other->input) == 0 || cli_is_same_file(one->input, other->input);
        if (!apart)
            cli_fail(0, "%s and %s would both be drawn into %s; call pose for each", one->input,
                     other->input, one->path);
    }
    for (size_t i = 0; i < all.count; i++) {
        free(all.items[i].path);
        free(all.items[i].input);
    }
    free(all.items);
    return apart;
}

int pose_pictures(struct pose_job *job, char **inputs, int count)
{
    struct pictures pictures = {.job = job};
    bool draws = job->values.output || !(job->values.json || job->values.data);
    pictures.to_folder = wants_folder(job, inputs, count);
    if (draws && (pictures.to_folder || !job->values.output) &&
        !are_apart(&pictures, inputs, count))
        return CLI_FAILED;
    if (pictures.to_folder && cli_make_folder(job->values.output) < 0)
        return CLI_FAILED;
    int code = pose_open_data(job);
    if (code != CLI_OK)
        return code;
    int failed = cli_each_picture("pose", inputs, count, do_picture, &pictures);
    if (failed && pictures.done + failed > 1)
        cli_note("%d of %d pictures could not be done", failed, pictures.done + failed);
    return failed ? CLI_SOME_FAILED : CLI_OK;
}
