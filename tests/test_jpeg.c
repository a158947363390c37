/* JPEG: round trips, orientation, inks, and files that lie or end early. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>
#include <cmocka.h>

#include "base/memory.h"
#include "media/jpeg.h"
#include "media/picture.h"
#include "support/support.h"

enum { LIMIT = 1 << 22 };

/* Smooth enough for JPEG: red by x, green by y, blue constant. */
static struct stance_image *open_smooth(int format, int width, int height)
{
    struct stance_image *image, *rgb;
    assert_int_equal(stance_image_open(&rgb, STANCE_RGB24, width, height), 0);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            uint8_t *pixel = rgb->plane[0] + y * rgb->stride[0] + 3 * x;
            pixel[0] = (uint8_t)(x * 255 / width);
            pixel[1] = (uint8_t)(y * 255 / height);
            pixel[2] = 90;
        }
    assert_int_equal(stance_image_convert(&image, rgb, format), 0);
    stance_image_close(&rgb);
    return image;
}

static struct base_buffer encode(const struct stance_image *image, int quality)
{
    struct base_buffer bytes;
    base_buffer_init(&bytes, LIMIT);
    assert_int_equal(media_jpeg_encode(&bytes, image, quality), 0);
    return bytes;
}

static struct stance_image *decode(const struct base_buffer *bytes)
{
    struct stance_image *image;
    if (media_jpeg_decode(&image, (const uint8_t *)bytes->data, bytes->size) != 0)
        fail_msg("%s", stance_error_text());
    return image;
}

static const uint8_t *pixel_of(const struct stance_image *image, int x, int y)
{
    return image->plane[0] + y * image->stride[0] + 3 * x;
}

static void assert_near(const struct stance_image *a, const struct stance_image *b, int tolerance)
{
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    for (int y = 0; y < a->height; y++)
        for (int x = 0; x < a->width; x++)
            for (int c = 0; c < 3; c++)
                if (abs(pixel_of(a, x, y)[c] - pixel_of(b, x, y)[c]) > tolerance)
                    fail_msg("pixel %d, %d: %d and %d", x, y, pixel_of(a, x, y)[c],
                             pixel_of(b, x, y)[c]);
}

static void test_jpeg_round_trip_of_every_format(void **state)
{
    (void)state;
    const int sizes[][2] = {{1, 1}, {17, 9}, {64, 48}};
    for (int i = 0; i < 3; i++)
        for (int format = STANCE_RGB24; format <= STANCE_GRAY8; format++) {
            struct stance_image *image = open_smooth(format, sizes[i][0], sizes[i][1]), *rgb;
            struct base_buffer bytes = encode(image, 95);
            struct stance_image *back = decode(&bytes);
            assert_int_equal(stance_image_convert(&rgb, image, STANCE_RGB24), 0);
            assert_near(back, rgb, 6);
            stance_image_close(&rgb);
            stance_image_close(&back);
            stance_image_close(&image);
            base_buffer_free(&bytes);
        }
    assert_int_equal(base_alloc_live(), 0);
}

static void test_jpeg_quality_decides_the_size(void **state)
{
    (void)state;
    struct stance_image *image = open_smooth(STANCE_BGR24, 200, 100);
    struct base_buffer fine = encode(image, 98), coarse = encode(image, 30), none;
    assert_true(fine.size > coarse.size);
    base_buffer_init(&none, LIMIT);
    assert_int_equal(media_jpeg_encode(&none, image, 0), STANCE_EARGUMENT);
    assert_int_equal(media_jpeg_encode(&none, image, 101), STANCE_EARGUMENT);
    base_buffer_free(&fine);
    base_buffer_free(&coarse);
    stance_image_close(&image);
}

/* Puts an Exif segment with an orientation behind the start of image. */
static void add_exif(struct base_buffer *out, const struct base_buffer *bytes, bool big,
                     int orientation)
{
    /* clang-format off */
    const uint8_t little_exif[] = {
        0xff, 0xe1, 0, 34, 'E', 'x', 'i', 'f', 0, 0, 'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0,
        0x12, 1, 3, 0, 1, 0, 0, 0, (uint8_t)orientation, 0, 0, 0, 0, 0, 0, 0};
    const uint8_t big_exif[] = {
        0xff, 0xe1, 0, 34, 'E', 'x', 'i', 'f', 0, 0, 'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1,
        1, 0x12, 0, 3, 0, 0, 0, 1, 0, (uint8_t)orientation, 0, 0, 0, 0, 0, 0};
    /* clang-format on */
    base_buffer_init(out, LIMIT);
    assert_int_equal(base_buffer_append(out, bytes->data, 2), 0);
    assert_int_equal(base_buffer_append(out, big ? big_exif : little_exif, sizeof big_exif), 0);
    assert_int_equal(base_buffer_append(out, bytes->data + 2, bytes->size - 2), 0);
}

static void test_jpeg_is_turned_upright_by_exif(void **state)
{
    (void)state;
    /* Where the stored picture's (x, y) of w × h belongs, by TIFF 6.0. */
    struct stance_image *stored = open_smooth(STANCE_RGB24, 40, 24);
    struct base_buffer bytes = encode(stored, 95);
    struct stance_image *plain = decode(&bytes);
    for (int orientation = 0; orientation <= 9; orientation++) {
        struct base_buffer marked;
        add_exif(&marked, &bytes, orientation % 2, orientation);
        struct stance_image *image = decode(&marked);
        bool swapped = orientation >= 5 && orientation <= 8;
        assert_int_equal(image->width, swapped ? 24 : 40);
        assert_int_equal(image->height, swapped ? 40 : 24);
        for (int y = 0; y < 24; y++)
            for (int x = 0; x < 40; x++) {
                const int targets[10][2] = {{x, y},      {x, y}, {39 - x, y}, {39 - x, 23 - y},
                                            {x, 23 - y}, {y, x}, {23 - y, x}, {23 - y, 39 - x},
                                            {y, 39 - x}, {x, y}};
                assert_memory_equal(
                    pixel_of(image, targets[orientation][0], targets[orientation][1]),
                    pixel_of(plain, x, y), 3);
            }
        stance_image_close(&image);
        base_buffer_free(&marked);
    }
    stance_image_close(&plain);
    base_buffer_free(&bytes);
    stance_image_close(&stored);
}

static void test_jpeg_with_broken_exif_is_still_read(void **state)
{
    (void)state;
    struct stance_image *image = open_smooth(STANCE_RGB24, 16, 16);
    struct base_buffer bytes = encode(image, 95), marked;
    add_exif(&marked, &bytes, false, 6);
    for (int at = 12; at < 38; at++) {
        char kept = marked.data[at];
        marked.data[at] = (char)0xff;
        struct stance_image *back = decode(&marked);
        stance_image_close(&back);
        marked.data[at] = kept;
    }
    base_buffer_free(&marked);
    base_buffer_free(&bytes);
    stance_image_close(&image);
}

static void test_jpeg_converts_inks(void **state)
{
    (void)state;
    /* turbojpeg writes CMYK with an Adobe marker, so its samples are paper minus ink. */
    enum { SIDE = 16 };
    const struct {
        uint8_t inks[4], rgb[3];
    } known[] = {{{255, 255, 255, 255}, {255, 255, 255}},
                 {{255, 255, 255, 0}, {0, 0, 0}},
                 {{0, 255, 255, 255}, {0, 255, 255}},
                 {{200, 100, 50, 128}, {100, 50, 25}}};
    tjhandle handle = tjInitCompress();
    for (int i = 0; i < 4; i++) {
        uint8_t inks[SIDE * SIDE * 4];
        for (int k = 0; k < SIDE * SIDE; k++)
            memcpy(inks + (ptrdiff_t)4 * k, known[i].inks, 4);
        unsigned char *file = NULL;
        unsigned long size = 0;
        assert_int_equal(
            tjCompress2(handle, inks, SIDE, 0, SIDE, TJPF_CMYK, &file, &size, TJSAMP_444, 98, 0),
            0);
        struct stance_image *image;
        assert_int_equal(media_jpeg_decode(&image, file, size), 0);
        for (int c = 0; c < 3; c++)
            assert_true(abs(pixel_of(image, 8, 8)[c] - known[i].rgb[c]) <= 4);
        stance_image_close(&image);
        tjFree(file);
    }
    tjDestroy(handle);
}

static void assert_refused(const void *data, size_t size, int code, const char *words)
{
    struct stance_image *image = (void *)1;
    assert_int_equal(media_jpeg_decode(&image, data, size), code);
    assert_null(image);
    if (!strstr(stance_error_text(), words))
        fail_msg("'%s' lacks '%s'", stance_error_text(), words);
}

static void test_jpeg_that_ends_early_is_refused(void **state)
{
    (void)state;
    struct stance_image *image = open_smooth(STANCE_RGB24, 120, 90);
    struct base_buffer bytes = encode(image, 95);
    assert_refused(bytes.data, bytes.size / 2, STANCE_EFORMAT, "cut off");
    assert_refused(bytes.data, bytes.size - 100, STANCE_EFORMAT, "cut off");
    assert_refused(bytes.data, 0, STANCE_EFORMAT, "empty");
    assert_refused(bytes.data, 3, STANCE_EFORMAT, "JPEG");
    for (size_t size = 1; size < bytes.size - 2; size += 7)
        assert_refused(bytes.data, size, STANCE_EFORMAT, "JPEG");
    base_buffer_free(&bytes);
    stance_image_close(&image);
}

static void test_jpeg_with_padding_between_segments_is_read(void **state)
{
    (void)state;
    struct stance_image *image = open_smooth(STANCE_RGB24, 32, 32);
    struct base_buffer bytes = encode(image, 95), padded;
    base_buffer_init(&padded, LIMIT);
    base_buffer_append(&padded, bytes.data, bytes.size - 2);
    base_buffer_append(&padded, "\0\0\0\0", 4);
    base_buffer_append(&padded, bytes.data + bytes.size - 2, 2);
    struct stance_image *back = decode(&padded);
    assert_near(back, image, 6);
    stance_image_close(&back);
    base_buffer_free(&padded);
    base_buffer_free(&bytes);
    stance_image_close(&image);
}

static void test_jpeg_size_is_checked_before_decoding(void **state)
{
    (void)state;
    struct stance_image *image = open_smooth(STANCE_GRAY8, 16, 16);
    struct base_buffer bytes = encode(image, 95);
    /* Start of frame: FF C0, length, precision, height, width. */
    size_t at = 2;
    while ((uint8_t)bytes.data[at + 1] != 0xc0)
        at += 2 + (size_t)((uint8_t)bytes.data[at + 2] << 8 | (uint8_t)bytes.data[at + 3]);
    const uint8_t large[] = {50000 >> 8, 50000 & 255, 50000 >> 8, 50000 & 255};
    memcpy(bytes.data + at + 5, large, 4);
    assert_refused(bytes.data, bytes.size, STANCE_ELIMIT, "50000×50000");
    const uint8_t area[] = {12000 >> 8, 12000 & 255, 12000 >> 8, 12000 & 255};
    memcpy(bytes.data + at + 5, area, 4);
    assert_refused(bytes.data, bytes.size, STANCE_ELIMIT, "100 million");
    base_buffer_free(&bytes);
    stance_image_close(&image);
}

static void test_jpeg_file_round_trip_by_name(void **state)
{
    (void)state;
    const char *names[] = {"a.jpg", "b.JPEG"};
    for (int i = 0; i < 2; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", support_temp_folder(), names[i]);
        struct stance_image *image = open_smooth(STANCE_RGB24, 50, 30), *back;
        assert_int_equal(stance_image_write(image, path), 0);
        assert_int_equal(stance_image_read(&back, path), 0);
        assert_near(back, image, 8);
        stance_image_close(&back);
        stance_image_close(&image);
    }
}

static void test_jpeg_survives_memory_that_is_out(void **state)
{
    (void)state;
    struct stance_image *image = open_smooth(STANCE_RGB24, 20, 10), *back;
    struct base_buffer bytes = encode(image, 90), marked;
    add_exif(&marked, &bytes, true, 6);
    long live = base_alloc_live();
    for (long n = 1; n <= 2; n++) {
        base_alloc_fail_at(n, 0);
        assert_int_equal(media_jpeg_decode(&back, (const uint8_t *)marked.data, marked.size),
                         STANCE_ENOMEMORY);
        base_alloc_fail_at(0, 0);
        assert_null(back);
        assert_int_equal(base_alloc_live(), live);
    }
    base_buffer_free(&marked);
    base_buffer_free(&bytes);
    stance_image_close(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_jpeg_round_trip_of_every_format),
        cmocka_unit_test(test_jpeg_quality_decides_the_size),
        cmocka_unit_test(test_jpeg_is_turned_upright_by_exif),
        cmocka_unit_test(test_jpeg_with_broken_exif_is_still_read),
        cmocka_unit_test(test_jpeg_converts_inks),
        cmocka_unit_test(test_jpeg_that_ends_early_is_refused),
        cmocka_unit_test(test_jpeg_with_padding_between_segments_is_read),
        cmocka_unit_test(test_jpeg_size_is_checked_before_decoding),
        cmocka_unit_test(test_jpeg_file_round_trip_by_name),
        cmocka_unit_test(test_jpeg_survives_memory_that_is_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
