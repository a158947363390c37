/* Rounding of weights by what they are multiplied with: where inputs go along with each other, a layer
 * errs less than with the nearest integers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "engine/quantization.h"
#include "onnx/onnx_write.h"
#include "support/support.h"
#include "support/trial.h"

enum { SIDE = 12, CELLS = SIDE * SIDE, MOST_CHANNELS = 64, OUT = 8, INPUTS = 6, LIMIT = 1 << 20 };

struct shape {
    int64_t in, kernel, stride, groups;
};

static void add_weights(struct onnx_writer *writer, const char *name, const int64_t dims[4])
{
    static float values[OUT * MOST_CHANNELS * 9];
    struct stance_tensor tensor = {.dtype = STANCE_FLOAT32, .rank = 4, .data = values};
    memcpy(tensor.dims, dims, 4 * sizeof *dims);
    support_synth_input(name, dims, 4, 1, values);
    onnx_writer_initializer(writer, name, &tensor);
}

/* x → the layer → Relu → a head. */
static struct stance_model *one_layer(const struct shape *shape)
{
    struct onnx_writer writer;
    struct base_buffer bytes;
    struct stance_model *model;
    int64_t input[] = {1, shape->in, SIDE, SIDE}, half = shape->kernel / 2;
    onnx_writer_init(&writer, LIMIT);
    onnx_writer_opset(&writer, "", 13);
    onnx_writer_input(&writer, "x", STANCE_FLOAT32, 4, input);
    onnx_writer_output(&writer, "y", STANCE_FLOAT32, -1, NULL);
    add_weights(&writer, "w",
                (int64_t[]){OUT, shape->in / shape->groups, shape->kernel, shape->kernel});
    add_weights(&writer, "head_w", (int64_t[]){1, OUT, 1, 1});
    onnx_writer_node(&writer, "Conv", "layer", "x,w", "maps");
    onnx_writer_ints(&writer, "pads", (int64_t[]){half, half, half, half}, 4);
    onnx_writer_ints(&writer, "strides", (int64_t[]){shape->stride, shape->stride}, 2);
    onnx_writer_int(&writer, "group", shape->groups);
    onnx_writer_node(&writer, "Relu", "", "maps", "positive");
    onnx_writer_node(&writer, "Conv", "head", "positive,head_w", "y");
    base_buffer_init(&bytes, LIMIT);
    trial_check(onnx_writer_finish(&writer, &bytes));
    onnx_writer_free(&writer);
    trial_check(engine_model_take(&model, &bytes, "network"));
    return model;
}

/* Smooth maps that are much alike, none of them around zero. */
static double input_at(int number, int64_t channel, int64_t y, int64_t x)
{
    if (y < 0 || y >= SIDE || x < 0 || x >= SIDE)
        return 0;
    double shared = 2 + sin(0.4 * (double)x + number) + cos(0.3 * (double)y - number);
    return shared + 0.3 * sin((double)((channel + 1) * (x + 2 * y + 3 * number)));
}

static void feed(struct stance_quantizer *quantizer, const struct shape *shape)
{
    static float values[MOST_CHANNELS * CELLS];
    struct stance_tensor input = {
        .dtype = STANCE_FLOAT32, .rank = 4, .dims = {1, shape->in, SIDE, SIDE}, .data = values};
    for (int n = 0; n < INPUTS; n++) {
        for (int64_t i = 0; i < shape->in * CELLS; i++)
            values[i] = (float)input_at(n, i / CELLS, i % CELLS / SIDE, i % SIDE);
        assert_int_equal(stance_quantizer_feed(quantizer, &input), 1);
    }
}

/* What a filter adds to one number of the output where its weights are off by `errors`. */
static double off_at(const struct shape *shape, const double *errors, int64_t group, int number,
                     int64_t y, int64_t x)
{
    int64_t each = shape->in / shape->groups, half = shape->kernel / 2, k = 0;
    double sum = 0;
    for (int64_t c = 0; c < each; c++)
        for (int64_t i = 0; i < shape->kernel; i++)
            for (int64_t j = 0; j < shape->kernel; j++)
                sum +=
                    errors[k++] * input_at(number, group * each + c, y * shape->stride + i - half,
                                           x * shape->stride + j - half);
    return sum;
}

static double squares(const struct shape *shape, const double *errors, int64_t group)
{
    double sum = 0;
    for (int n = 0; n < INPUTS; n++)
        for (int64_t y = 0; y * shape->stride < SIDE; y++)
            for (int64_t x = 0; x * shape->stride < SIDE; x++)
                sum += pow(off_at(shape, errors, group, n, y, x), 2);
    return sum;
}

/* The squared error of the layer's output, by its weights as they are and by the nearest ones. */
static void measure(const struct shape *shape, const struct quantize_layer *layer,
                    const float *weights, double *ours, double *nearest)
{
    static double errors[2][MOST_CHANNELS * 9];
    int64_t each = shape->in / shape->groups * shape->kernel * shape->kernel;
    const int8_t *bytes = layer->weights->view.data;
    *ours = *nearest = 0;
    for (int64_t o = 0; o < OUT; o++) {
        double scale = tensor_float(&layer->scales->view, o);
        for (int64_t k = 0; k < each; k++) {
            double weight = (double)weights[o * each + k];
            errors[0][k] = weight - bytes[o * each + k] * scale;
            errors[1][k] = weight - engine_quantize_nearest(weight, scale) * scale;
        }
        *ours += squares(shape, errors[0], o / (OUT / shape->groups));
        *nearest += squares(shape, errors[1], o / (OUT / shape->groups));
    }
}

static void check_layer(const struct shape *shape, double most)
{
    struct stance_model *model = one_layer(shape);
    struct stance_quantizer *quantizer;
    double ours, nearest;
    trial_check(stance_quantizer_open(&quantizer, model, NULL));
    feed(quantizer, shape);
    trial_check(stance_quantizer_calibrate(quantizer));
    const struct quantize_layer *layer = &quantizer->layers[0];
    const struct stance_tensor *weights = engine_quantize_float_weights(quantizer, layer);
    assert_int_equal(weights->dims[1], shape->in / shape->groups);
    measure(shape, layer, weights->data, &ours, &nearest);
    assert_true(ours < most * nearest);
    assert_null(layer->grams);
    stance_quantizer_close(&quantizer);
    stance_model_close(&model);
}

static void test_weights_take_over_what_others_lost(void **state)
{
    (void)state;
    check_layer(&(struct shape){.in = 16, .kernel = 1, .stride = 1, .groups = 1}, 0.1);
    check_layer(&(struct shape){.in = 3, .kernel = 3, .stride = 2, .groups = 1}, 0.1);
}

static void test_groups_see_their_own_channels(void **state)
{
    (void)state;
    check_layer(&(struct shape){.in = 8, .kernel = 3, .stride = 1, .groups = 8}, 0.4);
    check_layer(&(struct shape){.in = 16, .kernel = 1, .stride = 1, .groups = 2}, 0.1);
}

/* 576 weights a filter: three blocks, the last of them shorter. */
static void test_long_filters_are_rounded_in_blocks(void **state)
{
    (void)state;
    check_layer(&(struct shape){.in = 64, .kernel = 3, .stride = 2, .groups = 1}, 0.1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weights_take_over_what_others_lost),
        cmocka_unit_test(test_groups_see_their_own_channels),
        cmocka_unit_test(test_long_filters_are_rounded_in_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
