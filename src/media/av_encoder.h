/* Video encoders by name: found, set up, opened, or refused with a reason. */
#ifndef MEDIA_AV_ENCODER_H
#define MEDIA_AV_ENCODER_H

#include <libavcodec/avcodec.h>

#include <stdbool.h>

#include "base/errors.h"
#include "stance/video.h"

/* What an encoder makes of our options. */
struct media_encoder_kind {
    const char *name;          /* FFmpeg's; NULL: all others */
    const char *quality;       /* its option for constant quality; NULL: none */
    const char *speed;         /* its option for the preset; NULL: none */
    const char *default_speed; /* NULL: its own */
    const char *speeds;        /* the only words for it, each with a space behind; NULL: unknown */
    int default_quality;       /* -1: its own */
    const char *always;        /* "key=value,…" in any case; NULL: nothing */
};

struct media_encoder {
    const AVCodec *codec;
    const struct media_encoder_kind *kind;
    int crf, threads;
    const char *preset;
};

/* `codec` NULL: `otherwise`. Errors: EUNSUPPORTED, EARGUMENT. */
int media_encoder_find(struct media_encoder *out, const struct stance_video_writer_options *options,
                       const char *otherwise);

/* What is to be encoded. */
struct media_encoder_input {
    int width, height;
    AVRational time_base, frame_rate, aspect;
    enum AVColorSpace color_space;
    enum AVColorRange color_range;
    bool global_header;
};

/* Errors: EARGUMENT, EDEVICE, EUNSUPPORTED, ENOMEMORY. */
int media_encoder_open(AVCodecContext **out, const struct media_encoder *encoder,
                       const struct media_encoder_input *input);

/* One line: "libx264, crf 23, preset veryfast". */
void media_encoder_describe(const struct media_encoder *encoder, char *text, size_t size);

#endif
