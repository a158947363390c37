/* The reference kernels: obvious C on plain data, block 1. */
#ifndef KERNEL_REF_REF_H
#define KERNEL_REF_REF_H

#include "kernel/kernel.h"

extern const struct kernel_table kernel_table_ref;

/* ---- Convolution ----------------------------------------------------------------------------- */

int kernel_ref_conv_plan(struct kernel_conv_plan *plan, const struct kernel_conv_shape *shape,
                         const struct kernel_epilogue *epilogue);
void kernel_ref_conv_pack(const struct kernel_conv_plan *plan, const float *weights,
                          const float *bias, void *packed);
void kernel_ref_conv_run(const struct kernel_conv_plan *plan,
                         const struct kernel_conv_buffers *buffers, int part, int parts);

/* ---- Bytes ----------------------------------------------------------------------------------- */

int kernel_ref_qconv_plan(struct kernel_qconv_plan *plan, const struct kernel_conv_shape *shape,
                          const struct kernel_epilogue *epilogue, const struct kernel_bytes *input,
                          const struct kernel_bytes *residual, const struct kernel_bytes *output);
void kernel_ref_qconv_pack(const struct kernel_qconv_plan *plan, const int8_t *weights,
                           const float *weight_scales, const float *bias, void *packed);
void kernel_ref_qconv_run(const struct kernel_qconv_plan *plan,
                          const struct kernel_qconv_buffers *buffers, int part, int parts);

/* The number that a byte stands for, and the byte nearest to a number. */
static inline float kernel_ref_number(const struct kernel_bytes *bytes, uint8_t byte)
{
    return bytes->scale * (float)(byte - bytes->zero);
}

uint8_t kernel_ref_byte(const struct kernel_bytes *bytes, float number);

void kernel_ref_quantize(const float *x, const struct kernel_bytes *bytes, uint8_t *y,
                         int64_t count, int part, int parts);
void kernel_ref_dequantize(const uint8_t *x, const struct kernel_bytes *bytes, float *y,
                           int64_t count, int part, int parts);
void kernel_ref_requantize(const uint8_t *x, const struct kernel_bytes *from, uint8_t *y,
                           const struct kernel_bytes *to, int64_t count, int part, int parts);
void kernel_ref_add_bytes(const uint8_t *a, const struct kernel_bytes *a_bytes, const uint8_t *b,
                          const struct kernel_bytes *b_bytes, uint8_t *y,
                          const struct kernel_bytes *y_bytes, int64_t count, int part, int parts);
void kernel_ref_pool_bytes(const struct kernel_pool *pool, const uint8_t *input, uint8_t *output,
                           int part, int parts);
void kernel_ref_global_average_bytes(const uint8_t *input, const struct kernel_bytes *bytes,
                                     int64_t batch_stride, int batch, int channels, int64_t pixels,
                                     float *output, int part, int parts);
void kernel_ref_copy_channels_bytes(const uint8_t *from, int64_t from_stride, int from_first,
                                    uint8_t *to, int64_t to_stride, int to_first, int channels,
                                    int batch, int64_t pixels, int part, int parts);
void kernel_ref_scale_channels_bytes(const uint8_t *input, const struct kernel_bytes *from,
                                     int64_t input_stride, const float *factor, uint8_t *output,
                                     const struct kernel_bytes *to, int64_t output_stride,
                                     int batch, int channels, int64_t pixels, int part, int parts);

/* ---- Everything else: see struct kernel_table ------------------------------------------------ */

/* NaN where either operand is NaN. */
static inline float kernel_ref_max(float a, float b)
{
    return a > b || a != a ? a : b;
}

static inline float kernel_ref_min(float a, float b)
{
    return a < b || a != a ? a : b;
}

float kernel_ref_activate(enum kernel_activation activation, float alpha, float beta, float x);
/* What a sum becomes; `residual` counts only where the epilogue has one. */
float kernel_ref_epilogue(const struct kernel_epilogue *epilogue, float sum, float residual);

size_t kernel_ref_gemm_packed_bytes(int depth, int columns);
void kernel_ref_gemm_pack(const float *b, int64_t row_stride, int64_t column_stride, int depth,
                          int columns, void *packed, int part, int parts);
void kernel_ref_gemm_run(const struct kernel_gemm *gemm, int part, int parts);

void kernel_ref_pool_run(const struct kernel_pool *pool, int part, int parts);
void kernel_ref_global_average(const float *input, int64_t batch_stride, int batch, int channels,
                               int64_t pixels, float *output, int part, int parts);
void kernel_ref_resize_run(const struct kernel_resize *resize, int part, int parts);
void kernel_ref_graph_conv(const struct kernel_graph_conv *conv, int part, int parts);
size_t kernel_ref_branches_packed_bytes(const struct kernel_branches *branches);
void kernel_ref_branches_pack(const struct kernel_branches *branches, const float *weights,
                              const float *scale, const float *shift, void *packed);
void kernel_ref_branches_run(const struct kernel_branches *branches, int part, int parts);

void kernel_ref_to_blocked(const float *plain, int64_t plain_stride, float *blocked,
                           int64_t blocked_stride, int batch, int first, int channels, bool last,
                           int64_t pixels, int part, int parts);
void kernel_ref_to_plain(const float *blocked, int64_t blocked_stride, float *plain,
                         int64_t plain_stride, int batch, int first, int channels, int64_t pixels,
                         int part, int parts);
void kernel_ref_focus(const struct kernel_focus *focus, int part, int parts);
void kernel_ref_copy_channels(const float *from, int64_t from_stride, int from_first, float *to,
                              int64_t to_stride, int to_first, int channels, bool last, int batch,
                              int64_t pixels, int part, int parts);
void kernel_ref_scale_channels(const float *input, int64_t input_stride, const float *factor,
                               float *output, int64_t output_stride, int batch, int channels,
                               int64_t pixels, int part, int parts);

void kernel_ref_transpose(const float *from, int64_t from_stride, float *to, int64_t to_stride,
                          int64_t rows, int64_t columns, int part, int parts);
void kernel_ref_unary(enum kernel_activation op, float alpha, float beta, const float *x, float *y,
                      int64_t count, int part, int parts);
void kernel_ref_binary(enum kernel_binary op, const float *a, const float *b, float *y,
                       int64_t count, int part, int parts);
void kernel_ref_binary_row(enum kernel_binary op, const float *a, const float *b, float *y,
                           int64_t rows, int64_t columns, bool b_first, int part, int parts);
void kernel_ref_binary_column(enum kernel_binary op, const float *a, const float *b, float *y,
                              int64_t rows, int64_t columns, bool b_first, int part, int parts);
void kernel_ref_softmax(const float *x, float *y, int64_t rows, int64_t columns, int part,
                        int parts);
void kernel_ref_layer_norm(const float *x, const float *scale, const float *bias, float epsilon,
                           float *y, int64_t rows, int64_t columns, int part, int parts);
void kernel_ref_reduce_rows(enum kernel_reduce op, const float *x, float *y, int64_t rows,
                            int64_t columns, int part, int parts);

void kernel_ref_pixels_weigh(const uint8_t *row, const struct kernel_taps *taps, int16_t *sums);
void kernel_ref_pixels_blend(const struct kernel_blend *blend, uint8_t *out, int stride);
void kernel_ref_pixels_normalise(const uint8_t *pixels, float shift, float factor, float *out,
                                 int count);

int64_t kernel_ref_peak(int64_t rounds);
int64_t kernel_ref_peak_bytes(int64_t rounds);

#endif
