/* Pixel formats into each other. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "stance/image.h"

enum { WIDTH = 13, HEIGHT = 5 };

static struct stance_image *open_image(int format)
{
    struct stance_image *image;
    assert_int_equal(stance_image_open(&image, format, WIDTH, HEIGHT), 0);
    return image;
}

static struct stance_image *convert(const struct stance_image *image, int format)
{
    struct stance_image *out;
    assert_int_equal(stance_image_convert(&out, image, format), 0);
    assert_int_equal(out->format, format);
    assert_int_equal(out->width, image->width);
    assert_int_equal(out->height, image->height);
    return out;
}

/* Each pixel its own colour. */
static struct stance_image *open_colours(void)
{
    struct stance_image *image = open_image(STANCE_RGB24);
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            uint8_t *pixel = image->plane[0] + y * image->stride[0] + 3 * x;
            pixel[0] = (uint8_t)(x * 19);
            pixel[1] = (uint8_t)(y * 50 + x);
            pixel[2] = (uint8_t)(255 - x * y);
        }
    return image;
}

static void assert_same_pixels(const struct stance_image *a, const struct stance_image *b,
                               size_t bytes)
{
    for (int y = 0; y < HEIGHT; y++)
        assert_memory_equal(a->plane[0] + y * a->stride[0], b->plane[0] + y * b->stride[0],
                            bytes * WIDTH);
}

static void test_colour_round_trips_between_packed_formats(void **state)
{
    (void)state;
    struct stance_image *rgb = open_colours();
    int formats[] = {STANCE_RGB24, STANCE_BGR24, STANCE_RGBA32, STANCE_BGRA32};
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) {
            struct stance_image *first = convert(rgb, formats[i]);
            struct stance_image *second = convert(first, formats[j]);
            struct stance_image *back = convert(second, STANCE_RGB24);
            assert_same_pixels(rgb, back, 3);
            stance_image_close(&first);
            stance_image_close(&second);
            stance_image_close(&back);
        }
    stance_image_close(&rgb);
    assert_int_equal(base_alloc_live(), 0);
}

static void test_colour_swaps_channels_and_makes_opaque(void **state)
{
    (void)state;
    struct stance_image *rgb = open_colours(), *bgra = convert(rgb, STANCE_BGRA32);
    const uint8_t *from = rgb->plane[0] + 6, *to = bgra->plane[0] + 8;
    assert_int_equal(to[0], from[2]);
    assert_int_equal(to[1], from[1]);
    assert_int_equal(to[2], from[0]);
    assert_int_equal(to[3], 255);
    bgra->plane[0][11] = 9;
    struct stance_image *rgba = convert(bgra, STANCE_RGBA32);
    assert_int_equal(rgba->plane[0][11], 9);
    stance_image_close(&rgba);
    stance_image_close(&bgra);
    stance_image_close(&rgb);
}

static void test_colour_weighs_grey_as_bt601(void **state)
{
    (void)state;
    const struct {
        uint8_t rgb[3], grey;
    } known[] = {{{255, 255, 255}, 255}, {{0, 0, 0}, 0},    {{255, 0, 0}, 76},
                 {{0, 255, 0}, 150},     {{0, 0, 255}, 29}, {{77, 77, 77}, 77}};
    struct stance_image *rgb = open_image(STANCE_RGB24);
    for (int i = 0; i < 6; i++)
        memcpy(rgb->plane[0] + (ptrdiff_t)3 * i, known[i].rgb, 3);
    struct stance_image *bgr = convert(rgb, STANCE_BGR24);
    struct stance_image *grey = convert(rgb, STANCE_GRAY8), *same = convert(bgr, STANCE_GRAY8);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(grey->plane[0][i], known[i].grey);
        assert_int_equal(same->plane[0][i], known[i].grey);
    }
    struct stance_image *back = convert(grey, STANCE_RGB24);
    for (int c = 0; c < 3; c++)
        assert_int_equal(back->plane[0][6 + c], 76);
    stance_image_close(&back);
    stance_image_close(&same);
    stance_image_close(&grey);
    stance_image_close(&bgr);
    stance_image_close(&rgb);
}

/* Fills a planar picture with one colour. */
static struct stance_image *open_planar(int format, int y, int u, int v)
{
    struct stance_image *image = open_image(format);
    memset(image->plane[0], y, (size_t)image->stride[0] * HEIGHT);
    for (int row = 0; row < (HEIGHT + 1) / 2; row++)
        for (int x = 0; x < (WIDTH + 1) / 2; x++)
            if (format == STANCE_NV12) {
                image->plane[1][row * image->stride[1] + 2 * x] = (uint8_t)u;
                image->plane[1][row * image->stride[1] + 2 * x + 1] = (uint8_t)v;
            } else {
                image->plane[1][row * image->stride[1] + x] = (uint8_t)u;
                image->plane[2][row * image->stride[2] + x] = (uint8_t)v;
            }
    return image;
}

static void test_colour_decodes_limited_range_yuv(void **state)
{
    (void)state;
    const struct {
        int yuv[3], rgb[3];
    } known[] = {{{16, 128, 128}, {0, 0, 0}},   {{235, 128, 128}, {255, 255, 255}},
                 {{81, 90, 240}, {255, 0, 0}},  {{145, 54, 34}, {0, 255, 0}},
                 {{41, 240, 110}, {0, 0, 255}}, {{126, 128, 128}, {128, 128, 128}}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        for (int format = STANCE_YUV420P; format <= STANCE_NV12; format++) {
            struct stance_image *image =
                open_planar(format, known[i].yuv[0], known[i].yuv[1], known[i].yuv[2]);
            struct stance_image *rgb = convert(image, STANCE_RGB24);
            struct stance_image *bgra = convert(image, STANCE_BGRA32);
            for (int y = 0; y < HEIGHT; y++)
                for (int x = 0; x < WIDTH; x++)
                    for (int c = 0; c < 3; c++) {
                        int value = rgb->plane[0][y * rgb->stride[0] + 3 * x + c];
                        assert_true(abs(value - known[i].rgb[c]) <= 2);
                        assert_int_equal(bgra->plane[0][y * bgra->stride[0] + 4 * x + 2 - c],
                                         value);
                    }
            stance_image_close(&bgra);
            stance_image_close(&rgb);
            stance_image_close(&image);
        }
}

/* Against the formulas with Kr and Kb of BT.601 and BT.709. */
static void test_colour_knows_matrices_and_ranges(void **state)
{
    (void)state;
    static const double weights[2][2] = {{0.299, 0.114}, {0.2126, 0.0722}};
    for (int color = STANCE_BT601; color <= STANCE_BT709_FULL; color++)
        for (int i = 0; i < 60; i++) {
            int y = 16 + i * 37 % 220, u = 60 + i * 53 % 140, v = 60 + i * 29 % 140;
            double red = weights[color % 2][0], blue = weights[color % 2][1];
            bool full = color >= STANCE_BT601_FULL;
            double luma = full ? y / 255.0 : (y - 16) / 219.0, steps = full ? 255 : 224;
            double r = luma + 2 * (1 - red) * (v - 128) / steps;
            double b = luma + 2 * (1 - blue) * (u - 128) / steps;
            double g = (luma - red * r - blue * b) / (1 - red - blue);
            struct stance_image *image = open_planar(i % 2 ? STANCE_NV12 : STANCE_YUV420P, y, u, v);
            image->color = color;
            struct stance_image *rgb = convert(image, STANCE_RGB24);
            double expected[3] = {r, g, b};
            for (int c = 0; c < 3; c++) {
                double value = fmin(fmax(expected[c], 0), 1) * 255;
                assert_true(fabs(rgb->plane[0][c] - value) <= 0.51);
            }
            assert_int_equal(rgb->color, 0);
            stance_image_close(&rgb);
            stance_image_close(&image);
        }
    struct stance_image *image = open_planar(STANCE_NV12, 16, 128, 128), *out;
    image->color = STANCE_BT709_FULL;
    out = convert(image, STANCE_NV12);
    assert_int_equal(out->color, STANCE_BT709_FULL);
    stance_image_close(&out);
    image->color = 9;
    assert_int_equal(stance_image_convert(&out, image, STANCE_RGB24), STANCE_EARGUMENT);
    stance_image_close(&image);
}

static void test_colour_grey_of_yuv_is_its_stretched_luma(void **state)
{
    (void)state;
    struct stance_image *image = open_planar(STANCE_NV12, 126, 30, 200);
    struct stance_image *grey = convert(image, STANCE_GRAY8);
    assert_int_equal(grey->plane[0][0], 128);
    image->plane[0][0] = 3;
    image->plane[0][1] = 250;
    stance_image_close(&grey);
    grey = convert(image, STANCE_GRAY8);
    assert_int_equal(grey->plane[0][0], 0);
    assert_int_equal(grey->plane[0][1], 255);
    struct stance_image *copy = convert(image, STANCE_NV12);
    assert_same_pixels(image, copy, 1);
    assert_int_equal(copy->plane[1][2 * copy->stride[1] + 13], 200);
    stance_image_close(&copy);
    stance_image_close(&grey);
    stance_image_close(&image);
}

static void test_colour_does_not_make_planar_pictures(void **state)
{
    (void)state;
    struct stance_image *rgb = open_colours(), *out;
    assert_int_equal(stance_image_convert(&out, rgb, STANCE_NV12), STANCE_EUNSUPPORTED);
    assert_string_equal(stance_error_text(), "picture: cannot convert rgb24 to nv12");
    assert_int_equal(stance_image_convert(&out, rgb, 0), STANCE_EUNSUPPORTED);
    assert_int_equal(stance_image_convert(&out, NULL, STANCE_RGB24), STANCE_EARGUMENT);
    assert_null(out);
    stance_image_close(&rgb);
}

static void test_colour_reads_rows_from_the_bottom_up(void **state)
{
    (void)state;
    struct stance_image *rgb = open_colours();
    struct stance_image view = *rgb;
    view.owner = NULL;
    view.plane[0] += (HEIGHT - 1) * view.stride[0];
    view.stride[0] = -view.stride[0];
    struct stance_image *bgr = convert(&view, STANCE_BGR24);
    assert_int_equal(bgr->plane[0][2], rgb->plane[0][(HEIGHT - 1) * rgb->stride[0]]);
    stance_image_close(&bgr);
    stance_image_close(&rgb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_colour_round_trips_between_packed_formats),
        cmocka_unit_test(test_colour_swaps_channels_and_makes_opaque),
        cmocka_unit_test(test_colour_weighs_grey_as_bt601),
        cmocka_unit_test(test_colour_decodes_limited_range_yuv),
        cmocka_unit_test(test_colour_knows_matrices_and_ranges),
        cmocka_unit_test(test_colour_grey_of_yuv_is_its_stretched_luma),
        cmocka_unit_test(test_colour_does_not_make_planar_pictures),
        cmocka_unit_test(test_colour_reads_rows_from_the_bottom_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
