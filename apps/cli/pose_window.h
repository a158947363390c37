/* `stance pose --show`: the first input's frames in a window, and its keys. */
#ifndef CLI_POSE_WINDOW_H
#define CLI_POSE_WINDOW_H

#include "pose_video.h"

/* CLI_OK, or an exit code after a message: there is no screen, or no window in this build. */
int pose_window_open(struct video_job *job);
void pose_window_close(struct video_job *job);

/* Whether frames of this input are wanted. Any thread. */
bool pose_window_wants(const struct video_input *input);

/* Hands over a drawn frame; it is copied where a video is written, too. `seconds`: since it was
 * read. The output's thread. */
void pose_window_take(struct video_input *input, struct stance_image *image, double seconds);

/* Shows the newest frame and does what the keys say; waits while paused. The main thread. */
void pose_window_update(struct video_job *job);

#endif
