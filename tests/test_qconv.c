/* Convolution kernels of bytes: the reference tier against the definition, and every method of every
 * tier against the reference tier, with guard pages, any cut into parts and any batch. With --bench
 * FILE [TIER [METHOD]] it times the layers of a network in bytes and in floats, see
 * support/conv_bench.h. QCONV_ROUNDS and QCONV_SEED give more random shapes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/memory.h"
#include "support/conv_bench.h"
#include "support/guarded.h"

enum { METHODS = 6, GAP = 64 };

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

/* ---- Problems -------------------------------------------------------------------------------- */

struct problem {
    struct kernel_conv_shape shape;
    struct kernel_epilogue epilogue;
    struct kernel_bytes input, residual, output;
    uint8_t *x, *residual_bytes; /* plain */
    int8_t *weights;
    float *weight_scales, *bias, *residual_floats;
    size_t in_count, out_count, weight_count;
};

static void *allocate(size_t bytes)
{
    void *p = base_alloc(bytes);
    assert_non_null(p);
    return p;
}

static int depth_of(const struct kernel_conv_shape *s)
{
    return s->in_channels / s->groups * s->kernel_height * s->kernel_width;
}

static void fill_problem(struct problem *p)
{
    struct kernel_conv_shape *s = &p->shape;
    size_t outputs = (size_t)s->out_channels;
    p->in_count = (size_t)s->batch * s->in_channels * s->in_height * s->in_width;
    p->out_count = (size_t)s->batch * outputs * s->out_height * s->out_width;
    p->weight_count = outputs * (size_t)depth_of(s);
    p->x = allocate(p->in_count);
    p->residual_bytes = allocate(p->out_count);
    p->weights = allocate(p->weight_count);
    p->weight_scales = allocate(outputs * sizeof(float));
    p->bias = allocate(outputs * sizeof(float));
    p->residual_floats = allocate(p->out_count * sizeof(float));
    /* extremes often: they show sums that saturate */
    for (size_t i = 0; i < p->in_count; i++)
        p->x[i] = (uint8_t)(random_int(0, 3) ? random_int(0, 255) : 255);
    for (size_t i = 0; i < p->weight_count; i++)
        p->weights[i] = (int8_t)(random_int(0, 7) ? random_int(-127, 127) : 127);
    for (size_t i = 0; i < outputs; i++) {
        p->weight_scales[i] = (1.5f + random_float()) / 64.0f / sqrtf((float)depth_of(s));
        p->bias[i] = random_float();
    }
    for (size_t i = 0; i < p->out_count; i++) {
        p->residual_bytes[i] = (uint8_t)random_int(0, 255);
        p->residual_floats[i] = random_float();
    }
}

static void free_problem(struct problem *p)
{
    base_free(p->x);
    base_free(p->residual_bytes);
    base_free(p->weights);
    base_free(p->weight_scales);
    base_free(p->bias);
    base_free(p->residual_floats);
}

/* One element of an image's layout. */
static int64_t place(int block, int channel, int64_t pixels, int64_t pixel)
{
    return blocked_at(block, channel, pixels, pixel);
}

/* Plain bytes or floats of `size` bytes to blocked ones; lanes beyond the last channel are noise. */
static void to_layout(const void *plain, size_t size, void *to, int64_t stride, int batch,
                      int channels, int64_t pixels, int block)
{
    const char *from = plain;
    for (int64_t i = 0; i < stride * batch * (int64_t)size; i++)
        ((uint8_t *)to)[i] = (uint8_t)random_bits();
    for (int n = 0; n < batch; n++)
        for (int c = 0; c < channels; c++)
            for (int64_t i = 0; i < pixels; i++)
                memcpy((char *)to + (size_t)(n * stride + place(block, c, pixels, i)) * size,
                       from + (size_t)(((int64_t)n * channels + c) * pixels + i) * size, size);
}

static void from_layout(const void *from, size_t size, int64_t stride, void *plain, int batch,
                        int channels, int64_t pixels, int block)
{
    char *to = plain;
    for (int n = 0; n < batch; n++)
        for (int c = 0; c < channels; c++)
            for (int64_t i = 0; i < pixels; i++)
                memcpy(to + (size_t)(((int64_t)n * channels + c) * pixels + i) * size,
                       (const char *)from +
                           (size_t)(n * stride + place(block, c, pixels, i)) * size,
                       size);
}

static struct guarded guarded_bytes(size_t bytes)
{
    return guarded_open((bytes + 3) / 4);
}

/* For what must be aligned to 64 bytes. */
static struct guarded guarded_lines(size_t bytes)
{
    return guarded_open((bytes + 63) / 64 * 16);
}

static size_t output_size(const struct problem *p)
{
    return p->output.scale == 0 ? sizeof(float) : 1;
}

/* Runs a planned problem in `parts` parts and gives the output as plain bytes or floats. */
static void run_planned(const struct problem *p, const struct kernel_qconv_plan *plan,
                        const struct kernel_table *table, int parts, void *result)
{
    const struct kernel_conv_shape *s = &plan->shape;
    bool float_residual = p->residual.scale == 0;
    size_t size = output_size(p), residual_size = float_residual ? sizeof(float) : 1;
    int64_t in_pixels = (int64_t)s->in_height * s->in_width;
    int64_t out_pixels = (int64_t)s->out_height * s->out_width;
    int64_t in_stride = blocked_size(table->block, s->in_channels, in_pixels) + GAP;
    int64_t out_stride = blocked_size(table->block, s->out_channels, out_pixels) + GAP;
    struct guarded input = guarded_bytes((size_t)(in_stride * s->batch));
    struct guarded output = guarded_bytes((size_t)(out_stride * s->batch) * size);
    struct guarded residual = guarded_bytes((size_t)(out_stride * s->batch) * residual_size);
    struct guarded packed = guarded_lines(plan->packed_bytes);
    struct guarded scratch = guarded_lines(plan->scratch_bytes);
    to_layout(p->x, 1, input.data, in_stride, s->batch, s->in_channels, in_pixels, table->block);
    to_layout(float_residual ? (void *)p->residual_floats : p->residual_bytes, residual_size,
              residual.data, out_stride, s->batch, s->out_channels, out_pixels, table->block);
    table->qconv_pack(plan, p->weights, p->weight_scales, p->bias, packed.data);
    struct kernel_qconv_buffers buffers = {
        .packed = packed.data,
        .input = (const uint8_t *)input.data,
        .residual = p->epilogue.residual ? residual.data : NULL,
        .output = output.data,
        .input_batch_stride = in_stride,
        .residual_batch_stride = out_stride,
        .output_batch_stride = out_stride,
        .scratch = scratch.data,
    };
    for (int part = parts - 1; part >= 0; part--)
        table->qconv_run(plan, &buffers, part, parts);
    from_layout(output.data, size, out_stride, result, s->batch, s->out_channels, out_pixels,
                table->block);
    const unsigned char *bytes = (const unsigned char *)output.data;
    for (int n = 0; n < s->batch; n++)
        for (size_t i = 0; i < GAP * size; i++)
            assert_int_equal(bytes[(size_t)(n + 1) * (size_t)out_stride * size - 1 - i],
                             GUARD_PATTERN);
    guarded_close(&input);
    guarded_close(&output);
    guarded_close(&residual);
    guarded_close(&packed);
    guarded_close(&scratch);
}

static void describe(const struct kernel_qconv_plan *plan, const char *tier, char *text,
                     size_t size)
{
    const struct kernel_conv_shape *s = &plan->shape;
    snprintf(text, size,
             "%s %s: n%d c%d %dx%d -> k%d %dx%d, kernel %dx%d stride %d,%d dilation %d,%d "
             "pad %d,%d groups %d%s, activation %d residual %d %s output %s",
             tier, plan->name, s->batch, s->in_channels, s->in_height, s->in_width, s->out_channels,
             s->out_height, s->out_width, s->kernel_height, s->kernel_width, s->stride_height,
             s->stride_width, s->dilation_height, s->dilation_width, s->pad_top, s->pad_left,
             s->groups, s->transposed ? " transposed" : "", plan->epilogue.activation,
             plan->epilogue.residual, plan->residual.scale == 0 ? "of floats" : "of bytes",
             plan->output.scale == 0 ? "floats" : "bytes");
}

/* Floats agree but for rounding; bytes may be neighbours where the number lies half way. */
static void check_values(const char *text, const struct problem *p, const void *result,
                         const void *expected)
{
    size_t apart = 0;
    for (size_t i = 0; i < p->out_count; i++)
        if (p->output.scale == 0) {
            float is = ((const float *)result)[i], should = ((const float *)expected)[i];
            if (!(fabsf(is - should) <= 2e-5f * (1.0f + fabsf(should))))
                fail_msg("%s: element %zu is %g, not %g", text, i, (double)is, (double)should);
        } else {
            int is = ((const uint8_t *)result)[i], should = ((const uint8_t *)expected)[i];
            if (abs(is - should) > 1)
                fail_msg("%s: element %zu is %d, not %d", text, i, is, should);
            apart += is != should;
        }
    if (apart > 3 + p->out_count / 50)
        fail_msg("%s: %zu of %zu bytes are off by one", text, apart, p->out_count);
}

static int plan_with(enum base_cpu_tier tier, struct kernel_qconv_plan *plan,
                     const struct problem *p, int method)
{
    return qconv_plan_with(tier, plan, &p->shape, &p->epilogue, &p->input, &p->residual, &p->output,
                           method);
}

/* Each image of a batch alone must give the same bits. */
static void check_images(const struct problem *p, const char *text, enum base_cpu_tier tier,
                         int method, const char *result, char *other)
{
    struct kernel_qconv_plan plan;
    struct problem one = *p;
    one.shape.batch = 1;
    size_t in = p->in_count / (size_t)p->shape.batch, out = p->out_count / (size_t)p->shape.batch;
    assert_int_equal(plan_with(tier, &plan, &one, method), 0);
    for (size_t n = 0; n < (size_t)p->shape.batch; n++) {
        one.x = p->x + n * in;
        one.residual_bytes = p->residual_bytes + n * out;
        one.residual_floats = p->residual_floats + n * out;
        run_planned(&one, &plan, kernel_table(tier), 1, other);
        if (memcmp(result + n * out * output_size(p), other, out * output_size(p)) != 0)
            fail_msg("%s: image %zu alone gives other bits", text, n);
    }
}

/* Compares with the reference, other cuts, and single images. Returns whether the tier has it. */
static bool check(const struct problem *p, enum base_cpu_tier tier, int method,
                  const void *expected)
{
    struct kernel_qconv_plan plan;
    if (plan_with(tier, &plan, p, method) < 0)
        return false;
    char text[352];
    describe(&plan, base_cpu_name(tier), text, sizeof text);
    assert_true(plan.parts >= 1);
    const struct kernel_table *table = kernel_table(tier);
    size_t bytes = p->out_count * output_size(p);
    char *result = allocate(bytes), *other = allocate(bytes);
    run_planned(p, &plan, table, 1, result);
    check_values(text, p, result, expected);
    int cuts[] = {plan.parts, 2, 3, 7};
    for (int i = 0; i < 4; i++) {
        run_planned(p, &plan, table, cuts[i], other);
        if (memcmp(result, other, bytes) != 0)
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
    void *expected = allocate(p->out_count * output_size(p));
    struct kernel_qconv_plan plan;
    assert_int_equal(plan_with(BASE_CPU_REF, &plan, p, -1), 0);
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

static void random_window(struct kernel_conv_shape *s, int round)
{
    s->in_height = random_int(1, 20);
    s->in_width = random_int(1, 30);
    s->kernel_height = s->kernel_width = random_int(1, 7);
    if (round % 2 == 0)
        s->kernel_height = s->kernel_width = random_int(0, 1) ? 3 : 1;
    if (random_int(0, 5) == 0)
        s->kernel_width = random_int(1, 9);
    s->stride_height = s->stride_width = random_int(0, 2) ? 1 : random_int(2, 3);
    if (random_int(0, 5) == 0)
        s->stride_width = random_int(1, 3);
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

static void random_numbers(struct problem *p)
{
    static const enum kernel_activation activations[] = {
        KERNEL_SWISH, KERNEL_LINEAR,     KERNEL_RELU,    KERNEL_CLIP,
        KERNEL_SWISH, KERNEL_LEAKY_RELU, KERNEL_SIGMOID, KERNEL_HARD_SWISH,
    };
    p->epilogue.activation = activations[random_int(0, 7)];
    p->epilogue.alpha = p->epilogue.activation == KERNEL_CLIP ? -0.2471f : 0.2f;
    p->epilogue.beta = p->epilogue.activation == KERNEL_CLIP ? 0.7533f : 0.5f;
    p->epilogue.residual = (enum kernel_residual)random_int(0, 2);
    p->input = (struct kernel_bytes){0.02f + 0.01f * random_float(), random_int(0, 255)};
    p->residual = (struct kernel_bytes){random_int(0, 2) ? 0.02f : 0, random_int(0, 255)};
    static const float steps[] = {0, 0.03f, 0.05f, 0.004f, 0.25f, 0.001f, 0.02f, 0.7f, 3.7f};
    p->output = (struct kernel_bytes){steps[random_int(0, 8)], random_int(0, 255)};
    if (p->output.scale > 1) /* numbers that fill such bytes */
        p->input.scale *= 200;
}

static void random_shape(struct problem *p, int round)
{
    struct kernel_conv_shape *s = &p->shape;
    *p = (struct problem){0};
    s->batch = round % 3 == 0 ? 3 : 1;
    s->groups = 1;
    s->transposed = round % 5 == 3;
    s->in_channels = random_int(1, 70);
    s->out_channels = random_int(1, 70);
    if (round % 3 == 1)
        s->groups = s->in_channels = s->out_channels;
    if (round % 7 == 2) {
        s->groups = random_int(2, 9);
        s->in_channels = s->groups * random_int(1, 20);
        s->out_channels = s->groups * random_int(1, 20);
    }
    do {
        random_window(s, round);
        s->out_height = random_size(s, true);
        s->out_width = random_size(s, false);
    } while (s->out_height < 1 || s->out_width < 1);
    random_numbers(p);
    if (s->transposed && round % 10 != 3)
        p->epilogue.residual = KERNEL_NO_RESIDUAL;
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static double defined_sum(const struct problem *p, int n, int k, int oy, int ox)
{
    const struct kernel_conv_shape *s = &p->shape;
    int ins = s->in_channels / s->groups, group = k / (s->out_channels / s->groups);
    double sum = 0;
    for (int c = 0; c < ins; c++)
        for (int ky = 0; ky < s->kernel_height; ky++)
            for (int kx = 0; kx < s->kernel_width; kx++) {
                int y = oy * s->stride_height + ky * s->dilation_height - s->pad_top;
                int x = ox * s->stride_width + kx * s->dilation_width - s->pad_left;
                size_t filter = (size_t)k * ins + c;
                if (s->transposed) {
                    int outs = s->out_channels / s->groups;
                    y = oy + s->pad_top - ky * s->dilation_height;
                    x = ox + s->pad_left - kx * s->dilation_width;
                    if (y % s->stride_height || x % s->stride_width)
                        continue;
                    y /= s->stride_height;
                    x /= s->stride_width;
                    filter = (size_t)(group * ins + c) * outs + k % outs;
                }
                if (y < 0 || x < 0 || y >= s->in_height || x >= s->in_width)
                    continue;
                size_t at = ((size_t)n * s->in_channels + group * ins + c) * s->in_height + y;
                size_t w = (filter * s->kernel_height + ky) * s->kernel_width + kx;
                sum += (double)p->input.scale * (p->x[at * s->in_width + x] - p->input.zero) *
                       (double)p->weight_scales[k] * p->weights[w];
            }
    return sum + (double)p->bias[k];
}

/* The reference tier against the definition in double precision. */
static void test_reference_follows_definition(void **state)
{
    (void)state;
    random_state = 1;
    for (int round = 0; round < 40; round++) {
        struct problem p;
        random_shape(&p, round);
        p.epilogue = (struct kernel_epilogue){KERNEL_LINEAR, 0, 0, KERNEL_RESIDUAL_AFTER};
        fill_problem(&p);
        void *result = allocate(p.out_count * output_size(&p));
        struct kernel_qconv_plan plan;
        assert_int_equal(plan_with(BASE_CPU_REF, &plan, &p, -1), 0);
        run_planned(&p, &plan, kernel_table(BASE_CPU_REF), 5, result);
        const struct kernel_conv_shape *s = &p.shape;
        for (size_t at = 0; at < p.out_count; at++) {
            int x = (int)(at % (size_t)s->out_width);
            int y = (int)(at / (size_t)s->out_width % (size_t)s->out_height);
            size_t map = at / (size_t)(s->out_width * s->out_height);
            int k = (int)(map % (size_t)s->out_channels), n = (int)(map / (size_t)s->out_channels);
            double value = defined_sum(&p, n, k, y, x);
            value += p.residual.scale == 0
                         ? (double)p.residual_floats[at]
                         : (double)p.residual.scale * (p.residual_bytes[at] - p.residual.zero);
            if (p.output.scale == 0) {
                assert_near((double)((float *)result)[at], value, 1e-4);
                continue;
            }
            value = value / (double)p.output.scale + p.output.zero;
            value = fmin(fmax(value, 0), 255);
            assert_near(((uint8_t *)result)[at], value, 0.501);
        }
        base_free(result);
        free_problem(&p);
    }
}

static void test_random_shapes(void **state)
{
    (void)state;
    const char *rounds = getenv("QCONV_ROUNDS"), *seed = getenv("QCONV_SEED");
    random_state = seed ? (uint32_t)strtoul(seed, NULL, 10) : 2;
    long count = rounds ? strtol(rounds, NULL, 10) : 400;
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
    static const int shapes[][8] = {
        /* C H W K kernel stride pad groups */
        {24, 32, 24, 48, 3, 1, 1, 1},   {96, 16, 12, 96, 3, 1, 1, 1},
        {192, 16, 12, 192, 1, 1, 0, 1}, {192, 16, 12, 384, 3, 2, 1, 1},
        {384, 8, 6, 384, 3, 1, 1, 1},   {96, 16, 12, 96, 5, 1, 2, 96},
        {64, 40, 40, 64, 3, 2, 1, 64},  {256, 1, 1, 256, 1, 1, 0, 1},
        {64, 20, 20, 1, 1, 1, 0, 1},    {48, 64, 48, 48, 5, 1, 2, 48},
        {768, 8, 6, 768, 5, 1, 2, 768}, {17, 8, 6, 17, 7, 1, 3, 17},
        {384, 8, 6, 17, 7, 1, 3, 1},    {133, 9, 7, 33, 5, 1, 2, 1},
        {144, 20, 20, 144, 3, 1, 1, 8}, {64, 9, 9, 128, 1, 1, 0, 4},
        {1024, 8, 6, 40, 1, 1, 0, 1},   {40, 5, 170, 40, 3, 1, 1, 40},
    };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const int *v = shapes[i];
        struct problem p = {.shape = {
                                .batch = 1 + 2 * (int)(i % 2),
                                .in_channels = v[0],
                                .out_channels = v[3],
                                .groups = v[7],
                                .in_height = v[1],
                                .in_width = v[2],
                                .out_height = out_size(v[1], v[4], v[5], 1, 2 * v[6]),
                                .out_width = out_size(v[2], v[4], v[5], 1, 2 * v[6]),
                                .kernel_height = v[4],
                                .kernel_width = v[4],
                                .stride_height = v[5],
                                .stride_width = v[5],
                                .dilation_height = 1,
                                .dilation_width = 1,
                                .pad_top = v[6],
                                .pad_left = v[6],
                            }};
        random_numbers(&p);
        fill_problem(&p);
        check_everywhere(&p);
        free_problem(&p);
    }
}

/* Sums of full bytes and the largest weights: 16-bit intermediates would saturate. */
static void test_extreme_sums_are_exact(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) {
        bool depthwise = i % 2;
        int channels = depthwise ? 20 : 1000;
        struct problem p = {.shape = {1, channels, channels, depthwise ? channels : 1, 5, 5, 5, 5,
                                      3, 3, 1, 1, 1, 1, 1, 1, false, false, false},
                            .epilogue = {.activation = KERNEL_LINEAR},
                            .input = {1.0f, i & 2 ? 255 : 0}};
        if (!depthwise)
            p.shape.out_channels = 17;
        fill_problem(&p);
        for (size_t at = 0; at < p.in_count; at++)
            p.x[at] = i & 2 ? 0 : 255;
        for (size_t at = 0; at < p.weight_count; at++)
            p.weights[at] = i & 4 ? -127 : 127;
        for (int k = 0; k < p.shape.out_channels; k++)
            p.weight_scales[k] = 1.0f, p.bias[k] = 0;
        check_everywhere(&p);
        free_problem(&p);
    }
}

static void test_unfit_plans_are_refused(void **state)
{
    (void)state;
    struct problem p = {
        .shape = {1, 16, 16, 1, 8, 8, 8, 8, 3, 3, 1, 1, 1, 1, 1, 1, true, false, false},
        .input = {1.0f, 0}};
    struct kernel_qconv_plan plan;
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier)) {
        p.shape.in_channels = KERNEL_QCONV_DEPTH / 9 + 1;
        assert_int_equal(plan_with((enum base_cpu_tier)tier, &plan, &p, -1), STANCE_EUNSUPPORTED);
    }
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "--bench") == 0)
        return qconv_bench(argv[2], argc > 3 ? argv[3] : NULL,
                           argc > 4 ? (int)strtol(argv[4], NULL, 10) : -1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference_follows_definition),
        cmocka_unit_test(test_random_shapes),
        cmocka_unit_test(test_network_shapes),
        cmocka_unit_test(test_extreme_sums_are_exact),
        cmocka_unit_test(test_unfit_plans_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
