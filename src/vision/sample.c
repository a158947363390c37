/* Bilinear sampling row by row. The places and weights are OpenCV's (imgproc resize.cpp, imgwarp.cpp) for
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

/* A kind of row: its columns lie `step` bytes apart, `halved` with one for two of the picture. `black`:
 * what counts as nothing. */
struct row_kind {
    int step, halved, black;
    int64_t bytes; /* from the first one of a channel to its last one */
};

static void fill_taps(struct vision_sampler *sampler, int first, const struct row_kind *kinds,
                      int kind_count)
{
    const struct vision_grid *grid = sampler->grid;
    bool resize = grid->rule == VISION_RESIZE;
    for (int i = 0; i < sampler->count; i++) {
        struct vision_tap tap = vision_tap_at(grid->rule, &grid->columns, first + i);
        int weight = tap.near_weight + tap.far_weight;
        for (int k = 0; k < kind_count; k++) {
            struct kernel_taps *taps = &sampler->taps[k];
            int black = kinds[k].black * weight;
            taps->near[i] = (tap.near >> kinds[k].halved) * kinds[k].step;
            taps->far[i] = (tap.far >> kinds[k].halved) * kinds[k].step;
            taps->weights[2 * i] = (int16_t)tap.near_weight;
            taps->weights[2 * i + 1] = (int16_t)tap.far_weight;
            taps->less[i] = (int16_t)(resize ? black >> 4 : black);
        }
    }
    for (int k = 0; k < kind_count; k++) {
        sampler->taps[k].count = sampler->count;
        sampler->taps[k].resize = resize;
        kernel_taps_group(&sampler->taps[k], kinds[k].bytes);
    }
}

static void open_packed(struct vision_sampler *sampler, const struct stance_image *image, int first)
{
    const struct vision_layout *layout = vision_layout_find(image->format);
    const int32_t offsets[3] = {layout->red, layout->green, layout->blue};
    const struct row_kind kind = {layout->bytes, 0, 0,
                                  (int64_t)(image->width - 1) * layout->bytes + 1};
    fill_taps(sampler, first, &kind, 1);
    sampler->yuv = NULL;
    sampler->planes = layout->bytes == 1 ? 1 : 3;
    for (int c = 0; c < 3; c++) {
        sampler->plane[c].bytes = image->plane[0] + offsets[c];
        sampler->plane[c].stride = image->stride[0];
        sampler->plane[c].halved = 0;
        sampler->plane[c].taps = &sampler->taps[0];
    }
}

static void open_yuv(struct vision_sampler *sampler, const struct stance_image *image, int first)
{
    const struct vision_chroma chroma = vision_chroma_row(image, 0);
    const uint8_t *bytes[3] = {image->plane[0], chroma.u, chroma.v};
    const int last = vision_chroma_side(image->width) - 1;
    sampler->yuv = vision_matrix_find(image->color);
    const struct row_kind kinds[2] = {{1, 0, sampler->yuv->black, image->width},
                                      {chroma.step, 1, 128, (int64_t)last * chroma.step + 1}};
    fill_taps(sampler, first, kinds, 2);
    sampler->planes = 3;
    for (int c = 0; c < 3; c++) {
        sampler->plane[c].bytes = bytes[c];
        sampler->plane[c].stride = image->stride[image->format == STANCE_NV12 && c ? 1 : c];
        sampler->plane[c].halved = c > 0;
        sampler->plane[c].taps = &sampler->taps[c > 0];
    }
}

void vision_sampler_open(struct vision_sampler *sampler, const struct stance_image *image,
                         const struct vision_grid *grid, int first, int count)
{
    enum base_cpu_tier tier;
    sampler->grid = grid;
    sampler->kernels = kernel_table(base_cpu_choose(&tier) == 0 ? tier : BASE_CPU_REF);
    sampler->count = count;
    if (vision_layout_find(image->format)->planes > 1)
        open_yuv(sampler, image, first);
    else
        open_packed(sampler, image, first);
    for (int c = 0; c < 3; c++)
        sampler->plane[c].held[0] = sampler->plane[c].held[1] = -1;
}

/* Sums of source row y, held until two other rows have come. `keep`: the slot that must stay, or -1.
 * Returns the slot. */
static int weigh_row(const struct vision_sampler *sampler, struct vision_plane *plane, int y,
                     int keep)
{
    for (int slot = 0; slot < 2; slot++)
        if (plane->held[slot] == y)
            return slot;
    int slot = keep >= 0 ? 1 - keep : plane->held[0] <= plane->held[1] ? 0 : 1;
    plane->held[slot] = y;
    sampler->kernels->pixels_weigh(plane->bytes + y * plane->stride, plane->taps,
                                   plane->sums[slot]);
    return slot;
}

/* A row of no weight is that of the other one. */
static void weigh_rows(const struct vision_sampler *sampler, struct vision_plane *plane,
                       const struct vision_tap *tap, const int16_t **near, const int16_t **far)
{
    int first = (tap->near_weight ? tap->near : tap->far) >> plane->halved;
    int second = (tap->far_weight ? tap->far : tap->near) >> plane->halved;
    int slot = weigh_row(sampler, plane, first, -1);
    *near = plane->sums[slot];
    *far = plane->sums[weigh_row(sampler, plane, second, slot)];
}

void vision_sampler_row(struct vision_sampler *sampler, int y, uint8_t out[3][VISION_STRIP])
{
    const struct vision_grid *grid = sampler->grid;
    struct vision_tap tap = vision_tap_at(grid->rule, &grid->rows, y);
    if (tap.near_weight == 0 && tap.far_weight == 0) {
        memset(out, 0, 3 * VISION_STRIP);
        return;
    }
    struct kernel_blend blend = {.near_weight = tap.near_weight,
                                 .far_weight = tap.far_weight,
                                 .resize = grid->rule == VISION_RESIZE,
                                 .yuv = sampler->yuv,
                                 .count = sampler->count};
    for (int c = 0; c < 3; c++) {
        if (c < sampler->planes) {
            weigh_rows(sampler, &sampler->plane[c], &tap, &blend.near[c], &blend.far[c]);
        } else {
            blend.near[c] = blend.near[0];
            blend.far[c] = blend.far[0];
        }
    }
    sampler->kernels->pixels_blend(&blend, out[0], VISION_STRIP);
}
