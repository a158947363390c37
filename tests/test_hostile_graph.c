/* Models that are cyclic, huge or contradictory: an error sentence names node and cause.
 *
 * `test_hostile_graph full` builds longer chains. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "onnx/onnx_write.h"
#include "support/hostile.h"
#include "support/proto.h"

/* A graph around one node: input x [1, 4, 8, 8], output y. */
static void begin(struct onnx_writer *writer)
{
    onnx_writer_init(writer, 1 << 20);
    onnx_writer_opset(writer, "", 11);
    onnx_writer_input(writer, "x", STANCE_FLOAT32, 4, (const int64_t[]){1, 4, 8, 8});
    onnx_writer_output(writer, "y", STANCE_FLOAT32, -1, NULL);
}

static int finish(struct onnx_writer *writer)
{
    struct base_buffer model;
    base_buffer_init(&model, 1 << 20);
    assert_int_equal(onnx_writer_finish(writer, &model), 0);
    onnx_writer_free(writer);
    int code = hostile_try(model.data, model.size);
    base_buffer_free(&model);
    return code;
}

/* An error that names the node and says one of the words (separated by '|'). */
static void expect(int code, const char *node, const char *words)
{
    const char *text = stance_error_text();
    char list[256];
    bool said = false;
    if (code >= 0)
        fail_msg("'%s' was accepted; wanted: %s", node, words);
    snprintf(list, sizeof list, "%s", words);
    for (char *word = list, *end; word; word = end) {
        end = strchr(word, '|');
        if (end)
            *end++ = 0;
        said |= strstr(text, word) != NULL;
    }
    if (!said || !strstr(text, node))
        fail_msg("%s: '%s' lacks '%s' or '%s'", stance_error_name(code), text, node, words);
}

static void add_floats(struct onnx_writer *writer, const char *name, int rank, const int64_t *dims)
{
    static float values[4096];
    struct stance_tensor tensor = {.dtype = STANCE_FLOAT32, .rank = rank, .data = values};
    memcpy(tensor.dims, dims, (size_t)rank * sizeof dims[0]);
    assert_in_range(stance_tensor_count(&tensor), 0, 4096);
    onnx_writer_initializer(writer, name, &tensor);
}

static void add_ints(struct onnx_writer *writer, const char *name, int64_t count,
                     const int64_t *values)
{
    struct stance_tensor tensor = {
        .dtype = STANCE_INT64, .rank = 1, .dims = {count}, .data = (void *)(uintptr_t)values};
    onnx_writer_initializer(writer, name, &tensor);
}

static void test_cycles(void **state)
{
    struct onnx_writer writer;
    begin(&writer);
    onnx_writer_node(&writer, "Add", "first", "x,b", "a");
    onnx_writer_node(&writer, "Relu", "second", "a", "b");
    onnx_writer_node(&writer, "Relu", "third", "b", "y");
    expect(finish(&writer), "", "cycle|circle");
    begin(&writer);
    onnx_writer_node(&writer, "Relu", "itself", "y", "y");
    expect(finish(&writer), "itself", "cycle|circle|itself");
}

static void test_missing_things(void **state)
{
    struct onnx_writer writer;
    begin(&writer);
    onnx_writer_node(&writer, "Add", "victim", "x,nowhere", "y");
    expect(finish(&writer), "victim", "nowhere");
    begin(&writer);
    onnx_writer_node(&writer, "Conv", "victim", "x", "y");
    expect(finish(&writer), "victim", "input");
    begin(&writer);
    onnx_writer_node(&writer, "Add", "victim", "x,", "y");
    expect(finish(&writer), "victim", "input");
    begin(&writer);
    onnx_writer_node(&writer, "Relu", "victim", "x", "z");
    expect(finish(&writer), "'y'", "output|produces|nothing|not made");
    begin(&writer);
    onnx_writer_node(&writer, "Relu", "victim", "x,x,x", "y");
    expect(finish(&writer), "victim", "inputs");
    begin(&writer);
    onnx_writer_node(&writer, "Relu", "first", "x", "y");
    onnx_writer_node(&writer, "Relu", "victim", "x", "y");
    expect(finish(&writer), "'y'", "twice|already|two");
    begin(&writer);
    onnx_writer_node(&writer, "NoSuchOperator", "victim", "x", "y");
    expect(finish(&writer), "victim", "NoSuchOperator");
    begin(&writer);
    onnx_writer_node(&writer, "Relu", "victim", "x", "y");
    onnx_writer_domain(&writer, "com.unknown");
    expect(finish(&writer), "victim", "com.unknown");
}

static void test_types_that_do_not_fit(void **state)
{
    struct onnx_writer writer;
    begin(&writer);
    add_ints(&writer, "i", 8, (const int64_t[8]){0});
    onnx_writer_node(&writer, "Add", "victim", "x,i", "y");
    expect(finish(&writer), "victim", "type|int64");
    begin(&writer);
    add_ints(&writer, "i", 1, (const int64_t[1]){0});
    onnx_writer_node(&writer, "Gather", "victim", "x,x", "y");
    expect(finish(&writer), "victim", "type|integer|float32");
    begin(&writer);
    onnx_writer_node(&writer, "Not", "victim", "x", "y");
    expect(finish(&writer), "victim", "type|bool");
    begin(&writer);
    onnx_writer_node(&writer, "Reshape", "victim", "x,x", "y");
    expect(finish(&writer), "victim", "type|int64");
    begin(&writer);
    add_ints(&writer, "i", 4, (const int64_t[4]){0});
    onnx_writer_node(&writer, "Conv", "victim", "x,i", "y");
    expect(finish(&writer), "victim", "type|rank|float");
}

static void test_shapes_that_do_not_fit(void **state)
{
    struct onnx_writer writer;
    begin(&writer);
    add_floats(&writer, "w", 4, (const int64_t[]){2, 3, 3, 3});
    onnx_writer_node(&writer, "Conv", "victim", "x,w", "y");
    expect(finish(&writer), "victim", "channel");
    begin(&writer);
    add_floats(&writer, "w", 4, (const int64_t[]){2, 4, 9, 9});
    onnx_writer_node(&writer, "Conv", "victim", "x,w", "y");
    expect(finish(&writer), "victim", "kernel|fit|size|large");
    begin(&writer);
    add_floats(&writer, "w", 2, (const int64_t[]){3, 3});
    onnx_writer_node(&writer, "MatMul", "victim", "x,w", "y");
    expect(finish(&writer), "victim", "3");
    begin(&writer);
    add_ints(&writer, "s", 2, (const int64_t[]){7, 7});
    onnx_writer_node(&writer, "Reshape", "victim", "x,s", "y");
    expect(finish(&writer), "victim", "7x7|256|elements");
    begin(&writer);
    onnx_writer_node(&writer, "Transpose", "victim", "x", "y");
    onnx_writer_ints(&writer, "perm", (const int64_t[]){0, 0, 1, 9}, 4);
    expect(finish(&writer), "victim", "perm|twice");
    begin(&writer);
    onnx_writer_node(&writer, "Softmax", "victim", "x", "y");
    onnx_writer_int(&writer, "axis", 1000000000);
    expect(finish(&writer), "victim", "axis");
    begin(&writer);
    onnx_writer_node(&writer, "MaxPool", "victim", "x", "y");
    onnx_writer_ints(&writer, "kernel_shape", (const int64_t[]){0, -3}, 2);
    expect(finish(&writer), "victim", "kernel");
    begin(&writer);
    onnx_writer_node(&writer, "MaxPool", "victim", "x", "y");
    onnx_writer_ints(&writer, "kernel_shape", (const int64_t[]){2, 2}, 2);
    onnx_writer_ints(&writer, "strides", (const int64_t[]){0, 0}, 2);
    expect(finish(&writer), "victim", "stride");
}

/* Results of a thousand million elements and more out of a small file. */
static void test_huge_results(void **state)
{
    static const int64_t huge[] = {1000000000, 1000000000}, long_one[] = {5000000000};
    static const int64_t wide[] = {1, 4, 100000, 100000};
    struct onnx_writer writer;
    begin(&writer);
    add_ints(&writer, "s", 2, huge);
    onnx_writer_node(&writer, "ConstantOfShape", "victim", "s", "y");
    expect(finish(&writer), "victim", "limit|elements|more than|larger than");
    begin(&writer);
    add_ints(&writer, "s", 1, long_one);
    onnx_writer_node(&writer, "ConstantOfShape", "victim", "s", "y");
    expect(finish(&writer), "victim", "limit|elements|more than|larger than");
    begin(&writer);
    add_ints(&writer, "s", 4, wide);
    onnx_writer_node(&writer, "Tile", "victim", "x,s", "y");
    expect(finish(&writer), "victim", "limit|elements|more than|larger than|large");
    begin(&writer);
    add_ints(&writer, "s", 4, (const int64_t[]){100000, 4, 8, 8});
    onnx_writer_node(&writer, "Expand", "victim", "x,s", "z");
    onnx_writer_node(&writer, "Expand", "second", "z,t", "y");
    add_ints(&writer, "t", 5, (const int64_t[]){100000, 100000, 4, 8, 8});
    expect(finish(&writer), "", "limit|elements|more than|larger than|large");
    begin(&writer);
    onnx_writer_node(&writer, "ConvTranspose", "victim", "x,w", "y");
    add_floats(&writer, "w", 4, (const int64_t[]){4, 1, 1, 1});
    onnx_writer_ints(&writer, "strides", (const int64_t[]){100000000, 100000000}, 2);
    expect(finish(&writer), "victim", "limit|elements|more than|larger than|large|stride");
    begin(&writer);
    onnx_writer_node(&writer, "Upsample", "victim", "x", "y");
    onnx_writer_floats(&writer, "scales", (const float[]){1, 1, 1e9f, 1e9f}, 4);
    expect(finish(&writer), "victim", "limit|elements|more than|larger than|large|scale|opset");
    begin(&writer);
    onnx_writer_node(&writer, "MaxPool", "victim", "x", "y");
    onnx_writer_ints(&writer, "kernel_shape", (const int64_t[]){1, 1}, 2);
    onnx_writer_ints(&writer, "pads", (const int64_t[]){1 << 30, 1 << 30, 1 << 30, 1 << 30}, 4);
    expect(finish(&writer), "victim", "limit|pads|padding|large|elements");
}

static void test_huge_and_negative_inputs(void **state)
{
    static const int64_t dims[][4] = {{1, 3, 1000000000, 1000000000},
                                      {1000000000, 3, 8, 8},
                                      {INT64_MAX, INT64_MAX, 2, 2},
                                      {1, 3, -7, 8},
                                      {1, INT64_MIN, 8, 8}};
    for (size_t i = 0; i < sizeof dims / sizeof dims[0]; i++) {
        struct onnx_writer writer;
        onnx_writer_init(&writer, 1 << 20);
        onnx_writer_opset(&writer, "", 11);
        struct base_buffer info = proto_make(), type = proto_make(), tensor = proto_make();
        struct base_buffer shape = proto_make();
        for (int k = 0; k < 4; k++) {
            struct base_buffer dim = proto_make();
            proto_int(&dim, 1, dims[i][k]);
            proto_message(&shape, 1, &dim);
        }
        proto_int(&tensor, 1, STANCE_FLOAT32);
        proto_message(&tensor, 2, &shape);
        proto_message(&type, 1, &tensor);
        proto_string(&info, 1, "x");
        proto_message(&info, 2, &type);
        proto_message(&writer.graph, 11, &info);
        onnx_writer_output(&writer, "y", STANCE_FLOAT32, -1, NULL);
        onnx_writer_node(&writer, "Relu", "victim", "x", "y");
        int code = finish(&writer);
        if (i < 3 && code >= 0)
            fail_msg("input shape %zu was accepted", i);
        assert_true(code == 0 || strstr(stance_error_text(), "'x'"));
    }
}

static int try_weights(int64_t first, int64_t second, size_t bytes)
{
    struct onnx_writer writer;
    struct base_buffer tensor = proto_make();
    char zeros[64] = {0};
    begin(&writer);
    onnx_writer_node(&writer, "MatMul", "victim", "x,weights", "y");
    proto_int(&tensor, 1, first);
    proto_int(&tensor, 1, second);
    proto_int(&tensor, 2, STANCE_FLOAT32);
    proto_string(&tensor, 8, "weights");
    proto_bytes(&tensor, 9, zeros, bytes);
    proto_message(&writer.graph, 5, &tensor);
    return finish(&writer);
}

static void test_weights_of_wrong_length(void **state)
{
    expect(try_weights(2, 2, 12), "weights", "12|bytes");
    expect(try_weights(2, 2, 20), "weights", "20|bytes");
    expect(try_weights(2, 2, 0), "weights", "bytes|values");
    expect(try_weights(1000000000, 1000000000, 16), "weights", "bytes|elements|limit");
    expect(try_weights(INT64_MAX, INT64_MAX, 16), "weights", "bytes|elements|limit");
    expect(try_weights(-2, -2, 16), "weights", "negative|dim");
    expect(try_weights(-1, 4, 16), "weights", "negative|dim");
}

static struct base_buffer nested_graph(int levels)
{
    struct base_buffer graph = proto_make();
    for (int i = 0; i < levels; i++) {
        struct base_buffer attribute = proto_make(), node = proto_make(), outer = proto_make();
        proto_string(&attribute, 1, "then_branch");
        proto_message(&attribute, 6, &graph);
        proto_int(&attribute, 20, 5);
        proto_string(&node, 4, "If");
        proto_message(&node, 5, &attribute);
        proto_message(&outer, 1, &node);
        graph = outer;
    }
    return graph;
}

static void test_nesting(void **state)
{
    static const int levels[] = {1, 10, 20, 21, 22, 100, 5000};
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        struct onnx_writer writer;
        struct base_buffer graph = nested_graph(levels[i]);
        begin(&writer);
        onnx_writer_node(&writer, "Relu", "", "x", "y");
        assert_int_equal(base_buffer_append(&writer.graph, graph.data, graph.size), 0);
        base_buffer_free(&graph);
        expect(finish(&writer), "", "nested|If");
    }
}

/* Nodes that each read what the one before made: deep recursion would find the stack's end. */
static void test_long_chains(void **state)
{
    struct onnx_writer writer;
    struct base_buffer model;
    onnx_writer_init(&writer, 64 << 20);
    onnx_writer_opset(&writer, "", 11);
    onnx_writer_input(&writer, "v0", STANCE_FLOAT32, 1, (const int64_t[]){4});
    int nodes = hostile_full ? 50000 : 5000;
    for (int i = nodes; i > 0; i--) { /* last node first: the reader has to sort them */
        char from[16], to[16];
        snprintf(from, sizeof from, "v%d", i - 1);
        snprintf(to, sizeof to, "v%d", i);
        onnx_writer_node(&writer, i % 2 ? "Neg" : "Relu", "", from, to);
        if (i == nodes)
            onnx_writer_output(&writer, to, STANCE_FLOAT32, 1, (const int64_t[]){4});
    }
    base_buffer_init(&model, 64 << 20);
    assert_int_equal(onnx_writer_finish(&writer, &model), 0);
    onnx_writer_free(&writer);
    assert_int_equal(hostile_try(model.data, model.size), 0);
    base_buffer_free(&model);
}

/* Constants that grow sevenfold with each node: folding has to stop. */
static void test_constants_that_grow(void **state)
{
    struct onnx_writer writer;
    begin(&writer);
    add_floats(&writer, "c0", 1, (const int64_t[]){1000});
    for (int i = 0; i < 20; i++) {
        char inputs[64], to[16];
        snprintf(to, sizeof to, "c%d", i + 1);
        snprintf(inputs, sizeof inputs, "c%d,c%d,c%d,c%d,c%d,c%d,c%d", i, i, i, i, i, i, i);
        onnx_writer_node(&writer, "Concat", to, inputs, to);
        onnx_writer_int(&writer, "axis", 0);
    }
    onnx_writer_node(&writer, "ReduceSum", "sum", "c20", "s");
    onnx_writer_node(&writer, "Add", "last", "x,s", "y");
    expect(finish(&writer), "", "limit|elements|more than|larger than|large");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cycles),
        cmocka_unit_test(test_missing_things),
        cmocka_unit_test(test_types_that_do_not_fit),
        cmocka_unit_test(test_shapes_that_do_not_fit),
        cmocka_unit_test(test_huge_results),
        cmocka_unit_test(test_huge_and_negative_inputs),
        cmocka_unit_test(test_weights_of_wrong_length),
        cmocka_unit_test(test_nesting),
        cmocka_unit_test(test_long_chains),
        cmocka_unit_test(test_constants_that_grow),
        cmocka_unit_test(test_the_peak_of_memory_is_bounded),
    };
    hostile_full = argc > 1 && strcmp(argv[1], "full") == 0;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
