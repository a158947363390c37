/* What becomes of QuantizeLinear and DequantizeLinear in a graph of fixed shapes: which operators
 * run on bytes, which do not, and what is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/plan.h"
#include "support/quant_net.h"
#include "support/support.h"
#include "support/trial.h"

enum { SIDE = 8 };

/* A net whose input x has 16 channels of bytes, as floats. */
static int begin(struct quant_net *net)
{
    quant_net_open(net, (struct quant_style){0});
    return quant_floats(net, quant_input(net, "x", STANCE_UINT8, 1, 16, SIDE, SIDE), 0.05f, 50);
}

static int conv(struct quant_net *net, int value)
{
    return quant_conv(net, value, true, 16, 16, 1, 3, 1);
}

/* The types of the nodes as the reference tier runs them, with a star where the result is bytes. */
static void read_types(char *out, size_t size, const struct base_buffer *bytes)
{
    struct stance_model *model;
    struct graph *graph;
    struct tensor_shape shapes[2];
    trial_check(engine_model_parse(&model, bytes->data, bytes->size, "test.onnx"));
    for (int i = 0; i < model->graph->input_count; i++)
        shapes[i] = model->graph->values[model->graph->inputs[i]].shape;
    const struct engine_inputs inputs = {.shapes = shapes};
    trial_check(engine_specialise(&graph, model, kernel_table(BASE_CPU_REF), &inputs));
    size_t used = 0;
    for (int i = 0; i < graph->node_count; i++) {
        const struct graph_value *result = &graph->values[graph->nodes[i].outputs[0]];
        used += (size_t)snprintf(out + used, size - used, "%s%s%s", i ? " " : "",
                                 graph->nodes[i].type, result->bytes.scale > 0 ? "*" : "");
        assert_true(used < size);
    }
    graph_close(&graph);
    stance_model_close(&model);
}

/* Ends the net with this value as y. */
static void expect(struct quant_net *net, int y, int dtype, const char *types)
{
    char found[1024] = "";
    quant_output(net, y, "y", dtype, -1, NULL);
    struct base_buffer model = quant_net_close(net);
    read_types(found, sizeof found, &model);
    assert_string_equal(found, types);
    base_buffer_free(&model);
}

static void expect_float(struct quant_net *net, int y, const char *types)
{
    expect(net, y, STANCE_FLOAT32, types);
}

static void expect_bytes(struct quant_net *net, int y, float scale, int zero, const char *types)
{
    expect(net, quant_bytes(net, y, scale, zero), STANCE_UINT8, types);
}

/* ---- What runs on bytes ---------------------------------------------------------------------- */

static void test_convolutions_read_and_write_bytes(void **state)
{
    struct quant_net net;
    (void)state;
    int x = begin(&net);
    int y = quant_both(&net, quant_silu(&net, conv(&net, x)), 0.04f, 20);
    expect_float(&net, conv(&net, y), "QConv* QConv");
}

static void test_transposed_convolutions_do_too(void **state)
{
    struct quant_net net;
    (void)state;
    int x = begin(&net);
    int y = quant_both(
        &net, quant_node(&net, "Relu", quant_conv_transpose(&net, x, 16, 8, 4, 2), -1), 0.04f, 0);
    expect_float(&net, quant_conv_transpose(&net, y, 8, 4, 2, 2), "QConvTranspose* QConvTranspose");
}

static void test_a_residual_is_read_as_bytes(void **state)
{
    struct quant_net net;
    (void)state;
    int x = begin(&net);
    int y = quant_node(&net, "Add", quant_silu(&net, conv(&net, x)), x);
    expect_bytes(&net, y, 0.04f, 20, "QConv*");
}

static void test_a_float_reader_keeps_the_floats(void **state)
{
    struct quant_net net;
    (void)state;
    int x = begin(&net);
    int y = conv(&net, x);
    int z = conv(&net, quant_both(&net, y, 0.04f, 100));
    expect_float(&net, quant_node(&net, "Add", z, quant_node(&net, "Sin", y, -1)),
                 "QConv QuantizeLinear* Sin QConv");
}

static void test_moves_keep_their_type(void **state)
{
    struct quant_net net;
    (void)state;
    int x = begin(&net);
    int y = quant_both(&net, quant_max_pool(&net, x, 3), 0.05f, 50);
    y = quant_both(&net, quant_concat(&net, x, y), 0.05f, 50);
    expect_bytes(&net, quant_upsample(&net, y), 0.05f, 50, "MaxPool* Concat* Resize*");
}

static void test_both_halves_of_a_split_are_bytes(void **state)
{
    struct quant_net net;
    (void)state;
    int x = begin(&net);
    int half = quant_split(&net, x);
    int a = quant_both(&net, half, 0.05f, 50), b = quant_both(&net, half + 1, 0.05f, 50);
    expect_bytes(&net, quant_node(&net, "Add", a, b), 0.1f, 50, "Split* QAdd*");
}

static void test_a_move_to_another_scale_is_not_one(void **state)
{
    struct quant_net net;
    (void)state;
    int x = begin(&net);
    expect_bytes(&net, quant_max_pool(&net, x, 3), 0.04f, 50,
                 "DequantizeLinear MaxPool QuantizeLinear*");
}

static void test_joining_can_change_scales(void **state)
{
    struct quant_net net;
    (void)state;
    int x = begin(&net);
    int y = quant_both(&net, conv(&net, x), 0.04f, 100);
    expect_bytes(&net, quant_concat(&net, x, y), 0.05f, 50, "QConv* QConcat*");
}

static void test_factors_of_channels_stay_float(void **state)
{
    struct quant_net net;
    (void)state;
    int x = begin(&net);
    int g = quant_node(&net, "Sigmoid", quant_node(&net, "GlobalAveragePool", x, -1), -1);
    expect_bytes(&net, quant_node(&net, "Mul", x, g), 0.05f, 50, "QAverage Sigmoid QScale*");
}

static void test_functions_of_one_byte_are_one_table(void **state)
{
    struct quant_net net;
    (void)state;
    int x = begin(&net);
    int gate = quant_both(&net, quant_node(&net, "Sigmoid", x, -1), 1.0f / 255, 0);
    expect_bytes(&net, quant_node(&net, "Mul", gate, x), 0.05f, 50, "Lookup*");
}

static void test_quantising_what_was_quantised_so_is_nothing(void **state)
{
    struct quant_net net;
    (void)state;
    int x = quant_both(&net, begin(&net), 0.05f, 50);
    expect_float(&net, conv(&net, x), "QConv");
}

/* ---- What does not --------------------------------------------------------------------------- */

static void test_what_has_no_form_on_bytes_stays_float(void **state)
{
    struct quant_net net;
    (void)state;
    int x = begin(&net);
    int y = quant_node(&net, "Softmax", x, -1);
    expect_bytes(&net, y, 0.01f, 0, "DequantizeLinear Softmax QuantizeLinear*");
}

static void test_weights_that_float_convolutions_read_are_widened(void **state)
{
    struct quant_net net;
    (void)state;
    quant_net_open(&net, (struct quant_style){0});
    int x = quant_input(&net, "x", STANCE_FLOAT32, 1, 16, SIDE, SIDE);
    expect_float(&net, conv(&net, x), "Conv");
}

static void test_bytes_read_with_another_scale_stay_numbers(void **state)
{
    struct quant_net net;
    (void)state;
    quant_net_open(&net, (struct quant_style){0});
    int x = quant_input(&net, "x", STANCE_UINT8, 1, 16, SIDE, SIDE);
    int a = quant_floats(&net, x, 0.05f, 50), b = quant_floats(&net, x, 0.06f, 50);
    int y = quant_node(&net, "Add", conv(&net, a), conv(&net, b));
    expect_float(&net, y, "DequantizeLinear Conv QConv");
}

/* ---- What is refused ------------------------------------------------------------------------- */

static struct base_buffer with_scale(float scale, bool dequantise)
{
    struct quant_net net;
    int x = begin(&net);
    int y = dequantise ? quant_floats(&net, quant_bytes(&net, x, 0.05f, 50), scale, 50)
                       : quant_floats(&net, quant_bytes(&net, x, scale, 50), 0.05f, 50);
    quant_output(&net, conv(&net, y), "y", STANCE_FLOAT32, -1, NULL);
    return quant_net_close(&net);
}

static void test_scales_that_are_no_numbers_above_zero_are_refused(void **state)
{
    const float scales[] = {0, -1, NAN, INFINITY};
    (void)state;
    for (int dequantise = 0; dequantise < 2; dequantise++)
        for (size_t i = (size_t)dequantise; i < sizeof scales / sizeof scales[0]; i++) {
            struct base_buffer bytes = with_scale(scales[i], dequantise);
            struct trial trial;
            trial_parse(&trial, &bytes, 1);
            trial_session(&trial, STANCE_TIER_AUTO, 1);
            assert_int_equal(stance_session_prepare(trial.session, trial.inputs, 1),
                             STANCE_EARGUMENT);
            assert_non_null(strstr(stance_error_text(), "scales are above 0"));
            trial_close(&trial);
            base_buffer_free(&bytes);
        }
}

/* x · weights of 16 channels with so many scales and zero points. */
static struct base_buffer with_counts(int64_t scale_count, int64_t zero_count)
{
    static int8_t bytes[16 * 16], zeros[32];
    float scales[32];
    struct quant_net net;
    int x = begin(&net);
    for (int i = 0; i < 32; i++)
        scales[i] = 0.01f;
    struct stance_tensor weights = {STANCE_INT8, 4, {16, 16, 1, 1}, bytes};
    struct stance_tensor scale = {STANCE_FLOAT32, 1, {scale_count}, scales};
    struct stance_tensor zero = {STANCE_INT8, 1, {zero_count}, zeros};
    onnx_writer_initializer(&net.writer, "bytes", &weights);
    onnx_writer_initializer(&net.writer, "scales", &scale);
    onnx_writer_initializer(&net.writer, "zeros", &zero);
    onnx_writer_node(&net.writer, "DequantizeLinear", "w", "bytes,scales,zeros", "weights");
    onnx_writer_int(&net.writer, "axis", 0);
    char inputs[64];
    snprintf(inputs, sizeof inputs, "v%d,weights", x);
    onnx_writer_node(&net.writer, "Conv", "c", inputs, "y");
    onnx_writer_output(&net.writer, "y", STANCE_FLOAT32, -1, NULL);
    return quant_net_close(&net);
}

static void test_wrong_numbers_of_scales_are_refused(void **state)
{
    const int64_t counts[][2] = {{15, 15}, {17, 17}, {16, 15}, {16, 1}, {1, 16}};
    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct base_buffer bytes = with_counts(counts[i][0], counts[i][1]);
        struct trial trial;
        trial_parse(&trial, &bytes, 1);
        trial_session(&trial, STANCE_TIER_AUTO, 1);
        assert_int_equal(stance_session_prepare(trial.session, trial.inputs, 1), STANCE_ESHAPE);
        assert_non_null(strstr(stance_error_text(), "scales"));
        trial_close(&trial);
        base_buffer_free(&bytes);
    }
}

/* Scales so far from all sense that their products are not numbers are not computed on bytes. */
static void test_absurd_scales_are_left_to_the_plain_operators(void **state)
{
    const float scales[] = {1e-40f, 1e-30f, 1e30f};
    (void)state;
    for (size_t i = 0; i < sizeof scales / sizeof scales[0]; i++) {
        struct base_buffer bytes = with_scale(scales[i], false);
        struct trial trial;
        trial_parse(&trial, &bytes, 1);
        trial_session(&trial, STANCE_TIER_AUTO, 1);
        trial_run(&trial);
        trial_close(&trial);
        base_buffer_free(&bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_convolutions_read_and_write_bytes),
        cmocka_unit_test(test_transposed_convolutions_do_too),
        cmocka_unit_test(test_a_residual_is_read_as_bytes),
        cmocka_unit_test(test_a_float_reader_keeps_the_floats),
        cmocka_unit_test(test_moves_keep_their_type),
        cmocka_unit_test(test_both_halves_of_a_split_are_bytes),
        cmocka_unit_test(test_a_move_to_another_scale_is_not_one),
        cmocka_unit_test(test_joining_can_change_scales),
        cmocka_unit_test(test_factors_of_channels_stay_float),
        cmocka_unit_test(test_functions_of_one_byte_are_one_table),
        cmocka_unit_test(test_quantising_what_was_quantised_so_is_nothing),
        cmocka_unit_test(test_what_has_no_form_on_bytes_stays_float),
        cmocka_unit_test(test_weights_that_float_convolutions_read_are_widened),
        cmocka_unit_test(test_bytes_read_with_another_scale_stay_numbers),
        cmocka_unit_test(test_scales_that_are_no_numbers_above_zero_are_refused),
        cmocka_unit_test(test_wrong_numbers_of_scales_are_refused),
        cmocka_unit_test(test_absurd_scales_are_left_to_the_plain_operators),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
