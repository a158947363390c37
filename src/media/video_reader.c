/* Readers: which kind of source an input is, frame after frame, or the newest one. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"
#include "media/live.h"
#include "media/source.h"

/* The first that accepts the input takes it. */
static const struct media_source_kind *const kinds[] = {
    &media_camera_source, &media_url_source, &media_sequence_source, &media_file_source, NULL,
};

struct stance_video_reader {
    char *input;
    struct stance_video_options options;
    atomic_int cancel;
    struct media_request request;
    struct media_source *source; /* of the live thread, while there is one */
    struct media_live *live;
    struct stance_video_info info;
    struct stance_video_stats stats;
    int64_t index;
    atomic_llong corrected;
    bool ended;
    int code; /* how it ended */
    char text[MEDIA_CAUSE_BYTES], cause[MEDIA_CAUSE_BYTES];
};

void stance_video_options_default(struct stance_video_options *options)
{
    *options = (struct stance_video_options){
        .struct_size = sizeof *options,
        .live = -1,
        .timeout_us = 10 * 1000000,
        .reconnects = -1,
        .backoff_us = 500000,
        .backoff_most_us = 30 * 1000000,
    };
}

static int check_options(const struct stance_video_options *options)
{
    if (options->threads < 0 || options->threads > 64)
        return base_error(STANCE_EARGUMENT, "video: %d decoding threads; use 1 … 64",
                          options->threads);
    if (!(options->frame_rate >= 0 && options->frame_rate <= 100000))
        return base_error(STANCE_EARGUMENT, "video: a frame rate of %g", options->frame_rate);
    const int64_t times[] = {options->timeout_us, options->backoff_us, options->backoff_most_us};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
        if (times[i] < 0 || times[i] > (int64_t)86400 * 1000000)
            return base_error(STANCE_EARGUMENT, "video: times are 0 … one day");
    if (options->width < 0 || options->height < 0 || options->width > STANCE_IMAGE_MAX_SIDE ||
        options->height > STANCE_IMAGE_MAX_SIDE)
        return base_error(STANCE_EARGUMENT, "video: a size of %d×%d pixels", options->width,
                          options->height);
    return 0;
}

static int open_source(void *context)
{
    struct stance_video_reader *reader = context;
    for (int i = 0; kinds[i]; i++)
        if (kinds[i]->accepts(reader->input))
            return kinds[i]->open(&reader->source, &reader->request);
    return base_error(STANCE_EARGUMENT, "'%s' cannot be read", reader->input);
}

static int next_frame(void *context, struct stance_video_frame *frame)
{
    struct stance_video_reader *reader = context;
    int status = reader->source->kind->next(reader->source, frame);
    atomic_store(&reader->corrected, reader->source->corrected);
    return status;
}

static void close_source(void *context)
{
    struct stance_video_reader *reader = context;
    if (reader->source)
        reader->source->kind->close(reader->source);
    reader->source = NULL;
}

static int64_t now_us(void *context)
{
    return base_clock_ns() / 1000;
}

static void pause_us(void *context, int64_t us)
{
    const struct stance_video_reader *reader = context;
    enum { PORTION_US = 50000 };
    for (int64_t end = now_us(NULL) + us; !atomic_load(&reader->cancel);) {
        int64_t left = end - now_us(NULL);
        if (left <= 0)
            return;
        left = left < PORTION_US ? left : PORTION_US;
        nanosleep(&(struct timespec){.tv_nsec = (long)left * 1000}, NULL);
    }
}

static int open_live(struct stance_video_reader *reader)
{
    struct media_live_input input = {.context = reader,
                                     .open = open_source,
                                     .next = next_frame,
                                     .close = close_source,
                                     .now_us = now_us,
                                     .pause = pause_us,
                                     .cancel = &reader->cancel,
                                     .endless = reader->source->live};
    struct media_live_options options = {
        reader->options.backoff_us, reader->options.backoff_most_us, reader->options.reconnects};
    reader->info.live = 1;
    return media_live_open(&reader->live, &input, &options);
}

static int open_reader(struct stance_video_reader *reader, const char *input)
{
    BASE_TRY(check_options(&reader->options));
    reader->input = base_strdup(input);
    if (!reader->input)
        return base_error_memory(strlen(input), "a path");
    reader->request = (struct media_request){reader->input, &reader->options, &reader->cancel};
    BASE_TRY(open_source(reader));
    reader->info = reader->source->info;
    bool live = reader->options.live < 0 ? reader->source->live : reader->options.live;
    return live ? open_live(reader) : 0;
}

int stance_video_reader_open(struct stance_video_reader **out, const char *input,
                             const struct stance_video_options *options)
{
    *out = NULL;
    struct stance_video_reader *reader = base_alloc_zero(1, sizeof *reader);
    if (!reader)
        return base_error_memory(sizeof *reader, "a video reader");
    stance_video_options_default(&reader->options);
    if (options)
        memcpy(&reader->options, options,
               options->struct_size < sizeof *options ? options->struct_size : sizeof *options);
    int code = open_reader(reader, input);
    if (code < 0)
        stance_video_reader_close(&reader);
    *out = reader;
    return code;
}

void stance_video_reader_close(struct stance_video_reader **handle)
{
    struct stance_video_reader *reader = *handle;
    *handle = NULL;
    if (!reader)
        return;
    atomic_store(&reader->cancel, 1);
    media_live_close(&reader->live);
    close_source(reader);
    base_free(reader->input);
    base_free(reader);
}

const struct stance_video_info *stance_video_reader_info(const struct stance_video_reader *reader)
{
    return &reader->info;
}

struct media_source *media_reader_source(const struct stance_video_reader *reader)
{
    return reader->live ? NULL : reader->source;
}

static int end_with(struct stance_video_reader *reader, int code)
{
    reader->ended = true;
    reader->code = code;
    snprintf(reader->text, sizeof reader->text, "%s", code < 0 ? stance_error_text() : "");
    return code;
}

static int read_next(struct stance_video_reader *reader, struct stance_video_frame *frame)
{
    int status = next_frame(reader, frame);
    if (status != STANCE_VIDEO_FRAME)
        return status;
    frame->index = reader->index++;
    if (frame->code < 0)
        reader->stats.damaged++;
    else
        reader->stats.frames++;
    return status;
}

int stance_video_reader_read(struct stance_video_reader *reader, struct stance_video_frame *frame,
                             int64_t wait_us)
{
    *frame = (struct stance_video_frame){0};
    if (reader->ended)
        return reader->code < 0 ? base_error(reader->code, "%s", reader->text) : reader->code;
    if (atomic_load(&reader->cancel))
        return end_with(reader, base_error(STANCE_ECANCELLED, "'%s': cancelled", reader->input));
    int status = reader->live ? media_live_read(reader->live, frame, wait_us, reader->cause)
                              : read_next(reader, frame);
    return status == STANCE_VIDEO_FRAME || status == STANCE_VIDEO_WAIT ? status
                                                                       : end_with(reader, status);
}

void stance_video_reader_stats(const struct stance_video_reader *reader,
                               struct stance_video_stats *stats)
{
    *stats = reader->stats;
    stats->state = reader->ended ? STANCE_VIDEO_ENDED : STANCE_VIDEO_ONLINE;
    stats->corrected = atomic_load(&reader->corrected);
    if (reader->live)
        media_live_stats(reader->live, stats);
}

void stance_video_reader_cancel(struct stance_video_reader *reader)
{
    atomic_store(&reader->cancel, 1);
    if (reader->live)
        media_live_wake(reader->live);
}
