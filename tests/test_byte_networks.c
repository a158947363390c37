/* Quantised networks on the engine: against the plain operators, in every tier, for any number of
 * threads and images. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/cpu.h"
#include "engine/network.h"
#include "engine/op_memory.h"
#include "support/interpreter.h"
#include "support/quant_net.h"
#include "support/support.h"
#include "support/trial.h"

enum { HEIGHT = 9, WIDTH = 7 };

/* The largest and the mean difference between the last run and the plain operators, in steps. */
struct difference {
    double most, mean;
};

static struct difference compare(const struct trial *trial, double step)
{
    struct engine_context context = {.kernels = kernel_table(BASE_CPU_REF),
                                     .opset = trial->model->graph->opset};
    struct tensor *in[TRIAL_INPUTS] = {0}, *out[TRIAL_OUTPUTS] = {0};
    struct difference found = {0};
    assert_int_equal(base_pool_open(&context.pool, 1), 0);
    assert_int_equal(engine_memory_open(&context.memory, 512 << 20), 0);
    for (int i = 0; i < trial->input_count; i++)
        assert_int_equal(tensor_wrap(&in[i], &trial->inputs[i], NULL, NULL), 0);
    trial_check(interpreter_run(trial->model->graph, &context, in, out));
    int64_t count = stance_tensor_count(&out[0]->view);
    assert_int_equal(count, stance_tensor_count(&trial->outputs[0]));
    assert_int_equal(out[0]->view.dtype, trial->outputs[0].dtype);
    for (int64_t i = 0; i < count; i++) {
        double expected = tensor_float(&out[0]->view, i);
        double d = fabs(expected - tensor_float(&trial->outputs[0], i)) / step;
        found.most = d > found.most ? d : found.most;
        found.mean += d / (double)count;
    }
    for (int i = 0; i < TRIAL_INPUTS; i++)
        tensor_close(&in[i]);
    for (int i = 0; i < TRIAL_OUTPUTS; i++)
        tensor_close(&out[i]);
    engine_memory_close(&context.memory);
    base_pool_close(&context.pool);
    return found;
}

/* ---- One operator at a time ------------------------------------------------------------------ */

/* Whole blocks and not. */
static int channels;

/* Takes two values of bytes, scale 0.05 and zero 50; returns what is to be quantised. */
typedef int build_fn(struct quant_net *net, int a, int b);

static int build_conv(struct quant_net *net, int a, int b)
{
    return quant_conv(net, a, true, channels, channels, 1, 3, 1);
}

static int build_strided(struct quant_net *net, int a, int b)
{
    return quant_silu(net, quant_conv(net, a, true, channels, 24, 1, 3, 2));
}

static int build_depthwise(struct quant_net *net, int a, int b)
{
    return quant_node(net, "Relu", quant_conv(net, a, true, channels, channels, channels, 5, 1),
                      -1);
}

static int build_residual(struct quant_net *net, int a, int b)
{
    return quant_node(net, "Add", b,
                      quant_silu(net, quant_conv(net, a, true, channels, channels, 1, 1, 1)));
}

static int build_residual_first(struct quant_net *net, int a, int b)
{
    int sum = quant_node(net, "Add", quant_conv(net, a, true, channels, channels, 1, 1, 1), b);
    return quant_node(net, "Relu", sum, -1);
}

static int build_float_residual(struct quant_net *net, int a, int b)
{
    int other = quant_node(net, "Tanh", b, -1);
    return quant_node(net, "Add", quant_conv(net, a, true, channels, channels, 1, 1, 1), other);
}

static int build_transposed(struct quant_net *net, int a, int b)
{
    return quant_node(net, "Relu", quant_conv_transpose(net, a, channels, 36, 4, 2), -1);
}

static int build_transposed_odd(struct quant_net *net, int a, int b)
{
    return quant_conv_transpose(net, a, channels, 20, 5, 3);
}

static int build_transposed_float(struct quant_net *net, int a, int b)
{
    return quant_node(net, "Sin", quant_conv_transpose(net, a, channels, 16, 3, 2), -1);
}

static int build_add(struct quant_net *net, int a, int b)
{
    return quant_node(net, "Add", a, b);
}

static int build_pool(struct quant_net *net, int a, int b)
{
    return quant_max_pool(net, a, 5);
}

static int build_upsample(struct quant_net *net, int a, int b)
{
    return quant_upsample(net, a);
}

static int build_concat(struct quant_net *net, int a, int b)
{
    return quant_concat(net, a, b);
}

static int build_split(struct quant_net *net, int a, int b)
{
    return quant_split(net, a) + 1;
}

static int build_scale(struct quant_net *net, int a, int b)
{
    int factor = quant_node(net, "Sigmoid", quant_node(net, "GlobalAveragePool", b, -1), -1);
    return quant_node(net, "Mul", factor, a);
}

static int build_average(struct quant_net *net, int a, int b)
{
    return quant_node(net, "GlobalAveragePool", a, -1);
}

static int build_function(struct quant_net *net, int a, int b)
{
    return quant_silu(net, quant_both(net, quant_node(net, "Neg", a, -1), 0.04f, 120));
}

static int build_nothing(struct quant_net *net, int a, int b)
{
    return a;
}

static const struct {
    const char *name;
    build_fn *build;
    float scale;
    int zero;
} cases[] = {
    {"conv", build_conv, 0.06f, 120},
    {"strided conv", build_strided, 0.04f, 10},
    {"depthwise conv", build_depthwise, 0.03f, 0},
    {"residual", build_residual, 0.08f, 100},
    {"residual before the activation", build_residual_first, 0.04f, 0},
    {"float residual", build_float_residual, 0.06f, 120},
    {"transposed conv", build_transposed, 0.03f, 0},
    {"transposed conv of 5x5 and stride 3", build_transposed_odd, 0.04f, 120},
    {"transposed conv to floats", build_transposed_float, 0.01f, 128},
    {"add", build_add, 0.09f, 60},
    {"pool", build_pool, 0.05f, 50},
    {"upsample", build_upsample, 0.05f, 50},
    {"concat", build_concat, 0.05f, 50},
    {"concat with another scale", build_concat, 0.07f, 90},
    {"split", build_split, 0.05f, 50},
    {"factors", build_scale, 0.04f, 70},
    {"average", build_average, 0.02f, 100},
    {"function", build_function, 0.03f, 20},
    {"other scale", build_nothing, 0.03f, 200},
};

/* x → two convolutions → the operator → bytes y. */
static struct base_buffer build_case(build_fn *build, float scale, int zero, bool plain)
{
    struct quant_net net;
    int parts[2];
    quant_net_open(&net, (struct quant_style){0});
    int x = quant_input(&net, "x", STANCE_UINT8, -1, channels, HEIGHT, WIDTH);
    x = quant_floats(&net, x, 0.05f, 50);
    for (int i = 0; i < 2; i++) {
        parts[i] = plain ? x : quant_conv(&net, x, true, channels, channels, 1, 1, 1);
        parts[i] = plain && i == 0 ? x : quant_both(&net, parts[i], 0.05f, 50);
    }
    int y = quant_bytes(&net, build(&net, parts[0], parts[1]), scale, zero);
    quant_output(&net, y, "y", STANCE_UINT8, -1, NULL);
    return quant_net_close(&net);
}

/* `plain`: the operator reads the input's bytes; else those of a convolution, which may be one step
 * beside the expected ones. */
static void check_case(int i, bool plain)
{
    struct base_buffer model = build_case(cases[i].build, cases[i].scale, cases[i].zero, plain);
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier)) {
        struct trial trial;
        trial_parse(&trial, &model, 2);
        trial_session(&trial, tier, 1);
        trial_run(&trial);
        struct difference found = compare(&trial, 1);
        if (found.most > (plain ? 1 : 3) || found.mean > 0.1)
            fail_msg("%s, %s: up to %g steps beside, %g in the mean", cases[i].name,
                     base_cpu_name((enum base_cpu_tier)tier), found.most, found.mean);
        trial_close(&trial);
    }
    base_buffer_free(&model);
}

static void test_operators_on_bytes_agree_with_the_plain_ones(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int plain = 0; plain < 2; plain++)
            for (channels = 40; channels <= 48; channels += 8)
                check_case((int)i, plain != 0);
}

/* ---- Convolutions of all sorts --------------------------------------------------------------- */

/* Seeded; low … high. */
static int draw(unsigned *seed, int low, int high)
{
    *seed = *seed * 1664525u + 1013904223u;
    return low + (int)((*seed >> 8) % (unsigned)(high - low + 1));
}

static struct base_buffer random_convolution(unsigned *seed)
{
    enum { DENSE, DEPTHWISE, GROUPED, TRANSPOSED, KINDS };
    struct quant_net net;
    int kind = draw(seed, 0, KINDS - 1), stride = draw(seed, 1, 3), groups = 1;
    int kernel = kind == TRANSPOSED ? draw(seed, stride, 5) : draw(seed, 1, 5);
    int in = draw(seed, 1, 40), out = draw(seed, 1, 32);
    if (kind == DEPTHWISE)
        groups = out = in;
    if (kind == GROUPED) {
        groups = draw(seed, 2, 4);
        in = groups * draw(seed, 1, 10);
        out = groups * draw(seed, 1, 10);
    }
    quant_net_open(&net, (struct quant_style){.per_tensor = draw(seed, 0, 1) == 1});
    int x = quant_input(&net, "x", STANCE_UINT8, -1, in, draw(seed, 1, 20), draw(seed, 1, 20));
    x = quant_floats(&net, x, 0.05f, draw(seed, 0, 255));
    int y = kind == TRANSPOSED ? quant_conv_transpose(&net, x, in, out, kernel, stride)
                               : quant_conv(&net, x, true, in, out, groups, kernel, stride);
    y = draw(seed, 0, 1) ? quant_silu(&net, y) : quant_node(&net, "HardSwish", y, -1);
    y = quant_bytes(&net, y, 0.06f, draw(seed, 0, 255));
    quant_output(&net, y, "y", STANCE_UINT8, -1, NULL);
    return quant_net_close(&net);
}

static void test_random_convolutions_are_at_most_one_step_beside(void **state)
{
    unsigned seed = 1;
    (void)state;
    for (int i = 0; i < 80; i++) {
        struct base_buffer model = random_convolution(&seed);
        for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier)) {
            struct trial trial;
            trial_parse(&trial, &model, 1 + i % 3);
            trial_session(&trial, tier, 1);
            trial_run(&trial);
            struct difference found = compare(&trial, 1);
            if (found.most > 1)
                fail_msg("%d, %s: up to %g steps beside", i,
                         base_cpu_name((enum base_cpu_tier)tier), found.most);
            trial_close(&trial);
        }
        base_buffer_free(&model);
    }
}

/* ---- Whole networks -------------------------------------------------------------------------- */

static const struct quant_style styles[] = {
    {0},
    {.everywhere = true},
    {.signed_bytes = true},
    {.signed_bytes = true, .everywhere = true},
    {.per_tensor = true},
    {.integer_bias = true, .everywhere = true},
};

static void test_networks_agree_with_the_plain_operators(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof styles / sizeof styles[0]; i++) {
        struct base_buffer model = quant_network(styles[i], 24, 16);
        for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier)) {
            struct trial trial;
            trial_parse(&trial, &model, 2);
            trial_session(&trial, tier, 1);
            trial_run(&trial);
            struct difference found = compare(&trial, 0.03);
            if (found.most > 3 || found.mean > 0.4)
                fail_msg("style %zu, %s: up to %g steps beside, %g in the mean", i,
                         base_cpu_name((enum base_cpu_tier)tier), found.most, found.mean);
            int64_t all = stance_session_multiply_adds(trial.session);
            int64_t bytes = stance_session_int8_multiply_adds(trial.session);
            assert_true(styles[i].everywhere ? bytes == all
                                             : bytes < all && (double)bytes > 0.9 * (double)all);
            trial_close(&trial);
        }
        base_buffer_free(&model);
    }
}

static void compare_images(struct trial *trial, const struct trial_copy *batch)
{
    int64_t images = trial->inputs[0].dims[0];
    size_t in = tensor_bytes(&trial->inputs[0]) / (size_t)images;
    size_t out = tensor_bytes(&batch->outputs[0]) / (size_t)images;
    struct trial one = *trial;
    one.inputs[0].dims[0] = 1;
    for (size_t i = 0; i < (size_t)images; i++) {
        one.inputs[0].data = (unsigned char *)trial->inputs[0].data + i * in;
        trial_run(&one);
        assert_memory_equal((unsigned char *)batch->outputs[0].data + i * out, one.outputs[0].data,
                            out);
    }
}

static void test_threads_and_batches_give_the_same_bits(void **state)
{
    (void)state;
    for (int everywhere = 0; everywhere < 2; everywhere++)
        for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier)) {
            struct base_buffer model = quant_network(styles[everywhere], 40, 24);
            struct trial trial;
            struct trial_copy alone;
            trial_parse(&trial, &model, 3);
            trial_session(&trial, tier, 1);
            trial_run(&trial);
            trial_copy(&trial, &alone);
            compare_images(&trial, &alone);
            trial_session(&trial, tier, 2);
            trial_run(&trial);
            assert_true(trial_same(&trial, &alone));
            trial_copy_close(&alone);
            trial_close(&trial);
            base_buffer_free(&model);
        }
}

/* ---- What is told ---------------------------------------------------------------------------- */

static void test_the_description_names_the_precision(void **state)
{
    (void)state;
    for (int everywhere = 0; everywhere < 2; everywhere++) {
        struct base_buffer model = quant_network(styles[everywhere], 16, 16);
        struct trial trial;
        trial_parse(&trial, &model, 1);
        trial_session(&trial, STANCE_TIER_AUTO, 1);
        assert_non_null(strstr(stance_session_describe(trial.session), ", int8 and float32"));
        assert_int_equal(stance_session_int8_multiply_adds(trial.session), 0);
        trial_run(&trial);
        const char *told = strrchr(stance_session_describe(trial.session), ',');
        assert_string_equal(told, everywhere ? ", int8" : ", int8 and float32");
        trial_close(&trial);
        base_buffer_free(&model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operators_on_bytes_agree_with_the_plain_ones),
        cmocka_unit_test(test_random_convolutions_are_at_most_one_step_beside),
        cmocka_unit_test(test_networks_agree_with_the_plain_operators),
        cmocka_unit_test(test_threads_and_batches_give_the_same_bits),
        cmocka_unit_test(test_the_description_names_the_precision),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
