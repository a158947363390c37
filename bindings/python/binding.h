/* The Python module: what its files share. It uses the public headers only, and CPython's limited
 * API of 3.11, so that one build serves every later Python.
 *
 * A handle is a Python object over one of the library's. Its lock keeps it to one thread at a time;
 * who comes second waits. Two rules make that safe: a lock is waited for without the GIL only, and
 * while one is held no Python runs (a finaliser could want the same lock). So results are copied into
 * plain memory under the lock, and become Python objects after it. */
#ifndef STANCE_PYTHON_BINDING_H
#define STANCE_PYTHON_BINDING_H

#define Py_LIMITED_API 0x030b0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "stance/stance.h"

/* ---- Errors (py_errors.c) ---- */

/* Beside the library's codes: the handle is closed, the exception is set already, a time is before the
 * last one. */
enum { PYTHON_CLOSED = -1000, PYTHON_RAISED = -1001, PYTHON_BACKWARDS = -1002 };

/* Sets the exception of a library's error, with its sentence; `what` is told when PYTHON_CLOSED. */
PyObject *python_raise(int code, const char *what);
/* The same with a sentence of our own. */
PyObject *python_fail(int code, const char *format, ...);
/* An exception that is kept, not raised. */
PyObject *python_error_open(int code, const char *sentence);
/* Raises such a one (NULL: another exception is set) and drops it. */
PyObject *python_raise_error(PyObject *error);

/* ---- Arguments (py_arguments.c) ---- */

enum python_kind {
    PYTHON_INT, /* int32_t */
    PYTHON_INT64,
    PYTHON_FLOAT,
    PYTHON_DOUBLE,
    PYTHON_BOOL,   /* int32_t, 0 or 1 */
    PYTHON_CHOICE, /* int32_t: None is -1, else as PYTHON_BOOL */
    PYTHON_TEXT,   /* const char *: None is NULL; lives as long as the argument */
    PYTHON_WORD,   /* int32_t: index among `words` */
    PYTHON_SIZE,   /* int32_t[2] of a tuple (width, height) */
    PYTHON_RANGE,  /* int32_t[2] of a tuple (first, last) */
};

/* One keyword that fills a field of an options struct. */
struct python_option {
    const char *name;
    enum python_kind kind;
    size_t offset;
    const char *const *words; /* ends with NULL */
};

struct python_signature {
    const char *name;                    /* "Pipeline", for sentences */
    int required;                        /* so many of the names must be given */
    const char *const *names;            /* by position or keyword; ends with NULL */
    const struct python_option *options; /* by keyword only; ends with a NULL name; or NULL */
};

/* Sorts arguments into `values` (one for each name, NULL where none was given; borrowed) and `options`.
 * Returns 0, or -1 with the exception set. */
int python_arguments(const struct python_signature *signature, PyObject *args, PyObject *kwargs,
                     PyObject **values, void *options);
/* One value into its field. */
int python_option_set(const char *name, const struct python_option *option, PyObject *value,
                      void *options);
/* The same for a whole mapping; every key must be an option. */
int python_options_set(const char *who, const struct python_option *table, PyObject *mapping,
                       void *options);
/* `value` may be NULL: `out` stays. */
int python_int64(const char *name, PyObject *value, int64_t *out);
int python_word(const char *name, const char *const *words, PyObject *value, int *out);

/* ---- Handles (py_handle.c) ---- */

enum python_state { PYTHON_NEW = 0, PYTHON_OPENING, PYTHON_OPEN, PYTHON_CLOSED_STATE };

struct python_handle {
    PyObject_HEAD PyThread_type_lock lock;
    enum python_state state;               /* under the GIL */
    const struct python_handle_kind *kind; /* NULL: nothing was ever opened */
};

/* What each handle's own part does, called with the GIL. */
struct python_handle_kind {
    /* Frees what is the library's and answers with its code; for who closes, and once more when the
     * object goes. It may find nothing there, and runs no Python. */
    int (*close)(struct python_handle *handle);
    void (*drop)(struct python_handle *handle); /* the rest, when the object goes; or NULL */
};

PyObject *python_handle_new(PyTypeObject *type, PyObject *args, PyObject *kwargs);
/* At the beginning and the end of an __init__: a handle is opened once. */
int python_handle_open(struct python_handle *handle, const struct python_handle_kind *kind);
int python_handle_opened(struct python_handle *handle, int code);
/* What close() does. */
int python_handle_close(struct python_handle *handle);
/* Drops the GIL and takes the lock; and back. */
PyThreadState *python_enter(struct python_handle *handle);
void python_leave(struct python_handle *handle, PyThreadState *thread);

/* close() with words of its own, for tables of methods. */
#define PYTHON_CLOSE(doc)                                                                          \
    {                                                                                              \
        "close", python_close, METH_NOARGS, "close()\n\n" doc                                      \
    }
PyObject *python_close(PyObject *self, PyObject *unused);

/* The end of a dealloc, of any type. */
void python_object_free(PyObject *self);

/* ---- Tables ---- */

#define PYTHON_METHOD(function) (PyCFunction)(void (*)(void))(function)

/* The option that is called like its field of a struct. */
#define PYTHON_FIELD(object, kind, name)                                                           \
    {                                                                                              \
#name, kind, offsetof(struct object, name), NULL                                           \
    }

/* The public type over a struct, out of the `slots` of the file. */
#define PYTHON_TYPE(object, type_name, flag)                                                       \
    PyType_Spec object##_spec = {.name = "stance." type_name,                                      \
                                 .basicsize = sizeof(struct object),                               \
                                 .flags = Py_TPFLAGS_DEFAULT | (flag),                             \
                                 .slots = slots}

/* ---- Arrays (py_array.c) ---- */

/* Memory that becomes an array: `data` is released by `release(owner)` once nobody sees it. */
struct python_block {
    const char *format; /* of the buffer protocol: "f" */
    int rank;
    Py_ssize_t shape[STANCE_MAX_RANK];
    Py_ssize_t stride; /* bytes from one row to the next; 0: without gaps */
    void *data, *owner;
    void (*release)(void *owner);
};

/* A NumPy array over a block, which it takes over, also on failure. */
PyObject *python_array_open(const struct python_block *block);
/* … over a copy of `data`. */
PyObject *python_array_copy(const char *format, int rank, const Py_ssize_t *shape,
                            const void *data);

/* An array-like as contiguous float32 values with the shape given; -1 stands for any extent and is
 * set. Release with PyBuffer_Release(). */
int python_floats(const char *name, PyObject *object, int rank, Py_ssize_t *shape, Py_buffer *out);

/* ---- Pictures (py_image.c) ---- */

/* A picture that was given: a view of a buffer, or a frame. */
struct python_image {
    struct stance_image *image;
    Py_buffer buffer; /* obj NULL: none is held */
};

extern const char *const python_pixels[]; /* "rgb", "bgr"; +1: enum stance_pixel_format */

/* `pixels` NULL: only a frame will do. */
int python_image_take(struct python_image *out, PyObject *object, PyObject *pixels, bool writable);
void python_image_release(struct python_image *image);
/* A converted picture as array (H, W, 3); takes the picture over. */
PyObject *python_image_array(struct stance_image *image);
PyObject *python_image_converted(const struct stance_image *image, int format);

PyObject *python_read_image(PyObject *module, PyObject *args, PyObject *kwargs);
PyObject *python_write_image(PyObject *module, PyObject *args, PyObject *kwargs);

/* ---- Frames and video (py_frame.c, py_ahead.c, py_video.c, py_writer.c) ---- */

struct python_frame {
    PyObject_HEAD struct stance_image *image;
    int64_t index, time_us, duration_us;
    int epoch, pixels, writable; /* pixels: enum stance_pixel_format of .image */
    PyObject *array;             /* .image once it was asked for */
    PyObject *error;             /* or NULL */
};

/* Takes over `frame->image`. */
PyObject *python_frame_open(const struct stance_video_frame *frame, int pixels, bool writable);
struct python_frame *python_frame(PyObject *object); /* NULL: it is none */

/* What one read gave: a frame, or why there is none. */
struct python_shot {
    int status; /* enum stance_video_status or an error */
    struct stance_video_frame frame;
    char sentence[1024]; /* of damage or an error */
};

enum { PYTHON_AHEAD = 3 };

/* Frames that were read ahead, in a ring. */
struct python_ahead {
    pthread_t thread;
    bool running; /* under the GIL */
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    /* Under the mutex. */
    struct python_shot shots[PYTHON_AHEAD];
    int first, count;
    bool stopped;
};

struct python_video {
    struct python_handle handle;
    struct stance_video_reader *reader;      /* under the lock */
    struct stance_video_reader *cancellable; /* the same, under the GIL */
    int pixels, writable, live, ended;
    struct python_ahead ahead;
};

/* All of these without the GIL. One read, under the lock; returns the status. */
int python_read_shot(struct python_video *video, struct python_shot *shot, int64_t wait_us);
/* The next one that was read ahead; STANCE_VIDEO_WAIT after a tenth of a second without one. */
void python_ahead_take(struct python_video *video, struct python_shot *shot);
/* Ends the thread, if there is one; its reader has been cancelled. */
void python_ahead_stop(struct python_video *video);
/* Under the GIL, once; false: no thread could be had. */
bool python_ahead_start(struct python_video *video);

PyObject *python_read_video(PyObject *module, PyObject *args, PyObject *kwargs);

/* ---- People (py_people.c) ---- */

/* A result, copied. */
struct python_people {
    int count, keypoints;
    float
        *values; /* coordinates [count][keypoints][2], scores [count][keypoints], boxes [count][4],
                      box scores, scores of people */
    int64_t *ids;
    int32_t *classes; /* of boxes */
    int width, height, measured, detected;
    int64_t detect_ns, pose_ns, track_ns, time_us;
};

/* Without the GIL; returns 0 or ENOMEMORY. `stream` NULL: of a picture. */
int python_people_copy(struct python_people *out, const struct stance_pose_result *result,
                       const struct stance_stream_result *stream);
void python_people_free(struct python_people *people);
/* A People; frees the copy, also on failure. */
PyObject *python_people_open(struct python_people *people, PyObject *keypoint_set);
PyObject *python_keypoint_set_open(const struct stance_keypoint_set *set);

PyObject *python_draw(PyObject *module, PyObject *args, PyObject *kwargs);

/* ---- Presets (py_preset.c) ---- */

/* NULL with an exception that lists them. */
const struct stance_preset *python_preset_find(const char *name);
PyObject *python_presets(PyObject *module, PyObject *unused);

/* ---- Handles of the library ---- */

struct python_model {
    struct python_handle handle;
    struct stance_model *model; /* under the GIL */
    int users;                  /* of `model`, beside the handle */
};

/* The model of a Model, a name or a path, in use until it is dropped; NULL with an exception. */
struct python_model *python_model_take(PyObject *value);
void python_model_drop(struct python_model *model);

struct python_pipeline {
    struct python_handle handle;
    struct stance_pose *pose; /* under the lock, as are the next two */
    int streams;              /* open ones */
    bool closing;             /* the last stream closes it */
    PyObject *keypoint_set;
};

/* One stream less, under the lock. */
void python_pipeline_drop(struct python_pipeline *pipeline);

/* Tracker options of a preset's name or a dict of options; `value` NULL: those of `preset`. */
int python_tracker_options(PyObject *value, const char *preset, struct stance_tracker_options *out);

/* ---- The module (py_module.c) ---- */

/* What is looked up once. */
struct python_names {
    PyObject *asarray;                  /* numpy.asarray */
    PyObject *error, *people, *records; /* stance.errors.make, … */
    PyTypeObject *memory, *frame, *video, *model, *session, *pipeline, *stream, *writer, *tracker;
};
extern struct python_names python;

extern PyType_Spec python_handle_spec, python_memory_spec, python_frame_spec, python_video_spec,
    python_model_spec, python_session_spec, python_pipeline_spec, python_stream_spec,
    python_writer_spec, python_tracker_spec;

/* stance.records.NAME(…): `format` as of Py_BuildValue, a tuple. */
PyObject *python_record(const char *name, const char *format, ...);

PyObject *python_process_streams(PyObject *module, PyObject *args, PyObject *kwargs);
PyObject *python_evaluate(PyObject *module, PyObject *args, PyObject *kwargs);

#endif
