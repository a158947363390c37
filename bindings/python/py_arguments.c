/* Arguments of functions, and keywords that fill the library's options structs. */
#include <limits.h>

#include "binding.h"

/* The place of `key` among names, or -1. */
static int place(const char *const *names, PyObject *key)
{
    for (int i = 0; names[i]; i++)
        if (PyUnicode_CompareWithASCIIString(key, names[i]) == 0)
            return i;
    return -1;
}

static int wrong_type(const char *name, const char *wanted, PyObject *value)
{
    PyObject *type = PyObject_GetAttrString((PyObject *)Py_TYPE(value), "__name__");
    if (type)
        python_fail(STANCE_ETYPE, "%s: %s is wanted, not %U", name, wanted, type);
    Py_XDECREF((PyObject *)type);
    return -1;
}

int python_int64(const char *name, PyObject *value, int64_t *out)
{
    if (!value)
        return 0;
    PyObject *number = PyNumber_Index(value);
    if (!number) {
        PyErr_Clear();
        return wrong_type(name, "a whole number", value);
    }
    int overflow = 0;
    long long result = PyLong_AsLongLongAndOverflow(number, &overflow);
    Py_DECREF(number);
    if (overflow) {
        python_fail(STANCE_EARGUMENT, "%s: the number is too large", name);
        return -1;
    }
    *out = result;
    return 0;
}

static int int32_value(const char *name, PyObject *value, int32_t *out)
{
    int64_t number = 0;
    if (python_int64(name, value, &number) < 0)
        return -1;
    if (number < INT32_MIN || number > INT32_MAX) {
        python_fail(STANCE_EARGUMENT, "%s: the number is too large", name);
        return -1;
    }
    *out = (int32_t)number;
    return 0;
}

static int real(const char *name, PyObject *value, double *out)
{
    double number = PyFloat_AsDouble(value);
    if (number == -1.0 && PyErr_Occurred()) {
        PyErr_Clear();
        return wrong_type(name, "a number", value);
    }
    *out = number;
    return 0;
}

static int text(const char *name, PyObject *value, const char **out)
{
    if (value == Py_None) {
        *out = NULL;
        return 0;
    }
    Py_ssize_t size = 0;
    if (!PyUnicode_Check(value))
        return wrong_type(name, "a str", value);
    *out = PyUnicode_AsUTF8AndSize(value, &size);
    if (!*out)
        return -1;
    if ((size_t)size != strlen(*out)) {
        python_fail(STANCE_EARGUMENT, "%s: a zero character is in it", name);
        return -1;
    }
    return 0;
}

int python_word(const char *name, const char *const *words, PyObject *value, int *out)
{
    if (!PyUnicode_Check(value))
        return wrong_type(name, "a str", value);
    int index = place(words, value);
    if (index >= 0) {
        *out = index;
        return 0;
    }
    PyObject *list = PyUnicode_FromString("");
    for (int i = 0; list && words[i]; i++) {
        PyObject *more = PyUnicode_FromFormat("%U%s'%s'", list,
                                              i == 0         ? ""
                                              : words[i + 1] ? ", "
                                                             : " or ",
                                              words[i]);
        Py_DECREF(list);
        list = more;
    }
    if (list)
        python_fail(STANCE_EARGUMENT, "%s is %U, not '%U'", name, list, value);
    Py_XDECREF(list);
    return -1;
}

static int pair(const char *name, const char *wanted, PyObject *value, int32_t *out)
{
    if (!PyTuple_Check(value) || PyTuple_Size(value) != 2)
        return wrong_type(name, wanted, value);
    for (int i = 0; i < 2; i++)
        if (int32_value(name, PyTuple_GetItem(value, i), &out[i]) < 0)
            return -1;
    return 0;
}

static int size(const char *name, PyObject *value, int32_t *out)
{
    if (pair(name, "a tuple (width, height)", value, out) < 0)
        return -1;
    if (out[0] >= 0 && out[1] >= 0)
        return 0;
    python_fail(STANCE_EARGUMENT, "%s: it is negative", name);
    return -1;
}

static int truth(const char *name, PyObject *value, int32_t *out)
{
    int result = PyObject_IsTrue(value);
    if (result < 0) {
        PyErr_Clear();
        return wrong_type(name, "True or False", value);
    }
    *out = result;
    return 0;
}

int python_option_set(const char *name, const struct python_option *option, PyObject *value,
                      void *options)
{
    void *field = (char *)options + option->offset;
    double number = 0;
    switch (option->kind) {
    case PYTHON_INT: return int32_value(name, value, field);
    case PYTHON_INT64: return python_int64(name, value, field);
    case PYTHON_TEXT: return text(name, value, field);
    case PYTHON_WORD: return python_word(name, option->words, value, field);
    case PYTHON_SIZE: return size(name, value, field);
    case PYTHON_RANGE: return pair(name, "a tuple (first, last)", value, field);
    case PYTHON_BOOL: return truth(name, value, field);
    case PYTHON_CHOICE:
        *(int32_t *)field = -1;
        return value == Py_None ? 0 : truth(name, value, field);
    case PYTHON_FLOAT:
        if (real(name, value, &number) < 0)
            return -1;
        *(float *)field = (float)number;
        return 0;
    case PYTHON_DOUBLE: return real(name, value, field);
    }
    return -1;
}

/* Sets the option of a key; 1 when there is none of that name. */
static int set_by_key(const struct python_option *table, PyObject *key, PyObject *value,
                      void *options)
{
    for (const struct python_option *o = table; o && o->name; o++)
        if (PyUnicode_CompareWithASCIIString(key, o->name) == 0)
            return python_option_set(o->name, o, value, options);
    return 1;
}

static int unknown(const char *who, PyObject *key)
{
    PyErr_Format(PyExc_TypeError, "%s: there is no argument '%U'", who, key);
    return -1;
}

int python_options_set(const char *who, const struct python_option *table, PyObject *mapping,
                       void *options)
{
    PyObject *key, *value;
    Py_ssize_t at = 0;
    while (PyDict_Next(mapping, &at, &key, &value)) {
        if (!PyUnicode_Check(key))
            return wrong_type(who, "options by their names", key);
        int done = set_by_key(table, key, value, options);
        if (done != 0)
            return done > 0 ? unknown(who, key) : -1;
    }
    return 0;
}

/* Keywords into values and options. */
static int sort_keywords(const struct python_signature *s, PyObject *kwargs, PyObject **values,
                         void *options)
{
    PyObject *key, *value;
    Py_ssize_t at = 0;
    while (PyDict_Next(kwargs, &at, &key, &value)) {
        int index = place(s->names, key);
        if (index >= 0 && values[index]) {
            PyErr_Format(PyExc_TypeError, "%s: '%U' is given twice", s->name, key);
            return -1;
        }
        if (index >= 0) {
            values[index] = value;
            continue;
        }
        int done = set_by_key(s->options, key, value, options);
        if (done != 0)
            return done > 0 ? unknown(s->name, key) : -1;
    }
    return 0;
}

int python_arguments(const struct python_signature *s, PyObject *args, PyObject *kwargs,
                     PyObject **values, void *options)
{
    Py_ssize_t given = PyTuple_Size(args), count = 0;
    for (; s->names[count]; count++)
        values[count] = count < given ? PyTuple_GetItem(args, count) : NULL;
    if (given > count) {
        PyErr_Format(PyExc_TypeError, "%s: %zd arguments by position at most, not %zd", s->name,
                     count, given);
        return -1;
    }
    if (kwargs && sort_keywords(s, kwargs, values, options) < 0)
        return -1;
    for (int i = 0; i < s->required; i++)
        if (!values[i]) {
            PyErr_Format(PyExc_TypeError, "%s: the argument '%s' is missing", s->name, s->names[i]);
            return -1;
        }
    return 0;
}
