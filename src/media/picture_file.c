/* Picture files by path: read by what they contain, written by what their name ends with. */
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "media/jpeg.h"
#include "media/picture.h"
#include "vision/pixel.h"

#define FILE_LIMIT ((size_t)512 << 20)
#define OUTPUT_LIMIT ((size_t)2 << 30)
enum { QUALITY = 92 };

int stance_image_read(struct stance_image **out, const char *path)
{
    *out = NULL;
    struct base_mapping file;
    BASE_TRY(base_file_map(&file, path, FILE_LIMIT));
    int code = 0;
    if (!media_picture_kind_of(file.data, file.size))
        code = base_error(STANCE_EFORMAT,
                          "'%s' is not a picture stance can read (JPEG, PNG, WebP, "
                          "BMP, TIFF, GIF)",
                          path);
    else if ((code = media_picture_parse(out, file.data, file.size)) < 0)
        base_error_context(code, "'%s'", path);
    base_file_unmap(&file);
    return code;
}

int stance_image_parse(struct stance_image **out, const void *data, size_t size)
{
    *out = NULL;
    return media_picture_parse(out, data, size);
}

static int encode(struct base_buffer *out, const struct stance_image *image, const char *path)
{
    const char *name = strrchr(path, '/');
    const char *ending = strrchr(name ? name : path, '.');
    if (ending && strcasecmp(ending, ".png") == 0)
        return media_png_encode(out, image);
    if (ending && (strcasecmp(ending, ".jpg") == 0 || strcasecmp(ending, ".jpeg") == 0))
        return media_jpeg_encode(out, image, QUALITY);
    return base_error(STANCE_EARGUMENT,
                      "cannot tell from '%s' what kind of picture to write: let "
                      "the name end with .png or .jpg",
                      path);
}

int stance_image_write(const struct stance_image *image, const char *path)
{
    BASE_TRY(vision_image_check(image));
    struct base_buffer bytes;
    base_buffer_init(&bytes, OUTPUT_LIMIT);
    int code = encode(&bytes, image, path);
    if (code == 0)
        code = base_file_write(path, bytes.data, bytes.size);
    base_buffer_free(&bytes);
    return code;
}
