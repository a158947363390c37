/* Person crops: identity, exact gradients, the frame's edges, tiny and absurd boxes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/cpu.h"
#include "base/memory.h"
#include "vision/input.h"

enum { WIDTH = 48, HEIGHT = 64, COUNT = 3 * WIDTH * HEIGHT };

static const struct vision_input plain = {
    .width = WIDTH, .height = HEIGHT, .scale = 1, .std = {1, 1, 1}};
static float tensor[COUNT];

static float value_at(int c, int x, int y)
{
    return tensor[(c * HEIGHT + y) * WIDTH + x];
}

/* Red = 2x, green = 2y, blue = 1. */
static struct stance_image *open_gradient(int width, int height)
{
    struct stance_image *image;
    assert_int_equal(stance_image_open(&image, STANCE_RGB24, width, height), 0);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            uint8_t *pixel = image->plane[0] + y * image->stride[0] + 3 * x;
            pixel[0] = (uint8_t)(2 * x);
            pixel[1] = (uint8_t)(2 * y);
            pixel[2] = 1;
        }
    return image;
}

static void test_crop_without_scale_copies_pixels(void **state)
{
    (void)state;
    struct stance_image *image = open_gradient(100, 100);
    struct vision_mapping mapping;
    const float box[4] = {20, 10, 20 + WIDTH, 10 + HEIGHT};
    assert_int_equal(vision_crop(tensor, &plain, image, box, 1, &mapping, 0, 1), 0);
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            assert_float_equal(value_at(0, x, y), 2 * (x + 20), 0);
            assert_float_equal(value_at(1, x, y), 2 * (y + 10), 0);
        }
    assert_float_equal(mapping.scale[0], 1, 0);
    assert_float_equal(mapping.offset[0], 20, 0);
    assert_float_equal(mapping.offset[1], 10, 0);
    stance_image_close(&image);
}

/* UDP: the region's edges are the centres of the outer pixels. */
static void test_udp_crops_reach_from_corner_to_corner(void **state)
{
    (void)state;
    struct stance_image *image = open_gradient(100, 100);
    struct vision_input udp = plain;
    struct vision_mapping mapping;
    const float box[4] = {20, 10, 20 + 2 * (WIDTH - 1) / 3.0f, 10 + 2 * (HEIGHT - 1) / 3.0f};
    udp.udp = true;
    assert_int_equal(vision_crop(tensor, &udp, image, box, 1, &mapping, 0, 1), 0);
    float left = 0, top = 0, right = WIDTH - 1, bottom = HEIGHT - 1;
    vision_map(&mapping, &left, &top);
    vision_map(&mapping, &right, &bottom);
    /* widened to the input's aspect, 48 : 64, about its centre */
    float width = 2 * (HEIGHT - 1) / 3.0f * WIDTH / HEIGHT, x = (box[0] + box[2]) / 2;
    assert_float_equal(left, x - width / 2, 1e-3f);
    assert_float_equal(right, x + width / 2, 1e-3f);
    assert_float_equal(top, box[1], 1e-3f);
    assert_float_equal(bottom, box[3], 1e-3f);
    assert_float_equal(value_at(1, 20, 0), 2 * box[1], 0.51f);
    assert_float_equal(value_at(1, 20, HEIGHT - 1), 2 * box[3], 0.51f);
    stance_image_close(&image);
}

static void test_crop_of_gradients_follows_the_mapping(void **state)
{
    (void)state;
    struct stance_image *image = open_gradient(120, 120);
    /* A wide box: the height grows to the input's aspect. */
    const float boxes[][4] = {{30.3f, 40.7f, 80.9f, 60.2f}, {50, 20.5f, 61, 90.25f}};
    for (int b = 0; b < 2; b++) {
        struct vision_mapping mapping;
        assert_int_equal(vision_crop(tensor, &plain, image, boxes[b], 1.25f, &mapping, 0, 1), 0);
        assert_float_equal(mapping.scale[0], mapping.scale[1], 1e-6);
        int checked = 0;
        for (int v = 0; v < HEIGHT; v++)
            for (int u = 0; u < WIDTH; u++) {
                float x = (float)u, y = (float)v;
                vision_map(&mapping, &x, &y);
                if (x < 0 || y < 0 || x > 119 || y > 119)
                    continue;
                /* 1/32 pixel of position is 1/16 of a grey level here. */
                assert_float_equal(value_at(0, u, v), 2 * x, 0.51 + 0.07);
                assert_float_equal(value_at(1, u, v), 2 * y, 0.51 + 0.07);
                checked++;
            }
        assert_true(checked > 1000);
    }
    stance_image_close(&image);
}

static void test_crop_is_centred_on_the_box(void **state)
{
    (void)state;
    struct stance_image *image = open_gradient(120, 120);
    const float box[4] = {30, 40, 54, 72}; /* 24×32: the input's aspect */
    struct vision_mapping mapping;
    assert_int_equal(vision_crop(tensor, &plain, image, box, 1.25f, &mapping, 0, 1), 0);
    assert_float_equal(mapping.scale[0], 30.0 / 48, 1e-6);
    float x = WIDTH / 2.0f, y = HEIGHT / 2.0f;
    vision_map(&mapping, &x, &y);
    assert_float_equal(x, 42, 1e-5);
    assert_float_equal(y, 56, 1e-5);
    stance_image_close(&image);
}

static void test_crop_is_black_outside_of_the_picture(void **state)
{
    (void)state;
    struct stance_image *image = open_gradient(20, 20);
    const float box[4] = {-10, -10, -10 + WIDTH, -10 + HEIGHT};
    struct vision_mapping mapping;
    assert_int_equal(vision_crop(tensor, &plain, image, box, 1, &mapping, 0, 1), 0);
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            int inside = x >= 10 && y >= 10 && x < 30 && y < 30;
            assert_float_equal(value_at(2, x, y), inside, 0);
        }
    const float shifted[4] = {-10.5f, -10, -10.5f + WIDTH, -10 + HEIGHT};
    memset(image->plane[0], 200, (size_t)image->stride[0] * 20);
    assert_int_equal(vision_crop(tensor, &plain, image, shifted, 1, &mapping, 0, 1), 0);
    assert_float_equal(value_at(0, 10, 20), 100, 0);
    assert_float_equal(value_at(0, 11, 20), 200, 0);
    assert_float_equal(value_at(0, 30, 20), 100, 0);
    assert_float_equal(value_at(0, 31, 20), 0, 0);
    stance_image_close(&image);
}

static void test_crop_far_away_is_all_padding(void **state)
{
    (void)state;
    struct stance_image *image = open_gradient(20, 20);
    struct vision_input input = plain;
    input.mean[0] = 50;
    input.std[0] = 2;
    const float boxes[][4] = {{1000, 1000, 1100, 1100},
                              {-1e30f, -1e30f, -0.9e30f, -0.9e30f},
                              {FLT_MAX / 4, 0, FLT_MAX / 2, 10},
                              {-5e9f, -5e9f, -4.9e9f, -4.9e9f}};
    for (int b = 0; b < 4; b++) {
        struct vision_mapping mapping;
        assert_int_equal(vision_crop(tensor, &input, image, boxes[b], 1.25f, &mapping, 0, 1), 0);
        for (int i = 0; i < WIDTH * HEIGHT; i++)
            assert_float_equal(tensor[i], -25, 0);
    }
    stance_image_close(&image);
}

static void test_crop_of_tiny_boxes_is_one_pixel_wide(void **state)
{
    (void)state;
    struct stance_image *image = open_gradient(100, 100);
    struct vision_mapping mapping;
    const float point[4] = {50, 50, 50, 50}, reversed[4] = {60, 60, 40, 40};
    assert_int_equal(vision_crop(tensor, &plain, image, point, 1, &mapping, 0, 1), 0);
    assert_float_equal(mapping.scale[1], 1.0 / WIDTH, 1e-7);
    assert_float_equal(value_at(0, WIDTH / 2, HEIGHT / 2), 100, 0);
    assert_int_equal(vision_crop(tensor, &plain, image, reversed, 1, &mapping, 0, 1), 0);
    assert_float_equal(value_at(1, WIDTH / 2, HEIGHT / 2), 100, 0);
    stance_image_close(&image);
}

static void test_crop_refuses_boxes_that_are_not_finite(void **state)
{
    (void)state;
    struct stance_image *image = open_gradient(10, 10);
    struct vision_mapping mapping;
    for (int i = 0; i < 4; i++) {
        float box[4] = {1, 1, 9, 9};
        box[i] = i % 2 ? NAN : INFINITY;
        assert_int_equal(vision_crop(tensor, &plain, image, box, 1, &mapping, 0, 1),
                         STANCE_EARGUMENT);
    }
    const float box[4] = {1, 1, 9, 9};
    assert_int_equal(vision_crop(tensor, &plain, image, box, 0, &mapping, 0, 1), STANCE_EARGUMENT);
    assert_int_equal(vision_crop(tensor, &plain, image, box, NAN, &mapping, 0, 1),
                     STANCE_EARGUMENT);
    stance_image_close(&image);
}

static void test_crop_shares_give_the_same_tensor(void **state)
{
    (void)state;
    struct stance_image *image = open_gradient(90, 90);
    struct vision_input input = plain;
    input.bgr = true;
    static float whole[COUNT];
    const float box[4] = {-3.5f, 10, 60.1f, 95.6f};
    struct vision_mapping mapping;
    assert_int_equal(vision_crop(whole, &input, image, box, 1.25f, &mapping, 0, 1), 0);
    memset(tensor, 0xff, sizeof tensor);
    for (int part = 0; part < 5; part++)
        assert_int_equal(vision_crop(tensor, &input, image, box, 1.25f, &mapping, part, 5), 0);
    assert_memory_equal(whole, tensor, sizeof tensor);
    stance_image_close(&image);
}

/* Noise in colours that RGB has. */
static struct stance_image *open_yuv_noise(int format, int width, int height)
{
    struct stance_image *image;
    uint32_t seed = 5;
    assert_int_equal(stance_image_open(&image, format, width, height), 0);
    int half_rows = (height + 1) / 2, half_width = (width + 1) / 2;
    for (int plane = 0; plane < 3 && image->plane[plane]; plane++)
        for (int y = 0; y < (plane ? half_rows : height); y++)
            for (int x = 0; x < (plane == 0 ? width : half_width * (format == STANCE_NV12 ? 2 : 1));
                 x++) {
                seed = seed * 1664525u + 1013904223u;
                image->plane[plane][y * image->stride[plane] + x] =
                    (uint8_t)(plane ? 108 + (seed >> 24) % 40 : 80 + (seed >> 24) % 100);
            }
    return image;
}

/* YUV is interpolated before it is converted, which rounds elsewhere. */
static void check_yuv_crop(int format, int width, int height, const float box[4])
{
    static float expected[COUNT], first[COUNT];
    struct stance_image *rgb, *image = open_yuv_noise(format, width, height);
    struct vision_mapping mapping;
    assert_int_equal(stance_image_convert(&rgb, image, STANCE_RGB24), 0);
    assert_int_equal(vision_crop(expected, &plain, rgb, box, 1.25f, &mapping, 0, 1), 0);
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier)) {
        int equal = 0;
        assert_int_equal(setenv("STANCE_CPU", base_cpu_name((enum base_cpu_tier)tier), 1), 0);
        assert_int_equal(vision_crop(tensor, &plain, image, box, 1.25f, &mapping, 0, 1), 0);
        for (int i = 0; i < COUNT; i++) {
            assert_float_equal(tensor[i], expected[i], 1);
            equal += tensor[i] == expected[i];
        }
        assert_true(equal > COUNT * 2 / 3);
        if (tier == BASE_CPU_REF)
            memcpy(first, tensor, sizeof first);
        assert_memory_equal(tensor, first, sizeof first);
    }
    stance_image_close(&rgb);
    stance_image_close(&image);
}

static void test_yuv_gives_the_crop_of_its_rgb_within_a_level(void **state)
{
    (void)state;
    static const float boxes[][4] = {
        {10, 10, 40, 70},    {-30, -20, 30, 30},    {101, 3, 1043, 97},  {0, 0, 4001, 63},
        {3950, 5, 4100, 90}, {17.3f, 8.9f, 19, 11}, {500, 500, 600, 700}};
    const char *before = getenv("STANCE_CPU");
    for (size_t i = 0; i < sizeof boxes / sizeof boxes[0]; i++) {
        check_yuv_crop(STANCE_YUV420P, 4001, 65, boxes[i]);
        check_yuv_crop(STANCE_NV12, 77, 91, boxes[i]);
    }
    if (before)
        setenv("STANCE_CPU", before, 1);
    else
        unsetenv("STANCE_CPU");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crop_without_scale_copies_pixels),
        cmocka_unit_test(test_udp_crops_reach_from_corner_to_corner),
        cmocka_unit_test(test_crop_of_gradients_follows_the_mapping),
        cmocka_unit_test(test_crop_is_centred_on_the_box),
        cmocka_unit_test(test_crop_is_black_outside_of_the_picture),
        cmocka_unit_test(test_crop_far_away_is_all_padding),
        cmocka_unit_test(test_crop_of_tiny_boxes_is_one_pixel_wide),
        cmocka_unit_test(test_crop_refuses_boxes_that_are_not_finite),
        cmocka_unit_test(test_yuv_gives_the_crop_of_its_rgb_within_a_level),
        cmocka_unit_test(test_crop_shares_give_the_same_tensor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
