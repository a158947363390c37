/* Makes small videos for the tests of the program, and tells what is in one, by FFmpeg's own libraries:
 *   clip_tool make PATH [KEY=VALUE…]   the fields of struct clip; times=0,40,200; turn=90
 *   clip_tool show PATH                one JSON object: frames (time in µs, size, checksum), audio */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/adler32.h>
#include <libavutil/pixdesc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/clip.h"

enum { MOST_TIMES = 256, ONE = 1 << 16 };

static const int32_t quarter_turn[9] = {0, ONE, 0, -ONE, 0, 0, 0, 0, 1 << 30};

static int parse_times(int64_t *times, char *text)
{
    int count = 0;
    for (char *word = strtok(text, ","); word && count < MOST_TIMES; word = strtok(NULL, ","))
        times[count++] = atoll(word);
    return count;
}

static int make(const char *path, int count, char **arguments)
{
    static int64_t times[MOST_TIMES];
    struct clip clip = {.muxer = "mp4"};
    const struct {
        const char *name, **text;
        int *number;
    } keys[] = {{"muxer", &clip.muxer, NULL},     {"encoder", &clip.encoder, NULL},
                {"pixels", &clip.pixels, NULL},   {"audio", &clip.audio, NULL},
                {"options", &clip.options, NULL}, {"extra", &clip.extra, NULL},
                {"width", NULL, &clip.width},     {"height", NULL, &clip.height},
                {"frames", NULL, &clip.frames},   {"first", NULL, &clip.first},
                {"gop", NULL, &clip.gop}};
    const size_t most = sizeof keys / sizeof keys[0];
    for (int i = 0; i < count; i++) {
        char *value = strchr(arguments[i], '=');
        if (!value)
            return 2;
        *value++ = 0;
        size_t k = 0;
        while (k < most && strcmp(keys[k].name, arguments[i]) != 0)
            k++;
        if (k < most && keys[k].text)
            *keys[k].text = value;
        else if (k < most)
            *keys[k].number = atoi(value);
        else if (strcmp(arguments[i], "turn") == 0)
            clip.matrix = quarter_turn;
        else if (strcmp(arguments[i], "times") == 0) {
            clip.frames = parse_times(times, value);
            clip.times_ms = times;
        } else
            return 2;
    }
    clip_make(path, &clip);
    return 0;
}

static AVAdler checksum(AVAdler sum, const AVFrame *frame)
{
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get((enum AVPixelFormat)frame->format);
    for (int i = 0; i < av_pix_fmt_count_planes((enum AVPixelFormat)frame->format); i++) {
        int rows = i ? -(-frame->height >> format->log2_chroma_h) : frame->height;
        int bytes = i ? -(-frame->width >> format->log2_chroma_w) : frame->width;
        if (format->flags & AV_PIX_FMT_FLAG_RGB)
            bytes = frame->width * format->comp[0].step;
        for (int y = 0; y < rows; y++)
            sum = av_adler32_update(sum, frame->data[i] + y * frame->linesize[i], (size_t)bytes);
    }
    return sum;
}

static void decode(AVCodecContext *codec, const AVStream *stream, AVPacket *packet, int *count)
{
    AVFrame *frame = av_frame_alloc();
    if (avcodec_send_packet(codec, packet) < 0)
        fail_msg("clip: a packet that cannot be decoded");
    while (avcodec_receive_frame(codec, frame) >= 0) {
        int64_t time = frame->best_effort_timestamp -
                       (stream->start_time != AV_NOPTS_VALUE ? stream->start_time : 0);
        printf("%s[%lld, %d, %d, %u]", (*count)++ ? ", " : "",
               (long long)av_rescale_q(time, stream->time_base, AV_TIME_BASE_Q), frame->width,
               frame->height, (unsigned)checksum(1, frame));
        av_frame_unref(frame);
    }
    av_frame_free(&frame);
}

static int show(const char *path)
{
    AVFormatContext *format = NULL;
    if (avformat_open_input(&format, path, NULL, NULL) < 0 ||
        avformat_find_stream_info(format, NULL) < 0)
        return 1;
    int video = av_find_best_stream(format, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
    int sound = av_find_best_stream(format, AVMEDIA_TYPE_AUDIO, -1, -1, NULL, 0);
    if (video < 0)
        return 1;
    AVCodecParameters *parameters = format->streams[video]->codecpar;
    AVCodecContext *codec = avcodec_alloc_context3(avcodec_find_decoder(parameters->codec_id));
    AVPacket *packet = av_packet_alloc();
    int frames = 0, sounds = 0;
    AVAdler sum = 1;
    if (avcodec_parameters_to_context(codec, parameters) < 0 ||
        avcodec_open2(codec, NULL, NULL) < 0)
        return 1;
    printf("{\"codec\": \"%s\", \"duration\": %lld, \"frames\": [",
           avcodec_get_name(parameters->codec_id), (long long)format->duration);
    for (; av_read_frame(format, packet) >= 0; av_packet_unref(packet)) {
        if (packet->stream_index == video)
            decode(codec, format->streams[video], packet, &frames);
        else if (packet->stream_index == sound) {
            sum = av_adler32_update(sum, packet->data, (size_t)packet->size);
            sounds++;
        }
    }
    decode(codec, format->streams[video], NULL, &frames);
    printf("], \"audio\": [%d, %u]}\n", sounds, (unsigned)sum);
    av_packet_free(&packet);
    avcodec_free_context(&codec);
    avformat_close_input(&format);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc >= 3 && strcmp(argv[1], "make") == 0)
        return make(argv[2], argc - 3, argv + 3);
    if (argc == 3 && strcmp(argv[1], "show") == 0)
        return show(argv[2]);
    fprintf(stderr, "usage: clip_tool make|show PATH [KEY=VALUE…]\n");
    return 2;
}
