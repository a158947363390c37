/* The worst pictures on the page: ground truth and results drawn over the picture, which is put into
 * the page as it lies on disk, or over blank ground. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "eval/survey.h"

#define PICTURE_LIMIT ((size_t)8 << 20)
static const double least_score = .3; /* of results without an annotation that are drawn */

static const char *const error_classes[EVAL_ERRORS] = {"good", "jitter", "inversion", "swap",
                                                       "miss"};

/* What browsers show, by the first bytes. */
static const char *kind_of(const unsigned char *data, size_t size)
{
    if (size > 3 && memcmp(data, "\xff\xd8\xff", 3) == 0)
        return "image/jpeg";
    if (size > 4 && memcmp(data, "\x89PNG", 4) == 0)
        return "image/png";
    if (size > 12 && memcmp(data, "RIFF", 4) == 0 && memcmp(data + 8, "WEBP", 4) == 0)
        return "image/webp";
    if (size > 4 && memcmp(data, "GIF8", 4) == 0)
        return "image/gif";
    return size > 2 && memcmp(data, "BM", 2) == 0 ? "image/bmp" : NULL;
}

static int put_base64(struct base_buffer *page, const unsigned char *data, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    BASE_TRY(base_buffer_reserve(page, (size + 2) / 3 * 4));
    for (size_t i = 0; i < size; i += 3) {
        unsigned bits = (unsigned)data[i] << 16;
        bits |= i + 1 < size ? (unsigned)data[i + 1] << 8 : 0;
        bits |= i + 2 < size ? data[i + 2] : 0;
        char out[4] = {digits[bits >> 18], digits[bits >> 12 & 63], digits[bits >> 6 & 63],
                       digits[bits & 63]};
        if (i + 1 >= size)
            out[2] = '=';
        if (i + 2 >= size)
            out[3] = '=';
        BASE_TRY(base_buffer_append(page, out, sizeof out));
    }
    return 0;
}

/* The picture itself; nothing where it cannot be had. */
static int put_picture(const struct eval_picture *picture, const char *folder, int width,
                       int height, struct base_buffer *page)
{
    char path[BASE_PATH_BYTES];
    struct base_mapping file;
    int length = folder ? snprintf(path, sizeof path, "%s/%s", folder, picture->file) : -1;
    bool inside = picture->file[0] && picture->file[0] != '/' && !strstr(picture->file, "..");
    if (!inside || length < 0 || (size_t)length >= sizeof path ||
        base_file_map(&file, path, PICTURE_LIMIT) < 0)
        return 0;
    const char *kind = kind_of(file.data, file.size);
    int code = 0;
    if (kind)
        code = base_buffer_format(page,
                                  "<image width=\"%d\" height=\"%d\" "
                                  "preserveAspectRatio=\"none\" href=\"data:%s;base64,",
                                  width, height, kind);
    if (kind && code == 0)
        code = put_base64(page, file.data, file.size);
    if (kind && code == 0)
        code = base_buffer_append(page, "\"/>", 3);
    base_file_unmap(&file);
    return code;
}

static int put_limbs(const struct stance_eval *eval, const double *points, bool all,
                     const char *class, struct base_buffer *page)
{
    for (int e = 0; e < eval->edge_count; e++) {
        int a = eval->edges[e][0], b = eval->edges[e][1];
        if (a >= eval->keypoint_count || b >= eval->keypoint_count)
            continue;
        const double *from = points + 3 * a, *to = points + 3 * b;
        if (all || (from[2] > 0 && to[2] > 0))
            BASE_TRY(base_buffer_format(page,
                                        "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" "
                                        "y2=\"%.1f\"/>",
                                        class, from[0], from[1], to[0], to[1]));
    }
    return 0;
}

static int put_joint(struct base_buffer *page, const double *point, double radius,
                     const char *class)
{
    return base_buffer_format(page, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"/>",
                              class, point[0], point[1], radius);
}

static int put_box(struct base_buffer *page, const double *box, const char *class)
{
    return base_buffer_format(page,
                              "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
                              "height=\"%.1f\"/>",
                              class, box[0], box[1], fmax(0, box[2]), fmax(0, box[3]));
}

static int put_truth(const struct stance_eval *eval, const struct eval_instance *truth,
                     double radius, struct base_buffer *page)
{
    const double *points = eval_points(&eval->truth, truth);
    if (eval->kind == STANCE_EVAL_BOXES || truth->labelled == 0)
        return put_box(page, truth->box, truth->crowd ? "truth crowd" : "truth");
    BASE_TRY(put_limbs(eval, points, false, "truth", page));
    for (int k = 0; k < eval->keypoint_count; k++)
        if (points[3 * k + 2] > 0)
            BASE_TRY(put_joint(page, points + 3 * k, radius * .7, "joint"));
    return 0;
}

/* `own`: the annotation it is paired with, or -1. */
static int put_found(const struct stance_eval *eval, const struct eval_group *group,
                     const struct eval_instance *found, int32_t own, double radius,
                     struct base_buffer *page)
{
    const double *points = eval_points(&eval->found, found);
    const char *class = own < 0 ? "found spare" : "found";
    if (eval->kind == STANCE_EVAL_BOXES)
        return put_box(page, found->box, class);
    BASE_TRY(put_limbs(eval, points, true, class, page));
    if (own < 0)
        return 0;
    const double *truth = eval_points(&eval->truth, &eval->truth.items[group->truth[own]]);
    for (int k = 0; k < eval->keypoint_count; k++)
        if (truth[3 * k + 2] > 0)
            BASE_TRY(
                put_joint(page, points + 3 * k, radius,
                          error_classes[eval_keypoint_error(eval, group, (size_t)own, found, k)]));
    return 0;
}

static int put_group(const struct stance_eval *eval, struct eval_group *group, double radius,
                     struct base_buffer *page)
{
    int32_t pairs[SURVEY_MOST_RESULTS];
    double similarities[SURVEY_MOST_RESULTS];
    BASE_TRY(eval_survey_pairs(eval, group, pairs, similarities));
    for (size_t j = 0; j < group->truth_count; j++)
        BASE_TRY(put_truth(eval, &eval->truth.items[group->truth[j]], radius, page));
    for (size_t i = group->found_count; i-- > 0;) {
        const struct eval_instance *found = &eval->found.items[group->found[i]];
        if (pairs[i] >= 0 || found->score >= least_score)
            BASE_TRY(put_found(eval, group, found, pairs[i], radius, page));
    }
    return 0;
}

/* The picture's size, or where it is unknown the reach of its annotations. */
static void size_of(const struct stance_eval *eval, int32_t picture, int *width, int *height)
{
    const struct eval_picture *p = &eval->pictures[picture];
    double right = 64, bottom = 64;
    *width = p->width;
    *height = p->height;
    if (p->width && p->height)
        return;
    for (size_t i = 0; i < eval->truth.count; i++) {
        const struct eval_instance *item = &eval->truth.items[i];
        if (item->picture != picture)
            continue;
        right = fmax(right, item->box[0] + item->box[2]);
        bottom = fmax(bottom, item->box[1] + item->box[3]);
    }
    *width = (int)fmin(right, 1e6);
    *height = (int)fmin(bottom, 1e6);
}

static int put_figure(const struct stance_eval *eval, const struct eval_worst *worst,
                      const char *folder, struct base_buffer *page)
{
    const struct eval_picture *picture = &eval->pictures[worst->picture];
    struct eval_walk position = {.eval = eval};
    struct eval_group group;
    int width, height;
    size_of(eval, worst->picture, &width, &height);
    double line = fmax(width, height) / 220.0;
    BASE_TRY(base_buffer_format(page,
                                "<figure><svg viewBox=\"0 0 %d %d\" style=\"--line:%.2fpx\">"
                                "<rect class=\"ground\" width=\"%d\" height=\"%d\"/>",
                                width, height, line, width, height));
    BASE_TRY(put_picture(picture, folder, width, height, page));
    while (eval_next_group(&position, &group))
        if (group.picture == worst->picture)
            BASE_TRY(put_group(eval, &group, line * 1.6, page));
    BASE_TRY(base_buffer_format(page, "</svg><figcaption>"));
    BASE_TRY(eval_page_text(page, picture->file[0] ? picture->file : "picture"));
    return base_buffer_format(page,
                              " <span>%lld</span><br>mean %s %.3f, %d of %d %s found</figcaption>"
                              "</figure>\n",
                              (long long)picture->id,
                              eval->kind == STANCE_EVAL_KEYPOINTS ? "OKS" : "IoU",
                              worst->similarity, worst->paired, worst->people,
                              eval->kind == STANCE_EVAL_KEYPOINTS ? "people" : "objects");
}

int eval_page_pictures(const struct stance_eval *eval, const struct eval_survey *survey,
                       const char *folder, struct base_buffer *page)
{
    for (int i = 0; i < survey->worst_count; i++)
        BASE_TRY(put_figure(eval, &survey->worst[i], folder, page));
    return 0;
}
