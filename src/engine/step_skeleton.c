/* Steps for the graph convolutions of skeleton networks. */
#include <string.h>

#include "base/memory.h"
#include "engine/epilogue.h"
#include "engine/plan.h"
#include "engine/terms.h"

/* ---- GraphConv ------------------------------------------------------------------------------- */

struct graph_conv_run {
    const struct kernel_table *kernels;
    struct kernel_graph_conv conv;
};

static void share_graph_conv(void *context, int part, int parts, int worker)
{
    struct graph_conv_run *run = context;
    run->kernels->graph_conv(&run->conv, part, parts);
}

static int run_graph_conv(struct engine_step *step, struct engine_plan *plan)
{
    const struct graph_node *node = step->node;
    bool blocked = engine_input(plan, step, 0)->block > 1;
    struct graph_conv_run run = {.kernels = blocked ? plan->kernels : kernel_table(BASE_CPU_REF),
                                 .conv = *(const struct kernel_graph_conv *)step->data};
    run.conv.input = engine_data(plan, node->inputs[0]);
    run.conv.output = engine_data(plan, node->outputs[0]);
    run.conv.input_batch_stride = engine_stride(plan, node->inputs[0]);
    run.conv.output_batch_stride = engine_stride(plan, node->outputs[0]);
    int residual = node->epilogue.residual;
    if (residual >= 0) {
        run.conv.residual = engine_data(plan, residual);
        run.conv.residual_batch_stride = engine_stride(plan, residual);
    }
    base_pool_share(plan->pool, share_graph_conv, &run,
                    engine_parts(engine_elements(&plan->graph->values[node->outputs[0]]), 4096));
    return 0;
}

/* Per-channel constants, padded to whole blocks. */
static int padded_constant(struct engine_plan *plan, const struct graph_value *value,
                           const float **out)
{
    *out = NULL;
    if (!value)
        return 0;
    int64_t count = stance_tensor_count(&value->constant->view);
    float *copy = base_arena_alloc(plan->arena, (size_t)count + 64, sizeof *copy);
    if (!copy)
        return STANCE_ENOMEMORY;
    memcpy(copy, value->constant->view.data, (size_t)count * sizeof *copy);
    *out = copy;
    return 0;
}

static int make_graph_conv(struct engine_plan *plan, struct engine_step *step)
{
    const struct graph_value *in = engine_input(plan, step, 0), *out = engine_output(plan, step, 0);
    const struct graph_value *adjacency = engine_input(plan, step, 1);
    struct kernel_graph_conv *conv = base_arena_alloc(plan->arena, 1, sizeof *conv);
    if (!conv)
        return STANCE_ENOMEMORY;
    *conv = (struct kernel_graph_conv){
        .batch = (int)in->shape.dims[0],
        .subsets = (int)(in->shape.dims[1] / out->shape.dims[1]),
        .channels = (int)out->shape.dims[1],
        .frames = (int)in->shape.dims[2],
        .joints_in = (int)in->shape.dims[3],
        .joints_out = (int)out->shape.dims[3],
        .adjacency = adjacency->constant->view.data,
        .epilogue = engine_epilogue(step->node),
    };
    BASE_TRY(padded_constant(plan, engine_input(plan, step, 2), &conv->scale));
    BASE_TRY(padded_constant(plan, engine_input(plan, step, 3), &conv->shift));
    step->multiply_adds = (int64_t)conv->batch * conv->subsets * conv->channels * conv->frames *
                          conv->joints_in * conv->joints_out;
    step->data = conv;
    step->run = run_graph_conv;
    return 1;
}

/* ---- SkeletonConv ---------------------------------------------------------------------------- */

/* Three products: joints to terms, each term's own weights, terms to joints. */
struct skeleton_conv {
    const struct engine_terms *terms;
    struct kernel_graph_conv spread, gather;
    struct kernel_row_conv mix;
    size_t spread_bytes; /* of the first product, which lies before the second */
    int batch, parts;
};

struct mix_run {
    const struct kernel_table *kernels;
    struct kernel_row_conv mix;
};

static void share_mix(void *context, int part, int parts, int worker)
{
    struct mix_run *run = context;
    run->kernels->row_conv_run(&run->mix, part, parts);
}

static void spread(const struct engine_plan *plan, const struct engine_step *step, int64_t image,
                   float *to)
{
    const struct skeleton_conv *data = step->data;
    int input = step->node->inputs[0];
    struct graph_conv_run run = {.kernels = plan->kernels, .conv = data->spread};
    run.conv.input_batch_stride = engine_stride(plan, input);
    run.conv.input = engine_data(plan, input) + image * run.conv.input_batch_stride;
    run.conv.output = to;
    base_pool_share(plan->pool, share_graph_conv, &run, data->parts);
}

static void gather(const struct engine_plan *plan, const struct engine_step *step, int64_t image,
                   const float *from)
{
    const struct skeleton_conv *data = step->data;
    int output = step->node->outputs[0], residual = step->node->epilogue.residual;
    struct graph_conv_run run = {.kernels = plan->kernels, .conv = data->gather};
    run.conv.input = from;
    run.conv.output_batch_stride = engine_stride(plan, output);
    run.conv.output = engine_data(plan, output) + image * run.conv.output_batch_stride;
    if (residual >= 0) {
        run.conv.residual_batch_stride = engine_stride(plan, residual);
        run.conv.residual = engine_data(plan, residual) + image * run.conv.residual_batch_stride;
    }
    base_pool_share(plan->pool, share_graph_conv, &run, data->parts);
}

static int run_skeleton_conv(struct engine_step *step, struct engine_plan *plan)
{
    const struct skeleton_conv *data = step->data;
    float *terms = (float *)(void *)step->temp;
    float *mixed = (float *)(void *)(step->temp + data->spread_bytes);
    struct mix_run run = {.kernels = plan->kernels, .mix = data->mix};
    run.mix.packed = step->packed->data;
    run.mix.input = terms;
    run.mix.output = mixed;
    for (int64_t image = 0; image < data->batch; image += data->spread.batch) {
        spread(plan, step, image, terms);
        base_pool_share(plan->pool, share_mix, &run, data->parts);
        gather(plan, step, image, mixed);
    }
    return 0;
}

/* What packing needs beside the weights. */
struct mixing {
    const struct skeleton_conv *conv;
    float *weights, *bias; /* room for one term's */
};

/* Σ_k mix[k][r] · weights[k], and the bias times the term's share of all joints. */
static void mix_term(const struct engine_packing *packing, int r)
{
    const struct mixing *mixing = packing->context;
    const struct kernel_graph_terms *t = &mixing->conv->terms->found;
    const struct kernel_row_conv *mix = &mixing->conv->mix;
    int64_t outs = mix->out_channels, count = outs * mix->in_channels;
    const float *weights = packing->weights->view.data;
    const float *bias = packing->bias ? packing->bias->view.data : NULL;
    float share = 0;
    for (int v = 0; v < t->joints_in; v++)
        share += t->spread[v * t->terms + r];
    memset(mixing->weights, 0, (size_t)count * sizeof(float));
    memset(mixing->bias, 0, (size_t)outs * sizeof(float));
    for (int k = 0; k < t->subsets; k++) {
        float factor = t->mix[k * t->terms + r];
        for (int64_t i = 0; i < count; i++)
            mixing->weights[i] += factor * weights[k * count + i];
        for (int64_t c = 0; bias && c < outs; c++)
            mixing->bias[c] += factor * share * bias[k * outs + c];
    }
}

static void pack(const struct engine_packing *packing, void *data)
{
    const struct mixing *mixing = packing->context;
    for (int r = 0; r < mixing->conv->mix.rows; r++) {
        mix_term(packing, r);
        packing->kernels->row_conv_pack(&mixing->conv->mix, r, mixing->weights, mixing->bias, data);
    }
}

static int pack_weights(struct engine_plan *plan, struct engine_step *step,
                        const struct skeleton_conv *conv)
{
    const struct graph_value *bias = engine_input(plan, step, 2);
    int64_t outs = conv->mix.out_channels;
    float *room = base_alloc((size_t)(outs * (conv->mix.in_channels + 1)) * sizeof *room);
    if (!room)
        return base_error_memory((size_t)outs * sizeof *room, "packed weights");
    const struct mixing mixing = {conv, room + outs, room};
    const struct engine_packing packing = {.kernels = plan->kernels,
                                           .weights = engine_input(plan, step, 1)->constant,
                                           .bias = bias ? bias->constant : NULL,
                                           .key = &conv->terms,
                                           .key_size = sizeof(void *),
                                           .bytes =
                                               plan->kernels->row_conv_packed_bytes(&conv->mix),
                                           .pack = pack,
                                           .context = &mixing};
    int code = engine_pack(&step->packed, plan->model, &packing);
    base_free(room);
    return code;
}

static void fill_skeleton_conv(const struct engine_plan *plan, const struct engine_step *step,
                               struct skeleton_conv *conv)
{
    const struct graph_value *in = engine_input(plan, step, 0), *out = engine_output(plan, step, 0);
    const struct kernel_graph_terms *t = &conv->terms->found;
    int64_t ins = in->shape.dims[1], outs = out->shape.dims[1];
    int batch = (int)in->shape.dims[0], frames = (int)in->shape.dims[2];
    conv->batch = batch;
    /* One image after another, where weights take less room than what lies between the products. */
    if (ins * outs < frames * (ins + outs))
        batch = 1;
    conv->spread = (struct kernel_graph_conv){
        .batch = batch,
        .subsets = 1,
        .channels = (int)in->shape.dims[1],
        .frames = frames,
        .joints_in = t->joints_in,
        .joints_out = t->terms,
        .adjacency = t->spread,
        .turned_output = true,
    };
    conv->mix = (struct kernel_row_conv){
        .in_channels = (int)in->shape.dims[1],
        .out_channels = (int)out->shape.dims[1],
        .rows = t->terms,
        .columns = batch * frames,
    };
    conv->gather = (struct kernel_graph_conv){
        .batch = batch,
        .subsets = 1,
        .channels = (int)out->shape.dims[1],
        .frames = frames,
        .joints_in = t->terms,
        .joints_out = t->joints_out,
        .adjacency = t->gather,
        .epilogue = engine_epilogue(step->node),
        .turned_input = true,
    };
}

static int make_skeleton_conv(struct engine_plan *plan, struct engine_step *step)
{
    struct skeleton_conv *conv = base_arena_alloc(plan->arena, 1, sizeof *conv);
    if (!conv)
        return STANCE_ENOMEMORY;
    *conv = (struct skeleton_conv){
        .terms = engine_terms_find(plan->model, plan->kernels,
                                   &engine_input(plan, step, 3)->constant->view)};
    if (!conv->terms)
        return base_error_memory(sizeof *conv->terms, "the terms of an adjacency");
    fill_skeleton_conv(plan, step, conv);
    BASE_TRY(padded_constant(plan, engine_input(plan, step, 4), &conv->gather.scale));
    BASE_TRY(padded_constant(plan, engine_input(plan, step, 5), &conv->gather.shift));
    BASE_TRY(pack_weights(plan, step, conv));
    int64_t block = plan->kernels->block, columns = (int64_t)conv->mix.rows * conv->mix.columns;
    int64_t ins = kernel_blocks(conv->mix.in_channels, (int)block) * block;
    int64_t outs = kernel_blocks(conv->mix.out_channels, (int)block) * block;
    conv->spread_bytes = (size_t)(columns * ins) * sizeof(float);
    conv->parts = engine_parts(columns * (ins < outs ? ins : outs), 4096);
    step->temp_bytes = conv->spread_bytes + (size_t)(columns * outs) * sizeof(float);
    step->multiply_adds = graph_node_multiply_adds(plan->graph, step->node);
    step->method = "few terms";
    step->data = conv;
    step->run = run_skeleton_conv;
    return 1;
}

int engine_make_skeleton(struct engine_plan *plan, struct engine_step *step)
{
    if (strcmp(step->node->type, "GraphConv") == 0)
        return make_graph_conv(plan, step);
    return strcmp(step->node->type, "SkeletonConv") == 0 ? make_skeleton_conv(plan, step) : 0;
}
