/* Times the convolutions of a network. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "support/conv_bench.h"

enum { MAX_LAYERS = 256, PASSES = 31, MAP_FLOATS = 16 << 20 };

struct layer {
    struct kernel_conv_shape shape;
    struct kernel_epilogue epilogue;
    struct kernel_conv_plan plan;
    struct kernel_conv_buffers buffers;
    struct kernel_qconv_plan bytes_plan; /* parts 0: none */
    struct kernel_qconv_buffers bytes_buffers;
    double times[PASSES], bytes_times[PASSES], flops;
};

#if defined(__x86_64__)
int kernel_conv_plan_with_avx2(struct kernel_conv_plan *, const struct kernel_conv_shape *,
                               const struct kernel_epilogue *, int method);
int kernel_conv_plan_with_avx512(struct kernel_conv_plan *, const struct kernel_conv_shape *,
                                 const struct kernel_epilogue *, int method);
int kernel_qconv_plan_with_avx2(struct kernel_qconv_plan *, const struct kernel_conv_shape *,
                                const struct kernel_epilogue *, const struct kernel_bytes *input,
                                const struct kernel_bytes *residual,
                                const struct kernel_bytes *output, int method);
int kernel_qconv_plan_with_avx512(struct kernel_qconv_plan *, const struct kernel_conv_shape *,
                                  const struct kernel_epilogue *, const struct kernel_bytes *input,
                                  const struct kernel_bytes *residual,
                                  const struct kernel_bytes *output, int method);
#elif defined(__aarch64__)
int kernel_conv_plan_with_neon(struct kernel_conv_plan *, const struct kernel_conv_shape *,
                               const struct kernel_epilogue *, int method);
int kernel_qconv_plan_with_neon(struct kernel_qconv_plan *, const struct kernel_conv_shape *,
                                const struct kernel_epilogue *, const struct kernel_bytes *input,
                                const struct kernel_bytes *residual,
                                const struct kernel_bytes *output, int method);
#endif

int conv_plan_with(enum base_cpu_tier tier, struct kernel_conv_plan *plan,
                   const struct kernel_conv_shape *shape, const struct kernel_epilogue *epilogue,
                   int method)
{
#if defined(__x86_64__)
    if (tier == BASE_CPU_AVX512 && method >= 0)
        return kernel_conv_plan_with_avx512(plan, shape, epilogue, method);
    if (tier == BASE_CPU_AVX2 && method >= 0)
        return kernel_conv_plan_with_avx2(plan, shape, epilogue, method);
#elif defined(__aarch64__)
    if (tier == BASE_CPU_NEON && method >= 0)
        return kernel_conv_plan_with_neon(plan, shape, epilogue, method);
#endif
    return kernel_table(tier)->conv_plan(plan, shape, epilogue);
}

int qconv_plan_with(enum base_cpu_tier tier, struct kernel_qconv_plan *plan,
                    const struct kernel_conv_shape *shape, const struct kernel_epilogue *epilogue,
                    const struct kernel_bytes *input, const struct kernel_bytes *residual,
                    const struct kernel_bytes *output, int method)
{
#if defined(__x86_64__)
    if (tier == BASE_CPU_AVX512 && method >= 0)
        return kernel_qconv_plan_with_avx512(plan, shape, epilogue, input, residual, output,
                                             method);
    if (tier == BASE_CPU_AVX2 && method >= 0)
        return kernel_qconv_plan_with_avx2(plan, shape, epilogue, input, residual, output, method);
#elif defined(__aarch64__)
    if (tier == BASE_CPU_NEON && method >= 0)
        return kernel_qconv_plan_with_neon(plan, shape, epilogue, input, residual, output, method);
#endif
    return kernel_table(tier)->qconv_plan(plan, shape, epilogue, input, residual, output);
}

static double thread_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median_of(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, compare_doubles);
    return values[count / 2];
}

/* Noise; ends the program when memory is out. */
static float *noise(size_t count, float scale)
{
    float *p = base_alloc(count * sizeof(float));
    if (!p)
        exit(1);
    uint32_t seed = 1;
    for (size_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        p[i] = (float)(int32_t)seed / 2147483648.0f * scale;
    }
    return p;
}

static int read_layers(const char *path, struct layer *layers)
{
    FILE *file = fopen(path, "r");
    if (!file) {
        fprintf(stderr, "cannot read %s\n", path);
        return 0;
    }
    char line[256];
    int count = 0;
    while (count < MAX_LAYERS && fgets(line, sizeof line, file)) {
        int v[16];
        char *at = line;
        for (int i = 0; i < 16; i++)
            v[i] = (int)strtol(at, &at, 10);
        struct layer *l = &layers[count++];
        l->shape = (struct kernel_conv_shape){
            .batch = v[0],
            .in_channels = v[1],
            .in_height = v[2],
            .in_width = v[3],
            .out_channels = v[4],
            .kernel_height = v[5],
            .kernel_width = v[6],
            .stride_height = v[7],
            .stride_width = v[8],
            .pad_top = v[9],
            .pad_left = v[10],
            .dilation_height = v[11],
            .dilation_width = v[12],
            .groups = v[13],
            .out_height = v[14],
            .out_width = v[15],
            .plain_input = v[1] == 3,
            .plain_output = v[4] == 17,
            .transposed = strstr(at, "transposed") != NULL,
        };
        l->epilogue.activation = strstr(at, "silu") ? KERNEL_SWISH : KERNEL_LINEAR;
    }
    fclose(file);
    return count;
}

static void prepare(struct layer *l, enum base_cpu_tier tier, int method, float *const maps[3],
                    int i)
{
    const struct kernel_conv_shape *s = &l->shape;
    if (conv_plan_with(tier, &l->plan, s, &l->epilogue, method) < 0 &&
        conv_plan_with(tier, &l->plan, s, &l->epilogue, -1) < 0) {
        fprintf(stderr, "no kernel for layer %d\n", i + 1);
        exit(1);
    }
    size_t depth = (size_t)(s->in_channels / s->groups) * s->kernel_height * s->kernel_width;
    double pixels = (double)(s->transposed ? s->in_height : s->out_height) *
                    (s->transposed ? s->in_width : s->out_width);
    l->flops = 2.0 * s->out_channels * (double)depth * pixels * s->batch;
    float *weights = noise((size_t)s->out_channels * depth, 1.0f / sqrtf((float)depth));
    void *packed = base_alloc(l->plan.packed_bytes);
    if (!packed)
        exit(1);
    kernel_table(tier)->conv_pack(&l->plan, weights, NULL, packed);
    base_free(weights);
    int64_t in = (int64_t)s->in_height * s->in_width * (s->in_channels + 15) / 16 * 16;
    int64_t out = (int64_t)s->out_height * s->out_width * (s->out_channels + 15) / 16 * 16;
    l->buffers = (struct kernel_conv_buffers){
        .packed = packed,
        .input = maps[i % 2],
        .output = maps[1 - i % 2],
        .input_batch_stride = in,
        .output_batch_stride = out,
        .scratch = maps[2],
    };
}

static double run_layer(const struct kernel_table *table, const struct layer *l)
{
    double start = thread_ms();
    for (int part = 0; part < l->plan.parts; part++)
        table->conv_run(&l->plan, &l->buffers, part, l->plan.parts);
    return thread_ms() - start;
}

static double peak_gflops(const struct kernel_table *table)
{
    double start = thread_ms();
    double operations = 2.0 * (double)table->peak(200000);
    return operations / (thread_ms() - start) * 1e-6;
}

static double print_layers(struct layer *layers, int count, double peak, double *flops)
{
    double sum = 0;
    for (int i = 0; i < count; i++) {
        struct layer *l = &layers[i];
        const struct kernel_conv_shape *s = &l->shape;
        double median = median_of(l->times, PASSES), speed = l->flops / median * 1e-6;
        sum += median;
        *flops += l->flops;
        printf("c%-4d %3dx%-3d k%-4d %dx%d s%d g%-4d %8.4f ms %7.1f GF/s %3.0f%%  parts %2d  %s\n",
               s->in_channels, s->in_height, s->in_width, s->out_channels, s->kernel_height,
               s->kernel_width, s->stride_height, s->groups, median, speed, speed / peak * 100,
               l->plan.parts, l->plan.name);
    }
    return sum;
}

int conv_bench(const char *path, const char *tier_name, int method)
{
    static struct layer layers[MAX_LAYERS];
    enum base_cpu_tier tier = base_cpu_best();
    if (tier_name && base_cpu_parse(&tier, tier_name) < 0)
        return 1;
    const struct kernel_table *table = kernel_table(tier);
    int count = read_layers(path, layers);
    float *maps[3];
    for (int i = 0; i < 3; i++)
        maps[i] = noise(MAP_FLOATS, 1.0f);
    for (int i = 0; i < count; i++)
        prepare(&layers[i], tier, method, maps, i);
    double peaks[PASSES], totals[PASSES] = {0}, flops = 0;
    for (int pass = -2; pass < PASSES; pass++)
        for (int i = 0; i < count; i++) {
            double ms = run_layer(table, &layers[i]);
            if (pass < 0)
                continue;
            layers[i].times[pass] = ms;
            totals[pass] += ms;
            if (i == 0)
                peaks[pass] = peak_gflops(table);
        }
    if (count == 0)
        return 1;
    double peak = median_of(peaks, PASSES), sum = print_layers(layers, count, peak, &flops);
    double total = median_of(totals, PASSES);
    printf("%s %s: sum of medians %.3f ms, median pass %.3f ms, least %.3f ms; %.1f GF/s of %.1f\n",
           path, base_cpu_name(tier), sum, total, totals[0], flops / sum * 1e-6, peak);
    for (int i = 0; i < count; i++)
        base_free((void *)layers[i].buffers.packed);
    for (int i = 0; i < 3; i++)
        base_free(maps[i]);
    return 0;
}

/* ---- Bytes beside floats --------------------------------------------------------------------- */

static void prepare_bytes(struct layer *l, enum base_cpu_tier tier, int method,
                          uint8_t *const maps[2], void *scratch, int i)
{
    static const struct kernel_bytes input = {0.01f, 20}, output = {0.02f, 14};
    const struct kernel_conv_shape *s = &l->shape;
    struct kernel_qconv_plan *plan = &l->bytes_plan;
    struct kernel_conv_shape shape = *s;
    shape.plain_output = false;
    if (qconv_plan_with(tier, plan, &shape, &l->epilogue, &input, &input, &output, method) < 0 &&
        qconv_plan_with(tier, plan, &shape, &l->epilogue, &input, &input, &output, -1) < 0) {
        plan->parts = 0;
        return;
    }
    size_t outputs = (size_t)s->out_channels;
    size_t depth = (size_t)(s->in_channels / s->groups) * s->kernel_height * s->kernel_width;
    float *scales = noise(outputs, 0.01f);
    int8_t *weights = (int8_t *)noise(outputs * depth / 4 + 1, 1.0f);
    void *packed = base_alloc(plan->packed_bytes);
    if (!packed)
        exit(1);
    kernel_table(tier)->qconv_pack(plan, weights, scales, NULL, packed);
    base_free(weights);
    base_free(scales);
    l->bytes_buffers = (struct kernel_qconv_buffers){
        .packed = packed,
        .input = maps[i % 2],
        .output = maps[1 - i % 2],
        .input_batch_stride = l->buffers.input_batch_stride,
        .output_batch_stride = l->buffers.output_batch_stride,
        .scratch = scratch,
    };
}

static double run_bytes(const struct kernel_table *table, const struct layer *l)
{
    double start = thread_ms();
    for (int part = 0; part < l->bytes_plan.parts; part++)
        table->qconv_run(&l->bytes_plan, &l->bytes_buffers, part, l->bytes_plan.parts);
    return thread_ms() - start;
}

static double least_of(const double *values, int count)
{
    double least = values[0];
    for (int i = 1; i < count; i++)
        least = values[i] < least ? values[i] : least;
    return least;
}

static void print_bytes(const struct layer *layers, int count, double peak)
{
    double floats = 0, bytes = 0, flops = 0;
    for (int i = 0; i < count; i++) {
        const struct layer *l = &layers[i];
        const struct kernel_conv_shape *s = &l->shape;
        if (l->bytes_plan.parts == 0)
            continue;
        double least = least_of(l->times, PASSES), least_bytes = least_of(l->bytes_times, PASSES);
        floats += least;
        bytes += least_bytes;
        flops += l->flops;
        printf("c%-4d %3dx%-3d k%-4d %dx%d s%d g%-4d %8.4f ms, bytes %8.4f ms %7.1f G/s %3.0f%%, "
               "%5.2f times  %s, %s\n",
               s->in_channels, s->in_height, s->in_width, s->out_channels, s->kernel_height,
               s->kernel_width, s->stride_height, s->groups, least, least_bytes,
               l->flops / least_bytes * 1e-6, l->flops / least_bytes * 1e-6 / peak * 100,
               least / least_bytes, l->plan.name, l->bytes_plan.name);
    }
    printf("%.3f ms, bytes %.3f ms, %.2f times; %.1f G/s of %.1f\n", floats, bytes, floats / bytes,
           flops / bytes * 1e-6, peak);
}

int qconv_bench(const char *path, const char *tier_name, int method)
{
    static struct layer layers[MAX_LAYERS];
    enum base_cpu_tier tier = base_cpu_best();
    if (tier_name && base_cpu_parse(&tier, tier_name) < 0)
        return 1;
    const struct kernel_table *table = kernel_table(tier);
    int count = read_layers(path, layers);
    float *maps[5];
    for (int i = 0; i < 5; i++)
        maps[i] = noise(MAP_FLOATS >> (i / 3 * 2), 1.0f);
    uint8_t *const byte_maps[2] = {(uint8_t *)maps[3], (uint8_t *)maps[4]};
    for (int i = 0; i < count; i++) {
        prepare(&layers[i], tier, -1, maps, i);
        prepare_bytes(&layers[i], tier, method, byte_maps, maps[2], i);
    }
    double peak = 0;
    for (int pass = -2; pass < PASSES; pass++) {
        for (int i = 0; i < count; i++)
            layers[i].times[pass < 0 ? 0 : pass] = run_layer(table, &layers[i]);
        for (int i = 0; i < count; i++)
            layers[i].bytes_times[pass < 0 ? 0 : pass] = run_bytes(table, &layers[i]);
        /* four products of bytes in the place of one of floats */
        double now = 4 * peak_gflops(table);
        peak = now > peak ? now : peak;
    }
    print_bytes(layers, count, peak);
    for (int i = 0; i < count; i++) {
        base_free((void *)layers[i].buffers.packed);
        base_free((void *)layers[i].bytes_buffers.packed);
    }
    for (int i = 0; i < 5; i++)
        base_free(maps[i]);
    return 0;
}
