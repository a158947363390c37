/* Quantising networks: which values become bytes, what comes out, what is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/quantization.h"
#include "onnx/onnx_model.h"
#include "onnx/onnx_write.h"
#include "support/support.h"
#include "support/tiny_model.h"
#include "support/trial.h"

enum { SIDE = 16, INPUTS = 6, LIMIT = 1 << 22 };

/* ---- A network with one of everything ---- */

static void conv(struct onnx_writer *writer, const char *name, const char *from, int64_t in,
                 int64_t out, int64_t kernel, int64_t group)
{
    float values[4096];
    char weights[32], ends[96];
    int64_t dims[] = {out, in / group, kernel, kernel}, pads[4];
    struct stance_tensor tensor = {.dtype = STANCE_FLOAT32, .rank = 4, .data = values};
    memcpy(tensor.dims, dims, sizeof dims);
    snprintf(weights, sizeof weights, "%s_w", name);
    snprintf(ends, sizeof ends, "%s,%s", from, weights);
    support_synth_input(name, dims, 4, 1 / sqrt((double)(in / group * kernel * kernel)), values);
    onnx_writer_initializer(writer, weights, &tensor);
    onnx_writer_node(writer, "Conv", name, ends, name);
    for (int i = 0; i < 4; i++)
        pads[i] = kernel / 2;
    onnx_writer_ints(writer, "pads", pads, 4);
    onnx_writer_int(writer, "group", group);
}

static void swish(struct onnx_writer *writer, const char *from, const char *gate, const char *to)
{
    char ends[64];
    onnx_writer_node(writer, "Sigmoid", "", from, gate);
    snprintf(ends, sizeof ends, "%s,%s", from, gate);
    onnx_writer_node(writer, "Mul", "", ends, to);
}

/* first → Swish → left → Relu → {pool, itself} → Concat → mix; mix + Swish of `block` of itself; times
 * a factor by channel; body → Relu → head. */
static struct base_buffer everything(void)
{
    static const int64_t input[] = {-1, 3, SIDE, SIDE}, output[] = {-1, 4, SIDE, SIDE};
    static const int64_t three[] = {3, 3}, one[] = {1, 1, 1, 1};
    struct onnx_writer writer;
    struct base_buffer bytes;
    onnx_writer_init(&writer, LIMIT);
    onnx_writer_opset(&writer, "", 11);
    onnx_writer_input(&writer, "x", STANCE_FLOAT32, 4, input);
    onnx_writer_output(&writer, "head", STANCE_FLOAT32, 4, output);
    conv(&writer, "first", "x", 3, 8, 3, 1);
    swish(&writer, "first", "first_gate", "first_out");
    conv(&writer, "left", "first_out", 8, 8, 3, 8);
    onnx_writer_node(&writer, "Relu", "", "left", "left_out");
    onnx_writer_node(&writer, "MaxPool", "", "left_out", "pool");
    onnx_writer_ints(&writer, "kernel_shape", three, 2);
    onnx_writer_ints(&writer, "pads", one, 4);
    onnx_writer_node(&writer, "Concat", "", "left_out,pool", "both");
    onnx_writer_int(&writer, "axis", 1);
    conv(&writer, "mix", "both", 16, 8, 1, 1);
    swish(&writer, "mix", "mix_gate", "mix_out");
    conv(&writer, "block", "mix_out", 8, 8, 3, 1);
    swish(&writer, "block", "block_gate", "block_out");
    onnx_writer_node(&writer, "Add", "", "block_out,mix_out", "sum");
    onnx_writer_node(&writer, "GlobalAveragePool", "", "sum", "mean");
    conv(&writer, "factor", "mean", 8, 8, 1, 1);
    onnx_writer_node(&writer, "HardSigmoid", "", "factor", "factor_out");
    onnx_writer_node(&writer, "Mul", "", "sum,factor_out", "scaled");
    conv(&writer, "body", "scaled", 8, 8, 3, 1);
    onnx_writer_node(&writer, "Relu", "", "body", "body_out");
    conv(&writer, "head", "body_out", 8, 4, 1, 1);
    base_buffer_init(&bytes, LIMIT);
    trial_check(onnx_writer_finish(&writer, &bytes));
    onnx_writer_free(&writer);
    return bytes;
}

static struct stance_model *parsed(struct base_buffer bytes)
{
    struct stance_model *model;
    trial_check(engine_model_take(&model, &bytes, "network"));
    return model;
}

static void fill(float *values, int index)
{
    static const int64_t dims[] = {1, 3, SIDE, SIDE};
    char name[24];
    snprintf(name, sizeof name, "input%d", index);
    support_synth_input(name, dims, 4, 1, values);
}

static void feed(struct stance_quantizer *quantizer, int count)
{
    float values[3 * SIDE * SIDE];
    struct stance_tensor input = {
        .dtype = STANCE_FLOAT32, .rank = 4, .dims = {1, 3, SIDE, SIDE}, .data = values};
    for (int i = 0; i < count; i++) {
        fill(values, i);
        assert_int_equal(stance_quantizer_feed(quantizer, &input), 1);
    }
}

static struct stance_quantizer *calibrated(struct stance_model *model,
                                           const struct stance_quantize_options *options)
{
    struct stance_quantizer *quantizer;
    trial_check(stance_quantizer_open(&quantizer, model, options));
    feed(quantizer, INPUTS);
    trial_check(stance_quantizer_calibrate(quantizer));
    return quantizer;
}

static int layer_named(const struct stance_quantizer *quantizer, const char *name,
                       struct stance_quantize_layer *layer)
{
    for (int i = 0; i < stance_quantizer_layer_count(quantizer); i++) {
        assert_int_equal(stance_quantizer_layer(quantizer, i, layer), 0);
        if (strcmp(layer->name, name) == 0)
            return i;
    }
    fail_msg("there is no layer %s", name);
    return -1;
}

/* Runs a model on batch `count` of the inputs from `first` on; the copy is the caller's. */
static void run(struct stance_model *model, int first, int count, int threads, float *out)
{
    static float values[INPUTS * 3 * SIDE * SIDE];
    struct stance_tensor input = {
        .dtype = STANCE_FLOAT32, .rank = 4, .dims = {count, 3, SIDE, SIDE}, .data = values};
    struct stance_tensor output;
    struct stance_session_options options;
    struct stance_session *session;
    stance_session_options_default(&options);
    options.threads = threads;
    for (int i = 0; i < count; i++)
        fill(values + (size_t)i * 3 * SIDE * SIDE, first + i);
    trial_check(stance_session_open(&session, model, &options));
    trial_check(stance_session_run(session, &input, 1, &output, 1));
    memcpy(out, output.data, tensor_bytes(&output));
    stance_session_close(&session);
}

enum { ANSWER = 4 * SIDE * SIDE };

/* ---- Placement ---- */

static void test_roles_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int role;
    } expected[] = {
        {"first", STANCE_LAYER_FIRST},      {"left", STANCE_LAYER_BODY},
        {"mix", STANCE_LAYER_BODY},         {"block", STANCE_LAYER_BODY},
        {"factor", STANCE_LAYER_ATTENTION}, {"body", STANCE_LAYER_BODY},
        {"head", STANCE_LAYER_HEAD},
    };
    struct stance_model *model = parsed(everything());
    struct stance_quantizer *quantizer;
    trial_check(stance_quantizer_open(&quantizer, model, NULL));
    assert_int_equal(stance_quantizer_layer_count(quantizer), 7);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        struct stance_quantize_layer layer;
        layer_named(quantizer, expected[i].name, &layer);
        assert_int_equal(layer.role, expected[i].role);
        assert_int_equal(layer.quantized, expected[i].role == STANCE_LAYER_BODY);
        assert_true(layer.multiply_adds > 0);
    }
    stance_quantizer_close(&quantizer);
    stance_model_close(&model);
}

static bool is_bytes(const struct stance_quantizer *quantizer, const char *name)
{
    for (int i = 0; i < quantizer->graph->value_count; i++)
        if (strcmp(quantizer->graph->values[i].name, name) == 0)
            return quantizer->values[i].wanted;
    fail_msg("there is no value %s", name);
    return false;
}

static void test_only_what_int8_layers_need_is_bytes(void **state)
{
    (void)state;
    struct stance_model *model = parsed(everything());
    struct stance_quantizer *quantizer;
    trial_check(stance_quantizer_open(&quantizer, model, NULL));
    assert_int_equal(engine_quantize_place(quantizer, false), 0);
    static const char *const bytes[] = {"first_out", "left_out", "pool",
                                        "both",      "mix_out",  "scaled"};
    /* Pictures and heads by role, sums inside of convolutions, and in front of attention. */
    static const char *const floats[] = {"x",   "first", "mix",  "block",    "block_out",
                                         "sum", "mean",  "body", "body_out", "head"};
    for (size_t i = 0; i < sizeof bytes / sizeof bytes[0]; i++)
        assert_true(is_bytes(quantizer, bytes[i]));
    for (size_t i = 0; i < sizeof floats / sizeof floats[0]; i++)
        assert_false(is_bytes(quantizer, floats[i]));
    stance_quantizer_close(&quantizer);
    stance_model_close(&model);
}

static void test_values_that_are_only_moved_share_a_scale(void **state)
{
    (void)state;
    struct stance_model *model = parsed(everything());
    struct stance_quantizer *quantizer = calibrated(model, NULL);
    assert_int_equal(engine_quantize_place(quantizer, false), 0);
    int groups[3] = {-1, -1, -1};
    static const char *const names[] = {"left_out", "pool", "both"};
    for (int i = 0; i < quantizer->graph->value_count; i++)
        for (int k = 0; k < 3; k++)
            if (strcmp(quantizer->graph->values[i].name, names[k]) == 0)
                groups[k] = quantizer->values[i].group;
    assert_int_equal(groups[0], groups[1]);
    assert_int_equal(groups[0], groups[2]);
    struct quantize_range a =
        engine_quantize_group_range(quantizer, groups[0], STANCE_QUANTIZE_MINMAX);
    assert_true(a.low == 0 && a.high > 0);
    stance_quantizer_close(&quantizer);
    stance_model_close(&model);
}

/* ---- Networks ---- */

static void test_answers_are_those_of_float(void **state)
{
    (void)state;
    struct stance_model *model = parsed(everything()), *quantized;
    float expected[ANSWER], got[ANSWER], again[3 * ANSWER];
    for (int method = 0; method <= QUANTIZE_METHODS; method++) {
        struct stance_quantize_options options;
        stance_quantize_options_default(&options);
        options.method = method;
        struct stance_quantizer *quantizer = calibrated(model, &options);
        trial_check(stance_quantizer_model(quantizer, &quantized));
        run(model, 1, 1, 1, expected);
        run(quantized, 1, 1, 1, got);
        assert_close(got, expected, ANSWER, method == STANCE_QUANTIZE_ENTROPY ? 0.3 : 0.06);
        assert_true(support_distance(got, expected, ANSWER) > 0);
        run(quantized, 0, 3, 2, again);
        assert_memory_equal(again + ANSWER, got, sizeof got);
        stance_model_close(&quantized);
        stance_quantizer_close(&quantizer);
    }
    stance_model_close(&model);
}

static void test_without_int8_layers_nothing_changes(void **state)
{
    (void)state;
    struct stance_model *model = parsed(everything()), *same;
    struct stance_quantizer *quantizer = calibrated(model, NULL);
    float expected[ANSWER], got[ANSWER];
    for (int i = 0; i < stance_quantizer_layer_count(quantizer); i++)
        assert_int_equal(stance_quantizer_choose(quantizer, i, 0), 0);
    trial_check(stance_quantizer_model(quantizer, &same));
    run(model, 0, 1, 1, expected);
    run(same, 0, 1, 1, got);
    assert_close(got, expected, ANSWER, 1e-6);
    stance_model_close(&same);
    stance_quantizer_close(&quantizer);
    stance_model_close(&model);
}

/* x → first → Relu → up, a transposed convolution whose output channels differ a hundredfold from one
 * to the next; its map is as large as the input. */
static struct base_buffer upwards(void)
{
    static const int64_t input[] = {-1, 3, SIDE, SIDE}, two[] = {2, 2};
    static const int64_t dims[] = {8, 4, 2, 2};
    float values[8 * 4 * 2 * 2];
    struct stance_tensor weights = {
        .dtype = STANCE_FLOAT32, .rank = 4, .dims = {8, 4, 2, 2}, .data = values};
    struct onnx_writer writer;
    struct base_buffer bytes;
    onnx_writer_init(&writer, LIMIT);
    onnx_writer_opset(&writer, "", 11);
    onnx_writer_input(&writer, "x", STANCE_FLOAT32, 4, input);
    onnx_writer_output(&writer, "up", STANCE_FLOAT32, -1, NULL);
    conv(&writer, "first", "x", 3, 8, 3, 1);
    onnx_writer_node(&writer, "Relu", "", "first", "first_out");
    onnx_writer_node(&writer, "MaxPool", "", "first_out", "half");
    onnx_writer_ints(&writer, "kernel_shape", two, 2);
    onnx_writer_ints(&writer, "strides", two, 2);
    support_synth_input("up", dims, 4, 1, values);
    for (int i = 0; i < 8 * 4 * 4; i++)
        values[i] *= powf(100, (float)(i / 4 % 4));
    onnx_writer_initializer(&writer, "up_w", &weights);
    onnx_writer_node(&writer, "ConvTranspose", "up", "half,up_w", "up");
    onnx_writer_ints(&writer, "strides", two, 2);
    base_buffer_init(&bytes, LIMIT);
    trial_check(onnx_writer_finish(&writer, &bytes));
    onnx_writer_free(&writer);
    return bytes;
}

static void test_transposed_layers_have_a_scale_per_output_channel(void **state)
{
    (void)state;
    struct stance_model *model = parsed(upwards()), *quantized;
    struct stance_quantizer *quantizer = calibrated(model, NULL);
    struct stance_quantize_layer layer;
    float expected[ANSWER], got[ANSWER];
    int up = layer_named(quantizer, "up", &layer);
    assert_int_equal(layer.role, STANCE_LAYER_HEAD);
    assert_int_equal(stance_quantizer_choose(quantizer, up, 1), 0);
    trial_check(stance_quantizer_model(quantizer, &quantized));
    run(model, 1, 1, 1, expected);
    run(quantized, 1, 1, 1, got);
    for (int c = 0; c < 4; c++) {
        const float *from = expected + c * SIDE * SIDE;
        float reach = 0;
        for (int i = 0; i < SIDE * SIDE; i++)
            reach = fmaxf(reach, fabsf(from[i]));
        for (int i = 0; i < SIDE * SIDE; i++)
            assert_true(fabsf(got[c * SIDE * SIDE + i] - from[i]) < 0.05f * reach);
    }
    assert_true(support_distance(got, expected, ANSWER) > 0);
    stance_model_close(&quantized);
    stance_quantizer_close(&quantizer);
    stance_model_close(&model);
}

/* What is left of the error's mean per channel where the last layer alone is int8. */
static double mean_error(struct stance_model *model, int correct)
{
    struct stance_quantize_options options;
    struct stance_quantize_layer layer;
    struct stance_model *quantized;
    float expected[ANSWER], got[ANSWER];
    double sum = 0;
    stance_quantize_options_default(&options);
    options.correct_biases = correct;
    struct stance_quantizer *quantizer = calibrated(model, &options);
    int only = layer_named(quantizer, "head", &layer);
    for (int i = 0; i < stance_quantizer_layer_count(quantizer); i++)
        assert_int_equal(stance_quantizer_choose(quantizer, i, i == only), 0);
    trial_check(stance_quantizer_model(quantizer, &quantized));
    for (int c = 0; c < 4; c++) {
        double mean = 0;
        for (int k = 0; k < INPUTS; k++) {
            run(model, k, 1, 1, expected);
            run(quantized, k, 1, 1, got);
            for (int i = 0; i < SIDE * SIDE; i++)
                mean += (double)got[c * SIDE * SIDE + i] - (double)expected[c * SIDE * SIDE + i];
        }
        sum += fabs(mean);
    }
    stance_model_close(&quantized);
    stance_quantizer_close(&quantizer);
    return sum;
}

static void test_biases_take_the_mean_error_off(void **state)
{
    (void)state;
    struct stance_model *model = parsed(everything());
    assert_true(mean_error(model, 1) < 0.1 * mean_error(model, 0));
    stance_model_close(&model);
}

/* first → ReLU → one filter a channel → head; channel c of `first` is 2^c times as large as it would be,
 * and that much smaller behind. */
static struct base_buffer uneven(void)
{
    static const int64_t input[] = {-1, 3, SIDE, SIDE};
    struct onnx_writer writer;
    struct base_buffer bytes;
    float values[8 * 3 * 9];
    onnx_writer_init(&writer, LIMIT);
    onnx_writer_opset(&writer, "", 13);
    onnx_writer_input(&writer, "x", STANCE_FLOAT32, 4, input);
    onnx_writer_output(&writer, "head", STANCE_FLOAT32, -1, NULL);
    for (int back = 0; back < 2; back++) {
        int64_t dims[] = {8, back ? 1 : 3, 3, 3}, each = dims[1] * 9;
        struct stance_tensor tensor = {.dtype = STANCE_FLOAT32, .rank = 4, .data = values};
        memcpy(tensor.dims, dims, sizeof dims);
        support_synth_input(back ? "uneven back" : "uneven", dims, 4, 0.3, values);
        for (int64_t i = 0; i < 8 * each; i++)
            values[i] *= exp2f((back ? -1.0f : 1.0f) * (float)(i / each));
        onnx_writer_initializer(&writer, back ? "back_w" : "front_w", &tensor);
        onnx_writer_node(&writer, "Conv", back ? "back" : "front", back ? "r,back_w" : "x,front_w",
                         back ? "b" : "f");
        onnx_writer_int(&writer, "group", back ? 8 : 1);
        if (!back)
            onnx_writer_node(&writer, "Relu", "", "f", "r");
    }
    conv(&writer, "head", "b", 8, 4, 1, 1);
    base_buffer_init(&bytes, LIMIT);
    trial_check(onnx_writer_finish(&writer, &bytes));
    onnx_writer_free(&writer);
    return bytes;
}

static double error_behind(struct stance_model *model, int equalize)
{
    struct stance_quantize_options options;
    struct stance_quantize_layer layer;
    stance_quantize_options_default(&options);
    options.equalize = equalize;
    struct stance_quantizer *quantizer = calibrated(model, &options);
    layer_named(quantizer, "back", &layer);
    double error = layer.error;
    stance_quantizer_close(&quantizer);
    return error;
}

static void test_depthwise_layers_share_scale_with_those_in_front(void **state)
{
    (void)state;
    struct stance_model *model = parsed(uneven());
    assert_true(error_behind(model, 1) < 0.1 * error_behind(model, 0));
    stance_model_close(&model);
}

/* ---- Files ---- */

static int count_type(const struct onnx_model *model, const char *type)
{
    int count = 0;
    for (size_t i = 0; i < model->graph->node_count; i++)
        count += onnx_string_equal(model->graph->nodes[i].type, type);
    return count;
}

static void test_a_file_is_ordinary_onnx(void **state)
{
    (void)state;
    char path[4096];
    struct stance_model *model = parsed(everything());
    struct stance_quantizer *quantizer = calibrated(model, NULL), *again;
    struct onnx_model *file;
    snprintf(path, sizeof path, "%s/quantized.onnx", support_temp_folder());
    trial_check(stance_quantizer_save(quantizer, path));
    trial_check(onnx_model_open(&file, path));
    assert_int_equal(count_type(file, "QuantizeLinear"), 6);
    assert_int_equal(count_type(file, "Conv"), 7);
    assert_int_equal(count_type(file, "DequantizeLinear"), 6 + 2 * 4); /* weights and biases */
    for (size_t i = 0; i < file->opset_count; i++)
        assert_true(onnx_string_equal(file->opsets[i].domain, ""));
    int int8 = 0;
    for (size_t i = 0; i < file->graph->initializer_count; i++)
        int8 += file->graph->initializers[i].dtype == STANCE_INT8 &&
                file->graph->initializers[i].rank == 4;
    assert_int_equal(int8, 4);
    onnx_model_close(&file);
    stance_model_close(&model);
    stance_quantizer_close(&quantizer);
    trial_check(engine_model_load(&model, path));
    assert_int_equal(stance_quantizer_open(&again, model, NULL), STANCE_EMODEL);
    assert_non_null(strstr(stance_error_text(), "quantised already"));
    assert_null(again);
    stance_model_close(&model);
}

static void test_nothing_is_left_of_a_file_that_cannot_be_written(void **state)
{
    (void)state;
    struct stance_model *model = parsed(everything());
    struct stance_quantizer *quantizer = calibrated(model, NULL);
    char path[4096];
    snprintf(path, sizeof path, "%s/no/such/folder.onnx", support_temp_folder());
    assert_int_equal(stance_quantizer_save(quantizer, path), STANCE_EIO);
    stance_quantizer_close(&quantizer);
    stance_model_close(&model);
}

/* ---- What is refused ---- */

static void test_calls_out_of_order_are_refused(void **state)
{
    (void)state;
    struct stance_model *model = parsed(everything()), *quantized;
    struct stance_quantizer *quantizer;
    struct stance_quantize_layer layer;
    float values[3 * SIDE * SIDE] = {0};
    struct stance_tensor input = {
        .dtype = STANCE_FLOAT32, .rank = 4, .dims = {1, 3, SIDE, SIDE}, .data = values};
    trial_check(stance_quantizer_open(&quantizer, model, NULL));
    assert_int_equal(stance_quantizer_calibrate(quantizer), STANCE_EARGUMENT);
    assert_int_equal(stance_quantizer_model(quantizer, &quantized), STANCE_EARGUMENT);
    assert_null(quantized);
    assert_int_equal(stance_quantizer_layer(quantizer, 99, &layer), STANCE_EARGUMENT);
    assert_int_equal(stance_quantizer_choose(quantizer, -1, 1), STANCE_EARGUMENT);
    input.dims[0] = 2;
    assert_int_equal(stance_quantizer_feed(quantizer, &input), STANCE_ESHAPE);
    input.dims[0] = 1;
    input.dtype = STANCE_INT32;
    assert_int_equal(stance_quantizer_feed(quantizer, &input), STANCE_ETYPE);
    input.dtype = STANCE_FLOAT32;
    values[7] = INFINITY;
    assert_int_equal(stance_quantizer_feed(quantizer, &input), 1);
    assert_int_equal(stance_quantizer_calibrate(quantizer), STANCE_EFORMAT);
    stance_quantizer_close(&quantizer);
    stance_model_close(&model);
}

static int cancel(void *context, int done, int total)
{
    assert_true(done <= total);
    return ++*(int *)context == 3;
}

static void test_calibration_can_be_cancelled(void **state)
{
    (void)state;
    struct stance_model *model = parsed(everything());
    struct stance_quantize_options options;
    struct stance_quantizer *quantizer;
    int told = 0;
    stance_quantize_options_default(&options);
    options.progress = cancel;
    options.context = &told;
    trial_check(stance_quantizer_open(&quantizer, model, &options));
    feed(quantizer, INPUTS);
    assert_int_equal(stance_quantizer_calibrate(quantizer), STANCE_ECANCELLED);
    assert_int_equal(told, 3);
    stance_quantizer_close(&quantizer);
    stance_model_close(&model);
}

static void test_networks_without_maps_are_refused(void **state)
{
    (void)state;
    struct stance_model *model = parsed(tiny_fixed_batch());
    struct stance_quantizer *quantizer;
    assert_int_equal(stance_quantizer_open(&quantizer, model, NULL), STANCE_EMODEL);
    assert_non_null(strstr(stance_error_text(), "nothing to quantise"));
    stance_model_close(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_roles_are_found),
        cmocka_unit_test(test_only_what_int8_layers_need_is_bytes),
        cmocka_unit_test(test_values_that_are_only_moved_share_a_scale),
        cmocka_unit_test(test_answers_are_those_of_float),
        cmocka_unit_test(test_without_int8_layers_nothing_changes),
        cmocka_unit_test(test_transposed_layers_have_a_scale_per_output_channel),
        cmocka_unit_test(test_biases_take_the_mean_error_off),
        cmocka_unit_test(test_depthwise_layers_share_scale_with_those_in_front),
        cmocka_unit_test(test_a_file_is_ordinary_onnx),
        cmocka_unit_test(test_nothing_is_left_of_a_file_that_cannot_be_written),
        cmocka_unit_test(test_calls_out_of_order_are_refused),
        cmocka_unit_test(test_calibration_can_be_cancelled),
        cmocka_unit_test(test_networks_without_maps_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
