/* Packets in, upright pictures with times out; damage is reported with its frame and passed. */
#include <libavcodec/avcodec.h>
#include <libavutil/display.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "media/audio_queue.h"
#include "media/av_frame.h"
#include "media/av_input.h"
#include "media/av_log.h"
#include "media/picture.h"
#include "media/timeline.h"

/* So many failed reads in a row end a stream. */
enum { MOST_FAILURES = 64, RETRY_US = 1000 };

struct av_source {
    struct media_source base;
    struct media_av_reading reading;
    AVCodecContext *codec;
    AVPacket *packet;
    AVFrame *frame;
    struct media_converter *converter;
    struct media_timeline timeline;
    const AVStream *stream;
    int audio_index, orientation, writable;
    int failures, last_error; /* of reading, since the last packet */
    int64_t start_us, frames;
    int64_t delay_us; /* by which times are late, see find_delay() */
    bool draining, seen_good, timed;
    bool held; /* `packet` was read but waits until what was lost before it is told */
    int end_code;
    char end_text[MEDIA_CAUSE_BYTES];
    char name[MEDIA_CAUSE_BYTES / 2];
};

/* ---- Opening ---- */

static int find_video(struct av_source *source)
{
    AVFormatContext *format = source->reading.format;
    int index = av_find_best_stream(format, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
    source->audio_index = -1;
    if (index < 0 || format->streams[index]->disposition & AV_DISPOSITION_ATTACHED_PIC)
        return base_error(STANCE_EFORMAT, "'%s' contains no video", source->name);
    source->stream = format->streams[index];
    const AVCodecParameters *parameters = source->stream->codecpar;
    if (parameters->width < 1 || parameters->height < 1)
        return base_error(STANCE_EFORMAT, "'%s': the size of its pictures cannot be found",
                          source->name);
    return 0;
}

static int open_decoder(struct av_source *source, const struct media_request *request)
{
    const AVCodecParameters *parameters = source->stream->codecpar;
    const AVCodec *codec = avcodec_find_decoder(parameters->codec_id);
    if (!codec)
        return base_error(STANCE_EUNSUPPORTED, "'%s': this build of FFmpeg cannot decode %s",
                          source->name, avcodec_get_name(parameters->codec_id));
    AVCodecContext *context = source->codec = avcodec_alloc_context3(codec);
    if (!context)
        return base_error_memory(sizeof *context, "a decoder");
    int error = avcodec_parameters_to_context(context, parameters);
    context->pkt_timebase = source->stream->time_base;
    context->max_pixels = MEDIA_MAX_PIXELS;
    context->thread_count = request->options->threads > 0 ? request->options->threads : 1;
    context->thread_type = source->base.live ? FF_THREAD_SLICE : FF_THREAD_FRAME | FF_THREAD_SLICE;
    context->flags |= AV_CODEC_FLAG_OUTPUT_CORRUPT;
    if (source->base.live)
        context->flags |= AV_CODEC_FLAG_LOW_DELAY;
    if (error == 0)
        error = avcodec_open2(context, codec, NULL);
    return error < 0 ? media_av_error(error, STANCE_EUNSUPPORTED,
                                      "'%s': cannot open the decoder %s", source->name, codec->name)
                     : 0;
}

/* A display matrix (ISO 14496-12, 8.3.2) as an orientation of Exif. Other angles are left alone. */
static int orientation_of(const int32_t *matrix)
{
    int a = matrix[0] > 0 ? 1 : matrix[0] < 0 ? -1 : 0, b = matrix[1] > 0 ? 1 : -(matrix[1] < 0);
    int c = matrix[3] > 0 ? 1 : matrix[3] < 0 ? -1 : 0, d = matrix[4] > 0 ? 1 : -(matrix[4] < 0);
    if (b == 0 && c == 0 && a && d)
        return a > 0 ? (d > 0 ? 1 : 4) : (d > 0 ? 2 : 3);
    if (a == 0 && d == 0 && b && c)
        return c > 0 ? (b > 0 ? 5 : 8) : (b > 0 ? 6 : 7);
    return 1;
}

static void find_orientation(struct av_source *source)
{
    static const int degrees[9] = {[3] = 180, [6] = 90, [8] = 270};
    size_t size = 0;
    const uint8_t *data = av_stream_get_side_data(source->stream, AV_PKT_DATA_DISPLAYMATRIX, &size);
    int32_t matrix[9];
    source->orientation = 1;
    if (data && size >= sizeof matrix) {
        memcpy(matrix, data, sizeof matrix);
        source->orientation = orientation_of(matrix);
    }
    source->base.info.rotation = degrees[source->orientation];
}

static void fill_info(struct av_source *source)
{
    const AVFormatContext *format = source->reading.format;
    const AVStream *stream = source->stream;
    struct stance_video_info *info = &source->base.info;
    AVRational rate =
        av_guess_frame_rate(source->reading.format, (AVStream *)(uintptr_t)stream, NULL);
    AVRational aspect = stream->sample_aspect_ratio;
    bool swap = source->orientation >= 5;
    info->width = swap ? stream->codecpar->height : stream->codecpar->width;
    info->height = swap ? stream->codecpar->width : stream->codecpar->height;
    info->frame_rate = rate.num > 0 && rate.den > 0 ? av_q2d(rate) : 0;
    info->duration_us = stream->duration != AV_NOPTS_VALUE && stream->duration > 0
                            ? av_rescale_q(stream->duration, stream->time_base, AV_TIME_BASE_Q)
                        : format->duration != AV_NOPTS_VALUE ? format->duration
                                                             : -1;
    info->frame_count = stream->nb_frames > 0 ? stream->nb_frames : -1;
    snprintf(info->container, sizeof info->container, "%s", format->iformat->name);
    snprintf(info->codec, sizeof info->codec, "%s", avcodec_get_name(stream->codecpar->codec_id));
    source->base.base_num = stream->time_base.num;
    source->base.base_den = stream->time_base.den;
    source->base.aspect_num =
        aspect.num > 0 && aspect.den > 0 ? (swap ? aspect.den : aspect.num) : 1;
    source->base.aspect_den =
        aspect.num > 0 && aspect.den > 0 ? (swap ? aspect.num : aspect.den) : 1;
    source->start_us = format->start_time != AV_NOPTS_VALUE ? format->start_time : 0;
    double nominal = info->frame_rate > 0 ? 1e6 / info->frame_rate : 0;
    media_timeline_open(&source->timeline, nominal < 1e9 ? (int64_t)(nominal + 0.5) : 0);
}

/* Unneeded streams are not even parsed. */
static int choose_streams(struct av_source *source, const struct media_request *request)
{
    AVFormatContext *format = source->reading.format;
    int audio = av_find_best_stream(format, AVMEDIA_TYPE_AUDIO, -1, source->stream->index, NULL, 0);
    source->base.info.has_audio = audio >= 0;
    if (audio >= 0 && request->options->audio) {
        const AVStream *stream = format->streams[audio];
        source->audio_index = audio;
        BASE_TRY(media_audio_open(&source->base.audio, stream->codecpar, stream->time_base,
                                  source->start_us));
    }
    for (unsigned i = 0; i < format->nb_streams; i++)
        if ((int)i != source->stream->index && (int)i != source->audio_index)
            format->streams[i]->discard = AVDISCARD_ALL;
    return 0;
}

static bool is_endless(const struct av_source *source, const struct media_av_input *input)
{
    const AVFormatContext *format = source->reading.format;
    bool seekable = format->pb && format->pb->seekable & AVIO_SEEKABLE_NORMAL;
    return input->device || (input->network && format->duration == AV_NOPTS_VALUE && !seekable);
}

static int open_source(struct av_source *source, const struct media_av_input *input,
                       const struct media_request *request)
{
    BASE_TRY(media_av_reading_open(&source->reading, input, request));
    BASE_TRY(find_video(source));
    source->base.live = is_endless(source, input);
    find_orientation(source);
    fill_info(source);
    BASE_TRY(choose_streams(source, request));
    BASE_TRY(open_decoder(source, request));
    BASE_TRY(media_converter_open(&source->converter));
    source->packet = av_packet_alloc();
    source->frame = av_frame_alloc();
    return source->packet && source->frame ? 0 : base_error_memory(sizeof(AVFrame), "a frame");
}

int media_av_source_open(struct media_source **out, const struct media_av_input *input,
                         const struct media_request *request)
{
    *out = NULL;
    struct av_source *source = base_alloc_zero(1, sizeof *source);
    if (!source) {
        if (input->descriptor > 0)
            close(input->descriptor);
        return base_error_memory(sizeof *source, "a video source");
    }
    source->base.kind = input->kind;
    source->writable = request->options->writable;
    snprintf(source->name, sizeof source->name, "%s", input->name);
    int code = open_source(source, input, request);
    if (code < 0)
        media_av_source_close(&source->base);
    else
        *out = &source->base;
    return code;
}

void media_av_source_close(struct media_source *base)
{
    struct av_source *source = (struct av_source *)base;
    media_audio_close(&source->base.audio);
    avcodec_free_context(&source->codec);
    av_packet_free(&source->packet);
    av_frame_free(&source->frame);
    media_converter_close(&source->converter);
    media_av_reading_close(&source->reading);
    base_free(source);
}

/* ---- Reading ---- */

static int64_t stream_time(const struct av_source *source, int64_t ticks)
{
    if (ticks == AV_NOPTS_VALUE)
        return MEDIA_NO_TIME;
    int64_t time = av_rescale_q_rnd(ticks, source->stream->time_base, AV_TIME_BASE_Q,
                                    AV_ROUND_NEAR_INF | AV_ROUND_PASS_MINMAX);
    return time > INT64_MIN / 2 && time < INT64_MAX / 2 ? time - source->start_us : MEDIA_NO_TIME;
}

/* Some containers, AVI above all, do not say when a frame is shown, only when it is decoded, and a
 * decoder that puts frames into their order gives them later. By how much is the difference between
 * the first frame's time and that of its own packet. */
static void find_delay(struct av_source *source, const AVFrame *decoded)
{
    const int64_t most_us = 10 * 1000000, far = (int64_t)1 << 60;
    int64_t given = stream_time(source, decoded->best_effort_timestamp);
    int64_t own = stream_time(source, decoded->reordered_opaque);
    if (source->timed)
        return;
    source->timed = true;
    if (decoded->pts == AV_NOPTS_VALUE && own > -far && given > own && given < far &&
        given - own < most_us)
        source->delay_us = given - own;
}

/* When a frame is shown; MEDIA_NO_TIME where nothing tells. */
static int64_t shown_at(struct av_source *source, const AVFrame *decoded)
{
    find_delay(source, decoded);
    int64_t time = stream_time(source, decoded->best_effort_timestamp);
    return time == MEDIA_NO_TIME ? time : time - source->delay_us;
}

static void explain(struct av_source *source, struct stance_video_frame *frame, int code,
                    const char *what, const char *reason)
{
    const char *last = media_av_log_last();
    snprintf(source->base.cause, sizeof source->base.cause,
             "'%s': frame %lld (%.3f s): %s: %s%s%s%s", source->name, (long long)source->frames,
             (double)frame->time_us / 1e6, what, reason, last[0] ? " (" : "", last,
             last[0] ? ")" : "");
    frame->code = code;
    frame->cause = source->base.cause;
}

/* A frame of which nothing is left. */
static int report_lost(struct av_source *source, struct stance_video_frame *frame, int error)
{
    char reason[AV_ERROR_MAX_STRING_SIZE] = "";
    if (error == AVERROR(ENOMEM))
        return base_error_memory(0, "decoding");
    av_strerror(error, reason, sizeof reason);
    frame->time_us = media_timeline_squeeze(&source->timeline);
    explain(source, frame, STANCE_EFORMAT, "cannot be decoded", reason);
    source->frames++;
    return STANCE_VIDEO_FRAME;
}

static int64_t duration_of(const struct av_source *source, const AVFrame *decoded)
{
    int64_t ticks = decoded->pkt_duration;
    int64_t duration =
        ticks > 0 ? av_rescale_q(ticks, source->stream->time_base, AV_TIME_BASE_Q) : 0;
    return duration > 0 ? duration : source->timeline.nominal;
}

static int deliver(struct av_source *source, struct stance_video_frame *frame)
{
    AVFrame *decoded = source->frame;
    bool damaged = decoded->decode_error_flags || decoded->flags & AV_FRAME_FLAG_CORRUPT;
    frame->time_us = media_timeline_next(&source->timeline, shown_at(source, decoded));
    frame->duration_us = duration_of(source, decoded);
    source->base.corrected = source->timeline.corrected;
    int code = media_picture_check_size("frame", decoded->width, decoded->height);
    if (code == 0) {
        code = media_frame_to_image(source->converter, &frame->image, decoded, source->orientation,
                                    source->writable);
        if (code == STANCE_ENOMEMORY || code == STANCE_ELIMIT)
            return code;
    }
    av_frame_unref(decoded);
    if (code < 0)
        explain(source, frame, code, "cannot be used", stance_error_text());
    else if (damaged)
        explain(source, frame, STANCE_EFORMAT, "damaged", "parts of it are guessed");
    source->seen_good |= !damaged;
    source->frames++;
    return STANCE_VIDEO_FRAME;
}

static int finish(struct av_source *source)
{
    if (source->base.audio)
        media_audio_end(source->base.audio);
    if (source->end_code == 0 && media_av_reading_is_cut_off(&source->reading))
        source->end_code = base_error(STANCE_EFORMAT, "'%s' is cut off after %lld frames",
                                      source->name, (long long)source->frames);
    else if (source->end_code < 0)
        base_error(source->end_code, "%s", source->end_text);
    else if (source->frames == 0)
        return base_error(STANCE_EFORMAT, "'%s': there is no frame in it", source->name);
    return source->end_code < 0 ? source->end_code : STANCE_VIDEO_END;
}

/* The first trouble is the cause of all that follows. */
static void note_failure(struct av_source *source, int error)
{
    bool late = error == AVERROR_EXIT;
    char reason[AV_ERROR_MAX_STRING_SIZE] = "";
    source->failures++;
    source->last_error = error;
    if (source->end_code < 0)
        return;
    av_strerror(error, reason, sizeof reason);
    const char *last = media_av_log_last();
    source->end_code =
        late || error == AVERROR(EIO) || source->base.live ? STANCE_EIO : STANCE_EFORMAT;
    snprintf(source->end_text, sizeof source->end_text,
             "'%s' is cut off or cannot be read on after frame %lld: %s%s%s%s", source->name,
             (long long)source->frames, late ? "no answer in time" : reason, last[0] ? " (" : "",
             last, last[0] ? ")" : "");
}

/* Reading goes on after all: what was lost is a damaged frame, not the end. */
static int forgive(struct av_source *source)
{
    source->failures = 0;
    source->end_code = 0;
    source->held = true;
    return source->last_error;
}

static int send(struct av_source *source)
{
    AVPacket *packet = source->packet;
    source->held = false;
    source->codec->reordered_opaque = packet->dts;
    int error = avcodec_send_packet(source->codec, packet);
    av_packet_unref(packet);
    return error;
}

/* The next video packet to the decoder. 0, an AVERROR for what was lost, or 1 when cancelled. */
static int feed(struct av_source *source)
{
    AVPacket *packet = source->packet;
    for (bool again = false; !source->held;) {
        media_av_log_clear();
        if (!again)
            media_av_reading_begin(&source->reading);
        int error = av_read_frame(source->reading.format, packet);
        if (atomic_load(source->reading.cancel)) {
            av_packet_unref(packet);
            return 1;
        }
        again = error == AVERROR(EAGAIN) && !media_av_reading_is_late(&source->reading);
        if (again) {
            usleep(RETRY_US);
            continue;
        }
        if (error == AVERROR(EAGAIN))
            error = AVERROR_EXIT;
        if (error < 0 && error != AVERROR_EOF)
            note_failure(source, error);
        if (error == AVERROR_EOF || source->failures >= MOST_FAILURES ||
            (error < 0 && (source->base.live || error == AVERROR_EXIT))) {
            source->draining = true;
            return avcodec_send_packet(source->codec, NULL);
        }
        if (error < 0)
            continue;
        if (packet->stream_index == source->stream->index && source->failures)
            return forgive(source);
        if (packet->stream_index == source->stream->index)
            break;
        if (packet->stream_index == source->audio_index)
            media_audio_push(source->base.audio, packet);
        av_packet_unref(packet);
    }
    return send(source);
}

int media_av_source_next(struct media_source *base, struct stance_video_frame *frame)
{
    struct av_source *source = (struct av_source *)base;
    for (;;) {
        int error = avcodec_receive_frame(source->codec, source->frame);
        bool joined = source->seen_good || !source->base.live;
        if (error == 0 && !joined &&
            (source->frame->decode_error_flags || source->frame->flags & AV_FRAME_FLAG_CORRUPT))
            continue;
        if (error == 0)
            return deliver(source, frame);
        if (error == AVERROR_EOF)
            return finish(source);
        if (error == AVERROR(EAGAIN))
            error = feed(source);
        if (error == 1)
            return base_error(STANCE_ECANCELLED, "'%s': cancelled", source->name);
        if (error < 0 && error != AVERROR_EOF && joined)
            return report_lost(source, frame, error);
    }
}
