/* People: results copied out of the library, and as Python objects. */
#include <stdlib.h>
#include <string.h>

#include "binding.h"

/* Where each array begins among the values of so many people. */
struct places {
    size_t keypoints, scores, boxes, box_scores, person_scores, end;
};

static struct places places(size_t count, size_t keypoints)
{
    struct places p = {.scores = count * keypoints * 2};
    p.boxes = p.scores + count * keypoints;
    p.box_scores = p.boxes + count * 4;
    p.person_scores = p.box_scores + count;
    p.end = p.person_scores + count;
    return p;
}

static void copy_person(float *values, const struct places *p, size_t i, size_t keypoints,
                        const struct stance_person *person)
{
    for (size_t k = 0; k < keypoints; k++) {
        const struct stance_keypoint *from = &person->keypoints[k];
        values[p->keypoints + (i * keypoints + k) * 2] = from->x;
        values[p->keypoints + (i * keypoints + k) * 2 + 1] = from->y;
        values[p->scores + i * keypoints + k] = from->score;
    }
    memcpy(&values[p->boxes + i * 4], person->box, sizeof person->box);
    values[p->box_scores + i] = person->box_score;
    values[p->person_scores + i] = person->score;
}

int python_people_copy(struct python_people *out, const struct stance_pose_result *result,
                       const struct stance_stream_result *stream)
{
    size_t count = (size_t)result->person_count, keypoints = (size_t)result->keypoint_set->count;
    struct places p = places(count, keypoints);
    *out = (struct python_people){.count = result->person_count,
                                  .keypoints = result->keypoint_set->count,
                                  .width = result->width,
                                  .height = result->height,
                                  .detect_ns = result->detect_ns,
                                  .pose_ns = result->pose_ns,
                                  .measured = 1,
                                  .detected = 1};
    out->values = malloc((p.end + 1) * sizeof *out->values);
    out->ids = calloc(count + 1, sizeof *out->ids);
    out->classes = malloc((count + 1) * sizeof *out->classes);
    if (!out->values || !out->ids || !out->classes) {
        python_people_free(out);
        return STANCE_ENOMEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        copy_person(out->values, &p, i, keypoints, &result->people[i]);
        out->classes[i] = result->people[i].detector_class;
    }
    if (stream) {
        if (count > 0)
            memcpy(out->ids, stream->ids, count * sizeof *out->ids);
        out->time_us = stream->time_us;
        out->measured = stream->measured;
        out->detected = stream->detected;
        out->track_ns = stream->track_ns;
    }
    return 0;
}

void python_people_free(struct python_people *people)
{
    free(people->values);
    free(people->ids);
    free(people->classes);
}

PyObject *python_people_open(struct python_people *people, PyObject *keypoint_set)
{
    Py_ssize_t n = people->count, k = people->keypoints;
    struct places p = places((size_t)n, (size_t)k);
    const float *values = people->values;
    PyObject *arrays[] = {
        python_array_copy("f", 3, (Py_ssize_t[]){n, k, 2}, values + p.keypoints),
        python_array_copy("f", 2, (Py_ssize_t[]){n, k}, values + p.scores),
        python_array_copy("f", 2, (Py_ssize_t[]){n, 4}, values + p.boxes),
        python_array_copy("f", 1, (Py_ssize_t[]){n}, values + p.box_scores),
        python_array_copy("f", 1, (Py_ssize_t[]){n}, values + p.person_scores),
        python_array_copy("q", 1, (Py_ssize_t[]){n}, people->ids),
        python_array_copy("i", 1, (Py_ssize_t[]){n}, people->classes),
    };
    python_people_free(people);
    bool all = true;
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
        all = all && arrays[i];
    PyObject *made =
        !all ? NULL
             : PyObject_CallFunction(
                   python.people, "OOOOOOOOiiLLLOOL", arrays[0], arrays[1], arrays[2], arrays[3],
                   arrays[4], arrays[5], arrays[6], keypoint_set, people->width, people->height,
                   (long long)people->detect_ns, (long long)people->pose_ns,
                   (long long)people->time_us, people->measured ? Py_True : Py_False,
                   people->detected ? Py_True : Py_False, (long long)people->track_ns);
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
        Py_XDECREF(arrays[i]);
    return made;
}

static PyObject *names_tuple(const char *const *names, int count)
{
    PyObject *tuple = PyTuple_New(count);
    for (int i = 0; tuple && i < count; i++) {
        PyObject *name = PyUnicode_FromString(names[i]);
        if (!name || PyTuple_SetItem(tuple, i, name) < 0)
            Py_CLEAR(tuple);
    }
    return tuple;
}

static PyObject *pairs_tuple(const int32_t (*pairs)[2], int count)
{
    PyObject *tuple = PyTuple_New(count);
    for (int i = 0; tuple && i < count; i++) {
        PyObject *pair = Py_BuildValue("(ii)", pairs[i][0], pairs[i][1]);
        if (!pair || PyTuple_SetItem(tuple, i, pair) < 0)
            Py_CLEAR(tuple);
    }
    return tuple;
}

static PyObject *colors_tuple(const uint8_t (*colors)[3], int count)
{
    PyObject *tuple = PyTuple_New(count);
    for (int i = 0; tuple && i < count; i++) {
        PyObject *color = Py_BuildValue("(iii)", colors[i][0], colors[i][1], colors[i][2]);
        if (!color || PyTuple_SetItem(tuple, i, color) < 0)
            Py_CLEAR(tuple);
    }
    return tuple;
}

static PyObject *flip_tuple(const int32_t *flip, int count)
{
    PyObject *tuple = PyTuple_New(count);
    for (int i = 0; tuple && i < count; i++) {
        PyObject *index = PyLong_FromLong(flip[i]);
        if (!index || PyTuple_SetItem(tuple, i, index) < 0)
            Py_CLEAR(tuple);
    }
    return tuple;
}

/* None where the set has no constants. */
static PyObject *sigmas_tuple(const float *sigmas, int count)
{
    if (!sigmas)
        Py_RETURN_NONE;
    PyObject *tuple = PyTuple_New(count);
    for (int i = 0; tuple && i < count; i++) {
        PyObject *sigma = PyFloat_FromDouble((double)sigmas[i]);
        if (!sigma || PyTuple_SetItem(tuple, i, sigma) < 0)
            Py_CLEAR(tuple);
    }
    return tuple;
}

PyObject *python_keypoint_set_open(const struct stance_keypoint_set *set)
{
    /* "N" takes each over and passes on the error of one that is NULL. */
    return python_record("KeypointSet", "(sNNNNNN)", set->name, names_tuple(set->names, set->count),
                         pairs_tuple(set->edges, set->edge_count),
                         flip_tuple(set->flip, set->count), sigmas_tuple(set->sigmas, set->count),
                         colors_tuple(set->colors, set->count),
                         colors_tuple(set->edge_colors, set->edge_count));
}
