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
    FIELD(stance_session_options, any_size);
    STRUCT(stance_limits);
    FIELD(stance_limits, struct_size);
    FIELD(stance_limits, float_gflops);
    FIELD(stance_limits, byte_gops);
    FIELD(stance_limits, cache_gb_s);
    FIELD(stance_limits, memory_gb_s);
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
    FIELD(stance_inspection, int8_multiply_adds);
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

static void print_card(void)
{
    STRUCT(stance_model_entry);
    FIELD(stance_model_entry, name);
    FIELD(stance_model_entry, path);
    FIELD(stance_model_entry, bytes);
    STRUCT(stance_model_list);
    FIELD(stance_model_list, count);
    FIELD(stance_model_list, entries);
    STRUCT(stance_card_metric);
    FIELD(stance_card_metric, name);
    FIELD(stance_card_metric, value);
    FIELD(stance_card_metric, low);
    FIELD(stance_card_metric, high);
    FIELD(stance_card_metric, note);
    STRUCT(stance_card);
    FIELD(stance_card, path);
    FIELD(stance_card, name);
    FIELD(stance_card, title);
    FIELD(stance_card, family);
    FIELD(stance_card, keypoint_set);
    FIELD(stance_card, refine);
    FIELD(stance_card, storage);
    FIELD(stance_card, sha256);
    FIELD(stance_card, file);
    FIELD(stance_card, member);
    FIELD(stance_card, checkpoint);
    FIELD(stance_card, licence);
    FIELD(stance_card, training_data);
    FIELD(stance_card, notice);
    FIELD(stance_card, builtin);
    FIELD(stance_card, width);
    FIELD(stance_card, height);
    FIELD(stance_card, bgr);
    FIELD(stance_card, mean);
    FIELD(stance_card, std);
    FIELD(stance_card, parameters);
    FIELD(stance_card, multiply_adds);
    FIELD(stance_card, metric_count);
    FIELD(stance_card, metrics);
    FIELD(stance_card, url_count);
    FIELD(stance_card, urls);
    FIELD(stance_card, json);
    STRUCT(stance_store_options);
    FIELD(stance_store_options, struct_size);
    FIELD(stance_store_options, folder);
    FIELD(stance_store_options, mirror);
    FIELD(stance_store_options, stall_seconds);
    FIELD(stance_store_options, replace);
    FIELD(stance_store_options, progress);
    FIELD(stance_store_options, failed);
    FIELD(stance_store_options, stored);
    FIELD(stance_store_options, context);
}

static void print_quantize(void)
{
    STRUCT(stance_quantize_options);
    FIELD(stance_quantize_options, struct_size);
    FIELD(stance_quantize_options, method);
    FIELD(stance_quantize_options, threads);
    FIELD(stance_quantize_options, correct_biases);
    FIELD(stance_quantize_options, equalize);
    FIELD(stance_quantize_options, max_inputs);
    FIELD(stance_quantize_options, progress);
    FIELD(stance_quantize_options, context);
    STRUCT(stance_quantize_layer);
    FIELD(stance_quantize_layer, name);
    FIELD(stance_quantize_layer, type);
    FIELD(stance_quantize_layer, role);
    FIELD(stance_quantize_layer, quantized);
    FIELD(stance_quantize_layer, multiply_adds);
    FIELD(stance_quantize_layer, method);
    FIELD(stance_quantize_layer, low);
    FIELD(stance_quantize_layer, high);
    FIELD(stance_quantize_layer, least);
    FIELD(stance_quantize_layer, most);
    FIELD(stance_quantize_layer, error);
    FIELD(stance_quantize_layer, bin_count);
    FIELD(stance_quantize_layer, bin_low);
    FIELD(stance_quantize_layer, bin_high);
    FIELD(stance_quantize_layer, bins);
    STRUCT(stance_agreement_numbers);
    FIELD(stance_agreement_numbers, pictures);
    FIELD(stance_agreement_numbers, people);
    FIELD(stance_agreement_numbers, likeness);
    FIELD(stance_agreement_numbers, closeness);
    FIELD(stance_agreement_numbers, pixels);
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
    FIELD(stance_person, detector_class);
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
    STRUCT(stance_pose_times);
    FIELD(stance_pose_times, letterbox);
    FIELD(stance_pose_times, crop);
    FIELD(stance_pose_times, network);
    FIELD(stance_pose_times, decode);
    STRUCT(stance_pose_options);
    FIELD(stance_pose_options, struct_size);
    FIELD(stance_pose_options, detector);
    FIELD(stance_pose_options, pose);
    FIELD(stance_pose_options, device);
    FIELD(stance_pose_options, threads);
    FIELD(stance_pose_options, center);
    FIELD(stance_pose_options, detector_threshold);
    FIELD(stance_pose_options, nms_threshold);
    FIELD(stance_pose_options, pose_oks);
    FIELD(stance_pose_options, max_people);
    FIELD(stance_pose_options, flip_test);
    FIELD(stance_pose_options, refine);
    FIELD(stance_pose_options, keypoint_set);
    FIELD(stance_pose_options, detector_size);
    FIELD(stance_pose_options, pose_size);
    FIELD(stance_pose_options, detector_classes);
    FIELD(stance_pose_options, full_input);
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

static void print_track(void)
{
    STRUCT(stance_tracker_options);
    FIELD(stance_tracker_options, struct_size);
    FIELD(stance_tracker_options, mode);
    FIELD(stance_tracker_options, keypoint_count);
    FIELD(stance_tracker_options, sigmas);
    FIELD(stance_tracker_options, high_threshold);
    FIELD(stance_tracker_options, low_threshold);
    FIELD(stance_tracker_options, birth_threshold);
    FIELD(stance_tracker_options, match_cost);
    FIELD(stance_tracker_options, second_cost);
    FIELD(stance_tracker_options, unconfirmed_cost);
    FIELD(stance_tracker_options, fresh_cost);
    FIELD(stance_tracker_options, duplicate_iou);
    FIELD(stance_tracker_options, min_box_area);
    FIELD(stance_tracker_options, fuse_score);
    FIELD(stance_tracker_options, oks_weight);
    FIELD(stance_tracker_options, keypoint_threshold);
    FIELD(stance_tracker_options, min_keypoints);
    FIELD(stance_tracker_options, buffer_seconds);
    FIELD(stance_tracker_options, max_missing);
    FIELD(stance_tracker_options, min_hits);
    FIELD(stance_tracker_options, recover_iou);
    FIELD(stance_tracker_options, lost_cost);
    FIELD(stance_tracker_options, hidden_cost);
    FIELD(stance_tracker_options, recover_reach);
    FIELD(stance_tracker_options, recover_growth);
    FIELD(stance_tracker_options, position_weight);
    FIELD(stance_tracker_options, velocity_weight);
    FIELD(stance_tracker_options, measurement_weight);
    FIELD(stance_tracker_options, max_tracks);
    FIELD(stance_tracker_options, max_detections);
    STRUCT(stance_detection);
    FIELD(stance_detection, box);
    FIELD(stance_detection, score);
    FIELD(stance_detection, no_birth);
    FIELD(stance_detection, keypoints);
    STRUCT(stance_track);
    FIELD(stance_track, id);
    FIELD(stance_track, detection);
    FIELD(stance_track, state);
    FIELD(stance_track, box);
    FIELD(stance_track, velocity);
    FIELD(stance_track, score);
    FIELD(stance_track, hits);
    FIELD(stance_track, recovered);
    FIELD(stance_track, slot);
    FIELD(stance_track, born_us);
    FIELD(stance_track, seen_us);
    STRUCT(stance_tracker_counts);
    FIELD(stance_tracker_counts, frames);
    FIELD(stance_tracker_counts, clamped);
    FIELD(stance_tracker_counts, births);
    FIELD(stance_tracker_counts, refused);
    FIELD(stance_tracker_counts, dropped);
    FIELD(stance_tracker_counts, unusable);
    FIELD(stance_tracker_counts, alive);
    STRUCT(stance_mot_row);
    FIELD(stance_mot_row, frame);
    FIELD(stance_mot_row, id);
    FIELD(stance_mot_row, left);
    FIELD(stance_mot_row, top);
    FIELD(stance_mot_row, width);
    FIELD(stance_mot_row, height);
    FIELD(stance_mot_row, score);
}

static void print_stream(void)
{
    STRUCT(stance_stream_options);
    FIELD(stance_stream_options, struct_size);
    FIELD(stance_stream_options, detect_every);
    FIELD(stance_stream_options, detect_seconds);
    FIELD(stance_stream_options, support_seconds);
    FIELD(stance_stream_options, merge_iou);
    FIELD(stance_stream_options, box_scale);
    FIELD(stance_stream_options, keypoint_threshold);
    FIELD(stance_stream_options, smoothing);
    FIELD(stance_stream_options, min_cutoff);
    FIELD(stance_stream_options, beta);
    FIELD(stance_stream_options, derivative_cutoff);
    FIELD(stance_stream_options, tracker);
    STRUCT(stance_stream_result);
    FIELD(stance_stream_result, pose);
    FIELD(stance_stream_result, ids);
    FIELD(stance_stream_result, time_us);
    FIELD(stance_stream_result, measured);
    FIELD(stance_stream_result, detected);
    FIELD(stance_stream_result, track_ns);
    STRUCT(stance_stream_counts);
    FIELD(stance_stream_counts, measured);
    FIELD(stance_stream_counts, filled);
    FIELD(stance_stream_counts, detections);
    FIELD(stance_stream_counts, people);
    FIELD(stance_stream_counts, clamped);
    STRUCT(stance_stream_frame);
    FIELD(stance_stream_frame, stream);
    FIELD(stance_stream_frame, image);
    FIELD(stance_stream_frame, time_us);
    FIELD(stance_stream_frame, result);
}

int main(void)
{
    print_data();
    print_session();
    print_inspection();
    print_eval();
    print_card();
    print_quantize();
    print_pose();
    print_options();
    print_track();
    print_stream();
    print_video();
    return 0;
}
