/* Which values lie in channel blocks, where they are turned around, and how that is printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/memory.h"
#include "onnx/onnx_model.h"
#include "support/sketch.h"
#include "support/small_folder.h"
#include "support/support.h"

static bool can_all(void *context, const struct graph *graph, const struct graph_node *node)
{
    (void)context;
    (void)graph;
    (void)node;
    return true;
}

static bool can_all_but(void *context, const struct graph *graph, const struct graph_node *node)
{
    (void)graph;
    return strcmp(node->type, context) != 0;
}

struct laid {
    struct graph *source, *graph;
};

static struct laid lay(struct graph *source, const char *shape, const char *refused)
{
    struct graph_folder folder = small_folder();
    struct tensor_shape shapes[4];
    struct laid laid = {.source = source};
    for (int i = 0; i < source->input_count; i++)
        assert_int_equal(tensor_shape_parse(&shapes[i], shape), 0);
    assert_int_equal(graph_specialise(&laid.graph, source, shapes, &folder), 0);
    assert_int_equal(graph_fuse(laid.graph), 0);
    assert_int_equal(
        graph_layout(laid.graph, 8, refused ? can_all_but : can_all, (void *)(uintptr_t)refused),
        0);
    return laid;
}

static void close_laid(struct laid *laid)
{
    graph_close(&laid->graph);
    graph_close(&laid->source);
}

/* Inputs and outputs are plain, Reorder turns around, everything else agrees with its neighbours
 * as far as the engine's contract goes. */
static void check_consistent(const struct graph *graph)
{
    for (int i = 0; i < graph->input_count; i++)
        assert_int_equal(graph->values[graph->inputs[i]].block, 0);
    for (int i = 0; i < graph->output_count; i++)
        assert_int_equal(graph->values[graph->outputs[i]].block, 0);
    for (int n = 0; n < graph->node_count; n++) {
        const struct graph_node *node = &graph->nodes[n];
        int out = graph->values[node->outputs[0]].block;
        for (int i = 0; i < node->input_count; i++) {
            if (node->inputs[i] < 0 || graph->values[node->inputs[i]].constant)
                continue;
            const struct graph_value *in = &graph->values[node->inputs[i]];
            assert_true(in->producer < n);
            bool conv = strcmp(node->type, "Conv") == 0 && i == 0;
            bool first = conv && in->shape.dims[1] <= 4, last = conv && out == 0;
            if (strcmp(node->type, "Reorder") == 0)
                assert_true((in->block == 0) != (out == 0));
            else if (!first && !last)
                assert_int_equal(in->block, out);
        }
    }
}

static void expect(struct graph *source, const char *shape, const char *refused, const char *types)
{
    struct laid laid = lay(source, shape, refused);
    check_consistent(laid.graph);
    assert_string_equal(sketch_types(laid.graph), types);
    close_laid(&laid);
}

static void test_first_conv_reads_plain_pixels(void **state)
{
    (void)state;
    struct graph *source = sketch_open(11);
    int x = sketch_input(source, "x", "?x3x16x16");
    int y = sketch_conv(source, "a", x, 3, 24, 1, 3);
    sketch_output(source, sketch_conv(source, "y", y, 24, 16, 1, 3));
    struct laid laid = lay(source, "1x3x16x16", NULL);
    check_consistent(laid.graph);
    assert_string_equal(sketch_types(laid.graph), "Conv Conv");
    assert_int_equal(laid.graph->values[laid.graph->nodes[0].outputs[0]].block, 8);
    assert_string_equal(laid.graph->values[laid.graph->outputs[0]].name, "y");
    close_laid(&laid);
}

static void test_block_of_one_changes_nothing(void **state)
{
    (void)state;
    struct graph *source = sketch_open(11);
    int x = sketch_input(source, "x", "?x16x8x8");
    sketch_output(source, sketch_conv(source, "y", x, 16, 24, 1, 3));
    struct laid laid = lay(source, "1x16x8x8", "Conv");
    assert_int_equal(graph_layout(laid.graph, 1, can_all, NULL), 0);
    assert_string_equal(sketch_types(laid.graph), "Conv");
    close_laid(&laid);
}

static void test_one_reorder_serves_all_users(void **state)
{
    (void)state;
    struct graph *source = sketch_open(11);
    int x = sketch_input(source, "x", "?x16x8x8");
    sketch_output(source, sketch_conv(source, "a", x, 16, 24, 1, 3));
    int b = sketch_conv(source, "b", x, 16, 24, 1, 1);
    sketch_output(source, sketch_apply(source, "Exp", "c", b));
    sketch_output(source, sketch_apply(source, "Softmax", "d", b));
    sketch_output(source, sketch_conv(source, "e", b, 24, 16, 1, 1));
    expect(source, "1x16x8x8", NULL, "Reorder Conv Conv Reorder Exp Softmax Conv");
}

static void test_what_the_engine_cannot_block_is_plain(void **state)
{
    (void)state;
    struct graph *source = sketch_open(11);
    int x = sketch_input(source, "x", "?x16x8x8");
    int y = sketch_conv(source, "a", x, 16, 24, 1, 3);
    y = sketch_apply(source, "GlobalAveragePool", "mean", y);
    sketch_output(source, sketch_conv(source, "y", y, 24, 24, 1, 1));
    expect(source, "1x16x8x8", "GlobalAveragePool", "Reorder Conv GlobalAveragePool Reorder Conv");
}

static void test_attention_stays_blocked(void **state)
{
    (void)state;
    struct graph *source = sketch_open(11);
    int x = sketch_input(source, "x", "?x3x8x8");
    int y = sketch_conv(source, "a", x, 3, 24, 1, 3);
    int gate = sketch_apply(source, "GlobalAveragePool", "mean", y);
    gate = sketch_conv(source, "fc", gate, 24, 24, 1, 1);
    y = sketch_apply(source, "Mul", "scaled", y, gate);
    sketch_output(source, sketch_conv(source, "y", y, 24, 24, 1, 1));
    expect(source, "1x3x8x8", NULL, "Conv GlobalAveragePool Conv Mul Conv");
}

static void test_joining_plain_slices_is_plain(void **state)
{
    (void)state;
    static const int64_t begins[2][1] = {{0}, {1}}, end[] = {INT64_MAX}, axis[] = {2}, step[] = {2};
    struct graph *source = sketch_open(11);
    int x = sketch_input(source, "x", "?x6x8x8"), rows[2];
    for (int i = 0; i < 2; i++)
        rows[i] = sketch_apply(source, "Slice", i ? "odd" : "even", x,
                               sketch_ints(source, 1, begins[i]), sketch_ints(source, 1, end),
                               sketch_ints(source, 1, axis), sketch_ints(source, 1, step));
    int y = sketch_apply(source, "Concat", "joined", rows[0], rows[1]);
    sketch_int(source, "axis", 1);
    sketch_output(source, sketch_conv(source, "y", y, 12, 16, 1, 3));
    expect(source, "1x6x8x8", NULL, "Slice Slice Concat Reorder Conv");
}

static void test_mixed_operands_take_the_cheaper_side(void **state)
{
    (void)state;
    struct graph *source = sketch_open(11);
    int x = sketch_input(source, "x", "?x16x8x8");
    int y = sketch_apply(source, "Exp", "exp", x);
    int z = sketch_conv(source, "a", x, 16, 16, 1, 3);
    z = sketch_apply(source, "Mul", "mixed", y, z);
    sketch_output(source, sketch_conv(source, "y", z, 16, 16, 1, 3));
    expect(source, "1x16x8x8", NULL, "Exp Reorder Conv Reorder Mul Conv");
    source = sketch_open(11);
    x = sketch_input(source, "x", "?x16x8x8");
    y = sketch_apply(source, "Exp", "exp", x);
    z = sketch_conv(source, "a", x, 16, 16, 1, 3);
    z = sketch_apply(source, "Mul", "mixed", y, z);
    sketch_output(source, sketch_apply(source, "Softmax", "y", z));
    expect(source, "1x16x8x8", NULL, "Exp Reorder Conv Mul Softmax");
}

static void test_operators_that_may_leave_the_numbers_stay_plain(void **state)
{
    (void)state;
    static const char *const types[] = {"Exp", "Log", "Sqrt", "Reciprocal"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct graph *source = sketch_open(11);
        int x = sketch_input(source, "x", "?x3x8x8");
        int y = sketch_conv(source, "a", x, 3, 20, 1, 3);
        y = sketch_apply(source, types[i], "b", y);
        sketch_output(source, sketch_conv(source, "y", y, 20, 16, 1, 3));
        struct laid laid = lay(source, "1x3x8x8", NULL);
        check_consistent(laid.graph);
        assert_int_equal(sketch_count(laid.graph, "Reorder"), 1);
        close_laid(&laid);
    }
}

static void test_division_is_blocked_by_a_number_only(void **state)
{
    (void)state;
    static const char *const divisors[] = {"scalar", "20x1x1"};
    for (int i = 0; i < 2; i++) {
        struct graph *source = sketch_open(11);
        int x = sketch_input(source, "x", "?x3x8x8");
        int y = sketch_conv(source, "a", x, 3, 20, 1, 3);
        y = sketch_apply(source, "Tanh", "tanh", y);
        y = sketch_apply(source, "Div", "b", y, sketch_positive(source, divisors[i]));
        sketch_output(source, sketch_conv(source, "y", y, 20, 16, 1, 3));
        struct laid laid = lay(source, "1x3x8x8", NULL);
        check_consistent(laid.graph);
        assert_int_equal(sketch_count(laid.graph, "Reorder"), i == 0 ? 0 : 1);
        close_laid(&laid);
    }
}

static void test_residuals_are_turned_around_too(void **state)
{
    (void)state;
    struct graph *source = sketch_open(11);
    int x = sketch_input(source, "x", "?x3x8x8");
    int y = sketch_conv(source, "a", x, 3, 16, 1, 3);
    int e = sketch_apply(source, "Exp", "exp", y);
    int z = sketch_conv(source, "b", y, 16, 16, 1, 3);
    sketch_output(source, sketch_apply(source, "Add", "sum", z, e));
    struct laid laid = lay(source, "1x3x8x8", NULL);
    check_consistent(laid.graph);
    assert_string_equal(sketch_types(laid.graph), "Conv Reorder Exp Reorder Conv Reorder");
    const struct graph_node *conv = &laid.graph->nodes[4];
    assert_int_equal(conv->epilogue.residual, conv->inputs[3]);
    assert_int_equal(conv->epilogue.residual, laid.graph->nodes[3].outputs[0]);
    close_laid(&laid);
}

static void test_only_images_are_blocked(void **state)
{
    (void)state;
    struct graph *source = sketch_open(11);
    int x = sketch_input(source, "x", "?x3x16");
    int y = sketch_apply(source, "Conv", "a", x, sketch_noise(source, "8x3x3"));
    sketch_output(source, sketch_apply(source, "Softmax", "y", y));
    expect(source, "1x3x16", NULL, "Conv Softmax");
}

/* ---- Text and sizes -------------------------------------------------------------------------- */

static void test_dump_tells_what_was_fused(void **state)
{
    (void)state;
    struct base_buffer text;
    base_buffer_init(&text, 1 << 16);
    struct graph *source = sketch_open(11);
    int x = sketch_input(source, "x", "?x4x8x8");
    int y = sketch_conv(source, "conv", x, 4, 4, 1, 3);
    y = sketch_apply(source, "Add", "sum", y, x);
    sketch_output(source, sketch_apply(source, "Relu", "y", y));
    assert_int_equal(graph_dump(source, &text), 0);
    assert_non_null(strstr(text.data, "input 'x' : ?x4x8x8\n"));
    base_buffer_free(&text);
    struct laid laid = lay(source, "1x4x8x8", NULL);
    assert_int_equal(graph_dump(laid.graph, &text), 0);
    assert_non_null(
        strstr(text.data, "Conv 3x3 + 'x:blocked' → Relu 'conv' : 1x4x8x8 (blocks of 8)"));
    assert_non_null(strstr(text.data, "output 'y' : 1x4x8x8\n"));
    base_buffer_free(&text);
    base_buffer_init(&text, 20);
    assert_int_equal(graph_dump(laid.graph, &text), STANCE_ELIMIT);
    base_buffer_free(&text);
    close_laid(&laid);
}

static void test_multiply_adds_and_parameters(void **state)
{
    (void)state;
    static const int64_t strides[] = {2, 2};
    struct graph *source = sketch_open(11);
    int x = sketch_input(source, "x", "?x6x8x10");
    int y = sketch_conv(source, "conv", x, 6, 4, 2, 3);
    y = sketch_apply(source, "ConvTranspose", "up", y, sketch_noise(source, "4x5x2x2"));
    sketch_list(source, "strides", 2, strides);
    y = sketch_apply(source, "MatMul", "product", y, sketch_noise(source, "20x7"));
    y = sketch_apply(source, "Mul", "scaled", y, sketch_fill(source, "scalar", 2));
    sketch_output(source, y);
    struct laid laid = lay(source, "1x6x8x10", NULL);
    int64_t conv = 4 * 80 * 27, up = 4 * 80 * 5 * 4, product = 5 * 16 * 7 * 20;
    assert_int_equal(graph_multiply_adds(laid.graph), conv + up + product);
    assert_int_equal(graph_parameters(laid.graph), 4 * 27 + 4 + 4 * 5 * 4 + 140);
    close_laid(&laid);
}

/* ---- Whole networks and memory --------------------------------------------------------------- */

static void test_networks_need_few_reorders(void **state)
{
    (void)state;
    static const struct {
        const char *name, *shape;
        int reorders;
    } networks[] = {
        {"rtmpose-s", "2x3x256x192", 0},
        {"rtmdet-nano-320-raw", "1x3x320x320", 0},
        {"stgcnpp", "1x2x100x17x3", 1},
    };
    for (size_t i = 0; i < sizeof networks / sizeof networks[0]; i++) {
        char path[1024];
        struct onnx_model *model;
        struct graph *source;
        struct graph_folder folder = small_folder();
        if (!support_synth_model(networks[i].name, path, sizeof path))
            skip();
        assert_int_equal(onnx_model_open(&model, path), 0);
        assert_int_equal(graph_import(&source, model), 0);
        assert_int_equal(graph_simplify(source, &folder), 0);
        struct laid laid = lay(source, networks[i].shape, NULL);
        check_consistent(laid.graph);
        assert_int_equal(sketch_count(laid.graph, "Reorder"), networks[i].reorders);
        close_laid(&laid);
        onnx_model_close(&model);
    }
}

static void test_no_memory_leaves_nothing_behind(void **state)
{
    (void)state;
    const struct tensor_shape shape = {.rank = 4, .dims = {1, 16, 8, 8}};
    struct graph *source = sketch_open(11);
    int x = sketch_input(source, "x", "?x16x8x8");
    int y = sketch_conv(source, "a", x, 16, 24, 1, 3);
    sketch_output(source, y);
    sketch_output(source, sketch_conv(source, "c", y, 24, 16, 1, 1));
    int code = -1;
    for (int n = 1; code < 0 && n < 1000; n++) {
        long alive = base_alloc_live();
        struct graph *graph;
        assert_int_equal(graph_specialise(&graph, source, &shape, NULL), 0);
        base_alloc_fail_at(n, 1);
        code = graph_layout(graph, 16, can_all, NULL);
        base_alloc_fail_at(0, 0);
        assert_true(code == 0 || code == STANCE_ENOMEMORY);
        graph_close(&graph);
        assert_int_equal(base_alloc_live(), alive);
    }
    assert_int_equal(code, 0);
    graph_close(&source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_conv_reads_plain_pixels),
        cmocka_unit_test(test_block_of_one_changes_nothing),
        cmocka_unit_test(test_one_reorder_serves_all_users),
        cmocka_unit_test(test_what_the_engine_cannot_block_is_plain),
        cmocka_unit_test(test_attention_stays_blocked),
        cmocka_unit_test(test_joining_plain_slices_is_plain),
        cmocka_unit_test(test_mixed_operands_take_the_cheaper_side),
        cmocka_unit_test(test_operators_that_may_leave_the_numbers_stay_plain),
        cmocka_unit_test(test_division_is_blocked_by_a_number_only),
        cmocka_unit_test(test_residuals_are_turned_around_too),
        cmocka_unit_test(test_only_images_are_blocked),
        cmocka_unit_test(test_dump_tells_what_was_fused),
        cmocka_unit_test(test_multiply_adds_and_parameters),
        cmocka_unit_test(test_networks_need_few_reorders),
        cmocka_unit_test(test_no_memory_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
