/* Helpers of all inference functions. */
#include <string.h>

#include "graph/infer.h"

static const struct graph_type left_out = {.shape = {.rank = -1}};

static const struct graph_type *input_type(const struct graph_infer *infer, int i)
{
    return graph_infer_given(infer, i) ? &infer->in[i] : &left_out;
}

bool graph_infer_given(const struct graph_infer *infer, int i)
{
    return i >= 0 && i < infer->input_count && infer->node->inputs[i] >= 0;
}

const struct tensor_shape *graph_infer_shape(const struct graph_infer *infer, int i)
{
    return &input_type(infer, i)->shape;
}

int graph_infer_dtype(const struct graph_infer *infer, int i)
{
    return input_type(infer, i)->dtype;
}

const struct stance_tensor *graph_infer_value(const struct graph_infer *infer, int i)
{
    return input_type(infer, i)->value;
}

int graph_infer_output(struct graph_infer *infer, int i, int dtype,
                       const struct tensor_shape *shape)
{
    if (i >= infer->output_count)
        return 0;
    for (int d = 0; d < shape->rank; d++)
        if (shape->dims[d] > TENSOR_MAX_COUNT)
            return base_error(STANCE_ELIMIT, "dim %d of output %d would be larger than %lld", d, i,
                              (long long)TENSOR_MAX_COUNT);
    int64_t count;
    if (tensor_shape_known(shape))
        BASE_TRY(tensor_shape_count(shape, &count));
    infer->out[i].dtype = dtype;
    infer->out[i].shape = *shape;
    return 0;
}

int graph_infer_same(struct graph_infer *infer)
{
    return graph_infer_output(infer, 0, graph_infer_dtype(infer, 0), graph_infer_shape(infer, 0));
}

int graph_infer_same_type(const struct graph_infer *infer, int i, int j)
{
    int a = graph_infer_dtype(infer, i), b = graph_infer_dtype(infer, j);
    if (a == b || a == STANCE_DTYPE_NONE || b == STANCE_DTYPE_NONE)
        return 0;
    return base_error(STANCE_ETYPE, "input %d is %s but input %d is %s", i, stance_dtype_name(a), j,
                      stance_dtype_name(b));
}

int graph_infer_expect(const struct graph_infer *infer, int i, int dtype)
{
    int has = graph_infer_dtype(infer, i);
    if (has == dtype || has == STANCE_DTYPE_NONE)
        return 0;
    return base_error(STANCE_ETYPE, "input %d is %s instead of %s", i, stance_dtype_name(has),
                      stance_dtype_name(dtype));
}

int graph_infer_rank(const struct graph_infer *infer, int i, int low, int high)
{
    const struct tensor_shape *shape = graph_infer_shape(infer, i);
    if (shape->rank < 0 || (shape->rank >= low && shape->rank <= high))
        return 0;
    char text[TENSOR_SHAPE_TEXT];
    tensor_shape_text(shape, text);
    if (low == high)
        return base_error(STANCE_ESHAPE, "input %d (%s) must have rank %d", i, text, low);
    if (high >= STANCE_MAX_RANK)
        return base_error(STANCE_ESHAPE, "input %d (%s) must have rank %d or more", i, text, low);
    return base_error(STANCE_ESHAPE, "input %d (%s) must have rank %d to %d", i, text, low, high);
}

int graph_infer_axis(int *out, int64_t axis, int rank)
{
    *out = 0;
    if (axis < -rank || axis >= rank)
        return base_error(STANCE_EARGUMENT, "axis %lld does not exist in a tensor of rank %d",
                          (long long)axis, rank);
    *out = (int)(axis < 0 ? axis + rank : axis);
    return 0;
}

static int copy_ints(struct graph_ints *out, const char *what, int64_t count)
{
    int most = (int)(sizeof out->at / sizeof out->at[0]);
    if (count > most)
        return base_error(STANCE_EUNSUPPORTED, "%s has %lld values; at most %d are supported", what,
                          (long long)count, most);
    out->count = (int)count;
    return 0;
}

static int ints_of_input(struct graph_ints *out, const struct graph_infer *infer, int input)
{
    int dtype = graph_infer_dtype(infer, input);
    const struct tensor_shape *shape = graph_infer_shape(infer, input);
    if (dtype != STANCE_DTYPE_NONE && dtype != STANCE_INT64 && dtype != STANCE_INT32)
        return base_error(STANCE_ETYPE, "input %d is %s instead of int64", input,
                          stance_dtype_name(dtype));
    BASE_TRY(graph_infer_rank(infer, input, 0, 1));
    out->count = -1;
    if (shape->rank >= 0 && tensor_shape_known(shape))
        BASE_TRY(copy_ints(out, "a list input", shape->rank ? shape->dims[0] : 1));
    const struct stance_tensor *value = graph_infer_value(infer, input);
    out->known = out->count == 0;
    if (!value)
        return 0;
    BASE_TRY(copy_ints(out, "a list input", stance_tensor_count(value)));
    for (int i = 0; i < out->count; i++)
        out->at[i] = tensor_int(value, i);
    out->known = true;
    return 0;
}

int graph_infer_ints(struct graph_ints *out, const struct graph_infer *infer, const char *name,
                     int input)
{
    *out = (struct graph_ints){.known = true};
    int count = 0;
    const int64_t *attr = name ? graph_attr_ints(infer->node, name, &count) : NULL;
    if (attr) {
        out->given = true;
        BASE_TRY(copy_ints(out, name, count));
        memcpy(out->at, attr, (size_t)count * sizeof attr[0]);
        return 0;
    }
    if (!graph_infer_given(infer, input))
        return 0;
    out->given = true;
    return ints_of_input(out, infer, input);
}

int graph_infer_axes(struct graph_ints *axes, int rank)
{
    bool seen[STANCE_MAX_RANK] = {false};
    for (int i = 0; i < axes->count; i++) {
        int axis;
        BASE_TRY(graph_infer_axis(&axis, axes->at[i], rank));
        if (seen[axis])
            return base_error(STANCE_EARGUMENT, "axis %d is named twice", axis);
        seen[axis] = true;
        axes->at[i] = axis;
    }
    return 0;
}

struct tensor_shape graph_shape_unknown(int rank)
{
    struct tensor_shape shape = {.rank = rank};
    for (int i = 0; i < STANCE_MAX_RANK; i++)
        shape.dims[i] = -1;
    return shape;
}

int graph_shape_push(struct tensor_shape *shape, int64_t dim)
{
    if (shape->rank >= STANCE_MAX_RANK)
        return base_error(STANCE_EUNSUPPORTED, "the output would have a rank above %d",
                          STANCE_MAX_RANK);
    shape->dims[shape->rank++] = dim;
    return 0;
}

bool graph_dim_merge(int64_t *dim, int64_t other)
{
    if (*dim < 0)
        *dim = other;
    return other < 0 || *dim == other;
}

int64_t graph_dim_multiply(int64_t a, int64_t b)
{
    int64_t product;
    if (a == 0 || b == 0)
        return 0;
    if (a < 0 || b < 0)
        return -1;
    return __builtin_mul_overflow(a, b, &product) ? INT64_MAX : product;
}

int64_t graph_shape_product(const struct tensor_shape *shape, int first, int last)
{
    int64_t product = 1;
    for (int i = first; i < last; i++)
        product = graph_dim_multiply(product, shape->dims[i]);
    return product;
}
