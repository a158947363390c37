/* The pictures of 'stance compare' on which both networks are furthest apart: A's people on the left,
 * B's on the right. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "compare_command.h"
#include "picture_input.h"

enum { GAP = 8 }; /* pixels between both sides */

static void copy_half(struct stance_image *both, const struct stance_image *half, int at)
{
    for (int y = 0; y < half->height; y++)
        memcpy(both->plane[0] + y * both->stride[0] + (ptrdiff_t)3 * at,
               half->plane[0] + y * half->stride[0], (size_t)half->width * 3);
}

static int draw_half(struct stance_image *both, const struct stance_image *image,
                     const struct stance_pose_result *result, int side, const char *caption)
{
    struct stance_image *half = NULL;
    struct stance_draw_options options;
    stance_draw_options_default(&options);
    options.caption = caption;
    options.scores = 0;
    int code = stance_image_convert(&half, image, STANCE_RGB24);
    if (code == 0)
        code = stance_draw_pose(half, result, &options);
    if (code == 0)
        copy_half(both, half, side * (image->width + GAP));
    stance_image_close(&half);
    return code;
}

static int draw_both(struct stance_image **out, const struct stance_image *image,
                     const struct stance_pose_result *const results[2], double likeness)
{
    char caption[64];
    int code = stance_image_open(out, STANCE_RGB24, 2 * image->width + GAP, image->height);
    if (code < 0)
        return code;
    for (int y = 0; y < image->height; y++)
        memset((*out)->plane[0] + y * (*out)->stride[0], 255, (size_t)(*out)->width * 3);
    snprintf(caption, sizeof caption, "B   %.3f", likeness);
    code = draw_half(*out, image, results[0], 0, "A");
    if (code == 0)
        code = draw_half(*out, image, results[1], 1, caption);
    if (code < 0)
        stance_image_close(out);
    return code;
}

/* Less alike, or as alike and further apart. */
static bool is_worse(const struct compare_place *place, double likeness, double pixels)
{
    return likeness < place->likeness || (likeness == place->likeness && pixels > place->pixels);
}

int compare_keep_worst(struct compare_worst *worst, const char *name,
                       const struct stance_image *image,
                       const struct stance_pose_result *const results[2], double likeness,
                       double pixels)
{
    int at = worst->count;
    while (at > 0 && is_worse(&worst->places[at - 1], likeness, pixels))
        at--;
    if (at == worst->most)
        return 0;
    struct compare_place place = {.likeness = likeness, .pixels = pixels};
    bool fits = 2 * image->width + GAP <= STANCE_IMAGE_MAX_SIDE;
    if (worst->drawn && fits && draw_both(&place.image, image, results, likeness) < 0)
        return cli_fail_library(-1);
    snprintf(place.name, sizeof place.name, "%s", name);
    if (worst->count == worst->most)
        stance_image_close(&worst->places[--worst->count].image);
    memmove(worst->places + at + 1, worst->places + at,
            (size_t)(worst->count - at) * sizeof worst->places[0]);
    worst->places[at] = place;
    worst->count++;
    return 0;
}

int compare_write_worst(const struct compare_worst *worst, const char *folder)
{
    if (cli_make_folder(folder) < 0)
        return CLI_FAILED;
    for (int i = 0; i < worst->count; i++) {
        char path[4096], name[256];
        cli_input_name(worst->places[i].name, name, sizeof name);
        char *ending = strrchr(name, '.');
        if (ending && ending > name && !strchr(ending, '#'))
            *ending = '\0';
        int length = snprintf(path, sizeof path, "%s/%02d-%s.png", folder, i + 1, name);
        if (length < 0 || (size_t)length >= sizeof path)
            return cli_fail(CLI_FAILED, "the path '%.80s…' is too long", folder);
        if (worst->places[i].image && stance_image_write(worst->places[i].image, path) < 0)
            return cli_fail_library(CLI_FAILED);
    }
    return CLI_OK;
}

void compare_print_worst(const struct compare_worst *worst, FILE *file)
{
    if (worst->count)
        fprintf(file, "least alike:\n");
    for (int i = 0; i < worst->count; i++) {
        char shown[4096];
        fprintf(file, "  %.4f  %7.2f pixels  %s\n", worst->places[i].likeness,
                worst->places[i].pixels, cli_shown(worst->places[i].name, shown, sizeof shown));
    }
}

void compare_close_worst(struct compare_worst *worst)
{
    while (worst->count)
        stance_image_close(&worst->places[--worst->count].image);
}
