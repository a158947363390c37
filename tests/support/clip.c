/* Small videos by FFmpeg's own libraries. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/pixdesc.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/clip.h"

enum { RATE = 8000 };

struct maker {
    AVFormatContext *format;
    AVCodecContext *video, *sound;
    AVPacket *packet;
};

int clip_luma(int number)
{
    return 40 + number * 7 % 160;
}

static void must(int error, const char *what)
{
    if (error < 0)
        fail_msg("clip: %s: %s", what, av_err2str(error));
}

/* Gradients that move with the number, and the quarter that tells it. Any YUV, grey or RGB format. */
static void paint(AVFrame *frame, int number)
{
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get((enum AVPixelFormat)frame->format);
    int planes = av_pix_fmt_count_planes((enum AVPixelFormat)frame->format);
    int bytes = format->comp[0].depth > 8 ? 2 : 1, shift = format->comp[0].depth - 8;
    for (int i = 0; i < planes; i++) {
        bool chroma = i > 0 && !(format->flags & AV_PIX_FMT_FLAG_RGB);
        int width = chroma ? -(-frame->width >> format->log2_chroma_w) : frame->width;
        int height = chroma ? -(-frame->height >> format->log2_chroma_h) : frame->height;
        int step = format->comp[0].step / bytes;
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width * step; x++) {
                bool quarter = x / step < width / 2 && y < height / 2;
                int value = chroma    ? 128 + (i == 1 ? 20 : -20)
                            : quarter ? clip_luma(number)
                                      : 30 + (x + y + 3 * number) % 190;
                uint8_t *at = frame->data[i] + y * frame->linesize[i] + x * bytes;
                if (bytes == 1)
                    *at = (uint8_t)value;
                else
                    *(uint16_t *)(void *)at = (uint16_t)(value << shift);
            }
    }
}

static AVCodecContext *open_codec(struct maker *maker, const char *name)
{
    const AVCodec *codec = avcodec_find_encoder_by_name(name);
    if (!codec)
        fail_msg("clip: no encoder %s", name);
    AVCodecContext *context = avcodec_alloc_context3(codec);
    assert_non_null(context);
    context->thread_count = 1;
    if (maker->format->oformat->flags & AVFMT_GLOBALHEADER)
        context->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    return context;
}

static void add_stream(struct maker *maker, AVCodecContext *context, const struct clip *clip)
{
    AVDictionary *extra = NULL;
    if (clip->extra && context->codec_type == AVMEDIA_TYPE_VIDEO)
        must(av_dict_parse_string(&extra, clip->extra, "=", ",", 0), "options");
    must(avcodec_open2(context, NULL, &extra), "open encoder");
    av_dict_free(&extra);
    AVStream *stream = avformat_new_stream(maker->format, NULL);
    assert_non_null(stream);
    must(avcodec_parameters_from_context(stream->codecpar, context), "parameters");
    stream->time_base = context->time_base;
    stream->avg_frame_rate = context->framerate;
    if (context->codec_type == AVMEDIA_TYPE_VIDEO && clip->matrix) {
        uint8_t *data = av_stream_new_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, 36);
        assert_non_null(data);
        memcpy(data, clip->matrix, 36);
    }
}

static void open_maker(struct maker *maker, const char *path, const struct clip *clip)
{
    must(avformat_alloc_output_context2(&maker->format, NULL, clip->muxer, path), "muxer");
    AVCodecContext *video = maker->video =
        open_codec(maker, clip->encoder ? clip->encoder : "mpeg4");
    video->width = clip->width;
    video->height = clip->height;
    video->pix_fmt = av_get_pix_fmt(clip->pixels ? clip->pixels : "yuv420p");
    video->time_base = (AVRational){1, clip->times_ms ? 1000 : 25};
    video->framerate = (AVRational){25, 1};
    video->gop_size = clip->gop ? clip->gop : 12;
    video->bit_rate = 2000000;
    add_stream(maker, video, clip);
    if (clip->audio) {
        AVCodecContext *sound = maker->sound = open_codec(maker, clip->audio);
        sound->sample_rate = RATE;
        sound->sample_fmt = sound->codec->sample_fmts[0];
        av_channel_layout_default(&sound->ch_layout, 1);
        sound->time_base = (AVRational){1, RATE};
        sound->strict_std_compliance = FF_COMPLIANCE_EXPERIMENTAL;
        add_stream(maker, sound, clip);
    }
    AVDictionary *options = NULL;
    if (clip->options)
        must(av_dict_parse_string(&options, clip->options, "=", ",", 0), "options");
    must(avio_open(&maker->format->pb, path, AVIO_FLAG_WRITE), path);
    must(avformat_write_header(maker->format, &options), "header");
    av_dict_free(&options);
    maker->packet = av_packet_alloc();
}

static void encode(struct maker *maker, AVCodecContext *codec, int index, AVFrame *frame)
{
    must(avcodec_send_frame(codec, frame), "encode");
    for (;;) {
        int error = avcodec_receive_packet(codec, maker->packet);
        if (error == AVERROR(EAGAIN) || error == AVERROR_EOF)
            return;
        must(error, "encode");
        if (codec->codec_type == AVMEDIA_TYPE_VIDEO && maker->packet->duration == 0)
            maker->packet->duration = codec->time_base.den == 25 ? 1 : 40;
        av_packet_rescale_ts(maker->packet, codec->time_base,
                             maker->format->streams[index]->time_base);
        maker->packet->stream_index = index;
        must(av_interleaved_write_frame(maker->format, maker->packet), "write");
    }
}

static void make_sound(struct maker *maker, int64_t milliseconds)
{
    AVCodecContext *codec = maker->sound;
    int size = codec->frame_size ? codec->frame_size : 160;
    for (int64_t at = 0; at < milliseconds * RATE / 1000; at += size) {
        AVFrame *frame = av_frame_alloc();
        frame->nb_samples = size;
        frame->format = codec->sample_fmt;
        frame->sample_rate = RATE;
        av_channel_layout_copy(&frame->ch_layout, &codec->ch_layout);
        frame->pts = at;
        must(av_frame_get_buffer(frame, 0), "sound");
        memset(frame->data[0], 0, (size_t)frame->linesize[0]);
        encode(maker, codec, 1, frame);
        av_frame_free(&frame);
    }
    encode(maker, codec, 1, NULL);
}

static void make_frames(struct maker *maker, const struct clip *clip)
{
    for (int i = 0; i < clip->frames; i++) {
        AVFrame *frame = av_frame_alloc();
        frame->width = clip->width;
        frame->height = clip->height;
        frame->format = maker->video->pix_fmt;
        must(av_frame_get_buffer(frame, 0), "frame");
        paint(frame, clip->first + i);
        frame->pts = clip->times_ms ? clip->times_ms[i] : i;
        encode(maker, maker->video, 0, frame);
        av_frame_free(&frame);
    }
    encode(maker, maker->video, 0, NULL);
}

void clip_make(const char *path, const struct clip *wanted)
{
    struct clip clip = *wanted;
    struct maker maker = {0};
    clip.width = clip.width ? clip.width : 64;
    clip.height = clip.height ? clip.height : 48;
    clip.frames = clip.frames ? clip.frames : 20;
    open_maker(&maker, path, &clip);
    if (clip.audio)
        make_sound(&maker, clip.frames * 40);
    make_frames(&maker, &clip);
    must(av_write_trailer(maker.format), "trailer");
    avio_closep(&maker.format->pb);
    avformat_free_context(maker.format);
    avcodec_free_context(&maker.video);
    avcodec_free_context(&maker.sound);
    av_packet_free(&maker.packet);
}

long clip_size(const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    fclose(file);
    return size;
}

void clip_append(const char *to, const char *from)
{
    FILE *in = fopen(from, "rb"), *out = fopen(to, "ab");
    assert_non_null(in);
    assert_non_null(out);
    for (int byte; (byte = fgetc(in)) != EOF;)
        fputc(byte, out);
    fclose(in);
    fclose(out);
}

void clip_cut(const char *path, long size)
{
    assert_int_equal(truncate(path, size), 0);
}

void clip_damage(const char *path, long at, long count)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    fseek(file, at, SEEK_SET);
    unsigned noise = 12345;
    for (long i = 0; i < count; i++) {
        noise = noise * 1103515245 + 12345;
        fputc((int)(noise >> 16 & 0xff), file);
    }
    fclose(file);
}
