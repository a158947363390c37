/* Steps for convolutions of bytes with int8 weights: sums are exact, the result goes through the
 * epilogue and becomes bytes again, or floats. */
#include <string.h>

#include "base/memory.h"
#include "engine/epilogue.h"
#include "engine/plan.h"

struct qconv {
    const struct kernel_table *kernels;
    struct kernel_qconv_plan plan;
};

struct qconv_run {
    const struct qconv *conv;
    struct kernel_qconv_buffers buffers;
    unsigned char *scratch;
    size_t scratch_bytes;
};

bool engine_qconv_plan(struct kernel_qconv_plan *out, const struct kernel_table *kernels,
                       const struct graph *graph, const struct graph_node *node)
{
    const struct tensor *weights = graph->values[node->inputs[1]].constant;
    const struct tensor *bias =
        node->inputs[3] < 0 ? NULL : graph->values[node->inputs[3]].constant;
    bool transposed = strcmp(node->type, "QConvTranspose") == 0;
    struct kernel_conv_shape shape;
    if (!engine_window_shape(&shape, graph, node, weights->view.dims, transposed) ||
        (node->inputs[3] >= 0 && (!bias || bias->view.dtype != STANCE_FLOAT32 ||
                                  stance_tensor_count(&bias->view) != shape.out_channels)))
        return false;
    struct kernel_epilogue epilogue = engine_epilogue(node);
    struct kernel_bytes input = engine_bytes(graph, node->inputs[0]);
    struct kernel_bytes output = engine_bytes(graph, node->outputs[0]), residual = {0};
    if (node->epilogue.residual >= 0)
        residual = engine_bytes(graph, node->epilogue.residual);
    return kernels->qconv_plan(out, &shape, &epilogue, &input, &residual, &output) == 0;
}

static void share(void *context, int part, int parts, int worker)
{
    struct qconv_run *run = context;
    struct kernel_qconv_buffers buffers = run->buffers;
    buffers.scratch = run->scratch + (size_t)worker * run->scratch_bytes;
    run->conv->kernels->qconv_run(&run->conv->plan, &buffers, part, parts);
}

static int run_qconv(struct engine_step *step, struct engine_plan *plan)
{
    const struct qconv *conv = step->data;
    const struct graph_node *node = step->node;
    int residual = node->epilogue.residual;
    struct qconv_run run = {
        .conv = conv,
        .buffers = {.packed = step->packed->data,
                    .input = engine_memory(plan, node->inputs[0]),
                    .residual = residual < 0 ? NULL : engine_memory(plan, residual),
                    .output = engine_memory(plan, node->outputs[0]),
                    .input_batch_stride = engine_stride(plan, node->inputs[0]),
                    .residual_batch_stride = residual < 0 ? 0 : engine_stride(plan, residual),
                    .output_batch_stride = engine_stride(plan, node->outputs[0])},
        .scratch = plan->workspace->scratch,
        .scratch_bytes = plan->scratch_bytes,
    };
    base_pool_share(plan->pool, share, &run, conv->plan.parts);
    return 0;
}

struct packing_context {
    const struct kernel_qconv_plan *plan;
    const float *scales; /* one per output channel */
};

static void pack(const struct engine_packing *packing, void *data)
{
    const struct packing_context *context = packing->context;
    packing->kernels->qconv_pack(context->plan, packing->weights->view.data, context->scales,
                                 packing->bias ? packing->bias->view.data : NULL, data);
}

/* Scales and activation are packed with the weights. */
static struct kernel_qconv_plan packing_key(const struct kernel_qconv_plan *plan)
{
    struct kernel_qconv_plan key;
    memset(&key, 0, sizeof key);
    engine_packing_shape(&key.shape, &plan->shape);
    key.epilogue = plan->epilogue;
    key.input = plan->input;
    key.residual = plan->residual;
    key.output = plan->output;
    key.method = plan->method;
    key.packing = plan->packing;
    return key;
}

static int pack_weights(struct engine_plan *plan, struct engine_step *step,
                        const struct qconv *conv)
{
    struct tensor *given = engine_input(plan, step, 2)->constant;
    const struct graph_value *bias = engine_input(plan, step, 3);
    int64_t outputs = conv->plan.shape.out_channels, count = stance_tensor_count(&given->view);
    float *scales = base_alloc((size_t)outputs * sizeof *scales);
    if (!scales)
        return base_error_memory((size_t)outputs * sizeof *scales, "packed weights");
    for (int64_t i = 0; i < outputs; i++) /* groups of transposed ones share theirs */
        scales[i] = ((const float *)given->view.data)[i % count];
    struct packing_context context = {&conv->plan, scales};
    struct kernel_qconv_plan key = packing_key(&conv->plan);
    struct engine_packing packing = {.kernels = conv->kernels,
                                     .weights = engine_input(plan, step, 1)->constant,
                                     .scales = given,
                                     .bias = bias ? bias->constant : NULL,
                                     .key = &key,
                                     .key_size = sizeof key,
                                     .bytes = conv->plan.packed_bytes,
                                     .pack = pack,
                                     .context = &context};
    int code = engine_pack(&step->packed, plan->model, &packing);
    base_free(scales);
    return code;
}

int engine_make_qconv(struct engine_plan *plan, struct engine_step *step)
{
    if (strcmp(step->node->type, "QConv") != 0 && strcmp(step->node->type, "QConvTranspose") != 0)
        return 0;
    struct qconv *conv = base_arena_alloc(plan->arena, 1, sizeof *conv);
    if (!conv)
        return STANCE_ENOMEMORY;
    conv->kernels =
        engine_input(plan, step, 0)->block > 1 ? plan->kernels : kernel_table(BASE_CPU_REF);
    if (!engine_qconv_plan(&conv->plan, conv->kernels, plan->graph, step->node))
        return base_error(STANCE_EUNSUPPORTED, "no kernel of bytes for this convolution");
    BASE_TRY(pack_weights(plan, step, conv));
    step->run = run_qconv;
    step->data = conv;
    step->method = conv->plan.name;
    step->scratch_bytes = conv->plan.scratch_bytes;
    step->multiply_adds = graph_node_multiply_adds(plan->graph, step->node);
    return 1;
}
