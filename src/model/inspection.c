/* Inspections: a file's contents, its operators, its family, its graph before and after. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "engine/plan.h"
#include "model/family.h"
#include "model/find.h"
#include "stance/inspect.h"

enum { TEXT_LIMIT = 64 << 20, ARENA_LIMIT = 64 << 20 };

/* The public part comes first, so that one pointer serves both. */
struct inspection {
    struct stance_inspection public;
    struct base_arena *arena;
    struct stance_model *model;
    struct base_buffer before, after;
};

struct tally {
    const char *type;
    int32_t uses;
};

static int more_uses_first(const void *left, const void *right)
{
    const struct tally *a = left, *b = right;
    return a->uses != b->uses ? (a->uses < b->uses) - (a->uses > b->uses)
                              : strcmp(a->type, b->type);
}

static int count_operators(struct inspection *in, const struct graph *graph)
{
    size_t nodes = (size_t)graph->node_count + 1;
    struct tally *tallies = base_arena_alloc(in->arena, nodes, sizeof *tallies);
    const char **types = base_arena_alloc(in->arena, nodes, sizeof *types);
    int32_t *uses = base_arena_alloc(in->arena, nodes, sizeof *uses);
    if (!tallies || !types || !uses)
        return STANCE_ENOMEMORY;
    int kinds = 0;
    for (int i = 0; i < graph->node_count; i++) {
        int k = 0;
        while (k < kinds && strcmp(tallies[k].type, graph->nodes[i].type) != 0)
            k++;
        if (k == kinds &&
            !(tallies[kinds++].type = base_arena_format(in->arena, "%s", graph->nodes[i].type)))
            return STANCE_ENOMEMORY;
        tallies[k].uses++;
    }
    qsort(tallies, (size_t)kinds, sizeof *tallies, more_uses_first);
    for (int k = 0; k < kinds; k++) {
        types[k] = tallies[k].type;
        uses[k] = tallies[k].uses;
    }
    in->public.operator_count = kinds;
    in->public.operators = types;
    in->public.operator_uses = uses;
    return 0;
}

/* The graph exactly as the file has it. */
static int read_file(struct inspection *in, const char *path)
{
    struct onnx_model *onnx;
    struct graph *graph = NULL;
    BASE_TRY(model_onnx_open(&onnx, path));
    int code = graph_import(&graph, onnx);
    if (code < 0) {
        code = base_error_context(code, "%s", path);
    } else {
        in->public.opset = graph->opset;
        in->public.node_count = graph->node_count;
        in->public.parameters = graph_parameters(graph);
        code = in->public.parameters < 0 ? STANCE_ENOMEMORY : count_operators(in, graph);
    }
    if (code == 0)
        code = graph_dump(graph, &in->before);
    in->public.graph_before = in->before.data ? in->before.data : "";
    graph_close(&graph);
    onnx_model_close(&onnx);
    return code;
}

static int describe_ends(struct inspection *in)
{
    int inputs = stance_model_input_count(in->model),
        outputs = stance_model_output_count(in->model);
    size_t count = (size_t)(inputs + outputs) + 1;
    struct stance_tensor *tensors = base_arena_alloc(in->arena, count, sizeof *tensors);
    const char **names = base_arena_alloc(in->arena, count, sizeof *names);
    if (!tensors || !names)
        return STANCE_ENOMEMORY;
    for (int i = 0; i < inputs; i++) {
        stance_model_input(in->model, i, &tensors[i]);
        names[i] = stance_model_input_name(in->model, i);
    }
    for (int i = 0; i < outputs; i++) {
        stance_model_output(in->model, i, &tensors[inputs + i]);
        names[inputs + i] = stance_model_output_name(in->model, i);
    }
    in->public.input_count = inputs;
    in->public.output_count = outputs;
    in->public.inputs = tensors;
    in->public.outputs = tensors + inputs;
    in->public.input_names = names;
    in->public.output_names = names + inputs;
    return 0;
}

static int describe_family(struct inspection *in)
{
    struct model_traits traits;
    int code = model_identify(&traits, in->model, NULL);
    if (code == STANCE_ENOMEMORY)
        return code;
    if (code == 0)
        in->public.family = traits.family->title;
    else
        in->public.family_note = base_arena_format(in->arena, "%s", stance_error_text());
    return in->public.family || in->public.family_note ? 0 : STANCE_ENOMEMORY;
}

/* Declared shapes with open batches as 1; false when another dim is open. */
static bool declared_shapes(const struct inspection *in, struct tensor_shape *shapes)
{
    for (int i = 0; i < in->public.input_count; i++) {
        shapes[i] = tensor_shape_of(&in->public.inputs[i]);
        if (shapes[i].rank > 0 && shapes[i].dims[0] < 0)
            shapes[i].dims[0] = 1;
        if (!tensor_shape_known(&shapes[i]))
            return false;
    }
    return true;
}

static int describe_batch(struct inspection *in, struct tensor_shape *shapes)
{
    const struct stance_tensor *input = &in->public.inputs[0];
    if (in->public.input_count != 1 || input->rank < 1 || input->dims[0] != 1)
        return 0;
    struct graph *graph;
    struct graph_folder folder = engine_folder();
    shapes[0].dims[0] = 61; /* as sessions ask */
    int together = graph_specialise(&graph, in->model->graph, shapes, &folder);
    if (together == 0) {
        together = graph_batch_independent(graph, 61, NULL, 0);
        graph_close(&graph);
    }
    shapes[0].dims[0] = 1;
    in->public.batch_note = together > 0
                                ? "exported for batch 1; larger batches run in one go"
                                : "exported for batch 1; larger batches run image by image";
    return together == STANCE_ENOMEMORY ? together : 0;
}

static int describe_graph(struct inspection *in, struct tensor_shape *shapes, int tier)
{
    enum base_cpu_tier chosen = (enum base_cpu_tier)tier;
    if (tier == STANCE_TIER_AUTO)
        BASE_TRY(base_cpu_choose(&chosen));
    struct graph *graph;
    const struct engine_inputs inputs = {.shapes = shapes};
    BASE_TRY(engine_specialise(&graph, in->model, kernel_table(chosen), &inputs));
    in->public.multiply_adds = graph_multiply_adds(graph);
    in->public.int8_multiply_adds = graph_byte_multiply_adds(graph);
    int code = graph_dump(graph, &in->after);
    in->public.graph_after = in->after.data;
    graph_close(&graph);
    return code < 0 ? code : describe_batch(in, shapes);
}

static int inspect(struct inspection *in, const char *name, const struct stance_tensor *given,
                   int given_count, int tier)
{
    BASE_TRY(base_arena_open(&in->arena, ARENA_LIMIT));
    BASE_TRY(stance_model_open(&in->model, name));
    in->public.path = base_arena_format(in->arena, "%s", stance_model_path(in->model));
    if (!in->public.path)
        return STANCE_ENOMEMORY;
    BASE_TRY(read_file(in, in->public.path));
    BASE_TRY(describe_ends(in));
    BASE_TRY(describe_family(in));
    if (given && given_count != in->public.input_count)
        return base_error(STANCE_EARGUMENT, "%d shapes given, the model has %d inputs", given_count,
                          in->public.input_count);
    size_t inputs = (size_t)in->public.input_count + 1;
    struct tensor_shape *shapes = base_arena_alloc(in->arena, inputs, sizeof *shapes);
    if (!shapes)
        return STANCE_ENOMEMORY;
    bool known = given || declared_shapes(in, shapes);
    for (int i = 0; given && i < given_count; i++)
        shapes[i] = tensor_shape_of(&given[i]);
    return known ? describe_graph(in, shapes, tier) : 0;
}

int stance_inspection_open(struct stance_inspection **out, const char *name,
                           const struct stance_tensor *shapes, int shape_count, int tier)
{
    *out = NULL;
    struct inspection *in = base_alloc_zero(1, sizeof *in);
    if (!in)
        return base_error_memory(sizeof *in, "an inspection");
    base_buffer_init(&in->before, TEXT_LIMIT);
    base_buffer_init(&in->after, TEXT_LIMIT);
    *out = &in->public;
    int code = inspect(in, name, shapes, shape_count, tier);
    if (code < 0)
        stance_inspection_close(out);
    return code;
}

void stance_inspection_close(struct stance_inspection **handle)
{
    struct inspection *in = (struct inspection *)(void *)*handle;
    *handle = NULL;
    if (!in)
        return;
    base_buffer_free(&in->before);
    base_buffer_free(&in->after);
    stance_model_close(&in->model);
    base_arena_close(&in->arena);
    base_free(in);
}
