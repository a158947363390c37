/* The detector's view: the whole picture scaled into the top left of a padded canvas. */
#include <math.h>

#include "base/errors.h"
#include "kernel/kernel.h"
#include "vision/fill.h"

static int scaled_side(int side, double scale, int limit, bool rounded)
{
    int scaled = (int)(side * scale + (rounded ? 0.5 : 0.0));
    return scaled < 1 ? 1 : scaled > limit ? limit : scaled;
}

static void letterbox_size(const struct vision_input *input, int image_width, int image_height,
                           double *scale, int *width, int *height)
{
    *scale = fmin((double)input->width / image_width, (double)input->height / image_height);
    *width = scaled_side(image_width, *scale, input->width, input->round_size);
    *height = scaled_side(image_height, *scale, input->height, input->round_size);
}

int vision_letterbox(float *out, const struct vision_input *input, const struct stance_image *image,
                     struct vision_mapping *mapping, int part, int parts)
{
    BASE_TRY(vision_fill_check(input, image));
    double scale;
    int width, height;
    letterbox_size(input, image->width, image->height, &scale, &width, &height);
    /* cv2.resize derives its step from the sizes, not from the ratio they came from. */
    struct vision_grid grid = {
        VISION_RESIZE,
        {image->width, 1.0 / ((double)width / image->width), 0, false},
        {image->height, 1.0 / ((double)height / image->height), 0, false},
    };
    int64_t first, end;
    kernel_share(input->height, part, parts, &first, &end);
    vision_fill(out, input, image, &grid, width, height, (int)first, (int)end);
    float back = (float)(1.0 / scale);
    *mapping = (struct vision_mapping){{back, back}, {0, 0}};
    return 0;
}

static int32_t steps(int side, int step, int32_t limit)
{
    int32_t whole = (side + step - 1) / step * step;
    return whole < limit ? whole : limit;
}

int vision_letterbox_part(const struct vision_input *input, const struct stance_image *image,
                          int step, int32_t *width, int32_t *height)
{
    BASE_TRY(vision_fill_check(input, image));
    double scale;
    int w, h;
    letterbox_size(input, image->width, image->height, &scale, &w, &h);
    *width = steps(w, step, input->width);
    *height = steps(h, step, input->height);
    return 0;
}
