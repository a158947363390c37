/* Temporal branches of ST-GCN++: how graphs get them, and the kernels of every tier against the
 * definition, with guard bytes and any cut into parts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "graph/graph.h"
#include "support/guarded.h"
#include "support/sketch.h"
#include "support/small_folder.h"

/* ---- Kernels --------------------------------------------------------------------------------- */

struct arrays {
    struct guarded input, weights, scale, shift, packed, output, split;
};

static int weight_count(const struct kernel_branches *b)
{
    int count = 0;
    for (int i = 0; i < b->count; i++)
        count += b->branch[i].pooled
                     ? 0
                     : b->branch[i].channels * b->branch[i].channels * b->branch[i].taps;
    return count;
}

static double element(const struct kernel_branches *b, int block, int n, int c, int t, int v)
{
    return b->input[n * b->input_batch_stride +
                    blocked_at(block, c, (int64_t)b->in_frames * b->joints, t * b->joints + v)];
}

static double expected(const struct kernel_branches *b, const struct arrays *a, int block, int n,
                       int c, int t, int v)
{
    int first = 0, weight = 0, i = 0;
    for (; c >= first + b->branch[i].channels; first += b->branch[i++].channels)
        if (!b->branch[i].pooled)
            weight += b->branch[i].channels * b->branch[i].channels * b->branch[i].taps;
    const struct kernel_branch *branch = &b->branch[i];
    double sum = 0, most = -1e30;
    for (int k = 0; k < branch->taps; k++) {
        int from = t * b->stride + (k - branch->taps / 2) * branch->dilation;
        if (from < 0 || from >= b->in_frames)
            continue;
        most = fmax(most, element(b, block, n, c, from, v));
        for (int d = 0; d < branch->channels && !branch->pooled; d++)
            sum +=
                element(b, block, n, first + d, from, v) *
                a->weights.data[weight + ((c - first) * branch->channels + d) * branch->taps + k];
    }
    return fmax(a->scale.data[c] * (branch->pooled ? most : sum) + a->shift.data[c], 0);
}

static struct arrays open_arrays(const struct kernel_table *k, struct kernel_branches *b)
{
    b->input_batch_stride =
        blocked_size(k->block, b->channels, (int64_t)b->in_frames * b->joints) + k->block;
    b->output_batch_stride =
        blocked_size(k->block, b->channels, (int64_t)b->out_frames * b->joints);
    struct arrays a = {
        .input = guarded_random((size_t)(b->batch * b->input_batch_stride), 1),
        .weights = guarded_random((size_t)weight_count(b), 2),
        .scale = guarded_random((size_t)b->channels, 3),
        .shift = guarded_random((size_t)b->channels, 4),
        .packed = guarded_open(k->branches_packed_bytes(b) / sizeof(float)),
        .output = guarded_open((size_t)(b->batch * b->output_batch_stride)),
        .split = guarded_open((size_t)(b->batch * b->output_batch_stride)),
    };
    k->branches_pack(b, a.weights.data, a.scale.data, a.shift.data, a.packed.data);
    b->packed = a.packed.data;
    b->input = a.input.data;
    return a;
}

static void check_kernel(const struct kernel_table *k, struct kernel_branches b)
{
    struct arrays a = open_arrays(k, &b);
    b.output = a.output.data;
    k->branches_run(&b, 0, 1);
    for (int i = 0, pixels = b.out_frames * b.joints; i < b.batch * b.channels * pixels; i++) {
        int pixel = i % pixels, c = i / pixels % b.channels, n = i / pixels / b.channels;
        assert_near(
            a.output.data[n * b.output_batch_stride + blocked_at(k->block, c, pixels, pixel)],
            expected(&b, &a, k->block, n, c, pixel / b.joints, pixel % b.joints), 2e-5);
    }
    b.output = a.split.data;
    for (int part = 6; part >= 0; part--)
        k->branches_run(&b, part, 7);
    assert_same_bits(&a.output, &a.split);
    struct guarded *all[] = {&a.input,  &a.weights, &a.scale, &a.shift,
                             &a.packed, &a.output,  &a.split};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        guarded_close(all[i]);
}

static void test_kernels_follow_the_definition(void **state)
{
    (void)state;
    static const struct kernel_branches cases[] = {
        {2,
         64,
         11,
         11,
         17,
         1,
         6,
         {{14, 3, 1, false},
          {10, 3, 2, false},
          {10, 3, 3, false},
          {10, 3, 4, false},
          {10, 3, 1, true},
          {10, 1, 1, true}},
         NULL,
         NULL,
         NULL,
         0,
         0},
        {1,
         63,
         9,
         5,
         25,
         2,
         3,
         {{23, 3, 1, false}, {21, 5, 3, true}, {19, 3, 2, false}},
         NULL,
         NULL,
         NULL,
         0,
         0},
        {1, 5, 3, 3, 31, 1, 2, {{2, 5, 1, false}, {3, 1, 1, true}}, NULL, NULL, NULL, 0, 0},
        {3, 20, 1, 1, 1, 3, 2, {{10, 3, 9, true}, {10, 1, 1, false}}, NULL, NULL, NULL, 0, 0},
        {1, 32, 4, 2, 24, 2, 1, {{32, 7, 1, false}}, NULL, NULL, NULL, 0, 0},
        {0, 16, 4, 4, 17, 1, 1, {{16, 3, 1, false}}, NULL, NULL, NULL, 0, 0},
    };
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier))
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
            check_kernel(kernel_table((enum base_cpu_tier)tier), cases[i]);
}

/* ---- Graphs ---------------------------------------------------------------------------------- */

enum flaw { NO_FLAW, LINEAR_REDUCTION, OTHER_INPUT, NO_PADDING, NO_NORMALIZATION, READ_TWICE };

static void window(struct graph *graph, int taps, int dilation, int stride)
{
    sketch_list(graph, "kernel_shape", 2, (const int64_t[]){taps, 1});
    sketch_list(graph, "strides", 2, (const int64_t[]){stride, 1});
    sketch_list(graph, "pads", 4,
                (const int64_t[]){taps / 2 * dilation, 0, taps / 2 * dilation, 0});
}

static int reduce(struct graph *graph, const char *name, int x, bool rectified)
{
    int y = sketch_conv(graph, name, x, 12, 6, 1, 1);
    return rectified ? sketch_apply(graph, "Relu", "rectified", y) : y;
}

/* A convolution of 3 taps, a maximum of 3 and a plain branch, with stride 2. */
static struct graph *branches_with(enum flaw flaw)
{
    struct graph *graph = sketch_open(12);
    int x = sketch_input(graph, "x", "?x12x9x17");
    int other = sketch_apply(graph, "Abs", "other", x);
    int a = sketch_apply(graph, "Conv", "filtered", reduce(graph, "a", x, flaw != LINEAR_REDUCTION),
                         sketch_noise(graph, "6x6x3x1"), sketch_noise(graph, "6"));
    window(graph, 3, 2, 2);
    sketch_list(graph, "dilations", 2, (const int64_t[]){2, 1});
    int b = sketch_apply(graph, "MaxPool", "most",
                         reduce(graph, "b", flaw == OTHER_INPUT ? other : x, true));
    window(graph, 3, 1, 2);
    int c = sketch_apply(graph, "Conv", "plain", x, sketch_noise(graph, "6x12x1x1"));
    window(graph, 1, 1, 2);
    if (flaw == NO_PADDING) { /* nine frames become five all the same */
        c = sketch_apply(graph, "Conv", "plain", x, sketch_noise(graph, "6x12x5x1"));
        sketch_list(graph, "kernel_shape", 2, (const int64_t[]){5, 1});
    }
    int y = sketch_apply(graph, "Concat", "joined", a, b, c);
    sketch_int(graph, "axis", 1);
    if (flaw == READ_TWICE)
        sketch_output(graph, y);
    if (flaw != NO_NORMALIZATION)
        y = sketch_apply(graph, "BatchNormalization", "normal", y, sketch_positive(graph, "18"),
                         sketch_noise(graph, "18"), sketch_noise(graph, "18"),
                         sketch_positive(graph, "18"));
    sketch_output(graph, sketch_apply(graph, "Relu", "y", y));
    return graph;
}

static int fuse(struct graph **out, struct graph *source)
{
    struct graph_folder folder = small_folder();
    const struct tensor_shape shape = {.rank = 4, .dims = {2, 12, 9, 17}};
    BASE_TRY(graph_specialise(out, source, &shape, &folder));
    return graph_fuse(*out);
}

static void test_branches_become_two_nodes(void **state)
{
    (void)state;
    struct graph *source = branches_with(NO_FLAW), *graph;
    assert_int_equal(fuse(&graph, source), 0);
    assert_string_equal(sketch_types(graph), "Conv Branches");
    const struct graph_node *conv = sketch_only(graph, "Conv");
    const struct graph_node *node = sketch_only(graph, "Branches");
    struct graph_branches read;
    assert_int_equal(conv->epilogue.activation, GRAPH_RELU);
    assert_int_equal(graph->values[conv->outputs[0]].shape.dims[1], 18);
    assert_int_equal(graph_branches_read(&read, node), 0);
    static const struct graph_branch expected_ones[] = {
        {6, 3, 2, false}, {6, 3, 1, true}, {6, 1, 1, true}};
    assert_int_equal(read.count, 3);
    assert_int_equal(read.stride, 2);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(read.branch[i].channels, expected_ones[i].channels);
        assert_int_equal(read.branch[i].taps, expected_ones[i].taps);
        assert_int_equal(read.branch[i].dilation, expected_ones[i].dilation);
        assert_int_equal(read.branch[i].pooled, expected_ones[i].pooled);
    }
    const struct tensor_shape *out = &graph->values[graph->outputs[0]].shape;
    assert_int_equal(out->dims[1], 18);
    assert_int_equal(out->dims[2], 5);
    assert_int_equal(graph_node_multiply_adds(graph, node), 2 * 5 * 17 * 6 * 6 * 3);
    graph_close(&graph);
    graph_close(&source);
}

static void test_what_is_not_quite_so_stays(void **state)
{
    (void)state;
    for (int flaw = LINEAR_REDUCTION; flaw <= READ_TWICE; flaw++) {
        struct graph *source = branches_with((enum flaw)flaw), *graph;
        assert_int_equal(fuse(&graph, source), 0);
        assert_int_equal(sketch_count(graph, "Branches"), 0);
        graph_close(&graph);
        graph_close(&source);
    }
}

static void test_no_memory_leaves_nothing_behind(void **state)
{
    (void)state;
    int code = -1;
    for (int n = 1; code < 0 && n < 1000; n++) {
        struct graph *source = branches_with(NO_FLAW), *graph = NULL;
        long alive = base_alloc_live();
        base_alloc_fail_at(n, 1);
        code = fuse(&graph, source);
        base_alloc_fail_at(0, 0);
        assert_true(code == 0 || code == STANCE_ENOMEMORY);
        graph_close(&graph);
        graph_close(&source);
        assert_true(base_alloc_live() < alive);
    }
    assert_int_equal(code, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernels_follow_the_definition),
        cmocka_unit_test(test_branches_become_two_nodes),
        cmocka_unit_test(test_what_is_not_quite_so_stays),
        cmocka_unit_test(test_no_memory_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
