/* Opening of streams through libavformat. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "media/av_input.h"
#include "media/av_log.h"
#include "media/picture.h"

enum { IO_BYTES = 64 << 10, POLL_MS = 100, MOST_STREAMS = 64 };

/* What network streams may lead to; never to files. */
#define NETWORK_PROTOCOLS                                                                          \
    "http,https,httpproxy,tls,tcp,udp,rtp,srtp,rtsp,rtmp,rtmps,rtmpt,srt,crypto"

static bool is_cancelled(const struct media_av_reading *reading)
{
    return atomic_load_explicit(reading->cancel, memory_order_relaxed) != 0;
}

bool media_av_reading_is_late(const struct media_av_reading *reading)
{
    return reading->deadline_ns && base_clock_ns() > reading->deadline_ns;
}

static int must_end(void *context)
{
    const struct media_av_reading *reading = context;
    return is_cancelled(reading) || media_av_reading_is_late(reading);
}

void media_av_reading_begin(struct media_av_reading *reading)
{
    if (reading->timeout_ns)
        reading->deadline_ns = base_clock_ns() + reading->timeout_ns;
}

/* Pipes are waited for in small portions, so that cancelling is noticed. */
static int read_bytes(void *context, uint8_t *data, int size)
{
    const struct media_av_reading *reading = context;
    for (;;) {
        if (is_cancelled(reading))
            return AVERROR_EXIT;
        struct pollfd wait = {.fd = reading->descriptor, .events = POLLIN};
        if (!reading->regular && poll(&wait, 1, POLL_MS) <= 0)
            continue;
        ssize_t got = read(reading->descriptor, data, (size_t)size);
        if (got > 0)
            return (int)got;
        if (got == 0)
            return AVERROR_EOF;
        if (errno != EINTR && errno != EAGAIN)
            return AVERROR(errno);
    }
}

static int64_t seek_bytes(void *context, int64_t offset, int whence)
{
    const struct media_av_reading *reading = context;
    struct stat status;
    if (whence & AVSEEK_SIZE)
        return fstat(reading->descriptor, &status) == 0 ? (int64_t)status.st_size : AVERROR(errno);
    int64_t at = lseek(reading->descriptor, (off_t)offset, whence & ~AVSEEK_FORCE);
    return at < 0 ? AVERROR(errno) : at;
}

/* For files: whatever they refer to stays closed. */
static int refuse(struct AVFormatContext *format, AVIOContext **out, const char *url, int flags,
                  AVDictionary **settings)
{
    *out = NULL;
    return AVERROR(EACCES);
}

static int open_io(struct media_av_reading *reading)
{
    struct stat status;
    reading->regular = fstat(reading->descriptor, &status) == 0 && S_ISREG(status.st_mode);
    uint8_t *buffer = av_malloc(IO_BYTES);
    if (buffer)
        reading->io = avio_alloc_context(buffer, IO_BYTES, 0, reading, read_bytes, NULL,
                                         reading->regular ? seek_bytes : NULL);
    if (!reading->io) {
        av_free(buffer);
        return base_error_memory(IO_BYTES, "a reading buffer");
    }
    reading->format->pb = reading->io;
    reading->format->flags |= AVFMT_FLAG_CUSTOM_IO;
    reading->format->io_open = refuse;
    return 0;
}

/* What ended an attempt before FFmpeg could say why; 0: it was neither. */
static int interruption(const struct media_av_reading *reading, const char *name, int error)
{
    if (error < 0 && is_cancelled(reading))
        return base_error(STANCE_ECANCELLED, "'%s': cancelled", name);
    if (error == AVERROR_EXIT || (error < 0 && media_av_reading_is_late(reading)))
        return base_error(STANCE_EIO, "'%s': no answer within %.1f s", name,
                          (double)reading->timeout_ns / 1e9);
    return 0;
}

static int open_format(struct media_av_reading *reading, const struct media_av_input *input)
{
    const AVInputFormat *format = NULL;
    if (input->format && !(format = av_find_input_format(input->format)))
        return base_error(STANCE_EUNSUPPORTED, "'%s': this build of FFmpeg has no reader '%s'",
                          input->name, input->format);
    if (!input->url)
        BASE_TRY(open_io(reading));
    AVDictionary *none = NULL, **settings = input->settings ? input->settings : &none;
    if (input->network)
        av_dict_set(settings, "protocol_whitelist", NETWORK_PROTOCOLS, 0);
    media_av_log_clear();
    media_av_reading_begin(reading);
    /* On failure the context is freed. */
    int error = avformat_open_input(&reading->format, input->url, format, settings);
    av_dict_free(&none);
    BASE_TRY(interruption(reading, input->name, error));
    if (error < 0)
        return media_av_error(error, input->network || input->device ? STANCE_EIO : STANCE_EFORMAT,
                              input->device    ? "cannot open the camera '%s'"
                              : input->network ? "cannot open '%s'"
                                               : "'%s' is not a video stance can read",
                              input->name);
    return 0;
}

static int check_sizes(const AVFormatContext *format)
{
    for (unsigned i = 0; i < format->nb_streams; i++) {
        const AVCodecParameters *parameters = format->streams[i]->codecpar;
        if (parameters->codec_type == AVMEDIA_TYPE_VIDEO && parameters->width > 0)
            BASE_TRY(media_picture_check_size("video", parameters->width, parameters->height));
    }
    return 0;
}

/* FFmpeg decodes a little to find out about streams: with the same limits as later. */
static int find_streams(struct media_av_reading *reading, const char *name)
{
    AVFormatContext *format = reading->format;
    unsigned count = format->nb_streams;
    BASE_TRY(check_sizes(format));
    AVDictionary **settings = base_alloc_zero(count ? count : 1, sizeof *settings);
    if (!settings)
        return base_error_memory(count * sizeof *settings, "settings of streams");
    for (unsigned i = 0; i < count; i++) {
        av_dict_set_int(&settings[i], "max_pixels", MEDIA_MAX_PIXELS, 0);
        av_dict_set_int(&settings[i], "threads", 1, 0);
    }
    media_av_reading_begin(reading);
    int error = avformat_find_stream_info(format, settings);
    for (unsigned i = 0; i < count; i++)
        av_dict_free(&settings[i]);
    base_free(settings);
    BASE_TRY(interruption(reading, name, error));
    if (error < 0)
        return media_av_error(error, STANCE_EFORMAT, "'%s': no usable stream", name);
    return check_sizes(format);
}

int media_av_reading_open(struct media_av_reading *reading, const struct media_av_input *input,
                          const struct media_request *request)
{
    media_av_log_open();
    *reading = (struct media_av_reading){.descriptor = input->descriptor,
                                         .cancel = request->cancel,
                                         .format = avformat_alloc_context()};
    if (!reading->format)
        return base_error_memory(sizeof *reading->format, "a demuxer");
    if (input->network || input->device)
        reading->timeout_ns = request->options->timeout_us * 1000;
    reading->format->interrupt_callback = (AVIOInterruptCB){must_end, reading};
    reading->format->max_streams = MOST_STREAMS;
    if (input->device) /* so that waiting for it can be ended */
        reading->format->flags |= AVFMT_FLAG_NONBLOCK;
    int code = open_format(reading, input);
    if (code == 0)
        code = find_streams(reading, input->name);
    if (code < 0)
        media_av_reading_close(reading);
    return code;
}

void media_av_reading_close(struct media_av_reading *reading)
{
    avformat_close_input(&reading->format);
    if (reading->io) {
        av_freep(&reading->io->buffer);
        avio_context_free(&reading->io);
    }
    if (reading->descriptor > 0)
        close(reading->descriptor);
    reading->descriptor = -1;
}

/* A variable-length number of EBML (RFC 8794, section 4): its length in bytes, 0 for none. */
static size_t ebml_number(const uint8_t *at, size_t size, uint64_t *value, bool *unknown)
{
    size_t length = 1;
    while (length <= 8 && size && !(at[0] & 0x80 >> (length - 1)))
        length++;
    if (length > 8 || length > size)
        return 0;
    uint64_t ones = ((uint64_t)1 << 7 * length) - 1;
    *value = at[0] & (0xff >> length);
    for (size_t i = 1; i < length; i++)
        *value = *value << 8 | at[i];
    *unknown = *value == ones;
    return length;
}

static bool is_matroska_cut(const uint8_t *head, size_t head_size, uint64_t size)
{
    bool unknown;
    uint64_t length;
    size_t at = 4, bytes = ebml_number(head + at, head_size - at, &length, &unknown);
    if (!bytes || unknown || length > head_size)
        return false;
    at += bytes + (size_t)length;
    if (at + 4 > head_size || memcmp(head + at, "\x18\x53\x80\x67", 4) != 0)
        return false;
    at += 4;
    bytes = ebml_number(head + at, head_size - at, &length, &unknown);
    return bytes && !unknown && length < UINT64_MAX / 2 && at + bytes + length > size;
}

bool media_is_cut_off(const uint8_t *head, size_t head_size, int64_t size)
{
    if (head_size >= 12 && memcmp(head, "RIFF", 4) == 0 && memcmp(head + 8, "AVI ", 4) == 0) {
        uint64_t length =
            head[4] | (uint32_t)head[5] << 8 | (uint32_t)head[6] << 16 | (uint64_t)head[7] << 24;
        return length + 8 > (uint64_t)size;
    }
    return head_size >= 8 && memcmp(head, "\x1a\x45\xdf\xa3", 4) == 0 &&
           is_matroska_cut(head, head_size, (uint64_t)size);
}

/* Whether the index knows of frames beyond the end (MP4 with its index in front). */
static bool is_index_cut(const AVFormatContext *format, int64_t size)
{
    for (unsigned i = 0; i < format->nb_streams; i++) {
        AVStream *stream = format->streams[i];
        int count = avformat_index_get_entries_count(stream);
        for (int k = count; k-- > 0;) {
            const AVIndexEntry *entry = avformat_index_get_entry(stream, k);
            if (entry->pos > size - entry->size)
                return true;
        }
    }
    return false;
}

bool media_av_reading_is_cut_off(const struct media_av_reading *reading)
{
    uint8_t head[256];
    struct stat status;
    if (!reading->io || !reading->regular || fstat(reading->descriptor, &status) != 0)
        return false;
    ssize_t got = pread(reading->descriptor, head, sizeof head, 0);
    return (got > 0 && media_is_cut_off(head, (size_t)got, status.st_size)) ||
           is_index_cut(reading->format, status.st_size);
}
