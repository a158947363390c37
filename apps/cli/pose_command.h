/* The files behind `stance pose`: what was asked for, and the two ways of doing it. */
#ifndef CLI_POSE_COMMAND_H
#define CLI_POSE_COMMAND_H

#include "command.h"
#include "pose_models.h"
#include "stance/stance.h"
#include "tracker_values.h"

struct pose_values {
    struct cli_list boxes;
    struct cli_pose_choice choice;
    const char *output, *json, *data, *format, *keypoint_set;
    const char *style, *draw, *fill, *codec, *preset;
    float keypoint_threshold, radius, thickness;
    struct stance_stream_options stream;
    int infer_every, overlay_every, max_frames, crf;
    struct tracker_values tracker;
    bool no_audio, show, quiet;
};

/* Models, pipeline and data writer, shared by both ways. */
struct pose_job {
    struct pose_values values;
    struct cli_pose_models models;
    struct stance_pose *pose;
    struct stance_result_writer *writer;
    struct stance_draw_options style;
    float boxes[CLI_MAX_LIST][4];
    bool draws_ids, draws_fps;
};

/* Whether an input is a video, a camera or a stream, and not a picture. */
bool pose_is_video(const char *input);
/* Whether a path's ending is that of a video that can be written. */
bool pose_is_video_output(const char *path);

/* Opens the writer of --json or --data, if one is asked for; an exit code after messages. */
int pose_open_data(struct pose_job *job);

/* Both return an exit code after messages. `pose_videos` takes each input as a stream. */
int pose_pictures(struct pose_job *job, char **inputs, int count);
int pose_videos(struct pose_job *job, char **inputs, int count);

/* Where the drawing of `input` goes: OUT itself, OUT/NAME.suffix for a folder, or NAME_pose.suffix in
 * the present folder; false when that is too long. `suffix` has its dot. */
bool pose_output_name(const struct pose_job *job, const char *input, bool to_folder,
                      const char *suffix, char *path, size_t size);

#endif
