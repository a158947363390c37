/* Shapes and types of convolutions and poolings. */
#include "graph/infer.h"

/* Which inputs hold data, weights and bias. */
struct conv_inputs {
    int x, w, b;
    bool transposed;
};

static int check_channels(const struct graph_infer *infer, const struct conv_inputs *at,
                          int64_t *out_channels)
{
    const struct tensor_shape *x = graph_infer_shape(infer, at->x);
    const struct tensor_shape *w = graph_infer_shape(infer, at->w);
    const struct tensor_shape *b = graph_infer_shape(infer, at->b);
    int64_t groups = graph_attr_int(infer->node, "group", 1);
    int64_t in = x->rank < 0 ? -1 : x->dims[1], first = w->dims[0], second = w->dims[1];
    if (groups < 1 || groups > TENSOR_MAX_COUNT)
        return base_error(STANCE_EARGUMENT, "group is %lld", (long long)groups);
    if (first >= 0 && first % groups != 0)
        return base_error(STANCE_ESHAPE, "%lld filters do not divide into %lld groups",
                          (long long)first, (long long)groups);
    int64_t wants = at->transposed ? first : graph_dim_multiply(second, groups);
    *out_channels = at->transposed ? graph_dim_multiply(second, groups) : first;
    if (!graph_dim_merge(&in, wants))
        return base_error(STANCE_ESHAPE, "the data has %lld channels, the weights want %lld",
                          (long long)in, (long long)wants);
    int64_t bias = *out_channels;
    if (b->rank == 1 && !graph_dim_merge(&bias, b->dims[0]))
        return base_error(STANCE_ESHAPE, "%lld biases for %lld output channels",
                          (long long)b->dims[0], (long long)bias);
    return 0;
}

static int spatial_shape(struct tensor_shape *out, const struct graph_infer *infer,
                         const struct conv_inputs *at)
{
    const struct tensor_shape *x = graph_infer_shape(infer, at->x);
    const struct tensor_shape *w = graph_infer_shape(infer, at->w);
    struct graph_window window;
    bool known = w->rank >= 0;
    int count;
    for (int i = 2; i < w->rank; i++)
        known = known && w->dims[i] >= 0;
    if (x->rank < 0 || (!known && !graph_attr_ints(infer->node, "kernel_shape", &count)))
        return 0;
    BASE_TRY(
        graph_window_read(&window, infer->node, x, known ? w->dims + 2 : NULL, at->transposed));
    for (int i = 0; i < window.spatial; i++)
        out->dims[2 + i] = window.out[i];
    return 0;
}

static int conv_shape(struct graph_infer *infer, const struct conv_inputs *at, int dtype)
{
    const struct tensor_shape *x = graph_infer_shape(infer, at->x);
    const struct tensor_shape *w = graph_infer_shape(infer, at->w);
    BASE_TRY(graph_infer_rank(infer, at->x, 3, 5));
    BASE_TRY(graph_infer_rank(infer, at->w, 3, 5));
    BASE_TRY(graph_infer_rank(infer, at->b, 1, 1));
    if (x->rank >= 0 && w->rank >= 0 && x->rank != w->rank)
        return base_error(STANCE_ESHAPE, "data of rank %d meets weights of rank %d", x->rank,
                          w->rank);
    struct tensor_shape out = graph_shape_unknown(x->rank >= 0 ? x->rank : w->rank);
    if (x->rank >= 0)
        out.dims[0] = x->dims[0];
    if (w->rank >= 0)
        BASE_TRY(check_channels(infer, at, &out.dims[1]));
    BASE_TRY(spatial_shape(&out, infer, at));
    return graph_infer_output(infer, 0, dtype, &out);
}

static int infer_conv(struct graph_infer *infer)
{
    BASE_TRY(graph_infer_same_type(infer, 1, 0));
    BASE_TRY(graph_infer_same_type(infer, 2, 0));
    return conv_shape(infer, &(struct conv_inputs){0, 1, 2, false}, graph_infer_dtype(infer, 0));
}

static int infer_conv_transpose(struct graph_infer *infer)
{
    BASE_TRY(graph_infer_same_type(infer, 1, 0));
    BASE_TRY(graph_infer_same_type(infer, 2, 0));
    return conv_shape(infer, &(struct conv_inputs){0, 1, 2, true}, graph_infer_dtype(infer, 0));
}

static int infer_conv_integer(struct graph_infer *infer)
{
    return conv_shape(infer, &(struct conv_inputs){0, 1, -1, false}, STANCE_INT32);
}

static int infer_qlinear_conv(struct graph_infer *infer)
{
    BASE_TRY(graph_infer_expect(infer, 8, STANCE_INT32));
    return conv_shape(infer, &(struct conv_inputs){0, 3, 8, false}, graph_infer_dtype(infer, 7));
}

/* A window that lies in the padding alone has no largest element and no mean. */
static int check_pool_padding(const struct graph_window *window)
{
    for (int d = 0; d < window->spatial; d++) {
        int64_t extent = (window->kernel[d] - 1) * window->dilation[d] + 1;
        if (window->pad_begin[d] >= extent || window->pad_end[d] >= extent)
            return base_error(
                STANCE_EARGUMENT, "padding %lld+%lld is not smaller than the kernel's extent %lld",
                (long long)window->pad_begin[d], (long long)window->pad_end[d], (long long)extent);
    }
    return 0;
}

static int infer_pool(struct graph_infer *infer)
{
    struct tensor_shape out = *graph_infer_shape(infer, 0);
    struct graph_window window;
    BASE_TRY(graph_infer_rank(infer, 0, 3, 5));
    if (out.rank >= 0) {
        BASE_TRY(graph_window_read(&window, infer->node, &out, NULL, false));
        BASE_TRY(check_pool_padding(&window));
        for (int i = 0; i < window.spatial; i++)
            out.dims[2 + i] = window.out[i];
    }
    BASE_TRY(graph_infer_output(infer, 1, STANCE_INT64, &out));
    return graph_infer_output(infer, 0, graph_infer_dtype(infer, 0), &out);
}

static int infer_global_pool(struct graph_infer *infer)
{
    struct tensor_shape out = *graph_infer_shape(infer, 0);
    BASE_TRY(graph_infer_rank(infer, 0, 2, STANCE_MAX_RANK));
    for (int i = 2; i < out.rank; i++) {
        if (out.dims[i] == 0)
            return base_error(STANCE_ESHAPE, "spatial dim %d is empty", i);
        out.dims[i] = 1;
    }
    return graph_infer_output(infer, 0, graph_infer_dtype(infer, 0), &out);
}

static int infer_max_unpool(struct graph_infer *infer)
{
    struct tensor_shape out = *graph_infer_shape(infer, 0);
    struct graph_window window;
    struct graph_ints wanted;
    BASE_TRY(graph_infer_expect(infer, 1, STANCE_INT64));
    BASE_TRY(graph_infer_rank(infer, 0, 3, 5));
    BASE_TRY(graph_infer_ints(&wanted, infer, NULL, 2));
    if (out.rank >= 0) {
        BASE_TRY(graph_window_read(&window, infer->node, &out, NULL, true));
        for (int i = 0; i < window.spatial; i++)
            out.dims[2 + i] = wanted.given ? -1 : window.out[i];
    }
    if (wanted.given && wanted.known) {
        if (out.rank >= 0 && wanted.count != out.rank)
            return base_error(STANCE_ESHAPE, "output_shape has %d values for rank %d", wanted.count,
                              out.rank);
        out.rank = 0;
        for (int i = 0; i < wanted.count; i++) {
            if (wanted.at[i] < 0)
                return base_error(STANCE_EARGUMENT, "output_shape has a negative value");
            BASE_TRY(graph_shape_push(&out, wanted.at[i]));
        }
    }
    return graph_infer_output(infer, 0, graph_infer_dtype(infer, 0), &out);
}

const struct graph_op graph_ops_conv[] = {
    {"Conv", 2, 3, 1, infer_conv, false},
    {"ConvTranspose", 2, 3, 1, infer_conv_transpose, false},
    {"ConvInteger", 2, 4, 1, infer_conv_integer, false},
    {"QLinearConv", 8, 9, 1, infer_qlinear_conv, false},
    {"MaxPool", 1, 1, 2, infer_pool, false},
    {"AveragePool", 1, 1, 1, infer_pool, false},
    {"LpPool", 1, 1, 1, infer_pool, false},
    {"GlobalAveragePool", 1, 1, 1, infer_global_pool, false},
    {"GlobalMaxPool", 1, 1, 1, infer_global_pool, false},
    {"GlobalLpPool", 1, 1, 1, infer_global_pool, false},
    {"MaxUnpool", 2, 3, 1, infer_max_unpool, false},
    {NULL, 0, 0, 0, NULL, false},
};
