/* Pictures: sizes and limits, alignment, reference counts, wrapped memory. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/memory.h"
#include "stance/image.h"
#include "vision/pixel.h"

static void test_image_opens_every_format_with_aligned_rows(void **state)
{
    (void)state;
    for (int format = STANCE_RGB24; format <= STANCE_NV12; format++) {
        struct stance_image *image;
        assert_int_equal(stance_image_open(&image, format, 33, 17), 0);
        assert_int_equal(image->width, 33);
        assert_int_equal(image->height, 17);
        assert_int_equal(image->format, format);
        int planes = vision_layout_find(format)->planes;
        for (int i = 0; i < planes; i++) {
            assert_int_equal((uintptr_t)image->plane[i] % 64, 0);
            assert_int_equal(image->stride[i] % 64, 0);
            memset(image->plane[i], i, (size_t)image->stride[i] * (i ? 9 : 17));
        }
        assert_int_equal(vision_image_check(image), 0);
        stance_image_close(&image);
        assert_null(image);
    }
    assert_int_equal(base_alloc_live(), 0);
}

static void test_image_refuses_impossible_sizes(void **state)
{
    (void)state;
    struct stance_image *image = (void *)state;
    assert_int_equal(stance_image_open(&image, STANCE_RGB24, 0, 5), STANCE_EARGUMENT);
    assert_null(image);
    assert_int_equal(stance_image_open(&image, STANCE_RGB24, 5, -1), STANCE_EARGUMENT);
    assert_int_equal(stance_image_open(&image, STANCE_RGB24, 16385, 1), STANCE_ELIMIT);
    assert_int_equal(stance_image_open(&image, STANCE_RGB24, 1, INT32_MAX), STANCE_ELIMIT);
    assert_int_equal(stance_image_open(&image, 0, 5, 5), STANCE_EARGUMENT);
    assert_int_equal(stance_image_open(&image, 99, 5, 5), STANCE_EARGUMENT);
    assert_string_equal(stance_error_text(), "picture: unknown pixel format 99");
    assert_int_equal(stance_image_open(&image, STANCE_GRAY8, 16384, 1), 0);
    stance_image_close(&image);
}

static void test_image_lives_as_long_as_its_last_reference(void **state)
{
    (void)state;
    struct stance_image *image, *other;
    assert_int_equal(stance_image_open(&image, STANCE_BGR24, 4, 4), 0);
    other = stance_image_keep(image);
    assert_ptr_equal(other, image);
    stance_image_close(&image);
    assert_int_equal(base_alloc_live(), 1);
    other->plane[0][0] = 7;
    stance_image_close(&other);
    assert_int_equal(base_alloc_live(), 0);
    stance_image_close(&other);
    stance_image_close(NULL);
}

static void test_image_wraps_the_callers_pixels(void **state)
{
    (void)state;
    uint8_t pixels[4 * 16] = {0};
    struct stance_image *image;
    assert_int_equal(stance_image_wrap(&image, STANCE_RGB24, 5, 4, pixels, 16), 0);
    assert_ptr_equal(image->plane[0], pixels);
    stance_image_close(&image);
    assert_int_equal(stance_image_wrap(&image, STANCE_RGB24, 5, 4, pixels + 48, -16), 0);
    stance_image_close(&image);
    assert_int_equal(stance_image_wrap(&image, STANCE_RGB24, 6, 4, pixels, 16), STANCE_EARGUMENT);
    assert_int_equal(stance_image_wrap(&image, STANCE_RGB24, 5, 4, NULL, 16), STANCE_EARGUMENT);
    assert_int_equal(stance_image_wrap(&image, STANCE_NV12, 4, 4, pixels, 16), STANCE_EARGUMENT);
    assert_null(image);
    assert_int_equal(base_alloc_live(), 0);
}

static void test_image_without_owner_is_left_alone(void **state)
{
    (void)state;
    uint8_t pixel[3] = {1, 2, 3};
    struct stance_image view = {
        .width = 1, .height = 1, .format = STANCE_RGB24, .plane = {pixel}, .stride = {3}};
    struct stance_image *image = stance_image_keep(&view);
    stance_image_close(&image);
    assert_null(image);
    assert_int_equal(view.width, 1);
}

static void test_image_reports_memory_that_is_out(void **state)
{
    (void)state;
    struct stance_image *image;
    base_alloc_fail_at(1, 0);
    assert_int_equal(stance_image_open(&image, STANCE_RGB24, 8, 8), STANCE_ENOMEMORY);
    assert_null(image);
    uint8_t pixels[3];
    base_alloc_fail_at(1, 0);
    assert_int_equal(stance_image_wrap(&image, STANCE_RGB24, 1, 1, pixels, 3), STANCE_ENOMEMORY);
    assert_null(image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_image_opens_every_format_with_aligned_rows),
        cmocka_unit_test(test_image_refuses_impossible_sizes),
        cmocka_unit_test(test_image_lives_as_long_as_its_last_reference),
        cmocka_unit_test(test_image_wraps_the_callers_pixels),
        cmocka_unit_test(test_image_without_owner_is_left_alone),
        cmocka_unit_test(test_image_reports_memory_that_is_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
