/* JPEG files in memory, through libjpeg-turbo. */
#ifndef MEDIA_JPEG_H
#define MEDIA_JPEG_H

#include "base/buffer.h"
#include "stance/image.h"

/* As RGB24, upright by the Exif orientation; grey becomes RGB, CMYK and YCCK are converted without
 * colour management. The size is checked before decoding; a file that is cut off or damaged is an
 * error. Errors: EFORMAT, ELIMIT, ENOMEMORY. */
int media_jpeg_decode(struct stance_image **out, const uint8_t *data, size_t size);

/* Appends the file. `quality` 1 … 100; from 90 on colours keep their full resolution. Any pixel
 * format; alpha is dropped. Errors: EARGUMENT, EIO, ELIMIT, ENOMEMORY. */
int media_jpeg_encode(struct base_buffer *out, const struct stance_image *image, int quality);

#endif
