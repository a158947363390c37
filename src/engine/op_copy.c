/* Copies between strided layouts and through index maps, by element size.
 *
 * A strided copy first merges dims that lie behind each other on both sides. Then either the last
 * dim is dense on both sides (memcpy), or the dim that is dense in the source is brought next to
 * it and the two are copied in small squares, so that both sides use whole cache lines. */
#include <string.h>

#include "engine/op_view.h"

void engine_copy_dim(struct engine_copy *copy, int64_t dim, int64_t from_stride, int64_t to_stride)
{
    int i = copy->rank++;
    copy->dims[i] = dim;
    copy->from_stride[i] = from_stride * (int64_t)copy->element;
    copy->to_stride[i] = to_stride * (int64_t)copy->element;
}

void engine_copy_to_dense(struct engine_copy *copy)
{
    int64_t stride = (int64_t)copy->element;
    for (int i = copy->rank - 1; i >= 0; i--) {
        copy->to_stride[i] = stride;
        stride *= copy->dims[i];
    }
}

static void drop_dim(struct engine_copy *copy, int at)
{
    copy->rank--;
    for (int i = at; i < copy->rank; i++) {
        copy->dims[i] = copy->dims[i + 1];
        copy->from_stride[i] = copy->from_stride[i + 1];
        copy->to_stride[i] = copy->to_stride[i + 1];
    }
}

/* False when there is nothing to copy. */
static bool simplify(struct engine_copy *copy)
{
    for (int i = copy->rank - 1; i >= 0; i--) {
        if (copy->dims[i] <= 0)
            return false;
        if (copy->dims[i] == 1)
            drop_dim(copy, i);
    }
    for (int i = copy->rank - 2; i >= 0; i--) {
        int64_t inner = copy->dims[i + 1];
        if (copy->from_stride[i] != copy->from_stride[i + 1] * inner ||
            copy->to_stride[i] != copy->to_stride[i + 1] * inner)
            continue;
        copy->dims[i + 1] *= copy->dims[i];
        drop_dim(copy, i);
    }
    if (copy->rank == 0)
        engine_copy_dim(copy, 1, 1, 1);
    return true;
}

static void swap_dims(struct engine_copy *copy, int a, int b)
{
    int64_t *const lists[] = {copy->dims, copy->from_stride, copy->to_stride};
    for (int k = 0; k < 3; k++) {
        int64_t kept = lists[k][a];
        lists[k][a] = lists[k][b];
        lists[k][b] = kept;
    }
}

/* Every other element, as when a network takes a picture apart into its even and odd pixels. */
static void copy_every_other(int64_t count, const uint32_t *restrict from, uint32_t *restrict to)
{
    for (int64_t i = 0; i < count; i++)
        to[i] = from[2 * i];
}

#define COPY_LINE(type)                                                                            \
    for (int64_t i = 0; i < count; i++)                                                            \
    *(type *)(to + i * to_stride) = *(const type *)(from + i * from_stride)

static void copy_line(size_t element, int64_t count, const char *from, int64_t from_stride,
                      char *to, int64_t to_stride)
{
    if (element == 4 && from_stride == 8 && to_stride == 4) {
        copy_every_other(count, (const uint32_t *)from, (uint32_t *)to);
        return;
    }
    switch (element) {
    case 1: COPY_LINE(uint8_t); break;
    case 2: COPY_LINE(uint16_t); break;
    case 4: COPY_LINE(uint32_t); break;
    default: COPY_LINE(uint64_t); break;
    }
}

/* The last two dims in squares of 32 × 32 elements. */
static void copy_square(const struct engine_copy *copy, const char *from, char *to)
{
    enum { SIDE = 32 };
    int row = copy->rank - 2, column = copy->rank - 1;
    for (int64_t y = 0; y < copy->dims[row]; y += SIDE) {
        int64_t rows = copy->dims[row] - y < SIDE ? copy->dims[row] - y : SIDE;
        for (int64_t x = 0; x < copy->dims[column]; x += SIDE) {
            int64_t columns = copy->dims[column] - x < SIDE ? copy->dims[column] - x : SIDE;
            for (int64_t i = y; i < y + rows; i++)
                copy_line(copy->element, columns,
                          from + i * copy->from_stride[row] + x * copy->from_stride[column],
                          copy->from_stride[column],
                          to + i * copy->to_stride[row] + x * copy->to_stride[column],
                          copy->to_stride[column]);
        }
    }
}

struct copy_job {
    const struct engine_copy *copy;
    const char *from;
    char *to;
    int inner; /* dims that one step of the walk copies: 1 or 2 */
    bool dense;
    bool transpose; /* the two are a matrix that the kernels can turn around */
};

/* Share `part` of `parts` of the last two dims. */
static void transpose(const struct engine_copy *copy, const char *from, char *to, int part,
                      int parts)
{
    int row = copy->rank - 2, column = copy->rank - 1;
    copy->kernels->transpose((const float *)from, copy->from_stride[column] / 4, (float *)to,
                             copy->to_stride[row] / 4, copy->dims[column], copy->dims[row], part,
                             parts);
}

static void copy_inner(const struct copy_job *job, const char *from, char *to)
{
    const struct engine_copy *copy = job->copy;
    int last = copy->rank - 1;
    if (job->transpose)
        transpose(copy, from, to, 0, 1);
    else if (job->inner == 2)
        copy_square(copy, from, to);
    else if (job->dense)
        memcpy(to, from, (size_t)copy->dims[last] * copy->element);
    else
        copy_line(copy->element, copy->dims[last], from, copy->from_stride[last], to,
                  copy->to_stride[last]);
}

static void copy_part(void *context, int part, int parts, int worker)
{
    const struct copy_job *job = context;
    const struct engine_copy *copy = job->copy;
    int outer = copy->rank - job->inner;
    int64_t steps = 1, first, end, at[ENGINE_COPY_RANK] = {0};
    for (int i = 0; i < outer; i++)
        steps *= copy->dims[i];
    kernel_share(steps, part, parts, &first, &end);
    const char *from = job->from;
    char *to = job->to;
    if (outer == 0 && job->transpose) {
        transpose(copy, from, to, part, parts);
        return;
    }
    for (int64_t i = outer - 1, left = first; i >= 0; left /= copy->dims[i], i--) {
        at[i] = left % copy->dims[i];
        from += at[i] * copy->from_stride[i];
        to += at[i] * copy->to_stride[i];
    }
    for (int64_t step = first; step < end; step++) {
        copy_inner(job, from, to);
        for (int i = outer - 1; i >= 0; i--) {
            from += copy->from_stride[i];
            to += copy->to_stride[i];
            if (++at[i] < copy->dims[i])
                break;
            from -= at[i] * copy->from_stride[i];
            to -= at[i] * copy->to_stride[i];
            at[i] = 0;
        }
    }
}

void engine_copy_run(struct engine_copy *copy, const void *from, void *to, struct base_pool *pool)
{
    if (!simplify(copy))
        return;
    struct copy_job job = {copy, from, to, 1, false, false};
    int last = copy->rank - 1;
    int64_t element = (int64_t)copy->element, count = 1;
    job.dense = copy->from_stride[last] == element && copy->to_stride[last] == element;
    for (int i = 0; i < last && !job.dense; i++)
        if (copy->from_stride[i] == element) {
            swap_dims(copy, i, last - 1);
            job.inner = 2;
        }
    job.transpose = job.inner == 2 && element == 4 && copy->kernels && copy->to_stride[last] == 4 &&
                    copy->from_stride[last] > 0 && copy->to_stride[last - 1] > 0;
    for (int i = 0; i <= last; i++)
        count *= copy->dims[i];
    base_pool_run(pool, copy_part, &job, engine_call_parts(count));
}

struct map_job {
    const struct stance_tensor *in, *out;
    int64_t *const *index;
    const void *fill;
    size_t element;
};

#define MAP_LINE(type)                                                                             \
    for (int64_t i = 0; i < count; i++)                                                            \
    ((type *)to)[i] = from && index[i] >= 0 ? ((const type *)from)[index[i]] : *(const type *)fill

/* `from` NULL: all are filled. */
static void map_line(size_t element, int64_t count, const void *from, const int64_t *index,
                     const void *fill, void *to)
{
    switch (element) {
    case 1: MAP_LINE(uint8_t); break;
    case 2: MAP_LINE(uint16_t); break;
    case 4: MAP_LINE(uint32_t); break;
    default: MAP_LINE(uint64_t); break;
    }
}

static void map_part(void *context, int part, int parts, int worker)
{
    const struct map_job *job = context;
    int last = job->out->rank - 1;
    int64_t columns = job->out->dims[last], first, end, strides[STANCE_MAX_RANK];
    engine_strides(job->in, strides);
    kernel_share(engine_dims_product(job->out, 0, last), part, parts, &first, &end);
    for (int64_t row = first; row < end; row++) {
        int64_t offset = 0;
        bool outside = false;
        for (int64_t i = last - 1, left = row; i >= 0; left /= job->out->dims[i], i--) {
            int64_t index = job->index[i][left % job->out->dims[i]];
            outside = outside || index < 0;
            offset += index * strides[i];
        }
        const char *from =
            (const char *)job->in->data + (outside ? 0 : offset) * (int64_t)job->element;
        map_line(job->element, columns, outside ? NULL : from, job->index[last], job->fill,
                 (char *)job->out->data + row * columns * (int64_t)job->element);
    }
}

void engine_copy_mapped(const struct stance_tensor *in, const struct stance_tensor *out,
                        int64_t *const index[STANCE_MAX_RANK], const void *fill,
                        struct base_pool *pool)
{
    static const uint64_t zero;
    int64_t count = stance_tensor_count(out);
    struct map_job job = {in, out, index, fill ? fill : &zero, stance_dtype_size(in->dtype)};
    if (count == 0)
        return;
    if (out->rank == 0)
        memcpy(out->data, in->data, job.element);
    else
        base_pool_run(pool, map_part, &job, engine_call_parts(count));
}
