/* Families of models: which one a file belongs to, what its outputs mean, and where models are
 * found. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "engine/network.h"
#include "model/family.h"
#include "model/find.h"
#include "stance/inspect.h"
#include "support/support.h"
#include "support/tiny_model.h"
#include "support/trial.h"

/* ---- Recognition ----------------------------------------------------------------------------- */

static const struct {
    const char *file, *family; /* NULL: none */
    int width, height, keypoints;
} known[] = {
    {"rtmdet_nano_person_320_rawhead.onnx", "rtmdet", 320, 320, 0},
    {"rtmdet_nano_person_640_rawhead.onnx", "rtmdet", 640, 640, 0},
    {"yolox_nano_coco80_416.onnx", "yolox", 416, 416, 0},
    {"simplepose_opset9.onnx", "heatmap", 192, 256, 17},
    {"stgcnpp_hagrid_gesture40.onnx", NULL, 0, 0, 0},
    {"hand_keypoint_classifier.onnx", NULL, 0, 0, 0},
    {"rtmpose-t", "simcc", 192, 256, 17},
    {"rtmpose-s", "simcc", 192, 256, 17},
    {"rtmpose-m", "simcc", 192, 256, 17},
    {"rtmpose-m-wb133", "simcc", 192, 256, 133},
    {"mobilenetv2-heatmap", "heatmap", 192, 256, 17},
    {"rtmdet-nano-320-raw", "rtmdet", 320, 320, 0},
    {"rtmdet-nano-320", "rtmdet", 320, 320, 0},
    {"rtmdet-m-640", "rtmdet", 640, 640, 0},
    {"rtmo-s", "rtmo", 640, 640, 17},
    {"rtmo-s-nonms", "rtmo", 640, 640, 17},
    {"stgcnpp", NULL, 0, 0, 0},
};

static int recognise(const char *path, struct model_traits *traits)
{
    struct stance_model *model;
    struct model_signature signature;
    assert_int_equal(stance_model_open(&model, path), 0);
    int code = model_signature_read(&signature, model, 640, 640);
    if (code == 0)
        code = model_recognise(&signature, NULL, traits);
    stance_model_close(&model);
    return code;
}

static void test_families_are_recognised(void **state)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        char path[4096];
        struct model_traits traits;
        if (!trial_path(known[i].file, path, sizeof path))
            skip();
        int code = recognise(path, &traits);
        if (!known[i].family) {
            if (code != STANCE_EMODEL || !strstr(stance_error_text(), "it knows"))
                fail_msg("%s: %s", known[i].file, stance_error_text());
            continue;
        }
        if (code < 0)
            fail_msg("%s: %s", known[i].file, stance_error_text());
        assert_string_equal(traits.family->name, known[i].family);
        assert_int_equal(traits.input.width, known[i].width);
        assert_int_equal(traits.input.height, known[i].height);
        assert_int_equal(traits.keypoint_count, known[i].keypoints);
    }
}

static void test_inspection_tells_what_a_file_holds(void **state)
{
    char path[4096];
    struct stance_inspection *in;
    if (!trial_path("rtmdet_nano_person_320_rawhead.onnx", path, sizeof path))
        skip();
    assert_int_equal(stance_inspection_open(&in, path, NULL, 0, STANCE_TIER_AUTO), 0);
    assert_string_equal(in->path, path);
    assert_string_equal(in->family, "RTMDet detector");
    assert_null(in->family_note);
    assert_int_equal(in->opset, 11);
    assert_int_equal(in->input_count, 1);
    assert_int_equal(in->output_count, 3);
    assert_string_equal(in->input_names[0], "images");
    assert_int_equal(in->inputs[0].dims[3], 320);
    assert_in_range(in->parameters, 900000, 1100000);
    assert_in_range(in->multiply_adds, 300000000, 320000000);
    assert_string_equal(in->operators[0], "Conv");
    assert_int_equal(in->operator_uses[0], 123);
    assert_non_null(strstr(in->graph_before, "Sigmoid"));
    assert_non_null(strstr(in->graph_after, "→ Swish")); /* joined to its convolution */
    assert_non_null(in->batch_note);
    stance_inspection_close(&in);
    stance_inspection_close(&in);
    assert_int_equal(stance_inspection_open(&in, "no such model", NULL, 0, STANCE_TIER_AUTO),
                     STANCE_ENOTFOUND);
    assert_null(in);
}

static void test_inspection_takes_shapes(void **state)
{
    char path[4096];
    struct stance_inspection *in;
    struct stance_tensor shape = {.dtype = STANCE_FLOAT32, .rank = 5, .dims = {1, 2, 100, 17, 3}};
    if (!trial_path("stgcnpp", path, sizeof path))
        skip();
    assert_int_equal(stance_inspection_open(&in, path, NULL, 0, STANCE_TIER_AUTO), 0);
    assert_null(in->graph_after);
    stance_inspection_close(&in);
    assert_int_equal(stance_inspection_open(&in, path, &shape, 1, STANCE_TIER_REF), 0);
    assert_in_range(in->multiply_adds, 1700000000, 2000000000);
    stance_inspection_close(&in);
    shape.dims[3] = 18;
    assert_true(stance_inspection_open(&in, path, &shape, 1, STANCE_TIER_REF) < 0);
    shape.rank = 9;
    assert_true(stance_inspection_open(&in, path, &shape, 1, STANCE_TIER_REF) < 0);
    shape.rank = 5;
    assert_true(stance_inspection_open(&in, path, &shape, 2, STANCE_TIER_REF) < 0);
}

/* ---- Decoding -------------------------------------------------------------------------------- */

static struct stance_tensor view(float *data, int rank, const int64_t *dims)
{
    struct stance_tensor tensor = {.dtype = STANCE_FLOAT32, .rank = rank, .data = data};
    memcpy(tensor.dims, dims, (size_t)rank * sizeof dims[0]);
    return tensor;
}

static void assert_point(const struct stance_keypoint *point, double x, double y, double score)
{
    if (fabs(point->x - x) > 1e-6 || fabs(point->y - y) > 1e-6 || fabs(point->score - score) > 1e-6)
        fail_msg("(%g, %g, %g) where (%g, %g, %g) should be", (double)point->x, (double)point->y,
                 (double)point->score, x, y, score);
}

static void test_simcc_takes_the_arg_max_of_each_axis(void **state)
{
    enum { W = 16, H = 24, K = 4 };
    static float x[2][K][2 * W], y[2][K][2 * H];
    struct model_traits traits = {.family = &model_simcc,
                                  .input = {.width = W, .height = H},
                                  .variant = 2,
                                  .keypoint_count = K};
    struct stance_tensor outputs[] = {view(x[0][0], 3, (const int64_t[]){2, K, 2 * W}),
                                      view(y[0][0], 3, (const int64_t[]){2, K, 2 * H})};
    struct stance_keypoint points[K];
    x[1][0][7] = 0.5f, y[1][0][40] = 0.25f;      /* the smaller maximum is the score */
    x[1][1][31] = 0.125f, y[1][1][0] = 0.75f;    /* the last and the first bin */
    x[1][2][3] = x[1][2][9] = 2, y[1][2][5] = 3; /* the first of equal ones */
    for (int i = 0; i < 2 * W; i++)
        x[1][3][i] = -1;
    y[1][3][11] = 1; /* not positive in one axis: not there */
    model_simcc.decode_pose(&traits, outputs, 1, NULL, points);
    assert_point(&points[0], 3.5, 20, 0.25);
    assert_point(&points[1], 15.5, 0, 0.125);
    assert_point(&points[2], 1.5, 2.5, 2);
    assert_point(&points[3], -1, -1, -1);
    model_simcc.decode_pose(&traits, outputs, 0, NULL, points);
    for (int k = 0; k < K; k++)
        assert_point(&points[k], -1, -1, 0);
}

static void test_heatmaps_are_read_to_a_quarter_cell(void **state)
{
    enum { W = 6, H = 8, K = 5 };
    static float maps[2][K][H][W];
    struct model_traits traits = {.family = &model_heatmap,
                                  .input = {.width = 4 * W, .height = 4 * H},
                                  .keypoint_count = K,
                                  .refine = STANCE_REFINE_SHIFT};
    struct stance_tensor output = view(maps[0][0][0], 4, (const int64_t[]){2, K, H, W});
    struct stance_keypoint points[K];
    float(*m)[H][W] = maps[1];
    m[0][3][2] = 1, m[0][3][3] = 0.5f, m[0][2][2] = 0.25f; /* right, up */
    m[1][5][4] = 2, m[1][5][3] = 1, m[1][6][4] = 1;        /* left, down */
    m[2][4][1] = 1;                                        /* equal neighbours: no shift */
    m[3][0][3] = 1, m[3][0][4] = 0.5f;                     /* the border is not refined */
    for (int row = 0; row < H; row++)
        for (int i = 0; i < W; i++)
            m[4][row][i] = -3;
    m[4][H - 1][W - 1] = -2; /* the maximum may be negative */
    model_heatmap.decode_pose(&traits, &output, 1, NULL, points);
    assert_point(&points[0], 4 * 2.25, 4 * 2.75, 1);
    assert_point(&points[1], 4 * 3.75, 4 * 5.25, 2);
    assert_point(&points[2], 4 * 1, 4 * 4, 1);
    assert_point(&points[3], 4 * 3, 0, 1);
    assert_point(&points[4], 4 * (W - 1), 4 * (H - 1), -2);
}

static void assert_box(const struct vision_box *box, double x1, double y1, double x2, double y2,
                       double score)
{
    if (fabs(box->x1 - x1) > 1e-4 || fabs(box->y1 - y1) > 1e-4 || fabs(box->x2 - x2) > 1e-4 ||
        fabs(box->y2 - y2) > 1e-4 || fabs(box->score - score) > 1e-6)
        fail_msg("(%g, %g, %g, %g, %g) where (%g, %g, %g, %g, %g) should be", (double)box->x1,
                 (double)box->y1, (double)box->x2, (double)box->y2, (double)box->score, x1, y1, x2,
                 y2, score);
}

enum { SIDE = 64, CELLS8 = 64, CELLS16 = 16, CELLS32 = 4 };

static struct model_traits rtmdet_traits(const char *const *names, int outputs,
                                         const int64_t (*dims)[4], int rank)
{
    struct model_signature signature = {.input_count = 1,
                                        .input = {.rank = 4, .dims = {1, 3, SIDE, SIDE}},
                                        .output_count = outputs};
    struct model_traits traits;
    for (int i = 0; i < outputs; i++) {
        signature.output_names[i] = names ? names[i] : "out";
        signature.outputs[i] = tensor_shape_make(rank, dims[i]);
    }
    assert_int_equal(model_recognise(&signature, NULL, &traits), 0);
    assert_ptr_equal(traits.family, &model_rtmdet);
    return traits;
}

static void test_rtmdet_maps_with_channels_last(void **state)
{
    static float maps[3][CELLS8 * 5];
    static const int64_t dims[3][4] = {{1, 8, 8, 5}, {1, 4, 4, 5}, {1, 2, 2, 5}};
    struct model_traits traits = rtmdet_traits(NULL, 3, dims, 4);
    struct stance_tensor outputs[3];
    struct vision_box boxes[8];
    for (int i = 0; i < 3; i++) {
        outputs[i] = view(maps[i], 4, dims[i]);
        for (int k = 0; k < CELLS8; k++)
            maps[i][k * 5] = -10;
    }
    memcpy(&maps[0][(2 * 8 + 3) * 5], (const float[]){0, 1, 2, 3, 4}, 20);    /* sigmoid 0.5 */
    memcpy(&maps[2][(1 * 2 + 0) * 5], (const float[]){2, 5, 6, 7, 8.5f}, 20); /* 0.88 */
    assert_int_equal(traits.family->decode_boxes(&traits, outputs, 0, 0.3f, boxes, 8), 2);
    assert_box(&boxes[0], 24 - 1, 16 - 2, 24 + 3, 16 + 4, 0.5);
    assert_box(&boxes[1], -5, 32 - 6, 7, 32 + 8.5, 0.880797);
    assert_int_equal(traits.family->decode_boxes(&traits, outputs, 0, 0.6f, boxes, 8), 1);
    assert_int_equal(traits.family->decode_boxes(&traits, outputs, 0, 0.3f, boxes, 1), 1);
}

static void test_rtmdet_maps_with_channels_first_and_probabilities(void **state)
{
    static float scores[3][CELLS8], distances[3][4 * CELLS8];
    static const int64_t dims[6][4] = {{1, 1, 8, 8}, {1, 1, 4, 4}, {1, 1, 2, 2},
                                       {1, 4, 8, 8}, {1, 4, 4, 4}, {1, 4, 2, 2}};
    struct model_traits traits = rtmdet_traits(NULL, 6, dims, 4);
    struct stance_tensor outputs[6];
    struct vision_box boxes[8];
    for (int i = 0; i < 3; i++) {
        outputs[i] = view(scores[i], 4, dims[i]);
        outputs[3 + i] = view(distances[i], 4, dims[3 + i]);
    }
    scores[1][1 * 4 + 2] = 0.75f; /* within 0 … 1 everywhere: the sigmoid is inside */
    for (int side = 0; side < 4; side++)
        distances[1][side * CELLS16 + 1 * 4 + 2] = (float)(10 + side);
    assert_int_equal(traits.family->decode_boxes(&traits, outputs, 0, 0.3f, boxes, 8), 1);
    assert_box(&boxes[0], 32 - 10, 16 - 11, 32 + 12, 16 + 13, 0.75);
    scores[0][0] = -3; /* now they can only be logits */
    assert_int_equal(traits.family->decode_boxes(&traits, outputs, 0, 0.6f, boxes, 8), 1);
    assert_true(fabsf(boxes[0].score - 0.679179f) < 1e-5f);
    scores[1][1 * 4 + 2] = NAN; /* is no score */
    assert_int_equal(traits.family->decode_boxes(&traits, outputs, 0, 0.6f, boxes, 8), 0);
}

static void test_rtmdet_with_suppression_inside(void **state)
{
    static const char *const names[] = {"dets", "labels"};
    static const int64_t dims[2][4] = {{1, -1, 5}, {1, -1}};
    struct model_traits traits = rtmdet_traits(names, 2, dims, 3);
    float dets[] = {1, 2, 3, 4, 0.9f, 5, 6, 7, 8, 0.8f, 9, 9, 9, 9, 0.1f};
    int64_t labels[] = {0, 2, 0};
    struct stance_tensor outputs[] = {view(dets, 3, (const int64_t[]){1, 3, 5}),
                                      {STANCE_INT64, 2, {1, 3}, labels}};
    struct vision_box boxes[8];
    assert_int_equal(traits.family->decode_boxes(&traits, outputs, 0, 0.3f, boxes, 8), 1);
    assert_box(&boxes[0], 1, 2, 3, 4, 0.9);
    assert_true(traits.nms_threshold == 0);
    traits.classes[1] = INT_MAX;
    assert_int_equal(traits.family->decode_boxes(&traits, outputs, 0, 0.3f, boxes, 8), 2);
    assert_int_equal(boxes[0].label, 0);
    assert_int_equal(boxes[1].label, 2);
    outputs[0].dims[1] = outputs[1].dims[1] = 0;
    assert_int_equal(traits.family->decode_boxes(&traits, outputs, 0, 0.3f, boxes, 8), 0);
}

static void test_yolox_cells_become_boxes(void **state)
{
    enum { CELLS = CELLS8 + CELLS16 + CELLS32, STEP = 8 };
    static float values[CELLS][STEP];
    struct model_signature signature = {.input_count = 1,
                                        .input = {.rank = 4, .dims = {1, 3, SIDE, SIDE}},
                                        .output_count = 1,
                                        .output_names = {"output"},
                                        .outputs = {{.rank = 3, .dims = {1, CELLS, STEP}}}};
    struct model_traits traits;
    struct vision_box boxes[8];
    assert_int_equal(model_recognise(&signature, NULL, &traits), 0);
    assert_ptr_equal(traits.family, &model_yolox);
    struct stance_tensor output = view(values[0], 3, (const int64_t[]){1, CELLS, STEP});
    float *cell = values[CELLS8 + 4 + 3]; /* stride 16, row 1, column 3 */
    memcpy(cell, (const float[]){0.5f, -0.25f, 0, 0.6931472f, 0.8f, 0.5f, 0.9f, 0}, 32);
    memcpy(values[CELLS - 1], (const float[]){0, 0, 0, 0, 0.9f, 0.1f, 0.9f, 0}, 32);
    assert_int_equal(traits.family->decode_boxes(&traits, &output, 0, 0.3f, boxes, 8), 1);
    assert_box(&boxes[0], 56 - 8, 12 - 16, 56 + 8, 12 + 16, 0.4);
    traits.classes[1] = 2;
    assert_int_equal(traits.family->decode_boxes(&traits, &output, 0, 0.3f, boxes, 8), 2);
    assert_box(&boxes[0], 56 - 8, 12 - 16, 56 + 8, 12 + 16, 0.72);
    assert_int_equal(boxes[0].label, 1);
}

/* ---- Finding --------------------------------------------------------------------------------- */

static char top[1024];

static void put(const char *relative)
{
    char path[4096];
    struct base_buffer model = tiny_network(-1, 8, 8);
    snprintf(path, sizeof path, "%s/%s", top, relative);
    *strrchr(path, '/') = 0;
    assert_int_equal(base_file_make_folder(path), 0);
    snprintf(path, sizeof path, "%s/%s", top, relative);
    assert_int_equal(base_file_write(path, model.data, model.size), 0);
    base_buffer_free(&model);
}

static void assert_found(const char *name, const char *relative)
{
    char path[4096], wanted[4096];
    if (model_find(name, path, sizeof path) < 0)
        fail_msg("%s: %s", name, stance_error_text());
    if (relative[0] == '.')
        snprintf(wanted, sizeof wanted, "%s", relative + 1);
    else
        snprintf(wanted, sizeof wanted, "%s/%s", top, relative);
    assert_string_equal(path, wanted);
}

static void remove_file(const char *relative)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", top, relative);
    assert_int_equal(unlink(path), 0);
}

/* Path, $STANCE_MODELS, ./models, $XDG_DATA_HOME: each hides those behind it. */
static void test_models_are_looked_for_in_order(void **state)
{
    char before[2048], list[4096], data[4096], path[4096];
    snprintf(top, sizeof top, "%s/find", support_temp_folder());
    assert_non_null(getcwd(before, sizeof before));
    put("here/net.onnx");
    put("here/models/net.onnx");
    put("first/other.onnx");
    put("second/net.onnx");
    put("data/stance/models/net.onnx");
    snprintf(path, sizeof path, "%s/here", top);
    assert_int_equal(chdir(path), 0);
    snprintf(list, sizeof list, ":%s/first::%s/second:", top, top);
    snprintf(data, sizeof data, "%s/data", top);
    setenv("STANCE_MODELS", list, 1);
    setenv("XDG_DATA_HOME", data, 1);
    assert_found("net.onnx", ".net.onnx");
    assert_found("net", ".net.onnx");
    remove_file("here/net.onnx");
    assert_found("net", "second/net.onnx");
    assert_found("net.onnx", "second/net.onnx");
    assert_found("other", "first/other.onnx");
    remove_file("second/net.onnx");
    assert_found("net", ".models/net.onnx");
    remove_file("here/models/net.onnx");
    assert_found("net", "data/stance/models/net.onnx");
    assert_int_equal(model_find("models/net", path, sizeof path), STANCE_ENOTFOUND);
    remove_file("data/stance/models/net.onnx");
    assert_int_equal(model_find("net", path, sizeof path), STANCE_ENOTFOUND);
    assert_non_null(strstr(stance_error_text(), "STANCE_MODELS"));
    assert_non_null(strstr(stance_error_text(), data));
    assert_int_equal(model_find("", path, sizeof path), STANCE_EARGUMENT);
    unsetenv("STANCE_MODELS");
    unsetenv("XDG_DATA_HOME");
    assert_int_equal(chdir(before), 0);
}

static void test_a_folder_or_a_text_is_no_model(void **state)
{
    char path[4096];
    struct stance_model *model;
    snprintf(path, sizeof path, "%s/text.onnx", support_temp_folder());
    assert_int_equal(base_file_write(path, "this is no model", 16), 0);
    assert_int_equal(stance_model_open(&model, path), STANCE_EFORMAT);
    assert_non_null(strstr(stance_error_text(), "text.onnx"));
    assert_null(model);
    assert_true(stance_model_open(&model, support_temp_folder()) < 0);
    snprintf(path, sizeof path, "%s/empty.onnx", support_temp_folder());
    assert_int_equal(base_file_write(path, "", 0), 0);
    assert_true(stance_model_open(&model, path) < 0);
    assert_non_null(strstr(stance_error_text(), "empty.onnx"));
}

static void test_a_model_tells_its_ends(void **state)
{
    struct base_buffer bytes = tiny_network(-1, 24, 20);
    struct stance_model *model;
    struct stance_tensor tensor;
    assert_int_equal(engine_model_parse(&model, bytes.data, bytes.size, "tiny"), 0);
    assert_string_equal(stance_model_path(model), "tiny");
    assert_int_equal(stance_model_input_count(model), 1);
    assert_int_equal(stance_model_output_count(model), 1);
    assert_string_equal(stance_model_input_name(model, 0), "x");
    assert_string_equal(stance_model_output_name(model, 0), "y");
    assert_null(stance_model_input_name(model, 1));
    assert_null(stance_model_output_name(model, -1));
    assert_int_equal(stance_model_input(model, 0, &tensor), 0);
    assert_int_equal(tensor.dtype, STANCE_FLOAT32);
    assert_int_equal(tensor.dims[0], -1);
    assert_int_equal(tensor.dims[2], 24);
    assert_int_equal(stance_model_output(model, 3, &tensor), STANCE_EARGUMENT);
    stance_model_close(&model);
    stance_model_close(&model);
    base_buffer_free(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_families_are_recognised),
        cmocka_unit_test(test_inspection_tells_what_a_file_holds),
        cmocka_unit_test(test_inspection_takes_shapes),
        cmocka_unit_test(test_simcc_takes_the_arg_max_of_each_axis),
        cmocka_unit_test(test_heatmaps_are_read_to_a_quarter_cell),
        cmocka_unit_test(test_rtmdet_maps_with_channels_last),
        cmocka_unit_test(test_rtmdet_maps_with_channels_first_and_probabilities),
        cmocka_unit_test(test_rtmdet_with_suppression_inside),
        cmocka_unit_test(test_yolox_cells_become_boxes),
        cmocka_unit_test(test_models_are_looked_for_in_order),
        cmocka_unit_test(test_a_folder_or_a_text_is_no_model),
        cmocka_unit_test(test_a_model_tells_its_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
