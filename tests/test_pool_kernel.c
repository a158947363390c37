/* Kernels that look at a neighbourhood (pooling, global mean, resizing, graph convolution), every
 * tier against naive sums. `--bench` prints speed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/guarded.h"

static const struct kernel_table *tier_table(int tier)
{
    return kernel_table((enum base_cpu_tier)tier);
}

/* ---- Pooling --------------------------------------------------------------------------------- */

static double pool_expected(const struct kernel_pool *p, int block, int n, int channel, int oy,
                            int ox)
{
    const float *image = p->input + n * p->input_batch_stride;
    double sum = 0, largest = -INFINITY;
    int count = 0;
    for (int ky = 0; ky < p->kernel_height; ky++) {
        for (int kx = 0; kx < p->kernel_width; kx++) {
            int y = oy * p->stride_height - p->pad_top + ky * p->dilation_height;
            int x = ox * p->stride_width - p->pad_left + kx * p->dilation_width;
            if (y < 0 || x < 0 || y >= p->in_height || x >= p->in_width)
                continue;
            double value = image[blocked_at(block, channel, (int64_t)p->in_height * p->in_width,
                                            (int64_t)y * p->in_width + x)];
            sum += value;
            count++;
            largest = isnan(value) || isnan(largest) ? NAN : fmax(largest, value);
        }
    }
    if (!p->average)
        return largest;
    if (p->count_include_pad)
        count = p->kernel_height * p->kernel_width;
    return count ? sum / count : 0;
}

static int pooled(int in, int kernel, int stride, int dilation, int pad)
{
    int reach = (kernel - 1) * dilation + 1;
    return in + 2 * pad < reach ? 0 : (in + 2 * pad - reach) / stride + 1;
}

/* `p` has the window; input, output and their sizes are made here. */
static void check_pool(const struct kernel_table *k, struct kernel_pool p, bool with_nan)
{
    p.out_height =
        pooled(p.in_height, p.kernel_height, p.stride_height, p.dilation_height, p.pad_top);
    p.out_width = pooled(p.in_width, p.kernel_width, p.stride_width, p.dilation_width, p.pad_left);
    int64_t in_pixels = (int64_t)p.in_height * p.in_width;
    int64_t out_pixels = (int64_t)p.out_height * p.out_width;
    p.input_batch_stride = blocked_size(k->block, p.channels, in_pixels);
    p.output_batch_stride = blocked_size(k->block, p.channels, out_pixels);
    struct guarded input = guarded_random((size_t)(p.batch * p.input_batch_stride), 1);
    struct guarded output = guarded_open((size_t)(p.batch * p.output_batch_stride));
    struct guarded split = guarded_open(output.count);
    for (size_t i = 5; with_nan && i < input.count; i += 97)
        input.data[i] = i % 2 ? NAN : -INFINITY;
    p.input = input.data;
    p.output = output.data;
    k->pool_run(&p, 0, 1);
    for (int n = 0; n < p.batch; n++) {
        for (int c = 0; c < p.channels; c++) {
            for (int64_t i = 0; i < out_pixels; i++)
                assert_near(
                    output.data[n * p.output_batch_stride + blocked_at(k->block, c, out_pixels, i)],
                    pool_expected(&p, k->block, n, c, (int)(i / p.out_width),
                                  (int)(i % p.out_width)),
                    p.average ? 1e-6 : 0);
        }
    }
    p.output = split.data;
    for (int part = 5; part >= 0; part--)
        k->pool_run(&p, part, 6);
    assert_same_bits(&output, &split);
    guarded_close(&input);
    guarded_close(&output);
    guarded_close(&split);
}

static struct kernel_pool window(int size, int stride, int dilation, int pad)
{
    return (struct kernel_pool){
        .batch = 2,
        .channels = 19,
        .in_height = 7,
        .in_width = 9,
        .kernel_height = size,
        .kernel_width = size,
        .stride_height = stride,
        .stride_width = stride,
        .dilation_height = dilation,
        .dilation_width = dilation,
        .pad_top = pad,
        .pad_left = pad,
    };
}

static void test_pool_windows(void **state)
{
    (void)state;
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier)) {
        for (int i = 0; i < 6 * 3 * 3 * 2; i++) {
            int size = i % 6 + 1, stride = i / 6 % 3 + 1, dilation = i / 18 % 3 + 1;
            struct kernel_pool p = window(size, stride, dilation, i / 54 ? size / 2 : 0);
            check_pool(tier_table(tier), p, false);
            check_pool(tier_table(tier), p, true);
            p.average = true;
            check_pool(tier_table(tier), p, false);
            p.count_include_pad = true;
            check_pool(tier_table(tier), p, false);
        }
    }
}

static void test_pool_same_size_maximum(void **state)
{
    (void)state;
    static const int sizes[] = {3, 5, 9, 13, 31, 33, 41};
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier)) {
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            struct kernel_pool p = window(sizes[i], 1, 1, sizes[i] / 2);
            check_pool(tier_table(tier), p, i % 2);
            p.in_height = 20;
            p.in_width = 1;
            check_pool(tier_table(tier), p, !(i % 2));
            p.kernel_width = 2;
            p.pad_left = 1;
            p.in_width = 6;
            check_pool(tier_table(tier), p, true);
        }
    }
}

static void test_pool_of_nothing(void **state)
{
    (void)state;
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier)) {
        struct kernel_pool p = window(3, 1, 1, 1);
        p.batch = 0;
        check_pool(tier_table(tier), p, false);
        p.batch = 1;
        p.channels = 0;
        check_pool(tier_table(tier), p, false);
    }
}

static void test_global_average(void **state)
{
    (void)state;
    static const int64_t sizes[] = {1, 3, 48, 64, 65, 130, 1600, 20000};
    enum { CHANNELS = 19, BATCH = 2 };
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier)) {
        const struct kernel_table *k = tier_table(tier);
        for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
            int64_t stride = blocked_size(k->block, CHANNELS, sizes[s]);
            int64_t lanes = blocked_size(k->block, CHANNELS, 1);
            struct guarded input = guarded_random((size_t)(BATCH * stride), 1);
            struct guarded output = guarded_open((size_t)(BATCH * lanes));
            for (size_t i = 0; i < input.count; i++)
                input.data[i] += 1;
            for (int part = 0; part < 3; part++)
                k->global_average(input.data, stride, BATCH, CHANNELS, sizes[s], output.data, part,
                                  3);
            for (int c = 0; c < CHANNELS * BATCH; c++) {
                double sum = 0;
                for (int64_t p = 0; p < sizes[s]; p++)
                    sum += input.data[c / CHANNELS * stride +
                                      blocked_at(k->block, c % CHANNELS, sizes[s], p)];
                assert_near(output.data[c / CHANNELS * lanes + c % CHANNELS],
                            sum / (double)sizes[s], 3e-7);
            }
            guarded_close(&input);
            guarded_close(&output);
        }
    }
}

/* ---- Resizing -------------------------------------------------------------------------------- */

enum { RESIZE_MOST = 40 };

struct axis {
    int at[2 * RESIZE_MOST];
    float weight[RESIZE_MOST];
};

/* Half-pixel centres; nearest takes the lower neighbour. */
static void axis_fill(struct axis *axis, int in, int out, bool linear)
{
    for (int i = 0; i < out; i++) {
        float centre = ((float)i + 0.5f) * (float)in / (float)out - 0.5f;
        int low = centre < 0 ? 0 : (int)centre, high = low + 1 < in ? low + 1 : low;
        axis->at[2 * i] = low;
        axis->at[2 * i + 1] = linear ? high : low;
        axis->weight[i] = linear && centre > 0 ? centre - (float)low : 0;
    }
}

static void check_resize(const struct kernel_table *k, int ih, int iw, int oh, int ow, bool linear)
{
    struct axis rows, columns;
    axis_fill(&rows, ih, oh, linear);
    axis_fill(&columns, iw, ow, linear);
    enum { PLANES = 3 };
    int b = k->block;
    struct guarded in = guarded_random((size_t)(PLANES * ih * iw * b), 1);
    struct guarded out = guarded_open((size_t)(PLANES * oh * ow * b));
    struct kernel_resize resize = {
        .planes = PLANES,
        .in_height = ih,
        .in_width = iw,
        .out_height = oh,
        .out_width = ow,
        .rows = rows.at,
        .columns = columns.at,
        .row_weight = rows.weight,
        .column_weight = columns.weight,
        .linear = linear,
        .input = in.data,
        .output = out.data,
        .input_plane_stride = (int64_t)ih * iw * b,
        .output_plane_stride = (int64_t)oh * ow * b,
    };
    for (int part = 3; part >= 0; part--)
        k->resize_run(&resize, part, 4);
    for (int i = 0; i < PLANES * oh * ow * b; i++) {
        int lane = i % b, x = i / b % ow, y = i / b / ow % oh, plane = i / b / ow / oh;
        double value = 0;
        for (int corner = 0; corner < 4; corner++) {
            double wy = corner / 2 ? rows.weight[y] : 1 - (double)rows.weight[y];
            double wx = corner % 2 ? columns.weight[x] : 1 - (double)columns.weight[x];
            int at =
                (plane * ih + rows.at[2 * y + corner / 2]) * iw + columns.at[2 * x + corner % 2];
            value += wy * wx * in.data[at * b + lane];
        }
        assert_near(out.data[i], value, linear ? 5e-7 : 0);
    }
    guarded_close(&in);
    guarded_close(&out);
}

static void test_resize(void **state)
{
    (void)state;
    static const int sizes[][4] = {{8, 6, 16, 12}, {5, 7, 10, 14}, {9, 9, 4, 5},
                                   {1, 1, 3, 3},   {3, 4, 3, 4},   {2, 3, 13, 31}};
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier)) {
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            const int *s = sizes[i];
            check_resize(tier_table(tier), s[0], s[1], s[2], s[3], false);
            check_resize(tier_table(tier), s[0], s[1], s[2], s[3], true);
        }
    }
}

/* ---- Graph convolution ----------------------------------------------------------------------- */

struct graph_case {
    int batch, subsets, channels, frames, joints_in, joints_out;
    bool scaled, relu;
    enum kernel_residual residual;
};

static double graph_expected(const struct kernel_graph_conv *g, int block, int n, int c, int t,
                             int w)
{
    double sum = 0;
    int64_t pixels = (int64_t)g->frames * g->joints_in;
    for (int k = 0; k < g->subsets; k++) {
        for (int v = 0; v < g->joints_in; v++)
            sum += (double)g->input[n * g->input_batch_stride +
                                    blocked_at(block, k * g->channels + c, pixels,
                                               (int64_t)t * g->joints_in + v)] *
                   g->adjacency[(k * g->joints_in + v) * g->joints_out + w];
    }
    if (g->scale)
        sum = sum * g->scale[c] + g->shift[c];
    double added = 0;
    if (g->residual)
        added = g->residual[n * g->residual_batch_stride +
                            blocked_at(block, c, (int64_t)g->frames * g->joints_out,
                                       (int64_t)t * g->joints_out + w)];
    if (g->epilogue.residual == KERNEL_RESIDUAL_BEFORE)
        sum += added;
    sum = g->epilogue.activation == KERNEL_RELU && sum < 0 ? 0 : sum;
    return g->epilogue.residual == KERNEL_RESIDUAL_AFTER ? sum + added : sum;
}

static void check_graph(const struct kernel_table *k, const struct graph_case *p)
{
    int64_t in_pixels = (int64_t)p->frames * p->joints_in;
    int64_t out_pixels = (int64_t)p->frames * p->joints_out;
    struct kernel_graph_conv g = {
        .batch = p->batch,
        .subsets = p->subsets,
        .channels = p->channels,
        .frames = p->frames,
        .joints_in = p->joints_in,
        .joints_out = p->joints_out,
        .input_batch_stride = blocked_size(k->block, p->subsets * p->channels, in_pixels),
        .residual_batch_stride = blocked_size(k->block, p->channels, out_pixels) + k->block,
        .output_batch_stride = blocked_size(k->block, p->channels, out_pixels),
    };
    struct guarded in = guarded_random((size_t)(g.batch * g.input_batch_stride), 1);
    struct guarded added = guarded_random((size_t)(g.batch * g.residual_batch_stride), 5);
    struct guarded out = guarded_open((size_t)(g.batch * g.output_batch_stride));
    struct guarded split = guarded_open(out.count);
    struct guarded edges = guarded_random((size_t)(p->subsets * p->joints_in * p->joints_out), 2);
    struct guarded scale = guarded_random((size_t)blocked_size(k->block, p->channels, 1), 3);
    struct guarded shift = guarded_random(scale.count, 4);
    g.input = in.data;
    g.adjacency = edges.data;
    g.output = out.data;
    g.scale = p->scaled ? scale.data : NULL;
    g.shift = p->scaled ? shift.data : NULL;
    g.epilogue.activation = p->relu ? KERNEL_RELU : KERNEL_LINEAR;
    g.epilogue.residual = p->residual;
    g.residual = p->residual == KERNEL_NO_RESIDUAL ? NULL : added.data;
    k->graph_conv(&g, 0, 1);
    for (int i = 0; i < g.batch * g.channels * (int)out_pixels; i++) {
        int pixel = i % (int)out_pixels, c = i / (int)out_pixels % g.channels;
        int n = i / (int)out_pixels / g.channels;
        assert_near(
            out.data[n * g.output_batch_stride + blocked_at(k->block, c, out_pixels, pixel)],
            graph_expected(&g, k->block, n, c, pixel / g.joints_out, pixel % g.joints_out), 2e-5);
    }
    g.output = split.data;
    for (int part = 4; part >= 0; part--)
        k->graph_conv(&g, part, 5);
    assert_same_bits(&out, &split);
    guarded_close(&in);
    guarded_close(&added);
    guarded_close(&out);
    guarded_close(&split);
    guarded_close(&edges);
    guarded_close(&scale);
    guarded_close(&shift);
}

static void test_graph_conv(void **state)
{
    (void)state;
    static const struct graph_case cases[] = {
        {2, 3, 32, 10, 17, 17, true, true, KERNEL_NO_RESIDUAL},
        {1, 3, 16, 7, 17, 17, false, false, KERNEL_NO_RESIDUAL},
        {1, 3, 48, 1, 25, 25, true, false, KERNEL_NO_RESIDUAL},
        {1, 1, 19, 5, 17, 17, true, true, KERNEL_NO_RESIDUAL},
        {1, 1, 3, 4, 5, 3, false, true, KERNEL_NO_RESIDUAL},
        {1, 2, 16, 3, 7, 20, true, true, KERNEL_NO_RESIDUAL},
        {0, 3, 16, 3, 17, 17, true, true, KERNEL_NO_RESIDUAL},
        {2, 3, 32, 10, 17, 17, true, true, KERNEL_RESIDUAL_BEFORE},
        {2, 3, 16, 5, 17, 17, true, true, KERNEL_RESIDUAL_AFTER},
        {2, 1, 19, 3, 5, 3, false, false, KERNEL_RESIDUAL_AFTER},
        {2, 1, 19, 4, 5, 20, false, true, KERNEL_RESIDUAL_BEFORE},
    };
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier)) {
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
            check_graph(tier_table(tier), &cases[i]);
    }
}

/* ---- Speed ----------------------------------------------------------------------------------- */

struct bench {
    const struct kernel_table *k;
    struct kernel_pool pool;
    struct kernel_resize resize;
    struct kernel_graph_conv graph;
};

static void bench_pool(void *context)
{
    struct bench *b = context;
    b->k->pool_run(&b->pool, 0, 1);
}

static void bench_resize(void *context)
{
    struct bench *b = context;
    b->k->resize_run(&b->resize, 0, 1);
}

static void bench_graph(void *context)
{
    struct bench *b = context;
    b->k->graph_conv(&b->graph, 0, 1);
}

static void bench_pools(const struct kernel_table *k, int height, int width, int channels)
{
    static const int sizes[] = {3, 5, 9, 13};
    int64_t size = blocked_size(k->block, channels, (int64_t)height * width);
    struct guarded x = guarded_random((size_t)size, 1), y = guarded_open((size_t)size);
    for (int i = 0; i < 4; i++) {
        struct bench b = {.k = k, .pool = window(sizes[i], 1, 1, sizes[i] / 2)};
        b.pool.batch = 1;
        b.pool.channels = channels;
        b.pool.in_height = b.pool.out_height = height;
        b.pool.in_width = b.pool.out_width = width;
        b.pool.input = x.data;
        b.pool.output = y.data;
        double seconds = bench_seconds(bench_pool, &b);
        printf("pool   %-6s %dx%d maximum on %dx%dx%d %8.1f us %6.1f GB/s\n",
               base_cpu_name(k->tier), sizes[i], sizes[i], height, width, channels, seconds * 1e6,
               8e-9 * height * width * channels / seconds);
    }
    guarded_close(&x);
    guarded_close(&y);
}

static void bench_resizes(const struct kernel_table *k)
{
    struct axis axis;
    int planes = kernel_blocks(128, k->block), b = k->block;
    struct guarded x = guarded_random((size_t)(planes * 400 * b), 1);
    struct guarded y = guarded_open((size_t)(planes * 1600 * b));
    for (int linear = 0; linear < 2; linear++) {
        axis_fill(&axis, 20, 40, linear);
        struct bench bench = {.k = k,
                              .resize = {.planes = planes,
                                         .in_height = 20,
                                         .in_width = 20,
                                         .out_height = 40,
                                         .out_width = 40,
                                         .rows = axis.at,
                                         .columns = axis.at,
                                         .row_weight = axis.weight,
                                         .column_weight = axis.weight,
                                         .linear = linear,
                                         .input = x.data,
                                         .output = y.data,
                                         .input_plane_stride = 400 * b,
                                         .output_plane_stride = 1600 * b}};
        double seconds = bench_seconds(bench_resize, &bench);
        printf("resize %-6s %s 20x20x128 to 40x40 %8.1f us %6.1f GB/s\n", base_cpu_name(k->tier),
               linear ? "linear" : "nearest", seconds * 1e6, 4e-9 * 2000 * 128 / seconds);
    }
    guarded_close(&x);
    guarded_close(&y);
}

static void bench_graphs(const struct kernel_table *k)
{
    enum { FRAMES = 100, JOINTS = 17, CHANNELS = 64 };
    int64_t size = (int64_t)FRAMES * JOINTS * CHANNELS;
    struct guarded x = guarded_random((size_t)(3 * size), 1), y = guarded_open((size_t)size);
    struct guarded a = guarded_random(3 * JOINTS * JOINTS, 2);
    struct bench b = {.k = k,
                      .graph = {.batch = 1,
                                .subsets = 3,
                                .channels = CHANNELS,
                                .frames = FRAMES,
                                .joints_in = JOINTS,
                                .joints_out = JOINTS,
                                .input = x.data,
                                .adjacency = a.data,
                                .output = y.data}};
    double seconds = bench_seconds(bench_graph, &b);
    printf("graph  %-6s 3x17x17 on 64 channels, 100 frames %8.1f us %6.1f GFLOP/s\n",
           base_cpu_name(k->tier), seconds * 1e6, 6e-9 * (double)size * JOINTS / seconds);
    guarded_close(&x);
    guarded_close(&y);
    guarded_close(&a);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pool_windows),    cmocka_unit_test(test_pool_same_size_maximum),
        cmocka_unit_test(test_pool_of_nothing), cmocka_unit_test(test_global_average),
        cmocka_unit_test(test_resize),          cmocka_unit_test(test_graph_conv),
    };
    if (argc < 2 || strcmp(argv[1], "--bench") != 0)
        return cmocka_run_group_tests(tests, NULL, NULL);
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier)) {
        bench_pools(tier_table(tier), 8, 6, 512);
        bench_pools(tier_table(tier), 20, 20, 256);
        bench_resizes(tier_table(tier));
        bench_graphs(tier_table(tier));
    }
    return 0;
}
