/* Networks with half-precision weights run as float32 networks. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/network.h"
#include "onnx/onnx_write.h"
#include "stance/session.h"

enum { DEPTH = 3, COLUMNS = 2 };

static const float weights[DEPTH * COLUMNS] = {0.5f, -1.25f, 2, 0.0625f, 3, -4};

/* y = Cast(x to the stored type) · w, with weights, input and output of that type. */
static struct base_buffer product_network(int dtype)
{
    struct onnx_writer writer;
    struct base_buffer model;
    uint16_t stored[DEPTH * COLUMNS];
    for (int i = 0; i < DEPTH * COLUMNS; i++)
        stored[i] = dtype == STANCE_FLOAT16 ? tensor_float_to_half(weights[i])
                                            : tensor_float_to_bfloat(weights[i]);
    struct stance_tensor w = {.dtype = dtype, .rank = 2, .dims = {DEPTH, COLUMNS}, .data = stored};
    onnx_writer_init(&writer, 1 << 16);
    onnx_writer_opset(&writer, "", 13);
    onnx_writer_input(&writer, "x", dtype, 2, (const int64_t[]){-1, DEPTH});
    onnx_writer_output(&writer, "y", dtype, 2, (const int64_t[]){-1, COLUMNS});
    onnx_writer_initializer(&writer, "w", &w);
    onnx_writer_node(&writer, "Cast", "cast", "x", "c");
    onnx_writer_int(&writer, "to", dtype);
    onnx_writer_node(&writer, "MatMul", "product", "c,w", "y");
    base_buffer_init(&model, 1 << 16);
    assert_int_equal(onnx_writer_finish(&writer, &model), 0);
    onnx_writer_free(&writer);
    return model;
}

static void check_product(int dtype)
{
    struct base_buffer file = product_network(dtype);
    struct stance_model *model;
    struct stance_session *session;
    assert_int_equal(engine_model_parse(&model, file.data, file.size, "half"), 0);
    struct stance_tensor declared, y;
    assert_int_equal(stance_model_input(model, 0, &declared), 0);
    assert_int_equal(declared.dtype, STANCE_FLOAT32);
    assert_int_equal(stance_session_open(&session, model, NULL), 0);
    float values[DEPTH] = {1, 2.000001f, -3}; /* the second is no half-precision number */
    struct stance_tensor x = {
        .dtype = STANCE_FLOAT32, .rank = 2, .dims = {1, DEPTH}, .data = values};
    assert_int_equal(stance_session_run(session, &x, 1, &y, 1), 0);
    assert_int_equal(y.dtype, STANCE_FLOAT32);
    for (int c = 0; c < COLUMNS; c++) {
        float sum = 0;
        for (int d = 0; d < DEPTH; d++)
            sum += values[d] * weights[d * COLUMNS + c];
        assert_float_equal(((const float *)y.data)[c], sum, 1e-6f);
    }
    stance_session_close(&session);
    stance_model_close(&model);
    base_buffer_free(&file);
}

static void test_float16_network_runs_in_float32(void **state)
{
    (void)state;
    check_product(STANCE_FLOAT16);
}

static void test_bfloat16_network_runs_in_float32(void **state)
{
    (void)state;
    check_product(STANCE_BFLOAT16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_float16_network_runs_in_float32),
        cmocka_unit_test(test_bfloat16_network_runs_in_float32),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
