/* Between FFmpeg's frames and pictures: without a copy where the pixel format is one of ours. */
#ifndef MEDIA_AV_FRAME_H
#define MEDIA_AV_FRAME_H

#include <libavutil/frame.h>

#include "base/errors.h"
#include "stance/image.h"

struct media_converter;

/* Errors: ENOMEMORY. */
int media_converter_open(struct media_converter **out);
/* NULL allowed; sets NULL. Pictures stay valid. */
void media_converter_close(struct media_converter **converter);

/* A decoded frame as an upright picture: YUV 4:2:0 and 4:2:2 of any depth as YUV420P or NV12, grey
 * as GRAY8, all other as RGB24 or BGR24. `frame` is left empty. `writable`: nobody else uses the
 * pixels. Errors: EUNSUPPORTED, ELIMIT, ENOMEMORY. */
int media_frame_to_image(struct media_converter *converter, struct stance_image **out,
                         AVFrame *frame, int orientation, int writable);

/* A picture as a frame for an encoder; one of another size is scaled to fit on black. The frame may
 * point into the picture. Errors: EUNSUPPORTED, ENOMEMORY. */
int media_image_to_frame(struct media_converter *converter, AVFrame *out,
                         const struct stance_image *image, int width, int height, int format);

/* The closest of FFmpeg's pixel formats, and what the frame says about its colours. */
int media_pixel_format_of(const struct stance_image *image);
void media_color_to_frame(AVFrame *frame, const struct stance_image *image);

#endif
