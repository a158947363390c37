/* Picture files in memory: which kind they are, how large, and their pixels. */
#ifndef MEDIA_PICTURE_H
#define MEDIA_PICTURE_H

#include <stdbool.h>

#include "base/buffer.h"
#include "stance/image.h"

/* More pixels than this in one file are not decoded. */
enum { MEDIA_MAX_PIXELS = 100 * 1000 * 1000 };

enum media_picture_codec {
    MEDIA_JPEG,
    MEDIA_PNG,
    MEDIA_WEBP,
    MEDIA_BMP,
    MEDIA_TIFF,
    MEDIA_GIF,
};

struct media_picture_kind {
    enum media_picture_codec codec;
    const char *name; /* "PNG" */
    bool (*recognise)(const uint8_t *data, size_t size);
    /* Size by the file's header; false where it says none. NULL: the decoder asks itself. */
    bool (*measure)(const uint8_t *data, size_t size, int64_t *width, int64_t *height);
    /* Whether the whole first picture is there. NULL: the decoder notices. */
    bool (*is_complete)(const uint8_t *data, size_t size);
};

/* By content; NULL for a file of another kind. */
const struct media_picture_kind *media_picture_kind_of(const uint8_t *data, size_t size);

/* Errors: EFORMAT below one pixel, ELIMIT. */
int media_picture_check_size(const char *kind, int64_t width, int64_t height);

/* A whole file as RGB24, see stance_image_read(). Errors: EFORMAT (also for something that is not a
 * picture), EUNSUPPORTED, ELIMIT, ENOMEMORY. */
int media_picture_parse(struct stance_image **out, const uint8_t *data, size_t size);

/* All kinds but JPEG, through libavcodec. Errors: as above. */
int media_picture_decode(struct stance_image **out, const struct media_picture_kind *kind,
                         const uint8_t *data, size_t size);

/* Appends a PNG file; RGB, RGBA or grey as the picture is. Errors: EIO, ELIMIT, ENOMEMORY. */
int media_png_encode(struct base_buffer *out, const struct stance_image *image);

#endif
