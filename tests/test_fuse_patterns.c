/* What several nodes of a graph of fixed shapes become together: movements, normalisations, graph
 * convolutions, whole networks. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "base/memory.h"
#include "graph/graph.h"
#include "onnx/onnx_model.h"
#include "support/fused.h"
#include "support/sketch.h"
#include "support/small_folder.h"
#include "support/support.h"

/* ---- Movements ------------------------------------------------------------------------------- */

static void test_reshape_chains_are_joined(void **state)
{
    (void)state;
    static const int64_t axes[] = {2}, shape[] = {0, 4, 16, 4};
    struct graph *source = sketch_open(11);
    int x = sketch_input(source, "x", "?x4x8x8");
    int y = sketch_apply(source, "Flatten", "flat", x);
    y = sketch_apply(source, "Reshape", "shaped", y, sketch_ints(source, 4, shape));
    y = sketch_apply(source, "Unsqueeze", "wider", y);
    sketch_list(source, "axes", 1, axes);
    sketch_output(source, y);
    struct fused fused = fused_open(source, "2x4x8x8");
    assert_string_equal(sketch_types(fused.graph), "Reshape");
    fused_expect_shape(fused.graph, fused.graph->outputs[0], "2x4x1x16x4");
    fused_close(&fused);
}

static void test_reshape_there_and_back_goes(void **state)
{
    (void)state;
    static const int64_t axes[] = {1};
    struct graph *source = sketch_open(11);
    int x = sketch_input(source, "x", "?x4");
    int y = sketch_apply(source, "Unsqueeze", "wider", x);
    sketch_list(source, "axes", 1, axes);
    y = sketch_apply(source, "Squeeze", "back", y);
    sketch_list(source, "axes", 1, axes);
    sketch_output(source, sketch_apply(source, "Relu", "y", y));
    fused_expect(source, "2x4", "Relu");
}

static void test_transposes_cancel_or_merge(void **state)
{
    (void)state;
    static const int64_t turn[] = {0, 2, 3, 1}, back[] = {0, 3, 1, 2};
    struct graph *source = sketch_open(11);
    int x = sketch_input(source, "x", "?x4x8x6");
    int y = sketch_apply(source, "Transpose", "a", x);
    sketch_list(source, "perm", 4, turn);
    int z = sketch_apply(source, "Transpose", "b", y);
    sketch_list(source, "perm", 4, back);
    sketch_output(source, sketch_apply(source, "Relu", "same", z));
    z = sketch_apply(source, "Transpose", "c", y);
    sketch_list(source, "perm", 4, turn);
    sketch_output(source, z);
    struct fused fused = fused_open(source, "2x4x8x6");
    assert_string_equal(sketch_types(fused.graph), "Relu Transpose");
    fused_expect_shape(fused.graph, fused.graph->outputs[1], "2x6x4x8");
    fused_close(&fused);
}

static void test_a_transpose_of_ones_is_a_reshape(void **state)
{
    (void)state;
    static const int64_t turn[] = {1, 0, 2};
    struct graph *source = sketch_open(11);
    int x = sketch_input(source, "x", "?x400x256");
    int y = sketch_apply(source, "Transpose", "turned", x);
    sketch_list(source, "perm", 3, turn);
    sketch_output(source, y);
    struct fused fused = fused_open(source, "1x400x256");
    assert_string_equal(sketch_types(fused.graph), "Reshape");
    fused_expect_shape(fused.graph, fused.graph->outputs[0], "400x1x256");
    graph_close(&fused.graph);
    fused.graph = fused_specialise(fused.source, "2x400x256");
    assert_int_equal(graph_fuse(fused.graph), 0);
    assert_string_equal(sketch_types(fused.graph), "Transpose");
    fused_close(&fused);
}

/* Constants of a Slice of one axis. */
static int slice(struct graph *graph, const char *name, int x, int64_t axis, int64_t start)
{
    static const int64_t end = INT64_MAX, step = 2;
    return sketch_apply(graph, "Slice", name, x, sketch_ints(graph, 1, &start),
                        sketch_ints(graph, 1, &end), sketch_ints(graph, 1, &axis),
                        sketch_ints(graph, 1, &step));
}

static void test_slices_of_different_axes_are_one(void **state)
{
    (void)state;
    struct graph *source = sketch_open(11);
    int x = sketch_input(source, "x", "?x3x8x6");
    int rows = slice(source, "rows", x, 2, 1), y = slice(source, "y", rows, -1, 0);
    sketch_output(source, y);
    sketch_output(source, slice(source, "z", rows, 2, 0));
    struct fused fused = fused_open(source, "1x3x8x6");
    assert_string_equal(sketch_types(fused.graph), "Slice Slice Slice");
    const struct graph_node *merged = sketch_maker(fused.graph, "y");
    assert_int_equal(merged->inputs[0], fused.graph->inputs[0]);
    fused_expect_shape(fused.graph, fused.graph->outputs[0], "1x3x4x3");
    fused_expect_shape(fused.graph, fused.graph->outputs[1], "1x3x2x6");
    fused_close(&fused);
}

/* ---- Larger patterns ------------------------------------------------------------------------- */

static void test_layer_normalization(void **state)
{
    (void)state;
    static const int64_t last[] = {-1};
    struct graph *source = sketch_open(11);
    int x = sketch_input(source, "x", "?x10x16");
    int mean = sketch_apply(source, "ReduceMean", "mean", x);
    sketch_list(source, "axes", 1, last);
    int centred = sketch_apply(source, "Sub", "centred", x, mean);
    int y = sketch_apply(source, "Pow", "squared", centred, sketch_fill(source, "scalar", 2));
    y = sketch_apply(source, "ReduceMean", "variance", y);
    sketch_list(source, "axes", 1, last);
    y = sketch_apply(source, "Add", "safe", y, sketch_fill(source, "scalar", 1e-6));
    y = sketch_apply(source, "Sqrt", "deviation", y);
    y = sketch_apply(source, "Div", "normal", centred, y);
    y = sketch_apply(source, "Mul", "scaled", y, sketch_noise(source, "16"));
    sketch_output(source, sketch_apply(source, "Add", "y", y, sketch_noise(source, "16")));
    struct fused fused = fused_open(source, "1x10x16");
    const struct graph_node *norm = sketch_only(fused.graph, "LayerNormalization");
    assert_int_equal(fused.graph->node_count, 1);
    assert_true(fabsf(graph_attr_float(norm, "epsilon", 0) - 1e-6f) < 1e-9f);
    assert_int_equal(graph_attr_int(norm, "axis", 0), -1);
    fused_close(&fused);
}

static int normalization(struct graph *graph, int x, const char *channels)
{
    return sketch_apply(graph, "BatchNormalization", "normal", x, sketch_positive(graph, channels),
                        sketch_noise(graph, channels), sketch_noise(graph, channels),
                        sketch_positive(graph, channels));
}

static void test_graph_convolution(void **state)
{
    (void)state;
    static const int64_t subsets[] = {0, 3, -1, 10, 17};
    struct graph *source = sketch_open(12);
    int x = sketch_input(source, "x", "?x6x10x17");
    int y = sketch_conv(source, "conv", x, 6, 24, 1, 1);
    y = sketch_apply(source, "Reshape", "subsets", y, sketch_ints(source, 5, subsets));
    y = sketch_apply(source, "Einsum", "gathered", y, sketch_noise(source, "3x17x17"));
    sketch_string(source, "equation", "nkctv, kvw -> nctw");
    y = normalization(source, y, "8");
    sketch_output(source, sketch_apply(source, "Relu", "y", y));
    struct fused fused = fused_open(source, "2x6x10x17");
    assert_string_equal(sketch_types(fused.graph), "Conv GraphConv");
    const struct graph_node *node = sketch_only(fused.graph, "GraphConv");
    assert_string_equal(node->domain, "stance");
    assert_int_equal(node->input_count, 4);
    assert_int_equal(node->inputs[0], fused.graph->nodes[0].outputs[0]);
    assert_int_equal(fused.graph->values[node->inputs[2]].shape.dims[0], 8);
    assert_int_equal(node->epilogue.activation, GRAPH_RELU);
    fused_expect_shape(fused.graph, fused.graph->outputs[0], "2x8x10x17");
    assert_int_equal(graph_multiply_adds(fused.graph),
                     2 * 24 * 10 * 17 * 6 + 2 * 24 * 10 * 17 * 17);
    fused_close(&fused);
}

static void test_graph_convolution_adds_behind_it(void **state)
{
    (void)state;
    for (int scaled = 0; scaled < 2; scaled++) {
        struct graph *source = sketch_open(12);
        int x = sketch_input(source, "x", "?x6x10x17");
        int y = sketch_apply(source, "Einsum", "gathered", x, sketch_noise(source, "17x17"));
        sketch_string(source, "equation", "nctv,vw->nctw");
        y = scaled ? normalization(source, y, "6") : y;
        y = sketch_apply(source, "Add", "sum", y, x);
        sketch_output(source, sketch_apply(source, "Relu", "y", y));
        struct fused fused = fused_open(source, "2x6x10x17");
        const struct graph_node *node = sketch_only(fused.graph, "GraphConv");
        assert_int_equal(fused.graph->node_count, 1);
        assert_int_equal(node->input_count, 5);
        assert_int_equal(node->inputs[2] >= 0, scaled);
        assert_int_equal(node->inputs[4], node->epilogue.residual);
        assert_int_equal(node->epilogue.residual, fused.graph->inputs[0]);
        assert_int_equal(node->epilogue.activation, GRAPH_RELU);
        assert_true(node->epilogue.residual_before_activation);
        fused_close(&fused);
    }
}

static void test_graph_convolution_with_one_subset(void **state)
{
    (void)state;
    struct graph *source = sketch_open(12);
    int x = sketch_input(source, "x", "?x6x10x17");
    int y = sketch_apply(source, "Einsum", "y", x, sketch_noise(source, "17x21"));
    sketch_string(source, "equation", "abtv,vw->abtw");
    sketch_output(source, y);
    struct fused fused = fused_open(source, "2x6x10x17");
    const struct graph_node *node = sketch_only(fused.graph, "GraphConv");
    fused_expect_shape(fused.graph, node->inputs[1], "1x17x21");
    fused_expect_shape(fused.graph, fused.graph->outputs[0], "2x6x10x21");
    fused_close(&fused);
}

static void test_other_einsums_stay(void **state)
{
    (void)state;
    struct graph *source = sketch_open(12);
    int x = sketch_input(source, "x", "?x6x17x17");
    int y = sketch_apply(source, "Einsum", "y", x, sketch_noise(source, "17x17"));
    sketch_string(source, "equation", "nctv,tw->ncvw");
    sketch_output(source, y);
    fused_expect(source, "2x6x17x17", "Einsum");
}

static void test_normalization_without_conv_is_depthwise(void **state)
{
    (void)state;
    struct graph *source = sketch_open(11);
    int x = sketch_input(source, "x", "?x6x8x8");
    int y = normalization(source, x, "6");
    sketch_output(source, sketch_apply(source, "Relu", "y", y));
    struct fused fused = fused_open(source, "1x6x8x8");
    const struct graph_node *conv = sketch_only(fused.graph, "Conv");
    assert_int_equal(fused.graph->node_count, 1);
    assert_int_equal(graph_attr_int(conv, "group", 1), 6);
    fused_expect_shape(fused.graph, conv->inputs[1], "6x1x1x1");
    assert_int_equal(conv->epilogue.activation, GRAPH_RELU);
    fused_close(&fused);
}

static void test_normalization_of_vectors_stays(void **state)
{
    (void)state;
    struct graph *source = sketch_open(11);
    int x = sketch_input(source, "x", "?x6x8");
    sketch_output(source, normalization(source, x, "6"));
    fused_expect(source, "1x6x8", "BatchNormalization");
}

/* ---- Memory and whole networks --------------------------------------------------------------- */

static void test_no_memory_leaves_nothing_behind(void **state)
{
    (void)state;
    static const int64_t subsets[] = {0, 3, -1, 10, 17};
    struct graph_folder folder = small_folder();
    const struct tensor_shape shape = {.rank = 4, .dims = {2, 6, 10, 17}};
    struct graph *source = sketch_open(12);
    int x = sketch_input(source, "x", "?x6x10x17");
    int y = sketch_conv(source, "conv", x, 6, 24, 1, 1);
    y = sketch_apply(source, "Reshape", "subsets", y, sketch_ints(source, 5, subsets));
    y = sketch_apply(source, "Einsum", "gathered", y, sketch_noise(source, "3x17x17"));
    sketch_string(source, "equation", "nkctv,kvw->nctw");
    y = normalization(source, y, "8");
    y = sketch_apply(source, "Add", "sum", y, sketch_conv(source, "down", x, 6, 8, 1, 1));
    y = sketch_apply(source, "Relu", "relu", y);
    sketch_output(source, normalization(source, y, "8"));
    int code = -1;
    for (int n = 1; code < 0 && n < 1000; n++) {
        long alive = base_alloc_live();
        struct graph *graph;
        base_alloc_fail_at(n, 1);
        code = graph_specialise(&graph, source, &shape, &folder);
        if (code == 0)
            code = graph_fuse(graph);
        base_alloc_fail_at(0, 0);
        assert_true(code == 0 || code == STANCE_ENOMEMORY);
        if (code == 0)
            assert_string_equal(sketch_types(graph), "Conv GraphConv Conv Conv");
        graph_close(&graph);
        assert_int_equal(base_alloc_live(), alive);
    }
    assert_int_equal(code, 0);
    graph_close(&source);
}

struct network {
    const char *name, *shape;
    double multiply_adds; /* thousand millions, as published */
    int nodes, convs, swishes, residuals;
};

static void check_network(const struct network *network)
{
    char path[1024];
    struct onnx_model *model;
    struct graph *source;
    if (!support_synth_model(network->name, path, sizeof path))
        skip();
    assert_int_equal(onnx_model_open(&model, path), 0);
    assert_int_equal(graph_import(&source, model), 0);
    struct fused fused = fused_open(source, network->shape);
    double count = (double)graph_multiply_adds(fused.graph) * 1e-9;
    assert_true(fabs(count - network->multiply_adds) <= 0.01 * network->multiply_adds);
    int swishes = 0, residuals = 0;
    for (int i = 0; i < fused.graph->node_count; i++) {
        swishes += fused.graph->nodes[i].epilogue.activation == GRAPH_SWISH;
        residuals += fused.graph->nodes[i].epilogue.residual >= 0;
    }
    assert_int_equal(fused.graph->node_count, network->nodes);
    assert_int_equal(sketch_count(fused.graph, "Conv"), network->convs);
    assert_int_equal(swishes, network->swishes);
    assert_int_equal(residuals, network->residuals);
    fused_close(&fused);
    onnx_model_close(&model);
}

static void test_networks_are_fused(void **state)
{
    (void)state;
    static const struct network networks[] = {
        {"rtmpose-t", "1x3x256x192", 0.355, 90, 38, 34, 4},
        {"rtmpose-m", "1x3x256x192", 1.917, 114, 62, 58, 11},
        {"rtmdet-nano-320-raw", "1x3x320x320", 0.308, 149, 123, 113, 5},
        {"mobilenetv2-heatmap", "1x3x256x192", 1.565, 56, 53, 0, 10},
    };
    for (size_t i = 0; i < sizeof networks / sizeof networks[0]; i++)
        check_network(&networks[i]);
}

/* The operator that a mean of x over these axes becomes. */
static void expect_mean(const char *shape, int64_t first, int64_t second, int keep,
                        const char *type)
{
    int64_t axes[] = {first, second};
    struct graph *source = sketch_open(18);
    int x = sketch_input(source, "x", shape);
    int y = sketch_apply(source, "ReduceMean", "y", x, sketch_ints(source, 2, axes));
    sketch_int(source, "keepdims", keep);
    sketch_output(source, y);
    fused_expect(source, shape, type);
}

static void test_mean_of_maps_is_global_average(void **state)
{
    expect_mean("2x5x4x3", 2, 3, 1, "GlobalAveragePool");
    expect_mean("2x5x4x3", -1, -2, 1, "GlobalAveragePool");
    expect_mean("2x5x4x3", 2, 3, 0, "ReduceMean");
    expect_mean("2x5x4x3", 1, 3, 1, "ReduceMean");
    expect_mean("5x4x3", 1, 2, 1, "ReduceMean");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reshape_chains_are_joined),
        cmocka_unit_test(test_reshape_there_and_back_goes),
        cmocka_unit_test(test_transposes_cancel_or_merge),
        cmocka_unit_test(test_a_transpose_of_ones_is_a_reshape),
        cmocka_unit_test(test_slices_of_different_axes_are_one),
        cmocka_unit_test(test_layer_normalization),
        cmocka_unit_test(test_mean_of_maps_is_global_average),
        cmocka_unit_test(test_graph_convolution),
        cmocka_unit_test(test_graph_convolution_adds_behind_it),
        cmocka_unit_test(test_graph_convolution_with_one_subset),
        cmocka_unit_test(test_other_einsums_stay),
        cmocka_unit_test(test_normalization_without_conv_is_depthwise),
        cmocka_unit_test(test_normalization_of_vectors_stays),
        cmocka_unit_test(test_no_memory_leaves_nothing_behind),
        cmocka_unit_test(test_networks_are_fused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
