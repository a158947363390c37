/* An open demuxer: bytes, time limits, and what foreign files may open in turn (nothing). */
#ifndef MEDIA_AV_INPUT_H
#define MEDIA_AV_INPUT_H

#include <libavformat/avformat.h>

#include "media/av_source.h"

struct media_av_reading {
    AVFormatContext *format;
    AVIOContext *io; /* our own, for files and pipes */
    int descriptor;
    bool regular; /* a file that can be asked for its size */
    atomic_int *cancel;
    int64_t timeout_ns, deadline_ns;
};

/* Opens and finds the streams. The struct must stay where it is until it is closed. */
int media_av_reading_open(struct media_av_reading *reading, const struct media_av_input *input,
                          const struct media_request *request);
void media_av_reading_close(struct media_av_reading *reading);

/* Network sources must answer within the time limit from now. */
void media_av_reading_begin(struct media_av_reading *reading);
bool media_av_reading_is_late(const struct media_av_reading *reading);

/* Whether the file's header announces more bytes than there are (AVI, Matroska). `size`: of the
 * whole file. */
bool media_is_cut_off(const uint8_t *head, size_t head_size, int64_t size);
/* Whether the file that is read ends before its header or index says; false for pipes. */
bool media_av_reading_is_cut_off(const struct media_av_reading *reading);

#endif
