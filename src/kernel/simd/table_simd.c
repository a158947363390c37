/* The table of a SIMD tier. */
#include "kernel/simd/simd.h"

const struct kernel_table KERNEL_NAME(kernel_table_simd) = {
    .tier = KERNEL_TIER,
    .block = VEC_LANES,
    .conv_plan = KERNEL_NAME(kernel_conv_plan),
    .conv_pack = KERNEL_NAME(kernel_conv_pack),
    .conv_run = KERNEL_NAME(kernel_conv_run),
    .gemm_packed_bytes = KERNEL_NAME(kernel_gemm_packed_bytes),
    .gemm_pack = KERNEL_NAME(kernel_gemm_pack),
    .gemm_run = KERNEL_NAME(kernel_gemm_run),
    .pool_run = KERNEL_NAME(kernel_pool_run),
    .global_average = KERNEL_NAME(kernel_global_average),
    .resize_run = KERNEL_NAME(kernel_resize_run),
    .graph_conv = KERNEL_NAME(kernel_graph_conv),
    .to_blocked = KERNEL_NAME(kernel_to_blocked),
    .to_plain = KERNEL_NAME(kernel_to_plain),
    .copy_channels = KERNEL_NAME(kernel_copy_channels),
    .scale_channels = KERNEL_NAME(kernel_scale_channels),
    .unary = KERNEL_NAME(kernel_unary),
    .binary = KERNEL_NAME(kernel_binary),
    .binary_row = KERNEL_NAME(kernel_binary_row),
    .binary_column = KERNEL_NAME(kernel_binary_column),
    .softmax = KERNEL_NAME(kernel_softmax),
    .layer_norm = KERNEL_NAME(kernel_layer_norm),
    .reduce_rows = KERNEL_NAME(kernel_reduce_rows),
    .peak = KERNEL_NAME(kernel_peak),
};
