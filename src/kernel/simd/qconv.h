/* What the convolutions of bytes of a SIMD tier share.
 *
 * A register tile (qconv_tile.c) sums a few blocks of output channels times a few pixels that lie
 * next to each other; a line (qconv_line.c) does the same for depthwise ones. Both are compiled for
 * each kind of dot (see vec_bytes.h). Their sums go through memory to qconv_finish.c, which makes
 * bytes or floats of them. */
#ifndef KERNEL_SIMD_QCONV_H
#define KERNEL_SIMD_QCONV_H

#include "kernel/simd/conv.h"

#if defined(KERNEL_VNNI)
#define QCONV_NAME(name) name##_vnni
#else
#define QCONV_NAME(name) KERNEL_NAME(name)
#endif

enum qconv_method {
    QCONV_DENSE_VNNI,
    QCONV_DEPTHWISE_VNNI,
    QCONV_DENSE,
    QCONV_DEPTHWISE,
    QCONV_METHODS
};

enum {
    QCONV_MAX_BLOCKS = VEC_REGISTERS == 32 ? 4 : 3, /* of a tile */
    QCONV_MAX_SUMS = VEC_REGISTERS == 32 ? 24 : 12, /* blocks × pixels of a tile */
    QCONV_LINE = 12,                                /* most pixels of a line */
};

/* One register tile. Strides count bytes. */
struct qconv_tile {
    const uint8_t *input; /* first pixel, first channel block */
    const char *weights;  /* [input block][tap][four channels][blocks of the tile][lanes] */
    const int32_t *taps;  /* offsets from input */
    int tap_count;
    int in_blocks, last_dots; /* fours of channels of the last input block */
    int64_t in_block_stride;
    const int32_t *start; /* what the sums of each lane begin with */
    int32_t *sums;        /* [block][pixel][lanes] */
};

typedef void qconv_tile_fn(const struct qconv_tile *tile);

/* Some pixels of one row of a depthwise convolution. */
struct qconv_line {
    const char *const *rows;      /* the first pixel's first window in each row of taps */
    int row_count, dots;          /* windows of a row */
    int64_t pixel_step, dot_step; /* bytes between the windows of pixels, and of dots */
    const char *weights;          /* [row][dot][lanes] */
    const int32_t *start;
    int32_t *sums; /* [pixel][lanes] */
};

typedef void qconv_line_fn(const struct qconv_line *line);

/* A kind of dot. */
struct qconv_dots {
    int dot_size, window_taps; /* VEC_DOT_SIZE and VEC_WINDOW_TAPS */
    void (*dot_pack)(const int8_t four[4], char *to, int lane);
    qconv_tile_fn *tiles[QCONV_MAX_BLOCKS][QCONV_MAX_SUMS + 1]; /* [blocks - 1][pixels] */
    void (*window_pack)(const int8_t *taps, char *to, int lane);
    /* Windows from each of `count` pixels on; their taps lie `step` bytes apart. */
    void (*windows)(const uint8_t *pixels, int64_t step, int count, char *to);
    qconv_line_fn *const *lines; /* [pixels], up to QCONV_LINE */
};

extern const struct qconv_dots QCONV_NAME(qconv_dots);

/* Parts of it, from qconv_line.c. */
extern qconv_line_fn *const QCONV_NAME(qconv_lines)[QCONV_LINE + 1];
void QCONV_NAME(qconv_window_pack)(const int8_t *taps, char *to, int lane);
void QCONV_NAME(qconv_windows)(const uint8_t *pixels, int64_t step, int count, char *to);

/* What lies before the packed weights, for each lane. */
struct qconv_head {
    const int32_t *start;
    const float *scales, *biases;
    const char *weights;
};

/* Bytes of the head, and where its parts lie, for so many blocks of output channels. */
static inline int64_t qconv_head_bytes(int blocks)
{
    return (int64_t)blocks * VEC_LANES * (int64_t)(2 * sizeof(float) + sizeof(int32_t));
}

static inline struct qconv_head qconv_head_at(const void *packed, int blocks)
{
    const char *at = packed;
    int64_t array = (int64_t)blocks * VEC_LANES * (int64_t)sizeof(float);
    return (struct qconv_head){(const int32_t *)(const void *)at,
                               (const float *)(const void *)(at + array),
                               (const float *)(const void *)(at + 2 * array), at + 3 * array};
}

/* ---- Finish ---------------------------------------------------------------------------------- */

struct qconv_finish {
    enum { QCONV_FINISH_CLAMP, QCONV_FINISH_SWISH, QCONV_FINISH_OTHER } kind;
    bool residual;        /* of CLAMP and SWISH: bytes, added last */
    float low, high;      /* of CLAMP */
    float inverse, zero;  /* output byte = y · inverse + zero */
    float residual_scale; /* byte · this, in steps of the output */
    const struct kernel_qconv_plan *plan;
};

/* Where the sums of a tile go. */
struct qconv_target {
    const float *scales, *biases; /* of the lanes of its blocks */
    const void *residual;         /* the first pixel's, as output */
    void *output;
    int64_t block_stride; /* elements */
};

struct qconv_finish KERNEL_NAME(qconv_finish_of)(const struct kernel_qconv_plan *plan);

/* Aims at pixel `pixel` of an image, counted through its channel blocks. */
void KERNEL_NAME(qconv_target_aim)(const struct qconv_finish *finish, struct qconv_target *target,
                                   const struct kernel_qconv_buffers *buffers, int64_t image,
                                   int64_t pixel);

/* Finishes sums [block][pixel][lanes]; four vectors behind them must be there to be read. */
void KERNEL_NAME(qconv_finish)(const struct qconv_finish *finish, const struct qconv_target *target,
                               const int32_t *sums, int blocks, int pixels);

/* The target some pixels further. */
struct qconv_target KERNEL_NAME(qconv_target_move)(const struct qconv_finish *finish,
                                                   struct qconv_target target, int64_t pixels);

/* ---- Methods --------------------------------------------------------------------------------- */

/* Plans with one method; EUNSUPPORTED, without a sentence, where it does not apply. For tests. */
int KERNEL_NAME(kernel_qconv_plan_with)(struct kernel_qconv_plan *plan,
                                        const struct kernel_conv_shape *shape,
                                        const struct kernel_epilogue *epilogue,
                                        const struct kernel_bytes *input,
                                        const struct kernel_bytes *residual,
                                        const struct kernel_bytes *output, int method);

int KERNEL_NAME(qconv_dense_plan)(struct kernel_qconv_plan *plan, const struct qconv_dots *dots);
void KERNEL_NAME(qconv_dense_pack)(const struct kernel_qconv_plan *plan,
                                   const struct qconv_dots *dots, const int8_t *weights, char *to);
void KERNEL_NAME(qconv_dense_run)(const struct kernel_qconv_plan *plan,
                                  const struct qconv_dots *dots,
                                  const struct kernel_qconv_buffers *buffers, int part, int parts);

int KERNEL_NAME(qconv_depthwise_plan)(struct kernel_qconv_plan *plan,
                                      const struct qconv_dots *dots);
void KERNEL_NAME(qconv_depthwise_pack)(const struct kernel_qconv_plan *plan,
                                       const struct qconv_dots *dots, const int8_t *weights,
                                       char *to);
void KERNEL_NAME(qconv_depthwise_run)(const struct kernel_qconv_plan *plan,
                                      const struct qconv_dots *dots,
                                      const struct kernel_qconv_buffers *buffers, int part,
                                      int parts);

#endif
