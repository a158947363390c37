/* Small models that ask for absurd work, lie on the edge of a rule, or meet two rules at once: an
 * error in time or the right numbers, on every tier. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/cpu.h"
#include "engine/network.h"
#include "onnx/onnx_write.h"
#include "stance/session.h"

enum { OPSET = 17, LIMIT = 8 << 20, OUTPUTS = 1 };

/* What no model of this size may take; generous, for slow machines and sanitisers. */
#define SECONDS 20

struct sketch {
    struct onnx_writer writer;
    struct base_buffer bytes;
    int64_t dims[STANCE_MAX_RANK];
    int rank, dtype;
};

static void begin_typed(struct sketch *sketch, int dtype, int rank, const int64_t *dims)
{
    onnx_writer_init(&sketch->writer, LIMIT);
    onnx_writer_opset(&sketch->writer, "", OPSET);
    onnx_writer_input(&sketch->writer, "x", dtype, rank, dims);
    onnx_writer_output(&sketch->writer, "y", STANCE_DTYPE_NONE, -1, NULL);
    sketch->rank = rank;
    sketch->dtype = dtype;
    memcpy(sketch->dims, dims, (size_t)rank * sizeof dims[0]);
}

static void begin(struct sketch *sketch, int rank, const int64_t *dims)
{
    begin_typed(sketch, STANCE_FLOAT32, rank, dims);
}

static void constant(struct sketch *sketch, const char *name, int dtype, int rank,
                     const int64_t *dims, const void *data)
{
    struct stance_tensor tensor = {.dtype = dtype, .rank = rank, .data = (void *)(uintptr_t)data};
    for (int i = 0; i < rank; i++)
        tensor.dims[i] = dims[i];
    onnx_writer_initializer(&sketch->writer, name, &tensor);
}

static void ints(struct sketch *sketch, const char *name, int count, const int64_t *values)
{
    constant(sketch, name, STANCE_INT64, 1, (const int64_t[]){count}, values);
}

static struct onnx_writer *node(struct sketch *sketch, const char *type, const char *inputs,
                                const char *outputs)
{
    onnx_writer_node(&sketch->writer, type, "", inputs, outputs);
    return &sketch->writer;
}

static struct stance_model *finish(struct sketch *sketch)
{
    struct stance_model *model = NULL;
    base_buffer_init(&sketch->bytes, LIMIT);
    assert_int_equal(onnx_writer_finish(&sketch->writer, &sketch->bytes), 0);
    onnx_writer_free(&sketch->writer);
    int code = engine_model_parse(&model, sketch->bytes.data, sketch->bytes.size, "hostile");
    if (code < 0)
        fail_msg("%s", stance_error_text());
    return model;
}

/* Runs on one tier with x[i] = i + 1; copies at most `count` floats of y. Returns the code. */
static int run(struct sketch *sketch, struct stance_model *model, int tier, float *y, int count)
{
    static float data[1 << 16];
    struct stance_tensor x = {.dtype = sketch->dtype, .rank = sketch->rank, .data = data}, out;
    struct stance_session *session;
    struct stance_session_options options;
    memcpy(x.dims, sketch->dims, sizeof x.dims);
    for (int i = 0; i < 1 << 16; i++)
        data[i] = (float)(i + 1);
    assert_in_range(stance_tensor_count(&x), 0, 1 << 16);
    stance_session_options_default(&options);
    options.tier = tier;
    assert_int_equal(stance_session_open(&session, model, &options), 0);
    int code = stance_session_run(session, &x, 1, &out, OUTPUTS);
    if (code == 0)
        assert_true(stance_tensor_count(&out) >= count);
    if (code == 0 && count > 0)
        memcpy(y, out.data, (size_t)count * sizeof *y);
    stance_session_close(&session);
    return code;
}

/* The model gives this code on every tier, within SECONDS in all. */
static void assert_ends(struct sketch *sketch, int code)
{
    int64_t start = base_clock_ns();
    struct stance_model *model = finish(sketch);
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier))
        assert_int_equal(run(sketch, model, tier, NULL, 0), code);
    assert_in_range(base_clock_ns() - start, 0, (int64_t)SECONDS * 1000000000);
    stance_model_close(&model);
    base_buffer_free(&sketch->bytes);
}

static void assert_gives(struct sketch *sketch, const float *wanted, int count)
{
    struct stance_model *model = finish(sketch);
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier)) {
        float y[64];
        assert_in_range(count, 1, 64);
        assert_int_equal(run(sketch, model, tier, y, count), 0);
        for (int i = 0; i < count; i++)
            if (!(isnan(wanted[i]) ? isnan(y[i]) : fabsf(y[i] - wanted[i]) < 1e-3f))
                fail_msg("tier %d: element %d is %g instead of %g", tier, i, (double)y[i],
                         (double)wanted[i]);
    }
    stance_model_close(&model);
    base_buffer_free(&sketch->bytes);
}

/* ---- Work out of proportion ------------------------------------------------------------------ */

static void test_pooling_windows_as_large_as_the_picture_are_refused(void **state)
{
    (void)state;
    const int64_t side = 255, kernel[] = {side, side}, pads[] = {254, 254, 254, 254};
    struct sketch sketch;
    begin(&sketch, 4, (const int64_t[]){1, 1, side, side});
    struct onnx_writer *writer = node(&sketch, "MaxPool", "x", "y");
    onnx_writer_ints(writer, "kernel_shape", kernel, 2);
    onnx_writer_ints(writer, "pads", pads, 4);
    assert_ends(&sketch, STANCE_ELIMIT);
}

static void test_einsum_over_everything_is_refused(void **state)
{
    (void)state;
    struct sketch sketch;
    begin(&sketch, 1, (const int64_t[]){60000});
    onnx_writer_string(node(&sketch, "Einsum", "x,x,x,x", "y"), "equation", "a,b,c,d->");
    assert_ends(&sketch, STANCE_ELIMIT);
}

static void test_region_sampling_is_bounded(void **state)
{
    (void)state;
    const float regions[] = {0, 0, 4, 4};
    struct sketch sketch;
    begin(&sketch, 4, (const int64_t[]){1, 1, 4, 4});
    constant(&sketch, "regions", STANCE_FLOAT32, 2, (const int64_t[]){1, 4}, regions);
    ints(&sketch, "images", 1, (const int64_t[]){0});
    struct onnx_writer *writer = node(&sketch, "RoiAlign", "x,regions,images", "y");
    onnx_writer_int(writer, "sampling_ratio", 4096);
    onnx_writer_int(writer, "output_height", 1024);
    onnx_writer_int(writer, "output_width", 1024);
    assert_ends(&sketch, STANCE_ELIMIT);
}

static void test_transposed_convolution_of_an_absurd_stride_ends(void **state)
{
    (void)state;
    const float weights[8 * 8] = {0};
    struct sketch sketch;
    begin(&sketch, 4, (const int64_t[]){1, 8, 1, 2});
    constant(&sketch, "w", STANCE_FLOAT32, 4, (const int64_t[]){8, 8, 1, 1}, weights);
    onnx_writer_ints(node(&sketch, "ConvTranspose", "x,w", "y"), "strides",
                     (const int64_t[]){1, 1 << 20}, 2);
    assert_ends(&sketch, 0);
}

/* 2^42 multiply-adds on constants that a few bytes describe. */
static void test_opening_does_not_fold_without_measure(void **state)
{
    (void)state;
    struct sketch sketch;
    begin(&sketch, 1, (const int64_t[]){1});
    ints(&sketch, "shape", 2, (const int64_t[]){8192, 8192});
    node(&sketch, "ConstantOfShape", "shape", "a");
    for (int i = 0; i < 8; i++) {
        char from[2] = {(char)('a' + i), 0}, to[2] = {(char)('b' + i), 0};
        char inputs[4] = {from[0], ',', from[0], 0};
        node(&sketch, "MatMul", inputs, to);
    }
    node(&sketch, "Add", "x,i", "y");
    int64_t start = base_clock_ns();
    struct stance_model *model = finish(&sketch);
    assert_in_range(base_clock_ns() - start, 0, (int64_t)SECONDS * 1000000000);
    stance_model_close(&model);
    base_buffer_free(&sketch.bytes);
}

/* ---- Types that do not fit ------------------------------------------------------------------- */

/* Their results are floats, which do not fit into bytes. */
static void test_normalisations_of_bytes_are_refused(void **state)
{
    (void)state;
    static const char *const types[] = {"BatchNormalization", "InstanceNormalization",
                                        "LayerNormalization", "LRN", "LSTM"};
    const float numbers[4 * 3 * 4] = {1, 1, 1, 1};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        bool layer = i == 2;
        struct sketch sketch;
        begin_typed(&sketch, STANCE_UINT8, 3, (const int64_t[]){2, 3, 4});
        constant(&sketch, "v", STANCE_FLOAT32, 1, (const int64_t[]){layer ? 4 : 3}, numbers);
        constant(&sketch, "m", STANCE_FLOAT32, 3, (const int64_t[]){1, 12, 4}, numbers);
        constant(&sketch, "r", STANCE_FLOAT32, 3, (const int64_t[]){1, 12, 3}, numbers);
        struct onnx_writer *writer = node(&sketch, types[i],
                                          i == 0   ? "x,v,v,v,v"
                                          : i < 3  ? "x,v,v"
                                          : i == 3 ? "x"
                                                   : "x,m,r",
                                          "y");
        if (i == 3)
            onnx_writer_int(writer, "size", 3);
        assert_ends(&sketch, STANCE_ETYPE);
    }
}

static void test_means_of_no_float_type_are_refused(void **state)
{
    (void)state;
    const float ones[4] = {1, 1, 1, 1};
    struct sketch sketch;
    begin(&sketch, 2, (const int64_t[]){2, 4});
    constant(&sketch, "one", STANCE_FLOAT32, 1, (const int64_t[]){4}, ones);
    onnx_writer_int(node(&sketch, "LayerNormalization", "x,one", "a,means"), "stash_type", 8);
    node(&sketch, "Add", "means,means", "y");
    assert_ends(&sketch, STANCE_EUNSUPPORTED);
}

static void test_zero_points_have_the_type_of_their_data(void **state)
{
    (void)state;
    const int64_t zero = INT64_MIN;
    struct sketch sketch;
    begin_typed(&sketch, STANCE_UINT8, 2, (const int64_t[]){2, 2});
    constant(&sketch, "zero", STANCE_INT64, 0, NULL, &zero);
    node(&sketch, "MatMulInteger", "x,x,zero,zero", "y");
    assert_ends(&sketch, STANCE_ETYPE);
}

/* ---- Edges of rules -------------------------------------------------------------------------- */

static void test_empty_shapes_are_limited_like_others(void **state)
{
    (void)state;
    struct sketch sketch;
    begin(&sketch, 2, (const int64_t[]){1, 0});
    ints(&sketch, "shape", 3, (const int64_t[]){1 << 20, 1 << 20, 0});
    node(&sketch, "Expand", "x,shape", "y");
    assert_ends(&sketch, STANCE_ELIMIT);
}

static void test_mean_over_nothing_is_not_a_number(void **state)
{
    (void)state;
    const float nothing[3] = {NAN, NAN, NAN};
    struct sketch sketch;
    begin(&sketch, 2, (const int64_t[]){3, 0});
    onnx_writer_ints(node(&sketch, "ReduceMean", "x", "y"), "axes", (const int64_t[]){-1}, 1);
    assert_gives(&sketch, nothing, 3);
}

static void test_an_empty_bound_of_clip_is_refused(void **state)
{
    (void)state;
    const float most = 2.5f;
    struct sketch sketch;
    begin(&sketch, 1, (const int64_t[]){4});
    constant(&sketch, "low", STANCE_FLOAT32, 1, (const int64_t[]){0}, &most);
    constant(&sketch, "high", STANCE_FLOAT32, 0, NULL, &most);
    node(&sketch, "Clip", "x,low,high", "y");
    assert_ends(&sketch, STANCE_ESHAPE);
}

static void test_axes_of_32_bits_are_axes(void **state)
{
    (void)state;
    const int32_t axis = -1;
    const float wanted[2] = {6, 15};
    struct sketch sketch;
    begin(&sketch, 2, (const int64_t[]){2, 3});
    constant(&sketch, "axes", STANCE_INT32, 1, (const int64_t[]){1}, &axis);
    node(&sketch, "ReduceSum", "x,axes", "y");
    assert_gives(&sketch, wanted, 2);
}

/* A join of channels works on blocks, but the constant does not lie in blocks. */
static void test_constant_channels_join_convolved_ones(void **state)
{
    (void)state;
    enum { CHANNELS = 16, WIDTH = 3 };
    float weights[CHANNELS * CHANNELS] = {0}, extra[CHANNELS * WIDTH],
                             ones[2 * CHANNELS * CHANNELS];
    float wanted[WIDTH] = {0};
    for (int c = 0; c < CHANNELS; c++)
        weights[c * CHANNELS + c] = 1;
    for (int i = 0; i < CHANNELS * WIDTH; i++)
        extra[i] = 100.0f * (float)i;
    for (int i = 0; i < 2 * CHANNELS * CHANNELS; i++)
        ones[i] = 1;
    for (int i = 0; i < CHANNELS * WIDTH; i++)
        wanted[i % WIDTH] += (float)(i + 1) + extra[i];
    struct sketch sketch;
    begin(&sketch, 4, (const int64_t[]){1, CHANNELS, 1, WIDTH});
    constant(&sketch, "w", STANCE_FLOAT32, 4, (const int64_t[]){CHANNELS, CHANNELS, 1, 1}, weights);
    constant(&sketch, "extra", STANCE_FLOAT32, 4, (const int64_t[]){1, CHANNELS, 1, WIDTH}, extra);
    constant(&sketch, "sum", STANCE_FLOAT32, 4, (const int64_t[]){CHANNELS, 2 * CHANNELS, 1, 1},
             ones);
    node(&sketch, "Conv", "x,w", "a");
    onnx_writer_int(node(&sketch, "Concat", "a,extra", "b"), "axis", 1);
    node(&sketch, "Conv", "b,sum", "y");
    assert_gives(&sketch, wanted, WIDTH);
}

static void test_empty_pictures_pass_through(void **state)
{
    (void)state;
    const float ones[16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    struct sketch sketch;
    begin(&sketch, 4, (const int64_t[]){1, 16, 0, 5});
    constant(&sketch, "one", STANCE_FLOAT32, 1, (const int64_t[]){16}, ones);
    node(&sketch, "BatchNormalization", "x,one,one,one,one", "n");
    node(&sketch, "HardSigmoid", "n", "a");
    node(&sketch, "Mul", "x,a", "b");
    onnx_writer_int(node(&sketch, "Concat", "a,b", "y"), "axis", 1);
    assert_ends(&sketch, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pooling_windows_as_large_as_the_picture_are_refused),
        cmocka_unit_test(test_einsum_over_everything_is_refused),
        cmocka_unit_test(test_region_sampling_is_bounded),
        cmocka_unit_test(test_transposed_convolution_of_an_absurd_stride_ends),
        cmocka_unit_test(test_opening_does_not_fold_without_measure),
        cmocka_unit_test(test_normalisations_of_bytes_are_refused),
        cmocka_unit_test(test_means_of_no_float_type_are_refused),
        cmocka_unit_test(test_zero_points_have_the_type_of_their_data),
        cmocka_unit_test(test_empty_shapes_are_limited_like_others),
        cmocka_unit_test(test_mean_over_nothing_is_not_a_number),
        cmocka_unit_test(test_an_empty_bound_of_clip_is_refused),
        cmocka_unit_test(test_axes_of_32_bits_are_axes),
        cmocka_unit_test(test_constant_channels_join_convolved_ones),
        cmocka_unit_test(test_empty_pictures_pass_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
