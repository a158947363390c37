/* What a video reader reads from: one descriptor for each kind of input. */
#ifndef MEDIA_SOURCE_H
#define MEDIA_SOURCE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/errors.h"
#include "stance/video.h"

struct media_audio;
struct media_source;

struct media_request {
    const char *input;
    const struct stance_video_options *options;
    atomic_int *cancel; /* becomes not 0 when reading shall end */
};

struct media_source_kind {
    const char *name;
    bool (*accepts)(const char *input);
    int (*open)(struct media_source **out, const struct media_request *request);
    /* An enum stance_video_status or a negative error. `frame` is cleared by the caller; the source
     * fills image, time, duration, code and cause. */
    int (*next)(struct media_source *source, struct stance_video_frame *frame);
    void (*close)(struct media_source *source);
};

enum { MEDIA_CAUSE_BYTES = 512 };

/* Every kind's source begins with this. */
struct media_source {
    const struct media_source_kind *kind;
    struct stance_video_info info;
    bool live;                      /* frames come when they want to */
    int64_t corrected;              /* times, see stance_video_stats */
    int64_t base_num, base_den;     /* ticks of its times in seconds */
    int64_t aspect_num, aspect_den; /* of a pixel; 1:1 mostly */
    struct media_audio *audio;      /* NULL: none kept */
    char cause[MEDIA_CAUSE_BYTES];
};

extern const struct media_source_kind media_camera_source, media_url_source, media_sequence_source,
    media_file_source;

/* Of a reader, for a writer. */
struct media_source *media_reader_source(const struct stance_video_reader *reader);

#endif
