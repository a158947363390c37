/* The passes that need no shapes: what they remove, fold and recognise, and what they leave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "support/sketch.h"
#include "support/small_folder.h"

static void simplify(struct graph *graph)
{
    struct graph_folder folder = small_folder();
    assert_int_equal(graph_simplify(graph, &folder), 0);
}

static void expect(struct graph **graph, const char *types)
{
    simplify(*graph);
    assert_string_equal(sketch_types(*graph), types);
    graph_close(graph);
}

static const float *contents(const struct graph *graph, int value)
{
    assert_non_null(graph->values[value].constant);
    return graph->values[value].constant->view.data;
}

static void assert_near(double a, double b)
{
    assert_true(fabs(a - b) <= 1e-5 * (1 + fabs(b)));
}

/* ---- Nodes that change nothing --------------------------------------------------------------- */

static void test_identity_and_dropout_go(void **state)
{
    (void)state;
    struct graph *graph = sketch_open(11);
    int x = sketch_input(graph, "x", "?x4");
    int same = sketch_apply(graph, "Identity", "same", x);
    int dropped = sketch_apply(graph, "Dropout", "dropped", same);
    sketch_more(graph, "mask");
    sketch_output(graph, sketch_apply(graph, "Relu", "y", dropped));
    expect(&graph, "Relu");
}

static void test_dropout_with_used_mask_stays(void **state)
{
    (void)state;
    struct graph *graph = sketch_open(11);
    int x = sketch_input(graph, "x", "?x4");
    int dropped = sketch_apply(graph, "Dropout", "dropped", x);
    sketch_output(graph, sketch_more(graph, "mask"));
    sketch_output(graph, dropped);
    expect(&graph, "Dropout");
}

static void test_outputs_keep_their_names(void **state)
{
    (void)state;
    struct graph *graph = sketch_open(11);
    int x = sketch_input(graph, "x", "?x4");
    int y = sketch_apply(graph, "Relu", "inner", x);
    sketch_output(graph, sketch_apply(graph, "Identity", "heatmaps", y));
    sketch_output(graph, sketch_apply(graph, "Identity", "again", y));
    simplify(graph);
    assert_string_equal(graph->values[graph->outputs[0]].name, "heatmaps");
    assert_string_equal(graph->values[graph->outputs[1]].name, "again");
    assert_string_equal(sketch_types(graph), "Relu Identity");
    graph_close(&graph);
}

static void test_identity_between_input_and_output_stays(void **state)
{
    (void)state;
    struct graph *graph = sketch_open(11);
    int x = sketch_input(graph, "x", "?x4");
    sketch_output(graph, sketch_apply(graph, "Identity", "y", x));
    expect(&graph, "Identity");
}

static void test_movements_of_nothing_go(void **state)
{
    (void)state;
    static const int64_t zeros[8] = {0}, order[] = {0, 1, 2, 3}, end[] = {INT64_MAX}, axis[] = {2};
    struct graph *graph = sketch_open(11);
    int x = sketch_input(graph, "x", "?x3x8x8");
    int y = sketch_apply(graph, "Pad", "padded", x, sketch_ints(graph, 8, zeros));
    y = sketch_apply(graph, "Slice", "sliced", y, sketch_ints(graph, 1, zeros),
                     sketch_ints(graph, 1, end), sketch_ints(graph, 1, axis));
    y = sketch_apply(graph, "Concat", "joined", y);
    sketch_int(graph, "axis", 1);
    y = sketch_apply(graph, "Cast", "cast", y);
    sketch_int(graph, "to", STANCE_FLOAT32);
    y = sketch_apply(graph, "Relu", "relu", y);
    y = sketch_apply(graph, "Transpose", "turned", y);
    sketch_list(graph, "perm", 4, order);
    sketch_output(graph, sketch_apply(graph, "Abs", "y", y));
    expect(&graph, "Relu Transpose Abs");
}

static void test_neutral_numbers_go(void **state)
{
    (void)state;
    struct graph *graph = sketch_open(11);
    int x = sketch_input(graph, "x", "?x4");
    int y = sketch_apply(graph, "Add", "a", sketch_fill(graph, "scalar", 0), x);
    y = sketch_apply(graph, "Mul", "b", y, sketch_fill(graph, "scalar", 1));
    y = sketch_apply(graph, "Div", "c", y, sketch_fill(graph, "scalar", 1));
    y = sketch_apply(graph, "Sub", "d", y, sketch_fill(graph, "scalar", 0));
    sketch_output(graph, sketch_apply(graph, "Sub", "y", sketch_fill(graph, "scalar", 0), y));
    expect(&graph, "Sub");
}

static void test_a_neutral_number_that_adds_an_axis_stays(void **state)
{
    (void)state;
    struct graph *graph = sketch_open(11);
    int x = sketch_input(graph, "x", "4");
    sketch_output(graph, sketch_apply(graph, "Mul", "y", x, sketch_fill(graph, "1x1", 1)));
    expect(&graph, "Mul");
}

/* ---- Constants into weights ------------------------------------------------------------------ */

struct normalization {
    int scale, shift, mean, variance;
};

static int add_normalization(struct graph *graph, struct normalization *out, int x,
                             const char *channels)
{
    out->scale = sketch_positive(graph, channels);
    out->shift = sketch_noise(graph, channels);
    out->mean = sketch_noise(graph, channels);
    out->variance = sketch_positive(graph, channels);
    int y = sketch_apply(graph, "BatchNormalization", "normal", x, out->scale, out->shift,
                         out->mean, out->variance);
    sketch_float(graph, "epsilon", 1e-3f);
    return y;
}

static void factors(const struct graph *graph, const struct normalization *from, int channel,
                    double *scale, double *shift)
{
    double variance = (double)contents(graph, from->variance)[channel] + (double)1e-3f;
    *scale = (double)contents(graph, from->scale)[channel] / sqrt(variance);
    *shift = (double)contents(graph, from->shift)[channel] -
             (double)contents(graph, from->mean)[channel] * *scale;
}

/* Keeps what the pass may free. */
static void pin(struct graph *graph, const struct normalization *from)
{
    const int values[] = {from->scale, from->shift, from->mean, from->variance};
    for (int i = 0; i < 4; i++)
        sketch_output(graph, values[i]);
}

static void test_normalization_goes_into_conv(void **state)
{
    (void)state;
    struct graph *graph = sketch_open(11);
    struct normalization normal;
    int x = sketch_input(graph, "x", "?x6x8x8");
    int y = sketch_conv(graph, "conv", x, 6, 4, 2, 3);
    int weights = graph->nodes[0].inputs[1], bias = graph->nodes[0].inputs[2];
    sketch_output(graph, add_normalization(graph, &normal, y, "4"));
    pin(graph, &normal);
    sketch_output(graph, weights);
    sketch_output(graph, bias);
    simplify(graph);
    const struct graph_node *conv = sketch_only(graph, "Conv");
    assert_int_equal(graph->node_count, 1);
    assert_string_equal(graph->values[conv->outputs[0]].name, "normal");
    for (int i = 0; i < 4 * 27; i++) {
        double scale, shift;
        factors(graph, &normal, i / 27, &scale, &shift);
        assert_near((double)contents(graph, conv->inputs[1])[i],
                    (double)contents(graph, weights)[i] * scale);
        assert_near((double)contents(graph, conv->inputs[2])[i / 27],
                    (double)contents(graph, bias)[i / 27] * scale + shift);
    }
    graph_close(&graph);
}

static void test_normalization_goes_into_grouped_transposed_conv(void **state)
{
    (void)state;
    struct graph *graph = sketch_open(11);
    struct normalization normal;
    int x = sketch_input(graph, "x", "?x6x8x8");
    int weights = sketch_noise(graph, "6x2x4x4");
    int y = sketch_apply(graph, "ConvTranspose", "conv", x, weights);
    sketch_int(graph, "group", 3);
    sketch_output(graph, add_normalization(graph, &normal, y, "6"));
    pin(graph, &normal);
    sketch_output(graph, weights);
    simplify(graph);
    const struct graph_node *conv = sketch_only(graph, "ConvTranspose");
    assert_int_equal(conv->input_count, 3);
    for (int i = 0; i < 6 * 2 * 16; i++) {
        int in = i / 32, channel = in / 2 * 2 + i / 16 % 2;
        double scale, shift;
        factors(graph, &normal, channel, &scale, &shift);
        assert_near((double)contents(graph, conv->inputs[1])[i],
                    (double)contents(graph, weights)[i] * scale);
        assert_near((double)contents(graph, conv->inputs[2])[channel], shift);
    }
    graph_close(&graph);
}

static void test_normalization_goes_into_gemm(void **state)
{
    (void)state;
    for (int by_rows = 0; by_rows < 2; by_rows++) {
        struct graph *graph = sketch_open(11);
        struct normalization normal;
        int x = sketch_input(graph, "x", "?x5");
        int weights = sketch_noise(graph, by_rows ? "4x5" : "5x4");
        int y = sketch_apply(graph, "Gemm", "gemm", x, weights, sketch_fill(graph, "4", 2));
        sketch_int(graph, "transB", by_rows);
        sketch_output(graph, add_normalization(graph, &normal, y, "4"));
        pin(graph, &normal);
        sketch_output(graph, weights);
        simplify(graph);
        const struct graph_node *gemm = sketch_only(graph, "Gemm");
        for (int i = 0; i < 20; i++) {
            int channel = by_rows ? i / 5 : i % 4;
            double scale, shift;
            factors(graph, &normal, channel, &scale, &shift);
            assert_near((double)contents(graph, gemm->inputs[1])[i],
                        (double)contents(graph, weights)[i] * scale);
            assert_near((double)contents(graph, gemm->inputs[2])[channel], 2 * scale + shift);
        }
        graph_close(&graph);
    }
}

static void test_constants_per_channel_go_into_conv(void **state)
{
    (void)state;
    struct graph *graph = sketch_open(11);
    int x = sketch_input(graph, "x", "?x3x8x8");
    int weights = sketch_fill(graph, "4x3x1x1", 1);
    int y = sketch_apply(graph, "Conv", "conv", x, weights);
    y = sketch_apply(graph, "Mul", "a", y, sketch_fill(graph, "1x4x1x1", 3));
    y = sketch_apply(graph, "Add", "b", sketch_fill(graph, "4x1x1", 5), y);
    y = sketch_apply(graph, "Div", "c", y, sketch_fill(graph, "scalar", 2));
    y = sketch_apply(graph, "Sub", "y", y, sketch_fill(graph, "1", 1));
    sketch_output(graph, y);
    simplify(graph);
    const struct graph_node *conv = sketch_only(graph, "Conv");
    assert_int_equal(graph->node_count, 1);
    assert_near((double)contents(graph, conv->inputs[1])[7], 1.5);
    assert_near((double)contents(graph, conv->inputs[2])[3], 1.5);
    graph_close(&graph);
}

static void test_constants_per_pixel_stay(void **state)
{
    (void)state;
    struct graph *graph = sketch_open(11);
    int x = sketch_input(graph, "x", "?x3x8x4");
    int y = sketch_conv(graph, "conv", x, 3, 4, 1, 3);
    sketch_output(graph, sketch_apply(graph, "Mul", "y", y, sketch_fill(graph, "4", 3)));
    expect(&graph, "Conv Mul");
}

static void test_conv_with_other_users_keeps_its_normalization(void **state)
{
    (void)state;
    struct graph *graph = sketch_open(11);
    struct normalization normal;
    int x = sketch_input(graph, "x", "?x3x8x8");
    int y = sketch_conv(graph, "conv", x, 3, 4, 1, 3);
    sketch_output(graph, add_normalization(graph, &normal, y, "4"));
    sketch_output(graph, y);
    expect(&graph, "Conv BatchNormalization");
}

static void test_weights_shared_by_two_convs_are_scaled_once_each(void **state)
{
    (void)state;
    struct graph *graph = sketch_open(11);
    int x = sketch_input(graph, "x", "?x3x8x8");
    int weights = sketch_fill(graph, "4x3x1x1", 1);
    int a = sketch_apply(graph, "Conv", "a", x, weights);
    int b = sketch_apply(graph, "Conv", "b", x, weights);
    a = sketch_apply(graph, "Mul", "a2", a, sketch_fill(graph, "scalar", 2));
    b = sketch_apply(graph, "Mul", "b3", b, sketch_fill(graph, "scalar", 3));
    sketch_output(graph, a);
    sketch_output(graph, b);
    simplify(graph);
    assert_near((double)contents(graph, sketch_maker(graph, "a2")->inputs[1])[0], 2);
    assert_near((double)contents(graph, sketch_maker(graph, "b3")->inputs[1])[0], 3);
    graph_close(&graph);
}

/* ---- Several nodes that are one -------------------------------------------------------------- */

static void test_swish_in_both_orders(void **state)
{
    (void)state;
    struct graph *graph = sketch_open(11);
    int x = sketch_input(graph, "x", "?x4");
    int gate = sketch_apply(graph, "Sigmoid", "gate", x);
    sketch_output(graph, sketch_apply(graph, "Mul", "y", x, gate));
    expect(&graph, "Swish");
    graph = sketch_open(11);
    x = sketch_input(graph, "x", "?x4");
    gate = sketch_apply(graph, "Sigmoid", "gate", x);
    sketch_output(graph, sketch_apply(graph, "Mul", "y", gate, x));
    expect(&graph, "Swish");
}

static void test_sigmoid_with_other_users_stays(void **state)
{
    (void)state;
    struct graph *graph = sketch_open(11);
    int x = sketch_input(graph, "x", "?x4");
    int gate = sketch_apply(graph, "Sigmoid", "gate", x);
    sketch_output(graph, sketch_apply(graph, "Mul", "y", gate, x));
    sketch_output(graph, gate);
    expect(&graph, "Sigmoid Swish");
}

static void test_gate_of_something_else_is_no_swish(void **state)
{
    (void)state;
    struct graph *graph = sketch_open(11);
    int x = sketch_input(graph, "x", "?x4"), z = sketch_input(graph, "z", "?x4");
    int gate = sketch_apply(graph, "Sigmoid", "gate", z);
    sketch_output(graph, sketch_apply(graph, "Mul", "y", gate, x));
    expect(&graph, "Sigmoid Mul");
}

static int relu6_of_plus3(struct graph *graph, int x)
{
    int y = sketch_apply(graph, "Add", "plus3", x, sketch_fill(graph, "scalar", 3));
    return sketch_apply(graph, "Clip", "relu6", y, sketch_fill(graph, "scalar", 0),
                        sketch_fill(graph, "scalar", 6));
}

static void test_hard_swish_forms(void **state)
{
    (void)state;
    struct graph *graph = sketch_open(11);
    int x = sketch_input(graph, "x", "?x4");
    int gate = sketch_apply(graph, "HardSigmoid", "gate", x);
    sketch_float(graph, "alpha", 0.16666667f);
    sketch_output(graph, sketch_apply(graph, "Mul", "y", x, gate));
    expect(&graph, "HardSwish");
    graph = sketch_open(11);
    x = sketch_input(graph, "x", "?x4");
    gate = sketch_apply(graph, "Mul", "product", relu6_of_plus3(graph, x), x);
    sketch_output(graph, sketch_apply(graph, "Div", "y", gate, sketch_fill(graph, "scalar", 6)));
    expect(&graph, "HardSwish");
    graph = sketch_open(11);
    x = sketch_input(graph, "x", "?x4");
    gate = sketch_apply(graph, "Mul", "sixth", relu6_of_plus3(graph, x),
                        sketch_fill(graph, "scalar", 1.0 / 6));
    sketch_output(graph, sketch_apply(graph, "Mul", "y", x, gate));
    expect(&graph, "HardSwish");
}

static void test_hard_sigmoid_with_other_slope_is_no_hard_swish(void **state)
{
    (void)state;
    struct graph *graph = sketch_open(11);
    int x = sketch_input(graph, "x", "?x4");
    int gate = sketch_apply(graph, "HardSigmoid", "gate", x);
    sketch_output(graph, sketch_apply(graph, "Mul", "y", x, gate));
    expect(&graph, "HardSigmoid Mul");
}

static void test_relu6_is_a_hard_sigmoid(void **state)
{
    (void)state;
    struct graph *graph = sketch_open(11);
    int x = sketch_input(graph, "x", "?x4");
    sketch_output(graph, sketch_apply(graph, "Div", "y", relu6_of_plus3(graph, x),
                                      sketch_fill(graph, "scalar", 6)));
    simplify(graph);
    const struct graph_node *node = sketch_only(graph, "HardSigmoid");
    assert_near((double)graph_attr_float(node, "alpha", 0), 1.0 / 6);
    graph_close(&graph);
}

static int erf_plus_one(struct graph *graph, int x)
{
    int y = sketch_apply(graph, "Div", "scaled", x, sketch_fill(graph, "scalar", sqrt(2)));
    y = sketch_apply(graph, "Erf", "erf", y);
    return sketch_apply(graph, "Add", "plus1", y, sketch_fill(graph, "scalar", 1));
}

static void test_gelu_forms(void **state)
{
    (void)state;
    for (int form = 0; form < 3; form++) {
        struct graph *graph = sketch_open(11);
        int x = sketch_input(graph, "x", "?x4"), half = sketch_fill(graph, "scalar", 0.5);
        int erf = erf_plus_one(graph, x), y;
        if (form == 0) {
            y = sketch_apply(graph, "Mul", "p", x, erf);
            y = sketch_apply(graph, "Mul", "y", y, half);
        } else if (form == 1) {
            y = sketch_apply(graph, "Mul", "p", x, half);
            y = sketch_apply(graph, "Mul", "y", y, erf);
        } else {
            y = sketch_apply(graph, "Mul", "p", half, erf);
            y = sketch_apply(graph, "Mul", "y", y, x);
        }
        sketch_output(graph, y);
        expect(&graph, "Gelu");
    }
}

static void test_scale_norm_stays(void **state)
{
    (void)state;
    static const int64_t last[] = {-1};
    struct graph *graph = sketch_open(11);
    int x = sketch_input(graph, "x", "?x17x48");
    int norm = sketch_apply(graph, "ReduceL2", "norm", x);
    sketch_list(graph, "axes", 1, last);
    norm = sketch_apply(graph, "Mul", "scaled", norm, sketch_fill(graph, "scalar", 0.144));
    norm = sketch_apply(graph, "Clip", "clip", norm, sketch_fill(graph, "scalar", 1e-5));
    int y = sketch_apply(graph, "Div", "divided", x, norm);
    sketch_output(graph, sketch_apply(graph, "Mul", "y", y, sketch_fill(graph, "1", 0.9)));
    expect(&graph, "ReduceL2 Mul Clip Div Mul");
}

/* ---- Folding --------------------------------------------------------------------------------- */

static struct graph *foldable(void)
{
    struct graph *graph = sketch_open(11);
    int x = sketch_input(graph, "x", "?x4");
    int a = sketch_fill(graph, "1x4", 2), b = sketch_fill(graph, "4x1", 3);
    int sum = sketch_apply(graph, "Add", "sum", a, b);
    sum = sketch_apply(graph, "Mul", "twice", sum, sum);
    sketch_output(graph, sketch_apply(graph, "Sub", "y", x, sum));
    return graph;
}

static void test_constants_are_folded(void **state)
{
    (void)state;
    struct graph *graph = foldable();
    simplify(graph);
    const struct graph_node *node = sketch_only(graph, "Sub");
    assert_int_equal(graph->node_count, 1);
    assert_near((double)contents(graph, node->inputs[1])[15], 25);
    assert_int_equal(graph->values[node->inputs[1]].shape.rank, 2);
    graph_close(&graph);
}

static void test_large_results_are_not_folded(void **state)
{
    (void)state;
    struct graph *graph = foldable();
    struct graph_folder folder = small_folder();
    folder.limit = 63; /* of 64 bytes */
    assert_int_equal(graph_simplify(graph, &folder), 0);
    assert_string_equal(sketch_types(graph), "Add Mul Sub");
    graph_close(&graph);
}

static void test_nothing_is_folded_without_a_folder(void **state)
{
    (void)state;
    struct graph *graph = foldable();
    assert_int_equal(graph_simplify(graph, NULL), 0);
    assert_string_equal(sketch_types(graph), "Add Mul Sub");
    graph_close(&graph);
}

static void test_shapes_of_inputs_are_not_relied_on(void **state)
{
    (void)state;
    struct graph *graph = sketch_open(11);
    int x = sketch_input(graph, "x", "1x4");
    sketch_output(graph, sketch_apply(graph, "Shape", "y", x));
    expect(&graph, "Shape");
}

static void test_no_memory_leaves_nothing_behind(void **state)
{
    (void)state;
    struct graph_folder folder = small_folder();
    int code = -1;
    for (int n = 1; code < 0 && n < 400; n++) {
        long alive = base_alloc_live();
        struct graph *graph = foldable();
        struct normalization normal;
        int x = sketch_input(graph, "image", "?x6x8x8");
        int y = sketch_conv(graph, "conv", x, 6, 4, 2, 3);
        y = add_normalization(graph, &normal, y, "4");
        sketch_output(
            graph, sketch_apply(graph, "Mul", "z", y, sketch_apply(graph, "Sigmoid", "gate", y)));
        base_alloc_fail_at(n, 1);
        code = graph_simplify(graph, &folder);
        base_alloc_fail_at(0, 0);
        assert_true(code == 0 || code == STANCE_ENOMEMORY);
        graph_close(&graph);
        assert_int_equal(base_alloc_live(), alive);
    }
    assert_int_equal(code, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identity_and_dropout_go),
        cmocka_unit_test(test_dropout_with_used_mask_stays),
        cmocka_unit_test(test_outputs_keep_their_names),
        cmocka_unit_test(test_identity_between_input_and_output_stays),
        cmocka_unit_test(test_movements_of_nothing_go),
        cmocka_unit_test(test_neutral_numbers_go),
        cmocka_unit_test(test_a_neutral_number_that_adds_an_axis_stays),
        cmocka_unit_test(test_normalization_goes_into_conv),
        cmocka_unit_test(test_normalization_goes_into_grouped_transposed_conv),
        cmocka_unit_test(test_normalization_goes_into_gemm),
        cmocka_unit_test(test_constants_per_channel_go_into_conv),
        cmocka_unit_test(test_constants_per_pixel_stay),
        cmocka_unit_test(test_conv_with_other_users_keeps_its_normalization),
        cmocka_unit_test(test_weights_shared_by_two_convs_are_scaled_once_each),
        cmocka_unit_test(test_swish_in_both_orders),
        cmocka_unit_test(test_sigmoid_with_other_users_stays),
        cmocka_unit_test(test_gate_of_something_else_is_no_swish),
        cmocka_unit_test(test_hard_swish_forms),
        cmocka_unit_test(test_hard_sigmoid_with_other_slope_is_no_hard_swish),
        cmocka_unit_test(test_relu6_is_a_hard_sigmoid),
        cmocka_unit_test(test_gelu_forms),
        cmocka_unit_test(test_scale_norm_stays),
        cmocka_unit_test(test_constants_are_folded),
        cmocka_unit_test(test_large_results_are_not_folded),
        cmocka_unit_test(test_nothing_is_folded_without_a_folder),
        cmocka_unit_test(test_shapes_of_inputs_are_not_relied_on),
        cmocka_unit_test(test_no_memory_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
