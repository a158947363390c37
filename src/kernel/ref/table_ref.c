/* The reference tier's table. */
#include "kernel/ref/ref.h"

const struct kernel_table kernel_table_ref = {
    .tier = BASE_CPU_REF,
    .block = 1,
    .conv_plan = kernel_ref_conv_plan,
    .conv_pack = kernel_ref_conv_pack,
    .conv_run = kernel_ref_conv_run,
    .gemm_packed_bytes = kernel_ref_gemm_packed_bytes,
    .gemm_pack = kernel_ref_gemm_pack,
    .gemm_run = kernel_ref_gemm_run,
    .pool_run = kernel_ref_pool_run,
    .global_average = kernel_ref_global_average,
    .resize_run = kernel_ref_resize_run,
    .graph_conv = kernel_ref_graph_conv,
    .to_blocked = kernel_ref_to_blocked,
    .to_plain = kernel_ref_to_plain,
    .copy_channels = kernel_ref_copy_channels,
    .scale_channels = kernel_ref_scale_channels,
    .unary = kernel_ref_unary,
    .binary = kernel_ref_binary,
    .binary_row = kernel_ref_binary_row,
    .binary_column = kernel_ref_binary_column,
    .softmax = kernel_ref_softmax,
    .layer_norm = kernel_ref_layer_norm,
    .reduce_rows = kernel_ref_reduce_rows,
    .peak = kernel_ref_peak,
};
