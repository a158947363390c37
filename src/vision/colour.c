/* Copies of pictures in other pixel formats: every format becomes RGB or BGR (with or without
 * alpha) or grey. Alpha is dropped on the way to formats without it, opaque on the way to
 * others. */
#include <string.h>

#include "base/errors.h"
#include "vision/pixel.h"

static void copy_plane(const struct stance_image *from, struct stance_image *to, int plane,
                       size_t bytes, int rows)
{
    for (int y = 0; y < rows; y++)
        memcpy(to->plane[plane] + y * to->stride[plane],
               from->plane[plane] + y * from->stride[plane], bytes);
}

static void copy_planes(const struct stance_image *from, struct stance_image *to)
{
    const struct vision_layout *layout = vision_layout_find(from->format);
    int chroma_rows = vision_chroma_side(from->height);
    size_t chroma_bytes = (size_t)vision_chroma_side(from->width) * (layout->planes == 2 ? 2 : 1);
    copy_plane(from, to, 0, (size_t)from->width * (size_t)layout->bytes, from->height);
    for (int i = 1; i < layout->planes; i++)
        copy_plane(from, to, i, chroma_bytes, chroma_rows);
}

static void packed_row(const uint8_t *restrict from, const struct vision_layout *in,
                       uint8_t *restrict to, const struct vision_layout *out, int width)
{
    const uint8_t *red = from + in->red, *green = from + in->green, *blue = from + in->blue;
    for (int x = 0; x < width; x++) {
        to[x * out->bytes + out->red] = red[x * in->bytes];
        to[x * out->bytes + out->green] = green[x * in->bytes];
        to[x * out->bytes + out->blue] = blue[x * in->bytes];
    }
    if (out->alpha < 0)
        return;
    for (int x = 0; x < width; x++)
        to[x * out->bytes + out->alpha] = in->alpha < 0 ? 255 : from[x * in->bytes + in->alpha];
}

/* The common case at the speed of memory: the outer channels of three change places. */
static void swap_row(const uint8_t *restrict from, uint8_t *restrict to, int width)
{
    for (int x = 0; x < 3 * width; x += 3) {
        to[x] = from[x + 2];
        to[x + 1] = from[x + 1];
        to[x + 2] = from[x];
    }
}

/* Luma of BT.601 in 1/16384, as OpenCV rounds it. */
static void grey_row(const uint8_t *restrict from, const struct vision_layout *in,
                     uint8_t *restrict to, int width)
{
    const uint8_t *red = from + in->red, *green = from + in->green, *blue = from + in->blue;
    for (int x = 0; x < width; x++)
        to[x] = (uint8_t)((4899 * red[x * in->bytes] + 9617 * green[x * in->bytes] +
                           1868 * blue[x * in->bytes] + 8192) >>
                          14);
}

static void planar_row(const struct stance_image *from, int y, uint8_t *restrict to,
                       const struct vision_layout *out)
{
    const uint8_t *luma = from->plane[0] + y * from->stride[0];
    struct vision_chroma chroma = vision_chroma_row(from, y);
    struct kernel_yuv matrix = *vision_matrix_find(from->color);
    for (int x = 0; x < from->width; x++) {
        uint8_t *pixel = to + x * out->bytes;
        int at = x / 2 * chroma.step;
        vision_yuv_to_rgb(&matrix, luma[x], chroma.u[at], chroma.v[at], pixel + out->red,
                          pixel + out->green, pixel + out->blue);
        if (out->alpha >= 0)
            pixel[out->alpha] = 255;
    }
}

/* The luma alone, stretched to 0 … 255. */
static void luma_row(const struct kernel_yuv *matrix, const uint8_t *restrict from,
                     uint8_t *restrict to, int width)
{
    int gain = matrix->luma, black = matrix->black;
    for (int x = 0; x < width; x++)
        to[x] = vision_clamp_byte((gain * (from[x] - black) + 32768) >> 16);
}

static void convert_row(const struct stance_image *from, struct stance_image *to, int y)
{
    const struct vision_layout *in = vision_layout_find(from->format);
    const struct vision_layout *out = vision_layout_find(to->format);
    const uint8_t *source = from->plane[0] + y * from->stride[0];
    uint8_t *target = to->plane[0] + y * to->stride[0];
    if (to->format == STANCE_GRAY8 && in->planes > 1)
        luma_row(vision_matrix_find(from->color), source, target, from->width);
    else if (to->format == STANCE_GRAY8)
        grey_row(source, in, target, from->width);
    else if (in->planes > 1)
        planar_row(from, y, target, out);
    else if (in->bytes == 3 && out->bytes == 3)
        swap_row(source, target, from->width);
    else
        packed_row(source, in, target, out, from->width);
}

int stance_image_convert(struct stance_image **out, const struct stance_image *image, int format)
{
    *out = NULL;
    BASE_TRY(vision_image_check(image));
    const struct vision_layout *layout = vision_layout_find(format);
    if (!layout || (layout->planes > 1 && format != image->format))
        return base_error(STANCE_EUNSUPPORTED, "picture: cannot convert %s to %s",
                          vision_layout_find(image->format)->name,
                          layout ? layout->name : "an unknown pixel format");
    BASE_TRY(stance_image_open(out, format, image->width, image->height));
    if (format == image->format) {
        (*out)->color = image->color;
        copy_planes(image, *out);
    } else {
        for (int y = 0; y < image->height; y++)
            convert_row(image, *out, y);
    }
    return 0;
}
