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
    QCONV_SCATTER_VNNI,
    QCONV_DENSE,
    QCONV_DEPTHWISE,
    QCONV_SCATTER,
    QCONV_METHODS
};

/* plan->tile[QCONV_COST]: estimated time of one image in thousands of half-cycles, by which the
 * methods with the same dots are compared; depthwise ones have none. */
enum { QCONV_COST = 7 };

static inline int qconv_cost(double half_cycles)
{
    return half_cycles < 1e12 ? (int)(half_cycles / 1e3) : 1000000000;
}

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

/* A row of input as windows: window i has the pixels first + i * stride + t * step of each tap t. */
struct qconv_windows {
    const uint8_t *pixels; /* NULL: the row lies outside */
    int width;             /* pixels that exist; the others are `zero` */
    int first, stride, step, count;
    uint8_t zero;
    char *to; /* [count][lanes] */
};

/* Some pixels of one row of a depthwise convolution. */
struct qconv_line {
    const char *const *rows;      /* the windows of each row of taps */
    int64_t at;                   /* bytes from there to the first pixel's first window */
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
    void (*windows)(const struct qconv_windows *row);
    qconv_line_fn *const *lines; /* [pixels], up to QCONV_LINE */
};

extern const struct qconv_dots QCONV_NAME(qconv_dots);

/* The next tile's width where `left` pixels remain. */
int KERNEL_NAME(qconv_tile_width)(const struct qconv_dots *dots, int blocks, int64_t left);
/* Estimated half-cycles of a line with `depth` dots a sum and `out_blocks` blocks, of which a tile
 * has `blocks`; and `finish` for each four vectors. */
double KERNEL_NAME(qconv_line_cost)(const struct qconv_dots *dots, double depth, int out_blocks,
                                    int blocks, int64_t pixels, int finish);

/* Parts of it, from qconv_line.c. */
extern qconv_line_fn *const QCONV_NAME(qconv_lines)[QCONV_LINE + 1];
void QCONV_NAME(qconv_window_pack)(const int8_t *taps, char *to, int lane);
void QCONV_NAME(qconv_windows)(const struct qconv_windows *row);

/* What lies before the packed weights. */
struct qconv_head {
    const float *scales, *biases; /* of each lane, in the units of the finish */
    const int16_t *curve;         /* of CURVE */
    const char *weights;
};

/* Bytes of the head, and where its parts lie, for so many blocks of output channels. */
int64_t KERNEL_NAME(qconv_head_bytes)(int blocks);
struct qconv_head KERNEL_NAME(qconv_head_at)(const void *packed, int blocks);

/* ---- Finish ---------------------------------------------------------------------------------- */

/* What becomes of sum · scale + bias, with scale and bias in the finish's own units: steps of the
 * output for CLAMP, RAMP and SWISH, with its zero included for CLAMP. */
struct qconv_finish {
    enum {
        QCONV_FINISH_CLAMP, /* linear, ReLU and Clip to bytes */
        QCONV_FINISH_CURVE, /* SiLU to bytes by a curve of 32 parabolas, see qconv_curve.c */
        QCONV_FINISH_RAMP,  /* SiLU to bytes whose steps are so coarse that it is max(x, 0) */
        QCONV_FINISH_SWISH, /* SiLU to bytes where neither is exact enough */
        QCONV_FINISH_FLOAT, /* SiLU to floats, scale and bias are the true ones */
        QCONV_FINISH_OTHER, /* scale and bias are the true ones */
    } kind;
    bool residual;     /* of all but OTHER: bytes, added last */
    float scale, bias; /* units of the packed scales and biases: true ones · scale, + bias; those
                             of CURVE are known to qconv_curve_pack */
    float low, high;   /* of CLAMP */
    float zero;        /* of the output, less the residual's */
    float residual_scale; /* a residual byte counts so many steps of the output */
    float exponent;       /* of SWISH: -log2 e for a step */
    const int16_t *curve;
    int output_pixel, residual_pixel; /* bytes */
    const struct kernel_qconv_plan *plan;
};

/* Where the sums of a tile go. */
struct qconv_target {
    const float *scales, *biases; /* of the lanes of its blocks */
    const void *residual;         /* the first pixel's, as output */
    void *output;
    int64_t block_stride; /* elements */
};

/* `curve` is the packed one. */
struct qconv_finish KERNEL_NAME(qconv_finish_of)(const struct kernel_qconv_plan *plan,
                                                 const int16_t *curve);

/* Aims at pixel `pixel` of an image, counted through its channel blocks. */
void KERNEL_NAME(qconv_target_aim)(const struct qconv_finish *finish, struct qconv_target *target,
                                   const struct kernel_qconv_buffers *buffers, int64_t image,
                                   int64_t pixel);

/* Finishes sums [block][pixel][lanes]; four vectors behind them must be there to be read. */
void KERNEL_NAME(qconv_finish)(const struct qconv_finish *finish, const struct qconv_target *target,
                               const int32_t *sums, int blocks, int pixels);

/* The target some pixels further. */
static inline void qconv_target_move(const struct qconv_finish *finish, struct qconv_target *target,
                                     int64_t pixels)
{
    target->output = (char *)target->output + pixels * finish->output_pixel;
    if (target->residual)
        target->residual = (const char *)target->residual + pixels * finish->residual_pixel;
}

enum { QCONV_CURVE = VEC_REGISTERS == 32 ? 3 * 32 : 0 }; /* words of a curve */

/* Whether a curve does SiLU for this finish. */
bool KERNEL_NAME(qconv_curve_fits)(const struct qconv_finish *finish);
/* Makes the curve and sets the finish's units. */
void KERNEL_NAME(qconv_curve_pack)(struct qconv_finish *finish, int16_t *curve);
/* As qconv_finish. */
void KERNEL_NAME(qconv_curve_finish)(const struct qconv_finish *finish,
                                     const struct qconv_target *target, const int32_t *sums,
                                     int blocks, int pixels);

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

int KERNEL_NAME(qconv_scatter_plan)(struct kernel_qconv_plan *plan, const struct qconv_dots *dots);
void KERNEL_NAME(qconv_scatter_pack)(const struct kernel_qconv_plan *plan,
                                     const struct qconv_dots *dots, const int8_t *weights,
                                     char *to);
void KERNEL_NAME(qconv_scatter_run)(const struct kernel_qconv_plan *plan,
                                    const struct qconv_dots *dots,
                                    const struct kernel_qconv_buffers *buffers, int part,
                                    int parts);

#endif
