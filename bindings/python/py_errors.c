/* Errors of the library as Python exceptions. */
#include <stdarg.h>

#include "binding.h"

static PyObject *make(int code, PyObject *sentence, bool closed)
{
    if (!sentence)
        return NULL;
    PyObject *error = PyObject_CallFunction(python.error, "isOO", code, stance_error_name(code),
                                            sentence, closed ? Py_True : Py_False);
    Py_DECREF(sentence);
    return error;
}

PyObject *python_raise_error(PyObject *error)
{
    if (error) {
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
        Py_DECREF(error);
    }
    return NULL;
}

/* Sentences are UTF-8, but for bytes of file names that are not. */
static PyObject *decode(const char *sentence)
{
    return PyUnicode_DecodeUTF8(sentence, (Py_ssize_t)strlen(sentence), "replace");
}

PyObject *python_raise(int code, const char *what)
{
    if (code == PYTHON_RAISED)
        return NULL;
    if (code == PYTHON_CLOSED)
        return python_raise_error(
            make(STANCE_EARGUMENT, PyUnicode_FromFormat("%s: it is closed", what), true));
    if (code == PYTHON_BACKWARDS)
        return python_fail(STANCE_EARGUMENT, "%s: time_us does not go on from the frame before",
                           what);
    return python_raise_error(make(code, decode(stance_error_text()), false));
}

PyObject *python_fail(int code, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    PyObject *sentence = PyUnicode_FromFormatV(format, values);
    va_end(values);
    return python_raise_error(make(code, sentence, false));
}

PyObject *python_error_open(int code, const char *sentence)
{
    return make(code, decode(sentence), false);
}
