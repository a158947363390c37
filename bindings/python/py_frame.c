/* Frames of a video: pictures as the decoder left them, and as arrays when asked for. */
#include "binding.h"

PyObject *python_frame_open(const struct stance_video_frame *from, int pixels, bool writable)
{
    allocfunc allocate = (allocfunc)PyType_GetSlot(python.frame, Py_tp_alloc);
    struct python_frame *frame = (struct python_frame *)allocate(python.frame, 0);
    struct stance_image *image = from->image;
    if (!frame) {
        stance_image_close(&image);
        return NULL;
    }
    frame->image = image;
    frame->index = from->index;
    frame->time_us = from->time_us;
    frame->duration_us = from->duration_us;
    frame->epoch = from->epoch;
    frame->pixels = pixels;
    frame->writable = writable;
    return (PyObject *)frame;
}

struct python_frame *python_frame(PyObject *object)
{
    return PyObject_TypeCheck(object, python.frame) ? (struct python_frame *)object : NULL;
}

static void frame_free(PyObject *self)
{
    struct python_frame *frame = (struct python_frame *)self;
    stance_image_close(&frame->image);
    Py_CLEAR(frame->array);
    Py_CLEAR(frame->error);
    python_object_free(self);
}

static PyObject *get_image(PyObject *self, void *unused)
{
    struct python_frame *frame = (struct python_frame *)self;
    if (!frame->array) {
        PyObject *array = python_image_converted(frame->image, frame->pixels);
        if (frame->array) /* another thread was faster */
            Py_XDECREF(array);
        else
            frame->array = array;
    }
    Py_XINCREF(frame->array);
    return frame->array;
}

static PyObject *to_array(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"pixels", NULL};
    static const struct python_signature signature = {"to_array", 0, names, NULL};
    PyObject *pixels = NULL;
    int index = 0;
    if (python_arguments(&signature, args, kwargs, &pixels, NULL) < 0 ||
        (pixels && python_word("pixels", python_pixels, pixels, &index) < 0))
        return NULL;
    return python_image_converted(((struct python_frame *)self)->image, STANCE_RGB24 + index);
}

enum field { WIDTH, HEIGHT, INDEX, TIME, DURATION, EPOCH };

static PyObject *get_number(PyObject *self, void *closure)
{
    const struct python_frame *frame = (struct python_frame *)self;
    const int64_t numbers[] = {frame->image->width, frame->image->height, frame->index,
                               frame->time_us,      frame->duration_us,   frame->epoch};
    return PyLong_FromLongLong(numbers[(intptr_t)closure]);
}

static PyObject *get_format(PyObject *self, void *unused)
{
    static const char *const names[] = {
        [STANCE_RGB24] = "rgb24",   [STANCE_BGR24] = "bgr24", [STANCE_RGBA32] = "rgba32",
        [STANCE_BGRA32] = "bgra32", [STANCE_GRAY8] = "gray8", [STANCE_YUV420P] = "yuv420p",
        [STANCE_NV12] = "nv12",
    };
    return PyUnicode_FromString(names[((struct python_frame *)self)->image->format]);
}

static PyObject *get_error(PyObject *self, void *unused)
{
    PyObject *error = ((struct python_frame *)self)->error;
    if (!error)
        Py_RETURN_NONE;
    Py_INCREF(error);
    return error;
}

static PyObject *describe(PyObject *self)
{
    const struct python_frame *frame = (struct python_frame *)self;
    return PyUnicode_FromFormat("<Frame %lld: %d x %d, %lld us>", (long long)frame->index,
                                frame->image->width, frame->image->height,
                                (long long)frame->time_us);
}

static PyGetSetDef fields[] = {
    {"image", get_image, NULL,
     "uint8 (height, width, 3) in the channel order the reader was given; made when it is first "
     "asked\nfor, writable, and the frame's own.",
     NULL},
    {"width", get_number, NULL, "In pixels.", (void *)WIDTH},
    {"height", get_number, NULL, "In pixels.", (void *)HEIGHT},
    {"index", get_number, NULL, "0, 1, 2 ...; of live sources with gaps.", (void *)INDEX},
    {"time_us", get_number, NULL, "Microseconds from the start of the stream.", (void *)TIME},
    {"duration_us", get_number, NULL, "Microseconds.", (void *)DURATION},
    {"epoch", get_number, NULL, "How often a live source was connected anew before it.",
     (void *)EPOCH},
    {"format", get_format, NULL, "'yuv420p', 'nv12', 'gray8', 'rgb24' or 'bgr24'.", NULL},
    {"error", get_error, NULL, "The cause, of a damaged frame; else None.", NULL},
    {0},
};

static PyMethodDef methods[] = {
    {"to_array", PYTHON_METHOD(to_array), METH_VARARGS | METH_KEYWORDS,
     "to_array(pixels='rgb')\n\nA new array, uint8 (height, width, 3)."},
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_dealloc, frame_free},
    {Py_tp_getset, fields},
    {Py_tp_methods, methods},
    {Py_tp_repr, describe},
    {Py_tp_doc,
     (void *)"A frame of read_video(): a picture as the decoder left it, mostly YUV. Pipelines,\n"
             "streams and writers take it as it is, without going through RGB."},
    {0, NULL},
};

PYTHON_TYPE(python_frame, "Frame", Py_TPFLAGS_DISALLOW_INSTANTIATION);
