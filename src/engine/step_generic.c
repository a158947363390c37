/* Steps for everything without a faster one: the generic operators of engine/op.h, on plain values
 * of planned shape or of a shape that only this run knows. */
#include <string.h>

#include "base/memory.h"
#include "engine/epilogue.h"
#include "engine/plan.h"

struct generic {
    engine_op_fn *run;
    bool dynamic;                   /* some output's shape is known at run time only */
    bool own_epilogue;              /* the operator applies node->epilogue itself */
    struct stance_tensor *in, *out; /* filled anew at every run */
};

static struct engine_context context_of(const struct engine_plan *plan)
{
    return (struct engine_context){.opset = plan->graph->opset,
                                   .memory = plan->memory,
                                   .kernels = plan->kernels,
                                   .pool = plan->pool,
                                   .worst_case = plan->worst_case};
}

static void gather(const struct engine_plan *plan, const struct graph_node *node,
                   struct generic *generic)
{
    for (int i = 0; i < node->input_count; i++)
        generic->in[i] =
            node->inputs[i] < 0 ? (struct stance_tensor){0} : plan->views[node->inputs[i]];
    for (int i = 0; i < node->output_count; i++)
        generic->out[i] = node->outputs[i] < 0 ? (struct stance_tensor){.rank = -1}
                                               : plan->views[node->outputs[i]];
}

static int run_static(struct engine_plan *plan, const struct graph_node *node,
                      struct generic *generic)
{
    struct engine_call call = {.node = node,
                               .opset = plan->graph->opset,
                               .input_count = node->input_count - (node->epilogue.residual >= 0),
                               .output_count = node->output_count,
                               .in = generic->in,
                               .out = generic->out,
                               .memory = plan->memory,
                               .kernels = plan->kernels,
                               .pool = plan->pool,
                               .worst_case = plan->worst_case};
    int code = generic->run(&call);
    engine_memory_end_call(plan->memory);
    return code;
}

static int run_dynamic(struct engine_plan *plan, const struct graph_node *node,
                       struct generic *generic)
{
    struct engine_context context = context_of(plan);
    BASE_TRY(engine_evaluate(&context, node, generic->in, generic->out));
    for (int i = 0; i < node->output_count; i++)
        if (node->outputs[i] >= 0)
            plan->views[node->outputs[i]] = generic->out[i];
    return 0;
}

static int run_generic(struct engine_step *step, struct engine_plan *plan)
{
    struct generic *generic = step->data;
    const struct graph_node *node = step->node;
    gather(plan, node, generic);
    if (generic->dynamic)
        BASE_TRY(run_dynamic(plan, node, generic));
    else
        BASE_TRY(run_static(plan, node, generic));
    const struct graph_epilogue *epilogue = &node->epilogue;
    if (!generic->own_epilogue &&
        (epilogue->activation != GRAPH_LINEAR || epilogue->residual >= 0)) {
        struct engine_context context = context_of(plan);
        engine_epilogue_apply(&context, node,
                              epilogue->residual < 0 ? NULL : &plan->views[epilogue->residual],
                              &plan->views[node->outputs[0]]);
    }
    return 0;
}

static bool touches_blocked(const struct engine_plan *plan, const struct graph_node *node)
{
    for (int i = 0; i < node->input_count; i++)
        if (node->inputs[i] >= 0 && plan->graph->values[node->inputs[i]].block > 1)
            return true;
    for (int i = 0; i < node->output_count; i++)
        if (node->outputs[i] >= 0 && plan->graph->values[node->outputs[i]].block > 1)
            return true;
    return false;
}

int engine_make_generic(struct engine_plan *plan, struct engine_step *step)
{
    const struct graph_node *node = step->node;
    const struct engine_op *op = engine_op_find(node->type);
    if (!op)
        return 0;
    if (touches_blocked(plan, node))
        return base_error(STANCE_EUNSUPPORTED, "no implementation for the blocked layout");
    struct generic *generic = base_arena_alloc(plan->arena, 1, sizeof *generic);
    size_t tensors = (size_t)(node->input_count + node->output_count) + 1;
    struct stance_tensor *views = base_arena_alloc(plan->arena, tensors, sizeof *views);
    if (!generic || !views)
        return STANCE_ENOMEMORY;
    generic->run = op->run;
    generic->in = views;
    generic->out = views + node->input_count;
    generic->own_epilogue =
        strcmp(node->type, "Conv") == 0 || strcmp(node->type, "ConvTranspose") == 0;
    for (int i = 0; i < node->output_count; i++)
        generic->dynamic |=
            node->outputs[i] >= 0 && plan->places[node->outputs[i]].storage == ENGINE_DYNAMIC;
    step->run = run_generic;
    step->data = generic;
    return 1;
}

int engine_rehearse_generic(struct engine_plan *plan)
{
    int code = 0;
    bool dynamic_works = true;
    plan->worst_case = true;
    for (int i = 0; i < plan->graph->node_count; i++) {
        struct engine_step *step = &plan->steps[i];
        if (step->run != run_generic)
            continue;
        const struct generic *generic = step->data;
        if (generic->dynamic && !dynamic_works)
            continue;
        code = step->run(step, plan);
        if (code == STANCE_ENOMEMORY)
            break;
        if (code < 0 && generic->dynamic)
            dynamic_works = false;
        code = 0;
    }
    plan->worst_case = false;
    engine_memory_reset(plan->memory);
    return code;
}
