/* Videos on their way through `stance pose`: a reader each, the networks for all, one output. */
#ifndef CLI_POSE_VIDEO_H
#define CLI_POSE_VIDEO_H

#include <stdatomic.h>

#include "pose_command.h"
#include "queue.h"
#include "stage_times.h"

/* A frame, and later what was found in it. Reused. */
struct video_item {
    struct video_input *input;
    struct stance_video_frame frame; /* frame.cause is `cause`, or NULL */
    char cause[512];
    struct stance_pose_result result;
    struct stance_person *people; /* [capacity] */
    struct stance_keypoint *keypoints;
    int64_t *ids;
    int capacity;
    int64_t read_ns;
    double read_at; /* cli_clock() */
    bool has_result;
};

struct video_input {
    const char *path;
    struct video_job *job;
    struct stance_video_reader *reader;
    const struct stance_video_info *info;
    struct stance_stream *stream;
    struct stance_video_writer *writer;
    char output[4096]; /* of the video; empty: none */
    pthread_t thread;
    bool has_thread, ended;
    bool interrupted;          /* the signal left frames unread */
    char cause[512];           /* why reading failed */
    atomic_bool stopping;      /* by a signal */
    atomic_bool failed;        /* read or written in part only */
    struct queue frames, idle; /* read ones, and items that wait for one */
    struct video_item *items, **pending;
    int item_count, pending_count, since_measured;
    int64_t taken, damaged;    /* frames that came, and were damaged */
    atomic_llong done;         /* that left */
    struct stance_image *last; /* that was written; kept to stand in for one that is lost */
};

struct video_job {
    struct pose_job *pose;
    struct video_input *inputs;
    int count;
    struct queue out;
    pthread_t output;
    bool has_output, draws, data_failed; /* the last: of the output's thread */
    struct stage_times times;
    enum stance_fill fill;
    double started;
    struct view_window *window; /* of --show */
    bool paused, quit;
    pthread_mutex_t shown_mutex;
    struct stance_image *shown, *on_screen; /* for the window, under the mutex; in it */
};

/* Ends the reading, and with it all else in order. Any thread. */
void video_stop(struct video_job *job);

/* Opens readers, streams, outputs in this order, and nothing is written before all are in order. An
 * exit code after messages; an input that cannot be opened has ended and failed, all else goes on. */
int video_open_all(struct video_job *job, char **paths);

/* Begins to read ahead; false without a thread. */
bool video_input_start(struct video_input *input);
/* The next frame; NULL: none now (live), or no more (input->ended). */
struct video_item *video_next_frame(struct video_input *input);
/* Ends the reading soon; from any thread, for a signal. */
void video_input_stop(struct video_input *input);
void video_input_close(struct video_input *input);

/* Draws and writes what comes out of job->out until it is closed; a thread's function. */
void *video_output(void *job);
/* Finishes the video, if there is one. */
void video_finish(struct video_input *input);

#endif
