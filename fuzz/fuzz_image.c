/* Fuzz target: any bytes as a picture file; what can be read has a sane size and can be turned into
 * other pixel formats. */
#include <stdlib.h>

#include "fuzz.h"
#include "media/picture.h"

static void must(int condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct stance_image *image, *grey;
    int code = media_picture_parse(&image, data, size);
    must(code == 0 ? image != NULL : image == NULL);
    if (code < 0)
        return 0;
    must(image->format == STANCE_RGB24);
    must(image->width >= 1 && image->width <= STANCE_IMAGE_MAX_SIDE);
    must(image->height >= 1 && image->height <= STANCE_IMAGE_MAX_SIDE);
    if (stance_image_convert(&grey, image, STANCE_GRAY8) == 0)
        stance_image_close(&grey);
    stance_image_close(&image);
    return 0;
}
