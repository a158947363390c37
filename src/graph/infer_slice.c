/* Shapes of operators that cut, join and pad along axes: Slice, Split, Concat, Pad. */
#include <string.h>

#include "graph/infer.h"

static int infer_concat(struct graph_infer *infer)
{
    struct tensor_shape out = *graph_infer_shape(infer, 0);
    const struct graph_attr *attr = graph_attr_find(infer->node, "axis");
    if (!attr)
        return base_error(STANCE_EARGUMENT, "axis is missing");
    int axis = 0;
    for (int i = 1; i < infer->input_count && out.rank >= 0; i++)
        if (graph_infer_shape(infer, i)->rank < 0)
            out.rank = -1;
    if (out.rank >= 0)
        BASE_TRY(graph_infer_axis(&axis, attr->i, out.rank));
    for (int i = 1; i < infer->input_count; i++) {
        const struct tensor_shape *x = graph_infer_shape(infer, i);
        BASE_TRY(graph_infer_same_type(infer, i, 0));
        if (out.rank >= 0 && x->rank != out.rank)
            return base_error(STANCE_ESHAPE, "input %d has rank %d, input 0 has rank %d", i,
                              x->rank, out.rank);
        for (int d = 0; d < out.rank; d++) {
            if (d == axis)
                out.dims[d] = out.dims[d] < 0 || x->dims[d] < 0 ? -1 : out.dims[d] + x->dims[d];
            else if (!graph_dim_merge(&out.dims[d], x->dims[d]))
                return base_error(STANCE_ESHAPE, "dim %d is %lld in input %d and %lld before", d,
                                  (long long)x->dims[d], i, (long long)out.dims[d]);
        }
        if (out.rank >= 0 && out.dims[axis] > TENSOR_MAX_COUNT)
            return base_error(STANCE_ELIMIT, "dim %d would be larger than %lld", axis,
                              (long long)TENSOR_MAX_COUNT);
    }
    return graph_infer_output(infer, 0, graph_infer_dtype(infer, 0), &out);
}

/* Where Split's sizes come from; may be many more than other lists have. */
struct split_sizes {
    const int64_t *attr;
    const struct stance_tensor *value;
    int64_t count; /* 0: equal parts */
    bool unknown;
};

static int read_split_sizes(struct split_sizes *sizes, const struct graph_infer *infer)
{
    int count;
    *sizes = (struct split_sizes){.attr = graph_attr_ints(infer->node, "split", &count)};
    if (sizes->attr) {
        sizes->count = count;
    } else if (graph_infer_given(infer, 1)) {
        BASE_TRY(graph_infer_expect(infer, 1, STANCE_INT64));
        sizes->value = graph_infer_value(infer, 1);
        sizes->unknown = !sizes->value;
        sizes->count = sizes->value ? stance_tensor_count(sizes->value) : infer->output_count;
    }
    if (sizes->count != 0 && sizes->count != infer->output_count)
        return base_error(STANCE_ESHAPE, "split has %lld sizes for %d outputs",
                          (long long)sizes->count, infer->output_count);
    return 0;
}

/* Equal parts; with num_outputs (opset 18) the last one may be smaller. */
static int equal_part(const struct graph_infer *infer, int64_t dim, int i, int64_t *size)
{
    int64_t parts = infer->output_count;
    int64_t asked = graph_attr_int(infer->node, "num_outputs", 0);
    if (asked != 0 && asked != parts)
        return base_error(STANCE_ESHAPE, "num_outputs is %lld, but there are %lld outputs",
                          (long long)asked, (long long)parts);
    *size = -1;
    if (dim < 0)
        return 0;
    int64_t chunk = (dim + parts - 1) / parts;
    *size = i + 1 < parts ? chunk : dim - chunk * (parts - 1);
    if (*size < 0 || (asked == 0 && dim % parts != 0))
        return base_error(STANCE_ESHAPE, "%lld does not divide into %lld parts", (long long)dim,
                          (long long)parts);
    return 0;
}

static int infer_split(struct graph_infer *infer)
{
    const struct tensor_shape *x = graph_infer_shape(infer, 0);
    struct tensor_shape out = *x;
    struct split_sizes sizes;
    int axis = 0;
    BASE_TRY(read_split_sizes(&sizes, infer));
    if (x->rank >= 0)
        BASE_TRY(graph_infer_axis(&axis, graph_attr_int(infer->node, "axis", 0), x->rank));
    int64_t dim = x->rank >= 0 ? x->dims[axis] : -1, sum = 0;
    for (int i = 0; i < infer->output_count; i++) {
        int64_t size = -1;
        if (sizes.count == 0)
            BASE_TRY(equal_part(infer, dim, i, &size));
        else if (!sizes.unknown)
            size = sizes.attr ? sizes.attr[i] : tensor_int(sizes.value, i);
        if (size < -1 || size > TENSOR_MAX_COUNT || (size < 0 && sizes.count && !sizes.unknown))
            return base_error(STANCE_EARGUMENT, "split has the size %lld", (long long)size);
        sum += size;
        out.dims[axis] = size;
        BASE_TRY(graph_infer_output(infer, i, graph_infer_dtype(infer, 0), &out));
    }
    if (!sizes.unknown && dim >= 0 && sum != dim)
        return base_error(STANCE_ESHAPE, "the parts add up to %lld, the axis has %lld",
                          (long long)sum, (long long)dim);
    return 0;
}

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* Elements that start:end:step picks from `dim`; ONNX Slice-13. */
static int64_t slice_extent(int64_t dim, int64_t start, int64_t end, int64_t step)
{
    if (dim <= 0)
        return dim;
    start = start < 0 ? start + dim : start;
    end = end < 0 ? end + dim : end;
    if (step > 0) {
        start = clamp(start, 0, dim);
        end = clamp(end, 0, dim);
        return end > start ? (end - start - 1) / step + 1 : 0;
    }
    start = clamp(start, 0, dim - 1);
    end = clamp(end, -1, dim - 1);
    return start > end ? (start - end - 1) / (step < -dim ? dim : -step) + 1 : 0;
}

struct slice_lists {
    struct graph_ints starts, ends, axes, steps;
};

static int read_slice(struct slice_lists *lists, const struct graph_infer *infer)
{
    bool old = infer->opset < 10;
    BASE_TRY(graph_infer_ints(&lists->starts, infer, old ? "starts" : NULL, old ? -1 : 1));
    BASE_TRY(graph_infer_ints(&lists->ends, infer, old ? "ends" : NULL, old ? -1 : 2));
    BASE_TRY(graph_infer_ints(&lists->axes, infer, old ? "axes" : NULL, old ? -1 : 3));
    BASE_TRY(graph_infer_ints(&lists->steps, infer, NULL, old ? -1 : 4));
    if (!lists->starts.given || !lists->ends.given)
        return base_error(STANCE_EARGUMENT, "starts or ends are missing");
    int count = lists->starts.count;
    const struct graph_ints *others[] = {&lists->ends, &lists->axes, &lists->steps};
    for (int i = 0; i < 3; i++)
        if (others[i]->given && count >= 0 && others[i]->count >= 0 && others[i]->count != count)
            return base_error(STANCE_ESHAPE, "starts, ends, axes and steps differ in length");
    for (int i = 0; i < lists->steps.count && lists->steps.given && lists->steps.known; i++)
        if (lists->steps.at[i] == 0)
            return base_error(STANCE_EARGUMENT, "a step is 0");
    return 0;
}

static int infer_slice(struct graph_infer *infer)
{
    struct tensor_shape out = *graph_infer_shape(infer, 0);
    struct slice_lists lists;
    BASE_TRY(read_slice(&lists, infer));
    int count = lists.starts.count >= 0 ? lists.starts.count : lists.ends.count;
    if (out.rank < 0)
        return graph_infer_same(infer);
    if (!lists.axes.given) {
        if (count > out.rank)
            return base_error(STANCE_ESHAPE, "%d starts for data of rank %d", count, out.rank);
        lists.axes.count = count;
        for (int i = 0; i < count; i++)
            lists.axes.at[i] = i;
    }
    if (!lists.axes.known || lists.axes.count < 0)
        out = graph_shape_unknown(out.rank);
    else
        BASE_TRY(graph_infer_axes(&lists.axes, out.rank));
    bool known = lists.starts.known && lists.ends.known && lists.steps.known;
    for (int i = 0; i < lists.axes.count && lists.axes.known; i++) {
        int64_t *dim = &out.dims[lists.axes.at[i]];
        int64_t step = lists.steps.given ? lists.steps.at[i] : 1;
        *dim = known ? slice_extent(*dim, lists.starts.at[i], lists.ends.at[i], step) : -1;
    }
    return graph_infer_output(infer, 0, graph_infer_dtype(infer, 0), &out);
}

static int check_pad_mode(const struct graph_node *node)
{
    const char *mode = graph_attr_string(node, "mode", "constant");
    static const char *const modes[] = {"constant", "reflect", "edge", "wrap"};
    for (int i = 0; i < 4; i++)
        if (strcmp(mode, modes[i]) == 0)
            return 0;
    return base_error(STANCE_EARGUMENT, "mode '%.40s' is not known", mode);
}

static int pad_axis(int64_t *dim, int64_t begin, int64_t end)
{
    if (begin < -TENSOR_MAX_COUNT || begin > TENSOR_MAX_COUNT || end < -TENSOR_MAX_COUNT ||
        end > TENSOR_MAX_COUNT)
        return base_error(STANCE_ELIMIT, "a padding of %lld+%lld is out of bounds",
                          (long long)begin, (long long)end);
    if (*dim >= 0 && *dim + begin + end < 0)
        return base_error(STANCE_ESHAPE, "a padding of %lld+%lld leaves nothing of %lld",
                          (long long)begin, (long long)end, (long long)*dim);
    *dim = *dim < 0 ? -1 : *dim + begin + end;
    return 0;
}

static int infer_pad(struct graph_infer *infer)
{
    struct tensor_shape out = *graph_infer_shape(infer, 0);
    struct graph_ints pads, axes;
    BASE_TRY(check_pad_mode(infer->node));
    BASE_TRY(graph_infer_ints(&pads, infer, "pads", 1));
    BASE_TRY(graph_infer_ints(&axes, infer, NULL, 3));
    BASE_TRY(graph_infer_same_type(infer, 2, 0));
    if (!pads.given)
        return base_error(STANCE_EARGUMENT, "pads are missing");
    if (out.rank < 0)
        return graph_infer_same(infer);
    if (!axes.given) {
        axes.count = out.rank;
        for (int i = 0; i < out.rank; i++)
            axes.at[i] = i;
    }
    if (pads.count >= 0 && axes.count >= 0 && pads.count != 2 * axes.count)
        return base_error(STANCE_ESHAPE, "%d pads for %d axes", pads.count, axes.count);
    if (!axes.known) {
        out = graph_shape_unknown(out.rank);
        return graph_infer_output(infer, 0, graph_infer_dtype(infer, 0), &out);
    }
    BASE_TRY(graph_infer_axes(&axes, out.rank));
    for (int i = 0; i < axes.count; i++) {
        int64_t *dim = &out.dims[axes.at[i]];
        if (pads.known)
            BASE_TRY(pad_axis(dim, pads.at[i], pads.at[axes.count + i]));
        else
            *dim = -1;
    }
    return graph_infer_output(infer, 0, graph_infer_dtype(infer, 0), &out);
}

const struct graph_op graph_ops_slice[] = {
    {"Concat", 1, -1, 1, infer_concat, false},
    {"Split", 1, 2, -1, infer_split, false},
    {"Slice", 1, 5, 1, infer_slice, false},
    {"Pad", 1, 4, 1, infer_pad, false},
    {NULL, 0, 0, 0, NULL, false},
};
