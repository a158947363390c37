/* Evaluation of result files. */
#include "binding.h"

#define FIELD(kind, name)                                                                          \
    {                                                                                              \
#name, kind, offsetof(struct stance_eval_options, name), NULL                              \
    }

static const char *const kinds[] = {"auto", "keypoints", "boxes", NULL};

static const struct python_option options_table[] = {
    {"kind", PYTHON_WORD, offsetof(struct stance_eval_options, kind), kinds},
    FIELD(PYTHON_TEXT, keypoint_set),
    FIELD(PYTHON_BOOL, single_person),
    {0},
};

static int compute(struct stance_eval **eval, const char *annotations, const char *results,
                   const struct stance_eval_options *options, const char *metric,
                   const struct stance_eval_number **numbers, int *count)
{
    int code = stance_eval_open(eval, annotations, options);
    if (code == 0)
        code = stance_eval_load(*eval, results);
    if (code == 0)
        code = stance_eval_compute(*eval, metric, numbers, count);
    return code;
}

static PyObject *number_dict(const struct stance_eval_number *numbers, int count)
{
    PyObject *dict = PyDict_New();
    for (int i = 0; dict && i < count; i++) {
        PyObject *value = PyFloat_FromDouble(numbers[i].value);
        if (!value || PyDict_SetItemString(dict, numbers[i].name, value) < 0)
            Py_CLEAR(dict);
        Py_XDECREF(value);
    }
    return dict;
}

PyObject *python_evaluate(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"annotations", "results", "metric", NULL};
    static const struct python_signature signature = {"evaluate_coco", 3, names, options_table};
    static const struct python_option text = {"metric", PYTHON_TEXT, 0, NULL};
    PyObject *values[3], *annotations = NULL, *results = NULL, *dict = NULL;
    struct stance_eval_options options;
    const char *metric = NULL;
    stance_eval_options_default(&options);
    if (python_arguments(&signature, args, kwargs, values, &options) < 0 ||
        python_option_set("metric", &text, values[2], &metric) < 0)
        return NULL;
    if (PyUnicode_FSConverter(values[0], &annotations) &&
        PyUnicode_FSConverter(values[1], &results)) {
        struct stance_eval *eval = NULL;
        const struct stance_eval_number *numbers = NULL;
        int count = 0;
        PyThreadState *thread = PyEval_SaveThread();
        int code = compute(&eval, PyBytes_AsString(annotations), PyBytes_AsString(results),
                           &options, metric ? metric : "coco", &numbers, &count);
        PyEval_RestoreThread(thread);
        dict = code < 0 ? python_raise(code, "evaluate_coco") : number_dict(numbers, count);
        stance_eval_close(&eval);
    }
    Py_XDECREF(annotations);
    Py_XDECREF(results);
    return dict;
}
