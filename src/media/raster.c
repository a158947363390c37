/* Shapes by distance: each pixel near an edge gets as much paint as its distance to it says. */
#include <math.h>
#include <stdbool.h>

#include "media/raster.h"
#include "vision/pixel.h"

/* Farther out than a picture can be, a coordinate is taken for nonsense. */
#define FAR_OUT 1e6f

static bool usable(const float *values, int count)
{
    for (int i = 0; i < count; i++)
        if (!(fabsf(values[i]) < FAR_OUT))
            return false;
    return true;
}

void media_canvas_open(struct media_canvas *canvas, const struct stance_image *image)
{
    const struct vision_layout *layout = vision_layout_find(image->format);
    *canvas = (struct media_canvas){
        .width = image->width,
        .height = image->height,
        .step = layout->bytes,
        .channels = layout->bytes == 1 ? 1 : 3,
        .offset = {layout->red, layout->green, layout->blue},
        .chroma_step = layout->planes > 1 ? 4 - layout->planes : 0,
        .color = image->color,
    };
    for (int i = 0; i < layout->planes; i++) {
        canvas->plane[i] = image->plane[i];
        canvas->stride[i] = image->stride[i];
    }
    if (layout->planes == 2) {
        canvas->plane[2] = canvas->plane[1] + 1;
        canvas->stride[2] = canvas->stride[1];
    }
}

static float clamp(float value, float least, float most)
{
    return value < least ? least : value > most ? most : value;
}

/* ---- Paint on samples ---- */

/* The paint in the canvas's own terms: red, green, blue; or luma (or grey), U, V. */
struct ink {
    int value[3];
    float alpha;
};

/* RGB to YUV after BT.601 and BT.709, sections 2 and 3. */
static struct ink ink_of(const struct media_canvas *canvas, struct media_paint paint)
{
    if (canvas->channels == 3)
        return (struct ink){{paint.rgb[0], paint.rgb[1], paint.rgb[2]}, paint.alpha};
    bool full = canvas->chroma_step == 0 || canvas->color >= STANCE_BT601_FULL;
    bool bt709 = canvas->chroma_step && canvas->color % 2 == STANCE_BT709;
    float red = bt709 ? 0.2126f : 0.299f, blue = bt709 ? 0.0722f : 0.114f;
    float luma = red * paint.rgb[0] + (1 - red - blue) * paint.rgb[1] + blue * paint.rgb[2];
    float scale = full ? 1 : 224 / 255.0f;
    float u = scale * (paint.rgb[2] - luma) / (2 * (1 - blue));
    float v = scale * (paint.rgb[0] - luma) / (2 * (1 - red));
    return (struct ink){{(int)lrintf(full ? luma : 16 + luma * 219 / 255),
                         (int)lrintf(clamp(128 + u, 0, 255)), (int)lrintf(clamp(128 + v, 0, 255))},
                        paint.alpha};
}

static inline void blend(uint8_t *sample, int value, int alpha)
{
    int old = *sample;
    *sample = (uint8_t)((old * 256 + (value - old) * alpha + 128) >> 8);
}

/* ---- Shapes ---- */

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

enum kind { SEGMENT, ELLIPSE, BOX };

struct shape {
    enum kind kind;
    float x, y;           /* SEGMENT: its beginning; else the centre */
    float dx, dy;         /* SEGMENT: to its end; ELLIPSE: unit vector along it */
    float ux, uy;         /* SEGMENT: unit vector along it */
    float reach, scale;   /* SEGMENT: to where paint goes; 1 / length² */
    float most;           /* SEGMENT: coverage of its middle */
    float half[2];        /* ELLIPSE: half axes; BOX: half sides */
    float corner, stroke; /* BOX: radius of corners; thickness of its outline, 0: filled */
};

static float segment_coverage(const struct shape *shape, float px, float py)
{
    float t = (px * shape->dx + py * shape->dy) * shape->scale, distance;
    if (t > 0 && t < 1) {
        distance = fabsf(px * shape->uy - py * shape->ux);
    } else {
        float ex = t > 0 ? px - shape->dx : px, ey = t > 0 ? py - shape->dy : py;
        distance = sqrtf(ex * ex + ey * ey);
    }
    return clamp(shape->reach - distance, 0, shape->most);
}

/* Distance by the implicit function over its slope, which is exact on the edge. */
static float ellipse_coverage(const struct shape *shape, float px, float py)
{
    float u = (px * shape->dx + py * shape->dy) / shape->half[0];
    float v = (py * shape->dx - px * shape->dy) / shape->half[1];
    float r = sqrtf(u * u + v * v);
    float slope = sqrtf(u * u / (shape->half[0] * shape->half[0]) +
                        v * v / (shape->half[1] * shape->half[1]));
    return slope > 0 ? clamp(0.5f - (r - 1) * r / slope, 0, 1) : 1;
}

static float box_coverage(const struct shape *shape, float px, float py)
{
    float dx = fabsf(px) - shape->half[0] + shape->corner;
    float dy = fabsf(py) - shape->half[1] + shape->corner;
    float distance = dx <= 0 || dy <= 0 ? (dx > dy ? dx : dy) : sqrtf(dx * dx + dy * dy);
    distance -= shape->corner;
    if (shape->stroke > 0)
        distance = fabsf(distance) - shape->stroke / 2;
    return clamp(0.5f - distance, 0, 1);
}

static inline float coverage_of(const struct shape *shape, int x, int y)
{
    float px = (float)x - shape->x, py = (float)y - shape->y;
    switch (shape->kind) {
    case SEGMENT: return segment_coverage(shape, px, py);
    case ELLIPSE: return ellipse_coverage(shape, px, py);
    default: return box_coverage(shape, px, py);
    }
}

static inline int alpha_of(const struct shape *shape, const struct ink *ink, int x, int y)
{
    return (int)(coverage_of(shape, x, y) * ink->alpha * 256 + 0.5f);
}

/* Of `columns`, those of row y that the shape may touch: for slanted segments few of them. */
static struct span row_span(const struct shape *shape, const struct media_canvas *canvas, int y,
                            struct span columns)
{
    if (shape->kind != SEGMENT)
        return columns;
    float t1 = 0, t2 = 1;
    if (fabsf(shape->dy) > 1e-3f) {
        float a = ((float)y - shape->reach - shape->y) / shape->dy;
        float b = ((float)y + shape->reach - shape->y) / shape->dy;
        t1 = clamp(fminf(a, b), 0, 1);
        t2 = clamp(fmaxf(a, b), 0, 1);
    }
    float x1 = shape->x + t1 * shape->dx, x2 = shape->x + t2 * shape->dx;
    return span_of(fminf(x1, x2) - shape->reach, fmaxf(x1, x2) + shape->reach, canvas->width);
}

/* ---- Painting ---- */

static void paint_rows(const struct media_canvas *canvas, const struct shape *shape,
                       struct span columns, struct span rows, const struct ink *ink)
{
    for (int y = rows.first; y < rows.end; y++) {
        struct span span = row_span(shape, canvas, y, columns);
        uint8_t *row = canvas->plane[0] + y * canvas->stride[0];
        for (int x = span.first; x < span.end; x++) {
            int alpha = alpha_of(shape, ink, x, y);
            uint8_t *pixel = row + (ptrdiff_t)x * canvas->step;
            for (int c = 0; c < canvas->channels && alpha; c++)
                blend(pixel + canvas->offset[c], ink->value[c], alpha);
        }
    }
}

static inline int least(int a, int b)
{
    return a < b ? a : b;
}

/* The two by two pixels of one chroma sample, as far as they are among the columns and rows. */
static inline void paint_cell(const struct media_canvas *canvas, const struct shape *shape, int x,
                              int y, struct span columns, struct span rows, const struct ink *ink)
{
    int left = x < columns.first ? columns.first : x, right = least(x + 2, columns.end);
    int top = y < rows.first ? rows.first : y, bottom = least(y + 2, rows.end);
    int count = (least(x + 2, canvas->width) - x) * (least(y + 2, canvas->height) - y), sum = 0;
    for (int v = top; v < bottom; v++)
        for (int u = left; u < right; u++) {
            int alpha = alpha_of(shape, ink, u, v);
            blend(canvas->plane[0] + v * canvas->stride[0] + u, ink->value[0], alpha);
            sum += alpha;
        }
    for (int i = 1; i < 3 && sum; i++)
        blend(canvas->plane[i] + y / 2 * canvas->stride[i] + x / 2 * canvas->chroma_step,
              ink->value[i], (sum + count / 2) / count);
}

static void paint_planes(const struct media_canvas *canvas, const struct shape *shape,
                         struct span columns, struct span rows, const struct ink *ink)
{
    for (int y = rows.first & ~1; y < rows.end; y += 2) {
        struct span above = row_span(shape, canvas, y, columns);
        struct span below = row_span(shape, canvas, y + 1, columns);
        if (above.first >= above.end)
            above = below;
        if (below.first >= below.end)
            below = above;
        int first = above.first < below.first ? above.first : below.first;
        int end = above.end > below.end ? above.end : below.end;
        for (int x = first & ~1; x < end; x += 2)
            paint_cell(canvas, shape, x, y, columns, rows, ink);
    }
}

static void paint_part(const struct media_canvas *canvas, const struct shape *shape,
                       struct span columns, struct span rows, const struct ink *ink)
{
    (canvas->chroma_step ? paint_planes : paint_rows)(canvas, shape, columns, rows, ink);
}

void media_raster_line(const struct media_canvas *canvas, float x1, float y1, float x2, float y2,
                       float thickness, struct media_paint paint)
{
    const float numbers[5] = {x1, y1, x2, y2, thickness};
    if (!usable(numbers, 5) || !(thickness > 0))
        return;
    float dx = x2 - x1, dy = y2 - y1, length = dx * dx + dy * dy;
    float unit = length > 0 ? 1 / sqrtf(length) : 0;
    struct shape shape = {
        .kind = SEGMENT,
        .x = x1,
        .y = y1,
        .dx = dx,
        .dy = dy,
        .ux = unit * dx,
        .uy = unit * dy,
        .reach = thickness / 2 + 0.5f,
        .scale = length > 0 ? 1 / length : 0,
        /* A line thinner than a pixel covers at most its thickness. */
        .most = fminf(1, thickness),
    };
    struct ink ink = ink_of(canvas, paint);
    paint_part(canvas, &shape,
               span_of(fminf(x1, x2) - shape.reach, fmaxf(x1, x2) + shape.reach, canvas->width),
               span_of(fminf(y1, y2) - shape.reach, fmaxf(y1, y2) + shape.reach, canvas->height),
               &ink);
}

void media_raster_disc(const struct media_canvas *canvas, float x, float y, float radius,
                       struct media_paint paint)
{
    media_raster_line(canvas, x, y, x, y, 2 * radius, paint);
}

void media_raster_ellipse(const struct media_canvas *canvas, float x1, float y1, float x2, float y2,
                          float thickness, struct media_paint paint)
{
    const float numbers[5] = {x1, y1, x2, y2, thickness};
    if (!usable(numbers, 5) || !(thickness > 0))
        return;
    thickness = fmaxf(thickness, 0.1f); /* squares of distances over it stay numbers */
    float length = hypotf(x2 - x1, y2 - y1);
    struct shape shape = {
        .kind = ELLIPSE,
        .x = (x1 + x2) / 2,
        .y = (y1 + y2) / 2,
        .dx = length > 0 ? (x2 - x1) / length : 1,
        .dy = length > 0 ? (y2 - y1) / length : 0,
        .half = {fmaxf(length, thickness) / 2, thickness / 2},
    };
    float wide = hypotf(shape.half[0] * shape.dx, shape.half[1] * shape.dy) + 1;
    float high = hypotf(shape.half[0] * shape.dy, shape.half[1] * shape.dx) + 1;
    struct ink ink = ink_of(canvas, paint);
    paint_part(canvas, &shape, span_of(shape.x - wide, shape.x + wide, canvas->width),
               span_of(shape.y - high, shape.y + high, canvas->height), &ink);
}

static bool make_box(struct shape *shape, const struct media_rectangle *rectangle, float corner,
                     float thickness)
{
    const float numbers[6] = {rectangle->x1, rectangle->y1, rectangle->x2,
                              rectangle->y2, corner,        thickness};
    if (!usable(numbers, 6) || rectangle->x2 < rectangle->x1 || rectangle->y2 < rectangle->y1)
        return false;
    float half[2] = {(rectangle->x2 - rectangle->x1) / 2, (rectangle->y2 - rectangle->y1) / 2};
    *shape = (struct shape){
        .kind = BOX,
        .x = rectangle->x1 + half[0],
        .y = rectangle->y1 + half[1],
        .half = {half[0], half[1]},
        .corner = clamp(corner, 0, fminf(half[0], half[1])),
        .stroke = thickness,
    };
    return true;
}

void media_raster_fill(const struct media_canvas *canvas, const struct media_rectangle *rectangle,
                       float corner, struct media_paint paint)
{
    struct shape shape;
    struct ink ink = ink_of(canvas, paint);
    if (make_box(&shape, rectangle, corner, 0))
        paint_part(canvas, &shape, span_of(rectangle->x1 - 1, rectangle->x2 + 1, canvas->width),
                   span_of(rectangle->y1 - 1, rectangle->y2 + 1, canvas->height), &ink);
}

/* The hollow middle of a large box is not looked at. */
void media_raster_frame(const struct media_canvas *canvas, const struct media_rectangle *rectangle,
                        float corner, float thickness, struct media_paint paint)
{
    struct shape shape;
    struct ink ink = ink_of(canvas, paint);
    if (!(thickness > 0) || !make_box(&shape, rectangle, corner, thickness))
        return;
    float reach = thickness / 2 + 1, inner = reach + shape.corner;
    struct span columns = span_of(rectangle->x1 - reach, rectangle->x2 + reach, canvas->width);
    struct span rows = span_of(rectangle->y1 - reach, rectangle->y2 + reach, canvas->height);
    struct span hollow_rows = span_of(rectangle->y1 + inner, rectangle->y2 - inner, canvas->height);
    struct span hollow = span_of(rectangle->x1 + inner, rectangle->x2 - inner, canvas->width);
    if (canvas->chroma_step) { /* parts do not share chroma samples */
        hollow = (struct span){(hollow.first + 1) & ~1, hollow.end & ~1};
        hollow_rows = (struct span){(hollow_rows.first + 1) & ~1, hollow_rows.end & ~1};
    }
    if (hollow_rows.first >= hollow_rows.end || hollow.first >= hollow.end) {
        paint_part(canvas, &shape, columns, rows, &ink);
        return;
    }
    const struct span left = {columns.first, hollow.first}, right = {hollow.end, columns.end};
    const struct span top = {rows.first, hollow_rows.first};
    const struct span bottom = {hollow_rows.end, rows.end};
    paint_part(canvas, &shape, columns, top, &ink);
    paint_part(canvas, &shape, left, hollow_rows, &ink);
    paint_part(canvas, &shape, right, hollow_rows, &ink);
    paint_part(canvas, &shape, columns, bottom, &ink);
}
