/* Videos: sources of frames. */
#include <stdlib.h>
#include <string.h>

#include "binding.h"

#define FIELD(kind, name)                                                                          \
    {                                                                                              \
#name, kind, offsetof(struct stance_video_options, name), NULL                             \
    }

static const struct python_option options_table[] = {
    FIELD(PYTHON_INT, threads),       FIELD(PYTHON_CHOICE, live),
    FIELD(PYTHON_BOOL, writable),     FIELD(PYTHON_BOOL, audio),
    FIELD(PYTHON_INT, width),         FIELD(PYTHON_INT, height),
    FIELD(PYTHON_DOUBLE, frame_rate), FIELD(PYTHON_INT64, timeout_us),
    FIELD(PYTHON_INT, reconnects),    {0},
};

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
    if (!video || !PyUnicode_FSConverter(values[0], &source)) {
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
    if (python_handle_opened(&video->handle, code) < 0) {
        Py_DECREF((PyObject *)video);
        return NULL;
    }
    return (PyObject *)video;
}

/* Without the GIL: one read; the cause of damage is copied into `*cause`. */
static int read_locked(struct python_video *video, struct stance_video_frame *frame, char **cause,
                       int64_t wait_us)
{
    if (!video->reader)
        return PYTHON_CLOSED;
    int status = stance_video_reader_read(video->reader, frame, wait_us);
    if (status == STANCE_VIDEO_FRAME && frame->cause)
        *cause = strdup(frame->cause);
    video->ended = status == STANCE_VIDEO_END || status < 0;
    return status;
}

static PyObject *frame_object(struct python_video *video, const struct stance_video_frame *frame,
                              char *cause)
{
    PyObject *object = python_frame_open(frame, video->pixels, video->writable);
    if (object && frame->code < 0) {
        PyObject *error = python_error_open(frame->code, cause ? cause : "a damaged frame");
        ((struct python_frame *)object)->error = error;
        if (!error)
            Py_CLEAR(object);
    }
    free(cause);
    return object;
}

/* A frame, or NULL: with an exception, or `*status` says END or WAIT. Live sources are waited for in
 * slices, so that Ctrl-C ends it. */
static PyObject *next_frame(struct python_video *video, int64_t wait_us, int *status)
{
    const int64_t slice_us = 100000;
    for (;;) {
        struct stance_video_frame frame = {0};
        char *cause = NULL;
        int64_t wait = wait_us >= 0 && wait_us < slice_us ? wait_us : slice_us;
        PyThreadState *thread = python_enter(&video->handle);
        *status = read_locked(video, &frame, &cause, wait);
        python_leave(&video->handle, thread);
        if (*status < 0)
            return python_raise(*status, "Video");
        if (*status == STANCE_VIDEO_FRAME && frame.image)
            return frame_object(video, &frame, cause);
        free(cause);
        if (PyErr_CheckSignals() < 0 || *status == STANCE_VIDEO_END)
            return NULL;
        if (*status == STANCE_VIDEO_WAIT && wait_us >= 0 && (wait_us -= wait) <= 0)
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

static PyObject *video_close(PyObject *self, PyObject *unused)
{
    struct python_video *video = (struct python_video *)self;
    if (video->handle.state != PYTHON_OPEN)
        Py_RETURN_NONE;
    video->handle.state = PYTHON_CLOSED_STATE;
    stance_video_reader_cancel(video->cancellable); /* another thread may be waiting in it */
    video->cancellable = NULL;
    PyThreadState *thread = python_enter(&video->handle);
    stance_video_reader_close(&video->reader);
    python_leave(&video->handle, thread);
    Py_RETURN_NONE;
}

static void video_free(PyObject *self)
{
    struct python_video *video = (struct python_video *)self;
    PyThreadState *thread = PyEval_SaveThread();
    stance_video_reader_close(&video->reader);
    PyEval_RestoreThread(thread);
    python_handle_free(&video->handle);
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
    {"closed", python_handle_closed, NULL, "Whether it is closed.", NULL},
    {0},
};

static PyMethodDef methods[] = {
    {"read", PYTHON_METHOD(video_read), METH_VARARGS | METH_KEYWORDS,
     "read(wait_us=-1)\n\nThe next Frame, of live sources the newest. None: the end, or no frame "
     "came "
     "in wait_us\nmicroseconds (-1: for ever; live sources only); `ended` tells."},
    {"cancel", video_cancel, METH_NOARGS,
     "cancel()\n\nEnds waiting and reading soon, from any thread: reads raise CancelledError."},
    {"close", video_close, METH_NOARGS, "close()\n\nCloses it; its frames stay valid."},
    PYTHON_CONTEXT,
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_dealloc, video_free},
    {Py_tp_getset, fields},
    {Py_tp_methods, methods},
    {Py_tp_iter, PyObject_SelfIter},
    {Py_tp_iternext, video_next},
    {Py_tp_doc,
     (void *)"An open source of frames, which it gives one after the other; see read_video()."},
    {0, NULL},
};

PyType_Spec python_video_spec = {.name = "stance.Video",
                                 .basicsize = sizeof(struct python_video),
                                 .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                 .slots = slots};
