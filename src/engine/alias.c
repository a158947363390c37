/* Who lies in whose memory: reshapes are their input, Concat inputs lie in the output, Split and
 * Slice outputs in the input. What is placed so costs no step (or one that has nothing to copy). */
#include <string.h>

#include "base/memory.h"
#include "engine/plan.h"

static bool is_static(const struct graph_value *value)
{
    return tensor_shape_known(&value->shape) && value->dtype != STANCE_DTYPE_NONE;
}

static bool is_view(const char *type)
{
    static const char *const types[] = {"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(type, types[i]) == 0)
            return true;
    return false;
}

static int64_t product(const struct tensor_shape *shape, int first, int end)
{
    int64_t result = 1;
    for (int i = first; i < end; i++)
        result *= shape->dims[i];
    return result;
}

/* Bytes at which index `at` of `axis` begins in a value, or -1 when a part along that axis is not
 * one piece of memory (per image). */
static int64_t piece_offset(const struct graph_value *whole, int axis, int64_t at)
{
    size_t size = stance_dtype_size(whole->dtype);
    if (whole->block > 1) {
        if (axis != 1 || at % whole->block)
            return -1;
        return at * product(&whole->shape, 2, 4) * (int64_t)size;
    }
    if (product(&whole->shape, 0, axis) != 1)
        return -1;
    return at * product(&whole->shape, axis + 1, whole->shape.rank) * (int64_t)size;
}

static void place_inside(struct engine_plan *plan, int child, int parent, int64_t offset)
{
    plan->places[child].root = parent;
    plan->places[child].offset = offset;
}

static void place_view(struct engine_plan *plan, int child, int parent, int64_t offset)
{
    place_inside(plan, child, parent, offset);
    plan->places[child].view = true;
}

static void alias_view(struct engine_plan *plan, const struct graph_node *node)
{
    const struct graph_value *in = &plan->graph->values[node->inputs[0]];
    const struct graph_value *out = &plan->graph->values[node->outputs[0]];
    if (is_static(in) && is_static(out) && in->block <= 1 && out->block <= 1 && !out->constant)
        place_view(plan, node->outputs[0], node->inputs[0], 0);
}

/* May this value be told by its Concat where to lie? */
static bool is_free(const struct engine_plan *plan, int value, const struct graph_value *whole)
{
    const struct graph_value *part = &plan->graph->values[value];
    const struct engine_place *place = &plan->places[value];
    return place->storage == ENGINE_WORKSPACE && place->root == value && is_static(part) &&
           part->block == whole->block && part->dtype == whole->dtype;
}

static void alias_concat(struct engine_plan *plan, const struct graph_node *node)
{
    const struct graph_value *whole = &plan->graph->values[node->outputs[0]];
    if (!is_static(whole) || whole->shape.rank == 0)
        return;
    int axis = (int)graph_attr_int(node, "axis", 1);
    axis = axis < 0 ? axis + whole->shape.rank : axis;
    int64_t at = 0;
    for (int i = 0; i < node->input_count; i++) {
        const struct graph_value *part = &plan->graph->values[node->inputs[i]];
        if (!is_static(part))
            return;
        int64_t offset = piece_offset(whole, axis, at);
        bool ends_cleanly = whole->block <= 1 || i + 1 == node->input_count ||
                            part->shape.dims[1] % whole->block == 0;
        if (offset >= 0 && offset % BASE_ALIGN == 0 && ends_cleanly &&
            is_free(plan, node->inputs[i], whole))
            place_inside(plan, node->inputs[i], node->outputs[0], offset);
        at += part->shape.dims[axis];
    }
}

static void alias_split(struct engine_plan *plan, const struct graph_node *node)
{
    const struct graph_value *whole = &plan->graph->values[node->inputs[0]];
    if (!is_static(whole) || whole->shape.rank == 0)
        return;
    int axis = (int)graph_attr_int(node, "axis", 0);
    axis = axis < 0 ? axis + whole->shape.rank : axis;
    int64_t at = 0;
    for (int i = 0; i < node->output_count; i++) {
        if (node->outputs[i] < 0)
            return;
        const struct graph_value *part = &plan->graph->values[node->outputs[i]];
        int64_t offset = piece_offset(whole, axis, at);
        if (offset >= 0 && is_static(part) && part->block == whole->block)
            place_view(plan, node->outputs[i], node->inputs[0], offset);
        at += part->shape.dims[axis];
    }
}

/* Follows the chain of places to the value that owns the memory. */
static void settle(struct engine_plan *plan, int value)
{
    struct engine_place *place = &plan->places[value];
    int root = value;
    int64_t offset = 0;
    while (plan->places[root].root != root) {
        offset += plan->places[root].offset;
        root = plan->places[root].root;
    }
    const struct graph_value *owner = &plan->graph->values[root];
    place->root = root;
    place->offset = offset;
    place->storage = plan->places[root].storage;
    if (owner->block > 1)
        place->batch_stride =
            engine_elements(owner) / (owner->shape.dims[0] ? owner->shape.dims[0] : 1);
}

static void settle_all(struct engine_plan *plan)
{
    struct graph *graph = plan->graph;
    for (int i = 0; i < graph->value_count; i++) {
        const struct graph_value *value = &graph->values[i];
        int64_t images = value->shape.rank > 0 ? value->shape.dims[0] : 1;
        if (is_static(value) && images > 0)
            plan->places[i].batch_stride = engine_elements(value) / images;
    }
    for (int i = 0; i < graph->value_count; i++)
        if (plan->places[i].root != i)
            settle(plan, i);
}

void engine_alias(struct engine_plan *plan)
{
    for (int i = 0; i < plan->graph->node_count; i++) {
        const struct graph_node *node = &plan->graph->nodes[i];
        if (node->output_count < 1 || node->outputs[0] < 0 || node->input_count < 1 ||
            node->inputs[0] < 0)
            continue;
        if (is_view(node->type))
            alias_view(plan, node);
        else if (strcmp(node->type, "Concat") == 0)
            alias_concat(plan, node);
        else if (strcmp(node->type, "Split") == 0)
            alias_split(plan, node);
    }
    settle_all(plan);
}
