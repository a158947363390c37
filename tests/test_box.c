/* Overlap and suppression. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <math.h>
#include <stdint.h>
#include <cmocka.h>

#include "vision/box.h"

static void test_box_iou_of_known_pairs(void **state)
{
    (void)state;
    struct vision_box a = {0, 0, 10, 10, 1, 0, 0}, b = {5, 0, 15, 10, 1, 0, 1};
    struct vision_box far = {20, 20, 30, 30, 1, 0, 2}, inside = {2, 2, 7, 7, 1, 0, 3};
    assert_float_equal(vision_box_iou(&a, &a, 0), 1, 0);
    assert_float_equal(vision_box_iou(&a, &b, 0), 50.0 / 150, 1e-6);
    assert_float_equal(vision_box_iou(&a, &b, 1), 66.0 / (242 - 66), 1e-6);
    assert_float_equal(vision_box_iou(&a, &far, 0), 0, 0);
    assert_float_equal(vision_box_iou(&a, &inside, 0), 0.25, 1e-6);
}

static void test_box_iou_of_degenerate_boxes_is_zero(void **state)
{
    (void)state;
    struct vision_box point = {3, 3, 3, 3, 1, 0, 0}, reversed = {9, 9, 1, 1, 1, 0, 1};
    struct vision_box a = {0, 0, 10, 10, 1, 0, 2}, odd = {NAN, 0, 1, 1, 1, 0, 3};
    assert_float_equal(vision_box_iou(&point, &point, 0), 0, 0);
    assert_float_equal(vision_box_iou(&point, &point, 1), 1, 0);
    assert_float_equal(vision_box_iou(&reversed, &a, 0), 0, 0);
    float iou = vision_box_iou(&odd, &a, 0);
    assert_true(iou >= 0 && iou <= 1);
    assert_float_equal(vision_box_area(&reversed, 0), 0, 0);
}

static void test_box_sort_is_stable_and_puts_nan_last(void **state)
{
    (void)state;
    struct vision_box boxes[100];
    for (int i = 0; i < 100; i++)
        boxes[i] = (struct vision_box){0, 0, 1, 1, (float)(i * 7 % 5), 0, i};
    boxes[50].score = NAN;
    vision_box_sort(boxes, 100);
    for (int i = 1; i < 99; i++) {
        assert_true(boxes[i - 1].score >= boxes[i].score);
        if (boxes[i - 1].score == boxes[i].score)
            assert_true(boxes[i - 1].index < boxes[i].index);
    }
    assert_int_equal(boxes[99].index, 50);
    vision_box_sort(boxes, 0);
    vision_box_sort(boxes, 1);
}

static void test_box_nms_keeps_the_best_of_each_heap(void **state)
{
    (void)state;
    struct vision_box boxes[] = {
        {0, 0, 10, 10, 0.5f, 0, 0},   {1, 0, 11, 10, 0.9f, 0, 1}, {50, 50, 60, 60, 0.3f, 0, 2},
        {50, 51, 60, 61, 0.2f, 0, 3}, {5, 0, 15, 10, 0.4f, 0, 4},
    };
    assert_int_equal(vision_box_nms(boxes, 5, 0.5f, 0, 0, 100), 3);
    assert_int_equal(boxes[0].index, 1);
    assert_int_equal(boxes[1].index, 4);
    assert_int_equal(boxes[2].index, 2);
}

static void test_box_nms_keeps_boxes_exactly_at_the_threshold(void **state)
{
    (void)state;
    struct vision_box boxes[] = {{0, 0, 10, 10, 0.9f, 0, 0}, {0, 0, 10, 5, 0.8f, 0, 1}};
    assert_int_equal(vision_box_nms(boxes, 2, 0.5f, 0, 0, 100), 2);
    assert_int_equal(vision_box_nms(boxes, 2, 0.49f, 0, 0, 100), 1);
}

static void test_box_nms_by_label_lets_classes_overlap(void **state)
{
    (void)state;
    struct vision_box boxes[] = {
        {0, 0, 10, 10, 0.9f, 1, 0}, {0, 0, 10, 10, 0.8f, 2, 1}, {0, 0, 10, 10, 0.7f, 1, 2}};
    assert_int_equal(vision_box_nms(boxes, 3, 0.5f, 0, 1, 100), 2);
    assert_int_equal(boxes[1].label, 2);
    assert_int_equal(vision_box_nms(boxes, 2, 0.5f, 0, 0, 100), 1);
}

static void test_box_nms_stops_at_the_most(void **state)
{
    (void)state;
    struct vision_box boxes[10];
    for (int i = 0; i < 10; i++)
        boxes[i] = (struct vision_box){i * 20.0f, 0, i * 20.0f + 10, 10, (float)i, 0, i};
    assert_int_equal(vision_box_nms(boxes, 10, 0.5f, 0, 0, 3), 3);
    assert_int_equal(boxes[0].index, 9);
    assert_int_equal(vision_box_nms(boxes, 0, 0.5f, 0, 0, 3), 0);
}

static void test_box_clamps_into_the_picture(void **state)
{
    (void)state;
    struct vision_box box = {-5, 3, 120, 200, 1, 0, 0};
    vision_box_clamp(&box, 100, 80);
    assert_float_equal(box.x1, 0, 0);
    assert_float_equal(box.y1, 3, 0);
    assert_float_equal(box.x2, 100, 0);
    assert_float_equal(box.y2, 80, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_box_iou_of_known_pairs),
        cmocka_unit_test(test_box_iou_of_degenerate_boxes_is_zero),
        cmocka_unit_test(test_box_sort_is_stable_and_puts_nan_last),
        cmocka_unit_test(test_box_nms_keeps_the_best_of_each_heap),
        cmocka_unit_test(test_box_nms_keeps_boxes_exactly_at_the_threshold),
        cmocka_unit_test(test_box_nms_by_label_lets_classes_overlap),
        cmocka_unit_test(test_box_nms_stops_at_the_most),
        cmocka_unit_test(test_box_clamps_into_the_picture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
