/* One line of labels for one picture. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "label_lines.h"

/* The real path of the folder that holds `file`, with a slash at its end. */
static bool folder_of(const char *file, char *path, size_t size)
{
    char above[4096];
    const char *slash = strrchr(file, '/');
    int length = slash ? (int)(slash - file) : 1;
    if ((size_t)length >= sizeof above)
        return false;
    snprintf(above, sizeof above, "%.*s", length ? length : 1, slash ? file : ".");
    char *real = realpath(above, NULL);
    bool fits = real && (size_t)snprintf(path, size, "%s/", real[1] ? real : "") < size;
    free(real);
    return fits;
}

bool label_relative_path(const char *folder, const char *file, char *path, size_t size)
{
    char inside[4096], from[4096], to[4096];
    const char *slash = strrchr(file, '/');
    if ((size_t)snprintf(inside, sizeof inside, "%s/x", folder) >= sizeof inside ||
        !folder_of(inside, from, sizeof from) || !folder_of(file, to, sizeof to))
        return false;
    size_t common = 0, used = 0;
    for (size_t i = 0; from[i] && from[i] == to[i]; i++)
        if (from[i] == '/')
            common = i + 1;
    for (const char *at = from + common; *at; at++)
        if (*at == '/' && used + 4 < size)
            used += (size_t)snprintf(path + used, size - used, "../");
    return (size_t)snprintf(path + used, size - used, "%s%s", to + common,
                            slash ? slash + 1 : file) < size - used;
}

static void write_numbers(FILE *file, const float *values, int count)
{
    for (int i = 0; i < count; i++)
        fprintf(file, "%s%.2f", i ? "," : "", isfinite(values[i]) ? (double)values[i] : 0.0);
}

static int visibility(const struct stance_keypoint *point, float visible)
{
    if (!isfinite(point->x) || !isfinite(point->y) || !(point->score >= LABEL_UNCERTAIN))
        return 0;
    return point->score >= visible ? 2 : 1;
}

static void write_person(FILE *file, const struct stance_person *person, int count, float visible)
{
    const float *corner = person->box;
    float box[4] = {corner[0], corner[1], corner[2] - corner[0], corner[3] - corner[1]};
    fputs("{\"box\":[", file);
    write_numbers(file, box, 4);
    fprintf(file, "],\"score\":%.4f,\"keypoints\":[", (double)person->box_score);
    for (int k = 0; k < count; k++) {
        const struct stance_keypoint *point = &person->keypoints[k];
        fputs(k ? ",[" : "[", file);
        write_numbers(file, (const float[]){point->x, point->y}, 2);
        fprintf(file, ",%d]", visibility(point, visible));
    }
    fputs("],\"conf\":[", file);
    for (int k = 0; k < count; k++) {
        float score = person->keypoints[k].score;
        fprintf(file, "%s%.3f", k ? "," : "",
                score > 0 ? fmin((double)score, 1) : 0.0); /* NaN becomes 0 */
    }
    fputs("],\"kp_src\":\"", file);
    for (int k = 0; k < count; k++)
        fputc(visibility(&person->keypoints[k], visible) ? 'p' : '-', file);
    fputs("\",\"label_kind\":\"pseudo\"}", file);
}

void label_write_line(FILE *file, const char *path, const struct stance_pose_result *result,
                      float visible)
{
    fputs("{\"file\":", file);
    cli_json_text(file, path);
    fprintf(file, ",\"width\":%d,\"height\":%d,\"source\":\"label\",\"keypoint_set\":\"%s\"",
            result->width, result->height, result->keypoint_set->name);
    fputs(",\"complete_boxes\":true,\"persons\":[", file);
    for (int i = 0; i < result->person_count; i++) {
        fputs(i ? "," : "", file);
        write_person(file, &result->people[i], result->keypoint_set->count, visible);
    }
    fputs("],\"ignore\":[]}\n", file);
}
