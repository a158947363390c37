/* What convolutions and matrix products take in on a graph of fixed shapes: activations, additions,
 * biases, transposes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/fused.h"
#include "support/sketch.h"

/* ---- Activations ----------------------------------------------------------------------------- */

static void test_activation_goes_into_conv(void **state)
{
    (void)state;
    struct graph *source = sketch_open(11);
    int x = sketch_input(source, "x", "?x3x8x8");
    int y = sketch_conv(source, "conv", x, 3, 4, 1, 3);
    y = sketch_apply(source, "Mul", "y", y, sketch_apply(source, "Sigmoid", "gate", y));
    sketch_output(source, y);
    struct fused fused = fused_open(source, "1x3x8x8");
    const struct graph_node *conv = sketch_only(fused.graph, "Conv");
    assert_int_equal(fused.graph->node_count, 1);
    assert_int_equal(conv->epilogue.activation, GRAPH_SWISH);
    assert_int_equal(conv->epilogue.residual, -1);
    assert_string_equal(fused.graph->values[conv->outputs[0]].name, "y");
    fused_close(&fused);
}

static void test_clip_bounds_are_read(void **state)
{
    (void)state;
    for (int as_inputs = 0; as_inputs < 2; as_inputs++) {
        struct graph *source = sketch_open(as_inputs ? 11 : 6);
        int x = sketch_input(source, "x", "?x3x8x8");
        int y = sketch_conv(source, "conv", x, 3, 4, 1, 3);
        if (as_inputs) {
            y = sketch_apply(source, "Clip", "y", y, sketch_fill(source, "scalar", -1),
                             sketch_fill(source, "scalar", 6));
        } else {
            y = sketch_apply(source, "Clip", "y", y);
            sketch_float(source, "min", -1);
            sketch_float(source, "max", 6);
        }
        sketch_output(source, y);
        struct fused fused = fused_open(source, "1x3x8x8");
        const struct graph_node *conv = sketch_only(fused.graph, "Conv");
        assert_int_equal(conv->epilogue.activation, GRAPH_CLIP);
        assert_true(conv->epilogue.alpha == -1.0f && conv->epilogue.beta == 6.0f);
        fused_close(&fused);
    }
}

static void test_clip_from_zero_is_relu(void **state)
{
    (void)state;
    struct graph *source = sketch_open(11);
    int x = sketch_input(source, "x", "?x3x8x8");
    int y = sketch_conv(source, "conv", x, 3, 4, 1, 3);
    sketch_output(source, sketch_apply(source, "Clip", "y", y, sketch_fill(source, "scalar", 0)));
    struct fused fused = fused_open(source, "1x3x8x8");
    assert_int_equal(sketch_only(fused.graph, "Conv")->epilogue.activation, GRAPH_RELU);
    fused_close(&fused);
}

static void test_a_value_read_twice_is_not_fused(void **state)
{
    (void)state;
    struct graph *source = sketch_open(11);
    int x = sketch_input(source, "x", "?x3x8x8");
    int y = sketch_conv(source, "conv", x, 3, 4, 1, 3);
    sketch_output(source, sketch_apply(source, "Relu", "a", y));
    sketch_output(source, sketch_apply(source, "Tanh", "b", y));
    fused_expect(source, "1x3x8x8", "Conv Relu Tanh");
}

static void test_a_graph_output_is_not_fused(void **state)
{
    (void)state;
    struct graph *source = sketch_open(11);
    int x = sketch_input(source, "x", "?x3x8x8");
    int y = sketch_conv(source, "conv", x, 3, 4, 1, 3);
    sketch_output(source, y);
    sketch_output(source, sketch_apply(source, "Relu", "a", y));
    fused_expect(source, "1x3x8x8", "Conv Relu");
}

/* ---- Additions ------------------------------------------------------------------------------- */

static void test_addition_behind_activation(void **state)
{
    (void)state;
    struct graph *source = sketch_open(11);
    int x = sketch_input(source, "x", "?x4x8x8");
    int y = sketch_conv(source, "conv", x, 4, 4, 1, 3);
    y = sketch_apply(source, "Relu", "relu", y);
    sketch_output(source, sketch_apply(source, "Add", "y", x, y));
    struct fused fused = fused_open(source, "1x4x8x8");
    const struct graph_node *conv = sketch_only(fused.graph, "Conv");
    assert_int_equal(fused.graph->node_count, 1);
    assert_int_equal(conv->epilogue.activation, GRAPH_RELU);
    assert_int_equal(conv->epilogue.residual, fused.graph->inputs[0]);
    assert_int_equal(conv->inputs[3], fused.graph->inputs[0]);
    assert_false(conv->epilogue.residual_before_activation);
    fused_close(&fused);
}

static void test_activation_behind_addition(void **state)
{
    (void)state;
    struct graph *source = sketch_open(11);
    int x = sketch_input(source, "x", "?x4x8x8");
    int y = sketch_conv(source, "conv", x, 4, 4, 1, 3);
    y = sketch_apply(source, "Add", "sum", y, x);
    y = sketch_apply(source, "Relu", "relu", y);
    sketch_output(source, sketch_apply(source, "Relu", "again", y));
    struct fused fused = fused_open(source, "1x4x8x8");
    const struct graph_node *conv = sketch_only(fused.graph, "Conv");
    assert_int_equal(conv->epilogue.activation, GRAPH_RELU);
    assert_true(conv->epilogue.residual_before_activation);
    assert_string_equal(sketch_types(fused.graph), "Conv Relu");
    fused_close(&fused);
}

static void test_nothing_goes_behind_activation_and_addition(void **state)
{
    (void)state;
    struct graph *source = sketch_open(11);
    int x = sketch_input(source, "x", "?x4x8x8");
    int y = sketch_conv(source, "conv", x, 4, 4, 1, 3);
    y = sketch_apply(source, "Tanh", "tanh", y);
    y = sketch_apply(source, "Add", "sum", y, x);
    sketch_output(source, sketch_apply(source, "Relu", "relu", y));
    fused_expect(source, "1x4x8x8", "Conv Relu");
}

static void test_the_later_of_two_convs_adds(void **state)
{
    (void)state;
    struct graph *source = sketch_open(11);
    int x = sketch_input(source, "x", "?x4x8x8");
    int a = sketch_conv(source, "a", x, 4, 4, 1, 3);
    int b = sketch_conv(source, "b", x, 4, 4, 1, 1);
    sketch_output(source, sketch_apply(source, "Add", "y", b, a));
    struct fused fused = fused_open(source, "1x4x8x8");
    assert_string_equal(sketch_types(fused.graph), "Conv Conv");
    assert_int_equal(fused.graph->nodes[0].epilogue.residual, -1);
    assert_int_equal(fused.graph->nodes[1].epilogue.residual, fused.graph->nodes[0].outputs[0]);
    fused_close(&fused);
}

static void test_a_conv_moves_behind_what_it_adds(void **state)
{
    (void)state;
    static const int64_t kernel[] = {3, 3}, pads[] = {1, 1, 1, 1};
    struct graph *source = sketch_open(11);
    int x = sketch_input(source, "x", "?x4x8x8");
    int a = sketch_apply(source, "Conv", "a", x, sketch_noise(source, "4x4x1x1"));
    int b = sketch_apply(source, "MaxPool", "b", x);
    sketch_list(source, "kernel_shape", 2, kernel);
    sketch_list(source, "pads", 4, pads);
    sketch_output(source, sketch_apply(source, "Add", "y", a, b));
    struct fused fused = fused_open(source, "1x4x8x8");
    assert_string_equal(sketch_types(fused.graph), "MaxPool Conv");
    const struct graph_node *conv = sketch_only(fused.graph, "Conv");
    assert_int_equal(conv->input_count, 4);
    assert_int_equal(conv->inputs[2], -1);
    assert_int_equal(conv->inputs[3], fused.graph->nodes[0].outputs[0]);
    assert_int_equal(fused.graph->values[conv->outputs[0]].producer, 1);
    fused_close(&fused);
}

static void test_additions_that_broadcast_stay(void **state)
{
    (void)state;
    struct graph *source = sketch_open(11);
    int x = sketch_input(source, "x", "?x4x8x8");
    int a = sketch_conv(source, "a", x, 4, 4, 1, 3);
    int mean = sketch_apply(source, "GlobalAveragePool", "mean", x);
    sketch_output(source, sketch_apply(source, "Add", "y", a, mean));
    fused_expect(source, "1x4x8x8", "Conv GlobalAveragePool Add");
}

static void test_twice_the_same_stays(void **state)
{
    (void)state;
    struct graph *source = sketch_open(11);
    int x = sketch_input(source, "x", "?x4x8x8");
    int a = sketch_conv(source, "a", x, 4, 4, 1, 3);
    sketch_output(source, sketch_apply(source, "Add", "y", a, a));
    fused_expect(source, "1x4x8x8", "Conv Add");
}

static void test_matmul_takes_bias_activation_and_residual(void **state)
{
    (void)state;
    struct graph *source = sketch_open(11);
    int x = sketch_input(source, "x", "?x10x16");
    int y = sketch_apply(source, "MatMul", "up", x, sketch_noise(source, "16x32"));
    y = sketch_apply(source, "Add", "biased", sketch_noise(source, "32"), y);
    y = sketch_apply(source, "Relu", "relu", y);
    y = sketch_apply(source, "MatMul", "down", y, sketch_noise(source, "32x16"));
    sketch_output(source, sketch_apply(source, "Add", "y", x, y));
    struct fused fused = fused_open(source, "1x10x16");
    assert_string_equal(sketch_types(fused.graph), "MatMul MatMul");
    const struct graph_node *up = &fused.graph->nodes[0], *down = &fused.graph->nodes[1];
    assert_int_equal(up->input_count, 3);
    assert_int_equal(fused.graph->values[up->inputs[2]].shape.dims[0], 32);
    assert_int_equal(up->epilogue.activation, GRAPH_RELU);
    assert_int_equal(down->inputs[2], -1);
    assert_int_equal(down->inputs[3], fused.graph->inputs[0]);
    fused_close(&fused);
}

static void test_matmul_reads_a_transpose(void **state)
{
    (void)state;
    static const int64_t swap[] = {0, 2, 1}, other[] = {1, 2, 0};
    for (int i = 0; i < 2; i++) {
        struct graph *source = sketch_open(11);
        int x = sketch_input(source, "x", "?x10x16");
        int y = sketch_apply(source, "Transpose", "turned", x);
        sketch_list(source, "perm", 3, i ? other : swap);
        y = sketch_apply(source, "MatMul", "y", x, y);
        sketch_output(source, y);
        struct fused fused = fused_open(source, i ? "10x10x16" : "2x10x16");
        assert_string_equal(sketch_types(fused.graph), i ? "Transpose MatMul" : "MatMul");
        assert_int_equal(graph_attr_int(&fused.graph->nodes[i], "transB", 0), 1 - i);
        fused_close(&fused);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_activation_goes_into_conv),
        cmocka_unit_test(test_clip_bounds_are_read),
        cmocka_unit_test(test_clip_from_zero_is_relu),
        cmocka_unit_test(test_a_value_read_twice_is_not_fused),
        cmocka_unit_test(test_a_graph_output_is_not_fused),
        cmocka_unit_test(test_addition_behind_activation),
        cmocka_unit_test(test_activation_behind_addition),
        cmocka_unit_test(test_nothing_goes_behind_activation_and_addition),
        cmocka_unit_test(test_the_later_of_two_convs_adds),
        cmocka_unit_test(test_a_conv_moves_behind_what_it_adds),
        cmocka_unit_test(test_additions_that_broadcast_stay),
        cmocka_unit_test(test_twice_the_same_stays),
        cmocka_unit_test(test_matmul_takes_bias_activation_and_residual),
        cmocka_unit_test(test_matmul_reads_a_transpose),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
