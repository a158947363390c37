/* Bilinear sampling row by row. The arithmetic is OpenCV's (imgproc resize.cpp, imgwarp.cpp) for
 * 8-bit pictures: resize weighs in 1/2048 per axis, the warp knows 32 positions between pixels. */
#include <math.h>
#include <string.h>

#include "vision/pixel.h"
#include "vision/sample.h"

enum {
    RESIZE_ONE = 2048,
    AFFINE_BITS = 5,
    AFFINE_ONE = 1 << AFFINE_BITS,
    COORDINATE_BITS = 10,
    COORDINATE_ONE = 1 << COORDINATE_BITS,
};

/* Nearest integer of a coordinate in 1/1024; far outside any picture it no longer matters. */
static int64_t fixed(double coordinate)
{
    double limit = 1e12;
    coordinate *= COORDINATE_ONE;
    return llrint(coordinate < -limit ? -limit : coordinate > limit ? limit : coordinate);
}

static struct vision_tap affine_tap(const struct vision_axis *axis, int i)
{
    int64_t at = axis->apart ? fixed(axis->offset) + fixed(axis->scale * i)
                             : fixed(axis->offset + axis->scale * i);
    at = (at + COORDINATE_ONE / AFFINE_ONE / 2) >> (COORDINATE_BITS - AFFINE_BITS);
    int64_t near = at >> AFFINE_BITS;
    int32_t part = (int32_t)(at & (AFFINE_ONE - 1));
    struct vision_tap tap = {0};
    if (near >= 0 && near < axis->size) {
        tap.near = (int32_t)near;
        tap.near_weight = AFFINE_ONE - part;
    }
    if (near + 1 >= 0 && near + 1 < axis->size) {
        tap.far = (int32_t)near + 1;
        tap.far_weight = part;
    }
    return tap;
}

static struct vision_tap resize_tap(const struct vision_axis *axis, int i)
{
    float at = (float)((i + 0.5) * axis->scale - 0.5);
    int32_t near = (int32_t)floorf(at);
    float part = at - (float)near;
    if (near < 0 || near >= axis->size - 1) {
        int32_t edge = near < 0 ? 0 : axis->size - 1;
        return (struct vision_tap){edge, edge, RESIZE_ONE, 0};
    }
    return (struct vision_tap){near, near + 1, (int32_t)lrintf((1 - part) * RESIZE_ONE),
                               (int32_t)lrintf(part * RESIZE_ONE)};
}

struct vision_tap vision_tap_at(enum vision_rule rule, const struct vision_axis *axis, int i)
{
    return rule == VISION_AFFINE ? affine_tap(axis, i) : resize_tap(axis, i);
}

void vision_sampler_open(struct vision_sampler *sampler, const struct stance_image *image,
                         const struct vision_grid *grid, int first, int count)
{
    sampler->image = image;
    sampler->grid = grid;
    sampler->count = count;
    sampler->held[0] = sampler->held[1] = -1;
    for (int i = 0; i < count; i++) {
        struct vision_tap tap = vision_tap_at(grid->rule, &grid->columns, first + i);
        sampler->near[i] = tap.near;
        sampler->far[i] = tap.far;
        sampler->near_weight[i] = (int16_t)tap.near_weight;
        sampler->far_weight[i] = (int16_t)tap.far_weight;
    }
}

static inline void gather_packed(const uint8_t *row, int bytes, int red, int green, int blue,
                                 const int32_t *columns, int count, uint8_t out[3][VISION_STRIP])
{
    for (int i = 0; i < count; i++) {
        const uint8_t *pixel = row + (ptrdiff_t)columns[i] * bytes;
        out[0][i] = pixel[red];
        out[1][i] = pixel[green];
        out[2][i] = pixel[blue];
    }
}

static void gather_planar(const struct stance_image *image, int y, const int32_t *columns,
                          int count, uint8_t out[3][VISION_STRIP])
{
    const uint8_t *luma = image->plane[0] + y * image->stride[0];
    struct vision_chroma chroma = vision_chroma_row(image, y);
    struct vision_matrix matrix = *vision_matrix_find(image->color);
    for (int i = 0; i < count; i++) {
        int at = columns[i] / 2 * chroma.step;
        vision_yuv_to_rgb(&matrix, luma[columns[i]], chroma.u[at], chroma.v[at], &out[0][i],
                          &out[1][i], &out[2][i]);
    }
}

/* Red, green and blue of some pixels of a source row. */
static void gather(const struct stance_image *image, int y, const int32_t *columns, int count,
                   uint8_t out[3][VISION_STRIP])
{
    const uint8_t *row = image->plane[0] + y * image->stride[0];
    switch (image->format) {
    case STANCE_RGB24: gather_packed(row, 3, 0, 1, 2, columns, count, out); break;
    case STANCE_BGR24: gather_packed(row, 3, 2, 1, 0, columns, count, out); break;
    case STANCE_RGBA32: gather_packed(row, 4, 0, 1, 2, columns, count, out); break;
    case STANCE_BGRA32: gather_packed(row, 4, 2, 1, 0, columns, count, out); break;
    case STANCE_GRAY8: gather_packed(row, 1, 0, 0, 0, columns, count, out); break;
    default: gather_planar(image, y, columns, count, out);
    }
}

/* Source row y weighted along the columns, held until two other rows have come. `keep`: a slot that
 * must stay. Returns the slot. */
static int weigh_row(struct vision_sampler *sampler, int y, int keep)
{
    for (int slot = 0; slot < 2; slot++)
        if (sampler->held[slot] == y)
            return slot;
    int slot = keep >= 0 ? 1 - keep : sampler->held[0] <= sampler->held[1] ? 0 : 1;
    sampler->held[slot] = y;
    uint8_t near[3][VISION_STRIP], far[3][VISION_STRIP];
    gather(sampler->image, y, sampler->near, sampler->count, near);
    gather(sampler->image, y, sampler->far, sampler->count, far);
    for (int c = 0; c < 3; c++) {
        int32_t *restrict sums = sampler->sums[slot][c];
        for (int i = 0; i < sampler->count; i++)
            sums[i] = near[c][i] * sampler->near_weight[i] + far[c][i] * sampler->far_weight[i];
    }
    return slot;
}

static void blend_resize(const int32_t *restrict near, const int32_t *restrict far, int near_weight,
                         int far_weight, uint8_t *restrict out, int count)
{
    for (int i = 0; i < count; i++)
        out[i] = (uint8_t)(((near_weight * (near[i] >> 4) >> 16) +
                            (far_weight * (far[i] >> 4) >> 16) + 2) >>
                           2);
}

static void blend_affine(const int32_t *restrict near, const int32_t *restrict far, int near_weight,
                         int far_weight, uint8_t *restrict out, int count)
{
    for (int i = 0; i < count; i++)
        out[i] =
            (uint8_t)((near[i] * near_weight + far[i] * far_weight + AFFINE_ONE * AFFINE_ONE / 2) >>
                      (2 * AFFINE_BITS));
}

void vision_sampler_row(struct vision_sampler *sampler, int y, uint8_t out[3][VISION_STRIP])
{
    const struct vision_grid *grid = sampler->grid;
    struct vision_tap tap = vision_tap_at(grid->rule, &grid->rows, y);
    int near, far;
    if (tap.near_weight == 0 && tap.far_weight == 0) {
        memset(out, 0, 3 * VISION_STRIP);
        return;
    }
    if (tap.near_weight == 0) {
        near = far = weigh_row(sampler, tap.far, -1);
    } else {
        near = weigh_row(sampler, tap.near, -1);
        far = tap.far_weight == 0 ? near : weigh_row(sampler, tap.far, near);
    }
    for (int c = 0; c < 3; c++)
        (grid->rule == VISION_AFFINE ? blend_affine : blend_resize)(
            sampler->sums[near][c], sampler->sums[far][c], tap.near_weight, tap.far_weight, out[c],
            sampler->count);
}
