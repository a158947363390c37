/* Shapes: counting, comparing, broadcasting, and their text form. */
#include <stdio.h>
#include <string.h>

#include "tensor/storage.h"

bool tensor_shape_known(const struct tensor_shape *shape)
{
    if (shape->rank < 0)
        return false;
    for (int i = 0; i < shape->rank; i++)
        if (shape->dims[i] < 0)
            return false;
    return true;
}

bool tensor_shape_equal(const struct tensor_shape *a, const struct tensor_shape *b)
{
    return a->rank == b->rank &&
           (a->rank <= 0 || memcmp(a->dims, b->dims, (size_t)a->rank * sizeof a->dims[0]) == 0);
}

struct tensor_shape tensor_shape_of(const struct stance_tensor *view)
{
    return tensor_shape_make(view->rank, view->dims);
}

struct tensor_shape tensor_shape_make(int rank, const int64_t *dims)
{
    struct tensor_shape shape = {.rank = rank};
    for (int i = 0; i < rank && i < STANCE_MAX_RANK; i++)
        shape.dims[i] = dims[i];
    return shape;
}

int tensor_shape_count(const struct tensor_shape *shape, int64_t *count)
{
    char text[TENSOR_SHAPE_TEXT];
    bool empty = false;
    *count = 1;
    if (shape->rank < 0 || shape->rank > STANCE_MAX_RANK)
        return base_error(STANCE_ESHAPE, "rank %d is not between 0 and %d", shape->rank,
                          STANCE_MAX_RANK);
    for (int i = 0; i < shape->rank; i++)
        if (shape->dims[i] < 0)
            return base_error(STANCE_ESHAPE, "shape %s has a negative or unknown dim",
                              tensor_shape_text(shape, text));
    for (int i = 0; i < shape->rank; i++) {
        int64_t dim = shape->dims[i] ? shape->dims[i] : 1;
        empty = empty || shape->dims[i] == 0;
        if (dim > TENSOR_MAX_COUNT / *count)
            return base_error(STANCE_ELIMIT, "a tensor of shape %s is larger than %lld elements",
                              tensor_shape_text(shape, text), (long long)TENSOR_MAX_COUNT);
        *count *= dim;
    }
    *count = empty ? 0 : *count;
    return 0;
}

char *tensor_shape_text(const struct tensor_shape *shape, char text[TENSOR_SHAPE_TEXT])
{
    if (shape->rank < 0)
        return memcpy(text, "unknown", 8);
    if (shape->rank == 0)
        return memcpy(text, "scalar", 7);
    size_t used = 0;
    for (int i = 0; i < shape->rank; i++) {
        const char *cross = i ? "x" : "";
        int wrote = shape->dims[i] < 0
                        ? snprintf(text + used, TENSOR_SHAPE_TEXT - used, "%s?", cross)
                        : snprintf(text + used, TENSOR_SHAPE_TEXT - used, "%s%lld", cross,
                                   (long long)shape->dims[i]);
        used += (size_t)wrote;
    }
    return text;
}

int tensor_shape_parse(struct tensor_shape *shape, const char *text)
{
    *shape = (struct tensor_shape){0};
    if (strcmp(text, "scalar") == 0)
        return 0;
    const char *at = text;
    for (;;) {
        int64_t dim = 0;
        int digits = 0;
        for (; *at >= '0' && *at <= '9' && digits < 11; at++, digits++)
            dim = dim * 10 + (*at - '0');
        if (digits == 0 || shape->rank == STANCE_MAX_RANK)
            break;
        shape->dims[shape->rank++] = dim;
        if (!*at)
            return 0;
        if (*at != 'x' && *at != ',')
            break;
        at++;
    }
    return base_error(STANCE_EARGUMENT, "'%s' is not a shape: write it like 1x3x256x192", text);
}

int tensor_shape_broadcast(struct tensor_shape *out, const struct tensor_shape *a,
                           const struct tensor_shape *b)
{
    struct tensor_shape shape = {.rank = -1};
    if (a->rank < 0 || b->rank < 0) {
        *out = shape;
        return 0;
    }
    shape.rank = a->rank > b->rank ? a->rank : b->rank;
    for (int i = 0; i < shape.rank; i++) {
        int ia = i - (shape.rank - a->rank), ib = i - (shape.rank - b->rank);
        int64_t x = ia < 0 ? 1 : a->dims[ia], y = ib < 0 ? 1 : b->dims[ib];
        if (x != y && x != 1 && y != 1 && x >= 0 && y >= 0) {
            char left[TENSOR_SHAPE_TEXT], right[TENSOR_SHAPE_TEXT];
            return base_error(STANCE_ESHAPE, "shapes %s and %s cannot be broadcast together",
                              tensor_shape_text(a, left), tensor_shape_text(b, right));
        }
        shape.dims[i] = x == 1 ? y : y == 1 ? x : x > y ? x : y;
    }
    *out = shape;
    return 0;
}
