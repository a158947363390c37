/* Pipelines: from a picture to people. */
#include "binding.h"

/* What the keywords say. */
struct choice {
    struct stance_pose_options options;
    const char *preset;
};

#define FIELD(kind, name)                                                                          \
    {                                                                                              \
#name, kind, offsetof(struct choice, options.name), NULL                                   \
    }

static const char *const refinements[] = {"auto", "none", "shift", "dark", "udp", NULL};

static const struct python_option options_table[] = {
    FIELD(PYTHON_TEXT, device),
    FIELD(PYTHON_INT, threads),
    FIELD(PYTHON_BOOL, center),
    FIELD(PYTHON_FLOAT, detector_threshold),
    FIELD(PYTHON_FLOAT, nms_threshold),
    FIELD(PYTHON_FLOAT, pose_oks),
    FIELD(PYTHON_INT, max_people),
    FIELD(PYTHON_BOOL, flip_test),
    {"refine", PYTHON_WORD, offsetof(struct choice, options.refine), refinements},
    FIELD(PYTHON_TEXT, keypoint_set),
    FIELD(PYTHON_SIZE, detector_size),
    FIELD(PYTHON_SIZE, pose_size),
    FIELD(PYTHON_RANGE, detector_classes),
    FIELD(PYTHON_BOOL, full_input),
    {"preset", PYTHON_TEXT, offsetof(struct choice, preset), NULL},
    {0},
};

/* The model of an argument: left out it is the `usual` one, None is none. */
static int take_model(PyObject *value, const char *usual, struct python_model **out)
{
    *out = NULL;
    if (value == Py_None)
        return 0;
    PyObject *name = value ? value : PyUnicode_FromString(usual);
    if (name)
        *out = python_model_take(name);
    if (!value)
        Py_XDECREF(name);
    return *out ? 0 : -1;
}

/* The networks of the arguments, else of the preset, else those inside the library. A detector that
 * is left out is none where the other network needs none. */
static int take_models(PyObject *const values[2], const struct stance_preset *preset, bool center,
                       struct python_model *out[2])
{
    out[1] = NULL;
    if (take_model(values[0], preset ? preset->pose : "stance-pose", &out[0]) < 0)
        return -1;
    bool alone = center || (out[0] && stance_model_role(out[0]->model) == STANCE_ROLE_ONE_STAGE);
    if (!values[1] && alone)
        return 0;
    return take_model(values[1], preset && preset->detector ? preset->detector : "stance-det",
                      &out[1]);
}

enum { UNSAID = INT32_MIN };

/* What a preset says beside the names of networks; it goes with its own detector only. */
static void fill_options(struct stance_pose_options *options, const struct stance_preset *preset)
{
    static const struct stance_preset none = {.detector_classes = {0, 0}};
    preset = preset ? preset : &none;
    if (preset->detector && strcmp(preset->detector, "center") == 0)
        options->center = 1;
    if (options->detector_classes[0] == UNSAID)
        memcpy(options->detector_classes, preset->detector_classes,
               sizeof options->detector_classes);
}

static int open_pipeline(struct python_pipeline *pipeline, struct stance_pose_options *options,
                         struct python_model *models[2])
{
    options->pose = models[0] ? models[0]->model : NULL;
    options->detector = models[1] ? models[1]->model : NULL;
    PyThreadState *thread = PyEval_SaveThread();
    int code = stance_pose_open(&pipeline->pose, options);
    PyEval_RestoreThread(thread);
    if (code < 0)
        return code;
    pipeline->keypoint_set = python_keypoint_set_open(stance_pose_keypoint_set(pipeline->pose));
    if (pipeline->keypoint_set)
        return 0;
    stance_pose_close(&pipeline->pose);
    return PYTHON_RAISED;
}

static int close_pipeline(struct python_handle *handle)
{
    struct python_pipeline *pipeline = (struct python_pipeline *)handle;
    PyThreadState *thread = python_enter(handle);
    pipeline->closing = true;
    if (pipeline->streams == 0)
        stance_pose_close(&pipeline->pose);
    python_leave(handle, thread);
    return 0;
}

static void drop_pipeline(struct python_handle *handle)
{
    Py_CLEAR(((struct python_pipeline *)handle)->keypoint_set);
}

static const struct python_handle_kind kind = {close_pipeline, drop_pipeline};

static int pipeline_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"pose", "detector", NULL};
    static const struct python_signature signature = {"Pipeline", 0, names, options_table};
    struct python_pipeline *pipeline = (struct python_pipeline *)self;
    PyObject *values[2];
    struct choice choice = {.preset = NULL};
    const struct stance_preset *preset = NULL;
    stance_pose_options_default(&choice.options);
    choice.options.detector_classes[0] = UNSAID;
    if (python_arguments(&signature, args, kwargs, values, &choice) < 0 ||
        (choice.preset && !(preset = python_preset_find(choice.preset))) ||
        python_handle_open(&pipeline->handle, &kind) < 0)
        return -1;
    fill_options(&choice.options, values[1] ? NULL : preset);
    struct python_model *models[2];
    int code = take_models(values, preset, choice.options.center, models);
    code = code < 0 ? PYTHON_RAISED : open_pipeline(pipeline, &choice.options, models);
    python_model_drop(models[0]);
    python_model_drop(models[1]);
    return python_handle_opened(&pipeline->handle, code);
}

/* Without the GIL, under the lock. */
static int process_locked(struct python_pipeline *pipeline, const struct stance_image *image,
                          const Py_buffer *boxes, struct python_people *people)
{
    if (!pipeline->pose || pipeline->closing)
        return PYTHON_CLOSED;
    const struct stance_pose_result *result;
    int code = stance_pose_image(pipeline->pose, image, boxes ? boxes->buf : NULL,
                                 boxes ? (int)boxes->shape[0] : 0, &result);
    return code < 0 ? code : python_people_copy(people, result, NULL);
}

static PyObject *process(struct python_pipeline *pipeline, const struct stance_image *image,
                         const Py_buffer *boxes)
{
    struct python_people people;
    PyThreadState *thread = python_enter(&pipeline->handle);
    int code = process_locked(pipeline, image, boxes, &people);
    python_leave(&pipeline->handle, thread);
    return code < 0 ? python_raise(code, "Pipeline")
                    : python_people_open(&people, pipeline->keypoint_set);
}

static PyObject *pipeline_process(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"image", "pixels", "boxes", NULL};
    static const struct python_signature signature = {"process", 1, names, NULL};
    PyObject *values[3], *people = NULL;
    Py_ssize_t shape[] = {-1, 4};
    Py_buffer boxes;
    struct python_image image;
    if (python_arguments(&signature, args, kwargs, values, NULL) < 0)
        return NULL;
    if (((struct python_handle *)self)->state != PYTHON_OPEN)
        return python_raise(PYTHON_CLOSED, "Pipeline");
    bool given = values[2] && values[2] != Py_None;
    if (given && python_floats("boxes", values[2], 2, shape, &boxes) < 0)
        return NULL;
    if (given && shape[0] > INT32_MAX)
        python_fail(STANCE_ELIMIT, "boxes: %zd are too many", shape[0]);
    else if (python_image_take(&image, values[0], values[1], false) == 0) {
        people = process((struct python_pipeline *)self, image.image, given ? &boxes : NULL);
        python_image_release(&image);
    }
    if (given)
        PyBuffer_Release(&boxes);
    return people;
}

void python_pipeline_drop(struct python_pipeline *pipeline)
{
    pipeline->streams--;
    if (pipeline->closing && pipeline->streams == 0)
        stance_pose_close(&pipeline->pose);
}

static PyObject *get_description(PyObject *self, void *unused)
{
    struct python_pipeline *pipeline = (struct python_pipeline *)self;
    char text[1024];
    PyThreadState *thread = python_enter(&pipeline->handle);
    bool open = pipeline->pose && !pipeline->closing;
    if (open)
        snprintf(text, sizeof text, "%s", stance_pose_describe(pipeline->pose));
    python_leave(&pipeline->handle, thread);
    return open ? PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace")
                : python_raise(PYTHON_CLOSED, "Pipeline");
}

static PyObject *get_times(PyObject *self, void *unused)
{
    struct python_pipeline *pipeline = (struct python_pipeline *)self;
    struct stance_pose_times times;
    PyThreadState *thread = python_enter(&pipeline->handle);
    bool open = pipeline->pose && !pipeline->closing;
    if (open)
        stance_pose_times(pipeline->pose, &times);
    python_leave(&pipeline->handle, thread);
    if (!open)
        return python_raise(PYTHON_CLOSED, "Pipeline");
    return python_record("Times", "(LLLL)", (long long)times.letterbox, (long long)times.crop,
                         (long long)times.network, (long long)times.decode);
}

static PyObject *get_keypoint_set(PyObject *self, void *unused)
{
    struct python_pipeline *pipeline = (struct python_pipeline *)self;
    if (pipeline->handle.state != PYTHON_OPEN)
        return python_raise(PYTHON_CLOSED, "Pipeline");
    Py_INCREF(pipeline->keypoint_set);
    return pipeline->keypoint_set;
}

static PyGetSetDef fields[] = {
    {"description", get_description, NULL,
     "One line for logs: models, families, device, tier, threads, precision.", NULL},
    {"keypoint_set", get_keypoint_set, NULL, "The KeypointSet that this pipeline gives.", NULL},
    {"times", get_times, NULL, "Where time went since it was opened, in nanoseconds: Times.", NULL},
    {0},
};

static PyMethodDef methods[] = {
    {"process", PYTHON_METHOD(pipeline_process), METH_VARARGS | METH_KEYWORDS,
     "process(image, pixels=..., boxes=None)\n\n"
     "Finds the people in a picture: uint8 (height, width, 3), with pixels 'rgb' or 'bgr', or a "
     "Frame.\n"
     "boxes: (N, 4) x1, y1, x2, y2 in pixels of people to use instead of detecting.\n"
     "Gives People: keypoints (N, K, 2) in pixels, scores (N, K), boxes (N, 4), ..."},
    PYTHON_CLOSE("Frees the networks, once its streams are closed too; what was given out stays "
                 "valid."),
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_init, pipeline_init},
    {Py_tp_getset, fields},
    {Py_tp_methods, methods},
    {Py_tp_doc,
     (void *)"Pipeline(pose='stance-pose', detector='stance-det', *, preset=None, device='cpu', "
             "threads=1,\n"
             "         center=False, detector_threshold=0.3, nms_threshold=0.0, pose_oks=0.7,\n"
             "         max_people=100, flip_test=False, refine='auto', keypoint_set=None,\n"
             "         detector_size=(0, 0), pose_size=(0, 0), detector_classes=(0, 0),\n"
             "         full_input=False)\n\n"
             "From a picture to people.\n\n"
             "pose: name, path or Model of a pose network, or of a one-stage network, which needs "
             "no\ndetector; None: boxes only. detector: the same of a person detector; None: boxes "
             "are given to\nprocess(), or center, one person in the middle. preset: networks that "
             "go together, as presets()\nnames them: 'wholebody-balanced'; what is named beside it "
             "goes before it. threads: that compute,\nthe caller's included; results do not depend "
             "on it. detector_threshold: boxes with less score are\ndropped. nms_threshold: IoU "
             "above which the weaker box goes; 0: the family's own. pose_oks: of two\npeople whose "
             "poses are more alike the weaker goes; 1: none. flip_test: mean of each crop's and its"
             "\nmirror image's answers. refine: 'auto', 'none', 'shift', 'dark' or 'udp'. "
             "detector_size, pose_size:\n(width, height) of inputs that the file leaves open. "
             "detector_classes: (first, last) of the\ndetector's classes that count; (0, 0): "
             "persons. full_input: networks that see\nthe whole picture get all of their input, "
             "padded, not the part that the picture fills."},
    {0, NULL},
};

PYTHON_TYPE(python_pipeline, "Pipeline", Py_TPFLAGS_BASETYPE);
