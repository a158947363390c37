/* Whether the images of a batch are computed alone, and what is named when they are not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "onnx/onnx_model.h"
#include "support/sketch.h"
#include "support/small_folder.h"
#include "support/support.h"

enum { BATCH = 5 };

/* Specialises for BATCH images and closes the sketch. `culprit` NULL: independent. */
static void expect(struct graph *source, const char *shape, const char *culprit)
{
    struct graph_folder folder = small_folder();
    struct tensor_shape shapes[4];
    struct graph *graph;
    char reason[256] = "";
    for (int i = 0; i < source->input_count; i++) {
        assert_int_equal(tensor_shape_parse(&shapes[i], shape), 0);
        shapes[i].dims[0] = BATCH;
    }
    assert_int_equal(graph_specialise(&graph, source, shapes, &folder), 0);
    for (int fused = 0; fused < 2; fused++) {
        bool independent = graph_batch_independent(graph, BATCH, reason, sizeof reason);
        if (independent != (culprit == NULL) || (culprit && !strstr(reason, culprit)))
            fail_msg("fused %d: %s", fused, independent ? "independent" : reason);
        assert_int_equal(graph_fuse(graph), 0);
    }
    graph_close(&graph);
    graph_close(&source);
}

static void test_convolutions_and_activations(void **state)
{
    (void)state;
    struct graph *source = sketch_open(11);
    int x = sketch_input(source, "x", "1x3x8x8");
    int y = sketch_conv(source, "conv", x, 3, 3, 1, 3);
    y = sketch_apply(source, "Add", "sum", y, x);
    y = sketch_apply(source, "Relu", "relu", y);
    y = sketch_apply(source, "Mul", "scaled", y,
                     sketch_apply(source, "GlobalAveragePool", "mean", y));
    y = sketch_apply(source, "Concat", "joined", y, x);
    sketch_int(source, "axis", 1);
    sketch_output(source, y);
    expect(source, "1x3x8x8", NULL);
}

static void test_a_baked_batch_is_in_the_way(void **state)
{
    (void)state;
    static const int64_t baked[] = {1, 3, -1}, kept[] = {0, 3, -1}, open[] = {-1, 3, 64};
    static const struct {
        const int64_t *shape;
        const char *culprit;
    } cases[] = {{baked, "Reshape 'y'"}, {kept, NULL}, {open, NULL}};
    for (int i = 0; i < 3; i++) {
        struct graph *source = sketch_open(11);
        int x = sketch_input(source, "x", "1x3x8x8");
        sketch_output(source, sketch_apply(source, "Reshape", "y", x,
                                           sketch_ints(source, 3, cases[i].shape)));
        expect(source, "1x3x8x8", cases[i].culprit);
    }
}

static void test_flattening_images_together_is_in_the_way(void **state)
{
    (void)state;
    struct graph *source = sketch_open(11);
    int x = sketch_input(source, "x", "1x3x8");
    int y = sketch_apply(source, "Flatten", "flat", x);
    sketch_int(source, "axis", 2);
    sketch_output(source, y);
    expect(source, "1x3x8", "Flatten 'flat'");
}

static void test_axes(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        int64_t axis;
        bool alone;
    } cases[] = {{"Softmax", 1, true},    {"Softmax", -1, true}, {"Softmax", 0, false},
                 {"Softmax", -3, false},  {"ArgMax", 2, true},   {"ArgMax", 0, false},
                 {"LogSoftmax", 0, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct graph *source = sketch_open(11);
        int x = sketch_input(source, "x", "1x5x5");
        int y = sketch_apply(source, cases[i].type, "y", x);
        sketch_int(source, "axis", cases[i].axis);
        sketch_output(source, y);
        expect(source, "1x5x5", cases[i].alone ? NULL : "'y'");
    }
}

static void test_reductions(void **state)
{
    (void)state;
    static const int64_t last[] = {-1}, first[] = {-3};
    for (int i = 0; i < 3; i++) {
        struct graph *source = sketch_open(11);
        int x = sketch_input(source, "x", "1x5x5");
        int y = sketch_apply(source, "ReduceMean", "y", x);
        if (i < 2)
            sketch_list(source, "axes", 1, i == 0 ? last : first);
        sketch_output(source, y);
        expect(source, "1x5x5", i == 0 ? NULL : "'y'");
    }
}

static void test_moving_the_batch_is_in_the_way(void **state)
{
    (void)state;
    static const int64_t keep[] = {0, 2, 1}, move[] = {1, 0, 2};
    for (int i = 0; i < 2; i++) {
        struct graph *source = sketch_open(11);
        int x = sketch_input(source, "x", "1x5x7");
        int y = sketch_apply(source, "Transpose", "y", x);
        sketch_list(source, "perm", 3, i == 0 ? keep : move);
        sketch_output(source, y);
        expect(source, "1x5x7", i == 0 ? NULL : "Transpose 'y'");
    }
}

static void test_matrix_products(void **state)
{
    (void)state;
    struct graph *source = sketch_open(11);
    int x = sketch_input(source, "x", "1x5x7");
    int y = sketch_apply(source, "MatMul", "a", x, sketch_noise(source, "7x5"));
    sketch_output(source, sketch_apply(source, "MatMul", "b", y, x));
    expect(source, "1x5x7", NULL);
    source = sketch_open(11);
    x = sketch_input(source, "x", "1x5");
    sketch_output(source, sketch_apply(source, "MatMul", "a", sketch_noise(source, "5x5"), x));
    expect(source, "1x5", "MatMul 'a'");
    source = sketch_open(11);
    x = sketch_input(source, "x", "1x5");
    y = sketch_apply(source, "Gemm", "a", x, sketch_noise(source, "5x5"));
    sketch_int(source, "transA", 1);
    sketch_output(source, y);
    expect(source, "1x5", "Gemm 'a'");
}

static void test_einsum_by_its_letters(void **state)
{
    (void)state;
    static const struct {
        const char *equation;
        bool alone;
    } cases[] = {{"nkctv,kvw->nctw", true}, {"nkctv,nvw->nctw", false}, {"nkctv,kvw->cntw", false}};
    for (int i = 0; i < 3; i++) {
        struct graph *source = sketch_open(12);
        int x = sketch_input(source, "x", "1x5x5x2x5");
        int y = sketch_apply(source, "Einsum", "y", x, sketch_noise(source, "5x5x5"));
        sketch_string(source, "equation", cases[i].equation);
        sketch_output(source, y);
        expect(source, "1x5x5x2x5", cases[i].alone ? NULL : "Einsum 'y'");
    }
}

static void test_constants_must_be_the_same_for_all(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct graph *source = sketch_open(11);
        int x = sketch_input(source, "x", "1x4");
        int offsets = i == 0 ? sketch_fill(source, "5x4", 2) : sketch_noise(source, "5x4");
        sketch_output(source, sketch_apply(source, "Add", "y", x, offsets));
        expect(source, "1x4", i == 0 ? NULL : "Add 'y'");
    }
}

static void test_slices_of_the_batch_are_in_the_way(void **state)
{
    (void)state;
    static const int64_t zero[] = {0}, one[] = {1}, end[] = {INT64_MAX}, two[] = {2};
    struct graph *source = sketch_open(11);
    int x = sketch_input(source, "x", "1x4x6");
    int y = sketch_apply(source, "Slice", "rows", x, sketch_ints(source, 1, one),
                         sketch_ints(source, 1, end), sketch_ints(source, 1, two));
    sketch_output(source, y);
    expect(source, "1x4x6", NULL);
    source = sketch_open(11);
    x = sketch_input(source, "x", "1x4x6");
    y = sketch_apply(source, "Slice", "image", x, sketch_ints(source, 1, zero),
                     sketch_ints(source, 1, one), sketch_ints(source, 1, zero));
    sketch_output(source, y);
    expect(source, "1x4x6", "Slice 'image'");
}

static void test_gathering(void **state)
{
    (void)state;
    static const int64_t indices[] = {0, 2};
    struct graph *source = sketch_open(11);
    int x = sketch_input(source, "x", "1x4x6");
    int y = sketch_apply(source, "Gather", "columns", x, sketch_ints(source, 2, indices));
    sketch_int(source, "axis", 2);
    sketch_output(source, y);
    expect(source, "1x4x6", NULL);
    source = sketch_open(11);
    x = sketch_input(source, "x", "1x4x6");
    y = sketch_apply(source, "ArgMax", "best", x);
    sketch_int(source, "axis", 2);
    sketch_int(source, "keepdims", 0);
    sketch_output(source, sketch_apply(source, "Gather", "table", sketch_noise(source, "6x3"), y));
    expect(source, "1x4x6", NULL);
}

static void test_quantisation(void **state)
{
    (void)state;
    static const struct {
        const char *scales;
        int64_t axis;
        const char *culprit;
    } cases[] = {{"scalar", 1, NULL},
                 {"3", 1, NULL},
                 {"3", -3, NULL},
                 {"5", 0, "bytes"},
                 {"5", -4, "bytes"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct graph *source = sketch_open(13);
        int scale = sketch_positive(source, cases[i].scales);
        int x = sketch_input(source, "x", "1x3x8x8");
        int y = sketch_apply(source, "QuantizeLinear", "bytes", x, scale);
        sketch_int(source, "axis", cases[i].axis);
        y = sketch_apply(source, "DequantizeLinear", "floats", y, scale);
        sketch_int(source, "axis", cases[i].axis);
        sketch_output(source, y);
        expect(source, "1x3x8x8", cases[i].culprit);
    }
}

static void test_unknown_sizes_are_in_the_way(void **state)
{
    (void)state;
    struct graph *source = sketch_open(11);
    int x = sketch_input(source, "x", "1x4x6");
    sketch_output(source, sketch_apply(source, "NonZero", "places", x));
    expect(source, "1x4x6", "NonZero 'places'");
}

static void test_outputs_without_batch_are_in_the_way(void **state)
{
    (void)state;
    struct graph *source = sketch_open(11);
    int x = sketch_input(source, "x", "1x4");
    sketch_output(source, sketch_apply(source, "Relu", "y", x));
    sketch_output(source, sketch_fill(source, "2", 1));
    expect(source, "1x4", "output");
}

static void test_networks(void **state)
{
    (void)state;
    static const struct {
        const char *name, *shape, *culprit;
    } networks[] = {
        {"rtmpose-t", "1x3x256x192", NULL},
        {"rtmdet-nano-320-raw", "1x3x320x320", NULL},
        {"stgcnpp", "1x2x100x17x3", "Reshape"},
    };
    for (size_t i = 0; i < sizeof networks / sizeof networks[0]; i++) {
        char path[1024];
        struct onnx_model *model;
        struct graph *source;
        if (!support_synth_model(networks[i].name, path, sizeof path))
            skip();
        assert_int_equal(onnx_model_open(&model, path), 0);
        assert_int_equal(graph_import(&source, model), 0);
        expect(source, networks[i].shape, networks[i].culprit);
        onnx_model_close(&model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_convolutions_and_activations),
        cmocka_unit_test(test_a_baked_batch_is_in_the_way),
        cmocka_unit_test(test_flattening_images_together_is_in_the_way),
        cmocka_unit_test(test_axes),
        cmocka_unit_test(test_reductions),
        cmocka_unit_test(test_moving_the_batch_is_in_the_way),
        cmocka_unit_test(test_matrix_products),
        cmocka_unit_test(test_einsum_by_its_letters),
        cmocka_unit_test(test_constants_must_be_the_same_for_all),
        cmocka_unit_test(test_slices_of_the_batch_are_in_the_way),
        cmocka_unit_test(test_gathering),
        cmocka_unit_test(test_quantisation),
        cmocka_unit_test(test_unknown_sizes_are_in_the_way),
        cmocka_unit_test(test_outputs_without_batch_are_in_the_way),
        cmocka_unit_test(test_networks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
