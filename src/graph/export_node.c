/* Nodes on their way into a file: what newer opsets say otherwise than the network's own is said
 * their way, and operators of domain "stance" are spelled out. */
#include <stdio.h>
#include <string.h>

#include "graph/export.h"
#include "graph/rewrite.h"

enum { MOST_ENDS = 256, NAME_BYTES = 48, MADE = 4 };

/* A node in the making: names of its inputs and outputs, and room for names made here. */
struct ends {
    const char *inputs[MOST_ENDS], *outputs[MOST_ENDS];
    size_t input_count, output_count;
    char made[MADE][NAME_BYTES];
    int made_count;
};

static int read_ends(struct ends *ends, const struct graph_export *export,
                     const struct graph_node *node)
{
    if (node->input_count + MADE > MOST_ENDS || node->output_count > MOST_ENDS)
        return base_error(STANCE_ELIMIT, "it has %d inputs and %d outputs; at most %d are written",
                          node->input_count, node->output_count, MOST_ENDS - MADE);
    ends->input_count = (size_t)node->input_count;
    ends->output_count = (size_t)node->output_count;
    ends->made_count = 0;
    for (int i = 0; i < node->input_count; i++)
        ends->inputs[i] = node->inputs[i] < 0 ? "" : export->names[node->inputs[i]];
    for (int i = 0; i < node->output_count; i++)
        ends->outputs[i] = node->outputs[i] < 0 ? "" : export->names[node->outputs[i]];
    return 0;
}

/* A name that no value has; valid as long as `ends`. */
static const char *fresh_name(struct ends *ends, struct graph_export *export)
{
    char *name = ends->made[ends->made_count++];
    snprintf(name, NAME_BYTES, "stance/made/%d", export->fresh++);
    return name;
}

/* Appends a constant input at `slot`; skipped slots are left out. */
static void add_input(struct ends *ends, struct graph_export *export, size_t slot,
                      const struct stance_tensor *tensor)
{
    while (ends->input_count <= slot)
        ends->inputs[ends->input_count++] = "";
    ends->inputs[slot] = fresh_name(ends, export);
    onnx_writer_initializer(export->writer, ends->inputs[slot], tensor);
}

static void add_ints(struct ends *ends, struct graph_export *export, size_t slot,
                     const int64_t *values, int count)
{
    int64_t copy[2 * STANCE_MAX_RANK];
    memcpy(copy, values, (size_t)count * sizeof *copy);
    struct stance_tensor tensor = {.dtype = STANCE_INT64, .rank = 1, .dims = {count}, .data = copy};
    add_input(ends, export, slot, &tensor);
}

static void write_attr(struct onnx_writer *writer, const struct graph_attr *attr)
{
    size_t count = (size_t)attr->count;
    switch (attr->kind) {
    case GRAPH_ATTR_FLOAT: onnx_writer_float(writer, attr->name, attr->f); break;
    case GRAPH_ATTR_INT: onnx_writer_int(writer, attr->name, attr->i); break;
    case GRAPH_ATTR_STRING: onnx_writer_string(writer, attr->name, attr->s); break;
    case GRAPH_ATTR_TENSOR: onnx_writer_tensor(writer, attr->name, &attr->tensor->view); break;
    case GRAPH_ATTR_FLOATS: onnx_writer_floats(writer, attr->name, attr->floats, count); break;
    case GRAPH_ATTR_INTS: onnx_writer_ints(writer, attr->name, attr->ints, count); break;
    case GRAPH_ATTR_STRINGS: onnx_writer_strings(writer, attr->name, attr->strings, count); break;
    case GRAPH_ATTR_GRAPH: /* such nodes are refused when they are read */ break;
    }
}

/* Writes the node as `type` with all attributes but those of the list ("axes", NULL: none). */
static void write_node(const struct graph_export *export, const struct graph_node *node,
                       const struct ends *ends, const char *type, const char *const *without)
{
    onnx_writer_node_listed(export->writer, type, node->name, ends->inputs, ends->input_count,
                            ends->outputs, ends->output_count);
    for (int i = 0; i < node->attr_count; i++) {
        const char *const *left = without;
        while (left && *left && strcmp(*left, node->attrs[i].name) != 0)
            left++;
        if (!left || !*left)
            write_attr(export->writer, &node->attrs[i]);
    }
}

/* A helper node of one input and one output. */
static void write_unary(const struct graph_export *export, const char *type, const char *input,
                        const char *output)
{
    onnx_writer_node_listed(export->writer, type, "", &input, 1, &output, 1);
}

static void write_binary(const struct graph_export *export, const char *type, const char *left,
                         const char *right, const char *output)
{
    const char *const inputs[] = {left, right};
    onnx_writer_node_listed(export->writer, type, "", inputs, 2, &output, 1);
}

/* ---- Operators spelled out ------------------------------------------------------------------- */

static int write_swish(struct graph_export *export, const struct graph_node *node,
                       struct ends *ends)
{
    const char *gate = fresh_name(ends, export);
    write_unary(export, "Sigmoid", ends->inputs[0], gate);
    ends->inputs[1] = gate;
    ends->input_count = 2;
    write_node(export, node, ends, "Mul", NULL);
    return 0;
}

static const char *write_number(struct graph_export *export, struct ends *ends, float number)
{
    struct stance_tensor tensor = {.dtype = STANCE_FLOAT32, .data = &number};
    const char *name = fresh_name(ends, export);
    onnx_writer_initializer(export->writer, name, &tensor);
    return name;
}

/* x · (1 + erf(x / √2)) / 2, until opset 20 has it. */
static int write_gelu(struct graph_export *export, const struct graph_node *node, struct ends *ends)
{
    struct ends made = {0};
    const char *x = ends->inputs[0], *scaled = fresh_name(ends, export);
    const char *erf = fresh_name(ends, export), *gate = fresh_name(ends, export);
    const char *half = fresh_name(ends, export);
    write_binary(export, "Div", x, write_number(export, &made, 1.41421356f), scaled);
    write_unary(export, "Erf", scaled, erf);
    write_binary(export, "Add", erf, write_number(export, &made, 1), gate);
    write_binary(export, "Mul", x, gate, half);
    ends->inputs[0] = half;
    ends->inputs[1] = write_number(export, &made, 0.5f);
    ends->input_count = 2;
    static const char *const without[] = {"approximate", NULL};
    write_node(export, node, ends, "Mul", without);
    return 0;
}

/* ---- Operators that newer opsets say otherwise ------------------------------------------------ */

/* Lists that were attributes and are inputs now. */
static int write_ints_as_inputs(struct graph_export *export, const struct graph_node *node,
                                struct ends *ends, const char *const *names)
{
    for (size_t i = 0; names[i]; i++) {
        int count;
        const int64_t *values = graph_attr_ints(node, names[i], &count);
        if (values && count <= 2 * STANCE_MAX_RANK)
            add_ints(ends, export, i + 1, values, count);
    }
    write_node(export, node, ends, node->type, names);
    return 0;
}

static int write_axes(struct graph_export *export, const struct graph_node *node, struct ends *ends)
{
    static const char *const names[] = {"axes", NULL};
    return write_ints_as_inputs(export, node, ends, names);
}

static int write_split(struct graph_export *export, const struct graph_node *node,
                       struct ends *ends)
{
    static const char *const names[] = {"split", NULL};
    return write_ints_as_inputs(export, node, ends, names);
}

static int write_slice(struct graph_export *export, const struct graph_node *node,
                       struct ends *ends)
{
    static const char *const names[] = {"starts", "ends", "axes", NULL};
    return write_ints_as_inputs(export, node, ends, names);
}

static void add_number(struct ends *ends, struct graph_export *export,
                       const struct graph_node *node, size_t slot, const char *name)
{
    const struct graph_attr *attr = graph_attr_find(node, name);
    float value = attr ? attr->f : 0;
    struct stance_tensor tensor = {.dtype = STANCE_FLOAT32, .data = &value};
    if (attr)
        add_input(ends, export, slot, &tensor);
}

static int write_pad(struct graph_export *export, const struct graph_node *node, struct ends *ends)
{
    static const char *const names[] = {"pads", "value", NULL};
    int count;
    const int64_t *pads = graph_attr_ints(node, "pads", &count);
    if (pads && count <= 2 * STANCE_MAX_RANK)
        add_ints(ends, export, 1, pads, count);
    add_number(ends, export, node, 2, "value");
    write_node(export, node, ends, node->type, names);
    return 0;
}

static int write_clip(struct graph_export *export, const struct graph_node *node, struct ends *ends)
{
    static const char *const names[] = {"min", "max", NULL};
    for (size_t i = 0; names[i]; i++)
        add_number(ends, export, node, i + 1, names[i]);
    write_node(export, node, ends, node->type, names);
    return 0;
}

static int write_top_k(struct graph_export *export, const struct graph_node *node,
                       struct ends *ends)
{
    static const char *const names[] = {"k", NULL};
    int64_t k = graph_attr_int(node, "k", 0);
    add_ints(ends, export, 1, &k, 1);
    write_node(export, node, ends, node->type, names);
    return 0;
}

/* Upsample, and Resize before 11: X and scales, corners at whole numbers, rounded down. */
static int write_resize(struct graph_export *export, const struct graph_node *node,
                        struct ends *ends)
{
    static const char *const names[] = {"scales", NULL};
    int count;
    const float *scales = graph_attr_floats(node, "scales", &count);
    ends->inputs[2] = ends->input_count > 1 ? ends->inputs[1] : "";
    ends->inputs[1] = "";
    ends->input_count = 3;
    if (scales && count <= STANCE_MAX_RANK) {
        float copy[STANCE_MAX_RANK];
        memcpy(copy, scales, (size_t)count * sizeof *copy);
        struct stance_tensor tensor = {
            .dtype = STANCE_FLOAT32, .rank = 1, .dims = {count}, .data = copy};
        add_input(ends, export, 2, &tensor);
    }
    write_node(export, node, ends, "Resize", names);
    onnx_writer_string(export->writer, "coordinate_transformation_mode", "asymmetric");
    onnx_writer_string(export->writer, "nearest_mode", "floor");
    return 0;
}

/* Softmax, LogSoftmax and Hardmax saw a matrix cut at the axis. */
static int write_softmax(struct graph_export *export, const struct graph_node *node,
                         struct ends *ends)
{
    static const char *const names[] = {"axis", NULL};
    const char *x = ends->inputs[0], *y = ends->outputs[0];
    int64_t axis = graph_attr_int(node, "axis", 1);
    if (axis == -1) {
        write_node(export, node, ends, node->type, NULL);
        return 0;
    }
    const char *shape = fresh_name(ends, export), *matrix = fresh_name(ends, export);
    const char *answer = fresh_name(ends, export);
    write_unary(export, "Shape", x, shape);
    write_unary(export, "Flatten", x, matrix);
    onnx_writer_int(export->writer, "axis", axis);
    ends->inputs[0] = matrix;
    ends->outputs[0] = answer;
    write_node(export, node, ends, node->type, names);
    onnx_writer_int(export->writer, "axis", -1);
    write_binary(export, "Reshape", answer, shape, y);
    return 0;
}

static int write_normalization(struct graph_export *export, const struct graph_node *node,
                               struct ends *ends)
{
    static const char *const names[] = {"spatial", NULL};
    if (!graph_attr_int(node, "spatial", 1))
        return base_error(STANCE_EUNSUPPORTED,
                          "statistics for every pixel of a channel cannot be "
                          "written in opset %d",
                          export->opset);
    write_node(export, node, ends, node->type, names);
    return 0;
}

static int write_scatter(struct graph_export *export, const struct graph_node *node,
                         struct ends *ends)
{
    write_node(export, node, ends, "ScatterElements", NULL);
    return 0;
}

static const struct rewrite {
    const char *domain, *type;
    int of, until; /* where the network's opset is below `of` and the written one below `until` */
    int (*write)(struct graph_export *export, const struct graph_node *node, struct ends *ends);
} rewrites[] = {
    {"stance", "Swish", 99, 99, write_swish},
    {"", "Gelu", 99, 20, write_gelu},
    {"", "BatchNormalization", 9, 99, write_normalization},
    {"", "Clip", 11, 99, write_clip},
    {"", "Hardmax", 13, 99, write_softmax},
    {"", "LogSoftmax", 13, 99, write_softmax},
    {"", "Pad", 11, 99, write_pad},
    {"", "ReduceSum", 13, 99, write_axes},
    {"", "Resize", 11, 99, write_resize},
    {"", "Scatter", 99, 99, write_scatter},
    {"", "Slice", 10, 99, write_slice},
    {"", "Softmax", 13, 99, write_softmax},
    {"", "Split", 13, 99, write_split},
    {"", "Squeeze", 13, 99, write_axes},
    {"", "TopK", 10, 99, write_top_k},
    {"", "Unsqueeze", 13, 99, write_axes},
    {"", "Upsample", 99, 99, write_resize},
};

int graph_export_node(struct graph_export *export, const struct graph_node *node)
{
    struct ends ends;
    BASE_TRY(read_ends(&ends, export, node));
    for (size_t i = 0; i < sizeof rewrites / sizeof rewrites[0]; i++) {
        const struct rewrite *rewrite = &rewrites[i];
        if (strcmp(rewrite->type, node->type) == 0 && strcmp(rewrite->domain, node->domain) == 0 &&
            export->graph->opset < rewrite->of && export->opset < rewrite->until)
            return rewrite->write(export, node, &ends);
    }
    if (strcmp(node->domain, "stance") == 0)
        return base_error(STANCE_EUNSUPPORTED, "an operator of stance's own has no spelling");
    write_node(export, node, &ends, node->type, NULL);
    return 0;
}
