/* Plans: from shapes to steps over one workspace. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "engine/plan.h"
#include "engine/terms.h"
#include "graph/memory_plan.h"
#include "onnx/onnx_model.h"

enum { PLAN_ARENA = 64 << 20 };

int64_t engine_elements(const struct graph_value *value)
{
    int64_t count = 1;
    for (int i = 0; i < value->shape.rank; i++)
        count *=
            i == 1 && value->block > 1
                ? (int64_t)kernel_blocks((int)value->shape.dims[1], value->block) * value->block
                : value->shape.dims[i];
    return count;
}

bool engine_dense(const struct engine_plan *plan, int value)
{
    const struct graph_value *v = &plan->graph->values[value];
    int64_t images = v->shape.rank > 0 ? v->shape.dims[0] : 1;
    return images <= 1 || engine_stride(plan, value) * images == engine_elements(v);
}

int engine_parts(int64_t work, int64_t least)
{
    int64_t parts = work / least;
    return parts < 1 ? 1 : parts > 16 ? 16 : (int)parts;
}

int engine_specialise(struct graph **out, struct stance_model *model,
                      const struct kernel_table *kernels, const struct engine_inputs *inputs)
{
    struct graph_folder folder = engine_folder();
    BASE_TRY(graph_specialise_size(out, model->graph, inputs->shapes, &folder, inputs->any_size));
    void *context = (void *)(uintptr_t)kernels;
    struct engine_joining joining = {model, kernels};
    int code = graph_fuse(*out);
    if (code == 0)
        code = graph_join_skeletons(*out, engine_joins, &joining);
    if (code == 0)
        code = graph_use_bytes(*out, &folder, engine_has_bytes, context);
    if (code == 0)
        code = graph_join_focus(*out);
    if (code == 0)
        code = graph_layout(*out, kernels->block, engine_can_block, context);
    if (code < 0)
        graph_close(out);
    return code;
}

static enum engine_storage storage_of(const struct graph_value *value)
{
    if (value->constant)
        return ENGINE_CONSTANT;
    return tensor_shape_known(&value->shape) && value->dtype != STANCE_DTYPE_NONE ? ENGINE_WORKSPACE
                                                                                  : ENGINE_DYNAMIC;
}

static int init_places(struct engine_plan *plan)
{
    struct graph *graph = plan->graph;
    size_t values = (size_t)graph->value_count + 1;
    plan->places = base_arena_alloc(plan->arena, values, sizeof plan->places[0]);
    plan->views = base_arena_alloc(plan->arena, values, sizeof plan->views[0]);
    plan->steps =
        base_arena_alloc(plan->arena, (size_t)graph->node_count + 1, sizeof plan->steps[0]);
    if (!plan->places || !plan->views || !plan->steps)
        return STANCE_ENOMEMORY;
    for (int i = 0; i < graph->value_count; i++) {
        const struct graph_value *value = &graph->values[i];
        struct engine_place *place = &plan->places[i];
        *place =
            (struct engine_place){.storage = storage_of(value), .root = i, .first = -1, .last = -1};
        plan->views[i] = (struct stance_tensor){.dtype = value->dtype, .rank = value->shape.rank};
        memcpy(plan->views[i].dims, value->shape.dims, sizeof plan->views[i].dims);
        if (value->constant)
            plan->views[i].data = place->data = value->constant->view.data;
        if (place->storage == ENGINE_WORKSPACE)
            place->bytes = (size_t)engine_elements(value) * stance_dtype_size(value->dtype);
    }
    for (int i = 0; i < graph->input_count; i++)
        plan->places[graph->inputs[i]].storage = ENGINE_INPUT;
    return 0;
}

static int make_step(struct engine_plan *plan, struct engine_step *step)
{
    static engine_make_fn *const makers[] = {
        engine_make_conv,     engine_make_qconv,    engine_make_matmul,   engine_make_pool,
        engine_make_bytes,    engine_make_branches, engine_make_skeleton, engine_make_focus,
        engine_make_channels, engine_make_flat,     engine_make_generic,
    };
    for (size_t i = 0; i < sizeof makers / sizeof makers[0]; i++) {
        int code = makers[i](plan, step);
        if (code != 0)
            return code < 0 ? code : 0;
    }
    return base_error(STANCE_EUNSUPPORTED, "the operator cannot be run");
}

static bool only_views(const struct engine_plan *plan, const struct graph_node *node)
{
    for (int i = 0; i < node->output_count; i++)
        if (node->outputs[i] >= 0 && !plan->places[node->outputs[i]].view)
            return false;
    return true;
}

static int make_steps(struct engine_plan *plan)
{
    struct graph *graph = plan->graph;
    for (int i = 0; i < graph->node_count; i++) {
        struct engine_step *step = &plan->steps[i];
        step->node = &graph->nodes[i];
        step->method = "";
        if (only_views(plan, step->node))
            continue;
        int code = make_step(plan, step);
        if (code < 0)
            return graph_node_error(code, graph, step->node);
        if (step->scratch_bytes > plan->scratch_bytes)
            plan->scratch_bytes = step->scratch_bytes;
        plan->multiply_adds += step->multiply_adds;
    }
    return 0;
}

static void live(struct engine_plan *plan, int value, int step)
{
    if (value < 0)
        return;
    struct engine_place *root = &plan->places[plan->places[value].root];
    if (root->first < 0 || step < root->first)
        root->first = step;
    if (step > root->last)
        root->last = step;
}

static void find_lifetimes(struct engine_plan *plan)
{
    const struct graph *graph = plan->graph;
    for (int i = 0; i < graph->node_count; i++) {
        for (int k = 0; k < graph->nodes[i].input_count; k++)
            live(plan, graph->nodes[i].inputs[k], i);
        for (int k = 0; k < graph->nodes[i].output_count; k++)
            live(plan, graph->nodes[i].outputs[k], i);
    }
    for (int i = 0; i < graph->output_count; i++)
        live(plan, graph->outputs[i], graph->node_count);
}

static bool owns_memory(const struct engine_plan *plan, int value)
{
    const struct engine_place *place = &plan->places[value];
    return place->storage == ENGINE_WORKSPACE && place->root == value && place->first >= 0;
}

static int place_blocks(struct engine_plan *plan, struct graph_block *blocks)
{
    int count = 0;
    for (int i = 0; i < plan->graph->value_count; i++)
        if (owns_memory(plan, i))
            blocks[count++] = (struct graph_block){.bytes = plan->places[i].bytes,
                                                   .first = plan->places[i].first,
                                                   .last = plan->places[i].last};
    for (int i = 0; i < plan->graph->node_count; i++)
        if (plan->steps[i].temp_bytes)
            blocks[count++] =
                (struct graph_block){.bytes = plan->steps[i].temp_bytes, .first = i, .last = i};
    BASE_TRY(graph_plan_memory(blocks, count, ENGINE_WORKSPACE_LIMIT, &plan->workspace_bytes));
    count = 0;
    for (int i = 0; i < plan->graph->value_count; i++)
        if (owns_memory(plan, i))
            plan->places[i].start = blocks[count++].offset;
    for (int i = 0; i < plan->graph->node_count; i++)
        if (plan->steps[i].temp_bytes)
            plan->steps[i].temp_start = blocks[count++].offset;
    return 0;
}

/* What lies in it is not kept. */
static int grow(unsigned char **data, size_t *bytes, size_t wanted, const char *what)
{
    if (*data && wanted <= *bytes)
        return 0;
    unsigned char *fresh = base_alloc_huge(wanted);
    if (!fresh)
        return base_error_memory(wanted, what);
    memset(fresh, 0, wanted);
    base_free(*data);
    *data = fresh;
    *bytes = wanted;
    return 0;
}

void engine_workspace_close(struct engine_workspace *workspace)
{
    base_free(workspace->data);
    base_free(workspace->scratch);
    *workspace = (struct engine_workspace){0};
}

static int plan_workspace(struct engine_plan *plan)
{
    find_lifetimes(plan);
    size_t count = (size_t)(plan->graph->value_count + plan->graph->node_count) + 1;
    struct graph_block *blocks = base_alloc_zero(count, sizeof *blocks);
    if (!blocks)
        return base_error_memory(count * sizeof *blocks, "a memory plan");
    int code = place_blocks(plan, blocks);
    base_free(blocks);
    if (code < 0)
        return code;
    plan->scratch_bytes = (plan->scratch_bytes + BASE_ALIGN - 1) / BASE_ALIGN * BASE_ALIGN;
    size_t scratch = plan->scratch_bytes * (size_t)base_pool_threads(plan->pool);
    struct engine_workspace *shared = plan->workspace;
    BASE_TRY(grow(&shared->data, &shared->bytes, plan->workspace_bytes, "the network's workspace"));
    return grow(&shared->scratch, &shared->scratch_bytes, scratch, "scratch memory");
}

static void bind_views(struct engine_plan *plan, enum engine_storage storage)
{
    for (int i = 0; i < plan->graph->value_count; i++) {
        const struct engine_place *place = &plan->places[i];
        const unsigned char *root = plan->places[place->root].data;
        if (place->storage == storage && root)
            plan->views[i].data = plan->places[place->root].data + place->offset;
    }
}

/* Places and static views point into the workspace until another plan makes it grow; views of inputs
 * and dynamic values follow. */
static void bind(struct engine_plan *plan)
{
    unsigned char *data = plan->workspace->data;
    if (plan->bound == data)
        return;
    plan->bound = data;
    for (int i = 0; i < plan->graph->value_count; i++)
        if (owns_memory(plan, i))
            plan->places[i].data = data + plan->places[i].start;
    for (int i = 0; i < plan->graph->node_count; i++)
        if (plan->steps[i].temp_bytes)
            plan->steps[i].temp = data + plan->steps[i].temp_start;
    bind_views(plan, ENGINE_WORKSPACE);
}

/* An output that is an input under another name or shape gets memory of its own. */
static int open_copies(struct engine_plan *plan)
{
    const struct graph *graph = plan->graph;
    plan->copies =
        base_arena_alloc(plan->arena, (size_t)graph->output_count + 1, sizeof plan->copies[0]);
    if (!plan->copies)
        return STANCE_ENOMEMORY;
    for (int i = 0; i < graph->output_count; i++) {
        plan->copies[i] = plan->views[graph->outputs[i]];
        plan->copies[i].data = NULL;
        if (plan->places[graph->outputs[i]].storage != ENGINE_INPUT)
            continue;
        size_t bytes = tensor_bytes(&plan->copies[i]);
        plan->copies[i].data = base_alloc(bytes);
        if (!plan->copies[i].data)
            return base_error_memory(bytes, "an output");
    }
    return 0;
}

/* Runs what depends on data once with the largest results it can ever have, so that its memory is
 * there before the first frame. What fails on such made-up data is left to the real run. */
static int rehearse(struct engine_plan *plan)
{
    BASE_TRY(engine_memory_open(&plan->memory, ENGINE_WORKSPACE_LIMIT));
    size_t bytes = 0;
    for (int i = 0; i < plan->graph->input_count; i++)
        if (plan->places[plan->graph->inputs[i]].bytes > bytes)
            bytes = plan->places[plan->graph->inputs[i]].bytes;
    unsigned char *zeros = base_alloc_zero(bytes + 1, 1);
    if (!zeros)
        return base_error_memory(bytes, "a rehearsal");
    for (int i = 0; i < plan->graph->input_count; i++)
        plan->places[plan->graph->inputs[i]].data = zeros;
    bind_views(plan, ENGINE_INPUT);
    int code = engine_rehearse_generic(plan);
    base_free(zeros);
    return code;
}

int engine_plan_open(struct engine_plan **out, struct stance_model *model,
                     const struct kernel_table *kernels, struct base_pool *pool,
                     struct engine_workspace *workspace, const struct engine_inputs *inputs)
{
    *out = NULL;
    struct engine_plan *plan = base_alloc_zero(1, sizeof *plan);
    if (!plan)
        return base_error_memory(sizeof *plan, "a plan");
    plan->model = engine_model_keep(model);
    plan->kernels = kernels;
    plan->pool = pool;
    plan->workspace = workspace;
    int code = base_arena_open(&plan->arena, PLAN_ARENA);
    if (code == 0)
        code = engine_specialise(&plan->graph, model, kernels, inputs);
    if (code == 0) {
        plan->int8_multiply_adds = graph_byte_multiply_adds(plan->graph);
        code = init_places(plan);
    }
    if (code == 0) {
        engine_alias(plan);
        code = make_steps(plan);
    }
    if (code == 0)
        code = plan_workspace(plan);
    if (code == 0) {
        bind(plan);
        code = open_copies(plan);
    }
    if (code == 0)
        code = rehearse(plan);
    onnx_model_forget(model->onnx); /* what is packed is not read again soon */
    if (code < 0)
        engine_plan_close(&plan);
    *out = plan;
    return code;
}

void engine_plan_close(struct engine_plan **handle)
{
    struct engine_plan *plan = *handle;
    *handle = NULL;
    if (!plan)
        return;
    for (int i = 0; plan->steps && plan->graph && i < plan->graph->node_count; i++)
        engine_unpack(plan->model, plan->steps[i].packed);
    for (int i = 0; plan->copies && plan->graph && i < plan->graph->output_count; i++)
        base_free(plan->copies[i].data);
    engine_memory_close(&plan->memory);
    graph_close(&plan->graph);
    base_arena_close(&plan->arena);
    stance_model_close(&plan->model);
    base_free(plan);
}

static int run_step(struct engine_plan *plan, struct engine_step *step, bool profile)
{
    if (!step->run)
        return 0;
    int64_t start = profile ? base_clock_ns() : 0;
    int code = step->run(step, plan);
    if (profile)
        step->nanoseconds += base_clock_ns() - start;
    return code < 0 ? graph_node_error(code, plan->graph, step->node) : 0;
}

int engine_plan_run(struct engine_plan *plan, const void *const *inputs, bool profile)
{
    bind(plan);
    for (int i = 0; i < plan->graph->input_count; i++)
        plan->places[plan->graph->inputs[i]].data = (unsigned char *)(uintptr_t)inputs[i];
    bind_views(plan, ENGINE_INPUT);
    engine_memory_reset(plan->memory);
    for (int i = 0; i < plan->graph->node_count; i++)
        BASE_TRY(run_step(plan, &plan->steps[i], profile));
    for (int i = 0; i < plan->graph->output_count; i++)
        if (plan->copies[i].data)
            memcpy(plan->copies[i].data, plan->views[plan->graph->outputs[i]].data,
                   tensor_bytes(&plan->copies[i]));
    plan->runs += profile;
    return 0;
}

const struct stance_tensor *engine_plan_output(const struct engine_plan *plan, int i)
{
    return plan->copies[i].data ? &plan->copies[i] : &plan->views[plan->graph->outputs[i]];
}
