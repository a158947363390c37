/* The four phases of a picture as channels: the kernel of every tier, and the Slices that become it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/guarded.h"
#include "support/sketch.h"
#include "support/small_folder.h"

enum { BATCH = 2, PARTS = 3 };

/* Batches lie `GAP` elements apart. */
enum { GAP = 5 };

static struct kernel_focus focus_of(const struct kernel_table *k, int channels, int height,
                                    int width, float scale)
{
    int64_t pixels = (int64_t)height * width;
    return (struct kernel_focus){
        .bytes = {.scale = scale, .zero = scale > 0 ? 100 : 0},
        .batch = BATCH,
        .channels = channels,
        .out_height = height,
        .out_width = width,
        .input_batch_stride = channels * 4 * pixels + GAP,
        .output_batch_stride = blocked_size(k->block, 4 * channels, pixels) + GAP,
    };
}

static void check_value(const struct kernel_focus *f, int64_t at, float value)
{
    if (f->bytes.scale > 0) {
        float byte = rintf(value * (1 / f->bytes.scale)) + (float)f->bytes.zero;
        assert_int_equal(((const uint8_t *)f->output)[at], byte < 0     ? 0
                                                           : byte > 255 ? 255
                                                                        : (int)byte);
    } else {
        assert_memory_equal((const float *)f->output + at, &value, sizeof value);
    }
}

static void check_outputs(const struct kernel_table *k, const struct kernel_focus *f)
{
    int64_t pixels = (int64_t)f->out_height * f->out_width;
    for (int64_t i = 0; i < BATCH * 4 * f->channels * pixels; i++) {
        int x = (int)(i % f->out_width), y = (int)(i / f->out_width % f->out_height);
        int channel = (int)(i / pixels % (4 * f->channels)), phase = channel / f->channels;
        int64_t image = i / pixels / (4 * f->channels);
        int64_t row = channel % f->channels * 2 * f->out_height + 2 * y + phase % 2;
        check_value(
            f, image * f->output_batch_stride + blocked_at(k->block, channel, pixels, i % pixels),
            f->input[image * f->input_batch_stride + row * 2 * f->out_width + 2 * x + phase / 2]);
    }
}

static void check_kernel(const struct kernel_table *k, int channels, int height, int width,
                         float scale)
{
    struct kernel_focus f = focus_of(k, channels, height, width, scale);
    size_t input = (size_t)((BATCH - 1) * f.input_batch_stride + f.input_batch_stride - GAP);
    size_t output = (size_t)((BATCH - 1) * f.output_batch_stride + f.output_batch_stride - GAP);
    struct guarded from = guarded_random(input, 1);
    struct guarded to = guarded_open(scale > 0 ? (output + 3) / 4 : output);
    f.input = from.data;
    /* bytes end where the pages do */
    f.output = scale > 0 ? (void *)((uint8_t *)(to.data + to.count) - output) : (void *)to.data;
    for (int part = PARTS - 1; part >= 0; part--)
        k->focus(&f, part, PARTS);
    check_outputs(k, &f);
    guarded_close(&from);
    guarded_close(&to);
}

static void test_phases_become_channels(void **state)
{
    static const int sizes[][3] = {{3, 1, 1},  {3, 5, 16}, {3, 4, 17}, {1, 3, 7},
                                   {4, 2, 33}, {5, 2, 8},  {9, 3, 48}, {3, 7, 4}};
    (void)state;
    for (int tier = BASE_CPU_REF; tier < BASE_CPU_TIERS; tier = base_cpu_next(tier))
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
            for (int bytes = 0; bytes < 2; bytes++)
                check_kernel(kernel_table((enum base_cpu_tier)tier), sizes[i][0], sizes[i][1],
                             sizes[i][2], bytes ? 0.009f : 0);
}

/* ---- The graph ------------------------------------------------------------------------------- */

enum flaw { NO_FLAW, OTHER_ORDER, OTHER_STEP, SHIFTED, OTHER_PICTURE, OTHER_AXIS, FLAWS };

static int take(struct graph *graph, int picture, const char *name, int y, int x, int step)
{
    const int64_t starts[] = {y, x}, ends[] = {1 << 20, 1 << 20}, axes[] = {2, -1};
    const int64_t steps[] = {2, step};
    return sketch_apply(graph, "Slice", name, picture, sketch_ints(graph, 2, starts),
                        sketch_ints(graph, 2, ends), sketch_ints(graph, 2, axes),
                        sketch_ints(graph, 2, steps));
}

static struct graph *slices_with(enum flaw flaw, bool bytes)
{
    struct graph *graph = sketch_open(13);
    int picture = sketch_input(graph, "x", "1x3x8x12"), other = picture;
    if (flaw == OTHER_PICTURE)
        other = sketch_apply(graph, "Relu", "other", picture);
    int a = take(graph, picture, "a", 0, 0, 2);
    int b = take(graph, picture, "b", flaw != OTHER_ORDER, flaw == OTHER_ORDER, 2);
    int c = take(graph, picture, "c", flaw == OTHER_ORDER, flaw != OTHER_ORDER, 2);
    int d = take(graph, other, "d", 1, flaw == SHIFTED ? 0 : 1, flaw == OTHER_STEP ? 3 : 2);
    if (flaw == OTHER_STEP) {
        a = take(graph, picture, "e", 0, 0, 3);
        b = take(graph, picture, "f", 1, 0, 3);
        c = take(graph, picture, "g", 0, 1, 3);
    }
    int y = sketch_apply(graph, "Concat", "joined", a, b, c, d);
    sketch_int(graph, "axis", flaw == OTHER_AXIS ? 2 : 1);
    if (bytes) {
        int scale = sketch_fill(graph, "scalar", 0.5);
        y = sketch_apply(graph, "QuantizeLinear", "bytes", y, scale);
        y = sketch_apply(graph, "DequantizeLinear", "floats", y, scale);
    }
    sketch_output(graph, y);
    return graph;
}

static struct graph *join(struct graph *source)
{
    struct graph_folder folder = small_folder();
    const struct tensor_shape shape = {.rank = 4, .dims = {1, 3, 8, 12}};
    struct graph *graph;
    assert_int_equal(graph_specialise(&graph, source, &shape, &folder), 0);
    assert_int_equal(graph_fuse(graph), 0);
    assert_int_equal(graph_use_bytes(graph, &folder, NULL, NULL), 0);
    assert_int_equal(graph_join_focus(graph), 0);
    return graph;
}

static void test_slices_become_one_node(void **state)
{
    (void)state;
    struct graph *source = slices_with(NO_FLAW, false), *graph = join(source);
    assert_string_equal(sketch_types(graph), "Focus");
    assert_int_equal(graph->nodes[0].inputs[0], graph->inputs[0]);
    assert_int_equal(graph->values[graph->outputs[0]].shape.dims[1], 12);
    graph_close(&graph);
    graph_close(&source);
}

static void test_it_writes_bytes(void **state)
{
    (void)state;
    struct graph *source = slices_with(NO_FLAW, true), *graph = join(source);
    assert_string_equal(sketch_types(graph), "Focus DequantizeLinear");
    const struct graph_value *out = &graph->values[graph->nodes[0].outputs[0]];
    assert_int_equal(out->dtype, STANCE_UINT8);
    assert_true(out->bytes.scale == 0.5f);
    graph_close(&graph);
    graph_close(&source);
}

static void test_other_slices_stay(void **state)
{
    (void)state;
    for (int flaw = NO_FLAW + 1; flaw < FLAWS; flaw++) {
        struct graph *source = slices_with((enum flaw)flaw, false), *graph = join(source);
        assert_int_equal(sketch_count(graph, "Focus"), 0);
        graph_close(&graph);
        graph_close(&source);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_phases_become_channels),
        cmocka_unit_test(test_slices_become_one_node),
        cmocka_unit_test(test_it_writes_bytes),
        cmocka_unit_test(test_other_slices_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
