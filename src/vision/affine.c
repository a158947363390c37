/* The pose network's view: the surroundings of one box, brought upright to the input's size. */
#include <math.h>

#include "base/errors.h"
#include "kernel/kernel.h"
#include "vision/fill.h"

/* Centre and padded, widened size of the region, as mmpose's GetBBoxCenterScale and
 * TopdownAffine compute them. */
struct region {
    double center[2], size[2];
};

static int find_region(struct region *region, const struct vision_input *input, const float box[4],
                       float padding)
{
    for (int i = 0; i < 4; i++)
        if (!isfinite(box[i]))
            return base_error(STANCE_EARGUMENT, "crop: the box %g %g %g %g is not finite",
                              (double)box[0], (double)box[1], (double)box[2], (double)box[3]);
    if (!(padding > 0) || !isfinite(padding))
        return base_error(STANCE_EARGUMENT, "crop: a padding of %g", (double)padding);
    for (int i = 0; i < 2; i++) {
        region->center[i] = ((double)box[i] + box[2 + i]) / 2;
        region->size[i] = fmax((double)box[2 + i] - box[i], 1) * padding;
    }
    double aspect = (double)input->width / input->height;
    if (region->size[0] > region->size[1] * aspect)
        region->size[1] = region->size[0] / aspect;
    else
        region->size[0] = region->size[1] * aspect;
    return 0;
}

int vision_crop(float *out, const struct vision_input *input, const struct stance_image *image,
                const float box[4], float padding, struct vision_mapping *mapping, int part,
                int parts)
{
    BASE_TRY(vision_fill_check(input, image));
    struct region region = {0};
    BASE_TRY(find_region(&region, input, box, padding));
    int edges = input->udp && input->width > 1 && input->height > 1;
    double scale[2] = {region.size[0] / (input->width - edges),
                       region.size[1] / (input->height - edges)};
    double offset[2] = {region.center[0] - region.size[0] / 2,
                        region.center[1] - region.size[1] / 2};
    struct vision_grid grid = {
        VISION_AFFINE,
        {image->width, scale[0], offset[0], true},
        {image->height, scale[1], offset[1], false},
    };
    int64_t first, end;
    kernel_share(input->height, part, parts, &first, &end);
    vision_fill(out, input, image, &grid, input->width, input->height, (int)first, (int)end);
    *mapping = (struct vision_mapping){{(float)scale[0], (float)scale[1]},
                                       {(float)offset[0], (float)offset[1]}};
    return 0;
}
