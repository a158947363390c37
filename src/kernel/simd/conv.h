/* What the convolution methods of a SIMD tier share.
 *
 * Everything dense rests on one register tile (conv_tile.c): a few blocks of output channels times
 * a few pixels that lie next to each other, summed over input channel blocks, taps and channels,
 * in that order. A band (conv_band.c) is a zero-padded copy of some input rows, arranged so that
 * for every tap the pixels of a tile do lie next to each other, whatever stride, dilation and
 * padding are. */
#ifndef KERNEL_SIMD_CONV_H
#define KERNEL_SIMD_CONV_H

#include "kernel/simd/simd.h"

enum {
    CONV_MAX_KERNEL = 32,          /* taps along one axis */
    CONV_MAX_UNFOLD = 64,          /* channels × column taps of an unfolded band */
    CONV_SCRATCH_LIMIT = 64 << 20, /* bytes; larger plans are refused */
};

enum conv_method {
    CONV_DIRECT,
    CONV_DEPTHWISE,
    CONV_WINOGRAD_4,
    CONV_WINOGRAD_2,
    CONV_WINOGRAD_LINE,
    CONV_SCATTER,
    CONV_STEM,
    CONV_METHODS
};

/* plan->tile[CONV_COST] of every method: estimated time of one image in kilocycles, by which
 * methods are compared. Sums and the reading of weights overlap, so the larger of both counts. */
enum { CONV_COST = 7 };

static inline int conv_cost(float cycles, int64_t weight_bytes)
{
    /* bytes a cycle from the third-level cache, and from memory */
    int64_t near = weight_bytes < (24 << 20) ? weight_bytes : 24 << 20;
    float reading = (float)near / 6.0f + (float)(weight_bytes - near) / 3.0f;
    float most = (cycles > reading ? cycles : reading) / 1000.0f;
    return most < 1e9f ? (int)most : 1000000000;
}

/* What happens to the sums of a tile. */
struct conv_finish {
    enum { CONV_FINISH_CLAMP, CONV_FINISH_SWISH, CONV_FINISH_OTHER } kind;
    float low, high; /* of CLAMP, which linear, ReLU and Clip all are */
    struct kernel_epilogue epilogue;
};

/* One register tile. Strides count floats. */
struct conv_tile {
    const float *input;   /* first pixel, first channel block */
    const float *weights; /* [block][tap][channel][blocks of the tile][lanes] */
    const int32_t *taps;  /* offsets from input */
    int tap_count;
    int in_blocks, last_channels; /* channels of the last input block */
    int64_t in_block_stride;
    const float *bias; /* NULL: zero */
    float *output;
    int64_t out_block_stride, out_pixel_stride;
    const struct conv_finish *finish; /* NULL: sums are stored as they are */
    const float *residual;            /* placed like output */
    int plain_channels; /* 0: blocked output; else how many channels from here on exist, and
                           out_block_stride is between channels, not blocks */
    bool half;          /* one block, of whose lanes only the first half has channels */
};

typedef void conv_tile_fn(const struct conv_tile *tile);

/* The kernel of `blocks` output channel blocks × `pixels`; NULL when there is none. */
conv_tile_fn *KERNEL_NAME(conv_tile_kernel)(int blocks, int pixels);
/* Most pixels of a tile with so many blocks; 0: no tile has so many. */
int KERNEL_NAME(conv_tile_pixels)(int blocks);
/* The next tile's width where `left` pixels remain: they are cut into tiles of nearly one size. */
int KERNEL_NAME(conv_tile_next)(int blocks, int64_t left);
/* Estimated cycles per tap and input channel for a line of pixels and `channels` output channels,
 * in tiles of `blocks`. */
float KERNEL_NAME(conv_tile_cost)(int blocks, int channels, int64_t pixels);
/* The best number of blocks per tile by that estimate. */
int KERNEL_NAME(conv_tile_choose)(int channels, int64_t pixels);

/* Whether one block with so many channels is done with vectors of half the length: where
 * multiply-adds of half the length come twice as fast, that halves the work. */
static inline bool conv_tile_is_half(int blocks, int channels)
{
    return VEC_LANES == 16 && blocks == 1 && channels <= VEC_LANES / 2;
}

/* The kernel of such a block × `pixels`; there is one wherever conv_tile_kernel(1, pixels) is. */
conv_tile_fn *KERNEL_NAME(conv_tile_half_kernel)(int pixels);

struct conv_finish KERNEL_NAME(conv_finish_of)(const struct kernel_epilogue *epilogue);

/* Finishes and stores the sums [block][pixel][lane] of a tile; tile->finish is not NULL. */
void KERNEL_NAME(conv_tile_finish)(const struct conv_tile *tile, const float *sums, int blocks,
                                   int pixels);

/* A line of `count` pixels, tile after tile; tile->input, output and residual are at its start. */
void KERNEL_NAME(conv_tile_line)(struct conv_tile tile, int blocks, int64_t count);

/* How one axis of the input is copied: output position j with tap t reads element
 * j + shift[t] of copy which[t]; element i of copy c is input position start[c] + i * step. */
struct conv_axis {
    int step, taps, copies, extra; /* extra: elements of a copy beyond the output positions */
    int start[CONV_MAX_KERNEL];
    int which[CONV_MAX_KERNEL], shift[CONV_MAX_KERNEL];
};

/* Tap t of output position j reads input position first + t * tap_step + j * step. `flat`: one
 * copy per tap, without extra elements, so that lines follow each other without gaps. */
void KERNEL_NAME(conv_axis_plan)(struct conv_axis *axis, int first, int tap_step, int taps,
                                 int step, bool flat);

/* A band: copies of `rows` output rows' worth of input, from output row `row` on. Layout
 * [channel block][x copy][y copy][rows + y.extra][pitch][lanes]. */
struct conv_band {
    struct conv_axis x, y;
    int in_height, in_width, rows, pitch;
    bool plain;    /* source is NCHW */
    int channels;  /* how many exist; plain only */
    bool unfolded; /* plain, and the lanes are channel × x tap (few input channels) */
};

/* Floats between channel blocks of the band. */
int64_t KERNEL_NAME(conv_band_stride)(const struct conv_band *band);
/* Offsets of all taps, y major. */
void KERNEL_NAME(conv_band_taps)(const struct conv_band *band, int32_t *taps);
/* Fills `blocks` channel blocks of the band for output rows from `row` on. */
void KERNEL_NAME(conv_band_fill)(const struct conv_band *band, const float *input, int blocks,
                                 int row, float *to);

/* One axis of an ordinary convolution, or of one sub-pixel class of a transposed one: the output
 * positions out_first + j * out_step, j < outs, which all use the same taps tap_first + t *
 * tap_step, t < taps, reading input position in_first + t * in_tap_step + j * in_step. */
struct conv_class_axis {
    int tap_first, tap_step, taps;
    int out_first, out_step, outs;
    int in_first, in_tap_step, in_step;
};

/* Class of 0 … stride_height * stride_width - 1 if transposed, else 0. */
struct conv_class_axis KERNEL_NAME(conv_class_axis_of)(const struct kernel_conv_shape *shape,
                                                       bool vertical, int class);

/* Winograd's transforms: `outputs` (2, 3 or 4) per side, filters of `rows` × `columns` taps (1 … 3).
 * An axis with one tap has one element in the filter's domain and `outputs` in the input's. */
typedef void conv_transform_input_fn(const float *from, int64_t row_stride, int64_t column_stride,
                                     float *to, int64_t element_stride);
/* sums[outputs][outputs][lanes] = the inverse + add, whose vectors are add_stride floats apart: 0
 * for a bias, VEC_LANES for the sums so far. */
typedef void conv_transform_output_fn(const float *from, int64_t element_stride, const float *add,
                                      int64_t add_stride, float *sums);

conv_transform_input_fn *KERNEL_NAME(conv_transform_input)(int outputs, int rows, int columns);
conv_transform_output_fn *KERNEL_NAME(conv_transform_output)(int outputs, int rows, int columns);
void KERNEL_NAME(conv_transform_filter)(const double *filter, int outputs, int rows, int columns,
                                        double *to);

/* Plans with one method; EUNSUPPORTED, without a sentence, where it does not apply. For tests. */
int KERNEL_NAME(kernel_conv_plan_with)(struct kernel_conv_plan *plan,
                                       const struct kernel_conv_shape *shape,
                                       const struct kernel_epilogue *epilogue, int method);

/* ---- Methods: plan gives EUNSUPPORTED without a sentence where the method does not apply ----- */

int KERNEL_NAME(conv_direct_plan)(struct kernel_conv_plan *plan);
void KERNEL_NAME(conv_direct_pack)(const struct kernel_conv_plan *plan, const float *weights,
                                   const float *bias, float *packed);
void KERNEL_NAME(conv_direct_run)(const struct kernel_conv_plan *plan,
                                  const struct kernel_conv_buffers *buffers, int part, int parts);

int KERNEL_NAME(conv_depthwise_plan)(struct kernel_conv_plan *plan);
void KERNEL_NAME(conv_depthwise_pack)(const struct kernel_conv_plan *plan, const float *weights,
                                      const float *bias, float *packed);
void KERNEL_NAME(conv_depthwise_run)(const struct kernel_conv_plan *plan,
                                     const struct kernel_conv_buffers *buffers, int part,
                                     int parts);

/* For CONV_WINOGRAD_4, CONV_WINOGRAD_2 and CONV_WINOGRAD_LINE. */
int KERNEL_NAME(conv_winograd_plan)(struct kernel_conv_plan *plan);
void KERNEL_NAME(conv_winograd_pack)(const struct kernel_conv_plan *plan, const float *weights,
                                     const float *bias, float *packed);
void KERNEL_NAME(conv_winograd_run)(const struct kernel_conv_plan *plan,
                                    const struct kernel_conv_buffers *buffers, int part, int parts);

int KERNEL_NAME(conv_scatter_plan)(struct kernel_conv_plan *plan);
void KERNEL_NAME(conv_scatter_pack)(const struct kernel_conv_plan *plan, const float *weights,
                                    const float *bias, float *packed);
void KERNEL_NAME(conv_scatter_run)(const struct kernel_conv_plan *plan,
                                   const struct kernel_conv_buffers *buffers, int part, int parts);

int KERNEL_NAME(conv_stem_plan)(struct kernel_conv_plan *plan);
void KERNEL_NAME(conv_stem_pack)(const struct kernel_conv_plan *plan, const float *weights,
                                 const float *bias, float *packed);
void KERNEL_NAME(conv_stem_run)(const struct kernel_conv_plan *plan,
                                const struct kernel_conv_buffers *buffers, int part, int parts);

#endif
