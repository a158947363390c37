/* Equalisation: where nothing or a ReLU lies between two convolutions, channels may grow in front of it
 * and shrink behind, so that one scale suits all of them (Nagel et al., Data-Free Quantization Through
 * Weight Equalization and Bias Correction, 2019; here with what the channels really reach). */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "engine/quantization.h"
#include "graph/rewrite.h"

/* Most that a channel grows. */
#define MOST 32.0

/* The only node that reads a value; NULL when there are others, or the network's outputs do. */
static const struct graph_node *only_reader(const struct graph *graph, int value)
{
    const struct graph_node *reader = NULL;
    int count = graph_is_output(graph, value);
    for (int n = 0; n < graph->node_count; n++)
        for (int i = 0; i < graph->nodes[n].input_count; i++)
            if (graph->nodes[n].inputs[i] == value) {
                reader = &graph->nodes[n];
                count++;
            }
    return count == 1 ? reader : NULL;
}

/* Whether scaling a channel commutes with the operator. */
static bool keeps_scale(const struct graph_node *node)
{
    return graph_is(node, "Relu") || graph_is(node, "LeakyRelu");
}

static struct quantize_layer *layer_of(struct stance_quantizer *quantizer,
                                       const struct graph_node *node)
{
    for (int i = 0; i < quantizer->layer_count; i++)
        if (&quantizer->graph->nodes[quantizer->layers[i].node] == node &&
            quantizer->layers[i].role != STANCE_LAYER_OTHER && graph_is(node, "Conv"))
            return &quantizer->layers[i];
    return NULL;
}

/* Its weights, if they are nobody else's. */
static struct graph_value *own_constant(const struct stance_quantizer *quantizer,
                                        const struct quantize_layer *layer, int slot)
{
    struct graph *graph = quantizer->graph;
    int value = graph_input(&graph->nodes[layer->node], slot);
    return value >= 0 && only_reader(graph, value) ? &graph->values[value] : NULL;
}

static bool is_depthwise(const struct stance_quantizer *quantizer,
                         const struct quantize_layer *layer, int64_t channels)
{
    const struct graph_node *node = &quantizer->graph->nodes[layer->node];
    return graph_attr_int(node, "group", 1) == channels;
}

/* The convolution behind this one, if scale can move between both, or NULL. */
static struct quantize_layer *find_follower(struct stance_quantizer *quantizer,
                                            const struct quantize_layer *front)
{
    const struct graph *graph = quantizer->graph;
    const struct graph_node *node = &graph->nodes[front->node];
    const struct graph_node *reader =
        graph_is(node, "Conv") ? only_reader(graph, front->output) : NULL;
    if (reader && keeps_scale(reader))
        reader = only_reader(graph, reader->outputs[0]);
    struct quantize_layer *back = reader ? layer_of(quantizer, reader) : NULL;
    const struct graph_value *weights = own_constant(quantizer, front, 1);
    if (!back || back == front || !weights || !own_constant(quantizer, back, 1) ||
        (graph_input(node, 2) >= 0 && !own_constant(quantizer, front, 2)))
        return NULL;
    bool fits = graph_attr_int(reader, "group", 1) == 1 ||
                is_depthwise(quantizer, back, weights->shape.dims[0]);
    return fits ? back : NULL;
}

/* How far each channel reaches. */
static int take_reach(struct stance_quantizer *quantizer, const int *items, int count, int method,
                      const struct stance_tensor *outputs)
{
    for (int i = 0; i < count; i++) {
        const struct stance_tensor *map = &outputs[i];
        double *reach = quantizer->layers[items[i]].reach;
        int64_t area = map->dims[2] * map->dims[3];
        for (int64_t k = 0; k < map->dims[1] * area; k++)
            reach[k / area] = fmax(reach[k / area], fabs((double)((const float *)map->data)[k]));
    }
    return 0;
}

static int observe(struct stance_quantizer *quantizer, const int *items, int count)
{
    int values[QUANTIZE_OBSERVED];
    struct graph *graph;
    for (int i = 0; i < count; i++)
        values[i] = quantizer->layers[quantizer->layers[items[i]].follower].input;
    BASE_TRY(engine_quantize_build_observed(&graph, quantizer, values, count));
    return engine_quantize_run(quantizer, graph, quantizer->input_count, items, count, 0,
                               take_reach);
}

/* ---- Weights ---- */

static double largest_of(const struct stance_tensor *weights, int64_t channel, bool depthwise)
{
    int64_t in = weights->dims[1], area = weights->dims[2] * weights->dims[3];
    double largest = 0;
    for (int64_t o = 0; o < weights->dims[0]; o++)
        for (int64_t k = 0; k < area; k++) {
            if (depthwise && o != channel)
                continue;
            int64_t at = (o * in + (depthwise ? 0 : channel)) * area + k;
            largest = fmax(largest, fabs(tensor_float(weights, at)));
        }
    return largest;
}

/* By how much each channel grows in front. A depthwise layer's own scales take up all of it; of a
 * dense one, channels share theirs. */
static void find_factors(const struct quantize_layer *front, const struct stance_tensor *back,
                         bool depthwise, int64_t channels, double *factors)
{
    double most = 0, heaviest = 0;
    for (int64_t c = 0; c < channels; c++) {
        most = fmax(most, front->reach[c]);
        heaviest = fmax(heaviest, largest_of(back, c, depthwise));
    }
    for (int64_t c = 0; c < channels; c++) {
        double weight = largest_of(back, c, depthwise), factor = 1;
        if (front->reach[c] > 0 && weight > 0)
            factor = depthwise ? most / front->reach[c]
                               : sqrt(most / front->reach[c] * weight / heaviest);
        factors[c] = fmin(fmax(factor, 1), MOST);
    }
}

/* A copy of a constant in its place. */
static int make_own(struct graph_value *value)
{
    struct tensor *copy;
    BASE_TRY(tensor_open(&copy, STANCE_FLOAT32, &value->shape));
    memcpy(copy->view.data, value->constant->view.data, tensor_bytes(&copy->view));
    tensor_close(&value->constant);
    value->constant = copy;
    return 0;
}

static void scale_front(const struct graph_value *value, const double *factors)
{
    const struct stance_tensor *weights = &value->constant->view;
    int64_t count = stance_tensor_count(weights), each = count / weights->dims[0];
    float *data = value->constant->view.data;
    for (int64_t i = 0; i < count; i++)
        data[i] = (float)((double)data[i] * factors[i / each]);
}

static void scale_back(const struct graph_value *value, bool depthwise, const double *factors)
{
    const struct stance_tensor *weights = &value->constant->view;
    int64_t in = weights->dims[1], area = weights->dims[2] * weights->dims[3];
    float *data = value->constant->view.data;
    for (int64_t i = 0; i < weights->dims[0] * in * area; i++)
        data[i] = (float)((double)data[i] / factors[depthwise ? i / (in * area) : i / area % in]);
}

static int equalize(struct stance_quantizer *quantizer, const struct quantize_layer *front)
{
    const struct quantize_layer *back = &quantizer->layers[front->follower];
    struct graph_value *weights = own_constant(quantizer, front, 1);
    struct graph_value *bias = own_constant(quantizer, front, 2);
    struct graph_value *behind = own_constant(quantizer, back, 1);
    int64_t channels = weights->shape.dims[0];
    bool depthwise = is_depthwise(quantizer, back, channels);
    double *factors = base_alloc((size_t)channels * sizeof *factors);
    if (!factors)
        return base_error_memory((size_t)channels * sizeof *factors, "factors of channels");
    find_factors(front, &behind->constant->view, depthwise, channels, factors);
    int code = make_own(weights);
    if (code == 0 && bias)
        code = make_own(bias);
    if (code == 0)
        code = make_own(behind);
    if (code == 0) {
        scale_front(weights, factors);
        if (bias)
            scale_front(bias, factors);
        scale_back(behind, depthwise, factors);
    }
    base_free(factors);
    return code;
}

int engine_quantize_equalize(struct stance_quantizer *quantizer)
{
    int items[QUANTIZE_OBSERVED], count = 0;
    for (int i = 0; i < quantizer->layer_count && count < QUANTIZE_OBSERVED; i++) {
        struct quantize_layer *layer = &quantizer->layers[i];
        const struct quantize_layer *follower =
            layer->role == STANCE_LAYER_OTHER ? NULL : find_follower(quantizer, layer);
        if (!follower)
            continue;
        size_t channels = (size_t)own_constant(quantizer, layer, 1)->shape.dims[0];
        layer->follower = (int)(follower - quantizer->layers);
        layer->reach = base_alloc_zero(channels, sizeof *layer->reach);
        if (!layer->reach)
            return base_error_memory(channels * sizeof *layer->reach, "reach of channels");
        items[count++] = i;
    }
    quantizer->done = 0;
    quantizer->total = count ? quantizer->input_count : 0;
    if (count)
        BASE_TRY(observe(quantizer, items, count));
    for (int i = 0; i < count; i++)
        BASE_TRY(equalize(quantizer, &quantizer->layers[items[i]]));
    return 0;
}
