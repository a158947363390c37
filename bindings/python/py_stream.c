/* Streams: people over time. A stream has no lock of its own, it takes that of its pipeline. */
#include <stdlib.h>

#include "binding.h"

#define FIELD(kind, name) PYTHON_FIELD(stance_stream_options, kind, name)

static const struct python_option options_table[] = {
    FIELD(PYTHON_INT, detect_every),
    FIELD(PYTHON_FLOAT, detect_seconds),
    FIELD(PYTHON_FLOAT, support_seconds),
    FIELD(PYTHON_FLOAT, merge_iou),
    FIELD(PYTHON_FLOAT, box_scale),
    FIELD(PYTHON_FLOAT, keypoint_threshold),
    FIELD(PYTHON_TEXT, smoothing),
    FIELD(PYTHON_FLOAT, min_cutoff),
    FIELD(PYTHON_FLOAT, beta),
    FIELD(PYTHON_FLOAT, derivative_cutoff),
    {0},
};

struct python_stream {
    struct python_handle handle;
    struct python_pipeline *pipeline;
    bool owner;                   /* the pipeline is its own */
    struct stance_stream *stream; /* under the pipeline's lock, as are the next two */
    int64_t last_us;
    bool begun;
};

/* Its own pipeline goes with it when it is closed, not when it is forgotten: someone may have asked
 * for it. */
static int close_stream(struct python_handle *handle)
{
    struct python_stream *stream = (struct python_stream *)handle;
    struct python_pipeline *pipeline = stream->pipeline;
    if (!pipeline)
        return 0;
    PyThreadState *thread = python_enter(&pipeline->handle);
    if (stream->stream) {
        stance_stream_close(&stream->stream);
        python_pipeline_drop(pipeline);
    }
    python_leave(&pipeline->handle, thread);
    return stream->owner && handle->state == PYTHON_CLOSED_STATE
               ? python_handle_close(&pipeline->handle)
               : 0;
}

static void drop_stream(struct python_handle *handle)
{
    Py_XDECREF((PyObject *)((struct python_stream *)handle)->pipeline);
}

static const struct python_handle_kind kind = {close_stream, drop_stream};

static int open_stream(struct python_stream *stream, const struct stance_stream_options *options)
{
    struct python_pipeline *pipeline = stream->pipeline;
    PyThreadState *thread = python_enter(&pipeline->handle);
    int code = pipeline->pose && !pipeline->closing
                   ? stance_stream_open(&stream->stream, pipeline->pose, options)
                   : PYTHON_CLOSED;
    if (code == 0)
        pipeline->streams++;
    python_leave(&pipeline->handle, thread);
    return code;
}

static int stream_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"pipeline", "tracker", NULL};
    static const struct python_signature signature = {"Stream", 0, names, options_table};
    struct python_stream *stream = (struct python_stream *)self;
    PyObject *values[2];
    struct stance_stream_options options;
    struct stance_tracker_options tracker;
    stance_stream_options_default(&options);
    if (python_arguments(&signature, args, kwargs, values, &options) < 0 ||
        python_tracker_options(values[1], "pose", &tracker) < 0)
        return -1;
    options.tracker = &tracker;
    bool given = values[0] && values[0] != Py_None;
    if (given && !PyObject_TypeCheck(values[0], python.pipeline)) {
        python_fail(STANCE_ETYPE, "pipeline: a Pipeline is wanted");
        return -1;
    }
    if (python_handle_open(&stream->handle, &kind) < 0)
        return -1;
    PyObject *pipeline =
        given ? values[0] : PyObject_CallFunctionObjArgs((PyObject *)python.pipeline, NULL);
    if (given)
        Py_INCREF((PyObject *)pipeline);
    Py_XDECREF((PyObject *)stream->pipeline); /* of an earlier __init__ that failed */
    stream->pipeline = (struct python_pipeline *)pipeline;
    stream->owner = !given;
    return python_handle_opened(&stream->handle,
                                pipeline ? open_stream(stream, &options) : PYTHON_RAISED);
}

/* One stream's part of a call. */
struct turn {
    struct python_stream *stream;
    int64_t time_us;
    struct python_image image;
    struct python_people people;
};

/* Without the GIL, under the pipeline's lock. */
static int apply_locked(struct turn *turns, struct stance_stream_frame *frames, int count)
{
    struct python_pipeline *pipeline = turns[0].stream->pipeline;
    for (int i = 0; i < count; i++) {
        struct python_stream *stream = turns[i].stream;
        if (!stream->stream || pipeline->closing)
            return PYTHON_CLOSED;
        if (stream->begun && turns[i].time_us < stream->last_us)
            return PYTHON_BACKWARDS;
        frames[i] = (struct stance_stream_frame){
            .stream = stream->stream, .image = turns[i].image.image, .time_us = turns[i].time_us};
    }
    int code = stance_stream_apply(frames, count);
    for (int i = 0; code == 0 && i < count; i++) {
        turns[i].stream->last_us = turns[i].time_us;
        turns[i].stream->begun = true;
    }
    for (int i = 0; code == 0 && i < count; i++) {
        code = python_people_copy(&turns[i].people, &frames[i].result->pose, frames[i].result);
        while (code < 0 && i-- > 0)
            python_people_free(&turns[i].people);
    }
    return code;
}

/* People of all turns as a list. */
static PyObject *apply(struct turn *turns, int count)
{
    if (count < 1)
        return PyList_New(0);
    struct stance_stream_frame *frames = calloc((size_t)count, sizeof *frames);
    if (!frames)
        return PyErr_NoMemory();
    struct python_pipeline *pipeline = turns[0].stream->pipeline;
    PyThreadState *thread = python_enter(&pipeline->handle);
    int code = apply_locked(turns, frames, count);
    python_leave(&pipeline->handle, thread);
    free(frames);
    if (code < 0)
        return python_raise(code, "Stream");
    PyObject *list = PyList_New(0);
    for (int i = 0; i < count; i++) {
        PyObject *people = python_people_open(&turns[i].people, pipeline->keypoint_set);
        if (list && (!people || PyList_Append(list, people) < 0))
            Py_CLEAR(list);
        Py_XDECREF(people);
    }
    return list;
}

/* Stream, picture and time of a turn; `time` NULL: the frame's. */
static int take_turn(struct turn *turn, PyObject *stream, PyObject *image, PyObject *pixels,
                     PyObject *time)
{
    if (!PyObject_TypeCheck(stream, python.stream)) {
        python_fail(STANCE_ETYPE, "frames: tuples (stream, image, time_us) are wanted");
        return -1;
    }
    turn->stream = (struct python_stream *)stream;
    if (turn->stream->handle.state != PYTHON_OPEN) {
        python_raise(PYTHON_CLOSED, "Stream");
        return -1;
    }
    const struct python_frame *frame = python_frame(image);
    turn->time_us = frame ? frame->time_us : 0;
    time = time == Py_None ? NULL : time;
    if (!frame && !time) {
        python_fail(STANCE_EARGUMENT, "time_us: say when the picture was taken, in microseconds");
        return -1;
    }
    if (python_int64("time_us", time, &turn->time_us) < 0)
        return -1;
    return python_image_take(&turn->image, image, pixels, false);
}

static PyObject *stream_process(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"image", "pixels", "time_us", NULL};
    static const struct python_signature signature = {"process", 1, names, NULL};
    PyObject *values[3];
    struct turn turn;
    if (python_arguments(&signature, args, kwargs, values, NULL) < 0 ||
        take_turn(&turn, self, values[0], values[1], values[2]) < 0)
        return NULL;
    PyObject *list = apply(&turn, 1);
    python_image_release(&turn.image);
    PyObject *people = list ? PyList_GetItem(list, 0) : NULL;
    Py_XINCREF(people);
    Py_XDECREF(list);
    return people;
}

static PyObject *take_turns(struct turn *turns, PyObject *frames, PyObject *pixels)
{
    Py_ssize_t count = PyTuple_Size(frames), taken = 0;
    for (; taken < count; taken++) {
        PyObject *frame = PyTuple_GetItem(frames, taken);
        if (!PyTuple_Check(frame) || PyTuple_Size(frame) != 3) {
            python_fail(STANCE_ETYPE, "frames: tuples (stream, image, time_us) are wanted");
            break;
        }
        if (take_turn(&turns[taken], PyTuple_GetItem(frame, 0), PyTuple_GetItem(frame, 1), pixels,
                      PyTuple_GetItem(frame, 2)) < 0)
            break;
        if (turns[taken].stream->pipeline != turns[0].stream->pipeline) {
            python_image_release(&turns[taken].image);
            python_fail(STANCE_EARGUMENT, "frames: the streams are not all of one pipeline");
            break;
        }
    }
    PyObject *list = taken == count ? apply(turns, (int)count) : NULL;
    for (Py_ssize_t i = 0; i < taken; i++)
        python_image_release(&turns[i].image);
    return list;
}

PyObject *python_process_streams(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"frames", "pixels", NULL};
    static const struct python_signature signature = {"process_streams", 1, names, NULL};
    PyObject *values[2];
    if (python_arguments(&signature, args, kwargs, values, NULL) < 0)
        return NULL;
    PyObject *frames = PySequence_Tuple(values[0]);
    Py_ssize_t count = frames ? PyTuple_Size(frames) : -1;
    PyObject *list = NULL;
    if (count > INT16_MAX)
        python_fail(STANCE_ELIMIT, "frames: %zd streams are too many", count);
    else if (count >= 0) {
        struct turn *turns = calloc((size_t)count + 1, sizeof *turns);
        list = turns ? take_turns(turns, frames, values[1]) : PyErr_NoMemory();
        free(turns);
    }
    Py_XDECREF(frames);
    return list;
}

static PyObject *stream_fill(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const ways[] = {"between", "extrapolate", "late", "hold", NULL};
    static const char *const names[] = {"time_us", "how", NULL};
    static const struct python_signature signature = {"fill", 1, names, NULL};
    struct python_stream *stream = (struct python_stream *)self;
    PyObject *values[2];
    int64_t time_us = 0;
    int way = STANCE_FILL_BETWEEN;
    if (python_arguments(&signature, args, kwargs, values, NULL) < 0 ||
        python_int64("time_us", values[0], &time_us) < 0 ||
        (values[1] && python_word("how", ways, values[1], &way) < 0))
        return NULL;
    if (stream->handle.state != PYTHON_OPEN)
        return python_raise(PYTHON_CLOSED, "Stream");
    struct python_people people;
    int code = PYTHON_CLOSED;
    PyThreadState *thread = python_enter(&stream->pipeline->handle);
    if (stream->stream && !stream->pipeline->closing) {
        const struct stance_stream_result *result =
            stance_stream_fill(stream->stream, (enum stance_fill)way, time_us);
        code = python_people_copy(&people, &result->pose, result);
    }
    python_leave(&stream->pipeline->handle, thread);
    return code < 0 ? python_raise(code, "Stream")
                    : python_people_open(&people, stream->pipeline->keypoint_set);
}

static PyObject *stream_reset(PyObject *self, PyObject *unused)
{
    struct python_stream *stream = (struct python_stream *)self;
    if (stream->handle.state != PYTHON_OPEN)
        return python_raise(PYTHON_CLOSED, "Stream");
    PyThreadState *thread = python_enter(&stream->pipeline->handle);
    bool open = stream->stream != NULL;
    if (open)
        stance_stream_reset(stream->stream);
    stream->begun = false;
    python_leave(&stream->pipeline->handle, thread);
    if (!open)
        return python_raise(PYTHON_CLOSED, "Stream");
    Py_RETURN_NONE;
}

static PyObject *get_pipeline(PyObject *self, void *unused)
{
    struct python_stream *stream = (struct python_stream *)self;
    if (stream->handle.state != PYTHON_OPEN)
        return python_raise(PYTHON_CLOSED, "Stream");
    Py_INCREF((PyObject *)stream->pipeline);
    return (PyObject *)stream->pipeline;
}

static PyObject *get_counts(PyObject *self, void *unused)
{
    struct python_stream *stream = (struct python_stream *)self;
    struct stance_stream_counts counts;
    if (stream->handle.state != PYTHON_OPEN)
        return python_raise(PYTHON_CLOSED, "Stream");
    PyThreadState *thread = python_enter(&stream->pipeline->handle);
    bool open = stream->stream != NULL;
    if (open)
        stance_stream_counts(stream->stream, &counts);
    python_leave(&stream->pipeline->handle, thread);
    if (!open)
        return python_raise(PYTHON_CLOSED, "Stream");
    return python_record("StreamCounts", "(LLLLL)", (long long)counts.measured,
                         (long long)counts.filled, (long long)counts.detections,
                         (long long)counts.people, (long long)counts.clamped);
}

static PyGetSetDef fields[] = {
    {"pipeline", get_pipeline, NULL, "The Pipeline that it uses.", NULL},
    {"counts", get_counts, NULL, "What it has done so far: StreamCounts.", NULL},
    {0},
};

static PyMethodDef methods[] = {
    {"process", PYTHON_METHOD(stream_process), METH_VARARGS | METH_KEYWORDS,
     "process(image, pixels=..., time_us=...)\n\n"
     "Finds and follows the people in the next frame: uint8 (height, width, 3), with pixels 'rgb' "
     "or\n"
     "'bgr' and time_us, when it was taken, in microseconds; or a Frame, for which both may be "
     "left "
     "out.\nA time before the last frame's is an ArgumentError. Gives People with ids."},
    {"fill", PYTHON_METHOD(stream_fill), METH_VARARGS | METH_KEYWORDS,
     "fill(time_us, how='between')\n\n"
     "The people at a time at which the networks did not run. how: 'between', 'extrapolate', "
     "'late'\n"
     "or 'hold'."},
    {"reset", stream_reset, METH_NOARGS,
     "reset()\n\nForgets people, results and times, as at a cut; ids go on."},
    PYTHON_CLOSE("Closes it, and its pipeline when that is its own."),
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_init, stream_init},
    {Py_tp_getset, fields},
    {Py_tp_methods, methods},
    {Py_tp_doc,
     (void *)"Stream(pipeline=None, tracker='pose', *, detect_every=0, detect_seconds=0.5, "
             "support_seconds=1.0,\n       merge_iou=0.3, box_scale=1.25, keypoint_threshold=0.3, "
             "smoothing='low', min_cutoff=-1.0,\n       beta=-1.0, derivative_cutoff=-1.0)\n\n"
             "People over time, each with an id and smooth keypoints: one video or camera. Any "
             "number of\n"
             "streams share one pipeline; None: a Pipeline() of its own.\n\n"
             "tracker: a preset ('pose', 'default', 'tuned', 'bytetrack') or a dict of options of "
             "Tracker.\n"
             "detect_every: the detector runs on every so-manyth frame; 0: when it is needed, and "
             "after\n"
             "detect_seconds at the latest. smoothing: 'off', 'low' or 'high', the One-Euro "
             "filter."},
    {0, NULL},
};

PYTHON_TYPE(python_stream, "Stream", Py_TPFLAGS_BASETYPE);
