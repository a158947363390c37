/* Matrix products and convolutions of 8-bit integers: MatMulInteger, QLinearMatMul, ConvInteger,
 * QLinearConv. Sums are those of int32, wrapping. */
#include <string.h>

#include "engine/op_broadcast.h"
#include "engine/op_memory.h"
#include "engine/op_quantize.h"

/* Where the operands stand among the inputs; -1: there is none. */
struct operands {
    int a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero, bias;
};

static const struct operands plain_operands = {0, -1, 2, 1, -1, 3, -1, -1, -1};
static const struct operands quantized_operands = {0, 1, 2, 3, 4, 5, 6, 7, 8};

/* A left-out input counts as one value. */
static int64_t input_count(const struct engine_call *call, int i)
{
    if (i < 0 || i >= call->input_count || call->in[i].dtype == STANCE_DTYPE_NONE)
        return 1;
    return stance_tensor_count(&call->in[i]);
}

/* An input has one value or `allowed`. */
static int check_count(const struct engine_call *call, int i, int64_t allowed)
{
    int64_t count = input_count(call, i);
    if (count == 1 || count == allowed)
        return 0;
    return base_error(STANCE_ESHAPE, "input %d has %lld values instead of 1 or %lld", i,
                      (long long)count, (long long)allowed);
}

/* An input's elements less their zero points; element i belongs to slice i / inner % slices. */
static int centred(int32_t **out, struct engine_call *call, int input, int zero, int64_t inner,
                   int64_t slices)
{
    const struct stance_tensor *in = &call->in[input];
    int64_t count = stance_tensor_count(in);
    if (in->dtype != STANCE_UINT8 && in->dtype != STANCE_INT8)
        return base_error(STANCE_ETYPE, "input %d is %s, not an 8-bit integer", input,
                          stance_dtype_name(in->dtype));
    BASE_TRY(check_count(call, zero, slices));
    if (zero < call->input_count && call->in[zero].dtype != STANCE_DTYPE_NONE &&
        call->in[zero].dtype != in->dtype)
        return base_error(STANCE_ETYPE, "input %d is %s, its zero point %s", input,
                          stance_dtype_name(in->dtype), stance_dtype_name(call->in[zero].dtype));
    bool one = input_count(call, zero) == 1;
    *out = engine_call_scratch(call, (size_t)count * sizeof **out);
    if (!*out)
        return engine_memory_code(call->memory);
    int64_t first = engine_zero_point(call, zero, 0);
    for (int64_t i = 0; i < count; i++) {
        int64_t point = one ? first : engine_zero_point(call, zero, i / inner % slices);
        (*out)[i] = (int32_t)(tensor_int(in, i) - point);
    }
    return 0;
}

/* Rounds sums to the output type; sum i has left scale i / inner % left, right scale
 * i / right_inner % right. */
struct rounding {
    struct engine_call *call;
    const struct operands *at;
    const int32_t *sums;
    int64_t count, left_inner, left, right_inner, right;
};

static float scale_at(const struct rounding *rounding, int input, int64_t index)
{
    const struct stance_tensor *scale = &rounding->call->in[input];
    return (float)tensor_float(scale, stance_tensor_count(scale) == 1 ? 0 : index);
}

static void round_share(void *context, int part, int parts, int worker)
{
    const struct rounding *rounding = context;
    const struct operands *at = rounding->at;
    const struct stance_tensor *out = &rounding->call->out[0];
    float y_scale = scale_at(rounding, at->y_scale, 0);
    int64_t zero = engine_zero_point(rounding->call, at->y_zero, 0), i, end;
    double low, high;
    engine_int_range(out->dtype, &low, &high);
    kernel_share(rounding->count, part, parts, &i, &end);
    for (; i < end; i++) {
        float a = scale_at(rounding, at->a_scale, i / rounding->left_inner % rounding->left);
        float b = scale_at(rounding, at->b_scale, i / rounding->right_inner % rounding->right);
        int64_t value =
            engine_quantize((float)rounding->sums[i] * (a * b / y_scale), zero, low, high);
        engine_store(&value, ENGINE_INT, out, i, 1);
    }
}

static int round_sums(struct rounding *rounding)
{
    struct engine_call *call = rounding->call;
    const struct operands *at = rounding->at;
    if (engine_is_float(call->out[0].dtype))
        return base_error(STANCE_ETYPE, "cannot quantise to %s",
                          stance_dtype_name(call->out[0].dtype));
    BASE_TRY(check_count(call, at->a_scale, rounding->left));
    BASE_TRY(check_count(call, at->b_scale, rounding->right));
    BASE_TRY(check_count(call, at->y_scale, 1));
    BASE_TRY(check_count(call, at->y_zero, 1));
    base_pool_run(call->pool, round_share, rounding, engine_call_parts(rounding->count));
    return 0;
}

/* The sums: the output itself, or scratch where they are rounded afterwards. */
static int sums_of(uint32_t **out, struct engine_call *call, const struct operands *at)
{
    int64_t count = stance_tensor_count(&call->out[0]);
    *out = call->out[0].data;
    if (at->y_scale < 0)
        return 0;
    *out = engine_call_scratch(call, (size_t)count * sizeof **out);
    return *out ? 0 : engine_memory_code(call->memory);
}

/* ---- Matrix products ------------------------------------------------------------------------- */

struct product {
    const int32_t *a, *b;
    uint32_t *out;
    int64_t rows, columns, depth;
    struct engine_broadcast plan; /* which matrices belong to a batch */
};

static void product_share(void *context, int part, int parts, int worker)
{
    const struct product *product = context;
    int64_t at, end, offsets[ENGINE_OPERANDS];
    kernel_share(product->plan.count * product->rows, part, parts, &at, &end);
    for (; at < end; at++) {
        engine_broadcast_at(&product->plan, at / product->rows, offsets);
        const int32_t *a =
            product->a + (offsets[0] * product->rows + at % product->rows) * product->depth;
        const int32_t *b = product->b + offsets[1] * product->depth * product->columns;
        uint32_t *sum = product->out + at * product->columns;
        for (int64_t j = 0; j < product->columns; j++)
            sum[j] = 0;
        for (int64_t k = 0; k < product->depth; k++)
            for (int64_t j = 0; j < product->columns; j++)
                sum[j] += (uint32_t)(a[k] * b[k * product->columns + j]);
    }
}

static struct stance_tensor batch_dims(const struct stance_tensor *in, int matrix_rank)
{
    struct stance_tensor batch = *in;
    batch.rank = in->rank > matrix_rank ? in->rank - matrix_rank : 0;
    return batch;
}

static int run_matmul(struct engine_call *call)
{
    bool rounds = strcmp(call->node->type, "QLinearMatMul") == 0;
    const struct operands *at = rounds ? &quantized_operands : &plain_operands;
    const struct stance_tensor *a = &call->in[at->a], *b = &call->in[at->b];
    struct product product = {.depth = a->dims[a->rank - 1]};
    product.rows = a->rank > 1 ? a->dims[a->rank - 2] : 1;
    product.columns = b->rank > 1 ? b->dims[b->rank - 1] : 1;
    int32_t *left, *right;
    BASE_TRY(
        centred(&left, call, at->a, at->a_zero, product.depth ? product.depth : 1, product.rows));
    BASE_TRY(centred(&right, call, at->b, at->b_zero, 1, product.columns));
    product.a = left;
    product.b = right;
    struct stance_tensor batches[2] = {batch_dims(a, 2), batch_dims(b, 2)};
    struct stance_tensor out = batch_dims(&call->out[0], (a->rank > 1) + (b->rank > 1));
    const struct stance_tensor *in[2] = {&batches[0], &batches[1]};
    BASE_TRY(engine_broadcast_plan(&product.plan, &out, in, 2));
    BASE_TRY(sums_of(&product.out, call, at));
    int64_t count = stance_tensor_count(&call->out[0]);
    if (count == 0)
        return 0;
    base_pool_run(call->pool, product_share, &product,
                  engine_call_parts(count * (product.depth + 1)));
    struct rounding rounding = {.call = call,
                                .at = at,
                                .sums = (const int32_t *)product.out,
                                .count = count,
                                .left_inner = product.columns,
                                .left = product.rows,
                                .right_inner = 1,
                                .right = product.columns};
    return rounds ? round_sums(&rounding) : 0;
}

/* ---- Convolutions ---------------------------------------------------------------------------- */

/* Three spatial dims; missing ones come first and are 1. */
struct conv {
    const int32_t *x, *w;
    const struct stance_tensor *bias; /* NULL without */
    uint32_t *out;
    int64_t batch, in_channels, out_channels, groups;
    int64_t in[3], size[3], kernel[3], stride[3], dilation[3], pad[3];
};

/* Outputs first … end-1 of a dim see the input through kernel position k. */
static void reach(const struct conv *conv, int dim, int64_t k, int64_t *first, int64_t *end)
{
    int64_t shift = k * conv->dilation[dim] - conv->pad[dim], stride = conv->stride[dim];
    int64_t last = conv->in[dim] - 1 - shift;
    *first = shift >= 0 ? 0 : (-shift + stride - 1) / stride;
    *end = last < 0 ? 0 : last / stride + 1;
    if (*end > conv->size[dim])
        *end = conv->size[dim];
}

/* Adds one input plane seen through one kernel position. */
static void add_plane(const struct conv *conv, const int32_t *x, int32_t w, const int64_t *k,
                      uint32_t *sum)
{
    int64_t first[3], end[3], from[3];
    for (int i = 0; i < 3; i++) {
        reach(conv, i, k[i], &first[i], &end[i]);
        from[i] = k[i] * conv->dilation[i] - conv->pad[i];
    }
    for (int64_t z = first[0]; z < end[0]; z++)
        for (int64_t y = first[1]; y < end[1]; y++) {
            int64_t iz = z * conv->stride[0] + from[0], iy = y * conv->stride[1] + from[1];
            const int32_t *row = x + (iz * conv->in[1] + iy) * conv->in[2];
            uint32_t *out = sum + (z * conv->size[1] + y) * conv->size[2];
            for (int64_t i = first[2]; i < end[2]; i++)
                out[i] += (uint32_t)(w * row[i * conv->stride[2] + from[2]]);
        }
}

static void conv_share(void *context, int part, int parts, int worker)
{
    const struct conv *conv = context;
    int64_t members = conv->in_channels / conv->groups, at, end, k[3];
    int64_t pixels = conv->in[0] * conv->in[1] * conv->in[2];
    int64_t outputs = conv->size[0] * conv->size[1] * conv->size[2];
    kernel_share(conv->batch * conv->out_channels, part, parts, &at, &end);
    for (; at < end; at++) {
        int64_t m = at % conv->out_channels, n = at / conv->out_channels;
        int64_t group = m / (conv->out_channels / conv->groups);
        uint32_t *sum = conv->out + at * outputs;
        uint32_t start = conv->bias ? (uint32_t)tensor_int(conv->bias, m) : 0;
        for (int64_t i = 0; i < outputs; i++)
            sum[i] = start;
        const int32_t *x = conv->x + (n * conv->in_channels + group * members) * pixels;
        const int32_t *w =
            conv->w + m * members * conv->kernel[0] * conv->kernel[1] * conv->kernel[2];
        for (int64_t c = 0; c < members; c++)
            for (k[0] = 0; k[0] < conv->kernel[0]; k[0]++)
                for (k[1] = 0; k[1] < conv->kernel[1]; k[1]++)
                    for (k[2] = 0; k[2] < conv->kernel[2]; k[2]++)
                        add_plane(conv, x + c * pixels, *w++, k, sum);
    }
}

static int read_conv(struct conv *conv, const struct engine_call *call, const struct operands *at)
{
    const struct stance_tensor *x = &call->in[at->a], *w = &call->in[at->b];
    struct tensor_shape shape = tensor_shape_of(x);
    struct graph_window window;
    BASE_TRY(graph_window_read(&window, call->node, &shape, w->dims + 2, false));
    int missing = 3 - window.spatial;
    *conv = (struct conv){.batch = x->dims[0], .in_channels = x->dims[1], .groups = window.groups};
    conv->out_channels = w->dims[0];
    for (int i = 0; i < 3; i++) {
        int d = i - missing;
        conv->in[i] = d < 0 ? 1 : x->dims[2 + d];
        conv->size[i] = d < 0 ? 1 : window.out[d];
        conv->kernel[i] = d < 0 ? 1 : window.kernel[d];
        conv->stride[i] = d < 0 ? 1 : window.stride[d];
        conv->dilation[i] = d < 0 ? 1 : window.dilation[d];
        conv->pad[i] = d < 0 ? 0 : window.pad_begin[d];
    }
    return 0;
}

static int run_conv(struct engine_call *call)
{
    bool rounds = strcmp(call->node->type, "QLinearConv") == 0;
    const struct operands *at = rounds ? &quantized_operands : &plain_operands;
    const struct stance_tensor *w = &call->in[at->b];
    struct conv conv;
    int32_t *x_values, *w_values;
    BASE_TRY(read_conv(&conv, call, at));
    int64_t filters = stance_tensor_count(w);
    int64_t each = filters > 0 ? filters / conv.out_channels : 1;
    BASE_TRY(centred(&x_values, call, at->a, at->a_zero, 1, 1));
    BASE_TRY(centred(&w_values, call, at->b, at->b_zero, each, conv.out_channels));
    conv.x = x_values;
    conv.w = w_values;
    if (rounds && call->input_count > 8 && call->in[8].dtype != STANCE_DTYPE_NONE)
        conv.bias = &call->in[8];
    if (conv.bias && stance_tensor_count(conv.bias) != conv.out_channels)
        return base_error(STANCE_ESHAPE, "the bias does not have one value per output channel");
    BASE_TRY(sums_of(&conv.out, call, at));
    int64_t count = stance_tensor_count(&call->out[0]);
    if (count == 0)
        return 0;
    base_pool_run(call->pool, conv_share, &conv, engine_call_parts(count * each));
    struct rounding rounding = {.call = call,
                                .at = at,
                                .sums = (const int32_t *)conv.out,
                                .count = count,
                                .left_inner = 1,
                                .left = 1,
                                .right_inner = count / (conv.batch * conv.out_channels),
                                .right = conv.out_channels};
    return rounds ? round_sums(&rounding) : 0;
}

const struct engine_op engine_ops_integer[] = {
    {"ConvInteger", run_conv},
    {"MatMulInteger", run_matmul},
    {"QLinearConv", run_conv},
    {"QLinearMatMul", run_matmul},
    {NULL, NULL},
};
