/* Steps for the temporal branches of ST-GCN++. */
#include <string.h>

#include "engine/plan.h"

struct branches_run {
    const struct kernel_table *kernels;
    struct kernel_branches branches;
};

/* What packing needs beside the weights. */
struct constants {
    const struct kernel_branches *branches;
    const float *scale;
};

static const struct kernel_table *kernels_of(const struct engine_plan *plan,
                                             const struct engine_step *step)
{
    return engine_input(plan, step, 0)->block > 1 ? plan->kernels : kernel_table(BASE_CPU_REF);
}

static void share(void *context, int part, int parts, int worker)
{
    struct branches_run *run = context;
    run->kernels->branches_run(&run->branches, part, parts);
}

static int run_branches(struct engine_step *step, struct engine_plan *plan)
{
    const struct graph_node *node = step->node;
    struct branches_run run = {.kernels = kernels_of(plan, step),
                               .branches = *(const struct kernel_branches *)step->data};
    run.branches.packed = step->packed->data;
    run.branches.input = engine_data(plan, node->inputs[0]);
    run.branches.output = engine_data(plan, node->outputs[0]);
    run.branches.input_batch_stride = engine_stride(plan, node->inputs[0]);
    run.branches.output_batch_stride = engine_stride(plan, node->outputs[0]);
    base_pool_share(plan->pool, share, &run,
                    engine_parts(engine_elements(&plan->graph->values[node->outputs[0]]), 4096));
    return 0;
}

static void pack(const struct engine_packing *packing, void *data)
{
    const struct constants *constants = packing->context;
    packing->kernels->branches_pack(constants->branches, packing->weights->view.data,
                                    constants->scale, packing->bias->view.data, data);
}

static int pack_weights(struct engine_plan *plan, struct engine_step *step,
                        const struct kernel_branches *branches)
{
    const struct kernel_table *kernels = kernels_of(plan, step);
    const struct constants constants = {branches, engine_input(plan, step, 2)->constant->view.data};
    const struct engine_packing packing = {.kernels = kernels,
                                           .weights = engine_input(plan, step, 1)->constant,
                                           .bias = engine_input(plan, step, 3)->constant,
                                           .key = branches->branch,
                                           .key_size = sizeof branches->branch,
                                           .bytes = kernels->branches_packed_bytes(branches),
                                           .pack = pack,
                                           .context = &constants};
    return engine_pack(&step->packed, plan->model, &packing);
}

int engine_make_branches(struct engine_plan *plan, struct engine_step *step)
{
    if (strcmp(step->node->type, "Branches") != 0)
        return 0;
    const struct graph_value *in = engine_input(plan, step, 0), *out = engine_output(plan, step, 0);
    struct graph_branches read;
    BASE_TRY(graph_branches_read(&read, step->node));
    struct kernel_branches *branches = base_arena_alloc(plan->arena, 1, sizeof *branches);
    if (!branches)
        return STANCE_ENOMEMORY;
    memset(branches, 0, sizeof *branches); /* part of it is the packing's key */
    branches->batch = (int)in->shape.dims[0];
    branches->channels = (int)in->shape.dims[1];
    branches->in_frames = (int)in->shape.dims[2];
    branches->out_frames = (int)out->shape.dims[2];
    branches->joints = (int)in->shape.dims[3];
    branches->stride = (int)read.stride;
    branches->count = read.count;
    for (int i = 0; i < read.count; i++) {
        branches->branch[i].channels = (int)read.branch[i].channels;
        branches->branch[i].taps = (int)read.branch[i].taps;
        branches->branch[i].dilation = (int)read.branch[i].dilation;
        branches->branch[i].pooled = read.branch[i].pooled;
    }
    BASE_TRY(pack_weights(plan, step, branches));
    step->data = branches;
    step->run = run_branches;
    step->multiply_adds =
        (int64_t)branches->batch * branches->out_frames * branches->joints * read.weights;
    return 1;
}
