/* FFmpeg's messages and error codes as ours. */
#ifndef MEDIA_AV_LOG_H
#define MEDIA_AV_LOG_H

#include "base/errors.h"

/* FFmpeg's messages go to base/log.h from now on, unless the program has set a level of its own. */
void media_av_log_open(void);

/* Forgets, and gives, what FFmpeg last complained about on this thread; "" for nothing. */
void media_av_log_clear(void);
const char *media_av_log_last(void);

/* A negative AVERROR as "sentence start: reason"; the code is `otherwise` where FFmpeg's says no
 * better. */
int media_av_error(int error, int otherwise, const char *format, ...) BASE_PRINTF(3, 4);

#endif
