/* COCO's format for results (cocodataset.org, format-results): an array with an object for each
 * person. */
#include <string.h>

#include "media/result_format.h"

/* The number that the name ends with, as COCO numbers its pictures; -1 for none. */
static int64_t number_of(const char *file)
{
    enum { MOST_DIGITS = 15 };
    char stem[256];
    media_result_stem(file, stem, sizeof stem);
    size_t end = strlen(stem), start = end;
    while (start && stem[start - 1] >= '0' && stem[start - 1] <= '9')
        start--;
    int64_t number = 0;
    for (size_t i = start; i < end && end - start <= MOST_DIGITS; i++)
        number = number * 10 + (stem[i] - '0');
    return end > start && end - start <= MOST_DIGITS ? number : -1;
}

static int64_t image_id_of(const struct stance_result_item *item, int64_t before)
{
    if (item->image_id >= 0)
        return item->image_id;
    if (item->frame >= 0)
        return item->frame;
    int64_t number = number_of(item->file);
    return number >= 0 ? number : before;
}

static void write_person(struct base_json *json, const struct stance_result_item *item, int index,
                         int64_t image_id)
{
    const struct stance_person *person = &item->result->people[index];
    int keypoints = media_result_keypoints(item);
    base_json_object(json);
    base_json_key(json, "image_id");
    base_json_int(json, image_id);
    base_json_key(json, "category_id");
    base_json_int(json, 1);
    if (keypoints) {
        base_json_key(json, "keypoints");
        base_json_array(json);
        for (int k = 0; k < keypoints; k++) {
            media_result_number(json, person->keypoints[k].x, 2);
            media_result_number(json, person->keypoints[k].y, 2);
            media_result_number(json, person->keypoints[k].score, 4);
        }
        base_json_close(json);
    }
    base_json_key(json, "bbox");
    base_json_array(json);
    media_result_number(json, person->box[0], 2);
    media_result_number(json, person->box[1], 2);
    media_result_number(json, person->box[2] - person->box[0], 2);
    media_result_number(json, person->box[3] - person->box[1], 2);
    base_json_close(json);
    base_json_key(json, "score");
    media_result_number(json, keypoints ? person->score : person->box_score, 4);
    if (item->ids && item->ids[index]) {
        base_json_key(json, "track_id");
        base_json_int(json, item->ids[index]);
    }
    base_json_close(json);
}

static int write_people(struct base_buffer *out, struct media_result_state *state,
                        const struct stance_result_item *item)
{
    int64_t image_id = image_id_of(item, state->items);
    for (int i = 0; i < media_result_people(item); i++) {
        struct base_json json;
        BASE_TRY(media_result_entry(out, state));
        base_json_begin(&json, out, false);
        write_person(&json, item, i, image_id);
        BASE_TRY(base_json_end(&json));
    }
    return 0;
}

const struct media_result_format media_result_coco = {
    {"coco", "COCO results: a JSON array of people", 0, 0}, MEDIA_RESULT_ARRAY, write_people};
