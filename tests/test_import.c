/* From ONNX files to graphs: what is accepted, and what is refused with which sentence. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/memory.h"
#include "graph/graph.h"
#include "onnx/onnx_model.h"
#include "onnx/onnx_write.h"
#include "support/proto.h"
#include "support/support.h"

static const int64_t dims[] = {1, 4};
static float numbers[] = {1, 2, 3, 4};
static const struct stance_tensor weights = {STANCE_FLOAT32, 2, {1, 4}, numbers};

/* A model of opset 17 with an input "x" and an output "y". */
static struct onnx_writer start(void)
{
    struct onnx_writer writer;
    onnx_writer_init(&writer, 1 << 20);
    onnx_writer_opset(&writer, "", 17);
    onnx_writer_input(&writer, "x", STANCE_FLOAT32, 2, dims);
    onnx_writer_output(&writer, "y", STANCE_FLOAT32, 2, dims);
    return writer;
}

static int import_bytes(struct graph **graph, struct base_buffer *bytes)
{
    struct onnx_model *model;
    *graph = NULL;
    int code = onnx_model_parse(&model, bytes->data, bytes->size, NULL);
    if (code == 0)
        code = graph_import(graph, model);
    onnx_model_close(&model);
    return code;
}

/* Finishes the writer and imports; the bytes stay in `bytes`, which the graph's weights view. */
static int import(struct graph **graph, struct onnx_writer *writer, struct base_buffer *bytes)
{
    base_buffer_init(bytes, 1 << 20);
    assert_int_equal(onnx_writer_finish(writer, bytes), 0);
    onnx_writer_free(writer);
    return import_bytes(graph, bytes);
}

static void check_refused(struct onnx_writer *writer, int code, const char *words)
{
    struct base_buffer bytes;
    struct graph *graph;
    assert_int_equal(import(&graph, writer, &bytes), code);
    assert_null(graph);
    if (!strstr(stance_error_text(), words))
        fail_msg("'%s' does not say '%s'", stance_error_text(), words);
    base_buffer_free(&bytes);
}

static int find_value(const struct graph *graph, const char *name)
{
    for (int i = 0; i < graph->value_count; i++)
        if (strcmp(graph->values[i].name, name) == 0)
            return i;
    fail_msg("no value '%s'", name);
    return -1;
}

static void test_import_builds_values_and_nodes(void **state)
{
    (void)state;
    struct onnx_writer writer = start();
    struct base_buffer bytes;
    struct graph *graph;
    onnx_writer_initializer(&writer, "w", &weights);
    onnx_writer_node(&writer, "Add", "add", "x,w", "s");
    onnx_writer_node(&writer, "Clip", "", "s,,w", "y");
    onnx_writer_node(&writer, "TopK", "top", "y,k", ",i");
    onnx_writer_int(&writer, "axis", 1);
    onnx_writer_node(&writer, "Constant", "", NULL, "k");
    onnx_writer_ints(&writer, "value_ints", (int64_t[]){2}, 1);
    assert_int_equal(import(&graph, &writer, &bytes), 0);
    assert_int_equal(graph->opset, 17);
    assert_int_equal(graph->node_count, 3);
    assert_int_equal(graph->input_count, 1);
    assert_int_equal(graph->output_count, 1);
    assert_string_equal(graph->values[graph->inputs[0]].name, "x");
    assert_int_equal(graph->values[graph->inputs[0]].shape.dims[1], 4);
    const struct graph_value *w = &graph->values[find_value(graph, "w")];
    assert_int_equal(tensor_float(&w->constant->view, 3), 4);
    const struct graph_node *clip = &graph->nodes[1];
    assert_int_equal(clip->input_count, 3);
    assert_int_equal(clip->inputs[1], -1);
    assert_int_equal(graph->values[clip->outputs[0]].producer, 1);
    const struct graph_node *top = &graph->nodes[2];
    assert_string_equal(top->name, "top");
    assert_int_equal(top->outputs[0], -1);
    assert_int_equal(graph_attr_int(top, "axis", -1), 1);
    assert_int_equal(graph_attr_int(top, "sorted", 7), 7);
    graph_close(&graph);
    base_buffer_free(&bytes);
}

static void test_constant_nodes_become_constants(void **state)
{
    (void)state;
    struct onnx_writer writer = start();
    struct base_buffer bytes;
    struct graph *graph;
    onnx_writer_node(&writer, "Constant", "", NULL, "a");
    onnx_writer_tensor(&writer, "value", &weights);
    onnx_writer_node(&writer, "Constant", "", NULL, "b");
    onnx_writer_float(&writer, "value_float", 2.5F);
    onnx_writer_node(&writer, "Constant", "", NULL, "c");
    onnx_writer_int(&writer, "value_int", -3);
    onnx_writer_node(&writer, "Constant", "", NULL, "d");
    onnx_writer_floats(&writer, "value_floats", numbers, 3);
    onnx_writer_node(&writer, "Sum", "", "x,a,b", "y");
    assert_int_equal(import(&graph, &writer, &bytes), 0);
    assert_int_equal(graph->node_count, 1);
    const struct stance_tensor *c = &graph->values[find_value(graph, "c")].constant->view;
    assert_int_equal(c->rank, 0);
    assert_int_equal(tensor_int(c, 0), -3);
    assert_int_equal(graph->values[find_value(graph, "d")].shape.dims[0], 3);
    assert_true(tensor_float(&graph->values[find_value(graph, "b")].constant->view, 0) == 2.5);
    graph_close(&graph);
    base_buffer_free(&bytes);
    writer = start();
    onnx_writer_node(&writer, "Constant", "c", NULL, "y");
    onnx_writer_string(&writer, "value_string", "hello");
    check_refused(&writer, STANCE_EUNSUPPORTED, "node 0 'c' (Constant)");
}

static void test_nodes_are_sorted(void **state)
{
    (void)state;
    struct onnx_writer writer = start();
    struct base_buffer bytes;
    struct graph *graph;
    onnx_writer_node(&writer, "Relu", "last", "b", "y");
    onnx_writer_node(&writer, "Add", "middle", "a,x", "b");
    onnx_writer_node(&writer, "Exp", "first", "x", "a");
    assert_int_equal(import(&graph, &writer, &bytes), 0);
    assert_string_equal(graph->nodes[0].name, "first");
    assert_string_equal(graph->nodes[1].name, "middle");
    assert_string_equal(graph->nodes[2].name, "last");
    assert_int_equal(graph->values[find_value(graph, "a")].producer, 0);
    graph_close(&graph);
    base_buffer_free(&bytes);
}

static void test_cycles_are_refused(void **state)
{
    (void)state;
    struct onnx_writer writer = start();
    onnx_writer_node(&writer, "Add", "one", "x,b", "a");
    onnx_writer_node(&writer, "Relu", "two", "a", "b");
    onnx_writer_node(&writer, "Relu", "three", "a", "y");
    check_refused(&writer, STANCE_EFORMAT, "cycle");
    writer = start();
    onnx_writer_node(&writer, "Add", "self", "x,y", "y");
    check_refused(&writer, STANCE_EFORMAT, "node 0 'self' (Add)");
}

static void test_bad_names_are_refused(void **state)
{
    (void)state;
    struct onnx_writer writer = start();
    onnx_writer_node(&writer, "Relu", "r", "nowhere", "y");
    check_refused(&writer, STANCE_EFORMAT, "node 0 'r' (Relu): input 'nowhere' is defined nowhere");
    writer = start();
    onnx_writer_node(&writer, "Relu", "r", "x", "y");
    onnx_writer_node(&writer, "Exp", "e", "x", "y");
    check_refused(&writer, STANCE_EFORMAT, "node 1 'e' (Exp): its output 'y' is defined twice");
    writer = start();
    onnx_writer_node(&writer, "Relu", "r", "x", "x");
    check_refused(&writer, STANCE_EFORMAT, "'x' is defined twice");
    writer = start();
    onnx_writer_initializer(&writer, "y", &weights);
    onnx_writer_initializer(&writer, "y", &weights);
    check_refused(&writer, STANCE_EFORMAT, "the name 'y' is given to two values");
    writer = start();
    onnx_writer_input(&writer, "x", STANCE_FLOAT32, 2, dims);
    onnx_writer_node(&writer, "Relu", "r", "x", "y");
    check_refused(&writer, STANCE_EFORMAT, "the name 'x' is given to two values");
    writer = start();
    onnx_writer_node(&writer, "Relu", "r", "x", "z");
    check_refused(&writer, STANCE_EFORMAT, "graph output 'y': no node makes it");
}

static void test_unknown_operators_are_refused_with_advice(void **state)
{
    (void)state;
    struct onnx_writer writer = start();
    onnx_writer_node(&writer, "Relu", "", "x", "a");
    onnx_writer_node(&writer, "FooBar", "odd", "a", "y");
    check_refused(&writer, STANCE_EUNSUPPORTED, "node 1 'odd' (FooBar): operator 'FooBar'");
    writer = start();
    onnx_writer_node(&writer, "TRTBatchedNMS", "", "x", "y");
    onnx_writer_domain(&writer, "mmdeploy");
    check_refused(&writer, STANCE_EUNSUPPORTED, "mmdeploy");
    writer = start();
    onnx_writer_node(&writer, "FusedConv", "", "x", "y");
    onnx_writer_domain(&writer, "com.microsoft");
    check_refused(&writer, STANCE_EUNSUPPORTED, "optimiser");
    writer = start();
    onnx_writer_node(&writer, "Reorder", "", "x", "y");
    onnx_writer_domain(&writer, "stance");
    check_refused(&writer, STANCE_EUNSUPPORTED, "stance::Reorder is an operator outside ONNX");
    writer = start();
    onnx_writer_node(&writer, "If", "", "x", "y");
    check_refused(&writer, STANCE_EUNSUPPORTED, "node 0 (If): control flow");
}

static void test_input_and_output_counts_are_checked(void **state)
{
    (void)state;
    struct onnx_writer writer = start();
    onnx_writer_node(&writer, "Add", "a", "x", "y");
    check_refused(&writer, STANCE_EFORMAT, "node 0 'a' (Add): 1 inputs");
    writer = start();
    onnx_writer_node(&writer, "Relu", "r", "x,x", "y");
    check_refused(&writer, STANCE_EFORMAT, "2 inputs");
    writer = start();
    onnx_writer_node(&writer, "Add", "a", ",x", "y");
    check_refused(&writer, STANCE_EFORMAT, "input 0 must not be left out");
    writer = start();
    onnx_writer_node(&writer, "Concat", "c", "x,,x", "y");
    check_refused(&writer, STANCE_EFORMAT, "input 1 must not be left out");
    writer = start();
    onnx_writer_node(&writer, "Relu", "r", "x", "y,z");
    check_refused(&writer, STANCE_EFORMAT, "2 outputs");
    writer = start();
    onnx_writer_node(&writer, "Relu", "r", "x", NULL);
    check_refused(&writer, STANCE_EFORMAT, "0 outputs");
}

static void test_old_files_repeat_initialisers_as_inputs(void **state)
{
    (void)state;
    struct onnx_writer writer = start();
    struct base_buffer bytes;
    struct graph *graph;
    onnx_writer_input(&writer, "w", STANCE_FLOAT32, 2, dims);
    onnx_writer_initializer(&writer, "w", &weights);
    onnx_writer_node(&writer, "Mul", "", "x,w", "y");
    assert_int_equal(import(&graph, &writer, &bytes), 0);
    assert_int_equal(graph->input_count, 1);
    assert_non_null(graph->values[find_value(graph, "w")].constant);
    graph_close(&graph);
    base_buffer_free(&bytes);
}

static void test_odd_outputs_are_accepted(void **state)
{
    (void)state;
    struct onnx_writer writer = start();
    struct base_buffer bytes;
    struct graph *graph;
    onnx_writer_output(&writer, "x", STANCE_FLOAT32, 2, dims);
    onnx_writer_output(&writer, "w", STANCE_FLOAT32, 2, dims);
    onnx_writer_output(&writer, "y", STANCE_FLOAT32, -1, NULL);
    onnx_writer_initializer(&writer, "w", &weights);
    onnx_writer_node(&writer, "Relu", "", "x", "y");
    assert_int_equal(import(&graph, &writer, &bytes), 0);
    assert_int_equal(graph->output_count, 4);
    assert_int_equal(graph->outputs[1], graph->inputs[0]);
    assert_int_equal(graph->outputs[3], graph->outputs[0]);
    graph_close(&graph);
    base_buffer_free(&bytes);
}

static void test_opsets_out_of_range_are_refused(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct onnx_writer writer;
        onnx_writer_init(&writer, 1 << 20);
        onnx_writer_opset(&writer, "", i ? 22 : 6);
        onnx_writer_input(&writer, "x", STANCE_FLOAT32, 2, dims);
        onnx_writer_output(&writer, "y", STANCE_FLOAT32, 2, dims);
        onnx_writer_node(&writer, "Relu", "", "x", "y");
        check_refused(&writer, STANCE_EUNSUPPORTED, i ? "opset 22" : "opset 6");
    }
}

static void test_input_limits(void **state)
{
    (void)state;
    static const int64_t huge[] = {1 << 20, 1 << 20};
    struct onnx_writer writer = start();
    onnx_writer_input(&writer, "big", STANCE_FLOAT32, 2, huge);
    onnx_writer_node(&writer, "Relu", "", "x", "y");
    check_refused(&writer, STANCE_ELIMIT, "graph input 'big'");
    writer = start();
    onnx_writer_input(&writer, "text", 8, 2, dims);
    onnx_writer_node(&writer, "Relu", "", "x", "y");
    check_refused(&writer, STANCE_EUNSUPPORTED, "graph input 'text'");
}

/* Four float32 are declared, two are there. */
static void test_weights_of_wrong_length_are_refused(void **state)
{
    (void)state;
    struct base_buffer tensor = proto_make(), graph = proto_make(), output = proto_make();
    proto_int(&tensor, 1, 4);
    proto_int(&tensor, 2, STANCE_FLOAT32);
    proto_string(&tensor, 8, "w");
    proto_bytes(&tensor, 9, numbers, 8);
    proto_message(&graph, 5, &tensor);
    proto_string(&output, 1, "w");
    proto_message(&graph, 12, &output);
    struct base_buffer model = proto_model(&graph);
    struct graph *imported;
    assert_int_equal(import_bytes(&imported, &model), STANCE_EFORMAT);
    assert_non_null(strstr(stance_error_text(), "'w'"));
    base_buffer_free(&model);
}

/* Every allocation fails once: always an error, never a leak. */
static void test_out_of_memory_leaves_nothing(void **state)
{
    (void)state;
    struct onnx_writer writer = start();
    struct base_buffer bytes;
    base_buffer_init(&bytes, 1 << 20);
    onnx_writer_initializer(&writer, "w", &weights);
    onnx_writer_node(&writer, "Relu", "", "a", "y");
    onnx_writer_node(&writer, "Add", "", "x,w", "a");
    onnx_writer_node(&writer, "ConstantOfShape", "", "s", "c");
    onnx_writer_tensor(&writer, "value", &(struct stance_tensor){STANCE_FLOAT32, 1, {1}, numbers});
    onnx_writer_node(&writer, "Constant", "", NULL, "s");
    onnx_writer_ints(&writer, "value_ints", (int64_t[]){2, 3}, 2);
    assert_int_equal(onnx_writer_finish(&writer, &bytes), 0);
    onnx_writer_free(&writer);
    long before = base_alloc_live();
    int code = STANCE_ENOMEMORY;
    for (long n = 1; code < 0; n++) {
        struct graph *graph;
        assert_true(n < 200);
        base_alloc_fail_at(n, 0);
        code = import_bytes(&graph, &bytes);
        base_alloc_fail_at(0, 0);
        if (code < 0)
            assert_int_equal(code, STANCE_ENOMEMORY);
        graph_close(&graph);
        assert_int_equal(base_alloc_live(), before);
    }
    base_buffer_free(&bytes);
}

static void test_structure_models_import(void **state)
{
    (void)state;
    static const char *const names[] = {
        "rtmpose-t",    "rtmpose-s",    "rtmpose-m",       "rtmpose-m-wb133",
        "rtmpose-l",    "rtmdet-m-640", "rtmdet-nano-320", "rtmdet-nano-320-raw",
        "rtmo-s-nonms", "rtmo-s",       "rtmo-m",          "mobilenetv2-heatmap",
        "stgcn",        "stgcnpp",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct onnx_model *model;
        struct graph *graph;
        char path[1024];
        if (!support_synth_model(names[i], path, sizeof path))
            skip();
        assert_int_equal(onnx_model_open(&model, path), 0);
        if (graph_import(&graph, model) < 0)
            fail_msg("%s: %s", names[i], stance_error_text());
        onnx_model_close(&model);
        assert_int_equal(graph->input_count, 1);
        assert_true(graph->node_count > 100);
        graph_close(&graph);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_import_builds_values_and_nodes),
        cmocka_unit_test(test_constant_nodes_become_constants),
        cmocka_unit_test(test_nodes_are_sorted),
        cmocka_unit_test(test_cycles_are_refused),
        cmocka_unit_test(test_bad_names_are_refused),
        cmocka_unit_test(test_unknown_operators_are_refused_with_advice),
        cmocka_unit_test(test_input_and_output_counts_are_checked),
        cmocka_unit_test(test_old_files_repeat_initialisers_as_inputs),
        cmocka_unit_test(test_odd_outputs_are_accepted),
        cmocka_unit_test(test_opsets_out_of_range_are_refused),
        cmocka_unit_test(test_input_limits),
        cmocka_unit_test(test_weights_of_wrong_length_are_refused),
        cmocka_unit_test(test_out_of_memory_leaves_nothing),
        cmocka_unit_test(test_structure_models_import),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
