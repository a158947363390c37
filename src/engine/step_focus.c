/* Steps for Focus: a plain picture becomes blocks of its phases, floats or bytes. */
#include <string.h>

#include "engine/plan.h"

struct focus_run {
    const struct kernel_table *kernels;
    struct kernel_focus focus;
};

static void share(void *context, int part, int parts, int worker)
{
    const struct focus_run *run = context;
    run->kernels->focus(&run->focus, part, parts);
}

static int run_focus(struct engine_step *step, struct engine_plan *plan)
{
    int x = step->node->inputs[0], y = step->node->outputs[0];
    const struct tensor_shape *in = &plan->graph->values[x].shape;
    const struct graph_value *out = &plan->graph->values[y];
    const struct focus_run run = {.kernels = plan->kernels,
                                  .focus = {
                                      .input = engine_data(plan, x),
                                      .output = engine_memory(plan, y),
                                      .bytes = engine_bytes(plan->graph, y),
                                      .batch = (int)in->dims[0],
                                      .channels = (int)in->dims[1],
                                      .out_height = (int)out->shape.dims[2],
                                      .out_width = (int)out->shape.dims[3],
                                      .input_batch_stride = engine_stride(plan, x),
                                      .output_batch_stride = engine_stride(plan, y),
                                  }};
    base_pool_share(plan->pool, share, (void *)(uintptr_t)&run,
                    engine_parts(engine_elements(out), 16384));
    return 0;
}

int engine_make_focus(struct engine_plan *plan, struct engine_step *step)
{
    (void)plan;
    if (strcmp(step->node->type, "Focus") != 0)
        return 0;
    step->run = run_focus;
    return 1;
}
