/* Convolution kernels: every method of every tier against the reference tier, with guard bytes,
 * any cut into parts and any batch. With --bench FILE [TIER [METHOD]] it times the layers of a
 * network instead, see support/conv_bench.h. CONV_ROUNDS and CONV_SEED give more random shapes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "kernel/kernel.h"
#include "support/conv_bench.h"

enum { METHODS = 8, GUARD = 64, GAP = 32 };

static uint32_t random_state = 1;

static uint32_t random_bits(void)
{
    random_state = random_state * 1664525u + 1013904223u;
    return random_state >> 8;
}

static int random_int(int low, int high)
{
    return low + (int)(random_bits() % (uint32_t)(high - low + 1));
}

static float random_float(void)
{
    return (float)random_bits() / (float)(1 << 23) - 1.0f;
}

/* ---- Memory with guards ---------------------------------------------------------------------- */

static float *guarded(size_t floats)
{
    float *block = base_alloc((floats + 2 * GUARD) * sizeof(float));
    assert_non_null(block);
    for (size_t i = 0; i < floats + 2 * GUARD; i++)
        block[i] = NAN;
    return block + GUARD;
}

static void free_guarded(float *p, size_t floats)
{
    for (size_t i = 0; i < GUARD; i++) {
        assert_true(isnan(p[-1 - (ptrdiff_t)i]));
        assert_true(isnan(p[floats + i]));
    }
    base_free(p - GUARD);
}

/* ---- Problems -------------------------------------------------------------------------------- */

struct problem {
    struct kernel_conv_shape shape;
    struct kernel_epilogue epilogue;
    float *input, *weights, *bias, *residual; /* plain */
    size_t in_floats, out_floats, weight_floats;
};

static float *random_array(size_t count, float scale)
{
    float *p = base_alloc(count * sizeof(float));
    assert_non_null(p);
    for (size_t i = 0; i < count; i++)
        p[i] = random_float() * scale;
    return p;
}

static void fill_problem(struct problem *p)
{
    struct kernel_conv_shape *s = &p->shape;
    int depth = s->in_channels / s->groups * s->kernel_height * s->kernel_width;
    p->in_floats = (size_t)s->batch * s->in_channels * s->in_height * s->in_width;
    p->out_floats = (size_t)s->batch * s->out_channels * s->out_height * s->out_width;
    p->weight_floats = (size_t)s->out_channels * depth;
    p->input = random_array(p->in_floats, 1.0f);
    p->weights = random_array(p->weight_floats, 2.0f / sqrtf((float)depth));
    p->bias = random_array((size_t)s->out_channels, 1.0f);
    p->residual = random_array(p->out_floats, 1.0f);
}

static void free_problem(struct problem *p)
{
    base_free(p->input);
    base_free(p->weights);
    base_free(p->bias);
    base_free(p->residual);
}

/* NCHW to the layout of `block` lanes, pad lanes full of numbers that must not matter. */
static void to_layout(const float *plain, float *to, int64_t stride, int batch, int channels,
                      int64_t pixels, int block)
{
    for (int n = 0; n < batch; n++)
        for (int c = 0; c < kernel_blocks(channels, block) * block; c++)
            for (int64_t i = 0; i < pixels; i++)
                to[n * stride + (c / block * pixels + i) * block + c % block] =
                    c < channels ? plain[((int64_t)n * channels + c) * pixels + i] : 1000.0f;
}

static void from_layout(const float *from, int64_t stride, float *plain, int batch, int channels,
                        int64_t pixels, int block)
{
    for (int n = 0; n < batch; n++)
        for (int c = 0; c < channels; c++)
            for (int64_t i = 0; i < pixels; i++)
                plain[((int64_t)n * channels + c) * pixels + i] =
                    from[n * stride + (c / block * pixels + i) * block + c % block];
}

/* Runs a planned problem in `parts` parts and gives the output as NCHW. */
static void run_planned(const struct problem *p, const struct kernel_conv_plan *plan,
                        const struct kernel_table *table, int parts, float *result)
{
    const struct kernel_conv_shape *s = &plan->shape;
    int in_block = s->plain_input ? 1 : table->block;
    int out_block = s->plain_output ? 1 : table->block;
    int64_t in_pixels = (int64_t)s->in_height * s->in_width;
    int64_t out_pixels = (int64_t)s->out_height * s->out_width;
    int64_t in_stride = kernel_blocks(s->in_channels, in_block) * in_block * in_pixels + GAP;
    int64_t out_stride = kernel_blocks(s->out_channels, out_block) * out_block * out_pixels + GAP;
    size_t in_floats = (size_t)(in_stride * s->batch), out_floats = (size_t)(out_stride * s->batch);
    size_t packed_floats = (plan->packed_bytes + 3) / 4;
    size_t scratch_floats = (plan->scratch_bytes + 3) / 4;
    float *input = guarded(in_floats), *output = guarded(out_floats);
    float *residual = guarded(out_floats), *packed = guarded(packed_floats);
    float *scratch = guarded(scratch_floats);
    to_layout(p->input, input, in_stride, s->batch, s->in_channels, in_pixels, in_block);
    to_layout(p->residual, residual, out_stride, s->batch, s->out_channels, out_pixels, out_block);
    table->conv_pack(plan, p->weights, p->bias, packed);
    struct kernel_conv_buffers buffers = {
        .packed = packed,
        .input = input,
        .residual = plan->epilogue.residual ? residual : NULL,
        .output = output,
        .input_batch_stride = in_stride,
        .residual_batch_stride = out_stride,
        .output_batch_stride = out_stride,
        .scratch = scratch,
    };
    for (int part = parts - 1; part >= 0; part--)
        table->conv_run(plan, &buffers, part, parts);
    from_layout(output, out_stride, result, s->batch, s->out_channels, out_pixels, out_block);
    for (int n = 0; n < s->batch; n++)
        for (int i = 0; i < GAP; i++)
            assert_true(isnan(output[(n + 1) * out_stride - 1 - i]));
    free_guarded(input, in_floats);
    free_guarded(output, out_floats);
    free_guarded(residual, out_floats);
    free_guarded(packed, packed_floats);
    free_guarded(scratch, scratch_floats);
}

static void describe(const struct kernel_conv_plan *plan, const char *tier, char *text, size_t size)
{
    const struct kernel_conv_shape *s = &plan->shape;
    snprintf(text, size,
             "%s %s: n%d c%d %dx%d -> k%d %dx%d, kernel %dx%d stride %d,%d dilation %d,%d "
             "pad %d,%d groups %d%s%s%s, activation %d residual %d",
             tier, plan->name, s->batch, s->in_channels, s->in_height, s->in_width, s->out_channels,
             s->out_height, s->out_width, s->kernel_height, s->kernel_width, s->stride_height,
             s->stride_width, s->dilation_height, s->dilation_width, s->pad_top, s->pad_left,
             s->groups, s->transposed ? " transposed" : "", s->plain_input ? " plain in" : "",
             s->plain_output ? " plain out" : "", plan->epilogue.activation,
             plan->epilogue.residual);
}

static void check_values(const char *text, const struct kernel_conv_plan *plan, const float *result,
                         const float *expected, size_t count)
{
    float tolerance = strstr(plan->name, "winograd") ? 2e-4f : 2e-5f;
    for (size_t i = 0; i < count; i++)
        if (!(fabsf(result[i] - expected[i]) <= tolerance * (1.0f + fabsf(expected[i]))))
            fail_msg("%s: element %zu is %g, not %g", text, i, (double)result[i],
                     (double)expected[i]);
}

/* Each image of a batch alone must give the same bits. */
static void check_images(const struct problem *p, const char *text, enum base_cpu_tier tier,
                         int method, const float *result, float *other)
{
    struct kernel_conv_plan plan;
    struct problem one = *p;
    one.shape.batch = 1;
    size_t in = p->in_floats / (size_t)p->shape.batch;
    size_t out = p->out_floats / (size_t)p->shape.batch;
    assert_int_equal(conv_plan_with(tier, &plan, &one.shape, &one.epilogue, method), 0);
    for (int n = 0; n < p->shape.batch; n++) {
        one.input = p->input + n * in;
        one.residual = p->residual + n * out;
        run_planned(&one, &plan, kernel_table(tier), 1, other);
        if (memcmp(result + n * out, other, out * sizeof(float)) != 0)
            fail_msg("%s: image %d alone gives other bits", text, n);
    }
}

/* Compares with the reference, other cuts, and single images. Returns whether the tier has it. */
static bool check(const struct problem *p, enum base_cpu_tier tier, int method,
                  const float *expected)
{
    struct kernel_conv_plan plan;
    if (conv_plan_with(tier, &plan, &p->shape, &p->epilogue, method) < 0)
        return false;
    char text[352];
    describe(&plan, base_cpu_name(tier), text, sizeof text);
    assert_true(plan.parts >= 1);
    const struct kernel_table *table = kernel_table(tier);
    float *result = base_alloc(p->out_floats * sizeof(float));
    float *other = base_alloc(p->out_floats * sizeof(float));
    assert_non_null(result);
    assert_non_null(other);
    run_planned(p, &plan, table, 1, result);
    check_values(text, &plan, result, expected, p->out_floats);
    int cuts[] = {plan.parts, 2, 3, 7};
    for (int i = 0; i < 4; i++) {
        run_planned(p, &plan, table, cuts[i], other);
        if (memcmp(result, other, p->out_floats * sizeof(float)) != 0)
            fail_msg("%s: %d parts give other bits", text, cuts[i]);
    }
    if (p->shape.batch > 1)
        check_images(p, text, tier, method, result, other);
    base_free(result);
    base_free(other);
    return true;
}

static int methods_seen[BASE_CPU_TIERS][METHODS + 1];

/* All tiers and methods that this machine has. */
static void check_everywhere(struct problem *p)
{
    float *expected = base_alloc(p->out_floats * sizeof(float));
    assert_non_null(expected);
    struct kernel_conv_plan plan;
    assert_int_equal(conv_plan_with(BASE_CPU_REF, &plan, &p->shape, &p->epilogue, -1), 0);
    run_planned(p, &plan, kernel_table(BASE_CPU_REF), 1, expected);
    for (int tier = base_cpu_next(BASE_CPU_REF); tier < BASE_CPU_TIERS; tier = base_cpu_next(tier))
        for (int method = -1; method < METHODS; method++)
            methods_seen[tier][method + 1] += check(p, (enum base_cpu_tier)tier, method, expected);
    base_free(expected);
}

static int out_size(int in, int kernel, int stride, int dilation, int pads)
{
    return (in + pads - (kernel - 1) * dilation - 1) / stride + 1;
}

/* ---- Tests ----------------------------------------------------------------------------------- */

/* The reference tier against the definition in double precision. */
static double defined_value(const struct problem *p, int n, int k, int oy, int ox)
{
    const struct kernel_conv_shape *s = &p->shape;
    int ins = s->in_channels / s->groups, outs = s->out_channels / s->groups, group = k / outs;
    double sum = p->bias[k];
    for (int c = 0; c < ins; c++)
        for (int ky = 0; ky < s->kernel_height; ky++)
            for (int kx = 0; kx < s->kernel_width; kx++) {
                int y, x;
                size_t filter;
                if (s->transposed) {
                    y = oy + s->pad_top - ky * s->dilation_height;
                    x = ox + s->pad_left - kx * s->dilation_width;
                    if (y % s->stride_height || x % s->stride_width)
                        continue;
                    y /= s->stride_height;
                    x /= s->stride_width;
                    filter = (size_t)(group * ins + c) * outs + k % outs;
                } else {
                    y = oy * s->stride_height + ky * s->dilation_height - s->pad_top;
                    x = ox * s->stride_width + kx * s->dilation_width - s->pad_left;
                    filter = (size_t)k * ins + c;
                }
                if (y < 0 || x < 0 || y >= s->in_height || x >= s->in_width)
                    continue;
                size_t at = ((size_t)n * s->in_channels + group * ins + c) * s->in_height + y;
                sum += (double)p->input[at * s->in_width + x] *
                       p->weights[(filter * s->kernel_height + ky) * s->kernel_width + kx];
            }
    return sum;
}

static void random_window(struct kernel_conv_shape *s, int round)
{
    s->in_height = random_int(1, 20);
    s->in_width = random_int(1, 20);
    s->kernel_height = s->kernel_width = random_int(1, 7);
    if (round % 2 == 0)
        s->kernel_height = s->kernel_width = random_int(0, 1) ? 3 : 1;
    if (random_int(0, 5) == 0)
        s->kernel_width = random_int(1, 9);
    s->stride_height = s->stride_width = random_int(0, 2) ? 1 : random_int(2, 3);
    if (random_int(0, 5) == 0)
        s->stride_width = random_int(1, 3);
    if (round % 9 == 4) { /* a column */
        s->kernel_height = random_int(2, 12);
        s->kernel_width = s->stride_width = 1;
    }
    s->dilation_height = s->dilation_width = random_int(0, 4) ? 1 : random_int(2, 3);
    s->pad_top = random_int(0, s->kernel_height - 1);
    s->pad_left = random_int(0, s->kernel_width - 1);
}

/* Output size for random padding at the far ends; 0 where the window does not fit. */
static int random_size(const struct kernel_conv_shape *s, bool vertical)
{
    int in = vertical ? s->in_height : s->in_width, pad = vertical ? s->pad_top : s->pad_left;
    int kernel = vertical ? s->kernel_height : s->kernel_width;
    int stride = vertical ? s->stride_height : s->stride_width;
    int dilation = vertical ? s->dilation_height : s->dilation_width;
    int end = random_int(0, 2) && !s->transposed ? pad : random_int(0, kernel - 1);
    if (s->transposed)
        return (in - 1) * stride - pad - end + (kernel - 1) * dilation + 1;
    return in + pad + end > (kernel - 1) * dilation
               ? out_size(in, kernel, stride, dilation, pad + end)
               : 0;
}

static void random_shape(struct problem *p, int round)
{
    static const enum kernel_activation activations[] = {
        KERNEL_SWISH,      KERNEL_LINEAR,  KERNEL_RELU,         KERNEL_CLIP, KERNEL_LEAKY_RELU,
        KERNEL_HARD_SWISH, KERNEL_SIGMOID, KERNEL_HARD_SIGMOID, KERNEL_TANH, KERNEL_GELU,
    };
    struct kernel_conv_shape *s = &p->shape;
    *p = (struct problem){0};
    s->batch = round % 3 == 0 ? 3 : 1;
    s->transposed = round % 4 == 3;
    s->groups = 1;
    s->in_channels = random_int(1, 50);
    s->out_channels = random_int(1, 50);
    if (round % 5 == 1)
        s->groups = s->in_channels = s->out_channels;
    if (round % 25 == 2) {
        s->groups = random_int(2, 3);
        s->in_channels = s->groups * 16 * random_int(1, 2);
        s->out_channels = s->groups * 16 * random_int(1, 3);
    }
    if (round % 7 == 4 && s->groups == 1)
        s->in_channels = random_int(1, 4);
    do {
        random_window(s, round);
        s->out_height = random_size(s, true);
        s->out_width = random_size(s, false);
    } while (s->out_height < 1 || s->out_width < 1);
    s->plain_input = s->in_channels <= 4 ? random_int(0, 1) : round % 11 == 5;
    s->plain_output = random_int(0, 4) == 0;
    p->epilogue.activation = activations[random_int(0, 9)];
    p->epilogue.alpha = p->epilogue.activation == KERNEL_CLIP ? -0.25f : 0.2f;
    p->epilogue.beta = p->epilogue.activation == KERNEL_CLIP ? 0.75f : 0.5f;
    p->epilogue.residual = (enum kernel_residual)(random_int(0, 1) ? random_int(0, 2) : 0);
}

static void test_reference_follows_definition(void **state)
{
    (void)state;
    random_state = 1;
    for (int round = 0; round < 60; round++) {
        struct problem p;
        random_shape(&p, round);
        p.epilogue = (struct kernel_epilogue){KERNEL_LINEAR, 0, 0, KERNEL_NO_RESIDUAL};
        fill_problem(&p);
        float *result = base_alloc(p.out_floats * sizeof(float));
        assert_non_null(result);
        struct kernel_conv_plan plan;
        assert_int_equal(conv_plan_with(BASE_CPU_REF, &plan, &p.shape, &p.epilogue, -1), 0);
        run_planned(&p, &plan, kernel_table(BASE_CPU_REF), 5, result);
        const struct kernel_conv_shape *s = &p.shape;
        for (int n = 0; n < s->batch; n++)
            for (int k = 0; k < s->out_channels; k++)
                for (int y = 0; y < s->out_height; y++)
                    for (int x = 0; x < s->out_width; x++) {
                        size_t at = ((size_t)n * s->out_channels + k) * s->out_height + y;
                        double is = result[at * s->out_width + x];
                        assert_true(fabs(is - defined_value(&p, n, k, y, x)) < 1e-4);
                    }
        base_free(result);
        free_problem(&p);
    }
}

static void test_random_shapes(void **state)
{
    (void)state;
    const char *rounds = getenv("CONV_ROUNDS"), *seed = getenv("CONV_SEED");
    random_state = seed ? (uint32_t)strtoul(seed, NULL, 10) : 2;
    long count = rounds ? strtol(rounds, NULL, 10) : 600;
    for (int round = 0; round < count; round++) {
        struct problem p;
        random_shape(&p, round);
        fill_problem(&p);
        check_everywhere(&p);
        free_problem(&p);
    }
    for (int tier = base_cpu_next(BASE_CPU_REF); tier < BASE_CPU_TIERS;
         tier = base_cpu_next(tier)) {
        printf("%s:", base_cpu_name((enum base_cpu_tier)tier));
        for (int method = 0; method <= METHODS; method++)
            printf(" %d", methods_seen[tier][method]);
        printf("\n");
    }
}

static void test_network_shapes(void **state)
{
    (void)state;
    static const int shapes[][9] = {
        /* C H W K kernel stride pad groups transposed */
        {3, 64, 48, 24, 3, 2, 1, 1, 0},    {3, 40, 40, 32, 6, 2, 2, 1, 0},
        {24, 32, 24, 48, 3, 1, 1, 1, 0},   {96, 16, 12, 96, 3, 1, 1, 1, 0},
        {192, 16, 12, 192, 1, 1, 0, 1, 0}, {192, 16, 12, 384, 3, 2, 1, 1, 0},
        {384, 8, 6, 384, 3, 1, 1, 1, 0},   {384, 8, 6, 17, 7, 1, 3, 1, 0},
        {96, 16, 12, 96, 5, 1, 2, 96, 0},  {64, 40, 40, 64, 3, 2, 1, 64, 0},
        {256, 1, 1, 256, 1, 1, 0, 1, 0},   {64, 20, 20, 1, 1, 1, 0, 1, 0},
        {96, 8, 6, 64, 4, 2, 1, 1, 1},     {32, 40, 40, 32, 3, 1, 1, 1, 0},
        {64, 16, 12, 64, 4, 2, 1, 64, 1},  {64, 9, 200, 64, 9, 1, 4, 1, 0},
        {24, 8, 6, 24, 2, 2, 0, 24, 1},    {24, 9, 27, 24, 3, 2, 1, 24, 1},
        {24, 7, 13, 24, 2, 3, 0, 24, 1},   {24, 7, 13, 24, 5, 1, 2, 24, 1},
        {40, 50, 17, 40, 1, 1, 0, 40, 0},  {40, 9, 17, 40, 1, 2, 0, 40, 0},
        {144, 12, 9, 144, 3, 1, 1, 8, 0},  {36, 9, 14, 72, 3, 2, 1, 3, 0},
        {20, 9, 5, 70, 3, 1, 1, 10, 0},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const int *v = shapes[i];
        int k = v[4], stride = v[5], pad = v[6];
        struct problem p = {.shape = {
                                .batch = 1 + 2 * (int)(i % 2),
                                .in_channels = v[0],
                                .out_channels = v[3],
                                .groups = v[7],
                                .in_height = v[1],
                                .in_width = v[2],
                                .out_height = out_size(v[1], k, stride, 1, 2 * pad),
                                .out_width = out_size(v[2], k, stride, 1, 2 * pad),
                                .kernel_height = k,
                                .kernel_width = k,
                                .stride_height = stride,
                                .stride_width = stride,
                                .dilation_height = 1,
                                .dilation_width = 1,
                                .pad_top = pad,
                                .pad_left = pad,
                                .transposed = v[8],
                                .plain_input = v[0] == 3,
                                .plain_output = v[3] == 17,
                            }};
        if (v[8]) {
            p.shape.out_height = (v[1] - 1) * stride - 2 * pad + k;
            p.shape.out_width = (v[2] - 1) * stride - 2 * pad + k;
        }
        p.epilogue.activation = KERNEL_SWISH;
        fill_problem(&p);
        check_everywhere(&p);
        free_problem(&p);
    }
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "--bench") == 0)
        return conv_bench(argv[2], argc > 3 ? argv[3] : NULL,
                          argc > 4 ? (int)strtol(argv[4], NULL, 10) : -1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference_follows_definition),
        cmocka_unit_test(test_random_shapes),
        cmocka_unit_test(test_network_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
