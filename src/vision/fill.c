/* From sampled bytes to the normalised floats of a network input, strip by strip. */
#include <math.h>

#include "base/errors.h"
#include "vision/fill.h"
#include "vision/pixel.h"

int vision_fill_check(const struct vision_input *input, const struct stance_image *image)
{
    BASE_TRY(vision_image_check(image));
    if (input->width < 1 || input->height < 1 || input->width > STANCE_IMAGE_MAX_SIDE ||
        input->height > STANCE_IMAGE_MAX_SIDE)
        return base_error(STANCE_EARGUMENT, "network input: a size of %d×%d pixels", input->width,
                          input->height);
    for (int c = 0; c < 3; c++)
        if (!isfinite(input->mean[c]) || !isfinite(input->std[c]) || input->std[c] == 0.0f)
            return base_error(STANCE_EARGUMENT, "network input: mean %g, std %g of channel %d",
                              (double)input->mean[c], (double)input->std[c], c);
    return 0;
}

/* value = (pixel + shift) · factor, the same arithmetic for pixels and padding. */
struct normal {
    float shift, factor;
};

static struct normal normal_of(const struct vision_input *input, int channel)
{
    return (struct normal){-input->mean[channel] / input->scale,
                           input->scale / input->std[channel]};
}

static void pad(float *restrict out, struct normal normal, int count)
{
    float value = (VISION_PAD + normal.shift) * normal.factor;
    for (int i = 0; i < count; i++)
        out[i] = value;
}

/* The strip's rows [first, end) of the picture's part. */
static void fill_strip(float *out, const struct vision_input *input, struct vision_sampler *sampler,
                       int x, int first, int end)
{
    uint8_t pixels[3][VISION_STRIP];
    size_t plane = (size_t)input->width * (size_t)input->height;
    for (int y = first; y < end; y++) {
        vision_sampler_row(sampler, y, pixels);
        float *row = out + (size_t)y * (size_t)input->width + x;
        for (int c = 0; c < 3; c++) {
            struct normal normal = normal_of(input, c);
            sampler->kernels->pixels_normalise(pixels[input->bgr ? 2 - c : c], normal.shift,
                                               normal.factor, row + (size_t)c * plane,
                                               sampler->count);
        }
    }
}

static void fill_padding(float *out, const struct vision_input *input, int width, int height,
                         int first, int end)
{
    size_t plane = (size_t)input->width * (size_t)input->height;
    for (int y = first; y < end; y++) {
        int x = y < height ? width : 0;
        for (int c = 0; c < 3; c++)
            pad(out + (size_t)c * plane + (size_t)y * (size_t)input->width + x, normal_of(input, c),
                input->width - x);
    }
}

void vision_fill(float *out, const struct vision_input *input, const struct stance_image *image,
                 const struct vision_grid *grid, int width, int height, int first, int end)
{
    int bottom = end < height ? end : height;
    struct vision_sampler sampler;
    for (int x = 0; x < width; x += VISION_STRIP) {
        int count = width - x < VISION_STRIP ? width - x : VISION_STRIP;
        vision_sampler_open(&sampler, image, grid, x, count);
        fill_strip(out, input, &sampler, x, first, bottom);
    }
    fill_padding(out, input, width, height, first, end);
}
