/* Pools: pictures come back, are used again, are limited in number, and may outlive the pool. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "base/memory.h"
#include "vision/image_pool.h"

static void test_pool_uses_memory_again(void **state)
{
    (void)state;
    struct vision_pool *pool;
    struct stance_image *image;
    assert_int_equal(vision_pool_open(&pool, 4), 0);
    assert_int_equal(vision_pool_take(pool, &image, STANCE_YUV420P, 63, 31), 0);
    memset(image->plane[1], 7, (size_t)image->stride[1] * 16);
    stance_image_close(&image);
    long count = base_alloc_count();
    for (int i = 0; i < 100; i++) {
        int format = i % 2 ? STANCE_NV12 : STANCE_YUV420P;
        assert_int_equal(vision_pool_take(pool, &image, format, 63 - i % 3, 31), 0);
        assert_int_equal(image->format, format);
        assert_int_equal(image->color, 0);
        stance_image_close(&image);
    }
    assert_int_equal(base_alloc_count(), count);
    vision_pool_close(&pool);
    assert_int_equal(base_alloc_live(), 0);
}

static void test_pool_limits_what_is_in_use(void **state)
{
    (void)state;
    struct vision_pool *pool;
    struct stance_image *images[3], *more;
    assert_int_equal(vision_pool_open(&pool, 3), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(vision_pool_take(pool, &images[i], STANCE_GRAY8, 8, 8), 0);
    assert_int_equal(vision_pool_take(pool, &more, STANCE_GRAY8, 8, 8), STANCE_ELIMIT);
    assert_null(more);
    stance_image_close(&images[1]);
    assert_int_equal(vision_pool_take(pool, &images[1], STANCE_RGB24, 80, 80), 0);
    assert_int_equal(vision_pool_take(pool, &more, 99, 8, 8), STANCE_EARGUMENT);
    vision_pool_close(&pool);
    for (int i = 0; i < 3; i++) {
        memset(images[i]->plane[0], 1, 8);
        stance_image_close(&images[i]);
    }
    assert_int_equal(base_alloc_live(), 0);
}

static void count_release(void *context)
{
    ++*(int *)context;
}

static void test_pool_releases_foreign_pixels_once(void **state)
{
    (void)state;
    struct vision_pool *pool;
    struct stance_image *image, *other;
    uint8_t pixels[64];
    int released = 0;
    struct stance_image view = {
        .width = 8, .height = 8, .format = STANCE_GRAY8, .plane = {pixels}, .stride = {8}};
    assert_int_equal(vision_pool_open(&pool, 3), 0);
    assert_int_equal(vision_pool_wrap(pool, &image, &view, count_release, &released), 0);
    other = stance_image_keep(image);
    stance_image_close(&image);
    assert_int_equal(released, 0);
    assert_ptr_equal(other->plane[0], pixels);
    stance_image_close(&other);
    assert_int_equal(released, 1);
    assert_int_equal(vision_pool_take(pool, &image, STANCE_GRAY8, 8, 8), 0);
    stance_image_close(&image);
    assert_int_equal(released, 1);
    view.stride[0] = 3;
    assert_int_equal(vision_pool_wrap(pool, &image, &view, count_release, &released),
                     STANCE_EARGUMENT);
    assert_int_equal(released, 1);
    vision_pool_close(&pool);
    assert_int_equal(base_alloc_live(), 0);
}

static void *take_and_give(void *context)
{
    struct vision_pool *pool = context;
    for (int i = 0; i < 2000; i++) {
        struct stance_image *image;
        if (vision_pool_take(pool, &image, STANCE_GRAY8, 16 + i % 5, 16) == 0) {
            image->plane[0][0] = 1;
            stance_image_close(&image);
        }
    }
    return NULL;
}

static void test_pool_serves_many_threads(void **state)
{
    (void)state;
    struct vision_pool *pool;
    pthread_t threads[4];
    assert_int_equal(vision_pool_open(&pool, 3), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_give, pool), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    vision_pool_close(&pool);
    assert_int_equal(base_alloc_live(), 0);
}

static void test_pool_reports_memory_that_is_out(void **state)
{
    (void)state;
    struct vision_pool *pool;
    struct stance_image *image;
    base_alloc_fail_at(1, 0);
    assert_int_equal(vision_pool_open(&pool, 1), STANCE_ENOMEMORY);
    assert_int_equal(vision_pool_open(&pool, 1), 0);
    base_alloc_fail_at(1, 0);
    assert_int_equal(vision_pool_take(pool, &image, STANCE_GRAY8, 8, 8), STANCE_ENOMEMORY);
    assert_int_equal(vision_pool_take(pool, &image, STANCE_GRAY8, 8, 8), 0);
    stance_image_close(&image);
    vision_pool_close(&pool);
    vision_pool_close(&pool);
    assert_int_equal(base_alloc_live(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pool_uses_memory_again),
        cmocka_unit_test(test_pool_limits_what_is_in_use),
        cmocka_unit_test(test_pool_releases_foreign_pixels_once),
        cmocka_unit_test(test_pool_serves_many_threads),
        cmocka_unit_test(test_pool_reports_memory_that_is_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
