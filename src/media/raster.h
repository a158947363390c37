/* Anti-aliased shapes on pictures of any pixel format, planar YUV included.
 *
 * Coordinates are pixels with centres at whole numbers. A pixel's coverage follows from the
 * distance of its centre to the shape's edge: 1 half a pixel inside, 0 half a pixel outside; a
 * chroma sample has the mean coverage of its pixels. Everything is clipped to the picture; shapes
 * with coordinates that are not finite, or farther out than any picture could be, draw nothing. */
#ifndef MEDIA_RASTER_H
#define MEDIA_RASTER_H

#include "stance/image.h"

struct media_canvas {
    uint8_t *plane[3];
    ptrdiff_t stride[3];
    int32_t width, height;
    int32_t step;        /* bytes from pixel to pixel in plane 0 */
    int32_t channels;    /* in plane 0: 3, or 1 for grey and luma */
    int32_t offset[3];   /* of red, green and blue in a pixel */
    int32_t chroma_step; /* bytes from sample to sample of U and V; 0: there is no chroma */
    int32_t color;       /* enum stance_color */
};

struct media_paint {
    uint8_t rgb[3];
    float alpha; /* 0 … 1 */
};

struct media_rectangle {
    float x1, y1, x2, y2;
};

/* The picture must be usable, see vision_image_check(). */
void media_canvas_open(struct media_canvas *canvas, const struct stance_image *image);

/* A line with round ends; both points may be the same. */
void media_raster_line(const struct media_canvas *canvas, float x1, float y1, float x2, float y2,
                       float thickness, struct media_paint paint);
void media_raster_disc(const struct media_canvas *canvas, float x, float y, float radius,
                       struct media_paint paint);
/* An ellipse whose long axis joins two points; `thickness`: of its middle. */
void media_raster_ellipse(const struct media_canvas *canvas, float x1, float y1, float x2, float y2,
                          float thickness, struct media_paint paint);
/* The outline runs along the middle of the line of `thickness`; corners are round. */
void media_raster_frame(const struct media_canvas *canvas, const struct media_rectangle *rectangle,
                        float corner, float thickness, struct media_paint paint);
void media_raster_fill(const struct media_canvas *canvas, const struct media_rectangle *rectangle,
                       float corner, struct media_paint paint);

/* Strokes of a small built-in font: ASCII letters, digits, and " . , : - + / # % _". Each other
 * character of UTF-8 is drawn as a box. (x, y): left end of the baseline; `size`: height of
 * capitals. */
void media_raster_text(const struct media_canvas *canvas, float x, float y, float size,
                       float thickness, const char *text, struct media_paint paint);
float media_raster_text_width(const char *text, float size);

#endif
