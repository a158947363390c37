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

void python_handle_free(struct python_handle *handle)
{
    PyTypeObject *type = Py_TYPE((PyObject *)handle);
    if (handle->lock)
        PyThread_free_lock(handle->lock);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(handle);
    Py_DECREF((PyObject *)type);
}

int python_handle_open(struct python_handle *handle)
{
    if (handle->state != PYTHON_NEW) {
        python_fail(STANCE_EARGUMENT, "%s", "it has been opened before; make a new one");
        return -1;
    }
    handle->state = PYTHON_OPENING;
    return 0;
}

int python_handle_opened(struct python_handle *handle, int code)
{
    handle->state = code < 0 ? PYTHON_NEW : PYTHON_OPEN;
    if (code < 0)
        python_raise(code, "it");
    return code < 0 ? -1 : 0;
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

PyObject *python_handle_enter(PyObject *self, PyObject *unused)
{
    if (((struct python_handle *)self)->state != PYTHON_OPEN)
        return python_raise(PYTHON_CLOSED, "with");
    Py_INCREF(self);
    return self;
}

PyObject *python_handle_exit(PyObject *self, PyObject *args)
{
    return PyObject_CallMethod(self, "close", NULL);
}

PyObject *python_handle_closed(PyObject *self, void *unused)
{
    return PyBool_FromLong(((struct python_handle *)self)->state != PYTHON_OPEN);
}
