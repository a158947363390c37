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

/* Rows of YUV are cheaper converted as a whole, as long as not much more is converted than needed. */
static void choose_span(struct vision_sampler *sampler)
{
    const int most = 8; /* source columns for each of the strip */
    int32_t first = sampler->image->width, last = 0;
    for (int i = 0; i < sampler->count; i++)
        for (int tap = 0; tap < 2; tap++) {
            int32_t column = sampler->columns[tap][i];
            int weight = (tap ? sampler->far_weight : sampler->near_weight)[i];
            first = weight && column < first ? column : first;
            last = weight && column > last ? column : last;
        }
    first &= ~1; /* where a pair's chroma begins */
    int32_t span = last + 1 - first;
    bool planar = vision_layout_find(sampler->image->format)->planes > 1;
    bool whole = planar && span > 0 && span <= VISION_SPAN && span <= most * sampler->count;
    sampler->first = first;
    sampler->span = whole ? span : 0;
    for (int i = 0; i < sampler->count; i++) {
        /* A tap without weight may lie outside the span. */
        sampler->near[i] = !whole                    ? i
                           : sampler->near_weight[i] ? sampler->columns[0][i] - first
                                                     : 0;
        sampler->far[i] = !whole                   ? VISION_STRIP + i
                          : sampler->far_weight[i] ? sampler->columns[1][i] - first
                                                   : 0;
    }
}

void vision_sampler_open(struct vision_sampler *sampler, const struct stance_image *image,
                         const struct vision_grid *grid, int first, int count)
{
    enum base_cpu_tier tier;
    sampler->image = image;
    sampler->grid = grid;
    sampler->kernels = kernel_table(base_cpu_choose(&tier) == 0 ? tier : BASE_CPU_REF);
    sampler->count = count;
    sampler->held[0] = sampler->held[1] = -1;
    for (int i = 0; i < count; i++) {
        struct vision_tap tap = vision_tap_at(grid->rule, &grid->columns, first + i);
        sampler->columns[0][i] = tap.near;
        sampler->columns[1][i] = tap.far;
        sampler->near_weight[i] = (int16_t)tap.near_weight;
        sampler->far_weight[i] = (int16_t)tap.far_weight;
    }
    choose_span(sampler);
}

static uint64_t colour(unsigned red, unsigned green, unsigned blue)
{
    return (uint64_t)red | (uint64_t)green << KERNEL_COLOUR_BITS |
           (uint64_t)blue << 2 * KERNEL_COLOUR_BITS;
}

static inline void gather_packed(const uint8_t *row, int bytes, int red, int green, int blue,
                                 const int32_t *columns, int count, uint64_t *out)
{
    for (int i = 0; i < count; i++) {
        const uint8_t *pixel = row + (ptrdiff_t)columns[i] * bytes;
        out[i] = colour(pixel[red], pixel[green], pixel[blue]);
    }
}

static void gather_planar(const struct stance_image *image, int y, const int32_t *columns,
                          int count, uint64_t *out)
{
    const uint8_t *luma = image->plane[0] + y * image->stride[0];
    struct vision_chroma chroma = vision_chroma_row(image, y);
    struct kernel_yuv matrix = *vision_matrix_find(image->color);
    for (int i = 0; i < count; i++) {
        int at = columns[i] / 2 * chroma.step;
        uint8_t red, green, blue;
        vision_yuv_to_rgb(&matrix, luma[columns[i]], chroma.u[at], chroma.v[at], &red, &green,
                          &blue);
        out[i] = colour(red, green, blue);
    }
}

/* Colours of some pixels of a source row. */
static void gather(const struct stance_image *image, int y, const int32_t *columns, int count,
                   uint64_t *out)
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

static void read_colours(struct vision_sampler *sampler, int y)
{
    const struct stance_image *image = sampler->image;
    if (sampler->span == 0) {
        for (int tap = 0; tap < 2; tap++)
            gather(image, y, sampler->columns[tap], sampler->count,
                   sampler->colours + (ptrdiff_t)tap * VISION_STRIP);
        return;
    }
    struct vision_chroma chroma = vision_chroma_row(image, y);
    ptrdiff_t half = (ptrdiff_t)(sampler->first / 2) * chroma.step;
    sampler->kernels->colours_from_yuv(
        vision_matrix_find(image->color), image->plane[0] + y * image->stride[0] + sampler->first,
        chroma.u + half, chroma.v + half, chroma.step, sampler->span, sampler->colours);
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
    read_colours(sampler, y);
    const struct kernel_taps taps = {sampler->near, sampler->far, sampler->near_weight,
                                     sampler->far_weight, sampler->count};
    sampler->kernels->colours_weigh(sampler->colours, &taps, sampler->sums[slot][0], VISION_STRIP);
    return slot;
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
    for (int c = 0; c < 3; c++) {
        const struct kernel_blend blend = {.near = sampler->sums[near][c],
                                           .far = sampler->sums[far][c],
                                           .near_weight = tap.near_weight,
                                           .far_weight = tap.far_weight,
                                           .resize = grid->rule == VISION_RESIZE,
                                           .count = sampler->count};
        sampler->kernels->colours_blend(&blend, out[c]);
    }
}
