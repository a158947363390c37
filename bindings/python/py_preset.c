/* Presets: networks that go together for a task. */
#include "binding.h"

static PyObject *name_of(const struct stance_preset *preset)
{
    return PyUnicode_FromFormat("%s-%s", preset->task, preset->mode);
}

PyObject *python_presets(PyObject *module, PyObject *unused)
{
    PyObject *list = PyList_New(0);
    for (int i = 0; list && stance_preset_at(i); i++) {
        const struct stance_preset *p = stance_preset_at(i);
        PyObject *record =
            python_record("Preset", "(Nsszs(ii))", name_of(p), p->task, p->mode, p->detector,
                          p->pose, p->detector_classes[0], p->detector_classes[1]);
        if (!record || PyList_Append(list, record) < 0)
            Py_CLEAR(list);
        Py_XDECREF(record);
    }
    return list;
}

/* All names in a row. */
static PyObject *list_names(void)
{
    PyObject *text = PyUnicode_FromString("");
    for (int i = 0; text && stance_preset_at(i); i++) {
        const struct stance_preset *p = stance_preset_at(i);
        PyObject *more =
            PyUnicode_FromFormat("%U%s%s-%s", text, i > 0 ? ", " : "", p->task, p->mode);
        Py_DECREF(text);
        text = more;
    }
    return text;
}

const struct stance_preset *python_preset_find(const char *name)
{
    const struct stance_preset *preset = stance_preset_find(name);
    PyObject *names = preset ? NULL : list_names();
    if (names)
        python_fail(STANCE_EARGUMENT, "there is no preset '%s': they are %U", name, names);
    Py_XDECREF(names);
    return preset;
}
