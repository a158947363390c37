/* Tags of TIFF headers (Exif is one), and turning pictures the way up that a camera noted. */
#ifndef MEDIA_EXIF_H
#define MEDIA_EXIF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stance/image.h"

enum {
    MEDIA_TIFF_WIDTH = 0x100,
    MEDIA_TIFF_HEIGHT = 0x101,
    MEDIA_TIFF_ORIENTATION = 0x112,
};

/* The first value of a SHORT or LONG tag of the first directory. False: not there, or no TIFF. */
bool media_tiff_tag(const uint8_t *data, size_t size, unsigned tag, uint32_t *value);

/* Orientation 1 … 8 of a JPEG file's Exif segment (TIFF 6.0, section 8); 1 where it has none. */
int media_exif_orientation(const uint8_t *data, size_t size);

/* Whether width and height change places. */
bool media_turn_swaps(int orientation);
/* Fills `to`, which has the format and the turned size of `from`. Chroma of odd sizes is half a
 * pixel off. */
void media_turn_into(struct stance_image *to, const struct stance_image *from, int orientation);

/* Turns a picture upright: replaces it by a turned copy, or leaves it for orientation 1.
 * On error the picture is as before. Errors: ENOMEMORY. */
int media_turn_upright(struct stance_image **image, int orientation);

/* Walks the segments of a JPEG file before its first scan. Starts with *at = 0; false at the end.
 * `marker` is the second byte of the marker, `body` lies within the file. */
struct media_segment {
    int marker;
    const uint8_t *body;
    size_t size;
};
bool media_jpeg_segment(const uint8_t *data, size_t size, size_t *at, struct media_segment *out);

#endif
