/* Shape arithmetic in a page of C. */
#include <string.h>

#include "support/small_folder.h"

struct call {
    const struct graph *graph;
    const struct graph_node *node;
    struct tensor *out; /* made as inference says */
};

static const struct stance_tensor *input(const struct call *call, int i)
{
    int value = i < call->node->input_count ? call->node->inputs[i] : -1;
    return value < 0 ? NULL : &call->graph->values[value].constant->view;
}

static int copy_all(struct call *call)
{
    int64_t count = stance_tensor_count(&call->out->view);
    for (int64_t i = 0; i < count; i++)
        tensor_set(&call->out->view, i, tensor_float(input(call, 0), i));
    return 0;
}

static int concat(struct call *call)
{
    int64_t at = 0;
    if (call->out->view.rank != 1)
        return base_error(STANCE_EUNSUPPORTED, "only vectors");
    for (int i = 0; i < call->node->input_count; i++)
        for (int64_t k = 0; k < stance_tensor_count(input(call, i)); k++)
            tensor_set(&call->out->view, at++, tensor_float(input(call, i), k));
    return 0;
}

static int slice(struct call *call)
{
    const struct stance_tensor *steps = input(call, 4);
    if (call->out->view.rank != 1 || (steps && tensor_int(steps, 0) != 1))
        return base_error(STANCE_EUNSUPPORTED, "only vectors");
    int64_t first = tensor_int(input(call, 1), 0), size = input(call, 0)->dims[0];
    first = first < 0 ? first + size : first;
    for (int64_t k = 0; k < call->out->view.dims[0]; k++)
        tensor_set(&call->out->view, k, tensor_float(input(call, 0), first + k));
    return 0;
}

static int gather(struct call *call)
{
    const struct stance_tensor *data = input(call, 0), *indices = input(call, 1);
    if (graph_attr_int(call->node, "axis", 0) != 0)
        return base_error(STANCE_EUNSUPPORTED, "only axis 0");
    int64_t row = stance_tensor_count(data) / data->dims[0];
    for (int64_t i = 0; i < stance_tensor_count(indices); i++)
        for (int64_t k = 0; k < row; k++) {
            int64_t index = tensor_int(indices, i);
            index += index < 0 ? data->dims[0] : 0;
            tensor_set(&call->out->view, i * row + k, tensor_float(data, index * row + k));
        }
    return 0;
}

/* The element of `from` that element i of `out` meets when broadcast. */
static double meet(const struct stance_tensor *out, const struct stance_tensor *from, int64_t i)
{
    int64_t at = 0, stride = 1;
    for (int axis = out->rank - 1; axis >= 0; axis--) {
        int64_t place = i % out->dims[axis];
        i /= out->dims[axis];
        int mine = axis - (out->rank - from->rank);
        if (mine < 0)
            continue;
        at += from->dims[mine] == 1 ? 0 : place * stride;
        stride *= from->dims[mine];
    }
    return tensor_float(from, at);
}

static double combine(const char *type, double a, double b, double c)
{
    switch (type[0]) {
    case 'A': return a + b;
    case 'S': return a - b;
    case 'M': return a * b;
    case 'D': return a / b;
    case 'L': return a < b;
    case 'W': return a != 0 ? b : c;
    default: return a == b;
    }
}

static int elementwise(struct call *call)
{
    const struct stance_tensor *out = &call->out->view;
    for (int64_t i = 0; i < stance_tensor_count(out); i++) {
        double values[3] = {0};
        for (int k = 0; k < call->node->input_count; k++)
            values[k] = meet(out, input(call, k), i);
        double result = combine(call->node->type, values[0], values[1], values[2]);
        tensor_set(out, i, out->dtype == STANCE_FLOAT32 ? result : (double)(int64_t)result);
    }
    return 0;
}

static int range(struct call *call)
{
    for (int64_t i = 0; i < call->out->view.dims[0]; i++)
        tensor_set(&call->out->view, i,
                   tensor_float(input(call, 0), 0) + (double)i * tensor_float(input(call, 2), 0));
    return 0;
}

static int expand(struct call *call)
{
    for (int64_t i = 0; i < stance_tensor_count(&call->out->view); i++)
        tensor_set(&call->out->view, i, meet(&call->out->view, input(call, 0), i));
    return 0;
}

static int fill(struct call *call)
{
    const struct graph_attr *value = graph_attr_find(call->node, "value");
    for (int64_t i = 0; i < stance_tensor_count(&call->out->view); i++)
        tensor_set(&call->out->view, i, value ? tensor_float(&value->tensor->view, 0) : 0);
    return 0;
}

static const struct {
    const char *type;
    int (*run)(struct call *call);
} operators[] = {
    {"Reshape", copy_all},     {"Squeeze", copy_all},  {"Unsqueeze", copy_all},
    {"Flatten", copy_all},     {"Identity", copy_all}, {"Cast", copy_all},
    {"Concat", concat},        {"Slice", slice},       {"Gather", gather},
    {"Add", elementwise},      {"Sub", elementwise},   {"Mul", elementwise},
    {"Div", elementwise},      {"Less", elementwise},  {"Equal", elementwise},
    {"Where", elementwise},    {"Range", range},       {"Expand", expand},
    {"ConstantOfShape", fill},
};

static int fold(void *context, const struct graph *graph, const struct graph_node *node,
                struct tensor **outputs)
{
    struct call call = {.graph = graph, .node = node};
    const struct graph_value *result = &graph->values[node->outputs[0]];
    (void)context;
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
        if (strcmp(operators[i].type, node->type) != 0)
            continue;
        BASE_TRY(tensor_open(&call.out, result->dtype, &result->shape));
        int code = operators[i].run(&call);
        if (code < 0)
            tensor_close(&call.out);
        outputs[0] = call.out;
        return code;
    }
    return base_error(STANCE_EUNSUPPORTED, "no such operator here");
}

struct graph_folder small_folder(void)
{
    return (struct graph_folder){.fold = fold, .limit = 16 << 20};
}
