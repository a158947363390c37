/* Graphs written back as ONNX files: what is read again computes the same, in a newer opset and
 * without operators of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "engine/network.h"
#include "onnx/onnx_model.h"
#include "onnx/onnx_write.h"
#include "support/support.h"
#include "support/tiny_model.h"
#include "support/trial.h"

enum { LIMIT = 1 << 28 };

static struct base_buffer exported(const struct stance_model *model)
{
    struct base_buffer bytes;
    base_buffer_init(&bytes, LIMIT);
    trial_check(graph_export(model->graph, model->onnx, &bytes));
    return bytes;
}

/* Runs what `trial` has open, then its export, on the same inputs. */
static void expect_same(struct trial *trial)
{
    struct base_buffer bytes = exported(trial->model);
    struct trial again;
    struct trial_copy first;
    trial_session(trial, STANCE_TIER_AUTO, 1);
    trial_run(trial);
    trial_copy(trial, &first);
    trial_parse(&again, &bytes, (int)trial->inputs[0].dims[0]);
    for (int i = 0; i < trial->input_count; i++)
        trial_shape(&again, i, trial->inputs[i].rank, trial->inputs[i].dims);
    trial_session(&again, STANCE_TIER_AUTO, 1);
    trial_run(&again);
    assert_int_equal(again.output_count, first.count);
    for (int i = 0; i < first.count; i++) {
        assert_tensors_close(&again.outputs[i], &first.outputs[i], 1e-5);
        assert_string_equal(stance_model_output_name(again.model, i),
                            stance_model_output_name(trial->model, i));
    }
    assert_string_equal(stance_model_input_name(again.model, 0),
                        stance_model_input_name(trial->model, 0));
    trial_copy_close(&first);
    trial_close(&again);
    base_buffer_free(&bytes);
}

static void test_networks_come_back_as_they_were(void **state)
{
    (void)state;
    static const char *const names[] = {
        "rtmpose-s",
        "rtmpose-m-wb133",
        "rtmdet-nano-320",
        "rtmo-s-nonms",
        "mobilenetv2-heatmap",
        "stgcn",
        "stgcnpp",
        "simplepose_opset9.onnx",
        "rtmdet_nano_person_320_rawhead.onnx",
        "rtmdet_nano_person_640_rawhead.onnx",
        "yolox_nano_coco80_416.onnx",
        "stgcnpp_hagrid_gesture40.onnx",
        "hand_keypoint_classifier.onnx",
    };
    char path[4096];
    int done = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct trial trial;
        if (!trial_path(names[i], path, sizeof path))
            continue;
        trial_open(&trial, names[i], 1);
        expect_same(&trial);
        trial_close(&trial);
        done++;
    }
    if (done == 0)
        skip();
}

static void test_an_open_batch_stays_open(void **state)
{
    (void)state;
    struct base_buffer bytes = tiny_network(-1, 32, 24), again;
    struct trial trial;
    struct stance_model *model;
    struct stance_tensor input;
    trial_parse(&trial, &bytes, 3);
    expect_same(&trial);
    again = exported(trial.model);
    assert_int_equal(engine_model_take(&model, &again, "again"), 0);
    assert_int_equal(stance_model_input(model, 0, &input), 0);
    assert_int_equal(input.dims[0], -1);
    assert_int_equal(input.dims[2], 32);
    stance_model_close(&model);
    trial_close(&trial);
    base_buffer_free(&bytes);
}

/* ---- Old opsets ---- */

static void begin(struct onnx_writer *writer, int opset, int rank)
{
    static const int64_t dims[] = {2, 3, 4, 6};
    onnx_writer_init(writer, LIMIT);
    onnx_writer_opset(writer, "", opset);
    onnx_writer_property(writer, "author", "somebody");
    onnx_writer_input(writer, "x", STANCE_FLOAT32, rank, dims);
    onnx_writer_output(writer, "y", STANCE_FLOAT32, -1, NULL);
}

static struct base_buffer finish(struct onnx_writer *writer)
{
    struct base_buffer bytes;
    base_buffer_init(&bytes, LIMIT);
    trial_check(onnx_writer_finish(writer, &bytes));
    onnx_writer_free(writer);
    return bytes;
}

static void write_ints(struct onnx_writer *writer, const char *name, int64_t a, int64_t b)
{
    const int64_t values[] = {a, b};
    onnx_writer_ints(writer, name, values, b < 0 ? 1 : 2);
}

static void old_unsqueeze(struct onnx_writer *writer)
{
    onnx_writer_node(writer, "Unsqueeze", "", "x", "long");
    write_ints(writer, "axes", 0, 3);
    onnx_writer_node(writer, "Squeeze", "", "long", "y");
    write_ints(writer, "axes", 0, -1);
}

static void old_sum(struct onnx_writer *writer)
{
    onnx_writer_node(writer, "ReduceSum", "", "x", "y");
    write_ints(writer, "axes", 1, 3);
}

static void old_split(struct onnx_writer *writer)
{
    onnx_writer_node(writer, "Split", "", "x", "left,right");
    onnx_writer_int(writer, "axis", 1);
    write_ints(writer, "split", 1, 2);
    onnx_writer_node(writer, "Add", "", "left,right", "y");
}

static void old_slice(struct onnx_writer *writer)
{
    onnx_writer_node(writer, "Slice", "", "x", "y");
    write_ints(writer, "starts", 1, 0);
    write_ints(writer, "ends", 3, 4);
    write_ints(writer, "axes", 2, 3);
}

static void old_pad(struct onnx_writer *writer)
{
    static const int64_t pads[] = {0, 0, 1, 2, 0, 0, 0, 1};
    onnx_writer_node(writer, "Pad", "", "x", "y");
    onnx_writer_ints(writer, "pads", pads, 8);
    onnx_writer_float(writer, "value", 1.5f);
}

static void old_clip(struct onnx_writer *writer)
{
    onnx_writer_node(writer, "Clip", "", "x", "top");
    onnx_writer_float(writer, "max", 0.5f);
    onnx_writer_node(writer, "Clip", "", "top", "y");
    onnx_writer_float(writer, "min", -0.25f);
    onnx_writer_float(writer, "max", 0.25f);
}

static void old_top_k(struct onnx_writer *writer)
{
    onnx_writer_node(writer, "TopK", "", "x", "y,which");
    onnx_writer_int(writer, "k", 2);
}

static void old_upsample(struct onnx_writer *writer)
{
    static const float scales[] = {1, 1, 2, 3};
    onnx_writer_node(writer, "Upsample", "", "x", "y");
    onnx_writer_string(writer, "mode", "nearest");
    onnx_writer_floats(writer, "scales", scales, 4);
}

static void old_linear_upsample(struct onnx_writer *writer)
{
    float scales[] = {1, 1, 2, 2};
    struct stance_tensor tensor = {.dtype = STANCE_FLOAT32, .rank = 1, .dims = {4}, .data = scales};
    onnx_writer_initializer(writer, "scales", &tensor);
    onnx_writer_node(writer, "Upsample", "", "x,scales", "y");
    onnx_writer_string(writer, "mode", "linear");
}

static void old_softmax(struct onnx_writer *writer)
{
    onnx_writer_node(writer, "Softmax", "", "x", "y");
    onnx_writer_int(writer, "axis", 2);
}

static void swish(struct onnx_writer *writer)
{
    onnx_writer_node(writer, "Sigmoid", "", "x", "gate");
    onnx_writer_node(writer, "Mul", "", "x,gate", "y");
}

static void number(struct onnx_writer *writer, const char *name, float value)
{
    struct stance_tensor tensor = {.dtype = STANCE_FLOAT32, .data = &value};
    onnx_writer_initializer(writer, name, &tensor);
}

static void gelu(struct onnx_writer *writer)
{
    number(writer, "root", 1.41421356f);
    number(writer, "one", 1);
    number(writer, "half", 0.5f);
    onnx_writer_node(writer, "Div", "", "x,root", "a");
    onnx_writer_node(writer, "Erf", "", "a", "b");
    onnx_writer_node(writer, "Add", "", "b,one", "c");
    onnx_writer_node(writer, "Mul", "", "x,c", "d");
    onnx_writer_node(writer, "Mul", "", "d,half", "y");
}

static const struct old {
    int opset;
    void (*write)(struct onnx_writer *writer);
} olds[] = {
    {11, old_unsqueeze}, {9, old_sum},      {11, old_split},
    {9, old_slice},      {10, old_pad},     {9, old_clip},
    {9, old_top_k},      {8, old_upsample}, {9, old_linear_upsample},
    {11, old_softmax},   {11, swish},       {11, gelu},
};

static void test_old_operators_are_said_the_new_way(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof olds / sizeof olds[0]; i++) {
        struct onnx_writer writer;
        struct trial trial;
        begin(&writer, olds[i].opset, 4);
        olds[i].write(&writer);
        struct base_buffer bytes = finish(&writer);
        trial_parse(&trial, &bytes, 2);
        expect_same(&trial);
        trial_close(&trial);
        base_buffer_free(&bytes);
    }
}

static void test_a_file_has_no_operators_of_our_own(void **state)
{
    (void)state;
    for (int gelus = 0; gelus < 2; gelus++) {
        struct onnx_writer writer;
        struct stance_model *model;
        struct onnx_model *again;
        begin(&writer, 11, 4);
        (gelus ? gelu : swish)(&writer);
        struct base_buffer bytes = finish(&writer), written;
        assert_int_equal(engine_model_take(&model, &bytes, "first"), 0);
        assert_int_equal(model->graph->node_count, 1);
        written = exported(model);
        assert_int_equal(onnx_model_take(&again, &written), 0);
        assert_int_equal(onnx_model_opset(again, ""), 17);
        assert_int_equal(again->graph->node_count, gelus ? 5 : 2);
        assert_true(onnx_string_equal(*onnx_model_property(again, "author"), "somebody"));
        onnx_model_close(&again);
        stance_model_close(&model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_networks_come_back_as_they_were),
        cmocka_unit_test(test_an_open_batch_stays_open),
        cmocka_unit_test(test_old_operators_are_said_the_new_way),
        cmocka_unit_test(test_a_file_has_no_operators_of_our_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
