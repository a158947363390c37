/* Pictures and copied audio into a video file: under a temporary name, checked, then renamed. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <libavformat/avformat.h>

#include "base/file.h"
#include "base/memory.h"
#include "media/audio_queue.h"
#include "media/av_encoder.h"
#include "media/av_frame.h"
#include "media/av_log.h"
#include "media/source.h"
#include "vision/pixel.h"

/* More frames than any encoder holds back. */
enum { HELD = 1024, DESCRIPTION_BYTES = 160 };

struct container {
    const char *ending, *muxer, *codec;
};

static const struct container containers[] = {
    {".mp4", "mp4", "h264"},      {".m4v", "mp4", "h264"},  {".mov", "mov", "h264"},
    {".mkv", "matroska", "h264"}, {".webm", "webm", "vp9"}, {NULL, NULL, NULL},
};

struct stance_video_writer {
    char *path, part[BASE_PATH_BYTES];
    char description[DESCRIPTION_BYTES], preset[32];
    const struct container *container;
    struct stance_video_writer_options options;
    struct media_encoder encoder;
    struct media_encoder_input input;
    AVFormatContext *format;
    AVCodecContext *codec;
    AVStream *video, *sound;
    AVFrame *frame;
    AVPacket *packet;
    struct media_converter *converter;
    struct media_audio *audio;
    int64_t last_us, last_tick, sound_tick, end_us, nominal_us, frames;
    int64_t held_ticks[HELD], held_durations[HELD];
    bool made, begun;
};

void stance_video_writer_options_default(struct stance_video_writer_options *options)
{
    *options = (struct stance_video_writer_options){
        .struct_size = sizeof *options, .crf = -1, .threads = 2, .audio = 1};
}

/* ---- Opening ---- */

static int find_container(struct stance_video_writer *writer)
{
    const char *name = strrchr(writer->path, '/');
    const char *dot = strrchr(name ? name : writer->path, '.');
    for (int i = 0; dot && containers[i].ending; i++)
        if (strcasecmp(dot, containers[i].ending) == 0)
            writer->container = &containers[i];
    if (!writer->container)
        return base_error(
            STANCE_EARGUMENT,
            "cannot tell from '%s' what kind of video to write: let the name end with "
            ".mp4, .m4v, .mov, .mkv or .webm",
            writer->path);
    int length = snprintf(writer->part, sizeof writer->part, "file:%s.part-%ld", writer->path,
                          (long)getpid());
    if (length < 0 || (size_t)length >= sizeof writer->part)
        return base_error(STANCE_ELIMIT, "the path '%.200s…' is too long", writer->path);
    return 0;
}

static const char *part_path(const struct stance_video_writer *writer)
{
    return writer->part + strlen("file:");
}

/* The source's ticks, divided until there are 10,000 a second, so that its times and any between
 * them are exact; microseconds where its ticks are no coarser. */
static AVRational time_base_of(const struct media_source *source, const AVCodec *codec)
{
    int64_t num = source ? source->base_num : 1, den = source ? source->base_den : 90000;
    if (num < 1 || den < 1 || num > 1 << 16 || den / num > 500000 || den > 1 << 30)
        num = 1, den = 90000;
    int64_t factor = (10000 * num + den - 1) / den;
    den *= factor > 1 ? factor : 1;
    if (codec->id == AV_CODEC_ID_MPEG4 && den > 65535)
        num = 1, den = 60000;
    return (AVRational){(int)num, (int)den};
}

static void describe_source(struct stance_video_writer *writer, const struct media_source *source)
{
    const struct stance_video_writer_options *options = &writer->options;
    const struct stance_video_info *info =
        options->source ? stance_video_reader_info(options->source) : NULL;
    double rate = options->frame_rate > 0 ? options->frame_rate : info ? info->frame_rate : 0;
    rate = rate > 0.01 && rate < 10000 ? rate : 25;
    writer->input.frame_rate = av_d2q(rate, 1001000);
    writer->nominal_us = (int64_t)(1e6 / rate + 0.5);
    writer->input.time_base = time_base_of(source, writer->encoder.codec);
    writer->input.aspect = (AVRational){1, 1};
    if (source && source->aspect_num > 0 && source->aspect_num < 1 << 30)
        writer->input.aspect = (AVRational){(int)source->aspect_num, (int)source->aspect_den};
    writer->input.width = options->width ? options->width : info ? info->width : 0;
    writer->input.height = options->height ? options->height : info ? info->height : 0;
    writer->input.color_space = AVCOL_SPC_SMPTE170M;
    writer->input.color_range = AVCOL_RANGE_MPEG;
    writer->input.global_header = writer->format->oformat->flags & AVFMT_GLOBALHEADER;
}

static int check_container(struct stance_video_writer *writer)
{
    const AVOutputFormat *muxer = writer->format->oformat;
    if (avformat_query_codec(muxer, writer->encoder.codec->id, FF_COMPLIANCE_NORMAL) != 1)
        return base_error(STANCE_EUNSUPPORTED, "%s cannot be put into a %s file",
                          avcodec_get_name(writer->encoder.codec->id), writer->container->ending);
    if (!writer->audio)
        return 0;
    enum AVCodecID sound = media_audio_parameters(writer->audio)->codec_id;
    if (avformat_query_codec(muxer, sound, FF_COMPLIANCE_NORMAL) != 1)
        return base_error(
            STANCE_EUNSUPPORTED,
            "the source's audio (%s) cannot be put into a %s file: write .mkv, or leave "
            "the audio out",
            avcodec_get_name(sound), writer->container->ending);
    return 0;
}

/* Opened and closed for nothing: what an encoder refuses, it refuses before the first frame. */
static int try_encoder(const struct stance_video_writer *writer)
{
    AVCodecContext *context;
    struct media_encoder_input input = writer->input;
    input.width = input.width ? input.width & ~1 : 640;
    input.height = input.height ? input.height & ~1 : 480;
    BASE_TRY(media_encoder_open(&context, &writer->encoder, &input));
    avcodec_free_context(&context);
    return 0;
}

static int open_file(struct stance_video_writer *writer)
{
    int error = avio_open(&writer->format->pb, writer->part, AVIO_FLAG_WRITE);
    if (error < 0)
        return media_av_error(error, STANCE_EIO, "cannot write '%s'", writer->path);
    writer->made = true;
    return 0;
}

static int open_writer(struct stance_video_writer *writer, const char *path)
{
    const struct stance_video_writer_options *options = &writer->options;
    media_av_log_open();
    media_av_log_clear();
    writer->path = base_strdup(path);
    if (!writer->path)
        return base_error_memory(strlen(path), "a path");
    BASE_TRY(find_container(writer));
    if (options->width < 0 || options->height < 0 || options->width > STANCE_IMAGE_MAX_SIDE ||
        options->height > STANCE_IMAGE_MAX_SIDE || options->threads < 0 || options->threads > 64)
        return base_error(STANCE_EARGUMENT, "video: a size of %d×%d pixels, %d threads",
                          options->width, options->height, options->threads);
    snprintf(writer->preset, sizeof writer->preset, "%s", options->preset ? options->preset : "");
    writer->options.preset = writer->preset;
    BASE_TRY(media_encoder_find(&writer->encoder, &writer->options, writer->container->codec));
    avformat_alloc_output_context2(&writer->format, NULL, writer->container->muxer, writer->part);
    writer->frame = av_frame_alloc();
    writer->packet = av_packet_alloc();
    if (!writer->format || !writer->frame || !writer->packet)
        return base_error_memory(0, "a video writer");
    struct media_source *source = options->source ? media_reader_source(options->source) : NULL;
    if (source && source->audio && options->audio)
        writer->audio = media_audio_keep(source->audio);
    describe_source(writer, source);
    writer->options.codec = NULL;
    writer->options.source = NULL;
    BASE_TRY(check_container(writer));
    BASE_TRY(try_encoder(writer));
    BASE_TRY(media_converter_open(&writer->converter));
    char encoder[DESCRIPTION_BYTES - 16];
    media_encoder_describe(&writer->encoder, encoder, sizeof encoder);
    snprintf(writer->description, sizeof writer->description, "%s, %s", encoder,
             writer->container->muxer);
    return open_file(writer);
}

static void free_writer(struct stance_video_writer *writer)
{
    if (writer->format && writer->format->pb)
        avio_closep(&writer->format->pb);
    if (writer->made)
        unlink(part_path(writer));
    avformat_free_context(writer->format);
    avcodec_free_context(&writer->codec);
    av_frame_free(&writer->frame);
    av_packet_free(&writer->packet);
    media_converter_close(&writer->converter);
    media_audio_close(&writer->audio);
    base_free(writer->path);
    base_free(writer);
}

int stance_video_writer_open(struct stance_video_writer **out, const char *path,
                             const struct stance_video_writer_options *options)
{
    *out = NULL;
    struct stance_video_writer *writer = base_alloc_zero(1, sizeof *writer);
    if (!writer)
        return base_error_memory(sizeof *writer, "a video writer");
    stance_video_writer_options_default(&writer->options);
    if (options)
        memcpy(&writer->options, options,
               options->struct_size < sizeof *options ? options->struct_size : sizeof *options);
    int code = open_writer(writer, path);
    if (code < 0)
        free_writer(writer);
    else
        *out = writer;
    return code;
}

const char *stance_video_writer_describe(const struct stance_video_writer *writer)
{
    return writer->description;
}

/* ---- Adding ---- */

static int add_sound(struct stance_video_writer *writer)
{
    writer->sound_tick = INT64_MIN;
    if (!writer->audio)
        return 0;
    writer->sound = avformat_new_stream(writer->format, NULL);
    if (!writer->sound ||
        avcodec_parameters_copy(writer->sound->codecpar, media_audio_parameters(writer->audio)) < 0)
        return base_error_memory(0, "an audio stream");
    writer->sound->codecpar->codec_tag = 0;
    writer->sound->time_base = media_audio_time_base(writer->audio);
    return 0;
}

static bool is_mov(const struct stance_video_writer *writer)
{
    return strcmp(writer->container->muxer, "mp4") == 0 ||
           strcmp(writer->container->muxer, "mov") == 0;
}

/* With the first frame everything is known. */
static int begin(struct stance_video_writer *writer, const struct stance_image *image)
{
    AVFrame colors = {0};
    media_color_to_frame(&colors, image);
    writer->input.color_space = colors.colorspace;
    writer->input.color_range = colors.color_range;
    writer->input.width = (writer->input.width ? writer->input.width : image->width) & ~1;
    writer->input.height = (writer->input.height ? writer->input.height : image->height) & ~1;
    if (writer->input.width < 2 || writer->input.height < 2)
        return base_error(STANCE_EUNSUPPORTED, "video: %d×%d pixels are too small to be encoded",
                          image->width, image->height);
    avcodec_free_context(&writer->codec); /* of an attempt that failed */
    BASE_TRY(media_encoder_open(&writer->codec, &writer->encoder, &writer->input));
    writer->video = avformat_new_stream(writer->format, NULL);
    if (!writer->video ||
        avcodec_parameters_from_context(writer->video->codecpar, writer->codec) < 0)
        return base_error_memory(0, "a video stream");
    writer->video->time_base = writer->input.time_base;
    writer->video->avg_frame_rate = writer->input.frame_rate;
    writer->video->sample_aspect_ratio = writer->input.aspect;
    BASE_TRY(add_sound(writer));
    AVDictionary *settings = NULL;
    if (is_mov(writer))
        av_dict_set(&settings, "movflags", "+faststart", 0);
    media_av_log_clear();
    int error = avformat_write_header(writer->format, &settings);
    av_dict_free(&settings);
    if (error < 0)
        return media_av_error(error, STANCE_EIO, "cannot begin '%s'", writer->path);
    writer->begun = true;
    writer->last_tick = INT64_MIN;
    return 0;
}

static int write_packet(struct stance_video_writer *writer, AVPacket *packet)
{
    int error = av_interleaved_write_frame(writer->format, packet);
    if (error >= 0 && writer->format->pb->error < 0)
        error = writer->format->pb->error;
    return error < 0 ? media_av_error(error, STANCE_EIO, "cannot write '%s'", writer->path) : 0;
}

/* Whether an audio packet is an encoder's run-up, over before the start. MP4 can leave it out of
 * what is played; Matroska would begin with it and show every frame later. */
static bool is_lead(const struct stance_video_writer *writer, const AVPacket *packet)
{
    return !is_mov(writer) && packet->pts != AV_NOPTS_VALUE && packet->pts < 0 &&
           packet->pts + packet->duration <= 0;
}

/* Audio that begins before the video's end so far; `rest`: all there is. */
static int write_sound(struct stance_video_writer *writer, bool rest)
{
    AVPacket *packet = writer->packet;
    while (writer->sound && media_audio_pop(writer->audio, packet, writer->end_us, rest)) {
        packet->stream_index = writer->sound->index;
        av_packet_rescale_ts(packet, media_audio_time_base(writer->audio),
                             writer->sound->time_base);
        if (packet->dts == AV_NOPTS_VALUE)
            packet->dts = packet->pts;
        bool back = packet->dts != AV_NOPTS_VALUE && packet->dts <= writer->sound_tick;
        if (back || is_lead(writer, packet)) {
            av_packet_unref(packet); /* back: from before a jump back in the source */
            continue;
        }
        if (packet->dts != AV_NOPTS_VALUE)
            writer->sound_tick = packet->dts;
        packet->pos = -1;
        BASE_TRY(write_packet(writer, packet));
    }
    return 0;
}

/* Encoders forget how long a frame lasts. */
static int64_t held_duration(const struct stance_video_writer *writer, int64_t tick)
{
    for (int i = 0; i < HELD; i++)
        if (writer->held_ticks[i] == tick && writer->held_durations[i] > 0)
            return writer->held_durations[i];
    return 0;
}

static int drain(struct stance_video_writer *writer)
{
    AVPacket *packet = writer->packet;
    for (;;) {
        int error = avcodec_receive_packet(writer->codec, packet);
        if (error == AVERROR(EAGAIN) || error == AVERROR_EOF)
            return 0;
        if (error < 0)
            return media_av_error(error, STANCE_EIO, "'%s': cannot encode", writer->path);
        packet->duration = held_duration(writer, packet->pts);
        av_packet_rescale_ts(packet, writer->codec->time_base, writer->video->time_base);
        packet->stream_index = writer->video->index;
        BASE_TRY(write_packet(writer, packet));
    }
}

static void time_frame(struct stance_video_writer *writer, int64_t time_us, int64_t duration_us)
{
    AVRational base = writer->input.time_base;
    int64_t tick = av_rescale_q(time_us, AV_TIME_BASE_Q, base);
    int64_t end = av_rescale_q(time_us + duration_us, AV_TIME_BASE_Q, base);
    if (tick <= writer->last_tick)
        tick = writer->last_tick + 1;
    /* The frame before lasts until this one. */
    int64_t before = (writer->frames - 1) % HELD, slot = writer->frames % HELD;
    if (writer->frames > 0)
        writer->held_durations[before] = tick - writer->last_tick;
    writer->held_ticks[slot] = tick;
    writer->held_durations[slot] = end > tick ? end - tick : 1;
    writer->last_tick = writer->frame->pts = tick;
    writer->frame->pkt_duration = writer->held_durations[slot];
    writer->end_us = time_us + duration_us;
}

static int encode(struct stance_video_writer *writer, const struct stance_image *image,
                  int64_t time_us, int64_t duration_us)
{
    const AVCodecContext *codec = writer->codec;
    BASE_TRY(media_image_to_frame(writer->converter, writer->frame, image, codec->width,
                                  codec->height, codec->pix_fmt));
    time_frame(writer, time_us, duration_us > 0 ? duration_us : writer->nominal_us);
    media_av_log_clear();
    int error = avcodec_send_frame(writer->codec, writer->frame);
    if (error < 0)
        return media_av_error(error, STANCE_EIO, "'%s': cannot encode frame %lld", writer->path,
                              (long long)writer->frames);
    writer->frames++;
    writer->last_us = time_us;
    BASE_TRY(drain(writer));
    return write_sound(writer, false);
}

int stance_video_writer_add(struct stance_video_writer *writer, const struct stance_image *image,
                            int64_t time_us, int64_t duration_us)
{
    BASE_TRY(vision_image_check(image));
    const int64_t longest = (int64_t)1 << 52;
    if (time_us < 0 || time_us > longest || duration_us < 0 || duration_us > longest)
        return base_error(STANCE_EARGUMENT, "video: a frame at %lld µs that lasts %lld µs",
                          (long long)time_us, (long long)duration_us);
    if (writer->frames > 0 && time_us <= writer->last_us)
        return base_error(STANCE_EARGUMENT,
                          "'%s': frame %lld at %lld µs is not later than the one before, at %lld "
                          "µs: leave it out, or give it a later time",
                          writer->path, (long long)writer->frames, (long long)time_us,
                          (long long)writer->last_us);
    if (writer->video && !writer->begun)
        return base_error(STANCE_EIO, "'%s' could not be begun", writer->path);
    if (!writer->begun)
        BASE_TRY(begin(writer, image));
    int code = encode(writer, image, time_us, duration_us);
    av_frame_unref(writer->frame);
    return code;
}

/* ---- Closing ---- */

static int check_frames(const struct stance_video_writer *writer, AVFormatContext *format)
{
    AVPacket *packet = writer->packet;
    int64_t count = 0;
    int error = avformat_find_stream_info(format, NULL);
    int video = error < 0 ? -1 : av_find_best_stream(format, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
    while (video >= 0 && (error = av_read_frame(format, packet)) >= 0) {
        count += packet->stream_index == video;
        av_packet_unref(packet);
    }
    if (error != AVERROR_EOF)
        return media_av_error(error < 0 ? error : AVERROR_INVALIDDATA, STANCE_EFORMAT,
                              "'%s': what was written cannot be read", writer->path);
    if (count != writer->frames)
        return base_error(STANCE_EFORMAT, "'%s': %lld of %lld frames were written", writer->path,
                          (long long)count, (long long)writer->frames);
    return 0;
}

static int check_file(const struct stance_video_writer *writer)
{
    AVFormatContext *format = NULL;
    media_av_log_clear();
    int error = avformat_open_input(&format, writer->part, NULL, NULL);
    if (error < 0)
        return media_av_error(error, STANCE_EFORMAT, "'%s': what was written cannot be opened",
                              writer->path);
    int code = check_frames(writer, format);
    avformat_close_input(&format);
    return code;
}

/* All that the encoder holds, the audio, the end of the file. */
static int finish(struct stance_video_writer *writer)
{
    media_av_log_clear();
    int error = avcodec_send_frame(writer->codec, NULL);
    int code = error < 0 ? media_av_error(error, STANCE_EIO, "'%s': cannot finish", writer->path)
                         : drain(writer);
    int sound = write_sound(writer, true);
    code = code < 0 ? code : sound;
    error = av_write_trailer(writer->format);
    if (error >= 0)
        error = writer->format->pb->error;
    int closing = avio_closep(&writer->format->pb);
    error = error < 0 ? error : closing;
    if (code == 0 && error < 0)
        code = media_av_error(error, STANCE_EIO, "cannot write '%s'", writer->path);
    return code;
}

static int publish(struct stance_video_writer *writer)
{
    int descriptor = open(part_path(writer), O_RDONLY | O_CLOEXEC);
    int failed = descriptor < 0 || (fsync(descriptor) != 0 && errno != EINVAL && errno != EROFS);
    int reason = errno;
    if (descriptor >= 0)
        close(descriptor);
    if (!failed && rename(part_path(writer), writer->path) != 0) {
        failed = 1;
        reason = errno;
    }
    if (failed)
        return base_error(STANCE_EIO, "cannot write '%s': %s", writer->path, strerror(reason));
    writer->made = false;
    return 0;
}

int stance_video_writer_close(struct stance_video_writer **handle)
{
    struct stance_video_writer *writer = *handle;
    *handle = NULL;
    if (!writer)
        return 0;
    int code = 0;
    if (writer->begun && writer->frames > 0) {
        code = finish(writer);
        if (code == 0)
            code = check_file(writer);
        if (code == 0)
            code = publish(writer);
    }
    free_writer(writer);
    return code;
}
