/* A copy of the graph for fixed shapes: what is inferred, folded and refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/memory.h"
#include "support/fused.h"
#include "support/sketch.h"
#include "support/small_folder.h"

/* Flattens all but the first two axes, as exporters write it. */
static int flatten_by_shape(struct graph *graph, int x)
{
    static const int64_t zero[] = {0}, two[] = {2}, minus[] = {-1};
    int shape = sketch_apply(graph, "Shape", "shape", x);
    shape = sketch_apply(graph, "Slice", "front", shape, sketch_ints(graph, 1, zero),
                         sketch_ints(graph, 1, two), sketch_ints(graph, 1, zero));
    shape = sketch_apply(graph, "Concat", "target", shape, sketch_ints(graph, 1, minus));
    sketch_int(graph, "axis", 0);
    return sketch_apply(graph, "Reshape", "flat", x, shape);
}

static void test_shape_arithmetic_disappears(void **state)
{
    (void)state;
    struct graph *source = sketch_open(11);
    sketch_output(source, flatten_by_shape(source, sketch_input(source, "x", "?x17x8x6")));
    struct graph *graph = fused_specialise(source, "3x17x8x6");
    assert_string_equal(sketch_types(graph), "Reshape");
    fused_expect_shape(graph, graph->outputs[0], "3x17x48");
    assert_string_equal(sketch_types(source), "Shape Slice Concat Reshape");
    graph_close(&graph);
    graph_close(&source);
}

static int try_shape(const struct graph *source, const char *shape)
{
    struct graph *graph;
    struct tensor_shape parsed;
    assert_int_equal(tensor_shape_parse(&parsed, shape), 0);
    int code = graph_specialise(&graph, source, &parsed, NULL);
    graph_close(&graph);
    return code;
}

static void test_only_the_batch_of_a_fixed_input_may_change(void **state)
{
    (void)state;
    struct graph *source = sketch_open(11);
    int x = sketch_input(source, "x", "1x3x8x8");
    sketch_output(source, sketch_conv(source, "conv", x, 3, 4, 1, 3));
    assert_int_equal(try_shape(source, "1x3x8x8"), 0);
    assert_int_equal(try_shape(source, "5x3x8x8"), 0);
    assert_int_equal(try_shape(source, "1x3x8x9"), STANCE_ESHAPE);
    assert_non_null(strstr(stance_error_text(), "'x'"));
    assert_int_equal(try_shape(source, "1x3x8"), STANCE_ESHAPE);
    graph_close(&source);
}

static void test_operators_refuse_shapes_by_name(void **state)
{
    (void)state;
    struct graph *source = sketch_open(11);
    int x = sketch_input(source, "x", "?x3x8x8");
    source->values[x].shape.dims[1] = -1;
    sketch_output(source, sketch_conv(source, "first", x, 3, 4, 1, 3));
    assert_int_equal(try_shape(source, "1x4x8x8"), STANCE_ESHAPE);
    assert_non_null(strstr(stance_error_text(), "'first'"));
    graph_close(&source);
}

static void test_behind_data_dependent_nodes_shapes_stay_open(void **state)
{
    (void)state;
    struct graph *source = sketch_open(11);
    int x = sketch_input(source, "x", "?x4");
    int y = sketch_apply(source, "NonZero", "places", x);
    y = sketch_apply(source, "Transpose", "turned", y);
    sketch_output(source, y);
    struct graph *graph = fused_specialise(source, "2x4");
    assert_int_equal(graph->values[graph->outputs[0]].shape.rank, -1);
    assert_string_equal(sketch_types(graph), "NonZero Transpose");
    graph_close(&graph);
    graph_close(&source);
}

static void test_size_and_parts_of_shapes_are_folded(void **state)
{
    (void)state;
    struct graph *source = sketch_open(15);
    int x = sketch_input(source, "x", "?x3x5");
    sketch_output(source, sketch_apply(source, "Size", "size", x));
    int tail = sketch_apply(source, "Shape", "tail", x);
    sketch_int(source, "start", -2);
    sketch_int(source, "end", 2);
    sketch_output(source, tail);
    struct graph *graph = fused_specialise(source, "2x3x5");
    assert_int_equal(graph->node_count, 0);
    assert_int_equal(tensor_int(&graph->values[graph->outputs[0]].constant->view, 0), 30);
    fused_expect_shape(graph, graph->outputs[1], "1");
    assert_int_equal(tensor_int(&graph->values[graph->outputs[1]].constant->view, 0), 3);
    graph_close(&graph);
    graph_close(&source);
}

static void test_no_memory_leaves_nothing_behind(void **state)
{
    (void)state;
    struct graph_folder folder = small_folder();
    const struct tensor_shape shape = {.rank = 4, .dims = {2, 17, 8, 6}};
    struct graph *source = sketch_open(12);
    sketch_output(source, flatten_by_shape(source, sketch_input(source, "x", "?x17x8x6")));
    int code = -1;
    for (int n = 1; code < 0 && n < 1000; n++) {
        long alive = base_alloc_live();
        struct graph *graph;
        base_alloc_fail_at(n, 1);
        code = graph_specialise(&graph, source, &shape, &folder);
        base_alloc_fail_at(0, 0);
        assert_true(code == 0 || code == STANCE_ENOMEMORY);
        assert_true((code == 0) == (graph != NULL));
        graph_close(&graph);
        assert_int_equal(base_alloc_live(), alive);
    }
    assert_int_equal(code, 0);
    graph_close(&source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shape_arithmetic_disappears),
        cmocka_unit_test(test_only_the_batch_of_a_fixed_input_may_change),
        cmocka_unit_test(test_operators_refuse_shapes_by_name),
        cmocka_unit_test(test_behind_data_dependent_nodes_shapes_stay_open),
        cmocka_unit_test(test_size_and_parts_of_shapes_are_folded),
        cmocka_unit_test(test_no_memory_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
