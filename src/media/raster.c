/* Shapes by distance: each pixel near an edge gets as much paint as its distance to it says. */
#include <math.h>
#include <stdbool.h>

#include "base/errors.h"
#include "media/raster.h"

/* Farther out than a picture can be, a coordinate is taken for nonsense. */
#define FAR_OUT 1e6f

static bool usable(const float *values, int count)
{
    for (int i = 0; i < count; i++)
        if (!(fabsf(values[i]) < FAR_OUT))
            return false;
    return true;
}

int media_canvas_open(struct media_canvas *canvas, const struct stance_image *image)
{
    if (image->format != STANCE_RGB24 && image->format != STANCE_BGR24)
        return base_error(STANCE_EUNSUPPORTED, "drawing needs an RGB24 or BGR24 picture");
    bool bgr = image->format == STANCE_BGR24;
    *canvas = (struct media_canvas){image->plane[0], image->stride[0], image->width,
                                    image->height,   bgr ? 2 : 0,      bgr ? 0 : 2};
    return 0;
}

static float clamp(float value, float least, float most)
{
    return value < least ? least : value > most ? most : value;
}

static void blend(uint8_t *pixel, const struct media_canvas *canvas, struct media_paint paint,
                  float coverage)
{
    int alpha = (int)(coverage * paint.alpha * 256 + 0.5f);
    const int offsets[3] = {canvas->red, 1, canvas->blue};
    for (int c = 0; c < 3; c++) {
        int old = pixel[offsets[c]];
        pixel[offsets[c]] = (uint8_t)((old * 256 + (paint.rgb[c] - old) * alpha + 128) >> 8);
    }
}

/* The whole numbers within [from, to], cut to 0 … limit-1. */
struct span {
    int first, end;
};

static struct span span_of(float from, float to, int limit)
{
    float first = clamp(ceilf(from), 0, (float)limit);
    float last = clamp(floorf(to), -1, (float)(limit - 1));
    return (struct span){(int)first, (int)last + 1};
}

/* Pixels of row y within `reach` of a segment, and perhaps a few more. */
static struct span segment_span(const struct media_canvas *canvas, const float *from,
                                const float *to, float reach, int y)
{
    float rise = to[1] - from[1], t1 = 0, t2 = 1;
    if (fabsf(rise) > 1e-3f) {
        float a = ((float)y - reach - from[1]) / rise, b = ((float)y + reach - from[1]) / rise;
        t1 = clamp(fminf(a, b), 0, 1);
        t2 = clamp(fmaxf(a, b), 0, 1);
    }
    float x1 = from[0] + t1 * (to[0] - from[0]), x2 = from[0] + t2 * (to[0] - from[0]);
    return span_of(fminf(x1, x2) - reach, fmaxf(x1, x2) + reach, canvas->width);
}

void media_raster_line(const struct media_canvas *canvas, float x1, float y1, float x2, float y2,
                       float thickness, struct media_paint paint)
{
    const float from[2] = {x1, y1}, to[2] = {x2, y2}, numbers[5] = {x1, y1, x2, y2, thickness};
    if (!usable(numbers, 5) || !(thickness > 0))
        return;
    float dx = x2 - x1, dy = y2 - y1, length = dx * dx + dy * dy;
    float scale = length > 0 ? 1 / length : 0, radius = thickness / 2, reach = radius + 0.5f;
    struct span rows = span_of(fminf(y1, y2) - reach, fmaxf(y1, y2) + reach, canvas->height);
    for (int y = rows.first; y < rows.end; y++) {
        struct span columns = segment_span(canvas, from, to, reach, y);
        uint8_t *pixel = canvas->pixels + y * canvas->stride + (ptrdiff_t)columns.first * 3;
        for (int x = columns.first; x < columns.end; x++, pixel += 3) {
            float px = (float)x - x1, py = (float)y - y1;
            float t = clamp((px * dx + py * dy) * scale, 0, 1);
            float ex = px - t * dx, ey = py - t * dy, square = ex * ex + ey * ey;
            if (square >= reach * reach)
                continue;
            /* A line thinner than a pixel covers at most its thickness. */
            float coverage = clamp(reach - sqrtf(square), 0, fminf(1, thickness));
            blend(pixel, canvas, paint, coverage);
        }
    }
}

void media_raster_disc(const struct media_canvas *canvas, float x, float y, float radius,
                       struct media_paint paint)
{
    media_raster_line(canvas, x, y, x, y, 2 * radius, paint);
}

/* Distance to a rectangle with round corners: negative inside. */
struct box {
    float center[2], half[2], corner;
};

static float distance_to(const struct box *box, int x, int y)
{
    float dx = fabsf((float)x - box->center[0]) - box->half[0] + box->corner;
    float dy = fabsf((float)y - box->center[1]) - box->half[1] + box->corner;
    if (dx <= 0 || dy <= 0)
        return fmaxf(dx, dy) - box->corner;
    return sqrtf(dx * dx + dy * dy) - box->corner;
}

static bool make_box(struct box *box, const struct media_rectangle *rectangle, float corner,
                     float thickness)
{
    const float numbers[6] = {rectangle->x1, rectangle->y1, rectangle->x2,
                              rectangle->y2, corner,        thickness};
    if (!usable(numbers, 6) || rectangle->x2 < rectangle->x1 || rectangle->y2 < rectangle->y1)
        return false;
    float half[2] = {(rectangle->x2 - rectangle->x1) / 2, (rectangle->y2 - rectangle->y1) / 2};
    *box = (struct box){{rectangle->x1 + half[0], rectangle->y1 + half[1]},
                        {half[0], half[1]},
                        clamp(corner, 0, fminf(half[0], half[1]))};
    return true;
}

/* Paints the part of a box (filled, or its outline of `thickness`) that lies in some columns and
 * rows. */
static void paint_part(const struct media_canvas *canvas, const struct box *box, float thickness,
                       struct span columns, struct span rows, struct media_paint paint)
{
    for (int y = rows.first; y < rows.end; y++) {
        uint8_t *pixel = canvas->pixels + y * canvas->stride + (ptrdiff_t)columns.first * 3;
        for (int x = columns.first; x < columns.end; x++, pixel += 3) {
            float distance = distance_to(box, x, y);
            if (thickness > 0)
                distance = fabsf(distance) - thickness / 2;
            float coverage = clamp(0.5f - distance, 0, 1);
            if (coverage > 0)
                blend(pixel, canvas, paint, coverage);
        }
    }
}

void media_raster_fill(const struct media_canvas *canvas, const struct media_rectangle *rectangle,
                       float corner, struct media_paint paint)
{
    struct box box;
    if (!make_box(&box, rectangle, corner, 0))
        return;
    paint_part(canvas, &box, 0, span_of(rectangle->x1 - 1, rectangle->x2 + 1, canvas->width),
               span_of(rectangle->y1 - 1, rectangle->y2 + 1, canvas->height), paint);
}

void media_raster_frame(const struct media_canvas *canvas, const struct media_rectangle *rectangle,
                        float corner, float thickness, struct media_paint paint)
{
    struct box box;
    if (!(thickness > 0) || !make_box(&box, rectangle, corner, thickness))
        return;
    float reach = thickness / 2 + 1, inner = reach + box.corner;
    struct span columns = span_of(rectangle->x1 - reach, rectangle->x2 + reach, canvas->width);
    struct span rows = span_of(rectangle->y1 - reach, rectangle->y2 + reach, canvas->height);
    struct span hollow_rows = span_of(rectangle->y1 + inner, rectangle->y2 - inner, canvas->height);
    struct span hollow = span_of(rectangle->x1 + inner, rectangle->x2 - inner, canvas->width);
    if (hollow_rows.first >= hollow_rows.end || hollow.first >= hollow.end) {
        paint_part(canvas, &box, thickness, columns, rows, paint);
        return;
    }
    const struct span left = {columns.first, hollow.first}, right = {hollow.end, columns.end};
    const struct span top = {rows.first, hollow_rows.first};
    const struct span bottom = {hollow_rows.end, rows.end};
    paint_part(canvas, &box, thickness, columns, top, paint);
    paint_part(canvas, &box, thickness, left, hollow_rows, paint);
    paint_part(canvas, &box, thickness, right, hollow_rows, paint);
    paint_part(canvas, &box, thickness, columns, bottom, paint);
}
