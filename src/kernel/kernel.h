/* The kernels: one table of functions per processor tier.
 *
 * A kernel is pure arithmetic on memory that the caller planned: it allocates nothing, knows no
 * graph, and splits its own work. Every entry point that takes (part, parts) computes one share of
 * its output; shares are disjoint and each output element is computed by the same operations in the
 * same order whatever `parts` is, so results do not depend on the number of threads. For the same
 * reason no plan depends on the number of threads, and each image of a batch is computed as if it
 * were alone.
 *
 * Layouts. "Plain" is NCHW. "Blocked" is [batch][ceil(channels / block)][height][width][block] with
 * block = kernel_table.block lanes (4 for NEON, 8 for AVX2, 16 for AVX-512; the reference tier has
 * block 1, so blocked and plain are the same there). Lanes beyond the last channel hold finite
 * values that nothing may rely on. Blocked data is 64-byte aligned. */
#ifndef KERNEL_KERNEL_H
#define KERNEL_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cpu.h"
#include "base/errors.h"

enum kernel_activation {
    KERNEL_LINEAR,       /* x */
    KERNEL_RELU,         /* max(x, 0) */
    KERNEL_LEAKY_RELU,   /* x < 0 ? alpha x : x */
    KERNEL_CLIP,         /* min(max(x, alpha), beta) */
    KERNEL_SIGMOID,      /* 1 / (1 + exp(-x)) */
    KERNEL_SWISH,        /* x sigmoid(x), also called SiLU */
    KERNEL_HARD_SIGMOID, /* min(max(alpha x + beta, 0), 1) */
    KERNEL_HARD_SWISH,   /* x min(max(x / 6 + 1/2, 0), 1) */
    KERNEL_TANH,
    KERNEL_GELU, /* x/2 (1 + erf(x / sqrt 2)) */
    KERNEL_EXP,
    KERNEL_ERF,
    KERNEL_SQRT,
    KERNEL_ABS,
    KERNEL_NEG,
    KERNEL_RECIPROCAL,
    KERNEL_LOG,
    KERNEL_SOFTPLUS, /* log(1 + exp(x)) */
    KERNEL_SIN,
    KERNEL_COS,
    KERNEL_SQUARE, /* x x */
    KERNEL_ACTIVATIONS
};

enum kernel_residual {
    KERNEL_NO_RESIDUAL,
    KERNEL_RESIDUAL_BEFORE, /* activation(acc + bias + residual) */
    KERNEL_RESIDUAL_AFTER,  /* activation(acc + bias) + residual */
};

/* What happens to a sum before it is stored. */
struct kernel_epilogue {
    enum kernel_activation activation;
    float alpha, beta;
    enum kernel_residual residual;
};

/* ---- Convolution ------------------------------------------------------------------------------
 * Life cycle: conv_plan (once per shape) → conv_pack (once per weights) → conv_run. */

struct kernel_conv_shape {
    int batch;
    int in_channels, out_channels, groups; /* groups divides both */
    int in_height, in_width, out_height, out_width;
    int kernel_height, kernel_width;
    int stride_height, stride_width;
    int dilation_height, dilation_width;
    int pad_top, pad_left; /* bottom and right follow from the output's size */
    bool transposed;       /* ConvTranspose: scatter instead of gather */
    bool plain_input;      /* input is NCHW instead of blocked (the first layer) */
    bool plain_output;     /* output (and residual) is NCHW instead of blocked */
};

struct kernel_conv_plan {
    struct kernel_conv_shape shape;
    struct kernel_epilogue epilogue;
    int method;           /* which algorithm, private to the tier */
    const char *name;     /* of the method, for profiles: "direct 2x12", "winograd f4", … */
    int tile[8];          /* private to the method */
    int packing;          /* how it packs: equal with the same method, kernel and channels, whatever
                             else differs, packed weights are the same bytes */
    int parts;            /* shares that conv_run is cut into */
    size_t packed_bytes;  /* of the packed weights and bias */
    size_t scratch_bytes; /* per worker */
};

struct kernel_conv_buffers {
    const void *packed;
    const float *input;
    const float *residual; /* NULL without one; same layout as output */
    float *output;
    int64_t input_batch_stride, residual_batch_stride, output_batch_stride; /* floats */
    void *scratch; /* of this worker, 64-byte aligned */
};

/* ---- Convolution of bytes ---------------------------------------------------------------------
 * A byte stands for the number scale · (byte - zero). Input bytes are blocked as floats are: block
 * bytes a pixel; bytes beyond the last channel are anything. Padding counts as the byte `zero`. Sums
 * are exact, so that all tiers have the same: Σ weight · (byte - zero), weights from -127 to 127.
 *   y = activation(sum · input.scale · weight_scale[c] + bias[c]), with a residual as the epilogue
 *   says, and output byte = min(max(rint(y / output.scale) + output.zero, 0), 255).
 * Tiers may round y / output.scale to neighbouring bytes where it is about half way between them.
 * Life cycle: qconv_plan → qconv_pack → qconv_run. */

struct kernel_bytes {
    float scale; /* 0: these are floats, not bytes */
    int zero;    /* 0 … 255 */
};

enum { KERNEL_QCONV_DEPTH = 65536 }; /* most weights of one output channel: sums are int32 */

struct kernel_qconv_plan {
    struct kernel_conv_shape shape;
    struct kernel_epilogue epilogue;
    struct kernel_bytes input, residual, output;
    /* as in kernel_conv_plan; what is packed also depends on the scales and zeros */
    int method;
    const char *name;
    int tile[8];
    int packing;
    int parts;
    size_t packed_bytes, scratch_bytes;
};

struct kernel_qconv_buffers {
    const void *packed;
    const uint8_t *input;
    const void *residual; /* bytes or floats; NULL without one; laid out as output */
    void *output;         /* bytes or floats */
    int64_t input_batch_stride, residual_batch_stride, output_batch_stride; /* elements */
    void *scratch; /* of this worker, 64-byte aligned */
};

/* ---- Matrix product ---------------------------------------------------------------------------
 * C[rows][columns] = epilogue(A[rows][depth] × B[depth][columns] + bias[column]), B packed. */

struct kernel_gemm {
    int rows, columns, depth;
    const float *a;
    int64_t a_stride; /* floats between rows */
    const void *packed_b;
    const float *bias; /* per column, or NULL */
    struct kernel_epilogue epilogue;
    const float *residual; /* laid out as c, or NULL */
    float *c;
    int64_t c_stride;
};

/* ---- Pooling, blocked ------------------------------------------------------------------------- */

struct kernel_pool {
    int batch, channels;
    int in_height, in_width, out_height, out_width;
    int kernel_height, kernel_width, stride_height, stride_width;
    int dilation_height, dilation_width, pad_top, pad_left;
    bool average;           /* else maximum; padding never wins a maximum */
    bool count_include_pad; /* average: divide by the whole window */
    const float *input;
    float *output;
    int64_t input_batch_stride, output_batch_stride;
};

/* ---- Resize, blocked (planes of [height][width][block]) ---------------------------------------- */

struct kernel_resize {
    int planes; /* batch × channel blocks, or channel planes with block 1 */
    int in_height, in_width, out_height, out_width;
    /* Source of output row y: rows[2y], rows[2y+1] with weight row_weight[y] on the second;
     * nearest has both equal. The same for columns. Filled by the caller. */
    const int *rows, *columns;
    const float *row_weight, *column_weight;
    bool linear;
    const float *input;
    float *output;
    int64_t input_plane_stride, output_plane_stride; /* floats */
};

enum kernel_binary {
    KERNEL_ADD,
    KERNEL_SUB,
    KERNEL_MUL,
    KERNEL_DIV,
    KERNEL_MAX,
    KERNEL_MIN,
    KERNEL_BINARIES
};

enum kernel_reduce { KERNEL_SUM, KERNEL_MEAN, KERNEL_REDUCE_MAX, KERNEL_SUM_SQUARE };

/* Graph convolution of ST-GCN, blocked: out[n][c][t][w] = Σ_k Σ_v in[n][k][c][t][v] · a[k][v][w].
 * `channels` counts c and must be a multiple of block unless subsets is 1. */
struct kernel_graph_conv {
    int batch, subsets, channels, frames, joints_in, joints_out;
    const float *input, *adjacency;
    const float *residual; /* NULL without one; laid out as output, which it must not be */
    float *output;
    int64_t input_batch_stride, residual_batch_stride, output_batch_stride;
    struct kernel_epilogue epilogue;
    const float *scale, *shift; /* per channel, padded to blocks: a BatchNormalization; or NULL */
    /* SIMD tiers only: that side is [block][joint][image][frame], without batch strides. */
    bool turned_input, turned_output;
};

/* An adjacency a [subsets][joints_in][joints_out] as a sum of `terms` products, fewer than subsets ·
 * joints_in: a[k][v][w] = Σ_r mix[k][r] · spread[v][r] · gather[r][w], up to rounding. Sizes are 1 at
 * least and KERNEL_TERMS_… at most. */
enum {
    KERNEL_TERMS_SUBSETS = 4,
    KERNEL_TERMS_JOINTS = 32,
    KERNEL_TERMS_MOST = 64,
    KERNEL_TERMS_WORK = 384 << 10, /* bytes */
};
struct kernel_graph_terms {
    int subsets, joints_in, joints_out, terms;
    const float *adjacency;
    float *mix, *spread, *gather;
};

/* Convolution 1×1 of `rows` rows that have weights of their own, blocked:
 * out[block][row][column] for columns of all images, which lie next to each other. */
struct kernel_row_conv {
    int in_channels, out_channels, rows, columns;
    const void *packed;
    const float *input;
    float *output;
};

/* ---- Pixels on their way into a network's input ------------------------------------------------
 * An output row comes of two source rows: each is weighed along its columns, then both are blended, in
 * the fixed-point arithmetic of OpenCV (imgproc resize.cpp, imgwarp.cpp). YUV is interpolated as it
 * lies in memory, each plane counted from its black, and becomes colours last. */

/* YUV to RGB: the luma of black, and coefficients in 1/65536. */
struct kernel_yuv {
    int32_t black, luma, red_v, green_u, green_v, blue_u;
};

/* Output pixels of a row, at most KERNEL_TAPS; tiers take them in groups, and what they write is made
 * of whole pairs of groups. A group's bytes of the source row are read in at most KERNEL_TAP_PIECES
 * pieces. */
enum { KERNEL_TAPS = 256, KERNEL_TAP_GROUP = 8, KERNEL_TAP_PIECES = 8, KERNEL_TAP_PIECE = 16 };

/* Two source bytes and their weights for each output pixel: sum = near · weight + far · weight - less,
 * where `resize` in 1/128 (the weights sum up to 2048), else in 1/32. */
struct kernel_taps {
    int32_t count;
    bool resize;
    int32_t near[KERNEL_TAPS], far[KERNEL_TAPS]; /* places in the row */
    int16_t weights[2 * KERNEL_TAPS];            /* near, far, near, far … */
    int16_t less[KERNEL_TAPS];
    /* Made by kernel_taps_group(). Pieces of each group, 0: they lie too far apart; where they begin;
     * for each piece the two bytes of every pixel in it, 128 for those that are not. */
    int32_t pieces;
    int32_t first[KERNEL_TAPS / KERNEL_TAP_GROUP];
    uint8_t places[KERNEL_TAP_PIECES][2 * KERNEL_TAPS];
    int8_t small_weights[2 * KERNEL_TAPS]; /* where not `resize` */
};

/* `bytes`: that may be read from where a row begins. */
void kernel_taps_group(struct kernel_taps *taps, int64_t bytes);

/* Two rows of sums of three planes. */
struct kernel_blend {
    const int16_t *near[3], *far[3];
    int32_t near_weight, far_weight;
    bool resize; /* weights in 1/2048, rounded as cv2.resize does; else in 1/32 as cv2.warpAffine */
    const struct kernel_yuv *yuv; /* the planes are luma, U and V; NULL: they are colours */
    int32_t count;
};

/* Temporal branches of ST-GCN++, blocked. The channels are those of one branch after another; in a
 * branch that is not pooled each depends on all of the same branch:
 *   out[n][c][t][v] = max(scale[c] · m + shift[c], 0) with
 *   m = Σ_i Σ_k in[n][first + i][t · stride + (k - (taps - 1) / 2) · dilation][v] · w[c][i][k], or
 *   m = max_k in[n][c][the same][v]
 * where frames outside of the input count for nothing. */
enum { KERNEL_MAX_BRANCHES = 8 };
struct kernel_branch {
    int channels, taps, dilation; /* taps is odd */
    bool pooled;
};
struct kernel_branches {
    int batch, channels, in_frames, out_frames, joints, stride, count;
    struct kernel_branch branch[KERNEL_MAX_BRANCHES];
    const void *packed;
    const float *input;
    float *output;
    int64_t input_batch_stride, output_batch_stride;
};

/* The four phases of plain pictures as channels: output[phase · channels + c][y][x] is
 * input[c][2 y + phase % 2][2 x + phase / 2]. Strides count elements. */
struct kernel_focus {
    const float *input; /* [batch][channels][2 out_height][2 out_width] */
    void *output;       /* blocked: floats, or bytes where they have a scale */
    struct kernel_bytes bytes;
    int batch, channels, out_height, out_width;
    int64_t input_batch_stride, output_batch_stride;
};

struct kernel_table {
    enum base_cpu_tier tier;
    int block;

    /* Chooses a method. Errors: EUNSUPPORTED when this tier has none for the shape (the caller then
     * uses plain data and the reference table). */
    int (*conv_plan)(struct kernel_conv_plan *plan, const struct kernel_conv_shape *shape,
                     const struct kernel_epilogue *epilogue);
    /* `weights`: [out][in / groups][kh][kw], for transposed [in][out / groups][kh][kw]; bias may be
     * NULL. `packed` is 64-byte aligned and has plan->packed_bytes. */
    void (*conv_pack)(const struct kernel_conv_plan *plan, const float *weights, const float *bias,
                      void *packed);
    void (*conv_run)(const struct kernel_conv_plan *plan, const struct kernel_conv_buffers *buffers,
                     int part, int parts);

    /* `input` has a scale; `residual` counts where the epilogue has one. Errors: EUNSUPPORTED when
     * this tier has none for the shape; no tier but the reference has plain data, or transposed
     * ones with a residual. */
    int (*qconv_plan)(struct kernel_qconv_plan *plan, const struct kernel_conv_shape *shape,
                      const struct kernel_epilogue *epilogue, const struct kernel_bytes *input,
                      const struct kernel_bytes *residual, const struct kernel_bytes *output);
    /* `weights` as for conv_pack; a scale and a bias per output channel, bias may be NULL. `packed`
     * is 64-byte aligned and has plan->packed_bytes. */
    void (*qconv_pack)(const struct kernel_qconv_plan *plan, const int8_t *weights,
                       const float *weight_scales, const float *bias, void *packed);
    void (*qconv_run)(const struct kernel_qconv_plan *plan,
                      const struct kernel_qconv_buffers *buffers, int part, int parts);

    /* Flat arrays of any length. NaN becomes byte 0. */
    void (*quantize)(const float *x, const struct kernel_bytes *bytes, uint8_t *y, int64_t count,
                     int part, int parts);
    void (*dequantize)(const uint8_t *x, const struct kernel_bytes *bytes, float *y, int64_t count,
                       int part, int parts);
    /* To another scale; in place is fine. */
    void (*requantize)(const uint8_t *x, const struct kernel_bytes *from, uint8_t *y,
                       const struct kernel_bytes *to, int64_t count, int part, int parts);
    /* y = a + b, each with its own scale; in place is fine. */
    void (*add_bytes)(const uint8_t *a, const struct kernel_bytes *a_bytes, const uint8_t *b,
                      const struct kernel_bytes *b_bytes, uint8_t *y,
                      const struct kernel_bytes *y_bytes, int64_t count, int part, int parts);
    /* pool_run, global_average, copy_channels and scale_channels for blocked bytes; strides count
     * bytes. The pool is a maximum, both sides have one scale, and its input and output are the
     * arguments, not the struct's. */
    void (*pool_bytes)(const struct kernel_pool *pool, const uint8_t *input, uint8_t *output,
                       int part, int parts);
    void (*global_average_bytes)(const uint8_t *input, const struct kernel_bytes *bytes,
                                 int64_t batch_stride, int batch, int channels, int64_t pixels,
                                 float *output, int part, int parts);
    void (*copy_channels_bytes)(const uint8_t *from, int64_t from_stride, int from_first,
                                uint8_t *to, int64_t to_stride, int to_first, int channels,
                                int batch, int64_t pixels, int part, int parts);
    void (*scale_channels_bytes)(const uint8_t *input, const struct kernel_bytes *from,
                                 int64_t input_stride, const float *factor, uint8_t *output,
                                 const struct kernel_bytes *to, int64_t output_stride, int batch,
                                 int channels, int64_t pixels, int part, int parts);

    size_t (*gemm_packed_bytes)(int depth, int columns);
    /* b[d][c] lies at b[d * row_stride + c * column_stride]. Cuts itself by columns. */
    void (*gemm_pack)(const float *b, int64_t row_stride, int64_t column_stride, int depth,
                      int columns, void *packed, int part, int parts);
    void (*gemm_run)(const struct kernel_gemm *gemm, int part, int parts);

    void (*pool_run)(const struct kernel_pool *pool, int part, int parts);
    /* Mean over height × width: out[batch][blocks][block]. */
    void (*global_average)(const float *input, int64_t batch_stride, int batch, int channels,
                           int64_t pixels, float *output, int part, int parts);
    void (*resize_run)(const struct kernel_resize *resize, int part, int parts);
    void (*graph_conv)(const struct kernel_graph_conv *conv, int part, int parts);
    /* False: none are found. `work` has KERNEL_TERMS_WORK bytes, aligned as heap memory is. The
     * reference tier has none of these (NULL). */
    bool (*graph_terms)(const struct kernel_graph_terms *terms, void *work);
    /* `weights`: [out channel][in channel] of row `row`, as often as there are rows. */
    size_t (*row_conv_packed_bytes)(const struct kernel_row_conv *conv);
    void (*row_conv_pack)(const struct kernel_row_conv *conv, int row, const float *weights,
                          const float *bias, void *packed);
    void (*row_conv_run)(const struct kernel_row_conv *conv, int part, int parts);

    /* `weights`: [channel][channel of the branch][tap] of one branch that is not pooled after
     * another; scale and shift: [channel]. packed, input and output matter to running only. */
    size_t (*branches_packed_bytes)(const struct kernel_branches *branches);
    void (*branches_pack)(const struct kernel_branches *branches, const float *weights,
                          const float *scale, const float *shift, void *packed);
    void (*branches_run)(const struct kernel_branches *branches, int part, int parts);

    /* Plain to blocked and back, channels [first, first + channels) of a blocked tensor with
     * `blocked_stride` floats per image; `first` need not be a multiple of block. to_blocked zeroes
     * the lanes after the last channel when first + channels ends the tensor (`last`). */
    void (*to_blocked)(const float *plain, int64_t plain_stride, float *blocked,
                       int64_t blocked_stride, int batch, int first, int channels, bool last,
                       int64_t pixels, int part, int parts);
    void (*to_plain)(const float *blocked, int64_t blocked_stride, float *plain,
                     int64_t plain_stride, int batch, int first, int channels, int64_t pixels,
                     int part, int parts);
    void (*focus)(const struct kernel_focus *focus, int part, int parts);
    /* Copies channels between blocked tensors (Concat, Split, Slice off block boundaries). */
    void (*copy_channels)(const float *from, int64_t from_stride, int from_first, float *to,
                          int64_t to_stride, int to_first, int channels, bool last, int batch,
                          int64_t pixels, int part, int parts);
    /* out = x · factor[batch][channel blocks], both blocked: channel attention. */
    void (*scale_channels)(const float *input, int64_t input_stride, const float *factor,
                           float *output, int64_t output_stride, int batch, int channels,
                           int64_t pixels, int part, int parts);

    /* to[column * to_stride + row] = from[row * from_stride + column], the bits as they are: any
     * type of four bytes. Cuts itself by columns. */
    void (*transpose)(const float *from, int64_t from_stride, float *to, int64_t to_stride,
                      int64_t rows, int64_t columns, int part, int parts);

    /* Flat arrays of any length; in place is fine. */
    void (*unary)(enum kernel_activation op, float alpha, float beta, const float *x, float *y,
                  int64_t count, int part, int parts);
    void (*binary)(enum kernel_binary op, const float *a, const float *b, float *y, int64_t count,
                   int part, int parts);
    /* y[row][i] = a[row][i] op b[i]; b_first swaps the operands. */
    void (*binary_row)(enum kernel_binary op, const float *a, const float *b, float *y,
                       int64_t rows, int64_t columns, bool b_first, int part, int parts);
    /* y[row][i] = a[row][i] op b[row]; b_first swaps the operands. */
    void (*binary_column)(enum kernel_binary op, const float *a, const float *b, float *y,
                          int64_t rows, int64_t columns, bool b_first, int part, int parts);
    /* Along the last axis. */
    void (*softmax)(const float *x, float *y, int64_t rows, int64_t columns, int part, int parts);
    /* scale and bias: per column, or NULL. */
    void (*layer_norm)(const float *x, const float *scale, const float *bias, float epsilon,
                       float *y, int64_t rows, int64_t columns, int part, int parts);
    void (*reduce_rows)(enum kernel_reduce op, const float *x, float *y, int64_t rows,
                        int64_t columns, int part, int parts);

    /* sums[i] of a source row; there is room for whole pairs of groups. */
    void (*pixels_weigh)(const uint8_t *row, const struct kernel_taps *taps, int16_t *sums);
    /* Red, green and blue in rows of `stride` bytes; room as above. */
    void (*pixels_blend)(const struct kernel_blend *blend, uint8_t *out, int stride);
    /* out = (pixel + shift) · factor */
    void (*pixels_normalise)(const uint8_t *pixels, float shift, float factor, float *out,
                             int count);

    /* Multiply-adds on registers only, as many at once as the tier can issue: what kernels are
     * compared with. Returns how many were done. */
    int64_t (*peak)(int64_t rounds);
    /* The same of products of bytes, unsigned by signed, with 32-bit sums. */
    int64_t (*peak_bytes)(int64_t rounds);
};

/* The table of a tier; a tier this build lacks gives the reference table. Never NULL. */
const struct kernel_table *kernel_table(enum base_cpu_tier tier);

/* Share `part` of `count` items cut into `parts`: [*first, *end). */
static inline void kernel_share(int64_t count, int part, int parts, int64_t *first, int64_t *end)
{
    *first = count * part / parts;
    *end = count * (part + 1) / parts;
}

static inline int kernel_blocks(int channels, int block)
{
    return (channels + block - 1) / block;
}

#endif
