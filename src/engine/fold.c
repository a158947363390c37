/* Single nodes: inference with contents, memory, execution. */
#include <string.h>

#include "base/memory.h"
#include "engine/epilogue.h"
#include "engine/fold.h"
#include "engine/op_memory.h"

static int infer_outputs(const struct engine_context *context, const struct graph_node *node,
                         const struct stance_tensor *in, struct graph_type *types)
{
    struct graph_type *in_types = types + node->output_count;
    for (int i = 0; i < node->output_count; i++)
        types[i] = (struct graph_type){.shape.rank = -1};
    for (int i = 0; i < node->input_count; i++) {
        in_types[i] = (struct graph_type){.dtype = in[i].dtype, .shape.rank = -1};
        if (in[i].dtype == STANCE_DTYPE_NONE)
            continue;
        in_types[i].shape = tensor_shape_of(&in[i]);
        in_types[i].value = &in[i];
    }
    struct graph_infer infer = {.node = node,
                                .opset = context->opset,
                                .input_count = node->input_count,
                                .output_count = node->output_count,
                                .in = in_types,
                                .out = types};
    return node->op->infer(&infer);
}

static int allocate_outputs(struct engine_call *call, const struct graph_type *types)
{
    for (int i = 0; i < call->output_count; i++) {
        call->out[i] = (struct stance_tensor){.rank = -1};
        if (call->node->outputs[i] < 0)
            continue;
        if (tensor_shape_known(&types[i].shape)) {
            BASE_TRY(engine_call_allocate(call, i, types[i].dtype, &types[i].shape));
        } else if (!call->node->op->data_dependent) {
            return base_error(STANCE_ESHAPE, "the shape of output %d cannot be determined", i);
        } else {
            call->out[i].dtype = types[i].dtype;
        }
    }
    return 0;
}

void engine_epilogue_apply(const struct engine_context *context, const struct graph_node *node,
                           const struct stance_tensor *residual, struct stance_tensor *out)
{
    const struct graph_epilogue *epilogue = &node->epilogue;
    int64_t count = stance_tensor_count(out);
    bool before = residual && epilogue->residual_before_activation;
    if (before)
        context->kernels->binary(KERNEL_ADD, out->data, residual->data, out->data, count, 0, 1);
    if (epilogue->activation != GRAPH_LINEAR)
        context->kernels->unary(engine_activation(epilogue->activation), epilogue->alpha,
                                epilogue->beta, out->data, out->data, count, 0, 1);
    if (residual && !before)
        context->kernels->binary(KERNEL_ADD, out->data, residual->data, out->data, count, 0, 1);
}

static int evaluate(const struct engine_context *context, const struct graph_node *node,
                    const struct stance_tensor *in, struct stance_tensor *out)
{
    const struct engine_op *op = engine_op_find(node->type);
    if (!op)
        return base_error(STANCE_EUNSUPPORTED, "the operator cannot be run");
    struct engine_call call = {.node = node,
                               .opset = context->opset,
                               .input_count = node->input_count,
                               .output_count = node->output_count,
                               .in = in,
                               .out = out,
                               .memory = context->memory,
                               .kernels = context->kernels,
                               .pool = context->pool,
                               .worst_case = context->worst_case};
    size_t types = (size_t)(node->output_count + node->input_count);
    struct graph_type *scratch = engine_call_scratch(&call, types * sizeof *scratch);
    if (!scratch)
        return engine_memory_code(context->memory);
    BASE_TRY(infer_outputs(context, node, in, scratch));
    BASE_TRY(allocate_outputs(&call, scratch));
    return op->run(&call);
}

int engine_evaluate(const struct engine_context *context, const struct graph_node *node,
                    const struct stance_tensor *in, struct stance_tensor *out)
{
    int code = evaluate(context, node, in, out);
    engine_memory_end_call(context->memory);
    return code;
}

static int copy_output(const struct stance_tensor *result, struct tensor **out)
{
    struct tensor_shape shape = tensor_shape_of(result);
    BASE_TRY(tensor_open(out, result->dtype, &shape));
    memcpy((*out)->view.data, result->data, tensor_bytes(result));
    return 0;
}

static int evaluate_constants(struct engine_context *context, const struct graph *graph,
                              const struct graph_node *node, struct tensor **outputs)
{
    size_t tensors = (size_t)(node->input_count + node->output_count);
    struct stance_tensor *in = base_alloc_zero(tensors + 1, sizeof *in);
    if (!in)
        return base_error_memory(tensors * sizeof *in, "constant folding");
    struct stance_tensor *out = in + node->input_count;
    for (int i = 0; i < node->input_count; i++)
        if (node->inputs[i] >= 0)
            in[i] = graph->values[node->inputs[i]].constant->view;
    int code = engine_evaluate(context, node, in, out);
    for (int i = 0; code == 0 && i < node->output_count; i++)
        if (node->outputs[i] >= 0)
            code = copy_output(&out[i], &outputs[i]);
    for (int i = 0; code < 0 && i < node->output_count; i++)
        tensor_close(&outputs[i]);
    base_free(in);
    return code;
}

static int fold(void *unused, const struct graph *graph, const struct graph_node *node,
                struct tensor **outputs)
{
    (void)unused;
    memset(outputs, 0, (size_t)node->output_count * sizeof outputs[0]);
    struct engine_context context = {.opset = graph->opset, .kernels = kernel_table(BASE_CPU_REF)};
    BASE_TRY(base_pool_open(&context.pool, 1));
    int code = engine_memory_open(&context.memory, ENGINE_FOLD_LIMIT);
    if (code == 0)
        code = evaluate_constants(&context, graph, node, outputs);
    engine_memory_close(&context.memory);
    base_pool_close(&context.pool);
    return code;
}

struct graph_folder engine_folder(void)
{
    return (struct graph_folder){.fold = fold, .limit = ENGINE_FOLD_LIMIT};
}
