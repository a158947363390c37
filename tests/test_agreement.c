/* Agreement of two networks: people who are the same, moved, lost, and boxes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "stance/agreement.h"

enum { POINTS = 3, PEOPLE = 2 };

struct scene {
    struct stance_keypoint_set set;
    struct stance_keypoint points[PEOPLE][POINTS];
    struct stance_person people[PEOPLE];
    struct stance_pose_result result;
};

/* Two people of 100×100 pixels side by side. */
static void make(struct scene *scene, int points)
{
    *scene = (struct scene){.set = {.name = "three", .count = points}};
    for (int i = 0; i < PEOPLE; i++) {
        float x = 200 * (float)i;
        for (int k = 0; k < POINTS; k++)
            scene->points[i][k] = (struct stance_keypoint){x + 20 * (float)k, 50, 0.9f};
        scene->people[i] = (struct stance_person){.box = {x, 0, x + 100, 100},
                                                  .box_score = 0.8f,
                                                  .score = 0.7f,
                                                  .keypoints = scene->points[i]};
    }
    scene->result = (struct stance_pose_result){.width = 400,
                                                .height = 200,
                                                .person_count = PEOPLE,
                                                .people = scene->people,
                                                .keypoint_set = &scene->set};
}

static struct stance_agreement_numbers compare(struct scene *expected, struct scene *answered)
{
    struct stance_agreement *agreement;
    struct stance_agreement_numbers numbers;
    assert_int_equal(stance_agreement_open(&agreement), 0);
    assert_int_equal(stance_agreement_expect(agreement, &expected->result), 0);
    expected->result.keypoint_set = NULL; /* results do not outlive their pipeline */
    assert_int_equal(stance_agreement_answer(agreement, 0, &answered->result), 0);
    assert_int_equal(stance_agreement_answer(agreement, 0, &answered->result), STANCE_EARGUMENT);
    assert_int_equal(stance_agreement_answer(agreement, 1, &answered->result), STANCE_EARGUMENT);
    assert_int_equal(stance_agreement_measure(agreement, &numbers), 0);
    assert_int_equal(numbers.pictures, 1);
    assert_int_equal(numbers.people, expected->result.person_count);
    stance_agreement_reset(agreement);
    assert_int_equal(stance_agreement_answer(agreement, 0, &answered->result), 0);
    stance_agreement_close(&agreement);
    return numbers;
}

static void test_the_same_people_agree(void **state)
{
    (void)state;
    struct scene a, b;
    for (int points = 0; points <= POINTS; points += POINTS) {
        make(&a, points);
        make(&b, points);
        struct stance_agreement_numbers numbers = compare(&a, &b);
        assert_true(fabs(numbers.likeness - 1) < 1e-9);
        assert_true(fabs(numbers.closeness - 1) < 1e-6);
        assert_true(numbers.pixels == 0);
    }
}

static void test_pairs_tell_who_was_taken_for_whom(void **state)
{
    (void)state;
    struct scene a, b;
    struct stance_agreement *agreement;
    int32_t answered[PEOPLE];
    double likeness[PEOPLE];
    make(&a, POINTS);
    make(&b, POINTS);
    b.people[0] = a.people[1]; /* the other way round, and the second far away */
    for (int k = 0; k < POINTS; k++)
        b.points[1][k].x += 5000;
    assert_int_equal(stance_agreement_open(&agreement), 0);
    assert_int_equal(stance_agreement_expect(agreement, &a.result), 0);
    assert_int_equal(stance_agreement_pairs(agreement, 0, answered, likeness, PEOPLE),
                     STANCE_EARGUMENT);
    assert_int_equal(stance_agreement_answer(agreement, 0, &b.result), 0);
    assert_int_equal(stance_agreement_pairs(agreement, 1, answered, likeness, PEOPLE),
                     STANCE_EARGUMENT);
    assert_int_equal(stance_agreement_pairs(agreement, 0, NULL, NULL, 0), PEOPLE);
    assert_int_equal(stance_agreement_pairs(agreement, 0, answered, likeness, PEOPLE), PEOPLE);
    assert_int_equal(answered[0], -1);
    assert_true(likeness[0] == 0);
    assert_int_equal(answered[1], 0);
    assert_true(fabs(likeness[1] - 1) < 1e-9);
    stance_agreement_close(&agreement);
}

static void test_a_moved_keypoint_counts_by_its_distance(void **state)
{
    (void)state;
    struct scene a, b;
    make(&a, POINTS);
    make(&b, POINTS);
    b.points[1][2].x += 6;
    b.points[1][2].score = 0.01f; /* being lost does not make it count less */
    a.points[0][0].score = 0.1f;  /* nor does what was not seen at all */
    b.points[0][0].x += 40;
    struct stance_agreement_numbers numbers = compare(&a, &b);
    double variance = 2 * 0.079 * 2 * 0.079;
    double one = exp(-36 / (2 * 100 * 100 * variance));
    assert_true(fabs(numbers.likeness - (1 + (2 + one) / 3) / 2) < 1e-6);
    assert_true(fabs(numbers.pixels - 6.0 / 5) < 1e-6);
}

static void test_people_in_another_order_are_the_same(void **state)
{
    (void)state;
    struct scene a, b;
    make(&a, POINTS);
    make(&b, POINTS);
    struct stance_person first = b.people[0];
    b.people[0] = b.people[1];
    b.people[1] = first;
    assert_true(compare(&a, &b).likeness == 1);
}

static void test_who_is_not_found_has_nothing(void **state)
{
    (void)state;
    struct scene a, b;
    for (int points = 0; points <= POINTS; points += POINTS) {
        make(&a, points);
        make(&b, points);
        b.result.person_count = 1;
        struct stance_agreement_numbers numbers = compare(&a, &b);
        assert_true(fabs(numbers.closeness - 0.5) < 1e-6);
        assert_true(fabs(numbers.likeness - 0.5) < 0.01);
    }
}

static void test_boxes_count_by_their_overlap(void **state)
{
    (void)state;
    struct scene a, b;
    make(&a, 0);
    make(&b, 0);
    b.people[1].box[2] -= 28; /* IoU .72: right at .5 … .7 */
    struct stance_agreement_numbers numbers = compare(&a, &b);
    assert_true(fabs(numbers.closeness - 0.86) < 1e-6);
    assert_true(numbers.likeness > 0.7 && numbers.likeness < 0.8);
}

static void test_kinds_do_not_mix(void **state)
{
    (void)state;
    struct scene a, b;
    struct stance_agreement *agreement;
    make(&a, POINTS);
    make(&b, 0);
    assert_int_equal(stance_agreement_open(&agreement), 0);
    assert_int_equal(stance_agreement_expect(agreement, &a.result), 0);
    assert_int_equal(stance_agreement_expect(agreement, &b.result), STANCE_EARGUMENT);
    assert_int_equal(stance_agreement_answer(agreement, 0, &b.result), STANCE_EARGUMENT);
    stance_agreement_close(&agreement);
    assert_null(agreement);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_people_agree),
        cmocka_unit_test(test_pairs_tell_who_was_taken_for_whom),
        cmocka_unit_test(test_a_moved_keypoint_counts_by_its_distance),
        cmocka_unit_test(test_people_in_another_order_are_the_same),
        cmocka_unit_test(test_who_is_not_found_has_nothing),
        cmocka_unit_test(test_boxes_count_by_their_overlap),
        cmocka_unit_test(test_kinds_do_not_mix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
