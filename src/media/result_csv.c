/* A table with a line for each person (RFC 4180, but lines end with a line feed alone). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "media/result_format.h"

static int append(struct base_buffer *out, const char *text)
{
    return base_buffer_append(out, text, strlen(text));
}

/* In quotes where it must be. */
static int append_text(struct base_buffer *out, const char *text)
{
    if (!strpbrk(text, "\",\r\n"))
        return append(out, text);
    BASE_TRY(append(out, "\""));
    for (; *text; text++) {
        if (*text == '"')
            BASE_TRY(append(out, "\""));
        BASE_TRY(base_buffer_append(out, text, 1));
    }
    return append(out, "\"");
}

/* The writer of JSON knows numbers in every locale; nothing for what is not finite. */
static int append_number(struct base_buffer *out, double value, int decimals)
{
    BASE_TRY(append(out, ","));
    if (!isfinite(value))
        return 0;
    struct base_json json;
    base_json_begin(&json, out, false);
    base_json_float(&json, value, decimals);
    return base_json_end(&json);
}

static int write_header(struct base_buffer *out, const struct stance_keypoint_set *set)
{
    static const char *const parts[] = {"_x", "_y", "_score"};
    BASE_TRY(append(out, "file,frame,time,person,id,label,x1,y1,x2,y2,box_score,score"));
    for (int k = 0; k < set->count; k++)
        for (int i = 0; i < 3; i++) {
            char name[128];
            if (set->names && set->names[k])
                snprintf(name, sizeof name, "%s%s", set->names[k], parts[i]);
            else
                snprintf(name, sizeof name, "point%d%s", k, parts[i]);
            BASE_TRY(append(out, ","));
            BASE_TRY(append_text(out, name));
        }
    return append(out, "\n");
}

static int write_person(struct base_buffer *out, const struct stance_result_item *item, int index)
{
    const struct stance_person *person = &item->result->people[index];
    BASE_TRY(append_text(out, item->file));
    if (item->frame >= 0) {
        BASE_TRY(base_buffer_format(out, ",%lld", (long long)item->frame));
        BASE_TRY(append_number(out, (double)item->time_us / 1e6, 6));
    } else {
        BASE_TRY(append(out, ",,"));
    }
    BASE_TRY(base_buffer_format(out, ",%d,", index));
    if (item->ids && item->ids[index])
        BASE_TRY(base_buffer_format(out, "%lld", (long long)item->ids[index]));
    BASE_TRY(append(out, ","));
    if (item->labels && item->labels[index])
        BASE_TRY(append_text(out, item->labels[index]));
    for (int i = 0; i < 4; i++)
        BASE_TRY(append_number(out, (double)person->box[i], 2));
    BASE_TRY(append_number(out, (double)person->box_score, 4));
    BASE_TRY(append_number(out, (double)person->score, 4));
    for (int k = 0; k < media_result_keypoints(item); k++) {
        BASE_TRY(append_number(out, (double)person->keypoints[k].x, 2));
        BASE_TRY(append_number(out, (double)person->keypoints[k].y, 2));
        BASE_TRY(append_number(out, (double)person->keypoints[k].score, 4));
    }
    return append(out, "\n");
}

static int write_people(struct base_buffer *out, struct media_result_state *state,
                        const struct stance_result_item *item)
{
    static const struct stance_keypoint_set nothing;
    if (!item->result)
        return 0;
    const struct stance_keypoint_set *set =
        item->result->keypoint_set ? item->result->keypoint_set : &nothing;
    if (state->set && state->set != set)
        return base_error(STANCE_EARGUMENT,
                          "csv: '%s' has other keypoints than the lines before it; write them to "
                          "another file",
                          item->file);
    if (!state->set)
        BASE_TRY(write_header(out, set));
    state->set = set;
    for (int i = 0; i < item->result->person_count; i++)
        BASE_TRY(write_person(out, item, i));
    return 0;
}

const struct media_result_format media_result_csv = {
    {"csv", "a table with a line for each person", 0, 0}, MEDIA_RESULT_LINES, write_people};
