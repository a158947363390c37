/* Keypoint sets: what holds for each of them, and what conversion keeps. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include "model/family.h"

enum { MOST = 133 };

static void each_set(void (*check)(const struct stance_keypoint_set *set))
{
    for (int i = 0; stance_keypoint_set_at(i); i++)
        check(stance_keypoint_set_at(i));
}

static const struct stance_keypoint_set *set_of(const char *name)
{
    const struct stance_keypoint_set *set = stance_keypoint_set_find(name);
    if (!set)
        fail_msg("there is no set '%s'", name);
    return set;
}

static int32_t index_of(const struct stance_keypoint_set *set, const char *name)
{
    for (int32_t i = 0; i < set->count; i++)
        if (strcmp(set->names[i], name) == 0)
            return i;
    fail_msg("%s has no %s", set->name, name);
    return -1;
}

static void test_sets_have_their_names_and_counts(void **state)
{
    static const struct {
        const char *name;
        int count, edges;
        bool native;
    } known[] = {
        {"coco17", 17, 19, true},        {"halpe26", 26, 27, true},
        {"wholebody133", 133, 65, true}, {"hand21", 21, 20, true},
        {"face106", 106, 99, true},      {"ap10k17", 17, 17, false}, /* coco17 has the count */
        {"mpii16", 16, 15, true},        {"crowdpose14", 14, 15, true},
        {"openpose18", 18, 17, false},   {"openpose25", 25, 24, false},
        {"mediapipe33", 33, 35, false},
    };
    static struct model_plain_set plain;
    size_t count = sizeof known / sizeof known[0];
    for (size_t i = 0; i < count; i++) {
        const struct stance_keypoint_set *set = set_of(known[i].name);
        assert_ptr_equal(set, stance_keypoint_set_at((int)i));
        assert_int_equal(set->count, known[i].count);
        assert_int_equal(set->edge_count, known[i].edges);
        if (known[i].native)
            assert_ptr_equal(model_keypoint_set(set->count, &plain), set);
    }
    assert_null(stance_keypoint_set_at((int)count));
    assert_null(stance_keypoint_set_at(-1));
    assert_null(stance_keypoint_set_find("coco18"));
    assert_string_equal(model_keypoint_set(25, &plain)->name, "points");
    assert_int_equal(model_keypoint_set(512, &plain)->count, 512);
    assert_string_equal(plain.set.names[0], "point_0"); /* each once: tables have columns of them */
    assert_string_equal(plain.set.names[511], "point_511");
}

static void check_names(const struct stance_keypoint_set *set)
{
    for (int i = 0; i < set->count; i++) {
        assert_true(set->names[i][0]);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(set->names[i], set->names[k]);
    }
}

static void test_names_are_unique(void **state)
{
    each_set(check_names);
}

static void check_flip(const struct stance_keypoint_set *set)
{
    for (int i = 0; i < set->count; i++) {
        assert_in_range(set->flip[i], 0, set->count - 1);
        assert_int_equal(set->flip[set->flip[i]], i);
        bool left = strstr(set->names[i], "left"), right = strstr(set->names[i], "right");
        const char *other = set->names[set->flip[i]];
        if (left || right)
            assert_non_null(strstr(other, left ? "right" : "left"));
        if (set->sigmas)
            assert_true(set->sigmas[i] > 0 && set->sigmas[i] < 0.2f);
    }
}

static void test_mirroring_twice_changes_nothing(void **state)
{
    each_set(check_flip);
}

/* Left and right differ, and what is its own mirror image is neither; the pairs of a face and the
 * hands look alike. */
static void check_colors(const struct stance_keypoint_set *set)
{
    static const uint8_t green[3] = {0, 200, 83}, orange[3] = {255, 128, 0};
    if (strcmp(set->name, "hand21") == 0 || strcmp(set->name, "face106") == 0)
        return;
    int body = strcmp(set->name, "wholebody133") == 0 ? 23 : set->count;
    for (int i = 0; i < body; i++) {
        const uint8_t *color = set->colors[i], *other = set->colors[set->flip[i]];
        bool is_left = memcmp(color, green, 3) == 0, is_right = memcmp(color, orange, 3) == 0;
        bool left = strstr(set->names[i], "left"), right = strstr(set->names[i], "right");
        if ((is_left && !left) || (is_right && !right))
            fail_msg("%s: %s has the colour of a side", set->name, set->names[i]);
        if (is_left != (memcmp(other, orange, 3) == 0))
            fail_msg("%s: %s and its mirror image", set->name, set->names[i]);
        if (strstr(set->names[i], "toe") || strstr(set->names[i], "elbow"))
            assert_true(is_left || is_right);
    }
}

static void test_left_and_right_have_their_colours(void **state)
{
    each_set(check_colors);
}

static bool has_edge(const struct stance_keypoint_set *set, int32_t a, int32_t b)
{
    for (int i = 0; i < set->edge_count; i++)
        if ((set->edges[i][0] == a && set->edges[i][1] == b) ||
            (set->edges[i][0] == b && set->edges[i][1] == a))
            return true;
    return false;
}

/* The mirror image of a skeleton is the skeleton. */
static void check_edges(const struct stance_keypoint_set *set)
{
    for (int i = 0; i < set->edge_count; i++) {
        const int32_t *edge = set->edges[i];
        assert_in_range(edge[0], 0, set->count - 1);
        assert_in_range(edge[1], 0, set->count - 1);
        assert_int_not_equal(edge[0], edge[1]);
        if (!has_edge(set, set->flip[edge[0]], set->flip[edge[1]]))
            fail_msg("%s: edge %d of %s has no mirror image", set->name, i, set->names[edge[0]]);
    }
}

static void test_skeletons_are_symmetric(void **state)
{
    each_set(check_edges);
}

static void number(const struct stance_keypoint_set *set, struct stance_keypoint *points)
{
    for (int i = 0; i < set->count; i++)
        points[i] = (struct stance_keypoint){(float)i + 0.25f, (float)-i, 0.5f + (float)i / 512};
}

/* What came from a keypoint comes back to it unchanged, and everything else is absent. */
static void check_pair(const struct stance_keypoint_set *from, const struct stance_keypoint_set *to)
{
    int32_t there[MOST], back[MOST];
    struct stance_keypoint first[MOST], second[MOST], third[MOST];
    int common = stance_keypoint_set_map(from, to, there);
    assert_int_equal(stance_keypoint_set_map(to, from, back), common);
    number(from, first);
    stance_keypoints_convert(there, to->count, first, second);
    stance_keypoints_convert(back, from->count, second, third);
    int present = 0;
    for (int i = 0; i < from->count; i++) {
        bool kept = back[i] >= 0;
        present += kept;
        assert_true(third[i].x == (kept ? first[i].x : 0));
        assert_true(third[i].y == (kept ? first[i].y : 0));
        assert_true(third[i].score == (kept ? first[i].score : 0));
    }
    assert_int_equal(present, common > 0 ? common : 0);
    for (int i = 0; i < to->count; i++) {
        assert_in_range(there[i] + 1, 0, from->count);
        if (there[i] >= 0 && there[to->flip[i]] >= 0) /* left stays left */
            assert_int_equal(there[to->flip[i]], from->flip[there[i]]);
    }
}

static void test_conversion_keeps_common_keypoints_exactly(void **state)
{
    for (int i = 0; stance_keypoint_set_at(i); i++)
        for (int k = 0; stance_keypoint_set_at(k); k++)
            check_pair(stance_keypoint_set_at(i), stance_keypoint_set_at(k));
}

static void assert_from(const char *from, const char *to, const char *source, const char *target)
{
    int32_t map[MOST];
    assert_true(stance_keypoint_set_map(set_of(from), set_of(to), map) > 0);
    int32_t found = map[index_of(set_of(to), target)];
    assert_int_equal(found, source ? index_of(set_of(from), source) : -1);
}

static int common(const char *from, const char *to)
{
    int32_t map[MOST];
    return stance_keypoint_set_map(set_of(from), set_of(to), map);
}

static void test_conversions_to_what_others_speak(void **state)
{
    assert_int_equal(common("coco17", "mediapipe33"), 17);
    assert_int_equal(common("halpe26", "mediapipe33"), 17 + 4);
    assert_int_equal(common("wholebody133", "mediapipe33"), 33);
    assert_int_equal(common("coco17", "openpose18"), 17);
    assert_int_equal(common("coco17", "openpose25"), 17);
    assert_int_equal(common("halpe26", "openpose25"), 25);
    assert_int_equal(common("wholebody133", "coco17"), 17);
    assert_int_equal(common("crowdpose14", "halpe26"), 14);
    assert_int_equal(common("mpii16", "halpe26"), 14); /* no thorax and no pelvis there */
    assert_from("coco17", "openpose25", "left_wrist", "left_wrist");
    assert_from("coco17", "openpose25", NULL, "neck"); /* not the middle of the shoulders */
    assert_from("halpe26", "openpose25", "hip", "mid_hip");
    assert_from("halpe26", "mediapipe33", "right_big_toe", "right_foot_index");
    assert_from("wholebody133", "mediapipe33", "face_54", "mouth_left");
    assert_from("wholebody133", "mediapipe33", "left_pinky_finger1", "left_pinky");
    assert_from("mpii16", "crowdpose14", "upper_neck", "neck");
    assert_int_equal(index_of(set_of("wholebody133"), "face_54"), 77);
    assert_int_equal(index_of(set_of("wholebody133"), "left_pinky_finger1"), 108);
    assert_int_equal(index_of(set_of("mediapipe33"), "right_foot_index"), 32);
}

static void test_sets_of_other_things_do_not_mix(void **state)
{
    assert_int_equal(common("ap10k17", "coco17"), STANCE_EARGUMENT);
    assert_int_equal(common("hand21", "wholebody133"), STANCE_EARGUMENT);
    assert_non_null(strstr(stance_error_text(), "hand21 and wholebody133"));
    assert_int_equal(common("ap10k17", "ap10k17"), 17);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sets_have_their_names_and_counts),
        cmocka_unit_test(test_names_are_unique),
        cmocka_unit_test(test_mirroring_twice_changes_nothing),
        cmocka_unit_test(test_left_and_right_have_their_colours),
        cmocka_unit_test(test_skeletons_are_symmetric),
        cmocka_unit_test(test_conversion_keeps_common_keypoints_exactly),
        cmocka_unit_test(test_conversions_to_what_others_speak),
        cmocka_unit_test(test_sets_of_other_things_do_not_mix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
