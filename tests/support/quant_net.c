/* Quantised networks for tests. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "support/quant_net.h"
#include "support/support.h"

enum { NAME = 32, MOST = 1 << 15 };

void quant_net_open(struct quant_net *net, struct quant_style style)
{
    net->style = style;
    onnx_writer_init(&net->writer, 1 << 20);
    onnx_writer_opset(&net->writer, "", 13);
    net->count = 0;
}

struct base_buffer quant_net_close(struct quant_net *net)
{
    struct base_buffer model;
    base_buffer_init(&model, 1 << 20);
    assert_int_equal(onnx_writer_finish(&net->writer, &model), 0);
    onnx_writer_free(&net->writer);
    return model;
}

static void name_of(char name[NAME], int value)
{
    snprintf(name, NAME, "v%d", value);
}

static int constant(struct quant_net *net, int dtype, int rank, const int64_t *dims,
                    const void *data)
{
    struct stance_tensor tensor = {.dtype = dtype, .rank = rank, .data = (void *)(uintptr_t)data};
    char name[NAME];
    for (int i = 0; i < rank; i++)
        tensor.dims[i] = dims[i];
    name_of(name, ++net->count);
    onnx_writer_initializer(&net->writer, name, &tensor);
    return net->count;
}

/* A node of up to three inputs; -1: left out at the end. */
static int node(struct quant_net *net, const char *type, int a, int b, int c)
{
    char inputs[3 * NAME], output[NAME];
    int used = snprintf(inputs, sizeof inputs, "v%d", a);
    if (b >= 0)
        used += snprintf(inputs + used, sizeof inputs - (size_t)used, ",v%d", b);
    if (c >= 0)
        snprintf(inputs + used, sizeof inputs - (size_t)used, ",v%d", c);
    name_of(output, ++net->count);
    onnx_writer_node(&net->writer, type, output, inputs, output);
    return net->count;
}

int quant_input(struct quant_net *net, const char *name, int dtype, int64_t batch, int64_t channels,
                int64_t height, int64_t width)
{
    const int64_t dims[] = {batch, channels, height, width};
    char output[NAME];
    onnx_writer_input(&net->writer, name, dtype, 4, dims);
    name_of(output, ++net->count);
    onnx_writer_node(&net->writer, "Identity", "", name, output);
    return net->count;
}

void quant_output(struct quant_net *net, int value, const char *name, int dtype, int rank,
                  const int64_t *dims)
{
    char input[NAME];
    name_of(input, value);
    onnx_writer_node(&net->writer, "Identity", "", input, name);
    onnx_writer_output(&net->writer, name, dtype, rank, dims);
}

static int zero_point(struct quant_net *net, int zero)
{
    uint8_t byte = (uint8_t)(net->style.signed_bytes ? zero - 128 : zero);
    return constant(net, net->style.signed_bytes ? STANCE_INT8 : STANCE_UINT8, 0, NULL, &byte);
}

int quant_bytes(struct quant_net *net, int value, float scale, int zero)
{
    int factor = constant(net, STANCE_FLOAT32, 0, NULL, &scale);
    return node(net, "QuantizeLinear", value, factor, zero_point(net, zero));
}

int quant_floats(struct quant_net *net, int bytes, float scale, int zero)
{
    int factor = constant(net, STANCE_FLOAT32, 0, NULL, &scale);
    return node(net, "DequantizeLinear", bytes, factor, zero_point(net, zero));
}

int quant_both(struct quant_net *net, int value, float scale, int zero)
{
    return quant_floats(net, quant_bytes(net, value, scale, zero), scale, zero);
}

/* Seeded by the number of the value, so that no two are alike. */
static void noise(const struct quant_net *net, const int64_t *dims, int rank, double std,
                  float *out)
{
    char name[NAME];
    name_of(name, net->count);
    support_synth_input(name, dims, rank, std, out);
}

/* int8 weights with a scale for each index of `axis` behind a DequantizeLinear. */
static int byte_weights(struct quant_net *net, const float *values, const int64_t dims[4], int axis,
                        float scale)
{
    static int8_t bytes[MOST];
    static float scales[MOST];
    static const int8_t zeros[MOST];
    bool single = net->style.per_tensor;
    int64_t count = dims[0] * dims[1] * dims[2] * dims[3], channels = dims[axis];
    int64_t each = dims[2] * dims[3] * (axis == 0 ? dims[1] : 1);
    for (int64_t i = 0; i < channels; i++)
        scales[i] = scale * (single ? 1 : 0.5f + (float)(i % 5) / 4);
    for (int64_t i = 0; i < count; i++) {
        float byte = rintf(values[i] / scales[single ? 0 : i / each % channels]);
        bytes[i] = (int8_t)(byte < -127 ? -127 : byte > 127 ? 127 : byte);
    }
    int rank = single ? 0 : 1;
    int stored = constant(net, STANCE_INT8, 4, dims, bytes);
    int factor = constant(net, STANCE_FLOAT32, rank, &channels, scales);
    int zero = constant(net, STANCE_INT8, rank, &channels, zeros);
    int result = node(net, "DequantizeLinear", stored, factor, zero);
    onnx_writer_int(&net->writer, "axis", axis);
    return result;
}

static int conv_bias(struct quant_net *net, int64_t channels)
{
    float values[256], scale = 0.001f;
    int32_t integers[256];
    noise(net, &channels, 1, 0.1, values);
    if (!net->style.integer_bias)
        return constant(net, STANCE_FLOAT32, 1, &channels, values);
    for (int64_t i = 0; i < channels; i++)
        integers[i] = (int32_t)rintf(values[i] / scale);
    int stored = constant(net, STANCE_INT32, 1, &channels, integers);
    return node(net, "DequantizeLinear", stored, constant(net, STANCE_FLOAT32, 0, NULL, &scale),
                -1);
}

int quant_conv(struct quant_net *net, int value, bool bytes, int in_channels, int out_channels,
               int groups, int kernel, int stride)
{
    static float values[MOST];
    const int64_t dims[] = {out_channels, in_channels / groups, kernel, kernel};
    const int64_t side = kernel / 2, pads[] = {side, side, side, side},
                  strides[] = {stride, stride};
    int64_t depth = dims[1] * kernel * kernel, count = depth * out_channels;
    double std = 1.2 / sqrt((double)depth);
    assert_in_range(count, 1, MOST);
    noise(net, dims, 4, std, values);
    int weights = bytes ? byte_weights(net, values, dims, 0, (float)std / 40)
                        : constant(net, STANCE_FLOAT32, 4, dims, values);
    int result = node(net, "Conv", value, weights, conv_bias(net, out_channels));
    onnx_writer_ints(&net->writer, "pads", pads, 4);
    onnx_writer_ints(&net->writer, "strides", strides, 2);
    onnx_writer_int(&net->writer, "group", groups);
    return result;
}

int quant_conv_transpose(struct quant_net *net, int value, int in_channels, int out_channels,
                         int kernel, int stride)
{
    static float values[MOST];
    const int64_t dims[] = {in_channels, out_channels, kernel, kernel};
    const int64_t begin = (kernel - stride) / 2, end = kernel - stride - begin;
    const int64_t pads[] = {begin, begin, end, end}, strides[] = {stride, stride};
    double std = 1.2 * stride / (kernel * sqrt((double)in_channels));
    assert_in_range(dims[0] * dims[1] * dims[2] * dims[3], 1, MOST);
    noise(net, dims, 4, std, values);
    int weights = byte_weights(net, values, dims, 1, (float)std / 40);
    int result = node(net, "ConvTranspose", value, weights, conv_bias(net, out_channels));
    onnx_writer_ints(&net->writer, "pads", pads, 4);
    onnx_writer_ints(&net->writer, "strides", strides, 2);
    return result;
}

int quant_node(struct quant_net *net, const char *type, int a, int b)
{
    return node(net, type, a, b, -1);
}

int quant_silu(struct quant_net *net, int value)
{
    return quant_node(net, "Mul", value, quant_node(net, "Sigmoid", value, -1));
}

int quant_max_pool(struct quant_net *net, int value, int kernel)
{
    const int64_t side = kernel / 2, pads[] = {side, side, side, side}, size[] = {kernel, kernel};
    int result = quant_node(net, "MaxPool", value, -1);
    onnx_writer_ints(&net->writer, "kernel_shape", size, 2);
    onnx_writer_ints(&net->writer, "pads", pads, 4);
    return result;
}

int quant_upsample(struct quant_net *net, int value)
{
    const int64_t four = 4, none = 0;
    const float scales[] = {1, 1, 2, 2};
    int roi = constant(net, STANCE_FLOAT32, 1, &none, scales);
    int result = node(net, "Resize", value, roi, constant(net, STANCE_FLOAT32, 1, &four, scales));
    onnx_writer_string(&net->writer, "mode", "nearest");
    onnx_writer_string(&net->writer, "coordinate_transformation_mode", "asymmetric");
    onnx_writer_string(&net->writer, "nearest_mode", "floor");
    return result;
}

int quant_concat(struct quant_net *net, int a, int b)
{
    int result = quant_node(net, "Concat", a, b);
    onnx_writer_int(&net->writer, "axis", 1);
    return result;
}

int quant_split(struct quant_net *net, int value)
{
    char input[NAME], outputs[2 * NAME];
    int first = net->count + 1;
    net->count += 2;
    name_of(input, value);
    snprintf(outputs, sizeof outputs, "v%d,v%d", first, first + 1);
    onnx_writer_node(&net->writer, "Split", "", input, outputs);
    onnx_writer_int(&net->writer, "axis", 1);
    return first;
}

/* Between the parts of an operator where every value is to be bytes. */
static int maybe(struct quant_net *net, int value, float scale, int zero)
{
    return net->style.everywhere ? quant_both(net, value, scale, zero) : value;
}

static int silu_bytes(struct quant_net *net, int value)
{
    int x = maybe(net, value, 0.04f, 128);
    int gate = maybe(net, quant_node(net, "Sigmoid", x, -1), 1.0f / 255, 0);
    return quant_both(net, quant_node(net, "Mul", x, gate), 0.02f, 14);
}

struct base_buffer quant_network(struct quant_style style, int64_t height, int64_t width)
{
    struct quant_net local, *net = &local;
    bool everywhere = style.everywhere;
    quant_net_open(net, style);
    int x = quant_input(net, "x", STANCE_FLOAT32, -1, 3, height, width);
    x = maybe(net, x, 0.03f, 120);
    int a = silu_bytes(net, quant_conv(net, x, everywhere, 3, 32, 1, 3, 2));
    int b = silu_bytes(net, quant_conv(net, a, true, 32, 32, 1, 3, 1));
    int c = silu_bytes(net, quant_conv(net, b, true, 32, 32, 32, 5, 1));
    int d = maybe(net, quant_conv(net, c, true, 32, 32, 1, 1, 1), 0.04f, 128);
    d = quant_both(net, quant_node(net, "Add", d, a), 0.04f, 100);
    int e = quant_both(net, quant_max_pool(net, d, 5), 0.04f, 100);
    int f = quant_concat(net, d, e);
    f = quant_both(net, f, 0.04f, 100);
    int g = maybe(net, quant_node(net, "GlobalAveragePool", f, -1), 0.01f, 60);
    g = maybe(net, quant_conv(net, g, everywhere, 64, 64, 1, 1, 1), 0.02f, 128);
    g = maybe(net, quant_node(net, "HardSigmoid", g, -1), 1.0f / 255, 0);
    int h = quant_both(net, quant_node(net, "Mul", f, g), 0.03f, 110);
    int i = quant_both(net, quant_upsample(net, h), 0.03f, 110);
    int k = quant_both(net, quant_conv_transpose(net, h, 64, 16, 4, 2), 0.04f, 128);
    int j = quant_both(net, quant_concat(net, i, k), 0.04f, 120);
    int y = quant_conv(net, j, true, 80, 8, 1, 3, 1);
    quant_output(net, y, "y", STANCE_FLOAT32, 4, (const int64_t[]){-1, 8, height, width});
    return quant_net_close(net);
}
