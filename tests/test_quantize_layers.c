/* Roles that depend on what becomes of a convolution's maps: answers, or factors of a product. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "engine/network.h"
#include "onnx/onnx_write.h"
#include "stance/quantize.h"
#include "support/support.h"
#include "support/trial.h"

enum { SIDE = 8, CELLS = SIDE * SIDE, LIMIT = 1 << 20 };

static void constant(struct onnx_writer *writer, const char *name, int64_t *dims, int rank)
{
    float values[4 * 8 * 49];
    struct stance_tensor tensor = {.dtype = STANCE_FLOAT32, .rank = rank, .data = values};
    memcpy(tensor.dims, dims, (size_t)rank * sizeof *dims);
    support_synth_input(name, dims, rank, 0.1, values);
    onnx_writer_initializer(writer, name, &tensor);
}

static void integers(struct onnx_writer *writer, const char *name, int64_t *values, int count)
{
    const struct stance_tensor tensor = {
        .dtype = STANCE_INT64, .rank = 1, .dims = {count}, .data = values};
    onnx_writer_initializer(writer, name, &tensor);
}

/* first → maps → Reshape → matrix product, as SimCC networks end; `picked`: Gather is in front of the
 * product, as where answers are decoded. */
static struct stance_model *multiplied(bool picked)
{
    static const int64_t input[] = {-1, 3, SIDE, SIDE};
    static const int64_t pads[] = {3, 3, 3, 3};
    struct onnx_writer writer;
    struct base_buffer bytes;
    struct stance_model *model;
    onnx_writer_init(&writer, LIMIT);
    onnx_writer_opset(&writer, "", 13);
    onnx_writer_input(&writer, "x", STANCE_FLOAT32, 4, input);
    onnx_writer_output(&writer, "y", STANCE_FLOAT32, -1, NULL);
    constant(&writer, "first_w", (int64_t[]){8, 3, 1, 1}, 4);
    constant(&writer, "maps_w", (int64_t[]){4, 8, 7, 7}, 4);
    constant(&writer, "product_w", (int64_t[]){CELLS, 2}, 2);
    integers(&writer, "flat", (int64_t[]){-1, 4, CELLS}, 3);
    integers(&writer, "places", (int64_t[CELLS]){5, 3}, CELLS);
    onnx_writer_node(&writer, "Conv", "first", "x,first_w", "f");
    onnx_writer_node(&writer, "Conv", "maps", "f,maps_w", "m");
    onnx_writer_ints(&writer, "pads", pads, 4);
    onnx_writer_node(&writer, "Reshape", "", "m,flat", "rows");
    if (picked) {
        onnx_writer_node(&writer, "Gather", "", "rows,places", "picked");
        onnx_writer_int(&writer, "axis", 2);
    }
    onnx_writer_node(&writer, "MatMul", "product", picked ? "picked,product_w" : "rows,product_w",
                     "y");
    base_buffer_init(&bytes, LIMIT);
    trial_check(onnx_writer_finish(&writer, &bytes));
    onnx_writer_free(&writer);
    trial_check(engine_model_take(&model, &bytes, "network"));
    return model;
}

static struct stance_quantize_layer layer_named(const struct stance_quantizer *quantizer,
                                                const char *name)
{
    struct stance_quantize_layer layer;
    for (int i = 0; i < stance_quantizer_layer_count(quantizer); i++) {
        assert_int_equal(stance_quantizer_layer(quantizer, i, &layer), 0);
        if (strcmp(layer.name, name) == 0)
            return layer;
    }
    fail_msg("there is no layer %s", name);
    return layer;
}

static void check_role(bool picked, int role)
{
    float values[3 * CELLS];
    const struct stance_tensor input = {
        .dtype = STANCE_FLOAT32, .rank = 4, .dims = {1, 3, SIDE, SIDE}, .data = values};
    struct stance_model *model = multiplied(picked), *quantized;
    struct stance_quantizer *quantizer;
    support_synth_input("x", input.dims, 4, 1, values);
    trial_check(stance_quantizer_open(&quantizer, model, NULL));
    assert_int_equal(layer_named(quantizer, "first").role, STANCE_LAYER_FIRST);
    assert_int_equal(layer_named(quantizer, "maps").role, role);
    assert_int_equal(layer_named(quantizer, "maps").quantized, role == STANCE_LAYER_BODY);
    assert_int_equal(layer_named(quantizer, "product").role, STANCE_LAYER_OTHER);
    assert_int_equal(stance_quantizer_feed(quantizer, &input), 1);
    trial_check(stance_quantizer_calibrate(quantizer));
    trial_check(stance_quantizer_model(quantizer, &quantized));
    stance_model_close(&quantized);
    stance_quantizer_close(&quantizer);
    stance_model_close(&model);
}

static void test_maps_that_weights_multiply_are_no_head(void **state)
{
    (void)state;
    check_role(false, STANCE_LAYER_BODY);
}

static void test_maps_whose_numbers_are_picked_are_a_head(void **state)
{
    (void)state;
    check_role(true, STANCE_LAYER_HEAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_maps_that_weights_multiply_are_no_head),
        cmocka_unit_test(test_maps_whose_numbers_are_picked_are_a_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
