/* The families beyond their plainest exports: layouts of heads, classes, what a card or a caller may
 * say. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "engine/network.h"
#include "model/family.h"
#include "pipeline/top_down.h"
#include "stance/card.h"
#include "support/tiny_model.h"
#include "support/trial.h"

/* ---- Heads of detectors ---------------------------------------------------------------------- */

enum { SIDE = 64, CELLS = 64 + 16 + 4, LEVELS = 3, CLASSES = 80 };

static struct model_signature signature_of(int outputs)
{
    return (struct model_signature){.input_count = 1,
                                    .input = {.rank = 4, .dims = {1, 3, SIDE, SIDE}},
                                    .output_count = outputs};
}

/* One export of the same answers: which maps an output holds, and in which layout. */
struct layout {
    const char *name;
    int outputs, classes;
    bool first, split, reversed; /* channels first; scores apart; distances before scores */
};

static const struct layout layouts[] = {
    {"joined, last", 3, 1, false, false, false},
    {"joined, first", 3, 1, true, false, false},
    {"split, last", 6, 1, false, true, false},
    {"split, first", 6, 1, true, true, false},
    {"reversed, first", 6, 1, true, true, true},
    {"80 joined, last", 3, CLASSES, false, false, false},
    {"80 split, first", 6, CLASSES, true, true, false},
};

static float memory[6][64 * (CLASSES + 4)];

/* Channels `begin` to `end` (scores of the classes, then four distances) of a level's answers. */
static void make_map(const struct layout *layout, struct model_signature *signature,
                     struct stance_tensor *outputs, int at, int level, int begin, int end)
{
    int side = SIDE >> (3 + level), cells = side * side, channels = end - begin;
    float *values = memory[at];
    for (int cell = 0; cell < cells; cell++)
        for (int c = begin; c < end; c++) {
            float score = c > 0 ? 3 : level == 1 && cell == 6 ? 0.5f : -4; /* other classes high */
            float value = c < layout->classes ? score : (float)(c - layout->classes + 1);
            values[layout->first ? (c - begin) * cells + cell : cell * channels + c - begin] =
                value;
        }
    const int64_t first[] = {1, channels, side, side}, last[] = {1, side, side, channels};
    outputs[at] = (struct stance_tensor){.dtype = STANCE_FLOAT32, .rank = 4, .data = values};
    memcpy(outputs[at].dims, layout->first ? first : last, sizeof first);
    signature->outputs[at] = tensor_shape_of(&outputs[at]);
    signature->output_names[at] = "map";
}

static void make_head(const struct layout *layout, struct model_signature *signature,
                      struct stance_tensor *outputs)
{
    int classes = layout->classes, all = classes + 4;
    *signature = signature_of(layout->outputs);
    for (int level = 0; level < LEVELS; level++)
        if (layout->split) {
            int scores = layout->reversed ? 2 * level + 1 : level;
            int distances = layout->reversed ? 2 * level : LEVELS + level;
            make_map(layout, signature, outputs, scores, level, 0, classes);
            make_map(layout, signature, outputs, distances, level, classes, all);
        } else {
            make_map(layout, signature, outputs, LEVELS - 1 - level, level, 0, all);
        }
}

static void test_rtmdet_heads_in_any_layout_give_the_same_box(void **state)
{
    for (size_t i = 0; i < sizeof layouts / sizeof layouts[0]; i++) {
        struct model_signature signature;
        struct stance_tensor outputs[6];
        struct model_traits traits;
        struct vision_box box;
        make_head(&layouts[i], &signature, outputs);
        if (model_recognise(&signature, NULL, &traits) < 0 || traits.family != &model_rtmdet)
            fail_msg("%s: %s", layouts[i].name, stance_error_text());
        size_t count = traits.family->decode_boxes(&traits, outputs, 0, 0.3f, &box, 1);
        if (count != 1 || fabsf(box.score - 0.6224593f) > 1e-6f || box.x1 != 2 * 16 - 1 ||
            box.y1 != 1 * 16 - 2 || box.x2 != 2 * 16 + 3 || box.y2 != 1 * 16 + 4)
            fail_msg("%s: %zu boxes, %g %g %g %g, score %g", layouts[i].name, count, (double)box.x1,
                     (double)box.y1, (double)box.x2, (double)box.y2, (double)box.score);
    }
}

/* Of the other classes, whose scores are high everywhere, every cell has a box. */
static void test_classes_that_are_asked_for_count(void **state)
{
    static const int joined = 5, split = 6;
    for (int i = joined; i <= split; i++) {
        struct model_signature signature;
        struct stance_tensor outputs[6];
        struct model_traits traits;
        struct vision_box boxes[CELLS];
        make_head(&layouts[i], &signature, outputs);
        trial_check(model_recognise(&signature, NULL, &traits));
        assert_int_equal(traits.class_count, CLASSES);
        traits.classes[0] = traits.classes[1] = CLASSES - 1;
        assert_int_equal(traits.family->decode_boxes(&traits, outputs, 0, 0.3f, boxes, CELLS),
                         CELLS);
        assert_true(fabsf(boxes[0].score - 0.9525741f) < 1e-6f);
        assert_int_equal(boxes[0].label, CLASSES - 1);
        traits.classes[0] = 0;
        assert_int_equal(traits.family->decode_boxes(&traits, outputs, 0, 0.3f, boxes, CELLS),
                         CELLS);
        assert_int_equal(boxes[0].label, 1); /* the first of those that are alike */
    }
}

static void test_classes_are_chosen_among_those_there_are(void **state)
{
    static const struct {
        int32_t classes[2];
        int code, first, last;
    } cases[] = {{{0, 0}, 0, 0, 0},
                 {{3, 0}, 0, 3, 3},
                 {{14, 23}, 0, 14, 23},
                 {{0, -1}, 0, 0, CLASSES - 1},
                 {{14, -1}, 0, 14, CLASSES - 1},
                 {{14, -2}, STANCE_EARGUMENT, 0, 0},
                 {{14, 80}, STANCE_EARGUMENT, 0, 0},
                 {{-1, 3}, STANCE_EARGUMENT, 0, 0},
                 {{5, 4}, STANCE_EARGUMENT, 0, 0}};
    struct base_buffer bytes = tiny_yolox(CLASSES);
    struct stance_model *model;
    trial_check(engine_model_parse(&model, bytes.data, bytes.size, "tiny.onnx"));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct model_traits traits;
        const struct model_choice choice = {.classes = {cases[i].classes[0], cases[i].classes[1]}};
        assert_int_equal(model_identify(&traits, model, &choice), cases[i].code);
        if (cases[i].code == 0) {
            assert_int_equal(traits.classes[0], cases[i].first);
            assert_int_equal(traits.classes[1], cases[i].last);
        }
    }
    assert_non_null(strstr(stance_error_text(), "5 to 4"));
    stance_model_close(&model);
    base_buffer_free(&bytes);
}

/* Scores behind a sigmoid whose arithmetic goes a little beyond 1 are no logits. */
static void test_rtmdet_scores_may_be_rounded(void **state)
{
    struct model_signature signature;
    struct stance_tensor outputs[6];
    struct model_traits traits;
    struct vision_box boxes[CELLS];
    make_head(&layouts[3], &signature, outputs);
    for (int level = 0; level < LEVELS; level++)
        memset(memory[level], 0, sizeof memory[level]);
    memory[1][6] = 1.000001f;
    memory[0][5] = -1e-6f;
    trial_check(model_recognise(&signature, NULL, &traits));
    size_t count = traits.family->decode_boxes(&traits, outputs, 0, 0.3f, boxes, CELLS);
    assert_int_equal(count, 1);
    assert_true(boxes[0].score > 0.99f);
}

/* At threshold 0 every cell of 640x640 counts; the last ones see the largest people. */
static void test_no_cell_is_left_out(void **state)
{
    enum { ALL = 6400 + 1600 + 400 };
    static float values[ALL][6];
    static struct vision_box boxes[PIPELINE_MAX_CANDIDATES];
    struct model_traits traits;
    struct model_signature signature = signature_of(1);
    signature.input.dims[2] = signature.input.dims[3] = 640;
    signature.output_names[0] = "output";
    signature.outputs[0] = tensor_shape_make(3, (const int64_t[]){1, ALL, 6});
    trial_check(model_recognise(&signature, NULL, &traits));
    assert_ptr_equal(traits.family, &model_yolox);
    struct stance_tensor output = {STANCE_FLOAT32, 3, {1, ALL, 6}, values};
    assert_int_equal(
        traits.family->decode_boxes(&traits, &output, 0, 0, boxes, PIPELINE_MAX_CANDIDATES), ALL);
    assert_true(boxes[ALL - 1].x2 == 19 * 32 + 16);
}

static void test_feature_maps_are_no_detector(void **state)
{
    struct model_signature signature = signature_of(3);
    struct model_traits traits;
    for (int level = 0; level < LEVELS; level++) {
        int64_t side = SIDE >> (3 + level);
        signature.output_names[level] = "feature";
        signature.outputs[level] = tensor_shape_make(4, (const int64_t[]){1, 96, side, side});
    }
    assert_int_equal(model_recognise(&signature, NULL, &traits), STANCE_EMODEL);
}

/* The same outputs belong to two families: the stem tells, or the card. */
static void test_suppression_inside_is_told_apart_by_the_stem(void **state)
{
    static const float dets[] = {1, 2, 30, 40, 0.9f};
    for (int64_t stem = 3; stem <= 12; stem += 9) {
        struct base_buffer bytes = tiny_detector(1, dets, stem);
        struct stance_model *model;
        struct model_traits traits;
        trial_check(engine_model_parse(&model, bytes.data, bytes.size, "tiny.onnx"));
        trial_check(model_identify(&traits, model, NULL));
        assert_ptr_equal(traits.family, stem == 3 ? &model_rtmdet : &model_yolox);
        assert_true(traits.input.std[0] == (stem == 3 ? model_std_rgb[2] : 1));
        assert_int_equal(stance_model_role(model), STANCE_ROLE_DETECTOR);
        struct model_signature signature;
        trial_check(model_signature_read(&signature, model, 0, 0));
        trial_check(model_recognise(&signature, "yolox", &traits));
        assert_ptr_equal(traits.family, &model_yolox);
        trial_check(model_recognise(&signature, "rtmdet", &traits));
        assert_ptr_equal(traits.family, &model_rtmdet);
        assert_int_equal(model_recognise(&signature, "simcc", &traits), STANCE_EMODEL);
        stance_model_close(&model);
        base_buffer_free(&bytes);
    }
}

static void test_each_image_of_a_batch_has_its_own_boxes(void **state)
{
    struct model_signature signature = signature_of(2);
    struct model_traits traits;
    struct vision_box boxes[4];
    float dets[2][2][5] = {{{1, 1, 2, 2, 0.9f}, {1, 1, 3, 3, 0.8f}}, {{1, 1, 9, 9, 0.7f}}};
    int64_t labels[] = {0, 1, 0, 0};
    signature.output_names[0] = "dets";
    signature.output_names[1] = "labels";
    signature.outputs[0].rank = signature.outputs[1].rank = -1;
    trial_check(model_recognise(&signature, NULL, &traits));
    struct stance_tensor outputs[] = {{STANCE_FLOAT32, 3, {2, 2, 5}, dets},
                                      {STANCE_INT64, 2, {2, 2}, labels}};
    assert_int_equal(traits.family->decode_boxes(&traits, outputs, 0, 0.3f, boxes, 4), 1);
    assert_true(boxes[0].x2 == 2);
    assert_int_equal(traits.family->decode_boxes(&traits, outputs, 1, 0.3f, boxes, 4), 1);
    assert_true(boxes[0].x2 == 9);
    assert_int_equal(traits.family->decode_boxes(&traits, outputs, 2, 0.3f, boxes, 4), 0);
}

static void test_simcc_with_other_splits_and_a_depth(void **state)
{
    struct model_signature signature = signature_of(3);
    struct model_traits traits;
    for (int i = 0; i < 3; i++) {
        signature.output_names[i] = "bins";
        signature.outputs[i] = tensor_shape_make(3, (const int64_t[]){1, 133, 3 * SIDE});
    }
    signature.outputs[2].dims[2] = 100;
    trial_check(model_recognise(&signature, NULL, &traits));
    assert_int_equal(traits.keypoint_count, 133);
    static float x[133][3 * SIDE], y[133][3 * SIDE];
    struct stance_tensor outputs[3] = {{STANCE_FLOAT32, 3, {1, 133, 3 * SIDE}, x},
                                       {STANCE_FLOAT32, 3, {1, 133, 3 * SIDE}, y}};
    struct stance_keypoint points[133];
    x[132][30] = y[132][63] = 1;
    traits.family->decode_pose(&traits, outputs, 0, NULL, points);
    assert_true(points[132].x == 10 && points[132].y == 21);
    signature.outputs[1].dims[2] = 2 * SIDE;
    assert_int_equal(model_recognise(&signature, NULL, &traits), STANCE_EMODEL);
}

/* ---- What the caller says -------------------------------------------------------------------- */

static void test_open_inputs_get_the_size_that_is_named(void **state)
{
    struct base_buffer bytes = tiny_heatmap(-1, -1, 17);
    struct stance_model *model;
    struct model_traits traits;
    struct model_choice choice = {.width = 288, .height = 384, .refine = STANCE_REFINE_UDP};
    trial_check(engine_model_parse(&model, bytes.data, bytes.size, "open.onnx"));
    trial_check(model_identify(&traits, model, NULL));
    assert_int_equal(traits.input.height, 256);
    assert_int_equal(traits.refine, STANCE_REFINE_SHIFT);
    trial_check(model_identify(&traits, model, &choice));
    assert_int_equal(traits.input.width, 288);
    assert_int_equal(traits.refine, STANCE_REFINE_UDP);
    choice = (struct model_choice){.keypoint_set = "halpe26"};
    assert_int_equal(model_identify(&traits, model, &choice), STANCE_EARGUMENT);
    choice.keypoint_set = "coco71";
    assert_int_equal(model_identify(&traits, model, &choice), STANCE_EARGUMENT);
    assert_non_null(strstr(stance_error_text(), "coco71"));
    choice = (struct model_choice){.width = 190, .height = 256};
    assert_int_equal(model_identify(&traits, model, &choice), STANCE_EMODEL);
    assert_non_null(strstr(stance_error_text(), "--pose-input"));
    stance_model_close(&model);
    base_buffer_free(&bytes);
}

static const char sized_card[] =
    "{\"stance_card\": 1, \"name\": \"open\", \"family\": \"heatmap\", \"input\": {\"width\": 96,"
    " \"height\": 128, \"colours\": \"rgb\", \"mean\": [0, 0, 0], \"std\": [1, 1, 1]}}";

/* A card's size is that of an open input unless the caller names another one. */
static void test_the_caller_goes_before_the_card(void **state)
{
    struct base_buffer bytes = tiny_heatmap(-1, -1, 17);
    struct stance_model *model;
    struct stance_card *card;
    struct model_traits traits;
    const struct model_choice choice = {.width = 192, .height = 256};
    trial_check(engine_model_parse(&model, bytes.data, bytes.size, "open.onnx"));
    trial_check(model_card_parse(&card, sized_card));
    trial_check(model_identify_as(&traits, model, card, NULL));
    assert_int_equal(traits.input.width, 96);
    trial_check(model_identify_as(&traits, model, card, &choice));
    assert_int_equal(traits.input.width, 192);
    stance_card_close(&card);
    stance_model_close(&model);
    base_buffer_free(&bytes);
}

static void test_a_fixed_input_has_one_size(void **state)
{
    struct base_buffer bytes = tiny_heatmap(64, 48, 17);
    struct stance_model *model;
    struct stance_card *card;
    struct model_traits traits;
    struct model_choice choice = {.width = 48, .height = 64};
    trial_check(engine_model_parse(&model, bytes.data, bytes.size, "fixed.onnx"));
    trial_check(model_identify(&traits, model, &choice));
    choice.width = 192;
    choice.height = 256;
    assert_int_equal(model_identify(&traits, model, &choice), STANCE_EARGUMENT);
    assert_non_null(strstr(stance_error_text(), "48x64 and cannot be made 192x256"));
    trial_check(model_card_parse(&card, sized_card));
    assert_int_equal(model_identify_as(&traits, model, card, NULL), STANCE_EMODEL);
    assert_non_null(strstr(stance_error_text(), "card says 96x128"));
    stance_card_close(&card);
    stance_model_close(&model);
    base_buffer_free(&bytes);
}

/* Which keypoints mirror each other nobody knows of a network with 12 of them. */
static void test_a_flip_test_needs_a_keypoint_set(void **state)
{
    struct base_buffer bytes = tiny_heatmap(64, 48, 12);
    struct stance_pose *pose;
    struct stance_pose_options options;
    stance_pose_options_default(&options);
    options.center = 1;
    trial_check(engine_model_parse(&options.pose, bytes.data, bytes.size, "twelve.onnx"));
    trial_check(stance_pose_open(&pose, &options));
    stance_pose_close(&pose);
    options.flip_test = 1;
    assert_int_equal(stance_pose_open(&pose, &options), STANCE_EARGUMENT);
    assert_non_null(strstr(stance_error_text(), "12 keypoints"));
    stance_model_close(&options.pose);
    base_buffer_free(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rtmdet_heads_in_any_layout_give_the_same_box),
        cmocka_unit_test(test_classes_that_are_asked_for_count),
        cmocka_unit_test(test_classes_are_chosen_among_those_there_are),
        cmocka_unit_test(test_rtmdet_scores_may_be_rounded),
        cmocka_unit_test(test_no_cell_is_left_out),
        cmocka_unit_test(test_feature_maps_are_no_detector),
        cmocka_unit_test(test_suppression_inside_is_told_apart_by_the_stem),
        cmocka_unit_test(test_each_image_of_a_batch_has_its_own_boxes),
        cmocka_unit_test(test_simcc_with_other_splits_and_a_depth),
        cmocka_unit_test(test_open_inputs_get_the_size_that_is_named),
        cmocka_unit_test(test_the_caller_goes_before_the_card),
        cmocka_unit_test(test_a_fixed_input_has_one_size),
        cmocka_unit_test(test_a_flip_test_needs_a_keypoint_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
