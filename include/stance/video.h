/* Video in and out: files, picture sequences, pipes, network streams and cameras become pictures
 * with times; pictures become MP4, Matroska and WebM files. In libstance-media.
 *
 * Times are microseconds from the start of the stream; they rise strictly from frame to frame.
 * Threads: a reader or writer belongs to one thread at a time (they may be two), except for
 * stance_video_reader_cancel(). */
#ifndef STANCE_VIDEO_H
#define STANCE_VIDEO_H

#include "stance/image.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Reading ---- */

struct stance_video_reader;

struct stance_video_options {
    uint32_t struct_size; /* filled by stance_video_options_default() */
    int32_t threads;      /* of the decoder; 0: 1 */
    int32_t live;         /* 1: newest frame only, 0: every frame, -1: as suits the source; -1 */
    int32_t writable; /* not 0: frames may be drawn on; decoders keep theirs, so some are copied */
    int32_t audio;    /* not 0: keep the audio packets for a writer; 0 */
    int32_t width, height; /* wanted of a camera; 0: its own choice */
    double frame_rate;  /* wanted of a camera (0: its own choice); of picture sequences (0: 25) */
    int64_t timeout_us; /* without an answer of a network source or camera; 10 s */
    int32_t reconnects; /* of a live source that went away, in a row; -1: for ever; -1 */
    int32_t reserved;
    int64_t backoff_us;      /* before the first reconnection, doubled for each further; 0.5 s */
    int64_t backoff_most_us; /* 30 s */
};

STANCE_API void stance_video_options_default(struct stance_video_options *options);

struct stance_video_info {
    int32_t width, height; /* of the first frame, upright */
    int32_t live;          /* not 0: newest frame only */
    int32_t rotation;      /* degrees clockwise that were applied to the stored frames */
    double frame_rate;     /* nominal; 0: unknown */
    int64_t duration_us;   /* as the container says; -1: unknown */
    int64_t frame_count;   /* as the container says; -1: unknown */
    int32_t has_audio;
    int32_t reserved;
    char container[32], codec[32]; /* "mov,mp4,m4a,3gp,3g2,mj2", "h264" */
};

enum stance_video_status {
    STANCE_VIDEO_END = 0,   /* no more frames */
    STANCE_VIDEO_FRAME = 1, /* a frame, or the report of a damaged one */
    STANCE_VIDEO_WAIT = 2,  /* live sources: no new frame within the time given */
};

struct stance_video_frame {
    /* YUV420P, NV12, GRAY8, RGB24 or BGR24, upright; read-only unless `writable` was asked for.
     * Close it when done with it. NULL: a damaged frame of which nothing is left. */
    struct stance_image *image;
    int64_t index; /* 0, 1, 2 …; of live sources with gaps where frames were dropped */
    int64_t time_us, duration_us;
    int32_t epoch; /* how often a live source was connected anew before this frame */
    int32_t code;  /* of a damaged frame: negative, also where `image` has what could be guessed */
    const char
        *cause; /* of a damaged frame: file, frame and reason, valid until the next call; else
                          NULL */
};

enum stance_video_state {
    STANCE_VIDEO_ONLINE = 0,
    STANCE_VIDEO_OFFLINE = 1, /* a live source that is gone and being looked for */
    STANCE_VIDEO_ENDED = 2,
};

struct stance_video_stats {
    int32_t state;     /* enum stance_video_state */
    int32_t epoch;     /* reconnections so far */
    int64_t frames;    /* good ones that came in */
    int64_t damaged;   /* ones that could not be decoded */
    int64_t dropped;   /* good ones of a live source that were replaced by newer ones */
    int64_t corrected; /* timestamps that were missing or did not rise */
};

/* Opens a source:
 *   a file            in any container and codec of FFmpeg
 *   "-"               standard input
 *   a folder, "a*.png", "img_%04d.png"   picture sequence, in natural order ("2" before "10")
 *   "http://…", "https://…", "rtsp://…", "rtmp://…", "udp://…", "rtp://…", "srt://…"
 *   "camera:0"        camera 0 (Video4Linux), also "camera:/dev/video0"
 * Existing files go before patterns. What a file names in turn (playlists, references) is not
 * opened; network streams may only lead to the network. `options` NULL: the defaults.
 * Errors: ENOTFOUND, EIO, EFORMAT, EUNSUPPORTED, ELIMIT (size of the picture), EDEVICE (cameras),
 * EARGUMENT, ENOMEMORY. */
STANCE_API int stance_video_reader_open(struct stance_video_reader **out, const char *input,
                                        const struct stance_video_options *options);

/* NULL allowed; sets NULL. Pictures handed out stay valid. */
STANCE_API void stance_video_reader_close(struct stance_video_reader **reader);

/* What is known since opening; valid until closing. */
STANCE_API const struct stance_video_info *
stance_video_reader_info(const struct stance_video_reader *reader);

/* The next frame of a file, the newest unread one of a live source. `wait_us`: how long to wait
 * for a frame of a live source, -1: until there is one. Returns an enum stance_video_status, or a
 * negative error that ends the stream and is returned again by later calls: EFORMAT or EIO for
 * files that are cut off or cannot be read on (after all their good frames), ECANCELLED, ELIMIT
 * (too many pictures are kept), ENOMEMORY. Damage in the middle is no error but a frame with
 * `code` and `cause`. */
STANCE_API int stance_video_reader_read(struct stance_video_reader *reader,
                                        struct stance_video_frame *frame, int64_t wait_us);

STANCE_API void stance_video_reader_stats(const struct stance_video_reader *reader,
                                          struct stance_video_stats *stats);

/* Ends waiting and reading soon, from any thread: reads return ECANCELLED from then on. */
STANCE_API void stance_video_reader_cancel(struct stance_video_reader *reader);

/* ---- Writing ---- */

struct stance_video_writer;

struct stance_video_writer_options {
    uint32_t struct_size; /* filled by stance_video_writer_options_default() */
    int32_t crf;        /* quality of constant-quality encoders, 0 … 63; -1: the encoder's own */
    const char *codec;  /* "h264", "hevc", "vp9", "av1" … or an encoder of FFmpeg ("libx265",
                             "h264_nvenc"); NULL: h264, for WebM vp9 */
    const char *preset; /* the encoder's own word for speed ("veryfast", "8"); NULL: a fast one */
    int32_t threads;    /* of the encoder; some files depend on it, so it is fixed; 2 */
    int32_t width,
        height;        /* of the video, even for most encoders; 0: of `source` or the first frame */
    int32_t audio;     /* not 0: copy the audio of `source`, if it kept any; 1 */
    double frame_rate; /* nominal; 0: of `source`, else 25 */
    struct stance_video_reader *source; /* where the frames come from, for time base and audio; or
                                           NULL. May be closed before the writer */
};

STANCE_API void stance_video_writer_options_default(struct stance_video_writer_options *options);

/* Opens a video file for writing: .mp4, .m4v, .mov, .mkv or .webm by the path's ending. All is
 * written to "PATH.part-PID". `options` NULL: the defaults.
 * Errors: EARGUMENT (ending, options the encoder does not take), EUNSUPPORTED (codec or encoder
 * not in this FFmpeg, codec or audio that the container cannot hold), EDEVICE (the hardware
 * encoder that was asked for is not there), EIO, ENOMEMORY. */
STANCE_API int stance_video_writer_open(struct stance_video_writer **out, const char *path,
                                        const struct stance_video_writer_options *options);

/* Appends a frame. One whose `time_us` is not later than the one before is refused with EARGUMENT,
 * and the file goes on without it. `duration_us`: how long it is shown if it is the last; 0: one
 * nominal frame. A picture of another size is scaled to fit, its aspect kept, on black.
 * Errors: EARGUMENT, EIO, EDEVICE, EUNSUPPORTED, ENOMEMORY. */
STANCE_API int stance_video_writer_add(struct stance_video_writer *writer,
                                       const struct stance_image *image, int64_t time_us,
                                       int64_t duration_us);

/* Finishes the file, opens it again and counts its frames, renames it to its path. Works after a
 * failed add and in the middle of a source, too: what was added can be played. Without any frame
 * there is no file. On error nothing is left, and an older file stays. NULL allowed; sets NULL.
 * Errors: EIO, EFORMAT (the file is not what was written), ENOMEMORY. */
STANCE_API int stance_video_writer_close(struct stance_video_writer **writer);

/* One line for logs: encoder, quality, container. Valid while it lives. */
STANCE_API const char *stance_video_writer_describe(const struct stance_video_writer *writer);

#ifdef __cplusplus
}
#endif
#endif
