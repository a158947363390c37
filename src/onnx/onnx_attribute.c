/* AttributeProto into a struct. Field numbers are those of onnx.proto. */
#include <string.h>

#include "onnx/onnx_source.h"

static const struct onnx_string empty = {"", 0};

struct attribute_lists {
    float *floats;
    int64_t *ints;
    struct onnx_string *strings;
    size_t float_count, int_count, string_count;
};

static int make_attribute_lists(struct onnx_source *source, struct onnx_wire wire,
                                struct attribute_lists *lists)
{
    struct onnx_field field;
    size_t count, floats = 0, ints = 0, strings = 0;
    int more;
    while ((more = onnx_wire_next(&wire, &field)) > 0)
        if (field.number == 7) {
            BASE_TRY(onnx_field_count(&field, ONNX_WIRE_FIXED32, &count));
            floats += count;
        } else if (field.number == 8) {
            BASE_TRY(onnx_field_count(&field, ONNX_WIRE_VARINT, &count));
            ints += count;
        } else if (field.number == 9) {
            strings++;
        }
    BASE_TRY(more);
    *lists = (struct attribute_lists){0};
    BASE_TRY(onnx_source_alloc(source, floats, sizeof *lists->floats, &lists->floats));
    BASE_TRY(onnx_source_alloc(source, ints, sizeof *lists->ints, &lists->ints));
    return onnx_source_alloc(source, strings, sizeof *lists->strings, &lists->strings);
}

static int add_floats(const struct onnx_field *field, struct attribute_lists *lists)
{
    struct onnx_numbers numbers = onnx_field_numbers(field);
    size_t count;
    BASE_TRY(onnx_field_count(field, ONNX_WIRE_FIXED32, &count));
    for (size_t i = 0; i < count; i++) {
        uint64_t value;
        BASE_TRY(onnx_numbers_next(&numbers, ONNX_WIRE_FIXED32, &value));
        uint32_t bits = (uint32_t)value;
        memcpy(&lists->floats[lists->float_count++], &bits, 4);
    }
    return 0;
}

static int add_ints(const struct onnx_field *field, struct attribute_lists *lists)
{
    struct onnx_numbers numbers = onnx_field_numbers(field);
    size_t count;
    BASE_TRY(onnx_field_count(field, ONNX_WIRE_VARINT, &count));
    for (size_t i = 0; i < count; i++) {
        uint64_t value;
        BASE_TRY(onnx_numbers_next(&numbers, ONNX_WIRE_VARINT, &value));
        lists->ints[lists->int_count++] = (int64_t)value;
    }
    return 0;
}

static int read_tensor_value(struct onnx_source *source, struct onnx_wire wire,
                             struct onnx_attribute *attribute)
{
    struct onnx_tensor *tensor;
    BASE_TRY(onnx_source_alloc(source, 1, sizeof *tensor, &tensor));
    attribute->t = tensor;
    return onnx_read_tensor(wire, tensor);
}

static int read_graph_value(struct onnx_source *source, struct onnx_wire wire,
                            struct onnx_attribute *attribute)
{
    struct onnx_graph *graph;
    BASE_TRY(onnx_source_alloc(source, 1, sizeof *graph, &graph));
    attribute->g = graph;
    return onnx_read_graph(source, wire, graph);
}

static int read_attribute_field(struct onnx_source *source, const struct onnx_wire *wire,
                                const struct onnx_field *field, struct onnx_attribute *attribute,
                                struct attribute_lists *lists, int64_t *given)
{
    struct onnx_wire inner;
    switch (field->number) {
    case 1: return onnx_field_name(field, &attribute->name);
    case 2: return onnx_field_float(field, &attribute->f);
    case 3: return onnx_field_int(field, &attribute->i);
    case 4: return onnx_field_string(field, &attribute->s);
    case 5:
        BASE_TRY(onnx_field_message(field, wire, &inner));
        return read_tensor_value(source, inner, attribute);
    case 6:
        BASE_TRY(onnx_field_message(field, wire, &inner));
        return read_graph_value(source, inner, attribute);
    case 7: return add_floats(field, lists);
    case 8: return add_ints(field, lists);
    case 9: return onnx_field_string(field, &lists->strings[lists->string_count++]);
    case 20: return onnx_field_int(field, given);
    case 21:
        return field->size ? base_error(STANCE_EUNSUPPORTED, "refers to a function's attribute")
                           : 0;
    default: return 0;
    }
}

/* `given` is the type that the attribute states; old exports state none and the value decides. */
static int settle_type(struct onnx_attribute *attribute, int64_t given,
                       const size_t counts[ONNX_FIELDS])
{
    for (int type = ONNX_ATTRIBUTE_FLOAT; given == 0 && type <= ONNX_ATTRIBUTE_STRINGS; type++)
        if (counts[type + 1])
            given = type;
    if (given <= 0)
        return base_error(STANCE_EFORMAT, "has neither type nor value");
    attribute->type = given < ONNX_ATTRIBUTE_OTHER ? (int)given : ONNX_ATTRIBUTE_OTHER;
    if ((given == ONNX_ATTRIBUTE_TENSOR && !attribute->t) ||
        (given == ONNX_ATTRIBUTE_GRAPH && !attribute->g))
        return base_error(STANCE_EFORMAT, "has no value");
    return 0;
}

static int read_attribute(struct onnx_source *source, struct onnx_wire wire,
                          struct onnx_attribute *attribute)
{
    size_t counts[ONNX_FIELDS];
    struct attribute_lists lists;
    struct onnx_field field;
    int64_t given = 0;
    int more;
    BASE_TRY(onnx_count_fields(wire, counts));
    if (counts[5] > 1 || counts[6] > 1)
        return base_error(STANCE_EFORMAT, "has more than one value");
    BASE_TRY(make_attribute_lists(source, wire, &lists));
    while ((more = onnx_wire_next(&wire, &field)) > 0)
        BASE_TRY(read_attribute_field(source, &wire, &field, attribute, &lists, &given));
    BASE_TRY(more);
    BASE_TRY(settle_type(attribute, given, counts));
    attribute->floats = lists.floats;
    attribute->ints = lists.ints;
    attribute->strings = lists.strings;
    attribute->count = attribute->type == ONNX_ATTRIBUTE_FLOATS    ? lists.float_count
                       : attribute->type == ONNX_ATTRIBUTE_INTS    ? lists.int_count
                       : attribute->type == ONNX_ATTRIBUTE_STRINGS ? lists.string_count
                                                                   : 0;
    return 0;
}

int onnx_read_attribute(struct onnx_source *source, struct onnx_wire wire,
                        struct onnx_attribute *attribute)
{
    *attribute = (struct onnx_attribute){.name = empty, .s = empty};
    int code = read_attribute(source, wire, attribute);
    if (code < 0)
        return base_error_context(code, "attribute '%.*s'", ONNX_TEXT(attribute->name));
    return 0;
}
