/* OpenPose's output (version 1.3), one file a picture or frame: what Pose2Sim, Sports2D and Blender
 * add-ons read. Points keep the order of their set. */
#include <math.h>

#include "media/result_format.h"

/* A point that is not there is three zeros. */
static void write_points(struct base_json *json, const struct stance_person *person, int keypoints)
{
    base_json_array(json);
    for (int k = 0; k < keypoints; k++) {
        const struct stance_keypoint *point = &person->keypoints[k];
        bool there = point->score > 0 && isfinite(point->x) && isfinite(point->y);
        media_result_number(json, there ? point->x : 0, 3);
        media_result_number(json, there ? point->y : 0, 3);
        media_result_number(json, there ? point->score : 0, 6);
    }
    base_json_close(json);
}

static void write_person(struct base_json *json, const struct stance_result_item *item, int index)
{
    static const char *const others[] = {"face_keypoints_2d",       "hand_left_keypoints_2d",
                                         "hand_right_keypoints_2d", "pose_keypoints_3d",
                                         "face_keypoints_3d",       "hand_left_keypoints_3d",
                                         "hand_right_keypoints_3d"};
    base_json_object(json);
    base_json_key(json, "person_id");
    base_json_array(json);
    base_json_int(json, item->ids && item->ids[index] ? item->ids[index] : -1);
    base_json_close(json);
    base_json_key(json, "pose_keypoints_2d");
    write_points(json, &item->result->people[index], media_result_keypoints(item));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        base_json_key(json, others[i]);
        base_json_array(json);
        base_json_close(json);
    }
    base_json_close(json);
}

static int write_file(struct base_buffer *out, struct media_result_state *state,
                      const struct stance_result_item *item)
{
    struct base_json json;
    base_json_begin(&json, out, false);
    base_json_object(&json);
    base_json_key(&json, "version");
    base_json_float(&json, 1.3, 1);
    base_json_key(&json, "people");
    base_json_array(&json);
    for (int i = 0; i < media_result_people(item); i++)
        write_person(&json, item, i);
    base_json_close(&json);
    base_json_close(&json);
    BASE_TRY(base_json_end(&json));
    return base_buffer_append(out, "\n", 1);
}

const struct media_result_format media_result_openpose = {
    {"openpose", "OpenPose JSON: a folder with one file for each picture or frame", 1, 0},
    MEDIA_RESULT_FOLDER,
    write_file};
