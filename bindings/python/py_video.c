/* Videos: sources of frames. */
#include "binding.h"

#define FIELD(kind, name) PYTHON_FIELD(stance_video_options, kind, name)

static const struct python_option options_table[] = {
    FIELD(PYTHON_INT, threads),       FIELD(PYTHON_CHOICE, live),
    FIELD(PYTHON_BOOL, writable),     FIELD(PYTHON_BOOL, audio),
    FIELD(PYTHON_INT, width),         FIELD(PYTHON_INT, height),
    FIELD(PYTHON_DOUBLE, frame_rate), FIELD(PYTHON_INT64, timeout_us),
    FIELD(PYTHON_INT, reconnects),    {0},
};

/* Other threads may be waiting in it. */
static int close_video(struct python_handle *handle)
{
    struct python_video *video = (struct python_video *)handle;
    if (video->cancellable)
        stance_video_reader_cancel(video->cancellable);
    video->cancellable = NULL;
    PyThreadState *thread = PyEval_SaveThread();
    python_ahead_stop(video);
    PyThread_acquire_lock(handle->lock, WAIT_LOCK);
    stance_video_reader_close(&video->reader);
    PyThread_release_lock(handle->lock);
    PyEval_RestoreThread(thread);
    return 0;
}

static void drop_video(struct python_handle *handle)
{
    struct python_ahead *ahead = &((struct python_video *)handle)->ahead;
    if (ahead->running) {
        pthread_cond_destroy(&ahead->changed);
        pthread_mutex_destroy(&ahead->mutex);
    }
}

static const struct python_handle_kind kind = {close_video, drop_video};

PyObject *python_read_video(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"source", "pixels", NULL};
    static const struct python_signature signature = {"read_video", 1, names, options_table};
    PyObject *values[2], *source = NULL;
    int pixels = 0;
    struct stance_video_options options;
    stance_video_options_default(&options);
    if (python_arguments(&signature, args, kwargs, values, &options) < 0 ||
        (values[1] && python_word("pixels", python_pixels, values[1], &pixels) < 0))
        return NULL;
    struct python_video *video = (struct python_video *)python_handle_new(python.video, NULL, NULL);
    if (!video || python_handle_open(&video->handle, &kind) < 0 ||
        !PyUnicode_FSConverter(values[0], &source)) {
        Py_XDECREF((PyObject *)video);
        return NULL;
    }
    video->pixels = STANCE_RGB24 + pixels;
    video->writable = options.writable;
    PyThreadState *thread = PyEval_SaveThread();
    int code = stance_video_reader_open(&video->reader, PyBytes_AsString(source), &options);
    PyEval_RestoreThread(thread);
    Py_DECREF(source);
    video->cancellable = video->reader;
    video->live = code == 0 && stance_video_reader_info(video->reader)->live;
    if (python_handle_opened(&video->handle, code) < 0) {
        Py_DECREF((PyObject *)video);
        return NULL;
    }
    return (PyObject *)video;
}

/* Of files the next one that was read ahead; the first call begins with it. Live sources are read when
 * they are asked, for up to `wait_us`. */
static void next_shot(struct python_video *video, struct python_shot *shot, int64_t wait_us)
{
    bool ahead =
        !video->live && video->cancellable && (video->ahead.running || python_ahead_start(video));
    PyThreadState *thread = PyEval_SaveThread();
    if (ahead)
        python_ahead_take(video, shot);
    else
        python_read_shot(video, shot, wait_us);
    PyEval_RestoreThread(thread);
}

static PyObject *frame_object(struct python_video *video, const struct python_shot *shot)
{
    PyObject *object = python_frame_open(&shot->frame, video->pixels, video->writable);
    if (object && shot->frame.code < 0) {
        PyObject *error = python_error_open(shot->frame.code, shot->sentence);
        ((struct python_frame *)object)->error = error;
        if (!error)
            Py_CLEAR(object);
    }
    return object;
}

static PyObject *raise_shot(const struct python_shot *shot)
{
    if (shot->status == PYTHON_CLOSED)
        return python_raise(PYTHON_CLOSED, "Video");
    return python_raise_error(python_error_open(shot->status, shot->sentence));
}

/* A frame, or NULL: with an exception, or `*status` says END or WAIT. Waiting goes in slices, so that
 * Ctrl-C ends it. */
static PyObject *next_frame(struct python_video *video, int64_t wait_us, int *status)
{
    const int64_t slice_us = 100000;
    for (;;) {
        struct python_shot shot;
        int64_t wait = wait_us >= 0 && wait_us < slice_us ? wait_us : slice_us;
        next_shot(video, &shot, wait);
        *status = shot.status;
        video->ended = shot.status == STANCE_VIDEO_END || shot.status < 0;
        if (shot.status < 0)
            return raise_shot(&shot);
        if (shot.status == STANCE_VIDEO_FRAME && shot.frame.image)
            return frame_object(video, &shot);
        if (PyErr_CheckSignals() < 0 || shot.status == STANCE_VIDEO_END)
            return NULL;
        if (shot.status == STANCE_VIDEO_WAIT && video->live && wait_us >= 0 &&
            (wait_us -= wait) <= 0)
            return NULL;
    }
}

static PyObject *video_next(PyObject *self)
{
    int status = 0;
    return next_frame((struct python_video *)self, -1, &status);
}

static PyObject *video_read(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"wait_us", NULL};
    static const struct python_signature signature = {"read", 0, names, NULL};
    PyObject *value;
    int64_t wait_us = -1;
    int status = 0;
    if (python_arguments(&signature, args, kwargs, &value, NULL) < 0 ||
        python_int64("wait_us", value, &wait_us) < 0)
        return NULL;
    PyObject *frame = next_frame((struct python_video *)self, wait_us, &status);
    if (frame || PyErr_Occurred())
        return frame;
    Py_RETURN_NONE;
}

static PyObject *video_cancel(PyObject *self, PyObject *unused)
{
    struct python_video *video = (struct python_video *)self;
    if (video->cancellable)
        stance_video_reader_cancel(video->cancellable);
    Py_RETURN_NONE;
}

static PyObject *get_info(PyObject *self, void *unused)
{
    struct python_video *video = (struct python_video *)self;
    struct stance_video_info info;
    PyThreadState *thread = python_enter(&video->handle);
    bool open = video->reader != NULL;
    if (open)
        info = *stance_video_reader_info(video->reader);
    python_leave(&video->handle, thread);
    if (!open)
        return python_raise(PYTHON_CLOSED, "Video");
    return python_record("VideoInfo", "(iiOidLLOss)", info.width, info.height,
                         info.live ? Py_True : Py_False, info.rotation, info.frame_rate,
                         (long long)info.duration_us, (long long)info.frame_count,
                         info.has_audio ? Py_True : Py_False, info.container, info.codec);
}

static PyObject *get_stats(PyObject *self, void *unused)
{
    static const char *const states[] = {"online", "offline", "ended"};
    struct python_video *video = (struct python_video *)self;
    struct stance_video_stats stats;
    PyThreadState *thread = python_enter(&video->handle);
    bool open = video->reader != NULL;
    if (open)
        stance_video_reader_stats(video->reader, &stats);
    python_leave(&video->handle, thread);
    if (!open)
        return python_raise(PYTHON_CLOSED, "Video");
    return python_record("VideoStats", "(siLLLL)", states[stats.state], stats.epoch,
                         (long long)stats.frames, (long long)stats.damaged,
                         (long long)stats.dropped, (long long)stats.corrected);
}

static PyObject *get_ended(PyObject *self, void *unused)
{
    return PyBool_FromLong(((struct python_video *)self)->ended);
}

static PyGetSetDef fields[] = {
    {"info", get_info, NULL, "What is known since it was opened: a VideoInfo.", NULL},
    {"stats", get_stats, NULL, "How reading goes: a VideoStats.", NULL},
    {"ended", get_ended, NULL, "Whether there are no more frames.", NULL},
    {0},
};

static PyMethodDef methods[] = {
    {"read", PYTHON_METHOD(video_read), METH_VARARGS | METH_KEYWORDS,
     "read(wait_us=-1)\n\nThe next Frame, of live sources the newest. None: the end, or no frame "
     "came "
     "in wait_us\nmicroseconds (-1: for ever; live sources only); `ended` tells."},
    {"cancel", video_cancel, METH_NOARGS,
     "cancel()\n\nEnds waiting and reading soon, from any thread: reads raise CancelledError."},
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_getset, fields},
    {Py_tp_methods, methods},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, video_next},
    {Py_tp_doc,
     (void *)"An open source of frames, which it gives one after the other; see read_video()."},
    {0, NULL},
};

PYTHON_TYPE(python_video, "Video", Py_TPFLAGS_DISALLOW_INSTANTIATION);
