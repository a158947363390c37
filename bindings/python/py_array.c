/* Arrays out: memory of the library with NumPy arrays over it, without NumPy's headers. Arrays in:
 * numbers from anything that NumPy understands. */
#include <stdlib.h>
#include <string.h>

#include "binding.h"

/* Owns a block and shows it through the buffer protocol; an array keeps it as its base. */
struct memory {
    PyObject_HEAD struct python_block block;
    Py_ssize_t strides[STANCE_MAX_RANK], item, bytes;
};

static void memory_free(PyObject *self)
{
    struct memory *memory = (struct memory *)self;
    if (memory->block.release)
        memory->block.release(memory->block.owner);
    python_object_free(self);
}

static int memory_buffer(PyObject *self, Py_buffer *view, int flags)
{
    struct memory *memory = (struct memory *)self;
    if (memory->block.stride != 0 && (flags & PyBUF_STRIDES) != PyBUF_STRIDES) {
        PyErr_SetString(PyExc_BufferError, "its rows lie apart");
        view->obj = NULL;
        return -1;
    }
    *view = (Py_buffer){.buf = memory->block.data,
                        .obj = self,
                        .len = memory->bytes,
                        .itemsize = memory->item,
                        .ndim = memory->block.rank};
    if (flags & PyBUF_FORMAT)
        view->format = (char *)memory->block.format;
    if (flags & PyBUF_ND)
        view->shape = memory->block.shape;
    if ((flags & PyBUF_STRIDES) == PyBUF_STRIDES)
        view->strides = memory->strides;
    Py_INCREF(self);
    return 0;
}

static PyType_Slot memory_slots[] = {{Py_tp_dealloc, memory_free},
                                     {Py_bf_getbuffer, memory_buffer},
                                     {Py_tp_doc, (void *)"Memory of the library under an array."},
                                     {0, NULL}};

PyType_Spec python_memory_spec = {.name = "stance._stance.Memory",
                                  .basicsize = sizeof(struct memory),
                                  .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                  .slots = memory_slots};

static Py_ssize_t item_size(char format)
{
    switch (format) {
    case 'd':
    case 'q':
    case 'Q': return 8;
    case 'f':
    case 'i':
    case 'I': return 4;
    case 'e':
    case 'h':
    case 'H': return 2;
    default: return 1;
    }
}

PyObject *python_array_open(const struct python_block *block)
{
    allocfunc allocate = (allocfunc)PyType_GetSlot(python.memory, Py_tp_alloc);
    struct memory *memory = (struct memory *)allocate(python.memory, 0);
    if (!memory) {
        block->release(block->owner);
        return NULL;
    }
    memory->block = *block;
    memory->item = item_size(block->format[0]);
    Py_ssize_t step = memory->item, count = 1;
    for (int i = block->rank - 1; i >= 0; i--) {
        if (i == 0 && block->stride != 0)
            step = block->stride;
        memory->strides[i] = step;
        step *= block->shape[i];
        count *= block->shape[i];
    }
    memory->bytes = count * memory->item;
    PyObject *array = PyObject_CallFunctionObjArgs(python.asarray, (PyObject *)memory, NULL);
    Py_DECREF((PyObject *)memory);
    return array;
}

PyObject *python_array_copy(const char *format, int rank, const Py_ssize_t *shape, const void *data)
{
    struct python_block block = {.format = format, .rank = rank, .release = free};
    size_t bytes = (size_t)item_size(format[0]);
    for (int i = 0; i < rank; i++) {
        block.shape[i] = shape[i];
        bytes *= (size_t)shape[i];
    }
    block.data = block.owner = malloc(bytes > 0 ? bytes : 1);
    if (!block.data)
        return PyErr_NoMemory();
    if (bytes > 0)
        memcpy(block.data, data, bytes);
    return python_array_open(&block);
}

/* "(N, 17, 2)" */
static PyObject *shape_text(int rank, const Py_ssize_t *shape)
{
    PyObject *text = PyUnicode_FromString("(");
    for (int i = 0; text && i < rank; i++) {
        const char *comma = i + 1 < rank || rank == 1 ? ", " : "";
        PyObject *more = shape[i] < 0 ? PyUnicode_FromFormat("%UN%s", text, comma)
                                      : PyUnicode_FromFormat("%U%zd%s", text, shape[i], comma);
        Py_DECREF(text);
        text = more;
    }
    PyObject *closed = text ? PyUnicode_FromFormat("%U)", text) : NULL;
    Py_XDECREF(text);
    return closed;
}

static int wrong_shape(const char *name, int rank, const Py_ssize_t *shape, const Py_buffer *given)
{
    PyObject *wanted = shape_text(rank, shape);
    PyObject *is = wanted ? shape_text(given->ndim, given->shape) : NULL;
    if (is)
        python_fail(STANCE_ESHAPE, "%s: an array %U is wanted, not %U", name, wanted, is);
    Py_XDECREF(wanted);
    Py_XDECREF(is);
    return -1;
}

int python_floats(const char *name, PyObject *object, int rank, Py_ssize_t *shape, Py_buffer *out)
{
    PyObject *array = PyObject_CallFunction(python.asarray, "Oss", object, "float32", "C");
    if (!array) {
        if (PyErr_ExceptionMatches(PyExc_TypeError) || PyErr_ExceptionMatches(PyExc_ValueError)) {
            PyErr_Clear();
            python_fail(STANCE_ETYPE, "%s: an array of numbers is wanted", name);
        }
        return -1;
    }
    int code = PyObject_GetBuffer(array, out, PyBUF_C_CONTIGUOUS);
    Py_DECREF(array);
    if (code < 0)
        return -1;
    bool fits = out->ndim == rank;
    for (int i = 0; fits && i < rank; i++)
        fits = shape[i] < 0 || shape[i] == out->shape[i];
    if (!fits) {
        wrong_shape(name, rank, shape, out);
        PyBuffer_Release(out);
        return -1;
    }
    for (int i = 0; i < rank; i++)
        shape[i] = out->shape[i];
    return 0;
}
