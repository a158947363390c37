/* Small networks of QuantizeLinear and DequantizeLinear, built in memory. */
#ifndef SUPPORT_QUANT_NET_H
#define SUPPORT_QUANT_NET_H

#include <stdbool.h>

#include "onnx/onnx_write.h"

struct quant_style {
    bool signed_bytes; /* activations are int8 */
    bool per_tensor;   /* weights have one scale */
    bool integer_bias; /* biases are int32 behind a DequantizeLinear */
    bool everywhere;   /* quant_network(): around every operator, else where bytes are wanted */
};

struct quant_net {
    struct onnx_writer writer;
    int count; /* values so far: "v1" … */
    struct quant_style style;
};

void quant_net_open(struct quant_net *net, struct quant_style style);
/* The finished model; the net is closed. */
struct base_buffer quant_net_close(struct quant_net *net);

/* Values are numbers; an input or output is named "x" or "y" and its number. */
int quant_input(struct quant_net *net, const char *name, int dtype, int64_t batch, int64_t channels,
                int64_t height, int64_t width);
void quant_output(struct quant_net *net, int value, const char *name, int dtype, int rank,
                  const int64_t *dims);

/* QuantizeLinear of a value; DequantizeLinear of bytes; both. */
int quant_bytes(struct quant_net *net, int value, float scale, int zero);
int quant_floats(struct quant_net *net, int bytes, float scale, int zero);
int quant_both(struct quant_net *net, int value, float scale, int zero);

/* A convolution that keeps the size but for its stride, with seeded weights and bias: of int8
 * behind a DequantizeLinear, or float. Its outputs are about as large as its inputs. */
int quant_conv(struct quant_net *net, int value, bool bytes, int in_channels, int out_channels,
               int groups, int kernel, int stride);

/* A transposed convolution of int8 weights that makes the sides `stride` times as large. */
int quant_conv_transpose(struct quant_net *net, int value, int in_channels, int out_channels,
                         int kernel, int stride);

/* An operator of these inputs (`b` -1: one); attributes may follow on net->writer. */
int quant_node(struct quant_net *net, const char *type, int a, int b);
/* Sigmoid and Mul: SiLU as exports spell it out. */
int quant_silu(struct quant_net *net, int value);
int quant_max_pool(struct quant_net *net, int value, int kernel);
int quant_upsample(struct quant_net *net, int value);
int quant_concat(struct quant_net *net, int a, int b);
/* Two halves of the channels; the second is the returned number and one more. */
int quant_split(struct quant_net *net, int value);

/* x [batch, 3, height, width] → y [batch, 8, height, width]: a first convolution, dense and depthwise
 * convolutions, residual, pooling, joining, channel attention, two ways of enlargement. The first convolution
 * and the attention are float unless `everywhere`. */
struct base_buffer quant_network(struct quant_style style, int64_t height, int64_t width);

#endif
