/* Letterbox and resize: sizes, padding, exact answers on gradients, formats, shares. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "vision/input.h"

static const struct vision_input plain = {.width = 64, .height = 64, .scale = 1, .std = {1, 1, 1}};

static float *open_tensor(const struct vision_input *input)
{
    size_t bytes = (size_t)input->width * (size_t)input->height * 3 * sizeof(float);
    float *out = base_alloc(bytes);
    assert_non_null(out);
    memset(out, 0xff, bytes);
    return out;
}

static float value_at(const float *tensor, const struct vision_input *input, int c, int x, int y)
{
    return tensor[((ptrdiff_t)c * input->height + y) * input->width + x];
}

/* Red rises with x, green with y, blue is 200. */
static struct stance_image *open_gradient(int width, int height, int step)
{
    struct stance_image *image;
    assert_int_equal(stance_image_open(&image, STANCE_RGB24, width, height), 0);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            uint8_t *pixel = image->plane[0] + y * image->stride[0] + 3 * x;
            pixel[0] = (uint8_t)(x * step);
            pixel[1] = (uint8_t)(y * step);
            pixel[2] = 200;
        }
    return image;
}

static void test_letterbox_of_equal_size_is_the_picture(void **state)
{
    (void)state;
    struct stance_image *image = open_gradient(64, 64, 4);
    float *out = open_tensor(&plain);
    struct vision_mapping mapping;
    assert_int_equal(vision_letterbox(out, &plain, image, &mapping, 0, 1), 0);
    for (int y = 0; y < 64; y++)
        for (int x = 0; x < 64; x++) {
            assert_float_equal(value_at(out, &plain, 0, x, y), 4 * x, 0);
            assert_float_equal(value_at(out, &plain, 1, x, y), 4 * y, 0);
            assert_float_equal(value_at(out, &plain, 2, x, y), 200, 0);
        }
    assert_float_equal(mapping.scale[0], 1, 0);
    assert_float_equal(mapping.offset[1], 0, 0);
    base_free(out);
    stance_image_close(&image);
}

static void test_letterbox_pads_right_and_below_with_114(void **state)
{
    (void)state;
    struct stance_image *wide = open_gradient(128, 37, 1), *tall = open_gradient(37, 128, 1);
    float *out = open_tensor(&plain);
    struct vision_mapping mapping;
    /* 37 · 0.5 = 18.5 becomes 18 here and 19 in mmdet. */
    assert_int_equal(vision_letterbox(out, &plain, wide, &mapping, 0, 1), 0);
    assert_float_equal(mapping.scale[0], 2, 0);
    assert_true(value_at(out, &plain, 2, 63, 17) == 200);
    assert_true(value_at(out, &plain, 2, 0, 18) == 114 && value_at(out, &plain, 0, 63, 63) == 114);
    struct vision_input rounded = plain;
    rounded.round_size = true;
    assert_int_equal(vision_letterbox(out, &rounded, wide, &mapping, 0, 1), 0);
    assert_true(value_at(out, &plain, 2, 63, 18) == 200);
    assert_true(value_at(out, &plain, 2, 0, 19) == 114);
    assert_int_equal(vision_letterbox(out, &plain, tall, &mapping, 0, 1), 0);
    assert_true(value_at(out, &plain, 2, 17, 63) == 200);
    assert_true(value_at(out, &plain, 2, 18, 0) == 114 && value_at(out, &plain, 1, 63, 63) == 114);
    base_free(out);
    stance_image_close(&wide);
    stance_image_close(&tall);
}

static void test_letterbox_interpolates_between_pixel_centres(void **state)
{
    (void)state;
    /* OpenCV truncates its products, so that results may lie almost one level too low.
     * 32 → 64: output i lies at i/2 - 1/4 of the source; edges repeat. */
    struct stance_image *image = open_gradient(32, 32, 8);
    float *out = open_tensor(&plain);
    struct vision_mapping mapping;
    assert_int_equal(vision_letterbox(out, &plain, image, &mapping, 0, 1), 0);
    for (int i = 0; i < 64; i++) {
        double expected = fmin(fmax(i / 2.0 - 0.25, 0), 31) * 8;
        assert_float_equal(value_at(out, &plain, 0, i, 20), expected, 1);
        assert_float_equal(value_at(out, &plain, 1, 20, i), expected, 1);
    }
    assert_float_equal(mapping.scale[0], 0.5, 0);
    base_free(out);
    stance_image_close(&image);
}

static void test_letterbox_shrinks_gradients_exactly(void **state)
{
    (void)state;
    struct stance_image *image = open_gradient(250, 250, 1);
    float *out = open_tensor(&plain);
    struct vision_mapping mapping;
    assert_int_equal(vision_letterbox(out, &plain, image, &mapping, 0, 1), 0);
    for (int i = 0; i < 64; i++)
        assert_float_equal(value_at(out, &plain, 0, i, 31), (i + 0.5) * 250 / 64 - 0.5, 1);
    base_free(out);
    stance_image_close(&image);
}

static void test_letterbox_normalises_in_channel_order(void **state)
{
    (void)state;
    struct stance_image *image = open_gradient(64, 32, 4);
    struct vision_input input = {.width = 64,
                                 .height = 64,
                                 .bgr = true,
                                 .scale = 1,
                                 .mean = {103.53f, 116.28f, 123.675f},
                                 .std = {57.375f, 57.12f, 58.395f}};
    float *out = open_tensor(&input);
    struct vision_mapping mapping;
    assert_int_equal(vision_letterbox(out, &input, image, &mapping, 0, 1), 0);
    assert_float_equal(value_at(out, &input, 0, 9, 5), (200 - 103.53) / 57.375, 1e-6);
    assert_float_equal(value_at(out, &input, 1, 9, 5), (20 - 116.28) / 57.12, 1e-6);
    assert_float_equal(value_at(out, &input, 2, 9, 5), (36 - 123.675) / 58.395, 1e-6);
    assert_float_equal(value_at(out, &input, 0, 9, 40), (114 - 103.53) / 57.375, 1e-6);
    input.bgr = false;
    input.scale = 1.0f / 255;
    input.mean[0] = 0.485f;
    input.std[0] = 0.229f;
    assert_int_equal(vision_letterbox(out, &input, image, &mapping, 0, 1), 0);
    assert_float_equal(value_at(out, &input, 0, 9, 5), (36 / 255.0 - 0.485) / 0.229, 1e-6);
    base_free(out);
    stance_image_close(&image);
}

static void test_letterbox_shares_give_the_same_tensor(void **state)
{
    (void)state;
    struct stance_image *image = open_gradient(400, 300, 3);
    struct vision_input input = plain;
    input.width = 600; /* more than two strips, enlarged */
    input.height = 420;
    float *whole = open_tensor(&input), *shares = open_tensor(&input);
    struct vision_mapping mapping;
    assert_int_equal(vision_letterbox(whole, &input, image, &mapping, 0, 1), 0);
    for (int part = 6; part >= 0; part--)
        assert_int_equal(vision_letterbox(shares, &input, image, &mapping, part, 7), 0);
    assert_memory_equal(whole, shares, sizeof(float) * 3 * 600 * 420);
    base_free(whole);
    base_free(shares);
    stance_image_close(&image);
}

static void test_letterbox_takes_every_packed_format(void **state)
{
    (void)state;
    struct stance_image *rgb = open_gradient(100, 80, 2);
    float *expected = open_tensor(&plain), *out = open_tensor(&plain);
    struct vision_mapping mapping;
    assert_int_equal(vision_letterbox(expected, &plain, rgb, &mapping, 0, 1), 0);
    for (int format = STANCE_BGR24; format <= STANCE_BGRA32; format++) {
        struct stance_image *image;
        assert_int_equal(stance_image_convert(&image, rgb, format), 0);
        assert_int_equal(vision_letterbox(out, &plain, image, &mapping, 0, 1), 0);
        assert_memory_equal(out, expected, sizeof(float) * 3 * 64 * 64);
        stance_image_close(&image);
    }
    base_free(out);
    base_free(expected);
    stance_image_close(&rgb);
}

/* YUV is interpolated before it is converted, which rounds elsewhere. */
static void test_letterbox_of_planes_is_that_of_their_rgb(void **state)
{
    (void)state;
    float *expected = open_tensor(&plain), *out = open_tensor(&plain);
    for (int format = STANCE_GRAY8; format <= STANCE_NV12; format++) {
        struct stance_image *image, *converted;
        struct vision_mapping mapping;
        assert_int_equal(stance_image_open(&image, format, 63, 51), 0);
        image->color = format == STANCE_NV12 ? STANCE_BT709_FULL : STANCE_BT709;
        for (int i = 0; i < 3 && image->plane[i]; i++)
            for (int y = 0; y < (i ? 26 : 51); y++)
                for (int x = 0; x < (i == 0 ? 63 : format == STANCE_NV12 ? 64 : 32); x++)
                    image->plane[i][y * image->stride[i] + x] =
                        (uint8_t)(i ? 110 + (x + y) % 30 : 80 + x + y / 2);
        assert_int_equal(stance_image_convert(&converted, image, STANCE_RGB24), 0);
        assert_int_equal(vision_letterbox(out, &plain, image, &mapping, 0, 1), 0);
        assert_int_equal(vision_letterbox(expected, &plain, converted, &mapping, 0, 1), 0);
        for (int i = 0; i < 3 * 64 * 64; i++)
            assert_float_equal(out[i], expected[i], format == STANCE_GRAY8 ? 0 : 2);
        stance_image_close(&converted);
        stance_image_close(&image);
    }
    base_free(out);
    base_free(expected);
}

static void test_letterbox_of_extreme_pictures(void **state)
{
    (void)state;
    float *out = open_tensor(&plain);
    struct vision_mapping mapping;
    int sizes[][2] = {{1, 1}, {1, 16384}, {16384, 1}, {2, 3}};
    for (size_t i = 0; i < 4; i++) {
        struct stance_image *image = open_gradient(sizes[i][0], sizes[i][1], 1);
        assert_int_equal(vision_letterbox(out, &plain, image, &mapping, 0, 1), 0);
        assert_float_equal(value_at(out, &plain, 2, 0, 0), 200, 0);
        for (int k = 0; k < 3 * 64 * 64; k++)
            assert_true(out[k] >= 0 && out[k] <= 255);
        stance_image_close(&image);
    }
    base_free(out);
}

static void test_letterbox_refuses_nonsense(void **state)
{
    (void)state;
    struct stance_image *image = open_gradient(8, 8, 1);
    struct vision_input input = plain;
    struct vision_mapping mapping;
    float out[1];
    input.std[1] = 0;
    assert_int_equal(vision_letterbox(out, &input, image, &mapping, 0, 1), STANCE_EARGUMENT);
    input = plain;
    input.width = 0;
    assert_int_equal(vision_letterbox(out, &input, image, &mapping, 0, 1), STANCE_EARGUMENT);
    assert_int_equal(vision_letterbox(out, &plain, NULL, &mapping, 0, 1), STANCE_EARGUMENT);
    stance_image_close(&image);
}

static void test_resize_gives_gradients_in_other_sizes(void **state)
{
    (void)state;
    struct stance_image *image = open_gradient(60, 40, 4), *bgr, *small, *large;
    assert_int_equal(stance_image_convert(&bgr, image, STANCE_BGR24), 0);
    assert_int_equal(vision_resize(&small, image, 20, 20), 0);
    assert_int_equal(vision_resize(&large, bgr, 300, 80), 0);
    assert_int_equal(small->format, STANCE_RGB24);
    assert_int_equal(large->format, STANCE_BGR24);
    for (int i = 0; i < 20; i++)
        assert_int_equal(small->plane[0][3 * i], (3 * i + 1) * 4);
    for (int i = 2; i < 297; i++)
        assert_float_equal(large->plane[0][3 * i + 2], ((i + 0.5) / 5 - 0.5) * 4, 1);
    stance_image_close(&large);
    stance_image_close(&small);
    stance_image_close(&bgr);
    stance_image_close(&image);
    assert_int_equal(base_alloc_live(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_letterbox_of_equal_size_is_the_picture),
        cmocka_unit_test(test_letterbox_pads_right_and_below_with_114),
        cmocka_unit_test(test_letterbox_interpolates_between_pixel_centres),
        cmocka_unit_test(test_letterbox_shrinks_gradients_exactly),
        cmocka_unit_test(test_letterbox_normalises_in_channel_order),
        cmocka_unit_test(test_letterbox_shares_give_the_same_tensor),
        cmocka_unit_test(test_letterbox_takes_every_packed_format),
        cmocka_unit_test(test_letterbox_of_planes_is_that_of_their_rgb),
        cmocka_unit_test(test_letterbox_of_extreme_pictures),
        cmocka_unit_test(test_letterbox_refuses_nonsense),
        cmocka_unit_test(test_resize_gives_gradients_in_other_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
