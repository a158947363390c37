/* What MMPose's inferencer saves for a video (mmpose/structures/utils.py, split_instances): an
 * array of frames with their instances. */
#include "media/result_format.h"

static void write_instance(struct base_json *json, const struct stance_person *person,
                           int keypoints)
{
    base_json_object(json);
    base_json_key(json, "keypoints");
    base_json_array(json);
    for (int k = 0; k < keypoints; k++) {
        base_json_array(json);
        media_result_number(json, person->keypoints[k].x, 2);
        media_result_number(json, person->keypoints[k].y, 2);
        base_json_close(json);
    }
    base_json_close(json);
    base_json_key(json, "keypoint_scores");
    base_json_array(json);
    for (int k = 0; k < keypoints; k++)
        media_result_number(json, person->keypoints[k].score, 4);
    base_json_close(json);
    base_json_key(json, "bbox");
    base_json_array(json); /* MMPose has it within another array */
    media_result_floats(json, person->box, 4, 2);
    base_json_close(json);
    base_json_key(json, "bbox_score");
    media_result_number(json, person->box_score, 4);
}

static int write_frame(struct base_buffer *out, struct media_result_state *state,
                       const struct stance_result_item *item)
{
    struct base_json json;
    BASE_TRY(media_result_entry(out, state));
    base_json_begin(&json, out, false);
    base_json_object(&json);
    base_json_key(&json, "frame_id");
    base_json_int(&json, item->frame >= 0 ? item->frame : state->items);
    base_json_key(&json, "instances");
    base_json_array(&json);
    for (int i = 0; i < media_result_people(item); i++) {
        write_instance(&json, &item->result->people[i], media_result_keypoints(item));
        if (item->ids && item->ids[i]) {
            base_json_key(&json, "track_id");
            base_json_int(&json, item->ids[i]);
        }
        base_json_close(&json);
    }
    base_json_close(&json);
    base_json_close(&json);
    return base_json_end(&json);
}

const struct media_result_format media_result_mmpose = {
    {"mmpose", "MMPose predictions: a JSON array of frames", 0, 0},
    MEDIA_RESULT_ARRAY,
    write_frame};
