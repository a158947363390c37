/* FFmpeg's messages, line by line, into base/log.h; the last complaint is kept to explain
 * errors. */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <libavutil/error.h>
#include <libavutil/log.h>

#include "base/log.h"
#include "media/av_log.h"

enum { LINE_BYTES = 256 };

static _Thread_local char complaint[LINE_BYTES];

/* What FFmpeg calls an error is mostly damage in the input, which is reported with its frame. */
static void take_message(void *context, int level, const char *format, va_list arguments)
{
    char line[LINE_BYTES];
    static _Thread_local int prefix = 1;
    if (level > AV_LOG_WARNING)
        return;
    av_log_format_line2(context, level, format, arguments, line, sizeof line, &prefix);
    line[strcspn(line, "\r\n")] = 0;
    if (!line[0])
        return;
    if (level <= AV_LOG_ERROR) {
        const char *text = strncmp(line, "[", 1) == 0 ? strstr(line, "] ") : NULL;
        snprintf(complaint, sizeof complaint, "%s", text ? text + 2 : line);
    }
    base_log(level <= AV_LOG_ERROR ? BASE_LOG_INFO : BASE_LOG_DEBUG, "FFmpeg: %s", line);
}

static void install(void)
{
    if (av_log_get_level() == AV_LOG_INFO)
        av_log_set_callback(take_message);
}

void media_av_log_open(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, install);
}

void media_av_log_clear(void)
{
    complaint[0] = 0;
}

const char *media_av_log_last(void)
{
    return complaint;
}

static int code_of(int error, int otherwise)
{
    switch (error) {
    case AVERROR(ENOMEM): return STANCE_ENOMEMORY;
    case AVERROR(ENOENT): return STANCE_ENOTFOUND;
    case AVERROR(EIO):
    case AVERROR(ENOSPC):
    case AVERROR(EPIPE):
    case AVERROR(ETIMEDOUT):
    case AVERROR(ECONNREFUSED):
    case AVERROR_HTTP_SERVER_ERROR: return STANCE_EIO;
    case AVERROR_HTTP_NOT_FOUND: return STANCE_ENOTFOUND;
    case AVERROR_EXIT: return STANCE_ECANCELLED;
    case AVERROR_PATCHWELCOME:
    case AVERROR(ENOSYS):
    case AVERROR_PROTOCOL_NOT_FOUND:
    case AVERROR_DECODER_NOT_FOUND: return STANCE_EUNSUPPORTED;
    default: return otherwise;
    }
}

int media_av_error(int error, int otherwise, const char *format, ...)
{
    char start[768], reason[AV_ERROR_MAX_STRING_SIZE] = "";
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(start, sizeof start, format, arguments);
    va_end(arguments);
    av_strerror(error, reason, sizeof reason);
    if (complaint[0])
        return base_error(code_of(error, otherwise), "%s: %s (%s)", start, reason, complaint);
    return base_error(code_of(error, otherwise), "%s: %s", start, reason);
}
