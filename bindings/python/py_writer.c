/* Writers of video files. */
#include "binding.h"

#define FIELD(kind, name) PYTHON_FIELD(stance_video_writer_options, kind, name)

static const struct python_option options_table[] = {
    FIELD(PYTHON_TEXT, codec),        FIELD(PYTHON_INT, crf),    FIELD(PYTHON_TEXT, preset),
    FIELD(PYTHON_INT, threads),       FIELD(PYTHON_INT, width),  FIELD(PYTHON_INT, height),
    FIELD(PYTHON_DOUBLE, frame_rate), FIELD(PYTHON_BOOL, audio), {0},
};

struct python_writer {
    struct python_handle handle;
    struct stance_video_writer *writer; /* under the lock */
    PyObject *description;
};

static int close_writer(struct python_handle *handle)
{
    PyThreadState *thread = python_enter(handle);
    int code = stance_video_writer_close(&((struct python_writer *)handle)->writer);
    python_leave(handle, thread);
    return code;
}

static void drop_writer(struct python_handle *handle)
{
    Py_CLEAR(((struct python_writer *)handle)->description);
}

static const struct python_handle_kind kind = {close_writer, drop_writer};

/* Opens with a source under that source's lock. */
static int open_writer(struct python_writer *writer, const char *path,
                       struct stance_video_writer_options *options, struct python_video *source)
{
    if (source && !source->reader)
        return PYTHON_CLOSED;
    options->source = source ? source->reader : NULL;
    return stance_video_writer_open(&writer->writer, path, options);
}

static int writer_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"path", "source", NULL};
    static const struct python_signature signature = {"Writer", 1, names, options_table};
    struct python_writer *writer = (struct python_writer *)self;
    PyObject *values[2], *path = NULL;
    struct stance_video_writer_options options;
    stance_video_writer_options_default(&options);
    if (python_arguments(&signature, args, kwargs, values, &options) < 0)
        return -1;
    PyObject *source = values[1] && values[1] != Py_None ? values[1] : NULL;
    if (source && !PyObject_TypeCheck(source, python.video)) {
        python_fail(STANCE_ETYPE, "source: a Video of read_video() is wanted");
        return -1;
    }
    if (!PyUnicode_FSConverter(values[0], &path))
        return -1;
    if (python_handle_open(&writer->handle, &kind) < 0) {
        Py_DECREF(path);
        return -1;
    }
    struct python_video *video = (struct python_video *)source;
    PyThreadState *thread = video ? python_enter(&video->handle) : PyEval_SaveThread();
    int code = open_writer(writer, PyBytes_AsString(path), &options, video);
    if (video)
        python_leave(&video->handle, thread);
    else
        PyEval_RestoreThread(thread);
    Py_DECREF(path);
    if (code == 0)
        writer->description = PyUnicode_FromString(stance_video_writer_describe(writer->writer));
    if (code == 0 && !writer->description)
        code = PYTHON_RAISED;
    return python_handle_opened(&writer->handle, code);
}

/* Without the GIL, under the lock. */
static int add_locked(struct python_writer *writer, const struct stance_image *image,
                      int64_t time_us, int64_t duration_us)
{
    return writer->writer ? stance_video_writer_add(writer->writer, image, time_us, duration_us)
                          : PYTHON_CLOSED;
}

static PyObject *writer_add(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"image", "pixels", "time_us", "duration_us", NULL};
    static const struct python_signature signature = {"add", 1, names, NULL};
    struct python_writer *writer = (struct python_writer *)self;
    PyObject *values[4];
    struct python_image image;
    if (python_arguments(&signature, args, kwargs, values, NULL) < 0)
        return NULL;
    const struct python_frame *frame = python_frame(values[0]);
    int64_t time_us = frame ? frame->time_us : 0, duration_us = frame ? frame->duration_us : 0;
    if (!frame && !values[2])
        return python_fail(STANCE_EARGUMENT, "time_us: say when the picture is shown, in "
                                             "microseconds");
    if (python_int64("time_us", values[2], &time_us) < 0 ||
        python_int64("duration_us", values[3], &duration_us) < 0 ||
        python_image_take(&image, values[0], values[1], false) < 0)
        return NULL;
    PyThreadState *thread = python_enter(&writer->handle);
    int code = add_locked(writer, image.image, time_us, duration_us);
    python_leave(&writer->handle, thread);
    python_image_release(&image);
    if (code < 0)
        return python_raise(code, "Writer");
    Py_RETURN_NONE;
}

static PyObject *get_description(PyObject *self, void *unused)
{
    struct python_writer *writer = (struct python_writer *)self;
    if (writer->handle.state != PYTHON_OPEN)
        return python_raise(PYTHON_CLOSED, "Writer");
    Py_INCREF(writer->description);
    return writer->description;
}

static PyGetSetDef fields[] = {
    {"description", get_description, NULL, "One line for logs: encoder, quality, container.", NULL},
    {0},
};

static PyMethodDef methods[] = {
    {"add", PYTHON_METHOD(writer_add), METH_VARARGS | METH_KEYWORDS,
     "add(image, pixels=..., time_us=..., duration_us=0)\n\n"
     "Appends a frame: uint8 (height, width, 3), or a Frame, for which pixels and time_us may be\n"
     "left out. time_us must be later than that of the one before."},
    PYTHON_CLOSE("Finishes the file, checks and names it. Without a frame there is no file."),
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_init, writer_init},
    {Py_tp_getset, fields},
    {Py_tp_methods, methods},
    {Py_tp_doc,
     (void *)"Writer(path, source=None, *, codec=None, crf=-1, preset=None, threads=2, width=0, "
             "height=0, "
             "frame_rate=0.0,\n       audio=True)\n\n"
             "A video file: .mp4, .m4v, .mov, .mkv or .webm. It has its name when it is closed.\n\n"
             "source: the Video that frames come from, for time base and audio. codec: 'h264', "
             "'hevc', "
             "'vp9',\n"
             "'av1' ... or an encoder of FFmpeg. crf: quality, 0 ... 63; -1: the encoder's own. "
             "width, "
             "height: "
             "0: of\nsource or the first frame. frame_rate: nominal; 0: of source, else 25."},
    {0, NULL},
};

PYTHON_TYPE(python_writer, "Writer", Py_TPFLAGS_BASETYPE);
