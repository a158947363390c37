/* Conv and ConvTranspose on plain data, 1 to 3 spatial dims, every group, stride and dilation.
 *
 * One output plane after the other; the innermost loop adds a scaled row to a row. float32 is
 * computed as it is, every other float type in double. */
#include <string.h>

#include "engine/epilogue.h"
#include "engine/op_memory.h"
#include "engine/op_view.h"

struct conv {
    struct graph_window window; /* always three spatial dims, the missing ones in front */
    bool transposed, single;    /* single: float, else double */
    int64_t batch, in_channels, out_channels, in[3];
    const char *x, *weights, *bias;
    char *y;
};

#define ADD_ROW(type)                                                                              \
    static void add_row_##type(type *y, int64_t y_stride, const type *x, int64_t x_stride,         \
                               type weight, int64_t count)                                         \
    {                                                                                              \
        if (y_stride == 1 && x_stride == 1)                                                        \
            for (int64_t i = 0; i < count; i++)                                                    \
                y[i] += weight * x[i];                                                             \
        else                                                                                       \
            for (int64_t i = 0; i < count; i++)                                                    \
                y[i * y_stride] += weight * x[i * x_stride];                                       \
    }

ADD_ROW(float)
ADD_ROW(double)

/* Offsets and strides in elements. */
static void add_row(const struct conv *conv, int64_t y, int64_t y_stride, int64_t x,
                    int64_t x_stride, int64_t weight, int64_t count)
{
    if (conv->single)
        add_row_float((float *)conv->y + y, y_stride, (const float *)conv->x + x, x_stride,
                      ((const float *)conv->weights)[weight], count);
    else
        add_row_double((double *)conv->y + y, y_stride, (const double *)conv->x + x, x_stride,
                       ((const double *)conv->weights)[weight], count);
}

static int64_t pixels(const int64_t dims[3])
{
    return dims[0] * dims[1] * dims[2];
}

static void start_plane(const struct conv *conv, int64_t plane)
{
    int64_t count = pixels(conv->window.out), channel = plane % conv->out_channels;
    for (int64_t i = plane * count; i < (plane + 1) * count; i++)
        if (conv->single)
            ((float *)conv->y)[i] = conv->bias ? ((const float *)conv->bias)[channel] : 0;
        else
            ((double *)conv->y)[i] = conv->bias ? ((const double *)conv->bias)[channel] : 0;
}

/* The i of 0 … count-1 with 0 <= i * stride + shift < limit. */
static void valid_range(int64_t count, int64_t stride, int64_t shift, int64_t limit, int64_t *first,
                        int64_t *end)
{
    int64_t low = shift < 0 ? (-shift + stride - 1) / stride : 0;
    int64_t high = limit > shift ? (limit - shift - 1) / stride + 1 : 0;
    *end = high > count ? count : high;
    *first = low > *end ? *end : low;
}

/* All taps of one row against one channel. The row is one of the output (x is read at row * stride
 * + tap), for a transposed convolution one of the input (y is written there). */
static void run_taps(const struct conv *conv, int64_t depth, int64_t height, int64_t near,
                     int64_t far, int64_t weight)
{
    const struct graph_window *w = &conv->window;
    const int64_t *near_dims = conv->transposed ? conv->in : w->out;
    const int64_t *far_dims = conv->transposed ? w->out : conv->in;
    near += (depth * near_dims[1] + height) * near_dims[2];
    for (int64_t kd = 0; kd < w->kernel[0]; kd++) {
        int64_t z = depth * w->stride[0] - w->pad_begin[0] + kd * w->dilation[0];
        for (int64_t kh = 0; kh < w->kernel[1] && z >= 0 && z < far_dims[0]; kh++) {
            int64_t y = height * w->stride[1] - w->pad_begin[1] + kh * w->dilation[1];
            for (int64_t kw = 0; kw < w->kernel[2] && y >= 0 && y < far_dims[1]; kw++) {
                int64_t shift = kw * w->dilation[2] - w->pad_begin[2], first, end;
                valid_range(near_dims[2], w->stride[2], shift, far_dims[2], &first, &end);
                int64_t at =
                    far + (z * far_dims[1] + y) * far_dims[2] + first * w->stride[2] + shift;
                int64_t tap = weight + (kd * w->kernel[1] + kh) * w->kernel[2] + kw;
                if (conv->transposed)
                    add_row(conv, at, w->stride[2], near + first, 1, tap, end - first);
                else
                    add_row(conv, near + first, 1, at, w->stride[2], tap, end - first);
            }
        }
    }
}

static void run_plane(const struct conv *conv, int64_t plane)
{
    const struct graph_window *w = &conv->window;
    int64_t image = plane / conv->out_channels, channel = plane % conv->out_channels;
    int64_t out_each = conv->out_channels / w->groups, in_each = conv->in_channels / w->groups;
    int64_t first_in = channel / out_each * in_each, taps = pixels(w->kernel);
    int64_t y = plane * pixels(w->out);
    const int64_t *rows = conv->transposed ? conv->in : w->out;
    start_plane(conv, plane);
    for (int64_t depth = 0; depth < rows[0]; depth++)
        for (int64_t height = 0; height < rows[1]; height++)
            for (int64_t i = 0; i < in_each; i++) {
                int64_t x = (image * conv->in_channels + first_in + i) * pixels(conv->in);
                int64_t weight = conv->transposed
                                     ? ((first_in + i) * out_each + channel % out_each) * taps
                                     : (channel * in_each + i) * taps;
                if (conv->transposed)
                    run_taps(conv, depth, height, x, y, weight);
                else
                    run_taps(conv, depth, height, y, x, weight);
            }
}

static void run_part(void *context, int part, int parts, int worker)
{
    const struct conv *conv = context;
    int64_t first, end;
    kernel_share(conv->batch * conv->out_channels, part, parts, &first, &end);
    for (int64_t plane = first; plane < end; plane++)
        run_plane(conv, plane);
}

/* A pointwise convolution becomes one long row. */
static void flatten_pointwise(struct conv *conv)
{
    struct graph_window *w = &conv->window;
    bool pointwise = pixels(w->kernel) == 1;
    for (int i = 0; i < 3; i++)
        pointwise =
            pointwise && w->stride[i] == 1 && w->pad_begin[i] == 0 && w->out[i] == conv->in[i];
    if (pointwise) {
        w->out[2] = conv->in[2] = pixels(conv->in);
        w->out[0] = w->out[1] = conv->in[0] = conv->in[1] = 1;
    }
}

static int check_channels(const struct conv *conv, const struct stance_tensor *weights,
                          const struct stance_tensor *bias)
{
    int64_t groups = conv->window.groups;
    int64_t first = conv->transposed ? conv->in_channels : conv->out_channels,
            second = (conv->transposed ? conv->out_channels : conv->in_channels) / groups;
    if (conv->in_channels % groups || conv->out_channels % groups || conv->out_channels == 0 ||
        weights->dims[0] != first || weights->dims[1] != second)
        return base_error(STANCE_ESHAPE,
                          "weights for %lld × %lld channels do not fit %lld channels in %lld "
                          "groups",
                          (long long)weights->dims[0], (long long)weights->dims[1],
                          (long long)conv->in_channels, (long long)groups);
    if (bias && (bias->rank != 1 || bias->dims[0] != conv->out_channels))
        return base_error(STANCE_ESHAPE, "the bias does not have %lld elements",
                          (long long)conv->out_channels);
    return 0;
}

/* The contents as they are for float32, else as doubles in scratch. */
static int contents(struct engine_call *call, const struct stance_tensor *view, const char **out)
{
    *out = view->data;
    if (view->dtype == STANCE_FLOAT32)
        return 0;
    int64_t count = stance_tensor_count(view);
    void *doubles = engine_call_scratch(call, (size_t)count * sizeof(double));
    if (!doubles)
        return engine_memory_code(call->memory);
    engine_load(doubles, ENGINE_DOUBLE, view, 0, 1, count);
    *out = doubles;
    return 0;
}

static int apply_epilogue(struct engine_call *call)
{
    struct kernel_epilogue epilogue = engine_epilogue(call->node);
    const struct stance_tensor *out = &call->out[0];
    const float *residual = NULL;
    int64_t count = stance_tensor_count(out);
    if (epilogue.residual == KERNEL_NO_RESIDUAL && epilogue.activation == KERNEL_LINEAR)
        return 0;
    if (epilogue.residual != KERNEL_NO_RESIDUAL) {
        const struct stance_tensor *last = &call->in[call->node->input_count - 1];
        if (last->dtype != STANCE_FLOAT32 || stance_tensor_count(last) != count)
            return base_error(STANCE_ESHAPE, "the residual does not have the output's shape");
        residual = last->data;
    }
    if (out->dtype != STANCE_FLOAT32)
        return base_error(STANCE_ETYPE, "an activation fused into a convolution of %s",
                          stance_dtype_name(out->dtype));
    if (epilogue.residual == KERNEL_RESIDUAL_BEFORE)
        call->kernels->binary(KERNEL_ADD, out->data, residual, out->data, count, 0, 1);
    if (epilogue.activation != KERNEL_LINEAR)
        call->kernels->unary(epilogue.activation, epilogue.alpha, epilogue.beta, out->data,
                             out->data, count, 0, 1);
    if (epilogue.residual == KERNEL_RESIDUAL_AFTER)
        call->kernels->binary(KERNEL_ADD, out->data, residual, out->data, count, 0, 1);
    return 0;
}

static int read_conv(struct engine_call *call, struct conv *conv, const struct stance_tensor *bias)
{
    const struct stance_tensor *x = &call->in[0], *weights = &call->in[1];
    struct tensor_shape shape = tensor_shape_of(x);
    if (!engine_is_float(x->dtype) || weights->dtype != x->dtype ||
        (bias && bias->dtype != x->dtype))
        return base_error(STANCE_ETYPE, "data, weights and bias are not of one float type");
    if (weights->rank != x->rank)
        return base_error(STANCE_ESHAPE, "weights of rank %d for data of rank %d", weights->rank,
                          x->rank);
    BASE_TRY(
        graph_window_read(&conv->window, call->node, &shape, &weights->dims[2], conv->transposed));
    conv->single = x->dtype == STANCE_FLOAT32;
    conv->batch = x->dims[0];
    conv->in_channels = x->dims[1];
    conv->out_channels =
        conv->transposed ? weights->dims[1] * conv->window.groups : weights->dims[0];
    for (int i = 0; i < conv->window.spatial; i++) {
        conv->in[i] = x->dims[2 + i];
        shape.dims[2 + i] = conv->window.out[i];
    }
    shape.dims[1] = conv->out_channels;
    BASE_TRY(check_channels(conv, weights, bias));
    return engine_call_output(call, 0, x->dtype, &shape);
}

static int run(struct engine_call *call, bool transposed)
{
    struct conv conv = {.transposed = transposed};
    BASE_TRY(engine_need_inputs(call, 2));
    int inputs = call->node->input_count - (call->node->epilogue.residual >= 0);
    const struct stance_tensor *bias =
        inputs > 2 && engine_has_input(call, 2) ? &call->in[2] : NULL;
    BASE_TRY(read_conv(call, &conv, bias));
    if (!engine_wants_output(call, 0) || stance_tensor_count(&call->out[0]) == 0)
        return 0;
    engine_window_widen(&conv.window, conv.in);
    flatten_pointwise(&conv);
    BASE_TRY(contents(call, &call->in[0], &conv.x));
    BASE_TRY(contents(call, &call->in[1], &conv.weights));
    if (bias)
        BASE_TRY(contents(call, bias, &conv.bias));
    int64_t count = stance_tensor_count(&call->out[0]), planes = conv.batch * conv.out_channels;
    conv.y =
        conv.single ? call->out[0].data : engine_call_scratch(call, (size_t)count * sizeof(double));
    if (!conv.y)
        return engine_memory_code(call->memory);
    int parts = engine_call_parts(count * pixels(conv.window.kernel) *
                                  (conv.in_channels / conv.window.groups));
    base_pool_run(call->pool, run_part, &conv, parts > planes ? (int)planes : parts);
    if (!conv.single)
        engine_store(conv.y, ENGINE_DOUBLE, &call->out[0], 0, count);
    return apply_epilogue(call);
}

static int run_conv(struct engine_call *call)
{
    return run(call, false);
}

static int run_conv_transpose(struct engine_call *call)
{
    return run(call, true);
}

const struct engine_op engine_ops_conv[] = {
    {"Conv", run_conv},
    {"ConvTranspose", run_conv_transpose},
    {NULL, NULL},
};
