/* Plans: whatever passes, layouts, shared memory and fast kernels make of a network, the results are
 * those of running it node by node. Random small networks, and the corners of who lies in whose
 * memory.
 *
 * `test_plan FIRST LAST` runs the random networks of these seeds. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/memory.h"
#include "base/number.h"
#include "engine/op_memory.h"
#include "onnx/onnx_model.h"
#include "onnx/onnx_write.h"
#include "support/interpreter.h"
#include "support/support.h"
#include "support/trial.h"

enum { VALUES = 64, NETWORKS = 400, MAX_WEIGHTS = 1 << 18 };

/* ---- Writing random networks ------------------------------------------------------------------ */

struct value {
    char name[8];
    int64_t channels, height, width;
};

struct sketch {
    struct onnx_writer writer;
    uint32_t random;
    struct value values[VALUES];
    int count, weights;
};

static uint32_t pick(struct sketch *s, uint32_t below)
{
    s->random = s->random * 1664525 + 1013904223; /* Numerical Recipes, section 7.1 */
    return (s->random >> 8) % below;
}

static const struct value *any(struct sketch *s)
{
    int from = s->count > 8 ? s->count - 8 : 0; /* rather a late one */
    return &s->values[pick(s, 4) ? from + (int)pick(s, (uint32_t)(s->count - from))
                                 : (int)pick(s, (uint32_t)s->count)];
}

static struct value *add_value(struct sketch *s, int64_t channels, int64_t height, int64_t width)
{
    struct value *v = &s->values[s->count];
    *v = (struct value){.channels = channels, .height = height, .width = width};
    snprintf(v->name, sizeof v->name, "v%d", s->count++);
    return v;
}

/* An initialiser of noise around `mean`; its name is valid until the next call. */
static const char *add_weights(struct sketch *s, int rank, const int64_t *dims, float mean)
{
    static char name[16];
    static float values[MAX_WEIGHTS];
    struct stance_tensor tensor = {.dtype = STANCE_FLOAT32, .rank = rank, .data = values};
    memcpy(tensor.dims, dims, (size_t)rank * sizeof dims[0]);
    int64_t count = stance_tensor_count(&tensor);
    assert_in_range(count, 1, MAX_WEIGHTS);
    snprintf(name, sizeof name, "w%d", s->weights++);
    support_synth_input(name, dims, rank, 0.2, values);
    for (int64_t i = 0; i < count; i++)
        values[i] += mean;
    onnx_writer_initializer(&s->writer, name, &tensor);
    return name;
}

static void node(struct sketch *s, const char *type, const char *inputs, const char *output)
{
    onnx_writer_node(&s->writer, type, output, inputs, output);
}

static void add_conv(struct sketch *s, const struct value *in, int64_t outs, int64_t groups,
                     int64_t kernel, int64_t stride)
{
    char inputs[64], weights[16];
    int64_t half = kernel / 2, pads[] = {half, half, half, half};
    snprintf(weights, sizeof weights, "%s",
             add_weights(s, 4, (const int64_t[]){outs, in->channels / groups, kernel, kernel}, 0));
    if (pick(s, 4))
        snprintf(inputs, sizeof inputs, "%s,%s,%s", in->name, weights, add_weights(s, 1, &outs, 0));
    else
        snprintf(inputs, sizeof inputs, "%s,%s", in->name, weights);
    struct value *out =
        add_value(s, outs, (in->height - 1) / stride + 1, (in->width - 1) / stride + 1);
    node(s, "Conv", inputs, out->name);
    onnx_writer_ints(&s->writer, "pads", pads, 4);
    onnx_writer_ints(&s->writer, "strides", (const int64_t[]){stride, stride}, 2);
    onnx_writer_int(&s->writer, "group", groups);
}

static void random_conv(struct sketch *s)
{
    static const int64_t kernels[] = {1, 3, 3, 5};
    const struct value *in = any(s);
    int64_t kernel = kernels[pick(s, 4)], stride = pick(s, 4) || in->height < 4 ? 1 : 2;
    if (pick(s, 3) == 0)
        add_conv(s, in, in->channels, in->channels, kernel, stride);
    else
        add_conv(s, in, 1 + pick(s, 40), 1, kernel, stride);
}

static void random_unary(struct sketch *s)
{
    static const char *const types[] = {"Relu",      "Sigmoid",  "HardSigmoid", "HardSwish", "Tanh",
                                        "LeakyRelu", "Identity", "Neg",         "Abs"};
    const struct value *in = any(s);
    const char *type = types[pick(s, sizeof types / sizeof types[0])];
    node(s, type, in->name, add_value(s, in->channels, in->height, in->width)->name);
}

static void random_swish(struct sketch *s)
{
    const struct value *in = any(s), *gate = add_value(s, in->channels, in->height, in->width);
    char inputs[32];
    node(s, "Sigmoid", in->name, gate->name);
    bool first = pick(s, 2);
    snprintf(inputs, sizeof inputs, "%s,%s", first ? in->name : gate->name,
             first ? gate->name : in->name);
    node(s, "Mul", inputs, add_value(s, in->channels, in->height, in->width)->name);
}

/* Two values of one size; a twin is made where there is none. */
static void random_binary(struct sketch *s)
{
    static const char *const types[] = {"Add", "Add", "Add", "Mul", "Sub", "Max"};
    const struct value *a = any(s), *b = a;
    char inputs[32];
    for (int tries = 0; tries < 20 && (b == a || b->channels != a->channels ||
                                       b->height != a->height || b->width != a->width);
         tries++)
        b = &s->values[pick(s, (uint32_t)s->count)];
    if (b->channels != a->channels || b->height != a->height || b->width != a->width)
        b = a;
    snprintf(inputs, sizeof inputs, "%s,%s", a->name, b->name);
    node(s, types[pick(s, 6)], inputs, add_value(s, a->channels, a->height, a->width)->name);
}

static void random_attention(struct sketch *s)
{
    const struct value *in = any(s), *mean = add_value(s, in->channels, 1, 1);
    node(s, "GlobalAveragePool", in->name, mean->name);
    add_conv(s, mean, in->channels, 1, 1, 1);
    const struct value *conv = &s->values[s->count - 1], *gate = add_value(s, in->channels, 1, 1);
    char inputs[32];
    node(s, pick(s, 2) ? "HardSigmoid" : "Sigmoid", conv->name, gate->name);
    snprintf(inputs, sizeof inputs, "%s,%s", in->name, gate->name);
    node(s, "Mul", inputs, add_value(s, in->channels, in->height, in->width)->name);
}

static void random_concat(struct sketch *s)
{
    const struct value *first = any(s);
    char inputs[64];
    int length = snprintf(inputs, sizeof inputs, "%s", first->name);
    int64_t channels = first->channels;
    for (int i = 0; i < s->count && channels < 100 && length < 50; i++) {
        const struct value *v = &s->values[pick(s, (uint32_t)s->count)];
        if (v->height != first->height || v->width != first->width || !pick(s, 3))
            continue;
        length += snprintf(inputs + length, sizeof inputs - (size_t)length, ",%s", v->name);
        channels += v->channels;
    }
    node(s, "Concat", inputs, add_value(s, channels, first->height, first->width)->name);
    onnx_writer_int(&s->writer, "axis", 1);
}

static void random_split(struct sketch *s)
{
    const struct value *in = any(s);
    if (in->channels < 2)
        return;
    int64_t first = pick(s, 2) && in->channels > 16 ? 16 : 1 + pick(s, (uint32_t)in->channels - 1);
    int64_t sizes[] = {first, in->channels - first};
    struct value *a = add_value(s, sizes[0], in->height, in->width);
    struct value *b = add_value(s, sizes[1], in->height, in->width);
    char outputs[32];
    snprintf(outputs, sizeof outputs, "%s,%s", a->name, b->name);
    node(s, "Split", in->name, outputs);
    onnx_writer_int(&s->writer, "axis", 1);
    onnx_writer_ints(&s->writer, "split", sizes, 2);
}

static void random_slice(struct sketch *s)
{
    const struct value *in = any(s);
    int64_t first = pick(s, (uint32_t)in->channels), end = in->channels;
    if (in->channels - first > 1)
        end -= pick(s, (uint32_t)(in->channels - first));
    node(s, "Slice", in->name, add_value(s, end - first, in->height, in->width)->name);
    onnx_writer_ints(&s->writer, "axes", (const int64_t[]){1}, 1);
    onnx_writer_ints(&s->writer, "starts", &first, 1);
    onnx_writer_ints(&s->writer, "ends", &end, 1);
}

static void random_pool(struct sketch *s)
{
    const struct value *in = any(s);
    int64_t kernel = pick(s, 2) ? 3 : 5, half = kernel / 2;
    int64_t stride = pick(s, 2) && in->height > 3 ? 2 : 1;
    struct value *out =
        add_value(s, in->channels, (in->height - 1) / stride + 1, (in->width - 1) / stride + 1);
    node(s, pick(s, 3) ? "MaxPool" : "AveragePool", in->name, out->name);
    onnx_writer_ints(&s->writer, "kernel_shape", (const int64_t[]){kernel, kernel}, 2);
    onnx_writer_ints(&s->writer, "pads", (const int64_t[]){half, half, half, half}, 4);
    onnx_writer_ints(&s->writer, "strides", (const int64_t[]){stride, stride}, 2);
}

static void random_upsample(struct sketch *s)
{
    const struct value *in = any(s);
    if (in->height > 20)
        return;
    struct value *out = add_value(s, in->channels, 2 * in->height, 2 * in->width);
    node(s, "Upsample", in->name, out->name);
    onnx_writer_string(&s->writer, "mode", pick(s, 2) ? "nearest" : "linear");
    onnx_writer_floats(&s->writer, "scales", (const float[]){1, 1, 2, 2}, 4);
}

static void random_transposed_conv(struct sketch *s)
{
    const struct value *in = any(s);
    if (in->height > 20)
        return;
    int64_t groups = pick(s, 2) ? 1 : in->channels, outs = groups > 1 ? groups : 1 + pick(s, 20);
    char inputs[64];
    snprintf(inputs, sizeof inputs, "%s,%s", in->name,
             add_weights(s, 4, (const int64_t[]){in->channels, outs / groups, 4, 4}, 0));
    node(s, "ConvTranspose", inputs, add_value(s, outs, 2 * in->height, 2 * in->width)->name);
    onnx_writer_ints(&s->writer, "pads", (const int64_t[]){1, 1, 1, 1}, 4);
    onnx_writer_ints(&s->writer, "strides", (const int64_t[]){2, 2}, 2);
    onnx_writer_int(&s->writer, "group", groups);
}

static void random_normalization(struct sketch *s)
{
    const struct value *in = any(s);
    char inputs[80];
    int length = snprintf(inputs, sizeof inputs, "%s", in->name);
    for (int i = 0; i < 4; i++)
        length += snprintf(inputs + length, sizeof inputs - (size_t)length, ",%s",
                           add_weights(s, 1, &in->channels, i == 0 || i == 3 ? 1 : 0));
    node(s, "BatchNormalization", inputs, add_value(s, in->channels, in->height, in->width)->name);
}

/* There and back again: what stands between lives on plain data in another order. */
static void random_transpose(struct sketch *s)
{
    const struct value *in = any(s), *between = add_value(s, 1, 1, 1);
    int64_t channels = in->channels, height = in->height, width = in->width;
    s->count--; /* nobody else may use it */
    char name[16];
    snprintf(name, sizeof name, "t%s", between->name);
    node(s, "Transpose", in->name, name);
    onnx_writer_ints(&s->writer, "perm", (const int64_t[]){0, 2, 3, 1}, 4);
    char relu[24];
    snprintf(relu, sizeof relu, "r%s", name);
    node(s, pick(s, 2) ? "Relu" : "Identity", name, relu);
    node(s, "Transpose", relu, add_value(s, channels, height, width)->name);
    onnx_writer_ints(&s->writer, "perm", (const int64_t[]){0, 3, 1, 2}, 4);
}

static struct base_buffer random_network(uint32_t seed)
{
    static void (*const makers[])(struct sketch *) = {
        random_conv,          random_conv,     random_conv,     random_conv,
        random_unary,         random_swish,    random_binary,   random_binary,
        random_attention,     random_concat,   random_concat,   random_split,
        random_slice,         random_pool,     random_upsample, random_transposed_conv,
        random_normalization, random_transpose};
    struct sketch s = {.random = seed * 2654435761u};
    struct base_buffer model;
    onnx_writer_init(&s.writer, 16 << 20);
    onnx_writer_opset(&s.writer, "", 8);
    struct value *x = add_value(&s, 1 + pick(&s, 20), 4 + pick(&s, 16), 4 + pick(&s, 16));
    onnx_writer_input(&s.writer, x->name, STANCE_FLOAT32, 4,
                      (const int64_t[]){-1, x->channels, x->height, x->width});
    int nodes = 3 + (int)pick(&s, 20);
    for (int i = 0; i < nodes && s.count < VALUES - 4; i++)
        makers[pick(&s, sizeof makers / sizeof makers[0])](&s);
    int outputs = 1 + (int)pick(&s, 3);
    for (int i = 0, at = s.count - 1; i < outputs && at > 0; i++, at -= 1 + (int)pick(&s, 3)) {
        const struct value *v = &s.values[at];
        onnx_writer_output(&s.writer, v->name, STANCE_FLOAT32, 4,
                           (const int64_t[]){-1, v->channels, v->height, v->width});
    }
    base_buffer_init(&model, 16 << 20);
    assert_int_equal(onnx_writer_finish(&s.writer, &model), 0);
    onnx_writer_free(&s.writer);
    return model;
}

/* ---- Comparing -------------------------------------------------------------------------------- */

/* Node by node, as the file says. */
static void interpret(const struct base_buffer *bytes, const struct stance_tensor *inputs,
                      int input_count, struct tensor **outputs)
{
    struct onnx_model *onnx;
    struct graph *graph;
    struct tensor *wrapped[TRIAL_INPUTS] = {0};
    assert_int_equal(onnx_model_parse(&onnx, bytes->data, bytes->size, NULL), 0);
    assert_int_equal(graph_import(&graph, onnx), 0);
    struct engine_context context = {.opset = graph->opset, .kernels = kernel_table(BASE_CPU_REF)};
    assert_int_equal(base_pool_open(&context.pool, 1), 0);
    assert_int_equal(engine_memory_open(&context.memory, (size_t)256 << 20), 0);
    for (int i = 0; i < input_count; i++)
        assert_int_equal(tensor_wrap(&wrapped[i], &inputs[i], NULL, NULL), 0);
    if (interpreter_run(graph, &context, wrapped, outputs) < 0)
        fail_msg("%s", stance_error_text());
    for (int i = 0; i < input_count; i++)
        tensor_close(&wrapped[i]);
    engine_memory_close(&context.memory);
    base_pool_close(&context.pool);
    graph_close(&graph);
    onnx_model_close(&onnx);
}

/* Sessions of every tier, one thread and three, two runs each. */
static void check_model(const struct base_buffer *bytes, int batch)
{
    struct trial trial;
    struct tensor *expected[TRIAL_OUTPUTS] = {0};
    trial_parse(&trial, bytes, batch);
    interpret(bytes, trial.inputs, trial.input_count, expected);
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier))
        for (int threads = 1; threads <= 3; threads += 2) {
            trial_session(&trial, tier, threads);
            for (int run = 0; run < 2; run++) {
                trial_run(&trial);
                for (int i = 0; i < trial.output_count; i++)
                    assert_tensors_close(&trial.outputs[i], &expected[i]->view, 2e-4);
            }
        }
    for (int i = 0; i < trial.output_count; i++)
        tensor_close(&expected[i]);
    trial_close(&trial);
}

static int64_t first_seed = 1, last_seed = NETWORKS, present_seed;

static void test_random_networks_run_as_node_by_node(void **state)
{
    for (int64_t seed = first_seed; seed <= last_seed; seed++) {
        present_seed = seed;
        struct base_buffer model = random_network((uint32_t)seed);
        check_model(&model, 1 + (int)(seed % 3));
        base_buffer_free(&model);
        present_seed = 0;
    }
}

static int tell_seed(void **state)
{
    if (present_seed)
        print_error("it was network %lld\n", (long long)present_seed);
    return 0;
}

/* ---- Corners ---------------------------------------------------------------------------------- */

static void begin(struct onnx_writer *writer)
{
    onnx_writer_init(writer, 1 << 20);
    onnx_writer_opset(writer, "", 11);
    onnx_writer_input(writer, "x", STANCE_FLOAT32, 4, (const int64_t[]){-1, 16, 4, 4});
}

static void output(struct onnx_writer *writer, const char *name)
{
    onnx_writer_output(writer, name, STANCE_FLOAT32, -1, NULL);
}

static void finish(struct onnx_writer *writer, struct base_buffer *model)
{
    base_buffer_init(model, 1 << 20);
    assert_int_equal(onnx_writer_finish(writer, model), 0);
    onnx_writer_free(writer);
}

/* A 3×3 convolution from x: what follows lies in channel blocks. */
static void begin_blocked(struct onnx_writer *writer, int64_t channels, const char *result)
{
    static float values[32 * 16 * 9];
    struct stance_tensor weights = {
        .dtype = STANCE_FLOAT32, .rank = 4, .dims = {channels, 16, 3, 3}, .data = values};
    begin(writer);
    support_synth_input("w", weights.dims, 4, 0.2, values);
    onnx_writer_initializer(writer, "w", &weights);
    onnx_writer_node(writer, "Conv", "", "x,w", result);
    onnx_writer_ints(writer, "pads", (const int64_t[]){1, 1, 1, 1}, 4);
}

static void check_written(struct onnx_writer *writer)
{
    struct base_buffer model;
    finish(writer, &model);
    check_model(&model, 1);
    check_model(&model, 2);
    base_buffer_free(&model);
}

static void test_output_that_only_renames_the_input(void **state)
{
    struct onnx_writer writer;
    struct base_buffer model;
    struct trial trial;
    begin(&writer);
    onnx_writer_node(&writer, "Identity", "", "x", "y");
    onnx_writer_node(&writer, "Flatten", "", "x", "z");
    output(&writer, "y");
    output(&writer, "z");
    finish(&writer, &model);
    check_model(&model, 1);
    check_model(&model, 2);
    /* Results lie in the session, not in the memory of the caller. */
    trial_parse(&trial, &model, 1);
    trial_session(&trial, STANCE_TIER_AUTO, 1);
    trial_run(&trial);
    assert_ptr_not_equal(trial.outputs[0].data, trial.inputs[0].data);
    assert_ptr_not_equal(trial.outputs[1].data, trial.inputs[0].data);
    trial_close(&trial);
    base_buffer_free(&model);
}

static void test_output_that_is_the_input(void **state)
{
    struct onnx_writer writer;
    begin(&writer);
    onnx_writer_node(&writer, "Relu", "", "x", "y");
    output(&writer, "x");
    output(&writer, "y");
    check_written(&writer);
}

static void test_output_given_twice(void **state)
{
    struct onnx_writer writer;
    begin(&writer);
    onnx_writer_node(&writer, "Relu", "", "x", "y");
    output(&writer, "y");
    output(&writer, "y");
    check_written(&writer);
}

static void test_constant_output(void **state)
{
    static const float three[] = {1, 2, 3};
    const struct stance_tensor tensor = {
        .dtype = STANCE_FLOAT32, .rank = 1, .dims = {3}, .data = (void *)(uintptr_t)three};
    struct onnx_writer writer;
    begin(&writer);
    onnx_writer_initializer(&writer, "w", &tensor);
    onnx_writer_node(&writer, "Neg", "", "w", "y");
    onnx_writer_node(&writer, "Relu", "", "x", "z");
    output(&writer, "y");
    output(&writer, "w");
    output(&writer, "z");
    check_written(&writer);
}

static void test_parts_of_a_concat_that_are_wanted_elsewhere(void **state)
{
    struct onnx_writer writer;
    begin(&writer);
    onnx_writer_node(&writer, "Relu", "", "x", "a");
    onnx_writer_node(&writer, "Neg", "", "x", "b");
    onnx_writer_node(&writer, "Concat", "", "a,b,a,x", "c");
    onnx_writer_int(&writer, "axis", 1);
    onnx_writer_node(&writer, "Concat", "", "b,a", "d");
    onnx_writer_int(&writer, "axis", 1);
    onnx_writer_node(&writer, "Concat", "", "d,c", "e");
    onnx_writer_int(&writer, "axis", 1);
    output(&writer, "a");
    output(&writer, "c");
    output(&writer, "d");
    output(&writer, "e");
    check_written(&writer);
}

/* The part lies in the Concat's memory, as the whole does: it has to be copied all the same. */
static void test_part_of_a_split_joined_with_its_whole(void **state)
{
    struct onnx_writer writer;
    begin_blocked(&writer, 32, "b");
    onnx_writer_node(&writer, "Split", "", "b", "first,second");
    onnx_writer_int(&writer, "axis", 1);
    onnx_writer_ints(&writer, "split", (const int64_t[]){4, 28}, 2);
    onnx_writer_node(&writer, "Concat", "", "b,second", "c");
    onnx_writer_int(&writer, "axis", 1);
    onnx_writer_node(&writer, "MaxPool", "", "c", "d");
    onnx_writer_ints(&writer, "kernel_shape", (const int64_t[]){3, 3}, 2);
    output(&writer, "first");
    output(&writer, "d");
    check_written(&writer);
}

/* With several images their memory has gaps. */
static void test_means_and_gates_inside_a_concat(void **state)
{
    struct onnx_writer writer;
    begin_blocked(&writer, 16, "a");
    onnx_writer_node(&writer, "GlobalAveragePool", "", "a", "mean");
    onnx_writer_node(&writer, "Sigmoid", "", "mean", "gate");
    onnx_writer_node(&writer, "Mul", "", "a,gate", "b");
    onnx_writer_node(&writer, "Concat", "", "mean,gate", "c");
    onnx_writer_int(&writer, "axis", 1);
    onnx_writer_node(&writer, "HardSwish", "", "c", "d");
    onnx_writer_node(&writer, "Concat", "", "b,a", "e");
    onnx_writer_int(&writer, "axis", 1);
    onnx_writer_node(&writer, "MaxPool", "", "e", "f");
    onnx_writer_ints(&writer, "kernel_shape", (const int64_t[]){2, 2}, 2);
    output(&writer, "d");
    output(&writer, "f");
    check_written(&writer);
}

static void test_reshapes_in_a_row(void **state)
{
    static const int64_t shape[] = {-1, 4, 64};
    const struct stance_tensor tensor = {
        .dtype = STANCE_INT64, .rank = 1, .dims = {3}, .data = (void *)(uintptr_t)shape};
    struct onnx_writer writer;
    begin(&writer);
    onnx_writer_initializer(&writer, "s", &tensor);
    onnx_writer_node(&writer, "Relu", "", "x", "a");
    onnx_writer_node(&writer, "Reshape", "", "a,s", "b");
    onnx_writer_node(&writer, "Flatten", "", "b", "c");
    onnx_writer_node(&writer, "Neg", "", "c", "d");
    onnx_writer_node(&writer, "Neg", "", "a", "e");
    output(&writer, "b");
    output(&writer, "c");
    output(&writer, "d");
    output(&writer, "e");
    check_written(&writer);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_random_networks_run_as_node_by_node, tell_seed),
        cmocka_unit_test(test_output_that_only_renames_the_input),
        cmocka_unit_test(test_output_that_is_the_input),
        cmocka_unit_test(test_output_given_twice),
        cmocka_unit_test(test_constant_output),
        cmocka_unit_test(test_parts_of_a_concat_that_are_wanted_elsewhere),
        cmocka_unit_test(test_part_of_a_split_joined_with_its_whole),
        cmocka_unit_test(test_means_and_gates_inside_a_concat),
        cmocka_unit_test(test_reshapes_in_a_row),
    };
    if (argc == 3 && (base_number_parse_int64(argv[1], &first_seed) < 0 ||
                      base_number_parse_int64(argv[2], &last_seed) < 0))
        return 2;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
