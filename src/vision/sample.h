/* Bilinear sampling of a picture on a grid of output pixels whose columns and rows are independent
 * (resize and upright crop), in OpenCV's fixed-point arithmetic.
 *
 * The output is made in strips of VISION_STRIP columns, row after row from the top: a sampler holds
 * the last two source rows it weighed, so neighbouring output rows share them. A sampler lives on
 * the stack and allocates nothing. */
#ifndef VISION_SAMPLE_H
#define VISION_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/kernel.h"
#include "stance/image.h"

enum { VISION_STRIP = KERNEL_TAPS };

/* How output coordinates become source coordinates, and how weights are rounded. */
enum vision_rule {
    VISION_RESIZE, /* cv2.resize, INTER_LINEAR: half-pixel centres, edges repeated, in 1/2048 */
    VISION_AFFINE, /* cv2.warpAffine: source = scale · i + offset, black outside, weights 1/32 */
};

/* One axis of the grid. */
struct vision_axis {
    int32_t size;  /* of the source */
    double scale;  /* source pixels per output pixel */
    double offset; /* VISION_AFFINE: source coordinate of output pixel 0 */
    bool apart;    /* VISION_AFFINE: scale · i and offset are rounded one by one (columns) or
                      together (rows): warpAffine treats its axes so */
};

struct vision_grid {
    enum vision_rule rule;
    struct vision_axis columns, rows;
};

/* The two source pixels of an output pixel and their weights. */
struct vision_tap {
    int32_t near, far;
    int32_t near_weight, far_weight; /* 0 for a pixel outside under VISION_AFFINE */
};

/* One of the three planes that rows are sampled from: a colour of packed pixels, or luma, U or V. */
struct vision_plane {
    const uint8_t *bytes;
    ptrdiff_t stride;
    int32_t halved; /* 1: a row for two of the picture */
    const struct kernel_taps *taps;
    int32_t held[2]; /* the source rows in `sums`, -1: none */
    int16_t sums[2][VISION_STRIP];
};

struct vision_sampler {
    const struct vision_grid *grid;
    const struct kernel_table *kernels;
    const struct kernel_yuv *yuv; /* NULL: the planes are colours */
    int32_t count;                /* columns in the strip */
    int32_t planes;               /* 1 of grey pictures */
    struct kernel_taps taps[2];   /* of chroma the second ones */
    struct vision_plane plane[3];
};

struct vision_tap vision_tap_at(enum vision_rule rule, const struct vision_axis *axis, int i);

/* Prepares the output columns [first, first + count), count ≤ VISION_STRIP. */
void vision_sampler_open(struct vision_sampler *sampler, const struct stance_image *image,
                         const struct vision_grid *grid, int first, int count);

/* Output row `y` of the strip as red, green and blue. */
void vision_sampler_row(struct vision_sampler *sampler, int y, uint8_t out[3][VISION_STRIP]);

#endif
