/* Drawing people on pictures. */
#include <stdlib.h>

#include "binding.h"

/* Options of the library, and one of the binding. */
struct drawing {
    struct stance_draw_options options;
    int32_t ids;
};

#define FIELD(kind, name)                                                                          \
    {                                                                                              \
#name, kind, offsetof(struct drawing, options.name), NULL                                  \
    }

static const char *const styles[] = {"stance", "mmpose", "openpose", "simple", NULL};

static const struct python_option options_table[] = {
    {"style", PYTHON_WORD, offsetof(struct drawing, options.style), styles},
    FIELD(PYTHON_FLOAT, keypoint_threshold),
    FIELD(PYTHON_FLOAT, radius),
    FIELD(PYTHON_FLOAT, thickness),
    FIELD(PYTHON_CHOICE, boxes),
    FIELD(PYTHON_CHOICE, scores),
    FIELD(PYTHON_TEXT, caption),
    {"ids", PYTHON_BOOL, offsetof(struct drawing, ids), NULL},
    {0},
};

/* A People as the library has it. */
struct crowd {
    struct stance_pose_result result;
    struct stance_keypoint *keypoints;
    int64_t *ids;
    const char **labels;
};

static void free_crowd(struct crowd *crowd)
{
    free(crowd->result.people);
    free(crowd->keypoints);
    free(crowd->ids);
    free(crowd->labels);
}

static int attribute_floats(PyObject *people, const char *name, int rank, Py_ssize_t *shape,
                            Py_buffer *out)
{
    PyObject *value = PyObject_GetAttrString(people, name);
    int code = value ? python_floats(name, value, rank, shape, out) : -1;
    Py_XDECREF(value);
    return code;
}

/* Whether these are People, and of a set that the library knows. */
static const struct stance_keypoint_set *set_of(PyObject *people)
{
    PyObject *set = PyObject_GetAttrString(people, "keypoint_set");
    PyObject *name = set ? PyObject_GetAttrString(set, "name") : NULL;
    const char *text = name ? PyUnicode_AsUTF8AndSize(name, NULL) : NULL;
    const struct stance_keypoint_set *found = text ? stance_keypoint_set_find(text) : NULL;
    if (!set || !name || !text) {
        PyErr_Clear();
        python_fail(STANCE_ETYPE, "people: People are wanted");
    } else if (!found)
        python_fail(STANCE_EUNSUPPORTED, "people: the keypoints '%s' have no skeleton to draw",
                    text);
    Py_XDECREF(name);
    Py_XDECREF(set);
    return found;
}

static int fill_people(struct crowd *crowd, Py_ssize_t count, const Py_buffer views[4])
{
    Py_ssize_t points = crowd->result.keypoint_set->count;
    const float *places = views[0].buf, *scores = views[1].buf, *boxes = views[2].buf;
    crowd->result.person_count = (int32_t)count;
    crowd->result.people = calloc((size_t)count + 1, sizeof *crowd->result.people);
    crowd->keypoints = calloc((size_t)(count * points) + 1, sizeof *crowd->keypoints);
    if (!crowd->result.people || !crowd->keypoints) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < count * points; i++)
        crowd->keypoints[i] = (struct stance_keypoint){places[2 * i], places[2 * i + 1], scores[i]};
    for (Py_ssize_t i = 0; i < count; i++) {
        struct stance_person *person = &crowd->result.people[i];
        memcpy(person->box, boxes + 4 * i, sizeof person->box);
        person->box_score = person->score = ((const float *)views[3].buf)[i];
        person->keypoints = crowd->keypoints + i * points;
    }
    return 0;
}

static int take_people(struct crowd *crowd, PyObject *people)
{
    crowd->result.keypoint_set = set_of(people);
    if (!crowd->result.keypoint_set)
        return -1;
    static const char *const names[] = {"keypoints", "scores", "boxes", "box_scores"};
    static const int ranks[] = {3, 2, 2, 1};
    Py_ssize_t count = -1, points = crowd->result.keypoint_set->count;
    Py_buffer views[4];
    int taken = 0;
    for (; taken < 4; taken++) {
        Py_ssize_t shapes[][3] = {{count, points, 2}, {count, points}, {count, 4}, {count}};
        if (attribute_floats(people, names[taken], ranks[taken], shapes[taken], &views[taken]) < 0)
            break;
        count = shapes[taken][0];
    }
    int code = -1;
    if (taken == 4 && count > INT16_MAX)
        python_fail(STANCE_ELIMIT, "people: %zd are too many", count);
    else if (taken == 4)
        code = fill_people(crowd, count, views);
    while (taken-- > 0)
        PyBuffer_Release(&views[taken]);
    return code;
}

static int take_ids(struct crowd *crowd, PyObject *people)
{
    PyObject *ids = PyObject_GetAttrString(people, "ids");
    PyObject *list = ids ? PySequence_Tuple(ids) : NULL;
    Py_XDECREF(ids);
    if (!list)
        return -1;
    int code = 0;
    Py_ssize_t count = crowd->result.person_count;
    crowd->ids = calloc((size_t)count + 1, sizeof *crowd->ids);
    if (PyTuple_Size(list) != count || !crowd->ids) {
        python_fail(STANCE_ESHAPE, "ids: %zd are wanted, not %zd", count, PyTuple_Size(list));
        code = -1;
    }
    for (Py_ssize_t i = 0; code == 0 && i < count; i++)
        code = python_int64("ids", PyTuple_GetItem(list, i), &crowd->ids[i]);
    Py_DECREF(list);
    return code;
}

/* Words that live as long as `list`. */
static int take_labels(struct crowd *crowd, PyObject *list)
{
    static const struct python_option text = {"labels", PYTHON_TEXT, 0, NULL};
    Py_ssize_t count = crowd->result.person_count;
    if (PyTuple_Size(list) != count) {
        python_fail(STANCE_ESHAPE, "labels: %zd are wanted, not %zd", count, PyTuple_Size(list));
        return -1;
    }
    crowd->labels = calloc((size_t)count + 1, sizeof *crowd->labels);
    if (!crowd->labels) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++)
        if (python_option_set("labels", &text, PyTuple_GetItem(list, i), &crowd->labels[i]) < 0)
            return -1;
    return 0;
}

static int draw(struct drawing *drawing, struct crowd *crowd, PyObject *image, PyObject *pixels)
{
    struct python_image picture;
    if (python_image_take(&picture, image, pixels, true) < 0)
        return -1;
    crowd->result.width = picture.image->width;
    crowd->result.height = picture.image->height;
    drawing->options.ids = crowd->ids;
    drawing->options.labels = crowd->labels;
    PyThreadState *thread = PyEval_SaveThread();
    int code = stance_draw_pose(picture.image, &crowd->result, &drawing->options);
    PyEval_RestoreThread(thread);
    python_image_release(&picture);
    if (code < 0)
        python_raise(code, "draw");
    return code < 0 ? -1 : 0;
}

PyObject *python_draw(PyObject *module, PyObject *args, PyObject *kwargs)
{
    static const char *const names[] = {"image", "people", "pixels", "labels", NULL};
    static const struct python_signature signature = {"draw", 2, names, options_table};
    PyObject *values[4], *labels = NULL;
    struct drawing drawing = {.ids = 1};
    struct crowd crowd = {0};
    stance_draw_options_default(&drawing.options);
    if (python_arguments(&signature, args, kwargs, values, &drawing) < 0)
        return NULL;
    if (values[3] && values[3] != Py_None) {
        labels = PySequence_Tuple(values[3]);
        if (!labels)
            return NULL;
    }
    int code = take_people(&crowd, values[1]);
    if (code == 0 && drawing.ids)
        code = take_ids(&crowd, values[1]);
    if (code == 0 && labels)
        code = take_labels(&crowd, labels);
    if (code == 0)
        code = draw(&drawing, &crowd, values[0], values[2]);
    free_crowd(&crowd);
    Py_XDECREF(labels);
    if (code < 0)
        return NULL;
    Py_INCREF(values[0]);
    return values[0];
}
