/* Kernel, stride, dilation and padding of convolutions and poolings, with auto_pad resolved and
 * the output's extent computed. ONNX operators Conv-11, ConvTranspose-11, AveragePool-19,
 * MaxPool-12. */
#include <string.h>

#include "graph/graph.h"

/* No kernel, stride, dilation or padding is larger; keeps all products inside int64. */
enum { WINDOW_LIMIT = 1 << 24 };

enum auto_pad { PAD_NOTSET, PAD_VALID, PAD_SAME_UPPER, PAD_SAME_LOWER };

static int read_auto_pad(const struct graph_node *node, enum auto_pad *out)
{
    static const char *const names[] = {"NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"};
    const char *text = graph_attr_string(node, "auto_pad", "NOTSET");
    *out = PAD_NOTSET;
    if (!text[0])
        return 0;
    for (int i = 0; i < 4; i++)
        if (strcmp(text, names[i]) == 0) {
            *out = (enum auto_pad)i;
            return 0;
        }
    return base_error(STANCE_EARGUMENT, "auto_pad '%.40s' is not known", text);
}

/* Reads `count` values of at least `low` into `out`; `absent` fills them where there are none. */
static int read_list(const struct graph_node *node, const char *name, int count, int64_t low,
                     int64_t absent, int64_t *out)
{
    int has;
    const int64_t *ints = graph_attr_ints(node, name, &has);
    if (ints && has != count)
        return base_error(STANCE_EARGUMENT, "%s has %d values instead of %d", name, has, count);
    for (int i = 0; i < count; i++) {
        out[i] = ints ? ints[i] : absent;
        if (out[i] < low || out[i] > WINDOW_LIMIT)
            return base_error(STANCE_EARGUMENT, "%s has the value %lld", name, (long long)out[i]);
    }
    return 0;
}

static int read_kernel(struct graph_window *window, const struct graph_node *node,
                       const int64_t *kernel)
{
    int has;
    const int64_t *shape = graph_attr_ints(node, "kernel_shape", &has);
    if (!shape && !kernel)
        return base_error(STANCE_EARGUMENT, "kernel_shape is missing");
    if (shape)
        BASE_TRY(read_list(node, "kernel_shape", window->spatial, 1, 1, window->kernel));
    for (int i = 0; i < window->spatial && kernel; i++) {
        if (shape && kernel[i] != window->kernel[i])
            return base_error(STANCE_ESHAPE, "kernel_shape says %lld, the weights have %lld",
                              (long long)window->kernel[i], (long long)kernel[i]);
        if (kernel[i] < 1 || kernel[i] > WINDOW_LIMIT)
            return base_error(STANCE_ESHAPE, "the kernel has an extent of %lld",
                              (long long)kernel[i]);
        window->kernel[i] = kernel[i];
    }
    return 0;
}

static int read_attributes(struct graph_window *window, const struct graph_node *node,
                           const int64_t *kernel)
{
    int64_t pads[6];
    int n = window->spatial;
    BASE_TRY(read_kernel(window, node, kernel));
    BASE_TRY(read_list(node, "strides", n, 1, 1, window->stride));
    BASE_TRY(read_list(node, "dilations", n, 1, 1, window->dilation));
    BASE_TRY(read_list(node, "pads", 2 * n, 0, 0, pads));
    for (int i = 0; i < n; i++) {
        window->pad_begin[i] = pads[i];
        window->pad_end[i] = pads[n + i];
    }
    window->groups = graph_attr_int(node, "group", 1);
    if (window->groups < 1 || window->groups > WINDOW_LIMIT)
        return base_error(STANCE_EARGUMENT, "group is %lld", (long long)window->groups);
    window->ceil_mode = graph_attr_int(node, "ceil_mode", 0) != 0;
    return 0;
}

static int64_t extent(const struct graph_window *window, int d)
{
    return (window->kernel[d] - 1) * window->dilation[d] + 1;
}

/* `total` padding, the odd one at the end for `upper`, else at the beginning. */
static void share_padding(struct graph_window *window, int d, int64_t total, bool upper)
{
    if (total < 0)
        total = 0;
    window->pad_begin[d] = upper ? total / 2 : total - total / 2;
    window->pad_end[d] = total - window->pad_begin[d];
}

static int place_forward(struct graph_window *window, int d, int64_t in, enum auto_pad mode)
{
    int64_t stride = window->stride[d], *out = &window->out[d];
    if (mode != PAD_NOTSET)
        window->pad_begin[d] = window->pad_end[d] = 0;
    if (in < 0) {
        *out = -1;
        return 0;
    }
    if (mode == PAD_SAME_UPPER || mode == PAD_SAME_LOWER) {
        *out = (in + stride - 1) / stride;
        share_padding(window, d, (*out - 1) * stride + extent(window, d) - in,
                      mode == PAD_SAME_UPPER);
        return 0;
    }
    int64_t begin = window->pad_begin[d], end = window->pad_end[d];
    int64_t room = in + begin + end - extent(window, d);
    if (room < 0)
        return base_error(
            STANCE_ESHAPE, "a kernel of extent %lld does not fit into %lld with padding %lld+%lld",
            (long long)extent(window, d), (long long)in, (long long)begin, (long long)end);
    *out = room / stride + 1;
    /* With ceil_mode one more window, unless it would start behind the data. */
    if (window->ceil_mode && room % stride && *out * stride < in + begin)
        ++*out;
    return 0;
}

/* `wanted`: the output_shape attribute's value, or -1. */
static int place_transposed(struct graph_window *window, int d, int64_t in, enum auto_pad mode,
                            int64_t wanted)
{
    int64_t *out = &window->out[d];
    bool same = mode == PAD_SAME_UPPER || mode == PAD_SAME_LOWER;
    if (mode != PAD_NOTSET || wanted >= 0)
        window->pad_begin[d] = window->pad_end[d] = 0;
    if (in == 0)
        return base_error(STANCE_ESHAPE, "spatial dim %d is empty", d);
    if (in < 0) {
        *out = wanted;
        return 0;
    }
    int64_t whole = window->stride[d] * (in - 1) + extent(window, d) + window->output_padding[d];
    *out = wanted >= 0 ? wanted : in * window->stride[d];
    if (wanted >= 0 || same)
        share_padding(window, d, whole - *out, mode == PAD_SAME_UPPER);
    else
        *out = whole - window->pad_begin[d] - window->pad_end[d];
    if (*out < 1)
        return base_error(
            STANCE_ESHAPE, "the padding %lld+%lld leaves nothing of an extent of %lld",
            (long long)window->pad_begin[d], (long long)window->pad_end[d], (long long)whole);
    return 0;
}

/* output_shape may come with or without the batch and channel dims. */
static int read_output_shape(const struct graph_node *node, int spatial, int64_t out[3])
{
    int has;
    const int64_t *shape = graph_attr_ints(node, "output_shape", &has);
    for (int i = 0; i < 3; i++)
        out[i] = -1;
    if (!shape || has == 0)
        return 0;
    if (has != spatial && has != spatial + 2)
        return base_error(STANCE_EARGUMENT, "output_shape has %d values instead of %d", has,
                          spatial);
    for (int i = 0; i < spatial; i++) {
        out[i] = shape[has - spatial + i];
        if (out[i] < 1 || out[i] > TENSOR_MAX_COUNT)
            return base_error(STANCE_EARGUMENT, "output_shape has the value %lld",
                              (long long)out[i]);
    }
    return 0;
}

int graph_window_read(struct graph_window *window, const struct graph_node *node,
                      const struct tensor_shape *input, const int64_t *kernel, bool transposed)
{
    enum auto_pad mode;
    int64_t wanted[3] = {0};
    *window = (struct graph_window){.spatial = input->rank - 2};
    if (window->spatial < 1 || window->spatial > 3)
        return base_error(input->rank > 5 ? STANCE_EUNSUPPORTED : STANCE_ESHAPE,
                          "data of rank %d: 1 to 3 spatial dims behind batch and channels are "
                          "supported",
                          input->rank);
    BASE_TRY(read_attributes(window, node, kernel));
    BASE_TRY(read_auto_pad(node, &mode));
    if (transposed) {
        BASE_TRY(read_list(node, "output_padding", window->spatial, 0, 0, window->output_padding));
        BASE_TRY(read_output_shape(node, window->spatial, wanted));
    }
    for (int d = 0; d < window->spatial; d++) {
        int64_t in = input->dims[2 + d];
        if (in > TENSOR_MAX_COUNT)
            return base_error(STANCE_ELIMIT, "dim %d is %lld", 2 + d, (long long)in);
        if (transposed)
            BASE_TRY(place_transposed(window, d, in, mode, wanted[d]));
        else
            BASE_TRY(place_forward(window, d, in, mode));
    }
    return 0;
}
