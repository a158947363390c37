/* How the pixel formats lie in memory, and the one conversion of YUV to RGB. */
#ifndef VISION_PIXEL_H
#define VISION_PIXEL_H

#include <stddef.h>
#include <stdint.h>

#include "base/errors.h"
#include "kernel/kernel.h"
#include "stance/image.h"

/* A pixel format. Planar formats have `bytes` 1 for the luma plane and no channel offsets. */
struct vision_layout {
    const char *name;
    int32_t planes, bytes;    /* bytes: of one pixel in plane 0 */
    int32_t red, green, blue; /* offsets in a packed pixel */
    int32_t alpha;            /* -1: none */
};

/* NULL for an unknown format. */
STANCE_PRIVATE const struct vision_layout *vision_layout_find(int format);

/* Whether a picture (perhaps filled in by hand) is usable: known format, accepted size, planes
 * present, rows that do not overlap. Errors: EARGUMENT, ELIMIT. */
STANCE_PRIVATE int vision_image_check(const struct stance_image *image);

/* Bytes that one row of a plane needs. */
STANCE_PRIVATE ptrdiff_t vision_row_bytes(const struct vision_layout *layout, int plane, int width);

/* Width and height of a plane: chroma is halved and rounded up. */
static inline int vision_chroma_side(int side)
{
    return (side + 1) / 2;
}

static inline uint8_t vision_clamp_byte(int value)
{
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* By enum stance_color, which must be one of its values. */
STANCE_PRIVATE const struct kernel_yuv *vision_matrix_find(int color);

static inline void vision_yuv_to_rgb(const struct kernel_yuv *matrix, int y, int u, int v,
                                     uint8_t *red, uint8_t *green, uint8_t *blue)
{
    int luma = matrix->luma * (y - matrix->black) + 32768;
    u -= 128;
    v -= 128;
    *red = vision_clamp_byte((luma + matrix->red_v * v) >> 16);
    *green = vision_clamp_byte((luma - matrix->green_u * u - matrix->green_v * v) >> 16);
    *blue = vision_clamp_byte((luma + matrix->blue_u * u) >> 16);
}

/* Where the chroma of a planar format lies: U and V of column x are u[x / 2 * step]. */
struct vision_chroma {
    const uint8_t *u, *v;
    int step;
};

static inline struct vision_chroma vision_chroma_row(const struct stance_image *image, int y)
{
    const uint8_t *u = image->plane[1] + (y / 2) * image->stride[1];
    if (image->format == STANCE_NV12)
        return (struct vision_chroma){u, u + 1, 2};
    return (struct vision_chroma){u, image->plane[2] + (y / 2) * image->stride[2], 1};
}

#endif
