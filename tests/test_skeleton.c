/* Graph convolutions with few products: when a graph gets them, the terms of an adjacency, and the
 * kernels of every tier against the definition, with guard bytes and any cut into parts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "graph/graph.h"
#include "support/guarded.h"
#include "support/sketch.h"
#include "support/small_folder.h"

static const struct kernel_table *tier_table(int tier)
{
    return kernel_table((enum base_cpu_tier)tier);
}

/* ---- Terms ----------------------------------------------------------------------------------- */

enum { SUBSETS = 3, JOINTS = 17, ENOUGH = 30 };

/* Itself, inwards and outwards along a chain, and noise as learning leaves it. */
static struct guarded adjacency_of_chain(float noise)
{
    struct guarded a = guarded_random(SUBSETS * JOINTS * JOINTS, 7);
    for (int k = 0; k < SUBSETS; k++)
        for (int v = 0; v < JOINTS; v++)
            for (int w = 0; w < JOINTS; w++) {
                float *edge = &a.data[(k * JOINTS + v) * JOINTS + w];
                bool linked = k == 0 ? v == w : k == 1 ? v == w + 1 : v + 1 == w;
                *edge = *edge * noise + (linked ? 1.0f : 0.0f);
            }
    return a;
}

static bool find_terms(const struct kernel_table *k, struct kernel_graph_terms *t)
{
    void *work = base_alloc(KERNEL_TERMS_WORK);
    assert_non_null(work);
    bool found = k->graph_terms(t, work);
    base_free(work);
    return found;
}

static void test_terms_add_up_to_the_adjacency(void **state)
{
    (void)state;
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier)) {
        const struct kernel_table *k = tier_table(tier);
        if (!k->graph_terms)
            continue;
        struct guarded a = adjacency_of_chain(0.3f), mix = guarded_open(SUBSETS * ENOUGH);
        struct guarded spread = guarded_open(JOINTS * ENOUGH), gather = guarded_open(spread.count);
        struct kernel_graph_terms t = {SUBSETS, JOINTS,   JOINTS,      ENOUGH,
                                       a.data,  mix.data, spread.data, gather.data};
        assert_true(find_terms(k, &t));
        for (int i = 0; i < SUBSETS * JOINTS * JOINTS; i++) {
            double sum = 0;
            for (int r = 0; r < ENOUGH; r++)
                sum += (double)mix.data[i / JOINTS / JOINTS * ENOUGH + r] *
                       spread.data[i / JOINTS % JOINTS * ENOUGH + r] *
                       gather.data[r * JOINTS + i % JOINTS];
            assert_near((float)sum, a.data[i], 2e-6);
        }
        struct guarded *all[] = {&a, &mix, &spread, &gather};
        for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
            guarded_close(all[i]);
    }
}

static void test_there_may_be_no_terms(void **state)
{
    (void)state;
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier)) {
        const struct kernel_table *k = tier_table(tier);
        if (!k->graph_terms)
            continue;
        struct guarded a = adjacency_of_chain(0.5f), out = guarded_open(JOINTS * 8);
        struct kernel_graph_terms t = {SUBSETS, JOINTS,   JOINTS,   8,
                                       a.data,  out.data, out.data, out.data};
        assert_false(find_terms(k, &t));
        a.data[5] = NAN;
        assert_false(find_terms(k, &t));
        memset(a.data, 0, a.count * sizeof(float));
        assert_false(find_terms(k, &t));
        guarded_close(&a);
        guarded_close(&out);
    }
}

/* ---- Rows with weights of their own ---------------------------------------------------------- */

static void check_rows(const struct kernel_table *k, int ins, int outs, int rows, int columns)
{
    struct kernel_row_conv c = {ins, outs, rows, columns, NULL, NULL, NULL};
    int64_t pixels = (int64_t)rows * columns;
    struct guarded in = guarded_random((size_t)blocked_size(k->block, ins, pixels), 1);
    struct guarded weights = guarded_random((size_t)rows * (size_t)(outs * ins), 2);
    struct guarded bias = guarded_random((size_t)(rows * outs), 3);
    struct guarded packed = guarded_open(k->row_conv_packed_bytes(&c) / sizeof(float));
    struct guarded out = guarded_open((size_t)blocked_size(k->block, outs, pixels));
    struct guarded split = guarded_open(out.count);
    for (int row = 0; row < rows; row++)
        k->row_conv_pack(&c, row, weights.data + (int64_t)row * outs * ins,
                         bias.data + (int64_t)row * outs, packed.data);
    c.packed = packed.data;
    c.input = in.data;
    c.output = out.data;
    k->row_conv_run(&c, 0, 1);
    for (int i = 0; i < outs * (int)pixels; i++) {
        int pixel = i % (int)pixels, o = i / (int)pixels, row = pixel / columns;
        double sum = bias.data[row * outs + o];
        for (int d = 0; d < ins; d++)
            sum += (double)weights.data[(row * outs + o) * ins + d] *
                   in.data[blocked_at(k->block, d, pixels, pixel)];
        assert_near(out.data[blocked_at(k->block, o, pixels, pixel)], sum, 2e-5);
    }
    c.output = split.data;
    for (int part = 4; part >= 0; part--)
        k->row_conv_run(&c, part, 5);
    assert_same_bits(&out, &split);
    struct guarded *all[] = {&in, &weights, &bias, &packed, &out, &split};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        guarded_close(all[i]);
}

static void test_rows_follow_the_definition(void **state)
{
    (void)state;
    static const int cases[][4] = {{16, 32, 3, 25}, {19, 16, 2, 7}, {48, 40, 5, 50}, {3, 5, 1, 1}};
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier))
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
            if (tier_table(tier)->row_conv_run)
                check_rows(tier_table(tier), cases[i][0], cases[i][1], cases[i][2], cases[i][3]);
}

/* ---- Turned sides of a graph convolution ----------------------------------------------------- */

/* Where [image][block][frame][joint] lies when it is turned. */
static int64_t turned_at(const struct kernel_graph_conv *g, int block, int joints, int64_t at)
{
    int64_t lane = at % block, joint = at / block % joints, frame = at / block / joints % g->frames;
    int64_t plane = at / block / joints / g->frames;
    int64_t blocks = kernel_blocks(g->channels, block), n = plane / blocks;
    return (((plane % blocks * joints + joint) * g->batch + n) * g->frames + frame) * block + lane;
}

static void test_turned_sides_hold_the_same(void **state)
{
    (void)state;
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier)) {
        const struct kernel_table *k = tier_table(tier);
        if (!k->graph_terms)
            continue;
        struct kernel_graph_conv g = {.batch = 2,
                                      .subsets = 1,
                                      .channels = 19,
                                      .frames = 5,
                                      .joints_in = 17,
                                      .joints_out = 30};
        g.input_batch_stride = blocked_size(k->block, 19, 5 * 17);
        g.output_batch_stride = blocked_size(k->block, 19, 5 * 30);
        struct guarded in = guarded_random((size_t)(2 * g.input_batch_stride), 1);
        struct guarded out = guarded_open((size_t)(2 * g.output_batch_stride));
        struct guarded turned_in = guarded_open(in.count), turned_out = guarded_open(out.count);
        struct guarded edges = guarded_random(17 * 30, 2);
        g.adjacency = edges.data;
        g.input = in.data;
        g.output = out.data;
        k->graph_conv(&g, 0, 1);
        for (size_t i = 0; i < in.count; i++)
            turned_in.data[turned_at(&g, k->block, 17, (int64_t)i)] = in.data[i];
        g.input = turned_in.data;
        g.output = turned_out.data;
        g.turned_input = g.turned_output = true;
        for (int part = 0; part < 3; part++)
            k->graph_conv(&g, part, 3);
        for (size_t i = 0; i < out.count; i++)
            assert_true(turned_out.data[turned_at(&g, k->block, 30, (int64_t)i)] == out.data[i]);
        struct guarded *all[] = {&in, &out, &turned_in, &turned_out, &edges};
        for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
            guarded_close(all[i]);
    }
}

/* ---- Graphs ---------------------------------------------------------------------------------- */

static bool wants(void *context, const struct graph *graph, const struct graph_node *conv,
                  const struct graph_node *graph_conv)
{
    (void)graph, (void)conv, (void)graph_conv;
    return *(const bool *)context;
}

/* `source` outlives the graph, which borrows from it. */
static struct graph *joined(struct graph *source, bool wanted, int groups)
{
    static const int64_t subsets[] = {0, 3, -1, 20, 17};
    struct graph *graph;
    int x = sketch_input(source, "x", "2x8x20x17");
    int y = sketch_conv(source, "conv", x, 8, 24, groups, 1);
    y = sketch_apply(source, "Reshape", "subsets", y, sketch_ints(source, 5, subsets));
    y = sketch_apply(source, "Einsum", "gathered", y, sketch_noise(source, "3x17x17"));
    sketch_string(source, "equation", "nkctv,kvw->nctw");
    y = sketch_apply(source, "Add", "sum", y, x);
    sketch_output(source, sketch_apply(source, "Relu", "y", y));
    const struct tensor_shape shape = {4, {2, 8, 20, 17}};
    const struct graph_folder folder = small_folder();
    assert_int_equal(graph_specialise(&graph, source, &shape, &folder), 0);
    assert_int_equal(graph_fuse(graph), 0);
    int64_t before = graph_multiply_adds(graph);
    assert_int_equal(graph_join_skeletons(graph, wants, &wanted), 0);
    assert_int_equal(graph_multiply_adds(graph), before);
    return graph;
}

static void test_wanted_pairs_become_one(void **state)
{
    (void)state;
    struct graph *source = sketch_open(12), *graph = joined(source, true, 1);
    assert_string_equal(sketch_types(graph), "SkeletonConv");
    const struct graph_node *node = sketch_only(graph, "SkeletonConv");
    assert_int_equal(node->input_count, 7);
    assert_int_equal(node->inputs[0], graph->inputs[0]);
    assert_int_equal(node->inputs[6], node->epilogue.residual);
    assert_int_equal(node->epilogue.activation, GRAPH_RELU);
    graph_close(&graph);
    graph_close(&source);
}

static void test_other_pairs_stay_two(void **state)
{
    (void)state;
    for (int groups = 1; groups <= 2; groups++) {
        struct graph *source = sketch_open(12), *graph = joined(source, groups == 2, groups);
        assert_string_equal(sketch_types(graph), "Conv GraphConv");
        graph_close(&graph);
        graph_close(&source);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_terms_add_up_to_the_adjacency),
        cmocka_unit_test(test_there_may_be_no_terms),
        cmocka_unit_test(test_rows_follow_the_definition),
        cmocka_unit_test(test_turned_sides_hold_the_same),
        cmocka_unit_test(test_wanted_pairs_become_one),
        cmocka_unit_test(test_other_pairs_stay_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
