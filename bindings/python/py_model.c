/* Models: read-only and shared. A model needs no lock: it is freed when it is closed and nobody uses it
 * any more, both under the GIL. */
#include "binding.h"

static int close_model(struct python_handle *handle)
{
    struct python_model *model = (struct python_model *)handle;
    if (model->users == 0)
        stance_model_close(&model->model);
    return 0;
}

static const struct python_handle_kind kind = {close_model, NULL};

/* Opens without the GIL. */
static int open_model(struct python_model *model, PyObject *name)
{
    PyObject *path = NULL;
    if (!PyUnicode_FSConverter(name, &path)) {
        if (PyErr_ExceptionMatches(PyExc_TypeError)) {
            PyErr_Clear();
            python_fail(STANCE_ETYPE, "model: a name, a path or a Model is wanted");
        }
        return -1;
    }
    int code = python_handle_open(&model->handle, &kind);
    if (code == 0) {
        PyThreadState *thread = PyEval_SaveThread();
        code = stance_model_open(&model->model, PyBytes_AsString(path));
        PyEval_RestoreThread(thread);
        code = python_handle_opened(&model->handle, code);
    }
    Py_DECREF(path);
    return code;
}

struct python_model *python_model_take(PyObject *value)
{
    struct python_model *model;
    if (PyObject_TypeCheck(value, python.model)) {
        model = (struct python_model *)value;
        Py_INCREF(value);
    } else {
        model = (struct python_model *)python_handle_new(python.model, NULL, NULL);
        if (!model || open_model(model, value) < 0) {
            Py_XDECREF((PyObject *)model);
            return NULL;
        }
    }
    if (model->handle.state != PYTHON_OPEN) {
        python_raise(PYTHON_CLOSED, "Model");
        Py_DECREF((PyObject *)model);
        return NULL;
    }
    model->users++;
    return model;
}

void python_model_drop(struct python_model *model)
{
    if (!model)
        return;
    model->users--;
    if (model->handle.state != PYTHON_OPEN)
        close_model(&model->handle);
    Py_DECREF((PyObject *)model);
}

static int model_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"name", NULL};
    static const struct python_signature signature = {"Model", 1, names, NULL};
    PyObject *name;
    if (python_arguments(&signature, args, kwargs, &name, NULL) < 0)
        return -1;
    return open_model((struct python_model *)self, name);
}

/* The library's model, or NULL with ClosedError. */
static const struct stance_model *open_one(PyObject *self)
{
    struct python_model *model = (struct python_model *)self;
    if (model->handle.state == PYTHON_OPEN)
        return model->model;
    python_raise(PYTHON_CLOSED, "Model");
    return NULL;
}

static PyObject *get_path(PyObject *self, void *unused)
{
    const struct stance_model *model = open_one(self);
    return model ? PyUnicode_DecodeFSDefault(stance_model_path(model)) : NULL;
}

static PyObject *get_role(PyObject *self, void *unused)
{
    static const char *const roles[] = {"detector", "pose", "one-stage"};
    const struct stance_model *model = open_one(self);
    if (!model)
        return NULL;
    int role = stance_model_role(model);
    return role < 0 ? python_raise(role, "Model") : PyUnicode_FromString(roles[role]);
}

/* None where the file does not say. */
static PyObject *shape_tuple(const struct stance_tensor *tensor)
{
    if (tensor->rank < 0)
        Py_RETURN_NONE;
    PyObject *shape = PyTuple_New(tensor->rank);
    for (int i = 0; shape && i < tensor->rank; i++) {
        PyObject *extent =
            tensor->dims[i] < 0 ? Py_BuildValue("") : PyLong_FromLongLong(tensor->dims[i]);
        if (!extent || PyTuple_SetItem(shape, i, extent) < 0)
            Py_CLEAR(shape);
    }
    return shape;
}

static PyObject *describe_tensors(const struct stance_model *model, bool inputs)
{
    PyObject *list = model ? PyList_New(0) : NULL;
    int count = !list    ? 0
                : inputs ? stance_model_input_count(model)
                         : stance_model_output_count(model);
    for (int i = 0; list && i < count; i++) {
        struct stance_tensor tensor;
        const char *name =
            inputs ? stance_model_input_name(model, i) : stance_model_output_name(model, i);
        int code =
            inputs ? stance_model_input(model, i, &tensor) : stance_model_output(model, i, &tensor);
        PyObject *record =
            code < 0 ? python_raise(code, "Model")
                     : python_record("TensorInfo", "(ssN)", name, stance_dtype_name(tensor.dtype),
                                     shape_tuple(&tensor));
        if (!record || PyList_Append(list, record) < 0)
            Py_CLEAR(list);
        Py_XDECREF(record);
    }
    return list;
}

static PyObject *get_inputs(PyObject *self, void *unused)
{
    return describe_tensors(open_one(self), true);
}

static PyObject *get_outputs(PyObject *self, void *unused)
{
    return describe_tensors(open_one(self), false);
}

static PyGetSetDef fields[] = {
    {"path", get_path, NULL, "The file's path, or the name of a built-in model.", NULL},
    {"role", get_role, NULL, "'detector', 'pose' or 'one-stage'; else ModelError.", NULL},
    {"inputs", get_inputs, NULL, "A TensorInfo for each input.", NULL},
    {"outputs", get_outputs, NULL, "A TensorInfo for each output.", NULL},
    {0},
};

static PyMethodDef methods[] = {
    PYTHON_CLOSE("Drops the caller's hold; pipelines and sessions keep theirs."),
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_init, model_init},
    {Py_tp_getset, fields},
    {Py_tp_methods, methods},
    {Py_tp_doc,
     (void *)"Model(name)\n\n"
             "Weights and network of one ONNX file by its path or name, or a model inside the "
             "library\n('stance-det', 'stance-pose'). Read-only; any number of pipelines and "
             "sessions share it."},
    {0, NULL},
};

PYTHON_TYPE(python_model, "Model", Py_TPFLAGS_BASETYPE);
