/* Picture files other than JPEG: what they decode to, and how broken ones are refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "media/picture.h"
#include "support/picture_samples.h"
#include "support/support.h"

/* ---- A PNG file from raw rows, stored without compression ---- */

struct bytes {
    uint8_t data[4096];
    size_t size;
};

static void put(struct bytes *out, const void *data, size_t size)
{
    assert_true(size <= sizeof out->data - out->size);
    memcpy(out->data + out->size, data, size);
    out->size += size;
}

static void put_32(struct bytes *out, uint32_t value)
{
    const uint8_t big[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
                            (uint8_t)value};
    put(out, big, 4);
}

static uint32_t crc_32(const uint8_t *data, size_t size)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
    }
    return ~crc;
}

static void put_chunk(struct bytes *out, const char *type, const uint8_t *data, size_t size)
{
    put_32(out, (uint32_t)size);
    size_t start = out->size;
    put(out, type, 4);
    if (size)
        put(out, data, size);
    put_32(out, crc_32(out->data + start, size + 4));
}

struct raw_png {
    uint32_t width, height;
    uint8_t depth, color_type;
    const uint8_t *rows; /* each begins with its filter byte, 0 */
    size_t bytes;
    const uint8_t *palette, *alpha;
    size_t colors;
};

static struct bytes make_png(const struct raw_png *png)
{
    struct bytes out = {0}, header = {0}, body = {0};
    put(&out, "\x89PNG\r\n\x1a\n", 8);
    put_32(&header, png->width);
    put_32(&header, png->height);
    put(&header, (uint8_t[]){png->depth, png->color_type, 0, 0, 0}, 5);
    put_chunk(&out, "IHDR", header.data, header.size);
    if (png->palette)
        put_chunk(&out, "PLTE", png->palette, 3 * png->colors);
    if (png->alpha)
        put_chunk(&out, "tRNS", png->alpha, png->colors);
    put(&body,
        (uint8_t[]){0x78, 0x01, 0x01, (uint8_t)png->bytes, (uint8_t)(png->bytes >> 8),
                    (uint8_t)~png->bytes, (uint8_t)(~png->bytes >> 8)},
        7);
    put(&body, png->rows, png->bytes);
    uint32_t a = 1, b = 0;
    for (size_t i = 0; i < png->bytes; i++) {
        a = (a + png->rows[i]) % 65521;
        b = (b + a) % 65521;
    }
    put_32(&body, b << 16 | a);
    put_chunk(&out, "IDAT", body.data, body.size);
    put_chunk(&out, "IEND", NULL, 0);
    return out;
}

/* ---- Helpers ---- */

static struct stance_image *parse(const uint8_t *data, size_t size)
{
    struct stance_image *image;
    int code = media_picture_parse(&image, data, size);
    if (code != 0)
        fail_msg("%s", stance_error_text());
    assert_int_equal(image->format, STANCE_RGB24);
    return image;
}

static void assert_refused(const uint8_t *data, size_t size, int code, const char *words)
{
    struct stance_image *image = (void *)1;
    assert_int_equal(media_picture_parse(&image, data, size), code);
    assert_null(image);
    if (!strstr(stance_error_text(), words))
        fail_msg("'%s' lacks '%s'", stance_error_text(), words);
}

static void assert_pixel(const struct stance_image *image, int x, int y, int red, int green,
                         int blue, int tolerance)
{
    const uint8_t *pixel = image->plane[0] + y * image->stride[0] + 3 * x;
    if (abs(pixel[0] - red) > tolerance || abs(pixel[1] - green) > tolerance ||
        abs(pixel[2] - blue) > tolerance)
        fail_msg("pixel %d, %d is %d %d %d, not %d %d %d", x, y, pixel[0], pixel[1], pixel[2], red,
                 green, blue);
}

static void assert_png(const struct raw_png *png, const int expected[][3])
{
    struct bytes file = make_png(png);
    struct stance_image *image = parse(file.data, file.size);
    assert_int_equal(image->width, png->width);
    assert_int_equal(image->height, png->height);
    for (uint32_t i = 0; i < png->width * png->height; i++)
        assert_pixel(image, (int)(i % png->width), (int)(i / png->width), expected[i][0],
                     expected[i][1], expected[i][2], 0);
    stance_image_close(&image);
}

/* ---- Behaviours ---- */

static void test_png_of_8_bit_colour(void **state)
{
    (void)state;
    const uint8_t rows[] = {0, 1, 2, 3, 255, 0, 128, 0, 9, 8, 7, 200, 100, 50};
    assert_png(&(struct raw_png){2, 2, 8, 2, rows, sizeof rows, NULL, NULL, 0},
               (const int[][3]){{1, 2, 3}, {255, 0, 128}, {9, 8, 7}, {200, 100, 50}});
}

static void test_png_of_16_bits_is_rounded_to_8(void **state)
{
    (void)state;
    const uint8_t rows[] = {0, 0x12, 0x34, 0xff, 0xff, 0x00, 0x80, 0, 0x80, 0x80, 0x01, 0x01, 0, 0};
    assert_png(&(struct raw_png){1, 2, 16, 2, rows, sizeof rows, NULL, NULL, 0},
               (const int[][3]){{0x12, 255, 0}, {0x80, 1, 0}});
    const uint8_t grey[] = {0, 0x80, 0xc0, 0xff, 0xff};
    assert_png(&(struct raw_png){2, 1, 16, 0, grey, sizeof grey, NULL, NULL, 0},
               (const int[][3]){{128, 128, 128}, {255, 255, 255}});
}

static void test_png_grey_keeps_its_levels(void **state)
{
    (void)state;
    uint8_t rows[257] = {0};
    for (int i = 0; i < 256; i++)
        rows[1 + i] = (uint8_t)i;
    struct bytes file = make_png(&(struct raw_png){256, 1, 8, 0, rows, sizeof rows, NULL, NULL, 0});
    struct stance_image *image = parse(file.data, file.size);
    for (int i = 0; i < 256; i++)
        assert_pixel(image, i, 0, i, i, i, 0);
    stance_image_close(&image);
    const uint8_t bits[] = {0, 0xa0};
    assert_png(&(struct raw_png){3, 1, 1, 0, bits, sizeof bits, NULL, NULL, 0},
               (const int[][3]){{255, 255, 255}, {0, 0, 0}, {255, 255, 255}});
    const uint8_t pairs[] = {0, 0x1b};
    assert_png(&(struct raw_png){4, 1, 2, 0, pairs, sizeof pairs, NULL, NULL, 0},
               (const int[][3]){{0, 0, 0}, {85, 85, 85}, {170, 170, 170}, {255, 255, 255}});
}

static void test_png_alpha_is_laid_over_white(void **state)
{
    (void)state;
    const uint8_t rgba[] = {0, 10, 20, 30, 255, 10, 20, 30, 0, 0, 100, 200, 128};
    assert_png(&(struct raw_png){3, 1, 8, 6, rgba, sizeof rgba, NULL, NULL, 0},
               (const int[][3]){{10, 20, 30}, {255, 255, 255}, {127, 177, 227}});
    const uint8_t grey[] = {0, 0, 255, 0, 0, 50, 51};
    assert_png(&(struct raw_png){3, 1, 8, 4, grey, sizeof grey, NULL, NULL, 0},
               (const int[][3]){{0, 0, 0}, {255, 255, 255}, {214, 214, 214}});
    const uint8_t deep[] = {0, 0, 0, 0xff, 0xff, 0, 0, 0x80, 0x80};
    assert_png(&(struct raw_png){1, 1, 16, 6, deep, sizeof deep, NULL, NULL, 0},
               (const int[][3]){{127, 255, 127}});
}

static void test_png_palette_with_transparent_entries(void **state)
{
    (void)state;
    const uint8_t rows[] = {0, 0, 1, 2}, palette[] = {1, 2, 3, 250, 0, 9, 0, 0, 0};
    const uint8_t alpha[] = {255, 255, 0};
    assert_png(&(struct raw_png){3, 1, 8, 3, rows, sizeof rows, palette, NULL, 3},
               (const int[][3]){{1, 2, 3}, {250, 0, 9}, {0, 0, 0}});
    assert_png(&(struct raw_png){3, 1, 8, 3, rows, sizeof rows, palette, alpha, 3},
               (const int[][3]){{1, 2, 3}, {250, 0, 9}, {255, 255, 255}});
}

static void test_webp_lossy_lossless_and_alpha(void **state)
{
    (void)state;
    const struct {
        const uint8_t *data;
        size_t size;
        int tolerance;
    } files[] = {{webp_lossy, sizeof webp_lossy, 40},
                 {webp_lossless, sizeof webp_lossless, 0},
                 {webp_alpha, sizeof webp_alpha, 40}};
    for (size_t i = 0; i < 3; i++) {
        struct stance_image *image = parse(files[i].data, files[i].size);
        assert_int_equal(image->width, 8);
        assert_int_equal(image->height, 6);
        assert_pixel(image, 1, 1, 255, 0, 0, files[i].tolerance);
        assert_pixel(image, 6, 1, 0, 255, 0, files[i].tolerance);
        assert_pixel(image, 1, 4, 0, 0, 255, files[i].tolerance);
        if (i > 0)
            assert_pixel(image, 6, 4, 255, 255, 255, 0);
        stance_image_close(&image);
    }
}

static void test_gif_first_frame_with_transparency(void **state)
{
    (void)state;
    struct stance_image *image = parse(gif_transparent, sizeof gif_transparent);
    assert_int_equal(image->width, 8);
    assert_pixel(image, 0, 0, 255, 0, 0, 0);
    assert_pixel(image, 7, 2, 0, 255, 0, 0);
    assert_pixel(image, 3, 5, 0, 0, 255, 0);
    assert_pixel(image, 4, 3, 255, 255, 255, 0);
    stance_image_close(&image);
}

static void test_tiff_compressed(void **state)
{
    (void)state;
    struct stance_image *image = parse(tiff_lzw, sizeof tiff_lzw);
    assert_int_equal(image->height, 6);
    assert_pixel(image, 0, 0, 255, 0, 0, 0);
    assert_pixel(image, 7, 0, 0, 255, 0, 0);
    assert_pixel(image, 0, 5, 0, 0, 255, 0);
    stance_image_close(&image);
}

/* Two by two pixels of 24 bits, rows from the bottom up. */
static struct bytes make_bmp(int32_t width, int32_t height)
{
    struct bytes out = {0};
    const uint8_t pixels[] = {3, 2, 1, 6, 5, 4, 0, 0, 30, 20, 10, 60, 50, 40, 0, 0};
    uint8_t header[54] = {'B', 'M', 70, [10] = 54, [14] = 40, [26] = 1, [28] = 24, [34] = 16};
    for (int i = 0; i < 4; i++) {
        header[18 + i] = (uint8_t)((uint32_t)width >> 8 * i);
        header[22 + i] = (uint8_t)((uint32_t)height >> 8 * i);
    }
    put(&out, header, sizeof header);
    put(&out, pixels, sizeof pixels);
    return out;
}

static void test_bmp_from_either_end(void **state)
{
    (void)state;
    struct bytes file = make_bmp(2, 2);
    struct stance_image *image = parse(file.data, file.size);
    assert_pixel(image, 0, 1, 1, 2, 3, 0);
    assert_pixel(image, 1, 0, 40, 50, 60, 0);
    stance_image_close(&image);
    file = make_bmp(2, -2);
    image = parse(file.data, file.size);
    assert_pixel(image, 1, 0, 4, 5, 6, 0);
    stance_image_close(&image);
}

static void test_sizes_are_checked_before_decoding(void **state)
{
    (void)state;
    const uint8_t row[] = {0, 0, 0, 0};
    struct bytes file = make_png(&(struct raw_png){50000, 50000, 8, 2, row, 4, NULL, NULL, 0});
    assert_refused(file.data, file.size, STANCE_ELIMIT, "PNG: 50000×50000 pixels");
    file = make_png(&(struct raw_png){12000, 12000, 8, 2, row, 4, NULL, NULL, 0});
    assert_refused(file.data, file.size, STANCE_ELIMIT, "100 million");
    file = make_png(&(struct raw_png){0, 5, 8, 2, row, 4, NULL, NULL, 0});
    assert_refused(file.data, file.size, STANCE_EFORMAT, "0×5");
    file = make_bmp(-7, 2);
    assert_refused(file.data, file.size, STANCE_EFORMAT, "BMP");
    file = make_bmp(2, INT32_MIN);
    assert_refused(file.data, file.size, STANCE_ELIMIT, "BMP");
}

static void test_files_that_end_early_are_refused(void **state)
{
    (void)state;
    uint8_t rows[20 * 61];
    for (size_t i = 0; i < sizeof rows; i++)
        rows[i] = i % 61 ? (uint8_t)(i * 7) : 0;
    struct bytes png = make_png(&(struct raw_png){20, 20, 8, 2, rows, sizeof rows, NULL, NULL, 0});
    const struct {
        const uint8_t *data;
        size_t size;
    } files[] = {{png.data, png.size},
                 {webp_lossy, sizeof webp_lossy},
                 {webp_lossless, sizeof webp_lossless},
                 {gif_transparent, sizeof gif_transparent},
                 {tiff_lzw, sizeof tiff_lzw}};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        for (size_t size = 0; size < files[i].size * 9 / 10; size++) {
            struct stance_image *image;
            int code = media_picture_parse(&image, files[i].data, size);
            if (code == 0)
                fail_msg("file %zu was accepted at %zu of %zu bytes", i, size, files[i].size);
            assert_null(image);
        }
    assert_refused(png.data, png.size - 16, STANCE_EFORMAT, "cut off");
}

static void test_other_files_are_named_as_what_they_are_not(void **state)
{
    (void)state;
    const char *text = "Dear picture, I am text.";
    assert_refused((const uint8_t *)text, strlen(text), STANCE_EFORMAT,
                   "not a picture stance can read (JPEG, PNG, WebP, BMP, TIFF, GIF)");
    assert_refused((const uint8_t *)"", 0, STANCE_EFORMAT, "not a picture");
    char path[512];
    snprintf(path, sizeof path, "%s/text.jpg", support_temp_folder());
    assert_int_equal(base_file_write(path, text, strlen(text)), 0);
    struct stance_image *image;
    assert_int_equal(stance_image_read(&image, path), STANCE_EFORMAT);
    assert_non_null(strstr(stance_error_text(), "text.jpg' is not a picture stance can read"));
    snprintf(path, sizeof path, "%s/missing.png", support_temp_folder());
    assert_int_equal(stance_image_read(&image, path), STANCE_ENOTFOUND);
    assert_null(image);
}

static struct stance_image *open_noise(int format, int width, int height)
{
    struct stance_image *image;
    assert_int_equal(stance_image_open(&image, format, width, height), 0);
    uint32_t seed = 1;
    for (int y = 0; y < height; y++)
        for (ptrdiff_t x = 0; x < image->stride[0]; x++) {
            seed = seed * 1664525 + 1013904223;
            image->plane[0][y * image->stride[0] + x] = (uint8_t)(seed >> 24);
        }
    return image;
}

static void test_png_written_reads_back_the_same(void **state)
{
    (void)state;
    const int formats[] = {STANCE_RGB24, STANCE_BGR24, STANCE_GRAY8};
    char path[512];
    snprintf(path, sizeof path, "%s/out.PNG", support_temp_folder());
    for (int i = 0; i < 3; i++) {
        struct stance_image *image = open_noise(formats[i], 37, 21), *back, *rgb;
        assert_int_equal(stance_image_write(image, path), 0);
        assert_int_equal(stance_image_read(&back, path), 0);
        assert_int_equal(stance_image_convert(&rgb, image, STANCE_RGB24), 0);
        for (int y = 0; y < 21; y++)
            assert_memory_equal(rgb->plane[0] + y * rgb->stride[0],
                                back->plane[0] + y * back->stride[0], (size_t)3 * 37);
        stance_image_close(&rgb);
        stance_image_close(&back);
        stance_image_close(&image);
    }
}

static void test_writing_needs_an_ending_it_knows(void **state)
{
    (void)state;
    struct stance_image *image = open_noise(STANCE_RGB24, 4, 4);
    assert_int_equal(stance_image_write(image, "picture.xyz"), STANCE_EARGUMENT);
    assert_non_null(strstr(stance_error_text(), ".png or .jpg"));
    assert_int_equal(stance_image_write(image, "folder.png/picture"), STANCE_EARGUMENT);
    assert_int_equal(stance_image_write(image, "/nonexistent/a.png"), STANCE_EIO);
    assert_int_equal(stance_image_write(NULL, "a.png"), STANCE_EARGUMENT);
    stance_image_close(&image);
}

static void test_picture_survives_memory_that_is_out(void **state)
{
    (void)state;
    struct stance_image *image;
    long live = base_alloc_live();
    int code = -1;
    for (long n = 1; code != 0 && n < 100; n++) {
        base_alloc_fail_at(n, 0);
        code = media_picture_parse(&image, webp_alpha, sizeof webp_alpha);
        base_alloc_fail_at(0, 0);
        if (code == 0)
            stance_image_close(&image);
        else
            assert_int_equal(code, STANCE_ENOMEMORY);
        assert_int_equal(base_alloc_live(), live);
    }
    assert_int_equal(code, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_png_of_8_bit_colour),
        cmocka_unit_test(test_png_of_16_bits_is_rounded_to_8),
        cmocka_unit_test(test_png_grey_keeps_its_levels),
        cmocka_unit_test(test_png_alpha_is_laid_over_white),
        cmocka_unit_test(test_png_palette_with_transparent_entries),
        cmocka_unit_test(test_webp_lossy_lossless_and_alpha),
        cmocka_unit_test(test_gif_first_frame_with_transparency),
        cmocka_unit_test(test_tiff_compressed),
        cmocka_unit_test(test_bmp_from_either_end),
        cmocka_unit_test(test_sizes_are_checked_before_decoding),
        cmocka_unit_test(test_files_that_end_early_are_refused),
        cmocka_unit_test(test_other_files_are_named_as_what_they_are_not),
        cmocka_unit_test(test_png_written_reads_back_the_same),
        cmocka_unit_test(test_writing_needs_an_ending_it_knows),
        cmocka_unit_test(test_picture_survives_memory_that_is_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
