/* JPEG through turbojpeg, and what turbojpeg leaves to its user: orientation, inks, warnings. */
#include <limits.h>
#include <string.h>
#include <turbojpeg.h>

#include "base/memory.h"
#include "media/exif.h"
#include "media/jpeg.h"
#include "media/picture.h"

/* Files of Adobe programs hold paper minus ink (Adobe TN 5116); others hold ink. */
static bool is_inverted(const uint8_t *data, size_t size, int colorspace)
{
    enum { APP14 = 0xee };
    struct media_segment segment;
    size_t at = 0;
    while (media_jpeg_segment(data, size, &at, &segment))
        if (segment.marker == APP14 && segment.size >= 5 && memcmp(segment.body, "Adobe", 5) == 0)
            return true;
    return colorspace == TJCS_YCCK;
}

static void inks_to_rgb(const uint8_t *restrict inks, uint8_t *restrict rgb, int width,
                        bool inverted)
{
    int flip = inverted ? 0 : 255;
    for (int x = 0; x < width; x++) {
        int black = inks[4 * x + 3] ^ flip;
        for (int c = 0; c < 3; c++)
            rgb[3 * x + c] = (uint8_t)(((inks[4 * x + c] ^ flip) * black + 127) / 255);
    }
}

/* turbojpeg goes on after warnings. Padding between segments is harmless; the rest is not. */
static int check_warning(tjhandle handle)
{
    const char *text = tjGetErrorStr2(handle);
    if (strstr(text, "remature end"))
        return base_error(STANCE_EFORMAT, "JPEG: the file is cut off (%s)", text);
    if (tjGetErrorCode(handle) == TJERR_WARNING &&
        (!strstr(text, "Corrupt") || strstr(text, "extraneous bytes")))
        return 0;
    return base_error(STANCE_EFORMAT, "JPEG: the file is damaged (%s)", text);
}

static int decompress(tjhandle handle, const uint8_t *data, size_t size, uint8_t *pixels,
                      const struct stance_image *image, ptrdiff_t stride, int format)
{
    if (tjDecompress2(handle, data, size, pixels, image->width, (int)stride, image->height, format,
                      TJFLAG_LIMITSCANS) != 0)
        return check_warning(handle);
    return 0;
}

static int decompress_inks(tjhandle handle, const uint8_t *data, size_t size,
                           struct stance_image *image, bool inverted)
{
    size_t stride = (size_t)image->width * 4, bytes = stride * (size_t)image->height;
    uint8_t *inks = base_alloc(bytes);
    if (!inks)
        return base_error_memory(bytes, "a CMYK picture");
    int code = decompress(handle, data, size, inks, image, (ptrdiff_t)stride, TJPF_CMYK);
    if (code == 0)
        for (int y = 0; y < image->height; y++)
            inks_to_rgb(inks + (size_t)y * stride, image->plane[0] + y * image->stride[0],
                        image->width, inverted);
    base_free(inks);
    return code;
}

static int decode(struct stance_image **out, tjhandle handle, const uint8_t *data, size_t size)
{
    int width = 0, height = 0, subsampling, colorspace = TJCS_YCbCr;
    int bad = tjDecompressHeader3(handle, data, size, &width, &height, &subsampling, &colorspace);
    /* Unusual subsampling is an error of this call alone: the size is known, and it decodes. */
    if (bad != 0 && (width < 1 || height < 1))
        return base_error(STANCE_EFORMAT, "JPEG: no usable header (%s)", tjGetErrorStr2(handle));
    BASE_TRY(media_picture_check_size("JPEG", width, height));
    BASE_TRY(stance_image_open(out, STANCE_RGB24, width, height));
    if (colorspace == TJCS_CMYK || colorspace == TJCS_YCCK)
        BASE_TRY(decompress_inks(handle, data, size, *out, is_inverted(data, size, colorspace)));
    else
        BASE_TRY(
            decompress(handle, data, size, (*out)->plane[0], *out, (*out)->stride[0], TJPF_RGB));
    return media_turn_upright(out, media_exif_orientation(data, size));
}

int media_jpeg_decode(struct stance_image **out, const uint8_t *data, size_t size)
{
    *out = NULL;
    if (size == 0)
        return base_error(STANCE_EFORMAT, "JPEG: the file is empty");
    tjhandle handle = tjInitDecompress();
    if (!handle)
        return base_error(STANCE_ENOMEMORY, "JPEG: %s", tjGetErrorStr2(NULL));
    int code = decode(out, handle, data, size);
    tjDestroy(handle);
    if (code < 0)
        stance_image_close(out);
    return code;
}

static int compress(struct base_buffer *out, tjhandle handle, const struct stance_image *image,
                    int quality)
{
    static const int formats[] = {[STANCE_RGB24] = TJPF_RGB,
                                  [STANCE_BGR24] = TJPF_BGR,
                                  [STANCE_RGBA32] = TJPF_RGBX,
                                  [STANCE_BGRA32] = TJPF_BGRX,
                                  [STANCE_GRAY8] = TJPF_GRAY};
    int subsampling = image->format == STANCE_GRAY8 ? TJSAMP_GRAY
                      : quality >= 90               ? TJSAMP_444
                                                    : TJSAMP_420;
    unsigned long size = tjBufSize(image->width, image->height, subsampling);
    BASE_TRY(base_buffer_reserve(out, size));
    unsigned char *end = (unsigned char *)out->data + out->size;
    if (tjCompress2(handle, image->plane[0], image->width, (int)image->stride[0], image->height,
                    formats[image->format], &end, &size, subsampling, quality,
                    TJFLAG_NOREALLOC | TJFLAG_ACCURATEDCT) != 0)
        return base_error(STANCE_EIO, "JPEG: cannot encode (%s)", tjGetErrorStr2(handle));
    out->size += size;
    out->data[out->size] = 0;
    return 0;
}

int media_jpeg_encode(struct base_buffer *out, const struct stance_image *image, int quality)
{
    if (quality < 1 || quality > 100)
        return base_error(STANCE_EARGUMENT, "JPEG: a quality of %d; use 1 … 100", quality);
    struct stance_image *copy = NULL;
    if (image->format > STANCE_GRAY8 || image->stride[0] < 0 || image->stride[0] > INT_MAX) {
        BASE_TRY(stance_image_convert(&copy, image, STANCE_RGB24));
        image = copy;
    }
    tjhandle handle = tjInitCompress();
    int code = handle ? compress(out, handle, image, quality)
                      : base_error(STANCE_ENOMEMORY, "JPEG: %s", tjGetErrorStr2(NULL));
    tjDestroy(handle);
    stance_image_close(&copy);
    return code;
}
