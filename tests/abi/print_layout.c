/* Prints size and field offsets of every public struct, one a line: what binaries built against
 * these headers rely on. Compared with layout.txt by tests/abi/check. */
#include <stdio.h>

#include "stance/stance.h"

#define STRUCT(name) printf("struct %s %zu\n", #name, sizeof(struct name))
#define FIELD(name, field) printf("  %s %zu\n", #field, offsetof(struct name, field))

static void print_data(void)
{
    STRUCT(stance_tensor);
    FIELD(stance_tensor, dtype);
    FIELD(stance_tensor, rank);
    FIELD(stance_tensor, dims);
    FIELD(stance_tensor, data);
    STRUCT(stance_bytes);
    FIELD(stance_bytes, data);
    FIELD(stance_bytes, size);
    STRUCT(stance_image);
    FIELD(stance_image, width);
    FIELD(stance_image, height);
    FIELD(stance_image, format);
    FIELD(stance_image, color);
    FIELD(stance_image, plane);
    FIELD(stance_image, stride);
    FIELD(stance_image, owner);
}

static void print_session(void)
{
    STRUCT(stance_session_options);
    FIELD(stance_session_options, struct_size);
    FIELD(stance_session_options, device);
    FIELD(stance_session_options, threads);
    FIELD(stance_session_options, tier);
    FIELD(stance_session_options, profile);
    STRUCT(stance_profile_step);
    FIELD(stance_profile_step, type);
    FIELD(stance_profile_step, name);
    FIELD(stance_profile_step, method);
    FIELD(stance_profile_step, shape);
    FIELD(stance_profile_step, nanoseconds);
    FIELD(stance_profile_step, multiply_adds);
    FIELD(stance_profile_step, bytes);
}

static void print_eval(void)
{
    STRUCT(stance_eval_options);
    FIELD(stance_eval_options, struct_size);
    FIELD(stance_eval_options, kind);
    FIELD(stance_eval_options, keypoint_set);
    FIELD(stance_eval_options, single_person);
    STRUCT(stance_eval_picture);
    FIELD(stance_eval_picture, id);
    FIELD(stance_eval_picture, file);
    FIELD(stance_eval_picture, width);
    FIELD(stance_eval_picture, height);
    FIELD(stance_eval_picture, truth_count);
    FIELD(stance_eval_picture, truth_boxes);
    FIELD(stance_eval_picture, truth_ids);
    FIELD(stance_eval_picture, found_count);
    FIELD(stance_eval_picture, found_boxes);
    FIELD(stance_eval_picture, found_scores);
    STRUCT(stance_eval_number);
    FIELD(stance_eval_number, name);
    FIELD(stance_eval_number, value);
}

static void print_inspection(void)
{
    STRUCT(stance_inspection);
    FIELD(stance_inspection, path);
    FIELD(stance_inspection, opset);
    FIELD(stance_inspection, node_count);
    FIELD(stance_inspection, parameters);
    FIELD(stance_inspection, multiply_adds);
    FIELD(stance_inspection, family);
    FIELD(stance_inspection, family_note);
    FIELD(stance_inspection, batch_note);
    FIELD(stance_inspection, input_count);
    FIELD(stance_inspection, output_count);
    FIELD(stance_inspection, inputs);
    FIELD(stance_inspection, outputs);
    FIELD(stance_inspection, input_names);
    FIELD(stance_inspection, output_names);
    FIELD(stance_inspection, operator_count);
    FIELD(stance_inspection, operators);
    FIELD(stance_inspection, operator_uses);
    FIELD(stance_inspection, graph_before);
    FIELD(stance_inspection, graph_after);
}

static void print_pose(void)
{
    STRUCT(stance_keypoint_set);
    FIELD(stance_keypoint_set, name);
    FIELD(stance_keypoint_set, count);
    FIELD(stance_keypoint_set, names);
    FIELD(stance_keypoint_set, colors);
    FIELD(stance_keypoint_set, sigmas);
    FIELD(stance_keypoint_set, flip);
    FIELD(stance_keypoint_set, edge_count);
    FIELD(stance_keypoint_set, edges);
    FIELD(stance_keypoint_set, edge_colors);
    STRUCT(stance_keypoint);
    FIELD(stance_keypoint, x);
    FIELD(stance_keypoint, y);
    FIELD(stance_keypoint, score);
    STRUCT(stance_person);
    FIELD(stance_person, box);
    FIELD(stance_person, box_score);
    FIELD(stance_person, score);
    FIELD(stance_person, keypoints);
    STRUCT(stance_pose_result);
    FIELD(stance_pose_result, width);
    FIELD(stance_pose_result, height);
    FIELD(stance_pose_result, person_count);
    FIELD(stance_pose_result, people);
    FIELD(stance_pose_result, keypoint_set);
    FIELD(stance_pose_result, detect_ns);
    FIELD(stance_pose_result, pose_ns);
}

static void print_options(void)
{
    STRUCT(stance_pose_options);
    FIELD(stance_pose_options, struct_size);
    FIELD(stance_pose_options, detector);
    FIELD(stance_pose_options, pose);
    FIELD(stance_pose_options, device);
    FIELD(stance_pose_options, threads);
    FIELD(stance_pose_options, center);
    FIELD(stance_pose_options, detector_threshold);
    FIELD(stance_pose_options, nms_threshold);
    FIELD(stance_pose_options, max_people);
    FIELD(stance_pose_options, flip_test);
    STRUCT(stance_draw_options);
    FIELD(stance_draw_options, struct_size);
    FIELD(stance_draw_options, keypoint_threshold);
    FIELD(stance_draw_options, radius);
    FIELD(stance_draw_options, thickness);
    FIELD(stance_draw_options, boxes);
    FIELD(stance_draw_options, scores);
    FIELD(stance_draw_options, style);
    FIELD(stance_draw_options, ids);
    FIELD(stance_draw_options, labels);
    FIELD(stance_draw_options, caption);
    STRUCT(stance_result_format);
    FIELD(stance_result_format, name);
    FIELD(stance_result_format, summary);
    FIELD(stance_result_format, folder);
    STRUCT(stance_result_item);
    FIELD(stance_result_item, struct_size);
    FIELD(stance_result_item, file);
    FIELD(stance_result_item, frame);
    FIELD(stance_result_item, time_us);
    FIELD(stance_result_item, image_id);
    FIELD(stance_result_item, result);
    FIELD(stance_result_item, ids);
    FIELD(stance_result_item, labels);
    FIELD(stance_result_item, error);
}

static void print_video(void)
{
    STRUCT(stance_video_options);
    FIELD(stance_video_options, struct_size);
    FIELD(stance_video_options, threads);
    FIELD(stance_video_options, live);
    FIELD(stance_video_options, writable);
    FIELD(stance_video_options, audio);
    FIELD(stance_video_options, width);
    FIELD(stance_video_options, height);
    FIELD(stance_video_options, frame_rate);
    FIELD(stance_video_options, timeout_us);
    FIELD(stance_video_options, reconnects);
    FIELD(stance_video_options, backoff_us);
    FIELD(stance_video_options, backoff_most_us);
    STRUCT(stance_video_info);
    FIELD(stance_video_info, width);
    FIELD(stance_video_info, height);
    FIELD(stance_video_info, live);
    FIELD(stance_video_info, rotation);
    FIELD(stance_video_info, frame_rate);
    FIELD(stance_video_info, duration_us);
    FIELD(stance_video_info, frame_count);
    FIELD(stance_video_info, has_audio);
    FIELD(stance_video_info, container);
    FIELD(stance_video_info, codec);
    STRUCT(stance_video_frame);
    FIELD(stance_video_frame, image);
    FIELD(stance_video_frame, index);
    FIELD(stance_video_frame, time_us);
    FIELD(stance_video_frame, duration_us);
    FIELD(stance_video_frame, epoch);
    FIELD(stance_video_frame, code);
    FIELD(stance_video_frame, cause);
    STRUCT(stance_video_stats);
    FIELD(stance_video_stats, state);
    FIELD(stance_video_stats, epoch);
    FIELD(stance_video_stats, frames);
    FIELD(stance_video_stats, damaged);
    FIELD(stance_video_stats, dropped);
    FIELD(stance_video_stats, corrected);
    STRUCT(stance_video_writer_options);
    FIELD(stance_video_writer_options, struct_size);
    FIELD(stance_video_writer_options, crf);
    FIELD(stance_video_writer_options, codec);
    FIELD(stance_video_writer_options, preset);
    FIELD(stance_video_writer_options, threads);
    FIELD(stance_video_writer_options, width);
    FIELD(stance_video_writer_options, height);
    FIELD(stance_video_writer_options, audio);
    FIELD(stance_video_writer_options, frame_rate);
    FIELD(stance_video_writer_options, source);
}

int main(void)
{
    print_data();
    print_session();
    print_inspection();
    print_eval();
    print_pose();
    print_options();
    print_video();
    return 0;
}
