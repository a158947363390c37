/* Which values are bytes: what int8 layers read, and, so that no operator between them needs floats,
 * what pooling, Concat and the like make it from; those that only move bytes share one scale.
 *
 * What channel attention multiplies is not: its channels differ far more than its product's, and
 * bytes there cost six times what bytes behind it do (RTMDet-nano, docs/quantization.md). */
#include <string.h>

#include "base/memory.h"
#include "engine/quantization.h"
#include "graph/rewrite.h"

struct place {
    struct stance_quantizer *quantizer;
    const struct graph *graph;
    int *users;    /* per value: how many inputs and graph outputs */
    int *consumer; /* per value: the node of one of them */
};

static bool is_map(const struct place *place, int value)
{
    const struct graph_value *shaped = &place->quantizer->shapes->values[value];
    return !place->graph->values[value].constant && shaped->dtype == STANCE_FLOAT32 &&
           shaped->shape.rank == 4;
}

/* Whether the operator's outputs hold nothing but numbers of its inputs. */
static bool moves_only(const struct graph_node *node)
{
    static const char *const types[] = {"Concat", "MaxPool", "Resize",
                                        "Slice",  "Split",   "Upsample"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (graph_is(node, types[i]))
            return strcmp(graph_attr_string(node, "mode", "nearest"), "nearest") == 0;
    return false;
}

/* How many of its inputs it moves. */
static int moved_inputs(const struct graph_node *node)
{
    return graph_is(node, "Concat") ? node->input_count : 1;
}

static bool is_activation(const struct graph_node *node)
{
    static const char *const types[] = {"Relu",        "LeakyRelu", "Clip", "Sigmoid",
                                        "HardSigmoid", "HardSwish", "Tanh", "Gelu"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (graph_is(node, types[i]))
            return true;
    return strcmp(node->domain, "stance") == 0 && strcmp(node->type, "Swish") == 0;
}

/* The value behind an activation that alone reads this one. */
static int activated(const struct place *place, int value)
{
    if (place->users[value] != 1 || place->consumer[value] < 0)
        return value;
    const struct graph_node *node = &place->graph->nodes[place->consumer[value]];
    return is_activation(node) ? node->outputs[0] : value;
}

/* The convolution whose sums become this value, or -1; nobody else reads them. */
static int convolution_of(const struct place *place, int value)
{
    const struct graph *graph = place->graph;
    if (place->users[value] != 1)
        return -1;
    const struct graph_node *node = graph_producer(graph, value);
    if (node && is_activation(node) && place->users[node->inputs[0]] == 1)
        node = graph_producer(graph, node->inputs[0]);
    return graph_is(node, "Conv") || graph_is(node, "ConvTranspose") ? graph_node_index(graph, node)
                                                                     : -1;
}

static void want(struct place *place, int value)
{
    if (is_map(place, value))
        place->quantizer->values[value].wanted = true;
}

/* One side of an addition ends in the convolution that makes it and never is a value of its own:
 * the later one, as fusion has it. */
static void place_addition(struct place *place, const struct graph_node *node)
{
    int left = node->inputs[0], right = node->inputs[1];
    int left_conv = convolution_of(place, left), right_conv = convolution_of(place, right);
    if (!place->quantizer->values[activated(place, node->outputs[0])].wanted)
        return;
    if (left_conv < 0 || left_conv < right_conv)
        want(place, left);
    if (right_conv < 0 || right_conv < left_conv)
        want(place, right);
}

static void place_movement(struct place *place, const struct graph_node *node)
{
    bool wanted = false;
    for (int i = 0; i < node->output_count; i++)
        wanted =
            wanted || (node->outputs[i] >= 0 && place->quantizer->values[node->outputs[i]].wanted);
    for (int i = 0; wanted && i < moved_inputs(node); i++)
        want(place, node->inputs[i]);
    for (int i = 0; wanted && i < node->output_count; i++)
        if (node->outputs[i] >= 0)
            want(place, node->outputs[i]);
}

static void place_all(struct place *place, bool all)
{
    const struct stance_quantizer *quantizer = place->quantizer;
    int layer = quantizer->layer_count - 1;
    for (int n = place->graph->node_count - 1; n >= 0; n--) {
        const struct graph_node *node = &place->graph->nodes[n];
        while (layer >= 0 && quantizer->layers[layer].node > n)
            layer--;
        const struct quantize_layer *own = &quantizer->layers[layer < 0 ? 0 : layer];
        if (layer >= 0 && own->node == n) {
            if (all ? own->role != STANCE_LAYER_OTHER : own->quantized)
                want(place, own->input);
        } else if (moves_only(node)) {
            place_movement(place, node);
        } else if (graph_is(node, "Add") && is_map(place, node->outputs[0]) &&
                   node->inputs[0] != node->inputs[1]) {
            place_addition(place, node);
        }
    }
}

static int group_of(const struct quantize_value *values, int value)
{
    while (values[value].group != value)
        value = values[value].group;
    return value;
}

static void join(struct quantize_value *values, int a, int b)
{
    if (a < 0 || b < 0 || !values[a].wanted || !values[b].wanted)
        return;
    a = group_of(values, a);
    b = group_of(values, b);
    values[a > b ? a : b].group = a > b ? b : a;
}

static void join_groups(struct place *place)
{
    struct quantize_value *values = place->quantizer->values;
    for (int n = 0; n < place->graph->node_count; n++) {
        const struct graph_node *node = &place->graph->nodes[n];
        if (!moves_only(node))
            continue;
        for (int i = 0; i < moved_inputs(node); i++)
            join(values, node->inputs[i], node->outputs[0]);
        for (int i = 1; i < node->output_count; i++)
            join(values, node->outputs[i], node->outputs[0]);
    }
    for (int i = 0; i < place->graph->value_count; i++)
        values[i].group = group_of(values, i);
}

static void find_users(struct place *place)
{
    const struct graph *graph = place->graph;
    for (int n = 0; n < graph->node_count; n++)
        for (int i = 0; i < graph->nodes[n].input_count; i++) {
            int value = graph->nodes[n].inputs[i];
            if (value < 0)
                continue;
            place->users[value]++;
            place->consumer[value] = n;
        }
    for (int i = 0; i < graph->output_count; i++) {
        place->users[graph->outputs[i]]++;
        place->consumer[graph->outputs[i]] = -1;
    }
}

int engine_quantize_place(struct stance_quantizer *quantizer, bool all)
{
    struct place place = {.quantizer = quantizer, .graph = quantizer->graph};
    size_t count = (size_t)quantizer->graph->value_count + 1;
    place.users = base_alloc_zero(count, 2 * sizeof *place.users);
    if (!place.users)
        return base_error_memory(2 * count * sizeof *place.users, "a list of users");
    place.consumer = place.users + count;
    for (int i = 0; i < quantizer->graph->value_count; i++) {
        quantizer->values[i].wanted = false;
        quantizer->values[i].group = i;
    }
    find_users(&place);
    place_all(&place, all);
    join_groups(&place);
    base_free(place.users);
    return 0;
}

struct quantize_range engine_quantize_group_range(const struct stance_quantizer *quantizer,
                                                  int value, int method)
{
    struct quantize_range range = {0, 0};
    const struct quantize_value *values = quantizer->values;
    for (int i = 0; i < quantizer->graph->value_count; i++) {
        if (!values[i].wanted || values[i].group != values[value].group)
            continue;
        struct quantize_range own = values[i].ranges[method ? method : values[i].method];
        range.low = own.low < range.low ? own.low : range.low;
        range.high = own.high > range.high ? own.high : range.high;
    }
    return range;
}
