/* Encoders of libavcodec and their dialects. */
#include <stdio.h>
#include <string.h>

#include <libavutil/dict.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>

#include "media/av_encoder.h"
#include "media/av_log.h"

/* libx264 and libx265 complain about other words on stderr by themselves. */
static const char x26x_speeds[] =
    "ultrafast superfast veryfast faster fast medium slow slower veryslow placebo ";

static const struct media_encoder_kind kinds[] = {
    {"libx264", "crf", "preset", "veryfast", x26x_speeds, 23, NULL},
    {"libx265", "crf", "preset", "veryfast", x26x_speeds, 28, "x265-params=log-level=-1"},
    {"libvpx-vp9", "crf", "cpu-used", "7", NULL, 32, "deadline=realtime,row-mt=1"},
    {"libvpx", "crf", "cpu-used", "8", NULL, 10, "deadline=realtime,b=2000000"},
    {"libaom-av1", "crf", "cpu-used", "8", NULL, 32, "usage=realtime,row-mt=1"},
    {"libsvtav1", "crf", "preset", "10", NULL, 35, NULL},
    {"h264_nvenc", "cq", "preset", "p4", NULL, 23, "rc=vbr"},
    {"hevc_nvenc", "cq", "preset", "p4", NULL, 28, "rc=vbr"},
    /* quantisers 4 and 3, in FFmpeg's unit of 1/118 */
    {"mpeg4", NULL, NULL, NULL, NULL, -1, "flags=+qscale,global_quality=472"},
    {"mjpeg", NULL, NULL, NULL, NULL, -1, "flags=+qscale,global_quality=354,threads=1"},
    {NULL, "crf", "preset", NULL, NULL, -1, NULL},
};

static bool is_hardware(const AVCodec *codec)
{
    return codec->capabilities & (AV_CODEC_CAP_HARDWARE | AV_CODEC_CAP_HYBRID);
}

int media_encoder_find(struct media_encoder *out, const struct stance_video_writer_options *options,
                       const char *otherwise)
{
    const char *name = options->codec && options->codec[0] ? options->codec : otherwise;
    const AVCodec *codec = avcodec_find_encoder_by_name(name);
    const AVCodecDescriptor *described = codec ? NULL : avcodec_descriptor_get_by_name(name);
    if (described)
        codec = avcodec_find_encoder(described->id);
    if (!codec)
        return base_error(STANCE_EUNSUPPORTED,
                          described
                              ? "this build of FFmpeg has no encoder for %s"
                              : "there is no video encoder called '%s' in this build of FFmpeg",
                          name);
    if (codec->type != AVMEDIA_TYPE_VIDEO)
        return base_error(STANCE_EARGUMENT, "'%s' does not encode video", name);
    const struct media_encoder_kind *kind = kinds;
    while (kind->name && strcmp(kind->name, codec->name) != 0)
        kind++;
    *out = (struct media_encoder){codec, kind, options->crf, options->threads, options->preset};
    if (out->crf < 0)
        out->crf = kind->default_quality;
    if (!out->preset || !out->preset[0])
        out->preset = kind->default_speed;
    if (out->crf > 63)
        return base_error(STANCE_EARGUMENT, "a quality (crf) of %d; use 0 … 63", out->crf);
    return 0;
}

/* The first that needs no frames in a graphics card's memory. */
static enum AVPixelFormat choose_format(const AVCodec *codec)
{
    for (const enum AVPixelFormat *at = codec->pix_fmts; at && *at != AV_PIX_FMT_NONE; at++)
        if (*at == AV_PIX_FMT_YUV420P || *at == AV_PIX_FMT_YUVJ420P || *at == AV_PIX_FMT_NV12)
            return *at;
    return codec->pix_fmts ? AV_PIX_FMT_NONE : AV_PIX_FMT_YUV420P;
}

/* An option of the encoder's own or of all encoders. */
static int set_option(AVCodecContext *context, const struct media_encoder *encoder, const char *key,
                      const char *value, const char *what)
{
    int error =
        key ? av_opt_set(context, key, value, AV_OPT_SEARCH_CHILDREN) : AVERROR_OPTION_NOT_FOUND;
    if (error == AVERROR_OPTION_NOT_FOUND)
        return base_error(STANCE_EARGUMENT, "the encoder %s has no %s", encoder->codec->name, what);
    if (error < 0)
        return base_error(STANCE_EARGUMENT, "the encoder %s does not take the %s '%s'",
                          encoder->codec->name, what, value);
    return 0;
}

static int set_always(AVCodecContext *context, const struct media_encoder *encoder)
{
    AVDictionary *pairs = NULL;
    const AVDictionaryEntry *entry = NULL;
    int code = 0;
    if (encoder->kind->always &&
        av_dict_parse_string(&pairs, encoder->kind->always, "=", ",", 0) < 0)
        code = base_error_memory(0, "settings of an encoder");
    while (code == 0 && (entry = av_dict_get(pairs, "", entry, AV_DICT_IGNORE_SUFFIX)))
        code = set_option(context, encoder, entry->key, entry->value, entry->key);
    av_dict_free(&pairs);
    return code;
}

/* Whether `word` is one of those in `list`. */
static bool is_listed(const char *list, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = list; (at = strstr(at, word)); at += length)
        if ((at == list || at[-1] == ' ') && at[length] == ' ')
            return true;
    return false;
}

static int set_options(AVCodecContext *context, const struct media_encoder *encoder)
{
    char number[16];
    if (encoder->crf >= 0) {
        context->bit_rate = 0;
        snprintf(number, sizeof number, "%d", encoder->crf);
        BASE_TRY(set_option(context, encoder, encoder->kind->quality, number, "quality (crf)"));
    }
    if (encoder->preset && encoder->kind->speeds &&
        !is_listed(encoder->kind->speeds, encoder->preset))
        return base_error(STANCE_EARGUMENT, "the encoder %s does not take the preset '%s': use %s",
                          encoder->codec->name, encoder->preset, encoder->kind->speeds);
    if (encoder->preset)
        BASE_TRY(set_option(context, encoder, encoder->kind->speed, encoder->preset, "preset"));
    return set_always(context, encoder);
}

static void describe_input(AVCodecContext *context, const struct media_encoder *encoder,
                           const struct media_encoder_input *input)
{
    context->width = input->width;
    context->height = input->height;
    context->time_base = input->time_base;
    context->framerate = input->frame_rate;
    context->sample_aspect_ratio = input->aspect;
    context->colorspace = input->color_space;
    context->color_range = input->color_range;
    context->thread_count = encoder->threads > 0 ? encoder->threads : 2;
    if (input->global_header)
        context->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
}

static int open_context(AVCodecContext *context, const struct media_encoder *encoder,
                        const struct media_encoder_input *input)
{
    context->pix_fmt = choose_format(encoder->codec);
    if (context->pix_fmt == AV_PIX_FMT_NONE)
        return base_error(STANCE_EUNSUPPORTED,
                          "the encoder %s takes no YUV 4:2:0 pictures from memory",
                          encoder->codec->name);
    describe_input(context, encoder, input);
    if (context->pix_fmt == AV_PIX_FMT_YUVJ420P)
        context->color_range = AVCOL_RANGE_JPEG;
    BASE_TRY(set_options(context, encoder));
    media_av_log_clear();
    int error = avcodec_open2(context, encoder->codec, NULL);
    if (error == AVERROR(ENOMEM))
        return base_error_memory(0, "an encoder");
    if (error < 0 && is_hardware(encoder->codec))
        return media_av_error(AVERROR_EXTERNAL, STANCE_EDEVICE,
                              "the hardware encoder %s cannot be used on this machine",
                              encoder->codec->name);
    if (error < 0)
        return media_av_error(error, STANCE_EARGUMENT, "the encoder %s cannot be opened for %d×%d",
                              encoder->codec->name, input->width, input->height);
    return 0;
}

int media_encoder_open(AVCodecContext **out, const struct media_encoder *encoder,
                       const struct media_encoder_input *input)
{
    *out = avcodec_alloc_context3(encoder->codec);
    if (!*out)
        return base_error_memory(sizeof **out, "an encoder");
    int code = open_context(*out, encoder, input);
    if (code < 0)
        avcodec_free_context(out);
    return code;
}

void media_encoder_describe(const struct media_encoder *encoder, char *text, size_t size)
{
    char quality[24] = "";
    if (encoder->crf >= 0)
        snprintf(quality, sizeof quality, ", crf %d", encoder->crf);
    snprintf(text, size, "%s%s%s%s", encoder->codec->name, quality,
             encoder->preset ? ", preset " : "", encoder->preset ? encoder->preset : "");
}
