/* Steps for convolutions: the tier's kernel on blocked data, else the reference kernel on plain. */
#include <string.h>

#include "engine/epilogue.h"
#include "engine/plan.h"

struct conv {
    const struct kernel_table *kernels;
    struct kernel_conv_plan plan;
};

struct conv_run {
    const struct conv *conv;
    struct kernel_conv_buffers buffers;
    unsigned char *scratch;
    size_t scratch_bytes;
};

static const struct tensor *constant_input(const struct graph *graph, const struct graph_node *node,
                                           int i)
{
    int value = i < node->input_count ? node->inputs[i] : -1;
    return value < 0 ? NULL : graph->values[value].constant;
}

static bool is_float_constant(const struct tensor *tensor, int rank)
{
    return tensor && tensor->view.dtype == STANCE_FLOAT32 && tensor->view.rank == rank;
}

bool engine_conv_shape(struct kernel_conv_shape *out, const struct graph *graph,
                       const struct graph_node *node)
{
    bool transposed = strcmp(node->type, "ConvTranspose") == 0;
    if (!transposed && strcmp(node->type, "Conv") != 0)
        return false;
    const struct tensor *weights = constant_input(graph, node, 1);
    bool has_bias = node->input_count > 2 && node->inputs[2] >= 0;
    return graph->values[node->inputs[0]].dtype == STANCE_FLOAT32 &&
           is_float_constant(weights, 4) &&
           (!has_bias || is_float_constant(constant_input(graph, node, 2), 1)) &&
           engine_window_shape(out, graph, node, weights->view.dims, transposed);
}

bool engine_window_shape(struct kernel_conv_shape *out, const struct graph *graph,
                         const struct graph_node *node, const int64_t *weights, bool transposed)
{
    const struct graph_value *input = &graph->values[node->inputs[0]];
    const struct graph_value *output = &graph->values[node->outputs[0]];
    struct graph_window window;
    if (input->shape.rank != 4 || !tensor_shape_known(&input->shape) ||
        !tensor_shape_known(&output->shape) ||
        graph_window_read(&window, node, &input->shape, weights + 2, transposed) < 0 ||
        !engine_window_fits(&window))
        return false;
    *out = (struct kernel_conv_shape){
        .batch = (int)input->shape.dims[0],
        .in_channels = (int)input->shape.dims[1],
        .out_channels = (int)output->shape.dims[1],
        .groups = (int)window.groups,
        .in_height = (int)input->shape.dims[2],
        .in_width = (int)input->shape.dims[3],
        .out_height = (int)output->shape.dims[2],
        .out_width = (int)output->shape.dims[3],
        .kernel_height = (int)window.kernel[0],
        .kernel_width = (int)window.kernel[1],
        .stride_height = (int)window.stride[0],
        .stride_width = (int)window.stride[1],
        .dilation_height = (int)window.dilation[0],
        .dilation_width = (int)window.dilation[1],
        .pad_top = (int)window.pad_begin[0],
        .pad_left = (int)window.pad_begin[1],
        .transposed = transposed,
    };
    return stance_tensor_count(
               &(struct stance_tensor){.rank = 4,
                                       .dims = {input->shape.dims[0], input->shape.dims[1],
                                                input->shape.dims[2], input->shape.dims[3]}}) > 0;
}

static void share(void *context, int part, int parts, int worker)
{
    struct conv_run *run = context;
    struct kernel_conv_buffers buffers = run->buffers;
    buffers.scratch = run->scratch + (size_t)worker * run->scratch_bytes;
    run->conv->kernels->conv_run(&run->conv->plan, &buffers, part, parts);
}

static int run_conv(struct engine_step *step, struct engine_plan *plan)
{
    const struct conv *conv = step->data;
    const struct graph_node *node = step->node;
    int residual = node->epilogue.residual;
    struct conv_run run = {
        .conv = conv,
        .buffers = {.packed = step->packed->data,
                    .input = engine_data(plan, node->inputs[0]),
                    .residual = residual < 0 ? NULL : engine_data(plan, residual),
                    .output = engine_data(plan, node->outputs[0]),
                    .input_batch_stride = engine_stride(plan, node->inputs[0]),
                    .residual_batch_stride = residual < 0 ? 0 : engine_stride(plan, residual),
                    .output_batch_stride = engine_stride(plan, node->outputs[0])},
        .scratch = plan->workspace->scratch,
        .scratch_bytes = plan->scratch_bytes,
    };
    base_pool_share(plan->pool, share, &run, conv->plan.parts);
    return 0;
}

static void pack(const struct engine_packing *packing, void *data)
{
    const struct conv *conv = packing->context;
    packing->kernels->conv_pack(&conv->plan, packing->weights->view.data,
                                packing->bias ? packing->bias->view.data : NULL, data);
}

void engine_packing_shape(struct kernel_conv_shape *key, const struct kernel_conv_shape *shape)
{
    key->in_channels = shape->in_channels;
    key->out_channels = shape->out_channels;
    key->groups = shape->groups;
    key->kernel_height = shape->kernel_height;
    key->kernel_width = shape->kernel_width;
    key->stride_height = shape->stride_height;
    key->stride_width = shape->stride_width;
    key->pad_top = shape->transposed ? shape->pad_top : 0;
    key->pad_left = shape->transposed ? shape->pad_left : 0;
    key->transposed = shape->transposed;
}

/* Nor on the epilogue, when the method is the same. */
static struct kernel_conv_plan packing_key(const struct kernel_conv_plan *plan)
{
    struct kernel_conv_plan key;
    memset(&key, 0, sizeof key);
    engine_packing_shape(&key.shape, &plan->shape);
    key.shape.plain_input = plan->shape.plain_input;
    key.shape.plain_output = plan->shape.plain_output;
    key.method = plan->method;
    key.packing = plan->packing;
    return key;
}

static int choose(struct conv *conv, const struct engine_plan *plan, const struct engine_step *step,
                  struct kernel_conv_shape *shape)
{
    struct kernel_epilogue epilogue = engine_epilogue(step->node);
    shape->plain_input = engine_input(plan, step, 0)->block <= 1;
    shape->plain_output = engine_output(plan, step, 0)->block <= 1;
    conv->kernels = plan->kernels;
    int code = plan->kernels->conv_plan(&conv->plan, shape, &epilogue);
    if (code == 0 || !shape->plain_input || !shape->plain_output)
        return code;
    conv->kernels = kernel_table(BASE_CPU_REF);
    return conv->kernels->conv_plan(&conv->plan, shape, &epilogue);
}

int engine_make_conv(struct engine_plan *plan, struct engine_step *step)
{
    struct kernel_conv_shape shape;
    if (!engine_conv_shape(&shape, plan->graph, step->node))
        return 0;
    struct conv *conv = base_arena_alloc(plan->arena, 1, sizeof *conv);
    if (!conv)
        return STANCE_ENOMEMORY;
    BASE_TRY(choose(conv, plan, step, &shape));
    const struct graph_value *bias = engine_input(plan, step, 2);
    if (step->node->input_count <= 2 || step->node->inputs[2] == step->node->epilogue.residual)
        bias = NULL;
    struct kernel_conv_plan key = packing_key(&conv->plan);
    struct engine_packing packing = {.kernels = conv->kernels,
                                     .weights = engine_input(plan, step, 1)->constant,
                                     .bias = bias ? bias->constant : NULL,
                                     .key = &key,
                                     .key_size = sizeof key,
                                     .bytes = conv->plan.packed_bytes,
                                     .pack = pack,
                                     .context = conv};
    BASE_TRY(engine_pack(&step->packed, plan->model, &packing));
    step->run = run_conv;
    step->data = conv;
    step->method = conv->plan.name;
    step->scratch_bytes = conv->plan.scratch_bytes;
    step->multiply_adds = graph_node_multiply_adds(plan->graph, step->node);
    return 1;
}
