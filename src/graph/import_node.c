/* Nodes of an ONNX file: which are refused and why, their attributes, and Constant nodes. */
#include <string.h>

#include "graph/import.h"

static const char *c_string(struct import *import, struct onnx_string string)
{
    return base_arena_string(import->graph->arena, string.data, string.size);
}

/* Puts "node 12 'conv1' (Conv)" before the sentence; counted as in the file. */
static int node_error(int code, const struct import *import, size_t index)
{
    const struct onnx_node *node = &import->source->nodes[index];
    if (node->name.size == 0)
        return base_error_context(code, "node %zu (%.*s)", index, ONNX_TEXT(node->type));
    return base_error_context(code, "node %zu '%.*s' (%.*s)", index, ONNX_TEXT(node->name),
                              ONNX_TEXT(node->type));
}

/* ---- What is refused --------------------------------------------------------------------------
 */

/* Operators and domains that people meet, and what helps. */
static const struct {
    const char *domain, *type; /* type NULL: the whole domain */
    const char *advice;
} refused[] = {
    {"mmdeploy", NULL,
     "operators of mmdeploy need its plugins: export without them, or cut the model before them"},
    {"com.microsoft", NULL,
     "operators of ONNX Runtime come from its optimiser: take the model from before it"},
    {"ai.onnx.ml", NULL, "operators of classical machine learning are not supported"},
    {"", "If", "control flow is not supported: export with fixed choices, or simplify the model"},
    {"", "Loop", "control flow is not supported: export with fixed shapes, or simplify the model"},
    {"", "Scan", "control flow is not supported: export with fixed shapes, or simplify the model"},
    {"", "SequenceMap", "sequences are not supported: only tensors are"},
    {"", "SequenceEmpty", "sequences are not supported: only tensors are"},
    {"", "SequenceInsert", "sequences are not supported: only tensors are"},
    {"", "SequenceConstruct", "sequences are not supported: only tensors are"},
    {"", "SequenceAt", "sequences are not supported: only tensors are"},
    {"", "SplitToSequence", "sequences are not supported: only tensors are"},
    {"", "ConcatFromSequence", "sequences are not supported: only tensors are"},
};

static int refuse(const struct import *import, const struct onnx_node *node)
{
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (onnx_string_equal(node->domain, refused[i].domain) &&
            (!refused[i].type || onnx_string_equal(node->type, refused[i].type)))
            return base_error(STANCE_EUNSUPPORTED, "%s%s%s", refused[i].domain,
                              refused[i].domain[0] ? ": " : "", refused[i].advice);
    if (node->domain.size)
        return base_error(STANCE_EUNSUPPORTED,
                          "%.*s::%.*s is an operator outside ONNX: export the model without custom "
                          "operators",
                          ONNX_TEXT(node->domain), ONNX_TEXT(node->type));
    return base_error(STANCE_EUNSUPPORTED, "operator '%.*s' (opset %d) is not known to stance",
                      ONNX_TEXT(node->type), import->graph->opset);
}

/* Names at the end that are "" do not count. */
static int count_given(const struct onnx_string *names, size_t count)
{
    while (count > 0 && names[count - 1].size == 0)
        count--;
    return (int)count;
}

/* NULL: not one of ours. */
static const struct graph_op *find_op(const struct onnx_node *node)
{
    char type[64];
    if (node->domain.size || node->type.size >= sizeof type)
        return NULL;
    memcpy(type, node->type.data, node->type.size);
    type[node->type.size] = '\0';
    return graph_op_find("", type);
}

static int check_counts(const struct onnx_node *node, const struct graph_op *op)
{
    int inputs = count_given(node->inputs, node->input_count);
    int outputs = count_given(node->outputs, node->output_count);
    if (inputs < op->min_inputs || (op->max_inputs >= 0 && inputs > op->max_inputs))
        return base_error(STANCE_EFORMAT, "%d inputs; at least %d are needed, at most %d taken",
                          inputs, op->min_inputs,
                          op->max_inputs < 0 ? ONNX_MAX_ENTRIES : op->max_inputs);
    for (int i = 0; i < op->min_inputs || (op->max_inputs < 0 && i < inputs); i++)
        if (node->inputs[i].size == 0)
            return base_error(STANCE_EFORMAT, "input %d must not be left out", i);
    if (outputs < 1 || (op->max_outputs >= 0 && outputs > op->max_outputs))
        return base_error(STANCE_EFORMAT, "%d outputs; it has 1 to %d", outputs,
                          op->max_outputs < 0 ? ONNX_MAX_ENTRIES : op->max_outputs);
    return 0;
}

int graph_import_check(const struct import *import, size_t index)
{
    const struct onnx_node *node = &import->source->nodes[index];
    const struct graph_op *op = find_op(node);
    int code = op ? check_counts(node, op) : refuse(import, node);
    return code < 0 ? node_error(code, import, index) : 0;
}

/* ---- Constant nodes ---------------------------------------------------------------------------
 */

static int constant_list(struct tensor **out, int dtype, int rank, const void *values, size_t count)
{
    struct tensor_shape shape = {rank, {(int64_t)count}};
    BASE_TRY(tensor_open(out, dtype, &shape));
    if (count)
        memcpy((*out)->view.data, values, count * stance_dtype_size(dtype));
    return 0;
}

static int constant_contents(struct tensor **out, struct import *import,
                             const struct onnx_node *node)
{
    *out = NULL;
    for (size_t i = 0; i < node->attribute_count; i++) {
        const struct onnx_attribute *a = &node->attributes[i];
        if (onnx_string_equal(a->name, "value") && a->type == ONNX_ATTRIBUTE_TENSOR)
            return onnx_tensor_load(import->model, a->t, out);
        if (onnx_string_equal(a->name, "value_float") && a->type == ONNX_ATTRIBUTE_FLOAT)
            return constant_list(out, STANCE_FLOAT32, 0, &a->f, 1);
        if (onnx_string_equal(a->name, "value_int") && a->type == ONNX_ATTRIBUTE_INT)
            return constant_list(out, STANCE_INT64, 0, &a->i, 1);
        if (onnx_string_equal(a->name, "value_floats") && a->type == ONNX_ATTRIBUTE_FLOATS)
            return constant_list(out, STANCE_FLOAT32, 1, a->floats, a->count);
        if (onnx_string_equal(a->name, "value_ints") && a->type == ONNX_ATTRIBUTE_INTS)
            return constant_list(out, STANCE_INT64, 1, a->ints, a->count);
    }
    return base_error(STANCE_EUNSUPPORTED, "its value is neither a tensor nor numbers");
}

static int add_constant(struct import *import, const struct onnx_node *node, const char *name)
{
    struct tensor *contents;
    BASE_TRY(constant_contents(&contents, import, node));
    int value = graph_add_constant(import->graph, name, contents);
    tensor_close(&contents);
    return value;
}

int graph_import_values(struct import *import, size_t index)
{
    static const struct tensor_shape unknown = {.rank = -1};
    const struct onnx_node *node = &import->source->nodes[index];
    bool constant = onnx_string_equal(node->type, "Constant");
    for (size_t i = 0; i < node->output_count; i++) {
        if (node->outputs[i].size == 0)
            continue;
        const char *name = c_string(import, node->outputs[i]);
        if (!name)
            return node_error(STANCE_ENOMEMORY, import, index);
        int value = constant ? add_constant(import, node, name)
                             : graph_add_value(import->graph, name, STANCE_DTYPE_NONE, &unknown);
        if (value < 0)
            return node_error(value, import, index);
        graph_import_name(import, node->outputs[i])->value = value;
    }
    return 0;
}

/* ---- Attributes -------------------------------------------------------------------------------
 */

static const void *copy_bytes(struct import *import, const void *data, size_t count, size_t size)
{
    void *copy = base_arena_alloc(import->graph->arena, count + 1, size);
    if (copy && count)
        memcpy(copy, data, count * size);
    return copy;
}

static int read_strings(struct graph_attr *out, struct import *import,
                        const struct onnx_attribute *a)
{
    const char **list = base_arena_alloc(import->graph->arena, a->count + 1, sizeof *list);
    if (!list)
        return STANCE_ENOMEMORY;
    for (size_t i = 0; i < a->count; i++)
        if (!(list[i] = c_string(import, a->strings[i])))
            return STANCE_ENOMEMORY;
    out->strings = list;
    return 0;
}

/* A value that nobody uses owns the tensor, so that it lives as long as the graph. */
static int read_tensor(struct graph_attr *out, struct import *import,
                       const struct onnx_attribute *a)
{
    struct graph *graph = import->graph;
    struct tensor *tensor;
    BASE_TRY(onnx_tensor_load(import->model, a->t, &tensor));
    const char *name = base_arena_format(graph->arena, "#attribute %d", graph->value_count);
    while (name && graph_import_name(import, (struct onnx_string){name, strlen(name)}))
        name = base_arena_format(graph->arena, "#%s", name);
    int value = name ? graph_add_constant(graph, name, tensor) : STANCE_ENOMEMORY;
    if (value >= 0)
        out->tensor = tensor;
    tensor_close(&tensor);
    return value < 0 ? value : 0;
}

static int read_attribute(struct graph_attr *out, struct import *import,
                          const struct onnx_attribute *a)
{
    bool copied = true;
    out->name = c_string(import, a->name);
    out->count = (int)a->count;
    switch (a->type) {
    case ONNX_ATTRIBUTE_FLOAT:
        out->kind = GRAPH_ATTR_FLOAT;
        out->f = a->f;
        break;
    case ONNX_ATTRIBUTE_INT:
        out->kind = GRAPH_ATTR_INT;
        out->i = a->i;
        break;
    case ONNX_ATTRIBUTE_STRING:
        out->kind = GRAPH_ATTR_STRING;
        copied = (out->s = c_string(import, a->s)) != NULL;
        break;
    case ONNX_ATTRIBUTE_FLOATS:
        out->kind = GRAPH_ATTR_FLOATS;
        copied = (out->floats = copy_bytes(import, a->floats, a->count, sizeof(float))) != NULL;
        break;
    case ONNX_ATTRIBUTE_INTS:
        out->kind = GRAPH_ATTR_INTS;
        copied = (out->ints = copy_bytes(import, a->ints, a->count, sizeof(int64_t))) != NULL;
        break;
    case ONNX_ATTRIBUTE_STRINGS:
        out->kind = GRAPH_ATTR_STRINGS;
        BASE_TRY(read_strings(out, import, a));
        break;
    case ONNX_ATTRIBUTE_TENSOR:
        out->kind = GRAPH_ATTR_TENSOR;
        BASE_TRY(read_tensor(out, import, a));
        break;
    default: out->kind = GRAPH_ATTR_GRAPH; break;
    }
    return out->name && copied ? 0 : STANCE_ENOMEMORY;
}

/* ---- Nodes ------------------------------------------------------------------------------------
 */

/* Values of names, -1 for "". */
static int find_values(int **out, struct import *import, const struct onnx_string *names, int count)
{
    *out = base_arena_alloc(import->graph->arena, (size_t)count + 1, sizeof **out);
    if (!*out)
        return STANCE_ENOMEMORY;
    for (int i = 0; i < count; i++) {
        const struct import_name *name = names[i].size ? graph_import_name(import, names[i]) : NULL;
        (*out)[i] = name ? name->value : -1;
        if (!name && names[i].size)
            return base_error(STANCE_EFORMAT, "input '%.*s' is defined nowhere",
                              ONNX_TEXT(names[i]));
    }
    return 0;
}

static int add_node(struct import *import, const struct onnx_node *node)
{
    struct graph *graph = import->graph;
    int input_count = count_given(node->inputs, node->input_count);
    int output_count = count_given(node->outputs, node->output_count);
    const char *type = c_string(import, node->type), *name = c_string(import, node->name);
    struct graph_attr *attrs =
        base_arena_alloc(graph->arena, node->attribute_count + 1, sizeof *attrs);
    if (!type || !name || !attrs)
        return STANCE_ENOMEMORY;
    int *inputs, *outputs;
    BASE_TRY(find_values(&inputs, import, node->inputs, input_count));
    BASE_TRY(find_values(&outputs, import, node->outputs, output_count));
    for (size_t i = 0; i < node->attribute_count; i++)
        BASE_TRY(read_attribute(&attrs[i], import, &node->attributes[i]));
    int at = graph_insert_node(graph, graph->node_count, type, inputs, input_count, outputs,
                               output_count);
    if (at < 0)
        return at;
    graph->nodes[at].name = name;
    graph->nodes[at].attrs = attrs;
    graph->nodes[at].attr_count = (int)node->attribute_count;
    return 0;
}

int graph_import_node(struct import *import, size_t index)
{
    const struct onnx_node *node = &import->source->nodes[index];
    if (onnx_string_equal(node->type, "Constant"))
        return 0;
    int code = add_node(import, node);
    return code < 0 ? node_error(code, import, index) : 0;
}
