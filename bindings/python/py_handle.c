/* What all handles have: a lock, a state, and the protocol of `with`. */
#include "binding.h"

PyObject *python_handle_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    struct python_handle *handle = (struct python_handle *)allocate(type, 0);
    if (!handle)
        return NULL;
    handle->lock = PyThread_allocate_lock();
    if (!handle->lock) {
        Py_DECREF((PyObject *)handle);
        return PyErr_NoMemory();
    }
    return (PyObject *)handle;
}

void python_object_free(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF((PyObject *)type);
}

static void handle_free(PyObject *self)
{
    struct python_handle *handle = (struct python_handle *)self;
    if (handle->kind) {
        handle->kind->close(handle);
        if (handle->kind->drop)
            handle->kind->drop(handle);
    }
    if (handle->lock)
        PyThread_free_lock(handle->lock);
    python_object_free(self);
}

int python_handle_open(struct python_handle *handle, const struct python_handle_kind *kind)
{
    if (handle->state != PYTHON_NEW) {
        python_fail(STANCE_EARGUMENT, "%s", "it has been opened before; make a new one");
        return -1;
    }
    handle->state = PYTHON_OPENING;
    handle->kind = kind;
    return 0;
}

int python_handle_opened(struct python_handle *handle, int code)
{
    handle->state = code < 0 ? PYTHON_NEW : PYTHON_OPEN;
    if (code < 0)
        python_raise(code, "it");
    return code < 0 ? -1 : 0;
}

int python_handle_close(struct python_handle *handle)
{
    if (handle->state != PYTHON_OPEN)
        return 0;
    handle->state = PYTHON_CLOSED_STATE;
    return handle->kind->close(handle);
}

PyThreadState *python_enter(struct python_handle *handle)
{
    PyThreadState *thread = PyEval_SaveThread();
    PyThread_acquire_lock(handle->lock, WAIT_LOCK);
    return thread;
}

void python_leave(struct python_handle *handle, PyThreadState *thread)
{
    PyThread_release_lock(handle->lock);
    PyEval_RestoreThread(thread);
}

PyObject *python_close(PyObject *self, PyObject *unused)
{
    int code = python_handle_close((struct python_handle *)self);
    if (code < 0)
        return python_raise(code, "close");
    Py_RETURN_NONE;
}

static PyObject *enter(PyObject *self, PyObject *unused)
{
    if (((struct python_handle *)self)->state != PYTHON_OPEN)
        return python_raise(PYTHON_CLOSED, "with");
    Py_INCREF(self);
    return self;
}

/* By the type's close(). */
static PyObject *leave(PyObject *self, PyObject *args)
{
    return PyObject_CallMethod(self, "close", NULL);
}

static PyObject *get_closed(PyObject *self, void *unused)
{
    return PyBool_FromLong(((struct python_handle *)self)->state != PYTHON_OPEN);
}

static PyGetSetDef fields[] = {
    {"closed", get_closed, NULL, "Whether it is closed.", NULL},
    {0},
};

static PyMethodDef methods[] = {
    PYTHON_CLOSE("Frees it; what it gave stays valid."),
    {"__enter__", enter, METH_NOARGS, NULL},
    {"__exit__", leave, METH_VARARGS, NULL},
    {0},
};

static PyType_Slot slots[] = {
    {Py_tp_new, python_handle_new},
    {Py_tp_dealloc, handle_free},
    {Py_tp_getset, fields},
    {Py_tp_methods, methods},
    {Py_tp_doc, (void *)"What is opened, and has to be closed."},
    {0, NULL},
};

PYTHON_TYPE(python_handle, "_Handle", Py_TPFLAGS_BASETYPE);
