/* The extension module stance._stance: its types, what is here and known, and what it imports. */
#include <stdarg.h>
#include <stdlib.h>

#include "binding.h"

struct python_names python;

PyObject *python_record(const char *name, const char *format, ...)
{
    PyObject *class = PyObject_GetAttrString(python.records, name);
    va_list values;
    va_start(values, format);
    PyObject *fields = class ? Py_VaBuildValue(format, values) : NULL;
    va_end(values);
    PyObject *record = fields ? PyObject_CallObject(class, fields) : NULL;
    Py_XDECREF(class);
    Py_XDECREF(fields);
    return record;
}

static PyObject *list_devices(PyObject *module, PyObject *unused)
{
    PyObject *list = PyList_New(0);
    for (int i = 0; list && stance_device_name(i); i++) {
        PyObject *device =
            python_record("Device", "(ss)", stance_device_name(i), stance_device_describe(i));
        if (!device || PyList_Append(list, device) < 0)
            Py_CLEAR(list);
        Py_XDECREF(device);
    }
    return list;
}

static PyObject *list_models(PyObject *module, PyObject *unused)
{
    struct stance_model_list *models = NULL;
    PyThreadState *thread = PyEval_SaveThread();
    int code = stance_model_list_open(&models);
    PyEval_RestoreThread(thread);
    if (code < 0)
        return python_raise(code, "models");
    PyObject *list = PyList_New(0);
    for (int i = 0; list && i < models->count; i++) {
        const struct stance_model_entry *entry = &models->entries[i];
        PyObject *path = entry->path ? PyUnicode_DecodeFSDefault(entry->path) : Py_BuildValue("");
        PyObject *record =
            python_record("ModelEntry", "(NNL)", PyUnicode_DecodeFSDefault(entry->name), path,
                          (long long)entry->bytes);
        if (!record || PyList_Append(list, record) < 0)
            Py_CLEAR(list);
        Py_XDECREF(record);
    }
    stance_model_list_close(&models);
    return list;
}

static PyObject *list_card_names(PyObject *module, PyObject *unused)
{
    PyObject *list = PyList_New(0);
    for (int i = 0; list && stance_card_name_at(i); i++) {
        PyObject *name = PyUnicode_FromString(stance_card_name_at(i));
        if (!name || PyList_Append(list, name) < 0)
            Py_CLEAR(list);
        Py_XDECREF(name);
    }
    return list;
}

/* Name, path and text of a card. */
static PyObject *read_card(PyObject *module, PyObject *name)
{
    PyObject *bytes = NULL;
    if (!PyUnicode_FSConverter(name, &bytes))
        return NULL;
    struct stance_card *card = NULL;
    PyThreadState *thread = PyEval_SaveThread();
    int code = stance_card_open(&card, PyBytes_AsString(bytes));
    PyEval_RestoreThread(thread);
    Py_DECREF(bytes);
    if (code < 0)
        return python_raise(code, "card");
    PyObject *path = card->path ? PyUnicode_DecodeFSDefault(card->path) : Py_BuildValue("");
    PyObject *fields = Py_BuildValue("(sNs)", card->name, path, card->json);
    stance_card_close(&card);
    return fields;
}

static PyObject *list_sets(PyObject *module, PyObject *unused)
{
    PyObject *list = PyList_New(0);
    for (int i = 0; list && stance_keypoint_set_at(i); i++) {
        PyObject *set = python_keypoint_set_open(stance_keypoint_set_at(i));
        if (!set || PyList_Append(list, set) < 0)
            Py_CLEAR(list);
        Py_XDECREF(set);
    }
    return list;
}

static const struct stance_keypoint_set *find_set(PyObject *name)
{
    const char *text = PyUnicode_Check(name) ? PyUnicode_AsUTF8AndSize(name, NULL) : NULL;
    const struct stance_keypoint_set *set = text ? stance_keypoint_set_find(text) : NULL;
    if (!set && !PyErr_Occurred())
        python_fail(text ? STANCE_ENOTFOUND : STANCE_ETYPE, "there is no keypoint set %R", name);
    return set;
}

static PyObject *map_keypoints(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"source", "target", NULL};
    static const struct python_signature signature = {"keypoint_map", 2, names, NULL};
    PyObject *values[2];
    if (python_arguments(&signature, args, kwargs, values, NULL) < 0)
        return NULL;
    const struct stance_keypoint_set *source = find_set(values[0]);
    const struct stance_keypoint_set *target = source ? find_set(values[1]) : NULL;
    if (!target)
        return NULL;
    int32_t *map = malloc((size_t)target->count * sizeof *map);
    if (!map)
        return PyErr_NoMemory();
    int code = stance_keypoint_set_map(source, target, map);
    PyObject *array = code < 0 ? python_raise(code, "keypoint_map")
                               : python_array_copy("i", 1, (Py_ssize_t[]){target->count}, map);
    free(map);
    return array;
}

#define FUNCTION(name, function, doc)                                                              \
    {                                                                                              \
        name, PYTHON_METHOD(function), METH_VARARGS | METH_KEYWORDS, doc                           \
    }

static PyMethodDef functions[] = {
    {"devices", list_devices, METH_NOARGS, "devices()\n\nDevices that can be used here."},
    {"models", list_models, METH_NOARGS,
     "models()\n\nModels that are found by name, built-in ones first."},
    {"presets", python_presets, METH_NOARGS,
     "presets()\n\nNetworks that go together for a task: a list of Preset."},
    {"card_names", list_card_names, METH_NOARGS,
     "card_names()\n\nModels that are known, here or not: their cards come with stance."},
    {"read_card", read_card, METH_O, NULL},
    {"read_sets", list_sets, METH_NOARGS, NULL},
    FUNCTION("keypoint_map", map_keypoints,
             "keypoint_map(source, target)\n\nFor every keypoint of the set named target the index "
             "of the one in source\nthat is the same place of the body, or -1: int32 (K,)."),
    FUNCTION("read_image", python_read_image,
             "read_image(path, pixels='rgb')\n\nReads JPEG, PNG, WebP, BMP, TIFF or GIF as uint8 "
             "(height, width, 3), upright."),
    FUNCTION("write_image", python_write_image,
             "write_image(path, image, pixels=...)\n\nWrites .png or .jpg by the path's ending."),
    FUNCTION(
        "read_video", python_read_video,
        "read_video(source, pixels='rgb', *, threads=1, live=None, writable=False, audio=False,\n"
        "           width=0, height=0, frame_rate=0.0, timeout_us=10000000, reconnects=-1)\n\n"
        "Opens a file, a folder or pattern of pictures, an address, a camera ('camera:0') or\n"
        "standard input ('-'); gives a Video, whose frames come one after the other.\n\n"
        "pixels: channel order of Frame.image. live: newest frame only; None: as suits the\n"
        "source. writable: draw() may draw on the frames themselves. audio: keep the sound for a\n"
        "Writer that gets this source. width, height, frame_rate: wanted of a camera; the rate\n"
        "also of picture sequences."),
    FUNCTION(
        "draw", python_draw,
        "draw(image, people, pixels=..., labels=None, *, style='stance', "
        "keypoint_threshold=0.3,\n     radius=0.0, thickness=0.0, boxes=None, scores=None, "
        "ids=True, caption=None)\n\n"
        "Draws limbs, joints, boxes and ids on the picture itself: uint8 (height, width, 3), or a\n"
        "Frame of a video that was opened as writable. Gives it back.\n\n"
        "style: 'stance', 'mmpose', 'openpose' or 'simple'. radius, thickness: in pixels; 0: as "
        "the\nstyle has it. boxes, scores: None: as the style has it. labels: a word for each "
        "person."),
    FUNCTION("process_streams", python_process_streams,
             "process_streams(frames, pixels=...)\n\n"
             "The next frame of several streams of one pipeline, each as (stream, image, time_us): "
             "the\npeople of all go through the pose network together. Gives a list of People."),
    FUNCTION("evaluate_files", python_evaluate, NULL),
    {0},
};

/* module.name, kept for good. */
static PyObject *import(const char *module_name, const char *name)
{
    PyObject *module = PyImport_ImportModule(module_name);
    PyObject *found = module && name ? PyObject_GetAttrString(module, name) : module;
    if (module && name)
        Py_DECREF(module);
    return found;
}

static int import_all(void)
{
    const struct {
        PyObject **where;
        const char *module, *name;
    } wanted[] = {
        {&python.asarray, "numpy", "asarray"},
        {&python.error, "stance.errors", "make"},
        {&python.people, "stance.people", "make"},
        {&python.records, "stance.records", NULL},
    };
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        if (!*wanted[i].where) {
            *wanted[i].where = import(wanted[i].module, wanted[i].name);
            if (!*wanted[i].where)
                return -1;
        }
    return 0;
}

static int add_types(PyObject *module)
{
    static PyTypeObject *handle, *no_base;
    const struct {
        PyTypeObject **where, **base;
        PyType_Spec *spec;
        const char *name;
    } types[] = {
        {&handle, &no_base, &python_handle_spec, "_Handle"},
        {&python.memory, &no_base, &python_memory_spec, "Memory"},
        {&python.frame, &no_base, &python_frame_spec, "Frame"},
        {&python.video, &handle, &python_video_spec, "Video"},
        {&python.model, &handle, &python_model_spec, "Model"},
        {&python.session, &handle, &python_session_spec, "Session"},
        {&python.pipeline, &handle, &python_pipeline_spec, "Pipeline"},
        {&python.stream, &handle, &python_stream_spec, "Stream"},
        {&python.writer, &handle, &python_writer_spec, "Writer"},
        {&python.tracker, &handle, &python_tracker_spec, "Tracker"},
    };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        PyObject *type = PyType_FromSpecWithBases(types[i].spec, (PyObject *)*types[i].base);
        if (!type || PyModule_AddObjectRef(module, types[i].name, type) < 0) {
            Py_XDECREF((PyObject *)type);
            return -1;
        }
        *types[i].where = (PyTypeObject *)type;
    }
    return 0;
}

static PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "stance._stance", .m_size = -1,
                                 .m_methods = functions};

PyMODINIT_FUNC PyInit__stance(void);

PyMODINIT_FUNC PyInit__stance(void)
{
    if (import_all() < 0)
        return NULL;
    PyObject *module = PyModule_Create(&definition);
    if (!module || add_types(module) < 0 ||
        PyModule_AddStringConstant(module, "version", stance_version()) < 0) {
        Py_XDECREF(module);
        return NULL;
    }
    return module;
}
