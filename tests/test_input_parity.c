/* Network inputs against those that Python and OpenCV made from the same photo. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "support/support.h"
#include "vision/input.h"

#define PHOTO "data/images/coco_mmpose4/000000000785.jpg"

static struct stance_image *open_photo(void)
{
    char path[1024];
    if (!support_shared_path(path, sizeof path, PHOTO))
        skip();
    struct stance_image *image;
    assert_int_equal(stance_image_read(&image, path), 0);
    return image;
}

static struct base_mapping open_reference(const char *name, size_t count)
{
    char path[1024], relative[256];
    snprintf(relative, sizeof relative, "data/fixtures/parity/%s", name);
    if (!support_shared_path(path, sizeof path, relative))
        skip();
    struct base_mapping file;
    assert_int_equal(base_file_map(&file, path, count * sizeof(float)), 0);
    assert_int_equal(file.size, count * sizeof(float));
    return file;
}

/* Compares in grey levels: at least `share` of the values within one level, none off by more than
 * `most`. */
static void assert_levels(const float *values, const struct base_mapping *reference,
                          const struct vision_input *input, double share, double most)
{
    const float *expected = (const void *)reference->data;
    size_t plane = (size_t)input->width * (size_t)input->height, near = 0, equal = 0;
    double worst = 0;
    for (size_t i = 0; i < 3 * plane; i++) {
        double levels = fabs((double)values[i] - (double)expected[i]) *
                        (double)(input->std[i / plane] / input->scale);
        near += levels <= 1.01;
        equal += levels <= 0.01;
        worst = fmax(worst, levels);
    }
    print_message("equal %.4f %%, within one level %.4f %%, worst %.2f levels\n",
                  100.0 * (double)equal / (double)(3 * plane),
                  100.0 * (double)near / (double)(3 * plane), worst);
    assert_true((double)near >= share * (double)(3 * plane));
    assert_true(worst <= most);
}

static void compare_letterbox(const struct vision_input *input, const char *reference_name)
{
    struct stance_image *photo = open_photo();
    size_t count = 3 * (size_t)input->width * (size_t)input->height;
    struct base_mapping reference = open_reference(reference_name, count);
    float *out = base_alloc(count * sizeof *out);
    assert_non_null(out);
    struct vision_mapping mapping;
    assert_int_equal(vision_letterbox(out, input, photo, &mapping, 0, 1), 0);
    assert_levels(out, &reference, input, 0.995, 2);
    base_free(out);
    base_file_unmap(&reference);
    stance_image_close(&photo);
}

static void test_letterbox_of_rtmdet_equals_opencv(void **state)
{
    (void)state;
    compare_letterbox(&(struct vision_input){.width = 320,
                                             .height = 320,
                                             .bgr = true,
                                             .scale = 1,
                                             .mean = {103.53f, 116.28f, 123.675f},
                                             .std = {57.375f, 57.12f, 58.395f}},
                      "rtmdet320_785.in.images.f32.bin");
}

static void test_letterbox_of_yolox_equals_opencv(void **state)
{
    (void)state;
    compare_letterbox(
        &(struct vision_input){
            .width = 416, .height = 416, .bgr = true, .scale = 1, .std = {1, 1, 1}},
        "yolox_nano_785.in.images.f32.bin");
}

static void test_crop_of_simplepose_equals_opencv(void **state)
{
    (void)state;
    const struct vision_input input = {.width = 192,
                                       .height = 256,
                                       .scale = 1.0f / 255,
                                       .mean = {0.485f, 0.456f, 0.406f},
                                       .std = {0.229f, 0.224f, 0.225f}};
    const float box[4] = {279.26507568359375f, 42.71366882324219f, 494.8958435058594f,
                          377.5053405761719f};
    enum { COUNT = 3 * 192 * 256 };
    struct stance_image *photo = open_photo();
    struct base_mapping reference = open_reference("simplepose_785.in.data.f32.bin", COUNT);
    float *out = base_alloc(COUNT * sizeof *out);
    assert_non_null(out);
    struct vision_mapping mapping;
    assert_int_equal(vision_crop(out, &input, photo, box, 1.25f, &mapping, 0, 1), 0);
    /* The affine matrix of the reference is [0.61172372 0 -140.786285; 0 0.61172372 -0.528964]. */
    assert_float_equal(1 / mapping.scale[0], 0.6117237210273743, 1e-6);
    assert_float_equal(-mapping.offset[0] / mapping.scale[0], -140.78628540039062, 1e-4);
    assert_float_equal(-mapping.offset[1] / mapping.scale[1], -0.5289635062217712, 1e-4);
    assert_levels(out, &reference, &input, 0.995, 2);
    base_free(out);
    base_file_unmap(&reference);
    stance_image_close(&photo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_letterbox_of_rtmdet_equals_opencv),
        cmocka_unit_test(test_letterbox_of_yolox_equals_opencv),
        cmocka_unit_test(test_crop_of_simplepose_equals_opencv),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
