/* ModelProto, GraphProto and NodeProto into structs: each message is walked twice, once to count
 * its lists and once to fill them. Field numbers are those of onnx.proto. */
#include <string.h>

#include "onnx/onnx_source.h"

static const struct onnx_string empty = {"", 0};

int onnx_field_name(const struct onnx_field *field, struct onnx_string *out)
{
    BASE_TRY(onnx_field_string(field, out));
    if (memchr(out->data, 0, out->size))
        return base_error(STANCE_EFORMAT, "a name contains a NUL byte");
    return 0;
}

int onnx_field_domain(const struct onnx_field *field, struct onnx_string *out)
{
    BASE_TRY(onnx_field_name(field, out));
    if (onnx_string_equal(*out, "ai.onnx"))
        *out = empty;
    return 0;
}

int onnx_count_fields(struct onnx_wire wire, size_t counts[ONNX_FIELDS])
{
    struct onnx_field field;
    int more;
    memset(counts, 0, ONNX_FIELDS * sizeof counts[0]);
    while ((more = onnx_wire_next(&wire, &field)) > 0)
        if (field.number < ONNX_FIELDS && ++counts[field.number] > ONNX_MAX_ENTRIES)
            return base_error(STANCE_ELIMIT, "field %u stands more than %d times", field.number,
                              ONNX_MAX_ENTRIES);
    return more;
}

int onnx_read_property(struct onnx_wire wire, struct onnx_property *property)
{
    struct onnx_field field;
    int more;
    *property = (struct onnx_property){empty, empty};
    while ((more = onnx_wire_next(&wire, &field)) > 0)
        if (field.number == 1)
            BASE_TRY(onnx_field_name(&field, &property->key));
        else if (field.number == 2)
            BASE_TRY(onnx_field_string(&field, &property->value));
    return more;
}

static int read_opset(struct onnx_wire wire, struct onnx_opset *opset)
{
    struct onnx_field field;
    int more;
    *opset = (struct onnx_opset){empty, 0};
    while ((more = onnx_wire_next(&wire, &field)) > 0)
        if (field.number == 1)
            BASE_TRY(onnx_field_domain(&field, &opset->domain));
        else if (field.number == 2)
            BASE_TRY(onnx_field_int(&field, &opset->version));
    return more;
}

struct node_lists {
    struct onnx_string *inputs, *outputs;
    struct onnx_attribute *attributes;
};

static int read_node_field(struct onnx_source *source, const struct onnx_wire *wire,
                           const struct onnx_field *field, struct onnx_node *node,
                           const struct node_lists *lists)
{
    struct onnx_wire inner;
    switch (field->number) {
    case 1: return onnx_field_name(field, &lists->inputs[node->input_count++]);
    case 2: return onnx_field_name(field, &lists->outputs[node->output_count++]);
    case 3: return onnx_field_name(field, &node->name);
    case 4: return onnx_field_name(field, &node->type);
    case 5:
        BASE_TRY(onnx_field_message(field, wire, &inner));
        return onnx_read_attribute(source, inner, &lists->attributes[node->attribute_count++]);
    case 7: return onnx_field_domain(field, &node->domain);
    default: return 0;
    }
}

static int read_node(struct onnx_source *source, struct onnx_wire wire, struct onnx_node *node)
{
    size_t counts[ONNX_FIELDS];
    struct node_lists lists;
    struct onnx_field field;
    int more;
    *node = (struct onnx_node){.type = empty, .domain = empty, .name = empty};
    BASE_TRY(onnx_count_fields(wire, counts));
    BASE_TRY(onnx_source_alloc(source, counts[1], sizeof *lists.inputs, &lists.inputs));
    BASE_TRY(onnx_source_alloc(source, counts[2], sizeof *lists.outputs, &lists.outputs));
    BASE_TRY(onnx_source_alloc(source, counts[5], sizeof *lists.attributes, &lists.attributes));
    node->inputs = lists.inputs;
    node->outputs = lists.outputs;
    node->attributes = lists.attributes;
    while ((more = onnx_wire_next(&wire, &field)) > 0) {
        int code = read_node_field(source, &wire, &field, node, &lists);
        if (code < 0)
            return base_error_context(code, "%.*s '%.*s'", ONNX_TEXT(node->type),
                                      ONNX_TEXT(node->name));
    }
    return more;
}

struct graph_lists {
    struct onnx_node *nodes;
    struct onnx_tensor *initializers;
    struct onnx_value_info *inputs, *outputs, *value_infos;
};

static int make_graph_lists(struct onnx_source *source, struct onnx_wire wire,
                            struct onnx_graph *graph, struct graph_lists *lists)
{
    size_t counts[ONNX_FIELDS];
    BASE_TRY(onnx_count_fields(wire, counts));
    if (counts[15])
        return base_error(STANCE_EUNSUPPORTED, "sparse initialisers are not read");
    BASE_TRY(onnx_source_alloc(source, counts[1], sizeof *lists->nodes, &lists->nodes));
    BASE_TRY(
        onnx_source_alloc(source, counts[5], sizeof *lists->initializers, &lists->initializers));
    BASE_TRY(onnx_source_alloc(source, counts[11], sizeof *lists->inputs, &lists->inputs));
    BASE_TRY(onnx_source_alloc(source, counts[12], sizeof *lists->outputs, &lists->outputs));
    BASE_TRY(
        onnx_source_alloc(source, counts[13], sizeof *lists->value_infos, &lists->value_infos));
    *graph = (struct onnx_graph){.name = empty,
                                 .nodes = lists->nodes,
                                 .initializers = lists->initializers,
                                 .inputs = lists->inputs,
                                 .outputs = lists->outputs,
                                 .value_infos = lists->value_infos};
    return 0;
}

static int read_graph_field(struct onnx_source *source, const struct onnx_wire *wire,
                            const struct onnx_field *field, struct onnx_graph *graph,
                            const struct graph_lists *lists)
{
    struct onnx_wire inner;
    if (field->number == 2)
        return onnx_field_name(field, &graph->name);
    if (field->number != 1 && field->number != 5 && (field->number < 11 || field->number > 13))
        return 0;
    BASE_TRY(onnx_field_message(field, wire, &inner));
    switch (field->number) {
    case 1: {
        size_t i = graph->node_count++;
        int code = read_node(source, inner, &lists->nodes[i]);
        return code < 0 ? base_error_context(code, "node %zu", i) : 0;
    }
    case 5: {
        size_t i = graph->initializer_count++;
        int code = onnx_read_tensor(inner, &lists->initializers[i]);
        return code < 0 ? base_error_context(code, "initialiser %zu", i) : 0;
    }
    case 11: return onnx_read_value_info(inner, &lists->inputs[graph->input_count++]);
    case 12: return onnx_read_value_info(inner, &lists->outputs[graph->output_count++]);
    default: return onnx_read_value_info(inner, &lists->value_infos[graph->value_info_count++]);
    }
}

int onnx_read_graph(struct onnx_source *source, struct onnx_wire wire, struct onnx_graph *graph)
{
    struct graph_lists lists;
    struct onnx_field field;
    int more;
    BASE_TRY(make_graph_lists(source, wire, graph, &lists));
    while ((more = onnx_wire_next(&wire, &field)) > 0)
        BASE_TRY(read_graph_field(source, &wire, &field, graph, &lists));
    return more;
}

struct model_lists {
    struct onnx_opset *opsets;
    struct onnx_property *properties;
    struct onnx_graph *graph;
};

static int read_model_field(const struct onnx_wire *wire, const struct onnx_field *field,
                            struct onnx_model *model, const struct model_lists *lists)
{
    struct onnx_wire inner;
    switch (field->number) {
    case 1: return onnx_field_int(field, &model->ir_version);
    case 2: return onnx_field_name(field, &model->producer);
    case 3: return onnx_field_name(field, &model->producer_version);
    case 7:
        BASE_TRY(onnx_field_message(field, wire, &inner));
        return onnx_read_graph(model->source, inner, lists->graph);
    case 8:
        BASE_TRY(onnx_field_message(field, wire, &inner));
        return read_opset(inner, &lists->opsets[model->opset_count++]);
    case 14:
        BASE_TRY(onnx_field_message(field, wire, &inner));
        return onnx_read_property(inner, &lists->properties[model->property_count++]);
    default: return 0;
    }
}

int onnx_read_model(struct onnx_model *model, const void *data, size_t size)
{
    struct onnx_wire wire = onnx_wire_make(data, size);
    size_t counts[ONNX_FIELDS];
    struct model_lists lists;
    struct onnx_field field;
    int more;
    model->producer = model->producer_version = empty;
    int code = onnx_count_fields(wire, counts);
    if (code < 0)
        return base_error_context(code, "not an ONNX model, or a damaged one");
    if (counts[7] != 1)
        return base_error(STANCE_EFORMAT, "not an ONNX model: it has %zu graphs", counts[7]);
    BASE_TRY(onnx_source_alloc(model->source, counts[8], sizeof *lists.opsets, &lists.opsets));
    BASE_TRY(
        onnx_source_alloc(model->source, counts[14], sizeof *lists.properties, &lists.properties));
    BASE_TRY(onnx_source_alloc(model->source, 1, sizeof *lists.graph, &lists.graph));
    model->opsets = lists.opsets;
    model->properties = lists.properties;
    model->graph = lists.graph;
    model->function_count = counts[25];
    while ((more = onnx_wire_next(&wire, &field)) > 0)
        BASE_TRY(read_model_field(&wire, &field, model, &lists));
    return more;
}
