/* Sessions: networks on arrays. */
#include <stdlib.h>

#include "binding.h"

#define FIELD(kind, name) PYTHON_FIELD(stance_session_options, kind, name)

static const struct python_option options_table[] = {
    FIELD(PYTHON_TEXT, device), FIELD(PYTHON_INT, threads), {0}};

enum { MOST = 64 }; /* inputs or outputs, as stance_session_open() has it */

struct python_session {
    struct python_handle handle;
    struct stance_session *session; /* under the lock */
    struct python_model *model;
};

static int close_session(struct python_handle *handle)
{
    PyThreadState *thread = python_enter(handle);
    stance_session_close(&((struct python_session *)handle)->session);
    python_leave(handle, thread);
    return 0;
}

static void drop_session(struct python_handle *handle)
{
    python_model_drop(((struct python_session *)handle)->model);
}

static const struct python_handle_kind kind = {close_session, drop_session};

static int session_init(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"model", NULL};
    static const struct python_signature signature = {"Session", 1, names, options_table};
    struct python_session *session = (struct python_session *)self;
    PyObject *value;
    struct stance_session_options options;
    stance_session_options_default(&options);
    if (python_arguments(&signature, args, kwargs, &value, &options) < 0 ||
        python_handle_open(&session->handle, &kind) < 0)
        return -1;
    struct python_model *model = python_model_take(value);
    int code = PYTHON_RAISED;
    if (model) {
        PyThreadState *thread = PyEval_SaveThread();
        code = stance_session_open(&session->session, model->model, &options);
        PyEval_RestoreThread(thread);
    }
    if (code < 0)
        python_model_drop(model);
    else
        session->model = model;
    return python_handle_opened(&session->handle, code);
}

/* One run: arrays in, and copies of what came out. */
struct run {
    int input_count, output_count;
    struct stance_tensor inputs[MOST], outputs[MOST];
    Py_buffer buffers[MOST];
};

static void release_inputs(struct run *run)
{
    for (int i = 0; i < run->input_count; i++)
        PyBuffer_Release(&run->buffers[i]);
    run->input_count = 0;
}

/* Whether an array has the type declared, in this machine's order of bytes. */
static int check_type(PyObject *array, const char *name, int wanted)
{
    PyObject *dtype = PyObject_GetAttrString(array, "dtype");
    PyObject *type = dtype ? PyObject_GetAttrString(dtype, "name") : NULL;
    PyObject *native = dtype ? PyObject_GetAttrString(dtype, "isnative") : NULL;
    int code = -1;
    if (type && native) {
        bool same = PyUnicode_CompareWithASCIIString(type, stance_dtype_name(wanted)) == 0;
        if (same && native == Py_True)
            code = 0;
        else
            python_fail(STANCE_ETYPE, "input '%s': %s is wanted, not %U%s", name,
                        stance_dtype_name(wanted), type,
                        same ? " in the other order of bytes" : "");
    }
    Py_XDECREF(dtype);
    Py_XDECREF((PyObject *)type);
    Py_XDECREF(native);
    return code;
}

static int take_input(struct run *run, const struct stance_model *model, PyObject *value)
{
    int i = run->input_count;
    const char *name = stance_model_input_name(model, i);
    struct stance_tensor *tensor = &run->inputs[i];
    int code = stance_model_input(model, i, tensor);
    if (code < 0) {
        python_raise(code, "Session");
        return -1;
    }
    PyObject *array = PyObject_CallFunction(python.asarray, "OOs", value, Py_None, "C");
    if (!array || check_type(array, name, tensor->dtype) < 0 ||
        PyObject_GetBuffer(array, &run->buffers[i], PyBUF_C_CONTIGUOUS) < 0) {
        Py_XDECREF(array);
        return -1;
    }
    Py_DECREF(array);
    const Py_buffer *buffer = &run->buffers[i];
    run->input_count++;
    if (buffer->ndim > STANCE_MAX_RANK) {
        python_fail(STANCE_ESHAPE, "input '%s': %d dimensions are too many", name, buffer->ndim);
        return -1;
    }
    tensor->rank = buffer->ndim;
    tensor->data = buffer->buf;
    for (int d = 0; d < buffer->ndim; d++)
        tensor->dims[d] = buffer->shape[d];
    return 0;
}

/* Arrays by name in the model's order. */
static int take_named(struct run *run, const struct stance_model *model, PyObject *inputs)
{
    int count = stance_model_input_count(model);
    if (PyDict_Size(inputs) != count) {
        python_fail(STANCE_EARGUMENT, "the network has %d inputs, not %zd", count,
                    PyDict_Size(inputs));
        return -1;
    }
    for (int i = 0; i < count; i++) {
        const char *name = stance_model_input_name(model, i);
        PyObject *value = PyDict_GetItemString(inputs, name);
        if (!value) {
            python_fail(STANCE_EARGUMENT, "the input '%s' is missing", name);
            return -1;
        }
        if (take_input(run, model, value) < 0)
            return -1;
    }
    return 0;
}

static int take_inputs(struct run *run, const struct stance_model *model, PyObject *inputs)
{
    if (PyDict_Check(inputs))
        return take_named(run, model, inputs);
    bool several = PyList_Check(inputs) || PyTuple_Check(inputs);
    PyObject *values = several ? PySequence_Tuple(inputs) : PyTuple_Pack(1, inputs);
    if (!values)
        return -1;
    Py_ssize_t count = PyTuple_Size(values);
    int code = 0;
    if (count != stance_model_input_count(model)) {
        python_fail(STANCE_EARGUMENT, "the network has %d inputs, not %zd",
                    stance_model_input_count(model), count);
        code = -1;
    }
    for (Py_ssize_t i = 0; code == 0 && i < count; i++)
        code = take_input(run, model, PyTuple_GetItem(values, i));
    Py_DECREF(values);
    return code;
}

static void free_outputs(struct run *run, int from)
{
    for (int i = from; i < run->output_count; i++)
        free(run->outputs[i].data);
}

/* Without the GIL, under the lock. */
static int run_locked(struct stance_session *session, struct run *run)
{
    if (!session)
        return PYTHON_CLOSED;
    int code =
        stance_session_run(session, run->inputs, run->input_count, run->outputs, run->output_count);
    for (int i = 0; code == 0 && i < run->output_count; i++) {
        struct stance_tensor *output = &run->outputs[i];
        size_t bytes = (size_t)stance_tensor_count(output) * stance_dtype_size(output->dtype);
        void *copy = malloc(bytes > 0 ? bytes : 1);
        if (!copy) {
            run->output_count = i;
            free_outputs(run, 0);
            return STANCE_ENOMEMORY;
        }
        if (output->data)
            memcpy(copy, output->data, bytes);
        output->data = copy;
    }
    return code;
}

/* An array over an output's copy, which it takes over. */
static PyObject *output_array(const struct stance_tensor *output)
{
    static const char *const formats[] = {
        [STANCE_FLOAT32] = "f",  [STANCE_UINT8] = "B",  [STANCE_INT8] = "b",
        [STANCE_UINT16] = "H",   [STANCE_INT16] = "h",  [STANCE_INT32] = "i",
        [STANCE_INT64] = "q",    [STANCE_BOOL] = "?",   [STANCE_FLOAT16] = "e",
        [STANCE_FLOAT64] = "d",  [STANCE_UINT32] = "I", [STANCE_UINT64] = "Q",
        [STANCE_BFLOAT16] = NULL};
    struct python_block block = {.format = formats[output->dtype],
                                 .rank = output->rank,
                                 .data = output->data,
                                 .owner = output->data,
                                 .release = free};
    if (!block.format) {
        free(output->data);
        return python_fail(STANCE_ETYPE, "NumPy has no %s", stance_dtype_name(output->dtype));
    }
    for (int i = 0; i < output->rank; i++)
        block.shape[i] = (Py_ssize_t)output->dims[i];
    return python_array_open(&block);
}

static PyObject *output_arrays(struct run *run)
{
    PyObject *list = PyList_New(0);
    for (int i = 0; i < run->output_count; i++) {
        PyObject *array = list ? output_array(&run->outputs[i]) : NULL;
        if (!list)
            free(run->outputs[i].data);
        else if (!array || PyList_Append(list, array) < 0)
            Py_CLEAR(list);
        Py_XDECREF(array);
    }
    return list;
}

static PyObject *run_session(struct python_session *session, struct run *run, PyObject *inputs)
{
    run->output_count = stance_model_output_count(session->model->model);
    if (take_inputs(run, session->model->model, inputs) < 0) {
        release_inputs(run);
        return NULL;
    }
    PyThreadState *thread = python_enter(&session->handle);
    int code = run_locked(session->session, run);
    python_leave(&session->handle, thread);
    release_inputs(run);
    return code < 0 ? python_raise(code, "Session") : output_arrays(run);
}

static PyObject *session_run(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"inputs", NULL};
    static const struct python_signature signature = {"run", 1, names, NULL};
    struct python_session *session = (struct python_session *)self;
    PyObject *inputs;
    if (python_arguments(&signature, args, kwargs, &inputs, NULL) < 0)
        return NULL;
    if (session->handle.state != PYTHON_OPEN)
        return python_raise(PYTHON_CLOSED, "Session");
    struct run *run = calloc(1, sizeof *run);
    PyObject *list = run ? run_session(session, run, inputs) : PyErr_NoMemory();
    free(run);
    return list;
}

static PyObject *get_model(PyObject *self, void *unused)
{
    struct python_session *session = (struct python_session *)self;
    if (session->handle.state != PYTHON_OPEN)
        return python_raise(PYTHON_CLOSED, "Session");
    Py_INCREF((PyObject *)session->model);
    return (PyObject *)session->model;
}

static PyObject *get_description(PyObject *self, void *unused)
{
    struct python_session *session = (struct python_session *)self;
    char text[1024];
    PyThreadState *thread = python_enter(&session->handle);
    bool open = session->session != NULL;
    if (open)
        snprintf(text, sizeof text, "%s", stance_session_describe(session->session));
    python_leave(&session->handle, thread);
    return open ? PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace")
                : python_raise(PYTHON_CLOSED, "Session");
}

static PyObject *get_memory(PyObject *self, void *unused)
{
    struct python_session *session = (struct python_session *)self;
    size_t bytes = 0;
    PyThreadState *thread = python_enter(&session->handle);
    bool open = session->session != NULL;
    if (open)
        bytes = stance_session_memory(session->session);
    python_leave(&session->handle, thread);
    return open ? PyLong_FromSize_t(bytes) : python_raise(PYTHON_CLOSED, "Session");
}

static PyGetSetDef fields[] = {
    {"model", get_model, NULL, "The Model that it runs.", NULL},
    {"description", get_description, NULL, "One line for logs: device, tier, threads, precision.",
     NULL},
    {"memory", get_memory, NULL, "Bytes of the workspace; weights not counted.", NULL},
    {0},
};

static PyMethodDef methods[] = {
    {"run", PYTHON_METHOD(session_run), METH_VARARGS | METH_KEYWORDS,
     "run(inputs)\n\n"
     "Runs the network on an array for each input, of the type it declares: a list or tuple in "
     "the\n"
     "model's order, a dict by name, or the array itself. Gives a list with an array for each "
     "output."},
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_init, session_init},
    {Py_tp_getset, fields},
    {Py_tp_methods, methods},
    {Py_tp_doc,
     (void *)"Session(model, *, device='cpu', threads=1)\n\n"
             "A model (name, path or Model) made ready to run: arrays in, arrays out.\n"
             "Results are the same for every number of threads; a batch of n gives the bits of n\n"
             "single runs."},
    {0, NULL},
};

PYTHON_TYPE(python_session, "Session", Py_TPFLAGS_BASETYPE);
