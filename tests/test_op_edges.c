/* What the ONNX cases leave open: errors, saturation, old forms, empty and scalar tensors, numbers
 * worked out by hand; and that running out of memory is an error like any other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "engine/fold.h"
#include "engine/op_memory.h"

enum { MAX_TENSORS = 8, MEMORY_LIMIT = 64 << 20 };

/* One node, its inputs, and its outputs after run(). */
struct bench {
    struct engine_context context;
    struct graph_node node;
    struct graph_attr attrs[MAX_TENSORS];
    struct stance_tensor in[MAX_TENSORS], out[MAX_TENSORS];
    int inputs[MAX_TENSORS], outputs[MAX_TENSORS];
};

static void open_bench(struct bench *bench, const char *type, int opset)
{
    memset(bench, 0, sizeof *bench);
    bench->context.opset = opset;
    bench->context.kernels = kernel_table(base_cpu_best());
    assert_int_equal(base_pool_open(&bench->context.pool, 2), 0);
    assert_int_equal(engine_memory_open(&bench->context.memory, MEMORY_LIMIT), 0);
    bench->node = (struct graph_node){.type = type,
                                      .domain = "",
                                      .name = "",
                                      .op = graph_op_find("", type),
                                      .inputs = bench->inputs,
                                      .outputs = bench->outputs,
                                      .output_count = 1,
                                      .attrs = bench->attrs};
    bench->node.epilogue.residual = -1;
    assert_non_null(bench->node.op);
}

static void close_bench(struct bench *bench)
{
    engine_memory_close(&bench->context.memory);
    base_pool_close(&bench->context.pool);
}

static void input(struct bench *bench, int dtype, int rank, const int64_t *dims, const void *data)
{
    int i = bench->node.input_count++;
    bench->in[i] = (struct stance_tensor){.dtype = dtype, .rank = rank, .data = (void *)data};
    for (int d = 0; d < rank; d++)
        bench->in[i].dims[d] = dims[d];
    bench->inputs[i] = i;
}

static void vector(struct bench *bench, int dtype, int64_t count, const void *data)
{
    input(bench, dtype, 1, &count, data);
}

static void left_out(struct bench *bench)
{
    bench->inputs[bench->node.input_count++] = -1;
}

static struct graph_attr *attribute(struct bench *bench, const char *name,
                                    enum graph_attr_kind kind)
{
    struct graph_attr *attr = &bench->attrs[bench->node.attr_count++];
    attr->name = name;
    attr->kind = kind;
    return attr;
}

static int run(struct bench *bench)
{
    return engine_evaluate(&bench->context, &bench->node, bench->in, bench->out);
}

static void assert_floats(const struct stance_tensor *tensor, const double *expected, int64_t count)
{
    assert_int_equal(stance_tensor_count(tensor), count);
    for (int64_t i = 0; i < count; i++)
        if (!(fabs(tensor_float(tensor, i) - expected[i]) <= 1e-5))
            fail_msg("element %d is %g, not %g", (int)i, tensor_float(tensor, i), expected[i]);
}

static void assert_ints(const struct stance_tensor *tensor, const int64_t *expected, int64_t count)
{
    assert_int_equal(stance_tensor_count(tensor), count);
    for (int64_t i = 0; i < count; i++)
        assert_int_equal(tensor_int(tensor, i), expected[i]);
}

/* ---- Elementwise ----------------------------------------------------------------------------- */

static void test_integer_division_truncates_and_refuses_zero(void **state)
{
    const int32_t a[] = {7, -7, 7, INT32_MIN}, b[] = {2, 2, -2, -1}, zero[] = {1, 0, 1, 1};
    struct bench bench;
    (void)state;
    open_bench(&bench, "Div", 14);
    vector(&bench, STANCE_INT32, 4, a);
    vector(&bench, STANCE_INT32, 4, b);
    assert_int_equal(run(&bench), 0);
    assert_ints(&bench.out[0], (const int64_t[]){3, -3, -3, INT32_MIN}, 4);
    bench.in[1].data = (void *)zero;
    assert_int_equal(run(&bench), STANCE_EARGUMENT);
    assert_non_null(strstr(stance_error_text(), "division by zero"));
    close_bench(&bench);
}

static void test_int64_arithmetic_does_not_pass_through_double(void **state)
{
    const int64_t a[] = {INT64_MAX - 1, ((int64_t)1 << 53) + 1}, b[] = {1, 0};
    struct bench bench;
    (void)state;
    open_bench(&bench, "Add", 14);
    vector(&bench, STANCE_INT64, 2, a);
    vector(&bench, STANCE_INT64, 2, b);
    assert_int_equal(run(&bench), 0);
    assert_ints(&bench.out[0], (const int64_t[]){INT64_MAX, ((int64_t)1 << 53) + 1}, 2);
    close_bench(&bench);
}

static void test_mod_takes_the_sign_of_the_divisor(void **state)
{
    const int64_t a[] = {-4, 7, 5, 4, -7, 8}, b[] = {2, -3, 8, -2, 3, 5};
    struct bench bench;
    (void)state;
    open_bench(&bench, "Mod", 13);
    vector(&bench, STANCE_INT64, 6, a);
    vector(&bench, STANCE_INT64, 6, b);
    assert_int_equal(run(&bench), 0);
    assert_ints(&bench.out[0], (const int64_t[]){0, -2, 5, 0, 2, 3}, 6);
    attribute(&bench, "fmod", GRAPH_ATTR_INT)->i = 1;
    assert_int_equal(run(&bench), 0);
    assert_ints(&bench.out[0], (const int64_t[]){0, 1, 5, 0, -1, 3}, 6);
    close_bench(&bench);
}

static void test_cast_to_integer_truncates_and_saturates(void **state)
{
    const float x[] = {-1.9f, 2.9f, 300, -300, NAN, INFINITY};
    static const struct {
        int dtype;
        int64_t expected[6];
    } cases[] = {
        {STANCE_INT8, {-1, 2, 127, -128, 0, 127}},
        {STANCE_UINT8, {0, 2, 255, 0, 0, 255}},
        {STANCE_INT64, {-1, 2, 300, -300, 0, INT64_MAX}},
        {STANCE_BOOL, {1, 1, 1, 1, 1, 1}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bench bench;
        open_bench(&bench, "Cast", 13);
        vector(&bench, STANCE_FLOAT32, 6, x);
        attribute(&bench, "to", GRAPH_ATTR_INT)->i = cases[i].dtype;
        assert_int_equal(run(&bench), 0);
        assert_int_equal(bench.out[0].dtype, cases[i].dtype);
        assert_ints(&bench.out[0], cases[i].expected, 6);
        close_bench(&bench);
    }
}

static void test_clip_reads_attributes_before_opset_11(void **state)
{
    const float x[] = {-2, 0.25f, 9};
    struct bench bench;
    (void)state;
    open_bench(&bench, "Clip", 10);
    vector(&bench, STANCE_FLOAT32, 3, x);
    attribute(&bench, "min", GRAPH_ATTR_FLOAT)->f = 0;
    attribute(&bench, "max", GRAPH_ATTR_FLOAT)->f = 6;
    assert_int_equal(run(&bench), 0);
    assert_floats(&bench.out[0], (const double[]){0, 0.25, 6}, 3);
    close_bench(&bench);
}

static void test_shift_beyond_the_type_gives_zero(void **state)
{
    const uint8_t a[] = {255, 255}, b[] = {9, 200};
    struct bench bench;
    (void)state;
    open_bench(&bench, "BitShift", 11);
    vector(&bench, STANCE_UINT8, 2, a);
    vector(&bench, STANCE_UINT8, 2, b);
    attribute(&bench, "direction", GRAPH_ATTR_STRING)->s = "LEFT";
    assert_int_equal(run(&bench), 0);
    assert_ints(&bench.out[0], (const int64_t[]){0, 0}, 2);
    close_bench(&bench);
}

static void test_scalars_and_empty_tensors_are_ordinary(void **state)
{
    const float x = 3, y[] = {1, 2};
    const int64_t empty[] = {0, 2};
    struct bench bench;
    (void)state;
    open_bench(&bench, "Add", 14);
    input(&bench, STANCE_FLOAT32, 0, NULL, &x);
    input(&bench, STANCE_FLOAT32, 0, NULL, &x);
    assert_int_equal(run(&bench), 0);
    assert_int_equal(bench.out[0].rank, 0);
    assert_floats(&bench.out[0], (const double[]){6}, 1);
    bench.node.input_count = 0;
    input(&bench, STANCE_FLOAT32, 2, empty, y);
    vector(&bench, STANCE_FLOAT32, 2, y);
    assert_int_equal(run(&bench), 0);
    assert_int_equal(bench.out[0].dims[0], 0);
    assert_int_equal(bench.out[0].dims[1], 2);
    close_bench(&bench);
}

/* ---- Along axes ------------------------------------------------------------------------------ */

static void test_softmax_sees_a_matrix_before_opset_13(void **state)
{
    const float x[] = {0, 0, 0, 0, 0, 0, 0, 0};
    const int64_t dims[] = {2, 2, 2};
    static const struct {
        int opset;
        double share;
    } cases[] = {{11, 0.25}, {13, 0.5}};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct bench bench;
        open_bench(&bench, "Softmax", cases[i].opset);
        input(&bench, STANCE_FLOAT32, 3, dims, x);
        attribute(&bench, "axis", GRAPH_ATTR_INT)->i = 1;
        assert_int_equal(run(&bench), 0);
        assert_true(fabs(tensor_float(&bench.out[0], 5) - cases[i].share) < 1e-6);
        close_bench(&bench);
    }
}

static void test_reduction_over_nothing_gives_the_neutral_element(void **state)
{
    const int64_t dims[] = {0, 2};
    static const struct {
        const char *type;
        double expected;
    } cases[] = {{"ReduceSum", 0}, {"ReduceProd", 1}, {"ReduceMax", -INFINITY}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const int64_t axis = 0;
        struct bench bench;
        open_bench(&bench, cases[i].type, 13);
        input(&bench, STANCE_FLOAT32, 2, dims, &axis);
        struct graph_attr *axes = attribute(&bench, "axes", GRAPH_ATTR_INTS);
        axes->ints = &axis;
        axes->count = 1;
        assert_int_equal(run(&bench), 0);
        assert_int_equal(stance_tensor_count(&bench.out[0]), 2);
        assert_true(tensor_float(&bench.out[0], 1) == cases[i].expected);
        close_bench(&bench);
    }
}

/* ---- Products -------------------------------------------------------------------------------- */

static void test_einsum_takes_diagonals_and_sums(void **state)
{
    const float a[] = {1, 2, 3, 4}, b[] = {10, 100};
    const int64_t dims[] = {2, 2};
    struct bench bench;
    (void)state;
    open_bench(&bench, "Einsum", 12);
    input(&bench, STANCE_FLOAT32, 2, dims, a);
    vector(&bench, STANCE_FLOAT32, 2, b);
    struct graph_attr *equation = attribute(&bench, "equation", GRAPH_ATTR_STRING);
    equation->s = "ii,i->";
    assert_int_equal(run(&bench), 0);
    assert_floats(&bench.out[0], (const double[]){410}, 1);
    equation->s = "ij,j->ji";
    assert_int_equal(run(&bench), 0);
    assert_floats(&bench.out[0], (const double[]){10, 30, 200, 400}, 4);
    close_bench(&bench);
}

static void test_product_rows_do_not_depend_on_the_batch(void **state)
{
    enum { DEPTH = 37, COLUMNS = 45 };
    static float a[4 * DEPTH], b[DEPTH * COLUMNS];
    const int64_t all[] = {4, DEPTH}, one[] = {1, DEPTH}, right[] = {DEPTH, COLUMNS};
    (void)state;
    for (int i = 0; i < 4 * DEPTH; i++)
        a[i] = sinf((float)i);
    for (int i = 0; i < DEPTH * COLUMNS; i++)
        b[i] = cosf((float)i);
    struct bench batch, alone;
    open_bench(&batch, "MatMul", 13);
    input(&batch, STANCE_FLOAT32, 2, all, a);
    input(&batch, STANCE_FLOAT32, 2, right, b);
    assert_int_equal(run(&batch), 0);
    open_bench(&alone, "MatMul", 13);
    input(&alone, STANCE_FLOAT32, 2, one, a + 3 * DEPTH);
    input(&alone, STANCE_FLOAT32, 2, right, b);
    assert_int_equal(run(&alone), 0);
    assert_memory_equal((float *)batch.out[0].data + 3 * COLUMNS, alone.out[0].data,
                        COLUMNS * sizeof(float));
    close_bench(&batch);
    close_bench(&alone);
}

/* Matrices the other way round and a bias give what Gemm gives, packed or not. */
static void test_matmul_takes_turned_matrices_and_a_bias(void **state)
{
    enum { ROWS = 5, DEPTH = 37, COLUMNS = 45 };
    static float a[ROWS * DEPTH], b[DEPTH * COLUMNS], c[COLUMNS];
    (void)state;
    for (int i = 0; i < DEPTH * COLUMNS; i++)
        b[i] = cosf((float)i);
    for (int i = 0; i < ROWS * DEPTH; i++)
        a[i] = sinf((float)i);
    for (int i = 0; i < COLUMNS; i++)
        c[i] = (float)i;
    static const char *const types[] = {"MatMul", "Gemm"};
    for (int columns = 2; columns <= COLUMNS; columns += COLUMNS - 2) {
        const int64_t left[] = {ROWS, DEPTH}, right[] = {columns, DEPTH}, bias[] = {columns};
        struct bench benches[2];
        for (int i = 0; i < 2; i++) {
            open_bench(&benches[i], types[i], 13);
            input(&benches[i], STANCE_FLOAT32, 2, left, a);
            input(&benches[i], STANCE_FLOAT32, 2, right, b);
            input(&benches[i], STANCE_FLOAT32, 1, bias, c);
            attribute(&benches[i], "transB", GRAPH_ATTR_INT)->i = 1;
            assert_int_equal(run(&benches[i]), 0);
        }
        assert_memory_equal(benches[0].out[0].data, benches[1].out[0].data,
                            (size_t)(ROWS * columns) * sizeof(float));
        for (int k = 0; k < columns; k++) {
            double sum = c[k];
            for (int d = 0; d < DEPTH; d++)
                sum += (double)a[d] * (double)b[k * DEPTH + d];
            assert_true(fabs((double)((float *)benches[0].out[0].data)[k] - sum) < 1e-4);
        }
        for (int i = 0; i < 2; i++)
            close_bench(&benches[i]);
    }
}

/* ---- Recurrent ------------------------------------------------------------------------------- */

static void test_rnn_reverses_each_sequence_within_its_length(void **state)
{
    const float x[] = {1, 2, 4, 8, 16, 32}, w = 1, r = 1;
    const int64_t dims[] = {3, 2, 1}, weight[] = {1, 1, 1};
    const int32_t lengths[] = {3, 2};
    const char *const relu[] = {"Relu"};
    struct bench bench;
    (void)state;
    open_bench(&bench, "RNN", 14);
    input(&bench, STANCE_FLOAT32, 3, dims, x);
    input(&bench, STANCE_FLOAT32, 3, weight, &w);
    input(&bench, STANCE_FLOAT32, 3, weight, &r);
    left_out(&bench);
    vector(&bench, STANCE_INT32, 2, lengths);
    bench.node.output_count = 2;
    attribute(&bench, "direction", GRAPH_ATTR_STRING)->s = "reverse";
    struct graph_attr *activations = attribute(&bench, "activations", GRAPH_ATTR_STRINGS);
    activations->strings = relu;
    activations->count = 1;
    assert_int_equal(run(&bench), 0);
    /* Sequence 0 is 1 4 16, sequence 1 is 2 8; each step adds what comes after it. */
    assert_floats(&bench.out[0], (const double[]){21, 10, 20, 8, 16, 0}, 6);
    assert_floats(&bench.out[1], (const double[]){21, 10}, 2);
    bench.in[4].data = (void *)(const int32_t[]){3, 4};
    assert_int_equal(run(&bench), STANCE_EARGUMENT);
    close_bench(&bench);
}

/* ---- Quantised ------------------------------------------------------------------------------- */

static void test_quantising_rounds_half_to_even_and_saturates(void **state)
{
    const float x[] = {0.5f, 1.5f, -0.5f, 1000, -1000, NAN}, scale = 1;
    const int8_t zero = 1;
    struct bench bench;
    (void)state;
    open_bench(&bench, "QuantizeLinear", 13);
    vector(&bench, STANCE_FLOAT32, 6, x);
    input(&bench, STANCE_FLOAT32, 0, NULL, &scale);
    input(&bench, STANCE_INT8, 0, NULL, &zero);
    assert_int_equal(run(&bench), 0);
    assert_ints(&bench.out[0], (const int64_t[]){1, 3, 1, 127, -128, -128}, 6);
    close_bench(&bench);
}

static void test_scales_that_do_not_fit_are_refused(void **state)
{
    const uint8_t x[6] = {0};
    const float scales[] = {1, 1, 1};
    const uint8_t zeros[] = {1, 1};
    const int64_t dims[] = {2, 3};
    struct bench bench;
    (void)state;
    open_bench(&bench, "DequantizeLinear", 13);
    input(&bench, STANCE_UINT8, 2, dims, x);
    vector(&bench, STANCE_FLOAT32, 3, scales);
    vector(&bench, STANCE_UINT8, 2, zeros);
    assert_int_equal(run(&bench), STANCE_ESHAPE);
    close_bench(&bench);
}

/* ---- Memory ---------------------------------------------------------------------------------- */

static void test_a_failed_allocation_is_an_error(void **state)
{
    static float a[64 * 64], b[64 * 64];
    const int64_t dims[] = {64, 64};
    struct bench bench;
    int code = STANCE_ENOMEMORY, attempts = 0;
    (void)state;
    for (; code == STANCE_ENOMEMORY && attempts < 100; attempts++) {
        long live = base_alloc_live();
        open_bench(&bench, "Gemm", 13);
        input(&bench, STANCE_FLOAT32, 2, dims, a);
        input(&bench, STANCE_FLOAT32, 2, dims, b);
        attribute(&bench, "transA", GRAPH_ATTR_INT)->i = 1;
        base_alloc_fail_at(attempts + 1, 1);
        code = run(&bench);
        base_alloc_fail_at(0, 0);
        close_bench(&bench);
        assert_int_equal(base_alloc_live(), live);
    }
    assert_int_equal(code, 0);
    assert_true(attempts > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integer_division_truncates_and_refuses_zero),
        cmocka_unit_test(test_int64_arithmetic_does_not_pass_through_double),
        cmocka_unit_test(test_mod_takes_the_sign_of_the_divisor),
        cmocka_unit_test(test_cast_to_integer_truncates_and_saturates),
        cmocka_unit_test(test_clip_reads_attributes_before_opset_11),
        cmocka_unit_test(test_shift_beyond_the_type_gives_zero),
        cmocka_unit_test(test_scalars_and_empty_tensors_are_ordinary),
        cmocka_unit_test(test_softmax_sees_a_matrix_before_opset_13),
        cmocka_unit_test(test_reduction_over_nothing_gives_the_neutral_element),
        cmocka_unit_test(test_einsum_takes_diagonals_and_sums),
        cmocka_unit_test(test_product_rows_do_not_depend_on_the_batch),
        cmocka_unit_test(test_matmul_takes_turned_matrices_and_a_bias),
        cmocka_unit_test(test_rnn_reverses_each_sequence_within_its_length),
        cmocka_unit_test(test_quantising_rounds_half_to_even_and_saturates),
        cmocka_unit_test(test_scales_that_do_not_fit_are_refused),
        cmocka_unit_test(test_a_failed_allocation_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
