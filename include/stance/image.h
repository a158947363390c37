/* Images: reference-counted pictures in memory.
 *
 * Coordinates: x to the right, y down, the centre of the first pixel is (0, 0).
 * Threads: a picture may be read by many threads at once; keeping and closing is safe from any. */
#ifndef STANCE_IMAGE_H
#define STANCE_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "stance/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Largest width and height that is accepted anywhere. */
#define STANCE_IMAGE_MAX_SIDE 16384

enum stance_pixel_format {
    STANCE_RGB24 = 1, /* 3 bytes a pixel */
    STANCE_BGR24 = 2,
    STANCE_RGBA32 = 3, /* 4 bytes a pixel, alpha not premultiplied */
    STANCE_BGRA32 = 4,
    STANCE_GRAY8 = 5,
    STANCE_YUV420P = 6, /* three planes: Y, U, V; chroma halved both ways */
    STANCE_NV12 = 7,    /* Y plane and interleaved UV plane */
};

/* What the numbers of the planar formats mean: ITU-R matrix and range. Limited: luma 16 … 235. */
enum stance_color {
    STANCE_BT601 = 0,
    STANCE_BT709 = 1,
    STANCE_BT601_FULL = 2, /* as in JPEG */
    STANCE_BT709_FULL = 3,
};

/* One picture. The fields may be read; only the functions below change them. */
struct stance_image {
    int32_t width, height;
    int32_t format; /* enum stance_pixel_format */
    int32_t color;  /* enum stance_color; of planar formats only, else 0 */
    uint8_t *plane[3];
    ptrdiff_t stride[3]; /* bytes from one row to the next; may be larger than a row, or negative */
    void *owner;         /* reference count; NULL: the memory is the caller's */
};

/* A new picture with undefined pixels. Errors: EARGUMENT, ELIMIT, ENOMEMORY. */
STANCE_API int stance_image_open(struct stance_image **out, int format, int width, int height);

/* A picture over the caller's packed pixels (not planar); nothing is copied, `pixels` must live as
 * long as the picture. Errors: EARGUMENT, ELIMIT, ENOMEMORY. */
STANCE_API int stance_image_wrap(struct stance_image **out, int format, int width, int height,
                                 void *pixels, ptrdiff_t stride);

/* One more reference; returns `image`. */
STANCE_API struct stance_image *stance_image_keep(struct stance_image *image);

/* Drops one reference and sets the handle NULL; the last one frees the picture. NULL is allowed. */
STANCE_API void stance_image_close(struct stance_image **image);

/* A copy in another format: any becomes RGB24, BGR24, RGBA32, BGRA32 or GRAY8; YUV420P and NV12
 * only themselves. Alpha is dropped or opaque. Errors: EARGUMENT, EUNSUPPORTED, ELIMIT,
 * ENOMEMORY. */
STANCE_API int stance_image_convert(struct stance_image **out, const struct stance_image *image,
                                    int format);

/* Reads a picture file as RGB24: JPEG (EXIF orientation applied, CMYK converted), PNG, WebP, BMP,
 * TIFF, GIF (first frame); grey becomes RGB, alpha is laid over white, 16 bits become 8. At most
 * STANCE_IMAGE_MAX_SIDE a side and 100 million pixels, checked before decoding.
 * In libstance-media. Errors: ENOTFOUND, EIO, EFORMAT, EUNSUPPORTED, ELIMIT, ENOMEMORY. */
STANCE_API int stance_image_read(struct stance_image **out, const char *path);

/* The same for a picture file that lies in memory. In libstance-media.
 * Errors: EFORMAT, EUNSUPPORTED, ELIMIT, ENOMEMORY. */
STANCE_API int stance_image_parse(struct stance_image **out, const void *data, size_t size);

/* Writes .png or .jpg (quality 92) by the path's ending, under a temporary name and then renamed.
 * In libstance-media. Errors: EARGUMENT, EIO, ELIMIT, ENOMEMORY. */
STANCE_API int stance_image_write(const struct stance_image *image, const char *path);

#ifdef __cplusplus
}
#endif
#endif
