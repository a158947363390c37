/* Sketched graphs after all passes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "support/fused.h"
#include "support/sketch.h"
#include "support/small_folder.h"

struct graph *fused_specialise(const struct graph *source, const char *shape)
{
    struct graph_folder folder = small_folder();
    struct tensor_shape shapes[4];
    struct graph *graph;
    for (int i = 0; i < source->input_count; i++)
        assert_int_equal(tensor_shape_parse(&shapes[i], shape), 0);
    assert_int_equal(graph_specialise(&graph, source, shapes, &folder), 0);
    return graph;
}

struct fused fused_open(struct graph *source, const char *shape)
{
    struct graph_folder folder = small_folder();
    assert_int_equal(graph_simplify(source, &folder), 0);
    struct fused fused = {source, fused_specialise(source, shape)};
    assert_int_equal(graph_fuse(fused.graph), 0);
    return fused;
}

void fused_close(struct fused *fused)
{
    graph_close(&fused->graph);
    graph_close(&fused->source);
}

void fused_expect(struct graph *source, const char *shape, const char *types)
{
    struct fused fused = fused_open(source, shape);
    assert_string_equal(sketch_types(fused.graph), types);
    fused_close(&fused);
}

void fused_expect_shape(const struct graph *graph, int value, const char *text)
{
    char buffer[TENSOR_SHAPE_TEXT];
    assert_string_equal(tensor_shape_text(&graph->values[value].shape, buffer), text);
}
