/* stance's own format: one JSON object a line for each picture or frame. */
#include "media/result_format.h"

static void write_person(struct base_json *json, const struct stance_result_item *item, int index)
{
    const struct stance_person *person = &item->result->people[index];
    base_json_object(json);
    if (item->ids && item->ids[index]) {
        base_json_key(json, "id");
        base_json_int(json, item->ids[index]);
    }
    if (item->labels && item->labels[index]) {
        base_json_key(json, "label");
        base_json_string(json, item->labels[index]);
    }
    base_json_key(json, "box");
    media_result_floats(json, person->box, 4, 2);
    base_json_key(json, "box_score");
    base_json_float(json, (double)person->box_score, 4);
    base_json_key(json, "score");
    base_json_float(json, (double)person->score, 4);
    base_json_key(json, "keypoints");
    base_json_array(json);
    for (int k = 0; k < media_result_keypoints(item); k++) {
        const struct stance_keypoint *point = &person->keypoints[k];
        base_json_array(json);
        base_json_float(json, (double)point->x, 2);
        base_json_float(json, (double)point->y, 2);
        base_json_float(json, (double)point->score, 4);
        base_json_close(json);
    }
    base_json_close(json);
    base_json_close(json);
}

static void write_result(struct base_json *json, const struct stance_result_item *item)
{
    const struct stance_pose_result *result = item->result;
    base_json_key(json, "width");
    base_json_int(json, result->width);
    base_json_key(json, "height");
    base_json_int(json, result->height);
    base_json_key(json, "keypoint_set");
    base_json_string(json, result->keypoint_set ? result->keypoint_set->name : NULL);
    base_json_key(json, "people");
    base_json_array(json);
    for (int i = 0; i < result->person_count; i++)
        write_person(json, item, i);
    base_json_close(json);
}

static int write_line(struct base_buffer *out, struct media_result_state *state,
                      const struct stance_result_item *item)
{
    struct base_json json;
    base_json_begin(&json, out, false);
    base_json_object(&json);
    base_json_key(&json, "file");
    base_json_string(&json, item->file);
    if (item->frame >= 0) {
        base_json_key(&json, "frame");
        base_json_int(&json, item->frame);
        base_json_key(&json, "time");
        base_json_float(&json, (double)item->time_us / 1e6, 6);
    }
    if (item->result)
        write_result(&json, item);
    if (item->error) {
        base_json_key(&json, "error");
        base_json_string(&json, item->error);
    }
    base_json_close(&json);
    BASE_TRY(base_json_end(&json));
    return base_buffer_append(out, "\n", 1);
}

const struct media_result_format media_result_json = {
    {"json", "stance's own: one JSON object a line, everything that is known", 0, 0},
    MEDIA_RESULT_LINES,
    write_line};
