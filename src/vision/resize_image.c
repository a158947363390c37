/* Whole pictures in another size. */
#include "base/errors.h"
#include "vision/input.h"
#include "vision/pixel.h"
#include "vision/sample.h"

static void store(struct stance_image *image, int x, int y, uint8_t pixels[3][VISION_STRIP],
                  int count)
{
    const struct vision_layout *layout = vision_layout_find(image->format);
    uint8_t *row = image->plane[0] + y * image->stride[0] + (ptrdiff_t)x * 3;
    for (int i = 0; i < count; i++) {
        row[3 * i + layout->red] = pixels[0][i];
        row[3 * i + layout->green] = pixels[1][i];
        row[3 * i + layout->blue] = pixels[2][i];
    }
}

int vision_resize(struct stance_image **out, const struct stance_image *image, int width,
                  int height)
{
    *out = NULL;
    BASE_TRY(vision_image_check(image));
    int format = image->format == STANCE_BGR24 ? STANCE_BGR24 : STANCE_RGB24;
    BASE_TRY(stance_image_open(out, format, width, height));
    struct vision_grid grid = {
        VISION_RESIZE,
        {image->width, 1.0 / ((double)width / image->width), 0, false},
        {image->height, 1.0 / ((double)height / image->height), 0, false},
    };
    struct vision_sampler sampler;
    uint8_t pixels[3][VISION_STRIP];
    for (int x = 0; x < width; x += VISION_STRIP) {
        int count = width - x < VISION_STRIP ? width - x : VISION_STRIP;
        vision_sampler_open(&sampler, image, &grid, x, count);
        for (int y = 0; y < height; y++) {
            vision_sampler_row(&sampler, y, pixels);
            store(*out, x, y, pixels, count);
        }
    }
    return 0;
}
