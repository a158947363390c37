/* Trackers: who is who, for boxes from anywhere. */
#include <stdlib.h>

#include "binding.h"

#define FIELD(kind, name) PYTHON_FIELD(stance_tracker_options, kind, name)
#define REAL(name) FIELD(PYTHON_FLOAT, name)

static const char *const modes[] = {"bytetrack", "oks", "iou", "off", NULL};

static const struct python_option options_table[] = {
    {"mode", PYTHON_WORD, offsetof(struct stance_tracker_options, mode), modes},
    REAL(high_threshold),
    REAL(low_threshold),
    REAL(birth_threshold),
    REAL(match_cost),
    REAL(second_cost),
    REAL(unconfirmed_cost),
    REAL(fresh_cost),
    REAL(duplicate_iou),
    REAL(min_box_area),
    FIELD(PYTHON_BOOL, fuse_score),
    REAL(oks_weight),
    REAL(keypoint_threshold),
    FIELD(PYTHON_INT, min_keypoints),
    REAL(buffer_seconds),
    FIELD(PYTHON_INT, max_missing),
    FIELD(PYTHON_INT, min_hits),
    REAL(recover_iou),
    REAL(lost_cost),
    REAL(hidden_cost),
    REAL(recover_reach),
    REAL(recover_growth),
    REAL(position_weight),
    REAL(velocity_weight),
    REAL(measurement_weight),
    FIELD(PYTHON_INT, max_tracks),
    FIELD(PYTHON_INT, max_detections),
    {0},
};

static int use_preset(PyObject *value, const char *preset, struct stance_tracker_options *out)
{
    static const struct python_option text = {"preset", PYTHON_TEXT, 0, NULL};
    const char *name = preset;
    if (value && python_option_set("tracker", &text, value, &name) < 0)
        return -1;
    int code = stance_tracker_options_preset(out, name ? name : preset);
    if (code < 0)
        python_raise(code, "Tracker");
    return code < 0 ? -1 : 0;
}

int python_tracker_options(PyObject *value, const char *preset, struct stance_tracker_options *out)
{
    stance_tracker_options_default(out);
    if (!value || !PyDict_Check(value))
        return use_preset(value, preset, out);
    PyObject *options = PyDict_Copy(value);
    if (!options)
        return -1;
    PyObject *named = PyDict_GetItemString(options, "preset");
    int code = use_preset(named, preset, out);
    if (code == 0 && named)
        code = PyDict_DelItemString(options, "preset");
    if (code == 0)
        code = python_options_set("tracker", options_table, options, out);
    Py_DECREF(options);
    return code;
}

struct python_tracker {
    struct python_handle handle;
    struct stance_tracker *tracker; /* under the lock, as are the next two */
    int64_t last_us;
    bool begun;
    int keypoints;
};

static int close_tracker(struct python_handle *handle)
{
    PyThreadState *thread = python_enter(handle);
    stance_tracker_close(&((struct python_tracker *)handle)->tracker);
    python_leave(handle, thread);
    return 0;
}

static const struct python_handle_kind kind = {close_tracker, NULL};

/* The set whose keypoints the detections have. */
static int use_set(PyObject *value, struct stance_tracker_options *options)
{
    static const struct python_option text = {"keypoint_set", PYTHON_TEXT, 0, NULL};
    const char *name = NULL;
    if (value && python_option_set("keypoint_set", &text, value, &name) < 0)
        return -1;
    const struct stance_keypoint_set *set = name ? stance_keypoint_set_find(name) : NULL;
    if (name && !set) {
        python_fail(STANCE_EARGUMENT, "keypoint_set: there is no '%s'", name);
        return -1;
    }
    options->keypoint_count = set ? set->count : 0;
    options->sigmas = set ? set->sigmas : NULL;
    return 0;
}

/* Keywords: "preset" and "keypoint_set", and the library's options. */
static int read_options(PyObject *args, PyObject *kwargs, struct stance_tracker_options *options)
{
    static const char *const names[] = {"preset", "keypoint_set", NULL};
    static const struct python_signature signature = {"Tracker", 0, names, options_table};
    struct stance_tracker_options thrown_away;
    PyObject *values[2];
    stance_tracker_options_default(&thrown_away);
    stance_tracker_options_default(options);
    /* Twice: the preset comes before the options, wherever it is written. */
    if (python_arguments(&signature, args, kwargs, values, &thrown_away) < 0 ||
        use_preset(values[0], "default", options) < 0 ||
        python_arguments(&signature, args, kwargs, values, options) < 0)
        return -1;
    return use_set(values[1], options);
}

static int tracker_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    struct python_tracker *tracker = (struct python_tracker *)self;
    struct stance_tracker_options options;
    if (read_options(args, kwargs, &options) < 0 || python_handle_open(&tracker->handle, &kind) < 0)
        return -1;
    tracker->keypoints = options.keypoint_count;
    return python_handle_opened(&tracker->handle, stance_tracker_open(&tracker->tracker, &options));
}

/* The detections of a frame. */
struct detections {
    Py_ssize_t count;
    struct stance_detection *list;
    struct stance_keypoint *keypoints; /* [count][tracker's] or NULL */
};

static void free_detections(struct detections *d)
{
    free(d->list);
    free(d->keypoints);
}

static int copy_keypoints(struct detections *d, PyObject *value, Py_ssize_t points)
{
    Py_ssize_t shape[] = {d->count, points, 3};
    Py_buffer buffer;
    if (points == 0) {
        python_fail(STANCE_EARGUMENT, "keypoints: the tracker was opened without a keypoint_set");
        return -1;
    }
    if (python_floats("keypoints", value, 3, shape, &buffer) < 0)
        return -1;
    size_t size = (size_t)(d->count * points) * sizeof *d->keypoints;
    d->keypoints = malloc(size + 1);
    if (d->keypoints && size > 0)
        memcpy(d->keypoints, buffer.buf, size);
    PyBuffer_Release(&buffer);
    for (Py_ssize_t i = 0; d->keypoints && i < d->count; i++)
        d->list[i].keypoints = d->keypoints + i * points;
    if (!d->keypoints)
        PyErr_NoMemory();
    return d->keypoints ? 0 : -1;
}

static int copy_boxes(struct detections *d, PyObject *boxes_value, PyObject *scores_value)
{
    Py_ssize_t shape[] = {-1, 4};
    Py_buffer boxes, scores;
    if (python_floats("boxes", boxes_value, 2, shape, &boxes) < 0)
        return -1;
    if (python_floats("scores", scores_value, 1, shape, &scores) < 0) {
        PyBuffer_Release(&boxes);
        return -1;
    }
    d->count = shape[0];
    d->list = calloc((size_t)d->count + 1, sizeof *d->list);
    for (Py_ssize_t i = 0; d->list && i < d->count; i++) {
        memcpy(d->list[i].box, (const float *)boxes.buf + i * 4, sizeof d->list[i].box);
        d->list[i].score = ((const float *)scores.buf)[i];
    }
    PyBuffer_Release(&boxes);
    PyBuffer_Release(&scores);
    if (!d->list)
        PyErr_NoMemory();
    return d->list ? 0 : -1;
}

/* A tuple for each track. */
static PyObject *track_list(const struct stance_track *tracks, int count)
{
    static const char *const states[] = {"seen", "lost", "new"};
    PyObject *list = PyList_New(0);
    for (int i = 0; list && i < count; i++) {
        const struct stance_track *t = &tracks[i];
        PyObject *track = python_record(
            "Track", "(Lis(dddd)(dd)diOLL)", (long long)t->id, t->detection, states[t->state],
            (double)t->box[0], (double)t->box[1], (double)t->box[2], (double)t->box[3],
            (double)t->velocity[0], (double)t->velocity[1], (double)t->score, t->hits,
            t->recovered ? Py_True : Py_False, (long long)t->born_us, (long long)t->seen_us);
        if (!track || PyList_Append(list, track) < 0)
            Py_CLEAR(list);
        Py_XDECREF(track);
    }
    return list;
}

/* Without the GIL, under the lock: the next tracks, copied; `d` NULL: those predicted. */
static int update_locked(struct python_tracker *tracker, int64_t time_us,
                         const struct detections *d, struct stance_track **copy, int *count)
{
    const struct stance_track *tracks = NULL;
    if (!tracker->tracker)
        return PYTHON_CLOSED;
    if (d && tracker->begun && time_us < tracker->last_us)
        return PYTHON_BACKWARDS;
    int code = 0;
    if (d)
        code = stance_tracker_update(tracker->tracker, time_us, d->list, (int)d->count, &tracks,
                                     count);
    else
        stance_tracker_predict(tracker->tracker, time_us, &tracks, count);
    if (code < 0)
        return code;
    if (d) {
        tracker->last_us = time_us;
        tracker->begun = true;
    }
    *copy = malloc((size_t)*count * sizeof **copy + 1);
    if (*copy && *count > 0)
        memcpy(*copy, tracks, (size_t)*count * sizeof **copy);
    return *copy ? 0 : STANCE_ENOMEMORY;
}

static PyObject *update(struct python_tracker *tracker, int64_t time_us, const struct detections *d)
{
    struct stance_track *tracks = NULL;
    int count = 0;
    PyThreadState *thread = python_enter(&tracker->handle);
    int code = update_locked(tracker, time_us, d, &tracks, &count);
    python_leave(&tracker->handle, thread);
    PyObject *list = code < 0 ? python_raise(code, "Tracker") : track_list(tracks, count);
    free(tracks);
    return list;
}

static PyObject *tracker_update(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"boxes", "scores", "time_us", "keypoints", NULL};
    static const struct python_signature signature = {"update", 3, names, NULL};
    struct python_tracker *tracker = (struct python_tracker *)self;
    PyObject *values[4], *list = NULL;
    struct detections detections = {0};
    int64_t time_us = 0;
    if (python_arguments(&signature, args, kwargs, values, NULL) < 0 ||
        python_int64("time_us", values[2], &time_us) < 0)
        return NULL;
    if (copy_boxes(&detections, values[0], values[1]) == 0 &&
        (!values[3] || values[3] == Py_None ||
         copy_keypoints(&detections, values[3], tracker->keypoints) == 0)) {
        if (detections.count > INT32_MAX)
            python_fail(STANCE_ELIMIT, "boxes: %zd are too many", detections.count);
        else
            list = update(tracker, time_us, &detections);
    }
    free_detections(&detections);
    return list;
}

static PyObject *tracker_predict(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"time_us", NULL};
    static const struct python_signature signature = {"predict", 1, names, NULL};
    PyObject *value;
    int64_t time_us = 0;
    if (python_arguments(&signature, args, kwargs, &value, NULL) < 0 ||
        python_int64("time_us", value, &time_us) < 0)
        return NULL;
    return update((struct python_tracker *)self, time_us, NULL);
}

static PyObject *tracker_reset(PyObject *self, PyObject *unused)
{
    struct python_tracker *tracker = (struct python_tracker *)self;
    PyThreadState *thread = python_enter(&tracker->handle);
    bool open = tracker->tracker != NULL;
    if (open)
        stance_tracker_reset(tracker->tracker);
    tracker->begun = false;
    python_leave(&tracker->handle, thread);
    if (!open)
        return python_raise(PYTHON_CLOSED, "Tracker");
    Py_RETURN_NONE;
}

static PyObject *get_counts(PyObject *self, void *unused)
{
    struct python_tracker *tracker = (struct python_tracker *)self;
    struct stance_tracker_counts c;
    PyThreadState *thread = python_enter(&tracker->handle);
    bool open = tracker->tracker != NULL;
    if (open)
        stance_tracker_counts(tracker->tracker, &c);
    python_leave(&tracker->handle, thread);
    if (!open)
        return python_raise(PYTHON_CLOSED, "Tracker");
    return python_record("TrackerCounts", "(LLLLLLi)", (long long)c.frames, (long long)c.clamped,
                         (long long)c.births, (long long)c.refused, (long long)c.dropped,
                         (long long)c.unusable, c.alive);
}

static PyGetSetDef fields[] = {
    {"counts", get_counts, NULL, "What it has seen: TrackerCounts.", NULL},
    {0},
};

static PyMethodDef methods[] = {
    {"update", PYTHON_METHOD(tracker_update), METH_VARARGS | METH_KEYWORDS,
     "update(boxes, scores, time_us, keypoints=None)\n\n"
     "Takes the detections of one frame, also of one without any: boxes (N, 4) x1, y1, x2, y2 in\n"
     "pixels, scores (N,), keypoints (N, K, 3) x, y, score; time_us, when it was taken, in\n"
     "microseconds. Gives the confirmed tracks seen in it, by id: a list of Track."},
    {"predict", PYTHON_METHOD(tracker_predict), METH_VARARGS | METH_KEYWORDS,
     "predict(time_us)\n\nWhere all tracks are expected, lost and new ones too. Changes nothing."},
    {"reset", tracker_reset, METH_NOARGS,
     "reset()\n\nDrops all tracks and times, as at a cut; ids go on."},
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_init, tracker_init},
    {Py_tp_getset, fields},
    {Py_tp_methods, methods},
    {Py_tp_doc,
     (void
          *)"Tracker(preset='default', keypoint_set=None, *, mode='bytetrack', **options)\n\n"
            "Who is who from frame to frame, for boxes from anywhere, with keypoints or "
            "without.\n\n"
            "preset: 'default', 'pose', 'tuned' or 'bytetrack'. mode: 'bytetrack', 'oks', 'iou' or "
            "'off'.\n"
            "keypoint_set: that of the keypoints; None: boxes only. options: those of struct\n"
            "stance_tracker_options by their names (high_threshold=0.6, buffer_seconds=1.0, ...)."},
    {0, NULL},
};

PYTHON_TYPE(python_tracker, "Tracker", Py_TPFLAGS_BASETYPE);
