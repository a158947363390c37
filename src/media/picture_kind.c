/* The kinds of picture files, recognised and measured by their first bytes. */
#include <string.h>

#include "base/errors.h"
#include "media/exif.h"
#include "media/jpeg.h"
#include "media/picture.h"

static uint32_t little_16(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8;
}

static uint32_t little_24(const uint8_t *at)
{
    return little_16(at) | (uint32_t)at[2] << 16;
}

static uint32_t little_32(const uint8_t *at)
{
    return little_24(at) | (uint32_t)at[3] << 24;
}

static uint32_t big_32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static bool is_jpeg(const uint8_t *data, size_t size)
{
    return size >= 3 && memcmp(data, "\xff\xd8\xff", 3) == 0;
}

static bool is_png(const uint8_t *data, size_t size)
{
    return size >= 8 && memcmp(data, "\x89PNG\r\n\x1a\n", 8) == 0;
}

static bool measure_png(const uint8_t *data, size_t size, int64_t *width, int64_t *height)
{
    if (size < 24 || memcmp(data + 12, "IHDR", 4) != 0)
        return false;
    *width = big_32(data + 16);
    *height = big_32(data + 20);
    return true;
}

static bool is_webp(const uint8_t *data, size_t size)
{
    return size >= 12 && memcmp(data, "RIFF", 4) == 0 && memcmp(data + 8, "WEBP", 4) == 0;
}

/* The three ways a WebP file begins: extended, lossless, lossy (RFC 9649). */
static bool measure_webp(const uint8_t *data, size_t size, int64_t *width, int64_t *height)
{
    if (size < 30)
        return false;
    if (memcmp(data + 12, "VP8X", 4) == 0) {
        *width = 1 + (int64_t)little_24(data + 24);
        *height = 1 + (int64_t)little_24(data + 27);
    } else if (memcmp(data + 12, "VP8L", 4) == 0) {
        uint32_t bits = little_32(data + 21);
        *width = 1 + (int64_t)(bits & 0x3fff);
        *height = 1 + (int64_t)(bits >> 14 & 0x3fff);
    } else if (memcmp(data + 12, "VP8 ", 4) == 0) {
        *width = little_16(data + 26) & 0x3fff;
        *height = little_16(data + 28) & 0x3fff;
    } else {
        return false;
    }
    return true;
}

static bool is_bmp(const uint8_t *data, size_t size)
{
    /* Two letters prove little: the size of the second header is one of the known ones. */
    if (size < 26 || memcmp(data, "BM", 2) != 0)
        return false;
    uint32_t header = little_32(data + 14);
    return header == 12 || (header >= 40 && header <= 124);
}

static bool measure_bmp(const uint8_t *data, size_t size, int64_t *width, int64_t *height)
{
    (void)size;
    bool core = little_32(data + 14) == 12;
    *width = core ? (int32_t)little_16(data + 18) : (int32_t)little_32(data + 18);
    int64_t rows = core ? (int32_t)little_16(data + 20) : (int32_t)little_32(data + 22);
    *height = rows < 0 ? -rows : rows;
    return true;
}

static bool is_tiff(const uint8_t *data, size_t size)
{
    return size >= 8 && (memcmp(data, "II*\0", 4) == 0 || memcmp(data, "MM\0*", 4) == 0);
}

static bool measure_tiff(const uint8_t *data, size_t size, int64_t *width, int64_t *height)
{
    uint32_t columns, rows;
    if (!media_tiff_tag(data, size, MEDIA_TIFF_WIDTH, &columns) ||
        !media_tiff_tag(data, size, MEDIA_TIFF_HEIGHT, &rows))
        return false;
    *width = columns;
    *height = rows;
    return true;
}

static bool is_gif(const uint8_t *data, size_t size)
{
    return size >= 10 && (memcmp(data, "GIF87a", 6) == 0 || memcmp(data, "GIF89a", 6) == 0);
}

static bool measure_gif(const uint8_t *data, size_t size, int64_t *width, int64_t *height)
{
    (void)size;
    *width = little_16(data + 6);
    *height = little_16(data + 8);
    return true;
}

/* Passes a colour table that the low bits of `flags` announce. */
static size_t after_colors(uint8_t flags)
{
    return flags & 0x80 ? (size_t)3 << ((flags & 7) + 1) : 0;
}

/* Walks the blocks up to the end of the first picture (GIF89a, section 15 on): decoders take
 * whatever is there. */
static bool is_gif_complete(const uint8_t *data, size_t size)
{
    enum { HEADER = 13, EXTENSION = 0x21, PICTURE = 0x2c, PICTURE_HEADER = 10 };
    if (size < HEADER)
        return false;
    size_t at = HEADER + after_colors(data[10]);
    bool picture = false;
    while (!picture && at < size) {
        picture = data[at] == PICTURE;
        if (!picture && data[at] != EXTENSION)
            return false;
        if (picture && size - at < PICTURE_HEADER)
            return false;
        at += picture ? PICTURE_HEADER + after_colors(data[at + 9]) + 1 : 2;
        while (at < size && data[at] != 0)
            at += (size_t)data[at] + 1;
        at++;
    }
    return picture && at <= size;
}

static const struct media_picture_kind kinds[] = {
    {MEDIA_JPEG, "JPEG", is_jpeg, NULL, NULL},
    {MEDIA_PNG, "PNG", is_png, measure_png, NULL},
    {MEDIA_WEBP, "WebP", is_webp, measure_webp, NULL},
    {MEDIA_BMP, "BMP", is_bmp, measure_bmp, NULL},
    {MEDIA_TIFF, "TIFF", is_tiff, measure_tiff, NULL},
    {MEDIA_GIF, "GIF", is_gif, measure_gif, is_gif_complete},
};

const struct media_picture_kind *media_picture_kind_of(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (kinds[i].recognise(data, size))
            return &kinds[i];
    return NULL;
}

int media_picture_check_size(const char *kind, int64_t width, int64_t height)
{
    if (width < 1 || height < 1)
        return base_error(STANCE_EFORMAT, "%s: the header says %lld×%lld pixels", kind,
                          (long long)width, (long long)height);
    if (width > STANCE_IMAGE_MAX_SIDE || height > STANCE_IMAGE_MAX_SIDE ||
        width * height > MEDIA_MAX_PIXELS)
        return base_error(
            STANCE_ELIMIT, "%s: %lld×%lld pixels; at most %d a side and %d million are read", kind,
            (long long)width, (long long)height, STANCE_IMAGE_MAX_SIDE, MEDIA_MAX_PIXELS / 1000000);
    return 0;
}

int media_picture_parse(struct stance_image **out, const uint8_t *data, size_t size)
{
    *out = NULL;
    const struct media_picture_kind *kind = media_picture_kind_of(data, size);
    if (!kind)
        return base_error(STANCE_EFORMAT,
                          "not a picture stance can read (JPEG, PNG, WebP, BMP, TIFF, GIF)");
    if (kind->codec == MEDIA_JPEG)
        return media_jpeg_decode(out, data, size);
    int64_t width, height;
    if (!kind->measure(data, size, &width, &height))
        return base_error(STANCE_EFORMAT, "%s: no usable header", kind->name);
    BASE_TRY(media_picture_check_size(kind->name, width, height));
    if (kind->is_complete && !kind->is_complete(data, size))
        return base_error(STANCE_EFORMAT, "%s: the file is cut off", kind->name);
    return media_picture_decode(out, kind, data, size);
}
