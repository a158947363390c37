/* A demuxer with its decoder: what files, network streams and cameras have in common. */
#ifndef MEDIA_AV_SOURCE_H
#define MEDIA_AV_SOURCE_H

#include "media/source.h"

struct AVDictionary;

struct media_av_input {
    const struct media_source_kind *kind;
    const char *url;    /* for FFmpeg; NULL: read from `descriptor` */
    const char *name;   /* for people */
    const char *format; /* FFmpeg's name of the demuxer; NULL: found by content */
    int descriptor;     /* of a file or pipe; closed with the source unless it is 0 */
    struct AVDictionary **settings;
    bool network, device;
};

/* Errors: see stance_video_reader_open(). */
int media_av_source_open(struct media_source **out, const struct media_av_input *input,
                         const struct media_request *request);
int media_av_source_next(struct media_source *source, struct stance_video_frame *frame);
void media_av_source_close(struct media_source *source);

#endif
