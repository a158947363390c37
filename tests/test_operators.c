/* What the conformance cases leave open about generic operators: bad indices, empty tensors, fused
 * epilogues, results of planning runs, ties and rounding. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/memory.h"
#include "engine/fold.h"
#include "engine/op_memory.h"

enum { MOST = 6 };

struct run {
    struct engine_context context;
    struct graph_node node;
    struct graph_attr attrs[MOST];
    struct stance_tensor in[MOST], out[MOST];
    int inputs[MOST], outputs[MOST];
};

static void begin(struct run *run, const char *type, int opset, int outputs)
{
    *run = (struct run){.context.opset = opset};
    run->context.kernels = kernel_table(BASE_CPU_REF);
    assert_int_equal(base_pool_open(&run->context.pool, 1), 0);
    assert_int_equal(engine_memory_open(&run->context.memory, (size_t)64 << 20), 0);
    run->node = (struct graph_node){.type = type,
                                    .domain = "",
                                    .name = "",
                                    .op = graph_op_find("", type),
                                    .output_count = outputs,
                                    .inputs = run->inputs,
                                    .outputs = run->outputs,
                                    .attrs = run->attrs,
                                    .epilogue.residual = -1};
    assert_non_null(run->node.op);
    for (int i = 0; i < outputs; i++)
        run->outputs[i] = 100 + i;
}

static void add_input(struct run *run, int dtype, const void *data, int rank, const int64_t *dims)
{
    int i = run->node.input_count++;
    run->inputs[i] = i;
    run->in[i] = (struct stance_tensor){.dtype = dtype, .rank = rank, .data = (void *)data};
    if (rank > 0)
        memcpy(run->in[i].dims, dims, (size_t)rank * sizeof *dims);
}

#define DIMS(...)                                                                                  \
    (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (const int64_t[])                   \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

static void add_ints(struct run *run, const char *name, int count, const int64_t *values)
{
    run->attrs[run->node.attr_count++] =
        (struct graph_attr){.name = name, .kind = GRAPH_ATTR_INTS, .count = count, .ints = values};
}

static void add_string(struct run *run, const char *name, const char *value)
{
    run->attrs[run->node.attr_count++] =
        (struct graph_attr){.name = name, .kind = GRAPH_ATTR_STRING, .s = value};
}

static int evaluate(struct run *run)
{
    int code = engine_evaluate(&run->context, &run->node, run->in, run->out);
    engine_memory_end_call(run->context.memory);
    return code;
}

static void end(struct run *run)
{
    engine_memory_close(&run->context.memory);
    base_pool_close(&run->context.pool);
}

static const float ramp[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};

static void test_indices_out_of_range_are_errors(void **state)
{
    static const char *const types[] = {"Gather", "GatherElements", "GatherND", "ScatterElements",
                                        "ScatterND"};
    static const int64_t bad[] = {3, -4, INT64_MAX, INT64_MIN};
    (void)state;
    for (int t = 0; t < 5; t++)
        for (int i = 0; i < 4; i++) {
            struct run run;
            begin(&run, types[t], 18, 1);
            add_input(&run, STANCE_FLOAT32, ramp, DIMS(3));
            if (strstr(types[t], "ND"))
                add_input(&run, STANCE_INT64, &bad[i], DIMS(1, 1));
            else
                add_input(&run, STANCE_INT64, &bad[i], DIMS(1));
            if (strstr(types[t], "Scatter"))
                add_input(&run, STANCE_FLOAT32, ramp, DIMS(1));
            assert_int_equal(evaluate(&run), STANCE_EARGUMENT);
            assert_non_null(strstr(stance_error_text(), "outside of 3 elements"));
            end(&run);
        }
}

static void test_roi_of_a_missing_image_is_an_error(void **state)
{
    static const int64_t image = 1;
    static const float box[] = {0, 0, 1, 1}, far[] = {0, 0, 1e30f, 1};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct run run;
        static const int64_t first = 0;
        begin(&run, "RoiAlign", 16, 1);
        add_input(&run, STANCE_FLOAT32, ramp, DIMS(1, 1, 3, 4));
        add_input(&run, STANCE_FLOAT32, i == 0 ? box : far, DIMS(1, 4));
        add_input(&run, STANCE_INT64, i == 0 ? &image : &first, DIMS(1));
        assert_int_equal(evaluate(&run), i == 0 ? STANCE_EARGUMENT : STANCE_ELIMIT);
        end(&run);
    }
}

/* Planning: the values are not known, so every row that could ever come must have room. */
static void test_planning_runs_give_the_most_rows(void **state)
{
    static const float scores[12] = {0}, boxes[24] = {0}, overlap = 0.5f, threshold = 0.5f;
    static const int64_t most = 2;
    struct run run;
    (void)state;
    begin(&run, "NonMaxSuppression", 11, 1);
    run.context.worst_case = true;
    add_input(&run, STANCE_FLOAT32, boxes, DIMS(2, 3, 4));
    add_input(&run, STANCE_FLOAT32, scores, DIMS(2, 2, 3));
    add_input(&run, STANCE_INT64, &most, 0, NULL);
    add_input(&run, STANCE_FLOAT32, &overlap, 0, NULL);
    add_input(&run, STANCE_FLOAT32, &threshold, 0, NULL);
    assert_int_equal(evaluate(&run), 0);
    assert_int_equal(run.out[0].dims[0], 2 * 2 * 2);
    for (int row = 0; row < 8; row++) {
        const int64_t *at = (const int64_t *)run.out[0].data + 3 * row;
        assert_true(at[0] == row / 4 && at[1] == row / 2 % 2 && at[2] == row % 2);
    }
    run.context.worst_case = false;
    assert_int_equal(evaluate(&run), 0);
    assert_int_equal(run.out[0].dims[0], 0);
    end(&run);

    static const char *const types[] = {"NonZero", "Unique", "Compress"};
    static const uint8_t nothing[6] = {0};
    for (int t = 0; t < 3; t++) {
        begin(&run, types[t], 13, 1);
        add_input(&run, STANCE_FLOAT32, scores, DIMS(6));
        if (t == 2)
            add_input(&run, STANCE_BOOL, nothing, DIMS(6));
        run.context.worst_case = true;
        assert_int_equal(evaluate(&run), 0);
        assert_int_equal(run.out[0].dims[run.out[0].rank - 1], 6);
        run.context.worst_case = false;
        assert_int_equal(evaluate(&run), 0);
        assert_int_equal(run.out[0].dims[run.out[0].rank - 1], t == 1 ? 1 : 0);
        end(&run);
    }
}

static void test_conv_applies_its_epilogue(void **state)
{
    static const float weight = -1, bias = 2, residual[] = {1, 1, 1, -9, 1, 1};
    static const float before[] = {3, 2, 1, 0, 0, 0}, after[] = {3, 2, 1, -9, 1, 1};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct run run;
        begin(&run, "Conv", 13, 1);
        add_input(&run, STANCE_FLOAT32, ramp, DIMS(1, 1, 6));
        add_input(&run, STANCE_FLOAT32, &weight, DIMS(1, 1, 1));
        add_input(&run, STANCE_FLOAT32, &bias, DIMS(1));
        add_input(&run, STANCE_FLOAT32, residual, DIMS(1, 1, 6));
        run.node.epilogue = (struct graph_epilogue){
            .activation = GRAPH_RELU, .residual = 3, .residual_before_activation = i == 0};
        assert_int_equal(evaluate(&run), 0);
        assert_memory_equal(run.out[0].data, i == 0 ? before : after, sizeof before);
        end(&run);
    }
}

static void test_empty_tensors_pass_through(void **state)
{
    static const int64_t axis_pads[] = {0, 0, 0, 0}, none = 0, two[] = {1, 2};
    static const float scales[] = {2, 2};
    struct {
        const char *type;
        const void *second;
        int dtype;
        int64_t count;
    } cases[] = {
        {"Transpose", NULL, 0, 0},
        {"Concat", NULL, 0, 0},
        {"Pad", axis_pads, STANCE_INT64, 4},
        {"Tile", two, STANCE_INT64, 2},
        {"Gather", &none, STANCE_INT64, 0},
        {"NonZero", NULL, 0, 0},
        {"Upsample", scales, STANCE_FLOAT32, 2},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct run run;
        begin(&run, cases[i].type, strcmp(cases[i].type, "Upsample") == 0 ? 9 : 13, 1);
        add_input(&run, STANCE_FLOAT32, ramp, DIMS(0, 3));
        if (cases[i].second)
            add_input(&run, cases[i].dtype, cases[i].second, DIMS(cases[i].count));
        if (strcmp(cases[i].type, "Concat") == 0)
            run.attrs[run.node.attr_count++] =
                (struct graph_attr){.name = "axis", .kind = GRAPH_ATTR_INT, .i = 0};
        assert_int_equal(evaluate(&run), 0);
        assert_int_equal(stance_tensor_count(&run.out[0]), 0);
        end(&run);
    }
}

static void test_transpose_moves_large_tensors_in_squares(void **state)
{
    enum { ROWS = 70, COLUMNS = 333 };
    static const int64_t perm[] = {0, 2, 1};
    static uint16_t in[2 * ROWS * COLUMNS];
    struct run run;
    (void)state;
    for (int i = 0; i < 2 * ROWS * COLUMNS; i++)
        in[i] = (uint16_t)i;
    begin(&run, "Transpose", 13, 1);
    add_input(&run, STANCE_UINT16, in, DIMS(2, ROWS, COLUMNS));
    add_ints(&run, "perm", 3, perm);
    assert_int_equal(evaluate(&run), 0);
    const uint16_t *out = run.out[0].data;
    for (int image = 0; image < 2; image++)
        for (int y = 0; y < ROWS; y++)
            for (int x = 0; x < COLUMNS; x++)
                assert_int_equal(out[(image * COLUMNS + x) * ROWS + y],
                                 in[(image * ROWS + y) * COLUMNS + x]);
    end(&run);
}

static void test_integers_resize_toward_zero_and_saturate(void **state)
{
    static const uint8_t in[] = {0, 255, 0, 255};
    static const float scales[] = {1, 1, 1, 2};
    struct run run;
    (void)state;
    begin(&run, "Resize", 13, 1);
    add_input(&run, STANCE_UINT8, in, DIMS(1, 1, 1, 4));
    run.inputs[run.node.input_count++] = -1;
    add_input(&run, STANCE_FLOAT32, scales, DIMS(4));
    add_string(&run, "mode", "cubic");
    assert_int_equal(evaluate(&run), 0);
    const uint8_t *out = run.out[0].data;
    assert_int_equal(out[0], 0); /* the cubic filter goes below zero here */
    assert_int_equal(out[7], 255);
    end(&run);
}

static void test_ties_of_top_k_go_to_the_lower_index(void **state)
{
    static const float in[] = {1, 3, 3, 0, -0.0f, 3, 1};
    static const int64_t k = 5, expected[] = {1, 2, 5, 0, 6};
    struct run run;
    (void)state;
    begin(&run, "TopK", 11, 2);
    add_input(&run, STANCE_FLOAT32, in, DIMS(7));
    add_input(&run, STANCE_INT64, &k, DIMS(1));
    assert_int_equal(evaluate(&run), 0);
    assert_memory_equal(run.out[1].data, expected, sizeof expected);
    end(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_indices_out_of_range_are_errors),
        cmocka_unit_test(test_roi_of_a_missing_image_is_an_error),
        cmocka_unit_test(test_planning_runs_give_the_most_rows),
        cmocka_unit_test(test_conv_applies_its_epilogue),
        cmocka_unit_test(test_empty_tensors_pass_through),
        cmocka_unit_test(test_transpose_moves_large_tensors_in_squares),
        cmocka_unit_test(test_integers_resize_toward_zero_and_saturate),
        cmocka_unit_test(test_ties_of_top_k_go_to_the_lower_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
