/* Pictures: buffers and frames in without a copy, arrays out. */
#include <limits.h>

#include "binding.h"

const char *const python_pixels[] = {"rgb", "bgr", NULL};

static int parse_pixels(PyObject *pixels, int *format)
{
    if (!pixels || pixels == Py_None) {
        python_fail(STANCE_EARGUMENT, "pixels: say what the channels of the picture are: 'rgb' or "
                                      "'bgr'");
        return -1;
    }
    int index = 0;
    if (python_word("pixels", python_pixels, pixels, &index) < 0)
        return -1;
    *format = STANCE_RGB24 + index;
    return 0;
}

/* What a buffer must be: values, shape, and rows whose pixels lie side by side. */
static int check_view(const Py_buffer *b)
{
    if (b->itemsize != 1 || (b->format && strcmp(b->format, "B") != 0))
        python_fail(STANCE_ETYPE, "a picture has values of uint8, not of the kind '%s'", b->format);
    else if (b->ndim != 3 || b->shape[2] != 3)
        python_fail(STANCE_ESHAPE,
                    b->ndim == 3 ? "a picture is an array (height, width, 3); the last "
                                   "extent is %zd"
                                 : "a picture is an array (height, width, 3), not one "
                                   "of %zd dimensions",
                    b->ndim == 3 ? b->shape[2] : (Py_ssize_t)b->ndim);
    else if (b->strides[2] == -1)
        python_fail(STANCE_EARGUMENT,
                    "the picture's channels are in reverse (negative stride): give "
                    "the array as it was, and the other order as 'pixels'");
    else if ((b->shape[0] > 1 && b->strides[0] < 0) || (b->shape[1] > 1 && b->strides[1] < 0))
        python_fail(STANCE_EARGUMENT, "the picture is a mirrored view (negative stride): "
                                      "numpy.ascontiguousarray() makes a picture of it");
    else if (b->strides[2] != 1 || (b->shape[1] > 1 && b->strides[1] != 3))
        python_fail(STANCE_EARGUMENT, "the picture's pixels do not lie side by side: "
                                      "numpy.ascontiguousarray() makes a picture of it");
    else if (b->shape[0] > INT_MAX || b->shape[1] > INT_MAX)
        python_fail(STANCE_ELIMIT, "a picture of %zd x %zd pixels is too large", b->shape[1],
                    b->shape[0]);
    else
        return 0;
    return -1;
}

static int take_buffer(struct python_image *out, PyObject *object, int format, bool writable)
{
    if (!PyObject_CheckBuffer(object)) {
        PyObject *type = PyObject_GetAttrString((PyObject *)Py_TYPE(object), "__name__");
        if (type)
            python_fail(STANCE_ETYPE,
                        "a picture is a uint8 array (height, width, 3) or a Frame, "
                        "not %U",
                        type);
        Py_XDECREF((PyObject *)type);
        return -1;
    }
    if (PyObject_GetBuffer(object, &out->buffer, PyBUF_STRIDED_RO | PyBUF_FORMAT) < 0) {
        PyErr_Clear();
        python_fail(STANCE_EARGUMENT, "the picture's buffer is not a plain one");
        return -1;
    }
    const Py_buffer *b = &out->buffer;
    int code = check_view(b);
    if (code == 0 && writable && b->readonly) {
        python_fail(STANCE_EARGUMENT, "the picture is read-only and cannot be drawn on");
        code = -1;
    }
    if (code == 0) {
        code = stance_image_wrap(&out->image, format, (int)b->shape[1], (int)b->shape[0], b->buf,
                                 b->strides[0]);
        if (code < 0)
            python_raise(code, "picture");
    }
    if (code < 0)
        PyBuffer_Release(&out->buffer);
    return code < 0 ? -1 : 0;
}

int python_image_take(struct python_image *out, PyObject *object, PyObject *pixels, bool writable)
{
    *out = (struct python_image){0};
    const struct python_frame *frame = python_frame(object);
    int format = 0;
    if ((!frame || (pixels && pixels != Py_None)) && parse_pixels(pixels, &format) < 0)
        return -1;
    if (!frame)
        return take_buffer(out, object, format, writable);
    if (writable && !frame->writable) {
        python_fail(STANCE_EARGUMENT,
                    "the frame is read-only: open the video with writable=True to "
                    "draw on its frames, or draw on Frame.image");
        return -1;
    }
    out->image = stance_image_keep(frame->image);
    return 0;
}

void python_image_release(struct python_image *image)
{
    stance_image_close(&image->image);
    if (image->buffer.obj)
        PyBuffer_Release(&image->buffer);
}

static void close_image(void *owner)
{
    struct stance_image *image = owner;
    stance_image_close(&image);
}

PyObject *python_image_array(struct stance_image *image)
{
    struct python_block block = {.format = "B",
                                 .rank = 3,
                                 .shape = {image->height, image->width, 3},
                                 .stride = image->stride[0],
                                 .data = image->plane[0],
                                 .owner = image,
                                 .release = close_image};
    return python_array_open(&block);
}

PyObject *python_image_converted(const struct stance_image *image, int format)
{
    struct stance_image *converted = NULL;
    PyThreadState *thread = PyEval_SaveThread();
    int code = stance_image_convert(&converted, image, format);
    PyEval_RestoreThread(thread);
    return code < 0 ? python_raise(code, "picture") : python_image_array(converted);
}

PyObject *python_read_image(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"path", "pixels", NULL};
    static const struct python_signature signature = {"read_image", 1, names, NULL};
    PyObject *values[2], *path = NULL;
    int format = STANCE_RGB24;
    if (python_arguments(&signature, args, kwargs, values, NULL) < 0 ||
        (values[1] && parse_pixels(values[1], &format) < 0) ||
        !PyUnicode_FSConverter(values[0], &path))
        return NULL;
    struct stance_image *image = NULL;
    PyThreadState *thread = PyEval_SaveThread();
    int code = stance_image_read(&image, PyBytes_AsString(path));
    PyEval_RestoreThread(thread);
    Py_DECREF(path);
    if (code < 0)
        return python_raise(code, "read_image");
    if (format == STANCE_RGB24)
        return python_image_array(image);
    PyObject *array = python_image_converted(image, format);
    stance_image_close(&image);
    return array;
}

PyObject *python_write_image(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"path", "image", "pixels", NULL};
    static const struct python_signature signature = {"write_image", 2, names, NULL};
    PyObject *values[3], *path = NULL;
    struct python_image image;
    if (python_arguments(&signature, args, kwargs, values, NULL) < 0 ||
        !PyUnicode_FSConverter(values[0], &path))
        return NULL;
    if (python_image_take(&image, values[1], values[2], false) < 0) {
        Py_DECREF(path);
        return NULL;
    }
    PyThreadState *thread = PyEval_SaveThread();
    int code = stance_image_write(image.image, PyBytes_AsString(path));
    PyEval_RestoreThread(thread);
    Py_DECREF(path);
    python_image_release(&image);
    if (code < 0)
        return python_raise(code, "write_image");
    Py_RETURN_NONE;
}
